//! Attacks that a penetration test found open once; each stays closed.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::realm::RealmKey;
use domain::time::minutes;
use serde_json::json;
use service::grant::{Give, GrantError};
use store::token::Purpose;
use testkit::{TestApp, on_both_databases, race};

async fn id(app: &TestApp, username: &str) -> String {
    app.user_id(RealmKey::MAIN, username).await
}

#[tokio::test]
async fn authority_ends_although_the_request_began_before() {
    let app = TestApp::new().await;
    let early = crate::caller(&app, &app.signed_in("admin").await).await;
    let nurse = id(&app, "nurse").await;
    let other = app.new_link_for("second-admin", Purpose::Activation, &["admin"]).await;
    app.browser().choose(&other, "quiet-orbit-lantern-forty-one").await.expect(204);
    app.signed_in("admin").await.post_empty("/api/v1/sign-out/everywhere").await.expect(204);

    let unit = domain::unit::UnitPath::root();
    let (user, role, reason) = (nurse.parse().unwrap(), "physician".to_owned(), "late".to_owned());
    let give = Give { user, role, unit, valid_from: None, valid_until: None, reason };
    let late = service::grant::give(&app.app, &early, give).await;

    assert!(matches!(late, Err(GrantError::SignedOut)), "{late:?}");
}

on_both_databases! {
    async fn no_session_survives_a_disabling_that_it_raced(app: TestApp) {
        let (nurse, mut admin) = (id(&app, "nurse").await, app.signed_in("admin").await);

        let password = app.password("main", "nurse");
        let racers = race(4, |racer| {
            let (mut browser, mut admin, nurse, password) =
                (app.browser(), admin.clone(), nurse.clone(), password.clone());
            async move {
                if racer == 2 {
                    admin.set(&nurse, "disable").await.expect(200);
                } else {
                    browser.sign_in_with("nurse", &password).await;
                }
                browser
            }
        })
        .await;
        admin.set(&nurse, "enable").await.expect(200);

        for mut browser in racers.into_iter().filter(|browser| browser.bearer.is_some()) {
            assert_eq!(browser.me().await.status, 401);
            assert_eq!(browser.refresh().await.status, 401);
        }
    }
}

#[tokio::test]
async fn hanging_up_hides_no_failed_try() {
    let app = TestApp::new().await;
    let before = app.count("authn_login_fail").await;
    let mut browser = app.browser();

    // The first poll starts the attempt; then nobody waits for it any more.
    let attempt = browser.sign_in_with("nurse", "not her password at all");
    let gone = tokio::time::timeout(Duration::ZERO, attempt).await;

    assert!(gone.is_err());
    let mut found = 0;
    for _ in 0..2000 {
        found = app.count("authn_login_fail").await - before;
        if found > 0 {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(found, 1);
}

#[tokio::test]
async fn a_full_pool_refuses_before_anything_is_counted() {
    let app = TestApp::new().await;
    let mut turns = Vec::new();
    while let Ok(turn) = app.app.hashing.admit() {
        turns.push(turn);
    }
    for _ in 0..6 {
        let answer = app.browser().sign_in_with("nurse", &app.password("main", "nurse")).await;
        assert_eq!(answer.status, 503);
        assert!(answer.headers.contains_key("retry-after"));
    }

    drop(turns);

    app.browser().sign_in("nurse").await.expect(200);
}

#[tokio::test]
async fn enabling_looks_at_roles_that_begin_later() {
    let app = TestApp::new().await;
    let ward = id(&app, "ward3-nurse").await;
    let (mut admin, mut unit_admin) = (app.signed_in("admin").await, app.signed_in("clinic-a-admin").await);
    let later = json!({"role":"admin","reason":"from tomorrow","valid_from":"2099-01-01T00:00:00Z"});
    admin.post(&format!("/api/v1/users/{ward}/grants"), &later).await.expect(201);
    admin.set(&ward, "disable").await.expect(200);

    unit_admin.set(&ward, "enable").await.expect(403);

    admin.set(&ward, "enable").await.expect(200);
}

#[tokio::test]
async fn a_stray_invitation_can_be_stopped() {
    let app = TestApp::new().await;
    let link = app.new_link("stray", Purpose::Activation).await;
    let (mut admin, stray) = (app.signed_in("admin").await, id(&app, "stray").await);

    admin.set(&stray, "disable").await.expect(200);

    app.browser().choose(&link, "quiet-orbit-lantern-forty-one").await.expect(400);
    assert_eq!(admin.set(&stray, "enable").await.expect(200).json()["status"], "invited");
}

#[tokio::test]
async fn guessing_with_ever_new_audiences_is_slowed_down_and_fills_no_log() {
    let app = TestApp::new().await;
    let before = app.events().await.len();
    let mut last = 0;
    for number in 0..60 {
        let basic = STANDARD.encode(format!("made-up-{number}:{}", "A".repeat(43)));
        let mut browser = app.browser();
        let path = format!("/.well-known/bailiwick-roles?audience=made-up-{number}");
        let call = browser.call(axum::http::Method::GET, &path).header("authorization", &format!("Basic {basic}"));
        last = call.send().await.status;
    }

    assert_eq!(last, 429);
    assert!(app.events().await.len() - before <= 22);
}

#[tokio::test]
async fn a_wrong_link_leaves_an_event_and_stops_no_right_one() {
    let app = TestApp::new().await;
    let link = app.new_link("newcomer", Purpose::Activation).await;
    for _ in 0..25 {
        app.browser().choose(&"A".repeat(43), "quiet-orbit-lantern-forty-one").await;
    }

    assert_eq!(app.count("password_reset").await, 20);
    assert_eq!(app.count("excess_rate_limit_exceeded").await, 1);
    app.browser().choose(&link, "quiet-orbit-lantern-forty-one").await.expect(204);
}

#[tokio::test]
async fn the_last_administrator_for_good_stays_although_another_has_the_role_for_a_time() {
    let app = TestApp::new().await;
    let (mut admin, nurse, me) = (app.signed_in("admin").await, id(&app, "nurse").await, id(&app, "admin").await);
    let until = domain::time::Timestamp::plus(app.app.now(), minutes(5)).rfc3339();
    let short = json!({"role":"admin","reason":"for a moment","valid_until":until});
    admin.post(&format!("/api/v1/users/{nurse}/grants"), &short).await.expect(201);
    let mut other = app.signed_in("nurse").await;

    other.set(&me, "disable").await.expect(409);
}

#[tokio::test]
async fn administration_needs_a_fresh_authentication() {
    let app = TestApp::new().await;
    let (mut admin, nurse) = (app.signed_in("admin").await, id(&app, "nurse").await);
    admin.give(&nurse, "charge-nurse", "/").await.expect(201);
    app.advance(minutes(6));
    admin.refresh().await.expect(200);

    let answer = admin.give(&nurse, "physician", "/").await.expect(401);

    assert_eq!(answer.code(), "insufficient-authentication");
    assert_eq!(answer.json()["max_age"], 300);
    assert!(answer.headers["www-authenticate"].to_str().unwrap().contains("insufficient_user_authentication"));
}
