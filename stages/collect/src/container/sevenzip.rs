//! 7z (7zFormat.txt of the 7-Zip project): the directory, read by the crate sevenz-rust2, and blocks of members.
//!
//! Members of one *block* (7-Zip's "folder") are packed as one stream, so that none can be had without those before it.
//! A block is unpacked once, into a spool, when its first member is asked for; its members are stretches of that spool,
//! as independent as those of a plain tar. The spool goes when its last member does. Cost: the block's unpacked bytes on
//! disk, bounded by the allowance that its packed bytes have, as for every other layer.
//!
//! What must stay true: a fault within a block leaves the members before it whole, cuts the one in which it lies and tells
//! it for each behind; other blocks are not touched. Checksums are held against each member by us
//! ([`Check`](super::check::Check)), because the crate would give up the block for one bad member. A panic in the crate
//! is a fault of the block or the archive.

use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};

use sevenz_rust2::{Archive, BlockDecoder, Error, Password};
use shieldwall_schema::{ReadAt, Reject};

use crate::container::codec::Packed;
use crate::container::sevenzip_size::directory_bytes;
use crate::limits::{Allowance, Limits};
use crate::region::Region;
use crate::spool::Spool;
use crate::trouble::Fault;

/// Bytes of a directory, unpacked. A directory states how many members there are before any of them is seen, and the crate
/// makes room of some 180 bytes for each, up to one for each byte of the directory: 2 MiB bound that memory at about
/// 400 MiB. A member takes 40 to 100 bytes, so that 20,000 and more fit; evidence collections have a few thousand.
const DIRECTORY_BYTES_MAX: u64 = 2 * 1024 * 1024;
/// Memory in KiB for unpacking a directory; common writers use the 8 MiB dictionary of LZMA's default preset.
const DIRECTORY_MEMORY_KIB_MAX: usize = 18 * 1024;

/// `FILE_ATTRIBUTE_UNIX_EXTENSION`: the upper half of the attributes is a Unix mode.
const HAS_UNIX_MODE: u32 = 0x8000;
/// `S_IFMT` and `S_IFLNK`.
const FILE_TYPE: u32 = 0o170_000;
const LINK: u32 = 0o120_000;

/// What a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Folder,
    Link,
}

/// One member.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub name: String,
    pub size: u64,
    pub crc32: Option<u32>,
    pub kind: Kind,
    block: Option<usize>,
    /// Where it begins in its unpacked block.
    start: u64,
}

/// A member's bytes.
pub(crate) struct Data {
    pub region: Region,
    /// Packed bytes that they came from, with those of their neighbours in the block.
    pub packed: u64,
    /// What cut them short.
    pub fault: Option<Fault>,
}

/// The block unpacked last.
struct Unpacked {
    block: usize,
    region: Region,
    packed: u64,
    fault: Option<Fault>,
}

/// An archive's members one after another.
pub(crate) struct SevenZip {
    bytes: Region,
    archive: Archive,
    crcs: Vec<Option<u32>>,
    next: usize,
    /// The block of the member given last, and where the next member begins in it.
    place: (usize, u64),
    unpacked: Option<Unpacked>,
}

impl SevenZip {
    /// Reads the directory.
    pub fn open(bytes: Region, limits: &Limits) -> Result<Self, Fault> {
        let size = directory_bytes(&bytes)?;
        if size > DIRECTORY_BYTES_MAX {
            return Err(Fault::limit("DIRECTORY_BYTES_MAX", format_args!("7z: a directory of {size} bytes")));
        }
        let kib = DIRECTORY_MEMORY_KIB_MAX.min(kib(limits));
        let mut reader = bytes.reader();
        // Unwind safety: nothing of what a panic leaves behind is used.
        let read = || Archive::read_with_memory_limit(&mut reader, &Password::empty(), kib);
        let archive = match catch_unwind(AssertUnwindSafe(read)) {
            Ok(read) => read.map_err(|error| fault(&error, "the directory"))?,
            Err(_) => return Err(Fault::new(Reject::Internal, "7z: reading the directory failed")),
        };
        let mut archive = archive;
        // Held by us, member by member.
        let crcs = archive.files.iter_mut().map(|file| {
            let stated = std::mem::take(&mut file.has_crc) && file.has_stream;
            u32::try_from(file.crc).ok().filter(|_| stated)
        });
        let crcs = crcs.collect();
        archive.blocks.iter_mut().for_each(|block| block.has_crc = false);
        Ok(Self { bytes, archive, crcs, next: 0, place: (usize::MAX, 0), unpacked: None })
    }

    /// The next member.
    pub fn next(&mut self) -> Option<Entry> {
        let file = self.archive.files.get_mut(self.next)?;
        let block = self.archive.stream_map.file_block_index.get(self.next).copied().flatten();
        self.next += 1;
        let block = block.filter(|_| file.has_stream);
        let mut start = 0;
        if let Some(block) = block {
            if self.place.0 != block {
                self.place = (block, 0);
            }
            start = self.place.1;
            self.place.1 = start.saturating_add(file.size);
        }
        let attributes = if file.has_windows_attributes { file.windows_attributes } else { 0 };
        let kind = match attributes >> 16 & FILE_TYPE {
            _ if file.is_directory || file.is_anti_item => Kind::Folder,
            LINK if attributes & HAS_UNIX_MODE != 0 => Kind::Link,
            _ => Kind::File,
        };
        Some(Entry {
            name: std::mem::take(&mut file.name),
            size: if file.has_stream { file.size } else { 0 },
            crc32: self.crcs.get(self.next - 1).copied().flatten(),
            kind,
            block,
            start,
        })
    }

