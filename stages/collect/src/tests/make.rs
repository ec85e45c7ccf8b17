//! Archives and lines for the tests.

use std::io::{Cursor, Write};

/// Lines of different lengths that compress about as logs do.
pub fn log(bytes: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes + 128);
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut line = 0u32;
    while out.len() < bytes {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let filler = "x".repeat((state % 60) as usize);
        writeln!(out, "Jan  2 03:04:05 host sshd[{}]: session {state:016x} {line} {filler}", state % 30_000).unwrap();
        line += 1;
    }
    out.truncate(bytes);
    out
}

pub fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

pub fn zst(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

pub fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut writer = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(1)).unwrap();
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

pub fn bz2(bytes: &[u8]) -> Vec<u8> {
    let mut writer = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

type Packer = fn(&[u8]) -> Vec<u8>;

/// Every packed stream by its name.
pub const PACKERS: [(&str, Packer); 4] = [("gz", gz), ("zst", zst), ("xz", xz), ("bz2", bz2)];

pub fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(0);
        builder.append_data(&mut header, name, *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

pub fn zip_with(members: &[(&str, &[u8])], method: zip::CompressionMethod) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        let options = zip::write::SimpleFileOptions::default().compression_method(method);
        writer.start_file(*name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

pub fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    zip_with(members, zip::CompressionMethod::Deflated)
}

pub fn stored(members: &[(&str, &[u8])]) -> Vec<u8> {
    zip_with(members, zip::CompressionMethod::Stored)
}

/// A zip written by hand, one member, every field as given: for what no writer would write.
pub struct Raw<'a> {
    pub name: &'a [u8],
    pub data: &'a [u8],
    pub method: u16,
    pub flags: (u16, u16),
    pub size: u32,
    pub crc32: u32,
}

pub fn raw_zip(members: &[Raw<'_>]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for member in members {
        let at = out.len() as u32;
        let rest = |flags: u16| {
            let mut rest = Vec::new();
            for value in [flags, member.method, 0, 0x21] {
                rest.extend(value.to_le_bytes());
            }
            for value in [member.crc32, member.data.len() as u32, member.size] {
                rest.extend(value.to_le_bytes());
            }
            rest.extend((member.name.len() as u16).to_le_bytes());
            rest
        };
        out.extend(b"PK\x03\x04\x14\0");
        out.extend(rest(member.flags.0));
        out.extend([0; 2]);
        out.extend(member.name);
        out.extend(member.data);
        directory.extend(b"PK\x01\x02\x14\0\x14\0");
        directory.extend(rest(member.flags.1));
        directory.extend([0; 12]);
        directory.extend(at.to_le_bytes());
        directory.extend(member.name);
    }
    let at = out.len() as u32;
    out.extend(&directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    for count in [members.len() as u16; 2] {
        out.extend(count.to_le_bytes());
    }
    out.extend((directory.len() as u32).to_le_bytes());
    out.extend(at.to_le_bytes());
    out.extend([0; 2]);
    out
}

pub fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}
