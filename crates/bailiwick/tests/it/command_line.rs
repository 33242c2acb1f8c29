//! Commands beside a running server: the same use cases, audited as the person at the terminal, and seen by the server at once.

use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{Person, published_keys};
use crate::log::indexes_are_consecutive;
use crate::program::operator;
use crate::site::Site;

const PASSWORD: &str = "a sentence nobody guesses";

#[tokio::test]
async fn commands_beside_a_running_server_count_at_once() {
    let site = Site::with_admin(PASSWORD).await;
    let _server = site.serve().await;
    let admin = Person::signed_in(&site.base, "admin", PASSWORD, None).await;

    // A person, who signs in and may do nothing.
    site.person("lena.marsh", PASSWORD).await;
    let lena = Person::signed_in(&site.base, "lena.marsh", PASSWORD, None).await;
    assert_eq!(lena.get("/api/v1/users").await.problem(), "403 forbidden");

    // A role, which counts for the session that she has.
    let add = ["grant", "add", "lena.marsh", "charge-nurse", "--reason", "leads the shift", "--json"];
    let grants = site.run(&add).await.json();
    let id = grants[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(
        (&grants[0]["role"], &grants[0]["unit"], &grants[0]["ended_at"]),
        (&json!("charge-nurse"), &json!("/"), &Value::Null)
    );
    assert_eq!(lena.get("/api/v1/users").await.status, 200);
    let listed = site.run(&["grant", "list", "lena.marsh", "--json"]).await.json();
    assert_eq!(listed, grants);
    let ended = site.run(&["grant", "end", "lena.marsh", &id, "--reason", "not needed", "--json"]).await.json();
    assert!(ended[0]["ended_at"].is_string(), "{ended}");
    assert_eq!(lena.get("/api/v1/users").await.problem(), "403 forbidden");

    // A new key, which is published before it signs; and one that signs at once.
    let before = published_keys(&site.base).await;
    let keys = site.run(&["key", "rotate", "--reason", "yearly", "--json"]).await.json();
    assert_eq!(keys.as_array().unwrap().len(), before.len() + 1, "{keys}");
    assert_eq!(published_keys(&site.base).await.len(), before.len() + 1);
    assert_eq!(admin.get("/api/v1/me").await.status, 200, "tokens of the old key are good");
    site.run(&["key", "rotate", "--emergency", "--reason", "stolen", "--json"]).await.json();
    assert!(published_keys(&site.base).await.iter().all(|kid| !before.contains(kid)), "the old key is gone");
    // The server looks at its keys again after a second.
    let mut answer = admin.get("/api/v1/me").await;
    for _ in 0..150 {
        if answer.status == 401 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        answer = admin.get("/api/v1/me").await;
    }
    assert_eq!(answer.problem(), "401 not-signed-in", "and so are its tokens");

    // Her account.
    site.run(&["user", "disable", "lena.marsh", "--reason", "left", "--json"]).await.json();
    let mut gone = lena.clone();
    assert_eq!(gone.refresh().await.problem(), "401 session-ended");

    let disabled = Person::visitor(&site.base).sign_in("lena.marsh", PASSWORD, None).await.unwrap();
    assert_eq!(disabled.problem(), "401 invalid-credentials");
    let back = site.run(&["user", "enable", "lena.marsh", "--reason", "came back", "--json"]).await.json();
    assert_eq!(back, json!({ "username": "lena.marsh", "status": "active" }));
    let mut lena = Person::signed_in(&site.base, "lena.marsh", PASSWORD, None).await;
    let all = ["session", "end", "lena.marsh", "--all"];
    assert_eq!(site.run(&all).await.out.trim(), "the one session of lena.marsh is over");
    assert_eq!(lena.refresh().await.problem(), "401 session-ended");
    assert_eq!(site.run(&all).await.out.trim(), "lena.marsh had no session");

    let admin = Person::signed_in(&site.base, "admin", PASSWORD, None).await;
    let events = admin.events().await;
    indexes_are_consecutive(&events);
    for kind in ["user_created", "role_granted", "role_revoked", "key_rotated", "user_disabled", "user_enabled"] {
        let event = events.iter().rfind(|event| event["type"] == kind).unwrap_or_else(|| panic!("no {kind}"));
        assert_eq!((&event["actor"]["kind"], &event["actor"]["name"]), (&json!("cli"), &json!(operator())), "{event}");
    }
}

#[tokio::test]
async fn lists_are_for_people_and_for_programs() {
    let site = Site::with_admin(PASSWORD).await;

    let roles = site.run(&["role", "list", "--json"]).await.json();
    assert!(roles.as_array().unwrap().iter().any(|role| role["name"] == "nurse" && role["sensitive"] == false));
    let people = site.run(&["user", "list", "--json"]).await.json();
    assert_eq!((people[0]["username"].as_str(), people[0]["status"].as_str()), (Some("admin"), Some("active")));
    let keys = site.run(&["key", "list", "--json"]).await.json();
    assert_eq!(keys[0]["state"], "active", "{keys}");
    for arguments in [["role", "list"], ["user", "list"], ["key", "list"], ["realm", "list"]] {
        let said = site.run(&arguments).await;
        assert_eq!(said.code, Some(0), "{said:?}");
        assert!(!said.out.trim().is_empty() && !said.out.starts_with('['), "{said:?}");
    }
}

#[tokio::test]
async fn a_realm_made_beside_the_server_answers_there() {
    let site = Site::with_admin(PASSWORD).await;
    let _server = site.serve().await;

    let realms = site.run(&["realm", "create", "research", "--name", "Research", "--json"]).await.json();

    let slugs: Vec<&str> = realms.as_array().unwrap().iter().map(|realm| realm["slug"].as_str().unwrap()).collect();
    assert_eq!(slugs, ["main", "research"]);
    let base = format!("{}/realms/research", site.base);
    assert_eq!(realms[1]["issuer"], base.as_str());
    let discovery = Person::visitor(&base).get("/.well-known/openid-configuration").await;
    assert_eq!((discovery.status, &discovery.json["issuer"]), (200, &json!(base)), "{}", discovery.text);
    assert!(published_keys(&base).await.iter().all(|kid| !kid.is_empty()));
    let again = site.run(&["realm", "create", "research", "--name", "Research"]).await;
    assert_eq!(again.code, Some(1), "{again:?}");
}

#[tokio::test]
async fn what_does_not_exist_is_said_and_changes_nothing() {
    let site = Site::with_admin(PASSWORD).await;
    let cases: &[(&[&str], &str)] = &[
        (&["grant", "add", "nobody", "nurse", "--reason", "why not"], "nobody"),
        (&["grant", "add", "admin", "wizard", "--reason", "why not"], "role"),
        (&["grant", "add", "admin", "nurse", "--unit", "/moon", "--reason", "why not"], "unit"),
        (&["grant", "end", "admin", "7", "--reason", "why not"], "not the id of a grant"),
        (&["session", "end", "admin", "7"], "not the id of a session"),
        (&["user", "disable", "nobody", "--reason", "why not"], "nobody"),
        (&["user", "enable", "nobody", "--reason", "why not"], "nobody"),
        (&["user", "enable", "admin", "--reason", "why not"], "Only a disabled account"),
        (&["grant", "add", "admin", "admin", "--reason", "once more"], "The role admin is held in / already"),
        (&["user", "create", "x", "--display-name", "X"], "must be 3 to"),
        (&["user", "create", "admin", "--display-name", "X"], "taken"),
        (&["user", "list", "--realm", "mars"], "there is no realm mars"),
        (&["realm", "create", "No Slug", "--name", "X"], "lower-case"),
    ];
    for (arguments, word) in cases {
        let said = site.run(arguments).await;
        assert!(said.refused().contains(word), "{word} in {said:?}");
    }
}

#[tokio::test]
async fn the_last_administrator_stays() {
    let site = Site::with_admin(PASSWORD).await;
    let grants = site.run(&["grant", "list", "admin", "--json"]).await.json();
    let id = grants[0]["id"].as_str().unwrap().to_owned();

    let ended = site.run(&["grant", "end", "admin", &id, "--reason", "a mistake"]).await;
    assert!(ended.refused().contains("last administrator"), "{ended:?}");
    let disabled = site.run(&["user", "disable", "admin", "--reason", "a mistake"]).await;
    assert!(disabled.refused().contains("last administrator"), "{disabled:?}");
}

#[tokio::test]
async fn an_embedded_database_tells_which_migrations_it_has() {
    let (site, _) = Site::set_up().await;

    let said = site.run(&["migrate", "--dry-run"]).await;

    assert_eq!((said.code, said.out.trim()), (Some(0), "the database is up to date"), "{said:?}");
}
