//! Which rule of an NSG decides which part of some traffic, over exact sets of addresses, ports and protocols.
//!
//! This is no finding of its own: the checks of gateway subnets are built on it. Traffic is a box, one set for each
//! dimension. Rules are walked by priority (semantics.md 1.4); each takes out of what is left the part that it
//! matches, and what is left after a rule is cut into boxes again, so that no port and no address is ever sampled.
//!
//! A rule that cannot be read is judged twice: once as if it matched all that it may match, once only what it
//! certainly matches. Both walks agree, or the outcome is not known.

use crate::compile::filter::{AddressMatcher, Filter, PortMatcher, Rule};
use crate::compile::{Network, SubnetNode};
use crate::model::{Access, AddressTerm, Direction, RuleProtocol};
use crate::net::{AddressSet, PortSet, Protocol, RangeSet};
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr};

/// Every combination of the members of its dimensions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Traffic {
    /// IP protocol numbers.
    pub(super) protocols: RangeSet<u16>,
    pub(super) sources: AddressSet,
    pub(super) destinations: AddressSet,
    pub(super) source_ports: PortSet,
    pub(super) ports: PortSet,
}

impl Traffic {
    fn is_empty(&self) -> bool {
        self.protocols.is_empty()
            || self.sources.is_empty()
            || self.destinations.is_empty()
            || self.source_ports.is_empty()
            || self.ports.is_empty()
    }

    /// What belongs to both, where anything does.
    pub(super) fn common(&self, other: &Traffic) -> Option<Traffic> {
        let both = Traffic {
            protocols: self.protocols.intersection(&other.protocols),
            sources: self.sources.intersection(&other.sources),
            destinations: self.destinations.intersection(&other.destinations),
            source_ports: self.source_ports.intersection(&other.source_ports),
            ports: self.ports.intersection(&other.ports),
        };
        (!both.is_empty()).then_some(both)
    }

    /// Adds what is left of `self` without `common`, a part of it, to `out`: for each dimension the members outside of
    /// the part, within the part on the dimensions before.
    fn without(self, common: &Traffic, out: &mut Vec<Traffic>) {
        let mut rest = self;
        let mut keep = |piece: Traffic| out.extend((!piece.is_empty()).then_some(piece));
        keep(Traffic { protocols: rest.protocols.difference(&common.protocols), ..rest.clone() });
        rest.protocols = common.protocols.clone();
        keep(Traffic { sources: rest.sources.difference(&common.sources), ..rest.clone() });
        rest.sources = common.sources.clone();
        keep(Traffic { destinations: rest.destinations.difference(&common.destinations), ..rest.clone() });
        rest.destinations = common.destinations.clone();
        keep(Traffic { source_ports: rest.source_ports.difference(&common.source_ports), ..rest.clone() });
        rest.source_ports = common.source_ports.clone();
        keep(Traffic { ports: rest.ports.difference(&common.ports), ..rest });
    }
}

/// Which way what cannot be read is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lean {
    /// As far as possible for the traffic.
    Open,
    /// As far as possible against it.
    Closed,
}

/// Who sends the traffic, where that is no plain set of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sender {
    /// Addresses as they are.
    Plain,
    /// Azure's management of gateways. Its addresses are not needed: whether a rule means them is told by its source
    /// ([`names_manager`]), and [`MANAGER`] stands for all of them.
    Manager,
    /// The platform's probes. The tag Internet was recorded to hold their address (semantics.md 1.8), but that a rule
    /// on Internet stops them was not: it is taken as possible only.
    Probes,
}

/// Stands for every address of `GatewayManager`.
pub(super) const MANAGER: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// A rule that decided a part of the traffic.
#[derive(Debug)]
pub(super) struct Decided<'a, 's> {
    pub(super) rule: &'a Rule<'s>,
    pub(super) allows: bool,
    /// What it decided.
    pub(super) parts: Vec<Traffic>,
}

impl Decided<'_, '_> {
    /// Destination ports of what it decided.
    pub(super) fn ports(&self) -> PortSet {
        self.parts.iter().flat_map(|part| part.ports.ranges().iter().copied()).collect()
    }
}

/// An NSG as it stands in front of a subnet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gate<'n, 's> {
    pub(super) network: &'n Network<'s>,
    pub(super) node: &'n SubnetNode<'s>,
    pub(super) filter: &'n Filter<'s>,
    pub(super) direction: Direction,
    pub(super) sender: Sender,
}

impl<'n, 's> Gate<'n, 's> {
    /// The rules that decide the traffic, in the order in which they do.
    pub(super) fn decide(&self, traffic: &Traffic, lean: Lean) -> Vec<Decided<'n, 's>> {
        let mut left = vec![traffic.clone()];
        let mut out = Vec::new();
        for rule in self.rules(lean) {
            let allows = rule.access.map_or(lean == Lean::Open, |access| access == Access::Allow);
            let shape = self.shape(rule, allows == (lean == Lean::Open));
            let (mut parts, mut rest) = (Vec::new(), Vec::new());
            for piece in left {
                match piece.common(&shape) {
                    None => rest.push(piece),
                    Some(common) => {
                        piece.without(&common, &mut rest);
                        parts.push(common);
                    }
                }
            }
            left = rest;
            if !parts.is_empty() {
                out.push(Decided { rule, allows, parts });
            }
            if left.is_empty() {
                break;
            }
        }
        out
    }

