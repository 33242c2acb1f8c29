//! Transactions as product logic sees them: one that reads, one that writes.

use std::sync::Arc;

use domain::allowed::Allowed;
use domain::entropy::Entropy;
use domain::event::Record;
use domain::id::EventId;
use domain::realm::RealmKey;
use domain::time::Timestamp;
use futures_util::future::BoxFuture;

use super::sql::{Sql, Statement};
use super::value::{Row, Value};
use super::{feed, postgres, sqlite};
use crate::error::StoreError;
use crate::outcome::{Done, Outcome};

/// Reading: what both kinds of transaction can do. Functions that read take `&mut impl Read`, so that they cannot write.
pub trait Read: Send {
    /// Runs a reading statement.
    fn query(&mut self, sql: Sql, params: Vec<Value>) -> BoxFuture<'_, Result<Vec<Row>, StoreError>>;

    /// Who may do this, and how far.
    fn allowed(&self) -> &Allowed;

    /// The instant of the request.
    fn now(&self) -> Timestamp;

    /// Whether nothing that is read here can be undone: what a transaction that writes has read may never have been.
    fn is_settled(&self) -> bool;

    /// The realm: first value of every statement.
    fn realm(&self) -> RealmKey {
        self.allowed().realm()
    }

    /// At most one row.
    fn one(&mut self, sql: Sql, params: Vec<Value>) -> BoxFuture<'_, Result<Option<Row>, StoreError>> {
        let rows = self.query(sql, params);
        Box::pin(async move { Ok(rows.await?.into_iter().next()) })
    }
}

/// The driver below a transaction.
pub(crate) enum Connection<'c> {
    Sqlite(sqlite::Tx<'c>),
    Postgres(postgres::Tx<'c>),
}

impl Connection<'_> {
    fn query(&mut self, sql: Sql, params: Vec<Value>) -> BoxFuture<'_, Result<Vec<Row>, StoreError>> {
        match self {
            Self::Sqlite(tx) => {
                let rows = tx.query(&sql, &params);
                Box::pin(std::future::ready(rows))
            }
            Self::Postgres(tx) => Box::pin(tx.query(sql, params)),
        }
    }
}

/// A transaction that reads one snapshot.
pub struct ReadTx<'c> {
    pub(crate) connection: Connection<'c>,
    pub(crate) allowed: Allowed,
    pub(crate) now: Timestamp,
}

impl Read for ReadTx<'_> {
    fn query(&mut self, sql: Sql, params: Vec<Value>) -> BoxFuture<'_, Result<Vec<Row>, StoreError>> {
        self.connection.query(sql, params) // the database itself refuses to write here
    }
    fn allowed(&self) -> &Allowed {
        &self.allowed
    }
    fn now(&self) -> Timestamp {
        self.now
    }
    fn is_settled(&self) -> bool {
        true
    }
}

impl ReadTx<'_> {
    /// The position in the feed below which nothing can appear any more: everything there is in this snapshot.
    pub(crate) async fn feed_low_water(&mut self) -> Result<i64, StoreError> {
        let Statement { sql, params } =
            feed::low_water(matches!(self.connection, Connection::Postgres(_)), self.allowed.realm());
        let rows = self.query(sql, params).await?;
        rows.first().map_or_else(|| Err(StoreError::rule("no low-water mark")), |row| row.get(0))
    }
}

/// What is changed by one at a time, because the rule concerns several rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// What grants refer to: roles, their permissions and inheritance, APIs, units. Whoever gives a role takes it too, so that none of them is
    /// ended meanwhile.
    RoleGraph,
    /// Who is an administrator: the last one stays.
    Administrators,
    /// Signing keys of the realm.
    Keys,
    /// Set-up of the first administrator, making realms.
    Setup,
    /// One principal's sessions, factors, grants.
    Principal(domain::id::PrincipalId),
    /// Who works at a device: one person at a time. Taken after the person's own.
    Device(domain::id::DeviceId),
}

/// A transaction that writes.
pub struct WriteTx<'c> {
    connection: Connection<'c>,
    allowed: Allowed,
    now: Timestamp,
    entropy: Arc<dyn Entropy>,
    written: u64,
    poisoned: bool,
}

impl Read for WriteTx<'_> {
    fn query(&mut self, sql: Sql, params: Vec<Value>) -> BoxFuture<'_, Result<Vec<Row>, StoreError>> {
        if !sql.reads() {
            self.poisoned = true;
            let error = StoreError::rule("a changing statement where only reading ones are counted on");
            return Box::pin(std::future::ready(Err(error)));
        }
        self.rows(sql, params)
    }
    fn allowed(&self) -> &Allowed {
        &self.allowed
    }
    fn now(&self) -> Timestamp {
        self.now
    }
    fn is_settled(&self) -> bool {
        false
    }
}

