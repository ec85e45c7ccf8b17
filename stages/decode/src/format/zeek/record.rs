//! One line behind a header.

use shieldwall_schema::{Fields, Slots, Value, Want};

use super::header::{Column, Header};
use super::value;
use crate::text::driver::HEX_FIELD;
use crate::text::escape;
use crate::text::line::Text;

/// A record with as many columns as its header names.
pub(super) struct Record<'r> {
    pub(super) header: &'r Header,
    pub(super) text: &'r Text<'r>,
}

impl<'r> Record<'r> {
    /// The event's time as written, if it is set.
    pub(super) fn time_text(&self) -> Option<&'r str> {
        let time = self.columns().nth(self.header.time?)?;
        (time != self.header.unset).then_some(time)
    }

    fn columns(&self) -> impl Iterator<Item = &'r str> {
        let mut ends = memchr::memchr_iter(self.header.separator, self.text.text.as_bytes());
        let text = self.text.text;
        let mut start = Some(0);
        std::iter::from_fn(move || {
            let from = start?;
            let end = ends.next();
            start = end.map(|end| end + 1);
            text.get(from..end.unwrap_or(text.len()))
        })
    }

    /// Puts the values of the wanted columns into the slots. `targets` are by column.
    pub(super) fn fill(&self, want: &Want, targets: &[(usize, Vec<u16>)], slots: &mut Slots, scratch: &mut String) {
        slots.clear();
        if let Some(slot) = want.keywords {
            slots.push(slot, Value::text(self.text.text));
        }
        let mut targets = targets.iter().peekable();
        for (at, written) in self.columns().enumerate() {
            let Some((wanted, into)) = targets.peek() else { break };
            if *wanted != at {
                continue;
            }
            targets.next();
            if let Some(column) = self.header.columns.get(at) {
                value::each(self.header, (column.shape, column.many), written, scratch, &mut |value| {
                    push(slots, into, value);
                });
            }
        }
        if self.text.lossy
            && let Some(into) = want.by_name.get(HEX_FIELD)
        {
            push(slots, into, Value::text(&escape::hex(self.text.bytes)));
        }
    }
}

fn push(slots: &mut Slots, into: &[u16], value: Value<'_>) {
    let mut into = into.iter();
    if let Some(first) = into.next() {
        slots.push(*first, value);
        into.for_each(|slot| slots.also(*slot));
    }
}

impl Fields for Record<'_> {
    fn each(&self, each: &mut dyn FnMut(&str, Value<'_>)) {
        let mut scratch = String::new();
        for (Column { name, shape, many }, written) in self.header.columns.iter().zip(self.columns()) {
            value::each(self.header, (*shape, *many), written, &mut scratch, &mut |value| each(name, value));
        }
        if self.text.lossy {
            each(HEX_FIELD, Value::text(&escape::hex(self.text.bytes)));
        }
    }

    fn line(&self) -> Option<&str> {
        Some(self.text.text)
    }
}
