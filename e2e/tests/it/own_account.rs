//! What somebody signed in changes of their own: password, factors, codes, devices.

use serde_json::{Value, json};
use thirtyfour::{By, Key};

use crate::browser::{Browser, with_browser, with_two_browsers};
use crate::demo::Demo;
use crate::second_factor::key_on_page;

const NEW: &str = "a lighthouse keeps no secrets";

#[tokio::test]
async fn in_the_browser_a_required_change_of_password_comes_before_the_account() {
    let demo = Demo::start().await;
    demo.require_password_change("nurse").await;
    with_browser(async |browser: &Browser| {
        browser.expects("status of 422");
        browser.begins_sign_in(&demo.base, "nurse", &demo.password("nurse")).await;
        browser.arrives("/sign-in/change-password").await;
        assert!(browser.text().await.contains("Others may know yours"), "{}", browser.text().await);
        assert!(browser.cookie("__Host-bailiwick-session").await.is_none());

        browser.enters("new_password", demo.password("nurse")).await;
        browser.shows("You have used this password before").await;
        browser.enters("new_password", NEW).await;
        browser.arrives("/account").await;

        browser.follows("Sign out").await;
        browser.shows("signed out").await;
        browser.signs_in(&demo.base, "nurse", NEW).await;
    })
    .await;
}

#[tokio::test]
async fn in_the_browser_a_change_of_ones_password_signs_other_devices_out() {
    let demo = Demo::start().await;
    with_two_browsers(async |here: &Browser, there: &Browser| {
        here.expects("status of 422");
        there.signs_in(&demo.base, "nurse", &demo.password("nurse")).await;
        here.signs_in(&demo.base, "nurse", &demo.password("nurse")).await;
        here.follows("Change").await;
        here.arrives("/account/password").await;

        here.types("not it").await;
        here.driver.find(By::Name("new_password")).await.unwrap().focus().await.unwrap();
        here.enters("new_password", NEW).await;
        here.shows("This is not your present password").await;
        here.focuses("current_password").await;
        here.types(demo.password("nurse")).await;
        here.driver.find(By::Name("new_password")).await.unwrap().focus().await.unwrap();
        here.enters("new_password", NEW).await;
        here.shows("Your password is changed").await;

        assert_eq!(here.path().await, "/account");
        there.driver.refresh().await.unwrap();
        there.arrives("/sign-in").await;
        there.signs_in(&demo.base, "nurse", NEW).await;
    })
    .await;
}

#[tokio::test]
async fn in_the_browser_one_adds_names_and_removes_a_second_factor() {
    let demo = Demo::start().await;
    with_browser(async |browser: &Browser| {
        browser.signs_in(&demo.base, "nurse", &demo.password("nurse")).await;
        assert!(browser.text().await.contains("Only your password protects this account"));
        browser.follows("Add an authenticator app").await;
        browser.arrives("/account/second-factor/new").await;
        browser.enters("label", "Work phone").await;
        browser.arrives("/account/second-factor/new").await;
        browser.shows("Scan with an authenticator app").await;
        let application = key_on_page(browser).await;
        browser.driver.find(By::Name("code")).await.unwrap().focus().await.unwrap();
        browser.enters("code", application.code().await).await;
        browser.shows("Keep your recovery codes").await;
        let first = browser.texts("ol.codes li").await;
        browser.follows("Continue").await;
        browser.shows("The authenticator is added").await;
        assert!(browser.text().await.contains("Work phone"));

        browser.follows("Edit").await;
        browser.shows("Lost or replaced?").await;
        let label = browser.driver.find(By::Name("label")).await.unwrap();
        label.clear().await.unwrap();
        label.focus().await.unwrap();
        browser.enters("label", "Phone in the locker").await;
        browser.shows("The authenticator has a new name").await;
        assert!(browser.text().await.contains("Phone in the locker"));

        // Six minutes later new codes are not given to whoever finds the screen open.
        demo.sign_ins_were_minutes_ago(6);
        browser.follows("Make new ones").await;
        browser.arrives("/account/confirm").await;
        assert!(browser.text().await.contains("Confirm that it is you"));
        if browser.focused_name().await == "password" {
            browser.enters("password", demo.password("nurse")).await;
        } else {
            browser.enters("code", application.code().await).await;
        }
        browser.arrives("/account/recovery-codes").await;
        browser.follows("Make new ones").await;
        browser.shows("Those you had before do not work any more").await;
        let second = browser.texts("ol.codes li").await;
        assert_eq!(second.len(), 10);
        assert!(second.iter().all(|code| !first.contains(code)));
        browser.follows("Continue").await;
        browser.arrives("/account").await;

        browser.follows("Edit").await;
        browser.shows("Lost or replaced?").await;
        browser.follows("Remove this authenticator").await;
        browser.shows("The authenticator is removed").await;
        assert!(!browser.text().await.contains("Phone in the locker"));
    })
    .await;
}

