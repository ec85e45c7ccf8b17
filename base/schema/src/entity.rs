//! Who and what a record speaks of: the entities by which findings are joined into incidents.
//!
//! Entities are read from OCSF paths, so that no later stage knows a log format. Ids are normalised here, once, so that
//! two logs that speak of one thing give one entity. What many unrelated records share (the system's own accounts, the
//! loopback address, placeholders such as `-`) is no entity: it would join everything with everything.
//!
//! Cost: linear in the fields, a few hash-free comparisons each.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::community_id::community_id_of;

/// Entities that one record gives at most; a record with more hashes or addresses than this keeps the first.
pub const ENTITIES_MAX: usize = 24;

/// Bytes of one entity's id; a longer one is cut, at a character's end.
pub const ID_BYTES_MAX: usize = 256;

/// What sort of thing an entity is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntityKind {
    /// A machine: its name in lower case, without its domain; or its address.
    Host,
    /// An account: its name in lower case, without its domain.
    User,
    /// A logon session on one host: `host/id`.
    Session,
    /// A process on one host: its GUID, or `host/pid`.
    Process,
    /// An IP address in canonical form.
    Address,
    /// A file's hash: hex in lower case.
    Hash,
    /// A domain name in lower case.
    Domain,
    /// One conversation on the network, as both ends and every sensor see it: its Community ID.
    Connection,
}

impl EntityKind {
    /// The word for it, as in `same user`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::User => "user",
            Self::Session => "logon session",
            Self::Process => "process",
            Self::Address => "address",
            Self::Hash => "file hash",
            Self::Domain => "domain",
            Self::Connection => "connection",
        }
    }
}

/// One entity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Entity {
    /// What sort of thing it is.
    pub kind: EntityKind,
    /// Its normalised id.
    pub id: String,
}

