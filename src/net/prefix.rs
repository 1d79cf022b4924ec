//! A prefix as it was written, and the canonical prefix that it means.

use ipnet::IpNet;
use ipnetwork::IpNetwork;
use std::net::{IpAddr, Ipv4Addr};

/// A CIDR prefix or a bare address as written in a file, with its canonical form.
///
/// `ipnetwork` reads the text (it keeps host bits and refuses octal-looking octets), `ipnet` holds the canonical
/// prefix. Follows semantics.md 1.2 and 9b.8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct WrittenPrefix {
    /// The canonical prefix, host bits cleared.
    pub net: IpNet,
    /// Bits beyond the prefix length were set (`10.0.0.5/24`): Azure refuses this in a rule.
    pub host_bits: bool,
    /// A bare decimal number (`789`), which Azure accepts and reads as one IPv4 address.
    pub bare_number: bool,
}

impl WrittenPrefix {
    /// Reads `a.b.c.d`, `a.b.c.d/n`, an IPv6 address or prefix, or a bare decimal number below 2^32.
    /// Anything else, ranges and names included, is `None`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if !text.is_empty() && text.len() <= 10 && text.bytes().all(|b| b.is_ascii_digit()) {
            let address = IpAddr::V4(Ipv4Addr::from_bits(text.parse::<u32>().ok()?));
            return Some(WrittenPrefix { net: IpNet::from(address), host_bits: false, bare_number: true });
        }
        // A netmask after the slash (10.0.0.0/255.0.0.0) is not CIDR form: Azure refuses it.
        if let Some((_, length)) = text.split_once('/')
            && (length.is_empty() || !length.bytes().all(|b| b.is_ascii_digit()))
        {
            return None;
        }
        let written: IpNetwork = text.parse().ok()?;
        let net = IpNet::new(written.ip(), written.prefix()).ok()?.trunc();
        Some(WrittenPrefix { net, host_bits: written.ip() != written.network(), bare_number: false })
    }
}

/// Reads one IP address. Text behind a slash is not accepted, nor are octal-looking octets.
pub fn parse_address(text: &str) -> Option<IpAddr> {
    text.trim().parse().ok()
}

/// A prefix as people write it: a host without its length.
pub fn shown(net: IpNet) -> String {
    if net.prefix_len() == net.max_prefix_len() { net.addr().to_string() } else { net.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Option<(String, bool)> {
        WrittenPrefix::parse(text).map(|p| (p.net.to_string(), p.host_bits))
    }

    #[test]
    fn prefixes_and_hosts() {
        assert_eq!(shown("10.0.0.0/24"), Some(("10.0.0.0/24".into(), false)));
        assert_eq!(shown("10.0.0.5"), Some(("10.0.0.5/32".into(), false)));
        assert_eq!(shown("10.0.0.5/24"), Some(("10.0.0.0/24".into(), true)));
        assert_eq!(shown("fd00::/8"), Some(("fd00::/8".into(), false)));
        assert_eq!(shown(" 0.0.0.0/0 "), Some(("0.0.0.0/0".into(), false)));
    }

    #[test]
    fn a_bare_number_is_one_address() {
        assert_eq!(shown("789"), Some(("0.0.3.21/32".into(), false)));
        assert_eq!(shown("4294967296"), None);
    }

    #[test]
    fn traps_are_refused() {
        for text in [
            "",
            "*",
            "010.0.0.1",
            "10.1",
            "0x0a000001",
            "192.168.0.0/34",
            "10.0.0.0/-1",
            "208.130.28/24",
            "10.0.0.1-10.0.0.9",
            "Any",
            "VirtualNetwork",
            "10.0.0.0/255.0.0.0",
            "10.0.0.0/",
            "1.2.3.4/+8",
            "٣.1.1.1",
        ] {
            assert_eq!(shown(text), None, "{text}");
        }
    }
}
