//! Attributes: what a realm keeps of a person beyond name and address (NPI, licence number), and the schema that says so.
//!
//! A profile brings the schema; it is JSON in the realm's row, and the same structure in the profile's TOML. What the schema
//! does not name cannot be stored. The rules for one value are `attribute::value`.

mod schema;
mod value;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use schema::SchemaMistake;

/// Most attributes of a schema.
pub const MOST: usize = 50;
/// Most characters of a text, whatever the schema says.
pub const LONGEST_TEXT: u16 = 500;

/// Which attributes a person of the realm may carry, in the order in which forms show them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttributeSchema {
    /// Each of them. Absent in a realm that never had a profile (`{}`).
    #[serde(default)]
    pub attributes: Vec<Attribute>,
}

/// One attribute that a person may carry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attribute {
    /// Its name in JSON: `npi`.
    pub name: String,
    /// Its name for people: `National Provider Identifier`.
    pub title: String,
    /// What it is, for who fills it in.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// What kind of value.
    pub kind: AttributeKind,
    /// How a text must be written; only with `kind = "text"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<TextFormat>,
    /// Fewest characters of a text (1 unless given).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shortest: Option<u16>,
    /// Most characters of a text (200 unless given).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longest: Option<u16>,
    /// The smallest integer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least: Option<i64>,
    /// The largest integer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most: Option<i64>,
    /// The texts of a choice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
    /// Whether a new person must have it. Of people who were there before it was required, nothing is asked.
    #[serde(default, skip_serializing_if = "is_false")]
    pub required: bool,
    /// Whether the person does not see it in their own data. Administrators do.
    #[serde(default, skip_serializing_if = "is_false")]
    pub hidden: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde calls")]
const fn is_false(value: &bool) -> bool {
    !*value
}

/// What kind of value an attribute holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AttributeKind {
    /// One line of text.
    Text,
    /// A whole number.
    Integer,
    /// Yes or no.
    Boolean,
    /// A day: `2026-11-21`.
    Date,
    /// One of `choices`.
    Choice,
}

/// How a text attribute must be written. A closed list instead of patterns: each can say what it expects in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TextFormat {
    /// Digits alone: a National Producer Number.
    Digits,
    /// ASCII letters, digits, and `-` `.` `/` or a space between them: a licence number.
    Code,
    /// A National Provider Identifier: ten digits with their check digit (45 CFR 162.406).
    Npi,
    /// A DEA registration number: two letters and seven digits with their check digit.
    Dea,
}

/// A person's attributes, checked against a schema; ordered, so that their JSON is always the same text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Attributes(BTreeMap<String, AttributeValue>);

/// One checked value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum AttributeValue {
    /// Yes or no.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// Text, a date or a choice.
    Text(String),
}

impl std::fmt::Display for AttributeValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Boolean(value) => value.fmt(f),
            Self::Integer(value) => value.fmt(f),
            Self::Text(value) => value.fmt(f),
        }
    }
}

impl Attributes {
    /// One of them.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&AttributeValue> {
        self.0.get(name)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &AttributeValue)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Why a value was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributeError {
    /// Where, as a JSON pointer from the object of attributes: `/npi`.
    pub pointer: String,
    /// The stable name for programs: `unknown_field`, `required`, `invalid`, `length`, `character`, `format`, `range`, `choice`.
    pub code: &'static str,
    /// What was expected, for people; never the value.
    pub text: String,
}

impl AttributeError {
    pub(super) fn new(name: &str, code: &'static str, text: impl Into<String>) -> Self {
        let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
        Self { pointer, code, text: text.into() }
    }
}

impl AttributeSchema {
    /// The attribute of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }

    /// Checks the attributes of a new person: each value by its kind, required ones present. `null` counts as absent.
    ///
    /// # Errors
    /// Every mistake, not only the first.
    pub fn check(&self, values: &Map<String, Value>) -> Result<Attributes, Vec<AttributeError>> {
        let (after, mut errors) = self.merge(&Attributes::default(), values);
        let missing = self.attributes.iter().filter(|one| one.required && absent(values, &one.name));
        errors.extend(missing.map(|one| AttributeError::new(&one.name, "required", "This field is required.")));
        if errors.is_empty() { Ok(after) } else { Err(errors) }
    }

    /// Checks a change of a person's attributes (RFC 7396): what is named is set, `null` takes away, the rest stays, also what the
    /// schema no longer names. A required one cannot be taken away; that it was never there is no mistake of this change.
    ///
    /// # Errors
    /// Every mistake, not only the first.
    pub fn change(&self, before: &Attributes, changes: &Map<String, Value>) -> Result<Attributes, Vec<AttributeError>> {
        let (after, mut errors) = self.merge(before, changes);
        let cleared = self.attributes.iter().filter(|one| {
            one.required && before.get(&one.name).is_some() && changes.get(&one.name).is_some_and(Value::is_null)
        });
        errors.extend(cleared.map(|one| AttributeError::new(&one.name, "required", "This field is required.")));
        if errors.is_empty() { Ok(after) } else { Err(errors) }
    }

    /// Those that the person sees in their own data.
    #[must_use]
    pub fn own_view(&self, all: &Attributes) -> Attributes {
        let shown = |name: &str| self.get(name).is_none_or(|attribute| !attribute.hidden);
        Attributes(all.0.iter().filter(|(name, _)| shown(name)).map(|(n, v)| (n.clone(), v.clone())).collect())
    }

    fn merge(&self, before: &Attributes, changes: &Map<String, Value>) -> (Attributes, Vec<AttributeError>) {
        let (mut after, mut errors) = (before.clone(), Vec::new());
        for (name, value) in changes {
            let checked = match (self.get(name), value) {
                // What the schema no longer names can still be taken away.
                (None, Value::Null) if before.get(name).is_some() => Ok(None),
                (None, _) => Err(AttributeError::new(name, "unknown_field", "There is no such attribute here.")),
                (Some(_), Value::Null) => Ok(None),
                (Some(attribute), value) => attribute.parse(value).map(Some),
            };
            match checked {
                Ok(Some(value)) => drop(after.0.insert(name.clone(), value)),
                Ok(None) => drop(after.0.remove(name)),
                Err(error) => errors.push(error),
            }
        }
        (after, errors)
    }
}

fn absent(values: &Map<String, Value>, name: &str) -> bool {
    values.get(name).is_none_or(Value::is_null)
}
