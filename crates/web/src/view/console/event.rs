//! One event, whole: what changed, who did it, how sure that is, and its place in the log.

use askama::Template;
use domain::event::EventType;

use super::events::{EventRow, Outcome};
use super::sentence::Said;
use super::{Console, Frame, Language, Message, Moment, SAMPLE_NOW, Say, Section};

/// `GET /console/audit/{id}`.
#[derive(Clone, Debug, Template)]
#[template(path = "console/event.html")]
pub struct EventPage {
    /// What every page of the console has.
    pub console: Console,
    /// What happened.
    pub event: EventRow,
    /// The day and the time, to the second.
    pub exactly: String,
    /// What changed.
    pub fields: Vec<FieldRow>,
    /// Why, as a code.
    pub reason: Option<String>,
    /// Whether whoever did it had proved two factors; `None`: nobody was signed in.
    pub two_factors: Option<bool>,
    /// With what.
    pub device: Option<String>,
    /// The person whom it is about, where they may be looked at.
    pub person: Option<(String, String)>,
    /// As in `X-Request-Id`.
    pub request_id: String,
    /// Its place in the log; `None`: not yet.
    pub index: Option<i64>,
}

/// A field, before and after.
#[derive(Clone, Debug)]
pub struct FieldRow {
    /// Its name.
    pub name: String,
    /// What it was.
    pub before: Option<String>,
    /// What it is.
    pub after: Option<String>,
}

impl EventPage {
    /// With made-up content.
    #[must_use]
    pub fn sample() -> Self {
        Self::sample_of(Language::English, &str::to_owned)
    }

    pub(in crate::view) fn sample_of(language: Language, say: Say<'_>) -> Self {
        let field = |name: &str, before: Option<&str>, after: Option<&str>| FieldRow {
            name: say(name),
            before: before.map(say),
            after: after.map(say),
        };
        Self {
            console: Console::sample_of(language, say, Section::Audit),
            event: EventRow {
                id: say("0193510e-0000-7000-8000-000000000e01"),
                at: Moment::clock(SAMPLE_NOW),
                outcome: Outcome::Success,
                said: Said::sample_of(EventType::RoleGranted, say),
                from: Some(say("10.20.3.14")),
            },
            exactly: say("2026-11-21 11:42:19"),
            fields: vec![
                field("role", None, Some("nurse")),
                field("valid_until", None, Some("2026-11-27T00:00:00Z")),
                field("phone", Some("+49 3322 4417"), Some("+49 3322 4471")),
                field("email", Some("i.tallmark@havelmoor.example"), None),
            ],
            reason: Some(say("replaced")),
            two_factors: Some(true),
            device: Some(say("Chromium on Windows")),
            person: Some((say("/console/people/0193510e-0000-4000-8000-000000000001"), say("Ines Tallmark"))),
            request_id: say("01JD8B3K7Q"),
            index: Some(48_213),
        }
    }

    fn title(&self, frame: &Frame) -> Message {
        self.event.sentence(frame)
    }
}
