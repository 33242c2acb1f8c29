//! APIs, their permissions and credentials, and clients: registered, changed, ended.

use axum::http::Method;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::time::hours;
use serde_json::{Value, json};
use testkit::{Browser, TestApp, on_both_databases, race};

async fn catalogue(browser: &mut Browser, audience: &str, secret: &str) -> u16 {
    let basic = format!("Basic {}", STANDARD.encode(format!("{audience}:{secret}")));
    let path = format!("/.well-known/bailiwick-roles?audience={}", audience.trim_matches('\0'));
    let call = browser.call(Method::GET, &path).without_bearer();
    call.header("authorization", &basic).send().await.status
}

on_both_databases! {
    async fn two_secrets_of_an_api_are_valid_while_rotating_and_none_after_its_end(app: TestApp) {
        let mut admin = app.signed_in("admin").await;
        admin.post("/api/v1/apis", &json!({ "audience": "lab", "name": "Lab" })).await.expect(201);
        let first = admin.post_empty("/api/v1/apis/lab/secret").await.expect(200).json();
        assert_eq!(first["client_id"], "lab");
        let secret = |made: &Value| made["client_secret"].as_str().unwrap().to_owned();
        app.remember(&secret(&first));
        assert_eq!(catalogue(&mut admin, "lab", &secret(&first)).await, 200);

        app.advance(domain::time::seconds(1));
        let second = admin.post_empty("/api/v1/apis/lab/secret").await.expect(200).json();
        app.remember(&secret(&second));
        for one in [&first, &second] {
            assert_eq!(catalogue(&mut admin, "lab", &secret(one)).await, 200);
        }
        app.advance(hours(1));
        let mut admin = app.signed_in("admin").await;
        let third = admin.post_empty("/api/v1/apis/lab/secret").await.expect(200).json();
        app.remember(&secret(&third));
        assert_eq!(catalogue(&mut admin, "lab", &secret(&first)).await, 401, "two are valid, never three");
        let (first, second) = (second, third);
        app.advance(hours(24));
        assert_eq!(catalogue(&mut admin, "lab", &secret(&first)).await, 401, "a day later the new one alone");
        assert_eq!(catalogue(&mut admin, "lab", &secret(&second)).await, 200);

        let mut admin = app.signed_in("admin").await;
        admin.delete_in("/api/v1/apis/lab", "\"1\"").await.expect(204);
        assert_eq!(catalogue(&mut admin, "lab", &secret(&second)).await, 401);
    }

    async fn a_client_is_registered_changed_and_ended_and_its_secret_shown_once(app: TestApp) {
        let mut admin = app.signed_in("admin").await;
        let body = json!({ "name": "Portal", "kind": "confidential", "apis": ["clinic"], "redirect_uris": ["https://portal.example.org/back"] });
        let made = admin.post("/api/v1/clients", &body).await.expect(201);
        let client = made.json();
        app.remember(client["client_secret"].as_str().unwrap());
        let path = format!("/api/v1/clients/{}", client["client_id"].as_str().unwrap());
        assert!(made.header("location").ends_with(&path));
        assert_eq!((client["require_pkce"].clone(), client["enabled"].clone()), (json!(true), json!(true)));

        let read = admin.get(&path).await.expect(200).json();
        assert_eq!(read.get("client_secret"), None, "nobody sees it again");
        let changed = admin.patch(&path, "\"1\"", &json!({ "enabled": false, "apis": [] })).await.expect(200).json();
        assert_eq!((changed["enabled"].clone(), changed["apis"].clone(), changed["version"].clone()), (json!(false), json!([]), json!(2)));
        let secret = admin.post_empty(&format!("{path}/secret")).await.expect(200).json();
        app.remember(secret["client_secret"].as_str().unwrap());
        assert_ne!(secret["client_secret"], client["client_secret"]);

        admin.delete_in(&path, "\"2\"").await.expect(204);
        assert_eq!(admin.get(&path).await.status, 404);
        assert_eq!(admin.post_empty(&format!("{path}/secret")).await.status, 404);
    }

    async fn an_api_that_a_client_names_stays_and_a_client_can_always_be_disabled(app: TestApp) {
        let mut admin = app.signed_in("admin").await;
        admin.post("/api/v1/apis", &json!({ "audience": "lab", "name": "Lab" })).await.expect(201);
        let body = json!({ "client_id": "robot", "name": "Robot", "kind": "service", "apis": ["lab"] });
        let made = admin.post("/api/v1/clients", &body).await.expect(201).json();
        app.remember(made["client_secret"].as_str().unwrap());

        let answer = admin.delete_in("/api/v1/apis/lab", "\"1\"").await.expect(409);

        assert!(answer.json()["detail"].as_str().unwrap().contains("robot"), "{answer:?}");
        admin.patch("/api/v1/clients/robot", "\"1\"", &json!({ "enabled": false })).await.expect(200);
        admin.patch("/api/v1/clients/robot", "\"2\"", &json!({ "apis": [] })).await.expect(200);
        admin.delete_in("/api/v1/apis/lab", "\"1\"").await.expect(204);
    }

    async fn a_name_with_nothing_in_it_is_nobodys_and_counts(app: TestApp) {
        let mut admin = app.signed_in("admin").await;
        for path in ["/api/v1/apis/%00", "/api/v1/apis/clinic%00", "/api/v1/clients/%00", "/api/v1/roles/%00"] {
            assert_eq!(admin.get(path).await.status, 404, "{path}");
        }
        assert_eq!(admin.get("/api/v1/clients?cursor=AA").await.status, 400);
        let before = app.count("authn_login_fail").await;
        assert_eq!(catalogue(&mut admin, "\0", "x").await, 401);
        assert_eq!(app.count("authn_login_fail").await, before + 1);
    }

    async fn of_sixteen_who_register_one_name_as_api_or_client_one_does(app: TestApp) {
        let admin = app.signed_in("admin").await;
        let answers = race(16, |racer| {
            let mut admin = admin.clone();
            async move {
                match racer % 2 {
                    0 => admin.post("/api/v1/apis", &json!({ "audience": "lab", "name": "Lab" })).await.status,
                    _ => {
                        let body = json!({ "client_id": "lab", "name": "Lab", "kind": "service" });
                        let answer = admin.post("/api/v1/clients", &body).await;
                        answer.status
                    }
                }
            }
        })
        .await;

        assert_eq!(answers.iter().filter(|status| **status == 201).count(), 1, "{answers:?}");
        assert_eq!(answers.iter().filter(|status| **status == 409).count(), 15, "{answers:?}");
    }
}

