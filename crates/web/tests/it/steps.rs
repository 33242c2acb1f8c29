//! A step more in the list: it is asked for at every surface, and nothing else had to change.

use axum::http::Method;
use domain::realm::RealmKey;
use domain::sign_in::{STEPS, Step};
use domain::time::minutes;
use serde_json::{Value, json};
use store::token::Purpose;
use testkit::{Answer, Browser, TestApp, on_both_databases};

use crate::factors::{code, codes, second};

const TERMS: &str = "accept_terms";
const PAGE: &str = "/sign-in/terms";
const PASSWORD: &str = "a quiet harbour at dawn";

/// The list with one step more at this place.
fn with_terms(at: usize) -> &'static [Step] {
    let mut steps: Vec<Step> = STEPS.iter().map(|step| Step { ..*step }).collect();
    let owed = |_: &domain::sign_in::Account, done: &domain::sign_in::Established| !done.passed.contains(TERMS);
    steps.insert(at, Step { name: TERMS, page: PAGE, lives_seconds: 600, owed });
    Box::leak(steps.into_boxed_slice())
}

fn node(app: &TestApp, at: usize) -> TestApp {
    app.node(|settings, _| settings.steps = with_terms(at))
}

/// The terms are owed, and nothing was given.
fn waits_for_terms(answer: &Answer) -> Value {
    let body = answer.json();
    assert_eq!((answer.status, &body["outcome"]), (200, &json!(TERMS)), "{answer:?}");
    assert!(answer.set_cookies().is_empty(), "{answer:?}");
    for absent in ["access_token", "session_id", "user", "methods", "reason"] {
        assert!(body.get(absent).is_none(), "{absent}: {answer:?}");
    }
    assert_eq!(body["expires_in"], 600);
    assert!(body["continue_url"].as_str().unwrap().starts_with("https://id.example.org/sign-in/continue?handle="));
    body
}

async fn newcomer(app: &TestApp, username: &str, roles: &[&str]) {
    let link = app.new_link_for(username, Purpose::Activation, roles).await;
    app.browser().choose(&link, PASSWORD).await.expect(204);
}

async fn begin(node: &TestApp, username: &str, password: &str) -> Answer {
    node.browser().begin_sign_in(username, password).await
}

