//! Traffic that enters or leaves through the Internet (semantics.md 1.6, 5.1, 5.3).

use super::address::{Addr, Prefix};
use super::case::{Case, Fact, Halt, Missing, Place};
use super::endpoint;
use super::firewall::Firewall;
use super::journey::{Journey, travel};
use super::routing::{Chosen, Hop, is_private, lookup};
use super::walk::{Flow, Outcome, Ways, gates, in_missing_subnet, past_missing_subnet, settle};
use super::world::{End, World};

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
pub(super) fn to_internet(
    case: &Case<'_>,
    flow: &Flow,
    route: &Chosen,
    at: usize,
    way_out: WayOut,
    last: Option<Place>,
) -> Result<Option<Place>, Halt> {
    let world = case.world;
    let denied = || Halt::Deny(route.place("route"));
    if is_private(flow.destination) || matches!(way_out, WayOut::None) {
        return Err(denied());
    }
    if let Some(public) = world.publics.iter().find(|public| public.address == Some(flow.destination)) {
        // Another gateway's frontend: what it does from the outside is not looked at.
        let frontends = world.gateways.iter().flat_map(|gateway| &gateway.frontends);
        if { frontends }.any(|(_, _, own)| own.as_ref() == Some(&public.key)) {
            let place = Place::of("nsg-in-subnet", Some(public.name.clone()));
            let passes = case.ask(Fact::plain(format!("{} lets in", public.key)), &place)?;
            return Err(if passes { Halt::Arrives(None) } else { Halt::Deny(place) });
        }
    }
    let Some((owner, subnet)) = owner_of_public(case, flow.destination)? else { return Ok(last) };
    let WayOut::Address(source) = way_out else {
        let fact = Fact::plain(format!("public address of {} is let in", world.subnets[at].key));
        return if case.ask(fact, &route.place("route"))? { Ok(last) } else { Err(denied()) };
    };
    let translated = Flow { source, destination: owner.address, ..flow.clone() };
    let arrived = gates(case, &translated, subnet, Some(owner), true, last)?;
    reply_to_outside(case, &translated, subnet).map(|()| arrived)
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
    if let Some(firewall) = world.firewalls.all.iter().find(|firewall| firewall.is_public(world, flow.destination)) {
        return through_firewall(case, firewall, flow, ways);
    }
    let (flow, subnet, end) = match owner_of_public(case, flow.destination)? {
        Some((owner, subnet)) => (Flow { destination: owner.address, ..flow.clone() }, subnet, Some(owner)),
        None => match world.subnet_of(flow.destination, None) {
            Some(subnet) => (flow.clone(), subnet, world.end_at(flow.destination, subnet)),
            None => return in_missing_subnet(case, flow.destination, "nsg-in-subnet").map(|()| None),
        },
    };
    if let Some(key) = end.and_then(|end| end.endpoint.as_ref()) {
        return endpoint::enter(case, &flow, subnet, key, None);
    }
    let last = gates(case, &flow, subnet, end, true, None)?;
    reply_to_outside(case, &flow, subnet).map(|()| last)
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
    let Some(start) = world.subnets.iter().position(|subnet| Some(&subnet.key) == firewall.subnet.as_ref()) else {
        return Ok(Some(place));
    };
    travel(case, Journey { flow, start, at: start, via: Vec::new(), last: Some(place) }, ways)
}

/// The reply to a source outside every network: only a None route is certain to lose it.
fn reply_to_outside(case: &Case<'_>, flow: &Flow, subnet: usize) -> Result<(), Halt> {
    let route = lookup(case, subnet, flow.source)?;
    if route.hop != Hop::Drop {
        return Ok(());
    }
    Err(Halt::Deny(route.place("return-route")))
}

/// Destinations that the NSG of a gateway subnet sees where a flow from outside meets a public frontend: the instances,
/// or the frontend itself where a public and a private listener share the port (5.1).
pub(crate) fn frontend(world: &World, flow: &Flow) -> Option<(usize, Vec<Addr>)> {
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

/// Inbound NSG of a gateway subnet for one of those destinations.
pub(crate) fn into_frontend(case: &Case<'_>, flow: &Flow, subnet: usize) -> Result<Outcome, Missing> {
    settle(gates(case, flow, subnet, None, true, None))
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
