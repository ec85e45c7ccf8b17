//! Login records: utmp, wtmp and btmp, macOS's utmpx, and lastlog.
//!
//! utmp, wtmp and btmp are arrays of one record without a header (utmp(5)); which of the three a file is shows in its
//! records only. A failed login is a `LOGIN_PROCESS` record with a user's name, which is what sshd and login write to
//! btmp; getty's own `LOGIN_PROCESS` records, in utmp and wtmp, carry the name `LOGIN`. The record has four layouts
//! ([`layout`]): glibc with 32-bit times (x86, x86-64, 384 bytes) and with 64-bit times (arm64, s390x, 400 bytes), each
//! in either byte order; the layout in which most records make sense is taken.
//!
//! lastlog is an array of (time, line, host) by user number, mostly holes.
//!
//! Without a magic number sniffing must be strict: types in range, text NUL-padded and printable, padding zero, times
//! of this century. What must stay true: a broken record costs only itself, memory is one block.

mod lastlog;
mod layout;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use shieldwall_schema::{Event, Fields, Flag, Place, ReadAt, Reject, Rejection, Sink, Slots, Tag, Value, fill};

use crate::decoder::{ChunkDecoder, Confidence, Context, Decoder, Split};
use crate::format::journal::wants::Wants;
pub use lastlog::Lastlog;
use layout::{LAYOUTS, Layout, Record};

/// Bytes read at once, in whole records.
const BLOCK_BYTES: usize = 64 * 1024;

/// utmp, wtmp, btmp and macOS's utmpx.
pub struct Utmp;

impl Decoder for Utmp {
    fn name(&self) -> &'static str {
        "utmp"
    }

    fn sniff(&self, head: &[u8]) -> Confidence {
        match best_layout(head) {
            Some((layout, _)) if layout.signed => Confidence::MAGIC,
            Some((_, true)) => Confidence::SURE,
            Some((_, false)) => Confidence::LIKELY,
            None => Confidence::NO,
        }
    }

    fn split(&self) -> Split {
        // The record's size is known only when the head is: not `Blocks`.
        Split::Whole
    }

    fn open<'a>(&'a self, context: Context<'a>) -> Box<dyn ChunkDecoder + 'a> {
        Box::new(Reader { wants: Wants::new(context.projection), slots: Slots::default() })
    }
}

/// The layout in which the head's records make sense, and whether all of them do.
///
/// The first record must be sound, at least half of all, and at least one must speak of something.
fn best_layout(head: &[u8]) -> Option<(&'static Layout, bool)> {
    let mut best: Option<(&'static Layout, usize, usize)> = None;
    for layout in LAYOUTS {
        let records = || head.chunks_exact(layout.bytes);
        // Of most files the first record says no; only login records are looked at whole.
        if !records().next().is_some_and(|bytes| layout.is_sound(bytes)) {
            continue;
        }
        let sound = records().filter(|bytes| layout.is_sound(bytes)).count();
        let telling = records().any(|bytes| layout.is_telling(bytes));
        let count = head.len() / layout.bytes;
        if telling && sound * 2 >= count && best.is_none_or(|(_, most, _)| sound * layout.bytes > most) {
            best = Some((layout, sound * layout.bytes, count * layout.bytes));
        }
    }
    best.map(|(layout, sound, all)| (layout, sound == all))
}

struct Reader<'a> {
    wants: Wants<'a>,
    slots: Slots,
}

impl ChunkDecoder for Reader<'_> {
    fn whole(&mut self, source: &dyn ReadAt, sink: &mut dyn Sink) {
        let mut block = vec![0; BLOCK_BYTES];
        let mut layout: Option<&Layout> = None;
        let mut offset = 0;
        loop {
            let size = layout.map_or(BLOCK_BYTES, |layout| BLOCK_BYTES / layout.bytes * layout.bytes);
            let count = match read_full(source, offset, block.get_mut(..size).unwrap_or_default()) {
                Ok(0) => return,
                Ok(count) => count,
                Err(error) => {
                    let (place, detail) = (Place::offset(offset), format!("cannot read the login records: {error}"));
                    sink.reject(Rejection { place, reason: Reject::Unreadable, detail });
                    return;
                }
            };
            let bytes = block.get(..count).unwrap_or_default();
            let Some(found) = layout.or_else(|| best_layout(bytes).map(|best| best.0)) else {
                let (place, detail) = (Place::offset(offset), "no layout of login records fits".to_owned());
                sink.reject(Rejection { place, reason: Reject::Corrupt, detail });
                return;
            };
            layout = Some(found);
            for record in bytes.chunks_exact(found.bytes) {
                self.record(found, record, offset, sink);
                offset += found.bytes as u64;
            }
            let rest = count % found.bytes;
            // The first block is no multiple of the record: its rest is read again with the next block.
            if rest > 0 && offset + rest as u64 >= source.size() {
                let detail = format!("login record of {rest} bytes, not {}", found.bytes);
                sink.reject(Rejection { place: Place::offset(offset), reason: Reject::Truncated, detail });
                return;
            }
            if count < found.bytes {
                return;
            }
        }
    }
}

