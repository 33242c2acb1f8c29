//! What the guard says of itself, for whoever watches over the application.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::denylist::Entries;

/// Where the guard knows from whether a token was revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedState {
    /// It does not: there are no credentials, so tokens are good until they expire.
    Off,
    /// From the revocation feed: nothing is missing.
    Current,
    /// By asking the issuer about each token: the feed is silent, begins, or has more than fits.
    Asking,
}

impl FeedState {
    const ALL: [Self; 3] = [Self::Off, Self::Current, Self::Asking];

    /// One word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Current => "current",
            Self::Asking => "asking",
        }
    }
}

/// Requests that were refused before a handler saw them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refusals {
    /// No token.
    pub no_token: u64,
    /// A token that is not good: forged, expired, of another audience.
    pub bad_token: u64,
    /// A good token that was revoked, by the feed's word or the issuer's.
    pub revoked: u64,
    /// Nobody could say: no keys yet, or the feed silent and the issuer away.
    pub cannot_tell: u64,
}

/// The guard at one moment. From [`crate::Guard::metrics`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metrics {
    /// Where it knows from whether a token was revoked.
    pub state: FeedState,
    /// Revocations in memory.
    pub entries: Entries,
    /// What they take, in bytes.
    pub bytes: usize,
    /// How long ago the feed last said that nothing is missing; none: it has not, or not since it made us begin anew.
    pub lag: Option<Duration>,
    /// How long ago the feed's cursor last moved; none: it never has.
    pub cursor_age: Option<Duration>,
    /// How often we connected to the feed.
    pub connections: u64,
    /// Questions to the issuer that it answered with "active".
    pub introspections_active: u64,
    /// Those that it answered with "not active".
    pub introspections_inactive: u64,
    /// Those that got no answer.
    pub introspections_failed: u64,
    /// Refused requests.
    pub refusals: Refusals,
}

impl Metrics {
    /// The same as text for Prometheus (exposition format 0.0.4).
    #[must_use]
    pub fn to_prometheus(&self) -> String {
        let mut text = Text::default();
        let states = FeedState::ALL.map(|state| (state.as_str(), u64::from(state == self.state)));
        text.family("feed_state", "gauge", "Where it is known from whether a token was revoked.", "state", &states);
        let Entries { sessions, users, tokens, roles } = self.entries;
        let entries = [("session", sessions), ("user", users), ("token", tokens), ("roles", roles)]
            .map(|(kind, number)| (kind, number as u64));
        text.family("denylist_entries", "gauge", "Revocations in memory.", "kind", &entries);
        text.single("denylist_bytes", "gauge", "What they take.", self.bytes as u64);
        if let Some(lag) = self.lag {
            text.single(
                "feed_lag_seconds",
                "gauge",
                "Since the feed last said that nothing is missing.",
                lag.as_secs_f64(),
            );
        }
        if let Some(age) = self.cursor_age {
            text.single("feed_cursor_age_seconds", "gauge", "Since the feed last told something.", age.as_secs_f64());
        }
        text.single("feed_connections_total", "counter", "Connections to the feed.", self.connections);
        let results = [
            ("active", self.introspections_active),
            ("inactive", self.introspections_inactive),
            ("failed", self.introspections_failed),
        ];
        text.family("introspections_total", "counter", "Tokens that were asked about.", "result", &results);
        let Refusals { no_token, bad_token, revoked, cannot_tell } = self.refusals;
        let reasons =
            [("no_token", no_token), ("bad_token", bad_token), ("revoked", revoked), ("cannot_tell", cannot_tell)];
        text.family("refusals_total", "counter", "Requests refused before a handler saw them.", "reason", &reasons);
        text.0
    }
}

#[derive(Default)]
struct Text(String);

impl Text {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string does not fail.
        let _ = writeln!(self.0, "# HELP bailiwick_guard_{name} {help}\n# TYPE bailiwick_guard_{name} {kind}");
    }

    fn single(&mut self, name: &str, kind: &str, help: &str, value: impl std::fmt::Display) {
        self.head(name, kind, help);
        let _ = writeln!(self.0, "bailiwick_guard_{name} {value}");
    }

    fn family(&mut self, name: &str, kind: &str, help: &str, label: &str, values: &[(&str, u64)]) {
        self.head(name, kind, help);
        for (of, value) in values {
            let _ = writeln!(self.0, "bailiwick_guard_{name}{{{label}=\"{of}\"}} {value}");
        }
    }
}

/// Counted as requests come.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) no_token: AtomicU64,
    pub(crate) bad_token: AtomicU64,
    pub(crate) revoked: AtomicU64,
    pub(crate) cannot_tell: AtomicU64,
}

impl Counts {
    pub(crate) fn read(&self) -> Refusals {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Refusals {
            no_token: of(&self.no_token),
            bad_token: of(&self.bad_token),
            revoked: of(&self.revoked),
            cannot_tell: of(&self.cannot_tell),
        }
    }
}
