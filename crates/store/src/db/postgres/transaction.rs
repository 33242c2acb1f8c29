//! A running transaction: statements, guards, and COMMIT together with the last statements.

use deadpool_postgres::Object;
use domain::realm::RealmKey;
use futures_util::future::{join, join_all};
use tokio_postgres::types::ToSql;

use super::super::sql::{Sql, Statement};
use super::super::tx::Guard;
use super::super::value::{Row, Value};
use super::{convert, failed};
use crate::error::StoreError;

/// A running transaction; BEGIN is sent with its first statement.
pub(crate) struct Tx<'c> {
    pub(super) client: &'c Object,
    pub(super) begin: Option<&'static str>,
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
    pub(super) async fn commit(&mut self, statements: Vec<Statement>) -> Result<(), StoreError> {
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
    pub(super) async fn rollback(&mut self) -> bool {
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
