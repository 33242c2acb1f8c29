//! Shapes that clients rely on, to the byte. Few: each is a promise.

use insta::assert_snapshot;
use serde_json::Value;
use testkit::{Answer, TestApp};

/// The body with what differs from run to run replaced.
fn shape(answer: &Answer) -> String {
    fn mask(value: &mut Value) {
        const RANDOM: [&str; 4] = ["access_token", "session_id", "id", "request_id"];
        match value {
            Value::Object(members) => members.iter_mut().for_each(|(name, value)| {
                if RANDOM.contains(&name.as_str()) { *value = format!("[{name}]").into() } else { mask(value) }
            }),
            Value::Array(items) => items.iter_mut().for_each(mask),
            _ => {}
        }
    }
    let mut body = answer.json();
    mask(&mut body);
    format!("{} {}\n{}", answer.status, answer.header("content-type"), serde_json::to_string_pretty(&body).unwrap())
}

#[tokio::test]
async fn the_answer_to_a_sign_in() {
    let app = TestApp::new().await;

    let answer = app.browser().sign_in("nurse").await;

    assert_snapshot!(shape(&answer), @"");
}

#[tokio::test]
async fn a_refusal_that_names_what_is_missing() {
    let app = TestApp::new().await;

    let answer = app.signed_in("nurse").await.get("/api/v1/users").await;

    assert_snapshot!(shape(&answer), @"");
}

#[tokio::test]
async fn a_refusal_that_points_into_the_body() {
    let app = TestApp::new().await;

    let answer = app.signed_in("admin").await.post("/api/v1/users", &serde_json::json!({ "username": "joan", "rank": 1 })).await;

    assert_snapshot!(shape(&answer), @"");
}

#[tokio::test]
async fn a_person() {
    let app = TestApp::new().await;

    let answer = app.signed_in("ward3-nurse").await.me().await;

    assert_snapshot!(shape(&answer), @"");
}
