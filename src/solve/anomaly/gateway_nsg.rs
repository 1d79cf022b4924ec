//! # The NSG of a gateway subnet (GP501, GP502, GP503, GP508)
//!
//! * **GP501** `ApplicationGatewaySubnetInboundTrafficBlockedByNetworkSecurityGroup`: `GatewayManager` does not reach
//!   every management port, TCP 65200 to 65535 for v2 and 65503 to 65534 for v1, on every instance address of the
//!   subnet (semantics.md 5.1, edge cases E70 and E71). Ports and addresses are exact sets: none is sampled. A rule
//!   means the manager when its source is `*`, 0.0.0.0/0, the tag `GatewayManager`, Internet or `AzureCloud`, or
//!   prefixes that hold all of the tag's addresses where the input has them. Nothing is said where a rule that cannot
//!   be read could change it.
//! * **GP503**: a rule that lets `GatewayManager` in has a destination other than Any, which the documentation asks
//!   for (edge case E72).
//! * **GP502** `ApplicationGatewaySubnetOutboundTrafficBlockedByNetworkSecurityGroup`
//!   (GH MicrosoftDocs/azure-docs#87202): a rule denies outbound traffic to the Internet, wholly or for some protocol
//!   or ports. A v2 gateway without network isolation needs it, and Azure refuses the NSG (semantics.md 5.1, edge case
//!   E73).
//! * **GP508**: a rule overrides the default that lets `AzureLoadBalancer` in, wholly or for some protocol or ports.
//!   It must stay, also with network isolation (semantics.md 5.1, 5.4). A rule that denies the source Internet is not
//!   counted: that tag was recorded to hold the probe address, but not that such a rule stops probes.
//!
//! GP501, GP502 and GP503 do not apply where every gateway of the subnet has network isolation, GP502 not where every
//! gateway is v1.

use super::gateway_subnet::{Site, gateway_words};
use super::management::{Judged, access_span, ports_of};
use super::traffic::{Decided, Gate, Lean, Sender, Traffic, numbers, only, port_words};
use crate::compile::filter::{Filter, Rule};
use crate::compile::tags::PLATFORM;
use crate::compile::{Lookup, Network, SubnetNode, gateway_paths};
use crate::diagnostic::{Code, Diagnostic, code};
use crate::model::{ApplicationGateway, Direction};
use crate::net::{AddressSet, PortSet, Protocol};
use crate::solve::Verdict;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// The protocols that a rule can name.
const PROTOCOLS: [Protocol; 5] = [Protocol::Tcp, Protocol::Udp, Protocol::Icmp, Protocol::Esp, Protocol::Ah];

/// IPv4 addresses that instances of a gateway subnet can have.
pub(super) fn instances(node: &SubnetNode<'_>) -> AddressSet {
    gateway_paths::instance_addresses(node, true, &gateway_paths::private_frontends(node))
}

/// The NSG of one gateway subnet.
pub(super) fn check(network: &Network<'_>, site: &Site<'_, '_>, out: &mut Vec<Diagnostic>) {
    let Lookup::Found(index) = site.node.nsg else { return };
    let Some(filter) = network.filters.get(index) else {
        return;
    };
    let inbound = Gate { network, node: site.node, filter, direction: Direction::Inbound, sender: Sender::Probes };
    probes(site, inbound, out);
    if site.isolated {
        return;
    }
    let mut by_ports: BTreeMap<(u16, u16), Vec<&ApplicationGateway>> = BTreeMap::new();
    for gateway in &site.node.gateways {
        by_ports.entry(ports_of(gateway)).or_default().push(gateway);
    }
    for (ports, gateways) in by_ports {
        management(network, site, filter, ports, &gateways, out);
    }
    if !site.all_v1 {
        internet(site, Gate { direction: Direction::Outbound, sender: Sender::Plain, ..inbound }, out);
    }
}

/// What else the NSG of a gateway's subnet denies that the platform needs: `AzureLoadBalancer` inbound, and for v2 without
/// network isolation the Internet outbound.
pub(super) fn platform(network: &Network<'_>, node: &SubnetNode<'_>) -> Vec<String> {
    let mut found = Vec::new();
    if let Lookup::Found(index) = node.nsg
        && let Some(filter) = network.filters.get(index)
    {
        let site = Site::of(network, node);
        let inbound = Gate { network, node, filter, direction: Direction::Inbound, sender: Sender::Probes };
        probes(&site, inbound, &mut found);
        if !site.isolated && !site.all_v1 {
            internet(&site, Gate { direction: Direction::Outbound, sender: Sender::Plain, ..inbound }, &mut found);
        }
    }
    found.into_iter().map(|finding| finding.message).collect()
}

/// A finding about a rule of a gateway subnet's NSG, with the subnet beside it.
fn finding(
    code: &'static Code,
    site: &Site<'_, '_>,
    filter: &Filter<'_>,
    rule: &Rule<'_>,
    message: String,
) -> Diagnostic {
    let at = access_span(rule).unwrap_or(filter.nsg.span);
    let reference = site.node.subnet.nsg.as_ref().map_or(site.node.subnet.span, |reference| reference.span);
    let subnet = format!("subnet {}, which holds {}, refers to {}", site.node.subnet.name, site.words, filter.name);
    let finding = Diagnostic::new(code, message).resource(filter.nsg.id.as_str()).rule(rule.name).help(code.fix).at(at);
    finding.label(reference, subnet)
}

