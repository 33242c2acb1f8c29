//! Chromium through chromedriver, each test with a profile of its own. Whatever happens in the test, both are ended.

use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use futures_util::FutureExt as _;
use serde_json::{Value, json};
use testkit::Folder;
use thirtyfour::{By, Capabilities, Key, WebDriver, WebElement};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// Longer than any page takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
const TICK: Duration = Duration::from_millis(50);

/// axe-core, see vendor/README.md.
const AXE: &str = include_str!("../../vendor/axe-core/axe.min.js");

/// A browser with one window.
pub(crate) struct Browser {
    pub(crate) driver: WebDriver,
}

/// Runs a test with a browser, and ends the browser whether or not the test fails.
pub(crate) async fn with_browser(test: impl AsyncFnOnce(&Browser)) {
    let profile = Folder::new();
    let (mut chromedriver, port) = chromedriver(profile.path()).await;
    let browser = Browser::start(port, profile.path()).await;
    let done = AssertUnwindSafe(test(&browser)).catch_unwind().await;
    let quit = browser.driver.quit().await;
    let _ = chromedriver.kill().await;
    if let Err(panic) = done {
        std::panic::resume_unwind(panic);
    }
    quit.unwrap();
}

async fn chromedriver(profile: &Path) -> (Child, u16) {
    let mut command = Command::new("chromedriver");
    command.args(["--port=0"]).current_dir(profile).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("chromedriver: apt-get install chromium-driver");
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    loop {
        let line = tokio::time::timeout(PATIENCE, lines.next_line()).await.expect("chromedriver started");
        let line = line.unwrap().expect("chromedriver says its port");
        if let Some((_, port)) = line.split_once("successfully on port ") {
            // Somebody must go on reading, or it would wait for us.
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return (child, port.trim_end_matches('.').parse().unwrap());
        }
    }
}

