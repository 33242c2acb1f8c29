//! People: seeing, inviting, disabling, enabling.

use domain::allowed::{Allowed, Operator};
use domain::attribute::{AttributeError, Attributes};
use domain::caller::{Caller, Forbidden, Scope};
use domain::event::{Event, EventType};
use domain::id::{GrantId, TokenId, UserId};
use domain::permission::Permission;
use domain::role::RoleGraph;
use domain::secret::Secret;
use domain::time::seconds;
use domain::unit::UnitPath;
use domain::user::{DisplayName, Email, Username};
use serde::{Deserialize, Serialize};
use store::access::grant;
use store::token::{self, Purpose};
use store::user::{NewUser, User};
use store::{Events, Guard, Outcome, Read, StoreError, WriteTx, factor, unit, user};
use thiserror::Error;

use crate::app::App;
use crate::caller::{self, SignedOut, Stale};
use crate::{directory, mail};

mod access;
mod activation;
mod address;
mod concerned;
mod delete;
mod email;
mod held;
mod lockdown;
mod own;
mod rename;
mod require_change;
mod reset;
mod search;
mod state;
mod unlock;
mod update;
pub use access::{access, access_as_operator};
pub use activation::{IssueCode, issue_code, issue_code_as_operator};
pub use address::{
    AddAddress, EndAddress, add_address, add_address_as_operator, add_own_address, addresses, addresses_as_operator,
    end_address, end_address_as_operator, end_own_address, own_addresses,
};
pub use delete::{Delete, delete, delete_as_operator};
pub use email::{ChangeEmail, change_email, change_email_as_operator, change_own_email, confirm};
pub use held::{held, named, names};
pub use lockdown::{LockDown, lock_down, lock_down_as_operator};
pub use own::{UpdateOwn, update_own};
pub use rename::{Rename, rename, rename_as_operator};
pub use require_change::{RequireChange, require_change, require_change_as_operator};
pub use reset::{ResetPassword, reset_password, reset_password_as_operator};
pub use search::{Found, Search, list, list_as_operator};
pub use state::{Disable, Enable, disable, disable_as_operator, enable, enable_as_operator};
pub(crate) use state::{administrators, ends_administration};
pub use unlock::{Unlock, unlock, unlock_as_operator};
pub use update::{Update, attribute_schema, update, update_as_operator};

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
    /// The same role in the same unit twice; the index into the grants.
    #[error("the role is named twice in this unit")]
    Twice(usize),
    /// The username belongs to somebody.
    #[error("the username is taken")]
    NameTaken,
    /// The account is in another state, or the last administrator would go.
    #[error("{0}")]
    Conflict(&'static str),
    /// Somebody changed it since it was read.
    #[error("somebody changed it meanwhile")]
    ChangedMeanwhile,
    /// The caller must say which version they looked at.
    #[error("the version is not said")]
    VersionUnsaid,
    /// Attributes that the realm's schema does not take.
    #[error("the attributes do not fit the schema")]
    Attributes(Vec<AttributeError>),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<SignedOut> for UserError {
    fn from(_: SignedOut) -> Self {
        Self::SignedOut
    }
}

impl From<Stale> for UserError {
    fn from(stale: Stale) -> Self {
        match stale {
            Stale::Unsaid => Self::VersionUnsaid,
            Stale::Changed => Self::ChangedMeanwhile,
        }
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
    /// Kinds of second factors.
    pub mfa: Vec<String>,
}

pub(crate) async fn person(app: &App, tx: &mut impl Read, user: User) -> Result<Person, StoreError> {
    let directory = directory::current(app, tx).await?;
    let held = grant::in_force(tx, user.id.into()).await?;
    let mut roles: Vec<String> = held.iter().map(|held| directory.graph.name(held.role).to_owned()).collect();
    roles.sort_unstable();
    roles.dedup();
    let mut mfa: Vec<String> = factor::of_user(tx, user.id).await?.into_iter().map(|factor| factor.kind).collect();
    mfa.retain(|kind| matches!(kind.as_str(), "totp" | "passkey"));
    mfa.sort_unstable();
    mfa.dedup();
    Ok(Person { user, roles, mfa })
}

/// The caller.
///
/// # Errors
/// [`UserError`].
pub async fn me(app: &App, caller: &Caller) -> Result<Person, UserError> {
    find(app, caller.oneself(), caller.user()).await
}

/// A person without the attributes that their realm hides from them.
///
/// # Errors
/// [`UserError`].
pub async fn as_seen_by_oneself(app: &App, caller: &Caller, mut person: Person) -> Result<Person, UserError> {
    let allowed = caller.oneself();
    let read = app.store.read(&allowed, app.now(), |tx| Box::pin(store::realm::attribute_schema(tx)));
    let schema = read.await.map_err(|error: StoreError| UserError::from(error))?;
    let shown = serde_json::from_str(&person.user.attributes).map(|all| schema.own_view(&all));
    let text = shown.and_then(|shown| serde_json::to_string(&shown));
    person.user.attributes = text.unwrap_or_else(|_| "{}".to_owned());
    Ok(person)
}

/// A person within reach.
///
/// # Errors
/// [`UserError`].
pub async fn get(app: &App, caller: &Caller, id: UserId) -> Result<Person, UserError> {
    find(app, caller.allow(Permission::UsersRead, Scope::Anywhere)?, id).await
}

/// The same for the operator of the machine.
///
/// # Errors
/// [`UserError`].
pub async fn get_as_operator(app: &App, operator: Operator, id: UserId) -> Result<Person, UserError> {
    find(app, operator.into(), id).await
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
    /// By the realm's schema.
    pub attributes: serde_json::Map<String, serde_json::Value>,
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
    if command.grants.len() > crate::grant::MOST_GRANTS {
        return Err(UserError::Conflict("Nobody holds more than 500 roles."));
    }
    if let Some(at) = named_twice(&command.grants) {
        return Err(UserError::Twice(at));
    }
    let link = Secret::new(&*app.entropy);
    let input = (app.clone(), caller, command, purpose, link.clone());
    let made = app
        .store
        .write(allowed, app.now(), input, |tx, (app, caller, command, purpose, link)| {
            Box::pin(async move {
                // The home unit and the roles are not ended meanwhile.
                tx.exclusive(Guard::RoleGraph).await?;
                if let Some(caller) = caller {
                    may_invite(&caller::again(app, tx, caller).await??, command)?;
                }
                let directory = directory::current(app, tx).await?;
                let attributes = new_attributes(tx, caller.is_some(), &command.attributes).await?;
                let home = unit::by_path(tx, &command.unit).await?.ok_or(UserError::NoUnit)?;
                let id = UserId::new(&*tx.entropy(), tx.now());
                if !user::create(tx, &new_user(id, command, home.id, &attributes)).await? {
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
                    mail::invitation(app, tx, (id, email), name, link).await?;
                }
                let user = user::find(tx, id).await?.ok_or(UserError::NotFound)?;
                Ok(Outcome::done(person(app, tx, user).await?, events))
            })
        })
        .await?;
    Ok((made, link))
}

/// The place of the first grant that another one says already: nobody holds a role twice in a unit.
fn named_twice(grants: &[FirstGrant]) -> Option<usize> {
    let same = |one: &FirstGrant, other: &FirstGrant| one.role == other.role && one.unit == other.unit;
    (1..grants.len()).find(|at| grants[..*at].iter().any(|before| same(before, &grants[*at])))
}

fn new_user(id: UserId, command: &Invite, unit: domain::id::UnitId, attributes: &Attributes) -> NewUser {
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
        attributes: stored_attributes(attributes),
    }
}

/// Checked by the realm's schema. What it requires is asked of whoever fills in a form, not of the first administrator or of demo.
async fn new_attributes(
    tx: &mut impl Read,
    whole: bool,
    sent: &serde_json::Map<String, serde_json::Value>,
) -> Result<Attributes, UserError> {
    let schema = store::realm::attribute_schema(tx).await?;
    let checked = if whole { schema.check(sent) } else { schema.change(&Attributes::default(), sent) };
    checked.map_err(UserError::Attributes)
}

/// JSON, in the order of the names.
fn stored_attributes(attributes: &Attributes) -> String {
    serde_json::to_string(attributes).unwrap_or_else(|_| "{}".to_owned())
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
