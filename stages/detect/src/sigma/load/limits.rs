//! Every limit of rule loading, with its reason. Reaching one refuses the file or the rule and says so.
//!
//! Measures beside the limits are of SigmaHQ of 2026-08-05 (4,039 files).

/// Files in one pack. SigmaHQ has 4,039.
pub const FILES_MAX: usize = 100_000;

/// Folders inside folders in a pack. SigmaHQ nests 5 deep.
pub const FOLDER_DEPTH_MAX: usize = 32;

/// Bytes of one rule file. The largest of SigmaHQ, a list of driver hashes, has 295,078.
pub const FILE_BYTES_MAX: usize = 4 << 20;

/// Bytes of one pack once unpacked. SigmaHQ has 6 MB.
pub const PACK_BYTES_MAX: usize = 256 << 20;

/// Depth of a YAML document. A rule needs about 7: document, detection, selection, list, map, values.
pub const YAML_DEPTH_MAX: usize = 32;

/// Nodes of one YAML file, those that aliases and `action: global` repeat included, and one more for every
/// [`YAML_NODE_BYTES`] of text: what stops an alias bomb. The largest file has 4,475.
pub const YAML_NODES_MAX: usize = 200_000;

/// Bytes of text that count as one more node.
pub const YAML_NODE_BYTES: usize = 64;

/// Documents in one file.
pub const DOCUMENTS_MAX: usize = 10_000;

/// Bytes of one value in a selection. The longest of SigmaHQ has 1,671 characters.
pub const VALUE_BYTES_MAX: usize = 32 << 10;

/// Bytes of one regular expression.
pub const REGEX_BYTES_MAX: usize = 8 << 10;

/// Bytes of a compiled regular expression's program (`regex::RegexBuilder::size_limit`); matching must allow as much. The
/// largest of SigmaHQ, which holds `\w{1,64}` with all of Unicode's letters, needs between 3 and 4 MiB.
pub const REGEX_PROGRAM_BYTES_MAX: usize = 8 << 20;

/// Values that one written value may become (`windash`, `base64offset`, `expand`). `windash` makes 5 of each dash:
/// 625 for four dashes; SigmaHQ has two at most.
pub const VARIANTS_MAX: usize = 1_000;

/// Bytes of all values that one written value may become.
pub const VARIANT_BYTES_MAX: usize = 1 << 20;

/// Comparisons in one rule, repetitions by the condition included. The largest file has 4,475
/// YAML nodes in all.
pub const ATOMS_MAX: usize = 50_000;

/// Selections in one rule.
pub const SELECTIONS_MAX: usize = 1_000;

/// Bytes of one condition.
pub const CONDITION_BYTES_MAX: usize = 16 << 10;

/// Depth of parentheses and `not`s in a condition.
pub const CONDITION_DEPTH_MAX: usize = 32;

/// Combinations that `N of` may become: C(n, N) products.
pub const COMBINATIONS_MAX: usize = 500;

/// Filters on one rule.
pub const FILTERS_MAX: usize = 64;

/// Comparisons that all filters together may add to rules: a filter may name any number of rules.
pub const FILTER_ATOMS_MAX: usize = 2_000_000;

/// Values of one user list.
pub const LIST_VALUES_MAX: usize = 1_000;

/// Depth of a formula: what conditions, selections and filters together can reach, with room.
pub const EXPR_DEPTH_MAX: usize = 256;

/// Bytes of a compiled set. SigmaHQ's has 4.4 MB.
pub const COMPILED_BYTES_MAX: usize = 512 << 20;

/// Rules that one correlation may name.
pub const CORRELATION_RULES_MAX: usize = 256;

/// Entries of one correlation's `aliases`.
pub const CORRELATION_ALIASES_MAX: usize = 1_024;

/// Fields in `group-by`, and in a condition's `field`: a group's key is made for each match.
pub const CORRELATION_FIELDS_MAX: usize = 8;

/// The highest lower bound of an `event_count`: so many matches of one group must be kept to know when it is reached.
pub const CORRELATION_COUNT_MAX: u32 = 100_000;

/// The highest lower bound of a `value_count`: so many values of one group must be kept.
pub const CORRELATION_VALUES_MAX: u32 = 10_000;

/// Days of the longest `timespan`.
pub const CORRELATION_TIMESPAN_DAYS_MAX: i64 = 366;

/// Correlations on correlations, one on the other.
pub const CORRELATION_DEPTH_MAX: usize = 8;