    /// A member's bytes. `outer` are the packed bytes of what the archive lies in.
    pub fn data(&mut self, entry: &Entry, outer: u64, limits: &Limits) -> Result<Data, Fault> {
        let Some(block) = entry.block else {
            return Ok(Data { region: Region::new(std::sync::Arc::new(Vec::new())), packed: 0, fault: None });
        };
        if self.unpacked.as_ref().is_none_or(|unpacked| unpacked.block != block) {
            // The last block's spool is let go before the next is made.
            self.unpacked = None;
            if self.archive.is_file_encrypted(self.next.saturating_sub(1)) {
                return Err(Fault::new(Reject::Encrypted, "7z: the member is encrypted"));
            }
            self.unpacked = Some(self.unpack(block, outer, limits));
        }
        let Some(unpacked) = &self.unpacked else {
            return Err(Fault::new(Reject::Internal, "7z: no block"));
        };
        let region = unpacked.region.part(entry.start, entry.size);
        let fault = unpacked.fault.clone().filter(|_| region.size() < entry.size);
        match fault {
            Some(fault) if region.size() == 0 => Err(fault),
            fault => Ok(Data { region, packed: unpacked.packed, fault }),
        }
    }

    /// Unpacks a block as far as it goes.
    fn unpack(&mut self, block: usize, outer: u64, limits: &Limits) -> Unpacked {
        let packed = self.packed_bytes(block).min(self.bytes.size()).min(outer);
        let Allowance { bytes, limit } = limits.allowance(&Packed::Known(packed));
        let mut left = bytes;
        let mut spool = Spool::new();
        let mut found = None;
        let (archive, mut reader, password) = (&self.archive, self.bytes.reader(), Password::empty());
        let decode = || {
            let decoder = BlockDecoder::new_with_memory_limit(1, kib(limits), block, archive, &password, &mut reader);
            decoder.for_each_entries(&mut |_, data| {
                let mut capped = Capped { inner: data, left: &mut left, bytes, limit };
                found = spool.take(&mut capped, limits).err();
                Ok(found.is_none())
            })
        };
        // Unwind safety: the spool holds whole pieces at any time; everything else is dropped.
        let result = catch_unwind(AssertUnwindSafe(decode));
        let fault = found.or(match result {
            Ok(Ok(_)) => None,
            Ok(Err(error)) => Some(fault(&error, "a block")),
            Err(_) => Some(Fault::new(Reject::Internal, "7z: the decompressor failed")),
        });
        Unpacked { block, region: spool.region(), packed, fault }
    }

    /// Packed bytes of a block, as the directory states them.
    fn packed_bytes(&self, block: usize) -> u64 {
        let first = self.archive.stream_map.block_first_pack_stream_index();
        let from = first.get(block).copied().unwrap_or_default();
        let to = first.get(block + 1).copied().unwrap_or(self.archive.pack_sizes().len());
        let sizes = self.archive.pack_sizes().get(from..to).unwrap_or_default();
        sizes.iter().fold(0, |sum, size| sum.saturating_add(*size))
    }
}

/// Memory that a decompressor may ask for.
fn kib(limits: &Limits) -> usize {
    /// What LZMA takes beside its dictionary.
    const OVERHEAD_KIB: u64 = 256;
    usize::try_from((limits.window_bytes_max / 1024).saturating_add(OVERHEAD_KIB)).unwrap_or(usize::MAX)
}

/// Ends with a fault when the block has given all that it may.
struct Capped<'a> {
    inner: &'a mut dyn Read,
    left: &'a mut u64,
    bytes: u64,
    limit: &'static str,
}

impl Read for Capped<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = usize::try_from(*self.left).unwrap_or(usize::MAX).min(buffer.len());
        if room == 0 && !buffer.is_empty() {
            // The member may end exactly here.
            return match self.inner.read(&mut [0])? {
                0 => Ok(0),
                _ => {
                    let what = format!("7z: more than {} bytes unpacked from a block", self.bytes);
                    Err(Fault::limit(self.limit, what).into())
                }
            };
        }
        let count = self.inner.read(buffer.get_mut(..room).unwrap_or_default())?;
        *self.left = self.left.saturating_sub(count as u64);
        Ok(count)
    }
}

/// What the crate says, in our words.
fn fault(error: &Error, what: &str) -> Fault {
    let of = |reason, why: &str| Fault::new(reason, format!("7z: {what}: {why}"));
    match error {
        Error::Io(error, _) => Fault::from_io("7z", error),
        Error::MaxMemLimited { actaul_kb, .. } => {
            Fault::limit("window_bytes_max", format_args!("7z: {what} asks for {actaul_kb} KiB of memory"))
        }
        Error::PasswordRequired | Error::MaybeBadPassword(_) => of(Reject::Encrypted, "encrypted"),
        Error::UnsupportedCompressionMethod(method) if method.contains("AES") => of(Reject::Encrypted, "encrypted"),
        Error::UnsupportedCompressionMethod(method) => {
            of(Reject::Unsupported, &format!("packed by {method}, which this version does not read"))
        }
        Error::UnsupportedVersion { .. } | Error::ExternalUnsupported | Error::Unsupported(_) => {
            of(Reject::Unsupported, "a variant that this version does not read")
        }
        Error::ChecksumVerificationFailed | Error::NextHeaderCrcMismatch => {
            of(Reject::Checksum, "the checksum differs")
        }
        Error::Other(why) => of(Reject::Corrupt, why),
        _ => of(Reject::Corrupt, "damaged"),
    }
}
