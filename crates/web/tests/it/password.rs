//! What may be a password: the policy as clients read it is the policy as it acts (PW-19).

use std::collections::BTreeMap;

use axum::http::Method;
use domain::id::CredentialId;
use domain::realm::RealmKey;
use domain::time::{minutes, seconds};
use domain::user::Identifier;
use serde_json::{Value, json};
use store::token::Purpose;
use store::{Outcome, Read, Upkeep};
use testkit::{Answer, Browser, TestApp, on_both_databases};

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

/// So many letters that no list holds; another beginning, another password.
fn letters(from: usize, count: usize) -> String {
    "kalqozupimrevadinu".chars().cycle().skip(from).take(count).collect()
}

async fn change(browser: &mut Browser, current: &str, new: &str) -> Answer {
    let body = json!({ "current_password": current, "new_password": new });
    browser.call(Method::PUT, "/api/v1/me/password").json(&body).send().await
}

#[tokio::test]
async fn pw_01_fifteen_characters_alone_and_twelve_where_a_second_factor_is_always_demanded() {
    let app = TestApp::new().await;
    for (username, roles, least) in [("clerk.new", &[][..], 15), ("dr.new", &["physician"], 12)] {
        // By an invitation.
        let link = app.new_link_for(username, Purpose::Invitation, roles).await;
        let refused = app.browser().choose(&link, &letters(0, least - 1)).await;
        assert_eq!(code(&refused), "too_short", "{username}");
        app.browser().choose(&link, &letters(0, least)).await.expect(204);

        // One's own change.
        let mut person = app.browser();
        person.sign_in_with(username, &letters(0, least)).await.expect(200);
        assert_eq!(code(&change(&mut person, &letters(0, least), &letters(1, least - 1)).await), "too_short");
        change(&mut person, &letters(0, least), &letters(1, least)).await.expect(204);

        // A change that was demanded.
        let id = app.user_id(RealmKey::MAIN, username).await;
        app.signed_in("admin").await.set(&id, "require-password-change").await.expect(200);
        let mut body = person.begin_sign_in(username, &letters(1, least)).await.expect(200).json();
        if body["outcome"] == "second_factor" {
            // The seed was shown when it was bound; here a new one is bound by hand.
            let operator = testkit::app::operator(RealmKey::MAIN);
            let seed = testkit::factor::seed("main", username, 0);
            service::factor::seed_totp(&app.app, operator, id.parse().unwrap(), (seed, "phone")).await.unwrap();
            let shown = testkit::factor::seed("main", username, 0).code(domain::totp::step_of(app.db.now())).expose();
            let proof = json!({ "transaction": body["transaction"], "method": "totp", "code": shown });
            body = person.post("/api/v1/sign-in/second-factor", &proof).await.expect(200).json();
        }
        assert_eq!(body["outcome"], "change_password");
        let chosen = |new: String| json!({ "transaction": body["transaction"], "new_password": new });
        let path = "/api/v1/sign-in/password";
        assert_eq!(code(&person.post(path, &chosen(letters(2, least - 1))).await), "too_short", "{username}");
        let kept = person.post(path, &chosen(letters(1, least))).await;
        assert_eq!(code(&kept), "reused", "a password that must be changed is not kept");
        person.post(path, &chosen(letters(2, least))).await.expect(200);
    }
}

#[tokio::test]
async fn pw_08_a_wrong_current_password_is_422_and_counted_like_a_sign_in() {
    let app = TestApp::new().await;
    let mut nurse = app.signed_in("nurse").await;
    let right = app.password("main", "nurse");
    for wrong in ["wrong", "", &"x".repeat(30_000), "also wrong", "wrong again"] {
        let refused = change(&mut nurse, wrong, &letters(0, 15)).await.expect(422);
        assert_eq!(refused.json()["errors"][0]["pointer"], "/current_password", "{refused:?}");
    }
    assert_eq!(app.count("authn_login_fail").await, 5);

    let waits = change(&mut nurse, &right, &letters(0, 15)).await.expect(429);

    assert_eq!((waits.code().as_str(), waits.header("retry-after")), ("too-many-attempts", "31"));
    assert_eq!(nurse.me().await.status, 200, "the session is not touched");
    app.browser().sign_in_with("nurse", &right).await.expect(200);
    app.advance(seconds(31));
    change(&mut nurse, &right, &letters(0, 15)).await.expect(204);
}

