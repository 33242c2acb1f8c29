//! Services in other languages, protected by middleware that others made, against a real server: what docs/guide-other-languages.md shows.

use std::path::{Path, PathBuf};

use serde_json::json;
use testkit::Folder;

use crate::client::{Answer, Person, http, send};
use crate::demo::Demo;
use crate::program::{BAILIWICK, Process, command};

/// The applications, as the guide prints them.
const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/other-languages");

/// Installed by scripts/setup.sh beside what is built.
fn installed(script: &str) -> PathBuf {
    let built = Path::new(BAILIWICK).ancestors();
    let found = built.map(|folder| folder.join("other-languages").join(script)).find(|path| path.is_file());
    found.expect("the middleware of other languages is missing: ./test installs it")
}

struct Service {
    _process: Process,
    base: String,
}

impl Service {
    async fn start(script: &str, demo: &Demo, folder: &Path) -> Self {
        let issuer = demo.first["issuer"].as_str().unwrap().to_owned();
        let environment = [("ISSUER", issuer), ("AUDIENCE", "clinic".to_owned())];
        let environment = environment.map(|(name, value)| (name.to_owned(), value));
        let mut command = command(installed(script), folder, &environment);
        let mut process = Process::start({
            command.arg(SOURCES).env("PYTHONDONTWRITEBYTECODE", "1");
            command
        });
        let first = process.first_line().await.unwrap_or_else(|said| panic!("{said:?}"));
        let base = first["base_url"].as_str().unwrap().to_owned();
        Self { _process: process, base }
    }

    async fn charts(&self, authorization: &str) -> Answer {
        let request = http().get(format!("{}/charts/7", self.base));
        send(if authorization.is_empty() { request } else { request.header("authorization", authorization) }).await
    }
}

/// The same token with one character of its claims exchanged.
fn forged(token: &str) -> String {
    let mut segments: Vec<String> = token.split('.').map(str::to_owned).collect();
    let other = if segments[1].ends_with('A') { "B" } else { "A" };
    segments[1].pop();
    segments[1].push_str(other);
    segments.join(".")
}

async fn is_protected(script: &str) {
    // Not a copy of one that was seeded elsewhere: the issuer is where it listens.
    let folder = Folder::new();
    let demo = Demo::start(folder.path(), &[]).await;
    let service = Service::start(script, &demo, folder.path()).await;
    let nurse = demo.signed_in("nurse", Some("clinic")).await;
    let physician = demo.signed_in("physician", Some("clinic")).await;

    let chart = service.charts(&format!("Bearer {}", nurse.token)).await;
    assert_eq!((chart.status, &chart.json["chart"]), (200, &json!("7")), "{}", chart.text);
    let own = demo.signed_in("nurse", None).await;
    assert_eq!(chart.json["read_by"], own.get("/api/v1/me").await.json["id"]);
    let refused = nurse.at(&service.base).post("/prescriptions", json!({})).await;
    assert_eq!(refused.status, 403, "{}", refused.text);
    let prescribed = physician.at(&service.base).post("/prescriptions", json!({})).await;
    assert_eq!(prescribed.status, 201, "{}", prescribed.text);

    // Tokens of the seconds after a change say so in `as_of`: with a time of issue that lies ahead middleware would refuse them.
    let (admin, mut changed) = (demo.signed_in("admin", None).await, demo.signed_in("nurse", Some("clinic")).await);
    let grants = format!("/api/v1/users/{}/grants", own.get("/api/v1/me").await.json["id"].as_str().unwrap());
    let given =
        admin.post(&grants, json!({ "role": "receptionist", "unit": "/clinic-a", "reason": "helps out" })).await;
    assert_eq!(given.status, 201, "{}", given.text);
    changed.try_refresh(json!({ "audience": "clinic" })).await.unwrap();
    let chart = service.charts(&format!("Bearer {}", changed.token)).await;
    assert_eq!(chart.status, 200, "a token of just after a change: {}", chart.text);

    let other = demo.first["realms"][0]["base_url"].as_str().unwrap();
    let password = demo.first["realms"][0]["people"][0]["password"].as_str().unwrap();
    let stranger = Person::signed_in(other, "admin", password, None).await;
    let unsigned = format!("eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.{}.", nurse.token.split('.').nth(1).unwrap());
    for (what, authorization) in [
        ("no token", String::new()),
        ("nonsense", "Bearer nonsense".to_owned()),
        ("forged claims", format!("Bearer {}", forged(&nurse.token))),
        ("no signature", format!("Bearer {unsigned}")),
        ("a token for our own API", format!("Bearer {}", own.token)),
        ("a token of another realm", format!("Bearer {}", stranger.token)),
    ] {
        let answer = service.charts(&authorization).await;
        assert_eq!(answer.status, 401, "{what}: {}", answer.text);
        assert!(answer.header("www-authenticate").to_lowercase().starts_with("bearer"), "{what}");
    }
}

#[tokio::test]
async fn a_python_service_behind_authlib_is_protected() {
    is_protected("run-python").await;
}

#[tokio::test]
async fn a_node_service_behind_express_oauth2_jwt_bearer_is_protected() {
    is_protected("run-node").await;
}

#[test]
fn the_guide_shows_the_applications_that_are_tested() {
    let guide = std::fs::read_to_string(format!("{SOURCES}/../../docs/guide-other-languages.md")).unwrap();
    for (language, name) in [("python", "python/app.py"), ("js", "node/app.js")] {
        let source = std::fs::read_to_string(format!("{SOURCES}/{name}")).unwrap();
        assert!(guide.contains(&format!("```{language}\n{source}```\n")), "{name} is another one in the guide");
    }
}
