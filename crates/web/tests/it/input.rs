//! Bad input, and the order in which it is refused (issue 3, section 7; WEB-22 to WEB-24).

use axum::body::Body;
use axum::http::Method;
use domain::realm::RealmKey;
use domain::time::seconds;
use futures_util::stream;
use serde_json::json;
use testkit::{Answer, TestApp};

const NOBODY: &str = "00000000-0000-4000-8000-000000000000";
const POST: Method = Method::POST;

fn told(answer: &Answer) -> (u16, String) {
    (answer.status, answer.code())
}

fn is(answer: &Answer, status: u16, code: &str) {
    assert_eq!(told(answer), (status, code.to_owned()), "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(answer.json()["request_id"], answer.header("x-request-id"));
    // WEB-22: nothing of what is inside.
    for word in ["SELECT", "sqlite", "postgres", "panicked", "/work/", ".rs", "serde"] {
        assert!(!answer.text.contains(word), "{word}: {answer:?}");
    }
}

#[tokio::test]
async fn a_body_that_is_not_one_json_object_is_400() {
    let app = TestApp::new().await;
    let deep = format!(r#"{{"identifier":{}"#, "[".repeat(5000));
    let bodies: [&[u8]; 14] = [
        b"",
        b"{",
        b"nonsense",
        b"[]",
        b"null",
        b"\"text\"",
        br#"{"identifier":"a","identifier":"b","password":"c"}"#,
        br#"{"identifier":"a","password":"b"} {}"#,
        br#"{"identifier":"a","password":"b",}"#,
        br#"{"identifier":"a\u0000b","password":"c"}"#,
        b"{\"identifier\":\"a\0b\",\"password\":\"c\"}",
        b"{\"identifier\":\"\xff\xfe\",\"password\":\"c\"}",
        b"\xef\xbb\xbf{}",
        deep.as_bytes(),
    ];
    for body in bodies {
        let answer = app.browser().call(POST, "/api/v1/sign-in").text("application/json", body.to_vec()).send().await;
        is(&answer, 400, "malformed");
    }
}

#[tokio::test]
async fn web_04_a_content_type_that_is_not_json_is_415() {
    let app = TestApp::new().await;
    let body = json!({ "identifier": "nurse", "password": app.password("main", "nurse") }).to_string();
    for content_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonp",
        "text/json",
        "application/json, text/plain",
        "",
    ] {
        let answer = app.browser().call(POST, "/api/v1/sign-in").text(content_type, body.clone()).send().await;
        is(&answer, 415, "unsupported-media-type");
    }
    is(&app.browser().call(POST, "/api/v1/sign-in").body(body.clone()).send().await, 415, "unsupported-media-type");
    let refresh = app.browser().call(POST, "/api/v1/session/refresh").text("text/plain", "{}").send().await;
    is(&refresh, 415, "unsupported-media-type");

    let good = app.browser().call(POST, "/api/v1/sign-in").text("Application/JSON; charset=utf-8", body).send().await;
    assert_eq!(good.status, 200);
}

#[tokio::test]
async fn web_23_unknown_missing_and_mistyped_fields_are_422_with_a_pointer() {
    let app = TestApp::new().await;
    let mut admin = app.signed_in("admin").await;
    let cases = [
        (json!({ "username": "joan", "display_name": "Joan", "role": "admin" }), "/role", "unknown_field"),
        (json!({ "username": "joan", "display_name": "Joan", "status": "active" }), "/status", "unknown_field"),
        (json!({ "display_name": "Joan" }), "/username", "required"),
        (json!({ "username": 7, "display_name": "Joan" }), "/username", "invalid"),
        (
            json!({ "username": "joan", "display_name": "Joan", "grants": [{ "role": "nurse", "reason": "new", "id": 1 }] }),
            "/grants/0/id",
            "unknown_field",
        ),
        (json!({ "username": "jo an", "display_name": "Joan" }), "/username", "character"),
        (json!({ "username": "jo", "display_name": "Joan" }), "/username", "length"),
        (json!({ "username": "joan", "display_name": "Jo\u{1b}[31man" }), "/display_name", "character"),
        (json!({ "username": "joan", "display_name": "Jo\r\nan" }), "/display_name", "character"),
        (json!({ "username": "joan", "display_name": "\u{202e}naoJ" }), "/display_name", "character"),
        (json!({ "username": "joan", "display_name": "x".repeat(201) }), "/display_name", "length"),
        (
            json!({ "username": "joan", "display_name": "Joan", "email": "a@b\r\nBcc: c@d.example" }),
            "/email",
            "character",
        ),
        (json!({ "username": "joan", "display_name": "Joan", "email": "joan" }), "/email", "email"),
        (json!({ "username": "joan", "display_name": "Joan", "unit": "clinic" }), "/unit", "path"),
        (json!({ "username": "joan", "display_name": "Joan", "unit": "/nowhere" }), "/unit", "unknown"),
        (
            json!({ "username": "joan", "display_name": "Joan", "grants": [{ "role": "nobody", "reason": "new" }] }),
            "/grants/0/role",
            "unknown",
        ),
        (
            json!({ "username": "joan", "display_name": "Joan", "grants": [{ "role": "nurse", "reason": "new" },
                { "role": "nurse", "unit": "/clinic-a", "reason": "new" }, { "role": "nurse", "unit": "/", "reason": "again" }] }),
            "/grants/2/role",
            "duplicate",
        ),
        (
            json!({ "username": "joan", "display_name": "Joan", "grants": [{ "role": "nurse", "reason": "x" }] }),
            "/grants/0/reason",
            "length",
        ),
    ];
    for (body, pointer, code) in cases {
        let answer = admin.post("/api/v1/users", &body).await;
        is(&answer, 422, "validation");
        let error = &answer.json()["errors"][0];
        assert_eq!((&error["pointer"], &error["code"]), (&json!(pointer), &json!(code)), "{body}: {answer:?}");
    }
    assert_eq!(app.count("user_created").await, app.count("user_activated").await, "nobody was made");
}

#[tokio::test]
async fn web_24_a_body_over_64_kib_is_413_announced_or_not() {
    let app = TestApp::new().await;
    let ten_megabytes = json!({ "identifier": "x".repeat(10_000_000), "password": "y" }).to_string();
    let length = ten_megabytes.len().to_string();
    let mut browser = app.browser();

    let announced = browser.call(POST, "/api/v1/sign-in").header("content-length", &length);
    is(&announced.text("application/json", ten_megabytes.clone()).send().await, 413, "payload-too-large");
    is(
        &browser.call(POST, "/api/v1/sign-in").text("application/json", ten_megabytes).send().await,
        413,
        "payload-too-large",
    );
    // A body without an end is not read to its end.
    let endless = stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b' '; 8192]));
    let answer =
        browser.call(POST, "/api/v1/sign-in").text("application/json", Body::from_stream(endless)).send().await;
    is(&answer, 413, "payload-too-large");
    let lie = browser.call(POST, "/api/v1/sign-in").header("content-length", "10");
    let lie = lie.text("application/json", json!({ "identifier": "x".repeat(70_000), "password": "y" }).to_string());
    is(&lie.send().await, 413, "payload-too-large");
    let form = browser
        .call(POST, "/sign-in")
        .text("application/x-www-form-urlencoded", format!("identifier={}", "x".repeat(70_000)));
    assert_eq!(form.send().await.status, 413);
}

