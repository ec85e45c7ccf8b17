//! What half A leaves for half B: matches and observations, ordered by external merge sort.
//!
//! Workers append records in any order. A record is a key (event time, source, offset), a kind and a payload. What does
//! not fit [`MEMORY_BYTES_MAX`] goes to unnamed temporary files, one *run* each. [`Spill::sorted`] then sorts every run by
//! the key, with sources in the order that the caller gives (their content hashes, known only when A is done), and merges.
//!
//! Cost: a record is its payload and 29 bytes; runs are written twice and read twice. Memory: one run, plus one read
//! buffer a run while merging.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};

/// Bytes of records kept in memory before a run is written. While they are sorted they stand there twice. Small enough
/// that the whole line stays under 96 MB.
pub const MEMORY_BYTES_MAX: usize = 6 * 1024 * 1024;

/// Runs of that size; later ones are [`LATER_RUNS_FACTOR`] times as long, since every run is an open file.
const RUNS_MAX: usize = 64;

/// See [`RUNS_MAX`].
const LATER_RUNS_FACTOR: usize = 4;

/// The order in which B sees things: event time, then source, then offset, then rule, so that no two records tie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// Nanoseconds since the epoch; records without a time come first, in the order of their places.
    pub time: i64,
    /// While spilling: the source's number. After sorting: its rank by content hash.
    pub source: u32,
    /// Byte offset of the record in its source.
    pub offset: u64,
    /// The rule, or the observation's feature.
    pub subject: u32,
}

/// The time of a key whose record has none.
pub const NO_TIME: i64 = i64::MIN;

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum ItemKind {
    /// A rule matched; the payload is its evidence, or empty where enough evidence is kept already.
    Match = 0,
    /// How much was read of a host.
    Presence = 1,
    /// What learning sees of a record.
    Observation = 2,
}

/// One record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item<'a> {
    /// Its key.
    pub key: Key,
    /// Its kind.
    pub kind: ItemKind,
    /// Its payload.
    pub payload: &'a [u8],
}

const HEADER_BYTES: usize = 29;

/// Appends a record to a worker's buffer.
pub fn encode(out: &mut Vec<u8>, key: Key, kind: ItemKind, payload: &[u8]) {
    out.extend_from_slice(&key.time.to_le_bytes());
    out.extend_from_slice(&key.source.to_le_bytes());
    out.extend_from_slice(&key.offset.to_le_bytes());
    out.extend_from_slice(&key.subject.to_le_bytes());
    out.push(kind as u8);
    out.extend_from_slice(&(payload.len() as u32).to_le_bytes());
    out.extend_from_slice(payload);
}

/// Decodes a header: key, kind and payload length.
fn header(bytes: &[u8; HEADER_BYTES]) -> (Key, ItemKind, usize) {
    fn part<const N: usize>(bytes: &[u8; HEADER_BYTES], at: usize) -> [u8; N] {
        let mut out = [0; N];
        out.iter_mut().zip(bytes.iter().skip(at)).for_each(|(to, from)| *to = *from);
        out
    }
    let key = Key {
        time: i64::from_le_bytes(part(bytes, 0)),
        source: u32::from_le_bytes(part(bytes, 8)),
        offset: u64::from_le_bytes(part(bytes, 12)),
        subject: u32::from_le_bytes(part(bytes, 20)),
    };
    let kind = match part::<1>(bytes, 24) {
        [0] => ItemKind::Match,
        [1] => ItemKind::Presence,
        _ => ItemKind::Observation,
    };
    (key, kind, u32::from_le_bytes(part(bytes, 25)) as usize)
}

/// Everything that A left, unordered.
#[derive(Debug)]
pub struct Spill {
    memory: Vec<u8>,
    memory_max: usize,
    runs: Vec<File>,
}

impl Spill {
    /// An empty spill that keeps at most `memory_max` bytes in memory.
    pub fn new(memory_max: usize) -> Self {
        Self { memory: Vec::new(), memory_max, runs: Vec::new() }
    }

    /// Takes a worker's buffer (whole records) and empties it.
    ///
    /// # Errors
    /// When a run cannot be written to the temporary folder.
    pub fn append(&mut self, records: &mut Vec<u8>) -> io::Result<()> {
        let factor = if self.runs.len() < RUNS_MAX { 1 } else { LATER_RUNS_FACTOR };
        if self.memory.len() + records.len() > self.memory_max.saturating_mul(factor) && !self.memory.is_empty() {
            let mut run = tempfile::tempfile()?;
            run.write_all(&self.memory)?;
            self.runs.push(run);
            self.memory.clear();
        }
        self.memory.extend_from_slice(records);
        records.clear();
        Ok(())
    }

