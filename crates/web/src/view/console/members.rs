//! Who holds a role.

use askama::Template;

use super::{Console, Language, Moment, SAMPLE_NOW, Say, Section};

/// `GET /console/roles/{name}/members`.
#[derive(Clone, Debug, Template)]
#[template(path = "console/members.html")]
pub struct Members {
    /// What every page of the console has.
    pub console: Console,
    /// The role's display name.
    pub role: String,
    /// Where the role is.
    pub back: String,
    /// Who holds it, of those within reach.
    pub members: Vec<MemberRow>,
    /// Where the list begins, if this is not its beginning.
    pub first: Option<String>,
    /// Where it goes on.
    pub next: Option<String>,
}

/// Somebody who holds it.
#[derive(Clone, Debug)]
pub struct MemberRow {
    /// Where they are looked at, if they may be.
    pub href: Option<String>,
    /// What they are called.
    pub name: String,
    /// What they sign in with.
    pub username: Option<String>,
    /// Where they hold it; `None`: everywhere.
    pub unit: Option<String>,
    /// Since when.
    pub since: Moment,
    /// Until when.
    pub until: Option<Moment>,
}

impl Members {
    /// With made-up content.
    #[must_use]
    pub fn sample() -> Self {
        Self::sample_of(Language::English, &str::to_owned)
    }

    pub(in crate::view) fn sample_of(language: Language, say: Say<'_>) -> Self {
        let date = |days: i64| Moment::date(SAMPLE_NOW, SAMPLE_NOW + days * 86_400);
        let row = |name: &str, unit: Option<&str>, until: Option<i64>| MemberRow {
            href: Some(say("/console/people/1")),
            name: say(name),
            username: Some(say("ines.tallmark")),
            unit: unit.map(say),
            since: date(-993),
            until: until.map(date),
        };
        let plain = MemberRow { href: None, username: None, ..row("Edda Holtmarsh", None, None) };
        Self {
            console: Console::sample_of(language, say, Section::Roles),
            role: say("Nurse"),
            back: say("/console/roles/nurse"),
            members: vec![row("Ines Tallmark", Some("Ward 3"), Some(6)), plain],
            first: Some(say("/console/roles/nurse/members")),
            next: Some(say("/console/roles/nurse/members?cursor=abc")),
        }
    }
}
