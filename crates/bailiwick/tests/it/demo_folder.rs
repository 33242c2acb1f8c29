//! What a demo keeps: continued, killed, damaged, begun anew, and never mistaken for another's.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use testkit::Folder;

use crate::client::{Person, published_keys};
use crate::demo::{Demo, seeded};
use crate::program::{BAILIWICK, Process, Said, command, run};
use crate::site::Site;

/// A demo that must not start.
async fn refused(folder: &Path, arguments: &[&str]) -> Said {
    Demo::try_start(folder, arguments).await.err().expect("it started")
}

#[tokio::test]
async fn a_second_start_has_the_same_people_passwords_and_keys() {
    let folder = seeded().await;
    let first = Demo::start(folder.path(), &[]).await;
    let keys = published_keys(&first.base).await;
    let (people, apis) = (first.first["people"].clone(), first.first["apis"].clone());
    let issuer = first.first["issuer"].clone();
    let nurse = first.signed_in("nurse", None).await;
    first.stop().await;

    let second = Demo::start(folder.path(), &[]).await;

    assert_eq!((&second.first["people"], &second.first["apis"]), (&people, &apis));
    assert_eq!(published_keys(&second.base).await, keys);
    assert_eq!(second.first["issuer"], issuer, "whatever the port is now");
    second.signed_in("nurse", None).await;
    assert_eq!(nurse.at(&second.base).get("/api/v1/me").await.status, 200, "a token of the first run");
}

