//! `?at=`: who could do what at any instant before, and grants by date (RBAC-09).

use domain::realm::RealmKey;
use domain::time::{Timestamp, minutes, seconds};
use domain::unit::UnitPath;
use serde_json::{Value, json};
use service::grant::Give;
use testkit::{Browser, TestApp, on_both_databases};

async fn id(app: &TestApp, username: &str) -> String {
    app.user_id(RealmKey::MAIN, username).await
}

async fn access(browser: &mut Browser, user: &str, at: Option<Timestamp>) -> Value {
    let at = at.map_or_else(String::new, |at| format!("?at={}", at.rfc3339()));
    browser.get(&format!("/api/v1/users/{user}/permissions{at}")).await.expect(200).json()
}

on_both_databases! {
    async fn what_was_held_at_an_instant_stays_so_whatever_changes_later(app: TestApp) {
        let mut admin = app.signed_in("admin").await;
        let (nurse, role) = (id(&app, "nurse").await, "/api/v1/roles/sampler");
        let mut taken: Vec<(Timestamp, Value)> = Vec::new();
        for step in 0..12 {
            app.advance(seconds(20));
            match step {
                0 => {
                    admin.post("/api/v1/apis", &json!({ "audience": "lab", "name": "Lab" })).await.expect(201);
                    let permission = json!({ "name": "samples:read", "description": "See samples" });
                    admin.post("/api/v1/apis/lab/permissions", &permission).await.expect(201);
                }
                1 => {
                    let body = json!({ "name": "sampler", "display_name": "Sampler", "permissions": { "lab": ["samples:read"] } });
                    admin.post("/api/v1/roles", &body).await.expect(201);
                }
                2 => drop(admin.give(&nurse, "sampler", "/clinic-a").await.expect(201)),
                3 => drop(admin.put_now(&format!("{role}/inherits"), role, &json!({ "inherits": ["billing"] })).await.expect(200)),
                4 => drop(admin.put_now(&format!("{role}/permissions"), role, &json!({ "permissions": {} })).await.expect(200)),
                5 => {
                    let body = json!({ "permissions": { "lab": ["samples:read"], "clinic": ["charts:read"] } });
                    admin.put_now(&format!("{role}/permissions"), role, &body).await.expect(200);
                }
                6 => drop(admin.put_now(&format!("{role}/inherits"), role, &json!({ "inherits": [] })).await.expect(200)),
                7 => {
                    let grants = admin.grants(&nurse).await;
                    admin.end_grant(&nurse, &grants[0]).await.expect(200);
                }
                8 => drop(admin.give(&nurse, "sampler", "/").await.expect(201)),
                9 => {
                    let grants = admin.grants(&nurse).await;
                    admin.end_grant(&nurse, &grants[0]).await.expect(200);
                }
                10 => drop(admin.delete_in(role, "\"5\"").await.expect(204)),
                _ => {
                    admin.delete("/api/v1/apis/lab/permissions/samples:read").await.expect(204);
                    admin.delete_in("/api/v1/apis/lab", "\"1\"").await.expect(204);
                }
            }
            app.advance(seconds(2));
            taken.push((app.db.now(), access(&mut admin, &nurse, None).await));
        }

        for (at, then) in &taken {
            assert_eq!(&access(&mut admin, &nurse, Some(*at)).await, then, "{}", at.rfc3339());
        }
        let different = taken.windows(2).filter(|pair| pair[0].1 != pair[1].1).count();
        assert!(different >= 7, "the steps changed something: {different}");
    }

    async fn rbac_09_what_begins_by_date_is_in_the_next_token_and_in_our_api_at_once(app: TestApp) {
        let mut admin = app.signed_in("admin").await;
        let nurse = id(&app, "nurse").await;
        let (begin, end) = (app.db.now().plus(minutes(2)), app.db.now().plus(minutes(4)));
        let body = json!({ "role": "auditor", "valid_from": begin.rfc3339(), "valid_until": end.rfc3339(), "reason": "two minutes" });
        admin.post(&format!("/api/v1/users/{nurse}/grants"), &body).await.expect(201);
        let mut browser = app.signed_in("nurse").await;
        assert_eq!(browser.get("/api/v1/roles").await.status, 403, "not yet");

        app.advance(minutes(2));
        assert_eq!(browser.get("/api/v1/roles").await.status, 403, "a sensitive role waits for a second factor");
        assert_eq!(access(&mut admin, &nurse, Some(begin)).await, access(&mut admin, &nurse, None).await);
        let mut ends = access(&mut admin, &nurse, None).await["items"].as_array().unwrap().clone();
        ends.retain(|item| item["paths"][0]["role"] == "auditor");
        assert!(!ends.is_empty() && ends.iter().all(|item| item["paths"][0]["valid_until"] == end.rfc3339()), "{ends:?}");

        app.advance(minutes(2));
        let after = access(&mut admin, &nurse, None).await;
        assert!(!after.to_string().contains("auditor"), "it ended by itself");
        let before = Timestamp::from_micros(end.micros() - 1);
        assert!(access(&mut admin, &nurse, Some(before)).await.to_string().contains("auditor"));
    }
}

