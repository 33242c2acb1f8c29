//! A locked session goes on with the password alone (SES-02, SES-03, SES-05, LOCK-06).

use std::collections::BTreeSet;

use domain::realm::RealmKey;
use domain::time::{minutes, seconds};
use serde_json::{Value, json};
use testkit::{Answer, Browser, TestApp, on_both_databases, race};

const IDLE: std::time::Duration = minutes(15);

async fn unlock(browser: &mut Browser, password: &str) -> Answer {
    let call = browser.call(axum::http::Method::POST, "/api/v1/session/unlock").without_bearer();
    call.json(&json!({ "password": password })).send().await
}

/// Somebody signed in who left, and their password.
async fn left(app: &TestApp, username: &str) -> (Browser, String) {
    let browser = app.signed_in(username).await;
    app.advance(IDLE);
    (browser, app.password("main", username))
}

fn sid(answer: &Answer) -> Value {
    answer.json()["session_id"].clone()
}

on_both_databases! {
    async fn ses_05_the_password_alone_resumes_a_session_with_new_cookies(app: TestApp) {
        let mut nurse = app.browser();
        let begun = nurse.sign_in("nurse").await;
        let ends = nurse.get("/api/v1/session").await.json()["absolute_deadline"].clone();
        app.advance(IDLE);
        let before = nurse.clone();

        let (done, events) = app.events_while(unlock(&mut nurse, &app.password("main", "nurse"))).await;

        let done = done.expect(200);
        assert_eq!(events, ["session_unlocked"]);
        assert_eq!(sid(&done), begun.json()["session_id"]);
        let token = crate::claims(done.json()["access_token"].as_str().unwrap());
        assert_eq!(token["auth_time"], app.db.now().seconds());
        let present = nurse.get("/api/v1/session").await.expect(200).json();
        assert_eq!(present["absolute_deadline"], ends, "it never moves");
        assert_eq!(present["idle_deadline"], "2026-11-21T15:06:00.000000Z");
        nurse.get("/account").await.expect(200);
        nurse.refresh().await.expect(200);
        for cookie in ["session", "refresh"] {
            assert_ne!(nurse.cookie(cookie), before.cookie(cookie), "SES-02: {cookie}");
        }
        assert_eq!(before.clone().get("/account").await.status, 303, "the old session cookie is dead");
        // The refresh token before is answered for thirty seconds, as after a lost response; then it is a copy.
        before.clone().refresh().await.expect(200);
        app.advance(seconds(31));
        before.clone().refresh().await.expect(401);
        assert_eq!(app.count("authn_token_reuse").await, 1);
    }

    async fn tokens_of_before_the_lock_stay_refused_after_it(app: TestApp) {
        let mut ward = app.signed_in("nurse").await;
        let nurse = ward.clone();
        ward.sign_in("billing").await;
        assert_eq!(nurse.clone().me().await.status, 401, "locked");

        let again = unlock(&mut nurse.clone(), &app.password("main", "nurse")).await.expect(200);

        let claims = crate::claims(again.json()["access_token"].as_str().unwrap());
        let refused_before = domain::revocation::refused_before(app.db.now()).seconds();
        assert_eq!(crate::session_as_of(&app, &claims), refused_before, "not before what resource servers refuse");
        assert_eq!(nurse.clone().me().await.expect(401).code(), "not-signed-in", "an old token, not yet expired");
        let mut new = nurse.clone();
        new.bearer = again.json()["access_token"].as_str().map(ToOwned::to_owned);
        new.me().await.expect(200);
        // Idle passed likewise: in the seconds for which clocks may differ, too.
        app.advance(IDLE - seconds(5));
        new.cookies.clone_from(&again_cookies(&nurse, &again));
        new.post("/api/v1/session/refresh", &json!({})).await.expect(200);
        let old = new.clone();
        app.advance(seconds(6));
        unlock(&mut new, &app.password("main", "nurse")).await.expect(200);
        assert_eq!(old.clone().me().await.status, 401);
        new.me().await.expect(200);
    }

    async fn ses_03_what_a_tightened_policy_locked_is_unlocked_with_new_cookies(app: TestApp) {
        let nurse = app.signed_in("nurse").await;
        let (mut tab, mut page) = (nurse.clone(), app.signed_in("nurse").await);
        app.advance(seconds(400));
        let mut admin = app.signed_in("admin").await;
        let policy = "/api/v1/policies/roles/nurse";
        let version = admin.version(policy).await;
        admin.put(policy, &version, &json!({ "idle_seconds": 300 })).await.expect(200);
        assert_eq!(tab.refresh().await.expect(401).code(), "session-locked");
        let password = app.password("main", "nurse");

        let (done, events) = app.events_while(unlock(&mut tab, &password)).await;

        let claims = crate::claims(done.expect(200).json()["access_token"].as_str().unwrap());
        assert_eq!(events, ["session_unlocked"]);
        assert!(crate::session_as_of(&app, &claims) > app.db.now().seconds(), "{claims}");
        for cookie in ["session", "refresh"] {
            assert_ne!(tab.cookie(cookie), nurse.cookie(cookie), "SES-02: {cookie}");
        }
        tab.me().await.expect(200);
        assert_eq!(nurse.clone().me().await.status, 401, "tokens of before");
        assert_eq!(nurse.clone().get("/account").await.status, 303, "the old session cookie is dead");
        let told = "SELECT count(*) FROM revocation WHERE realm_id = $1 AND kind = 'session'";
        assert_eq!(app.db.number(told, vec![RealmKey::MAIN.into()]).await, 1, "resource servers know");

        // By page, with the device cookie alone.
        let session = crate::claims(page.bearer.as_deref().unwrap())["sid"].as_str().unwrap().to_owned();
        page.cookies.retain(|name, _| name.contains("device"));
        let csrf = page.get(&format!("/unlock?session={session}")).await.expect(200).hidden("csrf");
        let fields = [("session", session.as_str()), ("password", password.as_str()), ("csrf", csrf.as_str())];
        assert_eq!(page.form("/unlock", &fields).await.expect(303).header("location"), "/account");
        page.get("/account").await.expect(200);
    }

    async fn a_wrong_password_is_401_and_counted_together_with_sign_in_on_this_device(app: TestApp) {
        let (mut nurse, password) = left(&app, "nurse").await;
        for _ in 0..2 {
            assert_eq!(unlock(&mut nurse, "a wrong guess").await.expect(401).code(), "invalid-credentials");
        }
        assert_eq!(unlock(&mut nurse, &app.password("main", "billing")).await.expect(401).code(), "invalid-credentials");
        assert_eq!(unlock(&mut nurse, "").await.expect(401).code(), "invalid-credentials");
        nurse.clone().sign_in_with("nurse", "a wrong guess").await.expect(401);

        let waits = unlock(&mut nurse, &password).await.expect(429);

        assert_eq!((waits.code().as_str(), waits.header("retry-after")), ("too-many-attempts", "31"));
        assert_eq!(nurse.clone().sign_in_with("nurse", &password).await.status, 429);
        assert_eq!(app.count("session_unlocked").await, 0);
        assert_eq!(app.count("authn_login_fail").await, 5);
        app.advance(seconds(30));
        unlock(&mut nurse, &password).await.expect(200);
        app.advance(IDLE);
        assert_eq!(unlock(&mut nurse, "a wrong guess").await.status, 401, "a success forgets the failures");
        unlock(&mut nurse, &password).await.expect(200);
    }

    async fn lock_03_guesses_from_elsewhere_do_not_stop_who_sits_at_the_device(app: TestApp) {
        let (mut nurse, password) = left(&app, "nurse").await;
        for number in 0..5 {
            let mut thief = app.browser();
            thief.address.set_ip(std::net::IpAddr::from([198, 18, 0, number]));
            thief.sign_in_with("nurse", "a wrong guess").await.expect(401);
        }

        unlock(&mut nurse, &password).await.expect(200);

        // Whoever has the refresh cookie alone gets no place of the device in the throttle.
        app.advance(IDLE);
        let mut copied = app.browser();
        copied.set_cookie("refresh", &nurse.cookie("refresh").unwrap());
        let mut waited = false;
        for _ in 0..6 {
            waited |= unlock(&mut copied, "a wrong guess").await.status == 429;
        }
        assert!(waited);
        unlock(&mut nurse, &password).await.expect(200);
    }

    async fn what_cannot_go_on_is_not_unlocked(app: TestApp) {
        let mut admin = app.signed_in("admin").await;
        let (nurse, password) = (app.signed_in("nurse").await, app.password("main", "nurse"));
        let (lab, lab_password) = (app.signed_in("lab-technician").await, app.password("main", "lab-technician"));
        let (billing, old) = (app.signed_in("billing").await, app.password("main", "billing"));
        let (clerk, clerk_password) = (app.signed_in("receptionist").await, app.password("main", "receptionist"));
        let nurse_id = app.user_id(RealmKey::MAIN, "nurse").await;
        let clerk_id = app.user_id(RealmKey::MAIN, "receptionist").await;
        admin.set(&nurse_id, "disable").await.expect(200);
        admin.set(&clerk_id, "require-password-change").await.expect(200);
        let mut elsewhere = app.signed_in("billing").await;
        let new = "seven herons over the estuary";
        let body = json!({ "current_password": old, "new_password": new });
        elsewhere.call(axum::http::Method::PUT, "/api/v1/me/password").json(&body).send().await.expect(204);
        lab.clone().post_empty("/api/v1/sign-out/everywhere").await.expect(204);
        app.advance(IDLE);

        for (name, browser, password) in [
            ("disabled", nurse, password.as_str()),
            ("signed out everywhere", lab, &lab_password),
            ("with the old password", billing.clone(), &old),
            ("with the new password", billing, new),
            ("must choose another password", clerk.clone(), &clerk_password),
            ("nobody", app.browser(), "x"),
        ] {
            let answer = unlock(&mut browser.clone(), password).await;
            assert_eq!((answer.status, answer.code().as_str()), (401, "session-ended"), "{name}: {answer:?}");
            assert!(answer.set_cookies().iter().all(|line| line.contains("Max-Age=0")), "{name}");
        }
        assert_eq!(unlock(&mut clerk.clone(), "wrong").await.expect(401).code(), "invalid-credentials");
        assert_eq!(app.count("session_unlocked").await, 0);
    }

    async fn ses_03_nothing_is_unlocked_after_the_absolute_deadline(app: TestApp) {
        let (mut nurse, password) = left(&app, "nurse").await;
        app.advance(minutes(11 * 60 + 44));
        unlock(&mut nurse, &password).await.expect(200);
        app.advance(minutes(1));

        assert_eq!(unlock(&mut nurse, &password).await.expect(401).code(), "session-ended");
    }

    async fn a_copied_refresh_token_ends_the_session_at_unlock_too(app: TestApp) {
        let mut nurse = app.signed_in("nurse").await;
        let stolen = nurse.clone();
        app.advance(seconds(31));
        nurse.refresh().await.expect(200);
        app.advance(IDLE);

        let thief = unlock(&mut stolen.clone(), &app.password("main", "nurse")).await.expect(401);

        assert_eq!((thief.code().as_str(), app.count("authn_token_reuse").await), ("session-ended", 1));
        assert_eq!(unlock(&mut nurse, &app.password("main", "nurse")).await.expect(401).code(), "session-ended");
    }

    async fn an_aal2_session_keeps_its_assurance_and_the_audience_may_be_another(app: TestApp) {
        let (mut physician, password) = left(&app, "physician").await;
        let body = json!({ "password": password, "audience": "clinic" });

        let done = physician.post("/api/v1/session/unlock", &body).await.expect(200);

        let claims = crate::claims(done.json()["access_token"].as_str().unwrap());
        assert_eq!((&claims["acr"], &claims["aud"]), (&json!("urn:bailiwick:aal2"), &json!("clinic")));
        assert_eq!(claims["roles"].as_array().unwrap().last().unwrap(), "physician");
        app.advance(IDLE);
        let unknown = json!({ "password": password, "audience": "nowhere" });
        assert_eq!(physician.post("/api/v1/session/unlock", &unknown).await.expect(422).code(), "validation");
        for body in [json!({}), json!({ "password": password, "session": "x" }), json!({ "password": 1 })] {
            physician.post("/api/v1/session/unlock", &body).await.expect(422);
        }
    }

    async fn roles_that_were_withheld_stay_withheld(app: TestApp) {
        let (mut nurse, password) = left(&app, "nurse").await;
        let mut admin = app.signed_in("admin").await;
        let id = app.user_id(RealmKey::MAIN, "nurse").await;
        admin.give(&id, "physician", "/").await.expect(201);

        let done = unlock(&mut nurse, &password).await.expect(200);

        assert_eq!(done.json()["withheld"], json!(["physician"]));
    }

    async fn sixteen_who_unlock_at_once_unlock_once_and_nobody_is_left_with_a_copy(app: TestApp) {
        let (nurse, password) = left(&app, "nurse").await;

        let tabs = race(16, |_| {
            let (mut tab, password) = (nurse.clone(), password.clone());
            async move {
                let status = unlock(&mut tab, &password).await.status;
                (tab, status)
            }
        })
        .await;
        // From the fifth on they wait, as at sign-in (LOCK-04): whether the first have proved it by then is chance.
        assert!(tabs.iter().all(|(_, status)| [200, 429].contains(status)));
        let tabs: Vec<Browser> = tabs.into_iter().filter(|(_, status)| *status == 200).map(|(tab, _)| tab).collect();
        assert!(tabs.len() >= 4, "{}", tabs.len());

        let tokens: BTreeSet<_> = tabs.iter().map(|tab| tab.cookie("refresh")).collect();
        let secrets: BTreeSet<_> = tabs.iter().map(|tab| tab.cookie("session")).collect();
        assert_eq!((tokens.len(), secrets.len()), (1, 2), "one new session cookie, and the old one of those who got none");
        assert_eq!(app.count("session_unlocked").await, 1);
        app.advance(seconds(31));
        for tab in &tabs {
            let mut tab = tab.clone();
            tab.me().await.expect(200);
            tab.refresh().await.expect(200);
        }
        assert_eq!(app.count("authn_token_reuse").await, 0);
    }

    async fn ses_10_a_session_is_unlocked_in_its_own_realm_alone(app: TestApp) {
        let (nurse, password) = left(&app, "nurse").await;
        let mut other = app.browser_in_other();
        for cookie in ["session", "refresh", "device"] {
            other.set_cookie(cookie, &nurse.cookie(cookie).unwrap());
        }

        let answer = unlock(&mut other.clone(), &password).await.expect(401);

        assert_eq!(answer.code(), "session-ended");
        other.cookies.retain(|name, _| name.contains("session"));
        assert_eq!(other.get("/unlock").await.expect(303).header("location"), "/realms/other/account");
        unlock(&mut nurse.clone(), &password).await.expect(200);
    }
}

