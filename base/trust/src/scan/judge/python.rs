//! Python source, and the TorchScript that looks like it.
//!
//! Source is never proved harmless: a text that is Python is *not proven*, and *malicious* where it plainly starts programs
//! or runs text as code. What tells Python from prose is its grammar: outside of strings and comments, no two names stand
//! side by side unless one of them is a keyword. Prose breaks that rule within a line or two; what Python can run does not.
//!
//! TorchScript (the `code/` folder of a torch zip) is another language: only operators of the runtime can be called. It is
//! read to its end and judged by what it calls.

use super::names::dunder;
use crate::scan::kinds::{CODE, LIMIT, found, shown};
use crate::scan::report::{Finding, Report, Weight};
use crate::scan::{Bytes, Inside};

/// Bytes of source that are read. The longest module of any model library is far below two megabytes.
pub(crate) const SOURCE_MAX: usize = 16 << 20;
/// Tokens of one source: about a hundred thousand lines. What goes on after them is said.
const TOKENS_MAX: usize = 1 << 20;
/// Findings of one file.
const TOLD_MAX: usize = 32;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token<'a> {
    /// A name or a keyword, with the dots that follow it: `os.path.join`.
    Name(&'a str),
    Number,
    Text(&'a str),
    Sign(u8),
    Line,
}

const KEYWORDS: &[&str] = &[
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del",
    "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal",
    "not", "or", "pass", "raise", "return", "try", "while", "with", "yield", "match", "case", "type", "print", "exec",
];

/// Tokens of a source, or nothing if it cannot be Python.
fn tokens(text: &str) -> Option<Vec<(Token<'_>, usize)>> {
    let bytes = text.as_bytes();
    let mut out: Vec<(Token<'_>, usize)> = Vec::new();
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        if out.len() >= TOKENS_MAX {
            break;
        }
        let start = at;
        match byte {
            b'#' => at = memchr::memchr(b'\n', bytes.get(at..)?).map_or(bytes.len(), |end| at + end),
            b'\n' => {
                at += 1;
                if depth == 0 {
                    out.push((Token::Line, start));
                }
            }
            b'\\' if matches!(bytes.get(at + 1), Some(b'\n' | b'\r')) => at += 2,
            b'\'' | b'"' => {
                let (inner, next) = string(text, at)?;
                at = next;
                out.push((Token::Text(inner), start));
            }
            b'0'..=b'9' => {
                while bytes.get(at).is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.')) {
                    at += 1;
                }
                operand(&out, None)?;
                out.push((Token::Number, start));
            }
            b'_' | b'a'..=b'z' | b'A'..=b'Z' | 0x80.. => {
                loop {
                    while bytes
                        .get(at)
                        .is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80)
                    {
                        at += 1;
                    }
                    let more = bytes.get(at) == Some(&b'.')
                        && bytes
                            .get(at + 1)
                            .is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_' || *byte >= 0x80);
                    if !more {
                        break;
                    }
                    at += 1;
                }
                let name = text.get(start..at)?;
                let prefix = matches!(bytes.get(at), Some(b'\'' | b'"'))
                    && name.len() <= 2
                    && name.bytes().all(|byte| b"rRbBuUfFtT".contains(&byte));
                if !prefix {
                    operand(&out, Some(name))?;
                    out.push((Token::Name(name), start));
                }
            }
            _ => {
                at += 1;
                match byte {
                    b'(' | b'[' | b'{' => depth += 1,
                    b')' | b']' | b'}' => depth = depth.checked_sub(1)?,
                    b'?' | b'$' => return None,
                    // `{%` opens a block of a template and nothing in Python.
                    b'%' if bytes.get(start.wrapping_sub(1)) == Some(&b'{') => return None,
                    _ => {}
                }
                if !byte.is_ascii_whitespace() {
                    out.push((Token::Sign(byte), start));
                }
            }
        }
    }
    // A bracket that stays open is no Python, unless reading stopped early.
    (depth == 0 || out.len() >= TOKENS_MAX).then_some(out)
}

