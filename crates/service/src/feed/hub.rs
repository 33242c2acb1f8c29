//! One look at the database for all who follow the feed on this node: a task per realm that is followed, while it is followed.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use domain::allowed::{Allowed, Job};
use domain::id::{PrincipalId, RevocationId};
use domain::realm::RealmKey;
use futures_util::FutureExt;
use store::StoreError;
use tokio::sync::{broadcast, watch};
use tokio::time::{MissedTickBehavior, interval, sleep};
use wire::revocation::RevocationPage;

use super::cursor::Cursor;
use super::follow::Told;
use crate::app::App;

/// How often the feed is looked at when nobody says that something happened: the safety net on PostgreSQL, the rule on SQLite.
const LOOK: Duration = Duration::from_millis(250);
const LOOK_EMBEDDED: Duration = Duration::from_millis(50);
/// Between two looks, at least.
const PAUSE: Duration = Duration::from_millis(30);
/// How often followers are told that nothing is missing.
const TICK: Duration = Duration::from_secs(1);
/// Streams of one API on one node.
const MOST_STREAMS: usize = 256;
/// What a follower may lag behind before it is cut off, in messages.
const LAG: usize = 256;

/// The sender of each realm that is followed.
#[derive(Debug, Default)]
pub(crate) struct Hub {
    realms: RwLock<HashMap<RealmKey, Channel>>,
    seats: Mutex<HashMap<PrincipalId, usize>>,
}

/// What the followers of a realm share.
#[derive(Clone, Debug)]
struct Channel {
    sender: broadcast::Sender<Told>,
    /// Whether it is known from where on everything is told. Who reads for themselves before that would miss what comes between.
    begun: watch::Sender<bool>,
    /// Facts that were told and are above the mark.
    unsettled: Arc<AtomicUsize>,
}

/// A stream of an API, counted while it is open: one credential does not keep all others out.
pub(super) struct Seat(App, PrincipalId);

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = self.0.hub.seats.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = seats.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                seats.remove(&self.1);
            }
        }
    }
}

/// A seat for a stream of this API; `None`: it has [`MOST_STREAMS`].
pub(super) fn sit(app: &App, api: PrincipalId) -> Option<Seat> {
    let mut seats = app.hub.seats.lock().unwrap_or_else(PoisonError::into_inner);
    let count = seats.entry(api).or_default();
    if *count >= MOST_STREAMS {
        return None;
    }
    *count += 1;
    Some(Seat(app.clone(), api))
}

/// What this node feeds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Open streams.
    pub streams: usize,
    /// Messages that wait for the slowest of them.
    pub waiting: usize,
    /// Facts above the mark, which are read again at each look: a transaction below them is still open.
    pub unsettled: usize,
}

pub(super) fn load(app: &App) -> Load {
    let realms = app.hub.realms.read().unwrap_or_else(PoisonError::into_inner);
    realms.values().fold(Load::default(), |all, Channel { sender, unsettled, .. }| Load {
        streams: all.streams + sender.receiver_count(),
        waiting: all.waiting.max(sender.len()),
        unsettled: all.unsettled + unsettled.load(Ordering::Relaxed),
    })
}

/// What is told from now on, and from when on that is everything.
pub(super) fn subscribe(app: &App, realm: RealmKey) -> (broadcast::Receiver<Told>, watch::Receiver<bool>) {
    let mut realms = app.hub.realms.write().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = realms.get(&realm) {
        return (known.sender.subscribe(), known.begun.subscribe());
    }
    let (sender, receiver) = broadcast::channel(LAG);
    let (begun, begins) = watch::channel(false);
    let channel = Channel { sender, begun, unsettled: Arc::default() };
    realms.insert(realm, channel.clone());
    tokio::spawn(run(app.clone(), realm, channel));
    (receiver, begins)
}

/// Whether nobody follows any more; then the next one begins anew.
fn retired(app: &App, realm: RealmKey, sender: &broadcast::Sender<Told>) -> bool {
    let mut realms = app.hub.realms.write().unwrap_or_else(PoisonError::into_inner);
    let alone = sender.receiver_count() == 0;
    if alone {
        realms.remove(&realm);
    }
    alone
}

async fn run(app: App, realm: RealmKey, Channel { sender, begun, unsettled }: Channel) {
    let mut revoked = app.store.revoked();
    let look = if revoked.is_some() { LOOK } else { LOOK_EMBEDDED };
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut state = State::default();
    while !retired(&app, realm, &sender) {
        let looked = super::monotonic();
        match state.look(&app, realm).await {
            Ok(pages) => {
                begun.send_replace(true);
                for page in pages {
                    let _ = sender.send(Told::Page(Arc::new(page)));
                }
                // Only after a look that succeeded: whoever hears it relies on having everything.
                if tick.tick().now_or_never().is_some() {
                    let _ = sender.send(Told::Current(looked));
                }
            }
            Err(error) => tracing::warn!(%error, realm = realm.get(), "the revocation feed waits for the database"),
        }
        let again = state.told.len();
        unsettled.store(again, Ordering::Relaxed);
        // However many revoke at once: what cannot be told apart from what was told is read again at each look. The more that is, the rarer.
        sleep(PAUSE.max(Duration::from_micros(again as u64 * 10)).min(LOOK)).await;
        let listens = match &mut revoked {
            Some(revoked) => tokio::select! {
                changed = revoked.changed() => changed.is_ok(),
                () = sleep(look) => true,
            },
            None => {
                sleep(look).await;
                true
            }
        };
        if !listens {
            revoked = None;
        }
    }
}

/// How far the database was read.
#[derive(Default)]
struct State {
    cursor: Option<Cursor>,
    /// Told already, but above the mark: they are read again.
    told: HashSet<RevocationId>,
}

impl State {
    /// What is new since the last look. At the first one nothing: what was there before, everybody reads for themselves.
    async fn look(&mut self, app: &App, realm: RealmKey) -> Result<Vec<RevocationPage>, StoreError> {
        #[expect(clippy::disallowed_methods, reason = "the job that tells all nodes' followers what was revoked")]
        let allowed = Allowed::job(Job::Observe, realm);
        let mut at = match self.cursor {
            Some(cursor) => cursor,
            None => super::mark(app, &allowed).await?,
        };
        let (mut pages, mut again) = (Vec::new(), HashSet::new());
        loop {
            let mut part = super::read(app, &allowed, at).await?;
            at = part.next;
            if part.reset {
                // Followers forget everything, so they are told everything.
                self.told.clear();
                again.clear();
            }
            again.extend(part.items.iter().filter(|item| item.position >= at.low).map(|item| item.id));
            part.items.retain(|item| !self.told.contains(&item.id));
            let more = part.more;
            if part.reset || !part.items.is_empty() {
                pages.push(part.into_wire(realm));
            }
            if !more {
                break;
            }
        }
        self.cursor = Some(at);
        self.told = again;
        Ok(pages)
    }
}
