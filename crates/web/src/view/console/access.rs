//! What a person may do, and why: from the person over the grant and the roles to the permission.

use askama::Template;

use super::{Console, Frame, Language, Message, Moment, SAMPLE_NOW, Say, Section};

/// `GET /console/people/{id}/access`: everything, by API.
#[derive(Clone, Debug, Template)]
#[template(path = "console/access.html")]
pub struct PersonAccess {
    /// What every page of the console has.
    pub console: Console,
    /// The person's id.
    pub id: String,
    /// What they are called.
    pub name: String,
    /// The day that was asked for, `2026-11-21`.
    pub at: String,
    /// The same, if it is over.
    pub past: Option<Moment>,
    /// Name of an API, and what they may do there.
    pub apis: Vec<(String, Vec<PermissionRow>)>,
    /// Whether the history may be read from here.
    pub reads_history: bool,
}

/// A permission that is held.
#[derive(Clone, Debug)]
pub struct PermissionRow {
    /// `charts:read`.
    pub permission: String,
    /// In words.
    pub description: String,
    /// Where; `None`: everywhere.
    pub units: Vec<Option<String>>,
    /// Display name of the role that carries it.
    pub through: String,
    /// Every way in which it is held.
    pub ways: Vec<Way>,
}

/// One way from the person to the permission.
#[derive(Clone, Debug)]
pub struct Way {
    /// Display name of the role that was given.
    pub role: String,
    /// Where; `None`: everywhere.
    pub unit: Option<String>,
    /// Since when.
    pub since: Option<Moment>,
    /// Until when.
    pub until: Option<Moment>,
    /// Who gave it.
    pub by: By,
    /// The roles over which it comes, behind the given one.
    pub over: Vec<Through>,
}

/// Who gave a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// Somebody by name.
    Person(String),
    /// Somebody whom the reader may not see.
    Elsewhere,
    /// The operator of the machine, or a profile.
    Server,
}

impl By {
    pub(super) fn text(&self, frame: &Frame) -> String {
        match self {
            Self::Person(name) => name.clone(),
            Self::Elsewhere => frame.say("who-elsewhere").to_string(),
            Self::Server => frame.say("who-server-side").to_string(),
        }
    }
}

/// A role over which a permission comes.
#[derive(Clone, Debug)]
pub struct Through {
    /// Its display name.
    pub role: String,
    /// The one before, which inherits from it.
    pub heir: String,
}

impl Way {
    /// "since 3 Mar 2024, by M. Ostrowe".
    pub(super) fn when(&self, frame: &Frame) -> Message {
        let by = self.by.text(frame);
        match (&self.until, &self.since) {
            (Some(until), _) => frame.say("way-until").put("until", until).put("by", by),
            (None, Some(since)) => frame.say("way-since").put("since", since).put("by", by),
            (None, None) => frame.say("way-by").put("by", by),
        }
    }
}

impl PermissionRow {
    /// "Ward 7, Ward 3".
    pub(super) fn places(&self, frame: &Frame) -> String {
        let place = |unit: &Option<String>| unit.clone().unwrap_or_else(|| frame.say("everywhere").to_string());
        self.units.iter().map(place).collect::<Vec<_>>().join(", ")
    }

    pub(super) fn samples(say: Say<'_>) -> Vec<Self> {
        let (since, until) = (SAMPLE_NOW - 993 * 86_400, SAMPLE_NOW + 6 * 86_400);
        let over = || vec![Through { role: say("Clinical staff"), heir: say("Nurse") }];
        let way = |unit: Option<&str>, until: Option<i64>, by: Option<&str>| Way {
            role: say("Nurse"),
            unit: unit.map(say),
            since: Some(Moment::date(SAMPLE_NOW, since)),
            until: until.map(|until| Moment::date(SAMPLE_NOW, until)),
            by: by.map_or(By::Server, |name| By::Person(say(name))),
            over: over(),
        };
        let ways = vec![
            way(Some("Ward 7"), None, Some("Mirela Ostrowe")),
            way(Some("Ward 3"), Some(until), Some("Jonah Brandvik")),
        ];
        let row = |permission: &str, units: Vec<Option<String>>, through: &str, ways| Self {
            permission: say(permission),
            description: say("Read charts"),
            units,
            through: say(through),
            ways,
        };
        let alone = Way { since: None, over: vec![], ..way(None, None, None) };
        vec![
            row("charts:read", vec![Some(say("Ward 7")), Some(say("Ward 3"))], "Clinical staff", ways),
            row("appointments:read", vec![None], "Nurse", vec![alone]),
        ]
    }
}

impl PersonAccess {
    /// By value: the tabs of both pages take it alike.
    const fn history(&self) -> bool {
        self.reads_history
    }

    /// With made-up content.
    #[must_use]
    pub fn sample() -> Self {
        Self::sample_of(Language::English, &str::to_owned)
    }

    pub(in crate::view) fn sample_of(language: Language, say: Say<'_>) -> Self {
        Self {
            console: Console::sample_of(language, say, Section::People),
            id: say("0193510e-0000-4000-8000-000000000001"),
            name: say("Ines Tallmark"),
            at: say("2026-11-21"),
            past: Some(Moment::day(SAMPLE_NOW)),
            apis: vec![(say("Ward Charts"), PermissionRow::samples(say))],
            reads_history: true,
        }
    }
}
