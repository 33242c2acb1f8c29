//! Which role may do what: a matrix of one API, one role in detail, and the inheritance drawn.

use askama::Template;

use super::graph::{Tree, TreeRole};
use super::{Choice, Console, Deed, Language, Notice, Say, Section, Trouble};

/// `GET /console/roles` and `/console/roles/{name}`.
#[derive(Clone, Debug, Template)]
#[template(path = "console/roles.html")]
pub struct Roles {
    /// What every page of the console has.
    pub console: Console,
    /// The APIs that permissions belong to.
    pub apis: Vec<Choice>,
    /// Name of the one whose permissions are shown.
    pub api: String,
    /// The roles.
    pub columns: Vec<RoleColumn>,
    /// The permissions.
    pub rows: Vec<MatrixRow>,
    /// The role that is looked at.
    pub one: Option<OneRole>,
    /// The inheritance.
    pub tree: Tree,
    /// Where one is made, if that may be done.
    pub new: Option<String>,
    /// What was done before.
    pub told: Option<RolesTold>,
}

/// What was done before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RolesTold {
    /// A role was made or changed.
    Changed,
    /// One ended.
    Ended,
}

impl RolesTold {
    /// Reads `?told=`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "done" => Some(Self::Changed),
            other => Deed::parse(other).filter(|deed| *deed == Deed::EndRole).map(|_| Self::Ended),
        }
    }
}

/// A role as a column.
#[derive(Clone, Debug)]
pub struct RoleColumn {
    /// Where it is looked at.
    pub href: String,
    /// Its display name.
    pub name: String,
    /// Whether it is looked at.
    pub on: bool,
}

/// A permission as a row.
#[derive(Clone, Debug)]
pub struct MatrixRow {
    /// `charts:`, what it is about.
    pub resource: String,
    /// `read`, what may be done.
    pub action: String,
    /// Whether another resource begins here.
    pub begins: bool,
    /// In words.
    pub description: String,
    /// By column.
    pub cells: Vec<Carries>,
}

/// Whether a role has a permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carries {
    /// It carries it itself.
    Itself,
    /// From a role that it inherits from.
    Inherited,
    /// No.
    No,
}

/// One role.
#[derive(Clone, Debug)]
pub struct OneRole {
    /// Its name in tokens.
    pub slug: String,
    /// Its display name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Display names of those that it inherits from.
    pub inherits: Vec<String>,
    /// Display names of those whose holders may give it.
    pub given_by: Vec<String>,
    /// Whether holding it needs a second factor.
    pub sensitive: bool,
    /// Whether a profile made it.
    pub built_in: bool,
    /// How much it carries, inherited or not, by API.
    pub carries: Vec<(String, usize)>,
    /// Where those who hold it are listed.
    pub members: String,
    /// Where it is changed, if that may be done.
    pub change: Option<String>,
    /// Where it is ended, if it may be.
    pub end: Option<String>,
}

impl Roles {
    /// With made-up content.
    #[must_use]
    pub fn sample() -> Self {
        Self::sample_of(Language::English, &str::to_owned)
    }

    pub(in crate::view) fn sample_of(language: Language, say: Say<'_>) -> Self {
        use Carries::{Inherited, Itself, No};
        let column = |name: &str, on| RoleColumn { href: say("/console/roles/nurse"), name: say(name), on };
        let row = |resource: &str, action: &str, begins, cells: [Carries; 3]| MatrixRow {
            resource: say(resource),
            action: say(action),
            begins,
            description: say("Read charts"),
            cells: cells.to_vec(),
        };
        let role = |name: &str, inherits: &[usize], on| TreeRole { name: say(name), inherits: inherits.to_vec(), on };
        Self {
            console: Console::sample_of(language, say, Section::Roles),
            apis: vec![
                Choice::new(say("clinic"), say("Ward Charts"), Some(&say("clinic"))),
                Choice::new(say("bailiwick"), say("Bailiwick"), None),
            ],
            api: say("Ward Charts"),
            columns: vec![column("Clinical staff", false), column("Nurse", true), column("Charge nurse", false)],
            rows: vec![
                row("charts:", "read", true, [Itself, Inherited, Inherited]),
                row("charts:", "write", false, [No, Itself, Inherited]),
                row("rota:", "write", true, [No, No, Itself]),
            ],
            one: Some(OneRole {
                slug: say("nurse"),
                name: say("Nurse"),
                description: say("Cares for the patients of a ward."),
                inherits: vec![say("Clinical staff")],
                given_by: vec![say("Charge nurse"), say("Administrator")],
                sensitive: true,
                built_in: true,
                carries: vec![(say("Ward Charts"), 2)],
                members: say("/console/roles/nurse/members"),
                change: Some(say("/console/roles/nurse/change")),
                end: Some(say("/console/roles/nurse/end")),
            }),
            tree: Tree::new(&[
                role("Clinical staff", &[], true),
                role("Nurse", &[0], true),
                role("Charge nurse", &[1], false),
                role("Physician", &[0], false),
            ]),
            new: Some(say("/console/roles/new")),
            told: None,
        }
    }

    fn trouble(&self) -> Trouble {
        let said = match self.told {
            None => return Trouble::None,
            Some(RolesTold::Changed) => "role-done",
            Some(RolesTold::Ended) => Deed::EndRole.done(),
        };
        Trouble::above(Notice::done(self.console.frame.say(said)))
    }
}
