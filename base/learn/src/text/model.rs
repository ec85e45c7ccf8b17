//! [`TextModel`]: a kind's shape, n-gram weights, language model and head behind [`Model`].
//!
//! Fitting: the head must see n-gram sums as they are for texts that were not learned from. So the data fall into
//! [`FOLDS`] parts by group (a family of malware, near-copies of a script), each part is scored by weights and language model
//! fitted on the other parts, the head is fitted on those scores, and last the weights and the language model on all.

use super::beside::{self, Beside};
use super::capped;
use super::form::{Form, SIGNS_MAX};
use super::grams::Grams;
use super::head::{Head, HeadSettings};
use super::linear::{Example, Linear, Training};
use super::shape::{Feature, Shape, TextKind};
use super::surprise::{Surprise, TABLE};
use crate::model::{Contribution, Explanation, FitError, Model, Part};
use crate::random::Random;
use crate::tensors::{Array, LoadError, Tensors};

/// Parts of the data that take turns in being held out while the head's rows are made.
const FOLDS: usize = 4;

/// Texts that `fit` takes.
pub const TEXTS_MAX: usize = 4_000_000;

/// Texts of each class that `fit` needs.
pub const CLASS_MIN: usize = 10;

/// Pieces that a text falls into at most: a text of the longest kind in its windows, three times over.
pub const PIECES_MAX: usize = 4096;

/// Pieces that the head judges: those of the highest n-gram sums. Measuring all pieces of a long script costs more than it
/// finds; an attack's piece is displaced only by as many that look worse, which raise the score themselves.
pub const PIECES_JUDGED: usize = 24;

/// Spans listed in an explanation; the weaker ones are summed up as `rest`.
pub const SPANS_MAX: usize = 48;

/// Columns that the engine puts before the kind's features.
const OWN: [Feature; 5] = [
    Feature::rising("n-grams"),
    Feature::rising("n-grams_total"),
    Feature::free("surprise"),
    Feature::free("surprise_peak"),
    Feature::free("surprise_total"),
];

/// How many of these are sums of n-grams, to be laid on the text.
const SUMS: usize = 2;

/// What `fit` takes: as many labels as texts. Groups name what belongs together (a malware family); empty: each text alone.
#[derive(Clone, Copy, Debug)]
pub struct Texts<'a> {
    /// The texts.
    pub texts: &'a [&'a str],
    /// Hostile or not.
    pub labels: &'a [bool],
    /// Group of each text, or empty.
    pub groups: &'a [u32],
}

/// Choices.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Kind of text.
    pub kind: TextKind,
    /// N-grams and table.
    pub grams: Grams,
    /// How weights are learned.
    pub training: Training,
    /// How much large groups are held back: a group of n texts counts n^(1 − balance). 0: as many as it has, 1: as one.
    pub balance: f64,
    /// The head.
    pub head: HeadSettings,
    /// Texts of our own generators that are learned beside the data, at most, and at most a quarter of the benign ones: the
    /// data of one place know few ways to be hostile. Domains and requests have generators, the other kinds none.
    pub generated: usize,
}

impl Settings {
    /// What we recommend for a kind.
    pub fn of(kind: TextKind) -> Self {
        let grams = |buckets_log2, bytes, classes| Grams { buckets_log2, bytes, classes };
        let training = |epochs, rate, l2| Training { epochs, rate, l2 };
        match kind {
            TextKind::Domain => Self {
                kind,
                grams: grams(17, (1, 4), (3, 6)),
                training: training(8, 0.1, 1e-6),
                balance: 0.8,
                head: HeadSettings { trees: 300, leaves: 31, child_weight_min: 50.0 },
                generated: 20_000,
            },
            TextKind::Http | TextKind::Command | TextKind::Script => Self {
                kind,
                grams: grams(17, (1, 4), (0, 0)),
                training: training(8, 0.1, 1e-6),
                balance: 0.5,
                head: HeadSettings { trees: 150, leaves: 15, child_weight_min: 5.0 },
                generated: 4000,
            },
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::of(TextKind::Http)
    }
}

/// Rows that are scored at once: laying the trees out costs as much as scoring a thousand.
const BLOCK_ROWS: usize = 16_384;

/// A model of one kind of text.
#[derive(Clone, Debug, PartialEq)]
pub struct TextModel {
    kind: TextKind,
    classes: [u8; 256],
    linear: Linear,
    surprise: Surprise,
    head: Head,
}

/// Buffers, to be used for many texts one after another.
#[derive(Debug, Default)]
pub struct Scratch {
    form: Form,
    natural: Vec<(u32, u32)>,
    pieces: Vec<(u32, u32)>,
    sums: Vec<(f64, u32)>,
    row: Vec<f64>,
}

/// A piece of a text under judgement.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    /// A range of the canonical form.
    Canonical(u32, u32),
    /// The raw text.
    Raw,
}

