//! Following the revocation feed: whether what we hold is all there is.
//!
//! One connection at a time, read as it comes. After each loss we go on from the last whole page, so nothing is missed; what is repeated does
//! no harm. The feed vouches for what we hold by a comment each second. While it does, tokens are judged by the [`Denylist`] alone; as soon as
//! its last word is older than `max_silence`, it has said something that is not a feed, has made us begin anew or has more than fits, the guard asks
//! the issuer about each token instead (`ask`).

mod lines;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Response, StatusCode, Url};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout, timeout_at};
use wire::revocation::RevocationPage;

use crate::clock::{Clock, monotonic};
use crate::denylist::{Denylist, Full};
use crate::feed::lines::{Lines, Nonsense, Told};
use crate::remote::Remote;
use crate::wait::Wait;

/// How long the feed may be silent unless configured.
pub const MAX_SILENCE: Duration = Duration::from_secs(5);
/// How long requests wait for the feed to catch up when the guard has just been made.
const START_PATIENCE: Duration = Duration::from_secs(3);
/// How long the answer's beginning may take.
const ANSWER_PATIENCE: Duration = Duration::from_secs(5);
/// A connection is made anew after this, however well it goes: addresses and certificates change.
const LONGEST_CONNECTION: Duration = Duration::from_secs(3600);
/// How far two clocks that began together may drift apart within the life of a stream.
const CLOCKS_APART: Duration = Duration::from_secs(1);
/// How often what has expired is dropped.
const SWEEP_SECONDS: i64 = 10;
/// The least time between two fetches of keys that the feed asked for.
const KEYS_PAUSE: Duration = Duration::from_secs(1);
/// How long to wait before trying again what failed, at first and at most.
const LEAST_PAUSE: Duration = Duration::from_millis(250);
const MOST_PAUSE: Duration = Duration::from_secs(5);
/// How long to wait before looking whether there is room again.
const ROOM_PAUSE: Duration = Duration::from_secs(1);

/// How often a look at what was told is taken again because the feed began anew meanwhile.
const MOST_LOOKS: u32 = 3;

/// Why a connection to the feed ended.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("cannot be reached: {0}")]
    Unreachable(String),
    #[error("answers {0}{hint}", hint = hint(*.0))]
    Status(StatusCode),
    #[error("does not know our cursor")]
    Cursor,
    #[error("is not an event stream")]
    NotAFeed,
    #[error("says nothing")]
    Silent,
    #[error("is late")]
    Late,
    #[error("says {0}")]
    Nonsense(#[from] Nonsense),
    #[error("has more than we may keep: {0}")]
    Full(#[from] Full),
    #[error("ended the connection")]
    Closed,
}

/// How far we are, for metrics.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress {
    /// Since when the feed has not vouched for us; none: it never has.
    pub(crate) since_current: Option<Duration>,
    /// Since the cursor last moved; none: it never has.
    pub(crate) since_cursor: Option<Duration>,
    /// How often we connected.
    pub(crate) connections: u64,
}

/// The feed of one issuer, and what it has told us.
pub(crate) struct Feed {
    client: Client,
    url: Url,
    authorization: HeaderValue,
    denylist: Arc<Denylist>,
    max_silence: Duration,
    clock: Clock,
    made: Instant,
    /// When the feed last vouched for us, in milliseconds since `made` and one; 0: never, or not since it made us begin anew.
    vouched: AtomicU64,
    /// How often what was told became void.
    resets: AtomicU64,
    moved: AtomicU64,
    connections: AtomicU64,
    swept: AtomicI64,
    /// How often keys were withdrawn, and up to which of these we have fetched them since.
    keys_wanted: AtomicU64,
    keys_fetched: AtomicU64,
    keys_due: Notify,
    current: watch::Sender<()>,
}

/// What a refusal of the feed is about.
const fn hint(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => ": check the client id and the secret of this API",
        StatusCode::TOO_MANY_REQUESTS => ": too many wrong secrets from here, or too many followers",
        StatusCode::NOT_FOUND => ": is this the address of the realm?",
        _ => "",
    }
}

impl Feed {
    pub(crate) fn new(
        client: Client,
        issuer: &Url,
        authorization: HeaderValue,
        denylist: Arc<Denylist>,
        max_silence: Duration,
        clock: Clock,
    ) -> Option<Self> {
        let url = Url::parse(&format!("{}/api/v1/revocations", issuer.as_str().trim_end_matches('/'))).ok()?;
        Some(Self {
            client,
            url,
            authorization,
            denylist,
            max_silence,
            clock,
            made: monotonic(),
            vouched: AtomicU64::default(),
            resets: AtomicU64::default(),
            moved: AtomicU64::default(),
            connections: AtomicU64::default(),
            swept: AtomicI64::default(),
            keys_wanted: AtomicU64::default(),
            keys_fetched: AtomicU64::default(),
            keys_due: Notify::default(),
            current: watch::Sender::new(()),
        })
    }

