//! The README's walk, over real sockets, with the clinic beside the server.

use std::path::Path;

use serde_json::{Value, json};
use testkit::Folder;

use crate::client::Person;
use crate::demo::Demo;
use crate::log::indexes_are_consecutive;
use crate::program::{Process, command, neighbour};

/// The example resource server, trusting the demo of this folder.
pub(crate) async fn clinic(folder: &Path, arguments: &[&str]) -> (Process, String) {
    let mut command = command(neighbour("clinic"), folder, &[]);
    command.args(["--listen", "127.0.0.1:0", "--json", "--data", "demo"]).args(arguments);
    let mut process = Process::start(command);
    let first = process.first_line().await.unwrap_or_else(|said| panic!("{said:?}"));
    let base = first["base_url"].as_str().unwrap().to_owned();
    (process, base)
}

fn types_about(events: &[Value], subject: &str) -> Vec<String> {
    let of = events.iter().filter(|event| event["subject"]["id"] == subject);
    of.map(|event| event["type"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_walk_through_the_clinic() {
    let folder = Folder::new();
    let demo = Demo::start(folder.path(), &[]).await;
    let (_clinic, clinic) = clinic(folder.path(), &[]).await;

    // A token opens one API and no other.
    let own = demo.signed_in("nurse", None).await;
    assert_eq!(own.at(&clinic).get("/charts/7").await.status, 401, "a token for our own API");
    let clinics = demo.signed_in("nurse", Some("clinic")).await;
    assert_eq!(clinics.get("/api/v1/me").await.problem(), "401 not-signed-in", "a token for the clinic");
    let nowhere =
        Person::visitor(&demo.base).sign_in("nurse", &demo.password("nurse"), Some("pharmacy")).await.unwrap();
    assert_eq!(nowhere.status, 422, "{}", nowhere.text);

    // A nurse reads a chart, and may not prescribe; a physician may.
    let mut nurse = demo.signed_in("nurse", Some("clinic")).await;
    assert_eq!(nurse.at(&clinic).get("/charts/7").await.status, 200);
    let refused = nurse.at(&clinic).post("/prescriptions", json!({ "drug": "aspirin" })).await;
    assert_eq!(refused.problem(), "403 forbidden");
    assert_eq!(refused.json["missing"], json!(["prescriptions:create"]));
    let physician = demo.signed_in("physician", Some("clinic")).await;
    assert!(physician.at(&clinic).post("/prescriptions", json!({ "drug": "aspirin" })).await.status < 300);

    // She releases a result after an administrator gave her a role, and after the next refresh.
    let release = "/results/9/release";
    assert_eq!(nurse.at(&clinic).post(release, json!({})).await.json["missing"], json!(["results:release"]));
    let admin = demo.signed_in("admin", None).await;
    let people = admin.people().await;
    let grant = json!({ "role": "charge-nurse", "reason": "leads the night shift" });
    let given = admin.post(&format!("/api/v1/users/{}/grants", people["nurse"]), grant).await;
    assert_eq!(given.status, 201, "{}", given.text);
    // The old token gains nothing, and within a second it is refused altogether.
    let old = nurse.at(&clinic).post(release, json!({})).await.status;
    assert!([401, 403].contains(&old), "{old}");
    assert_eq!(nurse.refresh().await.status, 200);
    assert_eq!(nurse.at(&clinic).post(release, json!({})).await.status, 200);

    // Signed out, her refresh cookie is dead, whoever has kept a copy.
    let mut copy = nurse.clone();
    assert_eq!(nurse.try_sign_out().await.unwrap().status, 204);
    assert_eq!(copy.refresh().await.problem(), "401 session-ended");
    assert_eq!(nurse.refresh().await.problem(), "401 session-ended");

    let events = admin.events().await;
    let of_nurse = types_about(&events, &people["nurse"]);
    let since_seeding: Vec<&str> =
        of_nurse.iter().map(String::as_str).skip_while(|kind| *kind != "authn_login_success").collect();
    let expected = ["authn_login_success", "session_created"].repeat(3);
    assert_eq!(since_seeding, [&expected[..], &["role_granted", "session_ended"]].concat());
    let granted = events.iter().rfind(|event| event["type"] == "role_granted").unwrap();
    assert_eq!(granted["actor"]["id"], people["admin"].as_str());
    assert_eq!(granted["after"]["role"], "charge-nurse");
    assert_eq!(granted["source"]["address"], "127.0.0.1");
    indexes_are_consecutive(&events);
}

#[tokio::test]
async fn the_walk_through_the_agency() {
    let folder = Folder::new();
    let demo = Demo::start(folder.path(), &["agency"]).await;
    let (_clinic, agency) = clinic(folder.path(), &["--profile", "agency"]).await;

    let mut agent = demo.signed_in("agent", Some("agency")).await;
    assert_eq!(agent.at(&agency).get("/policies/7").await.status, 200);
    let refused = agent.at(&agency).post("/policies", json!({})).await;
    assert_eq!((refused.status, &refused.json["missing"]), (403, &json!(["policies:create"])), "{}", refused.text);
    for (username, status) in [("manager", 201), ("admin", 403), ("compliance-officer", 403)] {
        let person = demo.signed_in(username, Some("agency")).await;
        assert_eq!(person.at(&agency).post("/policies", json!({})).await.status, status, "{username}");
    }
    let officer = demo.signed_in("compliance-officer", Some("agency")).await;
    assert_eq!(officer.at(&agency).get("/policies/7").await.status, 200);

    let admin = demo.signed_in("admin", None).await;
    let people = admin.people().await;
    let grant = json!({ "role": "senior-agent", "reason": "binding authority" });
    let given = admin.post(&format!("/api/v1/users/{}/grants", people["agent"]), grant).await;
    assert_eq!(given.status, 201, "{}", given.text);
    assert_eq!(agent.refresh().await.status, 200);
    assert_eq!(agent.at(&agency).post("/policies", json!({})).await.status, 201);

    let compliance = demo.signed_in("compliance-officer", None).await;
    assert!(compliance.events().await.iter().any(|event| event["after"]["role"] == "senior-agent"));
    assert_eq!(agent.try_sign_out().await.unwrap().status, 204);
    assert_eq!(agent.refresh().await.problem(), "401 session-ended");
}
