//! Bytes to text: UTF-8 with and without byte order mark, UTF-16 in both byte orders.

use crate::diagnostic::{Diagnostic, code};

/// Decodes an input. The finding says what was unusual about it; the error, why it cannot be read.
pub(crate) fn decode(name: &str, bytes: Vec<u8>) -> Result<(String, Option<Diagnostic>), Box<Diagnostic>> {
    let utf16 = match bytes.as_slice() {
        [0xFF, 0xFE, 0, 0, ..] | [0, 0, 0xFE, 0xFF, ..] => return Err(refused(name, "UTF-32")),
        [0xFF, 0xFE, rest @ ..] => Some((rest, u16::from_le_bytes as fn([u8; 2]) -> u16)),
        [0xFE, 0xFF, rest @ ..] => Some((rest, u16::from_be_bytes as fn([u8; 2]) -> u16)),
        [first, 0, ..] if *first != 0 => Some((bytes.as_slice(), u16::from_le_bytes as fn([u8; 2]) -> u16)),
        [0, second, ..] if *second != 0 => Some((bytes.as_slice(), u16::from_be_bytes as fn([u8; 2]) -> u16)),
        _ => None,
    };
    if let Some((body, order)) = utf16 {
        let units = body.chunks_exact(2).filter_map(|pair| <[u8; 2]>::try_from(pair).ok()).map(order);
        let odd = body.len() % 2 == 1;
        let text: Result<String, _> = char::decode_utf16(units).collect();
        return match text {
            Ok(text) if !odd => {
                let note = Diagnostic::new(&code::ENCODING_CONVERTED, format!("{name} is UTF-16; read anyway"))
                    .help("PowerShell 5 writes UTF-16 with `>`; use `| Out-File -Encoding utf8 FILE`");
                Ok((text, Some(note)))
            }
            _ => Err(refused(name, "broken UTF-16")),
        };
    }
    let body = match bytes.strip_prefix(b"\xEF\xBB\xBF") {
        Some(rest) => rest.to_vec(),
        None => bytes,
    };
    match String::from_utf8(body) {
        Ok(text) => Ok((text, None)),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            Err(refused(name, &format!("not UTF-8 (byte {at})")))
        }
    }
}

fn refused(name: &str, what: &str) -> Box<Diagnostic> {
    let finding = Diagnostic::new(&code::ENCODING, format!("{name} is {what}; nothing of it was used"))
        .help("export it again in UTF-8");
    Box::new(finding)
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn encodings() {
        let text = |bytes: &[u8]| decode("f", bytes.to_vec()).ok().map(|(text, note)| (text, note.is_some()));
        assert_eq!(text(b"{}"), Some(("{}".into(), false)));
        assert_eq!(text(b"\xEF\xBB\xBF{}"), Some(("{}".into(), false)));
        assert_eq!(text(b"\xFF\xFE{\0}\0"), Some(("{}".into(), true)));
        assert_eq!(text(b"\xFE\xFF\0{\0}"), Some(("{}".into(), true)));
        assert_eq!(text(b"{\0}\0"), Some(("{}".into(), true)));
        assert_eq!(text(b"\0{\0}"), Some(("{}".into(), true)));
        assert_eq!(text(b""), Some((String::new(), false)));
        for bad in [&b"\xFF\xFE{"[..], b"\xFF\xFE\0\0", b"{\"\xE9\"}", b"\xFF\xFE\x00\xD8", b"\xC0\x80"] {
            assert_eq!(text(bad), None, "{bad:?}");
        }
    }
}
