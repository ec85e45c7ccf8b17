//! What parses an attacker's bytes gives up, before the first of them is read, what it does not need: other programs, the network,
//! files beyond those that it is to write. A hole in a parser is then worth little.
//!
//! On Linux: no new privileges, Landlock as far as the kernel has it, and a filter of system calls. Elsewhere, and on kernels
//! without them, nothing; [`Active`] says what holds. There is no way back, and the right to read stays: evidence lies anywhere.
//! What acts ([`crate::response`]) is not confined here: it parses plans and approvals alone, and its systemd unit confines it.

pub mod cage;

use std::fmt;
use std::path::{Path, PathBuf};

/// What holds for a process that confined itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Active {
    /// Whether no program that it starts can have more rights than it has.
    pub no_new_privileges: bool,
    /// Whether Landlock keeps it from writing elsewhere and from starting programs.
    pub landlock: Landlock,
    /// Whether the kernel refuses system calls that it does not need.
    pub system_calls: bool,
}

/// How far Landlock holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Landlock {
    /// The kernel has none.
    #[default]
    None,
    /// The kernel has an older one: files are guarded, the network or signals may not be.
    Partly,
    /// All of it.
    Fully,
}

impl fmt::Display for Active {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if self.no_new_privileges {
            parts.push("no new privileges");
        }
        match self.landlock {
            Landlock::None => {}
            Landlock::Partly => parts.push("Landlock in part (an older kernel)"),
            Landlock::Fully => parts.push("Landlock"),
        }
        if self.system_calls {
            parts.push("a filter of system calls");
        }
        if parts.is_empty() {
            f.write_str("nothing: this system has no such means")
        } else {
            f.write_str(&parts.join(", "))
        }
    }
}

/// Confines this process for good: it may read anything and write beneath `write` alone. Call it before any thread is started.
pub fn core(write: &[PathBuf]) -> Active {
    let temporary = std::env::temp_dir();
    let mut places = Vec::new();
    for path in write.iter().chain([&temporary]) {
        let Some(place) = standing(path) else { continue };
        // A file is made anew beside itself and renamed.
        places.extend(place.parent().filter(|_| !place.is_dir()).map(Path::to_path_buf));
        places.push(place);
    }
    system::confine(&places)
}

/// The folder or file itself, or the nearest folder above that stands: what is to be made is made in there.
fn standing(path: &Path) -> Option<PathBuf> {
    let path = std::path::absolute(path).ok()?;
    path.ancestors().find(|one| one.exists()).map(Path::to_path_buf)
}

#[cfg(target_os = "linux")]
mod system {
    use std::path::PathBuf;

    use landlock::{
        ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetCreatedAttr,
        RulesetError, RulesetStatus, Scope, path_beneath_rules,
    };

    use super::{Active, Landlock};

    pub(super) fn confine(write: &[PathBuf]) -> Active {
        let mut active = Active::default();
        if let Ok(status) = landlock(write) {
            active.no_new_privileges = status.no_new_privs;
            active.landlock = match status.ruleset {
                RulesetStatus::FullyEnforced => Landlock::Fully,
                RulesetStatus::PartiallyEnforced => Landlock::Partly,
                RulesetStatus::NotEnforced => Landlock::None,
            };
        }
        if super::calls::refuse().is_ok() {
            (active.system_calls, active.no_new_privileges) = (true, true);
        }
        active
    }

    fn landlock(write: &[PathBuf]) -> Result<landlock::RestrictionStatus, RulesetError> {
        // Rights of the third version: later ones guard devices, which a terminal is.
        let writing = AccessFs::from_write(ABI::V3);
        Ruleset::default()
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(writing | AccessFs::Execute)?
            .handle_access(AccessNet::from_all(ABI::V4))?
            .scope(Scope::from_all(ABI::V6))?
            .create()?
            .add_rules(path_beneath_rules(write, writing))?
            .restrict_self()
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    pub(super) fn confine(_: &[std::path::PathBuf]) -> super::Active {
        super::Active::default()
    }
}

/// The filter of system calls: everything goes but what no parser of ours needs and an attacker would.
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")))]
mod calls {
    use std::collections::BTreeMap;

    use seccompiler::{
        BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
        TargetArch,
    };

    /// Other programs, other processes, other users, other worlds; and ways around a filter.
    const REFUSED: [libc::c_long; 42] = [
        libc::SYS_execve,
        libc::SYS_execveat,
        libc::SYS_ptrace,
        libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev,
        libc::SYS_process_madvise,
        libc::SYS_pidfd_getfd,
        libc::SYS_kcmp,
        libc::SYS_mount,
        libc::SYS_umount2,
        libc::SYS_move_mount,
        libc::SYS_open_tree,
        libc::SYS_fsopen,
        libc::SYS_mount_setattr,
        libc::SYS_pivot_root,
        libc::SYS_chroot,
        libc::SYS_setns,
        libc::SYS_unshare,
        libc::SYS_setuid,
        libc::SYS_setgid,
        libc::SYS_setreuid,
        libc::SYS_setregid,
        libc::SYS_setresuid,
        libc::SYS_setresgid,
        libc::SYS_setgroups,
        libc::SYS_capset,
        libc::SYS_kexec_load,
        libc::SYS_init_module,
        libc::SYS_finit_module,
        libc::SYS_delete_module,
        libc::SYS_bpf,
        libc::SYS_perf_event_open,
        libc::SYS_userfaultfd,
        libc::SYS_add_key,
        libc::SYS_request_key,
        libc::SYS_keyctl,
        libc::SYS_open_by_handle_at,
        libc::SYS_io_uring_setup,
        libc::SYS_reboot,
        libc::SYS_swapon,
        libc::SYS_settimeofday,
        libc::SYS_clock_settime,
    ];

