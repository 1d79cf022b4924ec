//! Whom a recorded question is about: the NIC and subnet of its target, or of the address that it names.

use super::{Outcome, given};
use crate::compile::Network;
use crate::compile::endpoints::{Endpoint, EndpointKind};
use crate::model::{Answered, ResourceId};
use std::net::IpAddr;

/// A NIC in its subnet; without a NIC, a subnet whose instances are asked about.
#[derive(Debug, Clone, Copy)]
pub struct Place<'n> {
    /// The NIC's address.
    pub end: Option<&'n Endpoint<'n>>,
    /// Index of the subnet.
    pub subnet: usize,
}

impl<'n> Place<'n> {
    /// Id of the NIC.
    pub fn nic(&self) -> Option<&'n ResourceId> {
        self.end.map(|end| end.id)
    }
}

/// Places that the ids mean; where they mean none, places of the address. Azure's tools answer for a NIC on a VM only, so
/// of several NICs with the address those on a VM are meant.
pub fn places<'n>(network: &'n Network<'n>, targets: &[ResourceId], address: Option<IpAddr>) -> Vec<Place<'n>> {
    for id in targets {
        let mut named = of_id(network, id);
        let has = |place: &Place<'_>| address.is_some() && place.end.map(|end| end.address) == address;
        if named.iter().any(has) {
            named.retain(has);
        }
        if !named.is_empty() {
            return named;
        }
    }
    let Some(address) = address else { return Vec::new() };
    let mut found: Vec<Place<'n>> = network.endpoints_with(address).filter_map(place).collect();
    let on_vm = |place: &Place<'_>| place.end.and_then(|end| end.nic).is_some_and(|nic| nic.virtual_machine.is_some());
    if found.iter().any(on_vm) {
        found.retain(on_vm);
    }
    if found.is_empty() {
        let holds = |index: &usize| {
            network.subnet(*index).is_some_and(|node| node.prefixes.iter().any(|net| net.contains(&address)))
        };
        let subnets = (0..network.subnets.len()).filter(holds);
        found = subnets.map(|subnet| Place { end: None, subnet }).collect();
    }
    found
}

fn place<'n>(end: &'n Endpoint<'n>) -> Option<Place<'n>> {
    let subnet = end.subnet.filter(|_| end.kind == EndpointKind::Nic)?;
    Some(Place { end: Some(end), subnet })
}

/// Places of a NIC, of a VM's NICs, of a subnet or of a gateway.
fn of_id<'n>(network: &'n Network<'n>, id: &ResourceId) -> Vec<Place<'n>> {
    let owns =
        |end: &&Endpoint<'n>| end.id == id || end.nic.is_some_and(|nic| nic.virtual_machine.as_ref() == Some(id));
    let found: Vec<Place<'n>> = network.endpoints.iter().filter(owns).filter_map(place).collect();
    if !found.is_empty() {
        return found;
    }
    let gateway = network.snapshot.application_gateways.get(id);
    let subnets = gateway.into_iter().flat_map(|gateway| &gateway.subnets).map(|subnet| &subnet.value);
    let subnets = subnets.chain([id]).filter_map(|id| network.subnet_by_id(id));
    subnets.map(|subnet| Place { end: None, subnet }).collect()
}

/// One place for each NIC of a list of places.
pub(crate) fn per_nic<'n>(places: Vec<Place<'n>>) -> Vec<Place<'n>> {
    let mut out: Vec<Place<'n>> = Vec::new();
    for place in places {
        if !out.iter().any(|known| known.nic() == place.nic() && known.subnet == place.subnet) {
            out.push(place);
        }
    }
    out
}

/// Every NIC of the input.
pub(crate) fn every_nic<'n>(network: &'n Network<'n>) -> Vec<Place<'n>> {
    per_nic(network.endpoints.iter().filter_map(place).collect())
}

/// Effective lists exist for NICs of running VMs only: that error agrees where the NIC is on no VM. `Err`: the answer,
/// where there is one.
pub(crate) fn attached<'a, T>(
    network: &Network<'_>,
    targets: &[ResourceId],
    answer: &'a Answered<T>,
) -> Result<Outcome, &'a T> {
    let why = match (given(answer), answer) {
        (Ok(value), _) => return Err(value),
        (Err(why), Answered::Failed { code, .. }) if code.starts_with("NicMustBeAttachedTo") => why,
        (Err(why), _) => return Ok(Outcome::Undecided(why)),
    };
    let nic = targets.iter().find_map(|id| network.snapshot.network_interfaces.get(id));
    Ok(match nic {
        Some(nic) if nic.virtual_machine.is_none() => Outcome::Agreed(Vec::new()),
        Some(_) => Outcome::Undecided(format!("{why} (whether the VM runs is not in the input)")),
        None => Outcome::Undecided(why),
    })
}
