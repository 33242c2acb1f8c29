//! The twin realm holds the same rows under the same ids: a statement that forgets the realm would touch both.

use domain::id::{PrincipalId, SessionId, UserId};
use domain::realm::RealmKey;
use store::db::Sql;
use store::{Outcome, Read, StoreError, Upkeep, Value};
use testkit::{Db, on_both_databases};
use uuid::Uuid;

use crate::audit::{leaves_are_whole, sequence};
use crate::counters;

pub(crate) async fn insert(db: &Db, table: &str, values: Vec<(&str, Value)>) {
    let columns: Vec<String> = values.iter().map(|(column, _)| format!("\"{column}\"")).collect();
    let numbers: Vec<String> = (2..values.len() + 2).map(|number| format!("${number}")).collect();
    let text =
        format!("INSERT INTO \"{table}\" (realm_id, {}) VALUES ($1, {})", columns.join(", "), numbers.join(", "));
    let values = std::iter::once(db.realm.into()).chain(values.into_iter().map(|(_, value)| value)).collect();
    assert_eq!(db.execute(text, values).await, 1);
}

/// A person with a session at the root unit.
pub(crate) async fn person(db: &Db, user: UserId, session: SessionId) {
    let (unit, now): (Value, Value) = (Uuid::from_u128(1).into(), db.now().into());
    let text = |text: &str| Value::from(text);
    insert(
        db,
        "unit",
        vec![
            ("id", unit.clone()),
            ("slug", text("")),
            ("path", text("/")),
            ("name", text("Root")),
            ("version", 1_i64.into()),
            ("valid_from", now.clone()),
        ],
    )
    .await;
    insert(db, "principal", vec![("id", user.into()), ("kind", text("user")), ("created_at", now.clone())]).await;
    let user_row = vec![
        ("id", user.into()),
        ("username", text("nurse.joy")),
        ("unit_id", unit),
        ("attributes", text("{}")),
        ("status", text("active")),
        ("reset_required", false.into()),
        ("tokens_not_before", 0_i64.into()),
        ("created_at", now.clone()),
        ("updated_at", now.clone()),
        ("version", 1_i64.into()),
    ];
    insert(db, "user", user_row).await;
    let later: Value = db.now().plus(domain::time::hours(8)).into();
    let session_row = vec![
        ("id", session.into()),
        ("user_id", user.into()),
        ("secret_hash", vec![7_u8; 32].into()),
        ("acr", text("1")),
        ("amr", text("pwd")),
        ("auth_at", now.clone()),
        ("idle_seconds", 900_i64.into()),
        ("created_at", now.clone()),
        ("last_active_at", now.clone()),
        ("idle_at", later.clone()),
        ("absolute_at", later),
        ("renewed_at", now),
    ];
    insert(db, "session", session_row).await;
}

on_both_databases! {
    async fn the_twin_holds_the_same_rows_once_it_is_mirrored(db: Db) {
        person(&db, UserId::from_uuid(Uuid::from_u128(42)), SessionId::from_uuid(Uuid::from_u128(43))).await;
        counters::make_audited(&db, "x", 1).await.unwrap();
        sequence(&db).await;

        let copied = db.mirror_into_twin().await;

        assert!(copied >= 7, "{copied}");
        let (main, twin) = (db.dump(db.realm).await, db.dump(db.twin).await);
        for (table, rows) in main.iter().filter(|(table, _)| *table != "realm") {
            assert_eq!(rows.len(), twin[table].len(), "{table}");
        }
        assert_eq!(leaves_are_whole(&db.as_twin()).await, 1);
    }

    async fn a_change_in_one_realm_leaves_the_same_rows_of_the_other(db: Db) {
        counters::make(&db, "x", 1).await.unwrap();
        db.mirror_into_twin().await;

        db.write((), |tx, ()| {
            Box::pin(async move { Ok(Outcome::upkeep(counters::add(tx, "x", 5).await?, Upkeep::Counter)) })
        })
        .await
        .unwrap();

        db.twin_is_untouched().await;
        assert_eq!(counters::value(&db, "x").await, Some(6));
        assert_eq!(counters::value(&db.as_twin(), "x").await, Some(1));
    }

    async fn a_statement_that_forgets_the_realm_is_noticed(db: Db) {
        counters::make(&db, "x", 1).await.unwrap();
        db.mirror_into_twin().await;
        db.twin_may_change();

        let rows = db.execute("UPDATE counter SET value = 2 WHERE name = $1", vec!["x".into()]).await;

        assert_eq!(rows, 2);
        let noticed = tokio::spawn({
            let db = db.clone();
            async move { db.twin_is_untouched().await }
        })
        .await;
        assert!(noticed.is_err());
    }

    async fn a_permission_of_one_realm_reads_nothing_of_another(db: Db) {
        let user = PrincipalId::from_uuid(Uuid::from_u128(42));
        person(&db, UserId::from_uuid(user.uuid()), SessionId::from_uuid(Uuid::from_u128(43))).await;
        db.mirror_into_twin().await;

        let seen: Result<Vec<i64>, StoreError> = db
            .read(move |tx| {
                Box::pin(async move {
                    let sql = Sql::literal("SELECT realm_id FROM principal WHERE realm_id = $1 AND id = $2");
                    tx.query(sql, vec![tx.realm().into(), user.into()]).await?.iter().map(|row| row.get(0)).collect()
                })
            })
            .await;

        assert_eq!(seen.unwrap(), [RealmKey::MAIN.get()]);
    }
}
