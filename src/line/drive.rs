//! The drive of half A: sources → pieces → workers.
//!
//! A worker takes an input, opens its sources one after another and decodes them. A source that may be cut anywhere
//! ([`Split::Lines`], [`Split::Blocks`]) is put where idle workers find it: whoever holds its reader's lock reads the next
//! piece, then decodes it outside the lock. So nothing waits in queues, and memory is one piece a worker whatever the size
//! of the input. Sources whose lines lack a year come last, when their neighbours have told theirs.
//!
//! Order never matters: tallies, evidence and the spill give the same result whatever worker did what.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufReader};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use shieldwall_collect::pieces::Hashing;
use shieldwall_collect::{Buffer, Cut, Input, Limits, Pieces, Source, Unread};
use shieldwall_decode::format::nonlog;
use shieldwall_decode::{
    Assumption, ChunkDecoder, Clock, Context, Decoder, Split, Survey, TimePolicy, identify, written_offset,
};
use shieldwall_detect::sigma::matcher::Scratch;
use shieldwall_schema::{BucketId, Place, ReadAt, Reject, Rejection, Timestamp};

use super::kinds::Noting;
use super::progress::Progress;
use super::spill::Spill;
use super::stateless::{Evidences, Stage, Stateless, Tally};

/// Bytes read at a time while looking for the turn of the year.
const SURVEY_BYTES: usize = 256 * 1024;

/// What became of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// It was read.
    Read,
    /// It has no bytes.
    Empty,
    /// It is recognised as no log.
    NonLog(String),
    /// It is not read here, and the words say what to do.
    NotRead(String),
}

/// What is known of a source when A is done.
#[derive(Debug)]
pub struct SourceRun {
    /// Order among all sources: the input's number, then the member's.
    pub order: (usize, usize),
    /// The path as given, a member after `!`.
    pub display: String,
    /// The format's name; empty if none.
    pub format: &'static str,
    /// What became of it.
    pub note: Note,
    /// Decompressed bytes read.
    pub bytes: u64,
    /// SHA-256 of the decompressed bytes, where inputs are hashed and all bytes were read.
    pub sha256: Option<[u8; 32]>,
    /// What was read.
    pub tally: Tally,
    /// The kinds of its records.
    pub kinds: BTreeSet<BucketId>,
    /// What was assumed about times.
    pub assumptions: Vec<Assumption>,
    /// Whether dates are a placeholder.
    pub year_unknown: bool,
}

/// What A gives to B.
pub struct Driven {
    /// Sources by the number that the spill knows them by.
    pub sources: Vec<SourceRun>,
    /// Inputs and members that could not be opened, by (input, member).
    pub unread: Vec<((usize, usize), Unread)>,
}

/// A source at work.
struct Active {
    id: u32,
    decoder: &'static dyn Decoder,
    clock: Clock,
    head: Vec<u8>,
    evidences: Evidences,
    kinds: Mutex<BTreeSet<BucketId>>,
    pieces: Mutex<Option<Pieces>>,
}

#[derive(Default)]
struct Queue {
    next_input: usize,
    deferred: Vec<(usize, BTreeSet<usize>)>,
    neighbours: Option<TimePolicy>,
    open: Vec<Arc<Active>>,
    busy: usize,
}

enum Job {
    Input(usize, Option<BTreeSet<usize>>),
    Help(Arc<Active>),
}

/// The spill as all workers share it, and why it could not be written, if so.
#[derive(Debug)]
pub struct SpillShare {
    spill: Mutex<Spill>,
    failure: Mutex<Option<io::Error>>,
}

impl SpillShare {
    /// Shares a spill.
    pub fn new(spill: Spill) -> Self {
        Self { spill: Mutex::new(spill), failure: Mutex::new(None) }
    }

    /// Takes a worker's records. What cannot be written ends the drive.
    pub fn append(&self, records: &mut Vec<u8>) {
        if let Err(error) = lock(&self.spill).append(records) {
            lock(&self.failure).get_or_insert(error);
            records.clear();
        }
    }

