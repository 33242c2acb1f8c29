//! Security headers on every answer (WEB-05 to WEB-15), CORS, and where redirects lead (WEB-17, WEB-18).

use std::collections::BTreeSet;

use axum::http::Method;
use domain::realm::RealmKey;
use testkit::{Answer, Browser, TestApp};

const LISTED: &str = "https://app.example.org";

/// What may be kept; everything else is `no-store`.
const KEPT: [&str; 5] = [
    "/.well-known/authzen-configuration",
    "/.well-known/jwks.json",
    "/.well-known/openid-configuration",
    "/.well-known/oauth-authorization-server",
    "/openapi.json",
];

fn nonce(answer: &Answer) -> String {
    let (_, rest) = answer.header("content-security-policy").split_once("'nonce-").expect("a nonce");
    rest.split('\'').next().unwrap().to_owned()
}

fn check(name: &str, path: &str, answer: &Answer, https: bool) {
    let is_page = answer.header("content-type").starts_with("text/html");
    let policy = answer.header("content-security-policy");
    if is_page {
        let expected = format!(
            "default-src 'none'; script-src 'nonce-{}' 'strict-dynamic'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
             connect-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'",
            nonce(answer)
        );
        assert_eq!(policy, expected, "{name}");
        assert!(nonce(answer).len() >= 22, "{name}");
        for word in ["onclick=", "onload=", "onerror=", "javascript:", "style=\"", "<style", "http://", "//cdn"] {
            assert!(!answer.text.contains(word), "{name}: {word}");
        }
    } else {
        assert_eq!(policy, "default-src 'none'; frame-ancestors 'none'", "{name}");
    }
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{name}");
    let referrer = if is_page { "same-origin" } else { "no-referrer" };
    assert_eq!(answer.header("referrer-policy"), referrer, "{name}");
    assert_eq!(answer.header("cross-origin-opener-policy"), "same-origin", "{name}");
    assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin", "{name}");
    let permissions = answer.header("permissions-policy");
    assert!(permissions.contains("publickey-credentials-get=(self)") && permissions.contains("camera=()"), "{name}");
    let transport = if https { "max-age=63072000; includeSubDomains" } else { "" };
    assert_eq!(answer.header("strict-transport-security"), transport, "{name}");
    let kept = (KEPT.contains(&path) || path.starts_with("/assets/")) && matches!(answer.status, 200 | 304);
    assert_eq!(answer.header("cache-control") != "no-store", kept, "{name}: {}", answer.header("cache-control"));
    if !answer.text.is_empty() {
        let kind = answer.header("content-type");
        assert!(
            kind.contains("charset=utf-8") || kind.contains("json") || kind.starts_with("image/"),
            "{name}: {kind}"
        );
    }
    for banner in ["server", "x-powered-by", "via"] {
        assert_eq!(answer.header(banner), "", "{name}");
    }
    assert!(!answer.header("x-request-id").is_empty(), "{name}");
    assert_ne!(answer.status, 500, "{name}: {answer:?}");
}

/// Every route with every method, signed in and not.
async fn crawl(app: &TestApp, host: &str, https: bool) -> usize {
    let person = app.user_id(RealmKey::MAIN, "patient").await;
    let mut admin = app.signed_in("admin").await;
    let mut seen = 0;
    let extra =
        ["/nowhere", "/assets/bailiwick.css", "/assets/icons.svg", "/problems/malformed", "/realms/other/sign-in"];
    let mounted = app.endpoints();
    let routes = mounted.iter().map(|endpoint| (endpoint.method.clone(), endpoint.path.as_str()));
    for (method, template) in routes.chain(extra.map(|path| (Method::GET, path))) {
        let path = template.replace("/users/{id}", &format!("/users/{person}")).replace("{file}", "bailiwick.css");
        let path = ["{id}", "{grant}", "{session}"].iter().fold(path, |path, part| path.replace(part, &person));
        let path = path.replace("{name}", "nurse").replace("{code}", "forbidden");
        for signed_in in [true, false] {
            let mut browser = if signed_in { admin.clone() } else { app.browser() };
            for accept in ["application/json", "text/html"] {
                let call = browser.call(method.clone(), &path).header("accept", accept).header("host", host);
                let answer =
                    if method.is_safe() { call.send().await } else { call.text("application/json", "{}").send().await };
                check(&format!("{method} {path} {signed_in} {accept}"), &path, &answer, https);
                seen += 1;
            }
        }
        if admin.me().await.status != 200 {
            admin = app.signed_in("admin").await;
        }
    }
    seen
}

