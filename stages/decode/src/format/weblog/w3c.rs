//! W3C extended log files (W3C working draft WD-logfile): `#Fields:` names the columns of the lines behind it. IIS,
//! Windows Firewall (`pfirewall.log`) and many proxies write it.
//!
//! Lines are read in order, since a server that restarts writes a new header with other columns. Column names become
//! Sigma's: lower case, `cs(User-Agent)` → `cs-user-agent`. Times are UTC by the draft, unless the header says
//! `#Time Format: Local`.
//!
//! | columns | tag |
//! |---|---|
//! | a method, URI or status | product `web`, service `access`, provider `iis` |
//! | `src-ip`, `dst-ip`, `action` | product `windows`, service `pfirewall` |
//! | others | product `w3c` |

use std::cell::RefCell;

use shieldwall_schema::{Flag, Kind, Tag, Value};

use crate::clock::Lacks;
use crate::decoder::{ChunkDecoder, Confidence, Context, Decoder, Split};
use crate::format::weblog::census;
use crate::format::weblog::uri::with_decoded;
use crate::text::driver::{Grammar, LineDecoder, Out, Record};
use crate::text::line::Text;
use crate::text::stamp::{self, Stamp};

/// Most columns that a header may name; IIS knows 22 and advanced logging some 60.
const COLUMNS_MAX: usize = 256;

/// The decoder.
#[derive(Debug)]
pub struct W3c;

impl Decoder for W3c {
    fn name(&self) -> &'static str {
        "w3c"
    }

    fn sniff(&self, head: &[u8]) -> Confidence {
        // The header opens the file.
        let first = head.strip_prefix("\u{feff}".as_bytes()).unwrap_or(head).first();
        let named = census(head, |line| line.starts_with("#Fields: ")).1 > 0;
        if named && first == Some(&b'#') { Confidence::SURE } else { Confidence::NO }
    }

    fn split(&self) -> Split {
        Split::OrderedLines
    }

    fn lacks(&self, head: &[u8]) -> Lacks {
        Lacks { year: false, zone: census(head, |line| line.trim_end() == "#Time Format: Local").1 > 0 }
    }

    fn open<'a>(&'a self, context: Context<'a>) -> Box<dyn ChunkDecoder + 'a> {
        Box::new(LineDecoder::new(W3cLines::default(), context, false))
    }
}

/// What the lines are about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Subject {
    #[default]
    Other,
    Web,
    Firewall,
}

/// The grammar with its state: the columns.
#[derive(Default)]
pub(crate) struct W3cLines {
    columns: Vec<Box<str>>,
    subject: Subject,
    /// Where the day and time stand.
    day: Option<usize>,
    time: Option<usize>,
    /// The header's `#Date:`, for lines without a day.
    date: String,
    local: bool,
    /// Whether `cs-uri` has to be put together.
    joins_uri: bool,
    scratch: RefCell<String>,
    uri: RefCell<String>,
}

impl W3cLines {
    fn directive(&mut self, line: &str) {
        if let Some(names) = line.strip_prefix("#Fields:") {
            self.columns = names.split_whitespace().take(COLUMNS_MAX).map(normal).collect();
            let at = |wanted: &str| self.columns.iter().position(|name| **name == *wanted);
            let has = |wanted: &str| at(wanted).is_some();
            self.subject = if has("cs-method") || has("cs-uri-stem") || has("cs-uri") || has("sc-status") {
                Subject::Web
            } else if has("src-ip") && has("dst-ip") && has("action") {
                Subject::Firewall
            } else {
                Subject::Other
            };
            self.joins_uri = has("cs-uri-stem") && !has("cs-uri");
            (self.day, self.time) = (at("date"), at("time"));
        } else if let Some(date) = line.strip_prefix("#Date: ") {
            self.date.clear();
            self.date.extend(date.chars().take(10));
        } else if let Some(format) = line.strip_prefix("#Time Format: ") {
            self.local = format.trim_end() == "Local";
        }
    }
}

/// `cs(User-Agent)` → `cs-user-agent`.
fn normal(name: &str) -> Box<str> {
    let lower = name.to_ascii_lowercase();
    match lower.split_once('(') {
        Some((prefix, inside)) => format!("{prefix}-{}", inside.trim_end_matches(')')).into(),
        None => lower.into(),
    }
}

