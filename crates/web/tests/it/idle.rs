//! True idle (SES-03, SES-04): only what a person does keeps a session alive, and nothing moves its end.

use axum::http::Method;
use domain::time::{minutes, seconds};
use serde_json::{Value, json};
use testkit::{Answer, Browser, TestApp, on_both_databases};

const PERSON: [(&str, &str); 3] =
    [("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "navigate"), ("sec-fetch-user", "?1")];

async fn session(browser: &mut Browser) -> Value {
    browser.get("/api/v1/session").await.expect(200).json()
}

async fn with(browser: &mut Browser, path: &str, headers: &[(&str, &str)]) -> Answer {
    let call = browser.call(Method::GET, path);
    headers.iter().fold(call, |call, (name, value)| call.header(name, value)).send().await
}

on_both_databases! {
    async fn ses_03_polling_for_sixteen_minutes_ends_in_a_locked_session_at_fifteen(app: TestApp) {
        let mut nurse = app.signed_in("nurse").await;
        let cookies = nurse.cookies.len();
        for minute in 1..15 {
            app.advance(minutes(1));
            let polled = nurse.post("/api/v1/session/refresh", &json!({ "active": minute % 2 == 3 })).await.expect(200);
            let token = crate::claims(polled.json()["access_token"].as_str().unwrap());
            let left = (15 - minute) * 60;
            assert!(token["exp"].as_i64().unwrap() - token["iat"].as_i64().unwrap() <= left, "no token outlives idle");
            nurse.me().await.expect(200);
            nurse.get("/account").await.expect(200);
            nurse.get("/account/activity").await.expect(200);
        }
        app.advance(minutes(1));

        let locked = nurse.refresh().await.expect(401);

        assert_eq!(locked.code(), "session-locked");
        assert!(locked.set_cookies().is_empty(), "the cookies are kept");
        assert_eq!(nurse.me().await.expect(401).code(), "not-signed-in");
        assert_eq!(nurse.post_empty("/api/v1/session/activity").await.status, 401, "nor does activity revive it");
        let active = nurse.post("/api/v1/session/refresh", &json!({ "active": true })).await.expect(401);
        assert_eq!((active.code().as_str(), nurse.cookies.len()), ("session-locked", cookies));
        app.advance(minutes(1));
        assert_eq!(nurse.refresh().await.expect(401).code(), "session-locked");
    }

    async fn ses_03_what_a_person_does_keeps_it_until_the_absolute_deadline_which_never_moves(app: TestApp) {
        let mut nurse = app.signed_in("nurse").await;
        let ends = session(&mut nurse).await["absolute_deadline"].clone();
        for round in 0..51 {
            app.advance(minutes(14));
            if round % 2 == 0 {
                nurse.post("/api/v1/session/refresh", &json!({ "active": true })).await.expect(200);
            } else {
                nurse.post("/api/v1/session/refresh", &json!({})).await.expect(200);
                nurse.post_empty("/api/v1/session/activity").await.expect(204);
            }
            assert_eq!(session(&mut nurse).await["absolute_deadline"], ends);
        }
        app.advance(minutes(6));

        assert_eq!(nurse.refresh().await.expect(401).code(), "session-ended");
    }

    async fn ses_04_cookies_that_a_browser_keeps_for_ever_open_nothing_after_the_deadlines(app: TestApp) {
        let nurse = app.signed_in("nurse").await;
        app.advance(minutes(15));
        let mut kept = nurse.clone();
        assert_eq!(kept.refresh().await.expect(401).code(), "session-locked");
        assert_eq!(kept.get("/account").await.expect(303).header("location"), "/sign-in?return_to=/account");
        app.advance(minutes(12 * 60));

        let mut kept = nurse.clone();

        assert_eq!(kept.refresh().await.expect(401).code(), "session-ended");
        let mut kept = nurse.clone();
        let password = app.password("main", "nurse");
        let answer = kept.post("/api/v1/session/unlock", &json!({ "password": password })).await.expect(401);
        assert_eq!(answer.code(), "session-ended");
        assert_eq!(nurse.clone().get("/unlock").await.expect(303).header("location"), "/account");
    }

    async fn pages_that_a_person_asked_for_are_activity_and_those_that_a_script_asks_for_are_none(app: TestApp) {
        let mut nurse = app.signed_in("nurse").await;
        let begun = session(&mut nurse).await["idle_deadline"].clone();
        app.advance(minutes(5));
        let scripts: [&[(&str, &str)]; 4] = [
            &[],
            &[("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "cors")],
            &[("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "navigate")],
            &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-user", "?1")],
        ];
        for headers in scripts {
            with(&mut nurse, "/account", headers).await;
            with(&mut nurse, "/account/activity", headers).await;
            assert_eq!(session(&mut nurse).await["idle_deadline"], begun, "{headers:?}");
        }

        with(&mut nurse, "/account", &PERSON).await.expect(200);
        assert_eq!(session(&mut nurse).await["idle_deadline"], "2026-11-21T14:56:00.000000Z");
        app.advance(seconds(59));
        with(&mut nurse, "/account", &PERSON).await.expect(200);
        assert_eq!(session(&mut nurse).await["idle_deadline"], "2026-11-21T14:56:00.000000Z", "once a minute");
        app.advance(minutes(15));
        with(&mut nurse, "/account", &PERSON).await.expect(303);
    }

    async fn the_form_that_tells_activity_needs_the_sessions_own_token(app: TestApp) {
        let mut nurse = app.signed_in("nurse").await;
        app.advance(minutes(5));
        let standing = nurse.get("/account/activity").await.expect(200).json();
        assert_eq!((&standing["left"], &standing["idle"]), (&json!(600_000), &json!(900_000)));
        let foreign = app.signed_in("billing").await.get("/account/activity").await.expect(200).json();
        for token in [foreign["csrf"].as_str().unwrap(), ""] {
            nurse.form("/account/activity", &[("csrf", token)]).await.expect(403);
        }
        assert_eq!(nurse.get("/account/activity").await.json()["left"], 600_000, "nothing happened");

        let told = nurse.form("/account/activity", &[("csrf", standing["csrf"].as_str().unwrap())]).await.expect(200);

        assert_eq!((&told.json()["left"], told.header("cache-control")), (&json!(900_000), "no-store"));
        app.advance(minutes(15));
        assert_eq!(nurse.get("/account/activity").await.expect(204).text, "");
        assert_eq!(app.browser().get("/account/activity").await.status, 204);
        let late = [("csrf", standing["csrf"].as_str().unwrap())];
        nurse.form("/account/activity", &late).await.expect(303);
        assert_eq!(nurse.refresh().await.expect(401).code(), "session-locked");
    }
}

#[tokio::test]
async fn applications_of_any_origin_load_the_script_and_the_time_that_is_left() {
    let app = TestApp::new().await;
    let mut nurse = app.signed_in("nurse").await;
    app.advance(minutes(2));
    let script = nurse.get("/assets/idle.js").await.expect(200);

    assert_eq!(script.header("access-control-allow-origin"), "*");
    assert_eq!(script.header("access-control-allow-credentials"), "");
    assert!(script.header("content-type").starts_with("text/javascript"), "{script:?}");
    assert!(script.text.contains("export function watchSession"));
    assert_eq!(nurse.get("/assets/bailiwick.js").await.expect(200).header("access-control-allow-origin"), "");
    let session = session(&mut nurse).await;
    assert_eq!(session["now"], "2026-11-21T14:38:00.000000Z");
    assert_eq!(session["idle_deadline"], "2026-11-21T14:51:00.000000Z");

    let told =
        nurse.call(Method::POST, "/api/v1/session/activity").header("prefer", "return=representation").send().await;
    assert_eq!((told.status, told.header("preference-applied")), (200, "return=representation"));
    assert_eq!(told.json()["idle_deadline"], "2026-11-21T14:53:00.000000Z", "one call tells and asks");
}
