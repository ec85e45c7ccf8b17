//! Which dialect a record is, and what its fields are called because of that.
//!
//! The table in [`rows`](super::rows) is compiled once: every path it speaks of gets a number, so that recognising a
//! record is a few operations on the bit set of paths that the scanner saw.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

use super::paths::UNKNOWN;
use super::rows::{PLAIN, ROWS};
use super::tape::Marks;
use crate::format::syslog::programs::is_part_of_sshd;

/// One dialect, as written in the table.
pub(super) struct Row {
    /// The record must have at least one path of each group.
    pub(super) groups: &'static [&'static [&'static str]],
    /// The tag's product; what it is if [`Extra::Ecs`] says none.
    pub(super) product: &'static str,
    /// Where the tag's service comes from.
    pub(super) service: Service,
    /// The first path that is there gives the tag's provider.
    pub(super) provider: &'static [&'static str],
    /// The first path that is there gives the tag's code.
    pub(super) code: &'static [&'static str],
    /// The first path that is there gives the event's time.
    pub(super) time: &'static [&'static str],
    /// Times without a zone are UTC by the dialect's own documentation.
    pub(super) utc: bool,
    /// How paths turn into native names.
    pub(super) naming: Naming,
    /// Native name ← the first of these paths that is there.
    pub(super) first: &'static [(&'static str, &'static [&'static str])],
    /// What else is special.
    pub(super) extra: Extra,
}

/// Where a tag's service comes from.
pub(super) enum Service {
    Fixed(&'static str),
    /// As written.
    Path(&'static [&'static str]),
    /// A program's name, in lower case, without what tells its parts apart.
    Program(&'static [&'static str]),
    /// Zeek's log name, as SigmaHQ's services are called.
    Zeek(&'static [&'static str]),
    /// Azure's log category, as SigmaHQ's services are called.
    Azure(&'static [&'static str]),
    /// `google_workspace.` and the application.
    Workspace(&'static [&'static str]),
}

impl Service {
    fn paths(&self) -> &'static [&'static str] {
        match self {
            Self::Fixed(_) => &[],
            Self::Path(paths)
            | Self::Program(paths)
            | Self::Zeek(paths)
            | Self::Azure(paths)
            | Self::Workspace(paths) => paths,
        }
    }

    /// The service for what the path holds.
    pub(super) fn name(&self, value: &str, out: &mut String) {
        match self {
            Self::Fixed(name) => out.push_str(name),
            Self::Path(_) => out.push_str(value),
            Self::Program(_) => {
                let value = value.rsplit('/').next().unwrap_or(value);
                let start = out.len();
                out.push_str(value);
                if let Some(name) = out.get_mut(start..) {
                    name.make_ascii_lowercase();
                }
                if out.get(start..).is_some_and(is_part_of_sshd) {
                    out.truncate(start + "sshd".len());
                }
            }
            Self::Zeek(_) => out.push_str(value),
            Self::Workspace(_) => {
                out.push_str("google_workspace.");
                out.push_str(value);
            }
            Self::Azure(_) => match value {
                "SignInLogs"
                | "NonInteractiveUserSignInLogs"
                | "ServicePrincipalSignInLogs"
                | "ManagedIdentitySignInLogs"
                | "ADFSSignInLogs" => out.push_str("signinlogs"),
                "AuditLogs" => out.push_str("auditlogs"),
                "RiskyUsers" | "UserRiskEvents" | "RiskyServicePrincipals" | "ServicePrincipalRiskEvents" => {
                    out.push_str("riskdetection");
                }
                "Administrative" | "Security" | "ServiceHealth" | "Alert" | "Recommendation" | "Policy"
                | "Autoscale" | "ResourceHealth" | "Delete" | "Write" | "Action" => out.push_str("activitylogs"),
                other => {
                    let start = out.len();
                    out.push_str(other);
                    if let Some(name) = out.get_mut(start..) {
                        name.make_ascii_lowercase();
                    }
                }
            },
        }
    }
}

