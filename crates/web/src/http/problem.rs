//! Refusals. A handler returns one; the outermost layer writes it, with the request's id, as JSON (RFC 9457) or as a page for people.

mod administration; // of administration
mod person; // of people about themselves

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::caller::Forbidden;
use domain::time::Timestamp;
use service::StoreError;
use service::key::KeyError;
use wire::problem::{Code, FieldError};

/// A refusal.
#[derive(Clone, Debug)]
pub struct Problem {
    pub(crate) code: Code,
    pub(crate) detail: Option<String>,
    pub(crate) errors: Vec<FieldError>,
    pub(crate) missing: Vec<String>,
    pub(crate) retry_after: Option<RetryAfter>,
    pub(crate) challenge: Option<Challenge>,
}

/// What `WWW-Authenticate` asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Challenge {
    /// As it stands.
    Plain(&'static str),
    /// A fresher or stronger authentication: `acr_values`, `max_age` in seconds (RFC 9470).
    StepUp(&'static str, u32),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum RetryAfter {
    Seconds(u64),
    At(Timestamp),
}

impl From<Code> for Problem {
    fn from(code: Code) -> Self {
        Self { code, detail: None, errors: Vec::new(), missing: Vec::new(), retry_after: None, challenge: None }
    }
}

impl Problem {
    /// More for the reader.
    #[must_use]
    pub fn detail(mut self, text: impl Into<String>) -> Self {
        self.detail = Some(text.into());
        self
    }

    /// One value that is not acceptable.
    #[must_use]
    pub fn at(mut self, pointer: &str, code: &'static str, text: impl Into<String>) -> Self {
        self.errors.push(FieldError { pointer: pointer.to_owned(), code: code.into(), detail: text.into().into() });
        self
    }

    /// A value of the body that is not acceptable: 422.
    #[must_use]
    pub fn invalid(pointer: &str, code: &'static str, text: impl Into<String>) -> Self {
        Self::from(Code::Validation).at(pointer, code, text)
    }

    /// Something unexpected: logged once, here, and shown as a reference id.
    #[must_use]
    pub fn internal(cause: &dyn std::fmt::Display) -> Self {
        tracing::error!(%cause, "unexpected");
        Code::Internal.into()
    }

    /// Whoever changes something says which version they looked at: 428.
    #[must_use]
    pub fn version_unsaid() -> Self {
        Self::from(Code::PreconditionRequired).detail("Send If-Match with the ETag that you read.")
    }

    pub(crate) fn busy(seconds: u64) -> Self {
        Self { retry_after: Some(RetryAfter::Seconds(seconds)), ..Code::Overloaded.into() }
    }

    fn wait(until: Timestamp) -> Self {
        Self { retry_after: Some(RetryAfter::At(until)), ..Code::TooManyAttempts.into() }
    }

    /// A fresher or stronger authentication is needed (RFC 9470).
    #[must_use]
    pub fn insufficient(acr: &'static str, max_age: u32) -> Self {
        Self { challenge: Some(Challenge::StepUp(acr, max_age)), ..Code::InsufficientAuthentication.into() }
    }

    /// Not signed in, with the challenge of RFC 6750: `error` only if a token came.
    #[must_use]
    pub fn not_signed_in(token_sent: bool) -> Self {
        let challenge = if token_sent { r#"Bearer error="invalid_token""# } else { "Bearer" };
        Self { challenge: Some(Challenge::Plain(challenge)), ..Code::NotSignedIn.into() }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = status.into_response();
        let challenge = self.challenge.map(|challenge| match challenge {
            Challenge::Plain(text) => text.to_owned(),
            Challenge::StepUp(acr, max_age) => {
                format!(r#"Bearer error="insufficient_user_authentication", acr_values="{acr}", max_age="{max_age}""#)
            }
        });
        if let Some(value) = challenge.and_then(|text| HeaderValue::from_str(&text).ok()) {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Busy => Self::busy(1),
            StoreError::Unavailable(why) => {
                tracing::error!(why, "the database is unavailable");
                Self::busy(2)
            }
            StoreError::Corrupt { .. } | StoreError::Driver(_) | StoreError::Unusable(_) => Self::internal(&error),
        }
    }
}

impl From<Forbidden> for Problem {
    fn from(forbidden: Forbidden) -> Self {
        Self {
            detail: forbidden.detail,
            missing: vec![forbidden.missing.as_str().to_owned()],
            challenge: Some(Challenge::Plain(r#"Bearer error="insufficient_scope""#)),
            ..Code::Forbidden.into()
        }
    }
}

impl From<KeyError> for Problem {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::SignedOut => Self::not_signed_in(true),
            KeyError::Forbidden(forbidden) => forbidden.into(),
            KeyError::Store(error) => error.into(),
            KeyError::Sealed(_) | KeyError::Bad(_) => Self::internal(&error),
        }
    }
}
