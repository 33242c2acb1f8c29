//! The writer thread: drains its queue into one transaction, a savepoint for each job, one durable commit, then all answers.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::{failed, run_cached};
use crate::db::Options;
use crate::error::StoreError;

/// Most jobs of one commit.
const BATCH: usize = 256;
/// Jobs after which the write-ahead log is copied back.
const CHECKPOINT_JOBS: u64 = 250;
/// How long the writer waits for readers of the old log when it is to begin anew.
const READERS_PATIENCE: Duration = Duration::from_millis(50);

/// Answers a job after the commit: with its value, or with why the batch failed.
type Answer = Box<dyn FnOnce(Result<(), StoreError>) + Send>;
/// Runs a job, or hears why it cannot be run. The first value tells whether its savepoint stays.
type Work = Box<dyn FnOnce(Result<&mut Connection, StoreError>) -> (bool, Answer) + Send>;

enum Message {
    Job(Work),
    /// Outside of any transaction: migrations.
    Alone(Box<dyn FnOnce(&mut Connection) + Send>),
    Stop,
}

/// What the writer did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Load {
    /// Commits.
    pub batches: u64,
    /// Jobs in them.
    pub jobs: u64,
    /// Jobs refused because the queue was full.
    pub refused: u64,
}

#[derive(Default)]
struct Counters {
    batches: AtomicU64,
    jobs: AtomicU64,
    refused: AtomicU64,
    stop: AtomicBool,
    /// Pages in the log at the last look.
    log: AtomicU64,
}

/// The handle of the thread.
pub(crate) struct Writer {
    queue: SyncSender<Message>,
    counters: Arc<Counters>,
    threads: Vec<JoinHandle<()>>,
}

impl Writer {
    pub(crate) fn start(
        connection: Connection,
        checkpoints: Connection,
        options: &Options,
    ) -> Result<Self, StoreError> {
        let (sender, receiver) = sync_channel(options.queue);
        let log = Log { most: options.log_pages, allowed: options.log_pages };
        let counters = Arc::new(Counters::default());
        let spawn = |name: &str, run: Box<dyn FnOnce() + Send>| {
            let thread = std::thread::Builder::new().name(name.to_owned()).spawn(run);
            thread.map_err(|e| StoreError::Unavailable(format!("no thread for the database: {e}")))
        };
        let own = counters.clone();
        let writer = spawn("writer", Box::new(move || serve(connection, &receiver, &own, log)))?;
        let own = counters.clone();
        let checkpointer = spawn("checkpoints", Box::new(move || checkpoint(&checkpoints, &own)))?;
        Ok(Self { queue: sender, counters, threads: vec![writer, checkpointer] })
    }

    /// Queues a job and waits for the commit that it is part of.
    pub(crate) async fn submit<T, E>(
        &self,
        run: impl FnOnce(&mut Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        let work: Work = Box::new(move |connection| {
            if sender.is_closed() {
                return (false, Box::new(|_| {})); // nobody waits any more, and nothing has been done yet
            }
            let done = match connection {
                Ok(connection) => catch_unwind(AssertUnwindSafe(|| run(connection)))
                    .unwrap_or_else(|_| Err(StoreError::rule("a transaction panicked").into())),
                Err(error) => Err(error.into()),
            };
            let keep = done.is_ok();
            let answer: Answer = Box::new(move |committed| {
                let _ = sender.send(match committed {
                    Ok(()) => done,
                    Err(_) if !keep => done, // it had failed by itself
                    Err(error) => Err(error.into()),
                });
            });
            (keep, answer)
        });
        self.queue.try_send(Message::Job(work)).map_err(|full| self.refused(&full))?;
        receiver.await.unwrap_or_else(|_| Err(StoreError::Unavailable("the writer stopped".to_owned()).into()))
    }

    /// Runs something on the writer's connection outside of any transaction.
    pub(crate) fn with_connection<T: Send + 'static>(
        &self,
        run: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (sender, receiver) = std::sync::mpsc::channel();
        let message = Message::Alone(Box::new(move |connection| {
            let _ = sender.send(run(connection));
        }));
        self.queue.try_send(message).map_err(|full| self.refused(&full))?;
        receiver.recv().map_err(|_| StoreError::Unavailable("the writer stopped".to_owned()))?
    }

    pub(crate) fn load(&self) -> Load {
        Load {
            batches: self.counters.batches.load(Ordering::Relaxed),
            jobs: self.counters.jobs.load(Ordering::Relaxed),
            refused: self.counters.refused.load(Ordering::Relaxed),
        }
    }