/// What a path says.
#[derive(Clone, Copy)]
enum Says {
    Host,
    User,
    Session,
    Process,
    Pid,
    Address,
    /// Beside it, where the file's path stands.
    Hash(&'static str),
    Domain,
}

/// OCSF path → what it says. Paths of one event may repeat what others say; equal entities are kept once.
const PATHS: &[(&str, Says)] = &[
    ("device.hostname", Says::Host),
    ("src_endpoint.hostname", Says::Host),
    ("actor.user.name", Says::User),
    ("user.name", Says::User),
    ("process.user.name", Says::User),
    ("actor.session.uid", Says::Session),
    ("session.uid", Says::Session),
    ("process.session.uid", Says::Session),
    ("process.uid", Says::Process),
    ("process.parent_process.uid", Says::Process),
    ("actor.process.uid", Says::Process),
    ("process.pid", Says::Pid),
    ("process.parent_process.pid", Says::Pid),
    ("actor.process.pid", Says::Pid),
    ("src_endpoint.ip", Says::Address),
    ("dst_endpoint.ip", Says::Address),
    ("device.ip", Says::Address),
    ("process.file.hashes.value", Says::Hash("process.file.path")),
    ("file.hashes.value", Says::Hash("file.path")),
    ("module.file.hashes.value", Says::Hash("module.file.path")),
    ("query.hostname", Says::Domain),
    ("http_request.url.hostname", Says::Domain),
    ("dst_endpoint.hostname", Says::Domain),
];

/// The entities of a record, sorted, each once. `fields` are its OCSF paths and values.
pub fn entities(fields: &[(String, String)]) -> Vec<Entity> {
    let find = |path: &str| fields.iter().find(|(name, _)| name == path).map(|(_, value)| value.as_str());
    let host = find("device.hostname").and_then(host_id);
    let has_guid = find("process.uid").is_some() || find("actor.process.uid").is_some();
    let mut out: Vec<Entity> = Vec::new();
    let mut add = |kind: EntityKind, id: Option<String>| {
        if let Some(id) = id.filter(|id| !id.is_empty())
            && out.len() < ENTITIES_MAX
        {
            out.push(Entity { kind, id });
        }
    };
    for (path, says) in PATHS {
        let Some(value) = find(path) else { continue };
        let on_host = |id: Option<String>| host.as_ref().zip(id).map(|(host, id)| cut(format!("{host}/{id}")));
        match says {
            Says::Host => add(EntityKind::Host, host_id(value)),
            Says::User => add(EntityKind::User, user_id(value)),
            Says::Session => add(EntityKind::Session, on_host(session_id(value))),
            Says::Process => add(EntityKind::Process, guid(value)),
            Says::Pid if !has_guid => add(EntityKind::Process, on_host(pid(value))),
            Says::Pid => {}
            Says::Address => add(EntityKind::Address, address_id(value)),
            Says::Hash(path) if find(path).is_some_and(is_installed) => {}
            Says::Hash(_) => hashes(value).for_each(|hash| add(EntityKind::Hash, Some(hash))),
            Says::Domain => add(EntityKind::Domain, domain_id(value)),
        }
    }
    // Many records name an address, few a whole conversation.
    if find("dst_endpoint.port").is_some() || find("connection_info.community_uid").is_some() {
        add(EntityKind::Connection, community_id_of(find).map(cut));
    }
    out.sort_unstable();
    out.dedup();
    out
}

fn cut(mut id: String) -> String {
    let mut end = id.len().min(ID_BYTES_MAX);
    while !id.is_char_boundary(end) {
        end -= 1;
    }
    id.truncate(end);
    id
}

/// A host's id: `WS01.corp.example` and `ws01` are one machine; an address stays whole.
pub fn host_id(name: &str) -> Option<String> {
    let name = name.trim();
    if name.is_empty() || name == "-" || name.eq_ignore_ascii_case("localhost") {
        return None;
    }
    let name = name.to_lowercase();
    if name.parse::<IpAddr>().is_ok() {
        return Some(name);
    }
    name.split('.').next().filter(|first| !first.is_empty()).map(|first| cut(first.to_owned()))
}

/// Accounts that every Windows or Unix machine has and that say nothing about who acted.
const OWN_ACCOUNTS: &[&str] = &[
    "system",
    "local service",
    "network service",
    "anonymous logon",
    "local system",
    "localsystem",
    "iusr",
    "nobody",
    "n/a",
    "unset",
    "none",
    "unknown",
    "(null)",
    "null",
];

/// An account's id: `CORP\Alice` and `alice@corp.example` are `alice`. `None` for accounts that are no one.
pub fn user_id(name: &str) -> Option<String> {
    let name = name.trim();
    let name = name.rsplit('\\').next().unwrap_or(name);
    // A distinguished name begins with the account's own: `CN=svc-helpdesk,CN=Users,DC=…`.
    let is_distinguished = name.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("cn="));
    let name =
        if is_distinguished { name.get(3..).and_then(|rest| rest.split(',').next()).unwrap_or(name) } else { name };
    let name = name.split('@').next().unwrap_or(name).to_lowercase();
    let machine = name.ends_with('$');
    let virtual_account =
        ["dwm-", "umfd-", "s-1-5-18", "s-1-5-19", "s-1-5-20", "s-1-0-0"].iter().any(|own| name.starts_with(own));
    let is_nobody = name.len() < 2 || name.bytes().all(|byte| byte.is_ascii_digit()) || machine || virtual_account;
    (!is_nobody && !OWN_ACCOUNTS.contains(&name.as_str())).then(|| cut(name))
}

/// A logon session's id; `None` for the sessions of the system itself (0x3e4, 0x3e5, 0x3e7) and for no session.
fn session_id(id: &str) -> Option<String> {
    let id = id.trim().to_lowercase();
    let own = ["", "-", "0", "0x0", "0x3e4", "0x3e5", "0x3e7", "996", "997", "999", "4294967295", "unset"];
    (!own.contains(&id.as_str())).then_some(id)
}

