//! What a guard is made from.

use std::fmt;
use std::time::Duration;

use crate::clock::{Clock, system_clock};
use crate::denylist::DENYLIST_BYTES;
use crate::feed::MAX_SILENCE;
use crate::verifier::{CACHE_BYTES, LEEWAY_SECONDS};

/// Whom to trust, and as which API.
#[derive(Clone)]
pub struct Settings {
    pub(crate) issuer: String,
    pub(crate) audience: String,
    pub(crate) credentials: Option<(String, String)>,
    pub(crate) leeway_seconds: u32,
    pub(crate) cache_bytes: usize,
    pub(crate) denylist_bytes: usize,
    pub(crate) max_silence: Duration,
    pub(crate) clock: Clock,
}

impl Settings {
    /// Trusts the realm with this issuer URL, as the API `audience`.
    #[must_use]
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            audience: audience.into(),
            credentials: None,
            leeway_seconds: LEEWAY_SECONDS,
            cache_bytes: CACHE_BYTES,
            denylist_bytes: DENYLIST_BYTES,
            max_silence: MAX_SILENCE,
            clock: system_clock(),
        }
    }

    /// The API's own credentials, for the revocation feed and the roles catalogue.
    ///
    /// **Without them nothing is known of revocations**: a token is good until it expires, also after a sign-out, and roles held in units only
    /// are of no effect.
    #[must_use]
    pub fn credentials(mut self, client_id: impl Into<String>, client_secret: impl Into<String>) -> Self {
        self.credentials = Some((client_id.into(), client_secret.into()));
        self
    }

    /// How far clocks may differ, in seconds, at most 60.
    #[must_use]
    pub fn leeway(mut self, seconds: u32) -> Self {
        self.leeway_seconds = seconds;
        self
    }

    /// How many bytes of verified tokens are remembered; 0 remembers none.
    #[must_use]
    pub fn cache_bytes(mut self, bytes: usize) -> Self {
        self.cache_bytes = bytes;
        self
    }

    /// For how long the revocation feed may be silent before the issuer is asked about each token; five seconds unless set. The feed says
    /// something each second, and the time that connecting takes counts: less than two is asking for trouble.
    #[must_use]
    pub fn max_silence(mut self, silence: Duration) -> Self {
        self.max_silence = silence;
        self
    }

    /// How many bytes revocations may take; 64 MiB unless set, room for about two million. When there are more, the issuer is asked about each
    /// token until enough have expired.
    #[must_use]
    pub fn denylist_bytes(mut self, bytes: usize) -> Self {
        self.denylist_bytes = bytes;
        self
    }

    /// Another clock than the machine's.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { issuer, audience, .. } = self;
        f.debug_struct("Settings").field("issuer", issuer).field("audience", audience).finish_non_exhaustive()
    }
}
