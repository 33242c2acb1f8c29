//! OAuth for programs and decisions: who may come, tokens for services, giving them back, asking about them.

mod credentials; // OA-10, LOCK-06: proving a client
mod evaluation; // AZ-01 to AZ-05
mod grants; // roles of services
mod introspection; // INT-01 to INT-04
mod revocation; // REV-01 to REV-04
mod token; // client_credentials

use axum::http::Method;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::key::Algorithm;
use serde_json::{Value, json};
use service::signing::SigningKey;
use testkit::app::signing_key;
use testkit::browser::encode;
use testkit::{Answer, Browser, TestApp};

/// `Authorization: Basic`.
fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

/// Posts a form as a program, with credentials.
pub(crate) async fn ask(app: &TestApp, (id, secret): (&str, &str), path: &str, fields: &[(&str, &str)]) -> Answer {
    ask_from(&mut app.browser(), (id, secret), path, fields).await
}

async fn ask_from(from: &mut Browser, (id, secret): (&str, &str), path: &str, fields: &[(&str, &str)]) -> Answer {
    let call = from.call(Method::POST, path).without_bearer().header("authorization", &basic(id, secret));
    call.text("application/x-www-form-urlencoded", encode(fields)).send().await
}

/// Registers a client; its secret, if it has one.
async fn register(app: &TestApp, body: Value) -> String {
    let made = app.signed_in("admin").await.post("/api/v1/clients", &body).await.expect(201).json();
    let secret = made["client_secret"].as_str().unwrap_or_default().to_owned();
    app.remember(&secret);
    secret
}

/// Registers a service that may ask for these APIs.
async fn service(app: &TestApp, id: &str, apis: &[&str]) -> String {
    register(app, json!({ "client_id": id, "name": id, "kind": "service", "apis": apis })).await
}

/// Gives a service a role.
async fn give(app: &TestApp, id: &str, role: &str, unit: &str) -> Answer {
    let body = json!({ "role": role, "unit": unit, "reason": "given by a test" });
    app.signed_in("admin").await.post(&format!("/api/v1/clients/{id}/grants"), &body).await
}

/// Changes a client in the version that it is in.
async fn change(app: &TestApp, id: &str, body: &Value) -> Answer {
    let mut admin = app.signed_in("admin").await;
    let path = format!("/api/v1/clients/{id}");
    let version = admin.version(&path).await;
    admin.patch(&path, &version, body).await
}

/// A token of the service for its API.
async fn token(app: &TestApp, who: (&str, &str), fields: &[(&str, &str)]) -> Answer {
    let fields: Vec<(&str, &str)> = [("grant_type", "client_credentials")].iter().chain(fields).copied().collect();
    ask(app, who, "/oauth/token", &fields).await
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

/// A token that says what it is told to, signed by the realm's key.
fn minted(token: &str, change: impl FnOnce(&mut wire::claims::AccessClaims)) -> String {
    let mut claims = serde_json::from_value(crate::claims(token)).unwrap();
    change(&mut claims);
    let key: SigningKey = signing_key();
    assert_eq!(key.algorithm(), Algorithm::Rs256);
    key.issue(&claims).unwrap()
}
