//! `client_credentials`: what a service may do, in a token.

use super::*;
use domain::allowed::Request;
use domain::time::{Timestamp, minutes};
use service::client::{Credentials, Demand, authenticate};
use service::oauth::{ClientCredentials, TokenError};
use testkit::on_both_databases;

on_both_databases! {
    async fn jwt_02_a_services_token_says_what_its_grants_give_and_names_no_session(app: TestApp) {
        let secret = service(&app, "robot", &["clinic"]).await;
        give(&app, "robot", "clinical-staff", "/").await.expect(201);
        give(&app, "robot", "nurse", "/clinic-a/ward-3").await.expect(201);

        let answer = token(&app, ("robot", &secret), &[]).await.expect(200);

        let issued = answer.json();
        let claims = crate::claims(text(&issued["access_token"]));
        assert_eq!((text(&issued["token_type"]), issued["expires_in"].as_i64()), ("Bearer", Some(600)));
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!((text(&claims["client_id"]), text(&claims["aud"])), ("robot", "clinic"));
        assert_eq!(claims["roles"], json!(["clinical-staff"]));
        assert_eq!(claims["units"], json!({ "/clinic-a/ward-3": ["nurse"] }));
        assert!(claims["permissions"].as_array().unwrap().contains(&json!("charts:read")), "{claims}");
        for absent in ["sid", "acr", "amr", "auth_time", "scope"] {
            assert!(claims[absent].is_null(), "{absent}");
        }
        assert_eq!(issued.get("refresh_token"), None, "OA-16");
        let used = app.events().await.into_iter().rfind(|event| event["type"] == "authn_login_success").unwrap();
        assert_eq!((text(&used["actor"]["kind"]), &used["actor"]["id"]), ("client", &claims["sub"]));
        assert_eq!((text(&used["reason"]), text(&used["subject"]["name"])), ("token", "robot"));
        let (_, events) = app.events_while(token(&app, ("robot", &secret), &[])).await;
        assert!(events.is_empty(), "in aggregate: {events:?}");
        let own = minted(text(&issued["access_token"]), |claims| claims.aud = format!("{}/api/v1", testkit::app::BASE));
        let mut robot = app.browser();
        robot.bearer = Some(own);
        assert_eq!(robot.me().await.status, 401, "our own API knows people only");
    }

    async fn a_scope_narrows_to_what_is_held_everywhere_and_never_widens(app: TestApp) {
        let secret = service(&app, "robot", &["clinic"]).await;
        give(&app, "robot", "clinical-staff", "/").await.expect(201);
        give(&app, "robot", "nurse", "/clinic-a").await.expect(201);

        let issued = token(&app, ("robot", &secret), &[("scope", "notes:read charts:read")]).await;

        let issued = issued.expect(200).json();
        let claims = crate::claims(text(&issued["access_token"]));
        assert_eq!((text(&issued["scope"]), text(&claims["scope"])), ("charts:read notes:read", "charts:read notes:read"));
        assert_eq!(claims["permissions"], json!(["charts:read", "notes:read"]));
        assert_eq!((&claims["roles"], &claims["units"]), (&json!([]), &Value::Null), "roles would say more than was asked for");
        let vitals = "vitals:record";
        for scope in ["nothing:here", "charts:read made:up", vitals, "charts", "*", "charts:read\u{e9}"] {
            let refused = token(&app, ("robot", &secret), &[("scope", scope)]).await.expect(400).json();
            assert_eq!(refused["error"], "invalid_scope", "{scope}");
        }
        let scope = "charts:read made:up vitals:record <b>x</b>";
        let refused = token(&app, ("robot", &secret), &[("scope", scope)]).await.expect(400).json();
        let named = "The client does not hold this everywhere: made:up, vitals:record.";
        assert_eq!(text(&refused["error_description"]), named, "RFC 6749, section 5.2: in its characters");
    }

    async fn a_token_outlives_neither_the_apis_lifetime_nor_a_grant(app: TestApp) {
        let secret = service(&app, "robot", &["clinic"]).await;
        let until = app.db.now().plus(minutes(5)).rfc3339();
        let body = json!({ "role": "nurse", "reason": "for five minutes", "valid_until": until });
        app.signed_in("admin").await.post("/api/v1/clients/robot/grants", &body).await.expect(201);
        let short = |answer: Answer| crate::claims(text(&answer.json()["access_token"]))["exp"].as_i64().unwrap();

        let exp = short(token(&app, ("robot", &secret), &[]).await.expect(200));
        assert_eq!(Timestamp::from_seconds(exp), app.db.now().plus(minutes(5)));
        app.advance(minutes(6));
        let answer = token(&app, ("robot", &secret), &[]).await.expect(200);
        assert_eq!(answer.json()["scope"], "", "nothing is held any more");
    }

    async fn a_service_is_given_tokens_for_its_apis_and_no_other(app: TestApp) {
        let mut admin = app.signed_in("admin").await;
        admin.post("/api/v1/apis", &json!({ "audience": "lab", "name": "Lab" })).await.expect(201);
        let one = service(&app, "one", &["clinic"]).await;
        let two = service(&app, "two", &["clinic", "lab", "bailiwick"]).await;
        let none = service(&app, "none", &[]).await;
        let own = format!("{}/api/v1", testkit::app::BASE);
        for (id, secret, fields, audience) in [
            ("one", &one, &[][..], Some("clinic")),
            ("one", &one, &[("audience", "clinic")], Some("clinic")),
            ("one", &one, &[("audience", "lab")], None),
            ("one", &one, &[("audience", "made-up")], None),
            ("one", &one, &[("resource", "https://elsewhere.example/")], None),
            ("two", &two, &[], None),
            ("two", &two, &[("resource", "lab")], Some("lab")),
            ("two", &two, &[("resource", "lab"), ("audience", "lab")], Some("lab")),
            ("two", &two, &[("resource", "lab"), ("audience", "clinic")], None),
            ("two", &two, &[("audience", "bailiwick")], None),
            ("two", &two, &[("resource", own.as_str())], None),
            ("none", &none, &[], None),
        ] {
            let answer = token(&app, (id, secret), fields).await;
            match audience {
                Some(audience) => {
                    assert_eq!(crate::claims(text(&answer.expect(200).json()["access_token"]))["aud"], audience);
                }
                None => assert_eq!(answer.expect(400).json()["error"], "invalid_target", "{id} {fields:?}"),
            }
        }
    }

    async fn oa_04_only_a_service_that_is_enabled_gets_a_token_and_only_by_this_grant(app: TestApp) {
        let robot = service(&app, "robot", &["clinic"]).await;
        let portal = json!({ "client_id": "portal", "name": "Portal", "kind": "confidential", "apis": ["clinic"], "redirect_uris": ["https://a.example/"] });
        let portal = register(&app, portal).await;
        let api = app.api_secret().await;
        let refused = async |who, fields: &[(&str, &str)]| ask(&app, who, "/oauth/token", fields).await.expect(400).json();
        let own = [("grant_type", "client_credentials")];

        assert_eq!(refused(("portal", &portal), &own).await["error"], "unauthorized_client");
        assert_eq!(refused(("clinic", &api), &own).await["error"], "unauthorized_client");
        for other in ["password", "authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:token-exchange"] {
            assert_eq!(refused(("robot", &robot), &[("grant_type", other)]).await["error"], "unsupported_grant_type");
        }
        assert_eq!(refused(("robot", &robot), &[]).await["error"], "invalid_request");
        change(&app, "robot", &json!({ "enabled": false })).await.expect(200);
        assert_eq!(token(&app, ("robot", &robot), &[]).await.expect(401).json()["error"], "invalid_client");
    }

    async fn a_service_from_which_an_api_was_taken_since_it_proved_itself_gets_no_token_for_it(app: TestApp) {
        app.signed_in("admin").await.post("/api/v1/apis", &json!({ "audience": "lab", "name": "Lab" })).await.expect(201);
        let secret = service(&app, "robot", &["clinic", "lab"]).await;
        let realm = service::realm::by_slug(&app.app, "main").await.unwrap().expect("main");
        let credentials = Credentials::new("robot", Some(&secret));
        let asked = ClientCredentials { audience: Some("clinic".to_owned()), ..ClientCredentials::default() };
        let proved = authenticate(&app.app, realm.key, credentials, Demand::Secret, Request::default()).await.unwrap();
        service::oauth::client_credentials(&app.app, &realm, &proved, asked.clone()).await.expect("while it may");

        change(&app, "robot", &json!({ "apis": ["lab"] })).await.expect(200);

        let refused = service::oauth::client_credentials(&app.app, &realm, &proved, asked).await;
        assert!(matches!(refused, Err(TokenError::Ended)), "{refused:?}");
    }
}

#[tokio::test]
async fn meta_03_the_metadata_names_the_endpoints_that_work() {
    let app = TestApp::new().await;
    let document = app.browser_in_other().get("/.well-known/openid-configuration").await.expect(200).json();
    let base = format!("{}/realms/other", testkit::app::BASE);

    assert_eq!(document["grant_types_supported"], json!(["client_credentials"]));
    for (name, path) in [("token", "token"), ("revocation", "revoke"), ("introspection", "introspect")] {
        assert_eq!(document[format!("{name}_endpoint")], format!("{base}/oauth/{path}"));
        let methods = document[format!("{name}_endpoint_auth_methods_supported")].as_array().unwrap().clone();
        assert!(methods.contains(&json!("client_secret_basic")) && methods.contains(&json!("client_secret_post")));
        app.browser_in_other().post_empty(&format!("/oauth/{path}")).await.expect(401);
        app.browser_in_other().get(&format!("/oauth/{path}")).await.expect(405);
    }
}
