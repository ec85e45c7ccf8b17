//! An input's sources, one after another: containers are opened, whatever lies in them, and their members follow in the
//! order in which the container lists them.
//!
//! The iterator is lazy: a member is opened when it is asked for, its head read, and no more. Sources are independent of
//! each other and of the iterator: several workers may read several at once, in any order, and get the same bytes. What
//! that costs depends on the container. Members of a zip and of a plain tar are stretches of the archive, opened at no
//! cost; members of a packed tar come from one stream, and one that is overtaken by the next is spooled. A zip or 7z
//! inside something packed is spooled first, because its directory stands at its end; a block of a 7z is unpacked into a
//! spool when its first member is asked for.
//!
//! The order is that of the evidence alone, so numbers given in this order are the same in every run.

use std::sync::Arc;

use shieldwall_schema::{ReadAt, Reject};

use crate::container::check::Expected;
use crate::container::codec::{Codec, Packed, Stream};
use crate::container::sevenzip::SevenZip;
use crate::container::tar::{Kind, Next, TarReader};
use crate::container::tar_stream::TarStream;
use crate::container::zip::Zip;
use crate::container::{Container, name, sevenzip, sniff};
use crate::limits::Limits;
use crate::region::{Region, RegionReader};
use crate::source::Source;
use crate::trouble::{Fault, Unread};

/// An open archive.
struct Level {
    display: String,
    depth: u32,
    packed: Packed,
    archive: Archive,
}

enum Archive {
    Zip(Box<Zip>),
    SevenZip(Box<SevenZip>),
    /// A tar whose members are stretches of it.
    Tar(Region, Box<TarReader<RegionReader>>),
    /// A tar that is read once.
    TarStream(TarStream),
}

/// What an archive gives next.
enum Member {
    Source(Box<Source>),
    Unread(Unread),
    /// Nothing to tell (a folder).
    Nothing,
    End,
}

/// An input's sources.
pub struct Sources {
    first: Option<Result<Source, Unread>>,
    levels: Vec<Level>,
    /// Told once the current archive has been entered.
    pending: Option<Unread>,
    members: u64,
    stated_bytes: u64,
    limits: Limits,
}

impl Sources {
    pub(crate) fn of(first: Result<Source, Unread>, limits: &Limits) -> Self {
        let limits = limits.clone();
        Self { first: Some(first), levels: Vec::new(), pending: None, members: 0, stated_bytes: 0, limits }
    }

    /// The sources in a file with random access.
    pub(crate) fn of_region(display: String, region: Region, limits: &Limits) -> Self {
        let packed = Packed::Known(region.size());
        Self::of(Ok(Source::again(display, region, Vec::new(), packed, limits)), limits)
    }

    /// The sources in a stream that comes once (standard input, a pipe).
    pub(crate) fn of_stream(display: String, stream: Stream, limits: &Limits) -> Self {
        Self::of(Ok(Source::from_reader(display, stream, limits)), limits)
    }

    /// The sources in bytes that are in memory.
    pub fn of_bytes(display: impl Into<String>, bytes: Vec<u8>, limits: &Limits) -> Self {
        Self::of_region(display.into(), Region::new(Arc::new(bytes)), limits)
    }

    /// Opens what containers a source is, up to the first thing that is none or an archive with members.
    fn admit(&mut self, mut source: Source) -> Option<Result<Source, Unread>> {
        loop {
            let Some(container) = sniff(source.head()) else {
                return Some(match source.fault() {
                    Some(fault) if source.head().is_empty() => Err(Unread::fault(source.display(), fault.clone())),
                    _ => Ok(source),
                });
            };
            if source.depth() >= self.limits.depth_max {
                let what = format!("a container inside {} others", source.depth());
                return Some(Err(Unread::fault(source.display(), Fault::limit("depth_max", what))));
            }
            match container {
                Container::Packed(codec) => source = source.unpacked(codec),
                Container::Zip => return self.enter_zip(source).err().map(Err),
                Container::SevenZip => return self.enter_sevenzip(source).err().map(Err),
                Container::Tar => {
                    self.enter_tar(source);
                    return None;
                }
                Container::Unsupported(what) => {
                    let detail = format!("{what}, which this version does not open; unpack it first");
                    return Some(Err(Unread::new(source.display(), Reject::Unsupported, detail)));
                }
            }
        }
    }

