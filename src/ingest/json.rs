//! Reading JSON with positions: `serde_json` checks the grammar, and every value stays a slice of the source text.
//!
//! A [`Node`] is opened one level at a time, so fields that no question needs are only skipped over. Opening an object
//! refuses keys that stand twice, also when they differ only in letter case.

use super::template::Places;
use crate::diagnostic::{Diagnostic, Span, code, offset_in};
use crate::model::Located;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;
use std::ops::Range;

/// The text that is being read, and what was found wrong in it.
#[derive(Debug)]
pub(crate) struct Document<'a> {
    /// Index of the source.
    pub(crate) file: u32,
    /// Whole text of the source.
    pub(crate) text: &'a str,
    /// Where the values of an expanded template stand in it; `None` where the text is the source itself.
    pub(crate) places: Option<&'a Places>,
    /// Findings so far.
    pub(crate) findings: RefCell<Vec<Diagnostic>>,
}

/// The object could not be read; why has been reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unusable;

impl<'a> Document<'a> {
    /// Starts reading a text.
    pub(crate) fn new(file: u32, text: &'a str) -> Self {
        Document::at_places(file, text, None)
    }

    /// Starts reading the text that a template was expanded to.
    pub(crate) fn at_places(file: u32, text: &'a str, places: Option<&'a Places>) -> Self {
        Document { file, text, places, findings: RefCell::new(Vec::new()) }
    }

    /// Parses the JSON that starts at a byte offset; the error is `serde_json`'s, its position counts from that offset.
    pub(crate) fn root(&self, start: usize) -> Result<Node<'_>, serde_json::Error> {
        let body = self.text.get(start..).unwrap_or_default();
        let raw: &RawValue = serde_json::from_str(body)?;
        Ok(Node { raw: raw.get(), document: self })
    }

    /// Reports a finding.
    pub(crate) fn report(&self, finding: Diagnostic) {
        self.findings.borrow_mut().push(finding);
    }
}

/// One JSON value inside a document.
#[derive(Clone, Copy)]
pub(crate) struct Node<'a> {
    raw: &'a str,
    document: &'a Document<'a>,
}

impl fmt::Debug for Node<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.raw)
    }
}

/// An opened object: its members in file order.
#[derive(Debug, Clone)]
pub(crate) struct Object<'a> {
    node: Node<'a>,
    members: Vec<(Cow<'a, str>, Node<'a>)>,
}

struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut out = Vec::new();
                while let Some((Text(key), value)) = map.next_entry::<Text<'de>, &'de RawValue>()? {
                    out.push((key, value));
                }
                Ok(Members(out))
            }
        }
        deserializer.deserialize_map(MembersVisitor)
    }
}

/// A JSON string, borrowed where it has no escapes.
struct Text<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(TextVisitor)
    }
}

/// Succeeds where no object has a key twice, letter case apart.
struct UniqueKeys;

impl<'de> Deserialize<'de> for UniqueKeys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct UniqueVisitor;
        impl<'de> Visitor<'de> for UniqueVisitor {
            type Value = UniqueKeys;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<UniqueKeys, A::Error> {
                let mut keys: Vec<Cow<'de, str>> = Vec::new();
                while let Some((Text(key), UniqueKeys)) = map.next_entry()? {
                    keys.push(key);
                }
                if has_repetition(&keys) { Err(A::Error::custom("a key stands twice")) } else { Ok(UniqueKeys) }
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<UniqueKeys, A::Error> {
                while seq.next_element::<UniqueKeys>()?.is_some() {}
                Ok(UniqueKeys)
            }
            fn visit_bool<E>(self, _: bool) -> Result<UniqueKeys, E> {
                Ok(UniqueKeys)
            }
            fn visit_i64<E>(self, _: i64) -> Result<UniqueKeys, E> {
                Ok(UniqueKeys)
            }
            fn visit_u64<E>(self, _: u64) -> Result<UniqueKeys, E> {
                Ok(UniqueKeys)
            }
            fn visit_f64<E>(self, _: f64) -> Result<UniqueKeys, E> {
                Ok(UniqueKeys)
            }
            fn visit_str<E>(self, _: &str) -> Result<UniqueKeys, E> {
                Ok(UniqueKeys)
            }
            fn visit_unit<E>(self) -> Result<UniqueKeys, E> {
                Ok(UniqueKeys)
            }
        }
        deserializer.deserialize_any(UniqueVisitor)
    }
}

