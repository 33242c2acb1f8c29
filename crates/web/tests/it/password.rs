//! What may be a password: the policy as clients read it is the policy as it acts (PW-19).

use serde_json::{Value, json};
use store::token::Purpose;
use testkit::{Answer, TestApp};

fn code(refused: &Answer) -> String {
    let problem = refused.json();
    assert_eq!((refused.status, &problem["errors"][0]["pointer"]), (422, &json!("/new_password")), "{problem}");
    problem["errors"][0]["code"].as_str().expect("a code").to_owned()
}

async fn policy(app: &TestApp) -> Value {
    app.browser().get("/api/v1/password-policy").await.expect(200).json()
}

#[tokio::test]
async fn pw_19_the_policy_says_what_is_refused() {
    let app = TestApp::new().await;
    let policy = policy(&app).await;
    let number = |name: &str| usize::try_from(policy[name].as_u64().expect(name)).expect("small");
    let link = app.new_link("gale.thornton", Purpose::Activation).await;
    let letters = |count: usize| -> String { "kalqozupimrevadi".chars().cycle().take(count).collect() };
    let wide = |count: usize| "😀".repeat(count);

    let mut codes = Vec::new();
    for text in [
        letters(number("min_length") - 1),
        letters(number("max_length") + 1),
        wide(number("max_bytes") / 4 + 1),
        "Password12345678".to_owned(),
        "gale.thornton2026".to_owned(),
    ] {
        let refused = app.browser().choose(&link, &text).await;
        codes.push(code(&refused));
        let said = refused.json()["errors"][0]["detail"].as_str().expect("guidance").to_owned();
        assert!(said.contains("sentence"), "PW-18: {said}");
    }

    assert_eq!(codes, ["too_short", "too_long", "too_long", "blocklisted", "context_word"]);
    for code in codes {
        assert!(policy["refusals"].as_array().expect("codes").contains(&json!(code)));
    }
    assert!(number("blocklist_entries") >= 100_000);
    assert_eq!((&policy["composition"], &policy["expires_after_days"]), (&Value::Null, &Value::Null), "PW-04, PW-05");
    for name in ["min_length", "min_length_with_second_factor"] {
        assert!(policy["text"].as_str().expect("words").contains(&policy[name].to_string()), "{policy}");
    }
}

#[tokio::test]
async fn pw_01_and_pw_02_the_shortest_and_the_longest_of_the_policy_are_taken() {
    let app = TestApp::new().await;
    let policy = policy(&app).await;
    for (at, name) in ["min_length", "max_length"].into_iter().enumerate() {
        let username = format!("person-{at}");
        let link = app.new_link(&username, Purpose::Activation).await;
        let length = usize::try_from(policy[name].as_u64().expect(name)).expect("small");
        let password: String = "kalqozupimrevadi".chars().cycle().take(length).collect();

        app.browser().choose(&link, &password).await.expect(204);

        app.browser().sign_in_with(&username, &password).await.expect(200);
        if length > 72 {
            app.browser().sign_in_with(&username, &password[..72]).await.expect(401);
        }
    }
}
