//! Cookies: what is set, and what is believed (WEB-01, WEB-02, SES-01, SES-04, SES-10).

use std::collections::BTreeSet;

use axum::http::Method;
use domain::realm::RealmKey;
use domain::time::{hours, minutes};
use serde_json::json;
use store::token::Purpose;
use testkit::{Answer, TestApp};

fn check(answer: &Answer) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for line in answer.set_cookies() {
        let mut parts = line.split("; ");
        let (name, value) = parts.next().unwrap().split_once('=').unwrap();
        let attributes: BTreeSet<&str> = parts.collect();
        let short = name.strip_prefix("__Host-bailiwick-").unwrap_or_else(|| panic!("{line}"));
        let site = match short.split('.').next().unwrap() {
            "session" | "flow" => "SameSite=Lax",
            "refresh" | "device" => "SameSite=Strict",
            _ => panic!("{line}"),
        };
        let lifetime = attributes.iter().find(|attribute| attribute.starts_with("Max-Age=")).expect("a lifetime");
        let expected = BTreeSet::from(["Path=/", "Secure", "HttpOnly", site, lifetime]);
        assert_eq!(attributes, expected, "{line}");
        assert!(line.len() <= 4096);
        if *lifetime == "Max-Age=0" {
            assert_eq!(value, "", "{line}");
        } else {
            assert!(value.len() >= 43, "256 bits: {line}");
            assert!(value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'), "opaque: {line}");
        }
        assert!(names.insert(name.to_owned()), "one line for each: {:?}", answer.set_cookies());
    }
    names
}

#[tokio::test]
async fn web_01_every_cookie_that_is_set_has_exactly_the_attributes_of_its_kind() {
    let app = TestApp::new().await;
    let link = app.new_link("somebody", Purpose::Activation).await;
    let cookie = |short: &str| format!("__Host-bailiwick-{short}");
    let both = BTreeSet::from([cookie("refresh"), cookie("session")]);
    let all = BTreeSet::from([cookie("device"), cookie("refresh"), cookie("session")]);
    let mut browser = app.browser();

    assert_eq!(check(&browser.sign_in("nurse").await), all);
    app.advance(minutes(1));
    assert_eq!(check(&browser.refresh().await.expect(200)), BTreeSet::from(["__Host-bailiwick-refresh".to_owned()]));
    assert_eq!(check(&browser.post_empty("/api/v1/sign-out").await.expect(204)).len(), 3);
    assert_eq!(check(&browser.refresh().await.expect(401)), both);
    let page = browser.get("/sign-in").await.expect(200);
    assert_eq!(check(&page), BTreeSet::from(["__Host-bailiwick-flow".to_owned()]));
    let password = app.password("main", "nurse");
    let fields = [("identifier", "nurse"), ("password", password.as_str()), ("csrf", &page.hidden("csrf"))];
    assert_eq!(check(&browser.form("/sign-in", &fields).await.expect(303)).len(), 4);
    assert_eq!(check(&browser.get(&format!("/invitation?token={link}")).await.expect(303)).len(), 1);
    let mut other = app.browser_in_other();
    let names = check(&other.sign_in("nurse").await);
    assert!(names.iter().all(|name| name.ends_with(".other")), "{names:?}");
}

#[tokio::test]
async fn web_02_no_body_ever_holds_a_cookies_value() {
    let app = TestApp::new().await;
    let mut nurse = app.browser();
    let mut bodies = vec![nurse.sign_in("nurse").await.text];
    app.advance(minutes(1));
    let before = nurse.cookies.clone();
    bodies.push(nurse.refresh().await.expect(200).text);
    for path in
        ["/api/v1/me", "/api/v1/session", "/api/v1/me/sessions", "/account", "/sign-out", "/api/v1/me/permissions"]
    {
        bodies.push(nurse.get(path).await.expect(200).text);
    }

    for value in before.values().chain(nurse.cookies.values()) {
        assert!(bodies.iter().all(|body| !body.contains(value)));
    }
}

