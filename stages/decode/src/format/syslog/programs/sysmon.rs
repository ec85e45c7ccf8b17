//! Sysmon for Linux: an event as XML in the message of a syslog line or journal entry, one line a record:
//!
//! ```text
//! <Event><System><Provider Name="Linux-Sysmon" Guid="{…}"/><EventID>1</EventID>…</System>
//!   <EventData><Data Name="Image">/usr/bin/id</Data>…</EventData></Event>
//! ```
//!
//! Not XML in general, but this one shape: `System`'s children with a text or attributes, and `Data` with a `Name`. Fields
//! are named as the EVTX decoder names those of Windows (`EventID`, `Provider_Name`, `Computer`, `Image`), so that one rule
//! reads both. A message of another shape gives nothing; one that breaks off gives what came before.
//!
//! What must stay true: each byte is looked at a bounded number of times, nothing nests, and only a value that holds an
//! entity is copied.

use std::borrow::Cow;

use shieldwall_schema::Value;

use crate::text::driver::Out;

/// Elements of one message that are looked at. Sysmon's longest event has 14 in `System` and 23 in `EventData`.
const ELEMENTS_MAX: usize = 256;
/// Bytes in which the event id must stand: it is the second element.
const ID_BYTES_MAX: usize = 512;
/// Longest entity: `&#x10FFFF;`.
const ENTITY_BYTES_MAX: usize = 10;

