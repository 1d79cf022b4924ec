//! One concrete flow, gate by gate, hop by hop (semantics.md 8).

use super::address::{Addr, within};
use super::admin;
use super::case::{Case, Fact, Halt, Missing, Place};
use super::internet::{WayOut, from_outside, to_internet, way_out};
use super::read::Id;
use super::routing::{Chosen, Hop, METADATA, PLATFORM, delivers, is_private, lookup, peers, refuses_forwarded, table};
use super::rules::gate;
use super::world::{End, Gateway, World};

/// A five-tuple. Ports are 0 where the protocol has none.
#[derive(Debug, Clone)]
pub(crate) struct Flow {
    pub(crate) source: Addr,
    pub(crate) destination: Addr,
    pub(crate) protocol: String,
    pub(crate) source_port: u16,
    pub(crate) destination_port: u16,
}

impl Flow {
    /// Does its protocol have ports?
    pub(crate) fn has_ports(&self) -> bool {
        matches!(self.protocol.as_str(), "tcp" | "udp")
    }
}

/// What becomes of a flow: it is denied or arrives, with the deny or the last filter that matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) allowed: bool,
    pub(crate) place: Option<Place>,
}

const NO_NSG: [&str; 4] =
    ["azurefirewallsubnet", "azurefirewallmanagementsubnet", "gatewaysubnet", "routeserversubnet"];

impl Gateway {
    pub(super) fn is_in(&self, subnet: &str) -> bool {
        self.subnets.iter().any(|id| id.key == subnet)
    }
}

impl World {
    /// The subnet of an address, in one network or anywhere: the longest prefix, then the lowest id.
    pub(crate) fn subnet_of(&self, address: Addr, vnet: Option<usize>) -> Option<usize> {
        let mut found: Vec<(u32, &str, usize)> = Vec::new();
        for (index, subnet) in self.subnets.iter().enumerate() {
            let holding = subnet.prefixes.iter().filter(|prefix| prefix.holds(address)).map(|prefix| prefix.len).max();
            if let Some(len) = holding.filter(|_| vnet.is_none_or(|vnet| vnet == subnet.vnet)) {
                found.push((u32::MAX - len, &subnet.key, index));
            }
        }
        found.into_iter().min().map(|(_, _, index)| index)
    }

    /// The network of an endpoint, where its subnet is in the snapshot.
    pub(crate) fn vnet_of_end(&self, end: &End) -> Option<usize> {
        self.subnet_of_end(end).map(|index| self.subnets[index].vnet)
    }

    pub(super) fn subnet_of_end(&self, end: &End) -> Option<usize> {
        self.subnets.iter().position(|subnet| end.subnet.as_ref().is_some_and(|id| id.key == subnet.key))
    }

    /// What answers on an address of a subnet; a NIC before a frontend.
    pub(super) fn end_at(&self, address: Addr, subnet: usize) -> Option<&End> {
        let own = &self.subnets[subnet];
        let here = |end: &&End| {
            let placed = match &end.subnet {
                Some(id) => id.key == own.key,
                None => within(address, &own.prefixes),
            };
            end.address == address && placed
        };
        let mut all: Vec<&End> = self.ends.iter().filter(here).collect();
        all.sort_by_key(|end| !end.nic);
        all.first().copied()
    }

    /// Is the subnet a gateway's or one of Azure's own, where no customer NIC is expected?
    fn expects_no_nic(&self, subnet: usize) -> bool {
        let own = &self.subnets[subnet];
        let name = own.name.to_ascii_lowercase();
        self.gateways.iter().any(|gateway| gateway.is_in(&own.key))
            || NO_NSG.contains(&name.as_str())
            || name == "azurebastionsubnet"
    }

