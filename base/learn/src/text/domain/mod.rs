//! Domain names: names that a program made up to find its master (DGA), and names that carry data (tunnels).
//!
//! Canonical form: lower case, without suffix ([`suffix`]) and final dot, and without what stands around a name in logs
//! (spaces, `*.`, a port). Each label stands between dots, so that n-grams see where it begins and ends; an internationalised label
//! stands decoded. Every label is a
//! piece of its own: `www.` before a generated name changes nothing. Features are of the letters, not of the seller.

pub mod features;
pub mod generate;
mod punycode;
pub mod suffix;

use super::form::Form;
use super::shape::{Shape, TextKind};

/// What the kind brings.
pub static SHAPE: Shape = Shape {
    kind: TextKind::Domain,
    version: 1,
    canonical,
    pieces,
    window: 0,
    raw: false,
    class: features::class,
    signs: &[],
    features: features::FEATURES,
    measure: features::measure,
};

/// Bytes of a name that are read; the standard allows 253 (RFC 1035, section 2.3.4).
pub const NAME_BYTES_MAX: usize = 512;

fn canonical(text: &str, offset: usize, form: &mut Form) {
    let raw = text.as_bytes();
    let start = raw.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b'*' | b'.')).unwrap_or(raw.len());
    let raw = raw.get(start..).unwrap_or(&[]);
    let end =
        raw.iter().position(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b':' | b'/')).unwrap_or(raw.len());
    let raw = raw.get(..end.min(NAME_BYTES_MAX)).unwrap_or(&[]);
    let end = raw.iter().rposition(|byte| *byte != b'.').map_or(0, |last| last + 1);
    let mut name = [0u8; NAME_BYTES_MAX];
    for (to, from) in name.iter_mut().zip(raw.iter().take(end)) {
        *to = from.to_ascii_lowercase();
    }
    let name = name.get(..end).unwrap_or(&[]);
    let own = suffix::own_part(name);
    let at = offset + start;
    form.push(b'.', at, at);
    let mut from = 0;
    for label in name.get(..own).unwrap_or(&[]).split(|byte| *byte == b'.') {
        let place = (at + from, at + from + label.len());
        match label.strip_prefix(b"xn--").and_then(punycode::decode) {
            Some(letters) => letters.iter().for_each(|letter| {
                letter.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| form.push(byte, place.0, place.1));
            }),
            None => (place.0..).zip(label).for_each(|(at, byte)| form.push(*byte, at, at + 1)),
        }
        form.push(b'.', place.1, place.1);
        from += label.len() + 1;
    }
}

fn pieces(bytes: &[u8], out: &mut Vec<(u32, u32)>) {
    let mut start = 0u32;
    for (at, byte) in (0u32..).zip(bytes) {
        if *byte == b'.' && at > start {
            out.push((start, at + 1));
            start = at;
        }
    }
}
