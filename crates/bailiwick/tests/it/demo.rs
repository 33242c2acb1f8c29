//! A demo that runs: for the tests of this crate, and what its first line and its pages say.

use std::path::Path;

use domain::totp::Seed;
use serde_json::Value;
use testkit::Folder;

use crate::client::{Person, reset};
use crate::program::{BAILIWICK, Process, Said, command, copy, made_once};

/// A demo, and what its first line said.
pub(crate) struct Demo {
    process: Process,
    pub(crate) first: Value,
    pub(crate) base: String,
}

impl Demo {
    /// Starts one in a folder; it keeps its data in `demo` below that.
    pub(crate) async fn start(folder: &Path, arguments: &[&str]) -> Self {
        Self::try_start(folder, arguments).await.unwrap_or_else(|said| panic!("{said:?}"))
    }

    pub(crate) async fn try_start(folder: &Path, arguments: &[&str]) -> Result<Self, Said> {
        Self::try_start_at("127.0.0.1:0", folder, arguments).await
    }

    /// The same, where one has listened before.
    pub(crate) async fn try_start_at(listen: &str, folder: &Path, arguments: &[&str]) -> Result<Self, Said> {
        let mut command = command(BAILIWICK, folder, &[]);
        command.args(["demo", "--listen", listen, "--json", "--data", "demo"]).args(arguments);
        let mut process = Process::start(command);
        let first = process.first_line().await?;
        let base = first["base_url"].as_str().unwrap().to_owned();
        Ok(Self { process, first, base })
    }

