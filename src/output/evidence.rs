//! The typed parts of an OCSF *Evidence Artifacts* object, built from flat paths.
//!
//! `process.file.path = …` becomes `{"process":{"file":{"path":…}}}`, but only where the schema allows it: the value has the
//! type's form, required attributes can be filled honestly (0 Unknown; a file's name from its path), and constraints hold. An
//! object that cannot be made valid is taken back whole. What is left over is told as plain fields,
//! so nothing is lost and the whole stays schema-valid.
//!
//! A path may begin with `evidences.`, where a mapping speaks of a Detection Finding's own evidence.
//!
//! Cost: one pass over the fields; the buffer is written ahead and cut back where an object fails.

use std::ops::Range;

use shieldwall_schema::ocsf::form::has_form;
use shieldwall_schema::ocsf::{self, Attribute, Object, PATH_DEPTH_MAX, Requirement, Type};

use super::json;

/// A path and its value.
type Field = (String, String);

/// A field's path below the evidence.
fn path_of(field: &Field) -> &str {
    field.0.strip_prefix("evidences.").unwrap_or(&field.0)
}

/// Working memory, kept from evidence to evidence.
#[derive(Debug)]
pub struct Artifacts {
    evidences: Option<&'static Object>,
    /// Fields in path order, as indices.
    order: Vec<usize>,
    /// Whether a field (by index) found its place.
    taken: Vec<bool>,
    /// Names written into the objects that are open, the innermost last.
    present: Vec<&'static str>,
}

impl Default for Artifacts {
    fn default() -> Self {
        Self { evidences: ocsf::object("evidences"), order: Vec::new(), taken: Vec::new(), present: Vec::new() }
    }
}

impl Artifacts {
    /// Writes the typed parts as keys into an open object.
    pub fn write(&mut self, out: &mut String, fields: &[Field], host: Option<&str>) {
        self.order.clear();
        self.order.extend(0..fields.len());
        let path = |at: &usize| fields.get(*at).map_or("", path_of);
        // Grouping needs equal heads side by side; `.` sorts before every character of a name.
        if !self.order.is_sorted_by_key(path) {
            self.order.sort_by(|a, b| path(a).cmp(path(b)));
        }
        self.taken.clear();
        self.taken.resize(fields.len(), false);
        self.present.clear();
        let Some(evidences) = self.evidences else { return };
        // `data` is ours.
        let before = self.present.len();
        self.members(out, fields, 0..fields.len(), 0, evidences, 0);
        if let Some(host) = host.filter(|host| !host.is_empty())
            && !self.present.iter().skip(before).any(|name| *name == "device")
        {
            device(out, host);
        }
    }

