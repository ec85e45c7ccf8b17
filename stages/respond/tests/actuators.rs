//! Each actuator against a world of the test's own: apply, undo, state as before; undo twice; undo of what never began; a world that
//! lies is found out. The kernel's tables are in `namespace.rs`.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop where it is wrong")]

mod deed;

use std::collections::BTreeMap;
use std::fs::{self, File, FileTimes, Permissions};
use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, SystemTime};

use deed::{approve, keeps_the_laws, program};
use serde_json::{Value, json};
use shieldwall_respond::action::{RunError, Setup, of, recover, run, undo};
use shieldwall_respond::actuator::ask::{Answer, Ask};
use shieldwall_respond::actuator::{Actuator, Make};
use shieldwall_respond::approve::{sign, sign_undo};
use shieldwall_respond::journal::{Event, Journal};
use shieldwall_respond::plan::{Plan, Process, Step};
use shieldwall_respond::policy::{Policy, Template};
use shieldwall_trust::Hash;
use shieldwall_trust::key::SecretKey;

fn hash(bytes: &[u8]) -> String {
    Hash::of(bytes).to_string()
}

/// A child of the test, ended with it.
struct Sleeper(Child);

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Sleeper {
    fn start() -> Self {
        let child = Self(Command::new("sleep").arg("600").spawn().unwrap());
        // It is this test until it has become `sleep`.
        let own = fs::read_link("/proc/self/exe").unwrap();
        while fs::read_link(child.path("exe")).unwrap() == own {
            std::thread::yield_now();
        }
        child
    }

    fn path(&self, name: &str) -> String {
        format!("/proc/{}/{name}", self.0.id())
    }

    fn stat(&self, at: usize) -> String {
        let text = fs::read_to_string(self.path("stat")).unwrap();
        text.rsplit_once(')').unwrap().1.split_whitespace().nth(at).unwrap().to_owned()
    }

    /// Asleep or running is the same to us.
    fn state(&self) -> Value {
        json!(if self.stat(0) == "T" { "T" } else { "runs" })
    }

    fn process(&self) -> Process {
        let exe_sha256 = hash(&fs::read(self.path("exe")).unwrap());
        Process { pid: self.0.id(), start_ticks: self.stat(19).parse().unwrap(), exe_sha256 }
    }

    fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([name, &self.0.id().to_string()]).status().unwrap().success());
    }
}

#[test]
fn a_process_is_stopped_and_goes_on() {
    let sleeper = Sleeper::start();
    let step = Step::StopProcess { process: sleeper.process() };
    let make = || of(&step, &Setup::default()).unwrap();
    keeps_the_laws(
        &step,
        make,
        || {
            while sleeper.stat(0) == "R" {
                std::thread::yield_now();
            }
            sleeper.state()
        },
        || {
            sleeper.signal("-CONT");
            while sleeper.state() == "T" {
                std::thread::yield_now();
            }
        },
    );

    // What somebody else had stopped stays stopped.
    sleeper.signal("-STOP");
    while sleeper.state() != "T" {
        std::thread::yield_now();
    }
    let deed = approve(step.clone(), 7);
    let before = make().read(deed.plan()).unwrap();
    make().apply(&deed).unwrap();
    make().undo(deed.plan(), &before).unwrap();
    assert_eq!(sleeper.state(), "T");
}

