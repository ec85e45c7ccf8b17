//! Which kinds of records a source holds: told by what its decoder asks, so it costs one look a distinct tag and worker.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use shieldwall_schema::{BucketId, Mappings, Projection, Tag, Want};

/// A projection that notes the buckets of every tag it is asked about.
pub struct Noting<'a> {
    /// Who answers.
    pub projection: &'a dyn Projection,
    /// What buckets there are.
    pub mappings: &'a Mappings,
    /// The buckets of one source's records.
    pub kinds: &'a Mutex<BTreeSet<BucketId>>,
}

impl Projection for Noting<'_> {
    fn want(&self, tag: &Tag<'_>) -> Option<Arc<Want>> {
        let buckets = self.mappings.classify(tag);
        self.kinds.lock().unwrap_or_else(PoisonError::into_inner).extend(buckets);
        self.projection.want(tag)
    }
}
