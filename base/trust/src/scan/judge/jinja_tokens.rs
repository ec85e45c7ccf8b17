//! The code of Jinja templates in tokens, with strings decoded and folded: what is put together from pieces that stand in the
//! template reads as the whole.

/// A piece of the code of a template.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Name(String),
    Text(String),
    Number(u64),
    Sign(u8),
}

/// The next place of a byte.
pub(super) fn find(bytes: &[u8], from: usize, what: u8) -> Option<usize> {
    bytes.get(from..)?.iter().position(|&byte| byte == what).map(|at| from + at)
}

/// Tokens of one block and where the text goes on after it. A block that does not end is read to the end of the template.
pub(super) fn tokens(bytes: &[u8], from: usize, end: u8) -> (Vec<(Token, usize)>, usize) {
    let mut out = Vec::new();
    let mut at = from;
    // Maps that are open: their `}` may stand before the block's own, as in `{{ {'a': {'b': 1}} }}`.
    let mut maps = 0_usize;
    while let Some(&byte) = bytes.get(at) {
        let start = at;
        match byte {
            _ if byte == end && bytes.get(at + 1) == Some(&b'}') && (end == b'%' || maps == 0) => return (out, at + 2),
            b'\'' | b'"' => {
                let (text, next) = string(bytes, at);
                at = next;
                out.push((Token::Text(text), start));
            }
            b'0'..=b'9' => {
                let mut number = 0_u64;
                while let Some(digit @ (b'0'..=b'9' | b'_')) = bytes.get(at) {
                    if *digit != b'_' {
                        number = number.saturating_mul(10).saturating_add(u64::from(digit - b'0'));
                    }
                    at += 1;
                }
                out.push((Token::Number(number), start));
            }
            b'_' | b'a'..=b'z' | b'A'..=b'Z' | 0x80.. => {
                while bytes.get(at).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80) {
                    at += 1;
                }
                let name = String::from_utf8_lossy(bytes.get(start..at).unwrap_or_default()).into_owned();
                out.push((Token::Name(plain(&name)), start));
            }
            _ => {
                at += 1;
                match byte {
                    b'{' => maps += 1,
                    b'}' => maps = maps.saturating_sub(1),
                    _ => {}
                }
                if !byte.is_ascii_whitespace() {
                    out.push((Token::Sign(byte), start));
                }
            }
        }
    }
    (out, at)
}

/// Full-width and other compatibility letters in names read as ASCII: Python identifiers are normalised (NFKC), and the
/// letters of `__class__` are all that matters here.
fn plain(name: &str) -> String {
    name.chars()
        .map(|c| match u32::from(c) {
            wide @ 0xff01..=0xff5e => char::from_u32(wide - 0xff01 + 0x21).unwrap_or(c),
            // Low lines and letters of the mathematical alphabets.
            0xfe33 | 0xfe34 | 0xfe4d..=0xfe4f => '_',
            letter @ 0x1d400..=0x1d6a3 => {
                let place = (letter - 0x1d400) % 52;
                char::from_u32(if place < 26 { 0x41 + place } else { 0x61 + place - 26 }).unwrap_or(c)
            }
            _ => c,
        })
        .collect()
}

/// One string with its escapes decoded, and where it ends.
fn string(bytes: &[u8], from: usize) -> (String, usize) {
    let quote = bytes.get(from).copied().unwrap_or(b'"');
    let mut at = from + 1;
    let mut out = Vec::new();
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        if byte == quote {
            break;
        }
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        // A template in a JSON file that was written with doubled backslashes: both readings end at the same letter.
        while bytes.get(at) == Some(&b'\\') {
            at += 1;
        }
        let escape = bytes.get(at).copied().unwrap_or(b'\\');
        at += 1;
        let (digits, base) = match escape {
            b'x' => (2, 16),
            b'u' => (4, 16),
            b'U' => (8, 16),
            b'0'..=b'7' => {
                at -= 1;
                (3, 8)
            }
            _ => (0, 0),
        };
        let mut number = 0_u32;
        let mut many = 0;
        while many < digits {
            let Some(digit) = bytes.get(at).and_then(|byte| char::from(*byte).to_digit(base)) else { break };
            number = number.saturating_mul(base).saturating_add(digit);
            at += 1;
            many += 1;
        }
        if many > 0 {
            let mut buffer = [0; 4];
            out.extend_from_slice(char::from_u32(number).unwrap_or('\u{fffd}').encode_utf8(&mut buffer).as_bytes());
        } else {
            match escape {
                b'n' => out.push(b'\n'),
                b't' => out.push(b'\t'),
                b'N' => {
                    // \N{LOW LINE}
                    let name_end = find(bytes, at, b'}').unwrap_or(at);
                    let name = bytes.get(at..name_end).unwrap_or_default();
                    out.push(if name.eq_ignore_ascii_case(b"{low line") { b'_' } else { b'?' });
                    at = (name_end + 1).min(bytes.len());
                }
                _ => out.push(escape),
            }
        }
    }
    (plain(&String::from_utf8_lossy(&out)), at)
}

