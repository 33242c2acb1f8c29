//! Roles: named sets of permissions of several APIs, with general inheritance (INCITS 359).
//!
//! The graph of a realm is small and changes seldom: it is flattened once per edition, then shared.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use thiserror::Error;

use crate::id::RoleId;
use crate::permission::{GrammarError, PermissionSet};

mod change;
mod flatten;
pub use change::{Gain, MOST_INHERITED, gains};

/// A role's name; it never changes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RoleName(String);

impl TryFrom<String> for RoleName {
    type Error = GrammarError;
    fn try_from(text: String) -> Result<Self, GrammarError> {
        Self::parse(&text)
    }
}

impl From<RoleName> for String {
    fn from(name: RoleName) -> Self {
        name.0
    }
}

impl RoleName {
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

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Most levels of inheritance (RBAC-04).
pub const DEEPEST: usize = 16;

/// One role as stored: what it says itself.
#[derive(Clone, Debug)]
pub struct Role {
    /// Its id.
    pub id: RoleId,
    /// Its name.
    pub name: RoleName,
    /// Its name for people.
    pub display_name: String,
    /// What it is for.
    pub description: String,
    /// Whether holding it needs a second factor (MFA-01).
    pub sensitive: bool,
    /// Whether a profile made it.
    pub built_in: bool,
    /// Raised by each administrative change.
    pub version: i64,
    /// Audience → permission names, of this role alone.
    pub permissions: BTreeMap<String, BTreeSet<String>>,
    /// The roles whose permissions it gets.
    pub inherits: BTreeSet<RoleId>,
    /// The roles whose holders may give it.
    pub assignable_by: BTreeSet<RoleId>,
}

/// A role with everything that follows from inheritance.
#[derive(Clone, Debug)]
pub struct Flat {
    /// The role itself.
    pub role: Role,
    /// Itself and all it inherits from.
    pub closure: BTreeSet<RoleId>,
    /// Audience → permission names, inherited ones included.
    pub effective: BTreeMap<String, BTreeSet<String>>,
    /// The same for our own API, as bits.
    pub own: PermissionSet,
    /// For each effective permission the shortest way to a role that itself carries it.
    pub(crate) ways: Vec<Way>,
}

impl Flat {
    /// Whether it carries a permission, by itself or inherited.
    #[must_use]
    pub fn carries(&self, audience: &str, permission: &str) -> bool {
        self.effective.get(audience).is_some_and(|names| names.contains(permission))
    }
}

/// How a role comes to a permission.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    /// The permission's place in the graph's catalogue.
    pub(crate) permission: u32,
    /// Names from the role to the one that itself carries it.
    pub(crate) via: Arc<[Arc<str>]>,
}

/// Inheritance that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum GraphError {
    /// Roles that inherit from each other; the path names them.
    #[error("roles cannot inherit from each other: {}", .0.join(" → "))]
    Cycle(Vec<String>),
    /// More than [`DEEPEST`] levels; the path names them.
    #[error("inheritance has at most 16 levels: {}", .0.join(" → "))]
    TooDeep(Vec<String>),
}

/// All roles of a realm, flattened.
#[derive(Debug, Default)]
pub struct RoleGraph {
    roles: HashMap<RoleId, Flat>,
    names: BTreeMap<String, RoleId>,
    /// Every permission that a role carries, sorted: API, name.
    catalogue: Vec<(Arc<str>, Arc<str>)>,
    version: i64,
}

impl RoleGraph {
    /// Flattens `roles`; `version` names the edition (`roles_version` in tokens).
    ///
    /// # Errors
    /// [`GraphError`]: the rules for changing roles keep it from being stored.
    pub fn new(roles: Vec<Role>, version: i64) -> Result<Self, GraphError> {
        Self::flatten(roles, version, &mut flatten::Closures::default())
    }

    fn flatten(roles: Vec<Role>, version: i64, closures: &mut flatten::Closures) -> Result<Self, GraphError> {
        let by_id: HashMap<RoleId, Role> = roles.into_iter().map(|role| (role.id, role)).collect();
        let names: BTreeMap<String, RoleId> =
            by_id.values().map(|role| (role.name.as_str().to_owned(), role.id)).collect();
        let catalogue = catalogue(&by_id);
        // By name, so that the same roles are refused with the same words.
        for id in names.values() {
            closures.close(&by_id, *id, &mut Vec::new())?;
        }
        let spell = flatten::Spelling::new(&by_id, &catalogue);
        let flat = by_id.iter().map(|(id, role)| (*id, spell.flat(role, closures.of(*id)))).collect();
        Ok(Self { roles: flat, names, catalogue, version })
    }

    /// Flattens roles as they were: what clocks of two nodes made of two changes a second apart may overlap, so what cannot be is passed over instead
    /// of refused.
    #[must_use]
    pub fn of_the_past(roles: Vec<Role>) -> Self {
        let mut closures = flatten::Closures { passes_over: true, ..flatten::Closures::default() };
        Self::flatten(roles, 0, &mut closures).unwrap_or_default()
    }

    /// What it would be with a role as `role` says, in place of the one with its id if there is one.
    ///
    /// # Errors
    /// [`GraphError`].
    pub fn with(&self, role: Role) -> Result<Self, GraphError> {
        let mut roles: Vec<Role> = self.without(role.id).cloned().collect();
        roles.push(role);
        Self::new(roles, self.version)
    }

