//! Every page in light and dark, narrow and wide: axe-core finds nothing, nothing stands out at the side, the console is silent. What was seen is in
//! `e2e/screenshots`.

use std::path::Path;

use serde_json::json;
use thirtyfour::Key;

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
