//! Two folders of migrations, one schema; and which program may open which database.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use store::{Read, StoreError, Value};
use testkit::{Db, on_both_databases, race};

use crate::counters;

fn files(folder: &str) -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(folder);
    let mut files: Vec<(String, String)> = fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(&path).unwrap()))
        .collect();
    files.sort();
    files
}

/// Statements without comments, spaces and what the databases have to write differently.
fn portable(text: &str) -> Vec<String> {
    let code: String = text.lines().map(|line| line.split("--").next().unwrap()).collect::<Vec<_>>().join(" ");
    let mut code = code.replace(" COLLATE \"C\"", "").replace("STRICT, WITHOUT ROWID", "").replace("STRICT", "");
    for (own, common) in [("BIGINT", "INTEGER"), ("BOOLEAN", "INTEGER"), ("UUID", "BLOB"), ("BYTEA", "BLOB")] {
        code = code.replace(own, common);
    }
    let statements = code.split(';').map(|statement| statement.split_whitespace().collect::<Vec<_>>().join(" "));
    statements.filter(|statement| !statement.is_empty() && !statement.starts_with("CREATE SEQUENCE")).collect()
}

fn comments(text: &str) -> Vec<&str> {
    text.lines().filter_map(|line| line.split_once("--")).map(|(_, comment)| comment.trim()).collect()
}

#[test]
fn both_folders_have_the_same_numbers_and_names() {
    let names = |folder| files(folder).into_iter().map(|(name, _)| name).collect::<Vec<_>>();

    assert_eq!(names("sqlite"), names("postgres"));
    for (at, name) in names("sqlite").iter().enumerate() {
        assert!(name.starts_with(&format!("{:04}_", at + 1)), "{name} is out of order");
    }
}

/// Columns, nullability, defaults, checks, keys, indexes: all that is written.
#[test]
fn both_folders_say_the_same() {
    for ((name, sqlite), (_, postgres)) in files("sqlite").iter().zip(files("postgres")) {
        assert_eq!(portable(sqlite), portable(&postgres), "{name}");
    }
}

#[test]
fn comments_in_both_folders_are_the_same() {
    for ((name, sqlite), (_, postgres)) in files("sqlite").iter().zip(files("postgres")) {
        let (sqlite, postgres) = (comments(sqlite), comments(&postgres));
        assert!(sqlite.iter().all(|comment| postgres.contains(comment)), "{name}");
    }
}

#[test]
fn every_table_of_sqlite_is_strict() {
    for (name, text) in files("sqlite") {
        assert_eq!(text.matches("CREATE TABLE").count(), text.matches("STRICT").count(), "{name}");
    }
}

/// What the databases made of the migrations.
#[tokio::test(flavor = "multi_thread")]
async fn both_databases_have_the_same_tables_columns_keys_and_indexes() {
    let (sqlite, postgres) = (Db::sqlite().await, Db::postgres().await);
    let common = |line: &String| {
        let mut line = line.clone();
        for (own, common) in
            [(" BIGINT", " INTEGER"), (" BOOLEAN", " INTEGER"), (" UUID", " BLOB"), (" BYTEA", " BLOB")]
        {
            line = line.replace(own, common);
        }
        line
    };

    let sqlite: BTreeSet<String> = sqlite.store.schema().await.unwrap().iter().map(common).collect();
    let postgres: BTreeSet<String> = postgres.store.schema().await.unwrap().iter().map(common).collect();

    assert!(sqlite.len() > 300, "{}", sqlite.len());
    let only_in = |one: &BTreeSet<String>, other: &BTreeSet<String>| one.difference(other).cloned().collect::<Vec<_>>();
    assert_eq!(
        (only_in(&sqlite, &postgres), only_in(&postgres, &sqlite)),
        (vec![], vec![]),
        "only in SQLite, only in PostgreSQL"
    );
}