impl TextModel {
    /// The kind of text.
    pub fn kind(&self) -> TextKind {
        self.kind
    }

    /// Names of the columns that the head sees: n-gram sum, surprise, features, signs.
    pub fn columns(kind: TextKind) -> Vec<Feature> {
        let shape = kind.shape();
        let signs = shape.signs.iter().map(|name| Feature::rising(name));
        OWN.into_iter().chain(shape.features.iter().copied()).chain(signs).collect()
    }

    /// [`Model::score`] with buffers that are used again.
    pub fn score_with(&self, text: &str, scratch: &mut Scratch) -> f64 {
        self.judge(text, scratch).0
    }

    /// The n-gram sum of the text's strongest piece: what the logistic regression alone says.
    pub fn linear_with(&self, text: &str, scratch: &mut Scratch) -> f64 {
        let shape = self.kind.shape();
        prepare(shape, text, scratch);
        let sums =
            scratch.pieces.iter().map(|piece| self.linear.score(cut(scratch.form.bytes(), *piece), &self.classes));
        let raw = raw_differs(shape, text, &scratch.form).then(|| self.linear.score(raw(text), &self.classes));
        sums.chain(raw).fold(f64::NEG_INFINITY, f64::max)
    }

    /// The scores of many texts: the same bits as [`Self::score_with`] one by one.
    pub fn score_texts<T: AsRef<str>>(&self, texts: &[T]) -> Vec<f64> {
        let mut scratch = Scratch::default();
        let mut scores = vec![f64::NEG_INFINITY; texts.len()];
        // Whose the rows are, and the rows.
        let (mut owners, mut rows, mut width) = (Vec::new(), Vec::new(), 0);
        let mut settle = |owners: &mut Vec<usize>, rows: &mut Vec<f64>, width: usize| {
            for (owner, score) in owners.drain(..).zip(self.head.score_rows(rows, width)) {
                if let Some(best) = scores.get_mut(owner)
                    && score > *best
                {
                    *best = score;
                }
            }
            rows.clear();
        };
        for (at, text) in texts.iter().enumerate() {
            self.each_row(text.as_ref(), &mut scratch, |_, row| {
                owners.push(at);
                rows.extend_from_slice(row);
                width = row.len();
            });
            if owners.len() >= BLOCK_ROWS {
                settle(&mut owners, &mut rows, width);
            }
        }
        settle(&mut owners, &mut rows, width);
        scores
    }

    /// The highest score and the piece that has it.
    fn judge(&self, text: &str, scratch: &mut Scratch) -> (f64, Place) {
        let mut best = (f64::NEG_INFINITY, Place::Raw);
        self.each_row(text, scratch, |place, row| {
            let score = self.head.score(row);
            if score > best.0 {
                best = (score, place);
            }
        });
        best
    }

