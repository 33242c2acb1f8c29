//! AZ-01 to AZ-05, AZ-10: decisions.

use super::*;
use domain::realm::RealmKey;
use testkit::on_both_databases;

const PATH: &str = "/access/v1/evaluation";

async fn decide(app: &TestApp, secret: &str, body: &Value) -> Answer {
    let mut browser = app.browser();
    browser.call(Method::POST, PATH).header("authorization", &basic("clinic", secret)).json(body).send().await
}

fn question(subject: &str, action: &str, kind: &str, properties: &Value) -> Value {
    json!({ "subject": { "type": "user", "id": subject }, "action": { "name": action },
        "resource": { "type": kind, "id": "17", "properties": properties } })
}

async fn says(app: &TestApp, secret: &str, body: &Value) -> bool {
    let answer = decide(app, secret, body).await.expect(200).json();
    let because = answer["context"]["because"].as_array().unwrap();
    assert_eq!(answer["decision"] == true, !because.is_empty(), "{answer}");
    assert!(!answer.to_string().contains('@'), "no personal data: {answer}");
    answer["decision"] == true
}

on_both_databases! {
    async fn az_01_a_decision_follows_the_grants_of_this_moment_and_says_why(app: TestApp) {
        let secret = app.api_secret().await;
        let (nurse, ward) = (app.user_id(RealmKey::MAIN, "nurse").await, app.user_id(RealmKey::MAIN, "ward3-nurse").await);
        let patient = app.user_id(RealmKey::MAIN, "patient").await;
        let of = |who: &str, properties: Value| question(who, "read", "charts", &properties);

        let answer = decide(&app, &secret, &of(&ward, json!({ "unit": "/clinic-a/ward-3/bed-1" }))).await.expect(200).json();
        let because = &answer["context"]["because"][0];
        assert_eq!((&answer["decision"], text(&because["permission"])), (&json!(true), "charts:read"));
        assert_eq!((&because["via"], text(&because["unit"])), (&json!(["nurse", "clinical-staff"]), "/clinic-a/ward-3"));
        assert!(says(&app, &secret, &of(&nurse, json!({}))).await);
        for place in [json!({}), json!({ "unit": "/" }), json!({ "unit": "/clinic-a" }), json!({ "unit": "/clinic-a/ward-30" })] {
            assert!(!says(&app, &secret, &of(&ward, place.clone())).await, "{place}");
        }
        assert!(!says(&app, &secret, &of(&patient, json!({}))).await);
        assert!(!says(&app, &secret, &of(&patient, json!({ "owner": nurse }))).await);
        assert!(says(&app, &secret, &of(&patient, json!({ "owner": patient }))).await, "charts:read:own");
        assert!(!says(&app, &secret, &question(&patient, "read:own", "charts", &json!({}))).await, "whose it is says the resource");

        let physician = app.user_id(RealmKey::MAIN, "physician").await;
        assert!(says(&app, &secret, &of(&physician, json!({}))).await, "what needs a second factor counts here");
        let mut admin = app.signed_in("admin").await;
        for grant in admin.grants(&nurse).await {
            admin.end_grant(&nurse, &grant).await.expect(200);
        }
        assert!(!says(&app, &secret, &of(&nurse, json!({}))).await);
        admin.set(&ward, "disable").await.expect(200);
        assert!(!says(&app, &secret, &of(&ward, json!({ "unit": "/clinic-a/ward-3" }))).await);
        let other = app.user_id(domain::realm::RealmKey::from_stored(2), "nurse").await;
        assert!(!says(&app, &secret, &of(&other, json!({}))).await, "somebody of another realm");
    }

    async fn az_01_services_are_subjects_too_and_unknown_ones_a_plain_no(app: TestApp) {
        let secret = app.api_secret().await;
        let robot = service(&app, "robot", &["clinic"]).await;
        give(&app, "robot", "clinical-staff", "/clinic-a").await.expect(201);
        let issued = token(&app, ("robot", &robot), &[]).await.expect(200).json();
        let sub = text(&crate::claims(text(&issued["access_token"]))["sub"]).to_owned();
        let of = |kind: &str, id: &str| {
            let mut body = question(id, "read", "charts", &json!({ "unit": "/clinic-a/ward-3" }));
            body["subject"]["type"] = kind.into();
            body
        };
        assert!(says(&app, &secret, &of("client", "robot")).await);
        assert!(says(&app, &secret, &of("client", &sub)).await);
        for (kind, id) in [("user", "robot"), ("user", sub.as_str()), ("client", "nobody"), ("group", "robot"), ("user", ""), ("client", "\u{1f600}")] {
            assert!(!says(&app, &secret, &of(kind, id)).await, "{kind} {id}");
        }
        for (action, kind) in [("fly", "charts"), ("read", "dragons"), ("", ""), ("*", "charts"), ("read:own", "charts"), ("users:read", "")] {
            assert!(!says(&app, &secret, &question(&sub, action, kind, &json!({}))).await, "{action} {kind}");
        }
        change(&app, "robot", &json!({ "enabled": false })).await.expect(200);
        assert!(!says(&app, &secret, &of("client", "robot")).await);
    }

    async fn az_10_an_api_asks_about_its_own_permissions_and_a_person_needs_access_check(app: TestApp) {
        let nurse = app.user_id(RealmKey::MAIN, "nurse").await;
        let secret = app.api_secret().await;
        let about = |api: Value| question(&nurse, "read", "charts", &json!({ "api": api }));
        assert!(says(&app, &secret, &about(json!("clinic"))).await);
        assert!(!says(&app, &secret, &about(json!("bailiwick"))).await, "another API's are not its business");

        let mut admin = app.signed_in("admin").await;
        assert_eq!(admin.post(PATH, &about(json!("clinic"))).await.expect(200).json()["decision"], true);
        assert_eq!(admin.post(PATH, &about(Value::Null)).await.expect(400).code(), "malformed");
        assert_eq!(admin.post(PATH, &about(json!("nothing"))).await.expect(200).json()["decision"], false);
        let refused = app.signed_in("nurse").await.post(PATH, &about(json!("clinic"))).await.expect(403).json();
        assert_eq!(refused["missing"], json!(["access:check"]));
        let mut local = app.signed_in("clinic-a-admin").await;
        local.post(PATH, &about(json!("clinic"))).await.expect(403);
        let ward = app.user_id(RealmKey::MAIN, "ward3-nurse").await;
        let here = |who: &str| question(who, "read", "charts", &json!({ "api": "clinic", "unit": "/clinic-a/ward-3" }));
        assert_eq!(local.post(PATH, &here(&ward)).await.expect(200).json()["decision"], true);
        assert_eq!(local.post(PATH, &here(&nurse)).await.expect(200).json()["decision"], false, "people out of reach are unknown");
        let robot = service(&app, "robot", &["clinic"]).await;
        let call = local.call(Method::POST, PATH).without_bearer().header("authorization", &basic("robot", &robot));
        assert_eq!(call.json(&about(Value::Null)).send().await.expect(403).json()["missing"], json!(["access:check"]));
    }
}

