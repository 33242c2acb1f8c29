//! People: seeing, inviting, disabling, enabling.

use domain::allowed::{Allowed, Operator};
use domain::caller::{Caller, Forbidden, Scope};
use domain::event::{Event, EventType};
use domain::id::{GrantId, PrincipalId, RoleId, TokenId, UserId};
use domain::permission::Permission;
use domain::role::RoleGraph;
use domain::secret::Secret;
use domain::session::EndReason;
use domain::time::seconds;
use domain::unit::UnitPath;
use domain::user::{DisplayName, Email, Status, Username};
use serde::{Deserialize, Serialize};
use store::access::grant;
use store::token::{self, Purpose};
use store::user::{NewUser, User};
use store::{Events, Guard, Outcome, Read, StoreError, WriteTx, session, unit, user};
use thiserror::Error;

use crate::app::App;
use crate::caller::{self, SignedOut};
use crate::{directory, mail};

/// Why something about a person was not done.
#[derive(Debug, Error)]
pub enum UserError {
    /// The caller's session ended meanwhile.
    #[error("the session ended")]
    SignedOut,
    /// No permission, or climbing.
    #[error("a permission is missing")]
    Forbidden(Forbidden),
    /// Absent, or out of reach.
    #[error("there is no such person")]
    NotFound,
    /// No such unit.
    #[error("there is no such unit")]
    NoUnit,
    /// No such role; the index into the grants.
    #[error("there is no such role")]
    NoRole(usize),
    /// The username belongs to somebody.
    #[error("the username is taken")]
    NameTaken,
    /// The account is in another state, or the last administrator would go.
    #[error("{0}")]
    Conflict(&'static str),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<SignedOut> for UserError {
    fn from(_: SignedOut) -> Self {
        Self::SignedOut
    }
}

impl From<Forbidden> for UserError {
    fn from(forbidden: Forbidden) -> Self {
        Self::Forbidden(forbidden)
    }
}

/// A person with the names of the roles granted to them anywhere.
#[derive(Clone, Debug)]
pub struct Person {
    /// The row.
    pub user: User,
    /// Role names, sorted.
    pub roles: Vec<String>,
}

pub(crate) async fn person(app: &App, tx: &mut impl Read, user: User) -> Result<Person, StoreError> {
    let directory = directory::current(app, tx).await?;
    let held = grant::in_force(tx, user.id.into()).await?;
    let mut roles: Vec<String> = held.iter().map(|held| directory.graph.name(held.role).to_owned()).collect();
    roles.sort_unstable();
    roles.dedup();
    Ok(Person { user, roles })
}

/// The caller.
///
/// # Errors
/// [`UserError`].
pub async fn me(app: &App, caller: &Caller) -> Result<Person, UserError> {
    find(app, caller.oneself(), caller.user()).await
}

/// A person within reach.
///
/// # Errors
/// [`UserError`].
pub async fn get(app: &App, caller: &Caller, id: UserId) -> Result<Person, UserError> {
    find(app, caller.allow(Permission::UsersRead, Scope::Anywhere)?, id).await
}

async fn find(app: &App, allowed: Allowed, id: UserId) -> Result<Person, UserError> {
    let parts = app.clone();
    app.store
        .read(&allowed, app.now(), move |tx| {
            Box::pin(async move {
                let user = user::find(tx, id).await?.ok_or(UserError::NotFound)?;
                Ok(person(&parts, tx, user).await?)
            })
        })
        .await
}

/// People within reach, by id.
///
/// # Errors
/// [`UserError`].
pub async fn list(app: &App, caller: &Caller, filter: user::Filter, limit: i64) -> Result<Vec<Person>, UserError> {
    list_with(app, caller.allow(Permission::UsersRead, Scope::Anywhere)?, filter, limit).await
}

/// The same for the operator of the machine.
///
/// # Errors
/// [`UserError`].
pub async fn list_as_operator(
    app: &App,
    operator: Operator,
    filter: user::Filter,
    limit: i64,
) -> Result<Vec<Person>, UserError> {
    list_with(app, operator.into(), filter, limit).await
}

async fn list_with(app: &App, allowed: Allowed, filter: user::Filter, limit: i64) -> Result<Vec<Person>, UserError> {
    let parts = app.clone();
    app.store
        .read(&allowed, app.now(), move |tx| {
            Box::pin(async move {
                let mut people = Vec::new();
                for user in user::list(tx, &filter, limit).await? {
                    people.push(person(&parts, tx, user).await?);
                }
                Ok(people)
            })
        })
        .await
}

/// A role for somebody new.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FirstGrant {
    /// The role's name.
    pub role: String,
    /// Where.
    pub unit: UnitPath,
    /// Why.
    pub reason: String,
}

