//! Rules over several rows hold though sixteen change them at once.

use domain::id::{DeviceId, PrincipalId};
use store::db::Sql;
use store::{Guard, Outcome, Read, Upkeep};
use testkit::{Db, on_both_databases, race};

use crate::counters;

const MOST: i64 = 3;

/// Reads how many rows there are, and adds one if there may be one more. Returns whether it did.
async fn add_if_allowed(db: Db, guard: Guard, racer: usize) -> bool {
    let added = db.write((guard, format!("racer {racer}")), |tx, (guard, name)| {
        Box::pin(async move {
            tx.exclusive(*guard).await?;
            let realm = tx.realm();
            let there = Sql::literal("SELECT COUNT(*) FROM counter WHERE realm_id = $1");
            let count: i64 = tx.one(there, vec![realm.into()]).await?.expect("a count").get(0)?;
            if count >= MOST {
                return Ok(Outcome::nothing(false));
            }
            counters::set(tx, name, count).await?;
            Ok(Outcome::upkeep(true, Upkeep::Counter))
        })
    });
    added.await.unwrap()
}

async fn at_most_three(db: &Db, guard: Guard) {
    let added = race(16, |racer| add_if_allowed(db.clone(), guard, racer)).await;

    assert_eq!(added.iter().filter(|added| **added).count(), 3, "{guard:?}");
    assert_eq!(counters::count(db).await, MOST, "{guard:?}");
}

on_both_databases! {
    async fn sixteen_racers_keep_the_rule_under_the_guard_of_the_role_graph(db: Db) {
        at_most_three(&db, Guard::RoleGraph).await;
    }

    async fn sixteen_racers_keep_the_rule_under_the_guard_of_administrators(db: Db) {
        at_most_three(&db, Guard::Administrators).await;
    }

    async fn sixteen_racers_keep_the_rule_under_the_guard_of_keys(db: Db) {
        at_most_three(&db, Guard::Keys).await;
    }

    async fn sixteen_racers_keep_the_rule_under_the_guard_of_setup(db: Db) {
        at_most_three(&db, Guard::Setup).await;
    }

    async fn sixteen_racers_keep_the_rule_under_the_guard_of_a_principal(db: Db) {
        at_most_three(&db, Guard::Principal(PrincipalId::from_uuid(uuid::Uuid::from_u128(5)))).await;
    }

    async fn sixteen_racers_keep_the_rule_under_the_guard_of_a_device(db: Db) {
        at_most_three(&db, Guard::Device(DeviceId::from_uuid(uuid::Uuid::from_u128(5)))).await;
    }

    async fn a_guard_is_given_back_at_the_end_of_its_transaction(db: Db) {
        for racer in 0..5 {
            let added = add_if_allowed(db.clone(), Guard::Keys, racer).await;
            assert_eq!(added, racer < 3);
        }
    }
}

/// Guards are told apart by what they name and by the realm: who holds one does not stop who wants another.
#[tokio::test(flavor = "multi_thread")]
async fn on_postgresql_only_the_same_guard_of_the_same_realm_waits() {
    let db = Db::postgres().await;
    let (held, mut holds) = tokio::sync::mpsc::unbounded_channel::<()>();
    let (release, wait) = tokio::sync::watch::channel(false);
    let holder = tokio::spawn({
        let db = db.clone();
        async move {
            db.write((held, wait), |tx, (held, wait)| {
                Box::pin(async move {
                    tx.exclusive(Guard::RoleGraph).await?;
                    held.send(()).unwrap();
                    wait.clone().wait_for(|go| *go).await.unwrap();
                    Ok(Outcome::nothing(()))
                })
            })
            .await
        }
    });
    holds.recv().await.unwrap();
    let take = |db: Db, guard| async move {
        db.write(guard, |tx, guard| Box::pin(async move { tx.exclusive(*guard).await.map(Outcome::nothing) })).await
    };

    take(db.clone(), Guard::Keys).await.unwrap();
    take(db.as_twin(), Guard::RoleGraph).await.unwrap();
    let mut same = Box::pin(take(db.clone(), Guard::RoleGraph));
    let waited = tokio::time::timeout(std::time::Duration::from_millis(200), &mut same).await;
    release.send(true).unwrap();

    assert!(waited.is_err(), "the same guard waits");
    same.await.unwrap();
    holder.await.unwrap().unwrap();
}
