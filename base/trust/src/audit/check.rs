//! Reads a log from its beginning and names what was done to it: the entry that was edited, left out, moved, or cut off.
//!
//! One pass in constant memory finds what breaks the chain. Where somebody made the whole chain fit again, the root is not
//! the one that was signed; then the signed heads are searched by halves for the first that does not fit, and the entries
//! between it and the one before are named.

use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, BufRead};

use super::entry::{self, LINE_BYTES_MAX};
use super::head::Head;
use super::merkle::{self, Edge};
use crate::artifact::Hash;
use crate::key::PublicKey;

/// Faults that are named; more are counted.
pub const FAULTS_MAX: usize = 100;

/// Left-out entries that are remembered one by one, in case they stand elsewhere; of a longer gap only its ends are told.
const GAP_MAX: u64 = 10_000;

/// One thing that is wrong with a log. Numbers are those of entries, from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// An entry is not as it was written.
    Edited(u64),
    /// Entries are not there: the first and how many.
    Missing(u64, u64),
    /// An entry stands where another should.
    Moved(u64),
    /// An entry stands there more than once.
    Repeated(u64),
    /// The chain fits, but entries are not those that were signed: the first that may be changed, and the first that is beyond
    /// doubt later.
    Rewritten(u64, u64),
    /// Entries are gone from the end: how many are there, how many were signed.
    Truncated(u64, u64),
    /// Entries from this number on have no signed head: the writer was stopped, or somebody else wrote them.
    Unsigned(u64),
    /// The last line is not whole; so many bytes. A writer was stopped while it wrote.
    Torn(u64),
    /// No head was signed by the given key though there are entries.
    NoHead,
    /// A head that was kept elsewhere is not one of this log: its size.
    OtherLog(u64),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Edited(at) => write!(f, "entry {at} was edited"),
            Self::Missing(at, 1) => write!(f, "entry {at} was deleted"),
            Self::Missing(at, many) => write!(f, "entries {at} to {} were deleted", at + many - 1),
            Self::Moved(at) => write!(f, "entry {at} was moved: the order is not that of writing"),
            Self::Repeated(at) => write!(f, "entry {at} stands there again"),
            Self::Rewritten(from, to) if to - from <= 1 => {
                write!(
                    f,
                    "entry {from} was edited and the entries after it made to fit: the root is not the one signed"
                )
            }
            Self::Rewritten(from, to) => write!(
                f,
                "an entry from {from} to {} was edited and the entries after it made to fit: the root is not the one signed",
                to - 1
            ),
            Self::Truncated(found, signed) => {
                write!(f, "truncated: entries {found} to {} were signed and are not there", signed - 1)
            }
            Self::Unsigned(from) => write!(f, "entries from {from} on have no signed head"),
            Self::Torn(bytes) => write!(f, "the last line is not whole ({bytes} bytes): a writer was stopped"),
            Self::NoHead => write!(f, "no tree head was signed by this key"),
            Self::OtherLog(size) => write!(f, "the kept head of {size} entries is not of this log"),
        }
    }
}

impl Fault {
    /// Whether a writer that was stopped leaves this behind, without anybody's doing.
    pub fn is_crash(&self) -> bool {
        matches!(self, Self::Torn(_) | Self::Unsigned(_))
    }
}

/// What a check found.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// Entries read.
    pub entries: u64,
    /// Bytes of whole lines.
    pub bytes: u64,
    /// The tree over what is there.
    pub edge: Edge,
    /// Hash of the last entry, all zeros before the first.
    pub last: Option<Hash>,
    /// The last head that the key signed.
    pub head: Option<Head>,
    /// What is wrong, in order.
    pub faults: Vec<Fault>,
    /// Faults beyond [`FAULTS_MAX`].
    pub more: u64,
}

impl Checked {
    fn fault(&mut self, fault: Fault) {
        if self.faults.len() < FAULTS_MAX { self.faults.push(fault) } else { self.more += 1 }
    }
}

/// What entry 0 names as the one before it.
pub(crate) fn no_entry() -> Hash {
    Hash::from_bytes([0; 32])
}

