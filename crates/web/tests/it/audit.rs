//! The audit log: each action leaves exactly its events (AUD-01), nothing breaks a line (AUD-05), no secret is in it (AUD-06).

use std::io::Write;
use std::sync::{Arc, Mutex};

use axum::http::Method;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use domain::realm::RealmKey;
use domain::time::{hours, minutes, seconds};
use serde_json::{Value, json};
use store::token::Purpose;
use testkit::{Answer, Browser, TestApp, on_both_databases};

use crate::factors::second;

/// One row of the table: what was done, and exactly what the log then says.
async fn row(app: &TestApp, what: &str, done: impl Future<Output = Answer>, status: u16, expected: &[&str]) -> Answer {
    let (answer, events) = app.events_while(done).await;
    assert_eq!(answer.status, status, "{what}: {answer:?}");
    assert_eq!(events, expected, "{what}");
    answer
}

async fn basic(app: &TestApp, secret: &str) -> Answer {
    let credentials = format!("Basic {}", STANDARD.encode(format!("clinic:{secret}")));
    let mut browser = app.browser();
    let call = browser.call(Method::GET, "/.well-known/bailiwick-roles?audience=clinic");
    call.header("authorization", &credentials).send().await
}

const HERON: &str = "the heron stands in the reeds";
const SIGNED_IN: [&str; 2] = ["authn_login_success", "session_created"];

