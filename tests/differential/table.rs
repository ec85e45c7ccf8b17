//! `adjudicated.tsv`: every difference that is known, with its cause and who is right.

use std::collections::BTreeMap;

/// A rule that one engine finds and the other does not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// The rule's id.
    pub rule: String,
    /// `only_ours` or `only_theirs`.
    pub direction: &'static str,
}

/// Found by ours alone.
pub const ONLY_OURS: &str = "only_ours";
/// Found by theirs alone.
pub const ONLY_THEIRS: &str = "only_theirs";
/// In recorded events.
pub const RECORDED: &str = "recorded";
/// In events written from the rules.
pub const WRITTEN: &str = "written";

/// Why the engines differ. In all of these the specification is with ours.
const CAUSES: [&str; 6] = [
    // Theirs holds `|endswith` with wildcards at the text's beginning, and `|startswith` at its end.
    "wildcard_anchor",
    // Their `*` and `?` stand for no line break.
    "newline",
    // Their `|windash` replaces `-` only.
    "windash",
    // Their `'|all'` of keywords compares whole values.
    "keyword_all",
    // Their keywords that are numbers are never found.
    "number_keyword",
    // Their `|base64offset` keeps a last character that also holds bits of what follows.
    "base64_tail",
];
/// Who is right.
const RIGHT: [&str; 4] = ["ours", "theirs", "both", "neither"];

/// The adjudicated differences in events of one source, each with how many events show it.
///
/// # Panics
/// If a line is not as the table's head says.
pub fn adjudicated(source: &str) -> BTreeMap<Difference, usize> {
    let mut table = BTreeMap::new();
    for line in include_str!("adjudicated.tsv").lines().filter(|line| !line.starts_with('#')) {
        let columns: Vec<&str> = line.split('\t').collect();
        let [of, rule, direction, count, cause, why, right] = columns[..] else { panic!("not seven columns: {line}") };
        assert!([RECORDED, WRITTEN].contains(&of), "{line}");
        if of != source {
            continue;
        }
        let direction = [ONLY_OURS, ONLY_THEIRS].into_iter().find(|known| *known == direction).expect(line);
        assert!(CAUSES.contains(&cause) && why.ends_with('.') && RIGHT.contains(&right), "{line}");
        let before = table.insert(Difference { rule: rule.to_owned(), direction }, count.parse().expect(line));
        assert!(before.is_none(), "twice in the table: {line}");
    }
    table
}

/// What the table and a run do not agree on, for people.
pub fn disagreements(table: &BTreeMap<Difference, usize>, found: &BTreeMap<Difference, usize>) -> Vec<String> {
    let mut all: Vec<&Difference> = table.keys().chain(found.keys()).collect();
    all.sort();
    all.dedup();
    let words = all.into_iter().filter_map(|difference| {
        let (adjudicated, found) = (table.get(difference), found.get(difference));
        let Difference { rule, direction } = difference;
        match (adjudicated, found) {
            (None, Some(found)) => Some(format!("{rule}\t{direction}\t{found}: not adjudicated")),
            (Some(_), None) => Some(format!("{rule}\t{direction}: in the table, but occurs no more")),
            (Some(said), Some(found)) if said != found => {
                Some(format!("{rule}\t{direction}: {said} in the table, {found} found"))
            }
            _ => None,
        }
    });
    words.collect()
}
