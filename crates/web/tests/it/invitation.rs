//! Links: invitation, activation, set-up (2.5 as far as there are links; ACC-02).

use domain::realm::RealmKey;
use domain::time::{days, seconds};
use serde_json::json;
use store::token::Purpose;
use testkit::{Answer, TestApp, on_both_databases, race};

const PASSWORD: &str = "the heron stands in the reeds";

fn token_refused(answer: &Answer) {
    assert_eq!((answer.status, answer.code().as_str()), (400, "token-refused"), "{answer:?}");
}

async fn invited(app: &TestApp) -> String {
    let mut admin = app.signed_in("admin").await;
    let body = json!({ "username": "joan", "display_name": "Joan Marsh", "email": "joan@clinic.example",
        "grants": [{ "role": "nurse", "unit": "/clinic-a", "reason": "new" }] });
    let made = admin.post("/api/v1/users", &body).await.expect(201);
    assert_eq!(made.json()["status"], "invited");
    let location = made.header("location").to_owned();
    assert_eq!(admin.get(&location).await.expect(200).json()["id"], made.json()["id"]);
    app.link(RealmKey::MAIN, "joan@clinic.example").await
}

on_both_databases! {
    async fn an_invited_person_follows_the_link_chooses_a_password_and_signs_in(app: TestApp) {
        let link = invited(&app).await;
        let mut joan = app.browser();

        let first = joan.get(&format!("/invitation?token={link}")).await.expect(303);
        assert_eq!(first.header("location"), "/invitation", "the token leaves the address at once");
        assert_eq!(first.header("referrer-policy"), "no-referrer");
        assert_eq!(joan.cookie("flow"), Some(format!("link-{link}")), "marked, so that it is no sign-in");
        let page = joan.get("/invitation").await.expect(200);
        assert_eq!(page.header("referrer-policy"), "same-origin");
        assert!(!page.text.contains(&link));
        let csrf = page.hidden("csrf");
        let short = joan.form("/invitation", &[("csrf", &csrf), ("new_password", "short")]).await.expect(422);
        assert!(short.text.contains("15 characters"));
        let done = joan.form("/invitation", &[("csrf", &csrf), ("new_password", PASSWORD)]).await.expect(200);
        assert!(done.text.contains("joan"));
        assert!(joan.cookies.is_empty(), "no sign-in follows by itself, and the link is forgotten");

        let me = joan.sign_in_with("joan", PASSWORD).await.expect(200).json();
        assert_eq!(me["user"]["roles"], json!(["nurse"]));
        let me = joan.me().await.expect(200).json();
        assert_eq!((&me["status"], &me["email_verified"]), (&json!("active"), &json!(true)));
    }

    async fn of_sixteen_who_use_a_link_at_once_one_succeeds(app: TestApp) {
        let link = invited(&app).await;

        let answers = race(16, |number| {
            let (mut browser, link) = (app.browser(), link.clone());
            async move { browser.choose(&link, &format!("the heron stands in reeds {number}")).await.status }
        })
        .await;

        let winners: Vec<usize> = (0..16).filter(|number| answers[*number] == 204).collect();
        assert_eq!(winners.len(), 1, "{answers:?}");
        assert!(answers.iter().all(|status| [204, 400].contains(status)), "{answers:?}");
        let password = format!("the heron stands in reeds {}", winners[0]);
        app.browser().sign_in_with("joan", &password).await.expect(200);
        assert_eq!(app.events().await.iter().filter(|event| event["type"] == "user_activated" && event["subject"]["id"] == event["actor"]["id"] && event["request_id"] != "seed").count(), 1);
    }

    async fn unknown_used_expired_and_garbled_links_get_one_answer(app: TestApp) {
        let used = app.new_link("used", Purpose::Activation).await;
        app.browser().choose(&used, PASSWORD).await.expect(204);
        let expired = app.new_link("expired", Purpose::Activation).await;
        app.advance(days(7));
        let live = app.new_link("live", Purpose::Activation).await;
        let changed = format!("{}{}", if live.starts_with('A') { "B" } else { "A" }, &live[1..]);
        let mut answers = Vec::new();
        for link in [&used, &expired, &changed, &"A".repeat(43), "garbage", "", &live[1..], &format!("{live}A")] {
            let answer = app.browser().choose(link, PASSWORD).await;
            token_refused(&answer);
            answers.push(answer.observable());
        }

        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
        app.browser().choose(&live, PASSWORD).await.expect(204);
    }

    async fn acc_02_the_set_up_link_dies_at_its_first_use(app: TestApp) {
        let link = app.new_link_for("first", Purpose::SetUp, &["admin"]).await;
        app.browser().choose(&link, PASSWORD).await.expect(204);

        token_refused(&app.browser().choose(&link, "another passphrase, stolen").await);

        let mut first = app.browser();
        first.sign_in_with("first", PASSWORD).await.expect(200);
        assert_eq!(first.get("/api/v1/users").await.status, 200);
    }
}