#[tokio::test]
async fn web_07_to_web_14_every_answer_of_every_route_has_its_headers() {
    let app = TestApp::new().await;

    assert!(crawl(&app, "id.example.org", true).await > 150);
}

#[tokio::test]
async fn web_07_over_plain_http_there_is_no_hsts_and_all_else_is_the_same() {
    let app = TestApp::new().await;
    let node = app.node(|_, config| config.base_url = "http://localhost:8080".to_owned());
    for path in ["/sign-in", "/api/v1/me", "/.well-known/jwks.json", "/nowhere"] {
        let answer = node.browser().call(Method::GET, path).header("host", "localhost:8080").send().await;
        check(path, path, &answer, false);
    }
}

#[tokio::test]
async fn demos_own_pages_have_them_too_and_exist_in_demo_alone() {
    let app = TestApp::new().await;
    let person = web::DemoPerson {
        realm: "main".to_owned(),
        name: "<b>The nurse</b>".to_owned(),
        username: "nurse".to_owned(),
        email: "nurse@clinic.example".to_owned(),
        password: "shown-on-the-page".to_owned(),
        grants: vec![("nurse".to_owned(), "/".to_owned())],
        unit: "/".to_owned(),
        totp: None,
    };
    let demo = web::Demo { profile: "healthcare".to_owned(), people: vec![person], ..web::Demo::default() };
    let node = app.node(|_, config| config.demo = Some(demo));
    let mut browser = node.browser();
    browser.headers.insert("accept".to_owned(), "text/html".to_owned());
    for path in ["/", "/mail", "/sign-in", "/problems"] {
        let answer = browser.get(path).await.expect(200);
        let text = answer.text.replace("http://127.0.0.1:8081", "").replace("https://id.example.org", "");
        check(path, path, &Answer { text, ..answer.clone() }, true);
        assert!(!answer.text.contains("<b>The nurse</b>"), "names are escaped");
    }
    assert!(browser.get("/").await.text.contains("shown-on-the-page"));
    let mail = browser.call(Method::GET, "/mail").header("accept", "application/json").send().await.expect(200);
    assert!(mail.json().is_array());
    assert_eq!(node.browser().get("/demo/code?username=admin").await.expect(404).code(), "not-found");

    for path in ["/mail", "/demo/code?username=admin"] {
        assert_eq!(app.browser().get(path).await.status, 404, "{path}");
    }
    assert_eq!(app.browser().get("/").await.expect(303).header("location"), "/account");
}

#[tokio::test]
async fn web_08_each_answer_has_a_nonce_of_its_own() {
    let app = TestApp::new().await;
    let mut nonces = BTreeSet::new();
    for _ in 0..20 {
        nonces.insert(nonce(&app.browser().get("/sign-in").await.expect(200)));
    }

    assert_eq!(nonces.len(), 20);
}

#[tokio::test]
async fn web_14_token_answers_are_kept_nowhere() {
    let app = TestApp::new().await;
    let mut nurse = app.browser();
    for answer in [nurse.sign_in("nurse").await, nurse.refresh().await.expect(200)] {
        assert_eq!((answer.header("cache-control"), answer.header("pragma")), ("no-store", "no-cache"));
    }
}

#[tokio::test]
async fn web_15_signing_out_clears_the_cache_and_never_all_cookies() {
    let app = TestApp::new().await;

    let api = app.signed_in("nurse").await.post_empty("/api/v1/sign-out").await.expect(204);
    let mut nurse = app.signed_in("nurse").await;
    let csrf = nurse.get("/sign-out").await.hidden("csrf");
    let page = nurse.form("/sign-out", &[("csrf", &csrf)]).await.expect(200);

    for answer in [api, page] {
        assert_eq!(answer.header("clear-site-data"), "\"cache\"");
        assert_eq!(answer.set_cookies().len(), 3);
    }
}

