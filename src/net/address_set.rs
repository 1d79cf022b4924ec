//! Sets of IPv4 and IPv6 addresses.

use super::RangeSet;
use ipnet::{IpNet, Ipv4Net, Ipv4Subnets, Ipv6Net, Ipv6Subnets};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A set of IP addresses: IPv4 as 32-bit and IPv6 as 128-bit ranges, never mixed (an IPv4 prefix holds no
/// IPv4-mapped IPv6 address).
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct AddressSet {
    /// The IPv4 members, as host-order integers.
    pub v4: RangeSet<u32>,
    /// The IPv6 members, as host-order integers.
    pub v6: RangeSet<u128>,
}

impl FromIterator<IpNet> for AddressSet {
    fn from_iter<I: IntoIterator<Item = IpNet>>(iter: I) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for net in iter {
            match net {
                IpNet::V4(net) => v4.push((net.network().to_bits(), net.broadcast().to_bits())),
                IpNet::V6(net) => v6.push((net.network().to_bits(), net.broadcast().to_bits())),
            }
        }
        AddressSet { v4: v4.into_iter().collect(), v6: v6.into_iter().collect() }
    }
}

impl FromIterator<IpAddr> for AddressSet {
    fn from_iter<I: IntoIterator<Item = IpAddr>>(iter: I) -> Self {
        iter.into_iter().map(IpNet::from).collect()
    }
}

impl AddressSet {
    /// Every IPv4 and every IPv6 address: what `*` means (semantics.md 1.2, 9b.3).
    pub fn any() -> Self {
        AddressSet { v4: RangeSet::full(), v6: RangeSet::full() }
    }

    /// Every address from `low` to `high`, both included; empty where the families differ or the order is reversed.
    pub fn span(low: IpAddr, high: IpAddr) -> Self {
        let mut out = AddressSet::default();
        match (low, high) {
            (IpAddr::V4(low), IpAddr::V4(high)) if low <= high => {
                out.v4 = RangeSet::range(low.to_bits(), high.to_bits());
            }
            (IpAddr::V6(low), IpAddr::V6(high)) if low <= high => {
                out.v6 = RangeSet::range(low.to_bits(), high.to_bits());
            }
            _ => {}
        }
        out
    }

    /// Is the address a member?
    pub fn contains(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(a) => self.v4.contains(a.to_bits()),
            IpAddr::V6(a) => self.v6.contains(a.to_bits()),
        }
    }

    /// Does the set hold nothing?
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    /// How many addresses, saturating at `u128::MAX`.
    pub fn count(&self) -> u128 {
        self.v4.count().saturating_add(self.v6.count())
    }

    /// Members of either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        AddressSet { v4: self.v4.union(&other.v4), v6: self.v6.union(&other.v6) }
    }

    /// Members of both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        AddressSet { v4: self.v4.intersection(&other.v4), v6: self.v6.intersection(&other.v6) }
    }

    /// Members of `self` that are not members of `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        AddressSet { v4: self.v4.difference(&other.v4), v6: self.v6.difference(&other.v6) }
    }

    /// Is every member of `self` also in `other`?
    pub fn is_subset(&self, other: &Self) -> bool {
        self.v4.is_subset(&other.v4) && self.v6.is_subset(&other.v6)
    }

    /// Inclusive ranges `(first, last)`, IPv4 before IPv6, ascending.
    pub fn ranges(&self) -> impl Iterator<Item = (IpAddr, IpAddr)> + '_ {
        let v4 = self
            .v4
            .ranges()
            .iter()
            .map(|(low, high)| (IpAddr::V4(Ipv4Addr::from_bits(*low)), IpAddr::V4(Ipv4Addr::from_bits(*high))));
        let v6 = self
            .v6
            .ranges()
            .iter()
            .map(|(low, high)| (IpAddr::V6(Ipv6Addr::from_bits(*low)), IpAddr::V6(Ipv6Addr::from_bits(*high))));
        v4.chain(v6)
    }

    /// The fewest CIDR prefixes that hold exactly this set, ascending, IPv4 first.
    pub fn cidrs(&self) -> Vec<IpNet> {
        let mut out = Vec::new();
        for (low, high) in self.v4.ranges() {
            let subnets = Ipv4Subnets::new(Ipv4Addr::from_bits(*low), Ipv4Addr::from_bits(*high), 0);
            out.extend(subnets.map(|net: Ipv4Net| IpNet::V4(net)));
        }
        for (low, high) in self.v6.ranges() {
            let subnets = Ipv6Subnets::new(Ipv6Addr::from_bits(*low), Ipv6Addr::from_bits(*high), 0);
            out.extend(subnets.map(|net: Ipv6Net| IpNet::V6(net)));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nets(texts: &[&str]) -> AddressSet {
        texts.iter().filter_map(|t| t.parse::<IpNet>().ok()).collect()
    }

    #[test]
    fn cidrs_are_minimal_and_exact() {
        let set = nets(&["10.0.0.0/25", "10.0.0.128/25", "fd00::/65", "fd00:0:0:0:8000::/65"]);
        assert_eq!(set.cidrs().iter().map(ToString::to_string).collect::<Vec<_>>(), ["10.0.0.0/24", "fd00::/64"]);
        let rest = nets(&["10.0.0.0/24"]).difference(&nets(&["10.0.0.0/30", "10.0.0.255/32"]));
        assert_eq!(rest.count(), 251);
        let cidrs: Vec<String> = rest.cidrs().iter().map(ToString::to_string).collect();
        assert_eq!(cidrs.first().map(String::as_str), Some("10.0.0.4/30"));
        assert_eq!(rest.cidrs().into_iter().collect::<AddressSet>(), rest);
    }

    #[test]
    fn families_do_not_mix() {
        let any4 = nets(&["0.0.0.0/0"]);
        assert!(
            any4.v4.is_full() && !any4.contains("::ffff:10.0.0.1".parse().unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED)))
        );
        assert!(AddressSet::any().contains(IpAddr::V6(Ipv6Addr::LOCALHOST)));
    }

    #[test]
    fn the_last_address_of_all_is_a_member() {
        assert!(nets(&["255.255.255.255/32"]).contains(IpAddr::V4(Ipv4Addr::BROADCAST)));
        assert_eq!(nets(&["::/0"]).count(), u128::MAX);
    }
}
