//! Credentials of clients and APIs, as they are sent: `Authorization: Basic` (RFC 6749, section 2.3.1; RFC 7617).

use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use service::client::{ClientAuthError, Credentials};

use super::problem::Problem;

/// What stands in `Authorization`.
pub(crate) enum Sent {
    /// No such header.
    Nothing,
    /// `Basic`: id and secret, decoded.
    Basic(String, String),
    /// Another scheme, two of them, or nothing that can be read.
    Other,
}

/// Reads `Authorization`.
pub(crate) fn sent(headers: &HeaderMap) -> Sent {
    let mut all = headers.get_all(header::AUTHORIZATION).iter();
    let one = match (all.next(), all.next()) {
        (None, _) => return Sent::Nothing,
        (Some(one), None) => one,
        (Some(_), Some(_)) => return Sent::Other,
    };
    let pair = one.to_str().ok().and_then(|text| text.split_once(' ')).and_then(|(scheme, encoded)| {
        let basic = scheme.eq_ignore_ascii_case("basic");
        let decoded = STANDARD.decode(encoded.trim()).ok().filter(|_| basic)?;
        let text = String::from_utf8(decoded).ok()?;
        let (id, secret) = text.split_once(':')?;
        Some((decoded_part(id)?, decoded_part(secret)?))
    });
    pair.map_or(Sent::Other, |(id, secret)| Sent::Basic(id, secret))
}

/// Credentials for endpoints that refuse with problems.
///
/// # Errors
/// [`Problem`] 401: none, or none that can be read; nothing is counted.
pub(crate) fn basic(headers: &HeaderMap) -> Result<Credentials, Problem> {
    match sent(headers) {
        Sent::Basic(id, secret) => Ok(Credentials::new(&id, Some(&secret))),
        Sent::Nothing | Sent::Other => Err(ClientAuthError::Credentials.into()),
    }
}

/// `application/x-www-form-urlencoded`, one name or value; `None`: a broken escape, or no UTF-8.
pub(crate) fn decoded_part(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
                let (high, low) = (digit(rest.next())?, digit(rest.next())?);
                u8::try_from(high * 16 + low).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> Option<(String, String)> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::AUTHORIZATION, line.parse().expect("a value"));
        }
        match sent(&headers) {
            Sent::Basic(id, secret) => Some((id, secret)),
            Sent::Nothing | Sent::Other => None,
        }
    }

    #[test]
    fn id_and_secret_are_percent_decoded_after_base64() {
        let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
        let pair = |id: &str, secret: &str| Some((id.to_owned(), secret.to_owned()));

        assert_eq!(read(&[&basic("clinic:abc")]), pair("clinic", "abc"));
        assert_eq!(read(&[&basic("%63lin%69c:a%3Ac")]), pair("clinic", "a:c"));
        assert_eq!(read(&[&basic("a+b:c%2Bd:e")]), pair("a b", "c+d:e"));
        assert_eq!(read(&[&basic("clinic:abc").replace("Basic", "bAsIc")]), pair("clinic", "abc"));
        for broken in ["%6", "%zz:x", "%ff:x", "no colon", "a%:b"] {
            assert_eq!(read(&[&basic(broken)]), None, "{broken}");
        }
        assert_eq!(read(&["Basic ???"]), None);
        assert_eq!(read(&["Bearer abc"]), None);
        assert_eq!(read(&[]), None);
        assert_eq!(read(&[&basic("clinic:abc"), &basic("clinic:abc")]), None, "two are none");
    }
}
