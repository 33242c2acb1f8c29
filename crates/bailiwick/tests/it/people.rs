//! People and their sessions by command beside a running server.

use serde_json::{Value, json};

use crate::administration::{json, split};
use crate::client::Person;
use crate::program::{Said, operator};
use crate::site::Site;

const PASSWORD: &str = "a sentence nobody guesses";

async fn said(site: &Site, line: &str) -> Said {
    site.run(&split(line).iter().map(String::as_str).collect::<Vec<_>>()).await
}

fn usernames(people: &Value) -> Vec<&str> {
    people.as_array().unwrap().iter().map(|person| person["username"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn somebody_is_made_found_changed_renamed_and_deleted_by_command() {
    let site = Site::with_admin(PASSWORD).await;
    json(&site, "unit create /ward-3 --name 'Ward 3'").await;
    json(&site, "user create lena.marsh --display-name 'Lena Marsh' --email lena@example.org --unit /ward-3").await;
    json(&site, "user create omar.lind --display-name 'Omar Lind'").await;

    assert_eq!(usernames(&json(&site, "user list len").await), ["lena.marsh"]);
    assert_eq!(usernames(&json(&site, "user list --unit /ward-3").await), ["lena.marsh"]);
    assert_eq!(usernames(&json(&site, "user list --role admin").await), ["admin"]);
    assert_eq!(usernames(&json(&site, "user list --status active").await), ["admin"]);
    let changed = json(&site, "user update lena.marsh --display-name 'Lena Marsh-Holt' --phone '+1 202 555 0101' --attribute npi=1234567893 --attribute licence_expires_on=2028-02-29").await;
    assert_eq!((&changed["display_name"], &changed["phone"]), (&json!("Lena Marsh-Holt"), &json!("+1 202 555 0101")));
    assert_eq!(changed["attributes"], json!({"npi": "1234567893", "licence_expires_on": "2028-02-29"}));
    let cleared = json(&site, "user update lena.marsh --attribute npi= --phone ''").await;
    assert_eq!(
        (&cleared["attributes"], &cleared["phone"]),
        (&json!({"licence_expires_on": "2028-02-29"}), &Value::Null)
    );
    let shown = said(&site, "user show lena.marsh").await;
    assert!(
        shown.out.lines().any(|line| line.split_whitespace().eq(["attributes", "licence_expires_on", "2028-02-29"])),
        "{shown:?}"
    );
    assert_eq!(json(&site, "user rename lena.marsh lena.holt").await["username"], "lena.holt");
    assert_eq!(json(&site, "user delete lena.holt --reason 'asked for it'").await["status"], "deleted");
    assert_eq!(usernames(&json(&site, "user list").await), ["admin", "omar.lind"]);

    let refused = [
        ("user show lena.holt", "there is nobody with the username lena.holt"),
        ("user rename omar.lind admin", "the username admin is taken"),
        ("user rename omar.lind x", "must be 3 to"),
        ("user update omar.lind --attribute npi=1234567890", "attribute npi: Expected a National Provider Identifier"),
        ("user update omar.lind --attribute shoe_size=43", "attribute shoe_size: There is no such attribute here"),
        ("user update omar.lind --unit /moon", "there is no such unit"),
        ("user email omar.lind nobody", "is not an e-mail address"),
        ("user delete admin --reason 'not needed'", "last administrator"),
        ("user lockdown admin --reason 'not needed'", "last administrator"),
    ];
    for (line, words) in refused {
        let told = said(&site, line).await;
        assert!(told.refused().contains(words), "{words:?} is not in {told:?}");
    }
    let events = json(&site, "audit list --limit 200 --type user_deleted").await;
    let event = &events[0];
    assert_eq!((&event["actor"]["name"], &event["after"]["reason"]), (&json!(operator()), &json!("asked for it")));
    assert_eq!(event["before"]["username"], "lena.holt");
}

#[tokio::test]
async fn a_printed_code_opens_an_account_a_session_is_ended_and_a_lockdown_stops_all() {
    let site = Site::with_admin(PASSWORD).await;
    let _server = site.serve().await;
    json(&site, "user create lena.marsh --display-name 'Lena Marsh'").await;

    let made = json(&site, "user activation-code lena.marsh --reason 'has no mail'").await;
    crate::site::choose(&site.base, made["code"].as_str().unwrap(), PASSWORD).await;
    let mut lena = Person::signed_in(&site.base, "lena.marsh", PASSWORD, None).await;

    let sessions = json(&site, "session list lena.marsh").await;
    assert_eq!((sessions.as_array().unwrap().len(), &sessions[0]["state"]), (1, &json!("live")));
    let id = sessions[0]["id"].as_str().unwrap();
    let all = said(&site, "session list").await;
    assert!(all.out.contains("lena.marsh") && all.out.contains("live"), "{all:?}");
    json(&site, &format!("session end lena.marsh {id}")).await;
    assert_eq!(lena.refresh().await.problem(), "401 session-ended");
    let again = said(&site, &format!("session end lena.marsh {id}")).await;
    assert!(again.refused().contains("has no such session"), "{again:?}");
    said(&site, "session end lena.marsh 7").await.refused_in_one_line(&["not the id of a session"]);

    Person::signed_in(&site.base, "lena.marsh", PASSWORD, None).await;
    assert_eq!(json(&site, "user unlock lena.marsh --reason 'mistyped'").await["status"], "active");
    assert_eq!(json(&site, "user lockdown lena.marsh --reason 'phone stolen'").await["status"], "disabled");
    let refused = Person::visitor(&site.base).sign_in("lena.marsh", PASSWORD, None).await.unwrap();
    assert_eq!(refused.problem(), "401 invalid-credentials");
    assert_eq!(json(&site, "session list lena.marsh").await, json!([]));

    for kind in ["activation_code_issued", "session_ended", "user_locked_down"] {
        let events = json(&site, &format!("audit list --subject lena.marsh --type {kind}")).await;
        let by_command = events.as_array().unwrap().iter().filter(|event| event["actor"]["name"] == operator());
        assert!(by_command.count() > 0, "no {kind}: {events}");
    }
}
