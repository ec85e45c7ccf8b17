//! `detection` and `filter` sections → a formula.
//!
//! Maps are joined by AND, lists by OR (or AND with `|all`), as the specification's "Detection" says; strings and numbers
//! that stand alone are keywords.

use super::super::ir::Expr;
use super::condition::{self, Condition};
use super::fault::{At, Fault, Why};
use super::limits::{ATOMS_MAX, SELECTIONS_MAX};
use super::modifiers::{Chain, Compare};
use super::scalar::{Typed, resolve};
use super::value::{self, Context};
use super::yaml::{Kind, Map, Node, Scalar, get};

/// A detection, understood.
#[derive(Debug, Default)]
pub(crate) struct Detection {
    pub selections: Vec<String>,
    /// The condition as written.
    pub condition: String,
    pub expr: Expr,
    /// Whether the condition negates anything.
    pub negates: bool,
    /// What its comparisons weigh, repetitions included ([`ATOMS_MAX`]).
    pub weight: usize,
}

/// Reads a map of selections and a condition. `ignored` names keys that are no selections.
pub(crate) fn lower(map: &Map<'_>, at: At, ignored: &[&str], context: &mut Context<'_>) -> Result<Detection, Fault> {
    let condition_node = get(map, "condition").ok_or(Fault::new(at, Why::Missing("condition")))?;
    let selections: Vec<_> = map
        .iter()
        .filter(|(key, _)| !matches!(key.text.as_ref(), "condition" | "timeframe"))
        .filter(|(key, _)| !ignored.contains(&key.text.as_ref()))
        .collect();
    if selections.is_empty() {
        return Err(Fault::new(at, Why::NoSelection));
    }
    if selections.len() > SELECTIONS_MAX {
        return Err(Fault::new(at, Why::TooManySelections));
    }
    let names: Vec<&str> = selections.iter().map(|(key, _)| key.text.as_ref()).collect();
    // Selections first: a rule with several faults is told of the one that stands in its text, not of what follows.
    let mut lowered = Vec::with_capacity(selections.len());
    for (key, node) in &selections {
        let before = context.weight;
        let expr = selection(&key.text, node, context)?;
        lowered.push(Lowered { expr, weight: context.weight.saturating_sub(before), uses: 0 });
    }
    let (condition, text) = read_condition(condition_node, &names)?;
    if let Some((key, _)) = map.iter().find(|(key, _)| key.text == "timeframe") {
        return Err(Fault::new(key.at, Why::Timeframe));
    }
    let negates = condition.negates();
    let (expr, weight) = resolve_condition(condition, lowered, condition_node.at)?;
    Ok(Detection { expr, negates, weight, selections: names.into_iter().map(str::to_owned).collect(), condition: text })
}

/// A list of conditions is joined by OR.
fn read_condition(node: &Node<'_>, names: &[&str]) -> Result<(Condition, String), Fault> {
    let shape = || {
        let (key, want) = ("condition".to_owned(), "text or a list of texts");
        Fault::new(node.at, Why::WrongShape { key, want })
    };
    match &node.kind {
        Kind::Scalar(scalar) => Ok((condition::parse(&scalar.text, names, node.at)?, scalar.text.trim().to_owned())),
        Kind::List(items) => {
            let mut conditions = Vec::new();
            let mut texts = Vec::new();
            for item in items {
                let scalar = item.as_scalar().ok_or_else(shape)?;
                conditions.push(condition::parse(&scalar.text, names, item.at)?);
                texts.push(scalar.text.trim());
            }
            match (conditions.pop(), texts.as_slice()) {
                (None, _) => Err(Fault::new(node.at, Why::ConditionEmpty)),
                (Some(only), [text]) => Ok((only, (*text).to_owned())),
                (Some(last), _) => {
                    conditions.push(last);
                    Ok((Condition::Or(conditions), format!("({})", texts.join(") or ("))))
                }
            }
        }
        Kind::Map(_) => Err(shape()),
    }
}

struct Lowered {
    expr: Expr,
    weight: usize,
    /// How often the condition still needs it: the last use takes it, the others copy.
    uses: usize,
}

fn resolve_condition(condition: Condition, mut selections: Vec<Lowered>, at: At) -> Result<(Expr, usize), Fault> {
    let mut weight = 0_usize;
    condition.each_selection(&mut |number| {
        if let Some(selection) = selections.get_mut(usize::from(number)) {
            selection.uses += 1;
            weight = weight.saturating_add(selection.weight);
        }
    });
    if weight > ATOMS_MAX {
        return Err(Fault::new(at, Why::TooManyAtoms));
    }
    Ok((put_in(condition, &mut selections), weight))
}

