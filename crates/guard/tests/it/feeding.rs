//! The stand-in's revocation feed and introspection: what a test says, well-behaved unless it says otherwise.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Response, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::stream;
use guard::{Revocation, RevocationPage};
use serde_json::{Map, Value, json};
use tokio::sync::Notify;
use tokio::time::Instant;

/// Between two drops.
const DROP: Duration = Duration::from_millis(20);
/// How often the feed says that nothing is missing; the real one does each second.
const BEAT: Duration = Duration::from_millis(30);

/// What the feed does.
#[derive(Clone)]
pub(crate) enum Feed {
    /// Tells what was published and that nothing is missing.
    Live,
    /// Tells what was published, and never that nothing is missing.
    Quiet,
    /// These pieces as an event stream, and then nothing more.
    Says(Vec<Vec<u8>>),
    /// This piece for ever.
    Endless(Vec<u8>),
    /// Now and then a byte, for ever: no chunk of it is late.
    Drip(u8),
    /// An answer that is no feed.
    Other(StatusCode, &'static [(&'static str, &'static str)], Vec<u8>),
    /// Not even the beginning of an answer.
    Hang,
}

/// What introspection answers.
#[derive(Clone)]
pub(crate) enum Introspection {
    /// That the token is good, with these members in place of its claims.
    Active(Value),
    Says(StatusCode, String),
    Hang,
}

impl Introspection {
    pub(crate) fn inactive() -> Self {
        Self::Says(StatusCode::OK, r#"{"active":false}"#.to_owned())
    }
}

pub(crate) struct Feeding {
    feed: Mutex<Feed>,
    pages: Mutex<Vec<Vec<Revocation>>>,
    news: Notify,
    /// Connections of an earlier generation end.
    generation: AtomicUsize,
    /// Pages from here on are of a new history: cursors of before are not ours.
    anew: AtomicBool,
    connections: Mutex<Vec<(String, String)>>,
    introspection: Mutex<Introspection>,
    introspected: Mutex<Vec<(String, String)>>,
}

impl Default for Feeding {
    fn default() -> Self {
        Self {
            feed: Mutex::new(Feed::Live),
            pages: Mutex::default(),
            news: Notify::new(),
            generation: AtomicUsize::default(),
            anew: AtomicBool::default(),
            connections: Mutex::default(),
            introspection: Mutex::new(Introspection::Active(json!({}))),
            introspected: Mutex::default(),
        }
    }
}

impl Feeding {
    /// Tells facts, as one page.
    pub(crate) fn publish(&self, items: Vec<Revocation>) {
        self.pages.lock().unwrap().push(items);
        self.news.notify_waiters();
    }

    /// From now on the feed does this; open connections end.
    pub(crate) fn becomes(&self, feed: Feed) {
        *self.feed.lock().unwrap() = feed;
        self.cut();
    }

    /// Ends open connections.
    pub(crate) fn cut(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
        self.news.notify_waiters();
    }

    /// The same server restored from somewhere else: it has told nothing yet, and knows no cursor.
    pub(crate) fn begin_anew(&self) {
        self.pages.lock().unwrap().clear();
        self.anew.store(true, Ordering::SeqCst);
        self.cut();
    }

    /// Query and credentials of each connection.
    pub(crate) fn connections(&self) -> Vec<(String, String)> {
        self.connections.lock().unwrap().clone()
    }

    pub(crate) fn introspection(&self, says: Introspection) {
        *self.introspection.lock().unwrap() = says;
    }

    /// Body and credentials of each introspection.
    pub(crate) fn introspected(&self) -> Vec<(String, String)> {
        self.introspected.lock().unwrap().clone()
    }

    pub(crate) async fn introspect(&self, body: String, authorization: String) -> Response<Body> {
        let payload = body.split('.').nth(1).unwrap_or_default().to_owned();
        self.introspected.lock().unwrap().push((body, authorization));
        let says = self.introspection.lock().unwrap().clone();
        match says {
            Introspection::Active(Value::Object(instead)) => {
                let mut answer: Map<String, Value> =
                    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
                answer.insert("active".to_owned(), true.into());
                answer.extend(instead);
                answer.retain(|_, value| !value.is_null());
                Response::new(Body::from(Value::Object(answer).to_string()))
            }
            Introspection::Active(_) => panic!("not an object"),
            Introspection::Says(status, text) => Response::builder().status(status).body(Body::from(text)).unwrap(),
            Introspection::Hang => std::future::pending().await,
        }
    }

