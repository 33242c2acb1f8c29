//! The third door: a closure that writes says what it did.

use domain::allowed::Allowed;
use domain::time::Timestamp;
use store::{Store, StoreError};

async fn write(store: &Store, allowed: Allowed, now: Timestamp) -> Result<(), StoreError> {
    store
        .write(allowed, now, (), |tx, ()| {
            Box::pin(async move {
                tx.execute(store::db::Sql::literal("DELETE FROM counter"), vec![]).await?;
                Ok::<(), StoreError>(())
            })
        })
        .await
}

fn main() {}
