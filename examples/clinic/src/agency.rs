//! The insurance agency: policies.

use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Json;
use axum::routing::{get, post};
use guard::{Caller, Guard, Refusal, require_permission};
use serde_json::{Value, json};

use crate::problem::{AnyObject, object};

/// The routes, each with the permission that it needs.
pub(crate) fn routes(guard: &Guard) -> Router {
    let guarded = guard.layer();
    Router::new()
        .route(
            "/policies/{id}",
            get(read).route_layer(require_permission("policies:read")).route_layer(guarded.clone()),
        )
        .route("/policies", post(write).route_layer(require_permission("policies:create")).route_layer(guarded))
}

async fn read(caller: Caller, Path(id): Path<String>) -> Json<Value> {
    Json(json!({ "policy": id, "read_by": caller.id() }))
}

async fn write(caller: Caller, body: AnyObject) -> Result<(StatusCode, Json<Value>), Refusal> {
    let policy = object(&caller, body)?;
    Ok((StatusCode::CREATED, Json(json!({ "policy": policy, "written_by": caller.id() }))))
}
