//! A door for fuzz targets and for tests that replay their finds: any decoder over any bytes, with everything wanted.
//!
//! Must stay true for every decoder: no panic, offsets inside the source, events in the order of their bytes (ordered
//! splits), and for [`Split::Lines`] the same events however the source is cut.

use std::sync::Arc;

use shieldwall_schema::{Chunk, Event, Flag, Projection, Reject, Rejection, Sink, SlotSpec, Tag, Timestamp, Want};

use crate::clock::{Clock, Survey, TimePolicy};
use crate::decoder::{Context, Decoder, Split};
use crate::format::{HEAD_BYTES, registry};

/// Field names that are asked for, so that fast paths run: those of entities in several formats.
const NAMES: [&str; 16] = [
    "message",
    "program",
    "hostname",
    "user",
    "src_ip",
    "command",
    "event_type",
    "c-ip",
    "cs-uri",
    "cs-uri-query",
    "cs-user-agent",
    "sc-status",
    "CommandLine",
    "EventID",
    "id.orig_h",
    "answers",
];

/// A projection that wants everything of every record.
#[derive(Debug)]
pub struct WantAll(Arc<Want>);

impl Default for WantAll {
    fn default() -> Self {
        let slots = NAMES.iter().map(|name| SlotSpec { names: vec![(*name).into()] }).collect();
        Self(Arc::new(Want::new(slots, Some(NAMES.len() as u16), 0)))
    }
}

impl Projection for WantAll {
    fn want(&self, _: &Tag<'_>) -> Option<Arc<Want>> {
        Some(self.0.clone())
    }
}

/// What a decoder gave, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Records.
    pub events: u64,
    /// Records without a time.
    pub timeless: u64,
    /// Fields of all records.
    pub fields: u64,
    /// Bytes of names and values, so that a difference anywhere shows.
    pub field_bytes: u64,
    /// Rejections with their offsets.
    pub rejections: Vec<(u64, Reject)>,
    /// Flags with their offsets.
    pub flags: Vec<(u64, Flag)>,
}

impl Sink for Tally {
    fn event(&mut self, event: &Event<'_>) {
        self.events += 1;
        self.timeless += u64::from(event.time.is_none());
        self.field_bytes += event.slots.iter().map(|value| value.raw.len() as u64).sum::<u64>();
        event.fields.each(&mut |name, value| {
            self.fields += 1;
            self.field_bytes += (name.len() + value.text.len()) as u64;
        });
    }

    fn unwanted(&mut self, count: u64, _: Option<Timestamp>) {
        self.events += count;
    }

    fn reject(&mut self, rejection: Rejection) {
        self.rejections.push((rejection.place.offset, rejection.reason));
    }

    fn flag(&mut self, flag: Flag, place: shieldwall_schema::Place) {
        self.flags.push((place.offset, flag));
    }
}

/// Decodes `data` with the named decoder as the line would, checks what must stay true, and gives the count. An unknown
/// name gives an empty count.
///
/// # Panics
/// If what must stay true does not: that is a find.
pub fn run(decoder_name: &str, data: &[u8]) -> Tally {
    let Some(decoder) = registry().iter().find(|decoder| decoder.name() == decoder_name) else {
        return Tally::default();
    };
    let whole = decode(*decoder, data, usize::MAX);
    if decoder.split() == Split::Lines {
        for size in [64, 1000] {
            assert_eq!(decode(*decoder, data, size), whole, "cut into chunks of {size}");
        }
    }
    for offset in whole.flags.iter().map(|(offset, _)| offset).chain(whole.rejections.iter().map(|(offset, _)| offset))
    {
        assert!(*offset <= data.len() as u64, "offset {offset} beyond the source's {}", data.len());
    }
    whole
}

fn decode(decoder: &dyn Decoder, data: &[u8], chunk_bytes: usize) -> Tally {
    let head = data.get(..HEAD_BYTES).unwrap_or(data);
    let _ = decoder.sniff(head);
    let lacks = decoder.lacks(head);
    let survey = match lacks.year {
        true => decoder.survey(&mut std::io::Cursor::new(data)).unwrap_or_default(),
        false => Survey::default(),
    };
    let (clock, _) = Clock::settle(lacks, &survey, &TimePolicy { year: Some(2024), ..TimePolicy::default() });
    let want = WantAll::default();
    let mut tally = Tally::default();
    let mut reader = decoder.open(Context { projection: &want, clock: &clock, head });
    match decoder.split() {
        Split::Whole => reader.whole(&data.to_vec(), &mut tally),
        split => {
            let (header, block) = match split {
                Split::Blocks { header, size } => (header as usize, Some(size as usize)),
                _ => (0, None),
            };
            let mut at = header.min(data.len());
            loop {
                let rest = data.get(at..).unwrap_or_default();
                let size = match block {
                    Some(size) => size.max(1),
                    None => line_end(rest, chunk_bytes),
                };
                let bytes = rest.get(..size).unwrap_or(rest);
                let last = bytes.len() == rest.len();
                reader.chunk(&Chunk { offset: at as u64, bytes, last, mid_line: false }, &mut tally);
                if last {
                    break;
                }
                at += bytes.len();
            }
        }
    }
    reader.finish(&mut tally);
    tally
}