#[tokio::test]
async fn web_05_reading_changes_nothing_but_the_record_of_reading() {
    let app = TestApp::new().await;
    let person = app.user_id(RealmKey::MAIN, "patient").await;
    let mut admin = app.signed_in("admin").await;
    let before = (app.db.dump(RealmKey::MAIN).await, app.db.dump(testkit::app::OTHER).await);
    let gets = app.endpoints().into_iter().filter(|endpoint| endpoint.method == Method::GET);
    let mut events = 0;
    for endpoint in gets {
        let path = endpoint.path.replace("/users/{id}", &format!("/users/{person}")).replace("{name}", "nurse");
        let path = path.replace("{id}", &person).replace("{code}", "forbidden").replace("{file}", "icons.svg");
        for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
            admin.call(method, &path).send().await;
        }
        events += 1;
    }
    assert!(events > 25);

    let after = (app.db.dump(RealmKey::MAIN).await, app.db.dump(testkit::app::OTHER).await);
    let recorded = ["audit_event", "audit_leaf", "audit_personal", "counter"];
    for (before, after) in [(&before.0, &after.0), (&before.1, &after.1)] {
        for (table, rows) in before.iter().filter(|(table, _)| !recorded.contains(&table.as_str())) {
            assert_eq!(Some(rows), after.get(table), "{table}");
        }
    }
    let kinds: BTreeSet<String> = app
        .events()
        .await
        .into_iter()
        .skip(before.0["audit_event"].len())
        .map(|event| event["type"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(kinds, BTreeSet::from(["audit_read".to_owned()]));
}

#[tokio::test]
async fn web_06_without_a_listed_origin_no_answer_speaks_of_cors() {
    let app = TestApp::new().await;
    for (method, path) in [
        (Method::GET, "/api/v1/me"),
        (Method::POST, "/api/v1/sign-out"),
        (Method::OPTIONS, "/api/v1/me"),
        (Method::GET, "/sign-in"),
    ] {
        let call = app.browser();
        let mut call = call;
        let answer = call
            .call(method.clone(), path)
            .header("origin", LISTED)
            .header("access-control-request-method", "GET")
            .send()
            .await;
        let names: Vec<&str> =
            answer.headers.keys().map(|n| n.as_str()).filter(|n| n.starts_with("access-control")).collect();
        assert!(names.is_empty(), "{method} {path}: {names:?}");
    }
    let keys =
        app.browser().call(Method::GET, "/.well-known/jwks.json").header("origin", "https://evil.example").send().await;
    assert_eq!(keys.header("access-control-allow-origin"), "*", "keys are public");
    assert_eq!(keys.header("access-control-allow-credentials"), "");
}

#[tokio::test]
async fn web_06_a_listed_origin_is_echoed_exactly_and_no_other_ever_is() {
    let app = TestApp::new().await.node(|_, config| config.origins = vec![LISTED.to_owned()]);
    let mut browser = app.browser();
    for path in ["/api/v1/me", "/api/v1/session/refresh", "/api/v1/users"] {
        let listed = browser.call(Method::GET, path).header("origin", LISTED).send().await;
        assert_eq!(listed.header("access-control-allow-origin"), LISTED, "{path}");
        assert_eq!(listed.header("access-control-allow-credentials"), "true", "{path}");
        assert!(listed.header("vary").to_lowercase().contains("origin"), "{path}");
        let preflight = browser.call(Method::OPTIONS, path).header("origin", LISTED);
        let preflight = preflight.header("access-control-request-method", "POST");
        let preflight =
            preflight.header("access-control-request-headers", "authorization,content-type,prefer").send().await;
        assert_eq!(preflight.header("access-control-allow-origin"), LISTED, "{path}");
        for header in ["authorization", "prefer"] {
            assert!(preflight.header("access-control-allow-headers").contains(header), "{path} {header}");
        }
        for evil in [
            "https://evil.example",
            "https://app.example.org.evil.example",
            "http://app.example.org",
            "null",
            "https://APP.example.org",
            "*",
        ] {
            for method in [Method::GET, Method::OPTIONS] {
                let call = browser.call(method, path).header("origin", evil);
                let answer = call.header("access-control-request-method", "GET").send().await;
                assert_eq!(answer.header("access-control-allow-origin"), "", "{path} {evil}");
                assert!(answer.header("vary").to_lowercase().contains("origin"), "{path}: caches tell them apart");
            }
        }
    }
}

#[tokio::test]
async fn web_06_public_documents_stay_public_beside_a_listed_origin() {
    let app = TestApp::new().await.node(|_, config| config.origins = vec![LISTED.to_owned()]);
    for origin in [LISTED, "https://evil.example"] {
        let answer = app.browser().call(Method::GET, "/.well-known/jwks.json").header("origin", origin).send().await;
        let lines: Vec<_> = answer.headers.get_all("access-control-allow-origin").iter().collect();
        assert_eq!(lines.len(), 1, "{origin}: {lines:?}");
        let with_credentials = answer.header("access-control-allow-credentials") == "true";
        assert!(!(with_credentials && lines[0] == "*"), "{origin}");
        assert!(lines[0] == "*" || lines[0] == origin, "{origin}: {lines:?}");
    }
}

#[tokio::test]
async fn web_18_after_the_sign_in_nobody_is_led_to_another_site() {
    let app = TestApp::new().await;
    let password = app.password("main", "nurse");
    for evil in [
        "//evil.example",
        "/\\evil.example",
        "https:evil.example",
        "https://evil.example",
        "https:/evil.example",
        "evil.example",
        "",
        "javascript:alert(1)",
        "data:text/html,x",
        "/\t/evil.example",
        "/\n/evil.example",
        "\\\\evil.example",
        " //evil.example",
        "/account\r\nSet-Cookie: x=y",
        "/%0d%0aSet-Cookie:x=y\u{0}",
    ] {
        let mut browser = app.browser();
        let csrf = browser.get("/sign-in").await.hidden("csrf");
        let fields =
            [("identifier", "nurse"), ("password", password.as_str()), ("csrf", csrf.as_str()), ("return_to", evil)];
        let answer = browser.form("/sign-in", &fields).await;
        assert_eq!((answer.status, answer.header("location")), (303, "/account"), "{evil:?}");
        assert_eq!(answer.set_cookies().len(), 4, "{evil:?}");
        let page = app.browser().get(&format!("/sign-in?{}", testkit::browser::encode(&[("return_to", evil)]))).await;
        assert!(!page.text.contains("evil"), "{evil:?}: it is not carried along");
    }
    let mut browser = app.browser();
    let csrf = browser.get("/sign-in?return_to=/account?told=ended").await.hidden("csrf");
    let fields = [
        ("identifier", "nurse"),
        ("password", password.as_str()),
        ("csrf", csrf.as_str()),
        ("return_to", "/account?told=ended"),
    ];
    let answer = browser.form("/sign-in", &fields).await.expect(303);
    assert_eq!(answer.header("location"), "/account?told=ended");
}

#[tokio::test]
async fn web_20_and_pw_10_the_sign_in_page_is_a_plain_form_that_password_managers_understand() {
    let app = TestApp::new().await;

    let page = app.browser().get("/sign-in").await.expect(200).text;

    for part in [
        "method=\"post\"",
        "name=\"identifier\"",
        "autocomplete=\"username\"",
        "type=\"password\"",
        "autocomplete=\"current-password\"",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("<script src=\"http") && !page.contains("onpaste"));
}

#[tokio::test]
async fn names_are_escaped_on_pages() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    let evil = "\"><script>alert(1)</script>";
    let csrf = browser.get("/sign-in").await.hidden("csrf");
    let answer =
        browser.form("/sign-in", &[("identifier", evil), ("password", "wrong"), ("csrf", &csrf)]).await.expect(401);

    assert!(!answer.text.contains("<script>alert"), "{}", answer.text);
}

