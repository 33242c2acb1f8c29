//! What every handler may know of a request: its realm, its id, where it came from.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri, header};
use domain::allowed;
use domain::realm::Realm;
use wire::problem::Code;

use super::problem::Problem;
use crate::config::Config;
use crate::view::Language;

/// The realm of a request, what goes onto its events, and what its answer needs if it is a page.
#[derive(Clone, Debug)]
pub struct Context {
    /// The realm.
    pub realm: Arc<Realm>,
    /// Id, address, user agent.
    pub request: allowed::Request,
    /// What a page speaks.
    pub language: Language,
    /// What a page's own script is known by: fresh for each answer (WEB-08).
    pub nonce: Arc<str>,
}

impl Context {
    /// `""` for main, `/realms/x` for x: what links on pages begin with.
    #[must_use]
    pub fn base(&self) -> String {
        if self.realm.slug.is_main() { String::new() } else { format!("/realms/{}", self.realm.slug.as_str()) }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Context {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| Problem::internal(&"a route outside of the realm layer"))
    }
}

/// `X-Request-Id` if it is `[A-Za-z0-9._-]{1,64}`.
#[must_use]
pub fn sent_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get("x-request-id")?.to_str().ok()?;
    let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    ((1..=64).contains(&id.len()) && id.bytes().all(good)).then(|| id.to_owned())
}

/// `User-Agent`, printable and at most 300 characters (AUD-05).
#[must_use]
pub fn user_agent(headers: &HeaderMap) -> Option<String> {
    let sent = headers.get(header::USER_AGENT)?;
    let text: String = sent
        .as_bytes()
        .iter()
        .take(300)
        .map(|b| if b.is_ascii_graphic() || *b == b' ' { *b as char } else { '?' })
        .collect();
    (!text.is_empty()).then_some(text)
}

/// The client's address: the socket peer, or the right-most hop that is not one of our proxies (2.4). `None` where a proxy of ours does not say it so
/// that it can be read: its own address must not stand for that of everybody behind it, which a policy's networks could admit.
#[must_use]
pub fn client_address(config: &Config, headers: &HeaderMap, peer: Option<&ConnectInfo<SocketAddr>>) -> Option<IpAddr> {
    let peer = peer?.0.ip().to_canonical();
    let trusted =
        |address: IpAddr| config.trusted_proxies.iter().any(|(network, prefix)| within(address, *network, *prefix));
    if !trusted(peer) {
        return Some(peer);
    }
    for line in headers.get_all("x-forwarded-for").iter().rev() {
        for hop in line.to_str().ok()?.rsplit(',') {
            let client = hop_address(hop.trim())?;
            if !trusted(client) {
                return Some(client);
            }
        }
    }
    None
}

/// An address as proxies write it: alone, with a port, IPv6 in brackets too.
fn hop_address(hop: &str) -> Option<IpAddr> {
    let in_brackets = || hop.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    let with_port = || hop.parse::<SocketAddr>().ok().map(|at| at.ip());
    let address = hop.parse().ok().or_else(in_brackets).or_else(with_port)?;
    Some(address.to_canonical())
}

/// Whether an address is in a network: as many leading bits are the same.
#[must_use]
pub fn within(address: IpAddr, network: IpAddr, prefix: u8) -> bool {
    let bits = |ip: IpAddr| match ip {
        IpAddr::V4(v4) => (u128::from(v4.to_bits()) << 96, 32),
        IpAddr::V6(v6) => (v6.to_bits(), 128),
    };
    let ((left, length), (right, other)) = (bits(address), bits(network));
    let prefix = u32::from(prefix.min(length));
    length == other && (prefix == 0 || (left ^ right) >> (128 - prefix) == 0)
}

/// What the `Host` of a request is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// Ours.
    Ours,
    /// Our loopback address by number: a GET is sent to the name.
    ByNumber,
    /// Somebody else's: 421.
    Foreign,
}

/// Compares `Host` (or the authority of HTTP/2) with ours. Without one nothing can be said: refused.
#[must_use]
pub fn host(config: &Config, headers: &HeaderMap, uri: &Uri) -> Host {
    let sent = match (uri.authority(), headers.get(header::HOST)) {
        (Some(authority), _) => authority.as_str().to_owned(),
        (None, Some(host)) => host.to_str().unwrap_or("").to_owned(),
        (None, None) => return Host::Foreign,
    };
    let sent = sent.to_ascii_lowercase();
    let (scheme, own) = config.base_url.split_once("://").unwrap_or(("", ""));
    let default_port = if scheme == "https" { ":443" } else { ":80" };
    let plain = |text: &str| text.strip_suffix(default_port).unwrap_or(text).to_owned();
    if plain(&sent) == plain(own) || config.other_hosts.contains(&sent) {
        return Host::Ours;
    }
    let port = own.rsplit_once(':').map_or("", |(_, port)| port);
    let numbers = [format!("127.0.0.1:{port}"), format!("[::1]:{port}")];
    if own.starts_with("localhost") && numbers.contains(&sent) { Host::ByNumber } else { Host::Foreign }
}

