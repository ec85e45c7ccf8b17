//! Landlock: files change only where they may, nothing is executed, no port is bound or connected, nobody outside is signalled.
//!
//! Best effort by the kernel's version: moving between folders is judged from ABI 2 on, truncation from 3, TCP from 4, device
//! ioctls from 5, signals and abstract sockets from 6. Files that are open already, standard output among them, stay usable.

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, LandlockStatus, PathBeneath, PathFd, RestrictionStatus, Ruleset,
    RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};

use super::places::Allowed;

/// The newest version that these rules were written for. The crate leaves out what the kernel does not know.
const NEWEST: ABI = ABI::V10;

/// Restricts this thread and those that it starts; the version in force, or `None` where the kernel has no Landlock.
pub fn restrict(allowed: &Allowed) -> Option<i32> {
    let status = ruleset().and_then(|ruleset| enforce(ruleset, allowed)).ok()?;
    match (status.ruleset, status.landlock) {
        (RulesetStatus::NotEnforced, _) => None,
        (_, LandlockStatus::Available { effective_abi, kernel_abi }) => {
            Some(kernel_abi.unwrap_or(effective_abi as i32))
        }
        _ => None,
    }
}

/// Everything that is judged. Reading files and folders is not.
fn ruleset() -> Result<RulesetCreated, RulesetError> {
    Ruleset::default()
        .handle_access(AccessFs::from_write(NEWEST) | AccessFs::Execute)?
        .handle_access(AccessNet::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))?
        .create()
}

fn enforce(mut ruleset: RulesetCreated, allowed: &Allowed) -> Result<RestrictionStatus, RulesetError> {
    let folders = allowed.folders.iter().map(|path| (path, in_folder()));
    let files = allowed.files.iter().map(|path| (path, in_file()));
    for (path, rights) in folders.chain(files) {
        // What cannot be opened cannot be written either. Pipes are refused as rules and need none.
        if let Ok(place) = PathFd::new(path) {
            let _ = (&mut ruleset).add_rule(PathBeneath::new(place, rights));
        }
    }
    ruleset.restrict_self()
}

/// Files and folders are made, written, moved and removed; devices, pipes, sockets and links are not made.
fn in_folder() -> BitFlags<AccessFs> {
    in_file() | AccessFs::MakeReg | AccessFs::MakeDir | AccessFs::RemoveFile | AccessFs::RemoveDir | AccessFs::Refer
}

/// A file's content changes.
fn in_file() -> BitFlags<AccessFs> {
    AccessFs::WriteFile | AccessFs::Truncate
}
