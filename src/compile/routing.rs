//! Effective routes of one subnet, and the choice among them (semantics.md 3.1 to 3.3).

use super::listed;
use super::network::{Lookup, Network, SubnetNode};
use super::peering::gateway_prefixes;
use super::tags::{PRIVATE, net};
use crate::diagnostic::Span;
use crate::model::{NextHopType, RouteDestination, Setting, UserRoute};
use ipnet::IpNet;
use prefix_trie::joint::JointPrefixMap;
use std::net::IpAddr;

/// Where a route comes from. The order is the order of precedence on equal prefixes, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RouteSource {
    /// System route.
    System,
    /// Learned through a gateway, by BGP or from a local network gateway.
    Gateway,
    /// User-defined.
    User,
}

/// What a route does with a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextHop {
    /// Delivered in the own virtual network.
    VnetLocal,
    /// Delivered to a peer, by index into the subnet's peers.
    Peering(usize),
    /// To the Internet.
    Internet,
    /// To an appliance.
    Appliance(Option<IpAddr>),
    /// To the virtual network gateway.
    Gateway,
    /// To an Azure service by a service endpoint.
    ServiceEndpoint,
    /// To a private endpoint, by index into [`Network::endpoints`]; the peer that holds it, or the own network.
    PrivateEndpoint(usize, Option<usize>),
    /// Dropped.
    None,
    /// The route's next hop is unreadable.
    Unreadable,
}

impl NextHop {
    /// Next hops of system routes that beat even more specific gateway routes (semantics.md 3.1 item 3).
    fn is_local(self) -> bool {
        matches!(
            self,
            NextHop::VnetLocal | NextHop::Peering(_) | NextHop::ServiceEndpoint | NextHop::PrivateEndpoint(..)
        )
    }
}

/// One effective route.
#[derive(Debug, Clone)]
pub struct Route<'s> {
    /// Where it comes from.
    pub source: RouteSource,
    /// Its prefix; `None` for a service-tag route and for the absence of any route.
    pub prefix: Option<IpNet>,
    /// What it does.
    pub next_hop: NextHop,
    /// Route table and route name of a user-defined route, with its place.
    pub user: Option<UserRouteRef<'s>>,
}

/// Identity of a user-defined route.
#[derive(Debug, Clone)]
pub struct UserRouteRef<'s> {
    /// Name of the route table as displayed.
    pub table: std::sync::Arc<str>,
    /// Name of the route.
    pub name: &'s str,
    /// Where it stands.
    pub span: Span,
    /// `hasBgpOverride`.
    pub overrides_bgp: bool,
}

/// A user-defined route whose prefix is a service tag.
#[derive(Debug, Clone)]
pub struct TagRoute<'s> {
    /// The tag as written.
    pub tag: &'s str,
    /// Its members, where there is data.
    pub members: Option<Vec<IpNet>>,
    /// Index of the route.
    pub route: usize,
    /// Precedence on equal prefixes: between gateway and explicit user routes; regional before top-level tag before
    /// `AzureCloud.region` before `AzureCloud`.
    pub rank: u8,
}

/// Routes of one subnet. Prefix routes are found through a trie, tag routes through a list (Azure takes 25 at most).
#[derive(Debug, Default)]
pub struct RoutingTable<'s> {
    /// All routes: user-defined in file order, then system and gateway routes.
    pub routes: Vec<Route<'s>>,
    /// Service-tag routes.
    pub tag_routes: Vec<TagRoute<'s>>,
    /// Routes whose prefix is unreadable.
    pub unreadable: Vec<usize>,
    /// Service endpoints whose tag has no data, each with its route.
    pub open_services: Vec<(&'s str, usize)>,
    /// A gateway brings a 0.0.0.0/0.
    pub gateway_default: bool,
    trie: JointPrefixMap<IpNet, Vec<usize>>,
}

/// Precedence of a route that matched, with its prefix length.
#[derive(Debug, Clone, Copy)]
pub struct Candidate {
    /// Prefix length.
    pub length: u8,
    /// Precedence on equal length.
    pub rank: u8,
    /// Index of the route.
    pub route: usize,
}

impl<'s> RoutingTable<'s> {
    pub(crate) fn push(&mut self, route: Route<'s>) {
        let index = self.routes.len();
        if let Some(prefix) = route.prefix {
            self.trie.entry(prefix).or_default().push(index);
        }
        self.routes.push(route);
    }

