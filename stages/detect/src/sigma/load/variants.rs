//! The many texts that one written value may become: `windash` and `expand`.

use super::encode::Encoding;
use super::limits::{VARIANT_BYTES_MAX, VARIANTS_MAX};
use super::text::{Piece, SigmaText};

/// The texts that one written value became, and the bytes they stand for.
pub(crate) struct Variants {
    pub texts: Vec<SigmaText>,
    pub encoding: Encoding,
}

/// The five characters that Windows programs take for an option's dash (appendix "Modifiers", `windash`).
const DASHES: [char; 5] = ['-', '/', '–', '—', '―'];

/// All texts that come of putting each of the five dashes in place of each dash; `None` if there are too many.
pub(crate) fn windash(text: &SigmaText) -> Option<Vec<SigmaText>> {
    let mut out = vec![SigmaText::default()];
    for piece in text.pieces() {
        let Piece::Text(literal) = piece else {
            out.iter_mut().for_each(|text| text.push(piece.clone()));
            continue;
        };
        for part in literal.split_inclusive(DASHES) {
            let stem = part.strip_suffix(DASHES);
            out.iter_mut().for_each(|text| text.push_text(stem.unwrap_or(part)));
            if stem.is_some() {
                out = product(&out, &DASHES.map(|dash| SigmaText::literal(dash.encode_utf8(&mut [0; 4]))))?;
            }
        }
    }
    Some(out)
}

/// Every head with every tail; `None` if there are too many.
pub(crate) fn product(heads: &[SigmaText], tails: &[SigmaText]) -> Option<Vec<SigmaText>> {
    let bytes = |texts: &[SigmaText], times: usize| {
        texts.iter().map(SigmaText::len).fold(0_usize, usize::saturating_add).saturating_mul(times)
    };
    let total = bytes(heads, tails.len()).saturating_add(bytes(tails, heads.len()));
    if heads.len().saturating_mul(tails.len()) > VARIANTS_MAX || total > VARIANT_BYTES_MAX {
        return None;
    }
    let join = |head: &SigmaText, tail: &SigmaText| {
        let mut text = head.clone();
        tail.pieces().iter().for_each(|piece| text.push(piece.clone()));
        text
    };
    Some(heads.iter().flat_map(|head| tails.iter().map(move |tail| join(head, tail))).collect())
}

/// A part of a text with placeholders.
pub(crate) enum Placed {
    Piece(Piece),
    /// `%name%`
    Name(String),
}

/// Finds `%name%`; `\%` is a plain percent sign.
pub(crate) fn placeholders(text: &SigmaText) -> Vec<Placed> {
    let mut out = Vec::new();
    for piece in text.pieces() {
        let Piece::Text(text) = piece else {
            out.push(Placed::Piece(piece.clone()));
            continue;
        };
        let (mut literal, mut rest) = (String::new(), text.as_str());
        while let Some((before, after)) = rest.split_once('%') {
            if let Some(before) = before.strip_suffix('\\') {
                literal.push_str(before);
                literal.push('%');
                rest = after;
                continue;
            }
            literal.push_str(before);
            match after.split_once('%') {
                Some((name, behind)) if is_name(name) => {
                    out.push(Placed::Piece(Piece::Text(std::mem::take(&mut literal))));
                    out.push(Placed::Name(name.to_owned()));
                    rest = behind;
                }
                _ => {
                    literal.push('%');
                    rest = after;
                }
            }
        }
        literal.push_str(rest);
        out.push(Placed::Piece(Piece::Text(literal)));
    }
    out
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|char| char.is_alphanumeric() || matches!(char, '_' | '-' | '.'))
}
