//! A small writer of journal files for tests: every variant that the format has, and no more than a reader needs.

use std::collections::HashMap;
use std::io::Write;

use super::header::{SIGNATURE, incompatible};
use super::objects::{flags, kind, payload_at};

/// Header bytes written.
pub(crate) const HEADER: usize = 272;

/// Data from this length on is packed, as in systemd.
const PACK_FROM: usize = 64;

/// What is written.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Variant {
    pub(crate) compact: bool,
    pub(crate) keyed: bool,
    /// An object flag, or 0.
    pub(crate) pack: u8,
    /// Items in the first entry array; each further one has twice as many.
    pub(crate) array: usize,
}

/// All variants that there are.
pub(crate) fn variants() -> Vec<Variant> {
    let mut all = Vec::new();
    for compact in [false, true] {
        for pack in [0, flags::XZ, flags::LZ4, flags::ZSTD] {
            all.push(Variant { compact, keyed: compact, pack, array: 3 });
        }
    }
    all
}

struct Writer {
    variant: Variant,
    out: Vec<u8>,
    tail: usize,
    data: HashMap<Vec<u8>, u64>,
}

/// Writes a journal with one entry a list of `NAME=value`, a second apart, and says where the entries stand.
pub(crate) fn write(variant: Variant, entries: &[Vec<Vec<u8>>]) -> (Vec<u8>, Vec<u64>) {
    let mut writer = Writer { variant, out: vec![0; HEADER], tail: 0, data: HashMap::new() };
    let (mut placed, mut room, mut array, mut filled) = (Vec::new(), variant.array, 0usize, 0usize);
    let width = if variant.compact { 4 } else { 8 };
    for (number, fields) in entries.iter().enumerate() {
        let items: Vec<u64> = fields.iter().map(|field| writer.datum(field)).collect();
        let offset = writer.entry(number as u64, &items);
        if array == 0 || filled == room {
            room = if array == 0 { room } else { room * 2 };
            let next = writer.object(kind::ENTRY_ARRAY, 0, &vec![0; 8 + room * width]);
            let link = if array == 0 { 176 } else { array + 16 };
            writer.put(link, &(next as u64).to_le_bytes());
            (array, filled) = (next, 0);
        }
        writer.put(array + 24 + filled * width, &offset.to_le_bytes()[..width]);
        filled += 1;
        placed.push(offset);
    }
    writer.header(entries.len() as u64);
    (writer.out, placed)
}

impl Writer {
    fn put(&mut self, at: usize, bytes: &[u8]) {
        self.out[at..at + bytes.len()].copy_from_slice(bytes);
    }

    fn object(&mut self, kind: u8, flags: u8, body: &[u8]) -> usize {
        let at = self.out.len();
        self.tail = at;
        self.out.extend([kind, flags, 0, 0, 0, 0, 0, 0]);
        self.out.extend((16 + body.len() as u64).to_le_bytes());
        self.out.extend(body);
        self.out.resize(self.out.len().next_multiple_of(8), 0);
        at
    }

    fn datum(&mut self, field: &[u8]) -> u64 {
        if let Some(offset) = self.data.get(field) {
            return *offset;
        }
        let flags = if field.len() >= PACK_FROM { self.variant.pack } else { 0 };
        let payload = match flags {
            flags::XZ => {
                let options = lzma_rust2::XzOptions::with_preset(0);
                let mut writer = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
                writer.write_all(field).unwrap();
                writer.finish().unwrap()
            }
            flags::LZ4 => {
                let mut packed = (field.len() as u64).to_le_bytes().to_vec();
                packed.extend(lz4_flex::block::compress(field));
                packed
            }
            flags::ZSTD => ruzstd::encoding::compress_to_vec(field, ruzstd::encoding::CompressionLevel::Fastest),
            _ => field.to_vec(),
        };
        let mut body = vec![0; payload_at(self.variant.compact) as usize - 16];
        body.extend(payload);
        let offset = self.object(kind::DATA, flags, &body) as u64;
        self.data.insert(field.to_vec(), offset);
        offset
    }

    fn entry(&mut self, number: u64, items: &[u64]) -> u64 {
        let mut body = Vec::new();
        for value in [number + 1, 1_767_258_000_000_000 + number * 1_000_000, number + 1, 1, 2, 3] {
            body.extend(value.to_le_bytes());
        }
        for item in items {
            if self.variant.compact {
                body.extend((*item as u32).to_le_bytes());
            } else {
                body.extend(item.to_le_bytes());
                body.extend([0; 8]);
            }
        }
        self.object(kind::ENTRY, 0, &body) as u64
    }

    fn header(&mut self, entries: u64) {
        let mut needs = if self.variant.compact { incompatible::COMPACT } else { 0 };
        needs |= if self.variant.keyed { incompatible::KEYED_HASH } else { 0 };
        needs |= match self.variant.pack {
            flags::XZ => incompatible::XZ,
            flags::LZ4 => incompatible::LZ4,
            flags::ZSTD => incompatible::ZSTD,
            _ => 0,
        };
        self.put(0, SIGNATURE);
        self.put(12, &needs.to_le_bytes());
        self.put(16, &[1]);
        self.put(88, &(HEADER as u64).to_le_bytes());
        self.put(96, &((self.out.len() - HEADER) as u64).to_le_bytes());
        self.put(136, &(self.tail as u64).to_le_bytes());
        self.put(152, &entries.to_le_bytes());
    }
}
