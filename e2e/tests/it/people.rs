//! People at the pages.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use thirtyfour::{By, Key};

use crate::browser::{Browser, with_browser};
use crate::demo::Demo;

/// The browser has no cookie of ours that would open the account.
async fn is_nobody(browser: &Browser, base: &str) {
    browser.open(&format!("{base}/account")).await;
    assert_eq!(browser.path().await, "/sign-in", "{}", browser.text().await);
}

#[tokio::test]
async fn in_the_browser_a_keyboard_is_enough_to_sign_in_and_out() {
    let demo = Demo::start().await;
    with_browser(async |browser: &Browser| {
        browser.signs_in(&demo.base, "nurse", &demo.password("nurse")).await;

        let text = browser.text().await;
        for shown in
            ["nurse", "What you may do", "Nurse", "Where you are signed in", "Chrom", "This device", "Password"]
        {
            assert!(text.contains(shown), "{shown:?} is not in: {text}");
        }
        browser.tabs_to("Sign out").await;
        browser.press(Key::Enter).await;
        browser.shows("signed out").await;
        let left = browser.driver.get_all_cookies().await.unwrap();
        assert!(
            left.iter().all(|cookie| !cookie.name.contains("session") && !cookie.name.contains("refresh")),
            "{left:?}"
        );
        is_nobody(browser, &demo.base).await;
        // The page is not in a cache that the next person at this device could look into.
        for _ in 0..3 {
            browser.driver.back().await.unwrap();
            assert!(!browser.text().await.contains("What you may do"), "{}", browser.text().await);
        }
    })
    .await;
}

#[tokio::test]
async fn in_the_browser_a_wrong_password_is_said_where_it_is_typed_again() {
    let demo = Demo::start().await;
    with_browser(async |browser: &Browser| {
        browser.expects("status of 401");
        browser.open(&format!("{}/sign-in", demo.base)).await;
        browser.types("nurse").await;
        browser.press(Key::Tab).await;
        browser.types("not her password").await;
        browser.press(Key::Enter).await;
        browser.shows("That did not match").await;

        let status = "return performance.getEntriesByType('navigation')[0].responseStatus";
        assert_eq!(browser.evaluate(status).await, 401, "a page has the status of its refusal");
        let focused = browser.focused().await;
        assert_eq!(focused.attr("name").await.unwrap().as_deref(), Some("password"));
        assert_eq!(focused.attr("aria-describedby").await.unwrap().as_deref(), Some("problem"));
        assert_eq!(focused.value().await.unwrap().unwrap_or_default(), "", "the password is not sent back");
        let identifier = browser.driver.find(By::Name("identifier")).await.unwrap();
        assert_eq!(identifier.value().await.unwrap().as_deref(), Some("nurse"), "the name need not be typed again");

        browser.types(demo.password("nurse")).await;
        browser.press(Key::Enter).await;
        browser.arrives("/account").await;
    })
    .await;
}

#[tokio::test]
async fn in_the_browser_a_second_factor_is_typed_and_one_is_added() {
    let demo = Demo::start().await;
    with_browser(async |browser: &Browser| {
        browser.expects("status of 401");
        browser.begins_sign_in(&demo.base, "physician", &demo.password("physician")).await;
        browser.arrives("/sign-in/second-factor").await;
        browser.focuses("code").await;
        browser.types("000000").await;
        browser.press(Key::Enter).await;
        browser.shows("not accepted").await;
        let focused = browser.focused().await;
        assert_eq!(focused.attr("aria-describedby").await.unwrap().as_deref(), Some("code-error code-hint"));
        browser.types(demo.code("physician").await).await;
        browser.press(Key::Enter).await;
        browser.arrives("/account").await;

        browser.tabs_to("Add another one").await;
        browser.press(Key::Enter).await;
        browser.arrives("/account/second-factor/new").await;
        browser.types("Tablet").await;
        browser.press(Key::Enter).await;
        browser.shows("Scan with an authenticator app").await;
        assert!(browser.driver.find(By::Css("svg.qr path")).await.is_ok());
        let key = browser.driver.find(By::Css(".steps code")).await.unwrap().text().await.unwrap();
        assert_eq!(key.split_whitespace().map(str::len).collect::<Vec<_>>(), [4; 8], "{key}");
    })
    .await;
}

