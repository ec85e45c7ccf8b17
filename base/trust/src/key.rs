//! Keys that sign and keys that verify: Ed25519 and ECDSA over P-256, P-384 and P-521.
//!
//! ECDSA hashes with SHA-256, SHA-384 and SHA-512 in that order of curves, as Sigstore and the OpenSSF's `model-signing`
//! do, and its signatures are ASN.1 DER (SEC 1, C.5). Nonces are derived from key and message (RFC 6979), so the same
//! message under the same key gives the same signature and no bad random number can give a key away. Ed25519 (RFC 8032) is
//! verified strictly: a key of small order verifies nothing.
//!
//! What must stay true: a secret key is never shown. It has no `Display`, its `Debug` says only which kind it is, and its
//! memory is overwritten when it goes.
//!
//! | module | holds |
//! |---|---|
//! | [`pem`] | text armour: which block of a file is the key |
//! | `file` | a key on disk: for its owner alone, made whole or not at all |

mod file;
pub(crate) mod pem;

use std::fmt;
use std::path::PathBuf;

use ed25519_dalek::pkcs8::{DecodePrivateKey, DecodePublicKey, EncodePrivateKey, EncodePublicKey, KeypairBytes};
use ed25519_dalek::{Signer, Verifier};
use p256::pkcs8::LineEnding;
use zeroize::Zeroizing;

use crate::artifact::Hash;

/// Bytes of a key or certificate file that are read. A P-521 key takes 0.4 KiB; a chain of ten certificates 20 KiB.
pub const KEY_BYTES_MAX: u64 = 256 << 10;

/// A kind of key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// Ed25519, RFC 8032. The reference tool of model signing does not know it.
    Ed25519,
    /// ECDSA over NIST P-256 with SHA-256.
    P256,
    /// ECDSA over NIST P-384 with SHA-384.
    P384,
    /// ECDSA over NIST P-521 with SHA-512.
    P521,
}

impl Algorithm {
    /// Its word, in commands and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::P256 => "p256",
            Self::P384 => "p384",
            Self::P521 => "p521",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A key that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It cannot be read or written.
    #[error("the key `{path}`: {source}")]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Others than its owner may read or write it.
    #[error("the key `{path}` has mode {mode:o}: others may have read it; make a new one, or `chmod 600` it")]
    Open {
        /// Where.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It is longer than any key, or no plain file.
    #[error("the key `{path}` is no plain file of at most {KEY_BYTES_MAX} bytes")]
    NoFile {
        /// Where.
        path: PathBuf,
    },
    /// What was read at a place is no key.
    #[error("the key `{path}`: {source}")]
    At {
        /// Where.
        path: PathBuf,
        /// What is wrong.
        source: Box<Self>,
    },
    /// There is no block of that kind.
    #[error("no PEM block {expected}")]
    NoBlock {
        /// Labels that would have done.
        expected: &'static str,
    },
    /// It is locked with a password.
    #[error("the key is encrypted: unlock it first (`openssl pkcs8 -in KEY`)")]
    Encrypted,
    /// Its algorithm is none of ours, or its numbers are no key.
    #[error("neither Ed25519 nor ECDSA over P-256, P-384 or P-521, or damaged")]
    Unsupported,
    /// The system gave no random numbers.
    #[error("the system gave no random numbers")]
    NoRandom,
}

/// A signature that is not one of this key over these bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature is not by this key over these bytes")]
pub struct BadSignature;

/// A key that signs. Shown, it tells its kind and nothing else:
///
/// ```
/// let key = shieldwall_trust::key::SecretKey::generate_ed25519().unwrap();
/// assert_eq!(format!("{key:?}"), "SecretKey(ed25519, redacted)");
/// ```
///
/// ```compile_fail
/// let key = shieldwall_trust::key::SecretKey::generate_ed25519().unwrap();
/// println!("{key}");
/// ```
///
/// ```compile_fail
/// let key = shieldwall_trust::key::SecretKey::generate_ed25519().unwrap();
/// let copy = key.clone();
/// ```
pub struct SecretKey(Secret);

// Each of these overwrites its memory when dropped.
enum Secret {
    Ed25519(ed25519_dalek::SigningKey),
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
    P521(p521::ecdsa::SigningKey),
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({}, redacted)", self.algorithm())
    }
}