    /// What was told.
    pub(crate) fn denylist(&self) -> &Denylist {
        &self.denylist
    }

    /// Whether nothing is missing: the feed has vouched for us within `max_silence`, and no keys wait to be fetched.
    pub(crate) fn is_current(&self) -> bool {
        self.age(&self.vouched).is_some_and(|age| age <= self.max_silence)
            && self.keys_fetched.load(Ordering::Acquire) >= self.keys_wanted.load(Ordering::Acquire)
    }

    /// While the feed is current, how often it began anew. Two equal answers: nothing that we held between them was forgotten.
    fn vouching(&self) -> Option<u64> {
        // First: whoever sees a reset here also sees that it took the voucher back.
        let resets = self.resets.load(Ordering::Acquire);
        self.is_current().then_some(resets)
    }

    /// What `look` finds in what was told, and whether that is the last word. It is if the feed vouched before and after: a thread may be held up
    /// between looking into a list that a reset has emptied and learning that the list, full again, is current.
    pub(crate) async fn judged<T, E, F>(&self, look: impl Fn() -> F) -> Result<(T, bool), E>
    where
        F: Future<Output = Result<T, E>>,
    {
        let mut looks = 0;
        loop {
            let before = self.vouching();
            let found = look().await?;
            if before.is_some() && self.vouching() == before {
                return Ok((found, true));
            }
            looks += 1;
            // What is told while we wait counts.
            if looks == MOST_LOOKS || !self.settled().await {
                return Ok((found, false));
            }
        }
    }

    /// Waits for the feed while the guard is young; tells at once when it is not, or when the feed is current.
    pub(crate) async fn settled(&self) -> bool {
        let mut news = self.current.subscribe();
        let until = self.made + START_PATIENCE;
        while !self.is_current() {
            if !matches!(timeout_at(until, news.changed()).await, Ok(Ok(()))) {
                return self.is_current();
            }
        }
        true
    }

    pub(crate) fn progress(&self) -> Progress {
        Progress {
            since_current: self.age(&self.vouched),
            since_cursor: self.age(&self.moved),
            connections: self.connections.load(Ordering::Relaxed),
        }
    }

    fn age(&self, of: &AtomicU64) -> Option<Duration> {
        let at = of.load(Ordering::Acquire).checked_sub(1)?;
        Some(monotonic().saturating_duration_since(self.made).saturating_sub(Duration::from_millis(at)))
    }

    fn note(&self, what: &AtomicU64, at: Instant) {
        let since = at.saturating_duration_since(self.made).as_millis();
        what.store(u64::try_from(since).unwrap_or(u64::MAX - 1) + 1, Ordering::Release);
    }

    /// Nothing was missing at that instant.
    fn vouch(&self, at: Instant) {
        self.note(&self.vouched, at);
        self.current.send_replace(());
    }

    /// What was told is about to be forgotten, and so is that it was all. Comes before the list is emptied: see [`Feed::vouching`].
    fn void(&self) {
        self.vouched.store(0, Ordering::Release);
        self.resets.fetch_add(1, Ordering::AcqRel);
    }

    /// Begins anew.
    fn forget(&self) {
        self.void();
        self.denylist.clear();
    }

    /// Follows the feed, for ever.
    pub(crate) async fn follow(&self) {
        let (mut cursor, mut wait) = (None, Wait::between(LEAST_PAUSE, MOST_PAUSE));
        loop {
            let ended = match self.connection(&mut cursor, &mut wait).await {
                Ok(never) => match never {},
                Err(ended) => ended,
            };
            let pause = wait.after_failure();
            // The server ends each stream after a while; that is no news.
            if matches!(ended, Ended::Closed) && self.is_current() {
                tracing::debug!(feed = %self.url, "the revocation feed is resumed");
            } else {
                tracing::warn!(feed = %self.url, again_in = ?pause, "the revocation feed {ended}; once it is silent for {:?}, each token is asked about", self.max_silence);
            }
            match ended {
                Ended::Cursor => {
                    self.forget();
                    cursor = None;
                }
                Ended::Full(_) => self.room().await,
                Ended::Unreachable(_)
                | Ended::Status(_)
                | Ended::NotAFeed
                | Ended::Silent
                | Ended::Late
                | Ended::Nonsense(_)
                | Ended::Closed => {}
            }
            self.sweep();
            tokio::time::sleep(pause).await;
        }
    }

    /// Waits until enough has expired to go on where we stopped.
    async fn room(&self) {
        self.vouched.store(0, Ordering::Release);
        loop {
            self.denylist.expire((self.clock)());
            if self.denylist.has_room() {
                return;
            }
            tokio::time::sleep(ROOM_PAUSE).await;
        }
    }

