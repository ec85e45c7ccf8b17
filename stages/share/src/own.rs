//! What belongs to us. Where it is not sure, it counts as ours: what is held back too much costs a line in the preview, what
//! leaves too much cannot be called back.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Names shorter than this say nothing when they stand inside a domain (`a`, `pc`).
const NAME_CHARS_MIN: usize = 3;

/// Characters of a label beyond which it may carry data rather than a name. The longest words of real names stay below;
/// data in DNS questions comes in labels of thirty and more.
const LABEL_CHARS_MAX: usize = 24;

/// Endings of names that no public DNS resolves (RFC 2606, 6761, 6762, 8375; ICANN's `internal`; and custom).
const PRIVATE_ENDINGS: &[&str] = &[
    "arpa",
    "corp",
    "home",
    "internal",
    "intra",
    "intranet",
    "invalid",
    "lan",
    "local",
    "localdomain",
    "localhost",
    "onion",
    "private",
    "test",
    "workgroup",
];

/// Who we are, as far as the records tell.
#[derive(Clone, Debug, Default)]
pub struct Own {
    hosts: BTreeSet<String>,
    users: BTreeSet<String>,
    domains: BTreeSet<String>,
    networks: BTreeSet<u128>,
}

impl Own {
    /// A machine of ours, with its domain if the record has it: everything in that domain is ours.
    pub fn add_host(&mut self, name: &str) {
        let name = name.trim().trim_end_matches('.').to_lowercase();
        if name.is_empty() || name.parse::<IpAddr>().is_ok() {
            return;
        }
        if let Some((first, domain)) = name.split_once('.') {
            self.hosts.insert(first.to_owned());
            // A domain of one label (`com`) would be everybody's; then only the whole name is ours.
            self.domains.insert(if domain.contains('.') { domain.to_owned() } else { name.clone() });
        } else {
            self.hosts.insert(name);
        }
    }

    /// Whether a machine of this name is known to be ours.
    pub fn has_host(&self, name: &str) -> bool {
        let name = name.trim().to_lowercase();
        self.hosts.contains(name.split('.').next().unwrap_or_default())
    }

    /// An account of ours.
    pub fn add_user(&mut self, name: &str) {
        self.users.insert(name.to_lowercase());
    }

    /// An address of ours; with it its neighbours (IPv4 /24, IPv6 /48).
    pub fn add_address(&mut self, address: IpAddr) {
        self.networks.insert(network(address));
    }

    /// Why an address may not leave; `None` if it may.
    pub fn holds_address(&self, address: IpAddr) -> Option<&'static str> {
        let address = address.to_canonical();
        if let Some(why) = reserved(address) {
            return Some(why);
        }
        self.networks.contains(&network(address)).then_some("a machine of ours, or its neighbour")
    }

    /// Why a domain (lower case) may not leave; `None` if it may.
    pub fn holds_domain(&self, name: &str) -> Option<&'static str> {
        let labels: Vec<&str> = name.split('.').collect();
        let fits = |label: &&str| {
            matches!(label.len(), 1..=63)
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_'))
        };
        let last = labels.last().copied().unwrap_or_default();
        if labels.len() < 2
            || name.len() > 253
            || !labels.iter().all(fits)
            || last.bytes().all(|byte| byte.is_ascii_digit())
        {
            return Some("no public domain name");
        }
        if PRIVATE_ENDINGS.contains(&last) {
            return Some("a name of a private network");
        }
        if self.domains.iter().any(|own| name == own || name.strip_suffix(own).is_some_and(|rest| rest.ends_with('.')))
        {
            return Some("in a domain of ours");
        }
        if labels.iter().any(|label| label.len() > LABEL_CHARS_MAX) {
            return Some("a label so long that it may carry data");
        }
        let ours =
            |name: &String| name.len() >= NAME_CHARS_MIN && labels.iter().any(|label| label.contains(name.as_str()));
        self.hosts.iter().chain(&self.users).any(ours).then_some("holds a name of ours")
    }
}

/// A number for an address's neighbourhood; both families in one space (IPv4 as mapped).
fn network(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(four) => u128::from(four.to_ipv6_mapped()) & !0xff,
        IpAddr::V6(six) => u128::from(six) & !((1 << 80) - 1),
    }
}

