//! Fields that a record does not write but means: a channel, the parts of a request line, a message given as bytes.
//!
//! Done only for records that somebody wants.

use super::dialect::{Dialect, Extra};
use super::paths::{Node, Paths};
use super::tape::{Item, Source, Tape};

/// Longest message that is put together from an array of bytes.
const MESSAGE_BYTES_MAX: usize = 64 * 1024;

/// The channel of a provider that writes to one only (or nearly so); for records that name no channel.
pub(super) fn channel_of(provider: &str) -> Option<&'static str> {
    Some(match provider {
        "Microsoft-Windows-Sysmon" => "Microsoft-Windows-Sysmon/Operational",
        "Microsoft-Windows-Security-Auditing" | "Microsoft-Windows-Eventlog" => "Security",
        "Service Control Manager" | "Microsoft-Windows-Eventlog-System" => "System",
        "Microsoft-Windows-PowerShell" => "Microsoft-Windows-PowerShell/Operational",
        "PowerShell" => "Windows PowerShell",
        "Microsoft-Windows-Windows Defender" => "Microsoft-Windows-Windows Defender/Operational",
        "Microsoft-Windows-TaskScheduler" => "Microsoft-Windows-TaskScheduler/Operational",
        "Microsoft-Windows-WMI-Activity" => "Microsoft-Windows-WMI-Activity/Operational",
        "Microsoft-Windows-Bits-Client" => "Microsoft-Windows-Bits-Client/Operational",
        "Microsoft-Windows-DNS-Client" => "Microsoft-Windows-DNS-Client/Operational",
        "Microsoft-Windows-TerminalServices-LocalSessionManager" => {
            "Microsoft-Windows-TerminalServices-LocalSessionManager/Operational"
        }
        "Microsoft-Windows-CodeIntegrity" => "Microsoft-Windows-CodeIntegrity/Operational",
        "Microsoft-Windows-NTLM" => "Microsoft-Windows-NTLM/Operational",
        "MsiInstaller" | "Application Error" | "Microsoft-Windows-User Profiles Service" => "Application",
        _ => return None,
    })
}

/// The scratch memory of deriving, reused.
#[derive(Default)]
pub(super) struct Deriver {
    first: String,
    second: String,
}

impl Deriver {
    /// Adds what the dialect derives to the tape. `channel` is the tag's service.
    pub(super) fn derive(
        &mut self,
        dialect: &Dialect,
        channel: &str,
        source: &Source<'_>,
        paths: &mut Paths,
        tape: &mut Tape,
    ) {
        for first in &dialect.first {
            let there = first.paths.iter().find_map(|(known, same)| tape.found(*known).map(|(at, _)| (at, *same)));
            if let (Some((at, false)), Some(node)) = (there, paths.child(Node::DERIVED, first.name)) {
                tape.alias(node, at);
            }
        }
        match dialect.row.extra {
            Extra::Windows if dialect.service.iter().all(|known| tape.found(*known).is_none()) => {
                if let (false, Some(node)) = (channel.is_empty(), paths.child(Node::DERIVED, "Channel")) {
                    tape.derive(node, channel);
                }
            }
            Extra::Journal => self.journal(source, paths, tape),
            Extra::Web => self.web(source, paths, tape),
            _ => {}
        }
    }

    /// The value of a field by its path from the record's root.
    fn read(path: &str, source: &Source<'_>, paths: &Paths, tape: &Tape, out: &mut String) -> bool {
        out.clear();
        let entry = match tape.found(super::dialect::known(path)) {
            Some((_, entry)) => entry,
            None => {
                let Some(node) = paths.find(Node::ROOT, path) else { return false };
                let live = |entry: &&super::tape::Entry| {
                    entry.node == node && !matches!(entry.item, Item::Dead | Item::Container)
                };
                let Some(entry) = tape.entries.iter().find(live) else { return false };
                entry
            }
        };
        source.append(entry, tape, out);
        true
    }

