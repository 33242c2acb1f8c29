//! What a penetration test of second factors and step-up found, closed.

use axum::http::Method;
use domain::realm::RealmKey;
use domain::time::{days, minutes, seconds};
use serde_json::json;
use store::token::Purpose;
use testkit::{Browser, TestApp, on_both_databases};

#[tokio::test]
async fn a_role_given_with_an_invitation_needs_a_fresh_authentication_too() {
    let app = TestApp::new().await;
    let mut admin = app.signed_in("admin").await;
    app.advance(minutes(6));
    admin.refresh().await.expect(200);
    let grants = json!([{ "role": "admin", "reason": "to climb" }]);
    let new =
        json!({ "username": "thief", "display_name": "A Thief", "email": "thief@evil.example", "grants": grants });

    let refused = admin.post("/api/v1/users", &new).await.expect(401);

    assert_eq!(refused.code(), "insufficient-authentication");
    let plain = json!({ "username": "colleague", "display_name": "A Colleague" });
    admin.post("/api/v1/users", &plain).await.expect(201);
    admin.step_up("admin").await.expect(200);
    admin.post("/api/v1/users", &new).await.expect(201);
}

#[tokio::test]
async fn a_token_from_before_a_step_up_gains_nothing_by_it() {
    let app = TestApp::new().await;
    let mut admin = app.signed_in("admin").await;
    app.advance(minutes(6));
    admin.refresh().await.expect(200);
    let mut leaked = admin.clone();
    admin.step_up("admin").await.expect(200);
    let id = app.user_id(RealmKey::MAIN, "nurse").await;

    let refused = leaked.give(&id, "charge-nurse", "/").await.expect(401);

    assert_eq!(refused.code(), "insufficient-authentication");
    admin.give(&id, "charge-nurse", "/").await.expect(201);
}

#[tokio::test]
async fn a_token_of_one_factor_opens_no_sensitive_role_after_its_owner_proved_two() {
    let app = TestApp::new().await;
    let mut nurse = app.signed_in("nurse").await;
    let (seed, _) = crate::factors::bind(&app, &mut nurse, "phone").await;
    let id = app.user_id(RealmKey::MAIN, "nurse").await;
    app.signed_in("admin").await.give(&id, "auditor", "/").await.expect(201);
    app.advance(seconds(31));
    nurse.refresh().await.expect(200);
    let mut leaked = nurse.clone();
    let code = crate::factors::code(&app, &seed);
    nurse.post("/api/v1/session/step-up", &json!({ "method": "totp", "code": code })).await.expect(200);

    assert_eq!(leaked.get("/api/v1/audit/events").await.status, 403);

    nurse.get("/api/v1/audit/events").await.expect(200);
}

on_both_databases! {
    async fn a_factor_that_was_removed_during_a_sign_in_proves_nothing_any_more(app: TestApp) {
        let mut thief = app.signed_in("nurse").await;
        let (seed, _) = crate::factors::bind(&app, &mut thief, "the thief's").await;
        let id = app.user_id(RealmKey::MAIN, "nurse").await;
        let mut admin = app.signed_in("admin").await;
        admin.set(&id, "require-password-change").await.expect(200);
        app.advance(seconds(60));
        let owed = thief.begin_sign_in("nurse", &app.password("main", "nurse")).await.expect(200).json();
        let proof = json!({ "transaction": owed["transaction"], "method": "totp", "code": crate::factors::code(&app, &seed) });
        let owed = thief.post("/api/v1/sign-in/second-factor", &proof).await.expect(200).json();
        assert_eq!(owed["outcome"], "change_password");
        let listed = admin.get(&format!("/api/v1/users/{id}/factors")).await.expect(200).json();
        let totp = listed["items"].as_array().unwrap().iter().find(|f| f["kind"] == "totp").unwrap()["id"].as_str().unwrap().to_owned();
        admin.delete(&format!("/api/v1/users/{id}/factors/{totp}")).await.expect(204);

        let chosen = json!({ "transaction": owed["transaction"], "new_password": "the thief has chosen this" });
        let refused = thief.post("/api/v1/sign-in/password", &chosen).await.expect(400);

        assert_eq!(refused.code(), "token-refused");
        assert_eq!(app.browser().begin_sign_in("nurse", "the thief has chosen this").await.status, 401);
    }

    async fn a_transaction_ends_with_the_account_also_if_it_is_opened_again(app: TestApp) {
        let mut admin = app.signed_in("admin").await;
        let mut physician = app.browser();
        let owed = physician.begin_sign_in("physician", &app.password("main", "physician")).await.expect(200).json();
        let id = app.user_id(RealmKey::MAIN, "physician").await;
        admin.set(&id, "disable").await.expect(200);
        admin.set(&id, "enable").await.expect(200);

        let code = app.code("main", "physician");
        let proof = json!({ "transaction": owed["transaction"], "method": "totp", "code": code });

        assert_eq!(physician.post("/api/v1/sign-in/second-factor", &proof).await.expect(400).code(), "token-refused");
    }
}

/// The password step on the page; the flow cookie holds the rest.
async fn begin_on_pages(app: &TestApp, browser: &mut Browser, username: &str) {
    let csrf = browser.get("/sign-in").await.expect(200).hidden("csrf");
    let password = app.password("main", username);
    let fields = [("identifier", username), ("password", password.as_str()), ("csrf", csrf.as_str())];
    browser.form("/sign-in", &fields).await.expect(303);
}

