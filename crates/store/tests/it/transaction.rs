//! What a transaction promises, on both databases.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use domain::event::{Event, EventType};
use store::db::Sql;
use store::{Outcome, Read, StoreError, Upkeep, Value};
use testkit::{Db, on_both_databases, race};

use crate::counters;

on_both_databases! {
    /// `$n` is a *named* parameter in SQLite, and would bind by first appearance.
    async fn placeholders_bind_by_number_whatever_their_order(db: Db) {
        let sql = "SELECT $2, $1, $3, $2 WHERE $1 = 'one' AND $3 = 'three'";

        let rows = db.rows(sql, vec!["one".into(), "two".into(), "three".into()]).await;

        let text = |text: &str| Value::Text(text.to_owned());
        assert_eq!(rows, [vec![text("two"), text("one"), text("three"), text("two")]]);
    }

    async fn two_digit_placeholders_are_not_taken_for_one_digit_ones(db: Db) {
        let params: Vec<Value> = (1..=12).map(|n| Value::Text(format!("v{n}"))).collect();
        let sql = "SELECT $12, $11, $1, $10, $2 || $3 || $4 || $5 || $6 || $7 || $8 || $9";

        let rows = db.rows(sql, params).await;

        let expected = ["v12", "v11", "v1", "v10", "v2v3v4v5v6v7v8v9"].map(|t| Value::Text(t.to_owned()));
        assert_eq!(rows, [expected.to_vec()]);
    }

    async fn the_history_that_a_feed_belongs_to_is_one_for_a_cluster_and_one_for_each_process_with_a_file(db: Db) {
        let (first, again) = (db.store.feed_epoch().await.unwrap(), db.store.feed_epoch().await.unwrap());
        let other = db.reopened().await.store.feed_epoch().await.unwrap();

        assert_eq!(first, again);
        assert_ne!(first, 0);
        // A file can have been exchanged for an older copy of it between two processes.
        assert_eq!(first == other, db.store.is_postgres());
    }

    async fn what_cannot_be_written_into_the_log_is_not_done(db: Db) {
        let done = db.write((), |tx, ()| {
            Box::pin(async move {
                counters::set(tx, "x", 1).await?;
                let event = Event::new(EventType::UnitCreated).about("unit", uuid::Uuid::nil(), &"x".repeat(70_000));
                Ok(Outcome::done((), event))
            })
        });

        let refused = done.await.expect_err("too long for the log");

        assert!(matches!(&refused, StoreError::Driver(why) if why.contains("too long")), "{refused:?}");
        assert_eq!(counters::value(&db, "x").await, None);
        counters::make(&db, "x", 2).await.unwrap();
    }

    async fn every_kind_of_value_comes_back_as_it_went_in(db: Db) {
        let id = uuid::Uuid::from_u128(7);
        db.execute("INSERT INTO unit (realm_id, id, parent_id, slug, path, name, version, valid_from) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            vec![db.realm.into(), id.into(), Value::Null, "".into(), "/".into(), "Zürich 🏥".into(), i64::MAX.into(), i64::MIN.into()]).await;

        let found = db
            .read(move |tx| {
                Box::pin(async move {
                    let sql = Sql::literal(
                        "SELECT id, parent_id, name, version, valid_from FROM unit WHERE realm_id = $1 AND id = $2",
                    );
                    let row = tx.one(sql, vec![tx.realm().into(), id.into()]).await?.expect("a row");
                    Ok((
                        row.get::<uuid::Uuid>(0)?,
                        row.get::<Option<uuid::Uuid>>(1)?,
                        row.get::<String>(2)?,
                        row.get::<i64>(3)?,
                        row.get::<i64>(4)?,
                    ))
                })
            })
            .await
            .unwrap();

        assert_eq!(found, (id, None, "Zürich 🏥".to_owned(), i64::MAX, i64::MIN));
    }

    async fn a_value_of_another_kind_is_an_error_that_names_its_column(db: Db) {
        let read = db
            .read(|tx| {
                Box::pin(async move {
                    let row = tx
                        .one(Sql::literal("SELECT slug, id FROM realm WHERE id = $1"), vec![tx.realm().into()])
                        .await?
                        .expect("a row");
                    row.get::<i64>(0)
                })
            })
            .await;

        assert!(matches!(read, Err(StoreError::Corrupt { ref column, .. }) if column == "0"), "{read:?}");
    }

    async fn after_a_failed_statement_nothing_more_is_accepted(db: Db) {
        let answer = db
            .write((), |tx, ()| {
                Box::pin(async move {
                    counters::set(tx, "before", 1).await?;
                    counters::fail(tx).await;
                    let refused = [
                        counters::set(tx, "after", 1).await.map(drop),
                        counters::get(tx, "before").await.map(drop),
                        tx.pipeline(vec![]).await.map(drop),
                        tx.exclusive(store::Guard::RoleGraph).await,
                        tx.returning(counters::GET, vec![]).await.map(drop),
                    ];
                    assert!(refused.iter().all(Result::is_err), "{refused:?}");
                    Err::<Outcome<()>, _>(StoreError::Busy)
                })
            })
            .await;

        assert!(matches!(answer, Err(StoreError::Busy)), "{answer:?}");
        assert_eq!(counters::count(&db).await, 0);
    }

    async fn a_transaction_with_a_failed_statement_rolls_back_though_its_closure_says_ok(db: Db) {
        let answer = db
            .write((), |tx, ()| {
                Box::pin(async move {
                    counters::set(tx, "before", 1).await?;
                    counters::fail(tx).await;
                    Ok(Outcome::done((), Event::new(EventType::ServerStarted)))
                })
            })
            .await;

        assert!(answer.is_err());
        assert_eq!(counters::count(&db).await, 0);
        assert_eq!(db.number("SELECT COUNT(*) FROM audit_event WHERE realm_id = $1", vec![db.realm.into()]).await, 0);
    }

    async fn a_failed_read_poisons_too(db: Db) {
        let answer = db
            .write((), |tx, ()| {
                Box::pin(async move {
                    counters::set(tx, "before", 1).await?;
                    let _ = tx.query(Sql::literal("SELECT nothing FROM nowhere"), vec![]).await.expect_err("no table");
                    Ok(Outcome::upkeep((), Upkeep::Counter))
                })
            })
            .await;

        assert!(answer.is_err());
        assert_eq!(counters::count(&db).await, 0);
    }

    async fn an_error_rolls_back_what_was_written(db: Db) {
        let answer = db
            .write((), |tx, ()| {
                Box::pin(async move {
                    counters::set(tx, "x", 1).await?;
                    Err::<Outcome<()>, _>(StoreError::Busy)
                })
            })
            .await;

        assert!(matches!(answer, Err(StoreError::Busy)));
        assert_eq!(counters::count(&db).await, 0);
    }

    async fn saying_nothing_after_a_write_is_refused_and_rolled_back(db: Db) {
        let answer = db
            .write((), |tx, ()| {
                Box::pin(async move {
                    counters::set(tx, "x", 1).await?;
                    Ok(Outcome::nothing(()))
                })
            })
            .await;

        assert!(matches!(answer, Err(StoreError::Driver(ref why)) if why.contains("no event")), "{answer:?}");
        assert_eq!(counters::count(&db).await, 0);
    }

    async fn saying_nothing_after_rows_came_back_from_a_write_is_refused(db: Db) {
        counters::make(&db, "x", 1).await.unwrap();

        let answer = db
            .write((), |tx, ()| {
                Box::pin(async move {
                    let realm = tx.realm();
                    let sql = Sql::literal("UPDATE counter SET value = 2 WHERE realm_id = $1 RETURNING value");
                    assert_eq!(tx.returning(sql, vec![realm.into()]).await?.len(), 1);
                    Ok(Outcome::nothing(()))
                })
            })
            .await;

        assert!(answer.is_err());
        assert_eq!(counters::value(&db, "x").await, Some(1));
    }

    async fn saying_nothing_after_a_pipeline_is_refused(db: Db) {
        let statements = vec![counters::set_statement(&db, "x", 1), counters::set_statement(&db, "y", 2)];

        let answer = db
            .write(statements, |tx, statements| {
                Box::pin(async move {
                    assert_eq!(tx.pipeline(statements.clone()).await?, [1, 1]);
                    Ok(Outcome::nothing(()))
                })
            })
            .await;

        assert!(answer.is_err());
        assert_eq!(counters::count(&db).await, 0);
    }

    /// A function over `&mut impl Read` cannot smuggle in a write that nobody counts.
    async fn a_reading_statement_that_writes_is_refused_in_a_transaction_that_may_write(db: Db) {
        counters::make(&db, "x", 1).await.unwrap();

        let answer = db
            .write((), |tx, ()| {
                Box::pin(async move {
                    let realm = tx.realm();
                    let sql = Sql::literal("UPDATE counter SET value = 2 WHERE realm_id = $1 RETURNING value");
                    let _ = tx.query(sql, vec![realm.into()]).await;
                    Ok(Outcome::nothing(()))
                })
            })
            .await;

        assert!(answer.is_err(), "{answer:?}");
        assert_eq!(counters::value(&db, "x").await, Some(1));
    }

    async fn a_transaction_that_reads_cannot_write(db: Db) {
        counters::make(&db, "x", 1).await.unwrap();

        let answer = db
            .read(|tx| {
                Box::pin(async move {
                    let realm = tx.realm();
                    tx.query(
                        Sql::literal("UPDATE counter SET value = 2 WHERE realm_id = $1 RETURNING value"),
                        vec![realm.into()],
                    )
                    .await
                    .map(drop)
                })
            })
            .await;

        assert!(answer.is_err());
        assert_eq!(counters::value(&db, "x").await, Some(1));
    }

    async fn a_write_that_changed_no_row_may_say_nothing(db: Db) {
        let rows = db
            .write((), |tx, ()| Box::pin(async move { Ok(Outcome::nothing(counters::add(tx, "missing", 1).await?)) }))
            .await;

        assert_eq!(rows.unwrap(), 0);
    }

    async fn a_pipeline_that_fails_in_the_middle_leaves_nothing(db: Db) {
        let statements = vec![
            counters::set_statement(&db, "x", 1),
            counters::set_statement(&db, "x", 2),
            counters::set_statement(&db, "y", 3),
        ];

        let answer = db
            .write(statements, |tx, statements| {
                Box::pin(async move {
                    tx.pipeline(statements.clone()).await?;
                    Ok(Outcome::upkeep((), Upkeep::Counter))
                })
            })
            .await;

        assert!(matches!(answer, Err(StoreError::Driver(_))), "{answer:?}");
        assert_eq!(counters::count(&db).await, 0);
    }

    async fn no_row_back_means_taken(db: Db) {
        let winners = race(16, |racer| {
            let db = db.clone();
            async move {
                db.write(i64::try_from(racer).unwrap(), |tx, racer| Box::pin(async move {
                    let sql = Sql::literal("INSERT INTO counter (realm_id, name, value) VALUES ($1, 'name', $2) ON CONFLICT DO NOTHING RETURNING value");
                    let realm = tx.realm();
                    let rows = tx.returning(sql, vec![realm.into(), (*racer).into()]).await?;
                    Ok(Outcome::upkeep(rows.len(), Upkeep::Counter))
                })).await.unwrap()
            }
        }).await;

        assert_eq!(winners.iter().sum::<usize>(), 1);
        assert_eq!(counters::count(&db).await, 1);
    }

    async fn sixteen_racing_guarded_updates_make_one_winner(db: Db) {
        counters::make(&db, "generation", 7).await.unwrap();

        let rows = race(16, |_| {
            let db = db.clone();
            async move {
                db.write((), |tx, ()| Box::pin(async move {
                    let sql = Sql::literal("UPDATE counter SET value = value + 1 WHERE realm_id = $1 AND name = 'generation' AND value = 7");
                    let realm = tx.realm();
                    Ok(Outcome::upkeep(tx.execute(sql, vec![realm.into()]).await?, Upkeep::Counter))
                })).await.unwrap()
            }
        }).await;

        assert_eq!(rows.iter().sum::<u64>(), 1);
        assert_eq!(counters::value(&db, "generation").await, Some(8));
    }

    async fn sixteen_racing_additions_are_all_counted(db: Db) {
        counters::make(&db, "total", 0).await.unwrap();

        race(16, |_| {
            let db = db.clone();
            async move {
                for _ in 0..8 {
                    db.write((), |tx, ()| {
                        Box::pin(
                            async move { Ok(Outcome::upkeep(counters::add(tx, "total", 1).await?, Upkeep::Counter)) },
                        )
                    })
                    .await
                    .unwrap();
                }
            }
        })
        .await;

        assert_eq!(counters::value(&db, "total").await, Some(128));
    }

    /// Two values that are always written together are always seen together.
    async fn a_reader_sees_one_snapshot(db: Db) {
        counters::make(&db, "left", 0).await.unwrap();
        counters::make(&db, "right", 0).await.unwrap();

        let seen = race(8, |racer| {
            let db = db.clone();
            async move {
                let mut seen = Vec::new();
                for _ in 0..25 {
                    if racer % 2 == 0 {
                        db.write((), |tx, ()| {
                            Box::pin(async move {
                                counters::add(tx, "left", 1).await?;
                                counters::add(tx, "right", 1).await?;
                                Ok(Outcome::upkeep((), Upkeep::Counter))
                            })
                        })
                        .await
                        .unwrap();
                    } else {
                        seen.push(
                            db.read(|tx| {
                                Box::pin(async move {
                                    Ok((counters::get(tx, "left").await?, counters::get(tx, "right").await?))
                                })
                            })
                            .await
                            .unwrap(),
                        );
                    }
                }
                seen
            }
        })
        .await;

        assert!(seen.iter().flatten().all(|(left, right)| left == right), "{seen:?}");
        assert_eq!(counters::value(&db, "left").await, Some(100));
    }

    async fn a_panicking_transaction_leaves_nothing_behind_for_the_next_one(db: Db) {
        for round in 0..25 {
            let panicked = db
                .write((), |tx, ()| {
                    Box::pin(async move {
                        counters::set(tx, "lost", 1).await?;
                        if tx.realm().get() > 0 {
                            panic!("a defect")
                        }
                        Ok(Outcome::upkeep((), Upkeep::Counter))
                    })
                })
                .await;

            assert!(matches!(panicked, Err(StoreError::Driver(ref why)) if why.contains("panicked")), "{panicked:?}");
            counters::make(&db, &format!("kept {round}"), 1).await.unwrap();
        }
        assert_eq!(counters::value(&db, "lost").await, None);
        assert_eq!(counters::count(&db).await, 25);
    }

    async fn panicking_readers_do_not_use_up_the_connections(db: Db) {
        for _ in 0..25 {
            let read = tokio::spawn({
                let db = db.clone();
                async move {
                    db.read(|tx| {
                        Box::pin(async move {
                            counters::get(tx, "x").await?;
                            if tx.realm().get() > 0 {
                                panic!("a defect")
                            }
                            Ok(())
                        })
                    })
                    .await
                }
            });
            assert!(!matches!(read.await, Ok(Ok(()))));
        }
        assert_eq!(counters::count(&db).await, 0);
    }

    async fn the_realm_of_the_permission_is_the_realm_of_the_transaction(db: Db) {
        db.twin_may_change();
        let twin = db.as_twin();
        counters::make(&twin, "x", 2).await.unwrap();

        assert_eq!(counters::value(&db, "x").await, None);
        assert_eq!(counters::value(&twin, "x").await, Some(2));
    }

    async fn the_closure_has_the_time_of_the_request(db: Db) {
        let seen = db.write((), |tx, ()| Box::pin(async move { Ok(Outcome::nothing(tx.now())) })).await.unwrap();

        assert_eq!(seen, db.now());
    }
}

/// What the writer thread would wait for is refused; PostgreSQL has a task of its own for each transaction.
#[tokio::test(flavor = "multi_thread")]
async fn awaiting_something_else_inside_a_transaction_on_sqlite_is_an_error() {
    let db = Db::sqlite().await;

    let written = db.write((), |tx, ()| {
        Box::pin(async move {
            counters::set(tx, "x", 1).await?;
            tokio::task::yield_now().await;
            Ok(Outcome::upkeep((), Upkeep::Counter))
        })
    });
    let written = written.await;
    let read = db.read(|tx| {
        Box::pin(async move {
            tokio::task::yield_now().await;
            counters::get(tx, "x").await
        })
    });
    let read = read.await;

    for error in [written.unwrap_err(), read.unwrap_err()] {
        assert!(error.to_string().contains("something other than the database"), "{error}");
    }
    assert_eq!(counters::count(&db).await, 0);
}

/// A dropped HTTP connection does not cancel a transaction halfway.
#[tokio::test(flavor = "multi_thread")]
async fn on_postgresql_a_transaction_whose_request_is_dropped_halfway_still_commits_whole() {
    let db = Db::postgres().await;
    let (started, halfway) = tokio::sync::mpsc::unbounded_channel::<()>();
    let (proceed, go) = tokio::sync::watch::channel(false);
    let mut halfway = halfway;
    let request = tokio::spawn({
        let db = db.clone();
        async move {
            db.write((started, go), |tx, (started, go)| {
                Box::pin(async move {
                    counters::set(tx, "first", 1).await?;
                    started.send(()).unwrap();
                    go.clone().wait_for(|go| *go).await.unwrap();
                    counters::set(tx, "second", 1).await?;
                    Ok(Outcome::done((), Event::new(EventType::ServerStarted)))
                })
            })
            .await
        }
    });
    halfway.recv().await.unwrap();

    request.abort();
    assert!(request.await.unwrap_err().is_cancelled());
    proceed.send(true).unwrap();

    // Nobody waits for the commit any more.
    while counters::count(&db).await != 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(db.number("SELECT COUNT(*) FROM audit_event WHERE realm_id = $1", vec![db.realm.into()]).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgresql_a_deadlock_is_tried_again_and_ends() {
    let db = Db::postgres().await;
    counters::make(&db, "a", 0).await.unwrap();
    counters::make(&db, "b", 0).await.unwrap();
    let barrier = Arc::new(tokio::sync::Barrier::new(2));
    let tries = Arc::new(AtomicUsize::new(0));

    let answers = race(2, |racer| {
        let (db, barrier, tries) = (db.clone(), barrier.clone(), tries.clone());
        let order = if racer == 0 { ["a", "b"] } else { ["b", "a"] };
        async move {
            db.write((order, barrier, tries), |tx, (order, barrier, tries)| {
                Box::pin(async move {
                    let first = tries.fetch_add(1, Ordering::SeqCst) < 2;
                    counters::add(tx, order[0], 1).await?;
                    if first {
                        barrier.wait().await; // each has one row and wants the other's
                    }
                    counters::add(tx, order[1], 1).await?;
                    Ok(Outcome::done((), Event::new(EventType::ServerStarted)))
                })
            })
            .await
        }
    })
    .await;

    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    let tries = tries.load(Ordering::SeqCst);
    assert!((3..=8).contains(&tries), "one of the two was tried again, or both: {tries}");
    assert_eq!((counters::value(&db, "a").await, counters::value(&db, "b").await), (Some(2), Some(2)));
    assert_eq!(db.number("SELECT COUNT(*) FROM audit_event WHERE realm_id = $1", vec![db.realm.into()]).await, 2);
}

/// What PostgreSQL ends for another's sake every time is given up: busy, not for ever.
#[tokio::test(flavor = "multi_thread")]
async fn on_postgresql_tries_are_bounded() {
    let db = Db::postgres().await;
    let tries = Arc::new(AtomicUsize::new(0));

    let answer = db
        .write(tries.clone(), |tx, tries| {
            Box::pin(async move {
                tries.fetch_add(1, Ordering::SeqCst);
                // As a deadlock would.
                let sql = Sql::literal("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40P01'; END $$");
                tx.execute(sql, vec![]).await?;
                Ok(Outcome::nothing(()))
            })
        })
        .await;

    assert!(matches!(answer, Err(StoreError::Busy)), "{answer:?}");
    assert_eq!(tries.load(Ordering::SeqCst), 4);
}