/// The end of the line that holds byte `wanted`.
fn line_end(rest: &[u8], wanted: usize) -> usize {
    let Some(beyond) = rest.get(wanted..) else { return rest.len() };
    memchr::memchr(b'\n', beyond).map_or(rest.len(), |at| wanted + at + 1)
}

#[cfg(test)]
mod tests {
    use super::run;
    use crate::format::registry;

    #[test]
    fn every_decoder_has_a_fuzz_target() {
        let targets = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/fuzz_targets"));
        for decoder in registry() {
            let file = targets.join(format!("{}.rs", decoder.name().replace('-', "_")));
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            assert!(text.contains(&format!("\"{}\"", decoder.name())), "no fuzz target {}", file.display());
        }
    }

    /// Small valid records of many formats; each goes through every decoder, whole and damaged.
    const SAMPLES: [&[u8]; 15] = [
        b"192.0.2.1 - anna [10/Mar/2026:03:12:00 +0000] \"GET /a?b=%2e+c HTTP/1.1\" 200 12 \"-\" \"curl\\x22/8\" \"-\"\n",
        b"2026/03/10 03:12:00 [error] 1#1: *1 open() failed, client: 192.0.2.1, server: s, request: \"GET / HTTP/1.1\", host: \"h\"\n",
        b"[Tue Mar 10 03:12:00.123456 2026] [core:error] [pid 1:tid 2] [client [2001:db8::1]:5555] AH00126: m, referer: r\n",
        b"Mar 10 03:12:00 web01 sshd[4242]: Failed password for invalid user x from 192.0.2.1 port 1 ssh2\n",
        b"<34>1 2026-03-10T03:12:00.003Z h su 1 ID47 [a@1 b=\"c\\\"\"][d] \xef\xbb\xbfmessage\n",
        b"{\"timestamp\":\"2026-03-10T03:12:00Z\",\"a\":{\"b\":[1,null,\"\\ud83d\\ude00\\u00e4\"]},\"EventID\":4688}\n",
        b"[{\"a\":1},{\"b\":{\"c\":true}}]\n",
        b"type=EXECVE msg=audit(1773112320.123:42): argc=2 a0=\"ls\" a1=2D6C61\n",
        b"__CURSOR=s=1\n__REALTIME_TIMESTAMP=1773112320000000\nMESSAGE\n\x03\0\0\0\0\0\0\0abc\n_PID=1\n\n",
        b"2026-03-10T03:12:00.5+01:00 h app: text\nCEF:0|v|p|1|100|n|5|src=192.0.2.1\n",
        b"LPKSHHRH\0\0\0\0\x01\0\0\0\0\0\0\0\x10\x01\0\0\0\0\0\0\x40\0\0\0\0\0\0\0",
        b"ElfFile\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x80\0\0\0\x01\0\x03\0\0\x10\x01\0",
        b"ElfChnk\0\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x80\0\0\0**\0\0\x40\0\0\0\x01\0\0\0\0\0\0\0\x0f\x01\x01\0",
        b"\x07\0\0\0\x01\0\0\0pts/0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0ts/0anna\0\0\0\0",
        b"#separator \\x09\n#set_separator\t,\n#path\tdns\n#fields\tts\tid.orig_h\tanswers\n#types\ttime\taddr\tset[string]\n1773112320.5\t192.0.2.1\ta\\x2c,b\n-\t-\t(empty)\n",
    ];

    #[test]
    fn every_decoder_survives_damage() {
        // EVTX and the journal have chunks and objects only behind their headers.
        let mut samples: Vec<Vec<u8>> = SAMPLES.iter().map(|sample| sample.to_vec()).collect();
        let mut evtx = samples[11].clone();
        evtx.resize(4096, 0);
        evtx.extend_from_slice(&samples[12]);
        evtx.resize(4096 + 600, 0x0f);
        samples.push(evtx);
        samples.extend([
            vec![],
            vec![0; 512],
            vec![0xff; 512],
            b"\n\r\n\n".to_vec(),
            vec![b'['; 3000],
            vec![b'"'; 3000],
        ]);
        for decoder in registry() {
            for sample in &samples {
                run(decoder.name(), sample);
                let step = 1 + sample.len() / 64;
                for length in (0..sample.len()).step_by(step) {
                    run(decoder.name(), &sample[..length]);
                }
                for at in (0..sample.len()).step_by(step) {
                    for bit in [0, 5, 7] {
                        let mut damaged = sample.clone();
                        damaged[at] ^= 1 << bit;
                        run(decoder.name(), &damaged);
                    }
                }
            }
        }
    }
}
