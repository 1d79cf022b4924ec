//! A flow on its way: routes, appliances, arrival, reply (semantics.md 3, 8).

use super::address::{Addr, Prefix, within};
use super::case::{Case, Fact, Halt, Place};
use super::firewall::{Firewall, firewall_at};
use super::internet::{WayOut, reply_to_outside, to_internet, way_out};
use super::read::Id;
use super::routing::{
    Chosen, Hop, METADATA, PLATFORM, delivers, lookup, own_gateways, peers, refuses_forwarded, table,
};
use super::walk::{Flow, Ways, gates, in_missing_subnet};
use super::world::World;
use super::{balancer, endpoint};

/// An appliance that was crossed.
#[derive(Debug)]
pub(super) struct Via<'w> {
    address: Addr,
    subnet: usize,
    /// The source before it.
    before: Addr,
    /// It translated the source.
    translated: bool,
    pub(super) firewall: Option<&'w Firewall>,
}

/// A flow after its source's own gates.
#[derive(Debug)]
pub(super) struct Journey<'w> {
    /// As it is seen here.
    pub(super) flow: Flow,
    /// `None` where it comes from outside every network.
    pub(super) start: Option<usize>,
    pub(super) at: usize,
    pub(super) via: Vec<Via<'w>>,
    pub(super) last: Option<Place>,
}

/// From a subnet: source gates, route, arrival.
pub(super) fn leave(case: &Case<'_>, flow: &Flow, start: usize, ways: &mut Ways<'_>) -> Result<Option<Place>, Halt> {
    let source_end = case.world.end_at(flow.source, start);
    let last = gates(case, flow, start, source_end, false, None)?;
    if within(flow.destination, &[PLATFORM, METADATA]) {
        return Ok(last); // always on the host, no route involved (1.8)
    }
    endpoint::unplaced(case, flow.destination, start)?;
    travel(case, Journey { flow: flow.clone(), start: Some(start), at: start, via: Vec::new(), last }, ways)
}

/// The routes from here to the network of the destination.
pub(super) fn travel<'w>(
    case: &Case<'w>,
    mut journey: Journey<'w>,
    ways: &mut Ways<'_>,
) -> Result<Option<Place>, Halt> {
    let world = case.world;
    let route = loop {
        let route = lookup(case, journey.at, journey.flow.destination)?;
        match route.hop {
            Hop::Drop => return Err(Halt::Deny(route.place("route"))),
            Hop::Appliance(Some(hop)) if hop == journey.flow.destination => {
                // What stands there is the destination itself.
                let near = reached(world, journey.at);
                match near.into_iter().find_map(|vnet| world.subnet_of(hop, Some(vnet))) {
                    Some(next) => journey.at = next,
                    None => cross(case, &route, Some(hop), &mut journey, ways)?,
                }
                break Chosen::system(Hop::Local);
            }
            Hop::Appliance(hop) => cross(case, &route, hop, &mut journey, ways)?,
            _ => break route,
        }
    };
    let at = journey.at;
    let own = world.subnets[at].vnet;
    let all = peers(world, at);
    let peer = match route.hop {
        Hop::Internet => {
            let way_out = match journey.via.last() {
                None => way_out(world, at, world.end_at(journey.flow.source, at)),
                Some(via) => WayOut::with(via.firewall.and_then(|firewall| firewall.public(world))),
            };
            return to_internet(case, journey, &route, way_out, ways);
        }
        Hop::Gateway => return to_gateway(case, &route, &journey).map(|()| journey.last),
        Hop::Service => return Ok(journey.last),
        Hop::Peer(index) | Hop::Endpoint(Some(index)) => all.get(index),
        _ => None,
    };
    if route.user && route.hop == Hop::Local && !within(journey.flow.destination, &world.vnets[own].prefixes) {
        return Err(Halt::Deny(route.place("route")));
    }
    let vnet = match peer {
        None => own,
        Some(peer) => match peer.remote {
            Some(remote) => remote,
            None => return unseen_network(case, &peer.own.name, peer.own.remote.as_ref(), journey.last),
        },
    };
    if let Some(peering) = refuses_forwarded(world, vnet, own, journey.flow.source) {
        return Err(Halt::Deny(Place::of("peering", Some(peering.to_owned()))));
    }
    let arrived = arrive(case, journey, Some(vnet), ways)?;
    if let Some(peer) = peer.filter(|peer| !peer.own.access) {
        // Recorded without any NSG: no traffic. With an explicit allow: documented to pass, never recorded (3.5).
        let place = Place::of("peering", Some(peer.own.name.clone()));
        let fact = Fact::plain(format!("peering {} passes an explicit allow", peer.own.name));
        if arrived.is_none() || !case.ask(fact, &place)? {
            return Err(Halt::Deny(place));
        }
    }
    Ok(arrived)
}

