//! Writing events: with their leaves on SQLite, without on PostgreSQL, where the sequencer follows.

use domain::event::{Record, leaf_hash};
use domain::realm::RealmKey;

use super::event_params;
use crate::db::{Sql, Statement, params, sql};
use crate::error::StoreError;

/// On PostgreSQL: the transaction gets its number before the position is drawn (`CASE` keeps the order), see the sequencer.
const INSERT_POSTGRES: Sql = Sql::literal(
    "INSERT INTO audit_event (realm_id, id, at, type, outcome, actor_id, subject_id, canonical, position)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, CASE WHEN pg_current_xact_id() IS NOT NULL THEN nextval('audit_position') END)",
);

/// Rows for PostgreSQL, to be sent with COMMIT.
pub(crate) fn insert_statements(realm: RealmKey, records: &[Record]) -> Vec<Statement> {
    let mut statements = Vec::with_capacity(records.len() * 2);
    for record in records {
        statements.push(Statement { sql: INSERT_POSTGRES, params: event_params(realm, record) });
        statements.extend(personal(realm, record));
    }
    statements
}

/// Rows for SQLite, leaves included: one writer, so the next index is known.
pub(crate) fn insert_sequenced(
    tx: &mut crate::db::SqliteTx<'_>,
    realm: RealmKey,
    records: &[Record],
) -> Result<(), StoreError> {
    for record in records {
        let next = tx.query(
            &sql!("SELECT COALESCE(MAX(\"index\") + 1, 0) FROM audit_leaf WHERE realm_id = $1"),
            &[realm.into()],
        )?;
        let index: i64 = next.first().map_or(Ok(0), |row| row.get(0))?;
        let mut values = event_params(realm, record);
        values.push(index.into());
        tx.execute(
            &sql!(
                "INSERT INTO audit_event (realm_id, id, at, type, outcome, actor_id, subject_id, canonical, position)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
            ),
            &values,
        )?;
        for statement in personal(realm, record) {
            tx.execute(&statement.sql, &statement.params)?;
        }
        let leaf = params![realm, index, record.id, leaf_hash(&record.canonical)];
        tx.execute(
            &sql!("INSERT INTO audit_leaf (realm_id, \"index\", event_id, leaf_hash) VALUES ($1, $2, $3, $4)"),
            &leaf,
        )?;
    }
    Ok(())
}

fn personal(realm: RealmKey, record: &Record) -> impl Iterator<Item = Statement> {
    record.personal.iter().map(move |personal| Statement {
        sql: sql!(
            "INSERT INTO audit_personal (realm_id, event_id, subject_id, salt, personal) VALUES ($1, $2, $3, $4, $5)"
        ),
        params: params![realm, record.id, personal.subject, &personal.salt, personal.bytes.clone()],
    })
}
