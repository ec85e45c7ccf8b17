//! What every family of models can do.
//!
//! Four families implement [`Model`]: Forest and Tail over rows of a [`Frame`](crate::Frame), Sequence over lists of ids,
//! Text over strings. A higher score is stranger, or more hostile. Scores of different models are not comparable; what is
//! made comparable is their p-value (see `calibrate`).

use crate::random::Random;
use crate::tensors::{LoadError, Tensors};

/// A model: fitted once, perhaps learning on, scoring and explaining.
///
/// Contract, held by a conformance test over all implementations:
/// - `fit` is deterministic: same data, settings and seed give the same bytes of [`Model::to_tensors`];
/// - `score` is finite for every item, also for one that was never seen, and never panics;
/// - `explain` gives contributions that sum to `score − base` (relative error at most 1e-9);
/// - `from_tensors(to_tensors())` scores every item bit for bit as before;
/// - `learn` returns `false` and changes nothing where a family does not learn online.
pub trait Model: Sized {
    /// One thing to score: a row, a sequence, a text.
    type Item<'a>: Copy;
    /// What `fit` takes.
    type Data<'a>;
    /// Choices of the family; `Default` is what we recommend.
    type Settings: Default;
    /// The family's name, as in an artifact's metadata: `forest`, `tail`, `sequence`, `text`.
    const FAMILY: &'static str;

    /// Fits a model.
    ///
    /// # Errors
    /// When the data cannot be learned from; the error names the place.
    fn fit(data: Self::Data<'_>, settings: &Self::Settings, random: &mut Random) -> Result<Self, FitError>;

    /// Learns one more item; `false` where the family does not learn online.
    fn learn(&mut self, item: Self::Item<'_>) -> bool {
        let _ = item;
        false
    }

    /// How strange or hostile the item is.
    fn score(&self, item: Self::Item<'_>) -> f64;

    /// Why: [`Explanation::base`] and contributions that sum to `score − base`.
    fn explain(&self, item: Self::Item<'_>) -> Explanation;

    /// The model as arrays and metadata.
    fn to_tensors(&self) -> Tensors;

    /// The model back from arrays, every index, range and number checked.
    ///
    /// # Errors
    /// When anything is not as [`Model::to_tensors`] would have written it.
    fn from_tensors(tensors: &Tensors) -> Result<Self, LoadError>;
}

/// Why a score is what it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Explanation {
    /// The score of what is ordinary: what is left when nothing contributes.
    pub base: f64,
    /// Each part's share, in the family's own order (features, places in the text, places in the sequence).
    pub contributions: Vec<Contribution>,
}

impl Explanation {
    /// The score that this explains.
    pub fn score(&self) -> f64 {
        self.base + self.contributions.iter().map(|one| one.value).sum::<f64>()
    }

    /// Strongest first: by magnitude, then in the family's own order.
    pub fn ranked(&self) -> Vec<&Contribution> {
        let mut all: Vec<&Contribution> = self.contributions.iter().collect();
        all.sort_by(|a, b| b.value.abs().total_cmp(&a.value.abs()));
        all
    }
}

/// One part's share of a score.
#[derive(Clone, Debug, PartialEq)]
pub struct Contribution {
    /// What contributes.
    pub part: Part,
    /// How much, in units of the score; negative speaks for the ordinary.
    pub value: f64,
}

/// What contributes to a score.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    /// A feature, by its index in the schema.
    Feature(u32),
    /// A byte range of the text as it was given (raw, before any canonical form).
    Span(u32, u32),
    /// A place in the sequence, from 0.
    Position(u32),
    /// Something with a name of its own: a property of the whole (`length`), or what is too small to list (`rest`).
    Named(String),
}

/// Data that cannot be learned from.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FitError {
    /// Fewer items than a model needs.
    #[error("{have} usable rows, at least {need} are needed")]
    TooFew {
        /// How many there are.
        have: usize,
        /// How many it takes.
        need: usize,
    },
    /// More than a named limit allows.
    #[error("{what}: {have}, at most {max} are allowed")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many there are.
        have: usize,
        /// The limit.
        max: usize,
    },
    /// Labels of one class only.
    #[error("all {rows} labels are {class}: two classes are needed to learn the difference")]
    OneClass {
        /// How many labels.
        rows: usize,
        /// The only class: 0 or 1.
        class: u8,
    },
    /// Labels and rows differ in number.
    #[error("{labels} labels for {rows} rows")]
    Labels {
        /// Labels.
        labels: usize,
        /// Rows.
        rows: usize,
    },
    /// A value that is no number where one is needed.
    #[error("row {row}, column `{column}`: {value} is not a finite number")]
    NotFinite {
        /// The row, from 0.
        row: usize,
        /// The column's name.
        column: String,
        /// What stands there.
        value: String,
    },
    /// Something else, said in words.
    #[error("{0}")]
    Other(String),
}
