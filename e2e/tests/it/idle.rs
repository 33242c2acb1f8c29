//! True idle in Chromium: polling ends in a locked screen at fifteen minutes, typing keeps the session, tabs know of each other.
//!
//! The server runs in this process, so that its clock can be moved; the browser's own is moved with it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{ConnectInfo, Request};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse as _};
use serde_json::json;
use testkit::TestApp;
use thirtyfour::By;

use crate::browser::{Browser, with_browser};

const MINUTE: Duration = Duration::from_secs(60);

/// A server whose clock stands still until it is moved.
struct Ward {
    app: TestApp,
    base: String,
    calls: Arc<Mutex<Vec<String>>>,
    /// Answers 503 to whoever tells of activity, or asks how it stands.
    away: Arc<AtomicBool>,
}

/// An application behind the same origin, which watches over the session with our module.
const BOARD: &str = "<!doctype html><html lang=en><title>Ward board</title><link rel=icon href='data:,'><h1>Ward board</h1><p id=state>works</p>
<script type=module>
import { watchSession } from '/assets/idle.js';
const refreshed = await (await fetch('/api/v1/session/refresh', { method: 'POST' })).json();
const say = (text) => { document.getElementById('state').textContent = text; };
await watchSession({ bearer: () => refreshed.access_token, warn: () => say('soon'), back: () => say('works'), locked: () => say('locked') });
document.body.dataset.watches = 'yes';
</script>";

impl Ward {
    async fn open() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://localhost:{}", listener.local_addr().unwrap().port());
        let url = base.clone();
        let app = TestApp::new().await.node(|settings, config| {
            settings.base_url.clone_from(&url);
            config.base_url = url;
        });
        let calls = Arc::new(Mutex::new(Vec::new()));
        let away = Arc::new(AtomicBool::new(false));
        let (server, heard, gone) = (app.clone(), Arc::clone(&calls), Arc::clone(&away));
        let answer = move |mut request: Request| {
            let (server, heard, gone) = (server.clone(), Arc::clone(&heard), Arc::clone(&gone));
            async move {
                let path = request.uri().path().to_owned();
                heard.lock().unwrap().push(format!("{} {path}", request.method()));
                if path == "/board" {
                    return Html(BOARD).into_response();
                }
                if path == "/account/activity" && gone.load(Ordering::SeqCst) {
                    return StatusCode::SERVICE_UNAVAILABLE.into_response();
                }
                let peer: SocketAddr = "127.0.0.1:50000".parse().unwrap();
                request.extensions_mut().insert(ConnectInfo(peer));
                server.answer(request).await
            }
        };
        tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(answer)).await });
        Self { app, base, calls, away }
    }

    fn calls(&self, call: &str) -> usize {
        self.calls.lock().unwrap().iter().filter(|one| *one == call).count()
    }

    /// Time passes, here and in all tabs.
    async fn passes(&self, browser: &Browser, time: Duration) {
        self.app.advance(time);
        let script = format!(
            "localStorage.setItem('later', Number(localStorage.getItem('later')) + {});
             dispatchEvent(new Event('focus'))",
            time.as_millis()
        );
        browser.evaluate(&script).await;
    }

    async fn signs_in(&self, browser: &Browser, username: &str) {
        moves_its_clock(browser).await;
        browser.signs_in(&self.base, username, &self.app.password("main", username)).await;
        // Chromedriver may press the Enter of the form once more on the page that answers, which is told as what it is. The tests begin after that.
        browser.open(&format!("{}/assets/logo.svg", self.base)).await;
        browser.evaluate("localStorage.clear()").await;
        browser.open(&format!("{}/account", self.base)).await;
        watches(browser).await;
        self.calls.lock().unwrap().clear();
    }

    /// A key is pressed, and told to the server, which has been told as often as this by then; the page knows the answer.
    async fn hears(&self, browser: &Browser, call: &str, times: usize) {
        browser.types("a").await;
        let fresh = "return Object.entries(localStorage).some(([key, value]) =>
            key.startsWith('bailiwick-idle ') && JSON.parse(value).deadline > Date.now() + 14 * 60000)";
        until(browser, "the key is told", fresh).await;
        assert_eq!(self.calls(call), times);
    }
}

