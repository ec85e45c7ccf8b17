//! Our table as nftables' JSON spells it: sets, rules, elements; and how it is read back.
//!
//! Addresses stand in hash sets, networks in interval sets, because an interval over an address that is there already is an error.
//! Order of rules: this machine to itself, the protected, blocks, whom isolation keeps, isolation.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::net::Net;
use crate::plan::{Port, Transport};

/// The name of our table.
pub(super) const NAME: &str = "shieldwall";

/// What stands in one of our sets. Spelled `SET KEY` in the journal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct Element {
    kind: Kind,
    net: Net,
    port: Option<Port>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Block,
    Port,
    Keep,
    Isolate,
}

impl Element {
    pub(super) fn block(net: Net) -> Self {
        Self { kind: Kind::Block, net, port: None }
    }

    pub(super) fn port(net: Net, port: Port) -> Self {
        Self { kind: Kind::Port, net, port: Some(port) }
    }

    pub(super) fn keep(net: Net) -> Self {
        Self { kind: Kind::Keep, net, port: None }
    }

    /// All of IPv4 and of IPv6.
    pub(super) fn everything() -> impl Iterator<Item = Self> {
        ["0.0.0.0/0", "::/0"]
            .into_iter()
            .filter_map(|net| Some(Self { kind: Kind::Isolate, net: net.parse().ok()?, port: None }))
    }

    fn set(&self) -> &'static str {
        let four = self.net.address().is_ipv4();
        let pick = |names: [&'static str; 2]| if four { names[0] } else { names[1] };
        match (self.kind, self.net.is_host()) {
            (Kind::Block, true) => pick(["block4", "block6"]),
            (Kind::Block, false) => pick(["net4", "net6"]),
            (Kind::Port, true) => pick(["port4", "port6"]),
            (Kind::Port, false) => pick(["netport4", "netport6"]),
            (Kind::Keep, _) => pick(["keep4", "keep6"]),
            (Kind::Isolate, _) => pick(["isolate4", "isolate6"]),
        }
    }

    fn spelled(&self) -> Value {
        match self.port {
            None => spelled(self.net),
            Some(port) => json!({ "concat": [spelled(self.net), port.transport.name(), port.port] }),
        }
    }

    /// From a set's element as listed, without the timing around it.
    fn read(kind: Kind, value: &Value) -> Option<Self> {
        let Some(parts) = value.get("concat").and_then(Value::as_array) else {
            return Some(Self { kind, net: net_of(value)?, port: None });
        };
        let [net, transport, port] = parts.as_slice() else { return None };
        let transport = transport_of(transport.as_str()?)?;
        let port = Port { transport, port: u16::try_from(port.as_u64()?).ok()? };
        Some(Self { kind, net: net_of(net)?, port: Some(port) })
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.set(), self.net)?;
        self.port.map_or(Ok(()), |port| write!(f, " {} {}", port.transport.name(), port.port))
    }
}

impl From<Element> for String {
    fn from(element: Element) -> Self {
        element.to_string()
    }
}

impl TryFrom<String> for Element {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let read = || {
            let mut words = text.split(' ');
            let kind = kind_of(words.next()?)?;
            let net = words.next()?.parse().ok()?;
            let port = match words.next() {
                None => None,
                Some(name) => Some(Port { transport: transport_of(name)?, port: words.next()?.parse().ok()? }),
            };
            Some(Self { kind, net, port })
        };
        read().ok_or_else(|| "no element of our sets".to_owned())
    }
}

/// How long an element stands in all, and from now; in seconds. Both zero: for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Timing {
    pub(super) timeout: u64,
    pub(super) expires: u64,
}

impl Timing {
    /// Whether it ends no earlier than in so many seconds.
    pub(super) fn outlasts(&self, seconds: u64) -> bool {
        self.timeout == 0 || self.expires >= seconds
    }

    /// The same so many seconds later; `None` if it ended.
    pub(super) fn later(self, seconds: u64) -> Option<Self> {
        let expires = self.expires.checked_sub(seconds).filter(|left| *left > 0)?;
        Some(Self { timeout: self.timeout, expires })
    }
}

