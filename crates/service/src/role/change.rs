//! Changing a role: what it is called, whether it is sensitive, what it carries, from which roles it inherits, who may give it.

use std::collections::{BTreeMap, BTreeSet};

use domain::allowed::{Allowed, Operator};
use domain::caller::{Caller, Scope};
use domain::event::{Event, EventType};
use domain::id::RoleId;
use domain::permission::Permission;
use domain::revocation::Fact;
use domain::role::{Role, RoleGraph, RoleName};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::access::{fact, role};
use store::{Outcome, StoreError, WriteTx, counter, revocation};

use super::RoleError;
use super::climb::{begin, keeps_an_administrator, may_become};
use super::named::{self, Known, beyond, pairs};
use crate::app::App;
use crate::caller::same_version;
use crate::directory;

/// A role is to become something else; what is absent stays.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ChangeRole {
    /// Which.
    pub name: String,
    /// The version that was looked at; the operator of the machine needs none.
    pub version: Option<i64>,
    /// Its name for people.
    pub display_name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Whether holding it needs a second factor.
    pub sensitive: Option<bool>,
    /// Names of the roles whose holders may give it: at least one.
    pub assignable_by: Option<BTreeSet<String>>,
    /// Audience → permission names, all that it carries itself.
    pub permissions: Option<BTreeMap<String, BTreeSet<String>>>,
    /// Names of all roles whose permissions it gets.
    pub inherits: Option<BTreeSet<String>>,
}

/// Changes a role: `roles:manage` everywhere, and the rule against climbing. Returns the roles as they are then. What changes nothing leaves version
/// and log as they are. No row of whoever holds it is touched.
///
/// # Errors
/// [`RoleError`].
pub async fn change(app: &App, caller: &Caller, command: ChangeRole) -> Result<RoleGraph, RoleError> {
    let allowed = caller.allow(Permission::RolesManage, Scope::Realm)?;
    change_with(app, allowed, Some(caller.clone()), command).await
}

/// The same for the operator of the machine.
///
/// # Errors
/// [`RoleError`].
pub async fn change_as_operator(app: &App, operator: Operator, command: ChangeRole) -> Result<RoleGraph, RoleError> {
    change_with(app, operator.into(), None, command).await
}

async fn change_with(
    app: &App,
    allowed: Allowed,
    caller: Option<Caller>,
    command: ChangeRole,
) -> Result<RoleGraph, RoleError> {
    app.store
        .write(allowed, app.now(), (app.clone(), caller, command), |tx, (app, caller, command)| {
            Box::pin(async move {
                let caller = begin(app, tx, caller.as_ref()).await?;
                let before = directory::current(app, tx).await?.graph.clone();
                let old = &before.named(&command.name).ok_or(RoleError::NotFound)?.role;
                same_version(caller.as_ref(), command.version, old.version)?;
                let known = Known::read(tx).await?;
                let mut new = applied(&before, &known, old, command)?;
                let Some(event) = event(&before, old, &new) else {
                    return Ok(Outcome::nothing(before.with(old.clone())?));
                };
                let after = before.with(new.clone())?;
                if let Some(caller) = &caller {
                    may_become(tx, caller, &before, &after, old.id).await?;
                }
                keeps_an_administrator(tx, &before, &after, &new).await?;
                named::bearable(&after, old.id, &event)?;
                if !role::update(tx, &new).await? {
                    return Err(RoleError::ChangedMeanwhile);
                }
                write_facts(tx, &known, Some(old), &new).await?;
                let version = counter::raise(tx, counter::ROLES).await?;
                if changes_tokens(old, &new) {
                    let names = concerned(&before, &after, old.id);
                    revocation::announce(tx, &[Fact::Roles { version, names }]).await?;
                }
                new.version += 1;
                Ok(Outcome::done(after.with(new)?, event))
            })
        })
        .await
}

/// Whether somebody's token says something else from now on.
fn changes_tokens(old: &Role, new: &Role) -> bool {
    old.permissions != new.permissions || old.inherits != new.inherits || old.sensitive != new.sensitive
}

