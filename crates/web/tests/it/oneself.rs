//! Changing one's own profile: what may change, in which version, and what the log says of it.

use axum::http::Method;
use domain::realm::RealmKey;
use domain::time::seconds;
use serde_json::{Value, json};
use testkit::{Answer, Browser, TestApp, on_both_databases, race};

const ME: &str = "/api/v1/me";

async fn tag(browser: &mut Browser) -> String {
    browser.me().await.expect(200).header("etag").to_owned()
}

fn told(answer: &Answer) -> (u16, String) {
    (answer.status, answer.code())
}

fn is(answer: &Answer, status: u16, code: &str) {
    assert_eq!(told(answer), (status, code.to_owned()), "{answer:?}");
}

on_both_databases! {
    async fn what_is_sent_changes_and_the_rest_stays(app: TestApp) {
        let mut nurse = app.signed_in("nurse").await;
        let first = tag(&mut nurse).await;
        let body = json!({ "given_name": "Joy", "family_name": "Marsh", "phone": " +44 20 7946 0000 ", "locale": "en-GB" });
        let whole = nurse.patch(ME, &first, &body).await.expect(200);
        let second = whole.header("etag").to_owned();

        let changed = nurse.patch(ME, &second, &json!({ "display_name": "Joy M.", "phone": null })).await.expect(200);

        let me = nurse.me().await.expect(200);
        assert_eq!(changed.json(), me.json());
        assert_eq!(changed.header("etag"), me.header("etag"));
        let me = me.json();
        assert_eq!((&me["display_name"], &me["given_name"]), (&json!("Joy M."), &json!("Joy")));
        assert_eq!((&me["family_name"], &me["locale"]), (&json!("Marsh"), &json!("en-GB")));
        assert_eq!((&whole.json()["phone"], &me["phone"]), (&json!("+44 20 7946 0000"), &Value::Null));
        assert_eq!(me["version"], whole.json()["version"].as_i64().unwrap() + 1);
        assert_eq!(me["updated_by"], me["id"]);
        assert_ne!(first, second);
    }

    async fn of_sixteen_who_change_one_version_one_does(app: TestApp) {
        let mut nurse = app.signed_in("nurse").await;
        let tag = tag(&mut nurse).await;

        let answers = race(16, |racer| {
            let (mut nurse, tag) = (nurse.clone(), tag.clone());
            async move { nurse.patch(ME, &tag, &json!({ "given_name": format!("Joy {racer}") })).await }
        })
        .await;

        let winners: Vec<usize> = (0..16).filter(|racer| answers[*racer].status == 200).collect();
        assert_eq!(winners.len(), 1, "{answers:?}");
        assert_eq!(answers.iter().filter(|answer| told(answer) == (412, "changed-meanwhile".to_owned())).count(), 15);
        assert_eq!(nurse.me().await.json()["given_name"], format!("Joy {}", winners[0]));
        assert_eq!(app.count("user_updated").await, 1);
    }

    async fn the_log_has_old_and_new_values_apart_from_the_leaf(app: TestApp) {
        let (mut nurse, mut auditor) = (app.signed_in("nurse").await, app.signed_in("auditor").await);
        let first = tag(&mut nurse).await;
        let named = nurse.patch(ME, &first, &json!({ "given_name": "Joy", "phone": "12345" })).await.expect(200);
        app.advance(seconds(1));
        nurse.patch(ME, named.header("etag"), &json!({ "given_name": "Joyce", "phone": null })).await.expect(200);

        let leaf = app.events().await.pop().unwrap();
        let found = auditor.get("/api/v1/audit/events?type=user_updated&limit=1").await.expect(200).json();

        assert_eq!(leaf["changed"], json!(["given_name", "phone"]));
        assert!(!leaf.to_string().contains("Joy") && !leaf.to_string().contains("12345"), "{leaf}");
        let event = &found["items"][0];
        assert_eq!(event["before"], json!({ "given_name": "Joy", "phone": "12345" }));
        assert_eq!(event["after"], json!({ "given_name": "Joyce", "phone": null }));
        assert_eq!(event["actor"]["id"], event["subject"]["id"]);
    }

    async fn what_changes_nothing_raises_no_version_and_leaves_no_event(app: TestApp) {
        let mut nurse = app.signed_in("nurse").await;
        let tag = tag(&mut nurse).await;
        for body in [json!({}), json!({ "phone": null }), json!({ "display_name": "The nurse" })] {
            let answer = nurse.patch(ME, &tag, &body).await.expect(200);
            assert_eq!(answer.header("etag"), tag, "{body}");
        }

        assert_eq!(app.count("user_updated").await, 0);
        is(&nurse.patch(ME, "\"9\"", &json!({})).await, 412, "changed-meanwhile");
    }
}

