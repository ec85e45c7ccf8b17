//! Bytes kept for a second look: what came as a stream (standard input, a member of a packed tar) and must be read at
//! offsets, twice, or after its neighbour. The first bytes stay in memory, the rest goes to an anonymous temporary file
//! that vanishes with its last handle, never beside the evidence.

use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::Arc;

use shieldwall_schema::{ReadAt, Reject};

use crate::limits::Limits;
use crate::region::{Region, fill_at, within};
use crate::trouble::Fault;

/// Bytes moved at once.
const STEP_BYTES: usize = 64 * 1024;

pub(crate) struct Spool {
    memory: Vec<u8>,
    file: Option<File>,
    size: u64,
}

impl ReadAt for Spool {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let buffer = within(buffer, offset, self.size);
        let mut count = self.memory.as_slice().read_at(offset, buffer)?;
        if let (Some(file), Some(rest)) = (&self.file, buffer.get_mut(count..)) {
            let in_file = offset.saturating_add(count as u64).saturating_sub(self.memory.len() as u64);
            count += fill_at(file, in_file, rest)?;
        }
        Ok(count)
    }

    fn size(&self) -> u64 {
        self.size
    }
}

impl Spool {
    pub(crate) fn new() -> Self {
        Self { memory: Vec::new(), file: None, size: 0 }
    }

    /// Appends a stream up to its end. A fault keeps what came before it.
    pub(crate) fn take(&mut self, stream: &mut dyn Read, limits: &Limits) -> Result<(), Fault> {
        fill(self, stream, limits)
    }

    /// The bytes kept.
    pub(crate) fn region(self) -> Region {
        Region::new(Arc::new(self))
    }
}

/// Reads `stream` to its end. A fault keeps what came before it.
pub(crate) fn spool(stream: &mut dyn Read, limits: &Limits) -> (Region, Option<Fault>) {
    let mut spool = Spool::new();
    let fault = spool.take(stream, limits).err();
    (spool.region(), fault)
}

fn fill(spool: &mut Spool, stream: &mut dyn Read, limits: &Limits) -> Result<(), Fault> {
    let mut step = vec![0; STEP_BYTES];
    loop {
        let bytes = match stream.read(&mut step) {
            Ok(0) => return Ok(()),
            Ok(count) => step.get(..count).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Fault::from_io("stream", &error)),
        };
        let room = limits.spool_bytes_max.saturating_sub(spool.size);
        let kept = bytes.get(..usize::try_from(room).unwrap_or(usize::MAX)).unwrap_or(bytes);
        keep(spool, kept, limits).map_err(|error| {
            Fault::new(Reject::Unreadable, format!("cannot write to the temporary folder: {error}"))
        })?;
        if kept.len() < bytes.len() {
            return Err(Fault::limit("spool_bytes_max", format_args!("more than {} bytes to spool", spool.size)));
        }
    }
}

fn keep(spool: &mut Spool, bytes: &[u8], limits: &Limits) -> io::Result<()> {
    let room = limits.spool_memory_bytes_max.saturating_sub(spool.memory.len()).min(bytes.len());
    let (here, there) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
    if spool.file.is_none() {
        spool.memory.extend_from_slice(here);
        spool.size += here.len() as u64;
    }
    if there.is_empty() {
        return Ok(());
    }
    if spool.file.is_none() {
        spool.file = Some(match &limits.spool_dir {
            Some(dir) => tempfile::tempfile_in(dir)?,
            None => tempfile::tempfile()?,
        });
    }
    if let Some(file) = &mut spool.file {
        file.write_all(there)?;
        spool.size += there.len() as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spool_gives_back_what_it_took_in_memory_and_in_a_file() {
        let bytes: Vec<u8> = (0..300_000u32).map(|at| (at % 251) as u8).collect();
        for memory in [0, 1, 65_536, 100_000, 300_000, 400_000] {
            let limits = Limits { spool_memory_bytes_max: memory, ..Limits::default() };
            let (region, fault) = spool(&mut bytes.as_slice(), &limits);
            assert_eq!((fault, region.size()), (None, 300_000));
            for (offset, length) in [(0, 300_000), (99_990, 20), (65_530, 100_000), (299_999, 10), (300_000, 1)] {
                let mut out = vec![0; length];
                let count = region.read_at(offset as u64, &mut out).unwrap();
                assert_eq!(out[..count], bytes[offset..(offset + length).min(300_000)], "{memory} {offset}");
            }
        }
    }

    #[test]
    fn a_spool_stops_at_its_limit_and_names_it() {
        let limits = Limits { spool_bytes_max: 10, ..Limits::default() };
        let (region, fault) = spool(&mut [7u8; 11].as_slice(), &limits);
        let fault = fault.unwrap();
        assert_eq!((region.size(), fault.reason), (10, Reject::Limit));
        assert!(fault.detail.contains("spool_bytes_max"));
        let (region, fault) = spool(&mut [7u8; 10].as_slice(), &limits);
        assert_eq!((region.size(), fault), (10, None));
    }
}
