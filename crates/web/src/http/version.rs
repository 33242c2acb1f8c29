//! Versions: what was read says its version (`ETag`), and who changes it says which version they looked at (`If-Match`).

use axum::Json as Out;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use wire::problem::Code;

use super::problem::Problem;

/// `If-Match` as it was sent. That it is absent is told late: after 422 and 404 (api.md, order of refusals).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IfMatch(Option<i64>);

impl IfMatch {
    /// The version that the caller looked at, if they say so; the use case tells whether it must be said.
    #[must_use]
    pub const fn sent(self) -> Option<i64> {
        self.0
    }

    /// The version that the caller looked at.
    ///
    /// # Errors
    /// 428: none was sent.
    pub fn required(self) -> Result<i64, Problem> {
        self.0.ok_or_else(Problem::version_unsaid)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    /// `*`, weak tags, lists and what we never sent are 400: each would let somebody's change be lost.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut sent = parts.headers.get_all(header::IF_MATCH).iter();
        let (first, second) = (sent.next(), sent.next());
        let refused = || Problem::from(Code::Malformed).detail("If-Match takes one ETag as it was read, like \"7\".");
        match (first, second) {
            (None, _) => Ok(Self(None)),
            (Some(tag), None) => parse(tag).map(|version| Self(Some(version))).ok_or_else(refused),
            (Some(_), Some(_)) => Err(refused()),
        }
    }
}

fn parse(tag: &HeaderValue) -> Option<i64> {
    let text = tag.to_str().ok()?.trim().strip_prefix('"')?.strip_suffix('"')?;
    // One way to write a version: no sign, no leading zero.
    text.parse().ok().filter(|version: &i64| *version >= 0 && version.to_string() == text)
}

/// An answer in a version.
pub fn tagged(version: i64, body: impl Serialize) -> Response {
    let mut response = Out(body).into_response();
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{version}\"")) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_strong_tag_as_we_send_it_is_read_and_nothing_else() {
        let read = |text: &str| HeaderValue::from_str(text).ok().as_ref().and_then(parse);

        assert_eq!(read("\"7\""), Some(7));
        assert_eq!(read("\"9223372036854775807\""), Some(i64::MAX));
        for text in [
            "",
            "*",
            "7",
            "\"\"",
            "\"",
            "W/\"7\"",
            "w/\"7\"",
            "\"07\"",
            "\"+7\"",
            "\"-7\"",
            "\" 7\"",
            "\"7\", \"8\"",
            "\"abc\"",
            "\"9223372036854775808\"",
            "'7'",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
