//! Who may do what: APIs, permissions, roles, inheritance, grants. Facts have a time: rows are ended, never overwritten.

pub mod api; // resource servers, their permissions and secrets
pub mod fact; // permissions, inheritance and assigners of roles, by time
pub mod grant; // who holds which role, where, until when
pub mod history; // the same at an instant
pub mod policy; // what the realm and roles ask for
pub mod role; // roles and what hangs on them
