//! What crosses the network to other programs: token claims, problems, keys, the roles catalogue.
//!
//! Types and their strict readers only: no I/O, no clock, no cryptography. Signing is `service::token`, verifying is the `guard` crate.

pub mod claims;
pub mod jwk;
pub mod jws;
pub mod problem;
pub mod revocation;
pub mod roles;
mod strict;
