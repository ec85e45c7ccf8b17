//! What this machine must not lose, read from the machine at the moment of acting: own addresses, gateways, DNS and time
//! servers, who manages it right now, its accounts and our own processes.
//!
//! Everything is read as plain files below a root, so that a test can show any machine. What cannot be read is told in
//! [`Machine::unknown`], never taken for "nothing": the runner refuses to act on the network while that list speaks of it.

use std::collections::BTreeSet;
use std::fs::{self, File};
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

/// The port at which whoever connects is not yet known: a connection says nothing until somebody signed in over it.
const SSH_PORT: u16 = 22;

/// Why the far end of a management session is protected.
pub const MANAGES: &str = "manages this machine right now";

/// Sessions of `systemd-logind` that are read.
const SESSIONS_MAX: usize = 4096;

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
        // Who merely connects to SSH is anybody: were that enough, every password guesser would protect himself.
        let signed_in = signed_in(root);
        let managed = |port: u16, far: IpAddr| {
            let known = || signed_in.as_ref().is_none_or(|known| known.contains(&far));
            (port == SSH_PORT || ports.contains(&port)) && known()
                || port != SSH_PORT && MANAGEMENT_PORTS.contains(&port)
        };
        machine.protect(sessions(&wanted("proc/net/tcp", &mut unknown), managed), MANAGES);
        machine.protect(sessions(&read("proc/net/tcp6").unwrap_or_default(), managed), MANAGES);
        machine.accounts(
            &wanted("etc/passwd", &mut unknown),
            &read("etc/group").unwrap_or_default(),
            &read("etc/shadow").unwrap_or_default(),
        );
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

    fn accounts(&mut self, passwd: &str, group: &str, shadow: &str) {
        const ADMINS: [&str; 3] = ["sudo", "wheel", "admin"];
        let groups = || group.lines().filter_map(|line| line.split_once(':')).filter(|(name, _)| ADMINS.contains(name));
        let ids: Vec<&str> = groups().filter_map(|(_, rest)| rest.split(':').nth(1)).collect();
        let mut primary: Vec<&str> = Vec::new();
        for line in passwd.lines() {
            let mut parts = line.split(':');
            let (Some(name), Some(uid)) = (parts.next(), parts.nth(1).and_then(|uid| uid.parse::<u32>().ok())) else {
                continue;
            };
            if parts.next().is_some_and(|gid| ids.contains(&gid)) {
                primary.push(name);
            }
            if uid == 0 {
                self.users.push((name.to_owned(), "may do everything"));
            } else if uid < 1000 || uid == 65534 {
                self.users.push((name.to_owned(), "an account of the system"));
            }
        }
        // An account that was ended, as we end them, administers nothing any more.
        let ended = |name: &str| {
            let line = shadow.lines().find(|line| line.split(':').next() == Some(name));
            line.and_then(|line| line.split(':').nth(7)?.parse::<u64>().ok()).is_some_and(|day| day <= 1)
        };
        let mut admins: Vec<&str> = groups()
            .flat_map(|(_, rest)| rest.rsplit(':').next().unwrap_or_default().split(','))
            .chain(primary)
            .filter(|name| !name.is_empty() && !ended(name))
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
    bytes(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

fn bytes(path: &Path) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(FILE_BYTES_MAX).read_to_end(&mut bytes).ok()?;
    Some(bytes)
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

/// Addresses from which somebody is signed in now: sessions of `systemd-logind` and `utmp`. `None` where neither is kept, or a
/// session names its origin in words: then nobody can be told from anybody.
fn signed_in(root: &Path) -> Option<BTreeSet<IpAddr>> {
    let utmp = bytes(&root.join("run/utmp")).unwrap_or_default();
    let mut found: BTreeSet<IpAddr> = logins(&utmp).collect();
    let mut known = !utmp.is_empty();
    if let Ok(folder) = fs::read_dir(root.join("run/systemd/sessions")) {
        known = true;
        for entry in folder.take(SESSIONS_MAX).flatten() {
            let about = text(&entry.path()).unwrap_or_default();
            let value = |key: &str| about.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            if value("REMOTE") != Some("1") {
                continue;
            }
            match value("REMOTE_HOST").map(str::parse::<IpAddr>) {
                Some(Ok(address)) => {
                    found.insert(address.to_canonical());
                }
                Some(Err(_)) if utmp.is_empty() => return None,
                _ => {}
            }
        }
    }
    known.then_some(found)
}

/// Addresses from which somebody ever signed in, as far as `wtmp` goes back.
pub fn signed_in_before(root: &Path) -> BTreeSet<IpAddr> {
    logins(&bytes(&root.join("var/log/wtmp")).unwrap_or_default()).collect()
}

/// Far ends of the sessions in a file of `struct utmp` (utmp(5), 384 bytes each on every Linux with a 32-bit `ut_tv`).
fn logins(bytes: &[u8]) -> impl Iterator<Item = IpAddr> + '_ {
    const RECORD: usize = 384;
    const USER_PROCESS: [u8; 2] = 7_u16.to_ne_bytes();
    const ADDRESS: usize = 348;
    let one = |record: &[u8]| {
        (record.get(..2)? == USER_PROCESS).then_some(())?;
        let all: [u8; 16] = record.get(ADDRESS..ADDRESS + 16)?.try_into().ok()?;
        let (four, rest) = all.split_first_chunk::<4>()?;
        let address = if rest.iter().all(|byte| *byte == 0) { IpAddr::from(*four) } else { IpAddr::from(all) };
        (!address.is_unspecified()).then(|| address.to_canonical())
    };
    bytes.chunks_exact(RECORD).filter_map(one)
}

/// Far ends of open connections to management ports, of `/proc/net/tcp` or `tcp6`.
fn sessions(text: &str, managed: impl Fn(u16, IpAddr) -> bool) -> Vec<IpAddr> {
    const ESTABLISHED: &str = "01";
    let one = |line: &str| {
        let mut parts = line.split_whitespace().skip(1);
        let (local, far, state) = (parts.next()?, parts.next()?, parts.next()?);
        let port = u16::from_str_radix(local.split_once(':')?.1, 16).ok()?;
        let far = (state == ESTABLISHED).then(|| socket_address(far.split_once(':')?.0))??;
        managed(port, far).then_some(far)
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

    /// A connection alone protects nobody where it is known who signed in; a session does.
    #[test]
    fn who_only_connects_to_ssh_is_not_protected() {
        let le = cfg!(target_endian = "little");
        let far = |last: &str| if le { format!("{last}7100CB") } else { format!("CB0071{last}") };
        let tcp = format!(
            "head\n 0: 00000000:0016 {}:D431 01 x\n 1: 00000000:0016 {}:D431 01 x\n 2: 00000000:0D3D {}:D431 01 x\n",
            far("09"),
            far("0A"),
            far("0B")
        );
        let why = |files: &[(&str, &str)], address: &str| {
            let mut protected = Protected::default();
            machine(files).guard(&mut protected);
            protected.why(address.parse().unwrap()).map(str::to_owned)
        };
        let remote = "REMOTE=1\nREMOTE_HOST=203.0.113.9\n";
        let known = [("proc/net/tcp", tcp.as_str()), ("run/systemd/sessions/4", remote)];
        assert_eq!(why(&known, "203.0.113.9").as_deref(), Some(MANAGES));
        assert_eq!(why(&known, "203.0.113.10"), None, "he knocks and is not in");
        assert_eq!(why(&known, "203.0.113.11").as_deref(), Some(MANAGES), "a desktop's port is another matter");
        // Where nobody keeps a list, or it speaks in names, everybody may be the administrator.
        for list in ["", "REMOTE=1\nREMOTE_HOST=desk.example.org\n"] {
            let mut files = vec![("proc/net/tcp", tcp.as_str())];
            files.extend((!list.is_empty()).then_some(("run/systemd/sessions/4", list)));
            assert_eq!(why(&files, "203.0.113.10").as_deref(), Some(MANAGES), "{list}");
        }
    }

    #[test]
    fn addresses_of_logins_are_read_from_utmp() {
        let record = |kind: u16, address: [u8; 16]| {
            let mut record = [0_u8; 384];
            record[..2].copy_from_slice(&kind.to_ne_bytes());
            record[348..364].copy_from_slice(&address);
            record
        };
        let mut four = [0; 16];
        four[..4].copy_from_slice(&[203, 0, 113, 9]);
        let six: Ipv6Addr = "2001:db8::9".parse().unwrap();
        let mut bytes =
            [record(7, four), record(7, six.octets()), record(8, six.octets()), record(7, [0; 16])].concat();
        bytes.extend([7; 100]);
        let found: Vec<String> = logins(&bytes).map(|address| address.to_string()).collect();
        assert_eq!(found, ["203.0.113.9", "2001:db8::9"]);
    }

    #[test]
    fn the_last_of_those_who_may_administer_is_protected_also_when_others_were_ended() {
        let passwd = "anna:x:1000:1000::/:/bin/sh\nben:x:1001:27::/:/bin/sh\ncarl:x:1002:1002::/:/bin/sh\n";
        let group = "sudo:x:27:anna,carl\n";
        let only = |shadow: &str| {
            let files = [("etc/passwd", passwd), ("etc/group", group), ("etc/shadow", shadow)];
            let users = machine(&files).users;
            let found: Vec<String> =
                users.into_iter().filter(|(_, why)| why.contains("only")).map(|(name, _)| name).collect();
            found
        };
        assert_eq!(only(""), Vec::<String>::new(), "three");
        assert_eq!(only("anna:!x:1:0:9:7::1:\n"), Vec::<String>::new(), "two: ben by his primary group");
        assert_eq!(only("anna:!x:1:0:9:7::1:\ncarl:!x:1:0:9:7::1:\n"), ["ben"]);
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
