//! Who a bearer or a cookie is, by the state of this moment. A token says who; what they may is read here.
#![expect(clippy::disallowed_methods, reason = "this file names the flow that authenticates")]

pub use domain::caller::{Caller, Forbidden};

use std::collections::BTreeSet;

use domain::allowed::{Allowed, Flow, Request};
use domain::caller::Authenticated;
use domain::event::{Event, EventType};
use domain::id::{PrincipalId, SessionId, TokenId, UserId};
use domain::realm::RealmKey;
use domain::secret::Secret;
use domain::session::{AAL1, State};
use domain::throttle::Kind;
use domain::time::Timestamp;
use domain::user::Status;
use store::session::Session;
use store::{Guard, Outcome, Read, StoreError, Upkeep, WriteTx, revocation, session, throttle, user};
use wire::claims::AccessClaims;

use crate::app::App;
use crate::throttle as throttle_key;
use crate::{directory, policy};

/// What an access token says of its bearer, verified.
#[derive(Clone, Copy, Debug)]
pub struct Bearer {
    /// `sub`.
    pub user: UserId,
    /// `sid`.
    pub session: SessionId,
    /// `jti`.
    pub token: TokenId,
    /// `iat`, seconds since 1970.
    pub issued_at: i64,
    /// The instant of its session that it knows of, seconds since 1970.
    pub session_as_of: i64,
    /// `auth_time` and whether `acr` says two factors: what the token was issued for.
    pub proof: Proof,
}

impl Bearer {
    /// From verified claims; `None`: a client's own token, which belongs to no session.
    #[must_use]
    pub fn of(claims: &AccessClaims) -> Option<Self> {
        Some(Self {
            user: UserId::from_uuid(claims.sub),
            session: SessionId::from_uuid(claims.sid?),
            token: TokenId::from_uuid(claims.jti),
            issued_at: claims.iat,
            session_as_of: claims.session_as_of(),
            proof: Proof {
                two_factors: claims.acr.as_deref().is_some_and(|acr| acr != AAL1),
                at: Timestamp::from_seconds(claims.auth_time.unwrap_or(0)),
            },
        })
    }
}

/// How surely, and when, somebody proved who they are.
#[derive(Clone, Copy, Debug)]
pub struct Proof {
    /// With two factors.
    pub two_factors: bool,
    /// When.
    pub at: Timestamp,
}

impl Proof {
    /// The older and weaker of both: an old token gains nothing when its owner proves again who they are (RFC 9470).
    fn of(self, session: &Session) -> (&str, Timestamp) {
        let acr = if self.two_factors { session.acr.as_str() } else { AAL1 };
        (acr, session.auth_at.min(self.at))
    }
}

/// The caller behind a verified token; `None` if the session is over or locked, or the account is not active.
///
/// # Errors
/// [`StoreError`].
pub async fn by_bearer(
    app: &App,
    realm: RealmKey,
    bearer: Bearer,
    request: Request,
) -> Result<Option<Caller>, StoreError> {
    let allowed = Allowed::visitor(Flow::Authenticate, realm, request);
    let parts = app.clone();
    app.store
        .read(&allowed, app.now(), move |tx| {
            Box::pin(async move { of_bearer(&parts, tx, bearer, Asks::Themselves).await })
        })
        .await
}

/// Whose address a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asks {
    /// The person's: the networks of their policy count.
    Themselves,
    /// A resource server's: where its own callers are, it alone knows.
    ResourceServer,
}

/// The same inside a transaction. A token that was revoked (RFC 7009) is nobody's.
pub(crate) async fn of_bearer(
    app: &App,
    tx: &mut impl Read,
    bearer: Bearer,
    asks: Asks,
) -> Result<Option<Caller>, StoreError> {
    let found = session::find(tx, bearer.session).await?.filter(|session| session.user == bearer.user);
    let Some(session) = found else { return Ok(None) };
    // Tokens from before the session locked stay refused once it is unlocked.
    let before_the_lock = bearer.session_as_of < crate::session::tokens_from(&session).seconds();
    if before_the_lock || revocation::is_revoked(tx, bearer.token).await? {
        return Ok(None);
    }
    of_session(app, tx, &session, (Some(bearer.issued_at), Some(bearer.proof)), asks).await
}

/// The caller behind a session cookie of a page.
///
/// # Errors
/// [`StoreError`].
pub async fn by_cookie(
    app: &App,
    realm: RealmKey,
    cookie: &Secret,
    request: Request,
) -> Result<Option<Caller>, StoreError> {
    let allowed = Allowed::visitor(Flow::Authenticate, realm, request);
    let (parts, hash) = (app.clone(), cookie.hash());
    app.store
        .read(&allowed, app.now(), move |tx| {
            Box::pin(async move {
                let Some(session) = session::by_secret(tx, &hash).await? else { return Ok(None) };
                of_session(&parts, tx, &session, (None, None), Asks::Themselves).await
            })
        })
        .await
}