/// The gateway takes what it is handed; that this goes on is known only outside all networks, and by a user's route only
/// where there is a gateway.
fn to_gateway(case: &Case<'_>, route: &Chosen, journey: &Journey<'_>) -> Result<(), Halt> {
    let world = case.world;
    let own = world.subnets[journey.at].vnet;
    let remote = peers(world, journey.at).into_iter().filter(|peer| peer.own.remote_gateways);
    let near: Vec<usize> = remote.filter_map(|peer| peer.remote).chain([own]).collect();
    let inside = world.vnets.iter().any(|vnet| within(journey.flow.destination, &vnet.prefixes));
    let there = near.into_iter().any(|vnet| !own_gateways(world, vnet).is_empty());
    if !inside && (!route.user || there) {
        return Ok(());
    }
    let place = route.place("route");
    let delivers = Fact::plain(format!("gateway of {} delivers", world.vnets[own].key));
    if case.ask(delivers, &place)? { Ok(()) } else { Err(Halt::Deny(place)) }
}

fn unseen_network(
    case: &Case<'_>,
    peering: &str,
    remote: Option<&Id>,
    last: Option<Place>,
) -> Result<Option<Place>, Halt> {
    let place = Place::of("peering", Some(peering.to_owned()));
    let key = remote.map_or_else(|| peering.to_owned(), |id| id.key.clone());
    if case.ask(Fact::plain(format!("network {key} lets it in")), &place)? { Ok(last) } else { Err(Halt::Deny(place)) }
}

/// Networks that a next hop may stand in.
fn reached(world: &World, at: usize) -> Vec<usize> {
    let remotes: Vec<usize> = peers(world, at).iter().filter_map(|peer| peer.remote).collect();
    [vec![world.subnets[at].vnet], remotes].concat()
}

/// Crosses the appliance at a next hop (3.3).
fn cross<'w>(
    case: &Case<'w>,
    route: &Chosen,
    hop: Option<Addr>,
    journey: &mut Journey<'w>,
    ways: &mut Ways<'_>,
) -> Result<(), Halt> {
    let world = case.world;
    let denied = || Halt::Deny(route.place("route"));
    let address = hop.ok_or_else(denied)?;
    let at = journey.at;
    let near = reached(world, at);
    let found = firewall_at(world, address, &near);
    let there = Fact::about("next hop exists", address);
    let next = found.map(|(_, subnet)| subnet);
    let next = next.or_else(|| near.into_iter().find_map(|vnet| world.subnet_of(address, Some(vnet))));
    let Some(next) = next else {
        let may_hold = |prefixes: &[Prefix]| prefixes.is_empty() || within(address, prefixes);
        let unseen = peers(world, at).iter().any(|peer| peer.remote.is_none() && may_hold(&peer.prefixes));
        let may = unseen && case.ask(there, &route.place("route"))?;
        return Err(if may { Halt::Arrives(None) } else { denied() });
    };
    if journey.via.iter().any(|earlier| earlier.address == address) || journey.via.len() >= 5 {
        return Err(denied());
    }
    let end = world.end_at(address, next).filter(|_| found.is_none());
    match end {
        Some(end) if end.nic && !end.forwarding => return Err(denied()),
        None if found.is_none() && !case.ask(there, &route.place("route"))? => return Err(denied()),
        _ => {}
    }
    let before = journey.flow.source;
    if let Some(peering) = refuses_forwarded(world, world.subnets[next].vnet, world.subnets[at].vnet, before) {
        return Err(Halt::Deny(Place::of("peering", Some(peering.to_owned()))));
    }
    let mut via = Via { address, subnet: next, before, translated: false, firewall: None };
    if let Some((firewall, _)) = found {
        let (flow, place, translated) = firewall.pass(case, &journey.flow, ways)?;
        (journey.flow, journey.last) = (flow, Some(place));
        (via.firewall, via.translated) = (Some(firewall), translated);
    } else if !case.assumed.transparent {
        let place = Place::of("firewall", end.map(|end| world.shown(&end.owner)));
        if !case.ask(Fact::about("appliance lets through", address), &place)? {
            return Err(Halt::Deny(place));
        }
        // An Azure Firewall that is not in the snapshot may translate the source.
        let hidden = end.is_none() && world.subnets[next].name.eq_ignore_ascii_case("AzureFirewallSubnet");
        if hidden && case.ask(Fact::about("appliance translates", address), &place)? {
            return Err(Halt::Arrives(Some(place)));
        }
    }
    journey.via.push(via);
    journey.at = next;
    Ok(())
}

