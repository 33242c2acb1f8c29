//! Refresh families: one row of a fixed size, moved by one guarded statement.

use domain::id::{FamilyId, SessionId, UserId};
use domain::refresh::Family;
use domain::session::{Deadlines, GRACE_SECONDS};
use domain::time::{Timestamp, seconds};

use crate::db::{Read, Statement, WriteTx, params, sql};
use crate::error::StoreError;

/// A family with what a refresh needs to know of its session and person.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The row that the rule judges.
    pub family: Family,
    /// Its sealed HMAC key.
    pub sealed_key: Vec<u8>,
    /// Its session; `None` for `offline_access`.
    pub session: Option<SessionId>,
    /// Whose.
    pub user: UserId,
    /// Of which client.
    pub client_id: String,
    /// The audience of its access tokens.
    pub audience: String,
    /// The instant of the person's rights, from before anything else was read.
    pub access_not_before: Timestamp,
}

/// A family by id.
///
/// # Errors
/// [`StoreError`].
pub async fn find(tx: &mut impl Read, id: FamilyId) -> Result<Option<Stored>, StoreError> {
    let sql = sql!(
        "SELECT f.generation, f.rotated_at, f.idle_at, f.absolute_at, f.ended_at, f.family_key, f.session_id, f.user_id, f.client_id,
            f.audience, u.status, f.previous_at, p.access_not_before FROM refresh_family f
          JOIN \"user\" u ON u.realm_id = f.realm_id AND u.id = f.user_id JOIN principal p ON p.realm_id = f.realm_id AND p.id = f.user_id
          WHERE f.realm_id = $1 AND f.id = $2"
    );
    let Some(row) = tx.one(sql, params![tx.realm(), id]).await? else { return Ok(None) };
    let ended: Option<Timestamp> = row.get(4)?;
    let status: String = row.get(10)?;
    Ok(Some(Stored {
        family: Family {
            generation: row.get(0)?,
            rotated_at: row.get(1)?,
            previous_at: row.get(11)?,
            deadlines: Deadlines { idle_at: row.get(2)?, absolute_at: row.get(3)? },
            ended: ended.is_some() || status != "active",
        },
        sealed_key: row.get(5)?,
        session: row.get(6)?,
        user: row.get(7)?,
        client_id: row.get(8)?,
        audience: row.get(9)?,
        access_not_before: row.get(12)?,
    }))
}

/// A family that begins with its session.
#[derive(Clone, Debug)]
pub struct NewFamily {
    /// Its id.
    pub id: FamilyId,
    /// Its session.
    pub session: SessionId,
    /// Whose.
    pub user: UserId,
    /// Of which client.
    pub client_id: String,
    /// The audience of its access tokens.
    pub audience: String,
    /// The sealed HMAC key.
    pub sealed_key: Vec<u8>,
    /// The session's deadlines.
    pub deadlines: Deadlines,
}

/// The statement that begins a family.
#[must_use]
pub fn create_statement(tx: &impl Read, new: &NewFamily) -> Statement {
    let sql = sql!(
        "INSERT INTO refresh_family (realm_id, id, session_id, client_id, user_id, audience, scope, family_key, generation, rotated_at,
            idle_at, absolute_at, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, '', $7, 0, $8, $9, $10, $8)"
    );
    let params = params![
        tx.realm(),
        new.id,
        new.session,
        &new.client_id,
        new.user,
        &new.audience,
        new.sealed_key.clone(),
        tx.now(),
        new.deadlines.idle_at,
        new.deadlines.absolute_at,
    ];
    Statement { sql, params }
}

/// Moves the family one generation on, once however many requests race; the `WHERE` is the security rule.
///
/// # Errors
/// [`StoreError`].
pub async fn advance(tx: &mut WriteTx<'_>, id: FamilyId, from: i64) -> Result<bool, StoreError> {
    let sql = sql!(
        "UPDATE refresh_family SET generation = generation + 1, rotated_at = $1, previous_at = rotated_at
          WHERE realm_id = $2 AND id = $3 AND generation = $4 AND rotated_at <= $5 AND idle_at > $1 AND absolute_at > $1 AND ended_at IS NULL"
    );
    let now = tx.now();
    let values = params![now, tx.realm(), id, from, now.minus(seconds(GRACE_SECONDS))];
    Ok(tx.execute(sql, values).await? == 1)
}

/// A family after a fresh authentication.
#[derive(Clone, Debug)]
pub struct Advanced {
    /// Which.
    pub id: FamilyId,
    /// Its new generation.
    pub generation: i64,
    /// Its sealed HMAC key.
    pub sealed_key: Vec<u8>,
    /// The audience of its access tokens.
    pub audience: String,
}

/// The family of a session and client as it stands, if it is not over, and how the rule sees it.
///
/// # Errors
/// [`StoreError`].
pub async fn current(
    tx: &mut impl Read,
    session: SessionId,
    client_id: &str,
) -> Result<Option<(Advanced, Family)>, StoreError> {
    let sql = sql!(
        "SELECT id, generation, family_key, audience, rotated_at, previous_at, idle_at, absolute_at FROM refresh_family
          WHERE realm_id = $1 AND session_id = $2 AND client_id = $3 AND ended_at IS NULL AND absolute_at > $4"
    );
    let Some(row) = tx.one(sql, params![tx.realm(), session, client_id, tx.now()]).await? else { return Ok(None) };
    let found = Advanced { id: row.get(0)?, generation: row.get(1)?, sealed_key: row.get(2)?, audience: row.get(3)? };
    let (rotated_at, previous_at) = (row.get(4)?, row.get(5)?);
    let deadlines = Deadlines { idle_at: row.get(6)?, absolute_at: row.get(7)? };
    let family = Family { generation: found.generation, rotated_at, previous_at, deadlines, ended: false };
    Ok(Some((found, family)))
}

/// Moves the family of a session and client one generation on whatever its age: step-up and a new password always do (api.md, "Refresh").
///
/// # Errors
/// [`StoreError`].
pub async fn renew(
    tx: &mut WriteTx<'_>,
    session: SessionId,
    client_id: &str,
    idle_at: Timestamp,
) -> Result<Option<Advanced>, StoreError> {
    let sql = sql!(
        "UPDATE refresh_family SET generation = generation + 1, rotated_at = $4, previous_at = rotated_at, idle_at = $5
          WHERE realm_id = $1 AND session_id = $2 AND client_id = $3 AND ended_at IS NULL AND absolute_at > $4
          RETURNING id, generation, family_key, audience"
    );
    let values = params![tx.realm(), session, client_id, tx.now(), idle_at];
    let rows = tx.returning(sql, values).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(Advanced { id: row.get(0)?, generation: row.get(1)?, sealed_key: row.get(2)?, audience: row.get(3)? }))
}

/// Ends one family; its session is ended by `store::session::end`.
///
/// # Errors
/// [`StoreError`].
pub async fn end(tx: &mut WriteTx<'_>, id: FamilyId, reason: &str) -> Result<bool, StoreError> {
    let sql = sql!(
        "UPDATE refresh_family SET ended_at = $3, ended_reason = $4 WHERE realm_id = $1 AND id = $2 AND ended_at IS NULL"
    );
    let values = params![tx.realm(), id, tx.now(), reason];
    Ok(tx.execute(sql, values).await? == 1)
}
