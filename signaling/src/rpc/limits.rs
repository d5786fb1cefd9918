//! How many connections an address may have, and how many requests a connection may make.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// Most WebSockets of one address. Loopback is free: a proxy in front counts for itself.
const OF_ADDRESS_MAX: usize = 256;
/// Most WebSockets at all.
const ALL_MAX: usize = 20_000;
/// Requests a second of one connection, and how many may come at once.
const RATE: f64 = 50.0;
const BURST: f64 = 200.0;

/// Open WebSockets by address.
#[derive(Clone, Default, Debug)]
pub struct Connections(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// One open WebSocket; gives its place back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    all: Connections,
    address: IpAddr,
}

impl Connections {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().sum()
    }

    /// A place for one more from this address, if there is one.
    pub(super) fn take(&self, address: IpAddr) -> Option<Place> {
        let address = address.to_canonical();
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = places.values().sum();
        let own = places.get(&address).copied().unwrap_or(0);
        if all >= ALL_MAX || (own >= OF_ADDRESS_MAX && !address.is_loopback()) {
            return None;
        }
        places.insert(address, own + 1);
        Some(Place { all: self.clone(), address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut places = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = places.get_mut(&self.address) {
            *own -= 1;
            if *own == 0 {
                places.remove(&self.address);
            }
        }
    }
}

/// Requests a connection may still make.
#[derive(Debug)]
pub(super) struct Allowance {
    left: f64,
    at: Instant,
}

impl Allowance {
    pub(super) fn new(now: Instant) -> Allowance {
        Allowance { left: BURST, at: now }
    }

    /// Takes one, if there is one.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.at = now;
        self.left = (self.left + passed * RATE).min(BURST);
        if self.left < 1.0 {
            return false;
        }
        self.left -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn an_address_has_so_many_places() {
        let connections = Connections::default();
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        let mapped: IpAddr = "::ffff:192.0.2.1".parse().unwrap(); // the same, on IPv6
        let mut places: Vec<_> = (0..OF_ADDRESS_MAX).map(|_| connections.take(address)).collect();
        assert!(places.iter().all(Option::is_some));
        assert!(connections.take(mapped).is_none());
        assert!(connections.take("192.0.2.2".parse().unwrap()).is_some(), "others are free");
        places.pop();
        assert!(connections.take(mapped).is_some(), "a place came back");
        drop(places);
        assert_eq!(connections.count(), 0);
    }

    #[test]
    fn requests_come_back_with_time() {
        let start = Instant::now();
        let mut allowance = Allowance::new(start);
        assert_eq!((0..1_000).filter(|_| allowance.take(start)).count(), 200);
        let later = start + Duration::from_secs(1);
        assert_eq!((0..1_000).filter(|_| allowance.take(later)).count(), 50);
    }
}
