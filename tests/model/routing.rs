//! Peerings, routes and the tags that follow from them, worked out anew for every address that is asked about
//! (semantics.md 1.8, 3).

use super::address::{Addr, Prefix, within};
use super::case::{Case, Fact, Halt, Known, Place};
use super::endpoint;
use super::read::Id;
use super::world::{Connection, Peering, Subnet, Table, UserRoute, World};

/// Absent from the Internet tag in every recorded expansion.
const NOT_PUBLIC: [Prefix; 10] = [
    net([0, 0, 0, 0], 8),
    net([10, 0, 0, 0], 8),
    net([100, 64, 0, 0], 10),
    net([127, 0, 0, 0], 8),
    net([169, 254, 0, 0], 16),
    net([172, 16, 0, 0], 12),
    net([192, 0, 2, 0], 24),
    net([192, 168, 0, 0], 16),
    net([198, 18, 0, 0], 15),
    net([224, 0, 0, 0], 3),
];
/// RFC 1918 and RFC 6598.
const PRIVATE: [Prefix; 4] =
    [net([10, 0, 0, 0], 8), net([172, 16, 0, 0], 12), net([192, 168, 0, 0], 16), net([100, 64, 0, 0], 10)];
/// None routes of August 2026 beside the private ones.
const RECORDED_NONE: [Prefix; 17] = [
    net([127, 0, 0, 0], 8),
    net([198, 18, 0, 0], 15),
    net([25, 4, 0, 0], 14),
    net([25, 148, 0, 0], 15),
    net([25, 150, 0, 0], 16),
    net([25, 152, 0, 0], 14),
    net([25, 156, 0, 0], 16),
    net([25, 159, 0, 0], 16),
    net([25, 176, 0, 0], 13),
    net([25, 184, 0, 0], 14),
    net([40, 108, 0, 0], 17),
    net([40, 109, 0, 0], 16),
    net([104, 146, 0, 0], 17),
    net([104, 147, 0, 0], 16),
    net([157, 59, 0, 0], 16),
    net([23, 103, 0, 0], 18),
    net([20, 35, 252, 0], 22),
];
const GLOBAL_UNICAST: Prefix = Prefix { six: true, bits: 0x2000 << 112, len: 3 };
pub(crate) const PLATFORM: Prefix = net([168, 63, 129, 16], 32);
pub(crate) const METADATA: Prefix = net([169, 254, 169, 254], 32);
const PROBE: Prefix = Prefix { six: true, bits: (0xfe80 << 112) | 0x1234_5678_9abc, len: 128 };
const DEFAULT: Prefix = net([0, 0, 0, 0], 0);
const DEFAULT_6: Prefix = Prefix { six: true, bits: 0, len: 0 };

/// An IPv4 prefix.
const fn net(bytes: [u8; 4], len: u32) -> Prefix {
    Prefix { six: false, bits: u32::from_be_bytes(bytes) as u128, len }
}

/// Not routable on the Internet.
pub(crate) fn is_private(address: Addr) -> bool {
    if address.six { !GLOBAL_UNICAST.holds(address) } else { within(address, &PRIVATE) }
}

/// A usable peering as seen from one subnet.
#[derive(Debug)]
pub(crate) struct Peer<'w> {
    pub(crate) own: &'w Peering,
    pub(crate) remote: Option<usize>,
    pub(crate) prefixes: Vec<Prefix>,
}

/// The remote network's peering back.
pub(crate) fn peering_back(world: &World, vnet: usize, remote: usize) -> Option<&Peering> {
    let (near, far) = (&world.vnets[vnet], &world.vnets[remote]);
    far.peerings.iter().find(|p| p.remote.as_ref().is_some_and(|id| id.key == near.key))
}

/// Both sides must be connected; a remote network that is not in the snapshot is taken to be (3.5).
pub(crate) fn peers(world: &World, subnet: usize) -> Vec<Peer<'_>> {
    let own = &world.subnets[subnet];
    let mut out = Vec::new();
    for peering in world.vnets[own.vnet].peerings.iter().filter(|peering| peering.connected) {
        let remote = peering.remote.as_ref().and_then(|id| world.vnets.iter().position(|vnet| vnet.key == id.key));
        if remote.is_some_and(|remote| !peering_back(world, own.vnet, remote).is_some_and(|back| back.connected)) {
            continue;
        }
        let known = remote.map(|remote| world.vnets[remote].prefixes.clone()).unwrap_or_default();
        let spaces = [peering.space.clone(), known, peering.wide_space.clone()];
        let mut prefixes = spaces.into_iter().find(|space| !space.is_empty()).unwrap_or_default();
        if let Some((near, far)) = &peering.only {
            if !near.is_empty() && !near.contains(&own.name.to_ascii_lowercase()) {
                continue;
            }
            if !far.is_empty() {
                // None where the remote network is not in the snapshot: they are not known.
                let named = world
                    .subnets
                    .iter()
                    .filter(|s| Some(s.vnet) == remote && far.contains(&s.name.to_ascii_lowercase()));
                prefixes = named.flat_map(|subnet| subnet.prefixes.iter().copied()).collect();
            }
        }
        out.push(Peer { own: peering, remote, prefixes });
    }
    out
}

