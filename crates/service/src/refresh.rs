//! Refresh: from a refresh token to an access token with the rights of this moment (requirements.md, 2.6; `domain::refresh` has the rule).
#![expect(clippy::disallowed_methods, reason = "this file names the flow that refreshes")]

use std::sync::Arc;

use domain::allowed::{Allowed, Flow, Request};
use domain::event::{Event, EventType};
use domain::id::FamilyId;
use domain::realm::{Realm, RealmKey};
use domain::refresh::{Asked, Presented, RefreshToken, Standing, decide, decide_again};
use domain::secret::Secret;
use domain::session::EndReason;
use domain::throttle::Throttled;
use domain::time::hours;
use store::refresh::Stored;
use store::session::Session;
use store::{Events, Guard, Outcome, Read, StoreError, Upkeep, WriteTx, refresh, session as sessions, user};
use thiserror::Error;

use crate::app::App;
use crate::directory::Holding;
use crate::key::KeyError;
use crate::mail::{self, Notice};
use crate::policy;
use crate::seal::Place;
use crate::session::{self, Tokens, UnknownAudience, Unsigned};

mod flood;
use flood::Flooded;
pub(crate) use flood::Floods;

/// Why there is no new access token.
#[derive(Debug, Error)]
pub enum RefreshError {
    /// Unknown, forged, replayed, over: one answer.
    #[error("the session is over")]
    Ended,
    /// Idle passed: unlock. The cookie is kept.
    #[error("the session is locked")]
    Locked,
    /// Asked too often within one window (2.6, rule 4). The cookie is kept.
    #[error("too many refreshes of one session")]
    Throttled(Throttled),
    /// No such API.
    #[error(transparent)]
    Audience(#[from] UnknownAudience),
    /// A signing key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A request for a new access token.
#[derive(Clone, Debug)]
pub struct Refresh {
    /// The cookie.
    pub token: RefreshToken,
    /// The client that presents it: another one than the family's has a copy (2.6, rule 1).
    pub client_id: String,
    /// Whether the person acted since the last refresh.
    pub active: bool,
    /// The API that the token is for, if not the one of sign-in.
    pub audience: Option<String>,
}

/// Where a family's key is sealed.
pub(crate) fn family_key(id: &uuid::Uuid) -> Place<'_> {
    Place { table: "refresh_family", column: "family_key", row: id.as_bytes() }
}

/// The family of a token, if only we can have made the token; otherwise nothing happens to the family.
pub(crate) async fn authentic(
    app: &App,
    tx: &mut impl Read,
    token: &RefreshToken,
) -> Result<Option<(Stored, Secret)>, StoreError> {
    let id = token.family();
    let Some(stored) = refresh::find(tx, id).await? else { return Ok(None) };
    let key = opened_key(app, tx.realm(), id, &stored.sealed_key)?;
    Ok(token.is_authentic(&key).then_some((stored, key)))
}

/// A family's key, unsealed.
pub(crate) fn opened_key(app: &App, realm: RealmKey, id: FamilyId, sealed: &[u8]) -> Result<Secret, StoreError> {
    let opened = app.seal.open(realm, family_key(&id.uuid()), sealed);
    let key = opened.ok().and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok()).map(Secret::from_bytes);
    key.ok_or(StoreError::Corrupt { table: "refresh_family", column: "family_key".to_owned(), id: id.to_string() })
}

enum Answer {
    Token { unsigned: Box<Unsigned>, refresh: RefreshToken, session: Box<Session>, withheld: Vec<String> },
    Locked,
    Throttled(Throttled),
    Ended,
}

/// Exchanges a refresh token.
///
/// # Errors
/// [`RefreshError`].
pub async fn exchange(app: &App, realm: &Arc<Realm>, asked: Refresh, request: Request) -> Result<Tokens, RefreshError> {
    let allowed = Allowed::visitor(Flow::Refresh, realm.key, request);
    let answer = app
        .store
        .write(allowed, app.now(), (app.clone(), realm.clone(), asked), |tx, (app, realm, asked)| {
            Box::pin(answer(app, realm, tx, asked))
        })
        .await?;
    match answer {
        Answer::Ended => Err(RefreshError::Ended),
        Answer::Locked => Err(RefreshError::Locked),
        Answer::Throttled(throttled) => Err(RefreshError::Throttled(throttled)),
        Answer::Token { unsigned, refresh, session, withheld } => Ok(Tokens {
            access_token: session::sign(app, realm.key, &unsigned).await?,
            expires_in: unsigned.expires_in,
            session: session.id,
            refresh,
            absolute_at: session.deadlines.absolute_at,
            withheld,
        }),
    }
}

