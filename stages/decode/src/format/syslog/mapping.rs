//! `content/mappings/linux.toml` and `web.toml` against the text decoders, OCSF, and SigmaHQ's rules.

use std::path::{Path, PathBuf};

use shieldwall_schema::mapping::Logsource;
use shieldwall_schema::{Mappings, Provenance, Tag, ocsf};

use crate::decoder::Decoder;
use crate::format::{identify, plain, weblog};
use crate::testing::decode;

const LINUX: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../content/mappings/linux.toml"));
const WEB: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../content/mappings/web.toml"));

fn mappings() -> Mappings {
    Mappings::parse([("linux.toml", LINUX), ("web.toml", WEB)]).unwrap()
}

fn logsource((product, category, service): (&str, &str, &str)) -> Logsource {
    Logsource { product: product.into(), category: category.into(), service: service.into() }
}

/// What a rule of a log source sees in `field` of the only record of `line`; `None` if it never runs on it.
fn seen(line: &str, rule: (&str, &str, &str), field: &str) -> Option<Vec<String>> {
    let mappings = mappings();
    let decoder = identify(line.as_bytes()).unwrap();
    let event = decode(decoder, line.as_bytes(), Some(2026)).events.pop().unwrap();
    let tag = Tag { product: &event.product, service: &event.service, provider: &event.provider, code: "" };
    let buckets = mappings.classify(&tag);
    let bucket = buckets.iter().filter_map(|id| mappings.get(*id)).find(|b| b.logsource.admits(&logsource(rule)))?;
    let names = bucket.native(field).iter().map(String::as_str);
    let names: Vec<&str> = if names.len() == 0 { vec![field] } else { names.collect() };
    let values = event.fields.iter().filter(|(name, _)| names.contains(&name.as_str()));
    Some(values.map(|(_, value)| value.clone()).collect())
}

#[test]
fn rules_reach_the_lines_and_fields_that_they_mean() {
    let sshd = "Mar 10 03:12:00 h sshd[1]: Failed password for root from 192.0.2.1 port 22 ssh2";
    let sudo = "Mar 10 03:12:00 h sudo: bob : TTY=pts/1 ; PWD=/ ; USER=#-1 ; COMMAND=/bin/id";
    let cron = "Mar 10 03:12:00 h crontab[1]: (bob) REPLACE (bob)";
    let authpriv = "<86>Mar 10 03:12:00 h strange[1]: x";
    let clam = "Mar 10 03:12:00 h clamd[1]: /tmp/x: Trojan.X FOUND";
    let access = r#"192.0.2.1 - - [10/Oct/2000:13:55:36 -0700] "GET /a.php?x=%27 HTTP/1.0" 200 1 "http://r/" "sqlmap""#;
    let iis = "#Fields: date time c-ip cs-method cs-uri-stem cs-uri-query cs(User-Agent) sc-status\n\
               2021-04-01 00:00:21 192.0.2.1 GET /a.asp x=1 sqlmap 200\n";
    let apache = "[Sun Dec 04 04:47:44 2005] [error] [client 192.0.2.1] exit signal Segmentation fault";
    let nginx = "2026/03/10 03:12:00 [alert] 1#1: worker process 9 exited on signal 6 (core dumped)";
    let cisco = "Mar 10 2026 03:12:00: %SYS-5-CONFIG_P: Configured programmatically";
    for (line, rule, field, expected) in [
        (sshd, ("linux", "", "sshd"), "src_endpoint.ip", Some("192.0.2.1")),
        (sshd, ("linux", "", "auth"), "user.name", Some("root")),
        (sshd, ("linux", "", "syslog"), "device.hostname", Some("h")),
        (sshd, ("", "", "sshd"), "auth_protocol", Some("password")),
        (sudo, ("linux", "", "sudo"), "USER", Some("#-1")),
        (sudo, ("linux", "", "sudo"), "process.cmd_line", Some("/bin/id")),
        (cron, ("linux", "", "cron"), "actor.user.name", Some("bob")),
        (authpriv, ("linux", "", "auth"), "message", Some("x")),
        (clam, ("linux", "", "clamav"), "message", Some("/tmp/x: Trojan.X FOUND")),
        (access, ("", "webserver", ""), "cs-uri-query", Some("/a.php?x='")),
        (access, ("", "webserver", ""), "c-useragent", Some("sqlmap")),
        (access, ("apache", "webserver", "access"), "cs-referrer", Some("http://r/")),
        (access, ("", "webserver", ""), "http_response.code", Some("200")),
        (iis, ("", "webserver", ""), "cs-uri-query", Some("/a.asp?x=1")),
        (iis, ("windows", "", "iis"), "cs(User-Agent)", Some("sqlmap")),
        (apache, ("", "", "apache"), "c-ip", Some("192.0.2.1")),
        (apache, ("apache", "", "error"), "level", Some("error")),
        (nginx, ("", "", "nginx"), "level", Some("alert")),
        (cisco, ("cisco", "", "syslog"), "message", Some("%SYS-5-CONFIG_P: Configured programmatically")),
        (cisco, ("cisco", "", "aaa"), "message", Some("%SYS-5-CONFIG_P: Configured programmatically")),
        // The guard: no rule runs on what it was not written for.
        (sshd, ("linux", "", "sudo"), "", None),
        (sshd, ("linux", "", "auditd"), "", None),
        (sshd, ("windows", "", ""), "", None),
        (sshd, ("", "webserver", ""), "", None),
        (access, ("linux", "", "syslog"), "", None),
        (access, ("", "proxy", ""), "", None),
        (apache, ("", "", "nginx"), "", None),
        (nginx, ("", "webserver", ""), "", None),
        (cron, ("linux", "", "sshd"), "", None),
    ] {
        let values = seen(line, rule, field);
        match expected {
            Some(value) => {
                let values = values.unwrap_or_else(|| panic!("{rule:?} does not run on {line}"));
                assert!(values.iter().any(|have| have == value), "{rule:?} {field}: {values:?}");
            }
            None => assert_eq!(values, None, "{rule:?} runs on {line}"),
        }
    }
}

