//! schemathesis against a live server: calls made from openapi.json, also ones that violate it. No fault, no answer that the document does not name,
//! no violation that is taken. How it is run, and what it may not do: tests/schemathesis.

use std::path::{Path, PathBuf};

use serde_json::Value;
use testkit::Folder;

use crate::client::{Person, http, send};
use crate::demo::{Demo, seeded};
use crate::program::{BAILIWICK, command};

/// Installed by scripts/setup.sh beside what is built.
fn schemathesis() -> PathBuf {
    let built = Path::new(BAILIWICK).ancestors();
    let found = built.map(|folder| folder.join("schemathesis/schemathesis")).find(|path| path.is_file());
    found.expect("schemathesis is missing: ./test installs it")
}

/// What the hooks are told.
async fn environment(demo: &Demo, caller: Option<&Person>) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let api = &demo.first["apis"][0];
    let (mut token, mut own) = (String::new(), String::new());
    if let Some(caller) = caller {
        token = format!("Bearer {}", caller.token);
        own = format!(
            "{},{}",
            text(&caller.get("/api/v1/me").await.json["id"]),
            text(&caller.get("/api/v1/session").await.json["id"])
        );
    }
    let somebody = demo.signed_in("patient", None).await.get("/api/v1/me").await;
    [
        ("BAILIWICK_TOKEN", token),
        ("BAILIWICK_OWN", own),
        ("BAILIWICK_API", format!("{}:{}", text(&api["client_id"]), text(&api["client_secret"]))),
        ("BAILIWICK_PERSON", text(&somebody.json["id"])),
        ("PYTHONDONTWRITEBYTECODE", "1".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// Who is refused nearly everywhere has less to ask.
const FEW: [&str; 4] = ["--phases", "examples,coverage", "--mode", "positive"];

/// Runs it; what it found fails the test with its report.
async fn finds_nothing(caller: Option<&str>, how: &[&str]) {
    let folder = seeded().await;
    let demo = Demo::start(folder.path(), &[]).await;
    let person = match caller {
        Some(username) => Some(demo.signed_in(username, None).await),
        None => None,
    };
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemathesis");
    let scratch = Folder::new();
    let mut command = command(schemathesis(), scratch.path(), &environment(&demo, person.as_ref()).await);
    command.env("PYTHONPATH", &here).arg("--config-file").arg(here.join("schemathesis.toml"));
    command.args(["run", &format!("{}/openapi.json", demo.base)]).args(how);
    let said = command.output().await.unwrap();

    let report = String::from_utf8_lossy(&said.stdout).into_owned() + &String::from_utf8_lossy(&said.stderr);
    assert!(said.status.success(), "{report}");
    let tested = send(http().get(format!("{}/openapi.json", demo.base))).await;
    // All but the document itself, which it reads first.
    let operations: usize =
        tested.json["paths"].as_object().unwrap().values().map(|item| item.as_object().unwrap().len()).sum::<usize>()
            - 1;
    // A visitor's few calls may have no valid form: PATCH without a version that fits.
    let word = if how.is_empty() { "Tested: " } else { "Selected: " };
    assert!(report.contains(&format!("{word}{operations}")), "not all {operations} operations were called:\n{report}");
    // Whoever signed in is signed in still: all the calls were this caller's.
    if let Some(person) = person {
        assert_eq!(person.get("/api/v1/me").await.status, 200, "the caller lost the session on the way:\n{report}");
    }
}

#[tokio::test]
async fn schemathesis_finds_nothing_as_an_administrator() {
    finds_nothing(Some("admin"), &[]).await;
}

#[tokio::test]
async fn schemathesis_finds_nothing_as_a_nurse() {
    finds_nothing(Some("nurse"), &FEW).await;
}

#[tokio::test]
async fn schemathesis_finds_nothing_as_a_visitor() {
    finds_nothing(None, &FEW).await;
}
