//! Every route × what caused the request × which cookies came along, generated from what is mounted (WEB-03, WEB-05, SES-10, SES-12).

use std::collections::{BTreeMap, BTreeSet};

use axum::http::Method;
use domain::realm::RealmKey;
use domain::time::minutes;
use store::token::Purpose;
use testkit::browser::encode;
use testkit::db::Dump;
use testkit::{Answer, Browser, TestApp};
use web::table::{Access, Endpoint};

const OURS: &str = "https://id.example.org";
const LISTED: &str = "https://app.example.org";
const NOTHING: &str = "00000000-0000-7000-8000-000000000000";
const FORM: &str = "application/x-www-form-urlencoded";

type Headers = &'static [(&'static str, &'static str)];

/// What another site's pages can make a browser send.
const FOREIGN: &[Headers] = &[
    &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")],
    &[("sec-fetch-site", "cross-site"), ("origin", "null")],
    &[("sec-fetch-site", "same-site"), ("origin", "https://evil.example.org")],
    &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")],
    &[("origin", "https://evil.example")],
    &[("origin", "null")],
];

/// And what ours, a listed one's, and no browser send.
const OTHERS: &[Headers] = &[
    &[],
    &[("sec-fetch-site", "same-origin"), ("origin", OURS)],
    &[("sec-fetch-site", "cross-site"), ("origin", LISTED)],
];

async fn app() -> TestApp {
    TestApp::new().await.node(|_, config| config.origins = vec![LISTED.to_owned()])
}

