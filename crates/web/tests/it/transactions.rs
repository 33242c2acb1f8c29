//! A sign-in in progress: whose it is, how long, what it survives, and how a browser takes it over (MFA-01, SES-02, SES-12).

use axum::http::Method;
use domain::realm::RealmKey;
use domain::time::seconds;
use domain::totp::Seed;
use serde_json::{Value, json};
use store::token::Purpose;
use testkit::{Answer, Browser, TestApp, on_both_databases, race};

use crate::factors::{bind, code, nurse_with_factor, second, waiting};

/// Chosen by people of these tests.
const PASSWORD: &str = "a quiet harbour at dawn";
const ANOTHER: &str = "another harbour at noon";

/// Somebody new who holds roles at `/`.
async fn newcomer(app: &TestApp, username: &str, roles: &[&str]) {
    let link = app.new_link_for(username, Purpose::Activation, roles).await;
    app.browser().choose(&link, PASSWORD).await.expect(204);
}

/// An administrator of a fresh authentication.
async fn admin(app: &TestApp) -> Browser {
    app.signed_in("admin").await
}

/// A JSON sign-in that owes this step.
async fn owed(browser: &mut Browser, username: &str, outcome: &str) -> Value {
    let body = browser.begin_sign_in(username, PASSWORD).await.expect(200).json();
    assert_eq!(body["outcome"], outcome);
    body
}

/// The same by page: the browser stands at this path.
async fn owed_on_page(app: &TestApp, username: &str, password: &str, path: &str) -> Browser {
    let mut browser = app.browser();
    let csrf = browser.get("/sign-in").await.expect(200).hidden("csrf");
    let fields = [("identifier", username), ("password", password), ("csrf", &csrf)];
    let on = browser.form("/sign-in", &fields).await.expect(303);
    assert_eq!(on.header("location"), path);
    browser
}

/// A token of a form that belongs to the browser's flow cookie, whatever stands behind it.
async fn csrf(browser: &mut Browser) -> String {
    browser.get("/sign-in").await.expect(200).hidden("csrf")
}

fn gives_nothing(answer: &Answer) {
    let set = answer.set_cookies();
    assert!(set.iter().all(|line| !line.contains("-session") && !line.contains("-refresh")), "{answer:?}");
    assert!(!answer.text.contains("access_token"), "{answer:?}");
}

fn is_over(answer: &Answer) {
    gives_nothing(answer);
    let dead = answer.status == 400 && answer.code() == "token-refused";
    assert!(dead || (answer.status, answer.header("location")) == (303, "/sign-in?told=ended"), "{answer:?}");
}

fn handle(body: &Value) -> String {
    let url = body["continue_url"].as_str().expect("a continue_url");
    url.strip_prefix("https://id.example.org").expect("of ours").to_owned()
}

