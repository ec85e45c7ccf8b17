//! Learning's part of half B: observations out of the spill, suspicions as findings with evidence.
//!
//! The evidence of a suspicion is the observations that show it, met again on the way through the spill; nothing is decoded
//! twice.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use shieldwall_detect::anomaly::Suspicion;
use shieldwall_schema::finding::{AnomalyPart, Evidence, LEARNED, Provenance, Reason};
use shieldwall_schema::observation::LEARNED_PATHS;
use shieldwall_schema::{Observation, Observed, Place, Timestamp};

use super::spill::{Key, NO_TIME};
use super::stateful::Kept;

/// Levels of a suspicion, by the number that stands behind its detector's.
pub const LEVELS: [&str; 3] = ["low", "medium", "high"];

/// Bytes of one field's value in evidence.
const VALUE_BYTES_MAX: usize = 2048;

/// An observation as it lies in the spill: as [`Observation`], borrowed, its count last.
#[derive(Debug, Serialize, Deserialize)]
pub struct Said<'a> {
    /// OCSF `class_uid`.
    pub class: u32,
    /// OCSF `activity_id`.
    pub activity: u32,
    /// See [`Observation::product`].
    pub product: &'a str,
    /// See [`Observation::service`].
    pub service: &'a str,
    /// See [`Observation::host`].
    pub host: Option<&'a str>,
    /// See [`Observation::fields`].
    #[serde(borrow)]
    pub fields: Vec<(u16, &'a str)>,
}

/// Takes observations out of the spill, one after another in the same memory.
#[derive(Debug, Default)]
pub struct Decoded(Observation);

impl Decoded {
    /// The observation of a payload, and its record's own number.
    pub fn of(&mut self, payload: &[u8]) -> Option<(Option<u64>, &Observation)> {
        fn put(to: &mut String, from: &str) {
            to.clear();
            to.push_str(from);
        }
        let (record, said, count): (Option<u64>, Said<'_>, u32) = postcard::from_bytes(payload).ok()?;
        let to = &mut self.0;
        (to.class, to.activity, to.count) = (said.class, said.activity, count);
        put(&mut to.product, said.product);
        put(&mut to.service, said.service);
        match (&mut to.host, said.host) {
            (Some(to), Some(from)) => put(to, from),
            (to, from) => *to = from.map(str::to_owned),
        }
        to.fields.truncate(said.fields.len());
        for ((path, value), (from_path, from)) in to.fields.iter_mut().zip(&said.fields) {
            *path = *from_path;
            put(value, from);
        }
        for (path, value) in said.fields.iter().skip(to.fields.len()) {
            to.fields.push((*path, (*value).to_owned()));
        }
        Some((record, &self.0))
    }
}

/// An observation with its place, as the learner takes it.
pub fn observed<'o>(key: Key, record: Option<u64>, observation: &'o Observation) -> Observed<'o> {
    Observed {
        time: (key.time != NO_TIME).then(|| Timestamp::from_nanos(key.time)),
        source: key.source,
        place: Place { record, ..Place::offset(key.offset) },
        observation,
    }
}

/// The number of a suspicion's rule behind the rules proper.
pub fn rule_number(suspicion: &Suspicion) -> u32 {
    let level = LEVELS.iter().position(|name| *name == suspicion.level).unwrap_or(0);
    u32::from(suspicion.detector) * LEVELS.len() as u32 + level as u32
}

/// Suspicions waiting for their moment, with the observations that show them.
#[derive(Debug, Default)]
pub struct Suspicious {
    waiting: std::vec::IntoIter<Suspicion>,
    next: Option<Suspicion>,
    /// The observations that some suspicion names, as they were met.
    met: BTreeMap<(u32, u64), Option<Kept>>,
}

