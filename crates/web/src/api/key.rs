//! Signing keys.

use axum::Json as Out;
use axum::extract::State;
use domain::permission::Permission;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use service::key::Rotation;
use service::stored::Key;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::shape::{ProblemDocument, at};
use super::user::reason;
use crate::config::Web;
use crate::http::body::Json;
use crate::http::page::Page;
use crate::http::problem::Problem;
use crate::table::{Access, SignedIn, Table};

pub(super) fn mount(table: Table) -> Table {
    table
        .json(Access::MayEverywhere(Permission::KeysManage), routes!(list))
        .json_step_up(Access::MayEverywhere(Permission::KeysManage), routes!(rotate))
}

/// A signing key.
#[derive(Debug, Serialize, ToSchema)]
struct KeyShape {
    /// RFC 7638 thumbprint.
    kid: String,
    algorithm: &'static str,
    /// `next`, `active`, `retired`.
    state: &'static str,
    created_at: String,
    signs_from: String,
    #[schema(required)]
    retires_at: Option<String>,
}

fn shape(key: Key, now: Timestamp) -> KeyShape {
    KeyShape {
        state: key.schedule.state(now).map_or("retired", domain::key::State::as_str),
        kid: key.kid,
        algorithm: key.algorithm.as_str(),
        created_at: at(key.created_at),
        signs_from: at(key.schedule.signs_from),
        retires_at: key.schedule.retires_at.map(at),
    }
}

/// The keys that are published, newest first.
#[utoipa::path(get, path = "/api/v1/keys", tag = "keys", security(("bearer" = [])),
    responses((status = 200, description = "The keys", body = Page<KeyShape>), (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn list(State(web): State<Web>, SignedIn(caller): SignedIn) -> Result<Out<Page<KeyShape>>, Problem> {
    let now = web.app.now();
    let items = service::key::list(&web.app, &caller).await?.into_iter().map(|key| shape(key, now)).collect();
    Ok(Out(Page { items, next_cursor: None }))
}

/// How to rotate.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RotateBody {
    /// `scheduled`: published 20 minutes before it signs. `emergency`: signs at once, the old keys are dropped and their tokens refused.
    mode: Mode,
    /// 3 to 500 characters.
    reason: String,
}

#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Mode {
    Scheduled,
    Emergency,
}

/// Makes a new key for each algorithm in use.
#[utoipa::path(post, path = "/api/v1/keys/rotate", tag = "keys", request_body = RotateBody, security(("bearer" = [])),
    responses((status = 200, description = "The keys", body = Page<KeyShape>), (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn rotate(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    Json(body): Json<RotateBody>,
) -> Result<Out<Page<KeyShape>>, Problem> {
    let reason = reason(&body.reason, "/reason")?;
    let rotation = match body.mode {
        Mode::Scheduled => Rotation::Scheduled,
        Mode::Emergency => Rotation::Emergency,
    };
    service::key::rotate(&web.app, &caller, rotation, &reason).await?;
    web.forget_keys(caller.realm());
    let now = web.app.now();
    let items = service::key::list(&web.app, &caller).await?.into_iter().map(|key| shape(key, now)).collect();
    Ok(Out(Page { items, next_cursor: None }))
}
