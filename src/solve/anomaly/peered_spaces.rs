//! # Peerings that Azure refuses (GP225, GP226, GP227, GP228)
//!
//! * **GP225**: a peering whose remote virtual network is its own.
//! * **GP228** `AnotherPeeringAlreadyReferencesRemoteVnet`: two peerings of a virtual network lead to the same one.
//! * **GP226** `VnetAddressSpacesOverlap`: the address space of a virtual network overlaps that of its peer.
//! * **GP227** `VnetAddressSpaceOverlapsWithAlreadyPeeredVnet`: two peers of a virtual network overlap each other
//!   (GH microsoft/AzureTRE#4641).
//!
//! The peer's address space is that of its own resource, else what the peering says of it. Peerings of single subnets
//! (`peerCompleteVnets` false) are left out: only those subnets must not overlap, and which of them count is not known.

use super::{list_words, overlap};
use crate::diagnostic::{Code, Diagnostic, Span, code};
use crate::model::{Peering, Snapshot, VirtualNetwork};
use crate::net::AddressSet;
use ipnet::IpNet;
use std::collections::BTreeMap;

/// Every virtual network, also one that is known by its peerings alone.
pub(super) fn check(snapshot: &Snapshot, out: &mut Vec<Diagnostic>) {
    for vnet in snapshot.vnets.values().chain(snapshot.fragments.vnets.values()) {
        remotes(vnet, out);
        let whole: Vec<(&Peering, Vec<IpNet>)> = vnet
            .peerings
            .iter()
            .filter(|peering| peering.complete_vnets && peering.remote.as_ref() != Some(&vnet.id))
            .map(|peering| (peering, space_of(snapshot, peering)))
            .collect();
        own_space(vnet, &whole, out);
        peers(vnet, &whole, out);
    }
}

fn space_of(snapshot: &Snapshot, peering: &Peering) -> Vec<IpNet> {
    let remote = peering.remote.as_ref().and_then(|remote| snapshot.vnets.get(remote));
    let said = || {
        let both = [&peering.remote_virtual_network_address_space, &peering.remote_address_space];
        both.into_iter().find(|space| !space.is_empty()).cloned().unwrap_or_default()
    };
    remote.map_or_else(said, |vnet| vnet.prefixes.iter().map(|prefix| prefix.value.net).collect())
}

fn finding(code: &'static Code, vnet: &VirtualNetwork, peering: &Peering, message: String) -> Diagnostic {
    let id = vnet.id.child("virtualNetworkPeerings", &peering.name);
    Diagnostic::new(code, message).resource(id.as_str()).help(code.fix).at(peering.span)
}

fn remotes(vnet: &VirtualNetwork, out: &mut Vec<Diagnostic>) {
    let mut seen: BTreeMap<&str, &Peering> = BTreeMap::new();
    for peering in &vnet.peerings {
        let Some(remote) = &peering.remote else { continue };
        if *remote == vnet.id {
            let message = format!("peering {} of {} leads to {} itself", peering.name, vnet.name, vnet.name);
            out.push(finding(&code::PEERING_SELF, vnet, peering, message));
        }
        let Some(first) = seen.get(remote.key()) else {
            seen.insert(remote.key(), peering);
            continue;
        };
        let message = format!(
            "peerings {} and {} of {} both lead to {}; Azure refuses the second",
            first.name,
            peering.name,
            vnet.name,
            remote.name()
        );
        out.push(finding(&code::PEERING_REPEATED, vnet, peering, message).label(first.span, "the other peering"));
    }
}

/// The common addresses of two spaces, in words.
fn common(own: &AddressSet, other: &AddressSet) -> String {
    let shared: Vec<String> = own.intersection(other).cidrs().iter().map(ToString::to_string).collect();
    list_words(&shared)
}

fn own_space(vnet: &VirtualNetwork, whole: &[(&Peering, Vec<IpNet>)], out: &mut Vec<Diagnostic>) {
    let own: AddressSet = vnet.prefixes.iter().map(|prefix| prefix.value.net).collect();
    for (peering, space) in whole {
        let other: AddressSet = space.iter().copied().collect();
        if own.intersection(&other).is_empty() {
            continue;
        }
        let remote = peering.remote.as_ref().map_or("its peer", |remote| remote.name());
        let message = format!(
            "{} and {remote}, which peering {} joins, both hold {}; Azure refuses the peering",
            vnet.name,
            peering.name,
            common(&own, &other)
        );
        out.push(finding(&code::PEERED_SPACES_OVERLAP, vnet, peering, message));
    }
}

fn peers(vnet: &VirtualNetwork, whole: &[(&Peering, Vec<IpNet>)], out: &mut Vec<Diagnostic>) {
    let all: Vec<(&Peering, IpNet)> =
        whole.iter().flat_map(|(peering, space)| space.iter().map(move |net| (*peering, *net))).collect();
    let nets: Vec<IpNet> = all.iter().map(|(_, net)| *net).collect();
    let mut said: Vec<(Span, Span)> = Vec::new();
    for (inner, outer) in overlap::nested(&nets) {
        let (Some((one, net)), Some((two, holder))) = (all.get(inner), all.get(outer)) else { continue };
        // Two peerings to one virtual network are GP228.
        if one.remote == two.remote || said.contains(&(one.span, two.span)) {
            continue;
        }
        said.push((one.span, two.span));
        let remote = |peering: &Peering| peering.remote.as_ref().map_or("a peer", |id| id.name()).to_owned();
        let message = format!(
            "{} ({net}) and {} ({holder}), both peered with {}, overlap; Azure refuses the second peering",
            remote(one),
            remote(two),
            vnet.name
        );
        out.push(finding(&code::PEERS_OVERLAP, vnet, one, message).label(two.span, format!("peering {}", two.name)));
    }
}
