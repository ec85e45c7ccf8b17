//! Blocks addresses and networks with nftables: our own table, sets whose elements the kernel lifts by itself.
//!
//! One `nft -j -f -` is one transaction: all of it or nothing. Addresses stand in hash sets, networks in interval sets, because an
//! interval over an address that is there already is an error. Packets of the protected are accepted before any drop rule;
//! `accept` ends only our own chain, so it opens nothing that another table closes. The program is started with an argument
//! list, never through a shell, and nothing of an attacker's stands in it but parsed numbers.

use std::io::{self, Write};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::action::Action;
use crate::approve::Approved;
use crate::net::Net;
use crate::plan::{Plan, Step};

const TABLE: &str = "shieldwall";

/// The actuator.
pub struct Nft {
    argv: Vec<String>,
    allow: Vec<Net>,
}

impl Nft {
    /// With the words that start `nft` (`["nft"]`; a test puts `ip netns exec NAME` before it), and whom to let through always.
    pub fn new(argv: Vec<String>, allow: Vec<Net>) -> Self {
        Self { argv, allow }
    }

    fn run(&self, arguments: &[&str], input: &str) -> io::Result<String> {
        let (program, first) = self.argv.split_first().ok_or_else(|| io::Error::other("no program"))?;
        let mut child = Command::new(program)
            .args(first)
            .args(arguments)
            .env("LC_ALL", "C")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| io::Error::new(error.kind(), format!("cannot start `{program}`: {error}")))?;
        // `nft` reads all its input before it answers, so neither waits for the other.
        let written = child.stdin.take().map_or(Ok(()), |mut pipe| pipe.write_all(input.as_bytes()));
        let output = child.wait_with_output()?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(io::Error::other(format!("nft: {}", said.lines().next().unwrap_or("failed"))));
        }
        written?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Whether our table stands.
    fn stands(&self) -> io::Result<bool> {
        let tables: Value =
            serde_json::from_str(&self.run(&["-j", "list", "tables"], "")?).map_err(io::Error::other)?;
        let list = tables.get("nftables").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        Ok(list.iter().filter_map(|entry| entry.get("table")).any(|table| {
            table.get("family").and_then(Value::as_str) == Some("inet")
                && table.get("name").and_then(Value::as_str) == Some(TABLE)
        }))
    }

    /// What stands in our block sets.
    fn held(&self) -> io::Result<Vec<Net>> {
        if !self.stands()? {
            return Ok(Vec::new());
        }
        let text = self.run(&["-j", "list", "table", "inet", TABLE], "")?;
        let all: Value = serde_json::from_str(&text).map_err(io::Error::other)?;
        let mut held = Vec::new();
        for entry in all.get("nftables").and_then(Value::as_array).into_iter().flatten() {
            let Some(set) = entry.get("set") else { continue };
            if set.get("name").and_then(Value::as_str).is_some_and(|name| name.starts_with("allow")) {
                continue;
            }
            for element in set.get("elem").and_then(Value::as_array).into_iter().flatten() {
                held.extend(net_of(element));
            }
        }
        held.sort_unstable();
        Ok(held)
    }

    fn change(&self, commands: &[Value]) -> io::Result<()> {
        self.run(&["-j", "-f", "-"], &json!({ "nftables": commands }).to_string()).map(|_| ())
    }
}

/// A set's element: an address, `{prefix: …}`, or one of these with a timeout around it.
fn net_of(element: &Value) -> Option<Net> {
    if let Some(inner) = element.get("elem") {
        return inner.get("val").and_then(|value| if value.get("elem").is_some() { None } else { net_of(value) });
    }
    if let Some(prefix) = element.get("prefix") {
        let address = prefix.get("addr")?.as_str()?.parse().ok()?;
        return Net::new(address, u8::try_from(prefix.get("len")?.as_u64()?).ok()?);
    }
    element.as_str()?.parse().ok()
}

fn spelled(net: Net) -> Value {
    if net.is_host() {
        json!(net.address().to_string())
    } else {
        json!({ "prefix": { "addr": net.address().to_string(), "len": net.prefix() } })
    }
}

fn set_of(net: Net) -> &'static str {
    match (net.is_host(), net.address().is_ipv4()) {
        (true, true) => "block4",
        (true, false) => "block6",
        (false, true) => "net4",
        (false, false) => "net6",
    }
}

