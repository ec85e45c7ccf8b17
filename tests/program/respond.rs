//! Plan, approve, do, undo: as a user runs them, and in network namespaces that the test makes itself.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::run::{Place, Ran, root};

fn demo(place: &Place) {
    let ran = place.run(["scan".as_ref(), root().join("testdata/demo").as_os_str()]);
    assert_eq!(ran.code, 1, "{}", ran.err);
}

fn words(place: &Place, line: &str) -> Vec<std::ffi::OsString> {
    // `@name` is a path of this place.
    let word = |word: &str| match word.strip_prefix('@') {
        Some(name) => place.path(name).into_os_string(),
        None => word.into(),
    };
    line.split_whitespace().map(word).collect()
}

fn run(place: &Place, line: &str) -> Ran {
    place.run(words(place, line))
}

#[test]
fn an_incident_says_what_could_be_done_and_a_plan_says_it_exactly() {
    let place = Place::new();
    demo(&place);
    let shown = run(&place, "show 1");
    assert!(shown.out.contains("a)  block 203.0.113.50"), "{}", shown.out);
    assert!(shown.out.contains("left out: 192.0.2.10: it calls itself web-01"), "{}", shown.out);
    let plan = run(&place, "plan 1a -o @plan.json");
    assert_eq!(plan.code, 0, "{}", plan.err);
    for word in ["touches:", "why safe:", "ends: by itself after 24 h", "undo:", "D3-NTF"] {
        assert!(plan.out.contains(word), "{word}: {}", plan.out);
    }
    let read = run(&place, "plan @plan.json");
    assert_eq!(read.out.lines().last(), plan.out.lines().rev().nth(1), "the file is the same plan");
    // The same case gives the same plan, and so do its lines.
    let line = fs::read_to_string(place.path("home/cases/latest/incidents.jsonl")).unwrap();
    let incident: Value = serde_json::from_str(line.lines().next().unwrap()).unwrap();
    let remedy = &incident["unmapped"]["remedies"][0];
    assert_eq!(remedy["plan"].as_str().unwrap(), fs::read_to_string(place.path("plan.json")).unwrap());
    let whole = place.run([
        "scan".as_ref(),
        root().join("testdata/demo").as_os_str(),
        "-o".as_ref(),
        place.path("case").as_os_str(),
    ]);
    assert_eq!(whole.code, 1, "{}", whole.err);
    assert!(fs::read_to_string(place.path("case/report.html")).unwrap().contains("What could be done"));
    assert_eq!(run(&place, "plan 1a @case").out, read.out);
}

