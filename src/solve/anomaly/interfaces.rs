//! # Private addresses (GP220, GP222, GP223, GP833)
//!
//! * **GP220** `IpConfigurationsOnSameNicCannotUseDifferentSubnets`: a NIC is in one subnet, whatever number of IP
//!   configurations it has.
//! * **GP222** `PrivateIPAddressNotInSubnet`: the address of an IP configuration, or of a gateway's private frontend,
//!   lies outside every prefix of its subnet.
//! * **GP223** `PrivateIPAddressInReservedRange`: the address is one of the first four of an IPv4 subnet, or its last
//!   (semantics.md 5.3; GH hashicorp/terraform-provider-azurerm#4225).
//! * **GP833**: two IP configurations of one subnet have the same address. Azure gives an address once, so one of the
//!   exports is out of date.
//!
//! Not said where the subnet is not in the input, and of placement not where Azure chooses the address itself
//! (`Dynamic`, the default: it takes a request with any). An address that is none is reported while reading (GP221).

use crate::compile::Network;
use crate::diagnostic::{Diagnostic, Span, code};
use crate::model::{Located, NetworkInterface, ResourceId, Subnet};
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Every NIC and private frontend.
pub(super) fn check(network: &Network<'_>, out: &mut Vec<Diagnostic>) {
    let mut holders: BTreeMap<(&ResourceId, IpAddr), (&str, Span)> = BTreeMap::new();
    for nic in network.snapshot.network_interfaces.values() {
        one_subnet(nic, out);
        for configuration in &nic.configurations {
            let (Some(address), Some(subnet)) = (&configuration.address, &configuration.subnet) else { continue };
            if !configuration.dynamic {
                placed(network, &nic.id, &format!("NIC {}", nic.name), address, subnet, out);
            }
            match holders.get(&(subnet, address.value)) {
                Some((other, at)) => taken(&nic.id, nic, other, address, *at, out),
                None => {
                    holders.insert((subnet, address.value), (&nic.name, address.span));
                }
            }
        }
    }
    for gateway in network.snapshot.application_gateways.values() {
        for frontend in &gateway.frontends {
            if let (Some(address), Some(subnet)) = (&frontend.private_address, &frontend.subnet) {
                let words = format!("private frontend {} of {}", frontend.id.name(), gateway.name);
                placed(network, &gateway.id, &words, address, subnet, out);
            }
        }
    }
}

fn one_subnet(nic: &NetworkInterface, out: &mut Vec<Diagnostic>) {
    let mut named = nic.configurations.iter().filter_map(|c| c.subnet.as_ref().map(|subnet| (c, subnet)));
    let Some((first, home)) = named.next() else { return };
    let Some((other, subnet)) = named.find(|(_, subnet)| *subnet != home) else { return };
    let message = format!(
        "IP configurations {} and {} of NIC {} are in subnets {} and {}; Azure refuses it",
        first.id.name(),
        other.id.name(),
        nic.name,
        home.name(),
        subnet.name()
    );
    let mut finding = Diagnostic::new(&code::NIC_SUBNETS, message)
        .resource(nic.id.as_str())
        .help(code::NIC_SUBNETS.fix)
        .at(other.subnet_span.unwrap_or(nic.span));
    if let Some(at) = first.subnet_span {
        finding = finding.label(at, "the other subnet");
    }
    out.push(finding);
}

/// The prefix of a subnet that holds an address; `None` where the subnet has none of that family.
fn prefix_of(subnet: &Subnet, address: IpAddr) -> Option<Result<IpNet, ()>> {
    let family = |net: &IpNet| net.addr().is_ipv4() == address.is_ipv4();
    let mut own = subnet.prefixes.iter().map(|prefix| prefix.value.net).filter(family).peekable();
    own.peek()?;
    Some(own.find(|net| net.contains(&address)).ok_or(()))
}

/// Is it one of the five addresses of an IPv4 subnet that Azure keeps?
fn reserved(net: IpNet, address: IpAddr) -> bool {
    match (net, address) {
        (IpNet::V4(net), IpAddr::V4(address)) => {
            address.to_bits() - net.network().to_bits() < 4 || address == net.broadcast()
        }
        _ => false,
    }
}

fn placed(
    network: &Network<'_>,
    owner: &ResourceId,
    words: &str,
    address: &Located<IpAddr>,
    subnet: &ResourceId,
    out: &mut Vec<Diagnostic>,
) {
    let Some(node) = network.subnet_by_id(subnet).and_then(|index| network.subnet(index)) else { return };
    let (code, what) = match prefix_of(node.subnet, address.value) {
        Some(Err(())) => (&code::PRIVATE_ADDRESS_OUTSIDE, format!("lies outside subnet {}", node.subnet.name)),
        Some(Ok(net)) if reserved(net, address.value) => (
            &code::PRIVATE_ADDRESS_RESERVED,
            format!("is one that Azure reserves in subnet {} ({net})", node.subnet.name),
        ),
        _ => return,
    };
    let message = format!("address {} of {words} {what}; Azure refuses it", address.value);
    let finding = Diagnostic::new(code, message).resource(owner.as_str()).help(code.fix).at(address.span);
    out.push(finding.label(node.subnet.span, format!("subnet {}", node.subnet.name)));
}

fn taken(
    id: &ResourceId,
    nic: &NetworkInterface,
    other: &str,
    address: &Located<IpAddr>,
    at: Span,
    out: &mut Vec<Diagnostic>,
) {
    let message = format!("NIC {} has address {}, which {other} has too in the same subnet", nic.name, address.value);
    let finding = Diagnostic::new(&code::SHARED_ADDRESS, message)
        .resource(id.as_str())
        .help(code::SHARED_ADDRESS.fix)
        .at(address.span);
    out.push(finding.label(at, format!("NIC {other}")));
}