async fn get(browser: &mut Browser, path: &str, takes: &str) -> Answer {
    browser.call(Method::GET, path).header("accept", "text/html").header("accept-encoding", takes).send().await
}

#[tokio::test]
async fn assets_are_packed_and_kept_for_ever_by_their_version_and_pages_are_not() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    let page = get(&mut browser, "/sign-in", "gzip, br").await.expect(200);
    assert_eq!(page.header("content-encoding"), "", "it repeats what was typed beside its token");
    let (_, rest) = page.text.split_once("<link rel=\"stylesheet\" href=\"").expect("a style sheet");
    let address = rest.split('"').next().expect("its address").to_owned();
    let sheet = get(&mut browser, &address, "gzip, br").await.expect(200);
    assert_eq!(sheet.header("content-encoding"), "gzip");
    assert_eq!(sheet.header("vary"), "accept-encoding");
    assert_eq!(sheet.header("cache-control"), "public, max-age=31536000, immutable");
    let plain = get(&mut browser, &address, "identity").await.expect(200);
    assert_eq!(plain.header("content-encoding"), "");
    assert!(plain.text.contains("body"), "{}", plain.text);
    assert_ne!(plain.header("etag"), sheet.header("etag"));
    for old in ["/assets/bailiwick.css", "/assets/bailiwick.css?v=0", "/assets/bailiwick.css?v="] {
        assert_eq!(get(&mut browser, old, "gzip").await.expect(200).header("cache-control"), "public, max-age=3600");
    }
}
