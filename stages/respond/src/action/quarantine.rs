//! Puts a file where nobody can run it: moved within its file system into a folder of root's, without any permission.
//!
//! Every folder on the way is opened by itself and never through a symbolic link, so that nobody can turn the way while we walk
//! it. The file is opened first, compared by its hash, and moved by name; then what arrived is compared with what is open, and
//! moved back if another file was put under the name in between. Moving keeps owner, times and attributes; the mode, and what
//! the change of mode does to access lists, is written back by undo.
//!
//! A process that has the file open goes on using it: stop it too.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{
    AtFlags, FileType, Gid, Mode, OFlags, RenameFlags, Stat, Timespec, Timestamps, Uid, chmodat, fchmod, fchown, fstat,
    fsync, futimens, mkdirat, openat, renameat_with, statat, unlinkat,
};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::action::content::hash_of;
use crate::action::{Action, attribute};
use crate::approve::Approved;
use crate::plan::{Plan, Step};

/// The folder in the file's nearest ancestor that is ours, where none is configured on its file system.
const FOLDER: &str = ".shieldwall-quarantine";

/// Bytes of a file that are hashed.
const FILE_BYTES_MAX: u64 = 64 << 30;

/// The actuator.
pub struct Quarantine {
    folder: Option<PathBuf>,
}

/// A file as it was.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Before {
    /// The folder that it goes to.
    folder: PathBuf,
    /// Whether that folder was there.
    folder_was: bool,
    dev: u64,
    ino: u64,
    uid: u32,
    gid: u32,
    mode: u32,
    /// Seconds and nanoseconds of the last access and change.
    accessed: (i64, i64),
    modified: (i64, i64),
    /// Names and values of attributes in hexadecimal.
    attributes: Vec<(String, String)>,
}

/// A file's folder and its name in it.
struct Place {
    parent: OwnedFd,
    name: OsString,
}

fn wrong(text: impl Into<String>) -> io::Error {
    io::Error::other(text.into())
}

const FOLDER_FLAGS: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Opens a folder from the root, each part by itself.
fn walk(path: &Path) -> io::Result<OwnedFd> {
    let mut at = rustix::fs::open("/", FOLDER_FLAGS, Mode::empty())?;
    for part in path.components() {
        at = match part {
            Component::RootDir | Component::CurDir => continue,
            Component::Normal(name) => openat(&at, name, FOLDER_FLAGS, Mode::empty()).map_err(|error| {
                let shown = path.display();
                match error {
                    Errno::LOOP | Errno::NOTDIR => {
                        wrong(format!("`{shown}`: `{}` is a link or no folder; name the real path", name.display()))
                    }
                    other => io::Error::new(other.kind(), format!("`{shown}`: {other}")),
                }
            })?,
            Component::ParentDir | Component::Prefix(_) => return Err(wrong("not a plain path")),
        };
    }
    Ok(at)
}

fn place(path: &Path) -> io::Result<Place> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Err(wrong("no file's path")) };
    if !path.is_absolute() {
        return Err(wrong("not an absolute path"));
    }
    Ok(Place { parent: walk(parent)?, name: name.to_owned() })
}

/// Opens a file and nothing else: no link, and without waiting for a pipe's other end.
fn file(parent: impl AsFd, name: &OsStr) -> io::Result<Option<(File, Stat)>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    // Our reading is nobody's access; only the owner and root may say so.
    let opened = match openat(&parent, name, flags | OFlags::NOATIME, Mode::empty()) {
        Err(Errno::PERM) => openat(&parent, name, flags, Mode::empty()),
        other => other,
    };
    match opened {
        Ok(fd) => {
            let stat = fstat(&fd)?;
            if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
                return Err(wrong("not a regular file"));
            }
            Ok(Some((File::from(fd), stat)))
        }
        Err(Errno::NOENT) => Ok(None),
        Err(Errno::LOOP) => Err(wrong("a symbolic link, not a file")),
        Err(error) => Err(error.into()),
    }
}

