//! Sessions. The hot row of a refresh is the family (`store::refresh`); this one is what people see and end.

use domain::id::{DeviceId, SessionId, UserId};
use domain::revocation::Fact;
use domain::secret::SecretHash;
use domain::session::{Deadlines, EndReason};
use domain::time::{Timestamp, days, seconds};

use crate::db::{Composed, Read, Row, Statement, WriteTx, params, sql};
use crate::error::StoreError;
use crate::revocation;

/// A session as stored.
#[derive(Clone, Debug)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// Whose.
    pub user: UserId,
    /// How surely they signed in.
    pub acr: String,
    /// With what, space-separated (RFC 8176).
    pub amr: String,
    /// When they last proved who they are.
    pub auth_at: Timestamp,
    /// When it locks, when it is over.
    pub deadlines: Deadlines,
    /// Until it locks, from the last activity on.
    pub idle_seconds: i64,
    /// When it was locked last: tokens issued before are refused, also after it was unlocked.
    pub locked_at: Option<Timestamp>,
    /// When it was ended.
    pub ended_at: Option<Timestamp>,
    /// When it began.
    pub created_at: Timestamp,
    /// When the person last acted.
    pub last_active_at: Timestamp,
    /// Last `session_renewed` event.
    pub renewed_at: Timestamp,
    /// What the device was called at sign-in.
    pub device_label: Option<String>,
    /// From where.
    pub address: Option<String>,
    /// With what.
    pub user_agent: Option<String>,
}

impl Session {
    /// Since when it is locked, if it is: since somebody locked it, or since it was idle for too long. The idle deadline of the one that was locked
    /// at once lies before that moment, and a lock of before it was last unlocked lies before the deadline.
    #[must_use]
    pub fn locked_since(&self) -> Timestamp {
        self.locked_at.map_or(self.deadlines.idle_at, |at| at.max(self.deadlines.idle_at))
    }
}

fn from_row(row: &Row) -> Result<Session, StoreError> {
    Ok(Session {
        id: row.get(0)?,
        user: row.get(1)?,
        acr: row.get(2)?,
        amr: row.get(3)?,
        auth_at: row.get(4)?,
        deadlines: Deadlines { idle_at: row.get(5)?, absolute_at: row.get(6)? },
        idle_seconds: row.get(7)?,
        ended_at: row.get(8)?,
        created_at: row.get(9)?,
        last_active_at: row.get(10)?,
        renewed_at: row.get(11)?,
        device_label: row.get(12)?,
        address: row.get(13)?,
        user_agent: row.get(14)?,
        locked_at: row.get(15)?,
    })
}

/// A session by id.
///
/// # Errors
/// [`StoreError`].
pub async fn find(tx: &mut impl Read, id: SessionId) -> Result<Option<Session>, StoreError> {
    let sql = sql!(
        "SELECT id, user_id, acr, amr, auth_at, idle_at, absolute_at, idle_seconds, ended_at, created_at, last_active_at, renewed_at,
            device_label, address, user_agent, locked_at FROM session WHERE realm_id = $1 AND id = $2"
    );
    tx.one(sql, params![tx.realm(), id]).await?.as_ref().map(from_row).transpose()
}

/// A session by its cookie.
///
/// # Errors
/// [`StoreError`].
pub async fn by_secret(tx: &mut impl Read, hash: &SecretHash) -> Result<Option<Session>, StoreError> {
    let sql = sql!(
        "SELECT id, user_id, acr, amr, auth_at, idle_at, absolute_at, idle_seconds, ended_at, created_at, last_active_at, renewed_at,
            device_label, address, user_agent, locked_at FROM session WHERE realm_id = $1 AND secret_hash = $2"
    );
    tx.one(sql, params![tx.realm(), hash.bytes()]).await?.as_ref().map(from_row).transpose()
}

