//! `shieldwall rules`: list, check, test and add Sigma rules.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use shieldwall_detect::sigma::ir::RuleSet;
use shieldwall_detect::sigma::load::{self, Loaded};
use shieldwall_detect::sigma::matcher::{Dormant, Matcher, Options};
use shieldwall_trust::Hash;
use shieldwall_trust::audit::Event;
use shieldwall_trust::pack::Kind;

use super::{Global, Outcome};
use crate::books;
use crate::confine::Needs;
use crate::home::write_durably;
use crate::line::{self, LineOptions, hex};
use crate::output::escape::escape;
use crate::packs::lock::{Lock, Locked};
use crate::packs::{self, Choice};

/// Flags of `rules`, as written.
#[derive(Debug, Args)]
pub struct RulesArgs {
    #[command(subcommand)]
    command: RulesCommand,
}

#[derive(Debug, Subcommand)]
enum RulesCommand {
    /// List the rules that a scan would run
    List {
        /// More rules: a folder, a file or a zip
        #[arg(long, value_name = "DIR|ZIP")]
        rules: Vec<PathBuf>,
        /// Leave out the built-in rules and added packs
        #[arg(long)]
        no_builtin_rules: bool,
    },
    /// Compile rules; say which are refused, and why
    Check {
        /// Folders, files or zips
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<PathBuf>,
    },
    /// Run each rule on its own examples: NAME.true.* must match NAME.yml, NAME.false.* must not
    Test {
        /// A folder of rules with their examples beside them
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
    /// Take a pack in: compiled, kept under the data directory, run by every scan
    Add {
        /// A folder, a file or a zip
        #[arg(value_name = "PACK")]
        pack: PathBuf,
        /// The pack's name [default: the file's name]
        #[arg(long)]
        name: Option<String>,
        /// Take the place of an added pack of the same name
        #[arg(long)]
        replace: bool,
    },
}

/// Runs the command.
pub fn run(global: &Global, args: &RulesArgs) -> Result<Outcome> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let outcome = match &args.command {
        RulesCommand::List { rules, no_builtin_rules } => list(global, rules, *no_builtin_rules, &mut out),
        RulesCommand::Check { paths } => {
            global.confine(&Needs::default().spool());
            check(global, paths, &mut out)
        }
        RulesCommand::Test { folder } => {
            global.confine(&Needs::default().spool());
            test(global, folder, &mut out)
        }
        RulesCommand::Add { pack, name, replace } => add(global, pack, name.as_deref(), *replace, &mut out),
    }?;
    out.flush()?;
    Ok(outcome)
}

fn list(global: &Global, paths: &[PathBuf], no_builtin: bool, out: &mut dyn Write) -> Result<Outcome> {
    let home = global.home();
    global.confine(&Needs::default().spool().compiled(home.as_ref().ok()));
    let choice = Choice { paths: paths.to_vec(), no_builtin, ..Choice::default() };
    let loaded = packs::load_chosen(&choice, home.as_ref().ok())?;
    let refused = loaded.refusals.len();
    let set = Arc::new(loaded.set);
    let matcher = Matcher::new(Arc::clone(&set), Arc::new(packs::mappings()?), Options::default());
    let dormant: std::collections::BTreeSet<u32> = matcher
        .dormant()
        .into_iter()
        .filter(|(_, reason)| *reason == Dormant::NoBucket)
        .map(|(rule, _)| rule.0)
        .collect();
    for (at, rule) in set.rules.iter().enumerate() {
        let source = [&rule.logsource.product, &rule.logsource.category, &rule.logsource.service];
        let source: Vec<&str> = source.into_iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
        let mark = if dormant.contains(&(at as u32)) { "  (dormant)" } else { "" };
        writeln!(
            out,
            "{:<13} {}  {:<32} {}{mark}",
            format!("{:?}", rule.level).to_lowercase(),
            escape(&rule.id),
            escape(&source.join("/")),
            escape(&rule.title)
        )?;
    }
    let packs: std::collections::BTreeSet<&str> = set.rules.iter().map(|rule| rule.pack.as_str()).collect();
    writeln!(
        io::stderr(),
        "{} rules from {} pack(s); {} dormant (no log that is read here has their log source); {refused} refused",
        set.rules.len(),
        packs.len(),
        dormant.len()
    )?;
    Ok(Outcome::of(false, refused > 0))
}

