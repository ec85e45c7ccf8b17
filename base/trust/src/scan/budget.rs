//! What one scan may spend. A limit that is reached is a finding that says *not proven* and names the limit; it is never
//! silence.

use std::cell::Cell;

/// Containers within containers that are opened.
pub const DEPTH_MAX: usize = 8;
/// Members of one file's containers that are read, all together.
pub const MEMBERS_MAX: u64 = 100_000;
/// Members that are read of a file however small it is; each further one needs so many bytes of the file
/// ([`BYTES_A_MEMBER`]). A zip whose members are the zip itself, cut at many places, would have its half kilobyte read a
/// hundred thousand times.
pub const MEMBERS_MIN: u64 = 16_384;
/// Headers of a member in a zip have 76 bytes and more; packed archives in archives have fewer.
pub const BYTES_A_MEMBER: u64 = 8;
/// Bytes that are unpacked for one file, all together. What is stored without packing costs nothing.
pub const UNPACKED_MAX: u64 = 16 << 30;
/// Steps of machines (operation codes, nodes, keys) for one file.
pub const STEPS_MAX: u64 = 1 << 32;

/// What is left of each limit; shared by all readers of one file.
#[derive(Debug)]
pub struct Budget {
    members: Cell<u64>,
    members_max: u64,
    unpacked: Cell<u64>,
    steps: Cell<u64>,
}

/// A limit was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("limit reached: {name} ({limit})")]
pub struct Spent {
    /// The limit's name, as it stands in the source.
    pub name: &'static str,
    /// Its size.
    pub limit: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self::of(u64::MAX)
    }
}

impl Budget {
    /// What the scan of a file of so many bytes may spend.
    pub fn of(bytes: u64) -> Self {
        let members_max = MEMBERS_MAX.min(MEMBERS_MIN.saturating_add(bytes / BYTES_A_MEMBER));
        let (members, unpacked) = (Cell::new(members_max), Cell::new(UNPACKED_MAX));
        Self { members, members_max, unpacked, steps: Cell::new(STEPS_MAX) }
    }

    /// One more member.
    ///
    /// # Errors
    /// When there were [`MEMBERS_MAX`], or as many as a file of this size has.
    pub fn member(&self) -> Result<(), Spent> {
        take(&self.members, 1, "MEMBERS_MAX", self.members_max)
    }

    /// So many more bytes unpacked.
    ///
    /// # Errors
    /// When there were [`UNPACKED_MAX`].
    pub fn unpacked(&self, bytes: u64) -> Result<(), Spent> {
        take(&self.unpacked, bytes, "UNPACKED_MAX", UNPACKED_MAX)
    }

    /// So many more steps.
    ///
    /// # Errors
    /// When there were [`STEPS_MAX`].
    pub fn steps(&self, many: u64) -> Result<(), Spent> {
        take(&self.steps, many, "STEPS_MAX", STEPS_MAX)
    }
}

fn take(left: &Cell<u64>, many: u64, name: &'static str, limit: u64) -> Result<(), Spent> {
    match left.get().checked_sub(many) {
        Some(rest) => {
            left.set(rest);
            Ok(())
        }
        None => {
            left.set(0);
            Err(Spent { name, limit })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_once_reached_stays_reached_and_says_its_name() {
        let budget = Budget::default();
        assert_eq!(budget.unpacked(UNPACKED_MAX), Ok(()));
        assert_eq!(budget.unpacked(1), Err(Spent { name: "UNPACKED_MAX", limit: UNPACKED_MAX }));
        assert_eq!(budget.member(), Ok(()));
        let small = Budget::of(800);
        assert!((0..MEMBERS_MIN + 100).all(|_| small.member().is_ok()));
        assert_eq!(small.member(), Err(Spent { name: "MEMBERS_MAX", limit: MEMBERS_MIN + 100 }));
    }
}