/// The sessions of a person that are not over, newest first.
///
/// # Errors
/// [`StoreError`].
pub async fn of_user(tx: &mut impl Read, user: UserId) -> Result<Vec<Session>, StoreError> {
    let sql = sql!(
        "SELECT id, user_id, acr, amr, auth_at, idle_at, absolute_at, idle_seconds, ended_at, created_at, last_active_at, renewed_at,
            device_label, address, user_agent, locked_at FROM session
          WHERE realm_id = $1 AND user_id = $2 AND ended_at IS NULL AND absolute_at > $3 ORDER BY id DESC LIMIT 200"
    );
    tx.query(sql, params![tx.realm(), user, tx.now()]).await?.iter().map(from_row).collect()
}

/// A session that begins.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// Its id.
    pub id: SessionId,
    /// Whose.
    pub user: UserId,
    /// Hash of the session cookie.
    pub secret: SecretHash,
    /// What the device is called.
    pub device_label: Option<String>,
    /// The recognised device.
    pub device: Option<DeviceId>,
    /// How surely.
    pub acr: &'static str,
    /// With what.
    pub amr: String,
    /// Until it locks.
    pub idle_seconds: i64,
    /// When it locks, when it is over.
    pub deadlines: Deadlines,
}

/// The statement that begins a session.
#[must_use]
pub fn create_statement(tx: &impl Read, new: &NewSession) -> Statement {
    let request = tx.allowed().request();
    let sql = sql!(
        "INSERT INTO session (realm_id, id, user_id, secret_hash, device_label, address, user_agent, acr, amr, auth_at, idle_seconds,
            created_at, last_active_at, idle_at, absolute_at, renewed_at, device_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $10, $10, $12, $13, $10, $14)"
    );
    let params = params![
        tx.realm(),
        new.id,
        new.user,
        new.secret.bytes(),
        new.device_label.clone(),
        request.address.map(|a| a.to_string()),
        request.user_agent.clone(),
        new.acr,
        &new.amr,
        tx.now(),
        new.idle_seconds,
        new.deadlines.idle_at,
        new.deadlines.absolute_at,
        new.device,
    ];
    Statement { sql, params }
}

/// Ends a session and its refresh families but those of `offline_access`; `false`: it was over already.
///
/// # Errors
/// [`StoreError`].
pub async fn end(tx: &mut WriteTx<'_>, id: SessionId, reason: EndReason) -> Result<bool, StoreError> {
    let (realm, now) = (tx.realm(), tx.now());
    let session = sql!(
        "UPDATE session SET ended_at = $3, ended_reason = $4 WHERE realm_id = $1 AND id = $2 AND ended_at IS NULL"
    );
    let family = sql!(
        "UPDATE refresh_family SET ended_at = $3, ended_reason = $4 WHERE realm_id = $1 AND session_id = $2 AND ended_at IS NULL"
    );
    let values = params![realm, id, now, reason.as_str()];
    let counts = tx
        .pipeline(vec![Statement { sql: session, params: values.clone() }, Statement { sql: family, params: values }])
        .await?;
    let ended = counts.first() == Some(&1);
    if ended {
        revocation::announce(tx, &[Fact::ended(id)]).await?;
    }
    Ok(ended)
}

/// Ends all sessions of a person but one; returns which.
///
/// # Errors
/// [`StoreError`].
pub async fn end_all(
    tx: &mut WriteTx<'_>,
    user: UserId,
    but: Option<SessionId>,
    reason: EndReason,
) -> Result<Vec<SessionId>, StoreError> {
    let but = but.map_or_else(uuid::Uuid::nil, SessionId::uuid);
    let values = params![tx.realm(), user, tx.now(), reason.as_str(), but];
    let session = sql!(
        "UPDATE session SET ended_at = $3, ended_reason = $4
          WHERE realm_id = $1 AND user_id = $2 AND ended_at IS NULL AND absolute_at > $3 AND id <> $5 RETURNING id"
    );
    let ended = tx.returning(session, values.clone()).await?;
    let family = sql!(
        "UPDATE refresh_family SET ended_at = $3, ended_reason = $4
          WHERE realm_id = $1 AND user_id = $2 AND ended_at IS NULL AND session_id IS NOT NULL AND session_id <> $5"
    );
    tx.execute(family, values).await?;
    let ended = ended.iter().map(|row| row.get(0)).collect::<Result<Vec<SessionId>, _>>()?;
    revocation::announce(tx, &ended.iter().copied().map(Fact::ended).collect::<Vec<_>>()).await?;
    Ok(ended)
}

