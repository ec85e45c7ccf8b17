//! Packs: only what the lock names acts, and only as it was taken in.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::run::{Place, Ran};

const RULE: &str = "7a1c2f0e-0f6b-4ac9-9f29-1c2d3e4f5a6b";
const LOG: &str = "Jan  1 10:00:00 web sshd[1]: Accepted password for root from 192.0.2.1 port 1 ssh2\n";

fn rule(id: &str, word: &str) -> String {
    format!(
        "title: T\nid: {id}\nlogsource: {{product: linux, service: sshd}}\n\
         detection: {{s: {{message|contains: {word}}}, condition: s}}\nlevel: low\n"
    )
}

fn run(place: &Place, words: &str) -> Ran {
    place.run(words.split_whitespace().map(|word| match word.strip_prefix('@') {
        Some(name) => place.path(name).into_os_string(),
        None => word.into(),
    }))
}

fn manifest(name: &str, version: &str, kind: &str) -> String {
    format!("name = \"{name}\"\nversion = \"{version}\"\nkind = \"{kind}\"\nlicence = \"Apache-2.0\"\n")
}

/// A signed pack of one rule, taken in.
fn with_pack(place: &Place, version: &str) -> Ran {
    place.file("src/a.yml", rule(RULE, "Accepted"));
    place.file("src/a.true.log", LOG);
    place.file("src/pack.toml", manifest("acme", version, "rules"));
    place.file("auth.log", LOG);
    assert_eq!(run(place, "pack build @src -o @acme.pack").code, 0);
    assert_eq!(run(place, "pack sign @acme.pack").code, 0);
    let added = run(place, "pack add @acme.pack");
    assert_eq!(added.code, 0, "{} {}", added.out, added.err);
    added
}

fn scan(place: &Place) -> Ran {
    place.scan(&place.path("auth.log"), &["--no-learning"])
}

fn unsigned(ran: &Ran, id: &str) -> bool {
    let findings = ran.findings();
    let of = |finding: &&Value| finding["finding_info"]["analytic"]["uid"] == id;
    let finding = findings.iter().find(of).unwrap_or_else(|| panic!("no finding of {id}: {}", ran.err));
    finding["unmapped"]["rule"]["unsigned"] == true
}

fn file_of(place: &Place, extension: &str) -> PathBuf {
    let entries = fs::read_dir(place.path("home/packs")).unwrap().map(|entry| entry.unwrap().path());
    entries.into_iter().find(|path| path.extension().is_some_and(|found| found == extension)).unwrap()
}

#[test]
fn findings_say_who_vouches_for_their_rule() {
    let place = Place::new();
    with_pack(&place, "1.0.0");
    place.file("own/b.yml", rule("8a1c2f0e-0f6b-4ac9-9f29-1c2d3e4f5a6b", "password"));
    assert_eq!(run(&place, "rules add @own --name own").code, 0);
    let ran = scan(&place);
    assert!(!unsigned(&ran, RULE), "signed by a key that is believed");
    assert!(unsigned(&ran, "8a1c2f0e-0f6b-4ac9-9f29-1c2d3e4f5a6b"), "rules of your own");
    // The same rules named by path are nobody's word, even under the signed pack's name.
    place.file("acme/a.yml", rule(RULE, "Accepted"));
    let named = place.path("acme");
    let ran = place
        .scan(&place.path("auth.log"), &["--no-learning", "--no-builtin-rules", "--rules", named.to_str().unwrap()]);
    assert!(unsigned(&ran, RULE));
    let listed = run(&place, "pack list").out;
    assert!(listed.contains("acme") && listed.contains("1.0.0") && listed.contains("signed by"), "{listed}");
    assert!(listed.contains("own") && listed.contains("unsigned, your own"), "{listed}");
}

#[test]
fn what_nobody_took_in_does_not_act_and_is_told() {
    let place = Place::new();
    with_pack(&place, "1.0.0");
    // A set that would be fine, had somebody taken it in: made by another data directory.
    let other = Place::new();
    other.file("evil/c.yml", rule("9a1c2f0e-0f6b-4ac9-9f29-1c2d3e4f5a6b", "sshd"));
    assert_eq!(run(&other, "rules add @evil --name evil").code, 0);
    let (own, planted) = (file_of(&place, "rules"), file_of(&other, "rules"));
    fs::copy(&planted, place.path("home/packs").join(planted.file_name().unwrap())).unwrap();
    let ran = scan(&place);
    assert_eq!(ran.code, 3, "partial: {}", ran.err);
    assert_eq!(ran.rules().iter().filter(|id| id.starts_with("9a1c")).count(), 0);
    assert!(ran.rules().contains(&RULE.to_owned()), "its neighbour survives");
    assert!(ran.err.contains("nobody took it in"), "{}", ran.err);
    assert_eq!(run(&place, "pack list").code, 2);
    // In the place of the compiled set of a pack: it has another hash.
    fs::remove_file(place.path("home/packs").join(planted.file_name().unwrap())).unwrap();
    fs::copy(&planted, &own).unwrap();
    let ran = scan(&place);
    assert!(ran.code >= 2 && ran.err.contains("is not what was taken in"), "{} {}", ran.code, ran.err);
    assert!(ran.rules().iter().all(|id| !id.starts_with("9a1c")));
    assert_eq!(run(&place, "pack add @acme.pack").code, 0);
    assert!(scan(&place).rules().contains(&RULE.to_owned()), "added again, it acts again");
}

