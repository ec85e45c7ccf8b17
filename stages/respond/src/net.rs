//! Addresses and networks. One network has one spelling: host bits are zero, IPv4 inside IPv6 is IPv4.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A network, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Net {
    address: IpAddr,
    prefix: u8,
}

/// A text that is no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no address or network: `{0}`")]
pub struct NoNet(String);

impl Net {
    /// A network; its host bits are dropped. `None` if the prefix is longer than an address.
    pub fn new(address: IpAddr, prefix: u8) -> Option<Self> {
        let (address, prefix) = match address {
            IpAddr::V6(six) if (96..=128).contains(&prefix) => match six.to_ipv4_mapped() {
                Some(four) => (IpAddr::V4(four), prefix - 96),
                None => (address, prefix),
            },
            _ => (address, prefix),
        };
        let width = if address.is_ipv4() { 32 } else { 128 };
        if prefix > width {
            return None;
        }
        let address = match address {
            IpAddr::V4(four) => IpAddr::V4(Ipv4Addr::from_bits(
                four.to_bits() & u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0),
            )),
            IpAddr::V6(six) => IpAddr::V6(Ipv6Addr::from_bits(
                six.to_bits() & u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0),
            )),
        };
        Some(Self { address, prefix })
    }

    /// One address.
    pub fn host(address: IpAddr) -> Self {
        let address = address.to_canonical();
        Self { address, prefix: if address.is_ipv4() { 32 } else { 128 } }
    }

    /// Its first address.
    pub fn address(self) -> IpAddr {
        self.address
    }

    /// Bits of its prefix.
    pub fn prefix(self) -> u8 {
        self.prefix
    }

    /// Whether it is one address.
    pub fn is_host(self) -> bool {
        self.prefix == if self.address.is_ipv4() { 32 } else { 128 }
    }

    /// Whether the two share an address.
    pub fn overlaps(self, other: Self) -> bool {
        let prefix = self.prefix.min(other.prefix);
        match (Self::new(self.address, prefix), Self::new(other.address, prefix)) {
            (Some(one), Some(two)) => one.address == two.address,
            _ => false,
        }
    }
}

impl fmt::Display for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_host() { write!(f, "{}", self.address) } else { write!(f, "{}/{}", self.address, self.prefix) }
    }
}

impl FromStr for Net {
    type Err = NoNet;
    fn from_str(text: &str) -> Result<Self, NoNet> {
        let wrong = || NoNet(text.chars().take(64).collect());
        match text.split_once('/') {
            None => text.parse().map(Self::host).map_err(|_| wrong()),
            Some((address, prefix)) => {
                let address = address.parse().map_err(|_| wrong())?;
                Self::new(address, prefix.parse().map_err(|_| wrong())?).ok_or_else(wrong)
            }
        }
    }
}

impl TryFrom<String> for Net {
    type Error = NoNet;
    fn try_from(text: String) -> Result<Self, NoNet> {
        text.parse()
    }
}

impl From<Net> for String {
    fn from(net: Net) -> Self {
        net.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_network_has_one_spelling() {
        for (text, expected) in [
            ("192.0.2.7/24", "192.0.2.0/24"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7/120", "192.0.2.0/24"),
            ("2001:db8::1/64", "2001:db8::/64"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("192.0.2.7/32", "192.0.2.7"),
        ] {
            assert_eq!(text.parse::<Net>().unwrap().to_string(), expected);
        }
        for text in ["", "x", "1.2.3.4/33", "::/129", "1.2.3.4/-1", "::ffff:1.2.3.4/255"] {
            assert!(text.parse::<Net>().is_err(), "{text}");
        }
    }

    #[test]
    fn overlap_is_mutual() {
        let net = |text: &str| text.parse::<Net>().unwrap();
        for (one, two, expected) in [
            ("192.0.2.0/24", "192.0.2.7", true),
            ("192.0.2.0/24", "192.0.3.7", false),
            ("0.0.0.0/0", "192.0.3.7", true),
            ("::/0", "192.0.3.7", false),
            ("::/0", "2001:db8::1", true),
        ] {
            assert_eq!(net(one).overlaps(net(two)), expected);
            assert_eq!(net(two).overlaps(net(one)), expected);
        }
    }
}
