//! Applying a profile: adds what the realm never had, and never overwrites what an administrator changed or took away. What that means item
//! by item is `domain::profile::plan`; the same plan is shown by a dry run.

mod file;
mod make;

use std::collections::HashMap;

use domain::allowed::Operator;
use domain::event::{Event, EventType};
use domain::id::RoleId;
use domain::profile::Profile;
use domain::profile::plan::{Item, Plan};
use domain::revocation::Fact;
use domain::role::{GraphError, Role, RoleGraph, RoleName};
use make::{Making, bare};
use store::access::role;
use store::{Guard, Outcome, StoreError, counter, revocation};
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
                inherits_without_cycle(role::all(tx).await?, &plan)?;
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
                inherits_without_cycle(role::all(tx).await?, &plan)?;
                Making::new(tx, profile).await?.make(&plan).await?;
                store::realm::set_profile(tx, &profile.name, edition).await?;
                let version = counter::raise(tx, counter::ROLES).await?;
                // A policy or what a role inherits may ask for more than the tokens that are out were made with.
                revocation::announce(tx, &[Fact::Roles { version, names: Vec::new() }]).await?;
                Ok(Outcome::done(plan, event.with("edition", edition)))
            })
        })
        .await
}

/// Adds the plan's inheritance to the roles that are there and looks for what cannot be.
fn inherits_without_cycle(mut roles: Vec<Role>, plan: &Plan) -> Result<(), ProfileError> {
    let contradicts = |error: &dyn std::fmt::Display| ProfileError::Contradicts(error.to_string());
    // New roles have no id yet; any will do that no other has.
    for (number, name) in plan.added_roles().enumerate() {
        let id = RoleId::from_uuid(uuid::Uuid::from_u128(number as u128));
        let name = RoleName::parse(name).map_err(|error| contradicts(&error))?;
        roles.push(bare(id, name));
    }
    let ids: HashMap<String, RoleId> = roles.iter().map(|role| (role.name.as_str().to_owned(), role.id)).collect();
    for item in &plan.added {
        if let Item::Inherits { role, inherits } = item
            && let Some(other) = ids.get(inherits)
            && let Some(role) = roles.iter_mut().find(|known| known.name.as_str() == role)
        {
            role.inherits.insert(*other);
        }
    }
    RoleGraph::new(roles, 0).map(|_| ()).map_err(|error| match error {
        GraphError::Cycle(path) => contradicts(&GraphError::Cycle(from_the_first(path))),
        GraphError::TooDeep(_) => contradicts(&error),
    })
}

/// A cycle told from the name that sorts first, so that it is told the same each time.
fn from_the_first(mut path: Vec<String>) -> Vec<String> {
    path.pop();
    if let Some(first) = path.iter().enumerate().min_by_key(|(_, name)| name.as_str()).map(|(at, _)| at) {
        path.rotate_left(first);
    }
    path.extend(path.first().cloned());
    path
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

#[cfg(test)]
mod denials;
