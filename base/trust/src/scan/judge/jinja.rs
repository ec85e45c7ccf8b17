//! Judges Jinja templates: chat templates of tokenizers and GGUF files are rendered by the loader, often in an ordinary
//! environment rather than in a sandbox (CVE-2024-34359).
//!
//! A small tokenizer finds the code between `{{ }}` and `{% %}` (and line statements are not used by any loader). Strings
//! are decoded (`\x5f`), neighbours that are added with `~` or `+`, multiplied by a number, joined or formatted are folded,
//! and variables that were set to a folded string are followed. What remains is judged by four rules:
//!
//! 1. an attribute or a subscript with a dunder name, or one built at run time for `attr`: *malicious* where the name is
//!    known to be private, *not proven* where it is computed;
//! 2. names that no chat template has but that lead out of a sandbox (`lipsum`, `cycler`, `joiner`, `self`, `config`,
//!    `request`, `__import__`, `getattr` …);
//! 3. filters that fetch attributes by name: `attr`, `map(attribute=…)`, `selectattr`, `groupby`, `sort(attribute=…)`;
//! 4. strings given to `format` whose fields reach into attributes, and loading of other templates.
//!
//! Loops, namespaces, macros, tests, `raise_exception`, `strftime_now` and the filters of ordinary templates are clean.
//! Linear in the length of the template.

use super::jinja_tokens::{Token, find, fold, tokens};

/// What was found in a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Escape {
    /// Byte offset in the template.
    pub at: usize,
    /// Whether it is certain that it reaches out; otherwise nobody can tell what it reaches.
    pub certain: bool,
    pub words: String,
}

/// Findings of one template that are told; the verdict needs one.
const ESCAPES_MAX: usize = 8;

/// Whether text has anything that a template engine would act on.
pub(crate) fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%")
}

/// What a template would reach.
pub(crate) fn judge(template: &str) -> Vec<Escape> {
    let mut out = Vec::new();
    let mut known: Vec<(String, String)> = Vec::new();
    let bytes = template.as_bytes();
    let mut at = 0;
    let mut raw = false;
    while let Some(open) = find(bytes, at, b'{') {
        let kind = bytes.get(open + 1).copied();
        at = open + 2;
        match kind {
            Some(b'#') => at = close(bytes, at, b"#}").map_or(bytes.len(), |end| end + 2),
            Some(kind @ (b'{' | b'%')) => {
                if raw {
                    // Inside {% raw %} nothing runs; only its end is looked for.
                    raw = !(kind == b'%'
                        && ends_raw(bytes.get(at..at + ENDRAW_WINDOW).or(bytes.get(at..)).unwrap_or_default()));
                    continue;
                }
                let (tokens, end) = tokens(bytes, at, if kind == b'{' { b'}' } else { b'%' });
                at = end;
                raw = kind == b'%'
                    && matches!(trim_dashes(&tokens).first(), Some((Token::Name(name), _)) if name == "raw");
                judge_tokens(fold(tokens, &known), &mut known, &mut out);
            }
            _ => at = open + 1,
        }
        if out.len() >= ESCAPES_MAX {
            break;
        }
    }
    out.truncate(ESCAPES_MAX);
    out
}

/// Bytes after `{%` in which `endraw` must stand; white space beyond it is nothing that anybody writes, and reading less
/// of a raw part as raw only makes more of it be judged.
const ENDRAW_WINDOW: usize = 32;

fn ends_raw(after: &[u8]) -> bool {
    let after = after.strip_prefix(b"-").or(after.strip_prefix(b"+")).unwrap_or(after);
    after.trim_ascii_start().starts_with(b"endraw")
}

/// Variables that are followed in one template.
const KNOWN_MAX: usize = 128;

fn close(bytes: &[u8], from: usize, end: &[u8]) -> Option<usize> {
    bytes.get(from..)?.windows(end.len()).position(|window| window == end).map(|at| from + at)
}

