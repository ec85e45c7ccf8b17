//! Pickles that call what nobody chose: callables drawn by seed from what Python itself lists, with `echo hi` as their only
//! argument, in seeded spellings. They lie below `target/` and are never loaded.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use super::peers::Peer;

/// The seed of the draw.
pub(super) const SEED: u64 = 5;
/// Callables that are drawn.
const DRAWN: usize = 200;

/// Writes the pickles: paths and names. None where no Python can list anything.
///
/// # Errors
/// When a file cannot be written.
pub(super) fn write(folder: &Path, peers: &[Peer]) -> Result<Vec<(PathBuf, String)>> {
    fs::create_dir_all(folder)?;
    let mut names = callables(peers);
    let mut random = SEED;
    let mut below = |end: usize| {
        // xorshift64*: the same draw everywhere for the same list.
        random ^= random >> 12;
        random ^= random << 25;
        random ^= random >> 27;
        (random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % end.max(1)
    };
    let mut drawn = Vec::new();
    while drawn.len() < DRAWN && !names.is_empty() {
        let (module, name) = names.swap_remove(below(names.len()));
        let path = folder.join(format!("{:03}.pkl", drawn.len()));
        let bytes = pickle(&module, &name, &mut below);
        fs::write(&path, bytes).with_context(|| format!("cannot write `{}`", path.display()))?;
        drawn.push((path, format!("`{module}.{name}`")));
    }
    Ok(drawn)
}

/// What the first Python that answers lists; `SHIELDWALL_PYTHON` is asked before those of the other scanners.
fn callables(peers: &[Peer]) -> Vec<(String, String)> {
    let script = crate::root().join("xtask/referee/callables.py");
    let own = std::env::var_os("SHIELDWALL_PYTHON").map(PathBuf::from);
    let pythons = own.into_iter().chain(peers.iter().map(|peer| peer.python.clone())).chain(["python3".into()]);
    for python in pythons {
        let Ok(output) = Command::new(&python).arg(&script).stderr(Stdio::null()).output() else { continue };
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let names: Vec<(String, String)> = text
            .lines()
            .filter_map(|line| line.split_once('\t').map(|(module, name)| (module.to_owned(), name.to_owned())))
            .collect();
        if !names.is_empty() {
            return names;
        }
    }
    Vec::new()
}

/// `module.name("echo hi")`, protocols 0 to 5.
fn pickle(module: &str, name: &str, below: &mut impl FnMut(usize) -> usize) -> Vec<u8> {
    let mut out = Vec::new();
    let text = |text: &str, form: usize, out: &mut Vec<u8>| match form {
        0 => out.extend(format!("V{text}\n").bytes()),
        1 => {
            out.push(b'X');
            out.extend((text.len() as u32).to_le_bytes());
            out.extend(text.bytes());
        }
        _ => {
            out.extend([0x8c, text.len().min(255) as u8]);
            out.extend(text.bytes().take(255));
        }
    };
    out.extend([0x80, 4]);
    let open = below(3);
    if open == 0 {
        out.push(b'(');
    }
    match below(2) {
        0 => out.extend(format!("c{module}\n{name}\n").bytes()),
        _ => {
            text(module, below(3), &mut out);
            out.push(0x94);
            text(name, below(3), &mut out);
            out.extend([0x94, 0x93]);
        }
    }
    match open {
        0 => {
            text("echo hi", below(3), &mut out);
            out.push(b'o');
        }
        1 => {
            text("echo hi", below(3), &mut out);
            out.extend([0x85, b'R']);
        }
        _ => {
            out.push(b'(');
            text("echo hi", below(3), &mut out);
            out.extend(*b"tR");
        }
    }
    out.extend([&b"."[..], b"0N.", b"\x94."][below(3)]);
    out
}
