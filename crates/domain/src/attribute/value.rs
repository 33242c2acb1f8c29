//! One value of an attribute: what its kind and its format allow.

use serde_json::Value;

use super::{Attribute, AttributeError, AttributeKind, AttributeValue, TextFormat};
use crate::user::{NameError, printable};

/// The largest integer that every JSON reader keeps exactly (RFC 8259, section 6).
pub(super) const LARGEST: i64 = (1 << 53) - 1;

impl Attribute {
    /// Fewest characters of a text.
    #[must_use]
    pub fn fewest(&self) -> u16 {
        self.shortest.unwrap_or(1)
    }

    /// Most characters of a text.
    #[must_use]
    pub fn most_characters(&self) -> u16 {
        self.longest.unwrap_or(200)
    }

    /// Checks one value that is there.
    pub(super) fn parse(&self, value: &Value) -> Result<AttributeValue, AttributeError> {
        match (self.kind, value) {
            (AttributeKind::Text, Value::String(text)) => self.text(text).map(AttributeValue::Text),
            (AttributeKind::Integer, Value::Number(number)) => {
                self.integer(number.as_i64()).map(AttributeValue::Integer)
            }
            (AttributeKind::Boolean, Value::Bool(value)) => Ok(AttributeValue::Boolean(*value)),
            (AttributeKind::Date, Value::String(text)) if is_day(text) => Ok(AttributeValue::Text(text.clone())),
            (AttributeKind::Choice, Value::String(text)) if self.choices.contains(text) => {
                Ok(AttributeValue::Text(text.clone()))
            }
            (AttributeKind::Choice, Value::String(_)) => Err(self.refuse("choice", self.expected())),
            (AttributeKind::Date, Value::String(_)) => Err(self.refuse("format", self.expected())),
            _ => Err(self.refuse("invalid", self.expected())),
        }
    }

    fn refuse(&self, code: &'static str, expected: impl std::fmt::Display) -> AttributeError {
        AttributeError::new(&self.name, code, format!("Expected {expected}."))
    }

    /// What the kind expects, in words that follow "Expected".
    #[must_use]
    pub fn expected(&self) -> String {
        match self.kind {
            AttributeKind::Text => match self.format {
                Some(format) => format.says().to_owned(),
                None => format!("a text of {} to {} characters", self.fewest(), self.most_characters()),
            },
            AttributeKind::Integer => {
                format!("a whole number from {} to {}", self.least.unwrap_or(-LARGEST), self.most.unwrap_or(LARGEST))
            }
            AttributeKind::Boolean => "true or false".to_owned(),
            AttributeKind::Date => "a day written like 2026-11-21".to_owned(),
            AttributeKind::Choice => format!("one of: {}", self.choices.join(", ")),
        }
    }

    fn text(&self, text: &str) -> Result<String, AttributeError> {
        // Normalising ten megabytes is work that nobody asked for.
        if text.len() > 8 * usize::from(super::LONGEST_TEXT) {
            return Err(self.refuse_length());
        }
        let text =
            printable(text, self.fewest().into(), self.most_characters().into()).map_err(|error| match error {
                NameError::Length(..) => self.refuse_length(),
                NameError::Character | NameError::Email => {
                    self.refuse("character", "letters, digits and signs on one line, without control characters")
                }
            })?;
        match self.format {
            Some(format) => format.parse(&text).ok_or_else(|| self.refuse("format", format.says())),
            None => Ok(text),
        }
    }

    fn refuse_length(&self) -> AttributeError {
        self.refuse("length", format_args!("{} to {} characters", self.fewest(), self.most_characters()))
    }

    fn integer(&self, number: Option<i64>) -> Result<i64, AttributeError> {
        let (least, most) = (self.least.unwrap_or(-LARGEST), self.most.unwrap_or(LARGEST));
        number.filter(|n| (least..=most).contains(n)).ok_or_else(|| self.refuse("range", self.expected()))
    }
}

impl TextFormat {
    const fn says(self) -> &'static str {
        match self {
            Self::Digits => "digits alone",
            Self::Code => "letters from A to Z, digits, and - . / or a space between them",
            Self::Npi => "a National Provider Identifier: ten digits of which the last is the check digit",
            Self::Dea => "a DEA number: two letters and seven digits of which the last is the check digit",
        }
    }

    /// The text as it is stored, or nothing when it does not fit.
    fn parse(self, text: &str) -> Option<String> {
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        match self {
            Self::Digits => digits(text).then(|| text.to_owned()),
            Self::Code => is_code(text).then(|| text.to_owned()),
            Self::Npi => (text.len() == 10 && digits(text) && is_npi(text)).then(|| text.to_owned()),
            Self::Dea => {
                let upper = text.to_ascii_uppercase();
                is_dea(&upper).then_some(upper)
            }
        }
    }
}

fn is_code(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'/' | b' ');
    let edge = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric());
    edge(text.bytes().next()) && edge(text.bytes().last()) && text.bytes().all(inner)
}

/// Luhn's sum over `80840` and the ten digits; an NPI begins with 1 or 2 (CMS, "NPI check digit", 2004; ISO/IEC 7812-1).
fn is_npi(ten_digits: &str) -> bool {
    /// What `80840` adds.
    const PREFIX: u32 = 24;
    let sum = ten_digits.bytes().rev().enumerate().fold(PREFIX, |sum, (at, byte)| {
        let digit = u32::from(byte - b'0');
        let doubled = digit * 2;
        sum + if at % 2 == 0 { digit } else { doubled / 10 + doubled % 10 }
    });
    ten_digits.starts_with(['1', '2']) && sum % 10 == 0
}

/// Two letters (the second may be a digit 9 for a business), then digits whose weighted sum ends in the last one.
fn is_dea(upper: &str) -> bool {
    let [kind, name, digits @ ..] = upper.as_bytes() else { return false };
    let letters = kind.is_ascii_uppercase() && (name.is_ascii_uppercase() || *name == b'9');
    if !letters || digits.len() != 7 || !digits.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let weighted =
        [1u32, 2, 1, 2, 1, 2].iter().zip(digits).map(|(weight, b)| weight * u32::from(b - b'0')).sum::<u32>();
    digits.last().is_some_and(|last| u32::from(last - b'0') == weighted % 10)
}

/// `YYYY-MM-DD`, a day that exists (RFC 3339, full-date).
fn is_day(text: &str) -> bool {
    let format = time::macros::format_description!("[year]-[month]-[day]");
    text.len() == 10 && text.starts_with(|c: char| c.is_ascii_digit()) && time::Date::parse(text, format).is_ok()
}