#[tokio::test]
async fn long_and_strange_identifiers_and_passwords_are_wrong_credentials_and_nothing_else() {
    let app = TestApp::new().await;
    let long = "x".repeat(60_000);
    for (number, identifier) in
        [long.as_str(), "", " ", "\u{202e}", "nurse\r\nX: y", "';--", "ＮＵＲＳＥ\u{0301}", "%00"].iter().enumerate()
    {
        let mut browser = app.browser();
        browser.address.set_ip(std::net::IpAddr::from([198, 51, 100, u8::try_from(number).unwrap()]));
        is(&browser.sign_in_with(identifier, "some password").await, 401, "invalid-credentials");
    }
    for password in [long.as_str(), "", "\u{7}"] {
        is(&app.browser().sign_in_with("nurse", password).await, 401, "invalid-credentials");
    }
}

#[tokio::test]
async fn pw_02_and_pw_03_a_long_unicode_password_is_taken_whole_in_any_normal_form() {
    let app = TestApp::new().await;
    let link = app.new_link("somebody", store::token::Purpose::Activation).await;
    let long = "Käse ".repeat(40);
    app.remember(&long);
    let body = json!({ "token": link, "new_password": long });
    app.browser().post("/api/v1/password/reset", &body).await.expect(204);

    app.browser().sign_in_with("somebody", &"Ka\u{308}se ".repeat(40)).await.expect(200);
    is(&app.browser().sign_in_with("somebody", &long[..72]).await, 401, "invalid-credentials");
    is(&app.browser().sign_in_with("somebody", &long[1..]).await, 401, "invalid-credentials");
}

