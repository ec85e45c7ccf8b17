//! Runs a command that the operator has set up. There is none until the policy has one.
//!
//! A template is an argument list; `{NAME}` in an argument is replaced by the plan's value, which stays within that argument: there is
//! no shell, no word splitting, and no value becomes an option. The environment is cleared, the working directory is `/`, the
//! answer is bounded, the time too, and only status 0 is success. A template without `undo` cannot be undone; one with it is
//! the operator's word that running it once more does no harm.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::action::{Action, child};
use crate::approve::Approved;
use crate::plan::{Plan, Step};
use crate::policy::Template;

/// Bytes that a command may say.
const COMMAND_BYTES_MAX: usize = 64 << 10;

/// Longest time in seconds that a template may ask for: who waits longer has hung.
pub const SECONDS_MAX: u64 = 600;

/// The actuator.
pub struct Commands {
    templates: BTreeMap<String, Template>,
    /// Plans whose command ended well.
    done: BTreeSet<String>,
}

fn wrong(text: impl Into<String>) -> io::Error {
    io::Error::other(text.into())
}

/// Puts values in the places of one argument; names what it used.
fn filled<'a>(
    argument: &'a str,
    values: &'a BTreeMap<String, String>,
    used: &mut BTreeSet<&'a str>,
) -> io::Result<String> {
    let (mut out, mut rest) = (String::new(), argument);
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let place = after.split_once('}').filter(|(name, _)| is_name(name));
        let Some((name, next)) = place else {
            // A brace that opens no place is itself: `awk '{print}'` has none of ours if it has other characters.
            out.push('{');
            rest = after;
            continue;
        };
        let value = values.get(name).ok_or_else(|| wrong(format!("the plan has no value for `{{{name}}}`")))?;
        if value.is_empty() || value.chars().any(char::is_control) {
            return Err(wrong(format!("the value for `{{{name}}}` is empty or not printable")));
        }
        if out.is_empty() && value.starts_with('-') {
            return Err(wrong(format!("the value for `{{{name}}}` would be an option")));
        }
        used.insert(name);
        out.push_str(value);
        rest = next;
    }
    out.push_str(rest);
    Ok(out)
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// A template's argument lists with the plan's values: the command's, its undo's, its verification's.
fn fill(template: &Template, values: &BTreeMap<String, String>) -> io::Result<[Option<Vec<String>>; 3]> {
    if template.seconds == 0 || template.seconds > SECONDS_MAX {
        return Err(wrong(format!("a command takes from 1 s to {SECONDS_MAX} s")));
    }
    let mut used = BTreeSet::new();
    let mut lists = [Some(&template.argv), template.undo.as_ref(), template.verify.as_ref()].map(|argv| {
        argv.map(|argv| {
            // The program is the operator's alone, and found without looking for it.
            if !argv.first().is_some_and(|program| Path::new(program).is_absolute() && !program.contains('{')) {
                return Err(wrong("a command begins with the absolute path of a program"));
            }
            argv.iter().map(|argument| filled(argument, values, &mut used)).collect::<io::Result<Vec<String>>>()
        })
        .transpose()
    });
    let mut take = |at: usize| lists.get_mut(at).map_or(Ok(None), |list| std::mem::replace(list, Ok(None)));
    let out = [take(0)?, take(1)?, take(2)?];
    match values.keys().find(|name| !used.contains(name.as_str())) {
        Some(name) => Err(wrong(format!("the command has no place `{{{name}}}`"))),
        None => Ok(out),
    }
}

impl Commands {
    /// With the policy's templates.
    pub fn new(templates: BTreeMap<String, Template>) -> Self {
        Self { templates, done: BTreeSet::new() }
    }

    fn of(&self, plan: &Plan) -> io::Result<([Option<Vec<String>>; 3], Duration)> {
        let Step::Command { template, values } = &plan.step else { return Err(wrong("only commands are run here")) };
        let found =
            self.templates.get(template).ok_or_else(|| wrong(format!("the policy has no command `{template}`")))?;
        Ok((fill(found, values)?, Duration::from_secs(found.seconds)))
    }

