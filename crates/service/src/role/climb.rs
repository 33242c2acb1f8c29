//! The one rule against climbing, for roles: who may change what a role gives, and that somebody still administers (RBAC-08).

use domain::caller::{Caller, Forbidden, Scope};
use domain::id::RoleId;
use domain::permission::{OWN_API, Permission};
use domain::role::{Role, RoleGraph, gains};
use domain::unit::UnitPath;
use store::access::grant;
use store::{Guard, WriteTx};

use super::RoleError;
use super::named::{Permissions, beyond};
use crate::app::App;
use crate::caller;

/// The guards that every change of the roles takes, in the order that all use cases keep: administrators, roles, people. Then the caller again.
pub(super) async fn begin(app: &App, tx: &mut WriteTx<'_>, who: Option<&Caller>) -> Result<Option<Caller>, RoleError> {
    tx.exclusive(Guard::Administrators).await?;
    tx.exclusive(Guard::RoleGraph).await?;
    let Some(caller) = who else { return Ok(None) };
    let caller = caller::again(app, tx, caller).await??;
    caller.allow(Permission::RolesManage, Scope::Realm)?;
    Ok(Some(caller))
}

fn forbidden(detail: String) -> RoleError {
    RoleError::Forbidden(Forbidden { missing: Permission::RolesAssign, detail: Some(detail) })
}

/// Whether the caller may make a role what it is in `after`. A role means the same in every unit, so whoever changes one must be able to give it,
/// and every role that inherits from it, at the root; and give each role that it newly inherits from.
pub(super) async fn may_become(
    tx: &mut WriteTx<'_>,
    caller: &Caller,
    before: &RoleGraph,
    after: &RoleGraph,
    id: RoleId,
) -> Result<(), RoleError> {
    may_give(caller, before, id)?;
    let Some(new) = after.get(id) else { return Ok(()) };
    if before.get(id).is_none() && !caller.access().may_assign_in(after, id, &UnitPath::root()) {
        let text = "You could not give this role yourself. Name a role in assignable_by that you hold everywhere and that holds roles:assign.";
        return Err(forbidden(text.to_owned()));
    }
    let old = before.get(id);
    let root = UnitPath::root();
    for junior in new.role.inherits.iter().filter(|junior| !old.is_some_and(|old| old.role.inherits.contains(junior))) {
        caller.may_assign(*junior, &root)?;
    }
    let none = Permissions::new();
    let added = beyond(&new.role.permissions, old.map_or(&none, |old| &old.role.permissions));
    for name in added.get(OWN_API).into_iter().flatten() {
        if !Permission::parse(name).is_some_and(|permission| caller.access().may_put(permission)) {
            let text = format!(
                "You neither hold {name} everywhere nor may give a role that has it, so you cannot put it into a role."
            );
            return Err(forbidden(text));
        }
    }
    let standing = grant::standing(tx, caller.user().into()).await?;
    match gains(before, after, &standing, caller.access().held()) {
        None => Ok(()),
        Some(gain) => Err(forbidden(format!(
            "You hold {} in {}, and would give yourself {} by this. Ask another administrator.",
            gain.role,
            gain.unit.as_str(),
            gain.what
        ))),
    }
}

/// Refuses to leave a role to assigners whom nobody who administers is among: it could not be given, changed or taken from anybody any more.
async fn somebody_gives(tx: &mut WriteTx<'_>, after: &RoleGraph, new: &Role) -> Result<(), RoleError> {
    for administrator in crate::user::administrators(tx, after, None, true).await? {
        for held in grant::in_force(tx, administrator).await? {
            let gives = after.get(held.role).is_some_and(|flat| !flat.closure.is_disjoint(&new.assignable_by));
            if gives && held.unit.is_root() && held.valid_until.is_none() {
                return Ok(());
            }
        }
    }
    let text = "No administrator could give this role any more. Name a role that an administrator holds.";
    Err(RoleError::Conflict(text.to_owned()))
}

/// Whether the caller may give a role and all that inherit from it, everywhere.
pub(super) fn may_give(caller: &Caller, graph: &RoleGraph, id: RoleId) -> Result<(), RoleError> {
    let root = UnitPath::root();
    graph.seniors(id).try_for_each(|senior| caller.may_assign(senior.role.id, &root)).map_err(RoleError::from)
}

/// Refuses a change after which nobody would administer, or no administrator could give the role that changed.
pub(super) async fn keeps_an_administrator(
    tx: &mut WriteTx<'_>,
    before: &RoleGraph,
    after: &RoleGraph,
    new: &Role,
) -> Result<(), RoleError> {
    if before.get(new.id).is_some_and(|old| old.role.assignable_by != new.assignable_by) {
        somebody_gives(tx, after, new).await?;
    }
    let lost = |permission: Permission| {
        let carries = |graph: &RoleGraph, id| graph.get(id).is_some_and(|flat| flat.own.has(permission));
        before.all().any(|flat| flat.own.has(permission) && !carries(after, flat.role.id))
    };
    if !lost(Permission::RolesAssign) && !lost(Permission::UsersManage) {
        return Ok(());
    }
    for for_good in [true, false] {
        if crate::user::administrators(tx, before, None, for_good).await?.is_empty() {
            continue;
        }
        if crate::user::administrators(tx, after, None, for_good).await?.is_empty() {
            let text =
                "Nobody would hold roles:assign and users:manage everywhere any more. Give them to another role first.";
            return Err(RoleError::Conflict(text.to_owned()));
        }
        break;
    }
    Ok(())
}