impl<'c> WriteTx<'c> {
    pub(crate) fn new(connection: Connection<'c>, allowed: Allowed, now: Timestamp, entropy: Arc<dyn Entropy>) -> Self {
        Self { connection, allowed, now, entropy, written: 0, poisoned: false }
    }

    /// Runs a changing statement; how many rows it changed is the decision.
    ///
    /// # Errors
    /// [`StoreError`]; from then on the transaction accepts nothing more.
    pub async fn execute(&mut self, sql: Sql, params: Vec<Value>) -> Result<u64, StoreError> {
        self.running()?;
        let done = match &mut self.connection {
            Connection::Sqlite(tx) => tx.execute(&sql, &params),
            Connection::Postgres(tx) => tx.execute(sql, params).await,
        };
        self.count(done)
    }

    /// Runs a changing statement that returns rows (`RETURNING`).
    ///
    /// # Errors
    /// As [`WriteTx::execute`].
    pub async fn returning(&mut self, sql: Sql, params: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        let rows = self.rows(sql, params).await?;
        self.written += rows.len() as u64;
        Ok(rows)
    }

    /// Runs changing statements one after the other: one round trip on PostgreSQL. Returns the rows each of them changed.
    ///
    /// # Errors
    /// As [`WriteTx::execute`].
    pub async fn pipeline(&mut self, statements: Vec<Statement>) -> Result<Vec<u64>, StoreError> {
        self.running()?;
        let done = match &mut self.connection {
            Connection::Sqlite(tx) => statements.iter().map(|s| tx.execute(&s.sql, &s.params)).collect(),
            Connection::Postgres(tx) => tx.pipeline(statements).await,
        };
        let counts: Vec<u64> = done.inspect_err(|_| self.poisoned = true)?;
        self.written += counts.iter().sum::<u64>();
        Ok(counts)
    }

    /// Waits until nobody else changes what the guard names, until the end of this transaction.
    ///
    /// # Errors
    /// As [`WriteTx::execute`].
    pub async fn exclusive(&mut self, guard: Guard) -> Result<(), StoreError> {
        self.running()?;
        match &mut self.connection {
            Connection::Sqlite(_) => Ok(()), // one writer at a time already
            Connection::Postgres(tx) => {
                tx.lock(self.allowed.realm(), guard).await.inspect_err(|_| self.poisoned = true)
            }
        }
    }

    /// Puts facts into the feed and wakes who follows it (`crate::revocation`; each of a fact's values but its position).
    pub(crate) fn feed_statements(&self, facts: Vec<Vec<Value>>) -> Vec<Statement> {
        feed::statements(matches!(self.connection, Connection::Postgres(_)), self.allowed.realm(), facts)
    }

    /// Randomness for ids and salts.
    #[must_use]
    pub fn entropy(&self) -> Arc<dyn Entropy> {
        self.entropy.clone()
    }

    fn rows(&mut self, sql: Sql, params: Vec<Value>) -> BoxFuture<'_, Result<Vec<Row>, StoreError>> {
        if let Err(error) = self.running() {
            return Box::pin(std::future::ready(Err(error)));
        }
        let poisoned = &mut self.poisoned;
        let rows = self.connection.query(sql, params);
        Box::pin(async move { rows.await.inspect_err(|_| *poisoned = true) })
    }

    fn running(&self) -> Result<(), StoreError> {
        if self.poisoned { Err(StoreError::rule("a statement after a failed one")) } else { Ok(()) }
    }

    fn count(&mut self, done: Result<u64, StoreError>) -> Result<u64, StoreError> {
        let rows = done.inspect_err(|_| self.poisoned = true)?;
        self.written += rows;
        Ok(rows)
    }

    /// Checks the outcome against what was written, and turns its events into rows.
    pub(crate) fn records<T>(&self, outcome: Outcome<T>) -> Result<(T, Vec<Record>), StoreError> {
        self.running()?;
        let events = match outcome.done {
            Done::Nothing if self.written > 0 => {
                return Err(StoreError::rule("rows were written and no event was returned"));
            }
            Done::Nothing => Vec::new(),
            Done::Upkeep(kind) => {
                tracing::trace!(?kind, rows = self.written, "upkeep");
                Vec::new()
            }
            Done::Events(events) => events,
        };
        let salt = || domain::entropy::bytes::<32>(&*self.entropy);
        // Events of one transaction share an instant; sorted ids keep their order in listings by (at, id).
        let mut ids: Vec<EventId> = events.iter().map(|_| EventId::new(&*self.entropy, self.now)).collect();
        ids.sort_unstable();
        let records = events.iter().zip(ids).map(|(event, id)| event.record(id, self.now, &self.allowed, salt));
        let records = records.collect::<Result<_, _>>().map_err(|error| StoreError::rule(&error.to_string()))?;
        Ok((outcome.value, records))
    }

    pub(crate) const fn connection_mut(&mut self) -> &mut Connection<'c> {
        &mut self.connection
    }

    pub(crate) fn into_connection(self) -> Connection<'c> {
        self.connection
    }
}
