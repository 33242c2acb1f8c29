//! Passwords under load: hashing runs in a pool of its own, at low priority, with a bounded queue. Refresh, validation and reads never wait
//! behind it; over the bound the answer is "busy" at once (PW-15).

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use domain::entropy::{Entropy, bytes};
use domain::password::Password;
use domain::secret::{Secret, same};
use thiserror::Error;
use tokio::sync::oneshot;
use zeroize::Zeroize;

/// An arena that nobody used for so long is given back.
const REST: Duration = Duration::from_secs(60);

/// The cost of a new hash. The floor is ASVS appendix C's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes.
    pub passes: u32,
}

impl Default for Cost {
    fn default() -> Self {
        Self { memory_kib: 65_536, passes: 3 }
    }
}

impl Cost {
    /// Whether it reaches the floor: 19,456 KiB with 2 passes, 47,104 with 1, 12,288 with 3.
    #[must_use]
    pub const fn is_enough(self) -> bool {
        (self.memory_kib >= 19_456 && self.passes >= 2)
            || (self.memory_kib >= 47_104 && self.passes >= 1)
            || (self.memory_kib >= 12_288 && self.passes >= 3)
    }
}

/// Too many passwords wait; nothing was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("too many passwords are being checked")]
pub struct Overloaded;

type Work = Box<dyn FnOnce(&mut Vec<Block>) + Send>;

struct Shared {
    queue: Mutex<(VecDeque<Work>, bool)>,
    admitted: AtomicUsize,
    wake: Condvar,
    most: usize,
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

/// The pool.
pub struct Hashing {
    shared: Arc<Shared>,
    cost: Cost,
    pepper: Secret,
    dummy: String,
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl std::fmt::Debug for Hashing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Hashing({:?})", self.cost)
    }
}

impl Hashing {
    /// Starts max(1, cores − 1) threads. `pepper` is a key kept apart from the database (PW-13).
    #[must_use]
    pub fn start(cost: Cost, pepper: Secret, entropy: &dyn Entropy) -> Self {
        let count = std::thread::available_parallelism().map_or(1, |cores| cores.get().saturating_sub(1).max(1));
        Self::with_threads(cost, pepper, entropy, count)
    }

    /// Starts so many threads; sixteen passwords may wait for each.
    #[must_use]
    pub fn with_threads(cost: Cost, pepper: Secret, entropy: &dyn Entropy, count: usize) -> Self {
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            admitted: AtomicUsize::new(0),
            wake: Condvar::new(),
            most: count * 16,
        });
        let threads = (0..count)
            .filter_map(|_| {
                let shared = shared.clone();
                std::thread::Builder::new().name("hashing".to_owned()).spawn(move || serve(&shared)).ok()
            })
            .collect();
        let dummy = phc(cost, &bytes::<16>(entropy), &bytes::<32>(entropy));
        Self { shared, cost, pepper, dummy, threads }
    }

    /// Takes a place in the queue, before anything is counted or looked up.
    ///
    /// # Errors
    /// [`Overloaded`].
    pub fn admit(&self) -> Result<Turn, Overloaded> {
        let most = self.shared.most;
        let taken =
            self.shared.admitted.fetch_update(Ordering::AcqRel, Ordering::Acquire, |n| (n < most).then_some(n + 1));
        taken.map(|_| Turn(self.shared.clone())).map_err(|_| Overloaded)
    }

    /// Hashes a new password into a PHC string.
    ///
    /// # Errors
    /// [`Overloaded`].
    pub async fn hash(&self, password: Password, entropy: &dyn Entropy) -> Result<String, Overloaded> {
        let (cost, salt, pepper) = (self.cost, bytes::<16>(entropy), self.pepper.clone());
        let turn = self.admit()?;
        let made = self.run(turn, move |arena| {
            argon2id(cost, &pepper, &password, &salt, arena).map(|hash| phc(cost, &salt, &hash))
        });
        made.await?.ok_or(Overloaded)
    }

    /// Hashes recovery codes in one turn, at the lowest cost: they are random.
    ///
    /// # Errors
    /// [`Overloaded`].
    pub async fn hash_codes(&self, codes: Vec<Password>, entropy: &dyn Entropy) -> Result<Vec<String>, Overloaded> {
        let floor = Cost { memory_kib: 19_456, passes: 2 };
        let cost = if self.cost.memory_kib < floor.memory_kib { self.cost } else { floor };
        let salted: Vec<_> = codes.into_iter().map(|code| (code, bytes::<16>(entropy))).collect();
        let (pepper, turn) = (self.pepper.clone(), self.admit()?);
        let made = self.run(turn, move |arena| {
            let one = |(code, salt): (Password, [u8; 16])| {
                argon2id(cost, &pepper, &code, &salt, arena).map(|hash| phc(cost, &salt, &hash))
            };
            salted.into_iter().map(one).collect::<Option<Vec<_>>>()
        });
        made.await?.ok_or(Overloaded)
    }

    /// Whether `password` is the one behind `stored`; without a stored hash it does the same work and says no.
    ///
    /// # Errors
    /// [`Overloaded`].
    pub async fn verify(&self, password: Password, stored: Option<String>) -> Result<bool, Overloaded> {
        self.verify_in(self.admit()?, password, stored).await
    }

    /// The same in a place that was taken before.
    ///
    /// # Errors
    /// [`Overloaded`]: the pool is closing.
    pub async fn verify_in(&self, turn: Turn, password: Password, stored: Option<String>) -> Result<bool, Overloaded> {
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.dummy.clone());
        let (pepper, own) = (self.pepper.clone(), self.cost);
        self.run(turn, move |arena| {
            let parsed = parse(&stored);
            let (cost, salt, expected) = parsed.as_ref().map_or((own, &[0; 16][..], &[][..]), |(c, s, h)| (*c, s, h));
            let computed = argon2id(cost, &pepper, &password, salt, arena);
            known && parsed.is_some() && computed.is_some_and(|computed| same(&computed, expected))
        })
        .await
    }

    /// Whether a stored hash differs from what a new one would be.
    #[must_use]
    pub fn is_outdated(&self, stored: &str) -> bool {
        parse(stored).is_none_or(|(cost, _, _)| cost != self.cost)
    }

    /// How many passwords wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner).0.len()
    }

    async fn run<T: Send + 'static>(
        &self,
        turn: Turn,
        work: impl FnOnce(&mut Vec<Block>) -> T + Send + 'static,
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