    fn without(&self, id: RoleId) -> impl Iterator<Item = &Role> {
        self.roles.values().map(|flat| &flat.role).filter(move |role| role.id != id)
    }

    /// The edition.
    #[must_use]
    pub const fn version(&self) -> i64 {
        self.version
    }

    /// A role by id.
    #[must_use]
    pub fn get(&self, id: RoleId) -> Option<&Flat> {
        self.roles.get(&id)
    }

    /// A role by name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Flat> {
        self.names.get(name).and_then(|id| self.roles.get(id))
    }

    /// All roles, by name.
    pub fn all(&self) -> impl Iterator<Item = &Flat> {
        self.names.values().filter_map(|id| self.roles.get(id))
    }

    /// The role and all that inherit from it, by name: whose rights change with it.
    pub fn seniors(&self, id: RoleId) -> impl Iterator<Item = &Flat> {
        self.all().filter(move |flat| flat.closure.contains(&id))
    }

    /// The name of a role.
    #[must_use]
    pub fn name(&self, id: RoleId) -> &str {
        self.roles.get(&id).map_or("", |flat| flat.role.name.as_str())
    }

    /// API and name of a permission by its place in the catalogue.
    pub(crate) fn permission(&self, place: u32) -> Option<&(Arc<str>, Arc<str>)> {
        usize::try_from(place).ok().and_then(|place| self.catalogue.get(place))
    }
}

fn catalogue(roles: &HashMap<RoleId, Role>) -> Vec<(Arc<str>, Arc<str>)> {
    let all: BTreeSet<(&str, &str)> = roles
        .values()
        .flat_map(|role| &role.permissions)
        .flat_map(|(audience, names)| names.iter().map(move |name| (audience.as_str(), name.as_str())))
        .collect();
    let mut audience: Arc<str> = "".into();
    let mut shared = |text: &str| {
        if *audience != *text {
            audience = text.into();
        }
        audience.clone()
    };
    all.into_iter().map(|(api, name)| (shared(api), name.into())).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::permission::Permission;
    use uuid::Uuid;

    pub(crate) fn role(number: u128, name: &str, inherits: &[u128], permissions: &[(&str, &str)]) -> Role {
        let mut by_api: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (api, permission) in permissions {
            by_api.entry((*api).to_owned()).or_default().insert((*permission).to_owned());
        }
        Role {
            id: RoleId::from_uuid(Uuid::from_u128(number)),
            name: RoleName::parse(name).expect("a name"),
            display_name: name.to_owned(),
            description: String::new(),
            sensitive: false,
            built_in: true,
            version: 1,
            permissions: by_api,
            inherits: inherits.iter().map(|n| RoleId::from_uuid(Uuid::from_u128(*n))).collect(),
            assignable_by: BTreeSet::new(),
        }
    }

    #[test]
    fn a_senior_role_has_what_its_juniors_have() {
        let graph = RoleGraph::new(
            vec![
                role(1, "staff", &[], &[("clinic", "rota:read")]),
                role(2, "nurse", &[1], &[("clinic", "charts:read")]),
                role(3, "charge-nurse", &[2], &[("bailiwick", "sessions:end")]),
            ],
            1,
        )
        .expect("a graph");
        let senior = graph.named("charge-nurse").expect("a role");

        assert_eq!(senior.effective["clinic"].len(), 2);
        assert!(senior.own.has(Permission::SessionsEnd));
        assert!(!graph.named("nurse").expect("a role").own.has(Permission::SessionsEnd));
    }

    #[test]
    fn a_cycle_is_refused_and_named() {
        let cycle =
            RoleGraph::new(vec![role(1, "aa", &[2], &[]), role(2, "bb", &[3], &[]), role(3, "cc", &[1], &[])], 1);

        let Err(GraphError::Cycle(path)) = cycle else { panic!("accepted") };
        assert_eq!(path.len(), 4);
        assert_eq!(path.first(), path.last());
    }

    #[test]
    fn what_clocks_made_of_the_past_is_passed_over() {
        let graph =
            RoleGraph::of_the_past(vec![role(1, "aa", &[2], &[]), role(2, "bb", &[1], &[("clinic", "charts:read")])]);

        assert!(graph.named("aa").expect("a role").carries("clinic", "charts:read"));
        assert!(graph.named("bb").expect("a role").carries("clinic", "charts:read"));
    }

    #[test]
    fn a_role_reached_twice_is_no_cycle() {
        let diamond = vec![
            role(1, "aa", &[2, 3], &[]),
            role(2, "bb", &[4], &[]),
            role(3, "cc", &[4], &[]),
            role(4, "dd", &[], &[]),
        ];

        assert!(RoleGraph::new(diamond, 1).is_ok());
    }

    #[test]
    fn inheritance_without_end_is_refused() {
        let chain = (1..=30).map(|n| role(n, &format!("r{n}"), &[], &[])).collect::<Vec<_>>();
        let deep = chain
            .into_iter()
            .enumerate()
            .map(|(at, mut role)| {
                if at < 29 {
                    role.inherits.insert(RoleId::from_uuid(Uuid::from_u128(at as u128 + 2)));
                }
                role
            })
            .collect();

        assert!(matches!(RoleGraph::new(deep, 1), Err(GraphError::TooDeep(_))));
    }
}
