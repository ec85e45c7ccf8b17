//! What learning sees of a record: its OCSF class and the few fields that baselines are made of.
//!
//! Half A makes observations where a record's log is decoded anyway; half B learns from them in the order of time. So
//! nothing is decoded twice, and no detector knows a log format.

use serde::{Deserialize, Serialize};

use crate::place::Place;
use crate::time::Timestamp;

/// The OCSF paths that baselines are made of; an observation names them by their index here. Only ever added to at the
/// end: kept baselines and spills name paths by number.
pub const LEARNED_PATHS: &[&str] = &[
    "device.hostname",
    "actor.user.name",
    "user.name",
    "actor.process.file.path",
    "actor.process.name",
    "actor.process.cmd_line",
    "process.parent_process.file.path",
    "process.parent_process.name",
    "process.parent_process.cmd_line",
    "process.file.path",
    "process.name",
    "process.cmd_line",
    "process.user.name",
    "process.integrity",
    "process.file.signature.certificate.subject",
    "file.path",
    "file.name",
    "module.file.path",
    "reg_key.path",
    "reg_value.name",
    "reg_value.data",
    "win_service.name",
    "win_service.cmd_line",
    "service.name",
    "job.name",
    "job.cmd_line",
    "script.script_content.value",
    "script.name",
    "src_endpoint.ip",
    "src_endpoint.port",
    "src_endpoint.hostname",
    "dst_endpoint.ip",
    "dst_endpoint.port",
    "dst_endpoint.hostname",
    "connection_info.protocol_name",
    "traffic.bytes_in",
    "traffic.bytes_out",
    "tls.ja3_hash.value",
    "tls.sni",
    "query.hostname",
    "query.type",
    "rcode",
    "http_request.http_method",
    "http_request.url.path",
    "http_request.url.query_string",
    "http_request.url.hostname",
    "http_request.user_agent",
    "http_response.code",
    "http_response.length",
    "logon_type_id",
    "logon_type",
    "auth_protocol",
    "session.uid",
    "status",
    "status_id",
    "status_code",
    "status_detail",
    "message",
    "metadata.event_code",
    "api.operation",
    "api.service.name",
    "cloud.account.uid",
    "cloud.region",
    "group.name",
    "privileges",
    "service.labels",
    "disposition",
    "unmapped.channel",
    "unmapped.syscall",
    "reg_value.path",
    "script.script_content",
    "http_request.url.url_string",
    "share",
    "kernel.name",
    "process.file.internal_name",
    "resources.name",
    "entity.name",
    "user.account.name",
    "actual_permissions",
    "module.file.signature.certificate.subject",
];

/// The index of a path in [`LEARNED_PATHS`].
pub fn learned_path(path: &str) -> Option<u16> {
    LEARNED_PATHS.iter().position(|known| *known == path).and_then(|at| u16::try_from(at).ok())
}

/// What one record tells learning; records of one chunk that tell the same may be one observation with a count.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// OCSF `class_uid`.
    pub class: u32,
    /// OCSF `activity_id`.
    pub activity: u32,
    /// Operating system or product of the log, as its tag says: `windows`, `linux`, `zeek` …
    pub product: String,
    /// The program, channel or log.
    pub service: String,
    /// The host as [`crate::entity::host_id`] names it.
    pub host: Option<String>,
    /// (index in [`LEARNED_PATHS`], value as logged and cut at a limit), sorted by index.
    pub fields: Vec<(u16, String)>,
    /// How many records say so.
    pub count: u32,
}

impl Observation {
    /// The value of a path; `None` where the record has none.
    pub fn get(&self, path: u16) -> Option<&str> {
        let at = self.fields.binary_search_by_key(&path, |(have, _)| *have).ok()?;
        self.fields.get(at).map(|(_, value)| value.as_str())
    }
}

/// An observation with its place in time and evidence.
#[derive(Clone, Copy, Debug)]
pub struct Observed<'a> {
    /// Event time; `None` if the record has none that is possible.
    pub time: Option<Timestamp>,
    /// The source's number in this run.
    pub source: u32,
    /// Where in the source.
    pub place: Place,
    /// What was seen.
    pub observation: &'a Observation,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_learned_path_stands_once_and_is_found() {
        for (at, path) in LEARNED_PATHS.iter().enumerate() {
            assert_eq!(learned_path(path), Some(at as u16), "{path}");
        }
        let seen = Observation { fields: vec![(1, "root".into()), (9, "/bin/sh".into())], ..Observation::default() };
        assert_eq!((seen.get(9), seen.get(2)), (Some("/bin/sh"), None));
    }
}