fn pid(id: &str) -> Option<String> {
    let id = id.trim().to_lowercase();
    let own = ["", "-", "0", "1", "4", "0x0", "0x4"];
    (!own.contains(&id.as_str())).then_some(id)
}

fn guid(id: &str) -> Option<String> {
    let id = id.trim().trim_matches(['{', '}']).to_lowercase();
    let zero = id.bytes().all(|byte| matches!(byte, b'0' | b'-'));
    (!zero).then(|| cut(id))
}

/// An address's id; `None` for addresses that name no one machine (unspecified, loopback, multicast, broadcast).
pub fn address_id(text: &str) -> Option<String> {
    let text = text.trim();
    let text = text.strip_prefix("::ffff:").unwrap_or(text);
    let address: IpAddr = text.parse().ok()?;
    let nobody = address.is_unspecified()
        || address.is_loopback()
        || address.is_multicast()
        || matches!(address, IpAddr::V4(four) if four.is_broadcast() || four.is_link_local());
    (!nobody).then(|| address.to_string())
}

/// Folders of what every machine of a build has: the system's own programs and those installed for all. Their hashes say
/// that two machines are alike, not that they have to do with each other.
const INSTALLED_FOLDERS: &[&str] = &[
    "\\windows\\system32\\",
    "\\windows\\syswow64\\",
    "\\windows\\winsxs\\",
    "\\windows\\microsoft.net\\",
    "\\windows\\assembly\\",
    "\\program files\\",
    "\\program files (x86)\\",
];

/// The same in the folder `Windows` itself, where tools are dropped too.
const INSTALLED_FILES: &[&str] = &[
    "explorer.exe",
    "hh.exe",
    "helppane.exe",
    "notepad.exe",
    "regedit.exe",
    "splwow64.exe",
    "winhlp32.exe",
    "write.exe",
];

/// The same on Unix.
const INSTALLED_ROOTS: &[&str] =
    &["/bin/", "/sbin/", "/lib", "/usr/bin/", "/usr/sbin/", "/usr/lib", "/System/", "/Applications/"];

/// Whether a file stands where every machine of a build has it.
fn is_installed(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    INSTALLED_ROOTS.iter().any(|root| path.starts_with(root))
        || INSTALLED_FOLDERS.iter().any(|folder| lower.contains(folder))
        || lower.rsplit_once("\\windows\\").is_some_and(|(_, name)| INSTALLED_FILES.contains(&name))
}

/// Hashes in a value: one, or Sysmon's `SHA1=…,MD5=…,IMPHASH=…`. An import hash is shared by unrelated programs, so it is none.
fn hashes(value: &str) -> impl Iterator<Item = String> + '_ {
    value.split(',').filter_map(|part| {
        let (name, hash) = part.split_once('=').unwrap_or(("", part));
        let hash = hash.trim();
        let whole = matches!(hash.len(), 32 | 40 | 64 | 128)
            && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
            && hash.bytes().any(|byte| byte != b'0');
        (whole && !name.trim().eq_ignore_ascii_case("imphash")).then(|| hash.to_ascii_lowercase())
    })
}

