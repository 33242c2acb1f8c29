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
    _folder: Folder,
    pub(crate) base: String,
    first: Value,
}

/// The program, beside this test's own.
fn program() -> PathBuf {
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
        Self { _child: child, _folder: folder, base, first }
    }

    pub(crate) fn password(&self, username: &str) -> String {
        let people = self.first["people"].as_array().unwrap();
        people.iter().find(|person| person["username"] == username).unwrap()["password"].as_str().unwrap().to_owned()
    }

    /// Signs somebody in without a browser: the access token, and the refresh cookie as a `Cookie` line.
    pub(crate) async fn signed_in(&self, username: &str, device: &str) -> (String, String) {
        let body = json!({ "identifier": username, "password": self.password(username), "device_label": device });
        let response = http().post(format!("{}/api/v1/sign-in", self.base)).json(&body).send().await.unwrap();
        assert_eq!(response.status(), 200);
        let response = self.second_factor(username, response).await;
        let cookies = response.headers().get_all("set-cookie").iter().map(|line| line.to_str().unwrap().to_owned());
        let refresh = cookies.into_iter().find(|line| line.starts_with("__Host-bailiwick-refresh=")).unwrap();
        let refresh = refresh.split(';').next().unwrap().to_owned();
        let answer: Value = response.json().await.unwrap();
        (answer["access_token"].as_str().unwrap().to_owned(), refresh)
    }

    /// Proves the second factor, if one is owed.
    async fn second_factor(&self, username: &str, response: reqwest::Response) -> reqwest::Response {
        if response.headers().contains_key("set-cookie") {
            return response;
        }
        let owed: Value = response.json().await.unwrap();
        let body = json!({ "transaction": owed["transaction"], "method": "totp", "code": self.code(username).await });
        http().post(format!("{}/api/v1/sign-in/second-factor", self.base)).json(&body).send().await.unwrap()
    }

    /// What somebody's authenticator shows now; it works once.
    pub(crate) async fn code(&self, username: &str) -> String {
        let request = http().get(format!("{}/demo/code?username={username}", self.base));
        request.send().await.unwrap().text().await.unwrap().trim().to_owned()
    }

    /// What a refresh cookie is answered.
    pub(crate) async fn refresh(&self, cookie: &str) -> u16 {
        let request = http().post(format!("{}/api/v1/session/refresh", self.base)).header("cookie", cookie);
        request.send().await.unwrap().status().as_u16()
    }

    /// Invites somebody; the link in the mail.
    pub(crate) async fn invited(&self) -> String {
        let (token, _) = self.signed_in("admin", "a terminal").await;
        let new = json!({ "username": "lena.marsh", "display_name": "Lena Marsh", "email": "lena@healthcare.example" });
        let request = http().post(format!("{}/api/v1/users", self.base)).bearer_auth(token).json(&new);
        assert_eq!(request.send().await.unwrap().status(), 201);
        let request = http().get(format!("{}/mail", self.base)).header("accept", "application/json");
        let mail: Value = request.send().await.unwrap().json().await.unwrap();
        let text = mail[0]["text"].as_str().unwrap();
        text.lines().find(|line| line.contains("/invitation?token=")).expect("a link").to_owned()
    }
}

fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap()
}
