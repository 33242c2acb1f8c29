//! Who may do what: APIs, permissions, roles, inheritance, grants. Facts have a time: rows are ended, never overwritten.

pub mod api; // resource servers, their permissions and secrets
pub mod grant; // who holds which role, where, until when
pub mod role; // roles and what hangs on them
