//! Locks an account as `usermod -L -e 1` does, by its line in `/etc/shadow`: `!` before the password's hash, and an end that is long past.
//!
//! The mark alone stops passwords; the end stops keys and everything else that asks PAM's account rules. The file is written as
//! shadow-utils does it: under the lock of `/etc/.pwd.lock`, a new file beside the old one with its owner, mode and attributes,
//! then renamed over it. No other byte changes, whatever it means. The journal keeps whether and until when, never a hash.
//! Sessions that are open stay open: `end_sessions` is another step.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, Gid, Mode, OFlags, Uid, fchmod, fchown, fcntl_lock};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::action::attribute;
use crate::action::{Action, child};
use crate::approve::Approved;
use crate::plan::{Plan, Step};

/// Bytes of `/etc/shadow` that are read: a hundred thousand accounts.
const SHADOW_BYTES_MAX: u64 = 16 << 20;

/// How often the lock is asked for, with [`LOCK_EVERY`] between: 15 s in all, as `lckpwdf(3)` does.
const LOCK_TRIES: u32 = 150;

/// See [`LOCK_TRIES`].
const LOCK_EVERY: Duration = Duration::from_millis(100);

/// Days since 1970 on which a locked account ended. Not 0: shadow(5) says that 0 may be read as never.
const LONG_PAST: &[u8] = b"1";

/// Fields of a line (shadow(5)).
const FIELDS: usize = 9;

/// Which field has the password's hash.
const PASSWORD: usize = 1;

/// Which field has the account's end.
const END: usize = 7;

/// The name of the new file: a leftover of a crash is written over.
const NEW: &str = "shadow.shieldwall";

/// The actuator.
pub struct UserFiles {
    etc: PathBuf,
}

/// How an account was.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Before {
    /// Whether the password was locked.
    locked: bool,
    /// The field of the account's end, as it was written.
    end: String,
}

fn wrong(text: impl Into<String>) -> io::Error {
    io::Error::other(text.into())
}

fn of(plan: &Plan) -> io::Result<&str> {
    match &plan.step {
        Step::LockUser { user } => Ok(user),
        _ => Err(wrong("only accounts are locked here")),
    }
}

/// The one line of a user: where it begins and ends in the file, and its fields.
fn line<'a>(shadow: &'a [u8], user: &str) -> io::Result<(usize, usize, Vec<&'a [u8]>)> {
    let (mut found, mut at) = (None, 0);
    for line in shadow.split_inclusive(|byte| *byte == b'\n') {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        if text.split(|byte| *byte == b':').next() == Some(user.as_bytes()) {
            if found.is_some() {
                return Err(wrong(format!("user {user} stands twice in the shadow file: clean it with `pwck`")));
            }
            found = Some((at, at + text.len(), text.split(|byte| *byte == b':').collect::<Vec<_>>()));
        }
        at += line.len();
    }
    let found = found.ok_or_else(|| {
        let text = format!("user {user} is not in the shadow file: the account is kept elsewhere, lock it there");
        io::Error::new(io::ErrorKind::NotFound, text)
    })?;
    if found.2.len() != FIELDS {
        return Err(wrong(format!("the line of user {user} in the shadow file has not {FIELDS} fields")));
    }
    Ok(found)
}

fn state(shadow: &[u8], user: &str) -> io::Result<Before> {
    let (_, _, fields) = line(shadow, user)?;
    let field = |at: usize| fields.get(at).copied().unwrap_or_default();
    let end = String::from_utf8(field(END).to_vec()).map_err(|_| wrong("the account's end is no text"))?;
    Ok(Before { locked: field(PASSWORD).starts_with(b"!"), end })
}

/// The file with two fields of one line made anew.
fn changed(
    shadow: &[u8],
    user: &str,
    password: impl Fn(&[u8]) -> Vec<u8>,
    end: impl Fn(&[u8]) -> Vec<u8>,
) -> io::Result<Vec<u8>> {
    let (from, to, fields) = line(shadow, user)?;
    let made: Vec<Vec<u8>> = fields
        .iter()
        .enumerate()
        .map(|(at, field)| match at {
            PASSWORD => password(field),
            END => end(field),
            _ => field.to_vec(),
        })
        .collect();
    let mut out = shadow.get(..from).unwrap_or_default().to_vec();
    out.extend(made.join(&b':'));
    out.extend_from_slice(shadow.get(to..).unwrap_or_default());
    Ok(out)
}

impl UserFiles {
    /// The account files under a root: `/`, or a test's own folder.
    pub fn at(root: &Path) -> Self {
        Self { etc: root.join("etc") }
    }

    fn open(&self) -> io::Result<File> {
        let path = self.etc.join("shadow");
        let open = OpenOptions::new().read(true).custom_flags(OFlags::NOFOLLOW.bits().cast_signed()).open(&path);
        open.map_err(|error| io::Error::new(error.kind(), format!("`{}`: {error}", path.display())))
    }

