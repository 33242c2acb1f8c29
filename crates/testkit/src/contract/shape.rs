//! JSON against a schema: the part of JSON Schema 2020-12 that our document uses. A keyword that is not known here fails the test.
//!
//! Stricter than the standard in one thing: a member that the schema does not name is a violation, since nobody would find it in the document.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// What a value lacks, each with its place.
pub(super) fn violations(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut check = Check { document, found: Vec::new() };
    check.value("", schema, value, true);
    check.found
}

struct Check<'d> {
    document: &'d Value,
    found: Vec<String>,
}

const KNOWN: [&str; 24] = [
    "$ref",
    "type",
    "enum",
    "const",
    "properties",
    "required",
    "additionalProperties",
    "propertyNames",
    "items",
    "uniqueItems",
    "allOf",
    "oneOf",
    "anyOf",
    "format",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "pattern",
    "description",
    "default",
    "title",
];

impl<'d> Check<'d> {
    fn say(&mut self, at: &str, what: impl std::fmt::Display) {
        self.found.push(format!("at {:?}: {what}", if at.is_empty() { "/" } else { at }));
    }

    /// `closed`: members that are not named are violations; parts of an `allOf` know only their own.
    fn value(&mut self, at: &str, schema: &'d Value, value: &Value, closed: bool) {
        let Some(all) = schema.as_object() else { return };
        for keyword in
            all.keys().filter(|keyword| !KNOWN.contains(&keyword.as_str()) && !keyword.starts_with("example"))
        {
            self.say(at, format!("the test knows no keyword {keyword:?}"));
        }
        if let Some(target) = self.target(schema) {
            self.value(at, target, value, closed);
        }
        for part in schema["allOf"].as_array().into_iter().flatten() {
            self.value(at, part, value, false);
        }
        for word in ["oneOf", "anyOf"] {
            self.one_of(at, schema[word].as_array(), value);
        }
        self.kind(at, all, value);
        self.bounds(at, all, value);
        if let Some(members) = value.as_object() {
            self.members(at, schema, members, closed);
        }
        if let (Some(items), Some(schema)) = (value.as_array(), all.get("items")) {
            for (index, item) in items.iter().enumerate() {
                self.value(&format!("{at}/{index}"), schema, item, true);
            }
        }
    }

    fn target(&self, schema: &Value) -> Option<&'d Value> {
        let reference = schema["$ref"].as_str()?;
        Some(self.document.pointer(reference.trim_start_matches('#')).expect("a reference leads somewhere"))
    }

    fn one_of(&mut self, at: &str, choices: Option<&'d Vec<Value>>, value: &Value) {
        let Some(choices) = choices else { return };
        let tried = choices.iter().map(|choice| violations(self.document, choice, value));
        if let Some(least) = tried.min_by_key(Vec::len).filter(|least| !least.is_empty()) {
            self.say(at, format!("none of the choices; the nearest: {least:?}"));
        }
    }

    fn kind(&mut self, at: &str, schema: &Map<String, Value>, value: &Value) {
        let is = |kind: &Value| match kind.as_str() {
            Some("null") => value.is_null(),
            Some("boolean") => value.is_boolean(),
            Some("integer") => value.is_i64() || value.is_u64(),
            Some("number") => value.is_number(),
            Some("string") => value.is_string(),
            Some("array") => value.is_array(),
            Some("object") => value.is_object(),
            _ => false,
        };
        let good = match schema.get("type") {
            Some(Value::Array(kinds)) => kinds.iter().any(is),
            Some(kind) => is(kind),
            None => true,
        };
        if !good {
            self.say(at, format!("{value} is no {}", schema["type"]));
        }
        if schema.get("enum").and_then(Value::as_array).is_some_and(|all| !all.contains(value)) {
            self.say(at, format!("{value} is none of {}", schema["enum"]));
        }
        if schema.get("const").is_some_and(|only| only != value) {
            self.say(at, format!("{value} is not {}", schema["const"]));
        }
    }

    fn bounds(&mut self, at: &str, schema: &Map<String, Value>, value: &Value) {
        let bound = |word: &str| schema.get(word).and_then(Value::as_f64);
        let mut within = |size: Option<f64>, least: &str, most: &str| {
            let Some(size) = size else { return };
            if bound(least).is_some_and(|least| size < least) || bound(most).is_some_and(|most| size > most) {
                self.say(at, format!("{value} is out of bounds"));
            }
        };
        #[expect(clippy::cast_precision_loss, reason = "nothing here is that long")]
        let length = |count: usize| count as f64;
        within(value.as_f64(), "minimum", "maximum");
        within(value.as_str().map(|text| length(text.chars().count())), "minLength", "maxLength");
        within(value.as_array().map(|items| length(items.len())), "minItems", "maxItems");
        if let (Some(text), Some(format)) = (value.as_str(), schema.get("format").and_then(Value::as_str)) {
            let good = match format {
                "date-time" => domain::time::Timestamp::parse_rfc3339(text).is_some(),
                "uuid" => text.parse::<uuid::Uuid>().is_ok(),
                _ => true,
            };
            if !good {
                self.say(at, format!("{text:?} is no {format}"));
            }
        }
    }

    fn members(&mut self, at: &str, schema: &'d Value, members: &Map<String, Value>, closed: bool) {
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !members.contains_key(name) {
                self.say(&format!("{at}/{name}"), "missing");
            }
        }
        // A schema that names nothing is open: `Object`.
        let named = self.named(schema);
        let others = schema.get("additionalProperties").filter(|rest| rest.is_object());
        for (name, value) in members {
            let at = format!("{at}/{name}");
            match (schema["properties"].get(name), others) {
                (Some(own), _) => self.value(&at, own, value, true),
                (None, Some(others)) => self.value(&at, others, value, true),
                (None, None) if closed && !named.is_empty() && !named.contains(name.as_str()) => {
                    self.say(&at, "not in the document");
                }
                (None, None) => {}
            }
        }
    }

    /// The members that a schema names, itself or in its parts.
    fn named(&self, schema: &'d Value) -> BTreeSet<&'d str> {
        let own = schema["properties"].as_object().into_iter().flat_map(|own| own.keys().map(String::as_str));
        let choices =
            ["allOf", "oneOf", "anyOf"].iter().flat_map(|word| schema[*word].as_array().into_iter().flatten());
        own.chain(choices.chain(self.target(schema)).flat_map(|part| self.named(part))).collect()
    }
}