/// The route table of a subnet: none, one of the snapshot, or one that is missing.
pub(crate) fn table(world: &World, subnet: usize) -> Result<Option<&Table>, &Id> {
    match &world.subnets[subnet].table {
        None => Ok(None),
        Some(id) => world.tables.iter().find(|table| table.key == id.key).map(Some).ok_or(id),
    }
}

/// Gateways of a network.
pub(super) fn own_gateways(world: &World, vnet: usize) -> Vec<&Id> {
    let inside = format!("{}/", world.vnets[vnet].key);
    let own = world.vpns.iter().filter(|(_, subnets)| subnets.iter().any(|key| key.starts_with(&inside)));
    own.map(|(id, _)| id).collect()
}

fn is(reference: Option<&Id>, id: &Id) -> bool {
    reference.is_some_and(|other| other.key == id.key)
}

/// Prefixes behind the gateways of a network.
fn behind_gateway(world: &World, vnet: usize) -> Vec<Prefix> {
    let mut out = Vec::new();
    for gateway in own_gateways(world, vnet) {
        for connection in world.connections.iter().filter(|connection| is(connection.first.as_ref(), gateway)) {
            out.extend(connection.office.iter().filter_map(|id| world.offices.get(&id.key)).flatten().copied());
        }
    }
    out
}

/// What brings a network prefixes that the snapshot does not hold: a connection that learns them, a local network
/// gateway or a gateway that was not exported.
fn unknown_behind_gateway<'w>(world: &'w World, vnet: usize, out: &mut Vec<&'w Id>) {
    let own = own_gateways(world, vnet);
    let place = |subnet: &Subnet| subnet.vnet == vnet && subnet.name.eq_ignore_ascii_case("GatewaySubnet");
    if own.is_empty() && world.subnets.iter().any(place) {
        let named = world.connections.iter().filter_map(|connection| connection.first.as_ref());
        out.extend(named.filter(|id| !world.vpns.iter().any(|(other, _)| other.key == id.key)));
    }
    for gateway in own {
        let ours = |c: &&Connection| is(c.first.as_ref(), gateway) || is(c.second.as_ref(), gateway);
        let connections: Vec<&Connection> = world.connections.iter().filter(ours).collect();
        for connection in &connections {
            match &connection.office {
                Some(office) if world.offices.contains_key(&office.key) => {}
                Some(office) => out.push(office),
                None => out.push(&connection.id),
            }
        }
        if connections.is_empty() {
            out.push(gateway);
        }
    }
}

/// Gateway routes of a subnet, its own network's and those of a hub with gateway transit.
fn gateway_prefixes(world: &World, subnet: usize) -> Vec<Prefix> {
    learning_from(world, subnet).into_iter().flat_map(|vnet| behind_gateway(world, vnet)).collect()
}

/// Networks whose gateways a subnet learns prefixes from.
fn learning_from(world: &World, subnet: usize) -> Vec<usize> {
    if matches!(table(world, subnet), Ok(Some(table)) if table.no_gateway_routes) {
        return Vec::new();
    }
    let vnet = world.subnets[subnet].vnet;
    let remote = |peer: &Peer<'_>| peer.remote.filter(|_| peer.own.remote_gateways);
    let remotes = peers(world, subnet).iter().filter_map(remote).collect::<Vec<_>>();
    let transit = |remote: &usize| peering_back(world, vnet, *remote).is_some_and(|back| back.transit);
    [vnet].into_iter().chain(remotes.into_iter().filter(transit)).collect()
}