#[tokio::test]
async fn in_the_browser_a_device_that_is_ended_elsewhere_is_out() {
    let demo = Demo::start().await;
    with_two_browsers(async |here: &Browser, there: &Browser| {
        there.signs_in(&demo.base, "nurse", &demo.password("nurse")).await;
        here.signs_in(&demo.base, "nurse", &demo.password("nurse")).await;
        let devices = here.texts("ul.items li b").await;
        let known: Vec<&String> = devices.iter().filter(|title| title.contains("Chrom")).collect();
        assert_eq!(known, ["Chrome on Linux"; 2], "{devices:?}");

        here.follows("End: Chrome on Linux").await;
        here.shows("That device is signed out").await;

        there.driver.refresh().await.unwrap();
        there.arrives("/sign-in").await;
        here.driver.refresh().await.unwrap();
        here.shows("This device").await;
    })
    .await;
}

#[tokio::test]
async fn in_the_browser_a_sign_out_in_one_tab_counts_in_the_other() {
    let demo = Demo::start().await;
    with_browser(async |browser: &Browser| {
        browser.signs_in(&demo.base, "nurse", &demo.password("nurse")).await;
        let first = browser.driver.window().await.unwrap();
        let second = browser.driver.new_tab().await.unwrap();
        browser.driver.switch_to_window(second).await.unwrap();
        browser.open(&format!("{}/account", demo.base)).await;
        browser.follows("Sign out").await;
        browser.shows("signed out").await;

        // The other one still shows what was there; its next click leads to the sign-in.
        browser.driver.switch_to_window(first).await.unwrap();
        assert!(browser.text().await.contains("What you may do"));
        browser.follows("Change").await;
        browser.arrives("/sign-in").await;
        // And from there back to where it wanted to go.
        browser.types("nurse").await;
        browser.press(Key::Tab).await;
        browser.enters("password", demo.password("nurse")).await;
        browser.arrives("/account/password").await;
    })
    .await;
}

#[tokio::test]
async fn in_the_browser_a_sign_in_that_began_elsewhere_is_continued_once() {
    let demo = Demo::start().await;
    let begin = json!({ "identifier": "physician", "password": demo.password("physician") });
    let answer: Value = demo.post("/sign-in", None, &begin).await.json().await.unwrap();
    assert_eq!(answer["outcome"], "second_factor");
    let address = answer["continue_url"].as_str().unwrap().to_owned();
    with_two_browsers(async |browser: &Browser, other: &Browser| {
        browser.open(&address).await;
        browser.arrives("/sign-in/second-factor").await;
        let shown = browser.driver.current_url().await.unwrap();
        assert_eq!(shown.query(), None, "the handle has left the address");
        let history = browser.evaluate("return performance.getEntriesByType('navigation')[0].redirectCount").await;
        assert_eq!(history, 1);

        // Whoever finds the address afterwards has nothing, and neither has the one who began.
        other.open(&address).await;
        other.arrives("/sign-in").await;
        other.shows("This step has ended").await;
        let code = demo.code("physician").await;
        let late = json!({ "transaction": answer["transaction"], "method": "totp", "code": code });
        let late = demo.post("/sign-in/second-factor", None, &late).await;
        assert_eq!(late.status(), 400);
        assert_eq!(late.json::<Value>().await.unwrap()["code"], "token-refused");

        browser.enters("code", code).await;
        browser.arrives("/account").await;
    })
    .await;
}

#[tokio::test]
async fn in_the_browser_a_sign_in_over_a_live_session_replaces_ones_own_and_locks_anothers() {
    let demo = Demo::start().await;
    with_browser(async |browser: &Browser| {
        browser.signs_in(&demo.base, "nurse", &demo.password("nurse")).await;
        assert!(browser.cookie("__Host-bailiwick-device").await.is_some(), "a recognised device");
        let first = browser.cookie("__Host-bailiwick-session").await.unwrap();

        browser.signs_in(&demo.base, "nurse", &demo.password("nurse")).await;
        let second = browser.cookie("__Host-bailiwick-session").await.unwrap();
        assert_ne!(first, second);
        let devices = browser.texts("ul.items li b").await;
        assert_eq!(devices.iter().filter(|title| title.contains("Chrom")).count(), 1, "{devices:?}");

        browser.signs_in(&demo.base, "ward3-nurse", &demo.password("ward3-nurse")).await;
        assert!(browser.text().await.contains("ward3-nurse"));
        let (token, _) = demo.signed_in("nurse", "a terminal").await;
        let sessions = demo.get("/me/sessions", &token).await;
        let states: Vec<&str> =
            sessions["items"].as_array().unwrap().iter().map(|one| one["state"].as_str().unwrap()).collect();
        assert_eq!(states.iter().filter(|state| **state == "locked").count(), 1, "{sessions}");

        browser.follows("Sign out").await;
        browser.shows("signed out").await;
        assert!(browser.cookie("__Host-bailiwick-device").await.is_some(), "the device is known after a sign-out");
        assert!(browser.cookie("__Host-bailiwick-session").await.is_none());
        assert!(browser.cookie("__Host-bailiwick-refresh").await.is_none());
        let events = demo.events().await;
        let reasons: Vec<&str> = events.iter().filter_map(|event| event["reason"].as_str()).collect();
        for reason in ["replaced", "switched", "signed_out"] {
            assert_eq!(reasons.iter().filter(|known| **known == reason).count(), 1, "{reason}: {reasons:?}");
        }
    })
    .await;
}
