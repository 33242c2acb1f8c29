//! Sessions: what begins at a sign-in, what its owner sees, how it ends (`end`, `sign_out`), how a locked one is resumed (`unlock`), and by whom at a
//! device (`switch`).

mod end;
mod sign_out;
mod switch;
mod unlock;

use domain::allowed::Actor;
use domain::caller::{Caller, Scope};
use domain::id::{DeviceId, FamilyId, SessionId, UserId};
use domain::permission::Permission;
use domain::realm::{Realm, RealmKey};
use domain::refresh::RefreshToken;
use domain::secret::Secret;
use domain::time::Timestamp;
use store::session::Session;
use store::user::User;
use store::{Outcome, Read, StoreError, Upkeep, WriteTx, refresh, session, user};
use thiserror::Error;
use wire::claims::AccessClaims;

pub use self::end::{EndError, Which, end_other, end_other_as_operator, end_own};
pub(crate) use self::end::{Place, end_all, ended, leave};
pub use self::sign_out::{Presented, SignOutError, sign_out};
pub use self::switch::{Switchable, locked, switchable};
pub use self::unlock::{Key, Unlock, UnlockError, Unlocked, unlock};
use crate::app::App;
use crate::directory::{self, Holding};
use crate::key::{self, KeyError};
use crate::policy;
use crate::refresh::family_key;

/// The client of a first-party sign-in.
pub const FIRST_PARTY: &str = "bailiwick-web";

/// What the client gets after signing in, refreshing or unlocking.
#[derive(Clone)]
pub struct Tokens {
    /// The JWT.
    pub access_token: String,
    /// Seconds that it lives.
    pub expires_in: i64,
    /// The session.
    pub session: SessionId,
    /// The refresh cookie's value.
    pub refresh: RefreshToken,
    /// When the refresh cookie is of no more use.
    pub absolute_at: Timestamp,
    /// Roles held but withheld.
    pub withheld: Vec<String>,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tokens(session {})", self.session)
    }
}

/// No API of this audience.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("there is no API with this audience")]
pub struct UnknownAudience;

/// What an access token is made from; signing happens outside of the transaction.
#[derive(Debug)]
pub struct Unsigned {
    pub(crate) claims: AccessClaims,
    pub(crate) algorithm: domain::key::Algorithm,
    /// Seconds from now.
    pub(crate) expires_in: i64,
}

/// Puts the claims together. `exp` is the earliest of the API's and the policy's lifetime, the session's deadlines, and the end of a grant used.
pub(crate) fn claims(
    app: &App,
    realm: &Realm,
    holding: &Holding,
    session: &Session,
    audience: &str,
    now: Timestamp,
) -> Result<Unsigned, UnknownAudience> {
    let api = holding.directory.apis.get(audience).ok_or(UnknownAudience)?;
    let policy = &holding.policy;
    let deadlines = policy::judged(session, policy).deadlines;
    let until = holding.token_until(api, now).min(deadlines.idle_at).min(deadlines.absolute_at);
    let claims = AccessClaims {
        iss: realm.issuer.clone(),
        aud: audience_claim(realm, audience),
        sub: session.user.uuid(),
        client_id: FIRST_PARTY.to_owned(),
        iat: now.seconds(),
        exp: until.seconds(),
        jti: domain::id::TokenId::new(&*app.entropy, now).uuid(),
        sid: Some(session.id.uuid()),
        auth_time: Some(session.auth_at.seconds()),
        acr: Some(session.acr.clone()),
        amr: Some(session.amr.split(' ').map(ToOwned::to_owned).collect()),
        roles: holding.access.roles_at_root(),
        permissions: Some(holding.access.permissions_at_root(audience)),
        units: holding.access.roles_in_units(),
        roles_version: holding.directory.graph.version(),
        scope: None,
        as_of: domain::revocation::as_of(now, holding.access_not_before),
        sid_as_of: domain::revocation::as_of(now, tokens_from(session)),
    };
    Ok(Unsigned { expires_in: claims.exp - now.seconds(), claims, algorithm: api.algorithm })
}

/// Tokens of a session are issued from then on: earlier ones are refused since it was locked, also after it was unlocked.
pub(crate) fn tokens_from(session: &Session) -> Timestamp {
    session.locked_at.map_or(Timestamp::from_seconds(0), domain::revocation::refused_before)
}

/// `aud`: the audience itself; for our own API the issuer's `/api/v1`.
#[must_use]
pub fn audience_claim(realm: &Realm, audience: &str) -> String {
    if audience == domain::permission::OWN_API { format!("{}/api/v1", realm.issuer) } else { audience.to_owned() }
}

/// Signs, after the commit.
pub(crate) async fn sign(app: &App, realm: RealmKey, unsigned: &Unsigned) -> Result<String, KeyError> {
    let ring = key::ring(app, realm).await?;
    let signer = ring.signer(unsigned.algorithm, app.now()).ok_or(crate::signing::BadKey)?;
    Ok(signer.issue(&unsigned.claims)?)
}

