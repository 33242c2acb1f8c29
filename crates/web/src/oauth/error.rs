//! Refusals of OAuth endpoints.

use std::borrow::Cow;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::throttle::Throttled;
use domain::time::Timestamp;
use serde::Serialize;
use service::client::ClientAuthError;
use utoipa::ToSchema;

use crate::http::problem::{Problem, RetryAfter};

/// A refusal in OAuth's form.
#[derive(Clone, Debug)]
pub(crate) struct OAuthError {
    status: StatusCode,
    error: &'static str,
    description: Cow<'static, str>,
    retry_after: Option<u64>,
}

/// A refusal (RFC 6749, section 5.2).
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OAuthErrorDocument {
    /// For programs: `invalid_request`, `invalid_client`, `unauthorized_client`, `unsupported_grant_type`, `invalid_scope`, `invalid_target`,
    /// `too_many_attempts`, `server_error`, `temporarily_unavailable`.
    error: &'static str,
    /// For people who write programs.
    error_description: Cow<'static, str>,
}

impl OAuthError {
    /// 400 with a code.
    pub(crate) const fn refused(error: &'static str, description: &'static str) -> Self {
        Self { status: StatusCode::BAD_REQUEST, error, description: Cow::Borrowed(description), retry_after: None }
    }

    /// The same, in words of this case.
    pub(crate) fn because(self, description: String) -> Self {
        Self { description: Cow::Owned(description), ..self }
    }

    /// The request cannot be understood.
    pub(crate) const fn invalid_request(description: &'static str) -> Self {
        Self::refused("invalid_request", description)
    }

    /// Unknown, disabled, wrong, or no credentials at all: one answer.
    pub(crate) fn invalid_client() -> Self {
        let refused = Self::refused("invalid_client", "The client is unknown, or its credentials are wrong.");
        Self { status: StatusCode::UNAUTHORIZED, ..refused }
    }

    /// 429; worth another try at an instant.
    pub(crate) fn throttled(description: &'static str, throttled: Throttled, now: Timestamp) -> Self {
        let retry_after = Some(throttled.until.since(now).as_secs() + 1);
        let refused = Self::refused("too_many_attempts", description);
        Self { status: StatusCode::TOO_MANY_REQUESTS, retry_after, ..refused }
    }

    /// What checking credentials says.
    pub(crate) fn of_client(error: ClientAuthError, now: Timestamp) -> Self {
        match error {
            ClientAuthError::Credentials => Self::invalid_client(),
            ClientAuthError::Throttled(throttled) => {
                Self::throttled("Too many wrong credentials. Wait as Retry-After says.", throttled, now)
            }
            ClientAuthError::Store(error) => Problem::from(error).into(),
        }
    }
}

/// What is refused before the endpoint itself, or by what lies below it.
impl From<Problem> for OAuthError {
    fn from(problem: Problem) -> Self {
        let retry_after = match problem.retry_after {
            Some(RetryAfter::Seconds(seconds)) => Some(seconds),
            Some(RetryAfter::At(_)) => Some(1),
            None => None,
        };
        let status = StatusCode::from_u16(problem.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let (error, description) = match status {
            StatusCode::SERVICE_UNAVAILABLE => ("temporarily_unavailable", "Try again as Retry-After says."),
            status if status.is_server_error() => ("server_error", "Something unexpected happened. It is in the log."),
            StatusCode::PAYLOAD_TOO_LARGE => ("invalid_request", "The body is longer than 64 KiB."),
            _ => ("invalid_request", "The request cannot be read: a form with each parameter once, and no query."),
        };
        Self { status, retry_after, ..Self::refused(error, description) }
    }
}

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        let document = OAuthErrorDocument { error: self.error, error_description: self.description };
        let mut response = (self.status, axum::Json(document)).into_response();
        let headers = response.headers_mut();
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(r#"Basic realm="bailiwick""#));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}
