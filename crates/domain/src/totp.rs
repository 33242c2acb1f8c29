//! Time-based one-time passwords (RFC 6238): HMAC-SHA-1, six digits, 30 seconds, because that is what authenticator applications know (C-29).
//!
//! Pure: the instant is an argument. Which step was used last is `store::factor`'s to remember; a code works once (TOTP-02).

use aws_lc_rs::hmac;
use unicode_normalization::UnicodeNormalization;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::entropy::{Entropy, bytes};
use crate::secret::same;
use crate::time::Timestamp;

/// A code lives so long, seconds.
pub const STEP_SECONDS: i64 = 30;
/// Steps before the current one that are accepted: clocks differ, people type (C-13). Never a future one.
pub const STEPS_BACK: i64 = 1;
/// How the algorithm is called where it is stored.
pub const SCHEME: &str = "SHA1 6 30";

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The secret that a person's application shares with us: 160 random bits (TOTP-01).
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Seed([u8; 20]);

impl std::fmt::Debug for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seed(…)")
    }
}

impl Seed {
    /// A new seed.
    #[must_use]
    pub fn new(entropy: &dyn Entropy) -> Self {
        Self(bytes(entropy))
    }

    /// Takes a seed as it was sealed.
    #[must_use]
    pub fn from_stored(stored: &[u8]) -> Option<Self> {
        stored.try_into().ok().map(Self)
    }

    /// What is sealed and stored.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 20] {
        &self.0
    }

    /// For typing: base32 without padding, 32 characters (RFC 4648, section 6).
    #[must_use]
    pub fn base32(&self) -> String {
        let mut text = String::with_capacity(32);
        for five in self.0.chunks(5) {
            let word = five.iter().fold(0u64, |word, byte| word << 8 | u64::from(*byte));
            text.extend((0..8).rev().map(|at| char::from(BASE32[(word >> (at * 5) & 31) as usize])));
        }
        text
    }

    /// Reads [`Seed::base32`]; spaces and small letters are how people type it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut seed = Vec::with_capacity(20);
        let (mut word, mut bits) = (0u64, 0);
        for letter in text.bytes().filter(|letter| *letter != b' ') {
            let value = BASE32.iter().position(|known| *known == letter.to_ascii_uppercase())?;
            word = word << 5 | value as u64;
            bits += 5;
            if bits >= 8 {
                bits -= 8;
                seed.push((word >> bits & 255) as u8);
            }
        }
        Self::from_stored(&seed)
    }

    /// The address that the QR code carries (Google Authenticator's key URI format).
    #[must_use]
    pub fn uri(&self, issuer: &str, account: &str) -> String {
        let (issuer, account) = (escaped(issuer), escaped(account));
        let secret = self.base32();
        format!("otpauth://totp/{issuer}:{account}?secret={secret}&issuer={issuer}&algorithm=SHA1&digits=6&period=30")
    }

    /// The code of a step (RFC 4226, section 5.3).
    #[must_use]
    pub fn code(&self, step: i64) -> Code {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.0);
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let tag = tag.as_ref();
        let at = usize::from(tag[19] & 15);
        let number = tag[at..at + 4].iter().fold(0u32, |number, byte| number << 8 | u32::from(*byte)) & 0x7fff_ffff;
        Code::of(number % 1_000_000)
    }

    /// The step whose code this is: the current one or up to [`STEPS_BACK`] before it, later than `last` (TOTP-02, TOTP-03).
    ///
    /// Looks at every step of the window, so that the time tells nothing.
    #[must_use]
    pub fn matches(&self, code: &Code, now: Timestamp, last: Option<i64>) -> Option<i64> {
        let current = step_of(now);
        let mut found = None;
        for step in (current - STEPS_BACK)..=current {
            if same(&self.code(step).0, &code.0) && last.is_none_or(|last| step > last) {
                found = Some(step);
            }
        }
        found
    }
}

/// The step of an instant.
#[must_use]
pub const fn step_of(now: Timestamp) -> i64 {
    now.seconds().div_euclid(STEP_SECONDS)
}

/// Six digits.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Code([u8; 6]);

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Code(…)")
    }
}

impl Code {
    fn of(number: u32) -> Self {
        let mut digits = [0; 6];
        let mut rest = number;
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        Self(digits)
    }

