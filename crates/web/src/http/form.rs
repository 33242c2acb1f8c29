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

/// A form as sent. Its fields come out only with the proof that our own page made it: [`Form::proved`].
#[derive(Clone, Debug)]
pub struct Form<T> {
    csrf: String,
    fields: T,
}

#[derive(serde::Deserialize)]
struct Sent<T> {
    #[serde(default)]
    csrf: String,
    #[serde(flatten)]
    fields: T,
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Form<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let long = request.headers().get("content-length").and_then(|l| l.to_str().ok()?.parse::<usize>().ok());
        if long.is_some_and(|length| length > super::body::LONGEST) {
            return Err(Code::PayloadTooLarge.into());
        }
        let (parts, body) = request.into_parts();
        let whole = super::body::read(Request::from_parts(parts.clone(), body)).await?;
        let request = Request::from_parts(parts, axum::body::Body::from(whole));
        let read = axum::extract::Form::<Sent<T>>::from_request(request, state).await;
        let axum::extract::Form(sent) = read.map_err(|_| Problem::from(Code::Malformed))?;
        Ok(Self { csrf: sent.csrf, fields: sent.fields })
    }
}

impl<T> Form<T> {
    /// Which of a page's forms it says it is, before that is proved.
    pub fn peek(&self, which: impl FnOnce(&T) -> bool) -> bool {
        which(&self.fields)
    }

    /// The fields, if our own page made the form: its token fits the cookie and the purpose, and no header says otherwise. A foreign one is counted.
    ///
    /// # Errors
    /// [`Problem`]: the database.
    pub async fn proved(
        self,
        web: &Web,
        context: &Context,
        headers: &HeaderMap,
        (purpose, cookie): (Purpose, Option<&Secret>),
    ) -> Result<Option<T>, Problem> {
        if cross_site::judge(headers, &web.own_origins(), &[]) == Cause::Foreign {
            service::api::cross_site(&web.app, context.realm.key, context.request.clone()).await?;
            return Ok(None);
        }
        let expected = cookie.map(|cookie| token(web, context, purpose, cookie));
        let ours = expected.is_some_and(|expected| same(expected.as_bytes(), self.csrf.as_bytes()));
        Ok(ours.then_some(self.fields))
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
    /// Going on with a session of this device.
    Unlock,
}

impl Purpose {
    const fn as_bytes(self) -> &'static [u8] {
        match self {
            Self::SignIn => b"sign-in",
            Self::Link => b"link",
            Self::Account => b"account",
            Self::Unlock => b"unlock",
        }
    }
}

/// The token of forms that belong to a cookie: the session's, or the flow's before there is one.
#[must_use]
pub fn token(web: &Web, context: &Context, purpose: Purpose, cookie: &Secret) -> String {
    let key = web.app.seal.derive("csrf", context.realm.key);
    Secret::from_bytes(hmac_sha256(key.bytes(), &[purpose.as_bytes(), b" ", cookie.bytes()])).expose()
}
