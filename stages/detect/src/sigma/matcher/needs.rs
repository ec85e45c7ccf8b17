//! What the regexes of a rule set need, read once and kept with the set.
//!
//! A need is kept as a condition over keywords, so that a stored set holds it in the form of every other condition. What must
//! stay true: what is read back is what was found in the regex.

use std::collections::{BTreeMap, BTreeSet};

use super::pattern::{Necessary, necessary};
use super::program::Node;
use crate::sigma::ir::{Atom, Expr, Pattern, Rule, RuleSet, Test};
use crate::sigma::parts;

/// Regexes that are worth a thread: reading one takes some 50 µs.
const REGEXES_PER_THREAD_MIN: usize = 16;

/// Needs that nest deeper are not kept: a stored condition may not be deep, and SigmaHQ's needs are 4 deep at most.
const DEPTH_MAX: usize = 16;

/// What each regex of the rules needs. One that cannot be parsed is left out: whoever needs it finds out why.
pub(crate) fn needs(rules: &[Rule], threads: usize) -> BTreeMap<Box<str>, Expr> {
    let mut regexes = BTreeSet::new();
    rules.iter().for_each(|rule| collect(&rule.expr, &mut regexes));
    let regexes: Vec<&str> = regexes.into_iter().collect();
    let read = |part: &[&str]| -> Vec<(Box<str>, Expr)> {
        let each = part.iter().filter_map(|regex| Some(((*regex).into(), kept(&necessary(regex).ok()?))));
        each.filter(|(_, need)| depth(need) <= DEPTH_MAX).collect()
    };
    parts::each(&regexes, threads, REGEXES_PER_THREAD_MIN, read).into_iter().flatten().collect()
}

/// What a regex needs: as the set has it, or read now.
pub(crate) fn needed(set: &RuleSet, regex: &str) -> Result<Necessary, String> {
    set.needs.get(regex).and_then(taken).map_or_else(|| necessary(regex), Ok)
}

/// Recursion is bounded by what loading lets through.
fn collect<'r>(expr: &'r Expr, out: &mut BTreeSet<&'r str>) {
    match expr {
        Expr::And(parts) | Expr::Or(parts) => parts.iter().for_each(|part| collect(part, out)),
        Expr::Not(part) | Expr::Selection(_, part) => collect(part, out),
        Expr::Atom(Atom { test: Test::Regex(regex), .. }) => {
            out.insert(regex);
        }
        Expr::Atom(_) => {}
    }
}

/// A need as it is kept. Sets of texts stay together: one is an Or of keywords.
fn kept(need: &Necessary) -> Expr {
    let keyword = |text: &String| {
        let pattern = Pattern::Contains(text.as_str().into());
        Expr::Atom(Atom { field: None, test: Test::Text { pattern, cased: false } })
    };
    fn walk(node: &Node, set: &impl Fn(u32) -> Expr) -> Expr {
        match node {
            Node::Constant(true) => Expr::And(Vec::new()),
            Node::Constant(false) => Expr::Or(Vec::new()),
            Node::Leaf { atom, .. } => set(*atom),
            Node::And(parts) => Expr::And(parts.iter().map(|part| walk(part, set)).collect()),
            Node::Or(parts) => Expr::Or(parts.iter().map(|part| walk(part, set)).collect()),
        }
    }
    walk(&need.node, &|set| Expr::Or(need.sets.get(set as usize).into_iter().flatten().map(keyword).collect()))
}

/// How deep a condition nests; recursion is bounded by the syntax of regexes.
fn depth(expr: &Expr) -> usize {
    match expr {
        Expr::And(parts) | Expr::Or(parts) => 1 + parts.iter().map(depth).max().unwrap_or(0),
        Expr::Not(part) | Expr::Selection(_, part) => 1 + depth(part),
        Expr::Atom(_) => 0,
    }
}