impl Suspicious {
    /// Takes suspicions; they come out in the order of their last times.
    pub fn new(mut suspicions: Vec<Suspicion>) -> Self {
        suspicions.retain(|suspicion| !suspicion.evidence.is_empty());
        suspicions.sort_by(|a, b| {
            let key = |one: &Suspicion| (one.last, one.evidence.first().map(|(source, place)| (*source, place.offset)));
            key(a).cmp(&key(b)).then_with(|| (a.detector, &a.entity).cmp(&(b.detector, &b.entity)))
        });
        let met = suspicions
            .iter()
            .flat_map(|suspicion| suspicion.evidence.iter().map(|(source, place)| ((*source, place.offset), None)))
            .collect();
        let mut waiting = suspicions.into_iter();
        Self { next: waiting.next(), waiting, met }
    }

    /// Whether an observation is one that a suspicion names.
    pub fn names(&self, key: Key) -> bool {
        self.met.contains_key(&(key.source, key.offset))
    }

    /// Keeps an observation that a suspicion names.
    pub fn meet(&mut self, key: Key, record: Option<u64>, observation: &Observation) {
        if let Some(place) = self.met.get_mut(&(key.source, key.offset)).filter(|place| place.is_none()) {
            *place = Some(kept(key, record, observation));
        }
    }

    /// The last time of the next suspicion.
    pub fn next_time(&self) -> Option<i64> {
        self.next.as_ref().map(|next| next.last.map_or(NO_TIME, Timestamp::nanos))
    }

    /// The next suspicion with its evidence.
    pub fn take(&mut self) -> Option<(Suspicion, Vec<(u32, Kept)>)> {
        let next = std::mem::replace(&mut self.next, self.waiting.next())?;
        let mut shown: Vec<(u32, Kept)> = next
            .evidence
            .iter()
            .filter_map(|(source, place)| Some((*source, self.met.get(&(*source, place.offset))?.clone()?)))
            .collect();
        let why = reason(&next);
        for (_, one) in &mut shown {
            one.evidence.reasons.push(why.clone());
        }
        if let Some((_, first)) = shown.first_mut() {
            first.anomaly = Some(next.anomaly.clone());
        }
        Some((next, shown))
    }
}

/// An observation as evidence.
fn kept(key: Key, record: Option<u64>, observation: &Observation) -> Kept {
    let fields = observation.fields.iter().filter_map(|(path, value)| {
        Some(((*LEARNED_PATHS.get(usize::from(*path))?).to_owned(), cut(value).to_owned()))
    });
    let mut fields: Vec<(String, String)> = fields.collect();
    fields.sort();
    let evidence = Evidence {
        time: (key.time != NO_TIME).then(|| Timestamp::from_nanos(key.time)),
        time_text: None,
        place: Place { record, ..Place::offset(key.offset) },
        host: fields.iter().find(|(path, _)| path == "device.hostname").map(|(_, host)| host.clone()),
        fields,
        reasons: Vec::new(),
    };
    Kept { evidence, class: observation.class, digest: None, anomaly: None }
}

/// The strongest parts in one sentence.
fn reason(suspicion: &Suspicion) -> Reason {
    /// Parts that one line holds.
    const PARTS_MAX: usize = 3;
    // What is smaller than what is named here is summed in a part of its own, which says nothing by itself.
    let says = |part: &&AnomalyPart| !part.words.is_empty() && part.what != "rest";
    let mut parts: Vec<_> = suspicion.anomaly.parts.iter().filter(says).collect();
    parts.sort_by(|a, b| b.value.total_cmp(&a.value));
    let words: Vec<&str> = parts.iter().take(PARTS_MAX).map(|part| part.words.as_str()).collect();
    Reason {
        selection: LEARNED.to_owned(),
        field: String::new(),
        native: None,
        how: words.join("; "),
        pattern: String::new(),
        value: String::new(),
        span: None,
        provenance: Provenance::HostReported,
    }
}

fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(VALUE_BYTES_MAX.min(text.len()))).unwrap_or_default()
}
