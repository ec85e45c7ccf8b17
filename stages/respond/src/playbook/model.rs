//! A playbook as we use it: typed, read from a checked document, which is kept whole and written back as it was.

use std::collections::BTreeMap;

use serde_json::Value;

use super::deed::{Deed, EXTENSION, Loop, Selector};
use super::shape::kind_of;
use super::{Refused, graph, json, shape, tables};

/// A playbook whose form, graph and extension are checked. [`Playbook::read`] makes it and nothing else.
#[derive(Clone, Debug)]
pub struct Playbook {
    /// `playbook--UUID`.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The first step's id.
    pub start: String,
    /// The step to go to when something unexpected happens.
    pub exception: Option<String>,
    /// The steps by their ids.
    pub steps: BTreeMap<String, WorkflowStep>,
    /// The variables of the whole playbook.
    pub variables: BTreeMap<String, Variable>,
    /// Who acts: id → kind and name.
    pub agents: BTreeMap<String, Agent>,
    /// On what: id → kind and name.
    pub targets: BTreeMap<String, Agent>,
    /// Signatures in it. They are kept, not checked.
    pub signatures: usize,
    /// What it answers to, if it says so in our extension.
    pub selector: Option<Selector>,
    document: Value,
}

/// A variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// `integer`, `string`, …
    pub kind: String,
    /// Its value at the start; `None` where nobody knows it.
    pub value: Option<String>,
    /// Whether it comes from outside.
    pub external: bool,
}

/// An agent or a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// `individual`, `ssh`, …
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// A step.
#[derive(Clone, Debug)]
pub struct WorkflowStep {
    /// `action--UUID`, …
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What it is.
    pub kind: Kind,
    /// Milliseconds to wait before it.
    pub delay_ms: u64,
    /// Milliseconds that it may take.
    pub timeout_ms: Option<u64>,
    /// The step behind it, whatever happened.
    pub on_completion: Option<String>,
    /// The step behind it when it worked.
    pub on_success: Option<String>,
    /// The step behind it when it did not.
    pub on_failure: Option<String>,
    /// Its own variables.
    pub variables: BTreeMap<String, Variable>,
    /// What we would do for it, if it says so in our extension.
    pub deed: Option<Deed>,
}

/// What a step is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The begin.
    Start,
    /// An end.
    End,
    /// Commands for an agent.
    Action {
        /// What is done.
        commands: Vec<Command>,
        /// By whom.
        agent: String,
        /// On what.
        targets: Vec<String>,
    },
    /// Another playbook.
    PlaybookAction {
        /// Which.
        playbook: String,
    },
    /// Several ways at once.
    Parallel {
        /// Their first steps.
        next: Vec<String>,
    },
    /// One of two ways.
    If {
        /// As written; see [`condition`](super::condition).
        condition: String,
        /// Where it goes when it holds.
        on_true: String,
        /// Where it goes when it does not.
        on_false: Option<String>,
    },
    /// A way again and again.
    While {
        /// As written.
        condition: String,
        /// The way.
        on_true: String,
        /// How often at most; `None` is refused.
        rounds: Option<u64>,
    },
    /// One of many ways.
    Switch {
        /// The variable, as written.
        switch: String,
        /// Its values and where they lead.
        cases: BTreeMap<String, String>,
    },
    /// An id of no kind that CACAO has; refused.
    Unknown,
}

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// What runs it.
    pub kind: CommandKind,
    /// Its text; empty where it is given in base64.
    pub text: String,
    /// What it is for.
    pub description: String,
}

/// What runs a command (section 5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandKind {
    /// A person.
    Manual,
    /// A shell.
    Bash,
    /// A shell on another machine.
    Ssh,
    /// PowerShell.
    PowerShell,
    /// A request over HTTP.
    HttpApi,
    /// OpenC2 over HTTP.
    OpenC2Http,
    /// Anything else, by its name: `sigma`, `yara`, `caldera-cmd`, …
    Other(String),
}

