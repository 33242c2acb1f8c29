//! Access tokens that are not acceptable, at our own API (JWT-05 to JWT-09, WEB-16).

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::key::Algorithm;
use domain::time::{minutes, seconds};
use serde_json::{Value, json};
use service::signing::{KeyKind, SigningKey};
use testkit::app::signing_key;
use testkit::{Answer, Browser, TestApp};

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn signed(key: &SigningKey, header: &Value, claims: &Value) -> String {
    let input = format!("{}.{}", part(header), part(claims));
    let signature = URL_SAFE_NO_PAD.encode(key.sign(input.as_bytes()).unwrap());
    format!("{input}.{signature}")
}

fn header() -> Value {
    json!({ "alg": "RS256", "typ": "at+jwt", "kid": signing_key().kid() })
}

/// A JSON object with some members changed; null removes one.
#[expect(clippy::needless_pass_by_value, reason = "written as a literal at each call")]
fn with(object: &Value, changes: Value) -> Value {
    let mut object = object.clone();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => object.as_object_mut().unwrap().remove(name),
            value => object.as_object_mut().unwrap().insert(name.clone(), value.clone()),
        };
    }
    object
}

async fn with_token(browser: &mut Browser, token: &str) -> Answer {
    browser.bearer = Some(token.to_owned());
    browser.me().await
}

/// Every one of these must get the answer that garbage gets.
async fn all_refused_alike(app: &TestApp, tokens: impl IntoIterator<Item = (String, String)>) {
    let mut browser = app.browser();
    let garbage = with_token(&mut browser, "garbage").await;
    assert_eq!((garbage.status, garbage.code().as_str()), (401, "not-signed-in"));
    assert_eq!(garbage.header("www-authenticate"), r#"Bearer error="invalid_token""#);
    for (name, token) in tokens {
        let answer = with_token(&mut browser, &token).await;
        assert_eq!(answer.observable(), garbage.observable(), "{name}");
    }
}

fn named<const N: usize>(cases: [(&str, String); N]) -> impl Iterator<Item = (String, String)> {
    cases.into_iter().map(|(name, token)| (name.to_owned(), token))
}

async fn claims_of_the_nurse(app: &TestApp) -> Value {
    let nurse = app.signed_in("nurse").await;
    crate::claims(&nurse.bearer.unwrap())
}

#[tokio::test]
async fn a_token_put_together_by_hand_is_accepted_if_it_is_right() {
    let app = TestApp::new().await;
    let claims = claims_of_the_nurse(&app).await;

    let answer = with_token(&mut app.browser(), &signed(&signing_key(), &header(), &claims)).await;

    assert_eq!(answer.status, 200, "the refusals below are for the reason they name: {answer:?}");
}

#[tokio::test]
async fn jwt_07_tokens_that_nobody_signed_are_refused() {
    let app = TestApp::new().await;
    let claims = claims_of_the_nurse(&app).await;
    let unsigned = |alg: &str| format!("{}.{}.", part(&with(&header(), json!({ "alg": alg }))), part(&claims));
    let good = signed(&signing_key(), &header(), &claims);
    let (input, signature) = good.rsplit_once('.').unwrap();

    all_refused_alike(
        &app,
        named([
            ("none", unsigned("none")),
            ("None", unsigned("None")),
            ("nOnE", unsigned("nOnE")),
            ("no alg", unsigned("")),
            ("none with a signature", format!("{}{signature}", unsigned("none"))),
            ("the signature cut off", format!("{input}.")),
            ("two parts", input.to_owned()),
            ("four parts", format!("{good}.{signature}")),
        ]),
    )
    .await;
}

#[tokio::test]
async fn jwt_07_the_public_key_is_no_secret_to_sign_with() {
    let app = TestApp::new().await;
    let claims = claims_of_the_nurse(&app).await;
    let keys = app.browser().get("/.well-known/jwks.json").await.expect(200);
    let jwk = &keys.json()["keys"][0];
    let n = jwk["n"].as_str().unwrap();
    let secrets = [keys.text.clone().into_bytes(), jwk.to_string().into_bytes(), n.as_bytes().to_vec()];
    let secrets = secrets.into_iter().chain([URL_SAFE_NO_PAD.decode(n).unwrap()]);
    let tokens = secrets.enumerate().flat_map(|(number, secret)| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
        let claims = &claims;
        ["HS256", "RS256"].map(|alg| {
            let input = format!("{}.{}", part(&with(&header(), json!({ "alg": alg }))), part(claims));
            let tag = URL_SAFE_NO_PAD.encode(hmac::sign(&key, input.as_bytes()));
            (format!("{alg} with form {number} of the key"), format!("{input}.{tag}"))
        })
    });

    all_refused_alike(&app, tokens).await;
}

