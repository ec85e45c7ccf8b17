//! A rule pack: named rule files, read from a folder, a ZIP archive or a single file, within limits.
//!
//! Only `.yml` and `.yaml` files are read, in the order of their names. What could not be read is kept as a refusal and
//! comes out of loading with the others. Symbolic links are not followed.

use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};

use super::fault::{Remark, Why};
use super::limits::{FILE_BYTES_MAX, FILES_MAX, FOLDER_DEPTH_MAX, PACK_BYTES_MAX};

/// Rules that came together.
#[derive(Clone, Debug, Default)]
pub struct Pack {
    /// The pack's name, shown with its rules; empty for the built-in pack.
    pub name: String,
    /// The licence of rules that name none: an SPDX id or a short name such as `DRL 1.1`; empty if unknown.
    pub license: String,
    /// Path relative to the pack's root, with `/`, and the file's bytes; sorted by path.
    pub files: Vec<(String, Vec<u8>)>,
    /// Files that could not be read.
    pub refusals: Vec<Remark>,
}

impl Pack {
    /// Reads a folder, a ZIP archive (known by its content) or a single rule file.
    pub fn open(path: &Path) -> io::Result<Self> {
        let name = path.file_stem().or(path.file_name()).map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_default();
        if path.is_dir() {
            return Self::from_dir(&name, path);
        }
        let mut file = File::open(path)?;
        let mut magic = Vec::new();
        file.by_ref().take(4).read_to_end(&mut magic)?;
        file.rewind()?;
        if magic.starts_with(b"PK") {
            return Self::from_zip(&name, file);
        }
        let mut reader = Reader::new(&name);
        let file_name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        reader.file(&file_name, &mut file);
        Ok(reader.finish())
    }

    /// Reads all rule files below a folder.
    pub fn from_dir(name: &str, root: &Path) -> io::Result<Self> {
        let mut reader = Reader::new(name);
        let mut folders: Vec<(PathBuf, String, usize)> = vec![(root.to_owned(), String::new(), 0)];
        // The root must be readable; a folder below it that is not is a refusal.
        fs::read_dir(root)?;
        let mut found: Vec<(String, PathBuf)> = Vec::new();
        while let Some((folder, prefix, depth)) = folders.pop() {
            let entries = match fs::read_dir(&folder) {
                Ok(entries) => entries,
                Err(error) => {
                    reader.refuse(&prefix, &Why::Unreadable(error.to_string()));
                    continue;
                }
            };
            for entry in entries {
                let entry = match entry {
                    Ok(entry) => entry,
                    Err(error) => {
                        reader.refuse(&prefix, &Why::Unreadable(error.to_string()));
                        continue;
                    }
                };
                let relative = match prefix.as_str() {
                    "" => entry.file_name().to_string_lossy().into_owned(),
                    prefix => format!("{prefix}/{}", entry.file_name().to_string_lossy()),
                };
                // `file_type` does not follow links.
                let Ok(kind) = entry.file_type() else { continue };
                if kind.is_dir() && depth >= FOLDER_DEPTH_MAX {
                    reader.refuse(&relative, &Why::FoldersTooDeep);
                } else if kind.is_dir() {
                    folders.push((entry.path(), relative, depth + 1));
                } else if kind.is_file() && is_rule_file(&relative) {
                    if found.len() >= FILES_MAX {
                        reader.refuse(&relative, &Why::TooManyFiles);
                    } else {
                        found.push((relative, entry.path()));
                    }
                } else if kind.is_file() && prefix.is_empty() && is_license(&relative) {
                    let text = File::open(entry.path()).and_then(|file| read_bounded(file, LICENSE_BYTES_MAX));
                    reader.license(0, text.unwrap_or_default());
                }
            }
        }
        found.sort();
        for (relative, path) in found {
            match File::open(&path) {
                Ok(mut file) => reader.file(&relative, &mut file),
                Err(error) => reader.refuse(&relative, &Why::Unreadable(error.to_string())),
            }
        }
        Ok(reader.finish())
    }

