//! Blocks addresses, networks and ports, and isolates this machine, with nftables: our own table, sets whose elements the kernel
//! lifts by itself.
//!
//! One `nft -j -f -` is one transaction: all of it or nothing. Each apply writes the whole table again ([`table`]) — chains are
//! flushed and filled in the same transaction, so no packet sees a gap — and so heals what others changed in it and brings the allow
//! sets up to date. Reading back compares rules as well as elements: an element of a set that no rule asks is no block. Packets of
//! the protected are accepted before any drop rule; `accept` ends only our own chain, so it opens nothing that another table
//! closes. The program is started with an argument list, never through a shell, and nothing of an attacker's stands in it but
//! parsed numbers.

pub mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::action::{Action, child};
use crate::approve::Approved;
use crate::net::Net;
use crate::plan::{Plan, Step};
use table::{Element, Timing};

/// How long one `nft` may take: 50,000 blocks take a second.
const NFT_TIME: Duration = Duration::from_secs(10);

/// Bytes that `nft` may say: a list of half a million elements.
const NFT_BYTES_MAX: usize = 64 << 20;

/// How often an apply is tried when an element ends between looking and changing.
const TRIES: usize = 3;

/// What `nft` says of a table or an element that is not there.
const MISSING: &str = "No such file or directory";

/// The actuator.
pub struct Nft {
    argv: Vec<String>,
    allow: Vec<Net>,
    /// What the last reading saw: the apply that follows it need not look again.
    last: Option<Seen>,
    /// Elements of other plans that hold: no undo touches them.
    spared: BTreeSet<Element>,
}

/// What of a plan's elements stood before.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Before {
    /// Whether our table stood.
    table: bool,
    /// Elements of the plan that stood, with their ends.
    held: BTreeMap<Element, Timing>,
    /// How many others of ours stood.
    others: usize,
}

/// Our table as the kernel has it.
#[derive(Default)]
struct Seen {
    table: bool,
    held: BTreeMap<Element, Timing>,
    wrong: Option<String>,
}

impl Nft {
    /// With the words that start `nft` (`["nft"]`; a test puts `ip netns exec NAME` before it), and whom to let through always.
    pub fn new(argv: Vec<String>, allow: Vec<Net>) -> Self {
        Self { argv, allow: table::widest(&allow), last: None, spared: BTreeSet::new() }
    }

    /// Asks the kernel whether it would take the plan, and changes nothing (`nft -c`).
    ///
    /// # Errors
    /// When it would not, or `nft` cannot run.
    pub fn check(&self, plan: &Plan) -> io::Result<()> {
        let seen = self.seen()?;
        self.change(&["-c", "-j", "-f", "-"], &self.transaction(plan, &seen.held)?)
    }

    fn run(&self, arguments: &[&str], input: &str) -> io::Result<String> {
        let limits = child::Limits { time: NFT_TIME, bytes: NFT_BYTES_MAX };
        let answer = child::run(&self.argv, arguments, input.as_bytes(), &limits, "install the package `nftables`")?;
        if !answer.status.success() && String::from_utf8_lossy(&answer.err).contains("Operation not permitted") {
            return Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "nft may not touch the kernel's tables: the capability CAP_NET_ADMIN is missing (be root, or give it to the unit)",
            ));
        }
        answer.ok("nft")
    }

    fn change(&self, arguments: &[&str], commands: &[Value]) -> io::Result<()> {
        self.run(arguments, &json!({ "nftables": commands }).to_string()).map(|_| ())
    }

    /// Our table as it is now.
    fn seen(&self) -> io::Result<Seen> {
        let text = match self.run(&["-j", "list", "table", "inet", table::NAME], "") {
            Err(error) if error.to_string().contains(MISSING) => return Ok(Seen::default()),
            other => other?,
        };
        let all: Value = serde_json::from_str(&text).map_err(io::Error::other)?;
        let (held, allowed) = table::held(&all);
        let missing = self.allow.iter().find(|net| !allowed.contains(net));
        let wrong =
            table::wrong(&all).or_else(|| missing.map(|net| format!("{net} is not let through before the drop rules")));
        Ok(Seen { table: true, held, wrong })
    }

    /// The whole table and the plan's elements. What stands already and ends later than asked stays as it is.
    fn transaction(&self, plan: &Plan, held: &BTreeMap<Element, Timing>) -> io::Result<Vec<Value>> {
        let (wanted, seconds) = elements(plan)?;
        let renew: Vec<&Element> =
            wanted.iter().filter(|element| held.get(element).is_some_and(|timing| !timing.outlasts(seconds))).collect();
        let new = wanted.iter().filter(|element| held.get(element).is_none_or(|timing| !timing.outlasts(seconds)));
        let mut commands = table::skeleton(&self.allow);
        commands.extend(table::deletes(renew.into_iter()));
        let timing = Timing { timeout: seconds, expires: seconds };
        commands.extend(table::adds(new.map(|element| (element, timing))));
        Ok(commands)
    }
}

