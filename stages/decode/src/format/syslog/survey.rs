//! Where the year turns in a log without years: one pass over line beginnings.
//!
//! The year turns where a line's date lies more than a month before the latest one of the year so far. Two things look
//! like that and are not: stragglers of 31 December right behind the first lines of January (see
//! [`STRAGGLER_BYTES`](crate::text::stamper::STRAGGLER_BYTES)), and hosts without a battery that write 1 January until
//! they have fetched the time. The second kind is known by the date's return to where it was.
//!
//! Costs one `memchr` and a look at about 20 bytes a line.

use std::io::{self, BufRead};

use memchr::memchr;

use crate::clock::Survey;
use crate::text::stamp::{self, Stamp};
use crate::text::stamper::STRAGGLER_BYTES;

/// Bytes of a line's beginning that hold priority and time: `<191>` and `Mmm dd hh:mm:ss`.
const FRONT_BYTES: usize = 20;

/// How many days a line may lie behind the latest one and still be of the same year. Delayed delivery (a host that was
/// off the net) takes hours or days; logs are rotated after weeks.
const DISORDER_DAYS: i32 = 31;

/// Within how many bytes a date must return for the first of January to have been a host's unset clock.
const UNSET_CLOCK_BYTES: u64 = 64 * 1024;

/// Most turns of the year that are kept. No log spans a thousand years; more would be a hostile file asking for memory.
const ROLLOVERS_MAX: usize = 1000;

/// Reads a whole source.
pub(crate) fn survey(source: &mut dyn BufRead) -> io::Result<Survey> {
    let mut years = Years::default();
    let mut front = [0_u8; FRONT_BYTES];
    let mut kept = 0;
    let mut start = 0_u64;
    // Whether the bytes that come next still belong to the line's front.
    let mut at_front = true;
    let mut offset = 0_u64;
    loop {
        let buffer = source.fill_buf()?;
        if buffer.is_empty() {
            break;
        }
        let length = buffer.len();
        let mut rest = buffer;
        while !rest.is_empty() {
            let end = memchr(b'\n', rest);
            let line = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
            if at_front {
                if kept == 0 {
                    start = offset + (length - rest.len()) as u64;
                }
                if kept == 0 && (end.is_some() || line.len() >= FRONT_BYTES) {
                    years.line(line, start);
                    at_front = false;
                } else {
                    // The front runs over the buffer's end.
                    for (to, from) in front.iter_mut().skip(kept).zip(line) {
                        *to = *from;
                        kept += 1;
                    }
                    if end.is_some() || kept == FRONT_BYTES {
                        years.line(front.get(..kept).unwrap_or_default(), start);
                        at_front = false;
                    }
                }
            }
            match end {
                Some(end) => {
                    rest = rest.get(end + 1..).unwrap_or_default();
                    at_front = true;
                    kept = 0;
                }
                None => rest = &[],
            }
        }
        source.consume(length);
        offset += length as u64;
    }
    if at_front && kept > 0 {
        years.line(front.get(..kept).unwrap_or_default(), start);
    }
    Ok(years.survey)
}

/// The years seen so far.
#[derive(Default)]
struct Years {
    survey: Survey,
    /// The latest day of the current year.
    latest: i32,
    /// The latest day before the last turn, to know an unset clock by.
    before: i32,
    /// The text of the last time: lines of one second are judged once.
    last: [u8; 15],
}

/// A day within a year, all months counted as 31 days: good enough to compare with.
fn day_of(stamp: &Stamp) -> i32 {
    i32::from(stamp.month) * 31 + i32::from(stamp.day)
}

/// 1 January and 25 December as [`day_of`] counts.
const NEW_YEAR: i32 = 31 + 1;
const CHRISTMAS: i32 = 12 * 31 + 25;

impl Years {
    fn line(&mut self, front: &[u8], offset: u64) {
        let front = match front.first() {
            Some(b'A'..=b'Z') => front,
            Some(b'<') => memchr(b'>', front).and_then(|at| front.get(at + 1..)).unwrap_or_default(),
            _ => return,
        };
        if front.get(..15).is_some_and(|text| text == self.last) {
            return;
        }
        let Some((stamp, _)) = stamp::bsd(front).filter(|(stamp, _)| stamp.year.is_none() && stamp.day <= 31) else {
            return;
        };
        if let Some(text) = front.get(..15).and_then(|text| text.try_into().ok()) {
            self.last = text;
        }
        self.day(day_of(&stamp), offset);
        let [month, day, hour, minute, second] =
            [stamp.month, stamp.day, stamp.hour, stamp.minute, stamp.second].map(u32::from);
        self.survey.last = Some((month, day, hour, minute, second));
    }

