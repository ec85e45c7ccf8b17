//! A record's fields, kept while it is explained.

use shieldwall_schema::event::Fields;
use shieldwall_schema::value::{Kind, Value};

/// All fields of one record, in document order. Takes as much memory as the record's text.
#[derive(Debug, Default)]
pub(crate) struct Record {
    text: String,
    rows: Vec<Row>,
    line: Option<String>,
}

#[derive(Debug, Clone, Copy)]
struct Row {
    name: (usize, usize),
    value: (usize, usize),
    kind: Kind,
}

/// One field's value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Field<'a> {
    pub(crate) name: &'a str,
    pub(crate) kind: Kind,
    pub(crate) raw: &'a str,
}

impl Record {
    pub(crate) fn new(fields: &dyn Fields) -> Self {
        let mut record = Self { line: fields.line().map(str::to_owned), ..Self::default() };
        fields.each(&mut |name, value| record.push(name, value));
        record
    }

    fn push(&mut self, name: &str, value: Value<'_>) {
        let start = self.text.len();
        self.text.push_str(name);
        let middle = self.text.len();
        self.text.push_str(value.text);
        self.rows.push(Row { name: (start, middle), value: (middle, self.text.len()), kind: value.kind });
    }

    fn field(&self, row: &Row) -> Field<'_> {
        let text = |range: (usize, usize)| self.text.get(range.0..range.1).unwrap_or_default();
        Field { name: text(row.name), kind: row.kind, raw: text(row.value) }
    }

    /// Every field.
    pub(crate) fn fields(&self) -> impl DoubleEndedIterator<Item = Field<'_>> {
        self.rows.iter().map(|row| self.field(row))
    }

    /// What keywords look at: the line if the log is text, every value if not.
    pub(crate) fn keywords(&self) -> Vec<Field<'_>> {
        match &self.line {
            Some(line) => vec![Field { name: "", kind: Kind::Text, raw: line }],
            None => self.fields().collect(),
        }
    }
}
