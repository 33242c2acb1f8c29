//! What resource servers read: keys, metadata, the roles catalogue.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::event::hex;
use domain::key::JWKS_MAX_AGE;
use domain::permission::Audience;
use domain::secret::{Secret, sha256};
use serde::{Deserialize, Serialize};
use service::api::Credentials;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;
use wire::problem::Code;

use crate::config::Web;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::request::Context;
use crate::table::{Access, Table};

/// Mounts them.
#[must_use]
pub fn mount(table: Table) -> Table {
    table
        .json(Access::Public, routes!(jwks))
        .json(Access::Public, routes!(openid_configuration))
        .json(Access::Public, routes!(authorization_server))
        .json(Access::Client, routes!(roles))
        .json(Access::Public, routes!(openapi))
}

/// An answer that may be kept, with an `ETag`; 304 if the caller has it.
pub(crate) fn tagged(headers: &HeaderMap, content_type: &'static str, cache: &str, body: Vec<u8>) -> Response {
    let etag = format!("\"{}\"", hex(&sha256(&[&body])[..12]));
    let known =
        headers.get(header::IF_NONE_MATCH).and_then(|tag| tag.to_str().ok()).is_some_and(|tags| tags.contains(&etag));
    let mut response = if known { StatusCode::NOT_MODIFIED.into_response() } else { body.into_response() };
    let out = response.headers_mut();
    out.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    for (name, value) in [(header::ETAG, etag.as_str()), (header::CACHE_CONTROL, cache)] {
        if let Ok(value) = HeaderValue::from_str(value) {
            out.insert(name, value);
        }
    }
    response
}

/// The public keys that access tokens are signed with (RFC 7517).
///
/// A new key stands here for 20 minutes before it signs. May be kept for 10 minutes.
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "metadata", security(()),
    responses((status = 200, description = "The key set", body = JwkSetDocument, headers(("ETag" = String, description = "This edition"), ("Cache-Control" = String, description = "How long it may be kept"))), (status = 304, description = "Unchanged", headers(("ETag" = String, description = "This edition"), ("Cache-Control" = String, description = "How long it may be kept")))))]
async fn jwks(State(web): State<Web>, context: Context, headers: HeaderMap) -> Result<Response, Problem> {
    let ring = service::key::ring(&web.app, context.realm.key).await?;
    let body = serde_json::to_vec(&ring.published(web.app.now())).unwrap_or_default();
    let cache = format!("public, max-age={}", JWKS_MAX_AGE.as_secs());
    let mut response = tagged(&headers, "application/json", &cache, body);
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    Ok(response)
}

/// A key set (RFC 7517, section 5).
#[derive(Debug, Serialize, ToSchema)]
pub struct JwkSetDocument {
    /// Public keys, newest first.
    #[schema(value_type = Vec<Object>)]
    keys: Vec<serde_json::Value>,
}

/// What this issuer can do (RFC 8414, OpenID Connect Discovery).
///
/// Only what works is named; the OAuth endpoints come with their own release.
#[derive(Debug, Serialize, ToSchema)]
pub struct Metadata {
    /// `iss` of every token, byte for byte.
    issuer: String,
    /// Where the keys are.
    jwks_uri: String,
    /// Subject identifiers are the same for every client.
    subject_types_supported: [&'static str; 1],
    /// How tokens are signed.
    id_token_signing_alg_values_supported: Vec<String>,
    /// Said because the default would be true.
    request_uri_parameter_supported: bool,
    /// Not supported.
    request_parameter_supported: bool,
    /// Not supported.
    claims_parameter_supported: bool,
}

async fn metadata(web: &Web, context: &Context) -> Result<Response, Problem> {
    let ring = service::key::ring(&web.app, context.realm.key).await?;
    let mut algorithms: Vec<String> =
        ring.published(web.app.now()).keys.into_iter().filter_map(|key| key.alg).collect();
    algorithms.sort_unstable();
    algorithms.dedup();
    let issuer = context.realm.issuer.clone();
    let document = Metadata {
        jwks_uri: format!("{issuer}/.well-known/jwks.json"),
        issuer,
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: algorithms,
        request_uri_parameter_supported: false,
        request_parameter_supported: false,
        claims_parameter_supported: false,
    };
    let body = serde_json::to_vec(&document).unwrap_or_default();
    let mut response = tagged(&HeaderMap::new(), "application/json", "public, max-age=600", body);
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    Ok(response)
}

/// OpenID Connect Discovery 1.0.
#[utoipa::path(get, path = "/.well-known/openid-configuration", tag = "metadata", security(()),
    responses((status = 200, description = "The metadata", body = Metadata, headers(("ETag" = String, description = "This edition"), ("Cache-Control" = String, description = "How long it may be kept")))))]
