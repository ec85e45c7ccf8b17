//! A field's key, `Field|modifier|modifier`, as a checked [`Chain`].
//!
//! Every modifier of specification 2.1 (appendix "Modifiers") is known. Modifiers that change text apply in the order in
//! which they stand; the others say how the value is compared. Whatever has no meaning together is refused here, so that
//! [`super::value`] needs no second look.

use super::super::ir::{Order, RefOrder, TimePart};
use super::encode::Encoding;
use super::fault::{At, Fault, Why};
use super::yaml::Key;

/// A step that changes text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Contains,
    StartsWith,
    EndsWith,
    Base64,
    Base64Offset,
    Encode(Encoding),
    Windash,
    Expand,
}

/// How the value is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compare {
    Text,
    Regex {
        insensitive: bool,
        multi_line: bool,
        dot_all: bool,
    },
    Cidr,
    Number(Order),
    Exists,
    FieldRef(RefOrder),
    /// A part of a time; equal, or in an order.
    Time(TimePart, Option<Order>),
}

/// A field and what is done with its values.
#[derive(Clone, Debug)]
pub(crate) struct Chain<'k> {
    /// `None`: a keyword.
    pub field: Option<&'k str>,
    pub steps: Vec<Step>,
    pub compare: Compare,
    pub all: bool,
    pub neq: bool,
    pub cased: bool,
    pub at: At,
}

impl<'k> Chain<'k> {
    /// A keyword without modifiers.
    pub(crate) fn keyword(at: At) -> Self {
        Self { field: None, steps: Vec::new(), compare: Compare::Text, all: false, neq: false, cased: false, at }
    }

    /// The field's name for messages.
    pub(crate) fn name(&self) -> String {
        self.field.unwrap_or("(keywords)").to_owned()
    }

    /// Reads a key.
    pub(crate) fn parse(key: &'k Key<'_>) -> Result<Self, Fault> {
        let mut parts = key.text.split('|');
        let field = parts.next().filter(|name| !name.is_empty());
        let mut parser = ChainParser { chain: Self { field, ..Self::keyword(key.at) }, seen: Vec::new() };
        for modifier in parts {
            parser.push(modifier)?;
        }
        parser.finish()
    }
}

struct ChainParser<'k> {
    chain: Chain<'k>,
    seen: Vec<&'k str>,
}

/// The modifiers that put wildcards around: at most one of them makes sense.
const AROUND: [&str; 3] = ["contains", "startswith", "endswith"];
/// The modifiers that say what the value is: at most one, except a time part with an order.
const KINDS: [&str; 14] =
    ["re", "cidr", "lt", "lte", "gt", "gte", "exists", "fieldref", "minute", "hour", "day", "week", "month", "year"];

impl<'k> ChainParser<'k> {
    fn fault(&self, why: Why) -> Fault {
        Fault::new(self.chain.at, why)
    }

    fn combination(&self, modifier: &str, other: &str) -> Fault {
        self.fault(Why::Combination {
            modifier: modifier.to_owned(),
            other: other.to_owned(),
            field: self.chain.name(),
        })
    }

    fn push(&mut self, modifier: &'k str) -> Result<(), Fault> {
        if self.seen.contains(&modifier) {
            return Err(self.fault(Why::ModifierTwice { modifier: modifier.to_owned(), field: self.chain.name() }));
        }
        match modifier {
            "all" => self.chain.all = true,
            "neq" => self.chain.neq = true,
            "cased" => self.chain.cased = true,
            "contains" => self.around(modifier, Step::Contains, RefOrder::Contains)?,
            "startswith" => self.around(modifier, Step::StartsWith, RefOrder::StartsWith)?,
            "endswith" => self.around(modifier, Step::EndsWith, RefOrder::EndsWith)?,
            "base64" => self.step(modifier, Step::Base64)?,
            "base64offset" => self.step(modifier, Step::Base64Offset)?,
            "wide" | "utf16le" => self.step(modifier, Step::Encode(Encoding::Utf16Le))?,
            "utf16be" => self.step(modifier, Step::Encode(Encoding::Utf16Be))?,
            "utf16" => self.step(modifier, Step::Encode(Encoding::Utf16))?,
            "windash" => self.step(modifier, Step::Windash)?,
            "expand" => self.step(modifier, Step::Expand)?,
            "re" => self.kind(modifier, Compare::Regex { insensitive: false, multi_line: false, dot_all: false })?,
            "i" | "m" | "s" => self.regex_flag(modifier)?,
            "cidr" => self.kind(modifier, Compare::Cidr)?,
            "lt" => self.order(modifier, Order::Less)?,
            "lte" => self.order(modifier, Order::LessOrEqual)?,
            "gt" => self.order(modifier, Order::Greater)?,
            "gte" => self.order(modifier, Order::GreaterOrEqual)?,
            "exists" => self.kind(modifier, Compare::Exists)?,
            "fieldref" => self.kind(modifier, Compare::FieldRef(self.ref_order()))?,
            "minute" => self.kind(modifier, Compare::Time(TimePart::Minute, None))?,
            "hour" => self.kind(modifier, Compare::Time(TimePart::Hour, None))?,
            "day" => self.kind(modifier, Compare::Time(TimePart::Day, None))?,
            "week" => self.kind(modifier, Compare::Time(TimePart::Week, None))?,
            "month" => self.kind(modifier, Compare::Time(TimePart::Month, None))?,
            "year" => self.kind(modifier, Compare::Time(TimePart::Year, None))?,
            _ => {
                let modifier = modifier.to_owned();
                return Err(self.fault(Why::UnknownModifier { modifier, field: self.chain.name() }));
            }
        }
        self.seen.push(modifier);
        Ok(())
    }

