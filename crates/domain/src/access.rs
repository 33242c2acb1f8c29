//! Effective access: what somebody may do, where, until when, and through which grant.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::id::{GrantId, RoleId};
use crate::permission::{Permission, PermissionSet};
use crate::role::RoleGraph;
use crate::time::Timestamp;
use crate::unit::UnitPath;

/// A grant in force.
#[derive(Clone, Debug)]
pub struct Held {
    /// The grant.
    pub grant: GrantId,
    /// The role it gives.
    pub role: RoleId,
    /// Where it holds, and below.
    pub unit: UnitPath,
    /// When it ends by itself.
    pub valid_until: Option<Timestamp>,
}

/// One way in which a permission is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// The role that was granted.
    pub role: Arc<str>,
    /// From the granted role to the one that carries the permission, by the shortest way.
    pub via: Arc<[Arc<str>]>,
    /// The grant.
    pub grant: GrantId,
    /// Where it holds.
    pub unit: UnitPath,
    /// When it ends by itself.
    pub valid_until: Option<Timestamp>,
}

/// A permission that is held, with every way in which it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// Audience of the API.
    pub api: Arc<str>,
    /// The permission.
    pub permission: Arc<str>,
    /// Where.
    pub unit: UnitPath,
    /// Whether it is granted but may not be used before a stronger authentication.
    pub withheld: bool,
    /// Through what.
    pub paths: Vec<Path>,
}

/// How far a permission reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The whole realm.
    Everywhere,
    /// These units and what lies below them.
    Under(Vec<UnitPath>),
}

impl Reach {
    /// Both together.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        match (self, other) {
            (Self::Under(mut left), Self::Under(right)) => {
                left.extend(right);
                Self::Under(left)
            }
            _ => Self::Everywhere,
        }
    }

    /// Whether `unit` is within reach.
    #[must_use]
    pub fn covers(&self, unit: &UnitPath) -> bool {
        match self {
            Self::Everywhere => true,
            Self::Under(units) => units.iter().any(|held| held.contains(unit)),
        }
    }
}

/// All that one principal holds now. Withheld roles are left out by whoever loads it.
#[derive(Clone, Debug)]
pub struct Access {
    graph: Arc<RoleGraph>,
    held: Vec<Held>,
    withheld: Vec<Held>,
    /// Our own permissions that each grant carries, in the order of `held`.
    own: Vec<PermissionSet>,
    everywhere: PermissionSet,
    somewhere: PermissionSet,
}

impl Access {
    /// Access through `held`, by the roles of `graph`.
    #[must_use]
    pub fn new(graph: Arc<RoleGraph>, held: Vec<Held>) -> Self {
        let own: Vec<PermissionSet> =
            held.iter().map(|held| graph.get(held.role).map_or_else(PermissionSet::default, |flat| flat.own)).collect();
        let union = |all: PermissionSet, one: &PermissionSet| all.union(*one);
        let at_root = held.iter().zip(&own).filter(|(held, _)| held.unit.is_root()).map(|(_, own)| own);
        let everywhere = at_root.fold(PermissionSet::default(), union);
        let somewhere = own.iter().fold(PermissionSet::default(), union);
        Self { graph, held, withheld: Vec::new(), own, everywhere, somewhere }
    }

    /// The same with grants that may not be used before a stronger authentication: they are explained, and allow nothing.
    #[must_use]
    pub fn withholding(mut self, withheld: Vec<Held>) -> Self {
        self.withheld = withheld;
        self
    }

    /// Names of the roles that are withheld, sorted.
    #[must_use]
    pub fn withheld_roles(&self) -> Vec<String> {
        let names: BTreeSet<&str> = self.withheld.iter().map(|held| self.graph.name(held.role)).collect();
        names.into_iter().map(ToOwned::to_owned).collect()
    }

    /// The grants in force.
    #[must_use]
    pub fn held(&self) -> &[Held] {
        &self.held
    }

