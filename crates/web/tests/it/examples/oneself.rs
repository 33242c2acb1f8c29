//! Signing in, and one's own account.

use axum::http::Method;
use domain::totp::{Seed, step_of};
use serde_json::{Value, json};
use store::token::Purpose;
use testkit::{Browser, TestApp};

use super::recorder::Recorder;

const NEW_PASSWORD: &str = "seven herons over the estuary";

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn shown(app: &TestApp, secret: &Value) -> String {
    Seed::parse(text(secret)).unwrap().code(step_of(app.db.now())).expose()
}

async fn password_step(app: &TestApp, recorder: &mut Recorder, browser: &mut Browser, username: &str) -> Value {
    let body =
        json!({ "identifier": username, "password": app.password("main", username), "device_label": "Ward 3 tablet" });
    recorder.post(browser, "/api/v1/sign-in", body).await
}

pub(super) async fn signing_in(app: &TestApp, recorder: &mut Recorder) {
    let mut nurse = app.browser();
    password_step(app, recorder, &mut nurse, "nurse").await;
    recorder.act(&mut nurse, "/api/v1/session/activity").await;
    recorder.get(&mut nurse, "/api/v1/session").await;
    recorder.post(&mut nurse, "/api/v1/session/refresh", json!({ "active": true })).await;
    recorder.post(&mut nurse, "/api/v1/session/step-up", json!({ "password": app.password("main", "nurse") })).await;
    app.advance(domain::time::minutes(15));
    recorder.post(&mut nurse, "/api/v1/session/unlock", json!({ "password": app.password("main", "nurse") })).await;
    nurse.sign_in("billing").await;
    recorder.get(&mut nurse, "/api/v1/session/switchable").await;
    recorder.act(&mut nurse, "/api/v1/sign-out").await;

    let mut admin = app.browser();
    let owed = password_step(app, recorder, &mut admin, "admin").await;
    let code = json!({ "transaction": owed["transaction"], "method": "totp", "code": app.code("main", "admin") });
    recorder.post(&mut admin, "/api/v1/sign-in/second-factor", code).await;
    recorder.act(&mut admin, "/api/v1/sign-out/everywhere").await;

    invited(app, recorder).await;
    let mut admin = app.signed_in("admin").await;
    let receptionist = app.user_id(domain::realm::RealmKey::MAIN, "receptionist").await;
    let reason = json!({ "reason": "The old one was seen by others." });
    recorder.post(&mut admin, &format!("/api/v1/users/{receptionist}/require-password-change"), reason).await;
    let mut receptionist = app.browser();
    let owed = password_step(app, recorder, &mut receptionist, "receptionist").await;
    let body = json!({ "transaction": owed["transaction"], "new_password": NEW_PASSWORD });
    recorder.post(&mut receptionist, "/api/v1/sign-in/password", body).await;
    recorder.get(&mut app.browser(), "/api/v1/password-policy").await;
}

/// Somebody new, whose role needs a second factor.
async fn invited(app: &TestApp, recorder: &mut Recorder) {
    let mut browser = app.browser();
    let token = app.new_link_for("dr.adams", Purpose::Activation, &["physician"]).await;
    recorder
        .post(&mut browser, "/api/v1/password/reset", json!({ "token": token, "new_password": NEW_PASSWORD }))
        .await;
    let body = json!({ "identifier": "dr.adams", "password": NEW_PASSWORD });
    let owed = recorder.post(&mut browser, "/api/v1/sign-in", body).await["transaction"].clone();
    let seed = recorder.post(&mut browser, "/api/v1/sign-in/totp", json!({ "transaction": owed })).await;
    let body = json!({ "transaction": owed, "code": shown(app, &seed["secret"]), "label": "Phone" });
    recorder.post(&mut browser, "/api/v1/sign-in/totp/confirm", body).await;
}

pub(super) async fn account(app: &TestApp, recorder: &mut Recorder) {
    let other = app.signed_in("nurse").await;
    let mut nurse = app.signed_in("nurse").await;
    recorder.get(&mut nurse, "/api/v1/me").await;
    recorder
        .change(&mut nurse, (Method::PATCH, "/api/v1/me"), "/api/v1/me", Some(json!({ "phone": "+1 555 0100" })))
        .await;
    let address = recorder.post(&mut nurse, "/api/v1/me/addresses", json!({ "email": "nurse@home.example" })).await;
    recorder.get(&mut nurse, "/api/v1/me/addresses").await;
    recorder.delete(&mut nurse, &format!("/api/v1/me/addresses/{}", text(&address["id"]))).await;
    recorder.put(&mut nurse, "/api/v1/me/email", json!({ "email": "n.nurse@clinic.example" })).await;
    let token = app.link(domain::realm::RealmKey::MAIN, "n.nurse@clinic.example").await;
    recorder.post(&mut app.browser(), "/api/v1/email/confirm", json!({ "token": token })).await;
    recorder.get(&mut nurse, "/api/v1/me/permissions").await;
    recorder.get(&mut nurse, "/api/v1/me/sessions").await;
    let session = crate::claims(other.bearer.as_deref().unwrap())["sid"].clone();
    recorder.delete(&mut nurse, &format!("/api/v1/me/sessions/{}", text(&session))).await;

    let begun = recorder.post(&mut nurse, "/api/v1/me/factors/totp", json!({ "label": "Phone" })).await;
    let body = json!({ "id": begun["id"], "code": shown(app, &begun["secret"]) });
    recorder.post(&mut nurse, "/api/v1/me/factors/totp/confirm", body).await;
    recorder.get(&mut nurse, "/api/v1/me/factors").await;
    let factor = format!("/api/v1/me/factors/{}", text(&begun["id"]));
    recorder.ask(&mut nurse, Method::PATCH, &factor, &[], Some(json!({ "label": "Old phone" }))).await;
    app.advance(domain::time::seconds(30)); // a code works once
    let body = json!({ "method": "totp", "code": shown(app, &begun["secret"]) });
    nurse.post("/api/v1/session/step-up", &body).await.expect(200);
    recorder.act(&mut nurse, "/api/v1/me/recovery-codes").await;
    recorder.delete(&mut nurse, &factor).await;
    let body = json!({ "current_password": app.password("main", "nurse"), "new_password": NEW_PASSWORD });
    recorder.put(&mut nurse, "/api/v1/me/password", body).await;
}
