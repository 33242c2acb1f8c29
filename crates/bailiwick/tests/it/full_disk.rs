//! No room left: the server says so, goes on, and loses nothing that it acknowledged.
//!
//! The limit is the process's own (RLIMIT_FSIZE), set and lifted from here while it runs: no mount is needed. A write over it fails with EFBIG
//! where the signal is ignored, as a full disk fails with ENOSPC.

use rustix::process::{Pid, Resource, Rlimit, prlimit};
use testkit::Db;

use crate::client::Person;
use crate::log::{Looked, changes_and_events_agree, leaves_are_whole};
use crate::program::{Process, command};
use crate::site::Site;
use crate::traffic::another_grant;

const PASSWORD: &str = "a sentence nobody guesses";

/// `bailiwick serve` with SIGXFSZ ignored.
async fn serve(site: &Site) -> Process {
    let mut shell = command("/bin/sh", site.path(), &site.environment);
    shell.args(["-c", "trap '' XFSZ; exec \"$0\" serve --config bailiwick.toml", crate::program::BAILIWICK]);
    let mut server = Process::start(shell);
    server.says(&format!("serving {}", site.base)).await.unwrap_or_else(|said| panic!("{said:?}"));
    server
}

/// From now on no file of the process grows over this size.
fn limit(server: &Process, bytes: Option<u64>) {
    let pid = Pid::from_raw(server.pid().cast_signed());
    prlimit(pid, Resource::Fsize, Rlimit { current: bytes, maximum: None }).unwrap();
}

/// The longest file of the database.
fn longest(site: &Site) -> u64 {
    let files = std::fs::read_dir(site.path().join("data")).unwrap();
    files.map(|file| file.unwrap().metadata().unwrap().len()).max().unwrap()
}

#[tokio::test]
async fn a_full_disk_is_answered_503_and_nothing_acknowledged_is_lost() {
    let site = Site::with_admin(PASSWORD).await;
    let server = serve(&site).await;
    site.person("lena.marsh", PASSWORD).await;
    let mut admin = Person::signed_in(&site.base, "admin", PASSWORD, None).await;
    let path = format!("/api/v1/users/{}/grants", admin.people().await["lena.marsh"]);
    let grant = |number: usize| another_grant(&format!("number {number} {}", "x".repeat(400)));
    limit(&server, Some(longest(&site) + 100_000));

    let (mut given, mut refused) = (Vec::new(), None);
    for number in 0..2000 {
        let answer = admin.post(&path, grant(number)).await;
        match answer.status {
            201 => given.push(answer.json["id"].as_str().unwrap().to_owned()),
            _ => {
                refused = Some(answer);
                break;
            }
        }
    }
    let refused = refused.expect("the disk never was full");
    assert_eq!(refused.problem(), "503 overloaded");
    assert!(refused.header("retry-after").parse::<u32>().unwrap() > 0);
    assert!(!given.is_empty());

    // It goes on: what only reads is answered, what writes is refused as before.
    assert_eq!(admin.get("/api/v1/me").await.status, 200);
    for number in 0..20 {
        assert_eq!(admin.post(&path, grant(number)).await.status, 503);
    }
    let mut somebody = Person::visitor(&site.base);
    assert_eq!(somebody.sign_in("lena.marsh", PASSWORD, None).await.unwrap().status, 503);

    // There is room again: no restart is needed.
    limit(&server, None);
    let answer = admin.post(&path, grant(1)).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    given.push(answer.json["id"].as_str().unwrap().to_owned());
    assert_eq!(admin.refresh().await.status, 200);
    assert!(server.stop().await.success());

    let db = Db::of_folder(&site.path().join("data")).await;
    let count = db
        .number("SELECT COUNT(*) FROM role_grant WHERE realm_id = $1 AND reason LIKE 'number%'", vec![db.realm.into()]);
    assert_eq!(usize::try_from(count.await).unwrap(), given.len(), "what was acknowledged, and nothing else");
    changes_and_events_agree(&db).await;
    leaves_are_whole(&db, &mut Looked::default()).await;
    drop(db);
    let _again = site.serve().await;
    Person::signed_in(&site.base, "admin", PASSWORD, None).await;
}

#[tokio::test]
async fn a_disk_that_is_full_at_the_start_is_said_clearly() {
    let site = Site::with_admin(PASSWORD).await;
    let mut shell = command("/bin/sh", site.path(), &site.environment);
    let script = "trap '' XFSZ; ulimit -f 8; exec \"$0\" serve --config bailiwick.toml";
    shell.args(["-c", script, crate::program::BAILIWICK]);

    let said = Process::start(shell).said().await;

    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains("disk"), "it says what to do: {said:?}");
}
