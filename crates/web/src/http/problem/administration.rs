//! Refusals of administration, and of programs that ask.

use domain::role::GraphError;
use service::api::ChangeError as ChangeApiError;
use service::audit::AuditError;
use service::client::{ClientAuthError, ClientError};
use service::evaluation::EvaluationError;
use service::grant::GrantError;
use service::role::RoleError;
use service::unit::UnitError;
use service::user::UserError;
use wire::problem::Code;

use super::{Challenge, Problem};

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
