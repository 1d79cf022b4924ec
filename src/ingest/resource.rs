//! One ARM resource object to one model resource: the table of resource types.

use super::fields::Fields;
use super::json::Unusable;
use super::{admin, dns, endpoint, firewall, gateway, nic, nsg, vnet};
use crate::diagnostic::{Diagnostic, code};
use crate::model::{
    AdminCollection, AdminConfiguration, AdminRule, ApplicationGateway, AzureFirewall, ConnectivityConfiguration,
    ContainerEnvironment, FirewallPolicy, GatewayConnection, IpGroup, LoadBalancer, LocalNetworkGateway,
    MembershipPolicy, NatGateway, NetworkGroup, NetworkInterface, NetworkManager, NetworkSecurityGroup, Peering,
    PrivateDnsZone, PrivateEndpoint, PublicIpAddress, RecordSet, ResourceId, RouteTable, RuleCollectionGroup, ScaleSet,
    SecurityRule, StaticMember, Subnet, UserRoute, VirtualNetwork, VirtualNetworkGateway, ZoneLink, export_command,
};

/// A resource as read, or a child that belongs into its parent.
#[derive(Debug, Clone)]
pub(crate) enum Resource {
    Nsg(NetworkSecurityGroup),
    SecurityRule(ResourceId, SecurityRule),
    ApplicationSecurityGroup(ResourceId),
    Vnet(VirtualNetwork),
    Subnet(ResourceId, Subnet),
    Peering(ResourceId, Peering),
    RouteTable(RouteTable),
    Route(ResourceId, UserRoute),
    Nic(NetworkInterface),
    ScaleSet(ScaleSet),
    Instance(ResourceId),
    PublicIp(PublicIpAddress),
    NatGateway(NatGateway),
    Gateway(Box<ApplicationGateway>),
    VnetGateway(VirtualNetworkGateway),
    LocalGateway(LocalNetworkGateway),
    Connection(GatewayConnection),
    Firewall(AzureFirewall),
    FirewallPolicy(FirewallPolicy),
    RuleCollectionGroup(RuleCollectionGroup),
    IpGroup(IpGroup),
    PrivateEndpoint(PrivateEndpoint),
    LoadBalancer(LoadBalancer),
    Container(ContainerEnvironment),
    NetworkManager(NetworkManager),
    NetworkGroup(NetworkGroup),
    StaticMember(StaticMember),
    MembershipPolicy(MembershipPolicy),
    AdminConfiguration(AdminConfiguration),
    AdminCollection(AdminCollection),
    AdminRule(AdminRule),
    Connectivity(ConnectivityConfiguration),
    DnsZone(PrivateDnsZone),
    ZoneLink(ZoneLink),
    RecordSet(RecordSet),
    /// A type that no question depends on.
    Other,
}

/// The resource type in lower case: the `type` field, else what the id says.
pub(crate) fn type_of(fields: &Fields<'_>) -> Option<String> {
    let outer = fields.outer();
    let written = outer.str("type").or_else(|| outer.str("resourceType"));
    match written {
        Some(text) if text.contains('/') => Some(text.trim().to_ascii_lowercase()),
        _ => fields.id().and_then(|id| id.resource_type()),
    }
}

/// Fields of which a whole export has at least one (or a `properties` object), for types whose absence would be read as
/// "no rules" or "no routes".
fn essential(kind: &str) -> &'static [&'static str] {
    match kind {
        "microsoft.network/networksecuritygroups" => &["securityRules", "defaultSecurityRules"],
        "microsoft.network/networksecuritygroups/securityrules" => &["access"],
        "microsoft.network/routetables" => &["routes", "disableBgpRoutePropagation"],
        "microsoft.network/virtualnetworks" => &["addressSpace", "subnets"],
        "microsoft.network/virtualnetworks/subnets" => &["addressPrefix", "addressPrefixes"],
        "microsoft.network/networkinterfaces"
        | "microsoft.compute/virtualmachinescalesets/networkinterfaces"
        | "microsoft.compute/virtualmachinescalesets/virtualmachines/networkinterfaces" => &["ipConfigurations"],
        "microsoft.network/applicationgateways" => &["gatewayIPConfigurations", "backendAddressPools"],
        "microsoft.network/privatednszones/virtualnetworklinks" => &["virtualNetwork"],
        "microsoft.network/privatednszones/a" => &["aRecords"],
        "microsoft.network/privatednszones/aaaa" => &["aaaaRecords"],
        "microsoft.network/privatednszones/cname" => &["cnameRecord"],
        _ => &[],
    }
}

/// Types of Azure Policy start so.
const POLICY: &str = "microsoft.authorization/policy";