fn skeleton(allow: &[Net]) -> Vec<Value> {
    let mut out = vec![json!({ "add": { "table": { "family": "inet", "name": TABLE } } })];
    let mut set = |name: &str, kind: &str, flags: Value| {
        let mut set = json!({ "family": "inet", "table": TABLE, "name": name, "type": kind, "flags": flags });
        if name.starts_with("allow")
            && let Some(set) = set.as_object_mut()
        {
            set.insert("auto-merge".to_owned(), json!(true));
        }
        out.push(json!({ "add": { "set": set } }));
    };
    for (version, kind) in [("4", "ipv4_addr"), ("6", "ipv6_addr")] {
        set(&format!("allow{version}"), kind, json!(["interval"]));
        set(&format!("block{version}"), kind, json!(["timeout"]));
        set(&format!("net{version}"), kind, json!(["interval", "timeout"]));
    }
    for (set, four) in [("allow4", true), ("allow6", false)] {
        let elements: Vec<Value> =
            allow.iter().filter(|net| net.address().is_ipv4() == four).map(|net| spelled(*net)).collect();
        if !elements.is_empty() {
            out.push(
                json!({ "add": { "element": { "family": "inet", "table": TABLE, "name": set, "elem": elements } } }),
            );
        }
    }
    for (chain, sides) in
        [("input", ["saddr"].as_slice()), ("output", ["daddr"].as_slice()), ("forward", ["saddr", "daddr"].as_slice())]
    {
        out.push(json!({ "add": { "chain": { "family": "inet", "table": TABLE, "name": chain, "type": "filter",
            "hook": chain, "prio": -10, "policy": "accept" } } }));
        for (prefix, verdict) in [("allow", "accept"), ("block", "drop"), ("net", "drop")] {
            for (protocol, version) in [("ip", "4"), ("ip6", "6")] {
                for side in sides {
                    out.push(json!({ "add": { "rule": { "family": "inet", "table": TABLE, "chain": chain, "expr": [
                        { "match": { "op": "==", "left": { "payload": { "protocol": protocol, "field": side } },
                            "right": format!("@{prefix}{version}") } },
                        { verdict: null },
                    ] } } }));
                }
            }
        }
    }
    out
}

fn targets(plan: &Plan) -> io::Result<(&[Net], u64)> {
    match &plan.step {
        Step::Block { targets, ports, seconds } if ports.is_empty() => Ok((targets, *seconds)),
        _ => Err(io::Error::other("only addresses are blocked, with all their ports")),
    }
}

fn elements(plan: &Plan) -> io::Result<Vec<Value>> {
    let (targets, seconds) = targets(plan)?;
    Ok(targets
        .iter()
        .map(|net| {
            json!({ "add": { "element": { "family": "inet", "table": TABLE, "name": set_of(*net),
                "elem": [{ "elem": { "val": spelled(*net), "timeout": seconds } }] } } })
        })
        .collect())
}

impl Action for Nft {
    fn diff(&self, plan: &Plan) -> Value {
        json!({ "nftables": elements(plan).unwrap_or_default() })
    }

    fn read(&mut self, plan: &Plan) -> io::Result<Value> {
        let (targets, _) = targets(plan)?;
        let held: Vec<Net> = self.held()?.into_iter().filter(|net| targets.contains(net)).collect();
        Ok(json!({ "table": self.stands()?, "held": held }))
    }

    fn apply(&mut self, approved: &Approved) -> io::Result<()> {
        let mut commands = if self.stands()? { Vec::new() } else { skeleton(&self.allow) };
        commands.extend(elements(approved.plan())?);
        self.change(&commands)
    }

    fn verify(&mut self, plan: &Plan) -> io::Result<()> {
        let held = self.held()?;
        match targets(plan)?.0.iter().find(|net| !held.contains(net)) {
            Some(net) => Err(io::Error::other(format!("{net} is not blocked"))),
            None => Ok(()),
        }
    }

    fn undo(&mut self, plan: &Plan, before: &Value) -> io::Result<()> {
        if !self.stands()? {
            return Ok(());
        }
        let kept: Vec<Net> =
            before.get("held").cloned().and_then(|held| serde_json::from_value(held).ok()).unwrap_or_default();
        let held = self.held()?;
        let ours: Vec<Net> =
            targets(plan)?.0.iter().filter(|net| held.contains(net) && !kept.contains(net)).copied().collect();
        let table_was = before.get("table").and_then(Value::as_bool).unwrap_or(true);
        if !table_was && held.iter().all(|net| ours.contains(net)) {
            return self.change(&[json!({ "delete": { "table": { "family": "inet", "name": TABLE } } })]);
        }
        let commands: Vec<Value> = ours
            .iter()
            .map(|net| {
                json!({ "delete": { "element": { "family": "inet", "table": TABLE, "name": set_of(*net),
                    "elem": [spelled(*net)] } } })
            })
            .collect();
        if commands.is_empty() { Ok(()) } else { self.change(&commands) }
    }
}
