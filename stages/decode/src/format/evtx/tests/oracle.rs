//! Equal to the crate `evtx`, by way of its XML, read here by a reader of its own.
//!
//! Two differences are by design and are evened out before comparing: the crate writes characters that XML forbids as
//! `_`, this decoder keeps them; and this decoder leaves empty attributes out.

use std::sync::Arc;

use super::*;

/// An XML element.
#[derive(Debug, Default)]
struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    children: Vec<Element>,
    text: String,
}

fn unescape(text: &str) -> String {
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&apos;", "'");
    text.replace("&amp;", "&")
}

/// Reads the crate's XML, which has no comments, CDATA or declarations but the first.
fn parse(xml: &str) -> Element {
    let mut stack = vec![Element::default()];
    let mut rest = xml.split_once("?>").map_or(xml, |(_, rest)| rest);
    while let Some((text, after)) = rest.split_once('<') {
        stack.last_mut().unwrap().text.push_str(&unescape(text));
        let (tag, after) = after.split_once('>').unwrap();
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            let element = stack.pop().unwrap();
            assert_eq!(name, element.name);
            stack.last_mut().unwrap().children.push(element);
            continue;
        }
        let (tag, empty) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
        let (name, mut attributes) = tag.split_once(char::is_whitespace).unwrap_or((tag, ""));
        let mut element = Element { name: name.to_owned(), ..Element::default() };
        while let Some((name, value)) = attributes.split_once("=\"") {
            let (value, more) = value.split_once('"').unwrap();
            element.attributes.push((name.trim().to_owned(), unescape(value)));
            attributes = more;
        }
        match empty {
            true => stack.last_mut().unwrap().children.push(element),
            false => stack.push(element),
        }
    }
    assert_eq!(stack.len(), 1);
    stack.pop().unwrap().children.pop().unwrap()
}

/// System's own elements keep their names for themselves.
const SYSTEM: &[&str] =
    &["EventID", "Version", "Level", "Task", "Opcode", "Keywords", "EventRecordID", "Channel", "Computer"];

/// The pairs of an event, in document order (an element's own text after its children).
fn flatten(event: &Element) -> Vec<(String, String)> {
    let mut out = Vec::new();
    for part in &event.children {
        let start = out.len();
        let prefix = match part.name.as_str() {
            "System" | "EventData" | "UserData" => String::new(),
            other => format!("{other}."),
        };
        attributes(part, &part.name, false, &mut out);
        for child in &part.children {
            element(child, &prefix, part.name == "System", part.name == "EventData", &mut out);
        }
        if !part.text.trim().is_empty() {
            out.push((part.name.clone(), part.text.clone()));
        }
        if part.name == "EventData" || part.name == "UserData" {
            for (name, _) in out.iter_mut().skip(start).filter(|(name, _)| SYSTEM.contains(&name.as_str())) {
                *name = format!("{}.{name}", part.name);
            }
        }
    }
    if !event.text.trim().is_empty() {
        out.push((event.name.clone(), event.text.clone()));
    }
    out
}

fn attributes(element: &Element, name: &str, named: bool, out: &mut Vec<(String, String)>) -> bool {
    let mut any = false;
    for (attribute, value) in &element.attributes {
        if attribute.starts_with("xmlns") || named && attribute == "Name" {
            continue;
        }
        any = true;
        if !value.is_empty() {
            out.push((format!("{name}_{attribute}"), value.clone()));
        }
    }
    any
}

fn element(at: &Element, prefix: &str, system: bool, data: bool, out: &mut Vec<(String, String)>) {
    let named = data && (at.name == "Data" || at.name == "ComplexData");
    let own = format!("{prefix}{}", at.name);
    let any = attributes(at, &own, named, out);
    for child in &at.children {
        element(child, prefix, system, data, out);
    }
    let name = at.attributes.iter().find(|(name, value)| named && name == "Name" && !value.is_empty());
    let name = name.map_or(own, |(_, value)| value.clone());
    if !at.children.is_empty() && at.text.trim().is_empty() {
        return;
    }
    if !at.text.is_empty() || !system && !any && at.children.is_empty() {
        out.push((name, at.text.clone()));
    }
}

/// What XML cannot hold, as the crate writes it.
fn for_xml(text: &str) -> String {
    let forbidden = |c: char| c < ' ' && !matches!(c, '\t' | '\n' | '\r') || matches!(c, '\u{fffe}' | '\u{ffff}');
    text.chars().map(|c| if forbidden(c) { '_' } else { c }).collect()
}