on_both_databases! {
    async fn aud_01_signing_in_and_out(app: TestApp) {
        let right = app.password("main", "nurse");
        let mut nurse = app.browser();
        row(&app, "a sign-in", nurse.sign_in_with("nurse", &right), 200, &SIGNED_IN).await;
        row(&app, "a wrong password", app.browser().sign_in_with("nurse", "wrong"), 401, &["authn_login_fail"]).await;
        row(&app, "nobody", app.browser().sign_in_with("nobody", "wrong"), 401, &["authn_login_fail"]).await;
        row(&app, "reading oneself", nurse.me(), 200, &[]).await;
        row(&app, "activity", nurse.post_empty("/api/v1/session/activity"), 204, &[]).await;
        row(&app, "a refresh", nurse.refresh(), 200, &[]).await;
        let first = nurse.clone();
        let again = ["authn_login_success", "session_created", "session_ended"];
        row(&app, "signing in again", nurse.sign_in_with("nurse", &right), 200, &again).await;
        row(&app, "a token of a session that ended", first.clone().me(), 401, &[]).await;
        row(&app, "a refresh of it", first.clone().refresh(), 401, &[]).await;
        let other = app.password("main", "physician");
        let switched = ["authn_login_success", "session_created", "session_locked"];
        let mut physician = nurse.clone();
        row(&app, "somebody else on the device", physician.sign_in_with("physician", &other), 200, &switched).await;
        row(&app, "signing out", physician.post_empty("/api/v1/sign-out"), 204, &["session_ended"]).await;
        row(&app, "signing out again", physician.post_empty("/api/v1/sign-out"), 204, &[]).await;
        let (mut one, _two) = (app.signed_in("billing").await, app.signed_in("billing").await);
        let both = ["session_ended", "session_ended"];
        row(&app, "signing out everywhere", one.post_empty("/api/v1/sign-out/everywhere"), 204, &both).await;
    }

    async fn aud_01_second_factors_at_sign_in(app: TestApp) {
        let mut physician = app.browser();
        let password = app.password("main", "physician");
        let first = row(&app, "a right password", physician.begin_sign_in("physician", &password), 200, &[]).await.json();
        let transaction = first["transaction"].as_str().unwrap().to_owned();
        let wrong = second(&mut physician, &transaction, "totp", "000000");
        row(&app, "a wrong code", wrong, 401, &["authn_login_fail"]).await;
        assert_eq!(app.events().await.pop().unwrap()["reason"], "wrong_code");
        let code = app.code("main", "physician");
        row(&app, "a right code", second(&mut physician, &transaction, "totp", &code), 200, &SIGNED_IN).await;
        row(&app, "the transaction again", second(&mut physician, &transaction, "totp", &code), 400, &[]).await;
        let handed = app.browser().begin_sign_in("physician", &password).await.expect(200).json();
        let link = handed["continue_url"].as_str().unwrap().strip_prefix("https://id.example.org").unwrap().to_owned();
        row(&app, "a browser takes over", app.browser().get(&link), 303, &[]).await;
        row(&app, "and again", app.browser().get(&link), 303, &[]).await;

        let link = app.new_link_for("dr.new", Purpose::Activation, &["physician"]).await;
        app.browser().choose(&link, HERON).await.expect(204);
        let mut doctor = app.browser();
        let first = row(&app, "enrolment owed", doctor.begin_sign_in("dr.new", HERON), 200, &[]).await.json();
        let begin = json!({ "transaction": first["transaction"] });
        let shown = row(&app, "a seed shown", doctor.post("/api/v1/sign-in/totp", &begin), 200, &[]).await.json();
        let confirm = |code: &str| json!({ "transaction": first["transaction"], "code": code });
        let path = "/api/v1/sign-in/totp/confirm";
        row(&app, "a wrong code", doctor.post(path, &confirm("000000")), 401, &["authn_login_fail"]).await;
        let seed = domain::totp::Seed::parse(shown["secret"].as_str().unwrap()).unwrap();
        let bound = ["authn_login_success", "factor_enrolled", "factor_enrolled", "session_created"];
        let right = confirm(&crate::factors::code(&app, &seed));
        let bound = row(&app, "bound", doctor.post(path, &right), 200, &bound).await.json();
        let mut enrolled = app.events().await.into_iter().filter(|event| event["type"] == "factor_enrolled");
        let named = |event: Value| event["changed"].as_array().is_some_and(|names| names.contains(&json!("factor")));
        assert!(enrolled.all(named), "each names its factor");

        let first = app.browser().begin_sign_in("dr.new", HERON).await.expect(200).json();
        let transaction = first["transaction"].as_str().unwrap();
        let recovered = ["authn_login_success", "recovery_code_used", "session_created"];
        let code = bound["recovery_codes"][4].as_str().unwrap();
        let mut other = app.browser();
        row(&app, "a recovery code", second(&mut other, transaction, "recovery_code", code), 200, &recovered).await;
        let first = app.browser().begin_sign_in("dr.new", HERON).await.expect(200).json();
        let transaction = first["transaction"].as_str().unwrap();
        let again = second(&mut other, transaction, "recovery_code", code);
        row(&app, "the same again", again, 401, &["authn_login_fail"]).await;
    }

    async fn aud_01_ones_own_factors(app: TestApp) {
        let mut nurse = app.signed_in("nurse").await;
        let path = "/api/v1/me/factors/totp";
        let shown = row(&app, "a seed shown", nurse.post(path, &json!({ "label": "phone" })), 200, &[]).await.json();
        let confirm = format!("{path}/confirm");
        let body = |code: &str| json!({ "id": shown["id"], "code": code });
        row(&app, "a wrong code", nurse.post(&confirm, &body("000000")), 422, &["authn_login_fail"]).await;
        let seed = domain::totp::Seed::parse(shown["secret"].as_str().unwrap()).unwrap();
        let right = body(&crate::factors::code(&app, &seed));
        row(&app, "a first factor", nurse.post(&confirm, &right), 200, &["factor_enrolled", "factor_enrolled"]).await;
        app.advance(minutes(1));
        let step_up = "/api/v1/session/step-up";
        let failed = ["authn_login_fail"];
        row(&app, "a wrong password", nurse.post(step_up, &json!({ "password": "wrong" })), 422, &failed).await;
        let wrong = json!({ "method": "totp", "code": "000000" });
        row(&app, "a wrong code", nurse.post(step_up, &wrong), 422, &failed).await;
        let wrong = json!({ "method": "recovery_code", "code": "0-0000-0000-0000-0000" });
        row(&app, "a wrong recovery code", nurse.post(step_up, &wrong), 422, &failed).await;
        let right = json!({ "method": "totp", "code": crate::factors::code(&app, &seed) });
        row(&app, "a right code", nurse.post(step_up, &right), 200, &["step_up"]).await;
        row(&app, "a right code again", nurse.post(step_up, &right), 422, &failed).await;
        let right = json!({ "password": app.password("main", "nurse") });
        row(&app, "a right password", nurse.post(step_up, &right), 200, &["step_up"]).await;
        let made = nurse.post_empty("/api/v1/me/recovery-codes");
        let made = row(&app, "new codes", made, 200, &["factor_enrolled"]).await.json();
        let code = json!({ "method": "recovery_code", "code": made["recovery_codes"][0] });
        let used = ["recovery_code_used", "step_up"];
        row(&app, "a recovery code", nurse.post(step_up, &code), 200, &used).await;
        let shown = nurse.post(path, &json!({ "label": "tablet" })).await.expect(200).json();
        let second_seed = domain::totp::Seed::parse(shown["secret"].as_str().unwrap()).unwrap();
        let body = json!({ "id": shown["id"], "code": crate::factors::code(&app, &second_seed) });
        row(&app, "a second factor", nurse.post(&confirm, &body), 200, &["factor_enrolled"]).await;
        let one = format!("/api/v1/me/factors/{}", shown["id"].as_str().unwrap());
        let renamed = nurse.call(Method::PATCH, &one).json(&json!({ "label": "my tablet" })).send();
        row(&app, "a name", renamed, 200, &["factor_updated"]).await;
        row(&app, "removed", nurse.delete(&one), 204, &["factor_removed"]).await;
        row(&app, "removed already", nurse.delete(&one), 404, &[]).await;

        let mut admin = app.signed_in("admin").await;
        let person = format!("/api/v1/users/{}/factors", app.user_id(RealmKey::MAIN, "nurse").await);
        let listed = row(&app, "looking at factors", admin.get(&person), 200, &[]).await.json();
        let last = |kind: &str| {
            let all = listed["items"].as_array().unwrap();
            let found = all.iter().find(|factor| factor["kind"] == kind && factor["ended_at"].is_null()).unwrap();
            format!("{person}/{}", found["id"].as_str().unwrap())
        };
        let all = ["factor_removed", "factor_removed", "session_ended"];
        row(&app, "the last one, and the codes with it", admin.delete(&last("totp")), 204, &all).await;
        row(&app, "a password is no such factor", admin.delete(&last("password")), 404, &[]).await;
    }

    async fn aud_01_passwords(app: TestApp) {
        let (mut nurse, _other) = (app.signed_in("nurse").await, app.signed_in("nurse").await);
        let right = app.password("main", "nurse");
        let mut change = async |what: &str, current: &str, new: &str, status: u16, expected: &[&str]| {
            let body = json!({ "current_password": current, "new_password": new });
            let call = nurse.call(Method::PUT, "/api/v1/me/password").json(&body).send();
            row(&app, what, call, status, expected).await;
        };
        change("a wrong current password", "wrong", HERON, 422, &["authn_login_fail"]).await;
        change("too short", &right, "short", 422, &[]).await;
        change("the same", &right, &right, 422, &[]).await;
        change("a change", &right, HERON, 204, &["authn_password_change", "session_ended"]).await;
        let id = app.user_id(RealmKey::MAIN, "nurse").await;
        let mut admin = app.signed_in("admin").await;
        let required = admin.set(&id, "require-password-change");
        row(&app, "a change required", required, 200, &["password_change_required"]).await;
        let mut later = app.browser();
        let owed = row(&app, "a right password", later.begin_sign_in("nurse", HERON), 200, &[]).await.json();
        let chosen = |new: &str| json!({ "transaction": owed["transaction"], "new_password": new });
        let path = "/api/v1/sign-in/password";
        row(&app, "too short", later.post(path, &chosen("short")), 422, &[]).await;
        let done = ["authn_login_success", "authn_password_change", "session_created", "session_ended"];
        row(&app, "chosen", later.post(path, &chosen(&format!("{HERON} still"))), 200, &done).await;
        row(&app, "chosen again", later.post(path, &chosen(HERON)), 400, &[]).await;
    }

    async fn aud_01_refresh_and_replay(app: TestApp) {
        let mut nurse = app.signed_in("nurse").await;
        let stolen = nurse.cookie("refresh").unwrap();
        for _ in 0..5 {
            app.advance(minutes(12));
            nurse.post_empty("/api/v1/session/refresh").await;
            nurse.post("/api/v1/session/refresh", &json!({ "active": true })).await.expect(200);
        }
        assert_eq!(app.count("session_renewed").await, 1);
        row(&app, "a replay", app.browser().refresh_with(&stolen), 401, &["authn_token_reuse", "session_ended"]).await;
        row(&app, "another one", app.browser().refresh_with(&stolen), 401, &[]).await;
        row(&app, "garbage", app.browser().refresh_with("garbage"), 401, &[]).await;
    }

    async fn aud_01_the_throttle(app: TestApp) {
        for _ in 0..4 {
            row(&app, "wrong", app.browser().sign_in_with("nurse", "wrong"), 401, &["authn_login_fail"]).await;
        }
        let fifth = ["authn_login_fail", "authn_login_lock"];
        row(&app, "the fifth", app.browser().sign_in_with("nurse", "wrong"), 401, &fifth).await;
        let refused = ["excess_rate_limit_exceeded"];
        row(&app, "inside the wait", app.browser().sign_in_with("nurse", "wrong"), 429, &refused).await;
        for _ in 0..5 {
            row(&app, "within the minute", app.browser().sign_in_with("nurse", "wrong"), 429, &[]).await;
        }
        app.advance(seconds(30));
        row(&app, "after the wait", app.browser().sign_in_with("nurse", "wrong"), 401, &fifth).await;
        app.advance(seconds(31));
        row(&app, "a minute later", app.browser().sign_in_with("nurse", "wrong"), 429, &refused).await;
        let last = app.events().await.pop().unwrap();
        assert_eq!(last["after"]["count"], 6, "with those that were not reported one by one");
    }

    async fn aud_01_administration(app: TestApp) {
        let mut admin = app.signed_in("admin").await;
        let nurse = app.user_id(RealmKey::MAIN, "nurse").await;
        row(&app, "a role given", admin.give(&nurse, "charge-nurse", "/clinic-a"), 201, &["role_granted"]).await;
        let grant = admin.grants(&nurse).await.remove(0);
        row(&app, "a role ended", admin.end_grant(&nurse, &grant), 200, &["role_revoked"]).await;
        row(&app, "ended already", admin.end_grant(&nurse, &grant), 409, &[]).await;
        let body = json!({ "username": "joan", "display_name": "Joan", "email": "joan@clinic.example",
            "grants": [{ "role": "nurse", "unit": "/clinic-a", "reason": "new" }, { "role": "billing", "reason": "new" }] });
        let invited = ["role_granted", "role_granted", "user_created"];
        row(&app, "an invitation", admin.post("/api/v1/users", &body), 201, &invited).await;
        row(&app, "the name is taken", admin.post("/api/v1/users", &body), 409, &[]).await;
        let link = app.link(RealmKey::MAIN, "joan@clinic.example").await;
        let password = "the heron stands in the reeds";
        row(&app, "too short a password", app.browser().choose(&link, "short"), 422, &[]).await;
        row(&app, "an activation", app.browser().choose(&link, password), 204, &["user_activated"]).await;
        row(&app, "the link again", app.browser().choose(&link, password), 400, &["password_reset"]).await;
        let mut working = app.signed_in("nurse").await;
        let list = admin.get(&format!("/api/v1/users/{nurse}/sessions")).await.expect(200).json();
        let path = format!("/api/v1/users/{nurse}/sessions/{}", list["items"][0]["id"].as_str().unwrap());
        row(&app, "a session ended", admin.delete(&path), 204, &["session_ended"]).await;
        assert_eq!(app.events().await.pop().unwrap()["reason"], "ended_by_administrator");
        working.sign_in("nurse").await;
        let disabled = ["session_ended", "user_disabled"];
        row(&app, "an account disabled", admin.set(&nurse, "disable"), 200, &disabled).await;
        row(&app, "disabled already", admin.set(&nurse, "disable"), 409, &[]).await;
        let right = app.password("main", "nurse");
        row(&app, "a disabled person", app.browser().sign_in_with("nurse", &right), 401, &["authn_login_fail"]).await;
        row(&app, "an account enabled", admin.set(&nurse, "enable"), 200, &["user_enabled"]).await;
        let tag = admin.me().await.header("etag").to_owned();
        let name = json!({ "display_name": "The administrator" });
        row(&app, "one's own profile", admin.patch("/api/v1/me", &tag, &name), 200, &["user_updated"]).await;
        row(&app, "in an old version", admin.patch("/api/v1/me", &tag, &name), 412, &[]).await;
        row(&app, "reading people", admin.get("/api/v1/users"), 200, &[]).await;
        row(&app, "reading the log", admin.get("/api/v1/audit/events"), 200, &["audit_read"]).await;
        let event = admin.get("/api/v1/audit/events?limit=1").await.json()["items"][0]["id"].as_str().unwrap().to_owned();
        row(&app, "one event", admin.get(&format!("/api/v1/audit/events/{event}")), 200, &["audit_read"]).await;
    }

    async fn aud_01_refusals(app: TestApp) {
        let mut nurse = app.signed_in("nurse").await;
        let mut clerk = app.signed_in("records-clerk").await;
        let admin = app.user_id(RealmKey::MAIN, "admin").await;
        row(&app, "without the permission", nurse.get("/api/v1/users"), 403, &["authz_fail"]).await;
        row(&app, "climbing", clerk.give(&admin, "nurse", "/"), 403, &["authz_fail"]).await;
        let last = app.events().await.pop().unwrap();
        assert_eq!((&last["outcome"], &last["after"]["missing"]), (&json!("denied"), &json!("roles:assign")));
        row(&app, "without a bearer", app.browser().get("/api/v1/users"), 401, &[]).await;
        let mut evil = nurse.clone();
        evil.headers.insert("origin".to_owned(), "https://evil.example".to_owned());
        row(&app, "another site", evil.post_empty("/api/v1/sign-out"), 403, &["malicious_csrf"]).await;
        row(&app, "another site again", evil.post_empty("/api/v1/sign-out"), 403, &[]).await;
        let secret = app.api_secret().await;
        row(&app, "an API", basic(&app, &secret), 200, &[]).await;
        row(&app, "a wrong secret", basic(&app, &"A".repeat(43)), 401, &["authn_login_fail"]).await;
    }

    async fn aud_01_what_expires(app: TestApp) {
        let _nurse = app.signed_in("nurse").await;
        app.advance(hours(12));

        let (more, events) = app.events_while(service::upkeep::expire(&app.app, RealmKey::MAIN)).await;

        assert!(!more.unwrap());
        assert_eq!(events, ["session_expired"]);
        let (_, events) = app.events_while(service::upkeep::expire(&app.app, RealmKey::MAIN)).await;
        assert!(events.is_empty(), "{events:?}");
    }

    async fn aud_01_keys(app: TestApp) {
        let mut admin = app.signed_in("admin").await;
        let mut rotate = async |mode: &str, expected: &[&str]| {
            let body = json!({ "mode": mode, "reason": "a drill" });
            row(&app, mode, admin.post("/api/v1/keys/rotate", &body), 200, expected).await;
        };
        rotate("scheduled", &["key_rotated", "key_rotated"]).await;
        rotate("emergency", &["key_rotated", "key_rotated", "key_rotated"]).await;
        let reasons: Vec<String> = app
            .events()
            .await
            .iter()
            .filter(|event| event["type"] == "key_rotated" && event["after"]["reason"] == "a drill")
            .map(|event| event["reason"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(reasons.iter().filter(|reason| *reason == "dropped").count(), 2, "{reasons:?}");
    }

    async fn aud_06_no_secret_is_anywhere_in_the_database_or_the_log(app: TestApp) {
        let log = captured();
        everything(&app).await;
        let shown = factors_and_passwords(&app).await;

        let secrets = app.secrets();
        assert!(secrets.len() > 40, "{}", secrets.len());
        let values = app.values().await;
        for secret in &secrets {
            for (form, bytes) in forms(secret) {
                for (table, value) in &values {
                    assert!(!contains(value, &bytes), "{table} holds a secret ({form}): {secret}");
                }
                assert!(!contains(&log.lock().unwrap(), &bytes), "the log holds a secret ({form}): {secret}");
            }
        }
        // Six digits are found anywhere: as a word of their own they are not in what people read.
        let events: Vec<u8> =
            values.iter().filter(|(table, _)| table.starts_with("audit")).flat_map(|(_, value)| value.clone()).collect();
        for code in &shown {
            for (place, text) in [("log", &*log.lock().unwrap()), ("events", &events)] {
                let mut found = text.windows(8).filter(|window| &window[1..7] == code.as_bytes());
                let whole = found.any(|window| !window[0].is_ascii_alphanumeric() && !window[7].is_ascii_alphanumeric());
                assert!(!whole, "the {place} holds a code");
            }
        }
        // KEY-04: nor is the private key. (Its modulus is public; the exponents stand behind it.)
        let key = testkit::app::pkcs8();
        let private = &key[key.len() / 2..];
        for part in private.chunks_exact(48) {
            assert!(values.iter().all(|(_, value)| !contains(value, part)), "a private key lies open");
            assert!(!contains(&log.lock().unwrap(), part));
        }
        // What is there is found.
        assert!(contains(&log.lock().unwrap(), b"the log works"));
        assert!(values.iter().any(|(_, value)| contains(value, b"$argon2id$v=19$")), "hashes are there (PW-12)");
    }
}

/// Uses every kind of secret there is, well and badly.
async fn everything(app: &TestApp) {
    let mut admin = app.signed_in("admin").await;
    for username in ["nurse", "physician", "patient"] {
        let mut browser: Browser = app.signed_in(username).await;
        app.advance(minutes(1));
        browser.refresh().await.expect(200);
        browser.sign_in_for(username, "clinic").await;
        browser.get("/account").await.expect(200);
        let stolen = browser.cookie("refresh").unwrap();
        app.advance(minutes(1));
        browser.refresh().await.expect(200);
        app.advance(minutes(1));
        app.browser().refresh_with(&stolen).await.expect(401);
    }
    // People type passwords where names belong.
    app.browser()
        .sign_in_with("my secret passphrase in the wrong field", "x wrong password of nobody")
        .await
        .expect(401);
    app.remember("my secret passphrase in the wrong field");
    let body = json!({ "username": "joan", "display_name": "Joan", "email": "joan@clinic.example" });
    admin.sign_in("admin").await;
    admin.post("/api/v1/users", &body).await.expect(201);
    let link = app.link(RealmKey::MAIN, "joan@clinic.example").await;
    app.browser().choose(&link, "short secret").await.expect(422);
    let mut invited = app.browser();
    invited.get(&format!("/invitation?token={link}")).await.expect(303);
    let csrf = invited.get("/invitation").await.hidden("csrf");
    app.remember(&csrf);
    let password = "the heron stands in the reeds";
    app.remember(password);
    invited.form("/invitation", &[("csrf", &csrf), ("new_password", password)]).await.expect(200);
    let mut page = app.browser();
    let csrf = page.get("/sign-in").await.hidden("csrf");
    app.remember(&csrf);
    page.form("/sign-in", &[("csrf", &csrf), ("identifier", "joan"), ("password", password)]).await.expect(303);
    let printed = app.new_link("printed", Purpose::Activation).await;
    app.browser().choose(&printed, "the heron stands in the reeds again").await.expect(204);
    let secret = app.api_secret().await;
    basic(app, &secret).await.expect(200);
    let wrong = STANDARD.encode([3; 32]).replace(['+', '/', '='], "A");
    app.remember(&wrong);
    basic(app, &wrong).await.expect(401);
    admin.post("/api/v1/keys/rotate", &json!({ "mode": "emergency", "reason": "a drill" })).await.expect(200);
    // Secrets where they do not belong.
    let bearer = admin.bearer.clone().unwrap();
    admin.get(&format!("/api/v1/me?access_token={bearer}")).await;
    admin.get(&format!("/nowhere/{bearer}")).await.expect(404);
    let unreadable = format!(r#"{{"identifier":"nurse","password":["{password}"]}}"#);
    app.browser().call(Method::POST, "/api/v1/sign-in").text("application/json", unreadable).send().await.expect(422);
    app.advance(hours(13));
    app.browser().refresh_with(&admin.cookie("refresh").unwrap()).await.expect(401);
}

/// Uses second factors, recovery codes and transactions, by API and by page; returns the codes of applications that were typed.
async fn factors_and_passwords(app: &TestApp) -> Vec<String> {
    let link = app.new_link_for("dr.secret", Purpose::Activation, &["physician"]).await;
    app.browser().choose(&link, HERON).await.expect(204);
    let mut doctor = app.browser();
    let mut typed = Vec::new();
    let first = doctor.begin_sign_in("dr.secret", HERON).await.expect(200).json();
    let begin = json!({ "transaction": first["transaction"] });
    let shown = doctor.post("/api/v1/sign-in/totp", &begin).await.expect(200).json();
    let seed = domain::totp::Seed::parse(shown["secret"].as_str().unwrap()).unwrap();
    let mut fresh = || {
        app.advance(seconds(30));
        let code = crate::factors::code(app, &seed);
        typed.push(code.clone());
        code
    };
    let confirm = json!({ "transaction": first["transaction"], "code": fresh(), "label": "a phone" });
    let bound = doctor.post("/api/v1/sign-in/totp/confirm", &confirm).await.expect(200).json();
    let recovery = crate::factors::codes(&bound);
    for code in &recovery {
        app.remember(&code.replace('-', ""));
    }
    // Used, and used again; with the methods swapped.
    let transaction = begun(app, "dr.secret").await;
    second(&mut doctor, &transaction, "totp", &recovery[0]).await.expect(401);
    second(&mut doctor, &transaction, "recovery_code", &fresh()).await.expect(401);
    second(&mut doctor, &transaction, "recovery_code", &recovery[0]).await.expect(200);
    let code = fresh();
    for status in [200, 401] {
        let transaction = begun(app, "dr.secret").await;
        second(&mut doctor, &transaction, "totp", &code).await.expect(status);
    }
    let step_up = json!({ "method": "totp", "code": fresh() });
    doctor.post("/api/v1/session/step-up", &step_up).await.expect(200);
    doctor.post_empty("/api/v1/me/recovery-codes").await.expect(200);
    crate::factors::bind(app, &mut doctor, "a tablet").await;
    // Where they do not belong.
    doctor.get(&format!("/nowhere/{transaction}?code={}", recovery[1])).await.expect(404);
    let unreadable = format!(r#"{{"transaction":"{transaction}","method":"totp","code":["{}"]}}"#, recovery[2]);
    let call = doctor.call(Method::POST, "/api/v1/sign-in/second-factor").text("application/json", unreadable);
    call.send().await.expect(422);
    // By page, handed on by a handle.
    let first = app.browser().begin_sign_in("dr.secret", HERON).await.expect(200).json();
    let link = first["continue_url"].as_str().unwrap().strip_prefix("https://id.example.org").unwrap().to_owned();
    let mut page = app.browser();
    page.get(&link).await.expect(303);
    let csrf = page.get("/sign-in/second-factor").await.expect(200).hidden("csrf");
    app.remember(&csrf);
    page.form("/sign-in/second-factor", &[("csrf", &csrf), ("code", &fresh())]).await.expect(303);
    let body = json!({ "current_password": HERON, "new_password": format!("{HERON} still") });
    app.remember(&format!("{HERON} still"));
    app.advance(seconds(30));
    doctor.call(Method::PUT, "/api/v1/me/password").json(&body).send().await;
    typed
}

/// A transaction of somebody who chose [`HERON`].
async fn begun(app: &TestApp, username: &str) -> String {
    let first = app.browser().begin_sign_in(username, HERON).await.expect(200).json();
    first["transaction"].as_str().unwrap().to_owned()
}

/// A secret as it is sent, and what it stands for: its bytes, in hexadecimal, and a token's signature.
fn forms(secret: &str) -> Vec<(&'static str, Vec<u8>)> {
    let mut forms = vec![("as sent", secret.as_bytes().to_vec())];
    if let Some((_, signature)) = secret.rsplit_once('.') {
        forms.push(("its signature", signature.as_bytes().to_vec()));
    }
    // A refresh token's first bytes name its family and generation, which are no secret.
    let bytes = URL_SAFE_NO_PAD.decode(secret).unwrap_or_default();
    let bytes = if bytes.len() == 56 { bytes[24..].to_vec() } else { bytes };
    if bytes.len() >= 16 {
        forms.push(("in hexadecimal", domain::event::hex(&bytes).into_bytes()));
        forms.push(("its bytes", bytes));
    }
    forms
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

/// Everything that is traced from now on, at the finest level, by us and by our dependencies.
fn captured() -> Arc<Mutex<Vec<u8>>> {
    #[derive(Clone)]
    struct Into(Arc<Mutex<Vec<u8>>>);
    impl Write for Into {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let log = Arc::new(Mutex::new(Vec::new()));
    let into = Into(log.clone());
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || into.clone());
    // Another test of the same process may have done it already: then that one looks.
    let _ = tracing::subscriber::set_global_default(subscriber.finish());
    tracing::error!("unexpected: nothing, the log works");
    log
}

#[tokio::test]
async fn aud_05_nothing_that_a_client_sends_breaks_a_line_of_the_log() {
    let app = TestApp::new().await;
    let mut nurse = app.browser();
    nurse.headers.remove("user-agent");
    let password = app.password("main", "nurse");
    let body = json!({ "identifier": "nurse", "password": password, "device_label": "Tablet of ward 3" });
    let call =
        nurse.call(Method::POST, "/api/v1/sign-in").json(&body).header("user-agent", "evil\tagent \u{9b}31m\u{202e}");
    call.send().await.expect(200);
    for label in ["a\u{1b}[31m", "a\r\nb", "a\u{2028}b", "\u{202e}x", "a\0"] {
        let body = json!({ "identifier": "nurse", "password": password, "device_label": label });
        let status = app.browser().post("/api/v1/sign-in", &body).await.status;
        assert!([400, 422].contains(&status), "{label:?}");
    }

    let mut auditor = app.signed_in("auditor").await;
    let events = auditor.get("/api/v1/audit/events?type=authn_login_success").await.expect(200);
    let agent = events.json()["items"].as_array().unwrap().iter().find_map(|event| {
        let agent = event["source"]["user_agent"].as_str()?;
        agent.starts_with("evil").then(|| agent.to_owned())
    });
    assert!(agent.unwrap().bytes().all(|b| b == b' ' || b.is_ascii_graphic()));
    for (table, value) in app.values().await {
        let text = String::from_utf8(value).unwrap_or_default();
        if table.starts_with("audit") && text.starts_with('{') {
            assert!(!text.contains(|c: char| c.is_control()), "{table}: {text}");
        }
    }
}

#[tokio::test]
async fn the_log_can_be_searched_by_actor_subject_type_outcome_and_time() {
    let app = TestApp::new().await;
    let (admin_id, nurse_id) = (app.user_id(RealmKey::MAIN, "admin").await, app.user_id(RealmKey::MAIN, "nurse").await);
    let mut admin = app.signed_in("admin").await;
    admin.give(&nurse_id, "billing", "/").await.expect(201);
    app.browser().sign_in_with("nurse", "wrong").await.expect(401);
    app.advance(minutes(1));
    app.signed_in("nurse").await.get("/api/v1/users").await.expect(403);
    let mut search = async |query: &str| -> Vec<String> {
        let found = admin.get(&format!("/api/v1/audit/events?limit=200&{query}")).await.expect(200).json();
        found["items"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
    };

    assert_eq!(search(&format!("actor={admin_id}&type=role_granted")).await, ["role_granted"]);
    assert_eq!(search("outcome=failure").await, ["authn_login_fail"]);
    assert_eq!(search("outcome=denied").await, ["authz_fail"]);
    let about_the_nurse =
        search(&format!("subject={nurse_id}&from=2026-11-21T14:36:00Z&to=2026-11-21T14:37:00Z")).await;
    assert_eq!(about_the_nurse.len(), 2, "{about_the_nurse:?}");
    assert_eq!(search(&format!("actor={nurse_id}&from=2026-11-21T14:37:00Z&type=authn_login_success")).await.len(), 1);
    assert!(search("to=2020-01-01T00:00:00Z").await.is_empty());
}
