//! Private addresses that the input knows: NICs, private endpoints, frontends, firewalls.

use super::network::{Lookup, Network};
use crate::model::{LoadBalancer, LoadBalancerFrontend, NetworkInterface, PrivateEndpoint, ResourceId};
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
    /// The static address of an internal Container Apps environment.
    ContainerEnvironment,
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
    /// The private endpoint, where it is in the input.
    pub private_endpoint: Option<&'s PrivateEndpoint>,
    /// Index of the firewall into [`Network::firewalls`].
    pub firewall: Option<usize>,
    /// The load balancer and the frontend.
    pub balancer: Option<(&'s LoadBalancer, &'s LoadBalancerFrontend)>,
}

/// Collects every private address of the snapshot, in the order of resource ids.
pub(crate) fn collect<'s>(network: &Network<'s>) -> Vec<Endpoint<'s>> {
    let snapshot = network.snapshot;
    let mut owners: BTreeMap<&ResourceId, &ResourceId> = BTreeMap::new();
    for endpoint in snapshot.private_endpoints.values() {
        owners.extend(endpoint.network_interfaces.iter().map(|nic| (nic, &endpoint.id)));
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
        let private_endpoint = owner.and_then(|id| snapshot.private_endpoints.get(id));
        let nsg = nic.nsg.as_ref().map(|r| &r.value).or_else(|| listed.get(&nic.id).copied());
        for configuration in &nic.configurations {
            let Some(address) = &configuration.address else { continue };
            let own_groups = configuration.groups.iter();
            let kind = if owner.is_some() { EndpointKind::PrivateEndpoint } else { EndpointKind::Nic };
            out.push(Endpoint {
                nsg: if owner.is_some() { Lookup::None } else { network.filter_of(nsg) },
                groups: own_groups.chain(private_endpoint.into_iter().flat_map(|pe| &pe.groups)).collect(),
                configuration: Some(&configuration.id),
                nic: owner.is_none().then_some(nic),
                public_ip: configuration.public_ip.as_ref(),
                private_endpoint,
                ..plain(network, kind, address.value, configuration.subnet.as_ref(), owner.unwrap_or(&nic.id))
            });
        }
    }
    private_endpoints(network, &mut out);
    frontends(network, &mut out);
    out
}

fn plain<'s>(
    network: &Network<'s>,
    kind: EndpointKind,
    address: IpAddr,
    subnet: Option<&'s ResourceId>,
    id: &'s ResourceId,
) -> Endpoint<'s> {
    Endpoint {
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
        private_endpoint: None,
        firewall: None,
        balancer: None,
    }
}

/// Private endpoints whose NIC was not exported, by the addresses that they name themselves.
fn private_endpoints<'s>(network: &Network<'s>, out: &mut Vec<Endpoint<'s>>) {
    for endpoint in network.snapshot.private_endpoints.values() {
        for address in &endpoint.addresses {
            let known = out.iter().any(|end| end.address == *address && *end.id == endpoint.id);
            if !known {
                let kind = EndpointKind::PrivateEndpoint;
                out.push(Endpoint {
                    groups: endpoint.groups.iter().collect(),
                    private_endpoint: Some(endpoint),
                    ..plain(network, kind, *address, endpoint.subnet.as_ref(), &endpoint.id)
                });
            }
        }
    }
}

/// Frontends of application gateways and load balancers, and firewalls.
fn frontends<'s>(network: &Network<'s>, out: &mut Vec<Endpoint<'s>>) {
    for gateway in network.snapshot.application_gateways.values() {
        for frontend in &gateway.frontends {
            if let Some(address) = &frontend.private_address {
                let subnet = frontend.subnet.as_ref();
                out.push(plain(network, EndpointKind::GatewayFrontend, address.value, subnet, &gateway.id));
            }
        }
    }
    for (index, node) in network.firewalls.iter().enumerate() {
        let subnet = node.firewall.configurations.iter().find_map(|c| c.subnet.as_ref());
        for address in &node.private {
            let end = plain(network, EndpointKind::AzureFirewall, *address, subnet, &node.firewall.id);
            out.push(Endpoint { firewall: Some(index), ..end });
        }
    }
    for environment in network.snapshot.container_environments.values().filter(|own| own.subnet.is_some()) {
        if let Some(address) = &environment.address {
            let kind = EndpointKind::ContainerEnvironment;
            out.push(plain(network, kind, address.value, environment.subnet.as_ref(), &environment.id));
        }
    }
    for balancer in network.snapshot.load_balancers.values() {
        for frontend in &balancer.frontends {
            if let Some(address) = &frontend.address {
                let subnet = frontend.subnet.as_ref();
                let end = plain(network, EndpointKind::LoadBalancer, address.value, subnet, &balancer.id);
                out.push(Endpoint { balancer: Some((balancer, frontend)), ..end });
            }
        }
    }
}
