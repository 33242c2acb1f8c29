//! What was really said to the server, and the dumbest way to tell what follows from it: recursion over raw facts. Shares nothing with the server.

use std::collections::{BTreeMap, BTreeSet};

use domain::time::Timestamp;

/// A permission as people write it: API, name.
pub(super) type Named = (String, String);

#[derive(Clone, Debug, Default)]
pub(super) struct Role {
    pub(super) permissions: BTreeSet<Named>,
    pub(super) inherits: BTreeSet<String>,
}

#[derive(Clone, Debug)]
pub(super) struct Grant {
    pub(super) id: String,
    pub(super) person: usize,
    pub(super) role: String,
    pub(super) unit: String,
    pub(super) from: Timestamp,
    pub(super) until: Option<Timestamp>,
    pub(super) ended: Option<Timestamp>,
}

/// Roles and grants at a moment.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    pub(super) roles: BTreeMap<String, Role>,
    pub(super) grants: Vec<Grant>,
}

/// One way in which a permission is held: the granted role, the grant, and the roles from the one to the carrier.
pub(super) type Way = (String, String, usize);

impl Grant {
    pub(super) fn counts(&self, now: Timestamp) -> bool {
        self.from <= now && self.until.is_none_or(|until| now < until) && self.ended.is_none_or(|ended| now < ended)
    }
}

/// Whether `unit` is `place` or lies below it: by names between slashes.
pub(super) fn lies_in(unit: &str, place: &str) -> bool {
    let names = |path: &str| path.split('/').filter(|name| !name.is_empty()).map(ToOwned::to_owned).collect::<Vec<_>>();
    names(unit).starts_with(&names(place))
}

impl Facts {
    /// A role and all that it inherits from, at any distance.
    pub(super) fn closure(&self, role: &str) -> BTreeSet<String> {
        let mut all = BTreeSet::from([role.to_owned()]);
        for parent in &self.roles[role].inherits {
            all.extend(self.closure(parent));
        }
        all
    }

    /// How many roles lie on the shortest way from a role to one that carries a permission itself.
    fn distance(&self, role: &str, permission: &Named) -> Option<usize> {
        if self.roles[role].permissions.contains(permission) {
            return Some(1);
        }
        self.roles[role].inherits.iter().filter_map(|parent| self.distance(parent, permission)).min().map(|far| far + 1)
    }

    fn of(&self, person: usize, now: Timestamp) -> impl Iterator<Item = &Grant> {
        self.grants.iter().filter(move |grant| grant.person == person && grant.counts(now))
    }

    pub(super) fn granted(&self, person: usize, now: Timestamp) -> BTreeSet<String> {
        self.of(person, now).map(|grant| grant.role.clone()).collect()
    }

    /// `roles` of a token.
    pub(super) fn roles_at_root(&self, person: usize, now: Timestamp) -> BTreeSet<String> {
        self.of(person, now).filter(|grant| grant.unit == "/").flat_map(|grant| self.closure(&grant.role)).collect()
    }

    /// `units` of a token.
    pub(super) fn roles_in_units(&self, person: usize, now: Timestamp) -> BTreeMap<String, BTreeSet<String>> {
        let mut units: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for grant in self.of(person, now).filter(|grant| grant.unit != "/") {
            units.entry(grant.unit.clone()).or_default().insert(grant.role.clone());
        }
        units
    }

    /// Whether somebody may do something in a unit.
    pub(super) fn holds(&self, person: usize, permission: &Named, unit: &str, now: Timestamp) -> bool {
        self.of(person, now).any(|grant| lies_in(unit, &grant.unit) && self.distance(&grant.role, permission).is_some())
    }

    /// Whether they may do it anywhere.
    pub(super) fn holds_somewhere(&self, person: usize, permission: &Named, now: Timestamp) -> bool {
        self.of(person, now).any(|grant| self.distance(&grant.role, permission).is_some())
    }

    /// Permission and unit → every way in which it is held there.
    pub(super) fn explained(
        &self,
        person: usize,
        all: &[Named],
        now: Timestamp,
    ) -> BTreeMap<(Named, String), BTreeSet<Way>> {
        let mut found: BTreeMap<(Named, String), BTreeSet<Way>> = BTreeMap::new();
        for grant in self.of(person, now) {
            for permission in all {
                if let Some(far) = self.distance(&grant.role, permission) {
                    let way = (grant.role.clone(), grant.id.clone(), far);
                    found.entry((permission.clone(), grant.unit.clone())).or_default().insert(way);
                }
            }
        }
        found
    }

    /// Whether a role is held in a unit at a moment of this span already.
    pub(super) fn overlaps(&self, new: &Grant) -> bool {
        let ends = |grant: &Grant| [grant.until, grant.ended].into_iter().flatten().min();
        let before = |end: Option<Timestamp>, begin: Timestamp| end.is_some_and(|end| end <= begin);
        let same = |one: &&Grant| (one.person, &one.role, &one.unit) == (new.person, &new.role, &new.unit);
        self.grants.iter().filter(same).any(|one| !before(ends(one), new.from) && !before(ends(new), one.from))
    }
}