    /// The rows of a text's pieces that are judged.
    fn each_row(&self, text: &str, scratch: &mut Scratch, mut each: impl FnMut(Place, &[f64])) {
        let shape = self.kind.shape();
        prepare(shape, text, scratch);
        let raw_too = raw_differs(shape, text, &scratch.form);
        let Scratch { form, pieces, sums, row, .. } = scratch;
        sums.clear();
        let canonical = pieces.iter().map(|piece| self.linear.score(cut(form.bytes(), *piece), &self.classes));
        sums.extend(canonical.zip(0u32..));
        let last = pieces.len() as u32;
        if raw_too {
            sums.push((self.linear.score(raw(text), &self.classes), last));
        }
        if sums.len() > PIECES_JUDGED {
            // The whole stays in any case.
            if let Some((_, rest)) = sums.split_first_mut() {
                rest.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            }
            sums.truncate(PIECES_JUDGED);
        }
        for (sum, at) in sums.iter() {
            let (place, bytes) = match pieces.get(*at as usize) {
                Some(piece) => (Place::Canonical(piece.0, piece.1), cut(form.bytes(), *piece)),
                None => (Place::Raw, raw(text)),
            };
            self.row(shape, *sum, bytes, form.signs(), row);
            each(place, row);
        }
    }

    fn row(&self, shape: &Shape, sum: f64, piece: &[u8], signs: &[u32; SIGNS_MAX], row: &mut Vec<f64>) {
        fill(shape, sum, &self.surprise, piece, signs, row);
    }

    /// The n-gram share of the score, as runs of raw bytes.
    fn spans(&self, text: &str, form: &Form, place: Place, total: f64, out: &mut Vec<Contribution>) {
        let (offset, bytes) = match place {
            Place::Canonical(start, end) => (start as usize, cut(form.bytes(), (start, end))),
            Place::Raw => (0, raw(text)),
        };
        let shares = self.linear.shares(bytes, &self.classes);
        // The head may bend the sum; its share is laid on the bytes that speak in its direction, in proportion.
        let same: f64 = shares.iter().filter(|share| **share * total > 0.0).sum();
        if same == 0.0 {
            if total != 0.0 {
                out.push(Contribution { part: Part::Named("n-grams".to_owned()), value: total });
            }
            return;
        }
        let mut runs: Vec<(u32, u32, f64)> = Vec::new();
        for (at, share) in shares.iter().enumerate().filter(|(_, share)| **share * total > 0.0) {
            let (start, end) = match place {
                Place::Canonical(..) => form.place(offset + at).unwrap_or((0, 0)),
                Place::Raw => (at as u32, at as u32 + 1),
            };
            let value = share / same * total;
            match runs.last_mut().filter(|last| start <= last.1 && start >= last.0) {
                Some(last) => (last.1, last.2) = (last.1.max(end), last.2 + value),
                None => runs.push((start, end, value)),
            }
        }
        runs.sort_by(|a, b| b.2.abs().total_cmp(&a.2.abs()).then(a.0.cmp(&b.0)));
        let rest: f64 = runs.iter().skip(SPANS_MAX).map(|run| run.2).sum();
        runs.truncate(SPANS_MAX);
        runs.sort_by_key(|run| (run.0, run.1));
        for (start, end, value) in runs {
            let start = text.floor_char_boundary(start as usize) as u32;
            let end = text.ceil_char_boundary(end as usize) as u32;
            out.push(Contribution { part: Part::Span(start, end), value });
        }
        if rest != 0.0 {
            out.push(Contribution { part: Part::Named("rest".to_owned()), value: rest });
        }
    }
}

impl Model for TextModel {
    type Item<'a> = &'a str;
    type Data<'a> = Texts<'a>;
    type Settings = Settings;
    const FAMILY: &'static str = "text";

