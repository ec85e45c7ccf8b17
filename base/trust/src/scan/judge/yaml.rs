//! YAML into a tree, with the tags that stand in it. Aliases are replaced by what they stand for, as a loader does, up to a
//! limit that a "billion laughs" reaches at once.

use saphyr_parser::{Event, Parser};

use super::value::Value;

/// Bytes of YAML that are read. Configurations of models are a few kilobytes, the largest tokenizer in YAML some hundreds.
pub(crate) const YAML_MAX: usize = 8 << 20;
/// Maps and lists within each other.
const DEPTH_MAX: usize = 200;

/// Values that aliases may stand for, all together.
const ALIASED_MAX: usize = 100_000;

/// What was read before the end, or before an error.
pub(crate) struct Yaml {
    /// The documents.
    pub documents: Vec<Value>,
    /// Every tag that is not one of YAML's own, with its byte offset.
    pub tags: Vec<(String, usize)>,
    /// Whether it was read to its end.
    pub whole: bool,
    /// Whether a limit of this reader was reached: [`ALIASED_MAX`] or [`DEPTH_MAX`].
    pub limited: bool,
}

/// Reads as far as it goes.
pub(crate) fn read(text: &str) -> Yaml {
    let mut out = Yaml { documents: Vec::new(), tags: Vec::new(), whole: true, limited: false };
    let mut open: Vec<(Open, usize)> = Vec::new();
    let mut anchors = std::collections::HashMap::<usize, Value>::new();
    let mut aliased = 0;
    for event in Parser::new_from_str(text) {
        let Ok((event, span)) = event else {
            out.whole = false;
            break;
        };
        let mut tagged = |tag: Option<(String, String)>| {
            if let Some((handle, suffix)) = tag
                && (handle != "tag:yaml.org,2002:" || suffix.contains('/'))
            {
                out.tags.push((format!("{handle}{suffix}"), span.start.index()));
            }
        };
        let mut anchored = 0;
        let value = match event {
            Event::Scalar(text, _, anchor, tag) => {
                tagged(tag.map(|tag| (tag.handle.clone(), tag.suffix.clone())));
                anchored = anchor;
                Some(Value::Text(text.into_owned()))
            }
            Event::Alias(anchor) => {
                let value = anchors.get(&anchor).cloned().unwrap_or(Value::Null);
                let mut many = 0;
                value.walk(&mut |_, _| many += 1);
                aliased += many;
                out.limited |= aliased > ALIASED_MAX;
                Some(if out.limited { Value::Null } else { value })
            }
            Event::SequenceStart(anchor, tag) => {
                tagged(tag.map(|tag| (tag.handle.clone(), tag.suffix.clone())));
                open.push((Open::List(Vec::new()), anchor));
                None
            }
            Event::MappingStart(anchor, tag) => {
                tagged(tag.map(|tag| (tag.handle.clone(), tag.suffix.clone())));
                open.push((Open::Map(Vec::new(), None), anchor));
                None
            }
            Event::SequenceEnd | Event::MappingEnd => open.pop().map(|(inner, anchor)| {
                anchored = anchor;
                inner.close()
            }),
            _ => None,
        };
        if let Some(value) = value.as_ref().filter(|_| anchored != 0) {
            value.walk(&mut |_, _| aliased += 1);
            if aliased <= ALIASED_MAX {
                anchors.insert(anchored, value.clone());
            } else {
                out.limited = true;
            }
        }
        if open.len() > DEPTH_MAX {
            (out.whole, out.limited) = (false, true);
            break;
        }
        match (value, open.last_mut()) {
            (None, _) => {}
            (Some(value), Some((inner, _))) => inner.push(value),
            (Some(value), None) => out.documents.push(value),
        }
    }
    while let Some((inner, _)) = open.pop() {
        let value = inner.close();
        match open.last_mut() {
            Some((outer, _)) => outer.push(value),
            None => out.documents.push(value),
        }
    }
    out
}

enum Open {
    List(Vec<Value>),
    Map(Vec<(String, Value)>, Option<String>),
}

impl Open {
    fn push(&mut self, value: Value) {
        match self {
            Self::List(items) => items.push(value),
            Self::Map(entries, key) => match key.take() {
                Some(name) => entries.push((name, value)),
                None => match value {
                    Value::Text(name) => *key = Some(name),
                    // A key that is a list or a map: keep what it holds.
                    other => {
                        entries.push((String::new(), other));
                        *key = Some(String::new());
                    }
                },
            },
        }
    }

    fn close(self) -> Value {
        match self {
            Self::List(items) => Value::List(items),
            Self::Map(entries, _) => Value::Map(entries),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_lists_and_tags() {
        let yaml = read("a: 1\nb:\n  - x\n  - y: z\nc: !!python/object/apply:os.system ['echo']\nd: !!str s\n");
        assert!(yaml.whole);
        assert_eq!(yaml.tags.len(), 1, "{:?}", yaml.tags);
        assert!(yaml.tags[0].0.contains("python/object/apply:os.system"));
        assert_eq!(yaml.documents[0].text("a"), Some("1"));
        let aliases = read("a: &x Lambda\nb: &y {class_name: *x}\nc: [*y]\n");
        assert_eq!(aliases.documents[0].get("c").unwrap().items()[0].text("class_name"), Some("Lambda"));
        let laughs: String = (1..30).map(|n| format!("a{n}: &a{n} [*a{0}, *a{0}]\n", n - 1)).collect();
        assert!(read(&format!("a0: &a0 ha\n{laughs}")).limited);
        assert!(read(&"- ".repeat(300)).limited);
        assert!(!read("a: [1, 2").whole);
        read(&"[".repeat(10_000));
        read(&"- ".repeat(10_000));
    }
}
