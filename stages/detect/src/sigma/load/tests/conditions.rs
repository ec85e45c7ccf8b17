//! The condition language.

use super::{around, formula, rule_of, show};

#[test]
fn language() {
    // Selections a, b, c, sel_1, sel_2, _x are numbers 0 to 5.
    let cases = [
        ("a", "0"),
        ("not a", "!0"),
        ("not not a", "!!0"),
        ("a or b and c", "(0 | (1 & 2))"),
        ("a and b or c", "((0 & 1) | 2)"),
        ("not a and b", "(!0 & 1)"),
        ("not (a and b)", "!(0 & 1)"),
        ("a and (b or c)", "(0 & (1 | 2))"),
        ("(a)", "0"),
        ("((a) and(b))", "(0 & 1)"),
        ("a AND b Or NOT c", "((0 & 1) | !2)"),
        ("1 of sel_*", "(3 | 4)"),
        ("any of sel_*", "(3 | 4)"),
        ("all of sel_*", "(3 & 4)"),
        ("2 of sel_*", "(3 & 4)"),
        ("ALL OF sel_*", "(3 & 4)"),
        ("1 of them", "(0 | 1 | 2 | 3 | 4)"),
        ("all of them", "(0 & 1 & 2 & 3 & 4)"),
        ("1 of *", "(0 | 1 | 2 | 3 | 4)"),
        ("1 of _*", "5"),
        ("_x", "5"),
        ("1 of a", "0"),
        ("all of *_1", "3"),
        ("all of s*_*2", "4"),
        ("not 1 of sel_*", "!(3 | 4)"),
        ("a and not 1 of sel_* and not b", "(0 & !(3 | 4) & !1)"),
        ("1 of sel_* or all of sel_*", "((3 | 4) | (3 & 4))"),
        (
            "2 of them",
            "((0 & 1) | (0 & 2) | (0 & 3) | (0 & 4) | (1 & 2) | (1 & 3) | (1 & 4) | (2 & 3) | (2 & 4) | (3 & 4))",
        ),
        ("4 of them", "((0 & 1 & 2 & 3) | (0 & 1 & 2 & 4) | (0 & 1 & 3 & 4) | (0 & 2 & 3 & 4) | (1 & 2 & 3 & 4))"),
        ("[a, b and c]", "(0 | (1 & 2))"),
        ("[a]", "0"),
        ("\"a\\n  or\\n  b\"", "(0 | 1)"),
    ];
    let names = ["a", "b", "c", "sel_1", "sel_2", "_x"];
    let selections: String = names.iter().map(|name| format!("{name}: {{F: {name}}}\n")).collect();
    for (condition, want) in cases {
        let mut shown = formula(&format!("{selections}condition: {condition}"));
        for (at, name) in names.iter().enumerate() {
            shown = shown.replace(&format!("{at}{{F={name}}}"), &at.to_string());
        }
        assert_eq!(shown, want, "{condition}");
    }
}

#[test]
fn words_as_selection_names() {
    // `all`, `any`, numbers and `them` are words of the language only before and behind `of`.
    assert_eq!(formula("all: {F: 1}\n'1': {G: 1}\ncondition: all and 1"), "(0{F=1} & 1{G=1})");
    assert_eq!(formula("sel-1.x: {F: 1}\ncondition: sel-1.x"), "0{F=1}");
}

#[test]
fn the_condition_is_kept_as_written() {
    assert_eq!(rule_of(&around("a: x\ncondition:  'a  '")).condition, "a");
    let rule = rule_of(&around("a: x\nb: y\ncondition: [a, not b]"));
    assert_eq!(rule.condition, "(a) or (not b)");
    assert_eq!(rule.selections, ["a", "b"]);
    assert_eq!(show(&rule.expr), "(0{#~x} | !1{#~y})");
}
