//! What the symbolic machine knows of a value: enough to say which callable is called with what, and no more. Values are
//! small and shared by index; nothing is ever expanded, so a memo that refers to itself a million times costs nothing.

use super::opcode::Form;

/// A value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// Nothing is known.
    Unknown,
    /// Computed by a call from data, and not known.
    Computed,
    /// Data that cannot be called: numbers, bytes without a place, what a persistent id stands for.
    Data,
    None,
    Int(i64),
    /// A text in the stream.
    Text(u64, u32, Form),
    /// Bytes in the stream.
    Bytes(u64, u64),
    /// A text that was computed: index of it.
    Made(u32),
    /// A callable or another named thing.
    Global(u32),
    /// What calling that gave, or an object of that class.
    Of(u32),
    /// A numpy type: bytes of an element, whether elements are objects.
    Dtype(u32, bool),
    /// A tuple, list or dict.
    Node(u32),
}

/// Sorts of nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    Tuple,
    List,
    Dict,
    Set,
}

/// A tuple, list, dict or set: its first items.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub sort: Sort,
    /// Items; of a dict, keys and values in turn. The first [`ITEMS_MAX`] only.
    pub items: Vec<Value>,
    /// Values that it stands for when each reference is followed.
    pub size: u64,
    /// The container that it held last, and how often in a row.
    pub same: Option<u32>,
    pub times: u32,
    /// How often a walk meets the same thing again: the largest product, level by level, of how often one container holds
    /// another in a row.
    pub repeats: u64,
    /// Whether that was told to be too many.
    pub told: bool,
    /// Callables in it, or in what is in it, that would act: the first.
    pub acts: Option<u32>,
    /// A key that replaces what Python calls behind the scenes.
    pub hook: Option<Value>,
}

/// Items of a node that are kept: arguments of calls have fewer, and long data is data.
pub(super) const ITEMS_MAX: usize = 64;
/// Nodes that are kept; what is built after that is unknown where it could be called, and inert data otherwise.
pub(super) const NODES_MAX: usize = 1 << 20;
/// Texts that are computed and kept.
pub(super) const MADE_MAX: usize = 4_096;
/// Bytes of a text that are read when a name or an argument is needed.
pub(super) const TEXT_MAX: u32 = 4_096;

/// The characters of a text of the stream.
pub(super) fn decode(bytes: &[u8], form: Form) -> String {
    match form {
        Form::Utf8 => String::from_utf8_lossy(bytes).into_owned(),
        Form::Latin => bytes.iter().map(|&byte| char::from(byte)).collect(),
        Form::Quoted => {
            let inner = match bytes {
                [b'\'', inner @ .., b'\''] | [b'"', inner @ .., b'"'] => inner,
                other => other,
            };
            unescape(inner, true)
        }
        Form::Escaped => unescape(bytes, false),
    }
}

/// Backslash escapes: all of Python 2's strings, or `\u` and `\U` only.
fn unescape(bytes: &[u8], all: bool) -> String {
    let mut out = String::new();
    let mut rest = bytes.iter().copied().peekable();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            out.push(char::from(byte));
            continue;
        }
        let digits = |rest: &mut std::iter::Peekable<_>, many: usize, radix: u32| {
            let mut number = 0_u32;
            for _ in 0..many {
                let next: Option<&u8> = std::iter::Peekable::<std::iter::Copied<std::slice::Iter<'_, u8>>>::peek(rest);
                let Some(digit) = next.and_then(|byte| char::from(*byte).to_digit(radix)) else { break };
                number = number.wrapping_mul(radix).wrapping_add(digit);
                rest.next();
            }
            char::from_u32(number).unwrap_or('\u{fffd}')
        };
        match rest.peek().copied() {
            Some(b'u') => {
                rest.next();
                out.push(digits(&mut rest, 4, 16));
            }
            Some(b'U') => {
                rest.next();
                out.push(digits(&mut rest, 8, 16));
            }
            Some(b'x') if all => {
                rest.next();
                out.push(digits(&mut rest, 2, 16));
            }
            Some(b'0'..=b'7') if all => out.push(digits(&mut rest, 3, 8)),
            Some(next) if all => {
                rest.next();
                out.push(match next {
                    b'n' => '\n',
                    b't' => '\t',
                    b'r' => '\r',
                    other => char::from(other),
                });
            }
            _ => out.push('\\'),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_every_form() {
        for (bytes, form, expected) in [
            (&b"os"[..], Form::Utf8, "os"),
            (b"\xe9", Form::Latin, "é"),
            (b"'o\\x73'", Form::Quoted, "os"),
            (b"\"\\157s\"", Form::Quoted, "os"),
            (b"\\u006fs", Form::Escaped, "os"),
            (b"\\U0000006fs", Form::Escaped, "os"),
            (b"a\\", Form::Quoted, "a\\"),
        ] {
            assert_eq!(decode(bytes, form), expected);
        }
    }
}