/// A record's id and pairs.
type Flat = (u64, Vec<(String, String)>);

/// What the crate reads; `None` for what it could not.
fn by_crate(bytes: &[u8]) -> Vec<Option<Flat>> {
    let settings = Arc::new(evtx::ParserSettings::default().indent(false));
    let mut out = Vec::new();
    for block in bytes.get(FILE_HEADER_BYTES as usize..).unwrap_or_default().chunks(CHUNK_BYTES) {
        if block.iter().all(|byte| *byte == 0) {
            continue;
        }
        let Ok(mut chunk) = evtx::EvtxChunkData::new(block.to_vec(), false) else {
            out.push(None);
            continue;
        };
        let Ok(mut chunk) = chunk.parse(settings.clone()) else {
            out.push(None);
            continue;
        };
        for record in chunk.iter() {
            let xml = record.and_then(evtx::EvtxRecord::into_xml);
            out.push(xml.ok().map(|record| (record.event_record_id, flatten(&parse(&record.data)))));
        }
    }
    out
}

fn compare(folder: &str, files_at_least: usize) {
    let Some(data) = data() else { return };
    let logs = logs(&data.join(folder));
    assert!(logs.len() >= files_at_least, "{folder}: {} logs", logs.len());
    let (mut records, mut differences) = (0, Vec::new());
    for log in &logs {
        let bytes = read(log);
        let expected: Vec<_> = by_crate(&bytes).into_iter().flatten().collect();
        let ours = decode(&bytes, &All::new(), 4);
        if expected.len() != ours.seen.len() {
            let file = log.display();
            differences.push(format!("{file}: {} records, {} by the crate", ours.seen.len(), expected.len()));
            continue;
        }
        for ((id, pairs), seen) in expected.into_iter().zip(&ours.seen) {
            records += 1;
            let mine: Vec<_> = seen.fields.iter().map(|(name, text)| (name.clone(), for_xml(text))).collect();
            if seen.place.record != Some(id) || mine != pairs {
                let mut odd: Vec<_> = pairs.iter().filter(|pair| !mine.contains(pair)).collect();
                let mut own: Vec<_> = mine.iter().filter(|pair| !pairs.contains(pair)).collect();
                odd.truncate(3);
                own.truncate(3);
                differences.push(format!("{} record {id}: crate {odd:?}, here {own:?}", log.display()));
            }
            // The event's own time is the record's, where it has one that is not zero.
            let created = mine.iter().find(|(name, _)| name == "TimeCreated_SystemTime");
            let created = created.filter(|(_, created)| !created.starts_with("1601-01-01T00:00:00.0000000"));
            if let (Some((_, created)), Some(time)) = (created, seen.time) {
                let (ours, file) = (time.to_string(), log.display());
                assert_eq!(ours.get(..19), created.get(..19), "{file} record {id}: {created}");
            }
            // The tag is what the fields say.
            let system = |wanted: &str| mine.iter().find(|(name, _)| name == wanted).map_or("", |(_, text)| text);
            let tag = [seen.service.as_str(), &seen.provider, &seen.code];
            let expected = [system("Channel"), system("Provider_Name"), system("EventID")];
            assert_eq!(tag, expected, "{} record {id}", log.display());
            // What fills slots is what lists fields.
            let texts: Vec<_> = seen.fields.iter().map(|(_, text)| text).collect();
            let slotted: Vec<_> = seen.slots.iter().map(|(_, text)| text).collect();
            assert_eq!(texts, slotted, "{} record {id}", log.display());
        }
    }
    let shown: Vec<_> = differences.iter().take(12).cloned().collect();
    assert!(differences.is_empty(), "{} of {records} differ\n{}", differences.len(), shown.join("\n"));
    assert!(records > 0);
}

#[test]
fn sigma_regression_logs_read_as_the_crate_reads_them() {
    compare("sigma-regression", 200);
}

#[test]
fn attack_logs_read_as_the_crate_reads_them() {
    compare("evtx-to-mitre", 140);
}

#[test]
fn benign_logs_read_as_the_crate_reads_them() {
    compare("evtx-benign-samples", 10);
}

#[test]
fn malformed_logs_read_as_the_crate_reads_them() {
    compare("malformed", 9);
}
