//! JSON pointers, computed only when a place is printed: the model keeps byte ranges.

use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;
use std::fmt::Write as _;
use std::ops::Range;

/// The direct children of one JSON value: key or index, and the child's text.
struct Children<'a>(Vec<(String, &'a RawValue)>);

struct ChildVisitor;

impl<'de> Visitor<'de> for ChildVisitor {
    type Value = Children<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or array")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut out = Vec::new();
        while let Some(entry) = map.next_entry::<String, &'de RawValue>()? {
            out.push(entry);
        }
        Ok(Children(out))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut out = Vec::new();
        while let Some(item) = seq.next_element::<&'de RawValue>()? {
            out.push((out.len().to_string(), item));
        }
        Ok(Children(out))
    }
}

/// Byte offset of `part` inside `whole`, which must be the text that `part` was borrowed from.
pub fn offset_in(whole: &str, part: &str) -> usize {
    (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize)
}

/// The RFC 6901 pointer of the innermost JSON value that holds the byte range; `None` where the text is no JSON or the
/// range is outside its root value.
pub fn pointer_at(text: &str, range: Range<usize>) -> Option<String> {
    let body = text.trim_start();
    let start = text.len() - body.len();
    let start =
        if body.starts_with(['{', '[']) { start } else { start + body.find("\n{").or_else(|| body.find("\n["))? + 1 };
    let mut value = serde_json::Deserializer::from_str(text.get(start..)?).into_iter::<&RawValue>().next()?.ok()?.get();
    let mut out = String::new();
    let root = offset_in(text, value);
    if range.start < root || range.end > root + value.len() {
        return None;
    }
    while value.starts_with(['{', '[']) {
        let mut json = serde_json::Deserializer::from_str(value);
        let Ok(Children(children)) = json.deserialize_any(ChildVisitor) else { break };
        let inside = children.into_iter().find(|(_, child)| {
            let at = offset_in(text, child.get());
            at <= range.start && range.end <= at + child.get().len()
        });
        let Some((key, child)) = inside else { break };
        let _ = write!(out, "/{}", key.replace('~', "~0").replace('/', "~1"));
        value = child.get();
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::pointer_at;

    #[test]
    fn finds_the_innermost_value() {
        let text = "WARNING: x\n{\"a/b\": [ {\"c\": 1}, {\"d~\": \"two\"} ], \"e\": null}";
        let at =
            |needle: &str| text.find(needle).map(|start| start..start + needle.len()).and_then(|r| pointer_at(text, r));
        assert_eq!(at("\"two\"").as_deref(), Some("/a~1b/1/d~0"));
        assert_eq!(at("{\"c\": 1}").as_deref(), Some("/a~1b/0"));
        assert_eq!(at("null").as_deref(), Some("/e"));
        assert_eq!(at("WARNING"), None);
        assert_eq!(pointer_at("not json", 0..3), None);
    }
}
