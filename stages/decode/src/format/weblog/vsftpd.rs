//! The log of vsftpd: `Mon Jun  6 18:43:28 2016 [pid 1] [jean] OK LOGIN: Client "192.168.1.9", …`.
//!
//! Tag: product `linux`, service `vsftpd`. Times have no zone. `event_type`: `ftp_connect`, `ftp_login_ok`,
//! `ftp_login_failed`, `ftp_upload`, `ftp_download`, … : the operation in lower case, `_failed` behind it where it failed.

use shieldwall_schema::{Flag, Tag, Value};

use crate::clock::Lacks;
use crate::decoder::{ChunkDecoder, Confidence, Context, Decoder, Split};
use crate::format::weblog::{census, present};
use crate::text::driver::{Grammar, LineDecoder, Record};
use crate::text::line::Text;
use crate::text::stamp::{self, Stamp};

/// The decoder.
#[derive(Debug)]
pub struct Vsftpd;

impl Decoder for Vsftpd {
    fn name(&self) -> &'static str {
        "vsftpd"
    }

    fn sniff(&self, head: &[u8]) -> Confidence {
        let (lines, known) = census(head, |line| Parts::of(line).is_some());
        if known > 0 && known * 2 >= lines { Confidence::SURE } else { Confidence::NO }
    }

    fn split(&self) -> Split {
        Split::Lines
    }

    fn lacks(&self, _: &[u8]) -> Lacks {
        Lacks { year: false, zone: true }
    }

    fn open<'a>(&'a self, context: Context<'a>) -> Box<dyn ChunkDecoder + 'a> {
        Box::new(LineDecoder::new(FtpLines, context, false))
    }
}

/// The grammar.
pub(crate) struct FtpLines;

const MESSAGE: usize = 0;
const PID: usize = 1;
const USER: usize = 2;
const EVENT_TYPE: usize = 3;
const SRC_IP: usize = 4;
const PATH: usize = 5;
const BYTES: usize = 6;

impl Grammar for FtpLines {
    type Record<'l> = FtpRecord<'l>;
    const NAMES: &'static [&'static str] = &["message", "pid", "user", "event_type", "src_ip", "path", "bytes"];

    fn read<'l>(&'l mut self, line: &Text<'l>) -> Option<FtpRecord<'l>> {
        Some(FtpRecord { parts: Parts::of(line.text), line: line.text })
    }
}

/// A line's parts; empty where there is none.
#[derive(Clone, Copy, Debug)]
struct Parts<'l> {
    stamp: (Stamp, &'l str),
    pid: &'l str,
    user: &'l str,
    message: &'l str,
}

impl<'l> Parts<'l> {
    fn of(line: &'l str) -> Option<Self> {
        let (stamp, length) = stamp::ctime(line.as_bytes())?;
        let (time, rest) = line.split_at_checked(length)?;
        let (pid, rest) = rest.strip_prefix(" [pid ")?.split_once("] ")?;
        // The name is what the client sent; the program's own words follow the last `] ` before the colon.
        let (user, message) = match rest.strip_prefix('[') {
            Some(inside) => {
                let head = inside.split(": ").next().unwrap_or_default();
                match head.rfind("] ").and_then(|at| inside.split_at_checked(at)) {
                    Some((user, behind)) => (user, behind.strip_prefix("] ").unwrap_or(behind)),
                    None => ("", rest),
                }
            }
            None => ("", rest),
        };
        Some(Self { stamp: (stamp, time), pid, user, message })
    }

    /// `OK LOGIN` → its event type.
    fn event_type(&self) -> &'static str {
        let (result, operation) = match self.message.split(':').next().unwrap_or_default() {
            "CONNECT" => return "ftp_connect",
            other => other.split_once(' ').unwrap_or(("", "")),
        };
        let types: [(&str, &str, &str); 10] = [
            ("LOGIN", "ftp_login_ok", "ftp_login_failed"),
            ("UPLOAD", "ftp_upload", "ftp_upload_failed"),
            ("APPEND", "ftp_upload", "ftp_upload_failed"),
            ("DOWNLOAD", "ftp_download", "ftp_download_failed"),
            ("MKDIR", "ftp_mkdir", "ftp_mkdir_failed"),
            ("RMDIR", "ftp_rmdir", "ftp_rmdir_failed"),
            ("DELETE", "ftp_delete", "ftp_delete_failed"),
            ("RENAME", "ftp_rename", "ftp_rename_failed"),
            ("CHMOD", "ftp_chmod", "ftp_chmod_failed"),
            ("LIST", "ftp_list", "ftp_list_failed"),
        ];
        let found = types.iter().find(|(name, _, _)| *name == operation);
        match (found, result) {
            (Some((_, ok, _)), "OK") => ok,
            (Some((_, _, failed)), "FAIL") => failed,
            _ => "",
        }
    }

    /// The quoted or bare items behind the client.
    fn item(&self, find: impl Fn(&'l str) -> Option<&'l str>) -> &'l str {
        let items = self.message.split(", ").skip(1);
        items.filter_map(find).next().unwrap_or_default()
    }
}

/// One line.
pub(crate) struct FtpRecord<'l> {
    parts: Option<Parts<'l>>,
    line: &'l str,
}

impl Record for FtpRecord<'_> {
    fn tag(&self) -> Tag<'_> {
        Tag { product: "linux", service: "vsftpd", provider: "", code: "" }
    }

    fn stamp(&self) -> Option<(Stamp, &str)> {
        self.parts.as_ref().map(|parts| parts.stamp)
    }

    fn flag(&self) -> Option<Flag> {
        self.parts.is_none().then_some(Flag::UnknownLine)
    }

    fn values(&self, field: usize, out: &mut dyn FnMut(Value<'_>)) {
        let Some(parts) = &self.parts else {
            if field == MESSAGE {
                out(Value::text(self.line));
            }
            return;
        };
        let value = match field {
            MESSAGE => parts.message,
            PID => parts.pid,
            USER => parts.user,
            EVENT_TYPE => parts.event_type(),
            SRC_IP => {
                let client = parts.message.split_once("Client \"").and_then(|(_, rest)| rest.split_once('"'));
                client.map_or("", |(address, _)| address)
            }
            PATH => parts.item(|item| item.strip_prefix('"')?.strip_suffix('"').filter(|path| path.starts_with('/'))),
            BYTES => parts.item(|item| item.strip_suffix(" bytes")),
            _ => "",
        };
        if let Some(value) = present(value) {
            out(if matches!(field, PID | BYTES) { Value::number(value) } else { Value::text(value) });
        }
    }
}
