//! People, found by their names and narrowed down.

use askama::Template;

use super::{Choice, Console, FactorKind, Frame, Language, Message, Moment, SAMPLE_NOW, Say, Section};

/// `GET /console/people`.
#[derive(Clone, Debug, Template)]
#[template(path = "console/people.html")]
pub struct People {
    /// What every page of the console has.
    pub console: Console,
    /// Whether somebody may be invited from here.
    pub may_invite: bool,
    /// What the list is narrowed to.
    pub filter: PeopleFilter,
    /// Who was found.
    pub people: Vec<PersonRow>,
    /// Where the list begins, if this is not its beginning.
    pub first: Option<String>,
    /// Where it goes on.
    pub next: Option<String>,
}

/// What the list is narrowed to.
#[derive(Clone, Debug, Default)]
pub struct PeopleFilter {
    /// What was typed.
    pub q: Option<String>,
    /// Roles to choose from.
    pub roles: Vec<Choice>,
    /// Units to choose from; empty: a path is typed.
    pub units: Vec<Choice>,
    /// Second factors.
    pub factors: Vec<Choice>,
    /// States of an account.
    pub states: Vec<Choice>,
    /// The same list without any of it, if it is narrowed.
    pub all: Option<String>,
}

impl PeopleFilter {
    /// States of an account, to choose from.
    #[must_use]
    pub fn states(frame: &Frame, chosen: Option<&str>) -> Vec<Choice> {
        let all = [
            ("active", "choice-active"),
            ("invited", "choice-invited"),
            ("disabled", "choice-disabled"),
            ("deleted", "choice-deleted"),
        ];
        all.map(|(value, key)| Choice::new(value, frame.say(key).to_string(), chosen)).to_vec()
    }

    /// Second factors, to choose from.
    #[must_use]
    pub fn factors(frame: &Frame, chosen: Option<&str>) -> Vec<Choice> {
        let all = [("none", "choice-none"), ("totp", "choice-totp"), ("passkey", "choice-passkey")];
        all.map(|(value, key)| Choice::new(value, frame.say(key).to_string(), chosen)).to_vec()
    }
}

/// A role that somebody holds, as a list shows it.
#[derive(Clone, Debug)]
pub struct HeldView {
    /// The role's display name.
    pub role: String,
    /// Where; `None`: everywhere.
    pub unit: Option<String>,
    /// Until when.
    pub until: Option<Moment>,
}

/// What is out of the ordinary about an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PersonTag {
    /// No password was chosen yet.
    Invited,
    /// Nobody signs in with it.
    Disabled,
    /// Gone for good.
    Deleted,
}

impl PersonTag {
    pub(super) const fn called(self) -> &'static str {
        match self {
            Self::Invited => "status-invited",
            Self::Disabled => "status-disabled",
            Self::Deleted => "status-deleted",
        }
    }

    pub(super) const fn tone(self) -> &'static str {
        match self {
            Self::Invited => "tag",
            Self::Disabled | Self::Deleted => "tag bad",
        }
    }
}

/// A person in a list.
#[derive(Clone, Debug)]
pub struct PersonRow {
    /// Their id.
    pub id: String,
    /// What they are called.
    pub name: String,
    /// What they sign in with.
    pub username: Option<String>,
    /// What is out of the ordinary.
    pub tag: Option<PersonTag>,
    /// What they hold.
    pub held: Vec<HeldView>,
    /// Their second factors.
    pub factors: Vec<FactorKind>,
    /// When they signed in last.
    pub last: Option<Moment>,
}

impl PersonRow {
    /// "App, passkey".
    fn factors(&self, frame: &Frame) -> String {
        let name = |kind: &FactorKind| match kind {
            FactorKind::Totp => frame.say("mfa-totp").to_string(),
            FactorKind::Passkey => frame.say("mfa-passkey").to_string(),
        };
        self.factors.iter().map(name).collect::<Vec<_>>().join(", ")
    }

    pub(super) fn samples(say: Say<'_>) -> Vec<Self> {
        const DAY: i64 = 86_400;
        let held = |role: &str, unit: Option<&str>, until: Option<i64>| HeldView {
            role: say(role),
            unit: unit.map(say),
            until: until.map(|days| Moment::date(SAMPLE_NOW, SAMPLE_NOW + days * DAY)),
        };
        let row = |name: &str, username: &str, held: Vec<HeldView>, factors: Vec<FactorKind>, last: Option<i64>| Self {
            id: say("0193510e-0000-4000-8000-000000000001"),
            name: say(name),
            username: Some(say(username)),
            tag: None,
            held,
            factors,
            last: last.map(|ago| Moment::at(SAMPLE_NOW, SAMPLE_NOW - ago)),
        };
        let two = vec![held("Nurse", Some("Ward 7"), None), held("Nurse", Some("Ward 3"), Some(6))];
        let admin = vec![held("Administrator", None, None)];
        let physician = vec![held("Physician", Some("Surgery"), None)];
        vec![
            Self {
                tag: Some(PersonTag::Invited),
                ..row("Edda Holtmarsh", "edda.holtmarsh", vec![held("Nurse", Some("Ward 3"), None)], vec![], None)
            },
            row("Mirela Ostrowe", "mirela.ostrowe", admin, vec![FactorKind::Totp, FactorKind::Passkey], Some(1900)),
            Self {
                tag: Some(PersonTag::Disabled),
                ..row("Bram Sandvoort", "bram.sandvoort", physician, vec![FactorKind::Totp], Some(22 * DAY))
            },
            row("Ines Tallmark", "ines.tallmark", two, vec![FactorKind::Totp], Some(30_600)),
            Self { tag: Some(PersonTag::Deleted), username: None, ..row("Nobody", "", vec![], vec![], None) },
        ]
    }
}

impl People {
    /// With made-up content.
    #[must_use]
    pub fn sample() -> Self {
        Self::sample_of(Language::English, &str::to_owned)
    }

    pub(in crate::view) fn sample_of(language: Language, say: Say<'_>) -> Self {
        let choice = |value: &str, text: &str| Choice::new(say(value), say(text), None);
        Self {
            console: Console::sample_of(language, say, Section::People),
            may_invite: true,
            filter: PeopleFilter {
                q: Some(say("tal")),
                roles: vec![choice("nurse", "Nurse"), choice("physician", "Physician")],
                units: vec![choice("/clinic-a", "Clinic A"), choice("/clinic-a/ward-3", "Ward 3")],
                factors: vec![choice("none", "None"), choice("totp", "App")],
                states: vec![Choice::new(say("active"), say("Active"), Some(&say("active")))],
                all: Some(say("/console/people")),
            },
            people: PersonRow::samples(say),
            first: Some(say("/console/people")),
            next: Some(say("/console/people?cursor=abc")),
        }
    }

    /// "20 shown, Ab to Zi": a cursor has no totals.
    fn shown(&self) -> Message {
        let say = self.console.frame.say("people-shown").put("count", self.people.len());
        let name = |row: Option<&PersonRow>| row.map(|row| row.name.clone()).unwrap_or_default();
        say.put("from", name(self.people.first())).put("to", name(self.people.last()))
    }
}
