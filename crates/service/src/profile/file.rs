//! Reading a profile's file: what is wrong is told with line, key and what was expected, everything at once as far as it can be read.

use std::fmt;

use domain::profile::Profile;
use domain::profile::mistake::{Mistake, Step};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Larger than any profile that keeps to the limits of names and counts.
const LARGEST: usize = 1 << 20;

/// A mistake and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Counted from 1.
    pub line: usize,
    /// `inherits of role nurse`; empty for what is no TOML at all.
    pub key: String,
    /// What was expected, and what stands there.
    pub expected: String,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, key, expected } = self;
        if key.is_empty() { write!(f, "line {line}: {expected}") } else { write!(f, "line {line}: {key} {expected}") }
    }
}

/// Reads and checks a profile.
///
/// # Errors
/// Every mistake, in the order of lines.
pub(super) fn parse(text: &str) -> Result<Profile, Vec<Told>> {
    if text.len() > LARGEST {
        return Err(vec![told(1, "", "a profile is a file of at most 1 MiB")]);
    }
    let table = DeTable::parse(text).map_err(|error| vec![unreadable(text, &error, None)])?;
    let profile: Profile = toml::from_str(text).map_err(|error| vec![unreadable(text, &error, Some(&table))])?;
    let mut found: Vec<Told> = profile.mistakes().iter().map(|mistake| located(text, &table, mistake)).collect();
    found.sort_by_key(|mistake| mistake.line);
    if found.is_empty() { Ok(profile) } else { Err(found) }
}

fn told(line: usize, key: &str, expected: &str) -> Told {
    Told { line, key: key.to_owned(), expected: expected.to_owned() }
}

fn line(text: &str, offset: usize) -> usize {
    1 + text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count()
}

/// Not TOML, or a key that is missing, unknown or of the wrong kind: the first one, as the reader stops there.
fn unreadable(text: &str, error: &toml::de::Error, table: Option<&Spanned<DeTable<'_>>>) -> Told {
    let offset = error.span().map_or(0, |span| span.start);
    let mut key = String::new();
    // What the whole file lacks is no matter of the key that stands first in it.
    let of_the_file =
        |table: &Spanned<DeTable<'_>>| error.message().starts_with("missing") && offset == table.span().start;
    if let Some(table) = table.filter(|table| !of_the_file(table)) {
        key_at(table.get_ref(), offset, &mut key);
    }
    let message = error.message().trim().replace('\n', "; ").replace('`', "\"");
    if key.is_empty() {
        told(line(text, offset), "", &message)
    } else {
        told(line(text, offset), &format!("{key}:"), &message)
    }
}

/// The dotted key that holds an offset: the innermost that covers it.
fn key_at(table: &DeTable<'_>, offset: usize, key: &mut String) {
    for (name, value) in table {
        if name.span().contains(&offset) || value.span().contains(&offset) || inside(value.get_ref(), offset) {
            if !key.is_empty() {
                key.push('.');
            }
            key.push_str(name.get_ref());
            value_at(value.get_ref(), offset, key);
            return;
        }
    }
}

fn value_at(value: &DeValue<'_>, offset: usize, key: &mut String) {
    match value {
        DeValue::Table(table) => key_at(table, offset, key),
        DeValue::Array(array) => {
            let holds = |one: &Spanned<DeValue<'_>>| one.span().contains(&offset) || inside(one.get_ref(), offset);
            if let Some(index) = array.iter().position(holds) {
                key.push_str(&format!("[{index}]"));
                value_at(array[index].get_ref(), offset, key);
            }
        }
        _ => {}
    }
}

/// A table's span is its header alone; what stands below the header is looked through.
fn inside(value: &DeValue<'_>, offset: usize) -> bool {
    let covers = |one: &Spanned<DeValue<'_>>| one.span().contains(&offset) || inside(one.get_ref(), offset);
    match value {
        DeValue::Table(table) => table.iter().any(|(name, value)| name.span().contains(&offset) || covers(value)),
        DeValue::Array(array) => array.iter().any(covers),
        _ => false,
    }
}

/// Follows the path of a mistake as far as the file has it: a missing key is told at the table that lacks it.
fn located(text: &str, table: &Spanned<DeTable<'_>>, mistake: &Mistake) -> Told {
    let mut offset = table.span().start;
    let mut value: Option<&DeValue<'_>> = None;
    for (depth, step) in mistake.path.iter().enumerate() {
        let next = match (step, value) {
            (Step::Key(key), None) if depth == 0 => entry(table.get_ref(), key),
            (Step::Key(key), Some(DeValue::Table(inner))) => entry(inner, key),
            (Step::Index(index), Some(DeValue::Array(array))) => array.get(*index).map(|one| (one.span().start, one)),
            _ => None,
        };
        let Some((start, found)) = next else { break };
        (offset, value) = (start, Some(found.get_ref()));
    }
    told(line(text, offset), &mistake.place, &mistake.expected)
}

/// A key's place and its value; the key's own line, since a list may begin on the next.
fn entry<'a, 'i>(table: &'a DeTable<'i>, key: &str) -> Option<(usize, &'a Spanned<DeValue<'i>>)> {
    table.iter().find(|(name, _)| name.get_ref() == key).map(|(name, value)| (name.span().start, value))
}

#[cfg(test)]
mod tests;
