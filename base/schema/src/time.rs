//! Event time: nanoseconds since 1970-01-01T00:00:00Z, and how a log that lacks a zone is read.
//!
//! Times come from evidence or from flags, never from the clock or a file's modification time.

use std::fmt;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// Nanoseconds since the Unix epoch, UTC. Holds the years 1678 to 2261.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Timestamp(i64);

const NANOS: i64 = 1_000_000_000;

impl Timestamp {
    /// From nanoseconds since the epoch.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// From seconds and nanoseconds since the epoch; `None` outside the range.
    pub const fn from_seconds(seconds: i64, nanos: u32) -> Option<Self> {
        match seconds.checked_mul(NANOS) {
            Some(whole) => match whole.checked_add(nanos as i64) {
                Some(sum) => Some(Self(sum)),
                None => None,
            },
            None => None,
        }
    }

    /// From a Windows FILETIME (100 ns since 1601-01-01); `None` for zero and outside the range.
    pub const fn from_filetime(filetime: u64) -> Option<Self> {
        // 11,644,473,600 s lie between 1601 and 1970.
        if filetime == 0 || filetime > i64::MAX as u64 {
            return None;
        }
        let ticks = filetime as i64 - 116_444_736_000_000_000;
        match ticks.checked_mul(100) {
            Some(nanos) => Some(Self(nanos)),
            None => None,
        }
    }

    /// From a civil time at a fixed offset east of UTC in seconds; `None` for an impossible date or time.
    ///
    /// A leap second (`second` = 60) is read as the next second.
    #[allow(clippy::too_many_arguments)]
    pub fn from_civil(
        year: i32,
        month: u32,
        day: u32,
        hour: u32,
        minute: u32,
        second: u32,
        nanos: u32,
        offset_seconds: i32,
    ) -> Option<Self> {
        if !(1..=12).contains(&month)
            || day == 0
            || day > days_in_month(year, month)
            || hour > 23
            || minute > 59
            || second > 60
            || nanos > 999_999_999
            || !(1678..=2261).contains(&year)
        {
            return None;
        }
        let seconds = days_from_civil(year, month, day) * 86_400
            + i64::from(hour) * 3600
            + i64::from(minute) * 60
            + i64::from(second)
            - i64::from(offset_seconds);
        Self::from_seconds(seconds, nanos)
    }

    /// Nanoseconds since the epoch.
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// Milliseconds since the epoch, rounded down: OCSF's `timestamp_t`.
    pub const fn millis(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Year, month and day in UTC.
    pub fn date(self) -> (i32, u32, u32) {
        civil_from_days(self.0.div_euclid(NANOS).div_euclid(86_400))
    }
}

/// RFC 3339 in UTC with as many fractional digits as are needed: none, 3, 6 or 9.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.div_euclid(NANOS);
        let nanos = self.0.rem_euclid(NANOS);
        let (year, month, day) = civil_from_days(seconds.div_euclid(86_400));
        let of_day = seconds.rem_euclid(86_400);
        write!(f, "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}", of_day / 3600, of_day / 60 % 60, of_day % 60)?;
        if nanos == 0 {
            write!(f, "Z")
        } else if nanos % 1_000_000 == 0 {
            write!(f, ".{:03}Z", nanos / 1_000_000)
        } else if nanos % 1000 == 0 {
            write!(f, ".{:06}Z", nanos / 1000)
        } else {
            write!(f, ".{nanos:09}Z")
        }
    }
}

/// Days in a month of the proleptic Gregorian calendar; `month` is 1 to 12.
pub const fn days_in_month(year: i32, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days since 1970-01-01 (H. Hinnant, "chrono-compatible low-level date algorithms").
const fn days_from_civil(year: i32, month: u32, day: u32) -> i64 {
    let year = if month <= 2 { year - 1 } else { year } as i64;
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month as i64 + 9) % 12) + 2) / 5 + day as i64 - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

const fn civil_from_days(days: i64) -> (i32, u32, u32) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year as i32, month as u32, day as u32)
}

/// The zone in which a log without one is read.
#[derive(Clone, Debug)]
pub enum Zone {
    /// A fixed offset east of UTC, in seconds.
    Fixed(i32),
    /// A zone of the IANA database, by name.
    Named(Box<TimeZone>),
}

impl Zone {
    /// UTC.
    pub const UTC: Zone = Zone::Fixed(0);

