//! A locked session: the password alone, or somebody else.

use askama::Template;

use super::trouble::{Notice, Trouble};
use super::{Frame, Language, Moment, SAMPLE_NOW, Say, Wait};

/// `GET` and a refused `POST /unlock`: fields `password`, `csrf`, `session`, `return_to`.
#[derive(Clone, Debug, Template)]
#[template(path = "unlock.html")]
pub struct Unlock {
    /// What every page has.
    pub frame: Frame,
    /// What the form is signed with.
    pub csrf: String,
    /// Whose session it is.
    pub name: String,
    /// Another session of this device; `None`: the browser's own.
    pub session: Option<String>,
    /// The path that comes after it.
    pub return_to: Option<String>,
    /// Who else can go on here.
    pub others: Vec<SwitchView>,
    /// Why it stays locked.
    pub problem: Option<UnlockProblem>,
}

/// Somebody who can go on at this device.
#[derive(Clone, Debug)]
pub struct SwitchView {
    /// Their session.
    pub session: String,
    /// What people call them.
    pub name: String,
    /// Since when it is locked.
    pub locked: Moment,
}

impl SwitchView {
    pub(super) fn samples(say: Say<'_>) -> Vec<Self> {
        let one = |number: u8, name: &str, ago: i64| Self {
            session: say(&format!("0193510e-0000-7000-8000-00000000002{number}")),
            name: say(name),
            locked: Moment::ago(SAMPLE_NOW, SAMPLE_NOW - ago),
        };
        vec![one(1, "Mirela Ostrowe", 300), one(2, "Tobias Wend", 9_000)]
    }
}

/// Why it stays locked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnlockProblem {
    /// The password did not match.
    Wrong,
    /// Too many wrong ones; this one was not looked at.
    Wait(Wait),
    /// No capacity.
    Busy,
    /// The form was too old, or not ours.
    Expired,
}

impl Unlock {
    /// With made-up content.
    #[must_use]
    pub fn sample() -> Self {
        Self::sample_of(Language::English, &str::to_owned)
    }

    pub(super) fn sample_of(language: Language, say: Say<'_>) -> Self {
        Self {
            frame: Frame::sample_of(language, say),
            csrf: say("csrf"),
            name: say("Ines Tallmark"),
            session: None,
            return_to: Some(say("/account")),
            others: SwitchView::samples(say),
            problem: None,
        }
    }

    fn trouble(&self) -> Trouble {
        let frame = &self.frame;
        match &self.problem {
            None => Trouble::None,
            Some(UnlockProblem::Wrong) => Trouble::field("password", frame.say("password-wrong-current")),
            Some(UnlockProblem::Wait(wait)) => Trouble::above(Notice::wait(frame, "password-wait", wait)),
            Some(UnlockProblem::Busy) => Trouble::above(Notice::later(frame.say("password-busy"))),
            Some(UnlockProblem::Expired) => Trouble::above(Notice::later(frame.say("password-form-expired"))),
        }
    }
}