async fn openid_configuration(State(web): State<Web>, context: Context) -> Result<Response, Problem> {
    metadata(&web, &context).await
}

/// RFC 8414; for realm x also at `/.well-known/oauth-authorization-server/realms/x`.
#[utoipa::path(get, path = "/.well-known/oauth-authorization-server", tag = "metadata", security(()),
    responses((status = 200, description = "The metadata", body = Metadata, headers(("ETag" = String, description = "This edition"), ("Cache-Control" = String, description = "How long it may be kept")))))]
async fn authorization_server(State(web): State<Web>, context: Context) -> Result<Response, Problem> {
    metadata(&web, &context).await
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct RolesQuery {
    /// The API whose permissions are meant.
    audience: String,
}

/// A catalogue of roles for one API.
#[derive(Debug, Serialize, ToSchema)]
pub struct RolesDocument {
    /// The API.
    audience: String,
    /// The edition, as in tokens.
    roles_version: i64,
    /// Role → permissions of this API, inherited ones included.
    roles: std::collections::BTreeMap<String, Vec<String>>,
}

/// Role → permissions of one API, for guards that meet a role in a unit or a token without permissions.
#[utoipa::path(get, path = "/.well-known/bailiwick-roles", tag = "metadata", params(RolesQuery), security(("api" = [])),
    responses((status = 200, description = "The catalogue", body = RolesDocument, headers(("ETag" = String, description = "This edition"), ("Cache-Control" = String, description = "How long it may be kept"))), (status = 304, description = "Unchanged", headers(("ETag" = String, description = "This edition"), ("Cache-Control" = String, description = "How long it may be kept"))),
        (status = 401, description = "Wrong credentials"), (status = 404, description = "Another API's credentials")))]
async fn roles(
    State(web): State<Web>,
    context: Context,
    headers: HeaderMap,
    query: Result<Query<RolesQuery>, Problem>,
) -> Result<Response, Problem> {
    let credentials = basic(&headers)?;
    let Query(query) = query?;
    let own = credentials.audience.clone();
    let realm = context.realm.key;
    if own != query.audience {
        // Checked all the same, so that the answer tells nothing about other APIs.
        service::api::catalogue(&web.app, realm, credentials, own, context.request).await?;
        return Err(Code::NotFound.into());
    }
    let catalogue = service::api::catalogue(&web.app, realm, credentials, query.audience, context.request).await?;
    let body = serde_json::to_vec(&catalogue).unwrap_or_default();
    Ok(tagged(&headers, "application/json", "private, max-age=60", body))
}

/// `Authorization: Basic`, `client_id` and secret percent-encoded (RFC 6749, section 2.3.1).
pub(crate) fn basic(headers: &HeaderMap) -> Result<Credentials, Problem> {
    let missing = || Problem::from(service::api::ApiError::Credentials);
    let sent = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).ok_or_else(missing)?;
    let (scheme, encoded) = sent.split_once(' ').ok_or_else(missing)?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(missing());
    }
    let decoded =
        STANDARD.decode(encoded.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(missing)?;
    let (id, secret) = decoded.split_once(':').ok_or_else(missing)?;
    // Audiences have no character that needs encoding; an encoded one is nobody's, and counts as a failure like any other.
    let audience = Audience::parse(id).map_or_else(|_| String::new(), String::from);
    Ok(Credentials { audience, secret: Secret::parse(secret) })
}

/// This document.
#[utoipa::path(get, path = "/openapi.json", tag = "metadata", security(()),
    responses((status = 200, description = "OpenAPI 3.1", body = Object, headers(("ETag" = String, description = "This edition"), ("Cache-Control" = String, description = "How long it may be kept"))), (status = 304, description = "Unchanged", headers(("ETag" = String, description = "This edition"), ("Cache-Control" = String, description = "How long it may be kept")))))]
async fn openapi(State(web): State<Web>, headers: HeaderMap) -> Response {
    tagged(&headers, "application/json", "public, max-age=60", web.openapi.clone().into_bytes())
}
