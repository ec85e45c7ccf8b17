//! The layouts of one login record, as tables of offsets.
//!
//! | layout | where | bytes | times |
//! |---|---|---|---|
//! | glibc, 32 | x86, x86-64, powerpc, 32-bit arm | 384 | 32 bits |
//! | glibc, 64 | arm64, s390x, riscv64 | 400 | 64 bits |
//! | utmpx | macOS | 628 | 32 bits |

use shieldwall_schema::Timestamp;

/// 1990-01-01 to 2100-01-01: times outside are possible, but do not speak for a login record.
const TIMES_BELIEVED: std::ops::Range<i64> = 631_152_000..4_102_444_800;

/// Where a record's parts stand.
#[derive(Debug)]
pub(super) struct Layout {
    /// Bytes of a record.
    pub(super) bytes: usize,
    /// The file begins with a signature record (macOS).
    pub(super) signed: bool,
    big_endian: bool,
    kind: usize,
    /// Two bytes behind the type that nothing is written to.
    padding: usize,
    pid: usize,
    line: (usize, usize),
    id: (usize, usize),
    user: (usize, usize),
    host: (usize, usize),
    exit: Option<usize>,
    session: Option<usize>,
    /// Seconds, microseconds; and whether they have 64 bits.
    time: (usize, usize, bool),
    address: Option<usize>,
    /// Reserved to the end.
    reserved: usize,
}

const GLIBC_32: Layout = Layout {
    bytes: 384,
    signed: false,
    big_endian: false,
    kind: 0,
    padding: 2,
    pid: 4,
    line: (8, 32),
    id: (40, 4),
    user: (44, 32),
    host: (76, 256),
    exit: Some(332),
    session: Some(336),
    time: (340, 344, false),
    address: Some(348),
    reserved: 364,
};

const GLIBC_64: Layout = Layout { bytes: 400, time: (344, 352, true), address: Some(360), reserved: 376, ..GLIBC_32 };

const MACOS: Layout = Layout {
    bytes: 628,
    signed: true,
    big_endian: false,
    kind: 296,
    padding: 298,
    pid: 292,
    line: (260, 32),
    id: (256, 4),
    user: (0, 256),
    host: (308, 256),
    exit: None,
    session: None,
    time: (300, 304, false),
    address: None,
    reserved: 564,
};

/// All layouts.
pub(super) static LAYOUTS: &[Layout] =
    &[MACOS, GLIBC_32, GLIBC_64, Layout { big_endian: true, ..GLIBC_32 }, Layout { big_endian: true, ..GLIBC_64 }];

/// macOS's signature, the user of the first record.
const SIGNATURE: &[u8] = b"utmpx-1.00";

/// One record, borrowed.
#[derive(Debug, Clone)]
pub(super) struct Record<'a> {
    pub(super) apple: bool,
    pub(super) kind: i32,
    pub(super) pid: i64,
    pub(super) line: &'a [u8],
    pub(super) id: &'a [u8],
    pub(super) user: &'a [u8],
    pub(super) host: &'a [u8],
    pub(super) exit: (i64, i64),
    pub(super) session: i64,
    pub(super) time: Option<Timestamp>,
    pub(super) address: [u8; 16],
}

impl Layout {
    /// Reads a record of the layout's size.
    pub(super) fn read<'a>(&self, bytes: &'a [u8]) -> Record<'a> {
        let exit = self.exit.map_or((0, 0), |at| (self.number(bytes, at, 2), self.number(bytes, at + 2, 2)));
        let address = self.address.and_then(|at| bytes.get(at..)).and_then(|tail| tail.first_chunk::<16>());
        Record {
            apple: self.signed,
            kind: self.number(bytes, self.kind, 2) as i32,
            pid: self.number(bytes, self.pid, 4),
            line: text(bytes, self.line),
            id: text(bytes, self.id),
            user: text(bytes, self.user),
            host: text(bytes, self.host),
            exit,
            session: self.session.map_or(0, |at| self.number(bytes, at, 4)),
            time: self.time(bytes),
            address: address.copied().unwrap_or_default(),
        }
    }

    fn time(&self, bytes: &[u8]) -> Option<Timestamp> {
        let (seconds, micros, wide) = self.time;
        let width = if wide { 8 } else { 4 };
        // 32-bit seconds are read unsigned: no login is from before 1970, but some will be from after 2038.
        let seconds = match (self.number(bytes, seconds, width), wide) {
            (seconds, false) => seconds & 0xFFFF_FFFF,
            (seconds, true) => seconds,
        };
        let micros = u32::try_from(self.number(bytes, micros, width)).ok().filter(|micros| *micros < 1_000_000);
        if seconds <= 0 {
            return None;
        }
        Timestamp::from_seconds(seconds, micros.unwrap_or(0) * 1000)
    }

    /// A signed number of 2, 4 or 8 bytes.
    fn number(&self, bytes: &[u8], at: usize, width: usize) -> i64 {
        let field = at.checked_add(width).and_then(|end| bytes.get(at..end)).unwrap_or_default();
        let join = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
        let value = if self.big_endian { field.iter().fold(0, join) } else { field.iter().rev().fold(0, join) };
        let unused = 64 - 8 * width as u32;
        ((value << unused) as i64) >> unused
    }

    /// Whether bytes can be a record: known type, padding and reserved bytes zero, clean text.
    pub(super) fn is_sound(&self, bytes: &[u8]) -> bool {
        let zero = |from: usize, to: usize| bytes.get(from..to).is_some_and(|field| field.iter().all(|b| *b == 0));
        let most = if self.signed { 11 } else { 9 };
        let clean = [self.line, self.id, self.user, self.host].iter().all(|field| is_clean(bytes, *field));
        let kind = self.number(bytes, self.kind, 2);
        (0..=most).contains(&kind)
            && zero(self.padding, self.padding + 2)
            && zero(self.reserved, self.bytes)
            && self.number(bytes, self.pid, 4) >= 0
            && clean
            && (!self.signed || kind != 10 || text(bytes, self.user) == SIGNATURE)
    }

    /// Whether a sound record speaks for the format: a type, a time, and a name.
    pub(super) fn is_telling(&self, bytes: &[u8]) -> bool {
        let record = self.read(bytes);
        let second = record.time.map_or(0, |time| time.nanos() / 1_000_000_000);
        self.is_sound(bytes)
            && if self.signed {
                self.is_signature(&record)
            } else {
                record.kind != 0
                    && TIMES_BELIEVED.contains(&second)
                    && !(record.line.is_empty() && record.user.is_empty())
            }
    }

    /// Whether the record is macOS's file signature.
    pub(super) fn is_signature(&self, record: &Record<'_>) -> bool {
        self.signed && record.kind == 10 && record.user == SIGNATURE
    }
}

/// A text field up to its first NUL.
fn text(bytes: &[u8], (at, length): (usize, usize)) -> &[u8] {
    let field = bytes.get(at..at + length).unwrap_or_default();
    field.get(..memchr::memchr(0, field).unwrap_or(field.len())).unwrap_or_default()
}

/// Printable (or beyond ASCII) up to the first NUL. What is behind may be left over from a longer text before it.
pub(super) fn is_clean(bytes: &[u8], field: (usize, usize)) -> bool {
    text(bytes, field).iter().all(|byte| *byte >= 0x20 && *byte != 0x7F)
}

/// The text of a field, for the neighbour.
pub(super) fn text_of(bytes: &[u8], at: usize, length: usize) -> &[u8] {
    text(bytes, (at, length))
}
