//! Names that PowerShell knows under several spellings: aliases, parameters cut short, types, variables whose value is the
//! same everywhere.

use std::borrow::Cow;

/// A command's full name in small letters.
pub fn command(word: &str) -> Cow<'_, str> {
    let small = lower(word);
    match alias(&small) {
        Some(full) => Cow::Borrowed(full),
        None => small,
    }
}

/// Small letters; borrowed where they are small already.
pub fn lower(word: &str) -> Cow<'_, str> {
    if word.bytes().any(|byte| byte.is_ascii_uppercase()) || !word.is_ascii() {
        Cow::Owned(word.to_lowercase())
    } else {
        Cow::Borrowed(word)
    }
}

/// What an alias stands for.
pub fn alias(word: &str) -> Option<&'static str> {
    if word.len() > 9 {
        return None;
    }
    Some(match word {
        "iex" => "invoke-expression",
        "iwr" | "curl" | "wget" => "invoke-webrequest",
        "irm" => "invoke-restmethod",
        "icm" => "invoke-command",
        "iwmi" => "invoke-wmimethod",
        "ii" => "invoke-item",
        "gci" | "ls" | "dir" => "get-childitem",
        "gc" | "cat" | "type" => "get-content",
        "gi" => "get-item",
        "gp" => "get-itemproperty",
        "gm" => "get-member",
        "gv" => "get-variable",
        "gcm" => "get-command",
        "gps" | "ps" => "get-process",
        "gsv" => "get-service",
        "gwmi" => "get-wmiobject",
        "gcim" => "get-ciminstance",
        "gl" | "pwd" => "get-location",
        "gal" => "get-alias",
        "sv" | "set" => "set-variable",
        "nv" => "new-variable",
        "si" => "set-item",
        "sp" => "set-itemproperty",
        "sc" => "set-content",
        "sal" => "set-alias",
        "nal" => "new-alias",
        "sl" | "cd" | "chdir" => "set-location",
        "ni" => "new-item",
        "md" | "mkdir" => "new-item",
        "ri" | "rm" | "del" | "erase" | "rd" | "rmdir" => "remove-item",
        "cpi" | "cp" | "copy" => "copy-item",
        "mi" | "mv" | "move" => "move-item",
        "ren" | "rni" => "rename-item",
        "saps" | "start" => "start-process",
        "sajb" => "start-job",
        "sasv" => "start-service",
        "spsv" => "stop-service",
        "spps" | "kill" => "stop-process",
        "sleep" => "start-sleep",
        "echo" | "write" => "write-output",
        "foreach" => "foreach-object",
        "where" => "where-object",
        "select" => "select-object",
        "sls" => "select-string",
        "sort" => "sort-object",
        "tee" => "tee-object",
        "ft" => "format-table",
        "fl" => "format-list",
        "ipmo" => "import-module",
        "nsn" => "new-pssession",
        "etsn" => "enter-pssession",
        "cls" | "clear" => "clear-host",
        "measure" => "measure-object",
        "group" => "group-object",
        "h" | "ghy" | "history" => "get-history",
        _ => return None,
    })
}

/// A variable's name without scope, in small letters.
pub fn variable(name: &str) -> String {
    let small = name.to_lowercase();
    for scope in ["global:", "script:", "local:", "private:", "variable:"] {
        if let Some(rest) = small.strip_prefix(scope) {
            return rest.trim_start_matches('\\').to_owned();
        }
    }
    small
}

/// Variables of which disguises take single letters.
pub fn environment(name: &str) -> Option<&'static str> {
    Some(match name {
        "env:comspec" => "C:\\WINDOWS\\system32\\cmd.exe",
        "env:public" => "C:\\Users\\Public",
        "env:windir" | "env:systemroot" => "C:\\WINDOWS",
        "env:programdata" | "env:allusersprofile" => "C:\\ProgramData",
        "env:programfiles" => "C:\\Program Files",
        "pshome" => "C:\\Windows\\System32\\WindowsPowerShell\\v1.0",
        "shellid" => "Microsoft.PowerShell",
        "verbosepreference" | "warningpreference" => "SilentlyContinue",
        _ => return None,
    })
}

