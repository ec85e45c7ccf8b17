//! What each operation does to symbolic values: stack, marks, memo, and what persistent ids of torch stand for.
//!
//! Costs one `match` an operation; payloads are stepped over by their length.

use super::machine::{End, MARKS_MAX, MEMO_MAX, Machine};
use super::opcode::{Arg, Op};
use super::value::{Sort, Value};
use crate::scan::kinds::PICKLE_UNKNOWN;
use crate::scan::report::Weight;

impl Machine<'_, '_> {
    pub(super) fn step(&mut self, op: &Op) -> Result<(), End> {
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

    /// Large payloads stay where they are; only their start is looked at.
    fn payload(&mut self, at: u64, len: u64, text: bool) {
        if !self.trial && len >= 8 {
            super::stream::nested(self, at, len, text);
        }
    }
}
