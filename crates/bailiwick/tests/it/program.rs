//! Starting, reading and ending processes. Nothing is ended that was not started here.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use serde_json::Value;
use testkit::Folder;
use tokio::process::{Child, Command};

/// The program under test.
pub(crate) const BAILIWICK: &str = env!("CARGO_BIN_EXE_bailiwick");

/// Longer than any start takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);
const TICK: Duration = Duration::from_millis(20);

/// What a command said, and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    /// The command did what it was asked for; what it printed as JSON.
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.code, Some(0), "{self:?}");
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    /// The command ended with code 1, said nothing on standard output, and its reason on standard error.
    pub(crate) fn refused(&self) -> &str {
        assert_eq!(self.code, Some(1), "{self:?}");
        assert!(self.out.is_empty(), "{self:?}");
        assert!(self.err.starts_with("bailiwick: "), "{self:?}");
        &self.err
    }

    /// The same, in one line that has all of these words.
    pub(crate) fn refused_in_one_line(&self, words: &[&str]) {
        let line = self.refused();
        assert_eq!(line.lines().count(), 1, "{line}");
        for word in words {
            assert!(line.contains(word), "{word:?} is not in: {line}");
        }
    }
}

/// A command in a folder, without the developer's own environment.
pub(crate) fn command(program: impl AsRef<Path>, folder: &Path, environment: &[(String, String)]) -> Command {
    let mut command = Command::new(program.as_ref());
    command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("USER", "tester");
    command.envs(environment.iter().cloned()).current_dir(folder).stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// Who runs this, as the audit log names them: by the process's user, whatever the environment says.
pub(crate) fn operator() -> String {
    let named = std::process::Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(named.stdout).unwrap().trim().to_owned()
}

/// Runs a command to its end.
pub(crate) async fn run(folder: &Path, environment: &[(String, String)], arguments: &[&str]) -> Said {
    let mut command = command(BAILIWICK, folder, environment);
    let output = tokio::time::timeout(PATIENCE, command.args(arguments).output());
    let output = output.await.unwrap_or_else(|_| panic!("{arguments:?} did not end")).unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let said = Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) };
    assert!(!said.err.contains("panicked"), "{said:?}");
    said
}

/// A process that runs until it is ended, or until this is dropped. Its two streams go to files.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    out: PathBuf,
    err: PathBuf,
    _streams: Folder,
}

impl Process {
    pub(crate) fn start(mut command: Command) -> Self {
        let streams = Folder::new();
        let (out, err) = (streams.path().join("out"), streams.path().join("err"));
        let file = |path: &Path| std::fs::File::create(path).unwrap();
        let child = command.stdout(file(&out)).stderr(file(&err)).spawn().unwrap();
        Self { child, out, err, _streams: streams }
    }

    pub(crate) fn err(&self) -> String {
        std::fs::read_to_string(&self.err).unwrap()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// The first line of standard output as JSON; `Err`: it ended before.
    pub(crate) async fn first_line(&mut self) -> Result<Value, Said> {
        self.until(|out, _| out.split_once('\n').map(|(line, _)| serde_json::from_str(line).unwrap())).await
    }

    /// Standard error has this text; `Err`: it ended before.
    pub(crate) async fn says(&mut self, text: &str) -> Result<(), Said> {
        self.until(|_, err| err.contains(text).then_some(())).await
    }

    async fn until<T>(&mut self, found: impl Fn(&str, &str) -> Option<T>) -> Result<T, Said> {
        for _ in 0..PATIENCE.as_millis() / TICK.as_millis() {
            let ended = self.child.try_wait().unwrap();
            let (out, err) = (std::fs::read_to_string(&self.out).unwrap(), self.err());
            if let Some(value) = found(&out, &err) {
                return Ok(value);
            }
            if let Some(status) = ended {
                return Err(Said { code: status.code(), out, err });
            }
            tokio::time::sleep(TICK).await;
        }
        panic!("it did not start: {}", self.err());
    }

    /// What it says when it ends by itself.
    pub(crate) async fn said(mut self) -> Said {
        let status = self.ended().await;
        Said { code: status.code(), out: std::fs::read_to_string(&self.out).unwrap(), err: self.err() }
    }

    async fn ended(&mut self) -> ExitStatus {
        tokio::time::timeout(PATIENCE, self.child.wait()).await.expect("it did not end").unwrap()
    }

    /// SIGKILL, whatever it does.
    pub(crate) async fn kill(mut self) {
        self.child.start_kill().unwrap();
        self.ended().await;
    }

    /// SIGTERM, and waits for the end.
    pub(crate) async fn stop(mut self) -> ExitStatus {
        let pid = rustix::process::Pid::from_raw(self.pid().cast_signed()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.ended().await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let err = std::fs::read_to_string(&self.err).unwrap_or_default();
        if !std::thread::panicking() {
            assert!(!err.contains("panicked"), "{err}");
        } else {
            // The test has failed already; what the program said helps to see why.
            use std::io::Write as _;
            let _ = writeln!(std::io::stderr(), "--- the program said:\n{err}");
        }
    }
}

/// A program of another package, built beside ours.
pub(crate) fn neighbour(name: &str) -> PathBuf {
    let path = Path::new(BAILIWICK).with_file_name(name);
    assert!(path.exists(), "{} is missing: run `cargo build --workspace --bins` first", path.display());
    path
}

/// Copies a folder with all that is in it.
pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Something made once for all tests of a run, in a folder that stays until the program or the recipe's name changes.
pub(crate) async fn made_once(name: &str, make: impl AsyncFnOnce(&Path)) -> PathBuf {
    let program = std::fs::metadata(BAILIWICK).unwrap();
    let changed = program.modified().unwrap().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    let home = Path::new(env!("CARGO_TARGET_TMPDIR"));
    std::fs::create_dir_all(home).unwrap();
    let folder = home.join(format!("{name}-{:x}-{changed:x}", program.len()));
    let lock = std::fs::File::create(home.join(format!("{name}.lock"))).unwrap();
    lock.lock().unwrap();
    if !folder.exists() {
        for entry in std::fs::read_dir(home).unwrap().flatten() {
            let old = entry.file_name().to_string_lossy().starts_with(&format!("{name}-"));
            if old {
                let _ = std::fs::remove_dir_all(entry.path());
            }
        }
        let making = home.join(format!("{name}-making"));
        std::fs::create_dir_all(&making).unwrap();
        make(&making).await;
        std::fs::rename(&making, &folder).unwrap();
    }
    folder
}
