//! `content/mappings/windows.toml` against SigmaHQ's rules and the logs on which they must fire.

use std::collections::{BTreeMap, BTreeSet};

use shieldwall_schema::mapping::Logsource;
use shieldwall_schema::{Bucket, Mappings};

use super::*;

const WINDOWS: &str = include_str!("../../../../../../content/mappings/windows.toml");

fn mappings() -> Mappings {
    Mappings::parse([("windows.toml", WINDOWS)]).unwrap()
}

fn admitting<'m>(mappings: &'m Mappings, tag: &Tag<'_>, source: &Logsource) -> Option<&'m Bucket> {
    let buckets = mappings.classify(tag).into_iter().filter_map(|id| mappings.get(id));
    buckets.into_iter().find(|bucket| bucket.logsource.admits(source))
}

/// What a rule file says of its log source, and its id. Reads just these lines: a block of `key: value` under
/// `logsource:`, indented.
fn head_of(rule: &str) -> (String, Logsource) {
    let (mut id, mut source, mut inside) = (String::new(), Logsource::default(), false);
    for line in rule.lines() {
        let (key, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.split('#').next().unwrap().trim().trim_matches(['\'', '"']).to_owned();
        match key {
            "id" => id = value,
            "logsource" => inside = true,
            _ if !line.starts_with(' ') => inside = false,
            _ if inside => match key.trim() {
                "product" => source.product = value,
                "category" => source.category = value,
                "service" => source.service = value,
                _ => {}
            },
            _ => {}
        }
    }
    (id, source)
}

/// Rule id → log source, of every rule for Windows and of those for antivirus programs.
fn rules(data: &Path) -> BTreeMap<String, Logsource> {
    let mut found = BTreeMap::new();
    let mut folders: Vec<_> =
        ["rules", "rules-emerging-threats", "rules-threat-hunting"].map(|name| data.join("sigma").join(name)).into();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "yml") {
                let (id, source) = head_of(&std::fs::read_to_string(&path).unwrap());
                if source.product == "windows" || source.category == "antivirus" {
                    found.insert(id, source);
                }
            }
        }
    }
    found
}

#[test]
fn every_windows_log_source_of_sigmahq_has_a_bucket() {
    let Some(data) = data() else { return };
    let mappings = mappings();
    let rules = rules(&data);
    assert!(rules.len() > 2800, "{} rules", rules.len());
    let missing: BTreeSet<_> = rules
        .values()
        .filter(|source| !mappings.buckets().iter().any(|bucket| bucket.logsource.admits(source)))
        .map(|source| format!("{source:?}"))
        .collect();
    assert_eq!(missing, BTreeSet::new());
}

#[test]
fn every_regression_log_has_a_record_for_its_rule() {
    let Some(data) = data() else { return };
    let (mappings, rules) = (mappings(), rules(&data));
    let (mut tested, mut failed) = (0, Vec::new());
    for log in logs(&data.join("sigma-regression")) {
        let id = log.file_stem().unwrap().to_string_lossy().into_owned();
        let Some(source) = rules.get(&id) else {
            failed.push(format!("{id}: no such rule"));
            continue;
        };
        tested += 1;
        let records = decode(&read(&log), &All::new(), 1).seen;
        let admitted = records.iter().any(|seen| {
            let tag = Tag { product: "windows", service: &seen.service, provider: &seen.provider, code: &seen.code };
            admitting(&mappings, &tag, source).is_some()
        });
        if !admitted {
            let tags: BTreeSet<_> = records.iter().map(|seen| (&seen.service, &seen.code)).collect();
            failed.push(format!("{id}: {source:?} admits none of {tags:?}"));
        }
    }
    assert_eq!(failed, Vec::<String>::new());
    assert!(tested >= 202, "{tested}");
}

#[test]
fn records_fall_into_the_buckets_that_their_rules_mean() {
    let mappings = mappings();
    let sysmon = "Microsoft-Windows-Sysmon/Operational";
    let defender = "Microsoft-Windows-Windows Defender/Operational";
    for (service, provider, code, product, category, rule_service, expected) in [
        (sysmon, "", "1", "windows", "process_creation", "", "windows/sysmon/process_creation"),
        (sysmon, "", "1", "windows", "", "sysmon", "windows/sysmon/process_creation"),
        (sysmon, "", "13", "windows", "registry_set", "", "windows/sysmon/registry_set"),
        (sysmon, "", "12", "windows", "registry_event", "", "windows/sysmon/registry_event"),
        (sysmon, "", "99", "windows", "", "sysmon", "windows/sysmon"),
        ("Security", "", "4688", "windows", "process_creation", "", "windows/security/process_creation"),
        ("security", "", "4624", "windows", "", "security", "windows/security/logon"),
        ("Security", "", "4999", "windows", "", "security", "windows/security"),
        ("Security", "", "4657", "windows", "registry_set", "", "windows/security/registry_set"),
        (defender, "", "1116", "", "antivirus", "", "windows/windefend/antivirus"),
        (defender, "", "5007", "windows", "", "windefend", "windows/windefend"),
        ("PowerShellCore/Operational", "", "4104", "windows", "ps_script", "", "windows/powershell/ps_script"),
        (
            "Windows PowerShell",
            "",
            "400",
            "windows",
            "ps_classic_start",
            "",
            "windows/powershell-classic/ps_classic_start",
        ),
        (
            "Microsoft-Windows-Kernel-File/Analytic",
            "Microsoft-Windows-Kernel-File",
            "12",
            "windows",
            "file_access",
            "",
            "windows/kernel-file/file_access",
        ),
        (
            "Application",
            "Microsoft-Windows-Audit-CVE",
            "1",
            "windows",
            "",
            "application",
            "windows/application/audit_cve",
        ),
        ("Application", "MsiInstaller", "1033", "windows", "", "application", "windows/application"),
    ] {
        let source = Logsource { product: product.into(), category: category.into(), service: rule_service.into() };
        let tag = Tag { product: "windows", service, provider, code };
        let bucket = admitting(&mappings, &tag, &source);
        assert_eq!(bucket.map(|bucket| bucket.name.as_str()), Some(expected), "{service} {code} {category}");
    }
    let other = Tag { product: "linux", service: "Security", provider: "", code: "4688" };
    assert!(mappings.classify(&other).is_empty());
}
