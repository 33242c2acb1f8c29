//! The routes as an application tests them: no server, no sockets, no waiting (`guard::testing`).
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request};
use guard::Revocation;
use guard::testing::{BEGIN, LIFETIME_SECONDS, TestCaller, TestIssuer};
use tower::ServiceExt as _;

fn clinic() -> TestIssuer {
    TestIssuer::new("clinic")
        .role("nurse", &["charts:read"])
        .role("charge-nurse", &["charts:read", "results:release"])
        .role("physician", &["charts:read", "prescriptions:create"])
        .role("patient", &["charts:read:own"])
}

async fn status(routes: &Router, method: Method, path: &str, caller: Option<&TestCaller<'_>>) -> u16 {
    let mut request = Request::builder().method(method).uri(path).header("content-type", "application/json");
    if let Some(caller) = caller {
        request = request.header("authorization", caller.bearer());
    }
    routes.clone().oneshot(request.body(Body::from("{}")).unwrap()).await.unwrap().status().as_u16()
}

#[tokio::test]
async fn who_may_do_what() {
    let issuer = clinic();
    let routes = super::routes(&issuer.guard());
    let patient = issuer.caller().role("patient");
    let own = format!("/charts/{}", patient.id());
    let leads_ward_3 = issuer.caller().role_in("/clinic-a/ward-3", "charge-nurse");
    for (caller, method, path, expected) in [
        (None, Method::GET, "/charts/1", 401),
        (Some(issuer.caller()), Method::GET, "/charts/1", 403),
        (Some(issuer.caller().role("nurse")), Method::GET, "/charts/1", 200),
        (Some(issuer.caller().role("nurse")), Method::POST, "/prescriptions", 403),
        (Some(issuer.caller().role("physician")), Method::POST, "/prescriptions", 201),
        (Some(issuer.caller().permission("prescriptions:create")), Method::POST, "/prescriptions", 201),
        (Some(patient.clone()), Method::GET, own.as_str(), 200),
        (Some(patient), Method::GET, "/charts/1", 403),
        (Some(leads_ward_3.clone()), Method::POST, "/results/clinic-a.ward-3.9/release", 200),
        (Some(leads_ward_3.clone()), Method::POST, "/results/clinic-a.9/release", 403),
        (Some(leads_ward_3), Method::GET, "/charts/1", 403),
    ] {
        assert_eq!(status(&routes, method.clone(), path, caller.as_ref()).await, expected, "{method} {path}");
    }
}

#[tokio::test]
async fn a_token_ends_with_its_time_or_its_session() {
    let issuer = clinic();
    let routes = super::routes(&issuer.guard());
    let (nurse, other) = (issuer.caller().role("nurse"), issuer.caller().role("nurse"));
    let sid = nurse.session().unwrap();

    issuer.revoke(&[Revocation::Session { sid, not_before: None, expires_at: BEGIN + 3_600 }]);
    assert_eq!(status(&routes, Method::GET, "/charts/1", Some(&nurse)).await, 401);
    assert_eq!(status(&routes, Method::GET, "/charts/1", Some(&other)).await, 200);

    issuer.advance(LIFETIME_SECONDS + 10);
    assert_eq!(status(&routes, Method::GET, "/charts/1", Some(&other)).await, 401);
}