on_both_databases! {
    async fn a_step_more_is_owed_after_every_way_in_and_gives_nothing_before(app: TestApp) {
        newcomer(&app, "dr.new", &["physician"]).await;
        newcomer(&app, "clerk.new", &[]).await;
        let id = app.user_id(RealmKey::MAIN, "clerk.new").await;
        app.signed_in("admin").await.set(&id, "require-password-change").await.expect(200);
        let node = node(&app, STEPS.len());
        let sessions = || async { app.db.number("SELECT count(*) FROM session WHERE realm_id = $1", vec![RealmKey::MAIN.into()]).await };
        let before = sessions().await;

        waits_for_terms(&begin(&node, "nurse", &app.password("main", "nurse")).await);

        let owed = begin(&node, "physician", &app.password("main", "physician")).await.expect(200).json();
        let transaction = owed["transaction"].as_str().unwrap();
        let on = second(&mut node.browser(), transaction, "totp", &app.code("main", "physician")).await;
        let body = waits_for_terms(&on);
        assert_eq!(body["transaction"], json!(transaction));
        assert_ne!(body["continue_url"], owed["continue_url"], "a handle for each answer");

        let owed = begin(&node, "dr.new", PASSWORD).await.expect(200).json();
        let shown = json!({ "transaction": owed["transaction"] });
        let shown = node.browser().post("/api/v1/sign-in/totp", &shown).await.expect(200).json();
        let seed = domain::totp::Seed::parse(shown["secret"].as_str().unwrap()).unwrap();
        let right = json!({ "transaction": owed["transaction"], "code": code(&app, &seed) });
        let on = node.browser().post("/api/v1/sign-in/totp/confirm", &right).await;
        assert_eq!(codes(&waits_for_terms(&on)).len(), 10, "codes are shown where they were made");

        let owed = begin(&node, "clerk.new", PASSWORD).await.expect(200).json();
        let chosen = json!({ "transaction": owed["transaction"], "new_password": "another harbour at noon" });
        waits_for_terms(&node.browser().post("/api/v1/sign-in/password", &chosen).await);

        assert_eq!(sessions().await, before, "nobody is signed in");
        assert_eq!(app.count("authn_login_success").await, 1, "but the administrator");
    }

    async fn a_step_that_was_passed_is_not_asked_for_again(app: TestApp) {
        for at in [1, STEPS.len()] {
            let node = node(&app, at);
            let owed = begin(&node, "physician", &app.password("main", "physician")).await.expect(200).json();
            // What the step's own page will do: it is the only row that waits.
            let passed = format!(r#"{{"passed":["{TERMS}"],"#);
            let text = "UPDATE sign_in_transaction SET state = replace(state, '{', $2), step = 'second_factor' WHERE realm_id = $1 AND used_at IS NULL";
            app.db.execute(text, vec![RealmKey::MAIN.into(), passed.as_str().into()]).await;

            let transaction = owed["transaction"].as_str().unwrap();
            let done = second(&mut node.browser(), transaction, "totp", &app.code("main", "physician")).await;

            assert_eq!(done.expect(200).json()["outcome"], "signed_in", "{at}");
        }
    }
}

#[tokio::test]
async fn a_step_more_in_front_is_owed_first_and_no_later_step_goes_around_it() {
    let app = TestApp::new().await;
    let node = node(&app, 1);
    newcomer(&app, "dr.new", &["physician"]).await;
    let before = app.count("factor_enrolled").await;
    for (username, password) in [("physician", app.password("main", "physician")), ("dr.new", PASSWORD.to_owned())] {
        let body = waits_for_terms(&begin(&node, username, &password).await);
        let transaction = &body["transaction"];
        for (path, rest) in [
            ("second-factor", json!({ "method": "totp", "code": app.code("main", "physician") })),
            ("second-factor", json!({ "method": "recovery_code", "code": "0-0000-0000-0000-0000" })),
            ("totp", json!({})),
            ("totp/confirm", json!({ "code": "123456" })),
            ("password", json!({ "new_password": "another harbour at noon" })),
        ] {
            let mut sent = rest;
            sent["transaction"] = transaction.clone();
            let refused = node.browser().post(&format!("/api/v1/sign-in/{path}"), &sent).await.expect(400);
            assert_eq!(refused.code(), "token-refused", "{path}");
        }
    }
    assert_eq!(app.count("authn_login_success").await, 0);
    assert_eq!(app.count("factor_enrolled").await, before);
}

async fn by_page(node: &TestApp, username: &str, password: &str) -> (Browser, Answer) {
    let mut browser = node.browser();
    let csrf = browser.get("/sign-in").await.expect(200).hidden("csrf");
    let fields = [("identifier", username), ("password", password), ("csrf", &csrf)];
    let on = browser.form("/sign-in", &fields).await;
    (browser, on)
}

#[tokio::test]
async fn on_pages_everything_leads_to_the_page_of_the_step_and_nothing_around_it() {
    let app = TestApp::new().await;
    let node = node(&app, 1);
    let (mut browser, on) = by_page(&node, "nurse", &app.password("main", "nurse")).await;

    assert_eq!((on.status, on.header("location")), (303, PAGE));
    assert!(browser.cookie("session").is_none() && browser.cookie("refresh").is_none());
    for other in ["/sign-in/second-factor", "/sign-in/enrol", "/sign-in/change-password"] {
        assert_eq!(browser.get(other).await.expect(303).header("location"), PAGE, "{other}");
        let csrf = browser.get("/sign-in").await.expect(200).hidden("csrf");
        let sent = [("code", "123456"), ("new_password", "another harbour at noon"), ("csrf", csrf.as_str())];
        assert_eq!(browser.form(other, &sent).await.expect(303).header("location"), PAGE, "{other}");
    }
    assert_eq!(browser.get("/account").await.expect(303).header("location"), "/sign-in?return_to=/account");

    let body = waits_for_terms(&begin(&node, "nurse", &app.password("main", "nurse")).await);
    let link = body["continue_url"].as_str().unwrap().strip_prefix("https://id.example.org").unwrap();
    let mut handed = node.browser();
    assert_eq!(handed.get(link).await.expect(303).header("location"), PAGE);
    assert_eq!(handed.cookies.len(), 1, "the flow cookie alone: {:?}", handed.cookies);
}

#[tokio::test]
async fn a_node_that_does_not_know_the_step_ends_the_sign_in() {
    let app = TestApp::new().await;
    let node = node(&app, 1);
    let password = app.password("main", "nurse");
    let body = waits_for_terms(&begin(&node, "nurse", &password).await);
    let (browser, _) = by_page(&node, "nurse", &password).await;

    let link = body["continue_url"].as_str().unwrap().strip_prefix("https://id.example.org").unwrap();
    assert_eq!(app.browser().get(link).await.expect(303).header("location"), "/sign-in?told=ended");
    let mut old = browser.at(&app);
    for path in ["/sign-in/second-factor", "/sign-in/enrol", "/sign-in/change-password"] {
        assert_eq!(old.clone().get(path).await.expect(303).header("location"), "/sign-in?told=ended", "{path}");
    }
    assert!(old.call(Method::GET, "/account").send().await.expect(303).header("location").starts_with("/sign-in"));
}

#[tokio::test]
async fn a_session_from_before_the_step_goes_on() {
    let app = TestApp::new().await;
    let nurse = app.signed_in("nurse").await;
    let node = node(&app, STEPS.len());
    app.advance(minutes(1));

    nurse.at(&node).refresh().await.expect(200);
}
