//! Syslog as files hold it: RFC 3164 with and without `<PRI>`, RFC 5424, and rsyslog's form with an RFC 3339 time.
//! `auth.log`, `secure`, `messages`, `syslog`, `daemon.log`, `kern.log` and `cron.log` are all this format.
//!
//! | module | holds |
//! |---|---|
//! | [`header`] | a line → priority, time, host, program, message |
//! | [`structured`] | RFC 5424 structured data |
//! | [`record`] | the line as a record: tag, fields, flags |
//! | [`survey`] | where the year turns |
//! | [`programs`] | what well-known programs say: users, addresses, commands |
//!
//! **Tag**: product `linux` (`cisco` where the message opens with an IOS mnemonic), service = program in lower case,
//! without its path (`CRON` → `cron`, `sshd-session` → `sshd`), provider = facility where a priority is written.
//!
//! **Broken lines are kept.** A line without a header (a continuation, a cut line) is raw text without a time and flagged
//! [`Flag::UnknownLine`](shieldwall_schema::Flag); one whose priority or structured data breaks its RFC is raw text and
//! flagged [`Flag::BadHeader`](shieldwall_schema::Flag) with its offset. Neither is a rejection: every byte of it is
//! still looked at by keyword rules, so nothing of the evidence is lost and the run is not partial.

pub(crate) mod header;
pub(crate) mod programs;
pub(crate) mod record;
pub(crate) mod structured;
pub(crate) mod survey;

use std::io;

use crate::clock::{Lacks, Survey};
use crate::decoder::{ChunkDecoder, Confidence, Context, Decoder, Split};
use crate::lines::Lines;
use crate::text::driver::LineDecoder;
use header::Shape;
use shieldwall_schema::Chunk;

/// Lines of the head that sniffing looks at: enough to see past a banner, few enough to cost nothing.
const SNIFF_LINES: usize = 200;

/// The decoder.
#[derive(Debug)]
pub struct Syslog;

/// What the head's lines look like.
#[derive(Debug, Default)]
struct Census {
    lines: usize,
    sure: usize,
    broken: usize,
    bsd: usize,
    zoneless: usize,
}

impl Census {
    fn of(head: &[u8]) -> Self {
        let mut census = Self::default();
        let chunk = Chunk { offset: 0, bytes: head, last: true, mid_line: false };
        for line in Lines::new(&chunk).take(SNIFF_LINES) {
            census.lines += 1;
            // Headers are ASCII; what follows does not matter here.
            let bytes = line.bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line.bytes);
            let text = match std::str::from_utf8(bytes) {
                Ok(text) => text,
                Err(error) => std::str::from_utf8(bytes.get(..error.valid_up_to()).unwrap_or_default()).unwrap_or(""),
            };
            let header = header::read(text);
            if header.certain() {
                census.sure += 1;
            } else if header.shape == Shape::Broken {
                census.broken += 1;
            }
            if let Some((stamp, _)) = header.stamp {
                census.bsd += usize::from(stamp.year.is_none());
                census.zoneless += usize::from(stamp.offset.is_none());
            }
        }
        census
    }

    fn lacks(&self) -> Lacks {
        Lacks { year: self.bsd > 0, zone: self.zoneless > 0 }
    }
}

impl Decoder for Syslog {
    fn name(&self) -> &'static str {
        "syslog"
    }

    fn sniff(&self, head: &[u8]) -> Confidence {
        let census = Census::of(head);
        if census.sure * 2 >= census.lines && census.sure > 0 {
            Confidence::SURE
        } else if census.sure > 0 && (census.sure + census.broken) * 5 >= census.lines
            || census.broken > 0 && (census.sure + census.broken) * 2 >= census.lines
        {
            Confidence::LIKELY
        } else {
            Confidence::NO
        }
    }

    fn split(&self) -> Split {
        Split::Lines
    }

    fn lacks(&self, head: &[u8]) -> Lacks {
        Census::of(head).lacks()
    }

    fn survey(&self, source: &mut dyn io::BufRead) -> io::Result<Survey> {
        survey::survey(source)
    }

    fn open<'a>(&'a self, context: Context<'a>) -> Box<dyn ChunkDecoder + 'a> {
        let years = self.lacks(context.head).year;
        Box::new(LineDecoder::new(record::Lines3164, context, years))
    }
}

#[cfg(test)]
mod mapping;
#[cfg(test)]
mod tests;
