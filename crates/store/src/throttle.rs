//! Counters of failures. Each rises in one statement, so that parallel tries cannot exceed a limit (LOCK-04).

use domain::throttle::{Kind, Throttled, wait_after};
use domain::time::{Timestamp, days, minutes};

use crate::db::{Read, WriteTx, params, sql};
use crate::error::StoreError;

/// A counter that refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// When the next try is looked at.
    pub throttled: Throttled,
    /// Refusals to report now: at most one event per key and minute (AUD-01).
    pub report: Option<i64>,
}

/// Counts a try before what proves it is looked at; inside a wait it is refused and not counted.
///
/// # Errors
/// [`StoreError`].
pub async fn count_try(tx: &mut WriteTx<'_>, kind: Kind, key: &[u8; 32]) -> Result<Result<i64, Refused>, StoreError> {
    let (realm, now) = (tx.realm(), tx.now());
    // Failures in a row are forgotten after a day without any.
    let sql = sql!(
        "INSERT INTO throttle (realm_id, kind, key, count, since, blocked_until, refused, reported_at, expires_at)
         VALUES ($1, $2, $3, 1, $4, 0, 0, 0, $5)
         ON CONFLICT (realm_id, kind, key) DO UPDATE SET count = throttle.count + 1, expires_at = $5
          WHERE throttle.blocked_until <= $4 RETURNING count"
    );
    let values = params![realm, kind.as_str(), &key[..], now, now.plus(days(1))];
    let Some(row) = tx.returning(sql, values).await?.into_iter().next() else {
        return Ok(Err(refuse(tx, kind, key).await?));
    };
    let count: i64 = row.get(0)?;
    let wait = wait_after(count);
    if !wait.is_zero() {
        let block = sql!("UPDATE throttle SET blocked_until = $4 WHERE realm_id = $1 AND kind = $2 AND key = $3");
        tx.execute(block, params![realm, kind.as_str(), &key[..], now.plus(wait)]).await?;
    }
    Ok(Ok(count))
}

/// Refuses if too many of a window were counted.
///
/// # Errors
/// [`StoreError`].
pub async fn check_window(tx: &mut WriteTx<'_>, kind: Kind, key: &[u8; 32]) -> Result<Result<(), Refused>, StoreError> {
    let Some((most, _)) = kind.window() else { return Ok(Ok(())) };
    let sql = sql!("SELECT count FROM throttle WHERE realm_id = $1 AND kind = $2 AND key = $3 AND expires_at > $4");
    let row = tx.one(sql, params![tx.realm(), kind.as_str(), &key[..], tx.now()]).await?;
    match row.map(|row| row.get::<i64>(0)).transpose()? {
        Some(count) if count >= most => Ok(Err(refuse(tx, kind, key).await?)),
        _ => Ok(Ok(())),
    }
}

/// Counts what may happen so often in a window.
///
/// # Errors
/// [`StoreError`].
pub async fn count(tx: &mut WriteTx<'_>, kind: Kind, key: &[u8; 32]) -> Result<(), StoreError> {
    let Some((_, length)) = kind.window() else { return Ok(()) };
    let now = tx.now();
    let ends = now.plus(length);
    let sql = sql!(
        "INSERT INTO throttle (realm_id, kind, key, count, since, blocked_until, refused, reported_at, expires_at)
         VALUES ($1, $2, $3, 1, $4, $5, 0, 0, $5)
         ON CONFLICT (realm_id, kind, key) DO UPDATE SET
            count = CASE WHEN throttle.expires_at > $4 THEN throttle.count + 1 ELSE 1 END,
            since = CASE WHEN throttle.expires_at > $4 THEN throttle.since ELSE $4 END,
            blocked_until = CASE WHEN throttle.expires_at > $4 THEN throttle.blocked_until ELSE $5 END,
            expires_at = CASE WHEN throttle.expires_at > $4 THEN throttle.expires_at ELSE $5 END"
    );
    tx.execute(sql, params![tx.realm(), kind.as_str(), &key[..], now, ends]).await.map(|_| ())
}

/// Forgets the failures of an identifier or a factor: its owner proved who they are.
///
/// # Errors
/// [`StoreError`].
pub async fn clear(tx: &mut WriteTx<'_>, kind: Kind, key: &[u8; 32]) -> Result<bool, StoreError> {
    let values = params![tx.realm(), kind.as_str(), &key[..]];
    Ok(tx.execute(sql!("DELETE FROM throttle WHERE realm_id = $1 AND kind = $2 AND key = $3"), values).await? == 1)
}

/// Counts a refusal; once a minute it is to be reported.
async fn refuse(tx: &mut WriteTx<'_>, kind: Kind, key: &[u8; 32]) -> Result<Refused, StoreError> {
    let (realm, now) = (tx.realm(), tx.now());
    let count = sql!(
        "UPDATE throttle SET refused = refused + 1 WHERE realm_id = $1 AND kind = $2 AND key = $3 RETURNING refused, blocked_until"
    );
    let rows = tx.returning(count, params![realm, kind.as_str(), &key[..]]).await?;
    let Some(row) = rows.first() else { return Ok(Refused { throttled: Throttled { until: now }, report: None }) };
    let (refused, until): (i64, Timestamp) = (row.get(0)?, row.get(1)?);
    let report = sql!(
        "UPDATE throttle SET refused = 0, reported_at = $4 WHERE realm_id = $1 AND kind = $2 AND key = $3 AND reported_at <= $5"
    );
    let due = tx.execute(report, params![realm, kind.as_str(), &key[..], now, now.minus(minutes(1))]).await? == 1;
    Ok(Refused { throttled: Throttled { until }, report: due.then_some(refused) })
}

/// Removes counters that expired; at most `limit`.
///
/// # Errors
/// [`StoreError`].
pub async fn expire(tx: &mut WriteTx<'_>, limit: i64) -> Result<u64, StoreError> {
    let sql = sql!(
        "DELETE FROM throttle WHERE realm_id = $1 AND (kind, key) IN
            (SELECT kind, key FROM throttle WHERE realm_id = $1 AND expires_at <= $2 AND blocked_until <= $2 LIMIT $3)"
    );
    let values = params![tx.realm(), tx.now(), limit];
    tx.execute(sql, values).await
}

/// Counts something that was refused anyway; once a minute and key the count is to be reported.
///
/// # Errors
/// [`StoreError`].
pub async fn count_refusal(tx: &mut WriteTx<'_>, kind: Kind, key: &[u8; 32]) -> Result<Option<i64>, StoreError> {
    let now = tx.now();
    let sql = sql!(
        "INSERT INTO throttle (realm_id, kind, key, count, since, blocked_until, refused, reported_at, expires_at)
         VALUES ($1, $2, $3, 0, $4, 0, 0, 0, $5) ON CONFLICT (realm_id, kind, key) DO UPDATE SET expires_at = $5"
    );
    tx.execute(sql, params![tx.realm(), kind.as_str(), &key[..], now, now.plus(minutes(10))]).await?;
    Ok(refuse(tx, kind, key).await?.report)
}
