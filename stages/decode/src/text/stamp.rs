//! The ways in which text logs write a time. Shape only: whether such a day exists is for the clock to say.
//!
//! Every reader takes bytes, looks at their beginning, allocates nothing, and gives the time with its length in bytes
//! (always whole ASCII characters).

/// A time as written, with what it lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// The year, if written.
    pub year: Option<i32>,
    /// 1 to 12 if possible; as all numbers below not yet checked.
    pub month: u8,
    /// Day of the month.
    pub day: u8,
    /// Hour.
    pub hour: u8,
    /// Minute.
    pub minute: u8,
    /// Second.
    pub second: u8,
    /// Nanoseconds.
    pub nanos: u32,
    /// Seconds east of UTC, if a zone is written.
    pub offset: Option<i32>,
}

/// Where a stamp stands that is read from left to right.
#[derive(Clone, Copy)]
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn take(&mut self, wanted: u8) -> Option<()> {
        (self.peek()? == wanted).then(|| self.at += 1)
    }

    fn digit(&mut self) -> Option<u8> {
        let value = self.peek()?.wrapping_sub(b'0');
        (value < 10).then(|| {
            self.at += 1;
            value
        })
    }

    fn two(&mut self) -> Option<u8> {
        Some(self.digit()? * 10 + self.digit()?)
    }

    fn year(&mut self) -> Option<i32> {
        Some(i32::from(self.two()?) * 100 + i32::from(self.two()?))
    }

    /// `5`, ` 5`, `05` or `15`.
    fn day(&mut self) -> Option<u8> {
        if self.peek()? == b' ' {
            self.at += 1;
            return self.digit();
        }
        let first = self.digit()?;
        Some(self.digit().map_or(first, |second| first * 10 + second))
    }

    fn month(&mut self) -> Option<u8> {
        let month = month(self.bytes.get(self.at..self.at + 3)?)?;
        self.at += 3;
        Some(month)
    }

    fn clock(&mut self) -> Option<(u8, u8, u8)> {
        let hour = self.two()?;
        self.take(b':')?;
        let minute = self.two()?;
        self.take(b':')?;
        Some((hour, minute, self.two()?))
    }

    /// Nanoseconds after `.` or `,`; digits beyond the ninth are left out. Nothing written is zero.
    fn fraction(&mut self) -> u32 {
        let mut ahead = *self;
        if !matches!(ahead.peek(), Some(b'.' | b',')) {
            return 0;
        }
        ahead.at += 1;
        let (mut nanos, mut scale, mut any) = (0_u32, 100_000_000_u32, false);
        while let Some(digit) = ahead.digit() {
            nanos += u32::from(digit) * scale;
            scale /= 10;
            any = true;
        }
        if any {
            *self = ahead;
        }
        nanos
    }

    /// `Z`, `+02:00`, `-0530` or `+02`; hours to 18 (no zone is farther out).
    fn zone(&mut self) -> Option<i32> {
        let mut ahead = *self;
        let sign = match ahead.peek()? {
            b'Z' | b'z' => {
                self.at += 1;
                return Some(0);
            }
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        ahead.at += 1;
        let hours = ahead.two()?;
        let mut minutes = 0;
        let mut further = ahead;
        let colon = further.take(b':').is_some();
        if let Some(read) = further.two() {
            minutes = read;
            ahead = further;
        } else if colon {
            return None;
        }
        if hours > 18 || minutes > 59 {
            return None;
        }
        *self = ahead;
        Some(sign * (i32::from(hours) * 3600 + i32::from(minutes) * 60))
    }
}

/// A month by its English short name, as `Jan`.
pub(crate) fn month(name: &[u8]) -> Option<u8> {
    Some(match name {
        b"Jan" => 1,
        b"Feb" => 2,
        b"Mar" => 3,
        b"Apr" => 4,
        b"May" => 5,
        b"Jun" => 6,
        b"Jul" => 7,
        b"Aug" => 8,
        b"Sep" => 9,
        b"Oct" => 10,
        b"Nov" => 11,
        b"Dec" => 12,
        _ => return None,
    })
}

/// RFC 3164, section 4.1.2: `Mar  5 03:12:00`, also with a year after the day (Cisco, Solaris) and with a fraction.
pub(crate) fn bsd(bytes: &[u8]) -> Option<(Stamp, usize)> {
    let mut cursor = Cursor::new(bytes);
    let month = cursor.month()?;
    cursor.take(b' ')?;
    let day = cursor.day()?;
    cursor.take(b' ')?;
    let mut year = None;
    let mut ahead = cursor;
    if let Some(written) = ahead.year()
        && ahead.take(b' ').is_some()
    {
        (year, cursor) = (Some(written), ahead);
    }
    let (hour, minute, second) = cursor.clock()?;
    let nanos = cursor.fraction();
    Some((Stamp { year, month, day, hour, minute, second, nanos, offset: None }, cursor.at))
}

/// RFC 3339 and near it: `2026-03-10T03:12:00.123456+01:00`, with a space for `T`, `/` for `-`, a comma before the
/// fraction, no colon in the zone, or no zone.
pub(crate) fn iso(bytes: &[u8]) -> Option<(Stamp, usize)> {
    let mut cursor = Cursor::new(bytes);
    let year = Some(cursor.year()?);
    let separator = cursor.peek().filter(|byte| matches!(byte, b'-' | b'/'))?;
    cursor.take(separator)?;
    let month = cursor.two()?;
    cursor.take(separator)?;
    let day = cursor.two()?;
    if !matches!(cursor.peek()?, b'T' | b't' | b' ') {
        return None;
    }
    cursor.at += 1;
    let (hour, minute, second) = cursor.clock()?;
    let nanos = cursor.fraction();
    let offset = cursor.zone();
    Some((Stamp { year, month, day, hour, minute, second, nanos, offset }, cursor.at))
}