    /// Reads what a person typed: spaces and hyphens between the digits and full-width digits are theirs to use. `None`: no six digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > 64 {
            return None;
        }
        let digits: Vec<u8> = text
            .nfkc()
            .filter(|letter| !letter.is_whitespace() && *letter != '-')
            .map(|letter| u8::try_from(letter).ok().filter(u8::is_ascii_digit))
            .collect::<Option<_>>()?;
        digits.try_into().ok().map(Self)
    }

    /// The digits.
    #[must_use]
    pub fn expose(&self) -> String {
        self.0.iter().map(|digit| char::from(*digit)).collect()
    }
}

/// Percent-encodes all but unreserved characters (RFC 3986, section 2.3).
fn escaped(text: &str) -> String {
    use std::fmt::Write;
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            other => {
                let _ = write!(out, "%{other:02X}");
            }
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seed() -> Seed {
        Seed(*b"12345678901234567890")
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn totp_01_the_vectors_of_rfc_6238_appendix_b() {
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(seed().code(step_of(at(seconds))).expose(), code, "{seconds}");
        }
    }

    #[test]
    fn totp_03_the_current_step_and_one_before_and_never_one_to_come() {
        let now = at(1_000_000_000);
        let current = step_of(now);
        let accepted = |step| seed().matches(&seed().code(step), now, None);

        assert_eq!(accepted(current), Some(current));
        assert_eq!(accepted(current - 1), Some(current - 1));
        assert_eq!(accepted(current - 2), None);
        assert_eq!(accepted(current + 1), None);
    }

    #[test]
    fn totp_02_a_step_that_was_used_and_those_before_it_are_refused() {
        let now = at(1_000_000_000);
        let current = step_of(now);
        let accepted = |step, last| seed().matches(&seed().code(step), now, Some(last));

        assert_eq!(accepted(current, current), None);
        assert_eq!(accepted(current - 1, current), None);
        assert_eq!(accepted(current - 1, current - 1), None);
        assert_eq!(accepted(current, current - 1), Some(current));
    }

    #[test]
    fn people_type_codes_in_their_own_way() {
        for typed in ["287082", "287 082", " 287-082 ", "２８７０８２", "2 8 7 0 8 2"] {
            assert_eq!(Code::parse(typed).map(|code| code.expose()).as_deref(), Some("287082"), "{typed}");
        }
        for typed in ["", "28708", "2870821", "28708a", "೨೮೭೦೮೨", "287.082", "-1", &"1".repeat(1000)] {
            assert_eq!(Code::parse(typed), None, "{typed}");
        }
    }

    #[test]
    fn the_address_names_the_organisation_and_cannot_be_bent() {
        let uri = seed().uri("Clinic & Söhne", "a/b?c:d");

        assert_eq!(
            uri,
            "otpauth://totp/Clinic%20%26%20S%C3%B6hne:a%2Fb%3Fc%3Ad?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Clinic%20%26%20S%C3%B6hne&algorithm=SHA1&digits=6&period=30"
        );
    }

    #[test]
    fn nothing_of_it_is_printed() {
        assert_eq!(format!("{:?} {:?}", seed(), seed().code(1)), "Seed(…) Code(…)");
    }

    proptest! {
        #[test]
        fn a_seed_survives_its_text(bytes: [u8; 20]) {
            let typed = Seed(bytes).base32().to_lowercase();
            prop_assert_eq!(Seed::parse(&typed).map(|seed| seed.0), Some(bytes));
        }

        #[test]
        fn reading_never_panics(text in ".{0,100}") {
            let _ = (Seed::parse(&text), Code::parse(&text));
        }

        #[test]
        fn another_implementation_makes_the_same_codes(bytes: [u8; 20], seconds in 0u64..20_000_000_000) {
            let other = totp_rs::Builder::new().with_secret(bytes.to_vec()).with_algorithm(totp_rs::Algorithm::SHA1)
                .with_digits(6).with_step_duration(30).build_noncompliant();
            let ours = Seed(bytes).code(step_of(at(i64::try_from(seconds).expect("small"))));
            prop_assert_eq!(other.generate(seconds).to_string(), ours.expose());
        }
    }
}