fn transport_of(name: &str) -> Option<Transport> {
    [Transport::Tcp, Transport::Udp].into_iter().find(|one| one.name() == name)
}

fn kind_of(set: &str) -> Option<Kind> {
    match set.trim_end_matches(['4', '6']) {
        "block" | "net" => Some(Kind::Block),
        "port" | "netport" => Some(Kind::Port),
        "keep" => Some(Kind::Keep),
        "isolate" => Some(Kind::Isolate),
        _ => None,
    }
}

/// An address, or `{prefix: …}`.
fn net_of(value: &Value) -> Option<Net> {
    match value.get("prefix") {
        Some(prefix) => {
            let address = prefix.get("addr")?.as_str()?.parse().ok()?;
            Net::new(address, u8::try_from(prefix.get("len")?.as_u64()?).ok()?)
        }
        None => value.as_str()?.parse().ok(),
    }
}

fn spelled(net: Net) -> Value {
    if net.is_host() {
        json!(net.address().to_string())
    } else {
        json!({ "prefix": { "addr": net.address().to_string(), "len": net.prefix() } })
    }
}

/// Networks without those that lie in others: an interval set refuses overlaps.
pub(super) fn widest(nets: &[Net]) -> Vec<Net> {
    let mut sorted: Vec<Net> = nets.to_vec();
    // The wider comes first, so whoever overlaps one that is kept lies in it.
    sorted.sort_unstable_by_key(|net| (net.address(), net.prefix()));
    let mut out: Vec<Net> = Vec::with_capacity(sorted.len());
    for net in sorted {
        if out.last().is_none_or(|last| !last.overlaps(net)) {
            out.push(net);
        }
    }
    out
}

fn adding(set: &str, elements: Vec<Value>) -> Value {
    json!({ "add": { "element": { "family": "inet", "table": NAME, "name": set, "elem": elements } } })
}

/// One command a set that puts elements in.
pub(super) fn adds<'a>(elements: impl Iterator<Item = (&'a Element, Timing)>) -> impl Iterator<Item = Value> {
    let mut sets: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for (element, Timing { timeout, expires }) in elements {
        let mut timed = json!({ "val": element.spelled(), "timeout": timeout });
        if expires != timeout
            && let Some(timed) = timed.as_object_mut()
        {
            timed.insert("expires".to_owned(), json!(expires));
        }
        sets.entry(element.set()).or_default().push(json!({ "elem": timed }));
    }
    sets.into_iter().map(|(set, elements)| adding(set, elements))
}

/// One command a set that takes elements out.
pub(super) fn deletes<'a>(elements: impl Iterator<Item = &'a Element>) -> impl Iterator<Item = Value> {
    let mut sets: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for element in elements {
        sets.entry(element.set()).or_default().push(element.spelled());
    }
    sets.into_iter().map(|(set, elements)| {
        json!({ "delete": { "element": { "family": "inet", "table": NAME, "name": set, "elem": elements } } })
    })
}

const CHAINS: [(&str, &[&str]); 3] = [("input", &["saddr"]), ("output", &["daddr"]), ("forward", &["saddr", "daddr"])];

fn matching(left: Value, right: &str) -> Value {
    json!({ "match": { "op": "==", "left": left, "right": right } })
}