#[tokio::test]
async fn refusals_come_in_the_order_of_the_contract() {
    let app = TestApp::new().await;
    let mut admin = app.signed_in("admin").await;
    let mut nurse = app.signed_in("nurse").await;
    let mut nobody = app.browser();
    let huge = "9999999";
    let disable = format!("/api/v1/users/{NOBODY}/disable");

    // Host, route, method, size, 401, 403, content type, 400, 422, 404, 409.
    is(&nobody.call(POST, "/nowhere").header("host", "evil.example").send().await, 421, "misdirected");
    is(&nobody.call(POST, "/nowhere").header("content-length", huge).send().await, 404, "not-found");
    is(
        &nobody.call(Method::PUT, "/api/v1/users").header("content-length", huge).send().await,
        405,
        "method-not-allowed",
    );
    is(&nobody.call(POST, "/api/v1/users").header("content-length", huge).send().await, 413, "payload-too-large");
    is(&nobody.call(POST, "/api/v1/users").text("text/plain", "{").send().await, 401, "not-signed-in");
    is(&nurse.call(POST, "/api/v1/users").text("text/plain", "{").send().await, 403, "forbidden");
    is(&nurse.call(POST, "/api/v1/users").header("content-length", huge).send().await, 413, "payload-too-large");
    is(&admin.call(POST, &disable).text("text/plain", "{").send().await, 415, "unsupported-media-type");
    is(&admin.call(POST, &disable).text("application/json", "{").send().await, 400, "malformed");
    is(&admin.post(&disable, &json!({ "reason": 7 })).await, 422, "validation");
    is(&admin.post(&disable, &json!({ "reason": "gone" })).await, 404, "not-found");
    let me = app.user_id(RealmKey::MAIN, "admin").await;
    is(&admin.post(&format!("/api/v1/users/{me}/disable"), &json!({ "reason": "gone" })).await, 409, "conflict");
}

#[tokio::test]
async fn unknown_routes_realms_and_ids_are_404() {
    let app = TestApp::new().await;
    let mut admin = app.signed_in("admin").await;
    for path in [
        "/nowhere",
        "/api",
        "/api/v1",
        "/api/v1/",
        "/api/v1/me/",
        "/api/v2/me",
        "/api/v1/users/not-an-id",
        "/api/v1/users/%00",
        "/api/v1/users/..%2f..%2fetc",
        "/api/v1/roles/nobody",
        "/api/v1/audit/events/00000000-0000-7000-8000-000000000000",
        "/realms/nowhere/api/v1/me",
        "/realms/main/api/v1/me",
        "/realms//api/v1/me",
        "/REALMS/other/api/v1/me",
        "/problems/nothing",
        "/assets/nothing.css",
        "/assets/..%2fCargo.toml",
        "/metrics",
        "/healthz",
        "/readyz",
        "/mail",
        "/demo/code?username=admin",
    ] {
        is(&admin.get(path).await, 404, "not-found");
    }
}

#[tokio::test]
async fn another_host_is_421_on_every_route() {
    let app = TestApp::new().await;
    for host in
        ["evil.example", "id.example.org.evil.example", "id.example.org:8443", "localhost", "127.0.0.1", "[::1]"]
    {
        for path in ["/", "/sign-in", "/api/v1/me", "/.well-known/jwks.json", "/realms/other/api/v1/me"] {
            is(&app.browser().call(Method::GET, path).header("host", host).send().await, 421, "misdirected");
        }
    }
    for host in ["id.example.org", "ID.Example.ORG", "id.example.org:443"] {
        let answer = app.browser().call(Method::GET, "/.well-known/jwks.json").header("host", host).send().await;
        assert_eq!(answer.status, 200, "{host}");
    }
}

