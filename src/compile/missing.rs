//! Subnets, networks, public addresses and gateways that the input refers to and does not hold: an address may be theirs.

use super::network::Network;
use crate::model::ResourceId;
use ipnet::IpNet;

/// What is referred to and missing.
#[derive(Debug, Default)]
pub struct Missing<'s> {
    /// Subnets of NICs, gateways, firewalls, load balancers and private endpoints, by id.
    pub subnets: Vec<&'s ResourceId>,
    /// Networks that peerings and network groups name, by id, with the address space that a peering tells of; empty where
    /// none does.
    pub networks: Vec<(&'s ResourceId, &'s [IpNet])>,
    /// Public IP addresses of frontends, NICs, firewalls and load balancers, by id.
    pub public_ips: Vec<&'s ResourceId>,
    /// Load balancers that NICs name, with the virtual network of the NIC.
    pub balancers: Vec<(ResourceId, ResourceId)>,
    /// A public IP address names an application gateway that is not in the input: it stands in some subnet.
    pub gateways: bool,
}

impl<'s> Missing<'s> {
    /// Looks for them in a network whose subnets are known.
    pub(crate) fn of(network: &Network<'s>) -> Self {
        let snapshot = network.snapshot;
        let gateways = snapshot.application_gateways.values();
        let nics = snapshot.network_interfaces.values().flat_map(|nic| &nic.configurations);
        let firewalls = snapshot.firewalls.values().flat_map(|firewall| &firewall.configurations);
        let balancers = snapshot.load_balancers.values().flat_map(|balancer| &balancer.frontends);
        let endpoints = snapshot.private_endpoints.values().filter_map(|endpoint| endpoint.subnet.as_ref());
        let subnets = gateways.clone().flat_map(|gateway| &gateway.subnets).map(|r| &r.value);
        let subnets = subnets
            .chain(nics.clone().filter_map(|c| c.subnet.as_ref()))
            .chain(firewalls.clone().filter_map(|c| c.subnet.as_ref()))
            .chain(balancers.clone().filter_map(|frontend| frontend.subnet.as_ref()))
            .chain(endpoints);
        let public_ips = gateways
            .flat_map(|gateway| &gateway.frontends)
            .filter_map(|frontend| frontend.public_ip.as_ref())
            .chain(nics.filter_map(|c| c.public_ip.as_ref()))
            .chain(firewalls.filter_map(|c| c.public_ip.as_ref()))
            .chain(balancers.filter_map(|frontend| frontend.public_ip.as_ref()));
        let owners = snapshot.public_ips.values().filter_map(|ip| ip.ip_configuration.as_ref());
        let owners = owners.filter(|id| id.key().contains("/applicationgateways/"));
        let mut owning = owners.filter_map(ResourceId::parent);
        Missing {
            subnets: sorted(subnets.filter(|id| network.subnet_by_id(id).is_none())),
            networks: networks(network),
            balancers: unseen_balancers(network),
            public_ips: sorted(public_ips.filter(|id| !snapshot.public_ips.contains_key(*id))),
            gateways: owning.any(|id| !snapshot.application_gateways.contains_key(&id)),
        }
    }
}

fn networks<'s>(network: &Network<'s>) -> Vec<(&'s ResourceId, &'s [IpNet])> {
    let snapshot = network.snapshot;
    let peerings = snapshot.vnets.values().flat_map(|vnet| &vnet.peerings);
    let peers = peerings.filter_map(|p| Some((p.remote.as_ref()?, p.remote_address_space.as_slice())));
    let managers = &snapshot.network_managers;
    let members = managers.members.values().filter_map(|member| member.resource.as_ref());
    let listed = managers.groups.values().flat_map(|group| &group.members);
    let virtual_network = |id: &&ResourceId| id.resource_type().as_deref() == Some("microsoft.network/virtualnetworks");
    let members = members.chain(listed).filter(virtual_network).map(|id| (id, [].as_slice()));
    let mut out: Vec<_> = peers.chain(members).filter(|(id, _)| network.vnet_by_id(id).is_none()).collect();
    out.sort_by_key(|(id, _)| *id);
    out
}

fn unseen_balancers(network: &Network<'_>) -> Vec<(ResourceId, ResourceId)> {
    let snapshot = network.snapshot;
    let nics = snapshot.network_interfaces.values().flat_map(|nic| &nic.configurations);
    let named = nics.flat_map(|own| {
        let vnet = own.subnet.as_ref().and_then(ResourceId::parent);
        let children = own.balancer_pools.iter().chain(&own.nat_rules).filter_map(ResourceId::parent);
        children.filter_map(move |id| Some((id, vnet.clone()?)))
    });
    let mut out: Vec<_> = named.filter(|(id, _)| !snapshot.load_balancers.contains_key(id)).collect();
    out.sort();
    out.dedup();
    out
}

fn sorted<'s>(ids: impl Iterator<Item = &'s ResourceId>) -> Vec<&'s ResourceId> {
    let mut out: Vec<&ResourceId> = ids.collect();
    out.sort();
    out.dedup();
    out
}
