//! Random rounds of jobs in both realms, all at once within a round: what the model says is there, and nothing else.

use domain::event::{Event, EventType};
use domain::realm::RealmKey;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use store::{Events, Outcome, Read, StoreError, Upkeep};
use testkit::{Db, race, runtime};

use crate::audit::{leaves, leaves_are_whole, sequence};
use crate::counters;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Deed {
    /// Writes, and says so in so many events.
    Done(usize),
    Upkeep,
    Nothing,
    Fails,
    Panics,
    /// A statement fails, and the closure says that all is well.
    Poisoned,
    /// Writes, and says that it did nothing.
    Lies,
}

#[derive(Clone, Copy, Debug)]
struct Job {
    deed: Deed,
    twin: bool,
}

fn job() -> impl Strategy<Value = Job> {
    let deed = prop_oneof![
        6 => (1..4_usize).prop_map(Deed::Done),
        2 => Just(Deed::Upkeep),
        1 => Just(Deed::Nothing),
        1 => Just(Deed::Fails),
        1 => Just(Deed::Panics),
        1 => Just(Deed::Poisoned),
        1 => Just(Deed::Lies),
    ];
    (deed, any::<bool>()).prop_map(|(deed, twin)| Job { deed, twin })
}

fn rounds() -> impl Strategy<Value = Vec<Vec<Job>>> {
    prop::collection::vec(prop::collection::vec(job(), 1..10), 1..6)
}

async fn run(db: Db, job: Job, name: String, round: usize) -> Result<(), StoreError> {
    let db = if job.twin { db.as_twin() } else { db };
    db.write((job.deed, name, round), |tx, (deed, name, round)| {
        Box::pin(async move {
            if *deed == Deed::Nothing {
                return Ok(Outcome::nothing(()));
            }
            counters::set(tx, name, 1).await?;
            let event = || Event::new(EventType::ServerStarted).with("round", *round);
            match deed {
                Deed::Done(events) => {
                    Ok(Outcome::done((), Events::from(event()).and_all((1..*events).map(|_| event()))))
                }
                Deed::Upkeep => Ok(Outcome::upkeep((), Upkeep::Counter)),
                Deed::Nothing | Deed::Lies => Ok(Outcome::nothing(())),
                Deed::Fails => Err(StoreError::Busy),
                Deed::Panics if tx.realm().get() > 0 => panic!("a defect"),
                Deed::Panics => Err(StoreError::Busy),
                Deed::Poisoned => {
                    counters::fail(tx).await;
                    Ok(Outcome::done((), event()))
                }
            }
        })
    })
    .await
}

async fn check(db: Db, rounds: &[Vec<Job>]) {
    for (round, jobs) in rounds.iter().enumerate() {
        let own: Vec<Job> = jobs.clone();
        let answers = race(jobs.len(), |at| run(db.clone(), own[at], format!("{round}-{at}"), round)).await;
        for (job, answer) in jobs.iter().zip(&answers) {
            let good = matches!(job.deed, Deed::Done(_) | Deed::Upkeep | Deed::Nothing);
            assert_eq!(answer.is_ok(), good, "{job:?}: {answer:?}");
        }
        if round % 2 == 0 {
            sequence(&db).await;
        }
    }
    for (realm, twin) in [(db.clone(), false), (db.as_twin(), true)] {
        let of_realm = || rounds.iter().flatten().filter(|job| job.twin == twin);
        let rows = of_realm().filter(|job| matches!(job.deed, Deed::Done(_) | Deed::Upkeep)).count();
        let events: usize = of_realm().map(|job| if let Deed::Done(events) = job.deed { events } else { 0 }).sum();
        let low_water = i64::from(!twin && counters::value(&realm, "audit_low_water").await.is_some());
        assert_eq!(counters::count(&realm).await - low_water, i64::try_from(rows).unwrap());
        assert_eq!(leaves_are_whole(&realm).await, events);
        let order: Vec<String> = leaves(&realm).await.iter().map(|leaf| round_of(&leaf.canonical)).collect();
        assert!(order.is_sorted(), "{order:?}");
        assert_eq!(realm.realm == RealmKey::MAIN, !twin);
    }
}

/// One digit: there are less than ten rounds.
fn round_of(canonical: &[u8]) -> String {
    let text = String::from_utf8_lossy(canonical);
    text.split("\"round\":").nth(1).expect("a round").chars().take(1).collect()
}

fn property(db: impl AsyncFn() -> Db) {
    let config = Config { cases: 12, failure_persistence: None, ..Config::default() };
    let runtime = runtime();
    let checked = TestRunner::new(config).run(&rounds(), |rounds| {
        runtime.block_on(async { check(db().await, &rounds).await });
        Ok(())
    });
    checked.unwrap();
}

#[test]
fn on_sqlite_random_jobs_leave_what_the_model_says() {
    property(Db::sqlite);
}

#[test]
fn on_postgresql_random_jobs_leave_what_the_model_says() {
    property(Db::postgres);
}
