//! PostgreSQL through tokio-postgres and deadpool. Each transaction runs in a task of its own, so that a dropped HTTP connection
//! cannot cancel it halfway. BEGIN travels with the first statement, the audit rows with COMMIT.

use std::sync::Mutex;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod, Timeouts};
use domain::time::Timestamp;
use tokio::sync::watch;
use tokio_postgres::error::SqlState;

use super::Options;
use crate::error::StoreError;
use crate::migrate;

mod connect;
mod convert;
mod listen; // who revoked something on another node
mod run; // a transaction as a whole: tasks, tries
mod schema; // migrations, plans
pub(crate) mod sequencer;
mod transaction; // statements, guards, COMMIT

use self::run::Retry;
pub(crate) use self::run::{read, write};
pub(crate) use self::transaction::Tx;

/// A PostgreSQL server.
pub(crate) struct Database {
    pool: Pool,
    url: String,
    revoked: Mutex<Option<watch::Receiver<u64>>>,
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
        let database = Self { pool, url: url.to_owned(), revoked: Mutex::default() };
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

    pub(crate) async fn unsequenced_since(&self) -> Result<Option<Timestamp>, StoreError> {
        let sql = "SELECT MIN(e.at) FROM audit_event e
              WHERE e.position > COALESCE((SELECT value FROM counter WHERE realm_id = 1 AND name = 'audit_low_water'), 0)
                AND NOT EXISTS (SELECT 1 FROM audit_leaf l WHERE l.realm_id = e.realm_id AND l.event_id = e.id)";
        let row = self.client().await?.query_one(sql, &[]).await.map_err(|e| failed(&e))?;
        Ok(row.get::<_, Option<i64>>(0).map(Timestamp::from_micros))
    }

    /// The cluster's own identifier with its timeline, which a failover and a recovery to an earlier time begin anew. Where this user may not see
    /// them, when the server was started: each of these begins that anew too, and a mere restart besides. Asked each time: a failover changes it
    /// under connections of this pool.
    pub(crate) async fn history(&self) -> Result<i64, StoreError> {
        let sql = "SELECT system_identifier, left(pg_walfile_name(pg_current_wal_lsn()), 8) FROM pg_control_system()";
        // One connection for both questions: who held one and waited for another would wait for others who do the same.
        let client = self.client().await?;
        let asked = match client.prepare_cached(sql).await {
            Ok(statement) => client.query_one(&statement, &[]).await,
            Err(error) => Err(error),
        };
        match asked {
            Ok(row) => {
                let (identifier, timeline): (i64, String) = (row.get(0), row.get(1));
                Ok(identifier ^ i64::from_str_radix(&timeline, 16).unwrap_or(0))
            }
            Err(error) if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) => {
                let sql = "SELECT CAST(extract(epoch FROM pg_postmaster_start_time()) * 1000000 AS BIGINT)";
                Ok(client.query_one(sql, &[]).await.map_err(|e| failed(&e))?.get(0))
            }
            Err(error) => Err(failed(&error)),
        }
    }

    pub(crate) async fn wipe(&self) -> Result<(), StoreError> {
        let sql = "DROP SCHEMA public CASCADE; CREATE SCHEMA public";
        let client = self.client().await?;
        client.batch_execute(sql).await.map_err(|e| failed(&e))?;
        client.statement_cache.clear();
        Ok(())
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