/// The rules of a chain, each its list of expressions.
fn rules(chain: &str, sides: &[&str]) -> Vec<Value> {
    let mut out = Vec::new();
    for (interface, of) in [("iifname", "input"), ("oifname", "output")] {
        if of == chain {
            out.push(json!([matching(json!({ "meta": { "key": interface } }), "lo"), { "accept": null }]));
        }
    }
    let order = [
        ("allow", "accept"),
        ("block", "drop"),
        ("net", "drop"),
        ("port", "drop"),
        ("netport", "drop"),
        ("keep", "accept"),
        ("isolate", "drop"),
    ];
    for (set, verdict) in order {
        let ports = set.ends_with("port");
        // Ports are this machine's own: only what comes in to them is dropped. Isolation is this machine's too.
        if (ports && chain != "input") || (chain == "forward" && matches!(set, "keep")) {
            continue;
        }
        for (protocol, version) in [("ip", "4"), ("ip6", "6")] {
            for side in sides {
                let address = json!({ "payload": { "protocol": protocol, "field": side } });
                let left = if ports {
                    json!({ "concat": [address, { "meta": { "key": "l4proto" } },
                        { "payload": { "protocol": "th", "field": "dport" } }] })
                } else {
                    address
                };
                out.push(json!([matching(left, &format!("@{set}{version}")), { verdict: null }]));
            }
        }
    }
    out
}

/// The whole table, written so that writing it again changes nothing but what others changed.
pub(super) fn skeleton(allow: &[Net]) -> Vec<Value> {
    let mut out = vec![json!({ "add": { "table": { "family": "inet", "name": NAME } } })];
    for (version, address) in [("4", "ipv4_addr"), ("6", "ipv6_addr")] {
        let pair = json!([address, "inet_proto", "inet_service"]);
        for (name, kind, flags) in [
            ("allow", json!(address), json!(["interval"])),
            ("block", json!(address), json!(["timeout"])),
            ("net", json!(address), json!(["interval", "timeout"])),
            ("port", pair.clone(), json!(["timeout"])),
            ("netport", pair, json!(["interval", "timeout"])),
            ("keep", json!(address), json!(["interval", "timeout"])),
            ("isolate", json!(address), json!(["interval", "timeout"])),
        ] {
            out.push(json!({ "add": { "set": { "family": "inet", "table": NAME, "name": format!("{name}{version}"),
                "type": kind, "flags": flags } } }));
        }
    }
    for (set, four) in [("allow4", true), ("allow6", false)] {
        out.push(json!({ "flush": { "set": { "family": "inet", "table": NAME, "name": set } } }));
        let elements: Vec<Value> =
            allow.iter().filter(|net| net.address().is_ipv4() == four).map(|net| spelled(*net)).collect();
        if !elements.is_empty() {
            out.push(adding(set, elements));
        }
    }
    for (chain, sides) in CHAINS {
        out.push(json!({ "add": { "chain": { "family": "inet", "table": NAME, "name": chain, "type": "filter",
            "hook": chain, "prio": -10, "policy": "accept" } } }));
        out.push(json!({ "flush": { "chain": { "family": "inet", "table": NAME, "name": chain } } }));
        out.extend(rules(chain, sides).into_iter().map(|expressions| {
            json!({ "add": { "rule": { "family": "inet", "table": NAME, "chain": chain, "expr": expressions } } })
        }));
    }
    out
}

fn entries<'a>(listed: &'a Value, kind: &'a str) -> impl Iterator<Item = &'a Value> {
    listed.get("nftables").and_then(Value::as_array).into_iter().flatten().filter_map(move |entry| entry.get(kind))
}

fn text<'a>(entry: &'a Value, field: &str) -> Option<&'a str> {
    entry.get(field).and_then(Value::as_str)
}

/// What stands in our sets: blocks and their like, and whom we let through.
pub(super) fn held(listed: &Value) -> (BTreeMap<Element, Timing>, BTreeSet<Net>) {
    let (mut held, mut allowed) = (BTreeMap::new(), BTreeSet::new());
    for set in entries(listed, "set") {
        let name = text(set, "name").unwrap_or_default();
        for element in set.get("elem").and_then(Value::as_array).into_iter().flatten() {
            if name.starts_with("allow") {
                allowed.extend(net_of(element));
                continue;
            }
            let timed = element.get("elem");
            let value = timed.and_then(|timed| timed.get("val")).unwrap_or(element);
            let number = |field: &str| timed.and_then(|timed| timed.get(field)).and_then(Value::as_u64).unwrap_or(0);
            let timing = Timing { timeout: number("timeout"), expires: number("expires") };
            if let Some(element) = kind_of(name).and_then(|kind| Element::read(kind, value)) {
                held.insert(element, timing);
            }
        }
    }
    (held, allowed)
}