    /// The roles' edition.
    #[must_use]
    pub fn graph(&self) -> &RoleGraph {
        &self.graph
    }

    /// Where one of our own permissions is held; `None`: nowhere.
    #[must_use]
    pub fn reach(&self, permission: Permission) -> Option<Reach> {
        if self.everywhere.has(permission) {
            return Some(Reach::Everywhere);
        }
        if !self.holds(permission) {
            return None;
        }
        let grants = self.held.iter().zip(&self.own).filter(|(_, own)| own.has(permission));
        Some(Reach::Under(grants.map(|(held, _)| held.unit.clone()).collect()))
    }

    /// Whether one of our own permissions is held anywhere.
    #[must_use]
    pub const fn holds(&self, permission: Permission) -> bool {
        self.somewhere.has(permission)
    }

    /// Whether `role` may be given in `unit` by whoever holds this access: `roles:assign` there, and one of the roles held there
    /// is in the role's `assignable_by` (RBAC-08: holding never implies granting, granting never needs holding).
    #[must_use]
    pub fn may_assign(&self, role: RoleId, unit: &UnitPath) -> bool {
        self.may_assign_in(&self.graph, role, unit)
    }

    /// The same for a role as it is, or would be, among the roles of `graph`.
    #[must_use]
    pub fn may_assign_in(&self, graph: &RoleGraph, role: RoleId, unit: &UnitPath) -> bool {
        let Some(flat) = graph.get(role) else { return false };
        let assigns = self.reach(Permission::RolesAssign).is_some_and(|reach| reach.covers(unit));
        assigns
            && self.held.iter().filter(|held| held.unit.contains(unit)).any(|held| {
                self.graph.get(held.role).is_some_and(|own| !own.closure.is_disjoint(&flat.role.assignable_by))
            })
    }

    /// Whether a permission of our own API may be put into a role by whoever holds this access: they hold it at the root, or may assign there a
    /// role that gives it. They could come to no more by it than they can give already.
    #[must_use]
    pub fn may_put(&self, permission: Permission) -> bool {
        let root = UnitPath::root();
        self.everywhere.has(permission)
            || self.graph.all().any(|flat| flat.own.has(permission) && self.may_assign(flat.role.id, &root))
    }

    /// The roles granted at the root that let their holder give roles: what a role is assignable by that names nobody.
    #[must_use]
    pub fn roles_that_assign(&self) -> BTreeSet<RoleId> {
        let assigns =
            |held: &&Held| self.graph.get(held.role).is_some_and(|flat| flat.own.has(Permission::RolesAssign));
        self.held.iter().filter(|held| held.unit.is_root()).filter(assigns).map(|held| held.role).collect()
    }

    /// Names of the roles held at `/`, closed under inheritance, sorted: the `roles` of a token.
    #[must_use]
    pub fn roles_at_root(&self) -> Vec<String> {
        let ids: BTreeSet<RoleId> = self
            .held
            .iter()
            .filter(|held| held.unit.is_root())
            .filter_map(|held| self.graph.get(held.role))
            .flat_map(|flat| flat.closure.iter().copied())
            .collect();
        let names: BTreeSet<&str> = ids.into_iter().map(|id| self.graph.name(id)).collect();
        names.into_iter().map(ToOwned::to_owned).collect()
    }

    /// Permissions of one API held at `/`, sorted: the `permissions` of a token.
    #[must_use]
    pub fn permissions_at_root(&self, audience: &str) -> Vec<String> {
        let names: BTreeSet<&String> = self
            .held
            .iter()
            .filter(|held| held.unit.is_root())
            .filter_map(|held| self.graph.get(held.role))
            .filter_map(|flat| flat.effective.get(audience))
            .flatten()
            .collect();
        names.into_iter().cloned().collect()
    }

