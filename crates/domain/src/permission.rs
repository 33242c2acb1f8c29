//! Permissions: what can be permitted, by which API.

use thiserror::Error;

macro_rules! permissions {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $says:literal;)*) => {
        /// A permission of Bailiwick's own API; a closed list. Other APIs' permissions are rows.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Permission { $(#[doc = $says] $variant,)* }

        impl Permission {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// As roles and OpenAPI's `x-permission` name it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What it allows, for people.
            #[must_use]
            pub const fn description(self) -> &'static str {
                match self { $(Self::$variant => $says,)* }
            }
        }
    };
}

permissions! {
    UsersRead = "users:read", "See people";
    UsersCreate = "users:create", "Invite people";
    UsersUpdate = "users:update", "Change people's data";
    UsersDelete = "users:delete", "Delete people";
    UsersManage = "users:manage", "Disable, enable and unlock people, start resets";
    RolesRead = "roles:read", "See roles, permissions, APIs and units";
    RolesManage = "roles:manage", "Change roles, permissions, APIs and units";
    RolesAssign = "roles:assign", "Give and end roles";
    SessionsRead = "sessions:read", "See people's sessions";
    SessionsEnd = "sessions:end", "End people's sessions";
    PoliciesRead = "policies:read", "See policies";
    PoliciesManage = "policies:manage", "Change policies";
    AuditRead = "audit:read", "Read the audit log";
    KeysManage = "keys:manage", "See and rotate signing keys";
    ClientsManage = "clients:manage", "Change clients";
    AccessCheck = "access:check", "Ask what others may do";
}

impl Permission {
    /// Reads [`Permission::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|p| p.as_str() == text)
    }

    /// Its bit in a [`PermissionSet`].
    const fn bit(self) -> u32 {
        1 << self as u8
    }
}

/// A set of Bailiwick's own permissions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PermissionSet(u32);

impl PermissionSet {
    /// Adds one.
    pub fn insert(&mut self, permission: Permission) {
        self.0 |= permission.bit();
    }

    /// Whether it holds `permission`.
    #[must_use]
    pub const fn has(self, permission: Permission) -> bool {
        self.0 & permission.bit() != 0
    }

    /// Both sets together.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// The audience of Bailiwick's own API in roles and paths.
pub const OWN_API: &str = "bailiwick";

/// A permission's name within its API: `resource:action`, with an optional `:own`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PermissionName(String);

impl TryFrom<String> for PermissionName {
    type Error = GrammarError;
    fn try_from(text: String) -> Result<Self, GrammarError> {
        Self::parse(&text)
    }
}

impl From<PermissionName> for String {
    fn from(name: PermissionName) -> Self {
        name.0
    }
}

/// Why a text is no name of a permission, role or API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum GrammarError {
    /// Not `resource:action[:own]`.
    #[error("a permission is written resource:action, or resource:action:own, in lower case: charts:read")]
    Permission,
    /// Not `[a-z][a-z0-9-]{1,62}`.
    #[error("must be 2 to 63 lower-case letters, digits and hyphens, starting with a letter")]
    Name,
}

impl PermissionName {
    /// Checks `text`.
    ///
    /// # Errors
    /// [`GrammarError::Permission`].
    pub fn parse(text: &str) -> Result<Self, GrammarError> {
        let mut parts = text.split(':');
        let slug = |part: Option<&str>| part.is_some_and(|p| crate::unit::is_slug(p, 40));
        let good = slug(parts.next()) && slug(parts.next()) && matches!(parts.next(), None | Some("own"));
        if good && parts.next().is_none() { Ok(Self(text.to_owned())) } else { Err(GrammarError::Permission) }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An API's audience: its name in paths, roles and tokens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Audience(String);

impl TryFrom<String> for Audience {
    type Error = GrammarError;
    fn try_from(text: String) -> Result<Self, GrammarError> {
        Self::parse(&text)
    }
}

impl From<Audience> for String {
    fn from(name: Audience) -> Self {
        name.0
    }
}

impl Audience {
    /// Checks `text`.
    ///
    /// # Errors
    /// [`GrammarError::Name`].
    pub fn parse(text: &str) -> Result<Self, GrammarError> {
        if text.len() >= 2 && crate::unit::is_slug(text, 63) {
            Ok(Self(text.to_owned()))
        } else {
            Err(GrammarError::Name)
        }
    }

    /// Bailiwick's own API.
    #[must_use]
    pub fn own() -> Self {
        Self(OWN_API.to_owned())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_grammar_and_nothing_else_does() {
        for text in ["charts:read", "lab-results:release", "charts:read:own"] {
            assert!(PermissionName::parse(text).is_ok(), "{text}");
        }
        for text in
            ["charts", "charts:", ":read", "Charts:read", "charts:*", "charts:read:all", "a:b:own:own", "charts:read "]
        {
            assert!(PermissionName::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn every_own_permission_parses_back_and_follows_the_grammar() {
        for permission in Permission::ALL {
            assert_eq!(Permission::parse(permission.as_str()), Some(*permission));
            assert!(PermissionName::parse(permission.as_str()).is_ok());
        }
    }
}
