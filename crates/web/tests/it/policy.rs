//! Policies by realm and role: the strictest value wins and names its cause, who may change them, and what a change does to sessions that live
//! (SES-03, SES-07, C-17, RBAC-08, PW-16, PW-17).

use domain::realm::RealmKey;
use domain::time::{days, seconds};
use serde_json::{Value, json};
use store::Value as Row;
use testkit::{Answer, Browser, TestApp, on_both_databases, race};

const REALM: &str = "/api/v1/policies/realm";

fn of(role: &str) -> String {
    format!("/api/v1/policies/roles/{role}")
}

/// Sets a policy in the version that is there.
async fn set(browser: &mut Browser, path: &str, body: Value) -> Answer {
    let version = browser.version(path).await;
    browser.put(path, &version, &body).await
}

/// The same by an administrator who has just proved who they are.
async fn admin_sets(app: &TestApp, path: &str, body: Value) -> Answer {
    let mut admin = app.signed_in("admin").await;
    set(&mut admin, path, body).await
}

async fn id(app: &TestApp, username: &str) -> String {
    app.user_id(RealmKey::MAIN, username).await
}

async fn effective(app: &TestApp, admin: &mut Browser, username: &str) -> Value {
    let id = id(app, username).await;
    admin.get(&format!("/api/v1/users/{id}/policy")).await.expect(200).json()
}

/// The sessions of somebody that an administrator sees.
async fn sessions(app: &TestApp, username: &str) -> Vec<Value> {
    let id = id(app, username).await;
    let mut admin = app.signed_in("admin").await;
    let list = admin.get(&format!("/api/v1/users/{id}/sessions")).await.expect(200).json();
    let whole = admin.get(&format!("/api/v1/sessions?user={id}")).await.expect(200).json();
    let ids = |list: &Value| -> Vec<String> {
        list["items"].as_array().unwrap().iter().map(|one| one["id"].to_string()).collect()
    };
    assert_eq!(ids(&list), ids(&whole), "both listings say the same");
    list["items"].as_array().unwrap().clone()
}

fn refused(answer: &Answer, says: &str) {
    assert_eq!((answer.status, answer.code().as_str()), (403, "forbidden"), "{answer:?}");
    assert_eq!(answer.json()["missing"], json!(["roles:assign"]), "{answer:?}");
    assert!(answer.json()["detail"].as_str().unwrap().contains(says), "{answer:?}");
}

/// Somebody who manages policies and may give two roles alone: `porter`, and `nurse` but none that inherits from it.
async fn keeper(app: &TestApp) -> Browser {
    let mut admin = app.signed_in("admin").await;
    let keeper = json!({ "name": "policy-keeper", "display_name": "Policy keeper", "assignable_by": ["admin"],
        "permissions": { "bailiwick": ["roles:read", "roles:assign", "policies:read", "policies:manage"] } });
    admin.post("/api/v1/roles", &keeper).await.expect(201);
    let porter = json!({ "name": "porter", "display_name": "Porter", "assignable_by": ["admin", "policy-keeper"] });
    admin.post("/api/v1/roles", &porter).await.expect(201);
    let nurse = "/api/v1/roles/nurse";
    let version = admin.version(nurse).await;
    admin.patch(nurse, &version, &json!({ "assignable_by": ["admin", "policy-keeper"] })).await.expect(200);
    admin.give(&id(app, "records-clerk").await, "policy-keeper", "/").await.expect(201);
    app.signed_in("records-clerk").await
}

