//! The organisation's places.

use askama::Template;

use super::{Console, Language, Notice, Say, Section, Told, Trouble};

/// `GET /console/units`.
#[derive(Clone, Debug, Template)]
#[template(path = "console/units.html")]
pub struct Units {
    /// What every page of the console has.
    pub console: Console,
    /// The places, each after the one that it lies in.
    pub units: Vec<UnitRow>,
    /// Whether people may be listed.
    pub lists_people: bool,
    /// Whether one may be made.
    pub may_make: bool,
    /// What was done before.
    pub told: Option<Told>,
    /// Where the list begins, if this is not its beginning.
    pub first: Option<String>,
    /// Where it goes on.
    pub next: Option<String>,
}

/// A place.
#[derive(Clone, Debug)]
pub struct UnitRow {
    /// Its path.
    pub path: String,
    /// Its name.
    pub name: String,
    /// How deep it lies below the root.
    pub depth: usize,
    /// Where it is changed, if it may be.
    pub change: Option<String>,
}

impl UnitRow {
    /// What lies deeper stands further in; spaces, because a page has no style of its own.
    fn indent(&self) -> String {
        "\u{2003}".repeat(self.depth)
    }
}

impl Units {
    fn trouble(&self) -> Trouble {
        let said = |told: Told| match told {
            Told::Made => "unit-made",
            other => other.says(),
        };
        let notice = |told| Trouble::above(Notice::done(self.console.frame.say(said(told)).put("name", "")));
        self.told.map_or(Trouble::None, notice)
    }

    /// With made-up content.
    #[must_use]
    pub fn sample() -> Self {
        Self::sample_of(Language::English, &str::to_owned)
    }

    pub(in crate::view) fn sample_of(language: Language, say: Say<'_>) -> Self {
        let row = |path, name, depth| UnitRow {
            path: say(path),
            name: say(name),
            depth,
            change: (depth > 0).then(|| say("/console/units/1/change")),
        };
        Self {
            console: Console::sample_of(language, say, Section::Units),
            units: vec![
                row("/", "Havelmoor Clinic", 0),
                row("/surgery", "Surgery", 1),
                row("/surgery/ward-3", "Ward 3", 2),
            ],
            lists_people: true,
            may_make: true,
            told: None,
            first: Some(say("/console/units")),
            next: Some(say("/console/units?cursor=abc")),
        }
    }
}
