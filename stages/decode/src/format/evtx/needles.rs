//! Whether a value as it stands in the file may hold one of the texts that keyword rules need.
//!
//! Nearly no record does, and finding that out costs far less than turning all its values into folded text: the values'
//! UTF-16 units are searched in strides, as Wu and Manber do it. The last two units of a window as long as the shortest
//! needle say how far it may move on; only where they end a needle's beginning is the text compared.
//!
//! What must stay true: if the folded text of a value holds a needle, [`Search::may_stand_in`] says so. It may say so of
//! others. Needles are ASCII; two characters besides ASCII letters fold to ASCII: the Kelvin sign to `k`, and the dotted
//! capital I to `i` and a dot above it.

use super::value::value_type as ty;
use super::walk::Value;

/// Needles longer than this are searched by their beginning.
const WINDOW_MAX: usize = 32;
/// Entries of the table of pairs.
const PAIRS: usize = 4096;
/// Needles that end alike are compared one by one: more than this are not worth it.
const NEEDLES_MAX: usize = 512;

/// A set of folded ASCII texts, ready to be searched for.
pub(super) struct Search {
    /// Units of the window: of the shortest needle.
    window: usize,
    /// Hash of the window's last two units → how far it may move on; 0 where a needle's beginning may end.
    moves: Box<[u8; PAIRS]>,
    /// The needles, each with the hash of its window's last pair, sorted.
    needles: Vec<(u16, Box<[u8]>)>,
}

/// A unit folded to a byte. Units besides ASCII share 0xff, which stands in no needle.
#[inline]
const fn fold(unit: [u8; 2]) -> u8 {
    match unit {
        [low, 0] if low < 0x80 => low.to_ascii_lowercase(),
        [0x2a, 0x21] => b'k',
        [0x30, 0x01] => b'i',
        _ => 0xff,
    }
}

#[inline]
const fn pair(first: u8, second: u8) -> u16 {
    ((first as u16) << 5 ^ (second as u16)) & (PAIRS as u16 - 1)
}

impl Search {
    /// `None` if there is no needle, a needle is not usable, or there are too many.
    pub(super) fn new(needles: &[Box<str>]) -> Option<Self> {
        let window = needles.iter().map(|needle| needle.len()).min()?.min(WINDOW_MAX);
        if window < 2 || needles.len() > NEEDLES_MAX || !needles.iter().all(|needle| needle.is_ascii()) {
            return None;
        }
        let mut moves = Box::new([window as u8 - 1; PAIRS]);
        let mut kept = Vec::with_capacity(needles.len());
        for needle in needles {
            let folded = needle.to_ascii_lowercase().into_bytes();
            let mut last = 0;
            for (at, [first, second]) in folded.array_windows::<2>().take(window - 1).enumerate() {
                last = pair(*first, *second);
                if let Some(place) = moves.get_mut(usize::from(last)) {
                    *place = (*place).min((window - 2 - at) as u8);
                }
            }
            kept.push((last, folded.into_boxed_slice()));
        }
        kept.sort_unstable();
        Some(Self { window, moves, needles: kept })
    }

    /// Whether the text of a value may hold a needle.
    #[inline]
    pub(super) fn may_stand_in(&self, value: Value<'_>) -> bool {
        match value {
            Value::Raw { value_type: ty::STRING, bytes } => self.find(bytes.as_chunks::<2>().0, |unit| fold(*unit)),
            // NULs within such a text are left out of it, so its bytes do not stand as they will. It is rare.
            Value::Raw { value_type: ty::ANSI, bytes } => {
                bytes.contains(&0) || self.find(bytes, u8::to_ascii_lowercase)
            }
            // The text of other types holds no needle: see `Want::keyword_needles`.
            Value::Raw { .. } => false,
            Value::Text(text) if text.is_ascii() => self.find(text.as_bytes(), u8::to_ascii_lowercase),
            Value::Text(_) => true,
        }
    }

    /// Whether a needle stands in the units, each folded to a byte.
    #[inline]
    fn find<U>(&self, units: &[U], fold: impl Fn(&U) -> u8) -> bool {
        let mut end = self.window;
        while let Some([first, second]) = units.get(end.wrapping_sub(2)..end) {
            let hash = pair(fold(first), fold(second));
            // Every hash has its place.
            let stride = self.moves.get(usize::from(hash)).copied().unwrap_or(1);
            if stride == 0 {
                let rest = units.get(end - self.window..).unwrap_or_default();
                if self.begins(hash, rest, &fold) {
                    return true;
                }
            }
            end += usize::from(stride.max(1));
        }
        false
    }