    fn fit(data: Texts<'_>, settings: &Settings, random: &mut Random) -> Result<Self, FitError> {
        check(&data)?;
        if settings.grams.checked().is_err() {
            return Err(FitError::Other("n-grams or buckets beyond the limits".to_owned()));
        }
        let generated = beside::generated(&data, settings, &mut random.part(0));
        let both = Beside::new(&data, &generated);
        let data = both.texts();
        let shape = settings.kind.shape();
        let classes = classes(shape);
        let prepared: Vec<Prepared> = data.texts.iter().map(|text| Prepared::new(shape, text)).collect();
        let weights = weights(&data, settings.balance);
        let folds = folds(&data, &mut random.part(1));
        let fit = |part: &dyn Fn(usize) -> bool, random: &mut Random| {
            let chosen = || (0..prepared.len()).filter(|at| part(*at));
            let example = |at: usize| {
                let (text, label, weight) = (prepared.get(at)?, data.labels.get(at)?, weights.get(at)?);
                Some(Example { pieces: text.pieces().collect(), label: *label, weight: *weight })
            };
            let examples: Vec<Example<'_>> = chosen().filter_map(example).collect();
            let linear = Linear::fit(settings.grams, &classes, &examples, settings.training, random);
            let benign = examples.iter().filter(|example| !example.label);
            (linear, Surprise::fit(benign.filter_map(|example| example.pieces.first().copied())))
        };
        let mut rows = vec![Vec::new(); prepared.len()];
        for fold in 0..FOLDS {
            let (linear, surprise) = fit(&|at| folds.get(at) != Some(&fold), &mut random.part(2 + fold as u64));
            for (at, (text, row)) in prepared.iter().zip(&mut rows).enumerate() {
                if folds.get(at) == Some(&fold) {
                    let scored = text.pieces().map(|piece| (linear.score(piece, &classes), piece));
                    let (sum, piece) = scored.fold((f64::NEG_INFINITY, &[][..]), |a, b| if b.0 > a.0 { b } else { a });
                    fill(shape, sum, &surprise, piece, &text.signs, row);
                }
            }
        }
        let columns = Self::columns(settings.kind);
        let head =
            Head::fit(&columns, &rows, data.labels, &weights, settings.head, &mut random.part(2 + FOLDS as u64))?;
        let (linear, surprise) = fit(&|_| true, &mut random.part(3 + FOLDS as u64));
        Ok(Self { kind: settings.kind, classes, linear, surprise, head })
    }

    fn score(&self, item: &str) -> f64 {
        self.score_with(item, &mut Scratch::default())
    }

    fn explain(&self, item: &str) -> Explanation {
        let shape = self.kind.shape();
        let mut scratch = Scratch { form: Form::new(true), ..Scratch::default() };
        let (_, place) = self.judge(item, &mut scratch);
        let Scratch { form, mut row, .. } = scratch;
        let bytes = match place {
            Place::Canonical(start, end) => cut(form.bytes(), (start, end)),
            Place::Raw => raw(item),
        };
        self.row(shape, self.linear.score(bytes, &self.classes), bytes, form.signs(), &mut row);
        let (base, shares) = self.head.explain(&row);
        let mut contributions = Vec::new();
        self.spans(item, &form, place, shares.iter().take(SUMS).sum(), &mut contributions);
        for (feature, value) in Self::columns(self.kind).iter().zip(&shares).skip(SUMS) {
            if *value != 0.0 {
                contributions.push(Contribution { part: Part::Named(feature.name.to_owned()), value: *value });
            }
        }
        Explanation { base, contributions }
    }

    fn to_tensors(&self) -> Tensors {
        let mut tensors = Tensors::default();
        let grams = self.linear.grams;
        let numbers = [grams.buckets_log2, grams.bytes.0, grams.bytes.1, grams.classes.0, grams.classes.1];
        tensors.words.insert("family".to_owned(), Self::FAMILY.to_owned());
        tensors.words.insert("kind".to_owned(), self.kind.name().to_owned());
        tensors.words.insert("version".to_owned(), self.kind.shape().version.to_string());
        tensors.put_json("grams", &numbers);
        tensors.put("linear", Array::F64(vec![self.linear.bias, self.linear.scale]));
        // Two's complement in 16 unsigned bits.
        tensors.put("weights", Array::U16(self.linear.weights.iter().map(|weight| weight.cast_unsigned()).collect()));
        tensors.put("costs", Array::U8(self.surprise.costs.clone()));
        tensors.put_part("head", self.head.to_tensors());
        tensors
    }

