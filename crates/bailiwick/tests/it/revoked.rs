//! What was revoked is refused by a service with the guard, over real sockets: by the feed's word, and by nobody's while the server is away.

use std::time::Duration;

use serde_json::json;
use testkit::Folder;

use crate::client::{Answer, Person, http, send};
use crate::demo::Demo;
use crate::walk::clinic;

/// More than a second on a busy machine, less than the guard's patience with a silent feed.
const SOON: Duration = Duration::from_secs(4);

/// Asks until the answer has this status.
async fn until(status: u16, within: Duration, ask: impl AsyncFn() -> Answer) {
    let attempt = tokio::time::timeout(within, async {
        while ask().await.status != status {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    assert!(attempt.await.is_ok(), "{status} did not come: {:?}", ask().await);
}

async fn metrics(clinic: &str) -> String {
    send(http().get(format!("{clinic}/metrics"))).await.text
}

fn has(metrics: &str, line: &str) -> bool {
    metrics.lines().any(|found| found == format!("bailiwick_guard_{line}"))
}

#[tokio::test]
async fn who_signed_out_or_was_disabled_is_refused_by_the_clinic_and_the_feed_alone_says_so() {
    let folder = Folder::new();
    let demo = Demo::start(folder.path(), &[]).await;
    let (_clinic, clinic) = clinic(folder.path(), &[]).await;
    let (nurse, other) = (demo.signed_in("nurse", Some("clinic")).await, demo.signed_in("nurse", Some("clinic")).await);
    let receptionist = demo.signed_in("receptionist", Some("clinic")).await;
    let reads = async |person: &Person| person.at(&clinic).get("/charts/7").await;
    assert_eq!((reads(&nurse).await.status, reads(&other).await.status), (200, 200));
    assert_eq!(reads(&receptionist).await.status, 403, "known, and not allowed");

    assert_eq!(nurse.clone().try_sign_out().await.unwrap().status, 204);
    until(401, SOON, async || reads(&nurse).await).await;
    assert_eq!(reads(&other).await.status, 200, "her other session is as it was");

    let admin = demo.signed_in("admin", None).await;
    let id = admin.people().await["receptionist"].clone();
    let disabled = admin.post(&format!("/api/v1/users/{id}/disable"), json!({ "reason": "left" })).await;
    assert_eq!(disabled.status, 200, "{}", disabled.text);
    until(401, SOON, async || reads(&receptionist).await).await;

    let metrics = metrics(&clinic).await;
    assert!(has(&metrics, "feed_state{state=\"current\"} 1"), "{metrics}");
    for result in ["active", "inactive", "failed"] {
        assert!(has(&metrics, &format!("introspections_total{{result=\"{result}\"}} 0")), "{metrics}");
    }
}

#[tokio::test]
async fn where_the_feed_has_no_seat_left_each_token_is_asked_about_at_the_server() {
    let folder = Folder::new();
    let demo = Demo::start(folder.path(), &[]).await;
    let api = demo.first["apis"].as_array().unwrap().iter().find(|api| api["audience"] == "clinic").unwrap();
    let (id, secret) = (api["client_id"].as_str().unwrap(), api["client_secret"].as_str());
    let feed = format!("{}/api/v1/revocations", demo.base);
    // From several addresses: one may not have so many connections.
    let clients: Vec<_> = (2..10)
        .map(|last| {
            let from = std::net::IpAddr::from([127, 0, 0, last]);
            reqwest::Client::builder().no_proxy().tls_certs_only([]).local_address(from).build().unwrap()
        })
        .collect();
    let follow = async |client: &reqwest::Client| {
        let request = client.get(&feed).basic_auth(id, secret).header("accept", "text/event-stream");
        request.send().await.unwrap()
    };
    let mut streams = Vec::new();
    for at in 0..256 {
        let stream = follow(&clients[at % clients.len()]).await;
        assert_eq!(stream.status(), 200);
        streams.push(stream);
    }
    assert_eq!(follow(&clients[0]).await.status(), 503, "as many as one API may have");
    let (_clinic, clinic) = clinic(folder.path(), &[]).await;
    let (nurse, other) = (demo.signed_in("nurse", Some("clinic")).await, demo.signed_in("nurse", Some("clinic")).await);
    let receptionist = demo.signed_in("receptionist", Some("clinic")).await;
    let reads = async |person: &Person| person.at(&clinic).get("/charts/7").await;

    assert_eq!((reads(&nurse).await.status, reads(&other).await.status), (200, 200));
    assert_eq!(reads(&receptionist).await.status, 403, "with the rights of this moment");
    assert_eq!(nurse.clone().try_sign_out().await.unwrap().status, 204);
    until(401, SOON, async || reads(&nurse).await).await;
    assert_eq!(reads(&other).await.status, 200);

    let asking = metrics(&clinic).await;
    assert!(has(&asking, "feed_state{state=\"asking\"} 1"), "{asking}");
    assert!(has(&asking, "introspections_total{result=\"inactive\"} 1"), "{asking}");
    assert!(has(&asking, "introspections_total{result=\"failed\"} 0"), "{asking}");
    drop(streams);
    until(200, Duration::from_secs(20), async || {
        let current = has(&metrics(&clinic).await, "feed_state{state=\"current\"} 1");
        Answer { status: if current { 200 } else { 0 }, ..reads(&other).await }
    })
    .await;
    assert_eq!(reads(&nurse).await.status, 401, "and the feed says it too");
}

#[tokio::test]
async fn kill_while_the_server_is_away_nobody_gets_in_and_what_was_revoked_stays_so_when_it_is_back() {
    let folder = Folder::new();
    let demo = Demo::start(folder.path(), &[]).await;
    let address = demo.base.replace("http://localhost", "127.0.0.1");
    let (_clinic, clinic) = clinic(folder.path(), &[]).await;
    let (gone, nurse) = (demo.signed_in("nurse", Some("clinic")).await, demo.signed_in("nurse", Some("clinic")).await);
    let reads = async |person: &Person| person.at(&clinic).get("/charts/7").await;
    assert_eq!(gone.clone().try_sign_out().await.unwrap().status, 204);
    until(401, SOON, async || reads(&gone).await).await;

    demo.kill().await;
    until(503, Duration::from_secs(20), async || reads(&nurse).await).await;
    assert_eq!(reads(&nurse).await.header("retry-after"), "2");
    assert_eq!(reads(&gone).await.status, 401, "what is known needs nobody");
    assert!(has(&metrics(&clinic).await, "feed_state{state=\"asking\"} 1"));

    let back = Demo::try_start_at(&address, folder.path(), &[]).await.unwrap_or_else(|said| panic!("{said:?}"));
    until(200, Duration::from_secs(20), async || reads(&nurse).await).await;
    assert_eq!(reads(&gone).await.status, 401);
    until(200, Duration::from_secs(20), async || {
        let current = has(&metrics(&clinic).await, "feed_state{state=\"current\"} 1");
        Answer { status: if current { 200 } else { 0 }, ..reads(&nurse).await }
    })
    .await;
    back.stop().await;
}
