//! Clients: applications that ask for tokens (RFC 6749, section 2).

use thiserror::Error;

use crate::permission::Audience;

/// What kind of application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientKind {
    /// Runs with its user and can keep no secret: a browser, a phone.
    Public,
    /// Runs on a server and keeps a secret, for people who sign in.
    Confidential,
    /// Acts for itself, without a person.
    Service,
}

impl ClientKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Public, Self::Confidential, Self::Service];

    /// As stored and sent.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Confidential => "confidential",
            Self::Service => "service",
        }
    }

    /// Reads [`ClientKind::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// Whether it has a secret.
    #[must_use]
    pub const fn has_secret(self) -> bool {
        matches!(self, Self::Confidential | Self::Service)
    }
}

/// Why an address is nothing to send people back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RedirectUriError {
    /// Not an absolute address without a fragment, or too long.
    #[error(
        "a redirect URI is an absolute address of at most 500 printable ASCII characters, without a fragment or user name"
    )]
    Form,
    /// Another scheme than https.
    #[error(
        "a redirect URI uses https; http only for http://127.0.0.1, http://[::1] or http://localhost; a private scheme has a dot (com.example.app:/back)"
    )]
    Scheme,
}

/// An address that people may be sent back to; compared byte for byte (RFC 9700, section 2.1).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RedirectUri(String);

impl TryFrom<String> for RedirectUri {
    type Error = RedirectUriError;
    fn try_from(text: String) -> Result<Self, RedirectUriError> {
        Self::parse(&text)
    }
}

impl From<RedirectUri> for String {
    fn from(uri: RedirectUri) -> Self {
        uri.0
    }
}

impl RedirectUri {
    /// Checks `text`.
    ///
    /// # Errors
    /// [`RedirectUriError`].
    pub fn parse(text: &str) -> Result<Self, RedirectUriError> {
        let plain = text.len() <= 500 && text.bytes().all(|b| b.is_ascii_graphic() && !br#"#\"<>^`{|}*"#.contains(&b));
        let (scheme, rest) = text.split_once(':').filter(|_| plain).ok_or(RedirectUriError::Form)?;
        let good = match scheme {
            "https" => !host(rest)?.is_empty(),
            // RFC 8252, section 7.3: on the device itself.
            "http" => matches!(host(rest)?, "127.0.0.1" | "[::1]" | "localhost"),
            // RFC 8252, section 7.1: a reversed domain name, so it has a dot; `javascript:` and `data:` have none.
            other => is_private_scheme(other) && rest.starts_with('/') && rest.len() > 1,
        };
        if good { Ok(Self(text.to_owned())) } else { Err(RedirectUriError::Scheme) }
    }

    /// As it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The host of `//host:port/path?query`.
fn host(rest: &str) -> Result<&str, RedirectUriError> {
    let authority = rest.strip_prefix("//").ok_or(RedirectUriError::Form)?;
    let authority = authority.split(['/', '?']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err(RedirectUriError::Form);
    }
    let end = if authority.starts_with('[') {
        authority.find(']').ok_or(RedirectUriError::Form)? + 1
    } else {
        authority.find(':').unwrap_or(authority.len())
    };
    let (host, port) = authority.split_at(end);
    let digits = |port: &str| port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok();
    let port_is_fine = port.is_empty() || port.strip_prefix(':').is_some_and(digits);
    if port_is_fine && is_host(host) { Ok(host) } else { Err(RedirectUriError::Form) }
}

fn is_host(host: &str) -> bool {
    match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').is_some_and(|inner| inner.parse::<std::net::Ipv6Addr>().is_ok()),
        None => host.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'-'),
    }
}

fn is_private_scheme(scheme: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    scheme.starts_with(|first: char| first.is_ascii_lowercase()) && scheme.contains('.') && scheme.split('.').all(part)
}

/// Most redirect URIs and most APIs of one client.
pub const MOST_LISTED: usize = 50;

/// Checks that a client has what its kind needs, and nothing that it cannot use.
#[must_use]
pub fn fits(kind: ClientKind, redirect_uris: &[RedirectUri]) -> bool {
    match kind {
        ClientKind::Service => redirect_uris.is_empty(),
        ClientKind::Public | ClientKind::Confidential => !redirect_uris.is_empty(),
    }
}

/// Reads a client id that an administrator chose: as an audience is written.
#[must_use]
pub fn client_id(text: &str) -> Option<String> {
    Audience::parse(text).ok().map(|name| name.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_sent_back_to_https_to_their_own_device_or_to_an_installed_application() {
        for text in [
            "https://app.example.org/back",
            "https://app.example.org:8443/back?from=bailiwick",
            "http://127.0.0.1:5000/back",
            "http://[::1]/",
            "http://localhost",
            "com.example.app:/back",
        ] {
            assert!(RedirectUri::parse(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "/back",
            "app.example.org/back",
            "//app.example.org",
            "http://app.example.org/back",
            "http://127.0.0.1.example.org/",
            "http://localhost@example.org/",
            "https://",
            "https:///back",
            "https://a/#fragment",
            "https://*.example.org/",
            "https://user@example.org/",
            "https://example.org:99999/",
            "https://[abc/",
            "https://[::1",
            "https://h:+80/",
            "https://%65vil.example/",
            "https://App.example.org/",
            "javascript:alert(1)",
            "data:text/html,x",
            "com.example.app:",
            "https://exa mple.org/",
            "https://b\u{fc}cher.example/",
        ] {
            assert!(RedirectUri::parse(text).is_err(), "{text}");
        }
    }
}
