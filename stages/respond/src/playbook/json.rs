//! Strict JSON: no name twice in one object, bounded length and depth. Two readers must not see two playbooks in one text.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::Refused;

/// Bytes of a playbook that are read: the largest that we saw has 60 KiB; a person reads no more than this.
pub const PLAYBOOK_BYTES_MAX: usize = 1 << 20;

/// Levels of nesting: CACAO's own objects need eight, a chain of signatures one more each.
pub const DEPTH_MAX: usize = 32;

/// Reads one JSON text.
///
/// # Errors
/// When it is too long or too deep, no JSON, or has a name twice.
pub fn read(bytes: &[u8]) -> Result<Value, Refused> {
    if bytes.len() > PLAYBOOK_BYTES_MAX {
        return Err(Refused::new("", format!("longer than {PLAYBOOK_BYTES_MAX} bytes")));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { depth: 0 }.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    value.map_err(|error| Refused::new("", format!("not JSON as it must be: {error}")))
}

/// One value at a depth.
#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
}

impl Strict {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        if self.depth >= DEPTH_MAX {
            return Err(E::custom(format_args!("deeper than {DEPTH_MAX} levels")));
        }
        Ok(Self { depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number without an end"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let deeper = self.deeper()?;
        let mut out = Vec::new();
        while let Some(value) = list.next_element_seed(deeper)? {
            out.push(value);
        }
        Ok(Value::Array(out))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let deeper = self.deeper()?;
        let mut out = Map::new();
        while let Some(name) = object.next_key::<String>()? {
            if out.contains_key(&name) {
                return Err(A::Error::custom(format_args!("`{name}` stands twice")));
            }
            out.insert(name, object.next_value_seed(deeper)?);
        }
        Ok(Value::Object(out))
    }
}

/// The same value with the names of every object in order: two texts of one playbook become one.
pub fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let mut names: Vec<_> = object.iter().collect();
            names.sort_by(|one, two| one.0.cmp(two.0));
            Value::Object(names.into_iter().map(|(name, value)| (name.clone(), sorted(value))).collect())
        }
        Value::Array(list) => Value::Array(list.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_twice_a_depth_a_length_and_a_tail_are_refused() {
        for (text, why) in [
            ("{\"a\":1,\"a\":1}", "twice"),
            ("{\"a\":{\"b\":1,\"\\u0062\":2}}", "twice"),
            ("{} {}", "trailing"),
            ("", "EOF"),
            ("{\"a\":1e999}", "number"),
            ("\u{feff}{}", "value"),
            ("[1,]", "trailing"),
        ] {
            assert!(read(text.as_bytes()).unwrap_err().to_string().contains(why), "{text}");
        }
        let deep = |levels: usize| [vec![b'['; levels], vec![b']'; levels]].concat();
        assert!(read(&deep(DEPTH_MAX)).is_ok());
        assert!(read(&deep(DEPTH_MAX + 1)).is_err());
        assert!(read(&deep(400_000)).is_err());
        assert!(read(&vec![b' '; PLAYBOOK_BYTES_MAX + 1]).unwrap_err().to_string().contains("longer"));
    }

    #[test]
    fn every_value_comes_back_as_serde_json_reads_it() {
        let text = r#"{"b":[1,-2,1.5,1.0,"x",null,true,{"é":18446744073709551615}],"a":{}}"#;
        let value = read(text.as_bytes()).unwrap();
        assert_eq!(value, serde_json::from_str::<Value>(text).unwrap());
        assert_eq!(serde_json::to_string(&value).unwrap(), text);
        assert!(serde_json::to_string(&sorted(&value)).unwrap().starts_with("{\"a\":{},\"b\""));
    }
}
