//! `shieldwall pack`: rules, models and lists in one signed file. Nothing of a pack acts before its signature was checked, its
//! own tests passed, and what it would find was shown.

mod shadow;

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use shieldwall_detect::sigma::load;
use shieldwall_schema::Mappings;
use shieldwall_trust::audit::Event;
use shieldwall_trust::key::{PublicKey, SecretKey};
use shieldwall_trust::pack::{self, FILES_MAX, Kind, MANIFEST, Manifest, PACK_BYTES_MAX, Pack};
use shieldwall_trust::{Artifact, Hash};

use super::{Global, Outcome, playbook, rules};
use crate::books;
use crate::confine::Needs;
use crate::home::{Home, write_durably, write_whole};
use crate::line::hex;
use crate::output::escape::escape;
use crate::packs;
use crate::packs::lock::{Lock, Locked};

/// Arguments of `pack`.
#[derive(Debug, Args)]
pub struct PackArgs {
    #[command(subcommand)]
    command: PackCommand,
}

#[derive(Debug, Subcommand)]
enum PackCommand {
    /// Make a pack of a folder with a pack.toml (name, version, kind, licence)
    Build {
        /// The folder
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        /// The pack
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
    },
    /// Sign a pack
    Sign {
        /// The pack
        #[arg(value_name = "PACK")]
        pack: PathBuf,
        /// With this secret key [default: the local key]
        #[arg(long, value_name = "KEY")]
        key: Option<PathBuf>,
        /// Write the signed pack here [default: in its place]
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Check a pack's files and its signature
    Verify {
        /// The pack
        #[arg(value_name = "PACK")]
        pack: PathBuf,
        /// Who may have signed (may be given more than once) [default: the local key]
        #[arg(long, value_name = "KEY")]
        public_key: Vec<PathBuf>,
    },
    /// Run a pack's own tests
    Test {
        /// The pack
        #[arg(value_name = "PACK")]
        pack: PathBuf,
    },
    /// Verify a pack, run its tests, show what it would find, and take it in
    Add(AddArgs),
    /// Say what was taken in, and who signed it
    List,
    /// Take a pack out again
    Remove {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
    },
}

/// Arguments of `pack add`.
#[derive(Debug, Args)]
struct AddArgs {
    /// The pack
    #[arg(value_name = "PACK")]
    pack: PathBuf,
    /// Who may have signed (may be given more than once) [default: the local key]
    #[arg(long, value_name = "KEY")]
    public_key: Vec<PathBuf>,
    /// Show on these logs what would fire that did not before; nothing is taken in
    #[arg(long, value_name = "PATH")]
    shadow: Vec<PathBuf>,
    /// Do not show first what it would find in your last case
    #[arg(long)]
    no_shadow: bool,
    /// Take in a version older than the one that is here
    #[arg(long)]
    allow_downgrade: bool,
}

/// Runs `pack`.
///
/// # Errors
/// When a pack or key cannot be read, is not worthy of trust, or cannot be written.
pub fn run(global: &Global, args: &PackArgs) -> Result<Outcome> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let outcome = match &args.command {
        PackCommand::Build { folder, output } => build(folder, output, &mut out),
        PackCommand::Sign { pack, key, output } => sign(global, pack, key.as_deref(), output.as_deref(), &mut out),
        PackCommand::Verify { pack, public_key } => {
            global.confine(&Needs::default());
            verify(global, pack, public_key, &mut out)
        }
        PackCommand::Test { pack } => {
            global.confine(&Needs::default().spool());
            test(global, &read(pack)?.1, &mut out)
        }
        PackCommand::Add(args) => {
            // Rules, registry, audit log: a pack goes anywhere in the data directory, and nowhere else.
            global.confine(&Needs::default().spool().folder(global.home()?.root()));
            add(global, args, &mut out)
        }
        PackCommand::List => list(global, &mut out),
        PackCommand::Remove { name } => remove(global, name, &mut out),
    }?;
    out.flush()?;
    Ok(outcome)
}

