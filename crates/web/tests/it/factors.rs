//! Second factors: binding, proving, recovering, removing; step-up (TOTP-01 to TOTP-05, MFA-01 to MFA-08).

use domain::realm::RealmKey;
use domain::time::{minutes, seconds};
use domain::totp::{Seed, step_of};
use serde_json::{Value, json};
use testkit::{Answer, Browser, TestApp, on_both_databases, race};

/// The code that an application with this seed shows now.
pub(crate) fn code(app: &TestApp, seed: &Seed) -> String {
    seed.code(step_of(app.db.now())).expose()
}

/// Binds an application to somebody signed in; returns its seed, and recovery codes if these are the first.
pub(crate) async fn bind(app: &TestApp, browser: &mut Browser, label: &str) -> (Seed, Vec<String>) {
    let begun = browser.post("/api/v1/me/factors/totp", &json!({ "label": label })).await.expect(200).json();
    app.remember(begun["secret"].as_str().unwrap());
    let seed = Seed::parse(begun["secret"].as_str().unwrap()).unwrap();
    let body = json!({ "id": begun["id"], "code": code(app, &seed) });
    let bound = browser.post("/api/v1/me/factors/totp/confirm", &body).await.expect(200).json();
    (seed, codes(&bound))
}

pub(crate) fn codes(body: &Value) -> Vec<String> {
    body["recovery_codes"].as_array().unwrap().iter().map(|code| code.as_str().unwrap().to_owned()).collect()
}

/// Somebody whose sign-in waits for a second factor: the transaction.
pub(crate) async fn waiting(app: &TestApp, browser: &mut Browser, username: &str) -> String {
    let password = app.password("main", username);
    let owed = browser.begin_sign_in(username, &password).await.expect(200).json();
    owed["transaction"].as_str().unwrap().to_owned()
}

pub(crate) async fn second(browser: &mut Browser, transaction: &str, method: &str, code: &str) -> Answer {
    let body = json!({ "transaction": transaction, "method": method, "code": code });
    browser.post("/api/v1/sign-in/second-factor", &body).await
}

/// A nurse with one application and recovery codes.
pub(crate) async fn nurse_with_factor(app: &TestApp) -> (Browser, Seed, Vec<String>) {
    let mut nurse = app.signed_in("nurse").await;
    let (seed, codes) = bind(app, &mut nurse, "my phone").await;
    app.advance(seconds(60));
    (nurse, seed, codes)
}

#[tokio::test]
async fn a_sign_in_with_a_second_factor_says_what_is_owed_and_gives_nothing_before() {
    let app = TestApp::new().await;
    let mut admin = app.browser();
    let password = app.password("main", "admin");

    let owed = admin.begin_sign_in("admin", &password).await.expect(200);

    let body = owed.json();
    assert_eq!((&body["outcome"], &body["methods"]), (&json!("second_factor"), &json!(["totp"])));
    assert_eq!(body["expires_in"], 300);
    assert!(body["continue_url"].as_str().unwrap().starts_with("https://id.example.org/sign-in/continue?handle="));
    assert!(owed.set_cookies().is_empty() && body.get("access_token").is_none(), "{owed:?}");
    let done = second(&mut admin, body["transaction"].as_str().unwrap(), "totp", &app.code("main", "admin")).await;
    let claims = crate::claims(done.expect(200).json()["access_token"].as_str().unwrap());
    assert_eq!((&claims["acr"], &claims["amr"]), (&json!("urn:bailiwick:aal2"), &json!(["pwd", "otp", "mfa"])));
}

