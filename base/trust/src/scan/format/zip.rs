//! Zip archives and what is made of them: torch zips, npz, Keras 3, skops, TorchServe archives, ordinary folders.
//!
//! Every member is read by both rules (central directory, local header) wherever they differ, by every method that either
//! names, first and last of double names alike. Bytes that neither rule accounts for are read by their content too, so
//! that no reader of the archive sees a member that was not judged. Tensor storages of a torch zip (`data/0` beside a
//! `data.pkl`) are opaque: torch copies them into memory and never parses them. They are stepped over after a look at
//! their start, and their checksums are not computed; a two-gigabyte model costs its headers.

use std::collections::{HashMap, HashSet};
use std::io::Read;

use crate::scan::judge::{path, python};
use crate::scan::kinds::{BOMB, CONTAINER_ESCAPES, CONTAINER_LIES, HIDDEN, LIMIT, UNREAD, found, limit, shown};
use crate::scan::report::{Finding, Report, Weight};
use crate::scan::unpack::{IN_MEMORY_MAX, Stopped, unpack, zip_method};
use crate::scan::zip::directory::{self, Directory};
use crate::scan::zip::{Header, local};
use crate::scan::{Bytes, Format, Inside, Part};

/// Zip archives.
pub struct Zip;

/// Bytes of an opaque storage that are looked at: a pickle that acts does so within its first kilobytes or is followed
/// from its beginning anyway once it looks like one.
const PEEK: usize = 4 << 10;
/// Local headers that are looked for in bytes that the directory does not account for.
const HIDDEN_MEMBERS_MAX: usize = 1_000;
/// Bytes that are searched for such headers.
const HIDDEN_BYTES_MAX: u64 = 64 << 20;
/// How often the bytes of an archive are read, all readings together: once by each of two rules, and twice for guesses.
const READINGS_MAX: u64 = 4;
/// What small archives may cost beside that.
const READINGS_BYTES_MIN: u64 = 64 << 20;
/// Stored members up to this size are checked against their CRC; larger ones cost more than the finding is worth.
const CRC_BYTES_MAX: u64 = 16 << 20;

impl Format for Zip {
    fn name(&self) -> &'static str {
        "zip"
    }

    fn claims(&self, bytes: &dyn Bytes) -> bool {
        let head = bytes.window(0, 4);
        head == b"PK\x03\x04"
            || head == b"PK\x05\x06"
            || directory::find(bytes).iter().any(|directory| !directory.entries.is_empty())
    }

    fn read(&self, bytes: &dyn Bytes, inside: &Inside<'_>, report: &mut Report) {
        let directories = seen_by_readers(bytes);
        let mut archive = Archive {
            bytes,
            inside,
            report,
            torch: HashSet::new(),
            read: HashSet::new(),
            taken: Vec::new(),
            spent: 0,
            ends: Vec::new(),
        };
        if directories.is_empty() {
            archive.report.add(found(
                inside,
                &CONTAINER_LIES,
                Weight::NotProven,
                "the archive has no central directory; members were read by their local headers",
            ));
        }
        if directories.iter().filter(|directory| !directory.entries.is_empty()).count() > 1 {
            archive.report.add(found(
                inside,
                &CONTAINER_LIES,
                Weight::NotProven,
                "the archive has several central directories: readers disagree on its members",
            ));
        }
        archive.torch = torch_folders(&directories);
        for directory in &directories {
            archive.directory(directory);
        }
        archive.rest(&directories);
    }
}

/// The directories that readers may take for the archive's own. An archive that is stored as a member shows its directory
/// too, but whoever reads the outer one finds it inside a member.
fn seen_by_readers(bytes: &dyn Bytes) -> Vec<Directory> {
    let mut all = directory::find(bytes).into_iter();
    let Some(first) = all.next() else { return Vec::new() };
    let honest = first.comment.0 + first.comment.1 == bytes.len() && first.stopped == first.should_stop;
    let members: Vec<(u64, u64)> = first
        .entries
        .iter()
        .filter_map(|entry| {
            let at = entry.local.saturating_add(first.base);
            let start = at + local::read(bytes, at)?.len;
            Some((start, start.saturating_add(entry.packed)))
        })
        .collect();
    let inside = |directory: &Directory| {
        members.iter().any(|&(start, end)| start <= directory.start && directory.end_record + 22 <= end)
    };
    let others: Vec<Directory> = all.filter(|directory| !(honest && inside(directory))).collect();
    std::iter::once(first).chain(others).collect()
}

