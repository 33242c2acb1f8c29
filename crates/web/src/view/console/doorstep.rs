//! Before a page of the console to which another site leads.

use askama::Template;

use super::{Frame, Language, Say};

/// A page of the console, asked for by another site.
#[derive(Clone, Debug, Template)]
#[template(path = "console/doorstep.html")]
pub struct Doorstep {
    /// What every page has.
    pub frame: Frame,
    /// Where it goes on.
    pub path: String,
}

impl Doorstep {
    /// With made-up content.
    #[must_use]
    pub fn sample() -> Self {
        Self::sample_of(Language::English, &str::to_owned)
    }

    pub(in crate::view) fn sample_of(language: Language, say: Say<'_>) -> Self {
        Self { frame: Frame::sample_of(language, say), path: say("/console/people?q=tal") }
    }
}
