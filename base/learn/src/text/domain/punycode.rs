//! Internationalised labels back to their letters (RFC 3492, section 6.2): `xn--mnchen-3ya` → `münchen`. Encoded, they look
//! like chance; decoded, like what they are.

/// Letters of a decoded label; labels have at most 63 bytes (RFC 1035), a longer one is left as it is.
const LETTERS_MAX: usize = 64;

/// The decoded letters of what follows `xn--`; `None` where it is not well formed.
pub fn decode(encoded: &[u8]) -> Option<Vec<char>> {
    let split = encoded.iter().rposition(|byte| *byte == b'-');
    let (basic, digits) = match split {
        Some(at) => (encoded.get(..at)?, encoded.get(at + 1..)?),
        None => (&[][..], encoded),
    };
    if encoded.len() > LETTERS_MAX || !basic.is_ascii() {
        return None;
    }
    let mut letters: Vec<char> = basic.iter().map(|byte| char::from(*byte)).collect();
    let (mut code, mut at, mut bias, mut first) = (128u32, 0u32, 72u32, true);
    let mut rest = digits.iter();
    while rest.len() > 0 {
        let (before, mut weight, mut threshold_at) = (at, 1u32, 36u32);
        loop {
            let digit = match *rest.next()? {
                byte @ b'a'..=b'z' => u32::from(byte - b'a'),
                byte @ b'0'..=b'9' => u32::from(byte - b'0') + 26,
                _ => return None,
            };
            at = at.checked_add(digit.checked_mul(weight)?)?;
            let threshold = threshold_at.saturating_sub(bias).clamp(1, 26);
            if digit < threshold {
                break;
            }
            weight = weight.checked_mul(36 - threshold)?;
            threshold_at += 36;
        }
        let count = u32::try_from(letters.len()).ok()? + 1;
        bias = adapt(at - before, count, first);
        first = false;
        code = code.checked_add(at / count)?;
        at %= count;
        letters.insert(at as usize, char::from_u32(code)?);
        at += 1;
    }
    Some(letters)
}

fn adapt(delta: u32, count: u32, first: bool) -> u32 {
    let mut delta = if first { delta / 700 } else { delta / 2 };
    delta += delta / count;
    let mut steps = 0;
    while delta > 455 {
        delta /= 35;
        steps += 36;
    }
    steps + 36 * delta / (delta + 38)
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn labels_decode_as_in_the_standard() {
        for (encoded, letters) in [
            ("mnchen-3ya", Some("münchen")),
            ("bcher-kva", Some("bücher")),
            ("80akhbyknj4f", Some("испытание")),
            ("g6w251d", Some("測試")),
            ("", Some("")),
            ("-", Some("")),
            ("a!", None),
            ("a-b!", None),
            ("9999999999999999", None),
        ] {
            assert_eq!(decode(encoded.as_bytes()).map(|all| all.into_iter().collect::<String>()).as_deref(), letters);
        }
    }
}
