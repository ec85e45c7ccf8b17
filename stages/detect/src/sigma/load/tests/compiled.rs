//! Compiled sets: what was written is read; what was changed is refused.

use super::super::compiled::{CompiledError, read, source, write};
use super::super::{Lists, Loaded, Pack, load_with};
use super::{around, data, load_text, pack};

fn sample() -> Loaded {
    let text = around(
        "a:\n  A|contains: [x, 'y*z']\n  B|re: a.b\n  C|cidr: 10.0.0.0/8\n  D|gt: 5\n  E: null\n  F|exists: true\n  \
         G|fieldref|cased: H\n  I|hour: 5\n  K|expand: '%gone%'\nb: [word]\ncondition: a and not b",
    );
    load_text(&format!("{text}---\n- no rule\n---\ntitle: bad\nlogsource: {{}}\n"))
}

#[test]
fn round_trip() {
    let loaded = sample();
    assert_eq!((loaded.set.rules.len(), loaded.refusals.len()), (1, 1));
    assert_eq!((loaded.skipped.len(), loaded.notes.len()), (1, 1));
    let bytes = write(&loaded, &[7; 32]);
    let (again, from) = read(&bytes).unwrap();
    assert_eq!(format!("{again:?}"), format!("{loaded:?}"));
    assert_eq!((from, source(&bytes)), ([7; 32], Ok([7; 32])));
    let empty = write(&Loaded::default(), &[0; 32]);
    assert_eq!(read(&empty).unwrap().0.set.rules.len(), 0);
}

#[test]
fn every_flipped_byte_and_every_cut_is_seen() {
    let bytes = write(&sample(), &[7; 32]);
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        assert!(read(&changed).is_err(), "byte {at}");
        assert!(read(&bytes[..at]).is_err(), "cut at {at}");
    }
    let mut longer = bytes;
    longer.push(0);
    assert_eq!(read(&longer).unwrap_err(), CompiledError::NotCompiled);
}

/// A payload with a right hash, as an attacker would write it.
fn forged(payload: &[u8]) -> Vec<u8> {
    use sha2::{Digest, Sha256};
    let bytes = write(&Loaded::default(), &[0; 32]);
    let mut head = bytes[..8 + 4 + 1 + env!("CARGO_PKG_VERSION").len() + 32].to_vec();
    head.extend(u64::try_from(payload.len()).unwrap().to_le_bytes());
    let hash = Sha256::new().chain_update(&head).chain_update(payload).finalize();
    [head.as_slice(), &hash, payload].concat()
}

#[test]
fn forged_payloads() {
    let error = |payload: &[u8]| read(&forged(payload)).unwrap_err();
    // A table of 2^35 names in a few bytes: refused, nothing allocated for it.
    assert_eq!(error(&[0xFF, 0xFF, 0xFF, 0xFF, 0x7F, 0]), CompiledError::Invalid("the payload cannot be decoded"));
    assert_eq!(error(&[0, 0, 0, 0, 0, 0, 0, 9]), CompiledError::Invalid("bytes behind the payload"));
    assert!(read(&forged(&[0, 0, 0, 0, 0, 0, 0])).is_ok());
    // The need of an empty regex: an empty And, a selection of no rule, nothing.
    assert!(read(&forged(&[0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0])).is_ok());
    let selection = [0, 0, 0, 1, 0, 2, 0, 0, 3, 0, 0, 0, 0];
    assert_eq!(error(&selection), CompiledError::Invalid("a selection that is not in its rule"));
    assert_eq!(error(&[0, 0, 0, 1, 0, 0, 0, 0, 0]), CompiledError::Invalid("a formula that does not add up"));

    // One rule whose formula is given: 7 texts and numbers before it are empty.
    let rule = |formula: &[u8]| {
        // id title description status level author license tags references false_positives fields version file line
        // hash pack logsource×3 selections condition
        let mut rule = vec![1];
        rule.extend([0; 21]);
        rule.extend(formula);
        let mut payload = vec![1, 0, 1];
        let mut length = rule.len();
        while length >= 0x80 {
            payload.push(u8::try_from(length & 0x7F).unwrap() | 0x80);
            length >>= 7;
        }
        payload.push(u8::try_from(length).unwrap());
        payload.extend(rule);
        payload.extend([0, 0, 0, 0, 0]);
        payload
    };
    assert!(read(&forged(&rule(&[1, 1, 0]))).is_ok(), "an empty Or");
    assert_eq!(error(&rule(&[0])), CompiledError::Invalid("a formula that does not add up"));
    assert_eq!(error(&rule(&[1, 2])), CompiledError::Invalid("a formula that does not add up"));
    assert_eq!(error(&rule(&[1, 0, 2])), CompiledError::Invalid("a formula that does not add up"));
    assert_eq!(error(&rule(&[2, 1, 0, 1, 0])), CompiledError::Invalid("a formula that does not add up"));
    assert_eq!(error(&rule(&[2, 1, 0, 3, 0])), CompiledError::Invalid("a selection that is not in its rule"));
    assert_eq!(error(&rule(&[1, 4, 9, 4])), CompiledError::Invalid("a name that is not in its table"));
    // An Or under ten thousand Nots: no recursion, no overflow.
    let mut deep = vec![0x91, 0x4E, 1, 0];
    deep.extend([2; 10_000]);
    assert_eq!(error(&rule(&deep)), CompiledError::Invalid("a formula nested too deep"));
}

