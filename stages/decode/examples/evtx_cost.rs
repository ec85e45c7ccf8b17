//! What decoding EVTX costs: `evtx_cost [--none|--all] FILE…` prints records, wanted records and CPU-bound time.
//!
//! Without a flag it asks for what rules ask of the common kinds of records; `--none` wants nothing (the cost of reading
//! tags), `--all` wants every value as keywords (the cost of rendering everything).
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::fs::File;
use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, Instant};

use shieldwall_decode::format::evtx::Evtx;
use shieldwall_decode::{Clock, Context, Decoder};
use shieldwall_schema::{Chunk, Event, Flag, Place, Projection, Rejection, Sink, SlotSpec, Tag, Timestamp, Want};

/// Bytes handed over at a time: 16 EVTX chunks.
const READ_BYTES: usize = 1 << 20;

enum Mode {
    Typical,
    Nothing,
    Everything,
}

/// The fields that SigmaHQ's rules for these kinds of records name.
const TYPICAL: &[(&str, &[&str], &[&str])] = &[
    (
        "Microsoft-Windows-Sysmon/Operational",
        &[],
        &[
            "Image",
            "CommandLine",
            "ParentImage",
            "ParentCommandLine",
            "OriginalFileName",
            "User",
            "IntegrityLevel",
            "CurrentDirectory",
            "Hashes",
            "Company",
            "Description",
            "Product",
            "TargetObject",
            "Details",
            "EventType",
            "TargetFilename",
            "ImageLoaded",
            "Signed",
            "Signature",
            "SignatureStatus",
            "DestinationHostname",
            "DestinationPort",
            "DestinationIp",
            "Initiated",
            "QueryName",
            "QueryResults",
            "PipeName",
            "SourceImage",
            "TargetImage",
            "GrantedAccess",
            "CallTrace",
            "StartModule",
            "StartFunction",
            "ParentUser",
            "LogonId",
            "Contents",
            "Configuration",
            "Computer",
        ],
    ),
    (
        "Security",
        &["4688"],
        &["NewProcessName", "CommandLine", "ParentProcessName", "SubjectUserName", "MandatoryLabel", "Computer"],
    ),
    (
        "Security",
        &[],
        &[
            "EventID",
            "SubjectUserName",
            "SubjectDomainName",
            "SubjectUserSid",
            "TargetUserName",
            "TargetDomainName",
            "LogonType",
            "IpAddress",
            "WorkstationName",
            "ProcessName",
            "ObjectName",
            "ObjectType",
            "AccessMask",
            "ShareName",
            "RelativeTargetName",
            "ServiceName",
            "TicketEncryptionType",
            "Status",
            "AuthenticationPackageName",
            "Computer",
            "Properties",
            "AttributeLDAPDisplayName",
            "AttributeValue",
            "ObjectClass",
            "TaskName",
            "TaskContent",
        ],
    ),
    ("Microsoft-Windows-PowerShell/Operational", &["4104"], &["ScriptBlockText", "Path", "Computer"]),
    ("Microsoft-Windows-PowerShell/Operational", &["4103"], &["Payload", "ContextInfo", "Computer"]),
    (
        "System",
        &[],
        &["EventID", "Provider_Name", "ServiceName", "ImagePath", "StartType", "param1", "param2", "Data", "Computer"],
    ),
    ("Application", &[], &["EventID", "Provider_Name", "Data", "Computer"]),
];

struct Wants {
    mode: Mode,
    typical: Vec<Arc<Want>>,
    everything: Arc<Want>,
}

impl Projection for Wants {
    fn want(&self, tag: &Tag<'_>) -> Option<Arc<Want>> {
        match self.mode {
            Mode::Nothing => None,
            Mode::Everything => Some(self.everything.clone()),
            Mode::Typical => {
                let fits = |(channel, codes, _): &(&str, &[&str], &[&str])| {
                    *channel == tag.service && (codes.is_empty() || codes.contains(&tag.code))
                };
                TYPICAL.iter().position(fits).and_then(|at| self.typical.get(at).cloned())
            }
        }
    }
}

#[derive(Default)]
struct Count {
    wanted: u64,
    unwanted: u64,
    values: u64,
    bytes: u64,
    rejected: u64,
    flagged: u64,
}

impl Sink for Count {
    fn event(&mut self, event: &Event<'_>) {
        self.wanted += 1;
        for value in event.slots.iter() {
            self.values += 1;
            self.bytes += value.folded.len() as u64;
        }
    }

    fn unwanted(&mut self, count: u64, _: Option<Timestamp>) {
        self.unwanted += count;
    }

    fn reject(&mut self, rejection: Rejection) {
        if self.rejected < 5 {
            eprintln!("{rejection:?}");
        }
        self.rejected += 1;
    }

    fn flag(&mut self, _: Flag, _: Place) {
        self.flagged += 1;
    }
}

fn main() -> std::io::Result<()> {
    let mut mode = Mode::Typical;
    let mut files = Vec::new();
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--none" => mode = Mode::Nothing,
            "--all" => mode = Mode::Everything,
            _ => files.push(argument),
        }
    }
    let slots = |names: &[&str]| names.iter().map(|name| SlotSpec { names: vec![(*name).into()] }).collect();
    let typical = TYPICAL.iter().map(|(_, _, names)| Arc::new(Want::new(slots(names), None, 0))).collect();
    let projection = Wants { mode, typical, everything: Arc::new(Want::new(Vec::new(), Some(0), 0)) };
    let clock = Clock::default();
    let mut total = Count::default();
    let (mut reading, mut decoding) = (Duration::ZERO, Duration::ZERO);
    let mut buffer = vec![0; READ_BYTES];
    for path in files {
        let mut file = File::open(&path)?;
        file.read_exact(&mut [0; 4096])?;
        let mut decoder = Evtx.open(Context { projection: &projection, clock: &clock, head: &[] });
        let (mut offset, before) = (4096, (total.wanted + total.unwanted, decoding));
        loop {
            let start = Instant::now();
            let mut filled = 0;
            while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
                match file.read(rest)? {
                    0 => break,
                    count => filled += count,
                }
            }
            reading += start.elapsed();
            if filled == 0 {
                break;
            }
            let start = Instant::now();
            let bytes = buffer.get(..filled).unwrap_or_default();
            decoder.chunk(&Chunk { offset, bytes, last: filled < READ_BYTES, mid_line: false }, &mut total);
            decoding += start.elapsed();
            offset += filled as u64;
        }
        decoder.finish(&mut total);
        let records = total.wanted + total.unwanted - before.0;
        let micros = (decoding - before.1).as_secs_f64() * 1e6 / records.max(1) as f64;
        println!("{micros:6.3} us/record {records:8} records  {path}");
    }
    let records = total.wanted + total.unwanted;
    let per = |time: Duration| time.as_secs_f64() * 1e6 / records.max(1) as f64;
    println!(
        "{records} records ({} wanted, {} values, {} bytes of text), {} rejected, {} flagged",
        total.wanted, total.values, total.bytes, total.rejected, total.flagged
    );
    println!(
        "decode {:.3} s = {:.3} us/record; read {:.3} us/record",
        decoding.as_secs_f64(),
        per(decoding),
        per(reading)
    );
    Ok(())
}