on_both_databases! {
    async fn a_policy_is_changed_in_a_version_and_every_edition_is_kept(app: TestApp) {
        let mut admin = app.signed_in("admin").await;
        let path = of("nurse");
        let before = admin.get(&path).await.expect(200).json();
        assert_eq!((&before["idle_seconds"], &before["version"]), (&json!(900), &json!(1)));
        assert_eq!((&before["assurance"], &before["deviations"]), (&Value::Null, &json!([])));
        let body = json!({ "idle_seconds": 600, "absolute_seconds": 43_200, "networks": ["10.1.0.0/16", "10.0.0.0/8", "192.0.2.7"],
            "password": { "min_length": 16 } });

        let unsaid = admin.call(axum::http::Method::PUT, &path).json(&body).send().await;
        assert_eq!((unsaid.status, unsaid.code().as_str()), (428, "precondition-required"));
        assert_eq!(admin.put(&path, "\"7\"", &body).await.code(), "changed-meanwhile");
        let after = admin.put(&path, "\"1\"", &body).await.expect(200);
        assert_eq!(after.header("etag"), "\"2\"");
        assert_eq!(after.json()["networks"], json!(["10.0.0.0/8", "192.0.2.7/32"]), "none within another");
        assert_eq!(admin.get(&path).await.json(), after.json());

        let event = app.events().await.into_iter().rfind(|event| event["type"] == "policy_changed").expect("an event");
        let changed: Vec<&str> = event["changed"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        assert_eq!(changed, ["access_token_seconds", "idle_seconds", "networks", "password.min_length"], "{event}");
        let again = admin.put(&path, "\"2\"", &body).await.expect(200);
        assert_eq!((again.header("etag"), app.count("policy_changed").await), ("\"2\"", 1), "nothing changed");

        let kept = "SELECT p.version FROM policy p JOIN role r ON r.realm_id = p.realm_id AND r.id = p.role_id
            WHERE p.realm_id = $1 AND r.name = 'nurse' ORDER BY p.version";
        assert_eq!(app.db.rows(kept, vec![RealmKey::MAIN.into()]).await, [vec![Row::Int(1)], vec![Row::Int(2)]]);
        assert_eq!(admin.get(&of("nobody")).await.status, 404);
    }

    async fn what_was_read_is_changed_and_sent_back_whole(app: TestApp) {
        let mut admin = app.signed_in("admin").await;
        set(&mut admin, REALM, json!({ "idle_seconds": 7200, "networks": ["192.0.2.0/24"] })).await.expect(200);
        let mut policy = admin.get(REALM).await.expect(200).json();
        policy["idle_seconds"] = json!(600);

        let changed = set(&mut admin, REALM, policy.clone()).await.expect(200).json();

        assert_eq!((&changed["idle_seconds"], &changed["networks"]), (&json!(600), &policy["networks"]));
        assert_eq!((&changed["deviations"], &changed["version"]), (&json!([]), &json!(policy["version"].as_i64().unwrap() + 1)));
    }

    async fn an_edition_is_made_once_however_many_race(app: TestApp) {
        let admin = app.signed_in("admin").await;
        let answers = race(16, |number| {
            let mut admin = admin.clone();
            async move { admin.put(&of("nurse"), "\"1\"", &json!({ "idle_seconds": 60 + number })).await.status }
        }).await;

        assert_eq!(answers.iter().filter(|status| **status == 200).count(), 1, "{answers:?}");
        assert_eq!(answers.iter().filter(|status| **status == 412).count(), 15, "{answers:?}");
    }

    async fn ses_03_a_stricter_policy_locks_and_ends_sessions_that_live(app: TestApp) {
        let mut nurse = app.signed_in("nurse").await;
        let node = app.node(|_, _| {});
        app.advance(seconds(400));
        nurse.me().await.expect(200);

        admin_sets(&node, &of("nurse"), json!({ "idle_seconds": 300 })).await.expect(200);
        assert_eq!(nurse.me().await.status, 401);
        let cookie = nurse.cookie("refresh").unwrap();
        assert_eq!(nurse.refresh().await.code(), "session-locked");
        assert_eq!(nurse.cookie("refresh"), Some(cookie), "a locked session keeps its cookie");
        let seen = sessions(&app, "nurse").await;
        assert_eq!((seen.len(), &seen[0]["state"]), (1, &json!("locked")));

        admin_sets(&node, &of("nurse"), json!({ "idle_seconds": 300, "absolute_seconds": 300 })).await.expect(200);
        assert!(sessions(&app, "nurse").await.is_empty());
        assert_eq!(nurse.refresh().await.code(), "session-ended");
    }

    async fn ses_03_a_looser_policy_moves_no_deadline_of_a_session_that_lives(app: TestApp) {
        let mut nurse = app.signed_in("nurse").await;
        let before = sessions(&app, "nurse").await;
        let wide = json!({ "idle_seconds": 7200, "absolute_seconds": 200_000, "access_token_seconds": 3600 });
        admin_sets(&app, REALM, wide.clone()).await.expect(200);
        for role in ["nurse", "clinical-staff"] {
            admin_sets(&app, &of(role), json!({})).await.expect(200);
        }
        nurse.post_empty("/api/v1/session/activity").await.expect(204);

        let after = sessions(&app, "nurse").await;
        assert_eq!(after[0]["absolute_deadline"], before[0]["absolute_deadline"]);
        assert_eq!(after[0]["idle_deadline"], before[0]["idle_deadline"], "900 seconds, as at sign-in");
        let mut later = app.signed_in("nurse").await;
        let own = later.get("/api/v1/session").await.expect(200).json();
        assert_ne!(own["idle_deadline"], before[0]["idle_deadline"], "a new session has the new times");
    }

    async fn a_token_lives_no_longer_than_the_policy_of_this_moment(app: TestApp) {
        let mut nurse = app.signed_in("nurse").await;
        let before = crate::claims(nurse.bearer.as_deref().unwrap());
        admin_sets(&app, &of("nurse"), json!({ "access_token_seconds": 60 })).await.expect(200);

        assert_eq!(nurse.refresh().await.expect(200).json()["expires_in"], 60);
        let text = "SELECT subject, version FROM revocation WHERE realm_id = $1 AND kind = 'roles' ORDER BY version DESC";
        let told = app.db.rows(text, vec![RealmKey::MAIN.into()]).await;
        let [Row::Text(names), Row::Int(version)] = &told[0][..] else { panic!("{told:?}") };
        assert_eq!(names, "", "everybody's: tokens do not name a role that is withheld");
        let refreshed = crate::claims(nurse.bearer.as_deref().unwrap());
        assert!(before["roles_version"].as_i64().unwrap() < *version, "what was issued before is refused");
        assert_eq!(refreshed["roles_version"].as_i64(), Some(*version), "what is issued now is not");

        admin_sets(&app, REALM, json!({ "idle_seconds": 60 })).await.expect(200);
        let told = app.db.rows(text, vec![RealmKey::MAIN.into()]).await;
        assert_eq!(told[0][0], Row::Text(String::new()), "the realm's concerns everybody too: {told:?}");
    }

    async fn c_17_what_exceeds_the_ceilings_is_recorded_wherever_the_policy_is(app: TestApp) {
        let long = json!({ "idle_seconds": 7200, "absolute_seconds": 100_000 });
        let answer = admin_sets(&app, REALM, long).await.expect(200).json();

        assert_eq!(answer["deviations"].as_array().unwrap().len(), 2, "{answer}");
        assert!(answer["deviations"][0].as_str().unwrap().contains("C-17"), "{answer}");
        let event = app.events().await.into_iter().rfind(|event| event["type"] == "policy_changed").expect("an event");
        assert!(event["changed"].as_array().unwrap().contains(&json!("deviations")), "{event}");
        let stored = app.db.rows("SELECT document FROM policy WHERE realm_id = $1 AND role_id IS NULL AND ended_at IS NULL",
            vec![RealmKey::MAIN.into()]).await;
        assert!(matches!(&stored[0][0], Row::Text(text) if text.contains("deviations")), "{stored:?}");
    }

    async fn whoever_may_not_assign_physician_cannot_change_its_policy(app: TestApp) {
        let mut keeper = keeper(&app).await;

        refused(&set(&mut keeper, &of("physician"), json!({ "idle_seconds": 3600 })).await, "physician");
        refused(&set(&mut keeper, &of("admin"), json!({ "networks": [] })).await, "admin");
        refused(&set(&mut keeper, &of("policy-keeper"), json!({})).await, "policy-keeper");
        // Charge nurses inherit what nurses must do.
        refused(&set(&mut keeper, &of("nurse"), json!({ "idle_seconds": 60 })).await, "charge-nurse");
        set(&mut keeper, &of("porter"), json!({ "idle_seconds": 60 })).await.expect(200);

        // Everybody's: stricter is anybody's who manages policies, looser that of whoever may give all that is sensitive.
        let realm = keeper.get(REALM).await.expect(200).json();
        assert_eq!(realm["idle_seconds"], 3600);
        let now = json!({ "idle_seconds": 1800, "absolute_seconds": 86_400, "access_token_seconds": 600 });
        set(&mut keeper, REALM, now.clone()).await.expect(200);
        for (field, looser) in [("idle_seconds", json!(1801)), ("access_token_seconds", json!(900)), ("absolute_seconds", json!(86_401)),
            ("step_up_seconds", json!(301)), ("password", json!({ "min_length": 8 }))] {
            let mut body = now.clone();
            body[field] = looser;
            let answer = set(&mut keeper, REALM, body).await;
            assert_eq!((answer.status, &answer.json()["missing"]), (403, &json!(["roles:assign"])), "{field}: {answer:?}");
        }
        // What is not said is the default: leaving it out may loosen too, and does not here.
        set(&mut keeper, REALM, json!({ "idle_seconds": 1800, "absolute_seconds": 3600 })).await.expect(200);
        refused(&set(&mut keeper, REALM, json!({ "idle_seconds": 1800 })).await, "");
        admin_sets(&app, REALM, json!({ "idle_seconds": 3600 })).await.expect(200);
    }

    async fn whoever_only_manages_policies_shuts_nobody_else_out(app: TestApp) {
        let mut keeper = keeper(&app).await;
        let now = json!({ "idle_seconds": 1800, "absolute_seconds": 86_400 });
        set(&mut keeper, REALM, now.clone()).await.expect(200);
        let with = |fields: Value| {
            let mut body = now.clone();
            body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
            body
        };
        let own = format!("{}/32", keeper.address.ip());

        for fields in [json!({ "networks": [own] }), json!({ "max_sessions": 1, "at_limit": "refuse" }), json!({ "at_limit": "refuse" })] {
            let answer = set(&mut keeper, REALM, with(fields.clone())).await;
            assert_eq!((answer.status, &answer.json()["missing"]), (403, &json!(["roles:assign"])), "{fields}: {answer:?}");
        }
        set(&mut keeper, REALM, with(json!({ "max_sessions": 3, "at_limit": "end_oldest" }))).await.expect(200);
        admin_sets(&app, REALM, with(json!({ "max_sessions": 3, "at_limit": "refuse", "networks": [own] }))).await.expect(200);
        // What is there already stays theirs to leave there.
        let stricter = with(json!({ "idle_seconds": 600, "max_sessions": 3, "at_limit": "refuse", "networks": [own] }));
        set(&mut keeper, REALM, stricter).await.expect(200);
    }

    async fn a_looser_role_never_loosens_and_the_strictest_names_itself(app: TestApp) {
        let mut admin = app.signed_in("admin").await;
        let nurse = effective(&app, &mut admin, "nurse").await;
        // Nurses inherit from clinical-staff, which asks for the same: between equals the first name.
        assert_eq!(nurse["idle_seconds"], json!({ "value": 900, "from": "role:clinical-staff" }));
        assert_eq!(nurse["absolute_seconds"], json!({ "value": 43_200, "from": "role:clinical-staff" }));
        assert_eq!(nurse["assurance"], json!({ "value": "aal1", "from": "floor" }));
        assert_eq!(nurse["max_sessions"], json!({ "value": null, "from": "floor" }));
        assert_eq!(nurse["networks"], json!({ "value": null, "from": "floor" }));
        assert_eq!(nurse["password"]["min_length"], json!({ "value": 15, "from": "floor" }));

        let porter = json!({ "name": "porter", "display_name": "Porter", "assignable_by": ["admin"] });
        admin.post("/api/v1/roles", &porter).await.expect(201);
        let loose = json!({ "idle_seconds": 3600, "absolute_seconds": 86_400, "assurance": "aal1", "step_up_seconds": 900, "max_sessions": 100,
            "at_limit": "end_oldest", "networks": ["0.0.0.0/0", "::/0"], "password": { "min_length": 8, "history": 0, "min_age_days": 0 } });
        set(&mut admin, &of("porter"), loose).await.expect(200);
        admin.give(&id(&app, "nurse").await, "porter", "/clinic-a").await.expect(201);
        let both = effective(&app, &mut admin, "nurse").await;
        for field in ["idle_seconds", "absolute_seconds", "assurance", "step_up_seconds", "at_limit", "password"] {
            assert_eq!(both[field], nurse[field], "{field}");
        }
        assert_eq!(both["max_sessions"], json!({ "value": 100, "from": "role:porter" }));

        set(&mut admin, &of("porter"), json!({ "idle_seconds": 120, "networks": ["192.0.2.0/24"] })).await.expect(200);
        set(&mut admin, &of("nurse"), json!({ "idle_seconds": 120, "networks": ["192.0.0.0/16"] })).await.expect(200);
        let both = effective(&app, &mut admin, "nurse").await;
        assert_eq!(both["idle_seconds"], json!({ "value": 120, "from": "role:nurse" }), "between equals the first name");
        assert_eq!(both["networks"], json!({ "value": ["192.0.2.0/24"], "from": "role:nurse role:porter" }));
    }

    async fn mfa_01_a_role_whose_policy_asks_for_two_factors_is_withheld_and_leads_to_enrolment(app: TestApp) {
        let mut nurse = app.signed_in("nurse").await;
        assert_eq!(nurse.get("/api/v1/session").await.expect(200).json()["withheld"], json!([]));
        admin_sets(&app, &of("nurse"), json!({ "assurance": "aal2" })).await.expect(200);

        assert_eq!(nurse.get("/api/v1/session").await.expect(200).json()["withheld"], json!(["nurse"]));
        let refreshed = nurse.refresh().await.expect(200).json();
        let claims = crate::claims(refreshed["access_token"].as_str().unwrap());
        assert_eq!((&refreshed["withheld"], &claims["roles"]), (&json!(["nurse"]), &json!([])));
        let next = app.browser().begin_sign_in("nurse", &app.password("main", "nurse")).await.expect(200);
        assert_eq!(next.json()["outcome"], "enrol_factor");

        let patient = app.browser().begin_sign_in("patient", &app.password("main", "patient")).await.expect(200);
        assert_eq!(patient.json()["outcome"], "signed_in");
        admin_sets(&app, REALM, json!({ "assurance": "aal2" })).await.expect(200);
        let patient = app.browser().begin_sign_in("patient", &app.password("main", "patient")).await.expect(200);
        assert_eq!(patient.json()["outcome"], "enrol_factor", "the realm asks everybody");
    }

    async fn ses_07_a_session_too_many_is_refused_after_everything_was_proved(app: TestApp) {
        admin_sets(&app, &of("nurse"), json!({ "max_sessions": 2, "at_limit": "refuse" })).await.expect(200);
        let password = app.password("main", "nurse");
        let (mut first, _second) = (app.signed_in("nurse").await, app.signed_in("nurse").await);
        let last = app.db.now().rfc3339();
        app.advance(seconds(1));

        let mut third = app.browser();
        let answer = third.begin_sign_in("nurse", &password).await;
        assert_eq!((answer.status, answer.code().as_str()), (409, "conflict"), "{answer:?}");
        assert!(answer.set_cookies().is_empty() && answer.json()["detail"].as_str().unwrap().contains("(2)"));
        assert_eq!(app.browser().begin_sign_in("nurse", "not the password at all").await.code(), "invalid-credentials");
        let event = app.events().await.into_iter().rfind(|event| event["reason"] == "session_limit").expect("an event");
        assert_eq!(event["type"], "authn_login_fail");
        let mut admin = app.signed_in("admin").await;
        let id = app.user_id(RealmKey::MAIN, "nurse").await;
        assert_eq!(admin.get(&format!("/api/v1/users/{id}")).await.json()["last_sign_in_at"], last, "a refusal is no sign-in");
        // The page says it too.
        let form = third.get("/sign-in").await;
        let fields = [("csrf", form.hidden("csrf")), ("identifier", "nurse".to_owned()), ("password", password.clone())];
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(third.form("/sign-in", &fields).await.status, 409);

        // Over the own session there is room: it is replaced.
        first.begin_sign_in("nurse", &password).await.expect(200);
        first.post_empty("/api/v1/sign-out").await.expect(204);
        third.begin_sign_in("nurse", &password).await.expect(200);
        assert_eq!(sessions(&app, "nurse").await.len(), 2);
    }

    async fn ses_07_the_oldest_session_ends_for_the_newest(app: TestApp) {
        admin_sets(&app, &of("nurse"), json!({ "max_sessions": 2, "at_limit": "end_oldest" })).await.expect(200);
        let mut first = app.signed_in("nurse").await;
        app.advance(seconds(1));
        let mut second = app.signed_in("nurse").await;
        app.advance(seconds(1));
        let mut third = app.signed_in("nurse").await;

        assert_eq!([first.me().await.status, second.me().await.status, third.me().await.status], [401, 200, 200]);
        assert_eq!(first.refresh().await.code(), "session-ended");
        let event = app.events().await.into_iter().rfind(|event| event["type"] == "session_ended").expect("an event");
        assert_eq!(event["reason"], "session_limit", "{event}");
        // Fewer are allowed now: the next sign-in makes room for itself.
        admin_sets(&app, &of("nurse"), json!({ "max_sessions": 1 })).await.expect(200);
        app.signed_in("nurse").await;
        assert_eq!([second.me().await.status, third.me().await.status], [401, 401]);
    }

    async fn ses_07_there_are_never_more_sessions_than_allowed_however_many_race(app: TestApp) {
        let mut admin = app.signed_in("admin").await;
        let listed = format!("/api/v1/users/{}/sessions", id(&app, "nurse").await);
        for at_limit in ["refuse", "end_oldest"] {
            set(&mut admin, &of("nurse"), json!({ "max_sessions": 3, "at_limit": at_limit })).await.expect(200);
            let password = app.password("main", "nurse");
            let answers = race(16, |_| {
                let (mut browser, password) = (app.browser(), password.clone());
                async move { browser.begin_sign_in("nurse", &password).await.status }
            }).await;

            // Some are told to wait, because so many try at a time.
            let signed_in = answers.iter().filter(|status| **status == 200).count();
            assert!(if at_limit == "refuse" { signed_in == 3 } else { signed_in > 3 }, "{at_limit}: {answers:?}");
            let there = admin.get(&listed).await.expect(200).json()["items"].as_array().unwrap().clone();
            assert_eq!(there.len(), 3, "{at_limit}");
            for session in there {
                admin.delete(&format!("{listed}/{}", session["id"].as_str().unwrap())).await.expect(204);
            }
        }
    }

    async fn from_outside_nobody_signs_in_nor_goes_on(app: TestApp) {
        let mut nurse = app.signed_in("nurse").await;
        let inside: std::net::SocketAddr = "198.51.100.9:4000".parse().unwrap();
        let outside = nurse.address;
        admin_sets(&app, &of("nurse"), json!({ "networks": ["198.51.100.0/24"] })).await.expect(200);
        let password = app.password("main", "nurse");

        let right = app.browser().begin_sign_in("nurse", &password).await;
        let wrong = app.browser().begin_sign_in("nurse", "not the password at all").await;
        assert_eq!((right.status, right.observable()), (401, wrong.observable()), "the same answer as a wrong password");
        let event = app.events().await.into_iter().rfind(|event| event["reason"] == "outside_network").expect("an event");
        assert_eq!(event["type"], "authn_login_fail");

        assert_eq!(nurse.me().await.code(), "not-signed-in");
        let token = nurse.cookie("refresh").unwrap();
        let answer = nurse.refresh().await;
        assert_eq!((answer.code().as_str(), answer.set_cookies().len()), ("session-ended", 2), "both cookies expire");
        // The session itself is as it was: whoever is back inside and kept the token goes on.
        nurse.address = inside;
        nurse.refresh_with(&token).await.expect(200);
        nurse.me().await.expect(200);
        nurse.address = outside;
        assert_eq!(nurse.me().await.status, 401);
        // Others are not concerned; somebody from within signs in.
        app.signed_in("patient").await;
        let mut colleague = app.browser();
        colleague.address = inside;
        colleague.begin_sign_in("nurse", &password).await.expect(200);
    }

    async fn a_right_password_from_outside_counts_as_a_wrong_one(app: TestApp) {
        admin_sets(&app, &of("nurse"), json!({ "networks": [] })).await.expect(200);
        let password = app.password("main", "nurse");
        let mut answers = Vec::new();
        for _ in 0..6 {
            answers.push(app.browser().begin_sign_in("nurse", &password).await.status);
        }

        assert_eq!(answers, [401, 401, 401, 401, 401, 429], "it clears no counter");
    }

    async fn nobody_locks_themselves_out(app: TestApp) {
        for networks in [json!([]), json!(["10.0.0.0/8"])] {
            for path in [REALM.to_owned(), of("admin")] {
                let answer = admin_sets(&app, &path, json!({ "networks": networks })).await;
                assert_eq!((answer.status, answer.code().as_str()), (409, "conflict"), "{answer:?}");
            }
        }
        admin_sets(&app, REALM, json!({ "networks": ["192.0.2.0/24"] })).await.expect(200);
        assert_eq!(app.count("policy_changed").await, 1);
    }

    async fn pw_17_passwords_follow_the_policy_of_realm_and_roles(app: TestApp) {
        let mut nurse = app.signed_in("nurse").await;
        let current = app.password("main", "nurse");
        let change = |current: &str, new: &str| json!({ "current_password": current, "new_password": new });
        async fn chosen(browser: &mut Browser, body: Value) -> Answer {
            browser.call(axum::http::Method::PUT, "/api/v1/me/password").json(&body).send().await
        }
        let code = |answer: &Answer| (answer.status, answer.json()["errors"][0]["code"].clone());

        admin_sets(&app, &of("nurse"), json!({ "password": { "min_length": 30, "preset": "classic", "min_age_days": 3 } })).await.expect(200);
        let short = chosen(&mut nurse, change(&current, "quiet herons at noon")).await;
        assert_eq!(code(&short), (422, json!("too_young")), "chosen the day before");
        app.advance(days(2));
        let mut nurse = app.signed_in("nurse").await;
        let short = chosen(&mut nurse, change(&current, "quiet herons at noon")).await;
        assert_eq!(code(&short), (422, json!("too_short")));
        admin_sets(&app, &of("nurse"), json!({})).await.expect(200);

        admin_sets(&app, REALM, json!({ "password": { "preset": "pci", "min_length": 20 } })).await.expect(200);
        let policy = app.browser().get("/api/v1/password-policy").await.expect(200).json();
        assert_eq!((&policy["min_length"], &policy["expires_after_days"]), (&json!(20), &json!(90)));
        assert!(policy["composition"].as_str().unwrap().contains("digit"), "{policy}");
        let letters = chosen(&mut nurse, change(&current, "quiet herons at noon")).await;
        assert_eq!(code(&letters), (422, json!("composition")));
        chosen(&mut nurse, change(&current, "quiet herons at noon 7")).await.expect(204);

        app.advance(days(89));
        let signed_in = app.browser().begin_sign_in("nurse", "quiet herons at noon 7").await.expect(200);
        assert_eq!(signed_in.json()["outcome"], "signed_in");
        app.advance(days(1));
        let expired = app.browser().begin_sign_in("nurse", "quiet herons at noon 7").await.expect(200).json();
        assert_eq!((&expired["outcome"], &expired["reason"]), (&json!("change_password"), &json!("expired")), "PCI-10");
    }

    async fn pw_16_the_last_four_passwords_are_not_chosen_again(app: TestApp) {
        let mut nurse = app.signed_in("nurse").await;
        let mut current = app.password("main", "nurse");
        let mut all = vec![current.clone()];
        for number in 1..=3 {
            let new = format!("heron number {number} stands in the reeds");
            all.push(new.clone());
            app.remember(&new);
            let body = json!({ "current_password": current, "new_password": new });
            nurse.call(axum::http::Method::PUT, "/api/v1/me/password").json(&body).send().await.expect(204);
            nurse.refresh().await;
            current = new;
        }
        let again = |current: &str, new: &str| json!({ "current_password": current, "new_password": new });
        for old in &all {
            let answer = nurse.call(axum::http::Method::PUT, "/api/v1/me/password").json(&again(&current, old)).send().await;
            assert_eq!((answer.status, &answer.json()["errors"][0]["code"]), (422, &json!("reused")), "{old}");
        }
        let fifth = "heron number 4 stands in the reeds";
        nurse.call(axum::http::Method::PUT, "/api/v1/me/password").json(&again(&current, fifth)).send().await.expect(204);
        nurse.call(axum::http::Method::PUT, "/api/v1/me/password").json(&again(fifth, &all[0])).send().await.expect(204);
    }
}

#[tokio::test]
async fn a_fresh_proof_is_as_fresh_as_the_policy_asks() {
    let app = TestApp::new().await;
    let mut admin = app.signed_in("admin").await;
    set(&mut admin, &of("admin"), json!({ "step_up_seconds": 60 })).await.expect(200);
    app.advance(seconds(60));
    set(&mut admin, &of("nurse"), json!({ "idle_seconds": 600 })).await.expect(200);
    app.advance(seconds(1));

    let answer = set(&mut admin, &of("nurse"), json!({ "idle_seconds": 700 })).await;
    assert_eq!((answer.status, answer.code().as_str()), (401, "insufficient-authentication"), "{answer:?}");
    assert_eq!(answer.json()["max_age"], 60);
}

#[tokio::test]
async fn outside_the_ceilings_is_refused_with_the_clause() {
    let app = TestApp::new().await;
    let mut admin = app.signed_in("admin").await;
    for (body, pointer, clause) in [
        (json!({ "access_token_seconds": 3601 }), "/access_token_seconds", "2.2"),
        (json!({ "idle_seconds": 59 }), "/idle_seconds", "60 to"),
        (json!({ "absolute_seconds": 2_592_001 }), "/absolute_seconds", "30 days"),
        (json!({ "step_up_seconds": 901 }), "/step_up_seconds", "ASVS 7.5.1"),
        (json!({ "max_sessions": 0 }), "/max_sessions", "SES-07"),
        (json!({ "assurance": "phrh" }), "/assurance", "passkeys"),
        (json!({ "networks": ["10.0.0.0/8", "10.0.0.1/8"] }), "/networks/1", "10.0.0.0/8"),
        (json!({ "password": { "min_length": 7 } }), "/password/min_length", "NIST SP 800-63B-4"),
        (json!({ "password": { "history": 25 } }), "/password/history", "2.1"),
    ] {
        for path in [REALM.to_owned(), of("nurse")] {
            let answer = set(&mut admin, &path, body.clone()).await;
            let error = &answer.json()["errors"][0];
            assert_eq!((answer.status, &error["pointer"]), (422, &json!(pointer)), "{answer:?}");
            assert!(error["detail"].as_str().unwrap().contains(clause), "{answer:?}");
        }
    }
    assert_eq!(app.count("policy_changed").await, 0);
}
