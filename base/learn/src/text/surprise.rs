//! A language model of the benign texts: how many bits each character costs after the two before it. Backed-off counts
//! over 64 symbols, kept as one byte (1/16 bit) for each triple.

/// Symbols told apart: letters (either case), digits, frequent punctuation, the rest.
pub const SYMBOLS: usize = 64;

/// Entries of the table.
pub const TABLE: usize = SYMBOLS * SYMBOLS * SYMBOLS;

/// Characters of the window whose cost is the peak.
const PEAK_WINDOW: usize = 6;

/// How much the shorter context counts against the longer one, in observations.
const BACK_OFF: f64 = 4.0;

/// Costs of triples, in 1/16 bit.
#[derive(Clone, Debug, PartialEq)]
pub struct Surprise {
    /// [`TABLE`] costs.
    pub costs: Vec<u8>,
}

impl Surprise {
    /// Counts triples in the texts.
    pub fn fit<'a>(texts: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut counts = vec![0u32; TABLE];
        for text in texts {
            walk(text, |at| {
                if let Some(count) = counts.get_mut(at) {
                    *count = count.saturating_add(1);
                }
            });
        }
        let mut ones = vec![0.0f64; SYMBOLS];
        let mut pairs = vec![0.0f64; SYMBOLS * SYMBOLS];
        let mut befores = vec![0.0f64; SYMBOLS * SYMBOLS];
        for (at, count) in counts.iter().enumerate() {
            let add = |list: &mut Vec<f64>, at: usize| {
                if let Some(sum) = list.get_mut(at) {
                    *sum += f64::from(*count);
                }
            };
            add(&mut ones, at % SYMBOLS);
            add(&mut pairs, at % (SYMBOLS * SYMBOLS));
            add(&mut befores, at / SYMBOLS);
        }
        let of = |list: &[f64], at: usize| list.get(at).copied().unwrap_or(0.0);
        let total: f64 = ones.iter().sum();
        let before_one: Vec<f64> =
            (0..SYMBOLS).map(|before| (0..SYMBOLS).map(|last| of(&pairs, before * SYMBOLS + last)).sum()).collect();
        let cost = |at: usize| {
            let (last, pair, context) = (at % SYMBOLS, at % (SYMBOLS * SYMBOLS), at / SYMBOLS);
            let one = (of(&ones, last) + 0.5) / (total + 0.5 * SYMBOLS as f64);
            let two = (of(&pairs, pair) + BACK_OFF * one) / (of(&before_one, pair / SYMBOLS) + BACK_OFF);
            let count = f64::from(counts.get(at).copied().unwrap_or(0));
            let three = (count + BACK_OFF * two) / (of(&befores, context) + BACK_OFF);
            (-three.log2() * 16.0).round().clamp(0.0, 255.0) as u8
        };
        Self { costs: (0..TABLE).map(cost).collect() }
    }

    /// Bits per character: the mean and the highest mean of a window; and the bits of all.
    pub fn measure(&self, piece: &[u8]) -> [f64; 3] {
        let (mut sum, mut count, mut peak, mut window) = (0u64, 0u64, 0u32, [0u32; PEAK_WINDOW]);
        walk(piece, |at| {
            let cost = u32::from(self.costs.get(at).copied().unwrap_or(0));
            sum += u64::from(cost);
            if let Some(slot) = window.get_mut(count as usize % PEAK_WINDOW) {
                *slot = cost;
            }
            count += 1;
            peak = peak.max(window.iter().sum());
        });
        let mean = if count == 0 { 0.0 } else { sum as f64 / (16.0 * count as f64) };
        [mean, f64::from(peak) / (16.0 * PEAK_WINDOW as f64), (sum as f64 / 16.0).sqrt()]
    }
}

fn walk(text: &[u8], mut take: impl FnMut(usize)) {
    let (mut a, mut b) = (SYMBOLS - 1, SYMBOLS - 1);
    for byte in text {
        let c = symbol(*byte);
        take((a * SYMBOLS + b) * SYMBOLS + c);
        (a, b) = (b, c);
    }
}

fn symbol(byte: u8) -> usize {
    usize::from(SYMBOL.get(usize::from(byte)).copied().unwrap_or(63))
}

/// Symbol of each byte.
#[expect(clippy::indexing_slicing, reason = "evaluated when compiled: a wrong index is a build error")]
static SYMBOL: [u8; 256] = {
    const MARKS: &[u8; 27] = b" -_./\\:;,'\"()[]{}<>=&|$%#*+";
    let mut table = [63u8; 256];
    let mut at = 0;
    while at < 26 {
        table[b'a' as usize + at] = at as u8;
        table[b'A' as usize + at] = at as u8;
        at += 1;
    }
    at = 0;
    while at < 10 {
        table[b'0' as usize + at] = 26 + at as u8;
        at += 1;
    }
    at = 0;
    while at < MARKS.len() {
        table[MARKS[at] as usize] = 36 + at as u8;
        at += 1;
    }
    table
};
