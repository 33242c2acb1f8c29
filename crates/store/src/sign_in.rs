//! Sign-ins in progress: one row each, single use, expiring, held by whoever knows its id, or by the browser whose flow cookie it is.

use domain::id::{TransactionId, UserId};
use domain::secret::SecretHash;
use domain::sign_in::MOST_FAILURES;
use domain::time::Timestamp;

use crate::db::{Read, Row, WriteTx, params, sql};
use crate::error::StoreError;

/// Who holds a transaction. What one of the two knows is of no use as the other.
#[derive(Clone, Debug)]
pub enum Holder {
    /// Whoever knows its id, over JSON.
    Id(SecretHash),
    /// The browser with this flow cookie.
    Flow(SecretHash),
}

/// A transaction that can go on.
#[derive(Clone, Debug)]
pub struct Transaction {
    /// Its row.
    pub id: TransactionId,
    /// Who is signing in.
    pub user: UserId,
    /// The step that is owed.
    pub step: String,
    /// JSON: what earlier steps established.
    pub state: String,
    /// Of the access token that it leads to.
    pub audience: String,
    /// What the device is called.
    pub device_label: Option<String>,
    /// Wrong codes so far.
    pub failures: i64,
    /// Until when.
    pub expires_at: Timestamp,
}

fn from_row(row: &Row) -> Result<Transaction, StoreError> {
    Ok(Transaction {
        id: row.get(0)?,
        user: row.get(1)?,
        step: row.get(2)?,
        state: row.get(3)?,
        audience: row.get(4)?,
        device_label: row.get(5)?,
        failures: row.get(6)?,
        expires_at: row.get(7)?,
    })
}

/// A transaction that begins.
#[derive(Clone, Debug)]
pub struct NewTransaction {
    /// Its row.
    pub id: TransactionId,
    /// Who holds it.
    pub holder: Holder,
    /// The handle of `continue_url`, if one is given out.
    pub handle: Option<SecretHash>,
    /// Who is signing in.
    pub user: UserId,
    /// The step that is owed.
    pub step: &'static str,
    /// JSON: what earlier steps established.
    pub state: String,
    /// Of the access token that it leads to.
    pub audience: String,
    /// What the device is called.
    pub device_label: Option<String>,
    /// Until when.
    pub expires_at: Timestamp,
}

/// Begins a transaction. `nobody` is the hash of a secret that is thrown away: the id of what a browser holds.
///
/// # Errors
/// [`StoreError`].
pub async fn create(tx: &mut WriteTx<'_>, new: &NewTransaction, nobody: &SecretHash) -> Result<(), StoreError> {
    let (id, flow) = match &new.holder {
        Holder::Id(hash) => (hash, None),
        Holder::Flow(hash) => (nobody, Some(&hash.bytes()[..])),
    };
    let sql = sql!(
        "INSERT INTO sign_in_transaction (realm_id, id, secret_hash, flow_hash, continue_hash, user_id, step, state, audience,
            device_label, failures, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, $11, $12)"
    );
    let values = params![
        tx.realm(),
        new.id,
        id.bytes(),
        flow,
        new.handle.as_ref().map(|hash| &hash.bytes()[..]),
        new.user,
        new.step,
        &new.state,
        &new.audience,
        new.device_label.clone(),
        tx.now(),
        new.expires_at,
    ];
    tx.execute(sql, values).await.map(|_| ())
}

/// The transaction that somebody holds, if it can still go on.
///
/// # Errors
/// [`StoreError`].
pub async fn find(tx: &mut impl Read, holder: &Holder) -> Result<Option<Transaction>, StoreError> {
    let by_id = sql!(
        "SELECT id, user_id, step, state, audience, device_label, failures, expires_at FROM sign_in_transaction
          WHERE realm_id = $1 AND secret_hash = $2 AND flow_hash IS NULL AND used_at IS NULL AND expires_at > $3"
    );
    let by_flow = sql!(
        "SELECT id, user_id, step, state, audience, device_label, failures, expires_at FROM sign_in_transaction
          WHERE realm_id = $1 AND flow_hash = $2 AND used_at IS NULL AND expires_at > $3"
    );
    let (sql, hash) = match holder {
        Holder::Id(hash) => (by_id, hash),
        Holder::Flow(hash) => (by_flow, hash),
    };
    tx.one(sql, params![tx.realm(), hash.bytes(), tx.now()]).await?.as_ref().map(from_row).transpose()
}

/// Whose transaction a handle opens.
///
/// # Errors
/// [`StoreError`].
pub async fn of_handle(tx: &mut impl Read, handle: &SecretHash) -> Result<Option<UserId>, StoreError> {
    let sql = sql!(
        "SELECT user_id FROM sign_in_transaction
          WHERE realm_id = $1 AND continue_hash = $2 AND flow_hash IS NULL AND used_at IS NULL AND expires_at > $3"
    );
    tx.one(sql, params![tx.realm(), handle.bytes(), tx.now()]).await?.map(|row| row.get(0)).transpose()
}

