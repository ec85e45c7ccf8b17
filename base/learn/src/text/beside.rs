//! Texts of our own generators that are learned beside the data: the data of one place know few ways to be hostile, and a
//! model that has only seen those takes every other way for ordinary.

use super::model::{Settings, Texts};
use super::shape::TextKind;
use super::{command, domain, http, script};
use crate::random::Random;

/// Benign texts of the data for each generated hostile one, at least.
const BENIGN_FOR_EACH: usize = 4;

/// The data and what was generated.
pub(super) struct Beside<'a> {
    texts: Vec<&'a str>,
    labels: Vec<bool>,
    groups: Vec<u32>,
}

/// Generated texts: hostile or not, and which style made them.
pub(super) fn generated(data: &Texts<'_>, settings: &Settings, random: &mut Random) -> Vec<(String, bool, u32)> {
    let benign = data.labels.iter().filter(|label| !**label).count();
    let hostile = settings.generated.min(benign / BENIGN_FOR_EACH);
    match settings.kind {
        _ if hostile == 0 => Vec::new(),
        TextKind::Domain => {
            let names = domain::generate::hostile(hostile, 0, random);
            names.into_iter().map(|one| (one.name, true, one.group)).collect()
        }
        TextKind::Http => http::generate::beside(hostile, random),
        TextKind::Command => command::generate::beside(hostile, random),
        TextKind::Script => script::generate::beside(hostile, random),
    }
}

impl<'a> Beside<'a> {
    /// Both together; generated texts have groups only where the data have.
    pub(super) fn new(data: &Texts<'a>, generated: &'a [(String, bool, u32)]) -> Self {
        let (mut texts, mut labels, mut groups) = (data.texts.to_vec(), data.labels.to_vec(), data.groups.to_vec());
        texts.extend(generated.iter().map(|one| one.0.as_str()));
        labels.extend(generated.iter().map(|one| one.1));
        if !groups.is_empty() {
            groups.extend(generated.iter().map(|one| u32::MAX - one.2));
        }
        Self { texts, labels, groups }
    }

    /// As data to learn from.
    pub(super) fn texts(&self) -> Texts<'_> {
        Texts { texts: &self.texts, labels: &self.labels, groups: &self.groups }
    }
}
