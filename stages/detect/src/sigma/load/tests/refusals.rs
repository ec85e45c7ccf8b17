//! Every reason for a refusal, made, with its line.

use super::super::limits::{ATOMS_MAX, VALUE_BYTES_MAX};
use super::super::{Lists, Pack, load_with};
use super::{around, load_text, refusal};

/// A detection section → its refusal; the section begins at line 6.
fn check(detection: &str, want: &str) {
    assert_eq!(refusal(&around(detection)), format!("x.yml {want}"), "{detection}");
}

/// One field in a selection, at line 7.
fn field(line: &str, want: &str) {
    check(&format!("s:\n  {line}\ncondition: s"), &format!("line 7: {want}"));
}

#[test]
fn modifiers() {
    field("F|frobnicate: x", "unknown modifier `|frobnicate` on field `F`");
    field("F|: x", "unknown modifier `|` on field `F`");
    field("F|Contains: x", "unknown modifier `|Contains` on field `F`");
    field("'|frobnicate': x", "unknown modifier `|frobnicate` on field `(keywords)`");
    field("F|contains|contains: x", "modifier `|contains` stands twice on field `F`");
    field("F|all|all: [x, y]", "modifier `|all` stands twice on field `F`");
    for (modifiers, modifier, other) in [
        ("contains|startswith", "startswith", "contains"),
        ("endswith|startswith", "startswith", "endswith"),
        ("contains|re", "re", "contains"),
        ("wide|re", "re", "wide"),
        ("re|wide", "wide", "re"),
        ("re|base64", "base64", "re"),
        ("re|expand", "expand", "re"),
        ("re|cidr", "cidr", "re"),
        ("cidr|contains", "contains", "cidr"),
        ("contains|cidr", "cidr", "contains"),
        ("lt|gt", "gt", "lt"),
        ("gt|contains", "contains", "gt"),
        ("gte|hour", "hour", "gte"),
        ("year|gte", "gte", "year"),
        ("hour|gte|lt", "lt", "hour"),
        ("hour|minute", "minute", "hour"),
        ("exists|contains", "contains", "exists"),
        ("exists|neq", "exists", "neq"),
        ("all|exists", "exists", "all"),
        ("fieldref|windash", "windash", "fieldref"),
        ("windash|fieldref", "fieldref", "windash"),
        ("fieldref|re", "re", "fieldref"),
        ("neq|all", "neq", "all"),
        ("cased|gt", "cased", "gt"),
        ("cidr|cased", "cased", "cidr"),
        ("re|i|cased", "cased", "re"),
        ("wide|utf16be", "utf16", "wide"),
    ] {
        field(
            &format!("F|{modifiers}: 1"),
            &format!("modifier `|{modifier}` cannot be combined with `|{other}` on field `F`"),
        );
    }
    field("F|i: x", "modifier `|i` must follow `|re` on field `F`");
    field("F|contains|m: x", "modifier `|m` must follow `|re` on field `F`");
    field("F|s|re: x", "modifier `|s` must follow `|re` on field `F`");
    field("'|exists': true", "modifier `|exists` needs a field; it stands on a keyword");
    field("'|cidr': 10.0.0.0/8", "modifier `|cidr` needs a field; it stands on a keyword");
    field("'|fieldref': x", "modifier `|fieldref` needs a field; it stands on a keyword");
    field("'|all': [null, x]", "modifier `|null` needs a field; it stands on a keyword");
}

