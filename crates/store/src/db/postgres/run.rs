//! Work in a transaction: in a task of its own, tried again when PostgreSQL ended it for the sake of another.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use deadpool_postgres::Object;
use domain::allowed::Allowed;
use domain::entropy::Entropy;
use domain::time::Timestamp;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;

use super::super::sql::Statement;
use super::super::tx::{Connection, Read, ReadTx, WriteTx};
use super::{Database, Tx};
use crate::error::StoreError;
use crate::outcome::Outcome;

/// Most tries of a transaction that PostgreSQL ended for the sake of another.
const TRIES: usize = 4;

const BEGIN_WRITE: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";
const BEGIN_READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";

pub(crate) async fn read<T, E>(
    database: Arc<Database>,
    allowed: Allowed,
    now: Timestamp,
    run: impl for<'t> FnOnce(&'t mut ReadTx<'_>) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
) -> Result<T, E>
where
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
{
    spawned(async move {
        let client = database.client().await?;
        let mut tx =
            ReadTx { connection: Connection::Postgres(Tx { client: &client, begin: Some(BEGIN_READ) }), allowed, now };
        let answer = caught(run(&mut tx)).await;
        let ended = end(tx.connection).await;
        give_back(client, ended);
        answer
    })
    .await
}

pub(crate) async fn write<I, T, E>(
    database: Arc<Database>,
    allowed: Allowed,
    now: Timestamp,
    entropy: Arc<dyn Entropy>,
    input: I,
    run: impl for<'t> Fn(&'t mut WriteTx<'_>, &'t I) -> BoxFuture<'t, Result<Outcome<T>, E>> + Send + Sync + 'static,
) -> Result<T, E>
where
    I: Send + Sync + 'static,
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
{
    spawned(async move {
        let mut last = None;
        for _ in 0..TRIES {
            let client = database.client().await?;
            let below = Tx { client: &client, begin: Some(BEGIN_WRITE) };
            let mut tx = WriteTx::new(Connection::Postgres(below), allowed.clone(), now, entropy.clone());
            let answer = Retry::watch(caught(attempt(&mut tx, &input, &run))).await;
            match answer {
                (Ok(value), _) => return Ok(value),
                (Err(error), again) => {
                    let ended = end(tx.into_connection()).await;
                    give_back(client, ended);
                    if !again {
                        return Err(error);
                    }
                    last = Some(error);
                }
            }
        }
        Err(last.unwrap_or_else(|| StoreError::Busy.into()))
    })
    .await
}

/// A panic of the work is an error: the transaction around it must still be ended before its connection goes back to the pool.
async fn caught<T, E: From<StoreError>>(work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    let panicked = |_| Err(StoreError::rule("a transaction panicked").into());
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(panicked)
}

/// Ends what is open; `false` if that failed.
async fn end(connection: Connection<'_>) -> bool {
    match connection {
        Connection::Postgres(mut below) => below.rollback().await,
        Connection::Sqlite(_) => true,
    }
}

/// Lends the connection to others, or closes it if a transaction may still be open on it.
fn give_back(client: Object, ended: bool) {
    if !ended {
        drop(Object::take(client));
    }
}

async fn attempt<I, T, E>(
    tx: &mut WriteTx<'_>,
    input: &I,
    run: &(impl for<'t> Fn(&'t mut WriteTx<'_>, &'t I) -> BoxFuture<'t, Result<Outcome<T>, E>> + Send),
) -> Result<T, E>
where
    E: From<StoreError>,
{
    let outcome = run(tx, input).await?;
    let (value, records) = tx.records(outcome)?;
    let statements = crate::audit::insert_statements(tx.realm(), &records);
    tx.commit_postgres(statements).await?;
    Ok(value)
}

impl WriteTx<'_> {
    async fn commit_postgres(&mut self, statements: Vec<Statement>) -> Result<(), StoreError> {
        match self.connection_mut() {
            Connection::Postgres(tx) => tx.commit(statements).await,
            Connection::Sqlite(_) => Err(StoreError::rule("a connection changed its kind")),
        }
    }
}

tokio::task_local! {
    static RETRY: std::cell::Cell<bool>;
}

/// Remembers, for the transaction of this task, that PostgreSQL asked for another try. The error itself has passed through the use case's
/// own type by then.
pub(super) struct Retry;

impl Retry {
    async fn watch<T>(run: impl Future<Output = T>) -> (T, bool) {
        RETRY
            .scope(std::cell::Cell::new(false), async {
                let answer = run.await;
                (answer, RETRY.with(std::cell::Cell::get))
            })
            .await
    }

    /// Another try is worth it.
    pub(super) fn ask() {
        let _ = RETRY.try_with(|flag| flag.set(true));
    }
}

/// Runs to its end whatever happens to who waits for it.
async fn spawned<T, E>(work: impl Future<Output = Result<T, E>> + Send + 'static) -> Result<T, E>
where
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
{
    let (sender, receiver) = oneshot::channel();
    // One kind of task for all transactions: each kind brings the runtime's machinery into the program once more.
    let task: BoxFuture<'static, ()> = Box::pin(async move {
        let _ = sender.send(work.await);
    });
    drop(tokio::spawn(task));
    receiver.await.unwrap_or_else(|_| Err(StoreError::rule("a transaction panicked").into()))
}
