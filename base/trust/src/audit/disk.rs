//! Appending to a file so that a failure leaves what was there, and nothing else.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

/// A file that grows at its end.
pub(crate) trait Disk {
    /// Its length.
    fn len(&mut self) -> io::Result<u64>;
    /// Writes at the end and sees to it that the bytes are on the disk.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Takes off what stands beyond a length.
    fn cut(&mut self, len: u64) -> io::Result<()>;
}

impl Disk for File {
    fn len(&mut self) -> io::Result<u64> {
        self.metadata().map(|about| about.len())
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.seek(SeekFrom::End(0))?;
        self.write_all(bytes)?;
        self.sync_data()
    }

    fn cut(&mut self, len: u64) -> io::Result<()> {
        self.set_len(len)?;
        self.sync_data()
    }
}

/// Appends to several files: all of it or nothing. What was written before a failure is taken off again.
pub(crate) fn append_all(parts: &mut [(&mut dyn Disk, &[u8])]) -> io::Result<()> {
    let mut before = Vec::with_capacity(parts.len());
    for (disk, _) in parts.iter_mut() {
        before.push(disk.len()?);
    }
    let mut result = Ok(());
    for (disk, bytes) in parts.iter_mut() {
        result = disk.append(bytes);
        if result.is_err() {
            break;
        }
    }
    if result.is_err() {
        for ((disk, _), len) in parts.iter_mut().zip(before) {
            // A cut that fails leaves a torn line, which the next reader names.
            if disk.len().is_ok_and(|now| now > len) {
                let _ = disk.cut(len);
            }
        }
    }
    result
}

/// Opens a file for its owner alone, to read and to append; makes it if it is not there.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A disk with room for so many bytes.
    #[derive(Debug, Default)]
    pub(crate) struct Small {
        pub bytes: Vec<u8>,
        pub room: usize,
    }

    impl Disk for Small {
        fn len(&mut self) -> io::Result<u64> {
            Ok(self.bytes.len() as u64)
        }

        fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
            let fits = bytes.len().min(self.room.saturating_sub(self.bytes.len()));
            self.bytes.extend_from_slice(&bytes[..fits]);
            if fits < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
        }

        fn cut(&mut self, len: u64) -> io::Result<()> {
            self.bytes.truncate(len as usize);
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_takes_all_or_nothing_at_every_byte() {
        for first in 0..8 {
            for second in 0..8 {
                let mut one = Small { bytes: b"ab".to_vec(), room: 2 + first };
                let mut two = Small { bytes: b"c".to_vec(), room: 1 + second };
                let done = append_all(&mut [(&mut one, b"12345"), (&mut two, b"678")]);
                if first >= 5 && second >= 3 {
                    done.unwrap();
                    assert_eq!((one.bytes, two.bytes), (b"ab12345".to_vec(), b"c678".to_vec()));
                } else {
                    assert_eq!(done.unwrap_err().kind(), io::ErrorKind::StorageFull);
                    assert_eq!((one.bytes, two.bytes), (b"ab".to_vec(), b"c".to_vec()));
                }
            }
        }
    }
}