#[test]
fn values() {
    field("F|contains: null", "`null` on field `F` cannot take modifiers that change text");
    field("F|lt: x", "modifier `|lt` on field `F` wants a number, not `x`");
    field("F|lte: true", "modifier `|lte` on field `F` wants a number, not `true`");
    field("F|gt: .nan", "modifier `|gt` on field `F` wants a number, not `.nan`");
    field("F|gte: 1e999", "modifier `|gte` on field `F` wants a number, not `1e999`");
    field("F|exists: maybe", "modifier `|exists` on field `F` wants true or false, not `maybe`");
    field("F|fieldref: 5", "modifier `|fieldref` on field `F` wants a field's name, not `5`");
    let network = "an IPv4 or IPv6 network such as 10.0.0.0/8";
    field("F|cidr: 10.*", &format!("modifier `|cidr` on field `F` wants {network}, not `10.*`"));
    field("F|cidr: 10.0.0.0/33", &format!("modifier `|cidr` on field `F` wants {network}, not `10.0.0.0/33`"));
    field("F|minute: 60", "modifier `|minute` on field `F` wants a number from 0 to 59, not `60`");
    field("F|hour: -1", "modifier `|hour` on field `F` wants a number from 0 to 23, not `-1`");
    field("F|day: 0", "modifier `|day` on field `F` wants a number from 1 to 31, not `0`");
    field("F|week: x", "modifier `|week` on field `F` wants a number from 1 to 53, not `x`");
    field("F|month: 13", "modifier `|month` on field `F` wants a number from 1 to 12, not `13`");
    field("F|year: null", "modifier `|year` on field `F` wants a number from 1 to 9999, not `null`");
    let wildcards = "on field `F` wants text without wildcards: put `contains` behind it, or escape `*` and `?`";
    field("F|base64: a*", &format!("modifier `|base64` {wildcards}"));
    field("F|contains|base64offset: abc", &format!("modifier `|base64offset` {wildcards}"));
    field(
        "F|base64offset|contains: a",
        "modifier `|base64offset` on field `F`: `a` is too short to leave anything that can be found",
    );
    let wide = "UTF-16 text on field `F` is not text in a log: put `base64` or `base64offset` behind it";
    field("F|utf16: a", wide);
    field("F|wide|contains: ü", wide);
    field("F: []", "field `F` has no value");
    field("F: [[], []]", "field `F` has no value");
    field("F: {a: b}", "field `F` has a map where a value should be");
    field("F: [a, {b: c}]", "field `F` has a map where a value should be");
    field("F|all: [[a], b]", "field `F`: a list inside a list cannot be joined by `all`");
    let long = "x".repeat(VALUE_BYTES_MAX + 1);
    field(&format!("F: {long}"), "value of field `F` has 32769 bytes, over the limit of 32768");
    field("F|windash: '-----'", "value of field `F` becomes more than 1000 values or 1048576 bytes");
}

#[test]
fn regular_expressions() {
    let start = "regular expression on field `F`: ";
    field("F|re: 'a('", &format!("{start}unclosed group (character 2)"));
    field(
        "F|re: '(?=a)b'",
        &format!("{start}look-around, including look-ahead and look-behind, is not supported (character 1)"),
    );
    field(
        "F|re: '(?<!a)b'",
        &format!("{start}look-around, including look-ahead and look-behind, is not supported (character 1)"),
    );
    field(r"F|re: '(a)\1'", &format!("{start}backreferences are not supported (character 4)"));
    field("F|re: 'a)|(b'", &format!("{start}unopened group (character 2)"));
    field("F|re|startswith: 'a)|(b'", &format!("{start}unopened group (character 2)"));
    field(r"F|re: '\p{Nowhere}'", &format!("{start}Unicode property not found"));
    field(r"F|re: '(\w{100}){100}'", &format!("{start}its program is over the limit of 8388608 bytes"));
    let long = format!("F|re: {}", "a".repeat(8_193));
    field(&long, "value of field `F` has 8193 bytes, over the limit of 8192");
}

#[test]
fn selections() {
    check("condition: s", "line 6: `detection` has no selection");
    check("s: {}\ncondition: s", "line 6: selection `s` is empty");
    check("s: []\ncondition: s", "line 6: selection `s` is empty");
    check("s:\ncondition: s", "line 6: selection `s` is empty");
    check("s: [a, null]\ncondition: s", "line 6: selection `s` is empty");
    check("s: [{}]\ncondition: s", "line 6: selection `s` is empty");
    check("s: a", "line 6: `condition` is missing");
    let many: String = (0..1_001).map(|n| format!("s{n}: a\n")).collect();
    check(&format!("{many}condition: s1"), "line 6: more than 1000 selections");
    let atoms = format!("s: [{}]\ncondition: s", "a,".repeat(ATOMS_MAX + 1));
    check(&atoms, "line 6: more than 50000 comparisons in one rule");
    // The same through the condition: 40 times 2,000.
    let repeated = format!("s: [{}]\ncondition: s{}", "a,".repeat(2_000), " or s".repeat(40));
    check(&repeated, "line 7: more than 50000 comparisons in one rule");
}

