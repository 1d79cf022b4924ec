//! Source texts and places in them.

use serde::Serialize;
use std::ops::Range;

/// A byte range in one source text: `start` inclusive, `end` exclusive.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// Index into [`Sources`].
    pub file: u32,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl std::fmt::Debug for Span {
    /// Prints no place: the debug text of a resource is its content, which two exports of it share.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("_")
    }
}

impl Span {
    /// The byte range.
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// One input text, decoded to UTF-8.
#[derive(Debug, Clone)]
pub struct Source {
    /// Name as the user gave it, `-` for standard input.
    pub name: String,
    /// The text, without byte order mark.
    pub text: String,
    line_starts: Vec<u32>,
    /// Numbers of the lines in the file, where the text holds only some of them.
    numbers: Option<Vec<u64>>,
}

impl Source {
    /// A file that is read row by row: its text holds only the lines that are quoted.
    pub fn excerpt(name: String) -> Self {
        Source { name, text: String::new(), line_starts: Vec::new(), numbers: Some(Vec::new()) }
    }

    /// Adds a line to an excerpt and returns its byte range.
    fn quote(&mut self, number: u64, line: &str) -> Option<(u32, u32)> {
        let numbers = self.numbers.as_mut()?;
        let start = u32::try_from(self.text.len()).ok()?;
        let end = u32::try_from(self.text.len() + line.len()).ok()?;
        numbers.push(number);
        self.line_starts.push(start);
        self.text.push_str(line);
        self.text.push('\n');
        Some((start, end))
    }

    /// Takes a text and indexes its lines.
    pub fn new(name: String, text: String) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let line_starts =
            std::iter::once(0).chain(breaks.map(|(at, _)| u32::try_from(at + 1).unwrap_or(u32::MAX))).collect();
        Source { name, text, line_starts, numbers: None }
    }

    /// Line and column of a byte offset, both from 1; columns count Unicode scalar values.
    pub fn line_column(&self, offset: u32) -> (usize, usize) {
        let line = self.line_starts.partition_point(|start| *start <= offset);
        let start = line.checked_sub(1).and_then(|i| self.line_starts.get(i)).copied().unwrap_or(0);
        let column = self.text.get(start as usize..offset as usize).map_or(0, |text| text.chars().count());
        let line = match &self.numbers {
            Some(numbers) => line
                .checked_sub(1)
                .and_then(|i| numbers.get(i))
                .map_or(1, |n| usize::try_from(*n).unwrap_or(usize::MAX)),
            None => line,
        };
        (line.max(1), column + 1)
    }

    /// The text of a byte range, empty where the range is none of this text.
    pub fn slice(&self, span: Span) -> &str {
        self.text.get(span.range()).unwrap_or_default()
    }
}

/// All input texts of a run; a [`Span`] points into one of them.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    files: Vec<Source>,
}

/// A place as it is printed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Location {
    /// File name as given.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1, in Unicode scalar values.
    pub column: usize,
    /// JSON pointer (RFC 6901) of the value, where the text is JSON.
    pub pointer: Option<String>,
}

impl Sources {
    /// Adds a text and returns its index.
    pub fn add(&mut self, source: Source) -> u32 {
        self.files.push(source);
        u32::try_from(self.files.len() - 1).unwrap_or(u32::MAX)
    }

    /// The text with this index.
    pub fn get(&self, file: u32) -> Option<&Source> {
        self.files.get(file as usize)
    }

    /// Adds a line to the excerpt of a file that is read row by row, as a place that can be printed.
    pub fn quote(&mut self, file: u32, number: u64, line: &str) -> Option<Span> {
        let (start, end) = self.files.get_mut(file as usize)?.quote(number, line)?;
        Some(Span { file, start, end })
    }

    /// All texts, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &Source> {
        self.files.iter()
    }

    /// File, line, column and JSON pointer of a span.
    pub fn locate(&self, span: Span) -> Option<Location> {
        let source = self.get(span.file)?;
        let (line, column) = source.line_column(span.start);
        let pointer = super::pointer::pointer_at(&source.text, span.range())
            .or_else(|| super::pointer::pointer_at(&super::plain_json(&source.text), span.range()));
        Some(Location { file: source.name.clone(), line, column, pointer })
    }

    /// `file:line:column`, or an empty text.
    pub fn short(&self, span: Span) -> String {
        let Some(source) = self.get(span.file) else { return String::new() };
        let (line, column) = source.line_column(span.start);
        format!("{}:{line}:{column}", source.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_characters_from_one() {
        let source = Source::new("a.json".into(), "{\r\n \"ü\": 1\n}".into());
        assert_eq!(source.line_column(0), (1, 1));
        assert_eq!(source.line_column(4), (2, 2));
        assert_eq!(source.line_column(10), (2, 7));
        assert_eq!(source.slice(Span { file: 0, start: 10, end: 11 }), "1");
        assert_eq!(source.slice(Span { file: 0, start: 5, end: 900 }), "");
    }

    #[test]
    fn an_excerpt_keeps_the_numbers_of_its_lines() {
        let mut sources = Sources::default();
        let file = sources.add(Source::excerpt("h.csv".into()));
        let first = sources.quote(file, 7, "a,b");
        let second = sources.quote(file, 1_000_000, "");
        assert_eq!(first.map(|span| sources.short(span)).as_deref(), Some("h.csv:7:1"));
        assert_eq!(second.map(|span| sources.short(span)).as_deref(), Some("h.csv:1000000:1"));
        let whole = sources.add(Source::new("a.json".into(), "{}".into()));
        assert_eq!(sources.quote(whole, 1, ""), None);
    }
}
