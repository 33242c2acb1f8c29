//! Profiles: roles, permissions, inheritance and policies as data. The files stand in `profiles/`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use thiserror::Error;

use crate::permission::{Audience, OWN_API, Permission, PermissionName};
use crate::policy::Policy;
use crate::role::RoleName;

/// A profile as its file says.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// `healthcare`.
    pub name: String,
    /// Raised when the file changes.
    pub edition: u32,
    /// For people.
    pub title: String,
    /// One sentence.
    pub description: String,
    /// The resource servers.
    pub api: Vec<ProfileApi>,
    /// The roles.
    pub role: Vec<ProfileRole>,
    /// The realm's policy.
    #[serde(default)]
    pub policy: Policy,
}

/// A resource server of a profile.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileApi {
    /// Its name in roles and tokens.
    pub audience: String,
    /// Its name for people.
    pub name: String,
    /// What it can permit.
    #[serde(default)]
    pub permission: Vec<ProfilePermission>,
}

/// A permission of a profile.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfilePermission {
    /// `charts:read`.
    pub name: String,
    /// What a person reads.
    pub description: String,
}

/// A role of a profile.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileRole {
    /// `nurse`.
    pub name: String,
    /// For people.
    pub display_name: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// Roles whose permissions it gets.
    #[serde(default)]
    pub inherits: Vec<String>,
    /// Whether it needs a second factor.
    #[serde(default)]
    pub sensitive: bool,
    /// Roles whose holders may give it.
    #[serde(default)]
    pub assignable_by: Vec<String>,
    /// Audience → permissions.
    #[serde(default)]
    pub permissions: BTreeMap<String, Vec<String>>,
    /// Its session times.
    #[serde(default)]
    pub policy: Policy,
}

/// A profile that contradicts itself.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{place}: {what}")]
pub struct ProfileError {
    /// `role nurse, inherits`.
    pub place: String,
    /// What is wrong and what was expected.
    pub what: String,
}

impl Profile {
    /// Finds every name that is wrong or refers to nothing.
    #[must_use]
    pub fn mistakes(&self) -> Vec<ProfileError> {
        let mut found = Vec::new();
        let mut wrong = |place: String, what: String| found.push(ProfileError { place, what });
        let mut known: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        known.insert(OWN_API, Permission::ALL.iter().map(|p| p.as_str()).collect());
        for api in &self.api {
            if let Err(error) = Audience::parse(&api.audience) {
                wrong(format!("api {}", api.audience), error.to_string());
            }
            for permission in &api.permission {
                if let Err(error) = PermissionName::parse(&permission.name) {
                    wrong(format!("api {}, permission {}", api.audience, permission.name), error.to_string());
                }
            }
            known.insert(&api.audience, api.permission.iter().map(|p| p.name.as_str()).collect());
        }
        let roles: BTreeSet<&str> = self.role.iter().map(|r| r.name.as_str()).collect();
        for role in &self.role {
            if let Err(error) = RoleName::parse(&role.name) {
                wrong(format!("role {}", role.name), error.to_string());
            }
            for other in role.inherits.iter().chain(&role.assignable_by).filter(|name| !roles.contains(name.as_str())) {
                wrong(format!("role {}", role.name), format!("there is no role {other} in this profile"));
            }
            for (audience, names) in &role.permissions {
                for name in
                    names.iter().filter(|name| !known.get(audience.as_str()).is_some_and(|k| k.contains(name.as_str())))
                {
                    wrong(
                        format!("role {}, permissions.{audience}", role.name),
                        format!("API {audience} has no permission {name}"),
                    );
                }
            }
        }
        found
    }
}