fn put_in(condition: Condition, selections: &mut [Lowered]) -> Expr {
    let mut all = |parts: Vec<Condition>| parts.into_iter().map(|part| put_in(part, selections)).collect();
    match condition {
        Condition::And(parts) => Expr::And(all(parts)),
        Condition::Or(parts) => Expr::Or(all(parts)),
        Condition::Not(part) => Expr::Not(Box::new(put_in(*part, selections))),
        Condition::Selection(number) => {
            let expr = selections.get_mut(usize::from(number)).map(|selection| {
                selection.uses = selection.uses.saturating_sub(1);
                if selection.uses == 0 { std::mem::take(&mut selection.expr) } else { selection.expr.clone() }
            });
            Expr::Selection(number, Box::new(expr.unwrap_or_default()))
        }
    }
}

/// A selection: a map, a list of maps, keywords, or lists of these.
fn selection(name: &str, node: &Node<'_>, context: &mut Context<'_>) -> Result<Expr, Fault> {
    let empty = || Fault::new(node.at, Why::SelectionEmpty(name.to_owned()));
    match &node.kind {
        Kind::Map(map) if map.is_empty() => Err(empty()),
        Kind::Map(map) => {
            let items = map.iter().map(|(key, node)| field(&Chain::parse(key)?, node, context));
            items.collect::<Result<Vec<_>, _>>().map(and)
        }
        Kind::List(items) if items.is_empty() => Err(empty()),
        Kind::List(items) => {
            items.iter().map(|item| selection(name, item, context)).collect::<Result<Vec<_>, _>>().map(or)
        }
        Kind::Scalar(scalar) if resolve(scalar) == Typed::Null => Err(empty()),
        Kind::Scalar(scalar) => value::lower(&Chain::keyword(node.at), scalar, node.at, context),
    }
}

/// One field with its values.
fn field(chain: &Chain<'_>, node: &Node<'_>, context: &mut Context<'_>) -> Result<Expr, Fault> {
    let mut values = Vec::new();
    flatten(chain, node, 0, &mut values)?;
    if values.is_empty() {
        return Err(Fault::new(node.at, Why::NoValue(chain.name())));
    }
    remark(chain, node, &values, context);
    let lowered = values.iter().map(|(scalar, at)| value::lower(chain, scalar, *at, context));
    let parts = lowered.collect::<Result<Vec<_>, _>>()?;
    let joined = if chain.all { and(parts) } else { or(flat(parts)) };
    Ok(if chain.neq { Expr::Not(Box::new(joined)) } else { joined })
}

/// All values of a field; lists inside lists (of YAML aliases) are one list.
fn flatten<'n, 'a>(
    chain: &Chain<'_>,
    node: &'n Node<'a>,
    depth: usize,
    values: &mut Vec<(&'n Scalar<'a>, At)>,
) -> Result<(), Fault> {
    match &node.kind {
        Kind::Scalar(scalar) => values.push((scalar, node.at)),
        Kind::Map(_) => return Err(Fault::new(node.at, Why::ValueIsMap(chain.name()))),
        Kind::List(_) if depth > 0 && chain.all => return Err(Fault::new(node.at, Why::NestedAll(chain.name()))),
        Kind::List(items) => {
            for item in items {
                flatten(chain, item, depth + 1, values)?;
            }
        }
    }
    Ok(())
}

/// What the specification asks authors to write otherwise, though its meaning is clear.
fn remark(chain: &Chain<'_>, node: &Node<'_>, values: &[(&Scalar<'_>, At)], context: &mut Context<'_>) {
    use super::modifiers::Step;
    if chain.all && values.len() == 1 {
        context.note(node.at.line, format!("`all` on field `{}` has a single value and changes nothing", chain.name()));
    }
    let has = |step| chain.steps.contains(&step);
    let around = has(Step::Contains) || has(Step::StartsWith) || has(Step::EndsWith);
    if has(Step::Base64Offset) && !around && chain.field.is_some() {
        let text = format!("`base64offset` on field `{}` without `contains` compares the whole value", chain.name());
        context.note(node.at.line, text);
    }
    let is_null = |scalar: &Scalar<'_>| chain.compare == Compare::Text && resolve(scalar) == Typed::Null;
    if values.len() > 1 && values.iter().any(|(scalar, _)| is_null(scalar)) {
        let text =
            format!("`null` on field `{}` stands in a list; the specification wants its own selection", chain.name());
        context.note(node.at.line, text);
    }
}

/// Lifts the variants of one value into the list that it stands in.
fn flat(parts: Vec<Expr>) -> Vec<Expr> {
    if !parts.iter().any(|part| matches!(part, Expr::Or(_))) {
        return parts;
    }
    let lift = |part| match part {
        Expr::Or(inner) => inner,
        other => vec![other],
    };
    parts.into_iter().flat_map(lift).collect()
}

/// AND without a needless level.
pub(crate) fn and(mut parts: Vec<Expr>) -> Expr {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        last => {
            parts.extend(last);
            Expr::And(parts)
        }
    }
}

/// OR without a needless level.
pub(crate) fn or(mut parts: Vec<Expr>) -> Expr {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        last => {
            parts.extend(last);
            Expr::Or(parts)
        }
    }
}
