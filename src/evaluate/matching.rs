//! Does a rule match a flow? (semantics.md 1.3, 1.4, 1.8, 1.9)

use super::context::{Context, Fact, RuleKey, Walked};
use crate::compile::filter::{AddressMatcher, EMPTY_SIDE, PortMatcher, Rule};
use crate::compile::network::is_platform_subnet;
use crate::compile::{Lookup, SubnetNode, tags};
use crate::diagnostic::code;
use crate::model::{ResourceId, UserRoute};
use crate::net::Flow;
use std::net::IpAddr;

/// What is known of one dimension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// It matches.
    Yes,
    /// It does not.
    No,
    /// It depends on a missing fact.
    Open,
}

/// How a rule compares with a flow, dimension by dimension (the five flags of semantics.md 6.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Match {
    /// Protocol.
    pub protocol: Known,
    /// Source address.
    pub source: Known,
    /// Source port.
    pub source_port: Known,
    /// Destination address.
    pub destination: Known,
    /// Destination port.
    pub destination_port: Known,
}

impl Match {
    /// Some dimension certainly does not match.
    pub fn excluded(&self) -> bool {
        [self.protocol, self.source, self.source_port, self.destination, self.destination_port].contains(&Known::No)
    }
}

/// Compares without asking for anything.
pub fn compare(context: &mut Context<'_, '_>, rule: &Rule<'_>, flow: &Flow, subnet: usize) -> Match {
    let (ported, any_source_port) = (flow.protocol.has_ports(), context.any_source_port);
    let port = |matcher: &PortMatcher, port: u16| match () {
        () if ported && matcher.ports.contains(port) => Known::Yes,
        () if !ported && matcher.ports.is_full() => Known::Yes,
        () if !ported || matcher.unreadable => Known::Open,
        () => Known::No,
    };
    let protocol = match rule.protocol {
        None => Known::Open,
        Some(protocol) if protocol.includes(flow.protocol) => Known::Yes,
        Some(_) => Known::No,
    };
    Match {
        protocol,
        source_port: if any_source_port { Known::Yes } else { port(&rule.source_ports, flow.source_port) },
        destination_port: port(&rule.destination_ports, flow.destination_port),
        source: address(context, &rule.source, flow.source, subnet),
        destination: address(context, &rule.destination, flow.destination, subnet),
    }
}

/// Does the rule match? Cheap dimensions first; missing facts are asked for only where everything else matches.
pub fn rule_matches<'n>(
    context: &mut Context<'_, 'n>,
    rule: &Rule<'n>,
    key: RuleKey,
    flow: &Flow,
    subnet: usize,
) -> Walked<'n, bool> {
    if rule.protocol.is_some_and(|protocol| !protocol.includes(flow.protocol)) {
        return Ok(false);
    }
    if flow.protocol.has_ports()
        && (!rule.destination_ports.ports.contains(flow.destination_port) && !rule.destination_ports.unreadable
            || !context.any_source_port
                && !rule.source_ports.ports.contains(flow.source_port)
                && !rule.source_ports.unreadable)
    {
        return Ok(false);
    }
    let found = compare(context, rule, flow, subnet);
    if found.excluded() {
        return Ok(false);
    }
    if found.protocol == Known::Open {
        context.note(&code::INVALID_VALUE_JUDGED, rule.name);
        if !context.ask(Fact::RuleProtocol(key))? {
            return Ok(false);
        }
    }
    if (found.source_port == Known::Open || found.destination_port == Known::Open)
        && !ports_open(context, rule, key, flow)?
    {
        return Ok(false);
    }
    for (side, known, at) in
        [(&rule.source, found.source, flow.source), (&rule.destination, found.destination, flow.destination)]
    {
        if known == Known::Open && !address_open(context, side, key, at, subnet)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn ports_open<'n>(context: &mut Context<'_, 'n>, rule: &Rule<'n>, key: RuleKey, flow: &Flow) -> Walked<'n, bool> {
    if flow.protocol.has_ports() {
        context.note(&code::INVALID_VALUE_JUDGED, rule.name);
        context.ask(Fact::Ports(key))
    } else {
        context.note(&code::ICMP_PORT, rule.name);
        context.ask(Fact::PortFilter(key))
    }
}

/// Is the address on this side of the rule?
pub(super) fn address(
    context: &mut Context<'_, '_>,
    side: &AddressMatcher<'_>,
    address: IpAddr,
    subnet: usize,
) -> Known {
    let network = context.network;
    if side.fixed.contains(address) {
        return Known::Yes;
    }
    if let Some(node) = network.subnet(subnet).filter(|_| side.virtual_network || side.internet) {
        if side.virtual_network {
            if in_virtual_network(context, node, address) {
                if node.inflated {
                    context.note(&code::INFLATED_TAG, &node.subnet.name);
                }
                return Known::Yes;
            }
            if node.closed_peers.contains(address) {
                context.note(&code::PEERING_ACCESS, &node.subnet.name);
            }
        }
        if side.internet && node.internet.contains(address) {
            if tags::varies(address) {
                context.note(&code::INTERNET_VARIES, &address.to_string());
            }
            return Known::Yes;
        }
    }
    let groups = !side.groups.is_empty();
    let in_group = groups && group_hit(context, &side.groups, address, subnet);
    if in_group && !has_empty_group(context, &side.groups) {
        return Known::Yes;
    }
    let open_tag = side.virtual_network && network.subnet(subnet).is_some_and(|node| !node.open_prefixes.is_empty());
    let unseen = groups && !in_group && unseen_member(context, address, subnet);
    let open_group = !side.missing_groups.is_empty() || !side.unknown_tags.is_empty() || !side.unreadable.is_empty();
    let open = in_group || unseen || open_tag || open_group;
    if open { Known::Open } else { Known::No }
}

