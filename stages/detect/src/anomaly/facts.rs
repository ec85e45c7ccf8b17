//! An observation → facts: who did what under which circumstances, in numbers.
//!
//! A fact is (feature, context, value) of an entity: on host `ws1` the parent `winword.exe` has started `cmd.exe`. Facts are
//! what rarity is counted on; measures (how much, how many different) are what volume is counted on. Neither knows a log
//! format: both are read from OCSF paths.

use std::net::IpAddr;

use shieldwall_schema::Observation;
use shieldwall_schema::entity::EntityKind;

use super::measures::Measure;
use super::names::{Form, Names, OTHER};
use super::paths::*;

/// One kind of fact.
#[derive(Clone, Copy, Debug)]
pub(super) struct Feature {
    /// Its name in parts of a score: `parent of process`.
    pub what: &'static str,
    /// The detector it belongs to: index in [`super::DETECTORS`].
    pub detector: u16,
    /// What is said of a context and value: `{c}` and `{v}` stand for them.
    pub seen: &'static str,
    /// What is usual then: `{u}` stands for the usual values.
    pub usual: &'static str,
}

pub(super) use shieldwall_learn::baseline::FeatureId;

macro_rules! features {
    ($($name:ident: $detector:ident, $what:literal, $seen:literal, $usual:literal;)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        enum Id { $($name),* }
        /// Every kind of fact. Kept baselines name them by number: only ever added to at the end.
        pub(super) const FEATURES: &[Feature] = &[
            $(Feature { what: $what, detector: super::detectors::$detector, seen: $seen, usual: $usual }),*
        ];
    };
}

features! {
    Child: LINEAGE, "parent of process", "`{c}` started `{v}`", "`{c}` usually starts {u}";
    Folder: LINEAGE, "folder of program", "`{c}` ran from `{v}`", "`{c}` usually lies in {u}";
    RunAs: LINEAGE, "user of program", "`{c}` was run by `{v}`", "`{c}` is usually run by {u}";
    Switches: COMMAND, "command-line switches", "`{c}` was run with the switches `{v}`", "`{c}` is usually run with {u}";
    Renamed: LINEAGE, "name of program", "the program built as `{c}` ran as `{v}`", "the program built as `{c}` is usually named {u}";
    Signer: LINEAGE, "signer of program", "`{c}` was signed by `{v}`", "`{c}` is usually signed by {u}";
    Service: PERSISTENCE, "new service", "a service that runs `{v}` was installed", "services installed here usually run {u}";
    Job: PERSISTENCE, "scheduled job", "the job `{v}` was seen ({c})", "jobs here are usually {u}";
    Autostart: PERSISTENCE, "autostart entry", "`{v}` wrote `{c}`", "`{c}` is usually written by {u}";
    LogonSource: LOGON, "logon source", "`{c}` logon from {v}", "`{c}` logons usually come from {u}";
    LogonHour: LOGON, "logon time", "logon on {v}", "logons usually happen on {u}";
    LogonType: LOGON, "logon type", "logon type {v}", "logons are usually of type {u}";
    LogonHost: LOGON, "logon host", "logon on {v}", "logons are usually on {u}";
    Admin: PRIVILEGE, "administration", "{c}: {v}", "usual here: {u}";
    Account: PRIVILEGE, "who administers", "`{v}` did: {c}", "usually done by {u}";
    Port: DESTINATION, "destination port", "`{c}` connected to port {v}", "`{c}` usually connects to port {u}";
    Network: DESTINATION, "destination", "`{c}` connected to {v}", "`{c}` usually connects to {u}";
    Domain: DESTINATION, "domain", "`{c}` asked for {v}", "`{c}` usually asks for {u}";
    Tls: DESTINATION, "TLS fingerprint", "the TLS client {v} was seen", "usual TLS clients here are {u}";
    Agent: DESTINATION, "user agent", "the user agent `{v}` was seen", "usual user agents are {u}";
    Operation: CLOUD, "API operation", "`{c}`: {v}", "usual operations of `{c}` are {u}";
    CloudSource: CLOUD, "API source", "API calls from {v}", "API calls usually come from {u}";
    Region: CLOUD, "cloud region", "API calls in region {v}", "the usual region is {u}";
    Code: ORDER, "kind of event", "event {v} in `{c}`", "usual events in `{c}` are {u}";
    Next: ORDER, "order of events", "event {v} after {c}", "after {c} usually comes {u}";
    Access: INJECTION, "access to process", "`{c}` reached into `{v}`", "`{c}` usually reaches into {u}";
    Write: FILES, "written file", "`{c}` wrote `{v}`", "`{c}` usually writes {u}";
    Module: MODULES, "loaded module", "`{c}` loaded `{v}`", "`{c}` usually loads {u}";
    Pipe: INJECTION, "named pipe", "`{c}` used the pipe `{v}`", "`{c}` usually uses {u}";
    Share: LOGON, "network share", "the share `{v}` was opened ({c})", "shares usually opened are {u}";
    Ticket: LOGON, "Kerberos service", "a ticket for {v} was asked for", "tickets are usually for {u}";
}

