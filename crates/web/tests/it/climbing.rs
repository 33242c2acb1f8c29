//! Nobody climbs (RBAC-08), and the last administrator stays.

use domain::realm::RealmKey;
use serde_json::json;
use store::token::Purpose;
use testkit::{Answer, Browser, TestApp, on_both_databases, race};

fn refused(answer: &Answer) {
    assert_eq!((answer.status, answer.code().as_str()), (403, "forbidden"), "{answer:?}");
    assert_eq!(answer.json()["missing"], json!(["roles:assign"]), "{answer:?}");
}

async fn id(app: &TestApp, username: &str) -> String {
    app.user_id(RealmKey::MAIN, username).await
}

#[tokio::test]
async fn nobody_gives_a_role_to_themselves() {
    let app = TestApp::new().await;
    for (username, role) in [("admin", "physician"), ("admin", "patient"), ("records-clerk", "patient")] {
        let mut caller = app.signed_in(username).await;
        refused(&caller.give(&id(&app, username).await, role, "/").await);
    }
}

#[tokio::test]
async fn a_role_is_given_only_by_those_whom_it_names() {
    let app = TestApp::new().await;
    let mut clerk = app.signed_in("records-clerk").await;
    let nurse = id(&app, "nurse").await;
    for role in ["admin", "nurse", "physician", "records-clerk", "auditor"] {
        let answer = clerk.give(&nurse, role, "/").await;
        refused(&answer);
        assert!(answer.json()["detail"].as_str().unwrap().contains(role), "{answer:?}");
    }

    clerk.give(&nurse, "patient", "/").await.expect(201);
    assert_eq!(clerk.give(&nurse, "nobody", "/").await.expect(422).json()["errors"][0]["pointer"], "/role");
}

#[tokio::test]
async fn who_may_not_assign_anything_is_not_told_which_roles_there_are() {
    let app = TestApp::new().await;
    let mut nurse = app.signed_in("nurse").await;
    let patient = id(&app, "patient").await;

    let (real, made_up) = (nurse.give(&patient, "admin", "/").await, nurse.give(&patient, "nobody", "/").await);

    refused(&real);
    assert_eq!(real.observable(), made_up.observable());
}

#[tokio::test]
async fn an_administrator_of_a_unit_gives_and_ends_nothing_outside_it() {
    let app = TestApp::new().await;
    let (mut unit_admin, mut admin) = (app.signed_in("clinic-a-admin").await, app.signed_in("admin").await);
    let inside = id(&app, "ward3-nurse").await;
    let here = unit_admin.give(&inside, "charge-nurse", "/clinic-a/ward-3").await.expect(201).json();
    unit_admin.give(&inside, "admin", "/clinic-a").await.expect(201);
    for unit in ["/", "/clinic-b"] {
        refused(&unit_admin.give(&inside, "nurse", unit).await);
    }
    assert_eq!(unit_admin.give(&inside, "nurse", "/clinic-a/nowhere").await.status, 422);
    // What the person holds elsewhere is not the unit administrator's.
    let elsewhere = admin.give(&inside, "billing", "/").await.expect(201).json();
    let ended = unit_admin.end_grant(&inside, elsewhere["id"].as_str().unwrap()).await.expect(404);
    assert_eq!(ended.code(), "not-found");
    unit_admin.end_grant(&inside, here["id"].as_str().unwrap()).await.expect(200);
}

