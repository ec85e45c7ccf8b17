//! `wide`, `base64` and `base64offset`: how a value looks inside encoded text.

/// The bytes that a value stands for before Base64.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// As written.
    #[default]
    Utf8,
    /// `wide`, `utf16le`
    Utf16Le,
    /// `utf16be`
    Utf16Be,
    /// `utf16`: little endian behind a byte order mark.
    Utf16,
}

impl Encoding {
    /// The text's bytes.
    pub(crate) fn bytes(self, text: &str) -> Vec<u8> {
        let units = text.encode_utf16();
        match self {
            Self::Utf8 => text.as_bytes().to_vec(),
            Self::Utf16Le => units.flat_map(u16::to_le_bytes).collect(),
            Self::Utf16Be => units.flat_map(u16::to_be_bytes).collect(),
            Self::Utf16 => [0xFF, 0xFE].into_iter().chain(units.flat_map(u16::to_le_bytes)).collect(),
        }
    }
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// RFC 4648 Base64 with padding.
pub(crate) fn base64(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let word = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let six = (word >> (18 - 6 * at)) as usize & 63;
            let char = ALPHABET.get(six).copied().unwrap_or(b'=');
            out.push(char::from(if at > chunk.len() { b'=' } else { char }));
        }
    }
    out
}

/// What stands still of `bytes` inside Base64 when 0, 1 and 2 bytes (modulo 3) stand before it: each variant without the
/// characters that also hold bits of its neighbours. `None` if nothing is left of one of them.
pub(crate) fn base64_offsets(bytes: &[u8]) -> Option<[String; 3]> {
    let variant = |before: usize| {
        let mut padded = vec![0; before];
        padded.extend_from_slice(bytes);
        let encoded = base64(&padded);
        // Characters that mix with the bytes before: none, 2 of 8+4 bits, 3 of 16+2 bits.
        let start = [0, 2, 3].get(before).copied().unwrap_or(0);
        // Full characters: whole sextets of all bytes.
        let end = padded.len() * 8 / 6;
        encoded.get(start..end).filter(|text| !text.is_empty()).map(str::to_owned)
    };
    Some([variant(0)?, variant(1)?, variant(2)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_of_rfc_4648() {
        let cases =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("foobar", "Zm9vYmFy")];
        for (plain, want) in cases {
            assert_eq!(base64(plain.as_bytes()), want);
        }
        assert_eq!(base64(&[0xFB, 0xFF]), "+/8=");
    }

    #[test]
    fn offsets_known() {
        // The three forms of `::FromBase64String` known from SigmaHQ's older rules.
        let want = ["OjpGcm9tQmFzZTY0U3RyaW5n", "o6RnJvbUJhc2U2NFN0cmluZ", "6OkZyb21CYXNlNjRTdHJpbm"];
        assert_eq!(base64_offsets(b"::FromBase64String").unwrap(), want);
        assert_eq!(base64_offsets(b""), None);
        assert_eq!(base64_offsets(b"a"), None);
        assert!(base64_offsets(b"ab").is_some());
    }

    proptest::proptest! {
        /// Whatever stands around the value, one of the three variants is in the Base64 text.
        #[test]
        fn one_variant_is_always_there(
            before in proptest::collection::vec(proptest::num::u8::ANY, 0..9),
            value in proptest::collection::vec(proptest::num::u8::ANY, 2..20),
            after in proptest::collection::vec(proptest::num::u8::ANY, 0..9),
        ) {
            let variants = base64_offsets(&value).unwrap();
            let whole = base64(&[before.as_slice(), &value, &after].concat());
            proptest::prop_assert!(whole.contains(&variants[before.len() % 3]), "{whole} {variants:?}");
        }
    }

    #[test]
    fn utf16() {
        assert_eq!(Encoding::Utf16Le.bytes("cm"), [0x63, 0, 0x6d, 0]);
        assert_eq!(Encoding::Utf16Be.bytes("cm"), [0, 0x63, 0, 0x6d]);
        assert_eq!(Encoding::Utf16.bytes("c"), [0xFF, 0xFE, 0x63, 0]);
        assert_eq!(Encoding::Utf8.bytes("ä"), "ä".as_bytes());
        assert_eq!(Encoding::Utf16Le.bytes("😀"), [0x3d, 0xd8, 0x00, 0xde]);
    }
}
