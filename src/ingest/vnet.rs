//! Virtual networks, subnets, peerings, route tables, and what brings on-premises prefixes in.

use super::fields::Fields;
use super::json::Unusable;
use super::nsg;
use crate::model::{
    GatewayConnection, LocalNetworkGateway, Located, NatGateway, NextHopType, Peering, PrivateEndpointPolicies,
    PublicIpAddress, ResourceId, RouteDestination, RouteTable, Setting, Subnet, UserRoute, VirtualNetwork,
    VirtualNetworkGateway,
};
use crate::net::WrittenPrefix;

/// Reads a virtual network.
pub(crate) fn read_vnet(fields: &Fields<'_>, id: ResourceId) -> Result<VirtualNetwork, Unusable> {
    let prefixes = match fields.child("addressSpace")? {
        Some(space) => space.prefixes(&["addressPrefixes"])?,
        None => Vec::new(),
    };
    let subnets: Result<Vec<_>, _> =
        fields.objects("subnets")?.iter().map(|subnet| read_subnet(subnet, subnet.id_under(&id, "subnets"))).collect();
    let peerings: Result<Vec<_>, _> = fields.objects("virtualNetworkPeerings")?.iter().map(read_peering).collect();
    let dns_servers = match fields.child("dhcpOptions")? {
        Some(options) => options.strings("dnsServers"),
        None => Vec::new(),
    };
    Ok(VirtualNetwork {
        dns_servers,
        name: fields.name(),
        span: fields.span(),
        location: fields.outer().str("location").map(|text| text.replace(' ', "").to_ascii_lowercase()),
        prefixes,
        private_endpoint_routes_basic: fields
            .str("privateEndpointVNetPolicies")
            .is_some_and(|text| text.trim().eq_ignore_ascii_case("basic")),
        subnets: subnets?,
        peerings: peerings?,
        id,
    })
}

/// Reads a subnet.
pub(crate) fn read_subnet(fields: &Fields<'_>, id: ResourceId) -> Result<Subnet, Unusable> {
    let endpoints = fields.objects("serviceEndpoints")?;
    Ok(Subnet {
        name: fields.name(),
        span: fields.span(),
        prefixes: fields.prefixes(&["addressPrefixes", "addressPrefix"])?,
        nsg: fields.reference("networkSecurityGroup")?,
        route_table: fields.reference("routeTable")?,
        nat_gateway: fields.reference("natGateway")?,
        private_endpoint_policies: nsg::word(fields, "privateEndpointNetworkPolicies", PrivateEndpointPolicies::parse),
        delegations: fields
            .objects("delegations")?
            .iter()
            .filter_map(|delegation| delegation.str("serviceName").map(|text| text.to_ascii_lowercase()))
            .collect(),
        service_endpoints: endpoints
            .iter()
            .filter_map(|endpoint| endpoint.str("service").map(|text| text.to_ascii_lowercase()))
            .collect(),
        id,
    })
}

/// Reads one side of a peering.
pub(crate) fn read_peering(fields: &Fields<'_>) -> Result<Peering, Unusable> {
    let names = |key: &str| fields.strings(key).into_iter().map(|name| name.value.to_ascii_lowercase()).collect();
    Ok(Peering {
        name: fields.name(),
        span: fields.span(),
        remote: fields.reference("remoteVirtualNetwork")?.map(|r| r.value),
        state: fields.text("peeringState"),
        allow_virtual_network_access: fields.flag("allowVirtualNetworkAccess", true)?,
        access_span: fields.get("allowVirtualNetworkAccess").map(|node| node.span()),
        allow_forwarded_traffic: fields.flag("allowForwardedTraffic", false)?,
        allow_gateway_transit: fields.flag("allowGatewayTransit", false)?,
        use_remote_gateways: fields.flag("useRemoteGateways", false)?,
        remote_address_space: fields.address_space("remoteAddressSpace")?,
        remote_virtual_network_address_space: fields.address_space("remoteVirtualNetworkAddressSpace")?,
        complete_vnets: fields.flag("peerCompleteVnets", true)?,
        only_ipv6: fields.flag("enableOnlyIPv6Peering", false)?,
        local_subnets: names("localSubnetNames"),
        remote_subnets: names("remoteSubnetNames"),
    })
}

