//! Signing out: the question, and that it is done.

use askama::Template;

use super::Say;

/// `GET /sign-out`: asks first, because a link must not sign anybody out.
#[derive(Clone, Debug, Template)]
#[template(path = "sign-out.html")]
pub struct SignOut {
    /// The realm's prefix.
    pub base: String,
    /// Whose door it is.
    pub organisation: String,
    /// What the form is signed with.
    pub csrf: String,
}

/// After `POST /sign-out`.
#[derive(Clone, Debug, Template)]
#[template(path = "signed-out.html")]
pub struct SignedOut {
    /// The realm's prefix.
    pub base: String,
    /// Whose door it is.
    pub organisation: String,
}

impl SignOut {
    /// With made-up content.
    #[must_use]
    pub fn sample() -> Self {
        Self::sample_of(&str::to_owned)
    }

    pub(super) fn sample_of(say: Say<'_>) -> Self {
        Self { base: say(""), organisation: say("Havelmoor Clinic"), csrf: say("csrf") }
    }
}

impl SignedOut {
    /// With made-up content.
    #[must_use]
    pub fn sample() -> Self {
        Self::sample_of(&str::to_owned)
    }

    pub(super) fn sample_of(say: Say<'_>) -> Self {
        Self { base: say(""), organisation: say("Havelmoor Clinic") }
    }
}
