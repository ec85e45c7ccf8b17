//! Kind `script`: to be written.

use super::form::Form;
use super::shape::{Feature, Shape, TextKind, plain_class, whole};

/// What the kind brings.
pub static SHAPE: Shape = Shape {
    kind: TextKind::Script,
    version: 1,
    canonical,
    pieces: whole,
    window: 256,
    raw: true,
    class: plain_class,
    signs: &[],
    features: &[Feature::free("length")],
    measure,
};

fn canonical(text: &str, offset: usize, form: &mut Form) {
    for (at, byte) in text.bytes().enumerate() {
        form.push(byte.to_ascii_lowercase(), offset + at, offset + at + 1);
    }
}

fn measure(piece: &[u8], out: &mut Vec<f64>) {
    out.push((piece.len() as f64).ln_1p());
}