/// Bytes of one folded string. `'_' * 10**9` must not become memory; no attribute's name is that long.
const FOLDED_MAX: usize = 512;

/// Replaces known variables by their text and joins neighbouring texts until nothing changes.
pub(super) fn fold(tokens: Vec<(Token, usize)>, known: &[(String, String)]) -> Vec<(Token, usize)> {
    let mut out: Vec<(Token, usize)> = Vec::with_capacity(tokens.len());
    let assigns = matches!(tokens.first(), Some((Token::Name(name), _)) if name == "set");
    let mut tokens = tokens.into_iter().enumerate().peekable();
    while let Some((index, (token, at))) = tokens.next() {
        let token = match token {
            Token::Name(name)
                if !(assigns && index == 1 || matches!(out.last(), Some((Token::Sign(b'.' | b'|'), _)))) =>
            {
                match known.iter().rev().find(|(known, _)| *known == name) {
                    Some((_, text)) => Token::Text(text.clone()),
                    None => Token::Name(name),
                }
            }
            other => other,
        };
        out.push((token, at));
        // Signs that bind tighter than `~` and `+`: what they apply to is not yet known.
        let binds = matches!(tokens.peek(), Some((_, (Token::Sign(b'*' | b'|' | b'[' | b'.'), _))));
        join(&mut out, binds);
    }
    out
}

/// Joins what the end of a list of tokens allows to join.
fn join(out: &mut Vec<(Token, usize)>, binds: bool) {
    loop {
        let n = out.len();
        let last = |back: usize| n.checked_sub(back).and_then(|at| out.get(at)).map(|(token, _)| token);
        let folded = match (last(3), last(2), last(1)) {
            // 'a' ~ 'b', 'a' + 'b'; but not x.'a' and the like, which are no Jinja.
            (Some(Token::Text(left)), Some(Token::Sign(b'~' | b'+')), Some(Token::Text(right)))
                if !binds && left.len() + right.len() <= FOLDED_MAX =>
            {
                Some((3, Token::Text(format!("{left}{right}"))))
            }
            (Some(Token::Text(text)), Some(Token::Sign(b'*')), Some(Token::Number(times)))
            | (Some(Token::Number(times)), Some(Token::Sign(b'*')), Some(Token::Text(text)))
                if usize::try_from(*times).is_ok_and(|times| times.saturating_mul(text.len().max(1)) <= FOLDED_MAX) =>
            {
                Some((3, Token::Text(text.repeat(usize::try_from(*times).unwrap_or(0)))))
            }
            // ('a') where the bracket groups and does not call.
            (Some(Token::Sign(b'(')), Some(Token::Text(text)), Some(Token::Sign(b')')))
                if !matches!(last(4), Some(Token::Name(_) | Token::Text(_) | Token::Sign(b')' | b']'))) =>
            {
                Some((3, Token::Text(text.clone())))
            }
            // Two strings side by side are one, as in Python.
            (_, Some(Token::Text(left)), Some(Token::Text(right))) if left.len() + right.len() <= FOLDED_MAX => {
                Some((2, Token::Text(format!("{left}{right}"))))
            }
            // 'ssalc'|reverse, 'CLASS'|lower
            (Some(Token::Text(text)), Some(Token::Sign(b'|')), Some(Token::Name(filter))) => match filter.as_str() {
                "reverse" => Some((3, Token::Text(text.chars().rev().collect()))),
                "lower" => Some((3, Token::Text(text.to_lowercase()))),
                "upper" => Some((3, Token::Text(text.to_uppercase()))),
                "trim" | "string" | "safe" | "escape" | "e" => Some((3, Token::Text(text.trim().to_owned()))),
                _ => None,
            },
            _ => None,
        };
        let folded = folded.or_else(|| reversed(out)).or_else(|| joined(out)).or_else(|| characters(out));
        let Some((many, token)) = folded else { return };
        let at = n.checked_sub(many).and_then(|first| out.get(first)).map_or(0, |(_, at)| *at);
        out.truncate(n.saturating_sub(many));
        out.push((token, at));
    }
}