fn has_repetition(keys: &[Cow<'_, str>]) -> bool {
    if keys.len() <= 24 {
        let seen = |at: usize, key: &str| keys.iter().take(at).any(|other| other.eq_ignore_ascii_case(key));
        return keys.iter().enumerate().any(|(at, key)| seen(at, key));
    }
    let mut sorted: Vec<String> = keys.iter().map(|key| key.to_ascii_lowercase()).collect();
    sorted.sort_unstable();
    sorted.windows(2).any(|pair| pair.first() == pair.last())
}

impl<'a> Node<'a> {
    /// Where the value stands.
    pub(crate) fn span(&self) -> Span {
        let range = self.range();
        let byte = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        match self.document.places {
            Some(places) => places.span(&range).unwrap_or(Span { file: self.document.file, start: 0, end: 0 }),
            None => Span { file: self.document.file, start: byte(range.start), end: byte(range.end) },
        }
    }

    /// Where the value stands in the document's text.
    pub(crate) fn range(&self) -> Range<usize> {
        let start = offset_in(self.document.text, self.raw);
        start..start + self.raw.len()
    }

    /// A value by its text, which must be a slice of the document's.
    pub(crate) fn of(raw: &'a str, document: &'a Document<'a>) -> Self {
        Node { raw, document }
    }

    /// The document.
    pub(crate) fn document(&self) -> &'a Document<'a> {
        self.document
    }

    /// The JSON text of the value.
    pub(crate) fn raw(&self) -> &'a str {
        self.raw
    }

    pub(crate) fn is_object(&self) -> bool {
        self.raw.starts_with('{')
    }

    pub(crate) fn is_array(&self) -> bool {
        self.raw.starts_with('[')
    }

    pub(crate) fn is_string(&self) -> bool {
        self.raw.starts_with('"')
    }

    /// Null, an empty string, or an empty list: Azure's three ways to say that a form of a field is not used.
    pub(crate) fn is_blank(&self) -> bool {
        matches!(self.raw, "null" | "\"\"") || self.is_array() && self.items().is_empty()
    }

    /// Opens an object. `None` for another kind of value; a key that stands twice is reported and makes it [`Unusable`].
    pub(crate) fn object(&self) -> Result<Option<Object<'a>>, Unusable> {
        if !self.is_object() {
            return Ok(None);
        }
        let parsed: Members<'a> = match serde_json::from_str(self.raw) {
            Ok(parsed) => parsed,
            Err(error) => {
                self.report(Diagnostic::new(&code::WRONG_TYPE, format!("object cannot be read: {}", reason(&error))));
                return Err(Unusable);
            }
        };
        let document = self.document;
        let members: Vec<_> = parsed.0.into_iter().map(|(key, raw)| (key, Node { raw: raw.get(), document })).collect();
        match repeated_key(&members) {
            None => Ok(Some(Object { node: *self, members })),
            Some((key, first, second)) => {
                let finding = Diagnostic::new(
                    &code::DUPLICATE_KEY,
                    format!("key \"{key}\" stands twice in one object; the resource that holds it was not used"),
                );
                self.document.report(
                    finding.at(second.span()).label(first.span(), "first here").help("remove one of the two values"),
                );
                Err(Unusable)
            }
        }
    }

    /// The elements of an array; empty for another kind of value.
    pub(crate) fn items(&self) -> Vec<Node<'a>> {
        if !self.is_array() {
            return Vec::new();
        }
        let raws: Vec<&'a RawValue> = serde_json::from_str(self.raw).unwrap_or_default();
        raws.into_iter().map(|raw| Node { raw: raw.get(), document: self.document }).collect()
    }

    /// The elements of an array, or the value itself where it is a single one; nothing for null and "".
    pub(crate) fn items_or_self(&self) -> Vec<Node<'a>> {
        if self.is_array() {
            self.items()
        } else if self.is_blank() {
            Vec::new()
        } else {
            vec![*self]
        }
    }

    /// The text of a string.
    pub(crate) fn string(&self) -> Option<Cow<'a, str>> {
        if !self.is_string() {
            return None;
        }
        serde_json::from_str::<Text<'a>>(self.raw).ok().map(|text| text.0)
    }

    /// The text of a string, or a number as it is written: `az` prints some ports as numbers.
    pub(crate) fn scalar(&self) -> Option<Cow<'a, str>> {
        if self.is_string() {
            return self.string();
        }
        let numeric = self.raw.starts_with(|c: char| c == '-' || c.is_ascii_digit());
        numeric.then_some(Cow::Borrowed(self.raw))
    }

    /// A non-empty string with its place.
    pub(crate) fn text(&self) -> Option<Located<String>> {
        let text = self.string()?;
        (!text.trim().is_empty()).then(|| Located::new(text.into_owned(), self.span()))
    }

    /// True, false, or a word that means one of them.
    pub(crate) fn boolean(&self) -> Option<bool> {
        let text = if self.is_string() { self.string()? } else { Cow::Borrowed(self.raw) };
        match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "enabled" => Some(true),
            "false" | "0" | "no" | "disabled" => Some(false),
            _ => None,
        }
    }

    /// An integer, also one written as text or as `100.0`.
    pub(crate) fn integer(&self) -> Option<i64> {
        let text = self.scalar()?;
        let text = text.trim();
        let whole = text.split_once('.').filter(|(_, zeros)| zeros.bytes().all(|b| b == b'0')).map_or(text, |(w, _)| w);
        whole.parse().ok()
    }

    /// Refuses a value in which any object, however deep, has a key twice. Most of a resource is only skipped over when it
    /// is read; this looks at the rest of it.
    pub(crate) fn require_unique_keys(&self) -> Result<(), Unusable> {
        match serde_json::from_str::<UniqueKeys>(self.raw) {
            Ok(UniqueKeys) => Ok(()),
            Err(error) => {
                self.point_at_repeated_key()?;
                let text = format!("the value cannot be read: {}; it was not used", reason(&error));
                self.report(Diagnostic::new(&code::WRONG_TYPE, text).help("export the resource again"));
                Err(Unusable)
            }
        }
    }

    /// Opens every object below until one refuses, which reports the place.
    fn point_at_repeated_key(&self) -> Result<(), Unusable> {
        let mut todo = vec![*self];
        while let Some(node) = todo.pop() {
            match node.object()? {
                Some(object) => {
                    todo.extend(object.members().map(|(_, child)| child).filter(|c| c.is_object() || c.is_array()));
                }
                None => todo.extend(node.items().into_iter().filter(|c| c.is_object() || c.is_array())),
            }
        }
        Ok(())
    }

    /// Reports a finding at this value.
    pub(crate) fn report(&self, finding: Diagnostic) {
        self.document.report(finding.at(self.span()));
    }
}

