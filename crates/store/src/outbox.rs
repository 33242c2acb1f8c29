//! The outbox: messages written by the transaction that causes them, sent later. Payloads are sealed: links are secrets.

use domain::id::MessageId;
use domain::time::Timestamp;

use crate::db::{Read, WriteTx, params, sql};
use crate::error::StoreError;

/// A message as stored.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its row.
    pub id: MessageId,
    /// Sealed JSON.
    pub payload: Vec<u8>,
    /// How often it was tried.
    pub attempts: i64,
    /// When it was written.
    pub created_at: Timestamp,
}

/// Adds a message.
///
/// # Errors
/// [`StoreError`].
pub async fn add(tx: &mut WriteTx<'_>, id: MessageId, payload: Vec<u8>) -> Result<(), StoreError> {
    let values = params![tx.realm(), id, payload, tx.now()];
    let sql = sql!(
        "INSERT INTO outbox (realm_id, id, kind, payload, attempts, created_at, due_at) VALUES ($1, $2, 'mail', $3, 0, $4, $4)"
    );
    tx.execute(sql, values).await.map(|_| ())
}

fn from_row(row: &crate::db::Row) -> Result<Message, StoreError> {
    Ok(Message { id: row.get(0)?, payload: row.get(1)?, attempts: row.get(2)?, created_at: row.get(3)? })
}

/// Takes messages that are due; until `again_at` nobody else does.
///
/// # Errors
/// [`StoreError`].
pub async fn take(tx: &mut WriteTx<'_>, again_at: Timestamp, limit: i64) -> Result<Vec<Message>, StoreError> {
    let sql = sql!(
        "UPDATE outbox SET attempts = attempts + 1, due_at = $3 WHERE realm_id = $1 AND due_at <= $2 AND sent_at IS NULL AND id IN
            (SELECT id FROM outbox WHERE realm_id = $1 AND sent_at IS NULL AND due_at <= $2 ORDER BY due_at LIMIT $4)
          RETURNING id, payload, attempts, created_at"
    );
    let values = params![tx.realm(), tx.now(), again_at, limit];
    tx.returning(sql, values).await?.iter().map(from_row).collect()
}

/// A message was sent: its payload is forgotten.
///
/// # Errors
/// [`StoreError`].
pub async fn sent(tx: &mut WriteTx<'_>, id: MessageId) -> Result<(), StoreError> {
    let sql = sql!("UPDATE outbox SET sent_at = $3, payload = $4, failed = NULL WHERE realm_id = $1 AND id = $2");
    let values = params![tx.realm(), id, tx.now(), Vec::<u8>::new()];
    tx.execute(sql, values).await.map(|_| ())
}

/// A message could not be sent; it stays due.
///
/// # Errors
/// [`StoreError`].
pub async fn failed(tx: &mut WriteTx<'_>, id: MessageId, why: &str) -> Result<(), StoreError> {
    let values = params![tx.realm(), id, why];
    tx.execute(sql!("UPDATE outbox SET failed = $3 WHERE realm_id = $1 AND id = $2"), values).await.map(|_| ())
}

/// The newest messages that still have their text: demo's mail page.
///
/// # Errors
/// [`StoreError`].
pub async fn newest(tx: &mut impl Read, limit: i64) -> Result<Vec<Message>, StoreError> {
    let sql = sql!(
        "SELECT id, payload, attempts, created_at FROM outbox WHERE realm_id = $1 AND sent_at IS NULL ORDER BY id DESC LIMIT $2"
    );
    tx.query(sql, params![tx.realm(), limit]).await?.iter().map(from_row).collect()
}

/// A message is given up: it is kept no longer, and says why.
///
/// # Errors
/// [`StoreError`].
pub async fn given_up(tx: &mut WriteTx<'_>, id: MessageId, why: &str) -> Result<(), StoreError> {
    let sql = sql!("UPDATE outbox SET sent_at = $3, payload = $4, failed = $5 WHERE realm_id = $1 AND id = $2");
    let values = params![tx.realm(), id, tx.now(), Vec::<u8>::new(), why];
    tx.execute(sql, values).await.map(|_| ())
}
