//! What `--from` and `--to` mean.

use super::{CliError, load};
use crate::compile::Network;
use crate::compile::endpoints::EndpointKind;
use crate::compile::gateway_paths::{instance_addresses, private_frontends};
use crate::compile::names;
use crate::model::{BackendPool, PoolAddress, ResourceId};
use crate::net::{AddressSet, WrittenPrefix, parse_address};
use crate::solve::path::SourceGroup;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// A source as it was named, and its addresses.
#[derive(Debug)]
pub(super) struct From {
    pub(super) shown: String,
    pub(super) groups: Vec<SourceGroup>,
}

/// A destination as it was named.
#[derive(Debug)]
pub(super) struct To {
    pub(super) shown: String,
    pub(super) address: IpAddr,
    pub(super) port: Option<u16>,
}

/// Reads `--from`: an address, a prefix, or the name of a gateway, subnet or NIC; without it the only gateway.
pub(super) fn from(network: &Network<'_>, text: Option<&str>, ipv4: bool) -> Result<From, CliError> {
    let Some(text) = text else {
        let mut gateways = network.snapshot.application_gateways.values();
        return match (gateways.next(), gateways.next()) {
            (Some(only), None) => gateway(network, &only.id, ipv4),
            _ => Err(CliError::Usage("--from is needed: the input does not hold exactly one gateway".to_owned())),
        };
    };
    if let Some(prefix) = WrittenPrefix::parse(text).filter(|prefix| !prefix.bare_number) {
        let addresses: AddressSet = std::iter::once(prefix.net).collect();
        return Ok(From { shown: prefix.net.to_string(), groups: vec![SourceGroup { addresses, subnet: None }] });
    }
    let snapshot = network.snapshot;
    let gateways: Vec<&ResourceId> = snapshot.application_gateways.keys().filter(|id| load::names(id, text)).collect();
    let subnets: Vec<usize> = (0..network.subnets.len()).filter(|index| subnet_named(network, *index, text)).collect();
    let nics: Vec<&ResourceId> = snapshot.network_interfaces.keys().filter(|id| load::names(id, text)).collect();
    match (gateways.as_slice(), subnets.as_slice(), nics.as_slice()) {
        ([one], [], []) => gateway(network, one, ipv4),
        ([], [one], []) => Ok(subnet(network, *one)),
        ([], [], [one]) => Ok(nic(network, one)),
        ([], [], []) => {
            let gateways = snapshot.application_gateways.values().map(|g| g.name.as_str());
            let subnets = network.subnets.iter().map(|node| node.subnet.name.as_str());
            let nics = snapshot.network_interfaces.values().map(|nic| nic.name.as_str());
            Err(CliError::Usage(load::unknown("gateway, subnet or NIC", text, gateways.chain(subnets).chain(nics))))
        }
        _ => {
            let mut list: Vec<String> = gateways.iter().chain(&nics).map(|id| id.as_str().to_owned()).collect();
            list.extend(
                subnets.iter().filter_map(|i| network.subnet(*i)).map(|node| node.subnet.id.as_str().to_owned()),
            );
            Err(CliError::Usage(format!("{text} is ambiguous: {}", list.join(", "))))
        }
    }
}

/// By id, `vnet/subnet` or name.
fn subnet_named(network: &Network<'_>, index: usize, text: &str) -> bool {
    let Some(node) = network.subnet(index) else { return false };
    let vnet = network.vnet(node.vnet).map(|vnet| vnet.vnet.name.as_str()).unwrap_or_default();
    let own = &node.subnet.name;
    node.subnet.id == ResourceId::new(text)
        || own.eq_ignore_ascii_case(text)
        || text.split_once('/').is_some_and(|(v, s)| v.eq_ignore_ascii_case(vnet) && s.eq_ignore_ascii_case(own))
}

fn gateway(network: &Network<'_>, id: &ResourceId, ipv4: bool) -> Result<From, CliError> {
    let Some(gateway) = network.snapshot.application_gateways.get(id) else {
        return Err(CliError::Usage(format!("no gateway {id}")));
    };
    let mut groups = Vec::new();
    let mut shown = Vec::new();
    for subnet in &gateway.subnets {
        let Some(index) = network.subnet_by_id(&subnet.value) else { continue };
        let Some(node) = network.subnet(index) else { continue };
        let addresses = instance_addresses(node, ipv4, &private_frontends(node));
        groups.push(SourceGroup { addresses, subnet: Some(index) });
        let prefixes: Vec<String> = node.prefixes.iter().map(ToString::to_string).collect();
        shown.push(format!("{} {}", node.subnet.name, prefixes.join(",")));
    }
    if groups.is_empty() {
        let vnet = gateway.subnets.first().and_then(|id| id.value.parent());
        let command = vnet.map(|id| crate::model::export_command(&id)).unwrap_or_default();
        return Err(CliError::Usage(format!("the subnet of gateway {} is not in the input: {command}", gateway.name)));
    }
    Ok(From { shown: format!("{} ({})", network.name(id), shown.join("; ")), groups })
}

