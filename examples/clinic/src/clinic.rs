//! The clinic: charts, prescriptions, results.

use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Json;
use axum::routing::{get, post};
use guard::{Caller, Guard, Refusal, require_permission};
use serde_json::{Value, json};

use crate::problem::{AnyObject, object};

/// The routes. Where a permission must be held at `/`, the route says so; where it depends on the record, the handler asks.
pub(crate) fn routes(guard: &Guard) -> Router {
    let guarded = guard.layer();
    Router::new()
        .route("/charts/{id}", get(read_chart).route_layer(guarded.clone()))
        .route(
            "/prescriptions",
            post(prescribe).route_layer(require_permission("prescriptions:create")).route_layer(guarded.clone()),
        )
        .route("/results/{id}/release", post(release_result).route_layer(guarded))
}

/// A record as a database would have it: whose it is, and in which unit it was made.
///
/// We have no database, so the id says it: `42` is a record of the whole house, `clinic-a.ward-3.42` one of unit `/clinic-a/ward-3`; a
/// patient's chart has the patient's user id.
struct Record {
    id: String,
    unit: String,
}

impl Record {
    fn find(id: String) -> Self {
        let unit =
            id.rsplit_once('.').map_or_else(|| "/".to_owned(), |(unit, _)| format!("/{}", unit.replace('.', "/")));
        Self { id, unit }
    }

    fn is_of(&self, caller: &Caller) -> bool {
        self.id == caller.id().to_string()
    }
}

/// `charts:read` here or above, or `charts:read:own` for the patient.
async fn read_chart(caller: Caller, Path(id): Path<String>) -> Result<Json<Value>, Refusal> {
    let chart = Record::find(id);
    if !(chart.is_of(&caller) && caller.owned_by(caller.id(), "charts:read")) {
        caller.require_in("charts:read", &chart.unit)?;
    }
    Ok(Json(json!({ "chart": chart.id, "unit": chart.unit, "read_by": caller.id(), "notes": [] })))
}

/// `prescriptions:create`, asked by the route.
async fn prescribe(caller: Caller, body: AnyObject) -> Result<(StatusCode, Json<Value>), Refusal> {
    let prescription = object(&caller, body)?;
    Ok((StatusCode::CREATED, Json(json!({ "prescription": prescription, "prescribed_by": caller.id() }))))
}

/// `results:release` in the unit of the result.
async fn release_result(caller: Caller, Path(id): Path<String>) -> Result<Json<Value>, Refusal> {
    let result = Record::find(id);
    caller.require_in("results:release", &result.unit)?;
    Ok(Json(json!({ "result": result.id, "unit": result.unit, "released": true, "released_by": caller.id() })))
}

#[cfg(test)]
#[path = "clinic_tests.rs"]
mod tests;
