//! What a model is kept as: named arrays of numbers and a few words, in the layout of safetensors
//! (8 bytes header length, a JSON header, the arrays one after another). No code, no pickle, nothing that runs.
//!
//! Reading is strict: the file must be exactly as [`Tensors::to_bytes`] writes it, within [`BYTES_MAX`]; every float is
//! finite. What the numbers mean (indices in range, children after parents) each model's `from_tensors` checks.

use std::collections::BTreeMap;

/// Bytes of a model that are read.
pub const BYTES_MAX: usize = 256 << 20;

/// Bytes of the header.
pub const HEADER_BYTES_MAX: usize = 16 << 20;

/// Arrays in one file.
pub const ARRAYS_MAX: usize = 4096;

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

impl Tensors {
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
    pub fn put_json(&mut self, name: &str, value: &impl serde::Serialize) {
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
