//! What PowerShell's string functions make of constants. Regular expressions are taken as the plain strings that they are in
//! disguises; anything else stays as written (`None`).

use super::token::{ITEM, Kind, Token};

/// Items that a range (`1..9`) may have: disguises reverse strings of some thousand characters.
pub const RANGE_MAX: usize = 65_536;

/// A constant: what it is and its text.
type Constant<'a> = (Kind, &'a str);

/// A number as PowerShell writes it.
pub fn number(text: &str) -> Option<i64> {
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let value = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) => i64::from_str_radix(hex, 16).ok()?,
        None => digits.parse().ok()?,
    };
    Some(if negative { -value } else { value })
}

fn char_of(code: i64) -> Option<char> {
    u32::try_from(code).ok().and_then(char::from_u32).filter(|next| *next != '\0' && *next != ITEM)
}

/// Puts known variables into an expandable string; the second value says whether unknown ones are left.
pub fn interpolate<'v>(text: &str, known: impl Fn(&str) -> Option<&'v str>) -> (String, bool) {
    let mut out = String::with_capacity(text.len());
    let mut open = false;
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(rest.get(..at).unwrap_or(""));
        let after = rest.get(at + 1..).unwrap_or("");
        let (name, length) = match after.strip_prefix('{') {
            Some(inner) => {
                let end = inner.find('}').unwrap_or(inner.len());
                (inner.get(..end).unwrap_or(""), (end + 2).min(after.len()))
            }
            None => {
                let end = after.find(|next: char| !next.is_alphanumeric() && next != '_').unwrap_or(after.len());
                (after.get(..end).unwrap_or(""), end)
            }
        };
        match known(name).filter(|_| !name.is_empty()) {
            Some(value) => out.push_str(value),
            None => {
                open |= !name.is_empty();
                out.push('$');
                out.push_str(after.get(..length).unwrap_or(""));
            }
        }
        rest = after.get(length..).unwrap_or("");
    }
    out.push_str(rest);
    (out, open)
}

/// The bytes that a constant stands for.
pub fn bytes(kind: Kind, text: &str) -> Option<Vec<u8>> {
    match kind {
        Kind::Bytes => Some(text.chars().map(|next| next as u32 as u8).collect()),
        Kind::List | Kind::Number => {
            text.split(ITEM).map(|item| number(item).and_then(|code| u8::try_from(code).ok())).collect()
        }
        _ => None,
    }
}

/// `value.name(arguments)`
pub fn method(value: Constant<'_>, name: &str, arguments: Option<Constant<'_>>) -> Option<(Kind, String)> {
    let (kind, text) = value;
    if kind == Kind::Number && name == "tostring" {
        return Some((Kind::Text, text.to_owned()));
    }
    if kind != Kind::Text {
        return None;
    }
    let mut items = arguments.map(|(_, text)| text.split(ITEM)).into_iter().flatten();
    let text = match name {
        "tostring" | "normalize" => text.to_owned(),
        "tolower" | "tolowerinvariant" => text.to_lowercase(),
        "toupper" | "toupperinvariant" => text.to_uppercase(),
        "trim" if arguments.is_none() => text.trim().to_owned(),
        "tochararray" => return Some((Kind::List, list(text.chars().map(String::from)))),
        "replace" => {
            let (old, new) = (items.next()?, items.next().unwrap_or(""));
            edit(text, old, new)?
        }
        "split" => {
            let marks: Vec<char> = items.next()?.chars().collect();
            return Some((Kind::List, list(text.split(marks.as_slice()).map(str::to_owned))));
        }
        "substring" => {
            let from = usize::try_from(number(items.next()?)?).ok()?;
            let count = items
                .next()
                .map_or(Some(usize::MAX), |count| number(count).and_then(|count| usize::try_from(count).ok()))?;
            text.chars().skip(from).take(count).collect()
        }
        "remove" => {
            let from = usize::try_from(number(items.next()?)?).ok()?;
            let count = items
                .next()
                .map_or(Some(usize::MAX), |count| number(count).and_then(|count| usize::try_from(count).ok()))?;
            text.chars()
                .enumerate()
                .filter(|(at, _)| *at < from || *at >= from.saturating_add(count))
                .map(|(_, next)| next)
                .collect()
        }
        "insert" => {
            let at = usize::try_from(number(items.next()?)?).ok()?;
            let new = items.next()?;
            text.chars().take(at).chain(new.chars()).chain(text.chars().skip(at)).collect()
        }
        "invoke" | "invokereturnasis" => return None,
        _ => return None,
    };
    Some((Kind::Text, text))
}

