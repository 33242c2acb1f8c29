//! Threads that do nothing but hash: at low priority, one wiped arena each, a bounded queue.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use thiserror::Error;
use tokio::sync::oneshot;

use super::argon2::Arena;

/// An arena that nobody used for so long is given back.
const REST: Duration = Duration::from_secs(60);

/// Too many passwords wait; nothing was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("too many passwords are being checked")]
pub struct Overloaded;

type Work = Box<dyn FnOnce(&mut Arena) + Send>;

struct Shared {
    queue: Mutex<(VecDeque<Work>, bool)>,
    admitted: AtomicUsize,
    wake: Condvar,
    most: usize,
    /// Blocks that an arena keeps between two hashes.
    keep: usize,
}

/// A place in the queue, given back when dropped.
pub struct Turn(Arc<Shared>);

impl std::fmt::Debug for Turn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Turn")
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.admitted.fetch_sub(1, Ordering::AcqRel);
    }
}

pub(super) struct Pool {
    shared: Arc<Shared>,
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl Pool {
    /// Starts so many threads; sixteen passwords may wait for each.
    pub(super) fn start(count: usize, keep: usize) -> Self {
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            admitted: AtomicUsize::new(0),
            wake: Condvar::new(),
            most: count * 16,
            keep,
        });
        let threads = (0..count)
            .filter_map(|_| {
                let shared = shared.clone();
                std::thread::Builder::new().name("hashing".to_owned()).spawn(move || serve(&shared)).ok()
            })
            .collect();
        Self { shared, threads }
    }

    pub(super) fn admit(&self) -> Result<Turn, Overloaded> {
        let most = self.shared.most;
        let taken =
            self.shared.admitted.fetch_update(Ordering::AcqRel, Ordering::Acquire, |n| (n < most).then_some(n + 1));
        taken.map(|_| Turn(self.shared.clone())).map_err(|_| Overloaded)
    }

    pub(super) fn waiting(&self) -> usize {
        self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner).0.len()
    }

    pub(super) async fn run<T: Send + 'static>(
        &self,
        turn: Turn,
        work: impl FnOnce(&mut Arena) -> T + Send + 'static,
    ) -> Result<T, Overloaded> {
        let (sender, receiver) = oneshot::channel();
        // Done also for somebody who hung up: what was counted gets its outcome, and hanging up saves no work.
        let job: Work = Box::new(move |arena| {
            let done = work(arena);
            drop(turn);
            let _ = sender.send(done);
        });
        self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner).0.push_back(job);
        self.shared.wake.notify_one();
        receiver.await.map_err(|_| Overloaded)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner).1 = true;
        self.shared.wake.notify_all();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn serve(shared: &Shared) {
    // Lower than everything that answers at once. Without the right to be nice it goes on as it is.
    let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), 10);
    let mut arena = Arena::new();
    loop {
        let mut queue = shared.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let work = loop {
            if let Some(work) = queue.0.pop_front() {
                break work;
            }
            if queue.1 {
                return;
            }
            let (waited, timeout) = shared.wake.wait_timeout(queue, REST).unwrap_or_else(PoisonError::into_inner);
            queue = waited;
            if timeout.timed_out() {
                arena = Arena::new();
            }
        };
        drop(queue);
        work(&mut arena);
        // A costly hash of another system does not decide for ever how much memory this one holds.
        if arena.len() > shared.keep {
            arena = Arena::new();
        }
    }
}
