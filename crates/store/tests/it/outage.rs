//! PostgreSQL goes away and comes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use store::{StoreError, Value};
use testkit::Db;
use testkit::postgres::Cluster;

use crate::audit::leaves_are_whole;
use crate::counters;

/// Writers go on through three crashes of the server. Who is refused hears that the database is unavailable; what was acknowledged is there.
#[test]
fn on_postgresql_everything_acknowledged_survives_when_the_server_is_killed_and_it_recovers_by_itself() {
    let cluster = Cluster::durable();
    testkit::runtime().block_on(async {
        let db = Db::on_cluster(&cluster).await;
        let ends = Arc::new(AtomicBool::new(false));
        let writers: Vec<_> = (0..8).map(|writer| tokio::spawn(write(db.clone(), writer, ends.clone()))).collect();
        for round in 0..3 {
            let before = format!("before {round}");
            while counters::make_audited(&db, &before, 1).await.is_err() {}
            tokio::task::block_in_place(|| cluster.kill());
            let refused = counters::make_audited(&db, &format!("while it is gone {round}"), 1).await;
            assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
            tokio::task::block_in_place(|| cluster.start());
            counters::make_audited(&db, &format!("after {round}"), 1).await.expect("it is there again");
        }
        ends.store(true, Ordering::SeqCst);
        let writers = futures_util::future::join_all(writers).await;

        let rows = db.rows("SELECT name FROM counter WHERE realm_id = $1", vec![db.realm.into()]).await;
        let mut acknowledged = 6;
        for writer in writers {
            for name in writer.unwrap() {
                assert!(rows.contains(&vec![Value::Text(name.clone())]), "{name} was acknowledged and is lost");
                acknowledged += 1;
            }
        }
        // A commit whose answer was lost in the crash is there though it was not acknowledged; whole, in any case.
        let low_water = i64::from(counters::value(&db, "audit_low_water").await.is_some());
        let there = usize::try_from(counters::count(&db).await - low_water).unwrap();
        assert!(there >= acknowledged);
        assert_eq!(leaves_are_whole(&db).await, there);
    });
}

/// Writes until the end, and returns what was acknowledged.
async fn write(db: Db, writer: usize, ends: Arc<AtomicBool>) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for round in 0.. {
        if ends.load(Ordering::SeqCst) {
            break;
        }
        let name = format!("{writer} {round}");
        match counters::make_audited(&db, &name, 1).await {
            Ok(()) => acknowledged.push(name),
            Err(StoreError::Unavailable(_) | StoreError::Busy) => tokio::task::yield_now().await,
            Err(other) => panic!("not said to be unavailable: {other:?}"),
        }
    }
    acknowledged
}

/// What was lost in a failover must not be taken for what follows: the numbers of the feed are counted anew after it.
#[test]
fn whoever_may_not_see_the_clusters_identifier_tells_histories_apart_by_when_the_server_started() {
    let cluster = Cluster::durable();
    testkit::runtime().block_on(async {
        let db = Db::on_cluster(&cluster).await;
        let known = db.store.feed_epoch().await.unwrap();
        let admin = db.raw().await;
        admin
            .batch_execute("CREATE ROLE plain LOGIN; GRANT ALL ON ALL TABLES IN SCHEMA public TO plain; REVOKE EXECUTE ON FUNCTION pg_control_system FROM PUBLIC")
            .await
            .unwrap();
        let name: String = admin.query_one("SELECT current_database()::text", &[]).await.unwrap().get(0);
        let plain = Db::of_url(&cluster.url(&name).replace("user=postgres", "user=plain")).await;

        let first = plain.store.feed_epoch().await.unwrap();
        assert_eq!(plain.store.feed_epoch().await.unwrap(), first);
        assert!(first != known && first != 0);
        tokio::task::block_in_place(|| {
            cluster.stop();
            cluster.start();
        });
        let again = plain.store.feed_epoch().await;
        let again = if again.is_err() { plain.store.feed_epoch().await } else { again };
        assert_ne!(again.unwrap(), first);
        assert_eq!(db.store.feed_epoch().await.unwrap_or(known), known, "a restart is the same history");
    });
}
