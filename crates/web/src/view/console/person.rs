//! A person: what they hold and why, where they are signed in, what happened to them, and what may be done about it.

use askama::Template;

use super::access::{By, PermissionRow};
use super::events::{EventRow, Outcome};
use super::people::PersonTag;
use super::{
    Choice, Console, Deed, DeviceIcon, DeviceState, Frame, Language, Message, Moment, Notice, SAMPLE_NOW, Say, Section,
    Term, Trouble,
};

/// `GET /console/people/{id}` and `…/give`; a form posts to `…/give`, others to `…/sessions/{session}/end` and `…/sessions/end`.
#[derive(Clone, Debug, Template)]
#[template(path = "console/person.html")]
pub struct Person {
    /// What every page of the console has.
    pub console: Console,
    /// Their id.
    pub id: String,
    /// What they are called.
    pub name: String,
    /// What they sign in with.
    pub username: Option<String>,
    /// What is out of the ordinary about the account.
    pub tag: Option<PersonTag>,
    /// Their home unit; `None`: the whole organisation.
    pub unit: Option<String>,
    /// Whether their data may be changed.
    pub may_change: bool,
    /// What may be done about the account.
    pub deeds: Vec<Deed>,
    /// Giving a role, if that may be done.
    pub give: Option<GiveForm>,
    /// What they hold.
    pub grants: Vec<GrantRow>,
    /// What they may do; the first of it.
    pub access: Vec<PermissionRow>,
    /// How much there is of it.
    pub all: usize,
    /// Where they are signed in, if that may be seen.
    pub sessions: Option<Vec<SessionRow>>,
    /// What is known about them: key of the words, value.
    pub about: Vec<(&'static str, String)>,
    /// Moments in their life here: key of the words, when.
    pub dates: Vec<(&'static str, Moment)>,
    /// What happened, if the log may be read.
    pub history: Option<Vec<EventRow>>,
    /// What was done before.
    pub notice: Option<PersonNotice>,
}

/// The question which role is given.
#[derive(Clone, Debug)]
pub struct GiveForm {
    /// Whether it was asked for or refused: then it is open.
    pub open: bool,
    /// Roles that may be given.
    pub roles: Vec<Choice>,
    /// Places where they may be given; empty: a path is typed.
    pub units: Vec<Choice>,
    /// The path that was typed.
    pub unit: String,
    /// First day, `2026-11-21`.
    pub from: String,
    /// Last day.
    pub until: String,
    /// Why.
    pub reason: String,
    /// Why it was not given.
    pub problem: Option<GiveProblem>,
}

/// Why a role was not given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GiveProblem {
    /// Not this role there.
    Forbidden {
        /// The role's display name.
        role: String,
        /// The unit's name; `None`: everywhere.
        unit: Option<String>,
    },
    /// There is no such role.
    Role,
    /// There is no such unit.
    Unit,
    /// A day that cannot be read, or an end before the beginning.
    Dates,
    /// 3 to 500 characters.
    Reason,
    /// It is held already.
    Held,
}

/// A role that was given.
#[derive(Clone, Debug)]
pub struct GrantRow {
    /// The grant's id.
    pub id: String,
    /// The role's display name.
    pub role: String,
    /// Where; `None`: everywhere.
    pub unit: Option<String>,
    /// From when, if that is still to come.
    pub begins: Option<Moment>,
    /// Until when.
    pub until: Option<Moment>,
    /// The bar.
    pub term: Term,
    /// Who gave it.
    pub by: By,
    /// Why.
    pub reason: String,
    /// Whether it may be ended.
    pub may_end: bool,
}

/// A session.
#[derive(Clone, Debug)]
pub struct SessionRow {
    /// Its id.
    pub id: String,
    /// What it looks like.
    pub icon: DeviceIcon,
    /// Its name, if it has one.
    pub label: Option<String>,
    /// "Chromium on Windows", if that is known.
    pub software: Option<String>,
    /// From where.
    pub address: Option<String>,
    /// With two factors.
    pub two_factors: bool,
    /// Whether somebody is there.
    pub state: DeviceState,
    /// Whether it is the one that looks.
    pub current: bool,
    /// Whether it may be ended.
    pub may_end: bool,
}

/// What was done before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PersonNotice {
    /// They were invited.
    Invited,
    /// A role was given.
    Given,
    /// Their data are as they were entered.
    Saved,
    /// A deed of [`Deed`].
    Done(Deed),
    /// A session was ended.
    SessionEnded,
    /// All of them were.
    SessionsEnded,
    /// All of one's own but the present one were.
    OthersEnded,
    /// It was over already.
    SessionGone,
}

impl SessionRow {
    fn title(&self, frame: &Frame) -> String {
        let known = self.label.clone().or_else(|| self.software.clone());
        known.unwrap_or_else(|| frame.say("device-unknown").to_string())
    }

    fn when(&self, frame: &Frame) -> Message {
        match &self.state {
            DeviceState::ActiveNow => frame.say("session-active-now"),
            DeviceState::Active(last) => frame.say("session-active").put("last", last),
            DeviceState::Locked(last) => frame.say("session-locked").put("last", last),
        }
    }
}