/// The session ended or the account was closed after the request began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedOut;

/// The caller again, by the state inside a transaction that writes. Authority must not outlive its end, however long a request took to arrive:
/// whoever ends the caller's rights takes the same guard, so one of the two comes first.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn again(
    app: &App,
    tx: &mut WriteTx<'_>,
    caller: &Caller,
) -> Result<Result<Caller, SignedOut>, StoreError> {
    tx.exclusive(Guard::Principal(caller.user().into())).await?;
    let Some(session) = session::find(tx, caller.session()).await? else { return Ok(Err(SignedOut)) };
    let proof = Proof { two_factors: caller.acr() != AAL1, at: caller.auth_at() };
    Ok(of_session(app, tx, &session, (None, Some(proof)), Asks::Themselves).await?.ok_or(SignedOut))
}

/// The guards of several principals, in the order of their ids: two who act on each other do not wait for each other until the database breaks one of
/// them off.
pub(crate) async fn guard_people<P: Into<PrincipalId>>(
    tx: &mut WriteTx<'_>,
    people: impl IntoIterator<Item = P>,
) -> Result<(), StoreError> {
    let people: BTreeSet<PrincipalId> = people.into_iter().map(Into::into).collect();
    for one in people {
        tx.exclusive(Guard::Principal(one)).await?;
    }
    Ok(())
}

/// Why a change is not made to what somebody looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stale {
    /// A caller must say which version they looked at.
    Unsaid,
    /// It is in another version by now.
    Changed,
}

/// Whether what was looked at is what is there. Only the operator of the machine need not say.
pub(crate) fn same_version(caller: Option<&Caller>, looked_at: Option<i64>, found: i64) -> Result<(), Stale> {
    match looked_at {
        None if caller.is_some() => Err(Stale::Unsaid),
        Some(version) if version != found => Err(Stale::Changed),
        _ => Ok(()),
    }
}

/// Session live, account active, token not older than the account's epoch: then who they are and all that they hold.
async fn of_session(
    app: &App,
    tx: &mut impl Read,
    session: &Session,
    (issued_at, proof): (Option<i64>, Option<Proof>),
    asks: Asks,
) -> Result<Option<Caller>, StoreError> {
    if session.deadlines.state(session.ended_at.is_some(), tx.now()) != State::Live {
        return Ok(None);
    }
    let Some(user) = user::find(tx, session.user).await?.filter(|user| user.status == Status::Active) else {
        return Ok(None);
    };
    // Tokens carry whole seconds: one issued in the second of the epoch counts as after it; its session was ended anyway.
    let too_old = |seconds: i64| Timestamp::from_seconds(seconds + 1) <= user.tokens_not_before;
    // A sign-in that raced the end of all sessions is older than that end.
    if issued_at.is_some_and(too_old) || session.auth_at < user.tokens_not_before {
        return Ok(None);
    }
    let (acr, auth_at) = proof.map_or((session.acr.as_str(), session.auth_at), |proof| proof.of(session));
    let directory::Holding { access, policy, .. } = directory::holding(app, tx, user.id.into(), acr).await?;
    let judged = policy::judged(session, &policy).deadlines.state(false, tx.now());
    let here = asks == Asks::ResourceServer || policy.admits(tx.allowed().request().address);
    if judged != State::Live || !here {
        return Ok(None);
    }
    let who = Authenticated {
        realm: tx.realm(),
        user: user.id,
        name: user.name().to_owned(),
        session: session.id,
        acr: acr.to_owned(),
        auth_at,
    };
    let caller = Caller::new(who, access, tx.allowed().request().clone());
    Ok(Some(caller.proving_within(policy.step_up_seconds)))
}

/// Records that a signed-in caller was refused (AUD-01): at once, then at most one event a minute for each permission, with a count.
///
/// # Errors
/// [`StoreError`].
pub async fn refused(app: &App, caller: &Caller, forbidden: &Forbidden) -> Result<(), StoreError> {
    let what = format!("{} {}", caller.user(), forbidden.missing.as_str());
    let key = throttle_key::key(app, caller.realm(), "authz", what.as_bytes());
    let missing = forbidden.missing;
    app.store
        .write(caller.oneself(), app.now(), (key, missing), |tx, (key, missing)| {
            Box::pin(async move {
                Ok(match throttle::count_refusal(tx, Kind::Authz, key).await? {
                    Some(count) => {
                        let event = Event::new(EventType::AuthzFail).denied("missing_permission");
                        Outcome::done((), event.with("missing", missing.as_str()).with("count", count))
                    }
                    None => Outcome::upkeep((), Upkeep::Throttle),
                })
            })
        })
        .await
}
