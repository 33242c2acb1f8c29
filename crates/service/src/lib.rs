//! What can be done: one function per use case. Each passes the three doors: permission, transaction, event.

pub mod api; // resource servers with their credentials
pub mod app; // what every use case is given
pub mod audit; // reading the log
pub mod caller; // who a bearer or a cookie is
pub mod client; // registering applications
pub mod clock; // the one clock
pub mod demo; // what only demo asks
pub mod directory; // roles, policies and APIs of a realm, cached by edition
pub mod entropy; // the one source of randomness
pub mod factor; // second factors: checking and managing them
mod failure; // a proof that failed
pub mod feed; // what resource servers must refuse
pub mod grant; // giving and ending roles
pub mod hashing; // the password pool
pub mod invitation; // from a link to a password
pub mod key; // rotation of signing keys
pub mod mail; // messages that wait, and sending them
pub mod password; // choosing passwords
pub mod policy; // session times, assurance, networks by role
pub mod profile; // applying a profile
pub mod realm; // realms: making and finding them
pub mod refresh; // from a refresh token to an access token
pub mod role; // roles: seeing and changing them
pub mod seal; // secrets at rest, keys derived from one
pub mod session; // sessions that begin, are listed and end
pub mod sign_in; // from an identifier to a session
pub mod signing; // keys that sign, and access tokens
pub mod step_up; // proving again who one is
mod throttle; // keys of counters
pub mod unit; // the organisation's places
pub mod upkeep; // what expires
pub mod user; // people: invite, disable, enable, oneself

pub use app::App;
pub use caller::{Caller, Forbidden};
pub use domain;
pub use store::StoreError;

/// Rows that use cases hand on as stored.
pub mod stored {
    pub use store::access::api::Api;
    pub use store::access::grant::{Grant, Member};
    pub use store::address::Address;
    pub use store::audit::{Filter as EventFilter, Stored as Event};
    pub use store::client::Client;
    pub use store::factor::Factor;
    pub use store::key::Key;
    pub use store::session::Filter as SessionFilter;
    pub use store::session::Session;
    pub use store::unit::Unit;
    pub use store::user::{Column, Mfa, Position, User};
}
