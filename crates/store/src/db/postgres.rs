//! PostgreSQL through tokio-postgres and deadpool. Each transaction runs in a task of its own, so that a dropped HTTP connection
//! cannot cancel it halfway. BEGIN travels with the first statement, the audit rows with COMMIT.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod, Timeouts};
use domain::allowed::Allowed;
use domain::entropy::Entropy;
use domain::realm::RealmKey;
use domain::time::Timestamp;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join, join_all};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;

use super::Options;
use super::sql::{Sql, Statement};
use super::tx::{Connection, Guard, ReadTx, WriteTx};
use super::value::{Row, Value};
use crate::error::StoreError;
use crate::migrate;
use crate::outcome::Outcome;

mod connect;
mod convert;
pub(crate) mod sequencer;

/// Most tries of a transaction that PostgreSQL ended for the sake of another.
const TRIES: usize = 4;
/// Key of the advisory lock under which one program migrates.
const MIGRATE_LOCK: i64 = 0x6261_696c_0001;

const BEGIN_WRITE: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";
const BEGIN_READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";

/// A PostgreSQL server.
pub(crate) struct Database {
    pool: Pool,
}

impl Database {
    pub(crate) async fn open(url: &str, options: &Options) -> Result<Self, StoreError> {
        let (config, tls) = connect::prepare(url)?;
        let manager_config = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = match tls {
            Some(tls) => Manager::from_config(config, tls, manager_config),
            None => Manager::from_config(config, tokio_postgres::NoTls, manager_config),
        };
        let second = Some(Duration::from_secs(5));
        let pool = Pool::builder(manager)
            .max_size(options.connections.max(2))
            .timeouts(Timeouts { wait: Some(Duration::from_secs(2)), create: second, recycle: second })
            .runtime(deadpool_postgres::Runtime::Tokio1)
            .build()
            .map_err(|e| StoreError::Unusable(e.to_string()))?;
        let database = Self { pool };
        let applied = database.applied().await.map_err(|error| match error {
            StoreError::Unavailable(why) => StoreError::Unusable(format!(
                "PostgreSQL cannot be used: {why}. Check that it runs and that the address, user and password in the URL are right."
            )),
            other => other,
        })?;
        migrate::check_compatible(&applied)?;
        Ok(database)
    }

    pub(crate) async fn client(&self) -> Result<Object, StoreError> {
        self.pool.get().await.map_err(|error| match error {
            deadpool_postgres::PoolError::Timeout(deadpool_postgres::TimeoutType::Wait) => StoreError::Busy,
            deadpool_postgres::PoolError::Backend(error) => StoreError::Unavailable(connect::reason(&error)),
            other => StoreError::Unavailable(other.to_string()),
        })
    }

    pub(crate) async fn clock(&self) -> Result<Timestamp, StoreError> {
        let sql = "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)";
        let row = self.client().await?.query_one(sql, &[]).await.map_err(|e| failed(&e))?;
        Ok(Timestamp::from_micros(row.get(0)))
    }

    async fn applied(&self) -> Result<Vec<migrate::Applied>, StoreError> {
        let client = self.client().await?;
        let there = client
            .query_one("SELECT to_regclass('schema_migration') IS NOT NULL", &[])
            .await
            .map_err(|e| failed(&e))?;
        if !there.get::<_, bool>(0) {
            return Ok(Vec::new());
        }
        let rows =
            client.query("SELECT number, hash, compatible_from FROM schema_migration ORDER BY number", &[]).await;
        let applied = |row: &tokio_postgres::Row| migrate::Applied {
            number: row.get(0),
            hash: row.get(1),
            compatible_from: row.get(2),
        };
        Ok(rows.map_err(|e| failed(&e))?.iter().map(applied).collect())
    }

