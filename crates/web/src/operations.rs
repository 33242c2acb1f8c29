//! Health and metrics, on the operations listener: loopback by default, never the public one (WEB-19).

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;

use crate::config::Web;

/// The clock may differ from the database's by so much.
const CLOCK_BOUND_SECONDS: u64 = 2;

/// The operations surface.
pub fn router(web: Web) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(web)
}

/// An event may wait for its index so long before the sequencer counts as stopped.
const SEQUENCER_BOUND_SECONDS: u64 = 5;

/// Database, keys, sequencer, clock: whether requests can be served.
async fn ready(State(web): State<Web>) -> impl IntoResponse {
    let now = web.app.now();
    let mut wrong = Vec::new();
    match web.app.store.ping().await {
        Ok(Some(clock)) => {
            let apart = clock.since(now).max(now.since(clock)).as_secs();
            if apart > CLOCK_BOUND_SECONDS {
                wrong.push(format!("clock: {apart} s from the database's"));
            }
        }
        Ok(None) => {}
        Err(_) => wrong.push("database: not reached".to_owned()),
    }
    if service::key::ring(&web.app, domain::realm::RealmKey::MAIN).await.is_err() {
        wrong.push("keys: not readable".to_owned());
    }
    match web.app.store.unsequenced_since().await {
        Ok(Some(since)) if now.since(since).as_secs() > SEQUENCER_BOUND_SECONDS => {
            wrong.push(format!("sequencer: an event waits since {}", since.rfc3339()));
        }
        Ok(_) | Err(_) => {} // without a database that is said already
    }
    if wrong.is_empty() {
        (StatusCode::OK, "ready\n".to_owned())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", wrong.join("\n")))
    }
}

/// Prometheus' text format.
async fn metrics(State(web): State<Web>) -> impl IntoResponse {
    let load = web.app.store.load();
    let waiting = web.app.hashing.waiting();
    let feed = service::feed::load(&web.app);
    let text = format!(
        "# HELP bailiwick_password_queue Passwords that wait to be checked.\n# TYPE bailiwick_password_queue gauge\n\
         bailiwick_password_queue {waiting}\n\
         # HELP bailiwick_database_commits_total Commits of the embedded database.\n# TYPE bailiwick_database_commits_total counter\n\
         bailiwick_database_commits_total {}\n\
         # HELP bailiwick_database_writes_total Transactions in them.\n# TYPE bailiwick_database_writes_total counter\n\
         bailiwick_database_writes_total {}\n\
         # HELP bailiwick_database_refused_total Transactions refused because the queue was full.\n\
         # TYPE bailiwick_database_refused_total counter\nbailiwick_database_refused_total {}\n\
         # HELP bailiwick_feed_streams Resource servers that follow the revocation feed here.\n# TYPE bailiwick_feed_streams gauge\n\
         bailiwick_feed_streams {}\n\
         # HELP bailiwick_feed_waiting Messages that wait for the slowest of them; at 256 it is cut off and resumes.\n\
         # TYPE bailiwick_feed_waiting gauge\nbailiwick_feed_waiting {}\n\
         # HELP bailiwick_feed_unsettled Facts of the feed that are read again at each look, because a transaction before them is still open.\n\
         # TYPE bailiwick_feed_unsettled gauge\nbailiwick_feed_unsettled {}\n",
        load.batches, load.jobs, load.refused, feed.streams, feed.waiting, feed.unsettled
    );
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
}
