//! Giving and ending roles, in a unit, from when until when, with a reason.

use domain::allowed::{Allowed, Operator};
use domain::caller::{Caller, Forbidden, Scope};
use domain::event::{Event, EventType};
use domain::id::{GrantId, PrincipalId, UserId};
use domain::permission::Permission;
use domain::revocation::Fact;
use domain::time::Timestamp;
use domain::unit::UnitPath;
use domain::user::Status;
use serde::{Deserialize, Serialize};
use store::access::grant::{self, Grant, NewGrant};
use store::{Guard, Outcome, Read, StoreError, WriteTx, revocation, unit, user};
use thiserror::Error;

use crate::app::App;
use crate::caller::{self, SignedOut};
use crate::directory::{self, Directory};

mod client;
pub(crate) use client::revoked as revoked_from_client;
pub use client::{
    EndClientGrant, GiveClient, end_of_client, end_of_client_as_operator, give_client, give_client_as_operator,
    list_of_client, list_of_client_as_operator,
};

/// Why a role was not given or ended.
#[derive(Debug, Error)]
pub enum GrantError {
    /// The caller's session ended meanwhile.
    #[error("the session ended")]
    SignedOut,
    /// No permission, climbing, or to oneself.
    #[error("roles:assign is missing")]
    Forbidden(Forbidden),
    /// No such person or grant within reach.
    #[error("there is no such person or grant")]
    NotFound,
    /// No such role.
    #[error("there is no such role")]
    NoRole,
    /// No such unit.
    #[error("there is no such unit")]
    NoUnit,
    /// It ends before it begins, or has ended.
    #[error("a grant must end after it begins, and in the future")]
    Dates,
    /// Ended already, the last administrator, or too many.
    #[error("{0}")]
    Conflict(&'static str),
    /// The role is held in the unit already at some moment of the new grant.
    #[error("The role {role} is held in {} already. End that grant first, or begin when it ends.", unit.as_str())]
    Held {
        /// The role's name.
        role: String,
        /// Where.
        unit: UnitPath,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<SignedOut> for GrantError {
    fn from(_: SignedOut) -> Self {
        Self::SignedOut
    }
}

impl From<Forbidden> for GrantError {
    fn from(forbidden: Forbidden) -> Self {
        Self::Forbidden(forbidden)
    }
}

/// The guards of the caller and of whom it concerns, before [`caller::again`] takes the caller's.
pub(crate) async fn guard_both(
    tx: &mut WriteTx<'_>,
    caller: Option<&Caller>,
    concerned: impl Into<PrincipalId>,
) -> Result<(), StoreError> {
    caller::guard_people(tx, caller.map(|caller| caller.user().into()).into_iter().chain([concerned.into()])).await
}

/// No climbing: the caller may give every role that the person holds, also those that begin later.
pub(crate) async fn may_give_all<E>(
    tx: &mut WriteTx<'_>,
    caller: &Caller,
    concerned: impl Into<PrincipalId>,
) -> Result<(), E>
where
    E: From<StoreError> + From<Forbidden>,
{
    for held in grant::standing(tx, concerned.into()).await? {
        caller.may_assign(held.role, &held.unit)?;
    }
    Ok(())
}

/// Most grants that a person holds at a time, or will: all of them are looked at in each request.
pub const MOST_GRANTS: usize = 500;

/// A role is to be given.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Give {
    /// To whom.
    pub user: UserId,
    /// The role's name.
    pub role: String,
    /// Where.
    pub unit: UnitPath,
    /// From when; at once if absent.
    pub valid_from: Option<Timestamp>,
    /// Until when.
    pub valid_until: Option<Timestamp>,
    /// Why.
    pub reason: String,
}

/// What a grant says, whoever gets it.
struct Terms<'a> {
    role: &'a str,
    unit: &'a UnitPath,
    valid_from: Option<Timestamp>,
    valid_until: Option<Timestamp>,
    reason: &'a str,
}

impl Give {
    fn terms(&self) -> Terms<'_> {
        let Self { role, unit, valid_from, valid_until, reason, .. } = self;
        Terms { role, unit, valid_from: *valid_from, valid_until: *valid_until, reason }
    }
}

