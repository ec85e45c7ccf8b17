//! Kept baselines: what was learned, as one file that is checked as a whole before anything of it is used.
//!
//! ```text
//! 8 bytes    `SWKEPT` and the version, u16 little-endian
//! 32 bytes   SHA-256 of everything behind it
//! 4 bytes    how many sources were learned from, u32 little-endian
//! n × 32     their SHA-256, ascending
//! the rest   what `shieldwall_detect::anomaly::Learned::baselines` holds
//! ```
//!
//! The hashes of sources hold that no log is learned twice: what stands in the same file again and again would look normal.
//! Written beside itself and renamed, so a killed scan leaves the old file.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use shieldwall_detect::anomaly::BASELINES_BYTES_MAX;

use crate::home::write_whole;

const MAGIC: &[u8; 6] = b"SWKEPT";

/// Another is refused.
const VERSION: u16 = 1;

/// Sources that are remembered; a file of more is neither written nor read.
const SOURCES_MAX: usize = 1_000_000;

const HASH_BYTES: usize = 32;

/// Bytes of a file of baselines at most.
const FILE_BYTES_MAX: u64 = (BASELINES_BYTES_MAX + SOURCES_MAX * HASH_BYTES + 64) as u64;

/// Kept baselines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// SHA-256 of every source that was learned from.
    pub sources: BTreeSet<[u8; HASH_BYTES]>,
    /// What was learned of them.
    pub baselines: Vec<u8>,
}

impl Kept {
    /// Reads a file of baselines; `None` if there is no such file.
    ///
    /// # Errors
    /// When the file cannot be read, is no baselines, is damaged or cut, or of another version.
    pub fn read(path: &Path) -> Result<Option<Self>> {
        let shown = path.display();
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("cannot read `{shown}`")),
        };
        let mut bytes = Vec::new();
        file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).with_context(|| format!("cannot read `{shown}`"))?;
        if bytes.len() as u64 > FILE_BYTES_MAX {
            bail!("`{shown}` has more than {FILE_BYTES_MAX} bytes: these are no baselines");
        }
        Self::from_bytes(&bytes).map(Some).with_context(|| format!("`{shown}`"))
    }

    /// Whether a file says that it holds kept baselines.
    pub fn is_kept(path: &Path) -> bool {
        let mut head = [0; MAGIC.len()];
        path.is_file() && File::open(path).and_then(|mut file| file.read_exact(&mut head)).is_ok() && head == *MAGIC
    }

    /// Out of bytes.
    ///
    /// # Errors
    /// See [`Self::read`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let cut = || "cut short: these baselines are not whole".to_owned();
        let rest = bytes.strip_prefix(MAGIC).context("these are no baselines kept by shieldwall")?;
        let (version, rest) = rest.split_first_chunk::<2>().with_context(cut)?;
        let version = u16::from_le_bytes(*version);
        if version != VERSION {
            bail!("baselines of version {version}; this program reads version {VERSION}");
        }
        let (sum, rest) = rest.split_first_chunk::<HASH_BYTES>().with_context(cut)?;
        if Sha256::digest(rest).as_slice() != sum {
            bail!(
                "damaged: the checksum does not hold; put back a copy, or delete the file and learn anew with `scan --learn`"
            );
        }
        let (count, rest) = rest.split_first_chunk::<4>().with_context(cut)?;
        let count = u32::from_le_bytes(*count) as usize;
        if count > SOURCES_MAX {
            bail!("{count} sources, at most {SOURCES_MAX} are remembered");
        }
        let (hashes, baselines) = rest.split_at_checked(count * HASH_BYTES).with_context(cut)?;
        let (hashes, _) = hashes.as_chunks::<HASH_BYTES>();
        if !hashes.is_sorted_by(|one, next| one < next) {
            bail!("the hashes of sources are out of order");
        }
        Ok(Self { sources: hashes.iter().copied().collect(), baselines: baselines.to_vec() })
    }

    /// As bytes; the same knowledge gives the same bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut rest = Vec::with_capacity(4 + self.sources.len() * HASH_BYTES + self.baselines.len());
        rest.extend_from_slice(&(self.sources.len() as u32).to_le_bytes());
        self.sources.iter().for_each(|hash| rest.extend_from_slice(hash));
        rest.extend_from_slice(&self.baselines);
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&Sha256::digest(&rest));
        out.append(&mut rest);
        out
    }

    /// Writes the file as a whole or not at all.
    ///
    /// # Errors
    /// When it cannot be written, or holds too much.
    pub fn write(&self, path: &Path) -> Result<()> {
        if self.sources.len() > SOURCES_MAX {
            bail!("{} logs were learned from, a file of baselines remembers {SOURCES_MAX}", self.sources.len());
        }
        write_whole(path, &self.to_bytes())
    }

    /// SHA-256 of [`Self::to_bytes`]: names these baselines in a manifest.
    pub fn hash(&self) -> [u8; HASH_BYTES] {
        Sha256::digest(self.to_bytes()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept() -> Kept {
        Kept { sources: [[3; 32], [1; 32]].into(), baselines: b"what is normal".to_vec() }
    }

    #[test]
    fn what_is_kept_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sub/default.baseline");
        assert_eq!(Kept::read(&path).unwrap(), None);
        kept().write(&path).unwrap();
        assert_eq!(Kept::read(&path).unwrap(), Some(kept()));
        assert!(Kept::is_kept(&path) && !Kept::is_kept(folder.path()));
    }

    #[test]
    fn every_damage_is_refused() {
        let whole = kept().to_bytes();
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            assert!(Kept::from_bytes(&damaged).is_err(), "byte {at} changed");
            assert!(Kept::from_bytes(&whole[..at]).is_err(), "cut at {at}");
        }
        let mut longer = whole;
        longer.push(0);
        assert!(Kept::from_bytes(&longer).unwrap_err().to_string().contains("damaged"));
    }

    #[test]
    fn lies_behind_a_right_checksum_are_refused() {
        let sealed = |rest: &[u8]| [&MAGIC[..], &[1, 0], &Sha256::digest(rest), rest].concat();
        assert!(Kept::from_bytes(&sealed(&u32::MAX.to_le_bytes())).is_err());
        assert!(Kept::from_bytes(&sealed(&[2, 0, 0, 0, 7])).is_err());
        let unsorted = [&2u32.to_le_bytes()[..], &[3; 32], &[1; 32]].concat();
        assert!(Kept::from_bytes(&sealed(&unsorted)).unwrap_err().to_string().contains("out of order"));
        assert_eq!(Kept::from_bytes(&sealed(&[0; 4])).unwrap(), Kept::default());
    }
}
