//! Signing out: of one session, or of all that its person has.
#![expect(clippy::disallowed_methods, reason = "this file names the flow that signs out")]

use domain::allowed::{Allowed, Flow, Request};
use domain::id::SessionId;
use domain::realm::RealmKey;
use domain::refresh::{Presented as Token, RefreshToken, judge};
use domain::secret::Secret;
use domain::session::{EndReason, State};
use store::session::Session;
use store::{Events, Guard, Outcome, Read, StoreError, Upkeep, WriteTx, session, token, user};
use thiserror::Error;

use super::end::{end_all, ended};
use super::owner;
use crate::app::App;
use crate::{directory, policy, refresh};

/// What a client presents to sign out; either may be missing.
#[derive(Clone, Debug, Default)]
pub struct Presented {
    /// The refresh cookie.
    pub refresh: Option<RefreshToken>,
    /// The session cookie.
    pub secret: Option<Secret>,
    /// The session of a verified bearer.
    pub bearer: Option<SessionId>,
}

/// Why nobody was signed out.
#[derive(Debug, Error)]
pub enum SignOutError {
    /// Whoever sits before a locked session has proved nothing, and may not end the others (SES-06).
    #[error("the session is locked")]
    Locked,
    /// A refresh token that proves a copy ended its own session, and speaks for no other.
    #[error("the session is over")]
    Ended,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Signs out: ends the session of what was presented, or all of its owner's. Idempotent: what names no live session changes nothing. A locked session
/// can be left, and leaves the others alone.
///
/// # Errors
/// [`SignOutError`].
pub async fn sign_out(
    app: &App,
    realm: RealmKey,
    presented: Presented,
    everywhere: bool,
    request: Request,
) -> Result<(), SignOutError> {
    let allowed = Allowed::visitor(Flow::SignOut, realm, request);
    let parts = app.clone();
    app.store
        .write(allowed, app.now(), (presented, everywhere, parts), |tx, (presented, everywhere, parts)| {
            Box::pin(async move {
                let session = match named(parts, tx, presented).await? {
                    Named::One(session) => session,
                    Named::Nobody => return Ok(Outcome::nothing(Ok(()))),
                    // One session ends wherever a copy is presented; more are not its to end.
                    Named::Copied(events) if *everywhere => {
                        return Ok(Outcome::done(Err(SignOutError::Ended), events));
                    }
                    Named::Copied(events) => return Ok(Outcome::done(Ok(()), events)),
                };
                tx.exclusive(Guard::Principal(session.user.into())).await?;
                match state(parts, tx, session.id).await? {
                    State::Locked if *everywhere => Ok(Outcome::nothing(Err(SignOutError::Locked))),
                    state => leave(tx, &session, *everywhere && state == State::Live).await,
                }
            })
        })
        .await?
}

async fn leave(
    tx: &mut WriteTx<'_>,
    session: &Session,
    everywhere: bool,
) -> Result<Outcome<Result<(), SignOutError>>, SignOutError> {
    let Some(user) = user::find(tx, session.user).await? else { return Ok(Outcome::nothing(Ok(()))) };
    let mut events = Vec::new();
    if session::end(tx, session.id, EndReason::SignedOut).await? {
        events.push(ended(session.id, user.id, user.name(), EndReason::SignedOut));
    }
    if everywhere {
        token::void_all(tx, user.id).await?;
        user::refuse_tokens(tx, user.id).await?;
        events.extend(end_all(tx, &user, None, EndReason::EndedByOwner).await?);
    }
    let mut events = events.into_iter().map(|event| event.acted_by(owner(&user, session)));
    Ok(match events.next() {
        Some(first) => Outcome::done(Ok(()), Events::from(first).and_all(events)),
        None if everywhere => Outcome::upkeep(Ok(()), Upkeep::SessionActivity),
        None => Outcome::nothing(Ok(())),
    })
}

/// What the presented names.
enum Named {
    One(Box<Session>),
    /// Nothing that is not over.
    Nobody,
    /// A refresh token that proves a copy.
    Copied(Events),
}

async fn named(app: &App, tx: &mut WriteTx<'_>, presented: &Presented) -> Result<Named, StoreError> {
    let found = match (presented.bearer, &presented.refresh, &presented.secret) {
        (Some(id), ..) => session::find(tx, id).await?,
        (None, Some(token), secret) => match refresh::authentic(app, tx, token).await? {
            Some((stored, _)) if judge(&stored.family, token, tx.now()) == Token::Replayed => {
                return Ok(Named::Copied(refresh::copied(app, tx, &stored, token.family()).await?));
            }
            Some((stored, _)) => match stored.session {
                Some(id) => session::find(tx, id).await?,
                None => None,
            },
            None => by_secret(tx, secret.as_ref()).await?,
        },
        (None, None, secret) => by_secret(tx, secret.as_ref()).await?,
    };
    let going = found.filter(|s| s.deadlines.state(s.ended_at.is_some(), tx.now()) != State::Ended);
    Ok(going.map_or(Named::Nobody, |session| Named::One(Box::new(session))))
}

async fn by_secret(tx: &mut WriteTx<'_>, secret: Option<&Secret>) -> Result<Option<Session>, StoreError> {
    match secret {
        Some(secret) => session::by_secret(tx, &secret.hash()).await,
        None => Ok(None),
    }
}

/// What a session is by the policy of this moment.
async fn state(app: &App, tx: &mut WriteTx<'_>, id: SessionId) -> Result<State, StoreError> {
    let Some(session) = session::find(tx, id).await? else { return Ok(State::Ended) };
    let policy = directory::holding(app, tx, session.user.into(), &session.acr).await?.policy;
    let judged = policy::judged(&session, &policy);
    Ok(judged.deadlines.state(session.ended_at.is_some(), tx.now()))
}