#[tokio::test]
async fn mfa_01_without_a_bound_factor_a_sensitive_role_leads_to_enrolment_and_then_in() {
    let app = TestApp::new().await;
    let link = app.new_link_for("dr.new", store::token::Purpose::Invitation, &["physician"]).await;
    app.browser().choose(&link, "a quiet harbour at dawn").await.expect(204);
    let mut person = app.browser();

    let owed = person.begin_sign_in("dr.new", "a quiet harbour at dawn").await.expect(200).json();

    assert_eq!(
        (&owed["outcome"], &owed["methods"], &owed["expires_in"]),
        (&json!("enrol_factor"), &json!(["totp"]), &json!(900))
    );
    assert!(person.cookies.is_empty() && person.bearer.is_none());
    let transaction = json!({ "transaction": owed["transaction"] });
    let shown = person.post("/api/v1/sign-in/totp", &transaction).await.expect(200);
    assert_eq!(shown.header("cache-control"), "no-store");
    let shown = shown.json();
    assert!(shown["otpauth_uri"].as_str().unwrap().starts_with("otpauth://totp/Realm%20main:dr.new?secret="));
    assert!(shown["qr_svg"].as_str().unwrap().starts_with("<svg"));
    let wrong = json!({ "transaction": owed["transaction"], "code": "000000" });
    assert_eq!(person.post("/api/v1/sign-in/totp/confirm", &wrong).await.expect(401).code(), "invalid-credentials");
    let seed = Seed::parse(shown["secret"].as_str().unwrap()).unwrap();
    let right = json!({ "transaction": owed["transaction"], "code": code(&app, &seed), "label": "my phone" });
    let done = person.post("/api/v1/sign-in/totp/confirm", &right).await.expect(200).json();
    assert_eq!((&done["outcome"], codes(&done).len()), (&json!("signed_in"), 10));
    assert_eq!(crate::claims(done["access_token"].as_str().unwrap())["acr"], "urn:bailiwick:aal2");
    let again = person.post("/api/v1/sign-in/totp/confirm", &right).await.expect(400);
    assert_eq!(again.code(), "token-refused", "a transaction works once");
}

#[tokio::test]
async fn a_transaction_that_can_only_enrol_can_do_nothing_else() {
    let app = TestApp::new().await;
    let link = app.new_link_for("dr.new", store::token::Purpose::Invitation, &["physician"]).await;
    app.browser().choose(&link, "a quiet harbour at dawn").await.expect(204);
    let mut person = app.browser();
    let owed = person.begin_sign_in("dr.new", "a quiet harbour at dawn").await.expect(200).json();
    let transaction = owed["transaction"].as_str().unwrap();

    for (path, body) in [
        ("second-factor", json!({ "transaction": transaction, "method": "totp", "code": "123456" })),
        ("password", json!({ "transaction": transaction, "new_password": "another harbour at noon" })),
    ] {
        let refused = person.post(&format!("/api/v1/sign-in/{path}"), &body).await.expect(400);
        assert_eq!(refused.code(), "token-refused", "{path}");
    }
    assert_eq!(
        person.post("/api/v1/sign-in/totp", &json!({ "transaction": transaction })).await.status,
        200,
        "it lives"
    );
}

#[tokio::test]
async fn totp_02_a_code_works_once_and_so_does_a_transaction() {
    let app = TestApp::new().await;
    let (mut nurse, seed, _) = nurse_with_factor(&app).await;
    let shown = code(&app, &seed);
    let (first, other) = (waiting(&app, &mut nurse, "nurse").await, waiting(&app, &mut nurse, "nurse").await);
    second(&mut nurse, &first, "totp", &shown).await.expect(200);

    assert_eq!(second(&mut nurse, &other, "totp", &shown).await.expect(401).code(), "invalid-credentials");
    assert_eq!(second(&mut nurse, &first, "totp", &shown).await.expect(400).code(), "token-refused");
    app.advance(seconds(30));
    second(&mut nurse, &other, "totp", &code(&app, &seed)).await.expect(200);
}

#[tokio::test]
async fn totp_03_only_this_step_and_the_one_before() {
    let app = TestApp::new().await;
    let (mut nurse, seed, _) = nurse_with_factor(&app).await;
    app.advance(minutes(5));
    let now = step_of(app.db.now());
    for (step, status) in [(now - 2, 401), (now + 1, 401), (now - 1, 200), (now, 200), (now - 1, 401)] {
        let transaction = waiting(&app, &mut nurse, "nurse").await;
        let answer = second(&mut nurse, &transaction, "totp", &seed.code(step).expose()).await;
        assert_eq!(answer.status, status, "step {}", step - now);
    }
}