impl Feature {
    /// The feature of a number.
    pub(super) fn of(id: FeatureId) -> Option<&'static Feature> {
        FEATURES.get(usize::from(id))
    }
}

/// A fact of an entity; names are numbers of [`Names`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fact {
    /// Whose: index in [`Seen::who`].
    pub who: u8,
    pub feature: FeatureId,
    pub context: u32,
    pub value: u32,
}

/// How much of something, or one thing of which the different ones are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Amount {
    pub who: u8,
    pub measure: Measure,
    /// A number of [`Names`] for measures that count different things, else an amount.
    pub value: u64,
}

/// A connection, for timing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Pair {
    pub who: u8,
    pub destination: u32,
    pub port: u32,
}

/// A text to be scored by a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Text {
    Domain,
    Request,
    Command,
    Script,
}

/// Everything one observation says. Reused from one to the next.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Entities: kind and number of the id's name. The host, where there is one, is the first.
    pub who: Vec<(EntityKind, u32)>,
    pub facts: Vec<Fact>,
    pub amounts: Vec<Amount>,
    pub pair: Option<Pair>,
    /// Texts: kind, whose, and the path whose value it is.
    pub texts: Vec<(Text, u8, u16)>,
}

impl Seen {
    fn clear(&mut self) {
        self.who.clear();
        self.facts.clear();
        self.amounts.clear();
        self.pair = None;
        self.texts.clear();
    }

    fn entity(&mut self, kind: EntityKind, name: u32) -> Option<u8> {
        if name == OTHER {
            return None;
        }
        let at = self.who.iter().position(|have| *have == (kind, name)).unwrap_or_else(|| {
            self.who.push((kind, name));
            self.who.len() - 1
        });
        u8::try_from(at).ok()
    }

    fn fact(&mut self, who: Option<u8>, id: Id, context: u32, value: u32) {
        if let Some(who) = who.filter(|_| value != OTHER) {
            self.facts.push(Fact { who, feature: id as u8, context, value });
        }
    }

    fn different(&mut self, who: Option<u8>, measure: Measure, name: u32) {
        if let Some(who) = who.filter(|_| name != OTHER) {
            self.amounts.push(Amount { who, measure, value: u64::from(name) });
        }
    }

    fn amount(&mut self, who: Option<u8>, measure: Measure, value: u64) {
        if let Some(who) = who.filter(|_| value > 0) {
            self.amounts.push(Amount { who, measure, value });
        }
    }
}

/// A reader of one observation: fields in normal form.
struct Reader<'a> {
    of: &'a Observation,
    names: &'a mut Names,
}

impl Reader<'_> {
    fn get(&mut self, path: u16, form: Form) -> u32 {
        match self.of.get(path) {
            Some(raw) => self.names.form(form, raw),
            None => OTHER,
        }
    }

    fn first(&mut self, paths: &[u16], form: Form) -> u32 {
        paths.iter().map(|path| self.get(*path, form)).find(|name| *name != OTHER).unwrap_or(OTHER)
    }
}

