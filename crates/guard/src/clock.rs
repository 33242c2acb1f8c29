//! The time, as a value that tests can set.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Tells the time in seconds since 1970 UTC.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The machine's clock.
#[must_use]
pub fn system_clock() -> Clock {
    Arc::new(|| {
        #[expect(clippy::disallowed_methods, reason = "the one place where the guard reads the clock")]
        let now = SystemTime::now();
        now.duration_since(UNIX_EPOCH).ok().and_then(|since| i64::try_from(since.as_secs()).ok()).unwrap_or_default()
    })
}

/// A clock that nobody sets, for how long something was silent.
pub(crate) fn monotonic() -> tokio::time::Instant {
    #[expect(clippy::disallowed_methods, reason = "silence is a duration; tests pause tokio's time")]
    tokio::time::Instant::now()
}