#[test]
fn a_process_is_ended_once_and_never_another() {
    let mut sleeper = Sleeper::start();
    let right = sleeper.process();
    let make = |step: &Step| of(step, &Setup::default()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(&folder.path().join("journal")).unwrap();
    for (wrong, nonce) in [
        (Process { start_ticks: right.start_ticks + 1, ..right.clone() }, 1),
        (Process { exe_sha256: "0".repeat(64), ..right.clone() }, 2),
    ] {
        let step = Step::KillProcess { process: wrong };
        assert!(run(make(&step).as_mut(), &approve(step.clone(), nonce), &mut journal, 1).is_err());
        assert!(sleeper.0.try_wait().unwrap().is_none(), "it lives");
    }
    let step = Step::KillProcess { process: right };
    let deed = approve(step.clone(), 3);
    let before = make(&step).read(deed.plan()).unwrap();
    assert!(make(&step).verify(deed.plan()).unwrap_err().to_string().contains("still runs"));
    make(&step).undo(deed.plan(), &before).unwrap();
    run(make(&step).as_mut(), &deed, &mut journal, 1).unwrap();
    assert!(!sleeper.0.wait().unwrap().success());
    let hash = deed.plan().hash().to_string();
    let Err(RunError::Failed(error)) = undo(make(&step).as_mut(), &hash, "test", &mut journal, 2) else { panic!() };
    assert_eq!(error.kind(), io::ErrorKind::Unsupported);
    // Again: it is gone, and nobody else is hit.
    assert!(run(make(&step).as_mut(), &approve(step.clone(), 4), &mut journal, 3).is_err());
}

/// Everything of a file that undo must give back, and who else is in the folder.
fn file_state(path: &Path) -> Value {
    let names = |folder: &Path| {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort_unstable();
        names
    };
    let folder = names(path.parent().unwrap());
    match fs::symlink_metadata(path) {
        Err(_) => json!({ "folder": folder }),
        Ok(meta) => {
            json!({ "folder": folder, "ino": meta.ino(), "mode": meta.mode(), "uid": meta.uid(), "gid": meta.gid(),
            "mtime": [meta.mtime(), meta.mtime_nsec()], "atime": [meta.atime(), meta.atime_nsec()], "size": meta.size() })
        }
    }
}

fn attribute(path: &Path) -> Option<Vec<u8>> {
    let mut value = vec![0; 100];
    let taken = rustix::fs::getxattr(path, "user.shieldwall", value.as_mut_slice()).ok()?;
    value.truncate(taken);
    Some(value)
}

fn evil(folder: &Path) -> (std::path::PathBuf, Step) {
    let path = fs::canonicalize(folder).unwrap().join("evil");
    fs::write(&path, "evil").unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o4755)).unwrap();
    let old = SystemTime::UNIX_EPOCH + Duration::new(1_000_000_000, 123_456_789);
    let times = FileTimes::new().set_accessed(old).set_modified(old + Duration::from_nanos(7));
    File::options().write(true).open(&path).unwrap().set_times(times).unwrap();
    let _ = rustix::fs::setxattr(&path, "user.shieldwall", b"\0\xffx", rustix::fs::XattrFlags::empty());
    let step = Step::Quarantine { path: path.clone(), sha256: hash(b"evil") };
    (path, step)
}

#[test]
fn a_file_goes_into_quarantine_and_comes_back_whole() {
    for own in [false, true] {
        let (folder, store) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let store_path = fs::canonicalize(store.path()).unwrap();
        fs::set_permissions(&store_path, Permissions::from_mode(0o700)).unwrap();
        let setup = Setup { quarantine: own.then(|| store_path.clone()), ..Setup::default() };
        let (path, step) = evil(folder.path());
        let had = attribute(&path);
        if had.is_none() {
            eprintln!("SKIPPED: attributes of files (this file system has none)");
        }
        keeps_the_laws(
            &step,
            || of(&step, &setup).unwrap(),
            || file_state(&path),
            || {
                let inside = if own { store_path.clone() } else { path.with_file_name(".shieldwall-quarantine") };
                assert_eq!(fs::metadata(&inside).unwrap().mode() & 0o777, 0o700);
                let kept = fs::read_dir(&inside).unwrap().next().unwrap().unwrap().path();
                assert_eq!(fs::metadata(&kept).unwrap().mode() & 0o7777, 0);
                fs::set_permissions(&kept, Permissions::from_mode(0o644)).unwrap();
            },
        );
        assert_eq!(attribute(&path), had);
        assert!(fs::read_dir(&store_path).unwrap().next().is_none());
    }
}

#[test]
fn a_folder_that_others_write_is_not_trusted_with_the_quarantine() {
    let folder = tempfile::tempdir().unwrap();
    let home = fs::canonicalize(folder.path()).unwrap();
    let open = home.join("open");
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, Permissions::from_mode(0o777)).unwrap();
    // Theirs, to be in our way.
    fs::create_dir(open.join(".shieldwall-quarantine")).unwrap();
    let (path, step) = evil(&open);
    keeps_the_laws(
        &step,
        || of(&step, &Setup::default()).unwrap(),
        || file_state(&path),
        || {
            let kept = fs::read_dir(home.join(".shieldwall-quarantine")).unwrap().next().unwrap().unwrap().path();
            fs::set_permissions(&kept, Permissions::from_mode(0o644)).unwrap();
        },
    );
    assert!(!home.join(".shieldwall-quarantine").exists());
}