    pub(super) fn refuse() -> Result<(), seccompiler::Error> {
        seccompiler::apply_filter(&filter()?)
    }

    fn filter() -> Result<BpfProgram, seccompiler::BackendError> {
        let mut rules: BTreeMap<i64, Vec<SeccompRule>> = REFUSED.into_iter().map(|call| (call, Vec::new())).collect();
        // Sockets of any kind but those between processes of this machine.
        let family = u64::from(libc::AF_UNIX.unsigned_abs());
        let foreign = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, family)?;
        rules.insert(libc::SYS_socket, vec![SeccompRule::new(vec![foreign])?]);
        let refused = SeccompAction::Errno(libc::EPERM.unsigned_abs());
        let architecture = TargetArch::try_from(std::env::consts::ARCH)?;
        SeccompFilter::new(rules, SeccompAction::Allow, refused, architecture)?.try_into()
    }
}

#[cfg(all(target_os = "linux", not(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64"))))]
mod calls {
    /// The filter is not made for this processor.
    pub(super) fn refuse() -> Result<(), ()> {
        Err(())
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::fs;
    use std::io;
    use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::process::Command;

    /// Each tried in a thread that is confined, and outside as a control.
    fn deeds(folder: &Path, port: u16) -> Vec<(&'static str, io::Result<()>)> {
        vec![
            ("write elsewhere", fs::write(folder.join("new"), "x")),
            ("append elsewhere", fs::OpenOptions::new().append(true).open(folder.join("old")).map(drop)),
            ("cut elsewhere", fs::OpenOptions::new().write(true).truncate(true).open(folder.join("cut")).map(drop)),
            ("make a folder elsewhere", fs::create_dir(folder.join("made"))),
            ("delete elsewhere", fs::remove_file(folder.join("gone"))),
            ("start a program", Command::new("/bin/true").status().map(drop)),
            ("open a socket", UdpSocket::bind("127.0.0.1:0").map(drop)),
            ("connect", TcpStream::connect(("127.0.0.1", port)).map(drop)),
        ]
    }

    #[test]
    fn what_is_confined_writes_where_it_may_and_nothing_else() {
        // Neither is below the folder for temporary files, which may be written.
        let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("target");
        fs::create_dir_all(&target).unwrap();
        let (inside, outside) = (tempfile::tempdir_in(&target).unwrap(), tempfile::tempdir_in(&target).unwrap());
        for name in ["old", "cut", "gone"] {
            fs::write(outside.path().join(name), "as it was").unwrap();
        }
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (own, other) = (inside.path().to_path_buf(), outside.path().to_path_buf());
        let confined = std::thread::spawn(move || {
            // What is not there yet is made in the nearest folder that is.
            let active = core(&[own.join("deep/case")]);
            let inside = fs::create_dir_all(own.join("deep/case"))
                .and_then(|()| fs::write(own.join("deep/case/a"), "x"))
                .and_then(|()| fs::rename(own.join("deep/case/a"), own.join("deep/case/b")));
            let reads = fs::read(other.join("old"));
            let temporary = tempfile::tempfile().map(drop);
            (active, inside, reads, temporary, deeds(&other, port))
        });
        let (active, inside, reads, temporary, tried) = confined.join().unwrap();
        inside.unwrap();
        temporary.unwrap();
        assert_eq!(reads.unwrap(), b"as it was", "reading stays");
        if active.landlock == Landlock::None {
            eprintln!("SKIPPED: this kernel has no Landlock; only system calls are refused");
        }
        for (name, result) in tried {
            let by_call = ["start a program", "open a socket", "connect"].contains(&name) && active.system_calls;
            if by_call || active.landlock != Landlock::None {
                assert_eq!(result.expect_err(name).kind(), io::ErrorKind::PermissionDenied, "{name}");
            }
        }
        // The same works outside, so it was this that refused it.
        for (name, result) in deeds(outside.path(), port) {
            result.expect(name);
        }
    }

    #[test]
    fn it_is_said_in_words() {
        let all = Active { no_new_privileges: true, landlock: Landlock::Fully, system_calls: true };
        assert_eq!(all.to_string(), "no new privileges, Landlock, a filter of system calls");
        assert!(Active::default().to_string().starts_with("nothing"));
    }
}
