//! What may make findings. A verified artifact may be scored, evaluated, attacked and run in the shadow; only an active one
//! speaks. The only maker stands here, beside the check:
//!
//! ```compile_fail
//! use shieldwall_trust::{Artifact, Roots, registry::Active};
//! let verified = Roots::default().verify(Artifact::new("model", Vec::new())).unwrap();
//! let forged: Active<Artifact> = Active { inner: verified };
//! ```
//!
//! ```compile_fail
//! use shieldwall_trust::{Artifact, Verified, registry::Active};
//! fn makes_findings(_: &Active<Artifact>) {}
//! fn scores(verified: &Verified<Artifact>) {
//!     makes_findings(verified);
//! }
//! ```

use super::state::{Stage, State};
use crate::artifact::{Artifact, Hash};
use crate::verified::{Verified, Why};

/// Something that may make findings. There is no way to make one but [`activate`].
#[derive(Clone, Debug)]
pub struct Active<T> {
    inner: Verified<T>,
}

impl<T> Active<T> {
    /// The verified thing: what is active may also be scored.
    pub fn verified(&self) -> &Verified<T> {
        &self.inner
    }

    /// What was checked.
    pub fn get(&self) -> &T {
        self.inner.get()
    }
}

/// A verified artifact that may not make findings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{name}` ({hash}) is not active, so it makes no findings: it is {stage}; `shieldwall model promote` promotes it"
)]
pub struct NotActive {
    /// The artifact's name.
    pub name: String,
    /// Its hash.
    pub hash: Hash,
    /// Where it stands.
    pub stage: String,
}

/// Checks that an artifact may make findings: it came with the program, or the registry has it as active.
///
/// # Errors
/// When it may not.
pub fn activate(verified: Verified<Artifact>, registry: Option<&State>) -> Result<Active<Artifact>, NotActive> {
    let hash = verified.get().hash();
    let model = registry.and_then(|state| state.models().get(&hash));
    let revoked = model.is_some_and(|model| model.revoked.is_some());
    let shipped = verified.why() == Why::Shipped && !revoked;
    if shipped || model.is_some_and(|model| model.stage == Stage::Active && !revoked) {
        return Ok(Active { inner: verified });
    }
    let stage = model
        .map_or("not in the registry", |model| if model.revoked.is_some() { "revoked" } else { model.stage.word() });
    Err(NotActive { name: verified.get().name().to_owned(), hash, stage: stage.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Event;
    use crate::verified::Roots;

    #[test]
    fn what_came_with_the_program_or_is_active_here_may_speak_and_nothing_else() {
        let artifact = || Artifact::new("model", b"weights".to_vec());
        let hash = artifact().hash();
        let verified = |roots: Roots| roots.verify(artifact()).unwrap();
        let named = || verified(Roots { named: vec![hash], ..Roots::default() });
        let shipped = || verified(Roots { shipped: vec![hash], ..Roots::default() });
        assert!(activate(shipped(), None).is_ok());
        assert!(activate(named(), None).is_err());
        let mut state = State::default();
        let step = |action: &str| Event::new(action, hash.to_string()).with("kind", "domain");
        for (action, may) in
            [("register", false), ("shadow", false), ("canary", false), ("active", true), ("revoke", false)]
        {
            state.apply(0, &step(action)).unwrap();
            assert_eq!(activate(named(), Some(&state)).is_ok(), may, "{action}");
        }
        // Not even what came with the program, once it was revoked.
        assert!(activate(shipped(), Some(&state)).unwrap_err().to_string().contains("revoked"));
    }
}
