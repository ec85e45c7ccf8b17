//! `shieldwall show`: one incident of a case whole, or one finding of it.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;

use super::{Global, Outcome, playbook};
use crate::case::Case;
use crate::confine::Needs;
use crate::output::report::{group, groups};
use crate::output::show::show;
use crate::output::story;
use crate::output::style::Style;

/// Flags of `show`, as written.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The incident's number in the report (`2`), or a finding's within it (`2.3`)
    #[arg(value_name = "N", value_parser = parse_number)]
    number: Number,
    /// The case's folder [default: the last scan]
    case: Option<PathBuf>,
}

/// `2` or `2.3`, both counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Number {
    incident: u32,
    finding: Option<u32>,
}

fn parse_number(text: &str) -> Result<Number, String> {
    let part = |text: &str| text.parse().ok().filter(|number: &u32| *number > 0);
    let (incident, finding) = match text.split_once('.') {
        Some((incident, finding)) => (part(incident), Some(part(finding))),
        None => (part(text), None),
    };
    match (incident, finding) {
        (Some(incident), None) => Ok(Number { incident, finding: None }),
        (Some(incident), Some(Some(finding))) => Ok(Number { incident, finding: Some(finding) }),
        _ => Err("say a number of the report (2), or of a finding in an incident (2.3)".to_owned()),
    }
}

/// Runs the command.
pub fn run(global: &Global, args: &ShowArgs) -> Result<Outcome> {
    global.confine(&Needs::default());
    let case = match &args.case {
        Some(folder) => Case::open(folder)?,
        None => Case::open(&global.home()?.latest_case())
            .map_err(|error| error.context("no scan to show: run `shieldwall scan PATH` first, or name a case"))?,
    };
    let number = args.number.incident as usize;
    let mut text = String::new();
    let style = Style::of_stdout();
    let (incidents, told) = case.incident(number)?;
    match (told, args.number.finding) {
        (Some(told), None) if !told.is_single() => {
            story::show(&told, number, &style, &mut text);
            let home = global.home().ok();
            let findings = case.findings_of(&told.findings())?;
            let rules: Vec<String> = findings.values().map(|finding| finding.analytic.uid.clone()).collect();
            let fitting = playbook::fitting(home.as_ref(), &told.incident, &rules)?;
            if !fitting.is_empty() {
                story::playbooks(&fitting, &style, &mut text);
            }
        }
        (Some(told), finding) => {
            let numbers = told.findings();
            let at = finding.unwrap_or(1) as usize;
            let Some(finding) = numbers.get(at - 1) else {
                bail!("incident {number} has no finding {at}: it has {}", numbers.len());
            };
            let findings = case.findings_of(&[*finding])?;
            if let Some(finding) = findings.values().next() {
                show(&group(finding, number), &style, &mut text);
            }
        }
        (None, _) if incidents > 0 => bail!("there is no incident {number}: this case has {incidents}"),
        // A case without incidents: findings are numbered by themselves.
        (None, _) => {
            let findings = case.findings()?;
            let groups = groups(&findings);
            let Some(group) = groups.get(number - 1) else {
                bail!("there is no finding {number}: this case has {}", groups.len());
            };
            show(group, &style, &mut text);
        }
    }
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(Outcome::Clean)
}
