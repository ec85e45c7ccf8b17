//! One stream of log bytes, unpacked: a plain file, an archive's member, standard input.
//!
//! A source is read in order through [`Read`], again after [`Source::rewind`], or at offsets through
//! [`Source::random`]. It is `Send`: a worker may open it, another go on. Reading never fails on damaged data: the
//! source ends there, and [`Source::trouble`] tells why.
//!
//! Three kinds of origin, by what a second look costs: *plain* bytes (files, stored members, spools) are simply read
//! again; *packed* bytes are unpacked again, so that 60 GiB of gzip never need a spool; bytes that come *once* (standard
//! input, members of a packed tar) must be kept first, with [`Source::keep`].

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use shieldwall_schema::{Place, ReadAt, Rejection};

use crate::container::codec::{Codec, Counted, Packed, Stream, unpack};
use crate::limits::Limits;
use crate::region::Region;
use crate::spool::spool;
use crate::trouble::Fault;

/// Bytes of a source's head that are kept for sniffing its format.
pub const HEAD_BYTES: usize = 64 * 1024;

/// What a second look costs.
#[derive(Clone)]
enum Origin {
    /// Read or unpack again.
    Again { region: Region, codecs: Vec<Codec> },
    /// Gone once read.
    Once,
}

/// One stream of log bytes.
pub struct Source {
    display: String,
    head: Vec<u8>,
    /// Bytes of the head that this pass has given out, if it began with the head.
    head_given: usize,
    body: Option<Stream>,
    /// Bytes given out in this pass.
    position: u64,
    origin: Origin,
    packed: Packed,
    depth: u32,
    fault: Option<Fault>,
    /// The cause of any fault, where whoever made the bytes knows it better than the layer that misses some.
    ended_by: Option<Fault>,
    limits: Limits,
}

impl Source {
    /// A source over any reader, named `display`, for bytes that come once.
    pub fn from_reader(display: impl Into<String>, reader: impl Read + Send + 'static, limits: &Limits) -> Self {
        let bytes = Arc::new(AtomicU64::new(0));
        let counted = Counted { inner: reader, bytes: Arc::clone(&bytes) };
        Self::once(display.into(), Box::new(counted), Packed::Counted(bytes), limits)
    }

    pub(crate) fn once(display: String, stream: Stream, packed: Packed, limits: &Limits) -> Self {
        Self::begin(display, stream, Origin::Once, packed, limits)
    }

    pub(crate) fn again(display: String, region: Region, codecs: Vec<Codec>, packed: Packed, limits: &Limits) -> Self {
        let stream = layered(&region, &codecs, &packed, limits);
        Self::begin(display, stream, Origin::Again { region, codecs }, packed, limits)
    }