    /// Reads all rule files of a ZIP archive. Names that would leave the archive are refused.
    pub fn from_zip(name: &str, archive: impl Read + Seek) -> io::Result<Self> {
        let mut archive = zip::ZipArchive::new(archive).map_err(io::Error::other)?;
        let mut reader = Reader::new(name);
        for index in 0..archive.len() {
            // The name first, without unpacking anything.
            let (path, encrypted) = match archive.by_index_raw(index).and_then(|member| {
                let path = if member.is_dir() { String::new() } else { member.name()?.into_owned() };
                Ok((path, member.encrypted()))
            }) {
                Ok(found) => found,
                Err(error) => {
                    reader.refuse(&format!("member {index}"), &Why::Unreadable(error.to_string()));
                    continue;
                }
            };
            let base = path.rsplit('/').next().unwrap_or_default();
            let wanted = is_rule_file(&path);
            if !wanted && !is_license(base) {
                continue;
            }
            if wanted && (is_unsafe(&path) || encrypted) {
                reader.refuse(&path, if encrypted { &Why::Encrypted } else { &Why::UnsafeName });
                continue;
            }
            match archive.by_index(index) {
                Ok(mut member) if wanted => reader.file(&path, &mut member),
                // The archive of a repository has one folder around everything: the shallowest licence counts.
                Ok(mut member) => {
                    let text = read_bounded(&mut member, LICENSE_BYTES_MAX).unwrap_or_default();
                    reader.license(path.matches('/').count(), text);
                }
                Err(error) if wanted => reader.refuse(&path, &Why::Unreadable(error.to_string())),
                Err(_) => {}
            }
        }
        Ok(reader.finish())
    }
}

/// Enough of a licence to know it by.
const LICENSE_BYTES_MAX: usize = 64 << 10;

fn is_rule_file(path: &str) -> bool {
    let extension = path.rsplit_once('.').map(|(_, extension)| extension).unwrap_or_default();
    extension.eq_ignore_ascii_case("yml") || extension.eq_ignore_ascii_case("yaml")
}

fn is_license(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().to_ascii_uppercase();
    matches!(stem.as_str(), "LICENSE" | "LICENCE" | "COPYING")
}

/// Whether a member's name is not a plain path below the archive: absolute, with a drive, `..`, backslashes or controls.
fn is_unsafe(path: &str) -> bool {
    path.starts_with('/')
        || path.contains(|char: char| char == '\\' || char == ':' || char.is_control())
        || path.split('/').any(|part| part == "..")
}

