//! Settings by which one route sets others aside (semantics.md 3.1 item 5, 3.4).

use super::context::{At, Context, Fact, Walked};
use super::route::Chosen;
use crate::compile::routing::{Candidate, NextHop, RouteSource, RoutingTable};
use crate::compile::{Lookup, Stage, SubnetNode};
use crate::diagnostic::code;
use std::net::IpAddr;

/// With route-table policies on its subnet, a user-defined route at least as long as the range of the endpoint's network
/// invalidates the endpoint's host route; one to `VnetLocal` does so without taking effect itself, unless the network has
/// `privateEndpointVNetPolicies: Basic` (semantics.md 3.4).
pub(super) fn endpoints<'n>(
    context: &mut Context<'_, 'n>,
    node: &'n SubnetNode<'n>,
    address: IpAddr,
    found: &mut Vec<Candidate>,
) -> Walked<'n, Option<Chosen<'n>>> {
    let network = context.network;
    let routes = &node.routes;
    let route = |candidate: &Candidate| routes.routes.get(candidate.route);
    for candidate in found.clone() {
        let Some(NextHop::PrivateEndpoint(index, _)) = route(&candidate).map(|route| route.next_hop) else { continue };
        let beaten = found.iter().any(|other| other.length == candidate.length && other.rank > candidate.rank);
        let subnet = network.endpoints.get(index).and_then(|end| end.subnet);
        let (false, Some(subnet)) = (beaten, subnet) else { continue };
        let Some(vnet) = network.subnet(subnet).and_then(|subnet| network.vnet(subnet.vnet)) else { continue };
        let space = vnet.prefixes.iter().filter(|net| net.contains(&address)).map(|net| net.prefix_len()).max();
        let over = found.iter().filter(|other| {
            route(other).is_some_and(|route| route.source == RouteSource::User && route.prefix.is_some())
                && space.is_some_and(|space| other.length >= space)
        });
        let Some(best) = over.max_by_key(|other| (other.length, std::cmp::Reverse(other.route))).copied() else {
            continue;
        };
        if !super::endpoint::policies(context, subnet)?.route_tables {
            continue;
        }
        found.retain(|other| other.route != candidate.route);
        let Some(best) = route(&best).filter(|best| best.next_hop == NextHop::VnetLocal) else { continue };
        if !vnet.vnet.private_endpoint_routes_basic {
            let chosen = Chosen::of(best);
            context.here = chosen.at(Stage::Route);
            context.note(&code::ENDPOINT_VNETLOCAL, chosen.name.unwrap_or_default());
            return Ok(Some(Chosen { next_hop: NextHop::None, ..chosen }));
        }
    }
    Ok(None)
}

/// A route with `hasBgpOverride` is said to beat gateway routes of any length; only the schema tells of it.
pub(super) fn gateways<'n>(
    context: &mut Context<'_, 'n>,
    routes: &'n RoutingTable<'n>,
    found: &mut Vec<Candidate>,
) -> Walked<'n, ()> {
    let of = |candidate: &Candidate| routes.routes.get(candidate.route);
    let overriding =
        found.iter().filter_map(of).find(|route| route.user.as_ref().is_some_and(|user| user.overrides_bgp));
    let Some(route) = overriding else { return Ok(()) };
    let length = route.prefix.map_or(0, |prefix| prefix.prefix_len());
    let longer = |c: &Candidate| c.length > length && of(c).is_some_and(|route| route.source == RouteSource::Gateway);
    if !found.iter().any(longer) {
        return Ok(());
    }
    let chosen = Chosen::of(route);
    context.here = chosen.at(Stage::Route);
    context.note(&code::UNDOCUMENTED_ROUTE, chosen.name.unwrap_or_default());
    let key = format!("{}/{}", chosen.table.unwrap_or_default(), chosen.name.unwrap_or_default());
    if context.ask(Fact::BgpOverride(key))? {
        found.retain(|candidate| !longer(candidate));
    }
    Ok(())
}

/// A route table with `disablePeeringRoute` may take a peering's route away; only the schema tells of it.
pub(super) fn disabled_peering<'n>(
    context: &mut Context<'_, 'n>,
    node: &'n SubnetNode<'n>,
    chosen: &Chosen<'n>,
) -> Walked<'n, Option<Chosen<'n>>> {
    let (NextHop::Peering(_), Lookup::Found(table)) = (chosen.next_hop, node.table) else { return Ok(None) };
    if !table.disable_peering_route {
        return Ok(None);
    }
    context.here = At::new(Stage::Route, Some(&table.name));
    context.note(&code::UNDOCUMENTED_ROUTE, "disablePeeringRoute");
    if context.ask(Fact::PeeringRoute(table.id.key().to_owned()))? {
        return Ok(None);
    }
    let dropped = Chosen { next_hop: NextHop::None, source: RouteSource::User, ..Chosen::local() };
    Ok(Some(Chosen { table: Some(&table.name), ..dropped }))
}
