//! A written time → an instant, by the source's clock. Lines of one second share one calculation.

use shieldwall_schema::Timestamp;

use crate::clock::Clock;
use crate::text::stamp::Stamp;

/// How far behind a year's first line a line of 31 December may stand and still be one of the old year's stragglers:
/// about forty lines. Lines of several hosts or threads get into one file a little out of order.
pub(crate) const STRAGGLER_BYTES: u64 = 4096;

/// Turns stamps into instants.
pub(crate) struct Stamper<'a> {
    clock: &'a Clock,
    /// Whether the clock was settled for lines without a year. If not, such lines have no time.
    years: bool,
    last: Option<(Stamp, i32, Option<Timestamp>)>,
}

impl<'a> Stamper<'a> {
    /// A stamper for one source.
    pub(crate) fn new(clock: &'a Clock, years: bool) -> Self {
        Self { clock, years, last: None }
    }

    /// The instant of `stamp` on the line at `offset`; `None` if there is no such time, or its year cannot be known.
    pub(crate) fn time(&mut self, stamp: &Stamp, offset: u64) -> Option<Timestamp> {
        let year = match stamp.year {
            Some(year) => year,
            None if self.years => self.year_without(stamp, offset),
            None => return None,
        };
        let whole = Stamp { nanos: 0, ..*stamp };
        let base = match self.last {
            Some((last, last_year, time)) if last == whole && last_year == year => time,
            _ => {
                let time = self.instant(&whole, year);
                self.last = Some((whole, year, time));
                time
            }
        };
        base?.nanos().checked_add(i64::from(stamp.nanos)).map(Timestamp::from_nanos)
    }

    fn instant(&self, stamp: &Stamp, year: i32) -> Option<Timestamp> {
        let [month, day, hour, minute, second] =
            [stamp.month, stamp.day, stamp.hour, stamp.minute, stamp.second].map(u32::from);
        match stamp.offset {
            Some(offset) => Timestamp::from_civil(year, month, day, hour, minute, second, 0, offset),
            None => self.clock.zone().instant(year, month, day, hour, minute, second, 0),
        }
    }

    fn year_without(&self, stamp: &Stamp, offset: u64) -> i32 {
        let year = self.clock.year_at(offset);
        if (stamp.month, stamp.day) == (12, 31) {
            // Either the year has not turned nearby, or the line belongs to the one before.
            return self.clock.year_at(offset.saturating_sub(STRAGGLER_BYTES));
        }
        year
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Lacks, Survey, TimePolicy};
    use crate::text::stamp;

    fn at(stamper: &mut Stamper<'_>, text: &str, offset: u64) -> String {
        let (stamp, _) = stamp::bsd(text.as_bytes()).or_else(|| stamp::iso(text.as_bytes())).unwrap();
        stamper.time(&stamp, offset).map_or("none".to_owned(), |time| time.to_string())
    }

    #[test]
    fn years_turn_where_the_survey_says_and_stragglers_stay_in_the_old_one() {
        let survey = Survey { rollovers: vec![10_000], last: Some((1, 2, 0, 0, 0)) };
        let policy = TimePolicy { year: Some(2025), ..TimePolicy::default() };
        let (clock, _) = Clock::settle(Lacks { year: true, zone: true }, &survey, &policy);
        let mut stamper = Stamper::new(&clock, true);
        for (text, offset, expected) in [
            ("Dec 31 23:59:59", 9_000, "2024-12-31T23:59:59Z"),
            ("Jan  1 00:00:00", 10_000, "2025-01-01T00:00:00Z"),
            ("Dec 31 23:59:59", 10_100, "2024-12-31T23:59:59Z"),
            ("Dec 31 23:59:59.5", 90_000, "2025-12-31T23:59:59.500Z"),
            ("Feb 29 00:00:00", 90_000, "none"),
            ("Feb 29 00:00:00", 9_000, "2024-02-29T00:00:00Z"),
            ("2026-03-10T03:12:00+01:00", 0, "2026-03-10T02:12:00Z"),
            ("2026-13-10T03:12:00+01:00", 0, "none"),
        ] {
            assert_eq!(at(&mut stamper, text, offset), expected, "{text}");
        }
    }

    #[test]
    fn a_year_that_was_never_settled_is_no_year() {
        let clock = Clock::default();
        assert_eq!(at(&mut Stamper::new(&clock, false), "Mar 10 03:12:00", 0), "none");
    }
}
