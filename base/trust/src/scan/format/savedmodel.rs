//! TensorFlow: SavedModel, MetaGraph and frozen graphs, and the metadata that Keras keeps beside them. A graph is a list of
//! operators that run when the model does; most compute, some read and write files or call back into Python.

use crate::scan::judge::proto::{Broken, Fields, Span, Wire};
use crate::scan::judge::tensorflow::{Op, judge};
use crate::scan::judge::{json, keras, path};
use crate::scan::kinds::{BROKEN, CONFIG_CALLS, GRAPH, LIMIT, PATH, found, shown};
use crate::scan::report::{Finding, Report, Weight};
use crate::scan::{Bytes, Format, Inside};

/// What a file of TensorFlow's protocol buffers holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SavedModel {
    /// `saved_model.pb`.
    Model,
    /// A `.meta` file.
    MetaGraph,
    /// A frozen graph.
    Graph,
    /// `keras_metadata.pb`.
    Keras,
}

/// Fields that are looked at to tell the format.
const SNIFF_FIELDS: usize = 32;
/// Bytes of a name.
const NAME_MAX: usize = 4 << 10;
/// Bytes of the description of one object of a Keras model.
const METADATA_MAX: usize = 64 << 20;

impl Format for SavedModel {
    fn name(&self) -> &'static str {
        match self {
            Self::Model => "TensorFlow SavedModel",
            Self::MetaGraph => "TensorFlow MetaGraph",
            Self::Graph => "TensorFlow graph",
            Self::Keras => "Keras metadata",
        }
    }

    fn claims(&self, bytes: &dyn Bytes) -> bool {
        let whole = Span::whole(bytes);
        match self {
            Self::Model => {
                let mut meta = false;
                Fields::new(bytes, whole).take(SNIFF_FIELDS).all(|field| match field {
                    Ok((1, Wire::Varint(version))) => version <= 8,
                    Ok((2, Wire::Span(span))) => {
                        meta = true;
                        is_meta(bytes, span)
                    }
                    _ => false,
                }) && meta
            }
            Self::MetaGraph => is_meta(bytes, whole),
            Self::Graph => is_graph(bytes, whole),
            Self::Keras => {
                let mut any = false;
                Fields::new(bytes, whole).take(SNIFF_FIELDS).all(|field| match field {
                    Ok((1, Wire::Span(span))) => {
                        let mut texts = 0;
                        let fits = Fields::new(bytes, span).all(|field| match field {
                            Ok((1 | 6 | 7, Wire::Span(_)) | (2, Wire::Varint(_))) => true,
                            Ok((3..=5, Wire::Span(_))) => {
                                texts += 1;
                                true
                            }
                            _ => false,
                        });
                        any |= texts >= 2;
                        fits
                    }
                    _ => false,
                }) && any
            }
        }
    }

    fn read(&self, bytes: &dyn Bytes, inside: &Inside<'_>, report: &mut Report) {
        let mut reader = Reader {
            bytes,
            inside,
            report,
            told: std::collections::HashSet::new(),
            functions: std::collections::HashSet::new(),
            computing: std::collections::HashSet::new(),
        };
        let whole = Span::whole(bytes);
        let read = match self {
            Self::Model => {
                reader.each(whole, |reader, number, span| if number == 2 { reader.meta(span) } else { Ok(()) })
            }
            Self::MetaGraph => reader.meta(whole),
            Self::Graph => reader.graph(whole),
            Self::Keras => reader.each(whole, |reader, _, span| reader.object(span)),
        };
        if let Err(Broken(at)) = read {
            report.add(Finding {
                offset: at,
                ..found(inside, &BROKEN, Weight::NotProven, "the protocol buffer is broken here; the rest was not read")
            });
        }
    }
}

/// `MetaGraphDef`: known fields of their types, with a graph.
fn is_meta(bytes: &dyn Bytes, span: Span) -> bool {
    let mut graph = false;
    Fields::new(bytes, span).take(SNIFF_FIELDS).all(|field| match field {
        Ok((2, Wire::Span(span))) => {
            graph = span.len == 0 || is_graph(bytes, span);
            graph
        }
        Ok((1 | 3..=7, Wire::Span(_))) => true,
        _ => false,
    }) && graph
}

