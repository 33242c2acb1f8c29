//! People: what they may be called, how they are found at sign-in, and the states of an account.

use thiserror::Error;
use unicode_normalization::UnicodeNormalization;

/// Why a name or address was refused. The texts say what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NameError {
    /// Too short or too long.
    #[error("must be {0} to {1} characters")]
    Length(usize, usize),
    /// A character that may not stand there.
    #[error("has a character that is not allowed here")]
    Character,
    /// Not an e-mail address.
    #[error("is not an e-mail address like name@example.org")]
    Email,
}

/// NFKC, lower case, trimmed: how names are compared.
#[must_use]
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        // Normal already.
        return text.trim().to_ascii_lowercase();
    }
    text.trim().nfkc().flat_map(char::to_lowercase).nfkc().collect()
}

fn bounded(text: &str, least: usize, most: usize) -> Result<(), NameError> {
    let length = text.chars().count();
    if length < least || length > most { Err(NameError::Length(least, most)) } else { Ok(()) }
}

/// A sign-in name: 3 to 64 characters, lower case, unique in its realm.
///
/// Stored and compared in this form. Letters, digits, `.`, `_`, `-`; starts with a letter or digit; never an e-mail address.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Username(String);

impl TryFrom<String> for Username {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        Self::parse(&text)
    }
}

impl From<Username> for String {
    fn from(value: Username) -> Self {
        value.0
    }
}

impl Username {
    /// Normalises and checks `text`.
    ///
    /// # Errors
    /// [`NameError::Length`], [`NameError::Character`].
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if text.len() > 1000 {
            return Err(NameError::Length(3, 64));
        }
        let folded = fold(text);
        bounded(&folded, 3, 64)?;
        let good = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-');
        let starts = folded.starts_with(char::is_alphanumeric);
        // Letters that look Latin and are not, among letters that are: one name could pass for another.
        let latin = folded.chars().any(|c| c.is_ascii_alphabetic());
        let other = folded.chars().any(|c| matches!(c, '\u{370}'..='\u{3ff}' | '\u{400}'..='\u{52f}'));
        if latin && other {
            return Err(NameError::Character);
        }
        if starts && folded.chars().all(good) { Ok(Self(folded)) } else { Err(NameError::Character) }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What somebody is called on pages: 1 to 200 characters, no control characters.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DisplayName(String);

impl TryFrom<String> for DisplayName {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        Self::parse(&text)
    }
}

impl From<DisplayName> for String {
    fn from(value: DisplayName) -> Self {
        value.0
    }
}

impl DisplayName {
    /// Trims and checks `text`.
    ///
    /// # Errors
    /// [`NameError::Length`], [`NameError::Character`].
    pub fn parse(text: &str) -> Result<Self, NameError> {
        printable(text, 1, 200).map(Self)
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Trims `text`, refuses control characters and what is shorter or longer than the bounds (characters).
///
/// # Errors
/// [`NameError::Length`], [`NameError::Character`].
pub fn printable(text: &str, least: usize, most: usize) -> Result<String, NameError> {
    let text: String = text.trim().nfc().collect();
    bounded(&text, least, most)?;
    // Bidirectional overrides make a name read as another one.
    // What nobody sees makes two names look the same; joiners alone are needed, by Persian and by Indic scripts.
    let unseen = |c: char| {
        matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}')
            || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
    };
    let bad = |c: char| c.is_control() || unseen(c);
    if text.chars().any(bad) { Err(NameError::Character) } else { Ok(text) }
}

/// An e-mail address, as typed; compared by [`Email::key`].
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Email(String);

impl TryFrom<String> for Email {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        Self::parse(&text)
    }
}

impl From<Email> for String {
    fn from(value: Email) -> Self {
        value.0
    }
}

