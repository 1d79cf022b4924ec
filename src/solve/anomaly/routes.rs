//! # Routes of a route table (GP120, GP217, GP229, GP230, GP231, GP809, GP827)
//!
//! * **GP217** `InvalidCIDRNotation`: host bits in a route's prefix. Unlike in rules Azure never stored it; it is read
//!   as its network.
//! * **GP120**: the destination is no prefix and no service tag, or the next hop type none that Azure has
//!   (semantics.md 3.3). Flows that the route may take are unknown. `VirtualApplianceEcmp` is a type of Azure's newer
//!   schema that is not evaluated here (semantics.md 3.1 item 5): a warning.
//! * **GP229** `MissingNextHopIpAddress`: a route to an appliance without next hop address
//!   (GH hashicorp/terraform-provider-azurerm#20365). The traffic is dropped.
//! * **GP827**: the same with an address that cannot be read.
//! * **GP230** `NextHopIpAddressNotAllowed`: a next hop address with a type other than `VirtualAppliance`.
//! * **GP231** `RouteConflict`: two routes of one table have the same prefix, or the same service tag.
//! * **GP809**: a 0.0.0.0/0 route to an appliance or a gateway, in a table that a subnet uses, is merged into the tag
//!   `VirtualNetwork` of that subnet: the tag then holds every address, `AllowVnetInBound` lets every source in, and a
//!   rule that denies `VirtualNetwork` denies every source (semantics.md 1.8, edge cases E45 and E46). Routes to
//!   Internet and None are not known to be merged (semantics.md 10, question 1).

use super::{label_all, list_words};
use crate::compile::{Lookup, Network, SubnetNode};
use crate::diagnostic::{Code, Diagnostic, Severity, Span, code};
use crate::model::{Located, NextHopType, ResourceId, RouteDestination, RouteTable, Setting, UserRoute};
use std::collections::BTreeMap;

/// Every route of every table.
pub(super) fn check(network: &Network<'_>, out: &mut Vec<Diagnostic>) {
    let mut users: BTreeMap<&ResourceId, Vec<&SubnetNode<'_>>> = BTreeMap::new();
    for node in &network.subnets {
        if let Lookup::Found(table) = node.table {
            users.entry(&table.id).or_default().push(node);
        }
    }
    let snapshot = network.snapshot;
    for table in snapshot.route_tables.values().chain(snapshot.fragments.route_tables.values()) {
        repeated(table, out);
        let subnets = users.get(&table.id).map(Vec::as_slice).unwrap_or_default();
        for route in &table.routes {
            destination(table, route, out);
            next_hop(table, route, out);
            if !subnets.is_empty() {
                inflated(table, route, subnets, out);
            }
        }
    }
}

/// A finding about a route.
pub(super) fn finding(
    code: &'static Code,
    table: &RouteTable,
    route: &UserRoute,
    message: String,
    at: Span,
) -> Diagnostic {
    Diagnostic::new(code, message).resource(table.id.as_str()).rule(&route.name).help(code.fix).at(at)
}

/// `route NAME of TABLE`.
pub(super) fn words(table: &RouteTable, route: &UserRoute) -> String {
    format!("route {} of {}", route.name, table.name)
}

fn destination(table: &RouteTable, route: &UserRoute, out: &mut Vec<Diagnostic>) {
    let words = words(table, route);
    match &route.destination {
        Setting::Set(Located { value: RouteDestination::Prefix(prefix), span }) if prefix.host_bits => {
            let net = prefix.net;
            let message =
                format!("the prefix of {words} has host bits set; Azure refuses it, and it is read as {net} here");
            out.push(finding(&code::ROUTE_HOST_BITS, table, route, message, *span).help(format!("write {net}")));
        }
        Setting::Set(_) => {}
        Setting::Invalid(text) => {
            let message = format!(
                "destination {:?} of {words} is no prefix and no service tag; flows that it may take cannot be judged",
                text.value
            );
            out.push(finding(&code::UNREADABLE_RULE, table, route, message, text.span));
        }
        Setting::Missing => {
            let message = format!("{words} has no addressPrefix; flows that it may take cannot be judged");
            out.push(finding(&code::UNREADABLE_RULE, table, route, message, route.span));
        }
    }
}

