//! The joint to models of texts: whoever loads verified models hands their scorers in.

use std::fmt;

use super::facts::Text;

/// What a model says of a text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TextVerdict {
    /// How often a harmless text is at least this strange: a calibrated p-value.
    pub p_value: f64,
    /// Byte ranges that weigh most, in the text as it was given.
    pub spans: Vec<(u32, u32)>,
    /// In plain words what is strange.
    pub words: String,
}

/// Scores one kind of text.
pub type TextScorer = Box<dyn Fn(&str) -> TextVerdict + Send + Sync>;

/// Models of texts; kinds without one are not scored.
#[derive(Default)]
pub struct TextScorers {
    /// Domain names.
    pub domain: Option<TextScorer>,
    /// Paths and parameters of web requests.
    pub request: Option<TextScorer>,
    /// Command lines.
    pub command: Option<TextScorer>,
    /// Scripts.
    pub script: Option<TextScorer>,
}

impl TextScorers {
    pub(super) fn of(&self, kind: Text) -> Option<&TextScorer> {
        match kind {
            Text::Domain => self.domain.as_ref(),
            Text::Request => self.request.as_ref(),
            Text::Command => self.command.as_ref(),
            Text::Script => self.script.as_ref(),
        }
    }
}

impl fmt::Debug for TextScorers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TextScorers")
            .field("domain", &self.domain.is_some())
            .field("request", &self.request.is_some())
            .field("command", &self.command.is_some())
            .field("script", &self.script.is_some())
            .finish()
    }
}

/// Bytes of a text that words quote around what weighs most.
const QUOTE_BYTES: usize = 80;

/// A text as words quote it: cut, with what weighs between `»` and `«`.
pub(super) fn quoted(text: &str, spans: &[(u32, u32)]) -> String {
    let mut spans: Vec<(usize, usize)> = spans.iter().map(|(from, to)| (*from as usize, *to as usize)).collect();
    spans.sort_unstable();
    let start = spans.first().map_or(0, |(from, _)| from.saturating_sub(QUOTE_BYTES / 4));
    let mut out = String::new();
    let mut at = boundary(text, start);
    if at > 0 {
        out.push('…');
    }
    let end = boundary(text, at.saturating_add(QUOTE_BYTES));
    for (from, to) in spans {
        let (from, to) = (boundary(text, from), boundary(text, to.min(end)));
        if from < at || to <= from {
            continue;
        }
        out.push_str(text.get(at..from).unwrap_or(""));
        out.push('»');
        out.push_str(text.get(from..to).unwrap_or(""));
        out.push('«');
        at = to;
    }
    out.push_str(text.get(at..end.max(at)).unwrap_or(""));
    if end < text.len() {
        out.push('…');
    }
    out.replace(['\n', '\r', '\t'], " ")
}

fn boundary(text: &str, mut at: usize) -> usize {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_show_what_weighs() {
        assert_eq!(quoted("id=1' OR '1'='1", &[(4, 9)]), "id=1»' OR «'1'='1");
        assert_eq!(quoted("ééé", &[(1, 3), (900, 1000)]), "»é«éé");
        let long = format!("{}evil{}", "a".repeat(300), "b".repeat(300));
        let shown = quoted(&long, &[(300, 304)]);
        assert!(shown.contains("»evil«") && shown.len() < 120, "{shown}");
    }
}
