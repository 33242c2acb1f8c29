//! A weighty deed: a page of its own says what follows from it and asks for the reason.

use askama::Template;

use super::{Console, Language, Notice, Refusal, Say, Section, Trouble};

/// `GET` and a refused `POST` of a deed: `/console/people/{id}/{deed}`, `…/grants/{grant}/end`, `/console/units/{id}/end` and their like.
#[derive(Clone, Debug, Template)]
#[template(path = "console/question.html")]
pub struct Question {
    /// What every page of the console has.
    pub console: Console,
    /// What is asked.
    pub deed: Deed,
    /// Whom or what it concerns.
    pub name: String,
    /// The version that is looked at, where one counts.
    pub version: Option<i64>,
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

/// What may be done about an account, a grant, or something else that is kept.
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
    /// Waits that wrong passwords brought are lifted.
    Unlock,
    /// A code for a new password is printed.
    PrintCode,
    /// Everything that the account can be used with is void.
    LockDown,
    /// A tombstone stays.
    Delete,
    /// A grant ends.
    EndGrant,
    /// A unit ends.
    EndUnit,
    /// A role ends.
    EndRole,
    /// An API ends.
    EndApi,
    /// A permission ends.
    EndPermission,
    /// An API gets a new secret.
    ApiSecret,
    /// A client ends.
    EndClient,
    /// A client gets a new secret.
    ClientSecret,
}

/// Key of: the button, the question, what follows, what was done.
type Words = [&'static str; 4];

impl Deed {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Disable,
        Self::Enable,
        Self::RequirePassword,
        Self::ResetPassword,
        Self::Unlock,
        Self::PrintCode,
        Self::LockDown,
        Self::Delete,
        Self::EndGrant,
        Self::EndUnit,
        Self::EndRole,
        Self::EndApi,
        Self::EndPermission,
        Self::ApiSecret,
        Self::EndClient,
        Self::ClientSecret,
    ];

    /// Those of an account, as its page offers them.
    pub const ACCOUNT: [Self; 8] = [
        Self::RequirePassword,
        Self::ResetPassword,
        Self::PrintCode,
        Self::Unlock,
        Self::LockDown,
        Self::Disable,
        Self::Enable,
        Self::Delete,
    ];

    /// Its name in paths and in `?told=`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Enable => "enable",
            Self::RequirePassword => "require-password",
            Self::ResetPassword => "reset-password",
            Self::Unlock => "unlock",
            Self::PrintCode => "print-code",
            Self::LockDown => "lockdown",
            Self::Delete => "delete",
            Self::EndGrant => "end-grant",
            Self::EndUnit => "end-unit",
            Self::EndRole => "end-role",
            Self::EndApi => "end-api",
            Self::EndPermission => "end-permission",
            Self::ApiSecret => "api-secret",
            Self::EndClient => "end-client",
            Self::ClientSecret => "client-secret",
        }
    }

    /// Reads [`Deed::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|deed| deed.as_str() == text)
    }

    const fn words(self) -> Words {
        match self {
            Self::Disable => ["deed-disable", "ask-disable", "ask-disable-lead", "done-disable"],
            Self::Enable => ["deed-enable", "ask-enable", "ask-enable-lead", "done-enable"],
            Self::RequirePassword => {
                ["deed-require-password", "ask-require-password", "ask-require-password-lead", "done-require-password"]
            }
            Self::ResetPassword => {
                ["deed-reset-password", "ask-reset-password", "ask-reset-password-lead", "done-reset-password"]
            }
            Self::Unlock => ["deed-unlock", "ask-unlock", "ask-unlock-lead", "done-unlock"],
            Self::PrintCode => ["deed-print-code", "ask-print-code", "ask-print-code-lead", "done-print-code"],
            Self::LockDown => ["deed-lockdown", "ask-lockdown", "ask-lockdown-lead", "done-lockdown"],
            Self::Delete => ["deed-delete", "ask-delete", "ask-delete-lead", "done-delete"],
            Self::EndGrant => ["deed-end-grant", "ask-end-grant", "ask-end-grant-lead", "done-end-grant"],
            Self::EndUnit => ["deed-end-unit", "ask-end-unit", "ask-end-unit-lead", "done-end-unit"],
            Self::EndRole => ["deed-end-role", "ask-end-role", "ask-end-role-lead", "done-end-role"],
            Self::EndApi => ["deed-end-api", "ask-end-api", "ask-end-api-lead", "done-end-api"],
            Self::EndPermission => {
                ["deed-end-permission", "ask-end-permission", "ask-end-permission-lead", "done-end-permission"]
            }
            Self::ApiSecret => ["deed-api-secret", "ask-api-secret", "ask-api-secret-lead", "done-api-secret"],
            Self::EndClient => ["deed-end-client", "ask-end-client", "ask-end-client-lead", "done-end-client"],
            Self::ClientSecret => {
                ["deed-client-secret", "ask-client-secret", "ask-client-secret-lead", "done-client-secret"]
            }
        }
    }

    /// The button.
    pub(super) const fn called(self) -> &'static str {
        self.words()[0]
    }

    pub(super) const fn done(self) -> &'static str {
        self.words()[3]
    }

    /// Whether it says why: what only makes a secret does not.
    #[must_use]
    pub const fn has_reason(self) -> bool {
        !matches!(self, Self::ApiSecret | Self::ClientSecret)
    }

    /// Whether it takes something away.
    pub(super) const fn tone(self) -> &'static str {
        if self.takes_away() { "btn stop" } else { "btn" }
    }

    const fn takes_away(self) -> bool {
        match self {
            Self::Disable
            | Self::LockDown
            | Self::Delete
            | Self::EndGrant
            | Self::EndUnit
            | Self::EndRole
            | Self::EndApi
            | Self::EndPermission
            | Self::EndClient => true,
            Self::Enable
            | Self::RequirePassword
            | Self::ResetPassword
            | Self::Unlock
            | Self::PrintCode
            | Self::ApiSecret
            | Self::ClientSecret => false,
        }
    }
}

/// Why it was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QuestionProblem {
    /// 3 to 500 characters.
    Reason,
    /// It is so already, or somebody was faster.
    Already,
    /// The person holds a role that the caller may not give.
    Climbing,
    /// Another rule.
    Refused(Refusal),
}

impl Question {
    fn trouble(&self) -> Trouble {
        let frame = &self.console.frame;
        match &self.problem {
            None => Trouble::None,
            Some(QuestionProblem::Refused(refusal)) => Trouble::above(refusal.notice(frame)),
            Some(QuestionProblem::Reason) => Trouble::field("reason", frame.say("reason-refused")),
            Some(QuestionProblem::Already) => Trouble::above(Notice::refused(frame.say("deed-already"))),
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
            version: Some(3),
            held: Some((say("Nurse"), Some(say("Ward 3")))),
            action: say("/console/people/1/grants/2/end"),
            back: say("/console/people/1"),
            reason: say("left the ward"),
            problem: None,
        }
    }
}
