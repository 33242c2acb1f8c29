//! SQLite through rusqlite: one writer thread, a few connections that read.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use domain::allowed::Allowed;
use domain::entropy::Entropy;
use domain::time::Timestamp;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, ToSql};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::sql::Sql;
use super::tx::{ReadTx, WriteTx};
use super::value::{Row, Value};
use super::{Options, tx};
use crate::error::StoreError;
use crate::migrate;
use crate::outcome::Outcome;

mod statistics;
pub(crate) mod writer;

/// The file in the folder.
const FILE: &str = "bailiwick.db";
/// How connections that read are opened.
const READING: OpenFlags = OpenFlags::SQLITE_OPEN_READ_ONLY.union(OpenFlags::SQLITE_OPEN_NO_MUTEX);

/// The embedded database.
pub(crate) struct Database {
    writer: writer::Writer,
    file: PathBuf,
    /// Open and free. Opened when they are first needed: each reads the schema, and keeps it and its pages in memory.
    readers: Mutex<Vec<Connection>>,
    free: Semaphore,
    /// For scans: point reads always find some of the connections free.
    scans: Arc<Semaphore>,
    /// Held while this process serves.
    _lock: Option<File>,
}

impl Database {
    pub(crate) fn open(folder: &Path, options: &Options) -> Result<Self, StoreError> {
        let place = folder.display();
        std::fs::create_dir_all(folder)
            .map_err(|e| StoreError::Unusable(format!("cannot make the folder {place}: {e}")))?;
        let lock = if options.serving { Some(lock(folder)?) } else { None };
        let file = folder.join(FILE);
        check_header(&file)?;
        // Before SQLite makes files of its own, which take over the mode of this one.
        crate::secure::private_file(&file)?;
        let main = connect(&file, OpenFlags::default()).map_err(|e| unusable(&e, &file))?;
        let set_up = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0;";
        main.execute_batch(set_up).map_err(|e| unusable(&e, &file))?;
        migrate::check_compatible(&applied(&main).map_err(|e| unusable(&e, &file))?)?;
        let checkpoints = connect(&file, OpenFlags::default()).map_err(|e| unusable(&e, &file))?;
        let reader = connect(&file, READING).map_err(|e| unusable(&e, &file))?;
        let free = Semaphore::new(options.connections.max(1));
        let scans = Arc::new(Semaphore::new((options.connections / 2).max(1)));
        let writer = writer::Writer::start(main, checkpoints, options)?;
        Ok(Self { writer, file, readers: Mutex::new(vec![reader]), free, scans, _lock: lock })
    }

    pub(crate) async fn read<T, E>(
        &self,
        allowed: &Allowed,
        now: Timestamp,
        run: impl for<'t> FnOnce(&'t mut ReadTx<'_>) -> BoxFuture<'t, Result<T, E>> + Send,
    ) -> Result<T, E>
    where
        E: From<StoreError>,
    {
        let mut reader = self.reader().await?;
        read_with(reader.connection()?, allowed, now, run)
    }

