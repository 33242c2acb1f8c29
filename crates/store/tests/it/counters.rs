//! The smallest thing to write: numbers under a name, in the table `counter`.

use domain::event::{Event, EventType};
use store::db::{Sql, Statement};
use store::{Outcome, Read, StoreError, Upkeep, Value, WriteTx};
use testkit::Db;

pub(crate) const SET: Sql = Sql::literal("INSERT INTO counter (realm_id, name, value) VALUES ($1, $2, $3)");
pub(crate) const ADD: Sql = Sql::literal("UPDATE counter SET value = value + $1 WHERE realm_id = $2 AND name = $3");
pub(crate) const GET: Sql = Sql::literal("SELECT value FROM counter WHERE realm_id = $1 AND name = $2");
pub(crate) const WRONG: Sql = Sql::literal("INSERT INTO counter (realm_id, name, value) VALUES ($1, $2, NULL)");

/// Makes a counter in the transaction.
pub(crate) async fn set(tx: &mut WriteTx<'_>, name: &str, value: i64) -> Result<u64, StoreError> {
    let realm = tx.realm();
    tx.execute(SET, vec![realm.into(), name.into(), value.into()]).await
}

/// Adds to a counter in the transaction.
pub(crate) async fn add(tx: &mut WriteTx<'_>, name: &str, count: i64) -> Result<u64, StoreError> {
    let realm = tx.realm();
    tx.execute(ADD, vec![count.into(), realm.into(), name.into()]).await
}

/// A counter's value in the transaction; `None`: there is none.
pub(crate) async fn get(tx: &mut impl Read, name: &str) -> Result<Option<i64>, StoreError> {
    let realm = tx.realm();
    tx.one(GET, vec![realm.into(), name.into()]).await?.map(|row| row.get(0)).transpose()
}

/// A statement that the database refuses.
pub(crate) async fn fail(tx: &mut WriteTx<'_>) -> StoreError {
    let realm = tx.realm();
    tx.execute(WRONG, vec![realm.into(), "wrong".into()]).await.expect_err("NOT NULL")
}

/// As a statement of a pipeline.
pub(crate) fn set_statement(db: &Db, name: &str, value: i64) -> Statement {
    Statement { sql: SET, params: vec![db.realm.into(), name.into(), value.into()] }
}

/// Makes a counter, as upkeep.
pub(crate) async fn make(db: &Db, name: &str, value: i64) -> Result<(), StoreError> {
    db.write((name.to_owned(), value), |tx, (name, value)| {
        Box::pin(async move {
            set(tx, name, *value).await?;
            Ok(Outcome::upkeep((), Upkeep::Counter))
        })
    })
    .await
}

/// Makes a counter, as something that is audited.
pub(crate) async fn make_audited(db: &Db, name: &str, value: i64) -> Result<(), StoreError> {
    db.write((name.to_owned(), value), |tx, (name, value)| {
        Box::pin(async move {
            set(tx, name, *value).await?;
            Ok(Outcome::done((), Event::new(EventType::ServerStarted).with("counter", name.as_str())))
        })
    })
    .await
}

/// A counter's value; `None`: there is none.
pub(crate) async fn value(db: &Db, name: &str) -> Option<i64> {
    let name = name.to_owned();
    db.read(|tx| Box::pin(async move { get(tx, &name).await })).await.expect("a value")
}

/// How many counters there are in the realm.
pub(crate) async fn count(db: &Db) -> i64 {
    db.number("SELECT COUNT(*) FROM counter WHERE realm_id = $1", vec![Value::from(db.realm)]).await
}
