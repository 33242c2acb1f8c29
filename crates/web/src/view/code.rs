//! Codes that people type: which kind, and why one was not accepted.

use super::trouble::{Notice, Trouble};
use super::{Frame, Wait};

/// Which code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeMethod {
    /// Six digits of an authenticator app.
    Totp,
    /// One of those that were kept.
    RecoveryCode,
}

impl CodeMethod {
    /// The value of the field `method`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::RecoveryCode => "recovery_code",
        }
    }
}

/// Why a code was not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CodeProblem {
    /// Wrong, or used already.
    Wrong {
        /// How many tries are left, if that is to be said.
        left: Option<i64>,
    },
    /// Too many wrong ones; this one was not looked at.
    Wait(Wait),
    /// No capacity.
    Busy,
    /// The form was too old, or not ours.
    Expired,
}

impl CodeProblem {
    pub(super) fn trouble(&self, frame: &Frame, method: CodeMethod) -> Trouble {
        match (self, method) {
            (Self::Wrong { left: Some(left) }, CodeMethod::Totp) => {
                Trouble::field("code", frame.say("code-wrong-left").put("count", *left))
            }
            (Self::Wrong { .. }, CodeMethod::Totp) => Trouble::field("code", frame.say("code-wrong")),
            (Self::Wrong { .. }, CodeMethod::RecoveryCode) => Trouble::field("code", frame.say("recovery-wrong")),
            (Self::Wait(wait), _) => Trouble::above(Notice::wait(frame, "code-wait", wait)),
            (Self::Busy, _) => Trouble::above(Notice::later(frame.say("code-busy"))),
            (Self::Expired, _) => Trouble::above(Notice::later(frame.say("code-expired"))),
        }
    }
}
