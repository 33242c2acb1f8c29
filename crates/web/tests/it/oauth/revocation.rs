//! REV-01 to REV-04: giving tokens back.

use super::*;
use domain::time::{hours, minutes};
use testkit::on_both_databases;

const PATH: &str = "/oauth/revoke";

async fn portal(app: &TestApp, id: &str) -> String {
    let body = json!({ "client_id": id, "name": "Portal", "kind": "confidential", "apis": ["clinic", "bailiwick"], "redirect_uris": ["https://a.example/"] });
    register(app, body).await
}

async fn revoke(app: &TestApp, who: (&str, &str), token: &str, hint: Option<&str>) {
    let fields: Vec<_> = [("token", token)].into_iter().chain(hint.map(|hint| ("token_type_hint", hint))).collect();
    let answer = ask(app, who, PATH, &fields).await.expect(200);
    assert_eq!(answer.text, "", "RFC 7009, section 2.2: there is nothing to say");
}

async fn active(app: &TestApp, api: &str, token: &str) -> bool {
    ask(app, ("clinic", api), "/oauth/introspect", &[("token", token)]).await.expect(200).json()["active"] == true
}

on_both_databases! {
    async fn rev_01_a_client_gives_back_its_own_access_token_once_and_only_it_dies(app: TestApp) {
        let (api, robot) = (app.api_secret().await, service(&app, "robot", &["clinic"]).await);
        let first = token(&app, ("robot", &robot), &[]).await.expect(200).json();
        let second = token(&app, ("robot", &robot), &[]).await.expect(200).json();
        let (first, second) = (text(&first["access_token"]), text(&second["access_token"]));
        assert!(active(&app, &api, first).await);

        let (_, events) = app.events_while(revoke(&app, ("robot", &robot), first, Some("access_token"))).await;
        let (_, again) = app.events_while(revoke(&app, ("robot", &robot), first, Some("nonsense"))).await;

        assert_eq!((events, again.len()), (vec!["authn_token_revoked".to_owned()], 0));
        assert!(!active(&app, &api, first).await);
        assert!(active(&app, &api, second).await);
    }

    async fn rev_02_what_is_not_the_clients_own_is_200_and_lives_on(app: TestApp) {
        let (api, robot) = (app.api_secret().await, service(&app, "robot", &["clinic"]).await);
        let other = service(&app, "other", &["clinic"]).await;
        let robots = token(&app, ("robot", &robot), &[]).await.expect(200).json();
        let robots = text(&robots["access_token"]);
        let mut nurse = app.browser();
        nurse.sign_in_for("nurse", "clinic").await;
        let people = nurse.bearer.clone().unwrap();
        let refresh = nurse.cookie("refresh").unwrap();
        let forged = format!("{}.{}", robots.rsplit_once('.').unwrap().0, "A".repeat(342));
        let wide = "x".repeat(60_000);

        let ((), events) = app.events_while(async {
            for token in [robots, &people, &refresh, &forged, "", "a.b.c", "<script>", &wide].into_iter().filter(|t| !t.is_empty()) {
                for hint in [None, Some("access_token"), Some("refresh_token"), Some("urn:unknown")] {
                    revoke(&app, ("other", &other), token, hint).await;
                    revoke(&app, ("clinic", &api), token, hint).await;
                }
            }
            revoke(&app, ("robot", &robot), &forged, None).await;
        }).await;

        assert!(events.is_empty(), "nothing is written before a signature was verified: {events:?}");
        assert!(active(&app, &api, robots).await && active(&app, &api, &people).await);
        nurse.refresh().await.expect(200);
        ask(&app, ("other", &other), PATH, &[]).await.expect(400);
    }

    async fn rev_01_a_refresh_token_takes_its_session_and_all_its_access_tokens_along(app: TestApp) {
        let (api, secret) = (app.api_secret().await, portal(&app, "portal").await);
        let mut nurse = app.browser();
        nurse.sign_in_for("nurse", "clinic").await;
        let (access, refresh) = (nurse.bearer.clone().unwrap(), nurse.cookie("refresh").unwrap());
        revoke(&app, ("portal", &secret), &refresh, None).await;
        assert!(active(&app, &api, &access).await, "of another client");
        app.db.execute("UPDATE refresh_family SET client_id = 'portal' WHERE realm_id = 1", vec![]).await;

        let (_, events) = app.events_while(revoke(&app, ("portal", &secret), &refresh, Some("access_token"))).await;
        let (_, again) = app.events_while(revoke(&app, ("portal", &secret), &refresh, None)).await;

        assert_eq!((events, again.len()), (vec!["authn_token_revoked".to_owned(), "session_ended".to_owned()], 0));
        assert!(!active(&app, &api, &access).await);
        nurse.refresh().await.expect(401);
    }

    async fn rev_03_a_token_that_was_given_back_is_refused_by_our_own_api_on_every_node_and_forgotten_in_time(app: TestApp) {
        let secret = portal(&app, "portal").await;
        let mut nurse = app.signed_in("nurse").await;
        let own = nurse.bearer.clone().unwrap();
        let theirs = minted(&own, |claims| claims.client_id = "portal".to_owned());
        nurse.bearer = Some(theirs.clone());
        nurse.me().await.expect(200);

        revoke(&app, ("portal", &secret), &theirs, None).await;

        let refused = nurse.me().await.expect(401);
        assert_eq!(refused.header("www-authenticate"), r#"Bearer error="invalid_token""#);
        nurse.at(&app.node(|_, _| {})).me().await.expect(401);
        nurse.bearer = Some(minted(&own, |claims| claims.jti = uuid::Uuid::from_u128(7)));
        nurse.me().await.expect(200);
        let kept = "SELECT COUNT(*) FROM revocation WHERE realm_id = 1 AND kind = 'token'";
        assert_eq!(app.db.number(kept, vec![]).await, 1);
        app.advance(hours(1));
        service::upkeep::expire(&app.app, domain::realm::RealmKey::MAIN).await.unwrap();
        assert_eq!(app.db.number(kept, vec![]).await, 0, "REV-04: it would have expired by itself");
    }

    async fn a_flood_of_tokens_that_are_given_back_is_refused_and_a_refresh_token_is_not(app: TestApp) {
        let secret = portal(&app, "portal").await;
        let mut nurse = app.signed_in("nurse").await;
        let own = nurse.bearer.clone().unwrap();
        let of = |sub: Option<uuid::Uuid>, jti| minted(&own, |claims| {
            claims.client_id = "portal".to_owned();
            claims.sub = sub.unwrap_or(claims.sub);
            claims.jti = uuid::Uuid::from_u128(jti);
        });
        revoke(&app, ("portal", &secret), &of(None, 1), None).await;
        let many = "UPDATE throttle SET count = 1000 WHERE realm_id = 1 AND kind = 'given_back'";
        assert_eq!(app.db.execute(many, vec![]).await, 1);

        let refused = ask(&app, ("portal", &secret), PATH, &[("token", &of(None, 2))]).await.expect(429);

        assert_eq!((text(&refused.json()["error"]), refused.header("retry-after")), ("too_many_attempts", "3601"));
        nurse.bearer = Some(of(None, 2));
        nurse.me().await.expect(200);
        revoke(&app, ("portal", &secret), &of(None, 1), None).await;
        revoke(&app, ("portal", &secret), &of(Some(uuid::Uuid::from_u128(9)), 3), None).await;
        app.db.execute("UPDATE refresh_family SET client_id = 'portal' WHERE realm_id = 1", vec![]).await;
        revoke(&app, ("portal", &secret), &nurse.cookie("refresh").unwrap(), None).await;
        nurse.me().await.expect(401);
    }

    async fn a_public_client_gives_back_its_tokens_by_its_name_alone_and_expired_ones_are_nothing(app: TestApp) {
        register(&app, json!({ "client_id": "page", "name": "Page", "kind": "public", "apis": ["bailiwick"], "redirect_uris": ["https://a.example/"] })).await;
        let mut nurse = app.signed_in("nurse").await;
        let theirs = minted(nurse.bearer.as_deref().unwrap(), |claims| claims.client_id = "page".to_owned());
        let post = async |fields: &[(&str, &str)]| {
            app.browser().call(Method::POST, PATH).text("application/x-www-form-urlencoded", encode(fields)).send().await
        };
        post(&[("token", &theirs), ("client_id", "nobody")]).await.expect(401);
        post(&[("token", &theirs), ("client_id", "page"), ("client_secret", "x")]).await.expect(401);

        post(&[("token", &theirs), ("client_id", "page")]).await.expect(200);

        nurse.bearer = Some(theirs.clone());
        nurse.me().await.expect(401);
        app.advance(minutes(20));
        let (answer, events) = app.events_while(post(&[("token", &theirs), ("client_id", "page")])).await;
        assert_eq!((answer.status, events.len()), (200, 0));
        let name = json!({ "client_id": "bailiwick-web", "name": "x", "kind": "public", "redirect_uris": ["https://a.example/"] });
        app.signed_in("admin").await.post("/api/v1/clients", &name).await.expect(409);
    }
}
