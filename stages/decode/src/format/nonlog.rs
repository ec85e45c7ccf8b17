//! What is plainly no log: documents, pictures, programs, archives, databases, captures. A scan lists them as such and
//! does not call itself partial for them; those apart that hold events all the same (captures, UTF-16 text) and come with
//! advice.
//!
//! Recognised by magic numbers alone. A text file is never a non-log, whatever its name.

/// Content that is recognised and not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NonLog {
    /// What it is, in words.
    pub kind: &'static str,
    advice: Option<&'static str>,
}

impl NonLog {
    /// What to do about it. With advice it holds events all the same, so that the run is partial.
    pub fn advice(&self) -> Option<&'static str> {
        self.advice
    }
}

const fn other(kind: &'static str) -> NonLog {
    NonLog { kind, advice: None }
}

const fn capture(kind: &'static str) -> NonLog {
    NonLog { kind, advice: Some("not read: run `zeek -r` or `suricata -r` and scan the logs") }
}

const UTF_16: NonLog = NonLog { kind: "UTF-16 text", advice: Some("not read: turn it into UTF-8 and scan that") };

/// Magic numbers: where, what, which.
const MAGICS: &[(usize, &[u8], NonLog)] = &[
    // Captures: pcap with micro- and nanoseconds in both byte orders, its modified kin, pcapng, and snoop (RFC 1761).
    (0, b"\xd4\xc3\xb2\xa1", capture("pcap capture")),
    (0, b"\xa1\xb2\xc3\xd4", capture("pcap capture")),
    (0, b"\x4d\x3c\xb2\xa1", capture("pcap capture")),
    (0, b"\xa1\xb2\x3c\x4d", capture("pcap capture")),
    (0, b"\x34\xcd\xb2\xa1", capture("pcap capture")),
    (0, b"\xa1\xb2\xcd\x34", capture("pcap capture")),
    (0, b"\x0a\x0d\x0d\x0a", capture("pcapng capture")),
    (0, b"snoop\0\0\0", capture("snoop capture")),
    // Documents.
    (0, b"%PDF-", other("PDF document")),
    (0, b"%!PS-Adobe-", other("PostScript document")),
    (0, b"{\\rtf", other("RTF document")),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", other("OLE compound document")),
    // Pictures, sound, film, fonts.
    (0, b"\x89PNG\r\n\x1a\n", other("PNG image")),
    (0, b"\xff\xd8\xff", other("JPEG image")),
    (0, b"GIF87a", other("GIF image")),
    (0, b"GIF89a", other("GIF image")),
    (0, b"II*\0", other("TIFF image")),
    (0, b"MM\0*", other("TIFF image")),
    (0, b"\0\0\x01\0", other("icon")),
    (8, b"WEBP", other("WebP image")),
    (8, b"WAVE", other("WAVE sound")),
    (4, b"ftyp", other("MP4 film")),
    (0, b"ID3\x03", other("MP3 sound")),
    (0, b"ID3\x04", other("MP3 sound")),
    (0, b"OggS\0", other("Ogg media")),
    (0, b"fLaC\0", other("FLAC sound")),
    (0, b"\x1a\x45\xdf\xa3", other("Matroska film")),
    (0, b"wOFF\0", other("font")),
    (0, b"wOF2\0", other("font")),
    (0, b"OTTO\0", other("font")),
    (0, b"\0\x01\0\0\0", other("font")),
    // Programs.
    (0, b"\x7fELF", other("ELF program")),
    (0, b"\xfe\xed\xfa\xce", other("Mach-O program")),
    (0, b"\xfe\xed\xfa\xcf", other("Mach-O program")),
    (0, b"\xce\xfa\xed\xfe", other("Mach-O program")),
    (0, b"\xcf\xfa\xed\xfe", other("Mach-O program")),
    (0, b"\xca\xfe\xba\xbe", other("Java class or Mach-O program")),
    (0, b"\0asm", other("WebAssembly program")),
    (0, b"dex\n", other("Android program")),
    (0, b"\xac\xed\0\x05", other("Java serialised object")),
    // Archives that collect left as they are: kinds it does not open, and broken ones.
    (0, b"PK\x03\x04", other("zip archive")),
    (0, b"PK\x05\x06", other("empty zip archive")),
    (0, b"PK\x07\x08", other("zip archive")),
    (0, b"Rar!\x1a\x07", other("RAR archive")),
    (0, b"7z\xbc\xaf\x27\x1c", other("7-Zip archive")),
    (0, b"MSCF\0\0\0\0", other("cabinet archive")),
    (0, b"!<arch>\n", other("ar archive")),
    (0, b"\xed\xab\xee\xdb", other("RPM package")),
    (0, b"xar!\0", other("xar archive")),
    (0x8001, b"CD001", other("ISO 9660 image")),
    // Databases and operating system files.
    (0, b"SQLite format 3\0", other("SQLite database")),
    (4, b"\xef\xcd\xab\x89", other("ESE database")),
    (0, b"PAR1", other("Parquet file")),
    (0, b"ARROW1\0\0", other("Arrow file")),
    (0, b"Obj\x01", other("Avro file")),
    (0, b"regf", other("registry hive")),
    (0, b"MAM\x04", other("Windows prefetch file")),
    (4, b"SCCA", other("Windows prefetch file")),
    (0, b"L\0\0\0\x01\x14\x02\0", other("Windows shortcut")),
    (0, b"PMDM", other("Windows minidump")),
    (0, b"MDMP", other("Windows minidump")),
    (0, b"PAGEDU64", other("Windows memory dump")),
    (0, b"PAGEDUMP", other("Windows memory dump")),
    (0, b"EVF\x09\x0d\x0a\xff\0", other("EWF disk image")),
    (0, b"KDMV", other("VMDK disk image")),
    (0, b"conectix", other("VHD disk image")),
    (0, b"vhdxfile", other("VHDX disk image")),
    (0, b"QFI\xfb", other("QCOW disk image")),
    (3, b"NTFS    ", other("NTFS disk image")),
    (0x438, b"\x53\xef", other("ext disk image")),
    (0, b"\xff\xfe", UTF_16),
    (0, b"\xfe\xff", UTF_16),
];

