//! Another person at the same device: the one before is locked, comes back with the password alone, and no request carries the wrong person.

use std::collections::BTreeSet;

use axum::http::Method;
use domain::realm::RealmKey;
use domain::time::{minutes, seconds};
use serde_json::{Value, json};
use testkit::{Answer, Browser, TestApp, on_both_databases, race};

const NOTHING: &str = "00000000-0000-7000-8000-000000000000";

async fn switchable(browser: &mut Browser) -> Value {
    browser.call(Method::GET, "/api/v1/session/switchable").without_bearer().send().await.expect(200).json()
}

/// The sessions that could be resumed, by the names of their people.
async fn names(browser: &mut Browser) -> Vec<String> {
    let list = switchable(browser).await;
    let items = list["items"].as_array().unwrap();
    items.iter().map(|item| item["display_name"].as_str().unwrap().to_owned()).collect()
}

async fn switch_to(browser: &mut Browser, session: &str, password: &str) -> Answer {
    let body = json!({ "session": session, "password": password });
    browser.call(Method::POST, "/api/v1/session/unlock").without_bearer().json(&body).send().await
}

fn sid(browser: &Browser) -> String {
    crate::claims(browser.bearer.as_deref().unwrap())["sid"].as_str().unwrap().to_owned()
}

async fn username(browser: &mut Browser) -> String {
    browser.me().await.expect(200).json()["username"].as_str().unwrap().to_owned()
}

/// A device at which these people signed in, one after the other: the last one works there.
async fn ward(app: &TestApp, people: &[&str]) -> (Browser, Vec<String>) {
    let mut browser = app.browser();
    let mut sessions = Vec::new();
    for person in people {
        app.advance(seconds(1));
        browser.sign_in(person).await;
        sessions.push(sid(&browser));
    }
    (browser, sessions)
}

/// How many sessions at the device are neither locked nor over.
async fn live(app: &TestApp) -> i64 {
    let text = "SELECT count(*) FROM session WHERE realm_id = $1 AND ended_at IS NULL AND idle_at > $2";
    app.db.number(text, vec![RealmKey::MAIN.into(), app.db.now().into()]).await
}

