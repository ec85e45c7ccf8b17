//! Each wall is run against, in a process of its own: what is given up does not come back.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that meets the unexpected must fail, one that skips must say so"
)]

use std::fs::{self, File};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::Command;

use super::*;

/// Names the folder in which the confined child runs its tries.
const CHILD: &str = "SHIELDWALL_TEST_CONFINED_IN";

/// Runs a test of this file again in a child; its tries are in what `child` does with the folder.
fn in_child(test: &str, child: fn(&Path)) {
    if let Some(folder) = std::env::var_os(CHILD) {
        child(Path::new(&folder));
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("in")).unwrap();
    fs::create_dir_all(folder.path().join("out/empty")).unwrap();
    fs::write(folder.path().join("in/one"), "one").unwrap();
    fs::write(folder.path().join("out/one"), "one").unwrap();
    fs::write(folder.path().join("out/named"), "named").unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(CHILD, folder.path())
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    assert!(out.contains("1 passed"), "the child did not run: {out}");
    for line in err.lines().filter(|line| line.contains("SKIPPED")) {
        eprintln!("{line}");
    }
    // Seen from outside: nothing there was changed, everything inside was.
    assert_eq!(fs::read_to_string(folder.path().join("out/one")).unwrap(), "one");
}

fn is_refused<T>(result: std::io::Result<T>, what: &str) {
    let error = result.err().unwrap_or_else(|| panic!("{what} was not refused"));
    assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied, "{what}: {error}");
}

#[test]
fn the_filter_refuses_programs_sockets_and_owners() {
    in_child("confine::tests::the_filter_refuses_programs_sockets_and_owners", |folder| {
        let socket = folder.join("socket");
        let _listener = UnixListener::bind(&socket).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (file, path) = (File::open(folder.join("in/one")).unwrap(), folder.join("in/one"));
        if !calls::restrict() {
            eprintln!("SKIPPED: no system-call filter on this machine");
            return;
        }
        is_refused(Command::new("/bin/true").status(), "a program");
        is_refused(TcpStream::connect(("127.0.0.1", port)), "a TCP connection");
        is_refused(TcpListener::bind("127.0.0.1:0"), "a TCP port");
        is_refused(UdpSocket::bind("127.0.0.1:0"), "a UDP port");
        is_refused(UnixStream::connect(&socket), "a Unix socket");
        is_refused(std::os::unix::fs::chown(&path, None, Some(0)), "an owner");
        is_refused(std::os::unix::fs::chroot("/"), "a root");
        let mode: fs::Permissions = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        is_refused(fs::set_permissions(&path, mode), "a mode");
        is_refused(file.set_modified(std::time::UNIX_EPOCH), "a time");
        // A signal to oneself too: nobody else is signalled in a test.
        let own = rustix::process::getpid();
        let signal = rustix::process::kill_process(own, rustix::process::Signal::CONT);
        is_refused(signal.map_err(Into::into), "a signal");
        let look = rustix::process::pidfd_open(own, rustix::process::PidfdFlags::empty());
        is_refused(look.map_err(Into::into), "a handle of a process");
        // Threads start, and stand behind the same wall.
        let of_thread = std::thread::spawn(|| (UdpSocket::bind("127.0.0.1:0"), status())).join().unwrap();
        is_refused(of_thread.0, "a UDP port in a thread");
        assert_eq!(of_thread.1, ("1".to_owned(), "2".to_owned()));
    });
}

