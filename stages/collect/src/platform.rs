//! The only code of this stage that differs between operating systems.

use std::fs::{File, Metadata};
use std::io;
use std::path::Path;

/// Opens a file for reading only.
pub fn open(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// Reads at an offset without moving a shared position.
#[cfg(unix)]
pub fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

/// Reads at an offset. Windows moves the file's position too, which nobody here relies on.
#[cfg(windows)]
pub fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
}

/// What a path that is no regular file, folder or link is called.
#[cfg(unix)]
pub fn special_name(metadata: &Metadata) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    let kind = metadata.file_type();
    if kind.is_fifo() {
        "a named pipe"
    } else if kind.is_socket() {
        "a socket"
    } else if kind.is_block_device() || kind.is_char_device() {
        "a device"
    } else {
        "no regular file"
    }
}

/// What a path that is no regular file, folder or link is called.
#[cfg(not(unix))]
pub fn special_name(_metadata: &Metadata) -> &'static str {
    "no regular file"
}

/// The bytes of a name that decide its place in a listing.
pub fn sort_key(name: &std::ffi::OsStr) -> &[u8] {
    name.as_encoded_bytes()
}