/// Why no address of this kind names a machine on the internet. Documentation ranges (RFC 5737, 3849) pass: nobody has
/// them, so they give nobody away, and examples are made of them.
fn reserved(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(four) => reserved_four(four),
        IpAddr::V6(six) => reserved_six(six),
    }
}

fn reserved_four(four: Ipv4Addr) -> Option<&'static str> {
    let [a, b, c, _] = four.octets();
    Some(match (a, b, c) {
        (10, ..) | (172, 16..=31, _) | (192, 168, _) => "a private address",
        (100, 64..=127, _) => "an address behind a carrier's gateway",
        (127, ..) => "the machine itself",
        (169, 254, _) => "a link-local address",
        (0, ..) | (192, 0, 0) | (198, 18..=19, _) | (224.., ..) => "a reserved address",
        _ => return None,
    })
}

fn reserved_six(six: Ipv6Addr) -> Option<&'static str> {
    let segments = six.segments();
    let [first, second, ..] = segments;
    // Addresses that carry an IPv4 one are judged by it: 6to4, NAT64, IPv4-compatible.
    let inner = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        reserved_four(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => return Some("the machine itself"),
        [0x2002, high, low, ..] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => return inner(high, low),
        _ => {}
    }
    match first {
        0xfc00..=0xfdff => Some("a private address"),
        0xfe80..=0xfebf => Some("a link-local address"),
        // Global unicast is 2000::/3; of it 2001:0::/32 (Teredo) carries the address of somebody's gateway.
        0x2000..=0x3fff if (first, second) != (0x2001, 0) => None,
        _ => Some("a reserved address"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_others_on_the_internet_pass() {
        let mut own = Own::default();
        own.add_address("203.0.113.7".parse().unwrap());
        own.add_address("2001:db8:1::5".parse().unwrap());
        for (address, may_leave) in [
            ("198.51.100.7", true),
            ("8.8.8.8", true),
            ("2606:4700::1", true),
            ("2001:db8:2::1", true),
            ("203.0.113.9", false),
            ("2001:db8:1:77::9", false),
            ("10.1.2.3", false),
            ("172.16.0.1", false),
            ("172.31.255.255", false),
            ("172.32.0.1", true),
            ("192.168.1.1", false),
            ("100.64.0.1", false),
            ("100.128.0.1", true),
            ("127.0.0.1", false),
            ("169.254.169.254", false),
            ("0.0.0.0", false),
            ("198.18.0.1", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("::1", false),
            ("::", false),
            ("::ffff:10.0.0.1", false),
            ("::ffff:198.51.100.7", true),
            ("64:ff9b::10.0.0.1", false),
            ("64:ff9b::8.8.8.8", true),
            ("2002:a00:1::", false),
            ("2001:0:1::", false),
            ("fd00::1", false),
            ("fe80::1", false),
            ("ff02::1", false),
            ("::8.8.8.8", false),
        ] {
            assert_eq!(own.holds_address(address.parse().unwrap()).is_none(), may_leave, "{address}");
        }
    }

    #[test]
    fn only_domains_of_others_pass() {
        let mut own = Own::default();
        own.add_host("FS-01.shop.example.org");
        own.add_host("build.com");
        own.add_host("192.0.2.1");
        own.add_user("anna");
        for (name, may_leave) in [
            ("evil.example.com", true),
            ("xn--e1afmkfd.example", true),
            ("shop.example.org", false),
            ("dc-01.shop.example.org", false),
            ("myshop.example.org", true),
            ("build.com", false),
            ("example.com", true),
            ("printer.local", false),
            ("x.corp", false),
            ("7.2.0.192.in-addr.arpa", false),
            ("localhost", false),
            ("192.0.2.1", false),
            ("fs-01.evil.example", false),
            ("mail-anna.evil.example", false),
            ("4a6f686e20446f6520706173732068756e74657232.evil.example", false),
            ("ev\u{430}l.example", false),
            ("a'] OR [x.example", false),
            ("", false),
            (".", false),
            ("a..b", false),
        ] {
            assert_eq!(own.holds_domain(name).is_none(), may_leave, "{name}");
        }
        assert!(own.has_host("fs-01") && own.has_host("FS-01.other") && !own.has_host("evil"));
    }
}
