//! Rotation of signing keys (KEY-02, KEY-03), as resource servers and callers see it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::time::{minutes, seconds};
use serde_json::{Value, json};
use testkit::{Browser, TestApp, on_both_databases};

async fn published(app: &TestApp) -> Vec<String> {
    let keys = app.browser().get("/.well-known/jwks.json").await.expect(200).json();
    keys["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

fn kid(browser: &Browser) -> String {
    let token = browser.bearer.clone().unwrap();
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    serde_json::from_slice::<Value>(&header).unwrap()["kid"].as_str().unwrap().to_owned()
}

async fn rotate(admin: &mut Browser, mode: &str) -> Value {
    admin.post("/api/v1/keys/rotate", &json!({ "mode": mode, "reason": "a drill" })).await.expect(200).json()
}

on_both_databases! {
    async fn key_03_a_scheduled_key_is_published_first_and_signs_twenty_minutes_later(app: TestApp) {
        let mut admin = app.signed_in("admin").await;
        let mut nurse = app.signed_in("nurse").await;
        let old = kid(&nurse);
        assert_eq!(published(&app).await, std::slice::from_ref(&old));

        let keys = rotate(&mut admin, "scheduled").await;

        let new = keys["items"][0]["kid"].as_str().unwrap().to_owned();
        assert_eq!(keys["items"][0]["state"], "next");
        assert_eq!(keys["items"][1]["state"], "active");
        assert_eq!(published(&app).await, [new.clone(), old.clone()]);
        assert_eq!(nurse.me().await.status, 200);
        for _ in 0..2 {
            app.advance(minutes(10) - seconds(1));
            nurse.post("/api/v1/session/refresh", &json!({ "active": true })).await.expect(200);
            assert_eq!(kid(&nurse), old, "not yet");
        }
        app.advance(seconds(2));
        assert_eq!(nurse.me().await.status, 200, "a token of the old key is good until it expires");
        app.advance(seconds(30));
        nurse.post("/api/v1/session/refresh", &json!({ "active": true })).await.expect(200);
        assert_eq!(kid(&nurse), new);
        assert_eq!(nurse.me().await.status, 200);
        assert_eq!(published(&app).await.len(), 2, "still published");
        app.advance(minutes(60));
        assert_eq!(published(&app).await, [new], "until the last token that it signed has expired");
    }

    async fn key_03_after_an_emergency_no_old_token_is_accepted_here_or_on_another_node(app: TestApp) {
        let other_node = app.node(|_, _| ());
        let mut admin = app.signed_in("admin").await;
        let mut nurse = app.signed_in("nurse").await;
        let mut elsewhere = nurse.at(&other_node);
        assert_eq!(elsewhere.me().await.status, 200, "with the keys in its cache");

        let old = kid(&nurse);
        rotate(&mut admin, "emergency").await;

        assert_eq!(nurse.me().await.expect(401).code(), "not-signed-in");
        assert_eq!(admin.me().await.status, 401, "one's own too");
        app.advance(seconds(1));
        assert_eq!(elsewhere.me().await.status, 401, "a second later on other nodes");
        assert!(!published(&app).await.contains(&old));
        assert!(!published(&other_node).await.contains(&old));
        nurse.refresh().await.expect(200);
        assert_eq!(nurse.me().await.status, 200);
        assert_eq!(nurse.at(&other_node).me().await.status, 200);
    }
}

#[tokio::test]
async fn key_02_what_is_published_is_public_and_says_for_what_it_is() {
    let app = TestApp::new().await;
    let answer = app.browser().get("/.well-known/jwks.json").await.expect(200);
    for key in answer.json()["keys"].as_array().unwrap() {
        let mut names: Vec<&str> = key.as_object().unwrap().keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["alg", "e", "kid", "kty", "n", "use"]);
        assert_eq!((&key["use"], &key["alg"]), (&json!("sig"), &json!("RS256")));
    }
    assert_eq!(answer.header("cache-control"), "public, max-age=600");
    let mut again = app.browser();
    let call =
        again.call(axum::http::Method::GET, "/.well-known/jwks.json").header("if-none-match", answer.header("etag"));
    let unchanged = call.send().await.expect(304);
    assert!(unchanged.text.is_empty());
}

#[tokio::test]
async fn the_metadata_names_the_issuer_of_the_tokens_byte_for_byte() {
    let app = TestApp::new().await;
    let mut other = app.browser_in_other();
    other.sign_in("nurse").await;
    for (browser, at_root) in [(app.signed_in("nurse").await, ""), (other, "/realms/other")] {
        let issuer = crate::claims(browser.bearer.as_ref().unwrap())["iss"].clone();
        let mut reader = browser.clone();
        for path in ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"] {
            let metadata = reader.get(path).await.expect(200).json();
            assert_eq!(metadata["issuer"], issuer);
            assert_eq!(metadata["jwks_uri"], format!("{}/.well-known/jwks.json", issuer.as_str().unwrap()));
        }
        // RFC 8414, section 3.1.
        let path = format!("/.well-known/oauth-authorization-server{at_root}");
        assert_eq!(app.browser().get(&path).await.expect(200).json()["issuer"], issuer);
    }
}
