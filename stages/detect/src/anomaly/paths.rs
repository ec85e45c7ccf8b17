//! Which fields of which records are learned from, and their numbers.
//!
//! The numbers are found when the program is compiled; a test holds that none is missing.

use shieldwall_schema::observation::LEARNED_PATHS;

/// A path's number; beyond every list where there is no such path (a test holds that none is).
const fn at(path: &str) -> u16 {
    let path = path.as_bytes();
    let mut left: &[&str] = LEARNED_PATHS;
    let mut number = 0;
    while let [first, rest @ ..] = left {
        if same(first.as_bytes(), path) {
            return number;
        }
        left = rest;
        number += 1;
    }
    u16::MAX
}

const fn same(mut one: &[u8], mut two: &[u8]) -> bool {
    loop {
        match (one, two) {
            ([], []) => return true,
            ([a, rest_one @ ..], [b, rest_two @ ..]) if *a == *b => {
                one = rest_one;
                two = rest_two;
            }
            _ => return false,
        }
    }
}

macro_rules! paths {
    ($($name:ident = $path:literal;)*) => {
        $(pub(super) const $name: u16 = at($path);)*
        #[cfg(test)]
        const ALL: &[(&str, u16)] = &[$(($path, $name)),*];
    };
}

paths! {
    HOST = "device.hostname";
    ACTOR_USER = "actor.user.name";
    USER = "user.name";
    ACTOR_PATH = "actor.process.file.path";
    ACTOR_NAME = "actor.process.name";
    PARENT_PATH = "process.parent_process.file.path";
    PARENT_NAME = "process.parent_process.name";
    PROCESS_PATH = "process.file.path";
    PROCESS_NAME = "process.name";
    PROCESS_COMMAND = "process.cmd_line";
    PROCESS_USER = "process.user.name";
    PROCESS_INTEGRITY = "process.integrity";
    PROCESS_ORIGINAL = "process.file.internal_name";
    PROCESS_SIGNER = "process.file.signature.certificate.subject";
    MODULE_PATH = "module.file.path";
    MODULE_SIGNER = "module.file.signature.certificate.subject";
    FILE_PATH = "file.path";
    KEY_PATH = "reg_key.path";
    VALUE_PATH = "reg_value.path";
    VALUE_DATA = "reg_value.data";
    SERVICE_INSTALLED = "win_service.name";
    SERVICE_COMMAND = "win_service.cmd_line";
    SERVICE_NAME = "service.name";
    JOB_NAME = "job.name";
    JOB_COMMAND = "job.cmd_line";
    SCRIPT_VALUE = "script.script_content.value";
    SCRIPT_TEXT = "script.script_content";
    SOURCE_IP = "src_endpoint.ip";
    SOURCE_HOST = "src_endpoint.hostname";
    DESTINATION_IP = "dst_endpoint.ip";
    DESTINATION_PORT = "dst_endpoint.port";
    DESTINATION_HOST = "dst_endpoint.hostname";
    BYTES_OUT = "traffic.bytes_out";
    JA3 = "tls.ja3_hash.value";
    SNI = "tls.sni";
    QUERY = "query.hostname";
    RCODE = "rcode";
    METHOD = "http_request.http_method";
    URL_PATH = "http_request.url.path";
    URL_QUERY = "http_request.url.query_string";
    URL = "http_request.url.url_string";
    URL_HOST = "http_request.url.hostname";
    AGENT = "http_request.user_agent";
    HTTP_CODE = "http_response.code";
    LOGON_TYPE_ID = "logon_type_id";
    LOGON_TYPE = "logon_type";
    AUTH = "auth_protocol";
    STATUS = "status";
    STATUS_CODE = "status_code";
    STATUS_DETAIL = "status_detail";
    CODE = "metadata.event_code";
    OPERATION = "api.operation";
    API_SERVICE = "api.service.name";
    REGION = "cloud.region";
    GROUP = "group.name";
    PRIVILEGES = "privileges";
    SHARE = "share";
    PIPE = "kernel.name";
    ACCESS = "actual_permissions";
    ENTITY_NAME = "entity.name";
}