/// Somebody with as many grants as anybody can have: each in a ward of its own, `role` everywhere.
async fn with_many_grants(app: &TestApp, role: &str, count: usize) -> String {
    let (user, operator) = (id(app, "nurse").await, || testkit::app::operator(RealmKey::MAIN));
    for number in 0..count {
        let path = UnitPath::parse(&format!("/office-{number:03}")).unwrap();
        let unit = service::unit::CreateUnit { path: path.clone(), name: format!("Office {number}") };
        service::unit::create_as_operator(&app.app, operator(), unit).await.unwrap();
        let give = Give {
            user: user.parse().unwrap(),
            role: role.to_owned(),
            unit: path,
            valid_from: None,
            valid_until: None,
            reason: "many".to_owned(),
        };
        service::grant::give_as_operator(&app.app, operator(), give).await.unwrap();
    }
    user
}

#[tokio::test]
async fn whoever_leads_fifty_offices_has_a_token_under_four_kilobytes_that_names_them_all() {
    let app = TestApp::new().await;
    with_many_grants(&app, "charge-nurse", 50).await;
    let mut nurse = app.browser();
    let token =
        nurse.sign_in_for("nurse", "clinic").await.expect(200).json()["access_token"].as_str().unwrap().to_owned();

    let claims = crate::claims(&token);
    assert_eq!(claims["units"].as_object().unwrap().len(), 50);
    assert!(token.len() <= 4096, "{}", token.len());
}

#[tokio::test]
async fn five_hundred_grants_are_borne_and_one_more_is_refused() {
    let app = TestApp::new().await;
    let user = with_many_grants(&app, "charge-nurse", 499).await;
    let mut admin = app.signed_in("admin").await;
    let more = admin.give(&user, "billing", "/").await.expect(409);
    assert!(more.json()["detail"].as_str().unwrap().contains("500"), "{more:?}");

    let mut nurse = app.browser();
    let token =
        nurse.sign_in_for("nurse", "clinic").await.expect(200).json()["access_token"].as_str().unwrap().to_owned();
    let claims = crate::claims(&token);
    assert!(token.len() <= 4096, "a token stays short, whatever somebody holds: {}", token.len());
    assert!(claims["roles"].as_array().unwrap().contains(&json!("nurse")), "what is held everywhere stays in it");
    assert_eq!(claims.get("units"), None, "a verifier that sees no units denies too much, never too little");
    let (mut grants, mut cursor) = (0, String::new());
    loop {
        let page = admin.get(&format!("/api/v1/users/{user}/grants?limit=200{cursor}")).await.expect(200).json();
        grants += page["items"].as_array().unwrap().len();
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(grants, 500);
}

#[tokio::test]
async fn nonsense_as_an_instant_is_refused() {
    let app = TestApp::new().await;
    let mut admin = app.signed_in("admin").await;
    let path = format!("/api/v1/users/{}/permissions", id(&app, "nurse").await);
    for at in ["", "yesterday", "2026-11-20", "2026-13-01T00:00:00Z", "1795271760", "2999-01-01T00:00:00Z", "%00"] {
        let answer = admin.get(&format!("{path}?at={at}")).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "malformed"), "{at}");
    }
    assert_eq!(admin.get(&format!("{path}?at=1970-01-01T00:00:00Z")).await.expect(200).json()["items"], json!([]));
    let other = app.user_id(RealmKey::from_stored(2), "nurse").await;
    let there = admin.get(&format!("/api/v1/users/{other}/permissions?at=2026-11-20T00:00:00Z")).await;
    assert_eq!((there.status, there.code().as_str()), (404, "not-found"), "of another realm");
}