#[tokio::test]
async fn on_loopback_a_get_by_number_is_sent_to_the_name_and_anything_else_is_421() {
    let app = TestApp::new().await.node(|_, config| config.base_url = "http://localhost:8080".to_owned());
    for host in ["127.0.0.1:8080", "[::1]:8080"] {
        let get = app.browser().call(Method::GET, "/sign-in?return_to=/account").header("host", host).send().await;
        assert_eq!(get.header("location"), "http://localhost:8080/sign-in?return_to=/account");
        is(&app.browser().call(POST, "/api/v1/sign-in").header("host", host).send().await, 421, "misdirected");
    }
}

#[tokio::test]
async fn broken_unknown_and_repeated_query_parameters_are_400() {
    let app = TestApp::new().await;
    let mut admin = app.signed_in("admin").await;
    let lists = ["/api/v1/users", "/api/v1/roles", "/api/v1/units", "/api/v1/audit/events"];
    for path in lists {
        for query in [
            "limit=0",
            "limit=201",
            "limit=-1",
            "limit=x",
            "limit=",
            "limit=1&limit=2",
            "cursor=x",
            "cursor=%00",
            "unknown=1",
            "cursor=AAAA",
        ] {
            is(&admin.get(&format!("{path}?{query}")).await, 400, "malformed");
        }
        assert_eq!(admin.get(&format!("{path}?limit=200")).await.status, 200);
    }
    for query in ["type=nothing", "outcome=maybe", "actor=7", "subject=x", "from=yesterday", "to=2026-13-01T00:00:00Z"]
    {
        is(&admin.get(&format!("/api/v1/audit/events?{query}")).await, 400, "malformed");
    }
    is(&admin.get("/api/v1/users?status=sleeping").await, 400, "malformed");
}

#[tokio::test]
async fn lists_are_paged_without_gaps_or_repetitions() {
    let app = TestApp::new().await;
    let mut admin = app.signed_in("admin").await;
    for path in ["/api/v1/users", "/api/v1/roles", "/api/v1/units", "/api/v1/audit/events"] {
        let whole = admin.get(&format!("{path}?limit=200")).await.expect(200).json()["items"].as_array().unwrap().len();
        // Reading the log adds to it: the pages show what was there when the first one was read, and nothing twice.
        app.advance(seconds(1));
        let (mut found, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = admin.get(&format!("{path}?limit=3{cursor}")).await.expect(200).json();
            found.extend(page["items"].as_array().unwrap().clone());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        let extra = usize::from(path.contains("audit"));
        assert_eq!(found.len(), whole + extra, "{path}");
        for (at, item) in found.iter().enumerate() {
            assert!(!found[..at].contains(item), "{path}: {item}");
        }
    }
}

#[tokio::test]
async fn a_request_id_is_echoed_if_it_is_harmless_and_made_if_not() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    let echoed = browser.call(Method::GET, "/api/v1/me").header("x-request-id", "ab.C_1-2").send().await;
    assert_eq!(echoed.header("x-request-id"), "ab.C_1-2");
    for bad in ["a b", "<script>", &"a".repeat(65), ""] {
        let made = browser.call(Method::GET, "/api/v1/me").header("x-request-id", bad).send().await;
        assert_ne!(made.header("x-request-id"), bad);
        assert_eq!(made.header("x-request-id").len(), 24);
    }
}

#[tokio::test]
async fn refusals_on_pages_are_pages_with_the_same_status() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    browser.headers.insert("accept".to_owned(), "text/html,application/xhtml+xml".to_owned());
    for (method, path, status) in [
        (Method::GET, "/nowhere", 404),
        (Method::PUT, "/sign-in", 405),
        (Method::GET, "/sign-in?unknown=1", 400),
        (Method::GET, "/problems/nothing", 404),
    ] {
        let answer = browser.call(method, path).send().await.expect(status);
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8", "{path}");
        assert!(answer.text.contains(answer.header("x-request-id")), "{path}");
    }
    let api = browser.get("/api/v1/me").await.expect(401);
    assert_eq!(api.header("content-type"), "application/problem+json", "an API stays one");
}
