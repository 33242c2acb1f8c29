//! From a single-use link to a password: set-up of the first administrator, invitations, activation codes, resets.
#![expect(clippy::disallowed_methods, reason = "this file names the flow that uses a link")]

use domain::access::Access;
use domain::allowed::{Actor, Allowed, Flow, Request};
use domain::event::{Event, EventType};
use domain::id::{CredentialId, UserId};
use domain::password::PasswordError;
use domain::realm::RealmKey;
use domain::secret::{Secret, SecretHash};
use domain::session::EndReason;
use domain::throttle::{Kind, Throttled};
use domain::user::Status;
use store::access::grant;
use store::token::{self, Purpose, Usable};
use store::user::User;
use store::{Events, Guard, Outcome, Read, StoreError, WriteTx, credential, device, throttle, user};
use thiserror::Error;

use crate::app::App;
use crate::hashing::Overloaded;
use crate::mail::{self, Notice};
use crate::password::Demanded;
use crate::throttle as throttle_key;
use crate::{directory, password, realm, session};

/// Why a link was not used.
#[derive(Debug, Error)]
pub enum LinkError {
    /// Unknown, expired, used, voided: one answer.
    #[error("the link is not valid, or no longer")]
    Refused,
    /// The new password was refused; the link can be used again.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// Too many wrong links from this address.
    #[error("too many attempts")]
    Throttled(Throttled),
    /// Too many passwords are being hashed.
    #[error(transparent)]
    Overloaded(#[from] Overloaded),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Chooses a password with a link; returns the username. No sign-in follows by itself; all sessions of the person end.
///
/// # Errors
/// [`LinkError`].
pub async fn choose_password(
    app: &App,
    realm: RealmKey,
    token: Option<Secret>,
    new_password: &str,
    request: Request,
) -> Result<String, LinkError> {
    let allowed = Allowed::visitor(Flow::OneTimeToken, realm, request);
    let key = throttle_key::address(app, realm, "token", allowed.request());
    let (link, user, demanded) = find(app, &allowed, token.map(|token| token.hash()), key).await?;
    let password = match realm::by_key(app, realm).await? {
        Some(realm) => password::check(app, &realm, &user, new_password, &demanded)?,
        None => return Err(LinkError::Refused),
    };
    password::is_new(app, &password, demanded, None).await??;
    let hash = app.hashing.hash(password, &*app.entropy).await?;
    let username = user.username.clone().unwrap_or_default();
    let input = (app.clone(), link, user, hash, CredentialId::new(&*app.entropy, app.now()));
    app.store
        .write(allowed, app.now(), input, |tx, (app, link, user, hash, id)| {
            Box::pin(set_password(app, tx, *link, (user, hash, *id)))
        })
        .await?;
    Ok(username)
}

/// Characters that the password chosen with a link must have; what a stranger is told for a link that is not valid.
///
/// # Errors
/// [`StoreError`].
pub async fn least(app: &App, realm: RealmKey, token: &Secret, request: Request) -> Result<usize, StoreError> {
    let allowed = Allowed::visitor(Flow::OneTimeToken, realm, request);
    let (parts, hash) = (app.clone(), token.hash());
    app.store
        .read(&allowed, app.now(), move |tx| {
            Box::pin(async move {
                match look(tx, Some(&hash)).await? {
                    Some((_, user)) => Ok(Demanded::of(&parts, tx, user.id).await?.least()),
                    None => Ok(directory::realm_policy(&parts, tx).await?.password.least),
                }
            })
        })
        .await
}

/// The link, whose it is, and whether they can never sign in with the password alone (PW-01). A right one always opens; wrong ones are counted, and recorded until the address must wait.
async fn find(
    app: &App,
    allowed: &Allowed,
    hash: Option<SecretHash>,
    key: [u8; 32],
) -> Result<(Usable, User, Demanded), LinkError> {
    let answer = app
        .store
        .write(allowed.clone(), app.now(), (app.clone(), hash, key), |tx, (app, hash, key)| {
            Box::pin(async move {
                if let Some((link, user)) = look(tx, hash.as_ref()).await? {
                    // Whose role demands a second factor never signs in with the password alone (PW-01).
                    let demanded = Demanded::of(app, tx, user.id).await?;
                    return Ok::<_, StoreError>(Outcome::nothing(Ok((link, user, demanded))));
                }
                if let Err(refused) = throttle::check_window(tx, Kind::TokenHour, key).await? {
                    return Ok(throttle_key::refusal(refused, LinkError::Throttled));
                }
                throttle::count(tx, Kind::TokenHour, key).await?;
                let event = Event::new(EventType::PasswordReset).failed("link_refused");
                Ok(Outcome::done(Err(LinkError::Refused), event))
            })
        })
        .await;
    answer?
}

async fn look(tx: &mut impl Read, hash: Option<&SecretHash>) -> Result<Option<(Usable, User)>, StoreError> {
    let Some(hash) = hash else { return Ok(None) };
    let Some(link) = token::usable(tx, hash).await? else { return Ok(None) };
    // What confirms an address opens no account.
    if link.purpose == Purpose::EmailChange {
        return Ok(None);
    }
    let Some(id) = link.user else { return Ok(None) };
    let user = user::find(tx, id).await?;
    Ok(user.filter(|user| matches!(user.status, Status::Active | Status::Invited)).map(|user| (link, user)))
}

/// Whether a printed code or an invitation may still open the account: whoever made it could read it, or chose where it was mailed, so they must be able
/// to give every role that the person holds by now (no climbing), and be active still. The operator of the machine may always.
async fn still_rightful(app: &App, tx: &mut WriteTx<'_>, link: Usable, user: UserId) -> Result<bool, StoreError> {
    let Some(by) = link.created_by.filter(|_| matches!(link.purpose, Purpose::Activation | Purpose::Invitation)) else {
        return Ok(true);
    };
    let issuer = user::find(tx, UserId::from_uuid(by.uuid())).await?;
    if issuer.is_none_or(|issuer| issuer.status != Status::Active) {
        return Ok(false);
    }
    let directory = directory::current(app, tx).await?;
    let theirs = Access::new(directory.graph.clone(), grant::in_force(tx, by).await?);
    let standing = grant::standing(tx, user.into()).await?;
    Ok(standing.iter().all(|held| theirs.may_assign(held.role, &held.unit)))
}

async fn set_password(
    app: &App,
    tx: &mut WriteTx<'_>,
    link: Usable,
    (user, hash, id): (&User, &str, CredentialId),
) -> Result<Outcome<()>, LinkError> {
    tx.exclusive(Guard::Principal(user.id.into())).await?;
    if !still_rightful(app, tx, link, user.id).await? {
        return Err(LinkError::Refused);
    }
    // Single use: the row count decides between racers.
    if !token::consume(tx, link.id).await? {
        return Err(LinkError::Refused);
    }
    let now = user::find(tx, user.id).await?.filter(|now| now.status == user.status).ok_or(LinkError::Refused)?;
    credential::set_password(tx, id, now.id, hash).await?;
    let by_mail = matches!(link.purpose, Purpose::Invitation | Purpose::Reset);
    user::password_chosen(tx, now.id, by_mail).await?;
    token::void_all(tx, now.id).await?;
    device::forget(tx, now.id).await?;
    let actor = Actor::User { id: now.id, name: now.name().to_owned(), acr: String::new(), session: None };
    let event = if now.status == Status::Invited {
        user::set_status(tx, now.id, Status::Invited, Status::Active).await?;
        Event::new(EventType::UserActivated).user(now.id, now.name()).changed("status", "invited", "active")
    } else {
        mail::notice(app, tx, &now, Notice::PasswordChanged).await?;
        Event::new(EventType::PasswordReset).user(now.id, now.name())
    };
    let ended = session::end_all(tx, &now, None, EndReason::PasswordReset).await?;
    let events = Events::from(event.acted_by(actor.clone()));
    Ok(Outcome::done((), events.and_all(ended.into_iter().map(|event| event.acted_by(actor.clone())))))
}