/// `GraphDef`: nodes that have a name and an operator.
fn is_graph(bytes: &dyn Bytes, span: Span) -> bool {
    let mut any = false;
    Fields::new(bytes, span).take(SNIFF_FIELDS).all(|field| match field {
        Ok((1, Wire::Span(node))) => {
            any = true;
            let mut named = false;
            Fields::new(bytes, node).take(SNIFF_FIELDS).all(|field| match field {
                Ok((1, Wire::Span(_)) | (3..=9, Wire::Span(_))) => true,
                Ok((2, Wire::Span(op))) => {
                    named = op.text(bytes, NAME_MAX).is_some_and(|op| {
                        !op.is_empty() && op.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_>.".contains(&byte))
                    });
                    named
                }
                _ => false,
            }) && named
        }
        Ok((2 | 4 | 5, Wire::Span(_)) | (3, Wire::Varint(_))) => true,
        _ => false,
    }) && any
}

struct Reader<'a, 'b> {
    bytes: &'a dyn Bytes,
    inside: &'a Inside<'b>,
    report: &'a mut Report,
    told: std::collections::HashSet<String>,
    /// Functions of the graph's own library: they are called like operators and their nodes are judged themselves.
    functions: std::collections::HashSet<String>,
    /// Operators that were judged to compute: a graph has a hundred of them and a million nodes.
    computing: std::collections::HashSet<String>,
}

impl Reader<'_, '_> {
    fn say(&mut self, at: u64, kind: &'static crate::scan::Kind, weight: Weight, words: String) {
        if self.told.insert(words.clone()) {
            self.report.add(Finding { offset: at, ..found(self.inside, kind, weight, words) });
        }
    }

    fn each(
        &mut self,
        span: Span,
        mut one: impl FnMut(&mut Self, u64, Span) -> Result<(), Broken>,
    ) -> Result<(), Broken> {
        for field in Fields::new(self.bytes, span) {
            if let (number, Wire::Span(inner)) = field? {
                one(self, number, inner)?;
            }
        }
        Ok(())
    }

    fn meta(&mut self, span: Span) -> Result<(), Broken> {
        self.each(span, |reader, number, span| match number {
            2 => reader.graph(span),
            // Files of the model itself.
            6 => reader.each(span, |reader, number, span| {
                if number == 2
                    && let Some(name) = span.text(reader.bytes, NAME_MAX)
                    && let Some(why) = path::escapes(&name)
                {
                    reader.say(
                        span.start,
                        &PATH,
                        Weight::Malicious,
                        format!("the model reads `{}`: {why}", shown(&name)),
                    );
                }
                Ok(())
            }),
            _ => Ok(()),
        })
    }

    fn graph(&mut self, span: Span) -> Result<(), Broken> {
        // The library stands after the nodes: names first.
        self.each(span, |reader, number, library| match number {
            2 => reader.each(library, |reader, number, function| match number {
                1 => reader.each(function, |reader, number, signature| match number {
                    1 => reader.each(signature, |reader, number, name| {
                        if number == 1
                            && let Some(name) = name.text(reader.bytes, NAME_MAX)
                        {
                            reader.functions.insert(name);
                        }
                        Ok(())
                    }),
                    _ => Ok(()),
                }),
                _ => Ok(()),
            }),
            _ => Ok(()),
        })?;
        self.each(span, |reader, number, span| match number {
            1 => reader.node(span),
            // The library: functions, each with nodes.
            2 => reader.each(span, |reader, number, span| match number {
                1 => reader.each(span, |reader, number, span| if number == 3 { reader.node(span) } else { Ok(()) }),
                _ => Ok(()),
            }),
            _ => Ok(()),
        })
    }

