//! Everything in correlation that is bounded, and for how long which entity joins.
//!
//! A window is a span without news: an entity joins a sighting to an incident if the incident carried that entity at most
//! one window ago. Windows are for findings of medium level and above; those below carry for a share of it (see
//! [`Windows::reach`]).

use shieldwall_schema::entity::EntityKind;
use shieldwall_schema::incident::Severity;

const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// How long an entity of each kind joins, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// Findings on one host. Half an hour: hands on a keyboard pause for minutes, and a machine's unrelated alarms are
    /// mostly hours apart.
    pub host: i64,
    /// An account on two hosts, or on one after the host's own window. An hour: people use their accounts all day, so
    /// longer windows join a day's work.
    pub user: i64,
    /// An address, likewise; addresses are handed on and shared behind gateways.
    pub address: i64,
    /// A domain name.
    pub domain: i64,
    /// A logon session: one logon of one account on one host. A working day.
    pub session: i64,
    /// A process by its GUID, unique on its host. A working day: implants live long, and so do shells and services.
    pub process: i64,
    /// A process by its number: numbers are used again after minutes to hours.
    pub pid: i64,
    /// A file's hash. A day: a tool is carried from host to host at an intruder's pace.
    pub hash: i64,
}

impl Default for Windows {
    fn default() -> Self {
        Self {
            host: 30 * MINUTE,
            user: HOUR,
            address: HOUR,
            domain: HOUR,
            session: 8 * HOUR,
            process: 8 * HOUR,
            pid: HOUR,
            hash: 24 * HOUR,
        }
    }
}

impl Windows {
    /// All windows stretched by `numerator` / `denominator`; for measuring how much they matter.
    #[must_use]
    pub fn scaled(self, numerator: i64, denominator: i64) -> Self {
        let scale = |window: i64| window.saturating_mul(numerator) / denominator.max(1);
        Self {
            host: scale(self.host),
            user: scale(self.user),
            address: scale(self.address),
            domain: scale(self.domain),
            session: scale(self.session),
            process: scale(self.process),
            pid: scale(self.pid),
            hash: scale(self.hash),
        }
    }

    /// The whole window of an entity.
    pub(crate) fn of(&self, kind: EntityKind, id: &str) -> i64 {
        match kind {
            EntityKind::Host => self.host,
            EntityKind::User => self.user,
            EntityKind::Address => self.address,
            EntityKind::Domain => self.domain,
            EntityKind::Session => self.session,
            // `host/pid` has a slash, a GUID none.
            EntityKind::Process if id.contains('/') => self.pid,
            EntityKind::Process => self.process,
            EntityKind::Hash => self.hash,
            // Ports are used again like process numbers.
            EntityKind::Connection => self.pid,
        }
    }

    /// The longest window.
    pub(crate) fn longest(&self) -> i64 {
        [self.host, self.user, self.address, self.domain, self.session, self.process, self.pid, self.hash]
            .into_iter()
            .max()
            .unwrap_or_default()
    }

    /// For how long a sighting carries an entity: less for low levels, less with each repeat of its rule.
    ///
    /// A low finding carries for half the window: it is worth following, but many are harmless. An informational one
    /// joins what is there and carries nothing further, so that a day of ordinary logons is no bridge between two
    /// incidents. It carries for a sixth where it begins an incident, so that one act in several records is one
    /// incident; and always its session, process and hashes, so that what comes of an intruder's logon on the next host
    /// follows. That is what `is_carried` says.
    /// The n-th repeat of a rule in an incident carries for an n-th: only news keeps an incident open. What is new in a
    /// repeat (another address in a flood) counts from its own first time.
    pub fn reach(window: i64, severity: Severity, is_carried: bool, repeats: u32) -> i64 {
        let is_carried = is_carried || severity > Severity::Informational;
        if is_carried { Self::back(window, severity) / i64::from(repeats.max(1)) } else { 0 }
    }

    /// How far back a sighting looks for what it joins: a low one half the window, an informational one a sixth.
    pub fn back(window: i64, severity: Severity) -> i64 {
        match severity {
            Severity::Informational => window / 6,
            Severity::Low => window / 2,
            Severity::Medium | Severity::High | Severity::Critical => window,
        }
    }
}

/// Hosts that may share an entity within [`HUB_MEMORY`] before it stops joining. Service accounts, scanners, proxies and
/// domain controllers pass it within a morning; one intruder's account on more hosts than this is still joined host by
/// host through addresses, hashes and sessions.
pub const HUB_HOSTS_MAX: usize = 16;

/// How long a host counts as sharing an entity, in nanoseconds: a day, so that nightly jobs are seen.
pub const HUB_MEMORY: i64 = 24 * HOUR;

/// Matches of one rule on one host in one episode from which on they are a flood. A flood no longer joins by its host:
/// what else happens there meanwhile stays apart. Above what a person or a script does by hand, far below what a
/// scanner or a broken service does.
pub const FLOOD: u32 = 32;

/// Matches of one rule on one host that are at most this far apart are one episode, whatever lies between.
pub const EPISODE_GAP: i64 = HOUR;

/// Bounds of the state. The defaults keep a million findings below 256 MB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long entities join.
    pub windows: Windows,
    /// Entities watched at a time; beyond it those seen least go first. 2^17: about 35 MB.
    pub entities_open: usize,
    /// Episodes watched at a time. 2^17: about 10 MB.
    pub episodes_open: usize,
    /// Incidents kept; beyond it those of least risk are dropped and counted. More than any person reads.
    pub incidents: usize,
    /// Members of one incident.
    pub members: usize,
    /// Members of all incidents together; beyond it an incident keeps [`MEMBERS_LEAST`].
    pub members_all: usize,
    /// Entities of one kind that an incident counts; half of them are shown.
    pub involved: usize,
    /// Counted entities of all incidents together; beyond it an incident keeps [`INVOLVED_LEAST`] of a kind.
    pub involved_all: usize,
    /// Pairs of finding and incident that are remembered.
    pub pairs: usize,
}

/// Members that every incident may keep.
pub const MEMBERS_LEAST: usize = 8;

/// Entities of a kind that every incident may keep.
pub const INVOLVED_LEAST: usize = 4;

/// Former incidents whose ids an incident remembers as aliases; the oldest.
pub const ORIGINS_MAX: usize = 64;

/// Hubs that are named; those on most hosts.
pub const HUBS_MAX: usize = 32;

impl Default for Limits {
    fn default() -> Self {
        Self {
            windows: Windows::default(),
            entities_open: 1 << 17,
            episodes_open: 1 << 17,
            incidents: 8192,
            members: 256,
            members_all: 100_000,
            involved: 64,
            involved_all: 100_000,
            pairs: 4_000_000,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reach_shrinks_with_level_and_repeats() {
        for (severity, begins, repeats, expected) in [
            (Severity::Critical, false, 1, 60),
            (Severity::Medium, false, 0, 60),
            (Severity::Medium, false, 4, 15),
            (Severity::Low, true, 1, 30),
            (Severity::Informational, true, 1, 10),
            (Severity::Informational, false, 1, 0),
        ] {
            assert_eq!(Windows::reach(60, severity, begins, repeats), expected, "{severity:?} {begins} {repeats}");
        }
    }
}
