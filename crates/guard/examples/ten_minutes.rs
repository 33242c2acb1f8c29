//! The service of docs/guide-protect-a-service.md.
#![allow(clippy::disallowed_methods, reason = "a program of its own reads its own environment")]

use axum::extract::Path;
use axum::routing::{get, post};
use axum::{Json, Router};
use guard::{AAL1, Caller, Guard, Refusal, Settings, require_permission, require_step_up};
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt::init(); // the guard says here why it refuses, and what it cannot reach
    let [issuer, secret] = ["ISSUER", "CLINIC_SECRET"].map(std::env::var);
    // Fetches keys and follows revocations in the background.
    let guard = Guard::connect(Settings::new(issuer?, "clinic").credentials("clinic", secret?))?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8082").await?;
    Ok(axum::serve(listener, routes(&guard)).await?)
}

fn routes(guard: &Guard) -> Router {
    let guarded = guard.layer();
    let metrics = guard.clone();
    Router::new()
        // Depends on the record: asked in the handler.
        .route("/charts/{id}", get(chart).route_layer(guarded.clone()))
        // Held everywhere: asked before the handler. The guard stands outermost.
        .route(
            "/prescriptions",
            post(prescribe)
                .route_layer(require_step_up(900, AAL1)) // proved who they are within 15 minutes
                .route_layer(require_permission("prescriptions:create"))
                .route_layer(guarded),
        )
        .route("/metrics", get(move || async move { metrics.metrics().to_prometheus() }))
}

async fn chart(caller: Caller, Path(id): Path<String>) -> Result<Json<Value>, Refusal> {
    let unit = "/clinic-a/ward-3"; // where your records say that this chart lies
    caller.require_in("charts:read", unit)?; // held there or above
    Ok(Json(json!({ "chart": id, "read_by": caller.id() })))
}

async fn prescribe(caller: Caller) -> Json<Value> {
    Json(json!({ "by": caller.id() }))
}

#[cfg(test)]
mod tests {
    use super::routes;
    use axum::body::Body;
    use axum::http::Request;
    use guard::testing::TestIssuer;
    use tower::ServiceExt;

    #[tokio::test]
    async fn a_nurse_of_the_ward_reads_its_charts_and_a_stranger_does_not() {
        let issuer = TestIssuer::new("clinic").role("nurse", &["charts:read"]);
        let routes = routes(&issuer.guard());
        for (caller, expected) in [
            (issuer.caller().role_in("/clinic-a/ward-3", "nurse"), 200),
            (issuer.caller().role_in("/clinic-b", "nurse"), 403),
        ] {
            let request = Request::get("/charts/7").header("authorization", caller.bearer());
            let answer = routes.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
            assert_eq!(answer.status(), expected);
        }
    }
}
