//! Chromium through chromedriver, each test with a profile of its own. Whatever happens in the test, both are ended.

use std::cell::RefCell;
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

/// Chromium with a profile of its own. What its console says against us fails the test, unless it was expected.
pub(crate) struct Browser {
    pub(crate) driver: WebDriver,
    expected: RefCell<Vec<&'static str>>,
    found: RefCell<Vec<String>>,
}

/// Runs a test with a browser, and ends the browser whether or not the test fails.
pub(crate) async fn with_browser(test: impl AsyncFnOnce(&Browser)) {
    with(&[&[]], async |browsers: &[Browser]| test(&browsers[0]).await).await;
}

/// The same with two that share nothing: two devices.
pub(crate) async fn with_two_browsers(test: impl AsyncFnOnce(&Browser, &Browser)) {
    with(&[&[], &[]], async |browsers: &[Browser]| test(&browsers[0], &browsers[1]).await).await;
}

/// The same with one browser for each list of further arguments.
pub(crate) async fn with(arguments: &[&[String]], test: impl AsyncFnOnce(&[Browser])) {
    let folder = Folder::new();
    let (mut chromedriver, port) = chromedriver(folder.path()).await;
    let mut browsers = Vec::new();
    for (number, arguments) in arguments.iter().enumerate() {
        browsers.push(Browser::start(port, &folder.path().join(number.to_string()), arguments).await);
    }
    let done = AssertUnwindSafe(async {
        test(&browsers).await;
        for browser in &browsers {
            let complaints = browser.all_complaints().await;
            assert!(complaints.is_empty(), "the console says: {complaints:#?}");
        }
    });
    let done = done.catch_unwind().await;
    for browser in browsers {
        let _ = browser.driver.quit().await;
    }
    let _ = chromedriver.kill().await;
    if let Err(panic) = done {
        std::panic::resume_unwind(panic);
    }
}

