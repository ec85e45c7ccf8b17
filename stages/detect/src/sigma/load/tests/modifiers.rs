//! Every modifier of the specification → the form that matching takes.

use super::super::{Lists, load_with};
use super::{around, formula, load_text, pack, show};

/// `key: value` in a map, without the selection's own frame.
fn field(line: &str) -> String {
    let shown = formula(&format!("s:\n  {line}\ncondition: s"));
    shown.strip_prefix("0{").and_then(|rest| rest.strip_suffix('}')).unwrap().to_owned()
}

#[test]
fn every_modifier() {
    let cases = [
        // No modifier, and what YAML makes of values.
        (r"F: C:\Windows\cmd.exe", r"F=c:\windows\cmd.exe"),
        ("F: 4688", "F=4688"),
        ("F: '4688'", "F=4688"),
        ("F: 0x10", "F=16"),
        ("F: '0x10'", "F=0x10"),
        ("F: true", "F=true"),
        ("F: 'True'", "F=true"),
        ("F: 1.50", "F=1.50"),
        ("F: ''", "F="),
        ("F: null", "F null"),
        ("F:", "F null"),
        ("F: ~", "F null"),
        ("F: 'null'", "F=null"),
        ("F: '*'", "F any"),
        ("F: 'a*b?'", "F g\"a*b?\""),
        ("F: [a, 1, true]", "(F=a | F=1 | F=true)"),
        ("F: [[a, b], c]", "(F=a | F=b | F=c)"),
        ("F: [null, '']", "(F null | F=)"),
        ("Some Field.name: x", "Some Field.name=x"),
        // Generic.
        ("F|contains: aB", "F~ab"),
        ("F|contains: 10", "F~10"),
        ("F|contains: 'a*b'", "F g\"*a*b*\""),
        ("F|contains: '*a*'", "F~a"),
        ("F|contains: ''", "F any"),
        (r"F|contains: 'a\*'", "F~a*"),
        ("F|startswith: aB", "F^ab"),
        ("F|startswith: '*a'", "F~a"),
        ("F|endswith: aB", "F$ab"),
        (r"F|endswith: '\cmd.exe'", r"F$\cmd.exe"),
        (r"F|endswith: '\\cmd.exe'", r"F$\cmd.exe"),
        ("F|all: [a, b]", "(F=a & F=b)"),
        ("F|contains|all: [a, b]", "(F~a & F~b)"),
        ("F|all|contains: [a, b]", "(F~a & F~b)"),
        ("F|exists: true", "F exists"),
        ("F|exists: false", "F absent"),
        ("F|exists: 'no'", "F absent"),
        ("F|cased: aB", "F=aB(c)"),
        ("F|contains|cased: aB", "F~aB(c)"),
        ("F|cased|endswith: aB", "F$aB(c)"),
        ("F|neq: a", "!F=a"),
        ("F|neq: [a, b]", "!(F=a | F=b)"),
        ("F|neq: 5", "!F=5"),
        ("F|neq: null", "!F null"),
        ("F|contains|neq: a", "!F~a"),
        ("F|cidr|neq: 10.0.0.0/8", "!F in 10.0.0.0/8"),
        // Regular expressions.
        ("F|re: '^A.*b$'", "F /^A.*b$/"),
        ("F|re|i: 'x'", "F /(?i)x/"),
        ("F|re|m: 'x'", "F /(?m)x/"),
        ("F|re|s: 'x'", "F /(?s)x/"),
        ("F|re|s|i|m: 'x'", "F /(?ims)x/"),
        ("F|re: [a, b]", "(F /a/ | F /b/)"),
        ("F|re|all: [a, b]", "(F /a/ & F /b/)"),
        ("F|all|re: [a, b]", "(F /a/ & F /b/)"),
        ("F|re|cased: a", "F /a/"),
        ("F|re|contains: 'a|b'", "F /a|b/"),
        ("F|re|startswith: 'a|b'", r"F /\A(?:a|b)/"),
        ("F|re|i|endswith: 'a|b'", r"F /(?i)(?:a|b)\z/"),
        ("F|re: '^(a+)+$'", "F /^(a+)+$/"),
        ("F|re: 5", "F /5/"),
        // Encodings.
        ("F|base64: foobar", "F=zm9vymfy"),
        ("F|base64|cased: foobar", "F=Zm9vYmFy(c)"),
        ("F|base64|contains: spinstall0.aspx", "F~c3bpbnn0ywxsmc5hc3b4"),
        (
            "F|base64offset|contains|cased: '::FromBase64String'",
            "(F~OjpGcm9tQmFzZTY0U3RyaW5n(c) | F~o6RnJvbUJhc2U2NFN0cmluZ(c) | F~6OkZyb21CYXNlNjRTdHJpbm(c))",
        ),
        ("F|wide|base64|cased: cmd", "F=YwBtAGQA(c)"),
        ("F|utf16le|base64|cased: cmd", "F=YwBtAGQA(c)"),
        ("F|utf16be|base64|cased: cmd", "F=AGMAbQBk(c)"),
        ("F|utf16|base64|cased: cmd", "F=//5jAG0AZAA=(c)"),
        ("F|wide|base64offset|contains|cased: 'cmd'", "(F~YwBtAGQA(c) | F~MAbQBkA(c) | F~jAG0AZA(c))"),
        ("F|base64|cased: ä", "F=w6Q=(c)"),
        ("F|wide|contains: Cm", "F~c\0m\0"),
        (r"F|base64|cased: 'C:\\x\*'", "F=QzpceCo=(c)"),
        // Command lines.
        ("F|windash|contains: ' -x'", "(F~ -x | F~ /x | F~ –x | F~ —x | F~ ―x)"),
        ("F|contains|windash: ' /x'", "(F~ -x | F~ /x | F~ –x | F~ —x | F~ ―x)"),
        ("F|windash: '―'", "(F=- | F=/ | F=– | F=— | F=―)"),
        ("F|windash: 'x'", "F=x"),
        ("F|contains|all|windash: [' -a', b]", "((F~ -a | F~ /a | F~ –a | F~ —a | F~ ―a) & F~b)"),
        // Numbers.
        ("F|lt: 5", "F<5"),
        ("F|lte: 5.5", "F<=5.5"),
        ("F|gt: -1", "F>-1"),
        ("F|gte: 0x10", "F>=16"),
        ("F|gte: '5'", "F>=5"),
        ("F|gt: [1, 2]", "(F>1 | F>2)"),
        // Addresses.
        ("F|cidr: 10.0.0.0/8", "F in 10.0.0.0/8"),
        ("F|cidr: 10.1.2.3/8", "F in 10.0.0.0/8"),
        ("F|cidr: 192.168.0.1", "F in 192.168.0.1/32"),
        ("F|cidr: ['fe80::/10', '::1/128']", "(F in fe80::/10 | F in ::1/128)"),
        // Other fields.
        ("F|fieldref: G", "F=[G]"),
        ("F|fieldref: g.H", "F=[g.H]"),
        ("F|fieldref|startswith: G", "F^[G]"),
        ("F|fieldref|endswith: G", "F$[G]"),
        ("F|fieldref|contains: G", "F~[G]"),
        ("F|endswith|fieldref: G", "F$[G]"),
        ("F|fieldref|neq: G", "!F=[G]"),
        ("F|fieldref|cased: G", "F=[G](c)"),
        ("F|fieldref: [G, H]", "(F=[G] | F=[H])"),
        // Times.
        ("F|minute: 0", "F Minute=0"),
        ("F|hour: 23", "F Hour=23"),
        ("F|day: 31", "F Day=31"),
        ("F|week: 53", "F Week=53"),
        ("F|month: 12", "F Month=12"),
        ("F|year: 2026", "F Year=2026"),
        ("F|hour: [1, 2]", "(F Hour=1 | F Hour=2)"),
        ("F|hour|gte: 22", "(F Hour=22 | F Hour=23)"),
        ("F|hour|gt: 22", "F Hour=23"),
        ("F|month|lt: 3", "(F Month=1 | F Month=2)"),
        ("F|month|lte: 1", "F Month=1"),
        ("F|hour|gt: 23", "false"),
        // A plain percent sign.
        ("F: '%x%'", "F=%x%"),
        ("F|expand: 'a'", "F=a"),
        (r"F|expand: '\%x% 100%'", "F=%x% 100%"),
    ];
    for (line, want) in cases {
        assert_eq!(field(line), want, "{line}");
    }
}

