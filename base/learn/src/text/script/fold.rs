//! Computes what a script says by constants: `'a'+'b'`, `"{1}{0}" -f …`, `[char]73`, `-join`, `-replace`, `[::-1]`, base64,
//! constants in variables; so that a disguised script reads as what it does. A calculator for constants, not an interpreter:
//! nothing runs, no loop, no call beyond a short list of string functions.
//!
//! Shift and reduce: tokens go onto a stack, and whenever its top is an expression of constants, it becomes its value. Text
//! that is decoded, or handed to `Invoke-Expression`, is taken apart and goes through the same stack. All work is counted in
//! bytes and ends at [`WORK_BYTES_MAX`]: what is left then stays as it is written.

use std::borrow::Cow;

use rustc_hash::FxHashMap;

use super::token::{ITEM, Kind, Seen, Token, tokens};
use super::{decode, names, value};

/// Bytes that undoing one script may write, for bombs: a real one of 50 KB needs about 200 KB.
pub const WORK_BYTES_MAX: usize = 4 << 20;

/// Literals that are decoded in one script. Real ones have up to a dozen layers.
pub const DECODES_MAX: u32 = 256;

/// Variables whose constant value is kept.
pub const VARIABLES_MAX: usize = 1024;

/// How far back the start of a block handed to `ForEach-Object` is looked for.
pub const BLOCK_TOKENS_MAX: usize = 40;

/// What was undone, each counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Undone {
    /// What the lexer removed.
    pub seen: Seen,
    /// Constant strings put together.
    pub joins: u32,
    /// `-f` with constants.
    pub formats: u32,
    /// Characters and bytes given as numbers.
    pub codes: u32,
    /// Replacements, splits, substrings, indexing, reversal of constants.
    pub edits: u32,
    /// Base64, hex and packed text decoded to text.
    pub decodes: u32,
    /// Base64 that is a program or other bytes.
    pub programs: u32,
    /// Constants handed to an interpreter.
    pub evaluated: u32,
    /// Commands or members named by a string.
    pub indirect: u32,
    /// Strings put in from variables.
    pub variables: u32,
    /// Bytes of work so far, over all layers of one script.
    pub work: usize,
}

/// A script's tokens with constants computed.
pub fn fold<'a>(text: &'a str, undone: &mut Undone) -> Vec<Token<'a>> {
    let mut seen = Seen::default();
    let mut input = Vec::new();
    tokens(text, None, &mut seen, &mut input);
    undone.seen = seen;
    fold_tokens(input, undone)
}

/// The same for tokens that are at hand.
pub fn fold_tokens<'a>(mut input: Vec<Token<'a>>, undone: &mut Undone) -> Vec<Token<'a>> {
    input.reverse();
    let mut folder = Folder { input, stack: Vec::new(), constants: FxHashMap::default(), work: undone.work, undone };
    folder.run();
    folder.undone.work = folder.work;
    folder.stack
}

struct Folder<'a, 'u> {
    /// What is still to come, the next one last.
    input: Vec<Token<'a>>,
    stack: Vec<Token<'a>>,
    constants: FxHashMap<String, (Kind, String)>,
    work: usize,
    undone: &'u mut Undone,
}

