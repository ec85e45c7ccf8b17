//! Every string once: names as small numbers, and raw values straight to the number of their normal form.
//!
//! Values come from logs, so whoever writes logs chooses them. Maps keyed by them compare whole strings (a collision of
//! hashes never makes two values one) and hash with SipHash; maps keyed by our own numbers hash quickly.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::sync::Arc;

/// SipHash with fixed keys: the same on every run.
pub(super) type Sip = BuildHasherDefault<DefaultHasher>;

/// Different names that are told apart; later ones are all [`OTHER`]. 2 million names of 60 bytes are about 250 MB.
pub(super) const NAMES_MAX: usize = 2_000_000;

/// Bytes of a name; longer ones are cut at a character.
pub(super) const NAME_BYTES_MAX: usize = 160;

/// Raw values whose normal form is remembered; beyond it the memory is emptied and filled anew.
const RAW_MAX: usize = 200_000;

/// The name of what has none, and of what came after [`NAMES_MAX`] others.
pub(super) const OTHER: u32 = shieldwall_learn::baseline::NOBODY;

/// Strings ↔ numbers.
#[derive(Clone, Debug)]
pub(super) struct Names {
    numbers: HashMap<Arc<str>, u32, Sip>,
    list: Vec<Arc<str>>,
    raw: Vec<HashMap<Box<str>, u32, Sip>>,
}

impl Default for Names {
    fn default() -> Self {
        let empty: Arc<str> = Arc::from("");
        Self {
            numbers: HashMap::from_iter([(empty.clone(), OTHER)]),
            list: vec![empty],
            raw: vec![HashMap::default(); FORMS],
        }
    }
}

impl Names {
    /// The number of a name.
    pub(super) fn number(&mut self, name: &str) -> u32 {
        let name = cut(name, NAME_BYTES_MAX);
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let Ok(number) = u32::try_from(self.list.len()) else { return OTHER };
        if self.list.len() >= NAMES_MAX {
            return OTHER;
        }
        let name: Arc<str> = Arc::from(name);
        self.list.push(name.clone());
        self.numbers.insert(name, number);
        number
    }

    /// The name of a number.
    pub(super) fn name(&self, number: u32) -> &str {
        self.list.get(number as usize).map_or("", |name| name)
    }

    /// The number of a raw value's normal form; remembered, so that a value is brought into form once.
    pub(super) fn form(&mut self, form: Form, raw: &str) -> u32 {
        if let Some(number) = self.raw.get(form as usize).and_then(|known| known.get(raw)) {
            return *number;
        }
        let number = match form.of(raw) {
            Some(name) => self.number(&name),
            None => OTHER,
        };
        if let Some(known) = self.raw.get_mut(form as usize) {
            if known.len() >= RAW_MAX / FORMS {
                known.clear();
            }
            known.insert(raw.into(), number);
        }
        number
    }
}

/// How a raw value is brought into the form that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A file's name without its folder, lower case.
    File,
    /// A file's folder, with what differs from user to user and run to run masked.
    Folder,
    /// A file's folder and the last extension, masked.
    Place,
    /// Lower case, digits and identifiers masked.
    Masked,
    /// A host, as entities name it.
    Host,
    /// An account, as entities name it; machine accounts too.
    User,
    /// An address, as entities name it.
    Address,
    /// The network of an address: /24 or /48.
    Network,
    /// A port, dynamic ones as one.
    Port,
    /// A domain without what is left of its registered name.
    Domain,
    /// The switches of a command line, without their values.
    Switches,
    /// The program that a command line starts.
    Program,
    /// As it is, lower case.
    Plain,
}

const FORMS: usize = Form::Plain as usize + 1;

