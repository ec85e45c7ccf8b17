//! Runs another program: an argument list and no shell, a cleared environment, a bounded answer, a bounded time.
//!
//! One loop waits for the program's end and for its streams together, so that neither side can wait for the other. Every wait has
//! an end: what is not done in time is killed with its whole process group, which is ours because we made it.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

/// Where programs are looked for: the caller's own path may be anybody's.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Characters of an answer that stand in an error.
const SAID_CHARS_MAX: usize = 200;

/// What may be asked of a program.
pub(crate) struct Limits {
    /// How long it may take.
    pub(crate) time: Duration,
    /// Bytes that each of its two streams may have.
    pub(crate) bytes: usize,
}

/// What a program said and how it ended.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: ExitStatus,
    pub(crate) out: Vec<u8>,
    pub(crate) err: Vec<u8>,
}

impl Answer {
    /// Its standard output, if it ended well.
    pub(crate) fn ok(self, name: &str) -> io::Result<String> {
        if self.status.success() {
            return Ok(String::from_utf8_lossy(&self.out).into_owned());
        }
        let said = self.said();
        Err(io::Error::other(if said.is_empty() {
            format!("{name}: {}", self.status)
        } else {
            format!("{name}: {said}")
        }))
    }

    /// The first line of its complaint that says something.
    pub(crate) fn said(&self) -> String {
        let text = String::from_utf8_lossy(&self.err);
        let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        line.trim().chars().filter(|one| !one.is_control()).take(SAID_CHARS_MAX).collect()
    }
}

/// Runs `argv` and then `arguments` with `input`; `install` says what brings the program when it is missing.
pub(crate) fn run(
    argv: &[String],
    arguments: &[&str],
    input: &[u8],
    limits: &Limits,
    install: &str,
) -> io::Result<Answer> {
    let (program, first) = argv.split_first().ok_or_else(|| io::Error::other("no program is set"))?;
    let mut child = Command::new(program)
        .args(first)
        .args(arguments)
        .env_clear()
        .env("PATH", PATH)
        .env("LC_ALL", "C")
        .current_dir(Path::new("/"))
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => io::Error::new(error.kind(), format!("`{program}` is not here: {install}")),
            kind => io::Error::new(kind, format!("cannot start `{program}`: {error}")),
        })?;
    let ended = talk(&mut child, input, limits);
    if ended.is_err() {
        // The group is the child's own. What is already gone is no error.
        if let Some(pid) = pid_of(&child) {
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
    // It ended, or was killed just now: this does not wait for anything but the kernel.
    let status = child.wait()?;
    let (out, err) = ended.map_err(|error| io::Error::new(error.kind(), format!("`{program}` {error}")))?;
    Ok(Answer { status, out, err })
}

fn pid_of(child: &Child) -> Option<Pid> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw)
}

fn nonblocking(fd: BorrowedFd<'_>) -> io::Result<()> {
    Ok(fcntl_setfl(fd, fcntl_getfl(fd)? | OFlags::NONBLOCK)?)
}

