//! One written value of a field → an [`Expr`] of atoms: where modifiers take effect.
//!
//! Base64 text is compared without regard to case like any other text, as the other engines do; it may so match a little
//! too much, never too little. `|cased` makes it exact.

use std::net::IpAddr;

use ipnet::IpNet;
use regex::RegexBuilder;

use super::super::ir::{Atom, Expr, Number, Order, Part, Pattern, Test, TimePart};
use super::encode::{Encoding, base64, base64_offsets};
use super::fault::{At, Fault, Why};
use super::limits::{
    ATOMS_MAX, REGEX_BYTES_MAX, REGEX_PROGRAM_BYTES_MAX, VALUE_BYTES_MAX, VARIANT_BYTES_MAX, VARIANTS_MAX,
};
use super::lists::Lists;
use super::modifiers::{Chain, Compare, Step};
use super::scalar::{Typed, resolve};
use super::text::{Piece, SigmaText};
use super::variants::{Placed, Variants, placeholders, product, windash};
use super::yaml::Scalar;

/// What values share while a rule is read.
pub(crate) struct Context<'l> {
    pub lists: &'l Lists,
    /// Remarks about the rule: line and text.
    pub notes: Vec<(u32, String)>,
    /// What the comparisons so far weigh ([`weight`]).
    pub weight: usize,
}

impl<'l> Context<'l> {
    pub(crate) fn new(lists: &'l Lists) -> Self {
        Self { lists, notes: Vec::new(), weight: 0 }
    }

    /// Adds a remark once.
    pub(crate) fn note(&mut self, line: u32, text: String) {
        if !self.notes.iter().any(|(_, have)| *have == text) {
            self.notes.push((line, text));
        }
    }
}

/// Reads one value.
pub(crate) fn lower(chain: &Chain<'_>, scalar: &Scalar<'_>, at: At, context: &mut Context<'_>) -> Result<Expr, Fault> {
    let value = Value { chain, scalar, at };
    if scalar.text.len() > VALUE_BYTES_MAX {
        return Err(value.too_large(scalar.text.len(), VALUE_BYTES_MAX));
    }
    let tests = match chain.compare {
        Compare::Text => value.text(context)?,
        Compare::Regex { insensitive, multi_line, dot_all } => {
            let flags: String =
                [('i', insensitive), ('m', multi_line), ('s', dot_all)].iter().filter(|f| f.1).map(|f| f.0).collect();
            vec![Test::Regex(value.regex(&flags)?)]
        }
        Compare::Cidr => value.cidr(context)?,
        Compare::Number(order) => vec![Test::Compare(order, value.number(order)?)],
        Compare::Exists => vec![Test::Exists(value.truth()?)],
        Compare::FieldRef(how) => {
            let Typed::Text(field) = resolve(scalar) else { return Err(value.wrong("fieldref", "a field's name")) };
            vec![Test::FieldRef { field: field.into(), how, cased: chain.cased }]
        }
        Compare::Time(part, order) => value.time(part, order)?,
    };
    context.weight = context.weight.saturating_add(tests.iter().map(weight).sum());
    if context.weight > ATOMS_MAX {
        return Err(value.fault(Why::TooManyAtoms));
    }
    let atom = |test| Expr::Atom(Atom { field: chain.field.map(Into::into), test });
    let mut atoms: Vec<Expr> = tests.into_iter().map(atom).collect();
    Ok(match atoms.pop() {
        Some(only) if atoms.is_empty() => only,
        Some(last) => {
            atoms.push(last);
            Expr::Or(atoms)
        }
        None => Expr::Or(Vec::new()),
    })
}

/// A comparison counts once, and once more for every 256 bytes of its text, so that the limit on comparisons bounds
/// memory too.
fn weight(test: &Test) -> usize {
    let text = |part: &Part| if let Part::Text(text) = part { text.len() } else { 0 };
    let bytes = match test {
        Test::Text { pattern: Pattern::Glob(parts), .. } => parts.iter().map(text).sum(),
        Test::Text { pattern: Pattern::Any, .. } => 0,
        Test::Text {
            pattern: Pattern::Exact(text) | Pattern::Prefix(text) | Pattern::Suffix(text) | Pattern::Contains(text),
            ..
        } => text.len(),
        Test::Regex(text) | Test::Cidr(text) => text.len(),
        Test::FieldRef { field, .. } => field.len(),
        Test::Compare(..) | Test::Null | Test::Exists(_) | Test::TimePart(..) => 0,
    };
    1 + bytes / 256
}

