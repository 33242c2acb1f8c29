//! People, roles, APIs, clients, the organisation, and what resource servers read.

use axum::http::Method;
use base64::Engine;
use domain::realm::RealmKey;
use serde_json::{Value, json};
use testkit::TestApp;

use super::recorder::Recorder;

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

pub(super) async fn people(app: &TestApp, recorder: &mut Recorder) {
    let mut admin = app.signed_in("admin").await;
    recorder.get(&mut admin, "/api/v1/users?limit=2").await;
    let joan = json!({ "username": "joan", "display_name": "Joan Park", "email": "joan@clinic.example", "unit": "/clinic-a/ward-3",
        "grants": [{ "role": "nurse", "unit": "/clinic-a/ward-3", "reason": "Hired for ward 3." }] });
    let joan = recorder.post(&mut admin, "/api/v1/users", joan).await;
    let joan = format!("/api/v1/users/{}", text(&joan["id"]));
    recorder.get(&mut admin, &joan).await;
    recorder.get(&mut admin, &format!("{joan}/permissions")).await;

    let reason = |text: &str| json!({ "reason": text });
    let role = json!({ "role": "charge-nurse", "unit": "/clinic-a", "valid_until": "2027-01-31T18:00:00Z", "reason": "Leads the night shift." });
    let given = recorder.post(&mut admin, &format!("{joan}/grants"), role).await;
    recorder.get(&mut admin, &format!("{joan}/grants")).await;
    recorder.post(&mut admin, &format!("{joan}/grants/{}/end", text(&given["id"])), reason("Back to days.")).await;

    let patient = app.user_id(RealmKey::MAIN, "patient").await;
    let session = crate::claims(app.signed_in("patient").await.bearer.as_deref().unwrap())["sid"].clone();
    recorder.get(&mut admin, &format!("/api/v1/users/{patient}/sessions")).await;
    recorder.get(&mut admin, &format!("/api/v1/users/{patient}/sessions/{}", text(&session))).await;
    recorder.delete(&mut admin, &format!("/api/v1/users/{patient}/sessions/{}", text(&session))).await;
    recorder.delete(&mut admin, &format!("/api/v1/users/{patient}/sessions")).await;
    recorder.post(&mut admin, &format!("/api/v1/users/{patient}/disable"), reason("Lost the phone.")).await;
    recorder.post(&mut admin, &format!("/api/v1/users/{patient}/enable"), reason("Found it again.")).await;

    accounts(app, recorder, &joan).await;
    let physician = app.user_id(RealmKey::MAIN, "physician").await;
    let factors = recorder.get(&mut admin, &format!("/api/v1/users/{physician}/factors")).await;
    let totp = factors["items"].as_array().unwrap().iter().find(|factor| factor["kind"] == "totp").unwrap();
    recorder.delete(&mut admin, &format!("/api/v1/users/{physician}/factors/{}", text(&totp["id"]))).await;
}

/// What becomes of an account.
async fn accounts(app: &TestApp, recorder: &mut Recorder, joan: &str) {
    let mut admin = app.signed_in("admin").await;
    let reason = |text: &str| json!({ "reason": text });
    recorder.change(&mut admin, (Method::PATCH, joan), joan, Some(json!({ "unit": "/clinic-a/ward-7" }))).await;
    let username = json!({ "username": "joan.park" });
    recorder.change(&mut admin, (Method::PUT, &format!("{joan}/username")), joan, Some(username)).await;
    let email = json!({ "email": "joan.park@clinic.example" });
    recorder.change(&mut admin, (Method::PUT, &format!("{joan}/email")), joan, Some(email)).await;
    let address =
        recorder.post(&mut admin, &format!("{joan}/addresses"), json!({ "email": "joan@home.example" })).await;
    recorder.get(&mut admin, &format!("{joan}/addresses")).await;
    recorder.delete(&mut admin, &format!("{joan}/addresses/{}", text(&address["id"]))).await;
    recorder.post(&mut admin, &format!("{joan}/activation-code"), reason("Has no mailbox yet.")).await;

    let nurse = format!("/api/v1/users/{}", app.user_id(RealmKey::MAIN, "ward3-nurse").await);
    recorder.get(&mut admin, "/api/v1/sessions?limit=1").await;
    recorder.post(&mut admin, &format!("{nurse}/unlock"), reason("Called from a known number.")).await;
    recorder.post(&mut admin, &format!("{nurse}/reset-password"), reason("Forgot it.")).await;
    recorder.post(&mut admin, &format!("{nurse}/lockdown"), reason("The laptop was stolen.")).await;
    recorder.change(&mut admin, (Method::DELETE, joan), joan, None).await;
}

