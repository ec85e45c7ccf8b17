//! Extended attributes of a file (xattr(7)): all of them read, and written back exactly.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;

use rustix::fs::{XattrFlags, fgetxattr, flistxattr, fremovexattr, fsetxattr};
use rustix::io::Errno;

/// Bytes of all names, and of one value: the kernel's own limits (`XATTR_LIST_MAX`, `XATTR_SIZE_MAX`).
const XATTR_BYTES_MAX: usize = 64 << 10;

/// Names and values, both in hexadecimal, sorted: neither must be text.
pub(crate) fn all(file: &File) -> io::Result<Vec<(String, String)>> {
    let mut buffer = vec![0; XATTR_BYTES_MAX];
    let taken = match flistxattr(file, buffer.as_mut_slice()) {
        Ok(taken) => taken,
        Err(Errno::NOTSUP) => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let names = buffer.get(..taken).unwrap_or_default().to_vec();
    let mut out = Vec::new();
    for name in names.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let taken = fgetxattr(file, OsStr::from_bytes(name), buffer.as_mut_slice())?;
        out.push((hex(name), hex(buffer.get(..taken).unwrap_or_default())));
    }
    out.sort_unstable();
    Ok(out)
}

/// Makes a file have these and no others.
pub(crate) fn set(file: &File, wanted: &[(String, String)]) -> io::Result<()> {
    let now = all(file)?;
    for (name, _) in now.iter().filter(|(name, _)| !wanted.iter().any(|(other, _)| other == name)) {
        fremovexattr(file, OsStr::from_bytes(&unhex(name)?))?;
    }
    for (name, value) in wanted.iter().filter(|pair| !now.contains(pair)) {
        fsetxattr(file, OsStr::from_bytes(&unhex(name)?), &unhex(value)?, XattrFlags::empty())?;
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> io::Result<Vec<u8>> {
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = text.as_bytes().chunks(2).map(pair).collect();
    bytes.ok_or_else(|| io::Error::other("no attribute in hexadecimal"))
}