fn tail(out: &[(Token, usize)], many: usize) -> Option<Vec<&Token>> {
    out.get(out.len().checked_sub(many)?..).map(|tail| tail.iter().map(|(token, _)| token).collect())
}

/// `'__ssalc__'[::-1]`
fn reversed(out: &[(Token, usize)]) -> Option<(usize, Token)> {
    match tail(out, 7)?.as_slice() {
        [
            Token::Text(text),
            Token::Sign(b'['),
            Token::Sign(b':'),
            Token::Sign(b':'),
            Token::Sign(b'-'),
            Token::Number(1),
            Token::Sign(b']'),
        ] => Some((7, Token::Text(text.chars().rev().collect()))),
        _ => None,
    }
}

/// `chr(95)`
fn characters(out: &[(Token, usize)]) -> Option<(usize, Token)> {
    match tail(out, 4)?.as_slice() {
        [Token::Name(name), Token::Sign(b'('), Token::Number(number), Token::Sign(b')')] if name == "chr" => {
            let c = u32::try_from(*number).ok().and_then(char::from_u32)?;
            Some((4, Token::Text(c.to_string())))
        }
        _ => None,
    }
}

/// `['__cla', 'ss__']|join`, `''.join(['a', 'b'])`, `'%s%s'|format('a', 'b')`: the texts between the last brackets.
fn joined(out: &[(Token, usize)]) -> Option<(usize, Token)> {
    let n = out.len();
    let token = |at: usize| out.get(at).map(|(token, _)| token);
    let list_before = |end: usize| -> Option<(usize, String)> {
        let open = match token(end)? {
            Token::Sign(b']') => b'[',
            Token::Sign(b')') => b'(',
            _ => return None,
        };
        let mut text = String::new();
        let mut at = end;
        loop {
            at = at.checked_sub(1)?;
            match token(at)? {
                Token::Text(part) if text.len() + part.len() <= FOLDED_MAX => text.insert_str(0, part),
                Token::Sign(b',') => {}
                Token::Sign(sign) if *sign == open => return (text.len() <= FOLDED_MAX).then_some((at, text)),
                _ => return None,
            }
        }
    };
    let last = n.checked_sub(1)?;
    if let (Some(Token::Name(name)), Some(Token::Sign(b'|'))) = (token(last), last.checked_sub(1).and_then(token)) {
        if name == "join" {
            let (start, text) = list_before(last.checked_sub(2)?)?;
            return Some((n - start, Token::Text(text)));
        }
        return None;
    }
    if !matches!(token(last), Some(Token::Sign(b')'))) {
        return None;
    }
    // '…'.join([…])
    if let Some((start, text)) = last.checked_sub(1).and_then(list_before) {
        if let (Some(Token::Text(between)), Some(Token::Sign(b'.')), Some(Token::Name(name)), Some(Token::Sign(b'('))) = (
            start.checked_sub(4).and_then(token),
            start.checked_sub(3).and_then(token),
            start.checked_sub(2).and_then(token),
            start.checked_sub(1).and_then(token),
        ) && name == "join"
            && between.is_empty()
        {
            return Some((n - (start - 4), Token::Text(text)));
        }
        return None;
    }
    // '%s%s'|format(…), '%c%c'.format…: fields are replaced in order.
    let (start, _) = list_before(last)?;
    let (Some(Token::Text(pattern)), Some(Token::Sign(b'|')), Some(Token::Name(name))) = (
        start.checked_sub(3).and_then(token),
        start.checked_sub(2).and_then(token),
        start.checked_sub(1).and_then(token),
    ) else {
        return None;
    };
    if name != "format" {
        return None;
    }
    let mut text = pattern.clone();
    for at in start..last {
        if let Some(Token::Text(part)) = token(at) {
            text = text.replacen("%s", part, 1);
        }
    }
    (text.len() <= FOLDED_MAX).then_some((n - (start - 3), Token::Text(text)))
}