impl Browser {
    async fn start(port: u16, profile: &Path) -> Self {
        let profile = format!("--user-data-dir={}", profile.join("profile").display());
        // The pipe ends the browser when chromedriver is gone, however that ended.
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--remote-debugging-pipe",
            "--window-size=1280,900",
            &profile,
        ];
        let capabilities = json!({ "browserName": "chrome", "goog:loggingPrefs": { "browser": "ALL" },
            "goog:chromeOptions": { "args": arguments } });
        let Value::Object(capabilities) = capabilities else { unreachable!() };
        let driver = WebDriver::new(format!("http://127.0.0.1:{port}"), Capabilities::from(capabilities));
        Self { driver: driver.await.expect("Chromium: apt-get install chromium chromium-driver") }
    }

    pub(crate) async fn open(&self, url: &str) {
        self.driver.goto(url).await.unwrap();
    }

    pub(crate) async fn path(&self) -> String {
        self.driver.current_url().await.unwrap().path().to_owned()
    }

    /// Waits until the address has this path.
    pub(crate) async fn arrives(&self, path: &str) {
        for _ in 0..PATIENCE.as_millis() / TICK.as_millis() {
            if self.path().await == path {
                return;
            }
            tokio::time::sleep(TICK).await;
        }
        panic!("not at {path}, but at {}: {}", self.path().await, self.text().await);
    }

    /// What stands on the page.
    pub(crate) async fn text(&self) -> String {
        self.driver.find(By::Css("body")).await.unwrap().text().await.unwrap()
    }

    /// Waits until this stands on the page.
    pub(crate) async fn shows(&self, text: &str) {
        for _ in 0..PATIENCE.as_millis() / TICK.as_millis() {
            // The page may be going away at this moment.
            let body = self.driver.find(By::Css("body")).await;
            let shown = match &body {
                Ok(body) => body.text().await.unwrap_or_default(),
                Err(_) => String::new(),
            };
            if shown.contains(text) {
                return;
            }
            tokio::time::sleep(TICK).await;
        }
        panic!("{text:?} does not stand in: {}", self.text().await);
    }

    /// Waits until the page has something like this.
    pub(crate) async fn arrives_at(&self, selector: &'static str) {
        for _ in 0..PATIENCE.as_millis() / TICK.as_millis() {
            if self.driver.find(By::Css(selector)).await.is_ok() {
                return;
            }
            tokio::time::sleep(TICK).await;
        }
        panic!("nothing like {selector}: {}", self.text().await);
    }

    /// What has the focus.
    pub(crate) async fn focused(&self) -> WebElement {
        self.driver.active_element().await.unwrap()
    }

    /// Types into what has the focus, as a keyboard does.
    pub(crate) async fn types(&self, text: impl Into<String>) {
        let keys: String = text.into();
        self.driver.action_chain().send_keys(keys).perform().await.unwrap();
    }

    pub(crate) async fn press(&self, key: Key) {
        self.types(char::from(key).to_string()).await;
    }

    /// Goes on with Tab until something with this text or label has the focus.
    pub(crate) async fn tabs_to(&self, label: &str) {
        for _ in 0..40 {
            let focused = self.focused().await;
            let named = focused.attr("aria-label").await.unwrap().unwrap_or_default();
            if focused.text().await.unwrap().trim() == label || named == label {
                return;
            }
            self.press(Key::Tab).await;
        }
        panic!("no Tab leads to {label:?}");
    }

    /// Types a name and a password by keyboard alone.
    pub(crate) async fn begins_sign_in(&self, base: &str, username: &str, password: &str) {
        self.open(&format!("{base}/sign-in")).await;
        assert_eq!(self.focused().await.attr("name").await.unwrap().as_deref(), Some("identifier"));
        self.types(username).await;
        self.press(Key::Tab).await;
        assert_eq!(self.focused().await.attr("name").await.unwrap().as_deref(), Some("password"));
        self.types(password).await;
        // Past the button that shows the password.
        self.press(Key::Tab).await;
        assert_eq!(self.focused().await.attr("type").await.unwrap().as_deref(), Some("button"));
        self.press(Key::Tab).await;
        assert_eq!(self.focused().await.tag_name().await.unwrap(), "button");
        self.press(Key::Enter).await;
    }

    /// Signs in somebody without a second factor by keyboard alone, and waits for the account.
    pub(crate) async fn signs_in(&self, base: &str, username: &str, password: &str) {
        self.begins_sign_in(base, username, password).await;
        self.arrives("/account").await;
    }

    /// From now on pages are asked for in this language.
    pub(crate) async fn speaks(&self, language: &str) {
        self.devtools("Network.enable", json!({})).await;
        let headers = json!({ "headers": { "Accept-Language": language } });
        self.devtools("Network.setExtraHTTPHeaders", headers).await;
    }

    /// What the console has against us since it was asked last: errors, warnings, violations of the policy. Some may be expected.
    pub(crate) async fn complaints(&self, expected: &[&str]) -> Vec<String> {
        let entries = self.driver.browser_log().await.unwrap();
        let bad = entries.into_iter().filter(|entry| matches!(entry.level.as_str(), "SEVERE" | "WARNING"));
        bad.map(|entry| entry.message).filter(|text| !expected.iter().any(|word| text.contains(word))).collect()
    }

    pub(crate) async fn devtools(&self, command: &str, parameters: Value) -> Value {
        self.driver.cdp().send_raw(command, parameters).await.unwrap()
    }

    pub(crate) async fn evaluate(&self, script: &str) -> Value {
        self.driver.execute(script, Vec::new()).await.unwrap().json().clone()
    }

    /// A picture of the whole page.
    pub(crate) async fn picture(&self, file: &Path) {
        let shot = self.devtools("Page.captureScreenshot", json!({ "captureBeyondViewport": true })).await;
        let bytes = base64::engine::general_purpose::STANDARD.decode(shot["data"].as_str().unwrap()).unwrap();
        std::fs::write(file, bytes).unwrap();
    }

    /// What axe-core finds, a line each.
    pub(crate) async fn axe(&self) -> Vec<String> {
        self.driver.execute(AXE, Vec::new()).await.unwrap();
        let script = "const done = arguments[0]; axe.run(document, { resultTypes: ['violations'] }).then(
            r => done(r.violations.map(v => v.id + ': ' + v.help + ' at ' + v.nodes.map(n => n.target.join(' ') + ' — ' + n.failureSummary).join('; '))),
            e => done(['axe itself failed: ' + e]))";
        let found = self.driver.execute_async(script, Vec::new()).await.unwrap().json().clone();
        found.as_array().unwrap().iter().map(|line| line.as_str().unwrap().to_owned()).collect()
    }
}
