//! The first door: writing needs an `Allowed`, and nothing else stands for one.

use domain::time::Timestamp;
use store::{Outcome, Store, StoreError};

async fn writes(store: &Store, now: Timestamp) -> Result<(), StoreError> {
    store.write((), now, (), |_tx, ()| Box::pin(async move { Ok(Outcome::nothing(())) })).await
}

fn main() {}
