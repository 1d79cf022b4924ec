//! Cut points: where a set of addresses or ports can change its fate.
//!
//! Every test of an address in the evaluation asks whether it lies in some set that the input names. Between two
//! neighbouring boundaries of all these sets the answers are the same, so one address stands for the whole piece.

use super::filter::{AddressMatcher, PortMatcher, Rule};
use super::network::Network;
use crate::net::{AddressSet, EPHEMERAL, Point, RangeSet};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Which side of a rule an address is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Source of the flow.
    Source,
    /// Destination of the flow.
    Destination,
}

/// Boundaries of all sets that addresses of one side are compared with.
#[derive(Debug, Default, Clone)]
pub struct Cuts {
    v4: BTreeSet<u32>,
    v6: BTreeSet<u128>,
    /// Boundaries of source ports inside the ephemeral range.
    pub ports: BTreeSet<u16>,
}

impl Cuts {
    /// Collects the boundaries of a network.
    pub fn of(network: &Network<'_>, side: Side) -> Self {
        let mut cuts = Cuts::default();
        for filter in &network.filters {
            for rule in filter.inbound.iter().chain(&filter.outbound).chain(&filter.unplaced) {
                cuts.add_rule(rule, side);
            }
        }
        for admin in &network.admin.rules {
            cuts.add_rule(&admin.rule, side);
        }
        for rule in network.firewalls.iter().flat_map(|firewall| &firewall.rules) {
            cuts.add_side(&rule.source, &rule.destination, side);
        }
        for node in &network.subnets {
            cuts.add_set(&node.vnet_tag);
            cuts.add_set(&node.closed_peers);
            cuts.add_set(&node.internet);
            for prefix in node.routes.routes.iter().filter_map(|route| route.prefix) {
                cuts.add_set(&std::iter::once(prefix).collect());
            }
            for members in node.routes.tag_routes.iter().filter_map(|tag| tag.members.as_ref()) {
                cuts.add_set(&members.iter().copied().collect());
            }
            cuts.add_set(&node.prefixes.iter().copied().collect());
        }
        for vnet in &network.vnets {
            cuts.add_set(&vnet.prefixes.iter().copied().collect());
        }
        for end in &network.endpoints {
            cuts.add_set(&std::iter::once(end.address).collect());
        }
        cuts
    }

    fn add_rule(&mut self, rule: &Rule<'_>, side: Side) {
        self.add_side(&rule.source, &rule.destination, side);
        self.add_ports(&rule.source_ports);
    }

    fn add_side(&mut self, source: &AddressMatcher<'_>, destination: &AddressMatcher<'_>, side: Side) {
        self.add_set(match side {
            Side::Source => &source.fixed,
            Side::Destination => &destination.fixed,
        });
    }

    fn add_ports(&mut self, matcher: &PortMatcher) {
        let (low, high) = EPHEMERAL;
        for (from, to) in matcher.ports.ranges() {
            self.ports.extend(Some(*from).filter(|port| (low..=high).contains(port)));
            self.ports.extend(to.next().filter(|port| (low..=high).contains(port)));
        }
    }

    fn add_set(&mut self, set: &AddressSet) {
        for (low, high) in set.v4.ranges() {
            self.v4.insert(*low);
            self.v4.extend(high.next());
        }
        for (low, high) in set.v6.ranges() {
            self.v6.insert(*low);
            self.v6.extend(high.next());
        }
    }

    /// The pieces of a set with one address for each, ascending, IPv4 first.
    pub fn representatives(&self, set: &AddressSet) -> Vec<(IpAddr, AddressSet)> {
        let mut out = Vec::new();
        for (low, high) in set.v4.split(&self.v4) {
            let piece = AddressSet { v4: RangeSet::range(low, high), v6: RangeSet::default() };
            out.push((IpAddr::V4(Ipv4Addr::from_bits(low)), piece));
        }
        for (low, high) in set.v6.split(&self.v6) {
            let piece = AddressSet { v4: RangeSet::default(), v6: RangeSet::range(low, high) };
            out.push((IpAddr::V6(Ipv6Addr::from_bits(low)), piece));
        }
        out
    }

    /// One port for each piece of the ephemeral range.
    pub fn ephemeral_ports(&self) -> Vec<u16> {
        let pieces = RangeSet::range(EPHEMERAL.0, EPHEMERAL.1).split(&self.ports);
        pieces.into_iter().map(|(low, _)| low).collect()
    }
}
