//! The contract of [`Model`], held against every family.

#![allow(clippy::panic, reason = "a test")]

use shieldwall_learn::{Model, Random, Tensors};

/// Fits twice from the same seed, then asks of every item what the contract promises.
#[allow(dead_code, reason = "called once a family")]
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