    fn node(&mut self, span: Span) -> Result<(), Broken> {
        if let Err(spent) = self.inside.budget.steps(1) {
            self.say(span.start, &LIMIT, Weight::NotProven, spent.to_string());
            return Ok(());
        }
        let mut op = String::new();
        let mut file = None;
        for field in Fields::new(self.bytes, span) {
            match field? {
                (2, Wire::Span(name)) => op = name.text(self.bytes, NAME_MAX).unwrap_or_default(),
                (5, Wire::Span(attribute)) => file = file.or(self.stream(attribute)),
                _ => {}
            }
        }
        if let Some(place) = file {
            self.say(
                span.start,
                &GRAPH,
                Weight::Malicious,
                format!("the graph writes to `{}` through `{}`", shown(&place), shown(&op)),
            );
        }
        if self.computing.contains(&op) {
            return Ok(());
        }
        match judge(&op) {
            Op::Computes => drop(self.computing.insert(op)),
            Op::Acts(what) => self.say(
                span.start,
                &GRAPH,
                Weight::Malicious,
                format!("the graph {what} through the operator `{}`", shown(&op)),
            ),
            Op::Reads => self.say(
                span.start,
                &GRAPH,
                Weight::NotProven,
                format!("the graph reads files through the operator `{}`", shown(&op)),
            ),
            Op::Unknown if self.functions.contains(&op) => {}
            Op::Unknown => self.say(
                span.start,
                &GRAPH,
                Weight::NotProven,
                format!("the operator `{}` is not known to compute only", shown(&op)),
            ),
        }
        Ok(())
    }

    /// `output_stream` of PrintV2 and `debug_urls` of the debug operators may name a file or a machine.
    fn stream(&self, attribute: Span) -> Option<String> {
        let mut name = String::new();
        let mut value = None;
        for field in Fields::new(self.bytes, attribute) {
            match field {
                Ok((1, Wire::Span(span))) => name = span.text(self.bytes, NAME_MAX)?,
                Ok((2, Wire::Span(span))) => value = Some(span),
                _ => {}
            }
        }
        if !matches!(name.as_str(), "output_stream" | "debug_urls") {
            return None;
        }
        let text = String::from_utf8_lossy(&value?.bytes(self.bytes, NAME_MAX)?).into_owned();
        text.contains("://").then(|| text.chars().filter(|c| !c.is_control()).collect())
    }

    /// One object of a Keras model: its configuration is JSON.
    fn object(&mut self, span: Span) -> Result<(), Broken> {
        self.each(span, |reader, number, span| {
            if number != 5 {
                return Ok(());
            }
            let Some(text) = span.bytes(reader.bytes, METADATA_MAX) else {
                reader.say(
                    span.start,
                    &LIMIT,
                    Weight::NotProven,
                    "the description of an object is longer than METADATA_MAX".to_owned(),
                );
                return Ok(());
            };
            match json::parse(&text) {
                Ok(value) => keras::judge(&value, keras::Place::Metadata, reader.inside, reader.report),
                Err(error) if !text.is_empty() => {
                    reader.say(
                        span.start,
                        &CONFIG_CALLS,
                        Weight::NotProven,
                        format!("the description of an object is not JSON: {}", error.why),
                    );
                }
                Err(_) => {}
            }
            Ok(())
        })
    }
}

/// A graph as text (`saved_model.pbtxt`): operators by their names.
pub(crate) fn text(text: &str, inside: &Inside<'_>, report: &mut Report) {
    let mut told = std::collections::HashSet::new();
    for at in memchr::memmem::find_iter(text.as_bytes(), b"op:") {
        let op = text
            .get(at + 3..)
            .and_then(|rest| rest.trim_start().strip_prefix('"'))
            .and_then(|rest| rest.split('"').next());
        let Some(op) = op.filter(|op| told.insert(*op)) else { continue };
        if let Op::Acts(what) = judge(op) {
            let words = format!("the graph {what} through the operator `{}`", shown(op));
            report.add(Finding { offset: at as u64, ..found(inside, &GRAPH, Weight::Malicious, words) });
        }
    }
    if !told.is_empty() {
        report.add(found(
            inside,
            &GRAPH,
            Weight::NotProven,
            "a graph as text, of which only the operators' names were read",
        ));
    }
}