    /// Reads `UTC`, `Z`, `+02:00`, `-0530` or an IANA name such as `Europe/Berlin`.
    pub fn parse(text: &str) -> Option<Self> {
        if text.eq_ignore_ascii_case("utc") || text.eq_ignore_ascii_case("z") {
            return Some(Self::UTC);
        }
        if let Some(offset) = parse_offset(text) {
            return Some(Self::Fixed(offset));
        }
        TimeZone::get(text).ok().map(|zone| Self::Named(Box::new(zone)))
    }

    /// The instant of a civil time in this zone. In a fold the earlier instant counts, in a gap the later.
    #[allow(clippy::too_many_arguments)]
    pub fn instant(
        &self,
        year: i32,
        month: u32,
        day: u32,
        hour: u32,
        minute: u32,
        second: u32,
        nanos: u32,
    ) -> Option<Timestamp> {
        match self {
            Self::Fixed(offset) => Timestamp::from_civil(year, month, day, hour, minute, second, nanos, *offset),
            Self::Named(zone) => {
                // Checks the ranges; the leap second is carried below.
                Timestamp::from_civil(year, month, day, hour, minute, second, nanos, 0)?;
                let civil = DateTime::new(
                    i16::try_from(year).ok()?,
                    i8::try_from(month).ok()?,
                    i8::try_from(day).ok()?,
                    i8::try_from(hour).ok()?,
                    i8::try_from(minute).ok()?,
                    i8::try_from(second.min(59)).ok()?,
                    i32::try_from(nanos).ok()?,
                )
                .ok()?;
                let instant = zone.to_timestamp(civil).ok()?;
                let nanos = i64::try_from(instant.as_nanosecond()).ok()?;
                let carry = if second == 60 { NANOS } else { 0 };
                nanos.checked_add(carry).map(Timestamp)
            }
        }
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(0) => f.write_str("UTC"),
            Self::Fixed(offset) => {
                let sign = if *offset < 0 { '-' } else { '+' };
                let minutes = offset.unsigned_abs() / 60;
                write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
            }
            Self::Named(zone) => f.write_str(zone.iana_name().unwrap_or("unnamed zone")),
        }
    }
}

/// Reads `+02:00`, `-0530` or `+02` as seconds east of UTC; at most 18 hours.
pub fn parse_offset(text: &str) -> Option<i32> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'+' => (1, text.get(1..)?),
        b'-' => (-1, text.get(1..)?),
        _ => return None,
    };
    let digits: Vec<u8> = digits.bytes().filter(|b| *b != b':').collect();
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digit = |at: usize| digits.get(at).map_or(0, |d| i32::from(d - b'0'));
    let (hours, minutes) = match digits.len() {
        2 | 4 => (digit(0) * 10 + digit(1), digit(2) * 10 + digit(3)),
        _ => return None,
    };
    (hours <= 18 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn civil_times_round_trip_through_text() {
        for (text, stamp) in [
            ("1970-01-01T00:00:00Z", Timestamp::from_civil(1970, 1, 1, 0, 0, 0, 0, 0)),
            ("2024-02-29T23:59:59.500Z", Timestamp::from_civil(2024, 2, 29, 23, 59, 59, 500_000_000, 0)),
            ("1999-12-31T22:00:00.000000001Z", Timestamp::from_civil(2000, 1, 1, 0, 0, 0, 1, 7200)),
            ("2017-01-01T00:00:00Z", Timestamp::from_civil(2016, 12, 31, 23, 59, 60, 0, 0)),
        ] {
            assert_eq!(stamp.unwrap().to_string(), text);
        }
    }

    #[test]
    fn impossible_times_are_none() {
        assert_eq!(Timestamp::from_civil(2023, 2, 29, 0, 0, 0, 0, 0), None);
        assert_eq!(Timestamp::from_civil(2023, 13, 1, 0, 0, 0, 0, 0), None);
        assert_eq!(Timestamp::from_civil(99_999, 1, 1, 0, 0, 0, 0, 0), None);
        assert_eq!(Timestamp::from_filetime(0), None);
        assert_eq!(Timestamp::from_filetime(u64::MAX), None);
    }

    #[test]
    fn zones_are_read_and_applied() {
        assert_eq!(parse_offset("+02:00"), Some(7200));
        assert_eq!(parse_offset("-0530"), Some(-19_800));
        assert_eq!(parse_offset("+99:00"), None);
        let berlin = Zone::parse("Europe/Berlin").unwrap();
        assert_eq!(berlin.instant(2026, 7, 1, 12, 0, 0, 0).unwrap().to_string(), "2026-07-01T10:00:00Z");
        assert!(Zone::parse("Nowhere/Atlantis").is_none());
    }
}
