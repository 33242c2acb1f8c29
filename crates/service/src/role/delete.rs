//! Ending a role that nobody holds and nothing needs.

use std::collections::{BTreeMap, BTreeSet};

use domain::allowed::{Allowed, Operator};
use domain::caller::{Caller, Scope};
use domain::event::{Event, EventType};
use domain::id::RoleId;
use domain::permission::Permission;
use domain::role::{Flat, Role, RoleGraph};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::access::{grant, role};
use store::{Outcome, WriteTx, counter};

use super::RoleError;
use super::change::write_facts;
use super::climb::{begin, may_give};
use super::named::Known;
use crate::app::App;
use crate::caller::same_version;
use crate::directory;

/// A role is to be ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeleteRole {
    /// Which.
    pub name: String,
    /// The version that was looked at; the operator of the machine needs none.
    pub version: Option<i64>,
    /// Why, where somebody says it; stands in the audit log.
    #[serde(default)]
    pub reason: Option<String>,
}

/// Ends a role: `roles:manage` everywhere, and the right to give it. Nobody may hold it, no role inherit from it. Its name is free again.
///
/// # Errors
/// [`RoleError`].
pub async fn delete(app: &App, caller: &Caller, command: DeleteRole) -> Result<(), RoleError> {
    let allowed = caller.allow(Permission::RolesManage, Scope::Realm)?;
    delete_with(app, allowed, Some(caller.clone()), command).await
}

/// The same for the operator of the machine.
///
/// # Errors
/// [`RoleError`].
pub async fn delete_as_operator(app: &App, operator: Operator, command: DeleteRole) -> Result<(), RoleError> {
    delete_with(app, operator.into(), None, command).await
}

async fn delete_with(
    app: &App,
    allowed: Allowed,
    caller: Option<Caller>,
    command: DeleteRole,
) -> Result<(), RoleError> {
    app.store
        .write(allowed, app.now(), (app.clone(), caller, command), |tx, (app, caller, command)| {
            Box::pin(async move {
                let caller = begin(app, tx, caller.as_ref()).await?;
                let graph = directory::current(app, tx).await?.graph.clone();
                let old = &graph.named(&command.name).ok_or(RoleError::NotFound)?.role;
                same_version(caller.as_ref(), command.version, old.version)?;
                if let Some(caller) = &caller {
                    may_give(caller, &graph, old.id)?;
                }
                if let Some(why) = in_use(tx, &graph, old).await? {
                    return Err(RoleError::Conflict(why));
                }
                if !role::end(tx, old.id, old.version).await? {
                    return Err(RoleError::ChangedMeanwhile);
                }
                end_facts(tx, old).await?;
                counter::raise(tx, counter::ROLES).await?;
                Ok(Outcome::done((), deleted(&graph, old).with_reason(command.reason.as_deref())))
            })
        })
        .await
}

async fn in_use(tx: &mut WriteTx<'_>, graph: &RoleGraph, old: &Role) -> Result<Option<String>, RoleError> {
    if grant::any_of_role(tx, old.id).await? {
        return Ok(Some("People hold this role, or will. End their grants first.".to_owned()));
    }
    if let Some(senior) = graph.seniors(old.id).find(|flat| flat.role.id != old.id) {
        return Ok(Some(format!("The role {} inherits from it. Change that first.", senior.role.name.as_str())));
    }
    let names = |flat: &&Flat| flat.role.id != old.id && flat.role.assignable_by.contains(&old.id);
    let named = graph.all().find(names);
    Ok(named.map(|flat| format!("Its holders may give the role {}. Take it out there first.", flat.role.name.as_str())))
}

/// Ends all that hangs on the role.
async fn end_facts(tx: &mut WriteTx<'_>, old: &Role) -> Result<(), RoleError> {
    let known = Known::read(tx).await?;
    let bare =
        Role { permissions: BTreeMap::new(), inherits: BTreeSet::new(), assignable_by: BTreeSet::new(), ..old.clone() };
    Ok(write_facts(tx, &known, Some(old), &bare).await?)
}

/// What it was.
fn deleted(graph: &RoleGraph, old: &Role) -> Event {
    let names = |ids: &BTreeSet<RoleId>| json!(ids.iter().map(|id| graph.name(*id)).collect::<BTreeSet<_>>());
    Event::new(EventType::RoleDeleted)
        .about("role", old.id.uuid(), old.name.as_str())
        .changed("display_name", old.display_name.as_str(), ())
        .changed("permissions", json!(old.permissions), ())
        .changed("inherits", names(&old.inherits), ())
        .changed("assignable_by", names(&old.assignable_by), ())
}