fn subnet(network: &Network<'_>, index: usize) -> From {
    let prefixes = network.subnet(index).map(|node| node.prefixes.clone()).unwrap_or_default();
    let name = network.subnet(index).map(|node| node.subnet.name.clone()).unwrap_or_default();
    let addresses: AddressSet = prefixes.into_iter().collect();
    From { shown: name, groups: vec![SourceGroup { addresses, subnet: Some(index) }] }
}

fn nic(network: &Network<'_>, id: &ResourceId) -> From {
    let ends = network.endpoints.iter().filter(|end| end.kind == EndpointKind::Nic && end.id == id);
    let groups: Vec<SourceGroup> =
        ends.map(|end| SourceGroup { addresses: std::iter::once(end.address).collect(), subnet: end.subnet }).collect();
    From { shown: network.name(id), groups }
}

/// Reads `--to`: an address, NIC or resolved name, with or without a port.
pub(super) fn to(network: &Network<'_>, text: &str) -> Result<To, CliError> {
    let (host, port) = split_port(text)?;
    if let Some(address) = parse_address(host) {
        let mut ends = network.endpoints_with(address);
        let shown = match ends.find(|end| end.kind == EndpointKind::Nic) {
            Some(end) => format!("{} {address}", end.name),
            None => address.to_string(),
        };
        return Ok(To { shown, address, port });
    }
    let nics: Vec<_> =
        network.endpoints.iter().filter(|end| end.kind == EndpointKind::Nic && load::names(end.id, host)).collect();
    match nics.as_slice() {
        [one] => return Ok(To { shown: format!("{} {}", one.name, one.address), address: one.address, port }),
        [] => {}
        many => {
            let list: Vec<String> = many.iter().map(|end| format!("{} {}", end.id, end.address)).collect();
            return Err(CliError::Usage(format!("{host} is ambiguous: {}", list.join(", "))));
        }
    }
    match addresses_of(network, host).as_slice() {
        [one] => Ok(To { shown: format!("{host} {one}"), address: *one, port }),
        [_, _, ..] => {
            let list: Vec<String> = addresses_of(network, host).iter().map(ToString::to_string).collect();
            Err(CliError::Usage(format!("{host} has several addresses, ask for one: {}", list.join(", "))))
        }
        [] => {
            let nics = network.snapshot.network_interfaces.values().map(|nic| nic.name.as_str());
            let hosts = network.snapshot.hosts.keys().map(String::as_str);
            Err(CliError::Usage(load::unknown("address, NIC or resolved name", host, nics.chain(hosts))))
        }
    }
}

/// Addresses of a name: of the hosts map, else as the gateways resolve it that have it in a pool.
fn addresses_of(network: &Network<'_>, name: &str) -> Vec<IpAddr> {
    let snapshot = network.snapshot;
    if let Some(known) = snapshot.hosts.get(&name.to_ascii_lowercase()) {
        return known.clone();
    }
    let holds = |pool: &BackendPool| {
        let same = |address: &PoolAddress| matches!(address, PoolAddress::Fqdn(own) if own.eq_ignore_ascii_case(name));
        pool.addresses.iter().any(|address| same(&address.value))
    };
    let pools =
        snapshot.application_gateways.values().flat_map(|gateway| gateway.pools.iter().map(move |p| (gateway, p)));
    let resolved = pools
        .filter(|(_, pool)| holds(pool))
        .filter_map(|(gateway, pool)| names::resolve(snapshot, gateway, pool, name).ok());
    let found: BTreeSet<IpAddr> = resolved.flatten().map(|(address, _)| address).collect();
    found.into_iter().collect()
}

/// `host:port`, `[v6]:port`, or no port.
fn split_port(text: &str) -> Result<(&str, Option<u16>), CliError> {
    let bad = || CliError::Usage(format!("--to {text}: the port is no number from 0 to 65535"));
    if let Some(rest) = text.strip_prefix('[') {
        let Some((host, tail)) = rest.split_once(']') else { return Err(bad()) };
        return match tail.strip_prefix(':') {
            Some(port) => Ok((host, Some(port.parse().map_err(|_| bad())?))),
            None if tail.is_empty() => Ok((host, None)),
            None => Err(bad()),
        };
    }
    match text.rsplit_once(':') {
        // More than one colon without brackets is an IPv6 address.
        Some((host, port)) if !host.contains(':') => Ok((host, Some(port.parse().map_err(|_| bad())?))),
        _ => Ok((text, None)),
    }
}

#[cfg(test)]
mod tests {
    use super::split_port;

    #[test]
    fn ports_of_destinations() {
        let read = |text: &str| split_port(text).ok().map(|(host, port)| (host.to_owned(), port));
        assert_eq!(read("10.0.0.4:443"), Some(("10.0.0.4".into(), Some(443))));
        assert_eq!(read("10.0.0.4"), Some(("10.0.0.4".into(), None)));
        assert_eq!(read("[fd00::4]:443"), Some(("fd00::4".into(), Some(443))));
        assert_eq!(read("fd00::4"), Some(("fd00::4".into(), None)));
        assert_eq!(read("10.0.0.4:99999"), None);
        assert_eq!(read("[fd00::4"), None);
    }
}