    /// The subnet of a gateway or NIC that is not in the snapshot and where an address may be: that of a NIC with this
    /// address, or any, for a private address that no network holds.
    fn missing_subnet(&self, address: Addr) -> Option<&Id> {
        let lost = |id: &&Id| !self.subnets.iter().any(|subnet| subnet.key == id.key);
        let named = self.ends.iter().filter(|end| end.address == address);
        if let Some(own) = named.filter_map(|end| end.subnet.as_ref()).find(lost) {
            return Some(own);
        }
        let held = self.vnets.iter().any(|vnet| within(address, &vnet.prefixes));
        let of_nics = self.ends.iter().filter(|end| end.nic).filter_map(|end| end.subnet.as_ref());
        let all = self.gateways.iter().flat_map(|gateway| &gateway.subnets).chain(of_nics).filter(lost);
        all.min_by_key(|id| &id.key).filter(|_| !held && is_private(address))
    }

    /// Has a pool a server with this address in a customer subnet and without a NIC in the snapshot?
    pub(crate) fn unseen_server(&self, address: Addr, vnets: impl IntoIterator<Item = usize>) -> bool {
        let subnet = vnets.into_iter().find_map(|vnet| self.subnet_of(address, Some(vnet)));
        self.gateways.iter().any(|gateway| gateway.servers.contains(&address))
            && subnet.is_some_and(|subnet| !self.expects_no_nic(subnet) && self.end_at(address, subnet).is_none())
    }

    pub(super) fn public_address(&self, key: &str) -> Option<Addr> {
        self.publics.iter().find(|public| public.key == key).and_then(|public| public.address)
    }
}

/// Walks one flow.
pub(crate) fn walk(case: &Case<'_>, flow: &Flow, start: Option<usize>) -> Result<Outcome, Missing> {
    let start = start.or_else(|| case.world.subnet_of(flow.source, None));
    settle(match start {
        Some(subnet) => leave(case, flow, subnet),
        None => in_missing_subnet(case, flow.source, "nsg-out-subnet").and_then(|()| from_outside(case, flow)),
    })
}

/// Where the source lies in a subnet that is not in the snapshot and does not get out: the deny.
pub(crate) fn kept_in(case: &Case<'_>, flow: &Flow) -> Result<Option<Outcome>, Missing> {
    let out = settle(in_missing_subnet(case, flow.source, "nsg-out-subnet").map(|()| None))?;
    Ok(Some(out).filter(|out| !out.allowed))
}

/// The gates of a subnet that is not in the snapshot.
pub(super) fn in_missing_subnet(case: &Case<'_>, address: Addr, stage: &'static str) -> Result<(), Halt> {
    let Some(id) = case.world.missing_subnet(address) else { return Ok(()) };
    past_missing_subnet(case, id, stage)
}

pub(super) fn past_missing_subnet(case: &Case<'_>, id: &Id, stage: &'static str) -> Result<(), Halt> {
    let place = Place::of(stage, Some(id.name()));
    let passes = case.ask(Fact::plain(format!("subnet {} lets through", id.key)), &place)?;
    if passes { Ok(()) } else { Err(Halt::Deny(place)) }
}

pub(super) fn settle(result: Result<Option<Place>, Halt>) -> Result<Outcome, Missing> {
    match result {
        Ok(place) => Ok(Outcome { allowed: true, place }),
        Err(Halt::Deny(place)) => Ok(Outcome { allowed: false, place: Some(place) }),
        Err(Halt::Arrives) => Ok(Outcome { allowed: true, place: None }),
        Err(Halt::Missing(missing)) => Err(missing),
    }
}