/// Somebody is to be invited.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Invite {
    /// Sign-in name.
    pub username: Username,
    /// What they are called.
    pub display_name: DisplayName,
    /// Given name.
    pub given_name: Option<String>,
    /// Family name.
    pub family_name: Option<String>,
    /// Where the invitation goes.
    pub email: Option<Email>,
    /// Telephone.
    pub phone: Option<String>,
    /// Language.
    pub locale: Option<String>,
    /// Key in another directory.
    pub external_id: Option<String>,
    /// Home unit.
    pub unit: UnitPath,
    /// First roles.
    pub grants: Vec<FirstGrant>,
}

/// Invites a person: `users:create` at or above the home unit, and the right to give each of the first roles.
///
/// # Errors
/// [`UserError`].
pub async fn invite(app: &App, caller: &Caller, command: Invite) -> Result<Person, UserError> {
    let allowed = caller.allow(Permission::UsersCreate, Scope::Unit(&command.unit))?;
    may_invite(caller, &command)?;
    let (person, _) = create(app, allowed, Some(caller.clone()), command, Purpose::Invitation).await?;
    Ok(person)
}

/// `users:create` at or above the home unit, and the right to give each of the first roles.
fn may_invite(caller: &Caller, command: &Invite) -> Result<(), UserError> {
    caller.allow(Permission::UsersCreate, Scope::Unit(&command.unit))?;
    for (at, grant) in command.grants.iter().enumerate() {
        caller.allow(Permission::RolesAssign, Scope::Unit(&grant.unit))?;
        let role = caller.access().graph().named(&grant.role).ok_or(UserError::NoRole(at))?.role.id;
        caller.may_assign(role, &grant.unit)?;
    }
    Ok(())
}

/// Makes an invited person with first roles and a link: set-up, the command line, demo.
///
/// # Errors
/// [`UserError`].
pub async fn create_as_operator(
    app: &App,
    operator: Operator,
    command: Invite,
    purpose: Purpose,
) -> Result<(Person, Secret), UserError> {
    create(app, operator.into(), None, command, purpose).await
}

async fn create(
    app: &App,
    allowed: Allowed,
    caller: Option<Caller>,
    command: Invite,
    purpose: Purpose,
) -> Result<(Person, Secret), UserError> {
    let link = Secret::new(&*app.entropy);
    let input = (app.clone(), caller, command, purpose, link.clone());
    let made = app
        .store
        .write(allowed, app.now(), input, |tx, (app, caller, command, purpose, link)| {
            Box::pin(async move {
                if let Some(caller) = caller {
                    may_invite(&caller::again(app, tx, caller).await??, command)?;
                }
                let directory = directory::current(app, tx).await?;
                let home = unit::by_path(tx, &command.unit).await?.ok_or(UserError::NoUnit)?;
                let id = UserId::new(&*tx.entropy(), tx.now());
                if !user::create(tx, &new_user(id, command, home.id)).await? {
                    return Err(UserError::NameTaken);
                }
                let name = command.display_name.as_str();
                let created = Event::new(EventType::UserCreated).user(id, name);
                let created = created.with("username", command.username.as_str()).with("unit", command.unit.as_str());
                let mut events = Events::from(created.with("email", command.email.as_ref().map(Email::as_str)));
                for (at, first) in command.grants.iter().enumerate() {
                    events = events.and(first_grant(tx, &directory.graph, id, name, first, at).await?);
                }
                let expires_at = tx.now().plus(seconds(app.settings.invitation_seconds));
                let token_id = TokenId::new(&*tx.entropy(), tx.now());
                token::create(tx, token_id, &link.hash(), *purpose, Some(id), expires_at).await?;
                if let (Some(email), Purpose::Invitation) = (&command.email, purpose) {
                    mail::invitation(app, tx, email, name, link).await?;
                }
                let user = user::find(tx, id).await?.ok_or(UserError::NotFound)?;
                Ok(Outcome::done(person(app, tx, user).await?, events))
            })
        })
        .await?;
    Ok((made, link))
}

