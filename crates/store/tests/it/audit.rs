//! Events with what is personal beside them, and leaves that fix their order.

use domain::allowed::{Allowed, Flow, Request};
use domain::event::{Event, EventOutcome, EventType, VISITOR};
use domain::id::{EventId, PrincipalId, UserId};
use domain::time::seconds;
use store::audit::{self, Filter, Leaf, Stored};
use store::db::Turn;
use store::{Outcome, StoreError};
use testkit::{Db, on_both_databases, race};
use uuid::Uuid;

use crate::counters;

/// Lets the sequencer run until nothing waits for its index.
pub(crate) async fn sequence(db: &Db) {
    let Some(mut sequencer) = db.store.sequencer() else { return };
    while sequencer.turn().await.unwrap() != Turn::Leads(0) {}
}

/// All leaves of the realm.
pub(crate) async fn leaves(db: &Db) -> Vec<Leaf> {
    db.read(|tx| Box::pin(async move { audit::leaves(tx, 0, 100_000).await })).await.unwrap()
}

/// Every event has one leaf, indexes are consecutive from 0, and each leaf verifies. Returns how many there are.
pub(crate) async fn leaves_are_whole(db: &Db) -> usize {
    sequence(db).await;
    let leaves = leaves(db).await;
    let indexes: Vec<i64> = leaves.iter().map(|leaf| leaf.index).collect();
    assert_eq!(indexes, (0..i64::try_from(leaves.len()).unwrap()).collect::<Vec<_>>());
    assert!(leaves.iter().all(audit::leaf_verifies));
    let (events, with_leaf) = db.read(|tx| Box::pin(async move { audit::counts(tx).await })).await.unwrap();
    assert_eq!((events, with_leaf), (i64::try_from(leaves.len()).unwrap(), events), "each event has its leaf");
    leaves.len()
}

/// The names that [`counters::make_audited`] gave, in the order of the leaves.
fn names(leaves: &[Leaf]) -> Vec<String> {
    let name = |leaf: &Leaf| {
        let text = String::from_utf8(leaf.canonical.clone()).unwrap();
        let start = text.split("\"counter\":\"").nth(1).expect("a counter's event");
        start.split('"').next().unwrap().to_owned()
    };
    leaves.iter().map(name).collect()
}

/// Somebody not signed in, somewhere.
#[expect(clippy::disallowed_methods, reason = "the events of a flow")]
fn visitor(db: &Db) -> Allowed {
    let request = Request {
        id: "req-1".to_owned(),
        address: Some("192.0.2.7".parse().unwrap()),
        user_agent: Some("curl/8".to_owned()),
    };
    Allowed::visitor(Flow::SignIn, db.realm, request)
}

/// A failed sign-in of a person: two people are concerned, the visitor and who they say they are.
async fn failed_sign_in(db: &Db, user: UserId, name: &str) {
    let written: Result<(), StoreError> = db
        .store
        .write(visitor(db), db.now(), (user, name.to_owned()), |tx, (user, name)| {
            Box::pin(async move {
                counters::add(tx, "none", 1).await?;
                Ok(Outcome::done((), Event::new(EventType::AuthnLoginFail).failed("wrong_password").user(*user, name)))
            })
        })
        .await;
    written.unwrap();
}

async fn list(db: &Db, filter: Filter) -> Vec<Stored> {
    db.read(move |tx| Box::pin(async move { audit::list(tx, &filter, 100).await })).await.unwrap()
}

fn ines() -> UserId {
    UserId::from_uuid(Uuid::from_u128(42))
}

