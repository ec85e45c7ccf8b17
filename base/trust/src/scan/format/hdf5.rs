//! HDF5: Keras models and weights, and whatever else is kept so. Attributes are judged by what they hold: the configuration
//! of a model, a pickle. Links and data in other files, and filters that need a plugin, are findings. The weights themselves
//! are numbers and are never read.

use crate::scan::hdf5::file::{File, superblock};
use crate::scan::hdf5::object::{self, Link};
use crate::scan::hdf5::{Unread, group};
use crate::scan::judge::{config, jinja, json, path};
use crate::scan::kinds::{GRAPH, HIDDEN, PATH, UNREAD, found, limit, shown};
use crate::scan::report::{Finding, Report, Weight};
use crate::scan::{Bytes, Format, Inside, Part, Verdict};

/// HDF5 files.
pub struct Hdf5;

/// Bytes that are searched for a configuration where the structure could not be read to its end.
const SEARCHED_MAX: usize = 64 << 20;
/// Configurations that are found so.
const SEARCHED_CONFIGS_MAX: usize = 64;

impl Format for Hdf5 {
    fn name(&self) -> &'static str {
        "HDF5"
    }

    fn claims(&self, bytes: &dyn Bytes) -> bool {
        superblock(bytes).is_some()
    }

    fn read(&self, bytes: &dyn Bytes, inside: &Inside<'_>, report: &mut Report) {
        let Some(at) = superblock(bytes) else { return };
        if at > 0 {
            // A block for the user's own bytes is allowed; with zeros it is room, with anything else another file.
            let empty = bytes.window(0, usize::try_from(at).unwrap_or(0)).iter().all(|&byte| byte == 0);
            let weight = if empty { Weight::Note } else { Weight::NotProven };
            report.add(found(inside, &HIDDEN, weight, format!("{at} bytes stand before the file's own beginning")));
            if !empty {
                (inside.member)("before the file", &Part::new(bytes, 0, at), report);
            }
        }
        let before = report.verdict();
        let mut apart = Report::default();
        let file = File::open(bytes, at);
        let read = file.and_then(|file| {
            let mut reader = Reader { file, inside, report: &mut apart, pytables: false };
            reader.whole()
        });
        if let Err(Unread(at, words)) = read {
            apart.add(Finding { offset: at, ..found(inside, &UNREAD, Weight::NotProven, words) });
        }
        if apart.verdict() == Verdict::NotProven && before != Verdict::Malicious {
            search(bytes, inside, &mut apart);
        }
        for finding in apart.findings() {
            let mut finding = finding.clone();
            // The older format ignores `safe_mode`.
            if finding.advisories == ["CVE-2024-3660"] {
                finding.advisories = &["CVE-2024-3660", "CVE-2025-9905"];
            }
            report.add(finding);
        }
        apart.formats.iter().for_each(|format| report.read_as(format));
    }
}

struct Reader<'a, 'b> {
    file: File<'a>,
    inside: &'a Inside<'b>,
    report: &'a mut Report,
    /// Written by PyTables, which unpickles attributes.
    pytables: bool,
}

impl Reader<'_, '_> {
    fn say(&mut self, at: u64, kind: &'static crate::scan::Kind, weight: Weight, words: String) {
        self.report.add(Finding { offset: at, ..found(self.inside, kind, weight, words) });
    }

    fn whole(&mut self) -> Result<(), Unread> {
        let len = self.file.bytes.len();
        let end = self.file.end.saturating_add(self.file.base);
        if end < len {
            self.say(end, &HIDDEN, Weight::NotProven, format!("{} bytes follow the end of the file", len - end));
            (self.inside.member)("after the end", &Part::new(self.file.bytes, end, u64::MAX), self.report);
        } else if self.file.end > len {
            self.say(0, &UNREAD, Weight::NotProven, "the file is cut short".to_owned());
        }
        let mut open = vec![(String::new(), self.file.root)];
        let mut seen = std::collections::HashSet::new();
        while let Some((name, address)) = open.pop() {
            if !seen.insert(address) {
                continue;
            }
            if let Err(spent) = self.inside.budget.steps(1) {
                self.report.add(limit(self.inside, spent));
                return Ok(());
            }
            if let Err(Unread(at, words)) = self.object(&name, address, &mut open) {
                self.say(at, &UNREAD, Weight::NotProven, format!("`{}`: {words}", shown(&name)));
            }
        }
        Ok(())
    }

