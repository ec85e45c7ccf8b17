//! What a tabular model must keep: the contract of [`Model`], batch = row, the floor of the guarded part, clear refusals.

use crate::forest::{BoostedSettings, Table};
use crate::frame::{Feature, FeatureKind, Frame, Schema};
use crate::model::{FitError, Model};
use crate::random::Random;
use crate::tensors::{Array, Tensors};

use super::attack::Attack;
use super::{Tabular, TabularSettings};

/// Flows: hostile ones are long, large or to a strange service; two features are raisable by their names.
fn flows(rows: usize, seed: u64) -> (Frame, Vec<bool>) {
    let mut random = Random::new(seed);
    let (mut columns, mut labels) = (vec![Vec::new(); 5], Vec::new());
    for _ in 0..rows {
        let hostile = random.below(4) == 0;
        let noise = random.unit();
        let bytes = if hostile && noise > 0.4 { 4000.0 } else { 300.0 } * -random.unit().max(1e-9).ln();
        let ratio = if hostile { 0.4 } else { 0.55 } + 0.3 * random.unit();
        let service = if hostile && noise < 0.3 { 7.0 } else { random.below(6) as f64 };
        let gap = if random.below(12) == 0 { f64::NAN } else { random.unit() };
        let row = [bytes, 100.0 * noise, ratio, service, gap];
        columns.iter_mut().zip(row).for_each(|(column, value)| column.push(value));
        labels.push(hostile);
    }
    let services = FeatureKind::Categorical((0..9).map(|code| format!("s{code}")).collect());
    let names = ["src_bytes", "duration", "same_srv_rate", "service", "load"];
    let feature = |name: &&str| Feature {
        name: (*name).to_owned(),
        kind: if *name == "service" { services.clone() } else { FeatureKind::Numeric },
    };
    (Frame::new(Schema { features: names.iter().map(feature).collect() }, columns).unwrap(), labels)
}

fn settings() -> TabularSettings {
    TabularSettings { boosting: BoostedSettings { trees: 30, leaves: 8, ..BoostedSettings::default() }, raisable: None }
}

fn fit(frame: &Frame, labels: Option<&[bool]>) -> Tabular {
    Tabular::fit(Table { frame, labels }, &settings(), &mut Random::new(3)).unwrap()
}

fn rows_of(frame: &Frame) -> Vec<Vec<f64>> {
    let mut rows = vec![Vec::new(); frame.rows()];
    rows.iter_mut().enumerate().for_each(|(at, row)| frame.copy_row(at, row));
    rows
}

fn keeps(model: &Tabular, again: &Tabular, frame: &Frame) {
    assert!(model.to_tensors() == again.to_tensors(), "same data and seed, other bytes");
    let loaded = Tabular::from_tensors(&model.to_tensors()).unwrap();
    assert!(loaded.to_tensors() == model.to_tensors());
    let odd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -3.0, 1e300, 0.5];
    let mut rows = rows_of(frame);
    rows.extend(odd.map(|value| vec![value; 5]));
    rows.extend([vec![], vec![2.0; 60]]);
    for row in &rows {
        let verdict = model.judge(row);
        assert!(verdict.score.is_finite() && verdict.p_value > 0.0 && verdict.p_value <= 1.0, "{row:?} {verdict:?}");
        assert_eq!(verdict.score.to_bits(), model.score(row).to_bits());
        assert_eq!(loaded.score(row).to_bits(), verdict.score.to_bits());
        let explained = model.explain(row).score();
        assert!(
            (explained - verdict.score).abs() <= 1e-9 * verdict.score.abs().max(1.0),
            "{row:?}: {explained} {verdict:?}"
        );
    }
    let one_by_one: Vec<u64> = rows_of(frame).iter().map(|row| model.score(row).to_bits()).collect();
    let batch: Vec<u64> = model.score_rows(frame).iter().map(|score| score.to_bits()).collect();
    assert_eq!(batch, one_by_one);
}

#[test]
fn with_labels_and_without_the_contract_holds() {
    let (frame, labels) = flows(700, 1);
    let model = fit(&frame, Some(&labels));
    assert_eq!(model.parts(), ["boosting", "guarded", "isolation"]);
    assert_eq!(model.raisable().iter().collect::<Vec<_>>(), ["duration", "src_bytes"]);
    keeps(&model, &fit(&frame, Some(&labels)), &frame);
    let model = fit(&frame, None);
    assert_eq!(model.parts(), ["isolation", "neighbours"]);
    keeps(&model, &fit(&frame, None), &frame);
    let free = TabularSettings { raisable: Some(Default::default()), ..settings() };
    let model = Tabular::fit(Table { frame: &frame, labels: Some(&labels) }, &free, &mut Random::new(3)).unwrap();
    assert_eq!(model.parts(), ["boosting", "isolation"]);
    assert_eq!(model.floor(&[1.0; 5]), None);
}