/// A browser takes a transaction over: the handle is used, the id that was given out over JSON is worth nothing from now on.
///
/// # Errors
/// [`StoreError`].
pub async fn take_over(
    tx: &mut WriteTx<'_>,
    handle: &SecretHash,
    flow: &SecretHash,
    nobody: &SecretHash,
) -> Result<Option<String>, StoreError> {
    let sql = sql!(
        "UPDATE sign_in_transaction SET flow_hash = $3, continue_hash = NULL, secret_hash = $4
          WHERE realm_id = $1 AND continue_hash = $2 AND flow_hash IS NULL AND used_at IS NULL AND expires_at > $5 RETURNING step"
    );
    let values = params![tx.realm(), handle.bytes(), flow.bytes(), nobody.bytes(), tx.now()];
    tx.returning(sql, values).await?.first().map(|row| row.get(0)).transpose()
}

/// Where a transaction goes on to.
#[derive(Clone, Debug)]
pub struct Advance {
    /// The step that was done.
    pub from: String,
    /// The step that is owed now.
    pub to: &'static str,
    /// JSON: what is established now.
    pub state: String,
    /// A new handle, if one is given out.
    pub handle: Option<SecretHash>,
    /// The new flow cookie of what a browser holds (SES-02).
    pub flow: Option<SecretHash>,
    /// Until when.
    pub expires_at: Timestamp,
}

/// From one step to the next; `false`: it is not at that step any more.
///
/// # Errors
/// [`StoreError`].
pub async fn advance(tx: &mut WriteTx<'_>, id: TransactionId, to: &Advance) -> Result<bool, StoreError> {
    let sql = sql!(
        "UPDATE sign_in_transaction SET step = $4, state = $5, continue_hash = $6, expires_at = $7, failures = 0,
            flow_hash = COALESCE($9, flow_hash)
          WHERE realm_id = $1 AND id = $2 AND step = $3 AND used_at IS NULL AND expires_at > $8"
    );
    let handle = to.handle.as_ref().map(|hash| &hash.bytes()[..]);
    let flow = to.flow.as_ref().map(|hash| &hash.bytes()[..]);
    let values = params![tx.realm(), id, &to.from, to.to, &to.state, handle, to.expires_at, tx.now(), flow];
    Ok(tx.execute(sql, values).await? == 1)
}

/// Writes down what belongs to the step that is being done.
///
/// # Errors
/// [`StoreError`].
pub async fn note(tx: &mut WriteTx<'_>, id: TransactionId, state: &str) -> Result<bool, StoreError> {
    let sql = sql!(
        "UPDATE sign_in_transaction SET state = $3 WHERE realm_id = $1 AND id = $2 AND used_at IS NULL AND expires_at > $4"
    );
    let values = params![tx.realm(), id, state, tx.now()];
    Ok(tx.execute(sql, values).await? == 1)
}

/// The last step was done; `false`: it was used already.
///
/// # Errors
/// [`StoreError`].
pub async fn consume(tx: &mut WriteTx<'_>, id: TransactionId, from: &str) -> Result<bool, StoreError> {
    let sql = sql!(
        "UPDATE sign_in_transaction SET used_at = $4
          WHERE realm_id = $1 AND id = $2 AND step = $3 AND used_at IS NULL AND expires_at > $4"
    );
    let values = params![tx.realm(), id, from, tx.now()];
    Ok(tx.execute(sql, values).await? == 1)
}

/// A wrong code; the last one of [`MOST_FAILURES`] kills the transaction.
///
/// # Errors
/// [`StoreError`].
pub async fn failed(tx: &mut WriteTx<'_>, id: TransactionId) -> Result<(), StoreError> {
    let sql = sql!(
        "UPDATE sign_in_transaction SET failures = failures + 1, used_at = CASE WHEN failures + 1 >= $3 THEN $4 ELSE used_at END
          WHERE realm_id = $1 AND id = $2 AND used_at IS NULL"
    );
    let values = params![tx.realm(), id, MOST_FAILURES, tx.now()];
    tx.execute(sql, values).await.map(|_| ())
}

/// Ends all transactions of a person: their account was closed.
///
/// # Errors
/// [`StoreError`].
pub async fn end_all(tx: &mut WriteTx<'_>, user: UserId) -> Result<(), StoreError> {
    let sql =
        sql!("UPDATE sign_in_transaction SET used_at = $3 WHERE realm_id = $1 AND user_id = $2 AND used_at IS NULL");
    let values = params![tx.realm(), user, tx.now()];
    tx.execute(sql, values).await.map(|_| ())
}

/// Removes transactions that expired; at most `limit`.
///
/// # Errors
/// [`StoreError`].
pub async fn expire(tx: &mut WriteTx<'_>, limit: i64) -> Result<u64, StoreError> {
    let sql = sql!(
        "DELETE FROM sign_in_transaction WHERE realm_id = $1 AND id IN
            (SELECT id FROM sign_in_transaction WHERE realm_id = $1 AND expires_at <= $2 ORDER BY expires_at LIMIT $3)"
    );
    let values = params![tx.realm(), tx.now(), limit];
    tx.execute(sql, values).await
}