/// Reads an observation. `slot` is the name of the time of the week, for logons.
pub(super) fn read(observation: &Observation, slot: u32, names: &mut Names, out: &mut Seen) {
    out.clear();
    let host = observation.host.as_deref().or_else(|| observation.get(HOST));
    let host = host.map_or(OTHER, |host| names.form(Form::Host, host));
    let host = out.entity(EntityKind::Host, host);
    let mut read = Reader { of: observation, names };
    match observation.class {
        1007 => process(&mut read, observation.activity, host, out),
        1001 => {
            let actor = read.first(&[ACTOR_PATH, ACTOR_NAME], Form::File);
            let place = read.get(FILE_PATH, Form::Place);
            out.fact(host, Id::Write, actor, place);
            out.amount(host, Measure::FilesHour, u64::from(observation.count));
        }
        1003 => {
            let (actor, pipe) = (read.get(ACTOR_PATH, Form::File), read.get(PIPE, Form::Masked));
            out.fact(host, Id::Pipe, actor, pipe);
        }
        1005 => {
            let actor = read.get(ACTOR_PATH, Form::File);
            let module = read.get(MODULE_PATH, Form::Masked);
            out.fact(host, Id::Module, actor, module);
        }
        1006 => job(&mut read, host, out),
        1009 => {
            for path in [SCRIPT_VALUE, SCRIPT_TEXT] {
                if let (Some(_), Some(who)) = (observation.get(path), host) {
                    out.texts.push((Text::Script, who, path));
                    break;
                }
            }
        }
        3001 | 3003 | 3004 | 3006 | 1008 => administration(&mut read, host, out),
        3002 | 4005 => logon(&mut read, host, slot, out),
        4001 | 4002 | 4003 | 4007 => network(&mut read, host, out),
        4006 => {
            let user = read.get(ACTOR_USER, Form::User);
            let who = out.entity(EntityKind::User, user);
            let (source, share) = (read.get(SOURCE_IP, Form::Address), read.get(SHARE, Form::Masked));
            out.fact(who.or(host), Id::Share, source, share);
        }
        6003 => cloud(&mut read, out),
        201_001 | 201_002 => registry(&mut read, host, out),
        201_004 => {
            let command = read.get(SERVICE_COMMAND, Form::Masked);
            let name = read.get(SERVICE_INSTALLED, Form::Masked);
            if observation.activity == 1 || command != OTHER {
                out.fact(host, Id::Service, OTHER, if command == OTHER { name } else { command });
            }
        }
        _ => {}
    }
    if let Some(who) = host {
        let code = read.get(CODE, Form::Plain);
        let service = read.names.form(Form::Plain, &observation.service);
        out.fact(Some(who), Id::Code, service, code);
        out.amount(host, Measure::RecordsHour, u64::from(observation.count));
        out.amount(host, Measure::RecordsDay, u64::from(observation.count));
    }
}

/// The fact that one event came after another of the same log on one host.
pub(super) fn next(host: u8, before: u32, code: u32) -> Fact {
    Fact { who: host, feature: Id::Next as u8, context: before, value: code }
}

/// The fact that says what an event was, if one does: its log and code.
pub(super) fn code(facts: &[Fact]) -> Option<Fact> {
    facts.last().copied().filter(|fact| fact.feature == Id::Code as u8)
}

fn process(read: &mut Reader<'_>, activity: u32, host: Option<u8>, out: &mut Seen) {
    let mut child = read.first(&[PROCESS_PATH, PROCESS_NAME], Form::File);
    // Sysmon 8 and 10: one process reaches into another.
    if matches!(activity, 3 | 4) {
        let actor = read.first(&[ACTOR_PATH, ACTOR_NAME], Form::File);
        out.fact(host, Id::Access, actor, child);
        return;
    }
    if child == OTHER {
        child = read.get(PROCESS_COMMAND, Form::Program);
    }
    if activity != 1 && activity != 0 {
        return;
    }
    let parent = read.first(&[PARENT_PATH, PARENT_NAME, ACTOR_PATH, ACTOR_NAME], Form::File);
    if parent != OTHER {
        out.fact(host, Id::Child, parent, child);
    }
    let folder = read.get(PROCESS_PATH, Form::Folder);
    out.fact(host, Id::Folder, child, folder);
    let user = read.first(&[PROCESS_USER, ACTOR_USER], Form::User);
    out.fact(host, Id::RunAs, child, user);
    out.entity(EntityKind::User, user);
    if read.of.get(PROCESS_COMMAND).is_some() {
        let switches = read.get(PROCESS_COMMAND, Form::Switches);
        out.fact(host, Id::Switches, child, switches);
        if let Some(who) = host {
            out.texts.push((Text::Command, who, PROCESS_COMMAND));
        }
    }
    let original = read.get(PROCESS_ORIGINAL, Form::File);
    if original != OTHER {
        out.fact(host, Id::Renamed, original, child);
    }
    let signer = read.get(PROCESS_SIGNER, Form::Masked);
    out.fact(host, Id::Signer, child, signer);
    out.different(host, Measure::ProgramsHour, child);
}

