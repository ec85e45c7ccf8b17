//! A model of any kind with its calibration, as one artifact.

use shieldwall_learn::calibrate::{Conformal, Recent, RecentSettings};
use shieldwall_learn::drift::Reference;
use shieldwall_learn::sequence::{SequenceData, SequenceModel, SequenceSettings};
use shieldwall_learn::tabular::{Tabular, TabularSettings};
use shieldwall_learn::text::{Settings as TextSettings, TextKind, TextModel, Texts};
use shieldwall_learn::{Bundle, Explanation, FitError, Frame, LoadError, Model, Part, Random, Tensors};

use super::KindArg;
use super::sequences::Id;

/// Things to score, of one kind.
#[derive(Debug)]
pub enum Items {
    /// Rows.
    Table(Frame),
    /// Sequences.
    Sequences(Vec<Vec<Id>>),
    /// Texts.
    Texts(Vec<String>),
}

impl Items {
    /// How many.
    pub fn len(&self) -> usize {
        match self {
            Self::Table(frame) => frame.rows(),
            Self::Sequences(list) => list.len(),
            Self::Texts(list) => list.len(),
        }
    }

    /// Only these, in this order.
    pub fn select(&self, rows: &[usize]) -> Self {
        match self {
            Self::Table(frame) => Self::Table(frame.select(rows)),
            Self::Sequences(list) => Self::Sequences(rows.iter().filter_map(|row| list.get(*row).cloned()).collect()),
            Self::Texts(list) => Self::Texts(rows.iter().filter_map(|row| list.get(*row).cloned()).collect()),
        }
    }

    /// A number of an item's content (FNV-1a): equal items have equal numbers.
    pub fn hash(&self, at: usize) -> u64 {
        let fnv = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        let start = 0xcbf2_9ce4_8422_2325;
        match self {
            Self::Table(frame) => {
                let values = frame.columns().iter().filter_map(|column| column.get(at));
                values.flat_map(|value| value.to_bits().to_le_bytes()).fold(start, fnv)
            }
            Self::Sequences(list) => list.get(at).into_iter().flatten().fold(start, |hash, id| match id {
                Id::Number(number) => number.to_le_bytes().into_iter().fold(fnv(hash, 0), fnv),
                Id::Text(text) => text.bytes().fold(fnv(hash, 1), fnv),
            }),
            Self::Texts(list) => list.get(at).map(|text| text.bytes().fold(start, fnv)).unwrap_or_default(),
        }
    }

    /// How long an item is, where it has a length: the trivial score beside every model.
    pub fn length(&self, at: usize) -> Option<f64> {
        match self {
            Self::Table(_) => None,
            Self::Sequences(list) => list.get(at).map(|list| list.len() as f64),
            Self::Texts(list) => list.get(at).map(|text| text.len() as f64),
        }
    }
}

/// A model of one family.
#[derive(Debug)]
enum Family {
    Tabular(Box<Tabular>),
    Sequence(Box<SequenceModel>),
    Text(Box<TextModel>),
}

/// A model with its calibration.
#[derive(Debug)]
pub struct Trained {
    kind: KindArg,
    family: Family,
    /// Scores of held-out normal texts; the other families carry their own.
    calibration: Option<Conformal>,
    /// How the items were distributed that it was fitted on.
    reference: Reference,
    /// What p-values are usual now, where it goes on learning but its family does not.
    usual: Option<Usual>,
}

/// What p-values are usual now: those of the latest rows, older ones fading.
#[derive(Debug)]
struct Usual {
    recent: Recent,
    /// −ln of the model's own p-values.
    reference: Conformal,
    rows: u64,
}

/// Rows after which a score counts half in what is usual now.
const HALF_LIFE_ROWS: f64 = 4096.0;

/// Rows that what was trained weighs as much as at first.
const TRAINED_ROWS: u64 = 1000;

/// Rows between looks at what is usual now.
const USUAL_EVERY: u64 = 32;

impl Usual {
    /// At first p-values are usual as they should be: evenly spread.
    fn new() -> Self {
        let mut recent = Recent::new(RecentSettings {
            half_life_s: HALF_LIFE_ROWS,
            share_times_fair: f64::INFINITY,
            ..RecentSettings::default()
        });
        for at in 0..TRAINED_ROWS {
            recent.learn(-((at as f64 + 0.5) / TRAINED_ROWS as f64).ln(), 0, 0, at);
        }
        Self { reference: recent.conformal(), recent, rows: 0 }
    }

    fn learn(&mut self, p_value: f64) {
        self.rows += 1;
        self.recent.learn(-p_value.ln(), self.rows as i64, 0, TRAINED_ROWS + self.rows);
        if self.rows.is_multiple_of(USUAL_EVERY) {
            self.reference = self.recent.conformal();
        }
    }
}