/// Reads a route table.
pub(crate) fn read_route_table(fields: &Fields<'_>, id: ResourceId) -> Result<RouteTable, Unusable> {
    let routes = fields.objects("routes")?.iter().map(read_route).collect();
    Ok(RouteTable {
        name: fields.name(),
        span: fields.span(),
        disable_bgp_route_propagation: fields.flag("disableBgpRoutePropagation", false)?,
        disable_peering_route: fields
            .str("disablePeeringRoute")
            .is_some_and(|text| !text.trim().is_empty() && !text.trim().eq_ignore_ascii_case("none")),
        routes,
        subnets: fields.references("subnets")?.into_iter().map(|r| r.value).collect(),
        id,
    })
}

/// Reads one user-defined route. A prefix that is no prefix is a service tag where it looks like one.
pub(crate) fn read_route(fields: &Fields<'_>) -> UserRoute {
    let destination = match fields.text("addressPrefix") {
        None => Setting::Missing,
        Some(text) => match WrittenPrefix::parse(&text.value) {
            Some(prefix) => Setting::Set(Located::new(RouteDestination::Prefix(prefix), text.span)),
            None if text.value.starts_with(|c: char| c.is_ascii_alphabetic())
                && text.value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'_') =>
            {
                Setting::Set(Located::new(RouteDestination::Tag(text.value), text.span))
            }
            None => Setting::Invalid(text),
        },
    };
    let next_hop = match fields.text("nextHopType") {
        None => Setting::Missing,
        Some(text) => match NextHopType::parse(&text.value) {
            Some(kind) => Setting::Set(Located::new(kind, text.span)),
            None => Setting::Invalid(text),
        },
    };
    UserRoute {
        name: fields.name(),
        span: fields.span(),
        destination,
        next_hop,
        next_hop_address: fields.address("nextHopIpAddress"),
        has_bgp_override: fields.get("hasBgpOverride").and_then(|node| node.boolean()).unwrap_or(false),
    }
}

/// Reads a VPN or ExpressRoute gateway.
pub(crate) fn read_vnet_gateway(fields: &Fields<'_>, id: ResourceId) -> Result<VirtualNetworkGateway, Unusable> {
    let mut subnets = Vec::new();
    for configuration in fields.objects("ipConfigurations")? {
        subnets.extend(configuration.reference("subnet")?.map(|r| r.value));
    }
    Ok(VirtualNetworkGateway { name: fields.name(), subnets, id })
}

/// Reads a local network gateway.
pub(crate) fn read_local_gateway(fields: &Fields<'_>, id: ResourceId) -> Result<LocalNetworkGateway, Unusable> {
    Ok(LocalNetworkGateway { prefixes: fields.address_space("localNetworkAddressSpace")?, id })
}

/// Reads a gateway connection.
pub(crate) fn read_connection(fields: &Fields<'_>, id: ResourceId) -> Result<GatewayConnection, Unusable> {
    Ok(GatewayConnection {
        gateway: fields.reference("virtualNetworkGateway1")?.map(|r| r.value),
        second_gateway: fields.reference("virtualNetworkGateway2")?.map(|r| r.value),
        local_gateway: fields.reference("localNetworkGateway2")?.map(|r| r.value),
        id,
    })
}

/// Reads a public IP address.
pub(crate) fn read_public_ip(fields: &Fields<'_>, id: ResourceId) -> Result<PublicIpAddress, Unusable> {
    let address = match fields.address("ipAddress") {
        Setting::Set(address) => Some(address),
        Setting::Missing | Setting::Invalid(_) => None,
    };
    Ok(PublicIpAddress {
        name: fields.name(),
        address,
        ip_configuration: fields.reference("ipConfiguration")?.map(|r| r.value),
        id,
    })
}

/// Reads a NAT gateway.
pub(crate) fn read_nat_gateway(fields: &Fields<'_>, id: ResourceId) -> Result<NatGateway, Unusable> {
    Ok(NatGateway { public_ips: fields.references("publicIpAddresses")?.into_iter().map(|r| r.value).collect(), id })
}