fn new_user(id: UserId, command: &Invite, unit: domain::id::UnitId) -> NewUser {
    NewUser {
        id,
        username: command.username.clone(),
        display_name: command.display_name.clone(),
        given_name: command.given_name.clone(),
        family_name: command.family_name.clone(),
        email: command.email.clone(),
        email_verified: false,
        phone: command.phone.clone(),
        locale: command.locale.clone(),
        unit,
        external_id: command.external_id.clone(),
    }
}

async fn first_grant(
    tx: &mut WriteTx<'_>,
    graph: &RoleGraph,
    id: UserId,
    name: &str,
    first: &FirstGrant,
    at: usize,
) -> Result<Event, UserError> {
    let role = graph.named(&first.role).ok_or(UserError::NoRole(at))?.role.id;
    let unit = unit::by_path(tx, &first.unit).await?.ok_or(UserError::NoUnit)?;
    let new = grant::NewGrant {
        id: GrantId::new(&*tx.entropy(), tx.now()),
        principal: id.into(),
        role,
        unit: unit.id,
        valid_from: tx.now(),
        valid_until: None,
        reason: first.reason.clone(),
    };
    grant::create(tx, &new).await?;
    Ok(crate::grant::granted(&new, id, name, &first.role, &first.unit))
}

/// An account is to be disabled.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Disable {
    /// Whose.
    pub user: UserId,
    /// Why.
    pub reason: String,
}

/// A disabled account is to be enabled.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Enable {
    /// Whose.
    pub user: UserId,
    /// Why.
    pub reason: String,
}

/// Disables an account: all its sessions end at once. Open to `users:manage` alone, the last administrator excepted.
///
/// # Errors
/// [`UserError`].
pub async fn disable(app: &App, caller: &Caller, command: Disable) -> Result<Person, UserError> {
    let allowed = caller.allow(Permission::UsersManage, Scope::Anywhere)?;
    disable_with(app, allowed, Some(caller.clone()), command).await
}

/// The same for the operator of the machine.
///
/// # Errors
/// [`UserError`].
pub async fn disable_as_operator(app: &App, operator: Operator, command: Disable) -> Result<Person, UserError> {
    disable_with(app, operator.into(), None, command).await
}

async fn disable_with(
    app: &App,
    allowed: Allowed,
    caller: Option<Caller>,
    command: Disable,
) -> Result<Person, UserError> {
    app.store
        .write(allowed, app.now(), (app.clone(), caller, command), |tx, (app, caller, Disable { user: id, reason })| {
            Box::pin(async move {
                tx.exclusive(Guard::Administrators).await?;
                still_manages(app, tx, caller.as_ref()).await?;
                tx.exclusive(Guard::Principal((*id).into())).await?;
                let before = user::find(tx, *id).await?.ok_or(UserError::NotFound)?;
                let directory = directory::current(app, tx).await?;
                if is_last_administrator(tx, &directory.graph, *id).await? {
                    return Err(UserError::Conflict("This is the last administrator. Make another one first."));
                }
                let from = before.status;
                let open = matches!(from, Status::Active | Status::Invited);
                if !open || !user::set_status(tx, *id, from, Status::Disabled).await? {
                    return Err(UserError::Conflict("Only an active or invited account can be disabled."));
                }
                token::void_all(tx, *id).await?;
                let ended = session::end_all(tx, *id, None, EndReason::UserDisabled).await?;
                let disabled = Event::new(EventType::UserDisabled).user(*id, before.name()).changed(
                    "status",
                    from.as_str(),
                    "disabled",
                );
                let sessions =
                    ended.into_iter().map(|s| crate::session::ended(s, *id, before.name(), EndReason::UserDisabled));
                let events = Events::from(disabled.with("reason", reason.as_str())).and_all(sessions);
                let user = user::find(tx, *id).await?.ok_or(UserError::NotFound)?;
                Ok(Outcome::done(person(app, tx, user).await?, events))
            })
        })
        .await
}

