//! What a client would rather be answered (RFC 7240).

use axum::http::{HeaderMap, HeaderName};

/// The request's header.
pub(crate) const PREFER: HeaderName = HeaderName::from_static("prefer");
/// The answer's, when the preference was followed.
pub(crate) const APPLIED: HeaderName = HeaderName::from_static("preference-applied");
/// With what a change has made of it, instead of nothing (section 4.2).
pub(crate) const REPRESENTATION: &str = "return=representation";

/// Whether the client wants to be answered with the representation.
pub(crate) fn representation(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(PREFER).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|one| {
        let preference = one.split(';').next().unwrap_or_default();
        preference.replace([' ', '\t', '"'], "").eq_ignore_ascii_case(REPRESENTATION)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preference_is_found_among_others_and_nothing_else_is_one() {
        let asks = |line: &'static str| {
            representation(&HeaderMap::from_iter([(PREFER, axum::http::HeaderValue::from_static(line))]))
        };

        for line in [REPRESENTATION, "Return = Representation", "wait=10, return=\"representation\"; x=1"] {
            assert!(asks(line), "{line}");
        }
        for line in ["", "return=minimal", "return", "xreturn=representation", "x; return=representation"] {
            assert!(!asks(line), "{line}");
        }
        assert!(!representation(&HeaderMap::new()));
    }
}
