//! How many connections one address may hold open at once: whoever opens ever more of them takes file descriptors and memory from everybody else,
//! long before a request is read and counted.

use std::collections::HashMap;
use std::future::{Ready, ready};
use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Extension;
use axum::middleware::AddExtension;
use axum_server::accept::Accept;
use tokio::net::TcpStream;
use tower::Layer;
use web::http::request::within;

/// Open connections by address. Clones count together.
#[derive(Clone, Debug)]
pub(crate) struct Connections {
    /// 0: as many as they like.
    most: usize,
    /// Proxies stand for many clients.
    exempt: Vec<(IpAddr, u8)>,
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// The place of one connection; given back when the connection is over.
#[derive(Debug)]
pub(crate) struct Place {
    address: IpAddr,
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.address);
            }
        }
    }
}

impl Connections {
    pub(crate) fn new(most: usize, exempt: Vec<(IpAddr, u8)>) -> Self {
        Self { most, exempt, open: Arc::default() }
    }

    /// Takes a place; `None`: the address holds as many as it may.
    fn take(&self, peer: IpAddr) -> Option<Option<Arc<Place>>> {
        let peer = peer.to_canonical();
        if self.most == 0 || self.exempt.iter().any(|(network, prefix)| within(peer, *network, *prefix)) {
            return Some(None);
        }
        let address = counted(peer);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(address).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Some(Arc::new(Place { address, open: self.open.clone() })))
    }
}

/// IPv4 alone, IPv6 by /64, like the throttles (F3): one customer of a provider is one address.
fn counted(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
    }
}

/// Before TLS: a handshake that never ends holds its place too. The place travels with the connection's service and ends with it.
impl<S> Accept<TcpStream, S> for Connections {
    type Stream = TcpStream;
    type Service = AddExtension<S, Option<Arc<Place>>>;
    type Future = Ready<io::Result<(Self::Stream, Self::Service)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        ready(stream.peer_addr().and_then(|peer| {
            let place = self.take(peer.ip()).ok_or_else(|| {
                tracing::debug!(%peer, "a connection too many of this address was closed");
                io::Error::from(io::ErrorKind::ConnectionRefused)
            })?;
            Ok((stream, Extension(place).layer(service)))
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn an_address_holds_as_many_as_it_may_and_gives_them_back() {
        let connections = Connections::new(2, Vec::new());
        let mut held: Vec<_> = (0..2).map(|_| connections.take(address("192.0.2.7")).expect("a place")).collect();

        assert!(connections.take(address("192.0.2.7")).is_none());
        assert!(connections.take(address("::ffff:192.0.2.7")).is_none(), "the same address");
        assert!(connections.take(address("192.0.2.8")).is_some());
        held.pop();
        assert!(connections.take(address("192.0.2.7")).is_some());
        held.clear();
        assert!(connections.open.lock().expect("the map").is_empty(), "nothing is left of who is gone");
    }

    #[test]
    fn a_network_of_64_bits_is_one_address() {
        let connections = Connections::new(1, Vec::new());
        let _held = connections.take(address("2001:db8:0:1::7")).expect("a place");

        assert!(connections.take(address("2001:db8:0:1:ffff::8")).is_none());
        assert!(connections.take(address("2001:db8:0:2::7")).is_some());
    }

    #[test]
    fn proxies_and_zero_know_no_limit() {
        let proxy = Connections::new(1, vec![(address("10.0.0.0"), 8)]);
        let none = Connections::new(0, Vec::new());
        let held: Vec<_> = (0..9).map(|_| (proxy.take(address("10.1.2.3")), none.take(address("192.0.2.7")))).collect();

        assert!(held.iter().all(|(proxy, none)| proxy.is_some() && none.is_some()));
    }
}
