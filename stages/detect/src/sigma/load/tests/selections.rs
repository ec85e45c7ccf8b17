//! Maps, lists, nested lists and keywords.

use super::formula;

#[test]
fn shapes() {
    let cases = [
        ("s: {A: 1, B: 2}\ncondition: s", "0{(A=1 & B=2)}"),
        ("s:\n  - {A: 1, B: 2}\n  - {C: 3}\ncondition: s", "0{((A=1 & B=2) | C=3)}"),
        ("s:\n  - [{A: 1}, {B: 2}]\n  - C: 3\ncondition: s", "0{((A=1 | B=2) | C=3)}"),
        ("s: [a, 5, 'b*c']\ncondition: s", "0{(#~a | #~5 | # g\"*b*c*\")}"),
        ("s: a\ncondition: s", "0{#~a}"),
        ("s: [a, {B: 1}]\ncondition: s", "0{(#~a | B=1)}"),
        ("s:\n  '|all': [a, b]\ncondition: s", "0{(#~a & #~b)}"),
        ("s:\n  '|contains|all': [a, b]\ncondition: s", "0{(#~a & #~b)}"),
        ("s:\n  '|re': 'a.b'\ncondition: s", "0{# /a.b/}"),
        ("s:\n  '|re|all': ['a.b', c]\ncondition: s", "0{(# /a.b/ & # /c/)}"),
        ("s:\n  '|cased': aB\ncondition: s", "0{#~aB(c)}"),
        ("s:\n  '|startswith': a\ncondition: s", "0{#^a}"),
        ("s:\n  '|endswith': a\ncondition: s", "0{#$a}"),
        ("s:\n  '|base64': foo\ncondition: s", "0{#~zm9v}"),
        ("s:\n  '': a\ncondition: s", "0{#~a}"),
        ("s:\n  '|neq': a\ncondition: s", "0{!#~a}"),
        ("s:\n  4688: x\ncondition: s", "0{4688=x}"),
        // A selection that the condition leaves out costs nothing; one that it names twice stands twice.
        ("s: {A: 1}\nt: {B: 1}\ncondition: s", "0{A=1}"),
        ("s: {A: 1}\nt: {B: 1}\ncondition: (s and t) or s", "((0{A=1} & 1{B=1}) | 0{A=1})"),
        // YAML aliases and merge keys.
        ("s: {A: &x [1, 2], B: *x}\ncondition: s", "0{((A=1 | A=2) & (B=1 | B=2))}"),
        ("s: &x {A: 1, B: 2}\nt: {<<: *x, B: 3}\ncondition: t", "1{(B=3 & A=1)}"),
        ("s: {A: !!str 5, B: !!str null}\ncondition: s", "0{(A=5 & B=null)}"),
    ];
    for (detection, want) in cases {
        assert_eq!(formula(detection), want, "{detection}");
    }
}
