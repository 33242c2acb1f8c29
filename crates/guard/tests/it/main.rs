//! Tests of the guard as a whole: hostile tokens, hostile key documents, an issuer that rotates and goes away, routes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]
#![allow(clippy::disallowed_methods, reason = "tests make their own keys and measure tokio's own, paused time")]

mod corpus;
mod feed;
mod feeding;
mod guide;
mod issuer;
mod keys;
mod lies;
mod mint;
mod remote;
mod routes;
mod tokens;
mod wycheproof;
