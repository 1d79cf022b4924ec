//! Service tags that Azure derives per subnet, and those with fixed members (semantics.md 1.8).

use super::network::{Lookup, Network, SubnetNode};
use super::peering::gateway_prefixes;
use crate::model::{NextHopType, RouteDestination, UserRoute};
use crate::net::AddressSet;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The virtual address of the host.
pub const PLATFORM: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);
/// The instance metadata service.
pub const METADATA: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);
/// The IPv6 member of AzureLoadBalancer in every expansion recorded since 2020.
const PROBE6: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0x1234, 0x5678, 0x9abc);

/// An IPv4 prefix of a table in the source.
pub(crate) const fn net(a: u8, b: u8, c: u8, d: u8, length: u8) -> IpNet {
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length))
}

/// Ranges that every recorded expansion of Internet lacks, 2016 to 2026.
const NOT_PUBLIC: [IpNet; 10] = [
    net(0, 0, 0, 0, 8),
    net(10, 0, 0, 0, 8),
    net(100, 64, 0, 0, 10),
    net(127, 0, 0, 0, 8),
    net(169, 254, 0, 0, 16),
    net(172, 16, 0, 0, 12),
    net(192, 0, 2, 0, 24),
    net(192, 168, 0, 0, 16),
    net(198, 18, 0, 0, 15),
    net(224, 0, 0, 0, 3),
];

/// Public blocks used inside Azure that recorded expansions of Internet hold at some dates and lack at others.
const VARYING: [IpNet; 7] = [
    net(25, 0, 0, 0, 8),
    net(13, 96, 0, 0, 13),
    net(20, 128, 0, 0, 16),
    net(20, 144, 0, 0, 14),
    net(20, 176, 0, 0, 13),
    net(21, 0, 0, 0, 8),
    net(22, 0, 0, 0, 8),
];

/// Does the address lie in a block of which recorded expansions of Internet disagree?
pub fn varies(address: IpAddr) -> bool {
    VARYING.iter().any(|net| net.contains(&address))
}

/// RFC 1918 and RFC 6598 (semantics.md 3.2, 4.2).
pub const PRIVATE: [IpNet; 4] =
    [net(10, 0, 0, 0, 8), net(172, 16, 0, 0, 12), net(192, 168, 0, 0, 16), net(100, 64, 0, 0, 10)];

const GLOBAL6: IpNet = IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3));

/// Is the address private? IPv6: not global unicast.
pub fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(_) => PRIVATE.iter().any(|net| net.contains(&address)),
        IpAddr::V6(_) => !GLOBAL6.contains(&address),
    }
}

/// The expansion of VirtualNetwork for one subnet.
#[derive(Debug, Default)]
pub(crate) struct VirtualNetworkTag {
    pub(crate) members: AddressSet,
    pub(crate) unrouted: AddressSet,
    pub(crate) inflated: bool,
    pub(crate) closed_peers: AddressSet,
}

/// VirtualNetwork: the address space, the host's address, peers, gateway prefixes, and prefixes of user-defined routes.
/// A 0/0 to Internet or None is not merged (semantics.md 10, question 1), service-tag routes are not either.
pub(crate) fn virtual_network(network: &Network<'_>, node: &SubnetNode<'_>) -> VirtualNetworkTag {
    let mut prefixes: Vec<IpNet> = network.vnet(node.vnet).map(|v| v.prefixes.clone()).unwrap_or_default();
    prefixes.push(IpNet::from(IpAddr::V4(PLATFORM)));
    let mut closed = Vec::new();
    for peer in &node.peers {
        let list = if peer.allows_access() { &mut prefixes } else { &mut closed };
        list.extend(peer.prefixes.iter().copied());
    }
    // A route table that is not in the input may keep them away: then they are open prefixes of it.
    if !matches!(node.table, Lookup::Missing(_)) {
        prefixes.extend(gateway_prefixes(network, node));
    }
    let unrouted = prefixes.iter().copied().collect();
    let mut inflated = false;
    if let Lookup::Found(table) = node.table {
        for route in &table.routes {
            let Some(prefix) = merged(route) else { continue };
            inflated |= prefix.prefix_len() == 0;
            prefixes.push(prefix);
        }
    }
    VirtualNetworkTag {
        members: prefixes.into_iter().collect(),
        unrouted,
        inflated,
        closed_peers: closed.into_iter().collect(),
    }
}

/// The prefix that a user-defined route adds to VirtualNetwork.
pub(crate) fn merged(route: &UserRoute) -> Option<IpNet> {
    let Some(RouteDestination::Prefix(prefix)) = route.destination.value() else { return None };
    let outward = matches!(route.next_hop.value(), Some(NextHopType::Internet | NextHopType::None));
    Some(prefix.net).filter(|net| net.prefix_len() > 0 || !outward)
}

/// Internet: public space outside the virtual network and its accessible peers, Azure's public addresses included.
pub(crate) fn internet(network: &Network<'_>, node: &SubnetNode<'_>) -> AddressSet {
    let mut taken: Vec<IpNet> = NOT_PUBLIC.to_vec();
    taken.extend(network.vnet(node.vnet).into_iter().flat_map(|v| v.prefixes.iter().copied()));
    for peer in node.peers.iter().filter(|peer| peer.allows_access()) {
        taken.extend(peer.prefixes.iter().copied());
    }
    let mut public = AddressSet::any();
    public.v6 = std::iter::once(GLOBAL6).collect::<AddressSet>().v6;
    public.difference(&taken.into_iter().collect())
}

/// A tag whose members are the same everywhere; `None` for another one.
pub(crate) fn fixed(lower: &str) -> Option<AddressSet> {
    let addresses: &[IpAddr] = match lower {
        "azureloadbalancer" => &[IpAddr::V4(PLATFORM), IpAddr::V6(PROBE6)],
        "azureplatformdns" => &[IpAddr::V4(PLATFORM)],
        "azureplatformimds" => &[IpAddr::V4(METADATA)],
        _ => return None,
    };
    Some(addresses.iter().copied().collect())
}
