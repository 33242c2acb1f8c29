//! From an invitation's link to a password.

use askama::Template;

use super::trouble::{Notice, Trouble};
use super::{Frame, Language, PasswordRefusal, SAMPLE_NOW, Say, Wait};

/// `GET` and a refused `POST /invitation`: fields `new_password`, `csrf`.
#[derive(Clone, Debug, Template)]
#[template(path = "invitation.html")]
pub struct Invitation {
    /// What every page has.
    pub frame: Frame,
    /// Who is invited, if the link told.
    pub name: Option<String>,
    /// What the form is signed with.
    pub csrf: String,
    /// Why no password was set.
    pub problem: Option<InvitationProblem>,
    /// Fewest characters of a password.
    pub least: usize,
}

/// Why no password was set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvitationProblem {
    /// The password is not acceptable.
    Password(PasswordRefusal),
    /// The link is unknown, used, replaced or too old: there is no form.
    Refused,
    /// Too many wrong links from this address.
    Wait(Wait),
    /// No capacity.
    Busy,
    /// The form was too old, or not ours.
    Expired,
}

/// The password is set; nobody is signed in by that.
#[derive(Clone, Debug, Template)]
#[template(path = "invitation-done.html")]
pub struct InvitationDone {
    /// What every page has.
    pub frame: Frame,
    /// What to sign in with: username or e-mail.
    pub username: String,
}

impl Invitation {
    /// With made-up content.
    #[must_use]
    pub fn sample() -> Self {
        Self::sample_of(Language::English, &str::to_owned)
    }

    pub(super) fn sample_of(language: Language, say: Say<'_>) -> Self {
        Self {
            frame: Frame::sample_of(language, say),
            name: Some(say("Edda Holtmarsh")),
            csrf: say("csrf"),
            problem: Some(InvitationProblem::Wait(Wait::until(SAMPLE_NOW, SAMPLE_NOW + 1700))),
            least: 15,
        }
    }

    fn trouble(&self) -> Trouble {
        let frame = &self.frame;
        match &self.problem {
            None | Some(InvitationProblem::Refused) => Trouble::None,
            Some(InvitationProblem::Password(refusal)) => refusal.trouble(frame),
            Some(InvitationProblem::Wait(wait)) => Trouble::above(Notice::wait(frame, "link-wait", wait)),
            Some(InvitationProblem::Busy) => Trouble::above(Notice::later(frame.say("link-busy"))),
            Some(InvitationProblem::Expired) => Trouble::above(Notice::later(frame.say("link-form-expired"))),
        }
    }

    /// Nothing was brought along: a printed code is asked for.
    const fn asks_code(&self) -> bool {
        self.problem.is_none() && self.csrf.is_empty()
    }

    fn refused(&self) -> bool {
        self.problem == Some(InvitationProblem::Refused)
    }
}

impl InvitationDone {
    /// With made-up content.
    #[must_use]
    pub fn sample() -> Self {
        Self::sample_of(Language::English, &str::to_owned)
    }

    pub(super) fn sample_of(language: Language, say: Say<'_>) -> Self {
        Self { frame: Frame::sample_of(language, say), username: say("edda.holtmarsh") }
    }
}
