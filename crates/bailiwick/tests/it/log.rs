//! What the audit log must be, whatever happened: each change has its event and each event its change, each event one leaf, no index missing.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use store::audit;
use testkit::{Db, sql};
use uuid::Uuid;

/// What has been looked at before, so that a long run looks at each leaf once.
#[derive(Debug, Default)]
pub(crate) struct Looked {
    leaves: i64,
}

/// Waits until the sequencer has given every event its index; on SQLite that is so at once.
pub(crate) async fn sequenced(db: &Db) {
    for _ in 0..500 {
        let (events, leaves) = counts(db).await;
        if events == leaves {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("some events have no index after ten seconds: {:?}", counts(db).await);
}

async fn counts(db: &Db) -> (i64, i64) {
    db.read(|tx| Box::pin(audit::counts(tx))).await.unwrap()
}

/// Every event has one leaf, leaves are consecutive from 0, and each is what its entry says.
pub(crate) async fn leaves_are_whole(db: &Db, looked: &mut Looked) {
    let (events, leaves) = counts(db).await;
    assert_eq!(events, leaves, "events and leaves");
    loop {
        let from = looked.leaves;
        let page = db.read(move |tx| Box::pin(audit::leaves(tx, from, 500))).await.unwrap();
        for leaf in &page {
            assert_eq!(leaf.index, looked.leaves, "an index is missing");
            assert!(audit::leaf_verifies(leaf), "leaf {} does not verify", leaf.index);
            looked.leaves += 1;
        }
        if page.is_empty() {
            break;
        }
    }
    assert_eq!(looked.leaves, leaves, "leaves that no event has");
}

/// Grants and sessions on one side, events on the other: the same.
pub(crate) async fn changes_and_events_agree(db: &Db) {
    let given = ids(db, "SELECT id FROM role_grant WHERE realm_id = $1").await;
    agree("grants", &given, &named(db, &["role_granted"], "grant").await);
    let over = ids(db, "SELECT id FROM role_grant WHERE realm_id = $1 AND ended_at IS NOT NULL").await;
    agree("ended grants", &over, &named(db, &["role_revoked"], "grant").await);
    let begun = ids(db, "SELECT id FROM session WHERE realm_id = $1").await;
    agree("sessions", &begun, &named(db, &["session_created"], "session").await);
    let over = ids(db, "SELECT id FROM session WHERE realm_id = $1 AND ended_at IS NOT NULL").await;
    agree("ended sessions", &over, &named(db, &["session_ended", "session_expired"], "session").await);
    let families = ids(db, "SELECT session_id FROM refresh_family WHERE realm_id = $1").await;
    agree("refresh families", &begun, &families);
    let successes = "SELECT COUNT(*) FROM audit_event WHERE realm_id = $1 AND type = 'authn_login_success'";
    let successes = db.number(successes, vec![db.realm.into()]).await;
    assert_eq!(usize::try_from(successes).unwrap(), begun.len(), "sign-ins and sessions");
}

fn agree(what: &str, rows: &[Uuid], events: &[Uuid]) {
    let set = |ids: &[Uuid]| ids.iter().copied().collect::<BTreeSet<_>>();
    assert_eq!(set(rows).len(), rows.len(), "{what}: rows are unique");
    assert_eq!(set(events).len(), events.len(), "{what}: one event each");
    let unsaid: Vec<_> = set(rows).difference(&set(events)).copied().collect();
    let undone: Vec<_> = set(events).difference(&set(rows)).copied().collect();
    assert!(unsaid.is_empty() && undone.is_empty(), "{what} without event: {unsaid:?}, events without it: {undone:?}");
}

async fn ids(db: &Db, text: &'static str) -> Vec<Uuid> {
    let (realm, sql) = (db.realm, sql(text));
    let rows = db.read(move |tx| Box::pin(async move { store::Read::query(tx, sql, vec![realm.into()]).await }));
    rows.await.unwrap().iter().map(|row| row.get(0).unwrap()).collect()
}

/// The ids that events of these types name in a field.
async fn named(db: &Db, types: &[&str], field: &str) -> Vec<Uuid> {
    let mut found = Vec::new();
    for kind in types {
        let text = "SELECT p.personal FROM audit_event e
                      JOIN audit_personal p ON p.realm_id = e.realm_id AND p.event_id = e.id AND p.subject_id = e.subject_id
                     WHERE e.realm_id = $1 AND e.type = $2";
        let (params, sql) = (vec![db.realm.into(), (*kind).into()], sql(text));
        let rows = db.read(move |tx| Box::pin(async move { store::Read::query(tx, sql, params).await })).await.unwrap();
        for row in rows {
            let personal: Value = serde_json::from_slice(&row.get::<Vec<u8>>(0).unwrap()).unwrap();
            found.push(personal["after"][field].as_str().expect("an id").parse().unwrap());
        }
    }
    found
}

/// Indexes as the API shows them: consecutive from 0, the newest last.
pub(crate) fn indexes_are_consecutive(events: &[Value]) {
    let mut indexes: Vec<i64> = events.iter().filter_map(|event| event["index"].as_i64()).collect();
    indexes.sort_unstable();
    let expected: Vec<i64> = (0..).take(indexes.len()).collect();
    assert_eq!(indexes, expected);
}