fn job(read: &mut Reader<'_>, host: Option<u8>, out: &mut Seen) {
    let job = match read.get(JOB_NAME, Form::Masked) {
        OTHER => read.get(JOB_COMMAND, Form::Masked),
        name => name,
    };
    let word = match read.of.activity {
        1 => "created",
        2 => "changed",
        3 => "deleted",
        4 => "enabled",
        5 => "disabled",
        6 => "started",
        _ => "ran",
    };
    let word = read.names.number(word);
    out.fact(host, Id::Job, word, job);
}

fn registry(read: &mut Reader<'_>, host: Option<u8>, out: &mut Seen) {
    let key = read.first(&[VALUE_PATH, KEY_PATH], Form::Masked);
    if is_autostart(read.names.name(key)) {
        let actor = read.first(&[ACTOR_PATH, ACTOR_NAME], Form::File);
        out.fact(host, Id::Autostart, key, actor);
    }
}

/// Registry keys from which programs are started, or their start is redirected, in lower case. Public documentation of
/// Windows; ATT&CK T1547, T1546, T1543.
const AUTOSTARTS: &[&str] = &[
    "\\currentversion\\run",
    "\\currentversion\\policies\\explorer\\run",
    "\\currentversion\\winlogon\\",
    "\\currentversion\\image file execution options\\",
    "\\currentversion\\silentprocessexit\\",
    "\\currentversion\\explorer\\shell folders",
    "\\currentversion\\explorer\\user shell folders",
    "\\currentversion\\windows\\appinit_dlls",
    "\\currentversion\\windows\\load",
    "\\active setup\\installed components\\",
    "\\control\\lsa\\",
    "\\control\\print\\monitors\\",
    "\\control\\session manager\\",
    "\\environment\\userinitmprlogonscript",
    "\\shell\\open\\command",
    "\\inprocserver#",
    "\\office\\#.#\\word\\addins",
    "\\netsh\\",
    "\\services\\",
];

fn is_autostart(key: &str) -> bool {
    AUTOSTARTS.iter().any(|known| key.contains(known))
        && (!key.contains("\\services\\") || key.ends_with("\\imagepath") || key.ends_with("\\servicedll"))
}

fn administration(read: &mut Reader<'_>, host: Option<u8>, out: &mut Seen) {
    let actor = read.get(ACTOR_USER, Form::User);
    let who = out.entity(EntityKind::User, actor);
    let object = read.first(&[GROUP, PRIVILEGES, ENTITY_NAME, STATUS], Form::Masked);
    let kind = match (read.of.class, read.of.activity) {
        (1008, _) => "log cleared",
        (3001, 1) => "account created",
        (3001, 2) => "account enabled",
        (3001, 3) => "password changed",
        (3001, 4) => "password reset",
        (3001, 5) => "account disabled",
        (3001, 6) => "account deleted",
        (3001, _) => "account changed",
        (3003, _) => "special privileges",
        (3006, 3) => "member added to group",
        (3006, 4) => "member removed from group",
        (3006, _) => "group changed",
        _ => "directory changed",
    };
    let kind = read.names.number(kind);
    // Directory objects are too many to be told apart by name.
    let value = if read.of.class == 3004 || object == OTHER { kind } else { object };
    out.fact(who, Id::Admin, kind, value);
    if read.of.class != 3004 && read.of.class != 3003 {
        out.fact(host, Id::Account, kind, actor);
    }
}

/// A session that was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedIn<'o> {
    /// From where.
    pub address: IpAddr,
    /// Who.
    pub user: &'o str,
    /// What the machine at the address calls itself.
    pub name: Option<&'o str>,
}

