//! Event times as JSON logs write them, read by hand without allocation.
//!
//! | form | example |
//! |---|---|
//! | RFC 3339 and its loose kin | `2026-01-02T03:04:05.678+02:00`, `2026-01-02 03:04:05,678`, `2026/01/02 03:04` |
//! | epoch in s, ms, µs or ns, by magnitude | `1767323045`, `1767323045678`, `1300475167.096535` |
//! | Microsoft JSON date | `/Date(1767323045678)/` |
//! | United States, 12 or 24 hours | `01/02/2026 03:04:05 PM` |
//! | Common Log Format | `02/Jan/2026:03:04:05 +0000` |
//!
//! What must stay true: a text is read wholly or not at all; an impossible date is no time, never a neighbouring one.

use shieldwall_schema::{Timestamp, Zone};

/// A time as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// With its zone.
    Instant(Timestamp),
    /// Without a zone.
    Civil(Civil),
}

/// A wall-clock time without a zone; not yet checked against the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Civil {
    year: i32,
    month: u32,
    day: u32,
    hour: u32,
    minute: u32,
    second: u32,
    nanos: u32,
}

impl Moment {
    /// The instant, with `zone` where the text has none; `None` for an impossible date.
    pub(crate) fn instant(self, zone: &Zone) -> Option<Timestamp> {
        match self {
            Self::Instant(time) => Some(time),
            Self::Civil(c) => zone.instant(c.year, c.month, c.day, c.hour, c.minute, c.second, c.nanos),
        }
    }
}

/// 1980-01-01: epochs below it are taken for counters or damage. No computer log that we read is older.
const EPOCH_SECONDS_MIN: i64 = 315_532_800;
/// Epochs in seconds end here (2286-11-20); larger numbers are milliseconds, and so on by thousands.
const EPOCH_SECONDS_END: i64 = 10_000_000_000;

/// Reads a time; `None` if the text has none of the forms, or a number is in no plausible range.
pub(crate) fn parse(text: &str) -> Option<Moment> {
    let bytes = text.trim_ascii().as_bytes();
    let bytes = bytes.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]")).unwrap_or(bytes);
    match (bytes.get(..5)?, bytes) {
        ([b'/', b'D', b'a', b't', b'e'], _) => microsoft(bytes),
        ([_, _, _, _, b'-' | b'/'], _) => year_first(bytes),
        ([_, b'/', ..] | [_, _, b'/', ..], _) if bytes.iter().skip(3).any(u8::is_ascii_alphabetic) => {
            common_log(bytes).or_else(|| month_first(bytes))
        }
        ([_, b'/', ..] | [_, _, b'/', ..], _) => month_first(bytes),
        _ => epoch(bytes),
    }
}

/// A cursor over ASCII.
struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    fn eat(&mut self, wanted: &[u8]) -> bool {
        match self.0 {
            [first, rest @ ..] if wanted.contains(first) => {
                self.0 = rest;
                true
            }
            _ => false,
        }
    }

    /// `min` to `max` digits as a number; `max` is at most 9.
    fn number(&mut self, min: usize, max: usize) -> Option<u32> {
        let mut value = 0u32;
        let mut count = 0;
        while let (true, [digit @ b'0'..=b'9', rest @ ..]) = (count < max, self.0) {
            value = value * 10 + u32::from(digit - b'0');
            count += 1;
            self.0 = rest;
        }
        (count >= min).then_some(value)
    }

    /// Digits after a decimal mark as nanoseconds; more than nine are cut.
    fn fraction(&mut self) -> Option<u32> {
        if !self.eat(b".,") {
            return Some(0);
        }
        let mut value = 0u32;
        let mut count = 0;
        while let [digit @ b'0'..=b'9', rest @ ..] = self.0 {
            if count < 9 {
                value = value * 10 + u32::from(digit - b'0');
            }
            count += 1;
            self.0 = rest;
        }
        (count > 0).then(|| (count..9).fold(value, |value, _| value * 10))
    }

    /// `Z`, `UTC`, `GMT`, `+02:00`, `-0530`, `+02`, behind an optional space; `Ok(None)` at the end of the text.
    fn zone(&mut self) -> Result<Option<i32>, ()> {
        while self.eat(b" ") {}
        match self.0 {
            [] => return Ok(None),
            [b'Z' | b'z'] => return Ok(Some(0)),
            word if word.eq_ignore_ascii_case(b"UTC") || word.eq_ignore_ascii_case(b"GMT") => return Ok(Some(0)),
            _ => {}
        }
        let sign = if self.eat(b"+") {
            1
        } else if self.eat(b"-") {
            -1
        } else {
            return Err(());
        };
        let hours = self.number(2, 2).ok_or(())?;
        let minutes = if self.eat(b":") || self.peek().is_some() { self.number(2, 2).ok_or(())? } else { 0 };
        // 18 hours, as in `shieldwall_schema::time::parse_offset`.
        if hours > 18 || minutes > 59 || !self.0.is_empty() {
            return Err(());
        }
        Ok(Some(sign * (hours as i32 * 3600 + minutes as i32 * 60)))
    }

    /// What follows the date: time, fraction, zone, end.
    fn clock(&mut self, date: (i32, u32, u32)) -> Option<Moment> {
        let (year, month, day) = date;
        let mut civil = Civil { year, month, day, hour: 0, minute: 0, second: 0, nanos: 0 };
        if self.eat(b"Tt ") {
            civil.hour = self.number(2, 2)?;
            if !self.eat(b":") {
                return None;
            }
            civil.minute = self.number(2, 2)?;
            if self.eat(b":") {
                civil.second = self.number(2, 2)?;
                civil.nanos = self.fraction()?;
            }
        }
        let offset = self.zone().ok()?;
        settle(civil, offset)
    }
}

