//! One document → a rule, a filter, or something that is neither.

use shieldwall_schema::mapping::Logsource;

use super::super::ir::{Level, Rule};
use super::correlation::{self, Draft};
use super::detection::{self, Detection};
use super::documents::Source;
use super::fault::{At, Fault, Why};
use super::filter::{Filter, Targets};
use super::value::{Context, shorten};
use super::yaml::{Kind, Map, Node, get};

/// What a document turned out to be.
#[derive(Debug)]
pub(crate) enum Lowered {
    Rule(Box<Named>),
    Correlation(Box<Draft>),
    Filter(Box<Filter>),
    /// Recognised, not run: why.
    Skipped(&'static str),
}

/// A rule and its `name`, by which filters and correlations may call it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Named {
    pub rule: Rule,
    pub name: String,
    /// Whether it is a correlation, which no record matches by itself.
    pub correlates: bool,
}

/// `id` and `title` for remarks, as far as they can be read.
pub(crate) fn headline(root: &Node<'_>) -> (Option<String>, Option<String>) {
    let text = |key| root.as_map().and_then(|map| get(map, key)).and_then(Node::as_scalar).map(|s| shorten(&s.text));
    (text("id"), text("title"))
}

/// Understands a document.
pub(crate) fn lower(source: &Source<'_>, context: &mut Context<'_>) -> Result<Lowered, Fault> {
    let Some(map) = source.root.as_map() else {
        return Ok(Lowered::Skipped("not a Sigma rule: the document is not a map"));
    };
    if let Some(node) = get(map, "correlation") {
        let named = Named { correlates: true, ..metadata(source, map, context)? };
        return correlation::lower(map, node, named, context).map(|draft| Lowered::Correlation(Box::new(draft)));
    }
    if let Some(node) = get(map, "filter") {
        return filter(source, map, node, context).map(|filter| Lowered::Filter(Box::new(filter)));
    }
    if get(map, "detection").is_none() && get(map, "logsource").is_none() {
        return Ok(Lowered::Skipped("not a Sigma rule: no `detection`, `correlation` or `filter`"));
    }
    rule(source, map, context).map(|rule| Lowered::Rule(Box::new(rule)))
}

fn rule(source: &Source<'_>, map: &Map<'_>, context: &mut Context<'_>) -> Result<Named, Fault> {
    let root = source.root.at;
    required_text(map, "title", root)?;
    let logsource = logsource(map, root)?;
    let (detection, _) = section(map, "detection", root)?;
    let Detection { selections, condition, expr, .. } = {
        let (section, at) = (detection, get(map, "detection").map_or(root, |node| node.at));
        detection::lower(section, at, &[], context)?
    };
    let mut named = metadata(source, map, context)?;
    named.rule = Rule { logsource, selections, condition, expr, ..named.rule };
    Ok(named)
}

/// What is said about a rule: all but what it looks for.
fn metadata(source: &Source<'_>, map: &Map<'_>, context: &mut Context<'_>) -> Result<Named, Fault> {
    let title = required_text(map, "title", source.root.at)?;
    let taxonomy = text(map, "taxonomy")?;
    if !taxonomy.is_empty() && taxonomy != "sigma" {
        let line = get(map, "taxonomy").map_or(source.root.at.line, |node| node.at.line);
        context.note(line, format!("taxonomy `{}`: field names are taken as they stand", shorten(&taxonomy)));
    }
    let id = match text(map, "id")? {
        id if id.is_empty() => uuid_of(&source.hash),
        id => id,
    };
    let rule = Rule {
        id,
        title,
        description: text(map, "description")?.trim_end().to_owned(),
        status: text(map, "status")?,
        level: level(map)?,
        author: text(map, "author")?,
        license: text(map, "license")?,
        tags: texts(map, "tags")?,
        references: texts(map, "references")?,
        false_positives: texts(map, "falsepositives")?,
        fields: texts(map, "fields")?,
        version: later(text(map, "date")?, text(map, "modified")?),
        line: source.line,
        hash: source.hash.clone(),
        ..Rule::default()
    };
    Ok(Named { rule, name: text(map, "name")?, correlates: false })
}

