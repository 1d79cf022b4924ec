//! Effective routes of the input: for their subnet they win over what the configuration gives (semantics.md 3.7, 9b.5).
//! User-defined routes were put into the route table when the list was read; here are the others.

use super::network::{Network, SubnetNode};
use super::peering::{self, Peer};
use super::routing::{NextHop, Route, RouteSource, RoutingTable, endpoint_routes};
use crate::model::{EffectiveRoute, EffectiveTable, ResourceId};
use crate::net::shown;
use ipnet::IpNet;
use std::collections::BTreeSet;

/// What a route that is not user-defined does, as lists print it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Local,
    Peering,
    Gateway,
    Internet,
    Drop,
    Service,
    Endpoint,
}

impl Kind {
    fn of(route: &EffectiveRoute) -> Option<Self> {
        Some(match route.next_hop.trim().to_ascii_lowercase().as_str() {
            "vnetlocal" | "virtualnetwork" => Kind::Local,
            "vnetpeering" | "vnetglobalpeering" | "globalvnetpeering" => Kind::Peering,
            "virtualnetworkgateway" => Kind::Gateway,
            "internet" => Kind::Internet,
            "none" => Kind::Drop,
            "virtualnetworkserviceendpoint" => Kind::Service,
            "interfaceendpoint" | "privateendpoint" => Kind::Endpoint,
            _ => return None,
        })
    }

    fn word(self) -> &'static str {
        match self {
            Kind::Local => "VnetLocal",
            Kind::Peering => "VNetPeering",
            Kind::Gateway => "VirtualNetworkGateway",
            Kind::Internet => "Internet",
            Kind::Drop => "None",
            Kind::Service => "VirtualNetworkServiceEndpoint",
            Kind::Endpoint => "InterfaceEndpoint",
        }
    }
}

/// The list of a subnet, where all of it that matters here can be read.
pub(crate) fn of<'s>(network: &Network<'s>, subnet: &ResourceId) -> Option<&'s EffectiveTable> {
    let table = network.snapshot.listed_routes.get(subnet)?;
    let readable = |route: &EffectiveRoute| {
        route.is_user() || Kind::of(route).is_some() && route.unreadable.is_empty() && !route.prefixes.is_empty()
    };
    Some(table).filter(|table| table.routes.iter().all(readable))
}

/// Prefixes of one kind. A route that is not active counts where only a user-defined route of its prefix makes it so.
fn prefixes(table: &EffectiveTable, kind: Kind) -> BTreeSet<IpNet> {
    let user: BTreeSet<IpNet> =
        table.routes.iter().filter(|route| route.is_user()).flat_map(|route| route.prefixes.iter().copied()).collect();
    let routes = table.routes.iter().filter(|route| !route.is_user() && Kind::of(route) == Some(kind));
    let counted = |route: &'_ EffectiveRoute, net: &IpNet| route.active || user.contains(net);
    routes.flat_map(|route| route.prefixes.iter().filter(move |net| counted(route, net)).copied()).collect()
}

/// Prefixes that gateways bring, as listed.
pub(crate) fn gateway_prefixes(table: &EffectiveTable) -> Vec<IpNet> {
    prefixes(table, Kind::Gateway).into_iter().collect()
}

/// Peers as listed: of their prefixes only those with a route are left, and a peer that is not in the input has the
/// prefixes that no other brings.
pub(crate) fn narrow(table: &EffectiveTable, peers: &mut Vec<Peer<'_>>) {
    let listed = prefixes(table, Kind::Peering);
    let user = |net: &IpNet| table.routes.iter().any(|route| route.is_user() && route.prefixes.contains(net));
    let had: Vec<bool> = peers.iter().map(|peer| !peer.prefixes.is_empty()).collect();
    for peer in peers.iter_mut() {
        // A list may leave out what a user-defined route takes the place of.
        peer.prefixes.retain(|net| listed.contains(net) || user(net));
    }
    let taken: BTreeSet<IpNet> = peers.iter().flat_map(|peer| peer.prefixes.iter().copied()).collect();
    let left: Vec<IpNet> = listed.difference(&taken).copied().collect();
    let mut blank = peers.iter_mut().zip(&had).filter(|(_, had)| !**had).map(|(peer, _)| peer);
    if let (Some(only), None) = (blank.next(), blank.next()) {
        only.prefixes = left;
    }
    let mut had = had.into_iter();
    peers.retain(|peer| !had.next().unwrap_or(true) || !peer.prefixes.is_empty());
}

