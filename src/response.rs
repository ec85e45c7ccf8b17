//! From the program to what acts: which plan is meant, who acts here, and with whose key a person speaks.
//!
//! A running actuator is asked on its socket. Without one, root acts in this very process, with the same code, policy, guards and
//! journal; anybody else is told what is missing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use clap::Args;
use shieldwall_respond::actuator::ask::{Answer, Ask};
use shieldwall_respond::level::Claim;
use shieldwall_respond::plan::{PLAN_BYTES_MAX, Plan};
use shieldwall_trust::key::SecretKey;

use crate::case::Case;
use crate::home::Home;

#[cfg(target_os = "linux")]
pub use here::{open, user_name};

/// Where the actuator listens.
pub const SOCKET: &str = "/run/shieldwall/actuator.sock";
/// What the operator allows.
pub const POLICY: &str = "/etc/shieldwall/actuator.toml";
/// What was done.
pub const JOURNAL: &str = "/var/lib/shieldwall/actions.journal";

/// Where what acts is; the same for every verb that asks it.
#[derive(Debug, Args)]
pub struct Where {
    /// The actuator's socket
    #[arg(long, value_name = "SOCKET", default_value = SOCKET)]
    pub socket: PathBuf,
    /// What the operator allows
    #[arg(long, value_name = "FILE", default_value = POLICY)]
    pub policy: PathBuf,
    /// What was done
    #[arg(long, value_name = "FILE", default_value = JOURNAL)]
    pub journal: PathBuf,
}

/// Which plan: `1a`, or a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// An incident's number and the letter of what could be done.
    Remedy(usize, String),
    /// A plan's file.
    File(PathBuf),
}

/// Reads `1a`, or takes it for a file's name.
pub fn which(text: &str) -> Result<Which, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, letter) = text.split_at_checked(digits).unwrap_or((text, ""));
    match number.parse::<usize>() {
        Ok(number) if number > 0 && letter.len() == 1 && letter.bytes().all(|byte| byte.is_ascii_lowercase()) => {
            Ok(Which::Remedy(number, letter.to_owned()))
        }
        _ if text.is_empty() => Err("say a remedy of an incident (1a), or a plan's file".to_owned()),
        _ => Ok(Which::File(text.into())),
    }
}

/// The case that is meant: the one named, or the last.
///
/// # Errors
/// When there is none.
pub fn case(home: &Home, named: Option<&Path>) -> Result<Case> {
    match named {
        Some(folder) => Case::open(folder),
        None => Case::open(&home.latest_case())
            .map_err(|error| error.context("no scan to act on: run `shieldwall scan PATH` first, or name a case")),
    }
}

/// The plan that is meant.
///
/// # Errors
/// When there is no such remedy, or the file is no plan.
pub fn plan(which: &Which, home: &Home, named: Option<&Path>) -> Result<Plan> {
    match which {
        Which::File(path) => {
            let shown = path.display();
            if !path.exists() {
                bail!("`{shown}` is no remedy of an incident (1a), no file, and no action's first six digits or more");
            }
            let about = fs::metadata(path).with_context(|| format!("cannot read the plan `{shown}`"))?;
            if about.len() > PLAN_BYTES_MAX {
                bail!("`{shown}` is longer than any plan");
            }
            let bytes = fs::read(path).with_context(|| format!("cannot read the plan `{shown}`"))?;
            Plan::read(&bytes).with_context(|| format!("`{shown}`"))
        }
        Which::Remedy(number, letter) => {
            let (count, told) = case(home, named)?.incident(*number)?;
            let Some(told) = told else { bail!("there is no incident {number}: this case has {count}") };
            let remedies = &told.story.remedies;
            let Some(remedy) = remedies.iter().find(|remedy| remedy.letter == *letter) else {
                let known: Vec<String> = remedies.iter().map(|remedy| format!("{number}{}", remedy.letter)).collect();
                let known = if known.is_empty() { "it has none".to_owned() } else { known.join(", ") };
                bail!("incident {number} has no remedy `{letter}`: {known}");
            };
            let plan = Plan::read(remedy.plan.as_bytes()).context("the case's plan")?;
            // A case is a file that others may have written: what is done is what was shown.
            if plan.hash().to_string() != remedy.plan_sha256 || plan.incident != told.incident.uid {
                bail!("the case was changed: scan again");
            }
            Ok(plan)
        }
    }
}

