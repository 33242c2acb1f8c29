//! What is changed at the console beside giving roles: people's data and accounts, units, roles, APIs and clients. Each goes through the use case of the
//! API: in a version, after a fresh sign-in where the API asks for one, and with a refusal that the page says in its own language.

use domain::time::minutes;
use serde_json::{Value, json};
use testkit::{Browser, TestApp};

use crate::console::{at_the_console, person, send};

/// The same browser, which asks for German.
fn in_german(mut browser: Browser) -> Browser {
    browser.headers.insert("accept-language".to_owned(), "de".to_owned());
    browser
}

/// The last event of a kind, with what is personal in it.
async fn last(app: &TestApp, kind: &str) -> Value {
    let found = app.signed_in("auditor").await.get(&format!("/api/v1/audit/events?type={kind}&limit=1")).await;
    found.expect(200).json()["items"][0].clone()
}

#[tokio::test]
async fn what_is_known_of_somebody_is_changed_in_a_version() {
    let app = TestApp::new().await;
    let mut desk = at_the_console(&app, "admin").await;
    let (path, id) = person(&app, "nurse").await;
    let form = format!("{path}/change");
    let page = desk.get(&form).await.expect(200);
    for field in ["display_name", "given_name", "phone", "locale", "unit", "attributes/npi"] {
        assert!(page.text.contains(&format!("name=\"{field}\"")), "{field}: {}", page.text);
    }
    let (name, unit) = (page.hidden("version"), "/clinic-a");
    let fields = |phone: &'static str, npi: &'static str| {
        [
            ("version", name.as_str()),
            ("display_name", "Ann Reed"),
            ("phone", phone),
            ("unit", unit),
            ("attributes/npi", npi),
        ]
    };
    let wrong = send(&mut desk, &form, &form, &fields("1", "123")).await.expect(422);
    assert!(
        wrong.text.contains("id=\"attributes/npi-error\"") && wrong.text.contains("value=\"123\""),
        "{}",
        wrong.text
    );

    let done = send(&mut desk, &form, &form, &fields("+41 44 000", "1234567893")).await.expect(303);

    assert_eq!(done.header("location"), format!("{path}?told=saved"));
    assert!(desk.get(done.header("location")).await.expect(200).text.contains("It is saved"));
    let now = app.signed_in("admin").await.get(&format!("/api/v1/users/{id}")).await.expect(200).json();
    assert_eq!(
        (&now["display_name"], &now["phone"], &now["unit"]),
        (&json!("Ann Reed"), &json!("+41 44 000"), &json!(unit))
    );
    assert_eq!(now["attributes"]["npi"], "1234567893");
    assert_eq!(last(&app, "user_updated").await["actor"]["name"], "The admin");
    let mut desk = in_german(desk);
    let stale = send(&mut desk, &form, &form, &fields("2", "")).await.expect(412);
    assert!(
        stale.text.contains("Jemand war schneller") && stale.text.contains("value=\"+41 44 000\""),
        "{}",
        stale.text
    );
    assert_ne!(stale.hidden("version"), name, "what is there by now, in its version");
}