#[test]
fn windash_takes_all_permutations() {
    let shown = field("F|windash: '-a -b'");
    assert_eq!(shown.matches(" | ").count(), 24);
    assert!(shown.contains("F=/a —b") && shown.contains("F=-a -b"), "{shown}");
}

#[test]
fn placeholders_come_from_lists() {
    let mut lists = Lists::new();
    lists.insert("Servers", vec!["srv*".to_owned(), "db1".to_owned()]).unwrap();
    lists.insert("Nets", vec!["10.0.0.0/8".to_owned(), "::1".to_owned()]).unwrap();
    lists.insert("Empty", Vec::new()).unwrap();
    let cases = [
        ("F|expand: '%Servers%'", "(F^srv | F=db1)"),
        ("F|expand: 'x-%Servers%.local'", "(F g\"x-srv*.local\" | F=x-db1.local)"),
        ("F|contains|expand: '%Servers%'", "(F~srv | F~db1)"),
        ("F|expand|contains: '%Servers%'", "(F~srv | F~db1)"),
        ("F|expand: '%Servers%%Servers%'", "(F g\"srv*srv*\" | F g\"srv*db1\" | F^db1srv | F=db1db1)"),
        ("F|cidr|expand: '%Nets%'", "(F in 10.0.0.0/8 | F in ::1/128)"),
        ("F|expand|cidr: '%Nets%'", "(F in 10.0.0.0/8 | F in ::1/128)"),
        (r"F|expand: '\%plain%Servers%'", "(F^%plainsrv | F=%plaindb1)"),
        ("F|expand: [a, '%Servers%']", "(F=a | F^srv | F=db1)"),
        ("F|expand: '%Empty%'", "false"),
        ("F: '%Servers%'", "F=%servers%"),
    ];
    for (line, want) in cases {
        let text = around(&format!("s:\n  {line}\ncondition: s"));
        let loaded = load_with(&[pack(&[("x.yml", &text)])], &lists, 1);
        assert!(loaded.notes.is_empty());
        assert_eq!(show(&loaded.set.rules[0].expr), format!("0{{{want}}}"), "{line}");
    }
}

