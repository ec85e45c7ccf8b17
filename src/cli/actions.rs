//! `shieldwall actions`: what was done, by whom, how it stands; as a list or as OCSF Remediation Activity.

use std::io::{self, BufWriter, Write};

use anyhow::Result;
use clap::{Args, ValueEnum};
use shieldwall_respond::actuator::ask::{Answer, Ask, Deed, State};
use shieldwall_respond::level;

use super::{Global, Outcome};
use crate::output::escape::escape;
use crate::output::remediation;
use crate::response::{self, Where, refused};

/// Flags of `actions`, as written.
#[derive(Debug, Args)]
pub struct ActionsArgs {
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    at: Where,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// To read
    Text,
    /// One OCSF Remediation Activity a line
    Jsonl,
}

/// Runs the command.
///
/// # Errors
/// When nobody can say what was done.
pub fn run(global: &Global, args: &ActionsArgs) -> Result<Outcome> {
    let home = global.home()?;
    let mut acts = response::open(&args.at, &home)?;
    let deeds = match acts.ask(Ask::List)? {
        Answer::List { deeds } => deeds,
        answer => return Err(refused(answer)),
    };
    let mut out = BufWriter::new(io::stdout().lock());
    if args.format == Format::Jsonl {
        for deed in &deeds {
            writeln!(out, "{}", remediation::line(deed))?;
        }
        out.flush()?;
        return Ok(Outcome::Clean);
    }
    for deed in &deeds {
        tell(deed, &mut out)?;
    }
    if deeds.is_empty() {
        writeln!(out, "nothing was done yet")?;
    }
    if let Answer::Status { operators, notes } = acts.ask(Ask::Status)? {
        let people = if operators == 1 { "1 operator's".to_owned() } else { format!("{operators} operators'") };
        writeln!(out, "{} acts, on {people} word", acts.who())?;
        for note in notes {
            writeln!(out, "note: {}", escape(&note))?;
        }
    }
    writeln!(out, "{}", crate::confine::words())?;
    out.flush()?;
    Ok(Outcome::Clean)
}

fn tell(deed: &Deed, out: &mut dyn Write) -> io::Result<()> {
    let when = jiff::Timestamp::from_millisecond(deed.at_ms).map_or_else(|_| "?".to_owned(), |at| format!("{at:.0}"));
    let does = deed.plan.words().into_iter().next().unwrap_or_default();
    let by = if level::is_policy(&deed.approver) { "the policy".to_owned() } else { deed.approver.clone() };
    let hash = deed.hash.get(..12).unwrap_or(&deed.hash);
    writeln!(out, "{hash}  {:<6}  {when}  {}  (by {})", deed.state.word(), escape(&does), escape(&by))?;
    if deed.state == State::Undone && !deed.why.is_empty() {
        writeln!(out, "              {}", escape(&deed.why))?;
    }
    Ok(())
}