#[tokio::test]
async fn a_profile_that_does_not_exist_is_said_before_anything_is_taken_or_made() {
    let folder = Folder::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();

    let said = run(folder.path(), &[], &["demo", "hospital", "--listen", &listen]).await;

    said.refused_in_one_line(&["hospital", "healthcare or agency"]);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn what_was_acknowledged_survives_being_ended_without_warning() {
    let folder = seeded().await;
    let first = Demo::start(folder.path(), &[]).await;
    let keys = published_keys(&first.base).await;
    let mut nurse = first.signed_in("nurse", None).await;
    let mut gone = first.signed_in("physician", None).await;
    let copy = gone.clone();
    assert_eq!(gone.try_sign_out().await.unwrap().status, 204);
    first.kill().await;

    let second = Demo::start(folder.path(), &[]).await;

    assert_eq!(published_keys(&second.base).await, keys);
    nurse = nurse.at(&second.base);
    assert_eq!(nurse.refresh().await.status, 200);
    assert_eq!(copy.at(&second.base).refresh().await.problem(), "401 session-ended");
    second.signed_in("nurse", None).await;
}

#[tokio::test]
async fn ended_while_it_is_made_it_is_made_again() {
    // Over and over in one folder: as soon as there is anything, when there is a database, and while people are made.
    let folder = Folder::new();
    for (file, then) in [
        ("demo", 0),
        ("demo/demo.json", 0),
        ("demo/key-encryption-key", 0),
        ("demo/database/bailiwick.db", 0),
        ("demo/database/bailiwick.db", 40),
        ("demo/database/bailiwick.db", 300),
        ("demo/database/bailiwick.db", 1500),
    ] {
        let mut starting = command(BAILIWICK, folder.path(), &[]);
        starting.args(["demo", "--listen", "127.0.0.1:0", "--json", "--data", "demo"]);
        let process = Process::start(starting);
        while !folder.path().join(file).exists() {
            assert!(!process.err().contains("not empty"), "{file}: {}", process.err());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(Duration::from_millis(then)).await;
        process.kill().await;
    }

    let demo = Demo::start(folder.path(), &[]).await;

    demo.signed_in("nurse", Some("clinic")).await;
    assert!(folder.path().join("demo/credentials.json").exists());
}

#[tokio::test]
async fn a_second_demo_on_the_same_folder_is_refused_while_the_first_runs() {
    let folder = seeded().await;
    let _first = Demo::start(folder.path(), &[]).await;

    refused(folder.path(), &[]).await.refused_in_one_line(&["demo/database", "another"]);
}

#[tokio::test]
async fn a_port_in_use_is_said_in_one_line() {
    let folder = seeded().await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();

    let said = run(folder.path(), &[], &["demo", "--data", "demo", "--listen", &listen]).await;

    said.refused_in_one_line(&[&listen, "in use", "--listen 127.0.0.1:0"]);
}

#[tokio::test]
async fn a_demo_is_for_this_machine_only() {
    let folder = Folder::new();
    for listen in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let said = run(folder.path(), &[], &["demo", "--listen", listen]).await;
        said.refused_in_one_line(&["this machine only"]);
    }
    assert!(!folder.path().join(".bailiwick-demo").exists(), "nothing was made");
}

#[tokio::test]
async fn fresh_begins_anew() {
    let folder = seeded().await;
    let first = Demo::start(folder.path(), &[]).await;
    let (old, keys) = (first.password("nurse"), published_keys(&first.base).await);
    first.stop().await;

    let second = Demo::start(folder.path(), &["--fresh"]).await;

    assert_ne!(second.password("nurse"), old);
    assert_ne!(published_keys(&second.base).await, keys);
    assert_eq!(second.first["issuer"], second.base.as_str());
    let answer = Person::visitor(&second.base).sign_in("nurse", &old, None).await.unwrap();
    assert_eq!(answer.problem(), "401 invalid-credentials");
}

#[tokio::test]
async fn a_database_that_demo_did_not_make_is_refused_and_left_alone() {
    let (site, _) = Site::set_up().await;
    let before = std::fs::read(site.path().join("data/bailiwick.db")).unwrap();

    let said = refused(site.path(), &["--database", "data"]).await;
    said.refused_in_one_line(&["data is not empty", "--database", "--data"]);
    let said = refused(site.path(), &["--database", "data", "--fresh"]).await;
    said.refused_in_one_line(&["was not made by this demo", "nothing was removed"]);

    assert_eq!(std::fs::read(site.path().join("data/bailiwick.db")).unwrap(), before);
}

#[tokio::test]
async fn a_database_whose_data_folder_is_missing_is_refused() {
    let folder = seeded().await;
    std::fs::rename(folder.path().join("demo/database"), folder.path().join("database")).unwrap();
    std::fs::remove_dir_all(folder.path().join("demo")).unwrap();

    let said = refused(folder.path(), &["--database", "database"]).await;

    said.refused_in_one_line(&["not empty", "--data it was made with"]);
}

#[tokio::test]
async fn a_database_that_is_gone_is_missed() {
    let folder = seeded().await;
    std::fs::remove_dir_all(folder.path().join("demo/database")).unwrap();

    refused(folder.path(), &[]).await.refused_in_one_line(&["demo/database is gone", "--fresh"]);

    let demo = Demo::start(folder.path(), &["--fresh"]).await;
    demo.signed_in("nurse", None).await;
}

#[tokio::test]
async fn another_profile_in_the_same_folder_is_refused() {
    let folder = seeded().await;

    refused(folder.path(), &["agency"]).await.refused_in_one_line(&["holds a demo of healthcare", "--data", "--fresh"]);
}

#[tokio::test]
async fn a_profile_that_does_not_exist_is_refused_before_anything_is_made() {
    let folder = Folder::new();

    refused(folder.path(), &["hospital"]).await.refused_in_one_line(&["hospital", "healthcare", "agency"]);

    assert!(!folder.path().join("demo").exists());
}

#[tokio::test]
async fn a_damaged_file_is_named_and_fresh_is_the_way_out() {
    let folder = seeded().await;
    let file = folder.path().join("demo/demo.json");
    std::fs::write(&file, "{\"profile\": \"health").unwrap();

    refused(folder.path(), &[]).await.refused_in_one_line(&["demo/demo.json is damaged", "--fresh"]);

    let demo = Demo::start(folder.path(), &["--fresh"]).await;
    demo.signed_in("nurse", None).await;
}

#[tokio::test]
async fn a_missing_or_wrong_key_encryption_key_is_said_clearly() {
    let folder = seeded().await;
    let file = folder.path().join("demo/key-encryption-key");
    let right = std::fs::read_to_string(&file).unwrap();

    std::fs::remove_file(&file).unwrap();
    refused(folder.path(), &[]).await.refused_in_one_line(&["demo/key-encryption-key", "cannot be read"]);
    write_private(&file, "not a key");
    refused(folder.path(), &[]).await.refused_in_one_line(&[
        "demo/key-encryption-key",
        "64 hexadecimal",
        "openssl rand",
    ]);
    write_private(&file, &"ab".repeat(32));
    refused(folder.path(), &[]).await.refused_in_one_line(&["key-encryption key is not the one"]);
    write_private(&file, &right);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    refused(folder.path(), &[]).await.refused_in_one_line(&["chmod 600"]);

    write_private(&file, &right);
    Demo::start(folder.path(), &[]).await.signed_in("nurse", None).await;
}

fn write_private(file: &Path, text: &str) {
    std::fs::write(file, text).unwrap();
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).unwrap();
}

#[tokio::test]
async fn everything_secret_in_the_folder_is_for_its_owner_alone() {
    let folder = seeded().await;
    let names = ["demo.json", "credentials.json", "key-encryption-key", "database/bailiwick.db"];
    for name in names {
        let mode = std::fs::metadata(folder.path().join("demo").join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[tokio::test]
async fn a_signing_key_may_be_given_and_must_be_one() {
    let folder = Folder::new();
    let pem = folder.path().join("key.pem");
    std::fs::write(&pem, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n").unwrap();
    let given = ["--signing-key", "key.pem"];
    refused(folder.path(), &given).await.refused_in_one_line(&["--signing-key key.pem", "PKCS#8 RSA"]);
    refused(folder.path(), &["--signing-key", "nothing.pem"]).await.refused_in_one_line(&["nothing.pem"]);
    std::fs::write(&pem, rsa_key()).unwrap();

    let demo = Demo::start(folder.path(), &given).await;
    let keys = published_keys(&demo.base).await;
    demo.stop().await;
    let again = Demo::start(folder.path(), &["--signing-key", "key.pem", "--fresh"]).await;

    assert_eq!(published_keys(&again.base).await, keys, "the same key again: its kid is its thumbprint");
}

/// A new RSA key as a PEM file.
fn rsa_key() -> String {
    use rcgen::{KeyPair, PKCS_RSA_SHA256, RsaKeySize};
    KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap().serialize_pem()
}