/// The NSGs of one side: those of NIC and subnet in the order of the direction (1.6), then the doubt about a NIC that
/// is not in the snapshot (oracle open point 22).
pub(super) fn gates(
    case: &Case<'_>,
    flow: &Flow,
    subnet: usize,
    end: Option<&End>,
    inbound: bool,
    before: Option<Place>,
) -> Result<Option<Place>, Halt> {
    let own = &case.world.subnets[subnet];
    let refuses = NO_NSG.contains(&own.name.to_ascii_lowercase().as_str());
    let of_subnet = own.nsg.as_ref().filter(|_| !refuses);
    let of_nic = end.and_then(|end| end.nsg.as_ref());
    let (nic_stage, subnet_stage) =
        if inbound { ("nsg-in-nic", "nsg-in-subnet") } else { ("nsg-out-nic", "nsg-out-subnet") };
    let mut order = vec![(of_nic, nic_stage), (of_subnet, subnet_stage)];
    if inbound {
        order.reverse();
    }
    let mut last = before;
    if let Some((place, past_all)) = admin::gate(case, inbound, flow, subnet)? {
        last = Some(place);
        if past_all {
            return Ok(last);
        }
    }
    for (nsg, stage) in order {
        if let Some(nsg) = nsg {
            last = gate(case, nsg, inbound, stage, flow, subnet, false)?.or(last);
        }
    }
    if end.is_none() && !case.assumed.no_unseen_nics && !case.world.expects_no_nic(subnet) {
        let address = if inbound { flow.destination } else { flow.source };
        let place = Place::of(nic_stage, None);
        if !case.ask(Fact::about("unseen nic allows", address), &place)? {
            return Err(Halt::Deny(place));
        }
    }
    Ok(last)
}

