//! Every limit of this stage, with its name and its reason. Reaching one is reported with the name, as
//! [`Reject::Limit`](shieldwall_schema::Reject::Limit); what was read before it stays.

use std::path::PathBuf;

use crate::container::codec::Packed;

/// Limits on what hostile input may cost.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Unpacked bytes of one source. The largest rotated logs seen unpack to some ten GiB.
    pub unpacked_bytes_max: u64,
    /// Sum of the sizes that the members of one input declare, nested members counted at each level. Declared sizes,
    /// because bytes that workers read at the same time could not be counted in an order that repeats.
    pub input_bytes_max: u64,
    /// Unpacked bytes per byte of the outermost packed data. Logs reach about 1:100 with zstd and xz; deflate ends at
    /// 1:1032, so a bomb shows itself.
    pub ratio_max: u64,
    /// Unpacked bytes below which the ratio does not count. An empty journal file (8 MiB, mostly zeros) packs into
    /// about 20 KB, far over [`ratio_max`](Self::ratio_max).
    pub ratio_floor_bytes: u64,
    /// Members of one input, nested ones included.
    pub members_max: u64,
    /// Containers inside each other. A `.tgz` counts as two.
    pub depth_max: u32,
    /// Bytes of a member's name; Linux ends at 4,096.
    pub name_bytes_max: usize,
    /// Memory that a header may ask for: a zstd window, an xz dictionary. `zstd --ultra -22` and `--long` ask for
    /// 128 MiB, `xz -9` for 64 MiB.
    pub window_bytes_max: u64,
    /// Bytes of a spool that stay in memory; the rest goes to an anonymous temporary file. Small, because every worker
    /// may hold one.
    pub spool_memory_bytes_max: usize,
    /// Bytes of one spool, memory and file together. It protects the temporary folder.
    pub spool_bytes_max: u64,
    /// Where spools go; the system's temporary folder if none. Never a folder with evidence.
    pub spool_dir: Option<PathBuf>,
    /// Inputs that one call of [`walk`](crate::walk()) lists.
    pub inputs_max: usize,
    /// Folders inside each other.
    pub folder_depth_max: usize,
}

const MIB: u64 = 1024 * 1024;
const GIB: u64 = 1024 * MIB;

impl Default for Limits {
    fn default() -> Self {
        Self {
            unpacked_bytes_max: 64 * GIB,
            input_bytes_max: 1024 * GIB,
            ratio_max: 200,
            ratio_floor_bytes: 8 * MIB,
            members_max: 1_000_000,
            depth_max: 6,
            name_bytes_max: 4096,
            window_bytes_max: 128 * MIB,
            spool_memory_bytes_max: 4 * 1024 * 1024,
            spool_bytes_max: 64 * GIB,
            spool_dir: None,
            inputs_max: 1_000_000,
            folder_depth_max: 128,
        }
    }
}

/// Unpacked bytes that one layer may give, and the name of the limit that says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Allowance {
    pub bytes: u64,
    pub limit: &'static str,
}

impl Limits {
    /// What may come out of `packed` outermost bytes. For data of a known size it does not depend on how far or in
    /// which steps the data was read, so that the cut is the same in every run.
    pub(crate) fn allowance(&self, packed: &Packed) -> Allowance {
        let by_ratio = packed.bytes().saturating_mul(self.ratio_max).max(self.ratio_floor_bytes);
        if by_ratio < self.unpacked_bytes_max {
            Allowance { bytes: by_ratio, limit: "ratio_max" }
        } else {
            Allowance { bytes: self.unpacked_bytes_max, limit: "unpacked_bytes_max" }
        }
    }
}
