//! Where rules come from: our own (embedded), packs that were added, and packs named on the command line.
//!
//! A pack named by path is compiled on first use into a hash-checked set under the data directory, named by the pack's
//! place. It is used if it bears the fingerprint of the pack's listing (paths, sizes, modification times), as git finds
//! unchanged files; the set itself carries the SHA-256 of its content and of every rule.

pub mod lock;

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use shieldwall_detect::sigma::ir::{Level, RuleSet};
use shieldwall_detect::sigma::load::{self, Lists, Loaded, Pack, Refusal};
use shieldwall_detect::sigma::parts;
use shieldwall_schema::Mappings;
use shieldwall_trust::pack::Kind;

use crate::home::{Home, write_whole};
use crate::line::hex;
use lock::{Lock, Locked};

/// Our own rules, as a deflated list of files (see `build.rs`).
static BUILTIN: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/rules.bin"));

/// Files that a pack may have; SigmaHQ has about 4,000.
const PACK_FILES_MAX: usize = 100_000;

/// Files that are worth a thread.
const STAT_FILES_MIN: usize = 256;

/// Which rules a command wants.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// Packs on the command line.
    pub paths: Vec<PathBuf>,
    /// Whether our own rules and added packs are left out.
    pub no_builtin: bool,
    /// The lowest level.
    pub level: Level,
}

/// The mappings of `content/mappings`, embedded.
///
/// # Errors
/// Never: the build writes what is read here.
pub fn mappings() -> Result<Mappings> {
    postcard::from_bytes(MAPPINGS).context("embedded mappings")
}

/// `content/mappings`, taken apart (see `build.rs`).
static MAPPINGS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/mappings.bin"));

/// Loads what was chosen.
///
/// # Errors
/// When a pack cannot be read at all. A bad rule is a refusal in [`Loaded`], not an error.
pub fn load_chosen(choice: &Choice, home: Option<&Home>) -> Result<Loaded> {
    load_beside(choice, home, || ()).map(|(loaded, ())| loaded)
}

/// The same, and the mappings, which are read while packs load.
///
/// # Errors
/// As [`load_chosen`] and [`mappings`].
pub fn load_with_mappings(choice: &Choice, home: Option<&Home>) -> Result<(Loaded, Mappings)> {
    let (loaded, mappings) = load_beside(choice, home, mappings)?;
    Ok((loaded, mappings?))
}

/// Loads what was chosen, and does something else meanwhile.
fn load_beside<T>(choice: &Choice, home: Option<&Home>, other: impl FnOnce() -> T) -> Result<(Loaded, T)> {
    // Packs are independent of each other: they load side by side, our own in this thread, and join in the order given.
    type Read = Result<(Loaded, Option<Unkept>)>;
    let (sets, other) = std::thread::scope(|scope| {
        let loading: Vec<_> = choice.paths.iter().map(|path| scope.spawn(move || load_path(path, home))).collect();
        let mut sets: Vec<Read> = Vec::new();
        if !choice.no_builtin {
            sets.push(load_builtin(home));
            sets.extend(home.map(|home| Ok((load_added(home), None))));
        }
        let other = other();
        sets.extend(loading.into_iter().map(|pack| pack.join().unwrap_or_else(|_| bail!("loading rules failed"))));
        (sets, other)
    });
    let (mut packs, mut unkept) = (Vec::new(), Vec::new());
    for set in sets {
        let (pack, fresh) = set?;
        packs.push(pack);
        unkept.extend(fresh);
    }
    let mut loaded = merged(packs);
    if let Some(home) = home.filter(|_| !unkept.is_empty())
        && let Ok(_writer) = home.write()
    {
        for Unkept { place, bytes } in unkept {
            // A set that cannot be kept costs time on the next run, nothing else.
            let _ = write_whole(&place, &bytes);
        }
    }
    // What a correlation stands on stays, whatever its own level.
    if choice.level > Level::Informational {
        loaded.set = std::mem::take(&mut loaded.set).into_subset(|rule| rule.level >= choice.level);
    }
    Ok((loaded, other))
}

/// Loads what was taken in, as the lock has it. What is not as it was taken in, or stands in no lock, is refused and told; its
/// neighbours survive.
fn load_added(home: &Home) -> Loaded {
    let mut all = Loaded::default();
    let refuse = |all: &mut Loaded, pack: &str, file: String, reason: String| {
        all.refusals.push(Refusal {
            pack: pack.to_owned(),
            file,
            line: 0,
            column: None,
            rule_id: None,
            title: None,
            reason,
        });
    };
    let lock = match Lock::read(home) {
        Ok(lock) => lock,
        Err(error) => {
            refuse(&mut all, "packs.lock", String::new(), format!("{error:#}; no added pack acts"));
            return all;
        }
    };
    for (name, locked) in lock.packs.iter().filter(|(_, locked)| locked.kind == Kind::Rules) {
        match added(home, name, locked) {
            Ok(pack) => merge(&mut all, pack),
            Err(error) => refuse(&mut all, name, String::new(), format!("{error:#}; this pack does not act")),
        }
    }
    for path in lock.strays(home).unwrap_or_default() {
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let reason = "nobody took it in, so it does not act: remove it, or `pack add` or `rules add` it".to_owned();
        refuse(&mut all, "packs", file, reason);
    }
    all
}

