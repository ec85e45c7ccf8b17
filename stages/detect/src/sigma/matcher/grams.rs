//! How common runs of bytes are, so that rare texts are chosen as witnesses and rare runs as their keys.
//!
//! No corpus of logs ships with the program; the rules themselves say what is common. A run that stands in many rules'
//! texts (`.exe`, `powe`, `wind`) stands in many records too, and so does what a short typical text holds. Letters and digits
//! are weighed by how common they are in paths and command lines. A wrong guess costs time, never a match.

use std::sync::OnceLock;

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

/// Where the rarest stretch of `stride` runs of four bytes, one behind the other, begins in a text that has so many.
pub(crate) fn rarest(text: &[u8], stride: usize, counts: Option<&GramCounts>) -> usize {
    /// So many places are compared; a text need not be read to its end to find a rare one.
    const PLACES_MAX: usize = 64;
    let mut last = [0_u32; STRIDE_MAX];
    let (mut sum, mut best, mut least) = (0_u32, 0, u32::MAX);
    // The stretch moves on by one run: one enters, one leaves.
    for (at, run) in text.array_windows::<4>().enumerate().take(PLACES_MAX + stride) {
        let entered = commonness(run, counts);
        if let Some(place) = last.get_mut(at % stride.clamp(1, STRIDE_MAX)) {
            sum = sum + entered - std::mem::replace(place, entered);
        }
        if at + 1 >= stride && sum < least {
            (best, least) = (at + 1 - stride, sum);
        }
    }
    best
}

/// The greatest stride that [`rarest`] is asked for.
pub(crate) const STRIDE_MAX: usize = 8;

/// Whether a byte is neither letter nor digit nor what stands in most texts: a text that holds one is rare, however short.
pub(crate) const fn is_key(byte: u8) -> bool {
    byte.is_ascii() && !byte.is_ascii_alphanumeric() && !matches!(byte, b'/' | b'.' | b'-' | b'_' | b' ' | b'\\' | b':')
}

/// How common a byte is, in no unit.
pub(crate) fn commonness_of(byte: u8) -> u32 {
    WEIGHTS.get(usize::from(byte)).copied().map_or(0, u32::from)
}

/// Guesses how often a text stands somewhere in a value: 0 never, 1 always.
pub(crate) fn chance(text: &str) -> f32 {
    /// Bytes of a typical value.
    const LENGTH: f32 = 60.0;
    /// Texts are far from random: a letter makes the one that follows likelier.
    const FOLLOWS: f32 = 2.0;
    let each = text.bytes().map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' => 0.05,
        b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b' ' | b'\\' | b':' => 0.04,
        b'=' | b'&' | b'?' | b',' | b'"' => 0.01,
        b'%' | b'+' | b'(' | b')' => 0.005,
        _ => 0.001,
    });
    (LENGTH / FOLLOWS * each.fold(1.0, |all: f32, one| all * one * FOLLOWS)).min(1.0)
}

/// How common a run is: by its letters, by the rules that name it, and by the typical record.
fn commonness(run: &[u8; 4], counts: Option<&GramCounts>) -> u32 {
    /// What standing in the typical record weighs: as much as being named by a dozen rules.
    const TYPICAL: u32 = 100;
    let named = counts.map_or(0, |counts| u32::from(counts.of(run)));
    let letters: u32 = run.iter().map(|byte| commonness_of(*byte)).sum();
    named.saturating_mul(8) + letters + if typical_runs().has(run) { TYPICAL } else { 0 }
}

/// Whether a text could stand in a typical record: every run of it does. Texts shorter than a run could.
pub(crate) fn is_typical(text: &str) -> bool {
    let runs = typical_runs();
    text.as_bytes().array_windows::<4>().all(|run| runs.has(run))
}