    fn object(&mut self, name: &str, address: u64, open: &mut Vec<(String, u64)>) -> Result<(), Unread> {
        let unread = |words: &str| Unread(address, words.to_owned());
        let messages = object::messages(&self.file, address)?;
        let many: usize = messages.iter().map(|message| message.body.len()).sum();
        self.inside.budget.steps(many as u64).map_err(|spent| unread(&spent.to_string()))?;
        for message in messages {
            // A reference to a message elsewhere: types are shared so, and types cannot act.
            let shared = message.flags & 2 != 0;
            let body = message.body.as_slice();
            match message.kind {
                0x03 => {}
                _ if shared => return Err(unread("a message of the object is kept elsewhere")),
                0x0c => match object::attribute(&self.file, body) {
                    Some(attribute) => {
                        self.pytables |= attribute.name == "PYTABLES_FORMAT_VERSION";
                        self.attribute(name, &attribute, address);
                    }
                    None => self.say(
                        address,
                        &UNREAD,
                        Weight::NotProven,
                        format!("an attribute of `{}` cannot be read", shown(name)),
                    ),
                },
                0x06 => match object::link(&self.file, body).ok_or_else(|| unread("a link cannot be read"))? {
                    Link::Hard(child, at) => open.push((shown(&format!("{name}/{child}")), at)),
                    Link::Soft => {}
                    Link::External(child, target) => {
                        let words = format!(
                            "`{}/{}` is read from another file, `{}`",
                            shown(name),
                            shown(&child),
                            shown(&target)
                        );
                        self.say(address, &PATH, Weight::Malicious, words);
                    }
                    Link::Other(child) => {
                        let words = format!(
                            "`{}/{}` is a link of a kind that only a program of its own reads",
                            shown(name),
                            shown(&child)
                        );
                        self.say(address, &PATH, Weight::NotProven, words);
                    }
                },
                0x11 => {
                    let mut cursor = crate::scan::hdf5::file::Cursor::new(body);
                    let (Some(tree), Some(heap)) = (self.file.offset(&mut cursor), self.file.offset(&mut cursor))
                    else {
                        return Err(unread("a group cannot be read"));
                    };
                    for member in group::members(&self.file, tree, heap)? {
                        if let Some(at) = member.address {
                            open.push((shown(&format!("{name}/{}", member.name)), at));
                        }
                    }
                }
                // Members or attributes that were too many for the header lie in a fractal heap.
                0x02 | 0x15 => {
                    let mut cursor = crate::scan::hdf5::file::Cursor::new(body);
                    let flags = cursor.number(2).map_or(0, |both| both >> 8);
                    let skip = match message.kind {
                        0x02 if flags & 1 != 0 => 8,
                        0x15 if flags & 1 != 0 => 2,
                        _ => 0,
                    };
                    cursor.take(skip);
                    let heap = self.file.offset(&mut cursor);
                    if !heap.is_some_and(|heap| self.file.is_none(heap)) {
                        return Err(unread("members or attributes lie in a heap that is not read"));
                    }
                }
                0x07 => self.say(
                    address,
                    &PATH,
                    Weight::Malicious,
                    format!("the numbers of `{}` are read from another file", shown(name)),
                ),
                0x08 => {
                    let class = if matches!(body.first(), Some(1 | 2)) { body.get(2) } else { body.get(1) };
                    if class == Some(&3) {
                        self.say(
                            address,
                            &PATH,
                            Weight::NotProven,
                            format!("`{}` is put together from other datasets, perhaps in other files", shown(name)),
                        );
                    }
                }
                0x0b => {
                    for filter in object::filters(body).ok_or_else(|| unread("the filters cannot be read"))? {
                        // 1 to 6 are HDF5's own; 32000 is LZF, which h5py brings.
                        if !matches!(filter, 1..=6 | 32_000) {
                            self.say(
                                address,
                                &GRAPH,
                                Weight::NotProven,
                                format!("`{}` is unpacked by a plugin (filter {filter})", shown(name)),
                            );
                        }
                    }
                }
                0 | 1 | 4 | 5 | 0x09 | 0x0a | 0x0d..=0x10 | 0x12..=0x14 | 0x16 => {}
                kind => self.say(
                    address,
                    &UNREAD,
                    Weight::NotProven,
                    format!("`{}` has a message of the unknown kind {kind:#x}", shown(name)),
                ),
            }
        }
        Ok(())
    }

