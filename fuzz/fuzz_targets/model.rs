#![no_main]
//! Bytes as a model file: the strict loader, the bundle and every family.

use shieldwall_learn::sequence::SequenceModel;
use shieldwall_learn::tabular::Tabular;
use shieldwall_learn::text::TextModel;
use shieldwall_learn::{Bundle, Model, Tensors};
use shieldwall_trust::{Artifact, Roots};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let artifact = Artifact::new("fuzz", data.to_vec());
    let roots = Roots { named: vec![artifact.hash()], ..Roots::default() };
    let Ok(verified) = roots.verify(artifact) else { return };
    let Ok(tensors) = Tensors::load(&verified) else { return };
    let Ok(bundle) = Bundle::from_tensors(&tensors) else { return };
    if let Ok(model) = Tabular::from_tensors(&bundle.model) {
        assert!(model.score(&vec![0.0; model.schema().len()]).is_finite());
    }
    if let Ok(model) = SequenceModel::from_tensors(&bundle.model) {
        assert!(model.score(&[1, 2, 3]).is_finite());
    }
    if let Ok(model) = TextModel::from_tensors(&bundle.model) {
        assert!(model.score("cmd /c whoami").is_finite());
    }
});
