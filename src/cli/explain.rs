//! `shieldwall explain --why-not RULE EVENT`: which condition failed, what the record lacks, or where decoding stopped.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use clap::Args;
use shieldwall_detect::sigma::ir::{RuleIndex, RuleSet};
use shieldwall_detect::sigma::matcher::{Matcher, Options};

use super::{Global, Outcome, scan};
use crate::confine::Needs;
use crate::line::{self, Wanted};
use crate::output::escape::escape;
use crate::packs::{self, Choice};

/// Flags of `explain`, as written.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// A rule's id, or a part of its title
    #[arg(long, value_name = "RULE", required = true)]
    why_not: String,
    /// The record: PATH#RECORD (its number), PATH@OFFSET (its byte offset), or PATH for the file's first record;
    /// a member of an archive after `!`
    event: String,
    /// More Sigma rules: a folder, a file or a zip
    #[arg(long, value_name = "DIR|ZIP")]
    rules: Vec<PathBuf>,
    /// Leave out the built-in rules and added packs
    #[arg(long)]
    no_builtin_rules: bool,
    /// The zone of logs that have none
    #[arg(long, value_name = "ZONE", value_parser = scan::parse_zone, allow_hyphen_values = true)]
    assume_tz: Option<shieldwall_schema::Zone>,
}

/// Runs the command. Exit code 1: the rule does match; 0: it does not, and the output says why.
pub fn run(global: &Global, args: &ExplainArgs) -> Result<Outcome> {
    let home = global.home();
    let needs = Needs::default().spool();
    global.confine(&needs.clone().compiled(home.as_ref().ok()));
    let choice = Choice { paths: args.rules.clone(), no_builtin: args.no_builtin_rules, level: Default::default() };
    let loaded = packs::load_chosen(&choice, home.as_ref().ok())?;
    global.narrow(&needs);
    let rules = find(&loaded.set, &args.why_not);
    let refused = loaded.refusals.iter().filter(|refusal| {
        refusal.rule_id.as_deref() == Some(&args.why_not)
            || refusal.title.as_deref().is_some_and(|title| names(title, &args.why_not))
    });
    let mut out = io::stdout().lock();
    for refusal in refused {
        writeln!(out, "the rule was refused: {}", escape(&refusal.to_string()))?;
    }
    let (path, wanted) = parse_event(&args.event)?;
    let set = Arc::new(loaded.set);
    let mappings = Arc::new(packs::mappings()?);
    let matcher = Matcher::new(Arc::clone(&set), Arc::clone(&mappings), Options::default());
    let rule = match rules.as_slice() {
        [] => bail!("no rule has the id or title `{}`: see `shieldwall rules list`", args.why_not),
        [rule] => *rule,
        many => {
            let titles: Vec<_> = many
                .iter()
                .take(8)
                .filter_map(|rule| set.rules.get(rule.0 as usize))
                .map(|r| format!("{} ({})", r.title, r.id))
                .collect();
            bail!("{} rules are meant by `{}`: {}", many.len(), args.why_not, titles.join("; "))
        }
    };
    let mut matched = None;
    let report = line::visit_record(&path, wanted, args.assume_tz.clone(), &mut |event| {
        let why = matcher.why_not(rule, &event.tag, event.fields);
        matched = Some(why.matches());
        let title = set.rules.get(rule.0 as usize).map_or("", |rule| rule.title.as_str());
        writeln!(out, "{} · {}", escape(title), escape(&args.event))?;
        for words in why.to_words().lines() {
            writeln!(out, "  {}", escape(words))?;
        }
        Ok(())
    })?;
    match matched {
        Some(true) => Ok(Outcome::Findings),
        Some(false) => Ok(Outcome::Clean),
        None => {
            for line in report {
                writeln!(out, "  {}", escape(&line))?;
            }
            bail!("`{}` has no such record", args.event)
        }
    }
}

fn names(title: &str, part: &str) -> bool {
    title.to_lowercase().contains(&part.to_lowercase())
}

/// The rule with the id, else the rule with the title, else every rule whose title has the words.
fn find(set: &RuleSet, wanted: &str) -> Vec<RuleIndex> {
    let indexed = || set.rules.iter().enumerate().map(|(at, rule)| (RuleIndex(at as u32), rule));
    let exact: Vec<_> =
        indexed().filter(|(_, rule)| rule.id == wanted || rule.title == wanted).map(|(at, _)| at).collect();
    if !exact.is_empty() {
        return exact;
    }
    indexed().filter(|(_, rule)| names(&rule.title, wanted)).map(|(at, _)| at).collect()
}

/// Splits `PATH#RECORD` and `PATH@OFFSET`.
fn parse_event(text: &str) -> Result<(String, Wanted)> {
    let number = |digits: &str| digits.parse::<u64>().with_context(|| format!("`{digits}` is no number"));
    // The mark counts only if digits follow: file names may hold both.
    for (mark, wanted) in [('#', Wanted::Record as fn(u64) -> Wanted), ('@', Wanted::Offset)] {
        if let Some((path, digits)) = text.rsplit_once(mark)
            && !digits.is_empty()
            && digits.bytes().all(|byte| byte.is_ascii_digit())
        {
            return Ok((path.to_owned(), wanted(number(digits)?)));
        }
    }
    Ok((text.to_owned(), Wanted::First))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_named_by_path_and_place() {
        assert_eq!(parse_event("a.evtx#12").unwrap(), ("a.evtx".to_owned(), Wanted::Record(12)));
        assert_eq!(parse_event("a#b@9").unwrap(), ("a#b".to_owned(), Wanted::Offset(9)));
        assert_eq!(parse_event("user@host.log").unwrap(), ("user@host.log".to_owned(), Wanted::First));
    }
}
