//! # The subnet of a gateway (GP233, GP504, GP505, GP506, GP507, GP822)
//!
//! * **GP233**: the subnet is `GatewaySubnet`, which belongs to virtual network gateways (semantics.md 5.5).
//! * **GP504**: a user route sends 0.0.0.0/0 of a gateway subnet elsewhere than to the Internet. A v2 gateway without
//!   network isolation does not support it and its health becomes Unknown (semantics.md 5.2, edge case E91). More
//!   specific routes to a firewall are fine when the way back passes it too.
//! * **GP505**: the subnet learns 0.0.0.0/0 from a virtual network gateway and no user route overrides it, which
//!   breaks the management of a v2 gateway without network isolation (edge case E92).
//! * **GP506**: v1 and v2 gateways in one subnet (semantics.md 5.5, edge case E76).
//! * **GP507**: something else in the subnet: a NIC, a scale set, a private endpoint, a firewall, a load balancer
//!   frontend or a virtual network gateway (semantics.md 5.5).
//! * **GP822**: the subnet is not in the input, so none of this could be checked.
//!
//! A subnet counts as isolated when all its gateways have network isolation: an older gateway beside an isolated one
//! keeps the old limits for the whole subnet (semantics.md 5.4). GP504 and GP505 do not apply where every gateway is
//! v1. The checks of the subnet's NSG are in `gateway_nsg.rs`.

use super::management::{DefaultRoute, default_route};
use super::{gateway_nsg, list_words, routes};
use crate::compile::{Network, SubnetNode};
use crate::diagnostic::{Diagnostic, Span, code};
use crate::model::{ApplicationGateway, Generation, NextHopType, ResourceId, Snapshot, export_command};
use std::collections::{BTreeMap, BTreeSet};

/// A subnet with gateways in it.
#[derive(Debug)]
pub(super) struct Site<'n, 's> {
    pub(super) node: &'n SubnetNode<'s>,
    /// Every gateway has network isolation.
    pub(super) isolated: bool,
    /// Every gateway is v1.
    pub(super) all_v1: bool,
    /// The gateways, in words.
    pub(super) words: String,
}

impl<'n, 's> Site<'n, 's> {
    /// The subnet as a place of gateways.
    pub(super) fn of(network: &Network<'s>, node: &'n SubnetNode<'s>) -> Self {
        Site {
            node,
            isolated: node.gateways.iter().all(|gateway| gateway.isolated),
            all_v1: node.gateways.iter().all(|gateway| gateway.generation == Some(Generation::V1)),
            words: gateway_words(network, &node.gateways),
        }
    }
}

/// Every subnet that holds a gateway.
pub(super) fn check(network: &Network<'_>, out: &mut Vec<Diagnostic>) {
    let nodes = network.subnets.iter().filter(|node| !node.gateways.is_empty());
    let sites: Vec<Site<'_, '_>> = nodes.map(|node| Site::of(network, node)).collect();
    for site in &sites {
        mixed(network, site, out);
        name(network, site, out);
        if !site.isolated && !site.all_v1 {
            default_route_of(network, site, out);
        }
        gateway_nsg::check(network, site, out);
    }
    dedicated(network, &sites, out);
    missing(network, out);
}

/// `gateway agw-shop`, `gateways a and b`.
pub(super) fn gateway_words(network: &Network<'_>, gateways: &[&ApplicationGateway]) -> String {
    let names: Vec<String> = gateways.iter().map(|gateway| network.name(&gateway.id)).collect();
    format!("gateway{} {}", if names.len() == 1 { "" } else { "s" }, list_words(&names))
}

/// Where a gateway refers to a subnet.
fn reference(gateway: &ApplicationGateway, subnet: &ResourceId) -> Span {
    let own = gateway.subnets.iter().find(|reference| reference.value == *subnet);
    own.map_or(gateway.span, |reference| reference.span)
}

