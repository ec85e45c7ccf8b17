//! A model as arrays, and back with everything checked.

use super::counts::{Counts, REPRESENTATIVES_MAX};
use super::grams::{Grams, ORDER_MAX};
use super::model::{PARTS, Seen, SequenceModel, SequenceSettings, TAILS, UNITS};
use super::upper::UpperTail;
use super::vocabulary::{NAME_BYTES_MAX, Token, UNSEEN, VOCABULARY_MAX, Vocabulary};
use crate::tensors::{Array, LoadError, Tensors};

/// Of what is kept; another version is refused.
const VERSION: u32 = 1;

/// The greatest weight of a part.
const WEIGHT_MAX: f64 = 1e3;

pub(super) fn to_tensors(model: &SequenceModel) -> Tensors {
    let mut tensors = Tensors::default();
    tensors.put_json("version", &VERSION);
    tensors.put_json("order", &model.settings.order);
    tensors.put_json("representatives", &model.settings.representatives);
    tensors.put_json("vocabulary", &model.vocabulary.names());
    tensors.put("weight", Array::F64(model.weights.to_vec()));
    model.seen.grams.keep(&mut tensors);
    model.seen.counts.keep(&mut tensors);
    for (at, tail) in model.tails.iter().chain([&model.fused]).enumerate() {
        let (values, reach) = tail.parts();
        tensors.put(&format!("tail.{at}.value"), Array::F64(values.to_vec()));
        tensors.put(&format!("tail.{at}.reach"), Array::U64(reach.to_vec()));
    }
    tensors
}

pub(super) fn from_tensors(tensors: &Tensors) -> Result<SequenceModel, LoadError> {
    if tensors.json::<u32>("version")? != VERSION {
        return Err(LoadError::new("word `version`", format!("is not {VERSION}")));
    }
    let within = |name: &str, most: usize| {
        let value: usize = tensors.json(name)?;
        if (1..=most).contains(&value) {
            Ok(value)
        } else {
            Err(LoadError::new(format!("word `{name}`"), format!("is not from 1 to {most}")))
        }
    };
    let settings = SequenceSettings {
        order: within("order", ORDER_MAX)?,
        representatives: within("representatives", REPRESENTATIVES_MAX)?,
    };
    let vocabulary = vocabulary(tensors)?;
    let weights: [f64; PARTS] = tensors
        .f64s("weight")?
        .try_into()
        .map_err(|_| LoadError::new("array `weight`", format!("has not {PARTS} elements")))?;
    if weights.iter().any(|weight| !(0.0..=WEIGHT_MAX).contains(weight)) {
        return Err(LoadError::new("array `weight`", format!("holds a number that is not from 0 to {WEIGHT_MAX}")));
    }
    let size = vocabulary.size();
    // Ids that got a number but were never learned have no counts yet.
    let counted = tensors.u32s("count.found")?.len();
    if counted > size {
        return Err(LoadError::new("array `count.found`", "is longer than the vocabulary"));
    }
    let seen = Seen {
        grams: Grams::load(tensors, settings.order, size)?,
        counts: Counts::load(tensors, counted, settings.representatives)?,
    };
    let mut tails = Vec::with_capacity(TAILS);
    for (at, unit) in UNITS.iter().enumerate() {
        tails.push(tail(tensors, at, *unit)?);
    }
    let tails: [UpperTail; TAILS] = tails.try_into().map_err(|_| LoadError::new("array `tail`", "is missing"))?;
    Ok(SequenceModel { settings, vocabulary, seen, tails, fused: tail(tensors, TAILS, 1.0)?, weights })
}

fn tail(tensors: &Tensors, at: usize, unit: f64) -> Result<UpperTail, LoadError> {
    let (value, reach) = (format!("tail.{at}.value"), format!("tail.{at}.reach"));
    UpperTail::from_parts(unit, tensors.f64s(&value)?, tensors.u64s(&reach)?).ok_or_else(|| {
        LoadError::new(format!("array `{value}`"), "is not ascending, or does not agree with its `reach`")
    })
}

fn vocabulary(tensors: &Tensors) -> Result<Vocabulary, LoadError> {
    let bad = |problem: String| LoadError::new("word `vocabulary`", problem);
    let names: Vec<String> = tensors.json("vocabulary")?;
    if names.len() > VOCABULARY_MAX {
        return Err(bad(format!("has {} names, at most {VOCABULARY_MAX} are allowed", names.len())));
    }
    let mut vocabulary = Vocabulary::default();
    for (at, name) in names.into_iter().enumerate() {
        if name.len() > NAME_BYTES_MAX || vocabulary.get(Token::Text(&name)) != UNSEEN {
            return Err(bad(format!("name {at} is too long, or stands twice")));
        }
        vocabulary.add(name);
    }
    Ok(vocabulary)
}
