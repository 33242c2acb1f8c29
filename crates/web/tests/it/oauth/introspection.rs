//! INT-01 to INT-04: what a token is worth now.

use super::*;
use domain::realm::RealmKey;
use domain::time::{hours, minutes, seconds};
use testkit::on_both_databases;

const PATH: &str = "/oauth/introspect";
const INACTIVE: &str = r#"{"active":false}"#;

async fn clinic(app: &TestApp, api: &str, token: &str) -> Answer {
    ask(app, ("clinic", api), PATH, &[("token", token)]).await.expect(200)
}

async fn nurse(app: &TestApp) -> (Browser, String) {
    let mut browser = app.browser();
    browser.sign_in_for("nurse", "clinic").await;
    let token = browser.bearer.clone().unwrap();
    (browser, token)
}

on_both_databases! {
    async fn int_02_an_active_token_is_described_with_the_rights_of_this_moment(app: TestApp) {
        let (api, (_, token)) = (app.api_secret().await, nurse(&app).await);

        let answer = clinic(&app, &api, &token).await.json();

        let said = crate::claims(&token);
        for name in ["client_id", "exp", "iat", "sub", "aud", "iss", "jti", "sid", "acr", "amr", "auth_time", "roles", "permissions", "roles_version"] {
            assert_eq!(answer[name], said[name], "{name}");
        }
        assert_eq!((&answer["active"], text(&answer["token_type"]), &answer["nbf"]), (&json!(true), "Bearer", &said["iat"]));
        assert!(text(&answer["scope"]).split(' ').any(|name| name == "charts:read"));
        assert!(!answer.to_string().contains("nurse@"), "no personal data");
        let used: Vec<Value> = app.events().await.into_iter().filter(|event| event["reason"] == "introspection").collect();
        assert_eq!((used.len(), text(&used[0]["subject"]["name"])), (1, "clinic"), "INT-04: in aggregate");
        clinic(&app, &api, &token).await;
        app.advance(hours(1));
        clinic(&app, &api, &token).await;
        let last = app.events().await.into_iter().rfind(|event| event["reason"] == "introspection").unwrap();
        assert_eq!(last["after"]["count"], 2);
    }

    async fn int_01_whatever_is_not_active_or_not_the_callers_business_is_the_same_three_words(app: TestApp) {
        let (api, (nurse, token)) = (app.api_secret().await, nurse(&app).await);
        let mut admin = app.signed_in("admin").await;
        admin.post("/api/v1/apis", &json!({ "audience": "lab", "name": "Lab" })).await.expect(201);
        let lab = admin.post_empty("/api/v1/apis/lab/secret").await.expect(200).json();
        let lab = text(&lab["client_secret"]).to_owned();
        app.remember(&lab);
        let robot = service(&app, "robot", &["clinic"]).await;
        let own = app.signed_in("receptionist").await.bearer.unwrap();
        let refresh = nurse.cookie("refresh").unwrap();
        let (wide, dots) = ("a".repeat(65_000), ".".repeat(60_000));
        let expired = minted(&token, |claims| claims.exp = claims.iat);
        let early = minted(&token, |claims| claims.iat += 3600);
        let foreign = minted(&token, |claims| claims.iss = "https://evil.example".to_owned());
        let stranger = minted(&token, |claims| claims.sub = uuid::Uuid::from_u128(9));
        let sessionless = minted(&token, |claims| claims.sid = None);
        let none = token.split_once('.').map(|(_, rest)| format!("eyJhbGciOiJub25lIn0.{rest}")).unwrap();
        for junk in [own.as_str(), &refresh, &wide, &dots, &expired, &early, &foreign, &stranger, &sessionless, &none, "a.b.c", "<b>", "\u{0}"] {
            let short: String = junk.chars().take(40).collect();
            assert_eq!(clinic(&app, &api, junk).await.text, INACTIVE, "{short}");
        }
        for (id, secret) in [("lab", &lab), ("robot", &robot)] {
            assert_eq!(ask(&app, (id, secret), PATH, &[("token", &token)]).await.expect(200).text, INACTIVE, "{id}");
        }
        assert_eq!(clinic(&app, &api, &token).await.json()["active"], true);
        let robots = super::token(&app, ("robot", &robot), &[]).await.expect(200).json();
        let robots = text(&robots["access_token"]);
        assert_eq!(ask(&app, ("robot", &robot), PATH, &[("token", robots)]).await.expect(200).json()["active"], true, "its own");
        assert_eq!(app.browser().get(PATH).await.expect(405).header("allow"), "POST", "INT-04");
    }

    async fn int_03_what_changed_since_shows_at_once(app: TestApp) {
        let (api, (mut browser, token)) = (app.api_secret().await, nurse(&app).await);
        let id = app.user_id(RealmKey::MAIN, "nurse").await;
        let mut admin = app.signed_in("admin").await;
        app.advance(seconds(2));

        admin.give(&id, "lab-technician", "/").await.expect(201);
        let answer = clinic(&app, &api, &token).await.json();
        assert!(answer["roles"].as_array().unwrap().contains(&json!("lab-technician")), "{answer}");
        let newest = admin.grants(&id).await;
        for grant in newest {
            admin.end_grant(&id, &grant).await.expect(200);
        }
        let answer = clinic(&app, &api, &token).await.json();
        assert_eq!((&answer["roles"], &answer["permissions"], &answer["scope"]), (&json!([]), &json!([]), &json!("")));
        admin.give(&id, "physician", "/").await.expect(201);
        let answer = clinic(&app, &api, &token).await.json();
        assert_eq!(answer["roles"], json!([]), "withheld before a second factor");

        let session = text(&crate::claims(&token)["sid"]).to_owned();
        let (_, other) = nurse_again(&app).await;
        admin.delete(&format!("/api/v1/users/{id}/sessions/{session}")).await.expect(204);
        assert_eq!(clinic(&app, &api, &token).await.text, INACTIVE, "the session ended");
        browser.refresh().await.expect(401);
        let node = app.node(|_, _| {});
        assert_eq!(clinic(&node, &api, &other).await.json()["active"], true);
        admin.set(&id, "disable").await.expect(200);
        assert_eq!(clinic(&node, &api, &other).await.text, INACTIVE, "ACC-03: on every node");
        admin.set(&id, "enable").await.expect(200);
        assert_eq!(clinic(&app, &api, &other).await.text, INACTIVE, "and it does not come back");
    }

    async fn int_03_a_locked_session_is_inactive_and_a_service_is_what_it_is_now(app: TestApp) {
        let (api, (_, token)) = (app.api_secret().await, nurse(&app).await);
        let robot = service(&app, "robot", &["clinic"]).await;
        give(&app, "robot", "clinical-staff", "/").await.expect(201);
        app.advance(seconds(2));
        let issued = async |fields: &[(&str, &str)]| {
            let answer = super::token(&app, ("robot", &robot), fields).await.expect(200).json();
            text(&answer["access_token"]).to_owned()
        };
        let (whole, narrow) = (issued(&[]).await, issued(&[("scope", "charts:read")]).await);
        assert_eq!(clinic(&app, &api, &whole).await.json()["roles"], json!(["clinical-staff"]));
        let answer = clinic(&app, &api, &narrow).await.json();
        assert_eq!((&answer["roles"], &answer["permissions"], &answer["units"]), (&json!([]), &json!(["charts:read"]), &json!({})));
        assert_eq!((answer.get("sid"), text(&answer["client_id"])), (None, "robot"));

        change(&app, "robot", &json!({ "enabled": false })).await.expect(200);
        assert_eq!(clinic(&app, &api, &whole).await.text, INACTIVE);
        change(&app, "robot", &json!({ "enabled": true })).await.expect(200);
        assert_eq!(clinic(&app, &api, &whole).await.text, INACTIVE, "a token from before stays dead");
        app.advance(seconds(2));
        let fresh = issued(&[]).await;
        assert_eq!(clinic(&app, &api, &fresh).await.json()["active"], true);
        change(&app, "robot", &json!({ "apis": [] })).await.expect(200);
        assert_eq!(clinic(&app, &api, &fresh).await.text, INACTIVE);
        assert_eq!(clinic(&app, &api, &token).await.json()["active"], true);
        let lasting = minted(&token, |claims| claims.exp += 3600);
        app.advance(minutes(16));
        assert_eq!(clinic(&app, &api, &lasting).await.text, INACTIVE, "idle: the session is locked");
    }
}

async fn nurse_again(app: &TestApp) -> (Browser, String) {
    nurse(app).await
}
