//! A throwaway PostgreSQL cluster: one for all processes of a test run, or one of a test's own.
//!
//! nextest runs each test in a process of its own. The first one that needs the cluster starts it, under a file lock; a detached watchdog stops
//! it and removes its folder once the run is over. It listens on a Unix socket in that folder and nowhere else.
//! `BAILIWICK_TEST_POSTGRES=postgres://…` names another server (without TLS), on which databases are made and dropped.

use std::fs::{self, File};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use domain::event::hex;
use domain::secret::sha256;

use crate::entropy::unique;

/// The run's server: the URL of its database `postgres`, or of the one that the environment names.
pub fn server() -> &'static str {
    static SERVER: OnceLock<String> = OnceLock::new();
    SERVER.get_or_init(|| match variable("BAILIWICK_TEST_POSTGRES") {
        Some(url) => url,
        None => shared_cluster().admin_url(),
    })
}

#[expect(clippy::disallowed_methods, reason = "the tests' one place that reads the environment")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The cluster of this run, started by whoever comes first.
fn shared_cluster() -> Cluster {
    // nextest is the parent of each test, and the run is over when it is gone. Without it each process has a cluster of its own.
    let (run, watched) = match variable("NEXTEST_RUN_ID") {
        Some(run) => (run, std::os::unix::process::parent_id()),
        None => (unique(), std::process::id()),
    };
    let folder = std::env::temp_dir().join(format!("bailiwick-pg-{}", &hex(&sha256(&[run.as_bytes()]))[..16]));
    fs::create_dir_all(&folder).expect("a folder for the cluster");
    let lock = File::create(folder.join("lock")).expect("a lock file");
    lock.lock().expect("the lock");
    let cluster = Cluster { programs: programs(), folder, durable: false, stops: false };
    if !cluster.folder.join("ready").exists() {
        cluster.initialise();
        cluster.start();
        cluster.watch(watched);
        File::create(cluster.folder.join("ready")).expect("the mark of readiness");
    }
    cluster
}

/// A cluster on this machine.
#[derive(Debug)]
pub struct Cluster {
    programs: PathBuf,
    folder: PathBuf,
    durable: bool,
    /// With this value, not with the run.
    stops: bool,
}

impl Cluster {
    /// A cluster of the test's own, which loses nothing when it is killed. Stopped and removed with this value.
    #[must_use]
    pub fn durable() -> Self {
        let folder = std::env::temp_dir().join(format!("bailiwick-pg-{}", unique()));
        fs::create_dir_all(&folder).expect("a folder for the cluster");
        let cluster = Self { programs: programs(), folder, durable: true, stops: true };
        cluster.initialise();
        cluster.start();
        cluster.watch(std::process::id());
        cluster
    }