    fn from_tensors(tensors: &Tensors) -> Result<Self, LoadError> {
        if tensors.word("family")? != Self::FAMILY {
            return Err(LoadError::new("word `family`", "is not `text`"));
        }
        let kind = TextKind::from_name(tensors.word("kind")?)
            .ok_or_else(|| LoadError::new("word `kind`", "is no kind of text"))?;
        let version = kind.shape().version;
        if tensors.word("version")? != version.to_string() {
            return Err(LoadError::new("word `version`", format!("is not {version}: train the model again")));
        }
        let [buckets_log2, a, b, c, d] = tensors.json("grams")?;
        let grams = Grams { buckets_log2, bytes: (a, b), classes: (c, d) }.checked()?;
        let &[bias, scale] = tensors.f64s("linear")? else {
            return Err(LoadError::new("array `linear`", "is not two numbers"));
        };
        if !bias.is_finite() || !scale.is_finite() {
            return Err(LoadError::new("array `linear`", "a number is not finite"));
        }
        let weights: Vec<i16> = tensors.u16s("weights")?.iter().map(|bits| bits.cast_signed()).collect();
        if weights.len() != grams.buckets() {
            return Err(LoadError::new("array `weights`", format!("is not {} numbers", grams.buckets())));
        }
        let costs = tensors.u8s("costs")?.to_vec();
        if costs.len() != TABLE {
            return Err(LoadError::new("array `costs`", format!("is not {TABLE} numbers")));
        }
        let head = Head::from_tensors(&tensors.part("head"), &Self::columns(kind))?;
        let linear = Linear { grams, bias, scale, weights };
        Ok(Self { kind, classes: classes(kind.shape()), linear, surprise: Surprise { costs }, head })
    }
}

/// A text made ready to be learned from.
struct Prepared {
    bytes: Vec<u8>,
    pieces: Vec<(u32, u32)>,
    raw: Option<Vec<u8>>,
    signs: [u32; SIGNS_MAX],
}

impl Prepared {
    fn new(shape: &Shape, text: &str) -> Self {
        let mut scratch = Scratch::default();
        prepare(shape, text, &mut scratch);
        let raw = raw_differs(shape, text, &scratch.form).then(|| raw(text).to_vec());
        let (bytes, signs) = (scratch.form.bytes().to_vec(), *scratch.form.signs());
        Self { bytes, pieces: scratch.pieces, raw, signs }
    }

    fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        self.pieces.iter().map(|piece| cut(&self.bytes, *piece)).chain(self.raw.as_deref())
    }
}

/// Canonical form and pieces; the first piece is the whole.
fn prepare(shape: &Shape, text: &str, scratch: &mut Scratch) {
    let Scratch { form, natural, pieces, .. } = scratch;
    form.clear();
    let (head, tail_at, tail) = capped(text);
    (shape.canonical)(head, 0, form);
    if !tail.is_empty() {
        (shape.canonical)(tail, tail_at, form);
    }
    let length = form.bytes().len() as u32;
    pieces.clear();
    pieces.push((0, length));
    natural.clear();
    (shape.pieces)(form.bytes(), natural);
    let window = shape.window as u32;
    let natural = natural.iter().filter(|piece| piece.0 < piece.1 && piece.1 <= length && **piece != (0, length));
    let all = std::iter::once((0, length)).chain(natural.copied());
    for (at, piece) in all.take(PIECES_MAX).enumerate() {
        if at > 0 {
            pieces.push(piece);
        }
        if window > 0 && at == 0 && piece.1 - piece.0 > 2 * window {
            let step = (window / 2).max(1) as usize;
            let starts = (piece.0..piece.1.saturating_sub(window / 2)).step_by(step);
            pieces.extend(starts.map(|start| (start, (start + window).min(piece.1))));
        }
    }
    pieces.truncate(PIECES_MAX);
}

fn cut(bytes: &[u8], (start, end): (u32, u32)) -> &[u8] {
    bytes.get(start as usize..end as usize).unwrap_or(&[])
}

/// The raw bytes that are scored as a piece: those of the head, where a text is too long.
fn raw(text: &str) -> &[u8] {
    capped(text).0.as_bytes()
}

fn raw_differs(shape: &Shape, text: &str, form: &Form) -> bool {
    shape.raw && raw(text) != form.bytes()
}

