//! Giving a token back (RFC 7009). What is not the client's own, or no token of ours, changes nothing, and the answer is the same.

use domain::event::{Event, EventType};
use domain::id::{TokenId, UserId};
use domain::refresh::RefreshToken;
use domain::revocation::Fact;
use domain::session::EndReason;
use domain::throttle::{Kind, Throttled};
use domain::time::Timestamp;
use store::{Events, Guard, Outcome, Read, StoreError, WriteTx, refresh, revocation, session, throttle, user};
use thiserror::Error;
use wire::claims::AccessClaims;

use crate::app::App;
use crate::client::Proved;
use crate::session::ended;
use crate::throttle as throttle_key;

/// A token that may be ours.
#[derive(Clone, Debug)]
pub enum Given {
    /// An access token of ours: its signature was verified, and it has not expired.
    Access(Box<AccessClaims>),
    /// What has the form of a refresh token.
    Refresh(RefreshToken),
}

/// Why a token was not taken back.
#[derive(Debug, Error)]
pub enum RevokeError {
    /// Too many access tokens of this client and principal in an hour. A refresh token is always taken back.
    #[error("too many tokens were given back")]
    Throttled(Throttled),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Revokes a token of the client itself. A refresh token takes its session along, and with it all access tokens that were made from it.
///
/// # Errors
/// [`RevokeError`].
pub async fn revoke(app: &App, proved: &Proved, given: Given) -> Result<(), RevokeError> {
    // An API gets tokens from others; it has none of its own.
    let Some(client) = proved.client() else { return Ok(()) };
    let input = (app.clone(), client.client_id.clone(), given);
    app.store
        .write(proved.allowed.clone(), app.now(), input, |tx, (app, client_id, given)| {
            Box::pin(async move {
                match given {
                    Given::Access(claims) if claims.client_id == *client_id => access(app, tx, claims).await,
                    Given::Access(_) => Ok(Outcome::nothing(Ok(()))),
                    Given::Refresh(token) => family(app, tx, client_id, token).await,
                }
            })
        })
        .await?
}

fn revoked(kind: &'static str) -> Event {
    Event::new(EventType::AuthnTokenRevoked).with("token", kind)
}

/// Whether it was taken back; a refusal is committed.
type Done = Outcome<Result<(), RevokeError>>;

async fn access(app: &App, tx: &mut WriteTx<'_>, claims: &AccessClaims) -> Result<Done, StoreError> {
    let id = TokenId::from_uuid(claims.jti);
    let expires_at = Timestamp::from_seconds(claims.exp);
    if expires_at <= tx.now() || revocation::is_revoked(tx, id).await? {
        return Ok(Outcome::nothing(Ok(())));
    }
    // By person too: nobody uses up what the others of a public client may give back.
    let whose = format!("{} {}", claims.sub, claims.client_id);
    let key = throttle_key::key(app, tx.realm(), "given back", whose.as_bytes());
    if let Err(refused) = throttle::check_window(tx, Kind::GivenBack, &key).await? {
        return Ok(throttle_key::refusal(refused, RevokeError::Throttled));
    }
    throttle::count(tx, Kind::GivenBack, &key).await?;
    revocation::announce(tx, &[Fact::Token { id, expires_at }]).await?;
    let event = match user::find(tx, UserId::from_uuid(claims.sub)).await? {
        Some(person) => revoked("access_token").user(person.id, person.name()),
        None => revoked("access_token").about("client", claims.sub, &claims.client_id),
    };
    Ok(Outcome::done(Ok(()), event.with("jti", id.to_string())))
}

async fn family(app: &App, tx: &mut WriteTx<'_>, client_id: &str, token: &RefreshToken) -> Result<Done, StoreError> {
    let found = crate::refresh::authentic(app, tx, token).await?.filter(|(stored, _)| stored.client_id == client_id);
    let Some((stored, _)) = found else { return Ok(Outcome::nothing(Ok(()))) };
    tx.exclusive(Guard::Principal(stored.user.into())).await?;
    let Some(person) = user::find(tx, stored.user).await? else { return Ok(Outcome::nothing(Ok(()))) };
    let event = revoked("refresh_token").user(person.id, person.name()).with("family", token.family().to_string());
    let over = match stored.session {
        Some(id) if session::end(tx, id, EndReason::TokenRevoked).await? => {
            let event = event.with("session", id.to_string());
            Events::from(event).and(ended(id, person.id, person.name(), EndReason::TokenRevoked))
        }
        None if refresh::end(tx, token.family(), EndReason::TokenRevoked.as_str()).await? => Events::from(event),
        Some(_) | None => return Ok(Outcome::nothing(Ok(()))),
    };
    Ok(Outcome::done(Ok(()), over))
}
