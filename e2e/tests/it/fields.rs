//! Pages as browsers, password managers and people without a mouse find them.

use thirtyfour::{By, Key};

use crate::browser::{Browser, with_browser};
use crate::demo::Demo;
use crate::second_factor::begins_as_physician;

/// What a field says to whatever fills it in.
async fn says(browser: &Browser, name: &str) -> (String, String, String) {
    let field = browser.driver.find(By::Name(name)).await.unwrap();
    let attribute = async |name: &str| field.attr(name).await.unwrap().unwrap_or_default();
    (attribute("type").await, attribute("autocomplete").await, attribute("inputmode").await)
}

fn three(a: &str, b: &str, c: &str) -> (String, String, String) {
    (a.to_owned(), b.to_owned(), c.to_owned())
}

#[tokio::test]
async fn in_the_browser_password_managers_and_codes_from_messages_find_their_fields() {
    let demo = Demo::start().await;
    with_browser(async |browser: &Browser| {
        browser.open(&format!("{}/sign-in", demo.base)).await;
        assert_eq!(says(browser, "identifier").await, three("", "username", ""));
        assert_eq!(says(browser, "password").await, three("password", "current-password", ""));
        browser.begins_sign_in(&demo.base, "physician", &demo.password("physician")).await;
        browser.arrives("/sign-in/second-factor").await;
        assert_eq!(says(browser, "code").await, three("", "one-time-code", "numeric"));
        browser.enters("code", demo.code("physician").await).await;
        browser.arrives("/account").await;

        // A manager that offers to keep the new password must know whose it is, though no name is typed here.
        browser.open(&format!("{}/account/password", demo.base)).await;
        assert_eq!(says(browser, "current_password").await, three("password", "current-password", ""));
        assert_eq!(says(browser, "new_password").await, three("password", "new-password", ""));
        let name = browser.driver.find(By::Css("input[autocomplete=username]")).await.unwrap();
        assert_eq!(name.value().await.unwrap().as_deref(), Some("physician"));
        assert_eq!(name.attr("aria-hidden").await.unwrap().as_deref(), Some("true"), "for the manager alone");
        let shown = "return getComputedStyle(document.querySelector('input[autocomplete=username]')).clipPath";
        assert_eq!(browser.evaluate(shown).await, "inset(50%)");
        // The well-known address of the page (RFC 8615): managers lead there.
        browser.open(&format!("{}/.well-known/change-password", demo.base)).await;
        assert_eq!(browser.path().await, "/account/password");
        demo.sign_ins_were_minutes_ago(6);
        browser.open(&format!("{}/account/recovery-codes", demo.base)).await;
        browser.arrives("/account/confirm").await;
        assert_eq!(says(browser, "password").await, three("password", "current-password", ""));
        browser.follows("Use a code of your app").await;
        browser.shows("Code of your authenticator app").await;
        assert_eq!(says(browser, "code").await, three("", "one-time-code", "numeric"));
    })
    .await;
}

#[tokio::test]
async fn in_the_browser_a_new_password_and_a_first_code_are_fields_that_managers_know() {
    let demo = Demo::start().await;
    with_browser(async |browser: &Browser| {
        begins_as_physician(browser, &demo).await;
        assert_eq!(says(browser, "code").await, three("", "one-time-code", "numeric"));
        assert_eq!(says(browser, "label").await, three("", "off", ""));
    })
    .await;
}

#[tokio::test]
async fn in_the_browser_pages_speak_german_to_those_who_ask_for_it() {
    let demo = Demo::start().await;
    with_browser(async |browser: &Browser| {
        browser.expects("status of 401");
        browser.speaks("de-AT,de;q=0.9,en;q=0.5").await;
        browser.open(&format!("{}/sign-in", demo.base)).await;
        browser.shows("Benutzername oder E-Mail-Adresse").await;
        assert_eq!(browser.evaluate("return document.documentElement.lang").await, "de");
        browser.types("physician").await;
        browser.press(Key::Tab).await;
        browser.enters("password", "falsch").await;
        browser.shows("Das passt nicht zusammen.").await;
        browser.enters("password", demo.password("physician")).await;
        browser.arrives("/sign-in/second-factor").await;
        browser.shows("Er wechselt alle 30 Sekunden.").await;
        browser.enters("code", demo.code("physician").await).await;
        browser.arrives("/account").await;
        let text = browser.text().await;
        for shown in ["Was Sie dürfen", "Wo Sie angemeldet sind", "Dieses Gerät", "Abmelden"] {
            assert!(text.contains(shown), "{shown:?} is not in: {text}");
        }
        browser.follows("Abmelden").await;
        browser.shows("Sie sind abgemeldet").await;
    })
    .await;
}

#[tokio::test]
async fn in_the_browser_whatever_has_the_focus_shows_it() {
    let demo = Demo::start().await;
    let outline = "const s = getComputedStyle(document.activeElement);
        return document.activeElement === document.body ? null
            : [s.outlineStyle, parseFloat(s.outlineWidth), s.borderTopColor, s.boxShadow].join(' ')";
    let visible = |shown: &str| shown.starts_with("solid") || !shown.ends_with("none");
    with_browser(async |browser: &Browser| {
        browser.open(&format!("{}/sign-in", demo.base)).await;
        let mut stops = 0;
        for page in ["/sign-in", "/account", "/account/password", "/account/second-factor/new", "/sign-out"] {
            if page == "/account" {
                browser.signs_in(&demo.base, "nurse", &demo.password("nurse")).await;
            } else {
                browser.open(&format!("{}{page}", demo.base)).await;
            }
            browser.evaluate("document.activeElement.blur()").await;
            for _ in 0..40 {
                browser.press(Key::Tab).await;
                let shown = browser.evaluate(outline).await;
                // From the last one Tab leads out of the page.
                let Some(shown) = shown.as_str() else { break };
                let what = browser.evaluate("return document.activeElement.outerHTML").await;
                assert!(visible(shown), "{page}: {shown}: {what}");
                stops += 1;
            }
        }
        assert!(stops >= 20, "{stops}");
    })
    .await;
}

#[tokio::test]
async fn in_the_browser_what_others_put_into_a_page_does_not_run_and_the_tests_would_notice() {
    let demo = Demo::start().await;
    with_browser(async |browser: &Browser| {
        browser.expects("status of 404");
        browser.open(&format!("{}/sign-in", demo.base)).await;
        let put_in = "document.body.insertAdjacentHTML('beforeend',
            '<img src=x onerror=\"window.ran = true\"><style>body { display: none }</style>'); return window.ran ?? null";
        assert_eq!(browser.evaluate(put_in).await, serde_json::Value::Null);

        let mut said = String::new();
        for _ in 0..100 {
            for entry in browser.driver.browser_log().await.unwrap() {
                said.push_str(&entry.message);
            }
            if said.contains("script-src-attr") && said.contains("style-src-elem") {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        for word in ["policy violated: style-src-elem", "policy violated: script-src-attr", "Content Security Policy"]
        {
            assert!(said.contains(word), "{word:?} is not in: {said}");
        }
        assert_eq!(browser.evaluate("return window.ran ?? null").await, serde_json::Value::Null);
        assert_eq!(browser.evaluate("return getComputedStyle(document.body).display !== 'none'").await, true);
    })
    .await;
}