/// `[kind]::name(arguments)`
pub fn function(kind: &str, name: &str, arguments: Constant<'_>) -> Option<(Kind, String)> {
    let (have, text) = arguments;
    let mut items = text.split(ITEM);
    match (kind, name) {
        ("convert", "toint32" | "toint16" | "tobyte" | "touint16" | "toint64" | "toint") => {
            let first = items.next()?;
            let radix = items.next().map_or(Some(10), number).and_then(|radix| u32::try_from(radix).ok())?;
            let value = match have {
                _ if !(2..=36).contains(&radix) => return None,
                _ if radix == 10 && number(first).is_some() => number(first)?,
                _ if radix == 10 => i64::from(first.chars().next()? as u32),
                _ => i64::from_str_radix(first.trim_start_matches("0x"), radix).ok()?,
            };
            Some((Kind::Number, value.to_string()))
        }
        ("convert", "tochar") | ("char", "convertfromutf32") => {
            Some((Kind::Text, char_of(number(items.next()?)?)?.to_string()))
        }
        ("convert", "fromhexstring") => {
            let bytes = super::decode::hex(text)?;
            Some((Kind::Bytes, bytes.iter().map(|byte| *byte as char).collect()))
        }
        ("string", "join") => {
            let glue = items.next()?;
            Some((Kind::Text, join(items, glue)))
        }
        ("string", "concat") => Some((Kind::Text, items.collect())),
        ("string", "format") => {
            let shape = items.next()?;
            Some((Kind::Text, format(shape, &items.collect::<Vec<_>>(), super::fold::WORK_BYTES_MAX)?))
        }
        ("regex", "replace") => {
            let (text, old, new) = (items.next()?, items.next()?, items.next()?);
            Some((Kind::Text, edit(text, &unescape(old)?, new)?))
        }
        ("regex", "split") => {
            let (text, mark) = (items.next()?, items.next()?);
            Some((Kind::List, list(text.split(unescape(mark)?.as_str()).map(str::to_owned))))
        }
        ("regex", "matches") => {
            let (text, pattern) = (items.next()?, items.next()?);
            let turned = items.next().is_some_and(|option| option.eq_ignore_ascii_case("righttoleft"));
            let single = matches!(pattern, "." | "[\\s\\S]");
            let characters = text.chars().map(String::from);
            match (single, turned) {
                (true, true) => Some((Kind::List, list(text.chars().rev().map(String::from)))),
                (true, false) => Some((Kind::List, list(characters))),
                _ => None,
            }
        }
        ("regex", "unescape") => Some((Kind::Text, unescape(text)?)),
        ("uri" | "webutility" | "httputility", "unescapedatastring" | "urldecode") => Some((Kind::Text, percent(text))),
        _ => None,
    }
}