/// What of the table is not as we write it.
pub(super) fn wrong(listed: &Value) -> Option<String> {
    if entries(listed, "table").any(|table| table.get("flags").is_some()) {
        return Some("it sleeps (a flag is set)".to_owned());
    }
    for (name, sides) in CHAINS {
        let chain = entries(listed, "chain").find(|chain| text(chain, "name") == Some(name));
        let hooked = chain.is_some_and(|chain| {
            text(chain, "hook") == Some(name)
                && text(chain, "type") == Some("filter")
                && text(chain, "policy") == Some("accept")
                && chain.get("prio").and_then(Value::as_i64) == Some(-10)
        });
        if !hooked {
            return Some(format!("chain `{name}` is missing or hangs elsewhere"));
        }
        let stand: Vec<&Value> = entries(listed, "rule")
            .filter(|rule| text(rule, "chain") == Some(name))
            .filter_map(|rule| rule.get("expr"))
            .collect();
        let wanted = rules(name, sides);
        if !stand.iter().copied().eq(wanted.iter()) {
            return Some(format!("chain `{name}` has other rules than ours"));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_is_spelled_read_and_written_in_the_journal_alike() {
        let port = Port { transport: Transport::Udp, port: 53 };
        let net = |text: &str| text.parse::<Net>().unwrap();
        let mut all = vec![Element::block(net("192.0.2.1")), Element::block(net("2001:db8::/64"))];
        all.extend([Element::port(net("2001:db8::1"), port), Element::port(net("192.0.2.0/24"), port)]);
        all.extend([Element::keep(net("192.0.2.1"))]);
        all.extend(Element::everything());
        assert_eq!(all.len(), 7);
        for element in all {
            assert_eq!(Element::read(element.kind, &element.spelled()), Some(element.clone()));
            assert_eq!(Element::try_from(element.to_string()), Ok(element));
        }
        for text in ["", "block4", "block4 x", "rule 192.0.2.1", "port4 192.0.2.1 icmp 1", "port4 192.0.2.1 tcp 70000"]
        {
            assert!(Element::try_from(text.to_owned()).is_err(), "{text}");
        }
    }

    #[test]
    fn overlaps_are_merged_and_no_net_is_lost() {
        let nets: Vec<Net> = ["10.0.0.5", "10.0.0.0/8", "10.1.0.0/16", "11.0.0.1", "::/0", "::1", "10.0.0.0/8"]
            .iter()
            .map(|text| text.parse().unwrap())
            .collect();
        let merged: Vec<String> = widest(&nets).iter().map(ToString::to_string).collect();
        assert_eq!(merged, ["10.0.0.0/8", "11.0.0.1", "::/0"]);
    }

    #[test]
    fn a_changed_table_is_told() {
        let rule = |chain: &str, expr: Value| json!({ "rule": { "chain": chain, "handle": 7, "expr": expr } });
        let mut listed = vec![json!({ "table": { "family": "inet", "name": NAME, "handle": 1 } })];
        for (name, sides) in CHAINS {
            listed.push(
                json!({ "chain": { "name": name, "type": "filter", "hook": name, "prio": -10, "policy": "accept" } }),
            );
            listed.extend(rules(name, sides).into_iter().map(|expr| rule(name, expr)));
        }
        let ask = |entries: &[Value]| wrong(&json!({ "nftables": entries }));
        assert_eq!(ask(&listed), None);
        for at in 1..listed.len() {
            let mut less = listed.clone();
            less.remove(at);
            assert!(ask(&less).is_some(), "without {}", listed[at]);
        }
        let mut more = listed.clone();
        more.insert(2, rule("input", json!([{ "accept": null }])));
        assert!(ask(&more).is_some());
        listed[0]["table"]["flags"] = json!("dormant");
        assert!(ask(&listed).is_some());
    }
}
