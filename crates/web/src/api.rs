//! JSON, under `/api/v1`. A handler parses, calls, translates.

mod access;

mod audit;
mod client;
mod device;
mod factor;
mod grant;
mod key;
mod me;
mod own;
mod password;
mod policy;
mod refresh;
mod resource_server;
mod revocation;
mod role;
mod role_change;
mod session;
mod shape;
mod sign_in;
mod step_up;
mod unit;
mod unlock;
mod user;

pub use audit::event_document;

pub(crate) use device::describe;
pub(crate) use session::forget;
pub use shape::ProblemDocument;
pub(crate) use sign_in::{label, renew_cookies, set_cookies, visit};
pub(crate) use user::{place, written};

use crate::table::Table;

/// Mounts all of it.
#[must_use]
pub fn mount(table: Table) -> Table {
    let table = unlock::mount(session::mount(refresh::mount(sign_in::mount(table))));
    let table = own::mount(factor::mount(step_up::mount(me::mount(password::mount(table)))));
    let table = access::mount(grant::mount(user::mount(table)));
    let table = client::mount(resource_server::mount(unit::mount(role_change::mount(role::mount(table)))));
    revocation::mount(policy::mount(key::mount(audit::mount(table))))
}
