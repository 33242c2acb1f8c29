//! Sign-in: equal answers for unequal reasons (2.3), and the throttle (2.4).

use std::net::IpAddr;

use axum::http::Method;
use domain::realm::RealmKey;
use domain::time::{minutes, seconds};
use serde_json::json;
use store::token::Purpose;
use testkit::{Answer, Browser, TestApp, on_both_databases, race};

/// A client from an address of its own, so that only the counter of the identifier counts.
fn from(app: &TestApp, number: u16) -> Browser {
    let mut browser = app.browser();
    let [high, low] = number.to_be_bytes();
    browser.address.set_ip(IpAddr::from([198, 18, high, low]));
    browser
}

fn waits(answer: &Answer) -> (u16, String) {
    (answer.status, answer.header("retry-after").to_owned())
}

/// A hash of another system (Python's bcrypt), and its password.
const BCRYPT: &str = "$2b$04$Vb7/agzdPifwzcjzeRIpzerMpqzSqfJwoDCqt.HqIy1JXsowq4uoK";
const IMPORTED: &str = "Grüße aus dem Käsekeller";

/// Somebody's password comes from another system.
async fn import(app: &TestApp, username: &str) {
    app.remember(IMPORTED);
    let user: domain::id::UserId = app.user_id(RealmKey::MAIN, username).await.parse().unwrap();
    let id = domain::id::CredentialId::new(&*app.db.entropy, app.db.now());
    let done = app.db.write((id, user), |tx, (id, user)| {
        Box::pin(async move {
            store::credential::set_password(tx, *id, *user, BCRYPT).await?;
            Ok(store::Outcome::upkeep((), store::Upkeep::Rehash))
        })
    });
    done.await.unwrap();
}

/// How somebody's password is hashed.
async fn scheme(app: &TestApp, username: &str) -> String {
    let text = "SELECT c.scheme FROM credential c JOIN \"user\" u ON u.realm_id = c.realm_id AND u.id = c.user_id
                 WHERE c.realm_id = $1 AND u.username = $2 AND c.kind = 'password' AND c.ended_at IS NULL";
    match app.db.rows(text, vec![RealmKey::MAIN.into(), username.into()]).await.first().map(Vec::as_slice) {
        Some([store::Value::Text(scheme)]) => scheme.clone(),
        other => panic!("{username}: {other:?}"),
    }
}

/// Status, names of headers and members of a right sign-in, and the names of its cookies.
fn shape(answer: &Answer) -> String {
    let mut headers: Vec<&str> = answer.headers.keys().map(axum::http::HeaderName::as_str).collect();
    headers.sort_unstable();
    let body = answer.json();
    let members: Vec<&String> = body.as_object().unwrap().keys().collect();
    let cookies: Vec<&str> = answer.set_cookies().iter().map(|line| line.split('=').next().unwrap()).collect();
    format!("{} {headers:?} {members:?} {} {cookies:?}", answer.status, body["user"])
}

