//! A text in a canonical form: bytes that know which raw bytes they came from, and counts of what was undone.

/// Counters that a kind may keep while it brings a text into its form.
pub const SIGNS_MAX: usize = 16;

/// Canonical bytes of one text. Several raw bytes may become one (`%27` → `'`), one may become none, and decoded layers may
/// be appended that point at raw bytes already used. At most [`FORM_BYTES_MAX`] bytes are kept.
#[derive(Clone, Debug, Default)]
pub struct Form {
    bytes: Vec<u8>,
    /// Raw start and end of each byte; empty unless the map is wanted.
    places: Vec<(u32, u32)>,
    mapped: bool,
    signs: [u32; SIGNS_MAX],
}

/// Bytes that a form holds: appended layers may at most double what is read.
pub const FORM_BYTES_MAX: usize = 2 * super::TEXT_BYTES_MAX;

impl Form {
    /// An empty form; `mapped` says whether places are kept (needed to explain, not to score).
    pub fn new(mapped: bool) -> Self {
        Self { mapped, ..Self::default() }
    }

    /// Empties it for the next text.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.places.clear();
        self.signs = [0; SIGNS_MAX];
    }

    /// Adds a byte that came from the raw bytes `start..end`; nothing once the form is full.
    pub fn push(&mut self, byte: u8, start: usize, end: usize) {
        if self.bytes.len() < FORM_BYTES_MAX {
            self.bytes.push(byte);
            if self.mapped {
                self.places.push((start as u32, end as u32));
            }
        }
    }

    /// The last byte.
    pub fn last(&self) -> Option<u8> {
        self.bytes.last().copied()
    }

    /// Takes back all but the first `length` bytes.
    pub fn truncate(&mut self, length: usize) {
        self.bytes.truncate(length);
        self.places.truncate(length);
    }

    /// Counts a sign `times` more; ones beyond [`SIGNS_MAX`] are ignored.
    pub fn sign(&mut self, sign: usize, times: u32) {
        if let Some(count) = self.signs.get_mut(sign) {
            *count = count.saturating_add(times);
        }
    }

    /// The canonical bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What was counted.
    pub fn signs(&self) -> &[u32; SIGNS_MAX] {
        &self.signs
    }

    /// The raw bytes that byte `at` came from; `None` beyond the end or where no map is kept.
    pub fn place(&self, at: usize) -> Option<(u32, u32)> {
        self.places.get(at).copied()
    }
}