/// Folders that hold a `data.pkl`: what lies in their `data/` is opaque, what lies in `code/` is TorchScript.
fn torch_folders(directories: &[Directory]) -> HashSet<String> {
    let entries = directories.iter().flat_map(|directory| &directory.entries);
    entries
        .filter_map(|entry| entry.shown().strip_suffix("data.pkl").map(str::to_owned))
        .filter(|folder| folder.is_empty() || folder.ends_with('/'))
        .collect()
}

struct Archive<'a, 'b> {
    bytes: &'a dyn Bytes,
    inside: &'a Inside<'b>,
    report: &'a mut Report,
    torch: HashSet<String>,
    /// Readings done: place, length, method.
    read: HashSet<(u64, u64, u16)>,
    /// Bytes that some rule accounts for.
    taken: Vec<(u64, u64)>,
    /// Bytes read so far.
    spent: u64,
    /// Where members end, with the header, its place and the place of their bytes: what follows may be the rest of them.
    ends: Vec<(u64, u64, Header)>,
}

impl Archive<'_, '_> {
    fn say(
        &mut self,
        offset: u64,
        kind: &'static crate::scan::Kind,
        weight: Weight,
        advisories: &'static [&'static str],
        words: String,
    ) {
        self.report.add(Finding { offset, advisories, ..found(self.inside, kind, weight, words) });
    }

    fn lie(&mut self, offset: u64, advisories: &'static [&'static str], words: String) {
        self.say(offset, &CONTAINER_LIES, Weight::NotProven, advisories, words);
    }

    fn directory(&mut self, directory: &Directory) {
        let at = directory.start;
        if directory.base > 0 {
            let words =
                format!("{} bytes stand before the archive; readers disagree on where it begins", directory.base);
            self.lie(0, &[], words);
        }
        if directory.promised != directory.entries.len() as u64
            && directory.promised % 65_536 != directory.entries.len() as u64
        {
            let words = format!(
                "the end record promises {} members, the directory has {}",
                directory.promised,
                directory.entries.len()
            );
            self.lie(at, &[], words);
        }
        if directory.stopped != directory.should_stop {
            self.lie(directory.stopped, &[], "the central directory does not end where its end record says".to_owned());
        }
        self.taken.push((directory.start, directory.end_record + 22));
        let (comment, comment_len) = directory.comment;
        let after = self.bytes.len().saturating_sub(comment);
        if after != comment_len {
            self.say(
                comment,
                &HIDDEN,
                Weight::NotProven,
                &[],
                format!("{after} bytes follow the end of the archive, {comment_len} were announced"),
            );
        } else if comment_len > 0 {
            let text = self.bytes.window(comment, 65_535);
            let (weight, what) = match std::str::from_utf8(&text) {
                Ok(_) => (Weight::Note, "a comment"),
                Err(_) => (Weight::NotProven, "bytes that are no text as its comment"),
            };
            self.say(comment, &HIDDEN, weight, &[], format!("the archive carries {what} ({comment_len} bytes)"));
        }
        self.taken.push((comment, comment.saturating_add(comment_len)));
        let mut names: HashMap<&[u8], usize> = HashMap::new();
        let mut folded: HashSet<String> = HashSet::new();
        for entry in &directory.entries {
            *names.entry(&entry.name).or_default() += 1;
        }
        for entry in &directory.entries {
            if let Err(spent) = self.inside.budget.steps(1) {
                self.report.add(limit(self.inside, spent));
                return;
            }
            let times = names.insert(&entry.name, 0).unwrap_or(0);
            if times > 1 {
                self.lie(
                    entry.local,
                    &[],
                    format!(
                        "the name `{}` stands {times} times: readers take the first or the last",
                        shown(&entry.shown())
                    ),
                );
            } else if times == 1 && !folded.insert(entry.shown().to_lowercase()) {
                self.say(
                    entry.local,
                    &CONTAINER_LIES,
                    Weight::Note,
                    &[],
                    format!("`{}` differs from another name in case only", shown(&entry.shown())),
                );
            }
            self.name(entry);
            self.member(entry, directory.base);
        }
    }

    fn name(&mut self, entry: &Header) {
        let name = entry.shown();
        if let Some(why) = path::escapes(&name) {
            // Torch reads members by name and never unpacks its archives to disk.
            let weight = if self.torch.is_empty() { Weight::Malicious } else { Weight::NotProven };
            let words = format!("unpacking writes outside of the folder: `{}`: {why}", shown(&name));
            self.say(entry.local, &CONTAINER_ESCAPES, weight, &[], words);
        }
        if let Some(why) = path::odd(&name) {
            self.lie(
                entry.local,
                &["CVE-2025-1889"],
                format!("the name `{}` is read in different ways: {why}", shown(&name)),
            );
        }
        if let Some(second) = &entry.second_name
            && *second != entry.name
        {
            let second = shown(&String::from_utf8_lossy(second));
            self.lie(entry.local, &["CVE-2025-1944"], format!("`{}` has a second name: `{second}`", shown(&name)));
        }
    }

    /// One member as the central directory has it, and as its local header has it where that differs.
    fn member(&mut self, entry: &Header, base: u64) {
        let at = entry.local.saturating_add(base);
        let name = entry.shown();
        let Some(local) = local::read(self.bytes, at) else {
            self.lie(at, &[], format!("`{}` has no local header where the directory says", shown(&name)));
            let guess = at.saturating_add(30 + entry.name.len() as u64);
            return self.content(entry, &name, guess, entry.packed, entry.method, false);
        };
        let words = |what: &str, central: String, local: String| {
            format!("`{}`: {what} is {central} in the directory and {local} in the local header", shown(&name))
        };
        if local.name != entry.name {
            self.lie(
                at,
                &["CVE-2025-1944"],
                words("the name", format!("`{}`", shown(&name)), format!("`{}`", shown(&local.shown()))),
            );
            self.name(&local);
        }
        // Encrypted, patched, strongly encrypted, masked headers: bits that make a reader refuse.
        const REFUSING: u16 = 0x1 | 0x20 | 0x40 | 0x2000;
        if (local.flags ^ entry.flags) & REFUSING != 0 {
            let (central, local) = (format!("{:#x}", entry.flags), format!("{:#x}", local.flags));
            self.lie(at, &["CVE-2025-1945"], words("the set of flags", central, local));
        } else if entry.flags & REFUSING != 0 {
            self.say(
                at,
                &UNREAD,
                Weight::NotProven,
                &[],
                format!("`{}` asks for encryption or patching (flags {:#x})", shown(&name), entry.flags),
            );
        }
        if local.method != entry.method {
            self.lie(at, &[], words("the method", entry.method.to_string(), local.method.to_string()));
        }
        // A data descriptor stands for sizes and CRC that were not known in time: then they may be zero.
        let late = local.flags & 8 != 0;
        let sizes = (local.packed, local.unpacked) == (entry.packed, entry.unpacked)
            || late && (local.packed, local.unpacked) == (0, 0);
        if !sizes {
            self.lie(at, &[], words("the size", entry.packed.to_string(), local.packed.to_string()));
        }
        if local.crc != entry.crc && !(late && local.crc == 0) {
            self.lie(
                at,
                &["CVE-2025-10156"],
                words("the CRC", format!("{:08x}", entry.crc), format!("{:08x}", local.crc)),
            );
        }
        if entry.method == 0 && entry.packed != entry.unpacked {
            self.lie(at, &[], format!("`{}` is stored but its two sizes differ", shown(&name)));
        }
        let start = at + local.len;
        let end = start.saturating_add(entry.packed);
        let end = end.saturating_add(local::descriptor(self.bytes, end, entry));
        self.taken.push((at, end));
        self.ends.push((end, start, entry.clone()));
        if entry.packed > self.bytes.len().saturating_sub(start) {
            self.lie(at, &[], format!("`{}` goes on past the end of the file", shown(&name)));
        }
        let honest = sizes && local.method == entry.method;
        self.content(entry, &name, start, entry.packed, entry.method, honest);
        if !honest {
            let packed = if late && local.packed == 0 { entry.packed } else { local.packed };
            for (packed, method) in [(packed, entry.method), (packed, local.method), (entry.packed, local.method)] {
                self.content(&local, &name, start, packed, method, false);
            }
        }
    }

    /// The bytes of a member, by one reading of them. `honest`: nothing was found to lie, so sizes and CRC must be right.
    fn content(&mut self, header: &Header, name: &str, start: u64, packed: u64, method: u16, honest: bool) {
        if !self.read.insert((start, packed, method)) {
            return;
        }
        let part = Part::new(self.bytes, start, packed);
        if name.ends_with('/') && part.is_empty() {
            return;
        }
        if header.mode & 0o170_000 == 0o120_000 {
            self.link(name, start, &part);
        }
        // A member of an honest archive is read once; overlapping ones and double readings end somewhere.
        self.spent = self.spent.saturating_add(part.len());
        if self.spent > self.bytes.len().saturating_mul(READINGS_MAX).saturating_add(READINGS_BYTES_MIN) {
            let words = "members overlap so often that the rest was not read (READINGS_MAX)".to_owned();
            return self.say(start, &LIMIT, Weight::NotProven, &[], words);
        }
        let opaque = honest && self.is_storage(name);
        match method {
            0 if opaque => self.peek(name, start, &part),
            0 => {
                if honest
                    && part.len() <= CRC_BYTES_MAX
                    && !self.check(name, start, header.crc, crc(&part))
                    && inflates(&part)
                {
                    // Stored bytes with another CRC that can be unpacked: the method was changed.
                    self.content(header, name, start, packed, 8, false);
                }
                self.read_member(name, &part);
            }
            _ => {
                let Some(reader) = zip_method(method, &part) else {
                    self.say(
                        start,
                        &UNREAD,
                        Weight::NotProven,
                        &[],
                        format!("`{}` is packed by method {method}, which is not read here", shown(name)),
                    );
                    // A method that nobody reads may be a lie told in front of plain bytes.
                    for guess in [0, 8] {
                        self.content(header, name, start, packed, guess, false);
                    }
                    return;
                };
                let (out, crc, stopped) = unpack(reader, part.len(), self.inside.budget);
                match &stopped {
                    None if honest => {
                        self.check(name, start, header.crc, crc);
                        if out.len() != header.unpacked {
                            let words = format!(
                                "`{}` unpacks to {} bytes, {} were announced",
                                shown(name),
                                out.len(),
                                header.unpacked
                            );
                            self.lie(start, &[], words);
                        }
                    }
                    None => {}
                    Some(Stopped::Broken(error)) => {
                        self.say(
                            start,
                            &UNREAD,
                            Weight::NotProven,
                            &[],
                            format!("`{}` cannot be unpacked to its end: {error}", shown(name)),
                        );
                        self.content(header, name, start, packed, 0, false);
                    }
                    Some(Stopped::Limit(spent)) => self.report.add(limit(self.inside, *spent)),
                    Some(Stopped::Bomb) => {
                        let words = format!(
                            "`{}` unpacks to more than {} MiB from {} bytes",
                            shown(name),
                            IN_MEMORY_MAX >> 20,
                            part.len()
                        );
                        self.say(start, &BOMB, Weight::NotProven, &[], words);
                    }
                }
                match opaque {
                    true => self.peek(name, start, &out),
                    false => self.read_member(name, &out),
                }
            }
        }
    }

    /// Whether a CRC is as announced.
    fn check(&mut self, name: &str, at: u64, said: u32, is: u32) -> bool {
        if said != is {
            let words = format!(
                "`{}` has CRC {is:08x}, {said:08x} was announced: some readers refuse it, torch reads it",
                shown(name)
            );
            self.lie(at, &["CVE-2025-10156"], words);
        }
        said == is
    }

    fn link(&mut self, name: &str, at: u64, part: &Part<'_>) {
        let target = String::from_utf8_lossy(&part.window(0, 4_096)).into_owned();
        let weight = if path::escapes(&target).is_some() { Weight::Malicious } else { Weight::NotProven };
        let words = format!("`{}` is a symbolic link to `{}`", shown(name), shown(&target));
        self.say(at, &CONTAINER_ESCAPES, weight, &[], words);
    }

    /// Whether a name is that of a tensor's storage: `data/` (in TorchScript also `constants/`) and a number, beside a
    /// `data.pkl`.
    fn is_storage(&self, name: &str) -> bool {
        let folder = name.trim_end_matches(|c: char| c.is_ascii_digit());
        let parent = folder.strip_suffix("data/").or_else(|| folder.strip_suffix("constants/"));
        folder.len() < name.len() && parent.is_some_and(|parent| self.torch.contains(parent))
    }

    /// A tensor's storage: opaque, unless it begins like something that acts. Random weights begin like a pickle once in
    /// ten thousand; so only what turns out to act is told.
    fn peek(&mut self, name: &str, at: u64, bytes: &dyn Bytes) {
        let start = bytes.window(0, PEEK.min(64));
        let like_a_pickle = matches!(start.as_slice(), [0x80, 0..=5, ..])
            || matches!(start.as_slice(), [b'c' | b'(' | b'i' | b']' | b'}' | b')', ..])
                && start.iter().filter(|byte| byte.is_ascii_graphic() || **byte == b'\n').count() > 8;
        let like_an_archive = start.starts_with(b"PK\x03\x04") || start.starts_with(b"7z\xbc\xaf\x27\x1c");
        if like_a_pickle || like_an_archive {
            let mut apart = Report::default();
            (self.inside.member)(name, &Part::new(bytes, 0, bytes.len().min(PEEK as u64)), &mut apart);
            if apart.verdict() == crate::scan::Verdict::Malicious {
                self.lie(at, &["CVE-2025-1889"], format!("the storage `{}` is no tensor", shown(name)));
                (self.inside.member)(name, bytes, self.report);
            }
        }
    }

    fn read_member(&mut self, name: &str, bytes: &dyn Bytes) {
        let is_script = name.ends_with(".py")
            && name
                .match_indices("code/")
                .any(|(at, _)| name.get(..at).is_some_and(|folder| self.torch.contains(folder)));
        if is_script {
            let mut path = self.inside.path.to_vec();
            path.push(name.to_owned());
            let inside = Inside { path: &path, member: self.inside.member, budget: self.inside.budget };
            return python::torchscript(bytes, &inside, self.report);
        }
        (self.inside.member)(name, bytes, self.report);
    }

    /// What no directory accounts for: bytes before, between and after, and members in them that have local headers only.
    fn rest(&mut self, directories: &[Directory]) {
        self.taken.sort_unstable();
        let mut gaps = Vec::new();
        let mut at = 0;
        let mut overlaps = false;
        let records: HashSet<(u64, u64)> =
            directories.iter().map(|directory| (directory.start, directory.end_record + 22)).collect();
        for &(start, end) in &self.taken {
            if start > at {
                gaps.push((at, start));
            }
            overlaps |= start < at && !records.contains(&(start, end)) && end > start;
            at = at.max(end);
        }
        if at < self.bytes.len() {
            gaps.push((at, self.bytes.len()));
        }
        if overlaps {
            self.lie(0, &[], "members overlap: the same bytes are read twice, as different members".to_owned());
        }
        for (start, end) in gaps.into_iter().take(HIDDEN_MEMBERS_MAX) {
            let gap = Part::new(self.bytes, start, end - start);
            if end - start < 4_096 && gap.window(0, 4_096).iter().all(|&byte| byte == 0) {
                self.say(start, &HIDDEN, Weight::Note, &[], format!("{} zero bytes lie between members", end - start));
                continue;
            }
            self.say(
                start,
                &HIDDEN,
                Weight::NotProven,
                &[],
                format!("{} bytes belong to no member of the directory", end - start),
            );
            // Sizes that were made smaller leave the rest of a member in the gap.
            let before = self.ends.iter().position(|(member_end, ..)| *member_end == start);
            if let Some((_, member_start, header)) = before.and_then(|index| self.ends.get(index)).cloned() {
                self.content(&header, &header.shown(), member_start, end - member_start, header.method, false);
            }
            let any = self.hidden(start, &gap);
            // A reader that looks for a known beginning reads the gap itself; a member's own bytes were read above. The
            // whole file is not a gap: its other formats read it already.
            if start > 0 && !any || start == 0 && end < self.bytes.len() && !any {
                (self.inside.member)(&format!("bytes at {start}"), &gap, self.report);
            }
        }
    }

    /// Members with local headers that no directory names.
    fn hidden(&mut self, base: u64, gap: &Part<'_>) -> bool {
        let window = gap.window(0, usize::try_from(gap.len().min(HIDDEN_BYTES_MAX)).unwrap_or(0));
        let places: Vec<u64> = memchr::memmem::find_iter(&window, b"PK\x03\x04")
            .take(HIDDEN_MEMBERS_MAX)
            .map(|at| base + at as u64)
            .collect();
        let mut any = false;
        for (index, &at) in places.iter().enumerate() {
            let Some(header) = local::read(self.bytes, at) else { continue };
            any = true;
            let name = header.shown();
            self.lie(at, &[], format!("`{}` has a local header but is not in the directory", shown(&name)));
            self.name(&header);
            let start = at + header.len;
            let next = places.get(index + 1).copied().unwrap_or(base + gap.len());
            let packed =
                if header.packed == 0 && header.flags & 8 != 0 { next.saturating_sub(start) } else { header.packed };
            self.content(&header, &name, start, packed, header.method, false);
            if packed != header.packed || header.method != 0 {
                continue;
            }
            self.content(&header, &name, start, next.saturating_sub(start), 0, false);
        }
        any
    }
}

/// Whether bytes begin as deflated data.
fn inflates(bytes: &dyn Bytes) -> bool {
    let mut buffer = [0; 64];
    zip_method(8, bytes).is_some_and(|mut reader| matches!(reader.read(&mut buffer), Ok(16..)))
}

fn crc(bytes: &dyn Bytes) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    let mut at = 0;
    let mut buffer = vec![0; 64 << 10];
    while let Ok(many @ 1..) = bytes.read_at(at, &mut buffer) {
        crc.update(buffer.get(..many).unwrap_or_default());
        at += many as u64;
    }
    crc.finalize()
}
