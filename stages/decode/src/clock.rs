//! Years and zones that a format lacks: inferred from the sequence of lines and from neighbours, or taken from flags,
//! never from the clock or a file's modification time. Each assumption is stated.

use serde::{Deserialize, Serialize};
use shieldwall_schema::{Timestamp, Zone};

/// What the user said and what neighbours in the same scan show.
#[derive(Clone, Debug, Default)]
pub struct TimePolicy {
    /// `--assume-year`: the year of a source's *last* line.
    pub year: Option<i32>,
    /// `--assume-tz`.
    pub zone: Option<Zone>,
    /// When neighbours with full times usually end, for the year.
    pub neighbour_latest: Option<Timestamp>,
    /// The one UTC offset (seconds east) that neighbours in the same folder write, if they agree.
    pub neighbour_offset: Option<i32>,
}

/// What the times of a source lack.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lacks {
    /// Lines have no year.
    pub year: bool,
    /// Lines have no zone.
    pub zone: bool,
}

/// Where the year turns in a source without years.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// Byte offsets of the first lines of each new year, ascending.
    pub rollovers: Vec<u64>,
    /// Month, day, hour, minute, second of the last dated line.
    pub last: Option<(u32, u32, u32, u32, u32)>,
}

/// Something about a source's times that was assumed, not read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "assumed", rename_all = "snake_case")]
pub enum Assumption {
    /// The year of the last line.
    Year {
        /// The year.
        year: i32,
        /// How it was found.
        from: AssumedFrom,
        /// How often the year turns within the source.
        rollovers: usize,
    },
    /// The zone.
    Zone {
        /// The zone, as text.
        zone: String,
        /// How it was found.
        from: AssumedFrom,
    },
}

/// Where an assumption comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssumedFrom {
    /// A flag of the user.
    Flag,
    /// Other sources of the same scan.
    Neighbours,
    /// Nothing: the default (UTC; a placeholder year, see [`PLACEHOLDER_YEAR`]).
    Default,
}

/// The year that is used where nothing tells it. Order and distances hold; the date must not be shown as known.
pub const PLACEHOLDER_YEAR: i32 = 1970;

/// How the times of one source are read.
#[derive(Clone, Debug)]
pub struct Clock {
    zone: Zone,
    first_year: i32,
    rollovers: Vec<u64>,
    year_known: bool,
}

impl Default for Clock {
    fn default() -> Self {
        Self { zone: Zone::UTC, first_year: PLACEHOLDER_YEAR, rollovers: Vec::new(), year_known: true }
    }
}

impl Clock {
    /// Settles what a source lacks, and says what was assumed.
    pub fn settle(lacks: Lacks, survey: &Survey, policy: &TimePolicy) -> (Self, Vec<Assumption>) {
        let mut assumptions = Vec::new();
        let mut clock = Self::default();
        if lacks.zone {
            let (zone, from) = match (&policy.zone, policy.neighbour_offset) {
                (Some(zone), _) => (zone.clone(), AssumedFrom::Flag),
                (None, Some(offset)) => (Zone::Fixed(offset), AssumedFrom::Neighbours),
                (None, None) => (Zone::UTC, AssumedFrom::Default),
            };
            assumptions.push(Assumption::Zone { zone: zone.to_string(), from });
            clock.zone = zone;
        }
        if lacks.year {
            let turns = survey.rollovers.len();
            let (year, from) = match policy.year {
                Some(year) => (year, AssumedFrom::Flag),
                None => match clock.latest_fitting_year(survey, policy) {
                    Some(year) => (year, AssumedFrom::Neighbours),
                    // The first line stands in the placeholder year.
                    None => (PLACEHOLDER_YEAR.saturating_add(turns as i32), AssumedFrom::Default),
                },
            };
            clock.year_known = from != AssumedFrom::Default;
            clock.first_year = year.saturating_sub(turns as i32);
            clock.rollovers.clone_from(&survey.rollovers);
            assumptions.push(Assumption::Year { year, from, rollovers: turns });
        }
        (clock, assumptions)
    }

    /// The year that puts the source's last line nearest to where its neighbours end: not later by more than half a year.
    fn latest_fitting_year(&self, survey: &Survey, policy: &TimePolicy) -> Option<i32> {
        const HALF_YEAR_NANOS: i64 = 183 * 86_400_000_000_000;
        let latest = policy.neighbour_latest?;
        let (month, day, hour, minute, second) = survey.last?;
        let around = latest.date().0;
        // Eight years back covers 29 February.
        (around - 8..=around + 1).rev().find(|year| {
            self.zone
                .instant(*year, month, day, hour, minute, second, 0)
                .is_some_and(|time| time.nanos() <= latest.nanos().saturating_add(HALF_YEAR_NANOS))
        })
    }

