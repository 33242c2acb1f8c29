//! What can be done: one function per use case. Each passes the three doors: permission, transaction, event.

pub mod clock; // the one clock
pub mod entropy; // the one source of randomness
pub mod seal; // secrets at rest, keys derived from one
pub mod hashing; // the password pool
pub mod signing; // keys that sign, and access tokens
pub mod app; // what every use case is given
pub mod directory; // roles, policies and APIs of a realm, cached by edition
pub mod realm; // realms: making and finding them
pub mod profile; // applying a profile
pub mod key; // rotation of signing keys
pub mod caller; // who a bearer or a cookie is
pub mod session; // sessions that begin, are listed and end
pub mod sign_in; // from an identifier to a session
pub mod refresh; // from a refresh token to an access token
pub mod user; // people: invite, disable, enable
pub mod invitation; // from a link to a password
pub mod grant; // giving and ending roles
pub mod audit; // reading the log
pub mod mail; // messages that wait, and sending them
pub mod upkeep; // what expires

pub use app::App;
pub use caller::{Caller, Forbidden};
pub use domain;
pub use store::StoreError;
