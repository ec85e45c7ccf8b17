//! The table as a whole, and the mapping files against it.

use serde_json::json;

use super::validate::validate;
use super::*;
use crate::mapping::Mappings;

#[test]
fn the_table_is_sorted_and_closed() {
    assert_eq!(VERSION, "1.8.0");
    assert!(classes().windows(2).all(|pair| pair[0].uid < pair[1].uid));
    assert!(classes().len() > 75, "{}", classes().len());
    for class in classes() {
        let names: Vec<_> = class.attributes().map(|attribute| attribute.name).collect();
        assert!(names.is_sorted(), "{}", class.name);
        assert!(category_name(class.category).is_some());
        for attribute in class.attributes() {
            assert_eq!(class.attribute(attribute.name), Some(attribute));
            if let Type::Object(_) = attribute.kind {
                let named = attribute.kind.object().unwrap();
                assert_eq!(object(named.name).unwrap().name, named.name);
            }
        }
    }
}

#[test]
fn classes_and_activities_have_names() {
    assert_eq!(class_name(1007), Some("Process Activity"));
    assert_eq!(category_name(1), Some("System Activity"));
    assert_eq!(activity_name(1007, 1), Some("Launch"));
    assert_eq!(activity_name(2004, 1), Some("Create"));
    assert_eq!(activity_name(1007, 77), None);
    assert_eq!(type_uid(2004, 1), 200_401);
    assert_eq!(class_name(201_001), Some("Registry Key Activity"));
    assert_eq!(class_name(4_999), None);
}

#[test]
fn paths_are_walked() {
    let text = |uid, path| resolve(uid, path).map(|field| (field.kind(), field.many));
    for (uid, path, wanted) in [
        (1007, "process.file.path", Some((Type::FilePathT, false))),
        (1007, "process.pid", Some((Type::IntegerT, false))),
        (1007, "process.file.hashes.value", Some((Type::FileHashT, true))),
        (1007, "process.parent_process.parent_process.cmd_line", Some((Type::StringT, false))),
        (1007, "device.hostname", Some((Type::HostnameT, false))),
        (1007, "time", Some((Type::TimestampT, false))),
        (1007, "time_dt", Some((Type::DatetimeT, false))),
        (1007, "process.pid_dt", None),
        (1007, "unmapped.AnyThing.at.all", Some((Type::JsonT, false))),
        (1007, "process.file.nonsense", None),
        (1007, "process.pid.more", None),
        (1007, "process..pid", None),
        (1007, "", None),
        (4001, "src_endpoint.ip", Some((Type::IpT, false))),
        (4001, "dst_endpoint.port", Some((Type::PortT, false))),
        (2004, "evidences.data.anything", Some((Type::JsonT, true))),
        (2004, "evidences.reg_key.path", Some((Type::RegKeyPathT, true))),
        (9, "time", None),
    ] {
        assert_eq!(text(uid, path), wanted, "{uid} {path}");
    }
    let deep = ["process"; 1].into_iter().chain(std::iter::repeat_n("parent_process", 100)).collect::<Vec<_>>();
    assert!(resolve(1007, &deep.join(".")).is_none());
}

