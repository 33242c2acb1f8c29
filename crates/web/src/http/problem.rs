//! Refusals. A handler returns one; the outermost layer writes it, with the request's id, as JSON (RFC 9457) or as a page for people.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::caller::Forbidden;
use domain::role::GraphError;
use domain::time::Timestamp;
use service::StoreError;
use service::api::ChangeError as ChangeApiError;
use service::audit::AuditError;
use service::client::{ClientAuthError, ClientError};
use service::evaluation::EvaluationError;
use service::factor::FactorError;
use service::grant::GrantError;
use service::invitation::LinkError;
use service::key::KeyError;
use service::password::ChangeError;
use service::refresh::RefreshError;
use service::role::RoleError;
use service::session::{EndError, UnlockError};
use service::sign_in::SignInError;
use service::step_up::StepUpError;
use service::unit::UnitError;
use service::user::UserError;
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

impl From<SignInError> for Problem {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::InvalidCredentials => Code::InvalidCredentials.into(),
            SignInError::Dead => Code::TokenRefused.into(),
            SignInError::Password(error) => Self::invalid("/new_password", error.code(), error.to_string()),
            SignInError::Throttled(throttled) => Self::wait(throttled.until),
            SignInError::TooManySessions(most) => Self::from(Code::Conflict).detail(format!(
                "You are signed in as often as is allowed ({most}). Sign out elsewhere, or ask an administrator to end a session."
            )),
            SignInError::Audience(error) => Self::invalid("/audience", "unknown", error.to_string()),
            SignInError::Overloaded(_) => Self::busy(2),
            SignInError::Key(error) => error.into(),
            SignInError::Store(error) => error.into(),
        }
    }
}

impl From<StepUpError> for Problem {
    fn from(error: StepUpError) -> Self {
        match error {
            StepUpError::SignedOut => Self::not_signed_in(true),
            StepUpError::Wrong => Self::invalid("/password", "wrong", error.to_string()),
            StepUpError::Throttled(throttled) => Self::wait(throttled.until),
            StepUpError::Audience(error) => Self::invalid("/audience", "unknown", error.to_string()),
            StepUpError::Overloaded(_) => Self::busy(2),
            StepUpError::Key(error) => error.into(),
            StepUpError::Store(error) => error.into(),
        }
    }
}

impl From<ChangeError> for Problem {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::SignedOut => Self::not_signed_in(true),
            ChangeError::Wrong => Self::invalid("/current_password", "wrong", error.to_string()),
            ChangeError::Password(error) => Self::invalid("/new_password", error.code(), error.to_string()),
            ChangeError::Throttled(throttled) => Self::wait(throttled.until),
            ChangeError::Overloaded(_) => Self::busy(2),
            ChangeError::Store(error) => error.into(),
        }
    }
}

impl From<FactorError> for Problem {
    fn from(error: FactorError) -> Self {
        match error {
            FactorError::SignedOut => Self::not_signed_in(true),
            FactorError::Forbidden(forbidden) => forbidden.into(),
            FactorError::NotFound => Code::NotFound.into(),
            FactorError::Wrong => Self::invalid("/code", "wrong", error.to_string()),
            FactorError::Conflict(text) => Self::from(Code::Conflict).detail(text),
            FactorError::Throttled(throttled) => Self::wait(throttled.until),
            FactorError::Overloaded(_) => Self::busy(2),
            FactorError::Store(error) => error.into(),
        }
    }
}

impl From<RefreshError> for Problem {
    fn from(error: RefreshError) -> Self {
        match error {
            RefreshError::Ended => Code::SessionEnded.into(),
            RefreshError::Locked => Code::SessionLocked.into(),
            RefreshError::Throttled(throttled) => Self::wait(throttled.until),
            RefreshError::Audience(error) => Self::invalid("/audience", "unknown", error.to_string()),
            RefreshError::Key(error) => error.into(),
            RefreshError::Store(error) => error.into(),
        }
    }
}

