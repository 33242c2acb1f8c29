//! Flattening: what each role carries once inheritance is followed, and by which shortest way.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use super::{DEEPEST, Flat, GraphError, Role, Way};
use crate::id::RoleId;
use crate::permission::{OWN_API, Permission, PermissionSet};

/// Each role with all that it inherits from, worked out once.
#[derive(Default)]
pub(super) struct Closures {
    pub(super) done: HashMap<RoleId, (BTreeSet<RoleId>, usize)>,
    /// Whether a cycle is passed over, and any depth borne.
    pub(super) passes_over: bool,
}

impl Closures {
    pub(super) fn of(&self, id: RoleId) -> BTreeSet<RoleId> {
        self.done.get(&id).map(|(closure, _)| closure.clone()).unwrap_or_default()
    }

    /// Depth-first: the number of levels below `id`. Refuses a role that meets itself on its own path, and more levels than are allowed.
    pub(super) fn close(
        &mut self,
        roles: &HashMap<RoleId, Role>,
        id: RoleId,
        path: &mut Vec<RoleId>,
    ) -> Result<usize, GraphError> {
        if self.passes_over && path.contains(&id) {
            return Ok(0);
        }
        if let Some(start) = path.iter().position(|seen| *seen == id) {
            return Err(GraphError::Cycle(names(roles, path[start..].iter().chain([&id]))));
        }
        let Some(role) = roles.get(&id) else { return Ok(0) };
        path.push(id);
        let known = self.done.get(&id).map(|(_, levels)| *levels);
        // The deepest chain counts, by whatever way it is reached.
        if !self.passes_over && path.len() + known.unwrap_or(0) > DEEPEST + 1 {
            return Err(GraphError::TooDeep(names(roles, path.iter())));
        }
        let levels = match known {
            Some(levels) => levels,
            None => {
                let (mut closure, mut levels) = (BTreeSet::from([id]), 0);
                for junior in &role.inherits {
                    levels = levels.max(1 + self.close(roles, *junior, path)?);
                    closure.extend(self.done.get(junior).into_iter().flat_map(|(below, _)| below));
                }
                self.done.insert(id, (closure, levels));
                levels
            }
        };
        path.pop();
        Ok(levels)
    }
}

fn names<'a>(roles: &HashMap<RoleId, Role>, path: impl Iterator<Item = &'a RoleId>) -> Vec<String> {
    path.filter_map(|id| roles.get(id)).map(|role| role.name.as_str().to_owned()).collect()
}

/// Names and permissions, each text once.
pub(super) struct Spelling<'a> {
    roles: &'a HashMap<RoleId, Role>,
    names: HashMap<RoleId, Arc<str>>,
    places: HashMap<(&'a str, &'a str), u32>,
}

impl<'a> Spelling<'a> {
    pub(super) fn new(roles: &'a HashMap<RoleId, Role>, catalogue: &'a [(Arc<str>, Arc<str>)]) -> Self {
        let names = roles.values().map(|role| (role.id, role.name.as_str().into())).collect();
        let places = (0..).zip(catalogue).map(|(place, (api, name))| ((&**api, &**name), place)).collect();
        Self { roles, names, places }
    }

    pub(super) fn flat(&self, role: &Role, closure: BTreeSet<RoleId>) -> Flat {
        let mut effective: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (audience, names) in closure.iter().filter_map(|id| self.roles.get(id)).flat_map(|r| &r.permissions) {
            effective.entry(audience.clone()).or_default().extend(names.iter().cloned());
        }
        let mut own = PermissionSet::default();
        for permission in effective.get(OWN_API).into_iter().flatten().filter_map(|name| Permission::parse(name)) {
            own.insert(permission);
        }
        Flat { role: role.clone(), closure, effective, own, ways: self.ways(role) }
    }

    /// Breadth-first: whoever carries a permission first is nearest. Each role is visited once, however many ways lead to it.
    fn ways(&self, role: &Role) -> Vec<Way> {
        let mut found: BTreeMap<u32, Arc<[Arc<str>]>> = BTreeMap::new();
        let mut seen = BTreeSet::from([role.id]);
        let mut next = VecDeque::from([(role, self.names.get(&role.id).cloned().into_iter().collect::<Vec<_>>())]);
        while let Some((role, path)) = next.pop_front() {
            let via: Arc<[Arc<str>]> = path.as_slice().into();
            for place in self.carried(role) {
                found.entry(place).or_insert_with(|| via.clone());
            }
            for junior in role.inherits.iter().filter_map(|id| self.roles.get(id)) {
                if seen.insert(junior.id) {
                    let longer = path.iter().cloned().chain(self.names.get(&junior.id).cloned()).collect();
                    next.push_back((junior, longer));
                }
            }
        }
        found.into_iter().map(|(permission, via)| Way { permission, via }).collect()
    }

    fn carried<'r>(&'r self, role: &'r Role) -> impl Iterator<Item = u32> + 'r {
        let all = role.permissions.iter();
        all.flat_map(|(api, names)| names.iter().filter_map(|name| self.places.get(&(&**api, &**name)).copied()))
    }
}