/// Everything that may bring prefixes to a subnet and is not in the snapshot, its route table included.
fn unknown_prefixes(world: &World, subnet: usize) -> Vec<&Id> {
    let mut out: Vec<&Id> = table(world, subnet).err().into_iter().collect();
    let learning = learning_from(world, subnet);
    for peer in peers(world, subnet).iter().filter(|peer| peer.remote.is_none()) {
        let learned = peer.own.remote_gateways && !learning.is_empty();
        out.extend(peer.own.remote.iter().filter(|_| peer.prefixes.is_empty() || learned));
    }
    for vnet in learning {
        unknown_behind_gateway(world, vnet, &mut out);
    }
    out.sort_by(|a, b| a.text.cmp(&b.text));
    out.dedup_by(|a, b| a.text == b.text);
    out
}

/// VirtualNetwork as one subnet sees it.
fn virtual_network(world: &World, address: Addr, subnet: usize) -> Known {
    let own = &world.vnets[world.subnets[subnet].vnet];
    let peered = peers(world, subnet).iter().any(|peer| peer.own.access && within(address, &peer.prefixes));
    // A table that is not in the snapshot may keep them away.
    let learned = table(world, subnet).is_ok() && within(address, &gateway_prefixes(world, subnet));
    let routed = table(world, subnet).ok().flatten().is_some_and(|table| {
        table.routes.iter().any(|route| {
            let held = route.prefix.is_some_and(|prefix| prefix.holds(address));
            let default = route.prefix.is_some_and(|prefix| prefix.len == 0);
            held && !(default && matches!(route.hop.as_str(), "internet" | "none"))
        })
    });
    if within(address, &own.prefixes) || PLATFORM.holds(address) || peered || learned || routed {
        return Known::Yes;
    }
    Known::any([Known::Open(unknown_prefixes(world, subnet).into_iter().map(|id| brought(id, address)).collect())])
}

/// Prefixes that are not in the snapshot hold an address that nothing else claims.
fn brought(by: &Id, address: Addr) -> Fact {
    Fact::about(&format!("prefixes of {} hold", by.key), address)
}

fn internet(world: &World, address: Addr, subnet: usize) -> bool {
    let own = &world.vnets[world.subnets[subnet].vnet];
    let closed = if address.six { !GLOBAL_UNICAST.holds(address) } else { within(address, &NOT_PUBLIC) };
    let peered = peers(world, subnet).iter().any(|peer| peer.own.access && within(address, &peer.prefixes));
    !closed && !peered && !within(address, &own.prefixes)
}

/// Is the address in a service tag, as one subnet's NSG sees it? A tag without data is not known (1.8).
pub(crate) fn in_tag(world: &World, tag: &str, address: Addr, subnet: usize) -> Known {
    let sure = |yes: bool| if yes { Known::Yes } else { Known::No };
    match tag {
        "virtualnetwork" | "virtual_network" => virtual_network(world, address, subnet),
        "internet" => sure(internet(world, address, subnet)),
        "azureloadbalancer" | "azure_loadbalancer" => sure(within(address, &[PLATFORM, PROBE])),
        "azureplatformdns" => sure(PLATFORM.holds(address)),
        "azureplatformimds" => sure(METADATA.holds(address)),
        _ => match world.tags.get(tag) {
            Some(prefixes) => sure(within(address, prefixes)),
            None => Known::Open(vec![in_tag_fact(tag, address)]),
        },
    }
}

/// The one fact that a rule and a route ask for alike.
fn in_tag_fact(tag: &str, address: Addr) -> Fact {
    Fact::about(&format!("in tag {tag}"), address)
}

/// Where a packet goes next.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Hop {
    Local,
    Peer(usize),
    Internet,
    Appliance(Option<Addr>),
    Gateway,
    Service,
    /// A private endpoint, in the own network or across a peering.
    Endpoint(Option<usize>),
    Drop,
}

/// The route that won.
#[derive(Debug, Clone)]
pub(crate) struct Chosen {
    pub(crate) hop: Hop,
    pub(crate) user: bool,
    /// Length of its prefix; 0 for a service tag.
    pub(crate) len: u32,
    pub(crate) table: Option<String>,
    pub(crate) name: Option<String>,
}

impl Chosen {
    /// The route as the decider of a stage; system and gateway routes have no names.
    pub(crate) fn place(&self, stage: &'static str) -> Place {
        Place { rule: self.name.clone(), ..Place::of(stage, self.table.clone()) }
    }

    /// A route that is not a user's.
    pub(super) fn system(hop: Hop) -> Chosen {
        Chosen { hop, user: false, len: 0, table: None, name: None }
    }
}

/// A route that holds the address: length, precedence on equal length, gateway route?, route.
type Candidate = (u32, u32, bool, Chosen);