/// Common log format: `10/Oct/2000:13:55:36 -0700`.
pub(crate) fn clf(bytes: &[u8]) -> Option<(Stamp, usize)> {
    let mut cursor = Cursor::new(bytes);
    let day = cursor.two()?;
    cursor.take(b'/')?;
    let month = cursor.month()?;
    cursor.take(b'/')?;
    let year = Some(cursor.year()?);
    cursor.take(b':')?;
    let (hour, minute, second) = cursor.clock()?;
    let nanos = cursor.fraction();
    let mut ahead = cursor;
    let offset = ahead.take(b' ').and_then(|()| ahead.zone());
    if offset.is_some() {
        cursor = ahead;
    }
    Some((Stamp { year, month, day, hour, minute, second, nanos, offset }, cursor.at))
}

/// C's `ctime`: `Tue Mar 10 03:12:00.123 2026` (Apache's error log, vsftpd).
pub(crate) fn ctime(bytes: &[u8]) -> Option<(Stamp, usize)> {
    let weekday = bytes.get(..3)?;
    if ![b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun"].iter().any(|name| *name == weekday) {
        return None;
    }
    let mut cursor = Cursor { bytes, at: 3 };
    cursor.take(b' ')?;
    let month = cursor.month()?;
    cursor.take(b' ')?;
    let day = cursor.day()?;
    cursor.take(b' ')?;
    let (hour, minute, second) = cursor.clock()?;
    let nanos = cursor.fraction();
    cursor.take(b' ')?;
    let year = Some(cursor.year()?);
    Some((Stamp { year, month, day, hour, minute, second, nanos, offset: None }, cursor.at))
}

/// A bare day and a bare time, as W3C logs write them in two columns.
pub(crate) fn day_and_time(day: &str, time: &str) -> Option<Stamp> {
    let mut cursor = Cursor::new(day.as_bytes());
    let year = Some(cursor.year()?);
    cursor.take(b'-')?;
    let month = cursor.two()?;
    cursor.take(b'-')?;
    let day = cursor.two()?;
    let mut cursor = Cursor::new(time.as_bytes());
    let (hour, minute, second) = cursor.clock()?;
    let nanos = cursor.fraction();
    Some(Stamp { year, month, day, hour, minute, second, nanos, offset: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    type Reader = fn(&[u8]) -> Option<(Stamp, usize)>;

    /// The written parts in a row, `length` last.
    fn shown(read: Reader, text: &str) -> String {
        read(text.as_bytes()).map_or("none".to_owned(), |(s, length)| {
            format!(
                "{:?} {}-{} {}:{}:{} {} {:?} {length}",
                s.year.unwrap_or(0),
                s.month,
                s.day,
                s.hour,
                s.minute,
                s.second,
                s.nanos,
                s.offset
            )
        })
    }

    #[test]
    fn every_spelling_is_read() {
        for (read, text, expected) in [
            (bsd as Reader, "Mar 10 03:12:00 h", "0 3-10 3:12:0 0 None 15"),
            (bsd, "Mar  5 03:12:00 h", "0 3-5 3:12:0 0 None 15"),
            (bsd, "Mar 5 03:12:00 h", "0 3-5 3:12:0 0 None 14"),
            (bsd, "Mar 10 2026 03:12:00: %SYS", "2026 3-10 3:12:0 0 None 20"),
            (bsd, "Mar 23 23:01:18.123 h", "0 3-23 23:1:18 123000000 None 19"),
            (bsd, "MMM 22 07:54:32 h", "none"),
            (bsd, "Mar 23 Wrong line", "none"),
            (bsd, "Mar 10 03:12", "none"),
            (iso, "2026-03-10T03:12:00.123456+01:00 h", "2026 3-10 3:12:0 123456000 Some(3600) 32"),
            (iso, "2026-03-10T03:12:00Z", "2026 3-10 3:12:0 0 Some(0) 20"),
            (iso, "2026-03-10 03:12:00,5 x", "2026 3-10 3:12:0 500000000 None 21"),
            (iso, "2026/03/10 03:12:00 [error]", "2026 3-10 3:12:0 0 None 19"),
            (iso, "2026-03-10T03:12:00-0530", "2026 3-10 3:12:0 0 Some(-19800) 24"),
            (iso, "2026-03-10T03:12:00.1234567891234Z", "2026 3-10 3:12:0 123456789 Some(0) 34"),
            (iso, "2026-13-45T99:99:99Z", "2026 13-45 99:99:99 0 Some(0) 20"),
            (iso, "2026-03-10T03:12:00-foo", "2026 3-10 3:12:0 0 None 19"),
            (iso, "2026-03/10 03:12:00", "none"),
            (clf, "10/Oct/2000:13:55:36 -0700]", "2000 10-10 13:55:36 0 Some(-25200) 26"),
            (clf, "10/Okt/2000:13:55:36 -0700]", "none"),
            (ctime, "Tue Mar 10 03:12:00.123 2026]", "2026 3-10 3:12:0 123000000 None 28"),
            (ctime, "Mon Jun  6 18:43:28 2016 [pid 2]", "2016 6-6 18:43:28 0 None 24"),
            (ctime, "Foo Jun  6 18:43:28 2016", "none"),
            (ctime, "", "none"),
        ] {
            assert_eq!(shown(read, text), expected, "{text}");
        }
    }
}
