//! Peerings as seen from one subnet, and the prefixes that gateways bring in (semantics.md 3.5, 3.2).

use super::listed;
use super::network::{Lookup, Network, SubnetNode};
use crate::diagnostic::Span;
use crate::model::{ConnectivityConfiguration, Peering, ResourceId, VirtualNetworkGateway};
use ipnet::IpNet;

/// What connects two virtual networks.
#[derive(Debug, Clone, Copy)]
pub enum Link<'s> {
    /// A peering: the own side of it.
    Peering(&'s Peering),
    /// Membership of one connected group of a network manager: no peering is to be seen (semantics.md 3.5).
    ConnectedGroup(&'s ConnectivityConfiguration),
}

/// A usable connection to another virtual network: both sides of the peering are connected.
#[derive(Debug, Clone)]
pub struct Peer<'s> {
    /// What connects.
    pub link: Link<'s>,
    /// The remote virtual network, where the input holds it.
    pub remote: Option<usize>,
    /// Prefixes that the peering brings.
    pub prefixes: Vec<IpNet>,
}

impl<'s> Peer<'s> {
    /// Name of the peering or connectivity configuration.
    pub fn name(&self) -> &'s str {
        match self.link {
            Link::Peering(peering) => &peering.name,
            Link::ConnectedGroup(configuration) => &configuration.name,
        }
    }

    /// Id of the other virtual network, as the peering names it.
    pub fn remote_id(&self) -> Option<&'s ResourceId> {
        match self.link {
            Link::Peering(peering) => peering.remote.as_ref(),
            Link::ConnectedGroup(_) => None,
        }
    }

    /// `allowVirtualNetworkAccess` of the own side.
    pub fn allows_access(&self) -> bool {
        match self.link {
            Link::Peering(peering) => peering.allow_virtual_network_access,
            Link::ConnectedGroup(_) => true,
        }
    }

    /// Where that flag stands.
    pub fn access_span(&self) -> Option<Span> {
        match self.link {
            Link::Peering(peering) => peering.access_span,
            Link::ConnectedGroup(_) => None,
        }
    }

    /// `useRemoteGateways` of the own side.
    pub fn uses_remote_gateways(&self) -> bool {
        match self.link {
            Link::Peering(peering) => peering.use_remote_gateways,
            Link::ConnectedGroup(_) => false,
        }
    }
}

/// The usable peers of a subnet: as configured, or as its effective routes in the input say.
pub(crate) fn usable<'s>(network: &Network<'s>, subnet: usize) -> Vec<Peer<'s>> {
    let mut out = configured(network, subnet);
    if let Some(list) = network.subnet(subnet).and_then(|node| listed::of(network, &node.subnet.id)) {
        listed::narrow(list, &mut out);
    }
    out
}

/// The usable peerings of a subnet, then connected groups. The other side is looked at where the input holds it; a remote network without a
/// peering back counts as not connected.
pub(crate) fn configured<'s>(network: &Network<'s>, subnet: usize) -> Vec<Peer<'s>> {
    let Some(node) = network.subnet(subnet) else { return Vec::new() };
    let Some(vnet) = network.vnet(node.vnet) else { return Vec::new() };
    let own_name = node.subnet.name.to_ascii_lowercase();
    let mut out = Vec::new();
    for peering in &vnet.vnet.peerings {
        let remote = peering.remote.as_ref().and_then(|id| network.vnet_by_id(id));
        let back_connected =
            remote.is_none_or(|remote| network.reverse_peering(node.vnet, remote).is_some_and(Peering::is_connected));
        if !peering.is_connected() || !back_connected {
            continue;
        }
        let mut prefixes = peering.remote_address_space.clone();
        let remote_node = remote.and_then(|index| network.vnet(index));
        if prefixes.is_empty() {
            prefixes = remote_node.map(|node| node.prefixes.clone()).unwrap_or_default();
        }
        if prefixes.is_empty() {
            prefixes.clone_from(&peering.remote_virtual_network_address_space);
        }
        if !peering.complete_vnets {
            if !peering.local_subnets.is_empty() && !peering.local_subnets.contains(&own_name) {
                continue;
            }
            if !peering.remote_subnets.is_empty() {
                // Those of subnets that are not in the input may lie anywhere in the remote network's space.
                let named = |name: &str| peering.remote_subnets.contains(&name.to_ascii_lowercase());
                let subnets = remote_node.into_iter().flat_map(|remote| &remote.subnets);
                let subnets = subnets.filter_map(|index| network.subnet(*index));
                prefixes = subnets.filter(|s| named(&s.subnet.name)).flat_map(|s| s.prefixes.iter().copied()).collect();
            }
        }
        prefixes.retain(|prefix| !peering.only_ipv6 || prefix.addr().is_ipv6());
        out.push(Peer { link: Link::Peering(peering), remote, prefixes });
    }
    for connected in &network.connected {
        if !connected.vnets.contains(&node.vnet) {
            continue;
        }
        for other in connected.vnets.iter().filter(|other| **other != node.vnet) {
            if !out.iter().any(|peer| peer.remote == Some(*other)) {
                let prefixes = network.vnet(*other).map(|vnet| vnet.prefixes.clone()).unwrap_or_default();
                out.push(Peer { link: Link::ConnectedGroup(connected.configuration), remote: Some(*other), prefixes });
            }
        }
    }
    out
}

