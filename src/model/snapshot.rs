//! All resources of the input, by id.

use super::{
    ApplicationGateway, AzureFirewall, ContainerEnvironment, FirewallPolicy, GatewayConnection, IpGroup, LoadBalancer, LocalNetworkGateway, NatGateway, NetworkInterface, NetworkManagers, NetworkSecurityGroup, PrivateEndpoint, PublicIpAddress, ResourceId, RouteTable, RuleCollectionGroup, ScaleSet, ServiceTags, TagExpansion, VirtualNetwork, VirtualNetworkGateway,
};
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
    /// Service tags with data.
    pub service_tags: Option<ServiceTags>,
    /// Tags per subnet, from effective lists of the input; they win over what is computed.
    pub expansions: BTreeMap<ResourceId, TagExpansion>,
    /// Hosts map: lower-case name to addresses.
    pub hosts: BTreeMap<String, Vec<IpAddr>>,
}