#[tokio::test]
async fn in_the_browser_a_password_is_shown_and_hidden_again_when_it_is_sent() {
    let demo = Demo::start().await;
    with_browser(async |browser: &Browser| {
        browser.open(&format!("{}/sign-in", demo.base)).await;
        browser.types("nurse").await;
        browser.press(Key::Tab).await;
        browser.types("secret").await;
        browser.tabs_to("Show password").await;
        browser.press(Key::Enter).await;
        let kind = "return document.getElementById('password').type";
        assert_eq!(browser.evaluate(kind).await, "text");
        assert_eq!(browser.focused().await.attr("aria-label").await.unwrap().as_deref(), Some("Hide password"));
        let sent = "const form = document.forms[0]; form.addEventListener('submit', event => event.preventDefault());
            form.requestSubmit(); return document.getElementById('password').type";
        assert_eq!(browser.evaluate(sent).await, "password", "not among what was typed as text");
    })
    .await;
}

/// A page of another site, served once for each request that comes.
fn other_site(page: String) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (Ok(mut stream), page) = (stream, page.clone()) else { return };
            // Browsers open connections that they may never use.
            std::thread::spawn(move || {
                let _ = stream.read(&mut [0; 4096]);
                let (kind, length) = ("text/html; charset=utf-8", page.len());
                let head = format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
                );
                let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(page.as_bytes()));
            });
        }
    });
    port
}

#[tokio::test]
async fn in_the_browser_a_form_of_another_origin_does_not_sign_in() {
    let demo = Demo::start().await;
    // Whoever gives away an account of their own wants to see what is entered there.
    let (base, password) = (&demo.base, demo.password("nurse"));
    let page = format!(
        "<!doctype html><html lang=en><title>x</title><form method=post action='{base}/sign-in'><input name=identifier value=nurse>\
         <input name=password value='{password}'><input name=csrf value=''><button>Win</button></form>"
    );
    let port = other_site(page);
    with_browser(async |browser: &Browser| {
        browser.expects("status of 403");
        // Another site, and another origin of the same site; with and without a flow of its own under way.
        for host in ["127.0.0.1", "localhost"] {
            browser.open(&format!("http://{host}:{port}/")).await;
            browser.driver.find(By::Css("button")).await.unwrap().click().await.unwrap();
            browser.shows("Nothing was changed").await;
            let cookies = browser.driver.get_all_cookies().await.unwrap();
            assert!(!cookies.iter().any(|cookie| cookie.name.contains("session")), "{cookies:?}");
            is_nobody(browser, &demo.base).await;
        }
        // Somebody signed in is not signed out by it either.
        browser.signs_in(&demo.base, "charge-nurse", &demo.password("charge-nurse")).await;
        browser.open(&format!("http://127.0.0.1:{port}/")).await;
        browser.driver.find(By::Css("button")).await.unwrap().click().await.unwrap();
        browser.shows("Nothing was changed").await;
        browser.open(&format!("{base}/account")).await;
        assert!(browser.text().await.contains("charge-nurse"), "{}", browser.text().await);
    })
    .await;
}

#[tokio::test]
async fn in_the_browser_another_device_is_ended_from_the_account() {
    let demo = Demo::start().await;
    let (_, tablet) = demo.signed_in("nurse", "Ward 3 tablet").await;
    with_browser(async |browser: &Browser| {
        browser.signs_in(&demo.base, "nurse", &demo.password("nurse")).await;
        assert!(browser.text().await.contains("Ward 3 tablet"));

        browser.tabs_to("End: Ward 3 tablet").await;
        browser.press(Key::Enter).await;

        browser.shows("That device is signed out").await;
        assert!(!browser.text().await.contains("Ward 3 tablet"));
        assert!(browser.text().await.contains("This device"), "the own session goes on");
        assert_eq!(demo.refresh(&tablet).await, 401);
    })
    .await;
}

#[tokio::test]
async fn in_the_browser_somebody_invited_chooses_a_password_and_signs_in() {
    let demo = Demo::start().await;
    let link = demo.invited().await;
    with_browser(async |browser: &Browser| {
        browser.expects("status of 422");
        browser.expects("status of 400");
        browser.open(&link).await;
        assert!(!browser.driver.current_url().await.unwrap().as_str().contains("token"), "the token left the address");
        browser.types("short").await;
        browser.press(Key::Enter).await;
        browser.shows("too short").await;
        assert_eq!(browser.focused().await.attr("aria-invalid").await.unwrap().as_deref(), Some("true"));
        browser.types("a quiet harbour at dawn").await;
        browser.press(Key::Enter).await;
        browser.shows("ign in").await;
        browser.signs_in(&demo.base, "lena.marsh", "a quiet harbour at dawn").await;
        assert!(browser.text().await.contains("Lena Marsh"));
        // Used, the link is said to be no longer valid.
        browser.open(&link).await;
        browser.types("another harbour at noon").await;
        browser.press(Key::Enter).await;
        browser.shows("not valid").await;
    })
    .await;
}
