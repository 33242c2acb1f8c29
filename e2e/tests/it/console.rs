//! The console: a walk from an invitation to what the auditor reads, the keyboard alone, and how each page looks.

use serde_json::{Value, json};
use thirtyfour::{By, Key};

use crate::browser::{Browser, with_browser, with_two_browsers};
use crate::demo::{Demo, http};
use crate::look::{Look, looked_at};

const PASSWORD: &str = "a quiet harbour at dawn";
const REASON: &str = "Sick leave cover, rota week 47";

/// Signs in with a second factor, and goes to the console.
async fn at_the_console(browser: &Browser, demo: &Demo, username: &str) {
    browser.begins_sign_in(&demo.base, username, &demo.password(username)).await;
    browser.arrives("/sign-in/second-factor").await;
    browser.enters("code", demo.code(username).await).await;
    browser.arrives("/account").await;
    browser.open(&format!("{}/console", demo.base)).await;
}

/// The newest mail's link.
async fn link(demo: &Demo) -> String {
    let request = http().get(format!("{}/mail", demo.base)).header("accept", "application/json");
    let mail: Value = request.send().await.unwrap().json().await.unwrap();
    let text = mail[0]["text"].as_str().unwrap();
    text.lines().find(|line| line.contains("/invitation?token=")).expect("a link").to_owned()
}

/// Types into a field by its name.
async fn fills(browser: &Browser, name: &str, text: &str) {
    let field = browser.driver.find(By::Name(name)).await.unwrap();
    field.focus().await.unwrap();
    browser.types(text).await;
}

/// Chooses from a list, or sets a day: what the keyboard does differs between languages of the machine.
async fn sets(browser: &Browser, name: &str, value: &str) {
    let script = format!("document.getElementsByName('{name}')[0].value = '{value}'");
    browser.evaluate(&script).await;
}

async fn presses(browser: &Browser, selector: &str) {
    browser.driver.find(By::Css(selector)).await.unwrap().click().await.unwrap();
}