    pub(crate) fn password(&self, username: &str) -> String {
        let people = self.first["people"].as_array().unwrap();
        let person = people.iter().find(|person| person["username"] == username).unwrap();
        person["password"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn signed_in(&self, username: &str, audience: Option<&str>) -> Person {
        Person::signed_in(&self.base, username, &self.password(username), audience).await
    }

    pub(crate) async fn kill(self) {
        self.process.kill().await;
    }

    pub(crate) async fn stop(self) {
        assert!(self.process.stop().await.success());
    }
}

/// A folder with a demo that ran and was stopped. Seeding takes seconds, so it is done once for all tests.
pub(crate) async fn seeded() -> Folder {
    let template = made_once("demo", async |folder: &Path| Demo::start(folder, &[]).await.stop().await).await;
    let folder = Folder::new();
    copy(&template, folder.path());
    folder
}

fn members(value: &Value) -> Vec<&str> {
    // Whether a map keeps the order of its members depends on what else is built.
    let mut names: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn the_first_line_of_demo_json_has_exactly_the_members_that_are_promised() {
    let folder = seeded().await;
    let demo = Demo::start(folder.path(), &[]).await;
    let first = &demo.first;

    let all = ["apis", "base_url", "data", "issuer", "mail_url", "operations_url", "people", "realms"];
    assert_eq!(members(first), all);
    let of_person = ["email", "grants", "password", "roles", "totp_secret", "unit", "username"];
    let people = first["people"].as_array().unwrap();
    let others = first["realms"][0]["people"].as_array().unwrap();
    for person in people.iter().chain(others) {
        assert_eq!(members(person), of_person);
        for grant in person["grants"].as_array().unwrap() {
            assert_eq!(members(grant), ["role", "unit"]);
        }
        // Who holds a sensitive role has a second factor.
        let sensitive = ["admin", "physician", "auditor"].iter().any(|role| person["grants"][0]["role"] == *role);
        let plain = ["nurse", "patient", "receptionist"].iter().any(|role| person["grants"][0]["role"] == *role);
        let seed = person["totp_secret"].as_str();
        assert!(!sensitive || seed.is_some(), "{person}");
        assert!(!plain || seed.is_none(), "{person}");
        assert!(seed.is_none_or(|seed| seed.len() == 32 && Seed::parse(seed).is_some()), "{person}");
    }
    for api in first["apis"].as_array().unwrap() {
        assert_eq!(members(api), ["audience", "client_id", "client_secret"]);
    }
    assert_eq!(members(&first["realms"][0]), ["base_url", "name", "people"]);
    assert_eq!(first["realms"][0]["name"], "other");
    assert_eq!(first["data"], "demo");
    assert_eq!(first["mail_url"], format!("{}/mail", demo.base));
    // For each role one person who holds it everywhere, and some who hold theirs in a unit.
    let everywhere = people.iter().filter(|person| person["unit"] == "/");
    assert!(everywhere.clone().count() >= 10);
    assert!(everywhere.clone().all(|person| person["roles"].as_array().unwrap().len() == 1));
    assert!(
        people.iter().filter(|person| person["unit"] != "/").all(|person| person["roles"] == serde_json::json!([]))
    );
    assert!(people.iter().any(|person| person["unit"] == "/clinic-a/ward-3"));
}

#[tokio::test]
async fn the_operations_listener_says_that_demo_is_alive_and_ready() {
    let folder = seeded().await;
    let demo = Demo::start(folder.path(), &[]).await;
    let operations = Person::visitor(demo.first["operations_url"].as_str().unwrap());

    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(operations.get(path).await.status, 200, "{path}");
        assert_eq!(Person::visitor(&demo.base).get(path).await.status, 404, "{path} is not public");
    }
}

#[tokio::test]
async fn somebody_invited_finds_the_link_in_the_mail_and_signs_in() {
    let folder = seeded().await;
    let demo = Demo::start(folder.path(), &[]).await;
    let admin = demo.signed_in("admin", None).await;
    let new = serde_json::json!({ "username": "lena.marsh", "display_name": "Lena Marsh", "email": "lena@healthcare.example",
        "grants": [{ "role": "nurse", "reason": "new colleague" }] });
    let invited = admin.post("/api/v1/users", new).await;
    assert_eq!((invited.status, &invited.json["status"]), (201, &"invited".into()), "{}", invited.text);

    let mails = mail(&demo).await;
    assert_eq!(members(&mails[0]), ["at", "subject", "text", "to"]);
    assert_eq!(mails[0]["to"], "lena@healthcare.example");
    let text = mails[0]["text"].as_str().unwrap();
    let link = text.lines().find(|line| line.starts_with(&format!("{}/invitation?token=", demo.base)));
    let token = link.expect("a link on its own line").split_once("token=").unwrap().1;
    assert_eq!(reset(&demo.base, token, "copper kettle at the north pier").await.status, 204);
    assert_eq!(reset(&demo.base, token, "copper kettle at the north pier").await.problem(), "400 token-refused");

    let lena = Person::signed_in(&demo.base, "lena.marsh", "copper kettle at the north pier", Some("clinic")).await;
    assert!(!lena.token.is_empty());
}

async fn mail(demo: &Demo) -> Vec<Value> {
    let request = crate::client::http().get(demo.first["mail_url"].as_str().unwrap());
    let answer = crate::client::send(request.header("accept", "application/json")).await;
    assert_eq!(answer.status, 200);
    answer.json.as_array().unwrap().clone()
}

#[tokio::test]
async fn the_code_of_whoever_needs_one_is_told_and_works_once() {
    let folder = seeded().await;
    let demo = Demo::start(folder.path(), &[]).await;
    let visitor = Person::visitor(&demo.base);

    let code = visitor.get("/demo/code?username=admin").await;
    assert_eq!((code.status, code.text.len()), (200, 6), "{}", code.text);
    assert!(code.header("content-type").starts_with("text/plain"));
    for nobody in ["nurse", "nobody", ""] {
        assert_eq!(visitor.get(&format!("/demo/code?username={nobody}")).await.problem(), "404 not-found", "{nobody}");
    }
    // Two in a row: each gets a code that works.
    demo.signed_in("admin", None).await;
    demo.signed_in("admin", None).await;
}

#[tokio::test]
async fn the_realms_of_demo_know_nothing_of_each_other() {
    let folder = seeded().await;
    let demo = Demo::start(folder.path(), &[]).await;
    let other = demo.first["realms"][0]["base_url"].as_str().unwrap();
    let password = demo.first["realms"][0]["people"][0]["password"].as_str().unwrap();

    assert_eq!(Person::visitor(other).sign_in("admin", password, None).await.unwrap().status, 200);
    let refused = Person::visitor(other).sign_in("nurse", &demo.password("nurse"), None).await.unwrap();
    assert_eq!(refused.problem(), "401 invalid-credentials");
    let refused = Person::visitor(&demo.base).sign_in("admin", password, None).await.unwrap();
    assert_eq!(refused.problem(), "401 invalid-credentials");
}
