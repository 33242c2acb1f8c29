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
        let refused =
            |_| Problem::from(Code::Malformed).detail("A query parameter is unknown, repeated or cannot be read.");
        if query.contains("%00") {
            return Err(Problem::from(Code::Malformed).detail("A query parameter has a U+0000."));
        }
        axum::extract::Query::<T>::try_from_uri(&parts.uri)
            .map(|axum::extract::Query(read)| Self(read))
            .map_err(refused)
    }
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

    #[test]
    fn what_was_entered_survives_in_an_address() {
        let path = with_query("/console/people", &[("q", Some("Ö & co?")), ("role", None), ("unit", Some(""))]);
        assert_eq!(path, "/console/people?q=%C3%96%20%26%20co%3F");
        assert_eq!(in_query(&path), "/console/people%3Fq%3D%25C3%2596%2520%2526%2520co%253F");
    }
}
