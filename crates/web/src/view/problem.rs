//! The addresses that the `type` of a problem names: what a code means and what to do.

use askama::Template;

use super::Say;
use super::piece::{self, Piece};

/// `/problems/<code>`.
#[derive(Clone, Debug, Template)]
#[template(path = "problem.html")]
pub struct ProblemPage {
    /// The realm's prefix.
    pub base: String,
    /// The stable name.
    pub code: String,
    /// The HTTP status.
    pub status: u16,
    /// A few words.
    pub title: String,
    /// What it means and what to do.
    pub explanation: Vec<Piece>,
}

/// `/problems`: all of them.
#[derive(Clone, Debug, Template)]
#[template(path = "problem-index.html")]
pub struct ProblemIndex {
    /// The realm's prefix.
    pub base: String,
    /// In the order of the status.
    pub problems: Vec<ProblemRow>,
}

/// A row of [`ProblemIndex`].
#[derive(Clone, Debug)]
pub struct ProblemRow {
    /// The stable name.
    pub code: String,
    /// The HTTP status.
    pub status: u16,
    /// A few words.
    pub title: String,
}

impl ProblemPage {
    /// Backticks in `explanation` mark code.
    #[must_use]
    pub fn new(base: &str, code: &str, status: u16, title: &str, explanation: &str) -> Self {
        let (base, code, title) = (base.to_owned(), code.to_owned(), title.to_owned());
        Self { base, code, status, title, explanation: piece::with_code(explanation) }
    }

    /// With made-up content.
    #[must_use]
    pub fn sample() -> Self {
        Self::sample_of(&str::to_owned)
    }

    pub(super) fn sample_of(say: Say<'_>) -> Self {
        let explanation =
            say("You are known, but a permission is missing; `missing` names it. Ask for a role that has it.");
        Self::new(&say(""), &say("forbidden"), 403, &say("You may not do this"), &explanation)
    }
}

impl ProblemIndex {
    /// With made-up content.
    #[must_use]
    pub fn sample() -> Self {
        Self::sample_of(&str::to_owned)
    }

    pub(super) fn sample_of(say: Say<'_>) -> Self {
        let row = |code, status, title| ProblemRow { code: say(code), status, title: say(title) };
        let problems = vec![
            row("malformed", 400, "The request cannot be read"),
            row("not-signed-in", 401, "Sign in first"),
            row("insufficient-authentication", 401, "Confirm that it is you"),
            row("forbidden", 403, "You may not do this"),
        ];
        Self { base: say(""), problems }
    }
}