on_both_databases! {
    async fn the_one_before_is_locked_and_comes_back_with_the_password_alone(app: TestApp) {
        let (mut ward, sessions) = ward(&app, &["physician", "nurse"]).await;
        let nurse = ward.clone();
        let listed = switchable(&mut ward).await;
        assert_eq!(
            listed,
            json!({ "items": [{ "session": sessions[0], "display_name": "The physician",
                "locked_at": "2026-11-21T14:36:02.000000Z" }], "next_cursor": null })
        );
        app.advance(minutes(3));

        let (back, events) =
            app.events_while(switch_to(&mut ward, &sessions[0], &app.password("main", "physician"))).await;

        assert_eq!(back.expect(200).json()["session_id"], sessions[0]);
        assert_eq!(events, ["session_locked", "session_unlocked"]);
        let log = app.events().await;
        let locked = log.iter().rfind(|event| event["type"] == "session_locked").unwrap();
        let of_nurse = app.user_id(RealmKey::MAIN, "nurse").await;
        assert_eq!((&locked["reason"], &locked["subject"]["id"]), (&json!("switched"), &json!(of_nurse)));
        assert_eq!(username(&mut ward).await, "physician");
        assert_eq!(ward.get("/api/v1/session").await.json()["acr"], "urn:bailiwick:aal2", "no second factor again");
        assert!(ward.get("/account").await.expect(200).text.contains("The physician"));
        assert_eq!(nurse.clone().me().await.status, 401, "her tokens too");
        assert_eq!(nurse.clone().refresh().await.expect(401).code(), "session-locked");
        assert_eq!(names(&mut ward).await, ["The nurse"]);
        assert_eq!(live(&app).await, 1);
    }

    async fn unknown_sessions_those_of_other_devices_those_that_ended_and_wrong_passwords_are_answered_alike(app: TestApp) {
        let (ward, sessions) = ward(&app, &["nurse", "billing"]).await;
        let (elsewhere, others) = self::ward(&app, &["nurse", "receptionist"]).await;
        let (mut gone, ended) = self::ward(&app, &["pharmacist"]).await;
        gone.post_empty("/api/v1/sign-out").await.expect(204);
        let password = app.password("main", "nurse");
        let mut without = ward.clone();
        without.cookies.retain(|name, _| !name.contains("device"));
        let mut of_another_realm = app.browser_in_other();
        of_another_realm.sign_in("nurse").await;
        let mut foreign = ward.clone();
        foreign.set_cookie("device", &of_another_realm.cookie("device").unwrap());

        let mut answers = BTreeSet::new();
        for (browser, session, password) in [
            (&ward, NOTHING, password.as_str()),
            (&ward, others[0].as_str(), &password),
            (&ward, ended[0].as_str(), &app.password("main", "pharmacist")),
            (&ward, sessions[0].as_str(), "a wrong guess"),
            (&ward, sessions[0].as_str(), &app.password("main", "billing")),
            (&elsewhere, sessions[0].as_str(), &password),
            (&without, sessions[0].as_str(), &password),
            (&foreign, sessions[0].as_str(), &password),
        ] {
            let answer = switch_to(&mut browser.clone(), session, password).await;
            assert_eq!(answer.code(), "invalid-credentials");
            answers.insert(answer.observable());
        }

        assert_eq!(answers.len(), 1, "{answers:#?}");
        assert_eq!(app.count("session_unlocked").await, 0);
        assert_eq!(names(&mut without).await.len() + names(&mut foreign).await.len(), 0);
        assert_eq!(names(&mut app.browser()).await, Vec::<String>::new());
        assert_eq!(username(&mut ward.clone()).await, "billing", "who works there goes on working");
        switch_to(&mut ward.clone(), &sessions[0], &password).await.expect(200);
    }

    async fn lock_06_guesses_at_a_session_that_is_not_there_wait_as_those_at_one_that_is(app: TestApp) {
        let (mut ward, sessions) = ward(&app, &["nurse", "billing"]).await;
        for session in [NOTHING, &sessions[0]] {
            for _ in 0..5 {
                switch_to(&mut ward, session, "a wrong guess").await.expect(401);
            }
            let waits = switch_to(&mut ward, session, &app.password("main", "nurse")).await.expect(429);
            assert_eq!(waits.header("retry-after"), "31", "{session}");
        }
        app.advance(seconds(30));
        switch_to(&mut ward, &sessions[0], &app.password("main", "nurse")).await.expect(200);
    }

    async fn sixteen_people_who_switch_at_once_leave_one_live_session_and_each_answer_is_its_own_persons(app: TestApp) {
        let people = ["nurse", "billing", "receptionist", "pharmacist"];
        let (ward, sessions) = ward(&app, &people).await;
        app.advance(minutes(1));

        let tabs = race(16, |number| {
            let (mut tab, session) = (ward.clone(), sessions[number % 4].clone());
            let password = app.password("main", people[number % 4]);
            async move {
                let answer = switch_to(&mut tab, &session, &password).await;
                (tab, answer)
            }
        })
        .await;

        for (number, (tab, answer)) in tabs.iter().enumerate() {
            // The one who worked there was not locked when they asked: no session to resume, until somebody else came. On a busy machine some
            // are told to come again.
            let refused = answer.status == 503 || answer.status == 401 && number % 4 == 3;
            assert!(answer.status == 200 || refused, "{answer:?}");
            if answer.status == 200 {
                assert_eq!(answer.json()["session_id"], sessions[number % 4].as_str());
                let mut tab = tab.clone();
                let me = tab.me().await;
                assert!(me.status == 401 || me.json()["username"] == people[number % 4], "{me:?}");
            }
        }
        assert_eq!(live(&app).await, 1, "one person at a device");
        assert_eq!(app.count("authn_token_reuse").await, 0);
    }

    async fn what_comes_late_with_the_cookies_of_before_is_locked_and_never_another_person(app: TestApp) {
        let (mut ward, sessions) = ward(&app, &["nurse"]).await;
        let mut polls = ward.clone();
        app.advance(seconds(31));
        // Its answer comes after the switch, and puts the refresh cookie of before into the jar again.
        polls.refresh().await.expect(200);
        ward.sign_in("billing").await;
        let mut mixed = ward.clone();
        mixed.set_cookie("refresh", &polls.cookie("refresh").unwrap());

        let late = mixed.refresh().await.expect(401);

        assert_eq!(late.code(), "session-locked");
        assert!(mixed.get("/account").await.expect(200).text.contains("The billing"), "pages carry one person");
        // The password of who works there does not open the other one's session, and the other way round it locks hers.
        let wrong = json!({ "password": app.password("main", "billing") });
        let post = |body: &Value| (Method::POST, "/api/v1/session/unlock", body.clone());
        let (method, path, body) = post(&wrong);
        mixed.call(method, path).without_bearer().json(&body).send().await.expect(401);
        let (method, path, body) = post(&json!({ "password": app.password("main", "nurse") }));
        let back = mixed.call(method, path).without_bearer().json(&body).send().await.expect(200);
        assert_eq!(back.json()["session_id"], sessions[0].as_str());
        assert_eq!(ward.clone().me().await.status, 401, "billing is locked");
        assert!(mixed.get("/account").await.expect(200).text.contains("The nurse"));
        assert_eq!(live(&app).await, 1);
    }

    async fn a_locked_page_that_stood_open_while_somebody_signed_in_leads_to_whom_may_go_on(app: TestApp) {
        let (mut ward, sessions) = ward(&app, &["physician", "nurse"]).await;
        let page = format!("/unlock?session={}", sessions[0]);
        let csrf = ward.get(&page).await.expect(200).hidden("csrf");
        app.advance(minutes(1));
        ward.sign_in("billing").await;

        let password = app.password("main", "physician");
        let fields = [("csrf", csrf.as_str()), ("session", &sessions[0]), ("password", &password)];
        let late = ward.form("/unlock", &fields).await.expect(303);

        assert_eq!(late.header("location"), "/sign-in?other=1");
        assert_eq!(app.count("authn_login_fail").await, 0, "the password counted for nobody else");
        let list = ward.get("/sign-in?other=1").await.expect(200);
        assert!(list.text.contains("The physician"));
    }

    async fn a_copy_of_the_device_cookie_opens_nothing_after_two_more_sign_ins(app: TestApp) {
        let (mut ward, _) = ward(&app, &["physician", "nurse"]).await;
        let mut thief = app.browser();
        thief.set_cookie("device", &ward.cookie("device").unwrap());
        assert_eq!(names(&mut thief).await, ["The physician"]);
        app.advance(minutes(1));

        ward.sign_in("billing").await;
        assert_eq!(names(&mut thief).await.len(), 2, "the answer may have been lost: the cookie before is good until the next sign-in");
        app.advance(minutes(1));
        let session = ward.sign_in("receptionist").await.json()["session_id"].clone();

        assert_eq!(names(&mut thief).await, Vec::<String>::new());
        let known = switch_to(&mut thief, session.as_str().unwrap(), &app.password("main", "receptionist")).await;
        assert_eq!((known.status, known.code().as_str()), (401, "invalid-credentials"));
        assert_eq!(names(&mut ward).await.len(), 3, "everybody before is still there for who works there");
    }

    async fn a_copy_of_the_device_cookie_does_not_take_the_device_from_those_who_work_there(app: TestApp) {
        let (mut ward, _) = ward(&app, &["physician"]).await;
        let mut thief = app.browser();
        thief.set_cookie("device", &ward.cookie("device").unwrap());
        app.advance(minutes(1));
        ward.sign_in("nurse").await;
        app.advance(minutes(1));

        thief.sign_in("billing").await;

        assert_eq!(names(&mut thief).await, Vec::<String>::new(), "a device of its own");
        assert_eq!(names(&mut ward).await, ["The physician"]);
        ward.me().await.expect(200);
        // Whoever comes back with the answer of the last sign-in ends what the copy was good for.
        let mut copy = app.browser();
        copy.set_cookie("device", &ward.cookie("device").unwrap());
        app.advance(minutes(1));
        ward.sign_in("receptionist").await;
        app.advance(minutes(1));
        assert_eq!(names(&mut copy).await.len(), 2);
        let wrong = ward.clone().begin_sign_in("receptionist", "not the password at all").await;
        assert_eq!((wrong.status, names(&mut copy).await.len()), (401, 0));
    }

    async fn sign_ins_at_one_moment_leave_a_browser_with_a_device_cookie_that_is_good(app: TestApp) {
        let (ward, _) = ward(&app, &["physician"]).await;
        app.advance(minutes(1));
        let (mut first, mut last) = (ward.clone(), ward.clone());
        first.sign_in("nurse").await;
        last.sign_in("billing").await;

        for mut browser in [first, last, ward] {
            app.advance(minutes(1));
            assert!(!names(&mut browser).await.is_empty());
        }
    }

    async fn nobody_outruns_the_end_of_a_role_by_switching_again_and_again(app: TestApp) {
        let (mut ward, sessions) = ward(&app, &["nurse", "billing"]).await;
        for _ in 0..20 {
            for (session, person) in sessions.iter().zip(["nurse", "billing"]) {
                switch_to(&mut ward, session, &app.password("main", person)).await.expect(200);
            }
        }
        let back = switch_to(&mut ward, &sessions[0], &app.password("main", "nurse")).await.expect(200);
        let claims = crate::claims(back.json()["access_token"].as_str().unwrap());
        let of_session = crate::session_as_of(&app, &claims);
        assert!(of_session > app.db.now().seconds() + 15, "each lock is a second later than the one before: {claims}");
        let id = app.user_id(RealmKey::MAIN, "nurse").await;

        app.signed_in("admin").await.give(&id, "billing", "/clinic-a").await.expect(201);

        let fact = "SELECT MAX(not_before) FROM revocation WHERE realm_id = 1 AND kind = 'user'";
        let not_before = app.db.number(fact, vec![]).await;
        assert!(crate::rights_as_of(&app, &claims) * 1_000_000 < not_before, "refused: {claims}");
    }

    async fn whoever_switches_again_and_again_waits_at_last(app: TestApp) {
        let (mut ward, sessions) = ward(&app, &["nurse", "billing"]).await;
        let password = app.password("main", "nurse");
        switch_to(&mut ward, &sessions[0], &password).await.expect(200);
        let many = "UPDATE throttle SET count = 120 WHERE realm_id = 1 AND kind = 'resumed'";
        assert_eq!(app.db.execute(many, vec![]).await, 1);
        switch_to(&mut ward, &sessions[1], &app.password("main", "billing")).await.expect(200);

        let refused = switch_to(&mut ward, &sessions[0], &password).await.expect(429);

        assert_eq!((refused.code().as_str(), refused.header("retry-after")), ("too-many-attempts", "3601"));
        assert_eq!(username(&mut ward).await, "billing", "nothing happened");
        app.advance(minutes(61));
        switch_to(&mut ward, &sessions[0], &password).await.expect(200);
    }

    async fn a_node_whose_clock_is_behind_sees_who_was_locked_just_now(app: TestApp) {
        let (mut ward, sessions) = ward(&app, &["nurse"]).await;
        app.advance(minutes(1));
        let nurse = ward.clone();
        ward.sign_in("billing").await;
        let locked = app.db.now();
        app.clock.set(locked.minus(seconds(1)));

        assert_eq!(nurse.clone().me().await.status, 401);
        assert_eq!(nurse.clone().refresh().await.expect(401).code(), "session-locked");
        assert_eq!(switchable(&mut ward).await["items"][0]["locked_at"], locked.rfc3339(), "and when");
        let back = switch_to(&mut ward, &sessions[0], &app.password("main", "nurse")).await.expect(200);
        let claims = crate::claims(back.json()["access_token"].as_str().unwrap());
        assert!(crate::session_as_of(&app, &claims) >= locked.seconds(), "tokens of before stay refused: {claims}");
        assert_eq!(nurse.clone().me().await.status, 401);
    }

    async fn an_old_refresh_token_beside_the_device_cookie_is_a_copy_and_locks_nobody(app: TestApp) {
        let (ward, sessions) = ward(&app, &["nurse", "billing"]).await;
        let mut elsewhere = app.signed_in("receptionist").await;
        let stolen = elsewhere.cookie("refresh").unwrap();
        app.advance(seconds(31));
        elsewhere.refresh().await.expect(200);
        app.advance(seconds(31));
        let mut copied = ward.clone();
        copied.set_cookie("refresh", &stolen);

        let (back, events) = app.events_while(switch_to(&mut copied, &sessions[0], &app.password("main", "nurse"))).await;

        assert_eq!(back.expect(200).json()["session_id"], sessions[0]);
        assert_eq!(events, ["authn_token_reuse", "session_ended", "session_locked", "session_unlocked"]);
        assert_eq!(elsewhere.refresh().await.expect(401).code(), "session-ended");
        assert_eq!(live(&app).await, 1);
    }

    async fn an_old_refresh_token_of_the_session_that_is_resumed_ends_it(app: TestApp) {
        let (mut ward, sessions) = ward(&app, &["nurse"]).await;
        let stolen = ward.cookie("refresh").unwrap();
        app.advance(seconds(31));
        ward.refresh().await.expect(200);
        app.advance(minutes(15));
        ward.set_cookie("refresh", &stolen);

        let (back, events) = app.events_while(switch_to(&mut ward, &sessions[0], &app.password("main", "nurse"))).await;

        assert_eq!(back.expect(401).code(), "session-ended");
        assert_eq!(events, ["authn_token_reuse", "session_ended"]);
        assert_eq!(live(&app).await, 0);
    }

    async fn whoever_signs_in_at_a_device_without_its_session_cookie_locks_who_worked_there(app: TestApp) {
        let (ward, _) = ward(&app, &["nurse"]).await;
        let mut lost = ward.clone();
        lost.cookies.retain(|name, _| name.contains("device"));

        lost.sign_in("billing").await;

        assert_eq!(ward.clone().refresh().await.expect(401).code(), "session-locked");
        assert_eq!((names(&mut lost).await, live(&app).await), (vec!["The nurse".to_owned()], 1));
    }

    async fn one_who_may_not_go_on_is_not_offered(app: TestApp) {
        let (mut ward, sessions) = ward(&app, &["nurse", "billing", "receptionist"]).await;
        assert_eq!(names(&mut ward).await, ["The billing", "The nurse"]);
        let mut admin = app.signed_in("admin").await;
        let nurse = app.user_id(RealmKey::MAIN, "nurse").await;
        admin.set(&nurse, "disable").await.expect(200);
        assert_eq!(names(&mut ward).await, ["The billing"]);
        admin.set(&nurse, "enable").await.expect(200);
        assert_eq!(names(&mut ward).await, ["The billing"], "the session ended");
        switch_to(&mut ward, &sessions[0], &app.password("main", "nurse")).await.expect(401);
        app.advance(minutes(12 * 60));
        assert_eq!(names(&mut ward).await, Vec::<String>::new(), "over");
    }
}