    /// Unit → names of the roles granted there, for units below the root: the `units` of a token.
    #[must_use]
    pub fn roles_in_units(&self) -> BTreeMap<String, Vec<String>> {
        let mut units: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
        for held in self.held.iter().filter(|held| !held.unit.is_root()) {
            units.entry(held.unit.as_str().to_owned()).or_default().insert(self.graph.name(held.role));
        }
        units.into_iter().map(|(unit, names)| (unit, names.into_iter().map(ToOwned::to_owned).collect())).collect()
    }

    /// Names of the roles granted anywhere, sorted: `user.roles`.
    #[must_use]
    pub fn granted_roles(&self) -> Vec<String> {
        let all = self.held.iter().chain(&self.withheld);
        let names: BTreeSet<&str> = all.map(|held| self.graph.name(held.role)).collect();
        names.into_iter().map(ToOwned::to_owned).collect()
    }

    /// The earliest end of a grant in force.
    #[must_use]
    pub fn earliest_end(&self) -> Option<Timestamp> {
        self.held.iter().filter_map(|held| held.valid_until).min()
    }

    /// Every permission held, where, and through what: by API, permission, unit.
    #[must_use]
    pub fn explain(&self) -> Vec<Explained> {
        let usable = self.held.iter().map(|held| (held, false));
        let all: Vec<(&Held, bool)> = usable.chain(self.withheld.iter().map(|held| (held, true))).collect();
        let places: BTreeSet<&UnitPath> = all.iter().map(|(held, _)| &held.unit).collect();
        let places: BTreeMap<&UnitPath, usize> = places.into_iter().zip(0..).collect();
        // Sorted by small numbers: somebody with fifty grants has thousands of rows.
        let mut rows = Vec::new();
        for (grant, (held, withheld)) in all.iter().enumerate() {
            let Some(flat) = self.graph.get(held.role) else { continue };
            let place = places.get(&held.unit).copied().unwrap_or_default();
            rows.extend(flat.ways.iter().map(|way| ((way.permission, place, *withheld), grant, way)));
        }
        rows.sort_unstable_by_key(|(key, grant, _)| (*key, *grant));
        let mut found: Vec<Explained> = Vec::with_capacity(rows.len());
        let mut last = None;
        for (key, grant, way) in rows {
            let Some(((held, withheld), (api, permission))) = all.get(grant).zip(self.graph.permission(way.permission))
            else {
                continue;
            };
            let path = Path {
                role: way.via.first().cloned().unwrap_or_default(),
                via: way.via.clone(),
                grant: held.grant,
                unit: held.unit.clone(),
                valid_until: held.valid_until,
            };
            match found.last_mut().filter(|_| last == Some(key)) {
                Some(same) => same.paths.push(path),
                None => {
                    let (api, permission, unit) = (api.clone(), permission.clone(), held.unit.clone());
                    found.push(Explained { api, permission, unit, withheld: *withheld, paths: vec![path] });
                }
            }
            last = Some(key);
        }
        found
    }
}