impl CommandKind {
    fn of(name: &str) -> Self {
        match name {
            "manual" => Self::Manual,
            "bash" => Self::Bash,
            "ssh" => Self::Ssh,
            "powershell" => Self::PowerShell,
            "http-api" => Self::HttpApi,
            "openc2-http" => Self::OpenC2Http,
            other => Self::Other(other.to_owned()),
        }
    }

    /// Its name in CACAO.
    pub fn name(&self) -> &str {
        match self {
            Self::Manual => "manual",
            Self::Bash => "bash",
            Self::Ssh => "ssh",
            Self::PowerShell => "powershell",
            Self::HttpApi => "http-api",
            Self::OpenC2Http => "openc2-http",
            Self::Other(name) => name,
        }
    }
}

impl Playbook {
    /// Reads a playbook and checks everything.
    ///
    /// # Errors
    /// All faults of the first check that finds some: JSON, form, our extension, graph.
    pub fn read(bytes: &[u8]) -> Result<Self, Vec<Refused>> {
        let document = json::read(bytes).map_err(|fault| vec![fault])?;
        shape::check(&document, &tables::PLAYBOOK)?;
        let playbook = Self::of(document)?;
        graph::check(&playbook)?;
        Ok(playbook)
    }

    /// The verdict of the standard's JSON schema alone.
    ///
    /// # Errors
    /// When the bytes are not JSON as it must be, or the schema refuses them.
    pub fn schema(bytes: &[u8]) -> Result<(), Vec<Refused>> {
        let document = json::read(bytes).map_err(|fault| vec![fault])?;
        shape::check(&document, &tables::PLAYBOOK)
    }

    /// The playbook as it was read: every field in its order, also those that we do not know.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(&self.document).unwrap_or_default()
    }

    /// Its one spelling: no white space, names in order.
    pub fn canonical(&self) -> String {
        json::sorted(&self.document).to_string()
    }

    /// What [`to_json`](Self::to_json) writes.
    pub fn document(&self) -> &Value {
        &self.document
    }

    fn of(document: Value) -> Result<Self, Vec<Refused>> {
        let mut faults = Vec::new();
        let each = |name: &str| document.get(name).and_then(Value::as_object).into_iter().flatten();
        let steps = each("workflow").map(|(id, value)| (id.clone(), step(id, value, &mut faults))).collect();
        let agents = |name: &str| each(name).map(|(id, value)| (id.clone(), agent(value))).collect();
        let selector = extension(&document, "playbook_extensions").and_then(|value| {
            Selector::read(value).map_err(|words| faults.push(Refused::new("/playbook_extensions", words))).ok()
        });
        let playbook = Self {
            id: text(&document, "id"),
            name: text(&document, "name"),
            description: text(&document, "description"),
            start: text(&document, "workflow_start"),
            exception: some_text(&document, "workflow_exception"),
            steps,
            variables: variables(&document, "playbook_variables"),
            agents: agents("agent_definitions"),
            targets: agents("target_definitions"),
            signatures: document.get("signatures").and_then(Value::as_array).map_or(0, Vec::len),
            selector,
            document,
        };
        if faults.is_empty() { Ok(playbook) } else { Err(faults) }
    }
}

impl WorkflowStep {
    /// Every step that it may lead to.
    pub fn next(&self) -> impl Iterator<Item = &str> {
        let own: Vec<&String> = match &self.kind {
            Kind::Parallel { next } => next.iter().collect(),
            Kind::If { on_true, on_false, .. } => std::iter::once(on_true).chain(on_false).collect(),
            Kind::While { on_true, .. } => vec![on_true],
            Kind::Switch { cases, .. } => cases.values().collect(),
            _ => Vec::new(),
        };
        let behind = [&self.on_completion, &self.on_success, &self.on_failure];
        own.into_iter().chain(behind.into_iter().flatten()).map(String::as_str)
    }
}

