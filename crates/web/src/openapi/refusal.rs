//! The refusals that follow from what a route is. A handler names only those of its own use case: `(status = 409, description = "…")`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use wire::problem::{Code, PROBLEM_JSON};

use crate::table::{Access, Endpoint};

/// Completes the answers of an operation: refusals that its mounting causes, the form and the headers of all of them.
pub(super) fn complete(endpoint: &Endpoint, operation: &mut Value, shared: &mut Map<String, Value>) {
    let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for code in possible(endpoint, operation) {
        by_status.entry(code.status()).or_default().push(code);
    }
    let mut all = match operation["responses"].take() {
        Value::Object(all) => all,
        _ => Map::new(),
    };
    // `4XX` says nothing that a client could build on.
    all.retain(|status, _| status.parse::<u16>().is_ok());
    for (status, response) in &mut all {
        if let Ok(status @ 400..) = status.parse() {
            form(status, response);
        }
    }
    if endpoint.access == Access::OAuth {
        all.extend(oauth());
        by_status.retain(|status, _| *status == Code::Misdirected.status());
    }
    for (status, codes) in by_status {
        if !all.contains_key(&status.to_string()) {
            let name: String = codes.iter().map(|code| pascal(code.as_str())).collect::<Vec<_>>().join("Or");
            all.insert(status.to_string(), json!({ "$ref": format!("#/components/responses/{name}") }));
            shared.entry(name).or_insert_with(|| refused(status, &codes));
        }
    }
    let mut all: Vec<_> = all.into_iter().collect();
    all.sort_by(|left, right| left.0.cmp(&right.0));
    operation["responses"] = Value::Object(all.into_iter().collect());
}

/// Why a route refuses, as far as its mounting tells.
fn possible(endpoint: &Endpoint, operation: &Value) -> Vec<Code> {
    let changes = !endpoint.method.is_safe();
    let body = operation.get("requestBody").is_some();
    let parameter = |place: &str, name: Option<&str>| {
        let mut all = operation["parameters"].as_array().into_iter().flatten();
        all.any(|one| one["in"] == place && name.is_none_or(|name| one["name"].as_str() == Some(name)))
    };
    // Everywhere: an unknown query parameter, another host, a long body (also one that nobody reads), a fault, no capacity.
    let mut codes = vec![Code::Malformed, Code::Misdirected, Code::PayloadTooLarge, Code::Internal, Code::Overloaded];
    match endpoint.access {
        Access::Public => {
            codes.extend(changes.then_some(Code::Forbidden)); // another site
            codes.extend((changes && body).then_some(Code::TooManyAttempts)); // whatever can be guessed is counted
        }
        Access::Oneself => codes.push(Code::NotSignedIn),
        Access::May(_) | Access::MayEverywhere(_) | Access::MayEither(..) => {
            codes.extend([Code::NotSignedIn, Code::Forbidden]);
            // What stands against it: the last administrator, a role that is held already, …
            codes.extend(changes.then_some(Code::Conflict));
        }
        Access::Client | Access::OAuth => codes.extend([Code::InvalidCredentials, Code::TooManyAttempts]),
        Access::ClientOr(_) => {
            codes.extend([Code::InvalidCredentials, Code::NotSignedIn, Code::Forbidden, Code::TooManyAttempts]);
        }
    }
    codes.extend(endpoint.step_up.then_some(Code::InsufficientAuthentication));
    codes.extend(parameter("path", None).then_some(Code::NotFound));
    if body {
        codes.push(Code::UnsupportedMediaType);
        // AuthZEN knows no 422: a question that cannot be understood is 400.
        codes.extend((!matches!(endpoint.access, Access::ClientOr(_))).then_some(Code::Validation));
    }
    if parameter("header", Some("If-Match")) {
        codes.extend([Code::ChangedMeanwhile, Code::PreconditionRequired]);
    }
    let place = |code: &Code| Code::ALL.iter().position(|known| known == code);
    codes.sort_by_key(place);
    codes
}

/// What an endpoint of OAuth refuses with (RFC 6749, section 5.2); faults that it did not see coming are problems.
fn oauth() -> Vec<(String, Value)> {
    let says = [
        (400, "`invalid_request`, or what the endpoint says"),
        (401, "`invalid_client`: unknown, disabled, or wrong credentials"),
        (413, "`invalid_request`: the body is too long"),
        (429, "`too_many_attempts`: too many wrong credentials"),
        (500, "`server_error`"),
        (503, "`temporarily_unavailable`"),
    ];
    let each = |(status, says): (u16, &str)| {
        let mut response = json!({ "description": says });
        form(status, &mut response);
        let own = json!({ "schema": { "$ref": "#/components/schemas/OAuthErrorDocument" } });
        match status {
            500 | 503 => response["content"]["application/json"] = own,
            _ => response["content"] = json!({ "application/json": own }),
        }
        (status.to_string(), response)
    };
    says.into_iter().map(each).collect()
}

/// A refusal that several operations share.
fn refused(status: u16, codes: &[Code]) -> Value {
    let says: Vec<String> = codes.iter().map(|code| format!("`{code}`: {}.", code.title())).collect();
    let mut response = json!({ "description": says.join(" ") });
    form(status, &mut response);
    response
}

/// RFC 9457, and the headers that go with a status.
fn form(status: u16, response: &mut Value) {
    response["content"] = json!({ PROBLEM_JSON: { "schema": { "$ref": "#/components/schemas/ProblemDocument" } } });
    let header = match status {
        401 | 403 => (
            "WWW-Authenticate",
            json!({ "description": "With what one may come (RFC 6750, RFC 7617, RFC 9470)", "schema": { "type": "string" } }),
        ),
        429 | 503 => {
            let seconds = json!({ "type": "integer", "minimum": 0 });
            ("Retry-After", json!({ "description": "Seconds", "required": true, "schema": seconds }))
        }
        _ => return,
    };
    response["headers"][header.0] = header.1;
}

/// `not-signed-in` is `NotSignedIn`.
pub(super) fn pascal(text: &str) -> String {
    let upper = |word: &str| {
        let mut letters = word.chars();
        letters.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
    };
    text.split(['-', '_']).map(upper).collect()
}
