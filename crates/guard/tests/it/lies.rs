//! Feeds that are none, lie, or tell more than fits: bounded, not believed, and the issuer is asked instead.

use axum::http::StatusCode;
use guard::{Code, FeedState, Guard, RevocationPage};

use crate::feed::{code, impatient, is, of_session, session};
use crate::feeding::{Feed, Introspection, event, eventually};
use crate::issuer::Issuer;
use crate::mint::RSA;

/// What a feed might answer that is none, or a bad one.
fn lies() -> Vec<(&'static str, Feed)> {
    let page = |cursor: &str, more| RevocationPage { items: vec![session(9)], next_cursor: cursor.into(), more };
    let text = |cursor: &str, more| event(&page(cursor, more)).into_bytes();
    let html = b"<!doctype html><title>Sign in to the wireless network</title>".to_vec();
    let stream = &[("content-type", "text/event-stream")];
    let gzip = &[("content-type", "text/event-stream"), ("content-encoding", "gzip")];
    let elsewhere = &[("location", "/api/v1/revocations/elsewhere")];
    let ok = StatusCode::OK;
    vec![
        ("a page for people", Feed::Other(ok, &[("content-type", "text/html")], html.clone())),
        ("that page as a stream", Feed::Other(ok, stream, html)),
        ("JSON", Feed::Other(ok, &[("content-type", "application/json")], b"{}".to_vec())),
        ("a redirect", Feed::Other(StatusCode::FOUND, elsewhere, Vec::new())),
        ("wrong credentials", Feed::Other(StatusCode::UNAUTHORIZED, &[], Vec::new())),
        ("nothing", Feed::Other(StatusCode::NO_CONTENT, &[], Vec::new())),
        ("a stream that ends", Feed::Other(ok, stream, b": ok 0\n\n".to_vec())),
        ("a packed bomb", Feed::Other(ok, gzip, vec![0x1f; 1 << 20])),
        ("a packed bomb that is not said to be one", Feed::Endless([0x1f, 0x8b, 8, 0].repeat(16_384))),
        ("a line without end", Feed::Endless(vec![b'x'; 65_536])),
        ("an event without end", Feed::Endless(b"data: x\n".repeat(8_192))),
        ("an event that stops in the middle", Feed::Says(vec![b"data".to_vec()])),
        ("drops that never become an event", Feed::Drip(b'x')),
        ("a cursor of a megabyte", Feed::Says(vec![text(&"c".repeat(1 << 20), false)])),
        ("a cursor that does not move", Feed::Endless(text("5", true))),
        ("another kind of comment", Feed::Endless(b": keep-alive\n\n".to_vec())),
        ("confirmations that somebody held up", Feed::Endless(b": ok 0\n\n".to_vec())),
        ("confirmations of what has not been yet", Feed::Endless(b": ok 9000000\n\n".to_vec())),
        ("an unknown fact", Feed::Says(vec![text("1", false).repeat(1), b"event: revocations\ndata: {\"items\":[{\"kind\":\"planet\"}],\"next_cursor\":\"2\",\"more\":false}\n\n".to_vec()])),
        ("an answer that does not begin", Feed::Hang),
    ]
}

#[tokio::test]
async fn a_lying_feed_is_not_believed_and_the_issuer_is_asked_instead() {
    let (issuer, guard) = impatient().await;
    let token = RSA.token(&issuer.claims());
    for (lie, feed) in lies() {
        issuer.feeding.becomes(feed);
        // A stream that ends after a comment vouches for a moment each time: that is no lie.
        if lie != "a stream that ends" {
            eventually(lie, || guard.metrics().state == FeedState::Asking).await;
        }
        let connections = issuer.feeding.connections().len();
        assert_eq!(code(&guard, &token).await, Ok(()), "{lie}");
        assert!(guard.metrics().bytes < 1 << 20, "{lie}");
        issuer.feeding.becomes(Feed::Live);
        eventually("the truth is believed again", || {
            guard.metrics().state == FeedState::Current && issuer.feeding.connections().len() > connections
        })
        .await;
    }
    assert!(issuer.feeding.introspected().len() >= 5);
    let elsewhere = issuer.feeding.connections().iter().filter(|(query, _)| query.len() > 100).count();
    assert_eq!(elsewhere, 0, "no long cursor was ever sent");
}

#[tokio::test]
async fn more_than_fits_is_asked_about_and_nothing_is_forgotten_until_there_is_room_again() {
    let issuer = Issuer::with_keys(&[&RSA]).await;
    let guard = Guard::connect(issuer.settings().denylist_bytes(200_000)).unwrap();
    guard.refresh().await.unwrap_err();
    issuer.feeding.publish(vec![session(1)]);
    eventually("it is known", || guard.metrics().entries.sessions == 1).await;

    issuer.feeding.publish((100_000..120_000).map(session).collect());
    is(&guard, FeedState::Asking).await;
    issuer.feeding.introspection(Introspection::inactive());

    assert!(guard.metrics().bytes <= 200_000, "{}", guard.metrics().bytes);
    assert_eq!(code(&guard, &of_session(&issuer, 1)).await, Err(Code::NotSignedIn));
    assert!(issuer.feeding.introspected().is_empty(), "that one needs no question");
    assert_eq!(code(&guard, &of_session(&issuer, 2)).await, Err(Code::NotSignedIn));
    assert_eq!(issuer.feeding.introspected().len(), 1);

    // By then all of it has expired; the page that did not fit is told again, and is over too.
    issuer.advance(3_660 + 120);
    is(&guard, FeedState::Current).await;
    assert_eq!(guard.metrics().entries.total(), 0);
}
