//! Where the token stands in a request: in one `Authorization: Bearer` header, and nowhere else (RFC 6750, section 2.1).
//!
//! Tokens in queries and bodies are not looked for: addresses end up in logs and histories.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;

/// There is an `Authorization` header for a bearer, but not one token in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not one bearer token")]
pub struct NotOneToken;

/// The bearer token of a request; none if it does not use the scheme.
///
/// # Errors
/// [`NotOneToken`] if there are several `Authorization` headers, or a `Bearer` without a token or with more than that.
pub fn token(headers: &HeaderMap) -> Result<Option<&str>, NotOneToken> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(NotOneToken);
    }
    let Some((scheme, rest)) = value.as_bytes().split_at_checked("Bearer".len()) else { return Ok(None) };
    if !scheme.eq_ignore_ascii_case(b"Bearer") {
        return Ok(None);
    }
    match rest {
        [b' ', token @ ..] if !token.is_empty() => {
            let token = token.trim_ascii_start();
            let spaceless = !token.is_empty() && !token.iter().any(u8::is_ascii_whitespace);
            std::str::from_utf8(token).ok().filter(|_| spaceless).map(Some).ok_or(NotOneToken)
        }
        [] | [b' '] => Err(NotOneToken),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::*;
    use axum::http::HeaderValue;

    fn read(values: &[&[u8]]) -> Result<Option<String>, NotOneToken> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_bytes(value).unwrap());
        }
        token(&headers).map(|token| token.map(str::to_owned))
    }

    #[test]
    fn the_scheme_is_read_in_any_case_and_the_token_as_it_is() {
        for scheme in ["Bearer", "bearer", "BEARER"] {
            assert_eq!(read(&[format!("{scheme} aB.c").as_bytes()]), Ok(Some("aB.c".to_owned())));
        }
        assert_eq!(read(&[b"Bearer   a"]), Ok(Some("a".to_owned())));
    }

    #[test]
    fn another_scheme_or_no_header_is_no_token() {
        for values in [&[][..], &[&b"Basic YTpi"[..]], &[b""], &[b"Bear"], &[b"Bearertoken"], &[b"DPoP a"]] {
            assert_eq!(read(values), Ok(None));
        }
    }

    #[test]
    fn a_bearer_without_exactly_one_token_is_refused() {
        for values in [
            &[&b"Bearer"[..]][..],
            &[b"Bearer "],
            &[b"Bearer a b"],
            &[b"Bearer a\tb"],
            &[b"Bearer a", b"Bearer a"],
            &[b"Basic YTpi", b"Bearer a"],
            &[b"Bearer \xff"],
        ] {
            assert_eq!(read(values), Err(NotOneToken), "{values:?}");
        }
    }
}
