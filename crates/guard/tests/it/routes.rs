//! Routes behind the guard: who gets through, and what the others are told.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{Request, Response, StatusCode};
use axum::routing::get;
use axum::{Json, Router};
use guard::{AAL1, AAL2, Caller, Guard, PHRH, Refusal, require_permission, require_role, require_step_up};
use serde_json::{Value, json};
use tower::{Layer as _, ServiceExt as _, service_fn};
use uuid::Uuid;

use crate::mint::{NOW, RSA, SUBJECT, claims, verifier};

fn guard() -> Guard {
    Guard::offline(verifier(&RSA).0, Arc::new(|| NOW))
}

async fn own_chart(caller: Caller) -> Result<&'static str, Refusal> {
    caller.require_owned_by(SUBJECT, "charts:read")?;
    Ok("own chart")
}

async fn recently(caller: Caller) -> Result<&'static str, Refusal> {
    caller.require_step_up(60, AAL1)?;
    Ok("recently")
}

async fn whoami(caller: Caller) -> Json<Value> {
    Json(json!({
        "id": caller.id(), "client": caller.client_id(), "session": caller.session(), "roles": caller.roles(),
        "permissions": caller.permissions(), "acr": caller.acr(), "amr": caller.amr(), "auth_time": caller.auth_time(),
        "expires_at": caller.expires_at(), "token": caller.token_id(),
    }))
}

fn app() -> Router {
    Router::new()
        .route("/chart", get(|| async { "chart" }).route_layer(require_permission("charts:read")))
        .route("/prescription", get(|| async { "done" }).route_layer(require_permission("prescriptions:create")))
        .route("/ward", get(|| async { "ward" }).route_layer(require_role("nurse")))
        .route("/theatre", get(|| async { "theatre" }).route_layer(require_role("surgeon")))
        .route(
            "/sign",
            get(|| async { "signed" })
                .route_layer(require_step_up(300, AAL2))
                .route_layer(require_permission("charts:read")),
        )
        .route("/recent", get(recently))
        .route("/own", get(own_chart))
        .route("/me", get(whoami))
        .route_layer(guard().layer())
        .route("/open", get(|| async { "open" }))
        .route("/unguarded", get(whoami))
        .route("/unguarded-permission", get(|| async { "no" }).route_layer(require_permission("charts:read")))
}