fn say_refusals(loaded: &Loaded, out: &mut dyn Write) -> Result<()> {
    for refusal in &loaded.refusals {
        writeln!(out, "refused  {}", escape(&refusal.to_string()))?;
    }
    for note in loaded.skipped.iter().chain(&loaded.notes) {
        writeln!(out, "note     {}", escape(&note.to_string()))?;
    }
    Ok(())
}

fn check(global: &Global, paths: &[PathBuf], out: &mut dyn Write) -> Result<Outcome> {
    let lists = packs::lists(global.home().ok().as_ref())?;
    let mut all = Loaded::default();
    for path in paths {
        packs::merge(&mut all, load::load(&[packs::read_pack(path)?], &lists));
    }
    say_refusals(&all, out)?;
    let set = Arc::new(all.set);
    let dormant = Matcher::new(Arc::clone(&set), Arc::new(packs::mappings()?), Options::default()).dormant();
    for (kind, words) in [
        (Dormant::NoBucket, "no log that is read here has their category"),
        (Dormant::OwnWordsOnly, "they run only on records that call themselves by the rule's product and service"),
    ] {
        let count = dormant.iter().filter(|(_, reason)| *reason == kind).count();
        if count > 0 {
            writeln!(out, "note     {count} rule(s): {words}")?;
        }
    }
    writeln!(out, "{} rules compiled, {} refused", set.rules.len(), all.refusals.len())?;
    Ok(Outcome::of(false, !all.refusals.is_empty()))
}

/// What an example must do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expected {
    Fires,
    Silent,
}

/// Runs the rules of a folder on their own examples.
///
/// # Errors
/// When the folder has no rules or cannot be read.
pub(super) fn test(global: &Global, folder: &Path, out: &mut dyn Write) -> Result<Outcome> {
    let lists = packs::lists(global.home().ok().as_ref())?;
    let loaded = load::load(&[packs::read_pack(folder)?], &lists);
    if loaded.set.rules.is_empty() && loaded.refusals.is_empty() {
        bail!("`{}` has no rules to test", folder.display());
    }
    say_refusals(&loaded, out)?;
    // A collection is one file with several rules for as many log sources: its examples are for any of them.
    // What a correlation stands on comes with it, wherever it is written, and gives no finding by itself.
    let mut files: BTreeMap<&str, usize> = BTreeMap::new();
    for rule in &loaded.set.rules {
        *files.entry(&rule.file).or_default() += 1;
    }
    let (mut passed, mut failed, mut untested) = (0, 0, 0);
    let mut beside = Beside::default();
    for (file, rules) in &files {
        let examples = beside.examples(folder, file)?;
        if examples.is_empty() {
            untested += rules;
            writeln!(out, "no examples  {}", escape(file))?;
            continue;
        }
        let rules = loaded.set.subset(|rule| rule.file == **file);
        for (path, expected) in examples {
            let fired = fires(&rules, &path)?;
            if fired == Some(expected == Expected::Fires) {
                passed += 1;
            } else {
                failed += 1;
                let words = match fired {
                    Some(true) => "fires, but must be silent",
                    Some(false) => "is silent, but must fire",
                    None => "cannot be tried: no record, or not all of them, could be read",
                };
                writeln!(out, "FAILED  {}: {words} on {}", escape(file), escape(&path.display().to_string()))?;
            }
        }
    }
    writeln!(out, "{passed} passed, {failed} failed; {untested} rule(s) without examples")?;
    // A failed example is what this command looks for.
    Ok(Outcome::of(failed > 0, !loaded.refusals.is_empty()))
}

/// The files of folders, each folder listed once: a pack may have thousands of rules in one.
#[derive(Default)]
struct Beside {
    folders: BTreeMap<PathBuf, Vec<String>>,
}