    fn enter_zip(&mut self, mut source: Source) -> Result<(), Unread> {
        let region = source.region().map_err(|error| Unread::fault(source.display(), Fault::from_io("zip", &error)))?;
        let (zip, fault) = Zip::open(region);
        // A cut in the layer below is the cause of a missing directory, and the better explanation.
        let fault = source.fault().cloned().or(fault);
        self.pending = fault.map(|fault| Unread::fault(source.display(), fault));
        self.enter(&source, Archive::Zip(Box::new(zip)));
        Ok(())
    }

    fn enter_sevenzip(&mut self, mut source: Source) -> Result<(), Unread> {
        let unread = |source: &Source, fault| Unread::fault(source.display(), fault);
        let region = source.region().map_err(|error| unread(&source, Fault::from_io("7z", &error)))?;
        // A cut in the layer below is the cause of a missing directory, and the better explanation.
        let archive = SevenZip::open(region, &self.limits)
            .map_err(|fault| unread(&source, source.fault().cloned().unwrap_or(fault)))?;
        self.enter(&source, Archive::SevenZip(Box::new(archive)));
        Ok(())
    }

    fn enter_tar(&mut self, mut source: Source) {
        let in_place = if source.size().is_some() { source.region().ok() } else { None };
        match in_place {
            Some(region) => {
                let reader = Box::new(TarReader::new(region.reader()));
                self.enter(&source, Archive::Tar(region, reader));
            }
            None => {
                let (display, depth, packed) = (source.display().to_owned(), source.depth(), source.packed().clone());
                let archive = Archive::TarStream(TarStream::new(source.into_stream()));
                self.levels.push(Level { display, depth, packed, archive });
            }
        }
    }

    fn enter(&mut self, source: &Source, archive: Archive) {
        let display = source.display().to_owned();
        self.levels.push(Level { display, depth: source.depth(), packed: source.packed().clone(), archive });
    }

    /// Counts a member and the size it states.
    fn charge(&mut self, size: u64) -> Result<(), Fault> {
        let stated = self.stated_bytes.saturating_add(size);
        if stated > self.limits.input_bytes_max {
            let what = format!("a member of {size} bytes behind {} others", self.stated_bytes);
            return Err(Fault::limit("input_bytes_max", what));
        }
        self.stated_bytes = stated;
        Ok(())
    }
}

impl Iterator for Sources {
    type Item = Result<Source, Unread>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.first.take() {
            Some(Ok(source)) => {
                if let Some(item) = self.admit(source) {
                    return Some(item);
                }
            }
            Some(Err(unread)) => return Some(Err(unread)),
            None => {}
        }
        loop {
            if let Some(unread) = self.pending.take() {
                return Some(Err(unread));
            }
            // Taken out, so that the archive and the counts can be borrowed apart.
            let mut level = self.levels.pop()?;
            let member = match &mut level.archive {
                Archive::Zip(_) => self.zip_member(&mut level),
                Archive::SevenZip(_) => self.sevenzip_member(&mut level),
                Archive::Tar(..) | Archive::TarStream(_) => self.tar_member(&mut level),
            };
            if matches!(member, Member::End) {
                continue;
            }
            if self.members >= self.limits.members_max {
                let what = format!("more than {} members", self.members);
                self.levels.clear();
                return Some(Err(Unread::fault(level.display, Fault::limit("members_max", what))));
            }
            self.members += 1;
            self.levels.push(level);
            match member {
                Member::Source(source) => {
                    if let Some(item) = self.admit(*source) {
                        return Some(item);
                    }
                }
                Member::Unread(unread) => return Some(Err(unread)),
                Member::Nothing | Member::End => {}
            }
        }
    }
}

impl Level {
    fn refuse(&self, name: &[u8], fault: Fault) -> Member {
        Member::Unread(Unread::fault(format!("{}!{}", self.display, name::shown(name)), fault))
    }
}

impl Sources {
    fn zip_member(&mut self, level: &mut Level) -> Member {
        let Archive::Zip(zip) = &mut level.archive else { return Member::End };
        let entry = match zip.next() {
            Ok(Some(entry)) => entry,
            Ok(None) => return Member::End,
            Err(fault) => return Member::Unread(Unread::fault(&level.display, fault)),
        };
        let located = name::member_name(&entry.name, &self.limits).and_then(|name| {
            if entry.is_folder || entry.is_link {
                return Ok((name, None));
            }
            let located = zip.locate(&entry)?;
            self.charge(entry.size.unwrap_or_default())?;
            Ok((name, Some(located)))
        });
        match located {
            Ok((name, Some((region, codecs)))) => {
                let display = format!("{}!{name}", level.display);
                // A member weighs what the archive around it weighs, at most.
                let packed = Packed::Known(region.size().min(level.packed.bytes()));
                let source = Source::again(display, region, codecs, packed, &self.limits);
                Member::Source(Box::new(source.at_depth(level.depth + 1)))
            }
            Ok((name, None)) if entry.is_link => {
                Member::Unread(Unread::note(format!("{}!{name}", level.display), "a symbolic link"))
            }
            Ok(_) => Member::Nothing,
            Err(fault) => level.refuse(&entry.name, fault),
        }
    }

