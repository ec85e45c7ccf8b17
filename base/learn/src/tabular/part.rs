//! The parts of a [`Tabular`](super::Tabular): each scores a row and shares its score out over the features.

use crate::forest::{Boosted, BoostedSettings, Isolation, IsolationSettings, Table};
use crate::frame::{Frame, Schema};
use crate::model::{FitError, Model, Part as Place};
use crate::random::Random;
use crate::tensors::{LoadError, Tensors};

use super::neighbours::Neighbours;

/// What a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Learns from labels.
    Boosting,
    /// Learns from labels, never lower where an attacker raises what he controls.
    Guarded,
    /// Random trees on ordinary rows.
    Isolation,
    /// Distances to ordinary rows.
    Neighbours,
}

impl Kind {
    /// All, in the order of parts.
    pub const ALL: [Self; 4] = [Self::Boosting, Self::Guarded, Self::Isolation, Self::Neighbours];

    /// The name in files and verdicts.
    pub fn name(self) -> &'static str {
        match self {
            Self::Boosting => "boosting",
            Self::Guarded => "guarded",
            Self::Isolation => "isolation",
            Self::Neighbours => "neighbours",
        }
    }
}

/// A fitted part.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Part {
    Boosted(Kind, Boosted),
    Isolation(Isolation),
    Neighbours(Neighbours),
}

impl Part {
    /// Fits a part: boosting to all rows and labels, the others to the rows that are not hostile.
    pub fn fit(
        kind: Kind,
        table: Table<'_>,
        ordinary: &Frame,
        boosting: &BoostedSettings,
        monotone: &[i8],
        random: &mut Random,
    ) -> Result<Self, FitError> {
        let unlabelled = Table { frame: ordinary, labels: None };
        Ok(match kind {
            Kind::Boosting => Self::Boosted(kind, Boosted::fit(table, boosting, random)?),
            Kind::Guarded => {
                let settings = BoostedSettings { monotone: monotone.to_vec(), ..boosting.clone() };
                Self::Boosted(kind, Boosted::fit(table, &settings, random)?)
            }
            Kind::Isolation => Self::Isolation(Isolation::fit(unlabelled, &IsolationSettings::default(), random)?),
            Kind::Neighbours => Self::Neighbours(Neighbours::fit(ordinary, random)?),
        })
    }

    pub fn kind(&self) -> Kind {
        match self {
            Self::Boosted(kind, _) => *kind,
            Self::Isolation(_) => Kind::Isolation,
            Self::Neighbours(_) => Kind::Neighbours,
        }
    }

    pub fn score(&self, row: &[f64]) -> f64 {
        match self {
            Self::Boosted(_, model) => model.score(row),
            Self::Isolation(model) => model.score(row),
            Self::Neighbours(model) => model.score(row),
        }
    }

    pub fn score_rows(&self, frame: &Frame) -> Vec<f64> {
        match self {
            Self::Boosted(_, model) => model.score_rows(frame),
            Self::Isolation(model) => model.score_rows(frame),
            Self::Neighbours(model) => model.score_rows(frame),
        }
    }

    /// The base, and each feature's share of the score above it.
    pub fn shares(&self, row: &[f64], features: usize) -> (f64, Vec<f64>) {
        let explanation = match self {
            Self::Boosted(_, model) => model.explain(row),
            Self::Isolation(model) => model.explain(row),
            Self::Neighbours(model) => return model.explain(row),
        };
        let mut shares = vec![0.0; features];
        for one in &explanation.contributions {
            if let Place::Feature(at) = one.part
                && let Some(share) = shares.get_mut(at as usize)
            {
                *share += one.value;
            }
        }
        (explanation.base, shares)
    }

    pub fn to_tensors(&self) -> Tensors {
        match self {
            Self::Boosted(_, model) => model.to_tensors(),
            Self::Isolation(model) => model.to_tensors(),
            Self::Neighbours(model) => model.to_tensors(),
        }
    }

    /// Back from arrays; its schema must be the whole model's.
    pub fn from_tensors(kind: Kind, tensors: &Tensors, schema: &Schema) -> Result<Self, LoadError> {
        let same = |own: &Schema| {
            let other = || LoadError::new(format!("part `{}`", kind.name()), "has another schema than the model");
            if own == schema { Ok(()) } else { Err(other()) }
        };
        Ok(match kind {
            Kind::Boosting | Kind::Guarded => {
                let model = Boosted::from_tensors(tensors)?;
                same(model.schema())?;
                Self::Boosted(kind, model)
            }
            Kind::Isolation => {
                let model = Isolation::from_tensors(tensors)?;
                same(model.schema())?;
                Self::Isolation(model)
            }
            Kind::Neighbours => Self::Neighbours(Neighbours::from_tensors(tensors, schema)?),
        })
    }
}
