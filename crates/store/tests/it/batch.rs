//! The SQLite writer: many jobs in one commit, none of which can harm another.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::Poll;

use domain::event::{Event, EventType};
use store::{Outcome, Read, StoreError, Upkeep};
use testkit::Db;

use crate::counters;

/// Keeps the writer busy until it is let go; made with the number that its row holds.
struct Blocker {
    go: Sender<()>,
    done: tokio::task::JoinHandle<Result<(), StoreError>>,
}

impl Blocker {
    async fn start(db: &Db) -> Self {
        let (go, wait) = channel();
        let (started, mut starts) = tokio::sync::mpsc::unbounded_channel();
        let wait: Mutex<Receiver<()>> = Mutex::new(wait);
        let db = db.clone();
        let done = tokio::spawn(async move {
            db.write((started, wait), |tx, (started, wait)| {
                Box::pin(async move {
                    counters::set(tx, "blocker", 1).await?;
                    started.send(()).unwrap();
                    wait.lock().unwrap().recv().unwrap();
                    Ok(Outcome::upkeep((), Upkeep::Counter))
                })
            })
            .await
        });
        starts.recv().await.unwrap();
        Self { go, done }
    }

    async fn end(self) {
        self.go.send(()).unwrap();
        self.done.await.unwrap().unwrap();
    }
}

/// Polls once, which queues the job; tells whether it waits.
async fn queued<T>(job: &mut Pin<Box<impl Future<Output = T>>>) -> bool {
    poll_fn(|context| Poll::Ready(job.as_mut().poll(context).is_pending())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_survives_a_failing_a_panicking_a_poisoned_a_waiting_and_a_cancelled_job() {
    let db = Db::sqlite().await;
    let blocker = Blocker::start(&db).await;
    let before = db.store.load();
    let mut first = Box::pin(counters::make_audited(&db, "first", 1));
    let mut failing = Box::pin(db.write((), |tx, ()| {
        Box::pin(async move {
            counters::set(tx, "failing", 1).await?;
            Err::<Outcome<()>, _>(StoreError::Busy)
        })
    }));
    let mut second = Box::pin(counters::make_audited(&db, "second", 1));
    let mut panicking = Box::pin(db.write((), |tx, ()| {
        Box::pin(async move {
            counters::set(tx, "panicking", 1).await?;
            if tx.realm().get() > 0 {
                panic!("a defect")
            }
            Ok(Outcome::nothing(()))
        })
    }));
    let mut poisoned = Box::pin(db.write((), |tx, ()| {
        Box::pin(async move {
            counters::set(tx, "poisoned", 1).await?;
            counters::fail(tx).await;
            Ok(Outcome::done((), Event::new(EventType::ServerStarted)))
        })
    }));
    let mut waiting = Box::pin(db.write((), |tx, ()| {
        Box::pin(async move {
            counters::set(tx, "waiting", 1).await?;
            tokio::task::yield_now().await;
            Ok(Outcome::nothing(()))
        })
    }));
    let mut cancelled = Box::pin(counters::make_audited(&db, "cancelled", 1));
    let mut third = Box::pin(counters::make_audited(&db, "third", 1));
    for job in [&mut first, &mut second, &mut cancelled, &mut third] {
        assert!(queued(job).await);
    }
    assert!(
        queued(&mut failing).await
            && queued(&mut panicking).await
            && queued(&mut poisoned).await
            && queued(&mut waiting).await
    );

    drop(cancelled);
    blocker.end().await;

    first.await.unwrap();
    second.await.unwrap();
    third.await.unwrap();
    assert!(matches!(failing.await, Err(StoreError::Busy)));
    assert!(panicking.await.unwrap_err().to_string().contains("panicked"));
    assert!(poisoned.await.unwrap_err().to_string().contains("after a failed one"));
    assert!(waiting.await.unwrap_err().to_string().contains("other than the database"));
    let rows = db.rows("SELECT name FROM counter WHERE realm_id = $1 ORDER BY name", vec![db.realm.into()]).await;
    assert_eq!(rows, ["blocker", "first", "second", "third"].map(|name| vec![name.into()]));
    assert_eq!(db.number("SELECT COUNT(*) FROM audit_leaf WHERE realm_id = $1", vec![db.realm.into()]).await, 3);
    assert_eq!(db.store.load().batches, before.batches + 1, "all of them were one commit");
    assert_eq!(db.store.load().jobs, before.jobs + 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_request_is_dropped_while_it_runs_is_done_whole() {
    let db = Db::sqlite().await;
    let blocker = Blocker::start(&db).await;

    blocker.done.abort();
    assert!(blocker.done.await.unwrap_err().is_cancelled());
    blocker.go.send(()).unwrap();

    counters::make(&db, "next", 1).await.unwrap();
    assert_eq!(counters::value(&db, "blocker").await, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_answers_busy_at_once_and_what_waits_is_done() {
    let db = Db::sqlite().await.reopened_with(|options| options.queue = 2).await.unwrap();
    let blocker = Blocker::start(&db).await;
    let mut first = Box::pin(counters::make(&db, "first", 1));
    let mut second = Box::pin(counters::make(&db, "second", 1));
    assert!(queued(&mut first).await && queued(&mut second).await);
    let mut third = Box::pin(counters::make(&db, "third", 1));

    let at_once = poll_fn(|context| Poll::Ready(third.as_mut().poll(context))).await;

    assert!(matches!(at_once, Poll::Ready(Err(StoreError::Busy))), "{at_once:?}");
    assert_eq!(db.store.load().refused, 1);
    blocker.end().await;
    first.await.unwrap();
    second.await.unwrap();
    counters::make(&db, "fourth", 1).await.unwrap();
    assert_eq!(counters::value(&db, "third").await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_waiting_jobs_share_a_commit() {
    let db = Db::sqlite().await;
    let blocker = Blocker::start(&db).await;
    let before = db.store.load().batches;
    let mut jobs: Vec<_> = (0..300)
        .map(|n| (n, db.clone()))
        .map(|(n, db)| Box::pin(async move { counters::make(&db, &format!("{n}"), n).await }))
        .collect();
    for job in &mut jobs {
        assert!(queued(job).await);
    }

    blocker.end().await;
    for job in jobs {
        job.await.unwrap();
    }

    assert_eq!(db.store.load().batches, before + 2, "256 and the rest");
    assert_eq!(counters::count(&db).await, 301);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_queued_is_done_before_the_store_closes() {
    let db = Db::sqlite().await;
    let other = db.reopened().await;
    let blocker = Blocker::start(&other).await;
    let mut last = Box::pin({
        let other = other.clone();
        async move { counters::make(&other, "last", 1).await }
    });
    assert!(queued(&mut last).await);

    blocker.end().await;
    last.await.unwrap();
    drop(other);

    assert_eq!(counters::value(&db, "last").await, Some(1));
}
