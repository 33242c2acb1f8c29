//! The sequencer of the audit log on PostgreSQL: nothing lost, nothing twice, whoever leads.

use store::db::{Sequencer, Turn};
use testkit::Db;
use tokio_postgres::Client;
use uuid::Uuid;

use crate::audit::{leaves, leaves_are_whole, sequence};
use crate::counters;

/// An event as the store writes it, in a transaction that stays open.
async fn insert(client: &Client, id: u128) {
    let sql = "INSERT INTO audit_event (realm_id, id, at, type, outcome, canonical, position)
         VALUES (1, $1, 0, 'server_started', 'success', '{}', CASE WHEN pg_current_xact_id() IS NOT NULL THEN nextval('audit_position') END)";
    client.execute(sql, &[&Uuid::from_u128(id)]).await.unwrap();
}

async fn turns(sequencer: &mut Sequencer, count: usize) -> usize {
    let mut sequenced = 0;
    for _ in 0..count {
        match sequencer.turn().await.unwrap() {
            Turn::Leads(count) => sequenced += count,
            Turn::Follows => panic!("another one leads"),
        }
    }
    sequenced
}

async fn low_water(db: &Db) -> i64 {
    counters::value(db, "audit_low_water").await.unwrap_or(0)
}

/// The transaction that drew its position first commits last.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_commits_late_is_not_lost() {
    let db = Db::postgres().await;
    let mut sequencer = db.store.sequencer().unwrap();
    let late = db.raw().await;
    late.batch_execute("BEGIN").await.unwrap();
    insert(&late, 1).await;
    for round in 0..5 {
        counters::make_audited(&db, &format!("{round}"), 1).await.unwrap();
        assert_eq!(turns(&mut sequencer, 3).await, 1);
    }
    let held = low_water(&db).await;

    late.batch_execute("COMMIT").await.unwrap();

    assert_eq!(turns(&mut sequencer, 3).await, 1, "the late one");
    assert_eq!(held, 0, "the mark does not pass a position whose transaction may still commit");
    let order: Vec<bool> = leaves(&db).await.iter().map(|leaf| leaf.canonical == b"{}").collect();
    assert_eq!(order, [false, false, false, false, false, true]);
    // And it rises when nothing is on its way, in other tests' databases neither.
    while low_water(&db).await < 6 {
        turns(&mut sequencer, 1).await;
    }
}

