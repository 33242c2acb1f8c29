//! The first door: reading needs an `Allowed`, and nothing else stands for one.

use domain::time::Timestamp;
use store::{Store, StoreError};

async fn reads(store: &Store, now: Timestamp) -> Result<(), StoreError> {
    store.read(&(), now, |_tx| Box::pin(async move { Ok(()) })).await
}

fn main() {}