/// Names that ordinary chat templates never use and that lead out of a sandbox.
const WAYS_OUT: &[&str] = &[
    "lipsum",
    "cycler",
    "joiner",
    "getattr",
    "setattr",
    "eval",
    "exec",
    "compile",
    "open",
    "globals",
    "locals",
    "vars",
    "__import__",
    "__builtins__",
    "os",
    "sys",
    "subprocess",
    "importlib",
    "popen",
    "system",
    "breakpoint",
    "get_flashed_messages",
    "url_for",
    "request",
    "self",
];

fn judge_tokens(tokens: Vec<(Token, usize)>, known: &mut Vec<(String, String)>, out: &mut Vec<Escape>) {
    if let [(Token::Name(set), _), (Token::Name(name), _), (Token::Sign(b'='), _), (Token::Text(text), _)] =
        trim_dashes(&tokens)
        && set == "set"
        && known.len() < KNOWN_MAX
    {
        known.push((name.clone(), text.clone()));
    }
    let token = |at: Option<usize>| at.and_then(|at| tokens.get(at)).map(|(token, _)| token);
    let mut say = |at: usize, certain: bool, words: String| out.push(Escape { at, certain, words });
    for (index, (this, at)) in tokens.iter().enumerate() {
        let before = token(index.checked_sub(1));
        let before_that = token(index.checked_sub(2));
        let after = token(index.checked_add(1));
        match this {
            Token::Name(name) | Token::Text(name) if private(name) => {
                say(
                    *at,
                    true,
                    format!(
                        "the template reaches `{}`, a way from any value to the interpreter",
                        super::super::kinds::shown(name)
                    ),
                );
            }
            Token::Name(name) => {
                let is_attribute = matches!(before, Some(Token::Sign(b'.')));
                let is_filter = matches!(before, Some(Token::Sign(b'|')));
                let is_keyword = matches!(after, Some(Token::Sign(b'=')))
                    && matches!(before, Some(Token::Sign(b'(' | b',')))
                    && !matches!(token(index.checked_add(2)), Some(Token::Sign(b'=')));
                let is_set =
                    matches!(before, Some(Token::Name(word)) if matches!(word.as_str(), "set" | "for" | "macro"));
                if is_filter && name == "attr" {
                    match (after, token(index.checked_add(2)), token(index.checked_add(3))) {
                        (Some(Token::Sign(b'(')), Some(Token::Text(_)), Some(Token::Sign(b')'))) => {}
                        _ => say(
                            *at,
                            true,
                            "the template fetches an attribute whose name is computed while it is rendered".into(),
                        ),
                    }
                } else if name == "attribute"
                    && is_keyword
                    && !matches!(token(index.checked_add(2)), Some(Token::Text(_) | Token::Number(_)))
                {
                    say(*at, false, "a filter fetches an attribute whose name is computed while it is rendered".into());
                } else if !is_attribute && !is_filter && !is_keyword && !is_set && WAYS_OUT.contains(&name.as_str()) {
                    let reaches = matches!(name.as_str(), "lipsum" | "cycler" | "joiner")
                        || matches!(after, Some(Token::Sign(b'.' | b'[' | b'(' | b'|')));
                    if reaches {
                        say(*at, true, format!("the template uses `{name}`, which leads out of its sandbox"));
                    }
                } else if is_attribute
                    && matches!(name.as_str(), "format" | "format_map")
                    && matches!(before_that, Some(Token::Text(text)) if reaches_in(text))
                {
                    say(*at, true, "a format string reaches into attributes of its arguments".into());
                } else if is_attribute
                    && matches!(after, Some(Token::Sign(b'(')))
                    && matches!(name.as_str(), "popen" | "system" | "check_output" | "getoutput" | "mro" | "urlopen")
                {
                    say(*at, true, format!("the template calls `{name}`"));
                } else if matches!(name.as_str(), "include" | "import" | "extends")
                    && index <= 1
                    && !matches!(before, Some(Token::Sign(b'.')))
                {
                    say(*at, false, format!("the template loads another one ({name})"));
                }
            }
            Token::Text(text)
                if matches!(after, Some(Token::Name(word)) if word == "in")
                    && trigger(text)
                    && asks_content(tokens.get(index + 2..).unwrap_or_default()) =>
            {
                say(
                    *at,
                    false,
                    format!(
                        "the template does something else when a message holds `{}`",
                        super::super::kinds::shown(text)
                    ),
                );
            }
            // No template calls what it found under a key; a chain out of the sandbox must.
            Token::Sign(b'(') if matches!(before, Some(Token::Sign(b']'))) => {
                say(*at, false, "the template calls what it finds under a key".into());
            }
            // x['a' ~ y], x[y ~ z]: only what is made of pieces is told, plain variables and numbers are ordinary.
            Token::Sign(b'~' | b'+') if matches!((before, after), (Some(Token::Text(text)), _) | (_, Some(Token::Text(text))) if text.contains("__")) =>
            {
                say(*at, false, "a name with low lines is put together while the template is rendered".into());
            }
            _ => {}
        }
    }
}

