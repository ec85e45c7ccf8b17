//! One record of a file, for `explain`: decoded as a scan decodes it, with nothing wanted in advance.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use shieldwall_collect::pieces::Hashing;
use shieldwall_collect::{Buffer, Limits, Pieces};
use shieldwall_decode::format::nonlog;
use shieldwall_decode::{Clock, Context, Split, Survey, TimePolicy, identify};
use shieldwall_schema::{Event, Flag, Place, Projection, Rejection, Sink, Tag, Timestamp, Want, Zone};

use super::unread_words;

/// Which record is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The first one.
    First,
    /// By the format's own number.
    Record(u64),
    /// By byte offset.
    Offset(u64),
}

/// Everything is wanted, nothing is put into slots: the visitor asks the record itself.
struct Everything(Arc<Want>);

impl Projection for Everything {
    fn want(&self, _: &Tag<'_>) -> Option<Arc<Want>> {
        Some(Arc::clone(&self.0))
    }
}

struct Visitor<'a> {
    wanted: Wanted,
    visit: &'a mut dyn FnMut(&Event<'_>) -> Result<()>,
    done: Option<Result<()>>,
    records: u64,
    rejections: Vec<String>,
}

impl Sink for Visitor<'_> {
    fn event(&mut self, event: &Event<'_>) {
        self.records += 1;
        let meant = match self.wanted {
            Wanted::First => true,
            // Formats without numbers of their own: the records are counted from 1.
            Wanted::Record(number) => event.place.record.unwrap_or(self.records) == number,
            Wanted::Offset(offset) => event.place.offset == offset,
        };
        if meant && self.done.is_none() {
            self.done = Some((self.visit)(event));
        }
    }

    fn unwanted(&mut self, count: u64, _: Option<Timestamp>) {
        self.records += count;
    }

    fn reject(&mut self, rejection: Rejection) {
        const LISTED_MAX: usize = 20;
        if self.rejections.len() < LISTED_MAX {
            let Place { offset, .. } = rejection.place;
            self.rejections.push(format!(
                "decoding stopped at offset {offset}: {} ({})",
                rejection.detail,
                rejection.reason.name()
            ));
        }
    }

    fn flag(&mut self, _: Flag, _: Place) {}
}

/// Decodes `path` (a member after `!`) and calls `visit` with the wanted record. Gives what was read and where decoding
/// stopped, in words.
///
/// # Errors
/// When the file cannot be opened, or `visit` fails.
pub fn visit_record(
    path: &str,
    wanted: Wanted,
    zone: Option<Zone>,
    visit: &mut dyn FnMut(&Event<'_>) -> Result<()>,
) -> Result<Vec<String>> {
    let limits = Limits::default();
    // The path as given may itself hold a `!`; only the part before the first one that exists is the file.
    let file = path
        .match_indices('!')
        .map(|(at, _)| path.get(..at).unwrap_or(path))
        .find(|file| std::path::Path::new(file).is_file())
        .filter(|_| !std::path::Path::new(path).exists())
        .unwrap_or(path);
    let (inputs, unread) = shieldwall_collect::walk(&[PathBuf::from(file)], &limits);
    let mut said: Vec<String> = unread.iter().map(unread_words).collect();
    let policy = TimePolicy { zone, ..TimePolicy::default() };
    let mut visitor = Visitor { wanted, visit, done: None, records: 0, rejections: Vec::new() };
    'inputs: for input in &inputs {
        for opened in input.sources(&limits) {
            let mut source = match opened {
                Ok(source) => source,
                Err(unread) => {
                    said.push(unread_words(&unread));
                    continue;
                }
            };
            if file != path && source.display() != path {
                continue;
            }
            let head = source.head().to_vec();
            let decoder = match nonlog::non_log(&head) {
                Some(_) => None,
                None => identify(&head),
            };
            let Some(decoder) = decoder else {
                said.push(format!("`{}` is not a log that is read here", source.display()));
                continue;
            };
            let (clock, _) = Clock::settle(decoder.lacks(&head), &Survey::default(), &policy);
            let everything = Everything(Arc::new(Want::default()));
            let mut opened = decoder.open(Context { projection: &everything, clock: &clock, head: &head });
            said.push(format!("`{}` was read as {}", source.display(), decoder.name()));
            if decoder.split() == Split::Whole {
                opened.whole(source.random()?.as_ref(), &mut visitor);
            } else {
                let mut pieces = Pieces::new(source, super::drive::cut_of(decoder.split()), Hashing::Off);
                let mut buffer = Buffer::new();
                while visitor.done.is_none() && pieces.next(&mut buffer) {
                    opened.chunk(&buffer.chunk(), &mut visitor);
                }
            }
            opened.finish(&mut visitor);
            if visitor.done.is_some() {
                break 'inputs;
            }
        }
    }
    let Visitor { done, records, rejections, .. } = visitor;
    done.unwrap_or(Ok(()))?;
    said.push(format!("{records} records were read"));
    said.extend(rejections);
    Ok(said)
}