#[tokio::test]
async fn people_may_type_a_code_in_their_own_way_and_no_other() {
    type Typed = fn(String) -> String;
    let app = TestApp::new().await;
    let (mut nurse, seed, _) = nurse_with_factor(&app).await;
    let typed = |app: &TestApp, change: fn(String) -> String| change(code(app, &seed));
    let ways: [(Typed, u16); 5] = [
        (|c| format!("{} {}", &c[..3], &c[3..]), 200),
        (|c| c.chars().map(|d| char::from_u32(d as u32 - '0' as u32 + 0xff10).unwrap()).collect(), 200),
        (|c| format!("{c}0"), 401),
        (|c| c.replace(|_: char| true, "a"), 401),
        (|_| String::new(), 401),
    ];
    for (change, status) in ways {
        app.advance(seconds(30));
        let transaction = waiting(&app, &mut nurse, "nurse").await;
        let shown = typed(&app, change);
        assert_eq!(second(&mut nurse, &transaction, "totp", &shown).await.status, status, "{shown}");
    }
}

#[tokio::test]
async fn five_wrong_codes_kill_the_transaction_and_the_next_tries_wait() {
    let app = TestApp::new().await;
    let (mut nurse, seed, _) = nurse_with_factor(&app).await;
    let transaction = waiting(&app, &mut nurse, "nurse").await;
    for _ in 0..5 {
        second(&mut nurse, &transaction, "totp", "000000").await.expect(401);
    }

    assert_eq!(second(&mut nurse, &transaction, "totp", &code(&app, &seed)).await.expect(400).code(), "token-refused");

    let another = waiting(&app, &mut nurse, "nurse").await;
    let waits = second(&mut nurse, &another, "totp", &code(&app, &seed)).await.expect(429);
    assert_eq!((waits.code().as_str(), waits.header("retry-after")), ("too-many-attempts", "31"));
    app.advance(seconds(31));
    second(&mut nurse, &another, "totp", &code(&app, &seed)).await.expect(200);
    assert_eq!(app.count("authn_login_lock").await, 1);
}

#[tokio::test]
async fn a_recovery_code_works_once_and_brings_its_replacement() {
    let app = TestApp::new().await;
    let (mut nurse, _, codes) = nurse_with_factor(&app).await;
    let transaction = waiting(&app, &mut nurse, "nurse").await;

    let done = second(&mut nurse, &transaction, "recovery_code", &codes[3].to_lowercase()).await.expect(200).json();

    let replacement = done["replacement_recovery_code"].as_str().unwrap().to_owned();
    assert!(replacement.starts_with("3-") && replacement != codes[3], "{replacement}");
    let transaction = waiting(&app, &mut nurse, "nurse").await;
    second(&mut nurse, &transaction, "recovery_code", &codes[3]).await.expect(401);
    second(&mut nurse, &transaction, "recovery_code", &replacement).await.expect(200);
    let transaction = waiting(&app, &mut nurse, "nurse").await;
    second(&mut nurse, &transaction, "recovery_code", &codes[9]).await.expect(200);
    assert_eq!(app.count("recovery_code_used").await, 3);
    let mail = service::mail::waiting(&app.app, RealmKey::MAIN).await.unwrap();
    assert_eq!(mail.iter().filter(|(mail, _)| mail.subject == "A recovery code was used").count(), 3);
}