fn settle(c: Civil, offset: Option<i32>) -> Option<Moment> {
    let checked = |offset| Timestamp::from_civil(c.year, c.month, c.day, c.hour, c.minute, c.second, c.nanos, offset);
    match offset {
        Some(offset) => checked(offset).map(Moment::Instant),
        // The calendar is checked here already, so that a zone never turns an impossible date into a possible one.
        None => checked(0).map(|_| Moment::Civil(c)),
    }
}

/// `2026-01-02T03:04:05Z` and its kin.
fn year_first(bytes: &[u8]) -> Option<Moment> {
    let mut cursor = Cursor(bytes);
    let year = cursor.number(4, 4)? as i32;
    let mark = cursor.peek()?;
    if !cursor.eat(b"-/") {
        return None;
    }
    let month = cursor.number(1, 2)?;
    if !cursor.eat(&[mark]) {
        return None;
    }
    let day = cursor.number(1, 2)?;
    cursor.clock((year, month, day))
}

/// `1/2/2026 3:04:05.678 PM`; without AM or PM the hours count to 24.
fn month_first(bytes: &[u8]) -> Option<Moment> {
    let mut cursor = Cursor(bytes);
    let month = cursor.number(1, 2)?;
    let day = cursor.eat(b"/").then(|| cursor.number(1, 2))??;
    let year = cursor.eat(b"/").then(|| cursor.number(4, 4))?? as i32;
    if !cursor.eat(b" ") {
        return None;
    }
    let hour = cursor.number(1, 2)?;
    let minute = cursor.eat(b":").then(|| cursor.number(2, 2))??;
    let second = if cursor.eat(b":") { cursor.number(2, 2)? } else { 0 };
    let nanos = cursor.fraction()?;
    let mut civil = Civil { year, month, day, hour, minute, second, nanos };
    while cursor.eat(b" ") {}
    let half = match cursor.0 {
        [half @ (b'A' | b'a' | b'P' | b'p'), b'M' | b'm', rest @ ..] => {
            cursor.0 = rest;
            Some(half.to_ascii_uppercase())
        }
        _ => None,
    };
    if let Some(half) = half {
        if !(1..=12).contains(&hour) {
            return None;
        }
        civil.hour = hour % 12 + if half == b'P' { 12 } else { 0 };
    }
    let offset = cursor.zone().ok()?;
    settle(civil, offset)
}

