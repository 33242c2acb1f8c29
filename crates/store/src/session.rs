//! Sessions. The hot row of a refresh is the family (`store::refresh`); this one is what people see and end.

use domain::id::{DeviceId, SessionId, UserId};
use domain::revocation::Fact;
use domain::secret::SecretHash;
use domain::session::{Deadlines, EndReason};
use domain::time::Timestamp;

use crate::db::{Read, Row, Statement, WriteTx, params, sql};
use crate::error::StoreError;
use crate::revocation;

mod change;
mod page;

pub use change::{Proved, Unlocked, acted, lock, proved, renewed, unlock, weaken};
pub use page::{Filter, OnDevice, list, list_statement, on_device};

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
          WHERE realm_id = $1 AND user_id = $2 AND ended_at IS NULL AND absolute_at > $3 AND session_id IS NOT NULL AND session_id <> $5"
    );
    tx.execute(family, values).await?;
    let ended = ended.iter().map(|row| row.get(0)).collect::<Result<Vec<SessionId>, _>>()?;
    revocation::announce(tx, &ended.iter().copied().map(Fact::ended).collect::<Vec<_>>()).await?;
    Ok(ended)
}

/// Whether another session of this person than one ended so since then.
///
/// # Errors
/// [`StoreError`].
pub async fn another_ended(
    tx: &mut impl Read,
    user: UserId,
    but: SessionId,
    (reason, since): (EndReason, Timestamp),
) -> Result<bool, StoreError> {
    let sql = sql!(
        "SELECT 1 FROM session WHERE realm_id = $1 AND user_id = $2 AND ended_reason = $3 AND ended_at > $4 AND id <> $5 LIMIT 1"
    );
    Ok(tx.one(sql, params![tx.realm(), user, reason.as_str(), since, but]).await?.is_some())
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
