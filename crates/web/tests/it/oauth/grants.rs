//! Roles of services: the rules of people's grants, and nobody climbs by a service.

use super::*;
use testkit::on_both_databases;

async fn names(app: &TestApp, id: &str) -> Vec<(String, bool)> {
    let list = app.signed_in("admin").await.get(&format!("/api/v1/clients/{id}/grants")).await.expect(200).json();
    let one = |grant: &Value| (text(&grant["role"]).to_owned(), grant["ended_at"].is_null());
    list["items"].as_array().unwrap().iter().map(one).collect()
}

on_both_databases! {
    async fn rbac_08_a_role_is_given_to_a_service_by_who_may_give_it_there(app: TestApp) {
        service(&app, "robot", &["clinic"]).await;
        let path = "/api/v1/clients/robot/grants";
        let body = |role: &str, unit: &str| json!({ "role": role, "unit": unit, "reason": "because" });
        app.signed_in("nurse").await.post(path, &body("nurse", "/")).await.expect(403);
        let mut local = app.signed_in("clinic-a-admin").await;
        local.post(path, &body("nurse", "/")).await.expect(403);
        local.get(path).await.expect(403);

        let given = local.post(path, &body("nurse", "/clinic-a")).await.expect(201).json();

        assert_eq!(names(&app, "robot").await, [("nurse".to_owned(), true)]);
        let event = app.events().await.into_iter().rfind(|event| event["type"] == "role_granted").unwrap();
        assert_eq!((text(&event["subject"]["kind"]), text(&event["subject"]["name"])), ("client", "robot"));
        assert_eq!((&event["after"]["grant"], text(&event["after"]["unit"])), (&given["id"], "/clinic-a"));
        let mut admin = app.signed_in("admin").await;
        for (body, status) in [
            (body("nurse", "/clinic-a"), 409), (body("physician", "/"), 409), (body("nothing", "/"), 422), (body("nurse", "/nowhere"), 422),
            (json!({ "role": "nurse", "reason": "x" }), 422), (json!({ "role": "nurse" }), 422),
        ] {
            let answer = admin.post(path, &body).await;
            assert_eq!(answer.status, status, "{body}: {answer:?}");
        }
        admin.post("/api/v1/clients/nobody/grants", &body("nurse", "/")).await.expect(404);
        let portal = json!({ "client_id": "portal", "name": "Portal", "kind": "confidential", "redirect_uris": ["https://a.example/"] });
        register(&app, portal).await;
        admin.post("/api/v1/clients/portal/grants", &body("nurse", "/")).await.expect(409);

        let end = format!("{path}/{}/end", text(&given["id"]));
        local.post(&end, &json!({ "reason": "done with it" })).await.expect(200);
        admin.post(&end, &json!({ "reason": "done with it" })).await.expect(409);
        assert_eq!(names(&app, "robot").await, [("nurse".to_owned(), false)]);
        assert_eq!(app.count("role_revoked").await, 1);
    }

    async fn nobody_climbs_by_the_secret_of_a_service_that_holds_what_they_may_not_give(app: TestApp) {
        service(&app, "robot", &["clinic"]).await;
        give(&app, "robot", "nurse", "/").await.expect(201);
        let mut admin = app.signed_in("admin").await;
        let keeper = json!({ "name": "client-keeper", "display_name": "Client keeper", "permissions": { "bailiwick": ["clients:manage"] } });
        admin.post("/api/v1/roles", &keeper).await.expect(201);
        let id = app.user_id(domain::realm::RealmKey::MAIN, "physician").await;
        admin.give(&id, "client-keeper", "/").await.expect(201);
        let mut keeper = app.signed_in("physician").await;

        let refused = keeper.post_empty("/api/v1/clients/robot/secret").await.expect(403).json();

        assert_eq!(refused["missing"], json!(["roles:assign"]));
        let path = "/api/v1/clients/robot";
        let version = keeper.version(path).await;
        keeper.patch(path, &version, &json!({ "apis": ["clinic", "bailiwick"] })).await.expect(403);
        keeper.patch(path, &version, &json!({ "enabled": false })).await.expect(200);
        let version = keeper.version(path).await;
        keeper.patch(path, &version, &json!({ "enabled": true })).await.expect(403);
        change(&app, "robot", &json!({ "enabled": true })).await.expect(200);
        let version = keeper.version(path).await;
        let (answer, events) = app.events_while(keeper.delete_in(path, &version)).await;
        assert_eq!((answer.status, events), (204, vec!["client_deleted".to_owned(), "role_revoked".to_owned()]), "protecting needs no more");
    }
}

#[tokio::test]
async fn a_service_that_lost_a_role_shows_it_in_the_next_answer() {
    let app = TestApp::new().await;
    let (api, secret) = (app.api_secret().await, service(&app, "robot", &["clinic"]).await);
    let given = give(&app, "robot", "nurse", "/").await.expect(201).json();
    app.advance(domain::time::seconds(2));
    let issued = token(&app, ("robot", &secret), &[]).await.expect(200).json();
    let fields = [("token", text(&issued["access_token"]))];
    let before = ask(&app, ("clinic", &api), "/oauth/introspect", &fields).await.json();

    let end = format!("/api/v1/clients/robot/grants/{}/end", text(&given["id"]));
    app.signed_in("admin").await.post(&end, &json!({ "reason": "done with it" })).await.expect(200);

    assert_eq!(before["active"], true);
    assert_eq!(ask(&app, ("clinic", &api), "/oauth/introspect", &fields).await.text, r#"{"active":false}"#);
    let next = token(&app, ("robot", &secret), &[]).await.expect(200).json();
    assert_eq!(crate::claims(text(&next["access_token"]))["roles"], json!([]));
}
