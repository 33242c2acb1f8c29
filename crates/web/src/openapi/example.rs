//! Examples of calls: recorded by a test (`tests/it/examples.rs`), which also holds that each of them is what the server answers.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::table::Endpoint;

/// `POST /api/v1/users` → `{"request":{"path","headers"?,"body"?},"answer":{"status","headers"?,"body"?}}`.
pub(crate) static EXAMPLES: LazyLock<BTreeMap<String, Value>> =
    LazyLock::new(|| serde_json::from_str(include_str!("examples.json")).unwrap_or_default());

/// Puts the example of an operation where OpenAPI has a place for it.
pub(super) fn show(endpoint: &Endpoint, operation: &mut Value) {
    let Some(example) = EXAMPLES.get(&format!("{} {}", endpoint.method, endpoint.path)) else { return };
    if let (Some(body), Some(media)) =
        (example["request"].get("body"), operation.pointer_mut("/requestBody/content/application~1json"))
    {
        media["examples"] = json!({ "recorded": { "value": body } });
    }
    if let (Some(form), Some(media)) = (
        example["request"].get("form"),
        operation.pointer_mut("/requestBody/content/application~1x-www-form-urlencoded"),
    ) {
        media["examples"] = json!({ "recorded": { "value": form } });
    }
    let place = format!("/responses/{}/content/application~1json", example["answer"]["status"]);
    if let (Some(body), Some(media)) = (example["answer"].get("body"), operation.pointer_mut(&place)) {
        media["examples"] = json!({ "recorded": { "value": body } });
    }
}
