//! Virtual networks, subnets, peerings and what brings on-premises prefixes in (semantics.md 3).

use super::{Located, PrivateEndpointPolicies, ResourceId, Setting};
use crate::diagnostic::Span;
use crate::net::WrittenPrefix;
use ipnet::IpNet;
use std::net::IpAddr;

/// A virtual network.
#[derive(Debug, Clone)]
pub struct VirtualNetwork {
    /// Its id.
    pub id: ResourceId,
    /// Its name as written.
    pub name: String,
    /// Where the resource stands.
    pub span: Span,
    /// Region, lower case without blanks.
    pub location: Option<String>,
    /// Address space. Elements that are no prefix are reported while reading and left out.
    pub prefixes: Vec<Located<WrittenPrefix>>,
    /// `privateEndpointVNetPolicies: Basic`.
    pub private_endpoint_routes_basic: bool,
    /// `dhcpOptions.dnsServers` as written: servers that are asked instead of Azure's.
    pub dns_servers: Vec<Located<String>>,
    /// Subnets.
    pub subnets: Vec<Subnet>,
    /// Its own side of each peering.
    pub peerings: Vec<Peering>,
}

/// A subnet.
#[derive(Debug, Clone)]
pub struct Subnet {
    /// Its id.
    pub id: ResourceId,
    /// Its name as written.
    pub name: String,
    /// Where the subnet object stands.
    pub span: Span,
    /// `addressPrefix` and `addressPrefixes` together.
    pub prefixes: Vec<Located<WrittenPrefix>>,
    /// The NSG that the subnet refers to.
    pub nsg: Option<Located<ResourceId>>,
    /// The route table that the subnet refers to.
    pub route_table: Option<Located<ResourceId>>,
    /// The NAT gateway that the subnet refers to.
    pub nat_gateway: Option<Located<ResourceId>>,
    /// `privateEndpointNetworkPolicies`; absent counts as disabled, the default since 2022-01-01.
    pub private_endpoint_policies: Setting<PrivateEndpointPolicies>,
    /// Services that the subnet is delegated to, lower case (`microsoft.sql/managedinstances`).
    pub delegations: Vec<String>,
    /// Services of enabled service endpoints, lower case (`microsoft.storage`).
    pub service_endpoints: Vec<String>,
}

/// One side of a peering, as stored in its own virtual network (semantics.md 3.5).
#[derive(Debug, Clone)]
pub struct Peering {
    /// Its name as written.
    pub name: String,
    /// Where the peering object stands.
    pub span: Span,
    /// The virtual network on the other side.
    pub remote: Option<ResourceId>,
    /// `peeringState`, as written; absent counts as `Connected`.
    pub state: Option<Located<String>>,
    /// `allowVirtualNetworkAccess`; absent counts as true.
    pub allow_virtual_network_access: bool,
    /// Where that flag stands.
    pub access_span: Option<Span>,
    /// `allowForwardedTraffic`; absent counts as false.
    pub allow_forwarded_traffic: bool,
    /// `allowGatewayTransit`.
    pub allow_gateway_transit: bool,
    /// `useRemoteGateways`.
    pub use_remote_gateways: bool,
    /// `remoteAddressSpace`, else empty.
    pub remote_address_space: Vec<IpNet>,
    /// `remoteVirtualNetworkAddressSpace`, else empty.
    pub remote_virtual_network_address_space: Vec<IpNet>,
    /// `peerCompleteVnets`; false restricts the peering to the named subnets.
    pub complete_vnets: bool,
    /// `enableOnlyIPv6Peering`: only IPv6 ranges are peered.
    pub only_ipv6: bool,
    /// Lower-case names of the own subnets that take part.
    pub local_subnets: Vec<String>,
    /// Lower-case names of the remote subnets that take part.
    pub remote_subnets: Vec<String>,
}

impl Peering {
    /// Is this side in state `Connected`?
    pub fn is_connected(&self) -> bool {
        self.state.as_ref().is_none_or(|state| state.value.eq_ignore_ascii_case("connected"))
    }
}

/// A VPN or ExpressRoute gateway of a virtual network.
#[derive(Debug, Clone)]
pub struct VirtualNetworkGateway {
    /// Its id.
    pub id: ResourceId,
    /// Its name as written.
    pub name: String,
    /// Subnets of its IP configurations.
    pub subnets: Vec<ResourceId>,
}

/// A local network gateway: the on-premises address space.
#[derive(Debug, Clone)]
pub struct LocalNetworkGateway {
    /// Its id.
    pub id: ResourceId,
    /// On-premises prefixes.
    pub prefixes: Vec<IpNet>,
}

/// A connection between a virtual network gateway and a local network gateway.
#[derive(Debug, Clone)]
pub struct GatewayConnection {
    /// Its id.
    pub id: ResourceId,
    /// The Azure side.
    pub gateway: Option<ResourceId>,
    /// The other Azure side of a connection between two virtual networks.
    pub second_gateway: Option<ResourceId>,
    /// The on-premises side; an ExpressRoute connection has none, its prefixes come by BGP.
    pub local_gateway: Option<ResourceId>,
}

/// A public IP address resource.
#[derive(Debug, Clone)]
pub struct PublicIpAddress {
    /// Its id.
    pub id: ResourceId,
    /// Its name as written.
    pub name: String,
    /// The address, where one is allocated.
    pub address: Option<Located<IpAddr>>,
    /// The IP configuration that holds it.
    pub ip_configuration: Option<ResourceId>,
}

/// A NAT gateway.
#[derive(Debug, Clone)]
pub struct NatGateway {
    /// Its id.
    pub id: ResourceId,
    /// Its public IP addresses.
    pub public_ips: Vec<ResourceId>,
}
