//! What calling a value and setting the state of one would do.

use super::judge::{self, Power};
use super::machine::Machine;
use super::value::{Sort, Value};
use super::{allow, danger};
use crate::scan::kinds::{BOMB, PICKLE_CALL, PICKLE_UNKNOWN};
use crate::scan::report::{Report, Verdict, Weight};
use crate::scan::{Inside, Part};

/// Names that turn data into a callable are followed this many times in one file; further ones give unknown values.
const REGISTERED_MAX: usize = 1 << 16;

/// Zeros that a pickle may ask for by their number. Data of that size are written out, not counted.
const ZEROS_MAX: i64 = 1 << 30;

impl Machine<'_, '_> {
    /// Calls a value, or makes an object of a class without running its `__init__` (`new`).
    pub(super) fn call(&mut self, callee: Value, args: &[Value], at: u64, new: bool) -> Value {
        self.acts += 1;
        // Prose reads like imports of modules whose names no module has; only in a trial does that matter.
        let prose = matches!(callee, Value::Global(global) if self.globals.get(global as usize)
            .is_some_and(|global| !judge::is_name(&global.module) || !judge::is_name(&global.name)));
        self.calls += u64::from(!prose && !matches!(callee, Value::Data | Value::Int(_) | Value::Text(..)));
        match callee {
            Value::Global(global) => self.call_global(global, args, at, new),
            Value::Of(global) => {
                let text = self.called(callee, args);
                let calls = self.globals.get(global as usize).is_some_and(|global| {
                    matches!(global.name.as_str(), "methodcaller" | "attrgetter" | "itemgetter" | "partial" | "getattr")
                        || global.power == Power::Acts
                });
                let weight = if calls { Weight::Malicious } else { Weight::NotProven };
                let kind = if calls { &PICKLE_CALL } else { &PICKLE_UNKNOWN };
                self.say(at, kind, weight, Some(text), "what another call gave is called while loading".to_owned());
                Value::Unknown
            }
            Value::Unknown | Value::Computed => {
                let text = self.called(callee, args);
                let words = "something that cannot be resolved is called while loading".to_owned();
                self.say(at, &PICKLE_UNKNOWN, Weight::NotProven, Some(text), words);
                Value::Unknown
            }
            Value::Data | Value::Node(_) | Value::Dtype(..) => {
                let words = "what is called is no callable: loading stops here".to_owned();
                self.say(at, &PICKLE_UNKNOWN, Weight::NotProven, None, words);
                Value::Unknown
            }
            _ => {
                let words = "what is called is plain data: loading stops here".to_owned();
                self.say(at, &crate::scan::kinds::PICKLE_BROKEN, Weight::NotProven, None, words);
                Value::Unknown
            }
        }
    }

    fn called(&self, callee: Value, args: &[Value]) -> String {
        /// Arguments that are shown.
        const SHOWN: usize = 6;
        let mut shown: Vec<String> = args.iter().take(SHOWN).map(|&arg| self.show(arg)).collect();
        if args.len() > SHOWN {
            shown.push("…".to_owned());
        }
        format!("{}({})", self.show(callee), shown.join(", "))
    }

