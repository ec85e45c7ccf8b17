//! One value of a source: a record, a wrapper or an array around records, or damage with sound records behind it.

use std::sync::Arc;

use shieldwall_schema::{Event, Flag, Place, Projection, Reject, Rejection, Sink, Tag, Timestamp, Want};

use super::record::Reader;
use super::scan::{AFTER_VALUE, Fault, is_space};
use super::split::{Piece, Splitter};
use crate::clock::{Clock, Lacks};
use crate::decoder::Context;

/// Arrays and wrappers within one another that are opened; what is nested deeper is no list of records.
const NESTING_MAX: u8 = 3;

/// Turns values into records.
pub(super) struct Expander<'a> {
    reader: Reader<'a>,
}

impl<'a> Expander<'a> {
    pub(super) fn new(context: Context<'a>) -> Self {
        Self { reader: Reader::new(context) }
    }

    /// Reports the records that nobody wanted so far.
    pub(super) fn flush(&mut self, sink: &mut dyn Sink) {
        self.reader.flush(sink);
    }

    /// Reports something that could not be read.
    pub(super) fn reject(&self, offset: u64, reason: Reject, what: &str, sink: &mut dyn Sink) {
        sink.reject(Rejection { place: Place::offset(offset), reason, detail: format!("no JSON record: {what}") });
    }

    /// Takes what the splitter gives.
    pub(super) fn piece(&mut self, piece: Piece<'_>, sink: &mut dyn Sink) {
        self.nested_piece(piece, 0, sink);
    }

    /// Takes one value. `cut`: the source ends behind it, so that it may lack its end.
    pub(super) fn value(&mut self, offset: u64, bytes: &[u8], cut: bool, sink: &mut dyn Sink) {
        self.nested_value(offset, bytes, cut, 0, sink);
    }

    fn nested_piece(&mut self, piece: Piece<'_>, nesting: u8, sink: &mut dyn Sink) {
        match piece {
            Piece::Value { offset, bytes, cut } => self.nested_value(offset, bytes, cut, nesting, sink),
            Piece::Lost { offset, bytes } => {
                if let Err(fault) = self.reader.prefix(bytes) {
                    self.recover(offset, bytes, fault.at, true, sink);
                }
            }
            Piece::Fault { offset, reason, what } => self.reject(offset, reason, what, sink),
        }
    }

    fn nested_value(&mut self, offset: u64, bytes: &[u8], cut: bool, nesting: u8, sink: &mut dyn Sink) {
        let (object, array) = (bytes.starts_with(b"{"), bytes.starts_with(b"["));
        match self.reader.scan(bytes) {
            Ok(wrapper) if (wrapper && object || array) && nesting < NESTING_MAX => {
                self.open(offset, bytes, nesting, sink);
            }
            Ok(_) if object => self.reader.emit(offset, bytes, sink),
            Ok(_) => self.reader.odd_value(offset, sink),
            // Several values on one line.
            Err(fault) if fault.what == AFTER_VALUE && object && nesting == 0 => {
                self.open(offset, bytes, NESTING_MAX, sink);
            }
            Err(fault) => self.damaged(offset, bytes, cut, fault, sink),
        }
    }

    /// Reads the records in an array or wrapper; an object that turns out to be neither is a record.
    fn open(&mut self, offset: u64, bytes: &[u8], nesting: u8, sink: &mut dyn Sink) {
        let mut splitter = Splitter::default();
        let mut each = |piece: Piece<'_>| match piece {
            Piece::Value { offset: at, bytes: inner, .. } if at == offset && inner.len() == bytes.len() => {
                self.reader.emit(offset, bytes, sink);
            }
            piece => self.nested_piece(piece, nesting.saturating_add(1), sink),
        };
        splitter.feed(offset, bytes, &mut each);
        splitter.finish(offset + bytes.len() as u64, &mut each);
    }

    /// Reports a value that is no JSON, and looks for records in what stands behind the damage.
    fn damaged(&mut self, offset: u64, bytes: &[u8], cut: bool, fault: Fault, sink: &mut dyn Sink) {
        let reason = match fault.reason {
            Reject::Truncated if !cut => Reject::Corrupt,
            reason => reason,
        };
        let what = format!("{} at byte {}", fault.what, offset + fault.at as u64);
        self.reject(offset, reason, &what, sink);
        if matches!(fault.reason, Reject::TooDeep | Reject::OutOfRange) {
            return;
        }
        self.recover(offset, bytes, fault.at, cut, sink);
    }

    /// Reads the records behind damage at byte `at`.
    ///
    /// Linear: each attempt begins where the last one failed or behind it.
    fn recover(&mut self, offset: u64, bytes: &[u8], mut at: usize, cut: bool, sink: &mut dyn Sink) {
        while let Some(start) = next_record(bytes, at) {
            let rest = bytes.get(start..).unwrap_or_default();
            match self.reader.prefix(rest) {
                Ok(length) => {
                    self.reader.emit(offset + start as u64, rest.get(..length).unwrap_or_default(), sink);
                    at = start + length;
                }
                Err(fault) => {
                    let reason = if cut { fault.reason } else { Reject::Corrupt };
                    let what = format!("{} at byte {}", fault.what, offset + (start + fault.at) as u64);
                    self.reject(offset + start as u64, reason, &what, sink);
                    at = start + fault.at.max(1);
                }
            }
        }
    }
}

/// Where the next record probably begins: a brace behind `},` or at the beginning of a line.
fn next_record(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        at += memchr::memchr(b'{', bytes.get(at..)?)?;
        let mut before = bytes.get(..at)?.iter().rev().skip_while(|byte| matches!(byte, b' ' | b'\t'));
        let first = before.next();
        let record = match first {
            Some(b'\n') => true,
            Some(b',') => before.find(|byte| !is_space(**byte)) == Some(&b'}') || at == from,
            _ => false,
        };
        if record {
            return Some(at);
        }
        at += 1;
    }
}

/// What the times of a source lack, judged by its first records.
pub(super) fn lacks(head: &[u8]) -> Lacks {
    let clock = Clock::default();
    let mut expander = Expander::new(Context { projection: &Nothing, clock: &clock, head });
    // Lines are objects one behind another, so both formats are read alike.
    Splitter::default().feed(0, head, &mut |piece| expander.piece(piece, &mut Nothing));
    Lacks { year: false, zone: expander.reader.saw_no_zone }
}

/// Wants nothing and keeps nothing.
struct Nothing;

impl Projection for Nothing {
    fn want(&self, _: &Tag<'_>) -> Option<Arc<Want>> {
        None
    }
}

impl Sink for Nothing {
    fn event(&mut self, _: &Event<'_>) {}
    fn unwanted(&mut self, _: u64, _: Option<Timestamp>) {}
    fn reject(&mut self, _: Rejection) {}
    fn flag(&mut self, _: Flag, _: Place) {}
}