    /// Prefix routes that hold an address. The None system routes go when the winning 0.0.0.0/0 leads elsewhere than to
    /// the Internet; `gone` are routes that are taken away.
    pub fn covering(&self, address: IpAddr, gone: &dyn Fn(usize) -> bool) -> Vec<Candidate> {
        let default = net(0, 0, 0, 0, 0);
        let users = self.routes.iter().enumerate().take_while(|(_, route)| route.source == RouteSource::User);
        let users: Vec<NextHop> = users
            .filter(|(index, route)| route.prefix == Some(default) && !gone(*index))
            .map(|(_, route)| route.next_hop)
            .collect();
        let overridden = if users.is_empty() { self.gateway_default } else { !users.contains(&NextHop::Internet) };
        let dropped = |route: &Route<'_>| route.source == RouteSource::System && route.next_hop == NextHop::None;
        let mut out = Vec::new();
        for (prefix, indexes) in self.trie.cover(&IpNet::from(address)) {
            for index in indexes {
                if gone(*index) || overridden && self.routes.get(*index).is_some_and(dropped) {
                    continue;
                }
                let rank = match self.routes.get(*index).map(|route| route.source) {
                    Some(RouteSource::User) => 20,
                    Some(RouteSource::Gateway) => 10,
                    _ => 0,
                };
                out.push(Candidate { length: prefix.prefix_len(), rank, route: *index });
            }
        }
        out.sort_by_key(|candidate| candidate.route);
        out
    }

    /// The winner among the candidates: the loser of an equal prefix is invalid; system routes of the virtual network,
    /// of peerings and of service endpoints beat even more specific gateway routes; then the longest prefix.
    pub fn select(&self, candidates: &[Candidate]) -> Option<&Route<'s>> {
        let beaten = |c: &Candidate| candidates.iter().any(|o| o.length == c.length && o.rank > c.rank);
        let mut active: Vec<&Candidate> = candidates.iter().filter(|c| !beaten(c)).collect();
        let route = |c: &Candidate| self.routes.get(c.route);
        let local =
            active.iter().filter_map(|c| route(c)).any(|r| r.source == RouteSource::System && r.next_hop.is_local());
        if local {
            active.retain(|c| route(c).is_none_or(|r| r.source != RouteSource::Gateway));
        }
        let best = active.iter().map(|c| (c.length, c.rank)).max()?;
        active.iter().find(|c| (c.length, c.rank) == best).and_then(|c| route(c))
    }
}

/// Undocumented None routes, recorded on every NIC with the system default route in August 2026 (semantics.md 3.2).
const RECORDED_NONE: [IpNet; 17] = [
    net(127, 0, 0, 0, 8),
    net(198, 18, 0, 0, 15),
    net(25, 4, 0, 0, 14),
    net(25, 148, 0, 0, 15),
    net(25, 150, 0, 0, 16),
    net(25, 152, 0, 0, 14),
    net(25, 156, 0, 0, 16),
    net(25, 159, 0, 0, 16),
    net(25, 176, 0, 0, 13),
    net(25, 184, 0, 0, 14),
    net(40, 108, 0, 0, 17),
    net(40, 109, 0, 0, 16),
    net(104, 146, 0, 0, 17),
    net(104, 147, 0, 0, 16),
    net(157, 59, 0, 0, 16),
    net(23, 103, 0, 0, 18),
    net(20, 35, 252, 0, 22),
];

/// Computes the effective routes of a subnet whose peers are known.
pub(crate) fn effective<'s>(network: &Network<'s>, node: &SubnetNode<'s>) -> RoutingTable<'s> {
    let mut table = RoutingTable::default();
    user_routes(network, node, &mut table);
    let ipv6 = match listed::of(network, &node.subnet.id) {
        Some(list) if listed::routes(network, node, list, &mut table) => return table,
        Some(_) => true,
        None => false,
    };
    let computed = |prefix: &IpNet| !ipv6 || prefix.addr().is_ipv6();
    let gateway: Vec<IpNet> = gateway_prefixes(network, node).into_iter().filter(computed).collect();
    for (prefix, next_hop) in system_routes(network, node).into_iter().filter(|(prefix, _)| computed(prefix)) {
        table.push(Route { source: RouteSource::System, prefix: Some(prefix), next_hop, user: None });
    }
    table.gateway_default |= gateway.contains(&net(0, 0, 0, 0, 0));
    for prefix in gateway {
        table.push(Route {
            source: RouteSource::Gateway,
            prefix: Some(prefix),
            next_hop: NextHop::Gateway,
            user: None,
        });
    }
    // A host route for each private endpoint.
    for (prefix, next_hop) in endpoint_routes(network, node).into_iter().filter(|(prefix, _)| computed(prefix)) {
        table.push(Route { source: RouteSource::System, prefix: Some(prefix), next_hop, user: None });
    }
    if !ipv6 {
        service_endpoints(network, node, &mut table);
    }
    table
}