/// Whether a name or number may stand here: not right after another one.
fn operand(before: &[(Token<'_>, usize)], name: Option<&str>) -> Option<()> {
    let adjacent = match before.last() {
        Some((Token::Name(other), _)) => !KEYWORDS.contains(other),
        Some((Token::Number, _)) => true,
        _ => false,
    };
    (!adjacent || name.is_some_and(|name| KEYWORDS.contains(&name))).then_some(())
}

/// The inside of a string and where the text goes on.
fn string(text: &str, at: usize) -> Option<(&str, usize)> {
    let bytes = text.as_bytes();
    let quote = *bytes.get(at)?;
    let triple = bytes.get(at..at + 3).is_some_and(|three| three.iter().all(|&byte| byte == quote));
    let from = if triple { at + 3 } else { at + 1 };
    let mut end = from;
    loop {
        let byte = *bytes.get(end)?;
        if byte == b'\\' {
            end += 2;
        } else if byte == b'\n' && !triple {
            return None;
        } else if byte == quote
            && (!triple || bytes.get(end..end + 3).is_some_and(|three| three.iter().all(|&byte| byte == quote)))
        {
            return Some((text.get(from..end)?, end + if triple { 3 } else { 1 }));
        } else {
            end += 1;
        }
    }
}

/// Calls that start programs or run bytes as code, whatever is done with the result.
fn runs(name: &str) -> bool {
    let (module, leaf) = name.rsplit_once('.').unwrap_or(("", name));
    match module {
        "os" | "posix" | "nt" => {
            matches!(
                leaf,
                "system" | "popen" | "startfile" | "fork" | "forkpty" | "posix_spawn" | "posix_spawnp" | "dup2"
            ) || leaf.starts_with("exec")
                || leaf.starts_with("spawn")
        }
        "subprocess" | "_posixsubprocess" | "commands" | "popen2" | "pty" | "pexpect" | "sh" => {
            !leaf.ends_with("Error") && leaf != "list2cmdline"
        }
        "builtins" | "__builtins__" | "__builtin__" | "" => matches!(leaf, "eval" | "exec" | "execfile" | "__import__"),
        "marshal" | "dill" | "cloudpickle" => matches!(leaf, "loads" | "load"),
        "pickle" | "_pickle" => matches!(leaf, "loads"),
        "runpy" => true,
        "ctypes" | "ctypes.cdll" | "ctypes.windll" => matches!(leaf, "CDLL" | "PyDLL" | "WinDLL" | "LoadLibrary"),
        "asyncio" => matches!(leaf, "create_subprocess_shell" | "create_subprocess_exec"),
        "code" => matches!(leaf, "interact" | "InteractiveInterpreter"),
        "socket" => matches!(leaf, "create_connection" | "socket"),
        "urllib.request" => matches!(leaf, "urlopen" | "urlretrieve"),
        "torch.utils.cpp_extension" => leaf.starts_with("load"),
        "pip" | "pip._internal" => leaf == "main",
        _ => matches!(leaf, "__subclasses__" | "__globals__" | "__builtins__"),
    }
}

/// Judges a text as Python. Returns whether it was Python.
pub(crate) fn judge(text: &str, inside: &Inside<'_>, report: &mut Report) -> bool {
    let Some(tokens) = tokens(text) else { return false };
    let imports =
        tokens.iter().any(|(token, _)| matches!(token, Token::Name("import" | "def" | "class" | "lambda" | "exec")));
    let calls = tokens
        .windows(2)
        .any(|two| matches!(two, [(Token::Name(name), _), (Token::Sign(b'('), _)] if !KEYWORDS.contains(name)));
    let cut = tokens.len() >= TOKENS_MAX;
    if !imports && !calls && !cut {
        return false;
    }
    if cut {
        report.add(found(inside, &LIMIT, Weight::NotProven, "the rest of the text was not read (TOKENS_MAX)"));
    }
    let aliases = aliases(&tokens);
    let mut told = 0;
    for (index, (token, at)) in tokens.iter().enumerate() {
        let Token::Name(name) = token else { continue };
        // Called, or handed to something that may call it.
        let called = matches!(tokens.get(index + 1), Some((Token::Sign(b'(' | b',' | b')'), _)));
        if !called || told >= TOLD_MAX {
            continue;
        }
        let resolved = resolve(name, &aliases);
        let defined = matches!(
            index.checked_sub(1).and_then(|before| tokens.get(before)),
            Some((Token::Name("def" | "class"), _))
        );
        if !defined && runs(&resolved) {
            told += 1;
            let call = format!("{}(…)", shown(&resolved));
            let words = format!("Python source that runs with the model calls {call}");
            report.add(Finding {
                offset: *at as u64,
                call: Some(call),
                ..found(inside, &CODE, Weight::Malicious, words)
            });
        }
    }
    if !imports && !calls {
        return true;
    }
    report.add(found(
        inside,
        &CODE,
        Weight::NotProven,
        "Python source: it runs when it is imported, and nobody has read what it does",
    ));
    true
}

/// `import os as o` and `from os import system as s`: what each name stands for. A name may be bound many times; the
/// one that acts counts.
fn aliases<'a>(tokens: &[(Token<'a>, usize)]) -> std::collections::HashMap<&'a str, Vec<String>> {
    let mut out = std::collections::HashMap::<&str, Vec<String>>::new();
    for line in tokens.split(|(token, _)| matches!(token, Token::Line | Token::Sign(b';' | b':'))) {
        let names: Vec<&str> = line
            .iter()
            .filter_map(|(token, _)| if let Token::Name(name) = token { Some(*name) } else { None })
            .collect();
        let mut bind = |short: &'a str, long: String| {
            let known = out.entry(short).or_default();
            if known.len() < 8 {
                known.push(long);
            }
        };
        match names.as_slice() {
            ["import", rest @ ..] => {
                rest.windows(3).filter(|three| matches!(three, [_, "as", _])).for_each(|three| {
                    if let [long, _, short] = three {
                        bind(short, (*long).to_owned());
                    }
                });
            }
            ["from", module, "import", rest @ ..] => {
                for (index, name) in rest.iter().enumerate() {
                    match rest.get(index + 1..index + 3) {
                        Some(["as", short]) => bind(short, format!("{module}.{name}")),
                        _ if *name != "as" => bind(name, format!("{module}.{name}")),
                        _ => {}
                    }
                }
            }
            // run = os.system
            [short, long] if matches!(line, [(Token::Name(_), _), (Token::Sign(b'='), _), (Token::Name(_), _)]) => {
                bind(short, (*long).to_owned())
            }
            _ => {}
        }
    }
    out
}

