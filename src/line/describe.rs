//! What a matched record says of itself: OCSF class, host, well-known fields, and the entities in them.
//!
//! Which native field is which OCSF path is settled once a tag ([`Plan`]); a record then costs one hash lookup a field.

use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashMap;
use shieldwall_schema::entity::entities;
use shieldwall_schema::{BucketId, Event, Mappings, Tag};

use super::stateful::Head;

/// Bytes of one field's value in evidence; a script block may have megabytes.
pub const VALUE_BYTES_MAX: usize = 2048;

/// Tags whose plan is remembered. Logs have some hundred; whoever writes tags of his own pays for them himself.
const PLANS_MAX: usize = 4096;

/// A tag's own words.
type TagKey = (String, String, String, String);

/// How records of one tag are described.
#[derive(Debug, Default)]
pub struct Plan {
    /// OCSF `class_uid`.
    class: u32,
    /// OCSF paths, sorted.
    paths: Vec<String>,
    /// Native name → the paths that it may fill, with a rank: of several names for a path the lowest rank wins.
    by_native: FxHashMap<Box<str>, Vec<(u32, u32)>>,
}

impl Plan {
    /// The plan of records in these buckets: for each path the first bucket that knows it.
    fn new(mappings: &Mappings, buckets: &[BucketId]) -> Self {
        let buckets = || buckets.iter().filter_map(|id| mappings.get(*id));
        let mut plan = Self {
            class: buckets().map(|bucket| bucket.class).find(|class| *class != 0).unwrap_or(0),
            ..Self::default()
        };
        plan.paths = buckets().flat_map(|bucket| bucket.ocsf.keys().cloned()).collect();
        plan.paths.sort_unstable();
        plan.paths.dedup();
        for (path, name) in plan.paths.iter().zip(0u32..) {
            let names = buckets().filter_map(|bucket| bucket.ocsf.get(path)).flatten();
            for (native, rank) in names.zip(0u32..) {
                plan.by_native.entry(native.as_str().into()).or_default().push((name, rank));
            }
        }
        plan
    }
}

/// The plans of all tags seen, shared by all workers.
#[derive(Debug, Default)]
pub struct Plans {
    known: Mutex<FxHashMap<TagKey, Arc<Plan>>>,
}

impl Plans {
    /// The plan for records of a tag.
    pub fn of(&self, mappings: &Mappings, tag: &Tag<'_>) -> Arc<Plan> {
        let key = || (tag.product.to_owned(), tag.service.to_owned(), tag.provider.to_owned(), tag.code.to_owned());
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(plan) = known.get(&key()) {
            return Arc::clone(plan);
        }
        let plan = Arc::new(Plan::new(mappings, &mappings.classify(tag)));
        if known.len() < PLANS_MAX {
            known.insert(key(), Arc::clone(&plan));
        }
        plan
    }
}

/// What a record says of itself.
#[derive(Clone, Debug, Default)]
pub struct Described {
    /// OCSF `class_uid`.
    pub class: u32,
    /// `device.hostname`
    pub host: Option<String>,
    /// Well-known fields by OCSF path, sorted.
    pub fields: Vec<(String, String)>,
    /// What B needs of every match, encoded.
    pub head: Vec<u8>,
}

/// Describes one record. Of a path's several names the one that the mapping lists first and the record has.
pub fn describe(plan: &Plan, event: &Event<'_>) -> Described {
    let mut best: Vec<Option<(u32, String)>> = vec![None; plan.paths.len()];
    event.fields.each(&mut |name, value| {
        if value.text.is_empty() {
            return;
        }
        for (path, rank) in plan.by_native.get(name).into_iter().flatten() {
            if let Some(best) = best.get_mut(*path as usize)
                && best.as_ref().is_none_or(|(have, _)| rank < have)
            {
                *best = Some((*rank, cut(value.text).to_owned()));
            }
        }
    });
    let fields: Vec<(String, String)> =
        plan.paths.iter().zip(best).filter_map(|(path, best)| best.map(|(_, value)| (path.clone(), value))).collect();
    let host = fields.iter().find(|(path, _)| path == "device.hostname").map(|(_, host)| host.clone());
    let head = Head { host, entities: entities(&fields) };
    Described { class: plan.class, head: postcard::to_stdvec(&head).unwrap_or_default(), host: head.host, fields }
}

/// Cuts a value at [`VALUE_BYTES_MAX`], at a character's end.
pub fn cut(text: &str) -> &str {
    let mut end = text.len().min(VALUE_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAPPING: &str = r#"
[[bucket]]
name = "a"
class = 0
logsource = { product = "x" }
match = { product = ["x"] }
[bucket.ocsf]
"user.name" = ["second", "third"]
[[bucket]]
name = "b"
class = 1007
logsource = { product = "x" }
match = { product = ["x"] }
[bucket.ocsf]
"user.name" = ["first"]
"device.hostname" = ["host"]
"#;

    #[test]
    fn the_first_bucket_that_knows_a_path_wins_then_the_first_name() {
        let mappings = Mappings::parse([("test", MAPPING)]).unwrap();
        let tag = Tag { product: "x", ..Tag::default() };
        let plans = Plans::default();
        let plan = plans.of(&mappings, &tag);
        assert_eq!((plan.class, plan.paths.len()), (1007, 2));
        let rank = |name: &str| plan.by_native.get(name).and_then(|all| all.first()).map(|(_, rank)| *rank);
        assert_eq!([rank("second"), rank("third"), rank("first")], [Some(0), Some(1), Some(2)]);
        assert!(Arc::ptr_eq(&plan, &plans.of(&mappings, &tag)));
    }
}
