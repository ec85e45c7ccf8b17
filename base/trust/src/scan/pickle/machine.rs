//! The machine's state, and how one stream is run: stack, marks, frames, limits. What each operation does is in `step`,
//! what containers hold in `nodes`, what names mean in `names`, what calls would do in `call`.
//!
//! What must stay true: a mark protects what stands below it, every limit that is reached is told, and a stream that ends in
//! an error keeps what it did before.

use std::collections::{BTreeSet, HashMap};

use super::judge::Power;
use super::opcode::{Arg, Op, Reader, Stop};
use super::value::{Node, Value};
use crate::scan::kinds::{LIMIT, PICKLE_BROKEN, found, limit, shown};
use crate::scan::report::{Finding, Kind, Report, Weight};
use crate::scan::{Bytes, Inside};

/// Values on the stack. Picklers write lists in batches of 1,000; deeper stacks are attacks on the reader's memory.
const STACK_MAX: usize = 1 << 22;
/// Marks that are open at once: nesting of what is pickled, which Python itself limits far below.
pub(super) const MARKS_MAX: usize = 1 << 20;
/// Memo entries that are kept: one an object of the file.
pub(super) const MEMO_MAX: usize = 1 << 24;
/// Names that differ. Real files have hundreds.
pub(super) const GLOBALS_MAX: usize = 1 << 16;
/// Values that a node may stand for when each reference is followed. A file of 16 GiB has not as many.
pub(super) const EXPANDED_MAX: u64 = 1 << 40;
/// Operations between two payments from the budget.
const STEPS: u64 = 1 << 12;

/// A name that was imported.
pub(super) struct Global {
    pub module: String,
    pub name: String,
    pub power: Power,
    /// Where it was imported first.
    pub at: u64,
    /// Whether it was told already.
    pub told: bool,
    /// Whether it was called.
    pub called: bool,
}

/// Where a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// STOP, and whether what it returns is this number (the magic of old torch files is one).
    Stopped,
    /// The next operation cannot be read.
    Broken(Stop),
    /// The stack or memo is not as the operation needs it: the loader raises.
    Refused(&'static str),
    /// A limit was reached.
    Limited,
}

/// What a pickle within the stream must not touch.
pub(super) struct Saved {
    stack: Vec<Value>,
    pub(super) marks: Vec<usize>,
    pub(super) memo: Vec<Value>,
    pub(super) sparse: HashMap<i64, Value>,
    pub(super) memoized: usize,
    pub(super) protocol: i64,
}

/// The machine.
pub(super) struct Machine<'a, 'b> {
    pub reader: Reader<'a>,
    pub inside: &'a Inside<'b>,
    pub report: &'a mut Report,
    pub stack: Vec<Value>,
    pub(super) marks: Vec<usize>,
    pub(super) memo: Vec<Value>,
    pub(super) sparse: HashMap<i64, Value>,
    pub(super) memoized: usize,
    pub globals: Vec<Global>,
    pub(super) names: HashMap<(String, String), u32>,
    pub nodes: Vec<Node>,
    pub(super) made: Vec<String>,
    pub registry: HashMap<i64, u32>,
    frame_end: u64,
    frame_told: bool,
    /// Whether a large payload stands after the last frame.
    pub unframed: bool,
    pub(super) protocol: i64,
    /// Whether a container was told to stand for too many values.
    pub(super) expanded: bool,
    /// Whether a bomb was told.
    pub(super) exploded: bool,
    steps: u64,
    trial_steps: u64,
    /// Calls and imports seen.
    pub acts: u64,
    /// Calls of what may be a callable.
    pub calls: u64,
    /// Bytes that persistent ids of torch storages stand for, by key.
    pub storages: HashMap<String, u64>,
    /// Where data lie that are pickles, and that no call here has loaded.
    pub idle: BTreeSet<u64>,
    /// Pickles within pickles that were entered.
    pub depth: usize,
    /// Only tell whether it is a pickle: nothing is reported but to an empty report, payloads are not looked into.
    pub trial: bool,
}

impl<'a, 'b> Machine<'a, 'b> {
    pub(super) fn new(bytes: &'a dyn Bytes, inside: &'a Inside<'b>, report: &'a mut Report) -> Self {
        Self {
            reader: Reader::new(bytes, 0),
            inside,
            report,
            stack: Vec::new(),
            marks: Vec::new(),
            memo: Vec::new(),
            sparse: HashMap::new(),
            memoized: 0,
            globals: Vec::new(),
            names: HashMap::new(),
            nodes: Vec::new(),
            made: Vec::new(),
            registry: HashMap::new(),
            frame_end: 0,
            frame_told: false,
            unframed: false,
            protocol: 0,
            expanded: false,
            exploded: false,
            steps: 0,
            trial_steps: 0,
            acts: 0,
            calls: 0,
            storages: HashMap::new(),
            idle: BTreeSet::new(),
            depth: 0,
            trial: false,
        }
    }

    /// Adds a finding.
    pub(super) fn say(&mut self, at: u64, kind: &'static Kind, weight: Weight, call: Option<String>, words: String) {
        let call = call.map(|call| shown(&call));
        self.report.add(Finding { offset: at, call, ..found(self.inside, kind, weight, words) });
    }