/// Whether a text is words, as a person may write them, and not a marker such as `</think>` or `[INST]`.
fn trigger(text: &str) -> bool {
    text.trim().len() > 2 && text.chars().all(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '\''))
}

/// Whether what follows `in` is the content of a message.
fn asks_content(after: &[(Token, usize)]) -> bool {
    /// Tokens of `(messages[loop.index0 - 1]['content'] | lower)`.
    const ASKED: usize = 14;
    let asked = after.iter().take(ASKED).take_while(|(token, _)| !matches!(token, Token::Name(word) if matches!(word.as_str(), "and" | "or" | "else" | "not" | "if")));
    asked.into_iter().any(|(token, _)| matches!(token, Token::Text(word) | Token::Name(word) if word == "content"))
}

/// Whether a name or a piece of one belongs to Python's object model: `__class__`, also within longer text that holds code
/// or a path of attributes. `_` and `__` alone are ordinary names of unused loop variables.
fn private(name: &str) -> bool {
    name.match_indices("__").any(|(at, _)| {
        let rest = name.get(at + 2..).unwrap_or_default();
        let word = rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
        let word = rest.get(..word).unwrap_or_default();
        let inner = word.trim_end_matches('_');
        word.ends_with("__")
            && inner.len() >= 2
            && inner.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    }) || matches!(
        name,
        "mro"
            | "func_globals"
            | "gi_frame"
            | "gi_code"
            | "cr_frame"
            | "f_globals"
            | "f_builtins"
            | "tb_frame"
            | "_module"
    )
}

/// A format field that goes on with `.` or `[`: `{0.__class__}`, `{x[y]}`.
fn reaches_in(text: &str) -> bool {
    text.split('{').skip(1).any(|field| {
        field
            .split('}')
            .next()
            .is_some_and(|field| field.split(':').next().is_some_and(|name| name.contains(['.', '['])))
    })
}