#[test]
fn conditions() {
    let condition =
        |text: &str, want: &str| check(&format!("a: x\nb: y\ncondition: {text}"), &format!("line 8: {want}"));
    condition("''", "condition is empty");
    condition("[]", "condition is empty");
    condition("{a: b}", "`condition` should be text or a list of texts");
    condition("[[a]]", "`condition` should be text or a list of texts");
    condition("c", "condition names selection `c`, which is not there");
    condition("A", "condition names selection `A`, which is not there");
    condition("a and", "condition: unexpected end");
    condition("a b", "condition: unexpected `b`");
    condition("and a", "condition: unexpected `and`");
    condition("(a", "condition: unexpected end");
    condition("a)", "condition: unexpected `)`");
    condition("()", "condition: unexpected `)`");
    condition("not", "condition: unexpected end");
    condition("1 of", "condition: unexpected end");
    condition("1 of (a)", "condition: unexpected `(`");
    condition("x of them", "condition: unexpected `x`");
    condition("them", "condition: unexpected `them`");
    condition("1 of c*", "condition: no selection is called `c*`");
    condition("all of c", "condition: no selection is called `c`");
    condition("3 of them", "condition: `3 of them` can never hold, only 2 selections are meant");
    condition("0 of them", "condition: `0 of them` is not part of the specification; write `not 1 of them`");
    condition(
        "a | count() > 5",
        "aggregation `| count() > 5` was removed from the specification: write a correlation rule",
    );
    condition("a | near b", "aggregation `| near b` was removed from the specification: write a correlation rule");
    condition("near a and b", "aggregation `| near` was removed from the specification: write a correlation rule");
    condition(&format!("{}a{}", "(".repeat(40), ")".repeat(40)), "condition nested deeper than 32");
    condition(&format!("{}a", "not ".repeat(40)), "condition nested deeper than 32");
    condition(&format!("a{}", " or a".repeat(4_000)), "condition of 20001 bytes is over the limit of 16384");
    check("_a: x\ncondition: 1 of them", "line 7: condition: no selection is called `them`");
    check(
        "a: x\ntimeframe: 5m\ncondition: a",
        "line 7: `timeframe` belongs to an aggregation, which was removed from the specification: write a correlation rule",
    );
    let many: String = (0..20).map(|n| format!("s{n}: a\n")).collect();
    check(
        &format!("{many}condition: 10 of them"),
        "line 26: condition: `10 of them` becomes more than 500 combinations",
    );
    let many: String = (0..900).map(|n| format!("s{n}: a\n")).collect();
    let condition = format!("{many}condition: 1 of them{}", " or 1 of them".repeat(60));
    check(&condition, "line 906: more than 50000 comparisons in one rule");
}