/// A transaction may have its number long before it draws its position.
#[tokio::test(flavor = "multi_thread")]
async fn an_old_transaction_that_draws_its_position_late_is_not_lost() {
    let db = Db::postgres().await;
    let mut sequencer = db.store.sequencer().unwrap();
    let old = db.raw().await;
    old.batch_execute("BEGIN; SELECT pg_current_xact_id()").await.unwrap();
    counters::make_audited(&db, "one", 1).await.unwrap();
    turns(&mut sequencer, 2).await;
    insert(&old, 1).await;
    counters::make_audited(&db, "two", 1).await.unwrap();
    turns(&mut sequencer, 2).await;

    old.batch_execute("COMMIT").await.unwrap();
    turns(&mut sequencer, 4).await;

    assert_eq!(leaves(&db).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_rolls_back_leaves_no_gap_among_the_indexes() {
    let db = Db::postgres().await;
    let mut sequencer = db.store.sequencer().unwrap();
    let undone = db.raw().await;
    undone.batch_execute("BEGIN").await.unwrap();
    insert(&undone, 1).await;
    counters::make_audited(&db, "one", 1).await.unwrap();
    turns(&mut sequencer, 2).await;

    undone.batch_execute("ROLLBACK").await.unwrap();
    counters::make_audited(&db, "two", 1).await.unwrap();
    turns(&mut sequencer, 3).await;
    drop(sequencer);

    assert_eq!(leaves_are_whole(&db).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_sequencers_one_leads_and_when_it_is_killed_the_other_takes_over_without_gap_or_duplicate() {
    let db = Db::postgres().await;
    let other_node = db.reopened().await;
    let (mut first, mut second) = (db.store.sequencer().unwrap(), other_node.store.sequencer().unwrap());
    for round in 0..10 {
        counters::make_audited(&db, &format!("{round}"), 1).await.unwrap();
    }
    assert_eq!(first.turn().await.unwrap(), Turn::Leads(10));
    assert_eq!(second.turn().await.unwrap(), Turn::Follows);
    for round in 10..20 {
        counters::make_audited(&db, &format!("{round}"), 1).await.unwrap();
    }
    assert_eq!(second.turn().await.unwrap(), Turn::Follows);

    let killed = "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory' AND granted
                   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    assert_eq!(db.raw().await.query(killed, &[]).await.unwrap().len(), 1);

    assert_eq!(second.turn().await.unwrap(), Turn::Leads(10));
    assert!(first.turn().await.is_err(), "the first one finds its connection gone");
    assert_eq!(first.turn().await.unwrap(), Turn::Follows);
    counters::make_audited(&db, "last", 1).await.unwrap();
    assert_eq!(second.turn().await.unwrap(), Turn::Leads(1));
    second.resign();
    assert_eq!(leaves_are_whole(&db).await, 21);
    // The third one, which looked at the leaves, may still be leaving.
    let mut turn = Turn::Follows;
    while turn == Turn::Follows {
        turn = first.turn().await.unwrap();
    }
    assert_eq!(turn, Turn::Leads(0), "who resigns lets the other lead");
}

/// Writers go on while leaders are killed one after the other.
#[tokio::test(flavor = "multi_thread")]
async fn leaders_that_are_killed_again_and_again_lose_nothing() {
    let db = Db::postgres().await;
    let nodes = [db.reopened().await, db.reopened().await];
    let sequencing: Vec<_> = nodes
        .iter()
        .map(|node| {
            let mut sequencer = node.store.sequencer().unwrap();
            tokio::spawn(async move {
                loop {
                    let _ = sequencer.turn().await; // an error is the kill
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    let killer = db.raw().await;
    let kill = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted
                 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

    let mut kills = 0;
    for round in 0..60 {
        let writers = testkit::race(4, |racer| {
            let db = db.clone();
            async move { counters::make_audited(&db, &format!("{round} {racer}"), 1).await }
        });
        assert!(writers.await.iter().all(Result::is_ok));
        if round % 6 == 5 {
            kills += killer.query(kill, &[]).await.unwrap().len();
        }
    }
    for task in sequencing {
        task.abort();
        let _ = task.await;
    }

    assert!(kills > 0);
    sequence(&db).await;
    assert_eq!(leaves_are_whole(&db).await, 240);
}

/// More than a batch waits: no mark is raised past what has not been seen.
#[tokio::test(flavor = "multi_thread")]
async fn more_than_a_batch_is_sequenced_in_order() {
    let db = Db::postgres().await;
    let mut sequencer = db.store.sequencer().unwrap();
    let client = db.raw().await;
    let many = "INSERT INTO audit_event (realm_id, id, at, type, outcome, canonical, position)
         SELECT 1, gen_random_uuid(), 0, 'server_started', 'success', convert_to(n::text, 'UTF8'), nextval('audit_position')
           FROM generate_series(1, 4500) AS n";
    client.batch_execute(many).await.unwrap();

    let mut counts = Vec::new();
    for _ in 0..4 {
        counts.push(turns(&mut sequencer, 1).await);
    }

    assert_eq!(counts, [2000, 2000, 500, 0]);
    let numbers: Vec<String> =
        leaves(&db).await.into_iter().map(|leaf| String::from_utf8(leaf.canonical).unwrap()).collect();
    assert_eq!(numbers, (1..=4500).map(|n| n.to_string()).collect::<Vec<_>>());
}
