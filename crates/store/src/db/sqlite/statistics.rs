//! What SQLite's planner believes about the tables: always the same, so that the plans that were tested are the plans that run.
//!
//! Without statistics it takes a table's first key column for selective. Here that is the realm, of which most installations have one: it would
//! read a whole realm through the primary key rather than use an index (`refresh_family` by session, `role_grant` by principal).

use rusqlite::{Connection, params};

/// Rows of a table, all of them in one realm.
const ROWS: i64 = 1_000_000;

/// Writes the statistics of every index, in the transaction that changed the schema. Other connections read them with the new schema.
pub(super) fn write(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("ANALYZE schema_migration; DELETE FROM sqlite_stat1;")?; // makes the table, which cannot be created by hand
    let mut indexes = connection.prepare(
        "SELECT m.name, CASE WHEN i.origin = 'pk' AND t.wr THEN m.name ELSE i.name END, i.\"unique\",
                (SELECT COUNT(*) FROM pragma_index_info(i.name)), (SELECT name FROM pragma_index_info(i.name) WHERE seqno = 0)
           FROM sqlite_schema m JOIN pragma_table_list(m.name) t JOIN pragma_index_list(m.name) i
          WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'",
    )?;
    let mut insert = connection.prepare("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (?1, ?2, ?3)")?;
    let rows = indexes.query_map([], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get(2)?, row.get(3)?, row.get::<_, String>(4)?))
    })?;
    for row in rows {
        let (table, index, unique, columns, first) = row?;
        insert.execute(params![table, index, estimate(columns, unique, first == "realm_id")])?;
    }
    drop((insert, indexes));
    connection.execute_batch("ANALYZE sqlite_schema") // reads them in again
}

/// Rows of the table, then for each further column how many rows share the same values up to it.
fn estimate(columns: u32, unique: bool, by_realm: bool) -> String {
    let mut text = ROWS.to_string();
    for column in 0..columns {
        let same = match column {
            _ if unique && column + 1 == columns => 1,
            0 if by_realm => ROWS,
            _ => (20_i64 >> column).max(2),
        };
        text.push_str(&format!(" {same}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::estimate;

    #[test]
    fn a_realm_is_the_whole_table_and_a_unique_key_one_row() {
        assert_eq!(estimate(2, true, true), "1000000 1000000 1");
        assert_eq!(estimate(4, false, true), "1000000 1000000 10 5 2");
        assert_eq!(estimate(1, true, false), "1000000 1");
    }
}