impl From<UnlockError> for Problem {
    fn from(error: UnlockError) -> Self {
        match error {
            UnlockError::InvalidCredentials => Code::InvalidCredentials.into(),
            UnlockError::Ended => Code::SessionEnded.into(),
            UnlockError::Throttled(throttled) => Self::wait(throttled.until),
            UnlockError::Audience(error) => Self::invalid("/audience", "unknown", error.to_string()),
            UnlockError::Overloaded(_) => Self::busy(2),
            UnlockError::Key(error) => error.into(),
            UnlockError::Store(error) => error.into(),
        }
    }
}

impl From<LinkError> for Problem {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::Refused => Code::TokenRefused.into(),
            LinkError::Password(error) => Self::invalid("/new_password", error.code(), error.to_string()),
            LinkError::Throttled(throttled) => Self::wait(throttled.until),
            LinkError::Overloaded(_) => Self::busy(2),
            LinkError::Store(error) => error.into(),
        }
    }
}

impl From<UserError> for Problem {
    fn from(error: UserError) -> Self {
        match error {
            UserError::SignedOut => Self::not_signed_in(true),
            UserError::Forbidden(forbidden) => forbidden.into(),
            UserError::NotFound => Code::NotFound.into(),
            UserError::NoUnit => Self::invalid("/unit", "unknown", error.to_string()),
            UserError::NoRole(at) => Self::invalid(&format!("/grants/{at}/role"), "unknown", error.to_string()),
            UserError::Twice(at) => Self::invalid(&format!("/grants/{at}/role"), "duplicate", error.to_string()),
            UserError::NameTaken => Self::from(Code::NameTaken).at("/username", "taken", error.to_string()),
            UserError::Conflict(text) => Self::from(Code::Conflict).detail(text),
            UserError::ChangedMeanwhile => Code::ChangedMeanwhile.into(),
            UserError::VersionUnsaid => Self::version_unsaid(),
            UserError::Attributes(errors) => {
                errors.into_iter().fold(Code::Validation.into(), |problem: Self, error| {
                    problem.at(&format!("/attributes{}", error.pointer), error.code, error.text)
                })
            }
            UserError::Store(error) => error.into(),
        }
    }
}

impl From<GrantError> for Problem {
    fn from(error: GrantError) -> Self {
        match error {
            GrantError::SignedOut => Self::not_signed_in(true),
            GrantError::Forbidden(forbidden) => forbidden.into(),
            GrantError::NotFound => Code::NotFound.into(),
            GrantError::NoRole => Self::invalid("/role", "unknown", error.to_string()),
            GrantError::NoUnit => Self::invalid("/unit", "unknown", error.to_string()),
            GrantError::Dates => Self::invalid("/valid_until", "too_early", error.to_string()),
            GrantError::Conflict(text) => Self::from(Code::Conflict).detail(text),
            GrantError::Held { .. } => Self::from(Code::Conflict).detail(error.to_string()),
            GrantError::Store(error) => error.into(),
        }
    }
}

impl From<EndError> for Problem {
    fn from(error: EndError) -> Self {
        match error {
            EndError::SignedOut => Self::not_signed_in(true),
            EndError::Forbidden(forbidden) => forbidden.into(),
            EndError::NotFound => Code::NotFound.into(),
            EndError::Store(error) => error.into(),
        }
    }
}

impl From<AuditError> for Problem {
    fn from(error: AuditError) -> Self {
        match error {
            AuditError::Forbidden(forbidden) => forbidden.into(),
            AuditError::NotFound => Code::NotFound.into(),
            AuditError::Store(error) => error.into(),
        }
    }
}