on_both_databases! {
    async fn sixteen_racers_with_one_code_make_one_session(app: TestApp) {
        let (mut nurse, seed, codes) = nurse_with_factor(&app).await;
        for (method, code) in [("totp", code(&app, &seed)), ("recovery_code", codes[0].clone())] {
            let mut transactions = Vec::new();
            for _ in 0..16 {
                transactions.push(waiting(&app, &mut nurse, "nurse").await);
            }
            let answers = race(16, |number| {
                let (mut browser, transaction) = (app.browser(), transactions[number].clone());
                let code = code.clone();
                async move { second(&mut browser, &transaction, method, &code).await.status }
            }).await;

            assert_eq!(answers.iter().filter(|status| **status == 200).count(), 1, "{method}: {answers:?}");
            app.advance(minutes(61));
        }
    }

    async fn a_transaction_raced_sixteen_ways_makes_one_session(app: TestApp) {
        let transaction = waiting(&app, &mut app.browser(), "admin").await;
        let codes: Vec<String> = (0..16).map(|_| app.code("main", "admin")).collect();
        let answers = race(16, |number| {
            let (mut browser, transaction, code) = (app.browser(), transaction.clone(), codes[number].clone());
            async move { second(&mut browser, &transaction, "totp", &code).await.status }
        }).await;

        assert_eq!(answers.iter().filter(|status| **status == 200).count(), 1, "{answers:?}");
    }
}

#[tokio::test]
async fn a_transaction_dies_with_the_password_it_stands_on() {
    let app = TestApp::new().await;
    let (mut nurse, seed, _) = nurse_with_factor(&app).await;
    let transaction = waiting(&app, &mut app.browser(), "nurse").await;
    let body = json!({ "current_password": app.password("main", "nurse"), "new_password": "a new pier at low tide" });
    nurse.call(axum::http::Method::PUT, "/api/v1/me/password").json(&body).send().await.expect(204);

    let dead = second(&mut app.browser(), &transaction, "totp", &code(&app, &seed)).await.expect(400);

    assert_eq!(dead.code(), "token-refused");
}

#[tokio::test]
async fn a_transaction_of_a_disabled_person_or_another_realm_or_too_old_is_dead() {
    let app = TestApp::new().await;
    let (_, seed, _) = nurse_with_factor(&app).await;
    let transaction = waiting(&app, &mut app.browser(), "nurse").await;
    assert_eq!(second(&mut app.browser_in_other(), &transaction, "totp", &code(&app, &seed)).await.status, 400);
    let id = app.user_id(RealmKey::MAIN, "nurse").await;
    let mut admin = app.signed_in("admin").await;
    admin.set(&id, "disable").await.expect(200);
    assert_eq!(second(&mut app.browser(), &transaction, "totp", &code(&app, &seed)).await.status, 400);
    admin.set(&id, "enable").await.expect(200);
    let transaction = waiting(&app, &mut app.browser(), "nurse").await;
    app.advance(seconds(300));
    assert_eq!(second(&mut app.browser(), &transaction, "totp", &code(&app, &seed)).await.status, 400);
}

#[tokio::test]
async fn somebody_elses_code_opens_no_transaction() {
    let app = TestApp::new().await;
    let transaction = waiting(&app, &mut app.browser(), "admin").await;

    let refused = second(&mut app.browser(), &transaction, "totp", &app.code("main", "physician")).await.expect(401);

    assert_eq!(refused.code(), "invalid-credentials");
}

#[tokio::test]
async fn mfa_06_the_last_factor_of_a_person_who_needs_it_stays_and_others_go() {
    let app = TestApp::new().await;
    let mut physician = app.signed_in("physician").await;
    let listed = physician.get("/api/v1/me/factors").await.expect(200).json();
    let totp: Vec<String> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|f| f["kind"] == "totp")
        .map(|f| f["id"].as_str().unwrap().to_owned())
        .collect();
    for id in &totp[1..] {
        physician.delete(&format!("/api/v1/me/factors/{id}")).await.expect(204);
    }

    let kept = physician.delete(&format!("/api/v1/me/factors/{}", totp[0])).await.expect(409);

    assert_eq!(kept.code(), "conflict");
    let mut nurse = app.signed_in("nurse").await;
    bind(&app, &mut nurse, "phone").await;
    app.advance(seconds(60));
    let listed = nurse.get("/api/v1/me/factors").await.expect(200).json();
    let id = listed["items"].as_array().unwrap().iter().find(|f| f["kind"] == "totp").unwrap()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        nurse.delete(&format!("/api/v1/me/factors/{id}")).await.expect(401).code(),
        "insufficient-authentication",
        "aal1 may not weaken an account"
    );
}