/// The jar after an answer that went to a clone.
fn again_cookies(browser: &Browser, answer: &Answer) -> std::collections::BTreeMap<String, String> {
    let mut jar = browser.cookies.clone();
    for line in answer.set_cookies() {
        let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
        jar.insert(name.to_owned(), value.to_owned());
    }
    jar
}

#[tokio::test]
async fn a_locked_page_leads_to_the_password_and_back_to_where_one_was() {
    let app = TestApp::new().await;
    let (mut nurse, password) = left(&app, "nurse").await;
    let sent = nurse.get("/account/password").await.expect(303).header("location").to_owned();
    let on = nurse.get(&sent).await.expect(303).header("location").to_owned();
    assert_eq!(on, format!("/unlock?return_to={}", sent.split_once("return_to=").unwrap().1));

    let page = nurse.get(&on).await.expect(200);

    assert!(page.text.contains("<b>The nurse</b> is signed in here") && !page.text.contains("identifier"));
    let csrf = page.hidden("csrf");
    let fields = |password: &'static str| vec![("password", password), ("csrf", "")];
    nurse.form("/unlock", &fields("x")).await.expect(403);
    let wrong = nurse.form("/unlock", &[("password", "wrong"), ("csrf", &csrf)]).await.expect(401);
    assert!(wrong.text.contains("id=\"password-error\""), "{}", wrong.text);
    let fields = [("password", password.as_str()), ("csrf", &csrf), ("return_to", "/account/password")];
    let done = nurse.form("/unlock", &fields).await.expect(303);
    assert_eq!(done.header("location"), "/account/password");
    nurse.get("/account/password").await.expect(200);
    nurse.refresh().await.expect(200);
    assert_eq!(nurse.get("/unlock?return_to=//evil.example").await.expect(303).header("location"), "/account");
    // In German, and over when it is over.
    app.advance(minutes(15));
    nurse.headers.insert("accept-language".to_owned(), "de".to_owned());
    let page = nurse.get("/unlock").await.expect(200);
    assert!(page.text.contains("Gesperrt"), "{}", page.text);
    let csrf = page.hidden("csrf");
    let id = app.user_id(RealmKey::MAIN, "nurse").await;
    app.signed_in("admin").await.set(&id, "require-password-change").await.expect(200);
    let over = nurse.form("/unlock", &[("password", &password), ("csrf", &csrf)]).await.expect(303);
    assert_eq!(over.header("location"), "/sign-in?other=1&told=over");
    assert!(nurse.get("/sign-in?other=1&told=over").await.expect(200).text.contains("Jene Sitzung ist vorbei"));
}