on_both_databases! {
    async fn each_event_has_its_leaf_and_what_is_personal_stands_beside_it(db: Db) {
        failed_sign_in(&db, ines(), "Ines Tallmark").await;
        sequence(&db).await;

        let events = list(&db, Filter::default()).await;

        let [event] = &events[..] else { panic!("{events:?}") };
        assert_eq!(event.index, Some(0));
        let canonical = String::from_utf8(event.canonical.clone()).unwrap();
        assert!(canonical.starts_with("{\"v\":1,"), "{canonical}");
        assert!(!canonical.contains("Ines") && !canonical.contains("192.0.2.7"), "{canonical}");
        let personal: Vec<_> =
            event.personal.iter().map(|(id, data)| (*id, data.address.clone(), data.subject_name.clone())).collect();
        assert_eq!(
            personal,
            [(VISITOR, Some("192.0.2.7".to_owned()), None), (ines().into(), None, Some("Ines Tallmark".to_owned())),]
        );
        assert_eq!(leaves_are_whole(&db).await, 1);
    }

    async fn several_events_of_one_transaction_follow_each_other(db: Db) {
        db.write((), |_tx, ()| {
            Box::pin(async move {
                let event = |name: &str| Event::new(EventType::ServerStarted).with("counter", name);
                Ok(Outcome::done((), store::Events::from(event("a")).and(event("b")).and_all([event("c"), event("d")])))
            })
        })
        .await
        .unwrap();

        assert_eq!(leaves_are_whole(&db).await, 4);
        assert_eq!(names(&leaves(&db).await), ["a", "b", "c", "d"]);
    }

    async fn each_realm_counts_its_own_indexes(db: Db) {
        db.twin_may_change();
        let twin = db.as_twin();
        for round in 0..5 {
            counters::make_audited(&db, &format!("main {round}"), 1).await.unwrap();
            counters::make_audited(&twin, &format!("twin {round}"), 1).await.unwrap();
            counters::make_audited(&twin, &format!("twin too {round}"), 1).await.unwrap();
        }

        assert_eq!(leaves_are_whole(&db).await, 5);
        assert_eq!(leaves_are_whole(&twin).await, 10);
        assert!(names(&leaves(&db).await).iter().all(|name| name.starts_with("main")));
        assert_eq!(list(&db, Filter::default()).await.len(), 5);
    }

    async fn what_is_refused_leaves_no_event_and_no_gap(db: Db) {
        counters::make_audited(&db, "first", 1).await.unwrap();
        assert!(counters::make_audited(&db, "first", 1).await.is_err(), "the name is taken");
        counters::make_audited(&db, "second", 1).await.unwrap();

        assert_eq!(leaves_are_whole(&db).await, 2);
        assert_eq!(names(&leaves(&db).await), ["first", "second"]);
    }

    /// An event acknowledged before another transaction began has the lower index, however many are on their way beside them.
    async fn the_order_of_leaves_is_causal_under_sixteen_writers(db: Db) {
        let sequencing = tokio::spawn({
            let db = db.clone();
            async move {
                let Some(mut sequencer) = db.store.sequencer() else { return };
                loop {
                    sequencer.turn().await.unwrap();
                    tokio::task::yield_now().await;
                }
            }
        });

        race(16, |racer| {
            let db = db.clone();
            async move {
                for round in 0..20 {
                    counters::make_audited(&db, &format!("{racer}-{round}"), 1).await.unwrap();
                }
            }
        })
        .await;
        sequencing.abort();
        let _ = sequencing.await;

        assert_eq!(leaves_are_whole(&db).await, 320);
        let mut last = [None; 16];
        for name in names(&leaves(&db).await) {
            let (racer, round) =
                name.split_once('-').map(|(a, b)| (a.parse::<usize>().unwrap(), b.parse::<u32>().unwrap())).unwrap();
            assert!(last[racer] < Some(round), "{name} after {:?}", last[racer]);
            last[racer] = Some(round);
        }
    }

    async fn erasing_what_is_personal_leaves_every_leaf_verifiable(db: Db) {
        failed_sign_in(&db, ines(), "Ines Tallmark").await;
        failed_sign_in(&db, ines(), "Ines Tallmark").await;
        sequence(&db).await;
        let event = list(&db, Filter::default()).await[0].id;

        let erase = |subject: PrincipalId| {
            db.write((event, subject), |tx, (event, subject)| {
                Box::pin(async move {
                    let erased = audit::erase_personal(tx, *event, *subject).await?;
                    Ok(Outcome::done(erased, Event::new(EventType::ServerStarted)))
                })
            })
        };
        assert!(erase(ines().into()).await.unwrap());
        assert!(!erase(ines().into()).await.unwrap(), "there is nothing more to erase");

        assert_eq!(leaves_are_whole(&db).await, 4);
        let found = db.read(move |tx| Box::pin(async move { audit::find(tx, event).await })).await.unwrap().unwrap();
        assert_eq!(found.personal.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [VISITOR]);
        let openings: Vec<usize> = leaves(&db).await.iter().map(|leaf| leaf.openings.len()).collect();
        assert_eq!(openings.iter().sum::<usize>(), 3);
    }

    async fn a_changed_byte_does_not_verify(db: Db) {
        failed_sign_in(&db, ines(), "Ines Tallmark").await;
        sequence(&db).await;
        let leaf = leaves(&db).await.remove(0);
        assert!(audit::leaf_verifies(&leaf));

        for at in 0..leaf.canonical.len() {
            let mut changed = leaf.clone();
            changed.canonical[at] ^= 1;
            assert!(!audit::leaf_verifies(&changed), "byte {at} of the entry");
        }
        for opening in 0..leaf.openings.len() {
            let (mut salt, mut bytes, mut person) = (leaf.clone(), leaf.clone(), leaf.clone());
            salt.openings[opening].1[0] ^= 1;
            bytes.openings[opening].2[5] ^= 1;
            person.openings[opening].0 = PrincipalId::from_uuid(Uuid::from_u128(43));
            for changed in [salt, bytes, person] {
                assert!(!audit::leaf_verifies(&changed), "{:?}", changed.openings[opening]);
            }
        }
        let mut other = leaf;
        other.hash[0] ^= 1;
        assert!(!audit::leaf_verifies(&other), "the hash");
    }

    async fn the_listing_is_newest_first_and_pages_by_key(db: Db) {
        for round in 0..7 {
            counters::make_audited(&db, &format!("{round}"), 1).await.unwrap();
            if round % 2 == 0 {
                db.clock.advance(seconds(1)); // so that some have the same instant
            }
        }

        let all: Vec<EventId> = list(&db, Filter::default()).await.iter().map(|event| event.id).collect();
        let (mut paged, mut after) = (Vec::new(), None);
        loop {
            let filter = Filter { after, ..Filter::default() };
            let page = db.read(move |tx| Box::pin(async move { audit::list(tx, &filter, 2).await })).await.unwrap();
            let Some(last) = page.last() else { break };
            after = Some((last.at, last.id));
            paged.extend(page.iter().map(|event| event.id));
        }

        assert_eq!(paged, all);
        assert_eq!(all.len(), 7);
        let times: Vec<_> = list(&db, Filter::default()).await.iter().map(|event| event.at).collect();
        assert!(times.is_sorted_by(|newer, older| newer >= older), "{times:?}");
    }

    async fn filters_narrow_the_listing(db: Db) {
        let start = db.now();
        failed_sign_in(&db, ines(), "Ines Tallmark").await;
        db.clock.advance(seconds(10));
        counters::make_audited(&db, "later", 1).await.unwrap();

        let count = async |filter: Filter| list(&db, filter).await.len();
        assert_eq!(count(Filter { subject: Some(ines().uuid()), ..Filter::default() }).await, 1);
        assert_eq!(count(Filter { subject: Some(Uuid::nil()), ..Filter::default() }).await, 0);
        assert_eq!(count(Filter { kind: Some(EventType::ServerStarted), ..Filter::default() }).await, 1);
        assert_eq!(count(Filter { outcome: Some(EventOutcome::Failure), ..Filter::default() }).await, 1);
        assert_eq!(count(Filter { from: Some(start.plus(seconds(1))), ..Filter::default() }).await, 1);
        assert_eq!(count(Filter { to: Some(start.plus(seconds(1))), ..Filter::default() }).await, 1);
        assert_eq!(count(Filter { from: Some(start), to: Some(start), ..Filter::default() }).await, 0);
        assert_eq!(count(Filter { actor: Some(ines().into()), ..Filter::default() }).await, 0, "nobody was signed in");
        let both = Filter { subject: Some(ines().uuid()), outcome: Some(EventOutcome::Success), ..Filter::default() };
        assert_eq!(count(both).await, 0);
    }
}
