//! Tests of correlation: rules as text and matches in, firings out.

use super::{Correlator, Firing, Seen};
use crate::sigma::ir::{RuleIndex, RuleSet};
use crate::sigma::load::{Lists, Pack, load_with};

mod chains;
mod kinds;
mod properties;

pub(super) const SECOND: i64 = 1_000_000_000;

/// Three base rules and a correlation's section, as one file; `more` stands behind it.
pub(super) fn rules(section: &str, more: &str) -> RuleSet {
    let mut text = String::new();
    for name in ["a", "b", "c"] {
        text.push_str(&format!(
            "title: rule {name}\nid: id-{name}\nname: {name}\nlogsource: {{product: x}}\n\
             detection: {{s: {{F: {name}}}, condition: s}}\n---\n"
        ));
    }
    text.push_str("title: the correlation\nid: z-correlation\nname: z\nlevel: high\ncorrelation:\n");
    for line in section.lines() {
        text.push_str(&format!("  {}\n", line.trim_end()));
    }
    text.push_str(more);
    let pack = Pack { files: vec![("x.yml".to_owned(), text.clone().into_bytes())], ..Pack::default() };
    let loaded = load_with(&[pack], &Lists::new(), 1);
    assert!(loaded.refusals.is_empty(), "{}\n{text}", loaded.refusals[0]);
    loaded.set
}

/// A match: second, rule, `field=value` pairs.
pub(super) type Match<'a> = (i64, &'a str, &'a str);

/// Feeds matches, each with its own offset, and gives the firings.
pub(super) fn run(set: &RuleSet, matches: &[Match<'_>]) -> (Vec<Firing>, Correlator) {
    let mut correlator = Correlator::new(set);
    let mut out = Vec::new();
    feed(&mut correlator, set, matches, &mut out);
    correlator.finish(&mut out);
    (out, correlator)
}

pub(super) fn feed(correlator: &mut Correlator, set: &RuleSet, matches: &[Match<'_>], out: &mut Vec<Firing>) {
    for ((time, name, pairs), offset) in matches.iter().zip(0_u64..) {
        let rule = rule(set, name);
        let values = values(correlator, rule, pairs);
        let time = Some(time * SECOND);
        correlator.observe(Seen { rule, time, source: 0, offset, values: &values }, out);
    }
}

pub(super) fn rule(set: &RuleSet, name: &str) -> RuleIndex {
    let at = set.rules.iter().position(|rule| rule.id == format!("id-{name}") || rule.id == name).unwrap();
    RuleIndex(u32::try_from(at).unwrap())
}

/// The values that are wanted, out of `field=value` pairs.
pub(super) fn values(correlator: &Correlator, rule: RuleIndex, pairs: &str) -> Vec<Vec<String>> {
    let of = |field: &str| {
        let pairs = pairs.split_whitespace().filter_map(|pair| pair.split_once('='));
        pairs.filter(|(name, _)| *name == field).map(|(_, value)| value.to_owned()).collect()
    };
    correlator.wanted(rule).iter().map(|field| of(field)).collect()
}
