//! `doctor`: what it says, with and without something to look at. It changes nothing.

use serde_json::Value;
use testkit::Folder;

use crate::program::{Said, run};
use crate::site::Site;

fn state(said: &Value, name: &str) -> String {
    let found = said["checks"].as_array().unwrap().iter().find(|check| check["name"] == name);
    found.map_or_else(|| "absent".to_owned(), |check| check["state"].as_str().unwrap().to_owned())
}

fn report(said: &Said) -> Value {
    serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("not JSON: {said:?}"))
}

#[tokio::test]
async fn without_a_configuration_or_a_database_it_measures_and_is_content() {
    let folder = Folder::new();

    let said = run(folder.path(), &[], &["doctor", "--json"]).await.json();

    assert_eq!((state(&said, "configuration"), state(&said, "database")), ("good".to_owned(), "skipped".to_owned()));
    assert_eq!(state(&said, "clock"), "good");
    let measured = said["passwords"]["measured"].as_array().unwrap();
    let kinds: Vec<&str> = measured.iter().map(|one| one["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["argon2id m=65536,t=3", "bcrypt 12", "pbkdf2-sha256 600000"]);
    for one in measured {
        assert!(one["wall_ms"].as_f64().unwrap() > 0.0 && one["cpu_ms"].as_f64().unwrap() > 0.0, "{one}");
        assert!(one["sign_ins_a_second"].as_f64().unwrap() > 0.0, "{one}");
        let suggested = one["suggested"].as_str().unwrap();
        let kind = domain_kind(suggested);
        assert!(kind, "{suggested} is below the floor");
    }
    assert!(measured[0]["pool_memory_mib"].as_u64().unwrap() >= 64);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was made");
}

fn domain_kind(label: &str) -> bool {
    service::domain::password::Kind::parse(label).unwrap().is_enough()
}

#[tokio::test]
async fn beside_a_running_server_it_looks_into_the_database() {
    let site = Site::with_admin("a sentence nobody guesses").await;
    let _server = site.serve().await;

    let said = site.run(&["doctor", "--json"]).await.json();

    for name in ["configuration", "key-encryption key", "database", "realms", "passwords"] {
        assert_eq!(state(&said, name), "good", "{name} in {said}");
    }
    assert_eq!(said["passwords"]["measured"][0]["kind"], "argon2id m=12288,t=3", "the configured one first");
    let people = site.run(&["doctor"]).await;
    assert_eq!(people.code, Some(0));
    assert!(people.out.contains("main: 1 of argon2id m=12288,t=3"), "{}", people.out);
}

#[tokio::test]
async fn what_is_bad_is_said_and_the_exit_code_is_one() {
    let (mut site, _) = Site::set_up().await;
    let other = Site::new("data");
    site.environment.push(("BAILIWICK__KEYS__ENCRYPTION_KEY".to_owned(), "ab".repeat(32)));
    site.environment.push(("BAILIWICK__SERVER__BASE_URL".to_owned(), "https://id.example.org".to_owned()));

    let said = site.run(&["doctor", "--json"]).await;
    assert_eq!(said.code, Some(1), "{said:?}");
    let report_of_it = report(&said);
    assert_eq!(report_of_it["ok"], false);
    assert_eq!(
        (state(&report_of_it, "signing keys"), state(&report_of_it, "issuer")),
        ("bad".to_owned(), "bad".to_owned())
    );

    other.configure("[passwords]\nhash = \"md5\"\n");
    let said = other.run(&["doctor", "--json"]).await;
    assert_eq!(said.code, Some(1), "{said:?}");
    assert_eq!(state(&report(&said), "configuration"), "bad");
    assert_eq!(state(&report(&said), "database"), "skipped");
}
