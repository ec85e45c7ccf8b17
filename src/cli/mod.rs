//! The commands, one file a verb.

mod act;
mod actions;
mod actuator;
mod approve;
mod audit;
mod baseline;
mod data;
mod explain;
mod forecast;
mod forecast_import;
mod model;
mod pack;
mod plan;
mod playbook;
mod replay;
mod rules;
mod scan;
mod show;
mod undo;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::confine::{self, Needs};
use crate::home::Home;

/// How a command ended. The codes are documented in the README and are the same for every command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// 0: everything was read, nothing was found.
    Clean,
    /// 1: something was found.
    Findings,
    /// 2: something could not be read; nothing was found in the rest.
    Partial,
    /// 3: something could not be read; something was found in the rest.
    PartialFindings,
}

/// 4: the command could not run.
const COULD_NOT_RUN: u8 = 4;

impl Outcome {
    /// From the two questions that it answers.
    pub fn of(found: bool, partial: bool) -> Self {
        match (found, partial) {
            (false, false) => Self::Clean,
            (true, false) => Self::Findings,
            (false, true) => Self::Partial,
            (true, true) => Self::PartialFindings,
        }
    }
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(match outcome {
            Outcome::Clean => 0,
            Outcome::Findings => 1,
            Outcome::Partial => 2,
            Outcome::PartialFindings => 3,
        })
    }
}

/// See, detect, explain: reads logs, finds what deserves a look, says why.
#[derive(Debug, Parser)]
#[command(name = "shieldwall", version, disable_help_subcommand = true, arg_required_else_help = true)]
#[command(
    after_help = "Exit codes: 0 nothing found · 1 findings · 2 partial, nothing found · 3 partial and findings · \
                        4 could not run\nNothing is sent anywhere. Evidence is opened read-only."
)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Flags of every command.
#[derive(Debug, Args)]
pub struct Global {
    /// Where Shieldwall keeps its own data [default: $SHIELDWALL_HOME, then the XDG data directory]
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Read outside bytes without the walls of docs/concepts/confinement.md, should they stand in the way
    #[arg(long, global = true)]
    no_confine: bool,
}

impl Global {
    /// The data directory.
    pub fn home(&self) -> anyhow::Result<Home> {
        Home::locate(self.data_dir.as_deref())
    }

    /// Whether the walls are wanted.
    pub fn confines(&self) -> bool {
        !self.no_confine
    }

    /// Gives up what a command does not need, before it reads the first outside byte and before it starts a thread.
    pub fn confine(&self, needs: &Needs) {
        if self.no_confine {
            let _ = writeln!(std::io::stderr(), "note: what reads outside bytes is not confined, as --no-confine asks");
        } else {
            confine::core(needs);
        }
    }

    /// Gives up more, between one part of the work and the next.
    pub fn narrow(&self, needs: &Needs) {
        if !self.no_confine {
            confine::narrow(needs);
        }
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Read files, folders and archives; find and explain
    Scan(scan::ScanArgs),
    /// Show one finding of a case with its evidence
    Show(show::ShowArgs),
    /// Say why a rule did not match an event
    Explain(explain::ExplainArgs),
    /// Say what reports of intrusions with these techniques also tell of
    Forecast(forecast::ForecastArgs),
    /// Say exactly what could be done, as a plan to approve; changes nothing
    Plan(plan::PlanArgs),
    /// Sign a plan: good for fifteen minutes, once
    Approve(approve::ApproveArgs),
    /// Check a plan against this machine, ask, apply, read back
    Do(act::DoArgs),
    /// Take an action back
    Undo(undo::UndoArgs),
    /// Say what was done and how it stands
    Actions(actions::ActionsArgs),
    /// The small privileged process that acts on what operators signed
    Actuator(actuator::ActuatorArgs),
    /// Tell what was learned as normal, or forget it
    Baseline(baseline::BaselineArgs),
    /// Train, score, evaluate, promote and describe models
    Model(model::ModelArgs),
    /// Check data before they teach: schema, duplicates, leaks, flipped labels, backdoors, sources
    Data(data::DataArgs),
    /// Build, sign, verify, test and take in signed packs of rules, models and lists
    Pack(pack::PackArgs),
    /// Say what a playbook would have done to incidents that are over; nothing is done
    Replay(replay::ReplayArgs),
    /// List, check and show playbooks
    Playbook(playbook::PlaybookArgs),
    /// Check what was written down of what was done
    Audit(audit::AuditArgs),
    /// List, check, test and add rules
    Rules(rules::RulesArgs),
}

/// Parses the command line, runs the command, prints an error as a chain with a hint, and picks the exit code.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            // Help and version were asked for; everything else is a usage error, and that is "could not run".
            return ExitCode::from(if error.use_stderr() { COULD_NOT_RUN } else { 0 });
        }
    };
    let result = match &cli.command {
        Command::Scan(args) => scan::run(&cli.global, args),
        Command::Show(args) => show::run(&cli.global, args),
        Command::Explain(args) => explain::run(&cli.global, args),
        Command::Forecast(args) => forecast::run(&cli.global, args),
        Command::Plan(args) => plan::run(&cli.global, args),
        Command::Approve(args) => approve::run(&cli.global, args),
        Command::Do(args) => act::run(&cli.global, args),
        Command::Undo(args) => undo::run(&cli.global, args),
        Command::Actions(args) => actions::run(&cli.global, args),
        Command::Actuator(args) => actuator::run(&cli.global, args),
        Command::Baseline(args) => baseline::run(&cli.global, args),
        Command::Model(args) => model::run(&cli.global, args),
        Command::Pack(args) => pack::run(&cli.global, args),
        Command::Replay(args) => replay::run(&cli.global, args),
        Command::Playbook(args) => playbook::run(&cli.global, args),
        Command::Audit(args) => audit::run(&cli.global, args),
        Command::Data(args) => data::run(&cli.global, args),
        Command::Rules(args) => rules::run(&cli.global, args),
    };
    match result {
        Ok(outcome) => outcome.into(),
        Err(error) if is_broken_pipe(&error) => ExitCode::from(0),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {}", crate::output::escape::escape(&format!("{error:#}")));
            ExitCode::from(COULD_NOT_RUN)
        }
    }
}

