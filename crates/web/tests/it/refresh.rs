//! Refresh rotation with grace: T1 to T10 of requirements 2.6. T5 is as much of it as can be: only the first-party client has families yet.

use domain::id::FamilyId;
use domain::realm::RealmKey;
use domain::refresh::RefreshToken;
use domain::secret::Secret;
use domain::time::{minutes, seconds};
use serde_json::{Value, json};
use store::Value as Stored;
use testkit::{Browser, TestApp, on_both_databases, race};

const LONGER_THAN_THE_WINDOW: std::time::Duration = seconds(31);

async fn generation(app: &TestApp) -> i64 {
    app.db.number("SELECT MAX(generation) FROM refresh_family WHERE realm_id = $1", vec![app.db.realm.into()]).await
}

/// Families and sessions as they are stored.
async fn state(app: &TestApp) -> Vec<String> {
    let dump = app.db.dump(RealmKey::MAIN).await;
    [dump["refresh_family"].clone(), dump["session"].clone()].concat()
}

async fn session(browser: &mut Browser) -> Value {
    browser.get("/api/v1/session").await.expect(200).json()
}

fn token(browser: &Browser) -> String {
    browser.cookie("refresh").expect("a refresh cookie")
}

on_both_databases! {
    async fn t1_each_refresh_after_the_window_advances_and_older_tokens_are_replays(app: TestApp) {
        let mut nurse = app.signed_in("nurse").await;
        let mut tokens = vec![token(&nurse)];
        for round in 1..=5 {
            app.advance(LONGER_THAN_THE_WINDOW);
            nurse.refresh().await.expect(200);
            assert_eq!(generation(&app).await, round);
            assert!(!tokens.contains(&token(&nurse)));
            tokens.push(token(&nurse));
        }

        let replayed = nurse.clone().refresh_with(&tokens[2]).await.expect(401);

        assert_eq!(replayed.code(), "session-ended");
        assert_eq!(app.count("authn_token_reuse").await, 1);
        assert_eq!(nurse.refresh().await.expect(401).code(), "session-ended");
    }

    async fn t2_a_replayed_token_ends_the_session_and_its_access_tokens_at_once(app: TestApp) {
        let (mut nurse, api) = (app.signed_in("nurse").await, app.api_secret().await);
        let clinic = nurse.post("/api/v1/session/refresh", &json!({ "audience": "clinic" })).await.expect(200).json();
        let introspected = async |node: &TestApp| {
            let token = [("token", clinic["access_token"].as_str().unwrap())];
            crate::oauth::ask(node, ("clinic", &api), "/oauth/introspect", &token).await.expect(200).json()
        };
        let stolen = token(&nurse);
        app.advance(LONGER_THAN_THE_WINDOW);
        nurse.refresh().await.expect(200);
        app.advance(LONGER_THAN_THE_WINDOW);
        assert_eq!(nurse.me().await.status, 200);
        let nodes = [app.clone(), app.node(|_, _| {})];
        assert_eq!(introspected(&nodes[1]).await["active"], true);

        let (thief, events) = app.events_while(app.browser().refresh_with(&stolen)).await;

        assert_eq!((thief.status, thief.code().as_str()), (401, "session-ended"));
        assert_eq!(events, ["authn_token_reuse", "session_ended"]);
        assert_eq!(nurse.clone().refresh().await.expect(401).code(), "session-ended");
        assert_eq!(nurse.me().await.expect(401).code(), "not-signed-in");
        for node in &nodes {
            assert_eq!(introspected(node).await, json!({ "active": false }), "at once, and on every node");
        }
        let page = nurse.get("/account").await;
        assert_eq!(page.status, 303, "the session cookie is dead too");
    }

    async fn rt_02_the_person_is_told_once_that_a_copy_was_used(app: TestApp) {
        let mut nurse = app.signed_in("nurse").await;
        let stolen = token(&nurse);
        app.advance(LONGER_THAN_THE_WINDOW);
        nurse.refresh().await.expect(200);
        app.advance(LONGER_THAN_THE_WINDOW);

        for _ in 0..3 {
            app.browser().refresh_with(&stolen).await.expect(401);
        }

        let mail = service::mail::waiting(&app.app, RealmKey::MAIN).await.unwrap();
        let told: Vec<_> = mail.iter().filter(|(mail, _)| mail.to == "nurse@clinic.example").collect();
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(told[0].0.subject, "One of your sessions was ended");
        assert!(!told[0].0.text.contains(&stolen), "no secret in mail");
        // Whoever has the password signs in, refreshes and presents the old token again: no second mail within the hour.
        let mut again = app.signed_in("nurse").await;
        let old = token(&again);
        app.advance(LONGER_THAN_THE_WINDOW);
        again.refresh().await.expect(200);
        app.advance(LONGER_THAN_THE_WINDOW);
        app.browser().refresh_with(&old).await.expect(401);
        let mail = service::mail::waiting(&app.app, RealmKey::MAIN).await.unwrap();
        assert_eq!(mail.iter().filter(|(mail, _)| mail.subject == told[0].0.subject).count(), 1);
        assert_eq!(app.count("authn_token_reuse").await, 2, "who comes when all is over proves nothing more");
    }

    async fn t3_fifty_parallel_refreshes_get_one_token_and_raise_the_generation_by_one(app: TestApp) {
        let nurse = app.signed_in("nurse").await;
        app.advance(LONGER_THAN_THE_WINDOW);

        let answers = race(50, |_| {
            let mut tab = nurse.clone();
            async move {
                tab.refresh().await.expect(200);
                token(&tab)
            }
        })
        .await;

        assert_eq!(generation(&app).await, 1);
        assert!(answers.iter().all(|one| *one == answers[0] && *one != token(&nurse)));
        assert_eq!(app.count("authn_token_reuse").await, 0);
    }

    async fn t4_a_retry_after_a_lost_response_gets_the_token_that_was_lost(app: TestApp) {
        let mut nurse = app.signed_in("nurse").await;
        app.advance(LONGER_THAN_THE_WINDOW);
        let mut whose_answer_was_lost = nurse.clone();
        whose_answer_was_lost.refresh().await.expect(200);
        app.advance(seconds(29));

        nurse.refresh().await.expect(200);

        assert_eq!(token(&nurse), token(&whose_answer_was_lost));
        assert_eq!(nurse.me().await.status, 200);
    }

    async fn t5_the_right_token_from_the_wrong_client_is_refused_and_the_family_is_dead(app: TestApp) {
        let mut nurse = app.signed_in("nurse").await;
        let others = "UPDATE refresh_family SET client_id = 'another-application' WHERE realm_id = $1";
        app.db.execute(others, vec![app.db.realm.into()]).await;

        let (refused, events) = app.events_while(nurse.clone().refresh()).await;

        assert_eq!((refused.status, refused.code().as_str()), (401, "session-ended"));
        assert_eq!(events, ["authn_token_reuse", "session_ended"]);
        let back = "UPDATE refresh_family SET client_id = 'bailiwick-web' WHERE realm_id = $1";
        app.db.execute(back, vec![app.db.realm.into()]).await;
        assert_eq!(nurse.refresh().await.expect(401).code(), "session-ended", "nobody revives it");
        assert_eq!(nurse.me().await.expect(401).code(), "not-signed-in");
    }

    async fn t6_at_the_absolute_deadline_it_is_over_though_used_a_minute_before(app: TestApp) {
        let mut nurse = app.signed_in("nurse").await;
        let ends = session(&mut nurse).await["absolute_deadline"].clone();
        assert_eq!(ends, "2026-11-22T02:36:00.000000Z", "twelve hours");
        for _ in 0..12 * 6 - 1 {
            app.advance(minutes(10));
            nurse.post("/api/v1/session/refresh", &json!({ "active": true })).await.expect(200);
        }
        assert_eq!(session(&mut nurse).await["absolute_deadline"], ends, "it never moves");
        app.advance(minutes(9));
        let last = nurse.post("/api/v1/session/refresh", &json!({ "active": true })).await.expect(200).json();
        assert_eq!(last["expires_in"], 60, "no token outlives the session");
        app.advance(minutes(1));

        let over = nurse.refresh().await.expect(401);

        assert_eq!(over.code(), "session-ended");
        assert_eq!((nurse.cookie("session"), nurse.cookie("refresh")), (None, None), "the browser forgets them");
    }

    async fn t7_a_disabled_person_refreshes_no_more(app: TestApp) {
        let mut nurse = app.signed_in("nurse").await;
        let mut admin = app.signed_in("admin").await;
        let id = app.user_id(RealmKey::MAIN, "nurse").await;
        app.advance(LONGER_THAN_THE_WINDOW);

        admin.post(&format!("/api/v1/users/{id}/disable"), &json!({ "reason": "left" })).await.expect(200);

        assert_eq!(nurse.me().await.status, 401);
        assert_eq!(nurse.refresh().await.expect(401).code(), "session-ended");
    }

    async fn t8_a_role_that_was_ended_is_not_in_the_next_token(app: TestApp) {
        let mut nurse = app.browser();
        let before = crate::claims(nurse.sign_in_for("nurse", "clinic").await.json()["access_token"].as_str().unwrap());
        assert_eq!(before["roles"], json!(["clinical-staff", "nurse"]));
        let mut admin = app.signed_in("admin").await;
        let id = app.user_id(RealmKey::MAIN, "nurse").await;
        let grants = admin.get(&format!("/api/v1/users/{id}/grants")).await.expect(200).json();
        let grant = grants["items"][0]["id"].as_str().unwrap().to_owned();
        let end = format!("/api/v1/users/{id}/grants/{grant}/end");
        admin.post(&end, &json!({ "reason": "moved" })).await.expect(200);

        let after = crate::claims(nurse.refresh().await.expect(200).json()["access_token"].as_str().unwrap());

        assert_eq!((&after["roles"], &after["permissions"]), (&json!([]), &json!([])));
        assert_eq!(after["aud"], "clinic", "the audience of the sign-in");
    }

    async fn t9_ten_tabs_in_any_order_within_the_window_sign_nobody_out(app: TestApp) {
        let nurse = app.signed_in("nurse").await;
        let mut tabs = vec![nurse; 10];
        let mut order: u64 = 0x9e37_79b9_7f4a_7c15;
        for _ in 0..4 {
            app.advance(LONGER_THAN_THE_WINDOW);
            // Everybody once, in a shuffled order, within the window; some of them twice.
            for _ in 0..20 {
                order = order.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let tab = usize::try_from(order >> 33).unwrap() % 10;
                tabs[tab].refresh().await.expect(200);
            }
            for tab in &mut tabs {
                tab.refresh().await.expect(200);
            }
            assert!(tabs.iter().all(|tab| token(tab) == token(&tabs[0])));
        }
        assert_eq!(app.count("authn_token_reuse").await, 0);
    }

    async fn a_request_under_way_while_the_family_advanced_twice_is_no_replay(app: TestApp) {
        let mut nurse = app.signed_in("nurse").await;
        let (mut slow, password) = (nurse.clone(), app.password("main", "nurse"));
        app.advance(LONGER_THAN_THE_WINDOW);
        nurse.refresh().await.expect(200);
        app.advance(seconds(20));
        nurse.post("/api/v1/session/step-up", &json!({ "password": password })).await.expect(200);
        assert_eq!(generation(&app).await, 2);
        app.advance(seconds(9));

        slow.refresh().await.expect(200);

        assert_eq!(token(&slow), token(&nurse), "the current one");
        assert_eq!((generation(&app).await, app.count("authn_token_reuse").await), (2, 0));
    }

    async fn a_token_two_generations_old_is_a_replay_thirty_seconds_after_it_was_replaced(app: TestApp) {
        let mut nurse = app.signed_in("nurse").await;
        let copy = nurse.clone();
        app.advance(LONGER_THAN_THE_WINDOW);
        nurse.refresh().await.expect(200);
        app.advance(seconds(20));
        let password = app.password("main", "nurse");
        nurse.post("/api/v1/session/step-up", &json!({ "password": password })).await.expect(200);
        app.advance(seconds(10));

        assert_eq!(copy.clone().refresh().await.expect(401).code(), "session-ended");

        assert_eq!(app.count("authn_token_reuse").await, 1);
        assert_eq!(nurse.refresh().await.expect(401).code(), "session-ended");
    }

    async fn a_flood_of_refreshes_is_refused_for_the_rest_of_the_window_and_is_no_replay(app: TestApp) {
        let (mut nurse, mut other) = (app.signed_in("nurse").await, app.signed_in("physician").await);
        let family = RefreshToken::parse(&token(&nurse)).unwrap().family();
        let forged = RefreshToken::make(family, 0, &Secret::from_bytes([9; 32])).expose();
        for _ in 0..130 {
            app.browser().refresh_with(&forged).await.expect(401);
        }
        for _ in 0..120 {
            nurse.refresh().await.expect(200);
        }

        let refused = nurse.refresh().await.expect(429);
        nurse.refresh().await.expect(429);

        assert_eq!((refused.code().as_str(), refused.header("retry-after")), ("too-many-attempts", "31"));
        assert_eq!(app.count("excess_rate_limit_exceeded").await, 1, "once a window");
        other.refresh().await.expect(200);
        app.advance(seconds(31));
        nurse.refresh().await.expect(200);
        assert_eq!((generation(&app).await, app.count("authn_token_reuse").await), (1, 0));
    }

    async fn t10_a_forged_token_that_names_a_live_family_changes_nothing(app: TestApp) {
        let mut nurse = app.signed_in("nurse").await;
        app.advance(LONGER_THAN_THE_WINDOW);
        let family = RefreshToken::parse(&token(&nurse)).unwrap().family();
        let before = state(&app).await;

        for generation in [0, 1, -1, i64::MAX] {
            let forged = RefreshToken::make(family, generation, &Secret::from_bytes([9; 32])).expose();
            let unknown = FamilyId::from_uuid(uuid::Uuid::from_u128(7));
            let unknown = RefreshToken::make(unknown, generation, &Secret::from_bytes([9; 32])).expose();
            for token in [forged, unknown, "garbage".to_owned(), String::new()] {
                assert_eq!(app.browser().refresh_with(&token).await.expect(401).code(), "session-ended");
            }
        }

        assert_eq!(state(&app).await, before);
        nurse.refresh().await.expect(200);
    }

    async fn only_activity_starts_idle_again(app: TestApp) {
        let mut nurse = app.signed_in("nurse").await;
        let begun = session(&mut nurse).await["idle_deadline"].clone();
        app.advance(minutes(5));
        nurse.refresh().await.expect(200);
        assert_eq!(session(&mut nurse).await["idle_deadline"], begun, "refreshing alone is no activity");

        nurse.post("/api/v1/session/refresh", &json!({ "active": true })).await.expect(200);
        assert_eq!(session(&mut nurse).await["idle_deadline"], "2026-11-21T14:56:00.000000Z", "within the window too");
        app.advance(minutes(1));
        nurse.post_empty("/api/v1/session/activity").await.expect(204);
        assert_eq!(session(&mut nurse).await["idle_deadline"], "2026-11-21T14:57:00.000000Z");
    }

    async fn an_idle_session_locks_keeps_its_cookie_and_refuses_its_tokens(app: TestApp) {
        let mut nurse = app.signed_in("nurse").await;
        app.advance(minutes(15));

        let locked = nurse.refresh().await.expect(401);

        assert_eq!(locked.code(), "session-locked");
        assert!(locked.set_cookies().is_empty());
        assert_eq!(nurse.me().await.status, 401);
        assert_eq!(nurse.get("/account").await.status, 303);
    }

    async fn a_replay_counts_in_a_locked_session_too(app: TestApp) {
        let mut nurse = app.signed_in("nurse").await;
        let stolen = token(&nurse);
        app.advance(LONGER_THAN_THE_WINDOW);
        nurse.refresh().await.expect(200);
        app.advance(minutes(15));

        app.browser().refresh_with(&stolen).await.expect(401);

        assert_eq!(app.count("authn_token_reuse").await, 1);
        assert_eq!(nurse.refresh().await.expect(401).code(), "session-ended");
    }

    async fn a_session_is_reported_as_renewed_at_most_hourly(app: TestApp) {
        let mut nurse = app.signed_in("nurse").await;
        for _ in 0..30 {
            app.advance(minutes(5));
            nurse.post("/api/v1/session/refresh", &json!({ "active": true })).await.expect(200);
        }

        assert_eq!(app.count("session_renewed").await, 2, "in two and a half hours");
    }

    async fn racing_replays_and_refreshes_leave_one_ended_session(app: TestApp) {
        let mut nurse = app.signed_in("nurse").await;
        let stolen = token(&nurse);
        app.advance(LONGER_THAN_THE_WINDOW);
        nurse.refresh().await.expect(200);
        app.advance(LONGER_THAN_THE_WINDOW);

        race(16, |number| {
            let (mut tab, stolen) = (nurse.clone(), stolen.clone());
            async move { if number % 2 == 0 { tab.refresh_with(&stolen).await } else { tab.refresh().await } }
        })
        .await;

        assert_eq!(nurse.refresh().await.expect(401).code(), "session-ended");
        let live = "SELECT COUNT(*) FROM session WHERE realm_id = $1 AND ended_at IS NULL";
        assert_eq!(app.db.rows(live, vec![app.db.realm.into()]).await, [[Stored::Int(0)]]);
    }
}
