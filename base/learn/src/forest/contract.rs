//! What both forests must keep: the contract of [`Model`], batch = row, Shapley values = their definition, monotone = proven.

use proptest::prelude::*;

use crate::frame::Frame;
use crate::model::{FitError, Model, Part};
use crate::random::Random;
use crate::tensors::{Array, Tensors};

use super::samples::{hostile_rows, table};
use super::trees::{LEAF, Trees};
use super::{Boosted, BoostedSettings, EarlyStopping, Isolation, IsolationSettings, Table};

fn boosted(rows: usize, seed: u64, settings: &BoostedSettings) -> (Boosted, Frame, Vec<bool>) {
    let (frame, labels) = table(rows, seed);
    let data = Table { frame: &frame, labels: Some(&labels) };
    (Boosted::fit(data, settings, &mut Random::new(seed)).unwrap(), frame, labels)
}

fn small() -> BoostedSettings {
    BoostedSettings { trees: 30, leaves: 15, rate: 0.2, ..BoostedSettings::default() }
}

fn isolating(rows: usize, seed: u64) -> (Isolation, Frame) {
    let (frame, _) = table(rows, seed);
    let settings = IsolationSettings { trees: 40, sample: 64 };
    (Isolation::fit(Table { frame: &frame, labels: None }, &settings, &mut Random::new(seed)).unwrap(), frame)
}

fn rows_of(frame: &Frame) -> Vec<Vec<f64>> {
    let mut rows = vec![Vec::new(); frame.rows()];
    rows.iter_mut().enumerate().for_each(|(at, row)| frame.copy_row(at, row));
    rows
}

fn bits(scores: &[f64]) -> Vec<u64> {
    scores.iter().map(|score| score.to_bits()).collect()
}

/// The contract, for any model over rows.
fn keeps<M: for<'a> Model<Item<'a> = &'a [f64]>>(model: &M, again: &M, rows: &[Vec<f64>]) {
    assert_eq!(model.to_tensors(), again.to_tensors(), "same data and seed, other bytes");
    let loaded = M::from_tensors(&model.to_tensors()).unwrap();
    assert_eq!(loaded.to_tensors(), model.to_tensors());
    for row in rows.iter().chain(&hostile_rows()) {
        let score = model.score(row);
        assert!(score.is_finite(), "{row:?}");
        assert_eq!(loaded.score(row).to_bits(), score.to_bits());
        let explained = model.explain(row).score();
        assert!((explained - score).abs() <= 1e-9 * score.abs().max(1.0), "{explained} is not {score}");
    }
}

#[test]
fn boosting_keeps_the_contract() {
    let settings = small();
    let (model, frame, _) = boosted(1500, 5, &settings);
    keeps(&model, &boosted(1500, 5, &settings).0, &rows_of(&frame));
    let sampled = BoostedSettings { rows: 0.7, columns: 0.6, ..small() };
    let (model, frame, _) = boosted(1500, 6, &sampled);
    keeps(&model, &boosted(1500, 6, &sampled).0, &rows_of(&frame));
}

#[test]
fn isolation_keeps_the_contract() {
    let (model, frame) = isolating(1500, 5);
    keeps(&model, &isolating(1500, 5).0, &rows_of(&frame));
    assert!(!model.clone().learn(&[1.0]));
}

#[test]
fn boosting_learns_what_can_be_learned() {
    let (model, ..) = boosted(4000, 1, &BoostedSettings { trees: 120, ..small() });
    let (frame, labels) = table(4000, 2);
    let scores = model.score_rows(&frame);
    let right = scores.iter().zip(&labels).filter(|(score, label)| (**score > 0.0) == **label).count();
    // 5 % of the labels are noise; always saying the more frequent class is right for about half.
    assert!(right > 3400, "{right} of 4000");
}

#[test]
fn many_rows_score_bit_for_bit_like_one() {
    let (model, ..) = boosted(2000, 9, &small());
    let (isolation, _) = isolating(2000, 9);
    for rows in [256, 300, 321, 1000] {
        let (frame, _) = table(rows, 77);
        let one_by_one: Vec<f64> = rows_of(&frame).iter().map(|row| model.score(row)).collect();
        assert_eq!(bits(&model.score_rows(&frame)), bits(&one_by_one));
        let one_by_one: Vec<f64> = rows_of(&frame).iter().map(|row| isolation.score(row)).collect();
        assert_eq!(bits(&isolation.score_rows(&frame)), bits(&one_by_one));
    }
}

#[test]
fn a_frame_with_too_few_columns_scores_like_rows_that_end_early() {
    let (model, frame, _) = boosted(600, 9, &small());
    let mut schema = frame.schema().clone();
    schema.features.truncate(2);
    let short = Frame::new(schema, frame.columns()[..2].to_vec()).unwrap();
    let one_by_one: Vec<f64> = rows_of(&short).iter().map(|row| model.score(row)).collect();
    assert_eq!(bits(&model.score_rows(&short)), bits(&one_by_one));
}

