//! Private endpoints, load balancers, Container Apps environments.

use super::fields::Fields;
use super::json::Unusable;
use super::tags::host_key;
use crate::model::{
    BalancedAddress, BalancedProtocol, ContainerEnvironment, InboundNatRule, LoadBalancer, LoadBalancerFrontend,
    LoadBalancerPool, LoadBalancerRule, PrivateEndpoint, ResourceId, Setting,
};
use crate::net::parse_address;

fn ids(fields: &Fields<'_>, key: &str) -> Result<Vec<ResourceId>, Unusable> {
    Ok(fields.references(key)?.into_iter().map(|r| r.value).collect())
}

fn id_of(fields: &Fields<'_>, key: &str) -> Result<Option<ResourceId>, Unusable> {
    Ok(fields.reference(key)?.map(|r| r.value))
}

/// Reads a private endpoint.
pub(crate) fn read_private_endpoint(fields: &Fields<'_>, id: ResourceId) -> Result<PrivateEndpoint, Unusable> {
    let (mut addresses, mut states, mut known_as) = (Vec::new(), Vec::new(), Vec::new());
    for configuration in fields.objects("ipConfigurations")? {
        addresses.extend(configuration.address("privateIPAddress").value().copied());
    }
    for names in fields.objects("customDnsConfigs")? {
        let own: Vec<_> = names.strings("ipAddresses").iter().filter_map(|text| parse_address(&text.value)).collect();
        addresses.extend(&own);
        known_as.extend(names.text("fqdn").map(|name| (host_key(&name.value), own)));
    }
    for key in ["privateLinkServiceConnections", "manualPrivateLinkServiceConnections"] {
        for connection in fields.objects(key)? {
            let state = connection.child("privateLinkServiceConnectionState")?;
            states.extend(state.and_then(|state| state.text("status")));
        }
    }
    addresses.sort_unstable();
    addresses.dedup();
    Ok(PrivateEndpoint {
        names: known_as,
        name: fields.name(),
        span: fields.span(),
        subnet: id_of(fields, "subnet")?,
        network_interfaces: ids(fields, "networkInterfaces")?,
        addresses,
        groups: ids(fields, "applicationSecurityGroups")?,
        states,
        id,
    })
}

/// Reads a load balancer.
pub(crate) fn read_load_balancer(fields: &Fields<'_>, id: ResourceId) -> Result<LoadBalancer, Unusable> {
    let mut frontends = Vec::new();
    for frontend in fields.objects("frontendIPConfigurations")? {
        frontends.push(LoadBalancerFrontend {
            id: frontend.id_under(&id, "frontendIPConfigurations"),
            address: match frontend.address("privateIPAddress") {
                Setting::Set(address) => Some(address),
                Setting::Missing | Setting::Invalid(_) => None,
            },
            subnet: id_of(&frontend, "subnet")?,
            public_ip: id_of(&frontend, "publicIPAddress")?,
        });
    }
    let pools: Result<Vec<_>, _> =
        fields.objects("backendAddressPools")?.iter().map(|pool| read_pool(pool, &id)).collect();
    let rules: Result<Vec<_>, _> = fields.objects("loadBalancingRules")?.iter().map(read_rule).collect();
    let mut nat_rules = Vec::new();
    for rule in fields.objects("inboundNatRules")? {
        let one = port(&rule, "frontendPort")?;
        let range = (port(&rule, "frontendPortRangeStart")?, port(&rule, "frontendPortRangeEnd")?);
        nat_rules.push(InboundNatRule {
            id: rule.id_under(&id, "inboundNatRules"),
            name: rule.name(),
            frontend: id_of(&rule, "frontendIPConfiguration")?,
            protocol: protocol(&rule),
            frontend_ports: if range.0 == 0 { (one, one) } else { range },
            backend_port: port(&rule, "backendPort")?,
            target: id_of(&rule, "backendIPConfiguration")?,
            pool: id_of(&rule, "backendAddressPool")?,
        });
    }
    let mut probes = Vec::new();
    for probe in fields.objects("probes")? {
        probes.push((probe.id_under(&id, "probes"), port(&probe, "port")?));
    }
    Ok(LoadBalancer {
        name: fields.name(),
        span: fields.span(),
        frontends,
        pools: pools?,
        rules: rules?,
        nat_rules,
        probes,
        id,
    })
}

fn read_pool(fields: &Fields<'_>, balancer: &ResourceId) -> Result<LoadBalancerPool, Unusable> {
    let network_of = |fields: &Fields<'_>| -> Result<Option<ResourceId>, Unusable> {
        Ok(id_of(fields, "virtualNetwork")?.or(id_of(fields, "subnet")?.and_then(|subnet| subnet.parent())))
    };
    let of_pool = network_of(fields)?;
    let mut configurations = fields.references("backendIPConfigurations")?;
    let (mut addresses, mut open) = (Vec::new(), false);
    for member in fields.objects("loadBalancerBackendAddresses")? {
        let referred = member.references("networkInterfaceIPConfiguration")?;
        match member.address("ipAddress") {
            Setting::Set(address) => {
                let network = network_of(&member)?.or_else(|| of_pool.clone());
                addresses.push(BalancedAddress { address: address.value, network });
            }
            _ => open |= referred.is_empty(),
        }
        configurations.extend(referred);
    }
    Ok(LoadBalancerPool {
        id: fields.id_under(balancer, "backendAddressPools"),
        name: fields.name(),
        configurations,
        addresses,
        open,
    })
}

fn read_rule(fields: &Fields<'_>) -> Result<LoadBalancerRule, Unusable> {
    let mut pools = ids(fields, "backendAddressPools")?;
    pools.extend(id_of(fields, "backendAddressPool")?);
    pools.sort();
    pools.dedup();
    Ok(LoadBalancerRule {
        name: fields.name(),
        span: fields.span(),
        frontend: id_of(fields, "frontendIPConfiguration")?,
        pools,
        protocol: protocol(fields),
        frontend_port: port(fields, "frontendPort")?,
        backend_port: port(fields, "backendPort")?,
        floating: fields.flag("enableFloatingIP", false)?,
        probe: id_of(fields, "probe")?,
    })
}

fn protocol(fields: &Fields<'_>) -> BalancedProtocol {
    match fields.str("protocol").unwrap_or_default().to_ascii_lowercase().as_str() {
        "udp" => BalancedProtocol::Udp,
        "all" => BalancedProtocol::All,
        _ => BalancedProtocol::Tcp,
    }
}

/// A port, 0 where none is written: HA ports have 0.
fn port(fields: &Fields<'_>, key: &str) -> Result<u16, Unusable> {
    Ok(u16::try_from(fields.number(key, 0)?).unwrap_or(0))
}

/// Reads a Container Apps environment.
pub(crate) fn read_environment(fields: &Fields<'_>, id: ResourceId) -> Result<ContainerEnvironment, Unusable> {
    let network = fields.child("vnetConfiguration")?;
    Ok(ContainerEnvironment {
        name: fields.name(),
        span: fields.span(),
        address: match fields.address("staticIp") {
            Setting::Set(address) => Some(address),
            Setting::Missing | Setting::Invalid(_) => None,
        },
        subnet: match network {
            Some(network) => id_of(&network, "infrastructureSubnetId")?,
            None => None,
        },
        id,
    })
}
