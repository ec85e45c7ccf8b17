//! The recorded events: files, and members of ZIP archives, decoded by our own decoders.
//!
//! Order is that of sorted paths, so every run sees the same events.

use std::fs;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use shieldwall_decode::format::HEAD_BYTES;
use shieldwall_decode::{Clock, Context, Split, Survey, TimePolicy, identify};
use shieldwall_schema::{Chunk, Projection, Sink};

/// The shared data's folder; `None`, with a loud word, if it lacks `folders`.
pub fn data(folders: &[&str]) -> Option<PathBuf> {
    let root = std::env::var_os("SHIELDWALL_DATA")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")), PathBuf::from);
    for folder in folders {
        if !root.join(folder).is_dir() {
            eprintln!("SKIPPED: no `{folder}` in the shared data (set SHIELDWALL_DATA)");
            return None;
        }
    }
    Some(root)
}

/// Every file below a folder whose name ends in `ending`, sorted.
pub fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The members of an archive whose names end in `.json`.
pub fn members(archive: &Path) -> Vec<Vec<u8>> {
    let mut archive = zip::ZipArchive::new(Cursor::new(fs::read(archive).unwrap())).unwrap();
    let mut found = Vec::new();
    for at in 0..archive.len() {
        let mut member = archive.by_index(at).unwrap();
        let name = member.name().unwrap().into_owned();
        // The Finder leaves its own notes beside what it packs.
        if !name.ends_with(".json") || name.starts_with("__MACOSX/") {
            continue;
        }
        let mut bytes = Vec::new();
        member.read_to_end(&mut bytes).unwrap();
        found.push(bytes);
    }
    found
}

/// Decodes a recording as the line would; false if it is of no format that we know.
pub fn decode(data: &[u8], projection: &dyn Projection, sink: &mut dyn Sink) -> bool {
    let head = data.get(..HEAD_BYTES).unwrap_or(data);
    let Some(decoder) = identify(head) else { return false };
    let policy = TimePolicy { year: Some(2020), ..TimePolicy::default() };
    let (clock, _) = Clock::settle(decoder.lacks(head), &Survey::default(), &policy);
    let mut reader = decoder.open(Context { projection, clock: &clock, head });
    let start = match decoder.split() {
        Split::Whole => {
            reader.whole(&data.to_vec(), sink);
            reader.finish(sink);
            return true;
        }
        Split::Blocks { header, .. } => header as usize,
        _ => 0,
    };
    let bytes = data.get(start..).unwrap_or_default();
    reader.chunk(&Chunk { offset: start as u64, bytes, last: true, mid_line: false }, sink);
    reader.finish(sink);
    true
}