    fn call_global(&mut self, index: u32, args: &[Value], at: u64, new: bool) -> Value {
        let Some(global) = self.globals.get_mut(index as usize) else { return Value::Unknown };
        global.called = true;
        let (power, told) = (global.power, global.told);
        let (module, name) = (global.module.clone(), global.name.clone());
        // A callable that is passed on is called by whatever takes it.
        let passed = args.iter().find_map(|&arg| self.acting(arg));
        let takes_class = judge::reconstructs(&module, &name);
        if let Some(result) = self.known(&module, &name, index, args, at) {
            return result;
        }
        if takes_class && let Some(&Value::Global(class)) = args.first() {
            return self.call_global(class, args.get(1..).unwrap_or_default(), at, true);
        }
        // Classes that act when an object is made of them; as the class of a reconstructed array they do not.
        let leaf = name.rsplit('.').next().unwrap_or(&name);
        let acting_class = danger::acting_class(&module, leaf);
        let weight = match (power, new) {
            (Power::Acts, _) | (Power::Outside, false) => Weight::Malicious,
            (Power::Library | Power::Class, _) if acting_class => Weight::Malicious,
            // sympy's classes evaluate texts that they are given as Python; a symbol's name is only a name.
            (Power::Outside, true) if module.starts_with("sympy.") && name != "Symbol" && self.any_text(args) => {
                Weight::Malicious
            }
            _ if passed.is_some() && !matches!(power, Power::Class) => Weight::Malicious,
            (Power::Named, false) => Weight::Malicious,
            (Power::Unknown | Power::Named | Power::Outside, _) => Weight::NotProven,
            (Power::Computes, _) | (Power::Class | Power::Library, true) => return Value::Of(index),
            (Power::Class, false) if allow::numeric(&module) && !danger::smells(leaf) => return Value::Of(index),
            (Power::Class | Power::Library, _) => Weight::NotProven,
        };
        if weight == Weight::NotProven && told {
            return Value::Of(index);
        }
        if let Some(global) = self.globals.get_mut(index as usize) {
            global.told = true;
        }
        let text = self.called(Value::Global(index), args);
        let (kind, words) = match (weight, passed) {
            (Weight::Malicious, Some(passed)) if !matches!(power, Power::Acts | Power::Outside) => {
                let words = format!("loading hands {} to {module}.{name}, which may call it", self.dotted(passed));
                (&PICKLE_CALL, words)
            }
            (Weight::Malicious, _) => {
                let how = if new { "makes an object of" } else { "calls" };
                (&PICKLE_CALL, format!("loading {how} {module}.{name}, which {}", judge::does(&module, &name)))
            }
            _ => (&PICKLE_UNKNOWN, format!("loading calls {module}.{name}, and nobody here knows what that does")),
        };
        self.say_of(at, kind, weight, (&module, &name), text, words);
        Value::Of(index)
    }

    fn any_text(&self, args: &[Value]) -> bool {
        args.iter().any(|arg| match arg {
            Value::Data | Value::None | Value::Int(_) | Value::Bytes(..) | Value::Dtype(..) | Value::Of(_) => false,
            Value::Node(node) => self.nodes.get(*node as usize).is_none_or(|node| {
                node.items.iter().any(|item| matches!(item, Value::Text(..) | Value::Made(_) | Value::Computed))
            }),
            _ => true,
        })
    }

