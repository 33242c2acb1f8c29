//! Nobody climbs by changing roles (RBAC-08): not to what they may not give, not to what they lack themselves, and the last administrator stays.

use domain::realm::RealmKey;
use domain::time::minutes;
use serde_json::{Value, json};
use testkit::{Answer, Browser, TestApp, on_both_databases, race};

fn refused(answer: &Answer, says: &str) {
    assert_eq!((answer.status, answer.code().as_str()), (403, "forbidden"), "{answer:?}");
    assert_eq!(answer.json()["missing"], json!(["roles:assign"]), "{answer:?}");
    let detail = answer.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains(says), "{detail}");
}

async fn id(app: &TestApp, username: &str) -> String {
    app.user_id(RealmKey::MAIN, username).await
}

async fn put(browser: &mut Browser, role: &str, what: &str, value: Value) -> Answer {
    let path = format!("/api/v1/roles/{role}");
    // Who may not even look any more is answered so.
    let read = browser.get(&path).await;
    if read.status != 200 {
        return read;
    }
    browser.put(&format!("{path}/{what}"), read.header("etag"), &json!({ (what): value })).await
}

async fn patch(browser: &mut Browser, role: &str, body: Value) -> Answer {
    let path = format!("/api/v1/roles/{role}");
    let version = browser.version(&path).await;
    browser.patch(&path, &version, &body).await
}

/// Somebody who may manage roles, and give nurses' and patients' alone.
async fn keeper(app: &TestApp, admin: &mut Browser) -> Browser {
    let body = json!({ "name": "role-keeper", "display_name": "Role keeper", "assignable_by": ["admin"],
        "permissions": { "bailiwick": ["roles:read", "roles:manage", "roles:assign"] } });
    admin.post("/api/v1/roles", &body).await.expect(201);
    patch(admin, "nurse", json!({ "assignable_by": ["admin", "role-keeper"] })).await.expect(200);
    admin.give(&id(app, "records-clerk").await, "role-keeper", "/").await.expect(201);
    app.signed_in("records-clerk").await
}

