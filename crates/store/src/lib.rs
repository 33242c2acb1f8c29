//! What is remembered: SQL, migrations, transactions, the two drivers.
//!
//! Functions that read take `&mut impl Read`, functions that write `&mut WriteTx`. SQL is written once, in the portable subset
//! (ARCHITECTURE.md, "Two databases, one logic"). Every statement binds the realm of its transaction first.

pub mod db; // the second door: transactions over SQLite and PostgreSQL
mod error; // the one error
mod migrate; // numbered, forward only
mod outcome; // the third door: what a closure that writes returns
mod secure; // files that only their owner may read

pub mod audit; // events, personal data, leaves

pub use db::{Guard, Location, Options, Read, ReadTx, Store, Value, WriteTx};
pub use error::StoreError;
pub use outcome::{Events, Outcome, Upkeep};

pub mod access; // APIs, permissions, roles, grants: who may do what
pub mod address; // where notices go
pub mod client; // applications that ask for tokens
pub mod counter; // what caches are keyed on
pub mod credential; // passwords
pub mod device; // recognised devices
pub mod factor; // second factors
pub mod key; // signing keys
pub mod outbox; // messages that wait
pub mod profile; // what a realm has and had of what profiles bring
pub mod realm; // isolated directories
pub mod refresh; // refresh families
pub mod revocation; // what is refused before it expires
pub mod session; // sessions
pub mod sign_in; // sign-ins in progress
pub mod throttle; // counters of failures
pub mod token; // single-use links
pub mod unit; // the organisation's places
pub mod user; // people
