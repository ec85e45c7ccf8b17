//! HTTP request targets, parameters, headers and bodies: attacks on what reads them.
//!
//! Canonical form ([`decode`]): what servers and browsers would make of the text: percent and entity and escape decoding in
//! rounds, lower case, `+` and white space as one space, comments cut, zero bytes dropped, wide letters narrow. Pieces: the
//! parts between `?`, `&` and line feeds, names and values apart. Features ([`features`]): token classes and structure, no
//! rule text.

mod decode;
pub mod features;
pub mod generate;
mod words;

use super::shape::{Shape, TextKind, plain_class};

/// What the kind brings.
pub static SHAPE: Shape = Shape {
    kind: TextKind::Http,
    version: 1,
    canonical: decode::canonical,
    pieces,
    window: 128,
    raw: false,
    class: plain_class,
    signs: decode::SIGNS,
    features: features::FEATURES,
    measure: features::measure,
};

fn pieces(bytes: &[u8], out: &mut Vec<(u32, u32)>) {
    let (mut start, mut named) = (0u32, false);
    let mut end_at = |at: u32, start: &mut u32| {
        if at > *start {
            out.push((*start, at));
        }
        *start = at + 1;
    };
    for (at, byte) in (0u32..).zip(bytes) {
        match byte {
            b'&' | b'?' | b'\n' => {
                end_at(at, &mut start);
                named = false;
            }
            b'=' if !named => {
                end_at(at, &mut start);
                named = true;
            }
            _ => {}
        }
    }
    end_at(bytes.len() as u32, &mut start);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_fall_apart() {
        let check = |text: &str, expected: &[&str]| {
            let mut out = Vec::new();
            pieces(text.as_bytes(), &mut out);
            let got: Vec<&str> =
                out.iter().map(|(start, end)| text.get(*start as usize..*end as usize).unwrap()).collect();
            assert_eq!(got, expected, "{text}");
        };
        check("/a?b=c&d=e=f", &["/a", "b", "c", "d", "e=f"]);
        check("x", &["x"]);
        check("&&==", &["="]);
        check("", &[]);
        check("a=1\nb", &["a", "1", "b"]);
    }
}
