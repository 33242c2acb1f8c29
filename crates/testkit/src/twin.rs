//! The second realm, of which nothing may be seen or touched.
//!
//! Ids are random, so a statement that forgets the realm would find nothing in an empty twin. After [`Db::mirror_into_twin`] the twin holds the
//! same rows under the same ids: such a statement then changes two rows, or reads two, and is noticed.

use std::collections::{BTreeMap, BTreeSet};

use domain::realm::RealmKey;

use store::Value;

use crate::app::{HOST, TestApp};
use crate::db::Db;

/// Rows that are no realm's own, or that the audit log's order forbids to copy.
const NOT_COPIED: &[&str] = &["realm", "schema_migration", "checkpoint"];

impl Db {
    /// Copies all rows of the realm into the twin, ids and all. Returns how many there were.
    ///
    /// Call it when everything is there that the test is about to change; the twin's state from then on is what [`Db::twin_is_untouched`] and the
    /// end of the test compare with.
    pub async fn mirror_into_twin(&self) -> u64 {
        let mut copied = 0;
        let tables = self.tables().await;
        for table in self.parents_first().await {
            let columns = tables[&table].iter().filter(|column| *column != "realm_id");
            let columns: Vec<String> = columns.map(|column| format!("\"{column}\"")).collect();
            let columns = columns.join(", ");
            let text = format!(
                "INSERT INTO \"{table}\" (realm_id, {columns}) SELECT CAST($2 AS BIGINT), {columns} FROM \"{table}\" WHERE realm_id = $1"
            );
            copied += self.execute(text, vec![self.realm.into(), self.twin.into()]).await;
        }
        self.remember_twin().await;
        copied
    }

    /// The twin is as it was at the beginning, or when it was mirrored.
    pub async fn twin_is_untouched(&self) {
        let now = self.dump(self.twin).await;
        let then = self.remembered_twin();
        for (table, rows) in &now {
            assert_eq!(Some(rows), then.get(table), "rows of the twin realm in {table} were touched");
        }
    }

    /// Tables in an order in which rows can be inserted.
    async fn parents_first(&self) -> Vec<String> {
        let schema = self.store.schema().await.expect("a schema");
        let mut parents: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for table in self.tables().await.into_keys().filter(|table| !NOT_COPIED.contains(&table.as_str())) {
            parents.insert(table, BTreeSet::new());
        }
        for line in schema.iter().filter_map(|line| line.strip_prefix("foreign key ")) {
            let name = |end: &str| end.split_once('.').map(|(table, _)| table.to_owned());
            let Some((child, parent)) = line.split_once(" -> ") else { continue };
            let (Some(child), Some(parent)) = (name(child), name(parent)) else { continue };
            if let Some(parents) =
                parents.get_mut(&child).filter(|_| child != parent && !NOT_COPIED.contains(&parent.as_str()))
            {
                parents.insert(parent);
            }
        }
        let mut ordered: Vec<String> = Vec::new();
        while ordered.len() < parents.len() {
            let ready = parents.iter().find(|(table, parents)| {
                !ordered.contains(table) && parents.iter().all(|parent| ordered.contains(parent))
            });
            ordered.push(ready.expect("foreign keys without a circle").0.clone());
        }
        ordered
    }
}

/// The key of the realm that [`TestApp::twin`] makes, beside `main` and `other`.
const THIRD: RealmKey = RealmKey::from_stored(3);

impl TestApp {
    /// Makes a twin of realm `main`: everything that is there now, under the same ids, in a realm of its own. It costs one statement for each
    /// table, and only those tests that ask for it. [`Db::twin_is_untouched`] of the answer compares with this moment.
    ///
    /// What is sealed does not open there, because seals name their realm: the twin is for being overlooked, not for signing in.
    pub async fn twin(&self) -> Db {
        let text = "INSERT INTO realm (id, slug, name, issuer, rp_id, attribute_schema, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)";
        let slug = || Value::from("twin");
        let issuer = format!("https://{HOST}/realms/twin").into();
        let row = vec![THIRD.into(), slug(), slug(), issuer, HOST.into(), "{}".into(), self.db.now().into()];
        assert_eq!(self.db.execute(text, row).await, 1);
        let mut db = self.db.clone();
        db.twin = THIRD;
        // What is copied with its leaf is sequenced no more.
        self.log().await;
        db.mirror_into_twin().await;
        db
    }
}

/// The key of the realm beside `main`.
pub const TWIN: RealmKey = RealmKey::from_stored(2);