/// Recognises content that is no log, from the first bytes of a source.
pub fn non_log(head: &[u8]) -> Option<NonLog> {
    let at = |offset: usize, magic: &[u8]| head.get(offset..).is_some_and(|rest| rest.starts_with(magic));
    if is_pe(head) {
        return Some(other("Windows program"));
    }
    let found = MAGICS.iter().find(|(offset, magic, _)| at(*offset, magic))?.2;
    // Two bytes deep inside a text may be anything: an ext superblock lies behind a boot block of zeros or code.
    (found.kind != "ext disk image" || head.get(..0x438).is_some_and(|boot| boot.contains(&0))).then_some(found)
}

/// `MZ` alone opens too many a text; the header that it points to is `PE`.
fn is_pe(head: &[u8]) -> bool {
    let pointer = head.strip_prefix(b"MZ").and_then(|_| head.get(0x3c..0x40)).and_then(|bytes| bytes.try_into().ok());
    let header = pointer.map(u32::from_le_bytes).and_then(|offset| head.get(usize::try_from(offset).ok()?..));
    header.is_some_and(|header| header.starts_with(b"PE\0\0"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::sample;

    #[test]
    fn magic_numbers_are_known_and_text_is_not_taken_for_them() {
        let mut program = vec![0_u8; 0x100];
        program[..2].copy_from_slice(b"MZ");
        program[0x3c] = 0x80;
        program[0x80..0x84].copy_from_slice(b"PE\0\0");
        for (bytes, expected) in [
            (&b"%PDF-1.7"[..], Some("PDF document")),
            (b"\x89PNG\r\n\x1a\n....", Some("PNG image")),
            (b"\x7fELF\x02", Some("ELF program")),
            (&program, Some("Windows program")),
            (b"MZ is how this line of text begins", None),
            (b"PK\x03\x04", Some("zip archive")),
            (b"SQLite format 3\0", Some("SQLite database")),
            (b"regf", Some("registry hive")),
            (b"\xd4\xc3\xb2\xa1", Some("pcap capture")),
            (b"\x0a\x0d\x0d\x0a", Some("pcapng capture")),
            (b"\n\r\n\r", None),
            (b"MZ", None),
            (b"MZ\xff\xff\xff\xff", None),
            (b"", None),
            (b"ElfFile\0", None),
            (b"LPKSHHRH", None),
            (b"Mar 10 03:12:00 h a: x", None),
        ] {
            assert_eq!(non_log(bytes).map(|found| found.kind), expected, "{bytes:?}");
        }
        let text = b"x".repeat(0x438);
        assert_eq!(non_log(&[&text[..], b"\x53\xef"].concat()), None);
    }

    #[test]
    fn captures_come_with_advice() {
        for path in [
            "malformed/handmade/27_pcap_caplen_4GiB.pcap",
            "malformed/handmade/28_pcap_zero_snaplen.pcap",
            "malformed/handmade/29_pcap_truncated_header.pcap",
            "malformed/handmade/30_pcapng_block_len_0.pcapng",
        ] {
            let Some(data) = sample(path) else { return };
            let found = non_log(&data).unwrap_or_else(|| panic!("{path} not recognised"));
            assert!(found.advice().is_some_and(|advice| advice.contains("zeek -r")), "{path}");
        }
        assert_eq!(non_log(b"%PDF-1.7").and_then(|found| found.advice()), None);
    }
}
