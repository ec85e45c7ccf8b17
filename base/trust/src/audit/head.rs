//! Signed tree heads: who says that the log had this many entries with this root at that time.
//!
//! ```text
//! {"size":8,"time":1763880000000,"root":"5f…","key":"ab…","signature":"…"}
//! ```

use serde::{Deserialize, Serialize};

use crate::artifact::Hash;
use crate::key::{PublicKey, SecretKey};

/// Bytes of a head's line: P-521 signatures in hexadecimal stay below 300.
pub const HEAD_BYTES_MAX: usize = 1 << 10;

/// A tree head and the signature over it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Entries in the tree.
    pub size: u64,
    /// Milliseconds since 1970 UTC, as the writer's clock had it.
    pub time_ms: i64,
    /// The tree's root.
    pub root: Hash,
    /// The signer's [`PublicKey::id`].
    pub key: String,
    signature: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    size: u64,
    time: i64,
    root: String,
    key: String,
    signature: String,
}

impl Head {
    /// Signs a head.
    pub fn sign(size: u64, time_ms: i64, root: Hash, key: &SecretKey) -> Self {
        Self { size, time_ms, root, key: key.public().id(), signature: key.sign(&signed(size, time_ms, &root)) }
    }

    /// Whether this key signed it.
    pub fn is_by(&self, key: &PublicKey) -> bool {
        key.verify(&signed(self.size, self.time_ms, &self.root), &self.signature).is_ok()
    }

    /// Its line, without a line feed.
    pub fn to_line(&self) -> String {
        let hex: String = self.signature.iter().map(|byte| format!("{byte:02x}")).collect();
        format!(
            "{{\"size\":{},\"time\":{},\"root\":\"{}\",\"key\":\"{}\",\"signature\":\"{hex}\"}}",
            self.size, self.time_ms, self.root, self.key
        )
    }

    /// The head of a line; `None` if it is none.
    pub fn read(line: &[u8]) -> Option<Self> {
        if line.len() > HEAD_BYTES_MAX {
            return None;
        }
        let line: Line = serde_json::from_slice(line).ok()?;
        let digits = line.signature.as_bytes();
        let pairs = digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
        let signature = pairs.collect::<Option<Vec<u8>>>().filter(|_| digits.len().is_multiple_of(2))?;
        let key = Some(line.key).filter(|key| key.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        Some(Self { size: line.size, time_ms: line.time, root: line.root.parse().ok()?, key, signature })
    }
}

/// What is signed: one line a part, under a name that nothing else is signed under.
fn signed(size: u64, time_ms: i64, root: &Hash) -> Vec<u8> {
    format!("shieldwall audit head v1\n{size}\n{time_ms}\n{root}\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_back_and_bound_to_its_key_and_every_part() {
        let key = SecretKey::generate_ed25519().unwrap();
        let head = Head::sign(8, 1_700_000_000_000, Hash::of(b"root"), &key);
        let read = Head::read(head.to_line().as_bytes()).unwrap();
        assert_eq!(read, head);
        assert!(read.is_by(&key.public()));
        assert!(!read.is_by(&SecretKey::generate_ed25519().unwrap().public()));
        assert!(!Head { size: 9, ..read.clone() }.is_by(&key.public()));
        assert!(!Head { time_ms: 9, ..read.clone() }.is_by(&key.public()));
        assert!(!Head { root: Hash::of(b"x"), ..read }.is_by(&key.public()));
        for line in ["", "{}", "[]", "{\"size\":1,\"time\":1,\"root\":\"\",\"key\":\"\",\"signature\":\"\"}", "é"] {
            assert_eq!(Head::read(line.as_bytes()), None);
        }
        let odd = head.to_line().replace("\"}", "a\"}");
        assert_eq!(Head::read(odd.as_bytes()), None);
        assert_eq!(Head::read(&vec![b' '; HEAD_BYTES_MAX + 1]), None);
    }
}