    /// The same on a thread that may be held up.
    pub(crate) async fn scan<T, E>(
        self: Arc<Self>,
        allowed: Allowed,
        now: Timestamp,
        run: impl for<'t> FnOnce(&'t mut ReadTx<'_>) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let closing = || StoreError::Unavailable("closing".to_owned());
        // It goes back when the scan is over, not when whoever asked has gone.
        let permit = self.scans.clone().acquire_owned().await.map_err(|_| closing())?;
        let runtime = tokio::runtime::Handle::current();
        let scan = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let mut reader = runtime.block_on(self.reader())?;
            read_with(reader.connection()?, &allowed, now, run)
        });
        scan.await.map_err(|_| StoreError::rule("a scan did not come to its end"))?
    }

    async fn reader(&self) -> Result<Reader<'_>, StoreError> {
        let permit = self.free.acquire().await.map_err(|_| StoreError::Unavailable("closing".to_owned()))?;
        let open = self.readers.lock().ok().and_then(|mut readers| readers.pop());
        let connection = match open {
            Some(connection) => connection,
            None => connect(&self.file, READING).map_err(|e| failed(&e))?,
        };
        Ok(Reader { connection: Some(connection), home: &self.readers, _permit: permit })
    }

    pub(crate) async fn write<I, T, E>(
        &self,
        allowed: Allowed,
        now: Timestamp,
        entropy: Arc<dyn Entropy>,
        input: I,
        run: impl for<'t> Fn(&'t mut WriteTx<'_>, &'t I) -> BoxFuture<'t, Result<Outcome<T>, E>> + Send + 'static,
    ) -> Result<T, E>
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.writer
            .submit(move |connection| {
                let mut tx = WriteTx::new(tx::Connection::Sqlite(Tx { connection }), allowed, now, entropy);
                let outcome = poll_once(run(&mut tx, &input))??;
                let realm = tx::Read::realm(&tx);
                let (value, records) = tx.records(outcome)?;
                let tx::Connection::Sqlite(mut below) = tx.into_connection() else {
                    return Err(StoreError::rule("a connection changed its kind").into());
                };
                crate::audit::insert_sequenced(&mut below, realm, &records)?;
                Ok(value)
            })
            .await
    }

    pub(crate) async fn ping(&self) -> Result<(), StoreError> {
        self.with_reader(|c| c.query_row("SELECT 1", [], |_| Ok(()))).await
    }

    pub(crate) fn load(&self) -> writer::Load {
        self.writer.load()
    }

    pub(crate) async fn pending_migrations(&self) -> Result<Vec<&'static str>, StoreError> {
        let done = self.with_reader(applied).await?;
        Ok(migrate::pending(&done).map(|m| m.name).collect())
    }

    pub(crate) fn migrate(&self, now: Timestamp) -> Result<Vec<&'static str>, StoreError> {
        self.writer.with_connection(move |connection| {
            let done = applied(connection).map_err(|e| failed(&e))?;
            let mut names = Vec::new();
            for migration in migrate::pending(&done) {
                let tx = connection
                    .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
                    .map_err(|e| failed(&e))?;
                if applied(&tx).map_err(|e| failed(&e))?.iter().any(|done| done.number >= migration.number) {
                    continue; // another process was faster
                }
                tx.execute_batch(migrate::TABLE_SQLITE).map_err(|e| failed(&e))?;
                tx.execute_batch(migration.sqlite).map_err(|e| failed(&e))?;
                statistics::write(&tx).map_err(|e| failed(&e))?;
                let row = (migration.number, migration.name, migration.hash(), migration.compatible_from, now.micros());
                tx.execute("INSERT INTO schema_migration VALUES (?1, ?2, ?3, ?4, ?5)", row).map_err(|e| failed(&e))?;
                tx.commit().map_err(|e| failed(&e))?;
                names.push(migration.name);
            }
            Ok(names)
        })
    }

    pub(crate) async fn plan(&self, sql: &str) -> Result<Vec<String>, StoreError> {
        let sql = format!("EXPLAIN QUERY PLAN {}", placeholders(sql));
        self.with_reader(|c| {
            let mut statement = c.prepare(&sql)?;
            statement.raw_query().mapped(|row| row.get::<_, String>(3)).collect()
        })
        .await
    }

    pub(crate) async fn schema(&self) -> Result<Vec<String>, StoreError> {
        self.with_reader(|c| {
            let text = "SELECT m.name || '.' || i.name || ' ' || i.type || CASE i.\"notnull\" WHEN 1 THEN ' not null' ELSE '' END
                    || CASE WHEN i.pk > 0 THEN ' pk' || i.pk ELSE '' END
                   FROM sqlite_schema m JOIN pragma_table_info(m.name) i WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'
                 UNION ALL SELECT 'index ' || name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL
                 UNION ALL SELECT DISTINCT 'foreign key ' || m.name || '.' || f.\"from\" || ' -> ' || f.\"table\" || '.' || f.\"to\"
                   FROM sqlite_schema m JOIN pragma_foreign_key_list(m.name) f WHERE m.type = 'table'";
            let mut statement = c.prepare(text)?;
            statement.query_map([], |row| row.get(0))?.collect()
        })
        .await
    }

    async fn with_reader<T>(&self, run: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        run(self.reader().await?.connection()?).map_err(|e| failed(&e))
    }
}

