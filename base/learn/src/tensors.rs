//! What a model is kept as: named arrays of numbers and a few words, in the layout of safetensors
//! (8 bytes header length, a JSON header, the arrays one after another). No code, no pickle, nothing that runs.
//!
//! Reading is strict: the file must be exactly as [`Tensors::to_bytes`] writes it, within [`BYTES_MAX`]; every float is
//! finite. What the numbers mean (indices in range, children after parents) each model's `from_tensors` checks.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use shieldwall_trust::{Artifact, Verified};

/// Bytes of a model that are read.
pub const BYTES_MAX: usize = 256 << 20;

/// Bytes of the header.
pub const HEADER_BYTES_MAX: usize = 16 << 20;

/// Arrays in one file.
pub const ARRAYS_MAX: usize = 4096;

/// Bytes that say how long the header is.
const LENGTH_BYTES: usize = 8;

/// One array, of one dimension; models know their own shapes.
#[derive(Clone, Debug, PartialEq)]
pub enum Array {
    /// `U8`
    U8(Vec<u8>),
    /// `U16`
    U16(Vec<u16>),
    /// `U32`
    U32(Vec<u32>),
    /// `U64`
    U64(Vec<u64>),
    /// `I32`
    I32(Vec<i32>),
    /// `F32`, finite
    F32(Vec<f32>),
    /// `F64`, finite
    F64(Vec<f64>),
}

/// Named arrays and words.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tensors {
    /// Words: settings, names, versions.
    pub words: BTreeMap<String, String>,
    /// Arrays.
    pub arrays: BTreeMap<String, Array>,
}

/// A model that cannot be loaded: where and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct LoadError {
    /// Which part of the file: `header`, `array `thr``, `word `schema``.
    pub place: String,
    /// What is wrong with it.
    pub problem: String,
}

impl LoadError {
    /// An error at a place.
    pub fn new(place: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { place: place.into(), problem: problem.into() }
    }
}

macro_rules! getters {
    ($($name:ident $variant:ident $type:ty),*) => {$(
        /// The array of this name and type.
        ///
        /// # Errors
        /// When there is none, or one of another type.
        pub fn $name(&self, name: &str) -> Result<&[$type], LoadError> {
            match self.arrays.get(name) {
                Some(Array::$variant(values)) => Ok(values),
                Some(_) => Err(LoadError::new(format!("array `{name}`"), concat!("is not of type ", stringify!($variant)))),
                None => Err(LoadError::new(format!("array `{name}`"), "is missing")),
            }
        }
    )*};
}

impl Array {
    /// The type's name in the header, and its width in bytes.
    fn kind(&self) -> (&'static str, usize) {
        match self {
            Self::U8(_) => ("U8", 1),
            Self::U16(_) => ("U16", 2),
            Self::U32(_) => ("U32", 4),
            Self::U64(_) => ("U64", 8),
            Self::I32(_) => ("I32", 4),
            Self::F32(_) => ("F32", 4),
            Self::F64(_) => ("F64", 8),
        }
    }

    /// How many numbers.
    pub fn len(&self) -> usize {
        match self {
            Self::U8(values) => values.len(),
            Self::U16(values) => values.len(),
            Self::U32(values) => values.len(),
            Self::U64(values) => values.len(),
            Self::I32(values) => values.len(),
            Self::F32(values) => values.len(),
            Self::F64(values) => values.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::U8(values) => out.extend_from_slice(values),
            Self::U16(values) => values.iter().for_each(|value| out.extend(value.to_le_bytes())),
            Self::U32(values) => values.iter().for_each(|value| out.extend(value.to_le_bytes())),
            Self::U64(values) => values.iter().for_each(|value| out.extend(value.to_le_bytes())),
            Self::I32(values) => values.iter().for_each(|value| out.extend(value.to_le_bytes())),
            Self::F32(values) => values.iter().for_each(|value| out.extend(value.to_le_bytes())),
            Self::F64(values) => values.iter().for_each(|value| out.extend(value.to_le_bytes())),
        }
    }

    /// The array of a type from its bytes; `None` for an unknown type, a broken length or a float that is not finite.
    fn read(kind: &str, bytes: &[u8]) -> Option<Self> {
        macro_rules! numbers {
            ($type:ty) => {{
                let (chunks, rest) = bytes.as_chunks::<{ size_of::<$type>() }>();
                if !rest.is_empty() {
                    return None;
                }
                chunks.iter().map(|chunk| <$type>::from_le_bytes(*chunk)).collect::<Vec<_>>()
            }};
        }
        Some(match kind {
            "U8" => Self::U8(bytes.to_vec()),
            "U16" => Self::U16(numbers!(u16)),
            "U32" => Self::U32(numbers!(u32)),
            "U64" => Self::U64(numbers!(u64)),
            "I32" => Self::I32(numbers!(i32)),
            "F32" => Self::F32(Some(numbers!(f32)).filter(|values| values.iter().all(|value| value.is_finite()))?),
            "F64" => Self::F64(Some(numbers!(f64)).filter(|values| values.iter().all(|value| value.is_finite()))?),
            _ => return None,
        })
    }
}

