//! What `on_both_databases!` expands to.

use crate::app::TestApp;
use crate::db::Db;

/// A runtime as the server has one, with four workers on every machine.
#[must_use]
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().expect("a runtime")
}

/// What a test is given anew.
pub trait Fixture: Clone {
    /// On an embedded database.
    fn sqlite() -> impl Future<Output = Self>;
    /// On PostgreSQL.
    fn postgres() -> impl Future<Output = Self>;
    /// Looks at the state before the test.
    fn before(&self) -> impl Future<Output = ()> {
        async {}
    }
    /// Compares with it afterwards.
    fn after(&self) -> impl Future<Output = ()> {
        async {}
    }
}

impl Fixture for Db {
    async fn sqlite() -> Self {
        Self::sqlite().await
    }
    async fn postgres() -> Self {
        Self::postgres().await
    }
    async fn before(&self) {
        self.remember_twin().await;
    }
    async fn after(&self) {
        if !self.twin_changes() {
            self.twin_is_untouched().await;
        }
    }
}

impl Fixture for TestApp {
    async fn sqlite() -> Self {
        Self::new().await
    }
    async fn postgres() -> Self {
        Self::postgres().await
    }
}

/// Runs a test on a new SQLite database.
pub fn on_sqlite<X: Fixture, F: Future<Output = ()>>(test: impl FnOnce(X) -> F) {
    runtime().block_on(async { checked(X::sqlite().await, test).await });
}

/// Runs a test on a new PostgreSQL database.
pub fn on_postgres<X: Fixture, F: Future<Output = ()>>(test: impl FnOnce(X) -> F) {
    runtime().block_on(async { checked(X::postgres().await, test).await });
}

async fn checked<X: Fixture, F: Future<Output = ()>>(fixture: X, test: impl FnOnce(X) -> F) {
    fixture.before().await;
    test(fixture.clone()).await;
    fixture.after().await;
}
