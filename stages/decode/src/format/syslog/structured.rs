//! RFC 5424, section 6.3: `[id name="value" …][id …]`, with `\"`, `\\` and `\]` escaped inside values.

/// The length of the structured data that `text` opens with; `None` if it breaks the grammar.
pub(crate) fn length(text: &str) -> Option<usize> {
    let mut length = 0;
    loop {
        length += walk(text.get(length..)?, &mut |_, _, _| {})?;
        if text.as_bytes().get(length) != Some(&b'[') {
            return Some(length);
        }
    }
}

/// Calls `each` with element id, parameter name and value (unescaped) of structured data that [`length`] accepted.
pub(crate) fn each(text: &str, each: &mut dyn FnMut(&str, &str, &str)) {
    let mut rest = text;
    while rest.starts_with('[') {
        let Some(length) = walk(rest, &mut *each) else { return };
        rest = rest.get(length..).unwrap_or_default();
    }
}

/// One element: its length, and its parameters told.
fn walk(text: &str, each: &mut dyn FnMut(&str, &str, &str)) -> Option<usize> {
    let inside = text.strip_prefix('[')?;
    let end = name_end(inside)?;
    let (id, mut rest) = inside.split_at_checked(end)?;
    loop {
        if let Some(after) = rest.strip_prefix(']') {
            return Some(text.len() - after.len());
        }
        rest = rest.strip_prefix(' ')?;
        let (name, after) = rest.split_at_checked(name_end(rest)?)?;
        let value = after.strip_prefix("=\"")?;
        let close = closing_quote(value)?;
        let (value, after) = value.split_at_checked(close)?;
        if value.contains('\\') {
            each(id, name, &unescaped(value));
        } else {
            each(id, name, value);
        }
        rest = after.strip_prefix('"')?;
    }
}

/// SD-NAME: printable ASCII but `=`, space, `]` and `"`; not empty.
fn name_end(text: &str) -> Option<usize> {
    let end = text.bytes().position(|byte| !byte.is_ascii_graphic() || matches!(byte, b'=' | b']' | b'"'))?;
    (end > 0).then_some(end)
}

/// Where the value ends. An unescaped `]` inside breaks the grammar.
fn closing_quote(value: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, byte) in value.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(at),
            b']' => return None,
            _ => {}
        }
    }
    None
}

fn unescaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut characters = value.chars().peekable();
    while let Some(c) = characters.next() {
        match (c, characters.peek()) {
            ('\\', Some(&next @ ('"' | '\\' | ']'))) => {
                out.push(next);
                characters.next();
            }
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_told_with_escapes_undone_and_broken_ones_refused() {
        for (text, expected) in [
            (r#"[a@1 x="1" y="\"\]\\z"][b] msg"#, Some((26, "a@1.x=1 a@1.y=\"]\\z "))),
            ("[b]", Some((3, ""))),
            (r#"[x y="\"]unterminated"#, None),
            (r#"[x y="1""#, None),
            (r#"[x y=1]"#, None),
            (r#"[ y="1"]"#, None),
            ("[", None),
            ("", None),
            (r#"[x y="a]b"]"#, None),
        ] {
            let found = length(text);
            assert_eq!(found, expected.map(|(length, _)| length), "{text}");
            let mut told = String::new();
            each(text.get(..found.unwrap_or(0)).unwrap(), &mut |id, name, value| {
                told.push_str(&format!("{id}.{name}={value} "));
            });
            assert_eq!(told, expected.map_or("", |(_, told)| told), "{text}");
        }
    }
}
