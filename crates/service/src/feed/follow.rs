//! One follower: what there is, then what comes.

use std::sync::Arc;
use std::time::Duration;

use domain::allowed::Allowed;
use store::StoreError;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio::time::Instant;
use wire::revocation::RevocationPage;

use super::cursor::Cursor;
use super::hub::Seat;
use super::monotonic;
use crate::app::App;

/// So many confirmations, a second apart, and the follower proves its credentials again.
const MOST_CONFIRMATIONS: u32 = 900;

/// What a follower is told.
#[derive(Clone, Debug)]
pub enum Told {
    /// A part of the feed.
    Page(Arc<RevocationPage>),
    /// Nothing was missing then.
    Current(Instant),
}

/// The feed of one follower.
pub struct Following {
    app: App,
    allowed: Allowed,
    /// What is still to be read for itself; `None`: caught up.
    behind: Option<Cursor>,
    receiver: Receiver<Told>,
    begins: watch::Receiver<bool>,
    confirmations: u32,
    /// When the request came.
    began: Instant,
    /// When it last read for itself.
    read_at: Instant,
    _seat: Seat,
}

impl std::fmt::Debug for Following {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Following(realm {})", self.allowed.realm().get())
    }
}

impl Following {
    pub(super) fn new(
        app: App,
        allowed: Allowed,
        since: Cursor,
        (receiver, begins): (Receiver<Told>, watch::Receiver<bool>),
        (began, seat): (Instant, Seat),
    ) -> Self {
        Self {
            app,
            allowed,
            behind: Some(since),
            receiver,
            begins,
            confirmations: 0,
            began,
            read_at: began,
            _seat: seat,
        }
    }

    /// How long after the request came an instant is: the follower knows when it asked, so it can tell how old a confirmation is that was held up.
    #[must_use]
    pub fn after(&self, at: Instant) -> Duration {
        at.saturating_duration_since(self.began)
    }

    /// What comes next; `None`: the follower was too slow, or has followed long enough, and is to resume.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn next(&mut self) -> Result<Option<Told>, StoreError> {
        if let Some(since) = self.behind {
            // Whatever is committed after this look must be told by the hub: it has to have begun.
            if self.begins.wait_for(|begun| *begun).await.is_err() {
                return Ok(None);
            }
            self.read_at = monotonic();
            let part = super::read(&self.app, &self.allowed, since).await?;
            self.behind = part.more.then_some(part.next);
            return Ok(Some(Told::Page(Arc::new(part.into_wire(self.allowed.realm())))));
        }
        if self.confirmations == 0 {
            self.confirmations = 1;
            return Ok(Some(Told::Current(self.read_at)));
        }
        match self.news().await {
            Ok(Told::Current(_)) if self.confirmations >= MOST_CONFIRMATIONS => Ok(None),
            Ok(Told::Current(at)) => {
                self.confirmations += 1;
                Ok(Some(Told::Current(at)))
            }
            Ok(page) => Ok(Some(page)),
            Err(RecvError::Lagged(_) | RecvError::Closed) => Ok(None),
        }
    }

    /// What was told since, but confirmations of before it read for itself.
    async fn news(&mut self) -> Result<Told, RecvError> {
        loop {
            let told = self.receiver.recv().await?;
            if !matches!(told, Told::Current(at) if at <= self.read_at) {
                return Ok(told);
            }
        }
    }
}