    /// The spill, when all workers are done.
    ///
    /// # Errors
    /// Why it could not be written.
    pub fn into_spill(self) -> io::Result<Spill> {
        match self.failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(error),
            None => Ok(self.spill.into_inner().unwrap_or_else(PoisonError::into_inner)),
        }
    }

    fn failed(&self) -> bool {
        lock(&self.failure).is_some()
    }
}

struct Drive<'a> {
    stage: &'a Stage<'a>,
    inputs: &'a [Input],
    limits: &'a Limits,
    times: &'a TimePolicy,
    progress: &'a Progress,
    queue: Mutex<Queue>,
    wake: Condvar,
    sources: Mutex<Vec<SourceRun>>,
    /// UTC offsets that the sources of a folder write.
    offsets: Mutex<BTreeMap<PathBuf, BTreeSet<i32>>>,
    unread: Mutex<Vec<((usize, usize), Unread)>>,
    spill: &'a SpillShare,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs A over all inputs with `threads` workers.
///
/// What cannot be read is no error but part of the result; a spill that cannot be written is told by [`SpillShare`].
pub fn drive(
    stage: &Stage<'_>,
    inputs: &[Input],
    limits: &Limits,
    times: &TimePolicy,
    threads: usize,
    spill: &SpillShare,
    progress: &Progress,
) -> Driven {
    let drive = Drive {
        stage,
        inputs,
        limits,
        times,
        progress,
        queue: Mutex::default(),
        wake: Condvar::new(),
        sources: Mutex::default(),
        offsets: Mutex::default(),
        unread: Mutex::default(),
        spill,
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.max(1) {
            scope.spawn(|| drive.work());
        }
        drive.work();
    });
    let mut unread = drive.unread.into_inner().unwrap_or_else(PoisonError::into_inner);
    unread.sort_by_key(|(order, _)| *order);
    Driven { sources: drive.sources.into_inner().unwrap_or_else(PoisonError::into_inner), unread }
}

