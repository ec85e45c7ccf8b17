//! ONNX: a graph of operators in protocol buffers. The standard's operators compute; what can harm are operators of other
//! makers, which need a native library or run Python, and tensors that are read from other files.

use crate::scan::judge::proto::{Broken, Fields, Span, Wire};
use crate::scan::judge::{jinja, path};
use crate::scan::kinds::{BROKEN, GRAPH, LIMIT, PATH, found, shown};
use crate::scan::report::{Finding, Report, Weight};
use crate::scan::{Bytes, Format, Inside};

/// ONNX models, and single tensors as their test data are kept.
pub struct Onnx;

/// Graphs within attributes within graphs (`If`, `Loop`, `Scan`).
const DEPTH_MAX: usize = 64;
/// Bytes of a name or a path.
const NAME_MAX: usize = 64 << 10;
/// Fields that are looked at to tell the format.
const SNIFF_FIELDS: usize = 64;

impl Format for Onnx {
    fn name(&self) -> &'static str {
        "ONNX"
    }

    fn claims(&self, bytes: &dyn Bytes) -> bool {
        is_model(bytes)
    }

    fn read(&self, bytes: &dyn Bytes, inside: &Inside<'_>, report: &mut Report) {
        let mut functions = std::collections::HashSet::new();
        for (number, span) in spans(bytes, Span::whole(bytes)) {
            if number == 25 {
                functions.insert((text(bytes, span, 10), text(bytes, span, 1)));
            }
        }
        let mut reader = Reader { bytes, inside, report, functions, told: std::collections::HashSet::new() };
        if let Err(Broken(at)) = reader.model() {
            reader.report.add(Finding {
                offset: at,
                ..found(inside, &BROKEN, Weight::NotProven, "the protocol buffer is broken here; the rest was not read")
            });
        }
    }
}

/// `ModelProto`: every top field known and of its type, a graph or a function, and a version or an operator set.
fn is_model(bytes: &dyn Bytes) -> bool {
    let (mut graph, mut version, mut nodes) = (false, false, false);
    for field in Fields::new(bytes, Span::whole(bytes)).take(SNIFF_FIELDS) {
        match field {
            Ok((1, Wire::Varint(ir))) => version |= (1..=1_000).contains(&ir),
            Ok((5, Wire::Varint(_)) | (2..=4 | 6 | 14 | 20 | 25 | 26, Wire::Span(_))) => {}
            Ok((7, Wire::Span(span))) => {
                graph = true;
                nodes |= Fields::new(bytes, span)
                    .take(4)
                    .all(|field| matches!(field, Ok((1 | 2 | 5 | 10..=16, Wire::Span(_)))));
            }
            Ok((8, Wire::Span(span))) => {
                version |=
                    Fields::new(bytes, span).all(|field| matches!(field, Ok((1, Wire::Span(_)) | (2, Wire::Varint(_)))))
            }
            // A model that is broken later is still a model.
            Err(_) if graph && version => break,
            _ => return false,
        }
    }
    graph && version && nodes
}

fn spans(bytes: &dyn Bytes, span: Span) -> impl Iterator<Item = (u64, Span)> + '_ {
    Fields::new(bytes, span).filter_map(|field| match field {
        Ok((number, Wire::Span(span))) => Some((number, span)),
        _ => None,
    })
}

fn text(bytes: &dyn Bytes, span: Span, number: u64) -> String {
    spans(bytes, span)
        .filter(|(field, _)| *field == number)
        .last()
        .and_then(|(_, span)| span.text(bytes, NAME_MAX))
        .unwrap_or_default()
}

struct Reader<'a, 'b> {
    bytes: &'a dyn Bytes,
    inside: &'a Inside<'b>,
    report: &'a mut Report,
    /// Functions that the model itself defines: domain and name.
    functions: std::collections::HashSet<(String, String)>,
    /// What was said once of an operator or a path.
    told: std::collections::HashSet<String>,
}