    fn day(&mut self, day: i32, offset: u64) {
        let turned = self.survey.rollovers.last().copied();
        let since = turned.map_or(u64::MAX, |turn| offset.saturating_sub(turn));
        if day == 12 * 31 + 31 && since < STRAGGLER_BYTES {
            return;
        }
        let returned = self.before < CHRISTMAS && (self.before - 1..=self.before + DISORDER_DAYS).contains(&day);
        if self.latest == NEW_YEAR && since < UNSET_CLOCK_BYTES && returned {
            self.survey.rollovers.pop();
            self.latest = day.max(self.before);
        } else if day < self.latest - DISORDER_DAYS && self.survey.rollovers.len() < ROLLOVERS_MAX {
            self.survey.rollovers.push(offset);
            self.before = self.latest;
            self.latest = day;
        } else {
            self.latest = self.latest.max(day);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rollovers as line numbers.
    fn turns(lines: &[&str]) -> Vec<usize> {
        let mut text = String::new();
        let mut offsets = Vec::new();
        for line in lines {
            offsets.push(text.len() as u64);
            text.push_str(line);
            text.push('\n');
        }
        let whole = survey(&mut text.as_bytes()).unwrap();
        // However the source is cut into buffers, the answer is the same.
        for size in 1..40 {
            let mut cut = io::BufReader::with_capacity(size, text.as_bytes());
            assert_eq!(survey(&mut cut).unwrap(), whole, "buffer of {size}");
        }
        whole.rollovers.iter().map(|turn| offsets.iter().position(|offset| offset == turn).unwrap()).collect()
    }

    #[test]
    fn the_year_turns_where_dates_fall_far_back_and_nowhere_else() {
        for (name, lines, expected) in [
            ("december to january", &["Dec 31 23:59:59 h a: x", "Jan  1 00:00:00 h a: x"][..], &[1][..]),
            ("with a priority", &["<13>Dec 31 23:59:59 h a: x", "<13>Jan  1 00:00:00 h a: x"], &[1]),
            ("two turns", &["Dec 1 00:00:00 h", "Jan 2 00:00:00 h", "Nov 2 00:00:00 h", "Feb 2 00:00:00 h"], &[1, 3]),
            ("disorder of minutes", &["Mar 10 10:00:00 h", "Mar 10 09:58:00 h", "Mar 10 10:00:01 h"], &[]),
            ("disorder of days", &["Mar 10 10:00:00 h", "Mar  1 10:00:00 h", "Feb 20 10:00:00 h"], &[]),
            ("month end", &["Mar 31 10:00:00 h", "Mar 1 10:00:00 h", "Apr 1 00:00:00 h"], &[]),
            (
                "stragglers",
                &[
                    "Dec 31 23:59:59 h",
                    "Jan  1 00:00:00 h",
                    "Dec 31 23:59:58 h",
                    "Jan  1 00:00:01 h",
                    "Jan 2 00:00:00 h",
                ],
                &[1],
            ),
            (
                "a clock that was not set",
                &[
                    "Jun 14 10:00:00 h",
                    "Jan  1 00:00:03 h",
                    "Jan  1 00:00:09 h",
                    "Jun 14 10:02:00 h",
                    "Jun 15 00:00:00 h",
                ],
                &[],
            ),
            ("june to january for good", &["Jun 14 10:00:00 h", "Jan  1 00:00:03 h", "Feb 1 00:00:00 h"], &[1]),
            ("years written", &["Dec 31 2024 23:59:59 h", "Jan  1 2025 00:00:00 h"], &[]),
            ("no dates", &["hello", "", "\tworld", "MMM 22 07:54:32 h", "<99"], &[]),
        ] {
            assert_eq!(turns(lines), expected, "{name}");
        }
    }

    #[test]
    fn the_last_date_is_kept_even_without_a_line_end() {
        let last = |text: &str| survey(&mut text.as_bytes()).unwrap().last;
        assert_eq!(last("Mar  5 03:12:09 h a\nrest\nApr  6 04:13:10"), Some((4, 6, 4, 13, 10)));
        assert_eq!(last("nothing"), None);
    }

    #[test]
    fn a_hostile_file_gets_no_more_turns_than_the_limit() {
        let text = "Dec  1 00:00:00 h\nMar  1 00:00:00 h\n".repeat(2 * ROLLOVERS_MAX);
        assert_eq!(survey(&mut text.as_bytes()).unwrap().rollovers.len(), ROLLOVERS_MAX);
    }
}
