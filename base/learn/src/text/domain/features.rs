//! What is measured of a name or a label.

use crate::text::shape::Feature;

/// Names of what [`measure`] gives.
pub const FEATURES: &[Feature] = &[
    Feature::free("length"),
    Feature::free("labels"),
    Feature::free("longest_label"),
    Feature::free("digit_share"),
    Feature::free("digit_letter_changes"),
    Feature::free("longest_digit_run"),
    Feature::free("vowel_share"),
    Feature::free("longest_consonant_run"),
    Feature::free("longest_vowel_run"),
    Feature::free("alternation"),
    Feature::free("hyphen_share"),
    Feature::free("entropy"),
    Feature::free("distinct_share"),
    Feature::free("hex_share"),
    Feature::free("base32_like"),
    Feature::free("rare_letter_share"),
    Feature::free("repeats"),
];

/// Vowel, consonant, digit, or the byte itself.
pub fn class(byte: u8) -> u8 {
    match byte {
        b'a' | b'e' | b'i' | b'o' | b'u' | b'y' => b'v',
        b'a'..=b'z' => b'c',
        b'0'..=b'9' => b'0',
        0x80.. => 0x80,
        _ => byte,
    }
}

#[derive(Default)]
struct Run {
    now: u32,
    longest: u32,
}

impl Run {
    fn step(&mut self, on: bool) {
        self.now = if on { self.now + 1 } else { 0 };
        self.longest = self.longest.max(self.now);
    }
}

/// Appends the features of a piece.
pub fn measure(piece: &[u8], out: &mut Vec<f64>) {
    let (mut counts, mut total) = ([0u32; 40], 0u32);
    let (mut labels, mut label) = (0u32, Run::default());
    let (mut digits, mut vowels, mut consonants) = (Run::default(), Run::default(), Run::default());
    let [mut digit, mut vowel, mut hyphen, mut hex, mut base32, mut rare] = [0u32; 6];
    let [mut changes, mut alternating, mut letters_pairs, mut repeats] = [0u32; 4];
    let mut before = b'.';
    for byte in piece {
        let kind = class(*byte);
        label.step(*byte != b'.');
        digits.step(kind == b'0');
        vowels.step(kind == b'v');
        consonants.step(kind == b'c');
        if *byte == b'.' {
            before = b'.';
            continue;
        }
        labels += u32::from(label.now == 1);
        total += 1;
        if let Some(count) = counts.get_mut(symbol(*byte)) {
            *count += 1;
        }
        digit += u32::from(kind == b'0');
        vowel += u32::from(kind == b'v');
        hyphen += u32::from(*byte == b'-');
        hex += u32::from(matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        base32 += u32::from(matches!(byte, b'2'..=b'7' | b'a'..=b'z'));
        rare += u32::from(matches!(byte, b'q' | b'x' | b'z' | b'j' | b'w' | b'k' | b'v' | b'y'));
        let was = class(before);
        let letter = |kind: u8| kind == b'v' || kind == b'c';
        changes += u32::from((letter(was) && kind == b'0') || (was == b'0' && letter(kind)));
        letters_pairs += u32::from(letter(was) && letter(kind));
        alternating += u32::from(letter(was) && letter(kind) && was != kind);
        repeats += u32::from(before == *byte);
        before = *byte;
    }
    let count = f64::from(total.max(1));
    let letters = f64::from((total - digit - hyphen).max(1));
    let share = |part: u32| f64::from(part) / count;
    let entropy: f64 = counts.iter().filter(|count| **count > 0).map(|own| -share(*own) * share(*own).log2()).sum();
    let distinct = counts.iter().filter(|count| **count > 0).count() as f64 / count;
    out.extend([
        count.ln(),
        f64::from(labels),
        f64::from(label.longest).ln_1p(),
        share(digit),
        f64::from(changes),
        f64::from(digits.longest),
        f64::from(vowel) / letters,
        f64::from(consonants.longest),
        f64::from(vowels.longest),
        f64::from(alternating) / f64::from(letters_pairs.max(1)),
        share(hyphen),
        entropy,
        distinct,
        share(hex),
        if total >= 16 && digit > 0 && base32 == total { 1.0 } else { 0.0 },
        share(rare),
        share(repeats),
    ]);
}

fn symbol(byte: u8) -> usize {
    match byte {
        b'a'..=b'z' => usize::from(byte - b'a'),
        b'0'..=b'9' => 26 + usize::from(byte - b'0'),
        b'-' => 36,
        b'_' => 37,
        _ => 38,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, name: &str) -> f64 {
        let mut out = Vec::new();
        measure(text.as_bytes(), &mut out);
        assert_eq!(out.len(), FEATURES.len());
        out[FEATURES.iter().position(|feature| feature.name == name).unwrap()]
    }

    #[test]
    fn features_are_as_counted_by_hand() {
        for (text, name, expected) in [
            (".abc.", "labels", 1.0),
            (".abc.de.", "labels", 2.0),
            (".abc123.", "digit_share", 0.5),
            (".a1b2.", "digit_letter_changes", 3.0),
            (".xkcd.", "longest_consonant_run", 4.0),
            (".murotuyw.", "alternation", 6.0 / 7.0),
            (".aabb.", "entropy", 1.0),
            (".beef.", "hex_share", 1.0),
            ("..", "length", 0.0),
            ("", "entropy", 0.0),
        ] {
            assert!((of(text, name) - expected).abs() < 1e-12, "{text} {name}: {}", of(text, name));
        }
    }
}
