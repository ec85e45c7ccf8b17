//! The places a command may write, made ready while they still can be: a folder that is not there cannot be allowed.
//!
//! What cannot be made is left out without a word: the command comes to it later and says what is wrong with it, as it would
//! without walls.

use std::fs::{self, DirBuilder, File};
use std::path::{Path, PathBuf};

use super::Needs;
use crate::home::Home;

/// What is allowed, all of it in place.
#[derive(Debug, Default)]
pub struct Allowed {
    /// Folders in which everything may change.
    pub folders: Vec<PathBuf>,
    /// Files whose content may change.
    pub files: Vec<PathBuf>,
}

/// Makes what is not there yet.
pub fn ready(needs: &Needs) -> Allowed {
    let mut folders = needs.folders.clone();
    for folder in &needs.folders {
        let _ = fs::create_dir_all(folder);
    }
    for file in needs.files.iter().filter(|file| !file.exists()) {
        // Not cut short: somebody else may have made it meanwhile.
        let _ = File::options().create(true).truncate(false).write(true).open(file);
    }
    folders.extend(needs.is_spooling.then(temporary));
    Allowed { folders, files: needs.files.clone() }
}

/// Sees to the layout of a data directory. Another process that writes there has seen to it.
pub fn lay_out(home: &Home) {
    let _ = home.write();
}

/// A folder for temporary files that is ours alone, so that nothing else in the system's need be allowed; the system's
/// own where that cannot be.
fn temporary() -> PathBuf {
    let shared = std::env::temp_dir();
    let Some(own) = own_folder(&shared) else { return shared };
    // A second call finds the first one's place.
    match tempfile::env::override_temp_dir(&own) {
        Ok(()) => own,
        Err(before) => before,
    }
}

/// `TMPDIR/shieldwall-UID`, if it is a folder of this user that nobody else can enter. The name is no secret: who puts
/// something else there gets nothing but that it is not used.
#[cfg(target_os = "linux")]
fn own_folder(shared: &Path) -> Option<PathBuf> {
    use std::os::unix::fs::{DirBuilderExt, MetadataExt};
    let user = rustix::process::geteuid().as_raw();
    let own = shared.join(format!("shieldwall-{user}"));
    let _ = DirBuilder::new().mode(0o700).create(&own);
    let about = own.symlink_metadata().ok()?;
    (about.is_dir() && about.uid() == user && about.mode() & 0o077 == 0).then_some(own)
}

#[cfg(not(target_os = "linux"))]
fn own_folder(_: &Path) -> Option<PathBuf> {
    None
}
