//! From a mailed link to a confirmed address.

use askama::Template;

use super::{Frame, Language, Say};

/// `GET /confirm-email` asks, because mail scanners follow links; `POST` confirms.
#[derive(Clone, Debug, Template)]
#[template(path = "confirm-email.html")]
pub struct ConfirmEmail {
    /// What every page has.
    pub frame: Frame,
    /// What the form is signed with.
    pub csrf: String,
    /// How far it is.
    pub state: ConfirmState,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfirmState {
    /// The link is held; nothing is done yet.
    Ask,
    /// The address is confirmed.
    Done,
    /// The link is unknown, used, replaced or too old.
    Refused,
}

impl ConfirmEmail {
    /// With made-up content.
    #[must_use]
    pub fn sample() -> Self {
        Self::sample_of(Language::English, &str::to_owned)
    }

    pub(super) fn sample_of(language: Language, say: Say<'_>) -> Self {
        Self { frame: Frame::sample_of(language, say), csrf: say("csrf"), state: ConfirmState::Ask }
    }

    fn asks(&self) -> bool {
        self.state == ConfirmState::Ask
    }

    fn done(&self) -> bool {
        self.state == ConfirmState::Done
    }
}