impl Email {
    /// Checks that mail can be addressed to `text` and that it cannot break out of a mail header.
    ///
    /// # Errors
    /// [`NameError`].
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let text = printable(text, 3, 254)?;
        let (local, host) = text.rsplit_once('@').ok_or(NameError::Email)?;
        let local_ok = !local.is_empty()
            && local.len() <= 64
            && local.chars().all(|c| c.is_alphanumeric() || "!#$%&'*+/=?^_`{|}~.-".contains(c));
        let label =
            |l: &str| !l.is_empty() && !l.starts_with('-') && l.chars().all(|c| c.is_alphanumeric() || c == '-');
        if local_ok && host.split('.').all(label) { Ok(Self(text)) } else { Err(NameError::Email) }
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// How it is compared.
    #[must_use]
    pub fn key(&self) -> String {
        fold(&self.0)
    }
}

/// What somebody typed to say who they are: a username or an e-mail address, folded. It may be nobody's, or a password typed
/// in the wrong field: it is neither stored nor logged.
#[derive(Clone)]
pub struct Identifier(String);

impl Identifier {
    /// The longest that is looked at, in bytes; longer ones match nobody.
    pub const LONGEST: usize = 1024;

    /// Folds what was typed.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut end = text.len().min(Self::LONGEST);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        Self(fold(&text[..end]).replace('\0', "\u{fffd}"))
    }

    /// As it is compared.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Identifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Identifier(…)")
    }
}

/// What a change does to a value that may be absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Change<T> {
    /// It stays as it is.
    #[default]
    Keep,
    /// It is taken away.
    Clear,
    /// It becomes this.
    To(T),
}

impl<T: Clone> Change<T> {
    /// The value afterwards.
    #[must_use]
    pub fn apply(&self, before: Option<T>) -> Option<T> {
        match self {
            Self::Keep => before,
            Self::Clear => None,
            Self::To(value) => Some(value.clone()),
        }
    }
}

/// The state of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// May sign in.
    Active,
    /// May not, until enabled.
    Disabled,
    /// Has not chosen a password yet.
    Invited,
    /// A tombstone: the id stays, the person is gone.
    Deleted,
}

impl Status {
    /// As stored and sent.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
            Self::Invited => "invited",
            Self::Deleted => "deleted",
        }
    }

    /// Reads [`Status::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Active, Self::Disabled, Self::Invited, Self::Deleted].into_iter().find(|s| s.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_username_is_folded_once_and_for_all() {
        let name = Username::parse(" Nurse.JOY ").expect("a name");

        assert_eq!(name.as_str(), "nurse.joy");
        assert_eq!(Identifier::new("nurse.joy").key(), Identifier::new("ＮＵＲＳＥ.joy ").key());
    }

    #[test]
    fn a_username_mixes_no_scripts_that_look_alike_and_has_one_normal_form() {
        for text in ["p\u{430}ypal", "nurse.j\u{3bf}y", "\u{455}ister"] {
            assert_eq!(Username::parse(text), Err(NameError::Character), "{text}");
        }
        assert!(Username::parse("\u{43c}\u{435}\u{434}\u{441}\u{435}\u{441}\u{442}\u{440}\u{430}").is_ok());
        assert_eq!(Username::parse("jos\u{e9}"), Username::parse("jose\u{301}"));
    }

    #[test]
    fn what_is_no_username_is_refused() {
        for text in ["ab", &"a".repeat(65), "a b c", "a\0bc", "joy@ward.example", ".joy", "jo\ny", "joy\u{202e}"] {
            assert!(Username::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_address_cannot_break_out_of_a_mail_header() {
        for text in
            ["a@b\r\nBcc: c@d.example", "a@b,c@d", "<a@b>", "a b@c.example", "a@", "@b", "a@-b", "a@b..c", "\"x\"@y"]
        {
            assert!(Email::parse(text).is_err(), "{text:?}");
        }
        assert!(Email::parse("jöy.o'hara+ward@klinik.example").is_ok());
    }

    #[test]
    fn a_name_cannot_hold_control_characters_or_turn_its_reading_direction() {
        for text in ["", " ", "a\u{7}b", "a\u{1b}[31m", "a\r\nb", "\u{202e}eoJ"] {
            assert!(DisplayName::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn ten_megabytes_of_identifier_are_cut_before_they_cost_anything() {
        assert!(Identifier::new(&"é".repeat(5_000_000)).key().len() <= Identifier::LONGEST);
    }
}
