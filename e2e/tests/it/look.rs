//! Every page in light and dark, narrow and wide: axe-core finds nothing, nothing stands out at the side, the console is silent. What was seen is in
//! `e2e/screenshots`.

use std::path::Path;

use serde_json::json;
use thirtyfour::{By, Key};

use crate::browser::{Browser, with_browser};
use crate::demo::Demo;

/// What is wrong with the page that is open, in all four settings.
async fn faults(browser: &Browser, name: &str, expected: &[&str]) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("screenshots");
    std::fs::create_dir_all(&folder).unwrap();
    // axe puts styles of its own into the page, which the policy refuses: the console is read before.
    let mut faults = browser.complaints(expected).await;
    for (scheme, width) in [("light", 360), ("light", 1440), ("dark", 360), ("dark", 1440)] {
        let size = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
        browser.devtools("Emulation.setDeviceMetricsOverride", size).await;
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        browser.devtools("Emulation.setEmulatedMedia", features).await;
        browser.picture(&folder.join(format!("{name}-{scheme}-{width}.png"))).await;
        let wider = browser
            .evaluate("return document.scrollingElement.scrollWidth - document.documentElement.clientWidth")
            .await;
        if wider != 0 {
            faults.push(format!("{wider} pixels stand out at {width}"));
        }
        faults.extend(browser.axe().await.into_iter().map(|found| format!("{scheme} {width}: {found}")));
    }
    browser.complaints(&[""]).await;
    faults.into_iter().map(|fault| format!("{name}: {fault}")).collect()
}

/// The pages that lead on from an account; the sign-in was a moment ago.
async fn of_an_account(browser: &Browser, demo: &Demo, tongue: &str) -> Vec<String> {
    let mut all = Vec::new();
    for (name, path) in [
        ("password", "/account/password"),
        ("confirm", "/account/confirm"),
        ("factor-new", "/account/second-factor/new"),
    ] {
        browser.open(&format!("{}{path}", demo.base)).await;
        all.extend(faults(browser, &format!("{name}{tongue}"), &[]).await);
    }
    browser.types("Tablet").await;
    browser.press(Key::Enter).await;
    browser.arrives_at("svg.qr").await;
    all.extend(faults(browser, &format!("factor-qr{tongue}"), &[]).await);
    browser.driver.find(By::Id("code")).await.unwrap().send_keys("000000").await.unwrap();
    browser.press(Key::Enter).await;
    browser.arrives_at("#code-error").await;
    all.extend(faults(browser, &format!("factor-wrong{tongue}"), &["status of 422"]).await);
    all
}

#[tokio::test]
async fn in_the_browser_a_second_factor_looks_whole_in_both_languages() {
    let demo = Demo::start().await;
    with_browser(async |browser: &Browser| {
        let mut all = Vec::new();
        browser.begins_sign_in(&demo.base, "physician", &demo.password("physician")).await;
        browser.arrives("/sign-in/second-factor").await;
        for (language, tongue) in [("en", ""), ("de", "-de")] {
            browser.speaks(language).await;
            browser.open(&format!("{}/sign-in/second-factor", demo.base)).await;
            all.extend(faults(browser, &format!("second-factor{tongue}"), &[]).await);
            browser.open(&format!("{}/sign-in", demo.base)).await;
            all.extend(faults(browser, &format!("sign-in-again{tongue}"), &[]).await);
        }
        assert!(all.is_empty(), "{}", all.join("\n"));
    })
    .await;
}

#[tokio::test]
async fn in_the_browser_every_page_is_whole_and_accessible() {
    let demo = Demo::start().await;
    let link = demo.invited().await;
    demo.signed_in("nurse", "Ward 3 tablet").await;
    with_browser(async |browser: &Browser| {
        let mut all = Vec::new();
        for (name, path) in [
            ("demo", "/"),
            ("mail", "/mail"),
            ("sign-in", "/sign-in"),
            ("problems", "/problems"),
            ("problem", "/problems/validation"),
        ] {
            browser.open(&format!("{}{path}", demo.base)).await;
            all.extend(faults(browser, name, &[]).await);
        }
        browser.open(&format!("{}/nothing", demo.base)).await;
        all.extend(faults(browser, "not-found", &["status of 404"]).await);
        browser.open(&link).await;
        all.extend(faults(browser, "invitation", &[]).await);
        browser.types("short").await;
        browser.press(Key::Enter).await;
        browser.shows("too short").await;
        all.extend(faults(browser, "invitation-short", &["status of 422"]).await);
        browser.open(&format!("{}/sign-in", demo.base)).await;
        browser.types("nurse").await;
        browser.press(Key::Tab).await;
        browser.types("wrong").await;
        browser.press(Key::Enter).await;
        browser.shows("That did not match").await;
        all.extend(faults(browser, "sign-in-wrong", &["status of 401"]).await);
        browser.signs_in(&demo.base, "nurse", &demo.password("nurse")).await;
        all.extend(faults(browser, "account", &[]).await);
        all.extend(of_an_account(browser, &demo, "").await);
        browser.speaks("de").await;
        all.extend(of_an_account(browser, &demo, "-de").await);
        browser.open(&format!("{}/account", demo.base)).await;
        all.extend(faults(browser, "account-de", &[]).await);
        browser.speaks("en").await;
        browser.open(&format!("{}/sign-out", demo.base)).await;
        all.extend(faults(browser, "sign-out", &[]).await);
        browser.tabs_to("Sign out").await;
        browser.press(Key::Enter).await;
        browser.shows("signed out").await;
        all.extend(faults(browser, "signed-out", &[]).await);
        assert!(all.is_empty(), "{}", all.join("\n"));
    })
    .await;
}
