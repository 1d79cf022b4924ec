//! The expanded text: plain JSON for the readers of resources, with the place in the template of every value.

use super::scope::{DEEPEST, Scope};
use super::value::Value;
use crate::diagnostic::Span;
use crate::ingest::json::{Node, Object};
use std::ops::Range;

/// Places of an expanded text in its template, ascending by where they start.
#[derive(Debug, Default)]
pub(crate) struct Places {
    spans: Vec<(Range<usize>, Span)>,
    /// Values that are not known: where they stand in the expanded text, the field that they fill, and as written.
    open: Vec<(Range<usize>, String, String)>,
}

impl Places {
    /// The place in the template of a value of the expanded text: its own, else that of the nearest value around it.
    pub(crate) fn span(&self, range: &Range<usize>) -> Option<Span> {
        let from = self.spans.partition_point(|(own, _)| own.start <= range.start);
        let around = self.spans.get(..from)?.iter().rev().find(|(own, _)| range.end <= own.end);
        around.map(|(_, span)| *span)
    }

    /// Values inside a range that are not known: their range, field and text.
    pub(crate) fn open_in(&self, range: Range<usize>) -> impl Iterator<Item = (&Range<usize>, &str, &str)> {
        let from = self.open.partition_point(|(own, _, _)| own.start < range.start);
        let rest = self.open.get(from..).unwrap_or_default().iter();
        let inside = rest.take_while(move |(own, _, _)| own.end <= range.end);
        inside.map(|(own, field, text)| (own, field.as_str(), text.as_str()))
    }
}

/// Largest text that a template expands to.
const MOST_TEXT: usize = 64 * 1024 * 1024;

/// Writes the expanded text.
#[derive(Debug, Default)]
pub(super) struct Writer {
    pub(super) text: String,
    pub(super) places: Places,
}

impl Writer {
    /// Is the text larger than what is read?
    pub(super) fn is_full(&self) -> bool {
        self.text.len() > MOST_TEXT
    }

    /// Begins a value; the slot keeps places in ascending order.
    pub(super) fn begin(&mut self, span: Span) -> usize {
        let start = self.text.len();
        self.places.spans.push((start..start, span));
        self.places.spans.len() - 1
    }

    /// Ends a value.
    pub(super) fn end(&mut self, slot: usize) {
        let end = self.text.len();
        if let Some((range, _)) = self.places.spans.get_mut(slot) {
            range.end = end;
        }
    }

    /// Writes a string.
    pub(super) fn string(&mut self, text: &str) {
        match serde_json::to_string(text) {
            Ok(json) => self.text.push_str(&json),
            Err(_) => self.text.push_str("\"\""),
        }
    }

    /// Writes `"key":`, with a comma where it is not the first.
    pub(super) fn key(&mut self, key: &str) {
        if !self.text.ends_with('{') {
            self.text.push(',');
        }
        self.string(key);
        self.text.push(':');
    }

    /// Writes the members of an object, those of `without` left out.
    pub(super) fn members(&mut self, scope: &Scope<'_>, object: &Object<'_>, without: &[&str]) {
        for (key, child) in object.members() {
            if !without.iter().any(|other| other.eq_ignore_ascii_case(key)) {
                self.key(key);
                self.node(scope, child, key, 1);
            }
        }
    }

    /// Writes a value of the template, its expressions evaluated. `field` is the key that it fills; an `id` fills the
    /// field that the reference stands in.
    pub(super) fn node(&mut self, scope: &Scope<'_>, node: Node<'_>, field: &str, depth: usize) {
        let slot = self.begin(node.span());
        let object = if depth > DEEPEST { Ok(None) } else { node.object() };
        if self.is_full() {
            self.text.push_str("null");
        } else if depth > DEEPEST && (node.is_object() || node.is_array()) {
            self.open("nested too deep", field);
        } else if let Ok(Some(object)) = object {
            self.text.push('{');
            for (key, child) in object.members() {
                if key.eq_ignore_ascii_case("copy") && child.is_array() {
                    self.loops(child);
                } else {
                    self.key(key);
                    let inner = if key.eq_ignore_ascii_case("id") { field } else { key };
                    self.node(scope, child, inner, depth + 1);
                }
            }
            self.text.push('}');
        } else if node.is_object() {
            self.open("a key stands twice", field);
        } else if node.is_array() {
            self.text.push('[');
            for (at, item) in node.items().into_iter().enumerate() {
                if at > 0 {
                    self.text.push(',');
                }
                self.node(scope, item, field, depth + 1);
            }
            self.text.push(']');
        } else if node.raw().starts_with("\"[") {
            let value = node.string().map_or(Value::Open(node.raw().to_owned()), |text| scope.text(&text, 0));
            self.value(&value, field);
        } else {
            self.text.push_str(node.raw());
        }
        self.end(slot);
    }

    /// A `copy` inside properties makes members that only its loop knows.
    fn loops(&mut self, list: Node<'_>) {
        for item in list.items() {
            let name = item.object().ok().flatten().and_then(|item| item.str("name").map(String::from));
            let name = name.unwrap_or_else(|| "copy".to_owned());
            self.key(&name);
            let slot = self.begin(item.span());
            self.open("copy", &name);
            self.end(slot);
        }
    }

    /// Writes what an expression came to.
    fn value(&mut self, value: &Value, field: &str) {
        match value {
            Value::Null => self.text.push_str("null"),
            Value::Bool(flag) => self.text.push_str(if *flag { "true" } else { "false" }),
            Value::Number(number) => self.text.push_str(number),
            Value::Text(text) => self.string(text),
            Value::Open(text) => self.open(text, field),
            Value::List(items) => {
                self.text.push('[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        self.text.push(',');
                    }
                    self.value(item, field);
                }
                self.text.push(']');
            }
            Value::Object(members) => {
                self.text.push('{');
                for (key, item) in members {
                    self.key(key);
                    self.value(item, if key.eq_ignore_ascii_case("id") { field } else { key });
                }
                self.text.push('}');
            }
        }
    }

    /// Writes a value that is not known as its own text, which no reader takes for a value. In place of `properties` it
    /// stays an object: what kind of resource it is must still be told.
    fn open(&mut self, written: &str, field: &str) {
        let text = if written.starts_with('[') { written.to_owned() } else { format!("[{written}]") };
        let whole = field.eq_ignore_ascii_case("properties");
        let start = self.text.len();
        self.text.push_str(if whole { "{\"open\":" } else { "" });
        self.string(&text);
        self.text.push_str(if whole { "}" } else { "" });
        self.places.open.push((start..self.text.len(), field.to_ascii_lowercase(), text));
    }
}
