//! What other sites may cause: nothing (WEB-03, SES-09, SES-12).

use axum::http::Method;
use testkit::browser::encode;
use testkit::{Browser, TestApp};
use web::table::Access;

const OURS: &str = "https://id.example.org";
const LISTED: &str = "https://app.example.org";

type Headers = &'static [(&'static str, &'static str)];

/// Headers that a request comes with, and whether a JSON endpoint and a form with its token may do what it asks.
const CAUSES: &[(Headers, bool, bool)] = &[
    (&[], true, true),
    (&[("sec-fetch-site", "same-origin")], true, true),
    (&[("sec-fetch-site", "same-origin"), ("origin", OURS)], true, true),
    (&[("sec-fetch-site", "none"), ("sec-fetch-mode", "navigate")], true, true),
    (&[("sec-fetch-site", "none")], false, false),
    (&[("sec-fetch-site", "same-site")], false, false),
    (&[("sec-fetch-site", "same-site"), ("origin", OURS)], false, false),
    (&[("sec-fetch-site", "same-site"), ("origin", LISTED)], true, false),
    (&[("sec-fetch-site", "cross-site")], false, false),
    (&[("sec-fetch-site", "cross-site"), ("origin", LISTED)], true, false),
    (&[("sec-fetch-site", "cross-site"), ("origin", OURS)], false, false),
    (&[("sec-fetch-site", "cross-site"), ("origin", "null")], false, false),
    (&[("sec-fetch-site", "anything")], false, false),
    (&[("sec-fetch-site", "")], false, false),
    (&[("origin", OURS)], true, true),
    (&[("origin", LISTED)], true, false),
    (&[("origin", "https://evil.example")], false, false),
    (&[("origin", "http://id.example.org")], false, false),
    (&[("origin", "https://id.example.org.evil.example")], false, false),
    (&[("origin", "https://id.example.org:8443")], false, false),
    (&[("origin", "null")], false, false),
    (&[("origin", "")], false, false),
];

async fn app() -> TestApp {
    TestApp::new().await.node(|_, config| config.origins = vec![LISTED.to_owned()])
}

