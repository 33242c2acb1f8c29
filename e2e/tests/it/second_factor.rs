//! Second factors at the pages: bound at the first sign-in, asked for at the next, lost.

use serde_json::json;
use thirtyfour::{By, Key};

use crate::authenticator::Authenticator;
use crate::browser::{Browser, with_browser};
use crate::demo::Demo;

const PASSWORD: &str = "a quiet harbour at dawn";

/// The key that a page shows for those who cannot scan.
pub(crate) async fn key_on_page(browser: &Browser) -> Authenticator {
    let keys = browser.texts("ol.steps code").await;
    let [key] = keys.as_slice() else { panic!("one key is expected: {keys:?}") };
    Authenticator::typed(key)
}

/// Invites Lena Marsh as a physician, who chooses her password and stands before the second factor.
pub(crate) async fn begins_as_physician(browser: &Browser, demo: &Demo) {
    browser.open(&demo.invited_as(Some("physician")).await).await;
    browser.enters("new_password", PASSWORD).await;
    browser.shows("Your password is set").await;
    browser.begins_sign_in(&demo.base, "lena.marsh", PASSWORD).await;
    browser.arrives("/sign-in/enrol").await;
}

/// Types the code, and a name for the telephone; the recovery codes that are shown.
pub(crate) async fn enrols(browser: &Browser) -> (Authenticator, Vec<String>) {
    let application = key_on_page(browser).await;
    browser.driver.find(By::Name("code")).await.unwrap().focus().await.unwrap();
    browser.types(application.code().await).await;
    browser.press(Key::Tab).await;
    browser.enters("label", "Lena’s phone").await;
    browser.shows("Keep your recovery codes").await;
    let codes = browser.texts("ol.codes li").await;
    assert_eq!(codes.len(), 10, "{codes:?}");
    (application, codes)
}

#[tokio::test]
async fn in_the_browser_a_sensitive_role_binds_a_second_factor_at_the_first_sign_in() {
    let demo = Demo::start().await;
    with_browser(async |browser: &Browser| {
        browser.expects("status of 401");
        begins_as_physician(browser, &demo).await;
        assert!(browser.cookie("__Host-bailiwick-session").await.is_none(), "nobody is signed in before it is bound");
        browser.open(&format!("{}/account", demo.base)).await;
        assert_eq!(browser.path().await, "/sign-in");
        browser.open(&format!("{}/sign-in/enrol", demo.base)).await;
        let image = browser.driver.find(By::Css("svg.qr")).await.unwrap();
        assert!(image.attr("aria-label").await.unwrap().is_some_and(|label| label.contains("QR")));

        // A wrong code is said at the field; the key stays the same, for it was scanned already.
        let before = browser.texts("ol.steps code").await;
        browser.driver.find(By::Name("code")).await.unwrap().focus().await.unwrap();
        browser.enters("code", "000000").await;
        browser.shows("This code was not accepted").await;
        assert_eq!(browser.texts("ol.steps code").await, before);
        assert_eq!(browser.focused().await.attr("aria-invalid").await.unwrap().as_deref(), Some("true"));

        let (application, codes) = enrols(browser).await;
        browser.driver.refresh().await.ok();
        browser.open(&format!("{}/account", demo.base)).await;
        let account = browser.text().await;
        for code in &codes {
            assert!(!account.contains(code.as_str()), "recovery codes are shown once");
        }
        for shown in ["Lena Marsh", "Lena’s phone", "Recovery codes", "Ten, each works once", "Physician"] {
            assert!(account.contains(shown), "{shown:?} is not in: {account}");
        }
        assert!(!account.contains("waits"), "the role counts: {account}");

        // The next time the application is asked for.
        browser.follows("Sign out").await;
        browser.shows("signed out").await;
        browser.begins_sign_in(&demo.base, "lena.marsh", PASSWORD).await;
        browser.arrives("/sign-in/second-factor").await;
        browser.enters("code", application.code().await).await;
        browser.arrives("/account").await;
    })
    .await;
}