/// Prefixes that a virtual network's own gateway brings: the local network gateways of its connections.
pub(crate) fn own_gateway_prefixes(network: &Network<'_>, vnet: usize) -> Vec<IpNet> {
    let Some(node) = network.vnet(vnet) else { return Vec::new() };
    let inside = format!("{}/", node.vnet.id.key());
    let snapshot = network.snapshot;
    let mut out = Vec::new();
    for gateway in snapshot.vnet_gateways.values() {
        if !gateway.subnets.iter().any(|subnet| subnet.key().starts_with(&inside)) {
            continue;
        }
        for connection in snapshot.connections.values().filter(|c| c.gateway.as_ref() == Some(&gateway.id)) {
            let local = connection.local_gateway.as_ref().and_then(|id| snapshot.local_network_gateways.get(id));
            out.extend(local.iter().flat_map(|local| local.prefixes.iter().copied()));
        }
    }
    out
}

/// Is a gateway of the input at hand: one of the own network, or that of a peer by `useRemoteGateways`?
pub(crate) fn has_gateway(network: &Network<'_>, node: &SubnetNode<'_>) -> bool {
    let remotes = node.peers.iter().filter(|peer| peer.uses_remote_gateways()).filter_map(|peer| peer.remote);
    std::iter::once(node.vnet).chain(remotes).filter_map(|index| network.vnet(index)).any(|vnet| {
        let inside = format!("{}/", vnet.vnet.id.key());
        let mut subnets = network.snapshot.vnet_gateways.values().flat_map(|gateway| &gateway.subnets);
        subnets.any(|subnet| subnet.key().starts_with(&inside))
    })
}

/// Gateway prefixes of a subnet: as configured, or as its effective routes in the input say.
pub fn gateway_prefixes(network: &Network<'_>, node: &SubnetNode<'_>) -> Vec<IpNet> {
    match listed::of(network, &node.subnet.id) {
        Some(list) => listed::gateway_prefixes(list),
        None => configured_gateway_prefixes(network, node, &node.peers),
    }
}