impl Grammar for W3cLines {
    type Record<'l> = W3cRecord<'l>;
    const NAMES: &'static [&'static str] = &[];

    fn read<'l>(&'l mut self, line: &Text<'l>) -> Option<W3cRecord<'l>> {
        if line.text.starts_with('#') {
            self.directive(line.text);
            return None;
        }
        let grammar = &*self;
        let (mut count, mut day, mut time) = (0, None, None);
        for value in values(line.text) {
            if Some(count) == grammar.day {
                day = Some(value);
            } else if Some(count) == grammar.time {
                time = Some(value);
            }
            count += 1;
        }
        let stamp = time.and_then(|time| {
            let stamp = stamp::day_and_time(day.unwrap_or(&grammar.date), time)?;
            let text = match (grammar.day, grammar.time) {
                (Some(0), Some(1)) => line.text.get(..day.map_or(0, str::len) + 1 + time.len()).unwrap_or(time),
                _ => time,
            };
            Some((Stamp { offset: (!grammar.local).then_some(0), ..stamp }, text))
        });
        let odd = count != grammar.columns.len();
        Some(W3cRecord { grammar, line: line.text, stamp, odd })
    }
}

/// The values of a line: separated by spaces or tabs, in quotes where they hold spaces themselves.
fn values(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = line;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches([' ', '\t']);
        if rest.is_empty() {
            return None;
        }
        if let Some(inside) = rest.strip_prefix('"')
            && let Some((value, behind)) = inside.split_once('"')
            && (behind.is_empty() || behind.starts_with([' ', '\t']))
        {
            rest = behind;
            return Some(value);
        }
        let (value, behind) = rest.split_once([' ', '\t']).unwrap_or((rest, ""));
        rest = behind;
        Some(value)
    })
}

/// One line.
pub(crate) struct W3cRecord<'l> {
    grammar: &'l W3cLines,
    line: &'l str,
    stamp: Option<(Stamp, &'l str)>,
    /// Whether the number of values is not that of the columns.
    odd: bool,
}

impl Record for W3cRecord<'_> {
    fn tag(&self) -> Tag<'_> {
        let (product, service, provider) = match self.grammar.subject {
            Subject::Web => ("web", "access", "iis"),
            Subject::Firewall => ("windows", "pfirewall", ""),
            Subject::Other => ("w3c", "", ""),
        };
        Tag { product, service, provider, code: "" }
    }

    fn stamp(&self) -> Option<(Stamp, &str)> {
        self.stamp
    }

    fn flag(&self) -> Option<Flag> {
        self.odd.then_some(Flag::UnknownLine)
    }

    fn values(&self, _: usize, _: &mut dyn FnMut(Value<'_>)) {}

    fn rest(&self, out: Out<'_>) {
        let (mut stem, mut query) = ("", "");
        for (name, value) in self.grammar.columns.iter().zip(values(self.line)) {
            if value == "-" || value.is_empty() {
                continue;
            }
            match &**name {
                "cs-uri-stem" => stem = value,
                "cs-uri-query" => query = value,
                _ => {}
            }
            if name.starts_with("cs-uri") {
                with_decoded(value, false, &self.grammar.scratch, &mut |value| out(name, value));
            } else if matches!(&**name, "cs-user-agent" | "cs-referer" | "cs-cookie") {
                // IIS writes spaces as `+`.
                with_decoded(value, true, &self.grammar.scratch, &mut |value| out(name, value));
            } else {
                let number = value.bytes().all(|byte| byte.is_ascii_digit());
                out(name, Value { text: value, kind: if number { Kind::Number } else { Kind::Text } });
            }
        }
        if self.grammar.joins_uri && !stem.is_empty() {
            let mut own = String::new();
            let mut shared = self.grammar.uri.try_borrow_mut().ok();
            let uri = shared.as_deref_mut().unwrap_or(&mut own);
            uri.clear();
            uri.push_str(stem);
            if !query.is_empty() {
                uri.push('?');
                uri.push_str(query);
            }
            with_decoded(uri, false, &self.grammar.scratch, &mut |value| out("cs-uri", value));
        }
    }
}
