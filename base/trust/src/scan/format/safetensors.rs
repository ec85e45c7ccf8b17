//! Safetensors: eight bytes of length, a JSON header, tensors without gaps. Loading it runs nothing; what can lie is the
//! header, and what can carry code for whoever reads it are the texts of its metadata. Every rule of the format is checked from the header alone: two gigabytes of tensors are never read.

use crate::scan::judge::value::Value;
use crate::scan::judge::{config, json, python};
use crate::scan::kinds::{BROKEN, CODE, HIDDEN, found, shown};
use crate::scan::report::{Finding, Report, Weight};
use crate::scan::{Bytes, Format, Inside, Part};

/// Safetensors files.
pub struct Safetensors;

/// The longest header that the reference reads: 100 MB.
const HEADER_MAX: u64 = 100_000_000;

impl Format for Safetensors {
    fn name(&self) -> &'static str {
        "safetensors"
    }

    fn claims(&self, bytes: &dyn Bytes) -> bool {
        let head = bytes.window(0, 9);
        let Some(len) = head.get(..8).and_then(|len| len.try_into().ok()).map(u64::from_le_bytes) else { return false };
        head.get(8) == Some(&b'{') && (2..=HEADER_MAX).contains(&len)
    }

    fn read(&self, bytes: &dyn Bytes, inside: &Inside<'_>, report: &mut Report) {
        let len = bytes.window(0, 8).try_into().map(u64::from_le_bytes).unwrap_or(0);
        let broken = |report: &mut Report, at: u64, words: String| {
            report.add(Finding { offset: at, ..found(inside, &BROKEN, Weight::NotProven, words) })
        };
        let data_start = len.saturating_add(8);
        if data_start > bytes.len() {
            return broken(report, 0, format!("the header claims {len} bytes, the file has {}", bytes.len()));
        }
        let text = bytes.window(8, usize::try_from(len).unwrap_or(0));
        let header = match json::parse(&text) {
            Ok(header @ Value::Map(_)) => header,
            Ok(_) => return broken(report, 8, "the header is not a JSON object".to_owned()),
            Err(error) => return broken(report, 8 + error.at as u64, format!("the header is not JSON: {}", error.why)),
        };
        let data_len = bytes.len() - data_start;
        let mut spans = Vec::new();
        let mut names = std::collections::HashSet::new();
        for (name, tensor) in header.entries() {
            if !names.insert(name.as_str()) {
                broken(
                    report,
                    8,
                    format!("the name `{}` stands twice: readers take the first or the last", shown(name)),
                );
            }
            if name == "__metadata__" {
                metadata(tensor, inside, report);
                continue;
            }
            match span(tensor) {
                Ok((start, end)) if end > data_len => broken(
                    report,
                    8,
                    format!("`{}` ends at {end}, the tensors at {data_len}: it has {start}", shown(name)),
                ),
                Ok(span) => spans.push((span, name)),
                Err(why) => broken(report, 8, format!("`{}`: {why}", shown(name))),
            }
        }
        spans.sort_unstable();
        let mut at = 0;
        for ((start, end), name) in spans {
            if start > at {
                let words = format!("{} bytes before `{}` belong to no tensor", start - at, shown(name));
                report.add(Finding { offset: data_start + at, ..found(inside, &HIDDEN, Weight::NotProven, words) });
            } else if start < at {
                broken(report, data_start + start, format!("`{}` overlaps the tensor before it", shown(name)));
            }
            at = at.max(end);
        }
        if at < data_len {
            let words = format!("{} bytes follow the last tensor", data_len - at);
            report.add(Finding { offset: data_start + at, ..found(inside, &HIDDEN, Weight::NotProven, words) });
            (inside.member)("after the last tensor", &Part::new(bytes, data_start + at, u64::MAX), report);
        }
    }
}

/// Only texts are allowed. The format's own loader runs none of them; source that starts programs is judged here as it is in
/// a file of its own, because nothing describes a model by starting programs, and what reads metadata may run them.
fn metadata(value: &Value, inside: &Inside<'_>, report: &mut Report) {
    let mut told = 0;
    for (key, value) in value.entries() {
        let Value::Text(text) = value else {
            report.add(found(inside, &BROKEN, Weight::NotProven, format!("the metadata `{}` is no text", shown(key))));
            continue;
        };
        let mut apart = Report::default();
        if python::judge(text, inside, &mut apart)
            && let Some(finding) = apart.findings().iter().find(|finding| finding.weight == Weight::Malicious)
        {
            let words = format!(
                "the metadata `{}` is Python source that runs programs; the format's own loader does not run it",
                shown(key)
            );
            report.add(Finding { call: finding.call.clone(), ..found(inside, &CODE, Weight::Malicious, words) });
        }
        config::texts(key, text, &mut told, inside, report);
    }
    if !matches!(value, Value::Map(_)) {
        report.add(found(inside, &BROKEN, Weight::NotProven, "the metadata is no map"));
    }
}

/// Where a tensor lies, if its type, its shape and its place fit each other.
fn span(tensor: &Value) -> Result<(u64, u64), String> {
    for (key, _) in tensor.entries() {
        if !matches!(key.as_str(), "dtype" | "shape" | "data_offsets") || tensor.all(key).count() != 1 {
            return Err(format!("the key `{}` is unknown or stands twice", shown(key)));
        }
    }
    let dtype = tensor.text("dtype").ok_or("it has no type")?;
    let bits = match dtype {
        "F4" => 4,
        "F6_E2M3" | "F6_E3M2" => 6,
        "BOOL" | "U8" | "I8" | "F8_E5M2" | "F8_E4M3" | "F8_E8M0" | "F8_E4M3FNUZ" | "F8_E5M2FNUZ" => 8,
        "I16" | "U16" | "F16" | "BF16" => 16,
        "I32" | "U32" | "F32" => 32,
        "I64" | "U64" | "F64" | "C64" => 64,
        _ => return Err(format!("the type `{}` is unknown", shown(dtype))),
    };
    let Some(Value::List(shape)) = tensor.get("shape") else { return Err("it has no shape".to_owned()) };
    let elements = shape.iter().try_fold(1_u64, |product, side| product.checked_mul(side.whole()?));
    let bytes =
        elements.and_then(|elements| elements.checked_mul(bits)).filter(|bits| bits % 8 == 0).map(|bits| bits / 8);
    let offsets: Option<Vec<u64>> =
        tensor.get("data_offsets").map(|offsets| offsets.items().iter().filter_map(Value::whole).collect());
    match (bytes, offsets.as_deref()) {
        (None, _) => Err("its shape is no list of sizes that a file can have".to_owned()),
        (Some(bytes), Some([start, end])) if start <= end && end - start == bytes => Ok((*start, *end)),
        (Some(bytes), Some([start, end])) => {
            Err(format!("its shape needs {bytes} bytes, its place is {start} to {end}"))
        }
        _ => Err("it has no place".to_owned()),
    }
}