/// Gateway prefixes by configuration: none where the subnet's route table disables propagation; a spoke gets the hub's
/// through `allowGatewayTransit` and `useRemoteGateways`.
pub(crate) fn configured_gateway_prefixes(
    network: &Network<'_>,
    node: &SubnetNode<'_>,
    peers: &[Peer<'_>],
) -> Vec<IpNet> {
    if let Lookup::Found(table) = node.table
        && table.disable_bgp_route_propagation
    {
        return Vec::new();
    }
    let mut out = own_gateway_prefixes(network, node.vnet);
    for peer in peers {
        let Some(remote) = peer.remote.filter(|_| peer.uses_remote_gateways()) else { continue };
        let transit = network.reverse_peering(node.vnet, remote).is_some_and(|back| back.allow_gateway_transit);
        if transit {
            out.extend(own_gateway_prefixes(network, remote));
        }
    }
    out
}

/// What may bring prefixes to a subnet that the input does not hold. Effective routes in the input say all of them.
pub(crate) fn open_prefixes(network: &Network<'_>, node: &SubnetNode<'_>) -> Vec<String> {
    if listed::of(network, &node.subnet.id).is_some() {
        return Vec::new();
    }
    configured_open_prefixes(network, node, &node.peers)
}

/// What may bring prefixes to a subnet that the configuration does not hold: ids of connections, gateways and virtual networks.
/// An ExpressRoute connection learns by BGP, a connection between virtual networks brings the other one's space, a local
/// network gateway, a peer or the subnet's route table may be missing from the input.
pub(crate) fn configured_open_prefixes(
    network: &Network<'_>,
    node: &SubnetNode<'_>,
    peers: &[Peer<'_>],
) -> Vec<String> {
    let mut out = Vec::new();
    // A network without address space in the input (a template's parameter, say) may have any.
    let blank = |index: usize| network.vnet(index).is_some_and(|vnet| vnet.prefixes.is_empty());
    if blank(node.vnet) {
        out.extend(network.vnet(node.vnet).map(|vnet| vnet.vnet.id.as_str().to_owned()));
    }
    for peer in peers.iter().filter(|peer| peer.remote.is_none_or(blank) && peer.prefixes.is_empty()) {
        out.extend(peer.remote_id().map(|id| id.as_str().to_owned()));
    }
    for connected in network.connected.iter().filter(|c| c.vnets.contains(&node.vnet) || c.open.is_some()) {
        // Other members of the group may be connected, with a prefix that is not in the input.
        out.extend(connected.open.map(|id| id.as_str().to_owned()));
    }
    if let Lookup::Missing(id) = node.table {
        // Prefixes of user-defined routes are in VirtualNetwork, and one of them may lead where no system route does.
        out.push(id.as_str().to_owned());
    }
    let propagated = !matches!(node.table, Lookup::Found(table) if table.disable_bgp_route_propagation);
    if propagated {
        own_open_prefixes(network, node.vnet, &mut out);
        for peer in peers.iter().filter(|peer| peer.uses_remote_gateways()) {
            match peer.remote {
                None => out.extend(peer.remote_id().map(|id| id.as_str().to_owned())),
                Some(remote) => {
                    if network.reverse_peering(node.vnet, remote).is_some_and(|back| back.allow_gateway_transit) {
                        own_open_prefixes(network, remote, &mut out);
                    }
                }
            }
        }
    }
    out.sort();
    out.dedup();
    out
}

fn own_open_prefixes(network: &Network<'_>, vnet: usize, out: &mut Vec<String>) {
    let Some(node) = network.vnet(vnet) else { return };
    let inside = format!("{}/", node.vnet.id.key());
    let snapshot = network.snapshot;
    let inside_this = |gateway: &&VirtualNetworkGateway| gateway.subnets.iter().any(|s| s.key().starts_with(&inside));
    let gateways: Vec<&VirtualNetworkGateway> = snapshot.vnet_gateways.values().filter(inside_this).collect();
    let gateway_subnet = node.vnet.subnets.iter().any(|subnet| subnet.name.eq_ignore_ascii_case("GatewaySubnet"));
    if gateways.is_empty() && gateway_subnet {
        // A connection whose gateway was not exported may be this network's.
        let lost = snapshot.connections.values().filter_map(|c| c.gateway.as_ref());
        out.extend(lost.filter(|id| !snapshot.vnet_gateways.contains_key(*id)).map(|id| id.as_str().to_owned()));
    }
    for gateway in gateways {
        let mut connected = false;
        for connection in snapshot.connections.values() {
            let ours =
                [&connection.gateway, &connection.second_gateway].into_iter().flatten().any(|id| *id == gateway.id);
            if !ours {
                continue;
            }
            connected = true;
            match &connection.local_gateway {
                Some(local) if snapshot.local_network_gateways.contains_key(local) => {}
                Some(local) => out.push(local.as_str().to_owned()),
                None => out.push(connection.id.as_str().to_owned()),
            }
        }
        if !connected {
            out.push(gateway.id.as_str().to_owned());
        }
    }
}
