//! The realm's mix of password hashes is counted as it changes: it always equals a recount (requirements.md, 2.3, rule 1).

use std::collections::BTreeMap;

use domain::id::{CredentialId, UserId};
use domain::password::Kind;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use store::{Guard, Outcome, Read, StoreError, Upkeep, Value, credential};
use testkit::{Db, on_both_databases, race, runtime};
use uuid::Uuid;

use crate::twin::insert;

const PEOPLE: usize = 4;
const HASHES: &[&str] = &[
    "$argon2id$v=19$m=64,t=1,p=1,keyid=85R9uW0Q$AAECAwQFBgcICQoLDA0ODw$TxnsIvykhDDxexWHYm6ysZ9uHOEnfsL5Hw06f1B/j4o",
    "$2b$04$Vb7/agzdPifwzcjzeRIpzerMpqzSqfJwoDCqt.HqIy1JXsowq4uoK",
    "$pbkdf2-sha256$i=1000,l=32,keyid=85R9uW0Q$AAECAwQFBgcICQoLDA0ODw$X4VV7+SXWQVL7p16OFqdYhP3AsvF359JfgK9CAmrR4Q",
    "{crypt}what nobody reads",
];

#[derive(Clone, Copy, Debug)]
enum Deed {
    Set(usize),
    Raise(usize),
    End,
}

type Job = (usize, Deed);

fn id(person: usize) -> UserId {
    UserId::from_uuid(Uuid::from_u128(100 + person as u128))
}

async fn people(db: &Db) {
    let (unit, now): (Value, Value) = (Uuid::from_u128(1).into(), db.now().into());
    let text = |text: &str| Value::from(text);
    let row = vec![
        ("id", unit.clone()),
        ("slug", text("")),
        ("path", text("/")),
        ("name", text("Root")),
        ("version", 1_i64.into()),
        ("valid_from", now.clone()),
    ];
    insert(db, "unit", row).await;
    for person in 0..PEOPLE {
        let user: Value = id(person).into();
        insert(db, "principal", vec![("id", user.clone()), ("kind", text("user")), ("created_at", now.clone())]).await;
        let row = vec![
            ("id", user),
            ("username", format!("person-{person}").into()),
            ("unit_id", unit.clone()),
            ("attributes", text("{}")),
            ("status", text("active")),
            ("reset_required", false.into()),
            ("tokens_not_before", 0_i64.into()),
            ("created_at", now.clone()),
            ("updated_at", now.clone()),
            ("version", 1_i64.into()),
        ];
        insert(db, "user", row).await;
    }
}

async fn perform(db: Db, (person, deed): Job) -> Result<(), StoreError> {
    db.write((id(person), deed), |tx, (user, deed)| {
        Box::pin(async move {
            if !matches!(deed, Deed::Raise(_)) {
                // As all who set passwords do; raising a hash does not wait for anybody.
                tx.exclusive(Guard::Principal((*user).into())).await?;
            }
            match deed {
                Deed::Set(hash) => {
                    let id = CredentialId::new(&*tx.entropy(), tx.now());
                    credential::set_password(tx, id, *user, HASHES[*hash]).await?;
                }
                Deed::Raise(hash) => {
                    if let Some(password) = credential::password(tx, *user).await? {
                        credential::raise(tx, password.id, HASHES[*hash]).await?;
                    }
                }
                Deed::End => {
                    credential::end_password(tx, *user).await?;
                }
            }
            Ok(Outcome::upkeep((), Upkeep::Counter))
        })
    })
    .await
}

async fn mix(db: &Db) -> BTreeMap<String, i64> {
    db.read(|tx| Box::pin(credential::mix(tx))).await.expect("a mix").into_iter().collect()
}

async fn recount(db: &Db) -> BTreeMap<String, i64> {
    let sql = "SELECT secret FROM credential WHERE realm_id = $1 AND kind = 'password' AND ended_at IS NULL";
    let mut counts = BTreeMap::new();
    for row in db.rows(sql, vec![Value::from(db.realm)]).await {
        let Value::Bytes(secret) = &row[0] else { panic!("{row:?}") };
        let hash = String::from_utf8(secret.clone()).expect("text");
        let label = Kind::of(&hash).map_or_else(|| "unknown".to_owned(), |kind| kind.to_string());
        *counts.entry(label).or_default() += 1;
    }
    counts
}

fn rounds() -> impl Strategy<Value = Vec<Vec<Job>>> {
    let deed = prop_oneof![
        3 => (0..HASHES.len()).prop_map(Deed::Set),
        3 => (0..HASHES.len()).prop_map(Deed::Raise),
        1 => Just(Deed::End),
    ];
    prop::collection::vec(prop::collection::vec((0..PEOPLE, deed), 1..9), 1..6)
}

fn property(db: impl AsyncFn() -> Db) {
    let config = Config { cases: 12, failure_persistence: None, ..Config::default() };
    let runtime = runtime();
    let checked = TestRunner::new(config).run(&rounds(), |rounds| {
        runtime.block_on(async {
            let db = db().await;
            people(&db).await;
            for jobs in rounds {
                for answer in race(jobs.len(), |at| perform(db.clone(), jobs[at])).await {
                    answer.expect("no deadlock that is not tried again");
                }
                assert_eq!(mix(&db).await, recount(&db).await, "{jobs:?}");
            }
        });
        Ok(())
    });
    checked.unwrap();
}

#[test]
fn on_sqlite_the_mix_equals_a_recount_after_racing_changes() {
    property(Db::sqlite);
}

#[test]
fn on_postgresql_the_mix_equals_a_recount_after_racing_changes() {
    property(Db::postgres);
}

on_both_databases! {
    async fn the_mix_names_kinds_and_how_many_there_are(db: Db) {
        people(&db).await;
        assert!(mix(&db).await.is_empty());

        for (person, hash) in [(0, 0), (1, 1), (2, 1), (3, 3)] {
            perform(db.clone(), (person, Deed::Set(hash))).await.expect("set");
        }
        let expected = [("argon2id m=64,t=1", 1), ("bcrypt 4", 2), ("unknown", 1)];
        assert_eq!(mix(&db).await, expected.map(|(label, count)| (label.to_owned(), count)).into());

        perform(db.clone(), (1, Deed::Raise(0))).await.expect("raised");
        perform(db.clone(), (2, Deed::Set(0))).await.expect("set");
        perform(db.clone(), (3, Deed::End)).await.expect("ended");
        assert_eq!(mix(&db).await, [("argon2id m=64,t=1".to_owned(), 3)].into());
    }
}
