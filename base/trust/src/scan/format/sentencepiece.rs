//! SentencePiece models: pieces, scores, and the specification of trainer and normalizer, in protocol buffers. Nothing in
//! them names code; a file that is read to its end and has only known fields is clean.

use crate::scan::judge::proto::{Fields, Span, Wire};
use crate::scan::kinds::{BROKEN, found};
use crate::scan::report::{Finding, Report, Weight};
use crate::scan::{Bytes, Format, Inside};

/// SentencePiece models.
pub struct SentencePiece;

/// Fields that are looked at to tell the format.
const SNIFF_FIELDS: usize = 32;

impl Format for SentencePiece {
    fn name(&self) -> &'static str {
        "SentencePiece"
    }

    fn claims(&self, bytes: &dyn Bytes) -> bool {
        let mut pieces = 0;
        Fields::new(bytes, Span::whole(bytes)).take(SNIFF_FIELDS).all(|field| match field {
            Ok((1, Wire::Span(span))) => {
                pieces += 1;
                is_piece(bytes, span)
            }
            Ok((2..=5, Wire::Span(_))) => true,
            _ => false,
        }) && pieces > 1
    }

    fn read(&self, bytes: &dyn Bytes, inside: &Inside<'_>, report: &mut Report) {
        for field in Fields::new(bytes, Span::whole(bytes)) {
            let bad = match field {
                Ok((1, Wire::Span(span))) if is_piece(bytes, span) => continue,
                Ok((2..=5, Wire::Span(span))) if Fields::new(bytes, span).all(|field| field.is_ok()) => continue,
                Ok((_, Wire::Span(span))) => span.start,
                Ok(_) => 0,
                Err(broken) => broken.0,
            };
            return report.add(Finding {
                offset: bad,
                ..found(inside, &BROKEN, Weight::NotProven, "a part of the vocabulary is of no known form")
            });
        }
    }
}

/// A piece: its text, its score, its type.
fn is_piece(bytes: &dyn Bytes, span: Span) -> bool {
    let mut text = false;
    span.len <= 1 << 16
        && Fields::new(bytes, span).all(|field| match field {
            Ok((1, Wire::Span(piece))) => {
                text = piece.text(bytes, 1 << 16).is_some();
                text
            }
            Ok((2, Wire::Fixed(_))) => true,
            Ok((3, Wire::Varint(kind))) => kind <= 6,
            _ => false,
        })
        && text
}
