//! A realm beside `main` with the same rows under the same ids: nothing of it is seen, nothing of it is touched.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use axum::http::Method;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::realm::RealmKey;
use serde_json::json;
use store::token::Purpose;
use testkit::{Browser, Db, TestApp, on_both_databases};
use web::table::{Access, Endpoint};

/// What only the twin has in its texts.
const MARK: &str = "of the twin";

/// Makes the twin's rows differ from those of `main` wherever an answer could show it.
async fn differ(twin: &Db) {
    let there = || vec![store::Value::from(twin.twin)];
    for (table, column) in [
        ("\"user\"", "display_name"),
        ("\"user\"", "email"),
        ("unit", "name"),
        ("role", "display_name"),
        ("role", "description"),
        ("api", "name"),
        ("permission", "description"),
        ("role_grant", "reason"),
        ("client", "name"),
        ("session", "user_agent"),
        ("signing_key", "kid"),
    ] {
        let text = format!("UPDATE {table} SET {column} = {column} || ' {MARK}' WHERE realm_id = $1");
        assert!(twin.execute(text, there()).await > 0, "{table}.{column}");
    }
    for (table, set) in [
        ("\"user\"", "status = 'disabled', version = version + 5"),
        ("session", "ended_at = created_at, idle_at = created_at"),
        ("role_grant", "ended_at = granted_at"),
        ("role_permission", "ended_at = valid_from"),
        ("signing_key", "dropped_at = created_at"),
        ("counter", "value = value + 1000"),
    ] {
        assert!(twin.execute(format!("UPDATE {table} SET {set} WHERE realm_id = $1"), there()).await > 0, "{table}");
    }
}

/// An answer, or the items of all pages of a list; without the events that reading the log leaves.
async fn whole(browser: &mut Browser, path: &str, basic: Option<&str>) -> Vec<String> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let call = browser.call(Method::GET, &format!("{path}{cursor}"));
        let call = match basic {
            Some(basic) => call.without_bearer().header("authorization", basic),
            None => call,
        };
        let answer = call.send().await.expect(200).json();
        let items = answer["items"].as_array().cloned().unwrap_or_else(|| vec![answer.clone()]);
        found.extend(items.iter().filter(|item| item["type"] != "audit_read").map(ToString::to_string));
        // The feed always has a cursor, and says whether there is more now.
        let next = answer["next_cursor"].as_str().filter(|_| answer["more"].as_bool() != Some(false));
        let Some(next) = next else { break };
        cursor = format!("?cursor={next}");
    }
    found.sort();
    found
}

/// What every GET of the API and the documents says, by path.
async fn everything(app: &TestApp, browser: &mut Browser, secret: &str) -> BTreeMap<String, Vec<String>> {
    let basic = format!("Basic {}", STANDARD.encode(format!("clinic:{secret}")));
    let events = browser.get("/api/v1/audit/events?type=role_granted").await.expect(200).json();
    let event = events["items"][0]["id"].as_str().unwrap().to_owned();
    let mut people = Vec::new();
    for username in ["admin", "nurse", "ward3-nurse"] {
        people.push(app.user_id(RealmKey::MAIN, username).await);
    }
    let mut said = BTreeMap::new();
    let readable = |endpoint: &Endpoint| endpoint.json && endpoint.method == Method::GET;
    for endpoint in app.endpoints().into_iter().filter(readable) {
        let path = endpoint.path.replace("/audit/events/{id}", &format!("/audit/events/{event}"));
        let path = path.replace("/clients/{id}", "/clients/portal").replace("{audience}", "clinic");
        let path = path.replace("{name}", "nurse");
        for person in &people {
            let path = path.replace("{id}", person);
            let path = match path.strip_suffix("/{session}") {
                Some(sessions) => {
                    let list = browser.get(sessions).await.expect(200).json();
                    let Some(session) = list["items"][0]["id"].as_str() else { continue };
                    format!("{sessions}/{session}")
                }
                None => path,
            };
            assert!(!path.contains('{'), "say here what to ask for: {path}");
            let basic = (endpoint.access == Access::Client).then_some(basic.as_str());
            let path = if path.ends_with("bailiwick-roles") { format!("{path}?audience=clinic") } else { path };
            if let Entry::Vacant(first) = said.entry(path) {
                let answer = whole(browser, first.key(), basic).await;
                first.insert(answer);
            }
        }
    }
    said
}