/// A domain's id; `None` for single labels and addresses.
fn domain_id(name: &str) -> Option<String> {
    let name = name.trim().trim_end_matches('.').to_lowercase();
    let local =
        name.ends_with(".arpa") || name.ends_with(".local") || !name.contains('.') || name.parse::<IpAddr>().is_ok();
    (!local).then(|| cut(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(fields: &[(&str, &str)]) -> Vec<(EntityKind, String)> {
        let fields: Vec<_> = fields.iter().map(|(path, value)| ((*path).to_owned(), (*value).to_owned())).collect();
        entities(&fields).into_iter().map(|entity| (entity.kind, entity.id)).collect()
    }

    #[test]
    fn one_thing_by_two_names_is_one_entity() {
        let found = of(&[
            ("device.hostname", "WS01.corp.example"),
            ("src_endpoint.hostname", "ws01"),
            ("actor.user.name", "CORP\\Alice"),
            ("user.name", "alice@corp.example"),
            ("process.user.name", "CN=alice,CN=Users,DC=corp,DC=example"),
            ("src_endpoint.ip", "::ffff:192.0.2.7"),
            ("dst_endpoint.ip", "192.0.2.7"),
        ]);
        let expected = [
            (EntityKind::Host, "ws01".to_owned()),
            (EntityKind::User, "alice".to_owned()),
            (EntityKind::Address, "192.0.2.7".to_owned()),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn what_everybody_shares_is_no_entity() {
        let found = of(&[
            ("device.hostname", "-"),
            ("actor.user.name", "NT AUTHORITY\\SYSTEM"),
            ("user.name", "WS01$"),
            ("process.user.name", "DWM-1"),
            ("src_endpoint.ip", "127.0.0.1"),
            ("dst_endpoint.ip", "ff02::1"),
            ("query.hostname", "7.2.0.192.in-addr.arpa"),
            ("process.uid", "{00000000-0000-0000-0000-000000000000}"),
        ]);
        assert_eq!(found, []);
    }

    #[test]
    fn a_conversation_is_one_from_both_ends() {
        let ends = [
            ("src_endpoint.ip", "192.0.2.10"),
            ("src_endpoint.port", "49537"),
            ("dst_endpoint.ip", "198.51.100.7"),
            ("dst_endpoint.port", "443"),
        ];
        let conversation = |fields: &[(&str, &str)]| {
            of(fields).into_iter().find(|(kind, _)| *kind == EntityKind::Connection).map(|(_, id)| id)
        };
        let mut endpoint = ends.to_vec();
        endpoint.push(("connection_info.protocol_name", "tcp"));
        let mut sensor = ends.to_vec();
        sensor.push(("connection_info.protocol_num", "6"));
        let id = conversation(&endpoint);
        assert!(id.as_deref().is_some_and(|id| id.starts_with("1:")));
        assert_eq!(id, conversation(&sensor));
        assert_eq!(conversation(&ends), None, "without a protocol there is no telling");
    }

    #[test]
    fn sessions_and_processes_belong_to_their_host() {
        let found = of(&[
            ("device.hostname", "A"),
            ("actor.session.uid", "0x3E7"),
            ("session.uid", "0x1F"),
            ("process.pid", "77"),
            ("process.parent_process.pid", "4"),
        ]);
        let expected = [
            (EntityKind::Host, "a".to_owned()),
            (EntityKind::Session, "a/0x1f".to_owned()),
            (EntityKind::Process, "a/77".to_owned()),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn sysmons_hashes_come_one_by_one_without_the_import_hash() {
        let sha1 = "A".repeat(40);
        let found = of(&[("process.file.hashes.value", &format!("SHA1={sha1},IMPHASH={},MD5=0", "b".repeat(32)))]);
        assert_eq!(found, [(EntityKind::Hash, "a".repeat(40))]);
    }

    #[test]
    fn what_is_installed_everywhere_has_no_hash() {
        let hash = "a".repeat(64);
        for (path, counts) in [
            ("C:\\Windows\\System32\\mshta.exe", 0),
            ("C:\\WINDOWS\\hh.exe", 0),
            ("\\Device\\HarddiskVolume2\\Program Files\\x\\y.exe", 0),
            ("/usr/bin/curl", 0),
            ("C:\\Windows\\PSEXESVC.exe", 1),
            ("C:\\Windows\\Temp\\notepad.exe", 1),
            ("/tmp/usr/bin/x", 1),
        ] {
            let found = of(&[("process.file.path", path), ("process.file.hashes.value", &hash)]);
            assert_eq!(found.len(), counts, "{path}");
        }
    }

    #[test]
    fn a_long_id_is_cut_at_a_character() {
        let long = "é".repeat(ID_BYTES_MAX);
        let id = user_id(&long).unwrap();
        assert!(id.len() <= ID_BYTES_MAX && long.starts_with(&id));
    }
}
