//! Characters that make a text look like another: bidirectional controls, zero-width characters, and letters of Cyrillic
//! or Greek among Latin ones (Unicode Technical Standard 39, sections 4 and 5, in the small).
//!
//! A text that is wholly Cyrillic or Greek is no oddity.

/// Whether the text holds such characters.
pub(super) fn is_confusable(text: &str) -> bool {
    // Lead bytes of U+0370 to U+052F, U+2000 to U+2FFF, U+F000 to U+FFFF, and C2 AD (soft hyphen).
    let suspect = |byte: &u8| matches!(byte, 0xcd..=0xd4 | 0xe2 | 0xef | 0xad);
    if !text.as_bytes().iter().any(suspect) {
        return false;
    }
    let (mut latin, mut other) = (false, false);
    for letter in text.chars() {
        match letter {
            '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2064}'
            | '\u{2066}'..='\u{2069}'
            | '\u{feff}'
            | '\u{ad}' => return true,
            'a'..='z' | 'A'..='Z' => latin = true,
            '\u{370}'..='\u{52f}' => other = true,
            // Within one word only: a Russian name in an English sentence is no trick.
            _ => (latin, other) = (false, false),
        }
        if latin && other {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tricks_are_confusable() {
        for text in ["invoice\u{202e}gpj.exe", "\u{430}dmin", "we\u{200b}b01", "p\u{3b1}ypal", "\u{feff}x"] {
            assert!(is_confusable(text), "{text:?}");
        }
        for text in ["Microsoft® Windows®", "Привет мир", "Αθήνα", "Müller", "user Иван logged on", "“quoted”", "文件"]
        {
            assert!(!is_confusable(text), "{text:?}");
        }
    }
}