/// Who signed in from which address, if the observation tells of a session that was opened from one.
pub fn signed_in(of: &Observation) -> Option<SignedIn<'_>> {
    if of.class != 3002 || matches!(of.activity, 3 | 4) || attempt(of) != Attempt::Opened {
        return None;
    }
    let address = of.get(SOURCE_IP)?.parse().ok()?;
    let user = of.get(USER).or_else(|| of.get(ACTOR_USER))?;
    (!user.is_empty() && user != "-" && !user.eq_ignore_ascii_case("anonymous logon")).then(|| SignedIn {
        address,
        user,
        name: of.get(SOURCE_HOST).filter(|name| !matches!(*name, "" | "-")),
    })
}

/// How an attempt to sign in ended, as far as the fields tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attempt {
    Failed,
    Opened,
    /// The record speaks of a step on the way: `Connection closed by …`, or PAM's word beside that of sshd.
    Neither,
}

fn attempt(of: &Observation) -> Attempt {
    match of.get(CODE).unwrap_or("") {
        "ssh_login_ok" => Attempt::Opened,
        "auth_failed" if of.get(SERVICE_NAME).is_some_and(|name| name.starts_with("sshd")) => Attempt::Neither,
        "ssh_login_failed" | "auth_failed" => Attempt::Failed,
        "auth_unknown_user" | "session_closed" => Attempt::Neither,
        code if code.starts_with("ssh_") => Attempt::Neither,
        _ if failed(of) => Attempt::Failed,
        // Logoffs close and tickets open no session.
        _ if of.activity == 2 => Attempt::Neither,
        _ => Attempt::Opened,
    }
}

/// Whether a logon failed, as far as the fields tell: by code of the event, status or NT status.
fn failed(of: &Observation) -> bool {
    let get = |path| of.get(path).unwrap_or("");
    let any = |text: &str, words: &[&str]| {
        let bytes = text.as_bytes();
        words.iter().any(|word| bytes.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word.as_bytes())))
    };
    let code = get(CODE);
    matches!(code, "4625" | "4771" | "4772" | "4773" | "4777" | "failed_login")
        || any(get(STATUS), &["fail", "no"])
        || any(get(STATUS_DETAIL), &["fail", "invalid", "denied"])
        || matches!(code, "4768" | "4769" | "4776")
            && !get(STATUS_CODE).trim_start_matches("0x").trim_matches('0').is_empty()
}

fn logon(read: &mut Reader<'_>, host: Option<u8>, slot: u32, out: &mut Seen) {
    let name = read.first(&[USER, ACTOR_USER], Form::User);
    let user = out.entity(EntityKind::User, name);
    let source_name = read.get(SOURCE_IP, Form::Address);
    let source = out.entity(EntityKind::Address, source_name);
    let from = if source_name == OTHER { read.get(SOURCE_HOST, Form::Host) } else { source_name };
    let attempt = attempt(read.of);
    if attempt == Attempt::Failed {
        let by = source.or(host);
        out.amount(by, Measure::FailuresHour, u64::from(read.of.count));
        out.amount(by, Measure::FailuresDay, u64::from(read.of.count));
        out.amount(user, Measure::TargetedDay, u64::from(read.of.count));
        out.different(by, Measure::FailedAccountsHour, name);
        out.different(by, Measure::FailedAccountsDay, name);
        return;
    }
    if attempt == Attempt::Neither {
        return;
    }
    let host_name = host.and_then(|at| out.who.get(usize::from(at))).map_or(OTHER, |(_, name)| *name);
    if matches!(read.of.activity, 3 | 4) {
        let service = read.get(SERVICE_NAME, Form::User);
        out.fact(user, Id::Ticket, OTHER, service);
        return;
    }
    let kind = match read.first(&[LOGON_TYPE_ID, LOGON_TYPE], Form::Plain) {
        OTHER => read.first(&[AUTH, SERVICE_NAME], Form::Plain),
        kind => kind,
    };
    out.fact(user, Id::LogonSource, kind, from);
    out.fact(user, Id::LogonHour, OTHER, slot);
    out.fact(user, Id::LogonType, OTHER, kind);
    out.fact(user, Id::LogonHost, OTHER, host_name);
    out.different(user, Measure::LogonHostsDay, host_name);
    out.different(user, Measure::LogonHostsHour, host_name);
    out.different(source, Measure::LogonAccountsDay, name);
}

