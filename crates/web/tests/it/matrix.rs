//! Endpoint × caller, generated from what is mounted: every JSON endpoint with every role of the profile and with none.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::Method;
use domain::permission::Permission;
use domain::profile::Profile;
use domain::realm::RealmKey;
use serde_json::Value;
use testkit::{Answer, Browser, TestApp};
use web::table::{Access, Endpoint};

fn profile() -> Profile {
    service::profile::parse(include_str!("../../../../profiles/healthcare.toml")).unwrap()
}

/// Our own permissions of each role, by the file alone: what the server does with it is what is tested.
fn permissions_by_role() -> BTreeMap<String, BTreeSet<String>> {
    let profile = profile();
    let of = |name: &str| profile.role.iter().find(|role| role.name.as_str() == name).unwrap();
    let mut all = BTreeMap::new();
    for role in &profile.role {
        let (mut found, mut waiting) = (BTreeSet::new(), vec![role]);
        while let Some(one) = waiting.pop() {
            for (api, names) in &one.permissions {
                if api.as_str() == "bailiwick" {
                    found.extend(names.iter().map(|name| name.as_str().to_owned()));
                }
            }
            waiting.extend(one.inherits.iter().map(|name| of(name.as_str())));
        }
        all.insert(role.name.as_str().to_owned(), found);
    }
    all
}

/// A path of an endpoint that names a person who exists, and things that do not.
fn path(endpoint: &Endpoint, person: &str) -> String {
    let nothing = "00000000-0000-7000-8000-000000000000";
    let path = endpoint.path.replace("/users/{id}", &format!("/users/{person}"));
    let path = path.replace("{name}", "nurse");
    ["{id}", "{grant}", "{session}", "{factor}", "{address}"]
        .iter()
        .fold(path, |path, part| path.replace(part, nothing))
}

async fn call(browser: &mut Browser, method: &Method, path: &str, body: &str) -> Answer {
    let call = browser.call(method.clone(), path);
    if method.is_safe() { call.send().await } else { call.text("application/json", body.to_owned()).send().await }
}

fn needs(access: Access) -> Vec<Permission> {
    match access {
        Access::Public | Access::Oneself | Access::Client | Access::OAuth => Vec::new(),
        Access::May(permission) | Access::ClientOr(permission) | Access::MayEverywhere(permission) => vec![permission],
        Access::MayEither(one, other) => vec![one, other],
    }
}

fn json_endpoints(app: &TestApp) -> Vec<Endpoint> {
    app.endpoints().into_iter().filter(|endpoint| endpoint.json).collect()
}

#[tokio::test]
async fn without_a_bearer_everything_that_is_not_public_is_401_whatever_the_body() {
    let app = TestApp::new().await;
    let person = app.user_id(RealmKey::MAIN, "nurse").await;
    for endpoint in json_endpoints(&app) {
        let name = format!("{} {}", endpoint.method, endpoint.path);
        let answer = call(&mut app.browser(), &endpoint.method, &path(&endpoint, &person), "{").await;
        match endpoint.access {
            Access::Public => assert_ne!(answer.code(), "not-signed-in", "{name}: {answer:?}"),
            Access::Client | Access::OAuth | Access::ClientOr(_) => {
                assert_eq!(answer.status, 401, "{name}: {answer:?}");
                assert_eq!(answer.header("www-authenticate"), r#"Basic realm="bailiwick""#, "{name}");
            }
            Access::Oneself | Access::May(_) | Access::MayEverywhere(_) | Access::MayEither(..) => {
                assert_eq!((answer.status, answer.code().as_str()), (401, "not-signed-in"), "{name}: {answer:?}");
                assert_eq!(answer.header("www-authenticate"), "Bearer", "{name}");
            }
        }
    }
}

#[tokio::test]
async fn every_endpoint_admits_the_roles_that_hold_its_permission_and_no_other() {
    let app = TestApp::new().await;
    let person = app.user_id(RealmKey::MAIN, "patient").await;
    let roles = permissions_by_role();
    assert_eq!(roles.len(), profile().role.len());
    let (mut admitted, mut refused) = (0, 0);
    for (role, held) in &roles {
        let mut caller = app.signed_in(role).await;
        for endpoint in json_endpoints(&app) {
            if matches!(endpoint.access, Access::Public | Access::Client | Access::OAuth) {
                continue;
            }
            let needed = needs(endpoint.access);
            let may = needed.is_empty() || needed.iter().any(|permission| held.contains(permission.as_str()));
            let name = format!("{role}: {} {}", endpoint.method, endpoint.path);
            // A body that cannot be read: who may not is told so before that.
            let answer = call(&mut caller, &endpoint.method, &path(&endpoint, &person), "{").await;
            if may {
                assert!(![401, 403, 405, 500].contains(&answer.status), "{name}: {answer:?}");
                admitted += 1;
            } else {
                assert_eq!((answer.status, answer.code().as_str()), (403, "forbidden"), "{name}: {answer:?}");
                assert_eq!(answer.json()["missing"], serde_json::json!([needed[0].as_str()]), "{name}");
                assert_eq!(answer.header("www-authenticate"), r#"Bearer error="insufficient_scope""#, "{name}");
                refused += 1;
            }
        }
    }
    assert!(admitted > 100 && refused > 100, "{admitted} {refused}");
}

#[tokio::test]
async fn a_permission_held_in_a_unit_admits_and_reaches_no_further() {
    let app = TestApp::new().await;
    let (inside, outside) =
        (app.user_id(RealmKey::MAIN, "ward3-nurse").await, app.user_id(RealmKey::MAIN, "nurse").await);
    let mut caller = app.signed_in("clinic-a-admin").await;
    let of_a_person = |endpoint: &Endpoint| endpoint.path.starts_with("/api/v1/users/{id}");
    for endpoint in json_endpoints(&app).into_iter().filter(of_a_person) {
        let name = format!("{} {}", endpoint.method, endpoint.path);
        let body = r#"{"reason":"because","role":"nurse","unit":"/clinic-a"}"#;
        let body = match endpoint.path.rsplit('/').next().unwrap_or_default() {
            "grants" => body,
            "username" => r#"{"username":"another.name"}"#,
            "email" => r#"{"email":"another@clinic.example"}"#,
            "addresses" => r#"{"email":"notices@clinic.example"}"#,
            "{id}" => r#"{"locale":"de"}"#,
            _ => r#"{"reason":"because"}"#,
        };
        let seen = call(&mut caller, &endpoint.method, &path(&endpoint, &inside), body).await;
        assert!(![401, 403, 422].contains(&seen.status), "{name}: {seen:?}");
        let answer = call(&mut caller, &endpoint.method, &path(&endpoint, &outside), body).await;
        assert_eq!((answer.status, answer.code().as_str()), (404, "not-found"), "{name}: {answer:?}");
    }
}

#[tokio::test]
async fn rbac_15_the_document_and_the_routes_are_the_same_list() {
    let app = TestApp::new().await;
    let document = app.browser().get("/openapi.json").await.expect(200).json();
    let mut described = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if !["get", "put", "post", "patch", "delete"].contains(&method.as_str()) {
                continue;
            }
            let permission = operation["x-permission"].as_str().unwrap_or("none");
            described.insert(format!("{} {path} {permission}", method.to_uppercase()));
        }
    }
    let mounted: BTreeSet<String> =
        json_endpoints(&app).iter().map(|e| format!("{} {} {}", e.method, e.path, e.access.name())).collect();

    assert_eq!(described, mounted);
    assert!(mounted.len() >= 30, "{}", mounted.len());
}

