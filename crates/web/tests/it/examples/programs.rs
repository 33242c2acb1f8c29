//! Services, and what resource servers ask.

use axum::http::Method;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::realm::RealmKey;
use serde_json::json;
use testkit::TestApp;

use super::recorder::Recorder;

pub(super) async fn services(app: &TestApp, recorder: &mut Recorder) {
    let mut admin = app.signed_in("admin").await;
    let client =
        json!({ "client_id": "rota-sync", "name": "Rota synchronisation", "kind": "service", "apis": ["clinic"] });
    let made = admin.post("/api/v1/clients", &client).await.expect(201).json();
    let secret = made["client_secret"].as_str().unwrap();
    app.remember(secret);
    let grants = "/api/v1/clients/rota-sync/grants";
    let role = json!({ "role": "clinical-staff", "reason": "Reads the rota each night." });
    let given = recorder.post(&mut admin, grants, role).await;
    recorder.get(&mut admin, grants).await;

    let mut program = app.browser();
    let basic = |id: &str, secret: &str| format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")));
    let own = basic("rota-sync", secret);
    let fields = [("grant_type", "client_credentials"), ("scope", "rota:read")];
    app.advance(domain::time::seconds(2));
    let issued = recorder.form(&mut program, "/oauth/token", &own, &fields).await;
    let token = issued["access_token"].as_str().unwrap();
    let api = basic("clinic", &app.api_secret().await);
    recorder.form(&mut program, "/oauth/introspect", &api, &[("token", token)]).await;
    recorder.form(&mut program, "/oauth/revoke", &own, &[("token", token)]).await;

    let nurse = app.user_id(RealmKey::MAIN, "ward7-physician").await;
    let question = json!({ "subject": { "type": "user", "id": nurse }, "action": { "name": "read" },
        "resource": { "type": "charts", "id": "4711", "properties": { "unit": "/clinic-a/ward-7" } } });
    let mut server = app.browser();
    recorder.ask(&mut server, Method::POST, "/access/v1/evaluation", &[("authorization", &api)], Some(question)).await;
    recorder.get(&mut server, "/.well-known/authzen-configuration").await;
    let end = format!("{grants}/{}/end", given["id"].as_str().unwrap());
    let mut admin = app.signed_in("admin").await;
    recorder.post(&mut admin, &end, json!({ "reason": "The rota moved elsewhere." })).await;
}
