//! The second door: transactions. This module and its folder are the only place that names a driver.
//!
//! Product logic is written once, as an async block over [`Read`] and [`WriteTx`]. On SQLite the block is sent to the writer thread and polled
//! once: whatever awaits something else than the database is an error. On PostgreSQL it runs in a task of its own.

mod feed;
mod postgres;
mod sql;
mod sqlite;
mod tx;
mod value;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use domain::allowed::Allowed;
use domain::entropy::Entropy;
use domain::time::Timestamp;
pub use futures_util::future::BoxFuture;

pub use self::postgres::sequencer::{Sequencer, TICK, Turn};
pub use self::sql::{Composed, Sql, Statement};
pub(crate) use self::sql::{params, sql};
pub(crate) use self::sqlite::Tx as SqliteTx;
pub use self::sqlite::writer::Load;
pub use self::tx::{Guard, Read, ReadTx, WriteTx};
pub use self::value::{FromValue, Row, Value};
use crate::error::StoreError;
use crate::outcome::Outcome;

/// Where the data lies.
#[derive(Clone, Debug)]
pub enum Location {
    /// The embedded database: a folder.
    Folder(PathBuf),
    /// `postgres://…`.
    Postgres(String),
}

impl Location {
    /// Reads `postgres://…`, `postgresql://…` or a folder.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            Self::Postgres(text.to_owned())
        } else {
            Self::Folder(PathBuf::from(text))
        }
    }
}

/// How to open a database.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it lies.
    pub location: Location,
    /// Connections that read (SQLite), or all of them (PostgreSQL).
    pub connections: usize,
    /// Most writes that wait; more are refused.
    pub queue: usize,
    /// Whether this process serves: a second one on the same folder is refused.
    pub serving: bool,
    /// Pages in the write-ahead log from which on writing waits until it can begin at its start again (SQLite; 4 KiB each).
    pub log_pages: u64,
}

impl Options {
    /// The defaults for a place.
    #[must_use]
    pub const fn new(location: Location) -> Self {
        Self { location, connections: 8, queue: 4096, serving: false, log_pages: 32_768 }
    }
}

/// The database.
#[derive(Clone)]
pub struct Store {
    backend: Backend,
    entropy: Arc<dyn Entropy>,
    history: Arc<OnceLock<i64>>,
}

#[derive(Clone)]
enum Backend {
    Sqlite(Arc<sqlite::Database>),
    Postgres(Arc<postgres::Database>),
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.backend {
            Backend::Sqlite(_) => "Store(sqlite)",
            Backend::Postgres(_) => "Store(postgres)",
        })
    }
}

/// The first random byte of a process costs some 30 ms (entropy is gathered and tested): it is drawn, and thrown away, beside the opening.
#[expect(
    clippy::disallowed_methods,
    reason = "the byte is used for nothing; a test's own source must not be moved on by it"
)]
fn warm_up() {
    // Without a thread for it the first who needs a byte waits.
    let _ = std::thread::Builder::new().name("entropy".to_owned()).spawn(|| aws_lc_rs::rand::fill(&mut [0]));
}

impl Store {
    /// Opens the database; it is not migrated by this.
    ///
    /// # Errors
    /// [`StoreError::Unusable`] says what to do; [`StoreError::Unavailable`].
    pub async fn open(options: &Options, entropy: Arc<dyn Entropy>) -> Result<Self, StoreError> {
        warm_up();
        let backend = match &options.location {
            Location::Folder(folder) => Backend::Sqlite(Arc::new(sqlite::Database::open(folder, options)?)),
            Location::Postgres(url) => Backend::Postgres(Arc::new(postgres::Database::open(url, options).await?)),
        };
        Ok(Self { backend, entropy, history: Arc::default() })
    }

    /// Whether this is PostgreSQL: several nodes, `migrate` by hand.
    #[must_use]
    pub const fn is_postgres(&self) -> bool {
        matches!(self.backend, Backend::Postgres(_))
    }