/// Private endpoints of the own and of directly peered networks, own ones first: host prefix and next hop (semantics.md 3.4).
pub(crate) fn endpoint_routes(network: &Network<'_>, node: &SubnetNode<'_>) -> Vec<(IpNet, NextHop)> {
    let peers = node.peers.iter().enumerate().filter_map(|(index, peer)| Some((peer.remote?, Some(index))));
    let mut out = Vec::new();
    for (vnet, peer) in std::iter::once((node.vnet, None)).chain(peers) {
        for index in network.private_endpoints.get(&vnet).into_iter().flatten() {
            let Some(end) = network.endpoints.get(*index) else { continue };
            out.push((IpNet::from(end.address), NextHop::PrivateEndpoint(*index, peer)));
        }
    }
    out
}

/// Routes of service endpoints: prefixes of the service's tag.
fn service_endpoints<'s>(network: &Network<'s>, node: &SubnetNode<'s>, table: &mut RoutingTable<'s>) {
    for service in &node.subnet.service_endpoints {
        let data = network.snapshot.service_tags.as_ref();
        let tag = service_tag(service);
        let next_hop = NextHop::ServiceEndpoint;
        match data.and_then(|data| data.prefixes.get(tag)) {
            Some(members) => {
                for prefix in members {
                    table.push(Route { source: RouteSource::System, prefix: Some(*prefix), next_hop, user: None });
                }
            }
            None => {
                table.open_services.push((tag, table.routes.len()));
                table.push(Route { source: RouteSource::System, prefix: None, next_hop, user: None });
            }
        }
    }
}

/// The service tag with the addresses of a service endpoint's service (both in lower case).
fn service_tag(service: &str) -> &str {
    match service {
        "microsoft.keyvault" => "azurekeyvault",
        "microsoft.web" => "appservice",
        "microsoft.containerregistry" => "azurecontainerregistry",
        "microsoft.azurecosmosdb" => "azurecosmosdb",
        "microsoft.azureactivedirectory" => "azureactivedirectory",
        "microsoft.cognitiveservices" => "cognitiveservicesmanagement",
        other => other.trim_start_matches("microsoft."),
    }
}

fn user_routes<'s>(network: &Network<'s>, node: &SubnetNode<'s>, table: &mut RoutingTable<'s>) {
    let Lookup::Found(configured) = node.table else { return };
    let name: std::sync::Arc<str> = network.name(&configured.id).into();
    // By name and not as written, so that what is reported where several are undetermined depends on no order.
    let mut ordered: Vec<&UserRoute> = configured.routes.iter().collect();
    ordered.sort_by_key(|route| route.name.to_ascii_lowercase());
    for route in ordered {
        let index = table.routes.len();
        let mut prefix = None;
        match route.destination.value() {
            Some(RouteDestination::Prefix(written)) => prefix = Some(written.net),
            Some(RouteDestination::Tag(tag)) => {
                let lower = tag.to_ascii_lowercase();
                let data = network.snapshot.service_tags.as_ref();
                table.tag_routes.push(TagRoute {
                    tag,
                    members: data.and_then(|data| data.prefixes.get(&lower)).cloned(),
                    route: index,
                    rank: 11 + tag_rank(&lower),
                });
            }
            None => table.unreadable.push(index),
        }
        table.push(Route {
            source: RouteSource::User,
            prefix,
            next_hop: next_hop(route),
            user: Some(UserRouteRef {
                table: name.clone(),
                name: &route.name,
                span: route.span,
                overrides_bgp: route.has_bgp_override,
            }),
        });
    }
}