async fn send(path: &str, headers: &[(&str, &str)]) -> Response<Body> {
    let mut request = Request::builder().uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    app().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

async fn with_token(path: &str, change: impl FnOnce(&mut guard::AccessClaims)) -> Response<Body> {
    let mut claims = claims();
    change(&mut claims);
    send(path, &[("authorization", &format!("Bearer {}", RSA.token(&claims)))]).await
}

async fn problem(response: Response<Body>) -> Value {
    assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
    assert_eq!(response.headers()["cache-control"], "no-store");
    serde_json::from_slice(&to_bytes(response.into_body(), 65_536).await.unwrap()).unwrap()
}

fn challenge(response: &Response<Body>) -> &str {
    response.headers()[WWW_AUTHENTICATE].to_str().unwrap()
}

#[tokio::test]
async fn a_caller_with_the_permission_or_role_gets_through() {
    for path in ["/chart", "/ward", "/own", "/me"] {
        assert_eq!(with_token(path, |_| ()).await.status(), StatusCode::OK, "{path}");
    }
    assert_eq!(send("/open", &[]).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_request_without_a_token_is_challenged_without_an_error() {
    for headers in [&[][..], &[("authorization", "Basic YTpi")]] {
        let response = send("/chart", headers).await;
        assert_eq!((response.status(), challenge(&response)), (StatusCode::UNAUTHORIZED, "Bearer"));

        let body = problem(response).await;

        assert_eq!(body["type"], "https://id.example/problems/not-signed-in");
        assert_eq!((&body["code"], &body["status"]), (&json!("not-signed-in"), &json!(401)));
        assert!(body["request_id"].as_str().unwrap().parse::<Uuid>().is_ok());
    }
}

#[tokio::test]
async fn every_bad_bearer_is_answered_alike() {
    let (expired, foreign) = {
        let (mut expired, mut foreign) = (claims(), claims());
        expired.exp = NOW - 60;
        foreign.aud = "pharmacy".to_owned();
        (format!("Bearer {}", RSA.token(&expired)), format!("Bearer {}", RSA.token(&foreign)))
    };
    let good = format!("Bearer {}", RSA.token(&claims()));
    let mut bodies = Vec::new();
    for headers in [
        vec![("authorization", expired.as_str())],
        vec![("authorization", foreign.as_str())],
        vec![("authorization", "Bearer nonsense")],
        vec![("authorization", "Bearer ")],
        vec![("authorization", good.as_str()), ("authorization", good.as_str())],
        vec![("authorization", "Basic YTpi"), ("authorization", good.as_str())],
    ] {
        let response = send("/chart", &[headers, vec![("x-request-id", "r-1")]].concat()).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(challenge(&response), r#"Bearer error="invalid_token""#);
        bodies.push(problem(response).await);
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:?}");
}

#[tokio::test]
async fn a_token_in_the_query_or_a_cookie_is_not_looked_at() {
    let token = RSA.token(&claims());
    let query = send(&format!("/chart?access_token={token}"), &[]).await;
    let cookie = send("/chart", &[("cookie", &format!("access_token={token}"))]).await;

    assert_eq!((query.status(), challenge(&query)), (StatusCode::UNAUTHORIZED, "Bearer"));
    assert_eq!((cookie.status(), challenge(&cookie)), (StatusCode::UNAUTHORIZED, "Bearer"));
}

#[tokio::test]
async fn the_scheme_is_read_in_any_case() {
    let token = RSA.token(&claims());
    for scheme in ["bearer", "BEARER"] {
        assert_eq!(send("/chart", &[("authorization", &format!("{scheme} {token}"))]).await.status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn a_missing_permission_is_named() {
    let response = with_token("/prescription", |_| ()).await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert_eq!(challenge(&response), r#"Bearer error="insufficient_scope""#);

    let body = problem(response).await;

    assert_eq!(body["code"], "forbidden");
    assert_eq!(body["missing"], json!(["prescriptions:create"]));
    assert_eq!(body["detail"], "This needs the permission prescriptions:create.");
}

#[tokio::test]
async fn a_missing_role_is_named() {
    let response = with_token("/theatre", |_| ()).await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);

    let body = problem(response).await;

    assert_eq!((&body["missing"], &body["detail"]), (&json!(["surgeon"]), &json!("This needs the role surgeon.")));
}

#[tokio::test]
async fn one_s_own_needs_only_the_permission_for_one_s_own() {
    let with = async |permission: &str, sub: Uuid| {
        let change = |claims: &mut guard::AccessClaims| {
            claims.permissions = Some(vec![permission.to_owned()]);
            claims.sub = sub;
        };
        with_token("/own", change).await.status()
    };
    let stranger = Uuid::from_u128(9);

    assert_eq!(with("charts:read:own", SUBJECT).await, StatusCode::OK);
    assert_eq!(with("charts:read:own", stranger).await, StatusCode::FORBIDDEN);
    assert_eq!(with("charts:read", stranger).await, StatusCode::OK);
    assert_eq!(with("charts:write:own", SUBJECT).await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn permissions_are_compared_whole_and_case_exact() {
    for near in ["charts:rea", "charts:read ", "Charts:read", "charts:*", "*", "charts:read:own", ""] {
        let response = with_token("/chart", |claims| claims.permissions = Some(vec![near.to_owned()])).await;
        assert_eq!(response.status(), StatusCode::FORBIDDEN, "{near:?}");
    }
}

#[tokio::test]
async fn a_handler_sees_who_calls() {
    let response = with_token("/me", |_| ()).await;
    let me: Value = serde_json::from_slice(&to_bytes(response.into_body(), 65_536).await.unwrap()).unwrap();

    assert_eq!(
        me,
        json!({
            "id": SUBJECT, "client": "bailiwick-web", "session": Uuid::from_u128(0xB), "roles": ["nurse"],
            "permissions": ["charts:read"], "acr": "urn:bailiwick:aal1", "amr": ["pwd"], "auth_time": NOW - 5,
            "expires_at": NOW + 600, "token": Uuid::from_u128(0xA),
        })
    );
}

#[tokio::test]
async fn a_route_that_was_not_guarded_stays_shut() {
    for path in ["/unguarded", "/unguarded-permission"] {
        let response = with_token(path, |_| ()).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR, "{path}");
        assert_eq!(problem(response).await["code"], "internal");
    }
}

#[tokio::test]
async fn a_caller_that_a_request_brings_along_is_not_believed() {
    // The layer overwrites whatever an outer layer may have put there.
    let token = RSA.token(&claims());
    let mut request =
        Request::builder().uri("/me").header(AUTHORIZATION, format!("Bearer {token}")).body(Body::empty()).unwrap();
    request.extensions_mut().insert("not a caller");
    assert_eq!(app().oneshot(request).await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn the_request_id_is_echoed_if_it_is_harmless_and_made_otherwise() {
    let echoed = send("/chart", &[("x-request-id", "trace-1_2.3")]).await;
    assert_eq!(echoed.headers()["x-request-id"], "trace-1_2.3");
    assert_eq!(problem(echoed).await["request_id"], "trace-1_2.3");

    for bad in ["", "a b", "<script>", &"x".repeat(65)] {
        let made = send("/chart", &[("x-request-id", bad)]).await;
        assert!(problem(made).await["request_id"].as_str().unwrap().parse::<Uuid>().is_ok(), "{bad}");
    }
}

#[tokio::test]
async fn an_old_or_weak_authentication_is_asked_for_again_with_what_would_do() {
    for (auth_time, acr, expected) in [
        (Some(NOW - 300), Some(AAL2), StatusCode::OK),
        (Some(NOW - 300), Some(PHRH), StatusCode::OK),
        (Some(NOW - 301), Some(AAL2), StatusCode::UNAUTHORIZED),
        (Some(NOW), Some(AAL1), StatusCode::UNAUTHORIZED),
        (Some(NOW), Some("urn:bailiwick:aal3"), StatusCode::UNAUTHORIZED),
        (Some(NOW), None, StatusCode::UNAUTHORIZED),
        (None, Some(AAL2), StatusCode::UNAUTHORIZED),
        (Some(i64::MIN), Some(AAL2), StatusCode::UNAUTHORIZED),
    ] {
        let change = |claims: &mut guard::AccessClaims| {
            claims.auth_time = auth_time;
            claims.acr = acr.map(str::to_owned);
        };
        assert_eq!(with_token("/sign", change).await.status(), expected, "{auth_time:?} {acr:?}");
    }
    assert_eq!(with_token("/recent", |claims| claims.auth_time = Some(NOW - 61)).await.status().as_u16(), 401);
    assert_eq!(with_token("/recent", |_| ()).await.status(), StatusCode::OK);

    let response = with_token("/sign", |_| ()).await;
    let expected = r#"Bearer error="insufficient_user_authentication", acr_values="urn:bailiwick:aal2", max_age="300""#;
    assert_eq!(challenge(&response), expected);
    let body = problem(response).await;
    assert_eq!(body["code"], "insufficient-authentication");
    assert_eq!((&body["acr_values"], &body["max_age"]), (&json!(AAL2), &json!(300)));

    // What one may not do at all is said first.
    let forbidden = with_token("/sign", |claims| claims.permissions = Some(Vec::new())).await;
    assert_eq!(forbidden.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn any_tower_service_can_be_guarded() {
    let plain = service_fn(|request: Request<()>| async move {
        let who = request.extensions().get::<Caller>().map(|caller| caller.id().to_string());
        Ok::<_, std::convert::Infallible>(Response::new(who.unwrap_or_default()))
    });
    let service = guard().layer().layer(require_permission("charts:read").layer(plain));
    let request = |token: &str| Request::builder().header(AUTHORIZATION, format!("Bearer {token}")).body(()).unwrap();

    let good = service.clone().oneshot(request(&RSA.token(&claims()))).await.unwrap();
    let bad = service.oneshot(request("nonsense")).await.unwrap();

    assert_eq!(good.into_body(), SUBJECT.to_string());
    assert_eq!(bad.status(), StatusCode::UNAUTHORIZED);
    assert!(bad.into_body().contains("not-signed-in"));
}