/// The plan that is meant, for commands that act or hold a secret key: a case is a large file that a core wrote which reads an
/// attacker's bytes, so another process takes it apart behind walls (`shieldwall plan`), and only the small plan comes over.
///
/// # Errors
/// As [`plan`], in that process' words.
pub fn plan_apart(which: &Which, home: &Home, named: Option<&Path>, confined: bool) -> Result<Plan> {
    let Which::Remedy(number, letter) = which else { return plan(which, home, named) };
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let path = folder.path().join("plan.json");
    let mut command = Command::new(std::env::current_exe().context("where this program is")?);
    command.arg("--data-dir").arg(home.root()).args((!confined).then_some("--no-confine"));
    command.arg("plan").arg("-o").arg(&path).arg("--").arg(format!("{number}{letter}")).args(named);
    let ran = command.stdin(Stdio::null()).output().context("cannot read the case in a process of its own")?;
    if !ran.status.success() {
        let words = String::from_utf8_lossy(&ran.stderr);
        let words = words.lines().find_map(|line| line.strip_prefix("error: ")).unwrap_or("the case cannot be read");
        bail!("{words}");
    }
    plan(&Which::File(path), home, None)
}

/// What speaks for doing a remedy without a person.
///
/// # Errors
/// When it is no remedy of an incident: a plan by hand is a person's own.
pub fn claim(which: &Which, home: &Home, named: Option<&Path>) -> Result<Claim> {
    let Which::Remedy(number, letter) = which else { bail!("only a remedy of an incident is done without a person") };
    let (_, told) = case(home, named)?.incident(*number)?;
    let remedies = told.map(|told| told.story.remedies).unwrap_or_default();
    let remedy = remedies.iter().find(|remedy| remedy.letter == *letter && !remedy.claim.is_empty());
    let Some(remedy) = remedy else { bail!("nothing speaks for doing {number}{letter} without a person") };
    serde_json::from_str(&remedy.claim).context("the case was changed: scan again")
}

/// The key with which a person approves: the one named, or the data directory's own; made when it is first needed.
///
/// # Errors
/// When it cannot be read or made, or others could have read it.
pub fn operator(home: &Home, named: Option<&Path>) -> Result<SecretKey> {
    match named {
        Some(path) => Ok(SecretKey::load(path)?),
        None => SecretKey::load_or_create(&home.operator_key()).context("the operator's key"),
    }
}

/// A number that is used once.
///
/// # Errors
/// When the system has no random numbers.
pub fn nonce() -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no random numbers: {error}"))?;
    Ok(crate::line::hex(&bytes))
}

/// Who acts here.
pub trait Acts {
    /// Asks.
    ///
    /// # Errors
    /// When nobody answers.
    fn ask(&mut self, ask: Ask) -> Result<Answer>;

    /// In words, who that is.
    fn who(&self) -> &'static str;
}

/// An answer that is none of those asked for, as an error.
pub fn refused(answer: Answer) -> anyhow::Error {
    match answer {
        Answer::Refused { why } => anyhow::anyhow!("not done: {}", why.join("; ")),
        Answer::Failed { why } => anyhow::anyhow!("{why}"),
        other => anyhow::anyhow!("an answer to another question: {other:?}"),
    }
}

#[cfg(target_os = "linux")]
mod here {
    use std::fs::{self, File};
    use std::io::ErrorKind;
    use std::os::unix::net::UnixStream;
    use std::path::Path;

    use anyhow::{Context, Result, bail};
    use shieldwall_respond::action::{Setup, of};
    use shieldwall_respond::actuator::ask::{Answer, Ask};
    use shieldwall_respond::actuator::{Actuator, Make, serve};
    use shieldwall_respond::journal::Journal;
    use shieldwall_respond::policy::Policy;

