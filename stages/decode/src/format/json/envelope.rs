//! Objects that are no records but hold them: `{"Records":[…]}`, `{"took":1,"hits":{"hits":[…]}}`.
//!
//! An object is taken for a wrapper only if every key in front of its array is such as wrappers have, and only if the array
//! holds objects: an ordinary record with a field called `value` stays one record.

use super::dialect::WRAPPER_PATHS;

/// A wrapper's array begins within so many bytes of its object's beginning.
pub(super) const ENVELOPE_BYTES_MAX: usize = 4096;
/// Arrays of one object that are tried as a wrapper's; bounds what a hostile object costs.
pub(super) const ENVELOPE_TRIES_MAX: u8 = 4;

/// Keys whose array may hold the records of a wrapper.
pub(super) fn is_record_key(key: &[u8]) -> bool {
    WRAPPER_PATHS.iter().any(|path| path.rsplit('.').next().unwrap_or(path).as_bytes() == key)
}

/// Other keys that a wrapper's object may have beside its array (AWS CLI, OData, Elasticsearch, Kubernetes lists, Splunk).
const ENVELOPE_KEYS: &[&str] = &[
    "NextToken",
    "nextToken",
    "next_token",
    "nextPageToken",
    "@odata.context",
    "@odata.nextLink",
    "@odata.count",
    "nextLink",
    "next",
    "count",
    "total",
    "kind",
    "apiVersion",
    "metadata",
    "took",
    "timed_out",
    "_shards",
    "_scroll_id",
    "hits",
    "max_score",
    "preview",
    "init_offset",
    "messages",
    "highlighted",
    "fields",
    "etag",
    "requestId",
    "ResponseMetadata",
    "messageType",
    "owner",
    "logGroup",
    "logStream",
    "subscriptionFilters",
    "searchedLogStreams",
    "size",
    "limit",
    "offset",
    "page",
];

/// The key in front of a `:` at the end of `head`.
pub(super) fn last_key(head: &[u8]) -> Option<&[u8]> {
    let head = head.trim_ascii_end().strip_suffix(b":")?.trim_ascii_end().strip_suffix(b"\"")?;
    let at = memchr::memrchr(b'"', head)?;
    head.get(at + 1..)
}

/// Whether an object that begins with `head`, up to an opening bracket, is a wrapper: its keys so far are such as wrappers
/// have, and the path to the bracket is one of [`WRAPPER_PATHS`].
pub(super) fn envelope(head: &[u8]) -> bool {
    let mut open: Vec<&[u8]> = Vec::new();
    let mut key: &[u8] = b"";
    let mut text: &[u8] = b"";
    let mut rest = head;
    while let [byte, after @ ..] = rest {
        rest = after;
        match byte {
            b'"' => {
                let mut at = 0;
                while let Some(found) = rest.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
                    at += found;
                    if rest.get(at) == Some(&b'"') {
                        break;
                    }
                    at += 2;
                }
                text = rest.get(..at).unwrap_or_default();
                rest = rest.get(at + 1..).unwrap_or_default();
            }
            b':' => {
                key = text;
                let allowed = || ENVELOPE_KEYS.iter().any(|allowed| allowed.as_bytes() == key);
                if open.len() == 1 && !is_record_key(key) && !allowed() {
                    return false;
                }
            }
            b'{' | b'[' => open.push(key),
            b'}' | b']' => {
                open.pop();
            }
            _ => {}
        }
    }
    // The first of `open` is the object itself.
    let mut path: Vec<&[u8]> = open.split_off(open.len().min(1));
    path.push(key);
    WRAPPER_PATHS.iter().any(|wrapper| wrapper.split('.').map(str::as_bytes).eq(path.iter().copied()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrappers_are_told_from_records() {
        for (head, wrapper) in [
            (r#"{"Records":"#, true),
            (r#"{ "NextToken" : "a\"]", "Events" :"#, true),
            (r#"{"took":1,"hits":{"total":{"value":1},"hits":"#, true),
            (r#"{"kind":"EventList","apiVersion":"v1","metadata":{"a":[1]},"items":"#, true),
            (r#"{"user":"x","Records":"#, false),
            (r#"{"hits":"#, false),
            (r#"{"metadata":{"items":"#, false),
            (r#"{"a":"Records":"#, false),
        ] {
            assert_eq!(envelope(head.as_bytes()), wrapper, "{head}");
        }
        assert_eq!(last_key(br#"{"a" : "#), Some(&b"a"[..]));
        assert_eq!(last_key(br#"{"a""#), None);
    }
}
