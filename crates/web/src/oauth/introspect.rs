//! `POST /oauth/introspect`.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use domain::permission::Audience;
use serde::{Deserialize, Serialize};
use service::client::{Demand, Who};
use service::oauth::Active;
use utoipa::ToSchema;
use utoipa_axum::routes;
use uuid::Uuid;

use super::error::OAuthErrorDocument;
use super::{OAuthError, OAuthForm, client, verified};
use crate::config::Web;
use crate::http::problem::Problem;
use crate::http::request::Context;
use crate::table::{Access, Table};

pub(super) fn mount(table: Table) -> Table {
    table.json(Access::OAuth, routes!(introspect))
}

/// The token that is asked about. Credentials in `Authorization: Basic`, or here, not in both.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "the document's alone: what is read is a form with each parameter once")]
struct IntrospectBody {
    /// An access token.
    token: String,
    /// Not needed, and ignored.
    token_type_hint: Option<String>,
    /// With `client_secret_post`.
    client_id: Option<String>,
    /// With `client_secret_post`.
    client_secret: Option<String>,
}

/// What a token is worth now (RFC 7662). Of one that is not active nothing else is said.
#[derive(Debug, Default, Serialize, ToSchema)]
struct IntrospectionDocument {
    active: bool,
    /// Permissions held at `/`, separated by spaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    /// `Bearer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iat: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nbf: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<Uuid>,
    /// Roles held at `/`, closed under inheritance; none of a token that was narrowed by a scope.
    #[serde(skip_serializing_if = "Option::is_none")]
    roles: Option<Vec<String>>,
    /// Permissions of this API held at `/`.
    #[serde(skip_serializing_if = "Option::is_none")]
    permissions: Option<Vec<String>>,
    /// Roles held in units: unit to role names; none of a token that was narrowed by a scope.
    #[serde(skip_serializing_if = "Option::is_none")]
    units: Option<BTreeMap<String, Vec<String>>>,
    /// The edition of the roles.
    #[serde(skip_serializing_if = "Option::is_none")]
    roles_version: Option<i64>,
    /// The session; none of a service.
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acr: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amr: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<i64>,
}

impl From<Active> for IntrospectionDocument {
    fn from(Active { claims, scope }: Active) -> Self {
        Self {
            active: true,
            scope: Some(scope),
            client_id: Some(claims.client_id),
            token_type: Some("Bearer"),
            exp: Some(claims.exp),
            iat: Some(claims.iat),
            nbf: Some(claims.iat),
            sub: Some(claims.sub),
            aud: Some(claims.aud),
            iss: Some(claims.iss),
            jti: Some(claims.jti),
            roles: Some(claims.roles),
            permissions: Some(claims.permissions.unwrap_or_default()),
            units: Some(claims.units),
            roles_version: Some(claims.roles_version),
            sid: claims.sid,
            acr: claims.acr,
            amr: claims.amr,
            auth_time: claims.auth_time,
        }
    }
}

/// Asks what a token is worth now: an API about tokens for itself, a client about those that it was given itself.
///
/// Expired, revoked, for another API, malformed: `{"active":false}` and nothing else.
#[utoipa::path(post, path = "/oauth/introspect", tag = "oauth", security(("api" = [])),
    request_body(content = IntrospectBody, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "What it is worth", body = IntrospectionDocument), (status = 400, description = "Refused", body = OAuthErrorDocument)))]
async fn introspect(
    State(web): State<Web>,
    context: Context,
    headers: HeaderMap,
    form: OAuthForm,
) -> Result<Response, OAuthError> {
    let (proved, params) = client(&web, &context, &headers, form, Demand::Secret).await?;
    let token = params.get("token").ok_or(OAuthError::invalid_request("token is missing."))?;
    // One that this caller has to do with: an API with itself, a client with those that it may ask for.
    let apis = match &proved.who {
        Who::Api(api) => std::slice::from_ref(&api.audience),
        Who::Client(client) => client.apis.as_slice(),
    };
    let (audience, claims) = verified(&web, &context, apis, token).await?.unzip();
    let audience = audience.map_or("", Audience::as_str);
    let active = service::oauth::introspect(&web.app, &proved, audience, claims).await.map_err(Problem::from)?;
    Ok(axum::Json(active.map(IntrospectionDocument::from).unwrap_or_default()).into_response())
}
