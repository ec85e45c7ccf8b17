//! What may never be done: to whom, how wide, how often. The one maker of [`Checked`].
//!
//! Guards are pure: what they know of the machine (own addresses, sessions) is an argument, read by the program at the
//! moment of applying, not of planning.

use crate::net::Net;
use crate::plan::{Plan, Step};

/// Limits of what one plan and one hour of plans may do.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Targets in one plan: what a person can read before approving.
    pub targets: usize,
    /// Widest IPv4 network: one provider's customer.
    pub prefix4: u8,
    /// Widest IPv6 network: one subnet.
    pub prefix6: u8,
    /// Plans applied within [`RATE_WINDOW_MS`]: alerts come in floods, good responses do not.
    pub rate: usize,
    /// Plans applied for one incident.
    pub per_incident: usize,
    /// Longest block in seconds: seven days; who wants longer has a firewall.
    pub seconds: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { targets: 32, prefix4: 24, prefix6: 64, rate: 10, per_incident: 10, seconds: 7 * 24 * 3600 }
    }
}

impl Limits {
    /// How many times as much two operators may do together as one.
    const SECOND_OPERATOR: usize = 4;

    /// What two operators may do together. Widths stay: nobody means to block a provider.
    #[must_use]
    pub fn of_two(&self) -> Self {
        let more = |limit: usize| limit.saturating_mul(Self::SECOND_OPERATOR);
        Self {
            targets: more(self.targets),
            rate: more(self.rate),
            per_incident: more(self.per_incident),
            ..self.clone()
        }
    }
}

/// The window of [`Limits::rate`]: ten minutes.
pub const RATE_WINDOW_MS: i64 = 10 * 60 * 1000;

/// Networks that no machine can do without, whatever else is said: unspecified, loopback, link-local, multicast, broadcast.
const ALWAYS: [&str; 11] = [
    "0.0.0.0/8",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "::",
    "::1",
    "fe80::/10",
    "ff00::/8",
    // No packet on a wire has such a source; what is spelled so is IPv4, and has become that before.
    "::ffff:0:0:0/96",
    "64:ff9b::/96",
];

/// Accounts that no machine can do without.
const ALWAYS_USERS: [&str; 1] = ["root"];

/// Units that a machine or its management cannot do without, by the begin of their names.
const ALWAYS_UNITS: [&str; 14] = [
    "auditd.",
    "dbus",
    "getty@",
    "init.",
    "networking.",
    "NetworkManager.",
    "nftables.",
    "polkit.",
    "serial-getty@",
    "shieldwall",
    "ssh",
    "systemd-",
    "user@",
    "-.",
];

/// Whom no action may touch.
#[derive(Clone, Debug)]
pub struct Protected {
    nets: Vec<(Net, String)>,
    users: Vec<(String, String)>,
    units: Vec<(String, String)>,
    processes: Vec<(u32, String)>,
}

impl Default for Protected {
    fn default() -> Self {
        let nets = ALWAYS.iter().filter_map(|text| Some((text.parse().ok()?, "reserved".to_owned()))).collect();
        let named = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), "reserved".to_owned())).collect();
        let processes = vec![(0, "the kernel".to_owned()), (1, "the first process".to_owned())];
        Self { nets, users: named(&ALWAYS_USERS), units: named(&ALWAYS_UNITS), processes }
    }
}

impl Protected {
    /// Protects one more, and says why.
    pub fn add(&mut self, net: Net, why: &str) {
        self.nets.push((net, why.to_owned()));
    }

    /// Why a network may not be touched, if it may not.
    pub fn why(&self, net: Net) -> Option<&str> {
        self.nets.iter().find(|(own, _)| own.overlaps(net)).map(|(_, why)| why.as_str())
    }

    /// The same without those of one reason that overlap some networks.
    #[must_use]
    pub fn without(mut self, reason: &str, nets: &[Net]) -> Self {
        self.nets.retain(|(own, why)| why != reason || !nets.iter().any(|net| net.overlaps(*own)));
        self
    }

    /// Protects an account.
    pub fn add_user(&mut self, user: &str, why: &str) {
        self.users.push((user.to_owned(), why.to_owned()));
    }