    /// The URL of a database.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres:///{database}?host={}&user=postgres", self.folder.display())
    }

    /// The URL of the database from which others are made.
    #[must_use]
    pub fn admin_url(&self) -> String {
        self.url("postgres")
    }

    /// Starts it, and waits until it answers.
    pub fn start(&self) {
        let log = self.folder.join("log");
        let data = self.folder.join("data");
        let mut command = self.command("pg_ctl");
        command.args(["start", "-w", "-s", "-t", "60", "-D"]).arg(data).arg("-l").arg(&log);
        let started = command.status().expect("pg_ctl");
        assert!(started.success(), "PostgreSQL did not start: {}", fs::read_to_string(log).unwrap_or_default());
    }

    /// Stops it, ending all connections.
    pub fn stop(&self) {
        self.end("fast");
    }

    /// Ends it at once, as a crash would: it recovers at the next start.
    pub fn kill(&self) {
        self.end("immediate");
    }

    fn end(&self, mode: &str) {
        let mut command = self.command("pg_ctl");
        command.args(["stop", "-w", "-s", "-m", mode, "-D"]).arg(self.folder.join("data"));
        let stopped = command.status().expect("pg_ctl");
        assert!(stopped.success(), "PostgreSQL did not stop");
    }

    fn initialise(&self) {
        if let Some((user, group)) = server_user() {
            chown(&self.folder, Some(user), Some(group)).expect("a folder for the server's user");
        }
        // Another collation than "C" by default, so that a column without COLLATE "C" shows.
        let icu = ["--locale-provider=icu", "--icu-locale=en-US", "--locale=C.UTF-8"];
        assert!(self.initdb(&icu) || self.initdb(&["--locale=C.UTF-8"]) || self.initdb(&[]), "initdb failed");
        let speed = if self.durable {
            ""
        } else {
            "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\nautovacuum = off\n"
        };
        let settings = format!(
            "listen_addresses = ''\nunix_socket_directories = '{}'\nmax_connections = 1000\nshared_buffers = 64MB\n\
             deadlock_timeout = 100ms\nwal_level = minimal\nmax_wal_senders = 0\nlog_min_messages = error\n{speed}",
            self.folder.display()
        );
        let file = self.folder.join("data/postgresql.conf");
        let default = fs::read_to_string(&file).expect("postgresql.conf");
        fs::write(&file, format!("{default}\n{settings}")).expect("postgresql.conf");
    }

    fn initdb(&self, locale: &[&str]) -> bool {
        let _ = fs::remove_dir_all(self.folder.join("data"));
        let mut command = self.command("initdb");
        command.args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync", "--no-instructions", "-D"]);
        command.arg(self.folder.join("data")).args(locale).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().expect("initdb").success()
    }

    /// PostgreSQL does not run as root.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.current_dir(&self.folder).stdin(Stdio::null()).stdout(Stdio::null()).process_group(0);
        if let Some((user, group)) = server_user() {
            command.uid(user).gid(group);
        }
        command
    }

    /// Leaves a shell behind that ends the cluster when the process `watched` is gone. It signals the server of this folder alone.
    #[expect(clippy::zombie_processes, reason = "it outlives this process on purpose")]
    fn watch(&self, watched: u32) {
        // What has ended but has not been waited for yet is gone too.
        const SCRIPT: &str = r#"
            lives() { read -r pid name state rest 2>/dev/null <"/proc/$1/stat" && [ "$state" != Z ]; }
            while lives "$1" && [ -d "$2/data" ]; do sleep 0.5; done
            server=$(head -n 1 "$2/data/postmaster.pid" 2>/dev/null)
            if [ -n "$server" ] && tr '\0' ' ' <"/proc/$server/cmdline" | grep -qF "$2/data"; then
                kill -QUIT "$server"
                while lives "$server"; do sleep 0.1; done
            fi
            rm -rf "$2""#;
        let mut shell = Command::new("sh");
        shell.args(["-c", SCRIPT, "watchdog", &watched.to_string()]).arg(&self.folder);
        shell.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0).current_dir("/");
        shell.spawn().expect("a watchdog");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.stops {
            let mut command = self.command("pg_ctl");
            command
                .args(["stop", "-w", "-s", "-m", "immediate", "-D"])
                .arg(self.folder.join("data"))
                .stderr(Stdio::null());
            let _ = command.status();
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// Where PostgreSQL's programs are: Debian keeps them out of the path. The newest version wins.
fn programs() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path());
    let mut found: Vec<(u32, PathBuf)> = versions
        .filter_map(|path| Some((path.file_name()?.to_str()?.parse().ok()?, path.join("bin"))))
        .filter(|(_, bin)| bin.join("initdb").exists())
        .collect();
    found.sort();
    let path = variable("PATH").unwrap_or_default();
    let in_path = || std::env::split_paths(&path).find(|folder| folder.join("initdb").exists());
    found
        .pop()
        .map(|(_, bin)| bin)
        .or_else(in_path)
        .expect("PostgreSQL: apt-get install postgresql, or set BAILIWICK_TEST_POSTGRES")
}

/// User and group of the server when we are root; `None`: our own.
fn server_user() -> Option<(u32, u32)> {
    let id = |option: &str, user: &[&str]| -> Option<u32> {
        let output = Command::new("id").arg(option).args(user).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    };
    static USER: OnceLock<Option<(u32, u32)>> = OnceLock::new();
    *USER.get_or_init(|| {
        let root = id("-u", &[]) == Some(0);
        root.then(|| (id("-u", &["postgres"]), id("-g", &["postgres"]))).map(|(user, group)| {
            (user.expect("a user `postgres`: PostgreSQL does not run as root"), group.expect("a group `postgres`"))
        })
    })
}

