//! A second factor that somebody has: its line in the account, and the page on which it is renamed or removed.

use askama::Template;

use super::trouble::{Notice, Trouble};
use super::{Frame, Language, Moment, SAMPLE_NOW, Say};

/// An authenticator, as its owner knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FactorView {
    /// Its id.
    pub id: String,
    /// What kind it is.
    pub kind: FactorKind,
    /// How it is called; empty: it has no name.
    pub label: String,
    /// Since when.
    pub added: Moment,
    /// When it was used last.
    pub used: Option<Moment>,
}

/// What kind it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactorKind {
    /// An authenticator app.
    Totp,
    /// A passkey.
    Passkey,
}

impl FactorView {
    pub(super) const fn icon(&self) -> &'static str {
        match self.kind {
            FactorKind::Totp => "phone",
            FactorKind::Passkey => "passkey",
        }
    }

    pub(super) const fn called(&self) -> &'static str {
        match self.kind {
            FactorKind::Totp => "factor-totp",
            FactorKind::Passkey => "factor-passkey",
        }
    }

    pub(super) fn sample_of(say: Say<'_>) -> Self {
        Self {
            id: say("0193510e-0000-7000-8000-00000000000a"),
            kind: FactorKind::Totp,
            label: say("Ines’s phone"),
            added: Moment::date(SAMPLE_NOW, SAMPLE_NOW - 993 * 86_400),
            used: Some(Moment::at(SAMPLE_NOW, SAMPLE_NOW - 8 * 3600)),
        }
    }
}

/// The recovery codes of somebody whose authenticator they stand in for. One that is used is replaced, so there are always as many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecoveryView {
    /// When they were made; `None`: there are none.
    pub made: Option<Moment>,
}

/// `GET /account/second-factor/{id}`. Forms: `POST` the same (field `label`), and `POST …/remove`; `csrf`.
#[derive(Clone, Debug, Template)]
#[template(path = "factor.html")]
pub struct Factor {
    /// What every page has.
    pub frame: Frame,
    /// What the forms are signed with.
    pub csrf: String,
    /// Which one.
    pub factor: FactorView,
    /// Why nothing was changed.
    pub problem: Option<FactorProblem>,
}

/// Why nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactorProblem {
    /// The name is empty or has too many characters.
    Label,
    /// It is the last one, and a role needs one.
    LastOne,
    /// There are as many as there may be.
    TooMany,
    /// The form was too old, or not ours.
    Expired,
}

impl FactorProblem {
    pub(super) fn trouble(self, frame: &Frame) -> Trouble {
        match self {
            Self::Label => Trouble::field("label", frame.say("factor-label-refused")),
            Self::LastOne => {
                let link = format!("{}/account/second-factor/new", frame.base);
                Trouble::above(Notice::refused(frame.say("factor-last-one").link("add", link)))
            }
            Self::TooMany => Trouble::above(Notice::refused(frame.say("factor-too-many"))),
            Self::Expired => Trouble::above(Notice::later(frame.say("page-expired"))),
        }
    }
}

impl Factor {
    /// With made-up content.
    #[must_use]
    pub fn sample() -> Self {
        Self::sample_of(Language::English, &str::to_owned)
    }

    pub(super) fn sample_of(language: Language, say: Say<'_>) -> Self {
        Self {
            frame: Frame::sample_of(language, say),
            csrf: say("csrf"),
            factor: FactorView::sample_of(say),
            problem: None,
        }
    }

    fn trouble(&self) -> Trouble {
        self.problem.map_or(Trouble::None, |problem| problem.trouble(&self.frame))
    }
}
