//! Containers, known by their first bytes: one file a format.

pub(crate) mod bzip2;
pub(crate) mod check;
pub(crate) mod codec;
pub(crate) mod gzip;
pub(crate) mod name;
pub(crate) mod sevenzip;
mod sevenzip_size;
pub(crate) mod steady;
pub(crate) mod tar;
pub(crate) mod tar_stream;
pub(crate) mod zip;
pub(crate) mod zstd;

use codec::Codec;

/// What a head's first bytes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Container {
    /// One stream, packed.
    Packed(Codec),
    /// Members with a directory.
    Zip,
    /// Members in packed blocks, with a directory.
    SevenZip,
    /// Members one after another.
    Tar,
    /// A container that this build does not open.
    Unsupported(&'static str),
}

/// Magic numbers of containers that are recognised, so that they are listed as not read and not taken for a log.
const UNSUPPORTED: &[(&[u8], &str)] = &[
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"MSCF\0\0\0\0", "a cabinet archive"),
    (b"\x04\x22\x4d\x18", "an lz4 stream"),
    (b"LZIP\x01", "an lzip stream"),
];

/// What `head` begins, if a container.
pub(crate) fn sniff(head: &[u8]) -> Option<Container> {
    let packed = |codec| Some(Container::Packed(codec));
    if head.starts_with(b"\x1f\x8b\x08") {
        return packed(Codec::Gzip);
    }
    if head.starts_with(b"\xfd7zXZ\0") {
        return packed(Codec::Xz);
    }
    if zstd::is_zstd(head) {
        return packed(Codec::Zstd);
    }
    if is_bzip2(head) {
        return packed(Codec::Bzip2);
    }
    // A local header, an empty archive's end record, or the marker of an archive once split.
    if [&b"PK\x03\x04"[..], b"PK\x05\x06", b"PK\x07\x08PK"].iter().any(|magic| head.starts_with(magic)) {
        return Some(Container::Zip);
    }
    if head.starts_with(b"7z\xbc\xaf\x27\x1c") {
        return Some(Container::SevenZip);
    }
    if tar::is_tar(head) {
        return Some(Container::Tar);
    }
    let (_, name) = UNSUPPORTED.iter().find(|(magic, _)| head.starts_with(magic))?;
    Some(Container::Unsupported(name))
}

/// `BZh`, a level, and the first block's magic or, of an empty stream, the end's.
fn is_bzip2(head: &[u8]) -> bool {
    let Some((b"BZh", rest)) = head.split_first_chunk::<3>().map(|(magic, rest)| (&magic[..], rest)) else {
        return false;
    };
    let Some((level, block)) = rest.split_first() else { return false };
    matches!(level, b'1'..=b'9')
        && [&b"\x31\x41\x59\x26\x53\x59"[..], b"\x17\x72\x45\x38\x50\x90"].iter().any(|magic| block.starts_with(magic))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_are_known_by_content() {
        let cases: &[(&[u8], Option<Container>)] = &[
            (b"\x1f\x8b\x08\0", Some(Container::Packed(Codec::Gzip))),
            (b"\x1f\x8b\x07\0", None),
            (b"BZh91AY&SY", Some(Container::Packed(Codec::Bzip2))),
            (b"BZh9\x17\x72\x45\x38\x50\x90\0\0\0\0", Some(Container::Packed(Codec::Bzip2))),
            (b"BZh9 is how a log line may begin", None),
            (b"BZh", None),
            (b"\xfd7zXZ\0\0\x04", Some(Container::Packed(Codec::Xz))),
            (b"\x28\xb5\x2f\xfd\x04", Some(Container::Packed(Codec::Zstd))),
            (b"PK\x03\x04\x14", Some(Container::Zip)),
            (b"PK\x05\x06\0\0", Some(Container::Zip)),
            (b"PK: a line", None),
            (b"7z\xbc\xaf\x27\x1c\0\x04", Some(Container::SevenZip)),
            (b"Rar!\x1a\x07\x01\0", Some(Container::Unsupported("a RAR archive"))),
            (b"", None),
            (b"Jan  1 00:00:00 host sshd[1]: x", None),
        ];
        for (head, expected) in cases {
            assert_eq!(sniff(head), *expected, "{}", head.escape_ascii());
        }
    }
}
