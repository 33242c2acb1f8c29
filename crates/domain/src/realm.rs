//! Realms: isolated directories, each with its own issuer.

use serde::{Deserialize, Serialize};

/// The small integer that stands first in every key and index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RealmKey(i64);

impl RealmKey {
    /// Realm `main`: the first one, where server-wide events go.
    pub const MAIN: Self = Self(1);

    /// Takes a key as stored.
    #[must_use]
    pub const fn from_stored(key: i64) -> Self {
        Self(key)
    }

    /// As stored.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }
}

/// A realm's name in paths and cookies: `[a-z][a-z0-9-]{0,30}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RealmSlug(String);

impl RealmSlug {
    /// Checks `text`; `None` if it is not a slug.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        crate::unit::is_slug(text, 31).then(|| Self(text.to_owned()))
    }

    /// The slug.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is realm `main`, which is served at the root.
    #[must_use]
    pub fn is_main(&self) -> bool {
        self.0 == "main"
    }
}

/// A realm as everybody sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Realm {
    /// First in every key.
    pub key: RealmKey,
    /// Its name in paths.
    pub slug: RealmSlug,
    /// Its name for people.
    pub name: String,
    /// `iss` of its tokens; written when the realm is made.
    pub issuer: String,
    /// WebAuthn relying party id.
    pub rp_id: String,
    /// The profile it was set up with.
    pub profile: Option<String>,
}
