//! The contract of [`Model`], held against every family.

use shieldwall_learn::tail::{Tail, TailSettings};
use shieldwall_learn::{Feature, FeatureKind, Frame, Model, Random, Schema, Tensors};

/// Fits twice from the same seed, then asks of every item what the contract promises.
fn keeps_the_contract<M: Model>(fit: impl Fn(&mut Random) -> M, items: &[M::Item<'_>]) {
    let model = fit(&mut Random::new(7));
    let kept = model.to_tensors();
    assert_eq!(
        kept,
        fit(&mut Random::new(7)).to_tensors(),
        "{}: the same data and seed give the same model",
        M::FAMILY
    );
    let back = M::from_tensors(&kept).unwrap_or_else(|error| panic!("{}: {error}", M::FAMILY));
    for (at, item) in items.iter().enumerate() {
        let score = model.score(*item);
        assert!(score.is_finite(), "{}: item {at}: score {score}", M::FAMILY);
        assert_eq!(
            score.to_bits(),
            back.score(*item).to_bits(),
            "{}: item {at}: a loaded model scores the same",
            M::FAMILY
        );
        let explained = model.explain(*item);
        let off = (explained.score() - score).abs();
        assert!(off <= 1e-9 * score.abs().max(1.0), "{}: item {at}: {} is not {score}", M::FAMILY, explained.score());
    }
    // What is missing or of another kind is refused, whichever part it is.
    for name in kept.arrays.keys() {
        let mut torn = kept.clone();
        torn.arrays.remove(name);
        assert!(M::from_tensors(&torn).is_err(), "{}: loads without its array `{name}`", M::FAMILY);
    }
    assert!(M::from_tensors(&Tensors::default()).is_err(), "{}: loads from nothing", M::FAMILY);
}

/// Rows with numbers, categories and holes.
fn table(rows: usize) -> Frame {
    let mut random = Random::new(1);
    let names = (0..7).map(|code| format!("service {code}")).collect();
    let features = vec![
        Feature { name: "bytes".into(), kind: FeatureKind::Numeric },
        Feature { name: "constant".into(), kind: FeatureKind::Numeric },
        Feature { name: "service".into(), kind: FeatureKind::Categorical(names) },
        Feature { name: "flag".into(), kind: FeatureKind::Numeric },
    ];
    let columns = vec![
        (0..rows).map(|at| if at % 9 == 0 { f64::NAN } else { random.unit().powi(3) * 1e6 }).collect(),
        vec![3.0; rows],
        (0..rows).map(|at| if at % 31 == 0 { f64::NAN } else { (at % 7) as f64 }).collect(),
        (0..rows).map(|at| f64::from(u8::from(at % 50 == 0))).collect(),
    ];
    Frame::new(Schema { features }, columns).unwrap_or_default()
}

/// What a hostile row may hold.
const ROWS: &[&[f64]] = &[
    &[1.0, 3.0, 2.0, 0.0],
    &[f64::NAN, f64::NAN, f64::NAN, f64::NAN],
    &[f64::INFINITY, f64::NEG_INFINITY, 1e300, -1e300],
    &[-0.0, 4.0, 6.5, 1.0],
    &[1e9],
    &[],
    &[0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
];

#[test]
fn tail() {
    for share_weights in [false, true] {
        let settings = TailSettings { share_weights };
        keeps_the_contract(|random| Tail::fit(&table(500), &settings, random).unwrap(), ROWS);
        keeps_the_contract(
            |random| {
                let mut model = Tail::fit(&table(20), &settings, random).unwrap();
                for _ in 0..30 {
                    assert!(ROWS.iter().all(|row| model.learn(row)));
                }
                model
            },
            ROWS,
        );
    }
    let one = Tail::fit(&table(9), &TailSettings::default(), &mut Random::new(1)).unwrap_err();
    assert_eq!(one.to_string(), "9 usable rows, at least 10 are needed");
}
