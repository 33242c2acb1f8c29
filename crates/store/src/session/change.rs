//! What becomes of a session while it lives: somebody acts, locks it, resumes it, proves again who they are.

use domain::id::SessionId;
use domain::revocation::Fact;
use domain::secret::SecretHash;
use domain::time::{Timestamp, seconds};

use crate::db::{Read, Statement, WriteTx, params, sql};
use crate::error::StoreError;
use crate::revocation;

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

/// So long ago the idle deadline of a session is that was locked at once: a node whose clock is behind must not see it live for a moment.
const LOCKED_SINCE_SECONDS: u64 = 60;

/// Locks a session at once, `at` an instant read after the guards (see `refused_before`): its idle deadline has passed, on every node. When it was
/// done stands in `locked_at`; of a second lock within a second of the one before a second later, so that tokens from between the two are refused.
/// Returns that instant; `None`: it was locked or over already.
///
/// # Errors
/// [`StoreError`].
pub async fn lock(tx: &mut WriteTx<'_>, id: SessionId, at: Timestamp) -> Result<Option<Timestamp>, StoreError> {
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
    let Some(row) = locked.first() else { return Ok(None) };
    let locked_at = row.get(0)?;
    revocation::announce(tx, &[Fact::locked(id, locked_at)]).await?;
    Ok(Some(locked_at))
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

/// What a session was proved with is gone: it counts as proved with this from now on.
///
/// # Errors
/// [`StoreError`].
pub async fn weaken(tx: &mut WriteTx<'_>, id: SessionId, acr: &str, amr: &str) -> Result<(), StoreError> {
    let sql = sql!("UPDATE session SET acr = $3, amr = $4 WHERE realm_id = $1 AND id = $2 AND ended_at IS NULL");
    tx.execute(sql, params![tx.realm(), id, acr, amr]).await.map(|_| ())
}