/// A plan's elements, and for how many seconds.
fn elements(plan: &Plan) -> io::Result<(Vec<Element>, u64)> {
    match &plan.step {
        Step::Block { targets, ports, seconds } if ports.is_empty() => {
            Ok((targets.iter().map(|net| Element::block(*net)).collect(), *seconds))
        }
        Step::Block { targets, ports, seconds } => {
            let pairs = targets.iter().flat_map(|net| ports.iter().map(|port| Element::port(*net, *port)));
            Ok((pairs.collect(), *seconds))
        }
        Step::Isolate { keep, seconds } => {
            let mut wanted: Vec<Element> = table::widest(keep).into_iter().map(Element::keep).collect();
            wanted.extend(Element::everything());
            Ok((wanted, *seconds))
        }
        _ => Err(io::Error::other("nft blocks and isolates, and nothing else")),
    }
}

impl Action for Nft {
    fn diff(&self, plan: &Plan) -> Value {
        json!({ "nftables": self.transaction(plan, &BTreeMap::new()).unwrap_or_default() })
    }

    fn rehearse(&mut self, plan: &Plan) -> io::Result<()> {
        self.check(plan)
    }

    fn read(&mut self, plan: &Plan) -> io::Result<Value> {
        let (wanted, _) = elements(plan)?;
        let seen = self.seen()?;
        let held: BTreeMap<Element, Timing> =
            wanted.into_iter().filter_map(|element| seen.held.get(&element).map(|timing| (element, *timing))).collect();
        let before = Before { table: seen.table, others: seen.held.len() - held.len(), held };
        self.last = Some(seen);
        serde_json::to_value(before).map_err(io::Error::other)
    }

    fn apply(&mut self, approved: &Approved) -> io::Result<()> {
        let mut tried = 0;
        loop {
            // What ended or came since the reading makes the transaction fail, and it is made again.
            let seen = self.last.take().map_or_else(|| self.seen(), Ok)?;
            match self.change(&["-j", "-f", "-"], &self.transaction(approved.plan(), &seen.held)?) {
                // An element that was to be renewed ended by itself in between.
                Err(error) if tried < TRIES && error.to_string().contains(MISSING) => tried += 1,
                other => return other,
            }
        }
    }

    fn verify(&mut self, plan: &Plan) -> io::Result<()> {
        let seen = self.seen()?;
        if !seen.table {
            return Err(io::Error::other("our table `inet shieldwall` is not there"));
        }
        if let Some(wrong) = seen.wrong {
            return Err(io::Error::other(format!("our table `inet shieldwall` was changed: {wrong}")));
        }
        let (wanted, seconds) = elements(plan)?;
        for element in wanted {
            match seen.held.get(&element) {
                None => return Err(io::Error::other(format!("{element} does not stand"))),
                Some(timing) if timing.timeout != 0 && timing.timeout < seconds => {
                    return Err(io::Error::other(format!("{element} ends too early: after {} s", timing.timeout)));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    fn spare(&mut self, others: Vec<Plan>) {
        self.spared = others.iter().filter_map(|plan| elements(plan).ok()).flat_map(|(elements, _)| elements).collect();
    }

    fn undo(&mut self, plan: &Plan, before: &Value) -> io::Result<()> {
        let before: Before = serde_json::from_value(before.clone()).unwrap_or_default();
        let (mut wanted, seconds) = elements(plan)?;
        wanted.retain(|element| !self.spared.contains(element));
        let mut tried = 0;
        loop {
            let seen = self.seen()?;
            if !seen.table {
                return Ok(());
            }
            let standing: Vec<&Element> = wanted.iter().filter(|element| seen.held.contains_key(element)).collect();
            let others = seen.held.len() - standing.len();
            // What stood before comes back with what is left of it: our own element's age says how much went by.
            let back = standing.iter().filter_map(|element| {
                let (was, now) = (before.held.get(element)?, seen.held.get(element)?);
                Some((*element, was.later(now.timeout.saturating_sub(now.expires))?))
            });
            let ours = |element: &&Element| {
                before.held.get(element).is_none_or(|was| {
                    let renewed = |now: &Timing| now.timeout != was.timeout || now.expires > was.expires;
                    !was.outlasts(seconds) && seen.held.get(element).is_some_and(renewed)
                })
            };
            let gone: Vec<&Element> = standing.iter().copied().filter(|element| ours(element)).collect();
            let back: Vec<(&Element, Timing)> = back.filter(|(element, _)| gone.contains(element)).collect();
            // The table that this made goes with it, and so does one that held others then and holds none now.
            let made = !before.table || before.others > 0;
            let commands: Vec<Value> = if made && others == 0 && back.is_empty() && gone.len() == standing.len() {
                vec![json!({ "delete": { "table": { "family": "inet", "name": table::NAME } } })]
            } else {
                table::deletes(gone.into_iter()).chain(table::adds(back.into_iter())).collect()
            };
            if commands.is_empty() {
                return Ok(());
            }
            match self.change(&["-j", "-f", "-"], &commands) {
                Err(error) if tried < TRIES && error.to_string().contains(MISSING) => tried += 1,
                other => return other,
            }
        }
    }
}