#[test]
fn a_missing_list_never_matches_and_says_so() {
    let loaded = load_text(&around("s:\n  A: x\nf:\n  F|expand: '%Nobody%'\ncondition: s and not f"));
    assert_eq!(show(&loaded.set.rules[0].expr), "(0{A=x} & !1{false})");
    assert_eq!(loaded.notes.len(), 1);
    assert_eq!(loaded.notes[0].to_string(), "x.yml line 9: needs list `Nobody`: without it this value never matches");
    assert_eq!(loaded.notes[0].rule_id.as_deref(), Some("i"));
}

#[test]
fn what_the_specification_discourages_is_noted() {
    let cases = [
        ("F|all: x", "`all` on field `F` has a single value and changes nothing"),
        ("F|base64offset: xyz", "`base64offset` on field `F` without `contains` compares the whole value"),
        ("F: [null, x]", "`null` on field `F` stands in a list; the specification wants its own selection"),
    ];
    for (line, want) in cases {
        let loaded = load_text(&around(&format!("s:\n  {line}\ncondition: s")));
        assert_eq!(loaded.set.rules.len(), 1);
        assert_eq!(loaded.notes.iter().map(|note| note.reason.as_str()).collect::<Vec<_>>(), [want]);
        assert_eq!(loaded.notes[0].line, 7, "{line}");
    }
}
