//! Who signs in from where: the history against which a block is held. An address from which your people signed in before the
//! incident began is theirs.
//!
//! Filled by half B in the order of time. At most [`ADDRESSES_MAX`] addresses are known; of those beyond it only the number.

use std::collections::BTreeMap;
use std::net::IpAddr;

use shieldwall_schema::Timestamp;

use crate::net::Net;

/// Addresses that are remembered: 20 MiB.
pub const ADDRESSES_MAX: usize = 100_000;

/// Names of people, and of machines, that are remembered of one address.
const NAMES_MAX: usize = 3;

/// What is known of an address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Acquaintance {
    /// Sessions that were opened from it.
    pub sessions: u64,
    /// Who opened them: the first few.
    pub users: Vec<String>,
    /// What it called itself: the first few.
    pub names: Vec<String>,
    /// The first of them.
    pub first: Option<Timestamp>,
}

/// What is known of all addresses.
#[derive(Clone, Debug, Default)]
pub struct Acquaintances {
    known: BTreeMap<IpAddr, Acquaintance>,
    beyond: u64,
}

impl Acquaintances {
    /// Somebody signed in from an address, which may have called itself something.
    pub fn meet(&mut self, address: IpAddr, user: &str, name: Option<&str>, at: Option<Timestamp>, count: u64) {
        let address = address.to_canonical();
        if self.known.len() >= ADDRESSES_MAX && !self.known.contains_key(&address) {
            self.beyond = self.beyond.saturating_add(count);
            return;
        }
        let one = self.known.entry(address).or_default();
        one.sessions = one.sessions.saturating_add(count);
        one.first = one.first.or(at).min(at.or(one.first));
        for (list, word) in [(&mut one.users, Some(user)), (&mut one.names, name)] {
            let Some(word) = word else { continue };
            if list.len() < NAMES_MAX && !list.iter().any(|known| known == word) {
                list.push(word.to_owned());
            }
        }
    }

    /// Who signed in from an address of `net` before a time, if anybody did.
    pub fn before(&self, net: Net, time: Option<Timestamp>) -> Option<&Acquaintance> {
        let known = |address: &IpAddr| self.known.get(address).filter(|one| is_before(one, time));
        if net.is_host() {
            return known(&net.address());
        }
        self.known
            .iter()
            .find(|(address, one)| Net::host(**address).overlaps(net) && is_before(one, time))
            .map(|(_, one)| one)
    }

    /// What an address called itself when somebody signed in from it, at any time: machines of yours do so by their names.
    /// Who comes from it may have written that name, so it is a reason to ask, never one to be silent.
    pub fn names(&self, net: Net) -> &[String] {
        self.known.get(&net.address()).filter(|_| net.is_host()).map_or(&[], |one| one.names.as_slice())
    }

    /// Since when anything is known.
    pub fn since(&self) -> Option<Timestamp> {
        self.known.values().filter_map(|one| one.first).min()
    }

    /// Whether anybody signed in from anywhere before a time: without that, silence says nothing.
    pub fn tells(&self, time: Option<Timestamp>) -> bool {
        self.known.values().any(|one| is_before(one, time))
    }
}

/// What has no time cannot be said to have been before.
fn is_before(one: &Acquaintance, time: Option<Timestamp>) -> bool {
    one.first.is_some_and(|first| time.is_none_or(|time| first < time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_before_counts() {
        let mut known = Acquaintances::default();
        let at = |seconds| Timestamp::from_seconds(seconds, 0);
        for last in 1..=3 {
            known.meet(format!("198.51.100.{last}").parse().unwrap(), "anna", None, at(100), 1);
        }
        known.meet("203.0.113.9".parse().unwrap(), "ben", Some("PC-9"), at(500), 2);
        known.meet("203.0.113.8".parse().unwrap(), "ben", None, None, 2);
        let net = |text: &str| text.parse::<Net>().unwrap();
        assert_eq!(known.before(net("198.51.100.1"), at(300)).unwrap().users, ["anna"]);
        assert_eq!(known.before(net("203.0.113.9"), at(300)), None, "the break-in itself is no acquaintance");
        assert_eq!(known.before(net("203.0.113.8"), at(300)), None);
        assert_eq!(known.names(net("203.0.113.9")), ["PC-9"]);
        assert!(known.names(net("203.0.113.0/24")).is_empty());
        assert!(known.tells(at(300)) && !known.tells(at(50)));
    }

    #[test]
    fn memory_is_bounded() {
        let mut known = Acquaintances::default();
        for number in 0..ADDRESSES_MAX as u32 + 10 {
            known.meet(IpAddr::from(number.to_be_bytes()), "u", None, None, 1);
        }
        assert_eq!((known.known.len(), known.beyond), (ADDRESSES_MAX, 10));
    }
}