    /// Rules by priority. A rule without a place in the order comes first where that helps the lean, else never.
    fn rules(&self, lean: Lean) -> impl Iterator<Item = &'n Rule<'s>> {
        let (filter, direction) = (self.filter, self.direction);
        let opposite = if lean == Lean::Open { Access::Deny } else { Access::Allow };
        let unplaced = filter.unplaced.iter();
        unplaced
            .filter(move |rule| rule.access != Some(opposite) && rule.direction.is_none_or(|own| own == direction))
            .chain(filter.rules(direction))
    }

    /// The first rule that could not be read and may match some of the traffic.
    pub(super) fn open_question(&self, traffic: &Traffic) -> Option<&'n Rule<'s>> {
        let filter = self.filter;
        let unplaced = filter.unplaced.iter().filter(|rule| rule.direction.is_none_or(|own| own == self.direction));
        let placed = filter.rules(self.direction).iter();
        unplaced.map(|rule| (rule, false)).chain(placed.map(|rule| (rule, true))).find_map(|(rule, placed)| {
            let possible = self.shape(rule, true).common(traffic)?;
            let clear = placed && rule.access.is_some() && self.shape(rule, false).common(traffic) == Some(possible);
            (!clear).then_some(rule)
        })
    }

    /// What a rule matches: all that it may (`generous`), or only what it certainly does.
    fn shape(&self, rule: &Rule<'s>, generous: bool) -> Traffic {
        let ports = |matcher: &PortMatcher| {
            if generous && matcher.unreadable { PortSet::full() } else { matcher.ports.clone() }
        };
        Traffic {
            protocols: match rule.protocol {
                Some(protocol) => protocol_numbers(protocol),
                None if generous => RangeSet::full(),
                None => RangeSet::default(),
            },
            sources: match self.sender {
                Sender::Manager if names_manager(self.network, self.node, rule, generous) => AddressSet::any(),
                Sender::Manager => AddressSet::default(),
                Sender::Plain => self.addresses(&rule.source, generous, true),
                Sender::Probes => self.addresses(&rule.source, generous, generous),
            },
            destinations: self.addresses(&rule.destination, generous, true),
            source_ports: ports(&rule.source_ports),
            ports: ports(&rule.destination_ports),
        }
    }

    /// Addresses of one side as the subnet's NSG sees them (semantics.md 1.8). Application security groups add nothing:
    /// gateway instances are never members (semantics.md 1.9). A tag without data adds nothing either: whatever it
    /// holds, it is neither an instance nor the platform's address, and not the whole Internet.
    pub(super) fn addresses(&self, side: &AddressMatcher<'_>, generous: bool, internet: bool) -> AddressSet {
        if generous && !side.unreadable.is_empty() {
            return AddressSet::any();
        }
        let mut out = side.fixed.clone();
        if side.virtual_network {
            out = out.union(&self.node.vnet_tag);
        }
        if side.internet && internet {
            out = out.union(&self.node.internet);
        }
        out
    }
}

/// Is the source of a rule one that holds `GatewayManager`? `*`, all of IPv4, the tag itself (a regional form of it was
/// reported to work, health.md case 6), Internet and `AzureCloud`, which hold every public address of Azure
/// (semantics.md 1.8), or prefixes that hold all of the tag's addresses where the input has them. Generously also what
/// cannot be read, and `VirtualNetwork` of a rule that denies where a 0.0.0.0/0 route makes it hold everything; that
/// Azure takes such a rule for a permit of its management is not known.
fn names_manager(network: &Network<'_>, node: &SubnetNode<'_>, rule: &Rule<'_>, generous: bool) -> bool {
    let tag = |term: &AddressTerm| match term {
        AddressTerm::Tag(tag) => {
            let lower = tag.to_ascii_lowercase();
            matches!(lower.as_str(), "gatewaymanager" | "azurecloud") || lower.starts_with("gatewaymanager.")
        }
        AddressTerm::Any | AddressTerm::Prefix(_) | AddressTerm::Invalid(_) => false,
    };
    let data = network.snapshot.service_tags.as_ref().and_then(|data| data.tags.get("gatewaymanager"));
    let listed = data.is_some_and(|data| !data.v4.is_empty() && data.v4.is_subset(&rule.source.fixed.v4));
    let inflated = rule.source.virtual_network && node.inflated && rule.access != Some(Access::Allow);
    rule.source.fixed.v4.is_full()
        || rule.source.internet
        || listed
        || rule.configured.is_some_and(|rule| rule.source.terms().any(|term| tag(&term.value)))
        || generous && (!rule.source.unreadable.is_empty() || inflated)
}

/// IP protocol numbers of a rule's protocol field.
fn protocol_numbers(protocol: RuleProtocol) -> RangeSet<u16> {
    match protocol {
        RuleProtocol::Any => RangeSet::full(),
        RuleProtocol::Only(one) => numbers(&[one]),
    }
}

/// IP protocol numbers.
pub(super) fn numbers(protocols: &[Protocol]) -> RangeSet<u16> {
    let number = |protocol: &Protocol| match protocol {
        Protocol::Icmp => 1,
        Protocol::Tcp => 6,
        Protocol::Udp => 17,
        Protocol::Esp => 50,
        Protocol::Ah => 51,
    };
    protocols.iter().map(|protocol| (number(protocol), number(protocol))).collect()
}

/// One address as a set.
pub(super) fn only(address: IpAddr) -> AddressSet {
    std::iter::once(IpNet::from(address)).collect()
}

/// Ports in words: `65200-65502, 65535`.
pub(super) fn port_words(ports: &PortSet) -> String {
    let word = |(low, high): &(u16, u16)| {
        if low == high { low.to_string() } else { format!("{low}-{high}") }
    };
    ports.ranges().iter().map(word).collect::<Vec<_>>().join(", ")
}