impl SecretKey {
    /// A new Ed25519 key from the system's random numbers.
    ///
    /// # Errors
    /// When the system gives none.
    pub fn generate_ed25519() -> Result<Self, KeyError> {
        Self::generate(Algorithm::Ed25519)
    }

    /// A new key of a kind from the system's random numbers.
    ///
    /// # Errors
    /// When the system gives none.
    pub fn generate(algorithm: Algorithm) -> Result<Self, KeyError> {
        // A draw outside the curve's order is drawn again; for P-256 that happens once in 2^32, for P-521 (whose draws are
        // cut to 521 bits) never in practice.
        for _ in 0..64 {
            let mut draw = Zeroizing::new([0; 66]);
            getrandom::fill(draw.as_mut_slice()).map_err(|_| KeyError::NoRandom)?;
            draw.iter_mut().take(1).for_each(|first| *first &= 1);
            let (first32, first48) = (draw.get(2..34).unwrap_or_default(), draw.get(2..50).unwrap_or_default());
            let secret = match algorithm {
                Algorithm::Ed25519 => first32.try_into().ok().map(Secret::Ed25519),
                Algorithm::P256 => p256::ecdsa::SigningKey::from_slice(first32).ok().map(Secret::P256),
                Algorithm::P384 => p384::ecdsa::SigningKey::from_slice(first48).ok().map(Secret::P384),
                Algorithm::P521 => p521::ecdsa::SigningKey::from_slice(draw.as_slice()).ok().map(Secret::P521),
            };
            if let Some(secret) = secret {
                return Ok(Self(secret));
            }
        }
        Err(KeyError::NoRandom)
    }

    /// Reads a key: PEM of PKCS #8 (RFC 5958), or of SEC 1 (RFC 5915, `EC PRIVATE KEY`).
    ///
    /// # Errors
    /// When there is no such block, it is encrypted, or it is no key of ours.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        if let Some(block) = pem::block(text, "PRIVATE KEY") {
            return Self::of([
                ed25519_dalek::SigningKey::from_pkcs8_pem(block).ok().map(Secret::Ed25519),
                p256::SecretKey::from_pkcs8_pem(block).ok().map(|key| Secret::P256(key.into())),
                p384::SecretKey::from_pkcs8_pem(block).ok().map(|key| Secret::P384(key.into())),
                p521::SecretKey::from_pkcs8_pem(block).ok().map(|key| Secret::P521(key.into())),
            ]);
        }
        if let Some(block) = pem::block(text, "EC PRIVATE KEY") {
            if block.contains("ENCRYPTED") {
                return Err(KeyError::Encrypted);
            }
            return Self::of([
                p256::SecretKey::from_sec1_pem(block).ok().map(|key| Secret::P256(key.into())),
                p384::SecretKey::from_sec1_pem(block).ok().map(|key| Secret::P384(key.into())),
                p521::SecretKey::from_sec1_pem(block).ok().map(|key| Secret::P521(key.into())),
                None,
            ]);
        }
        match pem::block(text, "ENCRYPTED PRIVATE KEY") {
            Some(_) => Err(KeyError::Encrypted),
            None => Err(KeyError::NoBlock { expected: "`PRIVATE KEY` or `EC PRIVATE KEY`" }),
        }
    }

    fn of(ways: [Option<Secret>; 4]) -> Result<Self, KeyError> {
        ways.into_iter().flatten().next().map(Self).ok_or(KeyError::Unsupported)
    }

    /// The key as PEM of PKCS #8. The text overwrites itself when dropped.
    ///
    /// # Errors
    /// Never for a key of ours; the encoder's own type allows for it.
    pub fn to_pem(&self) -> Result<Zeroizing<String>, KeyError> {
        let text = match &self.0 {
            // Without the public half: version 1 of the format, which every reader knows.
            Secret::Ed25519(key) => {
                KeypairBytes { secret_key: key.to_bytes(), public_key: None }.to_pkcs8_pem(LineEnding::LF)
            }
            Secret::P256(key) => p256::SecretKey::from(key).to_pkcs8_pem(LineEnding::LF),
            Secret::P384(key) => p384::SecretKey::from(key).to_pkcs8_pem(LineEnding::LF),
            Secret::P521(key) => p521::SecretKey::from(key).to_pkcs8_pem(LineEnding::LF),
        };
        text.map_err(|_| KeyError::Unsupported)
    }

    /// Its kind.
    pub fn algorithm(&self) -> Algorithm {
        match self.0 {
            Secret::Ed25519(_) => Algorithm::Ed25519,
            Secret::P256(_) => Algorithm::P256,
            Secret::P384(_) => Algorithm::P384,
            Secret::P521(_) => Algorithm::P521,
        }
    }

    /// The key that verifies what this one signs.
    pub fn public(&self) -> PublicKey {
        PublicKey(match &self.0 {
            Secret::Ed25519(key) => Public::Ed25519(key.verifying_key()),
            Secret::P256(key) => Public::P256(*key.verifying_key()),
            Secret::P384(key) => Public::P384(*key.verifying_key()),
            Secret::P521(key) => Public::P521(*key.verifying_key()),
        })
    }

    /// Signs bytes: 64 bytes for Ed25519, ASN.1 DER for ECDSA. The same bytes give the same signature.
    pub fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        match &self.0 {
            Secret::Ed25519(key) => key.sign(bytes).to_bytes().to_vec(),
            Secret::P256(key) => Signer::<p256::ecdsa::Signature>::sign(key, bytes).to_der().as_bytes().to_vec(),
            Secret::P384(key) => Signer::<p384::ecdsa::Signature>::sign(key, bytes).to_der().as_bytes().to_vec(),
            Secret::P521(key) => Signer::<p521::ecdsa::Signature>::sign(key, bytes).to_der().as_bytes().to_vec(),
        }
    }
}

