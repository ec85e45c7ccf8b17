//! Colour, width and wrapping for a terminal.
//!
//! Colour is never the only signal, and only our own code writes an ESC byte: [`Style::paint`]. Widths are columns, not
//! characters.

use std::io::IsTerminal as _;

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::words::Severity;

/// Width where there is no terminal, so that output to a file never depends on a window.
pub const WIDTH_DEFAULT: usize = 100;
/// Narrower terminals are treated as this wide; their lines wrap.
pub const WIDTH_MIN: usize = 60;
/// Wider terminals are not filled: long lines tire the eye.
pub const WIDTH_MAX: usize = 160;

/// How text may be drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Columns.
    pub width: usize,
    /// Whether ANSI colours may be used.
    pub color: bool,
    /// Whether characters beyond ASCII may be used for our own marks.
    pub unicode: bool,
}

/// Colours, by what they mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// Running text.
    Plain,
    /// Headings.
    Bold,
    /// What may be skipped.
    Dim,
    /// A severity's own colour.
    Severity(Severity),
}

impl Style {
    /// No colour, default width: what a file or pipe gets.
    pub const PLAIN: Style = Style { width: WIDTH_DEFAULT, color: false, unicode: true };

    /// For standard output as it is: colour on a terminal unless `NO_COLOR` is set or `TERM` is `dumb`; ASCII where the
    /// locale is not UTF-8. Not a terminal: [`Style::PLAIN`].
    pub fn of_stdout() -> Self {
        if !std::io::stdout().is_terminal() {
            return Self::PLAIN;
        }
        let variable = |name: &str| std::env::var(name).unwrap_or_default();
        let width = terminal_size::terminal_size().map_or(WIDTH_DEFAULT, |(width, _)| usize::from(width.0));
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].map(variable).into_iter().find(|value| !value.is_empty());
        let utf8 = locale.is_some_and(|locale| locale.to_ascii_lowercase().replace('-', "").contains("utf8"));
        Self {
            width: width.clamp(WIDTH_MIN, WIDTH_MAX),
            color: variable("NO_COLOR").is_empty() && variable("TERM") != "dumb",
            unicode: utf8 || cfg!(windows),
        }
    }

    /// The text in a colour. The text must be escaped already.
    pub fn paint(&self, ink: Ink, text: &str) -> String {
        if !self.color || text.is_empty() || ink == Ink::Plain {
            return text.to_owned();
        }
        let code = match ink {
            Ink::Plain => "0",
            Ink::Bold => "1",
            Ink::Dim => "2",
            Ink::Severity(Severity::Critical) => "1;35",
            Ink::Severity(Severity::High) => "1;31",
            Ink::Severity(Severity::Medium) => "33",
            Ink::Severity(Severity::Low) => "36",
            Ink::Severity(Severity::Informational) => "2",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    /// `…`, or `...` in ASCII.
    pub const fn ellipsis(&self) -> &'static str {
        if self.unicode { "…" } else { "..." }
    }

    /// `·`, or `-` in ASCII.
    pub const fn dot(&self) -> &'static str {
        if self.unicode { "·" } else { "-" }
    }

    /// Text of our own, with the few marks that we use replaced where only ASCII may be used.
    pub fn own(&self, text: &str) -> String {
        if self.unicode {
            text.to_owned()
        } else {
            text.replace('…', "...").replace('→', ">").replace(['·', '–'], "-")
        }
    }
}

/// Columns that a text takes.
pub fn columns(text: &str) -> usize {
    text.width()
}

/// The text cut to at most `width` columns, with an ellipsis where it was cut, and padded to exactly `width`.
pub fn cell(text: &str, width: usize, style: &Style) -> String {
    let mut out = cut(text, width, style);
    let have = columns(&out);
    out.extend(std::iter::repeat_n(' ', width.saturating_sub(have)));
    out
}

/// The text cut to at most `width` columns.
pub fn cut(text: &str, width: usize, style: &Style) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let room = width.saturating_sub(columns(style.ellipsis()));
    let mut out = String::new();
    let mut have = 0;
    for c in text.chars() {
        have += c.width().unwrap_or(0);
        if have > room {
            break;
        }
        out.push(c);
    }
    out.push_str(style.ellipsis());
    out
}

/// Breaks a text into lines of at most `width` columns: at spaces where there are any, else anywhere.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(8);
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut have = 0;
    for word in text.split_inclusive(' ') {
        let wide = columns(word.trim_end());
        if have > 0 && have + wide > width {
            lines.push(std::mem::take(&mut line));
            have = 0;
        }
        if wide <= width {
            line.push_str(word);
            have += columns(word);
            continue;
        }
        for c in word.chars() {
            let step = c.width().unwrap_or(0);
            if have + step > width {
                lines.push(std::mem::take(&mut line));
                have = 0;
            }
            line.push(c);
            have += step;
        }
    }
    lines.push(line);
    for line in &mut lines {
        line.truncate(line.trim_end().len());
    }
    lines
}

/// `2431882` → `2,431,882`.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 file`, `2 files`.
pub fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", thousands(number), if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_have_their_width() {
        let ascii = Style { unicode: false, ..Style::PLAIN };
        for (text, width, style, wanted) in [
            ("short", 8, Style::PLAIN, "short   "),
            ("exactly8", 8, Style::PLAIN, "exactly8"),
            ("much too long", 8, Style::PLAIN, "much to…"),
            ("much too long", 8, ascii, "much ..."),
            ("日本語テキスト", 8, Style::PLAIN, "日本語… "),
            ("", 3, Style::PLAIN, "   "),
        ] {
            assert_eq!(cell(text, width, &style), wanted, "{text}");
        }
    }

    #[test]
    fn long_texts_wrap() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("aaaaaaaaaaaaaaaaaaaa b", 8), ["aaaaaaaa", "aaaaaaaa", "aaaa b"]);
        assert_eq!(wrap("日本語日本語", 8), ["日本語日", "本語"]);
        assert_eq!(wrap("", 8), [""]);
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([0, 999, 1000, 2_431_882].map(thousands), ["0", "999", "1,000", "2,431,882"]);
        assert_eq!(counted(1, "file", "files"), "1 file");
        assert_eq!(counted(2000, "file", "files"), "2,000 files");
    }

    #[test]
    fn colour_is_written_only_when_asked_for() {
        assert_eq!(Style::PLAIN.paint(Ink::Bold, "x"), "x");
        let colour = Style { color: true, ..Style::PLAIN };
        assert_eq!(colour.paint(Ink::Severity(Severity::High), "x"), "\x1b[1;31mx\x1b[0m");
    }
}
