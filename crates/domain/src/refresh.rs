//! Refresh: when a token may be exchanged, and when it proves that a copy exists (requirements.md, 2.6).
//!
//! A family advances at most once in the grace window. Within it the current token and the one before are answered with the *current* one
//! (lost response, second tab); any other authentic token means that a copy exists, and ends the session.
//!
//! Tokens are here, the rule is in `rule`: pure, no clock, no storage. Storing is `store::refresh`, the flow is `service::refresh`;
//! `tests/refresh` searches all interleavings of the rule for a state that must not be (docs/decisions/0027).

mod rule;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

pub use self::rule::{Asked, Family, Presented, Standing, decide, decide_again, judge};
use crate::id::FamilyId;
use crate::secret::{Secret, hmac_sha256, same};

/// A refresh token as presented: it names a family and a generation and proves nothing yet.
#[derive(Clone)]
pub struct RefreshToken {
    family: FamilyId,
    generation: i64,
    mac: [u8; 32],
}

impl std::fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RefreshToken({}, …)", self.family)
    }
}

impl RefreshToken {
    /// Makes the token of a generation.
    #[must_use]
    pub fn make(family: FamilyId, generation: i64, key: &Secret) -> Self {
        Self { family, generation, mac: mac(family, generation, key) }
    }

    /// Reads a token; `None` for anything that [`RefreshToken::expose`] does not write.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 75 {
            return None;
        }
        let bytes: [u8; 56] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        let (family, rest) = bytes.split_first_chunk::<16>()?;
        let (generation, mac) = rest.split_first_chunk::<8>()?;
        Some(Self {
            family: FamilyId::from_uuid(Uuid::from_bytes(*family)),
            generation: i64::from_be_bytes(*generation),
            mac: mac.try_into().ok()?,
        })
    }

    /// The text that the cookie carries: base64url, 75 characters.
    #[must_use]
    pub fn expose(&self) -> String {
        let mut bytes = [0; 56];
        bytes[..16].copy_from_slice(self.family.uuid().as_bytes());
        bytes[16..24].copy_from_slice(&self.generation.to_be_bytes());
        bytes[24..].copy_from_slice(&self.mac);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The family it names.
    #[must_use]
    pub const fn family(&self) -> FamilyId {
        self.family
    }

    /// The generation that it names; worth something only if it is authentic.
    #[must_use]
    pub const fn generation(&self) -> i64 {
        self.generation
    }

    /// Whether only the server can have made it. Nothing may happen to the family before this holds.
    #[must_use]
    pub fn is_authentic(&self, key: &Secret) -> bool {
        same(&self.mac, &mac(self.family, self.generation, key))
    }
}

fn mac(family: FamilyId, generation: i64, key: &Secret) -> [u8; 32] {
    hmac_sha256(key.bytes(), &[family.uuid().as_bytes(), &generation.to_be_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn token(generation: i64) -> RefreshToken {
        RefreshToken::make(FamilyId::from_uuid(Uuid::from_u128(1)), generation, &Secret::from_bytes([1; 32]))
    }

    #[test]
    fn t10_a_token_made_without_the_familys_key_is_not_authentic() {
        let forged = RefreshToken::make(token(5).family(), 5, &Secret::from_bytes([2; 32]));

        assert!(!forged.is_authentic(&Secret::from_bytes([1; 32])));
        assert!(token(5).is_authentic(&Secret::from_bytes([1; 32])));
    }

    proptest! {
        #[test]
        fn a_token_survives_its_text(family: u128, generation: i64, key: [u8; 32]) {
            let made = RefreshToken::make(FamilyId::from_uuid(Uuid::from_u128(family)), generation, &Secret::from_bytes(key));
            let read = RefreshToken::parse(&made.expose()).expect("its own text");

            prop_assert!(read.is_authentic(&Secret::from_bytes(key)));
            prop_assert_eq!(read.generation, generation);
        }

        #[test]
        fn reading_never_panics(text in ".{0,200}") {
            let _ = RefreshToken::parse(&text);
        }
    }
}