impl<'a> Folder<'a, '_> {
    fn run(&mut self) {
        while let Some(token) = self.input.pop() {
            if token.kind == Kind::End {
                self.remember();
            }
            let token = self.with_constants(token);
            self.stack.push(token);
            while self.work < WORK_BYTES_MAX && self.reduce() {}
        }
        self.remember();
    }

    /// Counts work; `false` when there has been enough.
    fn spend(&mut self, bytes: usize) -> bool {
        self.work = self.work.saturating_add(bytes + 1);
        self.work < WORK_BYTES_MAX
    }

    /// The top of the stack, 0 = last.
    fn top(&self, back: usize) -> Option<&Token<'a>> {
        self.stack.len().checked_sub(back + 1).and_then(|at| self.stack.get(at))
    }

    fn top_sign(&self, back: usize, text: &str) -> bool {
        self.top(back).is_some_and(|token| token.is_sign(text))
    }

    fn next(&self) -> Option<&Token<'a>> {
        self.input.last()
    }

    /// Replaces the last `count` tokens by one constant.
    fn replace(&mut self, count: usize, kind: Kind, text: String) -> bool {
        let from = self.stack.len().saturating_sub(count);
        let raw = self
            .stack
            .get(from..)
            .and_then(|gone| Some((gone.first()?.raw.0, gone.iter().map(|one| one.raw.1).max()?)));
        let glued = self.stack.get(from).is_some_and(|token| token.glued);
        self.spend(text.len());
        self.stack.truncate(from);
        self.stack.push(Token { kind, text: Cow::Owned(text), raw: raw.unwrap_or((0, 0)), glued });
        true
    }

    /// Replaces the last `count` tokens by the tokens of a text that they stand for.
    fn splice(&mut self, count: usize, text: &str) -> bool {
        if !self.spend(text.len()) || self.undone.decodes + self.undone.evaluated > DECODES_MAX {
            return false;
        }
        let from = self.stack.len().saturating_sub(count);
        let start = self.stack.get(from).map_or(0, |token| token.raw.0);
        let end = self.stack.get(from..).and_then(|gone| gone.iter().map(|one| one.raw.1).max()).unwrap_or(0);
        self.stack.truncate(from);
        let mut inner = Vec::new();
        tokens(text, Some((start, end)), &mut self.undone.seen, &mut inner);
        let own = |token: Token<'_>| Token {
            kind: token.kind,
            text: Cow::Owned(token.text.into_owned()),
            raw: token.raw,
            glued: token.glued,
        };
        self.input.extend(inner.into_iter().rev().map(own));
        true
    }

    /// A variable with a known value is that value; a string that names known variables is closed.
    fn with_constants(&mut self, token: Token<'a>) -> Token<'a> {
        let follows = |text: &str| self.next().is_some_and(|next| next.is_sign(text));
        match token.kind {
            Kind::Variable if !follows("=") && !follows("+=") => {
                let name = names::variable(&token.text);
                let known = match self.constants.get(&name) {
                    Some(known) => known.clone(),
                    None if follows("[") => match names::environment(&name) {
                        Some(text) => (Kind::Text, text.to_owned()),
                        None => return token,
                    },
                    None => return token,
                };
                if !self.spend(known.1.len()) {
                    return token;
                }
                self.undone.variables += 1;
                Token { kind: known.0, text: Cow::Owned(known.1), raw: token.raw, glued: token.glued }
            }
            Kind::Open => {
                let (text, open) = value::interpolate(&token.text, |name| {
                    self.constants.get(&names::variable(name)).map(|(_, text)| text.as_str())
                });
                if !self.spend(text.len()) {
                    return token;
                }
                Token {
                    kind: if open { Kind::Open } else { Kind::Text },
                    text: Cow::Owned(text),
                    raw: token.raw,
                    glued: token.glued,
                }
            }
            _ => token,
        }
    }

    /// At a statement's end: `$a = 'x'`, `$a += 'x'`, `Set-Variable a 'x'`.
    fn remember(&mut self) {
        let start = self.stack.iter().rposition(|token| token.kind == Kind::End).map_or(0, |at| at + 1);
        let Some(statement) = self.stack.get(start..) else {
            return;
        };
        // The value of an assignment is what stands last, also inside of a block.
        if let [.., variable, sign, constant] = statement
            && variable.kind == Kind::Variable
            && constant.is_constant()
            && (sign.is_sign("=") || sign.is_sign("+="))
        {
            let name = names::variable(&variable.text);
            let add = sign.is_sign("+=");
            let (kind, text) = (constant.kind, constant.text.to_string());
            self.spend(text.len());
            if add && let Some((have, old)) = self.constants.get_mut(&name) {
                if *have == Kind::Text {
                    old.push_str(&text);
                } else {
                    old.push(ITEM);
                    old.push_str(&text);
                    *have = Kind::List;
                }
            } else if self.constants.len() < VARIABLES_MAX {
                self.constants.insert(name, (kind, text));
            }
            return;
        }
        if let Some(first) = statement.first()
            && first.kind == Kind::Word
            && matches!(names::command(&first.text).as_ref(), "set-variable" | "new-variable" | "set-item")
            && let Some(constant) = statement.last().filter(|last| last.is_constant())
            && let Some(name) = statement
                .iter()
                .skip(1)
                .find(|token| matches!(token.kind, Kind::Word | Kind::Text) && !token.text.starts_with('-'))
            && self.constants.len() < VARIABLES_MAX
        {
            let name = names::variable(&name.text);
            self.constants.insert(name, (constant.kind, constant.text.to_string()));
            return;
        }
        // Anything else that is assigned is no longer known.
        let gone: Vec<String> = statement
            .windows(2)
            .filter(|pair| matches!(pair, [variable, sign] if variable.kind == Kind::Variable && (sign.is_sign("=") || sign.is_sign("+="))))
            .filter_map(|pair| pair.first().map(|variable| names::variable(&variable.text)))
            .collect();
        for name in gone {
            self.constants.remove(&name);
        }
    }

    /// One step at the top of the stack; `false` when there is nothing to do.
    fn reduce(&mut self) -> bool {
        let Some(last) = self.top(0) else {
            return false;
        };
        match last.kind {
            Kind::Sign => match last.text.as_ref() {
                ")" => self.call() || self.bracket(),
                "]" => self.index(),
                "}" => self.each(),
                "=" => self.encoded_command(),
                _ => false,
            },
            Kind::Word => self.word(),
            Kind::Text | Kind::Number | Kind::List | Kind::Bytes => self.constant(),
            _ => false,
        }
    }

    /// Whether what comes next belongs to the value on top more closely than what stands before it.
    fn is_held(&self) -> bool {
        self.next().is_some_and(|next| {
            next.glued && (next.is_sign(".") || next.is_sign("[") || next.is_sign("::"))
                || next.is_sign("..")
                || next.is_sign("*")
        })
    }

    fn comma_follows(&self) -> bool {
        self.next().is_some_and(|next| next.is_sign(","))
    }

    /// A word on top: `.Length`, a pipe into `Invoke-Expression`, an encoded command.
    fn word(&mut self) -> bool {
        let Some(word) = self.top(0) else {
            return false;
        };
        let text = names::command(&word.text);
        if self.top_sign(1, ".")
            && matches!(text.as_ref(), "length" | "count")
            && !self.next().is_some_and(|next| next.is_sign("("))
        {
            let length = match self.top(2) {
                Some(value) if value.kind == Kind::Text => value.text.chars().count(),
                Some(value) if value.kind == Kind::List => value.text.split(ITEM).count(),
                _ => return false,
            };
            return self.replace(3, Kind::Number, length.to_string());
        }
        if text == "invoke-expression"
            && self.top_sign(1, "|")
            && self.top(2).is_some_and(|value| value.kind == Kind::Text)
        {
            let code = self.top(2).map(|value| value.text.to_string()).unwrap_or_default();
            // The verb itself stays: it is what the script does.
            let verb = self.stack.pop();
            self.undone.evaluated += 1;
            if self.splice(2, &code) {
                self.stack.extend(verb);
                return false;
            }
            self.stack.extend(verb);
            return false;
        }
        self.encoded_command()
    }

    /// `-enc SQBFAFgA…`: the parameter may be cut short anywhere.
    fn encoded_command(&mut self) -> bool {
        let is_parameter = |token: &Token<'_>| {
            let name = token.text.trim_start_matches(['-', '/']).to_ascii_lowercase();
            token.kind == Kind::Word
                && token.text.starts_with(['-', '/'])
                && !name.is_empty()
                && ("encodedcommand".starts_with(&name) || name == "ec")
        };
        if self.next().is_some_and(|next| next.glued) {
            return false;
        }
        // The literal may have come apart at `+`, `/` and `=`.
        let mut count = 0usize;
        while self.top(count).is_some_and(|token| token.glued) && count < BLOCK_TOKENS_MAX {
            count += 1;
        }
        count += 1;
        if !self.top(count).is_some_and(is_parameter) {
            return false;
        }
        let from = self.stack.len() - count;
        let literal: String = self.stack.get(from..).unwrap_or(&[]).iter().map(|token| token.text.as_ref()).collect();
        if literal.len() < 8 || !self.spend(literal.len()) {
            return false;
        }
        if let Some(code) = decode::base64(&literal).and_then(|bytes| decode::text(&bytes)) {
            self.undone.decodes += 1;
            self.splice(count, &code);
        }
        false
    }

    /// `(V)`, where it is not a method's arguments.
    fn bracket(&mut self) -> bool {
        let (Some(value), Some(open)) = (self.top(1), self.top(2)) else {
            return false;
        };
        if !(value.is_constant() || value.kind == Kind::Bytes) || !(open.is_sign("(") || open.is_sign("@(")) {
            return false;
        }
        let member = self.top_sign(4, ".") || self.top_sign(4, "::");
        if open.glued && member && self.top(3).is_some_and(|name| matches!(name.kind, Kind::Word | Kind::Text)) {
            return false;
        }
        let (kind, text) = (value.kind, value.text.to_string());
        self.replace(3, kind, text)
    }

    /// `V.M(A)` and `[T]::M(A)` with constants.
    fn call(&mut self) -> bool {
        // Arguments: none, one constant, or a list of them.
        let has = self.top(1).is_some_and(|value| value.is_constant() || value.kind == Kind::Bytes);
        let skip = usize::from(has);
        if !self.top_sign(1 + skip, "(") {
            return false;
        }
        let Some(member) = self.top(2 + skip).filter(|name| matches!(name.kind, Kind::Word | Kind::Text)) else {
            return false;
        };
        let name = member.text.to_ascii_lowercase();
        let arguments = if has { self.top(1).map(|value| (value.kind, value.text.to_string())) } else { None };
        if !self.spend(arguments.as_ref().map_or(0, |(_, text)| text.len())) {
            return false;
        }
        if self.top_sign(3 + skip, "::") && self.top_sign(4 + skip, "]") && self.top_sign(6 + skip, "[") {
            let kind = self.top(5 + skip).map(|word| names::type_name(&word.text)).unwrap_or_default();
            return self.static_call(&kind, &name, arguments, 7 + skip);
        }
        if !self.top_sign(3 + skip, ".") {
            return false;
        }
        // `….UTF8.GetString(bytes)`, whatever made the encoding.
        if name.ends_with("getstring") {
            let text =
                arguments.and_then(|(kind, text)| value::bytes(kind, &text)).and_then(|bytes| decode::text(&bytes));
            return match text {
                Some(text) => {
                    self.undone.codes += 1;
                    self.replace(3 + skip, Kind::Text, text)
                }
                None => false,
            };
        }
        let Some(value) = self.top(4 + skip).filter(|value| value.is_constant()) else {
            return false;
        };
        let (kind, text) = (value.kind, value.text.to_string());
        match value::method((kind, &text), &name, arguments.as_ref().map(|(kind, text)| (*kind, text.as_str()))) {
            Some((kind, text)) => {
                self.undone.edits += 1;
                self.replace(5 + skip, kind, text)
            }
            None => false,
        }
    }

    fn static_call(&mut self, kind: &str, name: &str, arguments: Option<(Kind, String)>, count: usize) -> bool {
        let Some((have, text)) = arguments else {
            return false;
        };
        if name == "frombase64string" && have == Kind::Text {
            let Some(bytes) = decode::base64(&text) else {
                return false;
            };
            return match decode::text(&bytes) {
                Some(text) => {
                    self.undone.decodes += 1;
                    self.replace(count, Kind::Text, text)
                }
                None => {
                    self.undone.programs += u32::from(decode::is_program(&bytes));
                    self.replace(count, Kind::Bytes, bytes.iter().map(|byte| *byte as char).collect())
                }
            };
        }
        if name.ends_with("getstring") {
            return match value::bytes(have, &text).and_then(|bytes| decode::text(&bytes)) {
                Some(text) => {
                    self.undone.codes += 1;
                    self.replace(count, Kind::Text, text)
                }
                None if have == Kind::Text => self.replace(count, Kind::Text, text),
                None => false,
            };
        }
        if name == "create" && kind == "scriptblock" && have == Kind::Text {
            self.undone.evaluated += 1;
            // The two words stay in front of what they make code of.
            let close = self.stack.pop();
            let done = self.splice(1, &text);
            if !done {
                self.stack.extend(close);
            }
            return false;
        }
        match value::function(kind, name, (have, &text)) {
            Some((kind, text)) => {
                self.undone.codes += 1;
                self.replace(count, kind, text)
            }
            None => false,
        }
    }

    /// `V[I]`
    fn index(&mut self) -> bool {
        let (Some(at), Some(value)) = (self.top(1), self.top(3)) else {
            return false;
        };
        if !self.top_sign(2, "[")
            || !self.top(2).is_some_and(|open| open.glued)
            || !matches!(at.kind, Kind::Number | Kind::List)
        {
            return false;
        }
        if !matches!(value.kind, Kind::Text | Kind::List) || !self.top(2).is_some_and(|open| open.glued) {
            return false;
        }
        match value::select(value.kind, &value.text, &at.text) {
            Some((kind, text)) => {
                self.undone.edits += 1;
                self.replace(4, kind, text)
            }
            None => false,
        }
    }

    /// `V | ForEach-Object { [char]… $_ … }`: numbers to characters.
    fn each(&mut self) -> bool {
        let Some(back) = (1..BLOCK_TOKENS_MAX).find(|back| self.top_sign(*back, "{")) else {
            return false;
        };
        let is_each = self.top(back + 1).is_some_and(|word| {
            word.is_sign("%") || matches!(names::command(&word.text).as_ref(), "foreach-object" | "foreach")
        });
        let Some(value) = self.top(back + 3).filter(|value| matches!(value.kind, Kind::List | Kind::Text)) else {
            return false;
        };
        if !is_each || !self.top_sign(back + 2, "|") {
            return false;
        }
        let body = self.stack.get(self.stack.len() - back..).unwrap_or(&[]);
        match value::characters(value.kind, &value.text, body) {
            Some(text) => {
                self.undone.codes += 1;
                self.replace(back + 4, Kind::List, text)
            }
            None => false,
        }
    }

    /// A constant on top: signs, casts, operators before it.
    fn constant(&mut self) -> bool {
        let Some((kind, text)) = self.top(0).map(|token| (token.kind, token.text.as_ref())) else {
            return false;
        };
        if kind == Kind::Number
            && (self.top_sign(1, "-") || self.top_sign(1, "+"))
            && !text.starts_with('-')
            && self.top(2).is_none_or(|before| {
                before.kind == Kind::Sign && !before.is_sign(")") && !before.is_sign("]") || before.kind == Kind::End
            })
        {
            let negative = if self.top_sign(1, "-") { format!("-{text}") } else { text.to_owned() };
            return self.replace(2, Kind::Number, negative);
        }
        if self.is_held() {
            return false;
        }
        self.cast()
            || self.comma()
            || self.operator()
            || self.invocation()
            || kind == Kind::Text && self.encoded_command()
    }

    /// `[char]73`, `[string]'a'`, `[char[]](73, 69)`
    fn cast(&mut self) -> bool {
        if !self.top_sign(1, "]") {
            return false;
        }
        let (type_at, count, array) = if self.top_sign(3, "[") {
            (2, 4, false)
        } else if self.top_sign(2, "]") && self.top_sign(3, "[") && self.top_sign(5, "[") {
            (4, 6, true)
        } else {
            return false;
        };
        let open = self.top(count - 1);
        // `$a[b]` is no cast.
        let indexes = open.is_some_and(|open| open.glued)
            && self.top(count).is_some_and(|before| matches!(before.kind, Kind::Variable | Kind::Text | Kind::List));
        let (Some(name), Some(value), false) =
            (self.top(type_at).filter(|name| name.kind == Kind::Word), self.top(0), indexes)
        else {
            return false;
        };
        match value::cast(&names::type_name(&name.text), array, value.kind, &value.text) {
            Some((kind, text)) => {
                self.undone.codes += u32::from(kind != value.kind || array);
                self.replace(count, kind, text)
            }
            None => false,
        }
    }

    /// `A, B`
    fn comma(&mut self) -> bool {
        let Some(left) = self.top(2).filter(|left| left.is_constant()) else {
            return false;
        };
        if !self.top_sign(1, ",") || !self.top(0).is_some_and(Token::is_constant) {
            return false;
        }
        // Command arguments are lists, too: what they mean stays the same.
        let raw_end = self.top(0).map_or(left.raw.1, |right| right.raw.1);
        let right = self.stack.pop();
        self.stack.pop();
        let (Some(right), Some(left)) = (right, self.stack.last_mut()) else {
            return false;
        };
        let list = left.text.to_mut();
        list.push(ITEM);
        list.push_str(&right.text);
        left.kind = Kind::List;
        left.raw.1 = raw_end;
        self.spend(right.text.len())
    }

    fn operator(&mut self) -> bool {
        let Some(sign) = self.top(1) else {
            return false;
        };
        let follows_comma = self.comma_follows();
        if sign.kind == Kind::Sign
            && sign.text == "+"
            && self.top(0).is_some_and(|value| value.kind == Kind::Text)
            && !follows_comma
            && self.top(2).is_some_and(|left| matches!(left.kind, Kind::Text | Kind::Open))
        {
            // In place, so that a long chain stays linear.
            let right = self.stack.pop();
            self.stack.pop();
            if let (Some(right), Some(left)) = (right, self.stack.last_mut()) {
                left.text.to_mut().push_str(&right.text);
                left.raw.1 = left.raw.1.max(right.raw.1);
                self.undone.joins += 1;
                self.spend(right.text.len());
            }
            return true;
        }
        let is_value = |token: Option<&Token<'_>>| token.is_some_and(Token::is_constant);
        let name = sign.text.to_ascii_lowercase();
        let (Some(right), kind) = (self.top(0), sign.kind) else {
            return false;
        };
        if kind == Kind::Word && name == "-join" && !is_value(self.top(2)) {
            let unknown = self.top(2).is_some_and(|left| {
                matches!(left.kind, Kind::Variable | Kind::Open | Kind::Bytes)
                    || left.is_sign(")")
                    || left.is_sign("]")
                    || left.is_sign("}")
            });
            if unknown || follows_comma || !matches!(right.kind, Kind::Text | Kind::List | Kind::Number) {
                return false;
            }
            let joined: String = right.text.split(ITEM).collect();
            self.undone.joins += 1;
            return self.replace(2, Kind::Text, joined);
        }
        let Some(left) = self.top(2).filter(|left| left.is_constant()) else {
            return false;
        };
        if follows_comma && name != ".." {
            return false;
        }
        let result =
            value::binary((left.kind, &left.text), &name, (right.kind, &right.text), WORK_BYTES_MAX - self.work);
        match result {
            Some((kind, text)) => {
                match name.as_str() {
                    "-f" => self.undone.formats += 1,
                    "-join" | "+" => self.undone.joins += 1,
                    ".." | "-" | "*" | "/" | "%" | "-bxor" => {}
                    _ => self.undone.edits += 1,
                }
                self.replace(3, kind, text)
            }
            None => false,
        }
    }

    /// `& 'x'`, `. 'x'`, `iex 'x'`, `-Command 'x'`
    fn invocation(&mut self) -> bool {
        let Some(value) = self.top(0).filter(|value| value.kind == Kind::Text) else {
            return false;
        };
        let continues = self.next().is_some_and(|next| {
            next.is_sign("+") || next.is_sign(",") || next.kind == Kind::Word && names::is_operator(&next.text)
        });
        let Some(before) = self.top(1) else {
            return false;
        };
        if continues {
            return false;
        }
        let code = value.text.to_string();
        let name_like = value.text.len() <= 80 && !value.text.contains(char::is_whitespace) && !value.text.is_empty();
        if (before.is_sign("&") || before.is_sign(".") && !before.glued) && name_like {
            self.undone.indirect += 1;
            return self.replace(2, Kind::Word, code);
        }
        // `.'DownloadString'(…)` and `::'Create'(…)`
        let named = before.is_sign(".") || before.is_sign("::");
        if named && self.next().is_some_and(|next| next.is_sign("(") && next.glued) && name_like {
            self.undone.indirect += 1;
            return self.replace(1, Kind::Word, code);
        }
        let runs = before.kind == Kind::Word && names::runs_text(&before.text);
        if runs && self.spend(code.len()) {
            self.undone.evaluated += 1;
            self.splice(1, &code);
        }
        false
    }
}
