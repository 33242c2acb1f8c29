//! Odd input to sign-in and factors: codes, labels, places to return to, and very many sessions.

use axum::http::Method;
use domain::realm::RealmKey;
use domain::time::minutes;
use serde_json::json;
use testkit::{Answer, Browser, TestApp};

use crate::factors::{bind, code, nurse_with_factor, second, waiting};

const POST: Method = Method::POST;

/// Codes that are none.
fn no_codes() -> Vec<String> {
    let mut odd: Vec<String> =
        ["", " ", "abcdef", "12345", "1234567", "١٢٣٤٥٦", "-12345", "+12345", "1e5000", "12345\u{202e}6", "0x1234"]
            .map(ToOwned::to_owned)
            .to_vec();
    odd.extend(["1".repeat(60_000), "9-".repeat(30_000), "\u{ff11}".repeat(20_000)]);
    odd
}

#[tokio::test]
async fn a_code_that_is_none_is_a_wrong_one_wherever_it_is_sent() {
    let app = TestApp::new().await;
    let (mut nurse, seed, _) = nurse_with_factor(&app).await;
    for method in ["totp", "recovery_code"] {
        for odd in no_codes() {
            app.advance(minutes(61));
            let transaction = waiting(&app, &mut app.browser(), "nurse").await;
            let refused = second(&mut app.browser(), &transaction, method, &odd).await.expect(401);
            assert_eq!(refused.code(), "invalid-credentials");
            assert!(odd.is_empty() || odd == " " || !refused.text.contains(&odd), "what was typed is not repeated");
        }
    }
    app.advance(minutes(61));
    let transaction = waiting(&app, &mut nurse, "nurse").await;
    second(&mut nurse, &transaction, "totp", &code(&app, &seed)).await.expect(200);
    for odd in no_codes() {
        app.advance(minutes(61));
        let mut signed_in = in_with(&app, &seed).await;
        let body = json!({ "method": "totp", "code": odd });
        signed_in.post("/api/v1/session/step-up", &body).await.expect(422);
    }
}

/// The nurse, signed in with the code of now.
async fn in_with(app: &TestApp, seed: &domain::totp::Seed) -> Browser {
    let mut nurse = app.browser();
    let transaction = waiting(app, &mut nurse, "nurse").await;
    second(&mut nurse, &transaction, "totp", &code(app, seed)).await.expect(200);
    nurse
}

#[tokio::test]
async fn a_code_of_a_megabyte_is_413_before_anything_is_looked_at() {
    let app = TestApp::new().await;
    let (mut nurse, seed, _) = nurse_with_factor(&app).await;
    let transaction = waiting(&app, &mut app.browser(), "nurse").await;
    let long = "1".repeat(1_000_000);
    let before = app.db.dump(RealmKey::MAIN).await;
    for (path, body) in [
        ("/api/v1/sign-in/second-factor", json!({ "transaction": transaction, "method": "totp", "code": long })),
        ("/api/v1/sign-in/totp/confirm", json!({ "transaction": transaction, "code": long })),
        ("/api/v1/session/step-up", json!({ "method": "recovery_code", "code": long })),
        ("/api/v1/me/factors/totp/confirm", json!({ "id": "00000000-0000-7000-8000-000000000000", "code": long })),
        ("/api/v1/sign-in", json!({ "identifier": "nurse", "password": long })),
        ("/api/v1/sign-in/password", json!({ "transaction": long, "new_password": "x" })),
    ] {
        let refused = nurse.post(path, &body).await;
        assert_eq!((refused.status, refused.code().as_str()), (413, "payload-too-large"), "{path}");
    }
    for path in ["/sign-in", "/sign-in/second-factor", "/account/confirm"] {
        nurse.form(path, &[("code", &long)]).await.expect(413);
    }
    assert_eq!(before, app.db.dump(RealmKey::MAIN).await);
    second(&mut nurse, &transaction, "totp", &code(&app, &seed)).await.expect(200);
}

const MARKUP: &str = r#"<script>alert(1)</script><img src=x onerror=alert(2)>"'&{{7*7}}"#;

fn harmless(page: &Answer, what: &str) {
    for live in ["<script>alert", "<img src=x", "\u{202e}", "\u{2028}"] {
        assert!(!page.text.contains(live), "{what}: {}", page.text);
    }
}

