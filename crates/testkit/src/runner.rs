//! What `on_both_databases!` expands to.

use crate::db::Db;

/// A runtime as the server has one, with four workers on every machine.
#[must_use]
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().expect("a runtime")
}

/// Runs a test on a new SQLite database.
pub fn on_sqlite<F: Future<Output = ()>>(test: impl FnOnce(Db) -> F) {
    runtime().block_on(async { checked(Db::sqlite().await, test).await });
}

/// Runs a test on a new PostgreSQL database.
pub fn on_postgres<F: Future<Output = ()>>(test: impl FnOnce(Db) -> F) {
    runtime().block_on(async { checked(Db::postgres().await, test).await });
}

async fn checked<F: Future<Output = ()>>(db: Db, test: impl FnOnce(Db) -> F) {
    db.remember_twin().await;
    test(db.clone()).await;
    if !db.twin_changes() {
        db.twin_is_untouched().await;
    }
}