    /// The zone of times that carry none.
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// The year of a line without one, by the line's byte offset.
    pub fn year_at(&self, offset: u64) -> i32 {
        let turns = self.rollovers.partition_point(|rollover| *rollover <= offset);
        self.first_year.saturating_add(turns as i32)
    }

    /// Whether the year is known or inferred, not [`PLACEHOLDER_YEAR`].
    pub fn year_known(&self) -> bool {
        self.year_known
    }
}

/// The first UTC offset that a text log's head writes in digits, in seconds east: `03:12:00 +0200]` of access logs,
/// `03:12:00.5+02:00` of daemons. A `Z` tells nothing of the machine's own zone and does not count.
pub fn written_offset(head: &[u8]) -> Option<i32> {
    /// Bytes behind a `:` in which an offset may begin: seconds, nine fractional digits, a blank.
    const REACH: usize = 14;
    let colons = memchr::memchr_iter(b':', head);
    colons.take(4096).find_map(|colon| {
        let [s1, s2, rest @ ..] = head.get(colon + 1..)? else { return None };
        if !(s1.is_ascii_digit() && s2.is_ascii_digit()) {
            return None;
        }
        let skip = rest.iter().take(REACH).position(|byte| !matches!(byte, b'.' | b' ' | b'0'..=b'9'))?;
        let offset = rest.get(skip..)?;
        let long = offset.get(..6).filter(|text| text.get(3) == Some(&b':'));
        let text = std::str::from_utf8(long.or_else(|| offset.get(..5))?).ok()?;
        // Behind an offset comes the end of a time, not another digit.
        let next = offset.get(text.len());
        shieldwall_schema::time::parse_offset(text).filter(|_| !next.is_some_and(u8::is_ascii_digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn survey() -> Survey {
        Survey { rollovers: vec![500], last: Some((1, 10, 8, 0, 0)) }
    }

    #[test]
    fn the_flag_names_the_year_of_the_last_line() {
        let policy = TimePolicy { year: Some(2026), ..TimePolicy::default() };
        let (clock, assumptions) = Clock::settle(Lacks { year: true, zone: false }, &survey(), &policy);
        assert_eq!((clock.year_at(0), clock.year_at(500)), (2025, 2026));
        assert_eq!(assumptions, [Assumption::Year { year: 2026, from: AssumedFrom::Flag, rollovers: 1 }]);
    }

    #[test]
    fn neighbours_tell_the_nearest_year() {
        let latest = Timestamp::from_civil(2024, 1, 9, 12, 0, 0, 0, 0);
        let policy = TimePolicy { neighbour_latest: latest, ..TimePolicy::default() };
        let (clock, _) = Clock::settle(Lacks { year: true, zone: true }, &survey(), &policy);
        assert_eq!(clock.year_at(600), 2024);
        let before = Timestamp::from_civil(2023, 12, 5, 12, 0, 0, 0, 0);
        let policy = TimePolicy { neighbour_latest: before, ..TimePolicy::default() };
        let (clock, _) = Clock::settle(Lacks { year: true, zone: true }, &survey(), &policy);
        assert_eq!(clock.year_at(600), 2024, "the neighbours end a month before the turn of the year");
    }

    #[test]
    fn offsets_in_digits_are_found() {
        for (head, expected) in [
            (&b"1.2.3.4 - - [10/Mar/2026:03:12:00 +0200] \"GET / HTTP/1.1\" 200 1"[..], Some(7200)),
            (b"2026-03-10T03:12:00.123456-05:30 h a: x", Some(-19_800)),
            (b"2026-03-10T03:12:00Z h a: x", None),
            (b"Mar 10 03:12:00 h a: x -0200", None),
            (b"a:12-3456789", None),
            (b"", None),
        ] {
            assert_eq!(written_offset(head), expected, "{}", String::from_utf8_lossy(head));
        }
    }

    #[test]
    fn with_nothing_to_go_by_the_year_is_a_stated_placeholder() {
        let (clock, assumptions) = Clock::settle(Lacks { year: true, zone: true }, &survey(), &TimePolicy::default());
        assert!(!clock.year_known());
        assert_eq!(clock.year_at(0), PLACEHOLDER_YEAR);
        assert_eq!(assumptions.len(), 2);
    }
}
