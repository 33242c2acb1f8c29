//! Positions in the revocation feed, in the words of each database (docs/decisions/0028).

use domain::realm::RealmKey;

use super::sql::{Sql, Statement};
use super::value::Value;

/// The position is the transaction's number, so that a follower knows below which nothing can appear any more.
const INSERT_POSTGRES: Sql = Sql::literal(
    "INSERT INTO revocation (realm_id, position, id, kind, subject, not_before, version, expires_at, created_at)
     VALUES ($1, CAST(CAST(pg_current_xact_id() AS TEXT) AS BIGINT), $2, $3, $4, $5, $6, $7, $8)",
);
/// Wakes who follows, on all nodes, when the transaction commits. From revoking transactions alone: their COMMITs wait for each other.
const NOTIFY: Sql = Sql::literal("SELECT 1 FROM (SELECT pg_notify('bailiwick_feed', '')) AS told");
/// Every transaction with a lower number has ended. What is read after it in this transaction is planned without its values: after ten thousand
/// revocations at once the statistics know of none yet, and a plan for these very values would read all of them and sort, for each page.
const LOW_POSTGRES: Sql = Sql::literal(
    "SELECT CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS TEXT) AS BIGINT)
       FROM (SELECT set_config('plan_cache_mode', 'force_generic_plan', true)) AS planned",
);
/// Transactions come one after the other: a counter will do.
const COUNT: Sql = Sql::literal(
    "INSERT INTO counter (realm_id, name, value) VALUES ($1, 'feed', 1)
     ON CONFLICT (realm_id, name) DO UPDATE SET value = counter.value + 1",
);
const INSERT_SQLITE: Sql = Sql::literal(
    "INSERT INTO revocation (realm_id, position, id, kind, subject, not_before, version, expires_at, created_at)
     SELECT $1, c.value, $2, $3, $4, $5, $6, $7, $8 FROM counter c WHERE c.realm_id = $1 AND c.name = 'feed'",
);
const LOW_SQLITE: Sql =
    Sql::literal("SELECT COALESCE(MAX(value), 0) + 1 FROM counter WHERE realm_id = $1 AND name = 'feed'");

/// Puts facts into the feed, and tells.
pub(super) fn statements(postgres: bool, realm: RealmKey, facts: Vec<Vec<Value>>) -> Vec<Statement> {
    let (before, insert, after) = if postgres {
        (None, INSERT_POSTGRES, Some(Statement { sql: NOTIFY, params: Vec::new() }))
    } else {
        (Some(Statement { sql: COUNT, params: vec![realm.into()] }), INSERT_SQLITE, None)
    };
    let facts = facts.into_iter().map(|params| Statement { sql: insert.clone(), params });
    before.into_iter().chain(facts).chain(after).collect()
}

/// Asks below which position nothing can appear any more.
pub(super) fn low_water(postgres: bool, realm: RealmKey) -> Statement {
    if postgres {
        Statement { sql: LOW_POSTGRES, params: Vec::new() }
    } else {
        Statement { sql: LOW_SQLITE, params: vec![realm.into()] }
    }
}