/// The role and all that inherit it, before or after.
fn concerned(before: &RoleGraph, after: &RoleGraph, id: RoleId) -> Vec<RoleName> {
    let both = before.seniors(id).chain(after.seniors(id));
    both.map(|flat| flat.role.name.clone()).collect::<BTreeSet<_>>().into_iter().collect()
}

/// The role as the command wants it.
fn applied(graph: &RoleGraph, known: &Known, old: &Role, command: &ChangeRole) -> Result<Role, RoleError> {
    let mut new = old.clone();
    if let Some(text) = &command.display_name {
        new.display_name.clone_from(text);
    }
    if let Some(text) = &command.description {
        new.description.clone_from(text);
    }
    new.sensitive = command.sensitive.unwrap_or(old.sensitive);
    if let Some(names) = &command.assignable_by {
        if names.is_empty() {
            let what = "Name at least one role: nobody could give this one, or change it, any more.";
            return Err(RoleError::TooMany { pointer: "/assignable_by", what });
        }
        // Its own name is not among the roles by then, but may stand there: admin is given by admins.
        new.assignable_by = named::roles(graph, names, "/assignable_by")?;
    }
    if let Some(names) = &command.inherits {
        new.inherits = named::roles(graph, names, "/inherits")?;
    }
    if let Some(permissions) = &command.permissions {
        known.check(permissions)?;
        new.permissions = named::filled(permissions);
    }
    Ok(new)
}

/// Ends the facts that are no more and adds those that are new.
pub(super) async fn write_facts(
    tx: &mut WriteTx<'_>,
    known: &Known,
    old: Option<&Role>,
    new: &Role,
) -> Result<(), StoreError> {
    let none = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
    let (permissions, inherits, assignable_by) =
        old.map_or((&none.0, &none.1, &none.2), |old| (&old.permissions, &old.inherits, &old.assignable_by));
    for (api, name) in pairs(&beyond(permissions, &new.permissions)) {
        if let Some(permission) = known.get(api, name) {
            fact::end_permission(tx, new.id, permission).await?;
        }
    }
    for (api, name) in pairs(&beyond(&new.permissions, permissions)) {
        if let Some(permission) = known.get(api, name) {
            fact::add_permission(tx, new.id, permission).await?;
        }
    }
    for junior in inherits.difference(&new.inherits) {
        fact::end_inheritance(tx, new.id, *junior).await?;
    }
    for junior in new.inherits.difference(inherits) {
        fact::add_inheritance(tx, new.id, *junior).await?;
    }
    for by in assignable_by.difference(&new.assignable_by) {
        fact::end_assignable(tx, new.id, *by).await?;
    }
    for by in new.assignable_by.difference(assignable_by) {
        fact::add_assignable(tx, new.id, *by).await?;
    }
    Ok(())
}

/// What changed. Of sets, `before` has what was taken away and `after` what came. `None`: nothing.
fn event(graph: &RoleGraph, old: &Role, new: &Role) -> Option<Event> {
    let names = |ids: BTreeSet<&RoleId>| -> Value {
        let mut names: Vec<&str> = ids.into_iter().map(|id| graph.name(*id)).collect();
        names.sort_unstable();
        json!(names)
    };
    let both = |one: &BTreeSet<RoleId>, other: &BTreeSet<RoleId>| {
        (names(one.difference(other).collect()), names(other.difference(one).collect()))
    };
    let (gone, come) = (beyond(&old.permissions, &new.permissions), beyond(&new.permissions, &old.permissions));
    let fields = [
        ("display_name", (json!(old.display_name), json!(new.display_name))),
        ("description", (json!(old.description), json!(new.description))),
        ("sensitive", (json!(old.sensitive), json!(new.sensitive))),
        ("permissions", (json!(gone), json!(come))),
        ("inherits", both(&old.inherits, &new.inherits)),
        ("assignable_by", both(&old.assignable_by, &new.assignable_by)),
    ];
    let mut changed = fields.into_iter().filter(|(_, (before, after))| before != after).peekable();
    changed.peek()?;
    let event = Event::new(EventType::RoleUpdated).about("role", old.id.uuid(), old.name.as_str());
    Some(changed.fold(event, |event, (field, (before, after))| event.changed(field, before, after)))
}
