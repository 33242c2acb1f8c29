//! Migrations under an advisory lock, and what tests ask: plans of statements, the schema.

use deadpool_postgres::Object;
use domain::time::Timestamp;
use tokio_postgres::types::ToSql;

use super::{Database, failed};
use crate::error::StoreError;
use crate::migrate;

/// Key of the advisory lock under which one program migrates.
const MIGRATE_LOCK: i64 = 0x6261_696c_0001;

impl Database {
    pub(super) async fn applied(&self) -> Result<Vec<migrate::Applied>, StoreError> {
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
