//! The sequencer of the audit log: of all nodes one is elected by an advisory lock; it gives each event its index.
//!
//! The order is causal. Each event draws its `position` inside its transaction, after that transaction got its number; so what began after
//! another was acknowledged has the higher position, and a batch is ordered by it. A transaction may still be on its way when higher
//! positions are visible: events are therefore looked for above a low-water mark, below which nothing can appear any more.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::Object;
use domain::event::leaf_hash;
use futures_util::future::{join, join_all};
use uuid::Uuid;

use super::{Database, failed};
use crate::error::StoreError;

/// Key of the advisory lock that the leader holds.
const LEADER_LOCK: i64 = 0x6261_696c_0002;
/// Most events of one batch.
const BATCH: i64 = 2000;
/// An event waits at most so long for its index.
pub const TICK: Duration = Duration::from_millis(50);

/// Runs on every node; leads on one.
pub struct Sequencer {
    database: Arc<Database>,
    lead: Option<Leader>,
}

struct Leader {
    client: Option<Object>,
    low: i64,
    /// A position that was drawn, and a transaction's number that is above all of those that drew it or a lower one.
    marks: VecDeque<(i64, i64)>,
}

/// What a turn did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Another node leads.
    Follows,
    /// So many events got their index.
    Leads(usize),
}

impl Sequencer {
    pub(crate) const fn new(database: Arc<Database>) -> Self {
        Self { database, lead: None }
    }

    /// Tries to lead, and gives indexes to what has none.
    ///
    /// # Errors
    /// [`StoreError`]; the next turn begins anew, on another connection.
    pub async fn turn(&mut self) -> Result<Turn, StoreError> {
        if self.lead.is_none() {
            self.lead = elect(&self.database).await?;
        }
        let Some(leader) = &mut self.lead else { return Ok(Turn::Follows) };
        match leader.sequence().await {
            Ok(count) => Ok(Turn::Leads(count)),
            Err(error) => {
                self.lead = None; // the connection may hold the lock no more
                Err(error)
            }
        }
    }

    /// Stops leading, so that another node need not wait for this connection to be missed.
    pub fn resign(&mut self) {
        self.lead = None;
    }
}

async fn elect(database: &Database) -> Result<Option<Leader>, StoreError> {
    // Before the lock is asked for: should this be cancelled, the connection is closed, and the lock does not go back to the pool with it.
    let mut leader = Leader { client: Some(database.client().await?), low: 0, marks: VecDeque::new() };
    let client = leader.client()?;
    let row = client.query_one("SELECT pg_try_advisory_lock($1)", &[&LEADER_LOCK]).await.map_err(|e| failed(&e))?;
    if !row.get::<_, bool>(0) {
        drop(leader.client.take());
        return Ok(None);
    }
    let sql = "SELECT value FROM counter WHERE realm_id = 1 AND name = 'audit_low_water'";
    let low = client.query_opt(sql, &[]).await.map_err(|e| failed(&e))?.map_or(0, |row| row.get(0));
    leader.low = low;
    Ok(Some(leader))
}

impl Drop for Leader {
    /// The connection may hold the lock: it must not go back to the pool with it.
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            drop(Object::take(client));
        }
    }
}

impl Leader {
    fn client(&mut self) -> Result<&mut Object, StoreError> {
        self.client.as_mut().ok_or_else(|| StoreError::rule("a leader without a connection"))
    }

    async fn sequence(&mut self) -> Result<usize, StoreError> {
        // Before the events are looked for: what had ended then is seen.
        let (drawn, oldest_running) = self.look().await?;
        if drawn > self.low && self.marks.back().is_none_or(|(position, _)| *position < drawn) {
            let bound = self.number().await?;
            self.marks.push_back((drawn, bound));
        }
        let count = self.batch().await?;
        if count < usize::try_from(BATCH).unwrap_or(usize::MAX) {
            self.advance(oldest_running).await?;
        }
        Ok(count)
    }