fn is_same(stat: &Stat, before: &Before) -> bool {
    stat.st_dev == before.dev && stat.st_ino == before.ino
}

/// What is under a name.
fn look(parent: impl AsFd, name: &OsStr) -> io::Result<Option<Stat>> {
    match statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(stat)),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn ours_alone(stat: &Stat, folder: &Path) -> io::Result<()> {
    if stat.st_uid == rustix::process::geteuid().as_raw() && stat.st_mode & 0o077 == 0 {
        return Ok(());
    }
    Err(wrong(format!("`{}` is not ours alone (mode 0700): remove it", folder.display())))
}

fn of(plan: &Plan) -> io::Result<(&Path, &str)> {
    match &plan.step {
        Step::Quarantine { path, sha256 } => Ok((path, sha256)),
        _ => Err(wrong("only files are put into quarantine")),
    }
}

/// The name in the folder: of the plan, so that two deeds never meet.
fn stored(plan: &Plan) -> OsString {
    OsString::from(plan.hash().to_string())
}

impl Quarantine {
    /// With the folder that takes the files of its file system; the others go to a folder beside or above them.
    pub fn new(folder: Option<PathBuf>) -> Self {
        Self { folder }
    }

    /// The folder for a file, and whether it is there.
    fn folder(&self, path: &Path, dev: u64) -> io::Result<(PathBuf, bool)> {
        if let Some(folder) = &self.folder
            && let Ok(fd) = walk(folder)
            && fstat(&fd)?.st_dev == dev
        {
            ours_alone(&fstat(&fd)?, folder)?;
            return Ok((folder.clone(), true));
        }
        let mut chosen = path.parent().ok_or_else(|| wrong("no file's path"))?;
        for ancestor in path.ancestors().skip(1) {
            let stat = fstat(walk(ancestor)?)?;
            if stat.st_dev != dev {
                break;
            }
            // Whoever may write a folder may move ours in it out of the way, or be there first.
            if stat.st_uid == rustix::process::geteuid().as_raw() && stat.st_mode & 0o022 == 0 {
                chosen = ancestor;
                break;
            }
        }
        let folder = chosen.join(FOLDER);
        let is_there = look(walk(chosen)?, OsStr::new(FOLDER))?.is_some();
        Ok((folder, is_there))
    }

    /// Opens the folder, made if it is not there: ours alone.
    fn enter(folder: &Path, dev: u64) -> io::Result<OwnedFd> {
        let place = place(folder)?;
        match mkdirat(&place.parent, &place.name, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        let fd = openat(&place.parent, &place.name, FOLDER_FLAGS, Mode::empty())
            .map_err(|error| io::Error::new(error.kind(), format!("`{}`: {error}", folder.display())))?;
        let stat = fstat(&fd)?;
        ours_alone(&stat, folder)?;
        if stat.st_dev != dev {
            return Err(wrong(format!("`{}` is on another file system", folder.display())));
        }
        Ok(fd)
    }

    /// The folder and what lies in it under the plan's name.
    fn kept(plan: &Plan, before: &Before) -> io::Result<Option<(OwnedFd, Stat)>> {
        let folder = match walk(&before.folder) {
            Ok(folder) => folder,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let stat = look(&folder, &stored(plan))?;
        Ok(stat.filter(|stat| is_same(stat, before)).map(|stat| (folder, stat)))
    }

    fn before(&self, plan: &Plan) -> io::Result<Before> {
        let (path, sha256) = of(plan)?;
        let place = place(path)?;
        let (file, stat) = file(&place.parent, &place.name)
            .map_err(|error| io::Error::new(error.kind(), format!("`{}`: {error}", path.display())))?
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("`{}` is not there", path.display())))?;
        if stat.st_nlink > 1 {
            return Err(wrong(format!(
                "`{}` has {} names (hard links): quarantine would leave {} of them; name them all, or remove them",
                path.display(),
                stat.st_nlink,
                stat.st_nlink - 1
            )));
        }
        // What it is instead is not said: whoever may ask must not learn of files that he cannot read.
        if hash_of(&file, FILE_BYTES_MAX)?.to_string() != sha256 {
            return Err(wrong(format!("`{}` is another file now", path.display())));
        }
        let (folder, folder_was) = self.folder(path, stat.st_dev)?;
        Ok(Before {
            folder,
            folder_was,
            dev: stat.st_dev,
            ino: stat.st_ino,
            uid: stat.st_uid,
            gid: stat.st_gid,
            mode: stat.st_mode & 0o7777,
            accessed: (stat.st_atime, stat.st_atime_nsec as i64),
            modified: (stat.st_mtime, stat.st_mtime_nsec as i64),
            attributes: attribute::all(&file)?,
        })
    }

