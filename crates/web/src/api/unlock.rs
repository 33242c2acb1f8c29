//! Going on with a locked session: the browser's own, or another one of this device.

use axum::Json as Out;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use domain::id::SessionId;
use domain::password::Password;
use serde::{Deserialize, Serialize};
use service::session::{Key, Unlock, UnlockError};
use utoipa::ToSchema;
use utoipa_axum::routes;
use uuid::Uuid;

use super::refresh::{RefreshedBody, ended};
use super::shape::{ProblemDocument, at};
use super::sign_in::{no_cache, renew_cookies, visit};
use crate::config::Web;
use crate::http::body::Json;
use crate::http::cookie::{self, Cookie};
use crate::http::page::Page;
use crate::http::problem::Problem;
use crate::http::request::Context;
use crate::table::{Access, Table};

pub(super) fn mount(table: Table) -> Table {
    table.json(Access::Public, routes!(unlock)).json(Access::Public, routes!(switchable))
}

/// What is to be resumed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UnlockBody {
    /// Another session of this device, by the device cookie; without it the one of the refresh cookie.
    session: Option<Uuid>,
    /// Of the session's person.
    password: String,
    /// The API that the token is for; without it the one of sign-in.
    audience: Option<String>,
}

/// Resumes a locked session with the password alone, until its absolute deadline: a new access token, and new cookies.
///
/// Every other session of this browser and device is locked. With `session`, a wrong password, an unknown session, one of another device and one that is
/// over are answered alike. Tries are counted together with those of sign-in.
#[utoipa::path(post, path = "/api/v1/session/unlock", tag = "session", request_body = UnlockBody, security(()),
    responses((status = 200, description = "A new access token", body = RefreshedBody,
            headers(("Set-Cookie" = String, description = "Session and refresh cookie"))),
        (status = 401, description = "`invalid-credentials`; `session-ended` without `session`, or if the password was right and has to be changed first", body = ProblemDocument,
            headers(("Set-Cookie" = String, description = "With `session-ended` both cookies expire"))),
        (status = 429, description = "Inside a wait; not looked at", body = ProblemDocument),
        (status = "4XX", description = "Refused", body = ProblemDocument), (status = 503, description = "`overloaded`", body = ProblemDocument)))]
async fn unlock(
    State(web): State<Web>,
    context: Context,
    headers: HeaderMap,
    Json(body): Json<UnlockBody>,
) -> Result<Response, Response> {
    let realm = context.realm.clone();
    let key = body.session.map_or(Key::Refresh, |id| Key::Device(SessionId::from_uuid(id)));
    let own = matches!(key, Key::Refresh);
    let asked = Unlock {
        key,
        password: Password::typed(&body.password).ok(),
        audience: body.audience,
        refresh: cookie::refresh(&headers, &realm),
        visit: visit(&headers, &realm),
    };
    match service::session::unlock(&web.app, &realm, asked, context.request).await {
        Ok(done) => {
            let seconds = done.tokens.absolute_at.since(web.app.now()).as_secs();
            let line = Cookie::Refresh.set(&realm, &done.tokens.refresh.expose(), seconds);
            let mut response = Out(RefreshedBody::from(done.tokens)).into_response();
            match done.secrets {
                Some(secrets) => renew_cookies(&web, &realm, &secrets, &mut response),
                None => response.headers_mut().extend(line.map(|line| (header::SET_COOKIE, line))),
            }
            no_cache(&mut response);
            Ok(response)
        }
        // The cookies of a browser belong to its own session, not to the one that was asked for.
        Err(UnlockError::Ended) if own => Err(ended(&realm)),
        Err(error) => Err(Problem::from(error).into_response()),
    }
}

/// A session that can be resumed on this device.
#[derive(Serialize, ToSchema)]
struct SwitchableSession {
    session: Uuid,
    /// Whose.
    display_name: String,
    locked_at: String,
}

/// The locked sessions of this device, the last one first; none without the device cookie.
#[utoipa::path(get, path = "/api/v1/session/switchable", tag = "session", security(()),
    responses((status = 200, description = "Who can go on here with the password alone", body = Page<SwitchableSession>), (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn switchable(
    State(web): State<Web>,
    context: Context,
    headers: HeaderMap,
) -> Result<Out<Page<SwitchableSession>>, Problem> {
    let items = match cookie::device(&headers, &context.realm) {
        Some(device) => {
            service::session::switchable(&web.app, context.realm.key, &device, context.request.clone()).await?
        }
        None => Vec::new(),
    };
    let shape = |one: service::session::Switchable| SwitchableSession {
        session: one.session.uuid(),
        display_name: one.name,
        locked_at: at(one.locked_at),
    };
    Ok(Out(Page { items: items.into_iter().map(shape).collect(), next_cursor: None }))
}