/// The clock of this tab, in pages that it loads from now on, is that of the test.
async fn moves_its_clock(browser: &Browser) {
    let clock = "{ const now = Date.now; Date.now = () => now() + Number(localStorage.getItem('later')); }";
    browser.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": clock })).await;
}

/// Asks until a script says `true`; nothing is waited for that is there.
async fn until(browser: &Browser, what: &str, script: &str) {
    for _ in 0..400 {
        if browser.evaluate(script).await == true {
            return;
        }
        tokio::time::sleep(MINUTE / 1200).await;
    }
    panic!("{what}: {}", browser.text().await);
}

/// The page's script has asked how it stands.
async fn watches(browser: &Browser) {
    let asked = "return Object.keys(localStorage).some((key) => key.startsWith('bailiwick-idle '))";
    until(browser, "nobody watches", asked).await;
}

/// What a page does that keeps its screen fresh: fetches pages and tokens.
async fn polls(browser: &Browser) -> i64 {
    let script = "const done = arguments[0];
        Promise.all([fetch('/account'), fetch('/api/v1/session/refresh', { method: 'POST' }), fetch('/account/activity')])
          .then(([, refreshed]) => done(refreshed.status))";
    browser.driver.execute_async(script, Vec::new()).await.unwrap().json().as_i64().unwrap()
}

/// Whatever a tab had to tell is told: whoever tells holds the lock meanwhile.
async fn told(browser: &Browser) {
    let idle =
        "const done = arguments[0], key = Object.keys(localStorage).find((one) => one.startsWith('bailiwick-idle '));
        navigator.locks.request(key, () => {}).then(() => done(true))";
    browser.driver.execute_async(idle, Vec::new()).await.unwrap();
}

const LOCKED: &str = "return document.getElementById('state').textContent === 'locked'";
const OPEN: &str = "return document.querySelector('dialog[open]') !== null";
const CLOSED: &str = "return document.querySelector('dialog[open]') === null";

#[tokio::test]
async fn in_the_browser_polling_for_sixteen_minutes_ends_in_a_locked_screen_at_fifteen() {
    let ward = Ward::open().await;
    with_browser(async |browser: &Browser| {
        browser.expects("status of 401");
        ward.signs_in(browser, "nurse").await;
        for _ in 1..14 {
            ward.passes(browser, MINUTE).await;
            assert_eq!(polls(browser).await, 200);
            // What a script makes is nobody's doing.
            browser.evaluate("dispatchEvent(new KeyboardEvent('keydown', { key: 'a' }))").await;
        }
        assert_eq!(browser.evaluate(CLOSED).await, true);
        ward.passes(browser, MINUTE).await;
        until(browser, "it warns a minute before", OPEN).await;
        assert!(browser.text().await.contains("Are you still there?"));
        assert_eq!(browser.focused().await.text().await.unwrap(), "I am here");
        assert_eq!(browser.axe().await, Vec::<String>::new());
        browser.forgets_its_console().await;
        assert_eq!(polls(browser).await, 200);

        ward.passes(browser, MINUTE).await;

        browser.arrives("/unlock").await;
        assert_eq!(ward.calls("POST /account/activity"), 0, "nobody acted");
        browser.shows("is signed in here").await;
        ward.app.advance(MINUTE);
        assert_eq!(polls(browser).await, 401);
        browser.enters("password", ward.app.password("main", "nurse")).await;
        browser.arrives("/account").await;
        assert!(browser.text().await.contains("The nurse"));
    })
    .await;
}

