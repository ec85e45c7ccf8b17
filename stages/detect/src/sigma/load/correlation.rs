//! A correlation rule's document → a [`Draft`]: everything that can be said without knowing the other rules.
//!
//! Sigma 2.1, "Correlation Rules". [`super::resolve`] finds the rules that a draft names.

use super::super::ir::{Bound, BoundOrder, CorrelationKind, Number};
use super::fault::{At, Fault, Why};
use super::limits::{
    CORRELATION_ALIASES_MAX, CORRELATION_COUNT_MAX, CORRELATION_FIELDS_MAX, CORRELATION_RULES_MAX,
    CORRELATION_TIMESPAN_DAYS_MAX, CORRELATION_VALUES_MAX,
};
use super::rule::{Named, list, text};
use super::scalar::{Typed, resolve};
use super::value::{Context, shorten};
use super::yaml::{Kind, Map, Node, get};

/// A correlation before its rules are found.
#[derive(Debug)]
pub(crate) struct Draft {
    /// What is said about it, and its name.
    pub named: Named,
    pub kind: CorrelationKind,
    /// The rules that it names, with their places.
    pub rules: Vec<(String, At)>,
    pub aliases: Vec<Alias>,
    pub group_by: Vec<Box<str>>,
    pub fields: Vec<Box<str>>,
    pub timespan: i64,
    pub bounds: Vec<Bound>,
    pub generate: bool,
}

/// One rule's part of an alias.
#[derive(Debug)]
pub(crate) struct Alias {
    pub alias: String,
    /// The rule's name or id, as written.
    pub rule: String,
    pub field: String,
    pub at: At,
}

const KEYS: [&str; 7] = ["type", "rules", "aliases", "group-by", "timespan", "condition", "generate"];

/// Reads the section; `named` holds what stands around it.
pub(crate) fn lower(root: &Map<'_>, node: &Node<'_>, named: Named, context: &mut Context<'_>) -> Result<Draft, Fault> {
    let at = node.at;
    let shape = || Fault::new(at, Why::WrongShape { key: "correlation".to_owned(), want: "a map" });
    let section = node.as_map().ok_or_else(shape)?;
    if let Some((key, _)) = section.iter().find(|(key, _)| !KEYS.contains(&key.text.as_ref())) {
        return Err(Fault::new(key.at, Why::CorrelationKey(shorten(&key.text))));
    }
    let type_at = get(section, "type").ok_or(Fault::new(at, Why::Missing("type")))?.at;
    let type_name = text(section, "type")?;
    let rules = rules(section, at)?;
    let aliases = aliases(section, &rules)?;
    let group_by = names(section, "group-by", CORRELATION_FIELDS_MAX)?;
    let timespan = timespan(section, at)?;
    let mut condition = condition(section)?;
    let kind = match type_name.as_str() {
        "event_count" => CorrelationKind::EventCount,
        "value_count" => CorrelationKind::ValueCount,
        "temporal" => CorrelationKind::Temporal,
        "temporal_ordered" => CorrelationKind::TemporalOrdered,
        "value_sum" => CorrelationKind::ValueSum,
        "value_avg" => CorrelationKind::ValueAverage,
        "value_median" => percentile(&mut condition, true, context)?,
        "value_percentile" => percentile(&mut condition, false, context)?,
        _ => return Err(Fault::new(type_at, Why::CorrelationType(shorten(&type_name)))),
    };
    if let Some((_, place)) = condition.percentile {
        return Err(Fault::new(place, Why::PercentileElsewhere(type_name)));
    }
    check(kind, &type_name, &mut condition, rules.len(), at)?;
    // The specification has `generate` beside `correlation`; pySigma's rules have it inside too.
    let generate = flag(root)? || flag(section)?;
    let Condition { bounds, fields, .. } = condition;
    Ok(Draft { named, kind, rules, aliases, group_by, fields, timespan, bounds, generate })
}

#[derive(Default)]
struct Condition {
    at: Option<At>,
    bounds: Vec<Bound>,
    fields: Vec<Box<str>>,
    percentile: Option<(f64, At)>,
}

