//! Next hop (semantics.md 6.4, 9b.6).

use super::target::{Place, places};
use super::worlds::Worlds;
use super::{Difference, Outcome, Values, one_outcome};
use crate::compile::routing::{NextHop, RouteSource};
use crate::compile::{Lookup, Network};
use crate::evaluate::route::{self, Chosen};
use crate::model::{HopAnswer, HopQuestion, ResourceId};
use std::net::IpAddr;

/// One spelling of each next hop type: several names are used for one thing (semantics.md 9b.6).
pub(super) fn spelling(word: &str) -> String {
    let lower = word.trim().to_ascii_lowercase();
    match lower.as_str() {
        "virtualnetwork" => "vnetlocal".to_owned(),
        "vnetglobalpeering" | "connectedgroup" => "vnetpeering".to_owned(),
        "privateendpoint" => "interfaceendpoint".to_owned(),
        _ => lower,
    }
}

/// Azure's name of a next hop.
pub(super) fn hop_word(hop: NextHop) -> &'static str {
    match hop {
        NextHop::VnetLocal => "VnetLocal",
        NextHop::Peering(_) => "VNetPeering",
        NextHop::Internet => "Internet",
        NextHop::Appliance(_) => "VirtualAppliance",
        NextHop::Gateway => "VirtualNetworkGateway",
        NextHop::ServiceEndpoint => "VirtualNetworkServiceEndpoint",
        NextHop::PrivateEndpoint(..) => "InterfaceEndpoint",
        NextHop::None => "None",
        NextHop::Unreadable => "(unreadable)",
    }
}

/// Type, address, route table id.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Hop {
    kind: String,
    address: Option<IpAddr>,
    table: Option<ResourceId>,
    route: String,
}

fn ours(network: &Network<'_>, place: Place<'_>, chosen: &Chosen<'_>) -> Hop {
    let table = match network.subnet(place.subnet).map(|node| node.table) {
        Some(Lookup::Found(table)) if chosen.source == RouteSource::User => Some(table.id.clone()),
        Some(Lookup::Missing(id)) if chosen.source == RouteSource::User => Some(id.clone()),
        _ => None,
    };
    let address = if let NextHop::Appliance(address) = chosen.next_hop { address } else { None };
    Hop { kind: hop_word(chosen.next_hop).to_owned(), address, table, route: chosen.words() }
}

fn values(kind: &str, address: Option<IpAddr>, table: Option<&ResourceId>) -> Values {
    vec![
        ("nextHopType", kind.to_owned()),
        ("nextHopIpAddress", address.map(|address| address.to_string()).unwrap_or_default()),
        ("routeTableId", table.map_or_else(|| "System Route".to_owned(), ToString::to_string)),
    ]
}

/// Asks a next-hop question again.
pub(super) fn next_hop(network: &Network<'_>, ids: &[ResourceId], query: &HopQuestion, azure: &HopAnswer) -> Outcome {
    let found = places(network, ids, query.source);
    if found.is_empty() {
        return Outcome::Undecided("no NIC and no subnet of the input fits the question".to_owned());
    }
    one_outcome(found.into_iter().map(|place| judge(network, place, query, azure)).collect())
}

fn judge(network: &Network<'_>, place: Place<'_>, query: &HopQuestion, azure: &HopAnswer) -> Outcome {
    let worlds = Worlds::explore(network, |context| {
        let chosen = route::lookup(context, place.subnet, query.destination)?;
        Ok(ours(network, place, &chosen))
    });
    let ours = match worlds.certain(network) {
        Ok(ours) => ours,
        Err(why) => return Outcome::Undecided(why),
    };
    let same_table = azure.table == ours.table;
    let same_address = azure.address == ours.address;
    let (theirs, here) = (spelling(&azure.kind), spelling(&ours.kind));
    if theirs == here && same_table && same_address {
        return Outcome::Agreed(Vec::new());
    }
    if theirs == "none" && azure.address.is_some() && same_address && same_table {
        // An appliance that could not be delivered to, and in one text a working one: no proof of a drop.
        let remark = "None with the address of an appliance was recorded for a next hop that is not delivered to";
        return Outcome::Agreed(vec![remark.to_owned()]);
    }
    let mut differences = Vec::new();
    if theirs != here {
        differences.push(format!("next hop: Azure {}, here {}", azure.kind, ours.kind));
    }
    if !same_address {
        differences.push("next hop address".to_owned());
    }
    if !same_table {
        differences.push("route table".to_owned());
    }
    Outcome::Differs(Box::new(Difference {
        azure: values(&azure.kind, azure.address, azure.table.as_ref()),
        ours: values(&ours.kind, ours.address, ours.table.as_ref()),
        differences,
        azure_trace: vec![format!("next hop {} of {}", azure.kind, query.destination)],
        our_trace: vec![ours.route],
    }))
}