#[tokio::test]
async fn an_administrator_of_a_unit_sees_nobody_outside_it() {
    let app = TestApp::new().await;
    let mut unit_admin = app.signed_in("clinic-a-admin").await;
    let list = unit_admin.get("/api/v1/users?limit=200").await.expect(200).json();
    let mut names: Vec<&str> =
        list["items"].as_array().unwrap().iter().map(|u| u["username"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["clinic-a-admin", "ward3-nurse", "ward7-physician"]);
    let units = unit_admin.get("/api/v1/units").await;
    if units.status == 200 {
        let units = units.json();
        let paths: Vec<&str> = units["items"].as_array().unwrap().iter().map(|u| u["path"].as_str().unwrap()).collect();
        assert_eq!(paths, ["/clinic-a", "/clinic-a/ward-3", "/clinic-a/ward-7"]);
    }

    for username in ["nurse", "admin", "clinic-b-nurse"] {
        let user = id(&app, username).await;
        for path in ["", "/grants", "/permissions", "/sessions"] {
            let answer = unit_admin.get(&format!("/api/v1/users/{user}{path}")).await;
            assert_eq!((answer.status, answer.code().as_str()), (404, "not-found"), "{username}{path}");
        }
        for what in ["disable", "enable"] {
            assert_eq!(unit_admin.set(&user, what).await.status, 404, "{username} {what}");
        }
        assert_eq!(unit_admin.give(&user, "nurse", "/clinic-a").await.status, 404, "{username}");
    }
    let log = unit_admin.get("/api/v1/audit/events").await.expect(403);
    assert_eq!(log.json()["missing"], json!(["audit:read"]), "the log is read whole or not at all");
    assert_eq!(unit_admin.get("/api/v1/keys").await.status, 403);
}

#[tokio::test]
async fn somebody_new_gets_only_what_the_inviter_may_give_and_where() {
    let app = TestApp::new().await;
    let invite = |unit: &str, role: &str, at: &str| json!({ "username": "joan", "display_name": "Joan", "unit": unit, "grants": [{ "role": role, "unit": at, "reason": "new" }] });
    let mut unit_admin = app.signed_in("clinic-a-admin").await;
    for (unit, role, at, missing) in [
        ("/", "nurse", "/clinic-a", "users:create"),
        ("/clinic-b", "nurse", "/clinic-a", "users:create"),
        ("/clinic-a", "nurse", "/", "roles:assign"),
        ("/clinic-a", "nurse", "/clinic-b", "roles:assign"),
    ] {
        let answer = unit_admin.post("/api/v1/users", &invite(unit, role, at)).await.expect(403);
        assert_eq!(answer.json()["missing"], json!([missing]), "{unit} {role} {at}");
    }
    let mut clerk = app.signed_in("records-clerk").await;
    refused(&clerk.post("/api/v1/users", &invite("/", "nurse", "/")).await);

    clerk.post("/api/v1/users", &invite("/", "patient", "/")).await.expect(201);
    assert_eq!(
        app.events().await.iter().filter(|event| event["type"] == "user_created").count(),
        app.count("user_activated").await + 1
    );
}

#[tokio::test]
async fn enabling_needs_the_right_to_give_all_that_the_account_holds() {
    let app = TestApp::new().await;
    let (mut unit_admin, mut admin) = (app.signed_in("clinic-a-admin").await, app.signed_in("admin").await);
    let inside = id(&app, "ward3-nurse").await;
    unit_admin.set(&inside, "disable").await.expect(200);
    unit_admin.set(&inside, "enable").await.expect(200);
    admin.give(&inside, "auditor", "/").await.expect(201);

    unit_admin.set(&inside, "disable").await.expect(200);
    refused(&unit_admin.set(&inside, "enable").await);

    admin.set(&inside, "enable").await.expect(200);
}

#[tokio::test]
async fn the_last_administrator_stays() {
    let app = TestApp::new().await;
    let mut admin = app.signed_in("admin").await;
    let me = id(&app, "admin").await;
    let own = admin.grants(&me).await.remove(0);
    // None of these is an administrator: invited only, only from tomorrow on, only in a unit, disabled.
    app.new_link_for("invited", Purpose::Activation, &["admin"]).await;
    let nurse = id(&app, "nurse").await;
    let tomorrow = json!({ "role": "admin", "valid_from": "2026-11-22T15:00:00Z", "reason": "from tomorrow on" });
    admin.post(&format!("/api/v1/users/{nurse}/grants"), &tomorrow).await.expect(201);
    let physician = id(&app, "physician").await;
    admin.give(&physician, "admin", "/").await.expect(201);
    admin.set(&physician, "disable").await.expect(200);

    assert_eq!(admin.set(&me, "disable").await.expect(409).code(), "conflict");
    assert_eq!(admin.end_grant(&me, &own).await.expect(409).code(), "conflict");

    admin.set(&physician, "enable").await.expect(200);
    admin.set(&me, "disable").await.expect(200);
    assert_eq!(admin.me().await.status, 401);
}

#[tokio::test]
async fn a_role_that_ends_by_itself_ends_for_our_api_and_for_tokens() {
    let app = TestApp::new().await;
    let mut admin = app.signed_in("admin").await;
    let nurse = id(&app, "nurse").await;
    let body = json!({ "role": "auditor", "valid_until": "2026-11-21T14:40:00Z", "reason": "for four minutes" });
    admin.post(&format!("/api/v1/users/{nurse}/grants"), &body).await.expect(201);
    for (until, pointer) in
        [("2026-11-21T14:36:00Z", "/valid_until"), ("2020-01-01T00:00:00Z", "/valid_until"), ("soon", "/valid_until")]
    {
        let body = json!({ "role": "auditor", "valid_until": until, "reason": "too late" });
        let answer = admin.post(&format!("/api/v1/users/{nurse}/grants"), &body).await.expect(422);
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{until}");
    }

    let mut nurse = app.browser();
    let token = nurse.sign_in("nurse").await.json();
    assert_eq!(token["expires_in"], 240, "no token outlives a grant that it names");
    nurse.get("/api/v1/audit/events").await.expect(200);
    app.advance(domain::time::minutes(4));
    nurse.refresh().await.expect(200);
    nurse.get("/api/v1/audit/events").await.expect(403);
}

#[tokio::test]
async fn a_role_is_held_once_in_a_unit_at_any_moment() {
    let app = TestApp::new().await;
    let mut admin = app.signed_in("admin").await;
    let nurse = id(&app, "ward3-nurse").await;
    let path = format!("/api/v1/users/{nurse}/grants");
    let from = |from: &str, until: Option<&str>| json!({ "role": "billing", "valid_from": from, "valid_until": until, "reason": "for a time" });
    let (first, second, third) = ("2027-01-01T00:00:00Z", "2027-02-01T00:00:00Z", "2027-03-01T00:00:00Z");

    let again = admin.give(&nurse, "nurse", "/clinic-a/ward-3").await.expect(409);
    assert_eq!(again.code(), "conflict");
    let detail = again.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("nurse") && detail.contains("/clinic-a/ward-3"), "{detail}");
    // Elsewhere, another role, and after its end: that is not the same.
    admin.give(&nurse, "nurse", "/clinic-a").await.expect(201);
    let held = admin.give(&nurse, "physician", "/clinic-a").await.expect(201).json();
    admin.end_grant(&nurse, held["id"].as_str().unwrap()).await.expect(200);
    admin.give(&nurse, "physician", "/clinic-a").await.expect(201);

    admin.post(&path, &from(second, Some(third))).await.expect(201);
    for (begin, end) in
        [(first, None), (second, Some(third)), (first, Some("2027-02-01T00:00:01Z")), ("2027-02-28T00:00:00Z", None)]
    {
        admin.post(&path, &from(begin, end)).await.expect(409);
    }
    admin.post(&path, &from(third, None)).await.expect(201);
    admin.post(&path, &from(first, Some(second))).await.expect(201);
}