/// Everybody who stands at a step: its JSON call, its page with its field, what would be right, and how long it waits.
struct AtStep {
    body: Value,
    call: &'static str,
    json: Value,
    page: Browser,
    path: &'static str,
    field: (&'static str, String),
    lives: u64,
}

/// One for each step after the password.
async fn at_each_step(app: &TestApp) -> Vec<AtStep> {
    // What is being bound belongs to the person: two people, so that neither medium drops the other's.
    newcomer(app, "dr.new", &["physician"]).await;
    newcomer(app, "dr.page", &["physician"]).await;
    newcomer(app, "clerk.new", &[]).await;
    let id = app.user_id(RealmKey::MAIN, "clerk.new").await;
    admin(app).await.set(&id, "require-password-change").await.expect(200);
    let password = app.password("main", "physician");
    let body = app.browser().begin_sign_in("physician", &password).await.expect(200).json();
    let page = owed_on_page(app, "physician", &password, "/sign-in/second-factor").await;
    let (json, field) = (app.code("main", "physician"), app.code("main", "physician"));
    let second = AtStep {
        call: "second-factor",
        json: json!({ "transaction": body["transaction"], "method": "totp", "code": json }),
        body,
        page,
        path: "/sign-in/second-factor",
        field: ("code", field),
        lives: 300,
    };

    let body = owed(&mut app.browser(), "dr.new", "enrol_factor").await;
    let mut page = owed_on_page(app, "dr.page", PASSWORD, "/sign-in/enrol").await;
    let begin = json!({ "transaction": body["transaction"] });
    let shown = app.browser().post("/api/v1/sign-in/totp", &begin).await.expect(200).json();
    let seed = Seed::parse(shown["secret"].as_str().unwrap()).unwrap();
    page.get("/sign-in/enrol").await.expect(200);
    let right = code(app, &seed);
    let enrol = AtStep {
        call: "totp/confirm",
        json: json!({ "transaction": body["transaction"], "code": right }),
        body,
        page,
        path: "/sign-in/enrol",
        field: ("code", "000000".to_owned()),
        lives: 900,
    };

    let body = owed(&mut app.browser(), "clerk.new", "change_password").await;
    let page = owed_on_page(app, "clerk.new", PASSWORD, "/sign-in/change-password").await;
    let change = AtStep {
        call: "password",
        json: json!({ "transaction": body["transaction"], "new_password": ANOTHER }),
        body,
        page,
        path: "/sign-in/change-password",
        field: ("new_password", ANOTHER.to_owned()),
        lives: 900,
    };
    vec![second, enrol, change]
}

impl AtStep {
    async fn by_json(&self, browser: &mut Browser) -> Answer {
        browser.post(&format!("/api/v1/sign-in/{}", self.call), &self.json).await
    }