#[test]
fn hostile_rows_score_higher_and_p_values_are_honest() {
    let (frame, labels) = flows(3000, 1);
    let (later, later_labels) = flows(3000, 2);
    for (known, least) in [(Some(labels.as_slice()), 0.55), (None, 0.1)] {
        let model = fit(&frame, known);
        let flagged = |hostile: bool| {
            let rows = rows_of(&later).into_iter().zip(&later_labels).filter(|(_, label)| **label == hostile);
            let verdicts: Vec<bool> = rows.map(|(row, _)| model.judge(&row).p_value < 0.05).collect();
            verdicts.iter().filter(|flagged| **flagged).count() as f64 / verdicts.len() as f64
        };
        let (false_alarms, found) = (flagged(false), flagged(true));
        // Without labels the hostile quarter is part of what is ordinary: fewer alarms, not more.
        assert!(false_alarms < 0.08 && (known.is_none() || false_alarms > 0.02), "{false_alarms}");
        assert!(found > least && found > 2.0 * false_alarms, "{found}");
    }
}

#[test]
fn no_raising_of_controlled_features_goes_below_the_floor() {
    let (frame, labels) = flows(900, 5);
    let model = fit(&frame, Some(&labels));
    let attack = Attack::new(&frame, &[0, 1], 2);
    let mut lowered = 0;
    for row in rows_of(&frame).iter().zip(&labels).filter(|(_, label)| **label).map(|(row, _)| row).take(60) {
        let floor = model.floor(row).unwrap();
        let (left, least) = attack.run(|row| model.score(row), row);
        assert!(least >= floor && left[0] >= row[0] && left[1] >= row[1], "{least} below {floor}");
        lowered += usize::from(least < model.score(row));
    }
    assert!(lowered > 0, "the attack does nothing: the test would show nothing");
}

#[test]
fn what_cannot_be_learned_is_refused_with_its_reason() {
    let (frame, labels) = flows(40, 1);
    let refuse = |frame: &Frame, labels: Option<&[bool]>| {
        Tabular::fit(Table { frame, labels }, &settings(), &mut Random::new(1)).unwrap_err()
    };
    assert_eq!(refuse(&frame, Some(&[false; 40])), FitError::OneClass { rows: 40, class: 0 });
    assert_eq!(refuse(&frame, Some(&[true; 40])), FitError::OneClass { rows: 40, class: 1 });
    assert_eq!(refuse(&frame, Some(&labels[1..])), FitError::Labels { labels: 39, rows: 40 });
    let mut one = vec![false; 40];
    one[3] = true;
    assert!(refuse(&frame, Some(&one)).to_string().contains("1 rows of the rarer class"));
    assert_eq!(refuse(&frame.select(&[0, 1]), None), FitError::TooFew { have: 2, need: 10 });
    assert!(matches!(refuse(&Frame::default(), None), FitError::Other(_)));
    let feature = |at: usize| Feature { name: format!("f{at}"), kind: FeatureKind::Numeric };
    let wide = Frame::new(Schema { features: (0..1_000_000).map(feature).collect() }, vec![vec![]; 1_000_000]);
    assert_eq!(wide.unwrap_err(), FitError::TooMany { what: "columns", have: 1_000_000, max: 4096 });
}

#[test]
fn ten_rows_constant_columns_and_gaps_are_learned_from() {
    let (frame, _) = flows(10, 1);
    keeps(&fit(&frame, None), &fit(&frame, None), &frame);
    let labels: Vec<bool> = (0..10).map(|row| row % 2 == 0).collect();
    keeps(&fit(&frame, Some(&labels)), &fit(&frame, Some(&labels)), &frame);
    let constant = Frame::new(
        frame.schema().clone(),
        vec![vec![1.0; 10], vec![f64::NAN; 10], vec![0.0; 10], vec![f64::NAN; 10], vec![1e300; 10]],
    )
    .unwrap();
    keeps(&fit(&constant, None), &fit(&constant, None), &constant);
    keeps(&fit(&constant, Some(&labels)), &fit(&constant, Some(&labels)), &constant);
}

#[test]
fn hostile_files_are_refused_with_their_place() {
    let (frame, labels) = flows(200, 1);
    for model in [fit(&frame, Some(&labels)), fit(&frame, None)] {
        let good = model.to_tensors();
        let check = |change: &dyn Fn(&mut Tensors), place: &str| {
            let mut tensors = good.clone();
            change(&mut tensors);
            let error = Tabular::from_tensors(&tensors).unwrap_err();
            assert!(error.to_string().contains(place), "{error} does not name {place}");
        };
        for name in good.arrays.keys() {
            check(
                &|tensors: &mut Tensors| tensors.arrays.remove(name).map_or((), drop),
                name.rsplit('.').next().unwrap(),
            );
            check(&|tensors: &mut Tensors| tensors.put(name, Array::I32(vec![1])), name.rsplit('.').next().unwrap());
        }
        for name in good.words.keys() {
            check(
                &|tensors: &mut Tensors| tensors.words.remove(name).map_or((), drop),
                name.rsplit('.').next().unwrap(),
            );
        }
        check(&|tensors: &mut Tensors| tensors.put_json("parts", &["isolation", "isolation"]), "parts");
        check(&|tensors: &mut Tensors| tensors.put_json("parts", &["magic"]), "parts");
        check(&|tensors: &mut Tensors| tensors.put("extra", Array::U8(vec![])), "extra");
        check(&|tensors: &mut Tensors| tensors.put("isolation.extra", Array::U8(vec![])), "extra");
        let other = Schema { features: model.schema().features.iter().skip(1).cloned().collect() };
        check(&|tensors: &mut Tensors| tensors.put_json("schema", &other), "schema");
    }
}