    async fn connection(
        &self,
        cursor: &mut Option<String>,
        wait: &mut Wait,
    ) -> Result<std::convert::Infallible, Ended> {
        self.connections.fetch_add(1, Ordering::Relaxed);
        let asked = monotonic();
        let mut response = self.open(cursor.as_deref()).await?;
        let (mut lines, mut told) = (Lines::default(), Vec::new());
        let mut heard = monotonic();
        loop {
            // Counted from the last whole event: bytes that never become one are silence.
            let piece = timeout_at(heard + self.max_silence, response.chunk()).await.map_err(|_| Ended::Silent)?;
            let piece = piece.map_err(unreachable)?.ok_or(Ended::Closed)?;
            lines.take(&piece, &mut told)?;
            for told in told.drain(..) {
                heard = monotonic();
                match told {
                    // Only such a comment vouches, and only for the instant that it names: whoever holds the stream up must not make us
                    // believe that what it said a while ago is so now.
                    Told::NothingMissing(after) => {
                        let at = asked + after;
                        // Ahead of our clock: that one stood still, with the machine, and what waited meanwhile is older than it looks.
                        if at > heard + CLOCKS_APART || heard.saturating_duration_since(at) > self.max_silence {
                            return Err(Ended::Late);
                        }
                        wait.succeeded();
                        self.vouch(at.min(heard));
                    }
                    Told::Page(page) => self.page(page, cursor)?,
                }
            }
            self.sweep();
        }
    }

    async fn open(&self, cursor: Option<&str>) -> Result<Response, Ended> {
        let mut url = self.url.clone();
        if let Some(cursor) = cursor {
            url.query_pairs_mut().append_pair("since", cursor);
        }
        let request = self.client.get(url).timeout(LONGEST_CONNECTION);
        let request = request.header(AUTHORIZATION, self.authorization.clone()).header(CACHE_CONTROL, "no-store");
        let response = timeout(ANSWER_PATIENCE, request.header(ACCEPT, "text/event-stream").send()).await;
        let response = response.map_err(|_| Ended::Silent)?.map_err(unreachable)?;
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        match response.status() {
            StatusCode::OK => {}
            // Nothing else of the request can be malformed.
            StatusCode::BAD_REQUEST if cursor.is_some() => return Err(Ended::Cursor),
            other => return Err(Ended::Status(other)),
        }
        let media_type = header(CONTENT_TYPE).split(';').next().unwrap_or_default().trim();
        if media_type != "text/event-stream" || !matches!(header(CONTENT_ENCODING), "" | "identity") {
            return Err(Ended::NotAFeed);
        }
        Ok(response)
    }

    fn page(&self, page: RevocationPage, cursor: &mut Option<String>) -> Result<(), Ended> {
        let RevocationPage { items, next_cursor, more } = page;
        if more && cursor.as_deref() == Some(next_cursor.as_str()) {
            return Err(Nonsense::Stuck.into());
        }
        if items.iter().any(|item| matches!(item, wire::revocation::Revocation::Reset)) {
            self.void();
        }
        let applied = self.denylist.apply(&items, (self.clock)())?;
        if applied.keys {
            self.keys_wanted.fetch_add(1, Ordering::AcqRel);
            self.keys_due.notify_one();
        }
        self.note(&self.moved, monotonic());
        *cursor = Some(next_cursor);
        Ok(())
    }

    fn sweep(&self) {
        let now = (self.clock)();
        if now.abs_diff(self.swept.load(Ordering::Relaxed)) >= SWEEP_SECONDS.unsigned_abs() {
            self.swept.store(now, Ordering::Relaxed);
            self.denylist.expire(now);
        }
    }

    /// Fetches the keys whenever the feed says that some were withdrawn, for ever. Until it has worked, each token is asked about.
    pub(crate) async fn fetch_withdrawn_keys(&self, remote: &Remote) {
        let mut wait = Wait::between(LEAST_PAUSE, MOST_PAUSE);
        loop {
            let wanted = self.keys_wanted.load(Ordering::Acquire);
            if self.keys_fetched.load(Ordering::Acquire) >= wanted {
                self.keys_due.notified().await;
                continue;
            }
            match remote.fetch_keys_now().await {
                Ok(()) => {
                    wait.succeeded();
                    self.keys_fetched.store(wanted, Ordering::Release);
                    self.current.send_replace(());
                    tokio::time::sleep(KEYS_PAUSE).await;
                }
                Err(error) => {
                    let pause = wait.after_failure();
                    tracing::warn!(%error, again_in = ?pause, "keys were withdrawn, and the new ones cannot be fetched; each token is asked about");
                    tokio::time::sleep(pause).await;
                }
            }
        }
    }
}

fn unreachable(error: reqwest::Error) -> Ended {
    Ended::Unreachable(crate::fetch::root(&error.without_url()))
}

#[cfg(test)]
mod tests;