impl Form {
    fn of(self, raw: &str) -> Option<String> {
        use shieldwall_schema::entity;
        let raw = cut(raw.trim(), RAW_BYTES_MAX);
        if raw.is_empty() || raw == "-" {
            return None;
        }
        Some(match self {
            Self::File => file_name(raw).to_lowercase(),
            Self::Folder => masked(&folder(raw).to_lowercase()),
            Self::Place => {
                let name = file_name(raw).to_lowercase();
                let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
                format!("{}\\*.{}", masked(&folder(raw).to_lowercase()), masked(extension))
            }
            Self::Masked => masked(&raw.to_lowercase()),
            Self::Host => return entity::host_id(raw),
            Self::User => return account(raw),
            Self::Address => return entity::address_id(raw),
            Self::Network => return network(raw),
            Self::Port => match raw.parse::<u16>() {
                Ok(port) if port >= DYNAMIC_PORTS => "a dynamic port".to_owned(),
                _ => raw.to_owned(),
            },
            Self::Domain => return registered(raw),
            Self::Switches => switches(raw),
            Self::Program => program(raw).to_lowercase(),
            Self::Plain => raw.to_lowercase(),
        })
    }
}

/// Bytes of a raw value that are looked at.
const RAW_BYTES_MAX: usize = 4096;

/// The first of the ports that systems hand out for outgoing connections (IANA: 49152 to 65535).
const DYNAMIC_PORTS: u16 = 49_152;

pub(super) fn cut(text: &str, bytes_max: usize) -> &str {
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or("")
}

fn file_name(path: &str) -> &str {
    path.trim_matches('"').rsplit(['\\', '/']).next().unwrap_or(path)
}

fn folder(path: &str) -> &str {
    let path = path.trim_matches('"');
    let folder = path.rfind(['\\', '/']).and_then(|at| path.get(..at)).unwrap_or("");
    // `\??\C:\…` and `\\?\C:\…` are `C:\…`.
    folder.trim_start_matches("\\??\\").trim_start_matches("\\\\?\\")
}

/// Machine accounts (`ws01$`) and the system's own are somebody here: what they never did is strange too.
fn account(raw: &str) -> Option<String> {
    shieldwall_schema::entity::user_id(raw).or_else(|| {
        let name = raw.rsplit('\\').next().unwrap_or(raw);
        let name = name.split('@').next().unwrap_or(name).to_lowercase();
        (!name.is_empty() && name != "-").then_some(name)
    })
}

fn network(raw: &str) -> Option<String> {
    use std::net::IpAddr;
    match shieldwall_schema::entity::address_id(raw)?.parse::<IpAddr>().ok()? {
        IpAddr::V4(four) => {
            let [a, b, c, _] = four.octets();
            Some(format!("{a}.{b}.{c}.0/24"))
        }
        IpAddr::V6(six) => {
            let [a, b, c, ..] = six.segments();
            Some(format!("{a:x}:{b:x}:{c:x}::/48"))
        }
    }
}

/// The last two labels, or three where the last two are short as in `co.uk`. Not the public suffix list: good enough to
/// count by, never used to decide whose a domain is.
fn registered(raw: &str) -> Option<String> {
    let name = raw.trim_end_matches('.').to_lowercase();
    if !name.contains('.') {
        return None;
    }
    let mut labels = name.rsplit('.');
    let (top, second) = (labels.next()?, labels.next()?);
    Some(match labels.next() {
        Some(third) if top.len() == 2 && second.len() <= 3 => format!("{third}.{second}.{top}"),
        _ => format!("{second}.{top}"),
    })
}

/// Splits off the program of a command line, quoted or not.
fn split_command(line: &str) -> (&str, &str) {
    let line = line.trim();
    if let Some((program, rest)) = line.strip_prefix('"').and_then(|rest| rest.split_once('"')) {
        return (program, rest);
    }
    line.split_once(char::is_whitespace).unwrap_or((line, ""))
}

fn program(line: &str) -> &str {
    file_name(split_command(line).0)
}

/// Switches that a shape lists.
const SWITCHES_MAX: usize = 12;

