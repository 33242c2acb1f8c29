//! From the names that a command holds to the rows that they name.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::event::Event;
use domain::id::{PermissionId, RoleId};
use domain::role::{Flat, MOST_INHERITED, RoleGraph};
use store::access::api;
use store::{Read, StoreError};

use super::RoleError;

/// Audience → permission names, as a command says.
pub(super) type Permissions = BTreeMap<String, BTreeSet<String>>;

/// Most permissions that a role carries itself, of all APIs together.
pub const MOST_PERMISSIONS: usize = 500;

/// The roles with these names.
pub(super) fn roles(
    graph: &RoleGraph,
    names: &BTreeSet<String>,
    pointer: &'static str,
) -> Result<BTreeSet<RoleId>, RoleError> {
    if names.len() > MOST_INHERITED {
        return Err(RoleError::TooMany { pointer, what: "At most 64 roles can be named here." });
    }
    let one = |name: &String| {
        let unknown = || RoleError::Unknown { pointer: pointer.to_owned(), what: format!("role {name}") };
        graph.named(name).map(|flat| flat.role.id).ok_or_else(unknown)
    };
    names.iter().map(one).collect()
}

/// The permissions that exist, by audience and name.
pub(super) struct Known(HashMap<String, HashMap<String, PermissionId>>);

impl Known {
    pub(super) async fn read(tx: &mut impl Read) -> Result<Self, StoreError> {
        let mut all = HashMap::new();
        for api in api::all(tx).await? {
            let names = api::permissions(tx, api.id).await?.into_iter().map(|(id, name, _)| (name, id));
            all.insert(api.audience.as_str().to_owned(), names.collect());
        }
        Ok(Self(all))
    }

    pub(super) fn get(&self, api: &str, name: &str) -> Option<PermissionId> {
        self.0.get(api).and_then(|names| names.get(name)).copied()
    }

    /// Refuses what does not exist, and too much.
    pub(super) fn check(&self, sent: &Permissions) -> Result<(), RoleError> {
        if sent.values().map(BTreeSet::len).sum::<usize>() > MOST_PERMISSIONS {
            let what = "A role carries at most 500 permissions itself; let it inherit from others.";
            return Err(RoleError::TooMany { pointer: "/permissions", what });
        }
        for api in sent.keys() {
            if !self.0.contains_key(api) {
                let pointer = format!("/permissions/{}", escaped(api));
                return Err(RoleError::Unknown { pointer, what: "such API".to_owned() });
            }
        }
        for (api, name) in pairs(sent) {
            if self.get(api, name).is_none() {
                let pointer = format!("/permissions/{}", escaped(api));
                return Err(RoleError::Unknown { pointer, what: format!("permission {name} of API {api}") });
            }
        }
        Ok(())
    }
}

/// RFC 6901, section 3.
fn escaped(text: &str) -> String {
    text.replace('~', "~0").replace('/', "~1")
}

/// What of it is not empty.
pub(super) fn filled(permissions: &Permissions) -> Permissions {
    permissions.iter().filter(|(_, names)| !names.is_empty()).map(|(api, names)| (api.clone(), names.clone())).collect()
}

/// Most roles of a realm: all of them are flattened when one changes.
pub(super) const MOST_ROLES: usize = 1000;
/// Most permissions that a role carries with all that it inherits.
const MOST_EFFECTIVE: usize = 2000;

/// Whether the roles as they would be can be borne, and the event that says so written.
pub(super) fn bearable(after: &RoleGraph, id: RoleId, event: &Event) -> Result<(), RoleError> {
    let carried = |flat: &Flat| flat.effective.values().map(BTreeSet::len).sum::<usize>();
    if after.seniors(id).any(|flat| carried(flat) > MOST_EFFECTIVE) {
        let what = "A role carries at most 2000 permissions with all that it inherits.";
        return Err(RoleError::TooMany { pointer: "/inherits", what });
    }
    if !event.fits() {
        let what = "This changes more than the log can hold in one event. Change it in parts.";
        return Err(RoleError::TooMany { pointer: "/permissions", what });
    }
    Ok(())
}

/// Audience and name of each.
pub(super) fn pairs(permissions: &Permissions) -> impl Iterator<Item = (&str, &str)> {
    permissions.iter().flat_map(|(api, names)| names.iter().map(move |name| (api.as_str(), name.as_str())))
}

/// What `of` has and `without` has not.
pub(super) fn beyond(of: &Permissions, without: &Permissions) -> Permissions {
    let mut left = Permissions::new();
    for (api, name) in pairs(of) {
        if !without.get(api).is_some_and(|names| names.contains(name)) {
            left.entry(api.to_owned()).or_default().insert(name.to_owned());
        }
    }
    left
}
