//! Applying a profile: adds what the realm never had, and never overwrites what an administrator changed or took away. What that means item
//! by item is `domain::profile::plan`; the same plan is shown by a dry run.

mod file;

use std::collections::{BTreeSet, HashMap};

use domain::allowed::Operator;
use domain::event::{Event, EventType};
use domain::id::{ApiId, PermissionId, PolicyId, RoleId};
use domain::key::Algorithm;
use domain::permission::{Audience, GrammarError, PermissionName};
use domain::policy::Policy;
use domain::profile::Profile;
use domain::profile::plan::{Item, Plan};
use domain::role::{Role, RoleGraph, RoleName};
use store::access::{api, role};
use store::{Guard, Outcome, Read, StoreError, WriteTx, counter};
use thiserror::Error;

pub use file::Told;

use crate::app::App;

/// Why a profile was not applied.
#[derive(Debug, Error)]
pub enum ProfileError {
    /// The file contradicts itself; each line names the place and what was expected.
    #[error("{}", lines(.0))]
    Mistakes(Vec<Told>),
    /// With what the realm has, it would make something that cannot be.
    #[error(
        "with what this realm has, {0}. Nothing was changed; take the line out of a copy of the profile, or change the roles here first"
    )]
    Contradicts(String),
    /// More than one event of the audit log can hold.
    #[error("this adds more at once than the audit log can name in one event ({0} bytes): apply it in parts")]
    TooMuch(usize),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn lines(mistakes: &[Told]) -> String {
    mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Reads a profile file.
///
/// # Errors
/// [`ProfileError::Mistakes`] with line, key and what was expected.
pub fn parse(text: &str) -> Result<Profile, ProfileError> {
    file::parse(text).map_err(ProfileError::Mistakes)
}

/// What is applied in a realm: the profile's name and edition.
///
/// # Errors
/// [`StoreError`].
pub async fn applied(app: &App, operator: &Operator) -> Result<Option<(String, u32)>, StoreError> {
    app.store.read(operator.allowed(), app.now(), |tx| Box::pin(store::realm::profile(tx))).await
}

/// What applying a profile would do; changes nothing.
///
/// # Errors
/// [`ProfileError`].
pub async fn plan(app: &App, operator: &Operator, profile: Profile) -> Result<Plan, ProfileError> {
    app.store
        .read(operator.allowed(), app.now(), move |tx| {
            Box::pin(async move {
                let plan = Plan::new(&profile, &store::profile::known(tx).await?);
                // What applying would be refused for, so that the dry run says it too.
                applied_event(&profile, &plan)?;
                Ok(plan)
            })
        })
        .await
}

/// Applies a profile, and tells what it did.
///
/// # Errors
/// [`ProfileError`].
pub async fn apply(app: &App, operator: Operator, profile: Profile) -> Result<Plan, ProfileError> {
    app.store
        .write(operator.into(), app.now(), profile, |tx, profile| {
            Box::pin(async move {
                tx.exclusive(Guard::RoleGraph).await?;
                let plan = Plan::new(profile, &store::profile::known(tx).await?);
                let before = store::realm::profile(tx).await?;
                let same = before.filter(|(name, _)| *name == profile.name);
                // Applying an older edition takes nothing away, so it is no step back either.
                let edition = same.as_ref().map_or(profile.edition, |(_, edition)| profile.edition.max(*edition));
                if plan.added.is_empty() && same.is_some_and(|(_, before)| before == edition) {
                    return Ok(Outcome::nothing(plan));
                }
                let event = applied_event(profile, &plan)?;
                Making::new(tx, profile).await?.make(&plan).await?;
                let roles = role::all(tx).await?;
                RoleGraph::new(roles, 0).map_err(|error| ProfileError::Contradicts(error.to_string()))?;
                store::realm::set_profile(tx, &profile.name, edition).await?;
                counter::raise(tx, counter::ROLES).await?;
                Ok(Outcome::done(plan, event.with("edition", edition)))
            })
        })
        .await
}

/// One event with all that was added. What a new role consists of follows from the profile's edition; what roles that people hold
/// already are given is named in full.
fn applied_event(profile: &Profile, plan: &Plan) -> Result<Event, ProfileError> {
    let listed = |of: &dyn Fn(&Item) -> Option<String>| plan.added.iter().filter_map(of).collect::<Vec<_>>();
    let apis = listed(&|item| if let Item::Api { api } = item { Some(api.clone()) } else { None });
    let permissions = listed(&|item| match item {
        Item::Permission { api, permission } => Some(format!("{api} {permission}")),
        _ => None,
    });
    let attributes = listed(&|item| match item {
        Item::Attribute { attribute } => Some(attribute.clone()),
        _ => None,
    });
    let roles: Vec<String> = plan.added_roles().map(ToOwned::to_owned).collect();
    let widened: Vec<String> = plan.added_to_known_roles().map(ToString::to_string).collect();
    let all = [&apis, &permissions, &attributes, &roles, &widened];
    // Quotes, comma, and room for the rest: an event whose values do not fit would be stored without them.
    let size: usize = all.iter().flat_map(|names| names.iter()).map(|name| name.len() + 3).sum();
    if size > 60_000 {
        return Err(ProfileError::TooMuch(size));
    }
    Ok(Event::new(EventType::ProfileApplied)
        .about("realm", uuid::Uuid::nil(), &profile.name)
        .with("apis", apis)
        .with("permissions", permissions)
        .with("roles", roles)
        .with("added_to_roles", widened)
        .with("attributes", attributes))
}

/// Makes what a plan adds, item by item.
struct Making<'a, 't> {
    tx: &'a mut WriteTx<'t>,
    profile: &'a Profile,
    apis: HashMap<String, ApiId>,
    permissions: HashMap<(String, String), PermissionId>,
    roles: HashMap<String, RoleId>,
}

impl<'a, 't> Making<'a, 't> {
    async fn new(tx: &'a mut WriteTx<'t>, profile: &'a Profile) -> Result<Self, StoreError> {
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

    async fn make(mut self, plan: &Plan) -> Result<(), ProfileError> {
        let mut attributes = Vec::new();
        for item in &plan.added {
            match item {
                Item::Api { api } => self.api(api).await?,
                Item::Permission { api, permission } => self.permission(api, permission).await?,
                Item::Role { role } => self.role(role).await?,
                Item::RolePermission { role, api, permission } => {
                    let id = self.permissions.get(&(api.clone(), permission.clone())).copied();
                    if let (Some(role), Some(permission)) = (self.roles.get(role), id) {
                        role::add_permission(self.tx, *role, permission).await?;
                    }
                }
                Item::Inherits { role, inherits } => {
                    if let (Some(role), Some(other)) = (self.roles.get(role), self.roles.get(inherits)) {
                        role::add_inheritance(self.tx, *role, *other).await?;
                    }
                }
                Item::AssignableBy { role, by } => {
                    if let (Some(role), Some(by)) = (self.roles.get(role), self.roles.get(by)) {
                        role::add_assignable(self.tx, *role, *by).await?;
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
        let row = Role {
            id: RoleId::new(&*self.tx.entropy(), self.tx.now()),
            name: RoleName::parse(name).map_err(grammar)?,
            display_name: new.display_name.clone(),
            description: new.description.clone(),
            sensitive: new.sensitive,
            built_in: true,
            version: 1,
            permissions: std::collections::BTreeMap::new(),
            inherits: std::collections::BTreeSet::new(),
            assignable_by: std::collections::BTreeSet::new(),
        };
        role::create(self.tx, &row).await?;
        self.roles.insert(name.to_owned(), row.id);
        Ok(())
    }

    async fn policy(&mut self, role: Option<&str>) -> Result<(), ProfileError> {
        let policy = match role {
            Some(name) => self.profile.role(name).map_or_else(Policy::default, |role| role.policy),
            None => self.profile.policy,
        };
        let of = role.and_then(|name| self.roles.get(name).copied());
        let id = PolicyId::new(&*self.tx.entropy(), self.tx.now());
        Ok(role::set_policy(self.tx, id, of, policy).await?)
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

#[cfg(test)]
mod denials;
