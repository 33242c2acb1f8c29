//! What the README shows, from the first sign-in to the audit log.

use axum::http::Method;
use domain::realm::RealmKey;
use domain::time::minutes;
use serde_json::{Value, json};
use testkit::{Answer, TestApp, on_both_databases};

fn permissions(answer: &Answer) -> Vec<String> {
    let items = answer.json()["items"].as_array().expect("items").clone();
    items.iter().map(|item| format!("{}/{}", item["api"], item["permission"]).replace('"', "")).collect()
}

on_both_databases! {
    async fn a_nurse_signs_in_is_given_a_role_uses_it_and_signs_out(app: TestApp) {
        let mut nurse = app.browser();
        let signed_in = nurse.sign_in("nurse").await.json();
        assert_eq!(signed_in["outcome"], "signed_in");
        assert_eq!(signed_in["user"]["roles"], json!(["nurse"]));

        let me = nurse.me().await.expect(200).json();
        assert_eq!((&me["username"], &me["status"]), (&json!("nurse"), &json!("active")));
        let may = permissions(&nurse.get("/api/v1/me/permissions").await.expect(200));
        assert!(may.contains(&"clinic/charts:read".to_owned()), "inherited from clinical-staff: {may:?}");
        assert!(!may.contains(&"clinic/results:release".to_owned()));

        let mut admin = app.signed_in("admin").await;
        let id = me["id"].as_str().unwrap();
        let body = json!({ "role": "charge-nurse", "unit": "/clinic-a/ward-3", "reason": "Leads the night shift" });
        let grant = admin.post(&format!("/api/v1/users/{id}/grants"), &body).await.expect(201).json();
        assert_eq!((&grant["role"], &grant["unit"]), (&json!("charge-nurse"), &json!("/clinic-a/ward-3")));

        // Our own API looks at the state of this moment; the token of another API follows at the next refresh.
        let may = permissions(&nurse.get("/api/v1/me/permissions").await.expect(200));
        assert!(may.contains(&"clinic/results:release".to_owned()));
        app.advance(minutes(1));
        let token = nurse.refresh().await.expect(200).json();
        let claims = crate::claims(token["access_token"].as_str().unwrap());
        assert_eq!(claims["units"], json!({ "/clinic-a/ward-3": ["charge-nurse"] }));

        nurse.post_empty("/api/v1/sign-out").await.expect(204);
        assert_eq!(nurse.me().await.status, 401);
        let left: Vec<&String> = nurse.cookies.keys().collect();
        assert_eq!(left, ["__Host-bailiwick-device"], "a device stays recognised");
    }

    async fn after_sign_out_neither_the_refresh_token_nor_the_access_token_is_of_use(app: TestApp) {
        let mut nurse = app.signed_in("nurse").await;
        let before = nurse.clone();
        nurse.post_empty("/api/v1/sign-out").await.expect(204);

        let mut stolen = before;
        assert_eq!(stolen.me().await.expect(401).code(), "not-signed-in");
        assert_eq!(stolen.get("/account").await.expect(303).header("location"), "/sign-in?return_to=/account");
        assert_eq!(stolen.refresh().await.expect(401).code(), "session-ended");
    }

    async fn the_audit_log_says_who_did_what_to_whom_when_and_from_where(app: TestApp) {
        let nurse = app.user_id(RealmKey::MAIN, "nurse").await;
        let mut admin = app.signed_in("admin").await;
        let body = json!({ "role": "charge-nurse", "reason": "Leads the night shift" });
        let path = format!("/api/v1/users/{nurse}/grants");
        admin.call(axum::http::Method::POST, &path).header("x-request-id", "walk-1").json(&body).send().await.expect(201);

        let found = admin.get("/api/v1/audit/events?type=role_granted&limit=1").await.expect(200).json();

        let event = &found["items"][0];
        assert_eq!(event["actor"]["name"], "The admin");
        assert_eq!(event["actor"]["acr"], "urn:bailiwick:aal2");
        assert_eq!((&event["subject"]["id"], &event["subject"]["name"]), (&json!(nurse), &json!("The nurse")));
        assert_eq!((&event["after"]["role"], &event["after"]["unit"]), (&json!("charge-nurse"), &json!("/")));
        assert_eq!(event["after"]["reason"], "Leads the night shift");
        assert_eq!((&event["at"], &event["request_id"]), (&json!("2026-11-21T14:36:00.000000Z"), &json!("walk-1")));
        assert_eq!(event["source"], json!({ "address": "192.0.2.7", "user_agent": "testkit/1" }));
    }
}

