//! Forms of pages: their fields, and the proof that our own page made them (WEB-03).

use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use domain::secret::{Secret, hmac_sha256, same};
use serde::de::DeserializeOwned;
use wire::problem::Code;

use super::cross_site::{self, Cause};
use super::problem::Problem;
use super::request::Context;
use crate::config::Web;

/// The fields of a form.
#[derive(Clone, Copy, Debug)]
pub struct Form<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Form<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let long = request.headers().get("content-length").and_then(|l| l.to_str().ok()?.parse::<usize>().ok());
        if long.is_some_and(|length| length > super::body::LONGEST) {
            return Err(Code::PayloadTooLarge.into());
        }
        // Without an announced length too.
        let (parts, body) = request.into_parts();
        let whole = super::body::read(Request::from_parts(parts.clone(), body)).await?;
        let request = Request::from_parts(parts, axum::body::Body::from(whole));
        let read = axum::extract::Form::<T>::from_request(request, state).await;
        read.map(|axum::extract::Form(fields)| Self(fields)).map_err(|_| Code::Malformed.into())
    }
}

/// Which form: a token of one is of no use for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Signing in.
    SignIn,
    /// Using a link.
    Link,
    /// Whatever somebody signed in does.
    Account,
}

impl Purpose {
    const fn as_bytes(self) -> &'static [u8] {
        match self {
            Self::SignIn => b"sign-in",
            Self::Link => b"link",
            Self::Account => b"account",
        }
    }
}

/// The token of forms that belong to a cookie: the session's, or the flow's before there is one.
#[must_use]
pub fn token(web: &Web, context: &Context, purpose: Purpose, cookie: &Secret) -> String {
    let key = web.app.seal.derive("csrf", context.realm.key);
    Secret::from_bytes(hmac_sha256(key.bytes(), &[purpose.as_bytes(), b" ", cookie.bytes()])).expose()
}

/// Whether our own page sent the form: the token fits the cookie, and no header says otherwise. A foreign one is counted.
///
/// # Errors
/// [`Problem`]: the database.
pub async fn is_ours(
    web: &Web,
    context: &Context,
    headers: &HeaderMap,
    (purpose, cookie): (Purpose, Option<&Secret>),
    sent: &str,
) -> Result<bool, Problem> {
    if cross_site::judge(headers, &web.own_origins(), &[]) == Cause::Foreign {
        service::api::cross_site(&web.app, context.realm.key, context.request.clone()).await?;
        return Ok(false);
    }
    Ok(cookie.is_some_and(|cookie| same(token(web, context, purpose, cookie).as_bytes(), sent.as_bytes())))
}