pub(super) async fn roles(app: &TestApp, recorder: &mut Recorder) {
    let mut admin = app.signed_in("admin").await;
    recorder.get(&mut admin, "/api/v1/roles?limit=2").await;
    let role = json!({ "name": "triage-nurse", "display_name": "Triage nurse", "description": "Sees people first.", "inherits": ["nurse"] });
    recorder.post(&mut admin, "/api/v1/roles", role).await;
    let role = "/api/v1/roles/triage-nurse";
    recorder.get(&mut admin, role).await;
    recorder
        .change(&mut admin, (Method::PATCH, role), role, Some(json!({ "description": "Decides who is seen first." })))
        .await;
    let permissions = json!({ "permissions": { "clinic": ["charts:read"] } });
    recorder.change(&mut admin, (Method::PUT, &format!("{role}/permissions")), role, Some(permissions)).await;
    let inherits = json!({ "inherits": ["clinical-staff"] });
    recorder.change(&mut admin, (Method::PUT, &format!("{role}/inherits")), role, Some(inherits)).await;
    recorder.get(&mut admin, "/api/v1/roles/nurse/members?limit=2").await;
    recorder.change(&mut admin, (Method::DELETE, role), role, None).await;

    recorder.get(&mut admin, "/api/v1/apis").await;
    let api = json!({ "audience": "pharmacy", "name": "Pharmacy", "access_lifetime_seconds": 300 });
    recorder.post(&mut admin, "/api/v1/apis", api).await;
    let api = "/api/v1/apis/pharmacy";
    recorder.get(&mut admin, api).await;
    recorder.change(&mut admin, (Method::PATCH, api), api, Some(json!({ "access_lifetime_seconds": 600 }))).await;
    recorder.act(&mut admin, &format!("{api}/secret")).await;
    let permission = json!({ "name": "orders:dispense", "description": "Hand out what was prescribed" });
    recorder.post(&mut admin, &format!("{api}/permissions"), permission).await;
    recorder.get(&mut admin, &format!("{api}/permissions")).await;
    recorder.delete(&mut admin, &format!("{api}/permissions/orders:dispense")).await;
    recorder.change(&mut admin, (Method::DELETE, api), api, None).await;

    let client = json!({ "client_id": "portal", "name": "Patient portal", "kind": "confidential",
        "redirect_uris": ["https://portal.example.org/signed-in"], "apis": ["clinic"] });
    recorder.post(&mut admin, "/api/v1/clients", client).await;
    let client = "/api/v1/clients/portal";
    recorder.get(&mut admin, "/api/v1/clients").await;
    recorder.get(&mut admin, client).await;
    recorder.change(&mut admin, (Method::PATCH, client), client, Some(json!({ "enabled": false }))).await;
    recorder.act(&mut admin, &format!("{client}/secret")).await;
    recorder.change(&mut admin, (Method::DELETE, client), client, None).await;

    recorder.get(&mut admin, "/api/v1/policies/realm").await;
    let path = "/api/v1/policies/realm";
    let realm = json!({ "idle_seconds": 3600, "absolute_seconds": 86_400, "access_token_seconds": 600, "password": { "preset": "nist" } });
    recorder.change(&mut admin, (Method::PUT, path), path, Some(realm)).await;
    let path = "/api/v1/policies/roles/pharmacist";
    recorder.get(&mut admin, path).await;
    let pharmacist = json!({ "idle_seconds": 600, "absolute_seconds": 43_200, "assurance": "aal2", "max_sessions": 2, "at_limit": "end_oldest",
        "networks": ["192.0.2.0/24"] });
    recorder.change(&mut admin, (Method::PUT, path), path, Some(pharmacist)).await;
    let person = app.user_id(RealmKey::MAIN, "pharmacist").await;
    recorder.get(&mut admin, &format!("/api/v1/users/{person}/policy")).await;
}

pub(super) async fn organisation(app: &TestApp, recorder: &mut Recorder) {
    let mut admin = app.signed_in("admin").await;
    let unit = json!({ "parent": "/clinic-b", "slug": "ward-1", "name": "Ward 1" });
    let made = recorder.post(&mut admin, "/api/v1/units", unit).await;
    recorder.get(&mut admin, "/api/v1/units").await;
    let unit = format!("/api/v1/units/{}", text(&made["id"]));
    let tag = format!("\"{}\"", made["version"]);
    let body = json!({ "name": "Ward 1, east" });
    let renamed = recorder.ask(&mut admin, Method::PATCH, &unit, &[("if-match", &tag)], Some(body)).await;
    let tag = format!("\"{}\"", renamed["version"]);
    recorder.ask(&mut admin, Method::DELETE, &unit, &[("if-match", &tag)], None).await;

    let mut auditor = app.signed_in("auditor").await;
    let events = recorder.get(&mut auditor, "/api/v1/audit/events?type=unit_updated&limit=1").await;
    recorder.get(&mut auditor, &format!("/api/v1/audit/events/{}", text(&events["items"][0]["id"]))).await;
    recorder.get(&mut admin, "/api/v1/keys").await;
    recorder.post(&mut admin, "/api/v1/keys/rotate", json!({ "mode": "scheduled", "reason": "Twice a year." })).await;
}

/// What resource servers and programs read.
pub(super) async fn documents(app: &TestApp, recorder: &mut Recorder) {
    let mut visitor = app.browser();
    for path in ["jwks.json", "openid-configuration", "oauth-authorization-server"] {
        recorder.get(&mut visitor, &format!("/.well-known/{path}")).await;
    }
    recorder.get(&mut visitor, "/openapi.json").await;
    let credentials = base64::engine::general_purpose::STANDARD.encode(format!("clinic:{}", app.api_secret().await));
    let basic = [("authorization", format!("Basic {credentials}"))];
    let basic: Vec<(&str, &str)> = basic.iter().map(|(name, value)| (*name, value.as_str())).collect();
    recorder.ask(&mut visitor, Method::GET, "/.well-known/bailiwick-roles?audience=clinic", &basic, None).await;
    recorder.ask(&mut visitor, Method::GET, "/api/v1/revocations", &basic, None).await;
}
