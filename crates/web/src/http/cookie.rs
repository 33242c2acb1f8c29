//! The cookies (api.md, "Cookies"): `__Host-` prefix, `Secure`, `HttpOnly`, `Path=/`, no `Domain`. Realm x appends `.x`.

use axum::http::{HeaderMap, HeaderValue, header};
use domain::realm::Realm;
use domain::refresh::RefreshToken;
use domain::secret::Secret;

/// Which cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cookie {
    /// Pages.
    Session,
    /// `session/refresh`, `sign-out`.
    Refresh,
    /// A sign-in on pages, a link's token.
    Flow,
    /// `sign-in`: a recognised device.
    Device,
}

impl Cookie {
    fn name(self, realm: &Realm) -> String {
        let base = match self {
            Self::Session => "__Host-bailiwick-session",
            Self::Refresh => "__Host-bailiwick-refresh",
            Self::Flow => "__Host-bailiwick-flow",
            Self::Device => "__Host-bailiwick-device",
        };
        if realm.slug.is_main() { base.to_owned() } else { format!("{base}.{}", realm.slug.as_str()) }
    }

    const fn same_site(self) -> &'static str {
        match self {
            Self::Session | Self::Flow => "Lax",
            Self::Refresh | Self::Device => "Strict",
        }
    }

    /// The value that a request carries. Two of one name: whose they are cannot be told, so neither counts.
    #[must_use]
    pub fn read(self, headers: &HeaderMap, realm: &Realm) -> Option<String> {
        let name = self.name(realm);
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let mut found = lines
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(key, _)| *key == name)
            .map(|(_, value)| value.to_owned());
        match (found.next(), found.next()) {
            (Some(value), None) => Some(value),
            _ => None,
        }
    }

    /// A `Set-Cookie` line. Its lifetime is never what enforces a timeout (SES-04).
    #[must_use]
    pub fn set(self, realm: &Realm, value: &str, max_age_seconds: u64) -> Option<HeaderValue> {
        let (name, same_site) = (self.name(realm), self.same_site());
        let line = format!("{name}={value}; Path=/; Max-Age={max_age_seconds}; Secure; HttpOnly; SameSite={same_site}");
        HeaderValue::from_str(&line).ok()
    }

    /// A `Set-Cookie` line that makes the browser forget it.
    #[must_use]
    pub fn expire(self, realm: &Realm) -> Option<HeaderValue> {
        self.set(realm, "", 0)
    }
}

/// The session cookie of a request.
#[must_use]
pub fn session(headers: &HeaderMap, realm: &Realm) -> Option<Secret> {
    Cookie::Session.read(headers, realm).as_deref().and_then(Secret::parse)
}

/// The device cookie of a request.
#[must_use]
pub fn device(headers: &HeaderMap, realm: &Realm) -> Option<Secret> {
    Cookie::Device.read(headers, realm).as_deref().and_then(Secret::parse)
}

/// The refresh cookie of a request.
#[must_use]
pub fn refresh(headers: &HeaderMap, realm: &Realm) -> Option<RefreshToken> {
    Cookie::Refresh.read(headers, realm).as_deref().and_then(RefreshToken::parse)
}