/// Whether the reader of our output went away (`| head`), which is no error of ours.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }

    /// Every command line that the documents show must parse.
    #[test]
    fn documented_commands_parse() {
        for line in [
            "shieldwall scan testdata/demo",
            "shieldwall scan ./evidence -o case42/ --since 2026-11-01 --format jsonl",
            "shieldwall scan a b --rules rules.zip --rules more --no-builtin-rules --rules-only --until 2026-11-01T10:00:00Z \
             --level high --evidence all --threads 2 --assume-tz Europe/Berlin --assume-year 2026 --format text --quiet",
            "shieldwall scan - --data-dir d",
            "shieldwall scan evidence/ --no-confine",
            "shieldwall scan today/ --baseline last-month/ --baseline old.baseline --budget 2",
            "shieldwall scan today/ --learn --quiet",
            "shieldwall scan today/ --no-learning",
            "shieldwall plan 1a",
            "shieldwall plan 1a case42 -o block.json",
            "shieldwall plan --block 203.0.113.9 --block 198.51.100.0/24 --port tcp/22 --for 30m -o block.json",
            "shieldwall plan --isolate --keep 192.0.2.1 --for 2h",
            "shieldwall plan --stop-process 4711",
            "shieldwall approve block.json --key anna.pem -o anna.approval",
            "shieldwall approve --sign-policy /etc/shieldwall/actuator.toml",
            "shieldwall do 1a --dry-run",
            "shieldwall do block.json --approval anna.approval --approval ben.approval",
            "shieldwall do 1a --yes",
            "shieldwall do 1a --auto",
            "shieldwall undo 3fa9c1",
            "shieldwall undo 1a",
            "shieldwall actions --format jsonl",
            "shieldwall actuator --unit",
            "shieldwall baseline show",
            "shieldwall baseline show web-01",
            "shieldwall baseline show --file old.baseline",
            "shieldwall baseline forget alice",
            "shieldwall show 1",
            "shieldwall show 1 case42",
            "shieldwall explain --why-not mimikatz Security.evtx#1234",
            "shieldwall rules list",
            "shieldwall rules check packs/",
            "shieldwall rules test packs/",
            "shieldwall rules add pack.zip",
            "shieldwall model train tabular --data flows.csv --label attack -o flows/",
            "shieldwall model train command --data data.jsonl -o command/",
            "shieldwall model score flows/ today.csv --format jsonl --online",
            "shieldwall model evaluate flows/ later.csv --label attack",
            "shieldwall model card flows/",
            "shieldwall model attack flows/ later.csv --label attack --attacker attacker.toml --format jsonl",
            "shieldwall model attack flows/ later.csv --label attack -k 2 --cost-max 5 --count 200 --write-attacker attacker.json",
            "shieldwall data check flows.csv --label attack",
            "shieldwall data check flows.csv --label attack --test later.csv --time ts --group host --source sensor --format jsonl",
            "shieldwall data check flows.csv --reference last.csv --manifest dataset.json --scores rows.csv",
            "shieldwall data check commands.jsonl --kind command",
            "shieldwall data diff old/dataset.json new.csv",
            "shieldwall model list --format jsonl",
            "shieldwall model gate heldout flows/ --data later.csv --label attack",
            "shieldwall model approve flows/ --key anna.pem -o anna.json",
            "shieldwall model promote 3fa9c1 --evidence a.json --approve-key anna.pem --approve-key ben.pem",
            "shieldwall model promote flows/ --to shadow",
            "shieldwall model rollback domain --why drift",
            "shieldwall model demote 3fa9c1",
            "shieldwall model revoke 3fa9c1 --older --why leak",
            "shieldwall model checklist --format jsonl",
            "shieldwall audit verify --since 2026-11-01 --public-key p.pem --head kept.json",
            "shieldwall audit show 1 case42",
            "shieldwall audit proof 3",
            "shieldwall replay ssh-bruteforce",
            "shieldwall replay ssh-bruteforce case42/ /var/log/auth.log --protect 192.0.2.0/24 --protect user:anna --incident 1",
            "shieldwall replay mine.json evidence/ --all --rules more --assume-tz UTC --assume-year 2026 --format jsonl",
            "shieldwall playbook list",
            "shieldwall playbook check mine.json",
            "shieldwall playbook show ransomware",
            "shieldwall pack build rules/ -o acme.pack",
            "shieldwall pack sign acme.pack",
            "shieldwall pack verify acme.pack --public-key acme.pem",
            "shieldwall pack test acme.pack",
            "shieldwall pack add acme.pack --public-key acme.pem --shadow evidence/ --allow-downgrade",
            "shieldwall pack add acme.pack --no-shadow",
            "shieldwall pack list",
            "shieldwall pack remove acme",
        ] {
            assert!(Cli::try_parse_from(line.split_whitespace()).is_ok(), "{line}");
        }
        assert!(Cli::try_parse_from(["shieldwall", "scan"]).is_err());
        assert!(Cli::try_parse_from(["shieldwall", "scan", "x", "--formt", "text"]).is_err());
    }
}
