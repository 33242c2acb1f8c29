//! Keys of counters: keyed hashes of what is counted, so that the table tells no names and no addresses.

use domain::allowed::Request;
use domain::id::UserId;
use domain::realm::RealmKey;
use domain::secret::hmac_sha256;
use domain::throttle::Throttled;
use store::throttle::Refused;
use store::{Outcome, Upkeep};

use crate::app::App;
use domain::event::{Event, EventType};

/// The key of something that is counted for a purpose.
pub(crate) fn key(app: &App, realm: RealmKey, purpose: &str, what: &[u8]) -> [u8; 32] {
    hmac_sha256(app.seal.derive("throttle", realm).bytes(), &[purpose.as_bytes(), b" ", what])
}

/// The key of a client's address: IPv4 alone, IPv6 by /64 (F3), so that one customer of a provider is one address.
pub(crate) fn address(app: &App, realm: RealmKey, purpose: &str, request: &Request) -> [u8; 32] {
    key(app, realm, purpose, prefix(request).as_bytes())
}

/// The key of one factor of one person; `factor` may name a device or a session too.
pub(crate) fn factor(app: &App, realm: RealmKey, user: UserId, factor: &str) -> [u8; 32] {
    key(app, realm, "factor", format!("{user} {factor}").as_bytes())
}

fn prefix(request: &Request) -> String {
    match request.address {
        Some(std::net::IpAddr::V6(v6)) if v6.to_ipv4_mapped().is_none() => {
            let parts = v6.segments();
            format!("{:x}:{:x}:{:x}:{:x}", parts[0], parts[1], parts[2], parts[3])
        }
        Some(other) => other.to_canonical().to_string(),
        None => "none".to_owned(),
    }
}

/// A refusal makes no event of its own: one a minute and key, with a count.
pub(crate) fn refusal<T, E>(refused: Refused, answer: impl FnOnce(Throttled) -> E) -> Outcome<Result<T, E>> {
    let answer = Err(answer(refused.throttled));
    match refused.report {
        Some(count) => {
            let event = Event::new(EventType::ExcessRateLimitExceeded).denied("throttled").with("count", count);
            Outcome::done(answer, event)
        }
        None => Outcome::upkeep(answer, Upkeep::Throttle),
    }
}
