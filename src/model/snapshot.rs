//! All resources of the input, by id.

use super::{
    ApplicationGateway, AzureFirewall, ContainerEnvironment, EffectiveTable, FirewallPolicy, Fragments,
    GatewayConnection, IpGroup, LoadBalancer, LocalNetworkGateway, Located, LoggedAddress, NatGateway,
    NetworkInterface, NetworkManagers, NetworkSecurityGroup, PrivateDns, PrivateEndpoint, PublicIpAddress, ResourceId,
    RouteTable, RuleCollectionGroup, ScaleSet, ServiceTags, Setting, Subnet, TagExpansion, VirtualNetwork,
    VirtualNetworkGateway,
};
use crate::diagnostic::Span;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Everything that was configured, as far as the input holds it. Maps are ordered by id, so that nothing depends on the
/// order of files.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Network security groups.
    pub nsgs: BTreeMap<ResourceId, NetworkSecurityGroup>,
    /// Application security groups that are in the input as resources.
    pub application_security_groups: BTreeSet<ResourceId>,
    /// Virtual networks.
    pub vnets: BTreeMap<ResourceId, VirtualNetwork>,
    /// Route tables.
    pub route_tables: BTreeMap<ResourceId, RouteTable>,
    /// Network interfaces.
    pub network_interfaces: BTreeMap<ResourceId, NetworkInterface>,
    /// Virtual machine scale sets.
    pub scale_sets: BTreeMap<ResourceId, ScaleSet>,
    /// Virtual machines that are instances of a scale set, and which.
    pub instances: BTreeMap<ResourceId, ResourceId>,
    /// Public IP addresses.
    pub public_ips: BTreeMap<ResourceId, PublicIpAddress>,
    /// NAT gateways.
    pub nat_gateways: BTreeMap<ResourceId, NatGateway>,
    /// Application gateways.
    pub application_gateways: BTreeMap<ResourceId, ApplicationGateway>,
    /// Virtual network gateways.
    pub vnet_gateways: BTreeMap<ResourceId, VirtualNetworkGateway>,
    /// Local network gateways.
    pub local_network_gateways: BTreeMap<ResourceId, LocalNetworkGateway>,
    /// Gateway connections.
    pub connections: BTreeMap<ResourceId, GatewayConnection>,
    /// Azure Firewalls.
    pub firewalls: BTreeMap<ResourceId, AzureFirewall>,
    /// Firewall policies.
    pub firewall_policies: BTreeMap<ResourceId, FirewallPolicy>,
    /// Rule collection groups of firewall policies.
    pub rule_collection_groups: BTreeMap<ResourceId, RuleCollectionGroup>,
    /// IP groups.
    pub ip_groups: BTreeMap<ResourceId, IpGroup>,
    /// Private endpoints.
    pub private_endpoints: BTreeMap<ResourceId, PrivateEndpoint>,
    /// Load balancers.
    pub load_balancers: BTreeMap<ResourceId, LoadBalancer>,
    /// Azure Container Apps environments.
    pub container_environments: BTreeMap<ResourceId, ContainerEnvironment>,
    /// Network managers with what they configure.
    pub network_managers: NetworkManagers,
    /// Ids that stand in the input but could not be used (conflicting or unreadable), and why. References to them are
    /// answered `unknown`.
    pub unusable: BTreeMap<ResourceId, String>,
    /// Children whose parent is not in the input.
    pub fragments: Fragments,
    /// Service tags with data.
    pub service_tags: Option<ServiceTags>,
    /// Tags per subnet, from effective lists of the input; they win over what is computed.
    pub expansions: BTreeMap<ResourceId, TagExpansion>,
    /// Effective routes per subnet, from lists of the input; they win over what is computed.
    pub listed_routes: BTreeMap<ResourceId, EffectiveTable>,
    /// Hosts map: lower-case name to addresses.
    pub hosts: BTreeMap<String, Vec<IpAddr>>,
    /// Private DNS zones.
    pub dns: PrivateDns,
    /// Addresses that gateways used, from access logs, sorted.
    pub logged: Vec<LoggedAddress>,
}

impl Snapshot {
    /// Gives every NIC whose subnet is not in the input a subnet of which nothing is known: its NSG and its route table
    /// are references to it that lead nowhere (unless an effective list names the NSG), so that whatever depends on them is unknown and names it. For questions
    /// about one NIC; a path would also need the subnet's prefixes.
    pub fn add_unknown_subnets(&mut self) {
        let known: BTreeSet<&ResourceId> =
            self.vnets.values().flat_map(|vnet| &vnet.subnets).map(|subnet| &subnet.id).collect();
        let used = self.network_interfaces.values().flat_map(|nic| &nic.configurations);
        let missing: BTreeSet<ResourceId> =
            used.filter_map(|c| c.subnet.as_ref()).filter(|id| !known.contains(id)).cloned().collect();
        for id in missing {
            let span = Span { file: u32::MAX, start: 0, end: 0 };
            let nowhere = Some(Located::new(id.clone(), span));
            let subnet = Subnet {
                name: id.name().to_owned(),
                span,
                prefixes: Vec::new(),
                nsg: match self.expansions.get(&id) {
                    Some(listed) => listed.nsg.clone().map(|nsg| Located::new(nsg, span)),
                    None => nowhere.clone(),
                },
                route_table: nowhere,
                nat_gateway: None,
                private_endpoint_policies: Setting::Missing,
                delegations: Vec::new(),
                service_endpoints: Vec::new(),
                id: id.clone(),
            };
            // Its own id: peerings of others to the network that is missing stay as they are.
            let own = ResourceId::new(&format!("{id} (not in the input)"));
            let vnet = VirtualNetwork {
                name: own.name().to_owned(),
                span,
                location: None,
                private_endpoint_routes_basic: false,
                prefixes: Vec::new(),
                dns_servers: Vec::new(),
                subnets: vec![subnet],
                peerings: Vec::new(),
                id: own.clone(),
            };
            self.vnets.insert(own, vnet);
        }
    }
}
