//! A weighty deed: a page of its own says what follows from it and asks for the reason.

use askama::Template;

use super::{Console, Language, Notice, Say, Section, Trouble};

/// `GET` and a refused `POST /console/people/{id}/{deed}`, and `…/grants/{grant}/end`.
#[derive(Clone, Debug, Template)]
#[template(path = "console/question.html")]
pub struct Question {
    /// What every page of the console has.
    pub console: Console,
    /// What is asked.
    pub deed: Deed,
    /// Whom it concerns.
    pub name: String,
    /// The role and its unit, if a grant is to end; `None`: everywhere.
    pub held: Option<(String, Option<String>)>,
    /// Where the form goes.
    pub action: String,
    /// Where Cancel leads.
    pub back: String,
    /// Why, as it was typed.
    pub reason: String,
    /// Why it was not done.
    pub problem: Option<QuestionProblem>,
}

/// What may be done about an account or a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// The account is closed for now.
    Disable,
    /// It is opened again.
    Enable,
    /// A new password is demanded.
    RequirePassword,
    /// A link to a new password is mailed.
    ResetPassword,
    /// Everything that the account can be used with is void.
    LockDown,
    /// A grant ends.
    EndGrant,
}

impl Deed {
    /// Those of an account.
    pub const ACCOUNT: [Self; 5] =
        [Self::RequirePassword, Self::ResetPassword, Self::LockDown, Self::Disable, Self::Enable];

    /// Its name in paths and in `?told=`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Enable => "enable",
            Self::RequirePassword => "require-password",
            Self::ResetPassword => "reset-password",
            Self::LockDown => "lockdown",
            Self::EndGrant => "end-grant",
        }
    }

    /// Reads [`Deed::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ACCOUNT.into_iter().chain([Self::EndGrant]).find(|deed| deed.as_str() == text)
    }

    /// The button.
    pub(super) const fn called(self) -> &'static str {
        match self {
            Self::Disable => "deed-disable",
            Self::Enable => "deed-enable",
            Self::RequirePassword => "deed-require-password",
            Self::ResetPassword => "deed-reset-password",
            Self::LockDown => "deed-lockdown",
            Self::EndGrant => "deed-end-grant",
        }
    }

    const fn asks(self) -> (&'static str, &'static str) {
        match self {
            Self::Disable => ("ask-disable", "ask-disable-lead"),
            Self::Enable => ("ask-enable", "ask-enable-lead"),
            Self::RequirePassword => ("ask-require-password", "ask-require-password-lead"),
            Self::ResetPassword => ("ask-reset-password", "ask-reset-password-lead"),
            Self::LockDown => ("ask-lockdown", "ask-lockdown-lead"),
            Self::EndGrant => ("ask-end-grant", "ask-end-grant-lead"),
        }
    }

    pub(super) const fn done(self) -> &'static str {
        match self {
            Self::Disable => "done-disable",
            Self::Enable => "done-enable",
            Self::RequirePassword => "done-require-password",
            Self::ResetPassword => "done-reset-password",
            Self::LockDown => "done-lockdown",
            Self::EndGrant => "done-end-grant",
        }
    }

    /// Whether it takes something away.
    pub(super) const fn tone(self) -> &'static str {
        match self {
            Self::Disable | Self::EndGrant | Self::LockDown => "btn stop",
            Self::Enable | Self::RequirePassword | Self::ResetPassword => "btn",
        }
    }
}

/// Why it was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuestionProblem {
    /// 3 to 500 characters.
    Reason,
    /// It is so already, or somebody was faster.
    Already,
    /// The last administrator stays.
    LastAdministrator,
    /// The person holds a role that the caller may not give.
    Climbing,
}

impl Question {
    fn trouble(&self) -> Trouble {
        let frame = &self.console.frame;
        match self.problem {
            None => Trouble::None,
            Some(QuestionProblem::Reason) => Trouble::field("reason", frame.say("reason-refused")),
            Some(QuestionProblem::Already) => Trouble::above(Notice::refused(frame.say("deed-already"))),
            Some(QuestionProblem::LastAdministrator) => Trouble::above(Notice::refused(frame.say("deed-last-admin"))),
            Some(QuestionProblem::Climbing) => Trouble::above(Notice::refused(frame.say("deed-climbing"))),
        }
    }

    /// With made-up content.
    #[must_use]
    pub fn sample() -> Self {
        Self::sample_of(Language::English, &str::to_owned)
    }

    pub(in crate::view) fn sample_of(language: Language, say: Say<'_>) -> Self {
        Self {
            console: Console::sample_of(language, say, Section::People),
            deed: Deed::EndGrant,
            name: say("Ines Tallmark"),
            held: Some((say("Nurse"), Some(say("Ward 3")))),
            action: say("/console/people/1/grants/2/end"),
            back: say("/console/people/1"),
            reason: say("left the ward"),
            problem: None,
        }
    }
}