#[test]
fn other_versions_and_other_files() {
    let bytes = write(&sample(), &[0; 32]);
    assert_eq!(read(b"").err(), Some(CompiledError::NotCompiled));
    assert_eq!(read(b"PK\x03\x04").err(), Some(CompiledError::NotCompiled));
    let mut other = bytes.clone();
    other[8] = 99;
    assert!(matches!(read(&other), Err(CompiledError::OtherVersion(_))));
    let mut other = bytes.clone();
    other[13] = b'9';
    assert!(matches!(source(&other), Err(CompiledError::OtherVersion(_))));
    let mut damaged = bytes;
    let last = damaged.len() - 1;
    damaged[last] ^= 1;
    assert_eq!(read(&damaged).err(), Some(CompiledError::Damaged));
    assert_eq!(CompiledError::TooLarge(5).to_string(), "compiled rule set of 5 bytes is over the limit of 536870912");
}

/// Whatever loading lets through can be stored: the deepest lists, conditions and filters together.
#[test]
fn the_deepest_rule_comes_back() {
    let lists = 26;
    let mut condition = "a".to_owned();
    for _ in 0..15 {
        condition = format!("a or a and not ({condition})");
    }
    let rule =
        around(&format!("a: {}{{A: 1}}{}\ncondition: {condition}", "[{B: 2}, ".repeat(lists), "]".repeat(lists)));
    let filter = "title: f\nlogsource: {product: windows}\nfilter: {rules: any, s: a, condition: not s}\n";
    let names: Vec<String> = (0..64).map(|n| format!("f{n}.yml")).collect();
    let mut files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), filter)).collect();
    files.push(("r.yml", &rule));
    let loaded = load_with(&[pack(&files)], &Lists::new(), 1);
    assert!(loaded.refusals.is_empty(), "{}", loaded.refusals[0]);
    assert_eq!(loaded.set.rules[0].selections.len(), 65);
    let (again, _) = read(&write(&loaded, &[0; 32])).unwrap();
    assert_eq!(format!("{again:?}"), format!("{loaded:?}"));
}

#[test]
fn all_of_sigmahq_comes_back() {
    let Some(path) = data("sigma") else { return };
    let loaded = load_with(&[Pack::from_dir("sigma", &path).unwrap()], &Lists::new(), 4);
    let bytes = write(&loaded, &[1; 32]);
    let (again, _) = read(&bytes).unwrap();
    assert!(format!("{again:?}") == format!("{loaded:?}"), "differs");
    assert!(bytes == write(&again, &[1; 32]), "differs when written again");
}
