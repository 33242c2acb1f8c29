//! Activation codes: printed, for people without mail. 112 random bits, so that a fast hash is enough (ASVS 6.5.2).
//!
//! 23 letters of Crockford's alphabet in groups of four, which people copy from paper without mistakes. A code stands for a link's
//! secret: where a link's token is taken, the code is taken too.

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use crate::entropy::{Entropy, bytes};
use crate::recovery::ALPHABET;
use crate::secret::{Secret, sha256};

const LETTERS: usize = 23;

/// A printed code. Never logged.
#[derive(Clone)]
pub struct ActivationCode(Zeroizing<String>);

impl std::fmt::Debug for ActivationCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ActivationCode(…)")
    }
}

impl ActivationCode {
    /// A new code.
    #[must_use]
    pub fn new(entropy: &dyn Entropy) -> Self {
        let random = bytes::<14>(entropy);
        let word = random.iter().fold(0u128, |word, byte| word << 8 | u128::from(*byte));
        let letter = |at: usize| char::from(ALPHABET[(word >> (at * 5) & 31) as usize]);
        Self(Zeroizing::new((0..LETTERS).rev().map(letter).collect()))
    }

    /// Reads what a person typed: small letters, spaces, `O` for `0`, `I` and `L` for `1`. `None`: no such code.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > 200 {
            return None;
        }
        let mut letters = Zeroizing::new(String::with_capacity(LETTERS));
        for letter in text.nfkc().filter(|letter| !letter.is_whitespace() && *letter != '-') {
            let letter = match letter.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                other => other,
            };
            if !letter.is_ascii() || !ALPHABET.contains(&(letter as u8)) || letters.len() == LETTERS {
                return None;
            }
            letters.push(letter);
        }
        (letters.len() == LETTERS).then_some(Self(letters))
    }

    /// For paper: `1K2M-9QXD-T4HB-VW8N-7C3F-0GZ`.
    #[must_use]
    pub fn expose(&self) -> String {
        let groups = self.0.as_bytes().chunks(4).map(|four| String::from_utf8_lossy(four).into_owned());
        groups.collect::<Vec<_>>().join("-")
    }

    /// The secret of a link that it stands for.
    #[must_use]
    pub fn secret(&self) -> Secret {
        Secret::from_bytes(sha256(&[b"activation code ", self.0.as_bytes()]))
    }
}

/// The secret in a link, or behind a printed code.
#[must_use]
pub fn link_or_code(text: &str) -> Option<Secret> {
    Secret::parse(text).or_else(|| ActivationCode::parse(text).map(|code| code.secret()))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting;
    impl Entropy for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.iter_mut().zip(1..).for_each(|(byte, number)| *byte = number * 17);
        }
    }

    #[test]
    fn a_code_is_read_as_people_write_it_down() {
        let code = ActivationCode::new(&Counting);
        let printed = code.expose();

        assert_eq!(printed.len(), 28);
        let typed = printed.to_lowercase().replace('0', "o").replace('1', "l").replace('-', " ");
        let read = link_or_code(&typed).expect("the code");
        assert_eq!(read.hash(), code.secret().hash());
        assert_ne!(link_or_code(&printed.replace('2', "3")).map(|other| other.hash()), Some(read.hash()));
    }

    #[test]
    fn what_is_neither_a_link_nor_a_code_is_nothing() {
        for text in ["", "U", &"7".repeat(22), &"7".repeat(24), &"U".repeat(23), &"7".repeat(10_000)] {
            assert!(link_or_code(text).is_none(), "{text}");
        }
    }
}
