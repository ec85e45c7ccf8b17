//! The lines that begin with `#`: what separates values, what the columns are called, and of which type they are.

use shieldwall_schema::Reject;

use super::value;

/// Most columns that a header may name. Zeek's widest log (`http`, with every package of the day) has some 60.
const COLUMNS_MAX: usize = 1024;
/// Longest name of a log or a column. Zeek's own stay under 40 bytes.
const NAME_BYTES_MAX: usize = 256;
/// Longest marks of empty and unset fields.
const MARK_BYTES_MAX: usize = 64;

/// How a column's values are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Text,
    Number,
    Bool,
}

/// One column.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) name: Box<str>,
    pub(super) shape: Shape,
    /// A set, vector or table: several values in one.
    pub(super) many: bool,
}

/// Whether records can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// No `#fields` line so far.
    Missing,
    /// The last header could not be used.
    Refused,
    /// The columns are known.
    Ready,
}

/// What the header lines said so far.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) separator: u8,
    pub(super) set_separator: u8,
    pub(super) empty: String,
    pub(super) unset: String,
    /// The log's path, which is its name: `dns`.
    pub(super) path: String,
    pub(super) columns: Vec<Column>,
    /// The column of the event's time.
    pub(super) time: Option<usize>,
    state: State,
    /// Records stand between the header and here: only a new header's first line is one.
    among_records: bool,
}

impl Default for Header {
    fn default() -> Self {
        Self {
            separator: b'\t',
            set_separator: b',',
            empty: "(empty)".to_owned(),
            unset: "-".to_owned(),
            path: String::new(),
            columns: Vec::new(),
            time: None,
            state: State::Missing,
            among_records: false,
        }
    }
}

/// A header line that cannot be used, and why.
pub(super) type Refusal = (Reject, &'static str);

impl Header {
    /// Whether records can be read.
    pub(super) fn state(&self) -> State {
        self.state
    }

    /// A record follows: the header is whole.
    #[inline]
    pub(super) fn records_begin(&mut self) {
        self.among_records = true;
    }

    /// Reads a header line.
    pub(super) fn line(&mut self, line: &str) -> Result<(), Refusal> {
        if let Some(written) = line.strip_prefix("#separator ") {
            *self = Self::default();
            return match value::mark(written) {
                Some(separator) => {
                    self.separator = separator;
                    Ok(())
                }
                None => self.refuse((Reject::Unsupported, "a separator that is no single mark")),
            };
        }
        let (key, rest) = match line.split_once(char::from(self.separator)) {
            Some((key, rest)) => (key, Some(rest)),
            None => (line, None),
        };
        match (key, rest) {
            // When the log was opened and closed, and comments.
            ("#open" | "#close", _) => Ok(()),
            ("#set_separator" | "#empty_field" | "#unset_field" | "#path" | "#fields" | "#types", _)
                if self.among_records =>
            {
                Err((Reject::Corrupt, "a header line among records; it was not followed"))
            }
            (_, Some(rest)) if self.state != State::Refused => self.entry(key, rest).or_else(|why| self.refuse(why)),
            _ => Ok(()),
        }
    }

    fn refuse(&mut self, why: Refusal) -> Result<(), Refusal> {
        self.state = State::Refused;
        Err(why)
    }

    fn entry(&mut self, key: &str, rest: &str) -> Result<(), Refusal> {
        let short = |max: usize| {
            if rest.len() > max {
                Err((Reject::TooLarge, "a header entry over its limit"))
            } else {
                Ok(rest.to_owned())
            }
        };
        match key {
            "#set_separator" => {
                self.set_separator =
                    value::mark(rest).ok_or((Reject::Unsupported, "a set separator that is no single mark"))?;
            }
            "#empty_field" => self.empty = short(MARK_BYTES_MAX)?,
            "#unset_field" => self.unset = short(MARK_BYTES_MAX)?,
            "#path" => self.path = short(NAME_BYTES_MAX)?,
            "#fields" => return self.fields(rest),
            "#types" => return self.types(rest),
            _ => {}
        }
        Ok(())
    }

    fn fields(&mut self, names: &str) -> Result<(), Refusal> {
        self.columns.clear();
        for name in names.split(char::from(self.separator)) {
            if self.columns.len() == COLUMNS_MAX || name.len() > NAME_BYTES_MAX {
                return Err((Reject::TooLarge, "more or longer columns than the limit"));
            }
            self.columns.push(Column { name: name.into(), shape: Shape::Text, many: false });
        }
        self.time = self.columns.iter().position(|column| &*column.name == "ts");
        self.state = State::Ready;
        Ok(())
    }

    fn types(&mut self, types: &str) -> Result<(), Refusal> {
        let types = || types.split(char::from(self.separator));
        if types().take(COLUMNS_MAX + 1).count() != self.columns.len() {
            return Err((Reject::Corrupt, "not as many types as columns"));
        }
        let read: Vec<_> = types().map(shape).collect();
        for (column, (shape, many)) in self.columns.iter_mut().zip(read) {
            (column.shape, column.many) = (shape, many);
        }
        Ok(())
    }
}

/// `set[addr]` → text, many.
fn shape(written: &str) -> (Shape, bool) {
    let inner = ["set[", "vector[", "table["].iter().find_map(|opening| written.strip_prefix(opening));
    let shape = match inner.unwrap_or(written).trim_end_matches(']') {
        "bool" => Shape::Bool,
        "time" | "interval" | "double" | "count" | "int" | "counter" | "port" => Shape::Number,
        _ => Shape::Text,
    };
    (shape, inner.is_some())
}