    fn run(argv: &[String], time: Duration) -> io::Result<()> {
        let limits = child::Limits { time, bytes: COMMAND_BYTES_MAX };
        let name = argv.first().cloned().unwrap_or_default();
        child::run(argv, &[], &[], &limits, "it is named in the policy")?.ok(&name).map(|_| ())
    }
}

impl Action for Commands {
    fn diff(&self, plan: &Plan) -> Value {
        self.of(plan).map_or(Value::Null, |([argv, undo, _], _)| json!({ "argv": argv, "undo": undo }))
    }

    /// Fills the template and runs nothing: nobody has approved yet.
    fn rehearse(&mut self, plan: &Plan) -> io::Result<()> {
        self.of(plan).map(|_| ())
    }

    fn read(&mut self, plan: &Plan) -> io::Result<Value> {
        let ([_, undo, verify], time) = self.of(plan)?;
        let holds = verify.map(|argv| Self::run(&argv, time).is_ok());
        Ok(json!({ "holds": holds, "can_be_undone": undo.is_some() }))
    }

    fn apply(&mut self, approved: &Approved) -> io::Result<()> {
        let plan = approved.plan();
        let ([argv, ..], time) = self.of(plan)?;
        Self::run(&argv.unwrap_or_default(), time)?;
        self.done.insert(plan.hash().to_string());
        Ok(())
    }

    fn verify(&mut self, plan: &Plan) -> io::Result<()> {
        let ([_, _, verify], time) = self.of(plan)?;
        if !self.done.contains(&plan.hash().to_string()) {
            return Err(wrong("the command was not run"));
        }
        verify.map_or(Ok(()), |argv| Self::run(&argv, time))
    }

    fn undo(&mut self, plan: &Plan, before: &Value) -> io::Result<()> {
        let ([_, undo, verify], time) = self.of(plan)?;
        let argv = undo.ok_or_else(|| io::Error::new(io::ErrorKind::Unsupported, "the command has no undo"))?;
        let held = before.get("holds").and_then(Value::as_bool);
        // It held before, or it does not hold now: there is nothing to take back.
        if held == Some(true) || verify.is_some_and(|verify| Self::run(&verify, time).is_err()) {
            return Ok(());
        }
        Self::run(&argv, time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled_all(argv: &[&str], values: &[(&str, &str)]) -> io::Result<Vec<String>> {
        let argv = argv.iter().map(|word| (*word).to_owned()).collect();
        let values = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Ok(fill(&Template { argv, undo: None, verify: None, seconds: 1 }, &values)?[0].clone().unwrap())
    }

    #[test]
    fn a_value_stays_within_its_argument_and_is_no_option() {
        let nasty = "a b; $(rm -rf /) `x` \"'*";
        assert_eq!(filled_all(&["/x", "{A}"], &[("A", nasty)]).unwrap(), ["/x", nasty]);
        assert_eq!(filled_all(&["/x", "--to={A}"], &[("A", "-v")]).unwrap(), ["/x", "--to=-v"]);
        assert_eq!(filled_all(&["/x", "{A}{A}"], &[("A", "{A}")]).unwrap(), ["/x", "{A}{A}"], "a value is no template");
        assert_eq!(filled_all(&["/x", "{ print $1 }{", "{}"], &[]).unwrap(), ["/x", "{ print $1 }{", "{}"]);
        for (argv, values) in [
            (vec!["/x", "{A}"], vec![("A", "-v")]),
            (vec!["/x", "{A}more"], vec![("A", "-v")]),
            (vec!["/x", "{A}"], vec![("A", "")]),
            (vec!["/x", "{A}"], vec![("A", "a\nb")]),
            (vec!["/x", "{A}"], vec![]),
            (vec!["/x"], vec![("A", "1")]),
            (vec!["x"], vec![]),
            (vec!["/{A}"], vec![("A", "x")]),
            (vec![], vec![]),
        ] {
            assert!(filled_all(&argv, &values).is_err(), "{argv:?} {values:?}");
        }
    }
}