impl<'a> Object<'a> {
    /// The value that was opened.
    pub(crate) fn node(&self) -> Node<'a> {
        self.node
    }

    /// Members in file order, keys as written.
    pub(crate) fn members(&self) -> impl Iterator<Item = (&str, Node<'a>)> {
        self.members.iter().map(|(key, node)| (key.as_ref(), *node))
    }

    /// The member with this key in any letter case, null included.
    pub(crate) fn raw_get(&self, key: &str) -> Option<Node<'a>> {
        self.members.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, node)| *node)
    }

    /// The member with this key, null counting as absent.
    pub(crate) fn get(&self, key: &str) -> Option<Node<'a>> {
        self.raw_get(key).filter(|node| node.raw != "null")
    }

    /// Is there a member with this key, null included?
    pub(crate) fn has(&self, key: &str) -> bool {
        self.raw_get(key).is_some()
    }

    /// The text of a string member.
    pub(crate) fn str(&self, key: &str) -> Option<Cow<'a, str>> {
        self.get(key).and_then(|node| node.string())
    }

    /// The elements of a list member; a single value counts as a list of one.
    pub(crate) fn list(&self, key: &str) -> Vec<Node<'a>> {
        self.get(key).map(|node| node.items_or_self()).unwrap_or_default()
    }
}

