//! Plain text for terminals: escaping, verdict colours, and small tables.

use anstyle::{AnsiColor, Style};
use comfy_table::{ContentArrangement, Table, presets};
use std::borrow::Cow;
use std::fmt::Write as _;

/// How text is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Look {
    /// Colours are wanted.
    pub color: bool,
}

/// Makes untrusted text safe to print: control characters, bidirectional overrides and invisible characters are shown
/// as `\u{..}`, so that nothing from a file can move the cursor, repaint a verdict or start a command of a CI system.
pub fn printable(text: &str) -> Cow<'_, str> {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{ad}' | '\u{061c}')
    };
    if !text.chars().any(hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if hidden(c) {
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// One CSV cell of untrusted text: a leading character that spreadsheets take for a formula is quoted (CWE-1236).
pub fn csv_cell(text: &str) -> Cow<'_, str> {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        return Cow::Owned(format!("'{}", printable(text)));
    }
    printable(text)
}

/// Untrusted text inside Markdown: nothing of it becomes markup, a link, a table cell, a mention or HTML.
pub fn markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in printable(text).chars() {
        match c {
            '@' => out.push_str("&#64;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '/' if out.ends_with(':') => out.push_str("\\/"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '#' | '|' | '!' | '~' | '$' => {
                out.push('\\');
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    out
}

const RED: Style = AnsiColor::Red.on_default().bold();
const GREEN: Style = AnsiColor::Green.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default();

impl Look {
    fn paint(self, style: Style, text: &str) -> String {
        if self.color { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    /// Something that blocks.
    pub fn bad(self, text: &str) -> String {
        self.paint(RED, text)
    }

    /// Something that is as it should be.
    pub fn good(self, text: &str) -> String {
        self.paint(GREEN, text)
    }

    /// Something that is not decided, or half.
    pub fn unsure(self, text: &str) -> String {
        self.paint(YELLOW, text)
    }

    /// A verdict or state word in its colour.
    pub fn word(self, word: &str) -> String {
        match word {
            "BLOCKED" | "DENY" | "Unhealthy" | "ERROR" => self.bad(word),
            "REACHABLE" | "Healthy" | "allow" => self.good(word),
            "PARTIAL" | "UNKNOWN" | "Unknown" => self.unsure(word),
            _ => word.to_owned(),
        }
    }
}

/// Lines of a table without borders; the cells of `colored` get the colour of the word they hold.
pub fn table(header: &[&str], rows: &[Vec<String>], look: Look, colored: usize) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    if !header.is_empty() {
        table.set_header(header.iter().map(|cell| (*cell).to_owned()));
    }
    for row in rows {
        table.add_row(row.iter().map(|cell| printable(cell).into_owned()));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let mut out = String::new();
    let skip = usize::from(!header.is_empty());
    for (number, line) in table.lines().enumerate() {
        let line = line.trim_end();
        let word = number.checked_sub(skip).and_then(|n| rows.get(n)).and_then(|row| row.get(colored));
        match word.filter(|word| look.color && !word.is_empty()) {
            Some(word) => {
                // The word stands between blanks; the first such place at or after its column is its own cell.
                let marked = format!(" {word} ");
                let padded = format!("{line} ");
                out.push_str(padded.replacen(&marked, &format!(" {} ", look.word(word)), 1).trim_end());
            }
            None => out.push_str(line),
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_a_file_becomes_markdown() {
        assert_eq!(markdown("a|b"), "a\\|b");
        assert_eq!(markdown("[x](http://y) @team <b>"), "\\[x\\](http:\\//y) &#64;team &lt;b&gt;");
        assert_eq!(markdown("nsg-in-subnet 10.0.0.0/24"), "nsg-in-subnet 10.0.0.0/24");
    }

    #[test]
    fn nothing_from_a_file_reaches_the_terminal_raw() {
        assert_eq!(printable("plain-name_1"), "plain-name_1");
        assert_eq!(printable("a\u{1b}]0;x\u{7}b"), "a\\u{1b}]0;x\\u{7}b");
        assert_eq!(printable("\u{202e}evil\r\n##vso"), "\\u{202e}evil\\u{d}\\u{a}##vso");
        assert_eq!(printable("\u{9b}31m"), "\\u{9b}31m");
    }

    #[test]
    fn formulas_are_quoted_in_csv() {
        assert_eq!(csv_cell("=1+1"), "'=1+1");
        assert_eq!(csv_cell("nsg-a"), "nsg-a");
    }

    #[test]
    fn colour_changes_no_letter() {
        let rows = vec![vec!["a".to_owned(), "BLOCKED".to_owned(), "x".to_owned()]];
        let plain = table(&["n", "path", "why"], &rows, Look::default(), 1);
        let colored = table(&["n", "path", "why"], &rows, Look { color: true }, 1);
        assert!(colored.contains("\u{1b}[") && !plain.contains('\u{1b}'));
        let stripped: String = colored
            .split('\u{1b}')
            .enumerate()
            .map(|(i, part)| if i == 0 { part } else { part.split_once('m').map_or("", |p| p.1) })
            .collect();
        assert_eq!(stripped, plain);
    }
}
