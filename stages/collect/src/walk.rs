//! Paths → inputs: files, folders, patterns and standard input, in an order that depends on names alone.
//!
//! - A folder is read with everything below it, entries sorted by the bytes of their names.
//! - A path that does not exist and contains `*`, `?` or `[` is a pattern; what it matches counts as given.
//! - `-` is standard input.
//! - What is **given** is followed through symbolic links, and streamed if it is a pipe or a device. What is **found** in
//!   a folder is neither: a link inside a mounted image leads into the machine of whoever reads it, a link that stays
//!   inside would read its target twice, and opening a pipe may wait for ever. Both are told, and lose no evidence.
//! - A path given or matched twice is read once.
//!
//! A missing or unreadable path is an [`Unread`]; the others go on. Nothing is opened here but folders. The cost is one
//! `stat` an entry and the memory of the list.

use std::collections::HashSet;
use std::fs::{self, File, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use shieldwall_schema::Reject;

use crate::limits::Limits;
use crate::platform;
use crate::region::Region;
use crate::sources::Sources;
use crate::trouble::{Fault, Unread};

/// Something to read, not yet opened.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Input {
    path: PathBuf,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    /// A regular file.
    File,
    /// A pipe or device that was given.
    Stream,
    /// `-`.
    Stdin,
}

impl Input {
    /// The path as given, or as found below what was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path as text, for output.
    pub fn display(&self) -> String {
        self.path.to_string_lossy().into_owned()
    }

    /// Opens the input read-only and gives its sources, one after another, members of archives included.
    pub fn sources(&self, limits: &Limits) -> Sources {
        let display = self.display();
        let opened = match self.kind {
            Kind::Stdin => return Sources::of_stream(display, Box::new(io::stdin()), limits),
            Kind::File | Kind::Stream => platform::open(&self.path).and_then(|file| Ok((file.metadata()?, file))),
        };
        match opened {
            Ok((metadata, file)) => self.sources_of(display, &metadata, file, limits),
            Err(error) => Sources::of(Err(unreadable(&self.path, &error)), limits),
        }
    }

