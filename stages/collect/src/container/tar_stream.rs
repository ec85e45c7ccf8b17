//! Members of a tar that can only be read once, from front to back (a `.tgz`, standard input).
//!
//! A member reads straight from the archive's stream as long as it is the current one. When the next member is asked for
//! while this one's reader still lives, what is left of it is spooled, and its reader goes on from there: whoever reads
//! members one after another pays nothing, whoever reads several at once pays the spool, and the bytes are the same.
//! Nobody waits for anybody but while bytes are moved.

use std::collections::HashMap;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::container::codec::Stream;
use crate::container::tar::{Feed, Next, TarReader};
use crate::limits::Limits;
use crate::region::RegionReader;
use crate::spool::spool;
use crate::trouble::Fault;

/// Bytes passed over at once.
const SKIP_BYTES: usize = 64 * 1024;

/// A stream that is skipped by reading.
struct StreamFeed {
    stream: Stream,
    scratch: Vec<u8>,
}

impl Read for StreamFeed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.read(buffer)
    }
}

impl Feed for StreamFeed {
    fn skip(&mut self, count: u64) -> io::Result<u64> {
        self.scratch.resize(SKIP_BYTES, 0);
        let mut skipped = 0;
        while skipped < count {
            let step = usize::try_from(count - skipped).unwrap_or(usize::MAX).min(SKIP_BYTES);
            match self.stream.read(self.scratch.get_mut(..step).unwrap_or_default()) {
                Ok(0) => break,
                Ok(read) => skipped += read as u64,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(skipped)
    }
}

impl Feed for RegionReader {
    fn skip(&mut self, count: u64) -> io::Result<u64> {
        let before = self.position();
        RegionReader::skip(self, count);
        Ok(self.position() - before)
    }
}

struct Shared {
    tar: TarReader<StreamFeed>,
    /// Number of the current member and whether its reader still lives.
    current: u64,
    reader: Weak<()>,
    /// What overtaken members still have to give.
    spooled: HashMap<u64, (RegionReader, Option<Fault>)>,
    /// The stream itself failed: nothing more comes.
    broken: Option<Fault>,
}

/// A tar read from front to back.
pub(crate) struct TarStream {
    shared: Arc<Mutex<Shared>>,
    ended: bool,
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    // A panic elsewhere leaves the stream at some byte; the checks on every header find that.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl TarStream {
    pub fn new(stream: Stream) -> Self {
        let tar = TarReader::new(StreamFeed { stream, scratch: Vec::new() });
        let shared = Shared { tar, current: 0, reader: Weak::new(), spooled: HashMap::new(), broken: None };
        Self { shared: Arc::new(Mutex::new(shared)), ended: false }
    }

    /// The next member's header, after setting aside what is left of the one before.
    pub fn next(&mut self, limits: &Limits) -> Result<Next, Fault> {
        if self.ended {
            return Ok(Next::End);
        }
        let mut shared = lock(&self.shared);
        shared.set_aside(limits);
        let result = match shared.broken.take() {
            Some(fault) => Err(fault),
            None => shared.tar.next(limits),
        };
        shared.current += 1;
        self.ended = matches!(result, Err(_) | Ok(Next::End));
        result
    }

    /// The current member's data.
    pub fn member(&self) -> Stream {
        let alive = Arc::new(());
        let mut shared = lock(&self.shared);
        shared.reader = Arc::downgrade(&alive);
        Box::new(Member { shared: Arc::clone(&self.shared), number: shared.current, _alive: alive })
    }
}

impl Shared {
    fn set_aside(&mut self, limits: &Limits) {
        if self.reader.strong_count() > 0 && self.tar.left() > 0 && self.broken.is_none() {
            // If the stream itself failed, reading the next header fails in the same way.
            let (region, fault) = spool(&mut Data(&mut self.tar), limits);
            self.spooled.insert(self.current, (region.reader(), fault));
        }
    }
}

struct Data<'a>(&'a mut TarReader<StreamFeed>);

impl Read for Data<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.data(buffer)
    }
}

/// One member's reader.
struct Member {
    shared: Arc<Mutex<Shared>>,
    number: u64,
    _alive: Arc<()>,
}

impl Read for Member {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut shared = lock(&self.shared);
        if shared.current == self.number {
            let result = shared.tar.data(buffer);
            if let Err(error) = &result
                && error.kind() != io::ErrorKind::Interrupted
            {
                shared.broken = Some(Fault::from_io("tar", error));
            }
            return result;
        }
        let Some((reader, fault)) = shared.spooled.get_mut(&self.number) else { return Ok(0) };
        match reader.read(buffer)? {
            0 if !buffer.is_empty() => fault.take().map_or(Ok(0), |fault| Err(fault.into())),
            count => Ok(count),
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        lock(&self.shared).spooled.remove(&self.number);
    }
}
