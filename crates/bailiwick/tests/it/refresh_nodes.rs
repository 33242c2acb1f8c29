//! Two processes over one PostgreSQL, fifty refreshes of one browser at once, and one of the processes killed among them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use domain::id::FamilyId;
use domain::refresh::RefreshToken;
use serde_json::json;
use store::Value;
use testkit::{Db, Folder};
use tokio::sync::{Barrier, Notify};
use tokio::task::JoinSet;

use crate::client::Person;
use crate::demo::Demo;

const REFRESHES: usize = 50;
/// Nodes are killed until one had requests under way; the first time nearly always.
const ROUNDS: usize = 5;
/// More than a client ever needs while one node is left.
const TRIES: usize = 20;

async fn generation(db: &Db, family: FamilyId) -> i64 {
    let live = "SELECT generation FROM refresh_family WHERE realm_id = $1 AND id = $2 AND ended_at IS NULL";
    db.number(live, vec![db.realm.into(), family.into()]).await
}

/// One tab: asks its node, and the other one when the connection breaks. Returns what it was told and how often it was cut off.
async fn refresh(mut tab: Person, other: String) -> (Person, usize) {
    for cut in 0..TRIES {
        if let Some(answer) = tab.try_refresh(json!({})).await {
            assert_eq!(answer.status, 200, "{}", answer.text);
            return (tab, cut);
        }
        tab = tab.at(&other);
    }
    panic!("the node that is left does not answer");
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_a_node_among_fifty_refreshes_and_nobody_is_signed_out() {
    let (db, folder) = (Db::postgres_unmigrated().await, Folder::new());
    let store::Location::Postgres(url) = &db.location else { panic!("not PostgreSQL") };
    let arguments = ["--database", url.as_str()];
    let stays = Demo::start(folder.path(), &arguments).await;
    let looking = Db::of_url(url).await;
    let mut nurse = stays.signed_in("nurse", None).await;
    let family = RefreshToken::parse(nurse.refresh_cookie()).unwrap().family();

    for _ in 0..ROUNDS {
        let goes = Demo::start(folder.path(), &arguments).await;
        // As if the window had passed: programs have no clock that a test could move.
        let older = "UPDATE refresh_family SET rotated_at = rotated_at - 31000000 WHERE realm_id = $1";
        assert!(looking.execute(older, vec![looking.realm.into()]).await > 0);
        let before = generation(&looking, family).await;
        let (together, answered) = (Arc::new(Barrier::new(REFRESHES)), Arc::new(Notify::new()));
        let count = Arc::new(AtomicUsize::new(0));
        let mut tabs = JoinSet::new();
        for number in 0..REFRESHES {
            let base = if number % 2 == 0 { &goes.base } else { &stays.base };
            let (tab, other, together) = (nurse.at(base), stays.base.clone(), together.clone());
            let (answered, count) = (answered.clone(), count.clone());
            tabs.spawn(async move {
                together.wait().await;
                let told = refresh(tab, other).await;
                count.fetch_add(1, Ordering::SeqCst);
                answered.notify_one();
                told
            });
        }
        // The first answer is there: the others are under way.
        answered.notified().await;
        let answers_before_the_kill = count.load(Ordering::SeqCst);
        goes.kill().await;
        let told = tabs.join_all().await;

        assert_eq!(generation(&looking, family).await, before + 1, "it advanced once, and it lives");
        let token = RefreshToken::parse(told[0].0.refresh_cookie()).unwrap();
        assert_eq!((token.family(), token.generation()), (family, before + 1));
        assert!(told.iter().all(|(tab, _)| tab.refresh_cookie() == told[0].0.refresh_cookie()), "one token for all");
        nurse = told[0].0.at(&stays.base);
        assert_eq!(nurse.refresh().await.status, 200);
        if told.iter().any(|(_, cut)| *cut > 0) {
            assert!(answers_before_the_kill < REFRESHES);
            let reuse = "SELECT COUNT(*) FROM audit_event WHERE realm_id = $1 AND type = $2";
            assert_eq!(looking.number(reuse, vec![looking.realm.into(), Value::from("authn_token_reuse")]).await, 0);
            crate::log::sequenced(&looking).await;
            crate::log::changes_and_events_agree(&looking).await;
            return;
        }
    }
    panic!("a node was killed {ROUNDS} times and no request was under way");
}