on_both_databases! {
    async fn racing_removals_leave_a_person_who_needs_a_factor_with_one(app: TestApp) {
        let mut physician = app.signed_in("physician").await;
        let listed = physician.get("/api/v1/me/factors").await.expect(200).json();
        let ids: Vec<String> = listed["items"].as_array().unwrap().iter().filter(|f| f["kind"] == "totp").map(|f| f["id"].as_str().unwrap().to_owned()).collect();
        let answers = race(ids.len(), |number| {
            let (mut physician, id) = (physician.clone(), ids[number].clone());
            async move { physician.delete(&format!("/api/v1/me/factors/{id}")).await.status }
        }).await;

        assert_eq!(answers.iter().filter(|status| **status == 204).count(), ids.len() - 1, "{answers:?}");
    }
}

#[tokio::test]
async fn mfa_08_administrators_see_all_factors_ever_bound_and_may_remove_them() {
    let app = TestApp::new().await;
    let (_, _, _) = nurse_with_factor(&app).await;
    let id = app.user_id(RealmKey::MAIN, "nurse").await;
    let mut admin = app.signed_in("admin").await;
    let listed = admin.get(&format!("/api/v1/users/{id}/factors")).await.expect(200).json();
    let all = listed["items"].as_array().unwrap();
    let mut kinds: Vec<&str> = all.iter().map(|f| f["kind"].as_str().unwrap()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["password", "recovery_codes", "totp"]);
    let totp = all.iter().find(|f| f["kind"] == "totp").unwrap()["id"].as_str().unwrap();
    admin.delete(&format!("/api/v1/users/{id}/factors/{totp}")).await.expect(204);

    let listed = admin.get(&format!("/api/v1/users/{id}/factors")).await.expect(200).json();

    let left: Vec<&Value> = listed["items"].as_array().unwrap().iter().filter(|f| f["ended_at"].is_null()).collect();
    assert_eq!((left.len(), &left[0]["kind"]), (1, &json!("password")), "recovery codes stand in for nothing any more");
    assert_eq!(app.browser().sign_in("nurse").await.json()["outcome"], "signed_in");
    assert_eq!(app.count("factor_removed").await, 2);
}

#[tokio::test]
async fn only_who_may_give_every_role_of_a_person_may_take_their_factor() {
    let app = TestApp::new().await;
    let id = app.user_id(RealmKey::MAIN, "admin").await;
    let mut other = app.signed_in("clinic-a-admin").await;

    let refused = other.get(&format!("/api/v1/users/{id}/factors")).await;

    assert_eq!(refused.status, 404, "out of reach: {refused:?}");
}

#[tokio::test]
async fn ses_02_step_up_kills_the_old_session_cookie_and_moves_the_family() {
    let app = TestApp::new().await;
    let mut admin = app.signed_in("admin").await;
    app.advance(minutes(6));
    admin.refresh().await.expect(200);
    let (session, refresh) = (admin.cookie("session").unwrap(), admin.cookie("refresh").unwrap());
    let id = app.user_id(RealmKey::MAIN, "nurse").await;
    admin.give(&id, "charge-nurse", "/").await.expect(401);

    let up = admin.step_up("admin").await.expect(200);

    assert_ne!(admin.cookie("session").unwrap(), session);
    assert_ne!(admin.cookie("refresh").unwrap(), refresh);
    admin.give(&id, "charge-nurse", "/").await.expect(201);
    let mut old = app.browser();
    old.set_cookie("session", &session);
    assert_eq!(old.get("/account").await.status, 303, "the old cookie shows the way to sign-in");
    assert_eq!(app.browser().refresh_with(&refresh).await.status, 200, "the token before is answered for 30 s");
    let claims = crate::claims(up.json()["access_token"].as_str().unwrap());
    assert_eq!(claims["auth_time"], app.db.now().seconds());
    app.advance(seconds(31));
    assert_eq!(app.browser().refresh_with(&refresh).await.expect(401).code(), "session-ended", "and is a replay then");
    assert_eq!(app.count("step_up").await, 1);
}