    /// The fields that found no place, in path order.
    pub fn left<'f>(&self, fields: &'f [Field]) -> impl Iterator<Item = &'f Field> {
        let left = self.order.iter().filter(|at| !self.taken.get(**at).copied().unwrap_or(true));
        left.filter_map(|at| fields.get(*at))
    }

    /// Writes the members of one object from the fields in `range` (of `order`), whose paths share the first `head` bytes.
    fn members(
        &mut self,
        out: &mut String,
        fields: &[Field],
        range: Range<usize>,
        head: usize,
        object: &'static Object,
        depth: usize,
    ) {
        let mut at = range.start;
        while at < range.end {
            let Some(name) = self.name(fields, at, head) else { return };
            let mut end = at + 1;
            while end < range.end && self.name(fields, end, head) == Some(name) {
                end += 1;
            }
            let group = at..end;
            at = end;
            let Some(attribute) = object.attribute(name) else { continue };
            if !attribute.profile.is_empty() || attribute.deprecated || (depth == 0 && name == "data") {
                continue;
            }
            let written = match attribute.kind.object() {
                Some(inner) if !inner.is_free() && depth < PATH_DEPTH_MAX => {
                    self.nested(out, fields, group, head + name.len() + 1, attribute, inner, depth)
                }
                Some(_) => false,
                None => {
                    // Words beside a number must agree with it; the number says enough.
                    let numbered = self
                        .name(fields, end, head)
                        .is_some_and(|next| end < range.end && next.strip_suffix("_id") == Some(name));
                    !numbered && self.scalars(out, fields, group, head + name.len(), attribute)
                }
            };
            if written {
                self.present.push(attribute.name);
            }
        }
    }

    /// The name at `head` of the path of a field.
    fn name<'f>(&self, fields: &'f [Field], at: usize, head: usize) -> Option<&'f str> {
        path_of(fields.get(*self.order.get(at)?)?)
            .get(head..)
            .map(|rest| rest.split_once('.').map_or(rest, |(name, _)| name))
    }

    #[allow(clippy::too_many_arguments, reason = "the walk's whole state; a struct for one call says no more")]
    fn nested(
        &mut self,
        out: &mut String,
        fields: &[Field],
        range: Range<usize>,
        head: usize,
        attribute: &Attribute,
        object: &'static Object,
        depth: usize,
    ) -> bool {
        let (start, marks) = (out.len(), self.present.len());
        json::key(out, attribute.name);
        if attribute.array {
            json::open(out, '[');
        }
        json::open(out, '{');
        let body = out.len();
        self.members(out, fields, range.clone(), head, object, depth + 1);
        let whole = out.len() > body && self.complete(out, fields, range.clone(), head, object, marks);
        self.present.truncate(marks);
        if !whole {
            out.truncate(start);
            for at in range {
                self.take(at, false);
            }
            return false;
        }
        out.push('}');
        if attribute.array {
            out.push(']');
        }
        true
    }

    fn take(&mut self, at: usize, taken: bool) {
        if let Some(mark) = self.order.get(at).and_then(|index| self.taken.get_mut(*index)) {
            *mark = taken;
        }
    }

    /// Fills what is required and missing; whether the object is valid then. `marks`: where its names begin in `present`.
    fn complete(
        &mut self,
        out: &mut String,
        fields: &[Field],
        range: Range<usize>,
        head: usize,
        object: &'static Object,
        marks: usize,
    ) -> bool {
        for attribute in object.attributes() {
            let missing = attribute.requirement == Requirement::Required && attribute.profile.is_empty();
            if !missing || self.present.iter().skip(marks).any(|name| *name == attribute.name) {
                continue;
            }
            if let Some(number) = self.number(fields, range.clone(), head, attribute) {
                json::number_pair(out, attribute.name, number);
            } else if attribute.kind == Type::FileNameT {
                let values = range.clone().filter_map(|at| fields.get(*self.order.get(at)?));
                let mut paths = values.filter(|field| path_of(field).get(head..) == Some("path"));
                let path = paths.next().map(|(_, value)| value);
                let name = path.and_then(|path| path.rsplit(['/', '\\']).next()).filter(|name| !name.is_empty());
                let Some(name) = name else { return false };
                json::string_pair(out, attribute.name, name);
            } else {
                return false;
            }
            self.present.push(attribute.name);
        }
        let count = |names: &[&str]| self.present.iter().skip(marks).filter(|name| names.contains(name)).count();
        let any = object.constraints.at_least_one;
        let one = object.constraints.just_one;
        (any.is_empty() || count(any) > 0) && (one.is_empty() || count(one) == 1)
    }

    /// The number to fill in for a missing one: 0 Unknown; beside words, the one that they caption, else 99 Other.
    fn number(&self, fields: &[Field], mut range: Range<usize>, head: usize, attribute: &Attribute) -> Option<i64> {
        if !attribute.kind.is_integer() {
            return None;
        }
        let beside = attribute.name.strip_suffix("_id");
        let words = range.find_map(|at| {
            let field = fields.get(*self.order.get(at)?)?;
            let written = self.taken.get(*self.order.get(at)?) == Some(&true);
            (written && path_of(field).get(head..) == beside).then_some(field.1.as_str())
        });
        let captioned = |wanted: &str| {
            attribute
                .choices()
                .iter()
                .find(|(_, caption)| *caption == wanted)
                .and_then(|(number, _)| number.parse().ok())
        };
        match words {
            Some(words) => captioned(words).or_else(|| captioned("Other")),
            None => captioned("Unknown"),
        }
    }

    /// Writes the values of one attribute: all of them into an array, else the first that fits.
    fn scalars(
        &mut self,
        out: &mut String,
        fields: &[Field],
        range: Range<usize>,
        head: usize,
        attribute: &Attribute,
    ) -> bool {
        let start = out.len();
        json::key(out, attribute.name);
        if attribute.array {
            json::open(out, '[');
        }
        let mut any = false;
        for at in range {
            let Some(field) = self.order.get(at).and_then(|index| fields.get(*index)) else { continue };
            // A longer path asks for members of something that has none.
            if path_of(field).len() == head && (attribute.array || !any) && scalar(out, &field.1, attribute) {
                self.take(at, true);
                any = true;
            }
        }
        if !any {
            out.truncate(start);
            return false;
        }
        if attribute.array {
            out.push(']');
        }
        true
    }
}

