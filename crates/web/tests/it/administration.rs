//! What administrators do to roles, permissions, APIs, units and clients leaves exactly its event, with old and new values (H2.6, AUD-01).

use axum::http::Method;
use serde_json::{Value, json};
use testkit::{Browser, TestApp, on_both_databases};

/// A call, and what the log says of it: type, name of the subject, before, after.
struct Row {
    method: Method,
    path: &'static str,
    body: Value,
    event: (&'static str, &'static str, Value, Value),
}

fn row(method: Method, path: &'static str, body: Value, event: (&'static str, &'static str, Value, Value)) -> Row {
    Row { method, path, body, event }
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn rows() -> Vec<Row> {
    let (post, put, patch, delete) = (Method::POST, Method::PUT, Method::PATCH, Method::DELETE);
    let none = || Value::Null;
    let sampler = json!({ "name": "sampler", "display_name": "Sampler", "inherits": ["nurse"], "permissions": { "lab": ["samples:read"] } });
    vec![
        row(
            post.clone(),
            "/api/v1/apis",
            json!({ "audience": "lab", "name": "Lab" }),
            (
                "api_created",
                "lab",
                none(),
                json!({ "name": "Lab", "algorithm": "RS256", "access_lifetime_seconds": 600 }),
            ),
        ),
        row(
            patch.clone(),
            "/api/v1/apis/lab",
            json!({ "name": "Laboratory" }),
            ("api_updated", "lab", json!({ "name": "Lab" }), json!({ "name": "Laboratory" })),
        ),
        row(
            post.clone(),
            "/api/v1/apis/lab/permissions",
            json!({ "name": "samples:read", "description": "See samples" }),
            ("permission_created", "samples:read", none(), json!({ "api": "lab", "description": "See samples" })),
        ),
        row(
            post.clone(),
            "/api/v1/apis/lab/secret",
            none(),
            ("api_secret_created", "lab", none(), json!({ "others_end": "2026-11-22T14:36:00.000000Z" })),
        ),
        row(
            post.clone(),
            "/api/v1/roles",
            sampler,
            (
                "role_created",
                "sampler",
                none(),
                json!({ "display_name": "Sampler", "description": "", "sensitive": false, "permissions": { "lab": ["samples:read"] },
                "inherits": ["nurse"], "assignable_by": ["admin"] }),
            ),
        ),
        row(
            patch.clone(),
            "/api/v1/roles/sampler",
            json!({ "display_name": "Sample taker", "sensitive": true }),
            (
                "role_updated",
                "sampler",
                json!({ "display_name": "Sampler", "sensitive": false }),
                json!({ "display_name": "Sample taker", "sensitive": true }),
            ),
        ),
        row(
            patch.clone(),
            "/api/v1/roles/sampler",
            json!({ "assignable_by": ["admin", "records-clerk"] }),
            ("role_updated", "sampler", json!({ "assignable_by": [] }), json!({ "assignable_by": ["records-clerk"] })),
        ),
        row(
            put.clone(),
            "/api/v1/roles/sampler/permissions",
            json!({ "permissions": { "clinic": ["charts:read"] } }),
            (
                "role_updated",
                "sampler",
                json!({ "permissions": { "lab": ["samples:read"] } }),
                json!({ "permissions": { "clinic": ["charts:read"] } }),
            ),
        ),
        row(
            put,
            "/api/v1/roles/sampler/inherits",
            json!({ "inherits": ["billing"] }),
            ("role_updated", "sampler", json!({ "inherits": ["nurse"] }), json!({ "inherits": ["billing"] })),
        ),
        row(
            Method::PUT,
            "/api/v1/policies/roles/sampler",
            json!({ "idle_seconds": 600, "password": { "min_length": 16 } }),
            ("policy_changed", "sampler", none(), json!({ "idle_seconds": 600, "password.min_length": 16 })),
        ),
        row(
            Method::PUT,
            "/api/v1/policies/roles/sampler",
            json!({ "idle_seconds": 300 }),
            (
                "policy_changed",
                "sampler",
                json!({ "idle_seconds": 600, "password.min_length": 16 }),
                json!({ "idle_seconds": 300 }),
            ),
        ),
        row(
            delete.clone(),
            "/api/v1/roles/sampler",
            none(),
            (
                "role_deleted",
                "sampler",
                json!({ "assignable_by": ["admin", "records-clerk"], "inherits": ["billing"], "display_name": "Sample taker", "permissions": { "clinic": ["charts:read"] } }),
                none(),
            ),
        ),
        row(
            delete.clone(),
            "/api/v1/apis/lab/permissions/samples:read",
            none(),
            ("permission_deleted", "samples:read", json!({ "description": "See samples" }), json!({ "api": "lab" })),
        ),
        row(
            delete.clone(),
            "/api/v1/apis/lab",
            none(),
            ("api_deleted", "lab", json!({ "name": "Laboratory" }), none()),
        ),
        row(
            post.clone(),
            "/api/v1/units",
            json!({ "parent": "/clinic-a", "slug": "ward-9", "name": "Ward 9" }),
            ("unit_created", "/clinic-a/ward-9", none(), json!({ "name": "Ward 9" })),
        ),
        row(
            patch.clone(),
            "/api/v1/units/{unit}",
            json!({ "name": "Surgery" }),
            ("unit_updated", "/clinic-a/ward-9", json!({ "name": "Ward 9" }), json!({ "name": "Surgery" })),
        ),
        row(
            delete.clone(),
            "/api/v1/units/{unit}",
            none(),
            ("unit_deleted", "/clinic-a/ward-9", json!({ "name": "Surgery" }), none()),
        ),
        row(
            post.clone(),
            "/api/v1/clients",
            json!({ "client_id": "portal", "name": "Portal", "kind": "public", "redirect_uris": ["https://p.example.org/"] }),
            (
                "client_created",
                "portal",
                none(),
                json!({ "name": "Portal", "kind": "public", "redirect_uris": ["https://p.example.org/"], "apis": [], "require_pkce": true }),
            ),
        ),
        row(
            patch,
            "/api/v1/clients/portal",
            json!({ "enabled": false, "apis": ["clinic"] }),
            (
                "client_updated",
                "portal",
                json!({ "enabled": true, "apis": [] }),
                json!({ "enabled": false, "apis": ["clinic"] }),
            ),
        ),
        row(
            delete,
            "/api/v1/clients/portal",
            none(),
            ("client_deleted", "portal", json!({ "name": "Portal" }), none()),
        ),
        row(
            post,
            "/api/v1/clients",
            json!({ "client_id": "robot", "name": "Robot", "kind": "service" }),
            ("client_secret_created", "robot", none(), none()),
        ),
    ]
}

async fn send(admin: &mut Browser, row: &Row) -> testkit::Answer {
    let mut path = row.path.to_owned();
    if path.contains("{unit}") {
        let units = admin.get("/api/v1/units?limit=200").await.expect(200).json();
        let unit = units["items"].as_array().unwrap().iter().find(|unit| unit["path"] == "/clinic-a/ward-9").unwrap();
        path = path.replace("{unit}", unit["id"].as_str().unwrap());
    }
    let resource = path.trim_end_matches("/permissions").trim_end_matches("/inherits").to_owned();
    let versioned = row.method != Method::POST && !path.contains("/units/") && !path.contains("samples:read");
    let version = if versioned { Some(admin.version(&resource).await) } else { None };
    let mut call = admin.call(row.method.clone(), &path);
    if let Some(version) = &version {
        call = call.header("if-match", version);
    }
    if !row.body.is_null() {
        call = call.json(&row.body);
    }
    call.send().await
}

on_both_databases! {
    async fn each_change_leaves_its_event_with_old_and_new_values_and_who_did_it(app: TestApp) {
        let mut admin = app.signed_in("admin").await;
        let me = admin.me().await.expect(200).json()["id"].clone();
        for row in rows() {
            let before = app.events().await.len();
            let answer = send(&mut admin, &row).await;
            assert!((200..300).contains(&answer.status), "{} {}: {answer:?}", row.method, row.path);
            if let Some(secret) = serde_json::from_str::<Value>(&answer.text).ok().and_then(|body| body["client_secret"].as_str().map(str::to_owned)) {
                app.remember(&secret);
            }

            let events = app.events().await.split_off(before);
            let (kind, subject, old, new) = &row.event;
            // A client with a secret leaves two: that it was made, and its secret.
            let event = events.last().unwrap_or_else(|| panic!("{} {}: nothing", row.method, row.path));
            assert!(events.len() == 1 || *kind == "client_secret_created", "{events:?}");
            assert_eq!((event["type"].as_str(), event["outcome"].as_str()), (Some(*kind), Some("success")), "{event}");
            assert_eq!((&event["actor"]["id"], event["actor"]["kind"].as_str()), (&me, Some("user")), "{event}");
            assert_eq!(event["subject"]["name"], *subject, "{event}");
            // Of what changed from or to nothing, one side says null for each field.
            let without_nulls = |value: &Value| -> Value {
                let mut members = value.as_object().cloned().unwrap_or_default();
                members.retain(|_, value| !value.is_null());
                if members.is_empty() { Value::Null } else { members.into() }
            };
            assert_eq!((without_nulls(&event["before"]), without_nulls(&event["after"])), (old.clone(), new.clone()), "{event}");
        }
    }

    async fn what_is_refused_leaves_no_change_and_one_refusal(app: TestApp) {
        let mut nurse = app.signed_in("nurse").await;
        let before = app.events().await.len();
        for row in rows() {
            let path = row.path.replace("{unit}", "00000000-0000-7000-8000-000000000000");
            let mut call = nurse.call(row.method.clone(), &path);
            if !row.body.is_null() {
                call = call.json(&row.body);
            }
            assert_eq!(call.send().await.status, 403, "{} {path}", row.method);
        }
        let kinds: Vec<Value> = app.events().await.split_off(before).into_iter().map(|event| event["type"].clone()).collect();
        assert_eq!(kinds, vec![json!("authz_fail"); 3], "one for each permission and minute");
    }
}
