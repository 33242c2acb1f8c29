//! Fetching one document from the issuer, distrustfully: no redirects, a time limit, a size limit, https unless the host is this machine.

use std::fmt;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CACHE_CONTROL, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH};
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode, Url};

use crate::keys::BadKeys;

/// How long one fetch may take as a whole.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How long a document is used before it is fetched again, if the answer does not say.
const USUAL_AGE: Duration = Duration::from_secs(300);
/// Bounds of what the answer may say. The upper one is that of requirement KEY-02: a withdrawn key must go.
const LEAST_AGE: Duration = Duration::from_secs(1);
const MOST_AGE: Duration = Duration::from_secs(900);

/// Why a document could not be had; what was there before stays in force.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No connection, no answer in time, or an answer that broke off.
    #[error("{0} cannot be reached: {root}", root = root(.1))]
    Unreachable(Url, #[source] reqwest::Error),
    /// Another status than 200 and 304.
    #[error("{0} answers {1}")]
    Status(Url, StatusCode),
    /// Longer than it may be.
    #[error("{0} is longer than {1} bytes")]
    TooLong(Url, usize),
    /// Keys that are not acceptable.
    #[error("{0}: {1}")]
    Keys(Url, #[source] BadKeys),
    /// A roles catalogue that is not one of this audience.
    #[error("{0} is not the roles catalogue of this audience")]
    Roles(Url),
}

/// What an error comes down to: "connection refused" rather than "error sending request".
pub(crate) fn root(error: &reqwest::Error) -> String {
    let mut deepest: &dyn std::error::Error = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string()
}

/// The issuer's base address is not usable.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// Not an absolute URL without query, fragment, user and trailing slash.
    #[error("the issuer must be a URL such as https://id.example, without a slash at its end")]
    Issuer,
    /// Plain http to another machine.
    #[error("the issuer must use https, unless its host is localhost")]
    Insecure,
    /// No HTTP client could be made: no certificates on this machine?
    #[error("no HTTPS client could be made: are the system's CA certificates installed?")]
    Client,
    /// Not called within a tokio runtime.
    #[error("Guard::connect must be called within a tokio runtime")]
    Runtime,
}

/// As people read it: a `main` that returns it prints this.
impl fmt::Debug for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The issuer's address, if it is one that may be asked.
pub(crate) fn base(issuer: &str) -> Result<Url, SetupError> {
    let url = Url::parse(issuer).map_err(|_| SetupError::Issuer)?;
    let plain =
        url.query().is_none() && url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    if !plain || issuer.ends_with('/') || !url.has_host() {
        return Err(SetupError::Issuer);
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_this_machine(&url) => Ok(url),
        "http" => Err(SetupError::Insecure),
        _ => Err(SetupError::Issuer),
    }
}

fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A client for `base`.
pub(crate) fn client(base: &Url) -> Result<Client, SetupError> {
    let builder = Client::builder().redirect(Policy::none()).timeout(TIMEOUT).connect_timeout(TIMEOUT);
    let builder = if base.scheme() == "http" {
        // Only this machine is asked: no proxy, and no certificates to load.
        builder.no_proxy().tls_certs_only([])
    } else {
        builder.https_only(true)
    };
    builder.build().map_err(|_| SetupError::Client)
}

/// One document: where it is, and what is needed to ask for it again.
pub(crate) struct Source {
    client: Client,
    url: Url,
    authorization: Option<HeaderValue>,
    longest: usize,
    etag: std::sync::Mutex<Option<HeaderValue>>,
}

/// Whether a copy on the way will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caches {
    /// It will.
    Welcome,
    /// The issuer itself is to be asked.
    Passed,
}

/// What a fetch brought.
pub(crate) struct Fetched {
    /// The document; none if it has not changed.
    pub(crate) document: Option<Vec<u8>>,
    /// How long it may be used.
    pub(crate) fresh_for: Duration,
    etag: Option<HeaderValue>,
}

impl Source {
    pub(crate) fn new(client: Client, url: Url, authorization: Option<HeaderValue>, longest: usize) -> Self {
        Self { client, url, authorization, longest, etag: std::sync::Mutex::default() }
    }

    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// Fetches the document, unless it is still the one that was [kept](Source::keep).
    pub(crate) async fn fetch(&self) -> Result<Fetched, FetchError> {
        self.fetch_past(Caches::Welcome).await
    }

    /// The same, and says to whatever stands between us and the issuer whether its copy will do.
    pub(crate) async fn fetch_past(&self, caches: Caches) -> Result<Fetched, FetchError> {
        let unreachable = |error: reqwest::Error| FetchError::Unreachable(self.url.clone(), error.without_url());
        let mut request = self.client.get(self.url.clone());
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        if matches!(caches, Caches::Passed) {
            request = request.header(CACHE_CONTROL, "no-cache");
        }
        let kept = self.etag.lock().ok().and_then(|etag| etag.clone());
        if let Some(etag) = kept.clone() {
            request = request.header(IF_NONE_MATCH, etag);
        }
        let mut response = request.send().await.map_err(unreachable)?;
        let fresh_for = fresh_for(response.headers());
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_MODIFIED if kept.is_some() => return Ok(Fetched { document: None, fresh_for, etag: kept }),
            other => return Err(FetchError::Status(self.url.clone(), other)),
        }
        let etag = response.headers().get(ETAG).cloned();
        let mut document = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if document.len() + chunk.len() > self.longest {
                return Err(FetchError::TooLong(self.url.clone(), self.longest));
            }
            document.extend_from_slice(&chunk);
        }
        Ok(Fetched { document: Some(document), fresh_for, etag })
    }

    /// Remembers that the document was taken, so that it is not sent again unchanged. A refused document is asked for in full again.
    pub(crate) fn keep(&self, fetched: &Fetched) {
        if let Ok(mut etag) = self.etag.lock() {
            etag.clone_from(&fetched.etag);
        }
    }
}

/// `max-age` within our bounds.
fn fresh_for(headers: &HeaderMap) -> Duration {
    let directives = headers.get(CACHE_CONTROL).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let age = directives.split(',').find_map(|directive| directive.trim().strip_prefix("max-age=")?.parse().ok());
    age.map_or(USUAL_AGE, Duration::from_secs).clamp(LEAST_AGE, MOST_AGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for issuer in [
            "https://id.example",
            "https://id.example/realms/x",
            "http://localhost:8080",
            "http://127.0.0.2:1",
            "http://[::1]:1",
        ] {
            assert!(base(issuer).is_ok(), "{issuer}");
        }
        for issuer in ["http://id.example", "http://localhost.example", "http://10.0.0.1", "http://127.0.0.1.example"] {
            assert_eq!(base(issuer), Err(SetupError::Insecure), "{issuer}");
        }
        for issuer in [
            "",
            "id.example",
            "https://id.example/",
            "https://u:p@id.example",
            "https://id.example?x",
            "ftp://localhost",
            "data:x",
        ] {
            assert_eq!(base(issuer), Err(SetupError::Issuer), "{issuer}");
        }
    }

    #[test]
    fn the_age_of_a_document_is_bounded_on_both_sides() {
        let age = |value: &'static str| {
            fresh_for(&HeaderMap::from_iter([(CACHE_CONTROL, HeaderValue::from_static(value))])).as_secs()
        };
        assert_eq!(age("public, max-age=60"), 60);
        assert_eq!(age("max-age=0"), 1);
        assert_eq!(age("max-age=31536000"), 900);
        assert_eq!(age("max-age=-1"), 300);
        assert_eq!(age("no-store"), 300);
    }
}
