//! The surface, tested in process: requests in, answers and rows out.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what fails here fails the test, and says where"
)]

mod administration; // roles, APIs, units, clients: each change leaves its event
mod attack; // what a penetration test found, closed
mod audit; // each action leaves exactly its events, and no secret
mod authority; // authority ends with the acknowledgement of its end
mod chance; // random walks through the sign-in API
mod climbing; // nobody climbs; the last administrator stays
mod console; // pages of the console: who sees what, deeds, refusals, weight
mod console_deeds; // the console: people, units, roles, APIs and clients changed as by API, and refusals in German
mod contract; // shapes that clients rely on
mod cookies; // what is set, and what is believed
mod cross_site; // what other sites may cause: nothing
mod devices; // recognised devices, and what they are good for
mod document; // openapi.json says what follows from the routes
mod examples; // an example for each operation, asked again
mod factors; // second factors: binding, proving, recovering, removing
mod feed; // what resource servers must refuse is told
mod headers; // security headers, CORS, redirects
mod idle; // only what a person does keeps a session alive
mod input; // bad input, and the order of refusals
mod invitation; // links: invitation, activation, set-up
mod keys; // rotation of signing keys
mod making; // sixteen who make the same thing at once
mod matrix; // endpoint × caller
mod oauth; // tokens for services, revocation, introspection, decisions
mod odd; // odd codes, labels and places to return to
mod oneself; // changing one's own profile, in a version
mod oracle; // who may do what: everybody says what the raw facts say
mod outage; // PostgreSQL gone and back
mod pages; // the steps of a sign-in and the account by forms alone, languages
mod password; // what may be one
mod past; // access at an instant, grants by date
mod people; // finding, changing and deleting people, by home unit
mod places; // units
mod policy; // policies by realm and role, and what they do to sessions
mod profile; // a profile applied to a realm that people have worked with
mod refresh; // T1 to T10 of requirements 2.6
mod refresh_walk; // the server beside the model of refresh rotation
mod registered; // APIs, credentials, clients
mod role_climbing; // nobody climbs by changing roles
mod roles; // roles, permissions and APIs without a release
mod sign_in; // equal answers, the throttle
mod steps; // a step more in the list of a sign-in
mod stronger; // what a penetration test of second factors found, closed
mod surface; // route × cause × cookie
mod switch; // another person at the same device
mod tokens; // access tokens that are not acceptable
mod transactions; // a sign-in in progress
mod twin; // nothing of a realm that looks the same is seen or touched
mod unlock; // a locked session goes on with the password alone
mod walk; // what the README shows

/// What a token says, unverified.
fn claims(token: &str) -> serde_json::Value {
    use base64::Engine;
    let payload = token.split('.').nth(1).expect("three parts");
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).expect("base64url");
    serde_json::from_slice(&bytes).expect("JSON")
}

/// What the `not_before` of a person's revocation is compared with.
fn rights_as_of(app: &testkit::TestApp, claims: &serde_json::Value) -> i64 {
    claims["as_of"].as_i64().unwrap_or_else(|| issued_at(app, claims))
}

/// What that of a session is compared with.
fn session_as_of(app: &testkit::TestApp, claims: &serde_json::Value) -> i64 {
    claims["sid_as_of"].as_i64().unwrap_or_else(|| issued_at(app, claims))
}

/// It never lies ahead, because middleware that others made refuses that.
fn issued_at(app: &testkit::TestApp, claims: &serde_json::Value) -> i64 {
    let iat = claims["iat"].as_i64().expect("iat");
    assert!(iat <= app.db.now().seconds(), "issued in the future: {claims}");
    iat
}

/// The caller behind a browser's bearer, as the route builds it before the body is read.
async fn caller(app: &testkit::TestApp, browser: &testkit::Browser) -> service::Caller {
    let claims = claims(browser.bearer.as_deref().unwrap());
    let bearer = service::caller::Bearer::of(&serde_json::from_value(claims).unwrap()).expect("of a session");
    let (realm, request) = (domain::realm::RealmKey::MAIN, domain::allowed::Request::default());
    service::caller::by_bearer(&app.app, realm, bearer, request).await.unwrap().expect("signed in")
}
