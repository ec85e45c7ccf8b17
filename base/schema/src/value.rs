//! One field's value as a borrowed text with a kind.
//!
//! Sigma compares text, so numbers keep the text that the log or its decoder gives them (`4688`, `0x1410`, `true`).

/// What sort of value a text stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The field is there and holds nothing (JSON `null`). The text is empty.
    Null,
    /// `true` or `false`.
    Bool,
    /// A number, in decimal unless the log's own custom is hexadecimal (`0x1410`).
    Number,
    /// Text.
    Text,
}

/// A borrowed value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value<'a> {
    /// The value as text, unfolded.
    pub text: &'a str,
    /// What the text stands for.
    pub kind: Kind,
}

impl<'a> Value<'a> {
    /// A text value.
    pub const fn text(text: &'a str) -> Self {
        Self { text, kind: Kind::Text }
    }

    /// A number, already written as text.
    pub const fn number(text: &'a str) -> Self {
        Self { text, kind: Kind::Number }
    }

    /// A boolean.
    pub const fn bool(value: bool) -> Self {
        Self { text: if value { "true" } else { "false" }, kind: Kind::Bool }
    }

    /// The null value.
    pub const NULL: Value<'static> = Value { text: "", kind: Kind::Null };
}
