//! `POST /oauth/token`.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use domain::permission::PermissionName;
use serde::{Deserialize, Serialize};
use service::client::Demand;
use service::oauth::{ClientCredentials, TokenError};
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::error::OAuthErrorDocument;
use super::{OAuthError, OAuthForm, client};
use crate::config::Web;
use crate::http::problem::Problem;
use crate::http::request::Context;
use crate::table::{Access, Table};

pub(super) fn mount(table: Table) -> Table {
    table.json(Access::OAuth, routes!(token))
}

/// What is asked for. Credentials in `Authorization: Basic`, or here, not in both.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "the document's alone: what is read is a form with each parameter once")]
struct TokenBody {
    /// `client_credentials`.
    grant_type: String,
    /// Permissions of the API, separated by spaces, that the client holds at `/`; all that it holds if absent.
    scope: Option<String>,
    /// The API by its audience; needed where the client may ask for several.
    audience: Option<String>,
    /// The same as a resource indicator (RFC 8707).
    resource: Option<String>,
    /// With `client_secret_post`.
    client_id: Option<String>,
    /// With `client_secret_post`.
    client_secret: Option<String>,
}

/// A token (RFC 6749, section 5.1).
#[derive(Debug, Serialize, ToSchema)]
struct TokenDocument {
    /// The JWT (RFC 9068): `sub` is the client itself, and there is no session in it.
    access_token: String,
    /// `Bearer`.
    token_type: &'static str,
    /// Seconds.
    expires_in: i64,
    /// The permissions that it carries for everywhere.
    scope: String,
}

/// So many of the permissions that are not held are named.
const NAMED: usize = 5;

impl OAuthError {
    fn not_held(missing: &[PermissionName]) -> Self {
        let refused = Self::refused("invalid_scope", "The scope is not permissions of this API, separated by spaces.");
        let named: Vec<&str> = missing.iter().take(NAMED).map(PermissionName::as_str).collect();
        if named.is_empty() {
            return refused;
        }
        refused.because(format!("The client does not hold this everywhere: {}.", named.join(", ")))
    }

    fn of_token(error: TokenError) -> Self {
        match error {
            TokenError::UnauthorizedClient => {
                Self::refused("unauthorized_client", "Only a service may ask for a token of its own.")
            }
            TokenError::InvalidTarget(text) => Self::refused("invalid_target", text),
            TokenError::InvalidScope(missing) => Self::not_held(&missing),
            TokenError::Ended => Self::invalid_client(),
            TokenError::Key(error) => Problem::from(error).into(),
            TokenError::Store(error) => Problem::from(error).into(),
        }
    }
}

/// A token for a service itself: what its grants give now, for one API.
///
/// A role that needs a second factor gives a service nothing. A token that was narrowed by `scope` names no roles and no units.
#[utoipa::path(post, path = "/oauth/token", tag = "oauth", security(("api" = [])),
    request_body(content = TokenBody, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "The token", body = TokenDocument), (status = 400, description = "Refused", body = OAuthErrorDocument)))]
async fn token(
    State(web): State<Web>,
    context: Context,
    headers: HeaderMap,
    form: OAuthForm,
) -> Result<Response, OAuthError> {
    let (proved, mut params) = client(&web, &context, &headers, form, Demand::Secret).await?;
    match params.get("grant_type") {
        Some("client_credentials") => {}
        Some(_) => {
            return Err(OAuthError::refused("unsupported_grant_type", "grant_type is client_credentials here."));
        }
        None => return Err(OAuthError::invalid_request("grant_type is missing.")),
    }
    let asked = ClientCredentials {
        audience: params.take("audience"),
        resource: params.take("resource"),
        scope: params.take("scope"),
    };
    let issued = service::oauth::client_credentials(&web.app, &context.realm, &proved, asked).await;
    let issued = issued.map_err(OAuthError::of_token)?;
    let document = TokenDocument {
        access_token: issued.access_token,
        token_type: "Bearer",
        expires_in: issued.expires_in,
        scope: issued.scope,
    };
    Ok(axum::Json(document).into_response())
}
