//! Learning's part of half A: what it wants of records, and what it is handed.
//!
//! [`Joint`] puts the fields that learning wants behind those that rules want, so a record is read once for both.
//! [`Observing`] makes [`Observation`]s of it; within a chunk, records that say the same in the same minute are one with a
//! count, except where the moment itself is what is learned from (connections, look-ups, requests, logons).

use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use rustc_hash::FxHashMap;
use shieldwall_detect::anomaly::Observer;
use shieldwall_schema::entity::host_id;
use shieldwall_schema::observation::{LEARNED_PATHS, learned_path};
use shieldwall_schema::{
    Event, Kind, LearnedSlots, Mappings, NO_RULE, Place, Projection, SlotSpec, Tag, Timestamp, Want,
};

use super::spill::{ItemKind, Key, NO_TIME, encode};
use super::suspicious::Said;

/// Bytes of a value that is learned from.
const VALUE_BYTES_MAX: usize = 1024;

/// Bytes of a script's text: what is hidden stands deep.
const SCRIPT_BYTES_MAX: usize = 16 * 1024;

/// Different observations that one chunk holds before they go to the spill.
const CHUNK_OBSERVATIONS_MAX: usize = 4096;

/// Native names that may fill one path; mappings list one or two.
const NAMES_MAX: usize = 4;

/// Slots that learning takes of one kind of record; the mappings stay far below.
const SLOTS_MAX: usize = 64;

/// Tags whose wants are remembered, as the matcher does.
const TAGS_MAX: usize = 4096;

/// Classes whose every moment counts: authentication, network, HTTP, DNS.
const TIMED: [u32; 4] = [3002, 4001, 4002, 4003];

const MINUTE: i64 = 60 * 1_000_000_000;

/// What rules and learning want of records, together.
pub struct Joint<'a> {
    /// What rules want.
    pub rules: &'a dyn Projection,
    /// What learning wants.
    pub observer: &'a Observer,
    /// What the fields are called.
    pub mappings: &'a Mappings,
    known: RwLock<FxHashMap<String, Option<Arc<Want>>>>,
}

impl<'a> Joint<'a> {
    /// Both together.
    pub fn new(rules: &'a dyn Projection, observer: &'a Observer, mappings: &'a Mappings) -> Self {
        Self { rules, observer, mappings, known: RwLock::default() }
    }

    /// What learning wants, as slots behind `first`.
    fn learned(&self, tag: &Tag<'_>, first: usize) -> Option<(LearnedSlots, Vec<SlotSpec>)> {
        let buckets: Vec<_> = self.mappings.classify(tag).into_iter().filter_map(|id| self.mappings.get(id)).collect();
        let known = buckets.iter().find(|bucket| bucket.class != 0)?;
        let paths = self.observer.paths(known.class, known.activity);
        let mut learned = LearnedSlots {
            class: known.class,
            activity: known.activity,
            first: u16::try_from(first).ok()?,
            paths: Vec::new(),
        };
        let mut specs = Vec::new();
        for path in paths {
            let Some(name) = LEARNED_PATHS.get(usize::from(*path)) else { continue };
            let mut names: Vec<&str> = Vec::new();
            for native in buckets.iter().filter_map(|bucket| bucket.ocsf.get(*name)).flatten() {
                if names.len() < NAMES_MAX && !names.contains(&native.as_str()) {
                    names.push(native);
                }
            }
            for native in names {
                learned.paths.push(*path);
                specs.push(SlotSpec { names: vec![native.into()] });
            }
        }
        let fits = first + specs.len() <= usize::from(u16::MAX) && specs.len() <= SLOTS_MAX;
        (!specs.is_empty() && fits).then_some((learned, specs))
    }