#[tokio::test]
async fn a_link_plants_no_sign_in_of_somebody_else_in_a_browser() {
    let app = TestApp::new().await;
    let mut thief = app.browser();
    begin_on_pages(&app, &mut thief, "admin").await;
    let planted = thief.cookie("flow").unwrap();
    let mut victim = app.browser();
    victim.get(&format!("/invitation?token={planted}")).await.expect(303);

    let shown = victim.get("/sign-in/second-factor").await.expect(303);

    assert!(shown.header("location").starts_with("/sign-in"), "{shown:?}");
    assert_ne!(victim.cookie("flow"), Some(planted));
}

#[tokio::test]
async fn ses_02_each_step_on_pages_has_a_flow_cookie_of_its_own() {
    let app = TestApp::new().await;
    let mut admin = app.signed_in("admin").await;
    let id = app.user_id(RealmKey::MAIN, "physician").await;
    admin.set(&id, "require-password-change").await.expect(200);
    let mut physician = app.browser();
    begin_on_pages(&app, &mut physician, "physician").await;
    let copied = physician.clone();
    let csrf = physician.get("/sign-in/second-factor").await.expect(200).hidden("csrf");
    let code = app.code("main", "physician");
    let fields = [("method", "totp"), ("code", code.as_str()), ("csrf", csrf.as_str())];
    let on = physician.form("/sign-in/second-factor", &fields).await.expect(303);
    assert_eq!(on.header("location"), "/sign-in/change-password");

    let mut thief = copied;
    let refused = thief.get("/sign-in/change-password").await.expect(303);

    assert!(refused.header("location").starts_with("/sign-in"), "{refused:?}");
    physician.get("/sign-in/change-password").await.expect(200);
}

#[tokio::test]
async fn lock_03_whoever_took_a_token_over_stops_nobody_from_signing_in() {
    let app = TestApp::new().await;
    let mut stolen = app.signed_in("admin").await;
    for _ in 0..5 {
        stolen.post("/api/v1/session/step-up", &json!({ "method": "totp", "code": "000000" })).await.expect(422);
        stolen.post("/api/v1/session/step-up", &json!({ "password": "wrong" })).await.expect(422);
    }
    stolen.post("/api/v1/session/step-up", &json!({ "password": "wrong" })).await.expect(429);

    let mut owner = app.signed_in("admin").await;

    owner.step_up("admin").await.expect(200);
    assert_eq!(app.count("authn_login_lock").await, 2, "one for each factor");
}

#[tokio::test]
async fn a_device_that_was_not_used_for_half_a_year_is_not_recognised() {
    let app = TestApp::new().await;
    let mut nurse = app.signed_in("nurse").await;
    app.advance(days(181));
    let fail = async |browser: &mut Browser| {
        for _ in 0..5 {
            browser.begin_sign_in("nurse", "wrong").await;
        }
        browser.begin_sign_in("nurse", &app.password("main", "nurse")).await.status
    };
    assert_eq!(fail(&mut app.browser()).await, 429, "the allowance of everybody");

    let status = nurse.begin_sign_in("nurse", &app.password("main", "nurse")).await.status;

    assert_eq!(status, 429, "the old cookie has none of its own");
}

#[tokio::test]
async fn whoever_may_not_give_a_role_may_not_open_the_account_that_holds_it() {
    let app = TestApp::new().await;
    let mut admin = app.signed_in("clinic-a-admin").await;
    let id = app.user_id(RealmKey::MAIN, "ward7-physician").await;
    let mut root = app.signed_in("admin").await;
    // Held where the administrator of the clinic may not give it.
    root.give(&id, "privacy-officer", "/").await.expect(201);
    let listed = admin.get(&format!("/api/v1/users/{id}/factors")).await.expect(200).json();
    let totp = listed["items"].as_array().unwrap().iter().find(|f| f["kind"] == "totp").unwrap()["id"]
        .as_str()
        .unwrap()
        .to_owned();

    let removed = admin.delete(&format!("/api/v1/users/{id}/factors/{totp}")).await.expect(403);
    let required = admin.set(&id, "require-password-change").await.expect(403);

    for refused in [removed, required] {
        assert_eq!(refused.json()["missing"], json!(["roles:assign"]), "{refused:?}");
    }
    root.set(&id, "disable").await.expect(200);
    assert_eq!(admin.set(&id, "enable").await.expect(403).json()["missing"], json!(["roles:assign"]));
}

#[tokio::test]
async fn the_shortest_password_is_the_one_that_the_page_says() {
    let app = TestApp::new().await;
    for (who, least) in [("nurse", "15"), ("physician", "12")] {
        let page = app.signed_in(who).await.get("/account/password").await.expect(200).text;
        assert!(page.contains(&format!("{least} characters")), "{who}");
    }
    let link = app.new_link_for("dr.new", Purpose::Invitation, &["physician"]).await;
    app.browser().choose(&link, "twelve chars").await.expect(204);
    let call = app.browser().call(Method::GET, "/api/v1/password-policy").send().await.expect(200).json();
    let all = ["too_short", "too_long", "blocklisted", "context_word", "reused", "composition", "too_young"];
    assert_eq!(call["refusals"], json!(all));
}