#[tokio::test]
async fn jwt_08_a_header_cannot_bring_its_own_key() {
    let app = TestApp::new().await;
    let claims = claims_of_the_nurse(&app).await;
    let own = SigningKey::parse(Algorithm::Es256, &KeyKind::P256.generate().unwrap()).unwrap();
    let jwk = serde_json::to_value(own.jwk()).unwrap();
    let es256 = with(&header(), json!({ "alg": "ES256" }));
    let forged = |changes: Value| signed(&own, &with(&es256, changes), &claims);
    let ours = |changes: Value| signed(&signing_key(), &with(&header(), changes), &claims);

    all_refused_alike(
        &app,
        named([
            ("our kid", forged(json!({}))),
            ("its kid", forged(json!({ "kid": own.kid() }))),
            ("no kid", forged(json!({ "kid": null }))),
            ("jwk", forged(json!({ "kid": own.kid(), "jwk": jwk }))),
            ("jku", forged(json!({ "kid": own.kid(), "jku": "https://evil.example/jwks.json" }))),
            ("x5u", forged(json!({ "x5u": "https://evil.example/cert" }))),
            ("a path as kid", forged(json!({ "kid": "../../../../dev/null" }))),
            ("SQL as kid", forged(json!({ "kid": "' OR 1=1 --" }))),
            ("a long kid", forged(json!({ "kid": "k".repeat(6000) }))),
            ("crit", ours(json!({ "crit": ["exp"] }))),
            ("crit of something unknown", ours(json!({ "crit": ["x"], "x": 1 }))),
            ("b64", ours(json!({ "crit": ["b64"], "b64": false }))),
            ("another type", ours(json!({ "typ": "JWT" }))),
            ("a logout token", ours(json!({ "typ": "logout+jwt" }))),
            ("no type", ours(json!({ "typ": null }))),
            ("another algorithm for our key", ours(json!({ "alg": "PS256" }))),
            ("an unknown kid", ours(json!({ "kid": "unknown" }))),
        ]),
    )
    .await;
}

#[tokio::test]
async fn jwt_05_tokens_for_somebody_or_something_else_are_refused() {
    let app = TestApp::new().await;
    let claims = claims_of_the_nurse(&app).await;
    let admin = crate::claims(&app.signed_in("admin").await.bearer.unwrap());
    let mut clinic = app.browser();
    clinic.sign_in_for("nurse", "clinic").await;
    let mut other = app.browser_in_other();
    other.sign_in("nurse").await;
    let mut ended = app.signed_in("nurse").await;
    let of_ended = ended.bearer.clone().unwrap();
    ended.post_empty("/api/v1/sign-out").await.expect(204);
    let ours = |changes: Value| signed(&signing_key(), &header(), &with(&claims, changes));
    let own = claims["aud"].as_str().unwrap();

    all_refused_alike(
        &app,
        named([
            ("of API clinic", clinic.bearer.unwrap()),
            ("of realm other", other.bearer.unwrap()),
            ("of a session that ended", of_ended),
            ("two audiences", ours(json!({ "aud": [own, "clinic"] }))),
            ("the issuer as audience", ours(json!({ "aud": claims["iss"] }))),
            ("no audience", ours(json!({ "aud": null }))),
            ("another issuer", ours(json!({ "iss": "https://evil.example" }))),
            ("the issuer with a slash", ours(json!({ "iss": "https://id.example.org/" }))),
            ("no issuer", ours(json!({ "iss": null }))),
            ("somebody else's session", ours(json!({ "sid": admin["sid"] }))),
            ("somebody else with one's own session", ours(json!({ "sub": admin["sub"] }))),
            ("an unknown session", ours(json!({ "sid": "00000000-0000-7000-8000-000000000000" }))),
            ("no session", ours(json!({ "sid": null }))),
        ]),
    )
    .await;
}