/// A key that verifies.
#[derive(Clone, PartialEq)]
pub struct PublicKey(Public);

#[derive(Clone, PartialEq)]
enum Public {
    Ed25519(ed25519_dalek::VerifyingKey),
    P256(p256::ecdsa::VerifyingKey),
    P384(p384::ecdsa::VerifyingKey),
    P521(p521::ecdsa::VerifyingKey),
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({}, {})", self.algorithm(), self.id())
    }
}

impl PublicKey {
    /// Reads a key: PEM of SubjectPublicKeyInfo (RFC 5280, section 4.1.2.7), label `PUBLIC KEY`.
    ///
    /// # Errors
    /// When there is no such block, or it is no key of ours.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let block = pem::block(text, "PUBLIC KEY").ok_or(KeyError::NoBlock { expected: "`PUBLIC KEY`" })?;
        Self::of([
            ed25519_dalek::VerifyingKey::from_public_key_pem(block).ok().map(Public::Ed25519),
            p256::PublicKey::from_public_key_pem(block).ok().map(|key| Public::P256(key.into())),
            p384::PublicKey::from_public_key_pem(block).ok().map(|key| Public::P384(key.into())),
            p521::PublicKey::from_public_key_pem(block).ok().map(|key| Public::P521(key.into())),
        ])
    }

    /// Reads a key: DER of SubjectPublicKeyInfo, as in a certificate.
    ///
    /// # Errors
    /// When it is no key of ours.
    pub fn from_der(bytes: &[u8]) -> Result<Self, KeyError> {
        Self::of([
            ed25519_dalek::VerifyingKey::from_public_key_der(bytes).ok().map(Public::Ed25519),
            p256::PublicKey::from_public_key_der(bytes).ok().map(|key| Public::P256(key.into())),
            p384::PublicKey::from_public_key_der(bytes).ok().map(|key| Public::P384(key.into())),
            p521::PublicKey::from_public_key_der(bytes).ok().map(|key| Public::P521(key.into())),
        ])
    }

    fn of(ways: [Option<Public>; 4]) -> Result<Self, KeyError> {
        match ways.into_iter().flatten().next() {
            // A key of small order would let one signature fit many messages.
            Some(Public::Ed25519(key)) if key.is_weak() => Err(KeyError::Unsupported),
            Some(key) => Ok(Self(key)),
            None => Err(KeyError::Unsupported),
        }
    }

    /// The key as PEM of SubjectPublicKeyInfo, with a final newline: one text for one key.
    pub fn to_pem(&self) -> String {
        match &self.0 {
            Public::Ed25519(key) => key.to_public_key_pem(LineEnding::LF),
            Public::P256(key) => p256::PublicKey::from(key).to_public_key_pem(LineEnding::LF),
            Public::P384(key) => p384::PublicKey::from(key).to_public_key_pem(LineEnding::LF),
            Public::P521(key) => p521::PublicKey::from(key).to_public_key_pem(LineEnding::LF),
        }
        // Only a point at infinity has no encoding, and no constructor lets one in.
        .unwrap_or_default()
    }

    /// Its name: the SHA-256 in hexadecimal of [`to_pem`](Self::to_pem), as `model-signing` names keys in its hint.
    pub fn id(&self) -> String {
        Hash::of(self.to_pem().as_bytes()).to_string()
    }

    /// Its kind.
    pub fn algorithm(&self) -> Algorithm {
        match self.0 {
            Public::Ed25519(_) => Algorithm::Ed25519,
            Public::P256(_) => Algorithm::P256,
            Public::P384(_) => Algorithm::P384,
            Public::P521(_) => Algorithm::P521,
        }
    }

    /// Checks a signature of a certificate, whose issuer chose the hash: `algorithm` is its object identifier (RFC 5758, RFC
    /// 8410).
    ///
    /// # Errors
    /// When it is not by this key over these bytes, or the algorithm is another.
    pub fn verify_issued(&self, algorithm: &str, bytes: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        use p256::ecdsa::signature::hazmat::PrehashVerifier;
        use sha2::Digest;
        let digest = match (algorithm, self.algorithm()) {
            ("1.3.101.112", Algorithm::Ed25519) => return self.verify(bytes, signature),
            ("1.2.840.10045.4.3.2", _) => sha2::Sha256::digest(bytes).to_vec(),
            ("1.2.840.10045.4.3.3", _) => sha2::Sha384::digest(bytes).to_vec(),
            ("1.2.840.10045.4.3.4", _) => sha2::Sha512::digest(bytes).to_vec(),
            _ => return Err(BadSignature),
        };
        let verified = match &self.0 {
            Public::Ed25519(_) => return Err(BadSignature),
            Public::P256(key) => p256::ecdsa::Signature::from_der(signature)
                .and_then(|signature| key.verify_prehash(&digest, &signature)),
            Public::P384(key) => p384::ecdsa::Signature::from_der(signature)
                .and_then(|signature| key.verify_prehash(&digest, &signature)),
            Public::P521(key) => p521::ecdsa::Signature::from_der(signature)
                .and_then(|signature| key.verify_prehash(&digest, &signature)),
        };
        verified.map_err(|_| BadSignature)
    }

    /// Checks a signature over bytes, in the form in which [`SecretKey::sign`] makes it.
    ///
    /// # Errors
    /// When it is not by this key over these bytes, or not in that form.
    pub fn verify(&self, bytes: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        let verified = match &self.0 {
            Public::Ed25519(key) => ed25519_dalek::Signature::from_slice(signature)
                .and_then(|signature| key.verify_strict(bytes, &signature)),
            Public::P256(key) => {
                p256::ecdsa::Signature::from_der(signature).and_then(|signature| key.verify(bytes, &signature))
            }
            Public::P384(key) => {
                p384::ecdsa::Signature::from_der(signature).and_then(|signature| key.verify(bytes, &signature))
            }
            Public::P521(key) => {
                p521::ecdsa::Signature::from_der(signature).and_then(|signature| key.verify(bytes, &signature))
            }
        };
        verified.map_err(|_| BadSignature)
    }
}

#[cfg(test)]
mod tests;
