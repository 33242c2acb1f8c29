//! Choosing a new password: because one wants to, because one must, or from a link.

use askama::Template;

use super::trouble::{Notice, Trouble};
use super::{Frame, Language, SAMPLE_NOW, Say, Wait};

/// `GET` and a refused `POST` of `/sign-in/change-password` (field `new_password`) and `/account/password` (`current_password`, `new_password`); `csrf`.
#[derive(Clone, Debug, Template)]
#[template(path = "change-password.html")]
pub struct ChangePassword {
    /// What every page has.
    pub frame: Frame,
    /// What the form is signed with.
    pub csrf: String,
    /// Why it is changed.
    pub why: PasswordWhy,
    /// Whose it is, for password managers and for the reader.
    pub identifier: Option<String>,
    /// Fewest characters.
    pub least: usize,
    /// Why it was not changed.
    pub problem: Option<PasswordProblem>,
}

/// Why a password is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordWhy {
    /// Somebody signed in wants to: the current one is asked for.
    Wanted,
    /// It is older than the policy allows.
    Expired,
    /// Others may know it, or an administrator asks for a new one.
    Compromised,
}

/// Why a password was not changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasswordProblem {
    /// The current one did not match.
    WrongCurrent,
    /// The new one is not acceptable.
    Refused(PasswordRefusal),
    /// Too many wrong ones; this one was not looked at.
    Wait(Wait),
    /// No capacity.
    Busy,
    /// The form was too old, or not ours.
    Expired,
}

/// Why a new password is not acceptable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordRefusal {
    /// Fewer than so many characters.
    TooShort(usize),
    /// More than 256 characters.
    TooLong,
    /// On a list of common or leaked ones.
    Blocklisted,
    /// Made of the person's name or address, or the organisation's.
    ContextWord,
    /// One of the last ones.
    Reused,
    /// The present one is younger than the policy allows.
    TooNew,
    /// Kinds of characters that the policy wants are missing.
    Composition,
}

impl PasswordRefusal {
    /// Each, for tests that look at all.
    #[cfg(test)]
    pub(super) const ALL: [Self; 7] = [
        Self::TooShort(15),
        Self::TooLong,
        Self::Blocklisted,
        Self::ContextWord,
        Self::Reused,
        Self::TooNew,
        Self::Composition,
    ];

    pub(super) fn trouble(self, frame: &Frame) -> Trouble {
        let key = match self {
            Self::TooShort(least) => {
                return Trouble::field("new_password", frame.say("password-too-short").put("least", least));
            }
            Self::TooLong => "password-too-long",
            Self::Blocklisted => "password-blocklisted",
            Self::ContextWord => "password-context-word",
            Self::Reused => "password-reused",
            Self::TooNew => "password-too-new",
            Self::Composition => "password-composition",
        };
        Trouble::field("new_password", frame.say(key))
    }
}

impl ChangePassword {
    /// With made-up content.
    #[must_use]
    pub fn sample() -> Self {
        Self::sample_of(Language::English, &str::to_owned)
    }

    pub(super) fn sample_of(language: Language, say: Say<'_>) -> Self {
        Self {
            frame: Frame::sample_of(language, say),
            csrf: say("csrf"),
            why: PasswordWhy::Compromised,
            identifier: Some(say("ines.tallmark")),
            least: 15,
            problem: Some(PasswordProblem::Wait(Wait::until(SAMPLE_NOW, SAMPLE_NOW + 90))),
        }
    }

    fn wanted(&self) -> bool {
        self.why == PasswordWhy::Wanted
    }

    /// Where the cursor stands: where the next thing is to be typed.
    fn begins_with_new(&self) -> bool {
        !self.wanted()
    }

    fn trouble(&self) -> Trouble {
        match &self.problem {
            None => Trouble::None,
            Some(PasswordProblem::WrongCurrent) => {
                Trouble::field("current_password", self.frame.say("password-wrong-current"))
            }
            Some(PasswordProblem::Refused(refusal)) => refusal.trouble(&self.frame),
            Some(PasswordProblem::Wait(wait)) => Trouble::above(Notice::wait(&self.frame, "password-wait", wait)),
            Some(PasswordProblem::Busy) => Trouble::above(Notice::later(self.frame.say("password-busy"))),
            Some(PasswordProblem::Expired) => Trouble::above(Notice::later(self.frame.say("password-form-expired"))),
        }
    }
}
