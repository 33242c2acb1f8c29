//! Each statement that moves a refresh family is a function of `domain::refresh`, which is what the model checker searched.

use domain::id::{FamilyId, SessionId, UserId};
use domain::refresh::Family;
use domain::session::Deadlines;
use domain::time::{Timestamp, seconds};
use store::db::{BoxFuture, Sql};
use store::{Outcome, Read, StoreError, Upkeep, Value, WriteTx, refresh, session};
use testkit::{Db, on_both_databases};
use uuid::Uuid;

use crate::twin::{insert, person};

const USER: UserId = UserId::from_uuid(Uuid::from_u128(11));
const SESSION: SessionId = SessionId::from_uuid(Uuid::from_u128(12));
const FAMILY: FamilyId = FamilyId::from_uuid(Uuid::from_u128(13));
const CLIENT: &str = "bailiwick-web";
const GENERATION: i64 = 5;

/// A family in every state that the rule tells apart, on and beside each boundary.
fn families(now: Timestamp) -> Vec<Family> {
    let at = |offset: i64| Timestamp::from_micros(now.micros() + offset);
    let mut all = Vec::new();
    for rotated in [-31_000_000, -30_000_001, -30_000_000, -29_999_999, 0, 1_000_000] {
        for idle in [-1, 0, 1, 60_000_000] {
            for absolute in [-1, 0, 1, 90_000_000] {
                for ended in [false, true] {
                    let deadlines = Deadlines { idle_at: at(idle), absolute_at: at(absolute) };
                    let previous_at = at(rotated - 7_000_000);
                    all.push(Family { generation: GENERATION, rotated_at: at(rotated), previous_at, deadlines, ended });
                }
            }
        }
    }
    all
}

/// Puts the family into a state, runs one of the store's functions, and returns the state after it. Nothing stays.
async fn after(
    db: &Db,
    family: Family,
    run: impl for<'t> Fn(&'t mut WriteTx<'_>) -> BoxFuture<'t, Result<bool, StoreError>> + Send + Sync + 'static,
) -> (bool, Family) {
    let put = db.write((family, run), |tx, (family, run)| {
        Box::pin(async move {
            let (realm, deadlines) = (tx.realm(), family.deadlines);
            let ended: Value = if family.ended { tx.now().into() } else { Value::Null };
            let both = [
                "UPDATE session SET idle_at = $3, absolute_at = $4, ended_at = $5 WHERE realm_id = $1 AND id = $2",
                "UPDATE refresh_family SET idle_at = $3, absolute_at = $4, ended_at = $5 WHERE realm_id = $1 AND id = $2",
            ];
            for (text, id) in both.into_iter().zip([Value::from(SESSION), FAMILY.into()]) {
                let values = vec![realm.into(), id, deadlines.idle_at.into(), deadlines.absolute_at.into(), ended.clone()];
                tx.execute(Sql::literal(text), values).await?;
            }
            let moved = "UPDATE refresh_family SET generation = $3, rotated_at = $4, previous_at = $5 WHERE realm_id = $1 AND id = $2";
            let (rotated_at, previous_at) = (family.rotated_at.into(), family.previous_at.into());
            let values = vec![realm.into(), FAMILY.into(), family.generation.into(), rotated_at, previous_at];
            tx.execute(Sql::literal(moved), values).await?;
            let done = run(tx).await?;
            let family = refresh::find(tx, FAMILY).await?.expect("the family").family;
            Ok(Outcome::upkeep((done, family), Upkeep::SessionRenewal))
        })
    });
    put.await.unwrap()
}

on_both_databases! {
    async fn each_statement_that_moves_a_family_is_a_function_of_the_rule(db: Db) {
        person(&db, USER, SESSION).await;
        let (now, text) = (db.now(), |text: &str| Value::from(text));
        let row = vec![
            ("id", FAMILY.into()), ("session_id", SESSION.into()), ("client_id", text(CLIENT)), ("user_id", USER.into()),
            ("audience", text("clinic")), ("scope", text("")), ("family_key", vec![7_u8; 32].into()), ("generation", 0_i64.into()),
            ("rotated_at", now.into()), ("idle_at", now.into()), ("absolute_at", now.into()), ("created_at", now.into()),
        ];
        insert(&db, "refresh_family", row).await;
        let idle_at = now.plus(seconds(45));

        for family in families(now) {
            for from in [GENERATION - 1, GENERATION, GENERATION + 1] {
                let (moved, got) = after(&db, family, move |tx| Box::pin(refresh::advance(tx, FAMILY, from))).await;
                let expected = family.advanced(from, now);
                assert_eq!((moved, got), (expected.is_some(), expected.unwrap_or(family)), "advanced from {from}: {family:?}");
            }
            let (moved, got) = after(&db, family, move |tx| {
                Box::pin(async move { Ok(refresh::renew(tx, SESSION, CLIENT, idle_at).await?.is_some()) })
            })
            .await;
            let expected = family.renewed(idle_at, now);
            assert_eq!((moved, got), (expected.is_some(), expected.unwrap_or(family)), "renewed: {family:?}");

            let (moved, got) = after(&db, family, move |tx| Box::pin(session::acted(tx, SESSION, idle_at))).await;
            let expected = family.acted(idle_at, now);
            assert_eq!((moved, got), (expected.is_some(), expected.unwrap_or(family)), "acted: {family:?}");

            let (_, got) = after(&db, family, move |tx| {
                Box::pin(async move { Ok(session::lock(tx, SESSION, now).await?.is_some()) })
            })
            .await;
            assert_eq!(got, family.locked(now), "locked: {family:?}");

            let (_, got) = after(&db, family, |tx| Box::pin(refresh::end(tx, FAMILY, "token_reuse"))).await;
            assert_eq!(got, family.over(), "over: {family:?}");
        }
    }
    async fn a_session_that_locks_twice_in_a_second_is_locked_later_the_second_time(db: Db) {
        person(&db, USER, SESSION).await;
        let now = db.now();
        let locked = async || {
            let write = db.write((), move |tx, ()| {
                Box::pin(async move {
                    let live = "UPDATE session SET idle_at = $3 WHERE realm_id = $1 AND id = $2";
                    let values = vec![tx.realm().into(), SESSION.into(), now.plus(seconds(60)).into()];
                    tx.execute(Sql::literal(live), values).await?;
                    session::lock(tx, SESSION, now).await?;
                    let at = session::find(tx, SESSION).await?.expect("the session").locked_at;
                    Ok::<_, StoreError>(Outcome::upkeep(at, Upkeep::SessionRenewal))
                })
            });
            write.await.unwrap()
        };

        // What is issued between the two says the first instant's, and must be refused by the second.
        assert_eq!([locked().await, locked().await], [Some(now), Some(now.plus(seconds(1)))]);
    }
}
