//! `POST /oauth/revoke`.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use domain::refresh::RefreshToken;
use serde::Deserialize;
use service::client::{Demand, Proved};
use service::oauth::{Given, RevokeError};
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::error::OAuthErrorDocument;
use super::{OAuthError, OAuthForm, client, verified};
use crate::config::Web;
use crate::http::problem::Problem;
use crate::http::request::Context;
use crate::table::{Access, Table};

pub(super) fn mount(table: Table) -> Table {
    table.json(Access::OAuth, routes!(revoke))
}

/// The token that is given back. Credentials in `Authorization: Basic`, or here, not in both; a public client says its `client_id` alone.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "the document's alone: what is read is a form with each parameter once")]
struct RevokeBody {
    /// An access token or a refresh token.
    token: String,
    /// `access_token` or `refresh_token`; not needed, and others are ignored.
    token_type_hint: Option<String>,
    /// With `client_secret_post`, or of a public client.
    client_id: Option<String>,
    /// With `client_secret_post`.
    client_secret: Option<String>,
}

/// Gives a token back (RFC 7009): of the client's own, an access token alone, a refresh token with its session. 200 whatever it was.
///
/// 429 after 1,000 access tokens of one principal in an hour: each is told to every resource server.
#[utoipa::path(post, path = "/oauth/revoke", tag = "oauth", security(("api" = [])),
    request_body(content = RevokeBody, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "If it was the client's own, it is worth nothing now; a token of others stays good"), (status = 400, description = "Refused", body = OAuthErrorDocument)))]
async fn revoke(
    State(web): State<Web>,
    context: Context,
    headers: HeaderMap,
    form: OAuthForm,
) -> Result<StatusCode, OAuthError> {
    let (proved, params) = client(&web, &context, &headers, form, Demand::SecretUnlessPublic).await?;
    let token = params.get("token").ok_or(OAuthError::invalid_request("token is missing."))?;
    if let Some(given) = given(&web, &context, &proved, token).await? {
        service::oauth::revoke(&web.app, &proved, given).await.map_err(|error| match error {
            RevokeError::Throttled(throttled) => OAuthError::throttled(
                "Too many tokens were given back. This one stays good: wait as Retry-After says.",
                throttled,
                web.app.now(),
            ),
            RevokeError::Store(error) => Problem::from(error).into(),
        })?;
    }
    Ok(StatusCode::OK)
}

/// What of ours it is; a signature comes before everything else (RFC 7009, section 2.1).
async fn given(web: &Web, context: &Context, proved: &Proved, token: &str) -> Result<Option<Given>, Problem> {
    if let Some(refresh) = RefreshToken::parse(token) {
        return Ok(Some(Given::Refresh(refresh)));
    }
    let Some(client) = proved.client() else { return Ok(None) };
    // For one of the APIs that the client may ask for: its own tokens are for no other.
    let ours = verified(web, context, &client.apis, token).await?;
    Ok(ours.map(|(_, claims)| Given::Access(Box::new(claims))))
}
