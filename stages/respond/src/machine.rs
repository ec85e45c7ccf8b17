//! What this machine must not lose, read from the machine at the moment of acting: own addresses, gateways, DNS and time
//! servers, who manages it right now, its accounts and our own processes.
//!
//! Everything is read as plain files below a root, so that a test can show any machine. What cannot be read is told in
//! [`Machine::unknown`], never taken for "nothing": the runner refuses to act on the network while that list speaks of it.

use std::fs::File;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use crate::guard::Protected;
use crate::net::Net;

/// Bytes of one such file that are read: 100,000 connections stand in `/proc/net/tcp` in 15 MiB.
const FILE_BYTES_MAX: u64 = 32 << 20;

/// Parents of a process that are followed.
const PARENTS_MAX: usize = 64;

/// Ports whose open connections count as management: SSH, RDP, WinRM, VNC.
pub const MANAGEMENT_PORTS: [u16; 5] = [22, 3389, 5900, 5985, 5986];

/// What was read.
#[derive(Clone, Debug, Default)]
pub struct Machine {
    /// Its name, in lower case, without the domain.
    pub name: String,
    /// Networks with why they are protected.
    pub nets: Vec<(Net, &'static str)>,
    /// Accounts with why they are protected.
    pub users: Vec<(String, &'static str)>,
    /// Our own process and its parents.
    pub processes: Vec<u32>,
    /// What could not be read.
    pub unknown: Vec<String>,
}

impl Machine {
    /// Reads a machine below `root` (`/`), as the process `pid` sees it. `ports` are management ports beyond
    /// [`MANAGEMENT_PORTS`]; `user` is who asks, if known.
    pub fn read(root: &Path, pid: u32, ports: &[u16], user: Option<&str>) -> Self {
        let mut machine = Self::default();
        let read = |name: &str| text(&root.join(name));
        machine.name = read("proc/sys/kernel/hostname")
            .unwrap_or_default()
            .trim()
            .split('.')
            .next()
            .unwrap_or_default()
            .to_lowercase();
        let wanted = |name: &str, unknown: &mut Vec<String>| {
            read(name).unwrap_or_else(|| {
                unknown.push(format!("/{name}"));
                String::new()
            })
        };
        let mut unknown = Vec::new();
        machine.protect(own4(&wanted("proc/net/fib_trie", &mut unknown)), "an address of this machine");
        machine.protect(gateways4(&wanted("proc/net/route", &mut unknown)), "the gateway");
        // A kernel without IPv6 has neither file.
        machine.protect(own6(&read("proc/net/if_inet6").unwrap_or_default()), "an address of this machine");
        machine.protect(gateways6(&read("proc/net/ipv6_route").unwrap_or_default()), "the gateway");
        for name in ["etc/resolv.conf", "run/systemd/resolve/resolv.conf"] {
            machine.protect(servers(&read(name).unwrap_or_default(), &["nameserver"]), "a DNS server");
        }
        for name in ["etc/ntp.conf", "etc/chrony/chrony.conf", "etc/chrony.conf", "etc/systemd/timesyncd.conf"] {
            let words = ["server", "peer", "pool", "NTP", "FallbackNTP"];
            machine.protect(servers(&read(name).unwrap_or_default(), &words), "a time server");
        }
        let managed = |port: u16| MANAGEMENT_PORTS.contains(&port) || ports.contains(&port);
        machine.protect(sessions(&wanted("proc/net/tcp", &mut unknown), managed), "manages this machine right now");
        machine
            .protect(sessions(&read("proc/net/tcp6").unwrap_or_default(), managed), "manages this machine right now");
        machine.accounts(&wanted("etc/passwd", &mut unknown), &read("etc/group").unwrap_or_default());
        if let Some(user) = user {
            machine.users.push((user.to_owned(), "you"));
        }
        machine.unknown = unknown;
        machine.processes = parents(root, pid);
        machine
    }

    fn protect(&mut self, found: Vec<IpAddr>, why: &'static str) {
        self.nets.extend(found.into_iter().map(|address| (Net::host(address), why)));
    }

    fn accounts(&mut self, passwd: &str, group: &str) {
        for line in passwd.lines() {
            let mut parts = line.split(':');
            let (Some(name), Some(uid)) = (parts.next(), parts.nth(1).and_then(|uid| uid.parse::<u32>().ok())) else {
                continue;
            };
            if uid == 0 {
                self.users.push((name.to_owned(), "may do everything"));
            } else if uid < 1000 || uid == 65534 {
                self.users.push((name.to_owned(), "an account of the system"));
            }
        }
        let mut admins: Vec<&str> = group
            .lines()
            .filter_map(|line| line.split_once(':'))
            .filter(|(name, _)| ["sudo", "wheel", "admin"].contains(name))
            .flat_map(|(_, rest)| rest.rsplit(':').next().unwrap_or_default().split(','))
            .filter(|name| !name.is_empty())
            .collect();
        admins.sort_unstable();
        admins.dedup();
        if let [only] = admins.as_slice() {
            self.users.push(((*only).to_owned(), "the only account that may administer"));
        }
    }

    /// Adds it all to what is protected.
    pub fn guard(&self, protected: &mut Protected) {
        for (net, why) in &self.nets {
            protected.add(*net, why);
        }
        for (user, why) in &self.users {
            protected.add_user(user, why);
        }
        for pid in &self.processes {
            protected.add_process(*pid, "our own, or one that started it");
        }
    }
}

/// The systemd unit that a process belongs to, of its control group.
pub fn unit_of(root: &Path, pid: u32) -> Option<String> {
    let groups = text(&root.join(format!("proc/{pid}/cgroup")))?;
    let unit = |line: &str| line.rsplit('/').find(|part| part.ends_with(".service")).map(str::to_owned);
    groups.lines().find_map(unit)
}

fn text(path: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(FILE_BYTES_MAX).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Own IPv4 addresses: leaves of `fib_trie` that the kernel marks `/32 host LOCAL`.
fn own4(trie: &str) -> Vec<IpAddr> {
    let mut own = Vec::new();
    let mut leaf: Option<Ipv4Addr> = None;
    for line in trie.lines() {
        let line = line.trim();
        if let Some(address) = line.strip_prefix("|-- ") {
            leaf = address.parse().ok();
        } else if line.starts_with("/32 host LOCAL") {
            own.extend(leaf.map(IpAddr::V4));
        }
    }
    own.sort_unstable();
    own.dedup();
    own
}

/// Own IPv6 addresses: the first column of `if_inet6`.
fn own6(text: &str) -> Vec<IpAddr> {
    text.lines().filter_map(|line| hex6(line.split_whitespace().next()?)).map(IpAddr::V6).collect()
}

fn hex6(text: &str) -> Option<Ipv6Addr> {
    (text.len() == 32).then(|| u128::from_str_radix(text, 16).ok().map(Ipv6Addr::from_bits)).flatten()
}

/// Gateways of `/proc/net/route`: the third column, in the machine's own byte order.
fn gateways4(text: &str) -> Vec<IpAddr> {
    let gateway = |line: &str| u32::from_str_radix(line.split_whitespace().nth(2)?, 16).ok();
    text.lines()
        .skip(1)
        .filter_map(gateway)
        .filter(|bits| *bits != 0)
        .map(|bits| IpAddr::from(bits.to_ne_bytes()))
        .collect()
}

/// Gateways of `/proc/net/ipv6_route`: the fifth column.
fn gateways6(text: &str) -> Vec<IpAddr> {
    text.lines()
        .filter_map(|line| hex6(line.split_whitespace().nth(4)?))
        .filter(|address| !address.is_unspecified())
        .map(IpAddr::V6)
        .collect()
}

/// Addresses after one of the words, as `nameserver 192.0.2.1` and `NTP=192.0.2.1 192.0.2.2` have them. Names are left
/// out: nothing is resolved here, and what answers for a name may change.
fn servers(text: &str, words: &[&str]) -> Vec<IpAddr> {
    let mut found = Vec::new();
    for line in text.lines() {
        let mut parts = line.split(|c: char| c.is_whitespace() || c == '=').filter(|part| !part.is_empty());
        if parts.next().is_some_and(|word| words.contains(&word)) {
            found.extend(parts.filter_map(|part| part.split('%').next()?.parse::<IpAddr>().ok()));
        }
    }
    found
}

/// Far ends of open connections to management ports, of `/proc/net/tcp` or `tcp6`.
fn sessions(text: &str, managed: impl Fn(u16) -> bool) -> Vec<IpAddr> {
    const ESTABLISHED: &str = "01";
    let one = |line: &str| {
        let mut parts = line.split_whitespace().skip(1);
        let (local, far, state) = (parts.next()?, parts.next()?, parts.next()?);
        let port = u16::from_str_radix(local.split_once(':')?.1, 16).ok()?;
        (state == ESTABLISHED && managed(port)).then_some(())?;
        socket_address(far.split_once(':')?.0)
    };
    let mut found: Vec<IpAddr> = text.lines().skip(1).filter_map(one).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// An address as the kernel prints it: words of four bytes in the machine's own order.
fn socket_address(text: &str) -> Option<IpAddr> {
    let word = |at: usize| u32::from_str_radix(text.get(at..at + 8)?, 16).ok().map(u32::to_ne_bytes);
    match text.len() {
        8 => Some(IpAddr::from(word(0)?)),
        32 => {
            let mut bytes = [0; 16];
            let words = [word(0)?, word(8)?, word(16)?, word(24)?];
            bytes.iter_mut().zip(words.as_flattened()).for_each(|(to, from)| *to = *from);
            Some(IpAddr::from(bytes).to_canonical())
        }
        _ => None,
    }
}

/// A process and those that started it.
fn parents(root: &Path, pid: u32) -> Vec<u32> {
    let mut found = vec![pid];
    while found.len() < PARENTS_MAX {
        let last = found.last().copied().unwrap_or(pid);
        // The name in brackets may hold anything, so what follows its last bracket counts: the state, then the parent.
        let parent = text(&root.join(format!("proc/{last}/stat")))
            .and_then(|stat| stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok());
        match parent {
            Some(parent) if parent > 1 && !found.contains(&parent) => found.push(parent),
            _ => break,
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn machine(files: &[(&str, &str)]) -> Machine {
        let root = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Machine::read(root.path(), 700, &[2222], Some("anna"))
    }

    #[test]
    fn what_the_machine_needs_is_read_from_its_own_files() {
        let le = cfg!(target_endian = "little");
        let (gateway, far) = if le { ("010200C0", "097100CB") } else { ("C0000201", "CB007109") };
        let read = machine(&[
            ("proc/sys/kernel/hostname", "Web-01.example.org\n"),
            (
                "proc/net/fib_trie",
                "Local:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 192.0.2.7\n        /32 host LOCAL\n     |-- 192.0.2.255\n        /32 link BROADCAST\n",
            ),
            (
                "proc/net/route",
                &format!(
                    "Iface\tDestination\tGateway\neth0\t00000000\t{gateway}\t0003\neth0\t000200C0\t00000000\t0001\n"
                ),
            ),
            ("proc/net/if_inet6", "20010db8000000000000000000000007 02 40 00 80 eth0\n"),
            (
                "proc/net/ipv6_route",
                "00000000000000000000000000000000 00 00000000000000000000000000000000 00 20010db8000000000000000000000001 00000400 1 0 3 eth0\n",
            ),
            ("etc/resolv.conf", "# nameserver 203.0.113.1\nnameserver 198.51.100.53\nnameserver fe80::1%eth0\n"),
            ("etc/systemd/timesyncd.conf", "[Time]\nNTP=198.51.100.123 pool.example\n"),
            (
                "proc/net/tcp",
                &format!(
                    "head\n 0: 00000000:0016 {far}:D431 01 x\n 1: 00000000:08AE 0A0200C0:D431 01 x\n 2: 00000000:0050 0B0200C0:D431 01 x\n 3: 00000000:0016 0C0200C0:D431 06 x\n broken\n"
                ),
            ),
            (
                "etc/passwd",
                "root:x:0:0::/root:/bin/sh\ntoor:x:0:0::/:/bin/sh\nwww-data:x:33:33::/:/bin/false\nanna:x:1000:1000::/:/bin/sh\nben:x:1001:1001::/:/bin/sh\nbroken\n",
            ),
            ("etc/group", "sudo:x:27:ben\n"),
            ("proc/700/stat", "700 (a) R (b) S 42 1 1"),
            ("proc/42/stat", "42 (init) S 1 1 1"),
        ]);
        assert_eq!(read.name, "web-01");
        let mut protected = Protected::default();
        read.guard(&mut protected);
        for (net, why) in [
            ("192.0.2.7", "an address of this machine"),
            ("2001:db8::7", "an address of this machine"),
            ("192.0.2.1", "the gateway"),
            ("2001:db8::1", "the gateway"),
            ("198.51.100.53", "a DNS server"),
            ("198.51.100.123", "a time server"),
            ("203.0.113.9", "manages this machine right now"),
        ] {
            assert_eq!(protected.why(net.parse().unwrap()), Some(why), "{net}");
        }
        // A broadcast address, a comment, a web client and a closed connection are nobody's protection.
        for net in ["192.0.2.255", "203.0.113.1", "192.0.2.11", "192.0.2.12"] {
            assert_eq!(protected.why(net.parse().unwrap()), None, "{net}");
        }
        let users: Vec<&str> = read.users.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(users, ["root", "toor", "www-data", "ben", "anna"]);
        assert_eq!(read.processes, [700, 42]);
        assert!(read.unknown.is_empty(), "{:?}", read.unknown);
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        assert_eq!(machine(&[]).unknown, ["/proc/net/fib_trie", "/proc/net/route", "/proc/net/tcp", "/etc/passwd"]);
    }

    #[test]
    fn hostile_files_give_nothing_and_do_not_stop() {
        let noise =
            ["", ":", "\u{fffd}\n|-- \n/32 host LOCAL", "a b zzzzzzzz c d e f", "x: :: :: 01", "nameserver", "))))"];
        for text in noise {
            for name in [
                "proc/net/fib_trie",
                "proc/net/route",
                "proc/net/tcp",
                "proc/net/tcp6",
                "proc/net/if_inet6",
                "proc/net/ipv6_route",
                "etc/resolv.conf",
                "etc/passwd",
                "etc/group",
                "proc/700/stat",
            ] {
                assert!(machine(&[(name, text)]).nets.is_empty(), "{name} {text}");
            }
        }
    }
}
