//! `shieldwall model sign`: every file below a folder, by its hash, under a key; readable by the OpenSSF's model-signing.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use serde_json::json;
use shieldwall_trust::key::{KEY_BYTES_MAX, SecretKey};
use shieldwall_trust::sign::manifest::SHARD_BYTES;
use shieldwall_trust::sign::{Credential, Hashing, Manifest, Method, chain, entries, sign, tree};

use crate::books;
use crate::cli::{Global, Outcome};
use crate::home::write_whole;
use crate::output::escape::escape;

/// Arguments of `model sign`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  shieldwall model sign flows/ --key signer.pem -o flows.sig\n  \
                        shieldwall model sign flows/                         # with this machine's own key\n\
                        Covers every file, those of git too: the reference verifies with --no-ignore-git-paths.\n\
                        Keys of P-256, P-384 and P-521 are read by every tool, Ed25519 by this one only.")]
pub struct SignArgs {
    /// The model: a folder or a file
    #[arg(value_name = "PATH")]
    model: PathBuf,
    /// The secret key as PEM, readable for its owner alone [default: this machine's own key]
    #[arg(long, value_name = "KEY")]
    key: Option<PathBuf>,
    /// The certificates that vouch for the key as PEM, the signer's first
    #[arg(long, value_name = "PEM")]
    certificate: Option<PathBuf>,
    /// Where the signature goes [default: model.sig beside the files, or FILE.sig]
    #[arg(short, long, value_name = "SIG")]
    output: Option<PathBuf>,
    /// Which hash
    #[arg(long, value_enum, default_value_t = HashArg::Sha256)]
    algorithm: HashArg,
    /// Hash in shards of so many bytes instead of whole files
    #[arg(long, value_name = "BYTES", num_args = 0..=1, default_missing_value = "1000000000", value_parser = clap::value_parser!(u64).range(1..))]
    shard_size: Option<u64>,
    /// A BOM whose hash is signed too
    #[arg(long, value_name = "FILE")]
    bom: Option<PathBuf>,
}

/// A hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum HashArg {
    /// SHA-256
    Sha256,
    /// BLAKE2b, 512 bits
    Blake2b,
    /// BLAKE3
    Blake3,
}

/// Runs `model sign`.
///
/// # Errors
/// When the files or the key cannot be read, the certificate is not the key's, or the signature not be written.
pub fn run(global: &Global, args: &SignArgs) -> Result<Outcome> {
    let key = match &args.key {
        Some(path) => SecretKey::load(path)?,
        None => books::key(&global.home()?)?,
    };
    let output = args.output.clone().unwrap_or_else(|| beside(&args.model));
    let hashing = match args.algorithm {
        HashArg::Sha256 => Hashing::Sha256,
        HashArg::Blake2b => Hashing::Blake2b,
        HashArg::Blake3 => Hashing::Blake3,
    };
    let method = args.shard_size.map_or(Method::Files, Method::Shards);
    debug_assert_eq!(SHARD_BYTES, 1_000_000_000);
    let own = within(&args.model, &output);
    let mut files = entries(&args.model)?;
    files.retain(|file| Some(&file.name) != own.as_ref());
    if files.is_empty() {
        bail!("there is no file to sign in `{}`", args.model.display());
    }
    let resources = tree::hash(&files, method, hashing, threads())?;
    let empty_files = files.iter().filter(|file| file.len == 0 && method != Method::Files);
    let mut more = Vec::new();
    if let Some(path) = &args.bom {
        let bytes = fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))?;
        more.push(("bom".to_owned(), json!({ "sha256": shieldwall_trust::Hash::of(&bytes).to_string() })));
    }
    let manifest = Manifest {
        name: name_of(&args.model),
        method,
        hashing,
        resources,
        empty_files: empty_files.map(|file| file.name.clone()).collect(),
        ignored: own.into_iter().collect(),
        more,
    };
    let credential = match &args.certificate {
        None => Credential::Key,
        Some(path) => {
            let list = certificates(path)?;
            let first = list.first().context("no certificate")?;
            if chain::key_of(first).map_err(anyhow::Error::msg)?.id() != key.public().id() {
                bail!("the first certificate of `{}` is not of this key", path.display());
            }
            Credential::Chain(list)
        }
    };
    write_whole(&output, sign(&manifest, &key, &credential).as_bytes())?;
    let mut out = io::stdout().lock();
    writeln!(out, "{} files signed by {} {}", files.len(), key.algorithm(), key.public().id())?;
    writeln!(out, "signature: {}", escape(&output.display().to_string()))?;
    if args.key.is_none() {
        write!(out, "\nwhoever verifies needs this public key:\n{}", key.public().to_pem())?;
    }
    Ok(Outcome::Clean)
}

/// Where a signature goes by default.
fn beside(model: &Path) -> PathBuf {
    if model.is_dir() {
        return model.join("model.sig");
    }
    let mut name = model.as_os_str().to_owned();
    name.push(".sig");
    name.into()
}

/// A file's path from a folder, where it lies within.
pub fn within(model: &Path, file: &Path) -> Option<String> {
    let root = fs::canonicalize(model).ok()?;
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let file = fs::canonicalize(parent).ok()?.join(file.file_name()?);
    let parts: Option<Vec<&str>> =
        file.strip_prefix(root).ok()?.components().map(|one| one.as_os_str().to_str()).collect();
    parts.map(|parts| parts.join("/")).filter(|name| !name.is_empty())
}

fn name_of(model: &Path) -> String {
    let path = fs::canonicalize(model).unwrap_or_else(|_| model.to_path_buf());
    path.file_name().map_or_else(|| "model".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// Threads that hash.
pub fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The certificates of a PEM file, as DER.
///
/// # Errors
/// When it cannot be read or holds none.
pub fn certificates(path: &Path) -> Result<Vec<Vec<u8>>> {
    let shown = path.display();
    let about = fs::metadata(path).with_context(|| format!("cannot read `{shown}`"))?;
    if about.len() > KEY_BYTES_MAX {
        bail!("`{shown}` has {} bytes, at most {KEY_BYTES_MAX} are read", about.len());
    }
    let text = fs::read_to_string(path).with_context(|| format!("cannot read `{shown}`"))?;
    let list = chain::from_pem(&text).map_err(|error| anyhow::anyhow!("`{shown}`: {error}"))?;
    if list.is_empty() {
        bail!("`{shown}` holds no certificate");
    }
    Ok(list)
}