#[test]
fn auditd_is_no_syslog() {
    let (mappings, tag) = (mappings(), Tag { product: "linux", service: "auditd", ..Tag::default() });
    assert_eq!(mappings.classify(&tag), []);
}

#[test]
fn every_ocsf_path_and_activity_is_the_schemas() {
    let mappings = mappings();
    assert!(mappings.buckets().len() > 20);
    for bucket in mappings.buckets() {
        for path in bucket.ocsf.keys() {
            assert!(ocsf::resolve(bucket.class, path).is_some(), "{}: {path} in class {}", bucket.name, bucket.class);
        }
        assert!(ocsf::activity_name(bucket.class, bucket.activity).is_some(), "{}", bucket.name);
    }
}

#[test]
fn what_somebody_typed_is_never_trusted() {
    for bucket in mappings().buckets() {
        for name in ["cs-uri", "cs-user-agent", "cs-referer", "message_hex"] {
            if bucket.name.starts_with("web/") && !(bucket.name.contains("error") && name == "cs-user-agent") {
                assert_eq!(bucket.provenance_of(name), Provenance::AttackerWritable, "{}: {name}", bucket.name);
            }
        }
        let verified = bucket.provenance_of("c-ip") == Provenance::TransportVerified;
        assert!(!(verified && bucket.name.contains("nginx") && bucket.name.contains("error")));
    }
    let mappings = mappings();
    let sshd = mappings.buckets().iter().find(|bucket| bucket.name == "linux/sshd").unwrap();
    assert_eq!(sshd.provenance_of("src_ip"), Provenance::TransportVerified);
    assert_eq!(sshd.provenance_of("user"), Provenance::AttackerWritable);
}

/// Every `.yml` below a folder, sorted.
fn rules(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            rules(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "yml") {
            found.push(path);
        }
    }
}

/// A rule's log source, read from its lines.
fn logsource_of(text: &str) -> Logsource {
    let mut inside = false;
    let mut found = Logsource::default();
    for line in text.lines() {
        if !line.starts_with([' ', '#']) {
            inside = line.starts_with("logsource:");
        }
        let value = |key: &str| Some(line.trim().strip_prefix(key)?.split('#').next()?.trim().to_owned());
        if inside {
            found.product = value("product:").unwrap_or(found.product);
            found.category = value("category:").unwrap_or(found.category);
            found.service = value("service:").unwrap_or(found.service);
        }
    }
    found
}

#[test]
fn every_text_rule_of_sigmahq_has_a_bucket() {
    let root = crate::testing::data().join("sigma");
    let mut paths = Vec::new();
    for folder in ["rules/linux/builtin", "rules/web/webserver_generic", "rules/web/product", "rules/network/cisco"] {
        rules(&root.join(folder), &mut paths);
    }
    if paths.is_empty() {
        eprintln!("SKIPPED: no SigmaHQ rules (set SHIELDWALL_DATA)");
        return;
    }
    let mappings = mappings();
    let mut reached = 0;
    for path in paths {
        let source = logsource_of(&std::fs::read_to_string(&path).unwrap());
        let admitted = mappings.buckets().iter().any(|bucket| bucket.logsource.admits(&source));
        // auditd has its own mapping; Cisco's Duo speaks JSON.
        let elsewhere = source.service == "auditd" || source.service == "duo";
        assert!(admitted || elsewhere, "{}: {source:?}", path.display());
        reached += usize::from(admitted);
    }
    assert!(reached > 40, "{reached}");
}

#[test]
fn the_decoders_of_text_are_registered() {
    for decoder in [
        &super::Syslog as &dyn Decoder,
        &weblog::Access,
        &weblog::ServerError,
        &weblog::Vsftpd,
        &weblog::W3c,
        &plain::Plain,
    ] {
        let found = crate::format::registry().iter().filter(|found| found.name() == decoder.name()).count();
        assert_eq!(found, 1, "{}", decoder.name());
    }
}
