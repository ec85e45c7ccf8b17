//! One file a format. Adding one: its file, its test data, one line in [`registry`].

pub mod auditd;
pub mod evtx;
pub mod journal;
pub mod journal_export;
pub mod json;
pub mod nonlog;
pub mod plain;
pub mod syslog;
pub mod utmp;
pub mod weblog;
pub mod zeek;

use crate::decoder::{Confidence, Decoder};

/// Bytes of a source's head that sniffing sees.
pub const HEAD_BYTES: usize = 64 * 1024;

/// Every format, most specific first.
pub fn registry() -> &'static [&'static dyn Decoder] {
    static REGISTRY: &[&dyn Decoder] = &[
        &evtx::Evtx,
        &journal::Journal,
        &journal_export::JournalExport,
        &utmp::Utmp,
        &utmp::Lastlog,
        &json::JsonLines,
        &json::JsonDocument,
        &auditd::Auditd,
        &syslog::Syslog,
        &zeek::Zeek,
        &weblog::Access,
        &weblog::ServerError,
        &weblog::Vsftpd,
        &weblog::W3c,
        &plain::Plain,
    ];
    REGISTRY
}

/// The format that is surest about a source's head.
pub fn identify(head: &[u8]) -> Option<&'static dyn Decoder> {
    let mut best: Option<(&'static dyn Decoder, Confidence)> = None;
    for decoder in registry() {
        let sure = decoder.sniff(head);
        if sure > best.map_or(Confidence::NO, |(_, confidence)| confidence) {
            best = Some((*decoder, sure));
        }
    }
    best.map(|(decoder, _)| decoder)
}
