//! OAuth for programs: tokens for services (RFC 6749, section 4.4), giving tokens back (RFC 7009), asking what a token is worth now (RFC 7662).
//!
//! Who asks has proved its credentials before (`client::authenticate`); whose signature a token has was verified before (`web`).

mod introspect;
mod revoke;
mod token;

pub use introspect::{Active, introspect};
pub use revoke::{Given, RevokeError, revoke};
pub use token::{ClientCredentials, Issued, TokenError, client_credentials};

use std::collections::BTreeSet;

use domain::access::Access;

/// What a token of a client says of rights, narrowed to what it asked for.
pub(crate) struct Rights {
    pub(crate) roles: Vec<String>,
    pub(crate) permissions: Vec<String>,
    pub(crate) units: std::collections::BTreeMap<String, Vec<String>>,
}

impl Rights {
    /// All that is held now; with a scope only what it names of what is held everywhere. A narrowed token names no roles and no units: whoever
    /// reads them would find more in them than was asked for.
    pub(crate) fn of(access: &Access, audience: &str, scope: Option<&BTreeSet<String>>) -> Self {
        let permissions = access.permissions_at_root(audience);
        match scope {
            None => Self { roles: access.roles_at_root(), permissions, units: access.roles_in_units() },
            Some(scope) => Self {
                roles: Vec::new(),
                permissions: permissions.into_iter().filter(|name| scope.contains(name)).collect(),
                units: std::collections::BTreeMap::new(),
            },
        }
    }
}

/// A scope as a set of names.
pub(crate) fn names(scope: &str) -> BTreeSet<String> {
    scope.split(' ').filter(|name| !name.is_empty()).map(ToOwned::to_owned).collect()
}