/// What each type asks of its condition.
fn check(kind: CorrelationKind, name: &str, condition: &mut Condition, rules: usize, section: At) -> Result<(), Fault> {
    use CorrelationKind as K;
    let at = condition.at.unwrap_or(section);
    let temporal = matches!(kind, K::Temporal | K::TemporalOrdered);
    if condition.bounds.is_empty() {
        if !temporal {
            return Err(Fault::new(at, Why::CorrelationUnbounded(name.to_owned())));
        }
        // "All events … must occur": the count of different rules is that of all.
        let all = u32::try_from(rules).ok().and_then(|rules| Number::new(f64::from(rules)));
        condition.bounds.extend(all.map(|limit| Bound { order: BoundOrder::GreaterOrEqual, limit }));
    }
    match (kind, condition.fields.len()) {
        (K::EventCount | K::Temporal | K::TemporalOrdered, 0) | (K::ValueCount, 1..) => {}
        (K::ValueSum | K::ValueAverage | K::ValuePercentile(_), 1) => {}
        (K::EventCount | K::Temporal | K::TemporalOrdered, _) => {
            return Err(Fault::new(at, Why::CorrelationFieldIdle(name.to_owned())));
        }
        (_, 0) => return Err(Fault::new(at, Why::CorrelationFieldMissing(name.to_owned()))),
        _ => return Err(Fault::new(at, Why::CorrelationFieldMany(name.to_owned()))),
    }
    let max = match kind {
        K::EventCount => CORRELATION_COUNT_MAX,
        K::ValueCount => CORRELATION_VALUES_MAX,
        K::Temporal | K::TemporalOrdered => u32::try_from(rules).unwrap_or(u32::MAX),
        _ => return Ok(()),
    };
    // Of values no more are told apart than may be asked for, so an upper bound above that could not be judged either.
    let counted = |bound: &&Bound| bound.is_lower() || kind == K::ValueCount;
    let over = |bound: &&Bound| counted(bound) && bound.limit.get() > f64::from(max);
    match condition.bounds.iter().find(over) {
        Some(bound) => Err(Fault::new(at, Why::CorrelationCountOver { limit: bound.limit.get().to_string(), max })),
        None => Ok(()),
    }
}

fn rules(section: &Map<'_>, at: At) -> Result<Vec<(String, At)>, Fault> {
    let node = get(section, "rules").ok_or(Fault::new(at, Why::Missing("rules")))?;
    let rules: Vec<(String, At)> = match &node.kind {
        Kind::List(items) => {
            let places = items.iter().map(|item| item.at);
            list(node, "rules")?.into_iter().zip(places).collect()
        }
        _ => list(node, "rules")?.into_iter().map(|name| (name, node.at)).collect(),
    };
    if rules.is_empty() {
        return Err(Fault::new(node.at, Why::Missing("rules")));
    }
    if rules.len() > CORRELATION_RULES_MAX {
        return Err(Fault::new(node.at, Why::CorrelationTooMany { what: "rules", max: CORRELATION_RULES_MAX }));
    }
    let mut seen = rustc_hash::FxHashSet::default();
    match rules.iter().find(|(name, _)| !seen.insert(name.as_str())) {
        Some((name, at)) => Err(Fault::new(*at, Why::CorrelationRuleTwice(shorten(name)))),
        None => Ok(rules),
    }
}

fn aliases(section: &Map<'_>, rules: &[(String, At)]) -> Result<Vec<Alias>, Fault> {
    let Some(node) = get(section, "aliases") else { return Ok(Vec::new()) };
    let shape = |at, key: &str| Fault::new(at, Why::WrongShape { key: key.to_owned(), want: "a map" });
    let mut out = Vec::new();
    for (alias, node) in node.as_map().ok_or_else(|| shape(node.at, "aliases"))? {
        for (rule, field) in node.as_map().ok_or_else(|| shape(node.at, &alias.text))? {
            if !rules.iter().any(|(name, _)| *name == rule.text) {
                let why = Why::AliasOfOther { alias: shorten(&alias.text), rule: shorten(&rule.text) };
                return Err(Fault::new(rule.at, why));
            }
            let text = field.as_scalar().map(|scalar| scalar.text.to_string()).filter(|text| !text.is_empty());
            let want = || Why::WrongShape { key: rule.text.to_string(), want: "a field's name" };
            let field = text.ok_or_else(|| Fault::new(field.at, want()))?;
            out.push(Alias { alias: alias.text.to_string(), rule: rule.text.to_string(), field, at: rule.at });
        }
    }
    match out.get(CORRELATION_ALIASES_MAX) {
        Some(over) => {
            Err(Fault::new(over.at, Why::CorrelationTooMany { what: "aliases", max: CORRELATION_ALIASES_MAX }))
        }
        None => Ok(out),
    }
}

fn names(map: &Map<'_>, key: &'static str, max: usize) -> Result<Vec<Box<str>>, Fault> {
    let Some(node) = get(map, key) else { return Ok(Vec::new()) };
    let names = list(node, key)?;
    if names.len() > max {
        return Err(Fault::new(node.at, Why::CorrelationTooMany { what: key, max }));
    }
    if names.iter().any(|name| name.trim().is_empty()) {
        return Err(Fault::new(node.at, Why::WrongShape { key: key.to_owned(), want: "names of fields" }));
    }
    let mut out: Vec<Box<str>> = Vec::with_capacity(names.len());
    for name in names {
        if !out.iter().any(|have| **have == *name) {
            out.push(name.into());
        }
    }
    Ok(out)
}