on_both_databases! {
    async fn whoever_may_not_give_a_role_changes_nothing_of_it(app: TestApp) {
        let mut admin = app.signed_in("admin").await;
        let mut keeper = keeper(&app, &mut admin).await;

        for role in ["physician", "admin", "role-keeper"] {
            refused(&put(&mut keeper, role, "permissions", json!({})).await, role);
            refused(&put(&mut keeper, role, "inherits", json!(["nurse"])).await, role);
            refused(&patch(&mut keeper, role, json!({ "description": "Whatever" })).await, role);
            refused(&patch(&mut keeper, role, json!({ "assignable_by": ["role-keeper"] })).await, role);
            let version = keeper.version(&format!("/api/v1/roles/{role}")).await;
            refused(&keeper.delete_in(&format!("/api/v1/roles/{role}"), &version).await, role);
        }
        // Charge nurses inherit from nurses: who may not give their role does not change what they can do.
        refused(&put(&mut keeper, "nurse", "permissions", json!({})).await, "charge-nurse");
    }

    async fn nobody_takes_in_by_inheritance_what_they_may_not_give(app: TestApp) {
        let mut admin = app.signed_in("admin").await;
        let mut keeper = keeper(&app, &mut admin).await;
        let body = json!({ "name": "helper", "display_name": "Helper", "inherits": ["admin"] });
        refused(&keeper.post("/api/v1/roles", &body).await, "admin");
        keeper.post("/api/v1/roles", &json!({ "name": "helper", "display_name": "Helper" })).await.expect(201);

        refused(&put(&mut keeper, "helper", "inherits", json!(["admin"])).await, "admin");
        refused(&put(&mut keeper, "helper", "inherits", json!(["role-keeper"])).await, "role-keeper");

        put(&mut keeper, "helper", "inherits", json!(["nurse"])).await.expect(200);
    }

    async fn a_permission_of_ours_is_put_into_a_role_only_by_whom_it_could_be_given_by(app: TestApp) {
        let mut admin = app.signed_in("admin").await;
        let mut keeper = keeper(&app, &mut admin).await;
        let with = |name: &str| json!({ "name": "helper", "display_name": "Helper", "permissions": { "bailiwick": [name] } });
        for name in ["users:manage", "keys:manage", "audit:read"] {
            refused(&keeper.post("/api/v1/roles", &with(name)).await, name);
        }
        keeper.post("/api/v1/roles", &with("roles:read")).await.expect(201);
        refused(&put(&mut keeper, "helper", "permissions", json!({ "bailiwick": ["roles:read", "keys:manage"] })).await, "keys:manage");
        // What other APIs permit is theirs to hand out: giving never needs holding.
        put(&mut keeper, "helper", "permissions", json!({ "clinic": ["charts:read"] })).await.expect(200);
    }

    async fn nobody_widens_a_role_that_they_hold(app: TestApp) {
        let mut admin = app.signed_in("admin").await;
        let role = admin.get("/api/v1/roles/admin").await.expect(200).json();
        let mut more = role["permissions"].clone();
        more["clinic"] = json!(["charts:read"]);

        refused(&put(&mut admin, "admin", "permissions", more).await, "charts:read");
        refused(&put(&mut admin, "admin", "inherits", json!(["patient"])).await, "You hold admin in /");
        // Nor one that theirs inherits from, whoever gave it to them.
        let body = json!({ "name": "desk", "display_name": "Desk" });
        admin.post("/api/v1/roles", &body).await.expect(201);
        let inherits = Some(["desk".to_owned()].into());
        let command = service::role::ChangeRole { name: "admin".to_owned(), inherits, ..Default::default() };
        service::role::change_as_operator(&app.app, testkit::app::operator(RealmKey::MAIN), command).await.unwrap();
        refused(&put(&mut admin, "desk", "permissions", json!({ "clinic": ["charts:read"] })).await, "charts:read");

        let after = admin.get("/api/v1/roles/admin").await.expect(200).json();
        assert_eq!(after["permissions"], role["permissions"]);
    }

    async fn a_role_that_begins_tomorrow_is_not_widened_today(app: TestApp) {
        let mut admin = app.signed_in("admin").await;
        admin.give(&id(&app, "physician").await, "admin", "/").await.expect(201);
        let mut other = app.signed_in("physician").await;
        admin.post("/api/v1/roles", &json!({ "name": "desk", "display_name": "Desk" })).await.expect(201);
        let body = json!({ "role": "desk", "valid_from": "2026-12-24T00:00:00Z", "reason": "from Christmas on" });
        let me = id(&app, "admin").await;
        other.post(&format!("/api/v1/users/{me}/grants"), &body).await.expect(201);

        refused(&put(&mut admin, "desk", "permissions", json!({ "clinic": ["charts:read"] })).await, "charts:read");
    }

    async fn what_ends_on_friday_is_not_made_to_last(app: TestApp) {
        let mut admin = app.signed_in("admin").await;
        admin.post("/api/v1/roles", &json!({ "name": "desk", "display_name": "Desk" })).await.expect(201);
        let dana = id(&app, "physician").await;
        let dated = json!({ "role": "admin", "valid_until": "2026-11-27T18:00:00Z", "reason": "until Friday" });
        admin.post(&format!("/api/v1/users/{dana}/grants"), &dated).await.expect(201);
        admin.give(&dana, "desk", "/").await.expect(201);
        let mut dana = app.signed_in("physician").await;

        refused(&put(&mut dana, "desk", "permissions", json!({ "bailiwick": ["users:manage"] })).await, "users:manage");
        refused(&put(&mut dana, "desk", "inherits", json!(["admin"])).await, "You hold desk");
    }

    async fn nobody_takes_on_a_role_by_inheritance_even_one_without_permissions(app: TestApp) {
        let mut admin = app.signed_in("admin").await;
        admin.post("/api/v1/roles", &json!({ "name": "approver", "display_name": "Approver" })).await.expect(201);

        refused(&put(&mut admin, "admin", "inherits", json!(["approver"])).await, "the role approver");
    }

    async fn nobody_makes_a_role_that_they_could_not_give(app: TestApp) {
        let mut admin = app.signed_in("admin").await;
        let body = json!({ "name": "designer", "display_name": "Designer", "permissions": { "bailiwick": ["roles:read", "roles:manage"] } });
        admin.post("/api/v1/roles", &body).await.expect(201);
        // Somebody with two factors who may give roles in one clinic alone.
        let person = id(&app, "clinic-a-admin").await;
        admin.give(&person, "designer", "/").await.expect(201);
        let mut designer = app.signed_in("clinic-a-admin").await;
        for assignable_by in [json!(["records-clerk"]), json!(["admin"]), json!([])] {
            let body = json!({ "name": "n1", "display_name": "N", "permissions": { "clinic": ["charts:read"] }, "assignable_by": assignable_by });
            refused(&designer.post("/api/v1/roles", &body).await, "could not give this role");
        }
    }

    async fn no_role_is_left_to_assigners_that_nobody_who_administers_is_among(app: TestApp) {
        let mut admin = app.signed_in("admin").await;
        admin.post("/api/v1/roles", &json!({ "name": "x1", "display_name": "X" })).await.expect(201);
        for role in ["x1", "admin", "nurse"] {
            let path = format!("/api/v1/roles/{role}");
            let version = admin.version(&path).await;
            let answer = admin.patch(&path, &version, &json!({ "assignable_by": ["x1"] })).await.expect(409);
            assert!(answer.json()["detail"].as_str().unwrap().contains("No administrator could give"), "{answer:?}");
        }
    }

    async fn a_change_that_the_log_cannot_hold_is_refused(app: TestApp) {
        let mut admin = app.signed_in("admin").await;
        let junk = json!({ "name": "x1", "display_name": "X", "permissions": { "bailiwick": ["roles:read"], "j".repeat(60_000): [] } });
        assert_eq!(admin.post("/api/v1/roles", &junk).await.expect(422).json()["errors"][0]["code"], "unknown");
        admin.post("/api/v1/apis", &json!({ "audience": "lab", "name": "Lab" })).await.expect(201);
        let name = |number: usize| format!("{}{number}:{}", "a".repeat(35), "b".repeat(40));
        let operator = || testkit::app::operator(RealmKey::MAIN);
        for number in 0..900 {
            let command = service::api::AddPermission {
                audience: "lab".to_owned(),
                name: domain::permission::PermissionName::parse(&name(number)).unwrap(),
                description: "Something".to_owned(),
            };
            service::api::add_permission_as_operator(&app.app, operator(), command).await.unwrap();
        }
        admin.post("/api/v1/roles", &json!({ "name": "x1", "display_name": "X" })).await.expect(201);
        let many = |from: usize| json!({ "lab": (from..from + 450).map(name).collect::<Vec<_>>() });
        put(&mut admin, "x1", "permissions", many(0)).await.expect(200);
        let answer = put(&mut admin, "x1", "permissions", many(450)).await.expect(422);
        assert!(answer.json()["errors"][0]["detail"].as_str().unwrap().contains("in parts"), "{answer:?}");
        put(&mut admin, "x1", "permissions", json!({})).await.expect(200);
        put(&mut admin, "x1", "permissions", many(450)).await.expect(200);
        let events = app.events().await;
        assert!(!events.iter().any(|event| event["changed"] == json!(["too_long"])), "every value is in the log");
    }

    async fn the_last_administrator_stays_whatever_happens_to_their_role(app: TestApp) {
        let mut admin = app.signed_in("admin").await;
        let role = admin.get("/api/v1/roles/admin").await.expect(200).json();
        for taken in ["roles:assign", "users:manage"] {
            let mut less = role["permissions"].clone();
            less["bailiwick"].as_array_mut().unwrap().retain(|name| name != taken);
            let answer = put(&mut admin, "admin", "permissions", less).await.expect(409);
            assert!(answer.json()["detail"].as_str().unwrap().contains(taken), "{answer:?}");
        }
        // Something else may be taken out of it.
        let mut less = role["permissions"].clone();
        less["bailiwick"].as_array_mut().unwrap().retain(|name| name != "keys:manage");
        put(&mut admin, "admin", "permissions", less).await.expect(200);
        assert_eq!(admin.get("/api/v1/keys").await.status, 403);
    }

    async fn sixteen_who_empty_roles_and_end_grants_leave_an_administrator(app: TestApp) {
        let mut first = app.signed_in("admin").await;
        // Another role that administers, held by somebody else.
        let role = first.get("/api/v1/roles/admin").await.expect(200).json();
        let body = json!({ "name": "second", "display_name": "Second", "permissions": role["permissions"] });
        first.post("/api/v1/roles", &body).await.expect(201);
        patch(&mut first, "second", json!({ "assignable_by": ["admin", "second"] })).await.expect(200);
        patch(&mut first, "admin", json!({ "assignable_by": ["admin", "second"] })).await.expect(200);
        let person = id(&app, "physician").await;
        first.give(&person, "second", "/").await.expect(201);
        let second = app.signed_in("physician").await;
        let (one, other) = (first.grants(&id(&app, "admin").await).await.remove(0), first.grants(&person).await.remove(0));
        let me = id(&app, "admin").await;

        race(16, |racer| {
            let mut caller = if racer % 2 == 0 { first.clone() } else { second.clone() };
            let (me, person, one, other) = (me.clone(), person.clone(), one.clone(), other.clone());
            async move {
                match racer / 2 % 4 {
                    0 => put(&mut caller, "admin", "permissions", json!({ "bailiwick": ["roles:read"] })).await,
                    1 => put(&mut caller, "second", "permissions", json!({ "bailiwick": ["roles:read"] })).await,
                    2 => caller.end_grant(&me, &one).await,
                    _ => caller.end_grant(&person, &other).await,
                }
            }
        })
        .await;

        let mut left = 0;
        for username in ["admin", "physician"] {
            let mut browser = app.browser();
            let answer = browser.sign_in_with(username, &app.password("main", username)).await;
            let me = id(&app, username).await;
            left += usize::from(answer.status == 200 && browser.get(&format!("/api/v1/users/{me}")).await.status == 200);
        }
        assert!(left >= 1, "nobody administers");
    }
}