/// A Friday that lies ahead, further than "tomorrow" even if midnight passes meanwhile.
async fn friday(browser: &Browser) -> String {
    let script = "const day = new Date(Date.now() + 3 * 864e5);
        while (day.getUTCDay() !== 5) day.setUTCDate(day.getUTCDate() + 1);
        return day.toISOString().slice(0, 10)";
    browser.evaluate(script).await.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn in_the_browser_the_console_leads_from_an_invitation_to_what_the_auditor_reads() {
    let demo = Demo::start().await;
    with_two_browsers(async |desk: &Browser, ward: &Browser| {
        // The administrator invites a nurse.
        at_the_console(desk, &demo, "admin").await;
        desk.arrives("/console/people").await;
        desk.follows("Invite a person").await;
        desk.arrives("/console/people/new").await;
        desk.focuses("display_name").await;
        desk.types("Lena Marsh").await;
        fills(desk, "username", "lena.marsh").await;
        fills(desk, "email", "lena@healthcare.example").await;
        sets(desk, "unit", "/clinic-a/ward-3").await;
        presses(desk, "main .go").await;
        desk.shows("Lena Marsh is invited").await;

        // She activates.
        ward.open(&link(&demo).await).await;
        ward.enters("new_password", PASSWORD).await;
        ward.arrives_at("main a.go").await;
        ward.signs_in(&demo.base, "lena.marsh", PASSWORD).await;
        ward.shows("You hold no role yet").await;
        assert!(!ward.text().await.contains("Console"), "nothing there for her");

        // She gets a role for one ward until Friday.
        desk.driver.refresh().await.unwrap();
        desk.follows("Give a role").await;
        desk.arrives_at("#give:target").await;
        sets(desk, "role", "nurse").await;
        sets(desk, "unit", "/clinic-a/ward-3").await;
        sets(desk, "valid_until", &friday(desk).await).await;
        fills(desk, "reason", REASON).await;
        presses(desk, "#give .go").await;
        desk.shows("The role is given").await;
        let row = desk.texts("table tbody tr").await.join(" ");
        for part in ["Nurse", "Ward 3", "Fri", "Mirela Ostrowe", REASON] {
            assert!(row.contains(part), "{part}: {row}");
        }
        let why = desk.texts("ol.because").await.join(" ");
        for part in ["Lena Marsh", "holds", "Nurse in Ward 3", "by Mirela Ostrowe", "which it carries"] {
            assert!(why.contains(part), "{part}: {why}");
        }
        ward.driver.refresh().await.unwrap();
        ward.shows("until").await;
        assert!(ward.text().await.contains("Nurse"));

        // The auditor reads who did it.
        ward.open(&format!("{}/sign-out", demo.base)).await;
        presses(ward, "main .go").await;
        ward.shows("signed out").await;
        at_the_console(ward, &demo, "auditor").await;
        ward.follows("Audit").await;
        ward.arrives("/console/audit").await;
        sets(ward, "type", "role_granted").await;
        presses(ward, ".filters .btn").await;
        let sentence = "Mirela Ostrowe gave Lena Marsh the role Nurse in Ward 3";
        ward.shows(sentence).await;
        ward.follows(sentence).await;
        ward.shows("two factors").await;
        let read = ward.text().await;
        for part in [sentence, "role_granted", REASON, "/clinic-a/ward-3", "in the log"] {
            assert!(read.contains(part), "{part}: {read}");
        }
        // Who only reads is offered no deed.
        ward.open(&format!("{}/console/people", demo.base)).await;
        assert!(!ward.text().await.contains("Invite a person"), "{}", ward.text().await);
        ward.open(desk.driver.current_url().await.unwrap().as_ref()).await;
        ward.shows("Lena Marsh").await;
        let offered = ward.texts("main .btn").await;
        assert!(!offered.iter().any(|text| text.contains("role") || text.contains("End")), "{offered:?}");
    })
    .await;
}

#[tokio::test]
async fn in_the_browser_the_palette_jumps_to_a_role_by_keyboard_alone() {
    let demo = Demo::start().await;
    with_browser(async |browser: &Browser| {
        at_the_console(browser, &demo, "admin").await;
        browser.arrives("/console/people").await;
        browser
            .driver
            .action_chain()
            .key_down(Key::Control)
            .send_keys("k")
            .key_up(Key::Control)
            .perform()
            .await
            .unwrap();
        browser.arrives_at("dialog.palette[open] #jump").await;
        browser.focuses("q").await;
        browser.types("charge").await;
        browser.arrives_at("dialog.palette a[href$='/console/roles/charge-nurse']").await;
        // People come first; the arrow goes on to the role.
        for _ in 0..5 {
            browser.press(Key::Down).await;
            if browser.focused().await.text().await.unwrap().lines().next() == Some("Charge nurse") {
                break;
            }
        }
        browser.press(Key::Enter).await;
        browser.arrives("/console/roles/charge-nurse").await;
        browser.shows("Name in tokens").await;

        // Esc closes it, and the page is as it was.
        browser
            .driver
            .action_chain()
            .key_down(Key::Control)
            .send_keys("k")
            .key_up(Key::Control)
            .perform()
            .await
            .unwrap();
        browser.arrives_at("dialog.palette[open] #jump").await;
        browser.press(Key::Escape).await;
        let open = "return document.querySelector('dialog').open";
        assert_eq!(browser.evaluate(open).await, json!(false));
        // Without a script the same is a page.
        browser.open(&format!("{}/console/search?q=charge", demo.base)).await;
        browser.shows("Charge nurse").await;
    })
    .await;
}

#[tokio::test]
async fn in_the_browser_a_device_is_ended_and_an_account_closed_and_opened_by_keyboard_alone() {
    let demo = Demo::start().await;
    let (_, tablet) = demo.signed_in("nurse", "Ward 3 tablet").await;
    with_browser(async |browser: &Browser| {
        at_the_console(browser, &demo, "admin").await;
        let id = demo.id_of("nurse").await;
        browser.open(&format!("{}/console/people/{id}", demo.base)).await;
        browser.shows("Ward 3 tablet").await;
        browser.follows("End: Ward 3 tablet").await;
        browser.shows("That device is signed out").await;
        assert_eq!(demo.refresh(&tablet).await, 401);

        browser.follows("Disable").await;
        browser.arrives(&format!("/console/people/{id}/disable")).await;
        browser.enters("reason", "left").await;
        browser.shows("Hanno Reetzke is disabled").await;
        browser.follows("Enable").await;
        browser.enters("reason", "came back").await;
        browser.shows("Hanno Reetzke is enabled").await;
    })
    .await;
}

/// Each page, by somebody who may see all of it.
async fn the_console(language: &'static str) {
    let demo = Demo::start().await;
    demo.signed_in("nurse", "Ward 3 tablet").await;
    looked_at(language, async |browser: &Browser, look: &mut Look<'_>| {
        at_the_console(browser, &demo, "admin").await;
        let person = format!("/console/people/{}", demo.id_of("ward3-nurse").await);
        let nurse = format!("/console/people/{}", demo.id_of("nurse").await);
        let pages = [
            ("people", "/console/people".to_owned()),
            ("people-none", "/console/people?status=deleted".to_owned()),
            ("invite", "/console/people/new".to_owned()),
            ("person", nurse.clone()),
            ("give", format!("{person}/give")),
            ("access", format!("{person}/access")),
            ("disable", format!("{person}/disable")),
            ("person-change", format!("{person}/change")),
            ("print-code", format!("{person}/print-code")),
            ("delete", format!("{person}/delete")),
            ("roles", "/console/roles".to_owned()),
            ("role", "/console/roles/nurse".to_owned()),
            ("role-change", "/console/roles/nurse/change".to_owned()),
            ("members", "/console/roles/nurse/members".to_owned()),
            ("units", "/console/units".to_owned()),
            ("unit-new", "/console/units/new".to_owned()),
            ("apis", "/console/apis".to_owned()),
            ("api-new", "/console/apis/new".to_owned()),
            ("api-change", "/console/apis/clinic/change".to_owned()),
            ("permission-new", "/console/apis/clinic/permissions/new".to_owned()),
            ("client-new", "/console/clients/new".to_owned()),
            ("audit", "/console/audit".to_owned()),
            ("search", "/console/search?q=nur".to_owned()),
        ];
        for (name, path) in pages {
            browser.open(&format!("{}{path}", demo.base)).await;
            look.at(&format!("console-{name}")).await;
        }
        browser.open(&format!("{}/console/audit?type=authn_login_success", demo.base)).await;
        browser.driver.find(By::Css("tbody a")).await.unwrap().click().await.unwrap();
        browser.arrives_at("dl.facts").await;
        look.at("console-event").await;
        browser.open(&format!("{}/console/people", demo.base)).await;
        presses(browser, "a.jump").await;
        browser.arrives_at("dialog.palette[open] #jump").await;
        browser.types("nurse").await;
        browser.arrives_at("dialog.palette a[href$='/console/roles/nurse']").await;
        look.at("console-palette").await;
    })
    .await;
}

#[tokio::test]
async fn in_the_browser_the_console_is_whole_and_accessible() {
    the_console("en").await;
}

#[tokio::test]
async fn in_the_browser_the_console_is_whole_and_accessible_in_german() {
    the_console("de").await;
}