impl Access {
    /// Every way in which one of some permissions of an API is held in a unit: what `evaluation` answers, and why.
    #[must_use]
    pub fn because(&self, audience: &str, permissions: &[&str], unit: &UnitPath) -> Vec<(Arc<str>, Path)> {
        let mut found = Vec::new();
        for held in self.held.iter().filter(|held| held.unit.contains(unit)) {
            let Some(flat) = self.graph.get(held.role) else { continue };
            for name in permissions.iter().filter(|name| flat.carries(audience, name)) {
                let is_it = |way: &&crate::role::Way| {
                    let known = self.graph.permission(way.permission);
                    known.is_some_and(|(api, permission)| **api == *audience && **permission == **name)
                };
                let Some(way) = flat.ways.iter().find(is_it) else { continue };
                let path = Path {
                    role: way.via.first().cloned().unwrap_or_default(),
                    via: way.via.clone(),
                    grant: held.grant,
                    unit: held.unit.clone(),
                    valid_until: held.valid_until,
                };
                found.push(((*name).into(), path));
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::role::tests::role;
    use uuid::Uuid;

    fn held(role: u128, unit: &str) -> Held {
        Held {
            grant: GrantId::from_uuid(Uuid::from_u128(role)),
            role: RoleId::from_uuid(Uuid::from_u128(role)),
            unit: UnitPath::parse(unit).expect("a path"),
            valid_until: None,
        }
    }

    fn graph() -> Arc<RoleGraph> {
        let mut nurse = role(2, "nurse", &[1], &[("clinic", "charts:read")]);
        nurse.assignable_by.insert(RoleId::from_uuid(Uuid::from_u128(3)));
        let admin = role(3, "admin", &[], &[("bailiwick", "roles:assign"), ("bailiwick", "users:read")]);
        Arc::new(
            RoleGraph::new(vec![role(1, "staff", &[], &[("clinic", "rota:read")]), nurse, admin], 7).expect("a graph"),
        )
    }

    #[test]
    fn a_role_in_a_unit_is_not_held_at_the_root() {
        let access = Access::new(graph(), vec![held(2, "/ward-3")]);

        assert!(access.roles_at_root().is_empty());
        assert!(access.permissions_at_root("clinic").is_empty());
        assert_eq!(access.roles_in_units()["/ward-3"], ["nurse"]);
    }

    #[test]
    fn holding_a_role_does_not_let_one_give_it() {
        let nurse = RoleId::from_uuid(Uuid::from_u128(2));

        assert!(!Access::new(graph(), vec![held(2, "/")]).may_assign(nurse, &UnitPath::root()));
        assert!(Access::new(graph(), vec![held(3, "/")]).may_assign(nurse, &UnitPath::root()));
    }

    #[test]
    fn a_permission_of_ours_is_put_into_a_role_by_whom_it_could_be_given_by_anyway() {
        let everywhere = Access::new(graph(), vec![held(3, "/")]);

        assert!(everywhere.may_put(Permission::UsersRead), "held");
        assert!(!everywhere.may_put(Permission::KeysManage), "neither held nor in a role that may be given");
        assert!(!Access::new(graph(), vec![held(3, "/ward-3")]).may_put(Permission::UsersRead), "held in a unit only");
    }

    #[test]
    fn an_administrator_of_one_ward_gives_nothing_in_another() {
        let nurse = RoleId::from_uuid(Uuid::from_u128(2));
        let access = Access::new(graph(), vec![held(3, "/ward-3")]);

        assert!(access.may_assign(nurse, &UnitPath::parse("/ward-3").expect("a path")));
        assert!(!access.may_assign(nurse, &UnitPath::parse("/ward-4").expect("a path")));
        assert!(!access.may_assign(nurse, &UnitPath::root()));
    }

    #[test]
    fn what_is_held_in_a_unit_is_found_there_and_below_and_nowhere_else() {
        let access = Access::new(graph(), vec![held(2, "/ward-3")]);
        let why = |unit: &str| access.because("clinic", &["rota:read"], &UnitPath::parse(unit).expect("a path"));

        assert_eq!(why("/ward-3")[0].1.via.join(" "), "nurse staff");
        assert_eq!((why("/ward-3/bed-1").len(), why("/ward-30").len(), why("/").len()), (1, 0, 0));
        assert!(access.because("lab", &["rota:read"], &UnitPath::parse("/ward-3").expect("a path")).is_empty());
    }

    #[test]
    fn a_permission_says_through_what_it_is_held() {
        let access = Access::new(graph(), vec![held(2, "/ward-3")]);
        let rota = access.explain().into_iter().find(|e| &*e.permission == "rota:read").expect("held");

        assert_eq!(rota.paths[0].via.join(" "), "nurse staff");
        assert_eq!(rota.unit.as_str(), "/ward-3");
    }
}