/// Fills `buffer`, but for the end of the source.
fn read_full(source: &dyn ReadAt, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(free) = buffer.get_mut(filled..).filter(|free| !free.is_empty()) {
        match source.read_at(offset + filled as u64, free) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

impl Reader<'_> {
    fn record(&mut self, layout: &Layout, bytes: &[u8], offset: u64, sink: &mut dyn Sink) {
        let place = Place::record(offset, offset / layout.bytes as u64);
        if bytes.iter().all(|byte| *byte == 0) {
            return; // An unused place, not a record.
        }
        let record = layout.read(bytes);
        if layout.is_signature(&record) {
            return;
        }
        let Some(event_type) = event_type(&record) else {
            let detail = format!("login record of unknown type {}", record.kind);
            sink.reject(Rejection { place, reason: Reject::Corrupt, detail });
            return;
        };
        let fields = LoginFields::new(&record, event_type);
        if fields.lossy {
            sink.flag(Flag::Utf8Invalid, place);
        }
        if record.time.is_none() {
            sink.flag(Flag::TimeInvalid, place);
        }
        let product = if layout.signed { "macos" } else { "linux" };
        let tag = Tag { product, service: "utmp", provider: "", code: event_type };
        let Some(want) = self.wants.of(&tag) else {
            sink.unwanted(1, record.time);
            return;
        };
        fill(&want, &fields, &mut self.slots);
        let (time, slots) = (record.time, &self.slots);
        sink.event(&Event { time, time_text: None, place, bytes, tag, want: &want, slots, fields: &fields });
    }
}

/// What a record says happened; `None` for a type that does not exist.
fn event_type(record: &Record<'_>) -> Option<&'static str> {
    Some(match record.kind {
        0 => "empty",
        1 if record.user.starts_with(b"shutdown") => "shutdown",
        1 => "runlevel",
        2 => "boot",
        3 | 4 => "time_change",
        5 => "init",
        6 if matches!(record.user, b"" | b"LOGIN") => "login_prompt",
        6 => "failed_login",
        7 => "login",
        8 => "logout",
        9 => "accounting",
        10 if record.apple => "signature",
        11 if record.apple => "shutdown",
        _ => return None,
    })
}

/// utmp(5)'s name of a type.
fn type_name(kind: i32) -> &'static str {
    const NAMES: [&str; 12] = [
        "EMPTY",
        "RUN_LVL",
        "BOOT_TIME",
        "NEW_TIME",
        "OLD_TIME",
        "INIT_PROCESS",
        "LOGIN_PROCESS",
        "USER_PROCESS",
        "DEAD_PROCESS",
        "ACCOUNTING",
        "SIGNATURE",
        "SHUTDOWN_TIME",
    ];
    usize::try_from(kind).ok().and_then(|kind| NAMES.get(kind)).copied().unwrap_or("")
}

/// A record's values as text.
struct LoginFields {
    values: Vec<(&'static str, String)>,
    lossy: bool,
}

impl LoginFields {
    fn new(record: &Record<'_>, event_type: &'static str) -> Self {
        let mut fields = Self { values: Vec::with_capacity(12), lossy: false };
        fields.put("event_type", event_type.to_owned());
        fields.put("type", type_name(record.kind).to_owned());
        fields.text("user", record.user);
        fields.text("tty", record.line);
        fields.text("id", record.id);
        fields.put("pid", record.pid.to_string());
        if record.session != 0 {
            fields.put("session", record.session.to_string());
        }
        // Records of the system itself keep the kernel's release where others have the host.
        let host = if matches!(record.kind, 1 | 2) { "kernel" } else { "src_host" };
        fields.text(host, record.host);
        if let Some(address) = address_of(record) {
            fields.put("src_ip", address.to_string());
        }
        if record.exit != (0, 0) {
            fields.put("exit_termination", record.exit.0.to_string());
            fields.put("exit_status", record.exit.1.to_string());
        }
        fields
    }

    fn put(&mut self, name: &'static str, value: String) {
        self.values.push((name, value));
    }

    fn text(&mut self, name: &'static str, bytes: &[u8]) {
        if !bytes.is_empty() {
            let text = String::from_utf8_lossy(bytes);
            self.lossy |= matches!(text, std::borrow::Cow::Owned(_));
            self.put(name, text.into_owned());
        }
    }
}

impl Fields for LoginFields {
    fn each(&self, each: &mut dyn FnMut(&str, Value<'_>)) {
        for (name, value) in &self.values {
            let number = matches!(*name, "pid" | "session" | "exit_termination" | "exit_status");
            each(name, if number { Value::number(value) } else { Value::text(value) });
        }
    }
}

/// The address that the record carries, or the host if it is written as one.
fn address_of(record: &Record<'_>) -> Option<IpAddr> {
    let [a, b, c, d, rest @ ..] = record.address;
    if record.address != [0; 16] {
        return Some(match rest {
            [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0] => IpAddr::V4(Ipv4Addr::new(a, b, c, d)),
            _ => IpAddr::V6(Ipv6Addr::from(record.address)).to_canonical(),
        });
    }
    let named = matches!(record.kind, 6..=8).then_some(record.host)?;
    address_of_host(named)
}

/// A host that is written as an address.
fn address_of_host(host: &[u8]) -> Option<IpAddr> {
    std::str::from_utf8(host).ok()?.parse().ok()
}

#[cfg(test)]
mod tests;