/// The event's id, which decides what kind of record it is; empty if the message is none of Sysmon's.
pub(crate) fn event_id(message: &str) -> &str {
    let Some(body) = body(message) else { return "" };
    let mut end = body.len().min(ID_BYTES_MAX);
    while !body.is_char_boundary(end) {
        end -= 1;
    }
    let id = body.get(..end).and_then(|head| head.split_once("<EventID>")?.1.split_once('<'));
    id.map(|(id, _)| id.trim()).filter(|id| is_number(id)).unwrap_or_default()
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.len() <= 20 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// What stands inside `Event`.
fn body(message: &str) -> Option<&str> {
    let rest = message.trim_start_matches(['\u{feff}', ' ']).strip_prefix("<Event")?;
    let (attributes, body) = rest.split_once('>')?;
    (attributes.is_empty() || attributes.starts_with(' ')).then_some(body)
}

/// Gives the event's fields.
pub(super) fn read(message: &str, out: Out<'_>) {
    let Some(mut rest) = body(message) else { return };
    for _ in 0..ELEMENTS_MAX {
        let Some(open) = memchr::memchr(b'<', rest.as_bytes()) else { return };
        let Some((tag, behind)) = rest.get(open + 1..).and_then(tag) else { return };
        rest = behind;
        let (tag, closed) = match tag.strip_suffix('/') {
            Some(tag) => (tag, true),
            None => (tag, false),
        };
        let (name, attributes) = tag.split_once([' ', '\t']).unwrap_or((tag, ""));
        match name {
            "System" | "EventData" | "" => continue,
            _ if name.starts_with(['/', '?', '!']) => continue,
            _ => {}
        }
        let text = if closed {
            ""
        } else {
            let end = memchr::memchr(b'<', rest.as_bytes()).unwrap_or(rest.len());
            let (text, behind) = rest.split_at_checked(end).unwrap_or((rest, ""));
            rest = behind;
            text
        };
        if name == "Data" {
            if let Some((_, field)) = attribute(attributes).filter(|(key, _)| *key == "Name") {
                give(out, &decoded(field), text);
            }
            continue;
        }
        let mut left = attributes;
        let mut buffer = String::new();
        while let Some((key, value)) = attribute(left) {
            buffer.clear();
            buffer.extend([name, "_", if key == "UserId" { "UserID" } else { key }]);
            give(out, &buffer, value);
            left = behind_attribute(left);
        }
        give(out, name, text);
    }
}

/// A tag up to its `>`, which quotes may hide, and what follows it.
fn tag(text: &str) -> Option<(&str, &str)> {
    let bytes = text.as_bytes();
    let mut at = 0;
    loop {
        at += memchr::memchr3(b'>', b'"', b'\'', bytes.get(at..)?)?;
        let found = *bytes.get(at)?;
        if found == b'>' {
            return Some((text.get(..at)?, text.get(at + 1..)?));
        }
        at += 1 + memchr::memchr(found, bytes.get(at + 1..)?)? + 1;
    }
}

/// The first attribute: name and value as written.
fn attribute(attributes: &str) -> Option<(&str, &str)> {
    let (key, rest) = attributes.split_once('=')?;
    let quote = rest.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    let value = rest.get(1..)?.split(quote).next()?;
    Some((key.trim(), value))
}

/// What follows the first attribute.
fn behind_attribute(attributes: &str) -> &str {
    let Some((_, value)) = attribute(attributes) else { return "" };
    let start = attributes.find('=').unwrap_or(attributes.len()) + 1 + value.len() + 2;
    attributes.get(start..).unwrap_or_default()
}

fn give(out: Out<'_>, name: &str, text: &str) {
    if text.is_empty() {
        return;
    }
    let text = decoded(text);
    out(name, if is_number(&text) { Value::number(&text) } else { Value::text(&text) });
}

/// The five entities of XML and characters by their number; what is none of them stays as written.
fn decoded(text: &str) -> Cow<'_, str> {
    if memchr::memchr(b'&', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('&') {
        out.push_str(before);
        let end = behind.bytes().take(ENTITY_BYTES_MAX).position(|byte| byte == b';');
        let entity = end.and_then(|end| Some((character(behind.get(..end)?)?, behind.get(end + 1..)?)));
        rest = match entity {
            Some((character, behind)) => {
                out.push(character);
                behind
            }
            None => {
                out.push('&');
                behind
            }
        };
    }
    out.push_str(rest);
    Cow::Owned(out)
}

fn character(entity: &str) -> Option<char> {
    Some(match entity {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let number = entity.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)?
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::syslog::programs::tests::told;

    const LAUNCH: &str = r#"<Event><System><Provider Name="Linux-Sysmon" Guid="{ff032593-a8d3-4f13-b0d6-01fc615a0f97}"/><EventID>1</EventID><Version>5</Version><TimeCreated SystemTime="2026-11-02T09:00:00.123456000Z"/><EventRecordID>77</EventRecordID><Correlation/><Execution ProcessID="801" ThreadID="802"/><Channel>Linux-Sysmon/Operational</Channel><Computer>web1</Computer><Security UserId="0"/></System><EventData><Data Name="RuleName">-</Data><Data Name="ProcessGuid">{a-b}</Data><Data Name="Image">/usr/bin/bash</Data><Data Name="CommandLine">bash -c &quot;id &amp;&amp; echo a &gt; /tmp/x&quot; &#39;&#x41;&#39;</Data><Data Name="Empty"/><Data Name="User">www-data</Data></EventData></Event>"#;

    #[test]
    fn a_launch_has_the_fields_of_windows() {
        assert_eq!(event_id(LAUNCH), "1");
        let mut all = Vec::new();
        read(LAUNCH, &mut |name, value| all.push((name.to_owned(), value.text.to_owned())));
        for (name, value) in [
            ("Provider_Name", "Linux-Sysmon"),
            ("EventID", "1"),
            ("TimeCreated_SystemTime", "2026-11-02T09:00:00.123456000Z"),
            ("Execution_ProcessID", "801"),
            ("Execution_ThreadID", "802"),
            ("Computer", "web1"),
            ("Security_UserID", "0"),
            ("ProcessGuid", "{a-b}"),
            ("Image", "/usr/bin/bash"),
            ("CommandLine", "bash -c \"id && echo a > /tmp/x\" 'A'"),
            ("User", "www-data"),
        ] {
            let values: Vec<_> = all.iter().filter(|(field, _)| field == name).map(|(_, value)| &**value).collect();
            assert_eq!(values, [value], "{name}");
        }
        assert!(!all.iter().any(|(name, _)| name == "Empty"));
    }

    #[test]
    fn hostile_messages_come_back() {
        for (message, expected) in [
            ("", ""),
            ("<Events><EventID>1</EventID>", ""),
            ("<Event>", ""),
            ("<Event><EventID>1", "EventID=1"),
            ("<Event><EventID>x</EventID>", "EventID=x"),
            ("<Event><Data Name=\"A\">&bogus; &#x110000; &#xd800; &</Data>", "A=&bogus; &#x110000; &#xd800; &"),
            ("<Event><Data Name='A>b'>1</Data><Data Name=\"B", "A>b=1"),
            ("<Event><Data>x</Data><Data Other=\"A\">x</Data>", ""),
            ("<Event><Data Name=\"é\">ü</Data>", "é=ü"),
            ("<Event><?xml?><!-- x --><System/>", ""),
        ] {
            assert_eq!(told("sysmon", message), expected, "{message}");
        }
        for cut in (0..LAUNCH.len()).filter_map(|at| LAUNCH.get(..at)) {
            read(cut, &mut |_, _| {});
            event_id(cut);
        }
        let many = format!("<Event>{}", "<Data Name=\"A\">1</Data>".repeat(100_000));
        assert!(told("sysmon", &many).len() <= ELEMENTS_MAX * 4);
        for piece in ["<", "<<", "&", "='", "<a b=\"", "é", "<a b=\"c\" d='e'>"] {
            read(&format!("<Event>{}", piece.repeat(50_000)), &mut |_, _| {});
        }
    }

    #[test]
    fn the_id_is_a_number_near_the_front() {
        for (message, id) in [
            ("<Event xmlns=\"x\"><System><EventID>23</EventID>", "23"),
            ("<Event><System><EventID>-1</EventID>", ""),
            ("<Event><System><EventID></EventID>", ""),
            ("text <Event><EventID>1</EventID>", ""),
        ] {
            assert_eq!(event_id(message), id, "{message}");
        }
        assert_eq!(event_id(&format!("<Event>{}<EventID>1</EventID>", "é".repeat(ID_BYTES_MAX))), "");
    }
}
