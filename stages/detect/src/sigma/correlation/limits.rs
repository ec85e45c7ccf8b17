//! Every limit of correlation, with its reason. Reaching one is counted ([`super::Counts`]) or said in the firing.

/// Matches that a firing names. The rest is counted: a flood has as many as the log has lines.
pub const MEMBERS_MAX: usize = 100;

/// Groups of one correlation at a time. Beyond it the least recently seen goes. 100,000 sources at once are an attack of
/// their own, and a group that has been silent longest has least to lose.
pub const GROUPS_MAX: usize = 100_000;

/// Matches and values kept by all correlations together, about 50 to 100 bytes each.
pub const ENTRIES_MAX: usize = 2_000_000;

/// Groups that one match may belong to, where its group fields have several values.
pub const GROUPS_PER_MATCH_MAX: usize = 16;

/// Values of one field that one match may add.
pub const VALUES_PER_MATCH_MAX: usize = 256;

/// Distinct values counted in one group beyond which a firing says "at least"; more are kept where the rule asks for more.
pub const VALUES_SHOWN_MAX: usize = 1_000;

/// Numbers of one window that sums hold apart. Beyond it the two oldest become one that is as young as the younger.
pub const SUM_ENTRIES_MAX: usize = 65_536;

/// Numbers of one window that a percentile is taken of, exactly. Later ones of the window are counted, not looked at.
pub const NUMBERS_MAX: usize = 65_536;

/// Bytes of a value that are kept as they are; a longer one is known by its SHA-256.
pub const VALUE_BYTES_MAX: usize = 128;

/// Characters of a group's value that a firing shows.
pub const SHOWN_CHARS_MAX: usize = 256;
