//! The surface, tested in process: requests in, answers and rows out.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what fails here fails the test, and says where"
)]

mod attack; // what a penetration test found, closed
mod audit; // each action leaves exactly its events, and no secret
mod climbing; // nobody climbs; the last administrator stays
mod contract; // shapes that clients rely on
mod cookies; // what is set, and what is believed
mod cross_site; // what other sites may cause: nothing
mod headers; // security headers, CORS, redirects
mod input; // bad input, and the order of refusals
mod invitation; // links: invitation, activation, set-up
mod keys; // rotation of signing keys
mod matrix; // endpoint × caller
mod outage; // PostgreSQL gone and back
mod password; // what may be one
mod refresh; // T1 to T10 of requirements 2.6
mod sign_in; // equal answers, the throttle
mod tokens; // access tokens that are not acceptable
mod walk; // what the README shows

/// What a token says, unverified.
fn claims(token: &str) -> serde_json::Value {
    use base64::Engine;
    let payload = token.split('.').nth(1).expect("three parts");
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).expect("base64url");
    serde_json::from_slice(&bytes).expect("JSON")
}
