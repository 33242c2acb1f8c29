//! PostgreSQL gone and back (issue 3, section 7).

use axum::http::Method;
use domain::realm::RealmKey;
use serde_json::json;
use testkit::postgres::Cluster;
use testkit::{TestApp, runtime};

#[test]
fn while_postgresql_is_away_everything_is_503_and_afterwards_nothing_is_lost() {
    runtime().block_on(async {
        let cluster = Cluster::durable();
        let app = TestApp::on_cluster(&cluster).await;
        let mut admin = app.signed_in("admin").await;
        let mut nurse = app.signed_in("nurse").await;
        let id = app.user_id(RealmKey::MAIN, "nurse").await;
        admin.give(&id, "billing", "/").await.expect(201);
        let events = app.events().await.len();

        cluster.stop();
        for (method, path) in [
            (Method::GET, "/api/v1/me"),
            (Method::POST, "/api/v1/session/refresh"),
            (Method::GET, "/.well-known/jwks.json"),
            (Method::GET, "/api/v1/me/permissions"),
        ] {
            let answer = nurse.clone().call(method.clone(), path).send().await;
            assert_eq!((answer.status, answer.code().as_str()), (503, "overloaded"), "{method} {path}: {answer:?}");
            assert!(!answer.header("retry-after").is_empty(), "{method} {path}");
            assert!(answer.set_cookies().is_empty(), "{method} {path}: nobody is signed out by it");
        }
        let sign_in = app.browser().sign_in_with("physician", &app.password("main", "physician")).await;
        assert_eq!((sign_in.status, sign_in.code().as_str()), (503, "overloaded"));
        assert_eq!(admin.give(&id, "patient", "/").await.status, 503);
        let mut page = nurse.clone();
        let page = page.call(Method::GET, "/account").header("accept", "text/html").send().await;
        assert_eq!((page.status, page.header("content-type")), (503, "text/html; charset=utf-8"));

        cluster.start();
        let mut back = None;
        for _ in 0..1000 {
            let answer = nurse.me().await;
            if answer.status == 200 {
                back = Some(answer.json());
                break;
            }
            assert_eq!(answer.status, 503);
        }
        assert_eq!(back.expect("it recovers by itself")["roles"], json!(["billing", "nurse"]));
        assert_eq!(app.events().await.len(), events, "what was acknowledged is there, and nothing else");
        nurse.refresh().await.expect(200);
        app.signed_in("physician").await;
    });
}
