//! Confirming that it is still the same person, before something weighty.

use askama::Template;

use super::code::{CodeMethod, CodeProblem};
use super::trouble::{Notice, Trouble};
use super::{Frame, Language, SAMPLE_NOW, Say, Wait};

/// `GET` and a refused `POST /account/confirm`: fields `password`, or `method` and `code`; `return_to`, `csrf`.
#[derive(Clone, Debug, Template)]
#[template(path = "step-up.html")]
pub struct StepUp {
    /// What every page has.
    pub frame: Frame,
    /// What the form is signed with.
    pub csrf: String,
    /// Who it is, for password managers.
    pub username: String,
    /// What is asked for.
    pub way: StepUpWay,
    /// What would do as well.
    pub others: Vec<StepUpWay>,
    /// The path of our own that comes after it, without the realm's prefix.
    pub return_to: String,
    /// Why it is not confirmed.
    pub problem: Option<StepUpProblem>,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepUpWay {
    /// The password.
    Password,
    /// A code.
    Code(CodeMethod),
}

impl StepUpWay {
    /// The value of `?method=`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Code(method) => method.as_str(),
        }
    }

    const fn offered(self) -> &'static str {
        match self {
            Self::Password => "confirm-use-password",
            Self::Code(CodeMethod::Totp) => "confirm-use-code",
            Self::Code(CodeMethod::RecoveryCode) => "confirm-use-recovery-code",
        }
    }
}

/// Why it is not confirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepUpProblem {
    /// What was typed did not match.
    Wrong,
    /// Too many wrong ones; this one was not looked at.
    Wait(Wait),
    /// No capacity.
    Busy,
    /// The form was too old, or not ours.
    Expired,
}

impl StepUp {
    /// With made-up content.
    #[must_use]
    pub fn sample() -> Self {
        Self::sample_of(Language::English, &str::to_owned)
    }

    pub(super) fn sample_of(language: Language, say: Say<'_>) -> Self {
        Self {
            frame: Frame::sample_of(language, say),
            csrf: say("csrf"),
            username: say("ines.tallmark"),
            way: StepUpWay::Code(CodeMethod::Totp),
            others: vec![StepUpWay::Code(CodeMethod::RecoveryCode)],
            return_to: say("/account/second-factor/new"),
            problem: Some(StepUpProblem::Wait(Wait::until(SAMPLE_NOW, SAMPLE_NOW + 90))),
        }
    }

    fn trouble(&self) -> Trouble {
        let frame = &self.frame;
        match (&self.problem, self.way) {
            (None, _) => Trouble::None,
            (Some(StepUpProblem::Wrong), StepUpWay::Password) => {
                Trouble::field("password", frame.say("password-wrong-current"))
            }
            (Some(StepUpProblem::Wrong), StepUpWay::Code(method)) => {
                CodeProblem::Wrong { left: None }.trouble(frame, method)
            }
            (Some(StepUpProblem::Wait(wait)), _) => Trouble::above(Notice::wait(frame, "confirm-wait", wait)),
            (Some(StepUpProblem::Busy), _) => Trouble::above(Notice::later(frame.say("code-busy"))),
            (Some(StepUpProblem::Expired), _) => Trouble::above(Notice::later(frame.say("code-expired"))),
        }
    }

    fn uses(&self, way: StepUpWay) -> bool {
        self.way == way
    }
}
