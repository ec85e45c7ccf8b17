//! SHA-256 of an open file, of any length and in little memory.

use std::fs::File;
use std::io::{self, Read};

use sha2::{Digest, Sha256};
use shieldwall_trust::Hash;

/// SHA-256 of an open file from where it stands, of `most` bytes and no more.
pub(crate) fn hash_of(file: &File, most: u64) -> io::Result<Hash> {
    let (mut hasher, mut buffer, mut bytes) = (Sha256::new(), vec![0; 64 << 10], 0u64);
    let mut file = file;
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(Hash::from_bytes(hasher.finalize().into())),
            Ok(taken) => {
                bytes += taken as u64;
                if bytes > most {
                    return Err(io::Error::other(format!("longer than {most} bytes")));
                }
                hasher.update(buffer.get(..taken).unwrap_or_default());
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
