//! Logs of web and file servers.
//!
//! | module | holds |
//! |---|---|
//! | [`access`] | Apache's and nginx's access logs: common, combined, with a virtual host in front or more behind |
//! | [`error`] | Apache's and nginx's error logs |
//! | [`w3c`] | W3C extended logs: IIS, Windows Firewall, proxies |
//! | [`vsftpd`] | the log of the FTP server vsftpd |
//! | [`uri`] | a request's parts, raw and decoded |
//!
//! Field names are the W3C's and Sigma's: `c-ip`, `cs-method`, `cs-uri`, `sc-status` …
//!
//! **More than was logged.** Rules are written against URIs both encoded and decoded, so `cs-uri`, `cs-uri-stem` and
//! `cs-uri-query` hold two values where one level of percent-decoding changes them: as logged, and decoded. Either may
//! match: an over-approximation, also for a rule's filters.

pub(crate) mod access;
pub(crate) mod error;
pub(crate) mod uri;
pub(crate) mod vsftpd;
pub(crate) mod w3c;

pub use access::Access;
pub use error::ServerError;
pub use vsftpd::Vsftpd;
pub use w3c::W3c;

use crate::decoder::Confidence;
use crate::lines::Lines;
use shieldwall_schema::Chunk;

/// Lines of the head that sniffing looks at.
const SNIFF_LINES: usize = 50;

/// How many of the head's first lines there are, and how many of them `fits` knows.
fn census(head: &[u8], fits: impl Fn(&str) -> bool) -> (usize, usize) {
    let chunk = Chunk { offset: 0, bytes: head, last: true, mid_line: false };
    let (mut lines, mut known) = (0, 0);
    for line in Lines::new(&chunk).take(SNIFF_LINES) {
        lines += 1;
        let bytes = line.bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line.bytes);
        known += usize::from(fits(&String::from_utf8_lossy(bytes)));
    }
    (lines, known)
}

/// How sure a format is of which `fits` knows some of the head's lines: half of them are enough to be sure, a fifth to try.
fn confidence(head: &[u8], fits: impl Fn(&str) -> bool) -> Confidence {
    let (lines, known) = census(head, fits);
    match known {
        0 => Confidence::NO,
        known if known * 2 >= lines => Confidence::SURE,
        known if known * 5 >= lines => Confidence::LIKELY,
        _ => Confidence::NO,
    }
}

/// Gives a value unless it is empty or the `-` that stands for nothing.
fn present(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty() && *text != "-")
}

#[cfg(test)]
mod tests;