impl GiveForm {
    pub(super) fn trouble(&self, frame: &Frame) -> Trouble {
        let Some(problem) = &self.problem else { return Trouble::None };
        match problem {
            GiveProblem::Forbidden { role, unit } => {
                let unit = unit.clone().unwrap_or_else(|| frame.say("everywhere").to_string());
                Trouble::field("role", frame.say("give-forbidden").put("role", role).put("unit", unit))
            }
            GiveProblem::Role => Trouble::field("role", frame.say("give-no-role")),
            GiveProblem::Unit => Trouble::field("unit", frame.say("no-such-unit")),
            GiveProblem::Dates => Trouble::field("valid_until", frame.say("give-dates")),
            GiveProblem::Reason => Trouble::field("reason", frame.say("reason-refused")),
            GiveProblem::Held => Trouble::field("role", frame.say("give-held")),
        }
    }
}

impl Person {
    /// Whether more than one session may be ended: one button then does it.
    fn may_end_all(&self) -> bool {
        self.sessions.iter().flatten().filter(|session| session.may_end).count() > 1
    }

    fn trouble(&self) -> Trouble {
        let frame = &self.console.frame;
        let done = |key| Notice::done(frame.say(key).put("name", &self.name));
        Trouble::above(match self.notice {
            None => return Trouble::None,
            Some(PersonNotice::Invited) => done("person-invited"),
            Some(PersonNotice::Saved) => done("told-saved"),
            Some(PersonNotice::Given) => done("person-given"),
            Some(PersonNotice::Done(deed)) => done(deed.done()),
            Some(PersonNotice::SessionEnded) => done("session-ended"),
            Some(PersonNotice::OthersEnded) => done("others-ended"),
            Some(PersonNotice::SessionsEnded) => done("sessions-ended"),
            Some(PersonNotice::SessionGone) => Notice::plain(frame.say("session-gone")),
        })
    }

    /// With made-up content.
    #[must_use]
    pub fn sample() -> Self {
        Self::sample_of(Language::English, &str::to_owned)
    }

    pub(in crate::view) fn sample_of(language: Language, say: Say<'_>) -> Self {
        let now = SAMPLE_NOW;
        Self {
            console: Console::sample_of(language, say, Section::People),
            id: say("0193510e-0000-4000-8000-000000000001"),
            name: say("Ines Tallmark"),
            username: Some(say("ines.tallmark")),
            tag: None,
            unit: Some(say("Ward 7")),
            may_change: true,
            deeds: Deed::ACCOUNT.to_vec(),
            give: Some(GiveForm::sample_of(say)),
            grants: GrantRow::samples(say),
            access: PermissionRow::samples(say),
            all: 22,
            sessions: Some(SessionRow::samples(say)),
            about: vec![("email", say("i.tallmark@havelmoor.example")), ("home-unit", say("Ward 7"))],
            dates: vec![("created", Moment::date(now, now - 993 * 86_400))],
            history: Some(EventRow::samples(say)),
            notice: None,
        }
    }
}

impl GiveForm {
    pub(super) fn sample_of(say: Say<'_>) -> Self {
        Self {
            open: false,
            roles: vec![Choice::new(say("nurse"), say("Nurse"), Some(&say("nurse")))],
            units: vec![Choice::new(say("/surgery/ward-3"), say("Ward 3"), None)],
            unit: say("/surgery/ward-3"),
            from: say("2026-11-21"),
            until: say("2026-11-27"),
            reason: say("Sick leave cover, rota week 47"),
            problem: None,
        }
    }
}

impl GrantRow {
    fn samples(say: Say<'_>) -> Vec<Self> {
        const DAY: i64 = 86_400;
        let now = SAMPLE_NOW;
        let row = |role: &str, unit: Option<&str>, from: i64, until: Option<i64>| Self {
            id: say("0193510e-0000-7000-8000-00000000000c"),
            role: say(role),
            unit: unit.map(say),
            begins: (from > 0).then(|| Moment::date(now, now + from * DAY)),
            until: until.map(|days| Moment::date(now, now + days * DAY)),
            term: Term::new(now, now + from * DAY, until.map(|days| now + days * DAY)),
            by: By::Person(say("Mirela Ostrowe")),
            reason: say("hired for Ward 7"),
            may_end: true,
        };
        vec![
            row("Nurse", Some("Ward 7"), -993, None),
            Self { by: By::Server, may_end: false, ..row("Nurse", None, -5, Some(6)) },
            row("Charge nurse", Some("Ward 7"), 10, Some(99)),
        ]
    }
}

impl SessionRow {
    fn samples(say: Say<'_>) -> Vec<Self> {
        let now = SAMPLE_NOW;
        let row = |number: u8, icon, label: Option<&str>, (active, idle): (i64, i64)| Self {
            id: say(&format!("0193510e-0000-7000-8000-00000000000{number}")),
            icon,
            label: label.map(say),
            software: Some(say("Chromium on Android")),
            address: Some(say("10.20.3.14")),
            two_factors: true,
            state: DeviceState::of(now, now + active, now + idle),
            current: false,
            may_end: true,
        };
        vec![
            row(1, DeviceIcon::Tablet, Some("Ward 3 tablet"), (-9, 900)),
            Self { label: None, two_factors: false, ..row(2, DeviceIcon::Desktop, None, (-17 * 3600, -16 * 3600)) },
            Self { current: true, may_end: false, ..row(3, DeviceIcon::Phone, Some("Phone"), (-7200, 60)) },
        ]
    }
}
