//! People as administrators find, change and delete them; by home unit, in a version, and what it leaves in the log.

use axum::http::Method;
use domain::realm::RealmKey;
use domain::time::minutes;
use serde_json::{Value, json};
use testkit::{Answer, Browser, TestApp, on_both_databases, race};

const HERON: &str = "the heron stands in the reeds";

async fn path(app: &TestApp, username: &str) -> String {
    format!("/api/v1/users/{}", app.user_id(RealmKey::MAIN, username).await)
}

fn names(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().unwrap();
    items.iter().map(|user| user["username"].as_str().unwrap_or("-").to_owned()).collect()
}

async fn found(caller: &mut Browser, query: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = caller.get(&format!("/api/v1/users?limit=2&{query}{cursor}")).await.expect(200).json();
        all.extend(names(&page));
        let Some(next) = page["next_cursor"].as_str() else { return all };
        cursor = format!("&cursor={next}");
    }
}

async fn invited(admin: &mut Browser, body: Value) -> String {
    let made = admin.post("/api/v1/users", &body).await.expect(201).json();
    format!("/api/v1/users/{}", made["id"].as_str().unwrap())
}

fn because() -> Value {
    json!({ "reason": "a test" })
}

fn is(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status, answer.code().as_str()), (status, code), "{answer:?}");
}

/// Subjects of the mail that waits for an address.
async fn mail(app: &TestApp, to: &str) -> Vec<String> {
    let all = service::mail::waiting(&app.app, RealmKey::MAIN).await.unwrap();
    all.into_iter().filter(|(mail, _)| mail.to == to).map(|(mail, _)| mail.subject).collect()
}