/// The path below the realm's prefix, and the realm's slug.
///
/// # Errors
/// [`Problem`] 404: a prefix without a slug.
pub fn realm_path(path: &str) -> Result<(String, String), Problem> {
    // RFC 8414, section 3.1, and AuthZEN 1.0, section 9: the well-known part stands before the issuer's path.
    const METADATA: [&str; 2] = ["/.well-known/oauth-authorization-server", "/.well-known/authzen-configuration"];
    for document in METADATA {
        if let Some(slug) = path.strip_prefix(document).and_then(|rest| rest.strip_prefix("/realms/")) {
            return Ok((slug.to_owned(), document.to_owned()));
        }
    }
    let Some(rest) = path.strip_prefix("/realms/") else { return Ok(("main".to_owned(), path.to_owned())) };
    let (slug, rest) = rest.split_once('/').map_or((rest, ""), |(slug, rest)| (slug, rest));
    if slug.is_empty() || slug == "main" {
        return Err(Code::NotFound.into());
    }
    Ok((slug.to_owned(), format!("/{rest}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        let proxy = ("10.0.0.0".parse().expect("an address"), 8);
        Config { base_url: "http://localhost:8080".to_owned(), trusted_proxies: vec![proxy], ..Config::default() }
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, value.parse().expect("a value"));
        }
        map
    }

    #[test]
    fn asvs_4_1_3_a_client_cannot_choose_its_own_address() {
        let address = |peer: &str, forwarded: &[(&'static str, &str)]| {
            let peer = ConnectInfo(SocketAddr::new(peer.parse().expect("an address"), 1));
            client_address(&config(), &headers(forwarded), Some(&peer))
                .map_or("unknown".to_owned(), |at| at.to_string())
        };
        assert_eq!(address("203.0.113.9", &[("x-forwarded-for", "1.2.3.4")]), "203.0.113.9");
        assert_eq!(address("10.0.0.1", &[("x-forwarded-for", "1.2.3.4, 198.51.100.7")]), "198.51.100.7");
        assert_eq!(
            address("10.0.0.1", &[("x-forwarded-for", "1.2.3.4"), ("x-forwarded-for", "198.51.100.7, 10.0.0.2")]),
            "198.51.100.7"
        );
        assert_eq!(address("10.0.0.1", &[("x-forwarded-for", "198.51.100.7:5678")]), "198.51.100.7");
        assert_eq!(address("::ffff:203.0.113.9", &[]), "203.0.113.9");
        for bracketed in ["2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:5678"] {
            assert_eq!(address("10.0.0.1", &[("x-forwarded-for", bracketed)]), "2001:db8::1", "{bracketed}");
        }
    }

    #[test]
    fn a_proxy_that_does_not_say_who_asks_is_not_taken_for_who_asks() {
        let peer = ConnectInfo(SocketAddr::from(([10, 0, 0, 1], 1)));
        let address = |headers: &HeaderMap| client_address(&config(), headers, Some(&peer));
        assert_eq!(address(&HeaderMap::new()), None);
        for hops in [
            "garbage",
            "",
            "198.51.100.7, garbage",
            "198.51.100.7, garbage, 10.0.0.2",
            "198.51.100.7,",
            "10.0.0.3, 10.0.0.2",
        ] {
            assert_eq!(address(&headers(&[("x-forwarded-for", hops)])), None, "{hops}");
        }
        // A line that is no text hides nobody behind the one before.
        let mut lines = headers(&[("x-forwarded-for", "198.51.100.7")]);
        lines.append("x-forwarded-for", axum::http::HeaderValue::from_bytes(b"\xff").expect("a value"));
        assert_eq!(address(&lines), None);
    }

    #[test]
    fn only_our_hosts_are_answered() {
        let host = |sent: &str| host(&config(), &headers(&[("host", sent)]), &Uri::from_static("/"));
        assert_eq!(host("localhost:8080"), Host::Ours);
        assert_eq!(host("LOCALHOST:8080"), Host::Ours);
        assert_eq!(host("127.0.0.1:8080"), Host::ByNumber);
        assert_eq!(host("[::1]:8080"), Host::ByNumber);
        for foreign in ["evil.example", "localhost", "localhost:8081", "localhost:8080.evil.example", ""] {
            assert_eq!(host(foreign), Host::Foreign, "{foreign}");
        }
    }

    #[test]
    fn a_realm_stands_in_the_path() {
        let path = |path: &str| realm_path(path).ok();
        let pair = |slug: &str, path: &str| Some((slug.to_owned(), path.to_owned()));
        assert_eq!(path("/api/v1/me"), pair("main", "/api/v1/me"));
        assert_eq!(path("/realms/other/api/v1/me"), pair("other", "/api/v1/me"));
        assert_eq!(path("/realms/other"), pair("other", "/"));
        assert_eq!(
            path("/.well-known/oauth-authorization-server/realms/other"),
            pair("other", "/.well-known/oauth-authorization-server")
        );
        assert_eq!(path("/realms/main/api/v1/me"), None);
        assert_eq!(path("/realms/"), None);
    }

    #[test]
    fn a_request_id_is_echoed_only_if_it_is_harmless() {
        assert_eq!(sent_id(&headers(&[("x-request-id", "a.B_c-1")])).as_deref(), Some("a.B_c-1"));
        assert_eq!(sent_id(&headers(&[("x-request-id", "a b")])), None);
        assert_eq!(sent_id(&headers(&[("x-request-id", &"a".repeat(65))])), None);
    }
}