/// A kept need; `None` if it is none that [`kept`] gives. Stored conditions are bounded in depth.
fn taken(expr: &Expr) -> Option<Necessary> {
    fn text(expr: &Expr) -> Option<String> {
        match expr {
            Expr::Atom(Atom { field: None, test: Test::Text { pattern: Pattern::Contains(text), cased: false } }) => {
                Some(text.as_ref().to_owned())
            }
            _ => None,
        }
    }
    fn walk(expr: &Expr, sets: &mut Vec<Vec<String>>) -> Option<Node> {
        let (all, parts) = match expr {
            Expr::And(parts) => (true, parts),
            Expr::Or(parts) => {
                if let Some(texts) =
                    parts.iter().map(text).collect::<Option<Vec<_>>>().filter(|texts| !texts.is_empty())
                {
                    sets.push(texts);
                    return Some(Node::Leaf { atom: (sets.len() - 1) as u32, negated: false });
                }
                (false, parts)
            }
            _ => return None,
        };
        // Nothing that can be matched needs the impossible.
        if !all && parts.is_empty() {
            return None;
        }
        let parts: Option<Vec<Node>> = parts.iter().map(|part| walk(part, sets)).collect();
        Some(Node::join(all, parts?))
    }
    let mut sets = Vec::new();
    let node = walk(expr, &mut sets)?;
    Some(Necessary { node, sets })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_what_was_found() {
        for regex in [
            "abcd",
            "(?i)tasklist",
            "(?:;|%3b) *(?:cat|id)5",
            "x(abcd|defg)+y",
            "foooo|.*",
            r"\d+",
            "",
            "(?:abcd.*efgh|[0-9]+(?:ijkl|mnop)|qrst)",
            "(?i)(?:pass|pwd).*(?:=|:).*(?:abc.def|ghi[0-9]+jkl)",
        ] {
            let found = necessary(regex).unwrap();
            let again = taken(&kept(&found)).unwrap();
            assert_eq!((&again.node, &again.sets), (&found.node, &found.sets), "{regex}");
        }
    }

    #[test]
    fn what_is_no_need_is_not_taken() {
        assert!(taken(&Expr::Or(Vec::new())).is_none());
        assert!(taken(&Expr::Not(Box::new(Expr::And(Vec::new())))).is_none());
        let field = Atom { field: Some("a".into()), test: Test::Null };
        assert!(taken(&Expr::And(vec![Expr::Atom(field)])).is_none());
    }

    #[test]
    fn a_need_that_nests_too_deep_is_not_kept() {
        let deep = (0..40).fold("zzzz9".to_owned(), |inner, at| format!("(?:aa{at}bb[0-9]+{inner}|cc{at}dd)[0-9]+"));
        assert!(depth(&kept(&necessary(&deep).unwrap())) > DEPTH_MAX);
        let rule = Rule { expr: Expr::Atom(Atom { field: None, test: Test::Regex(deep) }), ..Rule::default() };
        assert!(needs(&[rule], 1).is_empty());
    }

    #[test]
    fn a_set_knows_the_needs_of_its_regexes_at_any_number_of_threads() {
        let regex = |at: usize| Atom { field: None, test: Test::Regex(format!("text{at}.*more")) };
        let rules: Vec<Rule> = (0..100)
            .map(|at| Rule { expr: Expr::Not(Box::new(Expr::Atom(regex(at / 2)))), ..Rule::default() })
            .collect();
        let (one, four) = (needs(&rules, 1), needs(&rules, 4));
        assert_eq!(one, four);
        assert_eq!(one.len(), 50);
        let set = RuleSet { needs: one, ..RuleSet::default() };
        let (known, read) = (needed(&set, "text7.*more").unwrap(), necessary("text7.*more").unwrap());
        assert_eq!(known.sets, read.sets);
        assert!(needed(&set, "(").is_err());
        assert_eq!(needed(&set, "other").unwrap().sets, [["other"]]);
    }
}
