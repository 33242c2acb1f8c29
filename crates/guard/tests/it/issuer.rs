//! A stand-in for the server: serves what a test says, counts who asks.

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, ETAG, IF_NONE_MATCH, LOCATION};
use axum::http::{Response, StatusCode};
use guard::{AccessClaims, Clock, FeedState, Guard, Settings};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use wire::jwk::JwkSet;

use crate::feeding::{Feeding, eventually};
use crate::mint::{AUDIENCE, NOW, Signer, claims};

/// What the issuer answers to one address.
#[derive(Clone)]
pub(crate) enum Answer {
    /// The document, under an ETag of its own text.
    Document(String),
    /// This status and nothing else.
    Status(StatusCode),
    /// A way to somewhere else.
    Redirect(String),
    /// Nothing, ever.
    Hang,
    /// This, and then nothing, ever.
    Begins(&'static str),
    /// This for ever.
    Endless(&'static str),
}

/// The stand-in. Its clock is the guard's.
pub(crate) struct Issuer {
    pub(crate) base: String,
    served: Arc<Served>,
    time: Arc<AtomicI64>,
    pub(crate) feeding: Arc<Feeding>,
}

struct Served {
    keys: Mutex<Answer>,
    roles: Mutex<Answer>,
    keys_asked: AtomicUsize,
    roles_asked: AtomicUsize,
    unchanged: AtomicUsize,
    last_roles_request: Mutex<(String, String)>,
    feeding: Arc<Feeding>,
}

impl Issuer {
    /// Begins to serve the keys of `signers` on a free port.
    pub(crate) async fn with_keys(signers: &[&Signer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = Self::described(&listener);
        issuer.serve(listener);
        issuer.keys(signers);
        issuer
    }

    /// An issuer that is away: its address is free, and [`Issuer::come_back`] takes it.
    pub(crate) async fn away() -> Self {
        Self::described(&TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    pub(crate) async fn come_back(&self) {
        self.serve(TcpListener::bind(self.base.trim_start_matches("http://")).await.unwrap());
    }

    fn described(listener: &TcpListener) -> Self {
        let feeding = Arc::<Feeding>::default();
        let served = Served {
            feeding: Arc::clone(&feeding),
            keys: Mutex::new(Answer::Status(StatusCode::NOT_FOUND)),
            roles: Mutex::new(Answer::Status(StatusCode::NOT_FOUND)),
            keys_asked: AtomicUsize::default(),
            roles_asked: AtomicUsize::default(),
            unchanged: AtomicUsize::default(),
            last_roles_request: Mutex::default(),
        };
        let base = format!("http://{}", listener.local_addr().unwrap());
        Self { base, served: Arc::new(served), time: Arc::new(AtomicI64::new(NOW)), feeding }
    }

    fn serve(&self, listener: TcpListener) {
        let app = axum::Router::new().fallback(answer).with_state(Arc::clone(&self.served));
        tokio::spawn(async move { axum::serve(listener, app).await });
    }

    pub(crate) fn keys(&self, signers: &[&Signer]) {
        let keys = signers.iter().map(|signer| signer.jwk.clone()).collect();
        self.keys_answer(Answer::Document(serde_json::to_string(&JwkSet { keys }).unwrap()));
    }

    pub(crate) fn keys_answer(&self, answer: Answer) {
        *self.served.keys.lock().unwrap() = answer;
    }

    pub(crate) fn roles(&self, version: i64, roles: &Value) {
        let document = json!({"audience": AUDIENCE, "roles_version": version, "roles": roles});
        self.roles_answer(Answer::Document(document.to_string()));
    }

    pub(crate) fn roles_answer(&self, answer: Answer) {
        *self.served.roles.lock().unwrap() = answer;
    }

    pub(crate) fn keys_asked(&self) -> usize {
        self.served.keys_asked.load(Ordering::SeqCst)
    }

    pub(crate) fn roles_asked(&self) -> usize {
        self.served.roles_asked.load(Ordering::SeqCst)
    }

    /// How often "not changed" was answered.
    pub(crate) fn unchanged(&self) -> usize {
        self.served.unchanged.load(Ordering::SeqCst)
    }

    /// Path with query, and credentials, of the last question for roles.
    pub(crate) fn last_roles_request(&self) -> (String, String) {
        self.served.last_roles_request.lock().unwrap().clone()
    }

    pub(crate) fn advance(&self, seconds: i64) {
        self.time.fetch_add(seconds, Ordering::SeqCst);
    }

    pub(crate) fn clock(&self) -> Clock {
        let time = Arc::clone(&self.time);
        Arc::new(move || time.load(Ordering::SeqCst))
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings::new(self.base.clone(), AUDIENCE).credentials("clinic", "s3cret").clock(self.clock())
    }

    /// A guard that trusts this issuer and has done its first fetches.
    pub(crate) async fn guard(&self) -> Guard {
        let guard = Guard::connect(self.settings()).unwrap();
        let _first_try = guard.refresh().await;
        // The background does its own first fetches; wait for them, so that tests can count.
        let mut tries = 0;
        while self.keys_asked() < 2 && tries < 500 {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
            tries += 1;
        }
        eventually("the feed is current", || guard.metrics().state == FeedState::Current).await;
        guard
    }

    /// Good claims of this issuer.
    pub(crate) fn claims(&self) -> AccessClaims {
        AccessClaims { iss: self.base.clone(), ..claims() }
    }
}

async fn answer(State(served): State<Arc<Served>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let header = |name| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let (authorization, known, uri) = (header(AUTHORIZATION), header(IF_NONE_MATCH), parts.uri.clone());
    let answer = match uri.path() {
        "/.well-known/jwks.json" => {
            served.keys_asked.fetch_add(1, Ordering::SeqCst);
            served.keys.lock().unwrap().clone()
        }
        "/.well-known/bailiwick-roles" => {
            served.roles_asked.fetch_add(1, Ordering::SeqCst);
            *served.last_roles_request.lock().unwrap() = (uri.to_string(), authorization);
            served.roles.lock().unwrap().clone()
        }
        "/api/v1/revocations" => {
            return Arc::clone(&served.feeding).answer(uri.query().unwrap_or_default(), authorization).await;
        }
        "/oauth/introspect" => {
            let body = axum::body::to_bytes(body, 65_536).await.unwrap();
            return served.feeding.introspect(String::from_utf8(body.to_vec()).unwrap(), authorization).await;
        }
        _ => Answer::Status(StatusCode::NOT_FOUND),
    };
    let response = Response::builder().header("cache-control", "public, max-age=900");
    let plain = |status| Response::builder().status(status).body(Body::empty()).unwrap();
    match answer {
        Answer::Document(text) => {
            let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
            let etag = format!("\"{}\"", format!("{digest:?}").replace(['"', ':'], ""));
            if known == etag {
                served.unchanged.fetch_add(1, Ordering::SeqCst);
                return response.status(304).header(ETAG, etag).body(Body::empty()).unwrap();
            }
            response.header(ETAG, etag).body(Body::from(text)).unwrap()
        }
        Answer::Status(status) => plain(status),
        Answer::Redirect(to) => Response::builder().status(302).header(LOCATION, to).body(Body::empty()).unwrap(),
        Answer::Hang => std::future::pending().await,
        Answer::Begins(text) => response.body(pieces(text, false)).unwrap(),
        Answer::Endless(text) => response.body(pieces(text, true)).unwrap(),
    }
}

fn pieces(text: &'static str, for_ever: bool) -> Body {
    Body::from_stream(futures_util::stream::unfold(true, move |more| async move {
        if !more {
            std::future::pending::<()>().await;
        }
        Some((Ok::<_, std::io::Error>(if for_ever { text.repeat(2_000) } else { text.to_owned() }), for_ever))
    }))
}