/// How paths turn into native names.
#[derive(Clone, Copy)]
pub(super) enum Naming {
    /// They are the names.
    Plain,
    /// A Windows event's XML as a tree; the prefix stands before `System`, `EventData` and `UserData`.
    WindowsTree(&'static str),
    /// Winlogbeat's `event_data` and `user_data` behind a prefix.
    Winlogbeat(&'static str),
}

impl Naming {
    /// The native name of a path, where it differs.
    pub(super) fn native(self, path: &str) -> Option<String> {
        match self {
            Self::Plain => None,
            Self::WindowsTree(prefix) => windows_tree(path.strip_prefix(prefix)?),
            Self::Winlogbeat(prefix) => {
                let (part, name) = path.strip_prefix(prefix)?.split_once('.')?;
                match part {
                    "event_data" => Some(beside_system("EventData", name)),
                    "user_data" => Some(beside_system("UserData", name.rsplit('.').next().unwrap_or(name))),
                    _ => None,
                }
            }
        }
    }
}

/// The name of a field of EventData or UserData; names of System's own elements stay System's.
fn beside_system(part: &str, name: &str) -> String {
    const OF_SYSTEM: [&str; 9] =
        ["EventID", "Version", "Level", "Task", "Opcode", "Keywords", "EventRecordID", "Channel", "Computer"];
    if OF_SYSTEM.contains(&name) { format!("{part}.{name}") } else { name.to_owned() }
}

/// `System.Provider.#attributes.Name` → `Provider_Name`, `EventData.Image` → `Image`, as the EVTX decoder names them.
fn windows_tree(path: &str) -> Option<String> {
    let (part, rest) = path.split_once('.')?;
    let leaf = |rest: &str| {
        let rest = rest.strip_suffix(".#text").or_else(|| rest.strip_suffix(".Value")).unwrap_or(rest);
        let (element, attribute) = match rest.rsplit_once(".#attributes.") {
            Some((element, attribute)) => (element, Some(attribute)),
            None => match rest.rsplit_once("_attributes.") {
                Some((element, attribute)) => (element, Some(attribute)),
                None => (rest, None),
            },
        };
        (element.to_owned(), attribute.map(str::to_owned))
    };
    match part {
        "System" => {
            let (element, attribute) = leaf(rest);
            // Writers without `#attributes` nest an element's attributes directly.
            Some(match attribute {
                Some(attribute) => format!("{element}_{attribute}"),
                None => element.replacen('.', "_", 1),
            })
        }
        "EventData" | "UserData" => {
            let (element, attribute) = leaf(rest);
            let element = match part {
                "UserData" => beside_system(part, element.rsplit('.').next().unwrap_or(&element)),
                _ => beside_system(part, &element),
            };
            Some(match attribute {
                Some(attribute) => format!("{element}_{attribute}"),
                None => element,
            })
        }
        _ => None,
    }
}

/// What else is special about a dialect.
#[derive(Clone, Copy)]
pub(super) enum Extra {
    None,
    /// A missing channel is taken from the provider.
    Windows,
    /// Messages may be arrays of bytes; programs' messages have fields of their own.
    Journal,
    /// Request lines are taken apart.
    Web,
    /// The path holds the record itself, as JSON in a text.
    Embedded(&'static [&'static str]),
    /// The path may hold a record of another dialect as JSON in a text; anything else is left where it is.
    Carried(&'static [&'static str]),
    /// The paths say the operating system, which is the product; the row's own product (or `json`) if they say none.
    Ecs(&'static [&'static str]),
    /// Field → log name, for logs that do not say theirs (Zeek's JSON without packages): the first that is there.
    Zeek(&'static [(&'static str, &'static str)]),
    /// What must be of which type. A record that has the first, and any of a wrong type, is damaged and rejected; so is one
    /// without the first whose kind is no text and whose time is a list or an object.
    Typed(&'static [(&'static str, Is)]),
}

/// What a field must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Is {
    Text,
    Number,
    Object,
}

/// A name and the known paths that may give it; `true` where the path has that native name anyway.
pub(super) struct First {
    pub(super) name: &'static str,
    pub(super) paths: Vec<(u16, bool)>,
}

/// A dialect ready for use.
pub(super) struct Dialect {
    pub(super) row: &'static Row,
    groups: Vec<Marks>,
    pub(super) service: Vec<u16>,
    pub(super) provider: Vec<u16>,
    pub(super) code: Vec<u16>,
    pub(super) time: Vec<u16>,
    pub(super) first: Vec<First>,
    /// Of [`Extra`], in its order.
    pub(super) extra: Vec<u16>,
}

/// The compiled table.
pub(super) struct Dialects {
    known: FxHashMap<&'static str, u16>,
    all: Vec<Dialect>,
    plain: Dialect,
    /// Marks of fields that may hold the records of a wrapper.
    pub(super) wrappers: Marks,
}

/// Known paths that the decoder itself asks for.
pub(super) const WRAPPER_PATHS: &[&str] =
    &["Records", "Events", "events", "records", "hits.hits", "value", "items", "entries", "results", "logEvents"];

static DIALECTS: LazyLock<Dialects> = LazyLock::new(Dialects::compile);

/// The compiled table.
pub(super) fn dialects() -> &'static Dialects {
    &DIALECTS
}

/// The number of a known path; the first 256 are those that recognise dialects.
pub(super) fn known(path: &str) -> u16 {
    DIALECTS.known.get(path).copied().unwrap_or(UNKNOWN)
}