    /// Calls whose result can be told.
    fn known(&mut self, module: &str, name: &str, index: u32, args: &[Value], at: u64) -> Option<Value> {
        match (module, name) {
            ("builtins", "str") | ("codecs" | "_codecs", "decode" | "encode" | "utf_8_decode" | "latin_1_encode") => {
                Some(self.recode(name, args))
            }
            ("builtins", "type") | ("abc", "ABCMeta") | ("enum", "EnumMeta" | "EnumType") if args.len() >= 3 => {
                let text = self.called(Value::Global(index), args);
                let words = "a class is made while loading: what its methods do is not known".to_owned();
                self.say(at, &PICKLE_UNKNOWN, Weight::NotProven, Some(text), words);
                Some(Value::Unknown)
            }
            ("builtins", "bytes" | "bytearray") if matches!(args, [Value::Int(size)] if *size > ZEROS_MAX) => {
                let text = self.called(Value::Global(index), args);
                let words = "more bytes are made out of nothing than ZEROS_MAX".to_owned();
                self.say(at, &BOMB, Weight::NotProven, Some(text), words);
                Some(Value::Computed)
            }
            ("builtins", "bytes" | "bytearray" | "chr" | "format" | "repr" | "ascii" | "hex") => Some(Value::Computed),
            ("builtins", "getattr") => Some(self.getattr(index, args, at)),
            ("builtins", "type") if args.len() == 1 => Some(Value::Data),
            ("importlib" | "builtins", "import_module" | "__import__") => {
                let module = self.text(*args.first()?)?;
                self.acted(index, args, at);
                Some(self.import(module, String::new(), at))
            }
            ("pkgutil", "resolve_name") | ("pydoc", "locate") | ("twisted.python.reflect", "namedAny") => {
                let path = self.text(*args.first()?)?;
                self.acted(index, args, at);
                let (module, name) = path.split_once(':').or_else(|| path.rsplit_once('.'))?;
                Some(self.import(module.to_owned(), name.to_owned(), at))
            }
            ("copyreg", "add_extension") => {
                let (module, name) = (self.text(*args.first()?)?, self.text(*args.get(1)?)?);
                self.acted(index, args, at);
                if let (Some(Value::Int(code)), Value::Global(global)) = (args.get(2), self.import(module, name, at))
                    && self.registry.len() < REGISTERED_MAX
                {
                    self.registry.insert(*code, global);
                }
                Some(Value::None)
            }
            ("numpy", "dtype") => Some(match args.first().and_then(|&arg| self.text(arg)) {
                Some(text) => dtype(&text).unwrap_or(Value::Of(index)),
                None => match args.first() {
                    Some(Value::Global(class)) => self
                        .globals
                        .get(*class as usize)
                        .and_then(|class| allow::dtype_of(&class.name))
                        .map_or(Value::Of(index), |(size, object)| Value::Dtype(size, object)),
                    _ => Value::Of(index),
                },
            }),
            ("torch.storage", "_load_from_bytes") => {
                let &Value::Bytes(start, len) = args.first()? else { return None };
                if self.trial {
                    return Some(Value::Data);
                }
                self.idle.remove(&start);
                let mut apart = Report::default();
                let part = Part::new(self.reader.bytes(), start, len);
                (self.inside.member)(&format!("bytes at {start}"), &part, &mut apart);
                let verdict = apart.verdict();
                apart.findings().iter().cloned().for_each(|finding| self.report.add(finding));
                if verdict != Verdict::Clean {
                    self.acted(index, args, at);
                }
                Some(Value::Of(index))
            }
            _ => None,
        }
    }

    /// A call that acts, whatever it gives.
    fn acted(&mut self, index: u32, args: &[Value], at: u64) {
        let text = self.called(Value::Global(index), args);
        if let Some(global) = self.globals.get_mut(index as usize) {
            global.told = true;
        }
        let (module, name) =
            self.globals.get(index as usize).map(|g| (g.module.clone(), g.name.clone())).unwrap_or_default();
        let words = format!("loading calls {module}.{name}, which {}", judge::does(&module, &name));
        self.say_of(at, &PICKLE_CALL, Weight::Malicious, (&module, &name), text, words);
    }

    /// `str`, `codecs.decode`, `codecs.encode` of what is known.
    fn recode(&mut self, name: &str, args: &[Value]) -> Value {
        let Some(&first) = args.first() else {
            return if name == "str" { self.made(String::new()) } else { Value::Computed };
        };
        let codec = args.get(1).and_then(|&codec| self.text(codec));
        let text = match first {
            Value::Bytes(at, len) => {
                let many = usize::try_from(len.min(u64::from(super::value::TEXT_MAX))).unwrap_or(0);
                Some(String::from_utf8_lossy(&self.reader.bytes().window(at, many)).into_owned())
            }
            Value::Int(number) => Some(number.to_string()),
            other => self.text(other),
        };
        let codec = codec.unwrap_or_else(|| "utf8".to_owned()).to_ascii_lowercase().replace(['-', '_'], "");
        match (text, codec.as_str()) {
            // Bytes of protocol 0 to 2 are written so: data, unless they become a name.
            (_, "latin1" | "iso88591") if name == "encode" => match first {
                Value::Text(at, len, _) if len > 256 => Value::Bytes(at, u64::from(len)),
                _ => self.text(first).map_or(Value::Computed, |text| self.made(text)),
            },
            (Some(text), "utf8" | "ascii" | "latin1" | "iso88591" | "usascii") => self.made(text),
            (Some(text), "rot13") => {
                let turned = text
                    .chars()
                    .map(|c| match c {
                        'a'..='z' => char::from((c as u8 - b'a' + 13) % 26 + b'a'),
                        'A'..='Z' => char::from((c as u8 - b'A' + 13) % 26 + b'A'),
                        other => other,
                    })
                    .collect();
                self.made(turned)
            }
            _ => Value::Computed,
        }
    }