fn read(path: &Path) -> Result<(Vec<u8>, Pack)> {
    let shown = path.display();
    let mut bytes = Vec::new();
    let file = fs::File::open(path).with_context(|| format!("cannot read `{shown}`"))?;
    // One block more than a pack may have is enough to see that it has too many.
    file.take(PACK_BYTES_MAX as u64 + 4096).read_to_end(&mut bytes)?;
    let pack = pack::read(&bytes).with_context(|| format!("`{shown}`"))?;
    Ok((bytes, pack))
}

fn build(folder: &Path, output: &Path, out: &mut dyn Write) -> Result<Outcome> {
    let text = fs::read_to_string(folder.join(MANIFEST))
        .with_context(|| format!("`{}` has no {MANIFEST} (name, version, kind, licence)", folder.display()))?;
    let manifest = Manifest::read(&text)?;
    let (mut files, mut total) = (Vec::new(), 0);
    for entry in walkdir::WalkDir::new(folder).follow_links(false).sort_by_file_name() {
        let entry = entry.with_context(|| format!("cannot list `{}`", folder.display()))?;
        if !entry.file_type().is_file() {
            continue;
        }
        let name = entry.path().strip_prefix(folder)?.to_string_lossy().replace('\\', "/");
        let bytes = fs::read(entry.path()).with_context(|| format!("cannot read `{}`", entry.path().display()))?;
        total += bytes.len();
        files.push((name, bytes));
        if files.len() > FILES_MAX || total > PACK_BYTES_MAX {
            bail!("`{}` has more than {FILES_MAX} files or {PACK_BYTES_MAX} bytes", folder.display());
        }
    }
    let bytes = pack::build(manifest, files)?;
    write_whole(output, &bytes)?;
    let pack = pack::read(&bytes)?;
    writeln!(
        out,
        "{}: {} file(s), {} {}",
        output.display(),
        pack.files().len(),
        pack.manifest().name,
        pack.manifest().version
    )?;
    Ok(Outcome::Clean)
}

fn sign(
    global: &Global,
    path: &Path,
    key: Option<&Path>,
    output: Option<&Path>,
    out: &mut dyn Write,
) -> Result<Outcome> {
    let (bytes, _) = read(path)?;
    let key = match key {
        Some(key) => SecretKey::load(key)?,
        None => books::key(&global.home()?)?,
    };
    write_whole(output.unwrap_or(path), &pack::sign(&bytes, &key)?)?;
    writeln!(out, "signed by {}", key.public().id())?;
    write!(out, "{}", key.public().to_pem())?;
    Ok(Outcome::Clean)
}

/// Who is believed: the keys named, or else the local one.
fn believed(global: &Global, named: &[PathBuf]) -> Result<Vec<PublicKey>> {
    if named.is_empty() {
        return Ok(books::public_key(&global.home()?)?.into_iter().collect());
    }
    named.iter().map(|path| Ok(PublicKey::load(path)?)).collect()
}

fn verify(global: &Global, path: &Path, named: &[PathBuf], out: &mut dyn Write) -> Result<Outcome> {
    let (_, pack) = read(path)?;
    let signer = pack.verify(&believed(global, named)?).with_context(|| format!("`{}`", path.display()))?;
    let manifest = pack.manifest();
    writeln!(
        out,
        "{} {}: {} file(s) as the manifest says, signed by {signer}",
        manifest.name,
        manifest.version,
        pack.files().len()
    )?;
    Ok(Outcome::Clean)
}

/// A folder with a pack's files, as long as it is held. Names were checked when the pack was read.
fn unpacked(pack: &Pack) -> Result<tempfile::TempDir> {
    let folder = tempfile::tempdir()?;
    for (name, bytes) in pack.files() {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap_or(folder.path()))?;
        fs::write(path, bytes)?;
    }
    Ok(folder)
}

fn test(global: &Global, pack: &Pack, out: &mut dyn Write) -> Result<Outcome> {
    match pack.manifest().kind {
        Kind::Rules => rules::test(global, unpacked(pack)?.path(), out),
        _ => {
            writeln!(out, "packs of this kind have no tests of their own")?;
            Ok(Outcome::Clean)
        }
    }
}