/// The expectation of a tree when only these features are known: the definition that TreeSHAP computes.
fn expected(trees: &Trees, at: usize, row: &[f64], known: &[bool]) -> f64 {
    let node = &trees.nodes[at];
    if node.feature == LEAF {
        return node.number;
    }
    let feature = usize::from(node.feature);
    let (left, right) = (at + 1, node.right as usize);
    if known[feature] {
        let next = if trees.goes_left(node, row[feature]) { left } else { right };
        return expected(trees, next, row, known);
    }
    let mean = |child: usize| trees.cover[child] / trees.cover[at] * expected(trees, child, row, known);
    mean(left) + mean(right)
}

fn brute_force(trees: &Trees, row: &[f64]) -> Vec<f64> {
    let count = row.len();
    let worth: Vec<f64> = (0..1usize << count)
        .map(|set| {
            let known: Vec<bool> = (0..count).map(|at| set >> at & 1 == 1).collect();
            trees.starts.iter().map(|start| expected(trees, *start as usize, row, &known)).sum()
        })
        .collect();
    let factorial = |of: usize| (1..=of).map(|at| at as f64).product::<f64>();
    let share = |feature: usize| {
        (0..1usize << count)
            .filter(|set| set >> feature & 1 == 0)
            .map(|set: usize| {
                let size = set.count_ones() as usize;
                let weight = factorial(size) * factorial(count - size - 1) / factorial(count);
                weight * (worth[set | 1 << feature] - worth[set])
            })
            .sum()
    };
    (0..count).map(share).collect()
}

#[test]
fn shapley_values_are_those_of_the_definition() {
    let (model, frame, _) = boosted(800, 4, &BoostedSettings { leaves: 31, ..small() });
    let (isolation, _) = isolating(800, 4);
    for row in rows_of(&frame).iter().take(40) {
        for (trees, explained) in [(model.trees(), model.explain(row)), (isolation.trees(), isolation.explain(row))] {
            for (at, (own, true_value)) in explained.contributions.iter().zip(brute_force(trees, row)).enumerate() {
                assert_eq!(own.part, Part::Feature(at as u32));
                assert!((own.value - true_value).abs() < 1e-10, "feature {at}: {} is not {true_value}", own.value);
            }
        }
    }
}

#[test]
fn early_stopping_keeps_the_best_trees_and_no_more() {
    let stop = EarlyStopping { held_out: 0.2, rounds: 10 };
    let settings = BoostedSettings { trees: 400, rate: 0.5, early_stopping: Some(stop), ..small() };
    let (model, frame, _) = boosted(1500, 8, &settings);
    assert!((1..200).contains(&model.trees().len()), "{}", model.trees().len());
    keeps(&model, &boosted(1500, 8, &settings).0, &rows_of(&frame));
}

#[test]
fn weighing_the_hostile_raises_scores() {
    let mean = |weight| {
        let (model, frame, _) = boosted(1500, 8, &BoostedSettings { positive_weight: weight, ..small() });
        model.score_rows(&frame).iter().sum::<f64>()
    };
    assert!(mean(Some(20.0)) > mean(Some(1.0)) && mean(Some(0.05)) < mean(None));
}

#[test]
fn what_cannot_be_learned_is_refused_with_its_reason() {
    let (frame, labels) = table(40, 1);
    let fit = |labels: Option<&[bool]>, settings: BoostedSettings| {
        Boosted::fit(Table { frame: &frame, labels }, &settings, &mut Random::new(1)).unwrap_err()
    };
    assert_eq!(fit(Some(&[false; 40]), small()), FitError::OneClass { rows: 40, class: 0 });
    assert_eq!(fit(Some(&[true; 40]), small()), FitError::OneClass { rows: 40, class: 1 });
    assert_eq!(fit(Some(&labels[1..]), small()), FitError::Labels { labels: 39, rows: 40 });
    assert!(matches!(fit(None, small()), FitError::Other(_)));
    assert!(matches!(fit(Some(&labels), BoostedSettings { monotone: vec![2], ..small() }), FitError::Other(_)));
    assert!(matches!(fit(Some(&labels), BoostedSettings { rate: f64::NAN, ..small() }), FitError::Other(_)));
    assert!(matches!(fit(Some(&labels), BoostedSettings { trees: 1 << 40, ..small() }), FitError::TooMany { .. }));
    let few = frame.select(&[0, 1, 2]);
    let error = Boosted::fit(Table { frame: &few, labels: Some(&labels[..3]) }, &small(), &mut Random::new(1));
    assert_eq!(error.unwrap_err(), FitError::TooFew { have: 3, need: 4 });
}