    pub(crate) async fn pending_migrations(&self) -> Result<Vec<&'static str>, StoreError> {
        Ok(migrate::pending(&self.applied().await?).map(|m| m.name).collect())
    }

    pub(crate) async fn migrate(&self, now: Timestamp) -> Result<Vec<&'static str>, StoreError> {
        let mut client = self.client().await?;
        client.query("SELECT pg_advisory_lock($1)", &[&MIGRATE_LOCK]).await.map_err(|e| failed(&e))?;
        let done = self.migrate_locked(&mut client, now).await;
        client.query("SELECT pg_advisory_unlock($1)", &[&MIGRATE_LOCK]).await.map_err(|e| failed(&e))?;
        done
    }

    async fn migrate_locked(&self, client: &mut Object, now: Timestamp) -> Result<Vec<&'static str>, StoreError> {
        client.batch_execute("SET statement_timeout = 0").await.map_err(|e| failed(&e))?;
        let mut names = Vec::new();
        for migration in migrate::pending(&self.applied().await?) {
            let tx = client.transaction().await.map_err(|e| failed(&e))?;
            tx.batch_execute(migrate::TABLE_POSTGRES).await.map_err(|e| failed(&e))?;
            tx.batch_execute(migration.postgres).await.map_err(|e| failed(&e))?;
            let hash = migration.hash();
            let row: [&(dyn ToSql + Sync); 5] =
                [&migration.number, &migration.name, &hash, &migration.compatible_from, &now.micros()];
            tx.execute("INSERT INTO schema_migration VALUES ($1, $2, $3, $4, $5)", &row)
                .await
                .map_err(|e| failed(&e))?;
            tx.commit().await.map_err(|e| failed(&e))?;
            names.push(migration.name);
        }
        client.batch_execute("RESET statement_timeout").await.map_err(|e| failed(&e))?;
        Ok(names)
    }

    pub(crate) async fn unsequenced_since(&self) -> Result<Option<Timestamp>, StoreError> {
        let sql = "SELECT MIN(e.at) FROM audit_event e
              WHERE e.position > COALESCE((SELECT value FROM counter WHERE realm_id = 1 AND name = 'audit_low_water'), 0)
                AND NOT EXISTS (SELECT 1 FROM audit_leaf l WHERE l.realm_id = e.realm_id AND l.event_id = e.id)";
        let row = self.client().await?.query_one(sql, &[]).await.map_err(|e| failed(&e))?;
        Ok(row.get::<_, Option<i64>>(0).map(Timestamp::from_micros))
    }

    pub(crate) async fn wipe(&self) -> Result<(), StoreError> {
        let sql = "DROP SCHEMA public CASCADE; CREATE SCHEMA public";
        let client = self.client().await?;
        client.batch_execute(sql).await.map_err(|e| failed(&e))?;
        client.statement_cache.clear();
        Ok(())
    }

    pub(crate) async fn plan(&self, sql: &str) -> Result<Vec<String>, StoreError> {
        let client = self.client().await?;
        let tx = format!("BEGIN; SET LOCAL enable_seqscan = off; PREPARE planned AS {sql};");
        let prepared = client.batch_execute(&tx).await.map_err(|e| failed(&e));
        let count = (1..100).rev().find(|n| sql.contains(&format!("${n}"))).unwrap_or(0);
        let nulls = if count == 0 { String::new() } else { format!("({})", vec!["NULL"; count].join(", ")) };
        let rows = match prepared {
            Ok(()) => {
                client
                    .simple_query(&format!(
                        "SET LOCAL plan_cache_mode = force_generic_plan; EXPLAIN EXECUTE planned{nulls}"
                    ))
                    .await
            }
            Err(error) => {
                let _ = client.batch_execute("ROLLBACK").await;
                return Err(error);
            }
        };
        let _ = client.batch_execute("ROLLBACK; DEALLOCATE ALL").await;
        let lines = rows.map_err(|e| failed(&e))?;
        client.statement_cache.clear();
        Ok(lines
            .iter()
            .filter_map(|message| match message {
                tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(ToOwned::to_owned),
                _ => None,
            })
            .collect())
    }

    pub(crate) async fn schema(&self) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT c.relname || '.' || a.attname || ' ' || upper(format_type(a.atttypid, NULL))
                || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END
                || COALESCE(' pk' || array_position(i.indkey::int2[], a.attnum) + 1, '')
                || CASE WHEN a.attcollation <> 0 AND l.collname <> 'C' THEN ' wrong collation' ELSE '' END
               FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
               LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
               LEFT JOIN pg_collation l ON l.oid = a.attcollation
              WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
             UNION ALL SELECT 'index ' || c.relname FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid
              WHERE c.relnamespace = 'public'::regnamespace AND NOT i.indisprimary
                AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = c.oid AND k.contype = 'u')
             UNION ALL SELECT 'foreign key ' || c.relname || '.' || a.attname || ' -> ' || t.relname || '.' || b.attname
               FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class t ON t.oid = k.confrelid
               CROSS JOIN LATERAL unnest(k.conkey, k.confkey) AS p(x, y)
               JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = p.x JOIN pg_attribute b ON b.attrelid = t.oid AND b.attnum = p.y
              WHERE k.contype = 'f'";
        let rows = self.client().await?.query(sql, &[]).await.map_err(|e| failed(&e))?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }
}

/// A running transaction; BEGIN is sent with its first statement.
pub(crate) struct Tx<'c> {
    client: &'c Object,
    begin: Option<&'static str>,
}