/// From a subnet: source gates, route, arrival.
fn leave(case: &Case<'_>, flow: &Flow, start: usize) -> Result<Option<Place>, Halt> {
    let world = case.world;
    let source_end = world.end_at(flow.source, start);
    let last = gates(case, flow, start, source_end, false, None)?;
    if within(flow.destination, &[PLATFORM, METADATA]) {
        return Ok(last); // always on the host, no route involved (1.8)
    }
    let (mut at, mut via) = (start, Vec::new());
    let route = loop {
        let route = lookup(case, at, flow.destination)?;
        match route.hop {
            Hop::Drop => return Err(Halt::Deny(route.place("route"))),
            Hop::Appliance(Some(hop)) if hop == flow.destination => {
                // What stands there is the destination itself.
                match reached(world, at).into_iter().find_map(|vnet| world.subnet_of(hop, Some(vnet))) {
                    Some(next) => at = next,
                    None => drop(cross(case, flow, &route, Some(hop), at, &via)?),
                }
                break Chosen::system(Hop::Local);
            }
            Hop::Appliance(hop) => {
                let next = cross(case, flow, &route, hop, at, &via)?;
                via.push(next);
                at = next.1;
            }
            _ => break route,
        }
    };
    let own = world.subnets[at].vnet;
    let all = peers(world, at);
    let peer = match route.hop {
        Hop::Internet => {
            let way_out = if via.is_empty() { way_out(world, start, source_end) } else { WayOut::Somehow };
            return to_internet(case, flow, &route, at, way_out, last);
        }
        Hop::Gateway | Hop::Service => return Ok(last),
        Hop::Peer(index) => all.get(index),
        _ => None,
    };
    if route.user && route.hop == Hop::Local && !within(flow.destination, &world.vnets[own].prefixes) {
        return Err(Halt::Deny(route.place("route")));
    }
    let vnet = match peer {
        None => own,
        Some(peer) => match peer.remote {
            Some(remote) => remote,
            None => return unseen_network(case, &peer.own.name, peer.own.remote.as_ref(), last),
        },
    };
    if let Some(peering) = refuses_forwarded(world, vnet, own, flow.source) {
        return Err(Halt::Deny(Place::of("peering", Some(peering.to_owned()))));
    }
    let arrived = arrive(case, flow, vnet, &via, start, last)?;
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

/// The appliance at a next hop: its address and subnet (3.3).
fn cross(
    case: &Case<'_>,
    flow: &Flow,
    route: &Chosen,
    hop: Option<Addr>,
    at: usize,
    via: &[(Addr, usize)],
) -> Result<(Addr, usize), Halt> {
    let world = case.world;
    let denied = || Halt::Deny(route.place("route"));
    let address = hop.ok_or_else(denied)?;
    let own = world.subnets[at].vnet;
    let all = peers(world, at);
    let there = Fact::about("next hop exists", address);
    let Some(next) = reached(world, at).into_iter().find_map(|vnet| world.subnet_of(address, Some(vnet))) else {
        let unseen = all.iter().any(|peer| peer.remote.is_none() && within(address, &peer.prefixes));
        let may = unseen && case.ask(there, &route.place("route"))?;
        return Err(if may { Halt::Arrives } else { denied() });
    };
    if via.iter().any(|(earlier, _)| *earlier == address) || via.len() >= 5 {
        return Err(denied());
    }
    let end = world.end_at(address, next);
    match end {
        Some(end) if end.nic && !end.forwarding => return Err(denied()),
        None if !case.ask(there, &route.place("route"))? => return Err(denied()),
        _ => {}
    }
    if let Some(peering) = refuses_forwarded(world, world.subnets[next].vnet, own, flow.source) {
        return Err(Halt::Deny(Place::of("peering", Some(peering.to_owned()))));
    }
    if !case.assumed.transparent {
        let place = Place::of("firewall", end.map(|end| world.shown(&end.owner)));
        if !case.ask(Fact::about("appliance lets through", address), &place)? {
            return Err(Halt::Deny(place));
        }
    }
    Ok((address, next))
}

/// Destination gates, then the route of the reply.
fn arrive(
    case: &Case<'_>,
    flow: &Flow,
    vnet: usize,
    via: &[(Addr, usize)],
    start: usize,
    last: Option<Place>,
) -> Result<Option<Place>, Halt> {
    let world = case.world;
    let Some(subnet) = world.subnet_of(flow.destination, Some(vnet)) else {
        return in_missing_subnet(case, flow.destination, "nsg-in-subnet").map(|()| last);
    };
    let arrived = gates(case, flow, subnet, world.end_at(flow.destination, subnet), true, last)?;
    let failed = match reply(case, flow, subnet, via, start) {
        Err(Halt::Deny(place)) => place,
        other => return other.map(|()| arrived),
    };
    // A table on the way that is not in the snapshot may lead the flow or its reply another way.
    let mut on_the_way = [start].into_iter().chain(via.iter().map(|(_, next)| *next)).chain([subnet]);
    let missing = on_the_way.find_map(|subnet| table(world, subnet).err());
    match missing {
        Some(id) if case.ask(delivers(id, flow.source), &Place::of("route", Some(id.name())))? => Ok(arrived),
        _ => Err(Halt::Deny(failed)),
    }
}

/// The route of the reply, which must pass the appliances of the request (3.6).
fn reply(case: &Case<'_>, flow: &Flow, subnet: usize, via: &[(Addr, usize)], start: usize) -> Result<(), Halt> {
    let world = case.world;
    let vnet_of = |subnet: usize| world.subnets[subnet].vnet;
    let mut at = subnet;
    for (address, next) in via.iter().rev() {
        let route = lookup(case, at, flow.source)?;
        if route.hop != Hop::Appliance(Some(*address)) {
            return Err(Halt::Deny(route.place("return-route")));
        }
        if let Some(peering) = refuses_forwarded(world, vnet_of(*next), vnet_of(at), flow.destination) {
            return Err(Halt::Deny(Place::of("return-route", Some(peering.to_owned()))));
        }
        at = *next;
    }
    let route = lookup(case, at, flow.source)?;
    if !matches!(route.hop, Hop::Local | Hop::Peer(_)) {
        return Err(Halt::Deny(route.place("return-route")));
    }
    let refused = refuses_forwarded(world, vnet_of(start), vnet_of(at), flow.destination).filter(|_| !via.is_empty());
    match refused {
        Some(peering) => Err(Halt::Deny(Place::of("return-route", Some(peering.to_owned())))),
        None => Ok(()),
    }
}