#[test]
fn what_is_no_plan_is_refused_with_words() {
    let place = Place::new();
    demo(&place);
    place.file("no.json", "{}");
    place.file("old.json", r#"{"incident":"i","step":{"do":"shell","line":"id"},"findings":[],"made_ms":0}"#);
    for (line, said) in [
        ("plan 1z", "has no remedy `z`: 1a"),
        ("plan 99a", "no incident 99"),
        ("plan @no.json", "no plan"),
        ("plan @old.json", "unknown variant"),
        ("plan @nowhere.json", "no remedy of an incident"),
        ("plan", "say what"),
        ("plan --block 203.0.113.9 --isolate", "one plan is one step"),
        ("plan --block 203.0.113.999", "no address or network"),
        ("plan --block 203.0.113.9 --for 3w", "30m"),
        ("plan --block 203.0.113.9 --port 22", "tcp/22"),
        ("plan --stop-process 4000000000", "no process"),
        ("plan --quarantine @nothing", "cannot read"),
        ("plan 1a --for 2h", "cannot be used with"),
        ("plan --lock-user ben --for 2h", "does not end by itself"),
        ("plan --lock-user root", "user root is protected"),
        ("plan --block 127.0.0.1", "is protected"),
        ("do", "required"),
        ("approve", "required"),
    ] {
        let ran = run(&place, line);
        assert_eq!(ran.code, 4, "{line}: {} {}", ran.out, ran.err);
        assert!(ran.err.contains(said), "{line}: {}", ran.err);
    }
    // A case that somebody changed does not make a plan.
    let path = place.path("home/cases/latest/incidents.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen("[\\\"203.0.113.50", "[\\\"203.0.113.51", 1)).unwrap();
    let ran = run(&place, "plan 1a");
    assert!(ran.code == 4 && ran.err.contains("the case was changed"), "{}", ran.err);
    // What holds a key hears it from the process that took the case apart.
    let ran = run(&place, "approve 1a -o @approval");
    assert!(ran.code == 4 && ran.err.contains("the case was changed"), "{}", ran.err);
    assert!(!place.path("approval").exists());
}

/// A process is named by what its number alone does not say, read before the command confines itself.
#[cfg(target_os = "linux")]
#[test]
fn a_plan_about_a_living_process_is_made() {
    let place = Place::new();
    let child = Served(Command::new("tail").args(["-f", "/dev/null"]).spawn().unwrap());
    for (flag, words) in [("--stop-process", "stop process"), ("--kill-process", "process")] {
        let ran = run(&place, &format!("plan {flag} {} -o @process.json", child.0.id()));
        assert!(ran.code == 0 && ran.out.contains(words), "{} {}", ran.out, ran.err);
    }
    let plan: Value = serde_json::from_str(&fs::read_to_string(place.path("process.json")).unwrap()).unwrap();
    assert_eq!(plan["step"]["process"]["exe_sha256"].as_str().map(str::len), Some(64));
}

#[cfg(target_os = "linux")]
#[test]
fn without_root_it_says_what_is_missing() {
    use std::os::unix::fs::{PermissionsExt, chown};
    use std::os::unix::process::CommandExt;

    let place = Place::new();
    demo(&place);
    let (mut command, root) = (place.command(), fs::metadata("/proc/self").is_ok_and(is_root));
    if root {
        // The program and the place must be within reach of nobody.
        fs::set_permissions(place.path(""), fs::Permissions::from_mode(0o755)).unwrap();
        let copy = place.path("shieldwall");
        // By another process: a file that is open for writing here would be so in every child that a test starts meanwhile.
        let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_shieldwall")).arg(&copy).status().unwrap();
        assert!(copied.success());
        for folder in ["home", "home/keys", "home/audit", "home/cases", "home/cases/latest"] {
            let path = place.path(folder);
            if path.exists() {
                chown(&path, Some(65534), Some(65534)).unwrap();
                for entry in fs::read_dir(&path).unwrap() {
                    chown(entry.unwrap().path(), Some(65534), Some(65534)).unwrap();
                }
            }
        }
        command = Command::new(copy);
        command.env("SHIELDWALL_HOME", place.path("home")).current_dir("/").uid(65534).gid(65534);
    }
    command.args(words(&place, "do 1a --yes --socket @none.sock --journal @j --policy @p"));
    let ran = Ran::of(command.output().unwrap());
    assert_eq!(ran.code, 4, "{} {}", ran.out, ran.err);
    for word in ["nobody can act here", "not root's", "shieldwall actuator", "sudo"] {
        assert!(ran.err.contains(word), "{word}: {}", ran.err);
    }
}

#[cfg(target_os = "linux")]
fn is_root(about: fs::Metadata) -> bool {
    std::os::unix::fs::MetadataExt::uid(&about) == 0
}

/// Two namespaces joined by a cable; they go when it is dropped.
struct Spaces([String; 2]);

impl Drop for Spaces {
    fn drop(&mut self) {
        for name in &self.0 {
            let _ = Command::new("ip").args(["netns", "del", name]).output();
        }
    }
}

fn sh(line: &str) -> Option<String> {
    let mut words = line.split_whitespace();
    let output = Command::new(words.next()?).args(words).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

impl Spaces {
    fn new(name: &str) -> Option<Self> {
        let id = format!("{name}{}", std::process::id());
        let spaces = Self([format!("swp{id}"), format!("swq{id}")]);
        let [a, b] = &spaces.0;
        for line in [
            format!("ip netns add {a}"),
            format!("ip netns add {b}"),
            format!("ip link add v{id} netns {a} type veth peer name w{id} netns {b}"),
            format!("ip -n {a} addr add 192.0.2.1/24 dev v{id}"),
            format!("ip -n {a} addr add 192.0.2.3/24 dev v{id}"),
            format!("ip -n {b} addr add 192.0.2.2/24 dev w{id}"),
            format!("ip -n {a} link set v{id} up"),
            format!("ip -n {b} link set w{id} up"),
            format!("ip -n {b} link set lo up"),
            format!("ip netns exec {b} nft list ruleset"),
        ] {
            if sh(&line).is_none() {
                eprintln!(
                    "SKIPPED: no network namespaces or no nft here (root, nftables and iproute2 are wanted): {line}"
                );
                return None;
            }
        }
        Some(spaces)
    }

    /// The program inside the second namespace.
    fn inside(&self, place: &Place, line: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.0[1]]).arg(env!("CARGO_BIN_EXE_shieldwall")).args(words(place, line));
        command.env("SHIELDWALL_HOME", place.path("home")).env_remove("SUDO_USER");
        command
    }

    fn run(&self, place: &Place, line: &str) -> Ran {
        let at = " --socket @s/a.sock --journal @journal --policy @p/actuator.toml";
        Ran::of(self.inside(place, &format!("{line}{at}")).output().unwrap())
    }

    /// Whether an address of the first namespace gets an answer from the second.
    fn reaches(&self, from: &str) -> bool {
        let [a, _] = &self.0;
        let cable = a.replacen("swp", "v", 1);
        let _ = sh(&format!("ip -n {a} route replace 192.0.2.2/32 src {from} dev {cable}"));
        // A refused connection is an answer, a dropped one is none.
        let knock = ["netns", "exec", a, "timeout", "1", "bash", "-c", "exec 3<>/dev/tcp/192.0.2.2/9"];
        Command::new("ip").args(knock).output().unwrap().status.code() != Some(124)
    }

    fn rules(&self) -> String {
        sh(&format!("ip netns exec {} nft list ruleset", self.0[1])).unwrap()
    }
}

