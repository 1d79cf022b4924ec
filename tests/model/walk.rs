//! One concrete flow, gate by gate, hop by hop (semantics.md 8).

use super::address::{Addr, Prefix, within};
use super::admin;
use super::case::{Case, Fact, Halt, Missing, Place};
use super::internet::from_outside;
use super::journey::leave;
use super::read::Id;
use super::routing::is_private;
use super::rules::gate;
use super::world::{End, Gateway, Subnet, World};

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

/// Does a subnet take an NSG (1.11)?
pub(super) fn has_nsg(subnet: &Subnet) -> bool {
    !NO_NSG.contains(&subnet.name.to_ascii_lowercase().as_str())
}

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
        all.sort_by_key(|end| !end.nic && end.endpoint.is_none());
        all.first().copied()
    }

    /// Is the subnet a gateway's or one of Azure's own, where no customer NIC is expected?
    pub(super) fn expects_no_nic(&self, subnet: usize) -> bool {
        let own = &self.subnets[subnet];
        let name = own.name.to_ascii_lowercase();
        self.gateways.iter().any(|gateway| gateway.is_in(&own.key))
            || NO_NSG.contains(&name.as_str())
            || name == "azurebastionsubnet"
    }

    /// The subnet of a gateway or NIC that is not in the snapshot and where an address may be: that of a NIC with this
    /// address, or any, for a private address that no network holds.
    fn missing_subnet(&self, address: Addr, inbound: bool) -> Option<&Id> {
        let lost = |id: &&Id| !self.subnets.iter().any(|subnet| subnet.key == id.key);
        let named = self.ends.iter().filter(|end| end.address == address);
        if let Some(own) = named.filter_map(|end| end.subnet.as_ref()).find(lost) {
            return Some(own);
        }
        let held = self.vnets.iter().any(|vnet| within(address, &vnet.prefixes));
        let placed = |end: &&End| end.nic || self.balancers.contains_key(&end.owner.key);
        let of_nics = self.ends.iter().filter(placed).filter_map(|end| end.subnet.as_ref());
        let of_firewalls = self.firewalls.all.iter().filter_map(|firewall| firewall.subnet.as_ref());
        let of_endpoints = self.endpoints.values().filter_map(|endpoint| endpoint.subnet.as_ref());
        let of_gateways = self.gateways.iter().flat_map(|gateway| &gateway.subnets);
        let all = of_gateways.chain(of_nics).chain(of_firewalls).chain(of_endpoints).filter(lost);
        let subnet = all.min_by_key(|id| &id.key).filter(|_| !held && (inbound || is_private(address) || address.six));
        subnet.or_else(|| self.missing_network(address).filter(|_| !held))
    }

    /// A network that a peering or a network group names, that is not in the snapshot, and that may hold the address.
    fn missing_network(&self, address: Addr) -> Option<&Id> {
        let peerings = self.vnets.iter().flat_map(|vnet| &vnet.peerings);
        let private = is_private(address);
        let may = |space: &[Prefix]| within(address, space) || space.is_empty() && private;
        let peers = peerings.filter(|peering| may(&peering.space)).filter_map(|peering| peering.remote.as_ref());
        let named = peers.chain(admin::members(self).filter(|_| private));
        named.filter(|id| !self.vnets.iter().any(|vnet| vnet.key == id.key)).min_by_key(|id| &id.key)
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

/// How far a walk comes.
#[derive(Debug, Clone)]
pub(crate) enum Walked {
    /// To its end.
    Done(Outcome),
    /// To a place where it may go on in several ways, each told by an address.
    Split(Vec<Addr>),
}

/// The ways that a walk takes where it splits: the position of each among those that are open.
#[derive(Debug)]
pub(super) struct Ways<'t> {
    all: &'t [usize],
    taken: usize,
}

impl Ways<'_> {
    /// The way to take here.
    pub(super) fn choose(&mut self, open: Vec<Addr>) -> Result<usize, Halt> {
        let way = self.all.get(self.taken).copied().ok_or(Halt::Split(open))?;
        self.taken += 1;
        Ok(way)
    }
}

/// Walks one flow along some ways.
pub(crate) fn walk(case: &Case<'_>, flow: &Flow, start: Option<usize>, all: &[usize]) -> Result<Walked, Missing> {
    let start = start.or_else(|| case.world.subnet_of(flow.source, None));
    let ways = &mut Ways { all, taken: 0 };
    let walked = match start {
        Some(subnet) => leave(case, flow, subnet, ways),
        // By what way it comes out of a subnet that is not in the snapshot, and with which source, is not known.
        None => match in_missing_subnet(case, flow.source, "nsg-out-subnet") {
            Ok(true) => Ok(None),
            Ok(false) => from_outside(case, flow, ways),
            Err(halt) => Err(halt),
        },
    };
    match walked {
        Err(Halt::Split(open)) => Ok(Walked::Split(open)),
        other => settle(other).map(Walked::Done),
    }
}

/// The gates of a subnet that is not in the snapshot: false where the address is in none.
pub(super) fn in_missing_subnet(case: &Case<'_>, address: Addr, stage: &'static str) -> Result<bool, Halt> {
    let Some(id) = case.world.missing_subnet(address, stage == "nsg-in-subnet") else { return Ok(false) };
    past_missing_subnet(case, id, stage).map(|()| true)
}

pub(super) fn past_missing_subnet(case: &Case<'_>, id: &Id, stage: &'static str) -> Result<(), Halt> {
    let place = Place::of(stage, Some(id.name()));
    let passes = case.ask(Fact::plain(format!("subnet {} lets through", id.key)), &place)?;
    if passes { Ok(()) } else { Err(Halt::Deny(place)) }
}

pub(super) fn settle(result: Result<Option<Place>, Halt>) -> Result<Outcome, Missing> {
    match result {
        Ok(place) | Err(Halt::Arrives(place)) => Ok(Outcome { allowed: true, place }),
        Err(Halt::Deny(place)) => Ok(Outcome { allowed: false, place: Some(place) }),
        Err(Halt::Missing(missing)) => Err(missing),
        Err(Halt::Split(_)) => panic!("nothing splits here"),
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
    let of_subnet = own.nsg.as_ref().filter(|_| has_nsg(own));
    let of_nic = end.and_then(|end| end.nsg.as_ref());
    let (nic_stage, subnet_stage) =
        if inbound { ("nsg-in-nic", "nsg-in-subnet") } else { ("nsg-out-nic", "nsg-out-subnet") };
    let mut order = vec![(of_nic, nic_stage), (of_subnet, subnet_stage)];
    if inbound {
        order.reverse();
    }
    let mut last = before;
    let exempt = end.is_some_and(|end| end.endpoint.is_some());
    if let Some((place, past_all)) = if exempt { None } else { admin::gate(case, inbound, flow, subnet)? } {
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