#[tokio::test]
async fn what_a_client_cannot_use_is_refused_where_it_stands() {
    let app = TestApp::new().await;
    let mut admin = app.signed_in("admin").await;
    let with = |changes: Value| {
        let mut body =
            json!({ "name": "Portal", "kind": "public", "redirect_uris": ["https://portal.example.org/back"] });
        body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        body
    };
    let many: Vec<String> = (0..51).map(|n| format!("https://portal.example.org/{n}")).collect();
    for (changes, pointer) in [
        (json!({ "kind": "robot" }), "/kind"),
        (json!({ "name": "" }), "/name"),
        (json!({ "client_id": "Portal!" }), "/client_id"),
        (json!({ "redirect_uris": [] }), "/redirect_uris"),
        (json!({ "kind": "service" }), "/redirect_uris"),
        (json!({ "redirect_uris": many }), "/redirect_uris"),
        (json!({ "redirect_uris": ["https://good.example.org/", "javascript:alert(1)"] }), "/redirect_uris/1"),
        (json!({ "redirect_uris": ["https://*.example.org/"] }), "/redirect_uris/0"),
        (json!({ "redirect_uris": ["http://portal.example.org/"] }), "/redirect_uris/0"),
        (json!({ "apis": ["clinic", "nothing"] }), "/apis/1"),
        (json!({ "secret": "mine" }), "/secret"),
    ] {
        let answer = admin.post("/api/v1/clients", &with(changes.clone())).await.expect(422);
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{changes}");
    }
    let public = admin.post("/api/v1/clients", &with(json!({ "require_pkce": false }))).await.expect(201).json();
    assert_eq!(
        (public.get("client_secret"), public["require_pkce"].clone()),
        (None, json!(true)),
        "public clients always use PKCE"
    );
    let path = format!("/api/v1/clients/{}", public["client_id"].as_str().unwrap());
    assert_eq!(admin.post_empty(&format!("{path}/secret")).await.expect(409).code(), "conflict");
    let taken = admin.post("/api/v1/clients", &with(json!({ "client_id": "clinic" }))).await.expect(409);
    assert_eq!(taken.code(), "name-taken", "an API is called so");
}

#[tokio::test]
async fn nonsense_in_an_api_or_a_permission_is_refused_where_it_stands() {
    let app = TestApp::new().await;
    let mut admin = app.signed_in("admin").await;
    for (body, pointer) in [
        (json!({ "audience": "Lab", "name": "Lab" }), "/audience"),
        (json!({ "audience": "lab", "name": "x".repeat(101) }), "/name"),
        (json!({ "audience": "lab", "name": "Lab", "algorithm": "none" }), "/algorithm"),
        (json!({ "audience": "lab", "name": "Lab", "algorithm": "HS256" }), "/algorithm"),
        (json!({ "audience": "lab", "name": "Lab", "access_lifetime_seconds": 59 }), "/access_lifetime_seconds"),
        (json!({ "audience": "lab", "name": "Lab", "access_lifetime_seconds": 3601 }), "/access_lifetime_seconds"),
    ] {
        let answer = admin.post("/api/v1/apis", &body).await.expect(422);
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{body}");
    }
    for name in ["charts", "charts:*", "*:read", "Charts:read", "charts:read:all", "charts:read ", ":", ""] {
        let body = json!({ "name": name, "description": "Something" });
        let answer = admin.post("/api/v1/apis/clinic/permissions", &body).await.expect(422);
        assert_eq!(answer.json()["errors"][0]["pointer"], "/name", "{name}");
    }
    let known = json!({ "name": "charts:read", "description": "Again" });
    assert_eq!(admin.post("/api/v1/apis/clinic/permissions", &known).await.expect(409).code(), "name-taken");
    let ours = json!({ "name": "users:eat", "description": "Ours" });
    assert_eq!(admin.post("/api/v1/apis/bailiwick/permissions", &ours).await.expect(409).code(), "conflict");
    assert_eq!(admin.post("/api/v1/apis/nothing/permissions", &ours).await.status, 404);
    assert_eq!(admin.delete("/api/v1/apis/clinic/permissions/no%2Fthing").await.status, 404);
}