/// A database of its own, dropped with this value.
#[derive(Debug)]
pub struct Database {
    admin: String,
    name: String,
    url: String,
}

impl Database {
    /// Copies the template, which the first test of a run makes.
    pub(crate) async fn create(admin: &str) -> Self {
        Self::create_from(admin, &format!("bw_template_{}", &sources()[..16]), crate::db::make_template).await
    }

    /// Copies a template that `make` makes if it is not there yet; `make` is given its URL.
    pub(crate) async fn create_from(admin: &str, template: &str, make: impl AsyncFnOnce(&str)) -> Self {
        let client = connect(admin).await;
        ensure_template(admin, &client, template, make).await;
        Self::copy(admin, &client, template).await
    }

    /// Without any table.
    pub(crate) async fn create_empty(admin: &str) -> Self {
        Self::copy(admin, &connect(admin).await, "template0").await
    }

    async fn copy(admin: &str, client: &tokio_postgres::Client, template: &str) -> Self {
        let name = format!("bw_{}", unique());
        client.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE {template}")).await.expect("a database");
        Self { admin: admin.to_owned(), url: with_database(admin, &name), name }
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // From a thread of its own: this may be dropped inside of a runtime, which must not be entered twice.
        let (admin, drop) = (self.admin.clone(), format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
            runtime.block_on(async {
                let (client, connection) = tokio_postgres::connect(&admin, tokio_postgres::NoTls).await.ok()?;
                tokio::spawn(connection);
                client.batch_execute(&drop).await.ok()
            })
        });
        let _ = dropped.join();
    }
}

/// A connection that is nobody else's.
///
/// # Panics
/// If there is none.
pub async fn connect(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.expect("PostgreSQL");
    tokio::spawn(connection);
    client
}

/// Makes a template database unless it is there. Its name changes with what it is made of.
async fn ensure_template(admin: &str, client: &tokio_postgres::Client, name: &str, make: impl AsyncFnOnce(&str)) {
    const LOCK: i64 = 0x6261_696c_7465_7374;
    client.query("SELECT pg_advisory_lock($1)", &[&LOCK]).await.expect("a lock");
    let there = client.query_opt("SELECT 1 FROM pg_database WHERE datname = $1", &[&name]).await.expect("databases");
    if there.is_none() {
        let making = format!("{name}_making");
        client.batch_execute(&format!("DROP DATABASE IF EXISTS {making} WITH (FORCE)")).await.expect("no database");
        client.batch_execute(&format!("CREATE DATABASE {making}")).await.expect("a database");
        make(&with_database(admin, &making)).await;
        // Connections that are closing would still be in the way of the renaming.
        let end = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1";
        client.query(end, &[&making]).await.expect("no connections");
        client.batch_execute(&format!("ALTER DATABASE {making} RENAME TO {name}")).await.expect("the template");
    }
    client.query("SELECT pg_advisory_unlock($1)", &[&LOCK]).await.expect("no lock");
}

/// A hash over what a template is made of.
fn sources() -> String {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let migrations = fs::read_dir(crates.join("store/migrations/postgres")).expect("migrations");
    let mut files: Vec<PathBuf> = migrations.map(|entry| entry.expect("a migration").path()).collect();
    files.push(crates.join("testkit/src/db.rs"));
    files.push(crates.join("testkit/src/twin.rs"));
    files.sort();
    let texts: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).expect("a source")).collect();
    hex(&sha256(&texts.iter().map(Vec::as_slice).collect::<Vec<_>>()))
}

/// The URL of another database of the same server.
fn with_database(url: &str, name: &str) -> String {
    let (address, options) = url.split_once('?').map_or((url, None), |(address, options)| (address, Some(options)));
    let start = address.find("://").map_or(0, |at| at + 3);
    let host = address[start..].find('/').map_or(address, |at| &address[..start + at]);
    match options {
        Some(options) => format!("{host}/{name}?{options}"),
        None => format!("{host}/{name}"),
    }
}
