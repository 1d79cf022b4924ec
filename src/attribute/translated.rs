//! What a rule saw behind a load balancer or a firewall: advice that names the frontend would be wrong there.

use crate::compile::Network;
use crate::compile::endpoints::EndpointKind;
use crate::solve::Translated;
use crate::solve::explain::Explanation;
use crate::solve::matrix::Row;
use ipnet::IpNet;

/// The deciding rule's view, where it differs from the question.
pub(super) fn seen(network: &Network<'_>, row: &Row<'_>, explanation: &Explanation<'_>) -> Option<Translated> {
    let (flow, address) = (explanation.seen?, row.address?);
    let same_source = row.answer.sources.contains(flow.source);
    if flow.destination == address && flow.destination_port == row.port && same_source {
        return None;
    }
    let end = network.endpoints_with(address).next();
    let environment = end.filter(|end| end.kind == EndpointKind::ContainerEnvironment);
    let subnet = environment.and_then(|end| end.subnet).and_then(|subnet| network.subnet(subnet));
    let destination = match subnet {
        Some(subnet) => list(&subnet.prefixes),
        None => flow.destination.to_string(),
    };
    let firewall = network.firewalls.iter().find_map(|firewall| {
        let subnet = firewall.subnet.and_then(|subnet| network.subnet(subnet))?;
        subnet.prefixes.iter().any(|net| net.contains(&flow.source)).then_some((firewall, subnet))
    });
    let (by, sources) = match (firewall.filter(|_| !same_source), end) {
        (Some((firewall, subnet)), _) => (firewall.name.clone(), Some(list(&subnet.prefixes))),
        (None, Some(end)) => (end.name.clone(), None),
        (None, None) => return None,
    };
    let moved = flow.destination != address;
    Some(Translated { by, sources, destination: moved.then_some(destination), port: flow.destination_port })
}

fn list(prefixes: &[IpNet]) -> String {
    prefixes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// The same in a sentence.
pub(super) fn sentence(seen: &Translated) -> String {
    let from = seen.sources.as_ref().map(|sources| format!(" from {sources}")).unwrap_or_default();
    let to = seen.destination.as_ref().map(|destination| format!(" to {destination}")).unwrap_or_default();
    format!("Behind {} the rules see traffic{from}{to} port {}/tcp", seen.by, seen.port)
}