fn name(network: &Network<'_>, site: &Site<'_, '_>, out: &mut Vec<Diagnostic>) {
    let subnet = &site.node.subnet;
    if !subnet.name.eq_ignore_ascii_case("GatewaySubnet") {
        return;
    }
    for gateway in &site.node.gateways {
        let message = format!("gateway {} is in GatewaySubnet; Azure refuses it", network.name(&gateway.id));
        let finding = Diagnostic::new(&code::GATEWAY_SUBNET_NAME, message)
            .resource(gateway.id.as_str())
            .help(code::GATEWAY_SUBNET_NAME.fix)
            .at(reference(gateway, &subnet.id));
        out.push(finding);
    }
}

fn mixed(network: &Network<'_>, site: &Site<'_, '_>, out: &mut Vec<Diagnostic>) {
    let of = |generation| site.node.gateways.iter().find(move |gateway| gateway.generation == Some(generation));
    let (Some(old), Some(new)) = (of(Generation::V1), of(Generation::V2)) else {
        return;
    };
    let (first, second) = if old.id < new.id { (old, new) } else { (new, old) };
    let subnet = &site.node.subnet;
    let message = format!(
        "subnet {} holds v1 gateway {} and v2 gateway {}; Azure refuses both in one subnet",
        subnet.name,
        network.name(&old.id),
        network.name(&new.id)
    );
    let finding = Diagnostic::new(&code::MIXED_SKU, message)
        .resource(first.id.as_str())
        .help("move one of them to a subnet of its own")
        .at(reference(first, &subnet.id))
        .label(reference(second, &subnet.id), format!("gateway {} is here too", network.name(&second.id)));
    out.push(finding);
}

/// What is no gateway in the subnets of gateways: by subnet and resource id, the words for it and where it stands.
type Occupants<'s> = BTreeMap<(&'s ResourceId, &'s ResourceId), (String, Option<Span>)>;

fn occupants<'s>(snapshot: &'s Snapshot, subnets: &BTreeSet<&ResourceId>) -> Occupants<'s> {
    let mut out = Occupants::new();
    let mut add = |subnet: &'s ResourceId, id: &'s ResourceId, words: String, span| {
        if subnets.contains(subnet) {
            out.insert((subnet, id), (words, span));
        }
    };
    let mut owned = BTreeSet::new();
    for firewall in snapshot.firewalls.values() {
        for subnet in firewall.configurations.iter().filter_map(|configuration| configuration.subnet.as_ref()) {
            add(subnet, &firewall.id, format!("Azure Firewall {}", firewall.name), Some(firewall.span));
        }
    }
    for balancer in snapshot.load_balancers.values() {
        for subnet in balancer.frontends.iter().filter_map(|frontend| frontend.subnet.as_ref()) {
            add(subnet, &balancer.id, format!("load balancer {}", balancer.name), Some(balancer.span));
        }
    }
    for endpoint in snapshot.private_endpoints.values() {
        owned.extend(&endpoint.network_interfaces);
        if let Some(subnet) = &endpoint.subnet {
            add(subnet, &endpoint.id, format!("private endpoint {}", endpoint.name), Some(endpoint.span));
        }
    }
    for nic in snapshot.network_interfaces.values() {
        let endpoint = nic.private_endpoint.as_ref();
        let claimed = endpoint.is_some_and(|id| snapshot.private_endpoints.contains_key(id));
        if claimed || owned.contains(&nic.id) {
            continue;
        }
        for subnet in nic.configurations.iter().filter_map(|configuration| configuration.subnet.as_ref()) {
            add(subnet, &nic.id, format!("NIC {}", nic.name), Some(nic.span));
        }
    }
    for set in snapshot.scale_sets.values() {
        let configurations = set.interfaces.iter().flat_map(|nic| &nic.configurations);
        for subnet in configurations.filter_map(|configuration| configuration.subnet.as_ref()) {
            add(subnet, &set.id, format!("scale set {}", set.name), None);
        }
    }
    for gateway in snapshot.vnet_gateways.values() {
        for subnet in &gateway.subnets {
            add(subnet, &gateway.id, format!("virtual network gateway {}", gateway.name), None);
        }
    }
    out
}