    /// The last position that was drawn, and the number below which every transaction has ended.
    async fn look(&mut self) -> Result<(i64, i64), StoreError> {
        let client = self.client()?;
        let drawn = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM audit_position";
        let running = "SELECT CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS TEXT) AS BIGINT)";
        let drawn = client.prepare_cached(drawn).await.map_err(|e| failed(&e))?;
        let running = client.prepare_cached(running).await.map_err(|e| failed(&e))?;
        let (drawn, running) = join(client.query_one(&drawn, &[]), client.query_one(&running, &[])).await;
        Ok((drawn.map_err(|e| failed(&e))?.get(0), running.map_err(|e| failed(&e))?.get(0)))
    }

    /// A transaction's number, taken for nothing else: whoever drew a position before had a lower one. (A snapshot's `xmax` would not do: it is
    /// one more than the last transaction that *ended*, and others above it may be running.)
    async fn number(&mut self) -> Result<i64, StoreError> {
        let client = self.client()?;
        let number = client
            .prepare_cached("SELECT CAST(CAST(pg_current_xact_id() AS TEXT) AS BIGINT)")
            .await
            .map_err(|e| failed(&e))?;
        Ok(client.query_one(&number, &[]).await.map_err(|e| failed(&e))?.get(0))
    }

    async fn batch(&mut self) -> Result<usize, StoreError> {
        let low = self.low;
        let tx = self.client()?.transaction().await.map_err(|e| failed(&e))?;
        let found = tx
            .prepare_cached(
                "SELECT e.realm_id, e.id, e.canonical FROM audit_event e WHERE e.position > $1
                    AND NOT EXISTS (SELECT 1 FROM audit_leaf l WHERE l.realm_id = e.realm_id AND l.event_id = e.id)
                  ORDER BY e.position LIMIT $2",
            )
            .await
            .map_err(|e| failed(&e))?;
        let events = tx.query(&found, &[&low, &BATCH]).await.map_err(|e| failed(&e))?;
        if events.is_empty() {
            return Ok(0);
        }
        let mut next: HashMap<i64, i64> = HashMap::new();
        let mut leaves = Vec::with_capacity(events.len());
        for event in &events {
            let (realm, id, canonical): (i64, Uuid, &[u8]) = (event.get(0), event.get(1), event.get(2));
            let index = match next.get(&realm) {
                Some(index) => *index,
                None => {
                    let sql = "SELECT COALESCE(MAX(\"index\") + 1, 0) FROM audit_leaf WHERE realm_id = $1";
                    tx.query_one(sql, &[&realm]).await.map_err(|e| failed(&e))?.get(0)
                }
            };
            next.insert(realm, index + 1);
            leaves.push((realm, index, id, leaf_hash(canonical).to_vec()));
        }
        let insert = tx.prepare_cached(
            "INSERT INTO audit_leaf (realm_id, \"index\", event_id, leaf_hash) VALUES ($1, $2, $3, $4)",
        );
        let insert = insert.await.map_err(|e| failed(&e))?;
        let params: Vec<[&(dyn tokio_postgres::types::ToSql + Sync); 4]> =
            leaves.iter().map(|(realm, index, id, hash)| [realm as _, index as _, id as _, hash as _]).collect();
        for done in join_all(params.iter().map(|row| tx.execute(&insert, row))).await {
            done.map_err(|e| failed(&e))?;
        }
        tx.commit().await.map_err(|e| failed(&e))?;
        Ok(leaves.len())
    }

    /// Raises the low-water mark to the newest position all of whose elders have ended.
    async fn advance(&mut self, oldest_running: i64) -> Result<(), StoreError> {
        let mut low = self.low;
        while let Some((position, _)) = self.marks.front().copied().filter(|(_, bound)| *bound <= oldest_running) {
            low = low.max(position);
            self.marks.pop_front();
        }
        if low > self.low {
            let sql = "INSERT INTO counter (realm_id, name, value) VALUES (1, 'audit_low_water', $1)
                    ON CONFLICT (realm_id, name) DO UPDATE SET value = $1";
            self.client()?.execute(sql, &[&low]).await.map_err(|e| failed(&e))?;
            self.low = low;
        }
        Ok(())
    }
}