    /// A modifier seen before that is in `group`.
    fn seen_of(&self, group: &[&str]) -> Option<&'k str> {
        self.seen.iter().copied().find(|name| group.contains(name))
    }

    fn around(&mut self, modifier: &str, step: Step, how: RefOrder) -> Result<(), Fault> {
        if let Some(other) = self.seen_of(&AROUND) {
            return Err(self.combination(modifier, other));
        }
        match &mut self.chain.compare {
            Compare::FieldRef(order) => *order = how,
            // A search is unanchored already: `startswith` and `endswith` become anchors, `contains` nothing.
            Compare::Text | Compare::Regex { .. } => self.chain.steps.push(step),
            _ => return Err(self.combination(modifier, self.seen_of(&KINDS).unwrap_or_default())),
        }
        Ok(())
    }

    fn step(&mut self, modifier: &str, step: Step) -> Result<(), Fault> {
        match (self.chain.compare, step) {
            (Compare::Text, _) | (Compare::Cidr, Step::Expand) => {}
            _ => return Err(self.combination(modifier, self.seen_of(&KINDS).unwrap_or_default())),
        }
        self.chain.steps.push(step);
        Ok(())
    }

    fn kind(&mut self, modifier: &str, kind: Compare) -> Result<(), Fault> {
        if let Some(other) = self.seen_of(&KINDS) {
            return Err(self.combination(modifier, other));
        }
        let allowed = match kind {
            Compare::Cidr => self.chain.steps.iter().all(|step| *step == Step::Expand),
            Compare::FieldRef(_) => {
                self.chain.steps.iter().all(|step| matches!(step, Step::Contains | Step::StartsWith | Step::EndsWith))
            }
            _ => self.chain.steps.is_empty(),
        };
        if !allowed {
            let flags = ["all", "neq", "cased"];
            let other = self.seen.iter().copied().find(|name| !flags.contains(name)).unwrap_or_default();
            return Err(self.combination(modifier, other));
        }
        if matches!(kind, Compare::FieldRef(_)) {
            self.chain.steps.clear();
        }
        self.chain.compare = kind;
        Ok(())
    }

    /// How `fieldref` compares, if `contains` and so on stood before it.
    fn ref_order(&self) -> RefOrder {
        match self.seen_of(&AROUND) {
            Some("contains") => RefOrder::Contains,
            Some("startswith") => RefOrder::StartsWith,
            Some("endswith") => RefOrder::EndsWith,
            _ => RefOrder::Equals,
        }
    }

    fn order(&mut self, modifier: &str, order: Order) -> Result<(), Fault> {
        match &mut self.chain.compare {
            // Years have no end that could be counted up to.
            Compare::Time(part, slot @ None) if *part != TimePart::Year => *slot = Some(order),
            _ => return self.kind(modifier, Compare::Number(order)),
        }
        Ok(())
    }

    fn regex_flag(&mut self, modifier: &str) -> Result<(), Fault> {
        let Compare::Regex { insensitive, multi_line, dot_all } = &mut self.chain.compare else {
            return Err(self.fault(Why::OnlyAfterRegex { modifier: modifier.to_owned(), field: self.chain.name() }));
        };
        match modifier {
            "i" => *insensitive = true,
            "m" => *multi_line = true,
            _ => *dot_all = true,
        }
        Ok(())
    }

    /// What can only be judged once all modifiers are known.
    fn finish(self) -> Result<Chain<'k>, Fault> {
        let chain = &self.chain;
        let kind = self.seen_of(&KINDS).unwrap_or_default();
        if chain.neq && chain.all {
            // Different from all, or not all at once? The specification does not say.
            return Err(self.combination("neq", "all"));
        }
        if let Compare::Exists = chain.compare
            && let Some(other) = self.seen.iter().find(|name| **name != "exists")
        {
            return Err(self.combination("exists", other));
        }
        let takes_case =
            matches!(chain.compare, Compare::Text | Compare::FieldRef(_) | Compare::Regex { insensitive: false, .. });
        if chain.cased && !takes_case {
            return Err(self.combination("cased", kind));
        }
        if chain.field.is_none() && !matches!(chain.compare, Compare::Text | Compare::Regex { .. }) {
            return Err(self.fault(Why::NeedsField(kind.to_owned())));
        }
        Ok(self.chain)
    }
}