/// Enables a disabled account: `users:manage`, and the right to give every role that it holds (no climbing).
///
/// # Errors
/// [`UserError`].
pub async fn enable(app: &App, caller: &Caller, command: Enable) -> Result<Person, UserError> {
    let allowed = caller.allow(Permission::UsersManage, Scope::Anywhere)?;
    let input = (app.clone(), caller.clone(), command);
    app.store
        .write(allowed, app.now(), input, |tx, (app, caller, Enable { user: id, reason })| {
            Box::pin(async move {
                let caller = caller::again(app, tx, caller).await??;
                caller.allow(Permission::UsersManage, Scope::Anywhere)?;
                let before = user::find(tx, *id).await?.ok_or(UserError::NotFound)?;
                // Also grants that begin later: enabling gives them too.
                for held in grant::standing(tx, (*id).into()).await? {
                    caller.may_assign(held.role, &held.unit)?;
                }
                // Who never chose a password is invited still.
                let chosen = store::credential::password(tx, *id).await?.is_some();
                let to = if chosen { Status::Active } else { Status::Invited };
                if !user::set_status(tx, *id, Status::Disabled, to).await? {
                    return Err(UserError::Conflict("Only a disabled account can be enabled."));
                }
                let event = Event::new(EventType::UserEnabled).user(*id, before.name()).changed(
                    "status",
                    "disabled",
                    to.as_str(),
                );
                let user = user::find(tx, *id).await?.ok_or(UserError::NotFound)?;
                Ok(Outcome::done(person(app, tx, user).await?, event.with("reason", reason.as_str())))
            })
        })
        .await
}

/// By the state of this transaction, the caller may still manage accounts.
async fn still_manages(app: &App, tx: &mut WriteTx<'_>, caller: Option<&Caller>) -> Result<(), UserError> {
    if let Some(caller) = caller {
        caller::again(app, tx, caller).await??.allow(Permission::UsersManage, Scope::Anywhere)?;
    }
    Ok(())
}

/// Whether nobody would administer without this person. Whose rights end by themselves does not count as somebody who stays.
async fn is_last_administrator(tx: &mut impl Read, graph: &RoleGraph, id: UserId) -> Result<bool, StoreError> {
    let id = PrincipalId::from(id);
    for for_good in [true, false] {
        let all = administrators(tx, graph, None, for_good).await?;
        if !all.is_empty() {
            return Ok(all.iter().all(|other| *other == id));
        }
    }
    Ok(false)
}

/// Whether ending a grant leaves nobody who administers for good, where there was somebody.
pub(crate) async fn ends_administration(
    tx: &mut impl Read,
    graph: &RoleGraph,
    grant: GrantId,
) -> Result<bool, StoreError> {
    for for_good in [true, false] {
        if !administrators(tx, graph, None, for_good).await?.is_empty() {
            return Ok(administrators(tx, graph, Some(grant), for_good).await?.is_empty());
        }
    }
    Ok(false)
}

/// Active people who hold `roles:assign` and `users:manage` at the root, without counting one grant; only for good, or also for a time.
async fn administrators(
    tx: &mut impl Read,
    graph: &RoleGraph,
    without: Option<GrantId>,
    for_good: bool,
) -> Result<Vec<PrincipalId>, StoreError> {
    let with = |permission| -> Vec<RoleId> {
        graph.all().filter(|flat| flat.own.has(permission)).map(|flat| flat.role.id).collect()
    };
    let assign = grant::holders_at_root(tx, &with(Permission::RolesAssign), without, for_good).await?;
    let manage = grant::holders_at_root(tx, &with(Permission::UsersManage), without, for_good).await?;
    Ok(assign.into_iter().filter(|one| manage.contains(one)).collect())
}

/// All that a person within reach holds now.
///
/// # Errors
/// [`UserError`].
pub async fn access(app: &App, caller: &Caller, id: UserId) -> Result<domain::access::Access, UserError> {
    let allowed = caller.allow(Permission::UsersRead, Scope::Anywhere)?;
    let parts = app.clone();
    app.store
        .read(&allowed, app.now(), move |tx| {
            Box::pin(async move {
                user::find(tx, id).await?.ok_or(UserError::NotFound)?;
                let directory = directory::current(&parts, tx).await?;
                Ok(domain::access::Access::new(directory.graph.clone(), grant::in_force(tx, id.into()).await?))
            })
        })
        .await
}

/// Who has this username; for the command line.
///
/// # Errors
/// [`UserError::NotFound`].
pub async fn by_username(app: &App, operator: &Operator, username: &Username) -> Result<User, UserError> {
    let identifier = domain::user::Identifier::new(username.as_str());
    let name = username.as_str().to_owned();
    let found = app
        .store
        .read(operator.allowed(), app.now(), move |tx| {
            Box::pin(async move { user::by_identifier(tx, &identifier).await })
        })
        .await
        .map_err(|error: StoreError| UserError::from(error))?;
    found.filter(|user| user.username.as_deref() == Some(name.as_str())).ok_or(UserError::NotFound)
}