on_both_databases! {
    async fn enum_01_unknown_wrong_disabled_and_invited_get_one_answer(app: TestApp) {
        let mut admin = app.signed_in("admin").await;
        let id = app.user_id(RealmKey::MAIN, "billing").await;
        admin.set(&id, "disable").await.expect(200);
        app.new_link("invited", Purpose::Activation).await;
        let right = |username: &str| app.password("main", username);
        let cases = [
            ("nurse", "wrong".to_owned()),
            ("nurse", String::new()),
            ("nurse", "x".repeat(300)),
            ("nurse", "x".repeat(30_000)),
            ("nobody", right("nurse")),
            ("nobody@clinic.example", right("nurse")),
            ("billing", right("billing")),
            ("billing", "wrong".to_owned()),
            ("invited", right("invited")),
            ("", right("nurse")),
            // The same name in another realm, with that realm's password.
            ("admin", app.password("other", "admin")),
        ];
        let mut answers = Vec::new();
        for (number, (identifier, password)) in (0..).zip(cases) {
            let answer = from(&app, number).sign_in_with(identifier, &password).await;
            assert_eq!((answer.status, answer.code().as_str()), (401, "invalid-credentials"), "{identifier}");
            assert!(answer.set_cookies().is_empty());
            answers.push(answer.observable());
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
    }

    async fn enum_02_the_ladder_is_the_same_for_existing_and_unknown_identifiers(app: TestApp) {
        let mut ladders = Vec::new();
        for (at, identifier) in [(0, "nurse"), (100, "nobody"), (200, "physician"), (300, "nobody@nowhere.example")] {
            let mut ladder = Vec::new();
            for number in 0..7 {
                ladder.push(waits(&from(&app, at + number).sign_in_with(identifier, "wrong").await));
            }
            for (number, wait) in [(10, 29), (11, 1), (12, 0), (13, 59), (14, 1), (15, 0)] {
                app.advance(seconds(wait));
                ladder.push(waits(&from(&app, at + number).sign_in_with(identifier, "wrong").await));
            }
            ladders.push(ladder);
        }
        let (wrong, wait) = (|| (401, String::new()), |seconds: &str| (429, seconds.to_owned()));
        let first_seven = [wrong(), wrong(), wrong(), wrong(), wrong(), wait("31"), wait("31")];
        let then = [wait("2"), wrong(), wait("61"), wait("2"), wrong(), wait("121")];
        assert_eq!(ladders[0], [&first_seven[..], &then[..]].concat());
        assert!(ladders.iter().all(|ladder| *ladder == ladders[0]), "{ladders:#?}");
    }

    async fn enum_01_an_imported_hash_answers_like_any_other_and_is_raised_behind_the_answer(app: TestApp) {
        import(&app, "nurse").await;
        let same = async |number: u16, identifier: &str, password: &str| {
            let answer = from(&app, number).begin_sign_in(identifier, password).await.expect(401);
            assert!(answer.set_cookies().is_empty());
            answer.observable()
        };
        let expected = same(1, "nobody", "wrong").await;
        for (number, identifier, password) in [
            (2, "nurse", "wrong"),
            (3, "nurse", ""),
            (4, "nurse", &IMPORTED[..IMPORTED.len() - 1]),
            // The password of before the import, and the hash itself.
            (5, "nurse", app.password("main", "nurse").as_str()),
            (6, "nurse", BCRYPT),
            (7, "physician", IMPORTED),
        ] {
            assert_eq!(same(number, identifier, password).await, expected, "{identifier} {password}");
            assert_eq!(scheme(&app, "nurse").await, "bcrypt", "a wrong one raises nothing");
        }

        app.advance(minutes(1));

        let (first, events) = app.events_while(from(&app, 10).begin_sign_in("nurse", IMPORTED)).await;

        assert_eq!(events, ["authn_login_success", "session_created"], "the raise is upkeep");
        let first = first.expect(200);
        for _ in 0..1000 {
            if scheme(&app, "nurse").await != "bcrypt" {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        assert!(scheme(&app, "nurse").await.starts_with("argon2id"), "PW-14: {}", scheme(&app, "nurse").await);
        let second = from(&app, 11).begin_sign_in("nurse", IMPORTED).await.expect(200);
        assert_eq!(shape(&first), shape(&second), "raised or not, the same is seen");
        assert_eq!(same(12, "nurse", "wrong").await, expected);
        let mut kept = from(&app, 13);
        kept.begin_sign_in("nurse", IMPORTED).await.expect(200);
        assert_eq!(kept.me().await.expect(200).json()["username"], "nurse", "no session ended by it");
    }

    async fn enum_01_disabled_invited_and_imported_people_climb_the_same_ladder(app: TestApp) {
        let mut admin = app.signed_in("admin").await;
        admin.set(&app.user_id(RealmKey::MAIN, "billing").await, "disable").await.expect(200);
        app.new_link("invited", Purpose::Activation).await;
        import(&app, "nurse").await;
        let right = app.password("main", "billing");
        let mut ladders = Vec::new();
        for (at, identifier, password) in
            [(0, "billing", right.as_str()), (100, "invited", &right), (200, "nurse", "wrong"), (300, "nobody", "wrong")]
        {
            let mut ladder = Vec::new();
            for number in 0..6 {
                ladder.push(from(&app, at + number).begin_sign_in(identifier, password).await.observable());
            }
            app.advance(seconds(30));
            for number in 6..8 {
                ladder.push(from(&app, at + number).begin_sign_in(identifier, password).await.observable());
            }
            ladders.push(ladder);
        }
        assert!(ladders.iter().all(|ladder| *ladder == ladders[0]), "{ladders:#?}");
        assert!(ladders[0][5].starts_with("429") && ladders[0][6].starts_with("401"), "{ladders:#?}");
    }

    async fn inside_the_wait_the_right_password_is_not_looked_at_and_after_it_it_works(app: TestApp) {
        let password = app.password("main", "nurse");
        for number in 0..5 {
            from(&app, number).sign_in_with("nurse", "wrong").await.expect(401);
        }
        let inside = from(&app, 9).sign_in_with("nurse", &password).await;
        assert_eq!((inside.status, inside.code().as_str()), (429, "too-many-attempts"));
        // The same person under another name of theirs is somebody else to the counter, and so is another person.
        app.signed_in("physician").await;
        app.advance(seconds(30));

        app.browser().sign_in_with("NURSE ", &password).await.expect(200);

        for number in 0..4 {
            from(&app, 20 + number).sign_in_with("nurse", "wrong").await.expect(401);
        }
        let cleared = app.browser().sign_in_with("nurse", &password).await;
        assert_eq!(cleared.status, 200, "a success clears the count");
    }

    async fn lock_04_two_hundred_parallel_guesses_are_not_looked_at_more_often_than_five_in_a_row(app: TestApp) {
        let answers = race(200, |number| {
            let mut browser = from(&app, u16::try_from(number).unwrap());
            async move { browser.sign_in_with("nurse", "a wrong guess").await }
        })
        .await;

        let looked_at = answers.iter().filter(|answer| answer.status == 401).count();
        let evaluated = app.count("authn_login_fail").await;
        assert_eq!(looked_at, evaluated);
        assert!((1..=5).contains(&evaluated), "{evaluated}");
        assert!(answers.iter().all(|answer| [401, 429, 503].contains(&answer.status)));
        let refused = answers.iter().filter(|answer| answer.status == 429).collect::<Vec<_>>();
        assert!(refused.iter().all(|answer| !answer.header("retry-after").is_empty()));
        assert!(app.count("excess_rate_limit_exceeded").await <= 1, "one event a key and minute");
        // A session that was there is not touched by it (LOCK-DoS).
    }

    async fn one_address_that_fails_twenty_times_a_minute_must_wait_and_others_need_not(app: TestApp) {
        let mut attacker = from(&app, 1);
        for number in 0..20 {
            attacker.sign_in_with(&format!("somebody{number}"), "spring2026").await.expect(401);
        }

        let refused = attacker.sign_in_with("nurse", &app.password("main", "nurse")).await;

        assert_eq!((refused.status, refused.header("retry-after")), (429, "61"));
        from(&app, 2).sign_in_with("nurse", &app.password("main", "nurse")).await.expect(200);
        app.advance(minutes(1));
        attacker.sign_in_with("nurse", &app.password("main", "nurse")).await.expect(200);
    }
}

#[tokio::test]
async fn an_ipv6_attacker_has_one_counter_for_a_64_and_an_ipv4_one_however_written() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    for number in 0..20u16 {
        browser.address.set_ip(IpAddr::from([0x2001, 0xdb8, 1, 2, number, number, number, number]));
        browser.sign_in_with(&format!("somebody{number}"), "wrong").await.expect(401);
    }
    browser.address.set_ip("2001:db8:1:2:ffff::1".parse().unwrap());
    assert_eq!(browser.sign_in_with("nurse", "wrong").await.status, 429);
    browser.address.set_ip("2001:db8:1:3::1".parse().unwrap());
    assert_eq!(browser.sign_in_with("nurse", "wrong").await.status, 401);

    for number in 0..20u16 {
        let ip = if number % 2 == 0 { "203.0.113.1" } else { "::ffff:203.0.113.1" };
        browser.address.set_ip(ip.parse().unwrap());
        browser.sign_in_with(&format!("anybody{number}"), "wrong").await.expect(401);
    }
    assert_eq!(browser.sign_in_with("physician", "wrong").await.status, 429);
}

#[tokio::test]
async fn a_session_survives_an_attack_on_its_owners_password() {
    let app = TestApp::new().await;
    let mut nurse = app.signed_in("nurse").await;
    for number in 0..8 {
        from(&app, number).sign_in_with("nurse", "wrong").await;
    }
    app.advance(minutes(1));

    assert_eq!(nurse.me().await.status, 200);
    nurse.refresh().await.expect(200);
}

#[tokio::test]
async fn the_page_answers_like_the_api_and_alike_for_every_reason() {
    let app = TestApp::new().await;
    let mut admin = app.signed_in("admin").await;
    admin.set(&app.user_id(RealmKey::MAIN, "billing").await, "disable").await.expect(200);
    let mut page = app.browser();
    let csrf = page.get("/sign-in").await.hidden("csrf");
    let right = app.password("main", "billing");
    let mut shown = Vec::new();
    for (identifier, password) in
        [("nurse", "wrong"), ("nobody", "wrong"), ("billing", right.as_str()), ("nurse", &"x".repeat(300))]
    {
        let fields = [("identifier", identifier), ("password", password), ("csrf", csrf.as_str())];
        let answer = page.form("/sign-in", &fields).await.expect(401);
        assert!(answer.set_cookies().is_empty());
        assert!(!answer.text.contains(password), "what was typed as a password is not shown");
        shown.push(answer.unmarked().replace(&format!("value=\"{identifier}\""), "value=\"IDENTIFIER\""));
    }
    assert!(shown.iter().all(|text| *text == shown[0]), "{shown:#?}");

    for number in 0..6 {
        from(&app, number).sign_in_with("physician", "wrong").await;
    }
    let fields = [("identifier", "physician"), ("password", "wrong"), ("csrf", csrf.as_str())];
    let waiting = page.form("/sign-in", &fields).await.expect(429);
    assert_eq!(waiting.header("retry-after"), "31");
}

#[tokio::test]
async fn somebody_signs_in_with_a_mail_address_once_it_is_theirs_beyond_doubt() {
    let app = TestApp::new().await;
    let mut admin = app.signed_in("admin").await;
    let body = json!({ "username": "joan.marsh", "display_name": "Joan Marsh", "email": "Joan@clinic.example" });
    admin.post("/api/v1/users", &body).await.expect(201);
    let link = app.link(RealmKey::MAIN, "Joan@clinic.example").await;
    app.browser().choose(&link, "the heron stands in the reeds").await.expect(204);

    app.browser().sign_in_with("joan@CLINIC.example", "the heron stands in the reeds").await.expect(200);
    // An activation code was printed: it proves nothing about the address.
    app.browser().sign_in_with("nurse@clinic.example", &app.password("main", "nurse")).await.expect(401);
}

#[tokio::test]
async fn an_unknown_audience_is_422_before_anything_is_looked_at() {
    let app = TestApp::new().await;
    let body = |password: &str| json!({ "identifier": "nurse", "password": password, "audience": "nothing" });
    for password in ["wrong".to_owned(), app.password("main", "nurse")] {
        for _ in 0..6 {
            let (answer, events) = {
                let (mut browser, body) = (app.browser(), body(&password));
                app.events_while(browser.post("/api/v1/sign-in", &body)).await
            };
            assert_eq!((answer.status, &answer.json()["errors"][0]["pointer"]), (422, &json!("/audience")));
            assert!(events.is_empty(), "{events:?}");
        }
    }
    app.signed_in("nurse").await;
}

#[tokio::test]
async fn mfa_01_a_sensitive_role_granted_during_a_session_is_withheld_until_step_up() {
    let app = TestApp::new().await;
    let mut nurse = app.browser();
    nurse.sign_in_for("nurse", "clinic").await;
    let id = app.user_id(RealmKey::MAIN, "nurse").await;
    app.signed_in("admin").await.give(&id, "physician", "/").await.expect(201);
    app.advance(minutes(1));

    let refreshed = nurse.refresh().await.expect(200).json();

    assert_eq!(refreshed["withheld"], json!(["physician"]));
    assert_eq!(crate::claims(refreshed["access_token"].as_str().unwrap())["roles"], json!(["clinical-staff", "nurse"]));
    nurse
        .call(Method::POST, "/api/v1/session/refresh")
        .json(&json!({"audience": "bailiwick"}))
        .send()
        .await
        .expect(200);
    assert_eq!(nurse.get("/api/v1/session").await.expect(200).json()["withheld"], json!(["physician"]));
    assert_eq!(nurse.me().await.expect(200).json()["roles"], json!(["nurse", "physician"]), "granted all the same");
    let held = nurse.get("/api/v1/me/permissions").await.expect(200).json();
    let items = held["items"].as_array().unwrap();
    assert!(items.iter().any(|item| item["withheld"] == true) && items.iter().any(|item| item["withheld"] == false));
    let (seed, _) = crate::factors::bind(&app, &mut nurse, "phone").await;
    app.advance(seconds(30));
    let code = crate::factors::code(&app, &seed);
    let up =
        nurse.post("/api/v1/session/step-up", &json!({"method": "totp", "code": code, "audience": "clinic"})).await;
    let claims = crate::claims(up.expect(200).json()["access_token"].as_str().unwrap());
    assert_eq!((&claims["acr"], &claims["amr"]), (&json!("urn:bailiwick:aal2"), &json!(["pwd", "otp", "mfa"])));
    assert!(claims["roles"].as_array().unwrap().contains(&json!("physician")), "{claims}");
}

#[tokio::test]
async fn mfa_03_a_stale_authentication_is_told_how_to_freshen() {
    let app = TestApp::new().await;
    let id = app.user_id(RealmKey::MAIN, "patient").await;
    let mut admin = app.browser();
    admin.sign_in("admin").await;
    app.advance(minutes(5));
    admin.give(&id, "nurse", "/").await.expect(201);
    app.advance(seconds(1));
    admin.refresh().await.expect(200);

    let stale = admin.give(&id, "nurse", "/clinic-a").await.expect(401);

    assert_eq!(stale.code(), "insufficient-authentication");
    assert_eq!(
        stale.header("www-authenticate"),
        r#"Bearer error="insufficient_user_authentication", acr_values="urn:bailiwick:aal2", max_age="300""#
    );
    assert_eq!((&stale.json()["max_age"], &stale.json()["acr_values"]), (&json!(300), &json!("urn:bailiwick:aal2")));
    admin.get("/api/v1/users").await.expect(200);
    let mut nurse = app.browser();
    nurse.sign_in("nurse").await;
    app.advance(minutes(6));
    nurse.refresh().await.expect(200);
    assert_eq!(nurse.give(&id, "nurse", "/").await.status, 403, "the permission comes first");
    admin.sign_in("admin").await;
    admin.give(&id, "nurse", "/clinic-a").await.expect(201);
}