/// Feeds the input and takes both answers until the program ends.
fn talk(child: &mut Child, input: &[u8], limits: &Limits) -> io::Result<(Vec<u8>, Vec<u8>)> {
    let ends = pidfd_open(pid_of(child).ok_or_else(|| io::Error::other("has no number"))?, PidfdFlags::empty())?;
    let (mut pipe, mut stdout, mut stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    for fd in [pipe.as_ref().map(AsFd::as_fd), stdout.as_ref().map(AsFd::as_fd), stderr.as_ref().map(AsFd::as_fd)] {
        fd.map_or(Ok(()), nonblocking)?;
    }
    let until = Instant::now() + limits.time;
    let (mut rest, mut out, mut err) = (input, Vec::new(), Vec::new());
    loop {
        if rest.is_empty() {
            pipe = None;
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("did not end within {} s and was killed", limits.time.as_secs_f32()),
            ));
        }
        let mut fds = vec![PollFd::new(&ends, PollFlags::IN)];
        fds.extend(stdout.as_ref().map(|stream| PollFd::new(stream, PollFlags::IN)));
        fds.extend(stderr.as_ref().map(|stream| PollFd::new(stream, PollFlags::IN)));
        fds.extend(pipe.as_ref().map(|stream| PollFd::new(stream, PollFlags::OUT)));
        let wait =
            Timespec { tv_sec: left.as_secs().try_into().unwrap_or(i64::MAX), tv_nsec: left.subsec_nanos().into() };
        match poll(&mut fds, Some(&wait)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let ended = fds.first().is_some_and(|fd| !fd.revents().is_empty());
        drop(fds);
        if let Some(stream) = &mut pipe {
            match stream.write(rest) {
                Ok(taken) => rest = rest.get(taken..).unwrap_or_default(),
                Err(error) if is_later(&error) => {}
                // It reads no more; its status says why.
                Err(_) => rest = &[],
            }
        }
        take(&mut stdout, &mut out, limits.bytes)?;
        take(&mut stderr, &mut err, limits.bytes)?;
        // A grandchild may hold the streams open for ever; what the program itself said is in by now.
        if ended {
            return Ok((out, err));
        }
    }
}

fn is_later(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// Takes what a stream has now.
fn take(stream: &mut Option<impl Read>, into: &mut Vec<u8>, most: usize) -> io::Result<()> {
    let mut buffer = [0; 16 << 10];
    while let Some(open) = stream {
        match open.read(&mut buffer) {
            Ok(0) => *stream = None,
            Ok(taken) if into.len() + taken > most => {
                return Err(io::Error::other(format!("said more than {most} bytes and was killed")));
            }
            Ok(taken) => into.extend_from_slice(buffer.get(..taken).unwrap_or_default()),
            Err(error) if is_later(&error) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Looks until something holds, `times` times with `every` between: for states that the system reaches by itself.
pub(crate) fn until(times: u32, every: Duration, mut holds: impl FnMut() -> io::Result<bool>) -> io::Result<bool> {
    let wait = Timespec { tv_sec: 0, tv_nsec: every.subsec_nanos().into() };
    for _ in 0..times {
        if holds()? {
            return Ok(true);
        }
        // Waits for nothing but the time; a signal makes it shorter, which only looks earlier.
        let _ = poll(&mut [], Some(&wait));
    }
    holds()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(argv: &[&str], input: &[u8], millis: u64, bytes: usize) -> io::Result<Answer> {
        let argv: Vec<String> = argv.iter().map(|word| (*word).to_owned()).collect();
        run(&argv, &[], input, &Limits { time: Duration::from_millis(millis), bytes }, "install it")
    }

    #[test]
    fn a_program_is_heard_bounded_and_ended() {
        let long = vec![b'x'; 1 << 20];
        let answer = ask(&["cat"], &long, 10_000, 2 << 20).unwrap();
        assert_eq!(answer.out, long, "more than a pipe holds goes both ways");
        let over = ask(&["cat"], &long, 10_000, 1 << 10).unwrap_err().to_string();
        assert!(over.contains("more than 1024 bytes"), "{over}");
        let late = ask(&["sleep", "600"], &[], 50, 1 << 10).unwrap_err();
        assert_eq!(late.kind(), io::ErrorKind::TimedOut, "{late}");
        let missing = ask(&["shieldwall-no-such-program"], &[], 50, 1).unwrap_err().to_string();
        assert!(missing.contains("is not here: install it"), "{missing}");
        assert!(ask(&["false"], &long, 10_000, 1 << 10).unwrap().ok("false").is_err());
        assert!(ask(&[], &[], 50, 1).is_err());
        let names = String::from_utf8(ask(&["env"], &[], 10_000, 1 << 10).unwrap().out).unwrap();
        assert!(names.lines().all(|line| line.starts_with("PATH=") || line.starts_with("LC_ALL=")), "{names}");
        // A grandchild that keeps the streams does not keep us.
        let kept = ask(&["sh", "-c", "echo said; sleep 2 & exit 0"], &[], 1_500, 1 << 10).unwrap();
        assert_eq!(kept.out, b"said\n");
    }
}
