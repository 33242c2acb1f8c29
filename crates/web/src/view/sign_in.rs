//! The sign-in page.

use askama::Template;

use super::trouble::{Notice, Trouble};
use super::{Frame, Language, SAMPLE_NOW, Say, SwitchView, Wait};

/// `GET` and a refused `POST /sign-in`: fields `identifier`, `password`, `csrf`, `return_to`.
#[derive(Clone, Debug, Template)]
#[template(path = "sign-in.html")]
pub struct SignIn {
    /// What every page has.
    pub frame: Frame,
    /// The application that comes after it.
    pub continue_to: Option<String>,
    /// What the form is signed with.
    pub csrf: String,
    /// The path that comes after it.
    pub return_to: Option<String>,
    /// What was typed; the password never.
    pub identifier: String,
    /// Why nobody was signed in.
    pub problem: Option<SignInProblem>,
    /// How this device is called, if it has a name.
    pub device_label: Option<String>,
    /// Who else can go on here.
    pub others: Vec<SwitchView>,
    /// Whether there is a page with names and passwords.
    pub demo: bool,
}

/// Why nobody was signed in. The words do not tell which part was wrong, or whether there is such a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignInProblem {
    /// Unknown, wrong, disabled.
    Wrong,
    /// Too many attempts; this one was not looked at.
    Wait(Wait),
    /// No capacity.
    Busy,
    /// The form was too old, or not ours.
    Expired,
    /// A later step of the sign-in was open too long, or ended after too many wrong codes.
    StepEnded,
    /// The session that was to be unlocked cannot go on.
    SessionOver,
}

impl SignIn {
    /// With made-up content.
    #[must_use]
    pub fn sample() -> Self {
        Self::sample_of(Language::English, &str::to_owned)
    }

    pub(super) fn sample_of(language: Language, say: Say<'_>) -> Self {
        Self {
            frame: Frame::sample_of(language, say),
            continue_to: Some(say("Ward Charts")),
            csrf: say("csrf"),
            return_to: Some(say("/account")),
            identifier: say("ines.tallmark"),
            problem: Some(SignInProblem::Wait(Wait::until(SAMPLE_NOW, SAMPLE_NOW + 90))),
            device_label: Some(say("Ward 3 tablet")),
            others: SwitchView::samples(say),
            demo: true,
        }
    }

    /// Where the cursor stands: in the password, once a name is known.
    fn named(&self) -> bool {
        !self.identifier.is_empty()
    }

    fn trouble(&self) -> Trouble {
        let Some(problem) = &self.problem else { return Trouble::None };
        let say = |key| self.frame.say(key);
        Trouble::above(match problem {
            SignInProblem::Wrong => Notice::refused(say("sign-in-wrong")),
            SignInProblem::Wait(wait) => Notice::wait(&self.frame, "sign-in-wait", wait),
            SignInProblem::Busy => Notice::later(say("sign-in-busy")),
            SignInProblem::Expired => Notice::later(say("sign-in-expired")),
            SignInProblem::StepEnded => Notice::later(say("sign-in-step-ended")),
            SignInProblem::SessionOver => Notice::later(say("sign-in-session-over")),
        })
    }
}
