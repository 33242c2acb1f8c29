//! A clock that stands still until it is advanced.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use domain::time::Timestamp;

/// Where a test's time begins: 2026-11-21T14:36:00Z.
pub const START: Timestamp = Timestamp::from_seconds(1_795_271_760);

/// A clock that stands still until it is advanced.
#[derive(Debug)]
pub struct FixedClock(AtomicI64);

impl Default for FixedClock {
    fn default() -> Self {
        Self::at(START)
    }
}

impl FixedClock {
    /// Begins at an instant.
    #[must_use]
    pub const fn at(start: Timestamp) -> Self {
        Self(AtomicI64::new(start.micros()))
    }

    /// What it shows.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }

    /// Moves it on, and returns what it shows then.
    pub fn advance(&self, by: Duration) -> Timestamp {
        let later = self.now().plus(by);
        self.set(later);
        later
    }

    /// Moves it anywhere, backwards too.
    pub fn set(&self, to: Timestamp) {
        self.0.store(to.micros(), Ordering::SeqCst);
    }
}

impl service::clock::Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Self::now(self)
    }
}
