//! What every kind of text must hold.

use super::{TextKind, TextModel, Texts, model::Settings};
use crate::{Model, Random};

/// A small set with an easy difference, one text of each class after another.
fn texts() -> Vec<(String, bool)> {
    let mut random = Random::new(5);
    (0..240)
        .map(|at| {
            let hostile = at % 2 == 1;
            let letters: &[u8] = if hostile { b"qxzjkvw0'%<" } else { b"aeiorstln .-" };
            let length = 6 + random.below(12);
            ((0..length).map(|_| char::from(letters[random.below(letters.len())])).collect(), hostile)
        })
        .collect()
}

fn model(kind: TextKind) -> TextModel {
    let all = texts();
    let texts: Vec<&str> = all.iter().map(|one| one.0.as_str()).collect();
    let labels: Vec<bool> = all.iter().map(|one| one.1).collect();
    let data = Texts { texts: &texts, labels: &labels, groups: &[] };
    TextModel::fit(data, &Settings::of(kind), &mut Random::new(1)).unwrap()
}

/// Texts that nobody meant to write.
fn hostile_items() -> Vec<String> {
    let mut items: Vec<String> = [
        "",
        " ",
        "\0",
        ".",
        "..",
        "%",
        "%2",
        "%%%",
        "&#x;",
        "\\u",
        "\\u{",
        "/*",
        "*/",
        "'",
        "\"",
        "^",
        "`",
        "ünïcödé",
        "\u{202e}abc",
        "a.b.c.d",
        "日本語.jp",
        "%25%32%35",
        "&lt;",
        "$(",
        "-enc ",
        "+",
        "=",
        "a=b&c=d",
        "xn--",
        "\u{feff}",
    ]
    .map(str::to_owned)
    .to_vec();
    items.push("a".repeat(200_000));
    items.push("%25".repeat(50_000));
    items.push("é'%".repeat(40_000));
    items.push("&amp;".repeat(30_000));
    items.push("a=1&".repeat(30_000));
    items.push("((((".repeat(10_000));
    items.extend(texts().into_iter().take(20).map(|one| one.0));
    items
}

/// A file of texts is scored as its texts are one by one, to the last bit, whatever stands beside them.
#[test]
fn many_texts_have_the_scores_of_each() {
    for kind in [TextKind::Domain, TextKind::Http, TextKind::Command, TextKind::Script] {
        let model = model(kind);
        let mut items = hostile_items();
        // More than a block of rows.
        items.extend((0..3000).map(|at| format!("name{at}.example/{}?q={}", at % 7, at * 31 % 1009)));
        let mut scratch = super::Scratch::default();
        let each: Vec<u64> = items.iter().map(|item| model.score_with(item, &mut scratch).to_bits()).collect();
        let many: Vec<u64> = model.score_texts(&items).into_iter().map(f64::to_bits).collect();
        assert_eq!(many, each, "{kind:?}");
    }
    assert!(model(TextKind::Domain).score_texts::<&str>(&[]).is_empty());
}

#[test]
fn every_kind_holds_the_contract_of_models() {
    for kind in TextKind::ALL {
        let mut model = model(kind);
        let again = TextModel::from_tensors(&model.to_tensors()).unwrap();
        assert_eq!(model, again, "{kind:?}");
        for item in hostile_items() {
            let shown: String = item.chars().take(30).collect();
            let score = model.score(&item);
            assert!(score.is_finite(), "{kind:?} {shown}");
            assert_eq!(score.to_bits(), again.score(&item).to_bits(), "{kind:?} {shown}");
            let explanation = model.explain(&item);
            let error = (explanation.score() - score).abs() / score.abs().max(1.0);
            assert!(error < 1e-9, "{kind:?} {shown}: {error}");
            for one in &explanation.contributions {
                if let crate::Part::Span(start, end) = one.part {
                    assert!(item.get(start as usize..end as usize).is_some(), "{kind:?} {shown}: {start}..{end}");
                }
            }
            assert!(!model.learn(&item));
        }
        assert_eq!(model, again);
    }
}

#[test]
fn the_same_data_and_seed_give_the_same_model() {
    for kind in TextKind::ALL {
        assert_eq!(model(kind).to_tensors(), model(kind).to_tensors(), "{kind:?}");
    }
}

#[test]
fn what_cannot_be_learned_from_is_refused_in_words() {
    let settings = Settings::of(TextKind::Domain);
    let fit = |texts: &[&str], labels: &[bool], groups: &[u32]| {
        TextModel::fit(Texts { texts, labels, groups }, &settings, &mut Random::new(1)).unwrap_err().to_string()
    };
    assert_eq!(
        fit(&["a"; 30], &[true; 30], &[]),
        "all 30 labels are 1: two classes are needed to learn the difference"
    );
    assert_eq!(fit(&["a"; 3], &[true, false, true], &[]), "1 usable rows, at least 10 are needed");
    assert_eq!(fit(&["a"; 3], &[true], &[]), "1 labels for 3 rows");
    assert_eq!(fit(&[], &[], &[]), "0 usable rows, at least 10 are needed");
    assert_eq!(fit(&["a"; 2], &[true, false], &[1]), "1 groups for 2 rows");
}