    fn join(&self, tag: &Tag<'_>) -> Option<Arc<Want>> {
        let rules = self.rules.want(tag);
        let own = rules.as_ref().map_or(0, |want| want.slots.len());
        let Some((learned, specs)) = self.learned(tag, own) else { return rules };
        let (mut slots, keywords, needles, handle) = match &rules {
            Some(want) => (want.slots.clone(), want.keywords, want.keyword_needles.clone(), want.handle),
            None => (Vec::new(), None, None, NO_RULE),
        };
        slots.extend(specs);
        let mut want = Want::new(slots, keywords, handle).with_keyword_needles(needles);
        want.learned = Some(learned);
        Some(Arc::new(want))
    }
}

impl Projection for Joint<'_> {
    fn want(&self, tag: &Tag<'_>) -> Option<Arc<Want>> {
        let key = [tag.product, tag.service, tag.provider, tag.code].join("\0");
        if let Some(known) = self.known.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return known.clone();
        }
        let want = self.join(tag);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() < TAGS_MAX {
            known.insert(key, want.clone());
        }
        want
    }
}

/// What learning sees of one chunk.
#[derive(Debug, Default)]
pub struct Observing {
    /// What was said, with its moment, → its place in `order`.
    seen: FxHashMap<Box<[u8]>, usize>,
    order: Vec<Spoken>,
    /// Memory that is used again from record to record.
    said: Vec<u8>,
    /// The host's name as the last record had it, and its id.
    host: (String, Option<String>),
}

/// One thing said, at its first time.
#[derive(Debug)]
struct Spoken {
    /// [`Said`], encoded.
    said: Vec<u8>,
    count: u32,
    time: i64,
    place: Place,
}

impl Observing {
    /// Takes a record; what is full goes to `records`.
    pub fn observe(&mut self, event: &Event<'_>, learned: &LearnedSlots, source: u32, records: &mut Vec<u8>) {
        let mut best: [Option<&str>; SLOTS_MAX] = [None; SLOTS_MAX];
        for value in event.slots.iter() {
            let Some(at) = value.slot.checked_sub(learned.first) else { continue };
            if value.kind != Kind::Null
                && !value.raw.is_empty()
                && let Some(best) = best.get_mut(usize::from(at)).filter(|best| best.is_none())
            {
                *best = Some(value.raw);
            }
        }
        let mut fields: Vec<(u16, &str)> = Vec::with_capacity(learned.paths.len());
        let mut has_host = false;
        for (path, value) in learned.paths.iter().zip(best) {
            let Some(value) = value else { continue };
            if fields.last().is_some_and(|(last, _)| last == path) {
                continue;
            }
            let bytes_max = if *path == script() { SCRIPT_BYTES_MAX } else { VALUE_BYTES_MAX };
            let value = cut(value, bytes_max);
            // The first path is the host's own name.
            if *path == 0 {
                has_host = true;
                if self.host.0 != value {
                    self.host = (value.to_owned(), host_id(value));
                }
            }
            fields.push((*path, value));
        }
        if fields.iter().all(|(path, _)| *path == 0) {
            return;
        }
        let said = Said {
            class: learned.class,
            activity: learned.activity,
            product: event.tag.product,
            service: event.tag.service,
            host: if has_host { self.host.1.as_deref() } else { None },
            fields,
        };
        let time = event.time.map_or(NO_TIME, Timestamp::nanos);
        let moment = if TIMED.contains(&learned.class) || time == NO_TIME { time } else { time.div_euclid(MINUTE) };
        let mut bytes = std::mem::take(&mut self.said);
        bytes.clear();
        // Writing to memory cannot fail.
        let mut bytes = postcard::to_extend(&said, bytes).unwrap_or_default();
        let length = bytes.len();
        bytes.extend_from_slice(&moment.to_le_bytes());
        if let Some(known) = self.seen.get(bytes.as_slice()).and_then(|at| self.order.get_mut(*at)) {
            known.count = known.count.saturating_add(1);
        } else {
            if self.order.len() >= CHUNK_OBSERVATIONS_MAX {
                self.flush(source, records);
            }
            self.seen.insert(bytes.as_slice().into(), self.order.len());
            let said = bytes.get(..length).unwrap_or_default().to_vec();
            self.order.push(Spoken { said, count: 1, time, place: event.place });
        }
        self.said = bytes;
    }