#[test]
fn quarantine_refuses_links_other_files_and_a_place_that_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let (path, step) = evil(folder.path());
    let make = || of(&step, &Setup::default()).unwrap();
    let said = |step: Step| {
        let deed = approve(step.clone(), 9);
        let mut action = of(&step, &Setup::default()).unwrap();
        let (read, apply) = (action.read(deed.plan()), action.apply(&deed));
        assert!(apply.is_err());
        read.unwrap_err().to_string()
    };
    let at = |path: &Path| Step::Quarantine { path: path.to_owned(), sha256: hash(b"evil") };
    let second = path.with_file_name("second");
    fs::hard_link(&path, &second).unwrap();
    assert!(said(step.clone()).contains("2 names"));
    fs::remove_file(&second).unwrap();
    symlink(&path, &second).unwrap();
    assert!(said(at(&second)).contains("symbolic link"));
    let around = path.with_file_name("around");
    symlink(path.parent().unwrap(), &around).unwrap();
    assert!(said(at(&around.join("evil"))).contains("is a link"));
    assert!(said(at(path.parent().unwrap())).contains("regular file"));
    assert!(said(at(&path.with_file_name("none"))).contains("not there"));
    let other = Step::Quarantine { path: path.clone(), sha256: hash(b"good") };
    assert!(said(other).contains("another file"));
    assert_eq!(fs::read(&path).unwrap(), b"evil");

    let deed = approve(step.clone(), 1);
    // A folder that others may enter is not taken.
    let inside = path.with_file_name(".shieldwall-quarantine");
    fs::create_dir(&inside).unwrap();
    fs::set_permissions(&inside, Permissions::from_mode(0o777)).unwrap();
    assert!(make().apply(&deed).unwrap_err().to_string().contains("not ours alone"));
    fs::remove_dir(&inside).unwrap();
    symlink("/tmp", &inside).unwrap();
    assert!(make().apply(&deed).is_err(), "a link in its place");
    fs::remove_file(&inside).unwrap();

    let before = make().read(deed.plan()).unwrap();
    make().apply(&deed).unwrap();
    fs::write(&path, "good").unwrap();
    make().verify(deed.plan()).unwrap();
    let error = make().undo(deed.plan(), &before).unwrap_err();
    assert!(error.to_string().contains("is taken by another file"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), b"good");
    fs::write(&path, "evil").unwrap();
    assert!(make().verify(deed.plan()).unwrap_err().to_string().contains("there again"));
    fs::remove_file(&path).unwrap();
    make().undo(deed.plan(), &before).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"evil");
    fs::remove_file(&path).unwrap();
    assert!(make().undo(deed.plan(), &before).unwrap_err().to_string().contains("neither"));
}

const SHADOW: &str = "root:$y$j9T$abc:19000:0:99999:7:::\nann:$6$salt$hash:19000:0:99999:7:::\n\
malformed line\n:::\nbob:!:19000:0:99999:7::20000:\n\u{fffd}\u{0}odd:x:1:2:3:4:5:6:7:8:9\nann2:!!:1::::::\nlast:*:1::::::no end of line";

fn root_with(shadow: &str) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("etc")).unwrap();
    let path = root.path().join("etc/shadow");
    fs::write(&path, shadow).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
    root
}

#[test]
fn a_user_is_locked_and_no_other_byte_changes() {
    for (user, locked) in [
        ("ann", "ann:!$6$salt$hash:19000:0:99999:7::1:\n"),
        ("bob", "bob:!:19000:0:99999:7::1:\n"),
        ("ann2", "ann2:!!:1:::::1:\n"),
        ("last", "last:!*:1:::::1:no end of line"),
    ] {
        let root = root_with(SHADOW);
        let path = root.path().join("etc/shadow");
        let setup = Setup { root: root.path().to_owned(), ..Setup::default() };
        let step = Step::LockUser { user: user.into() };
        let world = || {
            let mut names: Vec<_> =
                fs::read_dir(root.path().join("etc")).unwrap().map(|e| e.unwrap().file_name()).collect();
            names.retain(|name| name != ".pwd.lock");
            assert_eq!(names, ["shadow"], "nothing is left behind");
            json!([fs::read(&path).unwrap(), fs::metadata(&path).unwrap().mode()])
        };
        keeps_the_laws(
            &step,
            || of(&step, &setup).unwrap(),
            world,
            || {
                let text = fs::read_to_string(&path).unwrap();
                let line = SHADOW.split_inclusive('\n').find(|line| line.starts_with(&format!("{user}:"))).unwrap();
                assert_eq!(text, SHADOW.replace(line, locked));
                fs::write(&path, SHADOW).unwrap();
            },
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), SHADOW);
    }
}