    fn attribute(&mut self, object: &str, attribute: &object::Attribute, at: u64) {
        for text in &attribute.texts {
            if let Err(spent) = self.inside.budget.steps(text.len() as u64) {
                return self.report.add(limit(self.inside, spent));
            }
            let end = text.iter().rposition(|&byte| byte != 0).map_or(0, |end| end + 1);
            let text = text.get(..end).unwrap_or_default();
            let pickled =
                matches!(text, [0x80, 0..=5, ..] | [b'(' | b'c' | b']' | b'}' | b'I' | b'V' | b'S' | b'N', .., b'.']);
            if pickled {
                let name = format!("{object}@{}", attribute.name);
                if self.pytables {
                    (self.inside.member)(&name, &text.to_vec(), self.report);
                } else {
                    let mut apart = Report::default();
                    (self.inside.member)(&name, &text.to_vec(), &mut apart);
                    if apart.verdict() == Verdict::Malicious {
                        (self.inside.member)(&name, &text.to_vec(), self.report);
                    }
                }
            }
            let Ok(text) = std::str::from_utf8(text) else {
                if attribute.name.ends_with("_config") {
                    self.say(
                        at,
                        &UNREAD,
                        Weight::NotProven,
                        format!("the attribute `{}` is not UTF-8", shown(&attribute.name)),
                    );
                }
                continue;
            };
            if text.trim_start().starts_with(['{', '[']) {
                match json::parse(text.as_bytes()) {
                    Ok(value) => config::judge(&value, self.inside, self.report),
                    Err(error) if attribute.name.ends_with("_config") => {
                        self.say(
                            at,
                            &UNREAD,
                            Weight::NotProven,
                            format!("the attribute `{}` is not JSON: {}", shown(&attribute.name), error.why),
                        );
                    }
                    Err(_) => {}
                }
            } else if jinja::is_template(text) {
                config::template(&attribute.name, text, self.inside, self.report);
            }
            if attribute.name == "PSEUDOATOM" && text == "object" {
                self.say(
                    at,
                    &UNREAD,
                    Weight::NotProven,
                    format!("`{}` holds pickles that PyTables would load", shown(object)),
                );
            }
            if path::remote(text) && attribute.name.ends_with("_file") {
                self.say(
                    at,
                    &PATH,
                    Weight::NotProven,
                    format!("the attribute `{}` names another machine", shown(&attribute.name)),
                );
            }
        }
    }
}

/// Looks for configurations in a file whose structure could not be read: what they would call is worth knowing.
fn search(bytes: &dyn Bytes, inside: &Inside<'_>, report: &mut Report) {
    let window = bytes.window(0, SEARCHED_MAX);
    for start in [&b"{\"class_name\""[..], b"{\"module\"", b"{\"name\""] {
        for at in memchr::memmem::find_iter(&window, start).take(SEARCHED_CONFIGS_MAX) {
            let Some(rest) = window.get(at..) else { continue };
            if let Ok((value, _)) = json::parse_first(rest) {
                config::judge(&value, inside, report);
                break;
            }
        }
    }
}