#[tokio::test]
async fn labels_are_text_on_every_page_that_shows_them() {
    let app = TestApp::new().await;
    let mut nurse = app.browser();
    let body = json!({ "identifier": "nurse", "password": app.password("main", "nurse"), "device_label": MARKUP });
    nurse.call(POST, "/api/v1/sign-in").json(&body).send().await.expect(200);
    let tag = nurse.me().await.header("etag").to_owned();
    nurse.patch("/api/v1/me", &tag, &json!({ "display_name": MARKUP })).await.expect(200);
    let (_, _) = bind(&app, &mut nurse, MARKUP).await;
    let listed = nurse.get("/api/v1/me/factors").await.expect(200).json();
    let totp = listed["items"].as_array().unwrap().iter().find(|factor| factor["kind"] == "totp").unwrap();
    assert_eq!(totp["label"], MARKUP, "kept as it was typed");

    let account = nurse.get("/account").await.expect(200);
    assert!(account.text.matches("alert(1)").count() >= 3, "name, device and factor are shown: {}", account.text);
    harmless(&account, "account");
    let path = format!("/account/second-factor/{}", totp["id"].as_str().unwrap());
    let factor = nurse.get(&path).await.expect(200);
    assert!(factor.text.contains("alert(1)"));
    harmless(&factor, "factor");
    for page in ["/sign-out", "/account/confirm", "/account/password", "/account/second-factor/new"] {
        harmless(&nurse.get(page).await, page);
    }
    // What is refused is shown again, as text.
    let csrf = factor.hidden("csrf");
    let evil = format!("{MARKUP}{}", "x".repeat(100));
    harmless(&nurse.form(&path, &[("csrf", &csrf), ("label", &evil)]).await.expect(422), "a refused name");
}

#[tokio::test]
async fn labels_that_are_too_long_or_would_deceive_are_refused_everywhere() {
    let app = TestApp::new().await;
    let mut nurse = app.signed_in("nurse").await;
    let password = app.password("main", "nurse");
    let long = "x".repeat(10_000);
    let odd = [long.as_str(), "\u{202e}enohp", "a\u{7}b", "a\nb", "\u{2066}x", "\u{feff}x\u{feff}y"];
    for label in odd {
        let body = json!({ "identifier": "nurse", "password": password, "device_label": label });
        let refused = app.browser().post("/api/v1/sign-in", &body).await.expect(422);
        assert_eq!(refused.json()["errors"][0]["pointer"], "/device_label", "{label:?}");
        let refused = nurse.post("/api/v1/me/factors/totp", &json!({ "label": label })).await.expect(422);
        assert_eq!(refused.json()["errors"][0]["pointer"], "/label", "{label:?}");
        let mut page = app.browser();
        let csrf = page.get("/sign-in").await.expect(200).hidden("csrf");
        let fields = [("identifier", "nurse"), ("password", &password), ("csrf", &csrf), ("device_label", label)];
        let refused = page.form("/sign-in", &fields).await;
        assert_eq!(refused.status, 422, "{label:?}: {refused:?}");
        assert!(page.cookie("session").is_none());
        let csrf = nurse.get("/account/second-factor/new").await.expect(200).hidden("csrf");
        let fields = [("csrf", csrf.as_str()), ("label", label)];
        let shown = nurse.form("/account/second-factor/new", &fields).await.expect(422);
        assert!(shown.text.len() < 10_000, "not shown in its length");
    }
    let listed = nurse.get("/api/v1/me/factors").await.expect(200).json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "the password alone");
}

/// Places that `return_to` may not lead to.
fn ways_out() -> Vec<String> {
    let mut all: Vec<String> = [
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https:evil.example",
        "https://evil.example/account",
        "//evil.example/%2f..",
        "/%2f%2fevil.example",
        "/%5cevil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "/\r\nLocation: https://evil.example",
        "\t//evil.example",
        " //evil.example",
        "/ /evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "evil.example",
        "@evil.example",
        "/\u{2f}evil.example",
        "/\u{ff0f}evil.example",
        "/\u{0}",
        "?//evil.example",
        "#//evil.example",
        "",
    ]
    .map(ToOwned::to_owned)
    .to_vec();
    all.push(format!("/{}", "a".repeat(60_000)));
    all.push("/".repeat(501));
    all
}

/// Where a browser goes by this header is our own host.
fn stays(answer: &Answer, what: &str) {
    let to = answer.header("location");
    let second = to.as_bytes().get(1).copied().unwrap_or(b'a');
    let own = to.starts_with('/') && ![b'/', b'\\'].contains(&second);
    assert!(own && to.bytes().all(|b| b.is_ascii_graphic() && b != b'\\') && to.len() <= 600, "{what:?}: {to}");
}

