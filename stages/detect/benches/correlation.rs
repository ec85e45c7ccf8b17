//! Observations a second through the correlator: one core, all groups busy.
//!
//! `cargo bench -p shieldwall-detect --bench correlation`
//!
//! Each bench feeds [`OBSERVATIONS`] matches of one rule, a thousand a second of event time, over [`GROUPS`] sources. What
//! making the values costs is outside the measure.

use shieldwall_detect::sigma::correlation::{Correlator, Seen};
use shieldwall_detect::sigma::ir::{RuleIndex, RuleSet};
use shieldwall_detect::sigma::load::{Lists, Pack, load_with};

const OBSERVATIONS: u64 = 100_000;
const GROUPS: u64 = 1_000;

fn main() {
    divan::main();
}

fn set(section: &str) -> RuleSet {
    let text = format!(
        "title: base\nid: a\nname: a\nlogsource: {{product: x}}\ndetection: {{s: {{F: 1}}, condition: s}}\n---\n\
         title: other\nid: b\nname: b\nlogsource: {{product: x}}\ndetection: {{s: {{F: 2}}, condition: s}}\n---\n\
         title: correlation\nid: c\ncorrelation:\n  group-by: [ip]\n{section}"
    );
    let pack = Pack { files: vec![("x.yml".to_owned(), text.into_bytes())], ..Pack::default() };
    let loaded = load_with(&[pack], &Lists::new(), 1);
    assert!(loaded.refusals.is_empty(), "{:?}", loaded.refusals);
    loaded.set
}

const KINDS: [&str; 7] =
    ["event_count", "value_count", "temporal", "temporal_ordered", "value_sum", "value_avg", "one_source_floods"];

fn section(kind: &str) -> String {
    let (kind, rules, condition) = match kind {
        "value_count" | "value_sum" => (kind, "[a]", "{field: user, gte: 20}"),
        "value_avg" => (kind, "[a]", "{field: user, gte: 20}"),
        "one_source_floods" => ("event_count", "[a]", "{gte: 20}"),
        "event_count" => (kind, "[a]", "{gte: 20}"),
        _ => (kind, "[a, b]", "{gte: 2}"),
    };
    format!("  type: {kind}\n  rules: {rules}\n  timespan: 10m\n  condition: {condition}\n")
}

#[divan::bench(args = KINDS, sample_count = 10)]
fn observe(bencher: divan::Bencher<'_, '_>, kind: &str) {
    let set = set(&section(kind));
    let wanted = Correlator::new(&set).wanted(RuleIndex(0)).len();
    let groups = if kind == "one_source_floods" { 1 } else { GROUPS };
    let rows: Vec<Vec<Vec<String>>> = (0..OBSERVATIONS)
        .map(|at| {
            let ip = at.wrapping_mul(0x9E37_79B9_7F4A_7C15) % groups;
            let ip = format!("10.{}.{}.{}", ip >> 16 & 255, ip >> 8 & 255, ip & 255);
            [ip, (at % 50).to_string()].into_iter().take(wanted).map(|value| vec![value]).collect()
        })
        .collect();
    let temporal = kind.starts_with("temporal");
    bencher.counter(divan::counter::ItemsCount::new(OBSERVATIONS)).bench(|| {
        let mut correlator = Correlator::new(&set);
        let mut out = Vec::new();
        for (values, at) in rows.iter().zip(0_u64..) {
            let rule = RuleIndex(u32::from(temporal && at % 3 == 0));
            let time = Some(at as i64 * 1_000_000);
            correlator.observe(Seen { rule, time, source: 0, offset: at, values }, &mut out);
        }
        correlator.finish(&mut out);
        out.len()
    });
}