    fn after(plan: &Plan, path: &Path) -> Value {
        json!({ "kept": plan.hash().to_string(), "from": path.display().to_string() })
    }
}

impl Action for Quarantine {
    fn diff(&self, plan: &Plan) -> Value {
        of(plan).map_or(Value::Null, |(path, _)| {
            json!({ "move": path.display().to_string(), "to": FOLDER, "as": plan.hash().to_string(), "mode": "0000" })
        })
    }

    /// Looks whether a plain file is there, and reads nothing of it: nobody has approved yet, and a large file takes long.
    fn rehearse(&mut self, plan: &Plan) -> io::Result<()> {
        let (path, _) = of(plan)?;
        let place = place(path)?;
        match file(&place.parent, &place.name)? {
            Some(_) => Ok(()),
            None => Err(io::Error::new(io::ErrorKind::NotFound, format!("`{}` is not there", path.display()))),
        }
    }

    fn read(&mut self, plan: &Plan) -> io::Result<Value> {
        let (path, _) = of(plan)?;
        match self.before(plan) {
            Ok(before) => serde_json::to_value(before).map_err(io::Error::other),
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.is_kept(plan)? => Ok(Self::after(plan, path)),
            Err(error) => Err(error),
        }
    }

    fn apply(&mut self, approved: &Approved) -> io::Result<()> {
        let plan = approved.plan();
        let (path, sha256) = of(plan)?;
        let before = self.before(plan)?;
        let place = place(path)?;
        let (file, stat) = file(&place.parent, &place.name)?.ok_or_else(|| wrong("the file is gone"))?;
        if !is_same(&stat, &before) || hash_of(&file, FILE_BYTES_MAX)?.to_string() != *sha256 {
            return Err(wrong(format!("`{}` is another file now", path.display())));
        }
        let folder = Self::enter(&before.folder, before.dev)?;
        let name = stored(plan);
        renameat_with(&place.parent, &place.name, &folder, &name, RenameFlags::NOREPLACE).map_err(
            |error| match error {
                Errno::XDEV => {
                    wrong(format!("`{}` is on another mount: set up a quarantine folder there", path.display()))
                }
                other => other.into(),
            },
        )?;
        if !look(&folder, &name)?.is_some_and(|stat| is_same(&stat, &before)) {
            // Somebody put another file under the name after we had looked.
            renameat_with(&folder, &name, &place.parent, &place.name, RenameFlags::NOREPLACE)?;
            return Err(wrong(format!("`{}` was exchanged while it was moved", path.display())));
        }
        fchmod(&file, Mode::empty())?;
        fsync(&folder)?;
        Ok(fsync(&place.parent)?)
    }

    fn verify(&mut self, plan: &Plan) -> io::Result<()> {
        let (path, sha256) = of(plan)?;
        if !self.is_kept(plan)? {
            return Err(wrong(format!("`{}` is not in quarantine", path.display())));
        }
        // Another file under the name is somebody's own; the same one is back.
        let place = place(path)?;
        let Ok(Some((file, _))) = file(&place.parent, &place.name) else { return Ok(()) };
        if hash_of(&file, FILE_BYTES_MAX)?.to_string() == *sha256 {
            return Err(wrong(format!("`{}` is there again: something writes it", path.display())));
        }
        Ok(())
    }

