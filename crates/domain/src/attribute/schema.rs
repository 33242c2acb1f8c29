//! The schema itself: what a definition of an attribute may say.

use std::collections::BTreeSet;

use super::value::LARGEST;
use super::{Attribute, AttributeKind, AttributeSchema, LONGEST_TEXT, MOST};
use crate::user::printable;

/// What is wrong with a schema, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaMistake {
    /// Which attribute, counted from 0.
    pub index: usize,
    /// Which key of it: `choices`.
    pub key: &'static str,
    /// What was expected.
    pub text: String,
}

impl AttributeSchema {
    /// Finds every definition that contradicts itself.
    #[must_use]
    pub fn mistakes(&self) -> Vec<SchemaMistake> {
        let mut found = Vec::new();
        let mut seen = BTreeSet::new();
        for (index, attribute) in self.attributes.iter().enumerate() {
            let mut wrong = |key: &'static str, text: String| found.push(SchemaMistake { index, key, text });
            if index == MOST {
                wrong("name", format!("a schema has at most {MOST} attributes"));
            }
            if !seen.insert(attribute.name.as_str()) {
                wrong("name", format!("there is an attribute {} already", attribute.name));
            }
            attribute.mistakes(&mut wrong);
        }
        found
    }
}

impl Attribute {
    fn mistakes(&self, wrong: &mut impl FnMut(&'static str, String)) {
        if !is_name(&self.name) {
            wrong("name", "1 to 40 lower-case letters, digits and _, starting with a letter: licence_number".into());
        }
        if printable(&self.title, 1, 80).is_err() {
            wrong("title", "a text of 1 to 80 characters".into());
        }
        if printable(&self.description, 0, 300).is_err() {
            wrong("description", "a text of at most 300 characters".into());
        }
        self.misplaced(wrong);
        if !(1..=self.most_characters()).contains(&self.fewest()) {
            wrong("shortest", "at least 1, and not more than longest".into());
        }
        if self.most_characters() > LONGEST_TEXT {
            wrong("longest", format!("at most {LONGEST_TEXT}"));
        }
        let (least, most) = (self.least.unwrap_or(-LARGEST), self.most.unwrap_or(LARGEST));
        if least > most || least < -LARGEST || most > LARGEST {
            wrong("least", format!("not more than most; both between -{LARGEST} and {LARGEST}"));
        }
        let distinct: BTreeSet<&String> = self.choices.iter().collect();
        let printable_choices = self.choices.iter().all(|text| printable(text, 1, 80).is_ok_and(|same| same == *text));
        if self.choices.len() > 100 || distinct.len() < self.choices.len() || !printable_choices {
            wrong("choices", "at most 100 different texts of 1 to 80 characters".into());
        }
    }

    /// Keys that belong to another kind: silently ignored they would be taken for rules that hold.
    fn misplaced(&self, wrong: &mut impl FnMut(&'static str, String)) {
        let text = self.kind == AttributeKind::Text;
        let integer = self.kind == AttributeKind::Integer;
        let choice = self.kind == AttributeKind::Choice;
        if self.format.is_some() && !text {
            wrong("format", "only with kind = \"text\"".into());
        }
        if (self.shortest.is_some() || self.longest.is_some()) && !text {
            wrong(if self.shortest.is_some() { "shortest" } else { "longest" }, "only with kind = \"text\"".into());
        }
        if (self.least.is_some() || self.most.is_some()) && !integer {
            wrong(if self.least.is_some() { "least" } else { "most" }, "only with kind = \"integer\"".into());
        }
        if choice == self.choices.is_empty() {
            let says = if choice { "the texts to choose from" } else { "only with kind = \"choice\"" };
            wrong("choices", says.into());
        }
    }
}

fn is_name(text: &str) -> bool {
    (1..=40).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}
