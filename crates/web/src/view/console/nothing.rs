//! The console of somebody whose roles let them see nothing in it.

use askama::Template;

use super::{Frame, Language, Say};

/// `GET /console` of somebody who may see none of its parts.
#[derive(Clone, Debug, Template)]
#[template(path = "console/nothing.html")]
pub struct Nothing {
    /// What every page has.
    pub frame: Frame,
}

impl Nothing {
    /// With made-up content.
    #[must_use]
    pub fn sample() -> Self {
        Self::sample_of(Language::English, &str::to_owned)
    }

    pub(in crate::view) fn sample_of(language: Language, say: Say<'_>) -> Self {
        Self { frame: Frame::sample_of(language, say) }
    }
}
