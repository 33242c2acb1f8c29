//! What applying a profile would do to a realm: what it adds, what it leaves as an administrator left it, what is only here.
//!
//! The rule: a profile adds what the realm never had, and touches nothing that is or was there. What an administrator took away
//! stays away, because the realm still knows that it once had it; what an administrator made is theirs, even under a name that
//! the profile uses too (decision 21).

mod compare;

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::attribute::AttributeSchema;
use crate::policy::Policy;

/// Whether something is there, or was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It was, and was ended.
    Ended,
    /// It is.
    InForce,
}

/// A role that a realm has or had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownRole {
    /// Whether it is still there.
    pub standing: Standing,
    /// Whether a profile made it.
    pub built_in: bool,
    /// For people.
    pub display_name: String,
    /// What it is for.
    pub description: String,
    /// Whether it needs a second factor.
    pub sensitive: bool,
}

/// All that a realm has, and what it had before.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Audience → standing and name for people.
    pub apis: BTreeMap<String, (Standing, String)>,
    /// (audience, permission) → standing and description.
    pub permissions: BTreeMap<(String, String), (Standing, String)>,
    /// By name.
    pub roles: BTreeMap<String, KnownRole>,
    /// (role, audience, permission), of roles in force.
    pub carried: BTreeMap<(String, String, String), Standing>,
    /// (role, what it inherits).
    pub inherits: BTreeMap<(String, String), Standing>,
    /// (role, whose holders may give it).
    pub assignable_by: BTreeMap<(String, String), Standing>,
    /// The latest policies: the realm's under nothing, those of roles in force under their names.
    pub policies: BTreeMap<Option<String>, (Standing, Policy)>,
    /// What people may carry.
    pub attributes: AttributeSchema,
}

/// One thing that a profile says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Item {
    /// A resource server.
    Api {
        /// Its audience.
        api: String,
    },
    /// A permission of an API.
    Permission {
        /// The audience.
        api: String,
        /// Its name.
        permission: String,
    },
    /// A role, by itself.
    Role {
        /// Its name.
        role: String,
    },
    /// A permission that a role carries.
    RolePermission {
        /// The role.
        role: String,
        /// The audience.
        api: String,
        /// The permission.
        permission: String,
    },
    /// A role that another gets its permissions from.
    Inherits {
        /// The role that gets them.
        role: String,
        /// The one it gets them from.
        inherits: String,
    },
    /// A role whose holders may give another.
    AssignableBy {
        /// The role that is given.
        role: String,
        /// The one whose holders give it.
        by: String,
    },
    /// The session times of a role, or of the realm.
    Policy {
        /// The role; nothing for the realm.
        #[serde(skip_serializing_if = "Option::is_none")]
        role: Option<String>,
    },
    /// What a person may carry.
    Attribute {
        /// Its name.
        attribute: String,
    },
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Api { api } => write!(f, "API {api}"),
            Self::Permission { api, permission } => write!(f, "permission {permission} of API {api}"),
            Self::Role { role } => write!(f, "role {role}"),
            Self::RolePermission { role, api, permission } => write!(f, "role {role}: permission {api} {permission}"),
            Self::Inherits { role, inherits } => write!(f, "role {role}: inherits from {inherits}"),
            Self::AssignableBy { role, by } => write!(f, "role {role}: may be given by {by}"),
            Self::Policy { role: Some(role) } => write!(f, "role {role}: session times"),
            Self::Policy { role: None } => f.write_str("session times of the realm"),
            Self::Attribute { attribute } => write!(f, "attribute {attribute}"),
        }
    }
}

impl Item {
    /// The role that it is part of, unless it is the role itself.
    #[must_use]
    pub fn part_of(&self) -> Option<&str> {
        match self {
            Self::RolePermission { role, .. } | Self::Inherits { role, .. } | Self::AssignableBy { role, .. } => {
                Some(role)
            }
            Self::Policy { role } => role.as_deref(),
            Self::Api { .. } | Self::Permission { .. } | Self::Role { .. } | Self::Attribute { .. } => None,
        }
    }
}

/// Why something of the profile is left out.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum Why {
    /// It is here and says something else.
    Differs {
        /// Which field.
        field: &'static str,
        /// What stands here.
        here: Value,
        /// What the profile says.
        profile: Value,
    },
    /// Somebody took it away here.
    TakenAway,
    /// Somebody made it here, and it is not the profile's.
    MadeHere,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Differs { field, here, profile } => write!(f, "{field} is {here} here, {profile} in the profile"),
            Self::TakenAway => f.write_str("was taken away here"),
            Self::MadeHere => f.write_str("was made here, and stays as it was made"),
        }
    }
}

/// Something that is left as it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Left {
    /// What.
    #[serde(flatten)]
    pub item: Item,
    /// Why.
    #[serde(flatten)]
    pub why: Why,
}

/// What applying a profile does.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Plan {
    /// What the realm never had, in an order in which it can be made.
    pub added: Vec<Item>,
    /// What the profile says otherwise than the realm.
    pub left: Vec<Left>,
    /// What the realm has and the profile does not know.
    pub only_here: Vec<Item>,
}

impl Plan {
    /// The new roles, by name.
    pub fn added_roles(&self) -> impl Iterator<Item = &str> {
        self.added.iter().filter_map(|item| if let Item::Role { role } = item { Some(role.as_str()) } else { None })
    }

    /// What is added to roles that are there already: rights of people who hold them.
    pub fn added_to_known_roles(&self) -> impl Iterator<Item = &Item> {
        let new: std::collections::BTreeSet<&str> = self.added_roles().collect();
        self.added.iter().filter(move |item| item.part_of().is_some_and(|role| !new.contains(role)))
    }
}