    fn begin(display: String, mut body: Stream, origin: Origin, packed: Packed, limits: &Limits) -> Self {
        let mut head = Vec::new();
        // What was read before a fault stays in the head.
        let result = body.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut head);
        let fault = result.err().map(|error| Fault::from_io("file", &error));
        let body = fault.is_none().then_some(body);
        let limits = limits.clone();
        Self {
            display,
            head,
            head_given: 0,
            body,
            position: 0,
            origin,
            packed,
            depth: 0,
            fault,
            ended_by: None,
            limits,
        }
    }

    /// Tells why the bytes end early, where the layer that knows it is not read again.
    pub(crate) fn ended_by(self, fault: Fault) -> Self {
        Self { ended_by: Some(fault), ..self }
    }

    pub(crate) fn at_depth(self, depth: u32) -> Self {
        Self { depth, ..self }
    }

    /// The path as given, members of archives after `!`. Names come from the evidence: escape before printing.
    pub fn display(&self) -> &str {
        &self.display
    }

    /// The first bytes, up to [`HEAD_BYTES`]; fewer only if the source is shorter.
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// The size in bytes, where it is known without reading on.
    pub fn size(&self) -> Option<u64> {
        match &self.origin {
            Origin::Again { region, codecs } if codecs.iter().all(|codec| codec.is_plain()) => Some(region.size()),
            _ => None,
        }
    }

    /// How many containers the source lies in.
    pub fn depth(&self) -> u32 {
        self.depth
    }

    /// What ended the source early, if anything. Asked when reading has come to the end; its place is the number of
    /// bytes that were there.
    pub fn trouble(&self) -> Option<Rejection> {
        let fault = self.fault()?;
        let place = Place::offset(self.position.max(self.head.len() as u64));
        Some(Rejection { place, reason: fault.reason, detail: fault.detail.clone() })
    }

    pub(crate) fn fault(&self) -> Option<&Fault> {
        let fault = self.fault.as_ref()?;
        Some(self.ended_by.as_ref().unwrap_or(fault))
    }

    /// Makes sure that [`rewind`](Self::rewind) will work, by spooling a source whose bytes come once. Free for others.
    ///
    /// # Errors
    /// If bytes behind the head were given out already.
    pub fn keep(&mut self) -> io::Result<()> {
        if matches!(self.origin, Origin::Once) {
            self.rewind()?;
            self.spool();
        }
        Ok(())
    }

    /// Starts again at the first byte.
    ///
    /// # Errors
    /// If the bytes come once, some behind the head were given out, and [`keep`](Self::keep) was not called before.
    pub fn rewind(&mut self) -> io::Result<()> {
        match &self.origin {
            Origin::Again { region, codecs } => {
                self.body = Some(layered(region, codecs, &self.packed, &self.limits));
                self.head_given = self.head.len();
            }
            Origin::Once if self.position <= self.head.len() as u64 => self.head_given = 0,
            Origin::Once => {
                return Err(io::Error::new(io::ErrorKind::Unsupported, "these bytes come only once"));
            }
        }
        self.position = 0;
        Ok(())
    }

    /// The whole source at offsets, for formats that follow them. Plain files and stored members are read in place;
    /// what is packed or comes once is spooled. What ends it early shows in [`trouble`](Self::trouble) and in the size.
    ///
    /// # Errors
    /// As [`rewind`](Self::rewind).
    pub fn random(&mut self) -> io::Result<Arc<dyn ReadAt>> {
        Ok(Arc::new(self.region()?))
    }

    pub(crate) fn region(&mut self) -> io::Result<Region> {
        if self.size().is_none() {
            self.rewind()?;
            self.spool();
        }
        match &self.origin {
            Origin::Again { region, .. } => Ok(region.clone()),
            Origin::Once => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Reads everything into a spool, which is the source from now on.
    fn spool(&mut self) {
        let limits = self.limits.clone();
        let (region, fault) = spool(self, &limits);
        self.fault = self.fault.take().or(fault);
        self.position = 0;
        self.head_given = self.head.len();
        self.body = Some(Box::new(region.reader()));
        self.origin = Origin::Again { region, codecs: Vec::new() };
    }

    /// The same bytes with one more layer taken off.
    pub(crate) fn unpacked(self, codec: Codec) -> Self {
        let (depth, ended_by) = (self.depth + 1, self.ended_by.clone());
        let unpacked = match self.origin.clone() {
            Origin::Again { region, mut codecs } => {
                codecs.push(codec);
                Self::again(self.display, region, codecs, self.packed, &self.limits)
            }
            Origin::Once => {
                let (display, packed, limits) = (self.display.clone(), self.packed.clone(), self.limits.clone());
                let stream = unpack(self.into_stream(), codec, &packed, &limits);
                Self::once(display, stream, packed, &limits)
            }
        };
        Self { ended_by, ..unpacked.at_depth(depth) }
    }

    /// The whole source as a stream that carries its own faults.
    pub(crate) fn into_stream(self) -> Stream {
        Box::new(Faulty(self))
    }

    pub(crate) fn packed(&self) -> &Packed {
        &self.packed
    }
}

/// The bytes of a region with all layers taken off.
fn layered(region: &Region, codecs: &[Codec], packed: &Packed, limits: &Limits) -> Stream {
    let plain: Stream = Box::new(region.reader());
    codecs.iter().fold(plain, |stream, codec| unpack(stream, *codec, packed, limits))
}

impl Read for Source {
    /// Never fails: damaged data ends the source, see [`Source::trouble`].
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = match self.head.get(self.head_given..) {
            Some(mut rest) if !rest.is_empty() => {
                let count = rest.read(buffer)?;
                self.head_given += count;
                count
            }
            _ => self.read_body(buffer),
        };
        self.position += count as u64;
        Ok(count)
    }
}

impl Source {
    fn read_body(&mut self, buffer: &mut [u8]) -> usize {
        loop {
            let Some(body) = &mut self.body else { return 0 };
            match body.read(buffer) {
                Ok(0) if !buffer.is_empty() => self.body = None,
                Ok(count) => return count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.fault = Some(Fault::from_io("file", &error));
                    self.body = None;
                }
            }
        }
    }
}

/// A source under another layer: its fault is passed on as an error at its end.
struct Faulty(Source);

impl Read for Faulty {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 if !buffer.is_empty() => self.0.fault().cloned().map_or(Ok(0), |fault| Err(fault.into())),
            count => Ok(count),
        }
    }
}
