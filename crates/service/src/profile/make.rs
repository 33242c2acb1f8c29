//! Making what a plan adds, item by item, in its order.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::id::{ApiId, PermissionId, PolicyId, RoleId};
use domain::key::Algorithm;
use domain::permission::{Audience, GrammarError, PermissionName};
use domain::policy::Policy;
use domain::profile::Profile;
use domain::profile::plan::{Item, Plan};
use domain::role::{Role, RoleName};
use store::access::{api, fact, role};
use store::{Read, StoreError, WriteTx};

use super::ProfileError;

/// Makes what a plan adds, item by item.
pub(super) struct Making<'a, 't> {
    tx: &'a mut WriteTx<'t>,
    profile: &'a Profile,
    apis: HashMap<String, ApiId>,
    permissions: HashMap<(String, String), PermissionId>,
    roles: HashMap<String, RoleId>,
}

impl<'a, 't> Making<'a, 't> {
    pub(super) async fn new(tx: &'a mut WriteTx<'t>, profile: &'a Profile) -> Result<Self, StoreError> {
        let roles = role::all(tx).await?.into_iter().map(|role| (role.name.as_str().to_owned(), role.id)).collect();
        let (mut apis, mut permissions) = (HashMap::new(), HashMap::new());
        for api in api::all(tx).await? {
            let audience = api.audience.as_str().to_owned();
            for (id, name, _) in api::permissions(tx, api.id).await? {
                permissions.insert((audience.clone(), name), id);
            }
            apis.insert(audience, api.id);
        }
        Ok(Self { tx, profile, apis, permissions, roles })
    }

    pub(super) async fn make(mut self, plan: &Plan) -> Result<(), ProfileError> {
        let mut attributes = Vec::new();
        for item in &plan.added {
            match item {
                Item::Api { api } => self.api(api).await?,
                Item::Permission { api, permission } => self.permission(api, permission).await?,
                Item::Role { role } => self.role(role).await?,
                Item::RolePermission { role, api, permission } => {
                    let id = self.permissions.get(&(api.clone(), permission.clone())).copied();
                    if let (Some(role), Some(permission)) = (self.roles.get(role), id) {
                        fact::add_permission(self.tx, *role, permission).await?;
                    }
                }
                Item::Inherits { role, inherits } => {
                    if let (Some(role), Some(other)) = (self.roles.get(role), self.roles.get(inherits)) {
                        fact::add_inheritance(self.tx, *role, *other).await?;
                    }
                }
                Item::AssignableBy { role, by } => {
                    if let (Some(role), Some(by)) = (self.roles.get(role), self.roles.get(by)) {
                        fact::add_assignable(self.tx, *role, *by).await?;
                    }
                }
                Item::Policy { role } => self.policy(role.as_deref()).await?,
                Item::Attribute { attribute } => attributes.push(attribute.as_str()),
            }
        }
        let widened: BTreeSet<&str> = plan.added_to_known_roles().filter_map(Item::part_of).collect();
        for role in widened.into_iter().filter_map(|name| self.roles.get(name)) {
            // Whoever has the role open for changing sees that it changed meanwhile.
            store::profile::raise_version(self.tx, *role).await?;
        }
        self.attributes(&attributes).await
    }

    async fn api(&mut self, audience: &str) -> Result<(), ProfileError> {
        let Some(new) = self.profile.api.iter().find(|api| api.audience == audience) else { return Ok(()) };
        let row = api::Api {
            id: ApiId::new(&*self.tx.entropy(), self.tx.now()),
            audience: Audience::parse(audience).map_err(grammar)?,
            name: new.name.clone(),
            algorithm: Algorithm::Rs256,
            access_lifetime_seconds: 600,
            built_in: true,
            version: 1,
        };
        api::create(self.tx, &row).await?;
        self.apis.insert(audience.to_owned(), row.id);
        Ok(())
    }

    async fn permission(&mut self, audience: &str, name: &str) -> Result<(), ProfileError> {
        let api = self.profile.api.iter().find(|api| api.audience == audience);
        let new = api.and_then(|api| api.permission.iter().find(|one| one.name == name));
        let (Some(new), Some(api)) = (new, self.apis.get(audience)) else { return Ok(()) };
        let id = PermissionId::new(&*self.tx.entropy(), self.tx.now());
        let name = PermissionName::parse(name).map_err(grammar)?;
        api::add_permission(self.tx, id, *api, &name, &new.description).await?;
        self.permissions.insert((audience.to_owned(), new.name.clone()), id);
        Ok(())
    }

    async fn role(&mut self, name: &str) -> Result<(), ProfileError> {
        let Some(new) = self.profile.role(name) else { return Ok(()) };
        let id = RoleId::new(&*self.tx.entropy(), self.tx.now());
        let row = Role {
            display_name: new.display_name.clone(),
            description: new.description.clone(),
            sensitive: new.sensitive,
            ..bare(id, RoleName::parse(name).map_err(grammar)?)
        };
        role::create(self.tx, &row).await?;
        self.roles.insert(name.to_owned(), row.id);
        Ok(())
    }

    async fn policy(&mut self, role: Option<&str>) -> Result<(), ProfileError> {
        let policy = match role {
            Some(name) => self.profile.role(name).map_or_else(Policy::default, |role| role.policy.clone()),
            None => self.profile.policy.clone(),
        };
        let of = role.and_then(|name| self.roles.get(name).copied());
        let id = PolicyId::new(&*self.tx.entropy(), self.tx.now());
        Ok(store::access::policy::set(self.tx, id, of, (&policy.normal(), 1)).await?)
    }

    async fn attributes(&mut self, names: &[&str]) -> Result<(), ProfileError> {
        if names.is_empty() {
            return Ok(());
        }
        let mut schema = store::realm::attribute_schema(self.tx).await?;
        let new = self.profile.attribute.iter().filter(|one| names.contains(&one.name.as_str()));
        schema.attributes.extend(new.cloned());
        if let Some(mistake) = schema.mistakes().first() {
            return Err(ProfileError::Contradicts(format!(
                "the schema of attributes would be wrong: {}",
                mistake.text
            )));
        }
        Ok(store::realm::set_attribute_schema(self.tx, &schema).await?)
    }
}

/// What the file's check has let through cannot be wrong here; if it is, the profile is refused and nothing is changed.
fn grammar(error: GrammarError) -> ProfileError {
    ProfileError::Contradicts(error.to_string())
}

/// A role with nothing in it yet.
pub(super) fn bare(id: RoleId, name: RoleName) -> Role {
    Role {
        id,
        name,
        display_name: String::new(),
        description: String::new(),
        sensitive: false,
        built_in: true,
        version: 1,
        permissions: BTreeMap::new(),
        inherits: BTreeSet::new(),
        assignable_by: BTreeSet::new(),
    }
}
