//! A cage for the rehearsal: from [`enter`] on the kernel refuses every system call but a few.
//!
//! Allowed are memory, locks, the clock, random numbers, closing what is open, ending, and writing to standard output and
//! error. Whatever else is asked for (a file to open, rename or delete, a process to start, signal or trace, a socket)
//! fails with *operation not permitted*, also in code of libraries and also if our own code were wrong. There is no way
//! back: the cage ends with the process.

/// Enters the cage, with all threads.
///
/// # Errors
/// Where the system has no such filter; in words.
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")))]
pub fn enter() -> Result<(), String> {
    let filter = filter()?;
    seccompiler::apply_filter_all_threads(&filter).map_err(|error| error.to_string())
}

/// See the other.
///
/// # Errors
/// Always.
#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64"))))]
pub fn enter() -> Result<(), String> {
    Err("it is for Linux on x86-64, aarch64 and riscv64".to_owned())
}

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")))]
fn filter() -> Result<seccompiler::BpfProgram, String> {
    use seccompiler::{
        SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
    };
    /// What computing needs, and what ends a thread or the process.
    const FREE: [libc::c_long; 17] = [
        libc::SYS_brk,
        libc::SYS_mmap,
        libc::SYS_munmap,
        libc::SYS_mremap,
        libc::SYS_mprotect,
        libc::SYS_madvise,
        libc::SYS_futex,
        libc::SYS_sched_yield,
        libc::SYS_clock_gettime,
        libc::SYS_getrandom,
        libc::SYS_rt_sigreturn,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigaction,
        libc::SYS_sigaltstack,
        libc::SYS_close,
        libc::SYS_exit,
        libc::SYS_exit_group,
    ];
    let words = |error: seccompiler::BackendError| error.to_string();
    let mut rules: std::collections::BTreeMap<i64, Vec<SeccompRule>> =
        FREE.into_iter().map(|call| (call, Vec::new())).collect();
    for call in [libc::SYS_write, libc::SYS_writev] {
        let mut own = Vec::new();
        for descriptor in [1, 2] {
            let equal =
                SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, descriptor).map_err(words)?;
            own.push(SeccompRule::new(vec![equal]).map_err(words)?);
        }
        rules.insert(call, own);
    }
    let architecture = TargetArch::try_from(std::env::consts::ARCH).map_err(words)?;
    let refused = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let filter = SeccompFilter::new(rules, refused, SeccompAction::Allow, architecture).map_err(words)?;
    filter.try_into().map_err(words)
}

#[cfg(all(
    test,
    all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64"))
))]
mod tests {
    use std::fs::{self, File, OpenOptions};
    use std::io::{self, Write};
    use std::net::{TcpStream, UdpSocket};
    use std::os::unix::net::UnixDatagram;
    use std::process::Command;

    use super::*;

    /// What a rehearsal must never do, each tried in a thread that is in the cage, and outside it as a control.
    fn deeds(folder: &std::path::Path) -> Vec<(&'static str, io::Result<()>)> {
        let at = |name: &str| folder.join(name);
        vec![
            ("make a file", File::create(at("new")).map(drop)),
            ("write to a file", OpenOptions::new().append(true).open(at("old")).map(drop)),
            ("read a file", File::open(at("old")).map(drop)),
            ("make a folder", fs::create_dir(at("folder"))),
            ("rename", fs::rename(at("old"), at("older"))),
            ("make a link", fs::hard_link(at("older"), at("linked"))),
            ("delete", fs::remove_file(at("older"))),
            ("start a process", Command::new("true").status().map(drop)),
            ("open a socket", UdpSocket::bind("127.0.0.1:0").map(drop)),
            ("open a local socket", UnixDatagram::unbound().map(drop)),
            ("start a thread", std::thread::Builder::new().spawn(|| ()).map(drop)),
        ]
    }

    #[test]
    fn in_the_cage_every_side_effect_is_refused_by_the_kernel() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("old"), "as it was").unwrap();
        let path = folder.path().to_path_buf();
        let mut open = OpenOptions::new().append(true).open(path.join("old")).unwrap();
        let caged = std::thread::spawn(move || {
            let filter = filter().unwrap();
            seccompiler::apply_filter(&filter).unwrap();
            let mut all = deeds(&path);
            all.push(("write to what was open before", open.write_all(b"x")));
            all.push(("connect", TcpStream::connect("127.0.0.1:9").map(drop)));
            all
        });
        for (name, result) in caged.join().unwrap() {
            let error = result.expect_err(name);
            assert_eq!(error.raw_os_error(), Some(libc::EPERM), "{name}: {error}");
        }
        assert_eq!(fs::read(folder.path().join("old")).unwrap(), b"as it was");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        // The same deeds work outside, so it was the cage that refused them.
        for (name, result) in deeds(folder.path()) {
            result.expect(name);
        }
    }
}
