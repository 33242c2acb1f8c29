//! Addresses to which notices go, beside a person's e-mail (ACC-06). Each counts once its link was used.

use domain::allowed::{Allowed, Operator};
use domain::caller::{Caller, Scope};
use domain::event::{Event, EventType};
use domain::id::{AddressId, UserId};
use domain::permission::Permission;
use domain::user::Email;
use serde::{Deserialize, Serialize};
use store::address::{self, Address};
use store::user::User;
use store::{Outcome, Read, WriteTx, user};

use super::UserError;
use super::concerned::concerned_below;
use super::email::{Confirms, not_too_many, send_confirmation};
use crate::app::App;
use crate::caller;
use crate::mail::{self, Notice};

/// Most addresses of one person.
const MOST: usize = 5;

/// An address is to be added.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AddAddress {
    /// Whose.
    pub user: UserId,
    /// Which.
    pub email: Email,
}

/// An address is to be removed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EndAddress {
    /// Whose.
    pub user: UserId,
    /// Which.
    pub address: AddressId,
}

/// The addresses of a person within reach.
///
/// # Errors
/// [`UserError`].
pub async fn addresses(app: &App, caller: &Caller, id: UserId) -> Result<Vec<Address>, UserError> {
    list(app, caller.allow(Permission::UsersRead, Scope::Anywhere)?, id).await
}

/// The same for the operator of the machine.
///
/// # Errors
/// [`UserError`].
pub async fn addresses_as_operator(app: &App, operator: Operator, id: UserId) -> Result<Vec<Address>, UserError> {
    list(app, operator.into(), id).await
}

/// The caller's own addresses.
///
/// # Errors
/// [`UserError`].
pub async fn own_addresses(app: &App, caller: &Caller) -> Result<Vec<Address>, UserError> {
    list(app, caller.oneself(), caller.user()).await
}

async fn list(app: &App, allowed: Allowed, id: UserId) -> Result<Vec<Address>, UserError> {
    app.store
        .read(&allowed, app.now(), move |tx| {
            Box::pin(async move {
                user::find(tx, id).await?.ok_or(UserError::NotFound)?;
                Ok(address::of_user(tx, id).await?)
            })
        })
        .await
}

/// Who acts: with a permission over others, or the owner.
#[derive(Clone, Debug)]
enum By {
    Other(Box<Caller>),
    Owner(Box<Caller>),
    Operator,
}

/// Whom it concerns, if the caller may still.
async fn whose(app: &App, tx: &mut WriteTx<'_>, by: &By, id: UserId) -> Result<User, UserError> {
    let right = Permission::UsersUpdate;
    match by {
        By::Other(caller) => Ok(concerned_below(app, tx, Some(caller), right, id).await?.1),
        By::Operator => Ok(concerned_below(app, tx, None, right, id).await?.1),
        By::Owner(caller) => {
            let caller = caller::again(app, tx, caller).await??;
            user::find(tx, caller.user()).await?.ok_or(UserError::NotFound)
        }
    }
}

/// Adds an address of a person within reach: `users:update`, and the right to give every role that they hold (no climbing).
///
/// # Errors
/// [`UserError`].
pub async fn add_address(app: &App, caller: &Caller, command: AddAddress) -> Result<Address, UserError> {
    let allowed = caller.allow(Permission::UsersUpdate, Scope::Anywhere)?;
    add(app, allowed, By::Other(Box::new(caller.clone())), command).await
}

/// The same for the operator of the machine.
///
/// # Errors
/// [`UserError`].
pub async fn add_address_as_operator(app: &App, operator: Operator, command: AddAddress) -> Result<Address, UserError> {
    add(app, operator.into(), By::Operator, command).await
}

/// Adds an address of the caller's own.
///
/// # Errors
/// [`UserError`].
pub async fn add_own_address(app: &App, caller: &Caller, email: Email) -> Result<Address, UserError> {
    let command = AddAddress { user: caller.user(), email };
    add(app, caller.oneself(), By::Owner(Box::new(caller.clone())), command).await
}

async fn add(app: &App, allowed: Allowed, by: By, command: AddAddress) -> Result<Address, UserError> {
    app.store
        .write(allowed, app.now(), (app.clone(), by, command), |tx, (app, by, command)| {
            Box::pin(async move {
                let person = whose(app, tx, by, command.user).await?;
                let all = address::of_user(tx, person.id).await?;
                let same = |one: &Address| Email::parse(&one.value).is_ok_and(|one| one.key() == command.email.key());
                if all.iter().any(same) {
                    return Err(UserError::Conflict("This address is listed already."));
                }
                if all.len() >= MOST {
                    return Err(UserError::Conflict("Five addresses are the most. Remove one first."));
                }
                let id = AddressId::new(&*tx.entropy(), tx.now());
                not_too_many(tx, &person).await?;
                address::create(tx, id, person.id, &command.email).await?;
                send_confirmation(app, tx, &person, &command.email, &Confirms::Address(id)).await?;
                mail::notice(app, tx, &person, Notice::AddressAdded).await?;
                user::touch(tx, person.id).await?;
                let event = Event::new(EventType::UserUpdated).user(person.id, person.name());
                let event = event.with("address_id", id.to_string()).with("address", command.email.as_str());
                let value = command.email.as_str().to_owned();
                let made = Address { id, value, verified_at: None, created_at: tx.now() };
                Ok(Outcome::done(made, event.with("unit", person.unit.as_str())))
            })
        })
        .await
}

/// Removes an address of a person within reach: `users:update`, and the right to give every role that they hold (no climbing).
///
/// # Errors
/// [`UserError`].
pub async fn end_address(app: &App, caller: &Caller, command: EndAddress) -> Result<(), UserError> {
    let allowed = caller.allow(Permission::UsersUpdate, Scope::Anywhere)?;
    end(app, allowed, By::Other(Box::new(caller.clone())), command).await
}

/// The same for the operator of the machine.
///
/// # Errors
/// [`UserError`].
pub async fn end_address_as_operator(app: &App, operator: Operator, command: EndAddress) -> Result<(), UserError> {
    end(app, operator.into(), By::Operator, command).await
}

/// Removes an address of the caller's own.
///
/// # Errors
/// [`UserError`].
pub async fn end_own_address(app: &App, caller: &Caller, address: AddressId) -> Result<(), UserError> {
    let command = EndAddress { user: caller.user(), address };
    end(app, caller.oneself(), By::Owner(Box::new(caller.clone())), command).await
}

async fn end(app: &App, allowed: Allowed, by: By, command: EndAddress) -> Result<(), UserError> {
    app.store
        .write(allowed, app.now(), (app.clone(), by, command), |tx, (app, by, command)| {
            Box::pin(async move {
                let person = whose(app, tx, by, command.user).await?;
                let all = address::of_user(tx, person.id).await?;
                let gone = all.into_iter().find(|one| one.id == command.address).ok_or(UserError::NotFound)?;
                // Told before it goes: the address that is removed hears of it too.
                mail::notice(app, tx, &person, Notice::AddressRemoved).await?;
                if !address::end(tx, person.id, gone.id).await? {
                    return Err(UserError::NotFound);
                }
                user::touch(tx, person.id).await?;
                let event = Event::new(EventType::UserUpdated).user(person.id, person.name());
                let event = event.with("address_id", gone.id.to_string());
                let event = event.changed("address", gone.value, serde_json::Value::Null);
                Ok(Outcome::done((), event.with("unit", person.unit.as_str())))
            })
        })
        .await
}