/// Destinations that stand in one table twice.
fn repeated(table: &RouteTable, out: &mut Vec<Diagnostic>) {
    let mut seen: BTreeMap<String, &UserRoute> = BTreeMap::new();
    for route in &table.routes {
        let destination = match route.destination.value() {
            Some(RouteDestination::Prefix(prefix)) => prefix.net.to_string(),
            Some(RouteDestination::Tag(tag)) => tag.to_ascii_lowercase(),
            None => continue,
        };
        let Some(first) = seen.get(&destination) else {
            seen.insert(destination, route);
            continue;
        };
        let message =
            format!("{} is for {destination}, as route {} is; Azure refuses it", words(table, route), first.name);
        let at = route.destination.span().unwrap_or(route.span);
        let other = first.destination.span().unwrap_or(first.span);
        out.push(
            finding(&code::ROUTE_CONFLICT, table, route, message, at).label(other, format!("route {}", first.name)),
        );
    }
}

fn next_hop(table: &RouteTable, route: &UserRoute, out: &mut Vec<Diagnostic>) {
    let words = words(table, route);
    match &route.next_hop {
        Setting::Set(hop) if hop.value == NextHopType::VirtualAppliance => {
            let (code, what, at) = match &route.next_hop_address {
                Setting::Set(_) => return,
                Setting::Invalid(text) => {
                    let what =
                        format!("{:?} as nextHopIpAddress, which is no address; what it takes is dropped", text.value);
                    (&code::NEXT_HOP_MISSING, what, text.span)
                }
                Setting::Missing => {
                    (&code::ROUTE_NEXT_HOP_MISSING, "no nextHopIpAddress; Azure refuses it".to_owned(), hop.span)
                }
            };
            let message = format!("{words} leads to an appliance and has {what}");
            out.push(finding(code, table, route, message, at));
        }
        Setting::Set(_) => {
            let Some(at) = route.next_hop_address.span() else { return };
            let message = format!("{words} has nextHopIpAddress, which only VirtualAppliance takes; Azure refuses it");
            out.push(finding(&code::ROUTE_NEXT_HOP_EXTRA, table, route, message, at));
        }
        Setting::Invalid(text) => {
            let newer = text.value.trim().eq_ignore_ascii_case("VirtualApplianceEcmp");
            let why = if newer { "is not evaluated here" } else { "is none that Azure has" };
            let message =
                format!("next hop type {:?} of {words} {why}; flows that it takes cannot be judged", text.value);
            let mut finding = finding(&code::UNREADABLE_RULE, table, route, message, text.span)
                .help("VnetLocal, Internet, VirtualAppliance, VirtualNetworkGateway or None");
            if newer {
                finding.severity = Severity::Warning;
            }
            out.push(finding);
        }
        Setting::Missing => {
            let message = format!("{words} has no nextHopType; flows that it takes cannot be judged");
            out.push(finding(&code::UNREADABLE_RULE, table, route, message, route.span));
        }
    }
}

/// Is it the route of everything? Either family (IPv4: `Some(true)`).
pub(super) fn whole(route: &UserRoute) -> Option<bool> {
    match route.destination.value() {
        Some(RouteDestination::Prefix(prefix)) if prefix.net.prefix_len() == 0 => Some(prefix.net.addr().is_ipv4()),
        _ => None,
    }
}

fn inflated(table: &RouteTable, route: &UserRoute, subnets: &[&SubnetNode<'_>], out: &mut Vec<Diagnostic>) {
    let Some(ipv4) = whole(route) else { return };
    let Some(NextHopType::VirtualAppliance | NextHopType::VirtualNetworkGateway | NextHopType::VnetLocal) =
        route.next_hop.value()
    else {
        return;
    };
    let names: Vec<String> = subnets.iter().map(|node| node.subnet.name.clone()).collect();
    let message = format!(
        "{} sends {} away from the Internet; Azure merges it into VirtualNetwork as the NSGs of {} see it, which then \
         holds every address",
        words(table, route),
        if ipv4 { "0.0.0.0/0" } else { "::/0" },
        list_words(&names)
    );
    let at = route.destination.span().unwrap_or(route.span);
    let finding = finding(&code::INFLATED_TAG, table, route, message, at);
    let places = subnets.iter().map(|node| {
        let reference = node.subnet.route_table.as_ref();
        (reference.map_or(node.subnet.span, |reference| reference.span), format!("subnet {}", node.subnet.name))
    });
    out.push(label_all(finding, places));
}