/// Reads at most one byte more than `max`, so that the caller sees when there is more.
fn read_bounded(reader: impl Read, max: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(u64::try_from(max).unwrap_or(u64::MAX).saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Collects files under the limits.
struct Reader {
    pack: Pack,
    bytes: usize,
    license_depth: usize,
    files_max: usize,
    bytes_max: usize,
}

impl Reader {
    fn new(name: &str) -> Self {
        Self {
            pack: Pack { name: name.to_owned(), ..Pack::default() },
            bytes: 0,
            license_depth: usize::MAX,
            files_max: FILES_MAX,
            bytes_max: PACK_BYTES_MAX,
        }
    }

    fn refuse(&mut self, file: &str, why: &Why) {
        // Past the limit on files, refusals could be as many; the first ones say enough.
        if self.pack.refusals.len() < FILES_MAX {
            let (pack, file) = (self.pack.name.clone(), file.to_owned());
            self.pack.refusals.push(Remark { pack, file, reason: why.to_string(), ..Remark::default() });
        }
    }

    fn file(&mut self, path: &str, reader: &mut dyn Read) {
        if self.pack.files.len() >= self.files_max {
            return self.refuse(path, &Why::TooManyFiles);
        }
        if self.bytes >= self.bytes_max {
            return self.refuse(path, &Why::PackTooLarge);
        }
        match read_bounded(reader, FILE_BYTES_MAX) {
            Ok(bytes) if bytes.len() > FILE_BYTES_MAX => self.refuse(path, &Why::FileTooLarge),
            Ok(bytes) => {
                self.bytes = self.bytes.saturating_add(bytes.len());
                self.pack.files.push((path.to_owned(), bytes));
            }
            Err(error) => self.refuse(path, &Why::Unreadable(error.to_string())),
        }
    }

    fn license(&mut self, depth: usize, text: Vec<u8>) {
        if depth < self.license_depth {
            self.license_depth = depth;
            self.pack.license = license_name(&String::from_utf8_lossy(&text)).to_owned();
        }
    }

    fn finish(mut self) -> Pack {
        self.pack.files.sort();
        self.pack.refusals.sort();
        self.pack
    }
}

/// A licence's name by its text; empty if it is none of the common ones.
fn license_name(text: &str) -> &'static str {
    /// All of the words → the name. The first line that fits counts.
    const KNOWN: [(&[&str], &str); 14] = [
        (&["Detection Rule License", "1.1"], "DRL 1.1"),
        (&["Detection Rule License", "1.0"], "DRL 1.0"),
        (&["Elastic License 2.0"], "Elastic-2.0"),
        (&["Apache License", "Version 2.0"], "Apache-2.0"),
        (&["GNU AFFERO GENERAL PUBLIC LICENSE", "Version 3"], "AGPL-3.0"),
        (&["GNU LESSER GENERAL PUBLIC LICENSE", "Version 3"], "LGPL-3.0"),
        (&["GNU GENERAL PUBLIC LICENSE", "Version 3"], "GPL-3.0"),
        (&["GNU GENERAL PUBLIC LICENSE", "Version 2"], "GPL-2.0"),
        (&["Mozilla Public License", "2.0"], "MPL-2.0"),
        (&["Permission is hereby granted, free of charge"], "MIT"),
        (&["Redistribution and use in source and binary forms", "Neither the name"], "BSD-3-Clause"),
        (&["Redistribution and use in source and binary forms"], "BSD-2-Clause"),
        (&["CC0 1.0"], "CC0-1.0"),
        (&["Attribution-ShareAlike 4.0"], "CC-BY-SA-4.0"),
    ];
    KNOWN.iter().find(|(words, _)| words.iter().all(|word| text.contains(word))).map_or("", |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_on_files_and_bytes() {
        let mut reader = Reader { files_max: 2, ..Reader::new("p") };
        for name in ["a.yml", "b.yml", "c.yml"] {
            reader.file(name, &mut b"x".as_slice());
        }
        let pack = reader.finish();
        assert_eq!(pack.files.len(), 2);
        assert_eq!(pack.refusals[0].to_string(), "c.yml: pack has more than 100000 rule files; this one was not read");
        let mut reader = Reader { bytes_max: 4, ..Reader::new("p") };
        for name in ["a.yml", "b.yml", "c.yml"] {
            reader.file(name, &mut b"xxx".as_slice());
        }
        let pack = reader.finish();
        assert_eq!(pack.files.len(), 2);
        assert_eq!(
            pack.refusals[0].to_string(),
            "c.yml: pack is over the limit of 268435456 bytes; this file was not read"
        );
    }

    #[test]
    fn licences_by_their_text() {
        let cases = [
            ("", ""),
            ("All rights reserved", ""),
            ("Detection Rule License (DRL) 1.1", "DRL 1.1"),
            ("Apache License\n Version 2.0, January 2004", "Apache-2.0"),
            ("GNU GENERAL PUBLIC LICENSE\n Version 3", "GPL-3.0"),
            ("GNU AFFERO GENERAL PUBLIC LICENSE Version 3 ... the GNU GENERAL PUBLIC LICENSE Version 3", "AGPL-3.0"),
            ("Permission is hereby granted, free of charge, to", "MIT"),
            ("Redistribution and use in source and binary forms ... Neither the name of", "BSD-3-Clause"),
            ("Redistribution and use in source and binary forms", "BSD-2-Clause"),
        ];
        for (text, want) in cases {
            assert_eq!(license_name(text), want, "{text}");
        }
    }
}