/// The winning route of a subnet for an address (3.1, 3.2).
pub(crate) fn lookup(case: &Case<'_>, subnet: usize, address: Addr) -> Result<Chosen, Halt> {
    let world = case.world;
    let found = match table(world, subnet) {
        Err(id) => {
            let chosen = Chosen { user: true, table: Some(id.name()), ..Chosen::system(Hop::Drop) };
            let fact = Fact::plain(format!("missing table {} changes nothing", id.key));
            if !case.ask(fact, &chosen.place("route"))? {
                return Ok(chosen);
            }
            None
        }
        Ok(table) => table,
    };
    let mut candidates = user_candidates(case, subnet, found, address)?;
    candidates.extend(system_candidates(world, subnet, found, address));
    candidates.extend(service_candidates(case, subnet, address)?);
    for (chosen, place) in endpoint::routes(world, subnet, address) {
        let whole = if address.six { 128 } else { 32 };
        // A user's route of that length wins as any does (3.1), whatever it leads to.
        let beaten = candidates.iter().any(|c| c.0 == whole && c.1 > 0);
        let Some((breaks, by)) = endpoint::overridden(world, found, place, address).filter(|_| !beaten) else {
            candidates.push((whole, 0, false, chosen));
            continue;
        };
        if breaks {
            let name = found.map(|table| table.routes[by].name.clone());
            let table = world.subnets[subnet].table.as_ref().map(|id| world.shown(id));
            return Ok(Chosen { hop: Hop::Drop, user: true, len: 0, table, name });
        }
    }
    let best = |list: &[Candidate], len: u32| list.iter().filter(|c| c.0 == len).map(|c| c.1).max();
    let all = candidates.clone();
    candidates.retain(|c| best(&all, c.0) == Some(c.1));
    let local =
        |c: &Candidate| !c.3.user && matches!(c.3.hop, Hop::Local | Hop::Peer(_) | Hop::Service | Hop::Endpoint(_));
    if candidates.iter().any(local) {
        candidates.retain(|c| !c.2);
    }
    let longest = candidates.iter().map(|c| c.0).max();
    let winner = candidates.into_iter().find(|c| Some(c.0) == longest);
    let chosen = winner.map_or_else(|| Chosen::system(Hop::Drop), |c| c.3);
    for id in unknown_prefixes(world, subnet) {
        let of_peer =
            |peer: &Peer<'_>| peer.remote.is_none() && peer.own.remote.as_ref().is_some_and(|own| own.text == id.text);
        let peer = peers(world, subnet).iter().position(of_peer);
        // A longer prefix that is not in the snapshot may win.
        let open = match chosen.hop {
            _ if chosen.user => chosen.len < if address.six { 128 } else { 32 },
            Hop::Drop | Hop::Internet => true,
            Hop::Gateway => peer.is_some(),
            _ => false,
        };
        if open && case.ask(brought(id, address), &Place::of("route", None))? {
            return Ok(Chosen::system(peer.map_or(Hop::Gateway, Hop::Peer)));
        }
    }
    Ok(chosen)
}

fn user_candidates(
    case: &Case<'_>,
    subnet: usize,
    table: Option<&Table>,
    address: Addr,
) -> Result<Vec<Candidate>, Halt> {
    let world = case.world;
    let mut out = Vec::new();
    let Some(table) = table else { return Ok(out) };
    // File order means nothing: routes are looked at by name.
    let mut routes: Vec<&UserRoute> = table.routes.iter().collect();
    routes.sort_by_key(|route| route.name.to_ascii_lowercase());
    for route in routes {
        let hop = match route.hop.as_str() {
            "vnetlocal" => Hop::Local,
            "internet" => Hop::Internet,
            "virtualappliance" => Hop::Appliance(route.hop_address),
            "virtualnetworkgateway" => Hop::Gateway,
            _ => Hop::Drop,
        };
        let name = world.subnets[subnet].table.as_ref().map(|id| world.shown(id));
        let len = route.prefix.map_or(0, |prefix| prefix.len);
        let chosen = Chosen { hop, user: true, len, table: name, name: Some(route.name.clone()) };
        if let Some(prefix) = route.prefix {
            if prefix.holds(address) {
                out.push((prefix.len, 100, false, chosen));
            }
            continue;
        }
        let length = length_in_tag(case, &route.text, address, &chosen.place("route"))?;
        out.extend(length.map(|length| (length, tag_rank(&route.text), false, chosen)));
    }
    Ok(out)
}

