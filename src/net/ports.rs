//! Port grammar of Azure rules.

use super::RangeSet;

/// A set of TCP or UDP ports, 16 bits.
pub type PortSet = RangeSet<u16>;

/// The ephemeral ports that stand for "any client source port": 49152 to 65535, both included.
pub const EPHEMERAL: (u16, u16) = (49152, 65535);

/// Reads `*`, one port, or `low-high` (inclusive, 0 to 65535) as semantics.md 1.3 has it; anything else, a comma list
/// and a reversed range included, is `None`.
pub fn parse_port_range(text: &str) -> Option<(u16, u16)> {
    let text = text.trim();
    if text == "*" {
        return Some((0, u16::MAX));
    }
    let port = |t: &str| -> Option<u16> {
        let t = t.trim();
        if t.is_empty() || t.len() > 5 || !t.bytes().all(|b| b.is_ascii_digit()) { None } else { t.parse().ok() }
    };
    match text.split_once('-') {
        None => port(text).map(|p| (p, p)),
        Some((low, high)) => {
            let (low, high) = (port(low)?, port(high)?);
            (low <= high).then_some((low, high))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::parse_port_range as parse;

    #[test]
    fn grammar() {
        assert_eq!(parse("*"), Some((0, 65535)));
        assert_eq!(parse("443"), Some((443, 443)));
        assert_eq!(parse("440-450"), Some((440, 450)));
        assert_eq!(parse("0-65535"), Some((0, 65535)));
        for bad in ["", "80,443", "any", "65536", "66600", "450-440", "-1", "1-", "-", "443-80-1", "\u{663}", "+80"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