fn management(
    network: &Network<'_>,
    site: &Site<'_, '_>,
    filter: &Filter<'_>,
    ports: (u16, u16),
    gateways: &[&ApplicationGateway],
    out: &mut Vec<Diagnostic>,
) {
    let judged = Judged::of(network, site.node, filter, ports);
    let (low, high) = ports;
    let assumed = if gateways.iter().any(|gateway| gateway.generation.is_none()) {
        "; the SKU cannot be read and is taken as v2"
    } else {
        ""
    };
    let gateways = gateway_words(network, gateways);
    match (judged.verdict, judged.rule) {
        (Verdict::Deny, Some(rule)) => {
            let message = format!(
                "rule {} of {} denies GatewayManager TCP {} of the management ports {low}-{high} of {gateways}; Azure \
                 refuses it, backend health becomes Unknown and updates fail{assumed}",
                rule.name,
                filter.name,
                judged.denied_words()
            );
            let place = match rule.configured {
                Some(_) if rule.priority > 100 => format!(" with a priority below {}", rule.priority),
                Some(_) => format!(" before rule {}, which needs a higher number", rule.name),
                None => String::new(),
            };
            let help = format!("allow source GatewayManager, destination *, TCP {low}-{high} inbound{place}");
            let mut finding = finding(&code::MANAGEMENT_BLOCKED, site, filter, rule, message).help(help);
            if let Some(priority) = rule.configured.and_then(|configured| configured.priority.span()) {
                let words = format!("rule {}, the first to deny GatewayManager a management port", rule.name);
                finding.labels.insert(0, (priority, words));
            }
            out.push(finding);
        }
        (Verdict::Allow, _) => {
            for decided in &judged.allowed {
                narrow(site, filter, decided, out);
            }
        }
        _ => {}
    }
}

/// A rule that lets `GatewayManager` in by a destination other than Any.
fn narrow(site: &Site<'_, '_>, filter: &Filter<'_>, decided: &Decided<'_, '_>, out: &mut Vec<Diagnostic>) {
    let rule = decided.rule;
    let Some(configured) = rule.configured.filter(|_| !rule.destination.fixed.v4.is_full()) else {
        return;
    };
    let message = format!(
        "rule {} of {} lets GatewayManager reach {} for some destinations; the documentation of Application Gateway \
         asks for destination Any",
        rule.name, filter.name, site.words
    );
    let at = configured.destination.terms().next().map(|term| term.span);
    out.push(finding(&code::MANAGEMENT_NARROW, site, filter, rule, message).at_some(at));
}

/// The first rule that certainly denies some of the outbound traffic to the whole Internet.
fn internet(site: &Site<'_, '_>, gate: Gate<'_, '_>, out: &mut Vec<Diagnostic>) {
    let public = AddressSet { v4: site.node.internet.v4.clone(), ..AddressSet::default() };
    let traffic = all(instances(site.node), public.clone());
    let denied = gate
        .decide(&traffic, Lean::Open)
        .into_iter()
        .find(|decided| !decided.allows && public.is_subset(&gate.addresses(&decided.rule.destination, false, true)));
    let Some(denied) = denied else { return };
    let message = format!(
        "rule {} of {} denies outbound {} to the Internet; Azure refuses it on the subnet of a v2 gateway without \
         network isolation, {}",
        denied.rule.name,
        gate.filter.name,
        what(&denied),
        site.words
    );
    out.push(finding(&code::OUTBOUND_INTERNET_BLOCKED, site, gate.filter, denied.rule, message));
}

/// The first rule that certainly denies some of `AzureLoadBalancer` inbound.
fn probes(site: &Site<'_, '_>, gate: Gate<'_, '_>, out: &mut Vec<Diagnostic>) {
    let traffic = all(only(IpAddr::V4(PLATFORM)), instances(site.node));
    let denied = gate.decide(&traffic, Lean::Open).into_iter().find(|decided| !decided.allows);
    let Some(denied) = denied else { return };
    let message = format!(
        "rule {} of {} denies inbound {} from AzureLoadBalancer before the default AllowAzureLoadBalancerInBound is \
         reached; Azure asks that it stays allowed on the subnet of {}",
        denied.rule.name,
        gate.filter.name,
        what(&denied),
        site.words
    );
    out.push(finding(&code::PROBES_BLOCKED, site, gate.filter, denied.rule, message));
}

/// Every protocol and port between two sets of addresses.
fn all(sources: AddressSet, destinations: AddressSet) -> Traffic {
    let (source_ports, ports) = (PortSet::full(), PortSet::full());
    Traffic { protocols: numbers(&PROTOCOLS), sources, destinations, source_ports, ports }
}

/// Protocols and ports of what a rule decided, in words.
fn what(decided: &Decided<'_, '_>) -> String {
    let any = decided.parts.iter().flat_map(|part| part.protocols.ranges().iter().copied()).collect();
    let held: Vec<String> = PROTOCOLS
        .iter()
        .filter(|protocol| !numbers(&[**protocol]).intersection(&any).is_empty())
        .map(ToString::to_string)
        .collect();
    let ports = decided.ports();
    let protocols = if held.len() == PROTOCOLS.len() { "traffic".to_owned() } else { held.join(", ") };
    if ports.is_full() { protocols } else { format!("{protocols} on ports {}", port_words(&ports)) }
}
