//! Well-known paths as small numbers, so that hot code compares integers and not strings.
//!
//! The list below is the vocabulary of `content/mappings`, sorted; a path's number is its index. Numbers are for one
//! run of one version: stored data name paths.

/// A well-known OCSF path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldId(u16);

impl FieldId {
    /// The number of a path, if it is well known.
    pub fn of(path: &str) -> Option<Self> {
        let at = PATHS.binary_search(&path).ok()?;
        u16::try_from(at).ok().map(Self)
    }

    /// The path.
    pub fn path(self) -> &'static str {
        PATHS.get(usize::from(self.0)).copied().unwrap_or_default()
    }

    /// Index for tables of [`FieldId::COUNT`] entries.
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// How many well-known paths there are.
    pub const COUNT: usize = PATHS.len();

    /// All of them, in order.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..PATHS.len()).filter_map(|at| u16::try_from(at).ok().map(Self))
    }
}

const PATHS: &[&str] = &[
    "action_id",
    "actor.app_name",
    "actor.process.cmd_line",
    "actor.process.file.name",
    "actor.process.file.path",
    "actor.process.name",
    "actor.process.parent_process.file.path",
    "actor.process.parent_process.pid",
    "actor.process.pid",
    "actor.process.uid",
    "actor.process.user.name",
    "actor.session.uid",
    "actor.user.domain",
    "actor.user.name",
    "actor.user.type",
    "actor.user.uid",
    "answers.rdata",
    "api.operation",
    "api.request.uid",
    "api.service.name",
    "auth_protocol",
    "cloud.account.uid",
    "cloud.region",
    "connection_info.community_uid",
    "connection_info.direction",
    "connection_info.protocol_name",
    "connection_info.protocol_num",
    "connection_info.uid",
    "device.hostname",
    "device.ip",
    "device.os.name",
    "device.uid",
    "driver.file.hashes.value",
    "driver.file.path",
    "driver.file.signatures.state",
    "dst_endpoint.hostname",
    "dst_endpoint.ip",
    "dst_endpoint.port",
    "dst_endpoint.svc_name",
    "duration",
    "exit_code",
    "file.ext",
    "file.hashes.value",
    "file.name",
    "file.path",
    "file.size",
    "group.name",
    "group.uid",
    "http_request.args",
    "http_request.http_method",
    "http_request.referrer",
    "http_request.url.path",
    "http_request.url.query_string",
    "http_request.url.url_string",
    "http_request.user_agent",
    "http_request.version",
    "http_response.code",
    "http_response.length",
    "job.cmd_line",
    "job.file.path",
    "job.name",
    "job.user.name",
    "log_name",
    "logon_process.name",
    "logon_type",
    "logon_type_id",
    "message",
    "metadata.event_code",
    "metadata.log_name",
    "metadata.log_provider",
    "metadata.uid",
    "module.base_address",
    "module.file.hashes.value",
    "module.file.path",
    "module.file.product.name",
    "module.file.signatures.state",
    "module.function_name",
    "module.start_address",
    "prev_reg_key.path",
    "prev_reg_value.data",
    "process.cmd_line",
    "process.created_time",
    "process.file.company_name",
    "process.file.desc",
    "process.file.hashes.value",
    "process.file.internal_name",
    "process.file.name",
    "process.file.path",
    "process.file.product.name",
    "process.file.version",
    "process.integrity",
    "process.name",
    "process.parent_process.cmd_line",
    "process.parent_process.file.name",
    "process.parent_process.file.path",
    "process.parent_process.pid",
    "process.parent_process.uid",
    "process.parent_process.user.name",
    "process.pid",
    "process.session.uid",
    "process.uid",
    "process.user.name",
    "process.user.uid",
    "process.working_directory",
    "proxy_endpoint.ip",
    "query.hostname",
    "query.type",
    "raw_data",
    "rcode",
    "reg_key.path",
    "reg_value.data",
    "reg_value.name",
    "reg_value.path",
    "requested_permissions",
    "resource.name",
    "script.file.path",
    "script.name",
    "script.script_content.value",
    "service.name",
    "session.uid",
    "share",
    "src_endpoint.hostname",
    "src_endpoint.ip",
    "src_endpoint.name",
    "src_endpoint.port",
    "status",
    "status_code",
    "status_detail",
    "tls.sni",
    "traffic.bytes_in",
    "traffic.bytes_out",
    "unmapped",
    "user.domain",
    "user.name",
    "user.uid",
    "user_result.name",
    "win_service.cmd_line",
    "win_service.name",
    "win_service.service_start_name",
    "win_service.service_start_type",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ocsf::{classes, resolve};

    #[test]
    fn paths_are_sorted_once_each_and_exist_in_some_class() {
        assert!(PATHS.windows(2).all(|pair| pair[0] < pair[1]));
        let lost: Vec<_> =
            PATHS.iter().filter(|path| !classes().iter().any(|c| resolve(c.uid, path).is_some())).collect();
        assert!(lost.is_empty(), "no class has {lost:#?}");
    }

    #[test]
    fn numbers_and_paths_are_each_others_inverse() {
        assert_eq!(FieldId::all().count(), FieldId::COUNT);
        for id in FieldId::all() {
            assert_eq!(FieldId::of(id.path()), Some(id));
        }
        assert_eq!(FieldId::of("process.nonsense"), None);
    }
}