/// Moves the idle deadline: a person acted. Neither a locked nor an ended session is revived.
///
/// # Errors
/// [`StoreError`].
pub async fn acted(tx: &mut WriteTx<'_>, id: SessionId, idle_at: Timestamp) -> Result<bool, StoreError> {
    let (realm, now) = (tx.realm(), tx.now());
    let session = sql!(
        "UPDATE session SET last_active_at = $3, idle_at = $4
          WHERE realm_id = $1 AND id = $2 AND ended_at IS NULL AND idle_at > $3 AND absolute_at > $3"
    );
    let family = sql!(
        "UPDATE refresh_family SET idle_at = $4
          WHERE realm_id = $1 AND session_id = $2 AND ended_at IS NULL AND idle_at > $3 AND absolute_at > $3"
    );
    let values = params![realm, id, now, idle_at];
    let counts = tx
        .pipeline(vec![Statement { sql: session, params: values.clone() }, Statement { sql: family, params: values }])
        .await?;
    Ok(counts.first() == Some(&1))
}

/// Marks a `session_renewed` event; `false`: another request of this hour did.
///
/// # Errors
/// [`StoreError`].
pub async fn renewed(tx: &mut WriteTx<'_>, id: SessionId, not_since: Timestamp) -> Result<bool, StoreError> {
    let sql = sql!("UPDATE session SET renewed_at = $3 WHERE realm_id = $1 AND id = $2 AND renewed_at <= $4");
    let values = params![tx.realm(), id, tx.now(), not_since];
    Ok(tx.execute(sql, values).await? == 1)
}

/// Sessions that reached their absolute deadline and have no event yet; at most `limit`.
///
/// # Errors
/// [`StoreError`].
pub async fn expire(tx: &mut WriteTx<'_>, limit: i64) -> Result<Vec<(SessionId, UserId)>, StoreError> {
    let sql = sql!(
        "UPDATE session SET ended_at = $2, ended_reason = 'expired' WHERE realm_id = $1 AND id IN
            (SELECT id FROM session WHERE realm_id = $1 AND ended_at IS NULL AND absolute_at <= $2 ORDER BY absolute_at LIMIT $3)
          RETURNING id, user_id"
    );
    let values = params![tx.realm(), tx.now(), limit];
    let over: Vec<(SessionId, UserId)> = tx
        .returning(sql, values)
        .await?
        .iter()
        .map(|row| Ok((row.get(0)?, row.get(1)?)))
        .collect::<Result<_, StoreError>>()?;
    let family = sql!(
        "UPDATE refresh_family SET ended_at = $3, ended_reason = 'expired'
          WHERE realm_id = $1 AND session_id = $2 AND ended_at IS NULL"
    );
    let (realm, now) = (tx.realm(), tx.now());
    let ends = over.iter().map(|(id, _)| Statement { sql: family.clone(), params: params![realm, *id, now] }).collect();
    tx.pipeline(ends).await?;
    Ok(over)
}

/// So long ago the idle deadline of a session is that was locked at once: a node whose clock is behind must not see it live for a moment.
const LOCKED_SINCE_SECONDS: u64 = 60;

