//! Signing out: the question, and that it is done.

use askama::Template;

use super::{Frame, Language, Say};

/// `GET /sign-out`: asks first, because a link must not sign anybody out.
#[derive(Clone, Debug, Template)]
#[template(path = "sign-out.html")]
pub struct SignOut {
    /// What every page has.
    pub frame: Frame,
    /// What the form is signed with.
    pub csrf: String,
}

/// After `POST /sign-out`.
#[derive(Clone, Debug, Template)]
#[template(path = "signed-out.html")]
pub struct SignedOut {
    /// What every page has.
    pub frame: Frame,
}

impl SignOut {
    /// With made-up content.
    #[must_use]
    pub fn sample() -> Self {
        Self::sample_of(Language::English, &str::to_owned)
    }

    pub(super) fn sample_of(language: Language, say: Say<'_>) -> Self {
        Self { frame: Frame::sample_of(language, say), csrf: say("csrf") }
    }
}

impl SignedOut {
    /// With made-up content.
    #[must_use]
    pub fn sample() -> Self {
        Self::sample_of(Language::English, &str::to_owned)
    }

    pub(super) fn sample_of(language: Language, say: Say<'_>) -> Self {
        Self { frame: Frame::sample_of(language, say) }
    }
}
