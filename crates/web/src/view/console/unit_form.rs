//! Making a unit.

use askama::Template;

use super::{Choice, Console, Language, Say, Section, Trouble};

/// `GET` and a refused `POST /console/units/new`.
#[derive(Clone, Debug, Template)]
#[template(path = "console/unit-form.html")]
pub struct UnitForm {
    /// What every page of the console has.
    pub console: Console,
    /// Units below which one may be made; empty: a path is typed.
    pub units: Vec<Choice>,
    /// The path of the one above.
    pub parent: String,
    /// The last part of its path.
    pub slug: String,
    /// What people call it.
    pub name: String,
    /// Why it was not made.
    pub problem: Option<UnitProblem>,
}

/// Why it was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnitProblem {
    /// There is no such unit above.
    Parent,
    /// Not below this one.
    Forbidden,
    /// It is no part of a path, or the path gets too long.
    Slug,
    /// There is one already.
    Taken,
    /// Empty or too long.
    Name,
}

impl UnitForm {
    fn trouble(&self) -> Trouble {
        let frame = &self.console.frame;
        match self.problem {
            None => Trouble::None,
            Some(UnitProblem::Parent) => Trouble::field("parent", frame.say("no-such-unit")),
            Some(UnitProblem::Forbidden) => Trouble::field("parent", frame.say("unit-forbidden")),
            Some(UnitProblem::Slug) => Trouble::field("slug", frame.say("unit-slug-refused")),
            Some(UnitProblem::Taken) => Trouble::field("slug", frame.say("unit-slug-taken")),
            Some(UnitProblem::Name) => Trouble::field("name", frame.say("unit-name-refused")),
        }
    }

    /// With made-up content.
    #[must_use]
    pub fn sample() -> Self {
        Self::sample_of(Language::English, &str::to_owned)
    }

    pub(in crate::view) fn sample_of(language: Language, say: Say<'_>) -> Self {
        Self {
            console: Console::sample_of(language, say, Section::Units),
            units: vec![Choice::new(say("/surgery"), say("Surgery"), Some(&say("/surgery")))],
            parent: say("/surgery"),
            slug: say("ward-3"),
            name: say("Ward 3"),
            problem: None,
        }
    }
}
