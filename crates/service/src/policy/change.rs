//! Changing a policy. It acts at once: on sessions that live (`live`), and on resource servers, which are told to refuse what was issued before.

use domain::allowed::{Allowed, Operator};
use domain::caller::{Caller, Forbidden, Scope};
use domain::event::{Event, EventType};
use domain::id::{PolicyId, RoleId};
use domain::permission::Permission;
use domain::policy::{AtLimit, Cause, Merged, Policy};
use domain::revocation::Fact;
use domain::unit::UnitPath;
use serde::{Deserialize, Serialize};
use store::access::{grant, policy};
use store::{Guard, Outcome, Read, WriteTx, counter, revocation};

use super::{Edition, PolicyError};
use crate::app::App;
use crate::caller::{self, same_version};
use crate::directory::{self, Directory};

/// A policy is to become something else, as a whole.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SetPolicy {
    /// Of which role; of the realm.
    pub role: Option<String>,
    /// The version that was looked at, 0 if nothing was set; the operator of the machine needs none.
    pub version: Option<i64>,
    /// What it asks for from now on.
    pub policy: Policy,
}

/// Sets a policy: `policies:manage` everywhere, and the rule against climbing. What changes nothing leaves version and log as they are.
///
/// # Errors
/// [`PolicyError`].
pub async fn set(app: &App, caller: &Caller, command: SetPolicy) -> Result<Edition, PolicyError> {
    let allowed = caller.allow(Permission::PoliciesManage, Scope::Realm)?;
    set_with(app, allowed, Some(caller.clone()), command).await
}

/// The same for the operator of the machine.
///
/// # Errors
/// [`PolicyError`].
pub async fn set_as_operator(app: &App, operator: Operator, command: SetPolicy) -> Result<Edition, PolicyError> {
    set_with(app, operator.into(), None, command).await
}

async fn set_with(
    app: &App,
    allowed: Allowed,
    caller: Option<Caller>,
    mut command: SetPolicy,
) -> Result<Edition, PolicyError> {
    let wrong = command.policy.wrong();
    if !wrong.is_empty() {
        return Err(PolicyError::Wrong(wrong));
    }
    command.policy = command.policy.normal();
    app.store
        .write(allowed, app.now(), (app.clone(), caller, command), |tx, (app, caller, command)| {
            Box::pin(decide(app, tx, caller.as_ref(), command))
        })
        .await
}

async fn decide(
    app: &App,
    tx: &mut WriteTx<'_>,
    caller: Option<&Caller>,
    command: &SetPolicy,
) -> Result<Outcome<Edition>, PolicyError> {
    // The role stays what it is, and policies change one after the other.
    tx.exclusive(Guard::RoleGraph).await?;
    let caller = match caller {
        Some(caller) => Some(caller::again(app, tx, caller).await??),
        None => None,
    };
    let directory = directory::current(app, tx).await?;
    let role = match &command.role {
        Some(name) => Some(directory.graph.named(name).ok_or(PolicyError::NotFound)?.role.id),
        None => None,
    };
    let (old, version) = directory.edition(role);
    same_version(caller.as_ref(), command.version, version)?;
    if let Some(caller) = &caller {
        caller.allow(Permission::PoliciesManage, Scope::Realm)?;
        may_set(caller, &directory, role, (&old, &command.policy))?;
    }
    let Some(event) = event(&directory, role, &old, &command.policy) else {
        return Ok(Outcome::nothing(Edition { policy: old, version }));
    };
    let id = PolicyId::new(&*tx.entropy(), tx.now());
    let version = version + 1;
    policy::set(tx, id, role, (&command.policy, version)).await?;
    counter::raise(tx, counter::ROLES).await?;
    if let Some(caller) = &caller {
        stays_inside(app, tx, caller).await?;
    }
    let edition = counter::value(tx, counter::ROLES).await?;
    // Without names, which means everybody: a role that is withheld stands in no token, and its policy counts all the same.
    revocation::announce(tx, &[Fact::Roles { version: edition, names: Vec::new() }]).await?;
    Ok(Outcome::done(Edition { policy: command.policy.clone(), version }, event))
}

/// The rule against climbing. A role's policy belongs to whoever may give it, and all that inherit from it, everywhere; the realm's may be
/// tightened by whoever manages policies, and loosened by whoever may give every role that needs a second factor; so may what shuts people out.
fn may_set(
    caller: &Caller,
    directory: &Directory,
    role: Option<RoleId>,
    (old, new): (&Policy, &Policy),
) -> Result<(), Forbidden> {
    let root = UnitPath::root();
    if let Some(role) = role {
        return directory.graph.seniors(role).try_for_each(|senior| caller.may_assign(senior.role.id, &root));
    }
    if Merged::base(new).is_as_strict_as(&Merged::base(old)) && !shuts_out(old, new) {
        return Ok(());
    }
    let mut guarded = directory.graph.all().filter(|flat| directory.is_guarded(flat.role.id));
    guarded.try_for_each(|flat| caller.may_assign(flat.role.id, &root))
}

/// Whether a change of the realm's policy can keep everybody else from coming in, those too who could take it back: other networks, or sign-ins that
/// are refused because there are sessions enough.
fn shuts_out(old: &Policy, new: &Policy) -> bool {
    let room = |policy: &Policy| (policy.max_sessions, policy.at_limit);
    old.networks != new.networks || (new.at_limit == Some(AtLimit::Refuse) && room(old) != room(new))
}

/// Refuses to let the caller lock themselves out: the next request could not take it back.
async fn stays_inside(app: &App, tx: &mut WriteTx<'_>, caller: &Caller) -> Result<(), PolicyError> {
    let now = directory::current(app, tx).await?;
    let policy = now.policy(&grant::in_force(tx, caller.user().into()).await?).effective();
    if policy.admits(caller.request().address) {
        return Ok(());
    }
    let text = "You would lock yourself out: the address that you ask from lies in none of the networks that would be left to you.";
    Err(PolicyError::Conflict(text.to_owned()))
}

/// Old and new value of each field that changes. `None`: none does.
fn event(directory: &Directory, role: Option<RoleId>, old: &Policy, new: &Policy) -> Option<Event> {
    let event = Event::new(EventType::PolicyChanged);
    let event = match role {
        Some(role) => event.about("role", role.uuid(), directory.graph.name(role)),
        None => event.with("policy", Cause::Realm.to_string()),
    };
    let mut changed = Policy::FIELDS.iter().filter(|field| old.value(field) != new.value(field)).peekable();
    changed.peek()?;
    let event = changed.fold(event, |event, field| event.changed(field, old.value(field), new.value(field)));
    let deviations = new.deviations();
    Some(if deviations.is_empty() { event } else { event.with("deviations", deviations) })
}