    /// Reads, in one snapshot.
    ///
    /// # Errors
    /// What the closure returns, or [`StoreError`].
    pub async fn read<T, E>(
        &self,
        allowed: &Allowed,
        now: Timestamp,
        run: impl for<'t> FnOnce(&'t mut ReadTx<'_>) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        match &self.backend {
            Backend::Sqlite(db) => db.read(allowed, now, run).await,
            Backend::Postgres(db) => postgres::read(db.clone(), allowed.clone(), now, run).await,
        }
    }

    /// The same for what may look at many rows: on SQLite on a thread of its own kind, so that nobody else of the program waits for it.
    ///
    /// # Errors
    /// What the closure returns, or [`StoreError`].
    pub async fn scan<T, E>(
        &self,
        allowed: &Allowed,
        now: Timestamp,
        run: impl for<'t> FnOnce(&'t mut ReadTx<'_>) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        match &self.backend {
            Backend::Sqlite(db) => db.clone().scan(allowed.clone(), now, run).await,
            Backend::Postgres(db) => postgres::read(db.clone(), allowed.clone(), now, run).await,
        }
    }

    /// Writes, whole or not at all, together with the events that say so. The closure may be tried several times.
    ///
    /// # Errors
    /// What the closure returns (nothing was written then), or [`StoreError`].
    pub async fn write<I, T, E>(
        &self,
        allowed: Allowed,
        now: Timestamp,
        input: I,
        run: impl for<'t> Fn(&'t mut WriteTx<'_>, &'t I) -> BoxFuture<'t, Result<Outcome<T>, E>> + Send + Sync + 'static,
    ) -> Result<T, E>
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let entropy = self.entropy.clone();
        match &self.backend {
            Backend::Sqlite(db) => db.write(allowed, now, entropy, input, run).await,
            Backend::Postgres(db) => postgres::write(db.clone(), allowed, now, entropy, input, run).await,
        }
    }

    /// Migrations that are not applied yet, in order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn pending_migrations(&self) -> Result<Vec<&'static str>, StoreError> {
        match &self.backend {
            Backend::Sqlite(db) => db.pending_migrations().await,
            Backend::Postgres(db) => db.pending_migrations().await,
        }
    }

    /// Applies what is pending, forward only.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn migrate(&self, now: Timestamp) -> Result<Vec<&'static str>, StoreError> {
        match &self.backend {
            Backend::Sqlite(db) => db.migrate(now),
            Backend::Postgres(db) => db.migrate(now).await,
        }
    }

    /// Empties a PostgreSQL database that demo made: everything in its schema. An embedded one is removed as a folder, before it is opened.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn wipe(&self) -> Result<(), StoreError> {
        match &self.backend {
            Backend::Sqlite(_) => Err(StoreError::rule("an embedded database is removed as a folder")),
            Backend::Postgres(db) => db.wipe().await,
        }
    }

    /// Whether the database answers, and its clock on PostgreSQL.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn ping(&self) -> Result<Option<Timestamp>, StoreError> {
        match &self.backend {
            Backend::Sqlite(db) => db.ping().await.map(|()| None),
            Backend::Postgres(db) => db.clock().await.map(Some),
        }
    }

    /// Since when the oldest event waits for its index; `None`: none waits. On SQLite none ever does.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn unsequenced_since(&self) -> Result<Option<Timestamp>, StoreError> {
        match &self.backend {
            Backend::Sqlite(_) => Ok(None),
            Backend::Postgres(db) => db.unsequenced_since().await,
        }
    }

    /// The sequencer of the audit log; `None` on SQLite, where each transaction writes its own leaves.
    #[must_use]
    pub fn sequencer(&self) -> Option<Sequencer> {
        match &self.backend {
            Backend::Sqlite(_) => None,
            Backend::Postgres(db) => Some(Sequencer::new(db.clone())),
        }
    }

    /// Which history the positions of the feed belong to: what was restored from a copy counts on from where the copy was made. On SQLite each
    /// process has its own, because the file can have been exchanged between two.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn feed_epoch(&self) -> Result<i64, StoreError> {
        match &self.backend {
            Backend::Sqlite(_) => Ok(*self.history.get_or_init(|| {
                let mut bytes = [0; 8];
                self.entropy.fill(&mut bytes);
                i64::from_be_bytes(bytes)
            })),
            Backend::Postgres(db) => db.history().await,
        }
    }

    /// Changes when somebody revoked something, on whatever node; a safety net of looking from time to time is still needed. `None` on SQLite: there
    /// is one process, which looks often.
    #[must_use]
    pub fn revoked(&self) -> Option<tokio::sync::watch::Receiver<u64>> {
        match &self.backend {
            Backend::Sqlite(_) => None,
            Backend::Postgres(db) => Some(db.listen()),
        }
    }

    /// Prepares a statement and returns its plan: for the test that no statement scans a whole table.
    ///
    /// # Errors
    /// [`StoreError`]: the statement does not compile.
    pub async fn plan(&self, sql: &str) -> Result<Vec<String>, StoreError> {
        match &self.backend {
            Backend::Sqlite(db) => db.plan(sql).await,
            Backend::Postgres(db) => db.plan(sql).await,
        }
    }

    /// Columns as `table.column type nullable`, keys and indexes: for the parity test.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn schema(&self) -> Result<Vec<String>, StoreError> {
        match &self.backend {
            Backend::Sqlite(db) => db.schema().await,
            Backend::Postgres(db) => db.schema().await,
        }
    }

    /// Sizes of batches and the queue (SQLite).
    #[must_use]
    pub fn load(&self) -> Load {
        match &self.backend {
            Backend::Sqlite(db) => db.load(),
            Backend::Postgres(_) => Load::default(),
        }
    }
}