    /// `getattr(x, "name")`.
    fn getattr(&mut self, index: u32, args: &[Value], at: u64) -> Value {
        let (Some(&object), Some(name)) = (args.first(), args.get(1).and_then(|&name| self.text(name))) else {
            self.acted(index, args, at);
            return Value::Unknown;
        };
        let (Value::Global(global) | Value::Of(global)) = object else {
            let text = self.called(Value::Global(index), args);
            let words = "an attribute is taken from a value while loading".to_owned();
            self.say(at, &PICKLE_UNKNOWN, Weight::NotProven, Some(text), words);
            return Value::Unknown;
        };
        let Some(about) = self.globals.get_mut(global as usize) else { return Value::Unknown };
        let (module, path, power) = (about.module.clone(), about.name.clone(), about.power);
        let path = if path.is_empty() { name } else { format!("{path}.{name}") };
        let result = self.import(module, path, at);
        if power == Power::Acts || self.acting(result).is_some() {
            self.acted(index, args, at);
        }
        result
    }

    /// Sets the state of an object: `__setstate__`, or its attributes.
    pub(super) fn build(&mut self, object: Value, state: Value, at: u64) -> Result<(), super::machine::End> {
        self.acts += 1;
        let mut states = vec![state];
        // A pair is a dict of the object and one of its slots.
        states.extend(self.items(state).into_iter().filter(|item| matches!(item, Value::Node(_))).take(2));
        let hook = states.iter().find_map(|&state| match state {
            Value::Node(node) => self.nodes.get(node as usize).filter(|node| node.sort == Sort::Dict)?.hook,
            _ => None,
        });
        let acts = self.acting(state);
        let text = format!("{}.__setstate__({})", self.show(object), self.show(state));
        if let Some(hook) = hook {
            let words = format!("the state sets {}, which Python calls behind the scenes", self.show(hook));
            self.say(at, &PICKLE_CALL, Weight::Malicious, Some(text), words);
        } else if let Some(acts) = acts {
            let words = format!("{} becomes part of an object's state: its methods may call it", self.dotted(acts));
            self.say(at, &PICKLE_CALL, Weight::Malicious, Some(text), words);
        } else if let Value::Global(global) = object {
            let words = format!("the state of {} itself is changed, for everybody who uses it", self.dotted(global));
            self.say(at, &PICKLE_CALL, Weight::Malicious, Some(text), words);
        } else if matches!(object, Value::Unknown | Value::Computed) {
            let words = "the state of something that is not known is set".to_owned();
            self.say(at, &PICKLE_UNKNOWN, Weight::NotProven, Some(text), words);
        }
        if let Value::Dtype(size, false) = object {
            // The last number of a dtype's state are its flags; 0x3f are those of objects. Fields may hold objects too.
            let items = self.items(state);
            let object_flag = matches!(items.get(7), Some(Value::Int(flags)) if flags & 1 != 0);
            let field = items.iter().any(|&item| self.has_objects(item, 0));
            if (object_flag || field)
                && let Some(top) = self.stack.last_mut()
            {
                *top = Value::Dtype(size, true);
            }
            if let Some(Value::Int(bytes @ 1..)) = items.get(5)
                && let Some(Value::Dtype(size, _)) = self.stack.last_mut()
            {
                *size = u32::try_from(*bytes).unwrap_or(u32::MAX);
            }
        }
        if let Value::Of(global) = object
            && self
                .globals
                .get(global as usize)
                .is_some_and(|global| global.module == "joblib.numpy_pickle" && global.name == "NumpyArrayWrapper")
        {
            return self.inlined(state, at);
        }
        Ok(())
    }

