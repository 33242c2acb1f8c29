//! OAuth endpoints: forms in, JSON out, refusals in OAuth's form (RFC 6749, section 5.2).

mod error;
mod form;
mod introspect;
mod revoke;
mod token;

use axum::http::HeaderMap;
use domain::permission::Audience;
use service::client::{Credentials, Demand, Proved, authenticate};
use wire::claims::AccessClaims;

pub(crate) use self::error::OAuthError;
use self::form::{OAuthForm, Params};
use crate::config::Web;
use crate::http::credentials::{Sent, sent};
use crate::http::problem::Problem;
use crate::http::request::Context;
use crate::table::Table;

/// Mounts them.
#[must_use]
pub fn mount(table: Table) -> Table {
    revoke::mount(introspect::mount(token::mount(table)))
}

/// A body longer than any token with its parameters is read; a token longer than this is none of ours, and nothing is done with it.
const LONGEST_TOKEN: usize = 2 * service::signing::LONGEST_TOKEN;

/// The client behind a form: by `Authorization: Basic`, or by `client_id` and `client_secret` in the form, never by both.
///
/// # Errors
/// [`OAuthError`]: `invalid_client`; `invalid_request` for two methods at once, or a form that cannot be read.
async fn client(
    web: &Web,
    context: &Context,
    headers: &HeaderMap,
    form: OAuthForm,
    demand: Demand,
) -> Result<(Proved, Params), OAuthError> {
    let params = form.params.as_ref();
    let named = |name: &str| params.ok().and_then(|params| params.get(name));
    let (id, secret) = (named("client_id"), named("client_secret"));
    let credentials = match (sent(headers), id, secret) {
        (Sent::Basic(..), _, Some(_)) => {
            return Err(OAuthError::invalid_request("Send the secret in one place."));
        }
        (Sent::Basic(header, _), Some(id), None) if header != id => {
            return Err(OAuthError::invalid_request("client_id names another client than Authorization."));
        }
        (Sent::Basic(id, secret), _, None) => Credentials::new(&id, Some(&secret)),
        (Sent::Nothing, Some(id), secret) => Credentials::new(id, secret),
        (Sent::Nothing, None, _) | (Sent::Other, ..) => return Err(OAuthError::invalid_client()),
    };
    let (realm, request) = (context.realm.key, context.request.clone());
    let proved = authenticate(&web.app, realm, credentials, demand, request).await;
    let proved = proved.map_err(|error| OAuthError::of_client(error, web.app.now()))?;
    Ok((proved, form.params?))
}

/// The first of `apis` for which we signed this token, and its claims. Its length first: whatever else is sent costs nothing.
///
/// # Errors
/// [`Problem`]: the keys cannot be read.
async fn verified<'a>(
    web: &Web,
    context: &Context,
    apis: &'a [Audience],
    token: &str,
) -> Result<Option<(&'a Audience, AccessClaims)>, Problem> {
    if token.len() > LONGEST_TOKEN {
        return Ok(None);
    }
    for api in apis {
        if let Some(claims) = web.verify_for(&context.realm, api.as_str(), token).await? {
            return Ok(Some((api, (*claims).clone())));
        }
    }
    Ok(None)
}
