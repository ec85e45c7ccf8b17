//! What is recognised and is no log: listed by its kind, so that nothing is passed over in silence.

/// A kind of file that is not decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NonLog {
    /// The kind, for people.
    pub name: &'static str,
    /// What to do instead. With advice the source counts as *not read*, without it as no log.
    pub advice: Option<&'static str>,
}

const CAPTURE: Option<&str> = Some("not read: run `zeek -r` or `suricata -r` and scan the logs");

/// Magic bytes at the start, kind, advice.
const MAGICS: &[(&[u8], &str, Option<&str>)] = &[
    (b"\xd4\xc3\xb2\xa1", "packet capture (pcap)", CAPTURE),
    (b"\xa1\xb2\xc3\xd4", "packet capture (pcap)", CAPTURE),
    (b"\x4d\x3c\xb2\xa1", "packet capture (pcap)", CAPTURE),
    (b"\xa1\xb2\x3c\x4d", "packet capture (pcap)", CAPTURE),
    (b"\x34\xcd\xb2\xa1", "packet capture (pcap)", CAPTURE),
    (b"\xa1\xb2\xcd\x34", "packet capture (pcap)", CAPTURE),
    (b"\x0a\x0d\x0d\x0a", "packet capture (pcapng)", CAPTURE),
    (b"\x7fELF", "executable (ELF)", None),
    (b"\xcf\xfa\xed\xfe", "executable (Mach-O)", None),
    (b"SQLite format 3\0", "SQLite database", None),
    (b"%PDF-", "PDF document", None),
    (b"\x89PNG\r\n\x1a\n", "PNG image", None),
    (b"\xff\xd8\xff", "JPEG image", None),
    (b"GIF8", "GIF image", None),
    (b"regf", "Windows registry hive", None),
    (b"MAM\x04", "Windows prefetch file", None),
    (b"bplist", "property list", None),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "OLE document", None),
    (b"wOFF", "font", None),
    (b"wOF2", "font", None),
    (b"\x00asm", "WebAssembly module", None),
    (b"\xca\xfe\xba\xbe", "Java class or universal binary", None),
];

/// The kind of a source that is recognised as no log, from its head.
pub fn non_log(head: &[u8]) -> Option<NonLog> {
    if let Some((_, name, advice)) = MAGICS.iter().find(|(magic, _, _)| head.starts_with(magic)) {
        return Some(NonLog { name, advice: *advice });
    }
    // DOS executables have a short magic; the stub's words make it sure.
    if head.starts_with(b"MZ") && memchr::memmem::find(head.get(..1024).unwrap_or(head), b"PE\0\0").is_some() {
        return Some(NonLog { name: "executable (PE)", advice: None });
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captures_come_with_advice_and_text_is_no_non_log() {
        for magic in [&b"\xd4\xc3\xb2\xa1\x02\x00"[..], b"\x0a\x0d\x0d\x0a\x1c", b"\xa1\xb2\x3c\x4d\x00"] {
            assert!(non_log(magic).unwrap().advice.unwrap().contains("zeek -r"));
        }
        assert_eq!(non_log(b"\x89PNG\r\n\x1a\n").unwrap().advice, None);
        assert_eq!(non_log(b"Jan  1 00:00:00 h a: b"), None);
        assert_eq!(non_log(b""), None);
    }
}