impl Tx<'_> {
    pub(crate) async fn query(&mut self, sql: Sql, params: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        let statement = self.client.prepare_cached(sql.as_str()).await.map_err(|e| failed(&e))?;
        let refs = references(&params);
        let query = self.client.query(&statement, &refs);
        let rows = match self.begin.take() {
            None => query.await,
            Some(begin) => {
                let (begun, rows) = join(self.client.batch_execute(begin), query).await;
                begun.map_err(|e| failed(&e))?;
                rows
            }
        };
        rows.map_err(|e| failed(&e))?.iter().map(convert::row).collect()
    }

    pub(crate) async fn execute(&mut self, sql: Sql, params: Vec<Value>) -> Result<u64, StoreError> {
        let counts = self.pipeline(vec![Statement { sql, params }]).await?;
        Ok(counts.into_iter().sum())
    }

    /// Sends all statements at once and waits for all answers.
    pub(crate) async fn pipeline(&mut self, statements: Vec<Statement>) -> Result<Vec<u64>, StoreError> {
        let mut prepared = Vec::with_capacity(statements.len());
        for statement in &statements {
            prepared.push(self.client.prepare_cached(statement.sql.as_str()).await.map_err(|e| failed(&e))?);
        }
        let params: Vec<_> = statements.iter().map(|s| references(&s.params)).collect();
        let begin = self.begin.take();
        let all =
            join_all(prepared.iter().zip(&params).map(|(statement, params)| self.client.execute(statement, params)));
        let counts = match begin {
            None => all.await,
            Some(begin) => {
                let (begun, counts) = join(self.client.batch_execute(begin), all).await;
                begun.map_err(|e| failed(&e))?;
                counts
            }
        };
        counts.into_iter().collect::<Result<_, _>>().map_err(|e| failed(&e))
    }

    /// Waits for the advisory lock of a guard, held until the transaction ends.
    pub(crate) async fn lock(&mut self, realm: RealmKey, guard: Guard) -> Result<(), StoreError> {
        let key = guard_key(realm, guard);
        let sql = Sql::literal("SELECT 1 FROM (SELECT pg_advisory_xact_lock($1)) AS held");
        self.query(sql, vec![Value::Int(key)]).await.map(|_| ())
    }

    /// Sends the last statements and COMMIT in one round trip.
    async fn commit(&mut self, statements: Vec<Statement>) -> Result<(), StoreError> {
        if self.begin.is_some() && statements.is_empty() {
            return Ok(());
        }
        let mut prepared = Vec::with_capacity(statements.len());
        for statement in &statements {
            prepared.push(self.client.prepare_cached(statement.sql.as_str()).await.map_err(|e| failed(&e))?);
        }
        let params: Vec<_> = statements.iter().map(|s| references(&s.params)).collect();
        let begin = async {
            match self.begin.take() {
                Some(begin) => self.client.batch_execute(begin).await,
                None => Ok(()),
            }
        };
        let inserts =
            join_all(prepared.iter().zip(&params).map(|(statement, params)| self.client.execute(statement, params)));
        let (begun, (inserted, committed)) = join(begin, join(inserts, self.client.batch_execute("COMMIT"))).await;
        // After a failed statement COMMIT rolls back and reports success: the statements' own answers decide.
        begun.map_err(|e| failed(&e))?;
        for done in inserted {
            done.map_err(|e| failed(&e))?;
        }
        committed.map_err(|e| failed(&e))
    }

    /// Whether the connection is free of any transaction afterwards.
    async fn rollback(&mut self) -> bool {
        self.begin.is_some() || self.client.batch_execute("ROLLBACK").await.is_ok()
    }
}

/// Eight bytes of a hash over what the guard names. A collision makes two wait for each other, no more.
fn guard_key(realm: RealmKey, guard: Guard) -> i64 {
    let text = format!("{} {guard:?}", realm.get());
    let hash = domain::secret::sha256(&[text.as_bytes()]);
    i64::from_be_bytes(hash.first_chunk().copied().unwrap_or_default())
}

fn references(params: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    params.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

pub(crate) async fn read<T, E>(
    database: Arc<Database>,
    allowed: Allowed,
    now: Timestamp,
    run: impl for<'t> FnOnce(&'t mut ReadTx<'_>) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
) -> Result<T, E>
where
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
{
    spawned(async move {
        let client = database.client().await?;
        let mut tx =
            ReadTx { connection: Connection::Postgres(Tx { client: &client, begin: Some(BEGIN_READ) }), allowed, now };
        let answer = caught(run(&mut tx)).await;
        let ended = end(tx.connection).await;
        give_back(client, ended);
        answer
    })
    .await
}

pub(crate) async fn write<I, T, E>(
    database: Arc<Database>,
    allowed: Allowed,
    now: Timestamp,
    entropy: Arc<dyn Entropy>,
    input: I,
    run: impl for<'t> Fn(&'t mut WriteTx<'_>, &'t I) -> BoxFuture<'t, Result<Outcome<T>, E>> + Send + Sync + 'static,
) -> Result<T, E>
where
    I: Send + Sync + 'static,
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
{
    spawned(async move {
        let mut last = None;
        for _ in 0..TRIES {
            let client = database.client().await?;
            let below = Tx { client: &client, begin: Some(BEGIN_WRITE) };
            let mut tx = WriteTx::new(Connection::Postgres(below), allowed.clone(), now, entropy.clone());
            let answer = Retry::watch(caught(attempt(&mut tx, &input, &run))).await;
            match answer {
                (Ok(value), _) => return Ok(value),
                (Err(error), again) => {
                    let ended = end(tx.into_connection()).await;
                    give_back(client, ended);
                    if !again {
                        return Err(error);
                    }
                    last = Some(error);
                }
            }
        }
        Err(last.unwrap_or_else(|| StoreError::Busy.into()))
    })
    .await
}