on_both_databases! {
    async fn sixteen_who_give_the_same_role_make_one_grant(app: TestApp) {
        let mut first = app.signed_in("admin").await;
        let (nurse, other) = (id(&app, "nurse").await, id(&app, "physician").await);
        first.give(&other, "admin", "/").await.expect(201);
        let second = app.signed_in("physician").await;

        let answers = race(16, |racer| {
            let (mut caller, nurse) = (if racer % 2 == 0 { first.clone() } else { second.clone() }, nurse.clone());
            async move { caller.give(&nurse, "billing", "/clinic-a").await.status }
        })
        .await;

        assert_eq!(answers.iter().filter(|status| **status == 201).count(), 1, "{answers:?}");
        assert_eq!(answers.iter().filter(|status| **status == 409).count(), 15, "{answers:?}");
        assert_eq!(first.grants(&nurse).await.len(), 2, "beside the role that she had");
    }

    async fn two_who_act_on_each_other_do_not_stand_in_each_others_way(app: TestApp) {
        let mut first = app.signed_in("admin").await;
        let people = [id(&app, "admin").await, id(&app, "physician").await];
        first.give(&people[1], "admin", "/").await.expect(201);
        let second = app.signed_in("physician").await;

        for role in ["nurse", "charge-nurse", "pharmacist", "billing"] {
            let answers = race(16, |racer| {
                let (mut caller, user) = (if racer % 2 == 0 { first.clone() } else { second.clone() }, people[1 - racer % 2].clone());
                async move {
                    match racer % 8 {
                        // Nobody has it: what is asked for is refused, after the guards were taken.
                        6 => caller.end_grant(&user, "00000000-0000-7000-8000-000000000000").await.status,
                        7 => caller.set(&user, "enable").await.status,
                        unit => caller.give(&user, role, ["/", "/clinic-a", "/clinic-b"][unit / 2]).await.status,
                    }
                }
            })
            .await;
            // What PostgreSQL breaks off as a deadlock is tried again, but not for ever: then it is 503.
            assert!(answers.iter().all(|status| [201, 404, 409].contains(status)), "{answers:?}");
        }
    }

    async fn sixteen_racing_attempts_leave_an_administrator(app: TestApp) {
        let mut first = app.signed_in("admin").await;
        let (one, other) = (id(&app, "admin").await, id(&app, "physician").await);
        first.give(&other, "admin", "/").await.expect(201);
        let second = app.signed_in("physician").await;
        let grants = (first.grants(&one).await.remove(0), first.grants(&other).await.remove(0));

        race(16, |number| {
            // Each goes for the other one, or for themselves.
            let mut caller: Browser = if number % 2 == 0 { first.clone() } else { second.clone() };
            let (user, grant) = if number % 4 < 2 { (one.clone(), grants.0.clone()) } else { (other.clone(), grants.1.clone()) };
            async move { if number < 8 { caller.set(&user, "disable").await } else { caller.end_grant(&user, &grant).await } }
        })
        .await;

        let mut left = 0;
        for username in ["admin", "physician"] {
            let mut browser = app.browser();
            let answer = browser.sign_in_with(username, &app.password("main", username)).await;
            left += usize::from(answer.status == 200 && browser.get("/api/v1/keys").await.status == 200);
        }
        assert_eq!(left, 1, "one went, one stayed");
    }
}