#[test]
fn a_lock_refuses_what_it_does_not_understand_and_keeps_what_others_did() {
    let root = root_with(SHADOW);
    let path = root.path().join("etc/shadow");
    let setup = Setup { root: root.path().to_owned(), ..Setup::default() };
    let step = |user: &str| Step::LockUser { user: user.into() };
    let make = || of(&step("ann"), &setup).unwrap();
    for user in ["nobody", "malformed"] {
        assert!(make().apply(&approve(step(user), 1)).is_err(), "{user}");
    }
    let deed = approve(step("ann"), 2);
    let before = make().read(deed.plan()).unwrap();
    assert!(!before.to_string().contains("hash"), "no hash goes into the journal");
    make().apply(&deed).unwrap();
    // Meanwhile the administrator gives a new password and a new end.
    let theirs = SHADOW.replace("ann:$6$salt$hash:19000:0:99999:7::", "ann:new:19001:0:99999:7::30000");
    fs::write(&path, &theirs).unwrap();
    make().undo(deed.plan(), &before).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), theirs);
    fs::remove_file(&path).unwrap();
    symlink("/dev/null", &path).unwrap();
    assert!(make().apply(&deed).is_err(), "a link");
    assert!(make().undo(deed.plan(), &json!(null)).is_err(), "no state before");
}

#[test]
fn a_service_is_stopped_and_started_again() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    fs::write(&state, "active").unwrap();
    let systemctl = program(
        &folder.path().join("systemctl"),
        &format!(
            "S={}\ncase \"$1 $2 $3 $4\" in\n\
             'show --property=ActiveState,SubState,LoadState -- web.service') \
             echo \"SubState=x\"; echo LoadState=loaded; echo \"ActiveState=$(cat $S)\";;\n\
             'show --property=ActiveState,SubState,LoadState -- '*) echo LoadState=not-found; echo ActiveState=inactive; echo SubState=dead;;\n\
             'stop -- web.service ') echo inactive >$S;;\n\
             'start -- web.service ') echo active >$S;;\n\
             *) echo \"Failed to $1\" >&2; exit 5;;\nesac",
            state.display()
        ),
    );
    let setup = Setup { systemctl, ..Setup::default() };
    let step = Step::StopService { unit: "web.service".into() };
    let world = || json!(fs::read_to_string(&state).unwrap().trim());
    keeps_the_laws(&step, || of(&step, &setup).unwrap(), world, || fs::write(&state, "active").unwrap());

    // What did not run is not started.
    fs::write(&state, "inactive").unwrap();
    let deed = approve(step.clone(), 5);
    let before = of(&step, &setup).unwrap().read(deed.plan()).unwrap();
    of(&step, &setup).unwrap().apply(&deed).unwrap();
    of(&step, &setup).unwrap().undo(deed.plan(), &before).unwrap();
    assert_eq!(world(), "inactive");
    let none = Step::StopService { unit: "none.service".into() };
    let error = of(&none, &setup).unwrap().read(approve(none, 6).plan()).unwrap_err();
    assert!(error.to_string().contains("no unit `none.service`"), "{error}");
    let missing = Setup { systemctl: vec!["/nowhere/systemctl".into()], ..Setup::default() };
    let error = of(&step, &missing).unwrap().read(deed.plan()).unwrap_err().to_string();
    assert!(error.contains("is not here"), "{error}");
}