impl Beside {
    /// The files beside a rule that are named after it.
    fn examples(&mut self, folder: &Path, file: &str) -> Result<Vec<(PathBuf, Expected)>> {
        let file = if folder.is_file() { folder.to_path_buf() } else { folder.join(file) };
        let (Some(parent), Some(stem)) = (file.parent(), file.file_stem()) else { return Ok(Vec::new()) };
        if !self.folders.contains_key(parent) {
            let mut names = Vec::new();
            for entry in fs::read_dir(parent).with_context(|| format!("cannot list `{}`", parent.display()))? {
                names.push(entry?.file_name().to_string_lossy().into_owned());
            }
            names.sort();
            self.folders.insert(parent.to_path_buf(), names);
        }
        let names = self.folders.get(parent).map(Vec::as_slice).unwrap_or_default();
        let prefix = format!("{}.", stem.to_string_lossy());
        let from = names.partition_point(|name| *name < prefix);
        let own = names.get(from..).unwrap_or_default().iter().take_while(|name| name.starts_with(&prefix));
        let expected = own.filter_map(|name| {
            let rest = name.strip_prefix(&prefix)?;
            let expected = match rest.split_once('.')?.0 {
                "true" => Expected::Fires,
                "false" => Expected::Silent,
                _ => return None,
            };
            Some((parent.join(name), expected))
        });
        Ok(expected.collect())
    }
}

/// Whether one of the rules fires; `None` if the example could not be read whole.
fn fires(rules: &RuleSet, path: &Path) -> Result<Option<bool>> {
    let loaded = Loaded { set: rules.clone(), ..Loaded::default() };
    let options = LineOptions { threads: 1, ..LineOptions::default() };
    let run = line::scan(&[path.to_path_buf()], loaded, packs::mappings()?, &options)?;
    let read = run.records() > 0 && !run.partial();
    Ok(read.then(|| run.findings() > 0))
}

fn add(global: &Global, path: &Path, name: Option<&str>, replace: bool, out: &mut dyn Write) -> Result<Outcome> {
    let home = global.home()?;
    // It changes what acts, so the whole data directory is open to it, and nothing else.
    global.confine(&Needs::default().spool().folder(home.root()));
    let mut pack = packs::read_pack(path)?;
    let name = match name {
        Some(name) => name.to_owned(),
        None => path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
    };
    // The name becomes a file name: nothing but plain letters may decide where it goes.
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') {
        bail!("`{name}` cannot name a pack: use letters, digits, `-` and `_` (--name)");
    }
    if Lock::read(&home)?.packs.contains_key(&name) && !replace {
        bail!("a pack `{name}` was added before: say --replace to take its place, or --name for another name");
    }
    pack.name.clone_from(&name);
    let packs = [pack];
    let lists = packs::lists(Some(&home))?;
    let source = load::fingerprint(&packs, &lists);
    let loaded = load::load(&packs, &lists);
    say_refusals(&loaded, out)?;
    if loaded.set.rules.is_empty() {
        bail!("`{}` has no rule that compiles", path.display());
    }
    let _writer = home.write()?;
    let compiled = load::compiled::write(&loaded, &source);
    let event = Event::new("rules.add", &*name)
        .with("source_sha256", hex(&source))
        .with("sha256", Hash::of(&compiled))
        .with("rules", loaded.set.rules.len())
        .with("signed", false);
    // Read again behind the writer's lock: of two that add at once, neither loses the other's entry.
    let mut lock = Lock::read(&home)?;
    let locked = Locked {
        version: String::new(),
        kind: Kind::Rules,
        sha256: hex(&source),
        signer: None,
        compiled: Some(hex(&load::compiled::hash(&compiled)?)),
    };
    books::do_recorded(&home, event, || {
        let place = locked.rules(&home, &name).context("a place for the rules")?;
        write_durably(&place, &compiled)?;
        lock.packs.insert(name.clone(), locked);
        lock.commit(&home)
    })?;
    let licences: std::collections::BTreeSet<&str> =
        loaded.set.rules.iter().map(|rule| rule.license.as_str()).filter(|licence| !licence.is_empty()).collect();
    let licences: Vec<&str> = licences.into_iter().collect();
    writeln!(
        out,
        "added pack {name}: {} rules, {} refused; licence: {}; unsigned, and marked so in findings",
        loaded.set.rules.len(),
        loaded.refusals.len(),
        if licences.is_empty() { "not stated".to_owned() } else { escape(&licences.join(", ")) }
    )?;
    Ok(Outcome::of(false, !loaded.refusals.is_empty()))
}