#[tokio::test]
async fn the_document_describes_every_parameter_and_every_body() {
    let app = TestApp::new().await;
    let document = app.browser().get("/openapi.json").await.expect(200).json();
    for endpoint in json_endpoints(&app) {
        let operation = &document["paths"][&endpoint.path][endpoint.method.as_str().to_lowercase()];
        let name = format!("{} {}", endpoint.method, endpoint.path);
        assert!(operation["responses"].as_object().is_some_and(|all| !all.is_empty()), "{name}");
        assert!(operation["security"].is_array(), "{name} says with what");
        let empty = Vec::new();
        let parameters = operation["parameters"].as_array().unwrap_or(&empty);
        let in_path: BTreeSet<&str> =
            parameters.iter().filter(|p| p["in"] == "path").filter_map(|p| p["name"].as_str()).collect();
        let expected: BTreeSet<&str> = endpoint.path.split(['{', '}']).skip(1).step_by(2).collect();
        assert_eq!(in_path, expected, "{name}");
    }
    let mut references = Vec::new();
    collect(&document, &mut references);
    for reference in references {
        let pointer = reference.trim_start_matches('#');
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
}

fn collect(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("$ref").and_then(Value::as_str).map(ToOwned::to_owned));
            members.values().for_each(|value| collect(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| collect(value, found)),
        _ => {}
    }
}

#[tokio::test]
async fn web_19_methods_that_are_not_declared_are_405_with_allow() {
    let app = TestApp::new().await;
    let person = app.user_id(RealmKey::MAIN, "nurse").await;
    let mut by_path: BTreeMap<String, (Endpoint, BTreeSet<String>)> = BTreeMap::new();
    for endpoint in app.endpoints() {
        let known = by_path.entry(endpoint.path.clone()).or_insert_with(|| (endpoint.clone(), BTreeSet::new()));
        known.1.insert(endpoint.method.to_string());
    }
    // Pages that take a form are listed by the method that shows it.
    for path in ["/sign-in", "/sign-out", "/invitation"] {
        by_path.get_mut(path).unwrap().1.insert("POST".to_owned());
    }
    let mut admin = app.signed_in("admin").await;
    for (endpoint, declared) in by_path.values() {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"] {
            if declared.contains(method) {
                continue;
            }
            let method: Method = method.parse().unwrap();
            let answer = admin.call(method.clone(), &path(endpoint, &person)).send().await;
            let name = format!("{method} {}", endpoint.path);
            assert_eq!((answer.status, answer.code().as_str()), (405, "method-not-allowed"), "{name}: {answer:?}");
            let allowed: BTreeSet<String> = answer.header("allow").split(',').map(|m| m.trim().to_owned()).collect();
            let without_head: BTreeSet<String> = allowed.into_iter().filter(|m| m != "HEAD").collect();
            assert_eq!(without_head, *declared, "{name}");
        }
    }
}
