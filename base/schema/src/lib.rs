//! The vocabulary that every stage speaks: times, places, events, findings, and the OCSF names for their parts.
//!
//! Nothing here does input or output and nothing knows a log format or a detector. A type lives here when two stages
//! must agree about it; otherwise it lives in its stage.
//!
//! | module | holds |
//! |---|---|
//! | [`chunk`] | the bytes that collect gives to decode |
//! | [`time`] | [`Timestamp`], [`Zone`]: event time in UTC and how a log without a zone is read |
//! | [`place`] | where in the evidence a record stands |
//! | [`value`] | one field's value, borrowed |
//! | [`event`] | [`Tag`], [`Want`], [`Slots`], [`Event`]: what decode gives to detect |
//! | [`rejection`] | what could not be read, and what was read but is odd |
//! | [`community_id`](mod@community_id) | one name for a network flow, whoever saw it |
//! | [`mapping`] | `content/mappings`: which records are which log source, and what their fields are called |
//! | [`observation`] | what learning sees of a record |
//! | [`finding`] | [`Reason`], [`finding::Finding`]: what detect gives |
//! | [`entity`] | hosts, users, sessions, processes, addresses … by which findings join |
//! | [`incident`] | what correlate takes and gives |
//! | [`story`] | what explain gives: sentences whose facts trace to fields |
//! | [`ocsf`] | the OCSF field table: classes, objects, attributes, and the words for ATT&CK |

pub mod chunk;
pub mod community_id;
pub mod entity;
pub mod event;
pub mod finding;
pub mod incident;
pub mod mapping;
pub mod observation;
pub mod ocsf;
pub mod outlook;
pub mod place;
pub mod rejection;
pub mod remedy;
pub mod story;
pub mod time;
pub mod value;

pub use chunk::{Chunk, ReadAt};
pub use community_id::{community_id, community_id_of, protocol_number};
pub use entity::{Entity, EntityKind};
pub use event::{Event, Fields, LearnedSlots, NO_RULE, Projection, Sink, SlotSpec, Slots, Tag, Want, fill};
pub use finding::{Provenance, Reason};
pub use mapping::{Bucket, BucketId, Mappings};
pub use observation::{Observation, Observed};
pub use place::{Place, SourceId};
pub use rejection::{Flag, Reject, Rejection};
pub use time::{Timestamp, Zone};
pub use value::{Kind, Value};