#[test]
fn a_damaged_model_is_refused_with_its_place() {
    use crate::Array;
    let good = model(TextKind::Domain).to_tensors();
    let check = |name: &str, array: Option<Array>, place: &str| {
        let mut bad = good.clone();
        match array {
            Some(array) => bad.put(name, array),
            None => drop(bad.arrays.remove(name)),
        }
        let error = TextModel::from_tensors(&bad).unwrap_err();
        assert!(error.to_string().starts_with(place), "{error}");
    };
    check("weights", None, "array `weights`: is missing");
    check("weights", Some(Array::U16(vec![1])), "array `weights`");
    check("costs", Some(Array::U8(vec![1])), "array `costs`");
    check("linear", Some(Array::F64(vec![1.0])), "array `linear`");
    check("linear", Some(Array::F64(vec![1.0, f64::NAN])), "array `linear`");
    check("head.curves.lengths", Some(Array::U32(vec![1 << 30])), "array `lengths`");
    check("head.curves.bias", Some(Array::F64(vec![])), "array `bias`");
    for (word, value) in
        [("kind", "mail"), ("family", "forest"), ("version", "0"), ("grams", "[40,1,4,0,0]"), ("grams", "[1]")]
    {
        let mut bad = good.clone();
        bad.words.insert(word.to_owned(), value.to_owned());
        let error = TextModel::from_tensors(&bad).unwrap_err();
        assert_eq!(error.place, format!("word `{word}`"));
    }
}

#[test]
fn disguises_that_are_undone_do_not_lower_the_score() {
    let model = model(TextKind::Http);
    let scores = |text: &str| model.score(text);
    for (text, hostile) in texts() {
        // The canonical form is what a disguise cannot get below.
        let plain = text.split(['+', '%']).collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ");
        let encoded: String = plain.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let twice = encoded.replace('%', "%25");
        let entities: String = plain.bytes().map(|byte| format!("&#{byte};")).collect();
        for disguised in
            [plain.to_uppercase(), encoded, twice, entities, plain.replace(' ', "/**/"), format!("a=1&{plain}&b=2")]
        {
            assert!(scores(&disguised) >= scores(&plain) - 1e-9, "{plain} {disguised} {hostile}");
        }
    }
    let model = self::model(TextKind::Domain);
    for (text, _) in texts() {
        let name: String = text.chars().filter(char::is_ascii_lowercase).collect();
        let plain = model.score(&format!("{name}.com"));
        for disguised in [format!("{name}.com."), format!("{}.CO.UK", name.to_uppercase()), format!(" {name}.net:443")]
        {
            assert_eq!(model.score(&disguised), plain, "{disguised}");
        }
        assert!(model.score(&format!("www.mail.{name}.com")) >= plain, "{name}");
    }
}

#[test]
fn an_explanation_points_at_the_raw_bytes_that_speak() {
    let model = model(TextKind::Http);
    let explanation = model.explain("name=maria&q=%27%27qqxx%27");
    let spans = explanation.contributions.iter().filter_map(|one| match one.part {
        crate::Part::Span(start, end) => Some((start, end, one.value)),
        _ => None,
    });
    let strongest = spans.max_by(|a, b| a.2.total_cmp(&b.2)).unwrap();
    assert!(strongest.0 >= 13 && strongest.2 > 0.0, "{strongest:?}");
}

#[test]
fn long_texts_are_read_at_both_ends_and_the_rest_is_told() {
    use super::{TEXT_BYTES_MAX, unread};
    assert_eq!(unread("abc"), 0);
    assert_eq!(unread(&"a".repeat(TEXT_BYTES_MAX)), 0);
    assert_eq!(unread(&"a".repeat(TEXT_BYTES_MAX + 7)), 7);
    let model = model(TextKind::Http);
    let filler = "aeiou ".repeat(20_000);
    let attack = "'%<qqxx%<''zz".repeat(4);
    let plain = model.score(&filler);
    assert!(model.score(&format!("{filler}\n{attack}")) > plain);
    assert!(model.score(&format!("{attack}\n{filler}")) > plain);
}

#[test]
fn a_group_stays_together_and_large_groups_are_held_back() {
    let (texts, labels) = (["a"; 40], std::array::from_fn::<bool, 40, _>(|at| at < 20));
    let groups: Vec<u32> = (0..40).map(|at| if at < 15 { 0 } else { at }).collect();
    let data = Texts { texts: &texts, labels: &labels, groups: &groups };
    let folds = super::model::folds(&data, &mut Random::new(1));
    assert!(folds.iter().take(15).all(|fold| *fold == folds[0]));
    assert!((0..4).all(|fold| folds.iter().skip(20).filter(|own| **own == fold).count() == 5));
    let weights = super::model::weights(&data, 1.0);
    assert!((weights[0] * 15.0 - weights[16]).abs() < 1e-12);
    assert!((weights.iter().take(20).sum::<f64>() - 20.0).abs() < 1e-9);
}