/// `serde_json`'s message without its position, which counts from the inner text.
pub(crate) fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or_default().to_owned()
}

/// The first key that stands twice, with both values.
fn repeated_key<'n, 'a>(members: &'n [(Cow<'a, str>, Node<'a>)]) -> Option<(&'n str, Node<'a>, Node<'a>)> {
    if members.len() <= 24 {
        for (i, (key, second)) in members.iter().enumerate() {
            let before = members.iter().take(i).find(|(other, _)| other.eq_ignore_ascii_case(key));
            if let Some((_, first)) = before {
                return Some((key, *first, *second));
            }
        }
        return None;
    }
    let mut sorted: Vec<(String, usize)> =
        members.iter().enumerate().map(|(at, (key, _))| (key.to_ascii_lowercase(), at)).collect();
    sorted.sort();
    let pair = sorted.windows(2).find(|pair| matches!(pair, [a, b] if a.0 == b.0))?;
    let [(_, first), (_, second)] = pair else { return None };
    let (first, second) = (members.get(*first)?, members.get(*second)?);
    Some((&second.0, first.1, second.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_place() {
        let text = " {\"Name\": \"a\\u0062\", \"list\": [1, \"2\"], \"on\": true, \"n\": 100.0, \"none\": null}";
        let document = Document::new(3, text);
        let object = document.root(0).ok().and_then(|node| node.object().ok().flatten());
        assert!(object.is_some());
        let Some(object) = object else { return };
        let name = object.get("name").and_then(|n| n.text());
        assert_eq!(name.as_ref().map(|n| n.value.as_str()), Some("ab"));
        assert_eq!(name.map(|n| n.span.range()).and_then(|r| text.get(r)), Some("\"a\\u0062\""));
        assert_eq!(object.list("LIST").iter().filter_map(Node::integer).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(object.get("on").and_then(|n| n.boolean()), Some(true));
        assert_eq!(object.get("n").and_then(|n| n.integer()), Some(100));
        assert!(object.get("none").is_none() && object.has("none"));
        assert_eq!(object.get("list").map(|n| n.span().file), Some(3));
    }

    #[test]
    fn keys_that_differ_only_in_case_are_refused() {
        for text in ["{\"access\":\"Deny\",\"access\":\"Allow\"}", "{\"Access\":\"Deny\",\"access\":\"Allow\"}"] {
            let document = Document::new(0, text);
            let node = document.root(0).ok();
            assert!(node.is_some_and(|node| node.object().is_err()), "{text}");
            assert_eq!(document.findings.borrow().len(), 1);
        }
        let many: Vec<String> = (0..40).map(|i| format!("\"k{i}\":{i}")).collect();
        let text = format!("{{{},\"K7\":1}}", many.join(","));
        let document = Document::new(0, &text);
        assert!(document.root(0).ok().is_some_and(|node| node.object().is_err()));
    }

    #[test]
    fn depth_is_no_danger() {
        let text = "[".repeat(200_000) + &"]".repeat(200_000);
        let document = Document::new(0, &text);
        assert!(document.root(0).is_ok_and(|node| node.items().len() == 1));
    }
}
