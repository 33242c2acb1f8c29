//! What is true: Bailiwick's types and rules. No I/O, no clock, no randomness, no async.
//!
//! Input is parsed once into these types; what follows trusts them. Storing is `store`, doing is `service`.

pub mod access; // what somebody may do, where, and why
pub mod activation; // printed codes
pub mod allowed; // the first door: proof that an action was permitted
pub mod attribute; // what a realm keeps of a person beyond name and address
pub mod caller; // who asks, and the one decision
pub mod client; // applications that ask for tokens
pub mod entropy; // where ids and secrets come from: a trait only
pub mod event; // the third door: what happened, and its canonical bytes
pub mod id; // one type for each kind of id
pub mod key; // signing keys: published before use, kept after
pub mod password; // what may be a password
pub mod permission; // what can be permitted, by which API
pub mod policy; // session times by role, strictest wins
pub mod profile; // roles and permissions as data
pub mod realm; // isolated directories
pub mod recovery; // ten codes for the day a phone is lost
pub mod refresh; // refresh tokens: when exchanged, when a replay
pub mod revocation; // what is refused before it expires
pub mod role; // roles, inheritance, who may assign them
pub mod secret; // values that must not be printed
pub mod session; // sessions: deadlines and states
pub mod sign_in; // the steps from an identifier to a session
pub mod throttle; // how often may be tried
pub mod time; // instants in microseconds, given from outside
pub mod totp; // six digits that change every 30 seconds
pub mod unit; // places in a realm's organisation
pub mod user; // people: names, addresses, states