    fn sources_of(&self, display: String, metadata: &Metadata, file: File, limits: &Limits) -> Sources {
        if metadata.is_file() && metadata.len() > 0 {
            return Sources::of_region(display, Region::file(file, metadata.len()), limits);
        }
        // A file of no stated size may have bytes all the same (`/proc`). What was a file a moment ago and is something
        // else now was swapped, and is not waited for.
        if metadata.is_file() || self.kind == Kind::Stream {
            return Sources::of_stream(display, Box::new(file), limits);
        }
        Sources::of(Err(Unread::new(display, Reject::Unreadable, "no regular file any more")), limits)
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Unread {
    Unread::new(path.to_string_lossy(), Reject::Unreadable, error.to_string())
}

/// Lists what `paths` name: the inputs in order, and what was not read.
pub fn walk(paths: &[PathBuf], limits: &Limits) -> (Vec<Input>, Vec<Unread>) {
    let mut walk = Walk { limits, seen: HashSet::new(), inputs: Vec::new(), unread: Vec::new(), full: false };
    for path in paths {
        walk.given(path, true);
    }
    (walk.inputs, walk.unread)
}

struct Walk<'a> {
    limits: &'a Limits,
    seen: HashSet<PathBuf>,
    inputs: Vec<Input>,
    unread: Vec<Unread>,
    full: bool,
}

impl Walk<'_> {
    fn given(&mut self, path: &Path, may_match: bool) {
        if path.as_os_str() == "-" {
            return self.add(path.to_owned(), Kind::Stdin);
        }
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => self.folder(path),
            Ok(metadata) if metadata.is_file() => self.add(path.to_owned(), Kind::File),
            // Reading a socket by its path is not possible.
            Ok(metadata) if platform::special_name(&metadata) == "a socket" => {
                self.unread.push(Unread::note(path.to_string_lossy(), "a socket"));
            }
            Ok(_) => self.add(path.to_owned(), Kind::Stream),
            Err(_) if may_match && is_pattern(path) => self.pattern(path),
            Err(error) => self.unread.push(unreadable(path, &error)),
        }
    }

    fn pattern(&mut self, path: &Path) {
        let nothing = |detail: String| Unread::new(path.to_string_lossy(), Reject::Unreadable, detail);
        let Some(Ok(found)) = path.to_str().map(glob::glob) else {
            return self.unread.push(nothing("no such file, and no valid pattern".to_owned()));
        };
        let (mut matches, mut errors) = (Vec::new(), Vec::new());
        for entry in found.take(self.limits.inputs_max) {
            match entry {
                Ok(path) => matches.push(path),
                Err(error) => errors.push(unreadable(error.path(), error.error())),
            }
        }
        if matches.is_empty() && errors.is_empty() {
            return self.unread.push(nothing("nothing matches this pattern".to_owned()));
        }
        matches.sort_by(|a, b| platform::sort_key(a.as_os_str()).cmp(platform::sort_key(b.as_os_str())));
        self.unread.append(&mut errors);
        for path in &matches {
            self.given(path, false);
        }
    }

    /// Everything below a folder, without recursion: a stack of sorted listings.
    fn folder(&mut self, root: &Path) {
        let mut stack = vec![self.listing(root)];
        while let Some(listing) = stack.last_mut() {
            let Some(path) = listing.next() else {
                stack.pop();
                continue;
            };
            match fs::symlink_metadata(&path) {
                Ok(metadata) if metadata.is_dir() && stack.len() >= self.limits.folder_depth_max => {
                    let fault =
                        Fault::limit("folder_depth_max", format_args!("a folder inside {} others", stack.len()));
                    self.unread.push(Unread::fault(path.to_string_lossy(), fault));
                }
                Ok(metadata) if metadata.is_dir() => {
                    let listing = self.listing(&path);
                    stack.push(listing);
                }
                Ok(metadata) if metadata.is_file() => self.add(path, Kind::File),
                Ok(metadata) if metadata.is_symlink() => {
                    let detail = "a symbolic link found in a folder; give it by name to follow it";
                    self.unread.push(Unread::note(path.to_string_lossy(), detail));
                }
                Ok(metadata) => {
                    let detail = platform::special_name(&metadata);
                    self.unread.push(Unread::note(path.to_string_lossy(), detail));
                }
                Err(error) => self.unread.push(unreadable(&path, &error)),
            }
        }
    }

    /// A folder's entries, sorted.
    fn listing(&mut self, folder: &Path) -> std::vec::IntoIter<PathBuf> {
        let mut names = Vec::new();
        match fs::read_dir(folder) {
            Err(error) => self.unread.push(unreadable(folder, &error)),
            Ok(entries) => {
                for entry in entries.take(self.limits.inputs_max) {
                    match entry {
                        Ok(entry) => names.push(entry.file_name()),
                        Err(error) => self.unread.push(unreadable(folder, &error)),
                    }
                }
            }
        }
        names.sort_by(|a, b| platform::sort_key(a).cmp(platform::sort_key(b)));
        names.iter().map(|name| folder.join(name)).collect::<Vec<_>>().into_iter()
    }

    fn add(&mut self, path: PathBuf, kind: Kind) {
        if self.inputs.len() < self.limits.inputs_max {
            if self.seen.insert(path.clone()) {
                self.inputs.push(Input { path, kind });
            }
        } else if !std::mem::replace(&mut self.full, true) {
            let what = format!("this and what follows: more than {} inputs", self.inputs.len());
            self.unread.push(Unread::fault(path.to_string_lossy(), Fault::limit("inputs_max", what)));
        }
    }
}