/// A connection on loan. It goes back even if its reader panics.
struct Reader<'d> {
    connection: Option<Connection>,
    home: &'d Mutex<Vec<Connection>>,
    _permit: SemaphorePermit<'d>,
}

impl Reader<'_> {
    fn connection(&mut self) -> Result<&mut Connection, StoreError> {
        self.connection.as_mut().ok_or(StoreError::Busy)
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        let (Some(connection), Ok(mut home)) = (self.connection.take(), self.home.lock()) else { return };
        if !connection.is_autocommit() {
            let _ = connection.execute_batch("ROLLBACK");
        }
        home.push(connection);
    }
}

fn read_with<T, E>(
    connection: &mut Connection,
    allowed: &Allowed,
    now: Timestamp,
    run: impl for<'t> FnOnce(&'t mut ReadTx<'_>) -> BoxFuture<'t, Result<T, E>>,
) -> Result<T, E>
where
    E: From<StoreError>,
{
    run_cached(connection, "BEGIN").map_err(|e| failed(&e))?;
    let answer = {
        let below = tx::Connection::Sqlite(Tx { connection });
        let mut read = ReadTx { connection: below, allowed: allowed.clone(), now };
        poll_once(run(&mut read))
    };
    run_cached(connection, "COMMIT").map_err(|e| failed(&e))?;
    answer?
}

/// Polls once: every statement is ready at once, so whatever is not awaited something slow inside a transaction.
fn poll_once<T>(future: BoxFuture<'_, T>) -> Result<T, StoreError> {
    future
        .now_or_never()
        .ok_or_else(|| StoreError::rule("something other than the database was awaited in a transaction"))
}

/// A running transaction.
pub(crate) struct Tx<'c> {
    connection: &'c mut Connection,
}

impl Tx<'_> {
    pub(crate) fn query(&mut self, sql: &Sql, params: &[Value]) -> Result<Vec<Row>, StoreError> {
        let mut statement = self.connection.prepare_cached(&placeholders(sql.as_str())).map_err(|e| failed(&e))?;
        let columns = statement.column_count();
        let rows = statement.query_map(rusqlite::params_from_iter(params), |row| {
            (0..columns).map(|at| row.get_ref(at).map(owned)).collect::<Result<Vec<_>, _>>().map(Row)
        });
        rows.and_then(Iterator::collect).map_err(|e| failed(&e))
    }

    pub(crate) fn execute(&mut self, sql: &Sql, params: &[Value]) -> Result<u64, StoreError> {
        let mut statement = self.connection.prepare_cached(&placeholders(sql.as_str())).map_err(|e| failed(&e))?;
        statement.execute(rusqlite::params_from_iter(params)).map(|rows| rows as u64).map_err(|e| failed(&e))
    }
}

/// `$1` is a *named* parameter in SQLite and binds by first appearance; `?1` binds by number.
fn placeholders(sql: &str) -> std::borrow::Cow<'_, str> {
    if sql.contains('$') { sql.replace('$', "?").into() } else { sql.into() }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Bool(truth) => ValueRef::Integer(i64::from(*truth)),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
            Self::Uuid(id) => ValueRef::Blob(id.as_bytes()),
        }))
    }
}

fn owned(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Int(number),
        ValueRef::Real(number) => Value::Text(number.to_string()),
        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
    }
}

fn run_cached(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(|_| ())
}

/// How long one connection waits for another, of this program or of the command line.
const BUSY: Duration = Duration::from_secs(5);

