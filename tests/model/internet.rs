//! Traffic that enters or leaves through the Internet (semantics.md 1.6, 5.1, 5.3).

use super::address::{Addr, Prefix};
use super::case::{Case, Fact, Halt, Place};
use super::endpoint;
use super::firewall::Firewall;
use super::journey::{Journey, arrive, travel};
use super::routing::{Chosen, Hop, is_private, lookup};
use super::walk::{Flow, Ways, gates, past_missing_subnet};
use super::world::{End, PublicIp, World};

/// The NIC behind a public address of the snapshot. A NIC that is not there may have any NSG, and so may the subnet of
/// one whose network is not there.
fn owner_of_public<'w>(case: &Case<'w>, address: Addr) -> Result<Option<(&'w End, usize)>, Halt> {
    let world = case.world;
    let Some(public) = world.publics.iter().find(|public| public.address == Some(address)) else { return Ok(None) };
    let owner = world.ends.iter().find(|end| {
        end.nic
            && (public.configuration.as_ref() == Some(&end.configuration) || end.public.as_ref() == Some(&public.key))
    });
    if let Some(owner) = owner {
        return match (world.subnet_of_end(owner), &owner.subnet) {
            (Some(subnet), _) => Ok(Some((owner, subnet))),
            (None, Some(id)) => past_missing_subnet(case, id, "nsg-in-subnet").map(|()| None),
            (None, None) => Ok(None),
        };
    }
    if public.configuration.as_ref().is_some_and(|key| key.contains("/networkinterfaces/")) {
        let place = Place::of("nsg-in-nic", None);
        if !case.ask(Fact::about("unseen nic allows", address), &place)? {
            return Err(Halt::Deny(place));
        }
    }
    Ok(None)
}

/// How traffic of a subnet leaves to the Internet.
#[derive(Debug, Clone, Copy)]
pub(super) enum WayOut {
    /// Not at all.
    None,
    /// With an address that is not known.
    Somehow,
    /// With this public address.
    Address(Addr),
}

impl WayOut {
    pub(super) fn with(address: Option<Addr>) -> WayOut {
        address.map_or(WayOut::Somehow, WayOut::Address)
    }
}

/// Delivery to the Internet (5.3).
pub(super) fn to_internet<'w>(
    case: &Case<'w>,
    journey: Journey<'w>,
    route: &Chosen,
    way_out: WayOut,
    ways: &mut Ways<'_>,
) -> Result<Option<Place>, Halt> {
    let world = case.world;
    let destination = journey.flow.destination;
    let denied = || Halt::Deny(route.place("route"));
    if is_private(destination) || matches!(way_out, WayOut::None) {
        return Err(denied());
    }
    let answers = answers(world, destination);
    let owner = if answers { None } else { owner_of_public(case, destination)? };
    if owner.is_none() && !answers {
        return unlisted(case, destination).map(|()| journey.last);
    }
    let WayOut::Address(source) = way_out else {
        let fact = Fact::plain(format!("public address of {} is let in", world.subnets[journey.at].key));
        return if case.ask(fact, &route.place("route"))? { Ok(journey.last) } else { Err(denied()) };
    };
    let translated = Flow { source, ..journey.flow };
    let Some((owner, subnet)) = owner else { return public_frontend(case, &translated, journey.last, ways) };
    let translated = Flow { destination: owner.address, ..translated };
    let arrived = gates(case, &translated, subnet, Some(owner), true, journey.last)?;
    reply_to_outside(case, &translated, subnet).map(|()| arrived)
}

/// Is it the public address of a firewall or of a gateway's frontend?
fn answers(world: &World, address: Addr) -> bool {
    gateway_with(world, address).is_some() || firewall_with(world, address).is_some()
}

fn firewall_with(world: &World, address: Addr) -> Option<&Firewall> {
    world.firewalls.all.iter().find(|firewall| firewall.is_public(world, address))
}

/// The public IP address resource of a gateway's frontend.
fn gateway_with(world: &World, address: Addr) -> Option<&PublicIp> {
    let frontends = world.gateways.iter().flat_map(|gateway| &gateway.frontends);
    let mut keys = frontends.filter_map(|(_, _, public)| public.as_ref());
    let found = keys.find(|key| world.public_address(key) == Some(address))?;
    world.publics.iter().find(|public| public.key == *found)
}

/// To one of those.
fn public_frontend(
    case: &Case<'_>,
    flow: &Flow,
    last: Option<Place>,
    ways: &mut Ways<'_>,
) -> Result<Option<Place>, Halt> {
    let world = case.world;
    if let Some(firewall) = firewall_with(world, flow.destination) {
        return through_firewall(case, firewall, flow, ways);
    }
    let Some((subnet, open)) = frontend(world, flow) else {
        let Some(public) = gateway_with(world, flow.destination) else { return Ok(last) };
        // The gateway's subnet is not in the snapshot.
        let place = Place::of("nsg-in-subnet", Some(public.name.clone()));
        let passes = case.ask(Fact::plain(format!("{} lets in", public.key)), &place)?;
        return Err(if passes { Halt::Arrives(Some(place)) } else { Halt::Deny(place) });
    };
    let destination = open[ways.choose(open.clone())?];
    gates(case, &Flow { destination, ..flow.clone() }, subnet, None, true, last)
}