#[test]
fn a_changed_lock_lets_nothing_act() {
    let place = Place::new();
    with_pack(&place, "1.0.0");
    let path = place.path("home/packs.lock");
    let text = fs::read_to_string(&path).unwrap();
    let lock: Value = serde_json::from_str(&text).unwrap();
    let mut other = lock.clone();
    other["packs"]["acme"]["signer"] = "somebody".into();
    let mut more = lock.clone();
    more["packs"]["evil"] = lock["packs"]["acme"].clone();
    let mut bare = lock.clone();
    bare.as_object_mut().unwrap().remove("signature");
    for changed in [other.to_string(), more.to_string(), bare.to_string(), "{".to_owned(), String::new()] {
        fs::write(&path, changed).unwrap();
        let ran = scan(&place);
        assert!(ran.code >= 2, "{}", ran.err);
        assert!(ran.rules().iter().all(|id| id != RULE), "{}", ran.out);
        assert!(ran.err.contains("packs.lock"), "{}", ran.err);
        assert_eq!(run(&place, "pack list").code, 4);
    }
    fs::write(&path, text).unwrap();
    assert!(scan(&place).rules().contains(&RULE.to_owned()));
    // Another machine's key signed it: it is no lock here.
    let stranger = Place::new();
    with_pack(&stranger, "1.0.0");
    fs::copy(stranger.path("home/packs.lock"), &path).unwrap();
    assert!(scan(&place).rules().iter().all(|id| id != RULE));
}

#[test]
fn a_crash_before_the_lock_leaves_the_old_version_acting() {
    let place = Place::new();
    with_pack(&place, "1.0.0");
    let lock = fs::read(place.path("home/packs.lock")).unwrap();
    let old: Vec<_> = fs::read_dir(place.path("home/packs"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect();
    place.file("src/b.yml", rule("8a1c2f0e-0f6b-4ac9-9f29-1c2d3e4f5a6b", "root"));
    with_pack(&place, "1.1.0");
    assert_eq!(fs::read_dir(place.path("home/packs")).unwrap().count(), 2, "the old version's files are gone");
    // What a kill before the last rename leaves: the old lock, the files of both.
    fs::write(place.path("home/packs.lock"), lock).unwrap();
    old.iter().for_each(|(path, bytes)| fs::write(path, bytes).unwrap());
    let ran = scan(&place);
    assert!(ran.rules().contains(&RULE.to_owned()), "{}", ran.err);
    assert!(ran.rules().iter().all(|id| !id.starts_with("8a1c")), "the new one does not act yet");
    assert_eq!(run(&place, "pack add @acme.pack").code, 0);
    assert_eq!(scan(&place).code, 1, "and nothing is left over");
}

#[test]
fn a_pack_is_taken_out_again() {
    let place = Place::new();
    with_pack(&place, "1.0.0");
    assert_eq!(run(&place, "pack remove acme").code, 0);
    assert!(scan(&place).rules().iter().all(|id| id != RULE));
    assert_eq!(run(&place, "pack remove acme").code, 4);
    assert!(run(&place, "pack list").out.contains("no pack was taken in"));
    assert!(run(&place, "audit verify --since 2000-01-01").out.contains("pack.remove acme"));
}

#[test]
fn lists_of_packs_do_not_displace_each_other() {
    let place = Place::new();
    let pack = |name: &str, value: &str| {
        let folder = format!("{name}-src");
        place.file(&format!("{folder}/watched.txt"), value);
        place.file(&format!("{folder}/pack.toml"), manifest(name, "1.0.0", "lists"));
        assert_eq!(run(&place, &format!("pack build @{folder} -o @{name}.pack")).code, 0);
        assert_eq!(run(&place, &format!("pack sign @{name}.pack")).code, 0);
        run(&place, &format!("pack add @{name}.pack"))
    };
    place.file("auth.log", LOG);
    place.file("own/w.yml", rule(RULE, "Accepted").replace("message|contains: Accepted", "user|expand: '%watched%'"));
    let found = || {
        let own = place.path("own");
        place
            .scan(&place.path("auth.log"), &["--no-learning", "--no-builtin-rules", "--rules", own.to_str().unwrap()])
            .findings()
            .len()
    };
    assert_eq!(found(), 0);
    assert_eq!(pack("first", "root\n").code, 0);
    assert_eq!(found(), 1, "the list acts from within the pack");
    let second = pack("second", "nobody\n");
    assert!(second.code == 4 && second.err.contains("has a list `watched` too"), "{}", second.err);
    // Yours counts before a pack's.
    place.file("home/lists/watched.txt", "nobody\n");
    assert_eq!(found(), 0);
}

#[test]
fn before_it_acts_a_pack_shows_what_it_would_find_in_your_last_case() {
    let place = Place::new();
    place.file("auth.log", LOG);
    assert!(run(&place, "scan @auth.log --no-learning").code < 4);
    let added = with_pack(&place, "1.0.0");
    assert!(added.out.contains("on the logs of your last case"), "{}", added.out);
    assert!(added.out.contains(&format!("would fire  {RULE}")), "{}", added.out);
    fs::remove_file(place.path("auth.log")).unwrap();
    place.file("src/pack.toml", manifest("acme", "1.0.1", "rules"));
    assert_eq!(run(&place, "pack build @src -o @acme.pack").code, 0);
    assert_eq!(run(&place, "pack sign @acme.pack").code, 0);
    assert!(run(&place, "pack add @acme.pack").out.contains("not rehearsed: the logs of the last case"));
    // Mappings are read before they are kept.
    place.file("maps/x.toml", "[[bucket]]\nname = 3\n");
    place.file("maps/pack.toml", manifest("maps", "1.0.0", "mappings"));
    assert_eq!(run(&place, "pack build @maps -o @maps.pack").code, 0);
    assert_eq!(run(&place, "pack sign @maps.pack").code, 0);
    assert_eq!(run(&place, "pack add @maps.pack").code, 4);
}