#[test]
fn sessions_are_ended_and_stay_ended() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("list");
    let lines = " 3 1000 ann seat0 tty2\n 5 1001 bob -\n c7 1000 ann -\n";
    fs::write(&list, lines).unwrap();
    let loginctl = program(
        &folder.path().join("loginctl"),
        &format!(
            "L={}\ncase \"$1\" in\nlist-sessions) cat $L;;\n\
             terminate-user) grep -v \" $2 \" $L >$L.new; mv $L.new $L;;\n*) exit 1;;\nesac",
            list.display()
        ),
    );
    let setup = Setup { loginctl, ..Setup::default() };
    let step = Step::EndSessions { user: "ann".into() };
    let make = || of(&step, &setup).unwrap();
    let deed = approve(step.clone(), 1);
    let before = make().read(deed.plan()).unwrap();
    assert_eq!(before, json!({ "sessions": 2 }));
    make().undo(deed.plan(), &before).unwrap();
    make().apply(&deed).unwrap();
    make().verify(deed.plan()).unwrap();
    assert_eq!(fs::read_to_string(&list).unwrap(), " 5 1001 bob -\n");
    assert_eq!(make().undo(deed.plan(), &before).unwrap_err().kind(), io::ErrorKind::Unsupported);
    make().apply(&deed).unwrap();
    fs::write(&list, lines).unwrap();
    assert!(make().verify(deed.plan()).unwrap_err().to_string().contains("still has sessions"));
}

/// A listener that answers once and gives what it was sent.
fn hook(answer: &'static str) -> (String, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook?token=secret", listener.local_addr().unwrap());
    let heard = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut text, mut buffer) = (String::new(), [0; 4096]);
        loop {
            let taken = stream.read(&mut buffer).unwrap();
            text.push_str(&String::from_utf8_lossy(&buffer[..taken]));
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap();
            if body.len() >= length.parse().unwrap() {
                break;
            }
        }
        stream.write_all(answer.as_bytes()).unwrap();
        text
    });
    (url, heard)
}

#[test]
fn a_message_is_posted_once_and_follows_nobody() {
    let step = Step::Notify { hook: "chat".into() };
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(&folder.path().join("journal")).unwrap();
    for (nonce, (answer, fine)) in [
        ("HTTP/1.1 204 No Content\r\n\r\n", true),
        ("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n", false),
        ("HTTP/1.1 500 No\r\n\r\n", false),
        ("SSH-2.0-x\r\n", false),
        ("", false),
    ]
    .into_iter()
    .enumerate()
    {
        let (url, heard) = hook(answer);
        let setup = Setup { hooks: [("chat".to_owned(), url.clone())].into(), ..Setup::default() };
        let deed = approve(step.clone(), nonce as u32);
        let mut action = of(&step, &setup).unwrap();
        assert!(action.verify(deed.plan()).is_err());
        assert!(!action.diff(deed.plan()).to_string().contains("secret"));
        let done = run(action.as_mut(), &deed, &mut journal, 1);
        assert_eq!(done.is_ok(), fine, "{answer}: {done:?}");
        if !fine {
            // A message that failed is no deed that hangs, and says why without the address's secret.
            assert!(matches!(&done, Err(RunError::Failed(error)) if !error.to_string().contains("secret")), "{done:?}");
        }
        let text = heard.join().unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("POST /hook?token=secret HTTP/1.1\r\nHost: 127.0.0.1:"), "{head}");
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["plan"], deed.plan().hash().to_string());
        assert_eq!((body["incident"].as_str(), body["words"].is_array()), (Some("i"), true));
    }
    assert!(journal.torn().is_empty());
    assert!(of(&step, &Setup::default()).is_err(), "no such hook");
    let closed = Setup { hooks: [("chat".to_owned(), "http://127.0.0.1:1/".to_owned())].into(), ..Setup::default() };
    assert!(of(&step, &closed).unwrap().apply(&approve(step.clone(), 9)).is_err());
}

#[test]
fn a_message_over_https_goes_through_curl_and_hides_its_address() {
    let folder = tempfile::tempdir().unwrap();
    let (said, args) = (folder.path().join("said"), folder.path().join("args"));
    let curl = program(
        &folder.path().join("curl"),
        &format!("cat >{}; echo \"$@\" >{}; printf 200", said.display(), args.display()),
    );
    let hooks: BTreeMap<String, String> = [("chat".to_owned(), "https://hook.example/secret".to_owned())].into();
    let step = Step::Notify { hook: "chat".into() };
    let deed = approve(step.clone(), 1);
    let mut action = of(&step, &Setup { hooks: hooks.clone(), curl, ..Setup::default() }).unwrap();
    action.apply(&deed).unwrap();
    action.verify(deed.plan()).unwrap();
    assert!(fs::read_to_string(&said).unwrap().starts_with("url = \"https://hook.example/secret\"\n"));
    let args = fs::read_to_string(&args).unwrap();
    assert!(args.starts_with("-q ") && args.contains("--max-redirs 0") && !args.contains("secret"), "{args}");
    for text in ["printf 302", "printf 000", "exit 7", "true"] {
        let curl = program(&folder.path().join("other"), &format!("cat >/dev/null; {text}"));
        let mut action = of(&step, &Setup { hooks: hooks.clone(), curl, ..Setup::default() }).unwrap();
        assert!(action.apply(&deed).is_err(), "{text}");
        assert!(action.verify(deed.plan()).is_err());
    }
    let missing = Setup { hooks, curl: vec!["/nowhere/curl".into()], ..Setup::default() };
    let error = of(&step, &missing).unwrap().apply(&deed).unwrap_err().to_string();
    assert!(error.contains("install it"), "{error}");
}

