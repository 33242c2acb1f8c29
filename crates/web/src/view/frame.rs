//! What every page for people has: where links begin, whose page it is, in which language, and what its scripts are known by.

use super::{Language, Message, Say};

/// What every page for people has.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    /// The realm's prefix: `""`, or `"/realms/other"`.
    pub base: String,
    /// Whose page it is.
    pub organisation: String,
    /// What it speaks.
    pub language: Language,
    /// The one of this answer's policy (WEB-08).
    pub nonce: String,
}

impl Frame {
    /// A message in the page's language.
    pub(super) const fn say(&self, key: &'static str) -> Message {
        self.language.say(key)
    }

    pub(super) const fn lang(&self) -> &'static str {
        self.language.tag()
    }

    pub(super) fn sample_of(language: Language, say: Say<'_>) -> Self {
        Self { base: say(""), organisation: say("Havelmoor Clinic"), language, nonce: say("0f0f0f0f0f0f0f0f") }
    }
}
