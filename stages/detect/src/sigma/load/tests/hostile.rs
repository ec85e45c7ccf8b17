//! Hostile bytes: no panic, bounded time and memory, an answer for each.

use super::super::{Lists, fuzz, load_with};
use super::{around, data, load_text, pack, refusal};

#[test]
fn handmade_files() {
    let Some(path) = data("malformed/handmade") else { return };
    let read = |name: &str| std::fs::read_to_string(path.join(name)).unwrap();
    assert_eq!(
        refusal(&read("20_yaml_alias_bomb.yml")),
        "x.yml line 6: more than 200000 YAML nodes, aliases counted as often as they are used"
    );
    assert_eq!(
        refusal(&read("21_sigma_unknown_modifier.yml")),
        "x.yml line 5: unknown modifier `|frobnicate` on field `message`"
    );
    let redos = load_text(&read("19_redos_rule.yml"));
    assert_eq!((redos.set.rules.len(), redos.refusals.len()), (1, 0));
    for entry in std::fs::read_dir(path).unwrap() {
        fuzz(&std::fs::read(entry.unwrap().path()).unwrap());
    }
}

/// A rule that holds something of everything.
fn everything() -> String {
    format!(
        "{}level: high\n---\naction: global\ntags: [&a x, *a]\n---\ntitle: 'f'\nlogsource: {{product: windows}}\nfilter:\n  \
         rules: any\n  s: {{U|startswith: \"a\\tb\"}}\n  condition: not s\n---\ntitle: |\n  c\ncorrelation:\n  \
         type: value_count\n  rules: [i]\n  aliases: {{a: {{i: A}}}}\n  group-by: [a, B]\n  timespan: 5m\n  \
         condition: {{field: [C, D], gt: 1, lte: 1e2}}\ngenerate: true\n",
        around(
            "a:\n  A|contains|all: [x, 'y*z']\n  B|re|i: a.b\n  C|cidr: 10.0.0.0/8\n  D|gt: 5\n  E: null\n  F|exists: true\n  \
             G|fieldref: H\n  I|hour|gt: 5\n  K|expand: '%list%'\n  L|wide|base64offset|contains: xyz\n  M|windash: -a\n\
             b: ['word', {N: 1}]\ncondition: 1 of a* and (not b or all of them)"
        )
    )
}

#[test]
fn cut_at_every_byte() {
    let text = everything();
    let whole = load_text(&text);
    assert_eq!(
        (whole.set.rules.len(), whole.refusals.len(), whole.set.correlations.len()),
        (2, 0, 1),
        "{:?}",
        whole.refusals
    );
    for end in 0..text.len() {
        fuzz(&text.as_bytes()[..end]);
    }
}

#[test]
fn every_byte_changed() {
    let text = everything();
    for at in 0..text.len() {
        for byte in [0, b'\n', b'[', b'{', b'&', b'*', b'|', b'\\', b'%', b':', b'"', 0xFF] {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = byte;
            fuzz(&bytes);
        }
    }
}

#[test]
fn replayed_corpus() {
    let nested = "[".repeat(100_000);
    let cases: &[&[u8]] = &[
        b"",
        b"\0",
        b"\xFF\xFE",
        b"\xEF\xBB\xBF",
        b"---",
        b"--- ---",
        b"...",
        b"%YAML 9.9\n---\n",
        b"%TAG ! x\n--- !y z",
        b"&a [*a]",
        b"&a {*a : *a}",
        b"*a",
        b"&a &b c",
        b"<<: *a",
        b"{<<: [1, {a: b}], detection: 5}",
        b"? [a]\n: b",
        b"? {a: b}",
        b": :\n: :",
        b"- - - - -",
        b"!!binary x",
        b"!!str\ndetection: !!str",
        b"detection: {}",
        b"detection: []\nlogsource: []",
        b"title: t\nlogsource: {product: a}\ndetection: {condition: a}",
        b"title: t\nlogsource: {product: a}\ndetection: {a: [[[[]]]], condition: a}",
        b"title: t\nlogsource: {product: a}\ndetection: {'|': '|', '||||': [~], condition: '((((('}",
        b"title: t\nlogsource: {product: a}\ndetection: {a: {'|re': '(?P<'}, condition: a}",
        b"title: t\nlogsource: {product: a}\ndetection: {a: {b|expand: '%%%%%'}, condition: a}",
        b"action: repeat",
        b"action: [global]",
        b"action: global\n---\naction: global\n---\naction: reset\n---\naction: repeat\n",
        b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        b"PK\x03\x04",
        b"SWRULES\n",
        b"SWRULES\n\x01\0\0\0\xFF",
        nested.as_bytes(),
        b"a: |9\n x",
        b"a: >-\n\n\n",
        b"\"\\u{1F600}\\xZZ\"",
        b"'unclosed",
        b"\t\ta: b",
        b"a:\tb",
        b"a: b\r\rc: d\r",
    ];
    for case in cases {
        fuzz(case);
    }
}

/// Texts that are cheap to write and dear to build.
#[test]
fn bombs_are_refused() {
    let merged = {
        let global: String = (0..2_000).map(|n| format!("k{n}: x\n")).collect();
        format!("action: global\n{global}{}", "---\na: b\n".repeat(1_000))
    };
    let loaded = load_text(&merged);
    assert!(loaded.refusals.iter().all(|refusal| refusal.reason.starts_with("more than 200000 YAML nodes")));
    assert!(loaded.refusals.len() > 900 && loaded.skipped.len() > 30);

    // An alias repeats 30 KB many times: bytes count as nodes.
    let long = format!("a: &a \"{}\\t\"\nb: [{}]\n", "x".repeat(30_000), "*a,".repeat(5_000));
    assert!(refusal(&long).contains("more than 200000 YAML nodes"));

    let list: Vec<String> = (0..1_000).map(|n| format!("{n}{}", "y".repeat(900))).collect();
    let mut lists = Lists::new();
    lists.insert("l", list).unwrap();
    for value in ["%l%", "%l%%l%", &format!("%l%{}", "z".repeat(20_000))] {
        let text = around(&format!("s: {{F|expand: '{value}'}}\ncondition: s"));
        let loaded = load_with(&[pack(&[("x.yml", &text)])], &lists, 1);
        assert_eq!(loaded.set.rules.len(), usize::from(value == "%l%"), "{value:.20}");
    }
}