#[test]
fn validation_finds_each_kind_of_error() {
    let good = json!({
        "class_uid": 2004, "category_uid": 2, "activity_id": 1, "type_uid": 200_401, "time": 0, "severity_id": 4,
        "severity": "High",
        "metadata": {"version": "1.8.0", "product": {"name": "x"}},
        "finding_info": {"uid": "u"},
        "evidences": [{"src_endpoint": {"ip": "10.0.0.1"}, "data": {"any": [1, null]}}]
    });
    assert_eq!(validate(&good), Vec::<String>::new());
    let broken = |pointer: &str, value: serde_json::Value| {
        let mut event = good.clone();
        *event.pointer_mut(pointer).unwrap() = value;
        validate(&event).join("; ")
    };
    for (pointer, value, wanted) in [
        ("/class_uid", json!(7), "class_uid: names no class"),
        ("/type_uid", json!(7), "type_uid: is not 200401"),
        ("/category_uid", json!(3), "category_uid: is not 2"),
        ("/time", json!("now"), "time: is no TimestampT"),
        ("/severity_id", json!(44), "severity_id: may not be 44"),
        ("/severity", json!("Low"), "severity_id: is 4, \"High\", beside \"Low\""),
        ("/metadata", json!({"version": "1.8.0"}), "metadata.product: is required"),
        ("/metadata/version", json!("1.0.0"), "metadata.version: is not 1.8.0"),
        ("/metadata/product", json!({"path": "x"}), "metadata.product: needs one of"),
        ("/finding_info", json!({"uid": "u", "colour": 1}), "finding_info.colour: is unknown"),
        ("/evidences", json!({}), "evidences: is no array"),
        ("/evidences/0", json!(1), "evidences[0]: is no object"),
        ("/evidences/0/src_endpoint/ip", json!("999.1.1.1"), "evidences[0].src_endpoint.ip: is no IpT"),
        (
            "/evidences/0/src_endpoint",
            json!({"ip": "::1", "container": {"name": "c"}}),
            "needs the profile `container`",
        ),
    ] {
        let have = broken(pointer, value);
        assert!(have.contains(wanted), "{pointer}: wanted {wanted:?}, have {have:?}");
    }
}

/// Every OCSF path of the mappings that its bucket's class does not have, as `bucket: path`.
///
/// A bucket without a class of its own (0, Base Event: a channel of many kinds) may also name what an *Evidence Artifacts*
/// object has, since that is where a finding shows the record.
fn unresolved(mappings: &Mappings) -> Vec<String> {
    let mut failures = Vec::new();
    for bucket in mappings.buckets() {
        if class(bucket.class).is_none() {
            failures.push(format!("{}: no class {}", bucket.name, bucket.class));
        } else if activity_name(bucket.class, bucket.activity).is_none() {
            failures.push(format!("{}: class {} has no activity {}", bucket.name, bucket.class, bucket.activity));
        }
        for path in bucket.ocsf.keys() {
            let evidence = || bucket.class == 0 && resolve_in(object("evidences").unwrap(), path).is_some();
            if !path.starts_with(UNMAPPED) && resolve(bucket.class, path).is_none() && !evidence() {
                failures.push(format!("{}: `{path}` is not in class {}", bucket.name, bucket.class));
            }
        }
    }
    failures
}

#[test]
fn unknown_mapping_paths_are_named() {
    let text = r#"
        [[bucket]]
        name = "b"
        class = 1007
        activity = 50
        logsource = { product = "p" }
        match = {}
        [bucket.ocsf]
        "process.pid" = ["a"]
        "process.colour" = ["b"]
        "unmapped.colour" = ["c"]
        [[bucket]]
        name = "channel"
        logsource = { product = "p" }
        match = {}
        [bucket.ocsf]
        "user.name" = ["a"]
        "module.file.path" = ["b"]
    "#;
    let failures = unresolved(&Mappings::parse([("m", text)]).unwrap());
    assert_eq!(
        failures,
        [
            "b: class 1007 has no activity 50",
            "b: `process.colour` is not in class 1007",
            "channel: `module.file.path` is not in class 0"
        ]
    );
}

#[test]
fn the_mapping_files_speak_ocsf() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../content/mappings");
    let Ok(entries) = std::fs::read_dir(folder) else {
        eprintln!("SKIPPED: no content/mappings");
        return;
    };
    let mut failures = Vec::new();
    for path in entries.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|x| x == "toml"))
    {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        match Mappings::parse([(name.as_str(), std::fs::read_to_string(&path).unwrap().as_str())]) {
            Ok(mappings) => failures.extend(unresolved(&mappings).iter().map(|failure| format!("{name}: {failure}"))),
            Err(error) => failures.push(error.to_string()),
        }
    }
    failures.sort();
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}