fn percent(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let mut ahead = bytes.clone();
        let digit = |byte: Option<u8>| byte.and_then(|byte| (byte as char).to_digit(16));
        match (byte, digit(ahead.next()), digit(ahead.next())) {
            (b'%', Some(high), Some(low)) => {
                out.push((high << 4 | low) as u8);
                bytes = ahead;
            }
            _ => out.push(byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// `value[indexes]`; negative ones count from the end.
pub fn select(kind: Kind, text: &str, indexes: &str) -> Option<(Kind, String)> {
    let items: Vec<String> = if kind == Kind::List {
        text.split(ITEM).map(str::to_owned).collect()
    } else {
        text.chars().map(String::from).collect()
    };
    let place = |index: &str| -> Option<usize> {
        let index = number(index)?;
        let at = if index < 0 { items.len() as i64 + index } else { index };
        usize::try_from(at).ok()
    };
    if !indexes.contains(ITEM) {
        return items.get(place(indexes)?).map(|item| (Kind::Text, item.clone()));
    }
    // What lies beyond the ends gives nothing, as in PowerShell.
    let picked = indexes.split(ITEM).filter_map(|index| items.get(place(index)?).cloned());
    Some((Kind::List, list(picked)))
}

/// `value | ForEach-Object { body }` where the body makes a character of each number.
pub fn characters(kind: Kind, text: &str, body: &[Token<'_>]) -> Option<String> {
    let has = |name: &str| body.iter().any(|token| token.kind == Kind::Word && token.text.eq_ignore_ascii_case(name));
    let each = body.iter().any(|token| token.kind == Kind::Variable && matches!(token.text.as_ref(), "_" | "PSItem"));
    if !each || !(has("char") || has("tochar") || has("convert]::tochar")) {
        return None;
    }
    let mut radix = 10u32;
    let mut key = None;
    for pair in body.windows(2) {
        if let [before, constant] = pair
            && constant.kind == Kind::Number
        {
            let value = number(&constant.text)?;
            if before.is_word("-bxor") {
                key = Some(value);
            } else if matches!(value, 2 | 8 | 16) && before.is_sign(",") {
                radix = value as u32;
            }
        }
    }
    let code = |item: &str| -> Option<char> {
        let value = if radix == 10 {
            number(item)?
        } else {
            i64::from_str_radix(item.trim().trim_start_matches("0x"), radix).ok()?
        };
        char_of(value ^ key.unwrap_or(0))
    };
    let items: Vec<&str> = match kind {
        Kind::List => text.split(ITEM).collect(),
        _ => return None,
    };
    let characters: Option<Vec<String>> =
        items.iter().filter(|item| !item.trim().is_empty()).map(|item| code(item).map(String::from)).collect();
    characters.map(|characters| list(characters.into_iter()))
}

/// `[kind] value`
pub fn cast(name: &str, array: bool, kind: Kind, text: &str) -> Option<(Kind, String)> {
    match (name, array, kind) {
        ("char", false, Kind::Number) => char_of(number(text)?).map(|next| (Kind::Text, next.to_string())),
        ("char", false, Kind::Text) if text.chars().count() == 1 => Some((Kind::Text, text.to_owned())),
        ("char", false, Kind::Text) => char_of(number(text)?).map(|next| (Kind::Text, next.to_string())),
        ("char", true, Kind::List | Kind::Number) => {
            let characters: Option<Vec<String>> =
                text.split(ITEM).map(|item| char_of(number(item)?).map(String::from)).collect();
            characters.map(|characters| (Kind::List, list(characters.into_iter())))
        }
        ("char", true, Kind::Text) => Some((Kind::List, list(text.chars().map(String::from)))),
        ("string", false, Kind::Text | Kind::Number) => Some((Kind::Text, text.to_owned())),
        ("string", false, Kind::List) => Some((Kind::Text, join(text.split(ITEM), " "))),
        ("string", true, Kind::List | Kind::Text) => Some((kind, text.to_owned())),
        ("int" | "int32" | "int16" | "byte" | "uint32" | "long", false, Kind::Number) => Some((kind, text.to_owned())),
        ("int" | "int32" | "int16" | "byte" | "long", false, Kind::Text) => {
            let value = number(text).or_else(|| {
                (text.chars().count() == 1).then(|| i64::from(text.chars().next().map_or(0, |next| next as u32)))
            })?;
            Some((Kind::Number, value.to_string()))
        }
        ("byte" | "int" | "int32", true, Kind::List | Kind::Number) => Some((kind, text.to_owned())),
        ("byte" | "io.memorystream" | "memorystream", _, Kind::Bytes) => Some((kind, text.to_owned())),
        _ => None,
    }
}

/// `left sign right`; `budget` is how many bytes the result may have.
pub fn binary(left: Constant<'_>, sign: &str, right: Constant<'_>, budget: usize) -> Option<(Kind, String)> {
    match (left.0, sign, right.0) {
        (Kind::Text, "-f", _) => {
            format(left.1, &right.1.split(ITEM).collect::<Vec<_>>(), budget).map(|text| (Kind::Text, text))
        }
        (Kind::List | Kind::Text | Kind::Number, "-join", Kind::Text) => {
            let size = left.1.len().checked_add(left.1.split(ITEM).count().checked_mul(right.1.len())?)?;
            (size <= budget).then(|| (Kind::Text, join(left.1.split(ITEM), right.1)))
        }
        (Kind::Text, "-split" | "-csplit" | "-isplit", Kind::Text | Kind::List) => {
            let mark = right.1.split(ITEM).next().unwrap_or("");
            split(left.1, mark).map(|items| (Kind::List, items))
        }
        (Kind::Text, "-replace" | "-creplace" | "-ireplace", Kind::Text | Kind::List) => {
            let mut items = right.1.split(ITEM);
            let (old, new) = (items.next()?, items.next().unwrap_or(""));
            edit(left.1, &unescape(old)?, new).filter(|text| text.len() <= budget).map(|text| (Kind::Text, text))
        }
        (Kind::List, "+", Kind::List | Kind::Text | Kind::Number) => {
            Some((Kind::List, join([left.1, right.1].into_iter(), "\u{1f}")))
        }
        (Kind::Text, "*", Kind::Number) => {
            let times = usize::try_from(number(right.1)?).ok()?;
            (left.1.len().checked_mul(times)? <= budget).then(|| (Kind::Text, left.1.repeat(times)))
        }
        (Kind::Number, "..", Kind::Number) => {
            let (from, to) = (number(left.1)?, number(right.1)?);
            if from.abs_diff(to) as usize >= RANGE_MAX.min(budget) {
                return None;
            }
            let items: Vec<String> = if from <= to {
                (from..=to).map(|at| at.to_string()).collect()
            } else {
                (to..=from).rev().map(|at| at.to_string()).collect()
            };
            Some((Kind::List, list(items.into_iter())))
        }
        (Kind::Number, _, Kind::Number) => {
            let (a, b) = (number(left.1)?, number(right.1)?);
            let value = match sign {
                "+" => a.checked_add(b)?,
                "-" => a.checked_sub(b)?,
                "*" => a.checked_mul(b)?,
                "/" => a.checked_div(b).filter(|quotient| quotient.checked_mul(b) == Some(a))?,
                "%" => a.checked_rem(b)?,
                "-bxor" => a ^ b,
                _ => return None,
            };
            Some((Kind::Number, value.to_string()))
        }
        _ => None,
    }
}

/// `-split`: one mark, or a class of marks in brackets.
fn split(text: &str, mark: &str) -> Option<String> {
    if let Some(class) = mark.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let marks: Vec<char> = class.chars().collect();
        return Some(list(text.split(marks.as_slice()).map(str::to_owned)));
    }
    if mark.contains('|') && !mark.contains('\\') {
        let marks: Vec<char> = mark.split('|').map(|one| one.chars().next()).collect::<Option<_>>()?;
        return mark
            .split('|')
            .all(|one| one.chars().count() == 1)
            .then(|| list(text.split(marks.as_slice()).map(str::to_owned)));
    }
    let mark = unescape(mark)?;
    (!mark.is_empty()).then(|| list(text.split(mark.as_str()).map(str::to_owned)))
}

/// A regular expression that means one plain string; `None` for any other.
fn unescape(pattern: &str) -> Option<String> {
    let mut out = String::with_capacity(pattern.len());
    let mut next = pattern.chars();
    while let Some(one) = next.next() {
        match one {
            '\\' => {
                let escaped = next.next()?;
                if escaped.is_alphanumeric() {
                    return None;
                }
                out.push(escaped);
            }
            '*' | '+' | '?' | '[' | '(' | '{' | '|' | '^' | '$' | '.' if pattern.chars().count() > 1 => return None,
            _ => out.push(one),
        }
    }
    Some(out)
}

fn edit(text: &str, old: &str, new: &str) -> Option<String> {
    let grows = new.len() > old.len();
    let bound = if grows { text.len().checked_mul(new.len())? } else { text.len() };
    (!old.is_empty() && bound <= super::fold::WORK_BYTES_MAX).then(|| text.replace(old, new))
}

/// `"{1}{0}" -f items`
fn format(shape: &str, items: &[&str], budget: usize) -> Option<String> {
    let mut out = String::with_capacity(shape.len());
    let mut rest = shape;
    while let Some(at) = rest.find(['{', '}']) {
        out.push_str(rest.get(..at)?);
        let after = rest.get(at..)?;
        if after.starts_with("{{") || after.starts_with("}}") {
            out.push_str(after.get(..1)?);
            rest = after.get(2..)?;
            continue;
        }
        let end = after.find('}')?;
        let inner = after.get(1..end).unwrap_or("");
        let index: usize = inner.split([',', ':']).next()?.trim().parse().ok()?;
        out.push_str(items.get(index)?);
        if out.len() > budget {
            return None;
        }
        rest = after.get(end + 1..)?;
    }
    out.push_str(rest);
    Some(out)
}

fn list(items: impl Iterator<Item = String>) -> String {
    let mut out = String::new();
    for (at, item) in items.enumerate() {
        if at > 0 {
            out.push(ITEM);
        }
        out.push_str(&item);
    }
    out
}

fn join<'s>(items: impl Iterator<Item = &'s str>, glue: &str) -> String {
    let mut out = String::new();
    for (at, item) in items.enumerate() {
        if at > 0 {
            out.push_str(glue);
        }
        out.push_str(item);
    }
    out
}
