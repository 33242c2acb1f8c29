//! Search or jump: people, roles, pages, and what may be done from anywhere. A script shows the same in a palette.

use askama::Template;

use super::{Console, Language, Say, Section};

/// `GET /console/search`.
#[derive(Clone, Debug, Template)]
#[template(path = "console/search.html")]
pub struct Search {
    /// What every page of the console has.
    pub console: Console,
    /// What was typed.
    pub q: Option<String>,
    /// People that it fits.
    pub people: Vec<Found>,
    /// Roles that it fits.
    pub roles: Vec<Found>,
    /// Whether somebody may be invited.
    pub may_invite: bool,
    /// Whether the log may be searched for it.
    pub may_audit: bool,
}

/// Something that was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// Where it is.
    pub href: String,
    /// What it is called.
    pub name: String,
    /// What else it is known by.
    pub more: Option<String>,
}

impl Search {
    /// Pages whose name fits, or all of them.
    fn sections(&self) -> Vec<Section> {
        let wanted = self.q.as_deref().unwrap_or_default().to_lowercase();
        let fits = |section: &&Section| {
            self.console.frame.say(section.called()).to_string().to_lowercase().starts_with(wanted.as_str())
        };
        self.console.sections.iter().filter(fits).copied().collect()
    }

    fn finds_nobody(&self) -> bool {
        self.q.is_some() && self.people.is_empty() && self.roles.is_empty()
    }

    /// With made-up content.
    #[must_use]
    pub fn sample() -> Self {
        Self::sample_of(Language::English, &str::to_owned)
    }

    pub(in crate::view) fn sample_of(language: Language, say: Say<'_>) -> Self {
        let found =
            |name: &str, more: &str| Found { href: say("/console/people/1"), name: say(name), more: Some(say(more)) };
        Self {
            console: Console { here: None, ..Console::sample_of(language, say, Section::People) },
            q: Some(say("tal")),
            people: vec![found("Ines Tallmark", "ines.tallmark"), found("Rurik Talvenko", "rurik.talvenko")],
            roles: vec![found("Talent scout", "talent-scout")],
            may_invite: true,
            may_audit: true,
        }
    }
}
