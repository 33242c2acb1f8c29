//! What may be a password: the policy as clients read it is the policy as it acts (PW-19).

use std::collections::BTreeMap;

use domain::id::CredentialId;
use domain::realm::RealmKey;
use domain::user::Identifier;
use serde_json::{Value, json};
use store::token::Purpose;
use store::{Outcome, Read, Upkeep};
use testkit::{Answer, TestApp, on_both_databases};

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

/// Puts a hash of another system where somebody's password is, as an import will.
async fn import(app: &TestApp, username: &str, hash: &str) {
    let input = (username.to_owned(), hash.to_owned());
    let imported = app.db.write(input, |tx, (username, hash)| {
        Box::pin(async move {
            let user = store::user::by_identifier(tx, &Identifier::new(username)).await?.expect("somebody");
            let id = CredentialId::new(&*tx.entropy(), tx.now());
            store::credential::set_password(tx, id, user.id, hash).await?;
            Ok(Outcome::upkeep((), Upkeep::Counter))
        })
    });
    imported.await.expect("imported");
}

async fn kinds(app: &TestApp) -> BTreeMap<String, i64> {
    service::password::kinds(&app.app, RealmKey::MAIN).await.expect("kinds").into_iter().collect()
}

on_both_databases! {
    async fn pw_14_a_hash_of_another_system_signs_in_and_is_raised(app: TestApp) {
        let people = kinds(&app).await["argon2id m=64,t=1"];
        // Python's bcrypt 5.0.0, of "Grüße aus dem Käsekeller".
        import(&app, "nurse", "$2b$04$Vb7/agzdPifwzcjzeRIpzerMpqzSqfJwoDCqt.HqIy1JXsowq4uoK").await;
        let before = [("argon2id m=64,t=1".to_owned(), people - 1), ("bcrypt 4".to_owned(), 1)];
        assert_eq!(kinds(&app).await, before.into());

        app.browser().sign_in_with("nurse", "Grüße aus dem Käsekellen").await.expect(401);
        app.browser().sign_in_with("nurse", "Grüße aus dem Käsekeller").await.expect(200);

        let after = BTreeMap::from([("argon2id m=64,t=1".to_owned(), people)]);
        for _ in 0..500 {
            if kinds(&app).await == after {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        assert_eq!(kinds(&app).await, after, "raised off the path of the answer");
        app.browser().sign_in_with("nurse", "Grüße aus dem Käsekeller").await.expect(200);
    }

    async fn an_identifier_that_nobody_has_is_compared_with_a_kind_of_the_realm(app: TestApp) {
        let some = kinds(&app).await["argon2id m=64,t=1"];
        for username in ["nurse", "physician", "billing"] {
            import(&app, username, "$2b$04$Vb7/agzdPifwzcjzeRIpzerMpqzSqfJwoDCqt.HqIy1JXsowq4uoK").await;
        }
        let drawn = || async {
            let asked = app.app.clone();
            let all = app.db.read(move |tx| {
                Box::pin(async move {
                    let mut all = Vec::new();
                    for at in 0..300 {
                        all.push(service::password::stand_in(&asked, tx, &format!("nobody-{at}")).await?.to_string());
                    }
                    Ok(all)
                })
            });
            all.await.expect("drawn")
        };

        let first = drawn().await;

        assert_eq!(first, drawn().await, "always the same");
        let bcrypt = first.iter().filter(|label| *label == "bcrypt 4").count() as f64 / 300.0;
        let share = 3.0 / some as f64;
        assert!((bcrypt - share).abs() < 5.0 * (share * (1.0 - share) / 300.0).sqrt(), "{bcrypt} of {share}");
    }
}
