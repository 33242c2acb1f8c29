//! Recovery codes: ten, of 80 random bits each, for the day a phone is lost. One used is replaced by another (2.5, recovery rule 3).
//!
//! A code begins with its place, `0` to `9`, so that one try costs one hash. What follows are 16 letters of Crockford's alphabet, which people
//! read aloud without mistakes: `3-7K2M-9QXD-T4HB-VW8N`.

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use crate::entropy::{Entropy, bytes};
use crate::password::Password;

/// So many make a set.
pub const COUNT: usize = 10;

pub(crate) const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// A recovery code: the place in its set, and 80 bits. Never printed.
#[derive(Clone)]
pub struct RecoveryCode {
    place: usize,
    letters: Zeroizing<String>,
}

impl std::fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RecoveryCode({}, …)", self.place)
    }
}

impl RecoveryCode {
    /// A new code for a place below [`COUNT`].
    #[must_use]
    pub fn new(entropy: &dyn Entropy, place: usize) -> Self {
        let random = bytes::<10>(entropy);
        let word = random.iter().fold(0u128, |word, byte| word << 8 | u128::from(*byte));
        let letter = |at: u32| char::from(ALPHABET[(word >> (at * 5) & 31) as usize]);
        Self { place, letters: Zeroizing::new((0..16).rev().map(letter).collect()) }
    }

    /// A whole set.
    #[must_use]
    pub fn set(entropy: &dyn Entropy) -> Vec<Self> {
        (0..COUNT).map(|place| Self::new(entropy, place)).collect()
    }

    /// Reads what a person typed: small letters, spaces, `O` for `0`, `I` and `L` for `1`. `None`: no recovery code.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > 200 {
            return None;
        }
        let mut letters = Zeroizing::new(String::with_capacity(17));
        for letter in text.nfkc().filter(|letter| !letter.is_whitespace() && *letter != '-') {
            let letter = match letter.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                other => other,
            };
            if !letter.is_ascii() || !ALPHABET.contains(&(letter as u8)) || letters.len() == 17 {
                return None;
            }
            letters.push(letter);
        }
        let place = letters.chars().next()?.to_digit(10)?;
        let rest = Zeroizing::new(letters.get(1..).filter(|rest| rest.len() == 16)?.to_owned());
        Some(Self { place: place as usize, letters: rest })
    }

    /// Its place in the set.
    #[must_use]
    pub const fn place(&self) -> usize {
        self.place
    }

    /// For people: `3-7K2M-9QXD-T4HB-VW8N`.
    #[must_use]
    pub fn expose(&self) -> String {
        let groups = self.letters.as_bytes().chunks(4).map(|four| String::from_utf8_lossy(four).into_owned());
        std::iter::once(self.place.to_string()).chain(groups).collect::<Vec<_>>().join("-")
    }

    /// What is hashed. Fewer than 112 bits: with the password's function (NIST SP 800-63B-4, section 3.1.2).
    #[must_use]
    pub fn as_password(&self) -> Option<Password> {
        Password::typed(&self.letters).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    struct Fixed;

    impl Entropy for Fixed {
        fn fill(&self, out: &mut [u8]) {
            out.iter_mut().enumerate().for_each(|(at, byte)| *byte = (at * 37) as u8);
        }
    }

    #[test]
    fn ten_codes_with_their_places() {
        let set = RecoveryCode::set(&Fixed);

        assert_eq!(set.len(), 10);
        assert_eq!(set[3].expose().len(), 21);
        assert!(set[3].expose().starts_with("3-"));
        assert_eq!(format!("{:?}", set[3]), "RecoveryCode(3, …)");
    }

    #[test]
    fn people_type_them_in_their_own_way() {
        let code = RecoveryCode::new(&Fixed, 7);
        let shown = code.expose();
        for typed in [shown.clone(), shown.to_lowercase(), shown.replace('-', " "), shown.replace('0', "O")] {
            assert_eq!(RecoveryCode::parse(&typed).map(|read| read.expose()), Some(shown.clone()), "{typed}");
        }
        for typed in ["", "7", "123456", "U-0000-0000-0000-0000", "7-0000-0000-0000-000", "7-0000-0000-0000-00000", "é"]
        {
            assert!(RecoveryCode::parse(typed).is_none(), "{typed}");
        }
    }

    proptest! {
        #[test]
        fn reading_never_panics(text in ".{0,60}") {
            let _ = RecoveryCode::parse(&text);
        }
    }
}
