//! The resource servers, and what each of them lets people do.

use askama::Template;

use super::{Console, Language, Say, Section};

/// `GET /console/apis`.
#[derive(Clone, Debug, Template)]
#[template(path = "console/apis.html")]
pub struct Apis {
    /// What every page of the console has.
    pub console: Console,
    /// The APIs.
    pub apis: Vec<ApiRow>,
}

/// An API.
#[derive(Clone, Debug)]
pub struct ApiRow {
    /// Its name in tokens.
    pub audience: String,
    /// Its name.
    pub name: String,
    /// How its tokens are signed.
    pub algorithm: String,
    /// How long they live.
    pub minutes: i64,
    /// Permission and what it allows.
    pub permissions: Vec<(String, String)>,
    /// Where its matrix is.
    pub matrix: String,
}

impl Apis {
    /// With made-up content.
    #[must_use]
    pub fn sample() -> Self {
        Self::sample_of(Language::English, &str::to_owned)
    }

    pub(in crate::view) fn sample_of(language: Language, say: Say<'_>) -> Self {
        let api = |audience: &str, name: &str| ApiRow {
            audience: say(audience),
            name: say(name),
            algorithm: say("RS256"),
            minutes: 10,
            permissions: vec![(say("charts:read"), say("Read charts")), (say("charts:write"), say("Write charts"))],
            matrix: say("/console/roles?api=clinic"),
        };
        Self {
            console: Console::sample_of(language, say, Section::Apis),
            apis: vec![api("bailiwick", "Bailiwick"), api("clinic", "Ward Charts")],
        }
    }
}