/// Adds the listed routes. IPv6 routes are computed where the list has none: lists of IPv4 networks leave them out.
/// Returns whether the list speaks of IPv6.
pub(crate) fn routes<'s>(
    network: &Network<'s>,
    node: &SubnetNode<'s>,
    list: &EffectiveTable,
    table: &mut RoutingTable<'s>,
) -> bool {
    let kinds = [Kind::Local, Kind::Peering, Kind::Internet, Kind::Drop, Kind::Service, Kind::Endpoint, Kind::Gateway];
    let mut ipv6 = false;
    for kind in kinds {
        let source = if kind == Kind::Gateway { RouteSource::Gateway } else { RouteSource::System };
        for prefix in prefixes(list, kind) {
            ipv6 |= prefix.addr().is_ipv6();
            table.gateway_default |= kind == Kind::Gateway && prefix.prefix_len() == 0 && prefix.addr().is_ipv4();
            let next_hop = next_hop(network, node, kind, prefix);
            table.push(Route { source, prefix: Some(prefix), next_hop, user: None });
        }
    }
    ipv6
}

/// A peering or private endpoint that the input does not hold leads nobody knows where.
fn next_hop(network: &Network<'_>, node: &SubnetNode<'_>, kind: Kind, prefix: IpNet) -> NextHop {
    match kind {
        Kind::Local => NextHop::VnetLocal,
        Kind::Peering => {
            let peer = node.peers.iter().position(|peer| peer.prefixes.contains(&prefix));
            peer.map_or(NextHop::Unreadable, NextHop::Peering)
        }
        Kind::Gateway => NextHop::Gateway,
        Kind::Internet => NextHop::Internet,
        Kind::Drop => NextHop::None,
        Kind::Service => NextHop::ServiceEndpoint,
        Kind::Endpoint => {
            let found = endpoint_routes(network, node).into_iter().find(|(net, _)| *net == prefix);
            found.map_or(NextHop::Unreadable, |(_, next_hop)| next_hop)
        }
    }
}

/// What the list of a subnet has otherwise than the configuration gives, its user-defined routes apart.
pub(crate) fn differences(network: &Network<'_>, index: usize) -> Vec<String> {
    let Some((node, list)) = network.subnet(index).and_then(|node| Some((node, of(network, &node.subnet.id)?))) else {
        return Vec::new();
    };
    let peers = peering::configured(network, index);
    let own = network.vnet(node.vnet).map(|vnet| vnet.prefixes.clone()).unwrap_or_default();
    let gateway = peering::configured_gateway_prefixes(network, node, &peers);
    let open = !peering::configured_open_prefixes(network, node, &peers).is_empty();
    let brought: Vec<IpNet> = peers.iter().flat_map(|peer| peer.prefixes.iter().copied()).collect();
    let unknown_peer = peers.iter().any(|peer| peer.prefixes.is_empty());
    let hosts = endpoint_routes(network, node).into_iter().map(|(net, _)| net).collect();
    let mut out = Vec::new();
    let kinds = [(Kind::Local, own), (Kind::Peering, brought), (Kind::Gateway, gateway), (Kind::Endpoint, hosts)];
    for (kind, computed) in kinds {
        let (listed, computed) = (prefixes(list, kind), computed.into_iter().collect::<BTreeSet<IpNet>>());
        // What the input says that it does not know is no difference; user-defined routes may hide the rest.
        let expected = kind == Kind::Gateway && open || kind == Kind::Peering && unknown_peer;
        let user = |net: &IpNet| list.routes.iter().any(|r| r.is_user() && r.prefixes.iter().any(|p| p.contains(net)));
        let more = listed.difference(&computed).filter(|_| !expected);
        out.extend(more.map(|net| format!("only the list has {} -> {}", shown(*net), kind.word())));
        let hidden = |net: &IpNet| user(net) || kind == Kind::Gateway && inside(list, *net);
        let less = computed.difference(&listed).filter(|net| !hidden(net));
        out.extend(less.map(|net| format!("only the configuration has {} -> {}", shown(*net), kind.word())));
    }
    let services = !prefixes(list, Kind::Service).is_empty();
    if services == node.subnet.service_endpoints.is_empty() {
        let who = if services { "list" } else { "configuration" };
        out.push(format!("only the {who} has service endpoints"));
    }
    out
}

/// A gateway route inside a range of the network or of a peer loses and is not shown (semantics.md 9b.5).
fn inside(list: &EffectiveTable, net: IpNet) -> bool {
    let ranges = [Kind::Local, Kind::Peering].map(|kind| prefixes(list, kind));
    ranges.iter().flatten().any(|range| range.contains(&net))
}
