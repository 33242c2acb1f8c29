//! `role`: making, changing and deleting.

use std::collections::{BTreeMap, BTreeSet};

use domain::role::{Flat, RoleGraph, RoleName};
use serde_json::json;
use service::role::{ChangeRole, CreateRole, DeleteRole, RoleError};

use super::desk::{Desk, InRealm, Named, description, permission, reason, title};
use super::role::{show, unknown};
use crate::output::{self, Failure};

#[derive(clap::Subcommand)]
pub(super) enum RoleChange {
    /// Make a role.
    Create {
        #[command(flatten)]
        at: InRealm,
        /// Its name, which never changes: lower-case letters, digits and hyphens.
        role: String,
        /// Its name for people.
        #[arg(long, value_name = "TEXT", value_parser = title)]
        display_name: String,
        /// What it is for.
        #[arg(long, value_name = "TEXT", value_parser = description, default_value = "")]
        description: String,
        /// A permission that it carries, like clinic/charts:read; may be given several times.
        #[arg(long = "permission", value_name = "API/PERMISSION", value_parser = permission)]
        permissions: Vec<Named>,
        /// A role whose permissions it gets; may be given several times.
        #[arg(long, value_name = "ROLE")]
        inherits: Vec<String>,
        /// A role whose holders may give it; may be given several times.
        #[arg(long, value_name = "ROLE", default_value = "admin")]
        assignable_by: Vec<String>,
        /// Whoever holds it needs a second factor.
        #[arg(long)]
        sensitive: bool,
    },
    /// Change what a role is called, whether it is sensitive, and who may give it. What is not named stays.
    Update {
        #[command(flatten)]
        at: InRealm,
        /// Its name, from `role list`.
        role: String,
        /// Its name for people.
        #[arg(long, value_name = "TEXT", value_parser = title)]
        display_name: Option<String>,
        /// What it is for.
        #[arg(long, value_name = "TEXT", value_parser = description)]
        description: Option<String>,
        /// Whether whoever holds it needs a second factor: true or false.
        #[arg(long, value_name = "BOOL")]
        sensitive: Option<bool>,
        /// All the roles whose holders may give it; may be given several times.
        #[arg(long, value_name = "ROLE")]
        assignable_by: Vec<String>,
    },
    /// Put permissions into a role, or take them out; whoever holds it has them at once, or no more.
    Permissions {
        #[command(flatten)]
        at: InRealm,
        /// Its name, from `role list`.
        role: String,
        /// A permission to put in, like clinic/charts:read; may be given several times.
        #[arg(long, value_name = "API/PERMISSION", value_parser = permission)]
        add: Vec<Named>,
        /// A permission to take out; may be given several times.
        #[arg(long, value_name = "API/PERMISSION", value_parser = permission)]
        remove: Vec<Named>,
    },
    /// Change from which roles a role inherits.
    Inherits {
        #[command(flatten)]
        at: InRealm,
        /// Its name, from `role list`.
        role: String,
        /// A role whose permissions it gets from now on; may be given several times.
        #[arg(long, value_name = "ROLE")]
        add: Vec<String>,
        /// A role whose permissions it gets no more; may be given several times.
        #[arg(long, value_name = "ROLE")]
        remove: Vec<String>,
    },
    /// Delete a role that nobody holds and no role inherits from.
    Delete {
        #[command(flatten)]
        at: InRealm,
        /// Its name, from `role list`.
        role: String,
        /// Why: 3 to 500 characters; stands in the audit log.
        #[arg(long, value_name = "TEXT", value_parser = reason)]
        reason: String,
    },
}