fn resolve(name: &str, aliases: &std::collections::HashMap<&str, Vec<String>>) -> String {
    let (first, rest) = name.split_once('.').map_or((name, None), |(first, rest)| (first, Some(rest)));
    let with = |long: &str| match rest {
        Some(rest) => format!("{long}.{rest}"),
        None => long.to_owned(),
    };
    let candidates = aliases.get(first).map(Vec::as_slice).unwrap_or_default();
    let acting = candidates.iter().map(|long| with(long)).find(|long| runs(long));
    // An alias of an alias: `o = os` after `import os`.
    acting.unwrap_or_else(|| match candidates.first() {
        Some(long) => with(aliases.get(long.as_str()).and_then(|longs| longs.first()).map_or(long, |long| long)),
        None => name.to_owned(),
    })
}

/// Namespaces of operators that come with torch and its own libraries.
const OPERATORS: &[&str] = &[
    "aten",
    "prim",
    "prims",
    "quantized",
    "quantized_decomposed",
    "torchvision",
    "torchaudio",
    "torchtext",
    "fbgemm",
    "_caffe2",
    "mkldnn",
    "mkldnn_prepacked",
    "onednn",
    "xnnpack",
    "prepacked",
    "metal",
    "metal_prepack",
    "vulkan",
    "vulkan_prepack",
    "sparse",
    "cuda",
    "profiler",
    "inductor",
    "c10d",
    "torch_scatter",
    "torch_sparse",
    "torch_cluster",
    "torch_spline_conv",
    "detectron2",
    "static_runtime",
];

/// Judges TorchScript source.
pub(crate) fn torchscript(bytes: &dyn Bytes, inside: &Inside<'_>, report: &mut Report) {
    report.read_as("TorchScript");
    if bytes.len() > SOURCE_MAX as u64 {
        return report.add(found(inside, &LIMIT, Weight::NotProven, "TorchScript longer than SOURCE_MAX was not read"));
    }
    let text = bytes.window(0, SOURCE_MAX);
    let Ok(text) = String::from_utf8(text) else {
        return report.add(found(inside, &CODE, Weight::NotProven, "TorchScript that is not UTF-8"));
    };
    let Some(tokens) = tokens(&text).filter(|tokens| tokens.len() < TOKENS_MAX) else {
        return report.add(found(inside, &CODE, Weight::NotProven, "TorchScript that cannot be read"));
    };
    for (index, (token, at)) in tokens.iter().enumerate() {
        let Token::Name(name) = token else { continue };
        let before = index.checked_sub(1).and_then(|before| tokens.get(before)).map(|(token, _)| token);
        let after = tokens.get(index + 1).map(|(token, _)| token);
        let called = matches!(after, Some(Token::Sign(b'(')));
        let mut say = |weight, words: String| {
            report.add(Finding {
                offset: *at as u64,
                call: called.then(|| format!("{}(…)", shown(name))),
                ..found(inside, &CODE, weight, words)
            });
        };
        let parts: Vec<&str> = name.split('.').collect();
        match parts.as_slice() {
            ["import" | "from"] => match after {
                Some(Token::Name(module)) if module.starts_with("__torch__") || module.starts_with("torch") => {}
                _ => say(Weight::Malicious, "TorchScript imports a Python module".to_owned()),
            },
            ["ops", "image", op, ..] if matches!(*op, "read_file" | "write_file") => say(
                Weight::Malicious,
                format!("the model's code calls the operator `image::{op}`, which reaches files"),
            ),
            ["ops", "aten" | "prim", op, ..] | ["torch", op] if acts(op) => {
                say(
                    Weight::Malicious,
                    format!("the model's code calls `{op}`, which reads or writes files or starts what it is told"),
                );
            }
            ["ops", "image", ..] => {}
            ["ops", space, ..] if !OPERATORS.contains(space) => {
                say(
                    Weight::NotProven,
                    format!("the model's code calls an operator of `{}`, which is not part of torch", shown(space)),
                );
            }
            ["os" | "sys" | "subprocess" | "builtins" | "importlib" | "shutil" | "socket", ..]
                if parts.len() > 1 && !matches!(before, Some(Token::Sign(b'.'))) =>
            {
                say(Weight::Malicious, format!("the model's code reaches `{}`", shown(name)));
            }
            ["eval" | "exec" | "open" | "compile" | "__import__" | "globals" | "setattr"] if called => {
                say(Weight::Malicious, format!("the model's code calls `{name}`"));
            }
            ["getattr"] if called => {
                // `getattr(self, "0")` is how names that are no identifiers are written.
                let second = tokens.get(index + 4).map(|(token, _)| token);
                if !matches!(second, Some(Token::Text(attribute)) if !dunder(attribute)) {
                    say(Weight::NotProven, "the model's code fetches an attribute by a computed name".to_owned());
                }
            }
            _ => {}
        }
    }
}