/// Asks for the facts that leave a side open, in the order of its elements.
pub(super) fn address_open<'n>(
    context: &mut Context<'_, 'n>,
    side: &AddressMatcher<'n>,
    key: RuleKey,
    address: IpAddr,
    subnet: usize,
) -> Walked<'n, bool> {
    if let Some(node) = context.network.subnet(subnet).filter(|_| side.virtual_network) {
        for what in &node.open_prefixes {
            context.note(&code::OPEN_PREFIXES, what);
            if context.ask(Fact::OpenPrefix(what.to_ascii_lowercase(), address))? {
                return Ok(true);
            }
        }
    }
    for tag in &side.unknown_tags {
        context.note(&code::UNKNOWN_TAG, tag);
        if context.ask(Fact::Tag(tag.to_ascii_lowercase(), address))? {
            return Ok(true);
        }
    }
    for group in &side.missing_groups {
        context.note(&code::IP_GROUP_MISSING, group.as_str());
        if context.ask(Fact::GroupMember((*group).clone(), address))? {
            return Ok(true);
        }
    }
    for text in &side.unreadable {
        let shown = if *text == EMPTY_SIDE { context.here.rule.unwrap_or(EMPTY_SIDE) } else { text };
        context.note(&code::INVALID_VALUE_JUDGED, shown);
        if context.ask(Fact::Unreadable((*text).to_owned(), address))? {
            return Ok(true);
        }
    }
    if side.groups.is_empty() {
        return Ok(false);
    }
    if group_hit(context, &side.groups, address, subnet) {
        context.note(&code::EMPTY_ASG, context.here.rule.unwrap_or_default());
        return context.ask(Fact::EmptyGroup(key));
    }
    if unseen_member(context, address, subnet) {
        context.note(&code::NO_NIC, &address.to_string());
        return context.ask(Fact::UnseenMember(key, address));
    }
    Ok(false)
}

/// Is there a server with this address whose NIC was not exported? Its groups are then not known either. An address that
/// no pool names is taken as having no NIC at all, as far as groups are concerned.
fn unseen_member(context: &Context<'_, '_>, address: IpAddr, subnet: usize) -> bool {
    let network = context.network;
    if network.assumptions.no_unseen_nics
        || !network.pool_addresses.contains(&address)
        || Some(address) == context.model_address
    {
        return false;
    }
    let Some(node) = network.subnet(subnet) else { return false };
    let peers = node.peers.iter().filter_map(|peer| peer.remote);
    let mut vnets = std::iter::once(node.vnet).chain(peers);
    let Some(own) = vnets.find_map(|vnet| network.subnet_of(address, Some(vnet))) else { return false };
    let customer = network.subnet(own).is_some_and(|s| s.gateways.is_empty() && !is_platform_subnet(&s.subnet.name));
    customer && network.endpoint_at(address, own).is_none()
}

/// VirtualNetwork without the prefixes of routes that are taken away.
fn in_virtual_network(context: &Context<'_, '_>, node: &SubnetNode<'_>, address: IpAddr) -> bool {
    let gone = &context.removed.routes;
    let Lookup::Found(table) = node.table else { return node.vnet_tag.contains(address) };
    if gone.is_empty() || !node.vnet_tag.contains(address) || node.unrouted_tag.contains(address) {
        return node.vnet_tag.contains(address);
    }
    let name = context.network.name(&table.id);
    let kept = |route: &&UserRoute| !gone.iter().any(|(table, route_name)| *table == name && *route_name == route.name);
    table.routes.iter().filter(kept).filter_map(tags::merged).any(|net| net.contains(&address))
}

/// Is the address a member of one of the groups, in the own virtual network or a peered one?
fn group_hit(context: &Context<'_, '_>, groups: &[&ResourceId], address: IpAddr, subnet: usize) -> bool {
    let network = context.network;
    let Some(node) = network.subnet(subnet) else { return false };
    if Some(address) == context.model_address && groups.iter().any(|group| context.destination_groups.contains(group)) {
        return true;
    }
    groups.iter().filter_map(|group| network.group_members.get(*group)).any(|members| {
        members.contains(&(address, Some(node.vnet)))
            || members.contains(&(address, None))
            || node.peers.iter().any(|peer| peer.remote.is_some() && members.contains(&(address, peer.remote)))
    })
}

/// An empty group beside others was reported to disable the whole rule (semantics.md 1.9).
fn has_empty_group(context: &Context<'_, '_>, groups: &[&ResourceId]) -> bool {
    groups.len() > 1
        && groups.iter().any(|group| context.network.group_members.get(*group).is_none_or(|members| members.is_empty()))
}