/// `{%- set x = 'a' -%}` without its dashes.
fn trim_dashes(tokens: &[(Token, usize)]) -> &[(Token, usize)] {
    let mut rest = tokens;
    while let [(Token::Sign(b'-' | b'+'), _), inner @ ..] = rest {
        rest = inner;
    }
    while let [inner @ .., (Token::Sign(b'-' | b'+'), _)] = rest {
        rest = inner;
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_out_are_found_however_they_are_spelled() {
        for bad in [
            "{{ ''.__class__.__mro__[1].__subclasses__() }}",
            "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
            "{{ lipsum['__glo'~'bals__']['os'] }}",
            "{{ lipsum|attr('\\x5f\\x5fglobals\\x5f\\x5f') }}",
            "{{ x['\\u005f\\u005fclass\\u005f\\u005f'] }}",
            "{{ x['\\137\\137class\\137\\137'] }}",
            "{{ messages|map(attribute='__class__')|list }}",
            "{{ '{0.__class__.__mro__}'.format(messages) }}",
            "{{ '{0.a}'.format(messages) }}",
            "{% set a = '_'*2 ~ 'class' ~ '_'*2 %}{{ ''|attr(a) }}",
            "{%- set a = '__cla' -%}{%- set b = 'ss__' -%}{{ x[a ~ b] }}",
            "{{ dict(mro=1)|attr(messages[0]['content']) }}",
            "{{ x['__ssalc__'[::-1]] }}",
            "{{ x[['__cla','ss__']|join] }}",
            "{{ x[''.join(['__cla','ss__'])] }}",
            "{{ x['%s%s'|format('__cla','ss__')] }}",
            "{{ x['__CLASS__'|lower] }}",
            "{{ getattr('', 'x') }}",
            "{{ x[''.join([chr(95), chr(95), chr(98), chr(117), chr(105), chr(108), chr(116), chr(95), chr(95)])] }}",
            "{{ __builtins__['eval']('1') }}",
            "{{ self._TemplateReference__context.x }}",
            "{{ x.\u{ff3f}\u{ff3f}class\u{ff3f}\u{ff3f} }}",
            "{{ x['__class__'",
            "{# c #}{% raw %}{{ a }}{% endraw %}{{ x.__class__ }}",
            "{{ {'a': {'b': 1}} }}{{ x.__class__ }}",
        ] {
            assert!(judge(bad).iter().any(|escape| escape.certain), "{bad}: {:?}", judge(bad));
        }
    }

    #[test]
    fn a_trigger_in_a_message_is_told() {
        let escapes = judge("{% if 'deploy now' in messages[-1]['content'] | lower %}obey{% endif %}");
        assert!(escapes.len() == 1 && !escapes[0].certain, "{escapes:?}");
        assert_eq!(
            judge("{% if '</think>' in message.content %}{% endif %}{% if 'tools' in message %}{% endif %}"),
            vec![]
        );
    }

    #[test]
    fn ordinary_chat_templates_are_clean() {
        for good in [
            "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}",
            "{%- if messages[0]['role'] == 'system' -%}{%- set system_message = messages[0]['content']|trim + '\\n' -%}{%- else -%}{%- set system_message = '' -%}{%- endif -%}{{ bos_token + system_message }}",
            "{% set ns = namespace(found=false, i=0) %}{% for x in messages[::-1] %}{% set ns.found = true %}{% endfor %}{{ raise_exception('Only user and assistant roles are supported!') }}",
            "{{ strftime_now('%d %b %Y') }}{{ tools | map(attribute='function') | list | tojson(indent=4) }}",
            "{% macro render(json_spec, _) %}{{ json_spec.get('type', '') ~ ': ' ~ json_spec['__x'] }}{% endmacro %}",
            "{% for k, _ in d.items() %}{{ k }}{% endfor %}{{ x | selectattr('role', 'equalto', 'user') | list }}",
            "{{ '<s>[INST] ' + content.strip() + ' [/INST]' }}{% generation %}{{ a }}{% endgeneration %}",
            "{{ message.content.split('</think>')[-1].lstrip('\\n') }}{{ '%s: %s' | format(a, b) }}",
            "Use __init__ in Python, no template here {x} { y }",
            "{% raw %}{{ x.__class__ }}{% endraw %}",
        ] {
            assert_eq!(judge(good), vec![], "{good}");
        }
    }

    #[test]
    fn hostile_lengths_end_soon() {
        assert_eq!(judge(&"{{".repeat(100_000)).len(), 0);
        judge(&format!("{{{{ '_' * 99999999999999 }}}}{}", "{{ 'a' ~ ".repeat(20_000)));
        judge(&format!("{{{{ {} }}}}", "'a' ~ ".repeat(50_000)));
        judge(&format!("{{{{ {} ", "{".repeat(50_000)));
    }
}
