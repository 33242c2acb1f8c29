//! Two demos on one PostgreSQL with the same `--data`: two nodes of one installation.

use testkit::Folder;
use testkit::postgres::{Cluster, connect};

use crate::client::{Person, published_keys};
use crate::demo::Demo;
use crate::log::indexes_are_consecutive;

#[tokio::test]
async fn two_nodes_are_one_server() {
    let (cluster, folder) = (Cluster::durable(), Folder::new());
    connect(&cluster.admin_url()).await.batch_execute("CREATE DATABASE demo").await.unwrap();
    let url = cluster.url("demo");
    let arguments = ["--database", url.as_str()];
    let a = Demo::start(folder.path(), &arguments).await;
    let b = Demo::start(folder.path(), &arguments).await;
    assert_ne!(a.base, b.base);
    assert_eq!(a.first["issuer"], b.first["issuer"]);
    assert_eq!(a.first["people"], b.first["people"]);
    assert_eq!(published_keys(&a.base).await, published_keys(&b.base).await);

    // A token of one is good at the other; so is the refresh cookie; and so is the sign-out.
    let mut nurse = a.signed_in("nurse", None).await;
    assert_eq!(nurse.at(&b.base).get("/api/v1/me").await.status, 200);
    let mut at_b = nurse.at(&b.base);
    assert_eq!(at_b.refresh().await.status, 200);
    let copy = nurse.clone();
    assert_eq!(nurse.try_sign_out().await.unwrap().status, 204);
    assert_eq!(copy.at(&b.base).get("/api/v1/me").await.problem(), "401 not-signed-in");
    assert_eq!(at_b.refresh().await.problem(), "401 session-ended");

    // A grant at one counts at the other.
    let admin = a.signed_in("admin", None).await;
    let clerk = b.signed_in("billing", None).await;
    assert_eq!(clerk.get("/api/v1/users").await.problem(), "403 forbidden");
    let people = admin.people().await;
    let grant = serde_json::json!({ "role": "charge-nurse", "reason": "two nodes" });
    let given = admin.post(&format!("/api/v1/users/{}/grants", people["billing"]), grant).await;
    assert_eq!(given.status, 201, "{}", given.text);
    assert_eq!(clerk.get("/api/v1/users").await.status, 200);

    // Both write at once, the leader goes, and the indexes have no gap.
    let names = ["physician", "pharmacist", "auditor", "patient", "receptionist", "nurse"];
    let answers = testkit::race(names.len(), |number| {
        let base = if number % 2 == 0 { a.base.clone() } else { b.base.clone() };
        let (name, password) = (names[number], a.password(names[number]));
        async move { Person::visitor(&base).sign_in(name, &password, None).await.unwrap().status }
    });
    assert_eq!(answers.await, [200; 6]);
    a.kill().await;
    b.signed_in("physician", None).await;
    let db = testkit::Db::of_url(&url).await;
    crate::log::sequenced(&db).await;
    crate::log::changes_and_events_agree(&db).await;
    crate::log::leaves_are_whole(&db, &mut crate::log::Looked::default()).await;
    let events = admin.at(&b.base).events().await;
    indexes_are_consecutive(&events);
}

#[tokio::test]
async fn another_folder_does_not_know_the_database_on_postgresql() {
    let (db, first, second) = (testkit::Db::postgres_unmigrated().await, Folder::new(), Folder::new());
    let store::Location::Postgres(url) = &db.location else { panic!("not PostgreSQL") };
    let arguments = ["--database", url.as_str()];
    let demo = Demo::start(first.path(), &arguments).await;
    demo.signed_in("nurse", None).await;
    demo.stop().await;

    for fresh in [&[][..], &["--fresh"][..]] {
        let said = Demo::try_start(second.path(), &[&arguments[..], fresh].concat()).await.err().expect("it started");
        said.refused_in_one_line(&["not empty", "--data it was made with"]);
    }

    // Its own folder may begin anew.
    let demo = Demo::start(first.path(), &[&arguments[..], &["--fresh"]].concat()).await;
    demo.signed_in("nurse", None).await;
}