#[test]
fn documents() {
    let tail = "logsource: {product: x}\ndetection: {s: a, condition: s}\n";
    let cases = [
        (tail.to_owned(), "line 1: `title` is missing"),
        (format!("title:\n{tail}"), "line 1: `title` is missing"),
        (format!("title: {{a: b}}\n{tail}"), "line 1: `title` should be text"),
        (format!("title: t\nid: [{{}}]\n{tail}"), "line 2: `id` should be text"),
        (format!("title: t\ntags: {{a: b}}\n{tail}"), "line 2: `tags` should be a list of texts"),
        (
            format!("title: t\nlevel: huge\n{tail}"),
            "line 2: unknown level `huge`; known are informational, low, medium, high and critical",
        ),
        ("title: t\ndetection: {s: a, condition: s}\n".to_owned(), "line 1: `logsource` is missing"),
        ("title: t\nlogsource: {product: x}\n".to_owned(), "line 1: `detection` is missing"),
        ("title: t\nlogsource: {product: x}\ndetection: [a]\n".to_owned(), "line 3: `detection` should be a map"),
        ("title: t\nlogsource: x\ndetection: {s: a, condition: s}\n".to_owned(), "line 2: `logsource` should be a map"),
        (
            "title: t\nlogsource:\n  definition: x\ndetection: {s: a, condition: s}\n".to_owned(),
            "line 3: `logsource` names no category, product or service",
        ),
        ("action: whatever\n".to_owned(), "line 1: unknown `action` `whatever`; known are global, reset and repeat"),
        ("action: repeat\n".to_owned(), "line 1: `action: repeat` has no rule before it"),
        ("action: [global]\n".to_owned(), "line 1: `action` should be text"),
        (
            "title: t\nlogsource: {product: x}\nfilter: {s: a, condition: s}\n".to_owned(),
            "line 3: filter names no rules: give a list of ids or names, or `any`",
        ),
        (
            "title: t\nlogsource: {product: x}\nfilter: {rules: [], s: a, condition: s}\n".to_owned(),
            "line 3: filter names no rules: give a list of ids or names, or `any`",
        ),
        (
            "title: t\nlogsource: {product: x}\nfilter: {rules: any, s: a, condition: t}\n".to_owned(),
            "line 3: condition names selection `t`, which is not there",
        ),
        ("title: t\nfilter: {rules: any, s: a, condition: s}\n".to_owned(), "line 1: `logsource` is missing"),
        ("title: t\nlogsource: {product: x}\nfilter: any\n".to_owned(), "line 3: `filter` should be a map"),
    ];
    for (text, want) in cases {
        assert_eq!(refusal(&text), format!("x.yml {want}"), "{text}");
    }
}

#[test]
fn yaml() {
    let cases = [
        ("a: [", "line 2: not YAML: while parsing a node, did not find expected node content"),
        ("a: b\nc: d\na: e\n", "line 3: key `a` stands twice in one map"),
        ("[a]: b\n", "line 1: a map's key is itself a list or a map"),
        ("a: !!binary x\n", "line 1: YAML tag `tag:yaml.org,2002:!binary` is not supported"),
        ("a: !own 'x'\n", "line 1: YAML tag `!own` is not supported"),
        ("<<: a\n", "line 1: merge key `<<` wants a map"),
        ("a: &a [*a]\n", "line 1: alias to an anchor that is not complete here"),
    ];
    for (text, want) in cases {
        assert_eq!(refusal(text), format!("x.yml {want}"), "{text}");
    }
    assert_eq!(refusal(&"- ".repeat(40)), "x.yml line 1: YAML nested deeper than 32");
    let many = load_text(&"---\na\n".repeat(10_001));
    assert_eq!(many.refusals[0].to_string(), "x.yml line 20001: more than 10000 YAML documents");
    let nodes = format!("a: [{}]", "1,".repeat(200_001));
    assert!(refusal(&nodes).ends_with("more than 200000 YAML nodes, aliases counted as often as they are used"));
    // A key that stands twice in a long map.
    let long: String = (0..40).map(|n| format!("k{n}: x\n")).collect();
    assert_eq!(refusal(&format!("{long}k7: y\n")), "x.yml line 41: key `k7` stands twice in one map");
}

#[test]
fn files_and_remarks() {
    let pack = Pack { name: "p".to_owned(), files: vec![("a/x.yml".to_owned(), vec![0xFF, 0xFE])], ..Pack::default() };
    let loaded = load_with(&[pack], &Lists::new(), 1);
    assert_eq!(loaded.refusals[0].to_string(), "a/x.yml: not UTF-8");
    let big = Pack { files: vec![("x.yml".to_owned(), vec![b' '; (4 << 20) + 1])], ..Pack::default() };
    assert_eq!(load_with(&[big], &Lists::new(), 1).refusals[0].reason, "file is over the limit of 4194304 bytes");

    let loaded = load_text(&around("s:\n  F|foo: x\ncondition: s"));
    let remark = &loaded.refusals[0];
    assert_eq!((remark.pack.as_str(), remark.file.as_str()), ("test", "x.yml"));
    assert_eq!((remark.line, remark.column), (7, Some(5)));
    assert_eq!((remark.rule_id.as_deref(), remark.title.as_deref()), (Some("i"), Some("t")));
}