    /// Protects the units whose names begin so.
    pub fn add_unit(&mut self, unit: &str, why: &str) {
        self.units.push((unit.to_owned(), why.to_owned()));
    }

    /// Protects a process.
    pub fn add_process(&mut self, pid: u32, why: &str) {
        self.processes.push((pid, why.to_owned()));
    }

    /// Why a unit may not be touched, if it may not.
    pub fn why_unit(&self, unit: &str) -> Option<&str> {
        self.units.iter().find(|(name, _)| unit.starts_with(name.as_str())).map(|(_, why)| why.as_str())
    }

    /// All networks, for the kernel's allow rule.
    pub fn nets(&self) -> impl Iterator<Item = Net> + '_ {
        self.nets.iter().map(|(net, _)| *net)
    }
}

/// What was done before: for rates and for doing one thing once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Past {
    /// What.
    pub step: Step,
    /// For which incident.
    pub incident: String,
    /// When it was applied, in milliseconds since 1970.
    pub at_ms: i64,
    /// Whether it still holds: not undone and not at its end.
    pub holds: bool,
}

/// Why a plan is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It would touch somebody protected.
    #[error("{target} is protected: {why}")]
    Protected {
        /// Whom.
        target: Net,
        /// Why.
        why: String,
    },
    /// It would touch an account, a unit or a process that is protected.
    #[error("{0} is protected: {1}")]
    Reserved(String, String),
    /// A name that no account, unit, hook, template or hash can have.
    #[error("`{0}` is no {1}")]
    Name(String, &'static str),
    /// There is nothing to do.
    #[error("there is no target")]
    Empty,
    /// It has more targets than one plan may have.
    #[error("{0} targets, more than {1}")]
    TooMany(usize, usize),
    /// A network is too wide.
    #[error("{0} is wider than allowed")]
    TooWide(Net),
    /// Two targets share addresses.
    #[error("{0} and {1} overlap")]
    Overlap(Net, Net),
    /// It has no end, or one too far away.
    #[error("a block lasts from 1 s to {0} s")]
    Endless(u64),
    /// It was already done and still holds.
    #[error("already done: {0}")]
    Twice(String),
    /// Too much was done in the last ten minutes.
    #[error("{0} actions in ten minutes: no more")]
    Rate(usize),
    /// Too much was done for this incident.
    #[error("{0} actions for this incident: no more")]
    Budget(usize),
    /// The path may not be touched.
    #[error("`{0}` may not be quarantined: {1}")]
    Path(String, &'static str),
    /// It is for another machine.
    #[error("it is for `{0}`, and this is `{1}`")]
    Elsewhere(String, String),
    /// What this machine must not lose could not be read.
    #[error("cannot read {0}: without it nobody can be protected")]
    Blind(String),
    /// It is not spelled as a plan is.
    #[error("the plan has no spelling")]
    Unspeakable,
}

/// A plan that passed the guards. Made by [`check`] alone:
///
/// ```compile_fail
/// fn forge(plan: shieldwall_respond::plan::Plan) -> shieldwall_respond::guard::Checked {
///     shieldwall_respond::guard::Checked { plan }
/// }
/// ```
#[derive(Debug)]
pub struct Checked {
    plan: Plan,
}

impl Checked {
    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    pub(crate) fn into_plan(self) -> Plan {
        self.plan
    }
}

/// Folders without which a machine does not start, and the kernel's own.
const PROTECTED_FOLDERS: [&str; 16] = [
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/lib64",
    "/proc",
    "/run/systemd",
    "/sbin",
    "/sys",
    "/usr/bin",
    "/usr/lib",
    "/usr/lib64",
    "/usr/libexec",
    "/usr/sbin",
    "/var/lib/shieldwall",
];

/// Checks a plan against everything that must never happen.
///
/// # Errors
/// All reasons against it.
pub fn check(
    plan: Plan,
    protected: &Protected,
    limits: &Limits,
    past: &[Past],
    now_ms: i64,
) -> Result<Checked, Vec<Refusal>> {
    let mut refusals = Vec::new();
    if plan.to_json().is_empty() {
        refusals.push(Refusal::Unspeakable);
    }
    match &plan.step {
        Step::Block { targets, ports, seconds } => {
            if targets.is_empty() {
                refusals.push(Refusal::Empty);
            }
            if targets.len() > limits.targets {
                return Err(vec![Refusal::TooMany(targets.len(), limits.targets)]);
            }
            if ports.len() > PORTS_MAX {
                return Err(vec![Refusal::TooMany(ports.len(), PORTS_MAX)]);
            }
            if *seconds == 0 || *seconds > limits.seconds {
                refusals.push(Refusal::Endless(limits.seconds));
            }
            for (at, target) in targets.iter().enumerate() {
                let widest = if target.address().is_ipv4() { limits.prefix4 } else { limits.prefix6 };
                if target.prefix() < widest {
                    refusals.push(Refusal::TooWide(*target));
                }
                if let Some(why) = protected.why(*target) {
                    refusals.push(Refusal::Protected { target: *target, why: why.to_owned() });
                }
                if let Some(other) = targets.iter().skip(at + 1).find(|other| other.overlaps(*target)) {
                    refusals.push(Refusal::Overlap(*target, *other));
                }
                let held = past.iter().filter(|past| past.holds).any(|past| match &past.step {
                    // Two deeds that share an element could not be undone one without the other.
                    Step::Block { targets, ports: held, .. } => {
                        (held.is_empty() || held.iter().any(|port| ports.contains(port)))
                            && targets.iter().any(|other| other.overlaps(*target))
                    }
                    _ => false,
                });
                if held {
                    refusals.push(Refusal::Twice(target.to_string()));
                }
            }
        }
        Step::Isolate { keep, seconds } => {
            if keep.len() > limits.targets {
                return Err(vec![Refusal::TooMany(keep.len(), limits.targets)]);
            }
            if *seconds == 0 || *seconds > limits.seconds {
                refusals.push(Refusal::Endless(limits.seconds));
            }
            let isolated =
                |past: &&Past| past.holds && past.step != plan.step && matches!(past.step, Step::Isolate { .. });
            if past.iter().any(|past| isolated(&past)) {
                refusals.push(Refusal::Twice("isolate".to_owned()));
            }
        }
        Step::StopProcess { process } | Step::KillProcess { process } => {
            if let Some((pid, why)) = protected.processes.iter().find(|(pid, _)| *pid == process.pid) {
                refusals.push(Refusal::Reserved(format!("process {pid}"), why.clone()));
            }
            if !is_hash(&process.exe_sha256) {
                refusals.push(Refusal::Name(process.exe_sha256.clone(), "SHA-256"));
            }
        }
        Step::LockUser { user } | Step::EndSessions { user } => {
            if !is_user(user) {
                refusals.push(Refusal::Name(user.clone(), "login name"));
            }
            if let Some((_, why)) = protected.users.iter().find(|(name, _)| name == user) {
                refusals.push(Refusal::Reserved(format!("user {user}"), why.clone()));
            }
        }
        Step::StopService { unit } => {
            if !is_unit(unit) {
                refusals.push(Refusal::Name(unit.clone(), "service"));
            }
            if let Some(why) = protected.why_unit(unit) {
                refusals.push(Refusal::Reserved(unit.clone(), why.to_owned()));
            }
        }
        Step::Notify { hook: name } | Step::Command { template: name, .. } => {
            if !is_name(name) {
                refusals.push(Refusal::Name(name.clone(), "name of the policy"));
            }
            if let Step::Command { values, .. } = &plan.step {
                let long = |value: &String| value.len() > VALUE_BYTES_MAX || value.chars().any(char::is_control);
                if values.len() > VALUES_MAX || values.keys().any(|name| !is_name(name)) || values.values().any(long) {
                    refusals.push(Refusal::Name(name.clone(), "command with short, printable values"));
                }
            }
        }
        Step::Quarantine { path, .. } => {
            let shown = path.display().to_string();
            let plain =
                path.is_absolute() && !path.components().any(|part| matches!(part, std::path::Component::ParentDir));
            if !plain {
                refusals.push(Refusal::Path(shown.clone(), "not an absolute, plain path"));
            }
            if PROTECTED_FOLDERS.iter().any(|folder| path.starts_with(folder)) {
                refusals.push(Refusal::Path(shown.clone(), "the system needs that folder"));
            }
        }
    }
    if past.iter().any(|past| past.holds && past.step == plan.step) && !matches!(plan.step, Step::Block { .. }) {
        refusals.push(Refusal::Twice(plan.step.verb().to_owned()));
    }
    // A clock that was set back must not open the gate: what seems to come from the future counts.
    let recent = past.iter().filter(|past| past.at_ms > now_ms.saturating_sub(RATE_WINDOW_MS)).count();
    if recent >= limits.rate {
        refusals.push(Refusal::Rate(recent));
    }
    let spent = past.iter().filter(|past| past.incident == plan.incident).count();
    if spent >= limits.per_incident {
        refusals.push(Refusal::Budget(spent));
    }
    if refusals.is_empty() { Ok(Checked { plan }) } else { Err(refusals) }
}

/// Ports in one plan.
const PORTS_MAX: usize = 16;

/// Values of a command's template.
const VALUES_MAX: usize = 16;

/// Bytes of one such value.
const VALUE_BYTES_MAX: usize = 1024;

fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// A login name as shadow-utils allows it; it stands in files that end fields with `:`.
pub(crate) fn is_user(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let first = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    first && text.len() <= 32 && text.bytes().all(plain)
}

/// A service's name (systemd.unit(5)): units of other kinds are none of ours.
fn is_unit(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'-' | b'_' | b'.' | b'@');
    let first = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    first && text.ends_with(".service") && text.len() <= 255 && text.bytes().all(plain)
}

fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    (1..=64).contains(&text.len()) && text.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    #[test]
    fn blocks_that_share_a_port_of_an_address_are_one_too_many() {
        use crate::plan::{Port, Transport};
        let step = |ports: &[u16]| {
            let ports = ports.iter().map(|port| Port { transport: Transport::Tcp, port: *port }).collect();
            Step::Block { targets: vec!["203.0.113.9".parse().unwrap()], ports, seconds: 60 }
        };
        let past = vec![Past { step: step(&[22]), incident: "j".into(), at_ms: 0, holds: true }];
        let asks = |ports: &[u16]| {
            let plan = Plan { step: step(ports), ..block(vec![]) };
            check(plan, &Protected::default(), &Limits::default(), &past, 0).is_ok()
        };
        assert!(!asks(&[22]) && !asks(&[80, 22]), "undoing one would open what the other closes");
        assert!(asks(&[80]) && asks(&[]));
    }

    #[test]
    fn sessions_from_where_a_block_holds_are_not_let_through() {
        let mut protected = Protected::default();
        protected.add("203.0.113.9".parse().unwrap(), "manages");
        protected.add("203.0.113.8".parse().unwrap(), "manages");
        protected.add("203.0.113.7".parse().unwrap(), "the gateway");
        let held = ["203.0.113.9".parse().unwrap(), "203.0.113.7".parse().unwrap()];
        let left = protected.without("manages", &held);
        let why = |net: &str| left.why(net.parse().unwrap());
        assert_eq!(
            (why("203.0.113.9"), why("203.0.113.8"), why("203.0.113.7")),
            (None, Some("manages"), Some("the gateway"))
        );
    }

    fn block(targets: Vec<Net>) -> Plan {
        Plan {
            incident: "i".into(),
            host: None,
            step: Step::Block { targets, ports: vec![], seconds: 60 },
            findings: vec![],
            made_ms: 0,
        }
    }

    fn surroundings() -> Protected {
        let mut protected = Protected::default();
        for net in ["192.0.2.1", "198.51.100.0/25", "2001:db8::53"] {
            protected.add(net.parse().unwrap(), "mine");
        }
        protected
    }

    /// A fixed linear congruential sequence: random enough to reach every case, the same every time.
    struct Dice(u128);
    impl Dice {
        fn roll(&mut self) -> u128 {
            self.0 = self.0.wrapping_mul(0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645).wrapping_add(0x5851_f42d_4c95_7f2d);
            self.0 ^ (self.0 >> 64)
        }
    }

    #[test]
    fn a_million_random_plans_never_touch_the_protected() {
        let protected = surroundings();
        let (mut dice, mut passed, mut refused) = (Dice(7), 0, 0);
        for _ in 0..1_000_000 {
            let targets: Vec<Net> = (0..1 + dice.roll() % 3)
                .filter_map(|_| {
                    let near = dice.roll();
                    let address = match near % 5 {
                        0 => IpAddr::V4(Ipv4Addr::from_bits(dice.roll() as u32)),
                        1 => IpAddr::V4(Ipv4Addr::from_bits(0xc000_0200 | (dice.roll() as u32 & 0x3ff))),
                        2 => IpAddr::V4(Ipv4Addr::from_bits(0xc633_6400 | (dice.roll() as u32 & 0xff))),
                        3 => IpAddr::V6(Ipv6Addr::from_bits(dice.roll())),
                        _ => IpAddr::V6(Ipv6Addr::from_bits((0x2001_0db8 << 96) | (dice.roll() & 0xff))),
                    };
                    Net::new(address, 22 + (dice.roll() % 107) as u8)
                })
                .collect();
            match check(block(targets.clone()), &protected, &Limits::default(), &[], 0) {
                Ok(_) => {
                    passed += 1;
                    for target in targets {
                        // Said again without the code under test: by masks of numbers.
                        let (bits, width) = match target.address() {
                            IpAddr::V4(four) => (u128::from(four.to_bits()), 32),
                            IpAddr::V6(six) => (six.to_bits(), 128),
                        };
                        let last = bits + (1u128 << (width - u32::from(target.prefix()))) - 1;
                        for (low, high, of) in [
                            (0xc000_0201, 0xc000_0201, 32),
                            (0xc633_6400, 0xc633_647f, 32),
                            (0x7f00_0000, 0x7fff_ffff, 32),
                            (0xe000_0000, 0xffff_ffff, 32),
                            (1, 1, 128),
                            ((0x2001_0db8 << 96) | 0x53, (0x2001_0db8 << 96) | 0x53, 128),
                        ] {
                            assert!(width != of || last < low || bits > high, "{target}");
                        }
                    }
                }
                Err(_) => refused += 1,
            }
        }
        assert!(passed > 1000 && refused > 1000, "{passed} passed, {refused} refused");
    }

    #[test]
    fn every_limit_refuses() {
        let net = |text: &str| text.parse::<Net>().unwrap();
        let past = |at_ms, incident: &str, holds| Past {
            step: block(vec![net("203.0.113.9")]).step,
            incident: incident.into(),
            at_ms,
            holds,
        };
        let ask = |plan, past: &[Past]| check(plan, &surroundings(), &Limits::default(), past, 0).map(|_| ());
        assert!(ask(block(vec![net("203.0.113.9")]), &[]).is_ok());
        assert!(ask(block(vec![]), &[]).is_err());
        assert!(ask(block(vec![net("203.0.112.0/23")]), &[]).is_err());
        assert!(ask(block(vec![net("203.0.113.0/24"), net("203.0.113.9")]), &[]).is_err());
        assert!(ask(block((0..33).map(|n| net(&format!("203.0.113.{n}"))).collect()), &[]).is_err());
        assert!(ask(block(vec![net("203.0.113.9")]), &[past(-1, "x", true)]).is_err());
        assert!(ask(block(vec![net("203.0.113.9")]), &[past(-1, "x", false)]).is_ok());
        assert!(ask(block(vec![net("203.0.113.8")]), &vec![past(-1, "x", false); 10]).is_err());
        assert!(ask(block(vec![net("203.0.113.8")]), &vec![past(9_999_999, "x", false); 10]).is_err());
        assert!(ask(block(vec![net("203.0.113.8")]), &vec![past(-9_999_999, "x", false); 10]).is_ok());
        assert!(ask(block(vec![net("203.0.113.8")]), &vec![past(-9_999_999, "i", false); 10]).is_err());
        let file =
            |path: &str| Plan { step: Step::Quarantine { path: path.into(), sha256: String::new() }, ..block(vec![]) };
        for (path, fine) in [("/tmp/x", true), ("tmp/x", false), ("/tmp/../etc/x", false), ("/usr/bin/sh", false)] {
            assert_eq!(ask(file(path), &[]).is_ok(), fine, "{path}");
        }
    }
}