#[tokio::test]
async fn az_02_what_cannot_be_understood_is_400_and_whoever_is_unknown_401() {
    let app = TestApp::new().await;
    let secret = app.api_secret().await;
    let whole = question("a", "read", "charts", &json!({}));
    let without = |pointer: &str, with: Option<Value>| {
        let mut body = whole.clone();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let parent = body.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        parent.remove(name);
        parent.extend(with.map(|value| (name.to_owned(), value)));
        body.to_string()
    };
    let mut bodies: Vec<String> =
        ["", "{", "[]", "null", "\"x\"", "{}", r#"{"subject":{},"subject":{}}"#].map(str::to_owned).to_vec();
    for pointer in [
        "/subject",
        "/action",
        "/resource",
        "/subject/type",
        "/subject/id",
        "/action/name",
        "/resource/type",
        "/resource/id",
    ] {
        bodies.extend([without(pointer, None), without(pointer, Some(json!(7))), without(pointer, Some(json!([])))]);
    }
    bodies.push(without("/subject", Some(json!(["user", "a"]))));
    bodies.push(without("/resource/properties", Some(json!(["/", "a", "clinic"]))));
    for unit in [json!(7), json!("clinic-a"), json!("/A"), json!("//"), json!({})] {
        bodies.push(without("/resource/properties", Some(json!({ "unit": unit }))));
    }
    bodies.push(without("/resource/properties", Some(json!({ "owner": 1 }))));
    for body in bodies {
        let mut browser = app.browser();
        let call = browser.call(Method::POST, PATH).header("authorization", &basic("clinic", &secret));
        let answer = call.text("application/json", body.clone()).send().await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "malformed"), "{body}: {answer:?}");
        assert_eq!(app.browser().call(Method::POST, PATH).text("application/json", body).send().await.status, 401);
    }
    let mut browser = app.browser();
    let call = browser.call(Method::POST, PATH).header("authorization", &basic("clinic", &secret));
    call.text("text/plain", whole.to_string()).send().await.expect(415);
    let call = browser.call(Method::POST, PATH).header("authorization", &basic("clinic", &"A".repeat(43)));
    assert_eq!(call.json(&whole).send().await.expect(401).header("www-authenticate"), r#"Basic realm="bailiwick""#);
    for method in [Method::GET, Method::PUT] {
        assert_eq!(browser.call(method, PATH).send().await.expect(405).header("allow"), "POST");
    }
}

#[tokio::test]
async fn az_03_unknown_members_are_ignored_and_az_04_the_requests_id_is_echoed() {
    let app = TestApp::new().await;
    let secret = app.api_secret().await;
    let mut body = question(&app.user_id(RealmKey::MAIN, "nurse").await, "read", "charts", &json!({ "colour": "red" }));
    body["context"] = json!({ "time": "2026-01-01T00:00:00Z" });
    body["subject"]["properties"] = json!({ "department": "Sales" });
    body["more"] = json!([1]);
    let mut texts = std::collections::BTreeSet::new();
    for _ in 0..3 {
        let mut browser = app.browser();
        let call = browser.call(Method::POST, PATH).header("authorization", &basic("clinic", &secret));
        let call = call.header("x-request-id", "bfe9eb29-ab87-4ca3-be83-a1d5d8305716");
        let answer = call.text("application/json; charset=utf-8", body.to_string()).send().await.expect(200);
        assert_eq!(answer.header("x-request-id"), "bfe9eb29-ab87-4ca3-be83-a1d5d8305716");
        texts.insert(answer.text);
    }
    assert_eq!(texts.len(), 1, "{texts:?}");
    let configuration = app.browser().get("/.well-known/authzen-configuration").await.expect(200).json();
    assert_eq!(configuration["policy_decision_point"], testkit::app::BASE);
    assert_eq!(configuration["access_evaluation_endpoint"], format!("{}{PATH}", testkit::app::BASE));
    let other = app.browser().get("/.well-known/authzen-configuration/realms/other").await.expect(200).json();
    assert_eq!(other["policy_decision_point"], format!("{}/realms/other", testkit::app::BASE));
}