/// Otherwise order and prefixes would depend on the cluster.
#[tokio::test(flavor = "multi_thread")]
async fn every_text_column_of_postgresql_has_the_collation_c() {
    let db = Db::postgres().await;

    let schema = db.store.schema().await.unwrap();

    assert!(schema.iter().any(|line| line.contains(" TEXT")));
    let wrong: Vec<_> = schema.iter().filter(|line| line.contains("wrong collation")).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn the_realm_stands_first_in_every_key_and_index() {
    for (name, text) in files("postgres") {
        for statement in portable(&text) {
            let keys = statement
                .split("PRIMARY KEY (")
                .skip(1)
                .chain(statement.split(" ON ").skip(1).filter(|_| statement.contains("INDEX")));
            for key in keys {
                let columns =
                    key.split_once('(').filter(|_| statement.contains("INDEX")).map_or(key, |(_, columns)| columns);
                let across_realms = statement.contains("audit_event_position"); // the sequencer's, over all realms
                assert!(columns.starts_with("realm_id") || across_realms, "{name}: {statement}");
            }
        }
    }
}

on_both_databases! {
    async fn text_is_ordered_by_its_bytes(db: Db) {
        for name in ["b", "A", "a", "Z", "ä", "_"] {
            counters::make(&db, name, 1).await.unwrap();
        }

        let rows = db.rows("SELECT name FROM counter WHERE realm_id = $1 ORDER BY name", vec![db.realm.into()]).await;

        assert_eq!(rows, ["A", "Z", "_", "a", "b", "ä"].map(|name| vec![Value::from(name)]));
    }

    async fn foreign_keys_hold(db: Db) {
        let orphan = db
            .write((), |tx, ()| {
                Box::pin(async move {
                    let sql =
                        store::db::Sql::literal("INSERT INTO counter (realm_id, name, value) VALUES (99, 'x', 1)");
                    tx.execute(sql, vec![]).await?;
                    Ok(store::Outcome::upkeep((), store::Upkeep::Counter))
                })
            })
            .await;

        assert!(matches!(orphan, Err(StoreError::Driver(_))), "{orphan:?}");
    }

    async fn migrating_again_does_nothing(db: Db) {
        assert_eq!(db.store.pending_migrations().await.unwrap(), [""; 0]);
        assert_eq!(db.store.migrate(db.now()).await.unwrap(), [""; 0]);
    }

    async fn a_database_from_a_newer_version_is_refused_with_what_to_do(db: Db) {
        db.execute("INSERT INTO schema_migration (number, name, hash, compatible_from, applied_at) VALUES (998, 'later', 'x', 1, 0)", vec![]).await;
        db.reopened_with(|_| ()).await.map(drop).expect("a later migration that this program can live with");

        db.execute("INSERT INTO schema_migration (number, name, hash, compatible_from, applied_at) VALUES (999, 'last', 'x', 999, 0)", vec![]).await;

        let opened = db.reopened_with(|_| ()).await.map(drop);
        assert!(
            matches!(opened, Err(StoreError::Unusable(ref text)) if text.contains("newer version") && text.contains("Install the newer version")),
            "{opened:?}"
        );
    }

    async fn a_migration_that_is_not_ours_is_refused_with_what_to_do(db: Db) {
        db.execute("UPDATE schema_migration SET hash = 'other' WHERE number = 2", vec![]).await;

        let opened = db.reopened_with(|_| ()).await.map(drop);

        assert!(
            matches!(opened, Err(StoreError::Unusable(ref text)) if text.contains("migration 2") && text.contains("use a new database")),
            "{opened:?}"
        );
    }

    async fn applied_migrations_are_written_down_once_each(db: Db) {
        let rows = db.rows("SELECT number, name, applied_at FROM schema_migration ORDER BY number", vec![]).await;

        let expected: Vec<Vec<Value>> = (1..)
            .zip(files("sqlite"))
            .map(|(number, (name, _))| {
                vec![Value::Int(number), Value::from(name.trim_end_matches(".sql")), testkit::clock::START.into()]
            })
            .collect();
        assert_eq!(rows, expected);
    }

    async fn a_slug_is_taken_once(db: Db) {
        db.twin_may_change();
        let rows = db.number("SELECT COUNT(*) FROM realm WHERE slug = 'twin'", vec![]).await;
        let again = db.write((), |tx, ()| Box::pin(async move {
            let sql = "INSERT INTO realm (id, slug, name, issuer, rp_id, attribute_schema, created_at) VALUES (3, 'twin', 'x', 'x', 'x', '{}', 0)";
            assert!(tx.now() == testkit::clock::START);
            tx.execute(store::db::Sql::literal(sql), vec![]).await?;
            Ok(store::Outcome::upkeep((), store::Upkeep::Counter))
        })).await;

        assert!(again.is_err());
        assert_eq!(rows, 1);
    }
}

async fn asked_for_migrations_are_named_and_not_applied(db: Db) {
    let names: Vec<String> =
        files("sqlite").into_iter().map(|(name, _)| name.trim_end_matches(".sql").to_owned()).collect();

    assert_eq!(db.store.pending_migrations().await.unwrap(), names);
    assert_eq!(db.store.pending_migrations().await.unwrap(), names, "asking applies nothing");
    assert_eq!(db.store.schema().await.unwrap(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_asked_for_migrations_are_named_and_not_applied() {
    asked_for_migrations_are_named_and_not_applied(Db::sqlite_unmigrated().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgresql_asked_for_migrations_are_named_and_not_applied() {
    asked_for_migrations_are_named_and_not_applied(Db::postgres_unmigrated().await).await;
}

/// Four programs start at once: between them each migration is applied once, and none of them fails.
async fn migrating_at_once(db: Db) {
    let mut nodes = Vec::new();
    for _ in 0..4 {
        nodes.push(db.reopened().await);
    }

    let done = race(4, |racer| {
        let node = nodes[racer].clone();
        async move { node.store.migrate(node.now()).await }
    })
    .await;

    let names: Vec<&str> = done.into_iter().flat_map(Result::unwrap).collect();
    assert_eq!(names.len(), files("sqlite").len(), "{names:?}");
    assert_eq!(db.store.pending_migrations().await.unwrap(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_four_programs_that_migrate_at_once_apply_each_migration_once() {
    migrating_at_once(Db::sqlite_unmigrated().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgresql_four_programs_that_migrate_at_once_apply_each_migration_once() {
    migrating_at_once(Db::postgres_unmigrated().await).await;
}
