//! A Sigma string: literal text and wildcards, and what it becomes as a [`Pattern`].
//!
//! Escaping (specification, "Escape Character"): `\*` and `\?` are the plain characters, `\\` is one backslash, a
//! backslash before anything else is itself.

use shieldwall_schema::event::fold_into;

use super::super::ir::{Part, Pattern};

/// A piece of a Sigma string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Literal text, never empty, never next to another text.
    Text(String),
    /// `?`
    One,
    /// `*`, never next to another `*`.
    Many,
}

/// A Sigma string, unescaped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SigmaText {
    pieces: Vec<Piece>,
}

impl SigmaText {
    /// Reads wildcards and escapes.
    pub(crate) fn parse(written: &str) -> Self {
        let mut text = Self::default();
        if !written.contains(['*', '?', '\\']) {
            text.push_text(written);
            return text;
        }
        let mut literal = String::with_capacity(written.len());
        let mut chars = written.chars().peekable();
        while let Some(char) = chars.next() {
            match char {
                '\\' => literal.push(chars.next_if(|next| matches!(next, '*' | '?' | '\\')).unwrap_or('\\')),
                '*' | '?' => {
                    text.push_text(&literal);
                    literal.clear();
                    text.push(if char == '*' { Piece::Many } else { Piece::One });
                }
                _ => literal.push(char),
            }
        }
        text.push_text(&literal);
        text
    }

    /// Text without wildcards.
    pub(crate) fn literal(text: &str) -> Self {
        let mut this = Self::default();
        this.push_text(text);
        this
    }

    /// The text, if there is no wildcard.
    pub(crate) fn plain(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [] => Some(""),
            [Piece::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The pieces, in order.
    pub(crate) fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// Bytes of literal text.
    pub(crate) fn len(&self) -> usize {
        self.pieces.iter().map(|piece| if let Piece::Text(text) = piece { text.len() } else { 1 }).sum()
    }

    /// Appends literal text.
    pub(crate) fn push_text(&mut self, more: &str) {
        match self.pieces.last_mut() {
            _ if more.is_empty() => {}
            Some(Piece::Text(text)) => text.push_str(more),
            _ => self.pieces.push(Piece::Text(more.to_owned())),
        }
    }

    /// Appends a piece.
    pub(crate) fn push(&mut self, piece: Piece) {
        match piece {
            Piece::Text(text) => self.push_text(&text),
            Piece::Many if self.pieces.last() == Some(&Piece::Many) => {}
            other => self.pieces.push(other),
        }
    }

    /// Puts `*` in front.
    pub(crate) fn any_before(&mut self) {
        if self.pieces.first() != Some(&Piece::Many) {
            self.pieces.insert(0, Piece::Many);
        }
    }

    /// Puts `*` behind.
    pub(crate) fn any_after(&mut self) {
        self.push(Piece::Many);
    }

    /// The simplest pattern that says the same; folded unless `cased`.
    pub(crate) fn into_pattern(self, cased: bool) -> Pattern {
        let fold = |text: &str| -> Box<str> {
            if cased {
                return text.into();
            }
            let mut folded = String::with_capacity(text.len());
            fold_into(text, &mut folded);
            folded.into()
        };
        match self.pieces.as_slice() {
            [] => Pattern::Exact("".into()),
            [Piece::Text(text)] => Pattern::Exact(fold(text)),
            [Piece::Many] => Pattern::Any,
            [Piece::Text(text), Piece::Many] => Pattern::Prefix(fold(text)),
            [Piece::Many, Piece::Text(text)] => Pattern::Suffix(fold(text)),
            [Piece::Many, Piece::Text(text), Piece::Many] => Pattern::Contains(fold(text)),
            pieces => Pattern::Glob(
                pieces
                    .iter()
                    .map(|piece| match piece {
                        Piece::Text(text) => Part::Text(fold(text)),
                        Piece::One => Part::One,
                        Piece::Many => Part::Many,
                    })
                    .collect(),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(text: &str) -> Pattern {
        Pattern::Exact(text.into())
    }

    #[test]
    fn escapes_and_wildcards() {
        let text = |text: &str| Part::Text(text.into());
        // Every line of the specification's list, and the corners.
        let cases: &[(&str, Pattern)] = &[
            ("", exact("")),
            ("Abc", exact("abc")),
            (r"C:\Windows\cmd.exe", exact(r"c:\windows\cmd.exe")),
            (r"a\\b", exact(r"a\b")),
            (r"a\*b", exact("a*b")),
            (r"a\?b", exact("a?b")),
            (r"a\\*", Pattern::Prefix(r"a\".into())),
            (r"a\\\*", exact(r"a\*")),
            (r"a\\\b", exact(r"a\\b")),
            (r"a\\\\b", exact(r"a\\b")),
            (r"a\\\\*", Pattern::Prefix(r"a\\".into())),
            (r"end\", exact(r"end\")),
            (r"end\\", exact(r"end\")),
            (r"\%x", exact(r"\%x")),
            ("*", Pattern::Any),
            ("**", Pattern::Any),
            ("?", Pattern::Glob(vec![Part::One])),
            ("x*", Pattern::Prefix("x".into())),
            ("*x", Pattern::Suffix("x".into())),
            ("*x*", Pattern::Contains("x".into())),
            ("**x**", Pattern::Contains("x".into())),
            ("a*b", Pattern::Glob(vec![text("a"), Part::Many, text("b")])),
            ("a?", Pattern::Glob(vec![text("a"), Part::One])),
            (r"\\*\\x.exe", Pattern::Glob(vec![text(r"\"), Part::Many, text(r"\x.exe")])),
            ("ÄÖ*", Pattern::Prefix("äö".into())),
        ];
        for (written, want) in cases {
            assert_eq!(&SigmaText::parse(written).into_pattern(false), want, "{written}");
        }
        assert_eq!(SigmaText::parse("AbC").into_pattern(true), exact("AbC"));
    }

    proptest::proptest! {
        /// What a rule folds and what a record folds agree, so an escaped literal always finds itself.
        #[test]
        fn folding_is_the_events(text in "\\PC*") {
            let escaped: String =
                text.chars().flat_map(|char| matches!(char, '*' | '?' | '\\').then_some('\\').into_iter().chain([char])).collect();
            let mut folded = String::new();
            fold_into(&text, &mut folded);
            proptest::prop_assert_eq!(SigmaText::parse(&escaped).into_pattern(false), exact(&folded));
        }
    }
}