#[tokio::test]
async fn web_18_there_is_no_way_out_through_return_to_in_a_whole_sign_in() {
    let app = TestApp::new().await;
    let password = app.password("main", "physician");
    for evil in ways_out() {
        app.advance(minutes(1));
        let mut browser = app.browser();
        let query = testkit::browser::encode(&[("return_to", &evil)]);
        let page = browser.get(&format!("/sign-in?{query}")).await;
        if page.status != 200 {
            assert!([400, 414].contains(&page.status), "{evil:?}: {page:?}");
        }
        assert!(!page.text.contains("\"//evil") && !page.text.contains("\"https://evil"), "{evil:?}");
        let csrf = browser.get("/sign-in").await.expect(200).hidden("csrf");
        // The field of the form can be anything: nobody vouches for it.
        let fields = [("identifier", "physician"), ("password", &password), ("csrf", &csrf), ("return_to", &evil)];
        let on = browser.form("/sign-in", &fields).await;
        if on.status == 400 || on.status == 413 {
            continue;
        }
        assert_eq!(on.expect(303).header("location"), "/sign-in/second-factor");
        let csrf = browser.get("/sign-in/second-factor").await.expect(200).hidden("csrf");
        let code = app.code("main", "physician");
        let fields = [("code", code.as_str()), ("csrf", &csrf), ("return_to", "https://evil.example")];
        let done = browser.form("/sign-in/second-factor", &fields).await.expect(303);
        stays(&done, &evil);
        // The same through confirming.
        let csrf = browser.get(&format!("/account/confirm?{query}")).await;
        if csrf.status == 200 {
            let fields =
                [("password", password.as_str()), ("csrf", &csrf.hidden("csrf")), ("return_to", evil.as_str())];
            stays(&browser.form("/account/confirm", &fields).await.expect(303), &evil);
        }
    }
}

#[tokio::test]
async fn return_to_survives_every_step_of_a_sign_in() {
    let app = TestApp::new().await;
    for (mut browser, base) in [(app.browser(), ""), (app.browser_in_other(), "/realms/other")] {
        let realm = if base.is_empty() { "main" } else { "other" };
        let page = browser.get("/sign-in?return_to=/account/second-factor/new").await.expect(200);
        let fields = [
            ("identifier", "admin"),
            ("password", &app.password(realm, "admin")),
            ("csrf", &page.hidden("csrf")),
            ("return_to", &page.hidden("return_to")),
        ];
        browser.form("/sign-in", &fields).await.expect(303);
        let csrf = browser.get("/sign-in/second-factor").await.expect(200).hidden("csrf");
        let fields = [("code", app.code(realm, "admin")), ("csrf", csrf)];
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let done = browser.form("/sign-in/second-factor", &fields).await.expect(303);
        assert_eq!(done.header("location"), format!("{base}/account/second-factor/new"));
    }
}

#[tokio::test]
async fn a_thousand_sessions_of_one_person_are_listed_in_part_and_end_all_at_once() {
    let app = TestApp::new().await;
    let password = app.password("main", "nurse");
    let mut many = Vec::new();
    // More than four tries at once of one name make each other wait, right or wrong.
    for _ in 0..250 {
        let four = testkit::race(4, |_| {
            let (mut browser, password) = (app.browser(), password.clone());
            async move {
                browser.sign_in_with("nurse", &password).await.expect(200);
                browser
            }
        });
        many.extend(four.await);
    }
    let live = || async {
        let text = "SELECT count(*) FROM session WHERE realm_id = $1 AND ended_at IS NULL";
        app.db.number(text, vec![RealmKey::MAIN.into()]).await
    };
    assert_eq!(live().await, 1000);

    let mut nurse = app.signed_in("nurse").await;

    let listed = nurse.get("/api/v1/me/sessions").await.expect(200).json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 200);
    assert_eq!(listed["items"].as_array().unwrap().iter().filter(|session| session["current"] == true).count(), 1);
    nurse.get("/account").await.expect(200);
    nurse.post_empty("/api/v1/sign-out/everywhere").await.expect(204);
    assert_eq!(live().await, 0);
    for browser in many.iter().step_by(100) {
        assert_eq!(browser.clone().me().await.status, 401);
        assert_eq!(browser.clone().refresh().await.status, 401);
    }
    app.signed_in("nurse").await;
}