fn fill(shape: &Shape, sum: f64, surprise: &Surprise, piece: &[u8], signs: &[u32; SIGNS_MAX], row: &mut Vec<f64>) {
    row.clear();
    row.push(sum);
    // Much weak evidence is strong evidence: the sum as it was before long pieces were held back.
    row.push(sum * (piece.len().max(1) as f64).sqrt());
    row.extend(surprise.measure(piece));
    (shape.measure)(piece, row);
    debug_assert_eq!(row.len(), OWN.len() + shape.features.len(), "{:?}: as many features as names", shape.kind);
    row.resize(OWN.len() + shape.features.len(), 0.0);
    row.iter_mut().filter(|value| !value.is_finite()).for_each(|value| *value = 0.0);
    row.extend(signs.iter().take(shape.signs.len()).map(|count| f64::from(*count).ln_1p()));
}

fn classes(shape: &Shape) -> [u8; 256] {
    std::array::from_fn(|byte| (shape.class)(byte as u8))
}

fn check(data: &Texts<'_>) -> Result<(), FitError> {
    let (rows, labels) = (data.texts.len(), data.labels.len());
    if rows != labels {
        return Err(FitError::Labels { labels, rows });
    }
    if !data.groups.is_empty() && data.groups.len() != rows {
        return Err(FitError::Other(format!("{} groups for {rows} rows", data.groups.len())));
    }
    if rows > TEXTS_MAX {
        return Err(FitError::TooMany { what: "texts", have: rows, max: TEXTS_MAX });
    }
    let hostile = data.labels.iter().filter(|label| **label).count();
    if rows > 0 && (hostile == 0 || hostile == rows) {
        return Err(FitError::OneClass { rows, class: u8::from(hostile > 0) });
    }
    let have = hostile.min(rows - hostile);
    if have < CLASS_MIN {
        return Err(FitError::TooFew { have, need: CLASS_MIN });
    }
    Ok(())
}

/// How much each text counts: groups held back, and the mean over each class 1.
pub(super) fn weights(data: &Texts<'_>, balance: f64) -> Vec<f64> {
    let mut sizes = rustc_hash::FxHashMap::default();
    let key = |at: usize, label: &bool| data.groups.get(at).map(|group| (*group, *label));
    for key in data.labels.iter().enumerate().filter_map(|(at, label)| key(at, label)) {
        *sizes.entry(key).or_insert(0.0f64) += 1.0;
    }
    let own = |(at, label): (usize, &bool)| {
        key(at, label).and_then(|key| sizes.get(&key)).map_or(1.0, |size| size.powf(-balance))
    };
    let mut weights: Vec<f64> = data.labels.iter().enumerate().map(own).collect();
    for class in [false, true] {
        let of = |at: usize| data.labels.get(at) == Some(&class);
        let (sum, count) = weights
            .iter()
            .enumerate()
            .filter(|(at, _)| of(*at))
            .fold((0.0, 0.0), |(sum, count), (_, weight)| (sum + weight, count + 1.0));
        weights.iter_mut().enumerate().filter(|(at, _)| of(*at)).for_each(|(_, weight)| *weight *= count / sum);
    }
    weights
}

/// A fold for each text; the texts of a group share theirs. Groups (and texts alone) take turns, each class by itself, so
/// that no fold goes without one while there are enough.
pub(super) fn folds(data: &Texts<'_>, random: &mut Random) -> Vec<usize> {
    let mut folds = vec![0; data.texts.len()];
    let mut of_group = rustc_hash::FxHashMap::default();
    for class in [false, true] {
        let mut order: Vec<usize> = (0..folds.len()).filter(|at| data.labels.get(*at) == Some(&class)).collect();
        random.shuffle(&mut order);
        let mut turn = 0..;
        let mut next = || turn.next().unwrap_or(0) % FOLDS;
        for at in order {
            let fold = match data.groups.get(at) {
                Some(group) => *of_group.entry(*group).or_insert_with(&mut next),
                None => next(),
            };
            if let Some(own) = folds.get_mut(at) {
                *own = fold;
            }
        }
    }
    folds
}