/// Destination gates, then the route of the reply.
pub(super) fn arrive<'w>(
    case: &Case<'w>,
    journey: Journey<'w>,
    vnet: Option<usize>,
    ways: &mut Ways<'_>,
) -> Result<Option<Place>, Halt> {
    let world = case.world;
    let destination = journey.flow.destination;
    let Some(subnet) = world.subnet_of(destination, vnet) else {
        return in_missing_subnet(case, destination, "nsg-in-subnet").map(|_| journey.last);
    };
    if let Some((firewall, start)) = firewall_at(world, destination, &[world.subnets[subnet].vnet]) {
        let (flow, place) = firewall.dnat(case, &journey.flow, false, ways)?;
        return travel(case, Journey { flow, start: Some(start), at: start, via: Vec::new(), last: Some(place) }, ways);
    }
    let end = world.end_at(destination, subnet);
    if let Some(key) = end.and_then(|end| end.endpoint.as_ref()) {
        let arrived = endpoint::enter(case, &journey.flow, subnet, key, journey.last)?;
        if let Some(start) = journey.start {
            endpoint::too_far(world, start, subnet, key)?;
        }
        // What translated nothing on the way loses the reply (3.4).
        let lost = journey.via.last().is_some_and(|via| !via.translated);
        return if lost { Err(Halt::Deny(Place::of("return-route", None))) } else { Ok(arrived) };
    }
    // NSGs are judged at the servers behind a frontend, not at the frontend.
    let server = balancer::behind(case, &journey.flow, end, subnet, ways)?;
    let (subnet, end, flow) = match server {
        Some(server) => (server.subnet, Some(server.end), server.flow),
        None => (subnet, end, journey.flow.clone()),
    };
    let journey = Journey { flow, ..journey };
    let arrived = gates(case, &journey.flow, subnet, end, true, journey.last.clone())?;
    return_route(case, &journey, subnet).map(|()| arrived)
}

fn return_route(case: &Case<'_>, journey: &Journey<'_>, subnet: usize) -> Result<(), Halt> {
    let Some(start) = journey.start else { return reply_to_outside(case, &journey.flow, subnet) };
    let failed = match reply(case, journey, start, subnet) {
        Err(Halt::Deny(place)) => place,
        other => return other,
    };
    // A table on the way that is not in the snapshot may lead the flow or its reply another way.
    let on_the_way = [start].into_iter().chain(journey.via.iter().map(|via| via.subnet)).chain([subnet]);
    let missing = { on_the_way }.find_map(|subnet| table(case.world, subnet).err());
    let source = journey.via.first().map_or(journey.flow.source, |via| via.before);
    match missing {
        Some(id) if case.ask(delivers(id, source), &Place::of("route", Some(id.name())))? => Ok(()),
        _ => Err(Halt::Deny(failed)),
    }
}

/// The route of the reply, which must pass the appliances of the request (3.6).
fn reply(case: &Case<'_>, journey: &Journey<'_>, start: usize, subnet: usize) -> Result<(), Halt> {
    let world = case.world;
    let vnet_of = |subnet: usize| world.subnets[subnet].vnet;
    let destination = journey.flow.destination;
    let (mut at, mut target) = (subnet, journey.flow.source);
    for via in journey.via.iter().rev() {
        let route = lookup(case, at, target)?;
        let straight = matches!(route.hop, Hop::Local | Hop::Peer(_));
        // Toward a translated source the reply goes straight back to the firewall.
        if route.hop != Hop::Appliance(Some(via.address)) && !(via.translated && straight) {
            return Err(Halt::Deny(route.place("return-route")));
        }
        if let Some(peering) = refuses_forwarded(world, vnet_of(via.subnet), vnet_of(at), destination) {
            return Err(Halt::Deny(Place::of("return-route", Some(peering.to_owned()))));
        }
        (at, target) = (via.subnet, via.before);
    }
    let route = lookup(case, at, target)?;
    if !matches!(route.hop, Hop::Local | Hop::Peer(_) | Hop::Endpoint(_)) {
        return Err(Halt::Deny(route.place("return-route")));
    }
    let refused = refuses_forwarded(world, vnet_of(start), vnet_of(at), destination);
    match refused.filter(|_| !journey.via.is_empty()) {
        Some(peering) => Err(Halt::Deny(Place::of("return-route", Some(peering.to_owned())))),
        None => Ok(()),
    }
}
