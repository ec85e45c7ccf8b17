//! Packs from folders, archives and files.

use std::fs;
use std::io::{Cursor, Write};

use super::super::limits::FILE_BYTES_MAX;
use super::super::{Lists, Pack, fingerprint, load_with};
use super::data;

const RULE: &str = "title: t\nid: i\nlogsource: {product: x}\ndetection: {s: a, condition: s}\n";
const MIT: &str = "MIT License\n\nPermission is hereby granted, free of charge, to any person";

fn names(pack: &Pack) -> Vec<&str> {
    pack.files.iter().map(|(path, _)| path.as_str()).collect()
}

#[test]
fn a_folder() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path();
    fs::create_dir_all(path.join("b/c")).unwrap();
    for name in ["b/c/z.yml", "a.YAML", "b/a.yml", "readme.md", "b/x.yml.bak"] {
        fs::write(path.join(name), RULE).unwrap();
    }
    fs::write(path.join("LICENSE.md"), MIT).unwrap();
    fs::write(path.join("big.yml"), vec![b' '; FILE_BYTES_MAX + 1]).unwrap();
    let pack = Pack::from_dir("p", path).unwrap();
    assert_eq!(names(&pack), ["a.YAML", "b/a.yml", "b/c/z.yml"]);
    assert_eq!((pack.name.as_str(), pack.license.as_str()), ("p", "MIT"));
    let loaded = load_with(&[pack], &Lists::new(), 1);
    assert_eq!(loaded.refusals[0].to_string(), "big.yml: file is over the limit of 4194304 bytes");
    assert_eq!(loaded.set.rules[0].file, "a.YAML");
    assert!(Pack::from_dir("p", &path.join("nothing")).is_err());
}

#[cfg(unix)]
#[test]
fn links_are_not_followed() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("a.yml"), RULE).unwrap();
    std::os::unix::fs::symlink(root.path(), root.path().join("loop")).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", root.path().join("b.yml")).unwrap();
    assert_eq!(names(&Pack::from_dir("p", root.path()).unwrap()), ["a.yml"]);
}

#[test]
fn folders_nested_too_deep() {
    let root = tempfile::tempdir().unwrap();
    let deep = root.path().join("d/".repeat(40));
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("a.yml"), RULE).unwrap();
    let pack = Pack::from_dir("p", root.path()).unwrap();
    assert!(pack.files.is_empty());
    assert_eq!(pack.refusals[0].reason, "folders nested deeper than 32; this one was not read");
}

fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

#[test]
fn an_archive() {
    let bomb = vec![b' '; 64 << 20];
    let bytes = archive(&[
        ("sigma-main/rules/b.yml", RULE.as_bytes()),
        ("sigma-main/LICENSE", b"... Detection Rule License (DRL) 1.1 ..."),
        ("sigma-main/rules/vendor/LICENSE", MIT.as_bytes()),
        ("sigma-main/rules/a.yml", RULE.as_bytes()),
        ("../evil.yml", RULE.as_bytes()),
        ("/abs.yml", RULE.as_bytes()),
        ("x\\..\\y.yml", RULE.as_bytes()),
        ("C:evil.yml", RULE.as_bytes()),
        ("bomb.yml", &bomb),
        ("readme.txt", b"x"),
    ]);
    let pack = Pack::from_zip("z", Cursor::new(bytes)).unwrap();
    assert_eq!(names(&pack), ["sigma-main/rules/a.yml", "sigma-main/rules/b.yml"]);
    assert_eq!(pack.license, "DRL 1.1");
    let shown: Vec<_> = pack.refusals.iter().map(ToString::to_string).collect();
    let unsafe_name = "name would leave the archive; it was not read";
    assert_eq!(
        shown,
        [
            format!("../evil.yml: {unsafe_name}"),
            format!("/abs.yml: {unsafe_name}"),
            format!("C:evil.yml: {unsafe_name}"),
            "bomb.yml: file is over the limit of 4194304 bytes".to_owned(),
            format!("x\\..\\y.yml: {unsafe_name}"),
        ]
    );
    assert!(Pack::from_zip("z", Cursor::new(b"no archive".to_vec())).is_err());
}

#[test]
fn a_damaged_member_is_refused() {
    let mut bytes = archive(&[("a.yml", RULE.as_bytes()), ("b.yml", RULE.replace("id: i", "id: j").as_bytes())]);
    // Inside the first member's data: behind its 30-byte header and its name.
    bytes[40] ^= 0xFF;
    let pack = Pack::from_zip("z", Cursor::new(bytes)).unwrap();
    assert_eq!(names(&pack), ["b.yml"]);
    assert!(pack.refusals[0].to_string().starts_with("a.yml: cannot read: "), "{}", pack.refusals[0]);
}

#[test]
fn an_encrypted_member_is_refused() {
    let mut bytes = archive(&[("a.yml", RULE.as_bytes()), ("b.yml", RULE.as_bytes())]);
    // Bit 0 of the flags of the first entry in the central directory (APPNOTE 4.4.4).
    let entry = bytes.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    bytes[entry + 8] |= 1;
    let pack = Pack::from_zip("z", Cursor::new(bytes)).unwrap();
    assert_eq!(names(&pack), ["b.yml"]);
    assert_eq!(pack.refusals[0].to_string(), "a.yml: encrypted archive member; it was not read");
}

#[test]
fn open_knows_by_content() {
    let root = tempfile::tempdir().unwrap();
    let zip = root.path().join("rules.bin");
    fs::write(&zip, archive(&[("a.yml", RULE.as_bytes())])).unwrap();
    let single = root.path().join("one.yml");
    fs::write(&single, RULE).unwrap();
    let pack = Pack::open(&zip).unwrap();
    assert_eq!((pack.name.as_str(), names(&pack)), ("rules", vec!["a.yml"]));
    let pack = Pack::open(&single).unwrap();
    assert_eq!((pack.name.as_str(), names(&pack)), ("one", vec!["one.yml"]));
    assert_eq!(names(&Pack::open(root.path()).unwrap()), ["one.yml"]);
    assert!(Pack::open(&root.path().join("nothing")).is_err());
}

#[test]
fn licences_of_the_wild() {
    let Some(path) = data("sigma") else { return };
    assert_eq!(Pack::from_dir("sigma", &path).unwrap().license, "DRL 1.1");
}

#[test]
fn a_fingerprint_sees_everything() {
    let pack = |path: &str, text: &str| Pack { files: vec![(path.into(), text.into())], ..Pack::default() };
    let mut lists = Lists::new();
    let base = fingerprint(&[pack("a", "bc")], &lists);
    assert_eq!(base, fingerprint(&[pack("a", "bc")], &lists));
    assert_ne!(base, fingerprint(&[pack("ab", "c")], &lists));
    assert_ne!(base, fingerprint(&[pack("a", "bd")], &lists));
    assert_ne!(base, fingerprint(&[pack("a", "bc"), pack("a", "bc")], &lists));
    lists.insert("l", vec!["v".to_owned()]).unwrap();
    assert_ne!(base, fingerprint(&[pack("a", "bc")], &lists));
}

#[test]
fn the_hostile_archive() {
    let Some(path) = data("malformed/handmade/23_zip_slip_and_bomb.zip") else { return };
    let pack = Pack::open(&path).unwrap();
    assert!(pack.files.iter().all(|(path, _)| !path.contains("..")));
}
