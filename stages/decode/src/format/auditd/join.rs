//! Joins records with the same node, time and serial number into one event, within a bounded window.
//!
//! The kernel writes an event's records one after the other, but events of several processors mix, and a log of several
//! nodes mixes more. An event is complete when its end record comes (EOE; the PROCTITLE behind a SYSCALL is the last one
//! that auditd keeps), when its node has moved on by two seconds (auparse waits as long), or when the window is full.
//! User-space records are events of their own. Events leave in the order in which they began.

use std::collections::VecDeque;

use super::record::Record;
use crate::format::journal::wants::same;

/// Events held open.
pub(super) const OPEN_EVENTS_MAX: usize = 128;

/// Bytes held open, over all events.
const OPEN_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Bytes of one event; a record that does not fit begins an event of its own. An EXECVE has at most 128 KiB an argument
/// and is split into records of 8 KiB.
const EVENT_BYTES_MAX: usize = 1024 * 1024;

/// Records of one event; one more begins an event of its own.
const EVENT_RECORDS_MAX: usize = 4096;

/// How long an event is held open after its node's later ones began, in milliseconds of event time.
const OPEN_MILLIS_MAX: u64 = 2000;

/// One record of an event.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    /// Its type in the event's `kinds`.
    kind: (usize, usize),
    /// The body in the event's text.
    pub(super) body: usize,
    /// The line's end.
    pub(super) end: usize,
}

/// An event that is being joined.
#[derive(Debug, Default)]
pub(super) struct Joined {
    /// The lines, joined by line feeds.
    pub(super) text: String,
    /// The types' names, one behind the other: a type may stand as a number in its line.
    kinds: String,
    pub(super) parts: Vec<Part>,
    pub(super) node: String,
    pub(super) millis: u64,
    pub(super) serial: u64,
    /// Byte offset of the first line.
    pub(super) offset: u64,
    /// Nothing is to come.
    closed: bool,
    has_syscall: bool,
    /// No audit record but a line of another kind.
    pub(super) foreign: bool,
}

impl Joined {
    /// A part's type.
    pub(super) fn kind(&self, part: &Part) -> &str {
        self.kinds.get(part.kind.0..part.kind.1).unwrap_or_default()
    }

    /// A part's body.
    pub(super) fn body(&self, part: &Part) -> &str {
        self.text.get(part.body..part.end).unwrap_or_default()
    }

    fn clear(&mut self) {
        self.text.clear();
        self.kinds.clear();
        self.parts.clear();
        self.node.clear();
        (self.closed, self.has_syscall, self.foreign) = (false, false, false);
    }

    fn has_room(&self, line: &str) -> bool {
        self.text.len() + line.len() < EVENT_BYTES_MAX && self.parts.len() < EVENT_RECORDS_MAX
    }

    fn push(&mut self, record: &Record<'_>, line: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        let start = self.text.len();
        self.text.push_str(line);
        let kind = (self.kinds.len(), self.kinds.len() + record.kind.len());
        self.kinds.push_str(record.kind);
        self.parts.push(Part { kind, body: start + record.body, end: self.text.len() });
    }
}

/// The open events, in the order in which they began.
#[derive(Debug, Default)]
pub(super) struct Window {
    open: VecDeque<Joined>,
    free: Vec<Joined>,
    bytes: usize,
    latest: (u64, String),
}

impl Window {
    /// Takes a record into its event.
    pub(super) fn add(&mut self, record: &Record<'_>, line: &str, offset: u64) {
        self.close_old(record);
        let same = |event: &&mut Joined| {
            event.serial == record.serial
                && event.millis == record.millis
                && !event.closed
                && !event.foreign
                && same(&event.node, record.node)
        };
        let found = self.open.iter_mut().rev().find(same);
        if record.kind == "EOE" {
            // The end says nothing else.
            if let Some(event) = found {
                event.closed = true;
            }
            return;
        }
        self.bytes += line.len();
        let event = match found {
            Some(event) if event.has_room(line) => event,
            found => {
                if let Some(full) = found {
                    full.closed = true;
                }
                let mut event = self.free.pop().unwrap_or_default();
                event.clear();
                event.node.push_str(record.node);
                (event.millis, event.serial, event.offset) = (record.millis, record.serial, offset);
                self.open.push_back(event);
                let Some(event) = self.open.back_mut() else { return };
                event
            }
        };
        event.push(record, line);
        event.has_syscall |= record.kind == "SYSCALL";
        event.closed = is_alone(record.kind) || (record.kind == "PROCTITLE" && event.has_syscall);
    }

    /// Takes a line that is no audit record; it keeps its place among the events.
    pub(super) fn add_foreign(&mut self, line: &str, offset: u64) {
        let mut event = self.free.pop().unwrap_or_default();
        event.clear();
        event.text.push_str(line);
        (event.foreign, event.closed, event.offset) = (true, true, offset);
        (event.millis, event.serial) = (0, 0);
        self.bytes += line.len();
        self.open.push_back(event);
    }

    /// The first event, if it is complete or the window is full.
    pub(super) fn pop(&mut self) -> Option<Joined> {
        let full = self.open.len() > OPEN_EVENTS_MAX || self.bytes > OPEN_BYTES_MAX;
        if full || self.open.front().is_some_and(|event| event.closed) { self.pop_any() } else { None }
    }

    /// The first event, complete or not.
    pub(super) fn pop_any(&mut self) -> Option<Joined> {
        let event = self.open.pop_front()?;
        // Line feeds between the lines are not counted; saturating keeps the sum honest.
        self.bytes = if self.open.is_empty() { 0 } else { self.bytes.saturating_sub(event.text.len()) };
        Some(event)
    }

    /// Takes an event's memory back.
    pub(super) fn recycle(&mut self, event: Joined) {
        // A few large events would otherwise hold memory for all: what is above the ordinary is given back.
        if self.free.len() < OPEN_EVENTS_MAX && event.text.capacity() <= OPEN_BYTES_MAX / OPEN_EVENTS_MAX {
            self.free.push(event);
        }
    }

    /// Closes the events that the record's node has left behind.
    fn close_old(&mut self, record: &Record<'_>) {
        if self.latest.0 == record.millis && same(&self.latest.1, record.node) {
            return;
        }
        self.latest.0 = record.millis;
        self.latest.1.clear();
        self.latest.1.push_str(record.node);
        let before = record.millis.saturating_sub(OPEN_MILLIS_MAX);
        for event in &mut self.open {
            if event.millis < before && same(&event.node, record.node) {
                event.closed = true;
            }
        }
    }
}

/// Whether records of this type are events of their own: user space writes one record an event.
fn is_alone(kind: &str) -> bool {
    match kind.as_bytes().first() {
        Some(b'U') => kind.starts_with("USER_") || kind == "USYS_CONFIG",
        Some(b'C') => kind.starts_with("CRED_") || kind.starts_with("CRYPTO_"),
        Some(b'S') => kind.starts_with("SERVICE_") || kind.starts_with("SYSTEM_") || kind == "SOFTWARE_UPDATE",
        Some(b'A') => kind.starts_with("ADD_") || kind.starts_with("ACCT_"),
        Some(b'D') => kind.starts_with("DEL_") || kind.starts_with("DAEMON_"),
        Some(b'G' | b'V' | b'R') => kind.starts_with("GRP_") || kind.starts_with("VIRT_") || kind.starts_with("ROLE_"),
        _ => false,
    }
}