/// Locks a session at once, `at` an instant read after the guards (see `refused_before`): its idle deadline has passed, on every node. When it was
/// done stands in `locked_at`; of a second lock within a second of the one before a second later, so that tokens from between the two are refused.
///
/// # Errors
/// [`StoreError`].
pub async fn lock(tx: &mut WriteTx<'_>, id: SessionId, at: Timestamp) -> Result<bool, StoreError> {
    let session = sql!(
        "UPDATE session SET idle_at = $4, locked_at = CASE WHEN locked_at + 1000000 > $3 THEN locked_at + 1000000 ELSE $3 END
          WHERE realm_id = $1 AND id = $2 AND ended_at IS NULL AND idle_at > $3 RETURNING locked_at"
    );
    // Not earlier: a family is judged by the earlier of both deadlines, its session's included.
    let family = sql!(
        "UPDATE refresh_family SET idle_at = $3 WHERE realm_id = $1 AND session_id = $2 AND ended_at IS NULL AND idle_at > $3"
    );
    let realm = tx.realm();
    let lock = params![realm, id, at, at.minus(seconds(LOCKED_SINCE_SECONDS))];
    let locked = tx.returning(session, lock).await?;
    tx.execute(family, params![realm, id, at]).await?;
    let Some(row) = locked.first() else { return Ok(false) };
    revocation::announce(tx, &[Fact::locked(id, row.get(0)?)]).await?;
    Ok(true)
}

/// A session that was begun on a device and is not over, with its person's name.
#[derive(Clone, Debug)]
pub struct OnDevice {
    /// The session.
    pub session: Session,
    /// What people call its person.
    pub name: String,
}

/// The sessions of a device that are not over, of everybody who is recognised there; newest first.
///
/// # Errors
/// [`StoreError`].
pub async fn on_device(tx: &mut impl Read, device: DeviceId) -> Result<Vec<OnDevice>, StoreError> {
    // By the device's people: no index begins with the device, and there are few of them.
    let sql = sql!(
        "SELECT s.id, s.user_id, s.acr, s.amr, s.auth_at, s.idle_at, s.absolute_at, s.idle_seconds, s.ended_at, s.created_at, s.last_active_at,
            s.renewed_at, s.device_label, s.address, s.user_agent, s.locked_at, COALESCE(u.display_name, u.username, '')
          FROM device_principal d CROSS JOIN session s CROSS JOIN \"user\" u
          WHERE d.realm_id = $1 AND d.device_id = $2 AND d.ended_at IS NULL AND d.last_at > $4
            AND s.realm_id = d.realm_id AND s.user_id = d.principal_id AND s.ended_at IS NULL AND s.absolute_at > $3 AND s.device_id = $2
            AND u.realm_id = s.realm_id AND u.id = s.user_id AND u.status = 'active' ORDER BY s.id DESC LIMIT 100"
    );
    let since = tx.now().minus(days(crate::device::RECOGNISED_DAYS));
    let rows = tx.query(sql, params![tx.realm(), device, tx.now(), since]).await?;
    rows.iter().map(|row| Ok(OnDevice { session: from_row(row)?, name: row.get(16)? })).collect()
}

/// What a locked session becomes when its person resumes it.
#[derive(Clone, Debug)]
pub struct Unlocked {
    /// Hash of the new session cookie.
    pub secret: SecretHash,
    /// Until it locks, from the last activity on.
    pub idle_seconds: i64,
    /// When it locks.
    pub idle_at: Timestamp,
}

/// Resumes a locked session; `false`: it is not locked (any more), or over. When it was locked stays known.
///
/// # Errors
/// [`StoreError`].
pub async fn unlock(tx: &mut WriteTx<'_>, id: SessionId, to: &Unlocked) -> Result<bool, StoreError> {
    let sql = sql!(
        "UPDATE session SET secret_hash = $3, locked_at = CASE WHEN locked_at > idle_at THEN locked_at ELSE idle_at END, auth_at = $4,
            last_active_at = $4, idle_at = $5, idle_seconds = $6
          WHERE realm_id = $1 AND id = $2 AND ended_at IS NULL AND idle_at <= $4 AND absolute_at > $4"
    );
    let values = params![tx.realm(), id, to.secret.bytes(), tx.now(), to.idle_at, to.idle_seconds];
    Ok(tx.execute(sql, values).await? == 1)
}