/// Roles, permissions, APIs, units and clients are made, changed and ended.
async fn change_what_is_not_a_person(admin: &mut Browser) {
    admin.post("/api/v1/apis", &json!({ "audience": "lab", "name": "Laboratory" })).await.expect(201);
    let permission = json!({ "name": "samples:read", "description": "See samples" });
    admin.post("/api/v1/apis/lab/permissions", &permission).await.expect(201);
    admin.post_empty("/api/v1/apis/lab/secret").await.expect(200);
    let role = json!({ "name": "sampler", "display_name": "Sampler", "permissions": { "lab": ["samples:read"] } });
    admin.post("/api/v1/roles", &role).await.expect(201);
    for (path, body) in [("permissions", json!({ "permissions": {} })), ("inherits", json!({ "inherits": ["nurse"] }))]
    {
        admin.put_now(&format!("/api/v1/roles/sampler/{path}"), "/api/v1/roles/sampler", &body).await.expect(200);
    }
    let version = admin.version("/api/v1/roles/sampler").await;
    admin.delete_in("/api/v1/roles/sampler", &version).await.expect(204);
    admin.delete("/api/v1/apis/lab/permissions/samples:read").await.expect(204);
    let version = admin.version("/api/v1/apis/lab").await;
    admin.delete_in("/api/v1/apis/lab", &version).await.expect(204);
    let unit = json!({ "parent": "/clinic-a", "slug": "ward-9", "name": "Ward 9" });
    let unit = admin.post("/api/v1/units", &unit).await.expect(201).json();
    let path = format!("/api/v1/units/{}", unit["id"].as_str().unwrap());
    admin.patch(&path, "\"1\"", &json!({ "name": "Surgery" })).await.expect(200);
    admin.delete(&path).await.expect(204);
    let client = json!({ "client_id": "robot", "name": "Robot", "kind": "service" });
    admin.post("/api/v1/clients", &client).await.expect(201);
    admin.patch("/api/v1/clients/robot", "\"1\"", &json!({ "enabled": false })).await.expect(200);
    admin.post_empty("/api/v1/clients/robot/secret").await.expect(200);
    admin.delete_in("/api/v1/clients/robot", "\"2\"").await.expect(204);
}

on_both_databases! {
    async fn nothing_of_a_twin_realm_is_seen(app: TestApp) {
        let mut admin = app.signed_in("admin").await;
        app.signed_in("nurse").await;
        let secret = app.api_secret().await;
        let portal = json!({ "client_id": "portal", "name": "Portal", "kind": "service" });
        admin.post("/api/v1/clients", &portal).await.expect(201);
        app.log().await; // the indexes are there from now on
        let alone = everything(&app, &mut admin, &secret).await;
        assert!(alone.len() > 25, "{:?}", alone.keys());

        differ(&app.twin().await).await;
        // A node that has nothing in its caches.
        let beside = everything(&app, &mut admin.at(&app.node(|_, _| ())), &secret).await;

        for (path, answer) in &beside {
            assert!(!answer.iter().any(|text| text.contains(MARK)), "{path}: {answer:?}");
            assert_eq!(Some(answer), alone.get(path), "{path}");
        }
    }

    async fn nothing_of_a_twin_realm_is_touched(app: TestApp) {
        let (mut admin, nurse) = (app.signed_in("admin").await, app.user_id(RealmKey::MAIN, "nurse").await);
        let mut her = app.signed_in("nurse").await;
        let link = app.new_link("newcomer", Purpose::Activation).await;
        let twin = app.twin().await;

        let given = admin.give(&nurse, "billing", "/clinic-a").await.expect(201).json();
        admin.end_grant(&nurse, given["id"].as_str().unwrap()).await.expect(200);
        let tag = her.me().await.header("etag").to_owned();
        her.patch("/api/v1/me", &tag, &json!({ "given_name": "Joy" })).await.expect(200);
        her.post("/api/v1/session/refresh", &json!({ "active": true })).await.expect(200);
        her.post_empty("/api/v1/sign-out/everywhere").await.expect(204);
        app.browser().sign_in_with("nurse", "wrong").await.expect(401);
        app.browser().choose(&link, "the heron stands in the reeds").await.expect(204);
        admin.set(&nurse, "disable").await.expect(200);
        admin.set(&nurse, "enable").await.expect(200);
        let invited = json!({ "username": "joan", "display_name": "Joan", "email": "joan@clinic.example" });
        admin.post("/api/v1/users", &invited).await.expect(201);
        change_what_is_not_a_person(&mut admin).await;
        admin.get("/api/v1/audit/events").await.expect(200);
        admin.post("/api/v1/keys/rotate", &json!({ "mode": "emergency", "reason": "a drill" })).await.expect(200);
        app.log().await;

        twin.twin_is_untouched().await;
    }
}