fn connect(file: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(256);
    // One plan per statement. Without it each new value of a parameter has its statement parsed and planned again, because a better plan might exist:
    // that was half of what an introspection cost.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.execute_batch(
        "PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA cache_size=-2048;",
    )?;
    Ok(connection)
}

fn lock(folder: &Path) -> Result<File, StoreError> {
    let path = folder.join("serve.lock");
    let open = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let file = open.map_err(|e| StoreError::Unusable(format!("cannot open {}: {e}", path.display())))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(_) => Err(StoreError::Unusable(format!(
            "another server runs on the folder {}. Stop it, or give this one another --database.",
            folder.display()
        ))),
    }
}

/// A file that is not a whole SQLite database is named before SQLite sees it.
fn check_header(file: &Path) -> Result<(), StoreError> {
    use std::io::Read;
    let Ok(mut open) = File::open(file) else { return Ok(()) };
    let mut header = Vec::new();
    let read = (&mut open).take(100).read_to_end(&mut header);
    let length = open.metadata().map_or(0, |file| file.len());
    match read {
        Ok(_) if header.is_empty() || is_whole(&header, length, has_log(file)) => Ok(()),
        Ok(_) => Err(StoreError::Unusable(format!(
            "{} is not a complete Bailiwick database. Restore it from a backup, or name another folder.",
            file.display()
        ))),
        Err(e) => Err(StoreError::Unusable(format!("cannot read {}: {e}", file.display()))),
    }
}

/// <https://www.sqlite.org/fileformat.html>, section 1.3. Pages that are not in the file yet may be in the log after a crash.
fn is_whole(header: &[u8], length: u64, has_log: bool) -> bool {
    if header.len() < 100 || !header.starts_with(b"SQLite format 3\0") {
        return false;
    }
    let number =
        |from: usize, to: usize| header[from..to].iter().fold(0, |number, byte| (number << 8) | u64::from(*byte));
    let page_size = if number(16, 18) == 1 { 65_536 } else { number(16, 18) };
    has_log || length >= page_size * number(28, 32)
}

fn has_log(file: &Path) -> bool {
    let mut log = file.as_os_str().to_owned();
    log.push("-wal");
    std::fs::metadata(log).is_ok_and(|log| log.len() > 0)
}

fn applied(connection: &Connection) -> rusqlite::Result<Vec<migrate::Applied>> {
    let there = "SELECT count(*) FROM sqlite_schema WHERE name = 'schema_migration'";
    if connection.query_row(there, [], |row| row.get::<_, i64>(0))? == 0 {
        return Ok(Vec::new());
    }
    let mut statement =
        connection.prepare("SELECT number, hash, compatible_from FROM schema_migration ORDER BY number")?;
    let rows = statement.query_map([], |row| {
        Ok(migrate::Applied { number: row.get(0)?, hash: row.get(1)?, compatible_from: row.get(2)? })
    })?;
    rows.collect()
}

fn unusable(error: &rusqlite::Error, file: &Path) -> StoreError {
    let place = file.display();
    StoreError::Unusable(match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            format!("{place} is locked by another program. Close it and try again.")
        }
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            format!("{place} cannot be written. Give this user write permission on the file and its folder.")
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            format!("{place} is damaged. Restore it from a backup.")
        }
        Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure | ErrorCode::FileLockingProtocolFailed) => {
            format!("{place} cannot be written: the disk is full or failing. Free some space and start again.")
        }
        _ => format!("{place} cannot be opened: {error}"),
    })
}

pub(crate) fn failed(error: &rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy,
        Some(ErrorCode::DiskFull) => StoreError::Unavailable("the disk is full".to_owned()),
        Some(ErrorCode::SystemIoFailure | ErrorCode::ReadOnly | ErrorCode::CannotOpen) => {
            StoreError::Unavailable(format!("the database file cannot be used: {error}"))
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            StoreError::Corrupt { table: "file", column: error.to_string(), id: String::new() }
        }
        _ => StoreError::Driver(error.to_string()),
    }
}
