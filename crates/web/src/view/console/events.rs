//! The audit log: narrowed down, newest first, a sentence for each event.

use askama::Template;
use domain::event::EventType;

use super::sentence::Said;
use super::{Choice, Console, Frame, Language, Message, Moment, SAMPLE_NOW, Say, Section};

/// `GET /console/audit`.
#[derive(Clone, Debug, Template)]
#[template(path = "console/events.html")]
pub struct Events {
    /// What every page of the console has.
    pub console: Console,
    /// Whom it is about, as it was asked for.
    pub subject: Option<String>,
    /// Who did it, as it was asked for.
    pub actor: Option<String>,
    /// Types of events.
    pub kinds: Vec<Choice>,
    /// How it went.
    pub outcomes: Vec<Choice>,
    /// First day, `2026-11-21`.
    pub from: Option<String>,
    /// Last day.
    pub to: Option<String>,
    /// The name that nobody has who was asked for.
    pub unknown: Option<String>,
    /// What happened, by day.
    pub days: Vec<Day>,
    /// Where the list begins, if this is not its beginning.
    pub first: Option<String>,
    /// Where it goes on.
    pub next: Option<String>,
}

/// What happened on a day.
#[derive(Clone, Debug)]
pub struct Day {
    /// The day.
    pub day: Moment,
    /// Newest first.
    pub events: Vec<EventRow>,
}

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Success,
    /// It did not work.
    Failure,
    /// It was refused.
    Denied,
}

impl Outcome {
    /// To choose from.
    #[must_use]
    pub fn choices(frame: &Frame, chosen: Option<&str>) -> Vec<Choice> {
        let all = [("success", Self::Success), ("failure", Self::Failure), ("denied", Self::Denied)];
        all.map(|(value, outcome)| Choice::new(value, frame.say(outcome.called()).to_string(), chosen)).to_vec()
    }

    /// A shape and a word, where there is something to notice.
    pub(super) const fn called(self) -> &'static str {
        match self {
            Self::Success => "outcome-success",
            Self::Failure => "outcome-failure",
            Self::Denied => "outcome-denied",
        }
    }
}

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// A person; `None`: the name was erased.
    Person(Option<String>),
    /// The operator of the machine.
    Operator(Option<String>),
    /// A client or an API.
    Client,
    /// The server itself.
    Server,
    /// Nobody who was signed in.
    Visitor,
}

impl Who {
    pub(super) fn name(&self, frame: &Frame) -> String {
        match self {
            Self::Person(Some(name)) => name.clone(),
            Self::Operator(Some(name)) => frame.say("who-operator").put("name", name).to_string(),
            Self::Person(None) | Self::Operator(None) => frame.say("who-erased").to_string(),
            Self::Client => frame.say("who-client").to_string(),
            Self::Server => frame.say("who-server").to_string(),
            Self::Visitor => frame.say("who-visitor").to_string(),
        }
    }
}

/// An event in the list.
#[derive(Clone, Debug)]
pub struct EventRow {
    /// Its id.
    pub id: String,
    /// When.
    pub at: Moment,
    /// How it went.
    pub outcome: Outcome,
    /// Its type, and what its sentence is made of.
    pub said: Said,
    /// From where.
    pub from: Option<String>,
}

impl EventRow {
    pub(super) fn sentence(&self, frame: &Frame) -> Message {
        self.said.message(frame)
    }

    pub(super) fn kind(&self) -> &'static str {
        self.said.kind.as_str()
    }

    pub(super) fn samples(say: Say<'_>) -> Vec<Self> {
        let row = |kind: EventType, outcome, minutes: i64| Self {
            id: say("0193510e-0000-7000-8000-000000000e01"),
            at: Moment::clock(SAMPLE_NOW - minutes * 60),
            outcome,
            said: Said::sample_of(kind, say),
            from: Some(say("10.20.3.14")),
        };
        let failed = Said { actor: Who::Visitor, subject: None, ..Said::sample_of(EventType::AuthnLoginFail, say) };
        vec![
            row(EventType::RoleGranted, Outcome::Success, 3),
            Self { said: failed, from: None, ..row(EventType::AuthnLoginFail, Outcome::Failure, 9) },
            row(EventType::AuthzFail, Outcome::Denied, 30),
            row(EventType::UserCreated, Outcome::Success, 31),
        ]
    }
}

impl Events {
    /// With made-up content.
    #[must_use]
    pub fn sample() -> Self {
        Self::sample_of(Language::English, &str::to_owned)
    }

    pub(in crate::view) fn sample_of(language: Language, say: Say<'_>) -> Self {
        Self {
            console: Console::sample_of(language, say, Section::Audit),
            subject: Some(say("ines.tallmark")),
            actor: None,
            kinds: vec![Choice::new(say("role_granted"), say("role_granted"), Some(&say("role_granted")))],
            outcomes: vec![Choice::new(say("success"), say("Success"), None)],
            from: Some(say("2026-11-21")),
            to: None,
            unknown: None,
            days: vec![Day { day: Moment::day(SAMPLE_NOW), events: EventRow::samples(say) }],
            first: Some(say("/console/audit")),
            next: Some(say("/console/audit?cursor=abc")),
        }
    }
}