on_both_databases! {
    async fn people_are_found_by_the_beginning_of_each_name_once_and_in_one_order(app: TestApp) {
        let mut admin = app.signed_in("admin").await;
        for (username, display, family, email, external) in [
            ("zoe.quill", "Quentin Z", "Quill", "quartz@clinic.example", "QU-1"),
            ("quade", "Ada Lane", "Lane", "ada@clinic.example", "X-2"),
            ("b.one", "Bea One", "Quirk", "bea@clinic.example", "X-3"),
            ("c.one", "Cid One", "One", "QUOTE@clinic.example", "X-4"),
            ("d.one", "Dot One", "One", "dot@clinic.example", "qu-5"),
            ("e.one", "Eve One", "One", "eve@clinic.example", "QU-6"),
        ] {
            invited(&mut admin, json!({ "username": username, "display_name": display, "family_name": family, "email": email,
                "external_id": external, "unit": "/clinic-b" })).await;
        }

        let expected = ["zoe.quill", "b.one", "quade", "c.one"];
        for query in ["q=qu", "q=QU"] {
            let all = found(&mut admin, query).await;
            assert_eq!(all[..4], expected, "{query}");
        }
        assert_eq!(found(&mut admin, "q=qu").await[4..], ["d.one"], "an external id is compared as it is written");
        assert_eq!(found(&mut admin, "q=QU").await[4..], ["e.one"], "and somebody found already is not found again");
        // The whole of a large reach goes by columns, a small unit person by person: in the same order.
        assert_eq!(found(&mut admin, "q=qu&unit=/clinic-b").await, found(&mut admin, "q=qu").await);
        assert_eq!(found(&mut admin, "q=qu&status=invited").await, found(&mut admin, "q=qu").await);
        for nothing in ["q=qu&status=active", "q=qu&role=nurse", "q=qu&unit=/clinic-a", "q=qu&mfa=totp", "q=quz", "role=nobody", "q=%25", "q=_"] {
            assert_eq!(found(&mut admin, nothing).await, [""; 0], "{nothing}");
        }
        let nurses = found(&mut admin, "role=nurse").await;
        assert_eq!(nurses, ["clinic-b-nurse", "nurse", "ward3-nurse"]);
        assert_eq!(found(&mut admin, "role=nurse&unit=/clinic-a").await, ["ward3-nurse"]);
        let strong = found(&mut admin, "mfa=totp").await;
        assert!(strong.contains(&"admin".to_owned()) && !strong.contains(&"nurse".to_owned()), "{strong:?}");
        let weak = found(&mut admin, "mfa=none").await;
        let everybody = found(&mut admin, "").await;
        assert_eq!(strong.len() + weak.len(), everybody.len());
        for wrong in ["status=asleep", "unit=clinic", "mfa=sms", "limit=0", "cursor=bm8", &format!("q={}", "a".repeat(201))] {
            is(&admin.get(&format!("/api/v1/users?{wrong}")).await, 400, "malformed");
        }
    }

    async fn whoever_administers_an_office_finds_nobody_elsewhere_whatever_is_asked(app: TestApp) {
        let (mut admin, mut office) = (app.signed_in("admin").await, app.signed_in("clinic-a-admin").await);
        for username in ["nurse", "clinic-b-nurse", "ward3-nurse"] {
            app.signed_in(username).await;
        }
        let own = ["clinic-a-admin", "ward3-nurse", "ward7-physician"];
        for query in ["", "q=the", "unit=/", "unit=/clinic-a", "status=active", "q=the&unit=/clinic-a"] {
            assert_eq!(found(&mut office, query).await, own, "{query}");
        }
        for query in ["unit=/clinic-b", "q=clinic-b", "role=billing", "q=nurse"] {
            assert_eq!(found(&mut office, query).await, [""; 0], "{query}");
        }
        assert_eq!(found(&mut office, "role=nurse").await, ["ward3-nurse"]);
        let first = admin.get("/api/v1/users?limit=1").await.expect(200).json();
        let cursor = first["next_cursor"].as_str().unwrap();
        let after = names(&office.get(&format!("/api/v1/users?cursor={cursor}")).await.expect(200).json());
        assert!(after.iter().all(|name| own.contains(&name.as_str())), "a cursor of somebody else reaches no further: {after:?}");

        let sessions = office.get("/api/v1/sessions").await.expect(200).json();
        let people: Vec<&str> = sessions["items"].as_array().unwrap().iter().map(|s| s["user"].as_str().unwrap()).collect();
        let (inside, outside) =
            (app.user_id(RealmKey::MAIN, "ward3-nurse").await, app.user_id(RealmKey::MAIN, "nurse").await);
        assert!(people.contains(&inside.as_str()) && !people.contains(&outside.as_str()), "{people:?}");
        for (caller, of, count) in [(&mut office, &outside, 0), (&mut admin, &outside, 1)] {
            let page = caller.get(&format!("/api/v1/sessions?user={of}")).await.expect(200).json();
            assert_eq!(page["items"].as_array().unwrap().len(), count);
        }
        // Nobody is moved to where one may change nobody.
        let person = format!("/api/v1/users/{inside}");
        let tag = office.version(&person).await;
        for unit in ["/", "/clinic-b"] {
            let refused = office.patch(&person, &tag, &json!({ "unit": unit })).await.expect(403);
            assert_eq!(refused.json()["missing"], json!(["users:update"]));
        }
        let moved = office.patch(&person, &tag, &json!({ "unit": "/clinic-a/ward-7" })).await.expect(200).json();
        assert_eq!(moved["unit"], "/clinic-a/ward-7");
    }

    async fn a_person_is_changed_in_a_version_and_the_log_says_what(app: TestApp) {
        let mut admin = app.signed_in("admin").await;
        let person = path(&app, "nurse").await;
        let tag = admin.version(&person).await;
        is(&admin.call(Method::PATCH, &person).json(&json!({ "phone": "1" })).send().await, 428, "precondition-required");
        is(&admin.patch(&person, "\"999\"", &json!({ "phone": "1" })).await, 412, "changed-meanwhile");
        let body = json!({ "family_name": "Joy", "external_id": "E-7", "locale": null });
        let (changed, events) = app.events_while(admin.patch(&person, &tag, &body)).await;
        let changed = changed.expect(200);
        assert_ne!(changed.header("etag"), tag);
        assert_eq!(changed.json()["family_name"], "Joy");
        assert_eq!(events, ["user_updated"]);
        let event = app.events().await.pop().unwrap();
        assert_eq!(event["changed"], json!(["external_id", "family_name"]));
        let (same, events) = app.events_while(admin.patch(&person, changed.header("etag"), &body)).await;
        assert_eq!(same.expect(200).header("etag"), changed.header("etag"));
        assert_eq!(events, [""; 0], "what changes nothing leaves no event");

        let wrong = admin.patch(&person, changed.header("etag"), &json!({ "attributes": { "npi": "12", "shoe": 43 } })).await;
        let pointers: Vec<String> =
            wrong.expect(422).json()["errors"].as_array().unwrap().iter().map(|e| e["pointer"].as_str().unwrap().to_owned()).collect();
        assert_eq!(pointers, ["/attributes/npi", "/attributes/shoe"]);
        let right = admin.patch(&person, changed.header("etag"), &json!({ "attributes": { "npi": "1234567893" } })).await;
        assert_eq!(right.expect(200).json()["attributes"], json!({ "npi": "1234567893" }));
    }

    async fn a_username_is_given_once_and_looks_like_no_other(app: TestApp) {
        let mut admin = app.signed_in("admin").await;
        invited(&mut admin, json!({ "username": "jos\u{e9}", "display_name": "José" })).await;
        let person = path(&app, "nurse").await;
        let name = format!("{person}/username");
        let tag = admin.version(&person).await;
        for (wrong, status) in [
            ("jose\u{301}".to_owned(), 409),
            ("admin".to_owned(), 409),
            ("nurs\u{435}.joy".to_owned(), 422),
            ("a".repeat(10_000), 422),
            ("nurse\u{7}".to_owned(), 422),
            ("nurse\u{202e}x".to_owned(), 422),
        ] {
            let answer = admin.put(&name, &tag, &json!({ "username": wrong })).await.expect(status);
            assert_eq!(answer.json()["errors"][0]["pointer"], "/username");
        }
        is(&admin.call(Method::PUT, &name).json(&json!({ "username": "joy" })).send().await, 428, "precondition-required");
        let (renamed, events) = app.events_while(admin.put(&name, &tag, &json!({ "username": "Joy" }))).await;
        assert_eq!((renamed.expect(200).json()["username"].clone(), events), (json!("joy"), vec!["user_updated".to_owned()]));
        app.browser().sign_in_with("joy", &app.password("main", "nurse")).await.expect(200);
        app.browser().sign_in_with("nurse", &app.password("main", "nurse")).await.expect(401);
    }

    async fn acc_01_a_deleted_person_leaves_a_tombstone_and_nothing_else(app: TestApp) {
        let (mut admin, mut nurse) = (app.signed_in("admin").await, app.signed_in("nurse").await);
        let person = path(&app, "nurse").await;
        let tag = admin.version(&person).await;
        is(&admin.delete(&person).await, 428, "precondition-required");
        is(&admin.delete_in(&person, "\"999\"").await, 412, "changed-meanwhile");
        let (gone, events) = app.events_while(admin.delete_in(&person, &tag)).await;
        gone.expect(204);
        assert_eq!(events, ["role_revoked", "session_ended", "user_deleted"]);

        assert_eq!(nurse.me().await.status, 401, "at once");
        assert_eq!(nurse.refresh().await.status, 401);
        app.browser().sign_in_with("nurse", &app.password("main", "nurse")).await.expect(401);
        let grave = admin.get(&person).await.expect(200).json();
        assert_eq!((&grave["status"], &grave["username"], &grave["email"]), (&json!("deleted"), &Value::Null, &Value::Null));
        assert_eq!((&grave["roles"], &grave["mfa"], &grave["attributes"]), (&json!([]), &json!([]), &json!({})));
        let user_rows = app.values().await.into_iter().filter(|(table, _)| ["user", "address", "session"].contains(&table.as_str()));
        let left = user_rows.filter(|(_, bytes)| String::from_utf8_lossy(bytes).eq("nurse@clinic.example")).count();
        assert_eq!(left, 0);
        assert!(!found(&mut admin, "").await.contains(&"-".to_owned()), "listed only when asked for");
        assert_eq!(found(&mut admin, "status=deleted").await, ["-"]);
        for (method, path, body) in [
            (Method::PATCH, person.clone(), json!({ "phone": "1" })),
            (Method::PUT, format!("{person}/username"), json!({ "username": "ghost" })),
            (Method::POST, format!("{person}/enable"), because()),
            (Method::POST, format!("{person}/lockdown"), because()),
            (Method::POST, format!("{person}/activation-code"), because()),
            (Method::DELETE, person.clone(), json!({})),
        ] {
            let answer = admin.call(method.clone(), &path).header("if-match", "\"1\"").json(&body).send().await;
            assert!([404, 409].contains(&answer.status), "{method} {path}: {answer:?}");
        }
        let again = invited(&mut admin, json!({ "username": "nurse", "display_name": "Another", "email": "nurse@clinic.example" })).await;
        assert_ne!(again, person, "the same name is another person");
    }

    async fn an_address_counts_once_its_link_was_used_and_the_old_one_is_told(app: TestApp) {
        let (mut admin, mut nurse) = (app.signed_in("admin").await, app.signed_in("nurse").await);
        let person = path(&app, "nurse").await;
        let (old, new) = ("nurse@clinic.example", "joy@clinic.example");
        let change = format!("{person}/email");
        let tag = admin.version(&person).await;
        is(&admin.call(Method::PUT, &change).json(&json!({ "email": new })).send().await, 428, "precondition-required");
        let (changed, events) = app.events_while(admin.put(&change, &tag, &json!({ "email": new }))).await;
        let changed = changed.expect(200).json();
        assert_eq!((&changed["email"], &changed["email_verified"]), (&json!(new), &json!(false)));
        assert_eq!(events, ["user_updated"]);
        assert_eq!(mail(&app, old).await, ["Your e-mail address was changed"]);

        let link = app.link(RealmKey::MAIN, new).await;
        is(&app.browser().choose(&link, HERON).await, 400, "token-refused");
        let confirm = json!({ "token": link });
        let (answer, events) = app.events_while(app.browser().post("/api/v1/email/confirm", &confirm)).await;
        answer.expect(204);
        assert_eq!(events, ["user_updated"]);
        is(&app.browser().post("/api/v1/email/confirm", &confirm).await, 400, "token-refused");
        assert_eq!(admin.get(&person).await.json()["email_verified"], true);

        // One's own: nothing changes before the link is used, which a page does too.
        let body = json!({ "email": "joy@home.example" });
        nurse.call(Method::PUT, "/api/v1/me/email").json(&body).send().await.expect(202);
        assert_eq!(nurse.me().await.json()["email"], new);
        assert!(mail(&app, new).await.contains(&"Another e-mail address for your account".to_owned()));
        let link = app.link(RealmKey::MAIN, "joy@home.example").await;
        let mut browser = app.browser();
        browser.get(&format!("/confirm-email?token={link}")).await.expect(303);
        let csrf = browser.get("/confirm-email").await.expect(200).hidden("csrf");
        assert_eq!(nurse.me().await.json()["email"], new, "looking confirms nothing");
        browser.form("/confirm-email", &[("csrf", &csrf)]).await.expect(200);
        let me = nurse.me().await.json();
        assert_eq!((&me["email"], &me["email_verified"]), (&json!("joy@home.example"), &json!(true)));
        app.browser().get("/confirm-email").await.expect(400);
    }

    async fn acc_06_notices_go_to_every_address_that_was_confirmed(app: TestApp) {
        let mut nurse = app.signed_in("nurse").await;
        for address in ["one@home.example", "two@home.example", "three@home.example"] {
            let made = nurse.post("/api/v1/me/addresses", &json!({ "email": address })).await.expect(201).json();
            assert_eq!(made["verified"], false);
        }
        is(&nurse.post("/api/v1/me/addresses", &json!({ "email": "ONE@home.example" })).await, 409, "conflict");
        for address in ["one@home.example", "two@home.example"] {
            let token = app.link(RealmKey::MAIN, address).await;
            app.browser().post("/api/v1/email/confirm", &json!({ "token": token })).await.expect(204);
        }
        nurse.post("/api/v1/me/addresses", &json!({ "email": "four@home.example" })).await.expect(201);

        for told in ["nurse@clinic.example", "one@home.example", "two@home.example"] {
            assert!(mail(&app, told).await.contains(&"An address for notices was added".to_owned()), "{told}");
        }
        assert_eq!(mail(&app, "three@home.example").await, ["Confirm your address"], "not confirmed, not told");
        let mut admin = app.signed_in("admin").await;
        let list = format!("{}/addresses", path(&app, "nurse").await);
        let all = admin.get(&list).await.expect(200).json();
        assert_eq!(all["items"].as_array().unwrap().len(), 4);
        let first = all["items"][0]["id"].as_str().unwrap();
        let other = path(&app, "physician").await;
        assert_eq!(admin.delete(&format!("{other}/addresses/{first}")).await.status, 404, "somebody else's");
        let (gone, events) = app.events_while(admin.delete(&format!("{list}/{first}"))).await;
        gone.expect(204);
        assert_eq!(events, ["user_updated"]);
    }

    async fn after_a_lockdown_only_a_new_password_opens_the_account(app: TestApp) {
        let (mut admin, mut nurse) = (app.signed_in("admin").await, app.signed_in("nurse").await);
        let person = path(&app, "nurse").await;
        let id = person.rsplit('/').next().unwrap().to_owned();
        let (locked, events) = app.events_while(admin.set(&id, "lockdown")).await;
        assert_eq!(locked.expect(200).json()["status"], "disabled");
        assert_eq!(events, ["session_ended", "user_locked_down"]);
        assert_eq!(nurse.me().await.status, 401);
        is(&admin.set(&id, "lockdown").await, 409, "conflict");
        is(&admin.set(&id, "reset-password").await, 409, "conflict");

        let mails = app.mails().await;
        assert_eq!(admin.set(&id, "enable").await.expect(200).json()["status"], "invited");
        assert_eq!(app.mails().await, mails, "the address may be the intruder's: no link by itself");
        app.browser().sign_in_with("nurse", &app.password("main", "nurse")).await.expect(401);
        admin.set(&id, "reset-password").await.expect(200);
        let link = app.link(RealmKey::MAIN, "nurse@clinic.example").await;
        app.browser().choose(&link, HERON).await.expect(204);
        app.browser().sign_in_with("nurse", HERON).await.expect(200);
    }

    async fn a_printed_code_opens_nothing_that_whoever_made_it_could_not_give(app: TestApp) {
        let (mut admin, mut clerk) = (app.signed_in("admin").await, app.signed_in("records-clerk").await);
        let doctor = invited(&mut admin, json!({ "username": "dr.new", "display_name": "Dr New" })).await;
        let id = doctor.rsplit('/').next().unwrap().to_owned();
        let code = clerk.post(&format!("{doctor}/activation-code"), &because()).await.expect(201).json()["code"].as_str().unwrap().to_owned();
        app.remember(&code);
        admin.give(&id, "physician", "/").await.expect(201);

        is(&app.browser().choose(&code, HERON).await, 400, "token-refused");

        // Nor is a code of somebody who is disabled worth anything; one of an administrator is.
        let code = admin.post(&format!("{doctor}/activation-code"), &because()).await.expect(201).json()["code"].as_str().unwrap().to_owned();
        app.remember(&code);
        app.browser().choose(&code, HERON).await.expect(204);
    }

    async fn an_invitation_opens_nothing_that_whoever_sent_it_could_not_give(app: TestApp) {
        let (mut admin, mut clerk) = (app.signed_in("admin").await, app.signed_in("records-clerk").await);
        let new = json!({ "username": "dr.new", "display_name": "Dr New", "email": "clerk@elsewhere.example" });
        let doctor = invited(&mut clerk, new).await;
        let link = app.link(RealmKey::MAIN, "clerk@elsewhere.example").await;
        admin.give(doctor.rsplit('/').next().unwrap(), "physician", "/").await.expect(201);

        is(&app.browser().choose(&link, HERON).await, 400, "token-refused");

        assert_eq!(admin.get(&doctor).await.expect(200).json()["status"], "invited");
        // Sent again by somebody who may give that role, it opens.
        app.advance(minutes(1));
        admin.post(&format!("{doctor}/reset-password"), &because()).await.expect(200);
        let link = app.link(RealmKey::MAIN, "clerk@elsewhere.example").await;
        app.browser().choose(&link, HERON).await.expect(204);
    }

    async fn acc_01_a_tombstone_leaves_no_name_of_a_device_and_no_mail(app: TestApp) {
        let mut admin = app.signed_in("admin").await;
        let sign_in = |name: &str| json!({ "identifier": name, "password": app.password("main", name), "device_label": format!("Phone of {name}") });
        for name in ["nurse", "billing"] {
            app.browser().post("/api/v1/sign-in", &sign_in(name)).await.expect(200);
            admin.post(&format!("{}/reset-password", path(&app, name).await), &because()).await.expect(200);
        }
        let labels = async |name: &str| {
            let label = format!("Phone of {name}");
            let kept = ["device", "session", "sign_in_transaction"];
            let all = app.values().await.into_iter().filter(|(table, _)| kept.contains(&table.as_str()));
            all.filter(|(_, bytes)| String::from_utf8_lossy(bytes) == label).count()
        };
        assert!(labels("nurse").await >= 2 && mail(&app, "nurse@clinic.example").await.len() == 1);
        let person = path(&app, "nurse").await;
        let tag = admin.version(&person).await;

        admin.delete_in(&person, &tag).await.expect(204);

        assert_eq!((labels("nurse").await, mail(&app, "nurse@clinic.example").await), (0, vec![]));
        assert!(labels("billing").await >= 2 && mail(&app, "billing@clinic.example").await.len() == 1, "of nobody else");
    }

    async fn a_new_password_and_signing_out_everywhere_void_links_that_are_under_way(app: TestApp) {
        // The password last: it cannot be set back (PW-16).
        for what in ["everywhere", "password"] {
            let mut nurse = app.signed_in("nurse").await;
            let password = app.password("main", "nurse");
            let evil = json!({ "email": format!("{what}@evil.example") });
            nurse.call(Method::PUT, "/api/v1/me/email").json(&evil).send().await.expect(202);
            let link = app.link(RealmKey::MAIN, &format!("{what}@evil.example")).await;
            if what == "password" {
                let body = json!({ "current_password": password, "new_password": HERON });
                app.remember(HERON);
                nurse.call(Method::PUT, "/api/v1/me/password").json(&body).send().await.expect(204);
            } else {
                nurse.post_empty("/api/v1/sign-out/everywhere").await.expect(204);
            }
            let used = app.browser().post("/api/v1/email/confirm", &json!({ "token": link })).await;
            is(&used, 400, "token-refused");
        }
    }

    async fn nobody_makes_us_a_relay(app: TestApp) {
        let mut nurse = app.signed_in("nurse").await;
        for number in 0..6 {
            let body = json!({ "email": format!("victim-{number}@example.org") });
            let answer = nurse.call(Method::PUT, "/api/v1/me/email").json(&body).send().await;
            assert_eq!(answer.status, if number < 5 { 202 } else { 409 }, "{answer:?}");
        }
    }

    async fn a_printed_code_is_shown_once_and_used_once(app: TestApp) {
        let mut admin = app.signed_in("admin").await;
        let person = invited(&mut admin, json!({ "username": "ward.clerk", "display_name": "Ward Clerk" })).await;
        let issue = format!("{person}/activation-code");
        let first = admin.post(&issue, &because()).await.expect(201).json()["code"].as_str().unwrap().to_owned();
        let (second, events) = app.events_while(admin.post(&issue, &because())).await;
        let second = second.expect(201).json()["code"].as_str().unwrap().to_owned();
        assert_eq!(events, ["activation_code_issued"]);
        is(&app.browser().choose(&first, HERON).await, 400, "token-refused");
        let typed = second.to_lowercase().replace('-', " ");
        app.browser().choose(&typed, HERON).await.expect(204);
        is(&app.browser().choose(&second, HERON).await, 400, "token-refused");
        app.browser().sign_in_with("ward.clerk", HERON).await.expect(200);
        for code in [first, second] {
            assert!(app.values().await.iter().all(|(_, bytes)| !String::from_utf8_lossy(bytes).contains(&code)));
        }
        let (reset, events) = app.events_while(admin.post(&format!("{person}/reset-password"), &because())).await;
        is(&reset, 409, "conflict");
        assert_eq!(events, [""; 0]);
    }

    async fn unlocking_lifts_the_wait_of_wrong_passwords(app: TestApp) {
        let mut admin = app.signed_in("admin").await;
        for _ in 0..6 {
            app.browser().sign_in_with("nurse", "wrong").await;
        }
        let right = app.password("main", "nurse");
        app.browser().sign_in_with("nurse", &right).await.expect(429);
        let (unlocked, events) = app.events_while(admin.set(&app.user_id(RealmKey::MAIN, "nurse").await, "unlock")).await;
        unlocked.expect(200);
        assert_eq!(events, ["user_unlocked"]);
        app.browser().sign_in_with("nurse", &right).await.expect(200);
    }

    async fn of_sixteen_who_delete_somebody_one_does(app: TestApp) {
        let admin = app.signed_in("admin").await;
        let person = path(&app, "nurse").await;
        let tag = admin.clone().version(&person).await;
        let answers = race(16, |_| {
            let (mut admin, person, tag) = (admin.clone(), person.clone(), tag.clone());
            async move { admin.delete_in(&person, &tag).await.status }
        }).await;
        assert_eq!(answers.iter().filter(|status| **status == 204).count(), 1, "{answers:?}");
        assert!(answers.iter().all(|status| [204, 404].contains(status)), "{answers:?}");
        assert_eq!(app.count("user_deleted").await, 1);
    }

    async fn of_sixteen_who_change_an_address_in_one_version_one_does(app: TestApp) {
        let admin = app.signed_in("admin").await;
        let person = path(&app, "nurse").await;
        let tag = admin.clone().version(&person).await;
        let answers = race(16, |number| {
            let (mut admin, path, tag) = (admin.clone(), format!("{person}/email"), tag.clone());
            let body = json!({ "email": format!("joy{number}@clinic.example") });
            async move { admin.put(&path, &tag, &body).await.status }
        }).await;
        assert_eq!(answers.iter().filter(|status| **status == 200).count(), 1, "{answers:?}");
        assert!(answers.iter().all(|status| [200, 412].contains(status)), "{answers:?}");
    }

    async fn of_sixteen_who_take_a_username_one_gets_it(app: TestApp) {
        let mut admin = app.signed_in("admin").await;
        let mut people = Vec::new();
        for number in 0..16 {
            let name = format!("taker{number}");
            people.push(invited(&mut admin, json!({ "username": name, "display_name": name })).await);
        }
        let answers = race(16, |number| {
            let (mut admin, path) = (admin.clone(), format!("{}/username", people[number]));
            async move { admin.put(&path, "\"1\"", &json!({ "username": "the.one" })).await.status }
        }).await;
        assert_eq!(answers.iter().filter(|status| **status == 200).count(), 1, "{answers:?}");
        assert!(answers.iter().all(|status| [200, 409].contains(status)), "{answers:?}");
    }

    async fn lockdown_and_enabling_at_once_end_in_one_of_both_and_the_old_password_opens_nothing(app: TestApp) {
        let mut admin = app.signed_in("admin").await;
        let id = app.user_id(RealmKey::MAIN, "nurse").await;
        admin.set(&id, "disable").await.expect(200);
        race(16, |number| {
            let (mut admin, id) = (admin.clone(), id.clone());
            async move { admin.set(&id, if number % 2 == 0 { "lockdown" } else { "enable" }).await.status }
        }).await;
        app.browser().sign_in_with("nurse", &app.password("main", "nurse")).await.expect(401);
        let status = admin.get(&format!("/api/v1/users/{id}")).await.json()["status"].clone();
        assert!(["disabled", "invited"].contains(&status.as_str().unwrap()), "{status}");
    }

    async fn administrators_who_delete_and_lock_each_other_leave_one(app: TestApp) {
        let mut admin = app.signed_in("admin").await;
        let person = path(&app, "admin").await;
        let tag = admin.version(&person).await;
        is(&admin.delete_in(&person, &tag).await, 409, "conflict");
        is(&admin.set(person.rsplit('/').next().unwrap(), "lockdown").await, 409, "conflict");
        let other = app.user_id(RealmKey::MAIN, "physician").await;
        admin.give(&other, "admin", "/").await.expect(201);
        let physician = app.signed_in("physician").await;
        let (tag, own) = (admin.version(&person).await, person.rsplit('/').next().unwrap().to_owned());
        race(16, |number| {
            let (mut admin, mut physician, tag) = (admin.clone(), physician.clone(), tag.clone());
            let (person, own, other) = (person.clone(), own.clone(), other.clone());
            async move {
                match number % 4 {
                    0 => physician.delete_in(&person, &tag).await,
                    1 => physician.set(&own, "lockdown").await,
                    2 => admin.set(&other, "lockdown").await,
                    _ => admin.set(&other, "disable").await,
                }
            }
        }).await;
        let alive = async |browser: &Browser| browser.clone().me().await.status == 200;
        assert!(alive(&admin).await || alive(&physician).await, "somebody administers still");
        assert!(!(alive(&admin).await && alive(&physician).await), "and one of both was stopped");
    }
}

#[tokio::test]
async fn who_may_not_give_all_roles_of_a_person_takes_no_account_over() {
    let app = TestApp::new().await;
    let mut clerk = app.signed_in("records-clerk").await;
    let person = path(&app, "admin").await;
    let (mut refused, mut tried) = (0, 0);
    for (method, what, body) in [
        (Method::PATCH, "", json!({ "phone": "1" })),
        (Method::PUT, "/username", json!({ "username": "taken.over" })),
        (Method::PUT, "/email", json!({ "email": "clerk@clinic.example" })),
        (Method::POST, "/addresses", json!({ "email": "clerk@clinic.example" })),
        (Method::POST, "/activation-code", because()),
        (Method::POST, "/reset-password", because()),
        (Method::DELETE, "", json!({})),
    ] {
        let answer =
            clerk.call(method, &format!("{person}{what}")).header("if-match", "\"1\"").json(&body).send().await;
        assert!([401, 403].contains(&answer.status), "{what}: {answer:?}");
        tried += 1;
        refused += usize::from(answer.status == 403);
    }
    assert!(tried == 7 && refused > 0, "{refused}");
}