/// Checks the chain of a log. `at_size` hears the root of the tree of so many entries, as the tree grows.
///
/// # Errors
/// When reading fails.
pub fn chain(log: &mut dyn BufRead, wanted_size: Option<u64>) -> io::Result<(Checked, Option<Hash>)> {
    let mut checked = Checked::default();
    let mut wanted_root = (wanted_size == Some(0)).then(|| Edge::default().root());
    let mut gaps: BTreeSet<u64> = BTreeSet::new();
    let (mut expected, mut previous) = (0_u64, no_entry());
    // After a fault that is told already, the next link says nothing new.
    let mut explained = false;
    // A link that broke: the entry before it is to blame, unless the next link breaks too.
    let mut broken: Option<u64> = None;
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = read_line(log, &mut line)?;
        if read == 0 {
            break;
        }
        if line.last() != Some(&b'\n') && read == line.len() as u64 {
            if let Some(at) = broken.take() {
                checked.fault(Fault::Edited(at));
            }
            checked.fault(Fault::Torn(read));
            break;
        }
        line.pop();
        let leaf = merkle::leaf(&line);
        match entry::links(&line) {
            None => {
                if let Some(at) = broken.take() {
                    checked.fault(Fault::Edited(at));
                }
                checked.fault(Fault::Edited(expected));
                expected += 1;
                explained = true;
            }
            Some(links) if links.number != expected => {
                if let Some(at) = broken.take() {
                    checked.fault(Fault::Edited(at));
                }
                if links.number > expected {
                    let many = links.number - expected;
                    if many <= GAP_MAX && gaps.len() as u64 + many <= GAP_MAX {
                        gaps.extend(expected..links.number);
                    } else {
                        checked.fault(Fault::Missing(expected, many));
                    }
                    expected = links.number.saturating_add(1);
                } else if gaps.remove(&links.number) {
                    checked.fault(Fault::Moved(links.number));
                } else {
                    checked.fault(Fault::Repeated(links.number));
                }
                explained = true;
            }
            Some(links) => {
                let fits = links.previous == previous;
                match broken.take() {
                    Some(_) if !fits => checked.fault(Fault::Edited(links.number - 1)),
                    Some(at) => checked.fault(Fault::Edited(at)),
                    // Entry 0 has nobody before it to blame.
                    None if !fits && !explained => match links.number.checked_sub(1) {
                        Some(before) => broken = Some(before),
                        None => checked.fault(Fault::Edited(0)),
                    },
                    None => {}
                }
                explained = false;
                expected += 1;
            }
        }
        previous = leaf;
        checked.edge.push(leaf);
        checked.entries += 1;
        checked.bytes += read;
        checked.last = Some(leaf);
        if wanted_size == Some(checked.entries) {
            wanted_root = Some(checked.edge.root());
        }
    }
    if let Some(at) = broken {
        checked.fault(Fault::Edited(at));
    }
    let mut gaps = gaps.into_iter().peekable();
    while let Some(first) = gaps.next() {
        let mut many = 1;
        while gaps.next_if(|next| *next == first + many).is_some() {
            many += 1;
        }
        checked.fault(Fault::Missing(first, many));
    }
    Ok((checked, wanted_root))
}

/// Reads a line with its line feed; of one that is too long, only the beginning is kept. Returns how many bytes there were.
pub(super) fn read_line(log: &mut dyn BufRead, line: &mut Vec<u8>) -> io::Result<u64> {
    let mut read = 0;
    loop {
        let buffer = match log.fill_buf() {
            Ok(buffer) => buffer,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let many = end.map_or(buffer.len(), |end| end + 1);
        let part = buffer.get(..many).unwrap_or_default();
        let room = (LINE_BYTES_MAX + 1).saturating_sub(line.len());
        line.extend_from_slice(part.get(..room.min(many)).unwrap_or_default());
        log.consume(many);
        read += many as u64;
        if end.is_some() || many == 0 {
            return Ok(read);
        }
    }
}

/// Checks a log against its signed heads. `heads` are the lines of the file of heads, `leaves` gives the hashes of all entries
/// once more, which is asked for only when the root is not the one signed. `kept`: a head from elsewhere that the log must
/// continue.
///
/// # Errors
/// When reading fails.
pub fn check(
    log: &mut dyn BufRead,
    heads: &[u8],
    key: &PublicKey,
    kept: Option<&Head>,
    leaves: &mut dyn FnMut() -> io::Result<Vec<Hash>>,
) -> io::Result<Checked> {
    let lines: Vec<&[u8]> = heads.split_inclusive(|byte| *byte == b'\n').collect();
    let signed = |line: &[u8]| Head::read(line.trim_ascii_end()).filter(|head| head.is_by(key));
    let head = lines.iter().rev().find_map(|line| signed(line));
    let wanted = head.as_ref().map(|head| head.size);
    let (mut checked, root) = chain(log, wanted)?;
    match &head {
        None if checked.entries > 0 => checked.fault(Fault::NoHead),
        None => {}
        Some(head) if head.size > checked.entries => {
            checked.fault(Fault::Truncated(checked.entries, head.size));
        }
        Some(head) => {
            // A fault that is named says it better.
            if root != Some(head.root) && !checked.faults.iter().any(|fault| !fault.is_crash()) {
                let leaves = leaves()?;
                let fits = |head: &Head| {
                    let first = usize::try_from(head.size).ok().and_then(|size| leaves.get(..size));
                    first.is_some_and(|first| merkle::root(first) == head.root)
                };
                // Lines that are no heads by this key are passed over towards earlier ones.
                let (mut good, mut bad) = (0, head.size);
                let (mut low, mut high) = (0, lines.len());
                while low < high {
                    let middle = low + (high - low) / 2;
                    let part = lines.get(low..=middle).unwrap_or_default();
                    match part.iter().rev().find_map(|line| signed(line)) {
                        Some(head) if fits(&head) => {
                            good = good.max(head.size);
                            low = middle + 1;
                        }
                        Some(head) => {
                            bad = bad.min(head.size);
                            high = middle;
                        }
                        None => low = middle + 1,
                    }
                }
                checked.fault(Fault::Rewritten(good, bad.max(good + 1)));
            }
            if head.size < checked.entries {
                checked.fault(Fault::Unsigned(head.size));
            }
        }
    }
    if let Some(kept) = kept {
        let leaves = leaves()?;
        let first = usize::try_from(kept.size).ok().and_then(|size| leaves.get(..size));
        if !kept.is_by(key) {
            checked.fault(Fault::OtherLog(kept.size));
        } else if first.is_none() {
            checked.fault(Fault::Truncated(checked.entries, kept.size));
        } else if first.is_some_and(|first| merkle::root(first) != kept.root) {
            checked.fault(Fault::OtherLog(kept.size));
        }
    }
    checked.head = head;
    Ok(checked)
}