#[tokio::test]
async fn refusals_come_in_their_order() {
    let app = TestApp::new().await;
    let mut nurse = app.signed_in("nurse").await;
    let patch = Method::PATCH;
    let good = json!({ "given_name": "Joy" });

    let no_bearer = nurse.call(patch.clone(), ME).without_bearer().header("if-match", "*").json(&good).send().await;
    is(&no_bearer, 401, "not-signed-in");
    let both = nurse.patch(ME, "*", &json!({ "roles": ["admin"] })).await;
    is(&both, 400, "malformed");
    let invalid_and_absent = nurse.call(patch.clone(), ME).json(&json!({ "roles": ["admin"] })).send().await;
    is(&invalid_and_absent, 422, "validation");
    let invalid_and_old = nurse.patch(ME, "\"0\"", &json!({ "given_name": "" })).await;
    is(&invalid_and_old, 422, "validation");
    is(&nurse.call(patch.clone(), ME).json(&good).send().await, 428, "precondition-required");
    is(&nurse.patch(ME, "\"0\"", &good).await, 412, "changed-meanwhile");
    is(
        &nurse.call(patch, ME).header("if-match", "\"2\"").text("text/plain", "{}").send().await,
        415,
        "unsupported-media-type",
    );
}

#[tokio::test]
async fn a_version_that_was_never_sent_is_400() {
    let app = TestApp::new().await;
    let mut nurse = app.signed_in("nurse").await;
    let good = tag(&mut nurse).await;
    let weak = format!("W/{good}");
    for tag in ["*", &weak, "2", "\"x\"", "\"02\"", "\"1\", \"2\"", ""] {
        is(&nurse.patch(ME, tag, &json!({ "given_name": "Joy" })).await, 400, "malformed");
    }
    let twice = nurse.call(Method::PATCH, ME).header("if-match", &good).header("if-match", &good);
    is(&twice.json(&json!({ "given_name": "Joy" })).send().await, 400, "malformed");

    assert_eq!(tag(&mut nurse).await, good);
}

#[tokio::test]
async fn nothing_but_the_profile_can_be_changed() {
    let app = TestApp::new().await;
    let mut nurse = app.signed_in("nurse").await;
    let tag = tag(&mut nurse).await;
    for field in
        ["roles", "status", "username", "email", "email_verified", "unit", "id", "version", "attributes", "grants"]
    {
        let answer = nurse.patch(ME, &tag, &json!({ "given_name": "Joy", field: "admin" })).await;
        is(&answer, 422, "validation");
        let error = &answer.json()["errors"][0];
        assert_eq!((&error["pointer"], &error["code"]), (&json!(format!("/{field}")), &json!("unknown_field")));
    }
    for (body, pointer, code) in [
        (json!({ "display_name": null }), "/display_name", "required"),
        (json!({ "display_name": "" }), "/display_name", "length"),
        (json!({ "phone": "1\u{7}2" }), "/phone", "character"),
        (json!({ "locale": 7 }), "/locale", "invalid"),
        (json!({ "family_name": "x".repeat(201) }), "/family_name", "length"),
    ] {
        let answer = nurse.patch(ME, &tag, &body).await;
        is(&answer, 422, "validation");
        let error = &answer.json()["errors"][0];
        assert_eq!((&error["pointer"], &error["code"]), (&json!(pointer), &json!(code)), "{body}");
    }

    assert_eq!(nurse.me().await.header("etag"), tag);
}

#[tokio::test]
async fn a_person_is_read_in_the_same_version_by_themselves_and_by_others() {
    let app = TestApp::new().await;
    let (mut nurse, mut admin) = (app.signed_in("nurse").await, app.signed_in("admin").await);
    let path = format!("/api/v1/users/{}", app.user_id(RealmKey::MAIN, "nurse").await);
    admin.give(&app.user_id(RealmKey::MAIN, "nurse").await, "billing", "/").await.expect(201);

    let (own, theirs) = (tag(&mut nurse).await, admin.get(&path).await.expect(200).header("etag").to_owned());

    assert_eq!(own, theirs);
    is(&nurse.patch(ME, "\"2\"", &json!({ "given_name": "Joy" })).await, 412, "changed-meanwhile");
}
