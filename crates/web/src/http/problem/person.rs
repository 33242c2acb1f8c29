//! Refusals of signing in, of sessions, and of what people do about their own account.

use service::factor::FactorError;
use service::invitation::LinkError;
use service::password::ChangeError;
use service::refresh::RefreshError;
use service::session::{EndError, SignOutError, UnlockError};
use service::sign_in::SignInError;
use service::step_up::StepUpError;
use wire::problem::Code;

use super::Problem;

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

impl From<SignOutError> for Problem {
    fn from(error: SignOutError) -> Self {
        match error {
            SignOutError::Locked => {
                Self::from(Code::SessionLocked).detail("Unlock the session first, or sign out of this one alone.")
            }
            SignOutError::Ended => Code::SessionEnded.into(),
            SignOutError::Store(error) => error.into(),
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