/// The rules of a pack that was taken in.
fn added(home: &Home, name: &str, locked: &Locked) -> Result<Loaded> {
    let path = locked.rules(home, name).context("the lock names no compiled rules: add it again")?;
    let bytes = fs::read(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let hash = load::compiled::hash(&bytes).map(|hash| hex(&hash));
    let fits = hash.is_ok_and(|hash| Some(&hash) == locked.compiled.as_ref());
    let (mut pack, _) = load::compiled::read(&bytes).context("it must be added again")?;
    if !fits {
        bail!("`{}` is not what was taken in: add it again", path.display());
    }
    for rule in &mut pack.set.rules {
        rule.signed = locked.signer.is_some();
    }
    Ok(pack)
}

/// Adds the rules of another set; the order stays (id, hash), and the very same rule counts once.
pub fn merge(loaded: &mut Loaded, other: Loaded) {
    *loaded = merged(vec![std::mem::take(loaded), other]);
}

/// The rules of several sets as one.
fn merged(packs: Vec<Loaded>) -> Loaded {
    let mut loaded = Loaded::default();
    let mut sets = Vec::with_capacity(packs.len());
    for pack in packs {
        sets.push(pack.set);
        loaded.refusals.extend(pack.refusals);
        loaded.skipped.extend(pack.skipped);
        loaded.notes.extend(pack.notes);
    }
    loaded.set = RuleSet::join(sets);
    loaded
}

/// Playbooks of packs that were taken in: `PACK/NAME`, and their bytes.
///
/// # Errors
/// When the lock or a pack is not as it was.
pub fn playbooks(home: &Home) -> Result<Vec<(String, Vec<u8>)>> {
    let mut all = Vec::new();
    for (name, locked) in Lock::read(home)?.packs.iter().filter(|(_, locked)| locked.kind == Kind::Playbooks) {
        let pack = locked.read(home, name).with_context(|| format!("pack `{name}`"))?;
        all.extend(pack_playbooks(&pack).into_iter().map(|(own, bytes)| (format!("{name}/{own}"), bytes)));
    }
    Ok(all)
}

/// The playbooks of a pack, by name.
pub fn pack_playbooks(pack: &shieldwall_trust::pack::Pack) -> Vec<(String, Vec<u8>)> {
    let own = |(file, bytes): &(String, Vec<u8>)| Some((file.strip_suffix(".json")?.to_owned(), bytes.clone()));
    pack.files().iter().filter_map(own).collect()
}

/// The lists of a pack, by name.
///
/// # Errors
/// When one is no UTF-8.
pub fn pack_lists(pack: &shieldwall_trust::pack::Pack) -> Result<Vec<(String, String)>> {
    let mut lists = Vec::new();
    for (file, bytes) in pack.files() {
        let Some(name) = file.strip_suffix(".txt") else { continue };
        let name = name.rsplit('/').next().unwrap_or(name).to_owned();
        let text = std::str::from_utf8(bytes).with_context(|| format!("list `{name}`"))?;
        lists.push((name, text.to_owned()));
    }
    Ok(lists)
}

/// What `%name%` in rules stands for: lists of packs that were taken in, and `lists/NAME.txt` of the data directory, one
/// value a line.
///
/// # Errors
/// When a list cannot be read or is over its limit.
pub fn lists(home: Option<&Home>) -> Result<Lists> {
    let mut lists = Lists::new();
    let Some(home) = home else { return Ok(lists) };
    // Lists of packs first: of two with the same name, yours counts.
    if let Ok(lock) = Lock::read(home) {
        for (name, locked) in lock.packs.iter().filter(|(_, locked)| locked.kind == Kind::Lists) {
            let pack = locked.read(home, name).with_context(|| format!("pack `{name}`"))?;
            for (list, text) in pack_lists(&pack)? {
                lists.insert_text(&list, &text).with_context(|| format!("list `{list}` of the pack `{name}`"))?;
            }
        }
    }
    for path in list(&home.lists(), "txt")? {
        let shown = path.display();
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read the list `{shown}`"))?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        lists.insert_text(&name, &text).with_context(|| format!("list `{shown}`"))?;
    }
    Ok(lists)
}

/// Loads our own rules, through the compiled set if this program left one: taking hundreds of rules apart costs ten times
/// as much as reading them back.
///
/// # Errors
/// Never in a released build.
fn load_builtin(home: Option<&Home>) -> Result<(Loaded, Option<Unkept>)> {
    let place = home.map(|home| home.compiled().join("built-in.rules"));
    let mut hash = Sha256::new();
    hash.update(env!("CARGO_PKG_VERSION"));
    hash.update(BUILTIN);
    let fingerprint: [u8; 32] = hash.finalize().into();
    let kept = place.as_ref().and_then(|place| load::compiled::read(&fs::read(place).ok()?).ok());
    if let Some((loaded, source)) = kept
        && source == fingerprint
    {
        return Ok((loaded, None));
    }
    let mut bytes = Vec::new();
    flate2::read::ZlibDecoder::new(BUILTIN).read_to_end(&mut bytes).context("embedded rules")?;
    let files: Vec<(String, Vec<u8>)> = postcard::from_bytes(&bytes).context("embedded rules")?;
    let pack = Pack { license: "Apache-2.0".to_owned(), files, ..Pack::default() };
    let loaded = load::load(&[pack], &Lists::default());
    let unkept = place.map(|place| Unkept { place, bytes: load::compiled::write(&loaded, &fingerprint) });
    Ok((loaded, unkept))
}

/// A compiled set that is not in the data directory yet.
struct Unkept {
    place: PathBuf,
    bytes: Vec<u8>,
}

/// Loads a folder, a rule file or a zip, through the compiled set if there is one that fits.
///
/// # Errors
/// When the path cannot be read.
fn load_path(path: &Path, home: Option<&Home>) -> Result<(Loaded, Option<Unkept>)> {
    let lists = lists(home)?;
    let root = fs::canonicalize(path).with_context(|| format!("cannot read rules `{}`", path.display()))?;
    let set = home.map(|home| home.compiled().join(format!("{}.rules", hex(&name(&root)))));
    // The set is read while the listing is made: nearly always it turns out to fit.
    let (fingerprint, kept) = std::thread::scope(|scope| {
        let reading = set.as_ref().map(|set| scope.spawn(move || load::compiled::read(&fs::read(set).ok()?).ok()));
        let fingerprint = fingerprint(path, &root, &lists);
        (fingerprint, reading.and_then(|reading| reading.join().ok().flatten()))
    });
    let fingerprint = fingerprint?;
    if let Some((loaded, source)) = kept
        && source == fingerprint
    {
        return Ok((loaded, None));
    }
    let loaded = load::load(&[read_pack(path)?], &lists);
    let unkept = set.map(|place| Unkept { place, bytes: load::compiled::write(&loaded, &fingerprint) });
    Ok((loaded, unkept))
}

/// Reads a pack's files without compiling them.
///
/// # Errors
/// When the path cannot be read.
pub fn read_pack(path: &Path) -> Result<Pack> {
    Pack::open(path).with_context(|| format!("cannot read rules `{}`", path.display()))
}

/// What a pack's compiled set is called: by where the pack is, so that a new set takes the old one's place.
fn name(root: &Path) -> [u8; 32] {
    Sha256::digest(root.as_os_str().as_encoded_bytes()).into()
}

/// A fingerprint of a pack's listing, of the lists and of this program's version.
fn fingerprint(path: &Path, root: &Path, lists: &Lists) -> Result<[u8; 32]> {
    let mut hash = Sha256::new();
    hash.update(env!("CARGO_PKG_VERSION"));
    hash.update(load::fingerprint(&[], lists));
    hash.update(root.as_os_str().as_encoded_bytes());
    let mut files = Vec::new();
    for entry in walkdir::WalkDir::new(root) {
        let entry = entry.with_context(|| format!("cannot list rules `{}`", path.display()))?;
        if !entry.file_type().is_file() {
            continue;
        }
        files.push(entry);
        if files.len() > PACK_FILES_MAX {
            bail!("`{}` has more than {PACK_FILES_MAX} files: name the folder of the rules", path.display());
        }
    }
    // Whole paths are sorted: as bytes, which compares without taking them apart.
    files.sort_unstable_by(|a, b| a.path().as_os_str().as_encoded_bytes().cmp(b.path().as_os_str().as_encoded_bytes()));
    // Asking the system about thousands of files takes longer than everything else here: several threads ask.
    let ask = |part: &[walkdir::DirEntry]| part.iter().map(walkdir::DirEntry::metadata).collect();
    let abouts: Vec<walkdir::Result<Vec<fs::Metadata>>> = parts::each(&files, parts::threads(), STAT_FILES_MIN, ask);
    let mut files = files.iter();
    for about in abouts {
        for (about, entry) in about?.iter().zip(&mut files) {
            hash.update(entry.path().as_os_str().as_encoded_bytes());
            hash.update(about.len().to_le_bytes());
            let modified = about.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
            hash.update(modified.unwrap_or_default().as_nanos().to_le_bytes());
            // Tools may set the modification time back; nobody sets this one.
            hash.update(change_stamp(about));
        }
    }
    Ok(hash.finalize().into())
}

/// Inode and time of the last change of a file's content or name, where the system keeps them.
#[cfg(unix)]
fn change_stamp(about: &fs::Metadata) -> [u8; 24] {
    use std::os::unix::fs::MetadataExt;
    let mut stamp = [0; 24];
    let parts = [about.ino(), about.ctime() as u64, about.ctime_nsec() as u64].map(u64::to_le_bytes);
    stamp.iter_mut().zip(parts.as_flattened()).for_each(|(to, from)| *to = *from);
    stamp
}

/// See above: not here.
#[cfg(not(unix))]
fn change_stamp(_: &fs::Metadata) -> [u8; 24] {
    [0; 24]
}

/// The files of a folder with an extension, sorted; none if there is no such folder.
fn list(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(Vec::new()) };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|found| found == extension) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}
