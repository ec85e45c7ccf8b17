//! YAML into a tree, with the tags that stand in it. Aliases are not followed: what they point to was judged where it
//! stands, and a "billion laughs" costs nothing.

use saphyr_parser::{Event, Parser};

use super::value::Value;

/// Bytes of YAML that are read. Configurations of models are a few kilobytes, the largest tokenizer in YAML some hundreds.
pub(crate) const YAML_MAX: usize = 8 << 20;
/// Maps and lists within each other.
const DEPTH_MAX: usize = 200;

/// What was read before the end, or before an error.
pub(crate) struct Yaml {
    /// The documents.
    pub documents: Vec<Value>,
    /// Every tag that is not one of YAML's own, with its byte offset.
    pub tags: Vec<(String, usize)>,
    /// Whether it was read to its end.
    pub whole: bool,
}

/// Reads as far as it goes.
pub(crate) fn read(text: &str) -> Yaml {
    let mut out = Yaml { documents: Vec::new(), tags: Vec::new(), whole: true };
    let mut open: Vec<Open> = Vec::new();
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
        let value = match event {
            Event::Scalar(text, _, _, tag) => {
                tagged(tag.map(|tag| (tag.handle.clone(), tag.suffix.clone())));
                Some(Value::Text(text.into_owned()))
            }
            Event::Alias(_) => Some(Value::Null),
            Event::SequenceStart(.., tag) => {
                tagged(tag.map(|tag| (tag.handle.clone(), tag.suffix.clone())));
                open.push(Open::List(Vec::new()));
                None
            }
            Event::MappingStart(.., tag) => {
                tagged(tag.map(|tag| (tag.handle.clone(), tag.suffix.clone())));
                open.push(Open::Map(Vec::new(), None));
                None
            }
            Event::SequenceEnd | Event::MappingEnd => open.pop().map(Open::close),
            _ => None,
        };
        if open.len() > DEPTH_MAX {
            out.whole = false;
            break;
        }
        match (value, open.last_mut()) {
            (None, _) => {}
            (Some(value), Some(inner)) => inner.push(value),
            (Some(value), None) => out.documents.push(value),
        }
    }
    while let Some(inner) = open.pop() {
        let value = inner.close();
        match open.last_mut() {
            Some(outer) => outer.push(value),
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
        assert!(!read("a: [1, 2").whole);
        read(&"[".repeat(10_000));
        read(&"- ".repeat(10_000));
    }
}
