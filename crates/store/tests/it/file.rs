//! The embedded database as files: who may open them, and what is said when they are not as they should be.

use std::fs;
use std::io::{Read as _, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output};

use domain::realm::RealmKey;
use store::{Location, Options, Read, Store, StoreError};
use testkit::{Db, Folder, SystemEntropy, race};

use crate::audit::leaves_are_whole;
use crate::counters;

/// How a child process of these tests knows what it is.
const CHILD: &str = "BAILIWICK_TEST_CHILD";

async fn open(folder: &Path) -> Result<Store, StoreError> {
    Store::open(&Options::new(Location::Folder(folder.to_owned())), std::sync::Arc::new(SystemEntropy)).await
}

/// Opening is refused with a text that says all of this.
async fn refused(folder: &Path, says: &[&str]) {
    match open(folder).await {
        Err(StoreError::Unusable(text)) => {
            for part in says {
                assert!(text.contains(part), "{text:?} does not say {part:?}");
            }
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_on_the_same_folder_is_refused() {
    let db = Db::sqlite().await;

    let second = db.reopened_with(|options| options.serving = true).await.map(drop);

    assert!(
        matches!(second, Err(StoreError::Unusable(ref text)) if text.contains("another server runs on the folder") && text.contains("Stop it")),
        "{second:?}"
    );
    let folder = Db::sqlite_closed().await;
    let mut options = Options::new(Location::Folder(folder.path().to_owned()));
    options.serving = true;
    let entropy = std::sync::Arc::new(SystemEntropy);
    drop(Store::open(&options, entropy.clone()).await.unwrap());
    drop(Store::open(&options, entropy).await.expect("the first one has ended"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_writes_beside_a_running_server_and_leaves_stay_consecutive() {
    let db = Db::sqlite().await;
    let command_line = db.reopened().await;

    race(8, |racer| {
        let db = if racer % 2 == 0 { db.clone() } else { command_line.clone() };
        async move {
            for round in 0..10 {
                counters::make_audited(&db, &format!("{racer} {round}"), 1).await.unwrap();
            }
        }
    })
    .await;

    assert_eq!(counters::count(&db).await, 80);
    assert_eq!(leaves_are_whole(&db).await, 80);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_and_its_log_are_readable_by_their_owner_alone() {
    let db = Db::sqlite().await;
    counters::make(&db, "x", 1).await.unwrap();

    let files: Vec<_> = fs::read_dir(db.folder().unwrap()).unwrap().map(Result::unwrap).collect();
    assert!(files.iter().any(|file| file.file_name() == "bailiwick.db-wal"));
    for file in files.iter().filter(|file| file.file_name() != "serve.lock") {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o077, 0, "{:?}", file.file_name());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_others_could_read_is_taken_from_them() {
    let folder = Db::sqlite_closed().await;
    let file = folder.path().join("bailiwick.db");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();

    drop(open(folder.path()).await.unwrap());

    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let folder = Folder::new();
    let file = folder.path().join("bailiwick.db");
    for content in ["a letter to my aunt ".repeat(40), "short".to_owned()] {
        fs::write(&file, &content).unwrap();

        refused(folder.path(), &["bailiwick.db is not a complete Bailiwick database", "Restore it from a backup"])
            .await;

        assert_eq!(fs::read_to_string(&file).unwrap(), content);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_truncated_database_is_refused() {
    let whole = Db::sqlite_closed().await;
    let bytes = fs::read(whole.path().join("bailiwick.db")).unwrap();
    for length in [1, 99, 100, 512, 4096, 8192, bytes.len() / 2, bytes.len() - 4096, bytes.len() - 1] {
        let folder = Folder::new();
        fs::write(folder.path().join("bailiwick.db"), &bytes[..length]).unwrap();

        refused(folder.path(), &["bailiwick.db", "Restore it from a backup"]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_database_is_refused() {
    let folder = Db::sqlite_closed().await;
    let mut file = fs::OpenOptions::new().read(true).write(true).open(folder.path().join("bailiwick.db")).unwrap();
    let mut header = [0; 100];
    file.read_exact(&mut header).unwrap();
    file.seek(SeekFrom::Start(100)).unwrap();
    file.write_all(&[0x55; 3000]).unwrap(); // the table of tables
    drop(file);

    refused(folder.path(), &["bailiwick.db is damaged", "Restore it from a backup"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_where_the_file_should_be_is_refused_and_keeps_its_permissions() {
    let folder = Folder::new();
    let inside = folder.path().join("bailiwick.db");
    fs::create_dir(&inside).unwrap();
    let mode = fs::metadata(&inside).unwrap().permissions().mode();

    refused(folder.path(), &["cannot read", "bailiwick.db"]).await;

    assert_eq!(fs::metadata(&inside).unwrap().permissions().mode(), mode);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_where_the_folder_should_be_is_refused() {
    let folder = Folder::new();
    let file = folder.path().join("data");
    fs::write(&file, "x").unwrap();

    refused(&file, &["cannot make the folder", "data"]).await;
}

/// Five seconds: so long a lock of another program is waited for.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_another_program_has_locked_is_refused_and_a_running_server_says_busy() {
    let folder = Db::sqlite_closed().await;
    let locked = rusqlite::Connection::open(folder.path().join("bailiwick.db")).unwrap();
    locked.pragma_update(None, "locking_mode", "EXCLUSIVE").unwrap();
    locked.execute_batch("BEGIN EXCLUSIVE; CREATE TABLE mine (x); COMMIT").unwrap();
    let db = Db::sqlite().await;
    let writing = rusqlite::Connection::open(db.folder().unwrap().join("bailiwick.db")).unwrap();
    writing.execute_batch("BEGIN IMMEDIATE").unwrap();

    let (opened, written) = tokio::join!(
        async {
            tokio::spawn({
                let path = folder.path().to_owned();
                async move { open(&path).await.map(drop) }
            })
            .await
            .unwrap()
        },
        counters::make(&db, "x", 1),
    );

    assert!(
        matches!(opened, Err(StoreError::Unusable(ref text)) if text.contains("locked by another program") && text.contains("Close it")),
        "{opened:?}"
    );
    assert!(matches!(written, Err(StoreError::Busy)), "{written:?}");
    writing.execute_batch("ROLLBACK").unwrap();
    counters::make(&db, "x", 1).await.unwrap();
    drop(locked);
    open(folder.path()).await.expect("nobody has it any more");
}

#[expect(clippy::disallowed_methods, reason = "tells a child process from its parent")]
fn child() -> Option<String> {
    std::env::var(CHILD).ok()
}

/// Runs one test of this program once more, as a child process that knows the folder.
fn run_child(test: &str, folder: &Path, through: &[&str], user: Option<u32>) -> Output {
    let mut program = std::env::current_exe().unwrap();
    if user.is_some() {
        // Where the program lies, another user may not get to.
        program = std::env::temp_dir().join(format!("bailiwick-child-{}", std::process::id()));
        fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mut command = match through {
        [] => Command::new(&program),
        [shell, arguments @ ..] => {
            let mut command = Command::new(shell);
            command.args(arguments).arg(&program);
            command
        }
    };
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(CHILD, folder).current_dir("/");
    if let Some(user) = user {
        command.uid(user).gid(user);
    }
    let done = command.output();
    if user.is_some() {
        fs::remove_file(&program).unwrap();
    }
    done.unwrap()
}

fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// Permissions do not bind root: a child process of another user tries.
#[test]
fn a_database_that_may_not_be_written_is_refused() {
    if let Some(folder) = child() {
        let folder = Path::new(&folder);
        testkit::runtime().block_on(async {
            refused(&folder.join("file"), &["bailiwick.db", "Its owner must be the server's user"]).await;
            refused(&folder.join("read_only"), &["bailiwick.db", "cannot be written", "write permission"]).await;
            refused(&folder.join("folder"), &["bailiwick.db", "write permission on the folder"]).await;
            refused(&folder.join("none/inside"), &["cannot make the folder", "inside"]).await;
        });
        return;
    }
    let folder = Folder::new();
    for name in ["file", "read_only", "folder", "none"] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    let whole = testkit::runtime().block_on(Db::sqlite_closed());
    for (name, mode) in [("file", 0o644), ("read_only", 0o400)] {
        let copy = folder.path().join(name).join("bailiwick.db");
        fs::copy(whole.path().join("bailiwick.db"), &copy).unwrap();
        fs::set_permissions(&copy, fs::Permissions::from_mode(mode)).unwrap();
    }
    let nobody = is_root().then_some(65_534);
    if nobody.is_some() {
        chown(folder.path().join("read_only/bailiwick.db"), nobody, nobody).unwrap();
    }
    for name in ["file", "read_only", "folder", "none", "."] {
        fs::set_permissions(folder.path().join(name), fs::Permissions::from_mode(0o555)).unwrap();
    }

    let done = run_child("file::a_database_that_may_not_be_written_is_refused", folder.path(), &[], nobody);

    for name in ["file", "read_only", "folder", "none", "."] {
        fs::set_permissions(folder.path().join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    assert!(
        done.status.success(),
        "{}{}",
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr)
    );
}

/// The child process writes under a limit on the size of files until it is refused; the parent looks at what is left.
#[test]
#[expect(clippy::print_stdout, reason = "the child process tells its parent what was acknowledged")]
fn on_a_full_disk_writes_are_refused_and_everything_acknowledged_is_there() {
    if let Some(folder) = child() {
        let acknowledged = testkit::runtime().block_on(fill(Path::new(&folder)));
        println!("\nacknowledged: {}", acknowledged.join(","));
        return;
    }
    let folder = testkit::runtime().block_on(Db::sqlite_closed());
    let size = fs::metadata(folder.path().join("bailiwick.db")).unwrap().len();
    for extra in [64 * 1024, 200 * 1024, 1024 * 1024] {
        let blocks = (size + extra) / 512;
        let limit = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"");
        let through = ["sh", "-c", &limit, "limited"];

        let done = run_child(
            "file::on_a_full_disk_writes_are_refused_and_everything_acknowledged_is_there",
            folder.path(),
            &through,
            None,
        );

        let output = String::from_utf8_lossy(&done.stdout).into_owned();
        assert!(done.status.success(), "{output}{}", String::from_utf8_lossy(&done.stderr));
        let line =
            output.lines().find_map(|line| line.strip_prefix("acknowledged: ")).expect("a child that says what it did");
        let acknowledged: Vec<&str> = line.split(',').filter(|name| !name.is_empty()).collect();
        assert!(extra < 100_000 || !acknowledged.is_empty());
        testkit::runtime().block_on(whole(folder.path(), &acknowledged));
    }
}

/// Writes from eight tasks until each was refused three times; the names of what was acknowledged.
async fn fill(folder: &Path) -> Vec<String> {
    let db = Db::of_folder(folder).await;
    let answers = race(8, |racer| {
        let db = db.clone();
        async move {
            let (mut acknowledged, mut refusals) = (Vec::new(), 0);
            for round in 0..100_000 {
                let name = format!("{}-{racer}-{round}", std::process::id());
                match counters::make_audited(&db, &name, round).await {
                    Ok(()) => acknowledged.push(name),
                    Err(StoreError::Unavailable(_)) => refusals += 1,
                    Err(other) => panic!("not said to be unavailable: {other:?}"),
                }
                if refusals == 3 {
                    return acknowledged;
                }
            }
            panic!("the disk was never full");
        }
    })
    .await;
    // Reading goes on.
    let there = db.dump(RealmKey::MAIN).await["counter"].len();
    let acknowledged: Vec<String> = answers.into_iter().flatten().collect();
    assert!(there >= acknowledged.len());
    acknowledged
}

async fn whole(folder: &Path, acknowledged: &[&str]) {
    let db = Db::of_folder(folder).await;
    let rows = db.rows("SELECT name FROM counter WHERE realm_id = $1", vec![db.realm.into()]).await;
    let names: std::collections::HashSet<String> = rows
        .into_iter()
        .map(|row| match &row[0] {
            store::Value::Text(name) => name.clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    for name in acknowledged {
        assert!(names.contains(*name), "{name} was acknowledged and is lost");
    }
    assert_eq!(
        leaves_are_whole(&db).await,
        names.len(),
        "every change has its event and its leaf, and no event lacks its change"
    );
    counters::make_audited(&db, &format!("after {}", names.len()), 1).await.expect("there is space again");
}

#[tokio::test]
async fn scans_hold_up_neither_the_program_nor_those_who_look_up_one_row() {
    let db = Db::sqlite().await;
    let (home, (open, gate)) = (std::thread::current().id(), std::sync::mpsc::channel::<()>());
    let gate = std::sync::Arc::new(std::sync::Mutex::new(gate));
    // More than there are connections; each waits for the gate, on a runtime of a single thread.
    let scans: Vec<_> = (0..20)
        .map(|_| {
            let (db, gate) = (db.clone(), gate.clone());
            tokio::spawn(async move {
                db.store
                    .scan(&db.allowed(), db.now(), move |tx| {
                        Box::pin(async move {
                            let waited = gate.lock().is_ok_and(|gate| gate.recv().is_ok());
                            assert!(waited && tx.realm() == RealmKey::MAIN);
                            Ok::<_, StoreError>(std::thread::current().id())
                        })
                    })
                    .await
            })
        })
        .collect();
    tokio::task::yield_now().await;

    for _ in 0..20 {
        db.read(|tx| Box::pin(store::realm::own(tx))).await.unwrap().expect("the realm");
    }

    (0..20).for_each(|_| open.send(()).unwrap());
    for scan in scans {
        assert_ne!(scan.await.unwrap().unwrap(), home);
    }
}

/// The log begins at its start again only while nobody writes; under load that never happens by itself.
#[tokio::test(flavor = "multi_thread")]
async fn the_write_ahead_log_stays_short_however_long_everybody_writes_and_reads() {
    const PAGES: u64 = 500;
    let folder = Db::sqlite_closed().await;
    let db = Db::of_folder(folder.path()).await.reopened_with(|options| options.log_pages = PAGES).await.unwrap();

    race(16, |writer| {
        let db = db.clone();
        async move {
            for round in 0..600 {
                let name = format!("{writer} {round} {}", "x".repeat(8_000));
                counters::make(&db, &name, 1).await.unwrap();
                let read = name.clone();
                db.read(move |tx| Box::pin(async move { counters::get(tx, &read).await })).await.unwrap();
            }
        }
    })
    .await;

    let longest = fs::metadata(folder.path().join("bailiwick.db-wal")).unwrap().len();
    // Some 30,000 pages were written. The log is looked at ten times a second: a quick machine writes much in between.
    assert!(longest < 30 * PAGES * 4096, "{longest} bytes");
}
