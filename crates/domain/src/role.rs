//! Roles: named sets of permissions of several APIs, with general inheritance (INCITS 359).
//!
//! The graph of a realm is small and changes seldom: it is flattened once per edition, then shared.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use thiserror::Error;

use crate::id::RoleId;
use crate::permission::{GrammarError, OWN_API, Permission, PermissionSet};

/// A role's name; it never changes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoleName(String);

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
}

/// Inheritance that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum GraphError {
    /// Roles that inherit from each other; the path names them.
    #[error("roles cannot inherit from each other: {}", .0.join(" → "))]
    Cycle(Vec<String>),
    /// More than [`DEEPEST`] levels.
    #[error("inheritance is deeper than 16 levels")]
    TooDeep,
}

/// All roles of a realm, flattened.
#[derive(Debug, Default)]
pub struct RoleGraph {
    roles: HashMap<RoleId, Flat>,
    names: BTreeMap<String, RoleId>,
    version: i64,
}

impl RoleGraph {
    /// Flattens `roles`; `version` names the edition (`roles_version` in tokens).
    ///
    /// # Errors
    /// [`GraphError`]: the rules for changing roles keep it from being stored.
    pub fn new(roles: Vec<Role>, version: i64) -> Result<Self, GraphError> {
        let by_id: HashMap<RoleId, Role> = roles.into_iter().map(|role| (role.id, role)).collect();
        let mut flat = HashMap::with_capacity(by_id.len());
        for id in by_id.keys() {
            let mut path = Vec::new();
            let mut closure = BTreeSet::new();
            close(&by_id, *id, &mut path, &mut closure)?;
            let Some(role) = by_id.get(id) else { continue };
            let mut effective: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
            for (audience, names) in closure.iter().filter_map(|id| by_id.get(id)).flat_map(|r| &r.permissions) {
                effective.entry(audience.clone()).or_default().extend(names.iter().cloned());
            }
            let mut own = PermissionSet::default();
            for permission in effective.get(OWN_API).into_iter().flatten().filter_map(|name| Permission::parse(name)) {
                own.insert(permission);
            }
            flat.insert(*id, Flat { role: role.clone(), closure, effective, own });
        }
        let names = flat.values().map(|f| (f.role.name.as_str().to_owned(), f.role.id)).collect();
        Ok(Self { roles: flat, names, version })
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

    /// The name of a role.
    #[must_use]
    pub fn name(&self, id: RoleId) -> &str {
        self.roles.get(&id).map_or("", |flat| flat.role.name.as_str())
    }
}

/// Depth-first over inheritance: fills `closure`, refuses a role that meets itself on its own path.
fn close(
    roles: &HashMap<RoleId, Role>,
    id: RoleId,
    path: &mut Vec<RoleId>,
    closure: &mut BTreeSet<RoleId>,
) -> Result<(), GraphError> {
    let name = |id: &RoleId| roles.get(id).map_or_else(String::new, |role| role.name.as_str().to_owned());
    if let Some(start) = path.iter().position(|seen| *seen == id) {
        let mut names: Vec<String> = path[start..].iter().map(name).collect();
        names.push(name(&id));
        return Err(GraphError::Cycle(names));
    }
    if path.len() > DEEPEST {
        return Err(GraphError::TooDeep);
    }
    let Some(role) = roles.get(&id) else { return Ok(()) };
    let known = !closure.insert(id);
    path.push(id);
    if !known {
        for junior in &role.inherits {
            close(roles, *junior, path, closure)?;
        }
    }
    path.pop();
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
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

        assert!(matches!(RoleGraph::new(deep, 1), Err(GraphError::TooDeep)));
    }
}
