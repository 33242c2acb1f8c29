//! The document's schemas: each name means one thing, and what a name says about its value is said in the schema too.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

use super::convention;
use super::refusal::pascal;

const PREFIX: &str = "#/components/schemas/";

/// Schemas by name, as they came: two files may each have a `RenameBody`.
#[derive(Default)]
pub(super) struct Schemas(BTreeMap<String, Value>);

impl Schemas {
    /// Adds the schemas of an operation. One whose name already means something else gets another name, there and in the operation.
    pub(super) fn add(&mut self, tag: &str, schemas: &[(String, RefOr<Schema>)], operation: &mut Value) {
        let mut new: BTreeMap<String, Value> = BTreeMap::new();
        for (name, schema) in schemas {
            new.insert(name.clone(), serde_json::to_value(schema).unwrap_or_default());
        }
        // Whoever refers to a renamed one is another one too, so this is looked at until nothing moves.
        while let Some(taken) =
            new.iter().find(|(name, schema)| self.differs(name, schema)).map(|(name, _)| name.clone())
        {
            let Some(schema) = new.remove(&taken) else { break };
            let mut other = format!("{}{taken}", pascal(tag));
            while self.differs(&other, &schema) {
                other.push('_');
            }
            new.insert(other.clone(), schema);
            let (from, to) = (format!("{PREFIX}{taken}"), format!("{PREFIX}{other}"));
            new.values_mut().for_each(|schema| refer(schema, &from, &to));
            refer(operation, &from, &to);
        }
        self.0.extend(new);
    }

    fn differs(&self, name: &str, schema: &Value) -> bool {
        self.0.get(name).is_some_and(|known| known != schema)
    }

    /// All of them, ready for the document.
    pub(super) fn done(self) -> Value {
        let mut all: Map<String, Value> = self.0.into_iter().collect();
        all.values_mut().for_each(convention::apply);
        Value::Object(all)
    }
}

fn refer(value: &mut Value, from: &str, to: &str) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                if name == "$ref" && value == from {
                    *value = to.into();
                } else {
                    refer(value, from, to);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|value| refer(value, from, to)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schemas(text: &Value) -> Vec<(String, RefOr<Schema>)> {
        let read =
            |(name, value): (&String, &Value)| (name.clone(), serde_json::from_value(value.clone()).expect("a schema"));
        text.as_object().expect("schemas").iter().map(read).collect()
    }

    #[test]
    fn a_name_means_one_thing_and_whoever_refers_to_it_is_another_too() {
        let body = |word: &str| {
            json!({ "Mode": { "type": "string", "enum": [word] },
            "Body": { "type": "object", "properties": { "mode": { "$ref": "#/components/schemas/Mode" } } } })
        };
        let mut all = Schemas::default();
        let (mut first, mut second) =
            (json!({ "$ref": "#/components/schemas/Body" }), json!({ "$ref": "#/components/schemas/Body" }));

        all.add("keys", &schemas(&body("slow")), &mut first);
        all.add("sign-in", &schemas(&body("fast")), &mut second);
        all.add("sign-in", &schemas(&body("fast")), &mut json!({}));

        let done = all.done();
        assert_eq!(first["$ref"], "#/components/schemas/Body");
        assert_eq!(second["$ref"], "#/components/schemas/SignInBody");
        assert_eq!(done["SignInBody"]["properties"]["mode"]["$ref"], "#/components/schemas/SignInMode");
        assert_eq!((&done["Mode"]["enum"][0], &done["SignInMode"]["enum"][0]), (&json!("slow"), &json!("fast")));
        assert_eq!(done.as_object().expect("schemas").len(), 4);
    }
}
