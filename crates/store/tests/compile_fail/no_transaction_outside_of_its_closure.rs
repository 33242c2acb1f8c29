//! The second door: a transaction ends with its closure, and cannot be carried out of it.

use domain::allowed::Allowed;
use domain::time::Timestamp;
use store::{ReadTx, Store, StoreError};

async fn keeps<'t>(store: &Store, allowed: &Allowed, now: Timestamp) -> Result<&'t mut ReadTx<'t>, StoreError> {
    store.read(allowed, now, |tx| Box::pin(async move { Ok(tx) })).await
}

fn main() {}
