//! The rule of refresh rotation (requirements.md, 2.6), searched for a state that must not be: every interleaving within the bounds.
//!
//! docs/decisions/0027 says what is modelled and what is not.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "what fails here fails the test, and says where"
)]

mod bounds; // the rule, real or with a mistake, and how far the world goes
mod check; // what holds in every state
mod limits; // what does not, and why it is accepted
mod mistakes; // rules with one mistake each: the search finds them
mod world; // tabs, a thief, the network, the server, the clock
