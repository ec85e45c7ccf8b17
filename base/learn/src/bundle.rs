//! A model with the reference that turns its scores into p-values: what a file on disk holds.
//!
//! | words and parts | hold |
//! |---|---|
//! | `format`, `version` | that it is one of ours, and how it is laid out |
//! | `kind` | what it scores: `tabular`, `domain` … |
//! | `model.*` | the model's own arrays and words |
//! | `calibration.*` | scores of held-out normal items, where a family does not carry its own |
//! | `drift.*` | how its inputs were distributed; may be missing |

use crate::tensors::{LoadError, Tensors};

const FORMAT: &str = "shieldwall.model";

/// The layout's version. Another one is refused: numbers of another meaning are worse than none.
const VERSION: &str = "1";

/// The parts of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Bundle {
    /// What the model scores.
    pub kind: String,
    /// The model.
    pub model: Tensors,
    /// Its calibration; without arrays where it carries its own.
    pub calibration: Tensors,
    /// How its inputs were distributed; may be empty.
    pub drift: Tensors,
}

impl Bundle {
    /// The file's content.
    pub fn to_tensors(&self) -> Tensors {
        let mut out = Tensors::default();
        for (name, word) in [("format", FORMAT), ("version", VERSION), ("kind", &self.kind)] {
            out.words.insert(name.to_owned(), word.to_owned());
        }
        out.put_part("model", self.model.clone());
        out.put_part("calibration", self.calibration.clone());
        out.put_part("drift", self.drift.clone());
        out
    }

    /// The parts out of a file's content.
    ///
    /// # Errors
    /// When it is none of ours, of another version, or holds something else.
    pub fn from_tensors(tensors: &Tensors) -> Result<Self, LoadError> {
        if tensors.word("format")? != FORMAT {
            return Err(LoadError::new("word `format`", "is not a model of shieldwall"));
        }
        let version = tensors.word("version")?;
        if version != VERSION {
            return Err(LoadError::new("word `version`", format!("is {version}, this program reads {VERSION}")));
        }
        let known = |name: &String| {
            ["format", "version", "kind"].contains(&name.as_str())
                || name.starts_with("model.")
                || name.starts_with("calibration.")
                || name.starts_with("drift.")
        };
        if let Some(other) = tensors.words.keys().chain(tensors.arrays.keys()).find(|name| !known(name)) {
            return Err(LoadError::new(format!("`{other}`"), "is unknown"));
        }
        Ok(Self {
            kind: tensors.word("kind")?.to_owned(),
            model: tensors.part("model"),
            calibration: tensors.part("calibration"),
            drift: tensors.part("drift"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensors::Array;

    #[test]
    fn a_bundle_comes_back_and_a_foreign_one_is_refused() {
        let mut model = Tensors::default();
        model.put("weights", Array::F32(vec![1.0]));
        let bundle =
            Bundle { kind: "domain".into(), model, calibration: Tensors::default(), drift: Tensors::default() };
        let mut tensors = bundle.to_tensors();
        assert_eq!(Bundle::from_tensors(&tensors), Ok(bundle));
        tensors.put("more", Array::U8(vec![1]));
        assert!(Bundle::from_tensors(&tensors).is_err());
        assert!(Bundle::from_tensors(&Tensors::default()).is_err());
    }
}