/// It may be a public address that is not in the snapshot, of something that is.
fn unlisted(case: &Case<'_>, address: Addr) -> Result<(), Halt> {
    let world = case.world;
    let frontends = world.gateways.iter().flat_map(|gateway| &gateway.frontends);
    let named = frontends.filter_map(|(_, _, public)| public.as_ref());
    let named = named.chain(world.ends.iter().filter_map(|end| end.public.as_ref()));
    let named = named.chain(world.firewalls.all.iter().flat_map(|firewall| &firewall.publics));
    let missing = named.filter(|key| !world.publics.iter().any(|public| public.key == **key)).min();
    let listed = world.publics.iter().any(|public| public.address == Some(address));
    let Some(key) = missing.filter(|_| !is_private(address) && !listed) else { return Ok(()) };
    let place = Place::of("nsg-in-subnet", key.rsplit('/').next().map(str::to_owned));
    let passes = case.ask(Fact::plain(format!("owner of {key} lets in")), &place)?;
    Err(if passes { Halt::Arrives(Some(place)) } else { Halt::Deny(place) })
}

/// A gateway leaves with its public frontend or through a NAT gateway, a NIC with its own address.
pub(super) fn way_out(world: &World, subnet: usize, source_end: Option<&End>) -> WayOut {
    let own = &world.subnets[subnet];
    let nic = source_end.filter(|end| end.nic);
    let mut gateways = world.gateways.iter().filter(|gateway| gateway.is_in(&own.key)).peekable();
    if gateways.peek().is_some() && nic.is_none() {
        let public = gateways.flat_map(|gateway| &gateway.frontends).find_map(|(_, _, public)| public.as_ref());
        let Some(public) = public else {
            let Some(nat) = &own.nat else { return WayOut::None };
            let address = world.nats.get(nat).and_then(|list| list.first()).and_then(|key| world.public_address(key));
            return WayOut::with(address);
        };
        return WayOut::with(world.public_address(public));
    }
    let held = nic.and_then(|nic| world.publics.iter().find(|p| p.configuration.as_ref() == Some(&nic.configuration)));
    let key = held.map(|public| &public.key).or(nic.and_then(|nic| nic.public.as_ref()));
    WayOut::with(key.and_then(|key| world.public_address(key)))
}

/// From outside every network: only the destination's side is seen, and a reply that is certain to be dropped.
pub(super) fn from_outside(case: &Case<'_>, flow: &Flow, ways: &mut Ways<'_>) -> Result<Option<Place>, Halt> {
    let world = case.world;
    if answers(world, flow.destination) {
        return public_frontend(case, flow, None, ways);
    }
    unlisted(case, flow.destination)?;
    if let Some(subnet) = world.subnet_of(flow.destination, None) {
        endpoint::unplaced(case, flow.destination, subnet)?;
    }
    let (flow, vnet) = match owner_of_public(case, flow.destination)? {
        Some((owner, subnet)) => {
            (Flow { destination: owner.address, ..flow.clone() }, Some(world.subnets[subnet].vnet))
        }
        None => (flow.clone(), None),
    };
    arrive(case, Journey { flow, start: None, at: 0, via: Vec::new(), last: None }, vnet, ways)
}

/// After DNAT the firewall dials the translated address from its own subnet.
fn through_firewall(
    case: &Case<'_>,
    firewall: &Firewall,
    flow: &Flow,
    ways: &mut Ways<'_>,
) -> Result<Option<Place>, Halt> {
    let world = case.world;
    let (flow, place) = firewall.dnat(case, flow, true, ways)?;
    let Some(start) =
        world.subnets.iter().position(|subnet| Some(&subnet.key) == firewall.subnet.as_ref().map(|id| &id.key))
    else {
        return Ok(Some(place));
    };
    travel(case, Journey { flow, start: Some(start), at: start, via: Vec::new(), last: Some(place) }, ways)
}

/// The reply to a source outside every network: only a None route is certain to lose it.
pub(super) fn reply_to_outside(case: &Case<'_>, flow: &Flow, subnet: usize) -> Result<(), Halt> {
    let route = lookup(case, subnet, flow.source)?;
    if route.hop != Hop::Drop {
        return Ok(());
    }
    Err(Halt::Deny(route.place("return-route")))
}

/// Destinations that the NSG of a gateway subnet sees where a flow from outside meets a public frontend: the instances,
/// or the frontend itself where a public and a private listener share the port (5.1).
fn frontend(world: &World, flow: &Flow) -> Option<(usize, Vec<Addr>)> {
    for gateway in &world.gateways {
        let of_key = |key: &Option<String>| key.as_ref().and_then(|key| world.public_address(key));
        let met = gateway.frontends.iter().find(|(_, _, public)| of_key(public) == Some(flow.destination));
        let subnet = gateway.subnets.iter().find_map(|id| world.subnets.iter().position(|s| s.key == id.key));
        let (Some((met, _, _)), Some(subnet)) = (met, subnet) else { continue };
        let listens = |frontend: &str| {
            gateway.listeners.iter().any(|(at, port)| at == frontend && *port == flow.destination_port)
        };
        let private = gateway.frontends.iter().any(|(id, _, public)| public.is_none() && listens(id));
        if listens(met) && private {
            return Some((subnet, vec![flow.destination]));
        }
        return Some((subnet, instances(world, subnet, flow.destination.six)));
    }
    None
}

/// Addresses that gateway instances of a subnet can have (8 item 1).
pub(crate) fn instances(world: &World, subnet: usize, six: bool) -> Vec<Addr> {
    let own = &world.subnets[subnet];
    let gateways = world.gateways.iter().filter(|gateway| gateway.is_in(&own.key));
    let taken: Vec<Addr> =
        gateways.flat_map(|gateway| &gateway.frontends).filter_map(|(_, private, _)| *private).collect();
    let prefixes = own.prefixes.iter().filter(|prefix| prefix.six == six);
    let mut all: Vec<Addr> = prefixes.flat_map(Prefix::usable).collect();
    all.retain(|address| !taken.contains(address));
    all.sort_unstable();
    all
}
