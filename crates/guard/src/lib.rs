//! Middleware for resource servers that trust a Bailiwick: verified tokens, typed callers, permissions.
//!
//! ```no_run
//! use axum::{Router, routing::get};
//! use guard::{Caller, Guard, Settings, require_permission};
//!
//! # async fn run() -> Result<(), guard::SetupError> {
//! let guard = Guard::connect(Settings::new("https://id.example", "clinic").credentials("clinic", "secret"))?;
//! let routes: Router = Router::new()
//!     .route("/charts/{id}", get(|caller: Caller| async move { format!("hello {}", caller.id()) }))
//!     .route_layer(require_permission("charts:read"))
//!     .route_layer(guard.layer());
//! # Ok(()) }
//! ```
//!
//! Verification is offline: the issuer's keys are fetched in the background and kept while it is away.

pub mod keys;
pub mod verifier;

mod cache;

pub use keys::{KeySet, Keys, SharedKeys, VerifyingKey};
pub use verifier::Verifier;
pub use wire::jws::Refused;
