//! One tree for every notation of configurations. Keys keep their order and may stand twice, because two readers of the
//! same bytes may take the first or the last.

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    List(Vec<Value>),
    Map(Vec<(String, Value)>),
}

/// Numbers that are kept of one list. The long lists of models are weights; nobody judges those.
pub(crate) const NUMBERS_KEPT_MAX: usize = 4_096;

impl Value {
    /// What a map holds under a key: all of them, for keys given twice.
    pub(crate) fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a Value> {
        self.entries().iter().filter(move |(name, _)| name == key).map(|(_, value)| value)
    }

    /// The first value under a key.
    pub(crate) fn get<'a>(&'a self, key: &'a str) -> Option<&'a Value> {
        self.entries().iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// Whether a map has a key.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.entries().iter().any(|(name, _)| name == key)
    }

    /// The text under a key.
    pub(crate) fn text<'a>(&'a self, key: &'a str) -> Option<&'a str> {
        self.all(key).find_map(Value::as_text)
    }

    /// The text.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The entries of a map; of anything else none.
    pub(crate) fn entries(&self) -> &[(String, Value)] {
        match self {
            Self::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The elements of a list; of anything else none.
    pub(crate) fn items(&self) -> &[Value] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }

    /// A number that is a whole one of at most 2^53.
    pub(crate) fn whole(&self) -> Option<u64> {
        match self {
            Self::Number(number) if *number >= 0.0 && *number <= 9_007_199_254_740_992.0 && number.fract() == 0.0 => {
                Some(*number as u64)
            }
            _ => None,
        }
    }

    /// Calls `each` for this value and all within it, outermost first, with the key under which each stands. Without
    /// recursion: depth was bounded when the tree was built, and the stack of callers is not ours.
    pub(crate) fn walk<'a>(&'a self, each: &mut dyn FnMut(&'a str, &'a Value)) {
        let mut open: Vec<(&str, &Value)> = vec![("", self)];
        while let Some((key, value)) = open.pop() {
            each(key, value);
            match value {
                Self::List(items) => open.extend(items.iter().rev().map(|item| (key, item))),
                Self::Map(entries) => open.extend(entries.iter().rev().map(|(key, value)| (key.as_str(), value))),
                _ => {}
            }
        }
    }
}
