//! 7z archives: headers, names and members, by the crate sevenz-rust2 (LZMA, LZMA2, copy, deflate, bzip2). Anything it cannot
//! read is not proven.

use std::io::{self, Read, Seek, SeekFrom};

use crate::scan::judge::path;
use crate::scan::kinds::{BOMB, CONTAINER_ESCAPES, CONTAINER_LIES, HIDDEN, UNREAD, found, limit, shown};
use crate::scan::report::{Finding, Report, Weight};
use crate::scan::unpack::{IN_MEMORY_MAX, Stopped, unpack};
use crate::scan::{Bytes, Format, Inside, Part};

/// 7z archives.
pub struct SevenZip;

const SIGNATURE: &[u8] = b"7z\xbc\xaf\x27\x1c";
/// Bytes of the header at the end, before it is unpacked: it is read into memory at once.
const HEADER_MAX: u64 = 64 << 20;
/// Memory for dictionaries. The largest preset of 7-Zip's own writer asks for 256 MiB, the usual ones for 16 to 64.
const MEMORY_KIB_MAX: usize = 256 << 10;

/// Bytes that can be read and sought.
struct Seekable<'a> {
    bytes: &'a dyn Bytes,
    at: u64,
}

impl Read for Seekable<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let many = self.bytes.read_at(self.at, buffer)?;
        self.at += many as u64;
        Ok(many)
    }
}

impl Seek for Seekable<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(back) => self.bytes.len().checked_add_signed(back),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

impl Format for SevenZip {
    fn name(&self) -> &'static str {
        "7z"
    }

    fn claims(&self, bytes: &dyn Bytes) -> bool {
        bytes.window(0, 6) == SIGNATURE
    }

    fn read(&self, bytes: &dyn Bytes, inside: &Inside<'_>, report: &mut Report) {
        let head = bytes.window(0, 32);
        let number = |at: usize| crate::scan::zip::u64_at(&head, at).unwrap_or(u64::MAX);
        let end = number(12).saturating_add(number(20)).saturating_add(32);
        if end > bytes.len() || number(20) > HEADER_MAX {
            return report.add(found(
                inside,
                &UNREAD,
                Weight::NotProven,
                "the archive is cut short, or its header is longer than HEADER_MAX",
            ));
        }
        if end < bytes.len() {
            let words = format!("{} bytes follow the end of the archive", bytes.len() - end);
            report.add(Finding { offset: end, ..found(inside, &HIDDEN, Weight::NotProven, words) });
            (inside.member)("after the end", &Part::new(bytes, end, u64::MAX), report);
        }
        // The crate has no promise of its own never to panic; nothing that a panic leaves behind is used but findings.
        let read = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| members(bytes, inside, report)));
        let why = match read {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "its reader failed".to_owned(),
        };
        report.add(found(inside, &UNREAD, Weight::NotProven, format!("the archive cannot be read: {why}")));
    }
}

fn members(bytes: &dyn Bytes, inside: &Inside<'_>, report: &mut Report) -> Result<(), sevenz_rust2::Error> {
    let mut archive = sevenz_rust2::ArchiveReader::new_with_memory_limit(
        Seekable { bytes, at: 0 },
        sevenz_rust2::Password::empty(),
        MEMORY_KIB_MAX,
    )?;
    let mut names = std::collections::HashSet::new();
    for entry in &archive.archive().files {
        if let Some(why) = path::escapes(entry.name()) {
            let words = format!("unpacking writes outside of the folder: `{}`: {why}", shown(entry.name()));
            report.add(found(inside, &CONTAINER_ESCAPES, Weight::Malicious, words));
        }
        if !names.insert(entry.name().to_owned()) {
            report.add(found(
                inside,
                &CONTAINER_LIES,
                Weight::NotProven,
                format!("the name `{}` stands twice", shown(entry.name())),
            ));
        }
    }
    let packed = bytes.len();
    archive.for_each_entries(|entry, reader| {
        if entry.is_directory() {
            return Ok(true);
        }
        // Unix mode in the upper half where bit 15 says so.
        let link = entry.has_windows_attributes
            && entry.windows_attributes() & 0x8000 != 0
            && entry.windows_attributes() >> 28 == 0xa;
        let (out, _, stopped) = unpack(reader, packed, inside.budget);
        if link {
            let target = String::from_utf8_lossy(&out.window(0, 4_096)).into_owned();
            let weight = if path::escapes(&target).is_some() { Weight::Malicious } else { Weight::NotProven };
            report.add(found(
                inside,
                &CONTAINER_ESCAPES,
                weight,
                format!("`{}` is a symbolic link to `{}`", shown(entry.name()), shown(&target)),
            ));
        }
        (inside.member)(entry.name(), &out, report);
        match stopped {
            None => return Ok(true),
            Some(Stopped::Broken(error)) => {
                report.add(found(
                    inside,
                    &UNREAD,
                    Weight::NotProven,
                    format!("`{}` cannot be unpacked to its end: {error}", shown(entry.name())),
                ));
            }
            Some(Stopped::Limit(spent)) => report.add(limit(inside, spent)),
            Some(Stopped::Bomb) => {
                let words = format!(
                    "`{}` unpacks to more than {} MiB from {packed} bytes",
                    shown(entry.name()),
                    IN_MEMORY_MAX >> 20
                );
                report.add(found(inside, &BOMB, Weight::NotProven, words));
            }
        }
        Ok(false)
    })
}
