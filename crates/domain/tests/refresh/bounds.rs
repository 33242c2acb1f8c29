//! Which rule the server follows, and what the world around it may do.

use domain::refresh::{Asked, Family, Presented, decide, decide_again};
use domain::time::Timestamp;

/// Which rule the server follows: the real one, or one with a mistake that must be found.
#[derive(Clone, Copy)]
pub(crate) struct Rule {
    pub(crate) decide: fn(&Family, Asked, Timestamp) -> Presented,
    pub(crate) again: fn(&Family, Asked, Timestamp) -> Presented,
    pub(crate) advanced: fn(Family, i64, Timestamp) -> Option<Family>,
}

impl Rule {
    /// `domain::refresh`.
    pub(crate) const REAL: Self = Self { decide, again: decide_again, advanced: Family::advanced };
}

/// How far time and generations go, who takes part, what the network does.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) tabs: usize,
    pub(crate) thief: bool,
    /// Seconds.
    pub(crate) horizon: i64,
    pub(crate) generations: i64,
    /// Whether step-up, unlock or a new password happen; `Seldom`: never as the third step within a window.
    pub(crate) proofs: Proofs,
    /// Whether the browser takes over answers in the order in which the server gave them.
    pub(crate) in_order: bool,
    /// Whether time passes between the begin of a transaction and its look.
    pub(crate) queues: bool,
    /// How far the clock steps back, once; seconds.
    pub step_back: i64,
    /// Whether whoever is behind is caught up, retries included, before the window closes.
    pub within_the_window: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proofs {
    None,
    Seldom,
    AnyTime,
}
