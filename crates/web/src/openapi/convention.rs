//! What a name says about its value (api.md, "Conventions"): put into the schemas of all bodies and answers, so that no handler has to repeat it.
//!
//! Bounds of bodies stand here as they are enforced where the bodies are read; a test sends what violates them and expects a refusal.

use serde_json::{Value, json};

/// Slugs separated by `/`, at most twelve (`domain::unit`).
const UNIT: &str = "^(/|(/[a-z][a-z0-9-]{0,62}){1,12})$";
/// `domain::role::RoleName`.
const SLUG: &str = "^[a-z][a-z0-9-]{1,62}$";

/// Puts it into a schema and all that is in it.
pub(super) fn apply(schema: &mut Value) {
    // What may not have other members is a body: bounds are for those who send.
    let body = schema["additionalProperties"] == false;
    for (name, property) in schema.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten() {
        if !is_text(property) {
            continue;
        }
        let known = if is_instant(name) {
            json!({ "format": "date-time" })
        } else {
            bounds(name).filter(|_| body).unwrap_or_default()
        };
        for (keyword, value) in known.as_object().into_iter().flatten() {
            if property.get(keyword).is_none() {
                property[keyword] = value.clone();
            }
        }
    }
    if body {
        without_sets(schema);
    }
    match schema {
        Value::Object(members) => members.values_mut().for_each(apply),
        Value::Array(items) => items.iter_mut().for_each(apply),
        _ => {}
    }
}

/// What is sent twice counts once: a list that is read into a set is not refused.
fn without_sets(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            members.remove("uniqueItems");
            members.values_mut().for_each(without_sets);
        }
        Value::Array(items) => items.iter_mut().for_each(without_sets),
        _ => {}
    }
}

fn is_text(property: &Value) -> bool {
    property["type"] == "string" || property["type"].as_array().is_some_and(|all| all.contains(&"string".into()))
}

fn is_instant(name: &str) -> bool {
    name == "at" || ["_at", "_from", "_until", "_deadline"].iter().any(|end| name.ends_with(end))
}

fn bounds(name: &str) -> Option<Value> {
    Some(match name {
        "reason" => json!({ "minLength": 3, "maxLength": 500 }),
        "unit" | "parent" => json!({ "pattern": UNIT, "maxLength": 400 }),
        "role" => json!({ "pattern": SLUG }),
        "username" => json!({ "minLength": 3, "maxLength": 64 }),
        "display_name" | "given_name" | "family_name" | "phone" | "locale" | "external_id" => {
            json!({ "minLength": 1, "maxLength": 200 })
        }
        "email" => json!({ "minLength": 3, "maxLength": 254, "format": "idn-email" }),
        "label" | "device_label" => json!({ "minLength": 1, "maxLength": 100 }),
        "transaction" => json!({ "minLength": 43, "maxLength": 43 }),
        _ => return None,
    })
}
