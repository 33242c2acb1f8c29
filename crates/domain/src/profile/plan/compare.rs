//! The comparison of a profile with a realm.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Item, Known, Left, Plan, Standing, Why};
use crate::permission::OWN_API;
use crate::policy::Policy;
use crate::profile::{Profile, ProfileRole};

impl Plan {
    /// Compares a profile with a realm.
    #[must_use]
    pub fn new(profile: &Profile, known: &Known) -> Self {
        let here = known.in_force();
        let mut compare = Compare { known, there: here.clone(), plan: Self::default() };
        compare.apis(profile);
        let completed: Vec<&ProfileRole> = profile.role.iter().filter(|role| compare.role(role)).collect();
        for role in completed {
            compare.parts(role);
        }
        compare.policy(None, &profile.policy);
        compare.attributes(profile);
        let mut plan = compare.plan;
        plan.only_here = only_here(profile, &here);
        plan
    }
}

struct Compare<'a> {
    known: &'a Known,
    /// What is there, or comes with the plan.
    there: BTreeSet<Item>,
    plan: Plan,
}

impl Compare<'_> {
    fn add(&mut self, item: Item) {
        self.there.insert(item.clone());
        self.plan.added.push(item);
    }

    fn leave(&mut self, item: Item, why: Why) {
        self.plan.left.push(Left { item, why });
    }

    fn differs(&mut self, item: &Item, field: &'static str, here: impl Into<Value>, profile: impl Into<Value>) {
        let (here, profile) = (here.into(), profile.into());
        if here != profile {
            self.leave(item.clone(), Why::Differs { field, here, profile });
        }
    }

    fn apis(&mut self, profile: &Profile) {
        for new in &profile.api {
            let item = Item::Api { api: new.audience.clone() };
            match self.known.apis.get(&new.audience) {
                None => self.add(item),
                Some((Standing::Ended, _)) => {
                    self.leave(item, Why::TakenAway);
                    continue;
                }
                Some((Standing::InForce, name)) => self.differs(&item, "name", name.as_str(), new.name.as_str()),
            }
            for one in &new.permission {
                let item = Item::Permission { api: new.audience.clone(), permission: one.name.clone() };
                match self.known.permissions.get(&(new.audience.clone(), one.name.clone())) {
                    None => self.add(item),
                    Some((Standing::Ended, _)) => self.leave(item, Why::TakenAway),
                    Some((Standing::InForce, text)) => {
                        self.differs(&item, "description", text.as_str(), one.description.as_str());
                    }
                }
            }
        }
    }

    /// Whether what hangs on the role is the profile's to complete.
    fn role(&mut self, new: &ProfileRole) -> bool {
        let item = Item::Role { role: new.name.clone() };
        let Some(here) = self.known.roles.get(&new.name) else {
            self.add(item);
            return true;
        };
        match (here.standing, here.built_in) {
            (Standing::Ended, _) => self.leave(item, Why::TakenAway),
            (Standing::InForce, false) => self.leave(item, Why::MadeHere),
            (Standing::InForce, true) => {
                self.differs(&item, "display_name", here.display_name.as_str(), new.display_name.as_str());
                self.differs(&item, "description", here.description.as_str(), new.description.as_str());
                self.differs(&item, "sensitive", here.sensitive, new.sensitive);
                return true;
            }
        }
        false
    }

    /// What the role carries, inherits, and who may give it; what refers to something that is not there is left out.
    fn parts(&mut self, new: &ProfileRole) {
        let known = self.known;
        let role = || new.name.clone();
        for (api, names) in &new.permissions {
            for permission in names.iter().cloned() {
                let needs = Item::Permission { api: api.clone(), permission: permission.clone() };
                let standing = known.carried.get(&(role(), api.clone(), permission.clone()));
                self.part(&needs, standing, Item::RolePermission { role: role(), api: api.clone(), permission });
            }
        }
        for inherits in new.inherits.iter().cloned() {
            let standing = known.inherits.get(&(role(), inherits.clone()));
            self.part(&Item::Role { role: inherits.clone() }, standing, Item::Inherits { role: role(), inherits });
        }
        for by in new.assignable_by.iter().cloned() {
            let standing = known.assignable_by.get(&(role(), by.clone()));
            self.part(&Item::Role { role: by.clone() }, standing, Item::AssignableBy { role: role(), by });
        }
        self.policy(Some(&new.name), &new.policy);
    }

    fn part(&mut self, needs: &Item, standing: Option<&Standing>, item: Item) {
        if !self.there.contains(needs) {
            // Told once, where it was taken away, and not again for each role.
            return;
        }
        match standing {
            None => self.add(item),
            Some(Standing::Ended) => self.leave(item, Why::TakenAway),
            Some(Standing::InForce) => {}
        }
    }

    fn policy(&mut self, role: Option<&str>, new: &Policy) {
        let role = role.map(ToOwned::to_owned);
        let here = self.known.policies.get(&role);
        let item = Item::Policy { role };
        match here {
            None if *new == Policy::default() => {}
            None => self.add(item),
            Some((Standing::Ended, _)) => self.leave(item, Why::TakenAway),
            Some((Standing::InForce, here)) => {
                for field in Policy::FIELDS {
                    self.differs(&item, field, here.value(field), new.value(field));
                }
            }
        }
    }

    fn attributes(&mut self, profile: &Profile) {
        for new in &profile.attribute {
            let item = Item::Attribute { attribute: new.name.clone() };
            match self.known.attributes.get(&new.name) {
                None => self.add(item),
                Some(here) => self.differs(&item, "definition", json!(here), json!(new)),
            }
        }
    }
}

