//! The roles catalogue: which permissions of one API each role brings.
//!
//! Served at `/.well-known/bailiwick-roles?audience=` to the API's own credentials. A token names roles; with the catalogue a resource server
//! turns them into permissions where the token does not list these (roles held in units, and tokens that would have grown too large).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The catalogue of one audience.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolesCatalogue {
    /// The API whose permissions these are.
    pub audience: String,
    /// The edition; rises with every change of a role, its permissions or its inheritance.
    pub roles_version: i64,
    /// Role → its permissions after inheritance, sorted.
    pub roles: BTreeMap<String, Vec<String>>,
}

impl RolesCatalogue {
    /// Whether `role` brings `permission`.
    #[must_use]
    pub fn grants(&self, role: &str, permission: &str) -> bool {
        self.roles.get(role).is_some_and(|permissions| permissions.iter().any(|held| held == permission))
    }
}
