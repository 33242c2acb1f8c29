//! Signing keys: published before they sign, kept until the last token that they signed has expired (KEY-03).

use std::time::Duration;

use crate::time::{Timestamp, minutes};

/// Verifiers may keep a key set for so long (KEY-02: at most 15 minutes).
pub const JWKS_MAX_AGE: Duration = minutes(10);
/// A new key is published for so long before it signs: twice the cache time.
pub const PUBLISHED_BEFORE: Duration = minutes(20);
/// No access token lives longer.
pub const LONGEST_TOKEN: Duration = minutes(60);

/// How access tokens are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256; interoperable, the default (C-07).
    #[serde(rename = "RS256")]
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl Algorithm {
    /// `alg` in headers (RFC 7518, RFC 8037).
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// Reads [`Algorithm::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Rs256, Self::Es256, Self::EdDsa].into_iter().find(|a| a.as_str() == text)
    }
}

/// The times of a key; its state follows from them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// From here on it may sign.
    pub signs_from: Timestamp,
    /// From here on it signs no more.
    pub retires_at: Option<Timestamp>,
    /// It is no longer published.
    pub dropped: bool,
}

/// What a key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Published, does not sign yet.
    Next,
    /// Signs.
    Active,
    /// Signs no more, still published.
    Retired,
}

impl State {
    /// As sent.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Active => "active",
            Self::Retired => "retired",
        }
    }
}

impl Schedule {
    /// Its state now; `None`: no longer published.
    #[must_use]
    pub fn state(self, now: Timestamp) -> Option<State> {
        let retired = self.retires_at.filter(|at| now >= *at);
        match retired {
            _ if self.dropped => None,
            Some(at) if now >= at.plus(LONGEST_TOKEN) => None,
            Some(_) => Some(State::Retired),
            None if now < self.signs_from => Some(State::Next),
            None => Some(State::Active),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_03_a_key_is_published_before_it_signs_and_after_it_stopped() {
        let at = Timestamp::from_seconds;
        let key = Schedule { signs_from: at(1200), retires_at: Some(at(5000)), dropped: false };

        let states: Vec<_> = [0, 1199, 1200, 4999, 5000, 8599, 8600].iter().map(|s| key.state(at(*s))).collect();

        use State::{Active, Next, Retired};
        assert_eq!(states, [Some(Next), Some(Next), Some(Active), Some(Active), Some(Retired), Some(Retired), None]);
        assert_eq!(Schedule { dropped: true, ..key }.state(at(1300)), None);
        assert!(PUBLISHED_BEFORE >= JWKS_MAX_AGE * 2);
    }
}
