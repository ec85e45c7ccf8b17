//! Whole files: what claims to be a pickle, several streams in one file, what follows them, and pickles in the data of
//! pickles.

use super::machine::{End, Machine};
use super::opcode::Stop;
use crate::scan::kinds::{HIDDEN, PICKLE_BROKEN, PICKLE_NESTED};
use crate::scan::report::{Finding, Report, Verdict, Weight};
use crate::scan::{Budget, Bytes, Inside, Part};

/// Streams that are tried before a file without a header is taken for no pickle.
const TRIAL_STREAMS: usize = 16;
/// Operations of one such trial. Anything else than a pickle fails within a few.
pub(super) const TRIAL_STEPS: u64 = 10_000;
/// Pickles in data of pickles that are entered.
const NESTED_MAX: usize = 4;
/// Bytes of a text that are decoded to see whether a pickle is in it.
const DECODED_MAX: usize = 1 << 20;
/// Bytes after an error that are searched for another stream.
const RESYNC_BYTES: usize = 1 << 20;
/// Streams that are found so.
const RESYNC_MAX: usize = 64;
/// Pickles within a stream (object arrays of joblib in object arrays) that are entered.
const INNER_MAX: usize = 8;
/// The first stream of a file of torch before 1.6: PROTO 2, the magic number, STOP.
const TORCH_MAGIC: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
/// Streams of such a file: magic, protocol, system, object, keys of storages.
const TORCH_STREAMS: usize = 5;

/// Whether bytes are a pickle: by the header of protocol 2 and later, otherwise by reading on until something is called
/// or everything is read.
pub(crate) fn claims(bytes: &dyn Bytes) -> bool {
    match bytes.window(0, 2).as_slice() {
        [0x80, 0..=5] => true,
        [first, ..] if starts(*first) => trial(bytes),
        _ => false,
    }
}

/// Whether an operation that works on an empty stack has this byte.
fn starts(byte: u8) -> bool {
    b"(cSTUVXBCINJKLMFG})]".contains(&byte) || matches!(byte, 0x82..=0x84 | 0x88..=0x8f | 0x95..=0x97)
}

fn trial(bytes: &dyn Bytes) -> bool {
    let (budget, mut report) = (Budget::default(), Report::default());
    let inside = Inside { path: &[], member: &|_, _, _| {}, budget: &budget };
    let mut machine = Machine::new(bytes, &inside, &mut report);
    machine.trial = true;
    for _ in 0..TRIAL_STREAMS {
        let end = machine.run();
        let at = machine.reader.at;
        match end {
            _ if machine.calls > 0 => return true,
            End::Stopped if at >= bytes.len() => return true,
            End::Stopped if padding(bytes, at) => return true,
            End::Stopped => {}
            End::Limited => return true,
            _ => return false,
        }
    }
    true
}

/// Whether nothing but zeros and line ends follow.
fn padding(bytes: &dyn Bytes, at: u64) -> bool {
    const PADDING_MAX: u64 = 4 << 10;
    bytes.len() - at <= PADDING_MAX
        && bytes.window(at, 4 << 10).iter().all(|byte| matches!(byte, 0 | b'\n' | b'\r' | b' '))
}

/// Reads a file of pickles.
pub(crate) fn read(bytes: &dyn Bytes, inside: &Inside<'_>, report: &mut Report) {
    let mut machine = Machine::new(bytes, inside, report);
    whole(&mut machine);
}

/// Reads streams to the end of the bytes. Whether the first one came to its STOP.
fn whole(machine: &mut Machine<'_, '_>) -> bool {
    let bytes = machine.reader.bytes();
    let torch = bytes.window(0, TORCH_MAGIC.len()) == TORCH_MAGIC;
    let (mut streams, mut resyncs, mut complete) = (0, 0, false);
    loop {
        let end = machine.run();
        let at = machine.reader.at;
        match end {
            End::Stopped => {
                streams += 1;
                machine.result(at);
                complete |= streams == 1;
                if at >= bytes.len() {
                    break;
                }
                if torch && streams == TORCH_STREAMS {
                    storages(machine, at);
                    break;
                }
                let rest = Part::new(bytes, at, u64::MAX);
                if padding(bytes, at) {
                    break;
                }
                if !claims(&rest) {
                    let words = format!("{} bytes follow the pickle, and they are no pickle", rest.len());
                    machine.say(at, &HIDDEN, Weight::NotProven, None, words);
                    if machine.depth == 0 {
                        (machine.inside.member)(&format!("bytes at {at}"), &rest, machine.report);
                    }
                    break;
                }
            }
            End::Limited => break,
            End::Broken(_) | End::Refused(_) => {
                let why = match end {
                    End::Refused(why) => why.to_owned(),
                    End::Broken(Stop::End) => "the file ends without STOP".to_owned(),
                    End::Broken(Stop::Truncated) => "an argument goes on past the end of the file".to_owned(),
                    End::Broken(Stop::NoCode(code)) => format!("no operation has the byte {code:#04x}"),
                    _ => "an argument is of no known form".to_owned(),
                };
                let words = format!("loading stops here ({why}); what stands before has run by then");
                machine.say(at, &PICKLE_BROKEN, Weight::NotProven, None, words);
                resyncs += 1;
                match next_stream(bytes, at).filter(|_| resyncs < RESYNC_MAX) {
                    Some(next) => machine.reader.at = next,
                    None => break,
                }
            }
        }
    }
    // Pickles in data that nothing loaded: their reader is somewhere else, or nowhere.
    for at in std::mem::take(&mut machine.idle) {
        let words = "the data is another pickle, which nothing in this file loads".to_owned();
        machine.say(at, &PICKLE_NESTED, Weight::NotProven, None, words);
    }
    machine.imports();
    complete
}

