//! Profiles: roles, permissions, inheritance, policies and attributes as data. The files stand in `profiles/`.
//!
//! A profile is whole in itself: what it names, it defines. What is wrong with one is `profile::mistake`, what applying one
//! would do to a realm is `profile::plan`.

mod effective;
pub mod mistake;
pub mod plan;

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::attribute::Attribute;
use crate::policy::Policy;

pub use mistake::Mistake;

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
    /// What a person may carry beyond name and address.
    #[serde(default)]
    pub attribute: Vec<Attribute>,
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

#[cfg(test)]
mod tests;