/// Writes a grant to a person or a client who exists. Needs the guards of the role graph and of the principal.
async fn write(
    tx: &mut WriteTx<'_>,
    directory: &Directory,
    principal: PrincipalId,
    terms: &Terms<'_>,
) -> Result<NewGrant, GrantError> {
    let now = tx.now();
    let valid_from = terms.valid_from.unwrap_or(now);
    if terms.valid_until.is_some_and(|until| until <= valid_from || until <= now) {
        return Err(GrantError::Dates);
    }
    let role = directory.graph.named(terms.role).ok_or(GrantError::NoRole)?.role.id;
    let unit = unit::by_path(tx, terms.unit).await?.ok_or(GrantError::NoUnit)?;
    let new = NewGrant {
        id: GrantId::new(&*tx.entropy(), now),
        principal,
        role,
        unit: unit.id,
        valid_from,
        valid_until: terms.valid_until,
        reason: terms.reason.to_owned(),
    };
    if grant::standing(tx, principal).await?.len() >= MOST_GRANTS {
        return Err(GrantError::Conflict("500 roles are held already. Give them higher up, or end some."));
    }
    if grant::overlaps(tx, &new).await? {
        return Err(GrantError::Held { role: terms.role.to_owned(), unit: terms.unit.clone() });
    }
    grant::create(tx, &new).await?;
    Ok(new)
}

pub(crate) fn granted(new: &NewGrant, user: UserId, name: &str, role: &str, unit: &UnitPath) -> Event {
    Event::new(EventType::RoleGranted)
        .user(user, name)
        .with("grant", new.id.to_string())
        .with("role", role)
        .with("unit", unit.as_str())
        .with("valid_from", new.valid_from.rfc3339())
        .with("valid_until", new.valid_until.map(Timestamp::rfc3339))
        .with("reason", new.reason.as_str())
}

/// Gives a role: `roles:assign` in the unit, the role's `assignable_by`, never to oneself (RBAC-08).
///
/// # Errors
/// [`GrantError`].
pub async fn give(app: &App, caller: &Caller, command: Give) -> Result<Grant, GrantError> {
    // The permission first: whether a role exists is not for everybody.
    caller.allow(Permission::RolesAssign, Scope::Unit(&command.unit))?;
    let role = caller.access().graph().named(&command.role).ok_or(GrantError::NoRole)?.role.id;
    let allowed = caller.allow_assign(command.user, role, &command.unit)?;
    give_with(app, allowed, Some(caller.clone()), command).await
}

/// The same for the operator of the machine.
///
/// # Errors
/// [`GrantError`].
pub async fn give_as_operator(app: &App, operator: Operator, command: Give) -> Result<Grant, GrantError> {
    give_with(app, operator.into(), None, command).await
}

async fn give_with(app: &App, allowed: Allowed, caller: Option<Caller>, command: Give) -> Result<Grant, GrantError> {
    app.store
        .write(allowed, app.now(), (app.clone(), caller, command), |tx, (app, caller, command)| {
            Box::pin(async move {
                // The role and the unit are not ended meanwhile.
                tx.exclusive(Guard::RoleGraph).await?;
                guard_both(tx, caller.as_ref(), command.user).await?;
                if let Some(caller) = caller {
                    let caller = caller::again(app, tx, caller).await??;
                    let role = caller.access().graph().named(&command.role).ok_or(GrantError::NoRole)?.role.id;
                    caller.allow_assign(command.user, role, &command.unit)?;
                }
                let directory = directory::current(app, tx).await?;
                let person = user::find(tx, command.user).await?.filter(|user| user.status != Status::Deleted);
                let person = person.ok_or(GrantError::NotFound)?;
                let new = write(tx, &directory, person.id.into(), &command.terms()).await?;
                user::touch(tx, person.id).await?;
                if new.valid_from <= tx.now() {
                    // Read anew: who waited for the guard may be late, and tokens were made meanwhile.
                    revocation::announce(tx, &[Fact::changed(person.id.into(), app.now())]).await?;
                }
                let event = granted(&new, person.id, person.name(), &command.role, &command.unit);
                let made = grant::find(tx, person.id.into(), new.id).await?.ok_or(GrantError::NotFound)?;
                Ok(Outcome::done(made, event))
            })
        })
        .await
}

/// A grant is to be ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EndGrant {
    /// Whose.
    pub user: UserId,
    /// Which.
    pub grant: GrantId,
    /// Why.
    pub reason: String,
}

