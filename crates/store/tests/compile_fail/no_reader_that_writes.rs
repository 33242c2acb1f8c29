//! The second door: functions that read take `&mut impl Read`, which has nothing that writes.

use store::db::Sql;
use store::{Guard, Read, ReadTx, StoreError};

async fn calls_what_writes(tx: &mut impl Read) -> Result<i64, StoreError> {
    store::counter::raise(tx, "x").await
}

async fn passes_it_on(tx: &mut ReadTx<'_>) -> Result<i64, StoreError> {
    store::counter::raise(tx, "x").await
}

async fn writes(tx: &mut ReadTx<'_>) -> Result<(), StoreError> {
    tx.execute(Sql::literal("DELETE FROM counter"), vec![]).await?;
    tx.returning(Sql::literal("DELETE FROM counter"), vec![]).await?;
    tx.pipeline(vec![]).await?;
    tx.exclusive(Guard::Keys).await
}

fn main() {}
