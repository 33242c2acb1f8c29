//! E-mail addresses: changed by administrators and by their owner, confirmed through a link (ACC-05).
//!
//! An administrator's change acts at once, unconfirmed. One's own acts when the link in the mail to the new address is used: until then a
//! mistyped or stolen session changes nothing. The old address is told in both cases.
#![expect(clippy::disallowed_methods, reason = "this file names the flow that confirms an address")]

use domain::allowed::{Actor, Allowed, Flow, Operator, Request};
use domain::caller::{Caller, Scope};
use domain::event::{Event, EventType};
use domain::id::{AddressId, TokenId, UserId};
use domain::permission::Permission;
use domain::realm::RealmKey;
use domain::secret::Secret;
use domain::throttle::Kind;
use domain::time::{hours, seconds};
use domain::user::{Email, Status};
use serde::{Deserialize, Serialize};
use store::token::{self, Purpose};
use store::user::User;
use store::{Guard, Outcome, Read, StoreError, Upkeep, WriteTx, address, throttle, user};

use super::concerned::concerned_below;
use super::reset::send_link;
use super::{Person, UserError, person};
use crate::app::App;
use crate::caller::{self, same_version};
use crate::invitation::LinkError;
use crate::mail::{self, Notice};
use crate::throttle as throttle_key;

/// A link that confirms an address lives so long.
const CONFIRMATION_SECONDS: u64 = 86_400;

/// A person gets another e-mail address, or none.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ChangeEmail {
    /// Whose.
    pub user: UserId,
    /// The version that was looked at.
    pub version: Option<i64>,
    /// The new address.
    pub email: Option<Email>,
}

/// What a link confirms: its payload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Confirms {
    /// This becomes the person's e-mail.
    Email(Email),
    /// Notices go to this address too.
    Address(AddressId),
}

impl Confirms {
    /// Whether it takes the place of another one: there is one e-mail, and several addresses.
    fn replaces(&self, other: &Self) -> bool {
        matches!((self, other), (Self::Email(_), Self::Email(_))) || self == other
    }
}

/// Changes a person's e-mail address: `users:update`, and the right to give every role that they hold (no climbing). It is unconfirmed until
/// the link that is mailed to it is used; links that were mailed to the old one are void.
///
/// # Errors
/// [`UserError`].
pub async fn change_email(app: &App, caller: &Caller, command: ChangeEmail) -> Result<Person, UserError> {
    let allowed = caller.allow(Permission::UsersUpdate, Scope::Anywhere)?;
    change_with(app, allowed, Some(caller.clone()), command).await
}

/// The same for the operator of the machine.
///
/// # Errors
/// [`UserError`].
pub async fn change_email_as_operator(
    app: &App,
    operator: Operator,
    command: ChangeEmail,
) -> Result<Person, UserError> {
    change_with(app, operator.into(), None, command).await
}

async fn change_with(
    app: &App,
    allowed: Allowed,
    caller: Option<Caller>,
    command: ChangeEmail,
) -> Result<Person, UserError> {
    app.store
        .write(allowed, app.now(), (app.clone(), caller, command), |tx, (app, caller, command)| {
            Box::pin(async move {
                let right = Permission::UsersUpdate;
                let (_, before) = concerned_below(app, tx, caller.as_ref(), right, command.user).await?;
                same_version(caller.as_ref(), command.version, before.version)?;
                let new = command.email.as_ref();
                if before.email.as_deref() == new.map(Email::as_str) {
                    return Ok(Outcome::nothing(person(app, tx, before).await?));
                }
                mail::notice(app, tx, &before, Notice::EmailChanged).await?;
                // Whoever reads the old address opens nothing with what was sent there.
                token::void_all(tx, before.id).await?;
                user::set_email(tx, before.id, new).await?;
                let after = user::find(tx, before.id).await?.ok_or(UserError::NotFound)?;
                match new {
                    Some(_) if after.status == Status::Invited => drop(send_link(app, tx, &after).await?),
                    Some(to) if after.status == Status::Active => {
                        send_confirmation(app, tx, &after, to, &Confirms::Email(to.clone())).await?;
                    }
                    _ => (),
                }
                let event = changed(&before, new.map(Email::as_str), false).with("unit", before.unit.as_str());
                Ok(Outcome::done(person(app, tx, after).await?, event))
            })
        })
        .await
}

fn changed(before: &User, to: Option<&str>, verified: bool) -> Event {
    Event::new(EventType::UserUpdated)
        .user(before.id, before.name())
        .changed("email", before.email.as_deref(), to)
        .changed("email_verified", before.email_verified_at.is_some(), verified)
}

/// Asks for another e-mail address of one's own: nothing changes before the link that is mailed there is used.
///
/// # Errors
/// [`UserError`].
pub async fn change_own_email(app: &App, caller: &Caller, email: Email) -> Result<(), UserError> {
    app.store
        .write(caller.oneself(), app.now(), (app.clone(), caller.clone(), email), |tx, (app, caller, email)| {
            Box::pin(async move {
                let caller = caller::again(app, tx, caller).await??;
                let found = user::find(tx, caller.user()).await?.ok_or(UserError::NotFound)?;
                if found.email.as_deref() == Some(email.as_str()) && found.email_verified_at.is_some() {
                    return Err(UserError::Conflict("This is your address already, and it is confirmed."));
                }
                not_too_many(tx, &found).await?;
                send_confirmation(app, tx, &found, email, &Confirms::Email(email.clone())).await?;
                mail::notice(app, tx, &found, Notice::EmailChangeAsked).await?;
                Ok(Outcome::upkeep((), Upkeep::Pending))
            })
        })
        .await
}

