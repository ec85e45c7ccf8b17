//! Stack, marks and memo: what each operation does to symbolic values.

use std::collections::HashMap;

use super::danger;
use super::judge::{self, Power};
use super::opcode::{Arg, Op, Reader, Stop};
use super::value::{ITEMS_MAX, MADE_MAX, NODES_MAX, Node, Sort, TEXT_MAX, Value, decode};
use crate::scan::kinds::{BOMB, LIMIT, PICKLE_BROKEN, PICKLE_CALL, PICKLE_IMPORT, PICKLE_UNKNOWN, found, limit, shown};
use crate::scan::report::{Finding, Kind, Report, Weight};
use crate::scan::{Bytes, Inside};

/// Values on the stack. Picklers write lists in batches of 1,000; deeper stacks are attacks on the reader's memory.
const STACK_MAX: usize = 1 << 22;
/// Marks that are open at once: nesting of what is pickled, which Python itself limits far below.
const MARKS_MAX: usize = 1 << 20;
/// Memo entries that are kept: one an object of the file.
const MEMO_MAX: usize = 1 << 24;
/// Names that differ. Real files have hundreds.
const GLOBALS_MAX: usize = 1 << 16;
/// Values that a node may stand for when each reference is followed. A file of 16 GiB has not as many.
const EXPANDED_MAX: u64 = 1 << 40;
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
    marks: Vec<usize>,
    memo: Vec<Value>,
    sparse: HashMap<i64, Value>,
    memoized: usize,
    protocol: i64,
}

