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

pub mod clock;
mod fetch;
mod remote;
mod wait;

mod ask;
pub mod denylist;
mod feed;
mod metrics;

pub mod bearer;
mod caller;
mod refusal;

mod guard;
mod layer;
mod settings;

#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use caller::{AAL1, AAL2, Caller, Catalogue, PHRH};
pub use clock::Clock;
pub use denylist::Denylist;
pub use feed::MAX_SILENCE;
pub use fetch::{FetchError, SetupError};
pub use guard::{Guard, NotVerified};
pub use keys::{BadKeys, KeySet, Keys, SharedKeys, VerifyingKey};
pub use layer::{GuardLayer, Guarded, RequireLayer, Required, require_permission, require_role, require_step_up};
pub use metrics::{FeedState, Metrics};
pub use refusal::{REQUEST_ID, Refusal};
pub use remote::{KEYS_EVERY_SECONDS, ROLES_EVERY_SECONDS};
pub use settings::Settings;
pub use verifier::Verifier;
pub use wire::claims::AccessClaims;
pub use wire::jws::Refused;
pub use wire::problem::Code;
pub use wire::revocation::{Revocation, RevocationPage};
pub use wire::roles::RolesCatalogue;
