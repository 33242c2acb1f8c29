//! What a new password must be: long enough for what it guards, not made of words that anybody would try here, not on the list.

use zeroize::Zeroizing;

use super::blocklist::Blocklist;
use super::{Password, PasswordError};
use crate::user::fold;

/// Fewest code points where the password can be the only factor (PW-01).
pub const LEAST_SINGLE_FACTOR: usize = 15;
/// Fewest code points where another factor is always required.
pub const LEAST_WITH_SECOND_FACTOR: usize = 12;
/// No policy goes below.
pub const FLOOR: usize = 8;
/// Shorter words say nothing about where they come from.
const LEAST_WORD: usize = 3;

/// What characters a password must have: nothing, unless a preset that departs from NIST SP 800-63B-4 asks for it (C-01).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Composition {
    /// Any.
    #[default]
    Any,
    /// A letter and a digit (PCI DSS, 8.3.6).
    LetterAndDigit,
    /// Three of capitals, small letters, digits and others.
    ThreeOfFour,
}

impl Composition {
    /// Of a preset.
    #[must_use]
    pub const fn of(preset: crate::policy::Preset) -> Self {
        match preset {
            crate::policy::Preset::Nist => Self::Any,
            crate::policy::Preset::Pci => Self::LetterAndDigit,
            crate::policy::Preset::Classic => Self::ThreeOfFour,
        }
    }

    /// For people.
    #[must_use]
    pub const fn text(self) -> Option<&'static str> {
        match self {
            Self::Any => None,
            Self::LetterAndDigit => Some("at least one letter and one digit"),
            Self::ThreeOfFour => Some("at least three of: capital letters, small letters, digits, other signs"),
        }
    }

    fn is_met(self, text: &str) -> bool {
        let has = |is: fn(char) -> bool| text.chars().any(is);
        match self {
            Self::Any => true,
            Self::LetterAndDigit => has(char::is_alphabetic) && has(char::is_numeric),
            Self::ThreeOfFour => {
                let classes = [
                    has(char::is_uppercase),
                    has(char::is_lowercase),
                    has(char::is_numeric),
                    has(|c| !c.is_alphanumeric()),
                ];
                classes.into_iter().filter(|there| *there).count() >= 3
            }
        }
    }
}

/// The rules for one password of one person.
#[derive(Clone, Debug)]
pub struct Rules<'r> {
    least: usize,
    composition: Composition,
    words: Vec<String>,
    blocklist: Option<&'r Blocklist<'r>>,
}

impl<'r> Rules<'r> {
    /// Rules about length alone. `always_second_factor`: this person never signs in with the password alone.
    #[must_use]
    pub fn new(always_second_factor: bool) -> Self {
        let least = if always_second_factor { LEAST_WITH_SECOND_FACTOR } else { LEAST_SINGLE_FACTOR };
        Self { least, composition: Composition::Any, words: Vec::new(), blocklist: None }
    }

    /// Another shortest length, but never below [`FLOOR`].
    #[must_use]
    pub fn at_least(mut self, least: usize) -> Self {
        self.least = least.max(FLOOR);
        self
    }

    /// Characters that must be there.
    #[must_use]
    pub const fn composed(mut self, composition: Composition) -> Self {
        self.composition = composition;
        self
    }