    /// Gives everything to `records`.
    pub fn flush(&mut self, source: u32, records: &mut Vec<u8>) {
        self.seen.clear();
        for Spoken { said, count, time, place } in self.order.drain(..) {
            let key = Key { time, source, offset: place.offset, subject: 0 };
            // (record, what was said, how often): one after another, as a tuple of them would be.
            let mut payload = postcard::to_stdvec(&place.record).unwrap_or_default();
            payload.extend_from_slice(&said);
            let payload = postcard::to_extend(&count, payload).unwrap_or_default();
            encode(records, key, ItemKind::Observation, &payload);
        }
    }
}

/// The path of a script's text.
fn script() -> u16 {
    static SCRIPT: LazyLock<u16> = LazyLock::new(|| learned_path("script.script_content.value").unwrap_or(u16::MAX));
    *SCRIPT
}

/// Cuts a text at a character's end.
fn cut(text: &str, bytes_max: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes_max.min(text.len()))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use shieldwall_schema::{Fields, Observation, Slots, Value, fill};

    use super::*;
    use crate::line::spill::Spill;

    const MAPPING: &str = r#"
[[bucket]]
name = "processes"
class = 1007
activity = 1
logsource = { product = "x" }
match = { product = ["x"], code = ["1"] }
[bucket.ocsf]
"process.cmd_line" = ["Line", "Command"]
"device.hostname" = ["Host"]
[[bucket]]
name = "logons"
class = 3002
logsource = { product = "x" }
match = { product = ["x"], code = ["2"] }
[bucket.ocsf]
"user.name" = ["User"]
"device.hostname" = ["Host"]
[[bucket]]
name = "nothing to learn"
class = 999999
logsource = { product = "x" }
match = { product = ["x"], code = ["3"] }
[bucket.ocsf]
"user.name" = ["User"]
"#;

    /// Rules that want one field of everything but logons.
    struct Rules(Arc<Want>);

    impl Projection for Rules {
        fn want(&self, tag: &Tag<'_>) -> Option<Arc<Want>> {
            (tag.code != "2").then(|| Arc::clone(&self.0))
        }
    }

    struct Record(Vec<(&'static str, String)>);

    impl Fields for Record {
        fn each(&self, each: &mut dyn FnMut(&str, Value<'_>)) {
            self.0.iter().for_each(|(name, value)| each(name, Value::text(value)));
        }
    }

    fn tag(code: &str) -> Tag<'_> {
        Tag { product: "x", code, ..Tag::default() }
    }

    /// A record's code, second and fields.
    type Told<'a> = (&'a str, i64, &'a [(&'static str, String)]);

    /// Observations of records: second, offset, what was said.
    fn observed(records: &[Told<'_>]) -> Vec<(i64, u64, Observation)> {
        let mappings = Mappings::parse([("test", MAPPING)]).unwrap();
        let observer = Observer::default();
        let rules = Rules(Arc::new(Want::new(vec![SlotSpec { names: vec!["Line".into()] }], None, 7)));
        let joint = Joint::new(&rules, &observer, &mappings);
        let mut observing = Observing::default();
        let mut out = Vec::new();
        for (offset, (code, second, fields)) in (0..).zip(records) {
            let want = joint.want(&tag(code)).unwrap();
            let record = Record(fields.to_vec());
            let mut slots = Slots::default();
            fill(&want, &record, &mut slots);
            let event = Event {
                time: Timestamp::from_seconds(*second, 0),
                time_text: None,
                place: Place::offset(offset),
                bytes: b"",
                tag: tag(code),
                want: &want,
                slots: &slots,
                fields: &record,
            };
            if let Some(learned) = &want.learned {
                observing.observe(&event, learned, 0, &mut out);
            }
        }
        observing.flush(0, &mut out);
        let mut spill = Spill::new(usize::MAX);
        spill.append(&mut out).unwrap();
        let mut items = spill.sorted(&[0]).unwrap();
        let mut decoded = crate::line::suspicious::Decoded::default();
        let mut observations = Vec::new();
        while let Some(item) = items.next().unwrap() {
            assert_eq!(item.kind, ItemKind::Observation);
            let (_, observation) = decoded.of(item.payload).unwrap();
            observations.push((item.key.time / 1_000_000_000, item.key.offset, observation.clone()));
        }
        observations
    }

    #[test]
    fn learning_stands_behind_what_rules_want_and_alone_where_they_want_nothing() {
        let mappings = Mappings::parse([("test", MAPPING)]).unwrap();
        let observer = Observer::default();
        let rules = Rules(Arc::new(Want::new(vec![SlotSpec { names: vec!["Line".into()] }], None, 7)));
        let joint = Joint::new(&rules, &observer, &mappings);
        let both = joint.want(&tag("1")).unwrap();
        let learned = both.learned.clone().unwrap();
        assert_eq!((both.handle, learned.first, learned.class, learned.activity), (7, 1, 1007, 1));
        assert_eq!(both.slots.len(), 1 + learned.paths.len());
        assert!(learned.paths.is_sorted() && learned.paths.len() == 3, "{learned:?}");
        let alone = joint.want(&tag("2")).unwrap();
        assert_eq!((alone.handle, alone.learned.as_ref().map(|learned| learned.first)), (NO_RULE, Some(0)));
        let rules_alone = joint.want(&tag("3")).unwrap();
        assert!(Arc::ptr_eq(&rules_alone, &rules.0) && rules_alone.learned.is_none());
        assert!(Joint::new(&super::super::before::NoRules, &observer, &mappings).want(&tag("3")).is_none());
    }

    #[test]
    fn what_is_said_again_in_a_minute_is_counted_but_every_logon_stands_alone() {
        let line = |line: &str| [("Host", "PC.example.org".to_owned()), ("Line", line.to_owned())];
        let (one, two) = (line("a"), line("b"));
        let logon = [("Host", "PC".to_owned()), ("User", "alice".to_owned())];
        let seen = observed(&[
            ("1", 60, &one),
            ("1", 119, &one),
            ("1", 61, &two),
            ("1", 120, &one),
            ("2", 60, &logon),
            ("2", 60, &logon),
            ("2", 61, &logon),
        ]);
        let told: Vec<(i64, u64, u32, u32)> =
            seen.iter().map(|(time, offset, one)| (*time, *offset, one.class, one.count)).collect();
        let expected = [(60, 0, 1007, 2), (60, 4, 3002, 2), (61, 2, 1007, 1), (61, 6, 3002, 1), (120, 3, 1007, 1)];
        assert_eq!(told, expected);
        assert!(seen.iter().all(|(_, _, one)| one.host.as_deref() == Some("pc")));
    }

    #[test]
    fn the_first_name_that_holds_something_counts_and_long_values_are_cut() {
        let long = "é".repeat(VALUE_BYTES_MAX);
        let fields = [("Command", "second".to_owned()), ("Line", String::new())];
        let both = [("Command", "second".to_owned()), ("Line", long)];
        let host_alone = [("Host", "PC".to_owned())];
        let seen = observed(&[("1", 1, &fields), ("1", 2, &both), ("1", 3, &host_alone)]);
        let values: Vec<&str> = seen.iter().map(|(_, _, one)| one.fields[0].1.as_str()).collect();
        assert_eq!((values.len(), values[0]), (2, "second"), "a host's name alone teaches nothing");
        assert!(values[1].starts_with('é') && values[1].len() <= VALUE_BYTES_MAX);
    }

    #[test]
    fn different_observations_of_a_chunk_are_bounded() {
        let records: Vec<[(&'static str, String); 1]> =
            (0..CHUNK_OBSERVATIONS_MAX + 10).map(|at| [("Line", at.to_string())]).collect();
        let records: Vec<Told<'_>> = records.iter().map(|fields| ("1", 1, fields.as_slice())).collect();
        assert_eq!(observed(&records).len(), CHUNK_OBSERVATIONS_MAX + 10);
    }
}