/// After an error: where another stream begins that calls something.
fn next_stream(bytes: &dyn Bytes, at: u64) -> Option<u64> {
    let window = bytes.window(at.saturating_add(1), RESYNC_BYTES);
    let places = memchr::memchr_iter(0x80, &window)
        .filter(|&place| matches!(window.get(place + 1), Some(2..=5)))
        .take(RESYNC_MAX);
    places.map(|place| at + 1 + place as u64).find(|&place| trial(&Part::new(bytes, place, u64::MAX)))
}

/// What follows the streams of an old torch file: for each key the number of elements and the elements.
fn storages(machine: &mut Machine<'_, '_>, at: u64) {
    let expected = machine.storages.values().fold(0_u64, |sum, bytes| sum.saturating_add(bytes.saturating_add(8)));
    let left = machine.reader.len() - at;
    if expected != left {
        let words = format!("{left} bytes follow the pickles, the storages that they name have {expected}");
        machine.say(at, &HIDDEN, Weight::NotProven, None, words);
    }
}

/// A pickle that stands in the stream of another, which goes on after its STOP.
pub(super) fn inner(machine: &mut Machine<'_, '_>) -> Result<(), End> {
    if machine.depth >= INNER_MAX {
        return Err(End::Refused("object arrays within object arrays deeper than INNER_MAX"));
    }
    machine.depth += 1;
    let saved = machine.save();
    let end = machine.run();
    machine.restore(saved);
    machine.depth -= 1;
    match end {
        End::Stopped => Ok(()),
        other => Err(other),
    }
}

/// Data that is a pickle itself, plain or as base64 or hexadecimal digits.
pub(super) fn nested(machine: &mut Machine<'_, '_>, at: u64, len: u64, text: bool) {
    if machine.depth >= NESTED_MAX {
        return;
    }
    let head: [u8; 4] = machine.reader.peek(at, 4).try_into().unwrap_or_default();
    let plain = matches!(head, [0x80, 2..=5, ..]) || matches!(head, [b'c' | b'(' | b'i', b'a'..=b'z' | b'_', ..]);
    let coded = matches!(&head, [b'g', b'A', b'I'..=b'X', _] | [b'Y' | b'K', b'A'..=b'z' | b'0'..=b'9', ..]);
    let hex = matches!(&head, [b'8', b'0', b'0', b'2'..=b'5'] | [b'6', b'3', b'6', _] | [b'2', b'8', ..]);
    let bytes = machine.reader.bytes();
    if plain && (!text || len < DECODED_MAX as u64) {
        enter(machine, &Part::new(bytes, at, len), at);
    } else if (coded || hex) && len < DECODED_MAX as u64 && len >= 12 {
        let digits = bytes.window(at, DECODED_MAX);
        let digits = digits.get(..usize::try_from(len).unwrap_or(0)).unwrap_or_default();
        let decoded = if hex { unhex(digits) } else { unbase64(digits) };
        if let Some(decoded) = decoded {
            enter(machine, &decoded, at);
        }
    }
}

fn enter(machine: &mut Machine<'_, '_>, bytes: &dyn Bytes, at: u64) {
    if !claims(bytes) {
        return;
    }
    let mut apart = Report::default();
    let path = machine.inside.path.to_vec();
    let inside = super::call::deeper(machine.inside, &path);
    let mut inner = Machine::new(bytes, &inside, &mut apart);
    inner.depth = machine.depth + 1;
    let complete = whole(&mut inner);
    // Chance writes no pickle that ends with the data.
    if apart.verdict() == Verdict::Clean && complete && bytes.len() > 8 {
        machine.idle.insert(at);
    }
    if apart.verdict() != Verdict::Malicious {
        return;
    }
    let calls = apart.findings().iter().find(|finding| finding.weight == Weight::Malicious);
    let call = calls.and_then(|finding| finding.call.clone());
    let weight = if complete { Weight::Malicious } else { Weight::NotProven };
    let words = "the data holds another pickle, which acts when it is loaded in turn".to_owned();
    machine.report.add(Finding {
        offset: at,
        call,
        ..crate::scan::kinds::found(machine.inside, &PICKLE_NESTED, weight, words)
    });
}

fn unhex(digits: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    digits
        .chunks_exact(2)
        .map(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        })
        .collect()
}

fn unbase64(digits: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(digits.len() / 4 * 3);
    let (mut bits, mut many) = (0_u32, 0);
    for &byte in digits {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'=' | b'\n' | b'\r' => continue,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        many += 6;
        if many >= 8 {
            many -= 8;
            out.push(u8::try_from(bits >> many & 0xff).unwrap_or(0));
        }
    }
    Some(out)
}
