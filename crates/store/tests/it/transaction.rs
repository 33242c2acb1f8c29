//! What a transaction promises.

use testkit::{Db, on_both_databases};

on_both_databases! {
    async fn a_new_database_has_two_realms(db: Db) {
        assert_eq!(db.number("SELECT COUNT(*) FROM realm", vec![]).await, 2);
    }
}