fn caused(browser: &Browser, headers: &[(&str, &str)]) -> Browser {
    let mut browser = browser.clone();
    browser.headers.extend(headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    browser
}

fn name(endpoint: &Endpoint) -> String {
    format!("{} {}", endpoint.method, endpoint.path)
}

/// A path of an endpoint: things that do not exist.
fn path(endpoint: &Endpoint) -> String {
    let path = endpoint.path.replace("{name}", "nurse").replace("{file}", "style.css").replace("{code}", "forbidden");
    ["{id}", "{grant}", "{session}", "{factor}"].iter().fold(path, |path, part| path.replace(part, NOTHING))
}

async fn send(browser: &mut Browser, endpoint: &Endpoint) -> Answer {
    let call = browser.call(endpoint.method.clone(), &path(endpoint)).without_bearer();
    match (endpoint.method.is_safe(), endpoint.json) {
        (true, _) => call.send().await,
        (false, true) => call.text("application/json", "{}").send().await,
        (false, false) => call.text(FORM, format!("identifier=nurse&id={NOTHING}")).send().await,
    }
}

/// Somebody who has every cookie: signed in, on a device, with a sign-in in progress beside it.
async fn with_every_cookie(app: &TestApp, username: &str) -> Browser {
    let mut browser = app.signed_in(username).await;
    browser.get("/sign-in").await.expect(200);
    assert_eq!(browser.cookies.len(), 4, "{:?}", browser.cookies);
    browser
}

/// The jar with some of its cookies.
fn only(browser: &Browser, shorts: &[&str]) -> Browser {
    let mut some = browser.clone();
    some.bearer = None;
    some.cookies.retain(|name, _| shorts.iter().any(|short| *name == browser.cookie_name(short)));
    some
}

/// All rows but the audit log's and those that count refusals.
fn state(mut dump: Dump) -> Dump {
    dump.retain(|table, _| !table.starts_with("audit") && table != "throttle" && table != "counter");
    dump
}

#[tokio::test]
async fn web_03_nothing_changes_whatever_another_site_causes_with_whatever_cookies() {
    let app = app().await;
    let physician = with_every_cookie(&app, "physician").await;
    app.advance(minutes(1));
    let before = state(app.db.dump(RealmKey::MAIN).await);
    let events = app.events().await.len();
    let jars: Vec<Browser> =
        [&["session", "refresh", "device", "flow"][..], &["session"], &["refresh"], &["device"], &["flow"], &[]]
            .iter()
            .map(|shorts| only(&physician, shorts))
            .collect();
    let mut refused = 0;
    for endpoint in app.endpoints().iter().filter(|endpoint| !endpoint.method.is_safe()) {
        for headers in FOREIGN {
            for jar in &jars {
                let answer = send(&mut caused(jar, headers), endpoint).await;
                let name = format!("{} {headers:?} {:?}", name(endpoint), jar.cookies.keys());
                let asks_to_sign_in = answer.status == 303 && answer.header("location").contains("/sign-in");
                match (endpoint.json, endpoint.access) {
                    (true, Access::Public) => {
                        assert_eq!((answer.status, answer.code().as_str()), (403, "forbidden"), "{name}: {answer:?}");
                    }
                    (true, _) => assert_eq!(answer.status, 401, "{name}: {answer:?}"),
                    // 404: the page of a thing that is not there says so, refused or not.
                    (false, _) => {
                        assert!([403, 404].contains(&answer.status) || asks_to_sign_in, "{name}: {answer:?}");
                    }
                }
                let given =
                    answer.set_cookies().iter().any(|line| !line.contains("-flow=") && !line.contains("Max-Age=0"));
                assert!(!given, "{name}: {answer:?}");
                refused += 1;
            }
        }
    }
    assert!(refused > 1000, "{refused}");
    assert_eq!(before, state(app.db.dump(RealmKey::MAIN).await));
    let since: BTreeSet<String> =
        app.events().await[events..].iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(since, BTreeSet::from(["malicious_csrf".to_owned()]), "and it is counted");
    assert_eq!(physician.clone().me().await.status, 200);
}

#[tokio::test]
async fn a_route_that_wants_a_bearer_reads_no_cookie_and_does_not_care_what_caused_the_request() {
    let app = app().await;
    let nurse = with_every_cookie(&app, "nurse").await;
    let routes = app.endpoints().into_iter().filter(|endpoint| endpoint.json && endpoint.access != Access::Public);
    let mut checked = 0;
    for endpoint in routes {
        let mut answers = BTreeMap::new();
        for headers in FOREIGN.iter().chain(OTHERS) {
            for jar in [only(&nurse, &["session", "refresh", "device", "flow"]), only(&nurse, &[])] {
                let mut answer = send(&mut caused(&jar, headers), &endpoint).await;
                assert_eq!(answer.status, 401, "{}: {answer:?}", name(&endpoint));
                // Who may read the answer depends on the origin, what it says does not.
                answer.headers.remove("access-control-allow-origin");
                answers.entry(answer.observable()).or_insert_with(|| format!("{headers:?} {:?}", jar.cookies.keys()));
                checked += 1;
            }
        }
        assert_eq!(answers.len(), 1, "{}: {answers:#?}", name(&endpoint));
    }
    assert!(checked > 500, "{checked}");
    let mut own = caused(&only(&nurse, &[]), FOREIGN[0]);
    own.bearer.clone_from(&nurse.bearer);
    assert_eq!(own.get("/api/v1/me").await.status, 200);
    assert_eq!(own.post_empty("/api/v1/session/activity").await.status, 204);
}

/// The routes whose answer, or whose effect, is another one with a cookie than without.
async fn readers_of(app: &TestApp, short: &str) -> BTreeSet<String> {
    let mut readers = BTreeSet::new();
    let mut owner = with_every_cookie(app, "nurse").await;
    for endpoint in app.endpoints() {
        // A form before sign-in gets a flow cookie of its own each time: unless that is what is looked at, it is there.
        let rest: &[&str] = if short == "flow" { &[] } else { &["flow"] };
        let with = send(&mut only(&owner, &[short, "flow"]), &endpoint).await;
        let without = send(&mut only(&owner, rest), &endpoint).await;
        let ended = owner.get("/api/v1/me").await.status != 200;
        if with.observable() != without.observable() || ended {
            readers.insert(name(&endpoint));
        }
        if ended || short == "refresh" {
            owner = with_every_cookie(app, "nurse").await;
        }
    }
    readers
}

#[tokio::test]
async fn each_cookie_is_read_by_the_routes_of_the_contract_and_by_no_other() {
    let app = app().await;
    let pages = |wanted: fn(&str) -> bool| -> BTreeSet<String> {
        app.endpoints().iter().filter(|e| !e.json && wanted(&e.path)).map(name).collect()
    };

    // Signing out by JSON also ends the session whose cookie comes alone: pages and API sign out alike.
    let leave = ["POST /api/v1/sign-out", "POST /api/v1/sign-out/everywhere"].map(ToOwned::to_owned);
    let mut of_session =
        pages(|path| path.starts_with("/account") || path.starts_with("/console") || path == "/sign-out");
    // Nothing but a way to where an enrolment begins.
    of_session.remove("GET /account/second-factor/confirm");
    of_session.extend(leave.clone());
    assert_eq!(readers_of(&app, "session").await, of_session);

    let refresh = leave.into_iter().chain(["POST /api/v1/session/refresh".to_owned()]).collect();
    // `unlock` reads it too, with a password: unlock.rs.
    assert_eq!(readers_of(&app, "refresh").await, refresh);

    // `/invitation` reads it only while it holds a link's token, which is marked: stronger.rs.
    let mut of_flow = pages(|path| path.starts_with("/sign-in"));
    of_flow.remove("GET /sign-in/continue");
    assert_eq!(readers_of(&app, "flow").await, of_flow);

    assert_eq!(
        readers_of(&app, "device").await,
        BTreeSet::new(),
        "only a right sign-in, and what was locked: switch.rs"
    );
}

#[tokio::test]
async fn a_sign_in_reads_the_session_and_the_device_and_not_the_refresh_token() {
    let app = app().await;
    for (short, ends, same_device) in [("session", true, false), ("refresh", false, false), ("device", false, true)] {
        let mut before = with_every_cookie(&app, "nurse").await;
        let mut browser = only(&before, &[short]);
        let devices = async || app.db.number("SELECT COUNT(*) FROM device WHERE realm_id = 1", vec![]).await;
        let known = devices().await;
        browser.sign_in("nurse").await;
        assert_eq!(before.me().await.status == 401, ends, "{short}");
        assert_eq!(devices().await == known, same_device, "{short}");
    }
}

#[tokio::test]
async fn ses_10_no_route_takes_a_cookie_of_another_realm_for_one_of_this() {
    let app = app().await;
    let mut other = app.browser_in_other();
    other.sign_in("nurse").await;
    let before = state(app.db.dump(testkit::app::OTHER).await);
    let none = app.browser();
    let mut named = app.browser();
    named.cookies.clone_from(&other.cookies);
    let mut renamed = app.browser();
    for short in ["session", "refresh", "device"] {
        renamed.set_cookie(short, &other.cookie(short).unwrap());
    }
    for endpoint in app.endpoints() {
        let expected = send(&mut none.clone(), &endpoint).await;
        let answer = send(&mut named.clone(), &endpoint).await;
        // A form before sign-in gets a cookie of its own each time.
        if expected.set_cookies().is_empty() {
            assert_eq!(answer.observable(), expected.observable(), "{}", name(&endpoint));
        }
        let answer = send(&mut renamed.clone(), &endpoint).await;
        // Sign-out shows its question to every cookie; what it names is looked at when it is answered.
        assert!(answer.status == expected.status || endpoint.path == "/sign-out", "{}: {answer:?}", name(&endpoint));
    }
    assert_eq!(before, state(app.db.dump(testkit::app::OTHER).await));
    assert_eq!(other.me().await.status, 200);
}

/// A form of a page: who fills it in, where it goes, what else is in it.
struct Filled {
    browser: Browser,
    path: String,
    fields: Vec<(&'static str, String)>,
    /// The cookie that its token belongs to.
    cookie: &'static str,
    token: String,
}

/// One for every page that takes a form.
#[expect(clippy::too_many_lines, reason = "a table")]
async fn filled(app: &TestApp) -> Vec<Filled> {
    let mut admin = app.signed_in("admin").await;
    let token = admin.get("/sign-out").await.expect(200).hidden("csrf");
    let second = app.signed_in("admin").await;
    let session = crate::claims(second.bearer.as_deref().unwrap())["sid"].as_str().unwrap().to_owned();
    let factors = admin.get("/api/v1/me/factors").await.expect(200).json();
    let totp = factors["items"].as_array().unwrap().iter().find(|factor| factor["kind"] == "totp").unwrap();
    let totp = totp["id"].as_str().unwrap().to_owned();
    let password = app.password("main", "admin");
    let own = |path: String, fields: Vec<(&'static str, String)>| Filled {
        browser: admin.clone(),
        path,
        fields,
        cookie: "session",
        token: token.clone(),
    };
    let nothing = Vec::new;
    let mut all = vec![
        own(format!("/account/sessions/{session}/end"), nothing()),
        own("/account/sessions/end".to_owned(), nothing()),
        own("/account/activity".to_owned(), nothing()),
        own("/account/confirm".to_owned(), vec![("password", password.clone())]),
        own(
            "/account/password".to_owned(),
            vec![("current_password", password), ("new_password", "a heron stands in the reeds".to_owned())],
        ),
        own("/account/second-factor/new".to_owned(), vec![("label", "another phone".to_owned())]),
        own("/account/second-factor/confirm".to_owned(), vec![("id", totp.clone()), ("code", "000000".to_owned())]),
        own(format!("/account/second-factor/{totp}"), vec![("label", "renamed".to_owned())]),
        own(format!("/account/second-factor/{totp}/remove"), nothing()),
        own("/account/recovery-codes".to_owned(), nothing()),
        own("/console/people/new".to_owned(), vec![("username", "x".to_owned())]),
        own("/console/units/new".to_owned(), vec![("slug", "Ward 3".to_owned())]),
        own("/console/roles/new".to_owned(), vec![("name", "X".to_owned())]),
        own("/console/roles/nurse/change".to_owned(), vec![("display_name", String::new())]),
        own(format!("/console/people/{NOTHING}/give"), vec![("role", "nurse".to_owned())]),
        own(format!("/console/people/{NOTHING}/sessions/{NOTHING}/end"), nothing()),
        own(format!("/console/people/{NOTHING}/sessions/end"), nothing()),
        own(format!("/console/people/{NOTHING}/grants/{NOTHING}/end"), vec![("reason", "because".to_owned())]),
        own(format!("/console/people/{NOTHING}/disable"), vec![("reason", "because".to_owned())]),
        own(format!("/console/people/{NOTHING}/enable"), vec![("reason", "because".to_owned())]),
        own(format!("/console/people/{NOTHING}/require-password"), vec![("reason", "because".to_owned())]),
        own(format!("/console/people/{NOTHING}/reset-password"), vec![("reason", "because".to_owned())]),
        own(format!("/console/people/{NOTHING}/lockdown"), vec![("reason", "because".to_owned())]),
        own(format!("/console/people/{NOTHING}/unlock"), vec![("reason", "because".to_owned())]),
        own(format!("/console/people/{NOTHING}/print-code"), vec![("reason", "because".to_owned())]),
        own(format!("/console/people/{NOTHING}/delete"), vec![("reason", "because".to_owned())]),
        own(format!("/console/people/{NOTHING}/change"), vec![("display_name", "X".to_owned())]),
        own(format!("/console/units/{NOTHING}/change"), vec![("name", "X".to_owned())]),
        own(format!("/console/units/{NOTHING}/end"), vec![("reason", "because".to_owned())]),
        own("/console/roles/nobody/end".to_owned(), vec![("reason", "because".to_owned())]),
        own("/console/apis/new".to_owned(), vec![("audience", "X".to_owned())]),
        own("/console/apis/nothing/change".to_owned(), vec![("name", "X".to_owned())]),
        own("/console/apis/nothing/secret".to_owned(), nothing()),
        own("/console/apis/nothing/end".to_owned(), vec![("reason", "because".to_owned())]),
        own("/console/apis/nothing/permissions/new".to_owned(), vec![("name", "x:y".to_owned())]),
        own("/console/apis/nothing/permissions/x:y/end".to_owned(), vec![("reason", "because".to_owned())]),
        own("/console/clients/new".to_owned(), vec![("client_id", "X".to_owned())]),
        own("/console/clients/nothing/change".to_owned(), vec![("name", "X".to_owned())]),
        own("/console/clients/nothing/secret".to_owned(), nothing()),
        own("/console/clients/nothing/end".to_owned(), vec![("reason", "because".to_owned())]),
        own("/sign-out".to_owned(), nothing()),
    ];

    let mut ward = app.signed_in("receptionist").await;
    let mut locked = ward.clone();
    ward.sign_in("auditor").await;
    let token = locked.get("/unlock").await.expect(200).hidden("csrf");
    let fields = vec![("password", app.password("main", "receptionist"))];
    all.push(Filled { browser: locked, path: "/unlock".to_owned(), fields, cookie: "session", token });

    let mut stranger = app.browser();
    let token = stranger.get("/sign-in").await.expect(200).hidden("csrf");
    let fields = vec![("identifier", "nurse".to_owned()), ("password", app.password("main", "nurse"))];
    all.push(Filled { browser: stranger, path: "/sign-in".to_owned(), fields, cookie: "flow", token });

    let mut owner = app.signed_in("billing").await;
    let asked = owner.call(Method::PUT, "/api/v1/me/email").json(&serde_json::json!({ "email": "new@clinic.example" }));
    asked.send().await.expect(202);
    let link = app.link(RealmKey::MAIN, "new@clinic.example").await;
    let mut browser = app.browser();
    browser.get(&format!("/confirm-email?token={link}")).await.expect(303);
    let token = browser.get("/confirm-email").await.expect(200).hidden("csrf");
    all.push(Filled { browser, path: "/confirm-email".to_owned(), fields: Vec::new(), cookie: "flow", token });

    let step = async |username: &str, password: &str, fields| {
        let mut browser = app.browser();
        let csrf = browser.get("/sign-in").await.expect(200).hidden("csrf");
        let sent = [("identifier", username), ("password", password), ("csrf", &csrf)];
        let path = browser.form("/sign-in", &sent).await.expect(303).header("location").to_owned();
        let token = browser.get(&path).await.expect(200).hidden("csrf");
        Filled { browser, path, fields, cookie: "flow", token }
    };
    let code = vec![("code", app.code("main", "physician"))];
    all.push(step("physician", &app.password("main", "physician"), code).await);
    let chosen = "a quiet harbour at dawn";
    for (username, roles) in [("dr.form", &["physician"][..]), ("clerk.form", &[]), ("guest.form", &[])] {
        let link = app.new_link_for(username, Purpose::Activation, roles).await;
        if username == "guest.form" {
            let mut browser = app.browser();
            browser.get(&format!("/invitation?token={link}")).await.expect(303);
            let token = browser.get("/invitation").await.expect(200).hidden("csrf");
            let fields = vec![("new_password", chosen.to_owned())];
            all.push(Filled { browser, path: "/invitation".to_owned(), fields, cookie: "flow", token });
            continue;
        }
        app.browser().choose(&link, chosen).await.expect(204);
        if username == "clerk.form" {
            let id = app.user_id(RealmKey::MAIN, username).await;
            admin.set(&id, "require-password-change").await.expect(200);
        }
        let field = if username == "dr.form" { ("code", "000000") } else { ("new_password", "a heron in the reeds") };
        all.push(step(username, chosen, vec![(field.0, field.1.to_owned())]).await);
    }
    all
}

impl Filled {
    async fn send(&self, token: Option<&str>) -> Answer {
        let mut fields: Vec<(&str, &str)> = self.fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        fields.extend(token.map(|token| ("csrf", token)));
        self.browser.clone().call(Method::POST, &self.path).text(FORM, encode(&fields)).send().await
    }

    /// Tokens of the same cookie's value for the other purposes.
    async fn of_other_purposes(&self, app: &TestApp) -> Vec<String> {
        let value = self.browser.cookie(self.cookie).unwrap();
        let mut tokens = Vec::new();
        for (cookie, page) in [("session", "/sign-out"), ("flow", "/sign-in"), ("flow", "/invitation")] {
            let mut browser = app.browser();
            let bare = value.trim_start_matches("link-").trim_start_matches("mail-");
            let held = if page == "/invitation" { format!("link-{bare}") } else { bare.to_owned() };
            browser.set_cookie(cookie, &held);
            let token = browser.get(page).await.expect(200).hidden("csrf");
            if token != self.token {
                tokens.push(token);
            }
        }
        assert_eq!(tokens.len(), 2, "{}: one of the three is its own", self.path);
        tokens
    }
}

#[tokio::test]
async fn web_03_every_form_refuses_a_token_of_another_session_purpose_or_person_and_changes_nothing() {
    let app = app().await;
    let forms = filled(&app).await;
    let mounted = app.endpoints().iter().filter(|e| !e.json && e.method == Method::POST).count();
    assert_eq!(forms.len(), mounted, "a form for every page that takes one");
    let mut foreign = Vec::new();
    for username in ["admin", "nurse"] {
        foreign.push(app.signed_in(username).await.get("/sign-out").await.expect(200).hidden("csrf"));
    }
    let before = app.db.dump(RealmKey::MAIN).await;
    for form in &forms {
        let others = forms.iter().map(|other| other.token.clone()).filter(|token| *token != form.token);
        let mut tokens: Vec<Option<String>> = others.chain(foreign.clone()).map(Some).collect();
        tokens.extend(form.of_other_purposes(&app).await.into_iter().map(Some));
        let longer = format!("{}A", form.token);
        tokens.extend([None, Some(String::new()), Some(form.token[1..].to_owned()), Some(longer)]);
        for token in tokens {
            let answer = form.send(token.as_deref()).await;
            assert_eq!(answer.status, 403, "{} {token:?}: {answer:?}", form.path);
            let given =
                answer.set_cookies().iter().any(|line| line.contains("-session=") || line.contains("-refresh="));
            assert!(!given, "{}: {answer:?}", form.path);
        }
    }
    assert_eq!(before, app.db.dump(RealmKey::MAIN).await, "no row, no event");
    for form in &forms {
        let answer = form.send(Some(&form.token)).await;
        assert_ne!(answer.status, 403, "with its own it is looked at: {} {answer:?}", form.path);
        assert!(answer.status < 500, "{}: {answer:?}", form.path);
    }
}

#[tokio::test]
async fn web_05_looking_at_any_page_or_document_from_anywhere_changes_nothing() {
    let app = app().await;
    let nurse = with_every_cookie(&app, "nurse").await;
    let before = state(app.db.dump(RealmKey::MAIN).await);
    let events = app.events().await.len();
    let safe: Vec<Endpoint> = app.endpoints().into_iter().filter(|endpoint| endpoint.method.is_safe()).collect();
    for endpoint in &safe {
        for headers in FOREIGN {
            let answer = send(&mut caused(&nurse, headers), endpoint).await;
            assert!(answer.status < 500, "{}: {answer:?}", name(endpoint));
        }
    }
    assert_eq!(app.events().await.len(), events, "another site leaves no trace in anybody's name");
    for (endpoint, headers) in safe.iter().flat_map(|endpoint| OTHERS.iter().map(move |headers| (endpoint, headers))) {
        let answer = send(&mut caused(&nurse, headers), endpoint).await;
        assert!(answer.status < 500, "{}: {answer:?}", name(endpoint));
    }
    assert_eq!(before, state(app.db.dump(RealmKey::MAIN).await));
    // What she herself was refused is recorded, as at the API (AUD-01).
    let since = app.events().await.split_off(events);
    assert!(since.iter().all(|event| event["type"] == "authz_fail" && event["outcome"] == "denied"), "{since:?}");
}

#[tokio::test]
async fn a_wrong_token_on_a_form_gives_no_hint_and_no_code_is_used_up() {
    let app = app().await;
    let forms = filled(&app).await;
    let form = forms.iter().find(|form| form.path == "/sign-in/second-factor").unwrap();
    for _ in 0..6 {
        form.send(Some("wrong")).await.expect(403);
    }
    let done = form.send(Some(&form.token)).await.expect(303);
    assert_eq!(done.header("location"), "/account", "neither counted nor used");
}
