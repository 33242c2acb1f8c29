//! Refresh: when a token may be exchanged, and when it proves that a copy exists (requirements.md, 2.6).
//!
//! A family advances at most once in the grace window. Within it the current token and the one before are answered with the *current* one
//! (lost response, second tab); any other authentic token means that a copy exists, and ends the session.
//!
//! Pure rules: no clock, no storage. Storing is `store::refresh`, the flow is `service::refresh`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use crate::id::FamilyId;
use crate::secret::{Secret, hmac_sha256, same};
use crate::session::{Deadlines, GRACE_SECONDS, State};
use crate::time::{Timestamp, seconds};

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

    /// Whether only the server can have made it. Nothing may happen to the family before this holds.
    #[must_use]
    pub fn is_authentic(&self, key: &Secret) -> bool {
        same(&self.mac, &mac(self.family, self.generation, key))
    }
}

fn mac(family: FamilyId, generation: i64, key: &Secret) -> [u8; 32] {
    hmac_sha256(key.bytes(), &[family.uuid().as_bytes(), &generation.to_be_bytes()])
}

/// What a family is when a token is presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Family {
    /// The current generation.
    pub generation: i64,
    /// When it was made.
    pub rotated_at: Timestamp,
    /// When it locks and when it is over.
    pub deadlines: Deadlines,
    /// Whether it or its session was ended, or its principal may not sign in.
    pub ended: bool,
}

/// What presenting an authentic token means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presented {
    /// The current generation, older than the window: the family advances.
    Advance,
    /// Within the window: answered with the current token, nothing moves.
    WithinWindow,
    /// Idle passed: unlock.
    Locked,
    /// Over, or its principal may not go on.
    Ended,
    /// An older generation: a copy exists.
    Replayed,
}

/// Judges an authentic token. The order is the rule: a replay counts locked or not; whatever 3 or 4 would serve is never a replay.
#[must_use]
pub fn judge(family: &Family, token: &RefreshToken, now: Timestamp) -> Presented {
    let in_window = now < family.rotated_at.plus(seconds(GRACE_SECONDS));
    let current = token.generation == family.generation;
    let one_before = token.generation == family.generation.saturating_sub(1);
    let servable = current || (one_before && in_window);
    let state = family.deadlines.state(family.ended, now);
    match (state, servable) {
        // A generation that does not exist yet is authentic only after the database was set back.
        _ if token.generation > family.generation => Presented::Ended,
        (State::Ended, _) => Presented::Ended,
        (_, false) => Presented::Replayed,
        (State::Locked, true) => Presented::Locked,
        (State::Live, true) if in_window => Presented::WithinWindow,
        (State::Live, true) => Presented::Advance,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn family(generation: i64) -> Family {
        let at = |s| Timestamp::from_seconds(s);
        Family {
            generation,
            rotated_at: at(1000),
            deadlines: Deadlines { idle_at: at(2000), absolute_at: at(3000) },
            ended: false,
        }
    }

    fn token(generation: i64) -> RefreshToken {
        RefreshToken::make(FamilyId::from_uuid(Uuid::from_u128(1)), generation, &Secret::from_bytes([1; 32]))
    }

    fn at(seconds: i64, family: Family, generation: i64) -> Presented {
        judge(&family, &token(generation), Timestamp::from_seconds(seconds))
    }

    #[test]
    fn the_table_of_2_6() {
        let ended = Family { ended: true, ..family(5) };
        for (name, got, expected) in [
            ("current, in the window", at(1010, family(5), 5), Presented::WithinWindow),
            ("the one before, in the window", at(1010, family(5), 4), Presented::WithinWindow),
            ("two before, in the window", at(1010, family(5), 3), Presented::Replayed),
            ("current, after the window", at(1030, family(5), 5), Presented::Advance),
            ("the one before, after the window", at(1030, family(5), 4), Presented::Replayed),
            ("current, idle passed", at(2000, family(5), 5), Presented::Locked),
            ("the one before, idle passed", at(2000, family(5), 4), Presented::Replayed),
            ("current, absolute passed", at(3000, family(5), 5), Presented::Ended),
            ("the one before, absolute passed", at(3000, family(5), 4), Presented::Ended),
            ("current, ended", at(1030, ended, 5), Presented::Ended),
            ("older, ended already", at(1030, ended, 1), Presented::Ended),
            ("from a future that was set back", at(1010, family(5), 6), Presented::Ended),
        ] {
            assert_eq!(got, expected, "{name}");
        }
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