#[tokio::test]
async fn pw_08_a_right_current_password_is_not_held_against_anybody_whose_new_one_is_refused() {
    let app = TestApp::new().await;
    let mut nurse = app.signed_in("nurse").await;
    let right = app.password("main", "nurse");
    for _ in 0..7 {
        assert_eq!(code(&change(&mut nurse, &right, "short").await), "too_short");
    }
    assert_eq!(code(&change(&mut nurse, &right, &right).await), "reused");

    change(&mut nurse, &right, &letters(0, 15)).await.expect(204);
}

on_both_databases! {
    async fn pw_09_a_change_ends_the_other_sessions_renews_ones_own_and_is_told(app: TestApp) {
        let mut other = app.signed_in("nurse").await;
        let mut nurse = app.signed_in("nurse").await;
        app.advance(minutes(1));
        let before = nurse.clone();

        let changed = change(&mut nurse, &app.password("main", "nurse"), &letters(0, 15)).await.expect(204);

        assert_eq!(changed.set_cookies().len(), 2, "{changed:?}");
        assert_eq!((other.me().await.status, other.clone().get("/account").await.status), (401, 303));
        assert_eq!(other.refresh().await.expect(401).code(), "session-ended");
        nurse.get("/account").await.expect(200);
        let mut old = app.browser();
        old.set_cookie("session", &before.cookie("session").unwrap());
        assert_eq!(old.get("/account").await.expect(303).header("location"), "/sign-in?return_to=/account");
        let token = before.cookie("refresh").unwrap();
        assert_ne!(nurse.cookie("refresh").unwrap(), token);
        let answered = app.browser().refresh_with(&token).await.expect(200);
        let current = format!("__Host-bailiwick-refresh={};", nurse.cookie("refresh").unwrap());
        assert!(answered.set_cookies()[0].starts_with(&current), "with the current one");
        let mail = service::mail::waiting(&app.app, RealmKey::MAIN).await.unwrap();
        let told = mail.iter().filter(|(mail, _)| mail.to == "nurse@clinic.example" && mail.subject == "Your password was changed");
        assert_eq!(told.count(), 1);
        app.advance(seconds(31));
        assert_eq!(app.browser().refresh_with(&token).await.expect(401).code(), "session-ended", "a replay by now");
        app.browser().sign_in_with("nurse", &app.password("main", "nurse")).await.expect(401);
        app.browser().sign_in_with("nurse", &letters(0, 15)).await.expect(200);
    }
}

#[tokio::test]
async fn pw_08_changing_by_page_answers_like_the_api() {
    let app = TestApp::new().await;
    let mut nurse = app.signed_in("nurse").await;
    let right = app.password("main", "nurse");
    let csrf = nurse.get("/account/password").await.expect(200).hidden("csrf");
    let sent = |current: &str, new: &str| -> Vec<(&'static str, String)> {
        vec![("current_password", current.to_owned()), ("new_password", new.to_owned()), ("csrf", csrf.clone())]
    };
    let new = letters(0, 15);
    for (current, new, status) in
        [("wrong", &new, 422), (right.as_str(), &"short".to_owned(), 422), (right.as_str(), &right, 422)]
    {
        let fields = sent(current, new);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let shown = nurse.form("/account/password", &fields).await.expect(status);
        assert!(!shown.text.contains(&right) && !shown.text.contains(&letters(0, 15)), "nothing typed is shown");
    }
    let fields = sent(&right, &new);
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let done = nurse.form("/account/password", &fields).await.expect(303);
    assert_eq!(done.header("location"), "/account?told=password");
    nurse.get("/account").await.expect(200);
    // The token belonged to the cookie of before.
    nurse.form("/account/password", &fields).await.expect(403);
}
