//! What all text formats look at: characters that make text look like other text.

/// Whether text holds bidirectional controls, zero-width characters, or words that mix Latin with look-alike Cyrillic or
/// Greek letters (Unicode TR 39, reduced to what hides file names and user names in logs).
pub fn confusable(text: &str) -> bool {
    let (mut latin, mut other) = (false, false);
    for c in text.chars() {
        match c {
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' => return true,
            'a'..='z' | 'A'..='Z' => latin = true,
            '\u{370}'..='\u{3ff}' | '\u{400}'..='\u{52f}' => other = true,
            c if !c.is_alphanumeric() => (latin, other) = (false, false),
            _ => {}
        }
        if latin && other {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::confusable;

    #[test]
    fn hidden_and_mixed_letters_are_seen() {
        for (text, expected) in [
            ("plain", false),
            ("Größe naïve", false),
            ("привет мир", false),
            ("admin привет", false),
            ("\u{430}dmin", true),
            ("invoice\u{202e}gpj.exe", true),
            ("we\u{200b}b01", true),
        ] {
            assert_eq!(confusable(text), expected, "{text}");
        }
    }
}