/// `"device":{…}` for a host known by name.
pub fn device(out: &mut String, host: &str) {
    json::key(out, "device");
    json::open(out, '{');
    json::string_pair(out, "hostname", host);
    json::number_pair(out, "type_id", 0);
    out.push('}');
}

/// Writes one value in its type; `false`, with nothing written, if it does not fit.
fn scalar(out: &mut String, value: &str, attribute: &Attribute) -> bool {
    let allowed = |text: &str| {
        let choices = attribute.choices();
        choices.is_empty() || choices.iter().any(|(choice, _)| *choice == text)
    };
    match attribute.kind {
        kind if kind.is_integer() => {
            let Some(number) = integer(value, kind) else { return false };
            if !attribute.choices().is_empty() && attribute.caption(number).is_none() {
                return false;
            }
            json::number(out, number);
        }
        Type::BooleanT => match value.to_ascii_lowercase().as_str() {
            "true" => json::number(out, true),
            "false" => json::number(out, false),
            _ => return false,
        },
        Type::FloatT => match value.parse::<f64>() {
            Ok(number) if number.is_finite() => json::number(out, number),
            _ => return false,
        },
        kind if kind.is_text() && has_form(value, kind) && allowed(value) => json::string(out, value),
        Type::JsonT => json::string(out, value),
        _ => return false,
    }
    true
}

