//! Damaged and forged model files: refused with a place, or loaded and then harmless. What `fuzz/fuzz_targets/model.rs` does
//! with bytes of its own, done here with seeded damage to the models that the program ships.

use shieldwall_learn::sequence::SequenceModel;
use shieldwall_learn::tabular::Tabular;
use shieldwall_learn::text::TextModel;
use shieldwall_learn::{Bundle, LoadError, Model, Random, Tensors};
use shieldwall_trust::{Artifact, Roots};

/// Loads bytes as any family would; whether one took them.
fn load(bytes: Vec<u8>) -> Result<(), LoadError> {
    let artifact = Artifact::new("damaged", bytes);
    // Named by its hash: damage that somebody vouches for.
    let roots = Roots { named: vec![artifact.hash()], ..Roots::default() };
    let Ok(verified) = roots.verify(artifact) else { return Ok(()) };
    let bundle = Bundle::from_tensors(&Tensors::load(&verified)?)?;
    match bundle.kind.as_str() {
        "tabular" => {
            let model = Tabular::from_tensors(&bundle.model)?;
            let row = vec![f64::NAN; model.schema().len()];
            assert!(model.score(&row).is_finite());
        }
        "sequence" => {
            let model = SequenceModel::from_tensors(&bundle.model)?;
            assert!(model.score(&[1, 2, u32::MAX]).is_finite());
        }
        _ => {
            let model = TextModel::from_tensors(&bundle.model)?;
            for text in ["", "a", "powershell -enc SQBFAFgA", "\u{0}\u{feff}'or 1=1"] {
                let score = model.score(text);
                let explanation = model.explain(text);
                let sum: f64 = explanation.contributions.iter().map(|one| one.value).sum();
                assert!(score.is_finite() && (explanation.base + sum - score).abs() < 1e-6 * score.abs().max(1.0));
            }
        }
    }
    Ok(())
}

#[test]
fn every_shipped_model_of_texts_loads() {
    assert_eq!(shipped().len(), 4);
    assert!(shipped().into_iter().all(|bytes| load(bytes).is_ok()));
}

fn shipped() -> Vec<Vec<u8>> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../content/models");
    ["domain", "http", "command", "script"]
        .iter()
        .filter_map(|kind| std::fs::read(folder.join(kind).join("model.safetensors")).ok())
        .collect()
}

#[test]
fn flipped_bytes_are_refused_or_harmless() {
    let mut random = Random::new(1);
    let (mut refused, mut taken) = (0, 0);
    for bytes in shipped() {
        assert!(load(bytes.clone()).is_ok());
        let header = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        for round in 0..60 {
            let mut damaged = bytes.clone();
            // Half of the damage falls into the header, where lengths, names and types stand.
            let within = if round % 2 == 0 { header } else { damaged.len() };
            for _ in 0..1 + random.below(4) {
                let at = random.below(within);
                damaged[at] = match random.below(3) {
                    0 => damaged[at] ^ (1 << random.below(8)),
                    1 => b'9',
                    _ => random.below(256) as u8,
                };
            }
            match load(damaged) {
                Err(error) => {
                    assert!(!error.to_string().is_empty());
                    refused += 1;
                }
                Ok(()) => taken += 1,
            }
        }
    }
    assert!(refused >= 100 && refused + taken == 240, "{refused} refused, {taken} taken");
}

#[test]
fn cut_swapped_and_empty_files_are_refused() {
    let models = shipped();
    for bytes in &models {
        for cut in [0, 1, 7, 8, 9, 100, bytes.len() / 2, bytes.len() - 1] {
            assert!(load(bytes[..cut].to_vec()).is_err(), "cut at {cut}");
        }
        assert!(load([bytes.as_slice(), b"more"].concat()).is_err());
        let huge = [u64::MAX.to_le_bytes().as_slice(), bytes.get(8..).unwrap()].concat();
        assert!(load(huge).is_err());
    }
    let (mut head, tail) = (models[0][..400].to_vec(), &models[1][400..]);
    head.extend(tail);
    assert!(load(head).is_err());
}
