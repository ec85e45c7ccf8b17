//! What was found worthy of trust. The only maker stands in this file, beside the check; nobody else can make one:
//!
//! ```compile_fail
//! use shieldwall_trust::{Artifact, Verified, Why};
//! let forged = Verified { inner: Artifact::new("model", Vec::new()), why: Why::Named };
//! ```

use crate::artifact::{Artifact, Hash};

/// Something that was checked. There is no way to make one but [`Roots::verify`].
#[derive(Clone, Debug)]
pub struct Verified<T> {
    inner: T,
    why: Why,
}

impl<T> Verified<T> {
    /// What was checked.
    pub fn get(&self) -> &T {
        &self.inner
    }

    /// Why it is trusted.
    pub fn why(&self) -> Why {
        self.why
    }
}

/// Why an artifact is trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Its hash is compiled into the program.
    Shipped,
    /// The user named its hash on the command line.
    Named,
    /// It stands in the list of what was trained here.
    TrainedHere,
    /// The registry of this machine took it in.
    Registered,
}

/// An artifact that nobody vouches for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is not trusted: nobody vouches for its SHA-256 {hash}")]
pub struct Untrusted {
    /// The artifact's name.
    pub name: String,
    /// Its hash.
    pub hash: Hash,
}

/// Who is believed.
#[derive(Clone, Debug, Default)]
pub struct Roots {
    /// Hashes compiled into the program.
    pub shipped: Vec<Hash>,
    /// Hashes that the user named.
    pub named: Vec<Hash>,
    /// Hashes of what was trained here.
    pub trained: Vec<Hash>,
    /// Hashes that the registry took in.
    pub registered: Vec<Hash>,
}

impl Roots {
    /// Checks an artifact: its hash must be one of those believed.
    ///
    /// # Errors
    /// When nobody vouches for it.
    pub fn verify(&self, artifact: Artifact) -> Result<Verified<Artifact>, Untrusted> {
        let hash = artifact.hash();
        let ways = [
            (&self.shipped, Why::Shipped),
            (&self.named, Why::Named),
            (&self.trained, Why::TrainedHere),
            (&self.registered, Why::Registered),
        ];
        match ways.into_iter().find(|(hashes, _)| hashes.contains(&hash)) {
            Some((_, why)) => Ok(Verified { inner: artifact, why }),
            None => Err(Untrusted { name: artifact.name().to_owned(), hash }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_somebody_vouches_for_is_verified_and_never_after_a_change() {
        let model = Artifact::new("model", b"weights".to_vec());
        let named = Roots { named: vec![model.hash()], ..Roots::default() };
        assert_eq!(named.verify(model.clone()).unwrap().why(), Why::Named);
        let changed = Artifact::new("model", b"weighty".to_vec());
        assert!(named.verify(changed).is_err());
        let error = Roots::default().verify(model.clone()).unwrap_err();
        assert!(error.to_string().contains(&model.hash().to_string()), "{error}");
        let all = Roots { shipped: vec![model.hash()], trained: vec![model.hash()], ..Roots::default() };
        assert_eq!(all.verify(model).unwrap().why(), Why::Shipped);
    }
}