/// One array's entry in the header.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    dtype: String,
    shape: [usize; 1],
    data_offsets: [usize; 2],
}

/// The header, in the order of the names.
#[derive(Default, Serialize, Deserialize)]
struct Header {
    #[serde(rename = "__metadata__", default)]
    words: BTreeMap<String, String>,
    #[serde(flatten)]
    arrays: BTreeMap<String, Entry>,
}

impl Tensors {
    /// The file. The same words and arrays give the same bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let header = self.header();
        let data: usize = self.arrays.values().map(|array| array.len() * array.kind().1).sum();
        let mut out = Vec::with_capacity(LENGTH_BYTES + header.len() + data);
        out.extend((header.len() as u64).to_le_bytes());
        out.extend_from_slice(header.as_bytes());
        self.arrays.values().for_each(|array| array.write(&mut out));
        out
    }

    /// The header's text, padded with blanks so that the data begin at a multiple of eight.
    fn header(&self) -> String {
        let mut at = 0;
        let arrays = self.arrays.iter().map(|(name, array)| {
            let (dtype, width) = array.kind();
            let end = at + array.len() * width;
            let entry = Entry { dtype: dtype.to_owned(), shape: [array.len()], data_offsets: [at, end] };
            at = end;
            (name.clone(), entry)
        });
        let header = Header { arrays: arrays.collect(), words: self.words.clone() };
        let mut text = serde_json::to_string(&header).unwrap_or_default();
        let padded = text.len().next_multiple_of(LENGTH_BYTES);
        text.extend(std::iter::repeat_n(' ', padded - text.len()));
        text
    }

    /// Words and arrays of an artifact that was found worthy of trust: the only way from a file to a model.
    ///
    /// # Errors
    /// When the file is not, to the byte, as [`Tensors::to_bytes`] writes it, or over a limit.
    pub fn load(artifact: &Verified<Artifact>) -> Result<Self, LoadError> {
        Self::from_bytes(artifact.get().bytes())
    }

    /// See [`Tensors::load`].
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, LoadError> {
        let file = |problem: String| LoadError::new("file", problem);
        if bytes.len() > BYTES_MAX {
            return Err(file(format!("{} bytes, at most {BYTES_MAX} are read", bytes.len())));
        }
        let (length, rest) =
            bytes.split_first_chunk().ok_or_else(|| file("ends within its first 8 bytes".to_owned()))?;
        let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
        let header = |problem: String| LoadError::new("header", problem);
        if length > HEADER_BYTES_MAX {
            return Err(header(format!("{length} bytes, at most {HEADER_BYTES_MAX} are read")));
        }
        let (text, data) = rest
            .split_at_checked(length)
            .ok_or_else(|| header(format!("{length} bytes are announced, {} follow", rest.len())))?;
        let text = std::str::from_utf8(text).map_err(|error| header(error.to_string()))?;
        let Header { words, arrays: entries } =
            serde_json::from_str(text).map_err(|error| header(error.to_string()))?;
        if entries.len() > ARRAYS_MAX {
            return Err(header(format!("{} arrays, at most {ARRAYS_MAX} are read", entries.len())));
        }
        let mut arrays = BTreeMap::new();
        for (name, Entry { dtype, shape: [length], data_offsets: [from, to] }) in entries {
            let array = |problem: String| LoadError::new(format!("array `{name}`"), problem);
            let own = data
                .get(from..to)
                .ok_or_else(|| array(format!("bytes {from} to {to} of {} are not there", data.len())))?;
            let read = Array::read(&dtype, own)
                .filter(|read| read.len() == length)
                .ok_or_else(|| array(format!("{} bytes are not {length} finite numbers of type {dtype}", own.len())))?;
            arrays.insert(name, read);
        }
        let tensors = Self { words, arrays };
        // One way to write a file: no holes, no overlaps, no second meaning for another reader.
        let expected: usize = tensors.arrays.values().map(|array| array.len() * array.kind().1).sum();
        if tensors.header() != text || expected != data.len() {
            return Err(header("is not as this program writes it: order, holes, overlaps or extra bytes".to_owned()));
        }
        Ok(tensors)
    }

    getters!(u8s U8 u8, u16s U16 u16, u32s U32 u32, u64s U64 u64, i32s I32 i32, f32s F32 f32, f64s F64 f64);

    /// Adds an array.
    pub fn put(&mut self, name: &str, array: Array) {
        self.arrays.insert(name.to_owned(), array);
    }

    /// A word.
    ///
    /// # Errors
    /// When there is none of this name.
    pub fn word(&self, name: &str) -> Result<&str, LoadError> {
        self.words.get(name).map(String::as_str).ok_or_else(|| LoadError::new(format!("word `{name}`"), "is missing"))
    }

    /// A word that is a value in JSON.
    ///
    /// # Errors
    /// When there is none, or it does not parse.
    pub fn json<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<T, LoadError> {
        serde_json::from_str(self.word(name)?)
            .map_err(|error| LoadError::new(format!("word `{name}`"), error.to_string()))
    }

    /// Puts a value as JSON.
    pub fn put_json(&mut self, name: &str, value: &impl Serialize) {
        self.words.insert(name.to_owned(), serde_json::to_string(value).unwrap_or_default());
    }

    /// Puts a part's arrays and words under a prefix: models made of models.
    pub fn put_part(&mut self, prefix: &str, part: Tensors) {
        self.words.extend(part.words.into_iter().map(|(name, word)| (format!("{prefix}.{name}"), word)));
        self.arrays.extend(part.arrays.into_iter().map(|(name, array)| (format!("{prefix}.{name}"), array)));
    }

    /// The part under a prefix.
    pub fn part(&self, prefix: &str) -> Tensors {
        let own = |name: &String| name.strip_prefix(prefix)?.strip_prefix('.').map(str::to_owned);
        Tensors {
            words: self.words.iter().filter_map(|(name, word)| Some((own(name)?, word.clone()))).collect(),
            arrays: self.arrays.iter().filter_map(|(name, array)| Some((own(name)?, array.clone()))).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Tensors {
        let mut tensors = Tensors::default();
        tensors.words.insert("kind".into(), "tabular \"quoted\" ü".into());
        tensors.put("b.bytes", Array::U8(vec![1, 2, 3]));
        tensors.put("a.floats", Array::F64(vec![0.5, -1e300]));
        tensors.put("c.ids", Array::U32(vec![7]));
        tensors.put("d.none", Array::F32(Vec::new()));
        tensors
    }

    #[test]
    fn what_is_written_is_read() {
        let bytes = sample().to_bytes();
        assert_eq!(Tensors::from_bytes(&bytes).unwrap(), sample());
        assert_eq!(Tensors::from_bytes(&Tensors::default().to_bytes()).unwrap(), Tensors::default());
    }

    #[test]
    fn every_cut_and_every_changed_byte_is_refused_or_read_as_what_it_says() {
        let bytes = sample().to_bytes();
        for end in 0..bytes.len() {
            assert!(Tensors::from_bytes(&bytes[..end]).is_err(), "cut at {end}");
        }
        for at in 0..bytes.len() {
            for flip in [1, 0x20, 0x80, 0xff] {
                let mut other = bytes.clone();
                other[at] ^= flip;
                if let Ok(read) = Tensors::from_bytes(&other) {
                    assert_eq!(read.to_bytes(), other, "byte {at}");
                }
            }
        }
        let longer = [bytes.as_slice(), &[0]].concat();
        assert!(Tensors::from_bytes(&longer).is_err());
    }

    #[test]
    fn infinities_duplicates_and_foreign_headers_are_refused() {
        let mut infinite = sample();
        infinite.put("a.floats", Array::F64(vec![f64::INFINITY, 0.0]));
        let error = Tensors::from_bytes(&infinite.to_bytes()).unwrap_err().to_string();
        assert!(error.contains("a.floats"), "{error}");
        let file = |header: &str| [&(header.len() as u64).to_le_bytes(), header.as_bytes()].concat();
        for header in [
            "",
            "[]",
            "{",
            r#"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#,
            r#"{"a":{"dtype":"F16","shape":[0],"data_offsets":[0,0]}}"#,
            r#"{"a":{"dtype":"U8","shape":[0],"data_offsets":[1,0]}}"#,
            r#"{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"code":"x"}}"#,
            r#"{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}"#,
        ] {
            assert!(Tensors::from_bytes(&file(header)).is_err(), "{header}");
        }
        let long = [&u64::MAX.to_le_bytes()[..], b"{}"].concat();
        assert!(Tensors::from_bytes(&long).is_err());
    }
}