/// Through the actuator: a check runs nothing, and a command whose template names a way back is taken back that way.
#[test]
fn a_check_runs_no_command_and_undo_runs_its_undo() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("proc/sys/kernel/hostname", "gate\n"),
        ("proc/net/fib_trie", "|-- 192.0.2.7\n/32 host LOCAL\n"),
        ("proc/net/route", "head\n"),
        ("proc/net/tcp", "head\n"),
        ("etc/passwd", "root:x:0:0::/:/bin/sh\n"),
    ] {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let (flag, asked) = (folder.path().join("flag"), folder.path().join("asked"));
    let tool = program(
        &folder.path().join("tool"),
        "case \"$1\" in on) : >\"$2\";; off) rm -f \"$2\";; is) : >\"$3\"; test -e \"$2\";; esac",
    );
    let list =
        |words: &[&str]| tool.iter().cloned().chain(words.iter().map(|word| (*word).to_owned())).collect::<Vec<_>>();
    let (flag_text, asked_text) = (flag.to_str().unwrap(), asked.to_str().unwrap());
    let key = SecretKey::generate_ed25519().unwrap();
    let (argv, undo, verify) =
        (list(&["on", flag_text]), list(&["off", flag_text]), list(&["is", flag_text, asked_text]));
    let text = format!(
        "operators = [\"anna.pem\"]\nverbs = [\"command\"]\n[commands.flag]\nargv = {}\nundo = {}\nverify = {}\nseconds = 5\n",
        json!(argv),
        json!(undo),
        json!(verify)
    );
    for (name, text) in [("anna.pem", key.public().to_pem()), ("actuator.toml", text)] {
        fs::write(folder.path().join(name), text).unwrap();
        fs::set_permissions(folder.path().join(name), Permissions::from_mode(0o644)).unwrap();
    }
    let me = fs::metadata(folder.path()).unwrap().uid();
    let policy = Policy::load(&folder.path().join("actuator.toml"), me, 1).unwrap();
    let journal = Journal::open(&folder.path().join("journal")).unwrap();
    let make: Box<Make> = Box::new(|step, policy, protected| of(step, &Setup::new(policy, protected)));
    let mut actuator = Actuator::new(policy, journal, make, folder.path().to_path_buf(), 4_000_000);
    let step = Step::Command { template: "flag".into(), values: BTreeMap::new() };
    let plan = Plan { incident: "i".into(), host: None, step, findings: vec![], made_ms: 0 };
    let hash = plan.hash();
    let check = actuator.handle(Ask::Check { plan: plan.clone(), approvals: vec![] }, None, 1);
    assert!(matches!(check, Answer::Checked { .. }), "{check:?}");
    assert!(!asked.exists(), "nobody approved anything yet");
    let approvals = vec![sign(&plan, &key, 1, "00000000000000000000000000000001")];
    let done = actuator.handle(Ask::Apply { plan, approvals, claim: None }, None, 1);
    assert!(matches!(done, Answer::Done { .. }) && flag.exists(), "{done:?}");
    let approval = sign_undo(hash, &key, 2, "00000000000000000000000000000002");
    let undone = actuator.handle(Ask::Undo { plan: hash.to_string(), approval }, None, 2);
    assert!(matches!(undone, Answer::Undone { was: true, .. }) && !flag.exists(), "{undone:?}");
}

