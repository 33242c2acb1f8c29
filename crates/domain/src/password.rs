//! Passwords: what may be one, what they are hashed with.
//!
//! Pure: the hashing itself is `service::hashing`, the list of common passwords is handed in by `service::password`.

pub mod blocklist; // passwords that everybody tries
pub mod kind; // algorithms and what they cost
pub mod rules; // what a new password must be
pub mod stand_in; // what nobody's password is hashed with
pub mod stored; // hashes as they are stored

use thiserror::Error;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

pub use blocklist::Blocklist;
pub use kind::{Kind, Unusable};
pub use rules::{Composition, LEAST_SINGLE_FACTOR, LEAST_WITH_SECOND_FACTOR, Rules};
pub use stored::{KeyId, Stored};

/// Most code points (PW-02).
pub const MOST_CODE_POINTS: usize = 256;
/// Most bytes after normalisation (PW-15).
pub const MOST_BYTES: usize = 1024;

/// A password as typed, NFC (PW-03); never printed, never truncated, wiped when dropped.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

/// Why a new password was refused; the codes are api.md's. What is shown says what to do instead (PW-18).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PasswordError {
    /// Fewer than so many code points.
    #[error("must have at least {0} characters; a sentence is easy to remember and hard to guess")]
    TooShort(usize),
    /// More than [`MOST_CODE_POINTS`] or [`MOST_BYTES`].
    #[error("may have at most 256 characters and 1,024 bytes; a sentence of your own is long enough")]
    TooLong,
    /// One that everybody tries, or a near relative of it.
    #[error(
        "is one of the passwords that are tried first; choose a sentence of your own, with words that do not belong together"
    )]
    Blocklisted,
    /// It is made of names of the person, the organisation or the product.
    #[error(
        "must not be made of your own name, your address, or the name of the organisation; choose a sentence of your own"
    )]
    ContextWord,
    /// It is the one that must be changed.
    #[error("must not be the password that you have now")]
    Reused,
    /// One of those before it (PW-16).
    #[error("must not be one of your last passwords")]
    UsedBefore,
    /// A policy asks for characters that are not there (PW-17).
    #[error(
        "must have letters and digits, or three of capitals, small letters, digits and other signs, as the policy of this place says"
    )]
    Composition,
    /// The one in force is younger than a policy asks for (PW-17).
    #[error("the present password is too young to be changed; if somebody else may know it, ask an administrator")]
    TooYoung,
}

impl PasswordError {
    /// Every code that a refusal can have.
    pub const CODES: [&'static str; 7] =
        ["too_short", "too_long", "blocklisted", "context_word", "reused", "composition", "too_young"];

    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooShort(_) => "too_short",
            Self::TooLong => "too_long",
            Self::Blocklisted => "blocklisted",
            Self::ContextWord => "context_word",
            Self::Reused | Self::UsedBefore => "reused",
            Self::Composition => "composition",
            Self::TooYoung => "too_young",
        }
    }
}

impl Password {
    /// Normalises what was typed at a sign-in. Anything longer than the limits cannot be anybody's password.
    ///
    /// # Errors
    /// [`PasswordError::TooLong`].
    pub fn typed(text: &str) -> Result<Self, PasswordError> {
        if text.len() > MOST_BYTES * 4 {
            return Err(PasswordError::TooLong);
        }
        let normal: Zeroizing<String> = Zeroizing::new(text.nfc().collect());
        if normal.chars().count() > MOST_CODE_POINTS || normal.len() > MOST_BYTES {
            return Err(PasswordError::TooLong);
        }
        Ok(Self(normal))
    }

    /// Normalises and checks a new password.
    ///
    /// # Errors
    /// [`PasswordError`].
    pub fn chosen(text: &str, rules: &Rules<'_>) -> Result<Self, PasswordError> {
        let password = Self::typed(text)?;
        rules.check(&password)?;
        Ok(password)
    }

    /// What is hashed.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        self.0.as_bytes()
    }

    fn text(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pw_03_composed_and_decomposed_are_the_same_password() {
        let composed = Password::typed("Käsebrötchen am Morgen").expect("ok");
        let decomposed = Password::typed("Ka\u{308}sebro\u{308}tchen am Morgen").expect("ok");

        assert_eq!(composed.expose(), decomposed.expose());
    }

    #[test]
    fn pw_02_nothing_is_cut_off() {
        let long = "é".repeat(256);

        assert_eq!(Password::typed(&long).expect("256 fit").expose().len(), 512);
        assert!(matches!(Password::typed(&"é".repeat(257)), Err(PasswordError::TooLong)));
        assert!(matches!(Password::typed(&"😀".repeat(257)), Err(PasswordError::TooLong)));
    }

    #[test]
    fn pw_18_every_refusal_says_what_to_do_instead() {
        let refusals = [
            PasswordError::TooShort(15),
            PasswordError::TooLong,
            PasswordError::Blocklisted,
            PasswordError::ContextWord,
        ];
        for refusal in refusals {
            assert!(refusal.to_string().contains("sentence"), "{refusal}");
        }
    }
}