/// A look, a guarded step, another look: what each of them means is `domain::refresh`'s.
async fn answer(
    app: &App,
    realm: &Realm,
    tx: &mut WriteTx<'_>,
    asked: &Refresh,
) -> Result<Outcome<Answer>, RefreshError> {
    let Some((mut stored, key)) = authentic(app, tx, &asked.token).await? else {
        return Ok(Outcome::nothing(Answer::Ended));
    };
    let own_client = asked.client_id == stored.client_id;
    let token = Asked { generation: asked.token.generation(), own_client };
    // The policy of this moment, before anything moves: who is locked or outside keeps the token that they have.
    let standing = policy::standing(app, tx, &mut stored).await?;
    let mut presented = decide(&stored.family, token, tx.now());
    let outside = |(_, holding): &(Session, Holding)| !holding.policy.admits(tx.allowed().request().address);
    // The session is left as it is; a copy that comes from outside ends it like any other.
    if presented != Presented::Replayed && standing.as_ref().is_some_and(outside) {
        return Ok(Outcome::nothing(Answer::Ended));
    }
    if presented == Presented::Advance {
        if refresh::advance(tx, asked.token.family(), token.generation).await? {
            stored.family.generation += 1;
        } else {
            // Somebody was faster: judged again, as what it is now.
            let deadlines = stored.family.deadlines;
            stored = refresh::find(tx, asked.token.family()).await?.unwrap_or(stored);
            stored.family.deadlines = stored.family.deadlines.earlier(deadlines);
            presented = decide_again(&stored.family, token, tx.now());
        }
    }
    match presented {
        Presented::Replayed => replayed(app, tx, &stored, asked).await,
        Presented::Ended => Ok(Outcome::nothing(Answer::Ended)),
        Presented::Locked => Ok(Outcome::nothing(Answer::Locked)),
        Presented::WithinWindow => match app.floods.count(asked.token.family(), &stored.family, tx.now()) {
            Ok(()) => serve(app, realm, tx, (asked, &stored, &key), standing).await,
            Err(flooded) => refused(tx, &stored, flooded).await,
        },
        Presented::Advance => serve(app, realm, tx, (asked, &stored, &key), standing).await,
    }
}

/// A flood; recorded once a window.
async fn refused(tx: &mut WriteTx<'_>, stored: &Stored, flooded: Flooded) -> Result<Outcome<Answer>, RefreshError> {
    let answer = Answer::Throttled(flooded.throttled);
    if !flooded.first {
        return Ok(Outcome::nothing(answer));
    }
    let name = user::find(tx, stored.user).await?.map(|user| user.name().to_owned()).unwrap_or_default();
    let event = Event::new(EventType::ExcessRateLimitExceeded).user(stored.user, &name).denied("throttled");
    Ok(Outcome::done(answer, event.with("count", i64::from(flood::MOST) + 1)))
}

/// A copy exists: the session ends, whatever else is true.
async fn replayed(
    app: &App,
    tx: &mut WriteTx<'_>,
    stored: &Stored,
    asked: &Refresh,
) -> Result<Outcome<Answer>, RefreshError> {
    Ok(Outcome::done(Answer::Ended, copied(app, tx, stored, asked.token.family()).await?))
}

/// The same wherever such a token is presented. The person is told, once an hour: whoever has the password could make one copy after the other.
pub(crate) async fn copied(
    app: &App,
    tx: &mut WriteTx<'_>,
    stored: &Stored,
    family: FamilyId,
) -> Result<Events, StoreError> {
    tx.exclusive(Guard::Principal(stored.user.into())).await?;
    let reason = EndReason::TokenReuse;
    refresh::end(tx, family, reason.as_str()).await?;
    let person = user::find(tx, stored.user).await?;
    let name = person.as_ref().map(|user| user.name().to_owned()).unwrap_or_default();
    let reuse = Event::new(EventType::AuthnTokenReuse).user(stored.user, &name).denied("replayed");
    let mut events = Events::from(reuse.with("family", family.to_string()));
    if let Some(id) = stored.session
        && sessions::end(tx, id, reason).await?
    {
        events = events.and(session::ended(id, stored.user, &name, reason));
        let told = sessions::another_ended(tx, stored.user, id, (reason, tx.now().minus(hours(1)))).await?;
        if let Some(person) = person.as_ref().filter(|_| !told) {
            mail::notice(app, tx, person, Notice::SessionCopied).await?;
        }
    }
    Ok(events)
}

/// Roles are evaluated again; idle moves only with activity; the absolute deadline never.
async fn serve(
    app: &App,
    realm: &Realm,
    tx: &mut WriteTx<'_>,
    (asked, stored, key): (&Refresh, &Stored, &Secret),
    standing: Option<(Session, Holding)>,
) -> Result<Outcome<Answer>, RefreshError> {
    let Some((session, holding)) = standing else {
        return Ok(Outcome::upkeep(Answer::Ended, Upkeep::SessionRenewal));
    };
    let id = session.id;
    let person = user::find(tx, stored.user).await?;
    let holds = |(session, person): &(Session, user::User)| {
        let (auth_at, tokens_not_before) = (session.auth_at, person.tokens_not_before);
        Standing { session_ended: session.ended_at.is_some(), auth_at, status: person.status, tokens_not_before }
            .holds()
    };
    // A sign-in that raced the end of all sessions is older than that end.
    let Some((mut session, person)) = Some(session).zip(person).filter(holds) else {
        return Ok(Outcome::upkeep(Answer::Ended, Upkeep::SessionRenewal));
    };
    if asked.active {
        let idle_at = session::next_idle(&session, tx.now());
        sessions::acted(tx, id, idle_at).await?;
        session.deadlines.idle_at = idle_at;
    }
    let audience = asked.audience.as_deref().unwrap_or(&stored.audience);
    let unsigned = Box::new(session::claims(app, realm, &holding, &session, audience, tx.now())?);
    let refresh = RefreshToken::make(asked.token.family(), stored.family.generation, key);
    let hour_ago = tx.now().minus(hours(1));
    let event = if session.renewed_at <= hour_ago && sessions::renewed(tx, id, hour_ago).await? {
        let event =
            Event::new(EventType::SessionRenewed).user(person.id, person.name()).with("session", id.to_string());
        Some(event.acted_by(session::owner(&person, &session)))
    } else {
        None
    };
    let answer = Answer::Token { unsigned, refresh, session: Box::new(session), withheld: holding.withheld };
    Ok(match event {
        Some(event) => Outcome::done(answer, event),
        None => Outcome::upkeep(answer, Upkeep::SessionRenewal),
    })
}