#[tokio::test]
async fn in_the_browser_typing_keeps_the_session_and_one_tab_speaks_for_all() {
    let ward = Ward::open().await;
    with_browser(async |browser: &Browser| {
        ward.signs_in(browser, "nurse").await;
        let first = browser.driver.window().await.unwrap();
        let second = browser.driver.new_tab().await.unwrap();
        for round in 1..=6 {
            ward.passes(browser, MINUTE * 4).await;
            ward.hears(browser, "POST /account/activity", round).await;
            // More of it within the minute is not told.
            browser.types("bcd").await;
        }
        assert_eq!(ward.calls("POST /account/activity"), 6);
        assert_eq!(browser.path().await, "/account", "after twenty-four minutes");

        browser.driver.switch_to_window(second.clone()).await.unwrap();
        moves_its_clock(browser).await;
        browser.open(&format!("{}/account", ward.base)).await;
        watches(browser).await;
        ward.passes(browser, MINUTE * 14 + MINUTE / 2).await;
        until(browser, "the second tab warns", OPEN).await;
        browser.driver.switch_to_window(first.clone()).await.unwrap();
        until(browser, "the first one too", OPEN).await;
        browser.driver.find(By::Css("dialog button")).await.unwrap().click().await.unwrap();
        until(browser, "somebody is there", CLOSED).await;
        browser.driver.switch_to_window(second).await.unwrap();
        until(browser, "the second tab knows", CLOSED).await;
        // A key there within the same minute is not told.
        browser.types("a").await;
        told(browser).await;
        assert_eq!(ward.calls("POST /account/activity"), 7);
        ward.passes(browser, MINUTE * 15).await;
        browser.arrives("/unlock").await;
        browser.driver.switch_to_window(first).await.unwrap();
        browser.arrives("/unlock").await;
    })
    .await;
}

#[tokio::test]
async fn in_the_browser_a_server_that_is_away_for_a_moment_locks_nobody_and_hears_later_that_somebody_acted() {
    let ward = Ward::open().await;
    with_browser(async |browser: &Browser| {
        browser.expects("status of 503");
        ward.signs_in(browser, "nurse").await;
        ward.passes(browser, MINUTE * 4).await;
        ward.hears(browser, "POST /account/activity", 1).await;
        // What is done within the minute is told at its end, and nobody is there to hear it.
        ward.passes(browser, MINUTE / 12).await;
        browser.types("a").await;
        told(browser).await;
        ward.away.store(true, Ordering::SeqCst);
        ward.passes(browser, MINUTE).await;
        while ward.calls("POST /account/activity") == 1 {
            tokio::time::sleep(MINUTE / 1200).await;
        }
        told(browser).await;
        ward.away.store(false, Ordering::SeqCst);
        ward.passes(browser, MINUTE / 5).await;
        let fresh = "return Object.entries(localStorage).some(([key, value]) =>
            key.startsWith('bailiwick-idle ') && JSON.parse(value).deadline > Date.now() + 14.9 * 60000)";
        until(browser, "it is told after all", fresh).await;
        assert_eq!((ward.calls("POST /account/activity"), browser.path().await.as_str()), (3, "/account"));

        ward.away.store(true, Ordering::SeqCst);
        ward.passes(browser, MINUTE * 15).await;
        browser.arrives("/unlock").await;
    })
    .await;
}