fn add(global: &Global, args: &AddArgs, out: &mut dyn Write) -> Result<Outcome> {
    let home = global.home()?;
    let (bytes, pack) = read(&args.pack)?;
    let signer = pack.verify(&believed(global, &args.public_key)?).with_context(|| {
        format!("`{}` is not taken in (local unsigned rules: `shieldwall rules add`)", args.pack.display())
    })?;
    let manifest = pack.manifest();
    let tested = test(global, &pack, out)?;
    if tested != Outcome::Clean {
        bail!("`{}` fails its own tests: it is not taken in", manifest.name);
    }
    if !args.shadow.is_empty() {
        let outcome = shadow::shadow(&home, &pack, &args.shadow, out)?;
        writeln!(out, "nothing was taken in")?;
        return Ok(outcome);
    }
    if manifest.kind == Kind::Rules && !args.no_shadow {
        shadow::rehearse(&home, &pack, out)?;
    }
    let mut locked = Locked {
        version: manifest.version.clone(),
        kind: manifest.kind,
        sha256: Hash::of(&bytes).to_string(),
        signer: Some(signer.clone()),
        compiled: None,
    };
    // Locked before it is read: of two that add at once, neither loses the other's entry.
    let _writer = home.write()?;
    let mut lock = Lock::read(&home)?;
    if let Some(here) = lock.packs.get(&manifest.name) {
        if here.signer.is_none() {
            bail!("rules of your own are called `{}`: remove them first (`shieldwall pack remove`)", manifest.name);
        }
        let (here, new) = (here.version.parse::<pack::Version>()?, manifest.version()?);
        if new < here && !args.allow_downgrade {
            bail!("{} {here} is here and {new} is older: say --allow-downgrade if you mean it", manifest.name);
        }
    }
    let event = Event::new("pack.add", &*manifest.name)
        .with("version", &manifest.version)
        .with("manifest_sha256", pack.hash())
        .with("sha256", Hash::of(&bytes))
        .with("signer", &signer);
    books::do_recorded(&home, event, || {
        take_in(&home, &pack, &lock, &mut locked)?;
        let place = locked.pack(&home, &manifest.name).context("a place for the pack")?;
        write_durably(&place, &bytes)?;
        // Until here nothing acts that did not act before; from here the pack does.
        lock.packs.insert(manifest.name.clone(), locked);
        lock.commit(&home)
    })?;
    writeln!(out, "added {} {}, signed by {signer}", manifest.name, manifest.version)?;
    if manifest.kind == Kind::Mappings {
        writeln!(out, "kept; this version does not use packs of this kind")?;
    }
    Ok(Outcome::Clean)
}

/// Puts what is in a pack beside what acts, or where it may be promoted to act.
fn take_in(home: &Home, pack: &Pack, lock: &Lock, locked: &mut Locked) -> Result<()> {
    let name = &pack.manifest().name;
    match pack.manifest().kind {
        Kind::Rules => {
            let loaded = compiled(home, pack)?;
            let bytes = load::compiled::write(&loaded, &load::fingerprint(&[], &packs::lists(Some(home))?));
            locked.compiled = Some(hex(&load::compiled::hash(&bytes)?));
            let place = locked.rules(home, name).context("a place for the rules")?;
            write_durably(&place, &bytes)
        }
        Kind::Lists => {
            let own: Vec<String> = packs::pack_lists(pack)?.into_iter().map(|(list, _)| list).collect();
            for (other, theirs) in lock.packs.iter().filter(|(other, one)| one.kind == Kind::Lists && *other != name) {
                let theirs = packs::pack_lists(&theirs.read(home, other)?)?;
                if let Some((list, _)) = theirs.iter().find(|(list, _)| own.contains(list)) {
                    bail!("the pack `{other}` has a list `{list}` too: rules would not know which is meant");
                }
            }
            Ok(())
        }
        Kind::Models => {
            for (file, bytes) in pack.files().iter().filter(|(file, _)| file.ends_with(".safetensors")) {
                let artifact = Artifact::new(format!("{name}/{file}"), bytes.clone());
                // The folder says the kind: `domain/model.safetensors`.
                let kind = file.split('/').next().unwrap_or_default().to_owned();
                books::change_registry(home, |registry, audit, _| {
                    Ok(registry.register(
                        audit,
                        books::now_ms(),
                        &artifact,
                        &kind,
                        &[("pack".to_owned(), name.clone())],
                    )?)
                })?;
            }
            Ok(())
        }
        Kind::Mappings => {
            let mut texts = Vec::new();
            for (file, bytes) in pack.files().iter().filter(|(file, _)| file.ends_with(".toml")) {
                texts.push((file.as_str(), std::str::from_utf8(bytes).with_context(|| format!("`{file}`"))?));
            }
            Mappings::parse(texts).with_context(|| format!("the mappings of `{name}`"))?;
            Ok(())
        }
        Kind::Playbooks => playbook::check(&packs::pack_playbooks(pack)),
    }
}

