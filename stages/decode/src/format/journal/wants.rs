//! What the projection answered, kept by tag, so that it is asked once per distinct tag and worker.
//!
//! Tags hold text from the evidence (a program's name), so a hostile log may bring a new tag with every record: the
//! table is emptied when it is full, which costs a question, never a wrong answer.

use std::hash::BuildHasher;
use std::sync::Arc;

use rustc_hash::{FxBuildHasher, FxHashMap};
use shieldwall_schema::{Projection, Tag, Want};

/// Tags kept. A host has some hundred programs; an entry costs about 200 bytes.
const TAGS_MAX: usize = 4096;

/// The projection behind its memory.
pub(crate) struct Wants<'a> {
    projection: &'a dyn Projection,
    known: FxHashMap<u64, Vec<Known>>,
    count: usize,
}

struct Known {
    product: Box<str>,
    service: Box<str>,
    provider: Box<str>,
    code: Box<str>,
    want: Option<Arc<Want>>,
}

impl<'a> Wants<'a> {
    /// Nothing is known yet.
    pub(crate) fn new(projection: &'a dyn Projection) -> Self {
        Self { projection, known: FxHashMap::default(), count: 0 }
    }

    /// What is wanted of records with this tag.
    pub(crate) fn of(&mut self, tag: &Tag<'_>) -> Option<Arc<Want>> {
        let key = FxBuildHasher.hash_one(tag);
        if let Some(list) = self.known.get(&key)
            && let Some(known) = list.iter().find(|known| known.is(tag))
        {
            return known.want.clone();
        }
        if self.count >= TAGS_MAX {
            self.known.clear();
            self.count = 0;
        }
        let want = self.projection.want(tag);
        self.known.entry(key).or_default().push(Known {
            product: tag.product.into(),
            service: tag.service.into(),
            provider: tag.provider.into(),
            code: tag.code.into(),
            want: want.clone(),
        });
        self.count += 1;
        want
    }
}

impl Known {
    fn is(&self, tag: &Tag<'_>) -> bool {
        same(&self.product, tag.product)
            && same(&self.service, tag.service)
            && same(&self.provider, tag.provider)
            && same(&self.code, tag.code)
    }
}

/// Whether two texts are equal, without a look at the bytes of empty ones.
///
/// An empty `String` points at no memory, and glibc's `memcmp` for AVX-512 machines makes a masked load of it all the
/// same, which costs some 400 ns: three times all else that is done with an audit record.
pub(crate) fn same(one: &str, other: &str) -> bool {
    one.len() == other.len() && (one.is_empty() || one == other)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    struct Counting(AtomicUsize);

    impl Projection for Counting {
        fn want(&self, tag: &Tag<'_>) -> Option<Arc<Want>> {
            self.0.fetch_add(1, Ordering::Relaxed);
            (tag.service == "sshd").then(Arc::default)
        }
    }

    #[test]
    fn a_tag_is_asked_once_until_the_table_is_full() {
        let projection = Counting(AtomicUsize::new(0));
        let mut wants = Wants::new(&projection);
        let sshd = Tag { product: "linux", service: "sshd", ..Tag::default() };
        let cron = Tag { product: "linux", service: "cron", ..Tag::default() };
        for _ in 0..3 {
            assert!(wants.of(&sshd).is_some());
            assert!(wants.of(&cron).is_none());
        }
        assert_eq!(projection.0.load(Ordering::Relaxed), 2);
        for number in 0..TAGS_MAX {
            let service = number.to_string();
            wants.of(&Tag { service: &service, ..Tag::default() });
        }
        assert!(wants.count <= TAGS_MAX);
        assert!(wants.of(&sshd).is_some());
    }
}