fn next_hop(route: &UserRoute) -> NextHop {
    match route.next_hop.value() {
        Some(NextHopType::VnetLocal) => NextHop::VnetLocal,
        Some(NextHopType::Internet) => NextHop::Internet,
        Some(NextHopType::VirtualAppliance) => match &route.next_hop_address {
            Setting::Set(address) => NextHop::Appliance(Some(address.value)),
            Setting::Missing => NextHop::Appliance(None),
            Setting::Invalid(_) => NextHop::Unreadable,
        },
        Some(NextHopType::VirtualNetworkGateway) => NextHop::Gateway,
        Some(NextHopType::None) => NextHop::None,
        None => NextHop::Unreadable,
    }
}

/// Regional tag > top-level tag > `AzureCloud.region` > `AzureCloud` (semantics.md 3.1 item 4).
fn tag_rank(lower: &str) -> u8 {
    let (top, region) = lower.split_once('.').map_or((lower, false), |(top, _)| (top, true));
    u8::from(top != "azurecloud") * 2 + u8::from(region)
}

/// System routes (semantics.md 3.2).
fn system_routes(network: &Network<'_>, node: &SubnetNode<'_>) -> Vec<(IpNet, NextHop)> {
    let default6 = IpNet::V6(ipnet::Ipv6Net::new_assert(std::net::Ipv6Addr::UNSPECIFIED, 0));
    let own = network.vnet(node.vnet).map(|vnet| vnet.prefixes.as_slice()).unwrap_or_default();
    let mut out: Vec<(IpNet, NextHop)> = own.iter().map(|prefix| (*prefix, NextHop::VnetLocal)).collect();
    out.push((net(0, 0, 0, 0, 0), NextHop::Internet));
    out.push((default6, NextHop::Internet));
    for prefix in PRIVATE.iter().chain(&RECORDED_NONE) {
        // A range of the virtual network or of a peer that equals or includes it takes its place.
        let mut ranges = own.iter().chain(node.peers.iter().flat_map(|peer| &peer.prefixes));
        if !ranges.any(|range| range.contains(prefix)) {
            out.push((*prefix, NextHop::None));
        }
    }
    for (index, peer) in node.peers.iter().enumerate() {
        out.extend(peer.prefixes.iter().map(|prefix| (*prefix, NextHop::Peering(index))));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(routes: &[(RouteSource, &str, NextHop)]) -> RoutingTable<'static> {
        let mut table = RoutingTable::default();
        for (source, prefix, next_hop) in routes {
            table.push(Route { source: *source, prefix: prefix.parse().ok(), next_hop: *next_hop, user: None });
        }
        table
    }

    fn chosen(table: &RoutingTable<'_>, address: &str) -> Option<NextHop> {
        let address: IpAddr = address.parse().expect("an address");
        table.select(&table.covering(address, &|_| false)).map(|route| route.next_hop)
    }

    #[test]
    fn the_longest_prefix_wins_then_user_before_gateway_before_system() {
        let table = table(&[
            (RouteSource::System, "0.0.0.0/0", NextHop::Internet),
            (RouteSource::System, "10.0.0.0/8", NextHop::None),
            (RouteSource::Gateway, "10.0.0.0/8", NextHop::Gateway),
            (RouteSource::User, "10.9.0.0/16", NextHop::Appliance(None)),
            (RouteSource::Gateway, "10.9.0.0/16", NextHop::Gateway),
        ]);
        assert_eq!(chosen(&table, "10.1.0.1"), Some(NextHop::Gateway));
        assert_eq!(chosen(&table, "10.9.0.1"), Some(NextHop::Appliance(None)));
        assert_eq!(chosen(&table, "8.8.8.8"), Some(NextHop::Internet));
        assert_eq!(chosen(&table, "fd00::1"), None);
    }

    #[test]
    fn a_peering_beats_a_more_specific_gateway_route_and_a_user_route_beats_both() {
        let mut routes = vec![
            (RouteSource::System, "10.2.0.0/16", NextHop::Peering(0)),
            (RouteSource::Gateway, "10.2.1.0/24", NextHop::Gateway),
        ];
        assert_eq!(chosen(&table(&routes), "10.2.1.4"), Some(NextHop::Peering(0)));
        routes.push((RouteSource::User, "10.2.1.0/24", NextHop::None));
        assert_eq!(chosen(&table(&routes), "10.2.1.4"), Some(NextHop::None));
    }

    #[test]
    fn service_tags_rank_below_explicit_prefixes() {
        let ranks: Vec<u8> =
            ["storage.westeurope", "storage", "azurecloud.westeurope", "azurecloud"].map(tag_rank).to_vec();
        assert_eq!(ranks, [3, 2, 1, 0]);
    }
}