fn filter(source: &Source<'_>, map: &Map<'_>, node: &Node<'_>, context: &mut Context<'_>) -> Result<Filter, Fault> {
    let root = source.root.at;
    let (section, at) = section(map, "filter", root)?;
    let targets = match get(section, "rules") {
        None => return Err(Fault::new(at, Why::FilterWithoutRules)),
        Some(rules) => match &rules.kind {
            Kind::Scalar(scalar) if scalar.text.eq_ignore_ascii_case("any") => Targets::Any,
            _ => Targets::Named(list(rules, "rules")?),
        },
    };
    if matches!(&targets, Targets::Named(names) if names.is_empty()) {
        return Err(Fault::new(at, Why::FilterWithoutRules));
    }
    Ok(Filter {
        title: required_text(map, "title", root)?,
        id: text(map, "id")?,
        hash: source.hash.clone(),
        line: source.line,
        logsource: logsource(map, root)?,
        targets,
        detection: detection::lower(section, node.at, &["rules"], context)?,
        ..Filter::default()
    })
}

/// A section that is a map.
fn section<'m, 'a>(map: &'m Map<'a>, key: &'static str, root: At) -> Result<(&'m Map<'a>, At), Fault> {
    let node = get(map, key).ok_or(Fault::new(root, Why::Missing(key)))?;
    let shape = || Fault::new(node.at, Why::WrongShape { key: key.to_owned(), want: "a map" });
    Ok((node.as_map().ok_or_else(shape)?, node.at))
}

/// `category`, `product` and `service` in lower case; at least one. Other keys are for people.
fn logsource(map: &Map<'_>, root: At) -> Result<Logsource, Fault> {
    let (section, at) = section(map, "logsource", root)?;
    let part = |key| text(section, key).map(|text| text.trim().to_lowercase());
    let logsource = Logsource { product: part("product")?, category: part("category")?, service: part("service")? };
    if logsource == Logsource::default() {
        return Err(Fault::new(at, Why::LogsourceEmpty));
    }
    Ok(logsource)
}

fn level(map: &Map<'_>) -> Result<Level, Fault> {
    let Some(node) = get(map, "level") else { return Ok(Level::default()) };
    let text = text(map, "level")?;
    Ok(match text.to_ascii_lowercase().as_str() {
        "" | "informational" => Level::Informational,
        "low" => Level::Low,
        "medium" => Level::Medium,
        "high" => Level::High,
        "critical" => Level::Critical,
        _ => return Err(Fault::new(node.at, Why::UnknownLevel(shorten(&text)))),
    })
}

fn required_text(map: &Map<'_>, key: &'static str, root: At) -> Result<String, Fault> {
    let text = text(map, key)?;
    if text.is_empty() { Err(Fault::new(root, Why::Missing(key))) } else { Ok(text) }
}

/// A text as written; empty if it is not there. A list, which some packs use for authors, is joined by commas.
pub(crate) fn text(map: &Map<'_>, key: &str) -> Result<String, Fault> {
    let Some(node) = get(map, key) else { return Ok(String::new()) };
    match &node.kind {
        Kind::Scalar(_) if node.is_blank() => Ok(String::new()),
        Kind::Scalar(scalar) => Ok(scalar.text.to_string()),
        _ => match list(node, key) {
            Ok(parts) => Ok(parts.join(", ")),
            Err(_) => Err(Fault::new(node.at, Why::WrongShape { key: key.to_owned(), want: "text" })),
        },
    }
}

/// A list of texts; a single text is a list of one.
fn texts(map: &Map<'_>, key: &str) -> Result<Vec<String>, Fault> {
    get(map, key).map_or(Ok(Vec::new()), |node| list(node, key))
}

pub(crate) fn list(node: &Node<'_>, key: &str) -> Result<Vec<String>, Fault> {
    let shape = |at| Fault::new(at, Why::WrongShape { key: key.to_owned(), want: "a list of texts" });
    match &node.kind {
        Kind::Scalar(_) if node.is_blank() => Ok(Vec::new()),
        Kind::Scalar(scalar) => Ok(vec![scalar.text.to_string()]),
        Kind::List(items) => {
            let item = |item: &Node<'_>| item.as_scalar().map(|s| s.text.to_string()).ok_or_else(|| shape(item.at));
            items.iter().map(item).collect()
        }
        Kind::Map(_) => Err(shape(node.at)),
    }
}

/// The later of two dates, `2024-01-31` or `2024/01/31`.
fn later(date: String, modified: String) -> String {
    if modified.replace('/', "-") >= date.replace('/', "-") { modified } else { date }
}

/// An id for a rule that has none: the first 16 bytes of its hash as a UUID of version 8 (RFC 9562, section 5.8: "custom").
fn uuid_of(hash: &str) -> String {
    let part = |from: usize, to: usize| hash.get(from..to).unwrap_or_default();
    format!("{}-{}-8{}-a{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}
