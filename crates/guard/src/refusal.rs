//! Refusals: RFC 9457 bodies with the challenges of RFC 6750.
//!
//! Whatever is wrong with a token, the answer is one: what exactly is in the log, not in the response.

use std::sync::Arc;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use axum::response::IntoResponse;
use wire::problem::{Code, PROBLEM_JSON, ProblemBody};

/// Names a request, in answers and logs.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A refusal, ready to be answered: `?` in a handler that returns `Result<_, Refusal>` is enough.
#[derive(Clone, Debug)]
pub struct Refusal {
    body: Box<ProblemBody>,
    challenge: Option<HeaderValue>,
    retry_after_seconds: Option<u32>,
}

impl Refusal {
    /// The code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.body.code
    }

    /// Says what is particular to this occurrence.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.body.detail = Some(detail.into());
        self
    }

    /// The permissions (or roles) that were missing.
    #[must_use]
    pub fn missing(&self) -> &[String] {
        &self.body.missing
    }

    /// The answer, for any body that is made from text.
    pub fn into_http<B: From<String>>(self) -> Response<B> {
        let Self { body, challenge, retry_after_seconds } = self;
        let text = serde_json::to_string(&body).unwrap_or_default();
        let mut response = Response::new(B::from(text));
        *response.status_mut() = StatusCode::from_u16(body.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(challenge) = challenge {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        if let Some(seconds) = retry_after_seconds {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Ok(id) = HeaderValue::from_str(&body.request_id) {
            headers.insert(REQUEST_ID, id);
        }
        response
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response<Body> {
        self.into_http()
    }
}

/// Makes the refusals of one request: knows the address of the explanations and the request's id.
#[derive(Clone, Debug)]
pub(crate) struct Refuser {
    base: Arc<str>,
    request_id: Option<HeaderValue>,
}

impl Refuser {
    pub(crate) fn new(base: Arc<str>, headers: &HeaderMap) -> Self {
        Self { base, request_id: headers.get(REQUEST_ID).filter(|id| acceptable(id)).cloned() }
    }

    /// No token at all: no word of an error (RFC 6750, section 3).
    pub(crate) fn no_token(&self) -> Refusal {
        Refusal { challenge: Some(HeaderValue::from_static("Bearer")), ..self.plain(Code::NotSignedIn) }
    }

    /// A token that is not good, whatever the reason.
    pub(crate) fn bad_token(&self) -> Refusal {
        let challenge = HeaderValue::from_static(r#"Bearer error="invalid_token""#);
        Refusal { challenge: Some(challenge), ..self.plain(Code::NotSignedIn) }
    }

    /// A permission or role is missing.
    pub(crate) fn forbidden(&self, missing: &str, detail: String) -> Refusal {
        let mut refusal = self.plain(Code::Forbidden);
        refusal.challenge = Some(HeaderValue::from_static(r#"Bearer error="insufficient_scope""#));
        refusal.body.missing.push(missing.to_owned());
        refusal.body.detail = Some(detail);
        refusal
    }

    /// The issuer's keys never came: nothing can be said about any token.
    pub(crate) fn no_keys(&self) -> Refusal {
        let mut refusal = self.plain(Code::Overloaded);
        refusal.retry_after_seconds = Some(5);
        refusal.body.detail = Some("The keys of the identity server have not been loaded yet.".to_owned());
        refusal
    }

    /// Neither the feed nor the issuer says whether the token was revoked.
    pub(crate) fn cannot_tell(&self) -> Refusal {
        let mut refusal = self.plain(Code::Overloaded);
        refusal.retry_after_seconds = Some(2);
        refusal.body.detail = Some("The identity server cannot be asked whether the token is still good.".to_owned());
        refusal
    }

    /// The authentication is too old or too weak (RFC 9470, section 3).
    pub(crate) fn step_up(&self, max_age_seconds: u32, acr: &str) -> Refusal {
        let mut refusal = self.plain(Code::InsufficientAuthentication);
        let challenge = format!(
            r#"Bearer error="insufficient_user_authentication", acr_values="{acr}", max_age="{max_age_seconds}""#
        );
        // An `acr` that is no header text is the application's mistake; the refusal stands without it.
        refusal.challenge = HeaderValue::try_from(challenge)
            .or_else(|_| HeaderValue::try_from(r#"Bearer error="insufficient_user_authentication""#))
            .ok();
        refusal.body.acr_values = Some(acr.to_owned());
        refusal.body.max_age = Some(u64::from(max_age_seconds));
        refusal
    }

    /// Any problem without a challenge.
    pub(crate) fn plain(&self, code: Code) -> Refusal {
        let given = self.request_id.as_ref().and_then(|id| id.to_str().ok()).map(str::to_owned);
        let body = ProblemBody::new(code, &self.base, given.unwrap_or_else(new_request_id));
        Refusal { body: Box::new(body), challenge: None, retry_after_seconds: None }
    }
}

/// Whether a request id may be echoed: `[A-Za-z0-9._-]{1,64}`.
fn acceptable(id: &HeaderValue) -> bool {
    let id = id.as_bytes();
    (1..=64).contains(&id.len()) && id.iter().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(byte))
}

fn new_request_id() -> String {
    let mut random = [0; 16];
    // An id that could not be drawn is a nil id: it only has to help to find a line in a log.
    #[expect(clippy::disallowed_methods, reason = "the guard runs in other programs, where service::Entropy is not")]
    let _drawn = aws_lc_rs::rand::fill(&mut random);
    uuid::Builder::from_random_bytes(random).into_uuid().to_string()
}
