//! Applying a profile: adds what is new, and never overwrites what an administrator changed.

use std::collections::HashMap;

use domain::allowed::Operator;
use domain::event::{Event, EventType};
use domain::id::{ApiId, PermissionId, PolicyId, RoleId};
use domain::key::Algorithm;
use domain::permission::{Audience, PermissionName};
use domain::policy::Policy;
use domain::profile::{Profile, ProfileApi, ProfileRole};
use domain::role::{Role, RoleGraph, RoleName};
use store::access::{api, fact, role};
use store::{Guard, Outcome, Read, StoreError, WriteTx, counter};
use thiserror::Error;

use crate::app::App;

/// Why a profile was not applied.
#[derive(Debug, Error)]
pub enum ProfileError {
    /// The file contradicts itself; each line names the place and what was expected.
    #[error("the profile has mistakes:\n{0}")]
    Mistakes(String),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Reads a profile file.
///
/// # Errors
/// [`ProfileError::Mistakes`] with line, key and what was expected.
pub fn parse(text: &str) -> Result<Profile, ProfileError> {
    let profile: Profile = toml::from_str(text).map_err(|error| ProfileError::Mistakes(error.to_string()))?;
    let mistakes = profile.mistakes();
    if mistakes.is_empty() {
        return Ok(profile);
    }
    Err(ProfileError::Mistakes(mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")))
}

/// What applying a profile added.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Added {
    /// Audiences.
    pub apis: Vec<String>,
    /// `audience permission`.
    pub permissions: Vec<String>,
    /// Role names.
    pub roles: Vec<String>,
}

/// Applies a profile.
///
/// # Errors
/// [`ProfileError`].
pub async fn apply(app: &App, operator: Operator, profile: Profile) -> Result<Added, ProfileError> {
    app.store
        .write(operator.into(), app.now(), profile, |tx, profile| {
            Box::pin(async move {
                tx.exclusive(Guard::RoleGraph).await?;
                let mut added = Added::default();
                for one in &profile.api {
                    add_api(tx, one, &mut added).await?;
                }
                add_roles(tx, &profile.role, &mut added).await?;
                if role::policies(tx).await?.iter().all(|(of, _)| of.is_some()) {
                    set_policy(tx, None, profile.policy).await?;
                }
                let roles = role::all(tx).await?;
                RoleGraph::new(roles, 0).map_err(|error| ProfileError::Mistakes(error.to_string()))?;
                store::realm::set_profile(tx, &profile.name, profile.edition).await?;
                counter::raise(tx, counter::ROLES).await?;
                let event = Event::new(EventType::ProfileApplied)
                    .about("realm", uuid::Uuid::nil(), &profile.name)
                    .with("edition", profile.edition)
                    .with("apis", added.apis.clone())
                    .with("permissions", added.permissions.len())
                    .with("roles", added.roles.clone());
                Ok(Outcome::done(added, event))
            })
        })
        .await
}

async fn add_api(tx: &mut WriteTx<'_>, new: &ProfileApi, added: &mut Added) -> Result<(), ProfileError> {
    let mistake = |error: domain::permission::GrammarError| ProfileError::Mistakes(error.to_string());
    let (entropy, now) = (tx.entropy(), tx.now());
    let audience = Audience::parse(&new.audience).map_err(mistake)?;
    let id = match api::by_audience(tx, audience.as_str()).await? {
        Some(known) => known.id,
        None => {
            let row = api::Api {
                id: ApiId::new(&*entropy, now),
                audience,
                name: new.name.clone(),
                algorithm: Algorithm::Rs256,
                access_lifetime_seconds: 600,
                built_in: true,
                version: 1,
            };
            api::create(tx, &row).await?;
            added.apis.push(new.audience.clone());
            row.id
        }
    };
    for permission in &new.permission {
        let name = PermissionName::parse(&permission.name).map_err(mistake)?;
        let row = PermissionId::new(&*entropy, now);
        if api::add_permission(tx, row, id, &name, &permission.description).await? {
            added.permissions.push(format!("{} {}", new.audience, permission.name));
        }
    }
    Ok(())
}

/// New roles with all that hangs on them; a role that exists is left as it is.
async fn add_roles(tx: &mut WriteTx<'_>, roles: &[ProfileRole], added: &mut Added) -> Result<(), ProfileError> {
    let mut ids: HashMap<String, RoleId> =
        role::all(tx).await?.into_iter().map(|role| (role.name.as_str().to_owned(), role.id)).collect();
    let mut fresh = Vec::new();
    for new in roles.iter().filter(|new| !ids.contains_key(&new.name)).collect::<Vec<_>>() {
        let id = RoleId::new(&*tx.entropy(), tx.now());
        let name = RoleName::parse(&new.name).map_err(|error| ProfileError::Mistakes(error.to_string()))?;
        let row = Role {
            id,
            name,
            display_name: new.display_name.clone(),
            description: new.description.clone(),
            sensitive: new.sensitive,
            built_in: true,
            version: 1,
            permissions: std::collections::BTreeMap::new(),
            inherits: std::collections::BTreeSet::new(),
            assignable_by: std::collections::BTreeSet::new(),
        };
        role::create(tx, &row).await?;
        ids.insert(new.name.clone(), id);
        added.roles.push(new.name.clone());
        fresh.push((id, new));
    }
    let mut permissions: HashMap<(String, String), PermissionId> = HashMap::new();
    for api in api::all(tx).await? {
        for (id, name, _) in api::permissions(tx, api.id).await? {
            permissions.insert((api.audience.as_str().to_owned(), name), id);
        }
    }
    for (id, new) in fresh {
        for (audience, names) in &new.permissions {
            for name in names {
                if let Some(permission) = permissions.get(&(audience.clone(), name.clone())) {
                    fact::add_permission(tx, id, *permission).await?;
                }
            }
        }
        for other in new.inherits.iter().filter_map(|name| ids.get(name).copied()).collect::<Vec<_>>() {
            fact::add_inheritance(tx, id, other).await?;
        }
        for other in new.assignable_by.iter().filter_map(|name| ids.get(name).copied()).collect::<Vec<_>>() {
            fact::add_assignable(tx, id, other).await?;
        }
        if new.policy != Policy::default() {
            set_policy(tx, Some(id), new.policy).await?;
        }
    }
    Ok(())
}

async fn set_policy(tx: &mut WriteTx<'_>, role: Option<RoleId>, policy: Policy) -> Result<(), StoreError> {
    let id = PolicyId::new(&*tx.entropy(), tx.now());
    role::set_policy(tx, id, role, policy).await
}
