//! The console: who sees and is offered what, that its deeds are those of the API, and what a refusal says.

use domain::realm::RealmKey;
use domain::time::minutes;
use serde_json::Value;
use testkit::{Answer, Browser, TestApp};

use crate::pages::packed;

const SAME_SITE: [(&str, &str); 2] = [("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "navigate")];

/// Somebody at the console, whose browser says what caused each request.
pub(crate) async fn at_the_console(app: &TestApp, username: &str) -> Browser {
    let mut browser = app.signed_in(username).await;
    browser.bearer = None;
    browser.headers.extend(SAME_SITE.map(|(name, value)| (name.to_owned(), value.to_owned())));
    browser
}

/// Sends a form of a page with its token.
pub(crate) async fn send(browser: &mut Browser, page: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
    let csrf = browser.get(page).await.expect(200).hidden("csrf");
    let fields: Vec<_> = fields.iter().copied().chain([("csrf", csrf.as_str())]).collect();
    browser.form(path, &fields).await
}

pub(crate) async fn person(app: &TestApp, username: &str) -> (String, String) {
    let id = app.user_id(RealmKey::MAIN, username).await;
    (format!("/console/people/{id}"), id)
}

/// The events since a moment, without those of signing in and reading.
async fn since(app: &TestApp, known: usize) -> Vec<Value> {
    let quiet = ["authn_login_success", "session_created", "audit_read", "step_up"];
    let events = app.events().await.split_off(known);
    events.into_iter().filter(|event| !quiet.contains(&event["type"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn each_part_is_offered_to_those_who_may_see_it_and_to_no_other() {
    let app = TestApp::new().await;
    let parts = ["people", "units", "roles", "apis", "audit"];
    for (username, sees) in [
        ("admin", &parts[..]),
        ("auditor", &parts[..]),
        ("charge-nurse", &["people"][..]),
        // The log is read whole or not at all.
        ("clinic-a-admin", &["people", "units", "roles", "apis"][..]),
        ("nurse", &[][..]),
    ] {
        let mut browser = at_the_console(&app, username).await;
        let start = browser.get("/console").await;
        assert_eq!(start.status, if sees.is_empty() { 200 } else { 303 }, "{username}: {start:?}");
        assert_eq!(browser.get("/account").await.text.contains("href=\"/console\""), !sees.is_empty(), "{username}");
        let search = browser.get("/console/search").await.expect(200).text;
        for part in parts {
            let path = format!("/console/{part}");
            let may = sees.contains(&part);
            assert_eq!(browser.get(&path).await.status, if may { 200 } else { 403 }, "{username} at {path}");
            assert_eq!(search.contains(&format!("href=\"{path}\"")), may, "{username} is offered {path}");
        }
    }
}

#[tokio::test]
async fn whoever_is_not_signed_in_signs_in_and_comes_back() {
    let app = TestApp::new().await;
    let asked = app.browser().get("/console/audit?type=role_granted&outcome=denied").await.expect(303);

    let back = "/console/audit%3Ftype%3Drole_granted%26outcome%3Ddenied";
    assert_eq!(asked.header("location"), format!("/sign-in?return_to={back}"));
    let posted = app.browser().form("/console/people/new", &[("username", "x")]).await.expect(303);
    assert_eq!(posted.header("location"), "/sign-in?return_to=/console");
}

#[tokio::test]
async fn nothing_outside_of_ones_units_is_seen_or_done() {
    let app = TestApp::new().await;
    let mut manager = at_the_console(&app, "clinic-a-admin").await;
    let (inside, _) = person(&app, "ward3-nurse").await;
    let (outside, id) = person(&app, "nurse").await;
    let list = manager.get("/console/people").await.expect(200).text;
    assert!(list.contains("ward3-nurse") && !list.contains(&id), "{list}");
    let page = manager.get(&inside).await.expect(200).text;
    assert!(page.contains("id=\"give\"") && page.contains("/disable\""), "{page}");
    let csrf = manager.get("/console/people/new").await.expect(200).hidden("csrf");

    for path in ["", "/access", "/give", "/disable", "/enable", "/require-password"] {
        manager.get(&format!("{outside}{path}")).await.expect(404);
    }
    let give = [("role", "nurse"), ("unit", "/clinic-a"), ("reason", "because"), ("csrf", csrf.as_str())];
    for path in ["/give", "/disable", "/enable", "/require-password"] {
        manager.form(&format!("{outside}{path}"), &give).await.expect(404);
    }
    // Her own people, but in a unit that is not hers.
    let elsewhere = [("role", "nurse"), ("unit", "/clinic-b"), ("reason", "because"), ("csrf", csrf.as_str())];
    let refused = manager.form(&format!("{inside}/give"), &elsewhere).await.expect(403);
    assert!(refused.text.contains("You may not give Nurse here: /clinic-b."), "{}", refused.text);
    assert!(!refused.text.contains(" ask\""), "the question stays open");
    let offered = refused.text.split("id=\"unit\"").nth(1).unwrap().split("</select>").next().unwrap();
    assert!(offered.contains("/clinic-a/ward-3") && !offered.contains("/clinic-b"), "{offered}");
    let invite = [("display_name", "X"), ("username", "x.y"), ("email", "x@y.example"), ("unit", "/clinic-b")];
    let refused = send(&mut manager, "/console/people/new", "/console/people/new", &invite).await.expect(403);
    assert!(refused.text.contains("id=\"unit-error\""), "{}", refused.text);
    let unit = [("parent", "/clinic-b"), ("name", "Ward 9"), ("slug", "ward-9")];
    let refused = send(&mut manager, "/console/units/new", "/console/units/new", &unit).await.expect(403);
    assert!(refused.text.contains("id=\"parent-error\""), "{}", refused.text);
    manager.get("/console/roles/new").await.expect(403);
}

/// What the log says of somebody, oldest first, without what varies: ids and instants.
pub(crate) async fn essence(auditor: &mut Browser, id: &str) -> Vec<Value> {
    let list = auditor.get(&format!("/api/v1/audit/events?subject={id}&limit=200")).await.expect(200).json();
    let bare = |event: &Value| {
        let mut after = event["after"].clone();
        for varies in ["grant", "valid_from"] {
            after.as_object_mut().map(|fields| fields.remove(varies));
        }
        serde_json::json!([event["type"], event["outcome"], event["actor"]["name"], event["before"], after])
    };
    list["items"].as_array().unwrap().iter().rev().map(bare).collect()
}

#[tokio::test]
async fn h2_6_a_deed_at_the_console_leaves_the_events_of_the_same_deed_by_api() {
    let app = TestApp::new().await;
    let mut api = app.signed_in("admin").await;
    let (_, one) = person(&app, "nurse").await;
    let mut desk = at_the_console(&app, "admin").await;
    let (path, two) = person(&app, "billing").await;
    // Events of one instant have no order: those of before lie before.
    app.advance(minutes(1));
    let (of_one, of_two) = (essence(&mut api, &one).await.len(), essence(&mut api, &two).await.len());

    api.give(&one, "lab-technician", "/clinic-a").await.expect(201);
    let grant = api.grants(&one).await[0].clone();
    api.end_grant(&one, &grant).await.expect(200);
    for what in ["disable", "enable", "require-password-change", "reset-password", "lockdown"] {
        api.set(&one, what).await.expect(200);
    }
    let mut by_api = essence(&mut api, &one).await.split_off(of_one);

    let give = [("role", "lab-technician"), ("unit", "/clinic-a"), ("reason", "given by a test")];
    let done = send(&mut desk, &path, &format!("{path}/give"), &give).await.expect(303);
    assert_eq!(done.header("location"), format!("{path}?told=given"));
    let page = desk.get(&format!("{path}?told=given")).await.expect(200).text;
    assert!(page.contains("The role is given") && page.contains("Lab technician"), "{page}");
    let grant = api.grants(&two).await[0].clone();
    for (deed, reason, told) in [
        (format!("grants/{grant}/end"), "ended by a test", "end-grant"),
        ("disable".to_owned(), "said by a test", "disable"),
        ("enable".to_owned(), "said by a test", "enable"),
        ("require-password".to_owned(), "said by a test", "require-password"),
        ("reset-password".to_owned(), "said by a test", "reset-password"),
        ("lockdown".to_owned(), "said by a test", "lockdown"),
    ] {
        let ask = format!("{path}/{deed}");
        let done = send(&mut desk, &ask, &ask, &[("reason", reason)]).await.expect(303);
        assert_eq!(done.header("location"), format!("{path}?told={told}"));
        assert!(desk.get(done.header("location")).await.expect(200).text.contains("notice ok"), "{told}");
    }

    let mut by_console = essence(&mut api, &two).await.split_off(of_two);
    by_api.sort_by_key(Value::to_string);
    by_console.sort_by_key(Value::to_string);
    assert_eq!(by_console, by_api);
    assert_eq!(by_console.len(), 7, "{by_console:?}");
}

#[tokio::test]
async fn a_role_is_given_for_a_time_and_each_refusal_stands_at_its_field() {
    let app = TestApp::new().await;
    let mut desk = at_the_console(&app, "admin").await;
    let (path, _) = person(&app, "clinic-b-nurse").await;
    let give = format!("{path}/give");
    for (fields, status, field) in [
        ([("role", "nurse"), ("unit", "/nowhere"), ("valid_until", ""), ("reason", "because")], 422, "unit"),
        ([("role", "nobody"), ("unit", "/clinic-a"), ("valid_until", ""), ("reason", "because")], 422, "role"),
        ([("role", "nurse"), ("unit", "/clinic-a"), ("valid_until", ""), ("reason", "x")], 422, "reason"),
        (
            [("role", "nurse"), ("unit", "/clinic-a"), ("valid_until", "2020-01-01"), ("reason", "late")],
            422,
            "valid_until",
        ),
        ([("role", "nurse"), ("unit", "/clinic-a"), ("valid_until", "soon"), ("reason", "late")], 422, "valid_until"),
        ([("role", "nurse"), ("unit", "/clinic-b"), ("valid_until", ""), ("reason", "again")], 409, "role"),
    ] {
        let answer = send(&mut desk, &path, &give, &fields).await.expect(status);
        assert!(answer.text.contains(&format!("id=\"{field}-error\"")), "{fields:?}: {}", answer.text);
        assert!(answer.text.contains(&format!("value=\"{}\"", fields[3].1)), "what was typed is kept");
    }

    let until = [("role", "nurse"), ("unit", "/clinic-a"), ("valid_until", "2030-11-29"), ("reason", "cover")];
    send(&mut desk, &path, &give, &until).await.expect(303);
    let page = desk.get(&path).await.expect(200).text;
    assert!(page.contains("datetime=\"2030-11-29T23:59:59Z\">29 Nov 2030</time>"), "the whole of that day: {page}");
    // Nobody gives a role to themselves, so it is not offered; who posts it all the same is told.
    let (own, _) = person(&app, "admin").await;
    assert!(!desk.get(&own).await.expect(200).text.contains("id=\"give\""));
    let csrf = desk.get(&path).await.expect(200).hidden("csrf");
    let oneself = [("role", "nurse"), ("unit", "/"), ("reason", "because"), ("csrf", csrf.as_str())];
    desk.form(&format!("{own}/give"), &oneself).await.expect(403);
}

#[tokio::test]
async fn what_needs_a_fresh_sign_in_asks_for_it_and_keeps_what_was_entered() {
    let app = TestApp::new().await;
    let mut desk = at_the_console(&app, "admin").await;
    let (path, _) = person(&app, "clinic-b-nurse").await;
    app.advance(minutes(6));
    let fields = [("role", "nurse"), ("unit", "/clinic-a"), ("reason", "Übergabe & mehr")];

    let asked = send(&mut desk, &path, &format!("{path}/give"), &fields).await.expect(303);

    let confirm = asked.header("location").to_owned();
    assert!(confirm.starts_with("/account/confirm?return_to=/console/people/"), "{confirm}");
    let page = desk.get(&confirm).await.expect(200);
    let (code, to) = (app.code("main", "admin"), page.hidden("return_to").replace("&#38;", "&"));
    let proof = [("method", "totp"), ("code", code.as_str()), ("return_to", &to), ("csrf", &page.hidden("csrf"))];
    let back = desk.form("/account/confirm", &proof).await.expect(303).header("location").to_owned();
    let open = desk.get(&back).await.expect(200).text;
    assert!(open.contains("value=\"Übergabe &#38; mehr\"") && open.contains("value=\"/clinic-a\" selected"), "{open}");
    send(&mut desk, &path, &format!("{path}/give"), &fields).await.expect(303);
    assert!(desk.get(&path).await.text.contains("Übergabe &#38; mehr"));
}

#[tokio::test]
async fn the_last_administrator_stays_and_the_page_says_why() {
    let app = TestApp::new().await;
    let mut desk = at_the_console(&app, "admin").await;
    let (own, id) = person(&app, "admin").await;
    let page = desk.get(&own).await.expect(200).text;
    assert!(!page.contains("/disable\""), "nobody closes the door behind themselves: {page}");

    let ask = format!("{own}/disable");
    let refused = send(&mut desk, &ask, &ask, &[("reason", "leaving")]).await.expect(409);

    assert!(refused.text.contains("The last administrator stays"), "{}", refused.text);
    let grant = app.signed_in("admin").await.grants(&id).await[0].clone();
    let ask = format!("{own}/grants/{grant}/end");
    let refused = send(&mut desk, &ask, &ask, &[("reason", "leaving")]).await.expect(409);
    assert!(refused.text.contains("The last administrator stays"), "{}", refused.text);
    let (other, _) = person(&app, "nurse").await;
    let ask = format!("{other}/enable");
    let refused = send(&mut desk, &ask, &ask, &[("reason", "because")]).await.expect(409);
    assert!(refused.text.contains("Somebody was faster"), "{}", refused.text);
}

#[tokio::test]
async fn aud_01_a_refusal_is_recorded_unless_another_site_caused_it() {
    let app = TestApp::new().await;
    let mut nurse = at_the_console(&app, "nurse").await;
    let known = app.events().await.len();
    nurse.headers.insert("sec-fetch-site".to_owned(), "cross-site".to_owned());
    nurse.get("/console/people").await.expect(200);
    assert!(since(&app, known).await.is_empty());

    nurse.headers.extend(SAME_SITE.map(|(name, value)| (name.to_owned(), value.to_owned())));
    nurse.get("/console/people").await.expect(403);

    let events = since(&app, known).await;
    assert_eq!(
        (events.len(), &events[0]["type"], &events[0]["after"]["missing"]),
        (1, &Value::from("authz_fail"), &Value::from("users:read"))
    );
}

#[tokio::test]
async fn aud_01_another_site_makes_nobody_read_the_log() {
    let app = TestApp::new().await;
    let mut auditor = at_the_console(&app, "auditor").await;
    let (person, _) = person(&app, "nurse").await;
    let known = app.events().await.len();
    for (site, mode) in
        [("cross-site", "navigate"), ("same-site", "navigate"), ("cross-site", "no-cors"), ("none", "cors")]
    {
        auditor
            .headers
            .extend([("sec-fetch-site".to_owned(), site.to_owned()), ("sec-fetch-mode".to_owned(), mode.to_owned())]);
        for path in ["/console/audit?type=role_granted", &person] {
            let page = auditor.get(path).await.expect(200).text;
            assert!(page.contains(&format!("href=\"{path}\">Go on</a>")), "{site} {mode}: {page}");
            assert!(!page.contains("role_granted</code>") && !page.contains("Nurse"), "{site} {mode}: {page}");
        }
    }
    assert_eq!(app.events().await.len(), known, "nothing was read, so nothing is said to have been");

    auditor.headers.extend(SAME_SITE.map(|(name, value)| (name.to_owned(), value.to_owned())));
    auditor.get(&person).await.expect(200);

    assert_eq!(app.events().await.last().unwrap()["type"], "audit_read");
}

#[tokio::test]
async fn a_link_fills_in_no_form() {
    let app = TestApp::new().await;
    let (mut desk, mut other) = (at_the_console(&app, "admin").await, at_the_console(&app, "admin").await);
    let (path, _) = person(&app, "clinic-b-nurse").await;
    let forms = ["/give", "/disable", "/lockdown"].map(|deed| format!("{path}{deed}"));
    for form in forms.iter().map(String::as_str).chain(["/console/people/new"]) {
        for field in ["role=nurse", "unit=/clinic-a", "reason=planted", "email=x@y.example"] {
            desk.get(&format!("{form}?{field}")).await.expect(400);
        }
        let page = desk.get(&format!("{form}?kept=AAAA")).await.expect(200).text;
        assert!(!page.contains("planted"), "{page}");
    }
    // What the server itself kept is read in the same session, at the same form, and nowhere else.
    app.advance(minutes(6));
    let asked = send(&mut desk, &forms[1], &forms[1], &[("reason", "planted")]).await.expect(303);
    let kept = asked.header("location").split("kept%3D").nth(1).unwrap().to_owned();
    assert!(!asked.header("location").contains("planted"), "nor is it readable on its way");
    assert!(desk.get(&format!("{}?kept={kept}", forms[1])).await.expect(200).text.contains("value=\"planted\""));
    for (who, form) in [(&mut other, &forms[1]), (&mut desk, &forms[2])] {
        let page = who.get(&format!("{form}?kept={kept}")).await.expect(200).text;
        assert!(!page.contains("planted"), "{form}: {page}");
    }
}

#[tokio::test]
async fn a_role_is_made_and_changed_and_a_stale_form_overwrites_nothing() {
    let app = TestApp::new().await;
    let mut desk = at_the_console(&app, "admin").await;
    let new = "/console/roles/new";
    let fields = [
        ("name", "scribe"),
        ("display_name", "Scribe"),
        ("description", "Writes for physicians."),
        ("inherits clinical-staff", "on"),
        ("in clinic notes:write", "on"),
        ("by admin", "on"),
    ];

    let made = send(&mut desk, new, new, &fields).await.expect(303);

    assert_eq!(made.header("location"), "/console/roles/scribe?told=done");
    let page = desk.get("/console/roles/scribe?told=done").await.expect(200).text;
    for part in ["The role is changed", "Writes for physicians.", "Clinical staff", "/console/roles/scribe/change"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(send(&mut desk, new, new, &fields).await.expect(409).text.contains("id=\"name-error\""));
    let change = "/console/roles/scribe/change";
    let stale = desk.get(change).await.expect(200);
    assert!(stale.text.contains("name=\"in clinic notes:write\" checked"), "{}", stale.text);
    let version = stale.hidden("version");
    let first = [("version", version.as_str()), ("display_name", "Medical scribe"), ("by admin", "on")];
    send(&mut desk, change, change, &first).await.expect(303);
    let second = [("version", version.as_str()), ("display_name", "Writer"), ("by admin", "on")];
    let refused = send(&mut desk, change, change, &second).await.expect(412);
    assert!(refused.text.contains("Someone was faster") && refused.text.contains("value=\"Medical scribe\""));
    let role = app.signed_in("admin").await.get("/api/v1/roles/scribe").await.expect(200).json();
    assert_eq!((&role["display_name"], &role["permissions"]), (&"Medical scribe".into(), &serde_json::json!({})));
    // What would close a circle is not offered, and refused with its path.
    let staff = desk.get("/console/roles/clinical-staff/change").await.expect(200);
    assert!(!staff.text.contains("name=\"inherits nurse\""), "{}", staff.text);
    let circle = [
        ("version", staff.hidden("version")),
        ("display_name", "Clinical staff".to_owned()),
        ("inherits nurse", "on".to_owned()),
        ("by admin", "on".to_owned()),
    ];
    let circle: Vec<(&str, &str)> = circle.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let path = "/console/roles/clinical-staff/change";
    let refused = send(&mut desk, path, path, &circle).await.expect(422);
    assert!(refused.text.contains("cannot inherit like this"), "{}", refused.text);
}

#[tokio::test]
async fn a_unit_is_made_below_another_and_its_people_are_found_from_it() {
    let app = TestApp::new().await;
    let mut desk = at_the_console(&app, "admin").await;
    let new = "/console/units/new";
    for (fields, field) in [
        ([("parent", "/nowhere"), ("name", "Ward 9"), ("slug", "ward-9")], "parent"),
        ([("parent", "/clinic-a"), ("name", "Ward 9"), ("slug", "Ward 9")], "slug"),
        ([("parent", "/clinic-a"), ("name", " "), ("slug", "ward-9")], "name"),
    ] {
        let refused = send(&mut desk, new, new, &fields).await.expect(422);
        assert!(refused.text.contains(&format!("id=\"{field}-error\"")), "{fields:?}: {}", refused.text);
    }
    let fields = [("parent", "/clinic-a"), ("name", "Ward 9"), ("slug", "ward-9")];
    send(&mut desk, new, new, &fields).await.expect(303);
    send(&mut desk, new, new, &fields).await.expect(409);
    let page = desk.get("/console/units?told=made").await.expect(200).text;
    assert!(
        page.contains("Ward 9") && page.contains("/clinic-a/ward-9") && page.contains("The unit is made"),
        "{page}"
    );
}

#[tokio::test]
async fn somebody_is_invited_and_each_refusal_stands_at_its_field() {
    let app = TestApp::new().await;
    let mut desk = at_the_console(&app, "admin").await;
    let new = "/console/people/new";
    let good = [("display_name", "Lena Marsh"), ("username", "lena.marsh"), ("email", "l@m.example"), ("unit", "/")];
    for (name, value, field) in [
        ("display_name", "", "display_name"),
        ("username", "l", "username"),
        ("email", "nobody", "email"),
        ("unit", "/nowhere", "unit"),
        ("role", "nobody", "role"),
    ] {
        let mut fields: Vec<(&str, &str)> = good.iter().copied().filter(|(known, _)| *known != name).collect();
        fields.extend([(name, value), ("reason", "begins on Monday")]);
        let refused = send(&mut desk, new, new, &fields).await.expect(422);
        assert!(refused.text.contains(&format!("id=\"{field}-error\"")), "{name}: {}", refused.text);
    }
    let with_role: Vec<(&str, &str)> =
        good.iter().copied().chain([("role", "nurse"), ("reason", "begins on Monday")]).collect();

    let done = send(&mut desk, new, new, &with_role).await.expect(303);

    let page = desk.get(done.header("location")).await.expect(200).text;
    for part in ["Lena Marsh", "is invited", "lena.marsh", "begins on Monday", ">invited<"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(send(&mut desk, new, new, &good).await.expect(409).text.contains("id=\"username-error\""));
}

#[tokio::test]
async fn the_log_is_narrowed_and_one_event_is_read_with_before_and_after() {
    let app = TestApp::new().await;
    let mut auditor = at_the_console(&app, "auditor").await;
    let (_, id) = person(&app, "ward3-nurse").await;
    let path = format!("/console/audit?subject={id}&type=role_granted");

    let list = auditor.get(&path).await.expect(200).text;

    assert!(
        list.contains("the role Nurse in ") && list.contains("<code class=\"muted\">role_granted</code>"),
        "{list}"
    );
    let event = list.split("/console/audit/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let page = auditor.get(&format!("/console/audit/{event}")).await.expect(200).text;
    for part in ["<ins>nurse</ins>", "<ins>/clinic-a/ward-3</ins>", "in the log", &format!("/console/people/{id}")] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let read = app.events().await;
    assert_eq!(read.last().unwrap()["type"], "audit_read");
    let by_name = auditor.get("/console/audit?subject=ward3-nurse&type=role_granted").await.expect(200).text;
    assert!(by_name.contains(&event), "a username finds what its id finds");
    assert!(auditor.get("/console/audit?subject=tallmrk").await.expect(200).text.contains("Nobody is called tallmrk"));
    assert!(auditor.get("/console/audit?from=2001-01-01&to=2001-01-02").await.text.contains("No event matches"));
    for broken in ["type=x", "outcome=x", "from=x", "cursor=x", "x=y"] {
        auditor.get(&format!("/console/audit?{broken}")).await.expect(400);
    }
    auditor.get("/console/audit/00000000-0000-7000-8000-000000000000").await.expect(404);
    // Who reads is offered nothing that would change anything.
    let one = auditor.get(&format!("/console/people/{id}")).await.expect(200).text;
    assert!(!one.contains("<form method=\"post\"") && !one.contains("id=\"give\"") && !one.contains("/end\""), "{one}");
}

#[tokio::test]
async fn pages_of_a_list_go_on_by_cursor_and_end() {
    let app = TestApp::new().await;
    let mut admin = app.signed_in("admin").await;
    for number in 0..25 {
        let new =
            serde_json::json!({ "username": format!("p{number:03}"), "display_name": format!("Person {number:03}") });
        admin.post("/api/v1/users", &new).await.expect(201);
    }
    let mut desk = at_the_console(&app, "admin").await;
    let (mut path, mut seen) = ("/console/people".to_owned(), std::collections::BTreeSet::new());
    loop {
        let page = desk.get(&path).await.expect(200).text;
        let rows: Vec<&str> = page.split("<th scope=\"row\"><a href=\"").skip(1).collect();
        assert!((1..=20).contains(&rows.len()), "{}", rows.len());
        for row in rows {
            assert!(seen.insert(row.split('"').next().unwrap().to_owned()), "twice: {row}");
        }
        assert_eq!(page.contains("> First<") || page.contains(">First<"), path.contains("cursor"), "{path}");
        let Some(next) = page.split("cursor=").nth(1).map(|rest| rest.split('"').next().unwrap().to_owned()) else {
            break;
        };
        path = format!("/console/people?cursor={next}");
    }
    let all = app.db.dump(RealmKey::MAIN).await["user"].len();
    assert_eq!(seen.len(), all);
    let found = desk.get("/console/people?q=PERSON%20013&status=&mfa=&role=&unit=").await.expect(200).text;
    assert_eq!(found.matches("<th scope=\"row\"><a href=").count(), 1, "{found}");
    let ward = desk.get("/console/people?role=nurse&unit=/clinic-b&mfa=none").await.expect(200).text;
    assert!(ward.contains("clinic-b-nurse") && !ward.contains("ward3-nurse"), "{ward}");
    let none = desk.get("/console/people?q=tallmrk").await.expect(200).text;
    assert!(none.contains("No one matches tallmrk") && none.contains("Show everyone"), "{none}");
    let jump = desk.get("/console/search?q=person%20007").await.expect(200).text;
    assert!(jump.contains("Person 007") && jump.contains("p007"), "{jump}");
    for broken in ["status=x", "mfa=x", "unit=x", "x=y"] {
        desk.get(&format!("/console/people?{broken}")).await.expect(400);
    }
    desk.get("/console/people?cursor=%00").await.expect(400);
    desk.get("/console/people?cursor=x").await.expect(400);
}

#[tokio::test]
async fn who_holds_a_role_and_what_one_could_do_on_a_day_are_read() {
    let app = TestApp::new().await;
    let mut desk = at_the_console(&app, "admin").await;
    let members = desk.get("/console/roles/nurse/members").await.expect(200).text;
    for part in ["ward3-nurse", "clinic-b-nurse", "</svg> clinic-b"] {
        assert!(members.contains(part), "{part}: {members}");
    }
    assert!(!members.contains(">charge-nurse<"), "through another role is not listed");
    let (path, _) = person(&app, "ward3-nurse").await;
    let now = desk.get(&format!("{path}/access")).await.expect(200).text;
    let (why, _) =
        now.split_once("medications:administer").map(|(_, rest)| rest.split_once("</details>").unwrap()).unwrap();
    for part in ["holds", "<b>Nurse</b>", "in ward-3", "which it carries"] {
        assert!(why.contains(part), "{part}: {why}");
    }
    assert!(now.contains("which Nurse inherits from"));
    let before = desk.get(&format!("{path}/access?at=2001-01-01")).await.expect(200).text;
    assert!(before.contains("No right yet") && before.contains("1 Jan 2001"), "{before}");
    desk.get(&format!("{path}/access?at=x")).await.expect(400);
}

#[tokio::test]
async fn pages_of_the_console_stay_within_their_weight() {
    let app = TestApp::new().await;
    let mut desk = at_the_console(&app, "admin").await;
    let sheet = packed(&desk.get("/assets/bailiwick.css").await.text);
    let script = packed(&desk.get("/assets/console.js").await.text);
    let (path, _) = person(&app, "nurse").await;
    for page in [
        "/console/people",
        "/console/people/new",
        path.as_str(),
        &format!("{path}/access"),
        "/console/roles/nurse",
        "/console/roles/nurse/change",
        "/console/units",
        "/console/apis",
        "/console/audit",
        "/console/search?q=nurse",
    ] {
        let weight = packed(&desk.get(page).await.expect(200).text) + sheet + script;
        assert!(weight <= 12 * 1024, "{page}: {weight} bytes");
    }
}