/// What is there, and who signed it.
fn list(global: &Global, out: &mut dyn Write) -> Result<Outcome> {
    let home = global.home()?;
    let lock = Lock::read(&home)?;
    for (name, locked) in &lock.packs {
        let kind = format!("{:?}", locked.kind).to_lowercase();
        let version = if locked.version.is_empty() { "-" } else { &locked.version };
        let signer = locked.signer.as_ref().map_or("unsigned, your own".to_owned(), |id| format!("signed by {id}"));
        let hash = locked.sha256.get(..12).unwrap_or(&locked.sha256);
        writeln!(out, "{name:<24} {version:<10} {kind:<10} {hash}  {}", escape(&signer))?;
    }
    let strays = lock.strays(&home)?;
    for path in &strays {
        writeln!(out, "not taken in, does not act: {}", escape(&path.display().to_string()))?;
    }
    if lock.packs.is_empty() && strays.is_empty() {
        writeln!(out, "no pack was taken in")?;
    }
    Ok(Outcome::of(false, !strays.is_empty()))
}

fn remove(global: &Global, name: &str, out: &mut dyn Write) -> Result<Outcome> {
    let home = global.home()?;
    let _writer = home.write()?;
    let mut lock = Lock::read(&home)?;
    let Some(locked) = lock.packs.remove(name) else { bail!("no pack `{name}` was taken in") };
    let files: Vec<PathBuf> = [locked.rules(&home, name), locked.pack(&home, name)].into_iter().flatten().collect();
    let event = Event::new("pack.remove", name).with("version", &locked.version).with("sha256", &locked.sha256);
    books::do_recorded(&home, event, || {
        lock.commit(&home)?;
        for path in &files {
            // What the lock does not name does not act; a file that cannot be removed is told by `pack list`.
            let _ = fs::remove_file(path);
        }
        Ok(())
    })?;
    writeln!(out, "removed {name}")?;
    if locked.kind == Kind::Models {
        writeln!(out, "its models stay in the registry: `shieldwall model list`")?;
    }
    Ok(Outcome::Clean)
}

fn compiled(home: &Home, pack: &Pack) -> Result<load::Loaded> {
    let manifest = pack.manifest();
    let rules = load::Pack {
        name: manifest.name.clone(),
        license: manifest.licence.clone(),
        files: pack
            .files()
            .iter()
            .filter(|(name, _)| name.ends_with(".yml") || name.ends_with(".yaml"))
            .cloned()
            .collect(),
        ..load::Pack::default()
    };
    let loaded = load::load(&[rules], &packs::lists(Some(home))?);
    if let Some(refusal) = loaded.refusals.first() {
        bail!("`{}`: {refusal}; {} rule(s) refused in all", manifest.name, loaded.refusals.len());
    }
    if loaded.set.rules.is_empty() {
        bail!("`{}` has no rule", manifest.name);
    }
    Ok(loaded)
}
