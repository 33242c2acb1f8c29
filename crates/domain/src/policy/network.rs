//! Networks, in CIDR notation: from where somebody may sign in and go on.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

/// A network: its first address and how many bits all of its addresses share. No bit beyond them is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network {
    first: IpAddr,
    bits: u8,
}

/// Why a text is no network; for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NetworkError(String);

impl Network {
    /// Reads `10.20.0.0/16`, `2001:db8::/32`, or one address. Bits beyond the prefix are refused: who writes them means something else.
    ///
    /// # Errors
    /// [`NetworkError`] says what was expected.
    pub fn parse(text: &str) -> Result<Self, NetworkError> {
        let grammar =
            || NetworkError("must be a network like 10.20.0.0/16 or 2001:db8::/32, or one address".to_owned());
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| grammar())?;
        if address != address.to_canonical() {
            return Err(NetworkError("write an IPv4 network as one, like 10.20.0.0/16".to_owned()));
        }
        let most = width(address);
        let bits = match bits {
            None => most,
            // One way to write a number: no sign, no leading zero.
            Some(text) => text.parse().ok().filter(|n: &u8| *n <= most && n.to_string() == text).ok_or_else(grammar)?,
        };
        let first = cut(address, bits);
        if first != address {
            return Err(NetworkError(format!("has bits beyond its prefix; did you mean {first}/{bits}?")));
        }
        Ok(Self { first, bits })
    }

    /// Whether an address lies in it. An IPv4 address in IPv6 form counts as what it is.
    #[must_use]
    pub fn holds(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        width(address) == width(self.first) && cut(address, self.bits) == self.first
    }

    fn within(&self, other: &Self) -> bool {
        self.bits >= other.bits && other.holds(self.first)
    }
}

const fn width(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

fn cut(address: IpAddr, bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(u32::from(32_u8.saturating_sub(bits))).unwrap_or(0);
            Ipv4Addr::from_bits(v4.to_bits() & mask).into()
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(u32::from(128_u8.saturating_sub(bits))).unwrap_or(0);
            Ipv6Addr::from_bits(v6.to_bits() & mask).into()
        }
    }
}

/// Those that lie in no other of them, each once, in order.
#[must_use]
pub fn maximal(mut all: Vec<Network>) -> Vec<Network> {
    all.sort_unstable();
    all.dedup();
    let kept = all.iter().filter(|one| !all.iter().any(|other| other != *one && one.within(other)));
    kept.copied().collect()
}

/// What lies in one of both lists each. Two networks lie in each other or apart: the smaller is what they share.
#[must_use]
pub fn shared(one: &[Network], other: &[Network]) -> Vec<Network> {
    let mut found = Vec::new();
    for a in one {
        for b in other {
            if a.within(b) {
                found.push(*a);
            } else if b.within(a) {
                found.push(*b);
            }
        }
    }
    maximal(found)
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.bits)
    }
}

impl TryFrom<String> for Network {
    type Error = NetworkError;

    fn try_from(text: String) -> Result<Self, NetworkError> {
        Self::parse(&text)
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}