    fn undo(&mut self, plan: &Plan, before: &Value) -> io::Result<()> {
        let (path, _) = of(plan)?;
        let before: Before = serde_json::from_value(before.clone())
            .map_err(|_| wrong(format!("how `{}` was before is not in the journal", path.display())))?;
        let place = place(path)?;
        let there = look(&place.parent, &place.name)?;
        let Some((folder, _)) = Self::kept(plan, &before)? else {
            if there.is_some_and(|stat| is_same(&stat, &before)) {
                Self::leave(&before);
                return Ok(());
            }
            return Err(io::Error::new(
                io::ErrorKind::NotFound,
                format!("`{}` is neither at its place nor in `{}`", path.display(), before.folder.display()),
            ));
        };
        let name = stored(plan);
        if there.is_some() {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                format!(
                    "`{}` is taken by another file: move that away; yours is `{}`",
                    path.display(),
                    before.folder.join(&name).display()
                ),
            ));
        }
        // All is as it was before the name is; nobody else enters this folder.
        chmodat(&folder, &name, Mode::from_raw_mode(0o600), AtFlags::empty())?;
        let (file, stat) = file(&folder, &name)?.ok_or_else(|| wrong("it is gone"))?;
        if !is_same(&stat, &before) {
            return Err(wrong("another file lies in quarantine under its name"));
        }
        if (stat.st_uid, stat.st_gid) != (before.uid, before.gid) {
            fchown(&file, Some(Uid::from_raw(before.uid)), Some(Gid::from_raw(before.gid)))?;
        }
        attribute::set(&file, &before.attributes)?;
        fchmod(&file, Mode::from_raw_mode(before.mode))?;
        let time = |(seconds, nanos): (i64, i64)| Timespec { tv_sec: seconds, tv_nsec: nanos as _ };
        let times = Timestamps { last_access: time(before.accessed), last_modification: time(before.modified) };
        futimens(&file, &times)?;
        fsync(&file)?;
        renameat_with(&folder, &name, &place.parent, &place.name, RenameFlags::NOREPLACE)?;
        fsync(&place.parent)?;
        fsync(&folder)?;
        Self::leave(&before);
        Ok(())
    }
}

impl Quarantine {
    /// Whether the plan's file lies in one of the two folders, without permissions and with the hash.
    fn is_kept(&self, plan: &Plan) -> io::Result<bool> {
        let (path, sha256) = of(plan)?;
        let near = path.ancestors().skip(1).map(|ancestor| ancestor.join(FOLDER));
        for folder in self.folder.clone().into_iter().chain(near) {
            let Ok(folder) = walk(&folder) else { continue };
            let name = stored(plan);
            let Some(stat) = look(&folder, &name)? else { continue };
            if stat.st_mode & 0o7777 != 0 {
                return Err(wrong(format!("`{}` can still be opened in quarantine", path.display())));
            }
            return match file(&folder, &name) {
                Ok(Some((file, _))) => Ok(hash_of(&file, FILE_BYTES_MAX)?.to_string() == *sha256),
                // Without the right to pass over permissions nobody reads it, we neither; it is the one that was moved.
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(true),
                Ok(None) => Ok(false),
                Err(error) => Err(error),
            };
        }
        Ok(false)
    }

    /// Removes the folder that a deed made, if nothing else is in it.
    fn leave(before: &Before) {
        if !before.folder_was
            && let Ok(place) = place(&before.folder)
        {
            // Not empty, or gone: both are fine.
            let _ = unlinkat(&place.parent, &place.name, AtFlags::REMOVEDIR);
        }
    }
}