fn network(read: &mut Reader<'_>, host: Option<u8>, out: &mut Seen) {
    let source = read.get(SOURCE_IP, Form::Address);
    let address = out.entity(EntityKind::Address, source);
    let process = read.first(&[ACTOR_PATH, ACTOR_NAME], Form::File);
    // An endpoint's own log speaks of the endpoint; a sensor's of the address that began.
    let who = if process != OTHER { host } else { address.or(host) };
    let destination = read.get(DESTINATION_IP, Form::Address);
    let port = read.get(DESTINATION_PORT, Form::Port);
    let bytes = read.of.get(BYTES_OUT).and_then(|bytes| bytes.parse::<u64>().ok()).unwrap_or(0);
    match read.of.class {
        4003 => {
            let domain = read.get(QUERY, Form::Domain);
            out.fact(who, Id::Domain, process, domain);
            let name = read.get(QUERY, Form::Plain);
            out.different(who, Measure::NamesHour, name);
            if let Some(who) = who.filter(|_| domain != OTHER) {
                out.texts.push((Text::Domain, who, QUERY));
            }
            let answer = read.get(RCODE, Form::Plain);
            if matches!(read.names.name(answer), "3" | "9003" | "nxdomain") {
                out.amount(who, Measure::NoNameHour, u64::from(read.of.count));
            }
            return;
        }
        4002 => {
            let domain = read.first(&[URL_HOST, DESTINATION_HOST], Form::Domain);
            out.fact(who, Id::Domain, process, domain);
            let agent = read.get(AGENT, Form::Masked);
            out.fact(who, Id::Agent, OTHER, agent);
            for path in [URL, URL_QUERY, URL_PATH] {
                if let (Some(_), Some(who)) = (read.of.get(path), who) {
                    out.texts.push((Text::Request, who, path));
                    break;
                }
            }
            if read.of.get(HTTP_CODE).is_some_and(|code| code.starts_with('4')) {
                out.amount(who, Measure::RefusedHour, u64::from(read.of.count));
            }
        }
        _ => {
            let net = read.get(DESTINATION_IP, Form::Network);
            let name = read.first(&[SNI, DESTINATION_HOST], Form::Domain);
            out.fact(who, Id::Network, process, if name == OTHER { net } else { name });
            out.fact(who, Id::Port, process, port);
            let tls = read.get(JA3, Form::Plain);
            out.fact(who, Id::Tls, OTHER, tls);
            if let Some(who) = who.filter(|_| destination != OTHER && read.of.count > 0) {
                out.pair = Some(Pair { who, destination, port });
            }
        }
    }
    out.different(who, Measure::DestinationsHour, destination);
    out.different(who, Measure::DestinationsDay, destination);
    out.different(who, Measure::PortsHour, port);
    out.amount(who, Measure::BytesOutHour, bytes.saturating_mul(u64::from(read.of.count)));
    out.amount(who, Measure::BytesOutDay, bytes.saturating_mul(u64::from(read.of.count)));
}

fn cloud(read: &mut Reader<'_>, out: &mut Seen) {
    let user = read.get(ACTOR_USER, Form::User);
    let user = out.entity(EntityKind::User, user);
    let (service, operation) = (read.get(API_SERVICE, Form::Plain), read.get(OPERATION, Form::Plain));
    out.fact(user, Id::Operation, service, operation);
    let source = read.get(SOURCE_IP, Form::Network);
    out.fact(user, Id::CloudSource, OTHER, source);
    let region = read.get(REGION, Form::Plain);
    out.fact(user, Id::Region, OTHER, region);
    let agent = read.get(AGENT, Form::Masked);
    out.fact(user, Id::Agent, OTHER, agent);
    out.amount(user, Measure::RecordsHour, u64::from(read.of.count));
    if read.of.get(STATUS).is_some_and(|status| status.to_ascii_lowercase().contains("fail")) {
        out.amount(user, Measure::FailuresHour, u64::from(read.of.count));
    }
}