/// Regional tag > top-level tag > `AzureCloud.region` > `AzureCloud` (3.1 item 4).
fn tag_rank(tag: &str) -> u32 {
    let (top, region) = tag.split_once('.').map_or((tag, false), |(top, _)| (top, true));
    50 + if top == "azurecloud" { 0 } else { 2 } + u32::from(region)
}

/// Length of the longest prefix of a tag that holds the address. Of a tag without data neither the members nor their
/// lengths are known.
fn length_in_tag(case: &Case<'_>, tag: &str, address: Addr, place: &Place) -> Result<Option<u32>, Halt> {
    if let Some(members) = case.world.tags.get(tag) {
        return Ok(members.iter().filter(|prefix| prefix.holds(address)).map(|prefix| prefix.len).max());
    }
    if !case.ask(in_tag_fact(tag, address), place)? {
        return Ok(None);
    }
    let narrow = case.ask(Fact::about(&format!("narrow in tag {tag}"), address), place)?;
    Ok(Some(if !narrow {
        1
    } else if address.six {
        128
    } else {
        32
    }))
}

/// Service endpoint routes (3.2): the service's prefixes, all of them public and none of them a customer's.
fn service_candidates(case: &Case<'_>, subnet: usize, address: Addr) -> Result<Vec<Candidate>, Halt> {
    let mut out = Vec::new();
    let (own, peers) = (&case.world.subnets[subnet], peers(case.world, subnet));
    let customers = within(address, &case.world.vnets[own.vnet].prefixes)
        || peers.iter().any(|peer| within(address, &peer.prefixes));
    for service in own.services.iter().filter(|_| !is_private(address) && !customers) {
        let tag = service.trim_start_matches("microsoft.");
        let length = length_in_tag(case, tag, address, &Place::of("route", None))?;
        out.extend(length.map(|length| (length, 0, false, Chosen::system(Hop::Service))));
    }
    Ok(out)
}

fn system_candidates(world: &World, subnet: usize, table: Option<&Table>, address: Addr) -> Vec<Candidate> {
    let own = &world.subnets[subnet];
    let space = &world.vnets[own.vnet].prefixes;
    let gateway = gateway_prefixes(world, subnet);
    let mut routes: Vec<(Prefix, Hop)> = space.iter().map(|prefix| (*prefix, Hop::Local)).collect();
    routes.extend([(DEFAULT, Hop::Internet), (DEFAULT_6, Hop::Internet)]);
    let users: Vec<&str> = table
        .into_iter()
        .flat_map(|t| &t.routes)
        .filter(|route| route.prefix == Some(DEFAULT))
        .map(|route| route.hop.as_str())
        .collect();
    let elsewhere = if users.is_empty() { gateway.contains(&DEFAULT) } else { !users.contains(&"internet") };
    for prefix in PRIVATE.iter().chain(&RECORDED_NONE).filter(|_| !elsewhere) {
        let near = peers(world, subnet);
        let mut ranges = space.iter().chain(near.iter().flat_map(|peer| &peer.prefixes));
        if !ranges.any(|range| range.covers(prefix)) {
            routes.push((*prefix, Hop::Drop));
        }
    }
    for (index, peer) in peers(world, subnet).iter().enumerate() {
        routes.extend(peer.prefixes.iter().map(|prefix| (*prefix, Hop::Peer(index))));
    }
    let candidate = |prefix: &Prefix, rank, hop: Hop| {
        let gateway = hop == Hop::Gateway;
        prefix.holds(address).then(|| (prefix.len, rank, gateway, Chosen::system(hop)))
    };
    let mut out: Vec<Candidate> = routes.into_iter().filter_map(|(prefix, hop)| candidate(&prefix, 0, hop)).collect();
    out.extend(gateway.iter().filter_map(|prefix| candidate(prefix, 10, Hop::Gateway)));
    out
}

/// A route of a missing table brings a flow, or its reply, where the other routes do not.
pub(crate) fn delivers(table: &Id, address: Addr) -> Fact {
    Fact::about(&format!("routes of {} deliver", table.key), address)
}

/// The receiving network's own peering, where it refuses a packet whose source is not in the network it comes from.
pub(crate) fn refuses_forwarded(world: &World, to: usize, from: usize, source: Addr) -> Option<&str> {
    if to == from || within(source, &world.vnets[from].prefixes) {
        return None;
    }
    peering_back(world, from, to).filter(|back| !back.forwarded).map(|back| back.name.as_str())
}
