//! The core confines itself: whatever parses outside bytes gives up what it does not need before it reads the first of them.
//!
//! A parser that an attacker takes over can then neither start a program nor reach the network, neither signal nor trace
//! another process, nor write anywhere but where this one command writes. Three walls, each by itself and each inherited
//! by every thread that starts later:
//!
//! | wall | module | takes away |
//! |---|---|---|
//! | no new privileges | both | what setuid programs would give back |
//! | Landlock | [`files`] | every change of files outside the named folders; execution; TCP; signals to others |
//! | a system-call filter | [`calls`] | programs, processes, sockets, tracing, mounting, owners and modes, the terminal's input |
//!
//! Reading stays open, since evidence lies anywhere. What must stay true: [`core`] is called while the program has one thread,
//! since threads that run already are not confined by it. It never fails: an old kernel gives fewer walls, [`Report`] says
//! which, and `shieldwall actions` prints them. It costs about a millisecond, most of it the kernel's check of the filter.

pub mod cage;
#[cfg(target_os = "linux")]
mod calls;
#[cfg(target_os = "linux")]
mod files;
mod places;

#[cfg(all(test, target_os = "linux"))]
mod tests;

use std::path::PathBuf;

use crate::home::Home;

/// What a command writes; everything else is taken from it.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    /// Folders in which files and folders are made, changed and removed.
    folders: Vec<PathBuf>,
    /// Files that are written as they stand, with nothing made beside them.
    files: Vec<PathBuf>,
    /// Whether large results go through temporary files.
    is_spooling: bool,
}

impl Needs {
    /// Everything beneath a folder. It is made if it is not there: beneath a folder that is not there nothing can be allowed.
    #[must_use]
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folders.push(folder.into());
        self
    }

    /// One file. It is made, empty, if it is not there, so that nothing beside it need be allowed.
    #[must_use]
    pub fn file(mut self, file: impl Into<PathBuf>) -> Self {
        self.files.push(file.into());
        self
    }

    /// A file that is written beside itself and put in place: its folder.
    #[must_use]
    pub fn whole_file(self, file: &std::path::Path) -> Self {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        self.folder(folder.map_or_else(|| PathBuf::from("."), PathBuf::from))
    }

    /// Temporary files.
    #[must_use]
    pub fn spool(mut self) -> Self {
        self.is_spooling = true;
        self
    }

    /// Rule sets that are compiled on first use. The rest of the data directory stays as it is.
    #[must_use]
    pub fn compiled(self, home: Option<&Home>) -> Self {
        let Some(home) = home else { return self };
        places::lay_out(home);
        self.folder(home.compiled()).file(home.lock())
    }

    /// The case of the last scan, what was learned, and the audit log. Keys, packs, lists and the registry stay as they are.
    #[must_use]
    pub fn books(self, home: Option<&Home>) -> Self {
        let Some(home) = home else { return self };
        places::lay_out(home);
        // An entry is signed with the local key; it is made now, since later nothing can be put beside it.
        let _ = crate::books::key(home);
        let baselines = home.baselines();
        self.folder(home.cases()).whole_file(&baselines).folder(home.audit()).file(home.lock())
    }
}

/// What is active.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Programs that are started get no privileges that this process does not have.
    pub no_new_privs: bool,
    /// The version of the kernel's Landlock that is in force; `None` where there is none.
    pub landlock_abi: Option<i32>,
    /// Whether the system-call filter is in force.
    pub seccomp: bool,
}

/// Confines this thread and all that it will start. Called before outside bytes are read and before threads start.
pub fn core(needs: &Needs) -> Report {
    restrict(&places::ready(needs))
}

/// Takes still more away, when a part of the work is done. Never gives anything back.
pub fn narrow(needs: &Needs) {
    #[cfg(target_os = "linux")]
    let _ = files::restrict(&places::ready(needs));
    #[cfg(not(target_os = "linux"))]
    let _ = needs;
}

/// What is active for the core on this machine, in words. A thread of its own is confined to find out.
pub fn words() -> String {
    let probe = std::thread::spawn(|| restrict(&places::Allowed::default()));
    probe.join().unwrap_or_default().words()
}

impl Report {
    /// The walls that stand, and those that are missing.
    pub fn words(self) -> String {
        let landlock = self.landlock_abi.map(|abi| format!("landlock (ABI {abi})"));
        let walls = [
            (self.no_new_privs.then(|| "no new privileges".to_owned()), "no-new-privileges"),
            (landlock, "landlock"),
            (self.seccomp.then(|| "system-call filter".to_owned()), "system-call filter"),
        ];
        let standing: Vec<String> = walls.iter().filter_map(|(wall, _)| wall.clone()).collect();
        let missing: Vec<&str> = walls.iter().filter(|(wall, _)| wall.is_none()).map(|(_, name)| *name).collect();
        let standing = if standing.is_empty() { "not confined".to_owned() } else { standing.join(", ") };
        if missing.is_empty() {
            return format!("the core: {standing}");
        }
        format!("the core: {standing}; this system has no {}", missing.join(", no "))
    }
}

#[cfg(target_os = "linux")]
fn restrict(allowed: &places::Allowed) -> Report {
    let landlock_abi = files::restrict(allowed);
    let seccomp = calls::restrict();
    Report { no_new_privs: landlock_abi.is_some() || seccomp, landlock_abi, seccomp }
}

#[cfg(not(target_os = "linux"))]
fn restrict(_: &places::Allowed) -> Report {
    Report::default()
}
