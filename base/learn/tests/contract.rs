//! The contract of [`Model`], held against every family.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test")]

use shieldwall_learn::forest::{Boosted, BoostedSettings, Isolation, IsolationSettings, Table};
use shieldwall_learn::tabular::{Tabular, TabularSettings};
use shieldwall_learn::tail::{Tail, TailSettings};
use shieldwall_learn::{Feature, FeatureKind, Frame, Model, Random, Schema, Tensors};

/// Fits twice from the same seed, then asks of every item what the contract promises.
fn keeps_the_contract<M: Model>(fit: impl Fn(&mut Random) -> M, items: &[M::Item<'_>]) {
    let model = fit(&mut Random::new(7));
    let kept = model.to_tensors();
    assert_eq!(
        kept,
        fit(&mut Random::new(7)).to_tensors(),
        "{}: the same data and seed give the same model",
        M::FAMILY
    );
    let back = M::from_tensors(&kept).unwrap_or_else(|error| panic!("{}: {error}", M::FAMILY));
    for (at, item) in items.iter().enumerate() {
        let score = model.score(*item);
        assert!(score.is_finite(), "{}: item {at}: score {score}", M::FAMILY);
        assert_eq!(
            score.to_bits(),
            back.score(*item).to_bits(),
            "{}: item {at}: a loaded model scores the same",
            M::FAMILY
        );
        let explained = model.explain(*item);
        let off = (explained.score() - score).abs();
        assert!(off <= 1e-9 * score.abs().max(1.0), "{}: item {at}: {} is not {score}", M::FAMILY, explained.score());
    }
    // What is missing or of another kind is refused, whichever part it is.
    for name in kept.arrays.keys() {
        let mut torn = kept.clone();
        torn.arrays.remove(name);
        assert!(M::from_tensors(&torn).is_err(), "{}: loads without its array `{name}`", M::FAMILY);
    }
    assert!(M::from_tensors(&Tensors::default()).is_err(), "{}: loads from nothing", M::FAMILY);
}

#[test]
fn sequence_keeps_the_contract() {
    use shieldwall_learn::sequence::{SequenceData, SequenceModel, SequenceSettings, Token};

    let mut data = SequenceData::default();
    for at in 0..60i64 {
        let mut tokens = vec![Token::Text("start"), Token::Number(1), Token::Number(2 + at % 2), Token::Text("stop")];
        if at % 5 == 0 {
            tokens.insert(2, Token::Number(7));
        }
        data.push(&tokens, 0).unwrap();
    }
    let long: Vec<u32> = (0..5000).map(|at| at * 31 % 9).collect();
    let items: [&[u32]; 8] =
        [&[], &[1, 2, 3, 5], &[1, 2, 5], &[0; 40], &[u32::MAX, u32::MAX - 1, 1], &[5, 3, 2, 1], &[2; 300], &long];
    keeps_the_contract(
        |random| <SequenceModel as Model>::fit(&data, &SequenceSettings::default(), random).unwrap(),
        &items,
    );
}

/// Rows with numbers, categories and holes.
fn holed(rows: usize) -> Frame {
    let mut random = Random::new(1);
    let names = (0..7).map(|code| format!("service {code}")).collect();
    let features = vec![
        Feature { name: "bytes".into(), kind: FeatureKind::Numeric },
        Feature { name: "constant".into(), kind: FeatureKind::Numeric },
        Feature { name: "service".into(), kind: FeatureKind::Categorical(names) },
        Feature { name: "flag".into(), kind: FeatureKind::Numeric },
    ];
    let columns = vec![
        (0..rows).map(|at| if at % 9 == 0 { f64::NAN } else { random.unit().powi(3) * 1e6 }).collect(),
        vec![3.0; rows],
        (0..rows).map(|at| if at % 31 == 0 { f64::NAN } else { (at % 7) as f64 }).collect(),
        (0..rows).map(|at| f64::from(u8::from(at % 50 == 0))).collect(),
    ];
    Frame::new(Schema { features }, columns).unwrap_or_default()
}

/// What a hostile row may hold.
const ROWS: &[&[f64]] = &[
    &[1.0, 3.0, 2.0, 0.0],
    &[f64::NAN, f64::NAN, f64::NAN, f64::NAN],
    &[f64::INFINITY, f64::NEG_INFINITY, 1e300, -1e300],
    &[-0.0, 4.0, 6.5, 1.0],
    &[1e9],
    &[],
    &[0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
];

#[test]
fn tail() {
    for share_weights in [false, true] {
        let settings = TailSettings { share_weights };
        keeps_the_contract(|random| Tail::fit(&holed(500), &settings, random).unwrap(), ROWS);
        keeps_the_contract(
            |random| {
                let mut model = Tail::fit(&holed(20), &settings, random).unwrap();
                for _ in 0..30 {
                    assert!(ROWS.iter().all(|row| model.learn(row)));
                }
                model
            },
            ROWS,
        );
    }
    let one = Tail::fit(&holed(9), &TailSettings::default(), &mut Random::new(1)).unwrap_err();
    assert_eq!(one.to_string(), "9 usable rows, at least 10 are needed");
}

/// Three numbers and a category, gaps, a constant; hostile where the first is large or the category strange.
fn table() -> (Frame, Vec<bool>) {
    let mut random = Random::new(11);
    let (mut columns, mut labels) = (vec![Vec::new(); 4], Vec::new());
    for _ in 0..400 {
        let (a, b, code) = (random.unit(), random.unit(), random.below(5));
        let gap = if random.below(9) == 0 { f64::NAN } else { b };
        columns.iter_mut().zip([a * 1000.0, gap, 3.0, code as f64]).for_each(|(column, value)| column.push(value));
        labels.push(a + 0.1 * b > 0.8 || (code == 4 && b > 0.3));
    }
    let services = FeatureKind::Categorical((0..6).map(|code| code.to_string()).collect());
    let kinds = [FeatureKind::Numeric, FeatureKind::Numeric, FeatureKind::Numeric, services];
    let names = ["src_bytes", "load", "version", "service"];
    let features = names.iter().zip(kinds).map(|(name, kind)| Feature { name: (*name).to_owned(), kind }).collect();
    (Frame::new(Schema { features }, columns).unwrap(), labels)
}

/// Rows of the table, and rows that no table should hold.
fn rows(frame: &Frame) -> Vec<Vec<f64>> {
    let mut rows = vec![Vec::new(); 50];
    rows.iter_mut().enumerate().for_each(|(at, row)| frame.copy_row(at, row));
    let odd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, 0.5, 1e308, 77.0];
    rows.extend(odd.map(|value| vec![value; 4]));
    rows.extend([vec![], vec![1.0], vec![1.0; 40]]);
    rows
}

#[test]
fn forests_keep_the_contract() {
    let (frame, labels) = table();
    let rows = rows(&frame);
    let items: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
    let data = Table { frame: &frame, labels: Some(&labels) };
    let boosting = BoostedSettings { trees: 40, ..BoostedSettings::default() };
    keeps_the_contract(|random| Boosted::fit(data, &boosting, random).unwrap(), &items);
    keeps_the_contract(|random| Isolation::fit(data, &IsolationSettings::default(), random).unwrap(), &items);
}

#[test]
fn tables_with_labels_and_without_keep_the_contract() {
    let (frame, labels) = table();
    let rows = rows(&frame);
    let items: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
    let boosting = BoostedSettings { trees: 40, ..BoostedSettings::default() };
    let settings = TabularSettings { boosting, raisable: None };
    for labels in [Some(labels.as_slice()), None] {
        let data = Table { frame: &frame, labels };
        keeps_the_contract(|random| Tabular::fit(data, &settings, random).unwrap(), &items);
    }
}

#[test]
fn text() {
    use shieldwall_learn::text::{Settings, TextKind, TextModel, Texts};
    let hostile =
        ["' or 1=1--", "<script>alert(1)</script>", "xq7zk2vw9j.biz", "../../etc/passwd", "powershell -enc SQBFAFgA"];
    let benign = ["name=maria", "a page of text", "www.example.org", "docs/index.html", "ls -la /home/maria"];
    let texts: Vec<String> = (0..120)
        .map(|at| format!("{}{}", if at % 2 == 0 { benign[at / 2 % 5] } else { hostile[at / 2 % 5] }, at / 10))
        .collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let labels: Vec<bool> = (0..120).map(|at| at % 2 == 1).collect();
    let long = "%41".repeat(40_000);
    let mut items = texts.clone();
    items.extend(["", "\0", "%", "日本語", "....", "\u{202e}", long.as_str()]);
    for kind in TextKind::ALL {
        let data = Texts { texts: &texts, labels: &labels, groups: &[] };
        let settings = Settings::of(kind);
        keeps_the_contract(|random| TextModel::fit(data, &settings, random).unwrap(), &items);
    }
}