fn caused(browser: &Browser, headers: &[(&str, &str)]) -> Browser {
    let mut browser = browser.clone();
    browser.headers.extend(headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    browser
}

#[tokio::test]
async fn web_03_every_public_post_refuses_what_another_site_caused() {
    let app = app().await;
    let public =
        app.endpoints().into_iter().filter(|e| e.json && e.access == Access::Public && e.method == Method::POST);
    let paths: Vec<String> = public.map(|endpoint| endpoint.path).collect();
    assert_eq!(paths.len(), 11, "{paths:?}");
    for path in paths {
        for (headers, allowed, _) in CAUSES {
            let answer = caused(&app.browser(), headers).post(&path, &serde_json::json!({})).await;
            let refused = (answer.status, answer.code().as_str()) == (403, "forbidden");
            assert_eq!(!refused, *allowed, "{path} {headers:?}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn another_site_can_neither_refresh_nor_sign_out_nor_sign_in() {
    let app = app().await;
    let nurse = app.signed_in("nurse").await;
    app.advance(domain::time::minutes(1));
    let before = app.db.dump(domain::realm::RealmKey::MAIN).await;
    let evil = [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")];

    for path in ["/api/v1/session/refresh", "/api/v1/sign-out", "/api/v1/sign-out/everywhere"] {
        caused(&nurse, &evil).call(Method::POST, path).without_bearer().send().await.expect(403);
    }
    let login = caused(&app.browser(), &evil).sign_in_with("nurse", &app.password("main", "nurse")).await.expect(403);
    assert!(login.set_cookies().is_empty());

    let after = app.db.dump(domain::realm::RealmKey::MAIN).await;
    assert_eq!((&before["session"], &before["refresh_family"]), (&after["session"], &after["refresh_family"]));
    assert_eq!(nurse.clone().me().await.status, 200);
    assert_eq!(app.count("malicious_csrf").await, 1, "one a minute and address");
}

#[tokio::test]
async fn requests_that_another_site_caused_are_counted_and_reported_once_a_minute() {
    let app = app().await;
    let evil = caused(&app.browser(), &[("origin", "https://evil.example")]);
    for _ in 0..7 {
        evil.clone().post_empty("/api/v1/sign-out").await.expect(403);
    }
    app.advance(domain::time::minutes(1));
    evil.clone().post_empty("/api/v1/sign-out").await.expect(403);

    let events = app.events().await;
    let counts: Vec<i64> = events
        .iter()
        .filter(|event| event["type"] == "malicious_csrf")
        .map(|event| event["after"]["count"].as_i64().unwrap())
        .collect();
    assert_eq!(counts, [1, 7]);
}

/// A browser before a form, the path it is sent to, its fields, and its status when it is accepted.
struct Form {
    browser: Browser,
    path: String,
    fields: Vec<(&'static str, String)>,
    accepted: u16,
}

async fn forms(app: &TestApp) -> Vec<Form> {
    let mut stranger = app.browser();
    let csrf = stranger.get("/sign-in").await.expect(200).hidden("csrf");
    let password = app.password("main", "nurse");
    let fields = vec![("identifier", "nurse".to_owned()), ("password", password), ("csrf", csrf)];
    let sign_in = Form { browser: stranger, path: "/sign-in".to_owned(), fields, accepted: 303 };

    let mut nurse = app.signed_in("nurse").await;
    let csrf = nurse.get("/sign-out").await.expect(200).hidden("csrf");
    let other = app.signed_in("nurse").await;
    let session = crate::claims(&other.bearer.unwrap())["sid"].as_str().unwrap().to_owned();
    let path = format!("/account/sessions/{session}/end");
    let end = Form { browser: nurse.clone(), path, fields: vec![("csrf", csrf.clone())], accepted: 303 };
    let sign_out = Form { browser: nurse, path: "/sign-out".to_owned(), fields: vec![("csrf", csrf)], accepted: 200 };

    let name = domain::event::hex(&domain::entropy::bytes::<6>(&*app.db.entropy));
    let link = app.new_link(&name, store::token::Purpose::Activation).await;
    let mut invited = app.browser();
    invited.get(&format!("/invitation?token={link}")).await.expect(303);
    let csrf = invited.get("/invitation").await.expect(200).hidden("csrf");
    let fields = vec![("new_password", "a long walk along the beach".to_owned()), ("csrf", csrf)];
    let invitation = Form { browser: invited, path: "/invitation".to_owned(), fields, accepted: 200 };
    vec![sign_in, end, sign_out, invitation]
}

fn body(fields: &[(&'static str, String)]) -> String {
    encode(&fields.iter().map(|(name, value)| (*name, value.as_str())).collect::<Vec<_>>())
}

const FORM: &str = "application/x-www-form-urlencoded";

#[tokio::test]
async fn web_03_every_form_needs_its_token_and_our_own_page() {
    let app = app().await;
    for (headers, _, allowed) in CAUSES {
        for form in forms(&app).await {
            let mut browser = caused(&form.browser, headers);
            let answer = browser.call(Method::POST, &form.path).text(FORM, body(&form.fields)).send().await;
            let expected = if *allowed { form.accepted } else { 403 };
            assert_eq!(answer.status, expected, "{} {headers:?}: {answer:?}", form.path);
        }
    }
}

#[tokio::test]
async fn web_03_a_form_without_its_token_or_with_a_wrong_one_is_refused() {
    let app = app().await;
    let foreign: Vec<String> = forms(&app).await.iter().map(|form| form.fields.last().unwrap().1.clone()).collect();
    for headers in [&[][..], &[("sec-fetch-site", "same-origin"), ("origin", OURS)]] {
        for form in forms(&app).await {
            let own = form.fields.last().unwrap().1.clone();
            let wrong = ["", "wrong", &own[1..], &format!("{own}A")].map(ToOwned::to_owned).into_iter();
            for token in wrong.chain(foreign.clone()).map(Some).chain([None]) {
                let mut fields = form.fields.clone();
                fields.pop();
                fields.extend(token.clone().map(|token| ("csrf", token)));
                let mut browser = caused(&form.browser, headers);
                let answer = browser.call(Method::POST, &form.path).text(FORM, body(&fields)).send().await;
                assert_eq!(answer.status, 403, "{} {token:?} {headers:?}: {answer:?}", form.path);
            }
        }
    }
}

#[tokio::test]
async fn a_form_without_its_cookie_is_refused() {
    let app = app().await;
    for form in forms(&app).await {
        let mut browser = form.browser.clone();
        let call = browser.call(Method::POST, &form.path).without_cookies().text(FORM, body(&form.fields));
        let answer = call.send().await;
        let to_sign_in = answer.status == 303 && answer.header("location").starts_with("/sign-in");
        assert!(answer.status == 403 || to_sign_in, "{}: {answer:?}", form.path);
        assert!(answer.set_cookies().iter().all(|line| !line.contains("-session=")), "{answer:?}");
    }
}

#[tokio::test]
async fn ses_09_looking_at_sign_out_signs_nobody_out() {
    let app = app().await;
    let mut nurse = app.signed_in("nurse").await;

    nurse.get("/sign-out").await.expect(200);

    assert_eq!(nurse.me().await.status, 200);
}