impl Dialects {
    fn compile() -> Self {
        let mut known: FxHashMap<&'static str, u16> = FxHashMap::default();
        let mut number = |path: &'static str| {
            let next = known.len() as u16;
            *known.entry(path).or_insert(next)
        };
        let wrappers = Marks::of(WRAPPER_PATHS.iter().map(|path| number(path)));
        let groups: Vec<Vec<Marks>> = ROWS
            .iter()
            .map(|row| row.groups.iter().map(|group| Marks::of(group.iter().map(|path| number(path)))).collect())
            .collect();
        // Times of records of no dialect need marks too.
        for path in PLAIN.time {
            number(path);
        }
        let mut list = |paths: &'static [&'static str]| -> Vec<u16> { paths.iter().map(|path| number(path)).collect() };
        let all = ROWS.iter().zip(groups).map(|(row, groups)| Dialect::compile(row, groups, &mut list)).collect();
        let plain = Dialect::compile(&PLAIN, Vec::new(), &mut list);
        Self { known, all, plain, wrappers }
    }

    /// The dialect of a record with these marks, and its number.
    #[inline]
    pub(super) fn of(&self, marks: &Marks) -> (usize, &Dialect) {
        let fits = |dialect: &Dialect| dialect.groups.iter().all(|group| group.meets(marks));
        self.all.iter().enumerate().find(|(_, dialect)| fits(dialect)).unwrap_or((usize::MAX, &self.plain))
    }
}

impl Dialect {
    /// Whether this is what is left when no row fits.
    pub(super) fn groups_are_empty(&self) -> bool {
        self.groups.is_empty()
    }

    fn compile(
        row: &'static Row,
        groups: Vec<Marks>,
        list: &mut dyn FnMut(&'static [&'static str]) -> Vec<u16>,
    ) -> Self {
        Self {
            row,
            groups,
            service: list(row.service.paths()),
            provider: list(row.provider),
            code: list(row.code),
            time: list(row.time),
            first: row
                .first
                .iter()
                .map(|(name, paths)| {
                    let same = |path: &str| path == *name || row.naming.native(path).as_deref() == Some(*name);
                    First { name, paths: list(paths).into_iter().zip(paths.iter().map(|path| same(path))).collect() }
                })
                .collect(),
            extra: match row.extra {
                Extra::Ecs(paths) | Extra::Embedded(paths) | Extra::Carried(paths) => list(paths),
                Extra::Zeek(names) => names.iter().flat_map(|(path, _)| list(std::slice::from_ref(path))).collect(),
                Extra::Typed(types) => types.iter().flat_map(|(path, _)| list(std::slice::from_ref(path))).collect(),
                Extra::None | Extra::Windows | Extra::Journal | Extra::Web => Vec::new(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_that_recognises_has_a_mark() {
        for row in ROWS {
            for path in row.groups.iter().copied().flatten().chain(WRAPPER_PATHS).chain(PLAIN.time) {
                assert!(known(path) < Marks::MAX, "{path} has number {}", known(path));
            }
        }
        assert!(ROWS.iter().all(|row| !row.groups.is_empty()), "a row without groups would take everything");
    }

    #[test]
    fn windows_names_are_those_of_the_evtx_decoder() {
        let tree = Naming::WindowsTree("Event.");
        for (path, name) in [
            ("Event.System.EventID", Some("EventID")),
            ("Event.System.EventID.#text", Some("EventID")),
            ("Event.System.EventID.#attributes.Qualifiers", Some("EventID_Qualifiers")),
            ("Event.System.Provider.#attributes.Name", Some("Provider_Name")),
            ("Event.System.Provider_attributes.Name", Some("Provider_Name")),
            ("Event.System.Provider.Name", Some("Provider_Name")),
            ("Event.System.TimeCreated.#attributes.SystemTime", Some("TimeCreated_SystemTime")),
            ("Event.EventData.Image", Some("Image")),
            ("Event.EventData.Data", Some("Data")),
            ("Event.EventData.Level", Some("EventData.Level")),
            ("Event.UserData.LogFileCleared.Channel", Some("UserData.Channel")),
            ("Event.EventData.Data.#text", Some("Data")),
            ("Event.UserData.LogFileCleared.SubjectUserName", Some("SubjectUserName")),
            ("Event.UserData.X.Certificate.#attributes.fileRef", Some("Certificate_fileRef")),
            ("Event.#attributes.xmlns", None),
            ("Other.System.EventID", None),
        ] {
            assert_eq!(tree.native(path).as_deref(), name, "{path}");
        }
        assert_eq!(Naming::Winlogbeat("winlog.").native("winlog.event_data.Image").as_deref(), Some("Image"));
        assert_eq!(Naming::Winlogbeat("winlog.").native("winlog.user_data.X.Y").as_deref(), Some("Y"));
        assert_eq!(Naming::Winlogbeat("").native("event_data.Image").as_deref(), Some("Image"));
    }

    #[test]
    fn programs_are_services_in_lower_case() {
        for (written, service) in
            [("sshd-session", "sshd"), ("CRON", "cron"), ("/usr/sbin/Foo", "foo"), ("sudo", "sudo")]
        {
            let mut out = String::new();
            Service::Program(&[]).name(written, &mut out);
            assert_eq!(out, service);
        }
    }
}