/// A session with its family as it is written, and the secrets that only the client keeps.
pub(crate) struct Begun {
    pub(crate) session: Session,
    pub(crate) secret: Secret,
    pub(crate) refresh: RefreshToken,
}

/// What a session begins with.
pub(crate) struct New<'a> {
    pub(crate) audience: &'a str,
    pub(crate) device_label: Option<&'a str>,
    pub(crate) device: Option<DeviceId>,
    pub(crate) acr: &'static str,
    pub(crate) amr: &'static str,
}

/// Writes a new session and its refresh family for somebody who has proved who they are.
pub(crate) async fn begin(
    app: &App,
    tx: &mut WriteTx<'_>,
    user: &User,
    holding: &Holding,
    with: New<'_>,
) -> Result<Begun, StoreError> {
    let (now, realm, entropy) = (tx.now(), tx.realm(), tx.entropy());
    let policy = &holding.policy;
    let deadlines = domain::session::Deadlines::begin(now, policy);
    let id = SessionId::new(&*entropy, now);
    let (secret, family_secret) = (Secret::new(&*entropy), Secret::new(&*entropy));
    let family = FamilyId::new(&*entropy, now);
    let new = session::NewSession {
        id,
        user: user.id,
        secret: secret.hash(),
        device_label: with.device_label.map(ToOwned::to_owned),
        device: with.device,
        acr: with.acr,
        amr: with.amr.to_owned(),
        idle_seconds: i64::try_from(policy.idle.as_secs()).unwrap_or(i64::MAX),
        deadlines,
    };
    let new_family = refresh::NewFamily {
        id: family,
        session: id,
        user: user.id,
        client_id: FIRST_PARTY.to_owned(),
        audience: with.audience.to_owned(),
        sealed_key: app.seal.seal(&*entropy, realm, family_key(&family.uuid()), family_secret.bytes())?,
        deadlines,
    };
    let statements = vec![session::create_statement(tx, &new), refresh::create_statement(tx, &new_family)];
    tx.pipeline(statements).await?;
    let request = tx.allowed().request();
    let session = Session {
        id,
        user: user.id,
        acr: new.acr.to_owned(),
        amr: new.amr,
        auth_at: now,
        deadlines,
        idle_seconds: new.idle_seconds,
        locked_at: None,
        ended_at: None,
        created_at: now,
        last_active_at: now,
        renewed_at: now,
        device_label: new.device_label,
        address: request.address.map(|a| a.to_string()),
        user_agent: request.user_agent.clone(),
    };
    Ok(Begun { session, secret, refresh: RefreshToken::make(family, 0, &family_secret) })
}

/// What a session became when its person proved again who they are.
pub(crate) struct Renewed {
    pub(crate) session: Session,
    pub(crate) secret: Secret,
    pub(crate) refresh: RefreshToken,
    pub(crate) audience: String,
}

/// Cookies of a session that were renewed; the ones before die.
#[derive(Clone, Debug)]
pub struct Secrets {
    /// The session.
    pub session: SessionId,
    /// The session cookie's value.
    pub secret: Secret,
    /// The refresh cookie's value.
    pub refresh: RefreshToken,
    /// When both are of no more use.
    pub absolute_at: Timestamp,
}

impl Renewed {
    /// What the client keeps.
    pub(crate) fn secrets(&self) -> Secrets {
        Secrets {
            session: self.session.id,
            secret: self.secret.clone(),
            refresh: self.refresh.clone(),
            absolute_at: self.session.deadlines.absolute_at,
        }
    }
}

/// A fresh authentication in a session: new session cookie, the family advances, idle starts again (SES-02). `None`: locked or over.
pub(crate) async fn renew(
    app: &App,
    tx: &mut WriteTx<'_>,
    mut session: Session,
    (acr, amr): (&str, &str),
) -> Result<Option<Renewed>, StoreError> {
    let secret = Secret::new(&*tx.entropy());
    // The policy of this moment may ask for a shorter time; nothing makes it longer.
    session = policy::judged(&session, &directory::holding(app, tx, session.user.into(), acr).await?.policy);
    let idle_at = next_idle(&session, tx.now());
    let (acr, amr, idle_seconds) = (acr.to_owned(), amr.to_owned(), session.idle_seconds);
    let to = session::Proved { secret: secret.hash(), acr, amr, idle_seconds, idle_at };
    if !session::proved(tx, session.id, &to).await? {
        return Ok(None);
    }
    let Some(family) = refresh::renew(tx, session.id, FIRST_PARTY, idle_at).await? else { return Ok(None) };
    let key = crate::refresh::opened_key(app, tx.realm(), family.id, &family.sealed_key)?;
    (session.acr, session.amr, session.auth_at) = (to.acr, to.amr, tx.now());
    (session.last_active_at, session.deadlines.idle_at) = (tx.now(), idle_at);
    let refresh = RefreshToken::make(family.id, family.generation, &key);
    Ok(Some(Renewed { session, secret, refresh, audience: family.audience }))
}

