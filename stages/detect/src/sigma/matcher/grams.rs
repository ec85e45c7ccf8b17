//! How common runs of bytes are, so that rare texts are chosen as witnesses and rare runs as their keys.
//!
//! No corpus of logs ships with the program; the rules themselves say what is common. A run that stands in many rules'
//! texts (`.exe`, `powe`, `wind`) stands in many records too. Letters and digits are weighed by how common they are in
//! paths and command lines. A wrong guess costs time, never a match.

/// Counts of runs of four bytes, hashed; collisions only make a run look more common than it is.
#[derive(Debug)]
pub(crate) struct GramCounts {
    shift: u32,
    counts: Box<[u16]>,
}

impl GramCounts {
    /// Room for texts of so many bytes in all.
    pub(crate) fn new(bytes: usize) -> Self {
        let log = bytes.saturating_mul(2).next_power_of_two().trailing_zeros().clamp(6, 16);
        Self { shift: 32 - log, counts: vec![0; 1 << log].into() }
    }

    /// Counts a text's runs.
    pub(crate) fn add(&mut self, text: &str) {
        for window in text.as_bytes().array_windows::<4>() {
            let at = self.at(window);
            if let Some(count) = self.counts.get_mut(at) {
                *count = count.saturating_add(1);
            }
        }
    }

    fn at(&self, window: &[u8; 4]) -> usize {
        (u32::from_le_bytes(*window).wrapping_mul(0x9E37_79B1) >> self.shift) as usize
    }

    fn of(&self, window: &[u8; 4]) -> u16 {
        self.counts.get(self.at(window)).copied().unwrap_or_default()
    }

    /// The count of a text's rarest run of four bytes; `None` for shorter texts.
    pub(crate) fn rarest(&self, text: &str) -> Option<u16> {
        text.as_bytes().array_windows::<4>().map(|window| self.of(window)).min()
    }
}

/// Where the rarest run of `width` bytes begins in `text`, which is at least that long.
pub(crate) fn rarest(text: &[u8], width: usize, counts: Option<&GramCounts>) -> usize {
    let windows = text.windows(width).enumerate();
    let rarity = windows.map(|(at, window)| {
        let count = window.first_chunk::<4>().zip(counts).map_or(0, |(window, counts)| counts.of(window));
        let weight: u32 = window.iter().map(|byte| u32::from(weight(*byte))).sum();
        // A run that few rules name but that is made of the commonest letters is not so rare.
        (u32::from(count).saturating_mul(8) + weight, at)
    });
    rarity.min().map_or(0, |(_, at)| at)
}

/// How common a byte is in paths and command lines, 1 to 9. Folded text has no capitals.
fn weight(byte: u8) -> u8 {
    match byte {
        b'e' | b't' | b' ' | b's' | b'o' | b'i' => 9,
        b'a' | b'n' | b'r' | b'c' | b'm' | b'd' | b'l' | b'\\' | b'.' | b'p' => 8,
        b'w' | b'x' | b'u' | b'f' | b'h' | b'0' | b'3' | b'2' | b'-' | b'/' | b'"' => 7,
        b'b' | b'g' | b'v' | b'y' | b'k' | b'1' | b':' => 5,
        b'4'..=b'9' | b'_' | b'=' => 4,
        b'j' | b'q' | b'z' | b'(' | b')' | b',' => 3,
        0x80.. => 2,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rare_part_of_a_text_is_chosen() {
        let mut counts = GramCounts::new(4096);
        for name in ["cmd", "net", "whoami", "powershell", "regsvr32"] {
            counts.add(&format!("\\{name}.exe"));
        }
        let at = rarest(b"\\mimikatz.exe", 4, Some(&counts));
        assert!((1..=6).contains(&at), "{at}");
        assert_eq!(rarest(b"ab", 2, None), 0);
        assert_eq!(counts.rarest("exe"), None);
        assert!(counts.rarest(".exe").unwrap() >= 5);
    }
}
