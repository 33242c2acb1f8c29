#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
use std::convert::Infallible;
use std::path::Path;
use std::sync::atomic::AtomicU32;

use uuid::Uuid;
use wire::claims::AccessClaims;
use wire::revocation::Revocation;

use super::*;
use crate::denylist::DENYLIST_BYTES;

/// The fuzz target's own body; its `super::lines` is ours.
#[path = "../../../../fuzz/src/feed.rs"]
mod fuzzed;

const NOW: i64 = 1_800_000_000;
const SESSION: Uuid = Uuid::from_u128(3);

fn feed() -> Feed {
    let issuer = Url::parse("http://localhost:9").unwrap();
    let (client, denylist) = (crate::fetch::client(&issuer).unwrap(), Arc::new(Denylist::new(DENYLIST_BYTES)));
    let authorization = HeaderValue::from_static("Basic eDp4");
    Feed::new(client, &issuer, authorization, denylist, MAX_SILENCE, Arc::new(|| NOW)).unwrap()
}

fn revoked() -> AccessClaims {
    let claims = serde_json::json!({
        "iss": "http://localhost:9", "aud": "clinic", "sub": Uuid::from_u128(1), "client_id": "bailiwick-web",
        "iat": NOW, "exp": NOW + 600, "jti": Uuid::from_u128(2), "sid": SESSION,
    });
    serde_json::from_value(claims).unwrap()
}

/// The feed tells `items` and that this is all.
fn tells(feed: &Feed, items: Vec<Revocation>) {
    let page = RevocationPage { items, next_cursor: "1".into(), more: false };
    feed.page(page, &mut None).unwrap();
    feed.vouch(monotonic());
}

fn revocation() -> Revocation {
    Revocation::Session { sid: SESSION, not_before: None, expires_at: NOW + 600 }
}

/// What is found, and whether it is the last word, if the list is empty and filled again around each of the first `times` looks.
async fn found(feed: &Feed, times: u32, empty: impl Fn()) -> ((bool, bool), u32) {
    let (claims, looks) = (revoked(), AtomicU32::default());
    let look = || async {
        let meanwhile = looks.fetch_add(1, Ordering::SeqCst) < times;
        if meanwhile {
            empty();
        }
        let refused = feed.denylist.refuses(&claims);
        if meanwhile {
            tells(feed, vec![revocation()]);
        }
        Ok::<_, Infallible>(refused)
    };
    let found = feed.judged(look).await.unwrap();
    (found, looks.into_inner())
}

#[tokio::test]
async fn a_look_into_a_list_that_a_reset_emptied_and_filled_again_is_taken_again() {
    let feed = feed();
    tells(&feed, vec![revocation()]);

    assert_eq!(found(&feed, 0, || {}).await, ((true, true), 1), "no reset");
    assert_eq!(found(&feed, 1, || feed.forget()).await, ((true, true), 2), "a cursor that is not known");
    assert_eq!(found(&feed, 1, || tells(&feed, vec![Revocation::Reset])).await, ((true, true), 2), "told to");
}

#[tokio::test]
async fn a_look_into_a_list_that_was_not_whole_yet_is_taken_again() {
    assert_eq!(found(&feed(), 1, || {}).await, ((true, true), 2));
}

#[tokio::test]
async fn a_feed_that_begins_anew_at_every_look_has_no_last_word() {
    let feed = feed();
    tells(&feed, vec![revocation()]);

    assert_eq!(found(&feed, u32::MAX, || feed.forget()).await, ((false, false), MOST_LOOKS));
}

#[test]
fn every_stream_in_the_corpus_of_the_fuzzer_passes() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/feed");

    let inputs: Vec<_> = std::fs::read_dir(&corpus).unwrap().map(|entry| entry.unwrap().path()).collect();

    assert!(inputs.len() >= 30, "{}: {}", corpus.display(), inputs.len());
    for input in inputs {
        fuzzed::check(&std::fs::read(&input).unwrap());
    }
}
