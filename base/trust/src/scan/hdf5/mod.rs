//! Enough of HDF5 (File Format Specification 3.0) to see everything in a file that can act: every group, every attribute,
//! every link, every filter and every place of storage; the numbers in datasets are never read.
//!
//! | module | holds |
//! |---|---|
//! | [`file`] | superblock, numbers of the file's own widths, the global heap |
//! | [`object`] | object headers and their messages |
//! | [`group`] | members of groups of the old form |

pub(crate) mod file;
pub(crate) mod group;
pub(crate) mod object;

/// What could not be read, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unread(pub u64, pub String);