/// The actor that a session's owner is.
pub(crate) fn owner(user: &User, session: &Session) -> Actor {
    Actor::User { id: user.id, name: user.name().to_owned(), acr: session.acr.clone(), session: Some(session.id) }
}

/// The caller's own sessions, newest first.
///
/// # Errors
/// [`StoreError`].
pub async fn own(app: &App, caller: &Caller) -> Result<Vec<Session>, StoreError> {
    let (parts, id, present) = (app.clone(), caller.user(), caller.session());
    app.store
        .read(&caller.oneself(), app.now(), move |tx| {
            Box::pin(async move {
                let mut all = session::of_user(tx, id).await?;
                // However many there are, the present one is among those that are shown.
                if !all.iter().any(|session| session.id == present) {
                    all.truncate(199);
                    all.extend(session::find(tx, present).await?);
                }
                policy::judge_all(&parts, tx, all).await
            })
        })
        .await
}

/// The caller's present session.
///
/// # Errors
/// [`StoreError`].
pub async fn present(app: &App, caller: &Caller) -> Result<Option<Session>, StoreError> {
    let (parts, id) = (app.clone(), caller.session());
    app.store
        .read(&caller.oneself(), app.now(), move |tx| {
            Box::pin(async move {
                let found = session::find(tx, id).await?.into_iter().collect();
                Ok(policy::judge_all(&parts, tx, found).await?.pop())
            })
        })
        .await
}

/// The person acted: idle starts again.
///
/// # Errors
/// [`StoreError`].
pub async fn acted(app: &App, caller: &Caller) -> Result<(), StoreError> {
    app.store
        .write(caller.oneself(), app.now(), caller.session(), |tx, id| {
            Box::pin(async move {
                if let Some(session) = session::find(tx, *id).await? {
                    let idle_at = next_idle(&session, tx.now());
                    session::acted(tx, *id, idle_at).await?;
                }
                Ok(Outcome::upkeep((), Upkeep::SessionActivity))
            })
        })
        .await
}

/// The same for a page that its person asked for; at most once a minute is anything written.
///
/// # Errors
/// [`StoreError`].
pub async fn acted_by_page(app: &App, caller: &Caller) -> Result<(), StoreError> {
    let minute_ago = app.now().minus(domain::time::minutes(1));
    match present(app, caller).await? {
        Some(session) if session.last_active_at <= minute_ago => acted(app, caller).await,
        _ => Ok(()),
    }
}

/// When a session locks if its person acts now.
pub(crate) fn next_idle(session: &Session, now: Timestamp) -> Timestamp {
    now.plus(domain::time::seconds(u64::try_from(session.idle_seconds).unwrap_or(0)))
}

/// The sessions of somebody within reach.
///
/// # Errors
/// [`EndError`].
pub async fn of_user(app: &App, caller: &Caller, user: UserId) -> Result<Vec<Session>, EndError> {
    let allowed = caller.allow(Permission::SessionsRead, Scope::Anywhere)?;
    let parts = app.clone();
    app.store
        .read(&allowed, app.now(), move |tx| {
            Box::pin(async move {
                user::find(tx, user).await?.ok_or(EndError::NotFound)?;
                let all = session::of_user(tx, user).await?;
                Ok(policy::judge_all(&parts, tx, all).await?)
            })
        })
        .await
}

/// One session of somebody within reach.
///
/// # Errors
/// [`EndError`].
pub async fn one_of_user(app: &App, caller: &Caller, user: UserId, id: SessionId) -> Result<Session, EndError> {
    let allowed = caller.allow(Permission::SessionsRead, Scope::Anywhere)?;
    let parts = app.clone();
    app.store
        .read(&allowed, app.now(), move |tx| {
            Box::pin(async move {
                user::find(tx, user).await?.ok_or(EndError::NotFound)?;
                let found = session::find(tx, id).await?.filter(|session| session.user == user);
                let judged = policy::judge_all(&parts, tx, found.into_iter().collect()).await?;
                judged.into_iter().next().ok_or(EndError::NotFound)
            })
        })
        .await
}

/// The sessions of people within reach that are not over, newest first.
///
/// # Errors
/// [`EndError`].
pub async fn list(app: &App, caller: &Caller, filter: session::Filter, limit: i64) -> Result<Vec<Session>, EndError> {
    let allowed = caller.allow(Permission::SessionsRead, Scope::Anywhere)?;
    let parts = app.clone();
    app.store
        .scan(&allowed, app.now(), move |tx| {
            Box::pin(async move { Ok(policy::list(&parts, tx, filter, limit).await?) })
        })
        .await
}

/// The same for the operator of the machine.
///
/// # Errors
/// [`StoreError`].
pub async fn list_as_operator(
    app: &App,
    operator: domain::allowed::Operator,
    filter: session::Filter,
    limit: i64,
) -> Result<Vec<Session>, StoreError> {
    let parts = app.clone();
    app.store
        .scan(operator.allowed(), app.now(), move |tx| {
            Box::pin(async move { policy::list(&parts, tx, filter, limit).await })
        })
        .await
}