/// Ends a grant: `roles:assign` or `users:manage` in its unit. Protecting needs no more; the last administrator stays.
///
/// # Errors
/// [`GrantError`].
pub async fn end(app: &App, caller: &Caller, command: EndGrant) -> Result<Grant, GrantError> {
    let allowed = caller.allow_either(Permission::RolesAssign, Permission::UsersManage)?;
    end_with(app, allowed, Some(caller.clone()), command).await
}

/// The same for the operator of the machine.
///
/// # Errors
/// [`GrantError`].
pub async fn end_as_operator(app: &App, operator: Operator, command: EndGrant) -> Result<Grant, GrantError> {
    end_with(app, operator.into(), None, command).await
}

async fn end_with(app: &App, allowed: Allowed, caller: Option<Caller>, command: EndGrant) -> Result<Grant, GrantError> {
    app.store
        .write(
            allowed,
            app.now(),
            (app.clone(), caller, command),
            |tx, (app, caller, EndGrant { user, grant: id, reason })| {
                Box::pin(async move {
                    tx.exclusive(Guard::Administrators).await?;
                    guard_both(tx, caller.as_ref(), *user).await?;
                    let mut reach = tx.allowed().reach().clone();
                    if let Some(caller) = caller {
                        let caller = caller::again(app, tx, caller).await??;
                        reach = caller.allow_either(Permission::RolesAssign, Permission::UsersManage)?.reach().clone();
                    }
                    let person = user::find(tx, *user).await?.ok_or(GrantError::NotFound)?;
                    let held = grant::find(tx, (*user).into(), *id).await?.ok_or(GrantError::NotFound)?;
                    if !reach.covers(&held.unit) {
                        return Err(GrantError::NotFound);
                    }
                    let directory = directory::current(app, tx).await?;
                    if crate::user::ends_administration(tx, &directory.graph, *id).await? {
                        return Err(GrantError::Conflict("This is the last administrator. Make another one first."));
                    }
                    if !grant::end(tx, *id).await? {
                        return Err(GrantError::Conflict("This grant has ended already."));
                    }
                    user::touch(tx, *user).await?;
                    revocation::announce(tx, &[Fact::changed((*user).into(), app.now())]).await?;
                    let event = Event::new(EventType::RoleRevoked)
                        .user(*user, person.name())
                        .with("grant", id.to_string())
                        .with("role", held.role_name.as_str())
                        .with("unit", held.unit.as_str())
                        .with("reason", reason.as_str());
                    let ended = grant::find(tx, (*user).into(), *id).await?.ok_or(GrantError::NotFound)?;
                    Ok(Outcome::done(ended, event))
                })
            },
        )
        .await
}

/// The grants of a person within reach, ended ones too, newest first.
///
/// # Errors
/// [`GrantError`].
pub async fn list(
    app: &App,
    caller: &Caller,
    user: UserId,
    after: Option<GrantId>,
    limit: i64,
) -> Result<Vec<Grant>, GrantError> {
    list_with(app, caller.allow(Permission::UsersRead, Scope::Anywhere)?, user, after, limit).await
}

/// The same for the operator of the machine.
///
/// # Errors
/// [`GrantError`].
pub async fn list_as_operator(
    app: &App,
    operator: Operator,
    user: UserId,
    after: Option<GrantId>,
    limit: i64,
) -> Result<Vec<Grant>, GrantError> {
    list_with(app, operator.into(), user, after, limit).await
}

async fn list_with(
    app: &App,
    allowed: Allowed,
    user: UserId,
    after: Option<GrantId>,
    limit: i64,
) -> Result<Vec<Grant>, GrantError> {
    app.store
        .read(&allowed, app.now(), move |tx| {
            Box::pin(async move {
                user::find(tx, user).await?.ok_or(GrantError::NotFound)?;
                Ok(grant::of_principal(tx, user.into(), after, limit).await?)
            })
        })
        .await
}

/// The caller's own grants that are in force or still to come.
///
/// # Errors
/// [`GrantError`].
pub async fn own(app: &App, caller: &Caller) -> Result<Vec<Grant>, GrantError> {
    let (id, now) = (caller.user(), app.now());
    let all: Vec<Grant> = app
        .store
        .read(&caller.oneself(), now, move |tx| Box::pin(grant::of_principal(tx, id.into(), None, 200)))
        .await
        .map_err(|error: StoreError| GrantError::from(error))?;
    let over = |grant: &Grant| grant.ended_at.is_some() || grant.valid_until.is_some_and(|until| until <= now);
    Ok(all.into_iter().filter(|grant| !over(grant)).collect())
}
