//! The sign-in page.

use askama::Template;

use super::{SAMPLE_NOW, Say, Wait};

/// `GET` and a refused `POST /sign-in`: fields `identifier`, `password`, `csrf`, `return_to`.
#[derive(Clone, Debug, Template)]
#[template(path = "sign-in.html")]
pub struct SignIn {
    /// The realm's prefix.
    pub base: String,
    /// Whose door it is.
    pub organisation: String,
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
}

impl SignIn {
    /// With made-up content.
    #[must_use]
    pub fn sample() -> Self {
        Self::sample_of(&str::to_owned)
    }

    pub(super) fn sample_of(say: Say<'_>) -> Self {
        Self {
            base: say(""),
            organisation: say("Havelmoor Clinic"),
            continue_to: Some(say("Ward Charts")),
            csrf: say("csrf"),
            return_to: Some(say("/account")),
            identifier: say("ines.tallmark"),
            problem: Some(SignInProblem::Wait(Wait::until(SAMPLE_NOW, SAMPLE_NOW + 90))),
            device_label: Some(say("Ward 3 tablet")),
            demo: true,
        }
    }

    /// Where the cursor stands: in the password, once a name is known.
    fn named(&self) -> bool {
        !self.identifier.is_empty()
    }

    fn wrong(&self) -> bool {
        self.problem == Some(SignInProblem::Wrong)
    }
}