    /// Words that anybody would try here: product, organisation, names, addresses (PW-07). Their parts count too; of an address its local part.
    #[must_use]
    pub fn and_words<'w>(mut self, texts: impl IntoIterator<Item = &'w str>) -> Self {
        for text in texts {
            let folded = fold(text);
            let own = folded.split_once('@').map_or(folded.as_str(), |(local, _)| local);
            let parts = own.split(|c: char| !c.is_alphanumeric());
            let words = [folded.as_str(), own].into_iter().chain(parts);
            self.words.extend(words.filter(|word| word.chars().count() >= LEAST_WORD).map(str::to_owned));
        }
        // The longest first: what is taken out must not leave its end behind.
        self.words.sort_unstable_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        self.words.dedup();
        self
    }

    /// And a list of passwords that everybody tries (PW-06).
    #[must_use]
    pub const fn and_blocklist(mut self, blocklist: &'r Blocklist<'r>) -> Self {
        self.blocklist = Some(blocklist);
        self
    }

    /// Fewest code points.
    #[must_use]
    pub const fn least(&self) -> usize {
        self.least
    }

    /// Checks what was chosen. There is no rule about classes of characters, unless a policy asks for one by name (PW-04, PW-17).
    pub(super) fn check(&self, password: &Password) -> Result<(), PasswordError> {
        if password.text().chars().count() < self.least {
            return Err(PasswordError::TooShort(self.least));
        }
        if !self.composition.is_met(password.text()) {
            return Err(PasswordError::Composition);
        }
        let folded = Zeroizing::new(fold(password.text()));
        if self.is_made_of_words(&folded) {
            return Err(PasswordError::ContextWord);
        }
        if self.blocklist.is_some_and(|list| list.contains_folded(&folded)) {
            return Err(PasswordError::Blocklisted);
        }
        Ok(())
    }

    /// Whether nothing is left but digits, punctuation and spaces once the words are taken out.
    fn is_made_of_words(&self, folded: &Zeroizing<String>) -> bool {
        let mut rest = folded.clone();
        let mut found = false;
        for word in &self.words {
            if rest.contains(word.as_str()) {
                found = true;
                // A space, so that what stood on both sides does not become a word.
                rest = Zeroizing::new(rest.replace(word.as_str(), " "));
            }
        }
        found && rest.chars().all(|c| c.is_whitespace() || c.is_numeric() || c.is_ascii_punctuation())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Preset;

    fn refused(text: &str, rules: &Rules<'_>) -> Option<&'static str> {
        Password::chosen(text, rules).err().map(PasswordError::code)
    }

    #[test]
    fn pw_01_fifteen_where_it_can_be_the_only_factor_twelve_where_it_never_is() {
        let (alone, second) = (Rules::new(false), Rules::new(true));

        assert_eq!(refused("quietly moored", &alone), Some("too_short"));
        assert_eq!(refused("quietly moored!", &alone), None);
        assert_eq!(refused("quietly moo", &second), Some("too_short"));
        assert_eq!(refused("quietly moor", &second), None);
        assert_eq!(Rules::new(true).at_least(3).least(), FLOOR);
    }

    #[test]
    fn pw_03_fifteen_emoji_are_long_enough() {
        assert_eq!(refused(&"😀".repeat(15), &Rules::new(false)), None);
        assert_eq!(refused(&"😀".repeat(14), &Rules::new(false)), Some("too_short"));
    }

    #[test]
    fn pw_04_fifteen_lower_case_letters_are_good() {
        assert_eq!(refused("kalqozupimrevad", &Rules::new(false)), None);
    }

    #[test]
    fn pw_07_a_word_of_the_place_with_digits_and_punctuation_is_no_password() {
        let context =
            ["Bailiwick", "Havelmoor Clinic", "josephine.quarles", "Dr. Josephine Quarles", "jq87@clinic.example"];
        let rules = Rules::new(true).and_words(context);
        for text in [
            "Josephine.Quarles2026!",
            "2026!josephine.quarles",
            "quarlesjosephine1987",
            "BAILIWICK1234567",
            "12345678Bailiwick",
            "bailiwickbailiwick",
            "Havelmoor-Clinic-2026",
            "havelmoorclinic",
            "jq87@clinic.example",
            "jq87jq87jq87jq87",
            "ｂａｉｌｉｗｉｃｋ123456",
        ] {
            assert_eq!(refused(text, &rules), Some("context_word"), "{text}");
        }
        for text in ["the clinic opens at nine", "josephine sells oranges", "12345678901234567890 x y"] {
            assert_eq!(refused(text, &rules), None, "{text}");
        }
    }

    #[test]
    fn pw_17_composition_is_asked_for_by_a_preset_and_by_nothing_else() {
        let rules = |preset| Rules::new(false).composed(Composition::of(preset));

        assert_eq!(refused("quietly moored again", &rules(Preset::Nist)), None);
        assert_eq!(refused("quietly moored again", &rules(Preset::Pci)), Some("composition"));
        assert_eq!(refused("quietly moored again 7", &rules(Preset::Pci)), None);
        assert_eq!(refused("Quietlymooredagain", &rules(Preset::Classic)), Some("composition"));
        assert_eq!(refused("Quietly moored again", &rules(Preset::Classic)), None);
    }

    #[test]
    fn pw_07_words_of_two_letters_are_nobodys() {
        assert_eq!(refused("al12345678901234", &Rules::new(false).and_words(["al"])), None);
        assert_eq!(refused("12345678901234567", &Rules::new(false).and_words(["", "al"])), None);
    }
}
