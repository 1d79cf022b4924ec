//! Network interfaces and scale sets.

use super::fields::Fields;
use super::json::Unusable;
use crate::model::{
    IpConfiguration, NetworkInterface, ResourceId, ScaleSet, ScaleSetInterface, ScaleSetIpConfiguration,
};

fn ids(fields: &Fields<'_>, key: &str) -> Result<Vec<ResourceId>, Unusable> {
    Ok(fields.references(key)?.into_iter().map(|r| r.value).collect())
}

fn id(fields: &Fields<'_>, key: &str) -> Result<Option<ResourceId>, Unusable> {
    Ok(fields.reference(key)?.map(|r| r.value))
}

/// Reads a network interface.
pub(crate) fn read_nic(fields: &Fields<'_>, own: ResourceId) -> Result<NetworkInterface, Unusable> {
    let mut configurations = Vec::new();
    for configuration in fields.objects("ipConfigurations")? {
        let subnet = configuration.reference("subnet")?;
        configurations.push(IpConfiguration {
            id: configuration.id_under(&own, "ipConfigurations"),
            address: configuration.private_address("privateIPAddress"),
            dynamic: !configuration
                .str("privateIPAllocationMethod")
                .is_some_and(|method| method.eq_ignore_ascii_case("static")),
            subnet_span: subnet.as_ref().map(|subnet| subnet.span),
            subnet: subnet.map(|subnet| subnet.value),
            groups: ids(&configuration, "applicationSecurityGroups")?,
            public_ip: id(&configuration, "publicIPAddress")?,
            gateway_pools: ids(&configuration, "applicationGatewayBackendAddressPools")?,
            balancer_pools: ids(&configuration, "loadBalancerBackendAddressPools")?,
            nat_rules: ids(&configuration, "loadBalancerInboundNatRules")?,
        });
    }
    Ok(NetworkInterface {
        name: fields.name(),
        span: fields.span(),
        nsg: fields.reference("networkSecurityGroup")?,
        ip_forwarding: fields.flag("enableIPForwarding", false)?,
        configurations,
        private_endpoint: id(fields, "privateEndpoint")?,
        virtual_machine: id(fields, "virtualMachine")?,
        id: own,
    })
}

fn is(fields: &Fields<'_>, key: &str, word: &str) -> bool {
    fields.str(key).is_some_and(|text| text.eq_ignore_ascii_case(word))
}

/// The scale set that a virtual machine is an instance of.
pub(crate) fn read_machine(fields: &Fields<'_>) -> Result<Option<ResourceId>, Unusable> {
    id(fields, "virtualMachineScaleSet")
}

/// Reads the network profile of a scale set.
pub(crate) fn read_scale_set(fields: &Fields<'_>, own: ResourceId) -> Result<ScaleSet, Unusable> {
    let mut interfaces = Vec::new();
    let profile = fields.child("virtualMachineProfile")?;
    let network = profile.map(|profile| profile.child("networkProfile")).transpose()?.flatten();
    for interface in network.map(|n| n.objects("networkInterfaceConfigurations")).transpose()?.unwrap_or_default() {
        let mut configurations = Vec::new();
        for configuration in interface.objects("ipConfigurations")? {
            configurations.push(ScaleSetIpConfiguration {
                name: configuration.name(),
                ipv6: is(&configuration, "privateIPAddressVersion", "IPv6"),
                subnet: id(&configuration, "subnet")?,
                groups: ids(&configuration, "applicationSecurityGroups")?,
                gateway_pools: ids(&configuration, "applicationGatewayBackendAddressPools")?,
                balancer_pools: ids(&configuration, "loadBalancerBackendAddressPools")?,
            });
        }
        interfaces.push(ScaleSetInterface {
            name: interface.name(),
            nsg: interface.reference("networkSecurityGroup")?,
            configurations,
        });
    }
    let flexible = is(fields, "orchestrationMode", "Flexible");
    Ok(ScaleSet { name: fields.name(), flexible, interfaces, id: own })
}
