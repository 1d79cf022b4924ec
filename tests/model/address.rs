//! Addresses as plain numbers and prefixes as a number with a length: the arithmetic of the model.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// One address of either family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Addr {
    /// IPv6?
    pub(crate) six: bool,
    /// Its value.
    pub(crate) bits: u128,
}

/// One prefix of either family, host bits cleared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Prefix {
    /// IPv6?
    pub(crate) six: bool,
    /// First address.
    pub(crate) bits: u128,
    /// Length.
    pub(crate) len: u32,
}

/// Bits of an address.
fn width(six: bool) -> u32 {
    if six { 128 } else { 32 }
}

/// Host part of a prefix, all ones.
fn host_mask(six: bool, len: u32) -> u128 {
    let free = width(six) - len;
    if free == 128 { u128::MAX } else { (1u128 << free) - 1 }
}

/// Dotted decimal without leading zeros: `010.0.0.1` is refused, since readers disagree on what it means.
fn dotted(text: &str) -> Option<u128> {
    let parts: Vec<&str> = text.split('.').collect();
    let plain = |part: &&str| {
        let digits = !part.is_empty() && part.len() <= 3 && part.bytes().all(|b| b.is_ascii_digit());
        digits && (part.len() == 1 || !part.starts_with('0'))
    };
    if parts.len() != 4 || !parts.iter().all(plain) {
        return None;
    }
    let mut bits = 0u128;
    for part in parts {
        let value: u128 = part.parse().ok()?;
        if value > 255 {
            return None;
        }
        bits = bits * 256 + value;
    }
    Some(bits)
}

impl Addr {
    /// Reads one address.
    pub(crate) fn parse(text: &str) -> Option<Addr> {
        let text = text.trim();
        if let Some(bits) = dotted(text) {
            return Some(Addr { six: false, bits });
        }
        text.parse::<Ipv6Addr>().ok().map(|a| Addr { six: true, bits: u128::from(a) })
    }

    /// The address as the engine takes it.
    pub(crate) fn ip(self) -> IpAddr {
        if self.six {
            IpAddr::V6(Ipv6Addr::from(self.bits))
        } else {
            IpAddr::V4(Ipv4Addr::from(u32::try_from(self.bits).unwrap_or(u32::MAX)))
        }
    }

    /// The address a few steps away, inside its family.
    pub(crate) fn step(self, by: i32) -> Addr {
        let top = host_mask(self.six, 0);
        let moved = if by < 0 {
            self.bits.saturating_sub(u128::from(by.unsigned_abs()))
        } else {
            self.bits.saturating_add(u128::from(by.unsigned_abs()))
        };
        Addr { six: self.six, bits: moved.min(top) }
    }
}

impl fmt::Display for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.ip())
    }
}

impl Prefix {
    /// Reads `a.b.c.d`, `a.b.c.d/n`, the IPv6 forms, or a bare number (one IPv4 address, semantics.md 9b.8). Host bits
    /// are cleared: in an export such a prefix is read as its network (1.2).
    pub(crate) fn parse(text: &str) -> Option<Prefix> {
        let text = text.trim();
        if !text.is_empty() && text.len() <= 10 && text.bytes().all(|b| b.is_ascii_digit()) {
            let number: u32 = text.parse().ok()?;
            return Some(Prefix { six: false, bits: u128::from(number), len: 32 });
        }
        let (address, len) = match text.split_once('/') {
            None => (Addr::parse(text)?, None),
            Some((address, len)) => {
                if len.is_empty() || len.len() > 3 || !len.bytes().all(|b| b.is_ascii_digit()) {
                    return None;
                }
                (Addr::parse(address)?, Some(len.parse::<u32>().ok()?))
            }
        };
        let len = len.unwrap_or(width(address.six));
        if len > width(address.six) {
            return None;
        }
        Some(Prefix { six: address.six, bits: address.bits & !host_mask(address.six, len), len })
    }

    /// A prefix that is written in this source.
    pub(crate) fn known(text: &str) -> Prefix {
        Prefix::parse(text).expect("a literal prefix")
    }

    /// Is the address in it?
    pub(crate) fn holds(&self, address: Addr) -> bool {
        self.six == address.six && address.bits & !host_mask(self.six, self.len) == self.bits
    }

    /// Is the other prefix equal to it or inside it?
    pub(crate) fn covers(&self, other: &Prefix) -> bool {
        self.len <= other.len && self.holds(other.first())
    }

    /// First address.
    pub(crate) fn first(&self) -> Addr {
        Addr { six: self.six, bits: self.bits }
    }

    /// Last address.
    pub(crate) fn last(&self) -> Addr {
        Addr { six: self.six, bits: self.bits | host_mask(self.six, self.len) }
    }

    /// Addresses that Azure gives out: without the first four and the last (semantics.md 8 item 1).
    pub(crate) fn usable(&self) -> Vec<Addr> {
        let (first, last) = (self.first().bits, self.last().bits);
        let low = first.saturating_add(4);
        assert!(last - first <= 4096, "the model walks every address: {self} is too wide");
        (low..last).map(|bits| Addr { six: self.six, bits }).collect()
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first(), self.len)
    }
}

/// Is the address in any of the prefixes?
pub(crate) fn within(address: Addr, prefixes: &[Prefix]) -> bool {
    prefixes.iter().any(|prefix| prefix.holds(address))
}
