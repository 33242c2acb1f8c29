//! OA-10, OA-12, LOCK-06: a client proves itself in one place, and guessing gets slow.

use super::*;
use domain::time::{hours, seconds};
use testkit::on_both_databases;

const PATH: &str = "/oauth/introspect";
const TOKEN: (&str, &str) = ("token", "nothing");

async fn post(app: &TestApp, authorization: &[&str], kind: &str, body: &str) -> Answer {
    let mut browser = app.browser();
    let call = browser.call(Method::POST, PATH);
    let call = authorization.iter().fold(call, |call, line| call.header("authorization", line));
    call.text(kind, body.to_owned()).send().await
}

const FORM: &str = "application/x-www-form-urlencoded";

on_both_databases! {
    async fn oa_10_a_secret_in_the_header_or_in_the_form_proves_a_client_and_never_both(app: TestApp) {
        let api = app.api_secret().await;
        let robot = service(&app, "lab-robot", &["clinic"]).await;
        for (id, secret) in [("clinic", &api), ("lab-robot", &robot)] {
            assert_eq!(ask(&app, (id, secret), PATH, &[TOKEN]).await.expect(200).text, r#"{"active":false}"#);
            let encoded = id.replace('l', "%6C").replace('-', "%2d");
            ask(&app, (&encoded, secret), PATH, &[TOKEN]).await.expect(200);
            let in_form = encode(&[TOKEN, ("client_id", id), ("client_secret", secret)]);
            post(&app, &[], FORM, &in_form).await.expect(200);
            let both = ask(&app, (id, secret), PATH, &[TOKEN, ("client_secret", secret)]).await.expect(400).json();
            assert_eq!(both["error"], "invalid_request");
            ask(&app, (id, secret), PATH, &[TOKEN, ("client_id", id)]).await.expect(200);
            let other = ask(&app, (id, secret), PATH, &[TOKEN, ("client_id", "portal")]).await.expect(400).json();
            assert_eq!(other["error"], "invalid_request");
        }
    }

    async fn unknown_wrong_disabled_deleted_and_other_realms_credentials_are_one_answer(app: TestApp) {
        let api = app.api_secret().await;
        let robot = service(&app, "robot", &["clinic"]).await;
        let late = service(&app, "late", &["clinic"]).await;
        register(&app, json!({ "client_id": "page", "name": "Page", "kind": "public", "redirect_uris": ["https://a.example/"] })).await;
        change(&app, "robot", &json!({ "enabled": false })).await.expect(200);
        let mut admin = app.signed_in("admin").await;
        let version = admin.version("/api/v1/clients/late").await;
        admin.delete_in("/api/v1/clients/late", &version).await.expect(204);
        let wrong = "A".repeat(43);

        let first = ask(&app, ("nobody", &wrong), PATH, &[TOKEN]).await.expect(401);
        assert_eq!(first.json(), json!({ "error": "invalid_client",
            "error_description": "The client is unknown, or its credentials are wrong." }));
        assert_eq!(first.header("www-authenticate"), r#"Basic realm="bailiwick""#);
        assert_eq!(first.header("cache-control"), "no-store");
        let wide = "a".repeat(4000);
        for (number, (id, secret)) in [
            ("clinic", wrong.as_str()), ("robot", &robot), ("late", &late), ("clinic", &robot), ("clinic", ""), ("robot", ""),
            ("page", ""), ("page", &wrong), ("CLINIC", &api), ("", &api), ("clinic\u{e9}", &api), (&wide, &api), ("<b>", "<script>"),
        ].into_iter().enumerate() {
            let mut elsewhere = app.browser();
            elsewhere.address = format!("198.51.100.{number}:1000").parse().unwrap();
            let answer = ask_from(&mut elsewhere, (id, secret), PATH, &[TOKEN]).await;
            assert_eq!(answer.observable(), first.observable(), "{id} {secret}");
        }
        let mut other = app.browser_in_other();
        let answer = ask_from(&mut other, ("clinic", &api), PATH, &[TOKEN]).await;
        assert_eq!(answer.observable(), first.observable(), "another realm's API");
        ask(&app, ("clinic", &api), PATH, &[TOKEN]).await.expect(200);
    }

    async fn two_secrets_of_a_client_are_valid_while_rotating(app: TestApp) {
        let first = service(&app, "robot", &["clinic"]).await;
        app.advance(seconds(1));
        let made = app.signed_in("admin").await.post_empty("/api/v1/clients/robot/secret").await.expect(200).json();
        let second = text(&made["client_secret"]).to_owned();
        app.remember(&second);
        for secret in [&first, &second] {
            ask(&app, ("robot", secret), PATH, &[TOKEN]).await.expect(200);
        }

        app.advance(hours(25));

        ask(&app, ("robot", &first), PATH, &[TOKEN]).await.expect(401);
        ask(&app, ("robot", &second), PATH, &[TOKEN]).await.expect(200);
    }

    async fn lock_06_guessing_is_slowed_down_where_it_comes_from_and_stops_nobody_who_knows_the_secret(app: TestApp) {
        let (api, robot) = (app.api_secret().await, service(&app, "robot", &["clinic"]).await);
        let wrong = "A".repeat(43);
        for _ in 0..10 {
            ask(&app, ("clinic", &wrong), PATH, &[TOKEN]).await.expect(401);
        }

        let refused = ask(&app, ("clinic", &wrong), PATH, &[TOKEN]).await.expect(429);

        assert_eq!(refused.json()["error"], "too_many_attempts");
        assert!(refused.header("retry-after").parse::<u64>().unwrap() > 3000, "{refused:?}");
        ask(&app, ("clinic", &api), PATH, &[TOKEN]).await.expect(200);
        ask(&app, ("robot", &robot), PATH, &[TOKEN]).await.expect(200);
        for number in 0..20 {
            ask(&app, (&format!("made-up-{number}"), &wrong), PATH, &[TOKEN]).await;
        }
        ask(&app, ("robot", &wrong), PATH, &[TOKEN]).await.expect(429);
        ask(&app, ("robot", &robot), PATH, &[TOKEN]).await.expect(200);
        let mut elsewhere = app.browser();
        elsewhere.address = "198.51.100.9:1000".parse().unwrap();
        ask_from(&mut elsewhere, ("clinic", &wrong), PATH, &[TOKEN]).await.expect(401);
        let failed: Vec<_> = app.events().await.into_iter().filter(|event| event["type"] == "authn_login_fail").collect();
        assert_eq!(failed.len(), 21, "what a full window refuses makes no event of its own");
        assert!(failed.iter().all(|event| event["actor"]["kind"] == "client"), "{failed:?}");
    }
}

#[tokio::test]
async fn oa_09_forms_that_cannot_be_read_are_refused_in_oauths_form_after_the_credentials() {
    let app = TestApp::new().await;
    let secret = app.api_secret().await;
    let right = basic("clinic", &secret);
    for (kind, body) in [
        (FORM, "token=a&token=b".to_owned()),
        (FORM, "token=a&%74oken=b".to_owned()),
        (FORM, "token=%zz".to_owned()),
        (FORM, "token=%ff".to_owned()),
        (FORM, String::new()),
        (FORM, "token=".to_owned()),
        ("application/json", r#"{"token":"a"}"#.to_owned()),
        ("text/plain", "token=a".to_owned()),
    ] {
        let answer = post(&app, &[&right], kind, &body).await.expect(400);
        assert_eq!(answer.json()["error"], "invalid_request", "{kind} {body}");
        assert_eq!(answer.header("content-type"), "application/json");
        post(&app, &[], kind, &body).await.expect(401);
    }
    for lines in [&[right.as_str(), right.as_str()][..], &["Bearer x"], &["Basic ?"], &["Basic"], &[]] {
        post(&app, lines, FORM, "token=a").await.expect(401);
    }
    let long = format!("token={}", "a".repeat(64 * 1024));
    assert_eq!(post(&app, &[&right], FORM, &long).await.expect(413).json()["error"], "invalid_request");
    post(&app, &[&right], "application/x-www-form-urlencoded; charset=UTF-8", "token=a&unknown=1&empty=")
        .await
        .expect(200);
    let mut browser = app.browser();
    let call = browser.call(Method::POST, &format!("{PATH}?token=a")).header("authorization", &right);
    assert_eq!(
        call.text(FORM, "token=a").send().await.expect(400).json()["error"],
        "invalid_request",
        "nothing in the address"
    );
    assert_eq!(app.count("authn_login_fail").await, 0, "no credentials are none that failed");
}
