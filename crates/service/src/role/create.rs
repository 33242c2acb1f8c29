//! Making a role.

use std::collections::{BTreeMap, BTreeSet};

use domain::allowed::{Allowed, Operator};
use domain::caller::{Caller, Scope};
use domain::event::{Event, EventType};
use domain::id::RoleId;
use domain::permission::Permission;
use domain::role::{Role, RoleGraph, RoleName};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::access::role;
use store::{Outcome, Read, counter};

use super::RoleError;
use super::change::write_facts;
use super::climb::{begin, may_become};
use super::named::{self, Known};
use crate::app::App;
use crate::directory;

/// A role is to be made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CreateRole {
    /// Its name; never changes.
    pub name: RoleName,
    /// Its name for people.
    pub display_name: String,
    /// What it is for.
    pub description: String,
    /// Audience → permission names.
    pub permissions: BTreeMap<String, BTreeSet<String>>,
    /// Names of the roles whose permissions it gets.
    pub inherits: BTreeSet<String>,
    /// Names of the roles whose holders may give it; none: those of the maker's that may give roles.
    pub assignable_by: BTreeSet<String>,
    /// Whether holding it needs a second factor.
    pub sensitive: bool,
}

/// Makes a role: `roles:manage` everywhere, and the rule against climbing. Returns the roles as they are then.
///
/// # Errors
/// [`RoleError`].
pub async fn create(app: &App, caller: &Caller, command: CreateRole) -> Result<RoleGraph, RoleError> {
    let allowed = caller.allow(Permission::RolesManage, Scope::Realm)?;
    create_with(app, allowed, Some(caller.clone()), command).await
}

/// The same for the operator of the machine.
///
/// # Errors
/// [`RoleError`].
pub async fn create_as_operator(app: &App, operator: Operator, command: CreateRole) -> Result<RoleGraph, RoleError> {
    create_with(app, operator.into(), None, command).await
}

async fn create_with(
    app: &App,
    allowed: Allowed,
    caller: Option<Caller>,
    command: CreateRole,
) -> Result<RoleGraph, RoleError> {
    app.store
        .write(allowed, app.now(), (app.clone(), caller, command), |tx, (app, caller, command)| {
            Box::pin(async move {
                let caller = begin(app, tx, caller.as_ref()).await?;
                let before = directory::current(app, tx).await?.graph.clone();
                if before.named(command.name.as_str()).is_some() {
                    return Err(RoleError::NameTaken);
                }
                if before.all().count() >= named::MOST_ROLES {
                    return Err(RoleError::Conflict("A realm has at most 1000 roles.".to_owned()));
                }
                let known = Known::read(tx).await?;
                known.check(&command.permissions)?;
                let id = RoleId::new(&*tx.entropy(), tx.now());
                let new = row(id, &before, caller.as_ref(), command)?;
                let after = before.with(new.clone())?;
                if let Some(caller) = &caller {
                    may_become(tx, caller, &before, &after, id).await?;
                }
                let event = event(&after, &new);
                named::bearable(&after, id, &event)?;
                if !role::create(tx, &new).await? {
                    return Err(RoleError::NameTaken);
                }
                write_facts(tx, &known, None, &new).await?;
                counter::raise(tx, counter::ROLES).await?;
                Ok(Outcome::done(after, event))
            })
        })
        .await
}

fn row(id: RoleId, graph: &RoleGraph, caller: Option<&Caller>, command: &CreateRole) -> Result<Role, RoleError> {
    let mut assignable_by = named::roles(graph, &command.assignable_by, "/assignable_by")?;
    if assignable_by.is_empty() {
        assignable_by = match caller {
            Some(caller) => caller.access().roles_that_assign(),
            None => graph.all().filter(|flat| flat.own.has(Permission::RolesAssign)).map(|flat| flat.role.id).collect(),
        };
    }
    Ok(Role {
        id,
        name: command.name.clone(),
        display_name: command.display_name.clone(),
        description: command.description.clone(),
        sensitive: command.sensitive,
        built_in: false,
        version: 1,
        permissions: named::filled(&command.permissions),
        inherits: named::roles(graph, &command.inherits, "/inherits")?,
        assignable_by,
    })
}

fn event(graph: &RoleGraph, new: &Role) -> Event {
    let names = |ids: &BTreeSet<RoleId>| json!(ids.iter().map(|id| graph.name(*id)).collect::<BTreeSet<_>>());
    Event::new(EventType::RoleCreated)
        .about("role", new.id.uuid(), new.name.as_str())
        .with("display_name", new.display_name.as_str())
        .with("description", new.description.as_str())
        .with("sensitive", new.sensitive)
        .with("permissions", json!(new.permissions))
        .with("inherits", names(&new.inherits))
        .with("assignable_by", names(&new.assignable_by))
}