/// Reads a resource of a known type; `Unusable` has been reported.
pub(crate) fn read(kind: &str, fields: &Fields<'_>, id: ResourceId) -> Result<Resource, Unusable> {
    let essential = essential(kind);
    if !essential.is_empty() && !fields.is_whole(essential) {
        let text = format!("{} was exported without its properties; it was not used", id.name());
        let help = format!("export it whole: {}", export_command(&id));
        fields
            .outer()
            .node()
            .report(Diagnostic::new(&code::INCOMPLETE_RESOURCE, text).resource(id.as_str()).help(help));
        return Err(Unusable);
    }
    let parent = |id: &ResourceId| id.parent().unwrap_or_else(|| id.clone());
    Ok(match kind {
        "microsoft.network/networksecuritygroups" => Resource::Nsg(nsg::read(fields, id)?),
        "microsoft.network/networksecuritygroups/securityrules" => {
            Resource::SecurityRule(parent(&id), nsg::read_rule(fields)?)
        }
        "microsoft.network/applicationsecuritygroups" => Resource::ApplicationSecurityGroup(id),
        "microsoft.network/virtualnetworks" => Resource::Vnet(vnet::read_vnet(fields, id)?),
        "microsoft.network/virtualnetworks/subnets" => Resource::Subnet(parent(&id), vnet::read_subnet(fields, id)?),
        "microsoft.network/virtualnetworks/virtualnetworkpeerings" => {
            Resource::Peering(parent(&id), vnet::read_peering(fields)?)
        }
        "microsoft.network/routetables" => Resource::RouteTable(vnet::read_route_table(fields, id)?),
        "microsoft.network/routetables/routes" => Resource::Route(parent(&id), vnet::read_route(fields)),
        "microsoft.network/networkinterfaces"
        | "microsoft.compute/virtualmachinescalesets/networkinterfaces"
        | "microsoft.compute/virtualmachinescalesets/virtualmachines/networkinterfaces" => {
            Resource::Nic(nic::read_nic(fields, id)?)
        }
        "microsoft.compute/virtualmachinescalesets" => Resource::ScaleSet(nic::read_scale_set(fields, id)?),
        "microsoft.compute/virtualmachines" => match nic::read_machine(fields)? {
            Some(set) => Resource::Instance(set),
            None => Resource::Other,
        },
        "microsoft.network/publicipaddresses" => Resource::PublicIp(vnet::read_public_ip(fields, id)?),
        "microsoft.network/natgateways" => Resource::NatGateway(vnet::read_nat_gateway(fields, id)?),
        "microsoft.network/applicationgateways" => Resource::Gateway(Box::new(gateway::read(fields, id)?)),
        "microsoft.network/virtualnetworkgateways" => Resource::VnetGateway(vnet::read_vnet_gateway(fields, id)?),
        "microsoft.network/localnetworkgateways" => Resource::LocalGateway(vnet::read_local_gateway(fields, id)?),
        "microsoft.network/connections" => Resource::Connection(vnet::read_connection(fields, id)?),
        "microsoft.network/azurefirewalls" => Resource::Firewall(firewall::read_firewall(fields, id)?),
        "microsoft.network/firewallpolicies" => Resource::FirewallPolicy(firewall::read_policy(fields, id)?),
        "microsoft.network/firewallpolicies/rulecollectiongroups" => {
            Resource::RuleCollectionGroup(firewall::read_group(fields, id)?)
        }
        "microsoft.network/ipgroups" => Resource::IpGroup(firewall::read_ip_group(fields, id)),
        "microsoft.network/loadbalancers" => Resource::LoadBalancer(endpoint::read_load_balancer(fields, id)?),
        "microsoft.network/privateendpoints" => Resource::PrivateEndpoint(endpoint::read_private_endpoint(fields, id)?),
        "microsoft.app/managedenvironments" => Resource::Container(endpoint::read_environment(fields, id)?),
        "microsoft.network/privatednszones" => Resource::DnsZone(dns::read_zone(fields, id)),
        "microsoft.network/privatednszones/virtualnetworklinks" => Resource::ZoneLink(dns::read_link(fields, id)?),
        _ if kind.starts_with("microsoft.network/privatednszones/") => {
            Resource::RecordSet(dns::read_record_set(kind, fields, id)?)
        }
        _ => match (kind.strip_prefix("microsoft.network/networkmanagers"), kind.strip_prefix(POLICY)) {
            (Some(child), _) => network_manager(child, fields, id)?,
            (_, Some(kind)) => membership(kind, fields, id)?,
            _ => Resource::Other,
        },
    })
}

/// What adds members to network groups.
fn membership(kind: &str, fields: &Fields<'_>, id: ResourceId) -> Result<Resource, Unusable> {
    let policy = match kind {
        "definitions" => admin::read_policy(fields, id)?,
        "assignments" => admin::read_assignment(fields, id)?,
        _ => None,
    };
    Ok(policy.map_or(Resource::Other, Resource::MembershipPolicy))
}

/// A network manager or one of its children.
fn network_manager(child: &str, fields: &Fields<'_>, id: ResourceId) -> Result<Resource, Unusable> {
    Ok(match child {
        "" => Resource::NetworkManager(admin::read_manager(fields, id)?),
        "/networkgroups" => Resource::NetworkGroup(admin::read_group(fields, id)?),
        "/networkgroups/staticmembers" => Resource::StaticMember(admin::read_member(fields, id)?),
        "/securityadminconfigurations" => Resource::AdminConfiguration(admin::read_configuration(fields, id)),
        "/securityadminconfigurations/rulecollections" => {
            Resource::AdminCollection(admin::read_collection(fields, id)?)
        }
        "/securityadminconfigurations/rulecollections/rules" => Resource::AdminRule(admin::read_rule(fields, id)?),
        "/connectivityconfigurations" => Resource::Connectivity(admin::read_connectivity(fields, id)?),
        _ => Resource::Other,
    })
}
