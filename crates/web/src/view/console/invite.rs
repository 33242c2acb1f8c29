//! Inviting somebody: who they are, where they belong, and the first role.

use askama::Template;

use super::{Choice, Console, Language, Say, Section, Trouble};

/// `GET` and a refused `POST /console/people/new`.
#[derive(Clone, Debug, Template)]
#[template(path = "console/invite.html")]
pub struct Invite {
    /// What every page of the console has.
    pub console: Console,
    /// What they are called.
    pub display_name: String,
    /// What they sign in with.
    pub username: String,
    /// Where the invitation goes.
    pub email: String,
    /// Places to choose from; empty: a path is typed.
    pub units: Vec<Choice>,
    /// The path that was typed.
    pub unit: String,
    /// Roles that may be given there.
    pub roles: Vec<Choice>,
    /// Why the role is given.
    pub reason: String,
    /// Why nobody was invited.
    pub problem: Option<InviteProblem>,
}

/// Why nobody was invited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InviteProblem {
    /// The display name.
    DisplayName,
    /// The username is no username.
    Username,
    /// It belongs to somebody.
    Taken,
    /// The e-mail address.
    Email,
    /// There is no such unit.
    Unit,
    /// Not in this unit.
    UnitForbidden,
    /// There is no such role.
    Role,
    /// Not this role there.
    RoleForbidden,
    /// 3 to 500 characters.
    Reason,
}

impl Invite {
    fn trouble(&self) -> Trouble {
        let frame = &self.console.frame;
        let Some(problem) = self.problem else { return Trouble::None };
        let (field, key) = match problem {
            InviteProblem::DisplayName => ("display_name", "invite-name-refused"),
            InviteProblem::Username => ("username", "invite-username-refused"),
            InviteProblem::Taken => ("username", "invite-username-taken"),
            InviteProblem::Email => ("email", "invite-email-refused"),
            InviteProblem::Unit => ("unit", "no-such-unit"),
            InviteProblem::UnitForbidden => ("unit", "invite-unit-forbidden"),
            InviteProblem::Role => ("role", "give-no-role"),
            InviteProblem::RoleForbidden => ("role", "invite-role-forbidden"),
            InviteProblem::Reason => ("reason", "reason-refused"),
        };
        Trouble::field(field, frame.say(key))
    }

    /// With made-up content.
    #[must_use]
    pub fn sample() -> Self {
        Self::sample_of(Language::English, &str::to_owned)
    }

    pub(in crate::view) fn sample_of(language: Language, say: Say<'_>) -> Self {
        Self {
            console: Console::sample_of(language, say, Section::People),
            display_name: say("Edda Holtmarsh"),
            username: say("edda.holtmarsh"),
            email: say("e.holtmarsh@havelmoor.example"),
            units: vec![Choice::new(say("/surgery/ward-3"), say("Ward 3"), Some(&say("/surgery/ward-3")))],
            unit: say("/surgery/ward-3"),
            roles: vec![Choice::new(say("nurse"), say("Nurse"), None)],
            reason: say("begins on Monday"),
            problem: None,
        }
    }
}