    pub(crate) async fn answer(self: Arc<Self>, query: &str, authorization: String) -> Response<Body> {
        self.connections.lock().unwrap().push((query.to_owned(), authorization));
        let feed = self.feed.lock().unwrap().clone();
        let stream = |body| Response::builder().header("content-type", "text/event-stream").body(body).unwrap();
        let forever = |first: Vec<Vec<u8>>, then: Option<Vec<u8>>| {
            let pieces = first.into_iter();
            Body::from_stream(stream::unfold((pieces, then), |(mut pieces, then)| async move {
                match pieces.next().or_else(|| then.clone()) {
                    Some(piece) => Some((Ok::<_, std::io::Error>(Bytes::from(piece)), (pieces, then))),
                    None => std::future::pending().await,
                }
            }))
        };
        match feed {
            Feed::Hang => std::future::pending().await,
            Feed::Other(status, headers, body) => {
                let mut response = Response::builder().status(status);
                for (name, value) in headers {
                    response = response.header(*name, *value);
                }
                response.body(Body::from(body)).unwrap()
            }
            Feed::Says(pieces) => stream(forever(pieces, None)),
            Feed::Endless(piece) => stream(forever(Vec::new(), Some(piece))),
            Feed::Drip(byte) => stream(Body::from_stream(stream::unfold((), move |()| async move {
                tokio::time::sleep(DROP).await;
                Some((Ok::<_, std::io::Error>(Bytes::from(vec![byte])), ()))
            }))),
            Feed::Live | Feed::Quiet => match self.position(query) {
                Some(from) => stream(self.live(from, matches!(feed, Feed::Live))),
                None => Response::builder().status(400).body(Body::empty()).unwrap(),
            },
        }
    }

    fn position(&self, query: &str) -> Option<usize> {
        let Some(cursor) = query.strip_prefix("since=") else {
            self.anew.store(false, Ordering::SeqCst);
            return Some(0);
        };
        if self.anew.load(Ordering::SeqCst) {
            return None;
        }
        cursor.parse().ok().filter(|at| *at <= self.pages.lock().unwrap().len())
    }

    fn live(self: Arc<Self>, from: usize, vouches: bool) -> Body {
        let generation = self.generation.load(Ordering::SeqCst);
        let began = monotonic();
        Body::from_stream(stream::unfold((self, from, true), move |(feeding, mut at, first)| async move {
            let vouches = vouches.then_some(began);
            let text = feeding.next(generation, &mut at, first, vouches).await?;
            Some((Ok::<_, std::io::Error>(text), (feeding, at, false)))
        }))
    }

    /// What comes next: an event, or after a beat that nothing is missing; `None`: the connection is cut.
    async fn next(
        &self,
        generation: usize,
        at: &mut usize,
        mut first: bool,
        vouches: Option<Instant>,
    ) -> Option<String> {
        loop {
            let news = self.news.notified();
            if self.generation.load(Ordering::SeqCst) != generation {
                return None;
            }
            if let Some(text) = self.event(at) {
                return Some(text);
            }
            let waited = first || tokio::time::timeout(BEAT, news).await.is_err();
            first = false;
            if let Some(began) = vouches.filter(|_| waited && self.event(&mut at.clone()).is_none()) {
                return Some(format!(": ok {}\n\n", (monotonic() - began).as_millis()));
            }
        }
    }

    fn event(&self, at: &mut usize) -> Option<String> {
        let pages = self.pages.lock().unwrap();
        let items = pages.get(*at)?.clone();
        *at += 1;
        Some(event(&RevocationPage { items, next_cursor: at.to_string(), more: *at < pages.len() }))
    }
}

fn monotonic() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "the feed says how long ago it was asked for")]
    Instant::now()
}

/// A page as the feed writes it.
pub(crate) fn event(page: &RevocationPage) -> String {
    let data = serde_json::to_string(page).unwrap();
    format!("event: revocations\nid: {}\ndata: {data}\n\n", page.next_cursor)
}

/// Waits until something is so.
pub(crate) async fn eventually(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..2_000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("never: {what}");
}
