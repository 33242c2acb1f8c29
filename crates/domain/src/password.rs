//! What may be a password. The length rules by assurance and the blocklist are `service::password`'s business.

use thiserror::Error;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

/// Most code points (PW-02).
pub const MOST_CODE_POINTS: usize = 256;
/// Most bytes after normalisation (PW-15).
pub const MOST_BYTES: usize = 1024;
/// Fewest code points where the password can be the only factor (PW-01).
pub const LEAST_SINGLE_FACTOR: usize = 15;

/// A password as typed, NFC (PW-03); never printed, never truncated, wiped when dropped.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

/// Why a new password was refused; the codes are api.md's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PasswordError {
    /// Fewer than so many code points.
    #[error("must have at least {0} characters; a sentence is easy to remember and hard to guess")]
    TooShort(usize),
    /// More than [`MOST_CODE_POINTS`] or [`MOST_BYTES`].
    #[error("may have at most 256 characters and 1,024 bytes")]
    TooLong,
    /// It is the person's own name or address.
    #[error("must not be your own name or address")]
    ContextWord,
    /// It is the one that must be changed.
    #[error("must not be the password that you have now")]
    Reused,
}

impl PasswordError {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooShort(_) => "too_short",
            Self::TooLong => "too_long",
            Self::ContextWord => "context_word",
            Self::Reused => "reused",
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

    /// Normalises and checks a new password: at least `least` code points, and not one of `context` (names, addresses).
    ///
    /// # Errors
    /// [`PasswordError`].
    pub fn chosen(text: &str, least: usize, context: &[&str]) -> Result<Self, PasswordError> {
        let password = Self::typed(text)?;
        if password.0.chars().count() < least {
            return Err(PasswordError::TooShort(least));
        }
        let folded = Zeroizing::new(crate::user::fold(&password.0));
        let trimmed = folded.trim_matches(|c: char| c.is_ascii_digit() || c.is_ascii_punctuation());
        if context.iter().any(|word| word.chars().count() >= 3 && crate::user::fold(word) == trimmed) {
            return Err(PasswordError::ContextWord);
        }
        Ok(password)
    }

    /// What is hashed.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        self.0.as_bytes()
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
    fn pw_03_fifteen_emoji_are_long_enough() {
        assert!(Password::chosen(&"😀".repeat(15), 15, &[]).is_ok());
        assert!(matches!(Password::chosen(&"😀".repeat(14), 15, &[]), Err(PasswordError::TooShort(15))));
    }

    #[test]
    fn pw_07_ones_own_name_with_digits_is_no_password() {
        let refused = Password::chosen("Josephine.Quarles2026!", 15, &["josephine.quarles"]);

        assert!(matches!(refused, Err(PasswordError::ContextWord)));
    }
}
