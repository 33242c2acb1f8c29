//! Query parameters: read strictly (unknown, repeated or broken ones are 400), and written into addresses.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use wire::problem::Code;

use super::problem::Problem;

/// The parameters of a request.
#[derive(Clone, Copy, Debug)]
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or("");
        if query.contains("%00") {
            return Err(Problem::from(Code::Malformed).detail("A query parameter has a U+0000."));
        }
        axum::extract::Query::<T>::try_from_uri(&parts.uri)
            .map(|axum::extract::Query(read)| Self(read))
            .map_err(|rejection| Problem::from(Code::Malformed).detail(wrong(&rejection.body_text())))
    }
}

/// What is wrong: names the parameter, never its value, which may be a secret at the wrong place.
fn wrong(text: &str) -> String {
    let text = text.strip_prefix("Failed to deserialize query string: ").unwrap_or(text);
    // What an identifier stands before is about that parameter; the rest is serde's, and may repeat the value.
    let (before, rest) = text.split_once(": ").filter(|(name, _)| is_name(name)).unwrap_or(("", text));
    let quoted =
        |kind: &str| rest.strip_prefix(kind)?.split_once('`').map(|(name, _)| name).filter(|name| is_name(name));
    if let Some(name) = quoted("unknown field `") {
        format!("There is no query parameter {name} here.")
    } else if let Some(name) = quoted("duplicate field `") {
        format!("The query parameter {name} is there twice.")
    } else if let Some(name) = quoted("missing field `") {
        format!("The query parameter {name} is missing.")
    } else if is_name(before) {
        format!("The query parameter {before} cannot be read.")
    } else {
        "A query parameter is unknown, repeated or cannot be read.".to_owned()
    }
}

/// As our parameters are called.
fn is_name(text: &str) -> bool {
    (1..=40).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// As the value of a query parameter (RFC 3986, section 2.3).
pub(crate) fn in_query(text: &str) -> String {
    use std::fmt::Write;
    text.bytes().fold(String::with_capacity(text.len()), |mut query, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/') {
            query.push(byte.into());
        } else {
            let _ = write!(query, "%{byte:02X}");
        }
        query
    })
}

/// A path with the parameters that have a value.
pub(crate) fn with_query(path: &str, parameters: &[(&str, Option<&str>)]) -> String {
    let given = parameters.iter().filter_map(|(name, value)| value.filter(|text| !text.is_empty()).map(|v| (name, v)));
    let query: Vec<String> = given.map(|(name, value)| format!("{name}={}", in_query(value))).collect();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "what is refused is looked at")]
    struct Page {
        limit: Option<u16>,
        after: String,
    }

    async fn refused(query: &str) -> String {
        let (mut parts, ()) = axum::http::Request::get(format!("/people?{query}")).body(()).unwrap().into_parts();
        Query::<Page>::from_request_parts(&mut parts, &()).await.unwrap_err().detail.unwrap_or_default()
    }

    #[tokio::test]
    async fn what_is_wrong_with_a_parameter_is_said_by_name_and_without_its_value() {
        assert_eq!(refused("after=a&sort=hunter2").await, "There is no query parameter sort here.");
        assert_eq!(refused("after=a&after=hunter2").await, "The query parameter after is there twice.");
        assert_eq!(refused("limit=1").await, "The query parameter after is missing.");
        assert_eq!(refused("after=a&limit=hunter2").await, "The query parameter limit cannot be read.");
        let general = "A query parameter is unknown, repeated or cannot be read.";
        assert_eq!(refused(&format!("after=a&{}=1", "x".repeat(41))).await, general);
        assert_eq!(refused("after=a&%1b[2J=1").await, general);
        assert_eq!(refused("after=a&limit=unknown+field+`hunter2`").await, "The query parameter limit cannot be read.");
        assert_eq!(refused("after=a&%3Cb%3E=hunter2").await, general);
        assert_eq!(refused("after=%00").await, "A query parameter has a U+0000.");
    }

    #[test]
    fn what_was_entered_survives_in_an_address() {
        let path = with_query("/console/people", &[("q", Some("Ö & co?")), ("role", None), ("unit", Some(""))]);
        assert_eq!(path, "/console/people?q=%C3%96%20%26%20co%3F");
        assert_eq!(in_query(&path), "/console/people%3Fq%3D%25C3%2596%2520%2526%2520co%253F");
    }
}