/// A whole number as logs write it: decimal or `0x1410`; a time as milliseconds or RFC 3339.
fn integer(value: &str, kind: Type) -> Option<i64> {
    let value = value.trim();
    let number = match value.strip_prefix("0x").or_else(|| value.strip_prefix("0X")) {
        Some(hex) if hex.bytes().all(|b| b.is_ascii_hexdigit()) => i64::from_str_radix(hex, 16).ok(),
        Some(_) => None,
        None => value.parse::<i64>().ok(),
    };
    match kind {
        Type::IntegerT => number.filter(|number| i32::try_from(*number).is_ok()),
        Type::PortT => number.filter(|number| u16::try_from(*number).is_ok()),
        Type::TimestampT => number.or_else(|| value.parse::<jiff::Timestamp>().ok().map(|time| time.as_millisecond())),
        _ => number,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fields → typed JSON and what is left.
    fn check(fields: &[(&str, &str)], typed: &str, left: &[&str]) {
        let fields: Vec<Field> = fields.iter().map(|(path, value)| ((*path).to_owned(), (*value).to_owned())).collect();
        let mut artifacts = Artifacts::default();
        let mut out = "{".to_owned();
        artifacts.write(&mut out, &fields, None);
        out.push('}');
        assert_eq!(out, typed);
        let rest: Vec<&str> = artifacts.left(&fields).map(|(path, _)| path.as_str()).collect();
        assert_eq!(rest, left, "left over of {typed}");
        // Valid as part of a finding.
        let mut evidence: serde_json::Value = serde_json::from_str(&out).unwrap();
        evidence["data"] = serde_json::json!({});
        let event = serde_json::json!({
            "class_uid": 2004, "category_uid": 2, "activity_id": 1, "type_uid": 200_401, "time": 0, "severity_id": 1,
            "metadata": {"version": "1.8.0", "product": {"name": "x"}}, "finding_info": {"uid": "u"},
            "evidences": [evidence],
        });
        assert_eq!(ocsf::validate::validate(&event), Vec::<String>::new(), "{out}");
    }

    #[test]
    fn paths_become_objects() {
        check(
            &[
                ("actor.user.name", "eve"),
                ("process.cmd_line", "a \"b\""),
                ("process.file.path", "C:\\Windows\\cmd.exe"),
                ("process.parent_process.pid", "0x10"),
                ("process.pid", "4711"),
            ],
            r#"{"actor":{"user":{"name":"eve"}},"process":{"cmd_line":"a \"b\"","file":{"path":"C:\\Windows\\cmd.exe","name":"cmd.exe","type_id":0},"parent_process":{"pid":16},"pid":4711}}"#,
            &[],
        );
    }

    #[test]
    fn what_does_not_fit_is_left() {
        // No pid: OCSF asks for one of pid, uid, cpid.
        check(
            &[("process.cmd_line", "a"), ("process.file.path", "/bin/a")],
            "{}",
            &["process.cmd_line", "process.file.path"],
        );
        check(
            &[("src_endpoint.ip", "999.1.1.1"), ("src_endpoint.port", "70000")],
            "{}",
            &["src_endpoint.ip", "src_endpoint.port"],
        );
        check(
            &[("src_endpoint.ip", "10.0.0.1"), ("src_endpoint.ip", "10.0.0.2")],
            r#"{"src_endpoint":{"ip":"10.0.0.1"}}"#,
            &["src_endpoint.ip"],
        );
        check(&[("file.path", "/")], "{}", &["file.path"]);
        check(&[("module.file.path", "x.dll"), ("unmapped.x", "1")], "{}", &["module.file.path", "unmapped.x"]);
        check(&[("data.x", "1"), ("data", "1"), ("", "1"), (".", "2")], "{}", &["", ".", "data", "data.x"]);
        check(&[("user", "x"), ("user.name.first", "y")], "{}", &["user", "user.name.first"]);
        // Words that would contradict their number.
        check(
            &[("user.name", "u"), ("user.type", "nonsense"), ("user.type_id", "2")],
            r#"{"user":{"name":"u","type_id":2}}"#,
            &["user.type"],
        );
        check(&[("user.name", "u"), ("user.type_id", "77")], r#"{"user":{"name":"u"}}"#, &["user.type_id"]);
        // A profile's attribute, a retired attribute.
        check(
            &[("process.container.name", "c"), ("process.pid", "1")],
            r#"{"process":{"pid":1}}"#,
            &["process.container.name"],
        );
    }

    #[test]
    fn a_findings_own_evidence_is_meant_too() {
        check(
            &[("actor.user.name", "u"), ("evidences.file.path", "C:\\a.exe"), ("message", "m")],
            r#"{"actor":{"user":{"name":"u"}},"file":{"path":"C:\\a.exe","name":"a.exe","type_id":0}}"#,
            &["message"],
        );
    }

    #[test]
    fn missing_numbers_are_filled_in_honestly() {
        check(
            &[("connection_info.direction", "Inbound"), ("connection_info.protocol_name", "tcp")],
            r#"{"connection_info":{"direction":"Inbound","protocol_name":"tcp","direction_id":1}}"#,
            &[],
        );
        check(
            &[("connection_info.direction", "sideways")],
            r#"{"connection_info":{"direction":"sideways","direction_id":99}}"#,
            &[],
        );
    }

    #[test]
    fn arrays_and_other_types() {
        check(
            &[
                ("file.hashes.value", "abc"),
                ("file.is_system", "True"),
                ("file.name", "a"),
                ("file.size", "9000000000"),
            ],
            r#"{"file":{"hashes":[{"value":"abc","algorithm_id":0}],"is_system":true,"name":"a","size":9000000000,"type_id":0}}"#,
            &[],
        );
        check(&[("reg_key.path", "HKLM\\x")], r#"{"reg_key":{"path":"HKLM\\x"}}"#, &[]);
        check(&[("query.hostname", "example.org")], r#"{"query":{"hostname":"example.org"}}"#, &[]);
        check(
            &[("http_request.http_method", "BREW"), ("http_request.user_agent", "x")],
            r#"{"http_request":{"user_agent":"x"}}"#,
            &["http_request.http_method"],
        );
    }

    #[test]
    fn the_host_is_a_device_unless_fields_say_more() {
        let mut artifacts = Artifacts::default();
        let mut out = "{".to_owned();
        artifacts.write(&mut out, &[], Some("ws01"));
        assert_eq!(out, r#"{"device":{"hostname":"ws01","type_id":0}"#);
        let fields =
            vec![("device.hostname".to_owned(), "WS01".to_owned()), ("device.ip".to_owned(), "::1".to_owned())];
        out.clear();
        out.push('{');
        artifacts.write(&mut out, &fields, Some("ws01"));
        assert_eq!(out, r#"{"device":{"hostname":"WS01","ip":"::1","type_id":0}"#);
    }
}
