//! The OpenAPI document, made from the table: complete and true because nothing is mounted without it.
//!
//! A handler says what is particular to it. What follows from how a route was mounted (refusals, marks, the names of operations and schemas) is put in
//! here, so that it cannot be forgotten. Tests compare every answer they get with this document (`testkit::contract`).

mod convention;
pub(crate) mod example;
mod refusal;
mod schema;

use axum::http::Method;
use serde_json::{Map, Value, json};
use utoipa::openapi::RefOr;
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::Schema;

use self::schema::Schemas;
use crate::table::{Access, Endpoint};

/// What is known of the document while routes are being mounted.
#[derive(Default)]
pub struct Description {
    paths: Map<String, Value>,
    schemas: Schemas,
    refusals: Map<String, Value>,
}

impl Description {
    /// Adds a mounted route with what its handler says of itself.
    pub(crate) fn add(&mut self, endpoint: &Endpoint, said: &Operation, schemas: &[(String, RefOr<Schema>)]) {
        let mut operation = serde_json::to_value(said).unwrap_or_default();
        let tag = operation["tags"][0].as_str().unwrap_or("api").to_owned();
        self.schemas.add(&tag, schemas, &mut operation);
        operation["operationId"] = name(endpoint).into();
        operation["x-permission"] = endpoint.access.name().into();
        if endpoint.step_up {
            operation["x-step-up"] = true.into();
        }
        match endpoint.access {
            Access::Public => {}
            Access::Oneself | Access::May(_) | Access::MayEverywhere(_) | Access::MayEither(..) => {
                operation["security"] = json!([{ "bearer": [] }]);
            }
            Access::Client | Access::OAuth => operation["security"] = json!([{ "api": [] }]),
            Access::ClientOr(_) => operation["security"] = json!([{ "api": [] }, { "bearer": [] }]),
        }
        parameters(&mut operation);
        body(&mut operation);
        refusal::complete(endpoint, &mut operation, &mut self.refusals);
        example::show(endpoint, &mut operation);
        let path = self.paths.entry(&endpoint.path).or_insert_with(|| json!({}));
        path[method(&endpoint.method)] = operation;
    }

    /// The document as JSON.
    #[must_use]
    pub fn document(self) -> String {
        let mut document = json!({
            "openapi": "3.1.0",
            "info": {
                "title": "Bailiwick",
                "description": "Identity and access. `x-permission` names who may call an operation: `public`, `self` (whoever is signed in), \
                    `client` (an API or a client with its credentials), or a permission of API `bailiwick`. Operations with `x-step-up` need an authentication \
                    of the last five minutes. Every answer has an `X-Request-Id`. Realm `x` has the same tree under `/realms/x`.",
                "license": { "name": env!("CARGO_PKG_LICENSE") },
                "version": env!("CARGO_PKG_VERSION"),
            },
            "paths": self.paths,
            "components": {
                "schemas": self.schemas.done(),
                "responses": self.refusals,
                "securitySchemes": {
                    "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
                    "api": { "type": "http", "scheme": "basic" },
                },
            },
        });
        in_one_order(&mut document);
        document.to_string()
    }
}

/// `DELETE /api/v1/users/{id}/grants` is `delete_users_id_grants`: handlers are named within their file, an operation within the document.
fn name(endpoint: &Endpoint) -> String {
    let path = endpoint.path.strip_prefix("/api/v1").unwrap_or(&endpoint.path);
    let words = path.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    std::iter::once(method(&endpoint.method).as_str()).chain(words).collect::<Vec<_>>().join("_")
}

fn method(method: &Method) -> String {
    method.as_str().to_ascii_lowercase()
}

/// What parameters of the same name mean everywhere (api.md, "Lists").
fn parameters(operation: &mut Value) {
    for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
        if parameter["in"] == "query" && parameter["name"] == "limit" {
            parameter["description"] = "Most items of a page.".into();
            parameter["schema"] = json!({ "type": "integer", "minimum": 1, "maximum": 200, "default": 50 });
        }
        if parameter["in"] == "header" && parameter["name"] == "If-Match" {
            // A version as `ETag` says it: `crate::http::version`.
            parameter["schema"] = json!({ "type": "string", "pattern": "^\"(0|[1-9][0-9]{0,17})\"$" });
        }
        if parameter["in"] == "query" && parameter["name"] == "cursor" {
            parameter["description"] = "`next_cursor` of the page before.".into();
        }
    }
}

/// A body that may be left out is still an object: `null` is none.
fn body(operation: &mut Value) {
    for (_, media) in operation.pointer_mut("/requestBody/content").and_then(Value::as_object_mut).into_iter().flatten()
    {
        let object = media["schema"]["oneOf"].as_array().and_then(|all| match all.as_slice() {
            [object, null] if null["type"] == "null" => Some(object.clone()),
            [null, object] if null["type"] == "null" => Some(object.clone()),
            _ => None,
        });
        if let Some(object) = object {
            media["schema"] = object;
        }
    }
}

/// Marks of an operation stand behind the rest, in one order; every node says the same document, byte for byte.
fn in_one_order(value: &mut Value) {
    match value {
        Value::Object(members) => {
            let (mut marks, rest): (Vec<_>, Vec<_>) =
                std::mem::take(members).into_iter().partition(|(name, _)| name.starts_with("x-"));
            marks.sort_by(|left, right| left.0.cmp(&right.0));
            members.extend(rest.into_iter().chain(marks));
            members.values_mut().for_each(in_one_order);
        }
        Value::Array(items) => items.iter_mut().for_each(in_one_order),
        _ => {}
    }
}