#[tokio::test]
async fn a_wrong_proof_is_422_at_what_was_sent_and_counted() {
    let app = TestApp::new().await;
    let mut admin = app.signed_in("admin").await;
    for (body, pointer) in [
        (json!({ "password": "wrong" }), "/password"),
        (json!({ "method": "totp", "code": "000000" }), "/code"),
        (json!({ "method": "recovery_code", "code": "0-0000-0000-0000-0000" }), "/code"),
        (json!({ "method": "sms", "code": "1" }), "/method"),
        (json!({ "method": "totp" }), "/code"),
        (json!({}), "/password"),
    ] {
        let refused = admin.post("/api/v1/session/step-up", &body).await.expect(422);
        assert_eq!(refused.json()["errors"][0]["pointer"], pointer, "{body}");
    }
    for _ in 0..4 {
        admin.post("/api/v1/session/step-up", &json!({ "password": "wrong" })).await.expect(422);
    }
    assert_eq!(admin.post("/api/v1/session/step-up", &json!({ "password": "wrong" })).await.status, 429);
    admin.step_up("admin").await.expect(200);
}

#[tokio::test]
async fn the_password_alone_keeps_the_assurance_that_there_is() {
    let app = TestApp::new().await;
    for (who, acr) in [("nurse", "urn:bailiwick:aal1"), ("admin", "urn:bailiwick:aal2")] {
        let mut person = app.signed_in(who).await;
        let body = json!({ "password": app.password("main", who) });
        let up = person.post("/api/v1/session/step-up", &body).await.expect(200).json();
        assert_eq!(crate::claims(up["access_token"].as_str().unwrap())["acr"], acr);
    }
}

#[tokio::test]
async fn totp_04_binding_a_factor_needs_a_fresh_authentication_of_the_accounts_own_strength() {
    let app = TestApp::new().await;
    let mut nurse = app.signed_in("nurse").await;
    app.advance(minutes(6));
    let stale = nurse.post("/api/v1/me/factors/totp", &json!({})).await.expect(401);
    assert_eq!(
        (stale.code().as_str(), &stale.json()["acr_values"]),
        ("insufficient-authentication", &json!("urn:bailiwick:aal1"))
    );
    nurse.post("/api/v1/session/step-up", &json!({ "password": app.password("main", "nurse") })).await.expect(200);
    bind(&app, &mut nurse, "phone").await;

    let weak = nurse.post("/api/v1/me/factors/totp", &json!({})).await.expect(401);

    assert_eq!(weak.json()["acr_values"], "urn:bailiwick:aal2", "with a factor bound, one is needed to bind another");
}

#[tokio::test]
async fn mfa_07_people_are_told_what_would_make_their_account_safer() {
    let app = TestApp::new().await;
    let mut nurse = app.signed_in("nurse").await;
    assert_eq!(nurse.me().await.json()["recommended_actions"], json!(["add_second_factor"]));
    bind(&app, &mut nurse, "phone").await;
    let me = nurse.me().await.json();
    assert_eq!((&me["recommended_actions"], &me["mfa"]), (&json!(["add_another_second_factor"]), &json!(["totp"])));
}

#[tokio::test]
async fn new_recovery_codes_void_the_old_ones() {
    let app = TestApp::new().await;
    let (mut nurse, seed, old) = nurse_with_factor(&app).await;
    let transaction = waiting(&app, &mut nurse, "nurse").await;
    second(&mut nurse, &transaction, "totp", &code(&app, &seed)).await.expect(200);
    let new = codes(&nurse.post_empty("/api/v1/me/recovery-codes").await.expect(200).json());
    assert!(new.len() == 10 && new.iter().all(|code| !old.contains(code)));
    let transaction = waiting(&app, &mut nurse, "nurse").await;
    second(&mut nurse, &transaction, "recovery_code", &old[0]).await.expect(401);
    second(&mut nurse, &transaction, "recovery_code", &new[0]).await.expect(200);
}