    fn bytes(file: &File) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        if file.take(SHADOW_BYTES_MAX + 1).read_to_end(&mut bytes)? as u64 > SHADOW_BYTES_MAX {
            return Err(wrong("the shadow file is longer than any"));
        }
        Ok(bytes)
    }

    /// The lock that all programs take that write account files; held while the file is open.
    fn lock(&self) -> io::Result<File> {
        let path = self.etc.join(".pwd.lock");
        let flags = OFlags::NOFOLLOW.bits().cast_signed();
        let open =
            OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).custom_flags(flags).open(&path);
        let file = open.map_err(|error| io::Error::new(error.kind(), format!("`{}`: {error}", path.display())))?;
        let got = child::until(LOCK_TRIES, LOCK_EVERY, || {
            match fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => Ok(true),
                Err(Errno::AGAIN | Errno::ACCESS) => Ok(false),
                Err(error) => Err(error.into()),
            }
        })?;
        if got { Ok(file) } else { Err(wrong("another program is writing the account files: try again")) }
    }

    /// Reads, changes and replaces the shadow file, under the lock.
    fn rewrite(&self, change: impl Fn(&[u8]) -> io::Result<Vec<u8>>) -> io::Result<()> {
        let _lock = self.lock()?;
        let old = self.open()?;
        let (before, meta) = (Self::bytes(&old)?, old.metadata()?);
        let after = change(&before)?;
        if after == before {
            return Ok(());
        }
        let path = self.etc.join(NEW);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).and_then(|mut new| {
            new.write_all(&after)?;
            fchown(&new, Some(Uid::from_raw(meta.uid())), Some(Gid::from_raw(meta.gid())))?;
            attribute::set(&new, &attribute::all(&old)?)?;
            fchmod(&new, Mode::from_raw_mode(meta.mode() & 0o7777))?;
            new.sync_all()?;
            fs::rename(&path, self.etc.join("shadow"))
        });
        if let Err(error) = written {
            let _ = fs::remove_file(&path);
            return Err(error);
        }
        File::open(&self.etc)?.sync_all()
    }

    fn state(&self, user: &str) -> io::Result<Before> {
        state(&Self::bytes(&self.open()?)?, user)
    }
}

impl Action for UserFiles {
    fn diff(&self, plan: &Plan) -> Value {
        of(plan).map_or(Value::Null, |user| {
            json!({ "file": self.etc.join("shadow").display().to_string(), "user": user,
                "password": "`!` before the hash", "end": "1970-01-02" })
        })
    }

    fn read(&mut self, plan: &Plan) -> io::Result<Value> {
        serde_json::to_value(self.state(of(plan)?)?).map_err(io::Error::other)
    }

    fn apply(&mut self, approved: &Approved) -> io::Result<()> {
        let user = of(approved.plan())?;
        let mark = |field: &[u8]| if field.starts_with(b"!") { field.to_vec() } else { [b"!", field].concat() };
        self.rewrite(|shadow| changed(shadow, user, mark, |_| LONG_PAST.to_vec()))
    }

    fn verify(&mut self, plan: &Plan) -> io::Result<()> {
        let user = of(plan)?;
        let now = self.state(user)?;
        if now.locked && now.end.as_bytes() == LONG_PAST {
            return Ok(());
        }
        Err(wrong(format!("user {user} is not locked")))
    }

    fn undo(&mut self, plan: &Plan, before: &Value) -> io::Result<()> {
        let user = of(plan)?;
        let was: Before = serde_json::from_value(before.clone())
            .map_err(|_| wrong(format!("how user {user} was before is not in the journal")))?;
        // What somebody set since then is theirs: only our own mark and our own end are taken away.
        let password = |field: &[u8]| match field.strip_prefix(b"!") {
            Some(rest) if !was.locked => rest.to_vec(),
            _ => field.to_vec(),
        };
        let end = |field: &[u8]| if field == LONG_PAST { was.end.clone().into_bytes() } else { field.to_vec() };
        if self.state(user)? == was {
            return Ok(());
        }
        self.rewrite(|shadow| changed(shadow, user, password, end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_whole_or_refused() {
        let nine = b"x:*:1::::::\nann:h:1:0:9:7:::\nbob:h\nann2:h:1:0:9:7:::\ntwo:h:::::::\ntwo:h:::::::" as &[u8];
        assert_eq!(state(nine, "ann").unwrap(), Before { locked: false, end: String::new() });
        assert!(state(nine, "bob").is_err(), "fields are missing");
        assert!(state(nine, "two").unwrap_err().to_string().contains("twice"));
        assert_eq!(state(nine, "an").unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(state(b"", "ann").is_err());
        let locked = changed(nine, "ann", |old| [b"!", old].concat(), |_| b"1".to_vec()).unwrap();
        let text = String::from_utf8(locked).unwrap();
        assert_eq!(text, String::from_utf8_lossy(nine).replace("ann:h:1:0:9:7:::", "ann:!h:1:0:9:7::1:"));
    }
}
