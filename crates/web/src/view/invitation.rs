//! From an invitation's link to a password.

use askama::Template;

use super::{SAMPLE_NOW, Say, Wait};

/// `GET` and a refused `POST /invitation`: fields `new_password`, `csrf`.
#[derive(Clone, Debug, Template)]
#[template(path = "invitation.html")]
pub struct Invitation {
    /// The realm's prefix.
    pub base: String,
    /// Who invites.
    pub organisation: String,
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
    /// Fewer than so many characters.
    TooShort(usize),
    /// More than 256 characters.
    TooLong,
    /// One that everybody tries.
    Blocklisted,
    /// The person's own name or address.
    ContextWord,
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
    /// The realm's prefix.
    pub base: String,
    /// Who invited.
    pub organisation: String,
    /// What to sign in with: username or e-mail.
    pub username: String,
}

impl Invitation {
    /// With made-up content.
    #[must_use]
    pub fn sample() -> Self {
        Self::sample_of(&str::to_owned)
    }

    pub(super) fn sample_of(say: Say<'_>) -> Self {
        Self {
            base: say(""),
            organisation: say("Havelmoor Clinic"),
            name: Some(say("Edda Holtmarsh")),
            csrf: say("csrf"),
            problem: Some(InvitationProblem::Wait(Wait::until(SAMPLE_NOW, SAMPLE_NOW + 1700))),
            least: 15,
        }
    }

    /// Whether the password, rather than the moment, was the trouble.
    fn field_error(&self) -> bool {
        use InvitationProblem::{Blocklisted, ContextWord, TooLong, TooShort};
        matches!(self.problem, Some(TooShort(_) | TooLong | Blocklisted | ContextWord))
    }

    fn refused(&self) -> bool {
        self.problem == Some(InvitationProblem::Refused)
    }
}

impl InvitationDone {
    /// With made-up content.
    #[must_use]
    pub fn sample() -> Self {
        Self::sample_of(&str::to_owned)
    }

    pub(super) fn sample_of(say: Say<'_>) -> Self {
        Self { base: say(""), organisation: say("Havelmoor Clinic"), username: say("edda.holtmarsh") }
    }
}