    /// The records in the order of their keys. `rank[source]` is the source's place in that order.
    ///
    /// # Errors
    /// When a run cannot be read back or sorted onto disk.
    pub fn sorted(self, rank: &[u32]) -> io::Result<Sorted> {
        let mut readers: Vec<Box<dyn Run>> = Vec::new();
        for mut run in self.runs {
            run.seek(SeekFrom::Start(0))?;
            let mut bytes = Vec::new();
            run.read_to_end(&mut bytes)?;
            let mut file = BufWriter::new(tempfile::tempfile()?);
            sort_run(&bytes, rank, &mut file)?;
            let mut file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
            file.seek(SeekFrom::Start(0))?;
            readers.push(Box::new(BufReader::with_capacity(64 * 1024, file)));
        }
        let mut last = Vec::with_capacity(self.memory.len());
        sort_run(&self.memory, rank, &mut last)?;
        drop(self.memory);
        readers.push(Box::new(io::Cursor::new(last)));
        let payloads = vec![Vec::new(); readers.len()];
        let mut sorted = Sorted { readers, payloads, heap: BinaryHeap::new(), given: None };
        for at in 0..sorted.readers.len() {
            sorted.refill(at)?;
        }
        Ok(sorted)
    }
}

fn sort_run(bytes: &[u8], rank: &[u32], out: &mut dyn Write) -> io::Result<()> {
    let mut index: Vec<(Key, ItemKind, usize, usize)> = Vec::new();
    let mut at = 0;
    while let Some(head) = bytes.get(at..).and_then(|rest| rest.first_chunk::<HEADER_BYTES>()) {
        let (mut key, kind, length) = header(head);
        key.source = rank.get(key.source as usize).copied().unwrap_or(u32::MAX);
        index.push((key, kind, at + HEADER_BYTES, length));
        at += HEADER_BYTES + length;
    }
    index.sort_unstable();
    let mut head = Vec::with_capacity(HEADER_BYTES);
    for (key, kind, start, length) in index {
        let payload = bytes.get(start..start + length).unwrap_or_default();
        head.clear();
        encode(&mut head, key, kind, payload);
        out.write_all(&head)?;
    }
    Ok(())
}

/// A sorted run, on disk or in memory.
trait Run: Read + Seek {}
impl<T: Read + Seek> Run for T {}

/// Records in key order, merged from the runs. Lending: a record's payload is valid until the next is asked for, so a
/// record costs no allocation.
pub struct Sorted {
    readers: Vec<Box<dyn Run>>,
    /// The payload of each run's next record.
    payloads: Vec<Vec<u8>>,
    /// The key, kind and run of each run's next record.
    heap: BinaryHeap<Reverse<(Key, ItemKind, usize)>>,
    /// The run whose record was given out last and is to be read on.
    given: Option<usize>,
}

impl Sorted {
    fn refill(&mut self, at: usize) -> io::Result<()> {
        let (Some(reader), Some(payload)) = (self.readers.get_mut(at), self.payloads.get_mut(at)) else {
            return Ok(());
        };
        let mut head = [0; HEADER_BYTES];
        match reader.read_exact(&mut head) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error),
        }
        let (key, kind, length) = header(&head);
        payload.resize(length, 0);
        reader.read_exact(payload)?;
        self.heap.push(Reverse((key, kind, at)));
        Ok(())
    }

    /// Begins again with the first record.
    ///
    /// # Errors
    /// When a run cannot be read back.
    pub fn rewind(&mut self) -> io::Result<()> {
        self.heap.clear();
        self.given = None;
        for at in 0..self.readers.len() {
            if let Some(reader) = self.readers.get_mut(at) {
                reader.seek(SeekFrom::Start(0))?;
            }
            self.refill(at)?;
        }
        Ok(())
    }

    /// The next record; `None` at the end.
    ///
    /// # Errors
    /// When a run cannot be read back.
    pub fn next(&mut self) -> io::Result<Option<Item<'_>>> {
        if let Some(run) = self.given.take() {
            self.refill(run)?;
        }
        let Some(Reverse((key, kind, run))) = self.heap.pop() else { return Ok(None) };
        self.given = Some(run);
        let payload = self.payloads.get(run).map(Vec::as_slice).unwrap_or_default();
        Ok(Some(Item { key, kind, payload }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn run(items: &[(i64, u32, u64, u32)], memory_max: usize) -> Vec<(Key, Vec<u8>)> {
        let mut spill = Spill::new(memory_max);
        for (time, source, offset, subject) in items.iter().copied() {
            let mut buffer = Vec::new();
            let key = Key { time, source, offset, subject };
            encode(&mut buffer, key, ItemKind::Match, format!("{time}/{source}").as_bytes());
            spill.append(&mut buffer).unwrap();
        }
        // Sources rank in reverse, to see that ranks and not numbers decide.
        let rank: Vec<u32> = (0..8).rev().collect();
        let mut sorted = spill.sorted(&rank).unwrap();
        let mut all = Vec::new();
        while let Some(item) = sorted.next().unwrap() {
            all.push((item.key, item.payload.to_vec()));
        }
        all
    }

    proptest! {
        #[test]
        fn what_is_spilled_comes_back_whole_and_in_order(
            items in proptest::collection::vec((any::<i64>(), 0u32..8, 0u64..50, 0u32..4), 0..200)
        ) {
            let whole = run(&items, usize::MAX);
            let spilled = run(&items, 64);
            prop_assert_eq!(&whole, &spilled);
            prop_assert_eq!(whole.len(), items.len());
            prop_assert!(whole.windows(2).all(|pair| pair[0].0 <= pair[1].0));
            let own = |(key, payload): &(Key, Vec<u8>)| *payload == format!("{}/{}", key.time, 7 - key.source).into_bytes();
            prop_assert!(whole.iter().all(own));
        }
    }
}
