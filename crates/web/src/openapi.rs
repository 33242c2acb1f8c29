//! The OpenAPI document, made from the table: complete and true because nothing is mounted without it.

use serde_json::Value;
use utoipa::openapi::path::Paths;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, InfoBuilder, OpenApiBuilder};

/// The document as JSON.
#[must_use]
pub fn document(paths: Paths, mut components: Components) -> String {
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    let basic = HttpBuilder::new().scheme(HttpAuthScheme::Basic).build();
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    components.add_security_scheme("api", SecurityScheme::Http(basic));
    let info = InfoBuilder::new()
        .title("Bailiwick")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Identity and access. `x-permission` names who may call an operation: `public`, `self` (whoever is signed in), \
             `client` (an API with its credentials), or a permission of API `bailiwick`. Realm `x` has the same tree under `/realms/x`.",
        ))
        .build();
    let document = OpenApiBuilder::new().info(info).paths(paths).components(Some(components)).build();
    let mut document = serde_json::to_value(document).unwrap_or_default();
    in_one_order(&mut document);
    document.to_string()
}

/// Marks of an operation stand in a hash map; every node says the same document, byte for byte.
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
