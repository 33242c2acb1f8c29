//! A demo that runs: the program itself, in a folder of the test's own.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use testkit::Folder;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// A demo, ended with this value.
pub(crate) struct Demo {
    _child: Child,
    folder: Folder,
    pub(crate) base: String,
    first: Value,
}

/// The program, beside this test's own.
pub(crate) fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().and_then(Path::parent).unwrap().join("bailiwick");
    assert!(path.exists(), "{} is missing: run `cargo build --workspace --bins` first", path.display());
    path
}

async fn start(folder: &Path) -> (Child, Value) {
    let mut command = Command::new(program());
    command.args(["demo", "--listen", "127.0.0.1:0", "--json", "--data", "demo"]).current_dir(folder);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = tokio::time::timeout(Duration::from_secs(90), lines.next_line()).await.expect("it started");
    (child, serde_json::from_str(&line.unwrap().expect("a line")).unwrap())
}

fn copy(from: &Path, to: &Path) {
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

/// A folder in which a demo was made. That takes seconds, so it is done once for all tests, until the program changes.
async fn seeded() -> PathBuf {
    let program = std::fs::metadata(program()).unwrap();
    let changed = program.modified().unwrap().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    let home = Path::new(env!("CARGO_TARGET_TMPDIR"));
    std::fs::create_dir_all(home).unwrap();
    let lock = std::fs::File::create(home.join("browser-demo.lock")).unwrap();
    lock.lock().unwrap();
    let (folder, making) = (home.join(format!("browser-demo-{changed:x}")), home.join("browser-demo-making"));
    if !folder.exists() {
        for old in std::fs::read_dir(home).unwrap().flatten() {
            if old.file_name().to_string_lossy().starts_with("browser-demo-") {
                let _ = std::fs::remove_dir_all(old.path());
            }
        }
        std::fs::create_dir_all(&making).unwrap();
        let (mut child, _) = start(&making).await;
        child.kill().await.unwrap();
        std::fs::rename(&making, &folder).unwrap();
    }
    folder
}

impl Demo {
    pub(crate) async fn start() -> Self {
        let folder = Folder::new();
        copy(&seeded().await, folder.path());
        let (child, first) = start(folder.path()).await;
        let base = first["base_url"].as_str().unwrap().to_owned();
        Self { _child: child, folder, base, first }
    }

    pub(crate) fn password(&self, username: &str) -> String {
        let people = self.first["people"].as_array().unwrap();
        people.iter().find(|person| person["username"] == username).unwrap()["password"].as_str().unwrap().to_owned()
    }

    /// A code of somebody's application, which was not used yet.
    pub(crate) async fn code(&self, username: &str) -> String {
        let request = http().get(format!("{}/demo/code?username={username}", self.base));
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        response.text().await.unwrap()
    }

    /// Calls the JSON API.
    pub(crate) async fn post(&self, path: &str, token: Option<&str>, body: &Value) -> reqwest::Response {
        let request = http().post(format!("{}/api/v1{path}", self.base)).json(body);
        let request = if let Some(token) = token { request.bearer_auth(token) } else { request };
        request.send().await.unwrap()
    }

    /// Reads from the JSON API.
    pub(crate) async fn get(&self, path: &str, token: &str) -> Value {
        let request = http().get(format!("{}/api/v1{path}", self.base)).bearer_auth(token);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        response.json().await.unwrap()
    }

    /// Signs somebody in without a browser: the access token, and the refresh cookie as a `Cookie` line.
    pub(crate) async fn signed_in(&self, username: &str, device: &str) -> (String, String) {
        let body = json!({ "identifier": username, "password": self.password(username), "device_label": device });
        let mut response = self.post("/sign-in", None, &body).await;
        assert_eq!(response.status(), 200);
        let mut refresh = refresh_cookie(&response);
        let mut answer: Value = response.json().await.unwrap();
        if answer["outcome"] == "second_factor" {
            let code = self.code(username).await;
            let body = json!({ "transaction": answer["transaction"], "method": "totp", "code": code });
            response = self.post("/sign-in/second-factor", None, &body).await;
            assert_eq!(response.status(), 200);
            refresh = refresh_cookie(&response);
            answer = response.json().await.unwrap();
        }
        (answer["access_token"].as_str().unwrap().to_owned(), refresh.unwrap())
    }

    /// What a refresh cookie is answered.
    pub(crate) async fn refresh(&self, cookie: &str) -> u16 {
        let request = http().post(format!("{}/api/v1/session/refresh", self.base)).header("cookie", cookie);
        request.send().await.unwrap().status().as_u16()
    }

    /// Invites somebody; the link in the mail.
    pub(crate) async fn invited(&self) -> String {
        self.invited_as(None).await
    }

    /// Invites Lena Marsh, who gets this role, by the administrator; the link in the mail.
    pub(crate) async fn invited_as(&self, role: Option<&str>) -> String {
        let (token, _) = self.signed_in("admin", "a terminal").await;
        let grants: Vec<Value> =
            role.iter().map(|role| json!({ "role": role, "reason": "begins on Monday" })).collect();
        let new = json!({ "username": "lena.marsh", "display_name": "Lena Marsh", "email": "lena@healthcare.example",
            "grants": grants });
        let response = self.post("/users", Some(&token), &new).await;
        assert_eq!(response.status(), 201, "{}", response.text().await.unwrap());
        let request = http().get(format!("{}/mail", self.base)).header("accept", "application/json");
        let mail: Value = request.send().await.unwrap().json().await.unwrap();
        let text = mail[0]["text"].as_str().unwrap();
        text.lines().find(|line| line.contains("/invitation?token=")).expect("a link").to_owned()
    }

    /// An administrator requires a new password of somebody.
    pub(crate) async fn require_password_change(&self, username: &str) {
        let (token, _) = self.signed_in("admin", "a terminal").await;
        let path = format!("/users/{}/require-password-change", self.id_of(username).await);
        let response = self.post(&path, Some(&token), &json!({ "reason": "it stood on a note" })).await;
        assert_eq!(response.status(), 200, "{}", response.text().await.unwrap());
    }

    /// The id of somebody.
    pub(crate) async fn id_of(&self, username: &str) -> String {
        let (token, _) = self.signed_in("admin", "a terminal").await;
        let found = self.get("/users?limit=200", &token).await;
        let person = found["items"].as_array().unwrap().iter().find(|person| person["username"] == username).unwrap();
        person["id"].as_str().unwrap().to_owned()
    }

    /// What the audit log has, newest first: type, reason, who did it.
    pub(crate) async fn events(&self) -> Vec<Value> {
        let (token, _) = self.signed_in("admin", "a terminal").await;
        let found = self.get("/audit/events?limit=200", &token).await;
        found["items"].as_array().unwrap().clone()
    }

    /// Minutes pass: everybody signed in that much earlier.
    pub(crate) fn sign_ins_were_minutes_ago(&self, minutes: i64) {
        let file = self.folder.path().join("demo/database/bailiwick.db");
        let database = rusqlite::Connection::open(file).unwrap();
        database.busy_timeout(Duration::from_secs(20)).unwrap();
        // Both at once, for a sign-in that is older than the account's epoch counts no more.
        let earlier = [minutes * 60_000_000];
        database.execute("UPDATE \"user\" SET tokens_not_before = tokens_not_before - ?1", earlier).unwrap();
        assert!(database.execute("UPDATE session SET auth_at = auth_at - ?1", earlier).unwrap() > 0);
    }
}

fn refresh_cookie(response: &reqwest::Response) -> Option<String> {
    let lines = response.headers().get_all("set-cookie").iter().map(|line| line.to_str().unwrap());
    let line = lines.into_iter().find(|line| line.starts_with("__Host-bailiwick-refresh="))?;
    Some(line.split(';').next().unwrap().to_owned())
}

pub(crate) fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap()
}
