//! What the audit log of a [`TestApp`] says.

use domain::realm::RealmKey;
use serde_json::Value as Json;
use store::Value;
use store::db::Turn;

use crate::app::TestApp;

impl TestApp {
    /// The events of a realm so far, oldest first, as their canonical JSON.
    pub async fn events_of(&self, realm: RealmKey) -> Vec<Json> {
        self.canonical("SELECT canonical FROM audit_event WHERE realm_id = $1 ORDER BY position", realm).await
    }

    /// The events of realm `main` so far.
    pub async fn events(&self) -> Vec<Json> {
        self.events_of(RealmKey::MAIN).await
    }

    /// The events of realm `main` in the order of their leaves, which is the order that the log proves.
    pub async fn log(&self) -> Vec<Json> {
        if let Some(mut sequencer) = self.db.store.sequencer() {
            while sequencer.turn().await.expect("a turn") != Turn::Leads(0) {}
        }
        let text =
            "SELECT e.canonical FROM audit_leaf l JOIN audit_event e ON e.realm_id = l.realm_id AND e.id = l.event_id
                     WHERE l.realm_id = $1 ORDER BY l.\"index\"";
        self.canonical(text, RealmKey::MAIN).await
    }

    async fn canonical(&self, text: &str, realm: RealmKey) -> Vec<Json> {
        let rows = self.db.rows(text, vec![realm.into()]).await;
        rows.iter()
            .map(|row| match row.as_slice() {
                [Value::Bytes(bytes)] => serde_json::from_slice(bytes).expect("JSON"),
                other => panic!("{other:?}"),
            })
            .collect()
    }

    /// The types of what happened in realm `main` while something was done, sorted.
    pub async fn events_while<T>(&self, done: impl Future<Output = T>) -> (T, Vec<String>) {
        let before = self.events().await.len();
        let value = done.await;
        let types = self.events().await.into_iter().skip(before);
        let mut types: Vec<String> = types.map(|event| event["type"].as_str().expect("a type").to_owned()).collect();
        types.sort();
        (value, types)
    }

    /// How many events of a type there are in realm `main`.
    pub async fn count(&self, kind: &str) -> usize {
        self.events().await.iter().filter(|event| event["type"] == kind).count()
    }
}