#[test]
fn constant_and_empty_columns_are_harmless() {
    let (frame, labels) = table(100, 1);
    let schema = frame.schema().clone();
    let columns = vec![vec![1.0; 100], vec![f64::NAN; 100], vec![0.0; 100], vec![f64::NAN; 100], vec![7.0; 100]];
    let frame = Frame::new(schema, columns).unwrap();
    let data = Table { frame: &frame, labels: Some(&labels) };
    let model = Boosted::fit(data, &small(), &mut Random::new(1)).unwrap();
    assert!(model.score(&[1.0; 5]).is_finite());
    let isolation = Isolation::fit(data, &IsolationSettings::default(), &mut Random::new(1)).unwrap();
    assert_eq!(isolation.score(&[1.0; 5]), isolation.score(&[9.0; 5]));
    keeps(&isolation, &isolation, &[vec![1.0; 5]]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn a_constrained_score_never_moves_against_its_direction(seed in 0u64..1000, way in prop_oneof![Just(1i8), Just(-1i8)]) {
        let settings = BoostedSettings { monotone: vec![way, way], trees: 40, ..small() };
        let (model, frame, _) = boosted(400, seed, &settings);
        for row in rows_of(&frame).iter().take(60) {
            for feature in [0, 1] {
                let mut last = f64::NAN;
                for step in -20..=20 {
                    let mut moved = row.clone();
                    moved[feature] = f64::from(step) * 0.6;
                    let score = f64::from(way) * model.score(&moved);
                    prop_assert!(last.is_nan() || score >= last, "{} fell to {}", last, score);
                    last = score;
                }
            }
        }
    }

    #[test]
    fn a_damaged_file_is_refused_or_scores_finite(array in 0usize..10, at in 0usize..4000, value in any::<u64>()) {
        let (model, ..) = boosted(200, 3, &small());
        let mut tensors = model.to_tensors();
        let count = tensors.arrays.len();
        damage(&mut tensors, array % count, at, value);
        if let Ok(model) = Boosted::from_tensors(&tensors) {
            for row in hostile_rows() {
                prop_assert!(model.score(&row).is_finite());
                prop_assert!(model.explain(&row).score().is_finite());
            }
        }
    }
}

fn damage(tensors: &mut Tensors, array: usize, at: usize, value: u64) {
    macro_rules! put {
        ($values:expr, $value:expr) => {{
            let length = $values.len().max(1);
            if let Some(place) = $values.get_mut(at % length) {
                *place = $value;
            }
        }};
    }
    match tensors.arrays.values_mut().nth(array).unwrap() {
        Array::U8(values) => put!(values, value as u8),
        Array::U16(values) => put!(values, (value % 8) as u16),
        Array::U32(values) => put!(values, (value % 900) as u32),
        Array::U64(values) => put!(values, value),
        Array::I32(values) => put!(values, value as i32),
        Array::F32(values) => put!(values, value as f32),
        Array::F64(values) => put!(values, f64::from_bits(value)),
    }
}

#[test]
fn hostile_files_are_refused_with_their_place() {
    let (model, ..) = boosted(300, 3, &small());
    let check = |change: &dyn Fn(&mut Tensors), place: &str| {
        let mut tensors = model.to_tensors();
        change(&mut tensors);
        let error = Boosted::from_tensors(&tensors).unwrap_err();
        assert!(error.to_string().contains(place), "{error} does not name {place}");
    };
    let with = |name: &'static str, array: Array| move |tensors: &mut Tensors| tensors.put(name, array.clone());
    check(&|tensors| tensors.words.insert("trainer".into(), "isolation".into()).map_or((), drop), "trainer");
    check(&|tensors| tensors.words.insert("version".into(), "2".into()).map_or((), drop), "version");
    check(&|tensors| tensors.words.insert("code".into(), "x".into()).map_or((), drop), "word `code`");
    check(&|tensors| tensors.words.insert("schema".into(), "{}".into()).map_or((), drop), "schema");
    check(&|tensors| tensors.words.insert("settings".into(), "{\"trees\":1}".into()).map_or((), drop), "settings");
    check(&|tensors| tensors.arrays.remove("right").map_or((), drop), "right");
    check(&with("extra", Array::U8(vec![1])), "array `extra`");
    check(&with("right", Array::U32(vec![0])), "right");
    check(&with("base", Array::F64(vec![f64::NAN])), "base");
    check(&with("base", Array::F64(vec![])), "base");
    check(&with("starts", Array::U32(vec![0, 0])), "starts");
    check(&with("starts", Array::U32(vec![0, u32::MAX])), "starts");
    check(&with("cover", Array::F64(vec![])), "cover");
    check(&with("set_starts", Array::U32(vec![0, 5])), "set_starts");
    let first = |name: &'static str, value: f64| {
        move |tensors: &mut Tensors| match tensors.arrays.get_mut(name) {
            Some(Array::F64(values)) => values[0] = value,
            Some(Array::U32(values)) => values[0] = value as u32,
            Some(Array::U16(values)) => values[0] = value as u16,
            Some(Array::U8(values)) => values[0] = value as u8,
            _ => unreachable!(),
        }
    };
    check(&first("right", 0.0), "`right`, node 0");
    check(&first("right", 3e9), "`right`, node 0");
    check(&first("feature", 60_000.0), "`feature`, node 0");
    check(&first("number", f64::INFINITY), "`number`, node 0");
    check(&first("cover", 0.0), "`cover`, node 0");
    check(&first("cover", 1e9), "`cover`, node 0");
    check(&first("missing", 2.0), "`missing`, node 0");
}