#[tokio::test]
async fn pages_offer_who_can_go_on_here_and_names_stay_text() {
    let app = TestApp::new().await;
    let mut nurse = app.signed_in("nurse").await;
    let hostile = "<img src=x onerror=alert(1)>";
    let version = nurse.version("/api/v1/me").await;
    nurse.patch("/api/v1/me", &version, &json!({ "display_name": hostile })).await.expect(200);
    let session = sid(&nurse);
    nurse.sign_in("billing").await;
    let mut ward = nurse;
    ward.post_empty("/api/v1/sign-out").await.expect(204);

    let door = ward.get("/sign-in").await.expect(200);

    assert!(door.text.contains("Who can go on here") && !door.text.contains(hostile), "{}", door.text);
    assert!(door.text.contains("&#60;img src=x onerror=alert(1)&#62;"), "{}", door.text);
    let page = ward.get(&format!("/unlock?session={session}")).await.expect(200);
    assert!(!page.text.contains(hostile) && page.text.contains("&#60;img"));
    let csrf = page.hidden("csrf");
    let password = app.password("main", "nurse");
    for (wrong, token) in [(NOTHING, csrf.as_str()), (session.as_str(), "no")] {
        let fields = [("session", wrong), ("password", password.as_str()), ("csrf", token)];
        let answer = ward.form("/unlock", &fields).await;
        assert!(matches!(answer.status, 303 | 403) && ward.cookie("session").is_none(), "{answer:?}");
    }
    let fields = [("session", session.as_str()), ("password", password.as_str()), ("csrf", csrf.as_str())];
    assert_eq!(ward.form("/unlock", &fields).await.expect(303).header("location"), "/account");
    assert!(ward.get("/account").await.expect(200).text.contains("&#60;img"));
    assert!(!ward.get("/sign-in").await.expect(200).text.contains("Who can go on here"));
    let over = ward.get(&format!("/unlock?session={NOTHING}")).await.expect(303);
    assert_eq!(over.header("location"), "/sign-in?told=over");
}