#[tokio::test]
async fn in_the_browser_an_application_with_our_module_counts_input_and_locks() {
    let ward = Ward::open().await;
    with_browser(async |browser: &Browser| {
        browser.expects("status of 401");
        ward.signs_in(browser, "nurse").await;
        browser.open(&format!("{}/board", ward.base)).await;
        until(browser, "it watches", "return document.body.dataset.watches === 'yes'").await;
        let first = browser.driver.window().await.unwrap();
        let second = browser.driver.new_tab().await.unwrap();
        for round in 1..=2 {
            ward.passes(browser, MINUTE * 3).await;
            ward.hears(browser, "POST /api/v1/session/activity", round).await;
            browser.types("b").await;
        }
        browser.driver.switch_to_window(second.clone()).await.unwrap();
        moves_its_clock(browser).await;
        browser.open(&format!("{}/board", ward.base)).await;
        until(browser, "it watches too", "return document.body.dataset.watches === 'yes'").await;
        ward.passes(browser, MINUTE * 3).await;
        ward.hears(browser, "POST /api/v1/session/activity", 3).await;
        browser.driver.switch_to_window(first.clone()).await.unwrap();
        browser.types("c").await;
        told(browser).await;
        // Each asked once how it stands; since then one of them tells for both, and its answer says the rest.
        assert_eq!(ward.calls("POST /api/v1/session/activity"), 3);
        assert_eq!(ward.calls("GET /api/v1/session"), 2);
        assert_eq!(browser.texts("#state").await, ["works"]);

        // Its bearer is ten minutes old by then: what cannot ask any more shows a locked screen.
        ward.passes(browser, MINUTE * 15).await;

        until(browser, "it locks", LOCKED).await;
        browser.driver.switch_to_window(second).await.unwrap();
        until(browser, "in both tabs", LOCKED).await;
        browser.open(&format!("{}/board", ward.base)).await;
        until(browser, "and whoever comes later hears it at once", LOCKED).await;
        assert_eq!(polls(browser).await, 401);
    })
    .await;
}

#[tokio::test]
async fn in_the_browser_whoever_signs_in_in_another_tab_takes_the_first_ones_page_away() {
    let ward = Ward::open().await;
    with_browser(async |browser: &Browser| {
        browser.expects("status of 4");
        ward.signs_in(browser, "nurse").await;
        browser.shows("The nurse").await;
        let first = browser.driver.window().await.unwrap();
        let second = browser.driver.new_tab().await.unwrap();
        browser.driver.switch_to_window(second).await.unwrap();
        moves_its_clock(browser).await;

        // Her session lives, and nobody has locked it.
        browser.signs_in(&ward.base, "billing", &ward.app.password("main", "billing")).await;
        browser.shows("The billing").await;
        watches(browser).await;

        browser.driver.switch_to_window(first).await.unwrap();
        browser.shows("The billing").await;
        assert!(!browser.text().await.contains("The nurse"), "nothing of hers stays on the screen");
        browser.open(&format!("{}/sign-in", ward.base)).await;
        browser.shows("The nurse").await;
        assert_eq!(browser.axe().await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test]
async fn in_the_browser_two_people_change_places_at_a_workstation() {
    let ward = Ward::open().await;
    with_browser(async |browser: &Browser| {
        browser.expects("status of 4");
        ward.signs_in(browser, "nurse").await;
        ward.passes(browser, MINUTE * 15).await;
        browser.arrives("/unlock").await;
        assert_eq!(browser.axe().await, Vec::<String>::new());
        browser.forgets_its_console().await;
        browser.follows("Someone else signs in").await;
        browser.arrives("/sign-in").await;
        browser.shows("Who can go on here").await;
        assert_eq!(browser.axe().await, Vec::<String>::new());
        browser.forgets_its_console().await;
        browser.types("billing").await;
        browser.driver.find(By::Name("password")).await.unwrap().focus().await.unwrap();
        browser.enters("password", ward.app.password("main", "billing")).await;
        browser.arrives("/account").await;
        browser.shows("The billing").await;
        watches(browser).await;

        ward.passes(browser, MINUTE * 31).await;
        browser.arrives("/unlock").await;
        browser.shows("The billing").await;
        browser.follows("Go on as The nurse").await;
        browser.shows("The nurse is signed in here").await;
        browser.enters("password", "not hers").await;
        browser.shows("This is not your present password").await;
        browser.enters("password", ward.app.password("main", "nurse")).await;
        browser.arrives("/account").await;
        browser.shows("The nurse").await;
        // In German and with dark colours it is whole too.
        browser.speaks("de").await;
        ward.passes(browser, MINUTE * 15).await;
        browser.arrives("/unlock").await;
        browser.shows("Gesperrt").await;
        assert_eq!(browser.axe().await, Vec::<String>::new());
        browser.forgets_its_console().await;
    })
    .await;
}
