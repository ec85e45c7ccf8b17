//! Pickles that call something, opcode by opcode and in every spelling. Payloads are `echo` only; nothing is unpickled.

#![allow(dead_code, reason = "each test takes what it needs")]

/// xorshift64*: the same choices everywhere.
pub struct Seeded(pub u64);

impl Seeded {
    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % end
    }
}

/// A text in one of the seven ways to write it.
fn text(random: &mut Seeded, text: &str, out: &mut Vec<u8>) {
    let len = text.len();
    match random.below(7) {
        0 => out.extend(format!("V{text}\n").bytes()),
        1 => out.extend(format!("S'{text}'\n").bytes()),
        2 => out.extend([&[b'U', len as u8], text.as_bytes()].concat()),
        3 => out.extend([b"T", &(len as u32).to_le_bytes()[..], text.as_bytes()].concat()),
        4 => out.extend([b"X", &(len as u32).to_le_bytes()[..], text.as_bytes()].concat()),
        5 => out.extend([&[0x8c, len as u8], text.as_bytes()].concat()),
        _ => out.extend([&[0x8d][..], &(len as u64).to_le_bytes(), text.as_bytes()].concat()),
    }
    // Detours through the memo and the stack.
    match random.below(5) {
        0 => {
            let index = random.below(200) as u8;
            out.extend([b'q', index, b'0', b'h', index]);
        }
        1 => out.extend(*b"20"),
        2 => out.extend(*b"p70000\n0g70000\n"),
        3 => out.extend([0x94]),
        _ => {}
    }
}

/// A call of `module.name("echo hi")` in one of the ways to spell it.
pub fn call(random: &mut Seeded, module: &str, name: &str) -> Vec<u8> {
    let mut out = if random.below(4) == 0 { Vec::new() } else { vec![0x80, 2 + random.below(4) as u8] };
    (0..random.below(3)).for_each(|_| out.extend([b"N0", b"]0", b"(1"][random.below(3)]));
    let global = |random: &mut Seeded, out: &mut Vec<u8>| match random.below(2) {
        0 => out.extend(format!("c{module}\n{name}\n").bytes()),
        _ => {
            text(random, module, out);
            text(random, name, out);
            out.push(0x93);
        }
    };
    match random.below(6) {
        0 => {
            out.push(b'(');
            text(random, "echo hi", &mut out);
            out.extend(format!("i{module}\n{name}\n").bytes());
        }
        1 => {
            out.push(b'(');
            global(random, &mut out);
            text(random, "echo hi", &mut out);
            out.push(b'o');
        }
        2 => {
            global(random, &mut out);
            text(random, "echo hi", &mut out);
            out.extend([0x85, b'R']);
        }
        3 => {
            global(random, &mut out);
            out.push(b'(');
            text(random, "echo hi", &mut out);
            out.extend(*b"tR");
        }
        4 => {
            global(random, &mut out);
            text(random, "echo hi", &mut out);
            out.extend([0x85, 0x81]);
        }
        _ => {
            global(random, &mut out);
            text(random, "echo hi", &mut out);
            out.extend([0x85, b'}', 0x92]);
        }
    }
    ending(random, &mut out);
    out
}

/// How a stream that has acted goes on: the result is dropped, the stream ends well, is cut, breaks, or another follows.
fn ending(random: &mut Seeded, out: &mut Vec<u8>) {
    match random.below(5) {
        0 => out.extend(*b"0N."),
        1 => {}
        2 => out.push(0xff),
        3 => out.extend(*b".\x80\x02N."),
        _ => out.push(b'.'),
    }
}