    /// Adds a finding about a callable, with the ids under which its abuse is published.
    pub(super) fn say_of(
        &mut self,
        at: u64,
        kind: &'static Kind,
        weight: Weight,
        (module, name): (&str, &str),
        call: String,
        words: String,
    ) {
        let (call, advisories) = (Some(shown(&call)), super::advisory::of(module, name));
        self.report.add(Finding { offset: at, call, advisories, ..found(self.inside, kind, weight, words) });
    }

    /// The last value, without what a mark protects.
    pub(super) fn pop(&mut self) -> Result<Value, End> {
        let floor = self.marks.last().copied().unwrap_or(0);
        if self.stack.len() <= floor {
            return Err(End::Refused("the stack is empty"));
        }
        self.stack.pop().ok_or(End::Refused("the stack is empty"))
    }

    pub(super) fn top(&self) -> Result<Value, End> {
        let floor = self.marks.last().copied().unwrap_or(0);
        match self.stack.len() > floor {
            true => self.stack.last().copied().ok_or(End::Refused("the stack is empty")),
            false => Err(End::Refused("the stack is empty")),
        }
    }

    pub(super) fn push(&mut self, value: Value) -> Result<(), End> {
        if self.stack.len() >= STACK_MAX {
            self.over(self.reader.at, "more values on the stack than STACK_MAX");
            return Err(End::Limited);
        }
        self.stack.push(value);
        Ok(())
    }

    pub(super) fn over(&mut self, at: u64, what: &str) {
        self.say(at, &LIMIT, Weight::NotProven, None, format!("the rest was not read: {what}"));
    }

    /// What stands above the last mark.
    pub(super) fn marked(&mut self) -> Result<Vec<Value>, End> {
        let mark = self.marks.pop().ok_or(End::Refused("no mark"))?;
        Ok(self.stack.split_off(mark.min(self.stack.len())))
    }

    /// Puts stack, marks and memo aside for a pickle within the stream.
    pub(super) fn save(&mut self) -> Saved {
        Saved {
            stack: std::mem::take(&mut self.stack),
            marks: std::mem::take(&mut self.marks),
            memo: std::mem::take(&mut self.memo),
            sparse: std::mem::take(&mut self.sparse),
            memoized: self.memoized,
            protocol: self.protocol,
        }
    }

    /// Takes them back.
    pub(super) fn restore(&mut self, saved: Saved) {
        (self.stack, self.marks) = (saved.stack, saved.marks);
        (self.memo, self.sparse) = (saved.memo, saved.sparse);
        (self.memoized, self.protocol, self.frame_end) = (saved.memoized, saved.protocol, 0);
    }

    /// Runs one stream to its end.
    pub(super) fn run(&mut self) -> End {
        (self.stack, self.marks) = (Vec::new(), Vec::new());
        (self.memoized, self.frame_end, self.protocol) = (0, 0, 0);
        loop {
            if self.trial {
                self.trial_steps += 1;
                if self.trial_steps > super::stream::TRIAL_STEPS {
                    return End::Limited;
                }
            } else if self.steps == 0 {
                if let Err(spent) = self.inside.budget.steps(STEPS) {
                    self.report.add(limit(self.inside, spent));
                    return End::Limited;
                }
                self.steps = STEPS;
            }
            self.steps = self.steps.saturating_sub(1);
            let op = match self.reader.next() {
                Ok(op) => op,
                Err(stop) => return End::Broken(stop),
            };
            self.frame(&op);
            if op.code == b'.' {
                if self.frame_end > 0 && op.at >= self.frame_end && !self.unframed && !self.frame_told {
                    self.frame_told = true;
                    let words = "the last frame ends before STOP: no pickler writes that";
                    self.say(op.at, &PICKLE_BROKEN, Weight::Malicious, None, words.to_owned());
                }
                return match self.pop() {
                    Ok(value) => {
                        self.stack.push(value);
                        End::Stopped
                    }
                    Err(end) => end,
                };
            }
            if let Err(end) = self.step(&op) {
                return end;
            }
        }
    }

    /// Frames say how many bytes to read ahead. CPython's two unpicklers differ where a frame ends inside an argument.
    fn frame(&mut self, op: &Op) {
        let straddles = op.at < self.frame_end && self.reader.at > self.frame_end;
        // Only payloads of 64 KiB and more stand outside frames, and what follows may be too short for one.
        self.unframed |= self.reader.at - op.at >= 64 << 10;
        let nested = op.code == 0x95 && op.at < self.frame_end;
        let beyond = match (op.code, op.arg) {
            (0x95, Arg::Int(len)) => {
                let end = self.reader.at.saturating_add(u64::try_from(len).unwrap_or(0));
                self.frame_end = end;
                self.unframed = false;
                end > self.reader.len()
            }
            _ => false,
        };
        if (straddles || nested || beyond) && !self.frame_told {
            self.frame_told = true;
            let words = match (straddles, nested) {
                (true, _) => "a frame ends inside an operation: Python's two unpicklers read on in different ways",
                (_, true) => "a frame begins inside a frame: Python's two unpicklers read on in different ways",
                _ => "a frame is longer than the file",
            };
            // A file that ends early is broken; a frame that two unpicklers read in different ways is made to deceive one.
            let weight = if straddles || nested { Weight::Malicious } else { Weight::NotProven };
            self.say(op.at, &PICKLE_BROKEN, weight, None, words.to_owned());
        }
    }
}