/// OCSF classes that teach something, and the fields that do.
const TAUGHT: &[(u32, &[u16])] = &[
    (1001, &[HOST, ACTOR_PATH, ACTOR_NAME, FILE_PATH, CODE]),
    (1003, &[HOST, ACTOR_PATH, PIPE, CODE]),
    (1005, &[HOST, ACTOR_PATH, MODULE_PATH, MODULE_SIGNER, CODE]),
    (1006, &[HOST, ACTOR_USER, JOB_NAME, JOB_COMMAND, CODE]),
    (
        1007,
        &[
            HOST,
            ACTOR_USER,
            ACTOR_PATH,
            ACTOR_NAME,
            PARENT_PATH,
            PARENT_NAME,
            PROCESS_PATH,
            PROCESS_NAME,
            PROCESS_COMMAND,
            PROCESS_USER,
            PROCESS_INTEGRITY,
            PROCESS_ORIGINAL,
            PROCESS_SIGNER,
            ACCESS,
            CODE,
        ],
    ),
    (1008, &[HOST, ACTOR_USER, CODE]),
    (1009, &[HOST, SCRIPT_VALUE, SCRIPT_TEXT, CODE]),
    (3001, &[HOST, ACTOR_USER, USER, CODE, STATUS]),
    (
        3002,
        &[
            HOST,
            ACTOR_USER,
            USER,
            SOURCE_IP,
            SOURCE_HOST,
            DESTINATION_HOST,
            LOGON_TYPE_ID,
            LOGON_TYPE,
            AUTH,
            SERVICE_NAME,
            AGENT,
            STATUS,
            STATUS_CODE,
            STATUS_DETAIL,
            CODE,
        ],
    ),
    (3003, &[HOST, ACTOR_USER, USER, PRIVILEGES, CODE]),
    (3004, &[HOST, ACTOR_USER, SOURCE_IP, ENTITY_NAME, CODE]),
    (3006, &[HOST, ACTOR_USER, USER, GROUP, CODE]),
    (
        4001,
        &[
            HOST,
            ACTOR_USER,
            ACTOR_PATH,
            ACTOR_NAME,
            SOURCE_IP,
            DESTINATION_IP,
            DESTINATION_PORT,
            DESTINATION_HOST,
            BYTES_OUT,
            JA3,
            SNI,
            STATUS_DETAIL,
            CODE,
        ],
    ),
    (
        4002,
        &[
            HOST,
            SOURCE_IP,
            DESTINATION_IP,
            DESTINATION_HOST,
            METHOD,
            URL_PATH,
            URL_QUERY,
            URL,
            URL_HOST,
            AGENT,
            HTTP_CODE,
            BYTES_OUT,
        ],
    ),
    (4003, &[HOST, ACTOR_PATH, SOURCE_IP, DESTINATION_IP, QUERY, RCODE]),
    (4005, &[HOST, USER, SOURCE_IP, DESTINATION_IP, CODE]),
    (4006, &[HOST, ACTOR_USER, SOURCE_IP, SHARE, FILE_PATH, CODE]),
    (4007, &[HOST, SOURCE_IP, DESTINATION_IP, DESTINATION_PORT]),
    (6003, &[ACTOR_USER, SOURCE_IP, AGENT, STATUS, OPERATION, API_SERVICE, REGION]),
    (201_001, &[HOST, ACTOR_PATH, KEY_PATH, CODE]),
    (201_002, &[HOST, ACTOR_PATH, VALUE_PATH, VALUE_DATA, CODE]),
    (201_004, &[HOST, ACTOR_USER, SERVICE_INSTALLED, SERVICE_COMMAND, CODE]),
];

/// What records without a class of their own teach: that they came.
const UNCLASSED: &[u16] = &[HOST, ACTOR_USER, CODE];

/// Fields that are learned from, by class; sorted, as [`super::Observer`] promises.
#[derive(Debug)]
pub(super) struct Taught {
    classes: Vec<(u32, Vec<u16>)>,
    unclassed: Vec<u16>,
}

impl Default for Taught {
    fn default() -> Self {
        let sorted = |paths: &[u16]| {
            let mut paths = paths.to_vec();
            paths.sort_unstable();
            paths
        };
        let mut classes: Vec<(u32, Vec<u16>)> = TAUGHT.iter().map(|(class, paths)| (*class, sorted(paths))).collect();
        classes.sort_unstable();
        Self { classes, unclassed: sorted(UNCLASSED) }
    }
}

impl Taught {
    pub(super) fn of(&self, class: u32) -> &[u16] {
        let found = self.classes.binary_search_by_key(&class, |(have, _)| *have).ok();
        match found.and_then(|at| self.classes.get(at)) {
            Some((_, paths)) => paths,
            None if class == 0 => &self.unclassed,
            None => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_has_its_number() {
        for (path, number) in ALL {
            assert_eq!(LEARNED_PATHS.get(usize::from(*number)), Some(path), "{path}");
        }
    }

    #[test]
    fn what_is_taught_is_sorted_and_each_once() {
        let taught = Taught::default();
        for (class, _) in TAUGHT {
            let paths = taught.of(*class);
            assert!(!paths.is_empty() && paths.windows(2).all(|two| two[0] < two[1]), "{class}: {paths:?}");
        }
        assert!(taught.of(999_999).is_empty());
    }
}
