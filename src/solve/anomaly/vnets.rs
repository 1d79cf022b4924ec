//! # Address spaces and subnets (GP215, GP219, GP224)
//!
//! * **GP224** `InvalidCIDRNotation`: a prefix of a virtual network or subnet has host bits set. It is read as its
//!   network.
//! * **GP215** `NetcfgInvalidSubnet`: a subnet's prefix lies, wholly or in part, outside the address space of its
//!   virtual network (semantics.md 9b.9). Not said of a virtual network whose address space is not in the input.
//! * **GP219** `NetcfgSubnetRangesOverlap`: two subnets of one virtual network share addresses. Azure refuses it; in
//!   the evaluation an address belongs to the subnet with the longer prefix.

use super::overlap;
use crate::diagnostic::{Diagnostic, code};
use crate::model::{Located, ResourceId, Snapshot, Subnet, VirtualNetwork};
use crate::net::{AddressSet, WrittenPrefix};
use ipnet::IpNet;

/// Every virtual network.
pub(super) fn check(snapshot: &Snapshot, out: &mut Vec<Diagnostic>) {
    for vnet in snapshot.vnets.values().chain(snapshot.fragments.vnets.values()) {
        host_bits(&vnet.id, &vnet.prefixes, out);
        for subnet in &vnet.subnets {
            host_bits(&subnet.id, &subnet.prefixes, out);
        }
        outside(vnet, out);
        overlapping(vnet, out);
    }
}

fn host_bits(id: &ResourceId, prefixes: &[Located<WrittenPrefix>], out: &mut Vec<Diagnostic>) {
    for prefix in prefixes.iter().filter(|prefix| prefix.value.host_bits) {
        let net = prefix.value.net;
        let message =
            format!("a prefix of {} has host bits set; Azure refuses it, and it is read as {net} here", id.name());
        let finding = Diagnostic::new(&code::SPACE_HOST_BITS, message).resource(id.as_str());
        out.push(finding.help(format!("write {net}")).at(prefix.span));
    }
}

fn outside(vnet: &VirtualNetwork, out: &mut Vec<Diagnostic>) {
    let space: AddressSet = vnet.prefixes.iter().map(|prefix| prefix.value.net).collect();
    if space.is_empty() {
        return;
    }
    for subnet in &vnet.subnets {
        for prefix in &subnet.prefixes {
            let net = prefix.value.net;
            let own: AddressSet = std::iter::once(net).collect();
            if own.is_subset(&space) {
                continue;
            }
            let ranges: Vec<String> = vnet.prefixes.iter().map(|prefix| prefix.value.net.to_string()).collect();
            let message = format!(
                "subnet {} ({net}) lies outside the address space of {} ({}); Azure refuses it",
                subnet.name,
                vnet.name,
                ranges.join(", ")
            );
            let mut finding = Diagnostic::new(&code::SUBNET_OUTSIDE, message)
                .resource(subnet.id.as_str())
                .help(code::SUBNET_OUTSIDE.fix)
                .at(prefix.span);
            if let Some(first) = vnet.prefixes.first() {
                finding = finding.label(first.span, "the address space");
            }
            out.push(finding);
        }
    }
}

fn overlapping(vnet: &VirtualNetwork, out: &mut Vec<Diagnostic>) {
    let all: Vec<(&Subnet, &Located<WrittenPrefix>)> =
        vnet.subnets.iter().flat_map(|subnet| subnet.prefixes.iter().map(move |prefix| (subnet, prefix))).collect();
    let nets: Vec<IpNet> = all.iter().map(|(_, prefix)| prefix.value.net).collect();
    for (inner, outer) in overlap::nested(&nets) {
        let (Some((subnet, prefix)), Some((other, holder))) = (all.get(inner), all.get(outer)) else {
            continue;
        };
        let message = format!(
            "subnet {} ({}) overlaps subnet {} ({}) of {}; Azure refuses it",
            subnet.name, prefix.value.net, other.name, holder.value.net, vnet.name
        );
        let finding = Diagnostic::new(&code::SUBNETS_OVERLAP, message)
            .resource(subnet.id.as_str())
            .help(code::SUBNETS_OVERLAP.fix)
            .at(prefix.span)
            .label(holder.span, format!("subnet {}", other.name));
        out.push(finding);
    }
}