#[tokio::test]
async fn a_factor_is_renamed_and_its_name_is_text() {
    let app = TestApp::new().await;
    let (mut nurse, _, _) = nurse_with_factor(&app).await;
    let listed = nurse.get("/api/v1/me/factors").await.expect(200).json();
    let totp = listed["items"].as_array().unwrap().iter().find(|f| f["kind"] == "totp").unwrap();
    let path = format!("/api/v1/me/factors/{}", totp["id"].as_str().unwrap());
    let patch = |label: String| json!({ "label": label });
    let renamed = nurse.call(axum::http::Method::PATCH, &path).json(&patch("<b>Ward 3</b>".to_owned())).send().await;
    assert_eq!(renamed.expect(200).json()["label"], "<b>Ward 3</b>");
    let long = nurse.call(axum::http::Method::PATCH, &path).json(&patch("x".repeat(10_000))).send().await.expect(422);
    assert_eq!(long.json()["errors"][0]["pointer"], "/label");
    assert_eq!(app.count("factor_updated").await, 1);
}

#[tokio::test]
async fn totp_05_no_seed_and_no_code_is_stored_in_clear_or_shown_again() {
    let app = TestApp::new().await;
    let (mut nurse, seed, codes) = nurse_with_factor(&app).await;
    let values = app.values().await;
    for code in &codes {
        let bare: String = code.chars().skip(2).filter(|c| *c != '-').collect();
        assert!(!values.iter().any(|(_, value)| contains(value, code.as_bytes()) || contains(value, bare.as_bytes())));
    }
    assert!(
        !values.iter().any(|(_, value)| contains(value, seed.bytes()) || contains(value, seed.base32().as_bytes()))
    );
    let listed = nurse.get("/api/v1/me/factors").await.expect(200).text;
    assert!(!listed.contains("secret") && !listed.contains(&seed.base32()));
}

fn contains(all: &[u8], part: &[u8]) -> bool {
    all.windows(part.len()).any(|window| window == part)
}

#[tokio::test]
async fn an_unconfirmed_enrolment_counts_for_nothing_and_goes() {
    let app = TestApp::new().await;
    let mut nurse = app.signed_in("nurse").await;
    let first = nurse.post("/api/v1/me/factors/totp", &json!({})).await.expect(200).json();
    let second = nurse.post("/api/v1/me/factors/totp", &json!({})).await.expect(200).json();
    let seed = Seed::parse(first["secret"].as_str().unwrap()).unwrap();
    let body = json!({ "id": first["id"], "code": code(&app, &seed) });
    assert_eq!(nurse.post("/api/v1/me/factors/totp/confirm", &body).await.status, 404, "replaced by the second");
    assert_eq!(app.browser().sign_in("nurse").await.json()["outcome"], "signed_in", "pending demands nothing");
    app.advance(minutes(61));
    while service::upkeep::expire(&app.app, RealmKey::MAIN).await.unwrap() {}
    let seed = Seed::parse(second["secret"].as_str().unwrap()).unwrap();
    let mut nurse = app.signed_in("nurse").await;
    let body = json!({ "id": second["id"], "code": code(&app, &seed) });
    assert_eq!(nurse.post("/api/v1/me/factors/totp/confirm", &body).await.status, 404);
}

#[tokio::test]
async fn two_people_behind_two_applications_of_one_person_may_both_sign_in() {
    let app = TestApp::new().await;
    let mut nurse = app.signed_in("nurse").await;
    let (one, _) = bind(&app, &mut nurse, "phone").await;
    app.advance(seconds(60));
    nurse.post("/api/v1/session/step-up", &json!({ "method": "totp", "code": code(&app, &one) })).await.expect(200);
    let (two, codes) = bind(&app, &mut nurse, "tablet").await;
    assert!(codes.is_empty(), "there are recovery codes already");
    app.advance(seconds(60));
    for seed in [one, two] {
        let transaction = waiting(&app, &mut app.browser(), "nurse").await;
        second(&mut app.browser(), &transaction, "totp", &code(&app, &seed)).await.expect(200);
    }
}