    fn journal(&mut self, source: &Source<'_>, paths: &mut Paths, tape: &mut Tape) {
        // journalctl writes what is no UTF-8 text as an array of bytes.
        if let Some(node) = paths.find(Node::ROOT, "MESSAGE") {
            let bytes: Vec<u8> = tape
                .entries
                .iter()
                .filter(|entry| entry.node == node && entry.item == Item::Number)
                .take(MESSAGE_BYTES_MAX)
                .map_while(|entry| {
                    let mut scratch = String::new();
                    source.value(entry, tape, &mut scratch).text.parse().ok()
                })
                .collect();
            if bytes.len() > 1 {
                for entry in &mut tape.entries {
                    let of_message = entry.node == node || paths.text(entry.node) == "message";
                    if of_message && entry.item == Item::Number {
                        entry.item = Item::Dead;
                    }
                }
                let text = String::from_utf8_lossy(&bytes);
                tape.odd.utf8_invalid |= matches!(text, std::borrow::Cow::Owned(_));
                for name in ["MESSAGE", "message"] {
                    if let Some(node) = paths.child(Node::DERIVED, name) {
                        tape.derive(node, &text);
                    }
                }
            }
        }
        let mut program = std::mem::take(&mut self.first);
        let mut message = std::mem::take(&mut self.second);
        let named = Self::read("SYSLOG_IDENTIFIER", source, paths, tape, &mut program)
            || Self::read("_COMM", source, paths, tape, &mut program);
        if named && Self::read("MESSAGE", source, paths, tape, &mut message) {
            crate::format::syslog::programs::read_named(&program, &message, &mut |name, value| {
                if let Some(node) = paths.child(Node::DERIVED, name) {
                    tape.derive(node, value.text);
                }
            });
        }
        self.first = program;
        self.second = message;
    }

    /// `GET /a?b HTTP/1.1` and its variants into W3C extended log names.
    fn web(&mut self, source: &Source<'_>, paths: &mut Paths, tape: &mut Tape) {
        let mut request = std::mem::take(&mut self.first);
        let candidates = ["request", "request_uri", "requestUri", "uri", "url.original", "url", "request_url", "path"];
        let mut uri_at = 0..0;
        for path in candidates {
            if !Self::read(path, source, paths, tape, &mut request) || request.is_empty() {
                continue;
            }
            // A method is upper-case letters; the protocol ends the line.
            let method = request
                .split_once(' ')
                .filter(|(method, _)| !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase()));
            uri_at = match method {
                Some((method, rest)) => {
                    let end = rest.rfind(" HTTP/").unwrap_or(rest.len());
                    method.len() + 1..method.len() + 1 + end
                }
                None => 0..request.len(),
            };
            if let Some((method, _)) = method
                && let Some(node) = paths.child(Node::DERIVED, "cs-method")
            {
                let known = |entry: &super::tape::Entry| entry.node == node;
                if !tape.entries.iter().any(known) {
                    tape.derive(node, method);
                }
            }
            break;
        }
        let uri = request.get(uri_at).unwrap_or_default();
        if !uri.is_empty() {
            let (stem, query) = match uri.split_once('?') {
                Some((stem, query)) => (stem, Some(query)),
                None => (uri, None),
            };
            let mut args = std::mem::take(&mut self.second);
            let query = match query {
                Some(query) => Some(query),
                None if Self::read("args", source, paths, tape, &mut args)
                    || Self::read("query_string", source, paths, tape, &mut args) =>
                {
                    Some(args.trim_start_matches('?')).filter(|args| !args.is_empty())
                }
                None => None,
            };
            for (name, text) in [("cs-uri", Some(uri)), ("cs-uri-stem", Some(stem)), ("cs-uri-query", query)] {
                if let (Some(text), Some(node)) = (text, paths.child(Node::DERIVED, name)) {
                    tape.derive(node, text);
                }
            }
            self.second = args;
        }
        self.first = request;
    }
}
