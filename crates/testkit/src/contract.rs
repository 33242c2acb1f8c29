//! Whether an answer is one that the OpenAPI document promises. Asked of every answer that a test gets, so that the document stays true by itself.

mod shape;

use axum::http::{HeaderMap, Method, header};
use serde_json::Value;

/// `openapi.json`, to compare answers with.
pub struct Contract(Value);

impl Contract {
    /// Reads the document.
    #[must_use]
    pub fn new(document: &str) -> Self {
        Self(serde_json::from_str(document).expect("openapi.json"))
    }

    /// What of an answer is not promised; empty for what is not in the document at all: pages, unknown paths, other methods.
    #[must_use]
    pub fn broken(&self, method: &Method, path: &str, answer: (u16, &HeaderMap, &[u8])) -> Vec<String> {
        let (status, headers, body) = answer;
        let Some((template, operation)) = self.operation(method, path).filter(|_| status != 405) else {
            return Vec::new();
        };
        let name = format!("{method} {template}: {status}");
        let declared = self.resolved(&operation["responses"][status.to_string()]);
        if declared.is_null() && status == 404 && path.starts_with("/realms/") {
            return Vec::new(); // no such realm: then there is no such operation either
        }
        if declared.is_null() {
            let text = String::from_utf8_lossy(body);
            return vec![format!(
                "{name} is not declared: add `(status = {status}, description = …)` to its handler; {text}"
            )];
        }
        let mut broken = self.headers(declared, headers);
        broken.extend(self.body(declared, status, headers, body));
        broken.into_iter().map(|what| format!("{name}: {what}")).collect()
    }

    /// The operation of a path, and its template. Literal segments go before parameters.
    #[must_use]
    pub fn operation(&self, method: &Method, path: &str) -> Option<(&str, &Value)> {
        let path = path.split('?').next().unwrap_or(path);
        let parts = path.strip_prefix("/realms/").and_then(|rest| rest.split_once('/').map(|(_, rest)| rest));
        let path = parts.unwrap_or(path.trim_start_matches('/'));
        let fits = |template: &str| {
            let (mut own, mut sent) = (template.trim_start_matches('/').split('/'), path.split('/'));
            loop {
                match (own.next(), sent.next()) {
                    (None, None) => return true,
                    (Some(own), Some(sent)) if own == sent || (own.starts_with('{') && !sent.is_empty()) => {}
                    _ => return false,
                }
            }
        };
        let paths = self.0["paths"].as_object()?.iter().filter(|(template, _)| fits(template));
        let (template, item) = paths.min_by_key(|(template, _)| template.matches('{').count())?;
        let operation = item.get(method.as_str().to_ascii_lowercase())?;
        Some((template, operation))
    }

    fn resolved<'v>(&'v self, value: &'v Value) -> &'v Value {
        match value["$ref"].as_str() {
            Some(reference) => self.0.pointer(reference.trim_start_matches('#')).expect("a reference leads somewhere"),
            None => value,
        }
    }

    /// Headers that a client acts on are declared, and what is promised is there.
    fn headers(&self, declared: &Value, sent: &HeaderMap) -> Vec<String> {
        let empty = serde_json::Map::new();
        let known = declared["headers"].as_object().unwrap_or(&empty);
        let is_known = |name: &str| known.keys().any(|known| known.eq_ignore_ascii_case(name));
        let acted_on =
            [header::ETAG, header::LOCATION, header::RETRY_AFTER, header::WWW_AUTHENTICATE, header::SET_COOKIE];
        let undeclared = acted_on.iter().filter(|name| sent.contains_key(*name) && !is_known(name.as_str()));
        let missing =
            known.iter().filter(|(name, about)| about["required"] == true && !sent.contains_key(name.as_str()));
        let undeclared = undeclared.map(|name| format!("header {name} is not declared"));
        undeclared.chain(missing.map(|(name, _)| format!("header {name} is promised and missing"))).collect()
    }

    fn body(&self, declared: &Value, status: u16, headers: &HeaderMap, body: &[u8]) -> Vec<String> {
        if body.is_empty() {
            let owed = declared["content"].is_object() && status != 304;
            return if owed { vec!["an empty body".to_owned()] } else { Vec::new() };
        }
        let sent = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let essence = sent.split(';').next().unwrap_or_default();
        let Some(media) = declared["content"].get(essence) else {
            return vec![format!("content type {sent:?} is not declared")];
        };
        if !essence.ends_with("json") {
            return Vec::new();
        }
        match serde_json::from_slice(body) {
            Ok(value) => shape::violations(&self.0, &media["schema"], &value),
            Err(error) => vec![format!("no JSON: {error}")],
        }
    }

    /// What a value lacks of a schema of the document.
    #[must_use]
    pub fn violations(&self, schema: &Value, value: &Value) -> Vec<String> {
        shape::violations(&self.0, schema, value)
    }

    /// The document.
    #[must_use]
    pub const fn document(&self) -> &Value {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn contract() -> Contract {
        let ok = json!({ "200": { "content": { "application/json": { "schema": { "type": "object", "properties": { "id": { "type": "integer" } } } } },
            "headers": { "ETag": { "required": true } } } });
        let paths =
            json!({ "/things/{id}": { "get": { "responses": ok } }, "/things/all": { "get": { "responses": {} } } });
        Contract::new(&json!({ "paths": paths }).to_string())
    }

    fn broken(path: &str, status: u16, headers: &[(&'static str, &'static str)], body: &str) -> String {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        contract().broken(&Method::GET, path, (status, &headers, body.as_bytes())).join("; ")
    }

    #[test]
    fn an_answer_that_was_not_promised_is_found() {
        let json = ("content-type", "application/json");
        let tag = ("etag", "\"1\"");
        assert_eq!(broken("/things/7", 200, &[json, tag], r#"{"id":7}"#), "");
        assert_eq!(broken("/realms/other/things/7", 200, &[json, tag], r#"{"id":7}"#), "");
        assert_eq!(broken("/elsewhere", 200, &[], "page"), "");
        for (status, headers, body, word) in [
            (404, &[json, tag][..], r"{}", "404 is not declared"),
            (200, &[json], r#"{"id":7}"#, "promised and missing"),
            (200, &[json, tag, ("location", "/")], r#"{"id":7}"#, "location is not declared"),
            (200, &[tag, ("content-type", "text/html")], "<p>", "text/html"),
            (200, &[json, tag], "", "empty"),
            (200, &[json, tag], r#"{"id":"7"}"#, "/id"),
            (200, &[json, tag], r#"{"id":7,"more":1}"#, "/more"),
        ] {
            let found = broken("/things/7", status, headers, body);
            assert!(found.contains(word), "{found:?} does not say {word:?}");
        }
        assert!(broken("/things/all", 200, &[], "").contains("/things/all: 200 is not declared"));
    }
}
