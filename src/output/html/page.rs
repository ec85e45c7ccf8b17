//! Writing HTML: our own markup as it is, everything else escaped.

use shieldwall_schema::Timestamp;
use shieldwall_schema::incident::Severity;
use shieldwall_schema::story::Sentence;

use crate::output::escape::escape_flagged;
use crate::output::text::utc;

/// Bytes of one text. Values are cut far below where they are kept; a name or a title may be longer.
const TEXT_BYTES_MAX: usize = 4096;

/// A page in the making.
#[derive(Debug, Default)]
pub struct Page {
    out: String,
}

impl Page {
    /// Our own markup.
    pub fn raw(&mut self, markup: &str) -> &mut Self {
        self.out.push_str(markup);
        self
    }

    /// Text from anywhere, made inert.
    pub fn text(&mut self, words: &str) -> &mut Self {
        let mut end = words.len().min(TEXT_BYTES_MAX);
        while !words.is_char_boundary(end) {
            end -= 1;
        }
        let (kept, rest) = words.split_at_checked(end).unwrap_or((words, ""));
        markup_free(&escape_flagged(kept), &mut self.out);
        self.raw(if rest.is_empty() { "" } else { "…" })
    }

    /// An element with text in it. `class` may be empty.
    pub fn element(&mut self, name: &str, class: &str, words: &str) -> &mut Self {
        self.open(name, class).text(words).raw("</").raw(name).raw(">")
    }

    /// An opening tag. `class` is our own and may be empty.
    pub fn open(&mut self, name: &str, class: &str) -> &mut Self {
        self.raw("<").raw(name);
        if !class.is_empty() {
            self.raw(" class=\"").raw(class).raw("\"");
        }
        self.raw(">")
    }

    /// The word for a severity, with its colour.
    pub fn badge(&mut self, severity: Severity) -> &mut Self {
        self.raw("<span class=\"badge ").raw(severity.level()).raw("\">").raw(severity.level()).raw("</span>")
    }

    /// A time, or a dash.
    pub fn time(&mut self, time: Option<Timestamp>) -> &mut Self {
        match time {
            Some(time) => {
                let stamp = time.to_string();
                self.raw("<time datetime=\"").raw(&stamp).raw("\">").raw(&utc(time)).raw("</time>")
            }
            None => self.raw("–"),
        }
    }

    /// A sentence whose facts stand out; each says on hover which field it is. What the sentence quotes is set as code.
    pub fn sentence(&mut self, sentence: &Sentence) -> &mut Self {
        let mut at = 0;
        for fact in &sentence.facts {
            let (start, end) = (fact.span.0 as usize, fact.span.1 as usize);
            // Spans that do not fit the text are passed over: the words still stand.
            let (Some(before), Some(value)) = (sentence.text.get(at..start), sentence.text.get(start..end)) else {
                continue;
            };
            let after = sentence.text.get(end..).unwrap_or_default();
            let quoted = (before.ends_with('`') || before.ends_with("`…"))
                && (after.starts_with('`') || after.starts_with("…`"));
            let (before, name) = match (quoted, fact.path.as_str()) {
                (true, _) => (before.trim_end_matches(['`', '…']), "code"),
                (false, "analytic.name") => (before, "strong"),
                (false, "reason.how") => (before, "span"),
                (false, _) => (before, "b"),
            };
            self.text(before).raw("<").raw(name).raw(" class=\"f\" title=\"");
            self.text(&fact.path).raw("\">").text(value);
            at = end;
            if quoted {
                if after.starts_with('…') {
                    self.raw("…");
                    at += '…'.len_utf8();
                }
                at += 1;
            }
            self.raw("</").raw(name).raw(">");
        }
        self.text(sentence.text.get(at..).unwrap_or_default())
    }

    /// Bytes so far.
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// The page.
    pub fn as_bytes(&self) -> &[u8] {
        self.out.as_bytes()
    }
}

/// Text as it may stand between tags and in attributes.
pub fn text(words: &str) -> String {
    let mut out = String::with_capacity(words.len());
    markup_free(&escape_flagged(words), &mut out);
    out
}

fn markup_free(words: &str, out: &mut String) {
    for c in words.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use shieldwall_schema::story::Fact;

    use super::*;

    #[test]
    fn nothing_from_outside_is_markup() {
        let mut page = Page::default();
        page.text("<script>alert(1)</script>\u{202e}'\"&");
        let written = String::from_utf8(page.as_bytes().to_vec()).unwrap();
        assert!(!written.contains(['<', '>', '"', '\'', '\u{202e}']), "{written}");
    }

    #[test]
    fn facts_stand_out_and_wrong_spans_do_no_harm() {
        let fact = |start, end| Fact { span: (start, end), finding: 0, evidence: None, path: "user.name".into() };
        let sentence = Sentence { text: "é<b".into(), facts: vec![fact(0, 2), fact(1, 9)] };
        let mut page = Page::default();
        page.sentence(&sentence);
        let written = String::from_utf8(page.as_bytes().to_vec()).unwrap();
        assert_eq!(written, "<b class=\"f\" title=\"user.name\">é</b>&lt;b");
        let sentence = Sentence { text: "ran `id…`.".into(), facts: vec![fact(5, 7)] };
        let mut page = Page::default();
        page.sentence(&sentence);
        let written = String::from_utf8(page.as_bytes().to_vec()).unwrap();
        assert_eq!(written, "ran <code class=\"f\" title=\"user.name\">id…</code>.");
    }
}
