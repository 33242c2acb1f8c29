//! Forms of OAuth: each parameter once, empty ones absent, unknown ones ignored (OAuth 2.1, section 3.2).

use std::collections::HashMap;
use std::convert::Infallible;

use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};

use super::OAuthError;
use crate::http::body;
use crate::http::credentials::decoded_part;

/// The parameters of a form.
#[derive(Debug, Default)]
pub(super) struct Params(HashMap<String, String>);

impl Params {
    /// A parameter that is there and not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Takes a parameter.
    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name).filter(|value| !value.is_empty())
    }

    fn parse(text: &[u8]) -> Result<Self, OAuthError> {
        let broken = || OAuthError::invalid_request("The form cannot be decoded.");
        let text = std::str::from_utf8(text).map_err(|_| broken())?;
        let mut params = HashMap::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = decoded_part(name).zip(decoded_part(value)).ok_or_else(broken)?;
            if params.insert(name, value).is_some() {
                return Err(OAuthError::invalid_request("A parameter stands there twice."));
            }
        }
        Ok(Self(params))
    }
}

/// A form as it came: that it cannot be read is said after it was found out who sent it.
#[derive(Debug)]
pub(super) struct OAuthForm {
    pub(super) params: Result<Params, OAuthError>,
}

impl<S: Send + Sync> FromRequest<S> for OAuthForm {
    type Rejection = Infallible;

    async fn from_request(request: Request, _: &S) -> Result<Self, Infallible> {
        if !is_form(request.headers()) {
            let refused = OAuthError::invalid_request("Send Content-Type: application/x-www-form-urlencoded.");
            return Ok(Self { params: Err(refused) });
        }
        let read = body::read(request).await.map_err(OAuthError::from);
        Ok(Self { params: read.and_then(|bytes| Params::parse(&bytes)) })
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(first), None) = (types.next(), types.next()) else { return false };
    let essence = first.to_str().unwrap_or("").split(';').next().unwrap_or("").trim();
    essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oa_09_each_parameter_once_and_an_empty_one_is_absent() {
        let params = Params::parse(b"token=a%20b+c&empty=&other&&x=%C3%A9").expect("a form");

        assert_eq!(params.get("token"), Some("a b c"));
        assert_eq!((params.get("empty"), params.get("other"), params.get("nothing")), (None, None, None));
        assert_eq!(params.get("x"), Some("\u{e9}"));
        for broken in [&b"a=1&a=2"[..], b"a=1&%61=2", b"a=&a=", b"a=%", b"a=%f", b"a=%zz", b"a=%ff", b"a=\xff"] {
            assert!(Params::parse(broken).is_err(), "{broken:?}");
        }
    }
}