impl From<UnitError> for Problem {
    fn from(error: UnitError) -> Self {
        match error {
            UnitError::SignedOut => Self::not_signed_in(true),
            UnitError::Forbidden(forbidden) => forbidden.into(),
            UnitError::NotFound => Code::NotFound.into(),
            UnitError::NoParent => Self::invalid("/parent", "unknown", error.to_string()),
            UnitError::PathTaken => Self::from(Code::NameTaken).at("/slug", "taken", error.to_string()),
            UnitError::Conflict(text) => Self::from(Code::Conflict).detail(text),
            UnitError::ChangedMeanwhile => Code::ChangedMeanwhile.into(),
            UnitError::Store(error) => error.into(),
        }
    }
}

impl From<RoleError> for Problem {
    fn from(error: RoleError) -> Self {
        match error {
            RoleError::SignedOut => Self::not_signed_in(true),
            RoleError::Forbidden(forbidden) => forbidden.into(),
            RoleError::NotFound => Code::NotFound.into(),
            RoleError::NameTaken => Self::from(Code::NameTaken).at("/name", "taken", error.to_string()),
            RoleError::Unknown { ref pointer, .. } => Self::invalid(pointer, "unknown", error.to_string()),
            RoleError::TooMany { pointer, what } => Self::invalid(pointer, "length", what),
            RoleError::Graph(GraphError::Cycle(_)) => Self::invalid("/inherits", "cycle", error.to_string()),
            RoleError::Graph(GraphError::TooDeep(_)) => Self::invalid("/inherits", "too_deep", error.to_string()),
            RoleError::Conflict(text) => Self::from(Code::Conflict).detail(text),
            RoleError::VersionUnsaid => Self::version_unsaid(),
            RoleError::ChangedMeanwhile => Code::ChangedMeanwhile.into(),
            RoleError::Store(error) => error.into(),
        }
    }
}

impl From<ChangeApiError> for Problem {
    fn from(error: ChangeApiError) -> Self {
        match error {
            ChangeApiError::SignedOut => Self::not_signed_in(true),
            ChangeApiError::Forbidden(forbidden) => forbidden.into(),
            ChangeApiError::NotFound => Code::NotFound.into(),
            ChangeApiError::NameTaken => Code::NameTaken.into(),
            ChangeApiError::Conflict(text) => Self::from(Code::Conflict).detail(text),
            ChangeApiError::VersionUnsaid => Self::version_unsaid(),
            ChangeApiError::ChangedMeanwhile => Code::ChangedMeanwhile.into(),
            ChangeApiError::Key(error) => error.into(),
            ChangeApiError::Store(error) => error.into(),
        }
    }
}

impl From<ClientError> for Problem {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::SignedOut => Self::not_signed_in(true),
            ClientError::Forbidden(forbidden) => forbidden.into(),
            ClientError::NotFound => Code::NotFound.into(),
            ClientError::NameTaken => Self::from(Code::NameTaken).at("/client_id", "taken", error.to_string()),
            ClientError::NoApi(at) => Self::invalid(&format!("/apis/{at}"), "unknown", error.to_string()),
            ClientError::RedirectUris(text) => Self::invalid("/redirect_uris", "kind", text),
            ClientError::Conflict(text) => Self::from(Code::Conflict).detail(text),
            ClientError::VersionUnsaid => Self::version_unsaid(),
            ClientError::ChangedMeanwhile => Code::ChangedMeanwhile.into(),
            ClientError::Store(error) => error.into(),
        }
    }
}

impl From<ClientAuthError> for Problem {
    fn from(error: ClientAuthError) -> Self {
        match error {
            ClientAuthError::Credentials => Self {
                challenge: Some(Challenge::Plain(r#"Basic realm="bailiwick""#)),
                ..Code::InvalidCredentials.into()
            },
            ClientAuthError::Throttled(throttled) => Self::wait(throttled.until),
            ClientAuthError::Store(error) => error.into(),
        }
    }
}

impl From<EvaluationError> for Problem {
    fn from(error: EvaluationError) -> Self {
        match error {
            EvaluationError::Forbidden(forbidden) => forbidden.into(),
            EvaluationError::Store(error) => error.into(),
        }
    }
}
