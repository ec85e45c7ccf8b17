//! `shieldwall baseline`: what was learned as normal, in words; forgetting.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, Subcommand};
use shieldwall_detect::anomaly;
use shieldwall_trust::audit::Event;

use super::{Global, Outcome};
use crate::baselines::Kept;
use crate::books;
use crate::home::Home;
use crate::output::escape::escape_lines;

/// Flags of `baseline`.
#[derive(Debug, Args)]
pub struct BaselineArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Tell in words what is normal: everything in short, or one host, user or address
    Show {
        /// A host, user or address (`ws01`, or `user alice` where several bear the name)
        #[arg(value_name = "ENTITY")]
        entity: Option<String>,
        /// Another file of baselines than the data directory's
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Take a host, user or address out of what was learned
    Forget {
        /// As for `show`
        #[arg(value_name = "ENTITY")]
        entity: String,
    },
}

/// Runs the command.
pub fn run(global: &Global, args: &BaselineArgs) -> Result<Outcome> {
    match &args.action {
        Action::Show { entity, file } => {
            let path = match file {
                Some(file) => file.clone(),
                None => global.home()?.baselines(),
            };
            let kept = Kept::read(&path)?.with_context(|| missing(&path))?;
            let words = anomaly::describe(&kept.baselines, entity.as_deref()).map_err(|error| anyhow!(error))?;
            let mut out = String::new();
            if entity.is_none() {
                let files = kept.sources.len();
                out.push_str(&format!("learned from {files} {}\n", if files == 1 { "log" } else { "logs" }));
            }
            for line in words {
                out.push_str(&line);
                out.push('\n');
            }
            io::stdout().lock().write_all(escape_lines(&out).as_bytes())?;
        }
        Action::Forget { entity } => {
            let home = global.home()?;
            let forgotten = forget(&home, entity)?;
            let line =
                format!("forgot {forgotten} by the name `{entity}`; the logs learned from are not learned again");
            io::stdout().lock().write_all(escape_lines(&line).as_bytes())?;
        }
    }
    Ok(Outcome::Clean)
}

fn forget(home: &Home, entity: &str) -> Result<String> {
    let path = home.baselines();
    if !path.exists() {
        bail!(missing(&path));
    }
    // Nobody learns into the file meanwhile.
    let _writer = home.write()?;
    let mut kept = Kept::read(&path)?.with_context(|| missing(&path))?;
    let (baselines, count) = anomaly::forget(&kept.baselines, entity).map_err(|error| anyhow!(error))?;
    if count == 0 {
        bail!("no entity `{entity}` in these baselines: `shieldwall baseline show` lists them");
    }
    kept.baselines = baselines;
    let event = Event::new("baseline.forget", entity).with("entities", count);
    books::do_recorded(home, event, || kept.write(&path))?;
    Ok(if count == 1 { "one entity".to_owned() } else { format!("{count} entities") })
}

fn missing(path: &std::path::Path) -> String {
    format!("nothing was learned yet: there is no `{}`; `shieldwall scan --learn` keeps what it learns", path.display())
}