impl Trained {
    /// Fits a model. `normals` are scores of held-out normal items by models that had not seen them, where a family needs
    /// them.
    ///
    /// # Errors
    /// When the data cannot be learned from.
    pub fn fit(kind: KindArg, items: &Items, labels: Option<&[bool]>, seed: u64) -> Result<Self, FitError> {
        let random = &mut Random::new(seed);
        let family = match items {
            Items::Table(frame) => {
                let data = shieldwall_learn::forest::Table { frame, labels };
                Family::Tabular(Box::new(Tabular::fit(data, &TabularSettings::default(), random)?))
            }
            Items::Sequences(list) => {
                let mut data = SequenceData::default();
                for (at, ids) in list.iter().enumerate() {
                    let tokens: Vec<_> = ids.iter().map(Id::token).collect();
                    let label = labels.and_then(|labels| labels.get(at)).copied().unwrap_or(false);
                    data.push(&tokens, u8::from(label))?;
                }
                Family::Sequence(Box::new(SequenceModel::fit(&data, &SequenceSettings::default(), random)?))
            }
            Items::Texts(list) => {
                let texts: Vec<&str> = list.iter().map(String::as_str).collect();
                let labels = labels.unwrap_or_default();
                let data = Texts { texts: &texts, labels, groups: &[] };
                Family::Text(Box::new(TextModel::fit(data, &TextSettings::of(text_kind(kind)), random)?))
            }
        };
        Ok(Self { kind, family, calibration: None, reference: super::drift::reference(items), usual: None })
    }

    /// The same with the scores of held-out normals, by which p-values are told.
    pub fn calibrated(self, normals: impl IntoIterator<Item = f64>) -> Self {
        Self { calibration: Some(Conformal::new(normals)), ..self }
    }

    /// Whether p-values need scores of held-out normals from outside.
    pub fn needs_calibration(kind: KindArg) -> bool {
        !matches!(kind, KindArg::Tabular | KindArg::Sequence)
    }

    /// Its kind.
    pub fn kind(&self) -> KindArg {
        self.kind
    }

    /// The features of a table that it needs; `None` for the other kinds.
    pub fn schema(&self) -> Option<&shieldwall_learn::Schema> {
        match &self.family {
            Family::Tabular(model) => Some(model.schema()),
            _ => None,
        }
    }

    /// Features that an attacker can raise at will, as the model takes it: for the card.
    pub fn raisable(&self) -> Vec<String> {
        match &self.family {
            Family::Tabular(model) => model.raisable().iter().cloned().collect(),
            _ => Vec::new(),
        }
    }

    /// The model of a table; `None` for the other kinds.
    pub fn tabular(&self) -> Option<&Tabular> {
        match &self.family {
            Family::Tabular(model) => Some(model),
            _ => None,
        }
    }

    /// The score of every item; O(n).
    pub fn scores(&self, items: &Items) -> Vec<f64> {
        match (&self.family, items) {
            (Family::Tabular(model), Items::Table(frame)) => model.score_rows(frame),
            (Family::Sequence(model), Items::Sequences(list)) => {
                let mut scratch = shieldwall_learn::sequence::Scratch::default();
                list.iter().map(|ids| model.score_with(&encoded(model, ids), &mut scratch)).collect()
            }
            (Family::Text(model), Items::Texts(list)) => model.score_texts(list),
            _ => vec![0.0; items.len()],
        }
    }

    /// Why an item has its score.
    pub fn explain(&self, items: &Items, at: usize) -> Explanation {
        match (&self.family, items) {
            (Family::Tabular(model), Items::Table(frame)) => {
                let mut row = Vec::new();
                frame.copy_row(at, &mut row);
                model.explain(&row)
            }
            (Family::Sequence(model), Items::Sequences(list)) => {
                list.get(at).map(|ids| model.explain(&encoded(model, ids))).unwrap_or_default()
            }
            (Family::Text(model), Items::Texts(list)) => {
                list.get(at).map(|text| model.explain(text)).unwrap_or_default()
            }
            _ => Explanation::default(),
        }
    }

    /// How the items were distributed that it was fitted on.
    pub fn reference(&self) -> &Reference {
        &self.reference
    }