/// A type's own name: `[System.Text.Encoding]` → `encoding`.
pub fn type_name(word: &str) -> String {
    word.rsplit('.').next().unwrap_or(word).to_lowercase()
}

/// Whether a word is an operator between values.
pub fn is_operator(word: &str) -> bool {
    let small = lower(word);
    matches!(
        small.as_ref(),
        "-f" | "-join"
            | "-split"
            | "-csplit"
            | "-isplit"
            | "-replace"
            | "-creplace"
            | "-ireplace"
            | "-bxor"
            | "-as"
            | "-eq"
            | "-like"
            | "-match"
    )
}

/// Whether what follows the word is run as code.
pub fn runs_text(word: &str) -> bool {
    let small = lower(word);
    matches!(small.as_ref(), "iex" | "invoke-expression") || small.len() > 1 && "-command".starts_with(small.as_ref())
}

/// Parameters of the program itself, which may be cut short: (shortest, full).
const PROGRAM_PARAMETERS: &[(&str, &str)] = &[
    ("-nop", "-noprofile"),
    ("-noni", "-noninteractive"),
    ("-nol", "-nologo"),
    ("-noe", "-noexit"),
    ("-w", "-windowstyle"),
    ("-ex", "-executionpolicy"),
    ("-e", "-encodedcommand"),
    ("-c", "-command"),
    ("-f", "-file"),
    ("-st", "-sta"),
    ("-v", "-version"),
    ("-inp", "-inputformat"),
    ("-o", "-outputformat"),
];

/// A parameter of `powershell.exe` in full; the word as it is where it is none.
pub fn program_parameter(word: &str) -> Cow<'_, str> {
    let small = lower(word);
    let name = small.strip_prefix('/').map_or_else(|| small.clone(), |rest| Cow::Owned(format!("-{rest}")));
    match name.as_ref() {
        "-ep" => return Cow::Borrowed("-executionpolicy"),
        "-ec" => return Cow::Borrowed("-encodedcommand"),
        _ => {}
    }
    let full =
        PROGRAM_PARAMETERS.iter().find(|(short, full)| full.starts_with(name.as_ref()) && name.starts_with(short));
    full.map_or(small, |(_, full)| Cow::Borrowed(*full))
}

/// Whether a word starts PowerShell.
pub fn is_powershell(word: &str) -> bool {
    let small = lower(word);
    let name = small.rsplit(['\\', '/']).next().unwrap_or("");
    matches!(name.strip_suffix(".exe").unwrap_or(name), "powershell" | "pwsh")
}

/// Commands that a wildcard is meant to find.
const COMMANDS: &[&str] = &[
    "invoke-expression",
    "invoke-webrequest",
    "invoke-restmethod",
    "invoke-command",
    "new-object",
    "start-process",
    "get-content",
    "get-command",
    "add-type",
    "set-item",
    "start-job",
    "iex",
    "downloadstring",
    "downloadfile",
];

/// The command that a wildcard finds: `*v*-E*p*ss*n`.
pub fn wildcard(pattern: &str) -> Option<&'static str> {
    let small = lower(pattern);
    if !small.contains(['*', '?']) || small.bytes().filter(u8::is_ascii_alphanumeric).count() < 2 || small.len() > 64 {
        return None;
    }
    COMMANDS.iter().find(|name| matches(small.as_bytes(), name.as_bytes())).copied()
}

/// Whether `*` and `?` in the pattern match the text; linear in pattern × text, both short.
pub fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0usize, 0usize);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(want) if *want == b'?' || Some(want) == text.get(t) => {
                p += 1;
                t += 1;
            }
            _ => match &mut star {
                Some((at, from)) => {
                    *from += 1;
                    t = *from;
                    p = *at + 1;
                }
                None => return false,
            },
        }
    }
    pattern.get(p..).is_none_or(|rest| rest.iter().all(|byte| *byte == b'*'))
}