#[tokio::test]
async fn signing_out_is_idempotent() {
    let app = TestApp::new().await;
    let mut nurse = app.signed_in("nurse").await;
    let mut again = nurse.clone();
    nurse.post_empty("/api/v1/sign-out").await.expect(204);

    let (answer, events) = app.events_while(again.post_empty("/api/v1/sign-out")).await;

    assert_eq!(answer.status, 204);
    assert!(events.is_empty(), "{events:?}");
    app.browser().post_empty("/api/v1/sign-out").await.expect(204);
}

#[tokio::test]
async fn signing_out_everywhere_ends_every_session_and_every_token() {
    let app = TestApp::new().await;
    let mut here = app.signed_in("nurse").await;
    let mut there = app.signed_in("nurse").await;
    let mut somebody_else = app.signed_in("physician").await;

    here.post_empty("/api/v1/sign-out/everywhere").await.expect(204);

    assert_eq!(there.me().await.status, 401);
    assert_eq!(there.refresh().await.expect(401).code(), "session-ended");
    assert_eq!(somebody_else.me().await.status, 200);
    assert_eq!(app.signed_in("nurse").await.me().await.status, 200);
}

#[tokio::test]
async fn ses_06_whoever_sits_before_a_locked_session_ends_that_one_alone() {
    let app = TestApp::new().await;
    let mut ward = app.signed_in("nurse").await;
    app.advance(minutes(14));
    let mut phone = app.signed_in("nurse").await;
    app.advance(minutes(2));

    let refused = ward.call(Method::POST, "/api/v1/sign-out/everywhere").without_bearer().send().await.expect(401);

    assert_eq!((refused.code().as_str(), refused.set_cookies().len()), ("session-locked", 0), "the cookies stay");
    phone.me().await.expect(200);
    ward.call(Method::POST, "/api/v1/sign-out").without_bearer().send().await.expect(204);
    phone.me().await.expect(200);
}

#[tokio::test]
async fn ses_06_a_session_that_a_policy_has_ended_ends_no_other() {
    let app = TestApp::new().await;
    let mut ward = app.signed_in("nurse").await;
    app.advance(minutes(6));
    let (mut phone, mut admin) = (app.signed_in("nurse").await, app.signed_in("admin").await);
    let policy = "/api/v1/policies/roles/nurse";
    let version = admin.version(policy).await;
    admin.put(policy, &version, &json!({ "idle_seconds": 300, "absolute_seconds": 300 })).await.expect(200);

    ward.call(Method::POST, "/api/v1/sign-out/everywhere").without_bearer().send().await.expect(204);

    phone.me().await.expect(200);
}

#[tokio::test]
async fn a_copy_of_an_old_refresh_token_ends_its_own_session_and_no_other() {
    let app = TestApp::new().await;
    let (mut ward, mut phone) = (app.signed_in("nurse").await, app.signed_in("nurse").await);
    let mut thief = app.browser();
    thief.set_cookie("refresh", &ward.cookie("refresh").unwrap());
    app.advance(minutes(1));
    ward.refresh().await.expect(200);
    app.advance(minutes(1));

    let refused = thief.post_empty("/api/v1/sign-out/everywhere").await.expect(401);

    assert_eq!(refused.code(), "session-ended", "nobody is told that they are signed out everywhere who is not");
    ward.me().await.expect(401);
    phone.me().await.expect(200);
    assert_eq!(app.count("authn_token_reuse").await, 1);
}

#[tokio::test]
async fn a_person_sees_and_ends_their_own_sessions_and_nobody_elses() {
    let app = TestApp::new().await;
    let mut desk = app.signed_in("nurse").await;
    let mut tablet = app.signed_in("nurse").await;
    let mut physician = app.signed_in("physician").await;
    let list = desk.get("/api/v1/me/sessions").await.expect(200).json();
    let sessions: &Vec<Value> = list["items"].as_array().unwrap();
    assert_eq!(sessions.len(), 2);
    let other = sessions.iter().find(|session| session["current"] == false).unwrap()["id"].as_str().unwrap();

    assert_eq!(physician.delete(&format!("/api/v1/me/sessions/{other}")).await.expect(404).code(), "not-found");
    desk.delete(&format!("/api/v1/me/sessions/{other}")).await.expect(204);

    assert_eq!(tablet.me().await.status, 401);
    assert_eq!(desk.me().await.status, 200);
}