/// A panic of the work is an error: the transaction around it must still be ended before its connection goes back to the pool.
async fn caught<T, E: From<StoreError>>(work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    let panicked = |_| Err(StoreError::rule("a transaction panicked").into());
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(panicked)
}

/// Ends what is open; `false` if that failed.
async fn end(connection: Connection<'_>) -> bool {
    match connection {
        Connection::Postgres(mut below) => below.rollback().await,
        Connection::Sqlite(_) => true,
    }
}

/// Lends the connection to others, or closes it if a transaction may still be open on it.
fn give_back(client: Object, ended: bool) {
    if !ended {
        drop(Object::take(client));
    }
}

async fn attempt<I, T, E>(
    tx: &mut WriteTx<'_>,
    input: &I,
    run: &(impl for<'t> Fn(&'t mut WriteTx<'_>, &'t I) -> BoxFuture<'t, Result<Outcome<T>, E>> + Send),
) -> Result<T, E>
where
    E: From<StoreError>,
{
    let outcome = run(tx, input).await?;
    let (value, records) = tx.records(outcome)?;
    let statements = crate::audit::insert_statements(tx_realm(tx), &records);
    tx.commit_postgres(statements).await?;
    Ok(value)
}

fn tx_realm(tx: &WriteTx<'_>) -> RealmKey {
    use super::tx::Read;
    tx.realm()
}

impl WriteTx<'_> {
    async fn commit_postgres(&mut self, statements: Vec<Statement>) -> Result<(), StoreError> {
        match self.connection_mut() {
            Connection::Postgres(tx) => tx.commit(statements).await,
            Connection::Sqlite(_) => Err(StoreError::rule("a connection changed its kind")),
        }
    }
}

tokio::task_local! {
    static RETRY: std::cell::Cell<bool>;
}

/// Remembers, for the transaction of this task, that PostgreSQL asked for another try. The error itself has passed through the use case's
/// own type by then.
struct Retry;

impl Retry {
    async fn watch<T>(run: impl Future<Output = T>) -> (T, bool) {
        RETRY
            .scope(std::cell::Cell::new(false), async {
                let answer = run.await;
                (answer, RETRY.with(std::cell::Cell::get))
            })
            .await
    }

    fn ask() {
        let _ = RETRY.try_with(|flag| flag.set(true));
    }
}

/// Runs to its end whatever happens to who waits for it.
async fn spawned<T, E>(work: impl Future<Output = Result<T, E>> + Send + 'static) -> Result<T, E>
where
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
{
    match tokio::spawn(work).await {
        Ok(answer) => answer,
        Err(_) => Err(StoreError::rule("a transaction panicked").into()),
    }
}

/// What a driver's error means.
pub(crate) fn failed(error: &tokio_postgres::Error) -> StoreError {
    let Some(code) = error.code() else {
        return if error.is_closed() || std::error::Error::source(error).is_some_and(|s| s.is::<std::io::Error>()) {
            StoreError::Unavailable(connect::reason(error))
        } else {
            StoreError::Driver(connect::reason(error))
        };
    };
    match *code {
        SqlState::T_R_DEADLOCK_DETECTED | SqlState::T_R_SERIALIZATION_FAILURE => {
            Retry::ask();
            StoreError::Busy
        }
        SqlState::QUERY_CANCELED | SqlState::LOCK_NOT_AVAILABLE | SqlState::TOO_MANY_CONNECTIONS => StoreError::Busy,
        SqlState::ADMIN_SHUTDOWN
        | SqlState::CRASH_SHUTDOWN
        | SqlState::CANNOT_CONNECT_NOW
        | SqlState::DISK_FULL
        | SqlState::READ_ONLY_SQL_TRANSACTION
        | SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT
        | SqlState::INVALID_PASSWORD
        | SqlState::INVALID_AUTHORIZATION_SPECIFICATION
        | SqlState::UNDEFINED_DATABASE => StoreError::Unavailable(connect::reason(error)),
        _ => StoreError::Driver(connect::reason(error)),
    }
}