/// The machine.
pub(super) struct Machine<'a, 'b> {
    pub reader: Reader<'a>,
    pub inside: &'a Inside<'b>,
    pub report: &'a mut Report,
    pub stack: Vec<Value>,
    marks: Vec<usize>,
    memo: Vec<Value>,
    sparse: HashMap<i64, Value>,
    memoized: usize,
    pub globals: Vec<Global>,
    names: HashMap<(String, String), u32>,
    pub nodes: Vec<Node>,
    made: Vec<String>,
    pub registry: HashMap<i64, u32>,
    frame_end: u64,
    frame_told: bool,
    /// Whether a large payload stands after the last frame.
    pub unframed: bool,
    protocol: i64,
    expanded: bool,
    steps: u64,
    trial_steps: u64,
    /// Calls and imports seen.
    pub acts: u64,
    /// Calls of what may be a callable.
    pub calls: u64,
    /// Bytes that persistent ids of torch storages stand for, by key.
    pub storages: HashMap<String, u64>,
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
            steps: 0,
            trial_steps: 0,
            acts: 0,
            calls: 0,
            storages: HashMap::new(),
            depth: 0,
            trial: false,
        }
    }

    /// Adds a finding.
    pub(super) fn say(&mut self, at: u64, kind: &'static Kind, weight: Weight, call: Option<String>, words: String) {
        let call = call.map(|call| shown(&call));
        self.report.add(Finding { offset: at, call, ..found(self.inside, kind, weight, words) });
    }

    /// The last value, without what a mark protects.
    fn pop(&mut self) -> Result<Value, End> {
        let floor = self.marks.last().copied().unwrap_or(0);
        if self.stack.len() <= floor {
            return Err(End::Refused("the stack is empty"));
        }
        self.stack.pop().ok_or(End::Refused("the stack is empty"))
    }

    fn top(&self) -> Result<Value, End> {
        let floor = self.marks.last().copied().unwrap_or(0);
        match self.stack.len() > floor {
            true => self.stack.last().copied().ok_or(End::Refused("the stack is empty")),
            false => Err(End::Refused("the stack is empty")),
        }
    }

    fn push(&mut self, value: Value) -> Result<(), End> {
        if self.stack.len() >= STACK_MAX {
            self.over(self.reader.at, "more values on the stack than STACK_MAX");
            return Err(End::Limited);
        }
        self.stack.push(value);
        Ok(())
    }

    fn over(&mut self, at: u64, what: &str) {
        self.say(at, &LIMIT, Weight::NotProven, None, format!("the rest was not read: {what}"));
    }

    /// What stands above the last mark.
    fn marked(&mut self) -> Result<Vec<Value>, End> {
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

    fn step(&mut self, op: &Op) -> Result<(), End> {
        let at = op.at;
        match op.code {
            0x80 => {
                if let Arg::Int(protocol) = op.arg {
                    self.protocol = protocol;
                    if protocol > 5 {
                        return Err(End::Refused("a protocol that does not exist"));
                    }
                }
            }
            0x95 => {}
            b'(' => {
                if self.marks.len() >= MARKS_MAX {
                    self.over(at, "more open marks than MARKS_MAX");
                    return Err(End::Limited);
                }
                self.marks.push(self.stack.len());
            }
            b'0' => match self.pop() {
                Ok(_) => {}
                // POP takes a mark where nothing stands above it.
                Err(end) => self.marks.pop().map(|_| ()).ok_or(end)?,
            },
            b'1' => drop(self.marked()?),
            b'2' => {
                let top = self.top()?;
                self.push(top)?;
            }
            b'N' => self.push(Value::None)?,
            0x88 | 0x89 | b'G' | b'F' => self.push(Value::Data)?,
            b'I' | b'L' | b'J' | b'K' | b'M' | 0x8a | 0x8b => match op.arg {
                Arg::Int(number) => self.push(Value::Int(number))?,
                _ => self.push(Value::Data)?,
            },
            b'S' | b'T' | b'U' | b'V' | b'X' | 0x8c | 0x8d => {
                if let Arg::Text(at, len, form) = op.arg {
                    self.payload(at, len, true);
                    self.push(Value::Text(at, u32::try_from(len).unwrap_or(u32::MAX), form))?;
                }
            }
            b'B' | b'C' | 0x8e | 0x96 => {
                if let Arg::Bytes(at, len) = op.arg {
                    self.payload(at, len, false);
                    self.push(Value::Bytes(at, len))?;
                }
            }
            b'}' => self.make(Sort::Dict, &[])?,
            b']' => self.make(Sort::List, &[])?,
            0x8f => self.make(Sort::Set, &[])?,
            b')' => self.make(Sort::Tuple, &[])?,
            0x85..=0x87 => {
                let many = usize::from(op.code - 0x84);
                let mut items = [Value::None; 3];
                for item in items.iter_mut().take(many).rev() {
                    *item = self.pop()?;
                }
                self.make(Sort::Tuple, items.get(..many).unwrap_or_default())?;
            }
            b't' | b'l' | b'd' | 0x91 => {
                let items = self.marked()?;
                let sort = match op.code {
                    b't' => Sort::Tuple,
                    b'l' => Sort::List,
                    b'd' => Sort::Dict,
                    _ => Sort::Set,
                };
                self.make(sort, &items)?;
            }
            b'a' => {
                let item = self.pop()?;
                self.put(&[item], at)?;
            }
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.put(&[key, value], at)?;
            }
            b'e' | b'u' | 0x90 => {
                let items = self.marked()?;
                self.put(&items, at)?;
            }
            b'g' | b'h' | b'j' => {
                let value = self.get(op.arg).ok_or(End::Refused("a memo entry that does not exist"))?;
                self.push(value)?;
            }
            b'p' | b'q' | b'r' | 0x94 => {
                let value = self.top()?;
                let index = match op.arg {
                    Arg::Int(index) => index,
                    Arg::No => i64::try_from(self.memoized).unwrap_or(i64::MAX),
                    _ => return Err(End::Refused("a memo entry that cannot be")),
                };
                self.set(index, value, at)?;
            }
            b'c' => {
                if let Arg::Pair(module, name) = op.arg {
                    let global = self.import(self.line(module), self.line(name), at);
                    self.push(global)?;
                }
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let global = self.stack_global(module, name, at);
                self.push(global)?;
            }
            b'i' => {
                let args = self.marked()?;
                if let Arg::Pair(module, name) = op.arg {
                    let callee = self.import(self.line(module), self.line(name), at);
                    let result = self.call(callee, &args, at, false);
                    self.push(result)?;
                }
            }
            b'o' => {
                let args = self.marked()?;
                let (callee, args) = args.split_first().ok_or(End::Refused("no class"))?;
                let result = self.call(*callee, args, at, false);
                self.push(result)?;
            }
            b'R' => {
                let (args, callee) = (self.pop()?, self.pop()?);
                let args = self.items(args);
                let result = self.call(callee, &args, at, false);
                self.push(result)?;
            }
            0x81 => {
                let (args, class) = (self.pop()?, self.pop()?);
                let args = self.items(args);
                let result = self.call(class, &args, at, true);
                self.push(result)?;
            }
            0x92 => {
                let (named, args, class) = (self.pop()?, self.pop()?, self.pop()?);
                let mut args = self.items(args);
                args.extend(self.items(named));
                let result = self.call(class, &args, at, true);
                self.push(result)?;
            }
            b'b' => {
                let (state, object) = (self.pop()?, self.top()?);
                self.build(object, state, at)?;
            }
            b'P' => self.push(Value::Data)?,
            b'Q' => {
                let id = self.pop()?;
                let value = self.storage(id);
                self.push(value)?;
            }
            0x82..=0x84 => {
                let code = if let Arg::Int(code) = op.arg { code } else { 0 };
                let value = match self.registry.get(&code) {
                    Some(&global) => Value::Global(global),
                    None => {
                        let words = format!("the extension code {code} stands for what the loading program registered");
                        self.say(at, &PICKLE_UNKNOWN, Weight::NotProven, None, words);
                        Value::Unknown
                    }
                };
                self.acts += 1;
                self.push(value)?;
            }
            // Buffers come from beside the stream.
            0x97 => self.push(Value::Data)?,
            0x98 => drop(self.top()?),
            _ => return Err(End::Refused("an operation that is not known")),
        }
        Ok(())
    }

    fn get(&self, arg: Arg) -> Option<Value> {
        let Arg::Int(index) = arg else { return None };
        let dense = usize::try_from(index).ok().and_then(|index| self.memo.get(index)).copied();
        self.sparse.get(&index).copied().or(dense)
    }

    fn set(&mut self, index: i64, value: Value, at: u64) -> Result<(), End> {
        self.memoized += 1;
        if self.memo.len() + self.sparse.len() >= MEMO_MAX {
            self.over(at, "more memo entries than MEMO_MAX");
            return Err(End::Limited);
        }
        let place = usize::try_from(index).map_err(|_| End::Refused("a memo entry below zero"))?;
        match place.cmp(&self.memo.len()) {
            std::cmp::Ordering::Equal => self.memo.push(value),
            std::cmp::Ordering::Less => {
                if let Some(entry) = self.memo.get_mut(place) {
                    *entry = value;
                }
                if !self.sparse.is_empty() {
                    self.sparse.remove(&index);
                }
            }
            std::cmp::Ordering::Greater => drop(self.sparse.insert(index, value)),
        }
        Ok(())
    }

    fn make(&mut self, sort: Sort, items: &[Value]) -> Result<(), End> {
        let value = self.node(sort, items);
        self.push(value)
    }

    /// A new tuple, list, dict or set.
    pub(super) fn node(&mut self, sort: Sort, items: &[Value]) -> Value {
        if self.nodes.len() >= NODES_MAX {
            let inert = items.iter().all(|item| !matches!(item, Value::Global(_) | Value::Unknown | Value::Computed));
            return if inert { Value::Data } else { Value::Unknown };
        }
        let Ok(index) = u32::try_from(self.nodes.len()) else { return Value::Unknown };
        self.nodes.push(Node { sort, items: Vec::new(), acts: None, hook: None, size: 1, told: false });
        self.add(index, items);
        Value::Node(index)
    }

    fn add(&mut self, index: u32, items: &[Value]) {
        let dict = self.nodes.get(index as usize).is_some_and(|node| node.sort == Sort::Dict);
        let (mut acts, mut hook) = (None, None);
        let mut size = 0_u64;
        for (place, &item) in items.iter().enumerate() {
            acts = acts.or_else(|| self.acting(item));
            size = size.saturating_add(match item {
                Value::Node(node) => self.nodes.get(node as usize).map_or(1, |node| node.size),
                _ => 1,
            });
            if dict && place % 2 == 0 && self.is_hook(item) {
                hook = hook.or(Some(item));
            }
        }
        let mut expands = false;
        if let Some(node) = self.nodes.get_mut(index as usize) {
            let room = ITEMS_MAX.saturating_sub(node.items.len());
            node.items.extend(items.iter().take(room));
            node.size = node.size.saturating_add(size);
            expands = node.size > EXPANDED_MAX && !std::mem::replace(&mut node.told, node.size > EXPANDED_MAX);
            node.acts = node.acts.or(acts);
            node.hook = node.hook.or(hook);
        }
        if expands && !self.expanded {
            self.expanded = true;
            let words = "references to references stand for more values than EXPANDED_MAX: walking them never ends";
            self.say(self.reader.at, &BOMB, Weight::NotProven, None, words.to_owned());
        }
    }

    /// The callable in a value that would act.
    pub(super) fn acting(&self, value: Value) -> Option<u32> {
        match value {
            Value::Global(global) => {
                let power = self.globals.get(global as usize)?.power;
                (power == Power::Acts).then_some(global)
            }
            Value::Node(node) => self.nodes.get(node as usize)?.acts,
            _ => None,
        }
    }

    /// Keys that replace what Python calls behind the scenes.
    fn is_hook(&mut self, key: Value) -> bool {
        let Value::Text(at, len @ 5..=24, _) = key else { return matches!(key, Value::Computed | Value::Unknown) };
        if self.reader.peek(at, 2) != b"__" && self.reader.peek(at, 3).get(1..) != Some(b"__") {
            return false;
        }
        let _ = len;
        self.text(key).is_some_and(|key| {
            key.starts_with("__")
                && key.ends_with("__")
                && !matches!(
                    key.as_str(),
                    "__dict__"
                        | "__name__"
                        | "__qualname__"
                        | "__module__"
                        | "__doc__"
                        | "__version__"
                        | "__len__"
                        | "__annotations__"
                        | "__metadata__"
                        | "__pydantic_fields_set__"
                        | "__pydantic_extra__"
                        | "__pydantic_private__"
                        | "__objclass__"
                        | "__orig_class__"
                        | "__slots__"
                        | "__weakref__"
                )
        })
    }

    /// Items that go to the list, set, dict or object on top.
    fn put(&mut self, items: &[Value], at: u64) -> Result<(), End> {
        match self.top()? {
            Value::Node(node) => self.add(node, items),
            Value::Global(global) => {
                let name = self.dotted(global);
                let words = format!("items are put into {name}, which belongs to a module");
                self.say(at, &PICKLE_CALL, Weight::Malicious, Some(format!("{name}[...] = ...")), words);
            }
            Value::Unknown | Value::Computed if !items.is_empty() => {
                // `append`, `extend`, `add` and `__setitem__` of something that nobody knows are calls.
                let words = "items are put into something that is not known".to_owned();
                self.say(at, &PICKLE_UNKNOWN, Weight::NotProven, None, words);
            }
            Value::Data | Value::Of(_) => {
                for &item in items {
                    if let Some(acts) = self.acting(item) {
                        let words = format!("{} is put where it may be called", self.dotted(acts));
                        self.say(at, &PICKLE_IMPORT, Weight::NotProven, None, words);
                    } else if self.is_hook(item) {
                        let words = format!("{} is set", self.show(item));
                        self.say(at, &PICKLE_IMPORT, Weight::NotProven, None, words);
                    }
                }
            }
            Value::None | Value::Int(_) | Value::Text(..) | Value::Made(_) | Value::Bytes(..) => {
                return Err(End::Refused("items are put into what holds none"));
            }
            _ => {}
        }
        Ok(())
    }

    /// Arguments as they are passed.
    pub(super) fn items(&self, value: Value) -> Vec<Value> {
        match value {
            Value::Node(node) => self.nodes.get(node as usize).map(|node| node.items.clone()).unwrap_or_default(),
            Value::Unknown | Value::Computed => vec![value],
            _ => Vec::new(),
        }
    }

    fn line(&self, (at, len): (u64, u64)) -> String {
        let many = usize::try_from(len.min(u64::from(TEXT_MAX))).unwrap_or(0);
        String::from_utf8_lossy(&self.reader.bytes().window(at, many)).trim_end_matches('\r').to_owned()
    }

    /// The characters of a value, where it is a text that is known; the first [`TEXT_MAX`] bytes of it.
    pub(super) fn text(&self, value: Value) -> Option<String> {
        match value {
            Value::Text(at, len, form) => {
                Some(decode(&self.reader.bytes().window(at, len.min(TEXT_MAX) as usize), form))
            }
            Value::Made(made) => self.made.get(made as usize).cloned(),
            _ => None,
        }
    }

    /// A text that was computed.
    pub(super) fn made(&mut self, text: String) -> Value {
        if self.made.len() >= MADE_MAX || text.len() > TEXT_MAX as usize {
            return Value::Computed;
        }
        self.made.push(text);
        u32::try_from(self.made.len() - 1).map_or(Value::Computed, Value::Made)
    }

    fn stack_global(&mut self, module: Value, name: Value, at: u64) -> Value {
        let computed = |value| matches!(value, Value::Made(_) | Value::Computed | Value::Of(_) | Value::Unknown);
        if (computed(module) || computed(name)) && !self.trial {
            let (module, name) = (self.show(module), self.show(name));
            let words = "the name of what is imported is computed while loading: it is hidden on purpose".to_owned();
            self.say(at, &PICKLE_CALL, Weight::Malicious, Some(format!("import {module}, {name}")), words);
        }
        match (self.text(module), self.text(name)) {
            (Some(module), Some(name)) => self.import(module, name, at),
            _ => {
                self.acts += 1;
                if !computed(module) && !computed(name) {
                    let words = "the name of what is imported is no text: loading stops here".to_owned();
                    self.say(at, &PICKLE_BROKEN, Weight::NotProven, None, words);
                }
                Value::Unknown
            }
        }
    }

    /// Imports a name.
    pub(super) fn import(&mut self, module: String, name: String, at: u64) -> Value {
        self.acts += 1;
        let key = (module, name);
        if let Some(&index) = self.names.get(&key) {
            return Value::Global(index);
        }
        let index = match u32::try_from(self.globals.len()) {
            Ok(index) if self.globals.len() < GLOBALS_MAX => index,
            _ => {
                self.over(at, "more names than GLOBALS_MAX");
                return Value::Unknown;
            }
        };
        let (module, name) = judge::resolve(&key.0, &key.1);
        let power = judge::power(&module, &name);
        self.calls += u64::from(power == Power::Acts && judge::is_name(&module) && judge::is_name(&name));
        self.globals.push(Global { module, name, power, at, told: false, called: false });
        self.names.insert(key, index);
        Value::Global(index)
    }

    /// `module.name`.
    pub(super) fn dotted(&self, global: u32) -> String {
        self.globals.get(global as usize).map_or_else(String::new, |global| match global.name.is_empty() {
            true => global.module.clone(),
            false => format!("{}.{}", global.module, global.name),
        })
    }

    /// What a stream gives to its loader.
    pub(super) fn result(&mut self, at: u64) {
        if let Some(Value::Global(global)) = self.stack.last().copied()
            && let Some(about) = self.globals.get_mut(global as usize)
            && about.power == Power::Acts
        {
            about.told = true;
            let name = self.dotted(global);
            let words = format!("what is loaded is {name} itself: whoever uses the model calls it");
            self.say(at.saturating_sub(1), &PICKLE_IMPORT, Weight::Malicious, Some(name), words);
        }
    }

    /// What was imported and never called.
    pub(super) fn imports(&mut self) {
        let mut left = std::mem::take(&mut self.globals);
        for global in left.iter_mut().filter(|global| !global.called && !global.told) {
            global.told = true;
            let name = shown(&format!("{}.{}", global.module, global.name));
            match global.power {
                Power::Acts => {
                    let words =
                        format!("{name} is imported and not called here; whoever uses what is loaded may call it");
                    let executes = danger::executes(&global.module);
                    let weight = if executes { Weight::Malicious } else { Weight::NotProven };
                    self.say(global.at, &PICKLE_IMPORT, weight, None, words);
                }
                Power::Unknown => {
                    let words = format!("{name} is imported, and nobody here knows it");
                    self.say(global.at, &PICKLE_UNKNOWN, Weight::NotProven, None, words);
                }
                _ => {}
            }
        }
        self.globals = left;
    }

    /// A torch storage: what its persistent id says it is.
    fn storage(&mut self, id: Value) -> Value {
        let items = self.items(id);
        // Old torch files name a module's class so, with its source to compare.
        if let [kind, class @ Value::Global(_), ..] = items.as_slice()
            && self.text(*kind).as_deref() == Some("module")
        {
            return *class;
        }
        if let [kind, Value::Global(class), key, _, Value::Int(many), ..] = items.as_slice()
            && self.text(*kind).as_deref() == Some("storage")
            && let Some(key) = self.text(*key)
            && self.storages.len() < MEMO_MAX
        {
            let size = self.globals.get(*class as usize).map_or(0, |class| super::allow::storage_size(&class.name));
            let bytes = u64::try_from(*many).unwrap_or(0).saturating_mul(size);
            self.storages.insert(key, bytes);
        }
        Value::Data
    }

    /// A value as a finding shows it.
    pub(super) fn show(&self, value: Value) -> String {
        /// Characters of one argument.
        const ARGUMENT: usize = 80;
        match value {
            Value::Unknown | Value::Computed => "?".to_owned(),
            Value::Data => "…".to_owned(),
            Value::None => "None".to_owned(),
            Value::Int(number) => number.to_string(),
            Value::Text(..) | Value::Made(_) => {
                let text: String = self.text(value).unwrap_or_default();
                let mut cut: String = text.chars().take(ARGUMENT).collect();
                if text.chars().nth(ARGUMENT).is_some() {
                    cut.push('…');
                }
                format!("{cut:?}")
            }
            Value::Bytes(_, len) => format!("<{len} bytes>"),
            Value::Global(global) => self.dotted(global),
            Value::Of(global) => format!("{}(…)", self.dotted(global)),
            Value::Dtype(..) => "dtype".to_owned(),
            Value::Node(node) => match self.nodes.get(node as usize) {
                None => "…".to_owned(),
                Some(node) => {
                    let first: Vec<String> = node
                        .items
                        .iter()
                        .take(4)
                        .map(|&item| if matches!(item, Value::Node(_)) { "…".to_owned() } else { self.show(item) })
                        .collect();
                    let dots = if node.items.len() > 4 { ", …" } else { "" };
                    match node.sort {
                        Sort::Tuple => format!("({}{dots})", first.join(", ")),
                        Sort::List => format!("[{}{dots}]", first.join(", ")),
                        Sort::Dict | Sort::Set => format!("{{{}{dots}}}", first.join(", ")),
                    }
                }
            },
        }
    }

    /// Large payloads stay where they are; only their start is looked at.
    fn payload(&mut self, at: u64, len: u64, text: bool) {
        if !self.trial && len >= 8 {
            super::stream::nested(self, at, len, text);
        }
    }
}