fn is_pattern(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().iter().any(|byte| matches!(byte, b'*' | b'?' | b'['))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b.log", "a/z.log", "a/y/x.log", "B.log", "a-1.log", "c/1.txt", "c/10.txt", "c/2.txt"] {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x\n").unwrap();
        }
        dir
    }

    fn names(dir: &Path, paths: &[&str], limits: &Limits) -> (Vec<String>, Vec<Unread>) {
        let paths: Vec<_> = paths.iter().map(|path| dir.join(path)).collect();
        let (inputs, unread) = walk(&paths, limits);
        let base = format!("{}/", dir.display());
        (inputs.iter().map(|input| input.display().replace('\\', "/").replace(&base, "")).collect(), unread)
    }

    #[test]
    fn folders_are_walked_in_the_order_of_bytes() {
        let dir = tree();
        let (found, unread) = names(dir.path(), &[""], &Limits::default());
        let expected = ["B.log", "a/y/x.log", "a/z.log", "a-1.log", "b.log", "c/1.txt", "c/10.txt", "c/2.txt"];
        // `a` sorts before `a-1.log` as a name, whatever follows it.
        assert_eq!((found, unread), (expected.map(str::to_owned).to_vec(), Vec::new()));
    }

    #[test]
    fn patterns_match_only_what_does_not_exist_as_such() {
        let dir = tree();
        let (found, unread) = names(dir.path(), &["c/1*.txt", "c/[12].txt", "a/*"], &Limits::default());
        assert_eq!(found, ["c/1.txt", "c/10.txt", "c/2.txt", "a/y/x.log", "a/z.log"]);
        assert_eq!(unread, []);
        fs::write(dir.path().join("c/[12].txt"), "literal\n").unwrap();
        assert_eq!(names(dir.path(), &["c/[12].txt"], &Limits::default()).0, ["c/[12].txt"]);
        let (found, unread) = names(dir.path(), &["*.none", "missing.log", "b.log"], &Limits::default());
        assert_eq!(found, ["b.log"]);
        assert_eq!(unread.len(), 2);
        assert!(unread.iter().all(|unread| unread.reason == Reject::Unreadable && unread.loses_data));
    }

    #[test]
    fn the_same_path_is_read_once_and_dash_is_standard_input() {
        let dir = tree();
        assert_eq!(names(dir.path(), &["b.log", "b.log", "*.log"], &Limits::default()).0.len(), 3);
        let (inputs, unread) = walk(&["-".into(), "-".into()], &Limits::default());
        assert_eq!((inputs.len(), inputs[0].display(), unread.len()), (1, "-".to_owned(), 0));
    }

    #[test]
    fn limits_on_inputs_and_depth_are_told() {
        let dir = tree();
        let limits = Limits { inputs_max: 2, ..Limits::default() };
        let (found, unread) = names(dir.path(), &["a", "b.log", "c"], &limits);
        assert_eq!(found.len(), 2);
        assert_eq!(unread.len(), 1);
        assert!(unread[0].reason == Reject::Limit && unread[0].detail.contains("inputs_max"));
        let limits = Limits { folder_depth_max: 1, ..Limits::default() };
        let (found, unread) = names(dir.path(), &["a"], &limits);
        assert_eq!(found, ["a/z.log"]);
        assert!(unread[0].reason == Reject::Limit && unread[0].detail.contains("folder_depth_max"));
    }

    #[test]
    fn what_vanishes_between_walking_and_opening_is_told() {
        let dir = tree();
        let (inputs, _) = walk(&[dir.path().join("b.log")], &Limits::default());
        fs::remove_file(dir.path().join("b.log")).unwrap();
        let told: Vec<_> = inputs[0].sources(&Limits::default()).collect();
        assert!(matches!(&told[..], [Err(unread)] if unread.reason == Reject::Unreadable && unread.loses_data));
        fs::create_dir(dir.path().join("b.log")).unwrap();
        let told: Vec<_> = inputs[0].sources(&Limits::default()).collect();
        assert!(matches!(&told[..], [Err(unread)] if unread.reason == Reject::Unreadable));
    }

    #[cfg(unix)]
    #[test]
    fn links_found_are_told_links_given_are_followed() {
        use std::os::unix::fs::symlink;
        let dir = tree();
        symlink("b.log", dir.path().join("link.log")).unwrap();
        symlink("..", dir.path().join("a/loop")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("socket")).unwrap();
        let (found, unread) = names(dir.path(), &[""], &Limits::default());
        assert_eq!(found.len(), 8);
        assert_eq!(unread.len(), 3);
        assert!(unread.iter().all(|unread| !unread.loses_data), "{unread:?}");
        assert_eq!(names(dir.path(), &["link.log"], &Limits::default()).0, ["link.log"]);
        assert_eq!(names(dir.path(), &["link*"], &Limits::default()).0, ["link.log"]);
        assert_eq!(names(dir.path(), &["a/loop/a"], &Limits::default()).0.len(), 2);
    }
}
