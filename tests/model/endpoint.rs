//! Private endpoints: host routes, filters, connection state (semantics.md 1.10, 3.4, 5.4).

use super::address::Addr;
use super::case::{Case, Fact, Halt, Place};
use super::read::{field, id_of, list, name, reference, references, text, texts, word};
use super::routing::{Chosen, Hop, peers};
use super::rules;
use super::walk::{Flow, has_nsg};
use super::world::{Resources, Table, World};
use std::collections::BTreeMap;

/// A private endpoint.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) name: String,
    pub(crate) subnet: Option<super::read::Id>,
    pub(crate) nics: Vec<String>,
    /// Addresses that it names itself.
    pub(crate) addresses: Vec<Addr>,
    pub(crate) groups: Vec<String>,
    approved: bool,
}

/// Reads them.
pub(crate) fn read(resources: &Resources<'_>) -> BTreeMap<String, Endpoint> {
    let mut out = BTreeMap::new();
    for (key, object) in resources.of("privateendpoints") {
        let states = ["privateLinkServiceConnections", "manualPrivateLinkServiceConnections"];
        let mut states = states.into_iter().flat_map(|key| list(object, key)).map(|connection| {
            field(connection, "privateLinkServiceConnectionState")
                .map(|state| word(state, "status"))
                .unwrap_or_default()
        });
        let fixed = list(object, "ipConfigurations").into_iter().filter_map(|c| text(c, "privateIPAddress"));
        let dns = list(object, "customDnsConfigs").into_iter().flat_map(|c| texts(c, "ipAddresses"));
        let endpoint = Endpoint {
            name: name(object),
            subnet: reference(object, "subnet"),
            nics: list(object, "networkInterfaces").into_iter().filter_map(id_of).map(|id| id.key).collect(),
            addresses: fixed.chain(dns).filter_map(|text| Addr::parse(&text)).collect(),
            groups: references(object, "applicationSecurityGroups"),
            approved: states.all(|state| state.is_empty() || state == "approved"),
        };
        out.insert(key.to_owned(), endpoint);
    }
    out
}

/// Host routes to an address, as one subnet sees them: its own network's first.
pub(super) fn routes(world: &World, subnet: usize, address: Addr) -> Vec<(Chosen, usize)> {
    let own = world.subnets[subnet].vnet;
    let mut reached = vec![(own, None)];
    reached.extend(peers(world, subnet).iter().enumerate().filter_map(|(at, peer)| Some((peer.remote?, Some(at)))));
    let mut out = Vec::new();
    for (vnet, peer) in reached {
        for end in world.ends.iter().filter(|end| end.endpoint.is_some() && end.address == address) {
            let place = world.subnet_of_end(end).filter(|place| world.subnets[*place].vnet == vnet);
            out.extend(place.map(|place| (Chosen::system(Hop::Endpoint(peer)), place)));
        }
    }
    out
}

/// Does the client's table override the host route to an endpoint in a subnet? `Some(true)` where that breaks it.
pub(super) fn overridden(world: &World, table: Option<&Table>, place: usize, address: Addr) -> Option<(bool, usize)> {
    let own = &world.subnets[place];
    if !matches!(own.policies.as_str(), "enabled" | "routetableenabled") {
        return None;
    }
    let vnet = &world.vnets[own.vnet];
    let space = vnet.prefixes.iter().filter(|prefix| prefix.holds(address)).map(|prefix| prefix.len).max()?;
    let routes = table?.routes.iter().enumerate();
    let held = routes.filter_map(|(at, route)| Some((route.prefix.filter(|prefix| prefix.holds(address))?.len, at)));
    let (_, best) = held.filter(|(len, _)| *len >= space).max_by_key(|(len, _)| *len)?;
    // The /32 goes, and the route that took its place does not become effective.
    let breaks = table?.routes[best].hop == "vnetlocal" && !vnet.basic_endpoints;
    Some((breaks, best))
}

/// The subnet's NSG where its network policies say so, then the connection.
pub(super) fn enter(
    case: &Case<'_>,
    flow: &Flow,
    subnet: usize,
    key: &str,
    before: Option<Place>,
) -> Result<Option<Place>, Halt> {
    let world = case.world;
    let own = &world.subnets[subnet];
    let mut last = before;
    let filters = matches!(own.policies.as_str(), "enabled" | "networksecuritygroupenabled");
    if let Some(nsg) = own.nsg.as_ref().filter(|_| filters && has_nsg(own)) {
        last = rules::gate(case, nsg, true, "nsg-in-subnet", flow, subnet, true)?.or(last);
    }
    let place = place(world, key);
    let approved = match world.endpoints.get(key) {
        Some(endpoint) => endpoint.approved,
        None => case.ask(Fact::plain(format!("{key} is approved")), &place)?,
    };
    if approved { Ok(last) } else { Err(Halt::Deny(place)) }
}

fn place(world: &World, key: &str) -> Place {
    let name = world.endpoints.get(key).map(|endpoint| endpoint.name.clone());
    Place::of("private-endpoint", Some(name.unwrap_or_else(|| key.rsplit('/').next().unwrap_or_default().to_owned())))
}

/// An isolated gateway does not reach an endpoint over global peering (5.4).
pub(super) fn too_far(world: &World, start: usize, subnet: usize, key: &str) -> Result<(), Halt> {
    let (from, to) = (&world.subnets[start], &world.subnets[subnet]);
    let mut gateways = world.gateways.iter().filter(|gateway| gateway.is_in(&from.key)).peekable();
    let isolated = gateways.peek().is_some() && gateways.all(|gateway| gateway.isolated);
    let far = world.vnets[from.vnet].location != world.vnets[to.vnet].location;
    if isolated && far { Err(Halt::Deny(place(world, key))) } else { Ok(()) }
}

/// An endpoint whose address is not in the snapshot may have any free one of its subnet.
pub(super) fn unplaced(case: &Case<'_>, destination: Addr, start: usize) -> Result<(), Halt> {
    let world = case.world;
    let near = [world.subnets[start].vnet].into_iter();
    let near: Vec<usize> = near.chain(peers(world, start).iter().filter_map(|peer| peer.remote)).collect();
    for vnet in near {
        let Some(subnet) = world.subnet_of(destination, Some(vnet)) else { continue };
        if world.end_at(destination, subnet).is_some() {
            continue;
        }
        let here = |endpoint: &Endpoint| endpoint.subnet.as_ref().is_some_and(|id| id.key == world.subnets[subnet].key);
        let placed = |key: &String| world.ends.iter().any(|end| end.endpoint.as_ref() == Some(key));
        for (key, _) in world.endpoints.iter().filter(|(key, endpoint)| here(endpoint) && !placed(key)) {
            let place = place(world, key);
            if case.ask(Fact::about(&format!("{key} has"), destination), &place)? {
                let passes = case.ask(Fact::plain(format!("{key} is reached")), &place)?;
                return Err(if passes { Halt::Arrives(Some(place)) } else { Halt::Deny(place) });
            }
        }
    }
    Ok(())
}
