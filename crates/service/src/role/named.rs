//! From the names that a command holds to the rows that they name.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::id::{PermissionId, RoleId};
use domain::role::{MOST_INHERITED, RoleGraph};
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
pub(super) struct Known(HashMap<(String, String), PermissionId>);

impl Known {
    pub(super) async fn read(tx: &mut impl Read) -> Result<Self, StoreError> {
        let mut all = HashMap::new();
        for api in api::all(tx).await? {
            for (id, name, _) in api::permissions(tx, api.id).await? {
                all.insert((api.audience.as_str().to_owned(), name), id);
            }
        }
        Ok(Self(all))
    }

    pub(super) fn get(&self, api: &str, name: &str) -> Option<PermissionId> {
        self.0.get(&(api.to_owned(), name.to_owned())).copied()
    }

    /// Refuses what does not exist, and too much.
    pub(super) fn check(&self, sent: &Permissions) -> Result<(), RoleError> {
        if sent.values().map(BTreeSet::len).sum::<usize>() > MOST_PERMISSIONS {
            let what = "A role carries at most 500 permissions itself; let it inherit from others.";
            return Err(RoleError::TooMany { pointer: "/permissions", what });
        }
        for (api, name) in pairs(sent) {
            if self.get(api, name).is_none() {
                let pointer = format!("/permissions/{}", api.replace('~', "~0").replace('/', "~1"));
                return Err(RoleError::Unknown { pointer, what: format!("permission {name} of API {api}") });
            }
        }
        Ok(())
    }
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