    #[cold]
    fn begins<U>(&self, hash: u16, units: &[U], fold: &impl Fn(&U) -> u8) -> bool {
        let from = self.needles.partition_point(|(other, _)| *other < hash);
        let alike = self.needles.get(from..).unwrap_or_default().iter().take_while(|(other, _)| *other == hash);
        alike.into_iter().any(|(_, needle)| {
            units.len() >= needle.len() && needle.iter().zip(units).all(|(byte, unit)| *byte == fold(unit))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::value::write_value;
    use super::*;
    use shieldwall_schema::event::fold_into;

    const NEEDLES: [&str; 7] = [
        "mimikatz",
        "eo.oe.kiwi",
        "sekurlsa",
        "\\perfc.dat",
        "dpapi::masterkey",
        "misc::",
        "a-needle-far-longer-than-any-window-is",
    ];

    fn search() -> Search {
        Search::new(&NEEDLES.map(Box::from)).unwrap()
    }

    fn utf16(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    /// Whether the folded text of a value holds a needle.
    fn holds(value_type: u8, bytes: &[u8]) -> bool {
        let (mut text, mut folded) = (String::new(), String::new());
        write_value(value_type, bytes, &mut text);
        fold_into(&text, &mut folded);
        NEEDLES.iter().any(|needle| folded.contains(needle))
    }

    #[test]
    fn needles_are_found_wherever_they_stand_and_however_they_are_written() {
        let search = search();
        for needle in NEEDLES {
            for before in 0..40 {
                for after in [0, 1, 7] {
                    let text = format!("{}{}{}", "\u{e9}x".repeat(before), needle.to_uppercase(), "m".repeat(after));
                    assert!(search.may_stand_in(Value::Raw { value_type: ty::STRING, bytes: &utf16(&text) }), "{text}");
                    assert!(search.may_stand_in(Value::Text(&text)), "{text}");
                    let text = format!("{}{needle}", "m".repeat(before));
                    assert!(search.may_stand_in(Value::Raw { value_type: ty::ANSI, bytes: text.as_bytes() }), "{text}");
                }
            }
        }
        for text in ["mimi\u{212a}atz", "eo.oe.kiw\u{130}"] {
            let bytes = utf16(text);
            assert!(holds(ty::STRING, &bytes), "{text}");
            assert!(search.may_stand_in(Value::Raw { value_type: ty::STRING, bytes: &bytes }), "{text}");
        }
        assert!(search.may_stand_in(Value::Raw { value_type: ty::ANSI, bytes: b"mimi\0katz" }));
        for text in ["", "m", "mimikat", "imikatz", "mi mikatz", "C:\\Windows\\System32\\svchost.exe -k netsvcs"] {
            assert!(!search.may_stand_in(Value::Raw { value_type: ty::STRING, bytes: &utf16(text) }), "{text}");
            assert!(!search.may_stand_in(Value::Text(text)), "{text}");
        }
    }

    /// Every value whose folded text holds a needle is found, whatever it is made of.
    #[test]
    fn no_value_that_holds_a_needle_is_missed() {
        let search = search();
        let parts = [
            "mimi", "katz", "MIMIKATZ", "\u{212a}", "\u{130}", "eo.oe.", "kiw", "i", "K", "atz", "\u{fffd}", "mi",
            "sc::", "sekur", "lsa",
        ];
        let mut state = 0x9E37_79B9_u32;
        let mut next = |below: usize| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state as usize % below
        };
        let mut held = 0;
        for _ in 0..200_000 {
            let text: String = (0..next(7)).map(|_| parts[next(parts.len())]).collect();
            let mut bytes = utf16(&text);
            // Lone surrogates, NULs and odd ends.
            match next(8) {
                0 => bytes.extend([0, 0xd8]),
                1 => bytes.push(7),
                2 => bytes.extend([0, 0]),
                _ => {}
            }
            let holds = holds(ty::STRING, &bytes);
            held += usize::from(holds);
            assert!(!holds || search.may_stand_in(Value::Raw { value_type: ty::STRING, bytes: &bytes }), "{text:?}");
        }
        assert!(held > 1000, "{held}");
    }

    #[test]
    fn what_cannot_be_searched_for_is_told() {
        assert!(Search::new(&[]).is_none());
        assert!(Search::new(&["x".into()]).is_none());
        assert!(Search::new(&["n\u{e4}del".into()]).is_none());
    }
}
