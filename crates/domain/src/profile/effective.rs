//! What a role of a profile gives, inheritance followed: by the file alone, for its tables and tests.

use std::collections::{BTreeMap, BTreeSet};

use super::{Profile, ProfileRole};

impl Profile {
    /// A role by name.
    #[must_use]
    pub fn role(&self, name: &str) -> Option<&ProfileRole> {
        self.role.iter().find(|role| role.name == name)
    }

    /// The role and every role it inherits from. A cycle ends where it began.
    #[must_use]
    pub fn closure(&self, name: &str) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        let mut waiting: Vec<&ProfileRole> = self.role(name).into_iter().collect();
        while let Some(role) = waiting.pop() {
            if found.insert(role.name.as_str()) {
                waiting.extend(role.inherits.iter().filter_map(|other| self.role(other)));
            }
        }
        found
    }

    /// Audience → permissions that the role gives, inherited ones included.
    #[must_use]
    pub fn effective(&self, name: &str) -> BTreeMap<&str, BTreeSet<&str>> {
        let mut all: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for role in self.closure(name).into_iter().filter_map(|one| self.role(one)) {
            for (audience, names) in &role.permissions {
                all.entry(audience).or_default().extend(names.iter().map(String::as_str));
            }
        }
        all
    }

    /// Whether the role gives a permission of an API.
    #[must_use]
    pub fn gives(&self, role: &str, audience: &str, permission: &str) -> bool {
        self.effective(role).get(audience).is_some_and(|names| names.contains(permission))
    }
}