#[tokio::test]
async fn a_role_is_changed_only_with_two_factors_proved_within_five_minutes() {
    let app = TestApp::new().await;
    let mut admin = app.signed_in("admin").await;
    app.advance(minutes(4));
    admin.refresh().await.expect(200);
    app.advance(minutes(2));
    let body = json!({ "name": "helper", "display_name": "Helper" });

    let answer = admin.post("/api/v1/roles", &body).await.expect(401);

    assert_eq!(answer.code(), "insufficient-authentication");
    admin.step_up("admin").await.expect(200);
    admin.post("/api/v1/roles", &body).await.expect(201);
}

#[tokio::test]
async fn an_administrator_of_a_unit_changes_no_role() {
    let app = TestApp::new().await;
    let mut unit_admin = app.signed_in("clinic-a-admin").await;
    let body = json!({ "name": "helper", "display_name": "Helper" });
    for answer in [
        unit_admin.post("/api/v1/roles", &body).await,
        put(&mut unit_admin, "nurse", "permissions", json!({})).await,
        unit_admin.post("/api/v1/apis", &json!({ "audience": "lab", "name": "Lab" })).await,
        unit_admin.get("/api/v1/clients").await,
    ] {
        assert_eq!((answer.status, answer.code().as_str()), (403, "forbidden"), "{answer:?}");
    }
}