impl Known {
    /// Everything that is there now.
    fn in_force(&self) -> BTreeSet<Item> {
        let now = |standing: Standing| standing == Standing::InForce;
        let apis = self.apis.iter().filter(|(_, (standing, _))| now(*standing));
        let mut all: BTreeSet<Item> = apis.map(|(api, _)| Item::Api { api: api.clone() }).collect();
        let permissions = self.permissions.iter().filter(|(_, (standing, _))| now(*standing));
        all.extend(
            permissions
                .map(|((api, permission), _)| Item::Permission { api: api.clone(), permission: permission.clone() }),
        );
        let roles = self.roles.iter().filter(|(_, role)| now(role.standing));
        all.extend(roles.map(|(role, _)| Item::Role { role: role.clone() }));
        let carried = self.carried.iter().filter(|(_, standing)| now(**standing)).map(|(key, _)| key.clone());
        all.extend(carried.map(|(role, api, permission)| Item::RolePermission { role, api, permission }));
        let inherits = self.inherits.iter().filter(|(_, standing)| now(**standing)).map(|(key, _)| key.clone());
        all.extend(inherits.map(|(role, inherits)| Item::Inherits { role, inherits }));
        let given = self.assignable_by.iter().filter(|(_, standing)| now(**standing)).map(|(key, _)| key.clone());
        all.extend(given.map(|(role, by)| Item::AssignableBy { role, by }));
        let attributes = self.attributes.attributes.iter();
        all.extend(attributes.map(|one| Item::Attribute { attribute: one.name.clone() }));
        all
    }
}

/// What is here and not in the profile. Our own API is everybody's; of a role that is only here, its parts say nothing more.
fn only_here(profile: &Profile, here: &BTreeSet<Item>) -> Vec<Item> {
    let said = said(profile);
    let own = |item: &Item| matches!(item, Item::Api { api } | Item::Permission { api, .. } if api == OWN_API);
    let of_another = |item: &Item| item.part_of().is_some_and(|role| profile.role(role).is_none());
    here.difference(&said).filter(|item| !own(item) && !of_another(item)).cloned().collect()
}

/// Everything that a profile says.
fn said(profile: &Profile) -> BTreeSet<Item> {
    let mut said = BTreeSet::new();
    for api in &profile.api {
        let audience = || api.audience.clone();
        said.insert(Item::Api { api: audience() });
        let names = api.permission.iter().map(|one| one.name.clone());
        said.extend(names.map(|permission| Item::Permission { api: audience(), permission }));
    }
    for role in &profile.role {
        let name = || role.name.clone();
        said.insert(Item::Role { role: name() });
        let carried = role.permissions.iter().flat_map(|(api, names)| names.iter().map(move |one| (api, one)));
        said.extend(carried.map(|(api, one)| Item::RolePermission {
            role: name(),
            api: api.clone(),
            permission: one.clone(),
        }));
        said.extend(role.inherits.iter().cloned().map(|inherits| Item::Inherits { role: name(), inherits }));
        said.extend(role.assignable_by.iter().cloned().map(|by| Item::AssignableBy { role: name(), by }));
    }
    said.extend(profile.attribute.iter().map(|one| Item::Attribute { attribute: one.name.clone() }));
    said
}