/// Most mails with a link to an address of somebody's own choosing that they cause in an hour: we are nobody's relay.
const MOST_IN_AN_HOUR: i64 = 5;

/// Refuses a person who asked for many confirmations lately.
pub(super) async fn not_too_many(tx: &mut WriteTx<'_>, user: &User) -> Result<(), UserError> {
    if token::confirmations_since(tx, user.id, tx.now().minus(hours(1))).await? < MOST_IN_AN_HOUR {
        return Ok(());
    }
    Err(UserError::Conflict("Five links were mailed within the hour. Wait for one of them, or an hour."))
}

/// Mails a link to an address; links that would confirm the same are void.
pub(super) async fn send_confirmation(
    app: &App,
    tx: &mut WriteTx<'_>,
    user: &User,
    to: &Email,
    what: &Confirms,
) -> Result<(), StoreError> {
    for (id, payload) in token::confirmations(tx, user.id).await? {
        if serde_json::from_str(&payload).is_ok_and(|open: Confirms| what.replaces(&open)) {
            token::void(tx, id).await?;
        }
    }
    let link = Secret::new(&*tx.entropy());
    let id = TokenId::new(&*tx.entropy(), tx.now());
    let payload = serde_json::to_string(what).map_err(|error| StoreError::Unusable(error.to_string()))?;
    let expires_at = tx.now().plus(seconds(CONFIRMATION_SECONDS));
    token::create_confirmation(tx, id, &link.hash(), (user.id, &payload), expires_at).await?;
    mail::confirmation(app, tx, (user.id, to), &link).await
}

/// Confirms an address with the link that was mailed to it. One answer for unknown, expired and used links.
///
/// # Errors
/// [`LinkError`].
pub async fn confirm(app: &App, realm: RealmKey, token: Option<Secret>, request: Request) -> Result<(), LinkError> {
    let allowed = Allowed::visitor(Flow::OneTimeToken, realm, request);
    let key = throttle_key::address(app, realm, "token", allowed.request());
    let hash = token.map(|token| token.hash());
    let answer = app
        .store
        .write(allowed, app.now(), (app.clone(), hash, key), |tx, (app, hash, key)| {
            Box::pin(async move {
                if let Some(hash) = hash
                    && let Some(link) = token::usable(tx, hash).await?
                    && let (Purpose::EmailChange, Some(owner)) = (link.purpose, link.user)
                {
                    tx.exclusive(Guard::Principal(owner.into())).await?;
                    let payload = token::payload(tx, link.id).await?.unwrap_or_default();
                    let person = user::find(tx, owner).await?.filter(|user| user.status == Status::Active);
                    if let (Some(person), Ok(what)) = (person, serde_json::from_str::<Confirms>(&payload))
                        && token::consume(tx, link.id).await?
                    {
                        return confirmed(app, tx, &person, &what).await;
                    }
                    return Err(LinkError::Refused);
                }
                if let Err(refused) = throttle::check_window(tx, Kind::TokenHour, key).await? {
                    return Ok(throttle_key::refusal(refused, LinkError::Throttled));
                }
                throttle::count(tx, Kind::TokenHour, key).await?;
                Ok(Outcome::upkeep(Err(LinkError::Refused), Upkeep::Throttle))
            })
        })
        .await;
    answer?
}

async fn confirmed(
    app: &App,
    tx: &mut WriteTx<'_>,
    person: &User,
    what: &Confirms,
) -> Result<Outcome<Result<(), LinkError>>, LinkError> {
    let event = match what {
        Confirms::Email(email) => {
            let other = person.email.as_deref().is_some_and(|old| old != email.as_str());
            if other {
                mail::notice(app, tx, person, Notice::EmailChanged).await?;
            }
            user::confirm_email(tx, person.id, email).await?;
            // What was mailed to the address before opens nothing any more (2.5, rule 2).
            token::void_all(tx, person.id).await?;
            changed(person, Some(email.as_str()), true)
        }
        Confirms::Address(id) => {
            let all = address::of_user(tx, person.id).await?;
            let one = all.into_iter().find(|one| one.id == *id).ok_or(LinkError::Refused)?;
            if !address::confirm(tx, person.id, *id).await? {
                return Err(LinkError::Refused);
            }
            user::touch(tx, person.id).await?;
            let event = Event::new(EventType::UserUpdated).user(person.id, person.name());
            event.with("address_id", id.to_string()).with("address", one.value).changed("address_verified", false, true)
        }
    };
    let actor = Actor::User { id: person.id, name: person.name().to_owned(), acr: String::new(), session: None };
    Ok(Outcome::done(Ok(()), event.acted_by(actor)))
}