/// A value on its way.
struct Value<'v> {
    chain: &'v Chain<'v>,
    scalar: &'v Scalar<'v>,
    at: At,
}

impl Value<'_> {
    fn fault(&self, why: Why) -> Fault {
        Fault::new(self.at, why)
    }

    fn wrong(&self, modifier: &str, want: &'static str) -> Fault {
        let (modifier, field, found) = (modifier.to_owned(), self.chain.name(), shorten(&self.scalar.text));
        self.fault(Why::WrongValue { modifier, field, want, found })
    }

    fn too_large(&self, bytes: usize, max: usize) -> Fault {
        self.fault(Why::ValueTooLarge { field: self.chain.name(), bytes, max })
    }

    /// Text, numbers, booleans and null.
    fn text(&self, context: &mut Context<'_>) -> Result<Vec<Test>, Fault> {
        let text = match resolve(self.scalar) {
            Typed::Null if self.chain.field.is_none() => return Err(self.fault(Why::NeedsField("null".to_owned()))),
            Typed::Null if self.chain.steps.is_empty() => return Ok(vec![Test::Null]),
            Typed::Null => return Err(self.fault(Why::NullModified(self.chain.name()))),
            Typed::Bool(value) => SigmaText::literal(if value { "true" } else { "false" }),
            Typed::Number(text) => SigmaText::literal(&text),
            Typed::Text(text) => SigmaText::parse(text),
        };
        let mut variants = Variants { texts: vec![text], encoding: Encoding::Utf8 };
        for step in &self.chain.steps {
            self.step(*step, &mut variants, context)?;
        }
        self.finish_text(variants)
    }

    fn step(&self, step: Step, variants: &mut Variants, context: &mut Context<'_>) -> Result<(), Fault> {
        match step {
            Step::Contains | Step::StartsWith | Step::EndsWith => {
                for text in &mut variants.texts {
                    if step != Step::StartsWith {
                        text.any_before();
                    }
                    if step != Step::EndsWith {
                        text.any_after();
                    }
                }
            }
            Step::Encode(encoding) if variants.encoding == Encoding::Utf8 => variants.encoding = encoding,
            Step::Encode(_) => {
                return Err(self.fault(Why::Combination {
                    modifier: "utf16".to_owned(),
                    other: "wide".to_owned(),
                    field: self.chain.name(),
                }));
            }
            Step::Base64 | Step::Base64Offset => self.base64(step, variants)?,
            Step::Windash => self.multiply(variants, windash)?,
            Step::Expand => self.expand(variants, context)?,
        }
        Ok(())
    }

    fn base64(&self, step: Step, variants: &mut Variants) -> Result<(), Fault> {
        let encoding = std::mem::take(&mut variants.encoding);
        let mut encoded = Vec::new();
        for text in &variants.texts {
            let Some(plain) = text.plain() else {
                let modifier = if step == Step::Base64 { "base64" } else { "base64offset" };
                let (modifier, field) = (modifier.to_owned(), self.chain.name());
                return Err(self.fault(Why::Wildcard { modifier, field }));
            };
            let bytes = encoding.bytes(plain);
            if step == Step::Base64 {
                encoded.push(SigmaText::literal(&base64(&bytes)));
                continue;
            }
            let Some(offsets) = base64_offsets(&bytes) else {
                return Err(self.fault(Why::TooShort { field: self.chain.name(), value: shorten(plain) }));
            };
            encoded.extend(offsets.iter().map(|offset| SigmaText::literal(offset)));
        }
        variants.texts = encoded;
        self.check_count(variants)
    }

    /// Replaces each text by its variants.
    fn multiply(
        &self,
        variants: &mut Variants,
        each: impl Fn(&SigmaText) -> Option<Vec<SigmaText>>,
    ) -> Result<(), Fault> {
        let mut out = Vec::new();
        for text in &variants.texts {
            match each(text) {
                Some(more) => out.extend(more),
                None => return Err(self.fault(Why::TooManyVariants { field: self.chain.name() })),
            }
        }
        variants.texts = out;
        self.check_count(variants)
    }

    /// Puts the user's lists in place of `%name%`. A list that is not there leaves no value, which never matches, and a
    /// note: the rule loads, and its user is told.
    fn expand(&self, variants: &mut Variants, context: &mut Context<'_>) -> Result<(), Fault> {
        let mut out = Vec::new();
        for text in &variants.texts {
            let mut grown = vec![SigmaText::default()];
            for part in placeholders(text) {
                let values: Vec<SigmaText> = match part {
                    Placed::Piece(piece) => {
                        grown.iter_mut().for_each(|text| text.push(piece.clone()));
                        continue;
                    }
                    Placed::Name(name) => match context.lists.get(&name) {
                        Some(values) => values.iter().map(|value| SigmaText::parse(value)).collect(),
                        None => {
                            context.note(
                                self.at.line,
                                format!("needs list `{name}`: without it this value never matches"),
                            );
                            Vec::new()
                        }
                    },
                };
                let too_many = || self.fault(Why::TooManyVariants { field: self.chain.name() });
                grown = product(&grown, &values).ok_or_else(too_many)?;
            }
            out.extend(grown);
        }
        variants.texts = out;
        self.check_count(variants)
    }

    fn check_count(&self, variants: &Variants) -> Result<(), Fault> {
        let bytes = variants.texts.iter().map(SigmaText::len).fold(0_usize, usize::saturating_add);
        if variants.texts.len() > VARIANTS_MAX || bytes > VARIANT_BYTES_MAX {
            return Err(self.fault(Why::TooManyVariants { field: self.chain.name() }));
        }
        Ok(())
    }

    fn finish_text(&self, variants: Variants) -> Result<Vec<Test>, Fault> {
        let cased = self.chain.cased;
        let anchored = self.chain.steps.iter().any(|step| matches!(step, Step::StartsWith | Step::EndsWith));
        let mut tests = Vec::with_capacity(variants.texts.len());
        for text in variants.texts {
            let mut text = self.wide(text, variants.encoding)?;
            if self.chain.field.is_none() && !anchored {
                // A keyword is found anywhere in the message.
                text.any_before();
                text.any_after();
            }
            let test = Test::Text { pattern: text.into_pattern(cased), cased };
            if !tests.contains(&test) {
                tests.push(test);
            }
        }
        Ok(tests)
    }

    /// UTF-16 that was not put into Base64: text with NULs between, which some logs hold. Only ASCII gives text.
    fn wide(&self, text: SigmaText, encoding: Encoding) -> Result<SigmaText, Fault> {
        if encoding == Encoding::Utf8 {
            return Ok(text);
        }
        let mut out = SigmaText::default();
        for piece in text.pieces() {
            match piece {
                Piece::Text(text) => match String::from_utf8(encoding.bytes(text)) {
                    Ok(text) => out.push_text(&text),
                    Err(_) => return Err(self.fault(Why::WideNotText(self.chain.name()))),
                },
                other => out.push(other.clone()),
            }
        }
        Ok(out)
    }

    fn regex(&self, flags: &str) -> Result<String, Fault> {
        let written = self.scalar.text.as_ref();
        if written.len() > REGEX_BYTES_MAX {
            return Err(self.too_large(written.len(), REGEX_BYTES_MAX));
        }
        let fail = |reason: String| self.fault(Why::Regex { field: self.chain.name(), reason });
        // Parsed alone first, so that a pattern cannot reach out of the group that is put around it.
        regex_syntax::ast::parse::Parser::new().parse(written).map_err(|error| {
            fail(format!("{} (character {})", error.kind(), error.span().start.offset.saturating_add(1)))
        })?;
        let (mut pattern, steps) = (written.to_owned(), &self.chain.steps);
        if steps.contains(&Step::StartsWith) {
            pattern = format!("\\A(?:{pattern})");
        } else if steps.contains(&Step::EndsWith) {
            pattern = format!("(?:{pattern})\\z");
        }
        if !flags.is_empty() {
            pattern = format!("(?{flags}){pattern}");
        }
        match RegexBuilder::new(&pattern).size_limit(REGEX_PROGRAM_BYTES_MAX).build() {
            Ok(_) => Ok(pattern),
            Err(regex::Error::CompiledTooBig(_)) => {
                Err(fail(format!("its program is over the limit of {REGEX_PROGRAM_BYTES_MAX} bytes")))
            }
            // The last line of the crate's message is the reason; the lines before draw the pattern.
            Err(error) => {
                let text = error.to_string();
                Err(fail(text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()))
            }
        }
    }

    fn cidr(&self, context: &mut Context<'_>) -> Result<Vec<Test>, Fault> {
        let mut variants = Variants { texts: vec![SigmaText::literal(&self.scalar.text)], encoding: Encoding::Utf8 };
        if self.chain.steps.contains(&Step::Expand) {
            self.expand(&mut variants, context)?;
        }
        let network = |text: &SigmaText| {
            let text = text.plain()?.trim();
            let network = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))?;
            Some(Test::Cidr(network.trunc().to_string()))
        };
        let tests: Option<Vec<Test>> = variants.texts.iter().map(network).collect();
        tests.ok_or_else(|| self.wrong("cidr", "an IPv4 or IPv6 network such as 10.0.0.0/8"))
    }

    fn number(&self, order: Order) -> Result<Number, Fault> {
        let text = match resolve(self.scalar) {
            Typed::Number(text) => text.into_owned(),
            // Quoted numbers are common in the wild and mean nothing else here.
            Typed::Text(text) if text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-')) => {
                text.to_owned()
            }
            _ => String::new(),
        };
        let number = text.parse().ok().filter(|number: &f64| number.is_finite()).and_then(Number::new);
        number.ok_or_else(|| self.wrong(order_name(order), "a number"))
    }

    fn truth(&self) -> Result<bool, Fault> {
        match self.scalar.text.to_ascii_lowercase().as_str() {
            "true" | "yes" => Ok(true),
            "false" | "no" => Ok(false),
            _ => Err(self.wrong("exists", "true or false")),
        }
    }

    /// A time part; with an order it becomes every value of its range that holds.
    fn time(&self, part: TimePart, order: Option<Order>) -> Result<Vec<Test>, Fault> {
        let (name, low, high, want) = match part {
            TimePart::Minute => ("minute", 0, 59, "a number from 0 to 59"),
            TimePart::Hour => ("hour", 0, 23, "a number from 0 to 23"),
            TimePart::Day => ("day", 1, 31, "a number from 1 to 31"),
            TimePart::Week => ("week", 1, 53, "a number from 1 to 53"),
            TimePart::Month => ("month", 1, 12, "a number from 1 to 12"),
            TimePart::Year => ("year", 1, 9999, "a number from 1 to 9999"),
        };
        let value = match resolve(self.scalar) {
            Typed::Number(text) => text.parse::<i64>().ok(),
            Typed::Text(text) => text.parse::<i64>().ok(),
            _ => None,
        };
        let value = value.filter(|value| (low..=high).contains(value)).ok_or_else(|| self.wrong(name, want))?;
        let holds = |other: &i64| match order {
            None => *other == value,
            Some(Order::Less) => *other < value,
            Some(Order::LessOrEqual) => *other <= value,
            Some(Order::Greater) => *other > value,
            Some(Order::GreaterOrEqual) => *other >= value,
        };
        Ok((low..=high).filter(holds).map(|value| Test::TimePart(part, value)).collect())
    }
}

fn order_name(order: Order) -> &'static str {
    match order {
        Order::Less => "lt",
        Order::LessOrEqual => "lte",
        Order::Greater => "gt",
        Order::GreaterOrEqual => "gte",
    }
}

/// A value for a message: the beginning is enough.
pub(crate) fn shorten(text: &str) -> String {
    const SHOWN_CHARS_MAX: usize = 60;
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