/// `-nop -w hidden -enc JAB…` → `-enc -nop -w`: sorted, each once. Bytes that shells ignore inside words do not count.
fn switches(line: &str) -> String {
    let rest = split_command(line).1;
    let mut out: Vec<String> = rest
        .split_whitespace()
        .filter(|word| word.starts_with('-') || (word.starts_with('/') && !word.get(1..).unwrap_or("").contains('/')))
        .map(|word| {
            let name = word.split(['=', ':']).next().unwrap_or(word);
            let name: String = name.chars().filter(|c| !matches!(c, '^' | '`' | '"' | '\'')).collect();
            cut(&masked(&name.to_lowercase()), 24).to_owned()
        })
        .collect();
    out.sort_unstable();
    out.dedup();
    out.truncate(SWITCHES_MAX);
    if out.is_empty() { "no switches".to_owned() } else { out.join(" ") }
}

/// Runs of digits → `#`; long runs of hexadecimal and braces' contents → `{id}`; the folder of a user → `%user%`.
fn masked(text: &str) -> String {
    let text = unuser(text);
    let mut out = String::with_capacity(text.len());
    let mut word = String::new();
    for c in text.chars().chain(std::iter::once('\n')) {
        if c.is_ascii_alphanumeric() {
            word.push(c);
            continue;
        }
        let digits = word.bytes().filter(u8::is_ascii_digit).count();
        if word.len() >= 8 && digits >= 2 && word.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            out.push_str("{id}");
        } else {
            let mut was_digit = false;
            for letter in word.chars() {
                let is_digit = letter.is_ascii_digit();
                match (is_digit, was_digit) {
                    (true, true) => {}
                    (true, false) => out.push('#'),
                    (false, _) => out.push(letter),
                }
                was_digit = is_digit;
            }
        }
        word.clear();
        if c != '\n' {
            out.push(c);
        }
    }
    out
}

fn unuser(text: &str) -> String {
    for marker in ["\\users\\", "/home/", "/users/"] {
        if let Some((before, after)) = text.split_once(marker) {
            let rest = after.find(['\\', '/']).and_then(|at| after.get(at..)).unwrap_or("");
            return format!("{before}{marker}%user%{rest}");
        }
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        for (form, raw, expected) in [
            (Form::File, "C:\\Windows\\System32\\CMD.exe", "cmd.exe"),
            (Form::Folder, "C:\\Users\\Alice\\AppData\\x.exe", "c:\\users\\%user%\\appdata"),
            (Form::Place, "/home/bob/.cache/a1.tmp", "/home/%user%/.cache\\*.tmp"),
            (Form::Masked, "Task{3F2504E0-4F89}-12 34", "task{{id}-#f#}-# #"),
            (Form::Network, "192.0.2.77", "192.0.2.0/24"),
            (Form::Port, "50001", "a dynamic port"),
            (Form::Port, "443", "443"),
            (Form::Domain, "a.b.example.co.uk.", "example.co.uk"),
            (Form::Domain, "www.example.com", "example.com"),
            (Form::Switches, "powershell.exe -NoP -w hidden -e^nc JAB", "-enc -nop -w"),
            (Form::Switches, "\"C:\\a b\\x.exe\" /c:3 //host/share", "/c"),
            (Form::Program, "\"C:\\a b\\x.EXE\" -q", "x.exe"),
            (Form::User, "CORP\\WS01$", "ws01$"),
        ] {
            assert_eq!(form.of(raw).as_deref(), Some(expected), "{form:?} {raw}");
        }
        assert_eq!(Form::Host.of("-"), None);
    }

    #[test]
    fn names_are_numbers_and_back() {
        let mut names = Names::default();
        let one = names.number("one");
        assert_eq!((names.number("one"), names.name(one)), (one, "one"));
        let long = "é".repeat(NAME_BYTES_MAX);
        let number = names.number(&long);
        assert!(names.name(number).len() <= NAME_BYTES_MAX);
        assert_eq!(names.form(Form::Plain, " - "), OTHER);
    }
}