/// SES-06.
#[tokio::test]
async fn an_administrator_ends_all_sessions_of_a_person_within_reach_at_once() {
    let app = TestApp::new().await;
    let mut admin = app.signed_in("admin").await;
    let (mut ward, mut tablet) = (app.signed_in("nurse").await, app.signed_in("nurse").await);
    let nurse = format!("/api/v1/users/{}/sessions", app.user_id(RealmKey::MAIN, "nurse").await);
    let list = admin.get(&nurse).await.expect(200).json();
    let one = format!("{nurse}/{}", list["items"][0]["id"].as_str().unwrap());
    assert_eq!(admin.get(&one).await.expect(200).json(), list["items"][0]);
    let mut office = app.signed_in("clinic-a-admin").await;
    assert_eq!(office.delete(&nurse).await.expect(404).code(), "not-found", "out of reach");
    assert_eq!(ward.delete(&nurse).await.expect(403).code(), "forbidden", "not even one's own, without the permission");

    let (_, events) = app.events_while(admin.delete(&nurse)).await;
    let (again, nothing) = app.events_while(admin.delete(&nurse)).await;

    assert_eq!((events.as_slice(), again.status), (["session_ended"; 2].map(str::to_owned).as_slice(), 204));
    assert!(nothing.is_empty(), "idempotent: {nothing:?}");
    for browser in [&mut ward, &mut tablet] {
        assert_eq!(browser.me().await.expect(401).code(), "not-signed-in");
        assert_eq!(browser.clone().refresh().await.expect(401).code(), "session-ended");
    }
    assert_eq!(admin.get(&one).await.expect(404).code(), "not-found", "it is over");
    app.signed_in("nurse").await.me().await.expect(200);
}

/// SES-06.
#[tokio::test]
async fn pages_end_all_other_sessions_and_leave_the_one_that_asks() {
    let app = TestApp::new().await;
    let (mut admin, mut elsewhere) = (app.signed_in("admin").await, app.signed_in("admin").await);
    let mut nurse = [app.signed_in("nurse").await, app.signed_in("nurse").await];
    let csrf = admin.get("/account").await.expect(200).hidden("csrf");

    let account = admin.form("/account/sessions/end", &[("csrf", csrf.as_str())]).await.expect(303);
    let id = app.user_id(RealmKey::MAIN, "nurse").await;
    let person = admin.get(&format!("/console/people/{id}")).await.expect(200);
    assert!(person.text.contains("End all"), "a button");
    let all = format!("/console/people/{id}/sessions/end");
    let ended = admin.form(&all, &[("csrf", person.hidden("csrf").as_str())]).await.expect(303);
    let third = app.signed_in("admin").await;
    let own = format!("/console/people/{}/sessions/end", app.user_id(RealmKey::MAIN, "admin").await);
    let own = admin.form(&own, &[("csrf", person.hidden("csrf").as_str())]).await.expect(303);
    third.clone().me().await.expect(401);
    assert!(admin.get(own.header("location")).await.expect(200).text.contains("signed out everywhere else"));

    assert_eq!(account.header("location"), "/account?told=ended-others");
    assert_eq!(ended.header("location"), format!("/console/people/{id}?told=ended-all"));
    elsewhere.me().await.expect(401);
    admin.me().await.expect(200);
    for browser in &mut nurse {
        browser.me().await.expect(401);
    }
    let after = admin.get(ended.header("location")).await.expect(200);
    assert!(after.text.contains("is signed out everywhere"));
}

on_both_databases! {
    async fn ses_06_ending_all_of_somebody_whose_time_is_up_and_not_yet_recorded_changes_nothing(app: TestApp) {
        let mut nurse = app.signed_in("nurse").await;
        app.advance(minutes(24 * 60 + 1));
        let mut admin = app.signed_in("admin").await;
        let path = format!("/api/v1/users/{}/sessions", app.user_id(RealmKey::MAIN, "nurse").await);

        let (answer, events) = app.events_while(admin.delete(&path)).await;

        assert_eq!((answer.status, events.len()), (204, 0), "{answer:?}");
        nurse.me().await.expect(401);
    }
}