/// What many records hold, folded: names and paths of the system itself, and how its vendor signs them.
const TYPICAL_TEXT: &str = concat!(
    "c:\\windows\\system32\\svchost.exe -k netsvcs -p -s schedule\n",
    "c:\\windows\\system32\\cmd.exe /c \"c:\\windows\\syswow64\\cmd.exe\" /c \n",
    "c:\\windows\\system32\\windowspowershell\\v1.0\\powershell.exe\n",
    "\\??\\c:\\windows\\system32\\conhost.exe 0xffffffff -forcev1\n",
    "c:\\windows\\explorer.exe\nc:\\windows\\system32\\services.exe\nc:\\windows\\system32\\lsass.exe\n",
    "c:\\windows\\system32\\wbem\\wmiprvse.exe -secured -embedding\nc:\\windows\\system32\\rundll32.exe\n",
    "c:\\windows\\system32\\taskhostw.exe\nc:\\windows\\system32\\wininit.exe\nc:\\windows\\system32\\winlogon.exe\n",
    "c:\\windows\\system32\\kernel32.dll\nc:\\windows\\system32\\ntdll.dll\nc:\\windows\\temp\\\nc:\\windows\\winsxs\\\n",
    "c:\\program files\\common files\\microsoft shared\\\nc:\\program files (x86)\\microsoft\\edge\\application\\msedge.exe\n",
    "c:\\program files\\google\\chrome\\application\\chrome.exe --type=\nc:\\programdata\\microsoft\\windows defender\\\n",
    "c:\\users\\administrator\\appdata\\local\\temp\\\nc:\\users\\administrator\\appdata\\roaming\\microsoft\\\n",
    "microsoft corporation\nmicrosoft\u{ae} windows\u{ae} operating system\nwindows command processor\nwindows powershell\n",
    "host process for windows services\nsha1=\nmd5=\nsha256=\nimphash=\ntrue\nfalse\n",
    "nt authority\\system\nnt authority\\network service\nnt authority\\local service\ns-1-5-18\nsystem\nhigh\nmedium\n",
    "hklm\\software\\microsoft\\windows nt\\currentversion\\\nhklm\\system\\currentcontrolset\\services\\\n",
    "hku\\s-1-5-21-\nhkcu\\software\\microsoft\\windows\\currentversion\\explorer\\\n\\registry\\machine\\system\\controlset001\\\n",
    "microsoft-windows-sysmon\nmicrosoft-windows-security-auditing\nsetvalue\ncreatekey\n",
    "/usr/bin/sudo\n/usr/sbin/sshd -d -r\n/bin/bash -c \n/bin/sh -c \n/usr/lib/systemd/systemd\nroot\nsession opened for user\n",
    "mozilla/5.0 (windows nt 10.0; win64; x64) applewebkit/537.36 (khtml, like gecko) chrome/\nget / http/1.1\nhttps://www.\n",
);

/// The runs of [`TYPICAL_TEXT`], hashed; a collision makes one more run look common.
struct Runs(Box<[u64]>);

impl Runs {
    fn place(run: &[u8; 4]) -> (usize, u64) {
        let bit = u32::from_le_bytes(*run).wrapping_mul(0x9E37_79B1) >> 16;
        ((bit >> 6) as usize, 1 << (bit & 63))
    }

    fn has(&self, run: &[u8; 4]) -> bool {
        let (word, bit) = Self::place(run);
        self.0.get(word).is_some_and(|word| word & bit != 0)
    }
}

fn typical_runs() -> &'static Runs {
    static RUNS: OnceLock<Runs> = OnceLock::new();
    RUNS.get_or_init(|| {
        let mut words = vec![0_u64; 1024];
        for run in TYPICAL_TEXT.as_bytes().array_windows::<4>() {
            let (word, bit) = Runs::place(run);
            if let Some(word) = words.get_mut(word) {
                *word |= bit;
            }
        }
        Runs(words.into())
    })
}

/// [`weight`] of every byte.
#[expect(clippy::indexing_slicing, reason = "at compile time, over the array's own length")]
const WEIGHTS: [u8; 256] = {
    let mut weights = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        weights[byte] = weight(byte as u8);
        byte += 1;
    }
    weights
};

/// How common a byte is in paths and command lines, 1 to 9. Folded text has no capitals.
const fn weight(byte: u8) -> u8 {
    match byte {
        b'e' | b't' | b' ' | b's' | b'o' | b'i' => 9,
        b'a' | b'n' | b'r' | b'c' | b'm' | b'd' | b'l' | b'\\' | b'.' | b'p' => 8,
        b'w' | b'x' | b'u' | b'f' | b'h' | b'0' | b'3' | b'2' | b'-' | b'/' | b'"' => 7,
        b'b' | b'g' | b'v' | b'y' | b'k' | b'1' | b':' => 5,
        b'4'..=b'9' | b'_' | b'=' | b'&' => 4,
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
        let at = rarest(b"\\mimikatz.exe", 1, Some(&counts));
        assert!((1..=6).contains(&at), "{at}");
        assert_eq!(rarest(b"abcd", 1, None), 0);
        assert!(is_typical("microsoft corporation") && is_typical("\\svchost.exe") && !is_typical("mimikatz"));
        assert_eq!(counts.rarest("exe"), None);
        assert!(counts.rarest(".exe").unwrap() >= 5);
    }
}