#[tokio::test]
async fn jwt_09_times_are_enforced_with_ten_seconds_of_leeway() {
    let app = TestApp::new().await;
    let claims = claims_of_the_nurse(&app).await;
    let now = app.clock.now().seconds();
    let ours = |changes: Value| signed(&signing_key(), &header(), &with(&claims, changes));

    all_refused_alike(
        &app,
        named([
            ("expired", ours(json!({ "exp": now - 11 }))),
            ("no end", ours(json!({ "exp": null }))),
            ("an end that is text", ours(json!({ "exp": "never" }))),
            ("an end with a fraction", ours(json!({ "exp": 1e300 }))),
            ("not yet", ours(json!({ "nbf": now + 60 }))),
            ("issued tomorrow", ours(json!({ "iat": now + 86_400 }))),
        ]),
    )
    .await;
    let just = with_token(&mut app.browser(), &ours(json!({ "exp": now - 9 }))).await;
    assert_eq!(just.status, 200);
}

#[tokio::test]
async fn a_token_that_was_issued_expires_at_its_time() {
    let app = TestApp::new().await;
    let mut nurse = app.signed_in("nurse").await;
    app.advance(minutes(10));
    assert_eq!(nurse.me().await.status, 200, "leeway");

    app.advance(seconds(11));

    assert_eq!(nurse.me().await.expect(401).code(), "not-signed-in");
}

#[tokio::test]
async fn jwt_07_changed_and_misshapen_tokens_are_refused() {
    let app = TestApp::new().await;
    let claims = claims_of_the_nurse(&app).await;
    let good = signed(&signing_key(), &header(), &claims);
    let parts: Vec<&str> = good.split('.').collect();
    let forged = part(&with(&claims, json!({ "roles": ["admin"] })));
    let doubled = claims.to_string().replacen('{', r#"{"iss":"https://evil.example","#, 1);
    let input = format!("{}.{}", parts[0], URL_SAFE_NO_PAD.encode(doubled));
    let doubled = format!("{input}.{}", URL_SAFE_NO_PAD.encode(signing_key().sign(input.as_bytes()).unwrap()));
    let flipped = |at: usize| {
        let mut bytes = good.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).unwrap()
    };

    all_refused_alike(
        &app,
        named([
            ("another payload", format!("{}.{forged}.{}", parts[0], parts[2])),
            ("a member twice", doubled),
            ("a changed header", flipped(3)),
            ("a changed payload", flipped(parts[0].len() + 20)),
            ("a changed signature", flipped(good.len() - 20)),
            ("padding", format!("{good}=")),
            ("another alphabet", format!("{}+/", good)),
            ("a space inside", good.replacen('.', ". ", 1)),
            ("a tail", format!("{good}AAAA")),
            ("dots", "..".to_owned()),
            ("a letter", "a".to_owned()),
            ("three letters", "a.b.c".to_owned()),
            ("nine kilobytes", "a".repeat(9000)),
            ("JSON", json!({ "payload": parts[1], "signature": parts[2] }).to_string()),
        ]),
    )
    .await;
}

#[tokio::test]
async fn one_authorization_header_counts_and_nothing_else() {
    let app = TestApp::new().await;
    let mut nurse = app.signed_in("nurse").await;
    let good = nurse.bearer.clone().unwrap();
    let bearer = format!("Bearer {good}");
    let get = axum::http::Method::GET;

    let twice = nurse.call(get.clone(), "/api/v1/me").header("authorization", &bearer).header("authorization", &bearer);
    let twice = twice.send().await.expect(401);
    assert_eq!(twice.header("www-authenticate"), r#"Bearer error="invalid_token""#);

    for line in ["Basic bnVyc2U6cGFzc3dvcmQ=", "Negotiate x", &good] {
        let answer = nurse.call(get.clone(), "/api/v1/me").header("authorization", line).send().await;
        assert_eq!((answer.status, answer.code().as_str()), (401, "not-signed-in"), "{line}");
    }
    let lower = nurse.call(get, "/api/v1/me").header("authorization", &format!("bearer {good}")).send().await;
    assert_eq!(lower.status, 200, "the scheme's case does not matter (RFC 9110, section 11.1)");
}

#[tokio::test]
async fn web_16_a_token_in_the_address_or_in_a_cookie_is_ignored() {
    let app = TestApp::new().await;
    let mut nurse = app.signed_in("nurse").await;
    let good = nurse.bearer.take().unwrap();

    for path in [format!("/api/v1/me?access_token={good}"), "/api/v1/me".to_owned()] {
        let answer = nurse.get(&path).await.expect(401);
        assert_eq!(answer.header("www-authenticate"), "Bearer", "as if none had come: {path}");
    }
}
