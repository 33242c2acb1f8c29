//! Every page in light and dark, narrow and wide, English and German: axe-core finds nothing, nothing stands out at the side, the console is
//! silent. What was seen is in `e2e/screenshots`.

use std::path::Path;

use serde_json::json;
use thirtyfour::By;

use crate::browser::{Browser, with_browser};
use crate::demo::Demo;
use crate::second_factor::key_on_page;

const PASSWORD: &str = "a quiet harbour at dawn";

/// What is wrong with the pages that were seen.
pub(crate) struct Look<'b> {
    browser: &'b Browser,
    language: &'static str,
    faults: Vec<String>,
}

impl Look<'_> {
    /// Looks at the page that is open, in all four settings.
    pub(crate) async fn at(&mut self, name: &str) {
        let name = format!("{name}-{}", self.language);
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("screenshots");
        std::fs::create_dir_all(&folder).unwrap();
        let mut faults = Vec::new();
        // axe puts styles of its own into the page, which the policy refuses: the console is read before.
        self.browser.complaints().await;
        for (scheme, width) in [("light", 360), ("light", 1440), ("dark", 360), ("dark", 1440)] {
            let size = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
            self.browser.devtools("Emulation.setDeviceMetricsOverride", size).await;
            let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
            self.browser.devtools("Emulation.setEmulatedMedia", features).await;
            self.browser.picture(&folder.join(format!("{name}-{scheme}-{width}.png"))).await;
            let wider = self
                .browser
                .evaluate("return document.scrollingElement.scrollWidth - document.documentElement.clientWidth")
                .await;
            if wider != 0 {
                faults.push(format!("{wider} pixels stand out at {width}"));
            }
            faults.extend(self.browser.axe().await.into_iter().map(|found| format!("{scheme} {width}: {found}")));
        }
        let spoken = self.browser.evaluate("return document.documentElement.lang").await;
        if spoken != self.language {
            faults.push(format!("it speaks {spoken}"));
        }
        self.browser.forgets_its_console().await;
        self.faults.extend(faults.into_iter().map(|fault| format!("{name}: {fault}")));
    }
}

/// Looks at pages in a language, and fails with all that is wrong.
pub(crate) async fn looked_at(language: &'static str, walk: impl AsyncFnOnce(&Browser, &mut Look<'_>)) {
    with_browser(async |browser: &Browser| {
        browser.expects("status of 4");
        browser.speaks(language).await;
        let mut look = Look { browser, language, faults: Vec::new() };
        walk(browser, &mut look).await;
        assert!(look.faults.is_empty(), "{}", look.faults.join("\n"));
    })
    .await;
}

/// Goes to the field by its name, whatever the language.
async fn into(browser: &Browser, name: &str, text: &str) {
    browser.driver.find(By::Name(name)).await.unwrap().focus().await.unwrap();
    browser.enters(name, text).await;
}

/// Sends the form of the page, and waits for the answer.
async fn submits(browser: &Browser) {
    let form = browser.driver.find(By::Css("main .go")).await.unwrap();
    form.click().await.unwrap();
}

#[tokio::test]
async fn in_the_browser_pages_of_the_demo_are_whole_and_accessible() {
    let demo = Demo::start().await;
    demo.invited().await;
    looked_at("en", async |browser: &Browser, look: &mut Look<'_>| {
        for (name, path) in
            [("demo", "/"), ("mail", "/mail"), ("problems", "/problems"), ("problem", "/problems/validation")]
        {
            browser.open(&format!("{}{path}", demo.base)).await;
            look.at(name).await;
        }
    })
    .await;
}

/// From an invitation to a bound second factor, and signing in with it.
async fn the_doors(language: &'static str) {
    let demo = Demo::start().await;
    let link = demo.invited_as(Some("physician")).await;
    looked_at(language, async |browser: &Browser, look: &mut Look<'_>| {
        let base = &demo.base;
        browser.open(&format!("{base}/nothing")).await;
        look.at("error-not-found").await;
        browser.open(&format!("{base}/sign-in?x=1")).await;
        look.at("error-unusable").await;
        browser.open(&link).await;
        look.at("invitation").await;
        into(browser, "new_password", "short").await;
        browser.arrives_at(".error").await;
        look.at("invitation-short").await;
        into(browser, "new_password", PASSWORD).await;
        browser.arrives_at("main a.go").await;
        look.at("invitation-done").await;
        browser.open(&link).await;
        submits_new_password(browser).await;
        look.at("invitation-used").await;

        browser.open(&format!("{base}/sign-in")).await;
        look.at("sign-in").await;
        browser.begins_sign_in(base, "lena.marsh", "wrong").await;
        browser.arrives_at(".notice").await;
        look.at("sign-in-wrong").await;
        browser.begins_sign_in(base, "lena.marsh", PASSWORD).await;
        browser.arrives("/sign-in/enrol").await;
        look.at("enrol").await;
        into(browser, "code", "000000").await;
        browser.arrives_at(".error").await;
        look.at("enrol-wrong").await;
        let application = key_on_page(browser).await;
        into(browser, "code", &application.code().await).await;
        browser.arrives_at("ol.codes").await;
        look.at("recovery-codes").await;
        let codes = browser.texts("ol.codes li").await;

        browser.open(&format!("{base}/sign-out")).await;
        look.at("sign-out").await;
        submits(browser).await;
        browser.arrives_at("link[href$='/sign-out/cache']").await;
        look.at("signed-out").await;
        browser.begins_sign_in(base, "lena.marsh", PASSWORD).await;
        browser.arrives("/sign-in/second-factor").await;
        look.at("second-factor").await;
        into(browser, "code", "000000").await;
        browser.arrives_at(".error").await;
        look.at("second-factor-wrong").await;
        browser.open(&format!("{base}/sign-in/second-factor?method=recovery_code")).await;
        look.at("second-factor-recovery").await;
        into(browser, "code", "nonsense").await;
        browser.arrives_at(".error").await;
        look.at("second-factor-recovery-wrong").await;
        into(browser, "code", &codes[0]).await;
        browser.arrives_at("ol.codes").await;
        look.at("recovery-code-replaced").await;
    })
    .await;
}

