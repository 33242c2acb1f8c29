//! Making a role, and changing one: what it is called, what it carries, what it inherits, who may give it.

use askama::Template;

use super::{Console, Language, Notice, Refusal, Say, Section, Trouble};

/// `GET` and a refused `POST` of `/console/roles/new` and `/console/roles/{name}/change`.
#[derive(Clone, Debug, Template)]
#[template(path = "console/role-form.html")]
pub struct RoleForm {
    /// What every page of the console has.
    pub console: Console,
    /// The role that is changed; `None`: a new one.
    pub of: Option<String>,
    /// The version that is looked at.
    pub version: i64,
    /// The name of a new one.
    pub slug: String,
    /// What people call it.
    pub display_name: String,
    /// What it is for.
    pub description: String,
    /// Whether holding it needs a second factor.
    pub sensitive: bool,
    /// Roles whose permissions it may get.
    pub inherits: Vec<Check>,
    /// Roles whose holders may give it.
    pub given_by: Vec<Check>,
    /// Name of an API, and what may be put in.
    pub apis: Vec<(String, Vec<Check>)>,
    /// Where the form goes.
    pub action: String,
    /// Where Cancel leads.
    pub back: String,
    /// Why nothing was changed.
    pub problem: Option<RoleProblem>,
}

/// Something that is in or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The field's name.
    pub field: String,
    /// What people read.
    pub name: String,
    /// More about it.
    pub text: Option<String>,
    /// Whether it is in.
    pub on: bool,
}

/// Why nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoleProblem {
    /// The name is no name.
    Slug,
    /// It belongs to another role.
    Taken,
    /// What people call it is empty or too long.
    DisplayName,
    /// The description is too long.
    Description,
    /// Roles that would inherit from each other: the path.
    Cycle(String),
    /// Too many levels: the path.
    TooDeep(String),
    /// It is too much for the caller, or for a role; or somebody was faster.
    Refused(Refusal),
}

impl RoleForm {
    fn trouble(&self) -> Trouble {
        let frame = &self.console.frame;
        let Some(problem) = &self.problem else { return Trouble::None };
        match problem {
            RoleProblem::Slug => Trouble::field("name", frame.say("role-name-refused")),
            RoleProblem::Taken => Trouble::field("name", frame.say("role-name-taken")),
            RoleProblem::DisplayName => Trouble::field("display_name", frame.say("role-display-refused")),
            RoleProblem::Description => Trouble::field("description", frame.say("role-description-refused")),
            RoleProblem::Cycle(path) => Trouble::above(Notice::refused(frame.say("role-cycle").put("path", path))),
            RoleProblem::TooDeep(path) => Trouble::above(Notice::refused(frame.say("role-too-deep").put("path", path))),
            RoleProblem::Refused(refusal) => Trouble::above(refusal.notice(frame)),
        }
    }

    /// With made-up content.
    #[must_use]
    pub fn sample() -> Self {
        Self::sample_of(Language::English, &str::to_owned)
    }

    pub(in crate::view) fn sample_of(language: Language, say: Say<'_>) -> Self {
        let check = |field: &str, name: &str, on| Check { field: say(field), name: say(name), text: None, on };
        let text = |check: Check| Check { text: Some(say("Read charts")), ..check };
        Self {
            console: Console::sample_of(language, say, Section::Roles),
            of: Some(say("Nurse")),
            version: 3,
            slug: say("nurse"),
            display_name: say("Nurse"),
            description: say("Cares for the patients of a ward."),
            sensitive: true,
            inherits: vec![check("inherits clinical-staff", "Clinical staff", true)],
            given_by: vec![check("by charge-nurse", "Charge nurse", false)],
            apis: vec![(say("Ward Charts"), vec![text(check("in clinic charts:read", "charts:read", true))])],
            action: say("/console/roles/nurse/change"),
            back: say("/console/roles/nurse"),
            problem: None,
        }
    }
}
