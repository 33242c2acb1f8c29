//! Recognised devices: what others do elsewhere does not concern them, and nobody borrows one (LOCK-03; 2.4, F2).

use std::net::IpAddr;

use domain::realm::RealmKey;
use domain::time::{hours, minutes, seconds};
use testkit::{Browser, TestApp, on_both_databases};

use crate::factors::{bind, code, second, waiting};

/// A client from an address of its own.
fn from(app: &TestApp, number: u16) -> Browser {
    let mut browser = app.browser();
    let [high, low] = number.to_be_bytes();
    browser.address.set_ip(IpAddr::from([198, 18, high, low]));
    browser
}

/// Keeps the device cookie alone.
fn only_the_device(browser: &Browser) -> Browser {
    let mut device = browser.clone();
    device.bearer = None;
    let name = browser.cookie_name("device");
    device.cookies.retain(|cookie, _| *cookie == name);
    assert_eq!(device.cookies.len(), 1);
    device
}

/// Wrong passwords for somebody until the next one must wait.
async fn attack(app: &TestApp, username: &str) {
    for number in 0..5 {
        from(app, number).sign_in_with(username, "a wrong guess").await.expect(401);
    }
    from(app, 9).sign_in_with(username, "a wrong guess").await.expect(429);
}

on_both_databases! {
    async fn lock_03_wrong_passwords_from_elsewhere_do_not_stop_a_recognised_device(app: TestApp) {
        let device = only_the_device(&app.signed_in("nurse").await);
        let password = app.password("main", "nurse");
        attack(&app, "nurse").await;
        let mut evaluated = 5;
        for round in 0u16..8 {
            from(&app, 50).sign_in_with("nurse", &password).await.expect(429);
            device.clone().sign_in_with("nurse", &password).await.expect(200);
            app.advance(hours(1));
            evaluated += usize::from(from(&app, 100 + round).sign_in_with("nurse", "wrong").await.status == 401);
        }
        assert_eq!(evaluated, 13, "the attack went on");
        // Nor do those from its own address.
        let mut neighbour = app.browser();
        for number in 0..20 {
            neighbour.sign_in_with(&format!("somebody{number}"), "spring2026").await.expect(401);
        }
        neighbour.sign_in_with("physician", "wrong").await.expect(429);
        device.clone().sign_in_with("nurse", &password).await.expect(200);
    }

    async fn lock_03_a_device_that_is_forged_or_another_persons_or_realms_gives_no_relief(app: TestApp) {
        let physician = only_the_device(&app.signed_in("physician").await);
        let mut other = app.browser_in_other();
        other.sign_in("nurse").await;
        let own = app.signed_in("nurse").await;
        attack(&app, "nurse").await;
        let password = app.password("main", "nurse");

        let as_session = own.cookie("session").unwrap();
        let refresh = own.cookie("refresh").unwrap();
        let elsewhere = other.cookie("device").unwrap();
        let mut cut = own.cookie("device").unwrap();
        cut.truncate(42);
        let long = "A".repeat(4000);
        for forged in ["A".repeat(43).as_str(), &as_session, &refresh, &elsewhere, &cut, "", "%00", &long] {
            let mut thief = from(&app, 60);
            thief.set_cookie("device", forged);
            assert_eq!(thief.sign_in_with("nurse", &password).await.status, 429, "{forged}");
        }
        let mut borrowed = physician.clone();
        borrowed.sign_in_with("nurse", &password).await.expect(429);
        // Two of one name count as none.
        let mut two = app.browser();
        let pair = format!("__Host-bailiwick-device={0}; __Host-bailiwick-device={0}", own.cookie("device").unwrap());
        let body = serde_json::json!({ "identifier": "nurse", "password": password });
        let call = two.call(axum::http::Method::POST, "/api/v1/sign-in").header("cookie", &pair).json(&body);
        call.send().await.expect(429);
        // What it is for.
        only_the_device(&own).sign_in_with("nurse", &password).await.expect(200);
    }

    async fn f2_a_recognised_device_has_an_allowance_of_its_own(app: TestApp) {
        let mut device = only_the_device(&app.signed_in("nurse").await);
        let password = app.password("main", "nurse");
        for _ in 0..5 {
            device.sign_in_with("nurse", "mistyped").await.expect(401);
        }

        assert_eq!(device.sign_in_with("nurse", &password).await.expect(429).header("retry-after"), "31");

        from(&app, 1).sign_in_with("nurse", &password).await.expect(200);
        app.advance(seconds(30));
        device.sign_in_with("nurse", &password).await.expect(200);
    }

    async fn f2_wrong_codes_of_somebody_who_knows_the_password_do_not_stop_a_recognised_device(app: TestApp) {
        let mut nurse = app.signed_in("nurse").await;
        let (seed, codes) = bind(&app, &mut nurse, "phone").await;
        app.advance(minutes(1));
        let device = only_the_device(&nurse);
        for (method, wrong) in [("totp", "000000"), ("recovery_code", "0-0000-0000-0000-0000")] {
            let mut thief = from(&app, 1);
            let stolen = waiting(&app, &mut thief, "nurse").await;
            for _ in 0..5 {
                second(&mut thief, &stolen, method, wrong).await.expect(401);
            }
            let stolen = waiting(&app, &mut thief, "nurse").await;
            second(&mut thief, &stolen, method, wrong).await.expect(429);

            let mut own = device.clone();
            let transaction = waiting(&app, &mut own, "nurse").await;
            let right = if method == "totp" { code(&app, &seed) } else { codes[0].clone() };
            second(&mut own, &transaction, method, &right).await.expect(200);
            second(&mut thief, &stolen, method, wrong).await.expect(429);
        }
    }
}

#[tokio::test]
async fn a_password_alone_does_not_make_a_device_of_somebody_who_owes_a_second_factor() {
    let app = TestApp::new().await;
    let mut thief = only_the_device(&app.signed_in("nurse").await);
    waiting(&app, &mut thief, "physician").await;
    let text = "SELECT count(*) FROM device_principal WHERE realm_id = $1";
    let bound = app.db.number(text, vec![RealmKey::MAIN.into()]).await;
    assert_eq!(bound, 1, "the nurse's own");
    attack(&app, "physician").await;

    thief.sign_in_with("physician", &app.password("main", "physician")).await.expect(429);
}

#[tokio::test]
async fn a_device_of_many_people_is_recognised_for_each() {
    let app = TestApp::new().await;
    let mut ward = app.browser();
    for username in ["nurse", "billing", "nurse"] {
        ward.sign_in(username).await;
    }
    let ward = only_the_device(&ward);
    attack(&app, "nurse").await;
    app.advance(minutes(1));
    for number in 0..5 {
        from(&app, 200 + number).sign_in_with("billing", "a wrong guess").await.expect(401);
    }

    for username in ["nurse", "billing"] {
        ward.clone().sign_in_with(username, &app.password("main", username)).await.expect(200);
    }
}
