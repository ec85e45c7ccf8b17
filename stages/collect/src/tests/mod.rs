//! Tests at this stage's boundary: whole inputs in, sources and their bytes out. Archives are made here, by other
//! crates than those that read them where there are two.

mod codecs;
mod hostile;
mod limits;
mod make;
mod nested;
mod pieces;
mod replay;
mod sevenzips;
mod tars;
mod zips;

use std::io::Read;

use shieldwall_schema::Reject;

use crate::{Limits, Source, Sources, Unread};

/// Everything that an input gives: `(display, bytes, trouble)` of the sources, and what was not read.
#[derive(Default, PartialEq, Eq)]
struct Told {
    sources: Vec<(String, Vec<u8>, Option<Reject>)>,
    unread: Vec<(String, Reject)>,
    details: String,
}

impl std::fmt::Debug for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sources: Vec<_> = self.sources.iter().map(|(name, bytes, why)| (name, bytes.len(), why)).collect();
        write!(f, "{sources:?} {:?} {}", self.unread, self.details)
    }
}

impl Told {
    fn source(&mut self, source: &mut Source) {
        let mut bytes = Vec::new();
        source.read_to_end(&mut bytes).unwrap();
        let trouble = source.trouble();
        if let Some(trouble) = &trouble {
            assert_eq!(trouble.place.offset, bytes.len() as u64);
            self.details += &format!("{}; ", trouble.detail);
        }
        self.sources.push((source.display().to_owned(), bytes, trouble.map(|trouble| trouble.reason)));
    }

    fn unread(&mut self, unread: Unread) {
        self.details += &format!("{}; ", unread.detail);
        self.unread.push((unread.path, unread.reason));
    }

    fn names(&self) -> Vec<&str> {
        self.sources.iter().map(|(display, ..)| display.as_str()).collect()
    }
}

/// Reads one source after another.
fn read(sources: Sources) -> Told {
    let mut told = Told::default();
    for source in sources {
        match source {
            Ok(mut source) => told.source(&mut source),
            Err(unread) => told.unread(unread),
        }
    }
    told
}

/// Opens all sources, then reads them from the last to the first: each is overtaken by its neighbours.
fn read_backwards(sources: Sources) -> Told {
    let mut told = Told::default();
    let mut opened = Vec::new();
    for source in sources {
        match source {
            Ok(source) => opened.push(source),
            Err(unread) => told.unread(unread),
        }
    }
    for source in opened.iter_mut().rev() {
        told.source(source);
    }
    told.sources.reverse();
    told
}

fn read_bytes(bytes: &[u8], limits: &Limits) -> Told {
    read(Sources::of_bytes("in", bytes.to_vec(), limits))
}

/// The same bytes as standard input would give them.
fn read_stream(bytes: &[u8], limits: &Limits) -> Told {
    let reader = std::io::Cursor::new(bytes.to_vec());
    read(Sources::of_stream("in".to_owned(), Box::new(reader), limits))
}