#[tokio::test]
async fn acc_02_a_fresh_start_has_no_accounts_at_all() {
    let app = TestApp::empty().await;
    for realm in [RealmKey::MAIN, testkit::app::OTHER] {
        assert_eq!(app.db.number("SELECT COUNT(*) FROM \"user\" WHERE realm_id = $1", vec![realm.into()]).await, 0);
    }
    for (identifier, password) in
        [("admin", "admin"), ("admin", "password"), ("root", "root"), ("bailiwick", "bailiwick"), ("admin", "")]
    {
        assert_eq!(app.browser().sign_in_with(identifier, password).await.expect(401).code(), "invalid-credentials");
    }
}

#[tokio::test]
async fn looking_at_a_link_never_uses_it_up() {
    let app = TestApp::new().await;
    let link = invited(&app).await;
    let before = app.db.dump(RealmKey::MAIN).await;

    for _ in 0..5 {
        let mut scanner = app.browser();
        scanner.get(&format!("/invitation?token={link}")).await.expect(303);
        scanner.get("/invitation").await.expect(200);
        scanner.call(axum::http::Method::HEAD, &format!("/invitation?token={link}")).send().await.expect(303);
    }

    assert_eq!(before, app.db.dump(RealmKey::MAIN).await);
    app.browser().choose(&link, PASSWORD).await.expect(204);
}

#[tokio::test]
async fn a_password_that_is_refused_does_not_use_up_the_link() {
    let app = TestApp::new().await;
    let link = invited(&app).await;
    for (password, code) in [
        ("fourteen chars", "too_short"),
        ("", "too_short"),
        (&*"x".repeat(257), "too_long"),
        ("joan@clinic.example123", "context_word"),
        ("JOAN@CLINIC.EXAMPLE!!", "context_word"),
    ] {
        let answer = app.browser().choose(&link, password).await.expect(422);
        let error = &answer.json()["errors"][0];
        assert_eq!((&error["pointer"], &error["code"]), (&json!("/new_password"), &json!(code)), "{password}");
        assert!(!answer.text.contains(password) || password.is_empty(), "{answer:?}");
    }

    app.browser().choose(&link, "fifteen letters").await.expect(204);
    app.browser().sign_in_with("joan", "fifteen letters").await.expect(200);
}

#[tokio::test]
async fn guessing_links_is_throttled_by_address_and_a_right_one_always_opens() {
    let app = TestApp::new().await;
    let link = invited(&app).await;
    for _ in 0..20 {
        token_refused(&app.browser().choose(&"A".repeat(43), PASSWORD).await);
    }

    let refused = app.browser().choose(&"B".repeat(43), PASSWORD).await.expect(429);

    assert_eq!(refused.header("retry-after"), "3601");
    app.browser().choose(&link, PASSWORD).await.expect(204);
}

#[tokio::test]
async fn a_link_ends_at_its_last_second() {
    let app = TestApp::new().await;
    let (one, other) =
        (app.new_link("one", Purpose::Activation).await, app.new_link("other-one", Purpose::Activation).await);
    app.advance(days(7) - seconds(1));
    app.browser().choose(&one, PASSWORD).await.expect(204);
    app.advance(seconds(1));

    token_refused(&app.browser().choose(&other, PASSWORD).await);
}

#[tokio::test]
async fn a_link_of_one_realm_is_nothing_in_another() {
    let app = TestApp::new().await;
    let link = invited(&app).await;

    token_refused(&app.browser_in_other().choose(&link, PASSWORD).await);

    app.browser().choose(&link, PASSWORD).await.expect(204);
}

on_both_databases! {
    async fn sixteen_racing_invitations_take_a_username_once(app: TestApp) {
        let admin = app.signed_in("admin").await;

        let answers = race(16, |racer| {
            let mut admin = admin.clone();
            async move {
                let new = json!({ "username": "wanted", "display_name": format!("Racer {racer}") });
                admin.post("/api/v1/users", &new).await.status
            }
        })
        .await;

        assert_eq!(answers.iter().filter(|status| **status == 201).count(), 1, "{answers:?}");
        assert_eq!(answers.iter().filter(|status| **status == 409).count(), 15, "{answers:?}");
    }

    async fn racing_emergency_rotations_leave_a_key_that_signs(app: TestApp) {
        let admin = app.signed_in("admin").await;

        race(4, |_| {
            let mut admin = admin.clone();
            async move { admin.post("/api/v1/keys/rotate", &json!({ "mode": "emergency", "reason": "race" })).await.status }
        })
        .await;

        let mut fresh = app.signed_in("admin").await;
        let keys = fresh.get("/api/v1/keys").await.expect(200).json();
        assert_eq!(keys["items"].as_array().unwrap().iter().filter(|key| key["state"] == "active").count(), 1, "{keys}");
    }
}
