//! Private addresses that the input knows: NICs, private endpoints, frontends, firewalls.

use super::network::{Lookup, Network};
use crate::model::{NetworkInterface, ResourceId, UnmodelledKind};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// What answers on an address. The order is the order of preference where several do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EndpointKind {
    /// A private endpoint.
    PrivateEndpoint,
    /// A network interface.
    Nic,
    /// A private frontend of an application gateway.
    GatewayFrontend,
    /// An Azure Firewall.
    AzureFirewall,
    /// A private frontend of a load balancer.
    LoadBalancer,
}

/// One private address.
#[derive(Debug)]
pub struct Endpoint<'s> {
    /// What answers.
    pub kind: EndpointKind,
    /// The address.
    pub address: IpAddr,
    /// Index of its subnet, where the resource names one that is in the input.
    pub subnet: Option<usize>,
    /// Id of its subnet, also of one that is not in the input.
    pub subnet_id: Option<&'s ResourceId>,
    /// Id of the resource.
    pub id: &'s ResourceId,
    /// Name of the resource as displayed.
    pub name: String,
    /// NSG of a NIC.
    pub nsg: Lookup<'s, usize>,
    /// Application security groups.
    pub groups: Vec<&'s ResourceId>,
    /// Id of the IP configuration.
    pub configuration: Option<&'s ResourceId>,
    /// The NIC itself, for IP forwarding.
    pub nic: Option<&'s NetworkInterface>,
    /// Public IP address resource of the configuration.
    pub public_ip: Option<&'s ResourceId>,
}

/// Collects every private address of the snapshot, in the order of resource ids.
pub(crate) fn collect<'s>(network: &Network<'s>) -> Vec<Endpoint<'s>> {
    let snapshot = network.snapshot;
    let mut owners: BTreeMap<&ResourceId, &ResourceId> = BTreeMap::new();
    for resource in snapshot.unmodelled.values().filter(|r| r.kind == UnmodelledKind::PrivateEndpoint) {
        owners.extend(resource.network_interfaces.iter().map(|nic| (nic, &resource.id)));
    }
    let mut listed: BTreeMap<&ResourceId, &ResourceId> = BTreeMap::new();
    for nsg in snapshot.nsgs.values() {
        for nic in &nsg.network_interfaces {
            listed.entry(nic).or_insert(&nsg.id);
        }
    }
    let mut out = Vec::new();
    for nic in snapshot.network_interfaces.values() {
        let owner = owners.get(&nic.id).copied().or(nic.private_endpoint.as_ref());
        let nsg = nic.nsg.as_ref().map(|r| &r.value).or_else(|| listed.get(&nic.id).copied());
        for configuration in &nic.configurations {
            let Some(address) = &configuration.address else { continue };
            out.push(Endpoint {
                kind: if owner.is_some() { EndpointKind::PrivateEndpoint } else { EndpointKind::Nic },
                address: address.value,
                subnet: configuration.subnet.as_ref().and_then(|id| network.subnet_by_id(id)),
                subnet_id: configuration.subnet.as_ref(),
                id: owner.unwrap_or(&nic.id),
                name: network.name(owner.unwrap_or(&nic.id)),
                nsg: if owner.is_some() { Lookup::None } else { network.filter_of(nsg) },
                groups: configuration.groups.iter().collect(),
                configuration: Some(&configuration.id),
                nic: owner.is_none().then_some(nic),
                public_ip: configuration.public_ip.as_ref(),
            });
        }
    }
    others(network, &mut out);
    out
}

/// Frontends of gateways, and resources that are named but not evaluated.
fn others<'s>(network: &Network<'s>, out: &mut Vec<Endpoint<'s>>) {
    let plain = |kind, address, subnet: Option<&'s ResourceId>, id: &'s ResourceId| Endpoint {
        kind,
        address,
        subnet: subnet.and_then(|id| network.subnet_by_id(id)),
        subnet_id: subnet,
        id,
        name: network.name(id),
        nsg: Lookup::None,
        groups: Vec::new(),
        configuration: None,
        nic: None,
        public_ip: None,
    };
    for gateway in network.snapshot.application_gateways.values() {
        for frontend in &gateway.frontends {
            if let Some(address) = &frontend.private_address {
                let subnet = frontend.subnet.as_ref();
                out.push(plain(EndpointKind::GatewayFrontend, address.value, subnet, &gateway.id));
            }
        }
    }
    for resource in network.snapshot.unmodelled.values() {
        let kind = match resource.kind {
            UnmodelledKind::PrivateEndpoint => EndpointKind::PrivateEndpoint,
            UnmodelledKind::AzureFirewall => EndpointKind::AzureFirewall,
            UnmodelledKind::LoadBalancer => EndpointKind::LoadBalancer,
            UnmodelledKind::SecurityAdminRules | UnmodelledKind::PrivateDnsZone => continue,
        };
        for address in &resource.addresses {
            let known = out.iter().any(|end| end.address == *address && *end.id == resource.id);
            if !known {
                out.push(plain(kind, *address, resource.subnets.first(), &resource.id));
            }
        }
    }
}