    use super::{Acts, Where};
    use crate::books;
    use crate::home::Home;

    struct Socket(std::path::PathBuf);

    impl Acts for Socket {
        fn ask(&mut self, ask: Ask) -> Result<Answer> {
            let shown = self.0.display();
            let stream =
                UnixStream::connect(&self.0).with_context(|| format!("cannot reach the actuator at `{shown}`"))?;
            serve::ask(&stream, &ask).with_context(|| format!("the actuator at `{shown}`"))
        }
        fn who(&self) -> &'static str {
            "the actuator"
        }
    }

    struct Own(Actuator<File>);

    impl Acts for Own {
        fn ask(&mut self, ask: Ask) -> Result<Answer> {
            Ok(self.0.handle(ask, login_name().as_deref(), books::now_ms()))
        }
        fn who(&self) -> &'static str {
            "this process, as root"
        }
    }

    /// Whoever acts here: the actuator that listens, or this process if it is root's.
    ///
    /// # Errors
    /// When nobody can act, with what is missing.
    pub fn open(at: &Where, home: &Home) -> Result<Box<dyn Acts>> {
        let root = rustix::process::geteuid().is_root();
        // A socket without a listener is what an actuator left that was ended by hand: then root acts as if there were none.
        let stale = || UnixStream::connect(&at.socket).is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused);
        if at.socket.exists() && !(root && stale()) {
            return Ok(Box::new(Socket(at.socket.clone())));
        }
        if !root {
            bail!(
                "nobody can act here: no actuator listens at `{}` and this process is not root's; start one with \
                 `shieldwall actuator` as root (its unit: `shieldwall actuator --unit`), or run this with sudo",
                at.socket.display()
            );
        }
        let mut actuator = actuator(&at.policy, &at.journal, Some(home))?;
        actuator.recover(books::now_ms()).context("what a crash left could not be taken back")?;
        Ok(Box::new(Own(actuator)))
    }

    /// The actuator with its policy and journal. Without a policy file, `home`'s own operator is believed.
    ///
    /// # Errors
    /// When one of them cannot be used.
    pub(crate) fn actuator(policy: &Path, journal: &Path, home: Option<&Home>) -> Result<Actuator<File>> {
        let read = match (policy.exists(), home) {
            (false, Some(home)) => Policy::of(vec![super::operator(home, None)?.public()]),
            (false, None) => bail!(
                "no policy at `{}`: write one that names the operators (docs/guides/responding.md)",
                policy.display()
            ),
            (true, _) => Policy::load(policy, 0, books::now_ms())?,
        };
        if let Some(folder) = journal.parent() {
            fs::create_dir_all(folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
        }
        let opened = Journal::open(journal).with_context(|| format!("`{}`", journal.display()))?;
        let make: Box<Make> = Box::new(|step, policy, protected| of(step, &Setup::new(policy, protected)));
        Ok(Actuator::new(read, opened, make, "/".into(), std::process::id()))
    }

    /// The login name of a user id, of `/etc/passwd`.
    pub fn user_name(uid: u32) -> Option<String> {
        let passwd = fs::read_to_string("/etc/passwd").ok()?;
        passwd.lines().find_map(|line| {
            let mut parts = line.split(':');
            let name = parts.next()?;
            (parts.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
        })
    }

    /// Who asks: behind `sudo`, whoever called it.
    fn login_name() -> Option<String> {
        std::env::var("SUDO_USER")
            .ok()
            .filter(|name| !name.is_empty())
            .or_else(|| user_name(rustix::process::getuid().as_raw()))
    }
}

#[cfg(target_os = "linux")]
pub(crate) use here::actuator;

/// Elsewhere nothing acts.
///
/// # Errors
/// Always.
#[cfg(not(target_os = "linux"))]
pub fn open(_: &Where, _: &Home) -> Result<Box<dyn Acts>> {
    bail!("this system has no actuator: plans can be made, approved and rehearsed here, and applied on Linux")
}