/// What a session becomes when its person proves again who they are.
#[derive(Clone, Debug)]
pub struct Proved {
    /// Hash of the new session cookie: the old one is worth nothing from now on (SES-02).
    pub secret: SecretHash,
    /// How surely.
    pub acr: String,
    /// With what.
    pub amr: String,
    /// Until it locks, from the last activity on.
    pub idle_seconds: i64,
    /// When it locks.
    pub idle_at: Timestamp,
}

/// Marks a fresh authentication; `false`: the session is locked or over.
///
/// # Errors
/// [`StoreError`].
pub async fn proved(tx: &mut WriteTx<'_>, id: SessionId, to: &Proved) -> Result<bool, StoreError> {
    let sql = sql!(
        "UPDATE session SET secret_hash = $3, acr = $4, amr = $5, auth_at = $6, last_active_at = $6, idle_at = $7, idle_seconds = $8
          WHERE realm_id = $1 AND id = $2 AND ended_at IS NULL AND idle_at > $6 AND absolute_at > $6"
    );
    let values = params![tx.realm(), id, to.secret.bytes(), &to.acr, &to.amr, tx.now(), to.idle_at, to.idle_seconds];
    Ok(tx.execute(sql, values).await? == 1)
}

/// What a listing of sessions is narrowed to.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Of this person.
    pub user: Option<UserId>,
    /// From this address.
    pub address: Option<String>,
    /// Older than this one, in the listing.
    pub after: Option<SessionId>,
}

/// The sessions of people within reach that are not over, newest first.
///
/// # Errors
/// [`StoreError`].
pub async fn list(tx: &mut impl Read, filter: &Filter, limit: i64) -> Result<Vec<Session>, StoreError> {
    let statement = list_statement((tx.realm(), tx.now()), tx.allowed().reach(), filter, limit);
    tx.query(statement.sql, statement.params).await?.iter().map(from_row).collect()
}

/// The statement of [`list`], for the test that enumerates every combination.
#[must_use]
pub fn list_statement(
    (realm, now): (domain::realm::RealmKey, Timestamp),
    reach: &domain::access::Reach,
    filter: &Filter,
    limit: i64,
) -> Statement {
    let start = "SELECT s.id, s.user_id, s.acr, s.amr, s.auth_at, s.idle_at, s.absolute_at, s.idle_seconds, s.ended_at, s.created_at,
        s.last_active_at, s.renewed_at, s.device_label, s.address, s.user_agent, s.locked_at FROM session s
      CROSS JOIN \"user\" u CROSS JOIN unit n WHERE u.realm_id = s.realm_id AND u.id = s.user_id
        AND n.realm_id = u.realm_id AND n.id = u.unit_id AND s.realm_id = ";
    Composed::new(start)
        .bind(realm)
        .add(" AND s.ended_at IS NULL AND s.absolute_at > ")
        .bind(now)
        .and("s.user_id = ", filter.user)
        .and("s.address = ", filter.address.as_deref())
        .and("s.id < ", filter.after)
        .within("n.path", reach)
        .add(" ORDER BY s.id DESC LIMIT ")
        .bind(limit)
        .done()
}

/// What a session was proved with is gone: it counts as proved with this from now on.
///
/// # Errors
/// [`StoreError`].
pub async fn weaken(tx: &mut WriteTx<'_>, id: SessionId, acr: &str, amr: &str) -> Result<(), StoreError> {
    let sql = sql!("UPDATE session SET acr = $3, amr = $4 WHERE realm_id = $1 AND id = $2 AND ended_at IS NULL");
    tx.execute(sql, params![tx.realm(), id, acr, amr]).await.map(|_| ())
}