    fn sevenzip_member(&mut self, level: &mut Level) -> Member {
        let Archive::SevenZip(archive) = &mut level.archive else { return Member::End };
        let Some(entry) = archive.next() else { return Member::End };
        if entry.kind == sevenzip::Kind::Folder {
            return Member::Nothing;
        }
        let name = match name::member_name(entry.name.as_bytes(), &self.limits) {
            Ok(name) => name,
            Err(fault) => return level.refuse(entry.name.as_bytes(), fault),
        };
        let display = format!("{}!{name}", level.display);
        if entry.kind == sevenzip::Kind::Link {
            return Member::Unread(Unread::note(display, "a symbolic link"));
        }
        if let Err(fault) = self.charge(entry.size) {
            return level.refuse(entry.name.as_bytes(), fault);
        }
        let data = match archive.data(&entry, level.packed.bytes(), &self.limits) {
            Ok(data) => data,
            Err(fault) => return level.refuse(entry.name.as_bytes(), fault),
        };
        let codecs = vec![Codec::Check(Expected { size: entry.size, crc32: entry.crc32 })];
        let packed = Packed::Known(data.packed);
        let mut source = Source::again(display, data.region, codecs, packed, &self.limits);
        if let Some(fault) = data.fault {
            source = source.ended_by(fault);
        }
        Member::Source(Box::new(source.at_depth(level.depth + 1)))
    }

    fn tar_member(&mut self, level: &mut Level) -> Member {
        let next = match &mut level.archive {
            Archive::Tar(_, reader) => reader.next(&self.limits),
            Archive::TarStream(stream) => stream.next(&self.limits),
            Archive::Zip(_) | Archive::SevenZip(_) => return Member::End,
        };
        let entry = match next {
            Ok(Next::Member(entry)) => entry,
            Ok(Next::End) => return Member::End,
            Ok(Next::Damaged(fault)) => return Member::Unread(Unread::fault(&level.display, fault)),
            Err(fault) => {
                let detail = format!("{}; members behind were not read", fault.detail);
                let unread = Unread::new(&level.display, fault.reason, detail);
                // Nothing more comes; the level is put back and must end at the next call.
                level.archive = Archive::Tar(Region::new(Arc::new(Vec::new())), Box::new(empty_tar()));
                return Member::Unread(unread);
            }
        };
        let name = match (name::member_name(&entry.name, &self.limits), entry.kind) {
            (_, Kind::Folder) => return Member::Nothing,
            (Err(fault), _) => return level.refuse(&entry.name, fault),
            (Ok(_), Kind::Unsupported(what)) => {
                return level.refuse(&entry.name, Fault::new(Reject::Unsupported, what));
            }
            (Ok(name), Kind::Link) => {
                return Member::Unread(Unread::note(format!("{}!{name}", level.display), "a link or special file"));
            }
            (Ok(name), Kind::File) => name,
        };
        if let Err(fault) = self.charge(entry.size) {
            return level.refuse(&entry.name, fault);
        }
        let display = format!("{}!{name}", level.display);
        // What has come from a stream by now says nothing of what this member weighs.
        let packed = match &level.packed {
            Packed::Known(bytes) => Packed::Known(entry.size.min(*bytes)),
            Packed::Counted(_) => Packed::Known(entry.size),
        };
        let source = match &mut level.archive {
            Archive::Tar(region, reader) => {
                let start = reader.feed().position();
                let complete = region.part(start, entry.size).size() == entry.size;
                let codecs =
                    if complete { Vec::new() } else { vec![Codec::Check(Expected { size: entry.size, crc32: None })] };
                Source::again(display, region.part(start, entry.size), codecs, packed, &self.limits)
            }
            Archive::TarStream(stream) => Source::once(display, stream.member(), packed, &self.limits),
            Archive::Zip(_) | Archive::SevenZip(_) => return Member::End,
        };
        Member::Source(Box::new(source.at_depth(level.depth + 1)))
    }
}

fn empty_tar() -> TarReader<RegionReader> {
    TarReader::new(Region::new(Arc::new(Vec::new())).reader())
}