    async fn by_page(&mut self) -> Answer {
        let csrf = csrf(&mut self.page).await;
        self.page.form(self.path, &[(self.field.0, &self.field.1), ("csrf", &csrf)]).await
    }
}

#[tokio::test]
async fn a_transaction_that_waited_too_long_is_dead_at_every_step_by_json_and_by_page() {
    let app = TestApp::new().await;
    let mut steps = at_each_step(&app).await;
    let mut waited = 0;
    for step in &mut steps {
        app.advance(seconds(step.lives - waited));
        waited = step.lives;

        is_over(&step.by_json(&mut app.browser()).await);
        is_over(&app.browser().get(&handle(&step.body)).await);
        is_over(&step.by_page().await);
    }
}

#[tokio::test]
async fn a_transaction_lives_until_its_last_second() {
    for at in 0..3 {
        let app = TestApp::new().await;
        let step = at_each_step(&app).await.remove(at);
        // Codes are made for the instant: the enrolment's and the application's are of the present step.
        let wait = if step.call == "password" { step.lives - 1 } else { 0 };
        app.advance(seconds(wait));
        let done = step.by_json(&mut app.browser()).await.expect(200).json();
        assert_eq!(done["outcome"], "signed_in", "{}", step.call);
        // Replayed.
        is_over(&step.by_json(&mut app.browser()).await);
    }
}

#[tokio::test]
async fn what_holds_a_transaction_in_one_medium_or_realm_is_nothing_in_another() {
    let app = TestApp::new().await;
    for step in &mut at_each_step(&app).await {
        let (id, flow) = (step.body["transaction"].as_str().unwrap().to_owned(), step.page.cookie("flow").unwrap());
        let link = handle(&step.body);
        let from_url = link.rsplit_once('=').unwrap().1.to_owned();
        // The id or the handle as a cookie.
        for planted in [&id, &from_url] {
            let mut browser = app.browser();
            browser.set_cookie("flow", planted);
            is_over(&browser.get(step.path).await);
            browser.set_cookie("flow", planted);
            let csrf = csrf(&mut browser).await;
            is_over(&browser.form(step.path, &[(step.field.0, &step.field.1), ("csrf", &csrf)]).await);
        }
        // The cookie or the handle as an id; the id or the cookie as a handle.
        for wrong in [&flow, &from_url] {
            let mut body = step.json.clone();
            body["transaction"] = json!(wrong);
            is_over(&app.browser().post(&format!("/api/v1/sign-in/{}", step.call), &body).await);
        }
        for wrong in [&flow, &id] {
            is_over(&app.browser().get(&format!("/sign-in/continue?handle={wrong}")).await);
        }
        // Another realm.
        is_over(&step.by_json(&mut app.browser_in_other()).await);
        let mut other = app.browser_in_other();
        other.set_cookie("flow", &flow);
        let elsewhere = other.get(step.path).await.expect(303);
        assert_eq!(elsewhere.header("location"), "/realms/other/sign-in?told=ended");
        let elsewhere = app.browser_in_other().get(&link).await.expect(303);
        assert_eq!(elsewhere.header("location"), "/realms/other/sign-in?told=ended");
        // A cookie of another name.
        let mut device = app.browser();
        device.set_cookie("device", &flow);
        device.set_cookie("session", &flow);
        assert_eq!(device.get(step.path).await.expect(303).header("location"), "/sign-in");

        assert_eq!(step.by_json(&mut app.browser()).await.expect(200).json()["outcome"], "signed_in", "it lives");
    }
}

#[tokio::test]
async fn a_form_of_another_browser_moves_no_transaction() {
    let app = TestApp::new().await;
    let mut steps = at_each_step(&app).await;
    let mut tokens = Vec::new();
    for step in &mut steps {
        tokens.push(csrf(&mut step.page).await);
    }
    for (at, step) in steps.iter_mut().enumerate() {
        let before = app.db.dump(RealmKey::MAIN).await;
        for (_, token) in tokens.iter().enumerate().filter(|(other, _)| *other != at) {
            let answer = step.page.form(step.path, &[(step.field.0, &step.field.1), ("csrf", token)]).await.expect(403);
            gives_nothing(&answer);
        }
        assert_eq!(before, app.db.dump(RealmKey::MAIN).await, "{}", step.path);
    }
}

#[tokio::test]
async fn one_step_of_a_transaction_is_no_other_step() {
    let app = TestApp::new().await;
    let steps = at_each_step(&app).await;
    for (at, step) in steps.iter().enumerate() {
        for (_, other) in steps.iter().enumerate().filter(|(other, _)| *other != at) {
            let mut body = other.json.clone();
            body["transaction"] = step.body["transaction"].clone();
            is_over(&app.browser().post(&format!("/api/v1/sign-in/{}", other.call), &body).await);
            // On pages the browser is led to where it stands.
            let led = step.page.clone().get(other.path).await.expect(303);
            assert_eq!(led.header("location"), step.path);
        }
    }
}

#[tokio::test]
async fn mfa_01_who_knows_the_password_alone_binds_nothing_once_the_owner_has_bound_a_factor() {
    let app = TestApp::new().await;
    newcomer(&app, "dr.new", &["physician"]).await;
    let (mut thief, mut owner) = (app.browser(), app.browser());
    let stolen = owed(&mut thief, "dr.new", "enrol_factor").await;
    let mut on_page = owed_on_page(&app, "dr.new", PASSWORD, "/sign-in/enrol").await;
    owner.sign_in_with("dr.new", PASSWORD).await.expect(200);
    app.advance(seconds(60));

    let begun = thief.post("/api/v1/sign-in/totp", &json!({ "transaction": stolen["transaction"] })).await;
    if begun.status == 200 {
        let seed = Seed::parse(begun.json()["secret"].as_str().unwrap()).unwrap();
        let body = json!({ "transaction": stolen["transaction"], "code": code(&app, &seed) });
        let bound = thief.post("/api/v1/sign-in/totp/confirm", &body).await;
        panic!("the password alone bound a second authenticator beside the owner's: {bound:?}");
    }

    is_over(&begun);
    is_over(&on_page.get("/sign-in/enrol").await);
    assert_eq!(owed(&mut app.browser(), "dr.new", "second_factor").await["methods"], json!(["totp", "recovery_code"]));
    let bound = owner.get("/api/v1/me/factors").await.expect(200).json();
    assert_eq!(bound["items"].as_array().unwrap().iter().filter(|factor| factor["kind"] == "totp").count(), 1);
}

#[tokio::test]
async fn mfa_01_an_enrolment_that_was_shown_before_the_owners_is_worth_nothing_after_it() {
    let app = TestApp::new().await;
    newcomer(&app, "dr.new", &["physician"]).await;
    let mut thief = app.browser();
    let stolen = owed(&mut thief, "dr.new", "enrol_factor").await;
    let begin = json!({ "transaction": stolen["transaction"] });
    app.browser().sign_in_with("dr.new", PASSWORD).await.expect(200);
    let id = app.user_id(RealmKey::MAIN, "dr.new").await;
    // An operator binds one for the owner while the thief's is shown: nothing drops the thief's.
    let shown = {
        let mut admin = admin(&app).await;
        let listed = admin.get(&format!("/api/v1/users/{id}/factors")).await.expect(200).json();
        let all = listed["items"].as_array().unwrap();
        let totp = all.iter().find(|factor| factor["kind"] == "totp").unwrap()["id"].as_str().unwrap().to_owned();
        admin.delete(&format!("/api/v1/users/{id}/factors/{totp}")).await.expect(204);
        thief.post("/api/v1/sign-in/totp", &begin).await.expect(200).json()
    };
    let operator = testkit::app::operator(RealmKey::MAIN);
    let seed = testkit::factor::seed("main", "dr.new", 0);
    service::factor::seed_totp(&app.app, operator, id.parse().unwrap(), (seed, "by the operator")).await.unwrap();

    let seed = Seed::parse(shown["secret"].as_str().unwrap()).unwrap();
    let body = json!({ "transaction": stolen["transaction"], "code": code(&app, &seed) });
    is_over(&thief.post("/api/v1/sign-in/totp/confirm", &body).await);
}

#[tokio::test]
async fn mfa_01_a_factor_that_is_demanded_meanwhile_comes_before_the_new_password() {
    let app = TestApp::new().await;
    newcomer(&app, "clerk.new", &[]).await;
    let id = app.user_id(RealmKey::MAIN, "clerk.new").await;
    let mut admin = admin(&app).await;
    admin.set(&id, "require-password-change").await.expect(200);
    let mut clerk = app.browser();
    let waits = owed(&mut clerk, "clerk.new", "change_password").await;
    admin.give(&id, "physician", "/").await.expect(201);

    let body = json!({ "transaction": waits["transaction"], "new_password": ANOTHER });
    let answer = clerk.post("/api/v1/sign-in/password", &body).await;

    gives_nothing(&answer);
    owed(&mut app.browser(), "clerk.new", "enrol_factor").await;
}

#[tokio::test]
async fn mfa_01_who_has_bound_a_factor_is_safe_from_a_new_password_by_the_old_one_alone() {
    let app = TestApp::new().await;
    newcomer(&app, "clerk.new", &[]).await;
    let mut owner = app.browser();
    owner.sign_in_with("clerk.new", PASSWORD).await.expect(200);
    let id = app.user_id(RealmKey::MAIN, "clerk.new").await;
    admin(&app).await.set(&id, "require-password-change").await.expect(200);
    let waits = owed(&mut app.browser(), "clerk.new", "change_password").await;
    bind(&app, &mut owner, "phone").await;

    let body = json!({ "transaction": waits["transaction"], "new_password": ANOTHER });
    is_over(&app.browser().post("/api/v1/sign-in/password", &body).await);

    owed(&mut app.browser(), "clerk.new", "second_factor").await;
}

#[tokio::test]
async fn a_factor_removed_meanwhile_leads_to_no_session_and_the_next_sign_in_demands_another() {
    let app = TestApp::new().await;
    newcomer(&app, "dr.new", &["physician"]).await;
    let mut owner = app.browser();
    owner.sign_in_with("dr.new", PASSWORD).await.expect(200);
    app.advance(seconds(60));
    let waits = owed(&mut app.browser(), "dr.new", "second_factor").await;
    let id = app.user_id(RealmKey::MAIN, "dr.new").await;
    let mut admin = admin(&app).await;
    let listed = admin.get(&format!("/api/v1/users/{id}/factors")).await.expect(200).json();
    let all = listed["items"].as_array().unwrap();
    let totp = all.iter().find(|factor| factor["kind"] == "totp").unwrap()["id"].as_str().unwrap();
    admin.delete(&format!("/api/v1/users/{id}/factors/{totp}")).await.expect(204);

    let refused = second(&mut app.browser(), waits["transaction"].as_str().unwrap(), "totp", "123456").await;

    is_over(&refused);
    owed(&mut app.browser(), "dr.new", "enrol_factor").await;
}

#[tokio::test]
async fn pw_05_a_change_that_is_required_meanwhile_is_demanded_before_the_session() {
    let app = TestApp::new().await;
    let (_, seed, _) = nurse_with_factor(&app).await;
    let transaction = waiting(&app, &mut app.browser(), "nurse").await;
    let id = app.user_id(RealmKey::MAIN, "nurse").await;
    admin(&app).await.set(&id, "require-password-change").await.expect(200);

    let on = second(&mut app.browser(), &transaction, "totp", &code(&app, &seed)).await.expect(200);

    gives_nothing(&on);
    assert_eq!((&on.json()["outcome"], &on.json()["reason"]), (&json!("change_password"), &json!("compromised")));
    assert_eq!(on.json()["transaction"], json!(transaction), "one transaction to its end");
    let body = json!({ "transaction": transaction, "new_password": ANOTHER });
    let done = app.browser().post("/api/v1/sign-in/password", &body).await.expect(200).json();
    assert_eq!(crate::claims(done["access_token"].as_str().unwrap())["acr"], "urn:bailiwick:aal2");
}

#[tokio::test]
async fn what_ends_authority_ends_a_sign_in_at_every_step() {
    for at in 0..3 {
        let app = TestApp::new().await;
        let mut step = at_each_step(&app).await.remove(at);
        let who = [&["physician"][..], &["dr.new", "dr.page"], &["clerk.new"]][at];
        let mut admin = admin(&app).await;
        for username in who {
            admin.set(&app.user_id(RealmKey::MAIN, username).await, "disable").await.expect(200);
        }
        let before = app.count("factor_enrolled").await;

        is_over(&step.by_json(&mut app.browser()).await);
        is_over(&step.page.clone().get(step.path).await);
        is_over(&step.by_page().await);
        assert_eq!(app.count("factor_enrolled").await, before, "{who:?}");
    }
}

#[tokio::test]
async fn a_continue_url_hands_the_browser_on_once_and_the_id_over_json_is_dead_then() {
    let app = TestApp::new().await;
    for step in &mut at_each_step(&app).await {
        let mut browser = app.browser();
        let link = handle(&step.body);

        let on = browser.get(&link).await.expect(303);

        gives_nothing(&on);
        assert_eq!((on.header("location"), on.header("referrer-policy")), (step.path, "no-referrer"));
        assert_eq!(on.header("cache-control"), "no-store");
        assert!(on.set_cookies().len() == 1 && on.set_cookies()[0].starts_with("__Host-bailiwick-flow="), "{on:?}");
        let secret = link.rsplit_once('=').unwrap().1;
        assert_ne!(browser.cookie("flow").unwrap(), secret, "what stood in an address holds nothing");
        assert_ne!(browser.cookie("flow").unwrap(), step.body["transaction"].as_str().unwrap());
        let page = browser.get(step.path).await.expect(200);
        assert!(!page.text.contains(secret) && !page.header("location").contains(secret));
        is_over(&step.by_json(&mut app.browser()).await);
        is_over(&app.browser().get(&link).await);
        browser.get(step.path).await.expect(200);
    }
}

on_both_databases! {
    async fn a_continue_url_raced_sixteen_ways_has_one_winner(app: TestApp) {
        let password = app.password("main", "physician");
        let body = app.browser().begin_sign_in("physician", &password).await.expect(200).json();
        let link = handle(&body);

        let winners = race(16, |_| {
            let (mut browser, link) = (app.browser(), link.clone());
            async move {
                let answer = browser.get(&link).await.expect(303);
                (answer.header("location") == "/sign-in/second-factor").then_some(browser)
            }
        }).await;

        let mut winners: Vec<Browser> = winners.into_iter().flatten().collect();
        assert_eq!(winners.len(), 1);
        let mut winner = winners.remove(0);
        let csrf = winner.get("/sign-in/second-factor").await.expect(200).hidden("csrf");
        let fields = [("code", app.code("main", "physician")), ("csrf", csrf)];
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let done = winner.form("/sign-in/second-factor", &fields).await.expect(303);
        assert_eq!(done.header("location"), "/account");
    }

    async fn a_takeover_raced_with_the_step_over_json_makes_one_session_at_most(app: TestApp) {
        for _ in 0..3 {
            let password = app.password("main", "physician");
            let body = app.browser().begin_sign_in("physician", &password).await.expect(200).json();
            let (link, code) = (handle(&body), app.code("main", "physician"));
            let mut racers = race(2, |racer| {
                let (mut browser, link, body, code) = (app.browser(), link.clone(), body.clone(), code.clone());
                async move {
                    let won = match racer {
                        0 => browser.get(&link).await.header("location") == "/sign-in/second-factor",
                        _ => second(&mut browser, body["transaction"].as_str().unwrap(), "totp", &code).await.status == 200,
                    };
                    (browser, won)
                }
            }).await;

            let (_, by_json) = racers.pop().unwrap();
            let (mut handed, taken) = racers.pop().unwrap();
            assert!(by_json || taken);
            if by_json && taken {
                // Side by side: the step was done, and there is nothing left to take over.
                is_over(&handed.get("/sign-in/second-factor").await);
            }
        }
    }
}

#[tokio::test]
async fn a_wrong_handle_leads_to_the_beginning_and_gives_nothing() {
    let app = TestApp::new().await;
    let right = "A".repeat(43);
    let before = app.db.dump(RealmKey::MAIN).await;
    for wrong in [right.as_str(), "", "x", &"A".repeat(10_000), "..%2f", "A%0d%0aSet-Cookie:x=y"] {
        let answer = app.browser().get(&format!("/sign-in/continue?handle={wrong}")).await;
        is_over(&answer);
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
    }
    for broken in ["", "?handle=%00", "?handle=a&handle=b", "?other=x", "?handle=A&next=//evil.example"] {
        assert_eq!(app.browser().get(&format!("/sign-in/continue{broken}")).await.status, 400, "{broken}");
    }
    assert_eq!(before, app.db.dump(RealmKey::MAIN).await);
}

#[tokio::test]
async fn ses_12_an_attackers_continue_url_signs_no_victim_in_and_names_the_account() {
    let app = TestApp::new().await;
    let names = ["physician", "dr.new", "clerk.new"];
    for (step, attacker) in at_each_step(&app).await.into_iter().zip(names) {
        let mut victim = app.signed_in("nurse").await;
        let own = victim.cookies.clone();
        victim.headers.extend([
            ("sec-fetch-site".to_owned(), "cross-site".to_owned()),
            ("sec-fetch-mode".to_owned(), "navigate".to_owned()),
        ]);

        let opened = victim.get(&handle(&step.body)).await.expect(303);

        gives_nothing(&opened);
        for short in ["session", "refresh", "device"] {
            assert_eq!(victim.cookie(short).as_ref(), own.get(&victim.cookie_name(short)), "{short}");
        }
        let page = victim.get(step.path).await.expect(200);
        gives_nothing(&page);
        assert!(page.text.contains(attacker), "{}: the page says who would be signed in: {}", step.path, page.text);
        // Nothing goes on without the form of this very page, sent by hand.
        let csrf = page.hidden("csrf");
        for token in ["", csrf.as_str()] {
            let forged = [(step.field.0, step.field.1.as_str()), ("csrf", token)];
            gives_nothing(&victim.form(step.path, &forged).await.expect(403));
        }
        assert_eq!(victim.me().await.expect(200).json()["username"], "nurse");
    }
}

#[tokio::test]
async fn a_finished_form_sent_again_leads_to_the_beginning() {
    let app = TestApp::new().await;
    let mut step = at_each_step(&app).await.remove(0);
    let (token, before) = (csrf(&mut step.page).await, step.page.clone());
    let fields = [(step.field.0, step.field.1.as_str()), ("csrf", token.as_str())];
    let done = step.page.form(step.path, &fields).await.expect(303);
    assert_eq!(done.header("location"), "/account");

    is_over(&before.clone().form(step.path, &fields).await);
    is_over(&before.clone().call(Method::GET, step.path).send().await);
}