impl Drive<'_> {
    fn work(&self) {
        let mut scratch = Scratch::default();
        let mut buffer = Buffer::new();
        while let Some(job) = self.next_job() {
            let (at, what) = match &job {
                Job::Input(at, _) => (*at, None),
                Job::Help(active) => (0, Some(active.id)),
            };
            // Decoders are guarded one by one; this is for what opens and cuts sources. A worker that fell would leave the
            // others waiting for ever.
            let survived = catch_unwind(AssertUnwindSafe(|| match job {
                Job::Input(at, members) => self.input(at, members.as_ref(), &mut scratch, &mut buffer),
                Job::Help(active) => self.pieces(&active, &mut scratch, &mut buffer),
            }));
            if survived.is_err() {
                self.fell(at, what);
            }
            lock(&self.queue).busy -= 1;
            self.wake.notify_all();
        }
    }

    /// Tells that the reading of an input or source failed by our own fault.
    fn fell(&self, at: usize, source: Option<u32>) {
        let detail = "the reader failed on this; please report it";
        match source {
            Some(id) => {
                lock(&self.queue).open.retain(|open| open.id != id);
                let place = Place::offset(0);
                let rejection = Rejection { place, reason: Reject::Internal, detail: detail.to_owned() };
                self.with_source(id, |run| run.tally.reject(rejection));
            }
            None => {
                let path = self.inputs.get(at).map(Input::display).unwrap_or_default();
                let unread = Unread { path, reason: Reject::Internal, detail: detail.to_owned(), loses_data: true };
                lock(&self.unread).push(((at, usize::MAX), unread));
            }
        }
    }

    /// The next thing to do; waits while others may still open sources that want help.
    fn next_job(&self) -> Option<Job> {
        let mut queue = lock(&self.queue);
        loop {
            if self.spill.failed() {
                return None;
            }
            if queue.next_input < self.inputs.len() {
                queue.next_input += 1;
                queue.busy += 1;
                return Some(Job::Input(queue.next_input - 1, None));
            }
            if let Some(active) = queue.open.last() {
                let active = Arc::clone(active);
                queue.busy += 1;
                return Some(Job::Help(active));
            }
            if queue.busy == 0 && queue.neighbours.is_none() {
                // Everything with full times is read: now the year of the others can be told.
                queue.neighbours = Some(TimePolicy { neighbour_latest: self.usual_latest(), ..self.times.clone() });
                queue.deferred.sort();
                queue.deferred.reverse();
                self.wake.notify_all();
            }
            if queue.neighbours.is_some() {
                if let Some((at, members)) = queue.deferred.pop() {
                    queue.busy += 1;
                    return Some(Job::Input(at, Some(members)));
                }
                if queue.busy == 0 {
                    return None;
                }
            }
            queue = self.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// When the sources with full times end, usually: the middle one of their latest times. One record with a forged or
    /// broken time moves its own source and nothing else.
    fn usual_latest(&self) -> Option<Timestamp> {
        let sources = lock(&self.sources);
        let mut latest: Vec<Timestamp> = sources.iter().filter_map(|source| source.tally.latest).collect();
        latest.sort_unstable();
        latest.get(latest.len() / 2).copied()
    }

    /// Opens the sources of one input and decodes them. `only`: the members that were put off before.
    fn input(&self, at: usize, only: Option<&BTreeSet<usize>>, scratch: &mut Scratch, buffer: &mut Buffer) {
        let Some(input) = self.inputs.get(at) else { return };
        let mut put_off = BTreeSet::new();
        for (member, opened) in input.sources(self.limits).enumerate() {
            if only.is_some_and(|only| !only.contains(&member)) {
                continue;
            }
            match opened {
                Err(unread) => lock(&self.unread).push(((at, member), unread)),
                Ok(source) => {
                    let may_put_off = only.is_none() && may_be_opened_again(input);
                    if self.source(source, (at, member), may_put_off, scratch, buffer) == Fate::PutOff {
                        put_off.insert(member);
                    }
                }
            }
            if self.spill.failed() {
                return;
            }
        }
        if !put_off.is_empty() {
            lock(&self.queue).deferred.push((at, put_off));
        }
    }

    fn source(
        &self,
        mut source: Source,
        order: (usize, usize),
        may_put_off: bool,
        scratch: &mut Scratch,
        buffer: &mut Buffer,
    ) -> Fate {
        let head = source.head().to_vec();
        let mut run = SourceRun {
            order,
            display: source.display().to_owned(),
            format: "",
            note: Note::Read,
            bytes: 0,
            sha256: None,
            tally: Tally::default(),
            kinds: BTreeSet::new(),
            assumptions: Vec::new(),
            year_unknown: false,
        };
        if head.is_empty() {
            run.note = Note::Empty;
            if let Some(trouble) = source.trouble() {
                run.note = Note::Read;
                run.tally.reject(trouble);
            }
            lock(&self.sources).push(run);
            return Fate::Done;
        }
        let known = nonlog::non_log(&head);
        let decoder = match &known {
            Some(_) => None,
            None => identify(&head),
        };
        let Some(decoder) = decoder else {
            run.note = match known {
                Some(known) => match known.advice() {
                    Some(advice) => Note::NotRead(format!("{}: {advice}", known.kind)),
                    None => Note::NonLog(known.kind.to_owned()),
                },
                None => Note::NonLog("unknown binary data".to_owned()),
            };
            if self.stage.hashed {
                // It is evidence all the same: its hash belongs into the manifest, and what ends it early is told.
                let mut pieces = Pieces::new(source, Cut::Raw, Hashing::Sha256);
                while pieces.next(buffer) {
                    self.progress.bytes(buffer.chunk().bytes.len() as u64);
                }
                let ending = pieces.finish();
                run.bytes = ending.bytes;
                run.sha256 = ending.sha256;
                ending.trouble.into_iter().for_each(|trouble| run.tally.reject(trouble));
            }
            lock(&self.sources).push(run);
            return Fate::Done;
        };
        run.format = decoder.name();
        let lacks = decoder.lacks(&head);
        let missing = (lacks.year && self.times.year.is_none()) || (lacks.zone && self.times.zone.is_none());
        if missing && may_put_off {
            return Fate::PutOff;
        }
        let folder = Path::new(source.display()).parent().unwrap_or(Path::new("")).to_path_buf();
        // What was put off neither tells nor asks before the others are done, so the order of workers changes nothing.
        if !missing && let Some(offset) = written_offset(&head) {
            lock(&self.offsets).entry(folder.clone()).or_default().insert(offset);
        }
        let neighbours = lock(&self.queue).neighbours.clone();
        let all_told = neighbours.is_some();
        let mut policy = neighbours.unwrap_or_else(|| self.times.clone());
        if missing && all_told {
            // Only where all neighbours that write an offset write the same one.
            let offsets = lock(&self.offsets);
            let known = offsets.get(&folder).filter(|offsets| offsets.len() == 1);
            policy.neighbour_offset = known.and_then(|offsets| offsets.first().copied());
        }
        // A source without years is read twice: once for where the year turns.
        let mut survey = Survey::default();
        if lacks.year {
            let surveyed = source.keep().and_then(|()| {
                let found = decoder.survey(&mut BufReader::with_capacity(SURVEY_BYTES, &mut source));
                source.rewind().and(found)
            });
            match surveyed {
                Ok(found) => survey = found,
                Err(error) => {
                    run.tally.reject(unreadable(0, &error));
                    lock(&self.sources).push(run);
                    return Fate::Done;
                }
            }
        }
        let (clock, assumptions) = Clock::settle(lacks, &survey, &policy);
        run.assumptions = assumptions;
        run.year_unknown = !clock.year_known();

        let id = {
            let mut sources = lock(&self.sources);
            sources.push(run);
            sources.len() as u32 - 1
        };
        if decoder.split() == Split::Whole {
            match source.random() {
                Ok(stored) => self.whole(id, decoder, &clock, &head, stored.as_ref(), scratch),
                Err(error) => self.with_source(id, |run| run.tally.reject(unreadable(0, &error))),
            }
            if let Some(trouble) = source.trouble() {
                self.with_source(id, |run| run.tally.reject(trouble));
            }
            return Fate::Done;
        }
        let hashing = if self.stage.hashed { Hashing::Sha256 } else { Hashing::Off };
        let pieces = Pieces::new(source, cut_of(decoder.split()), hashing);
        let active = Active {
            id,
            decoder,
            clock,
            head,
            evidences: Evidences::default(),
            kinds: Mutex::default(),
            pieces: Mutex::new(Some(pieces)),
        };
        match decoder.split() {
            Split::Lines | Split::Blocks { .. } => {
                let active = Arc::new(active);
                lock(&self.queue).open.push(Arc::clone(&active));
                self.wake.notify_all();
                self.pieces(&active, scratch, buffer);
            }
            _ => self.pieces(&active, scratch, buffer),
        }
        Fate::Done
    }

    /// Decodes pieces of one source until there are no more. For ordered splits only one worker comes here.
    fn pieces(&self, active: &Active, scratch: &mut Scratch, buffer: &mut Buffer) {
        let noting = self.noting(&active.kinds);
        let context = Context { projection: &noting, clock: &active.clock, head: &active.head };
        let mut decoder = active.decoder.open(context);
        let mut end = 0;
        while self.next_piece(active, buffer) {
            let chunk = buffer.chunk();
            end = chunk.offset + chunk.bytes.len() as u64;
            self.run_decoder(active.id, &active.evidences, scratch, chunk.offset, &mut |sink| {
                decoder.chunk(&chunk, sink);
            });
            self.progress.bytes(chunk.bytes.len() as u64);
            if self.spill.failed() {
                return;
            }
        }
        self.run_decoder(active.id, &active.evidences, scratch, end, &mut |sink| decoder.finish(sink));
        self.with_source(active.id, |run| run.kinds.extend(lock(&active.kinds).iter()));
    }

    fn noting<'n>(&'n self, kinds: &'n Mutex<BTreeSet<BucketId>>) -> Noting<'n> {
        Noting { projection: self.stage.projection, mappings: self.stage.mappings, kinds }
    }

    /// Reads the next piece under the reader's lock; at the end closes the reader and notes length, hash and trouble.
    fn next_piece(&self, active: &Active, buffer: &mut Buffer) -> bool {
        let mut guard = lock(&active.pieces);
        if guard.as_mut().is_some_and(|pieces| pieces.next(buffer)) {
            return true;
        }
        let ending = guard.take().map(Pieces::finish);
        drop(guard);
        lock(&self.queue).open.retain(|open| open.id != active.id);
        if let Some(ending) = ending {
            self.with_source(active.id, |run| {
                run.bytes = ending.bytes;
                run.sha256 = ending.sha256;
                ending.trouble.into_iter().for_each(|trouble| run.tally.reject(trouble));
            });
        }
        false
    }

    fn whole(
        &self,
        id: u32,
        decoder: &'static dyn Decoder,
        clock: &Clock,
        head: &[u8],
        stored: &dyn ReadAt,
        scratch: &mut Scratch,
    ) {
        let kinds = Mutex::default();
        let noting = self.noting(&kinds);
        let context = Context { projection: &noting, clock, head };
        let evidences = Evidences::default();
        let mut opened: Box<dyn ChunkDecoder + '_> = decoder.open(context);
        self.run_decoder(id, &evidences, scratch, 0, &mut |sink| {
            opened.whole(stored, sink);
            opened.finish(sink);
        });
        let sha256 = match self.stage.hashed.then(|| shieldwall_collect::pieces::sha256(stored)) {
            Some(Ok(hash)) => Some(hash),
            Some(Err(rejection)) => {
                self.with_source(id, |run| run.tally.reject(rejection));
                None
            }
            None => None,
        };
        self.progress.bytes(stored.size());
        self.with_source(id, |run| {
            run.bytes = stored.size();
            run.sha256 = sha256;
            run.kinds.extend(lock(&kinds).iter());
        });
    }

    /// Runs a decoder step with a sink of its own and puts away what it gave, also after a panic.
    fn run_decoder(
        &self,
        id: u32,
        evidences: &Evidences,
        scratch: &mut Scratch,
        offset: u64,
        step: &mut dyn FnMut(&mut Stateless<'_>),
    ) {
        let year_known = lock(&self.sources).get(id as usize).is_none_or(|run| !run.year_unknown);
        let mut sink = Stateless::new(self.stage, id, year_known, evidences, scratch);
        // A decoder that fails is a defect, but it must not take the rest of the evidence with it.
        let survived = catch_unwind(AssertUnwindSafe(|| step(&mut sink)));
        if survived.is_err() {
            sink.tally.reject(Rejection {
                place: Place::offset(offset),
                reason: Reject::Internal,
                detail: "the decoder failed on this stretch; please report it".to_owned(),
            });
        }
        sink.end_of_chunk(offset);
        self.progress.records(sink.tally.records);
        let Stateless { tally, mut records, .. } = sink;
        self.with_source(id, |run| run.tally.add(tally));
        self.spill.append(&mut records);
    }

    fn with_source(&self, id: u32, change: impl FnOnce(&mut SourceRun)) {
        if let Some(run) = lock(&self.sources).get_mut(id as usize) {
            change(run);
        }
    }
}

#[derive(PartialEq, Eq)]
enum Fate {
    Done,
    PutOff,
}

fn unreadable(offset: u64, error: &io::Error) -> Rejection {
    Rejection { place: Place::offset(offset), reason: Reject::Unreadable, detail: error.to_string() }
}

/// Whether an input gives the same bytes when it is opened a second time.
fn may_be_opened_again(input: &Input) -> bool {
    std::fs::metadata(input.path()).is_ok_and(|about| about.is_file())
}

/// How collect cuts for a decoder.
pub(super) fn cut_of(split: Split) -> Cut {
    match split {
        Split::Lines | Split::OrderedLines => Cut::Lines,
        Split::Blocks { header, size } => Cut::Blocks { header, size },
        Split::OrderedBytes | Split::Whole => Cut::Raw,
    }
}