impl Drop for Hashing {
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
    let mut arena = Vec::new();
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
                arena = Vec::new();
            }
        };
        drop(queue);
        work(&mut arena);
    }
}

/// Argon2id version 1.3, one lane, 32 bytes; the arena is wiped afterwards.
fn argon2id(cost: Cost, pepper: &Secret, password: &Password, salt: &[u8], arena: &mut Vec<Block>) -> Option<[u8; 32]> {
    let mut out = [0; 32];
    let params = Params::new(cost.memory_kib, cost.passes, 1, Some(32)).ok()?;
    let blocks = params.block_count();
    if arena.len() < blocks {
        arena.resize(blocks, Block::new());
    }
    let argon2 = Argon2::new_with_secret(pepper.bytes(), Algorithm::Argon2id, Version::V0x13, params).ok()?;
    let done = argon2.hash_password_into_with_memory(password.expose(), salt, &mut out, &mut arena[..blocks]);
    arena[..blocks].iter_mut().for_each(Zeroize::zeroize);
    done.ok().map(|()| out)
}

fn phc(cost: Cost, salt: &[u8], hash: &[u8]) -> String {
    let (m, t) = (cost.memory_kib, cost.passes);
    format!("$argon2id$v=19$m={m},t={t},p=1${}${}", STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash))
}

fn parse(stored: &str) -> Option<(Cost, Vec<u8>, Vec<u8>)> {
    let mut parts = stored.strip_prefix("$argon2id$v=19$m=")?.split('$');
    let mut numbers = parts.next()?.split(',');
    let memory_kib = numbers.next()?.parse().ok()?;
    let passes = numbers.next()?.strip_prefix("t=")?.parse().ok()?;
    if numbers.next()? != "p=1" {
        return None;
    }
    let salt = STANDARD_NO_PAD.decode(parts.next()?).ok()?;
    let hash = STANDARD_NO_PAD.decode(parts.next()?).ok()?;
    (parts.next().is_none() && hash.len() == 32).then_some((Cost { memory_kib, passes }, salt, hash))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;

    const CHEAP: Cost = Cost { memory_kib: 64, passes: 1 };

    fn pool(pepper: u8) -> Hashing {
        Hashing::with_threads(CHEAP, Secret::from_bytes([pepper; 32]), &SystemEntropy, 1)
    }

    fn typed(text: &str) -> Password {
        Password::typed(text).expect("short")
    }

    #[tokio::test]
    async fn pw_12_a_password_verifies_and_another_does_not() {
        let pool = pool(1);
        let stored = pool.hash(typed("correct horse battery"), &SystemEntropy).await.expect("idle");

        assert!(stored.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{stored}");
        assert!(pool.verify(typed("correct horse battery"), Some(stored.clone())).await.expect("idle"));
        assert!(!pool.verify(typed("correct horse batterz"), Some(stored)).await.expect("idle"));
        assert!(!pool.verify(typed("correct horse battery"), None).await.expect("idle"));
    }

    #[tokio::test]
    async fn pw_13_with_another_pepper_nobody_signs_in() {
        let stored = pool(1).hash(typed("correct horse battery"), &SystemEntropy).await.expect("idle");

        assert!(!pool(2).verify(typed("correct horse battery"), Some(stored)).await.expect("idle"));
    }

    #[tokio::test]
    async fn pw_02_the_first_72_bytes_are_not_enough() {
        let long = "a".repeat(100);
        let pool = pool(1);
        let stored = pool.hash(typed(&long), &SystemEntropy).await.expect("idle");

        assert!(!pool.verify(typed(&long[..72]), Some(stored)).await.expect("idle"));
    }

    #[tokio::test]
    async fn pw_15_a_full_queue_is_refused_at_once() {
        let pool = Arc::new(pool(1));
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let blocked = tokio::spawn({
            let pool = pool.clone();
            async move { pool.run(pool.admit()?, move |_| wait.recv().is_ok()).await }
        });
        let mut refused = 0;
        let mut waiting = Vec::new();
        for _ in 0..40 {
            let pool = pool.clone();
            waiting.push(tokio::spawn(async move { pool.verify(typed("x"), None).await }));
        }
        tokio::task::yield_now().await;
        go.send(()).expect("the pool waits");
        for one in waiting {
            refused += usize::from(one.await.expect("no panic").is_err());
        }

        assert!(blocked.await.expect("no panic").expect("queued"));
        assert!(refused >= 40 - 17, "{refused}");
    }

    #[test]
    fn what_is_no_hash_of_ours_does_not_parse() {
        for text in
            ["", "$argon2id$", "$argon2id$v=19$m=1,t=1,p=2$AA$AA", "$2b$12$abc", "$argon2id$v=19$m=64,t=1,p=1$!$!"]
        {
            assert!(parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn the_default_reaches_the_floor() {
        assert!(Cost::default().is_enough());
        assert!(!CHEAP.is_enough());
    }
}