fn step(id: &str, value: &Value, faults: &mut Vec<Refused>) -> WorkflowStep {
    let mut fault = |words: String| faults.push(Refused::new(&format!("/workflow/{id}/step_extensions"), words));
    let ours = extension(value, "step_extensions");
    let positive =
        |name: &str| value.get(name).and_then(Value::as_f64).filter(|number| *number > 0.0).map(|number| number as u64);
    let kind = match kind_of(id) {
        Some("start") => Kind::Start,
        Some("end") => Kind::End,
        Some("action") => {
            Kind::Action { commands: commands(value), agent: text(value, "agent"), targets: texts(value, "targets") }
        }
        Some("playbook-action") => Kind::PlaybookAction { playbook: text(value, "playbook_id") },
        Some("parallel") => Kind::Parallel { next: texts(value, "next_steps") },
        Some("if-condition") => Kind::If {
            condition: text(value, "condition"),
            on_true: text(value, "on_true"),
            on_false: some_text(value, "on_false"),
        },
        Some("while-condition") => {
            let rounds = match ours.map(Loop::read) {
                Some(Ok(bound)) => Some(bound.rounds),
                Some(Err(words)) => {
                    fault(words);
                    None
                }
                // A bound in time; its rounds are ours to bound.
                None => positive("timeout").map(|_| graph::ROUNDS_MAX),
            };
            Kind::While { condition: text(value, "condition"), on_true: text(value, "on_true"), rounds }
        }
        Some("switch-condition") => {
            let cases = value.get("cases").and_then(Value::as_object).into_iter().flatten();
            let cases = cases.filter_map(|(name, step)| Some((name.clone(), step.as_str()?.to_owned()))).collect();
            Kind::Switch { switch: text(value, "switch"), cases }
        }
        _ => Kind::Unknown,
    };
    let deed = match (&kind, ours) {
        (Kind::Action { .. }, Some(ours)) => Deed::read(ours).map_err(fault).ok(),
        (Kind::While { .. }, _) | (_, None) => None,
        (_, Some(_)) => {
            fault("our extension stands in action steps and bounds a `while`, nowhere else".to_owned());
            None
        }
    };
    WorkflowStep {
        id: id.to_owned(),
        name: text(value, "name"),
        description: text(value, "description"),
        kind,
        delay_ms: positive("delay").unwrap_or(0),
        timeout_ms: positive("timeout"),
        on_completion: some_text(value, "on_completion"),
        on_success: some_text(value, "on_success"),
        on_failure: some_text(value, "on_failure"),
        variables: variables(value, "step_variables"),
        deed,
    }
}

fn commands(value: &Value) -> Vec<Command> {
    let list = value.get("commands").and_then(Value::as_array).into_iter().flatten();
    list.map(|one| Command {
        kind: CommandKind::of(&text(one, "type")),
        text: text(one, "command"),
        description: text(one, "description"),
    })
    .collect()
}

fn agent(value: &Value) -> Agent {
    Agent { kind: text(value, "type"), name: text(value, "name") }
}

fn variables(value: &Value, name: &str) -> BTreeMap<String, Variable> {
    let all = value.get(name).and_then(Value::as_object).into_iter().flatten();
    let external = |value: &Value| value.get("external").and_then(Value::as_bool).unwrap_or(false);
    all.map(|(name, value)| {
        let variable =
            Variable { kind: text(value, "type"), value: some_text(value, "value"), external: external(value) };
        (name.clone(), variable)
    })
    .collect()
}

/// What stands under our extension's id.
fn extension<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    value.get(name)?.get(EXTENSION)
}

fn text(value: &Value, name: &str) -> String {
    some_text(value, name).unwrap_or_default()
}

fn some_text(value: &Value, name: &str) -> Option<String> {
    value.get(name)?.as_str().map(str::to_owned)
}

fn texts(value: &Value, name: &str) -> Vec<String> {
    let list = value.get(name).and_then(Value::as_array).into_iter().flatten();
    list.filter_map(|one| one.as_str().map(str::to_owned)).collect()
}