#[test]
fn a_block_is_checked_done_listed_and_undone() {
    let Some(spaces) = Spaces::new("d") else { return };
    assert!(spaces.reaches("192.0.2.1"));
    let place = Place::new();
    let before = spaces.rules();
    assert_eq!(run(&place, "plan --block 192.0.2.1 --for 10m -o @plan.json").code, 0);

    let dry = spaces.run(&place, "do @plan.json --dry-run");
    assert_eq!(dry.code, 0, "{}", dry.err);
    assert!(dry.out.contains("would change") && dry.out.contains("nothing was changed"), "{}", dry.out);
    assert_eq!(spaces.rules(), before);
    // Also with approvals at hand, which are not used up by it.
    for name in ["one", "two"] {
        assert_eq!(run(&place, &format!("approve @plan.json -o @{name}")).code, 0);
    }
    let dry = spaces.run(&place, "do @plan.json --approval @one --approval @two --dry-run");
    assert!(dry.code == 0 && dry.out.contains("nothing was changed"), "{} {}", dry.out, dry.err);
    assert_eq!(spaces.rules(), before);
    // Nobody at the terminal and nobody's word: no.
    let silent = spaces.inside(&place, "do @plan.json --socket @s/a.sock --journal @journal --policy @p/actuator.toml");
    let silent = Ran::of({ silent }.stdin(Stdio::null()).output().unwrap());
    assert!(silent.code == 4 && silent.err.contains("nobody is here to ask"), "{}", silent.err);
    assert_eq!(spaces.rules(), before);

    let done = spaces.run(&place, "do @plan.json --yes");
    assert_eq!(done.code, 0, "{} {}", done.out, done.err);
    assert!(!spaces.reaches("192.0.2.1") && spaces.reaches("192.0.2.3"));
    let again = spaces.run(&place, "do @plan.json --yes");
    assert!(again.code == 4 && again.err.contains("already done"), "{}", again.err);

    let listed = spaces.run(&place, "actions");
    assert!(listed.out.contains("holds") && listed.out.contains("block 192.0.2.1 for 10 min"), "{}", listed.out);
    let hash = listed.out.split_whitespace().next().unwrap().to_owned();
    let event: Value = serde_json::from_str(&spaces.run(&place, "actions --format jsonl").out).unwrap();
    assert_eq!((event["class_uid"].as_u64(), event["activity_name"].as_str()), (Some(7004), Some("Isolate")));

    for word in ["undone", "nothing left to undo"] {
        let undone = spaces.run(&place, &format!("undo {hash}"));
        assert!(undone.code == 0 && undone.out.contains(word), "{} {}", undone.out, undone.err);
        assert_eq!(spaces.rules(), before, "byte for byte");
    }
    assert!(spaces.reaches("192.0.2.1"));
    // Without a signed policy nothing is done without a person.
    demo(&place);
    let auto = spaces.run(&place, "do 1a --auto");
    assert!(auto.code == 4 && auto.err.contains("no signed policy"), "{}", auto.err);
    let by_hand = spaces.run(&place, "do @plan.json --auto");
    assert!(by_hand.code == 4 && by_hand.err.contains("only a remedy"), "{}", by_hand.err);
    // Own addresses are never blocked, and everything of this is in the audit log.
    run(&place, "plan --block 192.0.2.2 -o @own.json");
    let own = spaces.run(&place, "do @own.json --yes");
    assert!(own.code == 4 && own.err.contains("an address of this machine"), "{}", own.err);
    let verified = run(&place, "audit verify");
    assert_eq!(verified.code, 0, "{} {}", verified.out, verified.err);
}

struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts the actuator in the second namespace and waits for its word.
fn serve(spaces: &Spaces, place: &Place) -> Served {
    use std::io::BufRead;
    let mut command = spaces.inside(place, "actuator --socket @s/a.sock --journal @journal --policy @p/actuator.toml");
    let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut said = String::new();
    let mut lines = std::io::BufReader::new(child.stderr.take().unwrap());
    while !said.contains("listening") {
        assert!(lines.read_line(&mut said).unwrap() > 0, "{said}");
    }
    Served(child)
}

#[test]
fn the_actuator_acts_on_a_word_of_the_operator_alone_and_outlives_a_kill() {
    let Some(spaces) = Spaces::new("a") else { return };
    assert!(spaces.reaches("192.0.2.1"));
    let place = Place::new();
    let policy = place.file("p/actuator.toml", "operators = [\"anna.pem\"]\n");
    fs::create_dir_all(place.path("s")).unwrap();
    assert_eq!(run(&place, "plan --block 192.0.2.1 --for 2s -o @plan.json").code, 0);
    assert_eq!(run(&place, "approve @plan.json -o @plan.approval").code, 0);
    // The operator's public half goes to the policy, the secret one stays where it was made.
    let key = fs::read_to_string(place.path("home/keys/operator.pem")).unwrap();
    let public = shieldwall_trust::key::SecretKey::from_pem(&key).unwrap().public().to_pem();
    fs::write(place.path("p/anna.pem"), public).unwrap();
    harden(&[place.path(""), place.path("p"), policy, place.path("p/anna.pem")]);

    let served = serve(&spaces, &place);
    let stranger = Place::new();
    assert_eq!(run(&stranger, "plan --block 192.0.2.1 --for 2s -o @plan.json").code, 0);
    let refused = spaces.inside(&stranger, "do @plan.json --yes").arg("--socket").arg(place.path("s/a.sock")).output();
    let refused = Ran::of(refused.unwrap());
    assert!(refused.code == 4 && refused.err.contains("not signed by a key that is believed"), "{}", refused.err);
    assert!(spaces.reaches("192.0.2.1"));

    let done = spaces.run(&place, "do @plan.json --approval @plan.approval");
    assert_eq!(done.code, 0, "{} {}", done.out, done.err);
    drop(served);
    // Killed: the kernel lifts the block by itself.
    let held = |spaces: &Spaces| spaces.rules().contains("192.0.2.1");
    while held(&spaces) {
        std::thread::yield_now();
    }
    assert!(spaces.reaches("192.0.2.1"));

    // A signed policy, and still: one sensor, one family and a day of history are not enough.
    let text = "operators = [\"anna.pem\"]\n[auto]\nverbs = [\"block\"]\nseconds = 86400\np = 0.001\nper_hour = 3\n";
    fs::write(place.path("p/actuator.toml"), text).unwrap();
    assert_eq!(run(&place, "approve --sign-policy @p/actuator.toml").code, 0);
    harden(&[place.path("p/actuator.toml.approval")]);
    demo(&place);
    let _served = serve(&spaces, &place);
    let auto = spaces.run(&place, "do 1a --auto");
    for word in ["fewer than 30", "one sensor alone", "one family"] {
        assert!(auto.code == 4 && auto.err.contains(word), "{word}: {}", auto.err);
    }
    let listed = spaces.run(&place, "actions");
    assert!(listed.out.contains("ended") && listed.out.contains("the actuator acts"), "{} {}", listed.out, listed.err);
    let replay = spaces.run(&place, "do @plan.json --approval @plan.approval");
    assert!(replay.code == 4 && replay.err.contains("used before"), "{}", replay.err);
}

#[cfg(unix)]
fn harden(paths: &[PathBuf]) {
    use std::os::unix::fs::PermissionsExt;
    for path in paths {
        let mode = if path.is_dir() { 0o755 } else { 0o644 };
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
}

#[cfg(not(unix))]
fn harden(_: &[PathBuf]) {}