impl RoleChange {
    pub(super) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Create { at, role, display_name, description, permissions, inherits, assignable_by, sensitive } => {
                let desk = at.open().await?;
                let command = CreateRole {
                    name: RoleName::parse(&role).map_err(|error| Failure(format!("{role}: {error}")))?,
                    display_name,
                    description,
                    permissions: by_api(&permissions),
                    inherits: inherits.into_iter().collect(),
                    assignable_by: assignable_by.into_iter().collect(),
                    sensitive,
                };
                let made = service::role::create_as_operator(&desk.app, desk.operator(), command).await;
                show(&desk, &made.map_err(|error| told(&role, error))?, &role)
            }
            Self::Update { at, role, display_name, description, sensitive, assignable_by } => {
                let assignable_by = (!assignable_by.is_empty()).then(|| assignable_by.into_iter().collect());
                if display_name.is_none() && description.is_none() && sensitive.is_none() && assignable_by.is_none() {
                    return Err(Failure(
                        "say what to change: --display-name, --description, --sensitive or --assignable-by".to_owned(),
                    ));
                }
                let desk = at.open().await?;
                let new = ChangeRole {
                    name: role,
                    display_name,
                    description,
                    sensitive,
                    assignable_by,
                    ..ChangeRole::default()
                };
                change(&desk, new).await
            }
            Self::Permissions { at, role, add, remove } => {
                let desk = at.open().await?;
                let graph = graph(&desk).await?;
                let flat = graph.named(&role).ok_or_else(|| unknown(&role))?;
                let permissions = with(flat, &add, &remove)?;
                let version = Some(flat.role.version);
                change(
                    &desk,
                    ChangeRole { name: role, version, permissions: Some(permissions), ..ChangeRole::default() },
                )
                .await
            }
            Self::Inherits { at, role, add, remove } => {
                let desk = at.open().await?;
                let graph = graph(&desk).await?;
                let flat = graph.named(&role).ok_or_else(|| unknown(&role))?;
                let mut inherits: BTreeSet<String> =
                    flat.role.inherits.iter().map(|id| graph.name(*id).to_owned()).collect();
                for other in &remove {
                    if !inherits.remove(other) {
                        return Err(Failure(format!("{role} does not inherit from {other}")));
                    }
                }
                inherits.extend(add);
                let version = Some(flat.role.version);
                change(&desk, ChangeRole { name: role, version, inherits: Some(inherits), ..ChangeRole::default() })
                    .await
            }
            Self::Delete { at, role, reason } => {
                let desk = at.open().await?;
                let command = DeleteRole { name: role.clone(), version: None, reason: Some(reason) };
                let done = service::role::delete_as_operator(&desk.app, desk.operator(), command).await;
                done.map_err(|error| told(&role, error))?;
                output::show(
                    desk.json,
                    &json!({ "name": role, "deleted": true }),
                    &format!("the role {role} is deleted"),
                );
                Ok(())
            }
        }
    }
}

async fn graph(desk: &Desk) -> Result<std::sync::Arc<RoleGraph>, Failure> {
    Ok(service::role::all_as_operator(&desk.app, desk.operator()).await?.graph.clone())
}

async fn change(desk: &Desk, command: ChangeRole) -> Result<(), Failure> {
    let name = command.name.clone();
    let after = service::role::change_as_operator(&desk.app, desk.operator(), command).await;
    show(desk, &after.map_err(|error| told(&name, error))?, &name)
}

fn by_api(named: &[Named]) -> BTreeMap<String, BTreeSet<String>> {
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for one in named {
        all.entry(one.api.clone()).or_default().insert(one.permission.clone());
    }
    all
}

/// What the role carries itself, with these and without those. One that is taken out must be carried by the role itself: an inherited one would stay.
fn with(flat: &Flat, add: &[Named], remove: &[Named]) -> Result<BTreeMap<String, BTreeSet<String>>, Failure> {
    if add.is_empty() && remove.is_empty() {
        return Err(Failure(
            "say what to change: --add or --remove; `bailiwick role show` lists what a role has".to_owned(),
        ));
    }
    let mut permissions = flat.role.permissions.clone();
    for Named { api, permission } in remove {
        if !permissions.get_mut(api).is_some_and(|names| names.remove(permission)) {
            let role = flat.role.name.as_str();
            let why = if flat.carries(api, permission) {
                "inherits it; take it out of the role that it comes from"
            } else {
                "does not have it"
            };
            return Err(Failure(format!("{api}/{permission}: {role} {why}")));
        }
    }
    for (api, names) in by_api(add) {
        permissions.entry(api).or_default().extend(names);
    }
    Ok(permissions)
}

fn told(role: &str, error: RoleError) -> Failure {
    match error {
        RoleError::NotFound => unknown(role),
        RoleError::NameTaken => Failure(format!("there is a role {role} already")),
        RoleError::ChangedMeanwhile => Failure(format!("somebody changed {role} meanwhile: look at it and try again")),
        other => other.into(),
    }
}