impl Reader<'_, '_> {
    fn say(
        &mut self,
        at: u64,
        kind: &'static crate::scan::Kind,
        weight: Weight,
        advisories: &'static [&'static str],
        words: String,
    ) {
        if self.told.insert(words.clone()) {
            self.report.add(Finding { offset: at, advisories, ..found(self.inside, kind, weight, words) });
        }
    }

    fn model(&mut self) -> Result<(), Broken> {
        for field in Fields::new(self.bytes, Span::whole(self.bytes)) {
            let (number, wire) = field?;
            match (number, wire) {
                (7, Wire::Span(span)) => self.graph(span, 0)?,
                (20, Wire::Span(span)) => {
                    for field in Fields::new(self.bytes, span) {
                        if let (1 | 2, Wire::Span(graph)) = field? {
                            self.graph(graph, 0)?;
                        }
                    }
                }
                (25, Wire::Span(span)) => self.function(span)?,
                (14, Wire::Span(span)) => self.metadata(span)?,
                (1..=6 | 8 | 26, _) => {}
                (number, _) => {
                    let words = format!("the model has a field {number} that ONNX does not have");
                    self.say(0, &BROKEN, Weight::NotProven, &[], words);
                }
            }
        }
        Ok(())
    }

    fn metadata(&mut self, span: Span) -> Result<(), Broken> {
        let value = text(self.bytes, span, 2);
        if jinja::is_template(&value) {
            crate::scan::judge::config::template(&text(self.bytes, span, 1), &value, self.inside, self.report);
        }
        Fields::new(self.bytes, span).try_for_each(|field| field.map(drop))
    }

    fn function(&mut self, span: Span) -> Result<(), Broken> {
        for field in Fields::new(self.bytes, span) {
            match field? {
                (7, Wire::Span(node)) => self.node(node, 1)?,
                (11, Wire::Span(attribute)) => self.attribute(attribute, 1)?,
                _ => {}
            }
        }
        Ok(())
    }

    // Recursion is bounded by `DEPTH_MAX`.
    fn graph(&mut self, span: Span, depth: usize) -> Result<(), Broken> {
        if depth > DEPTH_MAX {
            self.say(
                span.start,
                &LIMIT,
                Weight::NotProven,
                &[],
                "graphs lie too deep in each other (DEPTH_MAX)".to_owned(),
            );
            return Ok(());
        }
        for field in Fields::new(self.bytes, span) {
            match field? {
                (1, Wire::Span(node)) => self.node(node, depth)?,
                (5, Wire::Span(tensor)) => self.tensor(tensor)?,
                (15, Wire::Span(sparse)) => {
                    for field in Fields::new(self.bytes, sparse) {
                        if let (1 | 2, Wire::Span(tensor)) = field? {
                            self.tensor(tensor)?;
                        }
                    }
                }
                (16, Wire::Span(span)) => self.metadata(span)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn node(&mut self, span: Span, depth: usize) -> Result<(), Broken> {
        if let Err(spent) = self.inside.budget.steps(1) {
            self.say(span.start, &LIMIT, Weight::NotProven, &[], spent.to_string());
            return Ok(());
        }
        let (mut op, mut domain) = (String::new(), String::new());
        for field in Fields::new(self.bytes, span) {
            match field? {
                (4, Wire::Span(name)) => op = name.text(self.bytes, NAME_MAX).unwrap_or_default(),
                (7, Wire::Span(name)) => domain = name.text(self.bytes, NAME_MAX).unwrap_or_default(),
                (5, Wire::Span(attribute)) => self.attribute(attribute, depth)?,
                _ => {}
            }
        }
        let name = format!("{}{}{}", shown(&domain), if domain.is_empty() { "" } else { "." }, shown(&op));
        let python = matches!(
            op.as_str(),
            "PyOp" | "PyCustomOp" | "PythonOp" | "PythonOpGrad" | "PyFunc" | "PythonFunction" | "Python"
        );
        if python || op.starts_with("PyOp") || domain.contains("pyop") {
            let words = format!("the graph runs Python through the operator `{name}`");
            self.say(span.start, &GRAPH, Weight::Malicious, &[], words);
        } else if !ordinary(&domain) && !self.functions.contains(&(domain.clone(), op.clone())) {
            let words = format!("the operator `{name}` needs a native library that comes with the model");
            self.say(span.start, &GRAPH, Weight::NotProven, &[], words);
        }
        Ok(())
    }

    fn attribute(&mut self, span: Span, depth: usize) -> Result<(), Broken> {
        for field in Fields::new(self.bytes, span) {
            match field? {
                (5 | 10, Wire::Span(tensor)) => self.tensor(tensor)?,
                (6 | 11, Wire::Span(graph)) => self.graph(graph, depth + 1)?,
                (22 | 23, Wire::Span(sparse)) => {
                    for field in Fields::new(self.bytes, sparse) {
                        if let (1 | 2, Wire::Span(tensor)) = field? {
                            self.tensor(tensor)?;
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn tensor(&mut self, span: Span) -> Result<(), Broken> {
        for field in Fields::new(self.bytes, span) {
            let (13, Wire::Span(entry)) = field? else { continue };
            let (key, value) = (text(self.bytes, entry, 1), text(self.bytes, entry, 2));
            match key.as_str() {
                "location" => {
                    if let Some(why) =
                        path::escapes(&value).or(path::remote(&value).then_some("it is on another machine"))
                    {
                        let words = format!("a tensor is read from `{}`: {why}", shown(&value));
                        self.say(entry.start, &PATH, Weight::Malicious, &["CVE-2024-27318", "CVE-2022-25882"], words);
                    } else if value.starts_with("*/") {
                        // ONNX Runtime's own words for bytes in memory: an address.
                        self.say(
                            entry.start,
                            &PATH,
                            Weight::Malicious,
                            &[],
                            format!("a tensor is read from memory at a given address (`{}`)", shown(&value)),
                        );
                    } else {
                        self.say(
                            entry.start,
                            &PATH,
                            Weight::Note,
                            &[],
                            format!("tensors lie in another file: `{}`", shown(&value)),
                        );
                    }
                }
                "offset" | "length" if value.parse::<u64>().is_err() => {
                    self.say(
                        entry.start,
                        &PATH,
                        Weight::NotProven,
                        &[],
                        format!("the {key} of a tensor in another file is `{}`", shown(&value)),
                    );
                }
                "offset" | "length" | "checksum" | "basepath" | "prepacked" => {}
                _ => self.say(
                    entry.start,
                    &PATH,
                    Weight::NotProven,
                    &[],
                    format!("a tensor in another file has the unknown key `{}`", shown(&key)),
                ),
            }
        }
        Ok(())
    }
}

/// Domains whose operators the runtimes bring themselves.
fn ordinary(domain: &str) -> bool {
    matches!(
        domain,
        "" | "ai.onnx"
            | "ai.onnx.ml"
            | "ai.onnx.training"
            | "ai.onnx.preview"
            | "ai.onnx.preview.training"
            | "com.microsoft"
            | "com.microsoft.nchwc"
            | "com.microsoft.experimental"
            | "com.ms.internal.nhwc"
            | "org.pytorch.aten"
    )
}

/// A single tensor (`TensorProto`), as inputs and outputs of tests are kept. Numbers only.
pub struct Tensor;

impl Format for Tensor {
    fn name(&self) -> &'static str {
        "ONNX tensor"
    }

    fn claims(&self, bytes: &dyn Bytes) -> bool {
        let (mut kind, mut data) = (false, false);
        for field in Fields::new(bytes, Span::whole(bytes)) {
            match field {
                Ok((1, Wire::Varint(_)) | (8 | 12, Wire::Span(_))) => {}
                Ok((1, Wire::Span(dims))) if dims.len <= 64 => {}
                Ok((2, Wire::Varint(number))) => kind = (1..=32).contains(&number),
                Ok((4..=7 | 9..=11, Wire::Span(_) | Wire::Fixed(_) | Wire::Varint(_))) => data = true,
                _ => return false,
            }
        }
        kind && (data || bytes.len() < 256)
    }

    fn read(&self, _: &dyn Bytes, _: &Inside<'_>, _: &mut Report) {}
}
