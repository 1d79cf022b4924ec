//! JSON as people write it in ARM templates: comments, commas at the end, line breaks inside strings.

/// The text as plain JSON of the same length, so that every place stays where it was: comments and commas before a closing
/// bracket become blanks, and so do control characters inside strings.
pub fn plain_json(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    let mut comma: Option<usize> = None;
    let mut blank = |from: usize, to: usize, breaks: bool| {
        for byte in out.get_mut(from..to).unwrap_or_default() {
            if !(breaks && matches!(*byte, b'\n' | b'\r')) {
                *byte = b' ';
            }
        }
    };
    while let Some(byte) = bytes.get(at) {
        match (byte, bytes.get(at + 1)) {
            (b'"', _) => {
                let end = end_of_string(bytes, at);
                for inner in (at..end).filter(|i| bytes.get(*i).is_some_and(|byte| *byte < 0x20)) {
                    blank(inner, inner + 1, false);
                }
                comma = None;
                at = end;
            }
            (b'/', Some(b'/')) => {
                let end = bytes.iter().skip(at).position(|b| *b == b'\n').map_or(bytes.len(), |n| at + n);
                blank(at, end, true);
                at = end;
            }
            (b'/', Some(b'*')) => {
                let inner = bytes.get(at + 2..).unwrap_or_default();
                let end = inner.windows(2).position(|pair| pair == b"*/").map_or(bytes.len(), |n| at + n + 4);
                blank(at, end, true);
                at = end;
            }
            (b',', _) => {
                comma = Some(at);
                at += 1;
            }
            (b'}' | b']', _) => {
                if let Some(comma) = comma.take() {
                    blank(comma, comma + 1, false);
                }
                at += 1;
            }
            (byte, _) => {
                if !byte.is_ascii_whitespace() {
                    comma = None;
                }
                at += 1;
            }
        }
    }
    // Only whole characters were replaced, or all bytes of a comment.
    String::from_utf8(out).unwrap_or_default()
}

/// One past the closing quote of the string that starts here.
fn end_of_string(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::plain_json;

    #[test]
    fn places_stay() {
        for (text, plain) in [
            ("{\"a\": [1, 2, ], }", "{\"a\": [1, 2  ]  }"),
            ("{ // x: ü\n\"a\": \"//b\" }", "{         \n\"a\": \"//b\" }"),
            ("{/* , */ \"a\": 1, /* y */ }", "{        \"a\": 1          }"),
            ("{\"a\": \"x\n\ty\\\"\", \"b\": 2}", "{\"a\": \"x  y\\\"\", \"b\": 2}"),
            ("{\"a\": 1,\n", "{\"a\": 1,\n"),
            ("/*", "  "),
            ("\"\\", "\"\\"),
        ] {
            assert_eq!(plain_json(text), plain, "{text}");
            assert_eq!(plain_json(text).len(), text.len());
        }
    }
}