/// Operators of torch that reach beyond tensors.
fn acts(op: &str) -> bool {
    matches!(
        op,
        "save"
            | "load"
            | "from_file"
            | "hub"
            | "_from_file"
            | "_load_for_lite_interpreter"
            | "rpc_async"
            | "rpc_sync"
            | "rpc_remote"
            | "fork_process"
    ) || op.starts_with("hub")
        || op.starts_with("PythonOp")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::{Budget, Verdict};

    fn verdict(text: &str) -> (bool, Verdict) {
        let budget = Budget::default();
        let inside = Inside { path: &[], member: &|_, _, _| {}, budget: &budget };
        let mut report = Report::default();
        (judge(text, &inside, &mut report), report.verdict())
    }

    #[test]
    fn python_is_told_from_prose_and_what_runs_programs_from_the_rest() {
        for (text, expected) in [
            ("import os\nos.system(\"echo pwned\")\n", (true, Verdict::Malicious)),
            ("from os import system as s\ns('x')", (true, Verdict::Malicious)),
            ("import subprocess as p, torch\n\ndef f():\n    p.run(['x'])\n", (true, Verdict::Malicious)),
            ("__import__('os').system('x')", (true, Verdict::Malicious)),
            ("import os\nr = os.popen\nr('id')", (true, Verdict::Malicious)),
            ("list(map(eval, ['1']))", (true, Verdict::Malicious)),
            ("import torch\nclass M(torch.nn.Module):\n    '''Doc it's'''\n    pass\n", (true, Verdict::NotProven)),
            ("# Title\n\nThis model card says os.system(\"x\") is bad.\n", (false, Verdict::Clean)),
            ("Call `eval(x)` and don't\n", (false, Verdict::Clean)),
            ("3\n", (false, Verdict::Clean)),
            ("hello\nprint(\n", (false, Verdict::Clean)),
            ("model.eval()\nx = re.compile('a')\n", (true, Verdict::NotProven)),
            ("a,b,c\n1,2,3\n", (false, Verdict::Clean)),
            ("torch==2.1\nnumpy>=1.2", (false, Verdict::Clean)),
        ] {
            assert_eq!(verdict(text), expected, "{text}");
        }
    }

    #[test]
    fn torchscript_may_compute_and_nothing_else() {
        let budget = Budget::default();
        let inside = Inside { path: &[], member: &|_, _, _| {}, budget: &budget };
        for (text, expected) in [
            (
                "class M(Module):\n  __parameters__ = [\"w\", ]\n  def forward(self: __torch__.M,\n    x: Tensor) -> Tensor:\n    _0 = getattr(self, \"0\")\n    return torch.add(torch.relu(x), ops.prim.data(x))\n",
                Verdict::Clean,
            ),
            ("def forward(self, x):\n  ops.aten.save(x, \"/tmp/x\")\n", Verdict::Malicious),
            ("def forward(self, x):\n  _ = torch.from_file(\"/etc/passwd\", False, 10)\n", Verdict::Malicious),
            ("import os\n", Verdict::Malicious),
            ("import __torch__\n", Verdict::Clean),
            ("def f(x):\n  return ops.mine.thing(x)\n", Verdict::NotProven),
        ] {
            let mut report = Report::default();
            torchscript(&text.as_bytes().to_vec(), &inside, &mut report);
            assert_eq!(report.verdict(), expected, "{text}");
        }
    }
}
