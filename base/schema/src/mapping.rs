//! `content/mappings`: which records are which Sigma log source and OCSF class, and what their fields are called.
//!
//! A mapping file is TOML with one `[[bucket]]` a kind of record:
//!
//! ```toml
//! [[bucket]]
//! name = "windows/security/process_creation"
//! class = 1007                                  # OCSF class_uid: Process Activity
//! logsource = { product = "windows", category = "process_creation" }
//! match = { product = ["windows"], service = ["Security"], code = ["4688"] }   # all given lists must hold
//! [bucket.alias]                                # Sigma's name → native name(s), where they differ
//! Image = ["NewProcessName"]
//! [bucket.ocsf]                                 # OCSF path → native name(s)
//! "process.file.path" = ["NewProcessName"]
//! [bucket.provenance]                           # native names; the rest is host-reported
//! attacker_writable = ["CommandLine"]
//! ```
//!
//! A record may be in several buckets (Security 4688 is both `service: security` and `category: process_creation`).
//! Buckets are tried in file order; a rule runs through the first bucket that admits it. A record in no bucket still
//! satisfies rules whose `product` and `service` are the tag's own words.

use serde::{Deserialize, Serialize};

use crate::event::Tag;
use crate::finding::Provenance;

/// A bucket's index in [`Mappings::buckets`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BucketId(pub u16);

/// A Sigma log source: parts that are empty are not asked for, or not known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Logsource {
    /// `product`, lower case.
    pub product: String,
    /// `category`, lower case.
    pub category: String,
    /// `service`, lower case.
    pub service: String,
}

impl Logsource {
    /// Whether a rule written for `rule` may look at records of this log source: every part that the rule names is equal.
    pub fn admits(&self, rule: &Logsource) -> bool {
        let part = |asked: &str, have: &str| asked.is_empty() || asked.eq_ignore_ascii_case(have);
        part(&rule.product, &self.product) && part(&rule.category, &self.category) && part(&rule.service, &self.service)
    }
}

/// Which tags are in a bucket. Empty lists ask nothing; comparison ignores ASCII case; a final `*` is a prefix match.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pattern {
    /// Product.
    pub product: Vec<String>,
    /// Service.
    pub service: Vec<String>,
    /// Provider.
    pub provider: Vec<String>,
    /// Code.
    pub code: Vec<String>,
    /// Services that are not meant, whatever else holds.
    pub not_service: Vec<String>,
}

impl Pattern {
    /// Whether the tag is meant.
    pub fn accepts(&self, tag: &Tag<'_>) -> bool {
        let one = |list: &[String], have: &str| {
            list.is_empty()
                || list.iter().any(|want| match want.strip_suffix('*') {
                    Some(prefix) => have.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix)),
                    None => want.eq_ignore_ascii_case(have),
                })
        };
        let excluded = !self.not_service.is_empty() && one(&self.not_service, tag.service);
        !excluded
            && one(&self.product, tag.product)
            && one(&self.service, tag.service)
            && one(&self.provider, tag.provider)
            && one(&self.code, tag.code)
    }
}

/// A list of names, in file order.
pub type Names = std::collections::BTreeMap<String, Vec<String>>;

/// One kind of record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bucket {
    /// The bucket's name, for people.
    pub name: String,
    /// OCSF `class_uid` of such events; 0 (Base Event) if none fits.
    #[serde(default)]
    pub class: u32,
    /// OCSF `activity_id`; 0 (Unknown) if none fits.
    #[serde(default)]
    pub activity: u32,
    /// The Sigma log source of such records.
    pub logsource: Logsource,
    /// Which tags are meant.
    #[serde(rename = "match")]
    pub pattern: Pattern,
    /// Sigma field name → native field names, where they differ.
    #[serde(default)]
    pub alias: Names,
    /// OCSF path → native field names.
    #[serde(default)]
    pub ocsf: Names,
    /// Provenance → native field names.
    #[serde(default)]
    pub provenance: ProvenanceNames,
}

/// Native names by provenance; what is not listed is host-reported.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProvenanceNames {
    /// Names of transport-verified fields.
    pub transport_verified: Vec<String>,
    /// Names of attacker-writable fields; `*` for all others.
    pub attacker_writable: Vec<String>,
}

impl Bucket {
    /// The native names for a rule's field name, as an alias or as an OCSF path; none where it is called so itself.
    pub fn native(&self, field: &str) -> &[String] {
        self.alias.get(field).or_else(|| self.ocsf.get(field)).map_or(&[], Vec::as_slice)
    }

    /// Who could have written a native field.
    pub fn provenance_of(&self, native: &str) -> Provenance {
        let has = |list: &[String]| list.iter().any(|name| name == native);
        if has(&self.provenance.transport_verified) {
            Provenance::TransportVerified
        } else if has(&self.provenance.attacker_writable)
            || self.provenance.attacker_writable.iter().any(|name| name == "*")
        {
            Provenance::AttackerWritable
        } else {
            Provenance::HostReported
        }
    }
}

/// A mapping file that does not parse.
#[derive(Debug, thiserror::Error)]
#[error("mapping `{name}`: {message}")]
pub struct MappingError {
    /// The file's name.
    pub name: String,
    /// What is wrong, with line and column.
    pub message: String,
}

/// All buckets, in order. Serialisable, so that a program can hold them taken apart: the text takes a hundred times as long.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Mappings {
    buckets: Vec<Bucket>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MappingFile {
    #[serde(default)]
    bucket: Vec<Bucket>,
}

impl Mappings {
    /// Reads mapping files, given as (name, TOML text), in order.
    pub fn parse<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, MappingError> {
        let mut buckets = Vec::new();
        for (name, text) in files {
            let file: MappingFile = toml::from_str(text)
                .map_err(|error| MappingError { name: name.to_owned(), message: error.to_string() })?;
            buckets.extend(file.bucket);
        }
        Ok(Self { buckets })
    }

    /// Every bucket.
    pub fn buckets(&self) -> &[Bucket] {
        &self.buckets
    }

    /// The bucket of an id.
    pub fn get(&self, id: BucketId) -> Option<&Bucket> {
        self.buckets.get(usize::from(id.0))
    }

    /// The buckets that a tag is in, in order.
    pub fn classify(&self, tag: &Tag<'_>) -> Vec<BucketId> {
        let ids = self.buckets.iter().enumerate().filter(|(_, bucket)| bucket.pattern.accepts(tag));
        ids.filter_map(|(at, _)| u16::try_from(at).ok().map(BucketId)).collect()
    }
}
