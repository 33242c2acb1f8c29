//! Lifting the waits that wrong passwords and codes brought upon an account.

use domain::allowed::{Allowed, Operator};
use domain::caller::{Caller, Scope};
use domain::event::{Event, EventType};
use domain::id::UserId;
use domain::permission::Permission;
use domain::throttle::Kind;
use domain::user::Identifier;
use serde::{Deserialize, Serialize};
use store::user::User;
use store::{Outcome, Read, StoreError, WriteTx, device, throttle};

use super::concerned::concerned;
use super::{Person, UserError, person};
use crate::app::App;
use crate::throttle as throttle_key;

/// An account's waits are to be lifted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Unlock {
    /// Whose.
    pub user: UserId,
    /// Why.
    pub reason: String,
}

/// Lifts the waits of an account, on every device. Protecting: `users:manage` alone.
///
/// # Errors
/// [`UserError`].
pub async fn unlock(app: &App, caller: &Caller, command: Unlock) -> Result<Person, UserError> {
    let allowed = caller.allow(Permission::UsersManage, Scope::Anywhere)?;
    unlock_with(app, allowed, Some(caller.clone()), command).await
}

/// The same for the operator of the machine.
///
/// # Errors
/// [`UserError`].
pub async fn unlock_as_operator(app: &App, operator: Operator, command: Unlock) -> Result<Person, UserError> {
    unlock_with(app, operator.into(), None, command).await
}

async fn unlock_with(
    app: &App,
    allowed: Allowed,
    caller: Option<Caller>,
    command: Unlock,
) -> Result<Person, UserError> {
    app.store
        .write(allowed, app.now(), (app.clone(), caller, command), |tx, (app, caller, command)| {
            Box::pin(async move {
                let (_, found) = concerned(app, tx, caller.as_ref(), Permission::UsersManage, command.user).await?;
                lift(app, tx, &found).await?;
                let event = Event::new(EventType::UserUnlocked)
                    .user(found.id, found.name())
                    .with("unit", found.unit.as_str())
                    .with("reason", command.reason.as_str());
                Ok(Outcome::done(person(app, tx, found).await?, event))
            })
        })
        .await
}

/// Clears what is counted by identifier and by factor, and the allowances that recognised devices have of their own.
async fn lift(app: &App, tx: &mut WriteTx<'_>, user: &User) -> Result<(), StoreError> {
    let realm = tx.realm();
    let devices = device::of_user(tx, user.id).await?;
    for name in user.username.iter().chain(user.email.iter()) {
        let name = Identifier::new(name).key().to_owned();
        let everywhere = throttle_key::key(app, realm, "identifier", name.as_bytes());
        throttle::clear(tx, Kind::Identifier, &everywhere).await?;
        for device in &devices {
            let key = throttle_key::key(app, realm, "identifier of a device", format!("{name} {device}").as_bytes());
            throttle::clear(tx, Kind::Identifier, &key).await?;
        }
    }
    for factor in ["totp", "recovery_code", "enrolment"] {
        throttle::clear(tx, Kind::Factor, &throttle_key::factor(app, realm, user.id, factor)).await?;
        for device in &devices {
            let key = throttle_key::factor(app, realm, user.id, &format!("{factor} {device}"));
            throttle::clear(tx, Kind::Factor, &key).await?;
        }
    }
    Ok(())
}