    fn has_objects(&self, value: Value, depth: usize) -> bool {
        match value {
            Value::Dtype(_, object) => object,
            Value::Node(_) if depth < 4 => self.items(value).into_iter().any(|item| self.has_objects(item, depth + 1)),
            _ => false,
        }
    }

    /// joblib writes an array's bytes into the stream, after the object that describes it.
    fn inlined(&mut self, state: Value, at: u64) -> Result<(), super::machine::End> {
        let items = self.items(state);
        let mut by_name = std::collections::HashMap::new();
        for pair in items.chunks_exact(2) {
            if let [key, value] = pair
                && let Some(key) = self.text(*key)
            {
                by_name.insert(key, *value);
            }
        }
        let lies = |machine: &mut Self, what: &str| {
            let words = format!("an array of joblib {what}: what follows cannot be told from its bytes");
            machine.say(at, &PICKLE_UNKNOWN, Weight::NotProven, None, words);
            Ok(())
        };
        let shape = match by_name.get("shape") {
            Some(&shape @ Value::Node(_)) => self.items(shape),
            _ => return lies(self, "has no shape"),
        };
        let mut count = 1_u64;
        for side in shape {
            match side {
                Value::Int(side @ 0..) => count = count.saturating_mul(u64::try_from(side).unwrap_or(u64::MAX)),
                _ => return lies(self, "has a shape that is no number"),
            }
        }
        let (size, object) = match by_name.get("dtype") {
            Some(&Value::Dtype(size, object)) => (size, object),
            _ => return lies(self, "has elements of unknown size"),
        };
        if object {
            // A pickle of its own follows; the outer one goes on after its STOP.
            return super::stream::inner(self);
        }
        let mut start = self.reader.at;
        if matches!(by_name.get("numpy_array_alignment_bytes"), Some(Value::Int(_))) {
            let padding = self.reader.peek(start, 1).first().copied().unwrap_or(0);
            start = start.saturating_add(1 + u64::from(padding));
        }
        let end = start.saturating_add(count.saturating_mul(u64::from(size)));
        if end > self.reader.len() {
            return lies(self, "goes on past the end of the file");
        }
        self.reader.at = end;
        self.unframed = true;
        Ok(())
    }
}

/// The size of one element from numpy's short name of a type.
pub(crate) fn element(text: &str) -> Option<(u32, bool)> {
    let text = text.trim_start_matches(['<', '>', '=', '|']);
    let mut chars = text.chars();
    let kind = chars.next()?;
    let rest = chars.as_str();
    let digits = rest.split('[').next().unwrap_or_default();
    let size: u32 = if digits.is_empty() { 0 } else { digits.parse().ok()? };
    Some(match kind {
        'O' => (8, true),
        'U' => (size.saturating_mul(4), false),
        '?' => (1, false),
        'b' | 'i' | 'u' | 'f' | 'c' | 'M' | 'm' | 'S' | 'V' | 'a' => (size, false),
        _ => return None,
    })
}

fn dtype(text: &str) -> Option<Value> {
    element(text).map(|(size, object)| Value::Dtype(size, object))
}

/// Where nested readings are: the path inside containers, one step deeper.
pub(super) fn deeper<'a>(inside: &Inside<'a>, path: &'a [String]) -> Inside<'a> {
    Inside { path, member: inside.member, budget: inside.budget }
}