/// `02/Jan/2026:03:04:05 +0000`.
fn common_log(bytes: &[u8]) -> Option<Moment> {
    const MONTHS: [&[u8; 3]; 12] =
        [b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"];
    let mut cursor = Cursor(bytes);
    let day = cursor.number(1, 2)?;
    if !cursor.eat(b"/") {
        return None;
    }
    let (name, rest) = cursor.0.split_first_chunk::<3>()?;
    let month = MONTHS.iter().position(|month| **month == name.to_ascii_lowercase().as_slice())? as u32 + 1;
    cursor.0 = rest;
    let year = cursor.eat(b"/").then(|| cursor.number(4, 4))?? as i32;
    let hour = cursor.eat(b": ").then(|| cursor.number(2, 2))??;
    let minute = cursor.eat(b":").then(|| cursor.number(2, 2))??;
    let second = cursor.eat(b":").then(|| cursor.number(2, 2))??;
    let nanos = cursor.fraction()?;
    let offset = cursor.zone().ok()?;
    settle(Civil { year, month, day, hour, minute, second, nanos }, offset)
}

/// `/Date(1767323045678)/`, an offset behind the number is for display only.
fn microsoft(bytes: &[u8]) -> Option<Moment> {
    let inner = bytes.strip_prefix(b"/Date(")?.strip_suffix(b")/")?;
    let end = inner.iter().skip(1).position(|byte| matches!(byte, b'+' | b'-')).map_or(inner.len(), |at| at + 1);
    let millis: i64 = std::str::from_utf8(inner.get(..end)?).ok()?.parse().ok()?;
    Timestamp::from_seconds(millis.div_euclid(1000), millis.rem_euclid(1000) as u32 * 1_000_000).map(Moment::Instant)
}

/// Digits, with a fraction only where they are seconds or milliseconds.
fn epoch(bytes: &[u8]) -> Option<Moment> {
    let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 || digits > 19 {
        return None;
    }
    let whole: i64 = std::str::from_utf8(bytes.get(..digits)?).ok()?.parse().ok()?;
    let mut rest = Cursor(bytes.get(digits..)?);
    let nanos = rest.fraction()?;
    if !rest.0.is_empty() {
        return None;
    }
    let mut scale = 1i64;
    for _ in 0..4 {
        // The largest scale is 10⁹; its end would not fit and is not needed.
        let end = EPOCH_SECONDS_END.saturating_mul(scale);
        if (EPOCH_SECONDS_MIN * scale..end).contains(&whole) {
            let below = (whole % scale) as u32 * (1_000_000_000 / scale) as u32 + nanos / scale as u32;
            return Timestamp::from_seconds(whole / scale, below).map(Moment::Instant);
        }
        scale *= 1000;
    }
    None
}

/// Whether a text is an RFC 3339 time in UTC already, so that nothing is lost by showing only the instant.
pub(crate) fn is_utc_rfc3339(text: &str) -> bool {
    matches!(text.as_bytes(), [_, _, _, _, b'-', _, _, b'-', _, _, b'T', .., b'Z'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let got = match parse(text) {
            Some(Moment::Instant(time)) => time.to_string(),
            Some(civil @ Moment::Civil(_)) => {
                format!("local {}", civil.instant(&Zone::UTC).map(|time| time.to_string()).unwrap_or_default())
            }
            None => "none".to_owned(),
        };
        assert_eq!(got, expected, "{text}");
    }

    #[test]
    fn the_known_forms_are_read() {
        for (text, expected) in [
            ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"),
            ("2026-01-02T03:04:05.1234567Z", "2026-01-02T03:04:05.123456700Z"),
            ("2026-01-02T03:04:05.678+02:00", "2026-01-02T01:04:05.678Z"),
            ("2022-02-08 09:23:37+11:00", "2022-02-07T22:23:37Z"),
            ("2026-01-02 03:04:05 UTC", "2026-01-02T03:04:05Z"),
            ("2026-01-02 03:04:05 -0530", "2026-01-02T08:34:05Z"),
            ("2026-01-02 03:04:05.678", "local 2026-01-02T03:04:05.678Z"),
            ("2026-01-02 03:04:05,678", "local 2026-01-02T03:04:05.678Z"),
            ("2026/01/02 03:04", "local 2026-01-02T03:04:00Z"),
            ("1767323045", "2026-01-02T03:04:05Z"),
            ("1767323045678", "2026-01-02T03:04:05.678Z"),
            ("1767323045678901", "2026-01-02T03:04:05.678901Z"),
            ("1767323045678901234", "2026-01-02T03:04:05.678901234Z"),
            ("1300475167.096535", "2011-03-18T19:06:07.096535Z"),
            ("/Date(1767323045678)/", "2026-01-02T03:04:05.678Z"),
            ("/Date(1767323045678+0200)/", "2026-01-02T03:04:05.678Z"),
            ("01/02/2026 03:04:05 PM", "local 2026-01-02T15:04:05Z"),
            ("1/2/2026 12:04:05.5 AM", "local 2026-01-02T00:04:05.500Z"),
            ("01/02/2026 23:04:05", "local 2026-01-02T23:04:05Z"),
            ("02/Jan/2026:03:04:05 +0100", "2026-01-02T02:04:05Z"),
            ("[02/Jan/2026:03:04:05 +0000]", "2026-01-02T03:04:05Z"),
        ] {
            check(text, expected);
        }
    }

    #[test]
    fn impossible_times_are_none() {
        for text in [
            "0000-00-00T00:00:00Z",
            "9999-12-31T23:59:60Z",
            "2026-02-30T00:00:00Z",
            "2026-02-30 00:00:00",
            "-1",
            "253402300800",
            "1e18",
            "2026-01-01T00:00:00+99:99",
            "",
            "0",
            "2026-01-01T00:00:00Zx",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T25:00:00Z",
            "13/40/2026 01:00:00 AM",
            "01/02/2026 13:00:00 PM",
            "02/Foo/2026:03:04:05 +0000",
            "/Date(99999999999999999)/",
            "99999999999999999999",
            "T",
            "ééééééé",
        ] {
            check(text, "none");
        }
    }
}