    /// Learns an item after it was scored: the model itself where its family learns on, else what scores are usual now,
    /// believing that most of what it sees is normal.
    pub fn learn(&mut self, items: &Items, at: usize, score: f64) {
        let learned = match (&mut self.family, items) {
            (Family::Tabular(model), Items::Table(frame)) => {
                let mut row = Vec::new();
                frame.copy_row(at, &mut row);
                model.learn(&row)
            }
            (Family::Sequence(model), Items::Sequences(list)) => list.get(at).is_some_and(|ids| {
                let tokens: Vec<_> = ids.iter().map(Id::token).collect();
                let ids = model.encode_new(&tokens);
                model.learn(&ids)
            }),
            (Family::Text(model), Items::Texts(list)) => list.get(at).is_some_and(|text| model.learn(text)),
            _ => false,
        };
        if !learned {
            let p_value = self.trained_p_value(score);
            self.usual.get_or_insert_with(Usual::new).learn(p_value);
        }
    }

    /// How often a normal item scores at least as high: among those it was trained on or, where it goes on learning, those
    /// that are usual now.
    pub fn p_value(&self, score: f64) -> f64 {
        let p_value = self.trained_p_value(score);
        self.usual.as_ref().map_or(p_value, |usual| usual.reference.p_value(-p_value.ln()))
    }

    /// How often a normal item of those it was trained on scores at least as high.
    pub fn trained_p_value(&self, score: f64) -> f64 {
        match &self.family {
            Family::Tabular(model) => model.p_value(score),
            Family::Sequence(model) => model.p_value(score),
            Family::Text(_) => self.calibration.as_ref().map_or(1.0, |calibration| calibration.p_value(score)),
        }
    }

    /// A part of a score in words.
    pub fn part(&self, part: &Part, items: &Items, at: usize) -> String {
        match part {
            Part::Named(name) => name.clone(),
            Part::Feature(feature) => {
                self.schema().map(|schema| schema.name(*feature as usize).to_owned()).unwrap_or_default()
            }
            Part::Position(position) => {
                let id = match items {
                    Items::Sequences(list) => list.get(at).and_then(|ids| ids.get(*position as usize)),
                    _ => None,
                };
                match id {
                    Some(Id::Number(number)) => format!("{number} at place {position}"),
                    Some(Id::Text(text)) => format!("{text} at place {position}"),
                    None => format!("place {position}"),
                }
            }
            Part::Span(from, to) => match items {
                Items::Texts(list) => {
                    let text = list.get(at).and_then(|text| text.get(*from as usize..*to as usize));
                    text.unwrap_or_default().to_owned()
                }
                _ => String::new(),
            },
        }
    }

    /// The artifact.
    pub fn to_tensors(&self) -> Tensors {
        let model = match &self.family {
            Family::Tabular(model) => model.to_tensors(),
            Family::Sequence(model) => model.to_tensors(),
            Family::Text(model) => model.to_tensors(),
        };
        let calibration = self.calibration.as_ref().map(Conformal::to_tensors).unwrap_or_default();
        let drift = self.reference.to_tensors();
        Bundle { kind: self.kind.word().to_owned(), model, calibration, drift }.to_tensors()
    }

    /// The model back from its artifact.
    ///
    /// # Errors
    /// When it is none of ours, of another version, or anything in it is not as it should be.
    pub fn from_tensors(tensors: &Tensors) -> Result<Self, LoadError> {
        let Bundle { kind: word, model, calibration, drift } = Bundle::from_tensors(tensors)?;
        let kind = KindArg::of(&word).ok_or_else(|| LoadError::new("word `kind`", format!("`{word}` is unknown")))?;
        let family = match kind {
            KindArg::Tabular => Family::Tabular(Box::new(Tabular::from_tensors(&model)?)),
            KindArg::Sequence => Family::Sequence(Box::new(SequenceModel::from_tensors(&model)?)),
            _ => {
                let model = TextModel::from_tensors(&model)?;
                if model.kind() != text_kind(kind) {
                    return Err(LoadError::new("word `kind`", format!("`{word}` is not what the model is of")));
                }
                Family::Text(Box::new(model))
            }
        };
        let calibration = Self::needs_calibration(kind).then(|| Conformal::from_tensors(&calibration)).transpose()?;
        let part = |error: LoadError| LoadError::new(format!("part `drift`: {}", error.place), error.problem);
        let reference = Reference::from_tensors(&drift).map_err(part)?;
        Ok(Self { kind, family, calibration, reference, usual: None })
    }
}

fn encoded(model: &SequenceModel, ids: &[Id]) -> Vec<u32> {
    let tokens: Vec<_> = ids.iter().map(Id::token).collect();
    model.encode(&tokens)
}

/// The text family's word for a kind.
pub fn text_kind(kind: KindArg) -> TextKind {
    match kind {
        KindArg::Domain => TextKind::Domain,
        KindArg::Command => TextKind::Command,
        KindArg::Script => TextKind::Script,
        KindArg::Http | KindArg::Tabular | KindArg::Sequence => TextKind::Http,
    }
}