#[tokio::test]
async fn accounts_are_unlocked_get_a_code_and_are_deleted_and_what_one_may_not_is_not_offered() {
    let app = TestApp::new().await;
    let mut desk = at_the_console(&app, "admin").await;
    let (path, id) = person(&app, "nurse").await;
    let ask = |deed: &str| format!("{path}/{deed}");
    for deed in ["change", "unlock", "print-code", "delete"] {
        assert!(desk.get(&path).await.text.contains(&ask(deed)), "{deed}");
    }
    for name in ["auditor", "charge-nurse"] {
        let mut other = at_the_console(&app, name).await;
        let page = other.get(&path).await;
        assert!(
            ["change", "unlock", "print-code", "delete"].iter().all(|deed| !page.text.contains(&ask(deed))),
            "{name}"
        );
        other.get(&ask("delete")).await.expect(403);
    }

    let done = send(&mut desk, &ask("unlock"), &ask("unlock"), &[("reason", "rang from the ward")]).await.expect(303);
    assert!(desk.get(done.header("location")).await.text.contains("may try again"));
    assert_eq!(last(&app, "user_unlocked").await["after"]["reason"], "rang from the ward");

    let once = send(&mut desk, &ask("print-code"), &ask("print-code"), &[("reason", "has no mail")]).await.expect(200);
    assert_eq!(once.header("cache-control"), "no-store");
    let code = once.text.split("class=\"codes\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
    app.remember(&code);
    assert!(once.text.contains("/invitation</code>") && !desk.get(&path).await.text.contains(&code));
    app.browser().choose(&code, "the heron stands in the reeds").await.expect(204);

    // Asked again on a page of its own, with a reason, in the version that was looked at, and after a fresh sign-in.
    let page = desk.get(&ask("delete")).await.expect(200);
    let (csrf, version) = (page.hidden("csrf"), page.hidden("version"));
    let none = [("csrf", csrf.as_str()), ("version", &version)];
    assert!(desk.form(&ask("delete"), &none).await.expect(422).text.contains("id=\"reason-error\""));
    let stale = [("csrf", csrf.as_str()), ("version", "999"), ("reason", "left")];
    assert!(desk.form(&ask("delete"), &stale).await.expect(412).text.contains("Someone was faster"));
    let gone = [("csrf", csrf.as_str()), ("version", &version), ("reason", "left the clinic")];
    app.advance(minutes(6));
    assert!(desk.form(&ask("delete"), &gone).await.expect(303).header("location").starts_with("/account/confirm"));
    let mut desk = at_the_console(&app, "admin").await;
    let done =
        send(&mut desk, &ask("delete"), &ask("delete"), &[("version", &version), ("reason", "left the clinic")]).await;
    assert!(desk.get(done.expect(303).header("location")).await.expect(200).text.contains("The person is deleted"));
    let grave = app.signed_in("admin").await.get(&format!("/api/v1/users/{id}")).await.expect(200).json();
    assert_eq!((&grave["status"], &grave["username"]), (&json!("deleted"), &Value::Null));
    assert_eq!(last(&app, "user_deleted").await["after"]["reason"], "left the clinic");
}

#[tokio::test]
async fn a_unit_is_renamed_and_ended_and_what_stands_in_the_way_is_said_in_german() {
    let app = TestApp::new().await;
    let mut desk = in_german(at_the_console(&app, "admin").await);
    let mut api = app.signed_in("admin").await;
    let units = api.get("/api/v1/units?limit=200").await.expect(200).json();
    let id = |path: &str| {
        let all = units["items"].as_array().unwrap().iter();
        all.into_iter().find(|unit| unit["path"] == path).unwrap()["id"].as_str().unwrap().to_owned()
    };
    let (ward, clinic) =
        (format!("/console/units/{}", id("/clinic-a/ward-3")), format!("/console/units/{}", id("/clinic-a")));
    let change = format!("{ward}/change");
    let version = desk.get(&change).await.expect(200).hidden("version");
    let named = |name: &'static str| [("version", version.as_str()), ("name", name)];
    assert!(send(&mut desk, &change, &change, &named(" ")).await.expect(422).text.contains("id=\"name-error\""));
    send(&mut desk, &change, &change, &named("Station 3")).await.expect(303);
    assert!(desk.get("/console/units?told=saved").await.text.contains("Station 3"));
    assert!(
        send(&mut desk, &change, &change, &named("Station 4")).await.expect(412).text.contains("value=\"Station 3\"")
    );

    for (unit, why) in [(&clinic, "Darunter liegen Einheiten."), (&ward, "Personen sind dort zu Hause.")] {
        let end = format!("{unit}/end");
        let version = desk.get(&end).await.expect(200).hidden("version");
        let refused = send(&mut desk, &end, &end, &[("version", &version), ("reason", "zieht um")]).await.expect(409);
        assert!(refused.text.contains(why) && refused.text.contains("Das geht so nicht"), "{}", refused.text);
    }
    send(
        &mut desk,
        "/console/units/new",
        "/console/units/new",
        &[("parent", "/clinic-b"), ("name", "W"), ("slug", "ward-9")],
    )
    .await
    .expect(303);
    let all = api.get("/api/v1/units?limit=200").await.json();
    let new = all["items"].as_array().unwrap().iter().find(|unit| unit["path"] == "/clinic-b/ward-9").unwrap();
    let end = format!("/console/units/{}/end", new["id"].as_str().unwrap());
    let done = send(&mut desk, &end, &end, &[("version", "1"), ("reason", "ein Versehen")]).await.expect(303);
    assert!(desk.get(done.header("location")).await.expect(200).text.contains("Die Einheit ist beendet"));
    assert_eq!(last(&app, "unit_deleted").await["after"]["reason"], "ein Versehen");
    // Whoever manages one clinic neither sees nor ends what lies elsewhere.
    let mut manager = at_the_console(&app, "clinic-a-admin").await;
    let elsewhere = format!("/console/units/{}", id("/clinic-b"));
    assert!(!manager.get("/console/units").await.text.contains(&elsewhere));
    manager.get(&format!("{elsewhere}/change")).await.expect(404);
    manager.get(&format!("{elsewhere}/end")).await.expect(404);
}

#[tokio::test]
async fn an_api_its_permissions_and_its_secret_are_made_changed_and_ended() {
    let app = TestApp::new().await;
    let mut desk = at_the_console(&app, "admin").await;
    let new = "/console/apis/new";
    let fields = |audience: &'static str, seconds: &'static str| {
        [("audience", audience), ("name", "Pharmacy"), ("algorithm", "ES256"), ("access_lifetime_seconds", seconds)]
    };
    for (audience, seconds, field) in [("Pharmacy", "600", "audience"), ("pharmacy", "5", "access_lifetime_seconds")] {
        let refused = send(&mut desk, new, new, &fields(audience, seconds)).await.expect(422);
        assert!(refused.text.contains(&format!("id=\"{field}-error\"")), "{}", refused.text);
    }
    send(&mut desk, new, new, &fields("pharmacy", "300")).await.expect(303);
    assert!(
        send(&mut desk, new, new, &fields("pharmacy", "300")).await.expect(409).text.contains("id=\"audience-error\"")
    );

    let permission = "/console/apis/pharmacy/permissions/new";
    let named = |name: &'static str| [("name", name), ("description", "Hand out medication")];
    assert!(
        send(&mut desk, permission, permission, &named("doses")).await.expect(422).text.contains("id=\"name-error\"")
    );
    send(&mut desk, permission, permission, &named("doses:dispense")).await.expect(303);
    assert!(
        send(&mut desk, permission, permission, &named("doses:dispense"))
            .await
            .expect(409)
            .text
            .contains("id=\"name-error\"")
    );
    let list = desk.get("/console/apis?told=made").await.expect(200).text;
    assert!(list.contains("It is there") && list.contains("doses:dispense") && list.contains("ES256"), "{list}");
    assert!(!list.contains("/console/apis/bailiwick/permissions"), "what the program knows is not offered");

    let change = "/console/apis/pharmacy/change";
    let version = desk.get(change).await.expect(200).hidden("version");
    let longer = [
        ("version", version.as_str()),
        ("name", "Pharmacy"),
        ("algorithm", "ES256"),
        ("access_lifetime_seconds", "900"),
    ];
    send(&mut desk, change, change, &longer).await.expect(303);
    send(&mut desk, change, change, &longer).await.expect(412);
    let api = app.signed_in("admin").await.get("/api/v1/apis/pharmacy").await.expect(200).json();
    assert_eq!(api["access_lifetime_seconds"], 900);

    let secret = "/console/apis/pharmacy/secret";
    let once = send(&mut desk, secret, secret, &[]).await.expect(200);
    let shown = once.text.split("class=\"codes\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
    app.remember(&shown);
    assert!(shown.len() >= 43 && !desk.get(change).await.text.contains(&shown), "once");
    // What is in use says by what, in German.
    let mut german = in_german(at_the_console(&app, "admin").await);
    let end = "/console/apis/clinic/permissions/charts:read/end";
    let refused = send(&mut german, end, end, &[("reason", "alt")]).await.expect(409).text;
    assert!(refused.contains("hat es. Nehmen Sie es zuerst heraus."), "{refused}");
    let end = "/console/apis/clinic/end";
    let version = german.get(end).await.expect(200).hidden("version");
    let refused = send(&mut german, end, end, &[("version", &version), ("reason", "alt")]).await.expect(409).text;
    assert!(refused.contains("hat Rechte von ihr"), "{refused}");
    let end = "/console/apis/pharmacy/permissions/doses:dispense/end";
    send(&mut desk, end, end, &[("reason", "not needed")]).await.expect(303);
    let end = "/console/apis/pharmacy/end";
    let version = desk.get(end).await.expect(200).hidden("version");
    app.advance(minutes(6));
    let asked = send(&mut desk, end, end, &[("version", &version), ("reason", "not needed")]).await.expect(303);
    assert!(asked.header("location").starts_with("/account/confirm"), "{asked:?}");
    let mut desk = at_the_console(&app, "admin").await;
    send(&mut desk, end, end, &[("version", &version), ("reason", "not needed")]).await.expect(303);
    assert_eq!(last(&app, "api_deleted").await["after"]["reason"], "not needed");
    // Somebody who manages one clinic changes nothing that concerns all.
    let mut manager = at_the_console(&app, "clinic-a-admin").await;
    let list = manager.get("/console/apis").await.expect(200).text;
    assert!(!list.contains("/change\"") && !list.contains("/new\""), "{list}");
    for path in [new, "/console/apis/clinic/change", "/console/apis/clinic/secret", "/console/clients/new"] {
        manager.get(path).await.expect(403);
    }
}

#[tokio::test]
async fn a_client_is_made_changed_disabled_and_ended_and_its_secret_is_shown_once() {
    let app = TestApp::new().await;
    let mut desk = at_the_console(&app, "admin").await;
    let new = "/console/clients/new";
    let good = [
        ("client_id", "rota"),
        ("name", "Rota planner"),
        ("kind", "confidential"),
        ("redirect_uris", "https://rota.example/back\r\n\r\nhttps://rota.example/other"),
        ("apis clinic", "on"),
        ("require_pkce", "on"),
    ];
    let with = |name: &'static str, value: &'static str| -> Vec<(&str, &str)> {
        good.iter().map(|(known, usual)| (*known, if *known == name { value } else { *usual })).collect()
    };
    for (name, value) in [("client_id", "R"), ("name", ""), ("kind", "x"), ("redirect_uris", "http://evil.example/")] {
        let refused = send(&mut desk, new, new, &with(name, value)).await.expect(422);
        assert!(refused.text.contains(&format!("id=\"{name}-error\"")), "{name}: {}", refused.text);
    }
    let none = send(&mut desk, new, new, &with("redirect_uris", "")).await.expect(422);
    assert!(none.text.contains("id=\"redirect_uris-error\""), "{}", none.text);

    let once = send(&mut desk, new, new, &good).await.expect(200);

    let secret = once.text.split("class=\"codes\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
    app.remember(&secret);
    let mut api = app.signed_in("admin").await;
    let made = api.get("/api/v1/clients/rota").await.expect(200).json();
    assert_eq!(made["redirect_uris"], json!(["https://rota.example/back", "https://rota.example/other"]));
    assert_eq!((&made["apis"], &made["kind"]), (&json!(["clinic"]), &json!("confidential")));
    let change = "/console/clients/rota/change";
    let page = desk.get(change).await.expect(200);
    assert!(!page.text.contains(&secret) && page.text.contains("name=\"apis clinic\" checked"), "{}", page.text);
    let version = page.hidden("version");
    let off = [("version", version.as_str()), ("name", "Rota"), ("redirect_uris", "https://rota.example/back")];
    send(&mut desk, change, change, &off).await.expect(303);
    let now = api.get("/api/v1/clients/rota").await.expect(200).json();
    assert_eq!((&now["enabled"], &now["apis"], &now["require_pkce"]), (&json!(false), &json!([]), &json!(false)));
    assert!(desk.get("/console/apis?told=saved").await.text.contains(">off</span>"));
    send(&mut desk, change, change, &off).await.expect(412);

    let again = "/console/clients/rota/secret";
    let once = send(&mut desk, again, again, &[]).await.expect(200).text;
    app.remember(once.split("class=\"codes\">").nth(1).unwrap().split('<').next().unwrap());
    assert!(!once.contains(&secret) && once.contains("stay valid until"), "{once}");
    let end = "/console/clients/rota/end";
    let version = desk.get(end).await.expect(200).hidden("version");
    send(&mut desk, end, end, &[("version", &version), ("reason", "replaced")]).await.expect(303);
    api.get("/api/v1/clients/rota").await.expect(404);
    assert_eq!(last(&app, "client_deleted").await["after"]["reason"], "replaced");
}

#[tokio::test]
async fn a_role_is_ended_and_a_refusal_about_roles_is_german_on_a_german_page() {
    let app = TestApp::new().await;
    let mut desk = in_german(at_the_console(&app, "admin").await);
    let end = "/console/roles/nurse/end";
    let version = desk.get(end).await.expect(200).hidden("version");
    let refused = send(&mut desk, end, end, &[("version", &version), ("reason", "alt")]).await.expect(409).text;
    assert!(refused.contains("Jemand hat diese Rolle") && !refused.contains("People hold"), "{refused}");

    // An administrator would leave the role to nobody who administers.
    let change = "/console/roles/admin/change";
    let version = desk.get(change).await.expect(200).hidden("version");
    let fields = [("version", version.as_str()), ("display_name", "Verwaltung"), ("by admin", "on")];
    let refused = send(&mut desk, change, change, &fields).await.expect(409).text;
    assert!(refused.contains("Niemand hätte mehr überall") && !refused.contains("Nobody would"), "{refused}");

    let new = "/console/roles/new";
    send(&mut desk, new, new, &[("name", "scribe"), ("display_name", "Schreibdienst"), ("by admin", "on")])
        .await
        .expect(303);
    let end = "/console/roles/scribe/end";
    assert!(desk.get("/console/roles/scribe").await.text.contains(end));
    let done = send(&mut desk, end, end, &[("version", "1"), ("reason", "ein Versehen")]).await.expect(303);
    assert!(desk.get(done.header("location")).await.expect(200).text.contains("Die Rolle ist abgeschafft"));
}