#[test]
fn files_change_only_where_they_may() {
    in_child("confine::tests::files_change_only_where_they_may", |folder| {
        let port = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = port.local_addr().unwrap();
        let allowed = places::Allowed {
            folders: vec![folder.join("in"), folder.join("nowhere")],
            files: vec![folder.join("out/named")],
        };
        let Some(abi) = files::restrict(&allowed) else {
            eprintln!("SKIPPED: no Landlock on this machine");
            return;
        };
        for place in ["in", "out"] {
            assert_eq!(fs::read_to_string(folder.join(place).join("one")).unwrap(), "one", "reading stays open");
        }
        assert!(fs::read_dir(folder.join("out")).unwrap().count() > 0);
        fs::write(folder.join("in/two"), "2").unwrap();
        fs::rename(folder.join("in/two"), folder.join("in/three")).unwrap();
        fs::remove_file(folder.join("in/three")).unwrap();
        fs::create_dir_all(folder.join("in/deep/deeper")).unwrap();
        fs::remove_dir_all(folder.join("in/deep")).unwrap();
        fs::write(folder.join("out/named"), "other").unwrap();

        let out = folder.join("out");
        is_refused(File::create(out.join("new")), "a new file");
        is_refused(File::options().append(true).open(out.join("one")), "a file's content");
        is_refused(fs::remove_file(out.join("one")), "removing a file");
        is_refused(fs::remove_file(out.join("named")), "removing the named file");
        is_refused(fs::create_dir(out.join("new")), "a new folder");
        is_refused(fs::remove_dir(out.join("empty")), "removing a folder");
        is_refused(std::os::unix::fs::symlink("one", out.join("link")), "a link");
        is_refused(std::os::unix::fs::symlink("one", folder.join("in/link")), "a link inside");
        is_refused(Command::new("/bin/true").status(), "a program");
        assert!(fs::rename(folder.join("in/one"), out.join("moved")).is_err(), "moving out was not refused");
        assert!(fs::hard_link(out.join("one"), folder.join("in/linked")).is_err(), "linking in was not refused");
        if abi >= 3 {
            is_refused(File::options().write(true).truncate(true).open(out.join("one")), "cutting a file");
        }
        if abi >= 4 {
            is_refused(TcpStream::connect(address), "a TCP connection");
        }
        if abi >= 6 {
            let parent = rustix::process::getppid().unwrap();
            let signal = rustix::process::kill_process(parent, rustix::process::Signal::CONT);
            is_refused(signal.map_err(Into::into), "a signal to the parent");
        }
    });
}

#[test]
fn narrower_is_narrower() {
    in_child("confine::tests::narrower_is_narrower", |folder| {
        let (wide, out) = (Needs::default().folder(folder.join("in")).folder(folder.join("out")), folder.join("out"));
        if core(&wide).landlock_abi.is_none() {
            eprintln!("SKIPPED: no Landlock on this machine");
            return;
        }
        fs::write(out.join("named"), "1").unwrap();
        narrow(&Needs::default().folder(folder.join("in")));
        is_refused(fs::write(out.join("named"), "2"), "what was given up");
        fs::write(folder.join("in/two"), "2").unwrap();
        narrow(&wide);
        is_refused(fs::write(out.join("named"), "2"), "what was asked back");
    });
}

#[test]
fn the_report_says_what_the_kernel_says() {
    in_child("confine::tests::the_report_says_what_the_kernel_says", |folder| {
        assert_eq!(status(), ("0".to_owned(), "0".to_owned()), "looking changes nothing");
        let said = words();
        assert_eq!(status(), ("0".to_owned(), "0".to_owned()), "asking what is active changes nothing");
        let needs = Needs::default().folder(folder.join("in/made/deep")).file(folder.join("in/made/file")).spool();
        let report = core(&needs);
        assert_eq!(said, report.words());
        let expected = if report.no_new_privs { "1" } else { "0" };
        assert_eq!(status().0, expected);
        assert_eq!(status().1, if report.seccomp { "2" } else { "0" });
        fs::write(folder.join("in/made/file"), "x").unwrap();
        fs::write(folder.join("in/made/deep/file"), "x").unwrap();
        std::io::Write::write_all(&mut tempfile::tempfile().unwrap(), b"spilled").unwrap();
        tempfile::tempdir().unwrap().close().unwrap();
    });
}

/// `NoNewPrivs` and `Seccomp` of this thread, as the kernel tells them.
fn status() -> (String, String) {
    let status = fs::read_to_string("/proc/thread-self/status").unwrap();
    let of = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().to_owned()
    };
    (of("NoNewPrivs:"), of("Seccomp:"))
}

#[test]
fn what_is_missing_is_said() {
    for (report, words) in [
        (
            Report::default(),
            "the core: not confined; this system has no no-new-privileges, no landlock, no system-call filter",
        ),
        (
            Report { no_new_privs: true, landlock_abi: None, seccomp: true },
            "the core: no new privileges, system-call filter; this system has no landlock",
        ),
        (
            Report { no_new_privs: true, landlock_abi: Some(7), seccomp: true },
            "the core: no new privileges, landlock (ABI 7), system-call filter",
        ),
    ] {
        assert_eq!(report.words(), words);
    }
}
