//! Shapes that clients rely on, to the byte. Few: each is a promise.

use insta::assert_snapshot;
use serde_json::Value;
use testkit::{Answer, TestApp};

/// Members by name: whether a map keeps their order depends on what else is built.
pub(crate) fn sorted(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let members: std::collections::BTreeMap<String, Value> = members.into_iter().collect();
            Value::Object(members.into_iter().map(|(name, value)| (name, sorted(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}

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
    format!(
        "{} {}\n{}",
        answer.status,
        answer.header("content-type"),
        serde_json::to_string_pretty(&sorted(body)).unwrap()
    )
}

#[tokio::test]
async fn the_answer_to_a_sign_in() {
    let app = TestApp::new().await;

    let answer = app.browser().sign_in("nurse").await;

    assert_snapshot!(shape(&answer), @r#"
    200 application/json
    {
      "access_token": "[access_token]",
      "expires_in": 600,
      "outcome": "signed_in",
      "session_id": "[session_id]",
      "token_type": "Bearer",
      "user": {
        "display_name": "The nurse",
        "id": "[id]",
        "roles": [
          "nurse"
        ],
        "username": "nurse"
      }
    }
    "#);
}

#[tokio::test]
async fn a_refusal_that_names_what_is_missing() {
    let app = TestApp::new().await;

    let answer = app.signed_in("nurse").await.get("/api/v1/users").await;

    assert_snapshot!(shape(&answer), @r#"
    403 application/problem+json
    {
      "code": "forbidden",
      "missing": [
        "users:read"
      ],
      "request_id": "[request_id]",
      "status": 403,
      "title": "You may not do this",
      "type": "https://id.example.org/problems/forbidden"
    }
    "#);
}

#[tokio::test]
async fn a_refusal_that_points_into_the_body() {
    let app = TestApp::new().await;

    let answer =
        app.signed_in("admin").await.post("/api/v1/users", &serde_json::json!({ "username": "joan", "rank": 1 })).await;

    assert_snapshot!(shape(&answer), @r#"
    422 application/problem+json
    {
      "code": "validation",
      "errors": [
        {
          "code": "unknown_field",
          "detail": "There is no such field here.",
          "pointer": "/rank"
        }
      ],
      "request_id": "[request_id]",
      "status": 422,
      "title": "Some values are not acceptable",
      "type": "https://id.example.org/problems/validation"
    }
    "#);
}

#[tokio::test]
async fn a_person() {
    let app = TestApp::new().await;

    let answer = app.signed_in("ward3-nurse").await.me().await;

    assert_snapshot!(shape(&answer), @r#"
    200 application/json
    {
      "attributes": {},
      "created_at": "2026-11-20T14:36:00.000000Z",
      "created_by": null,
      "display_name": "The ward3-nurse",
      "email": "ward3-nurse@clinic.example",
      "email_verified": false,
      "external_id": null,
      "family_name": null,
      "given_name": null,
      "id": "[id]",
      "last_sign_in_at": "2026-11-21T14:36:00.000000Z",
      "locale": null,
      "mfa": [],
      "password_changed_at": "2026-11-20T14:36:00.000000Z",
      "phone": null,
      "recommended_actions": [
        "add_second_factor"
      ],
      "roles": [
        "nurse"
      ],
      "status": "active",
      "unit": "/clinic-a/ward-3",
      "updated_at": "2026-11-20T14:36:00.000000Z",
      "updated_by": null,
      "username": "ward3-nurse",
      "version": 2
    }
    "#);
}

#[tokio::test]
async fn pw_11_and_mfa_05_there_are_no_hints_no_questions_and_no_codes_by_mail_or_sms() {
    let app = TestApp::new().await;
    let document = app.browser().get("/openapi.json").await.expect(200).text.to_lowercase();
    let columns: Vec<String> = app.db.tables().await.into_values().flatten().collect();
    for word in ["hint", "question", "sms", "voice_code", "email_otp"] {
        assert!(!columns.iter().any(|column| column.contains(word)), "a column called {word}");
        assert!(!document.contains(&format!("\"{word}")), "{word} in the document");
    }
    let owed = app.browser().begin_sign_in("admin", &app.password("main", "admin")).await.expect(200).json();
    assert_eq!(owed["methods"], serde_json::json!(["totp"]));
}