#[test]
fn a_command_is_the_operators_and_is_undone_by_theirs() {
    let folder = tempfile::tempdir().unwrap();
    let flag = folder.path().join("flag");
    let tool = program(
        &folder.path().join("tool"),
        "case \"$1\" in on) printf %s \"$3\" >\"$2\";; off) rm -f \"$2\";; is) test -e \"$2\";; \
         where) test \"$(pwd)\" = / && test -z \"$HOME\";; loud) exec cat /dev/zero;; hang) exec sleep 600;; *) exit 1;; esac",
    );
    let list =
        |words: &[&str]| tool.iter().cloned().chain(words.iter().map(|word| (*word).to_owned())).collect::<Vec<_>>();
    let flag_text = flag.to_str().unwrap();
    let plain = |words: &[&str]| Template { argv: list(words), undo: None, verify: None, seconds: 1 };
    let full = Template {
        argv: list(&["on", flag_text, "of {WHO}"]),
        undo: Some(list(&["off", flag_text])),
        verify: Some(list(&["is", flag_text])),
        seconds: 5,
    };
    let templates: BTreeMap<String, Template> = [
        ("flag".to_owned(), full),
        ("where".to_owned(), plain(&["where"])),
        ("fails".to_owned(), plain(&["no"])),
        ("loud".to_owned(), plain(&["loud"])),
        ("hang".to_owned(), plain(&["hang"])),
    ]
    .into();
    let setup = Setup { templates, ..Setup::default() };
    let values = [("WHO".to_owned(), "$(id) ; x".to_owned())].into();
    let step = Step::Command { template: "flag".into(), values };
    let world = || json!(fs::read_to_string(&flag).ok());
    // One actuator for all: it remembers what ended well.
    let deed = approve(step.clone(), 1);
    let mut action = of(&step, &setup).unwrap();
    let mut journal = Journal::open(&folder.path().join("journal")).unwrap();
    assert!(action.verify(deed.plan()).is_err());
    let before = action.read(deed.plan()).unwrap();
    action.undo(deed.plan(), &before).unwrap();
    assert_eq!(world(), Value::Null);
    run(action.as_mut(), &deed, &mut journal, 1).unwrap();
    assert_eq!(world(), "of $(id) ; x");
    fs::remove_file(&flag).unwrap();
    assert!(action.verify(deed.plan()).is_err(), "a lying world");
    fs::write(&flag, "again").unwrap();
    undo(of(&step, &setup).unwrap().as_mut(), &deed.plan().hash().to_string(), "test", &mut journal, 2).unwrap();
    assert_eq!(world(), Value::Null);
    action.undo(deed.plan(), &before).unwrap();

    for (name, fine) in [("where", true), ("fails", false), ("loud", false), ("hang", false)] {
        let step = Step::Command { template: name.into(), values: BTreeMap::new() };
        let deed = approve(step.clone(), 2);
        let mut action = of(&step, &setup).unwrap();
        let before = action.read(deed.plan()).unwrap();
        assert_eq!(action.apply(&deed).is_ok(), fine, "{name}");
        assert_eq!(action.verify(deed.plan()).is_ok(), fine, "{name}");
        assert_eq!(action.undo(deed.plan(), &before).unwrap_err().kind(), io::ErrorKind::Unsupported);
    }
    assert!(of(&step, &Setup::default()).is_err(), "none until the policy has one");
}

#[test]
fn what_has_no_way_back_is_closed_after_a_crash_and_keeps_no_other_from_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let mut journal = Journal::open(&path).unwrap();
    let (file, quarantine) = evil(folder.path());
    let setup = Setup { hooks: [("chat".to_owned(), "http://127.0.0.1:1/".to_owned())].into(), ..Setup::default() };
    for (nonce, step) in [Step::Notify { hook: "chat".into() }, quarantine].into_iter().enumerate() {
        let deed = approve(step.clone(), nonce as u32);
        let mut action = of(&step, &setup).unwrap();
        let before = action.read(deed.plan()).unwrap();
        let (plan, approver, nonce) = (deed.plan().clone(), deed.approver().to_owned(), deed.nonce().to_owned());
        journal.append(Event::Begin { plan, approver, nonce, before, at_ms: 1 }).unwrap();
        let _ = action.apply(&deed);
    }
    assert!(!file.exists());
    drop(journal);
    let mut journal = Journal::open(&path).unwrap();
    assert_eq!(recover(|plan| of(&plan.step, &setup).unwrap(), &mut journal, 2).unwrap(), 2);
    assert!(file.exists() && journal.torn().is_empty());
}