const SECOND: i64 = 1_000_000_000;

/// `30s`, `90m`, `1h`, `7d` → nanoseconds.
fn timespan(section: &Map<'_>, at: At) -> Result<i64, Fault> {
    let node = get(section, "timespan").ok_or(Fault::new(at, Why::Missing("timespan")))?;
    let text = text(section, "timespan")?;
    let wrong = || Fault::new(node.at, Why::Timespan(shorten(&text)));
    let (digits, unit) = match text.char_indices().last() {
        Some((end, unit)) => (text.get(..end).unwrap_or_default(), unit),
        None => return Err(wrong()),
    };
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let total = digits.parse::<i64>().ok().and_then(|count| count.checked_mul(seconds)).unwrap_or(i64::MAX);
    match total {
        0 => Err(wrong()),
        total if total > CORRELATION_TIMESPAN_DAYS_MAX * 86_400 => {
            Err(Fault::new(node.at, Why::TimespanTooLong(shorten(&text))))
        }
        total => Ok(total.saturating_mul(SECOND)),
    }
}

fn condition(section: &Map<'_>) -> Result<Condition, Fault> {
    let Some(node) = get(section, "condition") else { return Ok(Condition::default()) };
    let map = node.as_map().ok_or_else(|| match node.as_scalar() {
        Some(scalar) => Fault::new(node.at, Why::CorrelationExpression(shorten(&scalar.text))),
        None => Fault::new(node.at, Why::WrongShape { key: "condition".to_owned(), want: "a map" }),
    })?;
    let mut out = Condition { at: Some(node.at), ..Condition::default() };
    for (key, value) in map {
        let order = match key.text.as_ref() {
            "gt" => BoundOrder::Greater,
            "gte" => BoundOrder::GreaterOrEqual,
            "lt" => BoundOrder::Less,
            "lte" => BoundOrder::LessOrEqual,
            "eq" => BoundOrder::Equal,
            "neq" => BoundOrder::NotEqual,
            "field" => {
                out.fields = names(map, "field", CORRELATION_FIELDS_MAX)?;
                continue;
            }
            "percentile" => {
                out.percentile = Some((number(value, "percentile")?.get(), value.at));
                continue;
            }
            other => return Err(Fault::new(key.at, Why::CorrelationOperator(shorten(other)))),
        };
        out.bounds.push(Bound { order, limit: number(value, &key.text)? });
    }
    Ok(out)
}

/// The type and its per cent; without one it is the median, and the remark says so.
fn percentile(condition: &mut Condition, median: bool, context: &mut Context<'_>) -> Result<CorrelationKind, Fault> {
    const MEDIAN: f64 = 50.0;
    let percent = match condition.percentile.take() {
        Some((_, at)) if median => return Err(Fault::new(at, Why::PercentileElsewhere("value_median".to_owned()))),
        Some((percent, _)) if percent > 0.0 && percent <= 100.0 => percent,
        Some((percent, at)) => return Err(Fault::new(at, Why::PercentileRange(percent.to_string()))),
        None => {
            if let (Some(at), false) = (condition.at, median) {
                let text =
                    "`value_percentile` without `percentile` in its condition compares the median, `percentile: 50`";
                context.note(at.line, text.to_owned());
            }
            MEDIAN
        }
    };
    Number::new(percent).map(CorrelationKind::ValuePercentile).ok_or(Fault::new(At::default(), Why::ConditionEmpty))
}

fn number(node: &Node<'_>, key: &str) -> Result<Number, Fault> {
    let shape = || Fault::new(node.at, Why::WrongShape { key: key.to_owned(), want: "a number" });
    let text = match node.as_scalar().map(resolve) {
        Some(Typed::Number(text)) => text,
        _ => return Err(shape()),
    };
    text.parse::<f64>().ok().filter(|value| value.is_finite()).and_then(Number::new).ok_or_else(shape)
}

fn flag(map: &Map<'_>) -> Result<bool, Fault> {
    let Some(node) = get(map, "generate") else { return Ok(false) };
    match node.as_scalar().map(resolve) {
        Some(Typed::Bool(value)) => Ok(value),
        Some(Typed::Null) => Ok(false),
        _ => Err(Fault::new(node.at, Why::WrongShape { key: "generate".to_owned(), want: "true or false" })),
    }
}