async fn submits_new_password(browser: &Browser) {
    if browser.driver.find(By::Name("new_password")).await.is_ok() {
        into(browser, "new_password", "another harbour at noon").await;
        browser.arrives_at("main a.btn").await;
    }
}

/// What somebody signed in sees.
async fn the_desk(language: &'static str) {
    let demo = Demo::start().await;
    demo.signed_in("nurse", "Ward 3 tablet").await;
    demo.require_password_change("ward3-nurse").await;
    looked_at(language, async |browser: &Browser, look: &mut Look<'_>| {
        let base = &demo.base;
        browser.begins_sign_in(base, "ward3-nurse", &demo.password("ward3-nurse")).await;
        browser.arrives("/sign-in/change-password").await;
        look.at("forced-change").await;
        into(browser, "new_password", "short").await;
        browser.arrives_at(".error").await;
        look.at("forced-change-short").await;

        browser.signs_in(base, "nurse", &demo.password("nurse")).await;
        look.at("account").await;
        browser.open(&format!("{base}/account/password")).await;
        look.at("password").await;
        browser.types("not it").await;
        into(browser, "new_password", "a lighthouse keeps no secrets").await;
        browser.arrives_at(".error").await;
        look.at("password-wrong").await;
        browser.open(&format!("{base}/account/second-factor/new")).await;
        look.at("factor-new").await;
        into(browser, "label", "Work phone").await;
        browser.arrives_at("svg.qr").await;
        look.at("factor-new-key").await;
        let application = key_on_page(browser).await;
        into(browser, "code", &application.code().await).await;
        browser.arrives_at("ol.codes").await;
        look.at("factor-new-codes").await;
        submits(browser).await;
        browser.arrives("/account").await;
        look.at("account-factor-added").await;
        let factor = browser.driver.find(By::Css("a[href*='/second-factor/'][aria-describedby]")).await.unwrap();
        let factor = factor.attr("href").await.unwrap().unwrap();
        browser.open(&format!("{base}{factor}")).await;
        look.at("factor").await;
        // Bound with a code, but signed in without one: that is too weak for what comes next.
        browser.open(&format!("{base}/account/recovery-codes")).await;
        browser.arrives("/account/confirm").await;
        look.at("confirm-code").await;
        into(browser, "code", &application.code().await).await;
        browser.arrives("/account/recovery-codes").await;
        look.at("recovery-codes-new").await;
        submits(browser).await;
        browser.arrives_at("ol.codes").await;
        look.at("recovery-codes-renewed").await;
        demo.sign_ins_were_minutes_ago(6);
        browser.open(&format!("{base}/account/second-factor/new")).await;
        browser.arrives("/account/confirm").await;
        look.at("confirm").await;
        if browser.focused_name().await == "code" {
            into(browser, "code", "000000").await;
        } else {
            into(browser, "password", "not it").await;
        }
        browser.arrives_at(".error").await;
        look.at("confirm-wrong").await;
        browser.open(&format!("{base}/account/confirm?method=recovery_code")).await;
        look.at("confirm-recovery-code").await;
    })
    .await;
}

#[tokio::test]
async fn in_the_browser_doors_are_whole_and_accessible() {
    the_doors("en").await;
}

#[tokio::test]
async fn in_the_browser_doors_are_whole_and_accessible_in_german() {
    the_doors("de").await;
}

#[tokio::test]
async fn in_the_browser_the_account_is_whole_and_accessible() {
    the_desk("en").await;
}

#[tokio::test]
async fn in_the_browser_the_account_is_whole_and_accessible_in_german() {
    the_desk("de").await;
}