async fn chromedriver(profile: &Path) -> (Child, u16) {
    let mut command = Command::new("chromedriver");
    command.args(["--port=0"]).current_dir(profile).kill_on_drop(true);
    // Whoever works here in another language still tests what an English browser is shown.
    command.env("LC_ALL", "C.UTF-8").env_remove("LANGUAGE");
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
    async fn start(port: u16, profile: &Path, further: &[String]) -> Self {
        let profile = format!("--user-data-dir={}", profile.display());
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
            // As on a telephone; in a picture of the whole page they would be cut off.
            "--hide-scrollbars",
            "--window-size=1280,900",
            &profile,
        ];
        let arguments: Vec<&str> = arguments.into_iter().chain(further.iter().map(String::as_str)).collect();
        let capabilities = json!({ "browserName": "chrome", "goog:loggingPrefs": { "browser": "ALL" },
            "goog:chromeOptions": { "args": arguments } });
        let Value::Object(capabilities) = capabilities else { unreachable!() };
        let driver = WebDriver::new(format!("http://127.0.0.1:{port}"), Capabilities::from(capabilities));
        let driver = driver.await.expect("Chromium: apt-get install chromium chromium-driver");
        let browser = Self { driver, expected: RefCell::default(), found: RefCell::default() };
        // The console has violations already; this says which rule, and works for those that are only reported.
        let script = "addEventListener('securitypolicyviolation',
            e => console.error(`policy violated: ${e.effectiveDirective} ${e.blockedURI} ${e.sourceFile}:${e.lineNumber}`))";
        browser.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": script })).await;
        browser
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

    /// Waits until the page has something like this: texts differ between languages.
    pub(crate) async fn arrives_at(&self, selector: &str) {
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

    /// Gives a name and a password, by keyboard alone.
    pub(crate) async fn begins_sign_in(&self, base: &str, username: &str, password: &str) {
        self.open(&format!("{base}/sign-in")).await;
        self.focuses("identifier").await;
        self.types(username).await;
        self.press(Key::Tab).await;
        assert_eq!(self.focused_name().await, "password");
        self.types(password).await;
        // Past the button that shows the password, which there is with a script.
        self.press(Key::Tab).await;
        if self.focused().await.attr("type").await.unwrap().as_deref() == Some("button") {
            self.press(Key::Tab).await;
        }
        assert_eq!(self.focused().await.tag_name().await.unwrap(), "button");
        self.press(Key::Enter).await;
    }

    /// Signs in by keyboard alone, and waits for the account.
    pub(crate) async fn signs_in(&self, base: &str, username: &str, password: &str) {
        self.begins_sign_in(base, username, password).await;
        self.arrives("/account").await;
    }

    /// Waits until this field has the focus: a page sets it when it is first drawn, which is after it was loaded.
    pub(crate) async fn focuses(&self, name: &str) {
        for _ in 0..PATIENCE.as_millis() / TICK.as_millis() {
            if self.focused_name().await == name {
                return;
            }
            tokio::time::sleep(TICK).await;
        }
        panic!("{name} does not get the focus: {}", self.text().await);
    }

    /// The name of the field that has the focus.
    pub(crate) async fn focused_name(&self) -> String {
        self.focused().await.attr("name").await.unwrap().unwrap_or_default()
    }

    /// Types into the field that has the focus and must have this name, and presses Enter.
    pub(crate) async fn enters(&self, name: &str, text: impl Into<String>) {
        self.focuses(name).await;
        self.types(text).await;
        self.press(Key::Enter).await;
    }

    /// The same, and waits for the page that answers: it may look like the one before.
    pub(crate) async fn enters_and_leaves(&self, name: &str, text: impl Into<String>) {
        self.evaluate("window.before = true").await;
        self.enters(name, text).await;
        for _ in 0..PATIENCE.as_millis() / TICK.as_millis() {
            let ready = "return window.before !== true && document.readyState === 'complete'";
            if self.driver.execute(ready, Vec::new()).await.is_ok_and(|answer| answer.json() == true) {
                return;
            }
            tokio::time::sleep(TICK).await;
        }
        panic!("no answer to the form: {}", self.text().await);
    }

    /// Goes to a link or button by Tab and presses Enter.
    pub(crate) async fn follows(&self, label: &str) {
        self.tabs_to(label).await;
        self.press(Key::Enter).await;
    }

    /// The texts of all elements that a selector finds.
    pub(crate) async fn texts(&self, selector: &str) -> Vec<String> {
        let mut texts = Vec::new();
        for element in self.driver.find_all(By::Css(selector)).await.unwrap() {
            texts.push(element.text().await.unwrap());
        }
        texts
    }

    /// The status of the page that is open.
    pub(crate) async fn status(&self) -> Value {
        self.evaluate("return performance.getEntriesByType('navigation')[0].responseStatus").await
    }

    /// The value of a cookie.
    pub(crate) async fn cookie(&self, name: &str) -> Option<String> {
        let all = self.driver.get_all_cookies().await.unwrap();
        all.into_iter().find(|cookie| cookie.name == name).map(|cookie| cookie.value)
    }

    /// From now on it asks for pages in this language.
    pub(crate) async fn speaks(&self, language: &str) {
        let agent = self.evaluate("return navigator.userAgent").await;
        let parameters = json!({ "userAgent": agent, "acceptLanguage": language });
        self.devtools("Emulation.setUserAgentOverride", parameters).await;
    }

    /// The console may say this: a page with the status of its refusal is one that "failed to load".
    pub(crate) fn expects(&self, text: &'static str) {
        self.expected.borrow_mut().push(text);
    }

    /// What the console has against us since it was asked last: errors, warnings, violations of the policy.
    pub(crate) async fn complaints(&self) -> Vec<String> {
        let entries = self.driver.browser_log().await.unwrap();
        let bad = entries.into_iter().filter(|entry| matches!(entry.level.as_str(), "SEVERE" | "WARNING"));
        let expected = self.expected.borrow();
        let new: Vec<String> =
            bad.map(|entry| entry.message).filter(|text| !expected.iter().any(|word| text.contains(word))).collect();
        self.found.borrow_mut().extend(new.iter().cloned());
        new
    }

    /// Forgets what the console says now: it is the test's own doing.
    pub(crate) async fn forgets_its_console(&self) {
        self.driver.browser_log().await.unwrap();
    }

    async fn all_complaints(&self) -> Vec<String> {
        self.complaints().await;
        self.found.take()
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
