//! Texts, names and imports: how a name is put together, what it resolves to, and how values are shown in findings.

use super::danger;
use super::judge::{self, Power};
use super::machine::{GLOBALS_MAX, Global, Machine};
use super::value::{MADE_MAX, Sort, TEXT_MAX, Value, decode};
use crate::scan::kinds::{PICKLE_BROKEN, PICKLE_CALL, PICKLE_IMPORT, PICKLE_UNKNOWN, shown};
use crate::scan::report::Weight;

impl Machine<'_, '_> {
    pub(super) fn line(&self, (at, len): (u64, u64)) -> String {
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

    pub(super) fn stack_global(&mut self, module: Value, name: Value, at: u64) -> Value {
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
            let name = match global.name.is_empty() {
                true => shown(&global.module),
                false => shown(&format!("{}.{}", global.module, global.name)),
            };
            match global.power {
                Power::Acts => {
                    let words =
                        format!("{name} is imported and not called here; whoever uses what is loaded may call it");
                    let executes = danger::executes(&global.module);
                    let weight = if executes { Weight::Malicious } else { Weight::NotProven };
                    self.say_of(global.at, &PICKLE_IMPORT, weight, (&global.module, &global.name), name, words);
                }
                Power::Unknown | Power::Outside => {
                    let words = format!("{name} is imported, and nobody here knows it");
                    self.say(global.at, &PICKLE_UNKNOWN, Weight::NotProven, Some(name), words);
                }
                _ => {}
            }
        }
        self.globals = left;
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
}