fn dedicated(network: &Network<'_>, sites: &[Site<'_, '_>], out: &mut Vec<Diagnostic>) {
    let subnets: BTreeMap<&ResourceId, &Site<'_, '_>> = sites.iter().map(|site| (&site.node.subnet.id, site)).collect();
    let found = occupants(network.snapshot, &subnets.keys().copied().collect());
    for ((subnet, _), (words, span)) in found {
        let Some(site) = subnets.get(subnet) else { continue };
        let Some(gateway) = site.node.gateways.first() else {
            continue;
        };
        let own = reference(gateway, subnet);
        let message = format!(
            "{words} is in subnet {} of {}; Azure wants nothing but application gateways there",
            subnet.name(),
            site.words
        );
        let finding = Diagnostic::new(&code::NOT_DEDICATED, message)
            .resource(gateway.id.as_str())
            .help("move it to another subnet")
            .at(span.unwrap_or(own));
        out.push(finding.label(own, format!("gateway {} is in this subnet", network.name(&gateway.id))));
    }
}

fn default_route_of(network: &Network<'_>, site: &Site<'_, '_>, out: &mut Vec<Diagnostic>) {
    let (node, subnet) = (site.node, &site.node.subnet);
    match default_route(network, node) {
        DefaultRoute::User(table, route) => {
            let hop = match route.next_hop.value() {
                Some(NextHopType::VirtualAppliance) => "an appliance",
                Some(NextHopType::VirtualNetworkGateway) => "a virtual network gateway",
                Some(NextHopType::None) => "None",
                _ => "the virtual network",
            };
            let message = format!(
                "{} sends 0.0.0.0/0 of subnet {} to {hop}; Azure does not support it for a v2 gateway without network \
                 isolation, and the health of {} becomes Unknown",
                routes::words(table, route),
                subnet.name,
                site.words
            );
            let at = route.next_hop.span().unwrap_or(route.span);
            let used = subnet.route_table.as_ref().map_or(subnet.span, |reference| reference.span);
            let finding = routes::finding(&code::DEFAULT_ROUTE_UDR, table, route, message, at);
            out.push(finding.label(used, format!("subnet {}, which holds {}, uses it", subnet.name, site.words)));
        }
        DefaultRoute::Learned => {
            let Some(gateway) = node.gateways.first() else { return };
            let message = format!(
                "subnet {} of {} learns 0.0.0.0/0 from a virtual network gateway; that breaks the management of a v2 \
                 gateway without network isolation",
                subnet.name, site.words
            );
            let finding = Diagnostic::new(&code::DEFAULT_ROUTE_BGP, message)
                .resource(gateway.id.as_str())
                .help(code::DEFAULT_ROUTE_BGP.fix)
                .at(reference(gateway, &subnet.id));
            out.push(finding);
        }
        DefaultRoute::Internet | DefaultRoute::Unknown(_) => {}
    }
}

/// Gateways whose subnet is not in the input.
fn missing(network: &Network<'_>, out: &mut Vec<Diagnostic>) {
    for gateway in network.snapshot.application_gateways.values() {
        for subnet in gateway.subnets.iter().filter(|subnet| network.subnet_by_id(&subnet.value).is_none()) {
            let message = format!(
                "subnet {} of gateway {} is not in the input; its NSG and routes were not checked",
                subnet.value.name(),
                network.name(&gateway.id)
            );
            let export = subnet.value.parent();
            let help = export_command(export.as_ref().unwrap_or(&subnet.value));
            let finding = Diagnostic::new(&code::GATEWAY_SUBNET_MISSING, message)
                .resource(gateway.id.as_str())
                .help(help)
                .at(subnet.span);
            out.push(finding);
        }
    }
}