#[tokio::test]
async fn two_cookies_of_one_name_count_as_none() {
    let app = TestApp::new().await;
    let mut nurse = app.signed_in("nurse").await;
    let (session, refresh) = (nurse.cookie("session").unwrap(), nurse.cookie("refresh").unwrap());
    let (session, refresh) =
        (format!("__Host-bailiwick-session={session}"), format!("__Host-bailiwick-refresh={refresh}"));
    let path = "/api/v1/session/refresh";

    let mut other = nurse.clone();
    let one_line = format!("{refresh}; {refresh}");
    let answer = other.call(Method::POST, path).header("cookie", &one_line).send().await;
    assert_eq!((answer.status, answer.code().as_str()), (401, "session-ended"));
    let two_lines = other.call(Method::POST, path).header("cookie", &refresh).header("cookie", &refresh).send().await;
    assert_eq!(two_lines.status, 401);
    let page = other.call(Method::GET, "/account").header("cookie", &format!("{session}; {session}")).send().await;
    assert_eq!(page.header("location"), "/sign-in?return_to=/account");
    assert_eq!(nurse.refresh().await.status, 200, "nothing happened to the session");
}

#[tokio::test]
async fn ses_10_a_cookie_or_a_bearer_of_another_realm_is_nobodys() {
    let app = TestApp::new().await;
    let mut main = app.signed_in("admin").await;
    let mut other = app.browser_in_other();
    other.sign_in("admin").await;
    let before = (
        app.db.dump(RealmKey::MAIN).await["session"].clone(),
        app.db.dump(testkit::app::OTHER).await["session"].clone(),
    );

    for (from, at) in [(main.clone(), other.clone()), (other.clone(), main.clone())] {
        let mut thief = at;
        thief.bearer.clone_from(&from.bearer);
        for short in ["session", "refresh"] {
            thief.set_cookie(short, &from.cookie(short).unwrap());
        }
        assert_eq!(thief.me().await.expect(401).code(), "not-signed-in");
        assert_eq!(thief.get("/account").await.status, 303, "a page asks for a sign-in");
        thief.clone().post_empty("/api/v1/sign-out").await.expect(204);
        thief.clone().post_empty("/api/v1/sign-out/everywhere").await.expect(204);
        assert_eq!(thief.refresh().await.expect(401).code(), "session-ended");
    }

    let after = (
        app.db.dump(RealmKey::MAIN).await["session"].clone(),
        app.db.dump(testkit::app::OTHER).await["session"].clone(),
    );
    assert_eq!(before, after);
    assert_eq!((main.me().await.status, other.me().await.status), (200, 200));
}

#[tokio::test]
async fn ses_04_a_cookie_that_is_sent_after_its_time_is_refused_by_the_server() {
    let app = TestApp::new().await;
    let nurse = app.signed_in("nurse").await;

    app.advance(minutes(15));
    assert_eq!(nurse.clone().get("/account").await.status, 303);
    app.advance(hours(12));
    assert_eq!(nurse.clone().refresh().await.expect(401).code(), "session-ended");
    assert_eq!(nurse.clone().get("/account").await.status, 303);
}

#[tokio::test]
async fn ses_02_the_session_of_before_the_sign_in_is_not_the_one_of_after() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    // An attacker plants cookies of their own choice.
    for short in ["session", "refresh", "flow"] {
        browser.set_cookie(short, &"A".repeat(43));
    }
    browser.sign_in("nurse").await;
    let first = browser.cookies.clone();
    browser.sign_in("nurse").await;

    for short in ["session", "refresh"] {
        assert_ne!(browser.cookie(short).unwrap(), "A".repeat(43));
        assert_ne!(browser.cookie(short), first.get(&browser.cookie_name(short)).cloned());
    }
}

#[tokio::test]
async fn a_sign_in_over_a_live_session_replaces_ones_own_and_locks_another_persons() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    browser.sign_in("nurse").await;
    let first = browser.clone();
    browser.sign_in("nurse").await;
    let second = browser.clone();
    assert_eq!(first.clone().me().await.status, 401, "replaced");
    assert_eq!(first.clone().refresh().await.expect(401).code(), "session-ended");

    browser.sign_in("physician").await;

    assert_eq!(second.clone().me().await.status, 401, "locked");
    assert_eq!(second.clone().refresh().await.expect(401).code(), "session-locked");
    assert_eq!(browser.me().await.expect(200).json()["username"], json!("physician"));
    let reasons: Vec<String> = app
        .events()
        .await
        .iter()
        .filter(|event| ["session_ended", "session_locked"].contains(&event["type"].as_str().unwrap()))
        .map(|event| event["reason"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(reasons, ["replaced", "switched"]);
}