#[tokio::test]
async fn in_the_browser_a_code_of_the_application_is_asked_for_after_the_password() {
    let demo = Demo::start().await;
    with_browser(async |browser: &Browser| {
        browser.expects("status of 401");
        browser.begins_sign_in(&demo.base, "physician", &demo.password("physician")).await;
        browser.arrives("/sign-in/second-factor").await;
        assert!(browser.cookie("__Host-bailiwick-session").await.is_none());

        browser.enters("code", "000000").await;
        browser.shows("This code was not accepted").await;
        assert_eq!(browser.status().await, 401);
        let code = demo.code("physician").await;
        // As it is shown by most applications.
        browser.enters("code", format!("{} {}", &code[..3], &code[3..])).await;
        browser.arrives("/account").await;
        assert!(browser.cookie("__Host-bailiwick-flow").await.is_none(), "the transaction is over");

        // A code works once.
        browser.follows("Sign out").await;
        browser.shows("signed out").await;
        browser.begins_sign_in(&demo.base, "physician", &demo.password("physician")).await;
        browser.arrives("/sign-in/second-factor").await;
        browser.enters("code", code).await;
        browser.shows("This code was not accepted").await;
    })
    .await;
}

#[tokio::test]
async fn in_the_browser_five_wrong_codes_end_the_step_and_the_first_page_says_so() {
    let demo = Demo::start().await;
    with_browser(async |browser: &Browser| {
        browser.expects("status of 401");
        browser.expects("status of 429");
        browser.begins_sign_in(&demo.base, "physician", &demo.password("physician")).await;
        browser.arrives("/sign-in/second-factor").await;
        for wrong in 0..5 {
            assert_eq!(browser.path().await, "/sign-in/second-factor", "after {wrong}: {}", browser.text().await);
            browser.enters_and_leaves("code", "000000").await;
        }
        browser.arrives("/sign-in").await;
        browser.shows("This step has ended").await;
        assert!(browser.cookie("__Host-bailiwick-session").await.is_none());
    })
    .await;
}

#[tokio::test]
async fn in_the_browser_whoever_lost_the_phone_signs_in_with_a_recovery_code_and_gets_another() {
    let demo = Demo::start().await;
    with_browser(async |browser: &Browser| {
        browser.expects("status of 401");
        begins_as_physician(browser, &demo).await;
        let (_, codes) = enrols(browser).await;
        browser.follows("Continue").await;
        browser.arrives("/account").await;
        browser.follows("Sign out").await;
        browser.shows("signed out").await;
        browser.begins_sign_in(&demo.base, "lena.marsh", PASSWORD).await;
        browser.arrives("/sign-in/second-factor").await;

        browser.follows("a recovery code").await;
        browser.shows("Enter a recovery code").await;
        // Written by hand: small letters, and no dashes.
        browser.enters("code", codes[3].to_lowercase().replace('-', "")).await;
        browser.shows("Keep this new recovery code").await;
        let fresh = browser.texts("ol.codes li").await;
        assert_eq!(fresh.len(), 1, "{fresh:?}");
        assert!(!codes.contains(&fresh[0]));
        browser.follows("Continue").await;
        browser.arrives("/account").await;

        // The one that was used is dead; the new one lives.
        browser.follows("Sign out").await;
        browser.shows("signed out").await;
        browser.begins_sign_in(&demo.base, "lena.marsh", PASSWORD).await;
        browser.arrives("/sign-in/second-factor").await;
        browser.follows("a recovery code").await;
        browser.shows("Enter a recovery code").await;
        browser.enters("code", &codes[3]).await;
        browser.shows("This code was not accepted").await;
        browser.enters("code", &fresh[0]).await;
        browser.shows("Keep this new recovery code").await;
    })
    .await;
}

#[tokio::test]
async fn in_the_browser_everything_works_without_javascript() {
    let demo = Demo::start().await;
    with_browser(async |browser: &Browser| {
        browser.devtools("Emulation.setScriptExecutionDisabled", json!({ "value": true })).await;
        browser.begins_sign_in(&demo.base, "physician", &demo.password("physician")).await;
        browser.arrives("/sign-in/second-factor").await;
        browser.enters("code", demo.code("physician").await).await;
        browser.arrives("/account").await;
        // No button stands there that would do nothing.
        browser.open(&format!("{}/account/password", demo.base)).await;
        assert!(!browser.text().await.contains("Show"), "{}", browser.text().await);
        browser.open(&format!("{}/account", demo.base)).await;
        browser.follows("Sign out").await;
        browser.shows("You are signed out").await;

        browser.devtools("Emulation.setScriptExecutionDisabled", json!({ "value": false })).await;
        browser.open(&format!("{}/sign-in", demo.base)).await;
        assert!(browser.text().await.contains("Show"), "with a script there is one");
    })
    .await;
}