    fn refused(&self, full: &TrySendError<Message>) -> StoreError {
        self.counters.refused.fetch_add(1, Ordering::Relaxed);
        match full {
            TrySendError::Full(_) => StoreError::Busy,
            TrySendError::Disconnected(_) => StoreError::Unavailable("the writer stopped".to_owned()),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.counters.stop.store(true, Ordering::Relaxed);
        let _ = self.queue.send(Message::Stop);
        // The last handle may go with a job's input, on the writer's own thread: that one ends by itself.
        let here = std::thread::current().id();
        for thread in self.threads.drain(..).filter(|thread| thread.thread().id() != here) {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

fn serve(mut connection: Connection, queue: &Receiver<Message>, counters: &Counters, mut log: Log) {
    let mut jobs = Vec::with_capacity(BATCH);
    while let Ok(first) = queue.recv() {
        let mut next = Some(first);
        while let Some(message) = next.take() {
            match message {
                Message::Job(work) => jobs.push(work),
                Message::Alone(run) => {
                    commit(&mut connection, &mut jobs, counters);
                    run(&mut connection);
                }
                Message::Stop => return commit(&mut connection, &mut jobs, counters),
            }
            if jobs.len() < BATCH {
                next = queue.try_recv().ok();
            }
        }
        commit(&mut connection, &mut jobs, counters);
        log.keep_short(&connection, counters);
    }
}

/// The write-ahead log begins at its start again only while nobody writes. Under load that never happens by itself, however often it is copied back,
/// and it would fill the disk.
struct Log {
    /// Pages from which on it is long.
    most: u64,
    /// Pages at which the next attempt is due.
    allowed: u64,
}

impl Log {
    /// Copies back what the other thread has not, and waits for readers of the old log. Whoever reads for longer is not waited for, until it has grown
    /// by another quarter.
    fn keep_short(&mut self, connection: &Connection, counters: &Counters) {
        let pages = counters.log.swap(0, Ordering::Relaxed);
        if pages < self.allowed {
            return;
        }
        let _ = connection.busy_timeout(READERS_PATIENCE);
        let restarted = connection.query_row("PRAGMA wal_checkpoint(RESTART)", [], |row| row.get::<_, i64>(0));
        let _ = connection.busy_timeout(super::BUSY);
        self.allowed = if restarted == Ok(0) { self.most } else { pages + self.most / 4 };
    }
}

/// Runs the jobs in one transaction and answers them.
fn commit(connection: &mut Connection, jobs: &mut Vec<Work>, counters: &Counters) {
    if jobs.is_empty() {
        return;
    }
    counters.batches.fetch_add(1, Ordering::Relaxed);
    counters.jobs.fetch_add(jobs.len() as u64, Ordering::Relaxed);
    let mut answers = Vec::with_capacity(jobs.len());
    let mut result = run_cached(connection, "BEGIN IMMEDIATE").map_err(|e| failed(&e));
    for work in jobs.drain(..) {
        if result.is_ok() {
            let (answer, done) = run_one(connection, work);
            answers.push(answer);
            result = done;
        } else {
            // Run outside of the lost transaction it would write by itself: it is only answered.
            answers.push(unrun(work, &result));
        }
    }
    if result.is_ok() {
        result = run_cached(connection, "COMMIT").map_err(|e| failed(&e));
    }
    if result.is_err() && !connection.is_autocommit() {
        let _ = connection.execute_batch("ROLLBACK");
    }
    for answer in answers {
        answer(result.clone());
    }
}

/// One job in its savepoint. The second value tells whether the transaction around it still stands: a full disk ends it silently.
fn run_one(connection: &mut Connection, work: Work) -> (Answer, Result<(), StoreError>) {
    if let Err(error) = run_cached(connection, "SAVEPOINT job") {
        let lost = Err(failed(&error));
        return (unrun(work, &lost), lost);
    }
    let (keep, answer) = work(Ok(connection));
    if connection.is_autocommit() {
        return (answer, Err(StoreError::Unavailable("the transaction was lost; the disk may be full".to_owned())));
    }
    let ended = if keep {
        run_cached(connection, "RELEASE job")
    } else {
        run_cached(connection, "ROLLBACK TO job").and_then(|()| run_cached(connection, "RELEASE job"))
    };
    (answer, ended.map_err(|e| failed(&e)))
}

/// A job that cannot be run hears why.
fn unrun(work: Work, lost: &Result<(), StoreError>) -> Answer {
    let why = lost.clone().err().unwrap_or(StoreError::Busy);
    work(Err(why)).1
}

/// Copies the log back off the writer thread. PASSIVE never waits for a reader or the writer.
fn checkpoint(connection: &Connection, counters: &Counters) {
    let mut last = 0;
    while !counters.stop.load(Ordering::Relaxed) {
        std::thread::park_timeout(Duration::from_millis(100));
        let jobs = counters.jobs.load(Ordering::Relaxed);
        if jobs.saturating_sub(last) >= CHECKPOINT_JOBS {
            last = jobs;
            let pages = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get::<_, i64>(1));
            counters.log.store(pages.map_or(0, |pages| u64::try_from(pages).unwrap_or(0)), Ordering::Relaxed);
        }
    }
    let _ = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
}
